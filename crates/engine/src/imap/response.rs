//! What a server says before the login, line by line, and what that changes.

use policy::model::ImapPreauth;
use proto::imap::literal;
use proto::imap::response::{Response, Status, capabilities};
use proto::imap::verb::Verb;
use proto::{Progress, Side, line};

use super::watch::{Watch, What};
use super::{Asked, Imap, Offer, State};
use crate::context::Context;
use crate::dialogue::Step;
use crate::effect::Wants;
use crate::event::{AnomalyKind, Author, LoginOutcome, Observed, ReplyCode};
use crate::refusal::Cause;

/// Limit: bytes of a literal in a response before the login.
const LITERAL_MAX: u64 = 64 << 10;

/// Where in a line the server is.
#[derive(Debug, Default)]
pub(super) struct ServerLine {
    /// In a line of which only the beginning was seen, while nothing was parsed.
    begun: bool,
    /// In a line that goes on a response, behind a literal.
    continues: bool,
    /// Bytes of a literal that are still to come.
    literal: u64,
}

impl ServerLine {
    /// Whether the next bytes begin no response.
    pub(super) const fn is_relayed(&self) -> bool {
        self.begun || self.continues || self.literal > 0
    }
}

impl Imap {
    pub(super) fn server_step(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        match &mut self.state {
            _ if input.is_empty() => Step::Wants(Wants::More),
            State::Tls => self.mailbox.tls_step(Side::Server, input, cx),
            State::Authenticated(_) | State::Compressed => self.relayed(input, cx),
            State::Left if self.awaited.is_empty() => self.relayed(input, cx),
            State::Over if self.awaited.is_empty() => Step::Took(input.len()),
            _ => self.responses(input, cx),
        }
    }

    /// Nothing is looked for; only where a line begins is kept in mind.
    fn relayed(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        self.server = ServerLine { begun: input.last() != Some(&b'\n'), ..ServerLine::default() };
        self.mailbox.relay(Side::Server, input, cx)
    }

    fn responses(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        if self.server.literal > 0 {
            let len = usize::try_from(self.server.literal).unwrap_or(usize::MAX).min(input.len());
            self.server.literal -= len as u64;
            cx.out.pass(Side::Client, input.get(..len).unwrap_or_default());
            return Step::Took(len);
        }
        if self.server.begun {
            let end = memchr::memchr(b'\n', input);
            let len = end.map_or(input.len(), |end| end + 1);
            self.server.begun = end.is_none();
            cx.out.pass(Side::Client, input.get(..len).unwrap_or_default());
            return Step::Took(len);
        }
        let is_logged_in = matches!(self.state, State::Found(..));
        if let Some(step) = self.mailbox.rest_of_line(Side::Server, input, cx) {
            return step;
        }
        match line::decode(input, cx.config.bounds.reply_line) {
            Progress::NeedMore => Step::Wants(Wants::More),
            Progress::Oversize { len, ends } if is_logged_in => {
                self.server.begun = !ends;
                cx.out.pass(Side::Client, input.get(..len).unwrap_or_default());
                Step::Took(len)
            }
            Progress::Oversize { len, .. } => {
                self.endless(input.get(..len).unwrap_or_default(), cx);
                Step::Took(len)
            }
            Progress::Unit { unit: line, len } => {
                if !is_logged_in && self.mailbox.is_bad_end(&line, cx) {
                    self.reset(cx);
                    return Step::Took(len);
                }
                let continues = std::mem::take(&mut self.server.continues);
                let wire = input.get(..len).unwrap_or_default();
                if let Some(announced) = literal::announced(line.text).filter(|_| !is_logged_in) {
                    if announced.len > LITERAL_MAX {
                        self.endless(wire, cx);
                        return Step::Took(len);
                    }
                    (self.server.literal, self.server.continues) = (announced.len, true);
                }
                match Response::read(line.text) {
                    _ if continues => cx.out.pass(Side::Client, wire),
                    _ if is_logged_in => {
                        cx.out.pass(Side::Client, wire);
                        self.answer_to_found(line.text, cx);
                    }
                    response => self.response(&response, line.text, wire, cx),
                }
                Step::Took(len)
            }
        }
    }

    /// A line or a literal of the server over its limit.
    fn endless(&mut self, wire: &[u8], cx: &mut Context<'_>) {
        let kind = AnomalyKind::EndlessLine;
        if self.mailbox.violation(kind, Side::Server, Cause::BadReply, cx).is_some() {
            self.reset(cx);
        } else {
            self.mailbox.pass_overlong(Side::Server, wire, cx);
        }
    }

    fn response(&mut self, response: &Response<'_>, text: &[u8], wire: &[u8], cx: &mut Context<'_>) {
        if let Response::Untagged { word, .. } = response
            && word.eq_ignore_ascii_case(b"PREAUTH")
        {
            return self.preauth(text, wire, cx);
        }
        cx.out.pass(Side::Client, wire);
        self.learn_offer(response);
        match (response, &self.state) {
            (Response::Untagged { word, .. }, State::Greeting) => {
                cx.observe(Observed::Banner { text });
                if word.eq_ignore_ascii_case(b"OK") {
                    cx.replied(Author::Server, ReplyCode::Word("OK"));
                    self.state = State::NotAuthenticated;
                    self.settled(cx);
                }
            }
            (Response::Untagged { word, .. }, _) if is_before_login(word) => {}
            (Response::Continuation, &State::Announced(literal)) => self.state = State::Literal(literal),
            (Response::Continuation, State::NotAuthenticated) if self.awaits_challenge() => {
                self.state = State::Exchange;
            }
            (Response::Tagged { tag, status, .. }, _) => self.ended_command(tag, *status, text, cx),
            (Response::Untagged { .. } | Response::Continuation | Response::Other, _) => {
                self.mailbox.note(AnomalyKind::StrayLine, text, cx);
            }
        }
    }

    fn awaits_challenge(&self) -> bool {
        self.awaited.front().is_some_and(|front| matches!(front.asked, Asked::Authenticate(_)))
    }

    /// A tagged line ends the oldest command of that tag.
    fn ended_command(&mut self, tag: &[u8], status: Status, text: &[u8], cx: &mut Context<'_>) {
        let found = self.awaited.iter().position(|awaited| &*awaited.tag == tag);
        let Some(ended) = found.and_then(|at| self.awaited.remove(at)) else {
            return self.mailbox.note(AnomalyKind::StrayLine, text, cx);
        };
        cx.replied(Author::Server, ReplyCode::Word(status.name()));
        cx.observe(Observed::Answer { number: ended.number, status: status.name() });
        // The command whose literal is announced is the last one: the server does not want it.
        if matches!(self.state, State::Announced(_)) && self.awaited.is_empty() {
            self.state = State::NotAuthenticated;
        }
        let next = match (ended.asked, status) {
            (Asked::Login(attempt) | Asked::Authenticate(attempt), Status::Ok) => {
                attempt.report(LoginOutcome::Accepted, cx);
                Some(State::Authenticated(Watch::default()))
            }
            (Asked::Login(attempt) | Asked::Authenticate(attempt), Status::No | Status::Bad) => {
                attempt.report_failure(text, cx);
                matches!(self.state, State::Exchange).then_some(State::NotAuthenticated)
            }
            (Asked::StartTls, Status::Ok) => {
                self.mailbox.agree_tls(cx);
                Some(State::Tls)
            }
            // Nobody could tell any more who logs in.
            (Asked::Compress, Status::Ok) => return self.reset(cx),
            (Asked::Command | Asked::StartTls | Asked::Compress | Asked::Logout, _) => None,
        };
        if let Some(next) = next.filter(|_| !matches!(self.state, State::Over)) {
            self.state = next;
        }
        if self.awaited.is_empty() {
            self.settled(cx);
        }
    }

    /// A greeting that says who the client is without being asked (RFC 9051 §7.1.4), so that it cannot begin TLS.
    fn preauth(&mut self, text: &[u8], wire: &[u8], cx: &mut Context<'_>) {
        if cx.config.imap_preauth == ImapPreauth::Refuse
            && let Some(refused) =
                self.mailbox.violation(AnomalyKind::Preauth, Side::Server, Cause::Preauth, cx)
        {
            self.awaited.clear();
            return self.refuse(refused, b"", cx);
        }
        cx.out.pass(Side::Client, wire);
        cx.observe(Observed::Banner { text });
        if !matches!(self.state, State::Over) {
            self.awaited.clear();
            self.state = State::Authenticated(Watch::default());
        }
    }

    fn learn_offer(&mut self, response: &Response<'_>) {
        let Some(capabilities) = capabilities(response) else { return };
        self.offer = Offer::default();
        for name in capabilities {
            self.offer.literals |= name.eq_ignore_ascii_case(b"LITERAL+");
            self.offer.short_literals |=
                name.eq_ignore_ascii_case(b"LITERAL-") || name.eq_ignore_ascii_case(b"IMAP4rev2");
        }
    }

    /// A line of the server after the login, while the answer to what was found is awaited.
    fn answer_to_found(&mut self, text: &[u8], cx: &mut Context<'_>) {
        let State::Found(watch, found) = &mut self.state else { return };
        let (response, what) = (Response::read(text), found.what);
        let is_answer = matches!(response, Response::Tagged { tag, .. } if *tag == *found.tag);
        let asks = response == Response::Continuation;
        match (what, response) {
            (What::Literal(len), _) if asks => watch.skip(len),
            _ if !is_answer => return,
            (What::Command(Verb::Unauthenticate), Response::Tagged { status: Status::Ok, .. }) => {
                self.offer = Offer::default();
                self.learn_offer(&response);
                self.state = State::NotAuthenticated;
                return;
            }
            // Whatever the server says of LOGOUT, the client has left.
            (What::Command(Verb::Logout), _) => {
                self.state = State::Left;
                return;
            }
            (What::Command(Verb::Compress), Response::Tagged { status: Status::Ok, .. }) => {
                self.state = State::Compressed;
                return self.mailbox.note(AnomalyKind::Compressed, b"", cx);
            }
            _ => {}
        }
        if let State::Found(watch, _) = std::mem::replace(&mut self.state, State::Over) {
            self.state = State::Authenticated(watch);
        }
    }
}

/// Whether an untagged response may come before the login (RFC 9051 §7), or comes there from some server.
fn is_before_login(word: &[u8]) -> bool {
    let words: [&[u8]; 8] = [b"OK", b"NO", b"BAD", b"BYE", b"CAPABILITY", b"ID", b"ENABLED", b"LANGUAGE"];
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

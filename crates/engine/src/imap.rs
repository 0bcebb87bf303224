//! IMAP (RFC 9051, RFC 3501) up to the login: tags, literals, SASL, STARTTLS; and what ends a login again.
//!
//! Two things run side by side: what the client's next bytes are ([`State`]), and which commands the server owes an
//! end ([`Awaited`], in the order of the commands; a tag may be used twice, and its end is that of the oldest). A
//! command that may change the state is forwarded only when nothing is owed, and nothing is read behind it before
//! its end is in. `line` is what the client says, `response` what the server says and what that changes.
//!
//! After the login nothing is parsed but the beginnings of the client's lines, in `watch`.

mod bridge;
mod line;
mod response;
mod watch;
mod wording;

use std::collections::VecDeque;

use proto::{Side, Time};

use crate::bounds::Bounds;
use crate::context::Context;
use crate::dialogue::{Bridge, Counts, Dialogue, Step};
use crate::effect::{End, Wants};
use crate::ends::{Ends, Limit};
use crate::event::{AnomalyKind, LoginOutcome, Reason};
use crate::login::Attempt;
use crate::mailbox::{Mailbox, Refused};
use crate::refusal::Cause;

use response::ServerLine;
use watch::{Found, Watch};

#[derive(Debug)]
pub(crate) struct Imap {
    state: State,
    awaited: VecDeque<Awaited>,
    server: ServerLine,
    offer: Offer,
    /// The account of a LOGIN that names it in a literal, as far as it has come.
    name: Vec<u8>,
    mailbox: Mailbox,
}

/// What the client's next bytes are.
#[derive(Debug)]
enum State {
    /// Nothing may come before the server's greeting.
    Greeting,
    /// A command before the login (RFC 9051 §3.1).
    NotAuthenticated,
    /// A literal for which the server has not asked yet.
    Announced(Literal),
    /// The bytes of a literal.
    Literal(Literal),
    /// The rest of a command behind a literal; how many it has had.
    Rest(u8),
    /// The answer to a challenge.
    Exchange,
    /// Commands of a client that is logged in.
    Authenticated(Watch),
    /// The same, while the server has not answered what was found in them.
    Found(Watch, Found),
    /// Whatever follows LOGOUT.
    Left,
    /// Encrypted, after STARTTLS.
    Tls,
    /// Compressed, after COMPRESS (RFC 4978).
    Compressed,
    /// Input is read and discarded.
    Over,
}

/// A literal before the login.
#[derive(Clone, Copy, Debug)]
struct Literal {
    left: u64,
    /// Which of its command, from 1.
    number: u8,
}

/// What the server says it can do, as far as it decides what the client's bytes are (RFC 7888).
#[derive(Clone, Copy, Debug, Default)]
struct Offer {
    /// LITERAL+.
    literals: bool,
    /// LITERAL-, or IMAP4rev2, which contains it.
    short_literals: bool,
}

/// A command that the server has not ended.
#[derive(Debug)]
struct Awaited {
    tag: Box<[u8]>,
    asked: Asked,
    number: u32,
}

#[derive(Debug)]
enum Asked {
    /// Whatever changes nothing.
    Command,
    Login(Attempt),
    Authenticate(Attempt),
    StartTls,
    /// Before the login it would hide the login.
    Compress,
    Logout,
}

impl Imap {
    pub(crate) fn new(now: Time, name: u32) -> Self {
        Self {
            state: State::Greeting,
            awaited: VecDeque::new(),
            server: ServerLine::default(),
            offer: Offer::default(),
            name: Vec::new(),
            mailbox: Mailbox::new(now, name, wording::line),
        }
    }

    fn client_step(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        match &mut self.state {
            State::Over => Step::Wants(Wants::Nothing),
            State::Tls => self.mailbox.tls_step(Side::Client, input, cx),
            State::Compressed => self.mailbox.relay(Side::Client, input, cx),
            State::Authenticated(watch) => {
                let Some(found) = watch.find(input) else {
                    return self.mailbox.relay(Side::Client, input, cx);
                };
                let len = found.len;
                self.found(found);
                self.mailbox.relay(Side::Client, input.get(..len).unwrap_or_default(), cx)
            }
            State::Announced(_) | State::Found(..) => Step::Wants(Wants::Peer),
            State::Literal(literal) => {
                let len = usize::try_from(literal.left).unwrap_or(usize::MAX).min(input.len());
                literal.left -= len as u64;
                if literal.left == 0 {
                    self.state = State::Rest(literal.number);
                } else if input.is_empty() {
                    return Step::Wants(Wants::More);
                }
                let bytes = input.get(..len).unwrap_or_default();
                self.gather_name(bytes, cx);
                cx.out.pass(Side::Server, bytes);
                Step::Took(len)
            }
            _ if input.is_empty() => Step::Wants(if self.is_held() { Wants::Peer } else { Wants::More }),
            State::Greeting => self.early(cx),
            State::Left if !self.awaited.is_empty() => Step::Wants(Wants::Peer),
            State::NotAuthenticated | State::Rest(_) | State::Exchange | State::Left => {
                if self.is_held() || self.awaited.len() >= cx.config.bounds.outstanding {
                    return Step::Wants(Wants::Peer);
                }
                self.line(input, cx)
            }
        }
    }

    /// A client that is logged in leaves, or says what only the server's answer gives a meaning.
    fn found(&mut self, found: Found) {
        if let State::Authenticated(watch) = std::mem::replace(&mut self.state, State::Over) {
            self.state = State::Found(watch, found);
        }
    }

    /// The client speaks before the greeting; it waits, unless that is not allowed.
    fn early(&mut self, cx: &mut Context<'_>) -> Step {
        if !self.mailbox.has_reported(AnomalyKind::EarlyTalker) {
            let kind = AnomalyKind::EarlyTalker;
            if let Some(refused) = self.mailbox.violation(kind, Side::Client, Cause::OutOfTurn, cx) {
                self.refuse(refused, b"", cx);
                return Step::Wants(Wants::Nothing);
            }
        }
        Step::Wants(Wants::Peer)
    }

    /// Whether what the client sends depends on a reply that is not in yet.
    fn is_held(&self) -> bool {
        let waits = |asked: &Asked| {
            matches!(asked, Asked::Login(_) | Asked::Authenticate(_) | Asked::StartTls | Asked::Compress)
        };
        match self.state {
            State::Greeting | State::Announced(_) | State::Found(..) => true,
            State::NotAuthenticated => self.awaited.front().is_some_and(|it| waits(&it.asked)),
            _ => false,
        }
    }

    fn refuse(&mut self, refused: Refused, tag: &[u8], cx: &mut Context<'_>) {
        // The server waits for the rest of its newest command, so the refusal is the answer to that.
        let cut = match self.state {
            State::Rest(_) | State::Exchange => self.awaited.pop_back(),
            _ => None,
        };
        self.state = State::Over;
        if let Some(Asked::Login(attempt) | Asked::Authenticate(attempt)) = cut.as_ref().map(|cut| &cut.asked)
        {
            attempt.report(LoginOutcome::RefusedByPolicy, cx);
        }
        let tag = cut.as_ref().map_or(tag, |cut| line::printable(&cut.tag));
        self.mailbox.refuse(refused, tag, !self.awaited.is_empty(), cx);
    }

    /// The server owes nothing more.
    fn settled(&mut self, cx: &mut Context<'_>) {
        match self.state {
            State::Over => self.mailbox.say_last(cx),
            State::NotAuthenticated if self.mailbox.end_if_draining(cx) => self.state = State::Over,
            // Whoever is logged in stays for long: what a thousand commands needed is given back.
            State::Authenticated(_) => self.awaited = VecDeque::new(),
            _ => {}
        }
    }

    /// Ends a session whose server does not keep to the protocol.
    fn reset(&mut self, cx: &mut Context<'_>) {
        self.stop();
        self.mailbox.reset(cx);
    }

    fn stop(&mut self) {
        self.state = State::Over;
        self.awaited.clear();
    }

    /// Whether the client is not logged in yet, and its next bytes are looked at.
    const fn parses(&self) -> bool {
        !matches!(
            self.state,
            State::Authenticated(_) | State::Found(..) | State::Tls | State::Compressed | State::Over
        )
    }
}

impl Dialogue for Imap {
    fn step(&mut self, from: Side, input: &[u8], cx: &mut Context<'_>) -> Step {
        match from {
            Side::Client => self.client_step(input, cx),
            Side::Server => self.server_step(input, cx),
        }
    }

    fn ended(&mut self, from: Side, how: End, cx: &mut Context<'_>) {
        let was_silent = matches!(self.state, State::Greeting);
        if from == Side::Server || how == End::Reset {
            self.stop();
        }
        self.mailbox.ended(from, how, was_silent, cx);
    }

    fn expire(&mut self, cx: &mut Context<'_>) {
        let parses = self.parses();
        self.stop();
        self.mailbox.expire(parses, cx);
    }

    fn drain(&mut self, cx: &mut Context<'_>) {
        self.mailbox.drain();
        if self.awaited.is_empty() {
            self.settled(cx);
        }
    }

    fn is_relayed(&self) -> bool {
        matches!(self.state, State::Authenticated(_) | State::Found(..) | State::Tls | State::Compressed)
    }

    fn refused(&mut self, kind: AnomalyKind, value: &[u8], cx: &mut Context<'_>) {
        self.stop();
        self.mailbox.refused(kind, value, cx);
    }

    fn unreachable(&mut self, cx: &mut Context<'_>) {
        self.stop();
        self.mailbox.end(Cause::Unreachable, Reason::ServerUnreachable, cx);
    }

    fn bridge(&mut self) -> Option<&mut dyn Bridge> {
        Some(self)
    }

    fn counts(&self) -> Counts {
        self.mailbox.counts()
    }

    fn ends(&self) -> &Ends {
        &self.mailbox.ends
    }

    fn ends_mut(&mut self) -> &mut Ends {
        &mut self.mailbox.ends
    }

    fn limit(&self) -> Limit {
        self.mailbox.limit(self.parses())
    }

    fn portion(&self, _from: Side, bounds: &Bounds) -> usize {
        if self.parses() { bounds.portion } else { usize::MAX }
    }

    /// A reply that lets the client go on: what the server says behind it may answer what the client says then.
    fn is_peers_turn(&self, from: Side) -> bool {
        let goes_on = match self.state {
            State::Exchange | State::Literal(_) | State::Authenticated(_) => true,
            State::NotAuthenticated | State::Left => self.awaited.is_empty(),
            _ => false,
        };
        from == Side::Server && goes_on && !self.server.is_relayed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::SessionConfig;
    use crate::effect::{Effect, Out};

    #[test]
    fn a_client_that_is_logged_in_keeps_no_room_for_what_it_said_before() {
        let mut imap = Imap::new(Time(0), 0);
        let (config, mut output) = (Arc::<SessionConfig>::default(), |_: Effect<'_>| {});
        let mut cx = Context { config: &config, out: Out { now: Time(0), output: &mut output } };
        imap.offer(Side::Server, b"* OK\r\n", &mut cx);
        imap.offer(Side::Client, &b"a NOOP\r\n".repeat(500), &mut cx);
        assert_eq!(imap.awaited.len(), 500);
        for said in ["a OK\r\n".repeat(500).as_str(), "b OK\r\n"] {
            for line in said.split_inclusive('\n') {
                imap.offer(Side::Server, line.as_bytes(), &mut cx);
            }
            imap.offer(Side::Client, b"b LOGIN c d\r\n", &mut cx);
        }
        assert!(matches!(imap.state, State::Authenticated(_)));
        assert_eq!(imap.awaited.capacity(), 0);
    }
}

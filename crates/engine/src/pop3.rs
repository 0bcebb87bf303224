//! POP3 (RFC 1939) up to the login, with AUTH (RFC 5034), STLS (RFC 2595) and CAPA (RFC 2449).
//!
//! Two things run side by side: what the client's next bytes are ([`State`]), and what the server owes
//! ([`Awaited`], in the order of the commands). They meet in two places. A command that may change the state
//! (`waits_alone`) is forwarded only when nothing is owed, and nothing is read behind it before its reply is in; a
//! reply changes the state in `reply`. So whoever is logged in, and when, is never in doubt.
//!
//! After the login nothing is parsed; only the client's QUIT is looked for.

mod bridge;
mod command;
mod quit;
mod wording;

use std::collections::VecDeque;

use proto::line::{self, Line};
use proto::pop3::command::Command;
use proto::pop3::reply::{self, Status};
use proto::pop3::verb::Verb;
use proto::{Progress, Side, Time};

use crate::bounds::Bounds;
use crate::context::Context;
use crate::dialogue::{Bridge, Counts, Dialogue, Step};
use crate::effect::{End, Wants};
use crate::ends::{Ends, Limit};
use crate::event::{AnomalyKind, Author, LoginOutcome, Observed, Reason, ReplyCode};
use crate::login::{Attempt, account};
use crate::mailbox::{BLOCKED, Mailbox, Refused, Said};
use crate::refusal::Cause;

use command::{
    USER, asked_by, initial_response, is_auth, is_valid, login, may_return, public_argument, waits_alone,
};
use quit::QuitWatch;

#[derive(Debug)]
pub(crate) struct Pop3 {
    state: State,
    awaited: VecDeque<Awaited>,
    /// The account of the last USER, where failed logins are limited.
    named: Option<Box<[u8]>>,
    mailbox: Mailbox,
}

/// What the client's next bytes are.
#[derive(Debug)]
enum State {
    /// Nothing may come before the server's greeting.
    Greeting,
    /// A command before the login (RFC 1939 §4).
    Authorization(User),
    /// The answer to a challenge.
    Exchange(Opening),
    /// Commands of a client that is logged in, which nobody parses.
    Transaction(QuitWatch),
    /// Whatever follows QUIT; whether the server has answered.
    Left { answered: bool },
    /// Encrypted, after STLS.
    Tls,
    /// Input is read and discarded.
    Over,
}

/// What became of a USER command that no PASS has followed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    None,
    /// The server asks for the password, or will.
    Named,
    /// The server does not want this user, or nobody in clear text.
    Refused,
}

/// How a SASL exchange was opened by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    Challenged,
    /// By `+OK`, as Exchange does for NTLM. A server that meant something else reads commands.
    Early,
}

/// A reply that the server owes.
#[derive(Debug)]
struct Awaited {
    asked: Asked,
    number: u32,
}

#[derive(Debug)]
enum Asked {
    Greeting,
    /// One line.
    Line,
    /// Lines up to a dot, if the first is positive.
    Listing,
    /// The lines of a listing that has begun.
    Lines,
    User,
    Password(Attempt),
    Auth(Exchange),
    Stls,
}

/// A login by AUTH.
#[derive(Debug)]
struct Exchange {
    attempt: Attempt,
    /// The server has sent a challenge, or needs to send none.
    is_open: bool,
    /// No server takes the command for a listing.
    is_strict: bool,
}

/// What follows when a line of the server was read.
enum Then {
    /// The reply is complete.
    Done,
    /// More of it is owed.
    Wait,
    /// The line answers nothing.
    Stray,
}

impl Pop3 {
    pub(crate) fn new(now: Time, name: u32) -> Self {
        let greeting = Awaited { asked: Asked::Greeting, number: 0 };
        Self {
            state: State::Greeting,
            awaited: VecDeque::from([greeting]),
            named: None,
            mailbox: Mailbox::new(now, name, wording::line),
        }
    }

    fn client_step(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        match &mut self.state {
            State::Over => Step::Wants(Wants::Nothing),
            State::Tls => self.mailbox.tls_step(Side::Client, input, cx),
            State::Transaction(watch) => {
                let Some(len) = watch.find(input) else { return self.mailbox.relay(Side::Client, input, cx) };
                self.state = State::Left { answered: false };
                self.mailbox.relay(Side::Client, input.get(..len).unwrap_or_default(), cx)
            }
            _ if input.is_empty() => Step::Wants(if self.is_held() { Wants::Peer } else { Wants::More }),
            State::Greeting => self.early(cx),
            State::Left { answered } if !*answered || !self.awaited.is_empty() => Step::Wants(Wants::Peer),
            State::Authorization(_) | State::Exchange(_) | State::Left { .. } => {
                if self.is_held() || self.awaited.len() >= cx.config.bounds.outstanding {
                    return Step::Wants(Wants::Peer);
                }
                self.line(input, cx)
            }
        }
    }

    /// The client speaks before the greeting; it waits, unless that is not allowed.
    fn early(&mut self, cx: &mut Context<'_>) -> Step {
        if !self.mailbox.has_reported(AnomalyKind::EarlyTalker) {
            let kind = AnomalyKind::EarlyTalker;
            if let Some(refused) = self.mailbox.violation(kind, Side::Client, Cause::OutOfTurn, cx) {
                self.refuse(refused, cx);
                return Step::Wants(Wants::Nothing);
            }
        }
        Step::Wants(Wants::Peer)
    }

    /// Whether what the client sends depends on a reply that is not in yet.
    fn is_held(&self) -> bool {
        let waits = |asked: &Asked| {
            matches!(asked, Asked::Greeting | Asked::Password(_) | Asked::Auth(_) | Asked::Stls)
        };
        !matches!(self.state, State::Exchange(_)) && self.awaited.front().is_some_and(|it| waits(&it.asked))
    }

    fn line(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        if let Some(step) = self.mailbox.rest_of_line(Side::Client, input, cx) {
            return step;
        }
        let bounds = &cx.config.bounds;
        let in_exchange = matches!(self.state, State::Exchange(_));
        // Of a longer line the cut would decide whether its verb is seen.
        let beginning = input.get(..bounds.command_line).unwrap_or(input);
        let bound = match in_exchange || is_auth(beginning) {
            _ if cx.is_recorded() => bounds.observed_line,
            true => bounds.auth_line,
            false => bounds.command_line,
        };
        match line::decode(input, bound) {
            Progress::NeedMore => Step::Wants(Wants::More),
            Progress::Oversize { len, .. } => {
                let kind = AnomalyKind::CommandTooLong;
                match self.mailbox.violation(kind, Side::Client, Cause::LineTooLong, cx) {
                    Some(refused) => self.refuse(refused, cx),
                    None => {
                        let line = input.get(..len).unwrap_or_default();
                        self.mailbox.pass_overlong(Side::Client, line, cx);
                    }
                }
                Step::Took(len)
            }
            Progress::Unit { unit: line, len } => {
                let command = Command::read(line.text);
                if !in_exchange && waits_alone(&command) && !self.awaited.is_empty() {
                    return Step::Wants(Wants::Peer);
                }
                let wire = input.get(..len).unwrap_or_default();
                match self.mailbox.check_line(&line, cx) {
                    Some(refused) => self.refuse(refused, cx),
                    None => self.unit(wire, &line, command, cx),
                }
                Step::Took(len)
            }
        }
    }

    /// A whole line of the client, at its turn.
    fn unit(&mut self, wire: &[u8], line: &Line<'_>, command: Command<'_>, cx: &mut Context<'_>) {
        match self.state {
            State::Exchange(Opening::Early) if command.verb != Verb::Unknown => {
                // The +OK was no opening: the server reads commands.
                self.awaited.clear();
                self.state = State::Authorization(User::None);
                self.command(wire, command, cx);
            }
            State::Exchange(_) => {
                if let Some(Asked::Auth(exchange)) = self.awaited.front_mut().map(|front| &mut front.asked) {
                    exchange.attempt.is_cancelled = line.text == b"*";
                    exchange.attempt.responds(line.text, cx);
                    if exchange.attempt.is_blocked(cx) {
                        return self.refuse(BLOCKED, cx);
                    }
                }
                self.state = State::Authorization(User::None);
                cx.out.pass(Side::Server, wire);
            }
            State::Left { .. } if !may_return(command.verb) => {
                let kind = AnomalyKind::AfterLeaving;
                match self.mailbox.violation(kind, Side::Client, Cause::AfterLeaving, cx) {
                    Some(refused) => self.refuse(refused, cx),
                    None => self.command(wire, command, cx),
                }
            }
            _ => self.command(wire, command, cx),
        }
    }

    fn command(&mut self, wire: &[u8], command: Command<'_>, cx: &mut Context<'_>) {
        let user = match self.state {
            State::Authorization(user) => user,
            _ => User::None,
        };
        let login = login(&command, user);
        let said = Said {
            verb: command.token,
            is_known: command.verb != Verb::Unknown,
            is_valid: is_valid(&command),
            is_clear_text: login.as_ref().is_some_and(Attempt::is_clear_text),
        };
        if let Some(refused) = self.mailbox.judge(said, cx) {
            if let Some(attempt) = &login {
                attempt.report(LoginOutcome::RefusedByPolicy, cx);
            }
            return self.refuse(refused, cx);
        }
        let (state, mut asked) = asked_by(&command, user);
        if let Asked::Password(attempt) | Asked::Auth(Exchange { attempt, .. }) = &mut asked {
            self.name(attempt, &command, cx);
            if attempt.is_blocked(cx) {
                attempt.report(LoginOutcome::RefusedByPolicy, cx);
                return self.refuse(BLOCKED, cx);
            }
        }
        if command.verb == Verb::User {
            self.named = account(command.argument, cx);
        }
        if command.verb.is_login() {
            self.mailbox.attempts();
        }
        let number = self.mailbox.number();
        cx.observe(Observed::Command { number, verb: command.token, argument: public_argument(&command) });
        cx.out.pass(Side::Server, wire);
        self.state = state;
        self.awaited.push_back(Awaited { asked, number });
    }

    /// To which account a command logs in, as far as it says so.
    fn name(&self, attempt: &mut Attempt, command: &Command<'_>, cx: &Context<'_>) {
        match command.verb {
            Verb::Pass => *attempt = attempt.clone().to(self.named.clone()),
            Verb::Apop => *attempt = attempt.clone().to(account(public_argument(command), cx)),
            _ => {
                if let Some(response) = initial_response(command) {
                    attempt.responds(response, cx);
                }
            }
        }
    }

    fn refuse(&mut self, refused: Refused, cx: &mut Context<'_>) {
        if matches!(self.state, State::Exchange(_))
            && let Some(Asked::Auth(exchange)) = self.awaited.pop_front().map(|front| front.asked)
        {
            // The server waits for the answer to its challenge, so the refusal is the answer to the command.
            exchange.attempt.report(LoginOutcome::RefusedByPolicy, cx);
        }
        self.state = State::Over;
        self.awaited.retain(|awaited| !matches!(awaited.asked, Asked::Greeting));
        self.mailbox.refuse(refused, b"", !self.awaited.is_empty(), cx);
    }

    fn server_step(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        match &mut self.state {
            _ if input.is_empty() => Step::Wants(Wants::More),
            State::Tls => self.mailbox.tls_step(Side::Server, input, cx),
            State::Transaction(_) => self.mailbox.relay(Side::Server, input, cx),
            State::Left { answered } if self.awaited.is_empty() => {
                *answered |= input.contains(&b'\n');
                self.mailbox.leave_line(Side::Server, input);
                self.mailbox.relay(Side::Server, input, cx)
            }
            State::Over if self.awaited.is_empty() => Step::Took(input.len()),
            _ => self.reply_line(input, cx),
        }
    }

    fn reply_line(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        if let Some(step) = self.mailbox.rest_of_line(Side::Server, input, cx) {
            return step;
        }
        match line::decode(input, cx.config.bounds.reply_line) {
            Progress::NeedMore => Step::Wants(Wants::More),
            Progress::Oversize { len, .. } => {
                if self
                    .mailbox
                    .violation(AnomalyKind::EndlessLine, Side::Server, Cause::BadReply, cx)
                    .is_some()
                {
                    self.reset(cx);
                } else {
                    let line = input.get(..len).unwrap_or_default();
                    self.mailbox.pass_overlong(Side::Server, line, cx);
                }
                Step::Took(len)
            }
            Progress::Unit { unit: line, len } => {
                if self.mailbox.is_bad_end(&line, cx) {
                    self.reset(cx);
                    return Step::Took(len);
                }
                cx.out.pass(Side::Client, input.get(..len).unwrap_or_default());
                self.reply(line.text, cx);
                if self.awaited.is_empty() {
                    self.settled(cx);
                }
                Step::Took(len)
            }
        }
    }

    /// A line of the server, and what it changes.
    fn reply(&mut self, text: &[u8], cx: &mut Context<'_>) {
        let Some(Awaited { asked, number }) = self.awaited.front_mut() else {
            return self.mailbox.note(AnomalyKind::StrayLine, text, cx);
        };
        let number = *number;
        let status = Status::read(text);
        let then = match (&mut *asked, status) {
            (Asked::Lines, _) if reply::ends_listing(text) => Then::Done,
            (Asked::Lines, _) => Then::Wait,
            (_, None) => Then::Stray,
            (Asked::Auth(exchange), Some(Status::Challenge)) => {
                exchange.is_open = true;
                self.state = self.state.unless_over(State::Exchange(Opening::Challenged));
                Then::Wait
            }
            (_, Some(Status::Challenge)) => Then::Stray,
            (Asked::Greeting, Some(Status::Ok)) => {
                self.state = State::Authorization(User::None);
                Then::Done
            }
            // The server will not serve, and closes.
            (Asked::Greeting, Some(Status::Err)) => {
                self.state = State::Over;
                Then::Done
            }
            (Asked::Line, Some(_)) | (Asked::Listing, Some(Status::Err)) => Then::Done,
            (Asked::Listing, Some(Status::Ok)) => {
                *asked = Asked::Lines;
                Then::Wait
            }
            (Asked::User, Some(Status::Ok)) => Then::Done,
            (Asked::User, Some(Status::Err)) => {
                Attempt::by(USER).to(self.named.clone()).report_failure(text, cx);
                if let State::Authorization(user @ User::Named) = &mut self.state {
                    *user = User::Refused;
                }
                Then::Done
            }
            (Asked::Password(attempt), Some(Status::Ok)) => {
                attempt.report(LoginOutcome::Accepted, cx);
                self.state = self.state.unless_over(State::Transaction(QuitWatch::default()));
                Then::Done
            }
            (Asked::Password(attempt), Some(Status::Err)) => {
                attempt.report_failure(text, cx);
                Then::Done
            }
            (Asked::Auth(_), Some(Status::Ok)) => self.exchange_accepted(cx),
            (Asked::Auth(exchange), Some(Status::Err)) => {
                exchange.attempt.report_failure(text, cx);
                self.state = self.state.unless_over(State::Authorization(User::None));
                Then::Done
            }
            (Asked::Stls, Some(Status::Ok)) => {
                self.mailbox.agree_tls(cx);
                self.state = self.state.unless_over(State::Tls);
                Then::Done
            }
            (Asked::Stls, Some(Status::Err)) => Then::Done,
        };
        match then {
            Then::Stray => self.mailbox.note(AnomalyKind::StrayLine, text, cx),
            Then::Wait => {}
            Then::Done => {
                let answered = self.awaited.pop_front();
                // The end of a listing has none: its first line was positive.
                let status = status.unwrap_or(Status::Ok).name();
                cx.replied(Author::Server, ReplyCode::Word(status));
                if matches!(answered, Some(Awaited { asked: Asked::Greeting, .. })) {
                    cx.observe(Observed::Banner { text });
                } else {
                    cx.observe(Observed::Answer { number, status });
                }
            }
        }
    }

    /// `+OK` to AUTH at the front: the end of an exchange, or the beginning where the server does not challenge.
    fn exchange_accepted(&mut self, cx: &mut Context<'_>) -> Then {
        let Some(Awaited { asked, .. }) = self.awaited.front_mut() else { return Then::Stray };
        let Asked::Auth(exchange) = asked else { return Then::Stray };
        match (exchange.is_open, exchange.is_strict) {
            (true, true) => {
                exchange.attempt.report(LoginOutcome::Accepted, cx);
                self.state = self.state.unless_over(State::Transaction(QuitWatch::default()));
                Then::Done
            }
            // Some server took it for a mechanism: who is logged in there is not for us.
            (true, false) => {
                self.state = self.state.unless_over(State::Authorization(User::None));
                Then::Done
            }
            (false, true) => {
                exchange.is_open = true;
                self.state = self.state.unless_over(State::Exchange(Opening::Early));
                Then::Wait
            }
            (false, false) => {
                *asked = Asked::Lines;
                Then::Wait
            }
        }
    }

    /// The server owes nothing more.
    fn settled(&mut self, cx: &mut Context<'_>) {
        match self.state {
            State::Over => self.mailbox.say_last(cx),
            State::Authorization(_) => self.end_if_draining(cx),
            // Whoever is logged in stays for long: what a thousand commands needed is given back.
            State::Transaction(_) => self.awaited = VecDeque::new(),
            _ => {}
        }
    }

    fn end_if_draining(&mut self, cx: &mut Context<'_>) {
        if self.mailbox.end_if_draining(cx) {
            self.state = State::Over;
        }
    }

    /// Ends a session whose server does not keep to the protocol.
    fn reset(&mut self, cx: &mut Context<'_>) {
        self.state = State::Over;
        self.awaited.clear();
        self.mailbox.reset(cx);
    }

    /// Whether the next bytes of the client are read as lines.
    const fn parses(&self) -> bool {
        matches!(
            self.state,
            State::Greeting | State::Authorization(_) | State::Exchange(_) | State::Left { .. }
        )
    }
}

impl State {
    /// The next state, unless a refusal has ended the session in the meantime.
    fn unless_over(&self, next: Self) -> Self {
        if matches!(self, Self::Over) { Self::Over } else { next }
    }
}

impl Dialogue for Pop3 {
    fn step(&mut self, from: Side, input: &[u8], cx: &mut Context<'_>) -> Step {
        match from {
            Side::Client => self.client_step(input, cx),
            Side::Server => self.server_step(input, cx),
        }
    }

    fn ended(&mut self, from: Side, how: End, cx: &mut Context<'_>) {
        let was_silent = matches!(self.state, State::Greeting);
        if from == Side::Server || how == End::Reset {
            self.state = State::Over;
            self.awaited.clear();
        }
        self.mailbox.ended(from, how, was_silent, cx);
    }

    fn expire(&mut self, cx: &mut Context<'_>) {
        let parses = self.parses();
        self.state = State::Over;
        self.awaited.clear();
        self.mailbox.expire(parses, cx);
    }

    fn drain(&mut self, cx: &mut Context<'_>) {
        self.mailbox.drain();
        if self.awaited.is_empty() {
            self.settled(cx);
        }
    }

    fn is_relayed(&self) -> bool {
        matches!(self.state, State::Transaction(_) | State::Tls)
    }

    fn refused(&mut self, kind: AnomalyKind, value: &[u8], cx: &mut Context<'_>) {
        self.state = State::Over;
        self.awaited.clear();
        self.mailbox.refused(kind, value, cx);
    }

    fn unreachable(&mut self, cx: &mut Context<'_>) {
        self.state = State::Over;
        self.awaited.clear();
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

    /// A challenge, or the last reply that is owed, lets the client go on: what the server says behind it may
    /// answer that.
    fn is_peers_turn(&self, from: Side) -> bool {
        let settled = self.awaited.is_empty() || matches!(self.state, State::Exchange(_));
        from == Side::Server && settled && self.parses()
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
        let mut pop3 = Pop3::new(Time(0), 0);
        let (config, mut output) = (Arc::<SessionConfig>::default(), |_: Effect<'_>| {});
        let mut cx = Context { config: &config, out: Out { now: Time(0), output: &mut output } };
        pop3.offer(Side::Server, b"+OK\r\n", &mut cx);
        pop3.offer(Side::Client, &b"NOOP\r\n".repeat(500), &mut cx);
        assert_eq!(pop3.awaited.len(), 500);
        for said in ["+OK\r\n".repeat(500).as_str(), "+OK\r\n"] {
            for line in said.split_inclusive('\n') {
                pop3.offer(Side::Server, line.as_bytes(), &mut cx);
            }
            pop3.offer(Side::Client, b"APOP a b\r\n", &mut cx);
        }
        assert!(matches!(pop3.state, State::Transaction(_)));
        assert_eq!(pop3.awaited.capacity(), 0);
    }
}

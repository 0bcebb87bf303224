//! What a client says before it is logged in: commands line by line, their literals, and the answers to challenges.

use proto::imap::command::{Command, is_hostile_tag};
use proto::imap::literal;
use proto::imap::verb::Verb;
use proto::line::{self, Line};
use proto::{Progress, Side, sasl};

use super::{Asked, Awaited, Imap, Literal, Offer, State};
use crate::context::Context;
use crate::dialogue::Step;
use crate::effect::Wants;
use crate::event::{AnomalyKind, LoginOutcome, Observed};
use crate::login::{Attempt, account};
use crate::mailbox::{BLOCKED, Refused, Said};
use crate::refusal::Cause;

/// Limit: bytes of a literal before the login. Names, passwords and answers are short.
const LITERAL_MAX: u64 = 64 << 10;

/// Limit: literals of one command. LOGIN has two.
const LITERALS_MAX: u8 = 8;

/// The longest literal that LITERAL- allows without asking (RFC 7888 §5).
const SHORT_LITERAL_MAX: u64 = 4096;

impl Imap {
    pub(super) fn line(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        if let Some(step) = self.mailbox.rest_of_line(Side::Client, input, cx) {
            return step;
        }
        let bounds = &cx.config.bounds;
        let begins_command = matches!(self.state, State::NotAuthenticated | State::Left);
        // Of a longer line the cut would decide whether its verb is seen.
        let beginning = input.get(..bounds.command_line).unwrap_or(input);
        let is_short = begins_command && !Command::read(beginning).verb.is_login();
        let bound = match is_short {
            _ if cx.is_recorded() => bounds.observed_line,
            true => bounds.command_line,
            false => bounds.auth_line,
        };
        match line::decode(input, bound) {
            Progress::NeedMore => Step::Wants(Wants::More),
            Progress::Oversize { len, .. } => {
                let kind = AnomalyKind::CommandTooLong;
                match self.mailbox.violation(kind, Side::Client, Cause::LineTooLong, cx) {
                    Some(refused) => self.refuse(refused, b"", cx),
                    None => {
                        let line = input.get(..len).unwrap_or_default();
                        self.mailbox.pass_overlong(Side::Client, line, cx);
                    }
                }
                Step::Took(len)
            }
            Progress::Unit { unit: line, len } => {
                let command = Command::read(line.text);
                if begins_command && waits_alone(command.verb) && !self.awaited.is_empty() {
                    return Step::Wants(Wants::Peer);
                }
                let wire = input.get(..len).unwrap_or_default();
                self.unit(wire, &line, command, cx);
                Step::Took(len)
            }
        }
    }

    /// A whole line of the client, at its turn.
    fn unit(&mut self, wire: &[u8], line: &Line<'_>, command: Command<'_>, cx: &mut Context<'_>) {
        if let Some(refused) = self.mailbox.check_line(line, cx) {
            return self.refuse(refused, b"", cx);
        }
        match self.state {
            State::Exchange => {
                if let Some(Asked::Authenticate(attempt)) =
                    self.awaited.front_mut().map(|front| &mut front.asked)
                {
                    attempt.is_cancelled = line.text == b"*";
                    attempt.responds(line.text, cx);
                    if attempt.is_blocked(cx) {
                        return self.refuse(BLOCKED, b"", cx);
                    }
                }
                self.state = State::NotAuthenticated;
                cx.out.pass(Side::Server, wire);
            }
            State::Rest(before) => match self.refused_rest(line.text, before, cx) {
                Some(refused) => self.refuse(refused, b"", cx),
                None => {
                    cx.out.pass(Side::Server, wire);
                    self.state = State::NotAuthenticated;
                    self.announce(line.text, before);
                }
            },
            State::Left if !may_return(command.verb) => {
                let kind = AnomalyKind::AfterLeaving;
                match self.mailbox.violation(kind, Side::Client, Cause::AfterLeaving, cx) {
                    Some(refused) => self.refuse(refused, printable(command.tag), cx),
                    None => self.command(wire, line, command, cx),
                }
            }
            _ => self.command(wire, line, command, cx),
        }
    }

    fn command(&mut self, wire: &[u8], line: &Line<'_>, command: Command<'_>, cx: &mut Context<'_>) {
        if is_hostile_tag(command.tag)
            && let Some(refused) =
                self.mailbox.violation(AnomalyKind::BadTag, Side::Client, Cause::BadTag, cx)
        {
            return self.refuse(refused, b"", cx);
        }
        let attempt = match command.verb {
            Verb::Login => Some(Attempt::by(b"LOGIN").to(command.user().and_then(|user| account(&user, cx)))),
            Verb::Authenticate => {
                let mut attempt = Attempt::by(command.mechanism());
                if let Some(response) = command.initial_response() {
                    attempt.responds(response, cx);
                }
                Some(attempt)
            }
            _ => None,
        };
        let said = Said {
            verb: command.token,
            is_known: command.verb != Verb::Unknown,
            is_valid: command.is_strict && command.verb.is_before_login(),
            is_clear_text: attempt.as_ref().is_some_and(Attempt::is_clear_text),
        };
        let refused = self.mailbox.judge(said, cx);
        let refused = refused.or_else(|| attempt.as_ref()?.is_blocked(cx).then_some(BLOCKED));
        if let (Some(_), Some(attempt)) = (&refused, &attempt) {
            attempt.report(LoginOutcome::RefusedByPolicy, cx);
        }
        if let Some(refused) = refused.or_else(|| self.bad_literal(line.text, 0, cx)) {
            return self.refuse(refused, printable(command.tag), cx);
        }
        if attempt.is_some() {
            self.mailbox.attempts();
        }
        let number = self.mailbox.number();
        cx.observe(Observed::Command { number, verb: command.token, argument: public_argument(&command) });
        cx.out.pass(Side::Server, wire);
        let (asked, state) = match (command.verb, attempt) {
            (Verb::Login, Some(attempt)) => (Asked::Login(attempt), State::NotAuthenticated),
            (Verb::Authenticate, Some(attempt)) => (Asked::Authenticate(attempt), State::NotAuthenticated),
            (Verb::Starttls, _) => (Asked::StartTls, State::NotAuthenticated),
            (Verb::Compress, _) => (Asked::Compress, State::NotAuthenticated),
            (Verb::Logout, _) => (Asked::Logout, State::Left),
            _ => (Asked::Command, State::NotAuthenticated),
        };
        self.awaited.push_back(Awaited { tag: command.tag.into(), asked, number });
        self.state = state;
        if !matches!(self.state, State::Left) {
            self.announce(line.text, 0);
        }
    }

    /// The first literal of a LOGIN is the name of the account, if its line has none.
    pub(super) fn gather_name(&mut self, bytes: &[u8], cx: &Context<'_>) {
        let names = match self.awaited.back().map(|newest| &newest.asked) {
            Some(Asked::Login(attempt)) => !attempt.has_account(),
            _ => false,
        };
        if names && cx.config.limits_logins {
            let room = sasl::ACCOUNT_MAX.saturating_sub(self.name.len());
            self.name.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }

    /// Why the rest of a command behind a literal is not forwarded: the literal may have named an account that is
    /// blocked.
    fn refused_rest(&mut self, text: &[u8], before: u8, cx: &mut Context<'_>) -> Option<Refused> {
        let name = std::mem::take(&mut self.name);
        if let Some(Asked::Login(attempt)) = self.awaited.back_mut().map(|newest| &mut newest.asked)
            && !attempt.has_account()
        {
            *attempt = attempt.clone().to(account(&name, cx));
            if attempt.is_blocked(cx) {
                return Some(BLOCKED);
            }
        }
        self.bad_literal(text, before, cx)
    }

    /// What follows the line: a literal at once, or when the server asks for it.
    fn announce(&mut self, text: &[u8], before: u8) {
        let Some(announced) = literal::announced(text) else { return };
        let literal = Literal { left: announced.len, number: before.saturating_add(1) };
        self.state = match announced.is_synchronizing {
            true => State::Announced(literal),
            false => State::Literal(literal),
        };
    }

    /// A literal that is too long, or that the server would read as commands.
    fn bad_literal(&mut self, text: &[u8], before: u8, cx: &mut Context<'_>) -> Option<Refused> {
        let is_bad = match literal::announced(text) {
            None => literal::is_unreadable(text),
            Some(announced) => {
                let is_offered = announced.is_synchronizing || self.offer.allows(announced.len);
                announced.len > LITERAL_MAX || before >= LITERALS_MAX || !is_offered
            }
        };
        if !is_bad {
            return None;
        }
        self.mailbox.violation(AnomalyKind::BadLiteral, Side::Client, Cause::BadLiteral, cx)
    }
}

impl Offer {
    /// Whether a literal of this length may follow at once.
    const fn allows(self, len: u64) -> bool {
        self.literals || self.short_literals && len <= SHORT_LITERAL_MAX
    }
}

/// Whether a command may change what its successors mean, or make a server lose them.
const fn waits_alone(verb: Verb) -> bool {
    matches!(verb, Verb::Login | Verb::Authenticate | Verb::Starttls | Verb::Compress)
}

/// Whether a client that has left may come back by this command.
const fn may_return(verb: Verb) -> bool {
    matches!(verb, Verb::Login | Verb::Authenticate | Verb::Starttls | Verb::Capability)
}

/// A tag that an answer may repeat.
pub(super) fn printable(tag: &[u8]) -> &[u8] {
    if tag.iter().all(u8::is_ascii_graphic) && !is_hostile_tag(tag) { tag } else { b"" }
}

/// The argument as it may be shown: no secret.
fn public_argument<'b>(command: &Command<'b>) -> &'b [u8] {
    match command.verb {
        Verb::Login | Verb::Unknown => b"",
        Verb::Authenticate if sasl::is_name(command.mechanism()) => command.mechanism(),
        Verb::Authenticate => b"",
        _ => command.argument,
    }
}

//! What POP3 and IMAP have in common: a mailbox is inspected up to the login, and relayed after it.
//!
//! Here are the rules, the reports and the endings of such a session. What a line is, whether it may be said
//! now, and in which order lines answer each other is the business of `pop3` and `imap`.

mod tls;

use std::borrow::Cow;
use std::num::NonZeroU16;

use policy::criterion::Sign;
use policy::fact::Fact;
use policy::model::Refusals;
use policy::profile::{Commands, Mechanisms};
use policy::scope::{Close, Scope};
use policy::{Ending, RuleId};
use proto::line::{Line, LineEnd};
use proto::{Side, Time};

use crate::context::Context;
use crate::dialogue::{Counts, Step};
use crate::effect::{End, Wants};
use crate::ends::{Ends, Limit};
use crate::event::{AnomalyKind, Author, Event, Observed, Reason, ReplyCode, Treatment};
use crate::inspector::{Decision, Inspector};
use crate::refusal::{Cause, Refusal};
use crate::relay::Relay;

use tls::{Beginning, Look};

/// The part of a session that does not depend on its protocol.
#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) ends: Ends,
    inspector: Inspector,
    words: Words,
    /// Our last reply, which waits until the server has answered what came before it.
    last: Option<String>,
    tls: Beginning,
    /// Sides that are within a line of which nothing more is looked at, by `Side as usize`.
    within_line: [bool; 2],
    /// The client has tried to log in: what it says in the wrong place may be a secret.
    has_attempted: bool,
    draining: bool,
    commands: u32,
    refusals: u32,
}

/// How a protocol words a refusal of the command with this tag, without a line end.
pub(crate) type Words = fn(cause: Cause, tag: &[u8]) -> String;

/// A command line, as far as rules ask for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'l> {
    /// What it begins with, or may be reported of it.
    pub(crate) verb: &'l [u8],
    /// Whether the protocol has the verb, so that it is no secret.
    pub(crate) is_known: bool,
    pub(crate) is_valid: bool,
    /// Whether it begins a login that shows the password to whoever reads along.
    pub(crate) is_clear_text: bool,
}

/// A login to an account that is blocked.
pub(crate) const BLOCKED: Refused = Refused {
    refusal: Refusal { cause: Cause::AccountBlocked, rule: None, reference: None },
    ending: Ending::Close,
};

/// Why a command is not forwarded, and how the session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    refusal: Refusal,
    ending: Ending,
}

impl Mailbox {
    pub(crate) fn new(now: Time, name: u32, words: Words) -> Self {
        Self {
            ends: Ends::new(now),
            inspector: Inspector::new(name),
            words,
            last: None,
            tls: Beginning::default(),
            within_line: [false; 2],
            has_attempted: false,
            draining: false,
            commands: 0,
            refusals: 0,
        }
    }

    /// The client begins to log in.
    pub(crate) const fn attempts(&mut self) {
        self.has_attempted = true;
    }

    /// The number of the next command.
    pub(crate) const fn number(&mut self) -> u32 {
        let number = self.commands;
        self.commands += 1;
        number
    }

    /// What no standard allows in a line of the client, before it is looked at for what it says.
    pub(crate) fn check_line(&mut self, line: &Line<'_>, cx: &mut Context<'_>) -> Option<Refused> {
        if line.flaws.control {
            // The line may hold a password, so it is not reported.
            return self.violation(AnomalyKind::CommandControl, Side::Client, Cause::ControlCharacter, cx);
        }
        if line.end == LineEnd::Lf {
            return self.violation(AnomalyKind::LineBareLf, Side::Client, Cause::BareLineFeed, cx);
        }
        None
    }

    /// Reports what the standards do not allow; whether it is refused, the conformance table says.
    pub(crate) fn violation(
        &mut self,
        kind: AnomalyKind,
        from: Side,
        cause: Cause,
        cx: &mut Context<'_>,
    ) -> Option<Refused> {
        let treatment = self.inspector.anomaly(kind, from, b"", cx);
        let refusal = cause.reported(self.inspector.reference_of(kind));
        (treatment >= Treatment::Refused).then_some(Refused { refusal, ending: Ending::Close })
    }

    /// A line over its bound passes; only a recording goes on behind it. What it says is not looked at.
    pub(crate) fn pass_overlong(&mut self, from: Side, line: &[u8], cx: &mut Context<'_>) {
        self.leave_line(from, line);
        cx.out.pass(from.other(), line);
    }

    /// A side may be within a line behind what it said, of which nothing more is looked at.
    pub(crate) fn leave_line(&mut self, from: Side, said: &[u8]) {
        if let Some(within) = self.within_line.get_mut(from as usize) {
            *within = said.last() != Some(&b'\n');
        }
    }

    /// The rest of such a line, if a side is in one.
    pub(crate) fn rest_of_line(&mut self, from: Side, input: &[u8], cx: &mut Context<'_>) -> Option<Step> {
        if !*self.within_line.get(from as usize)? {
            return None;
        }
        let len = memchr::memchr(b'\n', input).map_or(input.len(), |end| end + 1);
        self.pass_overlong(from, input.get(..len).unwrap_or_default(), cx);
        Some(Step::Took(len))
    }

    /// What the dialect demands and the rules say of a command. Each is asked once.
    pub(crate) fn judge(&mut self, said: Said<'_>, cx: &mut Context<'_>) -> Option<Refused> {
        let value = if said.is_known || !self.has_attempted { said.verb } else { b"" };
        let demands = cx.config.profile.login;
        if !said.is_valid && demands.commands == Commands::Valid {
            let kind = AnomalyKind::InvalidCommand;
            return self.unmet(kind, value, Cause::NotBeforeLogin, cx);
        }
        if said.is_clear_text && demands.mechanisms == Mechanisms::Secure {
            return self.unmet(AnomalyKind::ClearTextLogin, b"", Cause::ClearTextLogin, cx);
        }
        self.inspector.begin(Scope::Command, cx);
        if !said.is_valid {
            self.inspector.learn(Fact::Sign(Sign::InvalidCommand), cx);
        }
        if said.is_clear_text {
            self.inspector.learn(Fact::Sign(Sign::ClearTextLogin), cx);
        }
        self.inspector.close(Close::Command, cx);
        match self.inspector.judge(None, &|_| Cow::Borrowed(value), cx) {
            Decision::Refuse(acted) => {
                let cause = match (said.is_valid, said.is_clear_text) {
                    (false, _) => Cause::NotBeforeLogin,
                    (true, true) => Cause::ClearTextLogin,
                    (true, false) => Cause::Command,
                };
                Some(Refused { refusal: cause.by(acted), ending: Ending::Close })
            }
            // Nothing of a mailbox can be masked, and no dialect paces it.
            Decision::Pass | Decision::Mask | Decision::Pace => None,
        }
    }

    /// What the dialect demands is not met.
    fn unmet(
        &mut self,
        kind: AnomalyKind,
        value: &[u8],
        cause: Cause,
        cx: &mut Context<'_>,
    ) -> Option<Refused> {
        let treatment = self.inspector.anomaly(kind, Side::Client, value, cx);
        let refusal = cause.reported(self.inspector.reference_of(kind));
        let ending = cx.config.profile.login.ending;
        (treatment >= Treatment::Refused).then_some(Refused { refusal, ending })
    }

    /// Reports an anomaly of the server that changes nothing. A server may repeat what it did not expect, secrets too.
    pub(crate) fn note(&mut self, kind: AnomalyKind, value: &[u8], cx: &mut Context<'_>) {
        let value = if self.has_attempted { b"" } else { value };
        self.inspector.anomaly(kind, Side::Server, value, cx);
    }

    /// Whether an anomaly of this kind was reported before.
    pub(crate) fn has_reported(&self, kind: AnomalyKind) -> bool {
        self.inspector.has_reported(kind)
    }

    /// From here on nothing of the client is forwarded. Our last reply waits while the server owes others.
    pub(crate) fn refuse(&mut self, refused: Refused, tag: &[u8], owes: bool, cx: &mut Context<'_>) {
        self.ends.set_reason(Reason::Refused);
        self.ends.start_timer(cx.out.now);
        if refused.ending == Ending::Reset {
            self.abort(Side::Server, cx);
            return self.abort(Side::Client, cx);
        }
        self.last = Some(self.worded(refused.refusal, tag, cx));
        if !owes {
            self.say_last(cx);
        }
    }

    /// Every command before the refused one has been answered, or will not be.
    pub(crate) fn say_last(&mut self, cx: &mut Context<'_>) {
        let Some(last) = self.last.take() else { return };
        self.answer(&last, cx);
        self.finish(Side::Client, cx);
        self.finish(Side::Server, cx);
    }

    /// Ends a session in which a peer does not keep to the protocol, so that no reply would be understood.
    pub(crate) fn reset(&mut self, cx: &mut Context<'_>) {
        self.ends.set_reason(Reason::Refused);
        self.last = None;
        self.finish(Side::Client, cx);
        self.abort(Side::Server, cx);
    }

    /// Ends a session that is between two commands: the client is told why.
    pub(crate) fn end(&mut self, cause: Cause, reason: Reason, cx: &mut Context<'_>) {
        self.ends.set_reason(reason);
        self.last = Some(self.worded(cause.into(), b"", cx));
        self.say_last(cx);
    }

    fn worded(&self, refusal: Refusal, tag: &[u8], cx: &Context<'_>) -> String {
        let mut line = (self.words)(refusal.cause, tag);
        let class = |rule: RuleId| Some(cx.policy()?.class(rule));
        let named = refusal.rule.filter(|_| cx.config.refusals == Refusals::Detail).and_then(class);
        if let Some(class) = named {
            line.push_str(&format!(" (class {class})"));
        }
        let reference = |number: NonZeroU16| self.inspector.reference(number);
        if let Some(reference) = refusal.reference.map(reference) {
            line.push_str(&format!(" (ref {reference})"));
        }
        line.push_str("\r\n");
        line
    }

    pub(crate) const fn counts(&self) -> Counts {
        Counts { commands: self.commands, refusals: self.refusals }
    }

    fn answer(&mut self, line: &str, cx: &mut Context<'_>) {
        if !self.ends.is_finished(Side::Client) && cx.config.refusals != Refusals::Silent {
            self.refusals += 1;
            cx.out.answer(line.as_bytes());
            if let Some(code) = ReplyCode::of_mailbox(line) {
                cx.replied(Author::Ours, code);
            }
        }
    }

    /// Relays what nobody parses any more.
    pub(crate) fn relay(&self, from: Side, input: &[u8], cx: &mut Context<'_>) -> Step {
        Relay::step(from, input, &self.ends, &mut cx.out)
    }

    /// A side ended; `was_silent` if the server never said anything.
    pub(crate) fn ended(&mut self, from: Side, how: End, was_silent: bool, cx: &mut Context<'_>) {
        self.tls.ended(from);
        match (from, how) {
            (Side::Client, End::Fin) => self.finish(Side::Server, cx),
            (Side::Server, End::Fin) => {
                if was_silent && self.last.is_none() {
                    self.ends.add_reason(Reason::ServerLost);
                    self.last = Some(self.worded(Cause::Unreachable.into(), b"", cx));
                }
                self.say_last(cx);
                self.finish(Side::Client, cx);
                self.finish(Side::Server, cx);
            }
            (_, End::Reset) => {
                let lost = if from == Side::Client { Reason::ClientLost } else { Reason::ServerLost };
                self.ends.add_reason(lost);
                self.abort(from.other(), cx);
                self.abort(from, cx);
            }
        }
    }

    /// The deadline has passed. A client that is not in the middle of something unparsed is told.
    pub(crate) fn expire(&mut self, parses: bool, cx: &mut Context<'_>) {
        if self.last.is_some() {
            return self.say_last(cx);
        }
        self.ends.set_reason(Reason::Idle);
        if parses {
            return self.end(Cause::Idle, Reason::Idle, cx);
        }
        self.finish(Side::Client, cx);
        self.finish(Side::Server, cx);
    }

    pub(crate) fn limit(&self, parses: bool) -> Limit {
        match self.last {
            Some(_) => Limit::BeforeLast,
            None if parses => Limit::Login,
            None => Limit::Idle,
        }
    }

    /// The program is shutting down.
    pub(crate) const fn drain(&mut self) {
        self.draining = true;
    }

    /// Ends the session of a client that is not logged in and waits for nothing. Whoever is logged in, or may be under
    /// encryption, ends it himself: nobody can tell where it may be cut.
    pub(crate) fn end_if_draining(&mut self, cx: &mut Context<'_>) -> bool {
        if self.draining {
            self.end(Cause::ShuttingDown, Reason::Drained, cx);
        }
        self.draining
    }

    /// Whether the session ends because a line of the server ends in a bare LF.
    pub(crate) fn is_bad_end(&mut self, line: &Line<'_>, cx: &mut Context<'_>) -> bool {
        line.end == LineEnd::Lf
            && self.violation(AnomalyKind::LineBareLf, Side::Server, Cause::BadReply, cx).is_some()
    }

    /// The client was at fault before its session could begin.
    pub(crate) fn refused(&mut self, kind: AnomalyKind, value: &[u8], cx: &mut Context<'_>) {
        self.inspector.anomaly(kind, Side::Client, value, cx);
        let refusal = Cause::NoProxyHeader.reported(self.inspector.reference_of(kind));
        self.refuse(Refused { refusal, ending: Ending::Close }, b"", false, cx);
    }

    pub(crate) fn finish(&mut self, side: Side, cx: &mut Context<'_>) {
        if self.ends.finish(side, &mut cx.out) {
            self.conclude(cx);
        }
    }

    fn abort(&mut self, side: Side, cx: &mut Context<'_>) {
        if self.ends.abort(side, &mut cx.out) {
            self.conclude(cx);
        }
    }

    fn conclude(&mut self, cx: &mut Context<'_>) {
        if self.ends.are_finished() {
            self.inspector.sum_up(cx);
        }
    }

    /// TLS was agreed on: nothing else may follow.
    pub(crate) fn agree_tls(&mut self, cx: &mut Context<'_>) {
        self.tls = Beginning::agreed();
        cx.observe(Observed::StartTls);
    }

    /// Relays an encrypted session, which must begin as one.
    pub(crate) fn tls_step(&mut self, from: Side, input: &[u8], cx: &mut Context<'_>) -> Step {
        match self.tls.look(from, input) {
            Look::NeedMore => return Step::Wants(Wants::More),
            Look::Other => {
                let treatment = self.inspector.anomaly(AnomalyKind::TlsInjection, from, b"", cx);
                if treatment == Treatment::Reset {
                    self.reset(cx);
                    return Step::Took(input.len());
                }
            }
            Look::Begins => self.report_tls(cx),
            Look::GoesOn => {}
        }
        self.relay(from, input, cx)
    }

    fn report_tls(&self, cx: &mut Context<'_>) {
        let criteria: Vec<&str> =
            cx.policy().map_or_else(Vec::new, |policy| policy.hidden_by_encryption().collect());
        cx.out.report(Event::Tls { criteria: &criteria });
    }
}

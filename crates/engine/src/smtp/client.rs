//! What the client sends: where one unit ends and the next begins, and whose turn it is.

use policy::model::Conformance;
use proto::line;
use proto::smtp::verb::Verb;
use proto::{Progress, Side};

use super::command::{pass_line, read_command};
use super::foreign::foreign_byte;
use super::offer::PIPELINING;
use super::{Asked, Client, Smtp};
use crate::config::SessionConfig;
use crate::context::Context;
use crate::dialogue::Step;
use crate::effect::Wants;
use crate::event::{AnomalyKind, Treatment};
use crate::refusal::Cause;
use crate::relay::Relay;
use crate::replies::After;

impl Smtp {
    pub(super) fn client_step(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        match &mut self.client {
            Client::Command => self.next_command(input, cx),
            Client::Discard => Step::Wants(Wants::Nothing),
            Client::Closing(_) => self.closing_step(input, cx),
            _ if input.is_empty() => Step::Wants(Wants::More),
            Client::Skip(_) => self.skip(input, cx),
            Client::AuthLine => self.auth_line(input, cx),
            Client::Data(_) => self.data(input, cx),
            Client::Chunk(_) => self.chunk(input, cx),
            Client::SkipChunk(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= len as u64;
                if *left == 0 {
                    self.client = Client::Command;
                }
                Step::Took(len)
            }
            Client::Relay => self.relay(Side::Client, input, cx),
            Client::Swallow(_) => self.swallow(input, cx),
        }
    }

    /// Encrypted bytes are forwarded; what was injected in clear text before them ends the session.
    pub(super) fn relay(&mut self, from: Side, input: &[u8], cx: &mut Context<'_>) -> Step {
        if self.relay.is_injection(from, input) {
            let treatment = self.anomaly(AnomalyKind::TlsInjection, from, first(input), cx);
            if treatment == Treatment::Reset {
                self.reset(cx);
                return Step::Took(input.len());
            }
        }
        Relay::step(from, input, &self.ends, &mut cx.out)
    }

    fn next_command(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        let Some(&first) = input.first() else {
            // Before the greeting the client is read too, to find out whether it waits.
            let wants = if self.barrier || self.is_full(cx.config) { Wants::Peer } else { Wants::More };
            return Step::Wants(wants);
        };
        if let Some(header) = self.foreign_header(input, cx) {
            return header.map_or(Step::Wants(Wants::More), Step::Took);
        }
        if !self.spoken && is_binary(first) && self.is_foreign(input, cx) {
            return Step::Took(input.len());
        }
        if !self.greeted {
            return self.before_greeting(input, cx);
        }
        if self.barrier || self.is_full(cx.config) {
            return Step::Wants(Wants::Peer);
        }
        if !self.replies.is_empty() && !self.may_pipeline() && !cx.is_recorded() {
            return self.out_of_turn(AnomalyKind::Unpipelined, input, cx);
        }
        if self.paced.is_some() && cx.out.now < self.inspector.paced_until() {
            return Step::Wants(Wants::At(self.inspector.paced_until()));
        }
        let allowed = if is_auth(input) { cx.config.bounds.auth_line } else { cx.config.bounds.command_line };
        let bound = if cx.is_recorded() { cx.config.bounds.observed_line } else { allowed };
        match line::decode(input, bound) {
            Progress::NeedMore => Step::Wants(Wants::More),
            Progress::Oversize { len, ends } => self.too_long(input, len, ends, cx),
            Progress::Unit { unit: line, len } => {
                let command = read_command(line.text, cx);
                let wire = input.get(..len).unwrap_or_default();
                if self.paced.take().is_some() {
                    self.forward_paced(wire, line, command, cx);
                    return Step::Took(len);
                }
                if self.is_undecided(command.verb) {
                    return Step::Wants(Wants::Peer);
                }
                if len > allowed {
                    self.anomaly(
                        AnomalyKind::CommandTooLong,
                        Side::Client,
                        self.reportable_text(line.text),
                        cx,
                    );
                }
                match self.command(wire, line, command, cx) {
                    Some(until) => Step::Wants(Wants::At(until)),
                    None => Step::Took(len),
                }
            }
        }
    }

    /// What MAIL and RSET mean depends on whether a transaction is open; and a MAIL within one begins another,
    /// to which replies that are still owed in this one must not count.
    fn is_undecided(&self, verb: Verb) -> bool {
        let Some(transaction) = &self.transaction else { return false };
        match verb {
            verb if verb.begins_transaction() => transaction.provisional || !self.replies.is_empty(),
            Verb::Rset => transaction.provisional,
            _ => false,
        }
    }

    fn is_full(&self, at: &SessionConfig) -> bool {
        self.replies.len() >= at.bounds.outstanding
    }

    /// LMTP servers offer PIPELINING by definition (RFC 2033 §4.1).
    fn may_pipeline(&self) -> bool {
        self.lmtp || self.offer.shows(PIPELINING)
    }

    /// An EHLO may come early where the server invites to it (draft-harris-early-pipe); whether it does is known
    /// from its reply. A server behind `strict` never does.
    fn before_greeting(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        let perhaps_ehlo =
            matches!(input.first(), Some(b'E' | b'e')) && cx.config.conformance != Conformance::Strict;
        if self.early || perhaps_ehlo && !self.inspector.has_reported(AnomalyKind::EarlyTalker) {
            self.early = true;
            return Step::Wants(Wants::Peer);
        }
        self.out_of_turn(AnomalyKind::EarlyTalker, input, cx)
    }

    /// Reports a command that came before the greeting, when it has turned out that it might not.
    pub(super) fn early_talker(&mut self, wire: &[u8], cx: &mut Context<'_>) {
        if !self.inspector.has_reported(AnomalyKind::EarlyTalker) {
            self.anomaly(AnomalyKind::EarlyTalker, Side::Client, first(wire), cx);
        }
    }

    fn out_of_turn(&mut self, kind: AnomalyKind, input: &[u8], cx: &mut Context<'_>) -> Step {
        // Bytes that wait are offered again and again; the anomaly is the same.
        if self.inspector.has_reported(kind) {
            return Step::Wants(Wants::Peer);
        }
        if self.anomaly(kind, Side::Client, first(input), cx) != Treatment::Reset {
            return Step::Wants(Wants::Peer);
        }
        let refusal = self.because_of(kind, Cause::OutOfTurn);
        if self.greeted {
            self.last_reply_then(refusal, After::Reset, cx);
        } else {
            self.note_refusal(cx);
            self.last_reply_now_then(refusal, After::Reset, cx);
        }
        Step::Took(input.len())
    }

    /// Whether the session ends because its first byte is not text: another protocol, TLS, or noise.
    fn is_foreign(&mut self, input: &[u8], cx: &mut Context<'_>) -> bool {
        let kind = foreign_byte(input.first().copied().unwrap_or_default(), self.commands);
        if self.inspector.has_reported(kind) {
            return false;
        }
        let foreign = self.anomaly(kind, Side::Client, first(input), cx) == Treatment::Reset;
        if foreign {
            self.reset(cx);
        }
        foreign
    }

    fn too_long(&mut self, input: &[u8], len: usize, ends: bool, cx: &mut Context<'_>) -> Step {
        if std::mem::take(&mut self.early) {
            self.early_talker(input, cx);
        }
        if self.is_foreign_beginning(input, cx) {
            return Step::Took(len);
        }
        let value = input.get(..cx.config.bounds.command_line).unwrap_or(input);
        self.anomaly(AnomalyKind::CommandTooLong, Side::Client, self.reportable_text(value), cx);
        self.commands += 1;
        self.client = Client::Skip(0);
        self.refuse(self.because_of(AnomalyKind::CommandTooLong, Cause::LineTooLong), cx);
        self.skipped(len as u64, ends, cx);
        Step::Took(len)
    }

    fn skip(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        let Client::Skip(skipped) = self.client else { return Step::Took(0) };
        let lf = memchr::memchr(b'\n', input);
        let len = lf.map_or(input.len(), |lf| lf + 1);
        self.skipped(skipped + len as u64, lf.is_some(), cx);
        Step::Took(len)
    }

    /// This many bytes of a line over its bound have been skipped; `ends` if its end is among them.
    fn skipped(&mut self, bytes: u64, ends: bool, cx: &mut Context<'_>) {
        if !matches!(self.client, Client::Skip(_)) {
            return;
        }
        self.client = if ends { Client::Command } else { Client::Skip(bytes) };
        if bytes > cx.config.bounds.skip {
            self.last_reply(self.because_of(AnomalyKind::CommandTooLong, Cause::EndlessLine), cx);
        }
    }

    fn auth_line(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        if self.barrier {
            return Step::Wants(Wants::Peer);
        }
        match line::decode(input, cx.config.bounds.auth_line) {
            Progress::NeedMore => Step::Wants(Wants::More),
            Progress::Oversize { .. } => {
                self.anomaly(AnomalyKind::CommandTooLong, Side::Client, b"", cx);
                // The line is skipped behind the refusal, and counted there from its first byte.
                self.client = Client::Skip(0);
                self.last_reply(self.because_of(AnomalyKind::CommandTooLong, Cause::LineTooLong), cx);
                Step::Took(0)
            }
            Progress::Unit { unit: line, len } => {
                if line.flaws.control && self.control_in_auth_line(cx) {
                    return Step::Took(len);
                }
                if self.responds(line.text, cx) {
                    // The server is in the middle of the exchange.
                    self.report_blocked_login(cx);
                    self.last_reply(Cause::AccountBlocked, cx);
                    return Step::Took(len);
                }
                pass_line(Side::Server, input.get(..len).unwrap_or_default(), &line, cx);
                self.replies.await_server(Asked::Auth, self.commands.saturating_sub(1));
                self.barrier = true;
                Step::Took(len)
            }
        }
    }

    /// A bare CR could hide a command that the server reads and we do not. The server is in the middle of the
    /// exchange, so a refusal is our last reply. Whether the session ended. The line may hold a password, so
    /// it is not reported.
    fn control_in_auth_line(&mut self, cx: &mut Context<'_>) -> bool {
        let treatment = self.anomaly(AnomalyKind::CommandControl, Side::Client, b"", cx);
        let refusal = self.because_of(AnomalyKind::CommandControl, Cause::ControlCharacter);
        match treatment {
            Treatment::Silent | Treatment::Logged | Treatment::Normalized | Treatment::Masked => {
                return false;
            }
            Treatment::Refused => self.last_reply(refusal, cx),
            Treatment::Reset => self.last_reply_then(refusal, After::Reset, cx),
        }
        true
    }
}

/// RFC 4954 §4: a line with an initial response may be as long as any line of an exchange.
fn is_auth(input: &[u8]) -> bool {
    input.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "))
}

/// What is reported of bytes that came too early: the first. How many came with it depends on how TCP
/// segmented the input, so they are not reported.
fn first(input: &[u8]) -> &[u8] {
    input.get(..1).unwrap_or_default()
}

/// Whether no command begins with this byte.
const fn is_binary(first: u8) -> bool {
    !matches!(first, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

//! Reply lines of the server: which reply each belongs to, and whether it may pass.

use std::borrow::Cow;

use policy::criterion::Counter;
use policy::fact::Fact;
use policy::model::Banner;
use policy::model::Conformance;
use proto::line::{self, Line, LineEnd};
use proto::smtp::reply::ReplyLine;
use proto::smtp::verb::Verb;
use proto::{Progress, Side};

use super::command::pass_line;
use super::wording::{self, Row};
use super::{Asked, Client, Front, Server, Smtp};
use crate::context::Context;
use crate::dialogue::Step;
use crate::effect::Wants;
use crate::event::{AnomalyKind, Observed, Reason, Treatment};
use crate::inspector::Decision;
use crate::refusal::Cause;

impl Smtp {
    pub(super) fn server_step(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        // Our last reply was sent: nothing may follow it.
        if self.ends.is_finished(Side::Client) && self.replies.is_empty() {
            return Step::Took(input.len());
        }
        match &mut self.server {
            Server::Discard => Step::Took(input.len()),
            Server::Introduction(_) => self.introduction_step(input, cx),
            Server::Relay => self.relay(Side::Server, input, cx),
            Server::LongLine(_) => self.long_line(input, cx),
            Server::Replies => match self.replies.front() {
                Front::Waiting => Step::Took(input.len()),
                Front::Empty => self.unsolicited(input, cx),
                Front::Server { asked: asked @ (Asked::Ehlo | Asked::Lhlo), number } => {
                    self.capabilities(asked, number, input, cx)
                }
                Front::Server { asked, number } => self.reply_line(asked, number, input, cx),
            },
        }
    }

    fn reply_line(&mut self, asked: Asked, number: u32, input: &[u8], cx: &mut Context<'_>) -> Step {
        let (line, len) = match line::decode(input, cx.config.bounds.reply_line) {
            Progress::NeedMore => return Step::Wants(Wants::More),
            Progress::Oversize { .. } => return self.endless(input, cx),
            Progress::Unit { unit, len } => (unit, len),
        };
        let wire = input.get(..len).unwrap_or_default();
        if self.ends_by_flaws(&line, cx) {
            return Step::Took(len);
        }
        let reply = ReplyLine::read(line.text);
        let same = reply.is_some_and(|reply| self.reply_lines == 0 || reply.code == self.reply_code);
        if !same && self.ends_session(AnomalyKind::BadReply, line.text, cx) {
            return Step::Took(len);
        }
        let first = self.reply_lines == 0;
        if self.reply_lines >= cx.config.bounds.reply_lines
            && self.ends_session(AnomalyKind::EndlessReply, b"", cx)
        {
            return Step::Took(len);
        }
        let is_malformed = reply.is_none();
        let Some(reply) = reply.or_else(|| ReplyLine::read_malformed(line.text, first)) else {
            self.reply_lines += 1;
            pass_reply(wire, &line, cx);
            return Step::Took(len);
        };
        self.reply_code = reply.code;
        if asked == Asked::Greeting {
            cx.observe(Observed::Banner { text: line.text });
        }
        if first && self.is_refused(asked, reply.code, &line, cx) {
            return Step::Took(len);
        }
        self.note_reply_line(asked, first, reply.text);
        self.reply_lines += 1;
        self.count_taken(asked, &reply);
        match cx.config.profile.banner {
            Banner::Masked | Banner::MaskedExceptEsmtp if asked == Asked::Greeting && cx.carries_out() => {
                mask_greeting(&line, &reply, cx);
            }
            Banner::Masked | Banner::MaskedExceptEsmtp | Banner::Shown => pass_reply(wire, &line, cx),
        }
        if reply.last {
            self.reply_lines = 0;
            if is_malformed && cx.is_recorded() {
                // It had no code.
                self.settle(asked, number, reply.code, cx);
            } else if !self.taken_early(asked, reply.code, cx) {
                self.answered(asked, number, reply.code, cx);
            }
        }
        Step::Took(len)
    }

    /// The reply to a message is reported with its text: servers name there what they have made of it.
    fn note_reply_line(&mut self, asked: Asked, is_first: bool, text: &[u8]) {
        if let (Asked::EndOfData { .. } | Asked::Chunk | Asked::LastChunk { .. }, Some(transaction)) =
            (asked, &mut self.transaction)
            && let Some(particulars) = &mut transaction.particulars
        {
            particulars.reply_line(is_first, text);
        }
    }

    /// Judges a reply by its first line: once that has passed, the client waits for the rest.
    fn is_refused(&mut self, asked: Asked, code: u16, line: &Line<'_>, cx: &mut Context<'_>) -> bool {
        // A 503 is not about the recipient: MAIL was refused, which a pipelining client learns too late.
        let invalid = asked == Asked::Rcpt && code >= 500 && code != 503;
        invalid && self.too_many_invalid(cx)
            || self.is_impossible(asked, code, line, cx)
            || self.early_acceptance(asked, code)
                && self.ends_session(AnomalyKind::UnaskedReply, line.text, cx)
    }

    /// Whether the session ends because of a reply that its command cannot have. Behind a 3xx follows what is no
    /// command: for a verb that nobody knows, nobody could tell what.
    fn is_impossible(&mut self, asked: Asked, code: u16, line: &Line<'_>, cx: &mut Context<'_>) -> bool {
        match (asked, code / 100) {
            (Asked::Data, 3) => self.is_refused_message(cx),
            (Asked::Unknown, 3) => self.ends_session(AnomalyKind::UnknownExchange, line.text, cx),
            _ if asked.may_have(code) => false,
            _ => self.ends_session(AnomalyKind::BadReply, line.text, cx),
        }
    }

    /// With EXDATA a 558 to the message has a reply for each recipient in it: only those that it takes are accepted.
    fn count_taken(&mut self, asked: Asked, reply: &ReplyLine<'_>) {
        if reply.code != ONE_IN_ONE || !matches!(asked, Asked::EndOfData { .. } | Asked::LastChunk { .. }) {
            return;
        }
        let Some(transaction) = self.transaction.as_mut().filter(|transaction| transaction.exdata) else {
            return;
        };
        if self.reply_lines == 1 {
            transaction.accepted = 0;
        }
        let inner = ReplyLine::read(reply.text).filter(|inner| inner.last && inner.code / 100 == 2);
        transaction.accepted += u32::from(inner.is_some());
    }

    /// In a recording: the server took something for the end of the message, and the message goes on.
    fn taken_early(&mut self, asked: Asked, code: u16, cx: &Context<'_>) -> bool {
        let ends_message = asked != Asked::Chunk;
        if !cx.is_recorded() || !ends_message || !self.early_acceptance(asked, code) {
            return false;
        }
        self.transaction.as_mut().is_some_and(|transaction| {
            transaction.taken_early = true;
            true
        })
    }

    /// Whether the reply accepts a message, or a chunk, that has not ended yet.
    fn early_acceptance(&self, asked: Asked, code: u16) -> bool {
        let taken = self.transaction.as_ref().is_some_and(|transaction| transaction.taken_early);
        (code < 400 || taken) && self.is_under_way(asked)
    }

    fn too_many_invalid(&mut self, cx: &mut Context<'_>) -> bool {
        self.invalid_recipients += 1;
        let count = self.invalid_recipients;
        self.inspector.learn(Fact::Count(Counter::InvalidRecipients, u64::from(count)), cx);
        let decision = self.judge(&|_| Cow::Owned(count.to_string().into_bytes()), cx);
        let Decision::Refuse(acted) = decision else { return false };
        self.note_refusal(cx);
        match wording::command_row(Verb::Rcpt, acted, cx.config) {
            Row::Last(refusal) | Row::Answer(refusal) => self.last_reply_now(refusal, cx),
        }
        true
    }

    /// A line that answers no command. A server may send 421 at any time (RFC 5321 §3.8).
    fn unsolicited(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        let (line, len) = match line::decode(input, cx.config.bounds.reply_line) {
            Progress::NeedMore => return Step::Wants(Wants::More),
            Progress::Oversize { .. } => return self.endless(input, cx),
            Progress::Unit { unit, len } => (unit, len),
        };
        if self.ends_by_flaws(&line, cx) {
            return Step::Took(len);
        }
        let farewell = ReplyLine::read(line.text).filter(|reply| reply.code == 421);
        if farewell.is_some() || !self.ends_session(AnomalyKind::UnaskedReply, line.text, cx) {
            pass_reply(input.get(..len).unwrap_or_default(), &line, cx);
        }
        if farewell.is_some_and(|reply| reply.last) {
            self.closed_by_server(cx);
        }
        Step::Took(len)
    }

    /// After an unsolicited 421 the server closes; so do we, whether it does or not.
    fn closed_by_server(&mut self, cx: &mut Context<'_>) {
        if cx.is_recorded() {
            return;
        }
        self.ends.add_reason(Reason::ServerLost);
        self.client = Client::Discard;
        self.server = Server::Discard;
        self.finish(Side::Client, cx);
        self.finish(Side::Server, cx);
    }

    pub(super) fn endless(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        if !self.ends_session(AnomalyKind::EndlessReply, b"", cx) {
            let reply = input.get(..4).and_then(ReplyLine::read).filter(|reply| reply.last);
            self.server = Server::LongLine(reply.map(|reply| reply.code));
            return self.long_line(input, cx);
        }
        Step::Took(input.len())
    }

    fn long_line(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        let Server::LongLine(ends) = self.server else { return Step::Took(0) };
        let lf = memchr::memchr(b'\n', input);
        let len = lf.map_or(input.len(), |lf| lf + 1);
        cx.out.pass(Side::Client, input.get(..len).unwrap_or_default());
        if lf.is_some() {
            self.server = Server::Replies;
            self.reply_lines += 1;
        }
        if let (Some(_), Some(code), Front::Server { asked, number }) = (lf, ends, self.replies.front()) {
            self.reply_lines = 0;
            self.answered(asked, number, code, cx);
        }
        Step::Took(len)
    }

    /// Whether a line of the server ended the session by what it is made of.
    pub(super) fn ends_by_flaws(&mut self, line: &Line<'_>, cx: &mut Context<'_>) -> bool {
        line.end == LineEnd::Lf && self.ends_session(AnomalyKind::ReplyBareLf, line.text, cx)
            || line.flaws.control && self.ends_session(AnomalyKind::ReplyControl, line.text, cx)
    }

    /// Reports an anomaly of the server. Whether it ended the session.
    pub(super) fn ends_session(&mut self, kind: AnomalyKind, value: &[u8], cx: &mut Context<'_>) -> bool {
        let ends = self.anomaly(kind, Side::Server, value, cx) == Treatment::Reset;
        if ends {
            // Within a reply nothing else can be said.
            if let (0, Front::Server { asked, .. }) = (self.reply_lines, self.replies.front()) {
                let refusal = self.because_of(kind, Cause::BadReply);
                self.note_refusals(asked, refusal, cx);
                (0..self.owed(asked)).for_each(|_| self.answer(refusal, cx));
            }
            self.reset(cx);
        }
        ends
    }
}

/// With EXDATA (draft-varshavchik-exdata-smtpext): replies of each recipient within one.
const ONE_IN_ONE: u16 = 558;

/// Forwards a line of a reply as it came; where its level demands it, in canonical form.
pub(super) fn pass_reply(wire: &[u8], line: &Line<'_>, cx: &mut Context<'_>) {
    let normalizes = cx.config.conformance != Conformance::Compat && !cx.is_recorded();
    if !line.flaws.control || !normalizes {
        return pass_line(Side::Client, wire, line, cx);
    }
    for run in line.text.chunk_by(|before, byte| is_control(*before) == is_control(*byte)) {
        match run.first() {
            Some(&byte) if is_control(byte) => run.iter().for_each(|_| cx.out.rewrite(Side::Client, b" ")),
            _ => cx.out.pass(Side::Client, run),
        }
    }
    cx.out.rewrite(Side::Client, b"\r\n");
}

/// Forwards a line of the greeting with its text masked; its code and what follows that stay.
fn mask_greeting(line: &Line<'_>, reply: &ReplyLine<'_>, cx: &mut Context<'_>) {
    let code = line.text.len() - reply.text.len();
    let shown: Option<&[u8]> = (cx.config.profile.banner == Banner::MaskedExceptEsmtp).then_some(b"ESMTP");
    cx.out.pass(Side::Client, line.text.get(..code).unwrap_or_default());
    cx.out.rewrite(Side::Client, &wording::masked_greeting(reply.text, shown));
    cx.out.rewrite(Side::Client, b"\r\n");
}

const fn is_control(byte: u8) -> bool {
    byte < 0x20 && byte != b'\t' || byte == 0x7F
}

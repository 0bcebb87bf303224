//! What the server says: replies, and what they change.

use std::borrow::Cow;

use policy::criterion::{Counter, Word};
use policy::fact::{Close, Fact, Scope};
use policy::model::StartTls;
use proto::line::{self, Line, LineEnd};
use proto::smtp::extension::{Extensions, keyword_of};
use proto::smtp::reply::{self, BlockBounds, ReplyLine};
use proto::smtp::verb::Verb;
use proto::{Progress, Side};
use smallvec::SmallVec;

use super::command::pass_line;
use super::wording::{self, Row};
use super::{Asked, Client, Front, Server, Smtp, Swallow, Swallowed};
use crate::context::Context;
use crate::dialogue::Step;
use crate::effect::Wants;
use crate::event::{AnomalyKind, Event, Observed, Reason, Treatment};
use crate::inspector::Decision;
use crate::refusal::Cause;
use crate::relay::Relay;

/// With PRDR (draft-hall-prdr) a message may be answered so: behind it comes one reply for each recipient
/// that was accepted, and one for the message.
const ONE_BY_ONE: u16 = 353;

impl Smtp {
    pub(super) fn server_step(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        // Our last word was said: nothing may follow it.
        if self.ends.is_finished(Side::Client) && self.replies.is_empty() {
            return Step::Took(input.len());
        }
        match &mut self.server {
            Server::Discard => Step::Took(input.len()),
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
        if line.end == LineEnd::Lf && self.ends_session(AnomalyKind::ReplyBareLf, line.text, cx) {
            return Step::Took(len);
        }
        let reply = ReplyLine::read(line.text);
        let same = reply.is_some_and(|reply| self.reply_lines == 0 || reply.code == self.reply_code);
        if !same && self.ends_session(AnomalyKind::BadReply, line.text, cx) {
            return Step::Took(len);
        }
        self.reply_lines += 1;
        if self.reply_lines > cx.config.bounds.reply_lines
            && self.ends_session(AnomalyKind::EndlessReply, b"", cx)
        {
            return Step::Took(len);
        }
        let Some(reply) = reply else {
            pass_line(Side::Client, wire, &line, cx);
            return Step::Took(len);
        };
        self.reply_code = reply.code;
        if asked == Asked::Greeting {
            cx.observe(Observed::Banner { text: line.text });
        }
        if self.reply_lines == 1 && self.is_refused(asked, reply.code, &line, cx) {
            return Step::Took(len);
        }
        pass_line(Side::Client, wire, &line, cx);
        if reply.last {
            self.reply_lines = 0;
            if !self.taken_early(asked, reply.code, cx) {
                self.answered(asked, number, reply.code, cx);
            }
        }
        Step::Took(len)
    }

    /// A reply is judged by its first line: behind one that has passed, the client waits for the rest.
    fn is_refused(&mut self, asked: Asked, code: u16, line: &Line<'_>, cx: &mut Context<'_>) -> bool {
        // A 503 says nothing of a recipient: the MAIL before it was refused, as a pipelining client learns late.
        let invalid = asked == Asked::Rcpt && code >= 500 && code != 503;
        invalid && self.too_many_invalid(cx)
            || self.asks_for_more(asked, code) && self.ends_session(AnomalyKind::BadReply, line.text, cx)
            || self.early_acceptance(asked, code) && self.ends_session(AnomalyKind::UnaskedReply, line.text, cx)
    }

    /// Whether what follows on this reply is no command, behind one that we would go on with as if it were.
    fn asks_for_more(&self, asked: Asked, code: u16) -> bool {
        let awaited = match asked {
            Asked::Data | Asked::Auth | Asked::EndOfData { .. } | Asked::LastChunk { .. } => true,
            _ => self.begins_exchange(asked, code),
        };
        code / 100 == 3 && !awaited
    }

    /// Behind a 334 the client answers a challenge, whatever verb it asked with: X-EXPS, say.
    fn begins_exchange(&self, asked: Asked, code: u16) -> bool {
        let at_rest = self.replies.len() == 1 && matches!(self.client, Client::Command);
        asked == Asked::Other && code == 334 && at_rest
    }

    /// Where we only look on, the server has seen an end that is none, and what we follow goes on.
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

    /// An answer that takes a message, or a chunk, which has not ended yet.
    fn early_acceptance(&self, asked: Asked, code: u16) -> bool {
        let taken = self.transaction.as_ref().is_some_and(|transaction| transaction.taken_early);
        (code < 400 || taken) && self.is_under_way(asked)
    }

    /// Whether the reply at the front is to octets of which more are to come.
    fn is_under_way(&self, asked: Asked) -> bool {
        let newest = self.replies.len() == 1;
        match asked {
            Asked::EndOfData { .. } => matches!(self.client, Client::Data(_)),
            Asked::LastChunk { .. } | Asked::Chunk => newest && matches!(self.client, Client::Chunk(_)),
            _ => false,
        }
    }

    fn too_many_invalid(&mut self, cx: &mut Context<'_>) -> bool {
        self.invalid_recipients += 1;
        let count = self.invalid_recipients;
        self.inspector.learn(Fact::Count(Counter::InvalidRecipients, u64::from(count)), cx);
        let decision = self.judge(&|_| Cow::Owned(count.to_string().into_bytes()), cx);
        let Decision::Refuse { rule, kind } = decision else { return false };
        self.note_refusal(cx);
        match wording::command_row(Verb::Rcpt, kind, rule, cx.config) {
            Row::Last(refusal) | Row::Answer(refusal) => self.last_reply_now(refusal, cx),
        }
        true
    }

    fn answered(&mut self, asked: Asked, number: u32, code: u16, cx: &mut Context<'_>) {
        self.observe_reply(asked, number, code, cx);
        self.settle(asked, number, code, cx);
    }

    /// What the reply to the command at the front changes.
    pub(super) fn settle(&mut self, asked: Asked, number: u32, code: u16, cx: &mut Context<'_>) {
        let positive = code / 100 == 2;
        let again = match asked {
            Asked::EndOfData { replies } => {
                self.more_replies(replies, code).map(|replies| Asked::EndOfData { replies })
            }
            Asked::LastChunk { replies } => {
                self.more_replies(replies, code).map(|replies| Asked::LastChunk { replies })
            }
            _ => None,
        };
        let begins_exchange = self.begins_exchange(asked, code);
        let cut_short = asked == Asked::Chunk && self.is_under_way(asked) && !cx.is_recorded();
        self.replies.answered(again);
        match asked {
            Asked::Greeting => self.greeted = true,
            Asked::Ehlo | Asked::Lhlo | Asked::Helo => {
                self.barrier = false;
                self.hello_answered(asked, positive, cx);
            }
            Asked::Mail => self.mail_answered(positive, cx),
            Asked::NestedMail => {
                self.barrier = false;
                match positive {
                    true => self.commit_nested(cx),
                    false => self.resume_suspended(),
                }
            }
            Asked::Rcpt => {
                if let (true, Some(transaction)) = (positive, &mut self.transaction) {
                    transaction.accepted += 1;
                }
            }
            Asked::Rset => {
                self.barrier = false;
                if positive {
                    self.end_transaction(None, cx);
                }
            }
            Asked::Data => {
                self.barrier = false;
                // RFC 5321 §4.2.1: 3xx asks for more, and clients go by the first digit.
                if code / 100 == 3 {
                    self.begin_data(number, cx);
                }
            }
            Asked::EndOfData { .. } | Asked::LastChunk { .. } if again.is_some() => {}
            Asked::EndOfData { .. } | Asked::LastChunk { .. } => self.message_answered(code, cx),
            Asked::Auth => {
                self.barrier = false;
                if code / 100 == 3 {
                    self.client = Client::AuthLine;
                } else if matches!(self.client, Client::AuthLine) {
                    self.client = Client::Command;
                }
            }
            Asked::StartTls => {
                self.barrier = false;
                if code == 220 {
                    self.encrypted(cx);
                }
            }
            Asked::Other if begins_exchange => self.client = Client::AuthLine,
            Asked::Chunk if cut_short => self.message_answered(code, cx),
            Asked::Chunk | Asked::Quit | Asked::Other => {}
        }
    }

    /// What the server still owes to an end of data behind this reply.
    fn more_replies(&self, replies: u32, code: u16) -> Option<u32> {
        if code == ONE_BY_ONE {
            let accepted = self.transaction.as_ref().map_or(0, |transaction| transaction.accepted);
            return Some(accepted.saturating_add(1));
        }
        let owed = if replies == 0 { self.replies_to_a_message() } else { replies };
        (owed > 1).then(|| owed - 1)
    }

    /// In LMTP an end of data has one answer for each recipient that was accepted (RFC 2033 §4.2).
    pub(super) fn replies_to_a_message(&self) -> u32 {
        let accepted = self.transaction.as_ref().map_or(1, |transaction| transaction.accepted);
        if self.lmtp { accepted.max(1) } else { 1 }
    }

    fn observe_reply(&self, asked: Asked, number: u32, code: u16, cx: &mut Context<'_>) {
        let transaction = self.transaction.as_ref().map(|transaction| transaction.number);
        match (asked, transaction) {
            (Asked::Greeting, _) => {}
            (Asked::EndOfData { .. } | Asked::LastChunk { .. }, _) if code == ONE_BY_ONE => {}
            (Asked::EndOfData { .. }, Some(transaction)) => {
                cx.observe(Observed::MessageReply { transaction, code });
            }
            (Asked::Chunk | Asked::LastChunk { .. }, Some(transaction)) => {
                cx.observe(Observed::Reply { number, code });
                cx.observe(Observed::MessageReply { transaction, code });
            }
            _ => cx.observe(Observed::Reply { number, code }),
        }
    }

    fn mail_answered(&mut self, positive: bool, cx: &mut Context<'_>) {
        if positive {
            if let Some(transaction) = &mut self.transaction {
                transaction.provisional = false;
            }
        } else if self.transaction.as_ref().is_some_and(|transaction| transaction.provisional) {
            self.end_transaction(None, cx);
        }
    }

    /// The answer to a message; one that came early leaves the rest of it to nobody.
    fn message_answered(&mut self, code: u16, cx: &mut Context<'_>) {
        self.barrier = false;
        let rest = match std::mem::replace(&mut self.client, Client::Command) {
            Client::Data(decoder) => Some(Swallowed::Data(decoder)),
            Client::Chunk(chunk) => Some(Swallowed::Chunk(chunk.octets.left())),
            other => {
                self.client = other;
                None
            }
        };
        if let Some(what) = rest {
            self.observe_unfinished(cx);
            self.answered_early(what, cx);
        }
        self.end_transaction(Some(code), cx);
    }

    /// A server that has answered half a message may wait for the rest of it, or for a command: nothing
    /// could be sent that means the same in both. It is left, and the client told once it has sent all.
    fn answered_early(&mut self, what: Swallowed, cx: &Context<'_>) {
        let refused = !cx.is_recorded();
        let budget = cx.config.bounds.swallow;
        self.client = Client::Swallow(Box::new(Swallow { what, budget, refused }));
        if refused {
            self.ends.set_reason(Reason::ServerLost);
            self.ends.start_timer(cx.out.now);
            self.replies.last_after_message(Cause::AnsweredEarly);
        }
    }

    fn hello_answered(&mut self, asked: Asked, positive: bool, cx: &mut Context<'_>) {
        if !positive {
            return;
        }
        self.lmtp = asked == Asked::Lhlo;
        if asked == Asked::Helo {
            self.offered = Extensions::default();
            self.masked = Extensions::default();
        }
        self.end_transaction(None, cx);
    }

    /// From here on nobody sees anything; what was known of the dialogue is forgotten with it.
    fn encrypted(&mut self, cx: &mut Context<'_>) {
        cx.observe(Observed::StartTls);
        self.relay = Relay::after_starttls();
        self.client = Client::Relay;
        self.server = Server::Relay;
        self.end_transaction(None, cx);
        let criteria: Vec<&str> =
            cx.policy().map_or_else(Vec::new, |policy| policy.hidden_by_encryption().collect());
        cx.out.report(Event::Tls { criteria: &criteria });
    }

    /// The reply to EHLO, judged whole, keyword by keyword.
    fn capabilities(&mut self, asked: Asked, number: u32, input: &[u8], cx: &mut Context<'_>) -> Step {
        let bounds = BlockBounds {
            lines: cx.config.bounds.capability_lines,
            octets: cx.config.bounds.capability_octets,
            line: cx.config.bounds.reply_line,
        };
        let (block, len) = match reply::block(input, bounds) {
            Progress::NeedMore => return Step::Wants(Wants::More),
            Progress::Oversize { .. } => return self.endless(input, cx),
            Progress::Unit { unit, len } => (unit, len),
        };
        let Some(offer) = self.judge_capabilities(block, cx) else { return Step::Took(len) };
        for (count, wire) in block.split_inclusive(|&octet| octet == b'\n').enumerate() {
            let Progress::Unit { unit: line, .. } = line::decode(wire, bounds.line) else { break };
            match offer.hidden.contains(&count).then(|| ReplyLine::read(line.text)).flatten() {
                Some(reply) => hide(&line, &reply, cx),
                None => pass_line(Side::Client, wire, &line, cx),
            }
        }
        if offer.code == 0 {
            // Not one line of it was a reply.
            return Step::Took(len);
        }
        if offer.code == 250 {
            self.offered = offer.offered;
            self.masked = offer.masked;
        }
        if offer.ends {
            self.reply_lines = 0;
            self.answered(asked, number, offer.code, cx);
        }
        Step::Took(len)
    }

    /// What a capability reply offers; nothing if it ended the session. All of it is judged before
    /// the client hears any.
    fn judge_capabilities(&mut self, block: &[u8], cx: &mut Context<'_>) -> Option<Offer> {
        let mut offer = Offer::default();
        for (count, wire) in block.split_inclusive(|&octet| octet == b'\n').enumerate() {
            let Progress::Unit { unit: line, .. } = line::decode(wire, wire.len()) else { break };
            if line.end == LineEnd::Lf && self.ends_session(AnomalyKind::ReplyBareLf, line.text, cx) {
                return None;
            }
            let reply = ReplyLine::read(line.text).filter(|reply| count == 0 || reply.code == offer.code);
            let Some(reply) = reply else {
                if self.ends_session(AnomalyKind::BadReply, line.text, cx) {
                    return None;
                }
                continue;
            };
            (offer.code, offer.ends) = (reply.code, reply.last);
            if count > 0 && reply.code == 250 && self.is_hidden(&reply, &mut offer, cx)? {
                offer.hidden.push(count);
            }
        }
        Some(offer)
    }

    /// Whether one keyword is kept from the client; nothing if it ended the session.
    fn is_hidden(&mut self, reply: &ReplyLine<'_>, offer: &mut Offer, cx: &mut Context<'_>) -> Option<bool> {
        let keyword = keyword_of(reply.text);
        offer.offered.insert(keyword);
        cx.observe(Observed::Capability { text: reply.text });
        self.inspector.begin(Scope::Keyword, cx);
        self.inspector.learn(Fact::Word(Word::EhloKeyword, keyword), cx);
        self.inspector.close(Close::Keyword, cx);
        let decision = self.judge(&|_| Cow::Borrowed(keyword), cx);
        if let Decision::Refuse { rule, kind } = decision {
            self.note_refusal(cx);
            let (Row::Last(refusal) | Row::Answer(refusal)) =
                wording::command_row(Verb::Ehlo, kind, rule, cx.config);
            self.last_reply_now(refusal, cx);
            return None;
        }
        let hidden = decision == Decision::Mask || is_always_hidden(keyword, cx);
        if hidden {
            offer.masked.insert(keyword);
        }
        Some(hidden)
    }

    /// A line that nobody asked for. A server may say 421 whenever it likes (RFC 5321 §3.8).
    fn unsolicited(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        let (line, len) = match line::decode(input, cx.config.bounds.reply_line) {
            Progress::NeedMore => return Step::Wants(Wants::More),
            Progress::Oversize { .. } => return self.endless(input, cx),
            Progress::Unit { unit, len } => (unit, len),
        };
        let farewell = ReplyLine::read(line.text).filter(|reply| reply.code == 421);
        if farewell.is_some() || !self.ends_session(AnomalyKind::UnaskedReply, line.text, cx) {
            pass_line(Side::Client, input.get(..len).unwrap_or_default(), &line, cx);
        }
        if farewell.is_some_and(|reply| reply.last) {
            self.closed_by_server(cx);
        }
        Step::Took(len)
    }

    /// Behind an unasked 421 the server closes; so do we, whether it does or not.
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

    fn endless(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
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

    /// Whether an anomaly of the server ends the session, which it then has.
    fn ends_session(&mut self, kind: AnomalyKind, value: &[u8], cx: &mut Context<'_>) -> bool {
        let ends = self.anomaly(kind, Side::Server, value, cx) == Treatment::Reset;
        if ends {
            self.reset(cx);
        }
        ends
    }
}

/// What an EHLO reply names.
#[derive(Default)]
struct Offer {
    offered: Extensions,
    masked: Extensions,
    code: u16,
    /// Its last line was among what was read: one that is no reply line cuts it short.
    ends: bool,
    /// Lines that the client is not shown, by their number.
    hidden: SmallVec<[usize; 8]>,
}

/// As many octets in place of a keyword and its parameters.
fn hide(line: &Line<'_>, reply: &ReplyLine<'_>, cx: &mut Context<'_>) {
    let shown = line.text.len() - reply.text.len();
    cx.out.pass(Side::Client, line.text.get(..shown).unwrap_or_default());
    wording::mask(cx.config.profile.ink.keyword, reply.text.len())
        .for_each(|ink| cx.out.rewrite(Side::Client, ink));
    cx.out.rewrite(Side::Client, b"\r\n");
}

/// Keywords that no class needs to name: what the dialect cannot inspect, and STARTTLS on request.
fn is_always_hidden(keyword: &[u8], cx: &Context<'_>) -> bool {
    let profile = cx.config.profile.hides(keyword);
    let starttls = cx.config.starttls == StartTls::Mask && keyword.eq_ignore_ascii_case(b"STARTTLS");
    cx.carries_out() && (profile || starttls)
}

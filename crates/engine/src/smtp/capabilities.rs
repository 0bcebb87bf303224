//! The reply to EHLO or LHLO: judged whole, keyword by keyword, and masked where a rule or the dialect says so.

use std::borrow::Cow;

use policy::criterion::Word;
use policy::fact::Fact;
use policy::model::Conformance;
use policy::scope::{Close, Scope};
use proto::line::{self, Line};
use proto::smtp::extension::keyword_of;
use proto::smtp::reply::{self, BlockBounds, ReplyLine};
use proto::smtp::verb::Verb;
use proto::{Progress, Side};
use smallvec::SmallVec;

use super::limits::Announcement;
use super::offer::Keywords;
use super::replies_in::pass_reply;
use super::wording::{self, Row};
use super::{Asked, Smtp};
use crate::context::Context;
use crate::dialogue::Step;
use crate::effect::Wants;
use crate::event::{AnomalyKind, Observed};
use crate::inspector::Decision;

impl Smtp {
    /// A whole reply to EHLO: judged before the client gets any of it.
    pub(super) fn capabilities(
        &mut self,
        asked: Asked,
        number: u32,
        input: &[u8],
        cx: &mut Context<'_>,
    ) -> Step {
        let bounds = BlockBounds {
            lines: cx.config.bounds.capability_lines,
            octets: cx.config.bounds.capability_bytes,
            line: cx.config.bounds.reply_line,
            lenient: cx.config.conformance == Conformance::Compat || cx.is_recorded(),
        };
        let (block, len) = match reply::block(input, bounds) {
            Progress::NeedMore => return Step::Wants(Wants::More),
            Progress::Oversize { .. } => return self.endless(input, cx),
            Progress::Unit { unit, len } => (unit, len),
        };
        let Some(reply) = self.judge_capabilities(asked, block, cx) else { return Step::Took(len) };
        let offer = reply.keywords.into_offer(cx.config);
        let config = cx.config;
        let is_masked = |count: usize, line: &ReplyLine<'_>| {
            let named = count > 0 && line.code == 250;
            named && (reply.masked.contains(&count) || offer.hides(line.text, config))
        };
        let whole = reply.code == 250 && reply.ends;
        let announcement = whole.then(|| {
            let shown = lines(block, bounds.line).map(|(count, _, line)| {
                let read = ReplyLine::read(line.text).filter(|line| !is_masked(count, line));
                (count, read.map(|line| line.text))
            });
            Announcement::of(shown, &offer, cx)
        });
        let announcement = announcement.unwrap_or_default();
        let mut hidden = 0;
        for (count, wire, line) in lines(block, bounds.line) {
            let Some(read) = ReplyLine::read(line.text) else {
                pass_reply(wire, &line, cx);
                continue;
            };
            if announcement.put_before(count, &read, cx) {
                continue;
            }
            if is_masked(count, &read) {
                hide(&line, &read, hidden, cx);
                hidden += 1;
            } else if let Some(text) = announcement.rewritten(count, read.text) {
                replace(&line, &read, &text, cx);
            } else {
                pass_reply(wire, &line, cx);
            }
        }
        if reply.code == 0 {
            // None of its lines was a reply line.
            return Step::Took(len);
        }
        if reply.code == 250 {
            self.offer = offer;
        }
        if reply.ends {
            self.reply_lines = 0;
            match reply.is_malformed && cx.is_recorded() {
                true => self.settle(asked, number, reply.code, cx),
                false => self.answered(asked, number, reply.code, cx),
            }
        }
        Step::Took(len)
    }

    /// Judges each keyword of the reply. Nothing if the session was ended.
    fn judge_capabilities(
        &mut self,
        asked: Asked,
        block: &[u8],
        cx: &mut Context<'_>,
    ) -> Option<Capabilities> {
        let mut whole = Capabilities::default();
        for (count, wire) in block.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let Progress::Unit { unit: line, .. } = line::decode(wire, wire.len()) else { break };
            if self.ends_by_flaws(&line, cx) {
                return None;
            }
            let reply = ReplyLine::read(line.text).filter(|reply| count == 0 || reply.code == whole.code);
            let Some(reply) = reply else {
                if self.ends_session(AnomalyKind::BadReply, line.text, cx) {
                    return None;
                }
                if let Some(answer) = ReplyLine::read_malformed(line.text, count == 0) {
                    (whole.code, whole.ends, whole.is_malformed) = (answer.code, answer.last, true);
                }
                continue;
            };
            if count == 0
                && !asked.may_have(reply.code)
                && self.ends_session(AnomalyKind::BadReply, line.text, cx)
            {
                return None;
            }
            (whole.code, whole.ends) = (reply.code, reply.last);
            if count > 0 && reply.code == 250 {
                let keyword = keyword_of(reply.text);
                let masked = self.is_masked(&reply, cx)?;
                whole.keywords.add(keyword, masked, cx.config);
                if masked {
                    whole.masked.push(count);
                }
            }
        }
        Some(whole)
    }

    /// Whether a rule masks one keyword. Nothing if the session was ended.
    fn is_masked(&mut self, reply: &ReplyLine<'_>, cx: &mut Context<'_>) -> Option<bool> {
        let keyword = keyword_of(reply.text);
        cx.observe(Observed::Capability { text: reply.text });
        self.inspector.begin(Scope::Keyword, cx);
        self.inspector.learn(Fact::Word(Word::EhloKeyword, keyword), cx);
        self.inspector.close(Close::Keyword, cx);
        let decision = self.judge(&|_| Cow::Borrowed(keyword), cx);
        if let Decision::Refuse(acted) = decision {
            self.note_refusal(cx);
            let (Row::Last(refusal) | Row::Answer(refusal)) =
                wording::command_row(Verb::Ehlo, acted, cx.config);
            self.last_reply_now(refusal, cx);
            return None;
        }
        Some(decision == Decision::Mask)
    }
}

/// A reply to EHLO, judged.
#[derive(Default)]
struct Capabilities {
    keywords: Keywords,
    code: u16,
    /// Its last line was among what was read; a line that is not a reply line cuts it short.
    ends: bool,
    /// Its code is not one that the server has said.
    is_malformed: bool,
    /// Lines that a rule masks, by their number.
    masked: SmallVec<[usize; 8]>,
}

/// The lines of a reply, by number.
fn lines(block: &[u8], bound: usize) -> impl Iterator<Item = (usize, &[u8], Line<'_>)> {
    let wires = block.split_inclusive(|&byte| byte == b'\n').enumerate();
    wires.map_while(move |(count, wire)| match line::decode(wire, bound) {
        Progress::Unit { unit: line, .. } => Some((count, wire, line)),
        Progress::NeedMore | Progress::Oversize { .. } => None,
    })
}

/// Forwards other text in place of a keyword and its parameters.
fn replace(line: &Line<'_>, reply: &ReplyLine<'_>, text: &[u8], cx: &mut Context<'_>) {
    let shown = line.text.len() - reply.text.len();
    cx.out.pass(Side::Client, line.text.get(..shown).unwrap_or_default());
    cx.out.rewrite(Side::Client, text);
    cx.out.rewrite(Side::Client, b"\r\n");
}

/// Forwards as many bytes in place of a keyword and its parameters; `number` keywords of the reply were hidden before.
fn hide(line: &Line<'_>, reply: &ReplyLine<'_>, number: usize, cx: &mut Context<'_>) {
    let shown = line.text.len() - reply.text.len();
    cx.out.pass(Side::Client, line.text.get(..shown).unwrap_or_default());
    let ink = cx.config.profile.ink;
    let running = if ink.running && !reply.text.is_empty() { wording::running_letter(number) } else { b"" };
    wording::mask(ink.keyword, reply.text.len() - running.len())
        .chain([running])
        .for_each(|ink| cx.out.rewrite(Side::Client, ink));
    cx.out.rewrite(Side::Client, b"\r\n");
}

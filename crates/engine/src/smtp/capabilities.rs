//! The reply to EHLO or LHLO: judged whole, keyword by keyword, and masked where a rule or the dialect says so.

use std::borrow::Cow;

use policy::criterion::Word;
use policy::fact::Fact;
use policy::model::StartTls;
use policy::scope::{Close, Scope};
use proto::line::{self, Line, LineEnd};
use proto::smtp::extension::{Extensions, keyword_of};
use proto::smtp::reply::{self, BlockBounds, ReplyLine};
use proto::smtp::verb::Verb;
use proto::{Progress, Side};
use smallvec::SmallVec;

use super::command::pass_line;
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
        };
        let (block, len) = match reply::block(input, bounds) {
            Progress::NeedMore => return Step::Wants(Wants::More),
            Progress::Oversize { .. } => return self.endless(input, cx),
            Progress::Unit { unit, len } => (unit, len),
        };
        let Some(offer) = self.judge_capabilities(block, cx) else { return Step::Took(len) };
        for (count, wire) in block.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let Progress::Unit { unit: line, .. } = line::decode(wire, bounds.line) else { break };
            match offer.hidden.contains(&count).then(|| ReplyLine::read(line.text)).flatten() {
                Some(reply) => hide(&line, &reply, cx),
                None => pass_line(Side::Client, wire, &line, cx),
            }
        }
        if offer.code == 0 {
            // None of its lines was a reply line.
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

    /// Judges each keyword of the reply. Nothing if the session was ended.
    fn judge_capabilities(&mut self, block: &[u8], cx: &mut Context<'_>) -> Option<Capabilities> {
        let mut offer = Capabilities::default();
        for (count, wire) in block.split_inclusive(|&byte| byte == b'\n').enumerate() {
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

    /// Whether one keyword is masked. Nothing if the session was ended.
    fn is_hidden(
        &mut self,
        reply: &ReplyLine<'_>,
        offer: &mut Capabilities,
        cx: &mut Context<'_>,
    ) -> Option<bool> {
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
}

/// What an EHLO reply offers.
#[derive(Default)]
struct Capabilities {
    offered: Extensions,
    masked: Extensions,
    code: u16,
    /// Its last line was among what was read; a line that is not a reply line cuts it short.
    ends: bool,
    /// Lines that are masked, by their number.
    hidden: SmallVec<[usize; 8]>,
}

/// Forwards as many bytes in place of a keyword and its parameters.
fn hide(line: &Line<'_>, reply: &ReplyLine<'_>, cx: &mut Context<'_>) {
    let shown = line.text.len() - reply.text.len();
    cx.out.pass(Side::Client, line.text.get(..shown).unwrap_or_default());
    wording::mask(cx.config.profile.ink.keyword, reply.text.len())
        .for_each(|ink| cx.out.rewrite(Side::Client, ink));
    cx.out.rewrite(Side::Client, b"\r\n");
}

/// Keywords that are masked without a rule: what the dialect cannot inspect, and STARTTLS on request.
fn is_always_hidden(keyword: &[u8], cx: &Context<'_>) -> bool {
    let profile = cx.config.profile.hides(keyword);
    let starttls = cx.config.starttls == StartTls::Mask && keyword.eq_ignore_ascii_case(b"STARTTLS");
    cx.carries_out() && (profile || starttls)
}

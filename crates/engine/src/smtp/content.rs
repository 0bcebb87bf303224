//! Message data: learned first, then forwarded, and discarded where it is refused.

use policy::scope::Scope;
use proto::Side;
use proto::smtp::body::{self, BodyStep, Flaw, Nul, Piece, Scratch};
use proto::smtp::reply::ReplyLine;

use super::{Asked, Client, Front, Server, Smtp, Swallow, Swallowed, closing, wording};
use crate::context::Context;
use crate::dialogue::Step;
use crate::effect::Wants;
use crate::event::{AnomalyKind, Observed, Via};
use crate::inspector::Within;
use crate::message::{Message, MessageInspector};
use crate::refusal::Refusal;

/// The line that ends a message.
const END: &[u8] = b".\r\n";

impl Smtp {
    /// 354: what follows is a message.
    pub(super) fn begin_data(&mut self, number: u32, cx: &mut Context<'_>) {
        self.observe_unfinished(cx);
        let transaction = self.transaction.get_or_insert_with(|| {
            self.transactions += 1;
            Box::new(super::OpenTransaction::without_mail(self.transactions - 1, cx))
        });
        transaction.message = Some(Box::new(Message::new(Via::Data, cx)));
        transaction.observed = false;
        self.inspector.begin(Scope::Message, cx);
        self.client = Client::Data(body::Data::new(nul(cx)));
        self.replies.await_server(Asked::EndOfData { replies: 0 }, number);
    }

    pub(super) fn data(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        let Client::Data(decoder) = &self.client else { return Step::Wants(Wants::More) };
        let decoder = decoder.clone();
        let ends =
            matches!(decoder.clone().unit(input.get(..END.len()).unwrap_or(input)), BodyStep::End { .. });
        // A header field is a unit: nothing of it is forwarded before all of it was judged.
        if !ends && self.holds_fields(cx) {
            let most = cx.config.bounds.held * 9 / 10;
            return match self.complete_fields(input, decoder.is_at_line_start()) {
                0 if input.len() < most => Step::Wants(Wants::More),
                // A field too long to be held is forwarded in pieces of one length, however it arrives.
                0 => {
                    self.look_again();
                    self.fields(input.get(..most).unwrap_or(input), false, decoder, cx)
                }
                whole => self.fields(input.get(..whole).unwrap_or(input), true, decoder, cx),
            };
        }
        self.body(input, decoder, cx)
    }

    /// The bytes at the front that are whole header fields. Bytes that were searched in vain are searched
    /// once, however small the segments are in which a field arrives.
    fn complete_fields(&mut self, input: &[u8], at_line_start: bool) -> usize {
        let Some(message) = self.transaction.as_mut().and_then(|transaction| transaction.message.as_mut())
        else {
            return 0;
        };
        // The last bytes may have been the beginning of an end: they are searched again.
        let from = message.looked_at.saturating_sub(END.len());
        let whole = match line_end(input) {
            blank_line @ 1.. if at_line_start => blank_line,
            _ => complete_fields(input, from),
        };
        message.looked_at = if whole == 0 { input.len() } else { 0 };
        whole
    }

    fn look_again(&mut self) {
        if let Some(message) = self.transaction.as_mut().and_then(|transaction| transaction.message.as_mut())
        {
            message.looked_at = 0;
        }
    }

    fn holds_fields(&self, cx: &Context<'_>) -> bool {
        let wanted = cx.config.policy.as_ref().is_some_and(|policy| policy.needs().header_fields);
        wanted && !cx.is_recorded() && self.message().is_some_and(Message::in_header)
    }

    fn message(&self) -> Option<&Message> {
        self.transaction.as_ref()?.message.as_deref()
    }

    /// Header fields: all of `window` is learned, then all of it is forwarded.
    fn fields(&mut self, window: &[u8], whole: bool, mut decoder: body::Data, cx: &mut Context<'_>) -> Step {
        let mut ahead = decoder.clone();
        let mut seen = 0;
        while let BodyStep::Piece(piece) = ahead.unit(window.get(seen..).unwrap_or_default()) {
            seen += piece.len;
            if let Some(refusal) = self.learn(&piece, cx) {
                return self.refuse_data(refusal, ahead, seen, cx);
            }
        }
        if whole
            && let Some(refusal) = self.with_message(cx, |message, inspector| message.end_field(inspector))
        {
            return self.refuse_data(refusal, ahead, seen, cx);
        }
        let mut taken = 0;
        while let BodyStep::Piece(piece) = decoder.unit(window.get(taken..).unwrap_or_default()) {
            send(&piece, window.get(taken..).unwrap_or_default(), cx);
            taken += piece.len;
        }
        self.client = Client::Data(decoder);
        if taken == 0 { Step::Wants(Wants::More) } else { Step::Took(taken) }
    }

    fn body(&mut self, input: &[u8], mut decoder: body::Data, cx: &mut Context<'_>) -> Step {
        let mut taken = 0;
        let mut scratch = Scratch::default();
        loop {
            let rest = input.get(taken..).unwrap_or_default();
            let before = decoder.clone();
            let step = match self.joined_at_most(cx) {
                Some(most) => decoder.next(rest, most, &mut scratch),
                None => decoder.unit(rest),
            };
            match step {
                BodyStep::NeedMore => break,
                BodyStep::Piece(piece) => {
                    taken += piece.len;
                    if let Some(refusal) = self.learn(&piece, cx) {
                        if !piece.again.is_empty() {
                            self.count_up_to_refusal(before, rest, cx);
                        }
                        return self.refuse_data(refusal, decoder, taken, cx);
                    }
                    send(&piece, rest, cx);
                }
                BodyStep::End { len } => {
                    taken += len;
                    if let Some(refusal) = self.finish_message(cx) {
                        let step = self.refuse_data(refusal, decoder, taken, cx);
                        self.swallowed(Rest::Ended, cx);
                        return step;
                    }
                    cx.out.pass(Side::Server, rest.get(..len).unwrap_or_default());
                    self.end_of_message(cx);
                    return Step::Took(taken);
                }
            }
        }
        self.client = Client::Data(decoder);
        if taken == 0 { Step::Wants(Wants::More) } else { Step::Took(taken) }
    }

    /// What a run of flaws, or of stuffed lines, may count for to be one piece. None may be where each flaw is
    /// reported, as of a recording; nor in a header, where it must be known on which side of its end a byte is that
    /// normalizing added.
    fn joined_at_most(&mut self, cx: &mut Context<'_>) -> Option<u64> {
        if cx.is_recorded() || self.message()?.in_header() {
            return None;
        }
        let (message, inspector) = self.message_inspector(cx)?;
        Some(message.room(&inspector).max(1))
    }

    /// The whole message has been judged and forwarded; nothing is interpreted until it is answered.
    pub(super) fn end_of_message(&mut self, cx: &Context<'_>) {
        self.client = Client::Command;
        self.barrier = true;
        self.ends.start_timer(cx.out.now);
    }

    pub(super) fn finish_message(&mut self, cx: &mut Context<'_>) -> Option<Refusal> {
        let declared = self.transaction.as_ref().and_then(|transaction| transaction.declared);
        let declared = declared.filter(|_| cx.config.profile.checks_size);
        let refusal = self.with_message(cx, |message, inspector| {
            let refusal = message.finish(inspector);
            let size = message.content;
            match declared.filter(|declared| refusal.is_none() && size > *declared) {
                Some(declared) => {
                    let value = format!("declared size is: {declared}, actual size is {size}");
                    inspector.anomaly(AnomalyKind::SizeExceeded, value.as_bytes())
                }
                None => refusal,
            }
        });
        self.observe_message(true, cx);
        refusal
    }

    fn observe_message(&mut self, complete: bool, cx: &mut Context<'_>) {
        let Some(transaction) = &mut self.transaction else { return };
        let Some(message) = &transaction.message else { return };
        transaction.observed = true;
        let (transaction, via, size) = (transaction.number, message.via(), message.size());
        cx.observe(Observed::Message { transaction, via, size, complete });
    }

    /// A message that will not be finished: reports to an observer how far it came.
    pub(super) fn observe_unfinished(&mut self, cx: &mut Context<'_>) {
        let open = self.transaction.as_ref().is_some_and(|transaction| !transaction.observed);
        if open && cx.is_recorded() {
            self.with_message(cx, |message, inspector| {
                message.observe_rest(inspector);
                None
            });
            self.observe_message(false, cx);
        }
    }

    pub(super) fn learn(&mut self, piece: &Piece<'_>, cx: &mut Context<'_>) -> Option<Refusal> {
        self.with_message(cx, |message, inspector| {
            message.received += piece.len as u64;
            message.looked_at = 0;
            let flaw = piece.flaw.and_then(|flaw| anomaly_of(flaw, message.via()));
            if let Some(refusal) = flaw.and_then(|kind| inspector.anomaly(kind, b"")) {
                return Some(refusal);
            }
            let refusal = message.learn(piece.content, piece.size, inspector);
            if refusal.is_none() {
                piece.again.iter().for_each(|(flaw, times)| again(flaw, times, message.via(), inspector));
            }
            refusal
        })
    }

    /// Counts the flaws of a piece that was refused for one of its bytes, up to that byte: as many as if they had
    /// come one by one.
    fn count_up_to_refusal(&mut self, mut decoder: body::Data, input: &[u8], cx: &mut Context<'_>) {
        let (mut taken, mut content, mut is_first) = (0, 0, true);
        self.with_message(cx, |message, inspector| {
            while content < message.refused_at
                && let BodyStep::Piece(piece) = decoder.unit(input.get(taken..).unwrap_or_default())
            {
                // What the piece began with was reported.
                if let Some(flaw) = piece.flaw.filter(|_| !is_first) {
                    again(flaw, 1, message.via(), inspector);
                }
                is_first = false;
                taken += piece.len;
                content += piece.content.len();
            }
            None
        });
    }

    /// Bytes that a recording lacks. Nothing is refused in a recording.
    pub(super) fn learn_lost(&mut self, lost: u64, cx: &mut Context<'_>) {
        self.with_message(cx, |message, inspector| {
            message.received += lost;
            message.learn_lost(lost, inspector)
        });
    }

    fn with_message(
        &mut self,
        cx: &mut Context<'_>,
        work: impl FnOnce(&mut Message, &mut MessageInspector<'_, '_>) -> Option<Refusal>,
    ) -> Option<Refusal> {
        let (message, mut inspector) = self.message_inspector(cx)?;
        work(message, &mut inspector)
    }

    fn message_inspector<'m, 'o>(
        &'m mut self,
        cx: &'m mut Context<'o>,
    ) -> Option<(&'m mut Message, MessageInspector<'m, 'o>)> {
        let transaction = self.transaction.as_mut()?;
        let inspector = MessageInspector {
            inspector: &mut self.inspector,
            cx,
            within: Within {
                number: transaction.number,
                sender: Some(&*transaction.sender).filter(|_| transaction.has_mail),
            },
            particulars: transaction.particulars.as_deref_mut(),
            data_bytes: &mut self.data_bytes,
            to_addresses: &mut transaction.to_addresses,
            behind_refused: 0,
        };
        Some((transaction.message.as_mut()?, inspector))
    }

    fn refuse_data(
        &mut self,
        refusal: Refusal,
        rest: body::Data,
        taken: usize,
        cx: &mut Context<'_>,
    ) -> Step {
        self.refuse_message(refusal, Swallowed::Data(rest), cx);
        Step::Took(taken)
    }

    /// The server is reset with part of a message; the client gets the reply when it has sent the rest.
    pub(super) fn refuse_message(&mut self, refusal: Refusal, rest: Swallowed, cx: &mut Context<'_>) {
        self.note_refusal(cx);
        let declared = self.transaction.as_ref().and_then(|transaction| transaction.declared);
        let most = declared.map_or(cx.config.bounds.swallow, |size| size.saturating_add(size / 10));
        let budget = most.saturating_sub(self.message().map_or(0, |message| message.received));
        let times = self.times_to_message();
        let after = closing::after(refusal, cx);
        if let Some(asked) = self.replies.newest() {
            self.note_refusals(asked, refusal, cx);
        }
        self.transaction.iter_mut().filter_map(|it| it.message.as_mut()).for_each(|message| message.refuse());
        self.note_own_reply(refusal, cx);
        self.end_transaction(Some(wording::code(refusal)), cx);
        self.replies.last_at_end_of_message(refusal, times, after);
        self.cut_off_server(cx);
        let ended = matches!(rest, Swallowed::Chunk(0));
        self.client = Client::Swallow(Box::new(Swallow { what: rest, budget, after: Some(after) }));
        if ended {
            self.swallowed(Rest::Ended, cx);
        } else if budget == 0 {
            self.swallowed(Rest::Left, cx);
        }
    }

    /// What the client will read in place of the server's reply to its message.
    fn note_own_reply(&mut self, refusal: Refusal, cx: &Context<'_>) {
        if self.transaction.as_ref().is_some_and(|transaction| transaction.particulars.is_some()) {
            let line = self.worded(refusal, cx);
            let text = ReplyLine::read(line.trim_end().as_bytes()).map_or(&b""[..], |reply| reply.text);
            let particulars =
                self.transaction.as_mut().and_then(|transaction| transaction.particulars.as_mut());
            particulars.into_iter().for_each(|particulars| particulars.reply_line(true, text));
        }
    }

    /// Where a message is refused the server is reset, once it has answered what precedes the message.
    pub(super) fn cut_off_server(&mut self, cx: &mut Context<'_>) {
        if self.replies.front() == Front::Waiting && !self.ends.is_finished(Side::Server) {
            self.server = Server::Discard;
            self.abort(Side::Server, cx);
        }
    }

    pub(super) fn swallow(&mut self, input: &[u8], cx: &Context<'_>) -> Step {
        let Client::Swallow(swallow) = &mut self.client else { return Step::Took(0) };
        let (taken, over) = match &mut swallow.what {
            Swallowed::Chunk(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= len as u64;
                (len, *left == 0)
            }
            Swallowed::Data(decoder) => drain(decoder, input),
        };
        swallow.budget = swallow.budget.saturating_sub(taken as u64);
        if over {
            self.swallowed(Rest::Ended, cx);
        } else if swallow.after.is_some() && swallow.budget == 0 {
            self.swallowed(Rest::Left, cx);
        } else if taken == 0 {
            return Step::Wants(Wants::More);
        }
        Step::Took(taken)
    }

    /// The rest of a message was discarded, or is not waited for any longer.
    fn swallowed(&mut self, rest: Rest, cx: &Context<'_>) {
        let Client::Swallow(swallow) = &self.client else { return };
        match (swallow.after, rest) {
            (None, _) => self.client = Client::Command,
            (Some(after), Rest::Ended) => self.stop_client_after_message(after, cx),
            (Some(_), Rest::Left) => self.client = Client::Discard,
        }
        self.replies.ready();
    }
}

/// What is left of a message that is discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Nothing: commands follow.
    Ended,
    /// More than is waited for.
    Left,
}

/// Reads on to the end of the data: bytes taken, and whether the end was among them.
fn drain(decoder: &mut body::Data, input: &[u8]) -> (usize, bool) {
    let mut taken = 0;
    loop {
        match decoder.unit(input.get(taken..).unwrap_or_default()) {
            BodyStep::NeedMore => return (taken, false),
            BodyStep::Piece(piece) => taken += piece.len,
            BodyStep::End { len } => return (taken + len, true),
        }
    }
}

/// Forwards a piece: in canonical form, or as it came in a recording.
pub(super) fn send(piece: &Piece<'_>, input: &[u8], cx: &mut Context<'_>) {
    let received = input.get(..piece.len).unwrap_or_default();
    let own = received.as_ptr_range().contains(&piece.wire.as_ptr()) && piece.flaw.is_none();
    match own {
        _ if cx.is_recorded() => cx.out.pass(Side::Server, received),
        true => cx.out.pass(Side::Server, piece.wire),
        false => cx.out.rewrite(Side::Server, piece.wire),
    }
}

/// Counts flaws of a kind that was reported.
fn again(flaw: Flaw, times: u32, via: Via, inspector: &mut MessageInspector<'_, '_>) {
    if let Some(kind) = anomaly_of(flaw, via) {
        inspector.inspector.anomaly_again(kind, Side::Client, times);
    }
}

fn nul(cx: &Context<'_>) -> Nul {
    match cx.config.conformance {
        policy::model::Conformance::Compat => Nul::Pass,
        policy::model::Conformance::Standard | policy::model::Conformance::Strict => Nul::Space,
    }
}

const fn anomaly_of(flaw: Flaw, via: Via) -> Option<AnomalyKind> {
    Some(match (via, flaw) {
        (Via::Bdat, _) => AnomalyKind::ChunkFlaw,
        (Via::Data, Flaw::BareLf) => AnomalyKind::BareLf,
        (Via::Data, Flaw::BareCr) => AnomalyKind::BareCr,
        (Via::Data, Flaw::Nul) => AnomalyKind::Nul,
        (Via::Data, Flaw::EndLookAlike) => AnomalyKind::EndLookAlike,
        (Via::Data, Flaw::LoneDot) => return None,
    })
}

/// The bytes of the line end at the front.
fn line_end(input: &[u8]) -> usize {
    match input {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => 0,
    }
}

/// The bytes at the front that are whole header fields: up to the last line start that is followed by
/// something other than a continuation, or up to and with the line that ends the header. A byte that might
/// become something else when line ends are normalized is not trusted to end a field. Line ends before
/// `from` do not count.
fn complete_fields(input: &[u8], from: usize) -> usize {
    let mut whole = 0;
    for lf in memchr::memchr_iter(b'\n', input.get(from..).unwrap_or_default()) {
        let start = from + lf + 1;
        match input.get(start..).unwrap_or_default() {
            [b'\r', b'\n', ..] => return start + 2,
            [b'\n', ..] => return start + 1,
            [b'.', b'\r', b'\n', ..] => return start,
            [] | [b' ' | b'\t' | b'\r' | b'.' | 0, ..] => {}
            _ => whole = start,
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_whole_when_what_follows_it_is_no_continuation() {
        let table: &[(&[u8], usize)] = &[
            (b"A: b\r\n", 0),
            (b"A: b\r\nC", 6),
            (b"A: b\r\n\tc", 0),
            (b"A: b\r\n c\r\nD: e\r\n", 10),
            (b"A: b\r\n\r", 0),
            (b"A: b\r\n\r\nbody\r\nbody", 8),
            (b"\r\nbody", 2),
            (b"\r\n body", 0),
            (b"A: b\nC", 5),
            (b"A: b\n\nbody", 6),
            (b"A: b\r\n.\r\n", 6),
            (b"A: b\r\n.", 0),
            (b"A: b\r\n\0c", 0),
            (b".\r\n", 0),
        ];
        for (input, expected) in table {
            assert_eq!(complete_fields(input, 0), *expected, "{}", input.escape_ascii());
        }
    }
}

//! BDAT (RFC 3030): what a chunk announces, and its bytes.

use policy::profile::Bdat;
use proto::Side;
use proto::smtp::body::{self, BodyStep};
use proto::smtp::command::BdatCommand;

use super::command::{ClientCommand, pass_line};
use super::content::send;
use super::offer::CHUNKING;
use super::{Asked, Client, OpenChunk, OpenTransaction, Smtp, Swallowed};
use crate::context::Context;
use crate::dialogue::Step;
use crate::effect::Wants;
use crate::event::{AnomalyKind, Treatment, Via};
use crate::message::Message;
use crate::refusal::Cause;
use crate::replies::After;

impl ClientCommand<'_> {
    /// What BDAT announces, if every server reads it so: Exim knows the verb only at the start of the line
    /// and followed by a blank; what Postfix takes for a chunk would be commands for Exim.
    pub(super) fn chunk(&self) -> Option<BdatCommand> {
        let behind = self.line.text.strip_prefix(self.command.token)?;
        behind.starts_with(b" ").then(|| self.command.chunk()).flatten()
    }
}

impl Smtp {
    /// Whether a chunk would be forwarded, as far as its command tells.
    pub(super) fn takes_chunk(&self, received: &ClientCommand<'_>, cx: &Context<'_>) -> bool {
        received.chunk().is_some() && !self.masks_chunks(cx)
    }

    fn masks_chunks(&self, cx: &Context<'_>) -> bool {
        cx.carries_out() && (cx.config.profile.bdat == Bdat::Masked || !self.offer.shows(CHUNKING))
    }

    pub(super) fn begin_chunk(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) {
        let Some(chunk) = received.chunk() else { return self.refuse_bad_chunk(received, cx) };
        let named = self.offer.names(CHUNKING);
        if !named {
            self.anomaly(AnomalyKind::UnofferedChunk, Side::Client, received.line.text, cx);
        }
        if self.masks_chunks(cx) {
            if named {
                self.unknown_verb(received, cx);
            }
            self.mask_command(received, cx);
            self.skip_chunk(chunk.size);
            return;
        }
        self.open_chunk(received, chunk, cx);
    }

    /// It is unknown which of the bytes that follow are commands.
    pub(super) fn refuse_bad_chunk(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) {
        let treatment = self.anomaly(AnomalyKind::BadChunk, Side::Client, received.line.text, cx);
        self.mask_or_pass(received, cx.carries_out(), cx);
        if treatment == Treatment::Reset {
            self.end_behind_server(Cause::BadChunk, cx);
        }
    }

    /// The session ends when the server has answered what it was sent.
    fn end_behind_server(&mut self, cause: Cause, cx: &mut Context<'_>) {
        if self.replies.has_last() {
            return;
        }
        self.note_refusal(cx);
        self.client = Client::Discard;
        self.replies.last_of_server(cause.into(), After::Reset);
        self.flush(cx);
    }

    fn mask_or_pass(&mut self, received: &ClientCommand<'_>, mask: bool, cx: &mut Context<'_>) {
        if mask {
            self.mask_command(received, cx);
        } else {
            pass_line(Side::Server, received.wire, &received.line, cx);
            self.replies.await_server(Asked::Unknown, received.number);
        }
    }

    pub(super) fn skip_chunk(&mut self, size: u64) {
        match &mut self.client {
            Client::Command if size > 0 => self.client = Client::SkipChunk(size),
            Client::Closing(closing) => closing.skip_chunk(size),
            _ => {}
        }
    }

    /// A chunk whose bytes the server will count, even outside a transaction.
    fn open_chunk(&mut self, received: &ClientCommand<'_>, chunk: BdatCommand, cx: &mut Context<'_>) {
        let transaction = self.transaction.get_or_insert_with(|| {
            self.transactions += 1;
            Box::new(OpenTransaction::without_mail(self.transactions - 1, cx))
        });
        let (binary, after_cr) = (transaction.binary, transaction.after_cr);
        if transaction.message.is_none() {
            transaction.message = Some(Box::new(Message::new(Via::Bdat, cx)));
        }
        let decoder = body::Chunk::new(chunk.size, chunk.last, binary, after_cr);
        let asked = if chunk.last { Asked::LastChunk { replies: 0 } } else { Asked::Chunk };
        if chunk.last && chunk.size == 0 {
            // The command is the end of the message: it is judged before it is forwarded.
            self.replies.await_server(asked, received.number);
            if let Some(refusal) = self.finish_message(cx) {
                return self.refuse_message(refusal, Swallowed::Chunk(0), cx);
            }
            pass_line(Side::Server, received.wire, &received.line, cx);
            return self.end_of_message(cx);
        }
        pass_line(Side::Server, received.wire, &received.line, cx);
        self.replies.await_server(asked, received.number);
        if chunk.size > 0 {
            self.client = Client::Chunk(Box::new(OpenChunk { decoder, last: chunk.last }));
        }
    }

    pub(super) fn chunk(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        let Client::Chunk(chunk) = &mut self.client else { return Step::Wants(Wants::More) };
        // Of a recording each flaw is reported.
        let step = if cx.is_recorded() { chunk.decoder.unit(input) } else { chunk.decoder.next(input) };
        let (left, last, after_cr) = (chunk.decoder.left(), chunk.last, chunk.decoder.after_cr);
        let piece = match step {
            BodyStep::Piece(piece) => piece,
            BodyStep::NeedMore | BodyStep::End { .. } => return Step::Wants(Wants::More),
        };
        let refusal = self.learn(&piece, cx);
        // The last byte of the last chunk ends the message: it is judged before that byte is forwarded.
        let refusal = refusal.or_else(|| (left == 0 && last).then(|| self.finish_message(cx)).flatten());
        if let Some(refusal) = refusal {
            self.refuse_message(refusal, Swallowed::Chunk(left), cx);
            return Step::Took(piece.len);
        }
        send(&piece, input, cx);
        if left == 0 {
            self.client = Client::Command;
            if let Some(transaction) = &mut self.transaction {
                transaction.after_cr = after_cr;
            }
            if last {
                self.end_of_message(cx);
            }
        }
        Step::Took(piece.len)
    }
}

//! Replies to a message that are one for each recipient: in LMTP (RFC 2033 §4.2), and with PRDR (draft-hall-prdr).

use super::{Asked, Smtp, wording};
use crate::context::Context;
use crate::event::Outcome;
use crate::refusal::Refusal;
use crate::replies::Times;

/// With PRDR a message may be answered so: it is followed by one reply for each recipient that was accepted, and one
/// for the message.
pub(super) const ONE_BY_ONE: u16 = 353;

impl Smtp {
    /// How many replies the client still awaits to what it asked. RFC 2033 §4.3: a chunk that is not the last has one.
    pub(super) fn owed(&self, asked: Asked) -> u32 {
        match asked {
            Asked::EndOfData { replies: 0 } | Asked::LastChunk { replies: 0 } if self.lmtp => {
                self.accepted().max(1)
            }
            Asked::EndOfData { replies } | Asked::LastChunk { replies } => replies.max(1),
            _ => 1,
        }
    }

    /// How many replies the server still owes to an end of data after this one.
    pub(super) fn more_replies(&self, asked: Asked, code: u16) -> Option<u32> {
        if code == ONE_BY_ONE {
            return Some(self.accepted().saturating_add(1));
        }
        Some(self.owed(asked) - 1).filter(|&more| more > 0)
    }

    /// How often a refusal of the message under way is said. Its recipients may not all be answered yet.
    pub(super) fn times_to_message(&self) -> Times {
        match self.replies.newest() {
            Some(Asked::EndOfData { replies: 0 } | Asked::LastChunk { replies: 0 }) if self.lmtp => {
                Times::EachRecipient(self.accepted())
            }
            Some(asked @ (Asked::EndOfData { .. } | Asked::LastChunk { .. })) => self.times(asked),
            _ => Times::Once,
        }
    }

    /// How often a refusal is said in place of the replies to what was asked.
    pub(super) fn times(&self, asked: Asked) -> Times {
        match self.owed(asked) {
            1 => Times::Once,
            owed => Times::EachRecipient(owed),
        }
    }

    pub(super) fn recipient_accepted(&mut self) {
        match &mut self.transaction {
            Some(transaction) => {
                transaction.accepted += 1;
                transaction.outcome = Outcome::Unfinished;
            }
            // The message was refused meanwhile.
            None => self.replies.last_to_one_more(),
        }
    }

    /// The server's reply to the message for one recipient.
    pub(super) fn note_reply(&mut self, code: u16, more: Option<u32>, cx: &Context<'_>) {
        // The last of PRDR is for the message.
        if code != ONE_BY_ONE && (self.lmtp || more.is_some()) {
            self.note(code, 1, cx);
        }
    }

    /// A refusal of ours in place of the replies to what was asked.
    pub(super) fn note_refusals(&mut self, asked: Asked, refusal: Refusal, cx: &Context<'_>) {
        if self.lmtp && matches!(asked, Asked::EndOfData { .. } | Asked::LastChunk { .. }) {
            self.note(wording::code(refusal), self.owed(asked), cx);
        }
    }

    fn note(&mut self, code: u16, times: u32, cx: &Context<'_>) {
        let Some(transaction) = &mut self.transaction else { return };
        let room = (cx.config.bounds.recipients as usize).saturating_sub(transaction.replies.len());
        transaction.replies.extend(std::iter::repeat_n(code, room.min(times as usize)));
    }

    fn accepted(&self) -> u32 {
        self.transaction.as_ref().map_or(0, |transaction| transaction.accepted)
    }
}

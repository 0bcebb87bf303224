//! The queue of awaited replies: every command of the client gets exactly one, in order.

use std::collections::VecDeque;

use crate::act::Refusal;

/// What a reply of the server will answer, as far as it changes what we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Greeting,
    /// EHLO or LHLO: a capability reply, judged whole.
    Ehlo,
    Lhlo,
    Helo,
    Mail,
    /// MAIL while a transaction is open: a refusal of it changes nothing.
    NestedMail,
    Rcpt,
    Rset,
    Data,
    /// The end of a message; in LMTP one reply for each accepted recipient.
    EndOfData {
        replies: u32,
    },
    Chunk,
    LastChunk {
        replies: u32,
    },
    Auth,
    StartTls,
    Quit,
    /// Anything whose reply changes nothing, masked commands among them.
    Other,
}

/// A reply that is owed to the client. A thousand may be, mostly the server's: ours, which are rare,
/// stand elsewhere, so that a slot is small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Server {
        asked: Asked,
        number: u32,
    },
    Ours(Box<Refusal>),
    /// Our last word. To a message it waits until that has been swallowed, and is said so many times:
    /// in LMTP once for each recipient that was accepted.
    Last {
        refusal: Box<Refusal>,
        ready: bool,
        times: u32,
        to_message: bool,
    },
}

/// What stands at the front once all of ours that could leave have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    Nobody,
    Server {
        asked: Asked,
        number: u32,
    },
    /// A last word that is not ready yet.
    Waiting,
}

#[derive(Debug, Default)]
pub(crate) struct Replies(VecDeque<Slot>);

impl Replies {
    pub(crate) fn await_server(&mut self, asked: Asked, number: u32) {
        self.0.push_back(Slot::Server { asked, number });
    }

    pub(crate) fn ours(&mut self, refusal: Refusal) {
        self.0.push_back(Slot::Ours(Box::new(refusal)));
    }

    /// Our last word, behind everything that is owed already.
    pub(crate) fn last(&mut self, refusal: Refusal) {
        self.0.push_back(Slot::Last { refusal: Box::new(refusal), ready: true, times: 1, to_message: false });
    }

    /// Our last word in place of the reply that is owed next; what stands behind it is never answered.
    pub(crate) fn last_now(&mut self, refusal: Refusal) {
        self.0.clear();
        self.0.push_back(Slot::Last { refusal: Box::new(refusal), ready: true, times: 1, to_message: false });
    }

    /// Our last word in the place of the newest slot, the end of the message that is refused.
    pub(crate) fn last_at_end_of_message(&mut self, refusal: Refusal, times: u32) {
        self.0.pop_back();
        self.0.push_back(Slot::Last { refusal: Box::new(refusal), ready: false, times, to_message: true });
    }

    /// Our last word behind a message that the server has refused already.
    pub(crate) fn last_behind_message(&mut self, refusal: Refusal) {
        let refusal = Box::new(refusal);
        self.0.push_back(Slot::Last { refusal, ready: false, times: 1, to_message: true });
    }

    /// What is refused has been swallowed, or will be no longer.
    pub(crate) fn ready(&mut self) {
        if let Some(Slot::Last { ready, .. }) = self.0.back_mut() {
            *ready = true;
        }
    }

    /// The next reply of ours that may leave; a last word leaves only when `is_last` sees it.
    pub(crate) fn leave(&mut self) -> Option<Slot> {
        match self.0.front()? {
            Slot::Ours(_) | Slot::Last { ready: true, .. } => self.0.pop_front(),
            Slot::Server { .. } | Slot::Last { ready: false, .. } => None,
        }
    }

    pub(crate) fn front(&self) -> Front {
        match self.0.front() {
            Some(&Slot::Server { asked, number }) => Front::Server { asked, number },
            Some(Slot::Last { .. }) => Front::Waiting,
            Some(Slot::Ours(_)) | None => Front::Nobody,
        }
    }

    /// The server's reply to the front is complete; `again` is what it still owes there.
    pub(crate) fn answered(&mut self, again: Option<Asked>) {
        match (self.0.front_mut(), again) {
            (Some(Slot::Server { asked, .. }), Some(more)) => *asked = more,
            (Some(Slot::Server { .. }), None) => {
                self.0.pop_front();
            }
            _ => {}
        }
    }

    /// The server will answer nothing any more: its slots before a last word become `refusal`.
    pub(crate) fn give_up(&mut self, refusal: Refusal) {
        for slot in &mut self.0 {
            if matches!(slot, Slot::Server { .. }) {
                *slot = Slot::Ours(Box::new(refusal));
            }
        }
    }

    pub(crate) fn has_last(&self) -> bool {
        matches!(self.0.back(), Some(Slot::Last { .. }))
    }

    /// Whether our last word is about a message, of which the server has half.
    pub(crate) fn refuse_message(&self) -> bool {
        matches!(self.0.back(), Some(Slot::Last { to_message: true, .. }))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the answer to an end of data is outstanding.
    pub(crate) fn owe_end_of_data(&self) -> bool {
        let ends = |slot: &Slot| {
            matches!(slot, Slot::Server { asked: Asked::EndOfData { .. } | Asked::LastChunk { .. }, .. })
        };
        self.0.iter().any(ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act;

    #[test]
    fn every_command_gets_one_reply_in_order() {
        // A seeded walk: commands come, the server answers, ours leave. Each command's number must
        // leave exactly once, in order.
        for seed in 0..500 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut replies = Replies::default();
            let mut kinds = Vec::new();
            let mut left = Vec::new();
            for number in 0..40 {
                if random.bool() {
                    replies.await_server(Asked::Other, number);
                    kinds.push(true);
                } else {
                    replies.ours(act::LINE_TOO_LONG);
                    kinds.push(false);
                }
                while random.bool() {
                    match replies.front() {
                        Front::Server { number, .. } => {
                            assert_eq!(u32::try_from(left.len()), Ok(number), "seed {seed}");
                            replies.answered(None);
                            left.push(true);
                        }
                        Front::Nobody | Front::Waiting => match replies.leave() {
                            Some(_) => left.push(false),
                            None => break,
                        },
                    }
                }
            }
            assert_eq!(left, kinds[..left.len()], "seed {seed}");
        }
    }

    #[test]
    fn a_last_word_waits_for_its_turn_and_for_the_end_of_what_it_refuses() {
        let mut replies = Replies::default();
        replies.await_server(Asked::Rcpt, 0);
        replies.await_server(Asked::EndOfData { replies: 1 }, 1);
        replies.last_at_end_of_message(act::BAD_MESSAGE, 1);
        assert_eq!(replies.leave(), None);
        replies.answered(None);
        assert_eq!((replies.leave(), replies.front()), (None, Front::Waiting));
        replies.ready();
        assert!(matches!(replies.leave(), Some(Slot::Last { .. })));
        assert!(replies.is_empty());
    }
}

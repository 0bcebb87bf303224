//! The queue of awaited replies: every command of the client gets exactly one, in order.
//!
//! `A` is what a protocol must remember of a command until the server answers it.

use std::collections::VecDeque;

use crate::refusal::Refusal;

/// A reply that is owed to the client. There may be a thousand, so a slot is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot<A> {
    /// The server's reply to the command with this number.
    Server {
        asked: A,
        number: u32,
    },
    Ours(Refusal),
    /// Our last reply. To a message it waits until the rest of that has been discarded, and is sent
    /// `times` times: in LMTP once for each recipient that was accepted.
    Last {
        refusal: Refusal,
        ready: bool,
        times: u32,
        to_message: bool,
    },
}

/// The front of the queue, once every reply of ours that could be sent has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front<A> {
    Empty,
    Server {
        asked: A,
        number: u32,
    },
    /// A last reply that is not ready yet.
    Waiting,
}

#[derive(Debug)]
pub(crate) struct Replies<A>(VecDeque<Slot<A>>);

impl<A> Default for Replies<A> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<A: Copy> Replies<A> {
    /// A command was forwarded: the server owes a reply.
    pub(crate) fn await_server(&mut self, asked: A, number: u32) {
        self.0.push_back(Slot::Server { asked, number });
    }

    /// A command is answered by us.
    pub(crate) fn ours(&mut self, refusal: impl Into<Refusal>) {
        self.0.push_back(Slot::Ours(refusal.into()));
    }

    /// Our last reply, after everything that is owed already.
    pub(crate) fn last(&mut self, refusal: impl Into<Refusal>) {
        self.push_last(refusal.into(), true, 1, false);
    }

    /// Our last reply in place of the reply that is owed next; what follows that is never answered.
    pub(crate) fn last_now(&mut self, refusal: impl Into<Refusal>) {
        self.0.clear();
        self.push_last(refusal.into(), true, 1, false);
    }

    /// Our last reply in the newest slot, the end of the message that is refused.
    pub(crate) fn last_at_end_of_message(&mut self, refusal: Refusal, times: u32) {
        self.0.pop_back();
        self.push_last(refusal, false, times, true);
    }

    /// Our last reply after a message that the server has refused already.
    pub(crate) fn last_after_message(&mut self, refusal: impl Into<Refusal>) {
        self.push_last(refusal.into(), false, 1, true);
    }

    fn push_last(&mut self, refusal: Refusal, ready: bool, times: u32, to_message: bool) {
        self.0.push_back(Slot::Last { refusal, ready, times, to_message });
    }

    /// The message that is refused has been discarded, or its rest is not waited for.
    pub(crate) fn ready(&mut self) {
        if let Some(Slot::Last { ready, .. }) = self.0.back_mut() {
            *ready = true;
        }
    }

    /// Takes the next reply of ours that can be sent.
    pub(crate) fn pop_ready(&mut self) -> Option<Slot<A>> {
        match self.0.front()? {
            Slot::Ours(_) | Slot::Last { ready: true, .. } => self.0.pop_front(),
            Slot::Server { .. } | Slot::Last { ready: false, .. } => None,
        }
    }

    pub(crate) fn front(&self) -> Front<A> {
        match self.0.front() {
            Some(&Slot::Server { asked, number }) => Front::Server { asked, number },
            Some(Slot::Last { .. }) => Front::Waiting,
            Some(Slot::Ours(_)) | None => Front::Empty,
        }
    }

    /// The server's reply to the front is complete; `again` is what it still owes there.
    pub(crate) fn answered(&mut self, again: Option<A>) {
        match (self.0.front_mut(), again) {
            (Some(Slot::Server { asked, .. }), Some(more)) => *asked = more,
            (Some(Slot::Server { .. }), None) => {
                self.0.pop_front();
            }
            _ => {}
        }
    }

    /// The server will not answer any more: every reply it owes becomes `refusal`.
    pub(crate) fn fail_pending(&mut self, refusal: impl Into<Refusal>) {
        let refusal = refusal.into();
        for slot in &mut self.0 {
            if matches!(slot, Slot::Server { .. }) {
                *slot = Slot::Ours(refusal);
            }
        }
    }

    pub(crate) fn has_last(&self) -> bool {
        matches!(self.0.back(), Some(Slot::Last { .. }))
    }

    /// Whether our last reply refuses a message, of which the server has a part.
    pub(crate) fn refuses_message(&self) -> bool {
        matches!(self.0.back(), Some(Slot::Last { to_message: true, .. }))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the server owes a reply to a command of which `holds` is true.
    pub(crate) fn awaits(&self, holds: impl Fn(A) -> bool) -> bool {
        self.0.iter().any(|slot| matches!(slot, &Slot::Server { asked, .. } if holds(asked)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Cause;

    #[test]
    fn every_command_gets_one_reply_in_order() {
        // A seeded walk: commands come, the server answers, ours are sent. Each command's number must
        // leave exactly once, in order.
        for seed in 0..500 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut replies = Replies::default();
            let mut kinds = Vec::new();
            let mut left = Vec::new();
            for number in 0..40 {
                if random.bool() {
                    replies.await_server((), number);
                    kinds.push(true);
                } else {
                    replies.ours(Cause::LineTooLong);
                    kinds.push(false);
                }
                while random.bool() {
                    match replies.front() {
                        Front::Server { number, .. } => {
                            assert_eq!(u32::try_from(left.len()), Ok(number), "seed {seed}");
                            replies.answered(None);
                            left.push(true);
                        }
                        Front::Empty | Front::Waiting => match replies.pop_ready() {
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
    fn a_last_reply_waits_for_its_turn_and_for_the_end_of_what_it_refuses() {
        let mut replies = Replies::default();
        replies.await_server("RCPT", 0);
        replies.await_server("end of data", 1);
        replies.last_at_end_of_message(Cause::MessageFormat.into(), 1);
        assert_eq!(replies.pop_ready(), None);
        replies.answered(None);
        assert_eq!((replies.pop_ready(), replies.front()), (None, Front::Waiting));
        replies.ready();
        assert!(matches!(replies.pop_ready(), Some(Slot::Last { .. })));
        assert!(replies.is_empty());
    }

    #[test]
    fn a_slot_is_small() {
        assert!(size_of::<Slot<[u32; 2]>>() <= 16, "{}", size_of::<Slot<[u32; 2]>>());
    }
}

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
}

/// Our last reply, behind all others. To a message it waits until the rest of that has been discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) refusal: Refusal,
    pub(crate) times: Times,
    pub(crate) after: After,
    /// Whether it refuses a message, of which the server has a part.
    pub(crate) to_message: bool,
    ready: bool,
}

/// How often our last reply is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    /// Not at all: the server's reply is the last.
    Never,
    Once,
    /// For each recipient of the message that was accepted, this many so far (RFC 2033 §4.2).
    EachRecipient(u32),
}

impl Times {
    /// A message without an accepted recipient is answered too.
    pub(crate) fn count(self) -> u32 {
        match self {
            Self::Never => 0,
            Self::Once => 1,
            Self::EachRecipient(accepted) => accepted.max(1),
        }
    }
}

/// What follows our last reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The closing state: nothing more goes to the server, and the client's commands are answered until it
    /// leaves.
    Closing,
    /// FIN to both.
    Finish,
    /// FIN to the client, which does not speak the protocol, and RST to the server.
    Reset,
}

/// A reply of ours that can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    Ours(Refusal),
    Last(Last),
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
pub(crate) struct Replies<A> {
    slots: VecDeque<Slot<A>>,
    last: Option<Last>,
}

impl<A> Default for Replies<A> {
    fn default() -> Self {
        Self { slots: VecDeque::new(), last: None }
    }
}

impl<A: Copy> Replies<A> {
    /// A command was forwarded: the server owes a reply.
    pub(crate) fn await_server(&mut self, asked: A, number: u32) {
        self.slots.push_back(Slot::Server { asked, number });
    }

    /// A command is answered by us.
    pub(crate) fn ours(&mut self, refusal: impl Into<Refusal>) {
        self.slots.push_back(Slot::Ours(refusal.into()));
    }

    /// Our last reply, after everything that is owed already.
    pub(crate) const fn last(&mut self, refusal: Refusal, after: After) {
        self.last = Some(Last { refusal, times: Times::Once, after, to_message: false, ready: true });
    }

    /// The end after everything that is owed already, without a reply of ours.
    pub(crate) const fn last_of_server(&mut self, refusal: Refusal, after: After) {
        self.last = Some(Last { refusal, times: Times::Never, after, to_message: false, ready: true });
    }

    /// Our last reply in place of the reply that is owed next. What was owed behind that, the server will
    /// not answer.
    pub(crate) fn last_now(&mut self, refusal: Refusal, times: Times, after: After) -> VecDeque<Slot<A>> {
        self.slots.pop_front();
        self.last = Some(Last { refusal, times, after, to_message: false, ready: true });
        std::mem::take(&mut self.slots)
    }

    /// Our last reply in the newest slot, the end of the message that is refused.
    pub(crate) fn last_at_end_of_message(&mut self, refusal: Refusal, times: Times, after: After) {
        self.slots.pop_back();
        self.last = Some(Last { refusal, times, after, to_message: true, ready: false });
    }

    /// Our last reply after a message that the server has refused already.
    pub(crate) const fn last_after_message(&mut self, refusal: Refusal, after: After) {
        self.last = Some(Last { refusal, times: Times::Once, after, to_message: true, ready: false });
    }

    /// A recipient was accepted when the message to it had been refused: it has that reply too.
    pub(crate) const fn last_to_one_more(&mut self) {
        if let Some(Last { times: Times::EachRecipient(accepted), .. }) = &mut self.last {
            *accepted += 1;
        }
    }

    /// The message that is refused has been discarded, or its rest is not waited for.
    pub(crate) const fn ready(&mut self) {
        if let Some(last) = &mut self.last {
            last.ready = true;
        }
    }

    /// Takes the next reply of ours that can be sent.
    pub(crate) fn pop_ready(&mut self) -> Option<Ready> {
        match self.slots.front() {
            Some(Slot::Server { .. }) => None,
            Some(&Slot::Ours(refusal)) => {
                self.slots.pop_front();
                Some(Ready::Ours(refusal))
            }
            None => self.last.take_if(|last| last.ready).map(Ready::Last),
        }
    }

    pub(crate) fn front(&self) -> Front<A> {
        match self.slots.front() {
            Some(&Slot::Server { asked, number }) => Front::Server { asked, number },
            None if self.last.is_some() => Front::Waiting,
            Some(Slot::Ours(_)) | None => Front::Empty,
        }
    }

    /// What the server owes last.
    pub(crate) fn newest(&self) -> Option<A> {
        match self.slots.back() {
            Some(&Slot::Server { asked, .. }) => Some(asked),
            Some(Slot::Ours(_)) | None => None,
        }
    }

    /// The server's reply to the front is complete; `again` is what it still owes there.
    pub(crate) fn answered(&mut self, again: Option<A>) {
        match (self.slots.front_mut(), again) {
            (Some(Slot::Server { asked, .. }), Some(more)) => *asked = more,
            (Some(Slot::Server { .. }), None) => {
                self.slots.pop_front();
            }
            _ => {}
        }
    }

    /// The server will not answer any more: every reply it owes becomes one of ours.
    pub(crate) fn fail_pending(&mut self, ours: impl Fn(A) -> Refusal) {
        for slot in &mut self.slots {
            if let Slot::Server { asked, .. } = *slot {
                *slot = Slot::Ours(ours(asked));
            }
        }
    }

    pub(crate) const fn has_last(&self) -> bool {
        self.last.is_some()
    }

    /// Whether our last reply refuses a message, of which the server has a part.
    pub(crate) fn refuses_message(&self) -> bool {
        self.last.is_some_and(|last| last.to_message)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.last.is_none()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() + usize::from(self.last.is_some())
    }

    /// Whether the server owes a reply to a command of which `holds` is true.
    pub(crate) fn awaits(&self, holds: impl Fn(A) -> bool) -> bool {
        self.slots.iter().any(|slot| matches!(slot, &Slot::Server { asked, .. } if holds(asked)))
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
        replies.last_at_end_of_message(Cause::MessageFormat.into(), Times::Once, After::Closing);
        assert_eq!(replies.pop_ready(), None);
        replies.answered(None);
        assert_eq!((replies.pop_ready(), replies.front()), (None, Front::Waiting));
        replies.ready();
        assert!(matches!(replies.pop_ready(), Some(Ready::Last(_))));
        assert!(replies.is_empty());
    }

    #[test]
    fn a_slot_is_small() {
        assert!(size_of::<Slot<[u32; 2]>>() <= 16, "{}", size_of::<Slot<[u32; 2]>>());
    }
}

//! What a protocol implements to be inspected in a session, and the loop in which bytes are offered to it.

use proto::{Side, Time};

use crate::bounds::{Bounds, Timers};
use crate::context::Context;
use crate::effect::{End, Took, Wants};
use crate::ends::{Ends, Limit};

/// The dialogue of one session in one protocol. A trait although the set is closed: forwarding each
/// method by a `match` over the protocols would say less in more lines.
pub(crate) trait Dialogue {
    /// Takes one unit from the front of `input`, or says what must happen first. `input` may be empty.
    fn step(&mut self, from: Side, input: &[u8], cx: &mut Context<'_>) -> Step;

    /// A side ended, after everything it had sent was offered.
    fn ended(&mut self, from: Side, how: End, cx: &mut Context<'_>);

    /// The deadline has passed.
    fn expire(&mut self, cx: &mut Context<'_>);

    /// The program is shutting down: the session ends at the next opportunity.
    fn drain(&mut self, cx: &mut Context<'_>);

    /// No server could be reached.
    fn unreachable(&mut self, cx: &mut Context<'_>);

    fn ends(&self) -> &Ends;

    fn ends_mut(&mut self) -> &mut Ends;

    /// Which timer runs in the present state.
    fn limit(&self) -> Limit {
        Limit::Idle
    }

    /// The most bytes of a side that are worth offering at once.
    fn portion(&self, _from: Side, _bounds: &Bounds) -> usize {
        usize::MAX
    }

    /// Takes units from the front of `held` until something else must happen first.
    fn offer(&mut self, from: Side, held: &[u8], cx: &mut Context<'_>) -> Took {
        if !held.is_empty() {
            self.ends_mut().active(cx.out.now);
        }
        let mut bytes = 0;
        loop {
            match self.step(from, held.get(bytes..).unwrap_or_default(), cx) {
                Step::Took(len) => bytes += len,
                Step::Wants(wants) => return Took { bytes, wants },
            }
        }
    }

    /// When `expire` is due.
    fn deadline(&self, timers: &Timers) -> Time {
        self.ends().deadline(self.limit(), timers)
    }
}

/// What became of the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This many bytes were consumed, and there may be more to do.
    Took(usize),
    /// Nothing was consumed.
    Wants(Wants),
}

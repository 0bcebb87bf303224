//! A pinhole: octets pass unseen.

use proto::{Side, Time};

use crate::bounds::Timers;
use crate::context::Context;
use crate::effect::{End, Took, Wants};
use crate::event::Reason;

/// Relays what either side says, and the end of it.
#[derive(Debug)]
pub(crate) struct Opaque {
    heard: Time,
    reason: Reason,
    /// Sides to which nothing more is sent.
    finished: [bool; 2],
}

impl Opaque {
    pub(crate) const fn new(now: Time) -> Self {
        Self { heard: now, reason: Reason::Closed, finished: [false; 2] }
    }

    pub(crate) fn offer(&mut self, from: Side, held: &[u8], cx: &mut Context<'_>) -> Took {
        self.heard = cx.out.now;
        if self.finished.get(from.other() as usize).copied().unwrap_or(true) {
            return Took { bytes: held.len(), wants: Wants::Nothing };
        }
        cx.out.pass(from.other(), held);
        Took { bytes: held.len(), wants: Wants::More }
    }

    pub(crate) fn ended(&mut self, from: Side, how: End, cx: &mut Context<'_>) {
        match how {
            End::Fin => self.finish(from.other(), cx),
            // What is left of the side that did it is closed too.
            End::Reset => {
                self.abort(from.other(), cx);
                self.abort(from, cx);
            }
        }
    }

    pub(crate) fn unreachable(&mut self, cx: &mut Context<'_>) {
        self.reason = Reason::ServerUnreachable;
        self.abort(Side::Client, cx);
    }

    /// Nobody can tell where a session that is not understood may be cut: it ends by itself.
    pub(crate) fn drain(&mut self, _: &mut Context<'_>) {
        self.reason = Reason::Drained;
    }

    pub(crate) fn expire(&mut self, cx: &mut Context<'_>) {
        self.reason = Reason::Idle;
        self.finish(Side::Client, cx);
        self.finish(Side::Server, cx);
    }

    pub(crate) const fn deadline(&self, timers: &Timers) -> Time {
        self.heard.plus_seconds(timers.idle)
    }

    pub(crate) const fn reason(&self) -> Reason {
        self.reason
    }

    fn finish(&mut self, side: Side, cx: &mut Context<'_>) {
        if self.sets_finished(side) {
            cx.out.finish(side);
        }
    }

    fn abort(&mut self, side: Side, cx: &mut Context<'_>) {
        if self.sets_finished(side) {
            cx.out.abort(side);
        }
    }

    /// Marks a side as one to which nothing more is sent; whether it was not one before.
    fn sets_finished(&mut self, side: Side) -> bool {
        self.finished.get_mut(side as usize).is_some_and(|finished| !std::mem::replace(finished, true))
    }
}

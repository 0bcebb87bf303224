//! A pinhole: octets pass unseen.

use proto::{Side, Time};

use crate::bounds::Timers;
use crate::effect::{End, Took, Wants};
use crate::event::Reason;
use crate::session::Cx;

/// Relays what either side says, and the end of it.
#[derive(Debug)]
pub(crate) struct Opaque {
    heard: Time,
    reason: Reason,
}

impl Opaque {
    pub(crate) const fn new(now: Time) -> Self {
        Self { heard: now, reason: Reason::Closed }
    }

    pub(crate) fn offer(&mut self, from: Side, held: &[u8], cx: &mut Cx<'_>) -> Took {
        self.heard = cx.out.now;
        cx.out.pass(from.other(), held);
        Took { bytes: held.len(), wants: Wants::More }
    }

    pub(crate) fn ended(&mut self, from: Side, how: End, cx: &mut Cx<'_>) {
        match how {
            End::Fin => cx.out.finish(from.other()),
            // What is left of the side that did it is closed too.
            End::Reset => {
                cx.out.abort(from.other());
                cx.out.abort(from);
            }
        }
    }

    pub(crate) fn unreachable(&mut self, cx: &mut Cx<'_>) {
        self.reason = Reason::ServerUnreachable;
        cx.out.abort(Side::Client);
    }

    /// Nobody can tell where a session that is not understood may be cut: it ends by itself.
    pub(crate) fn drain(&mut self, _: &mut Cx<'_>) {
        self.reason = Reason::Drained;
    }

    pub(crate) fn expire(&mut self, cx: &mut Cx<'_>) {
        self.reason = Reason::Idle;
        cx.out.finish(Side::Client);
        cx.out.finish(Side::Server);
    }

    pub(crate) const fn deadline(&self, timers: &Timers) -> Time {
        self.heard.plus_seconds(timers.idle)
    }

    pub(crate) const fn reason(&self) -> Reason {
        self.reason
    }
}

//! What the driver must do, in order, and what it gets back.

use proto::{Side, Time};

use crate::event::Event;

/// One thing to do.
///
/// After `Finish` or `Abort` of a side no `Send` to that side follows.
#[derive(Clone, Copy, Debug)]
pub enum Effect<'b> {
    /// Send these bytes, never empty, to a side.
    Send { to: Side, bytes: &'b [u8], origin: Origin },
    /// Close a side by FIN after what was sent to it, and linger: the peer must get to read it.
    Finish(Side),
    /// Close a side by RST; what is not sent yet is lost.
    Abort(Side),
    /// Begin TLS with a side, after what was sent to it. The outcome goes to `Session::secured`, and
    /// nothing of this side is offered before that.
    Secure(Side),
    /// Tell whoever reads events.
    Report(Event<'b>),
}

/// Whose bytes are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// As the other side sent them.
    Passed,
    /// In place of what the other side sent.
    Rewritten,
    /// Ours.
    Ours,
}

/// Where effects go: the connections of a proxy, the transcript of a replay, the record of a test.
pub trait Output {
    /// Called once for each effect, in order, during a call of the session.
    fn emit(&mut self, effect: Effect<'_>);

    /// Whether nobody may log in to an account for now, by its name in lower case. It is asked once for each login, and
    /// only where the configuration of the session limits failed ones.
    fn is_blocked(&mut self, _account: &[u8]) -> bool {
        false
    }
}

impl<F: FnMut(Effect<'_>)> Output for F {
    fn emit(&mut self, effect: Effect<'_>) {
        self(effect);
    }
}

/// What became of offered bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took {
    /// Bytes at the front that were consumed; the others are offered again.
    pub bytes: usize,
    /// What must happen before the side is offered again.
    pub wants: Wants,
}

/// What must happen before a side is offered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// More bytes of this side.
    More,
    /// Something of the other side, or time.
    Peer,
    /// This time must come. `Session::deadline` is no later.
    At(Time),
    /// Nothing: whatever else this side sends is discarded.
    Nothing,
}

/// How a side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer sent FIN, after everything it had sent.
    Fin,
    /// The connection was reset, or failed.
    Reset,
}

/// Why TLS could not begin on a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFailure {
    /// The driver has no TLS.
    Unavailable,
    /// The handshake failed, or the certificate was not accepted.
    Handshake,
}

/// Makes effects during one call.
pub(crate) struct Out<'o> {
    pub(crate) now: Time,
    pub(crate) output: &'o mut dyn Output,
}

impl Out<'_> {
    pub(crate) fn pass(&mut self, to: Side, bytes: &[u8]) {
        self.send(to, bytes, Origin::Passed);
    }

    pub(crate) fn rewrite(&mut self, to: Side, bytes: &[u8]) {
        self.send(to, bytes, Origin::Rewritten);
    }

    pub(crate) fn answer(&mut self, bytes: &[u8]) {
        self.send(Side::Client, bytes, Origin::Ours);
    }

    pub(crate) fn tell_server(&mut self, bytes: &[u8]) {
        self.send(Side::Server, bytes, Origin::Ours);
    }

    pub(crate) fn finish(&mut self, side: Side) {
        self.output.emit(Effect::Finish(side));
    }

    pub(crate) fn abort(&mut self, side: Side) {
        self.output.emit(Effect::Abort(side));
    }

    pub(crate) fn report(&mut self, event: Event<'_>) {
        self.output.emit(Effect::Report(event));
    }

    fn send(&mut self, to: Side, bytes: &[u8], origin: Origin) {
        if !bytes.is_empty() {
            self.output.emit(Effect::Send { to, bytes, origin });
        }
    }
}

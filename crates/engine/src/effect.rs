//! What the driver must do, in the order told, and what it is told back.

use proto::{Side, Time};

use crate::event::Event;

/// One thing to do.
///
/// After `Finish` or `Abort` of a side no `Send` to that side follows.
#[derive(Clone, Copy, Debug)]
pub enum Effect<'b> {
    Send {
        to: Side,
        bytes: &'b [u8],
        origin: Origin,
    },
    /// FIN behind what was sent, lingering: the peer must get to read it.
    Finish(Side),
    /// RST; what is not sent yet is lost.
    Abort(Side),
    Report(Event<'b>),
}

/// Whose octets they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// As the other side sent them.
    Passed,
    /// In place of what the other side sent.
    Rewritten,
    /// Ours.
    Ours,
}

/// Where effects go.
pub trait Output {
    fn emit(&mut self, effect: Effect<'_>);
}

impl<F: FnMut(Effect<'_>)> Output for F {
    fn emit(&mut self, effect: Effect<'_>) {
        self(effect);
    }
}

/// What became of offered octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took {
    /// Octets at the front that are done with; the rest is offered again.
    pub bytes: usize,
    pub wants: Wants,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// More of this side.
    More,
    /// Something of the other side first.
    Peer,
    /// Nothing of this side any more.
    Nothing,
}

/// How a side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Fin,
    Reset,
}

/// The effects of one call, under way: who speaks to whom stands in the method's name.
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

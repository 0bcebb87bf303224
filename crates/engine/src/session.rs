//! A session: two sides, one protocol, and the rules of the place where it was accepted.

use std::sync::Arc;

use proto::{Side, Time};

use crate::config::{Inspect, SessionConfig};
use crate::context::Context;
use crate::dialogue::Dialogue;
use crate::effect::{End, Out, Output, Took};
use crate::event::{Event, Reason};
use crate::opaque::Opaque;
use crate::smtp::Smtp;

/// One client and one server, from accept to the end of both.
#[derive(Debug)]
pub struct Session {
    config: Arc<SessionConfig>,
    protocol: Protocol,
}

/// The closed set of what is understood.
#[derive(Debug)]
enum Protocol {
    Smtp(Smtp),
    Opaque(Opaque),
}

impl Session {
    pub fn new(config: Arc<SessionConfig>, now: Time) -> Self {
        let protocol = match config.inspect {
            Inspect::Smtp => Protocol::Smtp(Smtp::new(now)),
            Inspect::Opaque | Inspect::Drop => Protocol::Opaque(Opaque::new(now)),
        };
        Self { config, protocol }
    }

    /// The server was reached.
    pub fn connected(&mut self, now: Time, out: &mut dyn Output) {
        let (_, mut cx) = self.call(now, out);
        cx.out.report(Event::SessionStart);
    }

    /// No server could be reached: the client gets an error in place of a greeting.
    pub fn unreachable(&mut self, now: Time, out: &mut dyn Output) {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.unreachable(&mut cx);
    }

    /// Offers what is held of one side; the octets not taken are offered again, with more behind them.
    pub fn offer(&mut self, now: Time, from: Side, held: &[u8], out: &mut dyn Output) -> Took {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.offer(from, held, &mut cx)
    }

    /// How many bytes of a side are best offered at once: of a dialogue few, so that their answers
    /// cannot pile up before the driver sees whether anybody takes them.
    pub fn portion(&self, from: Side) -> usize {
        self.dialogue().portion(from, &self.config.bounds)
    }

    /// One side ended; what it had sent before has been offered.
    pub fn ended(&mut self, now: Time, from: Side, how: End, out: &mut dyn Output) {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.ended(from, how, &mut cx);
    }

    /// Time has passed; if the deadline has come, the session ends or goes on to its next state.
    pub fn expire(&mut self, now: Time, out: &mut dyn Output) {
        let (dialogue, mut cx) = self.call(now, out);
        if now >= dialogue.deadline(&cx.config.timers) {
            dialogue.expire(&mut cx);
        }
    }

    /// The program is shutting down: the session ends as soon as no message is lost by it.
    pub fn drain(&mut self, now: Time, out: &mut dyn Output) {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.drain(&mut cx);
    }

    /// For observers: the reply awaited next was not recorded, and the client went on with `next`. Whether
    /// one was awaited; it is assumed to have been positive, and not told.
    pub fn assume(&mut self, now: Time, next: &[u8], out: &mut dyn Output) -> bool {
        let mut cx = Context { config: &self.config, out: Out { now, output: out } };
        match &mut self.protocol {
            Protocol::Smtp(smtp) => smtp.assume(next, &mut cx),
            Protocol::Opaque(_) => false,
        }
    }

    /// For observers who lack octets of the client: how many of its next ones are message data, whatever
    /// they say. Others can stand for them.
    pub fn data_awaited(&self) -> u64 {
        match &self.protocol {
            Protocol::Smtp(smtp) => smtp.data_awaited(),
            Protocol::Opaque(_) => 0,
        }
    }

    /// When `expire` is due, if nothing happens before.
    pub fn deadline(&self) -> Time {
        self.dialogue().deadline(&self.config.timers)
    }

    /// Why the session ended, once both sides have.
    pub fn reason(&self) -> Reason {
        self.dialogue().ends().reason()
    }

    /// What the session was created with.
    pub const fn config(&self) -> &Arc<SessionConfig> {
        &self.config
    }

    fn dialogue(&self) -> &dyn Dialogue {
        match &self.protocol {
            Protocol::Smtp(smtp) => smtp,
            Protocol::Opaque(opaque) => opaque,
        }
    }

    fn call<'c>(&'c mut self, now: Time, output: &'c mut dyn Output) -> (&'c mut dyn Dialogue, Context<'c>) {
        let dialogue: &mut dyn Dialogue = match &mut self.protocol {
            Protocol::Smtp(smtp) => smtp,
            Protocol::Opaque(opaque) => opaque,
        };
        (dialogue, Context { config: &self.config, out: Out { now, output } })
    }
}

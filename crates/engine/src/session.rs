//! A session: two sides, one protocol, and the rules of the place where it was accepted.

use std::sync::Arc;

use proto::{Side, Time};

use crate::config::{Inspect, SessionConfig};
use crate::context::Context;
use crate::effect::{End, Out, Output, Took, Wants};
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

    /// The server connection stands.
    pub fn connected(&mut self, now: Time, out: &mut dyn Output) {
        self.call(now, out, |_, cx| cx.out.report(Event::SessionStart));
    }

    /// No server could be reached: the client is told so in place of a greeting.
    pub fn unreachable(&mut self, now: Time, out: &mut dyn Output) {
        self.call(now, out, |protocol, cx| match protocol {
            Protocol::Smtp(smtp) => smtp.unreachable(cx),
            Protocol::Opaque(opaque) => opaque.unreachable(cx),
        });
    }

    /// Offers what is held of one side; the octets not taken are offered again, with more behind them.
    pub fn offer(&mut self, now: Time, from: Side, held: &[u8], out: &mut dyn Output) -> Took {
        let mut took = Took { bytes: 0, wants: Wants::Nothing };
        self.call(now, out, |protocol, cx| {
            took = match (protocol, from) {
                (Protocol::Smtp(smtp), Side::Client) => smtp.offer_client(held, cx),
                (Protocol::Smtp(smtp), Side::Server) => smtp.offer_server(held, cx),
                (Protocol::Opaque(opaque), from) => opaque.offer(from, held, cx),
            };
        });
        took
    }

    /// How many octets of a side are best offered at once: of a dialogue few, so that their answers
    /// cannot pile up before the driver sees whether anybody takes them.
    pub fn portion(&self, from: Side) -> usize {
        match &self.protocol {
            Protocol::Smtp(smtp) => smtp.portion(from, &self.config.bounds),
            Protocol::Opaque(_) => usize::MAX,
        }
    }

    /// One side said its last; what it had sent before has been offered.
    pub fn ended(&mut self, now: Time, from: Side, how: End, out: &mut dyn Output) {
        self.call(now, out, |protocol, cx| match protocol {
            Protocol::Smtp(smtp) => smtp.ended(from, how, cx),
            Protocol::Opaque(opaque) => opaque.ended(from, how, cx),
        });
    }

    /// The deadline has come.
    pub fn expire(&mut self, now: Time, out: &mut dyn Output) {
        self.call(now, out, |protocol, cx| match protocol {
            Protocol::Smtp(smtp) => smtp.expire(cx),
            Protocol::Opaque(opaque) => opaque.expire(cx),
        });
    }

    /// The daemon goes down.
    pub fn drain(&mut self, now: Time, out: &mut dyn Output) {
        self.call(now, out, |protocol, cx| match protocol {
            Protocol::Smtp(smtp) => smtp.drain(cx),
            Protocol::Opaque(opaque) => opaque.drain(cx),
        });
    }

    /// For observers: the reply awaited next was not recorded, and the client went on with `next`. Whether
    /// one was awaited; it is assumed to have been positive, and not told.
    pub fn assume(&mut self, now: Time, next: &[u8], out: &mut dyn Output) -> bool {
        let mut assumed = false;
        self.call(now, out, |protocol, cx| match protocol {
            Protocol::Smtp(smtp) => assumed = smtp.assume(next, cx),
            Protocol::Opaque(_) => {}
        });
        assumed
    }

    /// For observers who lack octets of the client: how many of its next ones are message data, whatever
    /// they say. Others can stand for them.
    pub fn data_awaited(&self) -> u64 {
        match &self.protocol {
            Protocol::Smtp(smtp) => smtp.data_awaited(),
            Protocol::Opaque(_) => 0,
        }
    }

    /// When `expire` is due, should nothing be heard before.
    pub fn deadline(&self) -> Time {
        match &self.protocol {
            Protocol::Smtp(smtp) => smtp.deadline(&self.config.timers),
            Protocol::Opaque(opaque) => opaque.deadline(&self.config.timers),
        }
    }

    /// Why it ended, once both sides have.
    pub fn reason(&self) -> Reason {
        match &self.protocol {
            Protocol::Smtp(smtp) => smtp.reason(),
            Protocol::Opaque(opaque) => opaque.reason(),
        }
    }

    pub fn config(&self) -> &Arc<SessionConfig> {
        &self.config
    }

    fn call(
        &mut self,
        now: Time,
        output: &mut dyn Output,
        work: impl FnOnce(&mut Protocol, &mut Context<'_>),
    ) {
        let mut cx = Context { config: &self.config, out: Out { now, output } };
        work(&mut self.protocol, &mut cx);
    }
}

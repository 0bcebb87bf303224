//! A pinhole: bytes pass uninspected.

use proto::{Side, Time};

use crate::conformance;
use crate::context::Context;
use crate::dialogue::{Dialogue, Step};
use crate::effect::End;
use crate::ends::{Ends, Limit};
use crate::event::{Anomaly, AnomalyKind, Event, Reason};
use crate::inspector::reported_value;
use crate::relay::Relay;

/// Forwards what either side sends, and how it ends.
#[derive(Debug)]
pub(crate) struct Opaque {
    ends: Ends,
}

impl Opaque {
    pub(crate) const fn new(now: Time) -> Self {
        Self { ends: Ends::new(now) }
    }
}

impl Dialogue for Opaque {
    fn step(&mut self, from: Side, input: &[u8], cx: &mut Context<'_>) -> Step {
        Relay::step(from, input, &self.ends, &mut cx.out)
    }

    fn ended(&mut self, from: Side, how: End, cx: &mut Context<'_>) {
        match how {
            End::Fin => {
                self.ends.finish(from.other(), &mut cx.out);
            }
            // The side that sent the RST is closed too.
            End::Reset => {
                self.ends.abort(from.other(), &mut cx.out);
                self.ends.abort(from, &mut cx.out);
            }
        }
    }

    fn unreachable(&mut self, cx: &mut Context<'_>) {
        self.ends.set_reason(Reason::ServerUnreachable);
        self.ends.abort(Side::Client, &mut cx.out);
    }

    fn refused(&mut self, kind: AnomalyKind, value: &[u8], cx: &mut Context<'_>) {
        let treatment = conformance::treatment(kind, cx.config.conformance);
        let (from, value) = (Side::Client, reported_value(value));
        cx.out.report(Event::Anomaly(Anomaly { kind, from, value, treatment, reference: None, count: 1 }));
        self.ends.set_reason(Reason::Refused);
        self.ends.abort(Side::Client, &mut cx.out);
    }

    /// Nobody can tell where a session that is not parsed may be cut: it ends by itself.
    fn drain(&mut self, _: &mut Context<'_>) {
        self.ends.set_reason(Reason::Drained);
    }

    fn is_relayed(&self) -> bool {
        true
    }

    fn expire(&mut self, cx: &mut Context<'_>) {
        self.ends.set_reason(Reason::Idle);
        self.ends.finish(Side::Client, &mut cx.out);
        self.ends.finish(Side::Server, &mut cx.out);
    }

    fn ends(&self) -> &Ends {
        &self.ends
    }

    fn ends_mut(&mut self) -> &mut Ends {
        &mut self.ends
    }

    fn limit(&self) -> Limit {
        Limit::Idle
    }
}

//! What a protocol works with during one call: how the session is configured, and where effects go.

use policy::CompiledPolicy;

use crate::config::{SessionConfig, Watch};
use crate::effect::Out;
use crate::event::{Author, Event, Observed, Reply, ReplyCode};

/// Lent to a protocol for the length of one call.
pub(crate) struct Context<'c> {
    pub(crate) config: &'c SessionConfig,
    pub(crate) out: Out<'c>,
}

impl<'c> Context<'c> {
    /// The rules, if there are any.
    pub(crate) fn policy(&self) -> Option<&'c CompiledPolicy> {
        self.config.policy.as_deref()
    }

    /// Whether what the rules and the conformance table decide is carried out. Asked here and nowhere
    /// else: of a recording it is only reported.
    pub(crate) const fn carries_out(&self) -> bool {
        matches!(self.config.watch, Watch::Enforce)
    }

    /// Whether the dialogue is a recording, which went on whatever is decided now. It is followed where
    /// a live session would be ended, and forwarded as it was.
    pub(crate) const fn is_recorded(&self) -> bool {
        matches!(self.config.watch, Watch::Observe)
    }

    /// Reports a reply that the client got, to be counted.
    pub(crate) fn replied(&mut self, by: Author, code: ReplyCode) {
        if !self.is_recorded() {
            self.out.report(Event::Reply(Reply { by, code }));
        }
    }

    /// Reports a unit of a recorded dialogue.
    pub(crate) fn observe(&mut self, observed: Observed<'_>) {
        if self.is_recorded() {
            self.out.report(Event::Observed(observed));
        }
    }
}

//! What a protocol works with during one call: how the session is configured, and where effects go.

use policy::CompiledPolicy;

use crate::config::SessionConfig;
use crate::effect::Out;

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
}

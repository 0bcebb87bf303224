//! What a session is created with: its rules, limits and timers.

use std::sync::Arc;

use policy::CompiledPolicy;
use policy::model::{Conformance, Protocol, RecipientLimit, Refusals, StartTls};
use policy::profile::Profile;

use crate::bounds::{Bounds, Timers};

/// The rules, limits and timers of the sessions of one attachment. Shared by its sessions; a reload
/// makes a new one, and old sessions keep theirs.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The proxy or zone-pair.
    pub name: String,
    /// The top-level class that sent the session here; empty without one.
    pub class: String,
    /// What the attachment says its sessions speak, inspected or not; reports name it.
    pub protocol: Protocol,
    pub inspect: Inspect,
    pub policy: Option<Arc<CompiledPolicy>>,
    /// What the dialect of the policy fixes; [`Profile::NONE`] without one.
    pub profile: Profile,
    pub conformance: Conformance,
    pub refusals: Refusals,
    pub starttls: StartTls,
    pub recipient_limit: RecipientLimit,
    pub bounds: Bounds,
    pub timers: Timers,
    pub watch: Watch,
    /// Whether anomalies are alerts, and whether sessions leave an audit trail.
    pub alert: bool,
    pub audit_trail: bool,
}

/// What is understood of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspect {
    Smtp,
    /// Relayed unseen: a pinhole.
    Opaque,
    /// Refused at the door.
    Drop,
}

/// Whether verdicts are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    Enforce,
    /// Told, not done: replay follows a dialogue that is over, and tells each of its units.
    Observe,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            class: String::new(),
            protocol: Protocol::Smtp,
            inspect: Inspect::Smtp,
            policy: None,
            profile: Profile::NONE,
            conformance: Conformance::Standard,
            refusals: Refusals::Smtp,
            starttls: StartTls::Pass,
            recipient_limit: RecipientLimit::Device,
            bounds: Bounds::default(),
            timers: Timers::default(),
            watch: Watch::Enforce,
            alert: true,
            audit_trail: false,
        }
    }
}

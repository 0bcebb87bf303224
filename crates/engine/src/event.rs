//! Every thing worth reporting, typed. Renderers turn it into syslog lines and JSON.

use policy::criterion::CriterionKind;
use policy::fact::Scope;
use policy::model::Action;

pub use crate::anomaly::{Anomaly, AnomalyKind, Treatment};
pub use crate::observed::{MessageSize, Observed, Via};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// The server connection stands.
    SessionStart,
    /// A message was answered, or given up.
    Transaction(Transaction<'b>),
    /// A class acted.
    Match(Match<'b>),
    Anomaly(Anomaly<'b>),
    /// The session went on encrypted: what can no longer be seen.
    Tls {
        criteria: &'b [&'b str],
    },
    /// A unit of an observed dialogue; never told of a session that is enforced.
    Observed(Observed<'b>),
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Both peers said all they had to say.
    Closed,
    /// A class of the policy, or the conformance table, ended it.
    Refused,
    ServerUnreachable,
    ServerLost,
    ClientLost,
    Idle,
    /// The daemon is going down.
    Drained,
}

impl Reason {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Refused => "refused",
            Self::ServerUnreachable => "server-unreachable",
            Self::ServerLost => "server-lost",
            Self::ClientLost => "client-lost",
            Self::Idle => "idle",
            Self::Drained => "drained",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction<'b> {
    pub number: u32,
    pub sender: &'b [u8],
    pub recipients: u32,
    pub accepted: u32,
    pub via: Via,
    /// Nothing of a message that was not sent, or not all of it.
    pub message: Option<MessageSize>,
    /// The server's answer to the end of data, or ours.
    pub reply: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'b> {
    pub policy: &'b str,
    pub class: &'b str,
    pub criterion: &'b str,
    pub kind: CriterionKind,
    pub scope: Scope,
    /// What made it true, as received, at most 256 octets. Never rendered raw.
    pub value: &'b [u8],
    /// Nothing where the class only logs.
    pub action: Option<Action>,
    /// Whether the class says `log`.
    pub log: bool,
    pub transaction: Option<u32>,
}

impl Match<'_> {
    /// The word of a policy for what was done.
    pub const fn action_name(&self) -> &'static str {
        match self.action {
            None => "log",
            Some(action) => action.keyword(),
        }
    }
}

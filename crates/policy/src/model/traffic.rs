//! The top level: which traffic a class selects, what a policy does with it, and between which zones.

use super::{MatchMode, Name};

/// `class-map type inspect [match-any | match-all] NAME`: the top level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L3Class {
    pub name: Name,
    pub mode: MatchMode,
    pub description: Option<String>,
    pub conditions: Vec<L3Condition>,
}

/// One `match` line of a top-level class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L3Condition {
    pub criterion: L3Criterion,
    /// `match not …`.
    pub negated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum L3Criterion {
    /// `match protocol NAME`, the name in lower case (`smtp extended` is `smtp`).
    Protocol(Name),
    /// `match access-group {NUMBER | name ACL}`.
    AccessGroup(Name),
    /// `match class-map NAME`.
    Class(Name),
}

impl L3Condition {
    /// Whether the line selects mail: `match protocol smtp`.
    pub fn selects_smtp(&self) -> bool {
        !self.negated && matches!(&self.criterion, L3Criterion::Protocol(name) if name.text == "smtp")
    }
}

impl L3Criterion {
    /// The other class it names.
    pub fn class(&self) -> Option<&Name> {
        match self {
            Self::Class(name) => Some(name),
            Self::Protocol(_) | Self::AccessGroup(_) => None,
        }
    }
}

/// `policy-map type inspect NAME`: the top level. Its end is `class-default` with `drop`, written or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L3Policy {
    pub name: Name,
    pub description: Option<String>,
    pub rules: Vec<L3Rule>,
    /// What `class class-default` says, when it is written.
    pub default: Option<TopAction>,
}

impl L3Policy {
    /// Every `parameter-map type inspect` it names.
    pub fn parameter_maps(&self) -> impl Iterator<Item = &Name> {
        let actions = self.rules.iter().filter_map(|rule| rule.action.as_ref()).chain(&self.default);
        actions.filter_map(|action| match action {
            TopAction::Inspect { parameters } => parameters.as_ref(),
            TopAction::Pass { .. } | TopAction::Drop { .. } => None,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L3Rule {
    pub class: Name,
    pub action: Option<TopAction>,
    /// `service-policy {smtp | pop3 | imap | http …} POLICY`: protocol and name.
    pub service_policy: Option<(Name, Name)>,
    /// `police rate BPS burst BYTES`.
    pub police: Option<(u64, u64)>,
}

impl L3Rule {
    pub fn is_inspected(&self) -> bool {
        matches!(self.action, Some(TopAction::Inspect { .. }))
    }

    /// The `policy-map type inspect smtp` it enforces.
    pub fn smtp_policy(&self) -> Option<&Name> {
        let (protocol, policy) = self.service_policy.as_ref()?;
        (protocol.text == "smtp").then_some(policy)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopAction {
    Inspect { parameters: Option<Name> },
    Pass { log: bool },
    Drop { log: bool },
}

/// Zones that need no definition: the system itself, and what is in no zone.
pub(crate) const BUILT_IN_ZONES: [&str; 2] = ["self", "default"];

/// `zone security NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub name: Name,
    pub description: Option<String>,
}

/// `zone-pair security NAME source ZONE destination ZONE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonePair {
    pub name: Name,
    pub source: Name,
    pub destination: Name,
    pub description: Option<String>,
    pub policy: Option<Name>,
}

/// `interface NAME`, as far as it concerns inspection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: Name,
    pub description: Option<String>,
    pub zone: Option<Name>,
    pub linux_interface: Option<Name>,
}

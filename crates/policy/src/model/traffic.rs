//! The top level: which traffic a class selects, what a policy does with it, and between which zones.

use super::{MatchMode, Name, Object, ObjectKind, Protocol, Reference};
use crate::source::Span;

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

    const fn name_mut(&mut self) -> &mut Name {
        match self {
            Self::Protocol(name) | Self::AccessGroup(name) | Self::Class(name) => name,
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
        actions.filter_map(TopAction::parameters)
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

    /// The layer 7 policy it enforces, if it is of a protocol that is inspected here.
    pub fn l7_policy(&self) -> Option<(Protocol, &Name)> {
        let (protocol, policy) = self.service_policy.as_ref()?;
        (protocol.text == "smtp").then_some((Protocol::Smtp, policy))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopAction {
    Inspect { parameters: Option<Name> },
    Pass { log: bool },
    Drop { log: bool },
}

impl TopAction {
    /// The `parameter-map type inspect` it names.
    pub const fn parameters(&self) -> Option<&Name> {
        match self {
            Self::Inspect { parameters } => parameters.as_ref(),
            Self::Pass { .. } | Self::Drop { .. } => None,
        }
    }

    const fn parameters_mut(&mut self) -> Option<&mut Name> {
        match self {
            Self::Inspect { parameters } => parameters.as_mut(),
            Self::Pass { .. } | Self::Drop { .. } => None,
        }
    }
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

impl Object for L3Class {
    fn kind(&self) -> ObjectKind {
        ObjectKind::L3Class
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        for condition in &self.conditions {
            match &condition.criterion {
                L3Criterion::AccessGroup(list) => visit(Reference::to(ObjectKind::AccessList, list)),
                L3Criterion::Class(class) => visit(Reference::to(ObjectKind::L3Class, class)),
                L3Criterion::Protocol(_) => {}
            }
        }
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        self.conditions.iter_mut().for_each(|condition| visit(&mut condition.criterion.name_mut().at));
    }
}

impl Object for L3Policy {
    fn kind(&self) -> ObjectKind {
        ObjectKind::L3Policy
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        for rule in &self.rules {
            visit(Reference::to(ObjectKind::L3Class, &rule.class));
            if let Some((protocol, policy)) = rule.l7_policy() {
                visit(Reference::to(ObjectKind::L7Policy(protocol), policy));
            }
        }
        let maps = self.parameter_maps();
        maps.for_each(|map| visit(Reference::to(ObjectKind::InspectMap, map).or_built_in(&["default"])));
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        let actions = self.rules.iter_mut().filter_map(|rule| rule.action.as_mut()).chain(&mut self.default);
        actions.filter_map(TopAction::parameters_mut).for_each(|map| visit(&mut map.at));
        for rule in &mut self.rules {
            visit(&mut rule.class.at);
            if let Some((protocol, policy)) = &mut rule.service_policy {
                visit(&mut protocol.at);
                visit(&mut policy.at);
            }
        }
    }
}

impl Object for Zone {
    fn kind(&self) -> ObjectKind {
        ObjectKind::Zone
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, _visit: &mut dyn FnMut(Reference<'o>)) {}

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
    }
}

impl Object for ZonePair {
    fn kind(&self) -> ObjectKind {
        ObjectKind::ZonePair
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        for zone in [&self.source, &self.destination] {
            visit(Reference::to(ObjectKind::Zone, zone).or_built_in(&BUILT_IN_ZONES));
        }
        self.policy.iter().for_each(|policy| visit(Reference::to(ObjectKind::L3Policy, policy)));
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        [&mut self.name, &mut self.source, &mut self.destination]
            .into_iter()
            .chain(&mut self.policy)
            .for_each(|name| visit(&mut name.at));
    }
}

impl Object for Interface {
    fn kind(&self) -> ObjectKind {
        ObjectKind::Interface
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        self.zone.iter().for_each(|zone| visit(Reference::to(ObjectKind::Zone, zone)));
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        let names = [&mut self.zone, &mut self.linux_interface].into_iter().flatten();
        std::iter::once(&mut self.name).chain(names).for_each(|name| visit(&mut name.at));
    }
}

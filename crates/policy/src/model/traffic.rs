//! The top level: which traffic a class selects, what a policy does with it, and between which zones.

use std::collections::HashMap;

use super::{Configuration, MatchMode, Name, Object, ObjectKind, Protocol, Reference};
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

impl L3Criterion {
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
    pub police: Option<Police>,
}

/// `police rate BPS burst BYTES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Police {
    /// Bits per second, 8,000 to 2,000,000,000.
    pub rate: u64,
    /// Bytes, 1,000 to 512,000,000.
    pub burst: u64,
    pub at: Span,
}

impl L3Rule {
    pub fn is_inspected(&self) -> bool {
        matches!(self.action, Some(TopAction::Inspect { .. }))
    }

    /// The layer 7 policy it enforces, if it is of a protocol that is inspected here.
    pub fn l7_policy(&self) -> Option<(Protocol, &Name)> {
        let (protocol, policy) = self.service_policy.as_ref()?;
        Some((Protocol::inspected(&protocol.text)?, policy))
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
    /// `ip inspect NAME in`.
    pub inspect_in: Option<Name>,
    pub inspect_out: Option<Name>,
    /// `ip access-group NAME in`.
    pub access_group_in: Option<Name>,
    pub access_group_out: Option<Name>,
    /// The name by which an ASA calls it.
    pub nameif: Option<Name>,
    /// From 0, the outside, to 100, the inside.
    pub security_level: Option<u8>,
}

impl Interface {
    /// An interface of which nothing is said.
    pub const fn new(name: Name) -> Self {
        Self {
            name,
            description: None,
            zone: None,
            linux_interface: None,
            inspect_in: None,
            inspect_out: None,
            access_group_in: None,
            access_group_out: None,
            nameif: None,
            security_level: None,
        }
    }

    /// Whether it says anything of inspection.
    pub const fn is_ours(&self) -> bool {
        self.zone.is_some()
            || self.linux_interface.is_some()
            || self.inspect_in.is_some()
            || self.inspect_out.is_some()
            || self.nameif.is_some()
    }
}

/// Whether sessions of a protocol are in a top-level class.
///
/// Access lists are not asked here: their lines hold for some sessions and not for others. Which those are is said by
/// the selectors of attachments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carries {
    some: bool,
    all: bool,
    by_name: bool,
}

impl Carries {
    /// Whether sessions of the protocol can be in the class.
    pub const fn some(self) -> bool {
        self.some
    }

    /// Whether a line of the class, or of a class that it names, asks for the protocol: `match protocol
    /// smtp`. `match protocol tcp` carries SMTP too, but not by name.
    pub const fn by_name(self) -> bool {
        self.by_name
    }

    const fn negated(self) -> Self {
        Self { some: !self.all, all: !self.some, by_name: false }
    }
}

/// The top-level classes that carry one protocol.
#[derive(Clone, Debug)]
pub struct Carriers<'c>(HashMap<&'c str, Carries>);

impl Configuration {
    /// Which top-level classes carry `protocol`: asked once for all of them, since they name each other.
    pub fn carriers(&self, protocol: Protocol) -> Carriers<'_> {
        let mut carriers = Carriers(HashMap::new());
        // Members come before the classes that name them; a circle, which is an error, carries nothing.
        for member in self.nesting(ObjectKind::L3Class).order {
            if let Some(class) = self.l3_classes.get(&member.name().text) {
                carriers.0.insert(&class.name.text, carriers.evaluate(class, protocol));
            }
        }
        carriers
    }
}

impl Carriers<'_> {
    /// The answer for the class of that name; an undefined class carries nothing.
    pub fn class(&self, name: &Name) -> Carries {
        self.0.get(name.text.as_str()).copied().unwrap_or_default()
    }

    fn evaluate(&self, class: &L3Class, protocol: Protocol) -> Carries {
        let lines = || class.conditions.iter().map(|condition| self.condition(condition, protocol));
        let by_name = lines().any(Carries::by_name);
        match class.mode {
            MatchMode::All if class.conditions.is_empty() => Carries::default(),
            MatchMode::All => {
                Carries { some: lines().all(Carries::some), all: lines().all(|line| line.all), by_name }
            }
            MatchMode::Any => {
                Carries { some: lines().any(Carries::some), all: lines().any(|line| line.all), by_name }
            }
        }
    }

    fn condition(&self, condition: &L3Condition, protocol: Protocol) -> Carries {
        let carries = match &condition.criterion {
            L3Criterion::Protocol(name) => {
                let by_name = protocol.names().contains(&name.text.as_str());
                let holds = protocol.is_matched_by(&name.text);
                Carries { some: holds, all: holds, by_name }
            }
            L3Criterion::AccessGroup(_) => Carries { some: true, all: false, by_name: false },
            L3Criterion::Class(name) => self.class(name),
        };
        if condition.negated { carries.negated() } else { carries }
    }
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
            rule.police.iter_mut().for_each(|police| visit(&mut police.at));
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
        for rule in [&self.inspect_in, &self.inspect_out].into_iter().flatten() {
            visit(Reference::to(ObjectKind::InspectRule, rule));
        }
        for list in [&self.access_group_in, &self.access_group_out].into_iter().flatten() {
            visit(Reference::to(ObjectKind::AccessList, list).or_none());
        }
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        let rules = [&mut self.inspect_in, &mut self.inspect_out];
        let lists = [&mut self.access_group_in, &mut self.access_group_out];
        let names = [&mut self.zone, &mut self.linux_interface, &mut self.nameif];
        let names = names.into_iter().chain(rules).chain(lists).flatten();
        std::iter::once(&mut self.name).chain(names).for_each(|name| visit(&mut name.at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the last class of a configuration says of SMTP: some, all, by name.
    fn smtp(classes: &str) -> (bool, bool, bool) {
        let list = "ip access-list extended L\n permit tcp any any\n";
        let loaded = crate::load("test", format!("{list}{classes}").as_bytes());
        let configuration = loaded.configuration.unwrap();
        let class = configuration.l3_classes.iter().next_back().unwrap();
        let carries = configuration.carriers(Protocol::Smtp).class(&class.name);
        (carries.some, carries.all, carries.by_name)
    }

    fn any(lines: &str) -> (bool, bool, bool) {
        smtp(&format!("class-map type inspect match-any c\n{lines}"))
    }

    fn all(lines: &str) -> (bool, bool, bool) {
        smtp(&format!("class-map type inspect match-all c\n{lines}"))
    }

    #[test]
    fn a_protocol_is_carried_by_name_or_as_tcp() {
        assert_eq!(any(" match protocol smtp\n"), (true, true, true));
        assert_eq!(any(" match protocol tcp\n"), (true, true, false));
        assert_eq!(any(" match protocol http\n"), (false, false, false));
        assert_eq!(any(" match protocol http\n match protocol smtp\n"), (true, true, true));
        assert_eq!(all(" match protocol tcp\n match protocol smtp\n"), (true, true, true));
        assert_eq!(all(" match protocol http\n match protocol smtp\n"), (false, false, true));
        assert_eq!(any(" match not protocol http\n"), (true, true, false));
        assert_eq!(all(" match protocol smtp\n match not protocol tcp\n"), (false, false, true));
    }

    #[test]
    fn an_access_list_selects_some_whether_negated_or_not() {
        assert_eq!(all(" match protocol smtp\n match access-group name L\n"), (true, false, true));
        assert_eq!(all(" match protocol smtp\n match not access-group name L\n"), (true, false, true));
        assert_eq!(any(" match access-group name L\n"), (true, false, false));
    }

    #[test]
    fn a_nested_class_counts_as_its_lines_and_its_name_only_unless_negated() {
        let mail = "class-map type inspect mail\n match protocol smtp\n";
        let outer = "class-map type inspect c\n";
        assert_eq!(smtp(&format!("{mail}{outer} match class-map mail\n")), (true, true, true));
        assert_eq!(smtp(&format!("{mail}{outer} match not class-map mail\n")), (false, false, false));
    }

    #[test]
    fn an_empty_class_carries_nothing() {
        assert_eq!(all(""), (false, false, false));
        assert_eq!(any(""), (false, false, false));
    }
}

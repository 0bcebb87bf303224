//! The modular policy framework of the ASA: which connections a class has, what a policy does with them, and
//! where it applies.

use std::ops::RangeInclusive;

use super::esmtp::DEFAULT_ESMTP_MAP;
use super::{Configuration, Limits, Name, Object, ObjectKind, Reference};
use crate::source::Span;

/// Classes that every ASA has: what is left, and what the factory's configuration inspects.
const BUILT_IN_CLASSES: &[&str] = &["class-default", INSPECTION_DEFAULT];

/// The class that the factory's configuration has for all inspections, which is one for their ports.
pub(crate) const INSPECTION_DEFAULT: &str = "inspection_default";

/// The port that an ASA inspects as ESMTP by default.
pub(crate) const ESMTP_PORT: u16 = 25;

/// `class-map NAME`: connections. On an ASA it has one `match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficClass {
    pub name: Name,
    pub description: Option<String>,
    pub matches: Vec<TrafficMatch>,
}

/// One `match` of a class of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrafficMatch {
    Any,
    /// Those that the list permits; those that it denies are not in the class.
    AccessList(Name),
    /// TCP to one of these ports.
    Port(RangeInclusive<u16>),
    /// The ports that each inspection has by default: 25 for `inspect esmtp`.
    DefaultInspection,
    /// Something that no connection of mail shows: `dscp`, `rtp`, a port of UDP; as it is written.
    Other(String),
}

impl TrafficMatch {
    /// Whether an ASA takes both in one class.
    pub const fn goes_with(&self, other: &Self) -> bool {
        matches!(self, Self::DefaultInspection | Self::Other(_))
            || matches!(other, Self::DefaultInspection | Self::Other(_))
    }

    /// Whether it asks for ports of another protocol than TCP.
    pub(crate) fn is_of_other_ports(&self) -> bool {
        matches!(self, Self::Other(what) if what.starts_with("port "))
    }

    /// Whether another asks the same, wherever it was written.
    pub fn is(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// `policy-map NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficPolicy {
    pub name: Name,
    pub description: Option<String>,
    pub rules: Vec<TrafficRule>,
}

/// `class NAME` with what is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficRule {
    pub class: Name,
    pub inspection: Option<EsmtpInspection>,
    pub connection: Connection,
    /// `police …` and `priority`, as typed: what becomes of packets.
    pub qos: Vec<Name>,
}

/// `inspect esmtp [MAP]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EsmtpInspection {
    /// `None` stands for [`DEFAULT_ESMTP_MAP`].
    pub map: Option<Name>,
    pub at: Span,
}

impl EsmtpInspection {
    /// The name of its map.
    pub fn map_name(&self) -> &str {
        self.map.as_ref().map_or(DEFAULT_ESMTP_MAP, |map| &map.text)
    }

    /// What the name of its map means.
    pub(super) fn reference(&self) -> Option<Reference<'_>> {
        let map = self.map.as_ref()?;
        Some(Reference::to(ObjectKind::EsmtpMap, map).or_built_in(&[DEFAULT_ESMTP_MAP]))
    }

    pub(super) fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.at);
        self.map.iter_mut().for_each(|map| visit(&mut map.at));
    }
}

/// `set connection …`: limits in connections, times in seconds; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    pub conn_max: Option<u32>,
    pub embryonic_conn_max: Option<u32>,
    pub per_client_max: Option<u32>,
    pub per_client_embryonic_max: Option<u32>,
    /// Half-open.
    pub embryonic: Option<u32>,
    pub half_closed: Option<u32>,
    pub idle: Option<u32>,
}

impl Connection {
    /// The same in the terms of a session.
    pub fn limits(&self) -> Limits {
        let positive = |number: Option<u32>| number.filter(|&number| number > 0);
        Limits {
            tcp_idle: positive(self.idle),
            tcp_synwait: positive(self.embryonic),
            tcp_finwait: positive(self.half_closed),
            conn_max: positive(self.conn_max),
            embryonic_conn_max: positive(self.embryonic_conn_max),
            per_client_max: positive(self.per_client_max),
            per_client_embryonic_max: positive(self.per_client_embryonic_max),
            ..Limits::default()
        }
    }
}

/// `service-policy NAME {global | interface IF}`: there is one for each place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePolicy {
    /// `global`, or the name that `nameif` gives an interface.
    pub place: Name,
    pub policy: Name,
}

/// The place of a service policy that holds for all interfaces.
pub const GLOBAL: &str = "global";

impl Configuration {
    /// The rules of a policy-map of an ASA, in their order; none of one that is not defined.
    pub fn traffic_rules(&self, policy: &Name) -> &[TrafficRule] {
        self.traffic_policies.get(&policy.text).map_or(&[], |policy| &policy.rules)
    }

    /// The ports whose connections a policy inspects, one for each class and each once: that of SMTP where a class has
    /// it, else the lowest.
    pub fn inspected_ports(&self, policy: &TrafficPolicy) -> Vec<u16> {
        let mut ports = Vec::new();
        for rule in policy.rules.iter().filter(|rule| rule.inspection.is_some()) {
            let class = self.traffic_classes.get(&rule.class.text);
            let matches = class.map_or(&[][..], |class| &class.matches);
            let port = matches.iter().find_map(|one| self.port_of(one)).unwrap_or(ESMTP_PORT);
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        ports
    }

    fn port_of(&self, one: &TrafficMatch) -> Option<u16> {
        match one {
            TrafficMatch::Any | TrafficMatch::DefaultInspection | TrafficMatch::Other(_) => None,
            TrafficMatch::Port(ports) if ports.contains(&ESMTP_PORT) => Some(ESMTP_PORT),
            TrafficMatch::Port(ports) => Some(*ports.start()),
            TrafficMatch::AccessList(list) => self.access_lists.get(&list.text)?.permitted_port(ESMTP_PORT),
        }
    }
}

impl Object for TrafficClass {
    fn kind(&self) -> ObjectKind {
        ObjectKind::TrafficClass
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        for one in &self.matches {
            if let TrafficMatch::AccessList(list) = one {
                visit(Reference::to(ObjectKind::AccessList, list));
            }
        }
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        for one in &mut self.matches {
            if let TrafficMatch::AccessList(list) = one {
                visit(&mut list.at);
            }
        }
    }
}

impl Object for TrafficPolicy {
    fn kind(&self) -> ObjectKind {
        ObjectKind::TrafficPolicy
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        for rule in &self.rules {
            let class = Reference::to(ObjectKind::TrafficClass, &rule.class);
            visit(class.or_built_in(BUILT_IN_CLASSES));
            rule.inspection.iter().filter_map(EsmtpInspection::reference).for_each(&mut *visit);
        }
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        for rule in &mut self.rules {
            visit(&mut rule.class.at);
            rule.inspection.iter_mut().for_each(|inspection| inspection.places_mut(visit));
            rule.qos.iter_mut().for_each(|line| visit(&mut line.at));
        }
    }
}

impl Object for ServicePolicy {
    fn kind(&self) -> ObjectKind {
        ObjectKind::ServicePolicy
    }

    fn name(&self) -> &Name {
        &self.place
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        visit(Reference::to(ObjectKind::TrafficPolicy, &self.policy));
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.place.at);
        visit(&mut self.policy.at);
    }
}

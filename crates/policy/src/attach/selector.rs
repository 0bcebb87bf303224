//! Which sessions of its traffic an attachment has.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::model::{
    AccessList, Configuration, ESMTP_PORT, Flow, INSPECTION_DEFAULT, L3Class, L3Condition, L3Criterion,
    MatchMode, Name, Protocol, TrafficClass, TrafficMatch,
};

/// The sessions that an attachment has, of those that no attachment of the same traffic before it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    All,
    None,
    /// What the list of a class permits.
    Permitted(Arc<AccessList>, Port),
    /// What the list of a proxy denies. It was written for this proxy, and means the ports that it names.
    Denied(Arc<AccessList>),
    /// To one of these ports.
    Ports(RangeInclusive<u16>, Port),
    /// What all of these have.
    Each(Vec<Self>),
    /// What one of these has.
    Any(Vec<Self>),
    /// What this one has not.
    Not(Box<Self>),
}

/// Which port of the server is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The one that the client connected to.
    Own,
    /// The one that the listener of a proxy stands for: without privileges it cannot listen on those of mail.
    StoodFor,
}

impl Port {
    /// The ports that the port of a server is asked about as.
    pub(super) const fn of(self, own: u16) -> [u16; 2] {
        match self {
            Self::Own => [own, own],
            Self::StoodFor => [own, stands_for(own)],
        }
    }
}

impl Selector {
    /// Whether the session of a connection is among them.
    pub fn has(&self, flow: &Flow) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Permitted(list, port) => list.permits(&as_listed(flow, list, *port)),
            Self::Denied(list) => !list.permits(flow),
            Self::Ports(ports, port) => port.of(flow.server.port()).iter().any(|port| ports.contains(port)),
            Self::Each(selectors) => selectors.iter().all(|selector| selector.has(flow)),
            Self::Any(selectors) => selectors.iter().any(|selector| selector.has(flow)),
            Self::Not(selector) => !selector.has(flow),
        }
    }

    fn each(selectors: impl Iterator<Item = Self>) -> Self {
        let mut selectors: Vec<Self> = selectors.filter(|selector| *selector != Self::All).collect();
        match selectors.len() {
            0 => Self::All,
            1 => selectors.swap_remove(0),
            _ if selectors.contains(&Self::None) => Self::None,
            _ => Self::Each(selectors),
        }
    }

    fn any(selectors: impl Iterator<Item = Self>) -> Self {
        let mut selectors: Vec<Self> = selectors.filter(|selector| *selector != Self::None).collect();
        match selectors.len() {
            0 => Self::None,
            1 => selectors.swap_remove(0),
            _ if selectors.contains(&Self::All) => Self::All,
            _ => Self::Any(selectors),
        }
    }
}

impl std::ops::Not for Selector {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::All => Self::None,
            Self::None => Self::All,
            Self::Not(selector) => *selector,
            selector => Self::Not(Box::new(selector)),
        }
    }
}

/// The access lists that selectors ask: each is copied out of the model once, however many of them ask it.
#[derive(Default)]
pub(super) struct Lists(RefCell<HashMap<String, Arc<AccessList>>>);

impl Lists {
    /// The list of that name, if it is defined.
    pub(super) fn get(&self, configuration: &Configuration, name: &Name) -> Option<Arc<AccessList>> {
        let list = configuration.access_lists.get(&name.text)?;
        let mut shared = self.0.borrow_mut();
        Some(Arc::clone(shared.entry(name.text.clone()).or_insert_with(|| Arc::new(list.clone()))))
    }
}

/// What classes of connections say of sessions of one protocol.
#[derive(Clone, Copy)]
pub(super) struct Classes<'c> {
    pub(super) configuration: &'c Configuration,
    pub(super) lists: &'c Lists,
    pub(super) protocol: Protocol,
    /// Of a proxy's listener, or of what passes through.
    pub(super) port: Port,
}

impl<'c> Classes<'c> {
    /// Those of a class of an ASA.
    pub(super) fn of_asa(self, class: &Name) -> Selector {
        match self.configuration.traffic_classes.get(&class.text) {
            Some(class) => self.asked_by(class),
            None if class.text == INSPECTION_DEFAULT => self.default_inspection(),
            None => Selector::All,
        }
    }

    fn asked_by(self, class: &TrafficClass) -> Selector {
        let matches = class.matches.iter().map(|one| match one {
            TrafficMatch::Any => Selector::All,
            TrafficMatch::DefaultInspection => self.default_inspection(),
            TrafficMatch::AccessList(name) => self.permitted(name),
            TrafficMatch::Port(ports) => Selector::Ports(ports.clone(), self.port),
            TrafficMatch::Other(_) => Selector::None,
        });
        if class.matches.is_empty() { Selector::None } else { Selector::each(matches) }
    }

    /// `match default-inspection-traffic`, for `inspect esmtp`. What a proxy listens on is the port of what it inspects.
    fn default_inspection(self) -> Selector {
        match self.port {
            Port::Own => Selector::Ports(ESMTP_PORT..=ESMTP_PORT, Port::Own),
            Port::StoodFor => Selector::All,
        }
    }

    /// Those of a `class-map type inspect`. Classes that name each other in a circle are an error.
    pub(super) fn of_zones(self, class: &Name) -> Selector {
        self.configuration.l3_classes.get(&class.text).map_or(Selector::None, |class| self.carried_by(class))
    }

    fn carried_by(self, class: &L3Class) -> Selector {
        let conditions = class.conditions.iter().map(|condition| self.condition(condition));
        match class.mode {
            MatchMode::All if class.conditions.is_empty() => Selector::None,
            MatchMode::All => Selector::each(conditions),
            MatchMode::Any => Selector::any(conditions),
        }
    }

    fn condition(self, condition: &L3Condition) -> Selector {
        let selector = match &condition.criterion {
            L3Criterion::Protocol(name) => {
                if self.protocol.is_matched_by(&name.text) {
                    Selector::All
                } else {
                    Selector::None
                }
            }
            L3Criterion::AccessGroup(name) => self.permitted(name),
            L3Criterion::Class(name) => self.of_zones(name),
        };
        if condition.negated { !selector } else { selector }
    }

    fn permitted(self, list: &Name) -> Selector {
        let list = self.lists.get(self.configuration, list);
        list.map_or(Selector::None, |list| Selector::Permitted(list, self.port))
    }
}

/// A connection as a list sees it.
fn as_listed(flow: &Flow, list: &AccessList, port: Port) -> Flow {
    let mut flow = *flow;
    flow.server.set_port(as_listed_port(flow.server.port(), list, port));
    flow
}

/// The port of a server as a list sees it: where no entry names that of the listener, it stands for the port of SMTP.
pub(super) fn as_listed_port(own: u16, list: &AccessList, port: Port) -> u16 {
    match port {
        Port::StoodFor if !list.names_port(own) => stands_for(own),
        Port::StoodFor | Port::Own => own,
    }
}

/// The port of mail that a listener stands for: a proxy without privileges cannot listen on its own.
const fn stands_for(port: u16) -> u16 {
    match port {
        25 | 110 | 143 | 465 | 587 | 993 | 995 => port,
        _ => ESMTP_PORT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &str) -> Arc<AccessList> {
        let text = format!("ip access-list extended L\n{entries}");
        let loaded = crate::load("test", text.as_bytes());
        let configuration = loaded.configuration.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        Arc::new(configuration.access_lists.get("L").unwrap().clone())
    }

    fn flow(client: &str, server: &str) -> Flow {
        Flow { client: client.parse().unwrap(), server: server.parse().unwrap() }
    }

    #[test]
    fn a_list_is_asked_about_client_and_listener() {
        let list = list(" deny tcp host 192.0.2.7 any eq smtp\n permit tcp any any eq smtp\n");
        let (permitted, denied) = (Selector::Permitted(Arc::clone(&list), Port::Own), Selector::Denied(list));
        let (exempt, other) =
            (flow("192.0.2.7:4000", "127.0.0.1:25"), flow("192.0.2.8:4000", "127.0.0.1:25"));
        assert!(!permitted.has(&exempt) && permitted.has(&other));
        assert!(denied.has(&exempt) && !denied.has(&other));
        assert!(denied.has(&flow("192.0.2.8:4000", "127.0.0.1:2525")), "a port that the list does not name");
    }

    #[test]
    fn a_listener_without_privileges_stands_for_the_port_of_smtp_unless_its_own_is_named() {
        let to = |port| flow("192.0.2.8:4000", &format!("127.0.0.1:{port}"));
        let smtp = Selector::Permitted(list(" permit tcp any any eq 25\n"), Port::StoodFor);
        assert!(smtp.has(&to(25)) && smtp.has(&to(40001)) && !smtp.has(&to(587)));
        let named = Selector::Permitted(list(" permit tcp any any eq 2525\n"), Port::StoodFor);
        assert!(named.has(&to(2525)) && !named.has(&to(25)) && !named.has(&to(40001)));
        let ports = Selector::Ports(25..=25, Port::StoodFor);
        assert!(ports.has(&to(25)) && ports.has(&to(40001)) && !ports.has(&to(465)));
        let own = Selector::Ports(25..=25, Port::Own);
        assert!(own.has(&to(25)) && !own.has(&to(40001)), "what passes through");
    }

    #[test]
    fn default_inspection_is_port_25_of_what_passes_and_every_port_of_a_proxy() {
        let text = "ASA Version 9.8(2)\nclass-map C\n match default-inspection-traffic\n\
                    policy-map P\n class C\n  inspect esmtp\n";
        let loaded = crate::load("test", text.as_bytes());
        let configuration = loaded.configuration.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let lists = Lists::default();
        let to = |port| flow("192.0.2.8:4000", &format!("192.0.2.25:{port}"));
        // The second class has no definition: every ASA has it.
        for class in ["C", "inspection_default"] {
            let class = Name::new(class, crate::source::Span::default());
            for (port, expected) in [(Port::Own, [true, false]), (Port::StoodFor, [true, true])] {
                let (configuration, lists) = (&configuration, &lists);
                let classes = Classes { configuration, lists, protocol: Protocol::Smtp, port };
                let selector = classes.of_asa(&class);
                assert_eq!([25, 587].map(|port| selector.has(&to(port))), expected, "{class} {port:?}");
            }
        }
    }

    /// What the last class of a configuration says of SMTP to 192.0.2.25:25 from these clients.
    fn carried(classes: &str, clients: [&str; 2]) -> [bool; 2] {
        let list = "ip access-list extended L\n permit tcp host 192.0.2.7 any\n";
        let loaded = crate::load("test", format!("{list}{classes}").as_bytes());
        let configuration = loaded.configuration.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let class = configuration.l3_classes.iter().next_back().unwrap();
        let lists = Lists::default();
        let classes = Classes {
            configuration: &configuration,
            lists: &lists,
            protocol: Protocol::Smtp,
            port: Port::Own,
        };
        let selector = classes.of_zones(&class.name);
        clients.map(|client| selector.has(&flow(&format!("{client}:4000"), "192.0.2.25:25")))
    }

    #[test]
    fn a_class_of_zones_asks_its_lists_and_those_of_the_classes_that_it_names() {
        const MAIL: &str = "class-map type inspect match-any mail\n match protocol smtp\n";
        let all = format!("{MAIL}class-map type inspect match-all c\n");
        let any = format!("{MAIL}class-map type inspect match-any c\n");
        let inner = "class-map type inspect match-all listed\n match access-group name L\n";
        for (classes, expected) in [
            (format!("{all} match protocol smtp\n match access-group name L\n"), [true, false]),
            (format!("{all} match protocol smtp\n match not access-group name L\n"), [false, true]),
            (format!("{all} match protocol http\n match access-group name L\n"), [false, false]),
            (format!("{any} match protocol http\n match access-group name L\n"), [true, false]),
            (format!("{any} match protocol smtp\n match access-group name L\n"), [true, true]),
            (format!("{inner}{all} match class-map mail\n match class-map listed\n"), [true, false]),
            (format!("{inner}{all} match not class-map listed\n"), [false, true]),
            (any, [false, false]),
        ] {
            assert_eq!(carried(&classes, ["192.0.2.7", "192.0.2.8"]), expected, "{classes}");
        }
    }
}

//! Which sessions of its traffic an attachment has.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::model::{AccessList, Configuration, Flow, Name, TrafficClass, TrafficMatch};

/// The sessions that an attachment has, of those that no attachment of the same traffic before it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    All,
    None,
    /// What the list of a class permits.
    Permitted(Arc<AccessList>),
    /// What the list of a proxy denies. It was written for this proxy, and means the ports that it names.
    Denied(Arc<AccessList>),
    /// To one of these ports.
    Ports(RangeInclusive<u16>),
    /// What each of these has.
    Each(Vec<Self>),
}

impl Selector {
    /// Whether the session of a connection is among them.
    pub fn has(&self, flow: &Flow) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Permitted(list) => list.permits(&as_listed(flow, list)),
            Self::Denied(list) => !list.permits(flow),
            Self::Ports(ports) => {
                [flow.server.port(), stands_for(flow.server.port())].iter().any(|port| ports.contains(port))
            }
            Self::Each(selectors) => selectors.iter().all(|selector| selector.has(flow)),
        }
    }

    /// Those of a class of connections, in a proxy that inspects SMTP.
    pub(super) fn of_class(configuration: &Configuration, class: &Name) -> Self {
        match configuration.traffic_classes.get(&class.text) {
            Some(class) => Self::of_matches(configuration, class),
            // `class-default`, or the class that the factory's configuration has for all inspections.
            None => Self::All,
        }
    }

    fn of_matches(configuration: &Configuration, class: &TrafficClass) -> Self {
        let each = class.matches.iter().map(|one| match one {
            // What a proxy listens on is the port of what it inspects.
            TrafficMatch::Any | TrafficMatch::DefaultInspection => Self::All,
            TrafficMatch::AccessList(name) => match configuration.access_lists.get(&name.text) {
                Some(list) => Self::Permitted(Arc::new(list.clone())),
                None => Self::None,
            },
            TrafficMatch::Port(ports) => Self::Ports(ports.clone()),
            TrafficMatch::Other(_) => Self::None,
        });
        let mut each: Vec<Self> = each.filter(|selector| *selector != Self::All).collect();
        match (class.matches.is_empty(), each.len()) {
            (true, _) => Self::None,
            (false, 0) => Self::All,
            (false, 1) => each.remove(0),
            (false, _) => Self::Each(each),
        }
    }
}

/// A connection as a list sees it: where no entry names the port of the listener, that stands for the port of SMTP.
fn as_listed(flow: &Flow, list: &AccessList) -> Flow {
    let port = flow.server.port();
    if list.names_port(port) {
        return *flow;
    }
    let mut flow = *flow;
    flow.server.set_port(stands_for(port));
    flow
}

/// The port of mail that a listener stands for: a proxy without privileges cannot listen on its own.
const fn stands_for(port: u16) -> u16 {
    match port {
        25 | 110 | 143 | 465 | 587 | 993 | 995 => port,
        _ => 25,
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
        let (permitted, denied) = (Selector::Permitted(Arc::clone(&list)), Selector::Denied(list));
        let (exempt, other) =
            (flow("192.0.2.7:4000", "127.0.0.1:25"), flow("192.0.2.8:4000", "127.0.0.1:25"));
        assert!(!permitted.has(&exempt) && permitted.has(&other));
        assert!(denied.has(&exempt) && !denied.has(&other));
        assert!(denied.has(&flow("192.0.2.8:4000", "127.0.0.1:2525")), "a port that the list does not name");
    }

    #[test]
    fn a_listener_without_privileges_stands_for_the_port_of_smtp_unless_its_own_is_named() {
        let to = |port| flow("192.0.2.8:4000", &format!("127.0.0.1:{port}"));
        let smtp = Selector::Permitted(list(" permit tcp any any eq 25\n"));
        assert!(smtp.has(&to(25)) && smtp.has(&to(40001)) && !smtp.has(&to(587)));
        let named = Selector::Permitted(list(" permit tcp any any eq 2525\n"));
        assert!(named.has(&to(2525)) && !named.has(&to(25)) && !named.has(&to(40001)));
        let ports = Selector::Ports(25..=25);
        assert!(ports.has(&to(25)) && ports.has(&to(40001)) && !ports.has(&to(465)));
    }
}

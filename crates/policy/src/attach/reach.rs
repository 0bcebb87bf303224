//! Classes of a policy whose connections no listener of the proxy accepts, or that an earlier class has.
//!
//! Ports are asked about, and not addresses.

use std::net::SocketAddr;

use super::selector::{Classes, Selector, as_listed_port};
use super::{Stage, complaints};
use crate::diagnostic::Diagnostic;
use crate::model::{Configuration, Name, Proxy, ProxyPolicy, TrafficMatch};

impl<'c> Stage<'c, '_> {
    /// Complains of classes that never inspect a session of the proxy. Whether a class does, or it was said that none does.
    pub(super) fn unreached(&mut self, proxy: &'c Proxy, classes: Classes<'c>) -> bool {
        let own = listeners(proxy);
        // What one of them does not listen on, another with the same policy may.
        let name = |proxy: &'c Proxy| proxy.policy.as_ref().and_then(ProxyPolicy::policy).map(|it| &it.text);
        let sharing = self.configuration.proxies.iter().filter(|other| name(other) == name(proxy));
        let all: Vec<SocketAddr> = sharing.flat_map(listeners).collect();
        let inspecting = self.inspecting(proxy, classes);
        let mut reached: Vec<(&Name, &Selector)> = Vec::new();
        let mut is_said = false;
        for (class, selector) in &inspecting {
            let first = reached.iter().find(|(_, other)| **other == Selector::All || *other == selector);
            if !selector.may_have(&all) {
                is_said = true;
                self.complain_of_class(class, complaints::no_session(self.configuration, proxy, class));
            } else if let Some((first, _)) = first {
                self.complain_of_class(class, complaints::hidden(proxy, class, first));
            } else {
                reached.push((class, selector));
            }
        }
        is_said || reached.iter().any(|(_, selector)| selector.may_have(&own))
    }

    /// The classes of the policy of a proxy whose sessions are inspected, in their order.
    fn inspecting(&self, proxy: &'c Proxy, classes: Classes<'c>) -> Vec<(&'c Name, Selector)> {
        match &proxy.policy {
            Some(ProxyPolicy::Traffic(name)) => {
                let rules = self.configuration.traffic_rules(name).iter();
                let inspecting = rules.filter(|rule| rule.inspection.is_some());
                inspecting.map(|rule| (&rule.class, classes.of_asa(&rule.class))).collect()
            }
            Some(ProxyPolicy::Named(name)) => {
                let policy = self.configuration.l3_policies.get(&name.text);
                let rules = policy.map_or(&[][..], |policy| &policy.rules).iter();
                let inspecting = rules.filter(|rule| {
                    rule.l7_policy().is_some_and(|(protocol, _)| protocol == classes.protocol)
                });
                inspecting.map(|rule| (&rule.class, classes.of_zones(&rule.class))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Once of a class, however many proxies name its policy.
    fn complain_of_class(&mut self, class: &Name, complaint: Diagnostic) {
        if self.told_of_classes.insert(class.at) {
            self.diagnostics.push(complaint);
        }
    }
}

fn listeners(proxy: &Proxy) -> Vec<SocketAddr> {
    proxy.listen.iter().map(|listen| listen.value).collect()
}

/// What puts sessions of a proxy into a class of an ASA that has none.
pub(super) fn cure(configuration: &Configuration, proxy: &Proxy, class: &Name) -> Option<String> {
    let matches = &configuration.traffic_classes.get(&class.text)?.matches;
    let listen = proxy.listen.first()?.value.ip();
    Some(match matches.as_slice() {
        [] => format!("write `class-map {class} / match default-inspection-traffic`"),
        [TrafficMatch::Port(ports)] => {
            let listen = SocketAddr::new(listen, *ports.start());
            format!("write `proxy {} / listen {listen}`", proxy.name)
        }
        [TrafficMatch::AccessList(list)] => {
            format!("write `access-list {list} line 1 extended permit tcp any any eq smtp`")
        }
        _ => return None,
    })
}

impl Selector {
    /// Whether a connection to one of the listeners may be among them.
    fn may_have(&self, listen: &[SocketAddr]) -> bool {
        let any = |holds: &dyn Fn(u16) -> bool| listen.iter().any(|listen| holds(listen.port()));
        match self {
            Self::All | Self::Denied(_) | Self::Not(_) => true,
            Self::None => false,
            Self::Permitted(list, port) => {
                any(&|own| list.may_permit(as_listed_port(own, list, *port), |_| true))
            }
            Self::Ports(ports, port) => any(&|own| port.of(own).iter().any(|port| ports.contains(port))),
            Self::Each(selectors) => selectors.iter().all(|selector| selector.may_have(listen)),
            Self::Any(selectors) => selectors.iter().any(|selector| selector.may_have(listen)),
        }
    }
}

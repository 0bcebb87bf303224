//! Access lists that are asked about a proxy's sessions, and were written for another place.

use std::net::IpAddr;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{
    AccessList, Configuration, L3Criterion, Name, Network, Proxy, ProxyPolicy, Selection, TrafficMatch,
};

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for proxy in &configuration.proxies {
        let found = asked(configuration, proxy).into_iter().flat_map(|list| names_the_server(proxy, list));
        let found: Vec<Diagnostic> = found.collect();
        let of_servers = !found.is_empty();
        complaints.extend(found);
        let group = proxy.access_group.as_ref();
        let list = group.and_then(|name| configuration.access_lists.get(&name.text));
        let (Some(name), Some(list), Some(listen)) = (group, list, proxy.listen.first()) else { continue };
        if !of_servers
            && !proxy.listen.iter().any(|listen| {
                list.may_permit(listen.value.port(), |network| may_contain(network, listen.value.ip()))
            })
        {
            let message = format!("access list `{name}` permits no session of proxy `{}`", proxy.name);
            let help = format!(
                "a list is asked about the address and port that a client connects to, such as {listen}"
            );
            complaints.push(Diagnostic::new(Code::NeverMatches, name.at, message).help(help));
        }
    }
}

/// The lists that a proxy asks, directly or by the classes of its policy.
fn asked<'c>(configuration: &'c Configuration, proxy: &'c Proxy) -> Vec<&'c AccessList> {
    let mut names: Vec<&Name> = proxy.access_group.iter().collect();
    match &proxy.policy {
        Some(ProxyPolicy::Traffic(policy)) => {
            let rules = configuration.traffic_rules(policy).iter();
            let classes = rules.filter_map(|rule| configuration.traffic_classes.get(&rule.class.text));
            names.extend(classes.flat_map(|class| &class.matches).filter_map(|one| match one {
                TrafficMatch::AccessList(name) => Some(name),
                TrafficMatch::Any
                | TrafficMatch::DefaultInspection
                | TrafficMatch::Port(_)
                | TrafficMatch::Other(_) => None,
            }));
        }
        Some(ProxyPolicy::Named(policy)) => {
            let policy = configuration.l3_policies.get(&policy.text);
            let mut classes: Vec<&Name> =
                policy.into_iter().flat_map(|policy| &policy.rules).map(|rule| &rule.class).collect();
            // Classes name no circle: that is an error.
            while let Some(class) = classes.pop().and_then(|name| configuration.l3_classes.get(&name.text)) {
                for condition in &class.conditions {
                    match &condition.criterion {
                        L3Criterion::AccessGroup(name) => names.push(name),
                        L3Criterion::Class(name) => classes.push(name),
                        L3Criterion::Protocol(_) => {}
                    }
                }
            }
        }
        _ => {}
    }
    let mut lists: Vec<&AccessList> = Vec::new();
    for list in names.into_iter().filter_map(|name| configuration.access_lists.get(&name.text)) {
        if !lists.iter().any(|known| std::ptr::eq(*known, list)) {
            lists.push(list);
        }
    }
    lists
}

/// Entries for the address of a server. Lists are asked about the address that the client connected to.
fn names_the_server(proxy: &Proxy, list: &AccessList) -> Vec<Diagnostic> {
    let listens: Vec<IpAddr> = proxy.listen.iter().map(|listen| listen.value.ip()).collect();
    // A listener on every address may be connected to by any.
    if listens.iter().any(IpAddr::is_unspecified) {
        return Vec::new();
    }
    let servers: Vec<IpAddr> = proxy
        .servers
        .iter()
        .flat_map(|server| server.value.known_addresses())
        .map(|address| address.ip())
        .collect();
    let mut complaints = Vec::new();
    for entry in list.entries() {
        let Selection::Connections { destinations, .. } = &entry.selection else { continue };
        let has = |ip: &&IpAddr| destinations.iter().any(|network| network.contains(**ip));
        let (Some(server), None) = (servers.iter().find(has), listens.iter().find(has)) else { continue };
        let Some(listen) = listens.first() else { continue };
        let message =
            format!("the entry is about server {server} and holds for no client of proxy `{}`", proxy.name);
        complaints.push(
            Diagnostic::new(Code::NeverMatches, entry.text.at, message)
                .related(proxy.name.at, "this proxy")
                .help(format!(
                    "a list is asked about the address that a client connects to, such as {listen}"
                )),
        );
    }
    complaints
}

/// Whether the network has the address, or one that a listener on every address may have.
fn may_contain(network: &Network, ip: IpAddr) -> bool {
    if !ip.is_unspecified() {
        return network.contains(ip);
    }
    match network {
        Network::Any => true,
        Network::V4 { .. } => ip.is_ipv4(),
        Network::V6(_) => ip.is_ipv6(),
        Network::Range { first, .. } => first.is_ipv4() == ip.is_ipv4(),
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::complaints;

    #[test]
    fn an_entry_for_the_address_of_the_server_is_doubtful() {
        const POLICY: &str = "ASA Version 9.8(2)\nclass-map C\n match access-list L\npolicy-map P\n class C\n\
              inspect esmtp\nmailwarden\n no warning long-header-lines\n";
        const PROXY: &str = "proxy mx\n listen 192.0.2.1:25\n server 10.10.10.25:25\n service-policy P\n";
        const ALL: &str = "access-list L permit tcp any any eq 25\n";
        for (entry, expected) in [
            ("deny tcp any host 10.10.10.25 eq smtp", true),
            ("deny tcp any 10.0.0.0 255.0.0.0 eq smtp", true),
            ("deny tcp any host 192.0.2.1 eq smtp", false),
            ("deny tcp any host 10.10.10.26 eq www", false),
        ] {
            let found = complaints(&format!("{POLICY}{PROXY}access-list L {entry}\n{ALL}"));
            let expected: &[&str] = if expected { &["13 never-matches"] } else { &[] };
            assert_eq!(found, expected, "{entry}");
        }
        let everywhere = PROXY.replace("192.0.2.1", "0.0.0.0");
        let entry = "access-list L deny tcp any host 10.10.10.25 eq smtp\n";
        assert!(
            complaints(&format!("{POLICY}{everywhere}{entry}{ALL}")).is_empty(),
            "it may be this machine"
        );
    }

    #[test]
    fn a_list_that_permits_no_session_of_its_proxy_is_doubtful() {
        for (listen, entry, expected) in [
            ("192.0.2.1:25", "permit tcp any host 192.0.2.1 eq 25", false),
            ("192.0.2.1:25", "permit tcp any any eq 587", true),
            ("192.0.2.1:25", "deny tcp any any", true),
            ("[2001:db8::1]:25", "permit tcp any host 192.0.2.9", true),
            ("0.0.0.0:25", "permit tcp any host 192.0.2.9", false),
        ] {
            let text = format!(
                "ip inspect name R esmtp max-data 20000000\nip access-list extended L\n {entry}\nproxy mx\n\
                  listen {listen}\n server 10.10.10.25:25\n ip inspect R\n ip access-group L in\n"
            );
            let expected: &[&str] = if expected { &["8 never-matches"] } else { &[] };
            assert_eq!(complaints(&text), expected, "{listen}, {entry}");
        }
    }
}

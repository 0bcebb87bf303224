//! What `match protocol NAME` and `ip inspect name RULE NAME` ask of a packet: transport and ports.

use std::ops::RangeInclusive;

use policy::model::{Configuration, PortMapping, Protocol, SYSTEM_PORTS, Transport};

use super::condition::Test;
use super::nft::one_or_set;

/// A port of an application beside those of [`SYSTEM_PORTS`], all of which are of TCP but `dns` and `tftp`.
const OTHER_PORTS: &[(&str, Transport, u16)] = &[
    ("bootpc", Transport::Udp, 68),
    ("bootps", Transport::Udp, 67),
    ("dns", Transport::Udp, 53),
    ("h323", Transport::Tcp, 1720),
    ("isakmp", Transport::Udp, 500),
    ("kerberos", Transport::Tcp, 88),
    ("kerberos", Transport::Udp, 88),
    ("ldap", Transport::Tcp, 389),
    ("ldaps", Transport::Tcp, 636),
    ("microsoft-ds", Transport::Tcp, 445),
    ("nntp", Transport::Tcp, 119),
    ("ntp", Transport::Udp, 123),
    ("pptp", Transport::Tcp, 1723),
    ("rtsp", Transport::Tcp, 554),
    ("shell", Transport::Tcp, 514),
    ("sip", Transport::Tcp, 5060),
    ("sip", Transport::Udp, 5060),
    ("skinny", Transport::Tcp, 2000),
    ("snmp", Transport::Udp, 161),
    ("snmptrap", Transport::Udp, 162),
    ("syslog", Transport::Udp, 514),
    ("tacacs", Transport::Tcp, 49),
    ("tftp", Transport::Udp, 69),
];

/// What a protocol asks; `None` if its ports are not known.
pub(super) fn test(configuration: &Configuration, protocol: &str) -> Option<Test> {
    let is = |text: &str| Some(Test::Is(text.to_owned()));
    match protocol {
        "tcp" => return is("meta l4proto tcp"),
        "udp" => return is("meta l4proto udp"),
        "icmp" => return is("meta l4proto { icmp, icmpv6 }"),
        "gre" | "esp" | "ah" => return is(&format!("meta l4proto {protocol}")),
        _ => {}
    }
    let of = |transport, keyword: &str| {
        let ports = ports(configuration, protocol, transport);
        (!ports.is_empty()).then(|| Test::Is(format!("{keyword} dport {}", ranges(&ports))))
    };
    match (of(Transport::Tcp, "tcp"), of(Transport::Udp, "udp")) {
        (Some(tcp), Some(udp)) => Some(Test::Any(vec![tcp, udp])),
        (tcp, udp) => tcp.or(udp),
    }
}

/// The TCP ports of a protocol of mail.
pub(super) fn mail_ports(configuration: &Configuration, protocol: Protocol) -> Vec<RangeInclusive<u16>> {
    ports(configuration, protocol.name(), Transport::Tcp)
}

/// Those that are known, and those that `ip port-map` adds for every host.
fn ports(configuration: &Configuration, protocol: &str, transport: Transport) -> Vec<RangeInclusive<u16>> {
    // SMTP with extensions has the same port.
    let protocol = if protocol == "esmtp" { "smtp" } else { protocol };
    let system = SYSTEM_PORTS.iter().filter(|(name, _)| *name == protocol);
    let system = system.filter(|(name, _)| transport == Transport::Tcp && *name != "tftp");
    let other = OTHER_PORTS.iter().filter(|(name, of, _)| *name == protocol && *of == transport);
    let known = system.map(|(_, port)| *port).chain(other.map(|(.., port)| *port));
    let mapped = mappings(configuration, protocol).filter(|mapping| mapping.transport == transport);
    let mapped = mapped.map(|mapping| mapping.ports.clone());
    known.map(|port| port..=port).chain(mapped).collect()
}

fn mappings<'c>(configuration: &'c Configuration, protocol: &str) -> impl Iterator<Item = &'c PortMapping> {
    let mappings = configuration.settings.classic.port_maps.iter();
    mappings.filter(move |mapping| mapping.application.text == protocol && mapping.list.is_none())
}

/// `25`, or `{ 25, 587-588 }`.
pub(super) fn ranges(ports: &[RangeInclusive<u16>]) -> String {
    one_or_set(ports.iter().map(range))
}

/// `25`, or `587-588`.
pub(super) fn range(ports: &RangeInclusive<u16>) -> String {
    match (ports.start(), ports.end()) {
        (start, end) if start == end => start.to_string(),
        (start, end) => format!("{start}-{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_has_its_ports_and_those_that_are_mapped_to_it() {
        let text = "ip port-map smtp port tcp from 2525 to 2526\nip port-map user-app port udp 4000\n\
                    ip port-map http port 8080 list 10\n";
        let configuration = policy::load("test", text.as_bytes()).configuration.unwrap();
        let asked = |protocol| match test(&configuration, protocol) {
            Some(Test::Is(text)) => text,
            Some(test) => format!("{test:?}"),
            None => "unknown".to_owned(),
        };
        for (protocol, expected) in [
            ("smtp", "tcp dport { 25, 2525-2526 }"),
            ("esmtp", "tcp dport { 25, 2525-2526 }"),
            ("http", "tcp dport 80"),
            ("tftp", "udp dport 69"),
            ("dns", "Any([Is(\"tcp dport 53\"), Is(\"udp dport 53\")])"),
            ("user-app", "udp dport 4000"),
            ("icmp", "meta l4proto { icmp, icmpv6 }"),
            ("kazaa2", "unknown"),
        ] {
            assert_eq!(asked(protocol), expected, "{protocol}");
        }
    }
}

//! What an entry of an access list says of packets, of every protocol: a packet filter asks.
//!
//! Whether an entry is well written was said when the list was read; here one that cannot be read is
//! [`Packets::Unread`].

use std::sync::Arc;

use super::asa::access;
use super::asa::named::Named;
use super::common::entry::{self, OBJECT_GROUP, Read, Syntax, Words};
use crate::model::{
    AccessList, AccessListForm, Configuration, Entry, GroupForm, GroupTransport, Member, MemberKind, Name,
    Network, PacketMatch, PacketService, Packets, Ports, Selection,
};
use crate::platform::Platform;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_V6: u8 = 58;

/// Reads entries for a packet filter. What a group comes to is found once.
#[derive(Debug)]
pub struct PacketReader<'c> {
    platform: Platform,
    named: Named<'c>,
}

impl<'c> PacketReader<'c> {
    pub fn new(configuration: &'c Configuration) -> Self {
        let Configuration { platform, host_names, object_groups, .. } = configuration;
        Self { platform: *platform, named: Named::new(host_names, object_groups) }
    }

    /// The packets for which an entry of the list holds.
    pub fn read(&mut self, list: &AccessList, entry: &Entry) -> Packets {
        let rest = entry.text.text.split_ascii_whitespace().skip(1);
        let rest = Name::new(with_udp_numbers(rest), entry.text.at);
        let mut words = Words::new(&rest);
        let syntax = match self.platform {
            Platform::Asa => None,
            Platform::Ios => match Syntax::of(list.form, &list.name.text) {
                None => return Packets::Unread,
                syntax => syntax,
            },
        };
        // The list was read as one of sources; its entries say nothing of protocols.
        if syntax == Some(Syntax::Standard) {
            return of_sources(entry);
        }
        let Ok(mut packets) = self.extended(syntax, &mut words) else { return Packets::Unread };
        if list.form == AccessListForm::V6Lines
            && let Packets::Some(found) = &mut packets
        {
            for networks in [&mut found.sources, &mut found.destinations] {
                *networks = networks.iter().map(|network| network.of_v6()).collect();
            }
        }
        packets
    }

    /// `syntax` is that of a router; an ASA has its own.
    fn extended(&mut self, syntax: Option<Syntax>, words: &mut Words<'_>) -> Read<Packets> {
        let protocol = words.next("a protocol")?;
        let mut services = match protocol.keyword.as_str() {
            "object" | OBJECT_GROUP => self.services(&words.next("the name of a group")?)?,
            // In a list of IPv6 it is that of IPv6.
            "icmp" if syntax == Some(Syntax::V6) => vec![PacketService::of(Some(ICMP_V6))],
            name => vec![PacketService::of(number_of(name).ok_or_else(|| protocol.without_protocol())?)],
        };
        let sources = self.networks(syntax, words, "source")?;
        let source = self.ports(syntax, words, &services)?;
        let destinations = self.networks(syntax, words, "destination")?;
        let destination = self.ports(syntax, words, &services)?;
        for service in &mut services {
            // A group of services has its own ports, and the entry none.
            if let Some(ports) = &source {
                service.source = ports.clone();
            }
            if let Some(ports) = &destination {
                service.destination = ports.clone();
            }
        }
        if let [only] = services.as_mut_slice()
            && matches!(only.protocol, Some(ICMP | ICMP_V6))
        {
            only.icmp = icmp(words, only.protocol == Some(ICMP_V6));
        }
        options(
            words,
            PacketMatch { services, sources, destinations, established: false, fragments: false, log: false },
        )
    }

    fn networks(&mut self, syntax: Option<Syntax>, words: &mut Words<'_>, end: &str) -> Read<Arc<[Network]>> {
        match syntax {
            Some(syntax) => entry::networks(syntax, words, end, &mut self.named),
            None => access::networks(words, end, &mut self.named),
        }
    }

    /// The ports behind an address; `None` if none are named.
    fn ports(
        &mut self,
        syntax: Option<Syntax>,
        words: &mut Words<'_>,
        services: &[PacketService],
    ) -> Read<Option<Ports>> {
        if !services.iter().all(|service| matches!(service.protocol, Some(TCP | UDP))) {
            return Ok(None);
        }
        if syntax.is_none()
            && words.keyword() == Some(OBJECT_GROUP)
            && let Some(name) = words.second()
            && let Some(GroupForm::Services(of)) = self.named.form(name.text)
        {
            words.skip();
            let name = words.next("the name of a group")?;
            let Some(of) = of else {
                // A group that says whose its ports are: those of the entry's own protocols.
                let is_asked = |of: &PacketService| {
                    services.iter().any(|service| of.protocol.is_none() || service.protocol == of.protocol)
                };
                let listed = self.services(&name)?.into_iter().filter(is_asked);
                return Ok(Some(Ports(listed.flat_map(|service| service.destination.0).collect())));
            };
            let is_of = |number| match of {
                GroupTransport::Tcp => number == Some(TCP),
                GroupTransport::Udp => number == Some(UDP),
                GroupTransport::TcpUdp => true,
            };
            let fits = services.iter().all(|service| is_of(service.protocol));
            return if fits { self.named.listed_ports(&name).map(Some) } else { Ok(Some(Ports(Vec::new()))) };
        }
        match words.keyword() {
            Some("eq" | "neq" | "gt" | "lt" | "range") => entry::ports(words).map(Some),
            _ => Ok(None),
        }
    }

    /// The members of `object service NAME`, `object-group service NAME` or `object-group protocol NAME`.
    fn services(&self, name: &entry::Word<'_>) -> Read<Vec<PacketService>> {
        if self.named.form(name.text).is_none() {
            return Err(name.unread("expected the name of a group"));
        }
        let members = self.named.flattened(name.text);
        let services: Read<Vec<Vec<PacketService>>> = members.into_iter().map(service).collect();
        Ok(services?.concat())
    }
}

/// A protocol with its ports, once for each protocol that the member names.
fn service(member: &Member) -> Read<Vec<PacketService>> {
    let rest = Name::new(with_udp_numbers(member.rest.text.split_ascii_whitespace()), member.rest.at);
    let mut words = Words::new(&rest);
    let protocol = words.next("a protocol")?;
    let numbers = match protocol.keyword.as_str() {
        "tcp-udp" => vec![Some(TCP), Some(UDP)],
        name => vec![number_of(name).ok_or_else(|| protocol.without_protocol())?],
    };
    let mut service = PacketService::of(None);
    if matches!(*numbers, [Some(ICMP | ICMP_V6)]) {
        service.icmp = icmp(&mut words, numbers == [Some(ICMP_V6)]);
    }
    while let Some(keyword) = words.keyword() {
        match keyword {
            "source" => {
                words.skip();
                service.source = entry::ports(&mut words)?;
            }
            "destination" => {
                words.skip();
                service.destination = entry::ports(&mut words)?;
            }
            "eq" | "neq" | "gt" | "lt" | "range" => service.destination = entry::ports(&mut words)?,
            // A router takes a port for `eq`.
            word if member.kind == MemberKind::Protocol && entry::port(word).is_some() => {
                service.destination = Ports(entry::port(word).map(|port| port..=port).into_iter().collect());
                words.skip();
            }
            _ => return Err(words.next("a port")?.unread("expected a port")),
        }
    }
    Ok(numbers.into_iter().map(|protocol| PacketService { protocol, ..service.clone() }).collect())
}

/// An entry of a standard list.
fn of_sources(entry: &Entry) -> Packets {
    match &entry.selection {
        Selection::Connections { sources, destinations, .. } => Packets::Some(PacketMatch {
            services: vec![PacketService::of(None)],
            sources: Arc::clone(sources),
            destinations: Arc::clone(destinations),
            established: false,
            fragments: false,
            log: entry.text.text.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("log")),
        }),
        Selection::None => Packets::None,
        Selection::Unread { .. } | Selection::Pending(_) => Packets::Unread,
    }
}

/// What follows the addresses and ports.
fn options(words: &mut Words<'_>, mut found: PacketMatch) -> Read<Packets> {
    while let Some(option) = words.words.next() {
        match option.keyword.as_str() {
            "log" | "log-input" => found.log = true,
            "established" => found.established = true,
            "fragments" => found.fragments = true,
            "inactive" => return Ok(Packets::None),
            // `log disable` of an ASA.
            "disable" => found.log = false,
            "default" | "emergencies" | "alerts" | "critical" | "errors" | "warnings" | "notifications"
            | "informational" | "debugging" => {}
            "reflect" | "interval" | "sequence" => drop(words.next("a value")?),
            level if found.log && level.parse::<u8>().is_ok_and(|level| level <= 7) => {}
            _ => return Ok(Packets::Unread),
        }
    }
    Ok(Packets::Some(found))
}

/// Type and code of ICMP, by name or number. A name that is not known is left for an option.
fn icmp(words: &mut Words<'_>, is_v6: bool) -> Option<(u8, Option<u8>)> {
    let word = words.keyword()?;
    let names = if is_v6 { ICMP_V6_TYPES } else { ICMP_TYPES };
    let named = names.iter().find(|(name, ..)| *name == word).map(|&(_, kind, code)| (kind, code));
    let found = named.or_else(|| Some((word.parse().ok()?, None)))?;
    words.skip();
    if named.is_none()
        && let Some(code) = words.keyword().and_then(|word| word.parse().ok())
    {
        words.skip();
        return Some((found.0, Some(code)));
    }
    Some(found)
}

/// `Some(None)` is every protocol.
fn number_of(name: &str) -> Option<Option<u8>> {
    if matches!(name, "ip" | "ipv4" | "ipv6") {
        return Some(None);
    }
    let named = PROTOCOLS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    named.or_else(|| name.parse().ok()).map(Some)
}

/// The words, with a number for each UDP port that has a name: TCP ports of the same name may be others.
fn with_udp_numbers<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let (mut is_udp, mut is_port) = (false, false);
    let mut text = String::new();
    for word in words {
        let number = UDP_PORTS.iter().find(|(name, _)| is_udp && is_port && name.eq_ignore_ascii_case(word));
        if !text.is_empty() {
            text.push(' ');
        }
        match number {
            Some((_, number)) => text.push_str(&number.to_string()),
            None => text.push_str(word),
        }
        is_udp = is_udp || text.eq_ignore_ascii_case("udp") || text == "17";
        is_port = number.is_some()
            || ["eq", "neq", "gt", "lt", "range"].iter().any(|operator| word.eq_ignore_ascii_case(operator))
            || is_port && word.parse::<u16>().is_ok();
    }
    text
}

/// Assigned numbers of protocols, by the names that IOS or an ASA gives them.
const PROTOCOLS: &[(&str, u8)] = &[
    ("ah", 51),
    ("ahp", 51),
    ("eigrp", 88),
    ("esp", 50),
    ("gre", 47),
    ("icmp", ICMP),
    ("icmp6", ICMP_V6),
    ("igmp", 2),
    ("igrp", 9),
    ("ipinip", 4),
    ("nos", 94),
    ("ospf", 89),
    ("pcp", 108),
    ("pim", 103),
    ("sctp", 132),
    ("snp", 109),
    ("tcp", TCP),
    ("udp", UDP),
];

/// Types of ICMP (RFC 792) with the code that a name includes.
const ICMP_TYPES: &[(&str, u8, Option<u8>)] = &[
    ("administratively-prohibited", 3, Some(13)),
    ("echo", 8, None),
    ("echo-reply", 0, None),
    ("host-unreachable", 3, Some(1)),
    ("mask-reply", 18, None),
    ("mask-request", 17, None),
    ("net-unreachable", 3, Some(0)),
    ("packet-too-big", 3, Some(4)),
    ("parameter-problem", 12, None),
    ("port-unreachable", 3, Some(3)),
    ("protocol-unreachable", 3, Some(2)),
    ("redirect", 5, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("source-quench", 4, None),
    ("time-exceeded", 11, None),
    ("timestamp-reply", 14, None),
    ("timestamp-request", 13, None),
    ("traceroute", 30, None),
    ("ttl-exceeded", 11, Some(0)),
    ("unreachable", 3, None),
];

/// Types of ICMPv6 (RFC 4443, RFC 4861).
const ICMP_V6_TYPES: &[(&str, u8, Option<u8>)] = &[
    ("echo", 128, None),
    ("echo-reply", 129, None),
    ("echo-request", 128, None),
    ("nd-na", 136, None),
    ("nd-ns", 135, None),
    ("neighbor-advertisement", 136, None),
    ("neighbor-solicitation", 135, None),
    ("packet-too-big", 2, None),
    ("parameter-problem", 4, None),
    ("router-advertisement", 134, None),
    ("router-solicitation", 133, None),
    ("time-exceeded", 3, None),
    ("unreachable", 1, None),
];

/// UDP ports by the names that IOS or an ASA gives them.
const UDP_PORTS: &[(&str, u16)] = &[
    ("biff", 512),
    ("bootpc", 68),
    ("bootps", 67),
    ("dnsix", 195),
    ("domain", 53),
    ("isakmp", 500),
    ("mobile-ip", 434),
    ("nameserver", 42),
    ("netbios-dgm", 138),
    ("netbios-ns", 137),
    ("netbios-ss", 139),
    ("non500-isakmp", 4500),
    ("ntp", 123),
    ("radius", 1645),
    ("radius-acct", 1646),
    ("rip", 520),
    ("snmp", 161),
    ("snmptrap", 162),
    ("syslog", 514),
    ("tacacs", 49),
    ("tftp", 69),
    ("who", 513),
    ("xdmcp", 177),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What the last entry of list `L`, or 101, of a configuration says of packets.
    fn read(text: &str) -> Packets {
        let loaded = crate::load("test", text.as_bytes());
        let configuration = loaded.configuration.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let lists = &configuration.access_lists;
        let list = lists.get("L").or_else(|| lists.get("101")).unwrap();
        PacketReader::new(&configuration).read(list, list.entries().last().unwrap())
    }

    /// Protocol, destination ports and ICMP of each service.
    fn services(
        text: &str,
    ) -> Vec<(Option<u8>, Vec<std::ops::RangeInclusive<u16>>, Option<(u8, Option<u8>)>)> {
        let Packets::Some(found) = read(text) else { panic!("{text}") };
        let services = found.services.into_iter();
        services.map(|service| (service.protocol, service.destination.0, service.icmp)).collect()
    }

    #[test]
    fn every_protocol_has_its_number_and_its_ports() {
        let all = || vec![0..=u16::MAX];
        for (entry, expected) in [
            ("ip any any", (None, all(), None)),
            ("tcp any any eq smtp", (Some(6), vec![25..=25], None)),
            ("udp any eq snmp any eq domain", (Some(17), vec![53..=53], None)),
            ("udp any any range bootps bootpc", (Some(17), vec![67..=68], None)),
            ("icmp any any echo", (Some(1), all(), Some((8, None)))),
            ("icmp any any 3 4", (Some(1), all(), Some((3, Some(4))))),
            ("icmp any any host-unreachable log", (Some(1), all(), Some((3, Some(1))))),
            ("esp any any", (Some(50), all(), None)),
            ("ospf any any", (Some(89), all(), None)),
            ("112 any any", (Some(112), all(), None)),
        ] {
            assert_eq!(services(&format!("access-list 101 permit {entry}\n")), [expected], "{entry}");
        }
    }

    #[test]
    fn icmp_in_a_list_of_ipv6_is_that_of_ipv6() {
        let text = "ipv6 access-list L\n permit icmp any any echo-request\n";
        assert_eq!(services(text), [(Some(58), vec![0..=u16::MAX], Some((128, None)))]);
    }

    #[test]
    fn groups_have_services_of_every_protocol() {
        let text = "ASA Version 9.8(2)\nobject-group service S\n service-object tcp-udp destination eq 53\n\
            \u{20}service-object icmp echo\nobject-group service U udp\n port-object eq 161\n";
        assert_eq!(
            services(&format!("{text}access-list L permit object-group S any any\n")),
            [
                (Some(6), vec![53..=53], None),
                (Some(17), vec![53..=53], None),
                (Some(1), vec![0..=u16::MAX], Some((8, None))),
            ]
        );
        let of_udp = "access-list L permit udp any any object-group U\n";
        assert_eq!(services(&format!("{text}{of_udp}")), [(Some(17), vec![161..=161], None)]);
        let of_any = "access-list L permit udp any any object-group S\n";
        assert_eq!(services(&format!("{text}{of_any}")), [(Some(17), vec![53..=53], None)]);
    }

    #[test]
    fn options_are_read_and_what_cannot_be_asked_is_unread() {
        let Packets::Some(found) = read("access-list 101 permit tcp any any established log\n") else {
            panic!("it is read")
        };
        assert!(found.established && found.log && !found.fragments);
        assert_eq!(read("access-list 101 permit ip any any time-range night\n"), Packets::Unread);
        let inactive = "ASA Version 9.8(2)\naccess-list L permit icmp any any inactive\n";
        assert_eq!(read(inactive), Packets::None);
    }
}

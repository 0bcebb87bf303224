//! What an entry of an ASA access list says of connections. Masks are netmasks, never wildcards.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::Ipv4Net;

use super::named::Named;
use crate::dialect::common::entry::{Read, Word, Words, is_other_protocol, port, ports_in_order};
use crate::model::{Access, Entry, GroupForm, Name, Network, Ports, Selection, Service};

/// `rest` is what follows `permit` or `deny`. What it says is read when all names are known that it may use.
pub(super) fn read(access: Access, rest: &Name) -> Entry {
    let action = match access {
        Access::Permit => "permit",
        Access::Deny => "deny",
    };
    let text: Vec<&str> = std::iter::once(action).chain(rest.text.split_ascii_whitespace()).collect();
    let text = Name::new(text.join(" "), rest.at);
    Entry { text, access, selection: Selection::Pending(rest.clone()) }
}

/// Whether two entries differ only in the names of ports: `eq smtp`, `eq 25`.
pub(super) fn say_the_same(one: &Entry, other: &Entry) -> bool {
    let words = |entry: &'_ Entry| -> Vec<String> {
        let words = entry.text.text.split_ascii_whitespace();
        words
            .map(|word| port(word).map_or_else(|| word.to_ascii_lowercase(), |port| port.to_string()))
            .collect()
    };
    words(one) == words(other)
}

/// The connections that an entry selects by what follows `permit` or `deny`.
pub(super) fn selection(rest: &Name, named: &mut Named<'_>) -> Selection {
    read_selection(&mut Words::new(rest), named).unwrap_or_else(|unread| unread)
}

fn read_selection(words: &mut Words<'_>, named: &mut Named<'_>) -> Read<Selection> {
    let protocol = words.next("a protocol")?;
    let (services, has_ports) = match protocol.keyword.as_str() {
        "tcp" | "6" => (None, true),
        "ip" => (None, false),
        "object" | "object-group" => {
            let name = words.next("the name of a group")?;
            let has_ports = named.form(name.text) == Some(GroupForm::Protocols);
            (Some(named.services(&name)?), has_ports)
        }
        name if is_other_protocol(name) => return Ok(Selection::None),
        _ => return Err(protocol.without_protocol()),
    };
    let sources = networks(words, "source", named)?;
    let from = words.rest();
    let source = if has_ports { some_ports(words, named)? } else { Ports::any() };
    words.follows(&from)?;
    let destinations = networks(words, "destination", named)?;
    let destination = if has_ports { last_ports(words, named)? } else { Ports::any() };
    if !options(words)? {
        return Ok(Selection::None);
    }
    let services = match services {
        // A group of protocols has no ports of its own.
        Some(services) if has_ports => services
            .iter()
            .map(|_| Service { source: source.clone(), destination: destination.clone() })
            .take(1)
            .collect(),
        Some(services) => services,
        None => Arc::from([Service { source, destination }]),
    };
    Ok(Selection::Connections { services, sources, destinations })
}

/// `any`, `host ADDRESS`, `ADDRESS NETMASK`, `PREFIX/LENGTH`, `object NAME` or `object-group NAME`.
pub(in crate::dialect) fn networks(
    words: &mut Words<'_>,
    end: &str,
    named: &mut Named<'_>,
) -> Read<Arc<[Network]>> {
    let network = match words.keyword() {
        Some("any") => Network::Any,
        Some("any4") => Network::ANY_V4,
        Some("any6") => Network::V6(ipnet::Ipv6Net::default()),
        Some("host") => {
            let word = words.host()?;
            let host = named.address(&word).map(Network::host);
            return Ok(Arc::from([host.ok_or_else(|| word.unread("expected an address"))?]));
        }
        Some("object" | "object-group") => {
            words.skip();
            return named.networks(&words.next("the name of a group")?);
        }
        Some("interface") => {
            let message = "the address of an interface is not known here".to_owned();
            let help = "write `host ADDRESS`".to_owned();
            return Err(words.next("an interface")?.complaint(message, Some(help)));
        }
        Some(_) => return Ok(Arc::from([subnet(words, named)?])),
        None => return Err(words.missing(&format!("a {end} address"))),
    };
    words.skip();
    Ok(Arc::from([network]))
}

/// Ports, or a group of services. A group of anything else is the address that follows.
fn some_ports(words: &mut Words<'_>, named: &mut Named<'_>) -> Read<Ports> {
    let is_of_services =
        words.second().is_some_and(|name| matches!(named.form(name.text), Some(GroupForm::Services(_))));
    if is_of_services { last_ports(words, named) } else { ports_in_order(words) }
}

/// The same where no address follows.
fn last_ports(words: &mut Words<'_>, named: &mut Named<'_>) -> Read<Ports> {
    if words.keyword() != Some("object-group") {
        return ports_in_order(words);
    }
    words.skip();
    named.ports(&words.next("the name of a group")?)
}

/// The one address behind `host`.
pub(super) fn host(words: &mut Words<'_>, named: &Named<'_>) -> Read<Network> {
    let word = words.next("an address")?;
    named.address(&word).map(Network::host).ok_or_else(|| word.unread("expected an address"))
}

/// `ADDRESS NETMASK` or `PREFIX/LENGTH`.
pub(super) fn subnet(words: &mut Words<'_>, named: &Named<'_>) -> Read<Network> {
    let word = words.next("an address")?;
    if word.text.contains(':') {
        return word.text.parse().map(Network::V6).map_err(|_| word.no_prefix("expected an IPv6 prefix"));
    }
    match named.address(&word) {
        Some(IpAddr::V4(address)) => netmask(words, &word, address),
        // A name of an address of IPv6 stands for that address.
        Some(address) => Ok(Network::host(address)),
        None => Err(word.no_address("expected `any`, `host` or an address", Ipv4Net::netmask)),
    }
}

/// The netmask of an address. One that only makes sense as a wildcard was meant as one.
fn netmask(words: &mut Words<'_>, of: &Word<'_>, address: Ipv4Addr) -> Read<Network> {
    let word = words.mask(of, "a netmask")?;
    // As groups of a router have it.
    let length = word.text.strip_prefix('/').and_then(|length| length.parse().ok());
    if let Some(prefix) = length.and_then(|length| Ipv4Net::new(address, length).ok()) {
        return Ok(Network::with_netmask(address, prefix.netmask()));
    }
    let Ok(mask) = word.text.parse::<Ipv4Addr>() else {
        return Err(word.unread("expected a netmask such as `255.255.255.0`"));
    };
    let bits = mask.to_bits();
    if bits.leading_ones() + bits.trailing_zeros() == u32::BITS {
        return Ok(Network::with_netmask(address, mask));
    }
    if bits.leading_zeros() + bits.trailing_ones() == u32::BITS {
        let meant = Ipv4Addr::from_bits(!bits);
        let message = format!("`{mask}` is a wildcard, expected a netmask");
        return Err(word.complaint(message, Some(format!("write `{meant}`"))));
    }
    Err(word.unread("expected a netmask such as `255.255.255.0`"))
}

/// What follows the addresses; false if the entry is switched off.
fn options(words: &mut Words<'_>) -> Read<bool> {
    let mut active = true;
    while let Some(option) = words.words.next() {
        match option.keyword.as_str() {
            "log" | "disable" | "default" | "emergencies" | "alerts" | "critical" | "errors" | "warnings"
            | "notifications" | "informational" | "debugging" => {}
            "interval" => drop(words.next("seconds")?),
            level if level.parse::<u8>().is_ok_and(|level| level <= 7) => {}
            "inactive" => active = false,
            "time-range" => {
                return Err(
                    option.complaint(format!("`{}` cannot be asked of a connection", option.text), None)
                );
            }
            _ => return Err(option.no_option()),
        }
    }
    Ok(active)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Flow, Objects};
    use crate::source::Span;

    /// What an entry selects, or why it cannot be read.
    fn selects(text: &str) -> Result<Selection, String> {
        let (hosts, groups) = (Objects::default(), Objects::default());
        match selection(&Name::new(text, Span::default()), &mut Named::new(&hosts, &groups)) {
            Selection::Unread { message, help, .. } => {
                Err(format!("{message}; {}", help.unwrap_or_default()))
            }
            selection @ (Selection::Connections { .. } | Selection::None) => Ok(selection),
            Selection::Pending(_) => unreachable!("{text}"),
        }
    }

    fn contains(text: &str, address: &str) -> bool {
        let Ok(Selection::Connections { sources, .. }) = selects(text) else { panic!("{text}") };
        sources.iter().any(|network| network.contains(address.parse().unwrap()))
    }

    #[test]
    fn masks_are_netmasks() {
        assert!(contains("tcp 10.1.2.0 255.255.255.0 any eq smtp", "10.1.2.9"));
        assert!(!contains("tcp 10.1.2.0 255.255.255.0 any eq smtp", "10.1.3.9"));
        assert!(contains("ip 0.0.0.0 0.0.0.0 any", "192.0.2.1"));
        assert!(contains("tcp host 192.0.2.1 any", "192.0.2.1"));
        assert!(contains("tcp 2001:db8::/32 any6", "2001:db8::1"));
        assert_eq!(
            selects("tcp 10.0.0.0 0.0.0.255 any").unwrap_err(),
            "`0.0.0.255` is a wildcard, expected a netmask; write `255.255.255.0`"
        );
        assert!(selects("tcp 10.0.0.0 255.0.255.0 any").is_err());
    }

    /// Whether list `L` of a configuration permits a connection.
    fn permits(text: &str, client: &str, server: &str) -> bool {
        let loaded = crate::load("test", format!("ASA Version 9.8(2)\n{text}").as_bytes());
        let configuration = loaded.configuration.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let list = configuration.access_lists.get("L").unwrap_or_else(|| panic!("{text}"));
        let unread = list.entries().find(|entry| matches!(entry.selection, Selection::Unread { .. }));
        assert!(unread.is_none(), "{unread:?}");
        list.permits(&Flow {
            client: format!("{client}:4000").parse().unwrap(),
            server: server.parse().unwrap(),
        })
    }

    #[test]
    fn entries_name_hosts_objects_and_groups_of_objects() {
        const NAMES: &str = "\
            name 192.0.2.25 mx\n\
            object network MX2\n host 192.0.2.26\n nat (inside,outside) static 198.51.100.26\n\
            object network LAN\n subnet 10.1.0.0 255.255.0.0\n\
            object network POOL\n range 10.2.0.5 10.2.0.9\n\
            object service SUBMISSION\n service tcp destination eq 587\n\
            object-group network MAILERS\n network-object host mx\n network-object object MX2\n\
            object-group network CLIENTS\n description who sends\n network-object 10.9.0.0 255.255.0.0\n\
             network-object object LAN\n network-object object POOL\n group-object MAILERS\n\
            object-group service MAIL tcp\n port-object eq smtp\n port-object range 2500 2525\n\
            object-group service SERVICES\n service-object tcp destination eq smtp\n service-object udp\n\
             service-object object SUBMISSION\n service-object tcp eq 26\n\
            object-group icmp-type PINGS\n icmp-object echo\n\
            object-group service OF-UDP udp\n port-object eq 25\n\
            object-group protocol BOTH\n protocol-object udp\n protocol-object tcp\n";
        let table = [
            ("extended permit tcp any host mx eq smtp", "10.9.9.9", "192.0.2.25:25", true),
            ("extended permit tcp any host mx eq smtp", "10.9.9.9", "192.0.2.26:25", false),
            ("extended permit tcp any object MX2 eq smtp", "10.9.9.9", "192.0.2.26:25", true),
            ("extended permit tcp object LAN any eq smtp", "10.1.2.3", "192.0.2.25:25", true),
            ("extended permit tcp object POOL any eq smtp", "10.2.0.9", "192.0.2.25:25", true),
            ("extended permit tcp object POOL any eq smtp", "10.2.0.10", "192.0.2.25:25", false),
            (
                "permit tcp object-group CLIENTS object-group MAILERS eq smtp",
                "10.1.2.3",
                "192.0.2.26:25",
                true,
            ),
            (
                "permit tcp object-group CLIENTS object-group MAILERS eq smtp",
                "192.0.2.26",
                "192.0.2.25:25",
                true,
            ),
            (
                "permit tcp object-group CLIENTS object-group MAILERS eq smtp",
                "10.3.0.1",
                "192.0.2.25:25",
                false,
            ),
            ("permit tcp any object-group MAILERS object-group MAIL", "10.9.9.9", "192.0.2.25:2510", true),
            ("permit tcp any object-group MAILERS object-group MAIL", "10.9.9.9", "192.0.2.25:110", false),
            ("permit tcp any any object-group OF-UDP", "10.9.9.9", "192.0.2.25:25", false),
            ("permit tcp any object-group MAIL any", "10.9.9.9", "192.0.2.25:25", false),
            ("permit tcp any any object-group SERVICES", "10.9.9.9", "192.0.2.25:587", true),
            ("permit tcp any any object-group SERVICES", "10.9.9.9", "192.0.2.25:80", false),
            ("permit tcp object-group CLIENTS object-group SERVICES any", "10.9.9.9", "192.0.2.25:25", false),
            ("permit icmp any any object-group PINGS", "10.9.9.9", "192.0.2.25:25", false),
            ("permit ah any any", "10.9.9.9", "192.0.2.25:25", false),
            ("permit object-group SERVICES any any", "10.9.9.9", "192.0.2.25:587", true),
            ("permit object-group SERVICES any any", "10.9.9.9", "192.0.2.25:26", true),
            ("permit object-group SERVICES any any", "10.9.9.9", "192.0.2.25:80", false),
            ("permit object SUBMISSION any any", "10.9.9.9", "192.0.2.25:587", true),
            ("permit object-group BOTH any any eq smtp", "10.9.9.9", "192.0.2.25:25", true),
            ("permit object-group BOTH any any eq smtp", "10.9.9.9", "192.0.2.25:26", false),
        ];
        for (entry, client, server, expected) in table {
            // The names may also come behind the entry.
            for text in [format!("{NAMES}access-list L {entry}\n"), format!("access-list L {entry}\n{NAMES}")]
            {
                assert_eq!(permits(&text, client, server), expected, "{entry}");
            }
        }
    }

    #[test]
    fn what_a_name_stands_for_is_changed_with_it() {
        let list = "access-list L permit tcp object-group G any eq smtp\n";
        let group = "object-group network G\n network-object host 10.0.0.1\n network-object host 10.0.0.2\n";
        let less = "object-group network G\n no network-object host 10.0.0.1\n";
        for (text, expected) in
            [(format!("{group}{list}"), [true, true]), (format!("{group}{list}{less}"), [false, true])]
        {
            let found = ["10.0.0.1", "10.0.0.2"].map(|client| permits(&text, client, "192.0.2.25:25"));
            assert_eq!(found, expected, "{text}");
        }
        let object = "object network O\n host 10.0.0.1\n host 10.0.0.2\n";
        let list = "access-list L permit tcp object O any eq smtp\n";
        assert!(
            !permits(&format!("{object}{list}"), "10.0.0.1", "192.0.2.25:25"),
            "the second host replaces the first"
        );
    }

    #[test]
    fn names_without_a_meaning_are_told_where_the_list_decides_about_mail() {
        const USE: &str = "class-map C\n match access-list L\npolicy-map P\n class C\n  inspect esmtp\n";
        let groups = "name 09.194.1.300 typo\nobject-group network G\n group-object H\n network-object host nowhere\n\
                      object-group network H\n group-object G\n\
                      object network F\n fqdn mx.example.org\n\
                      object network POOL\n range 10.2.0.9 10.2.0.5\n\
                      object-group service S\n service-object tcp source gt 1023 destination eq smtp\n\
                      object-group service DOWN\n service-object tcp destination range 587 25\n\
                      object-group service PORTS tcp\n port-object range 26 smtp\n";
        for (entry, message) in [
            ("tcp object-group NONE any", "unknown object or group `NONE`"),
            ("tcp object-group G any", "invalid input `nowhere`, expected an address"),
            ("tcp host typo any", "invalid input `typo`, expected an address"),
            ("tcp object F any", "a name that is looked up cannot be asked of a connection"),
            ("tcp any interface outside", "the address of an interface is not known here"),
            ("tcp any object-group G eq mail", "invalid input `nowhere`, expected an address"),
            ("object-group G any any", "`G` is defined as `object-group network`"),
            ("tcp any any object-group NONE", "unknown object or group `NONE`"),
            ("tcp any any object-group H", "`H` is defined as `object-group network`"),
            ("tcp any any object-group S", "`S` names ports of the source too"),
            ("object-group DOWN any any", "`25` is lower than `587`"),
            ("tcp any any object-group PORTS", "`smtp` is lower than `26`"),
            ("tcp object POOL any", "`10.2.0.5` is lower than `10.2.0.9`"),
            ("tcp 10.0.0.1 any", "`10.0.0.1` has neither `host` before it nor a netmask behind it"),
        ] {
            let text = format!("ASA Version 9.8(2)\n{groups}access-list L permit {entry}\n");
            assert!(
                crate::load("test", text.as_bytes()).configuration.is_some(),
                "nobody uses the list: {entry}"
            );
            let loaded = crate::load("test", format!("{text}{USE}").as_bytes());
            let found: Vec<&str> = loaded.diagnostics.iter().map(|found| found.message.as_str()).collect();
            assert!(found.contains(&message), "{entry}: {found:?}");
        }
    }

    #[test]
    fn a_range_of_ports_begins_with_the_lower_one() {
        assert!(selects("tcp any any range smtp 587").is_ok());
        let reversed = "`smtp` is lower than `587`; write `range smtp 587`";
        assert_eq!(selects("tcp any any range 587 smtp").unwrap_err(), reversed);
    }

    #[test]
    fn a_list_may_be_named_with_the_beginning_of_a_setting() {
        for name in ["a", "c", "deny", "m"] {
            let text = format!(
                "ASA Version 9.8(2)\naccess-list alert-interval 300\naccess-list cached ACL log flows: total 0\n\
                 access-list {name} extended permit tcp any any eq smtp\n"
            );
            let loaded = crate::load("test", text.as_bytes());
            let lists = loaded.configuration.unwrap().access_lists;
            let names: Vec<_> = lists.iter().map(|list| list.name.text.as_str()).collect();
            assert_eq!(names, [name]);
        }
    }

    #[test]
    fn entries_without_a_connection_select_none() {
        for text in ["udp any any eq domain", "icmp any any", "tcp any any eq smtp inactive", "esp any any"] {
            assert_eq!(selects(text), Ok(Selection::None), "{text}");
        }
        assert!(selects("tcp any any eq smtp log 6 interval 300").is_ok());
        assert!(selects("tcp any any eq smtp log disable").is_ok());
    }
}

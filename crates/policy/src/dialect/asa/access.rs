//! What an entry of an ASA access list says of connections. Masks are netmasks, never wildcards.

use std::net::{IpAddr, Ipv4Addr};

use crate::dialect::common::entry::{Read, Words, is_other_protocol, ports};
use crate::model::{Access, Entry, Name, Network, Ports, Selection, Service};

/// `rest` is what follows `permit` or `deny`.
pub(super) fn read(access: Access, rest: &Name) -> Entry {
    let mut words = Words::new(rest);
    let selection = selection(&mut words).unwrap_or_else(|unread| unread);
    let action = match access {
        Access::Permit => "permit",
        Access::Deny => "deny",
    };
    let text: Vec<&str> = std::iter::once(action).chain(rest.text.split_ascii_whitespace()).collect();
    Entry { text: Name::new(text.join(" "), rest.at), access, selection }
}

fn selection(words: &mut Words<'_>) -> Read<Selection> {
    let protocol = words.next("a protocol")?;
    let is_tcp = match protocol.keyword.as_str() {
        "tcp" | "6" => true,
        "ip" => false,
        name if is_other_protocol(name) || name == "icmp6" => return Ok(Selection::None),
        _ => return Err(protocol.unread("expected a protocol")),
    };
    let source = network(words, "source")?;
    let source_ports = if is_tcp { ports(words)? } else { Ports::any() };
    let destination = network(words, "destination")?;
    let destination_ports = if is_tcp { ports(words)? } else { Ports::any() };
    let active = options(words)?;
    if !active {
        return Ok(Selection::None);
    }
    Ok(Selection::Connections {
        services: vec![Service { source: source_ports, destination: destination_ports }],
        sources: vec![source],
        destinations: vec![destination],
    })
}

/// `any`, `host ADDRESS`, `ADDRESS NETMASK` or `PREFIX/LENGTH`.
fn network(words: &mut Words<'_>, end: &str) -> Read<Network> {
    let word = words.next(&format!("a {end} address"))?;
    match word.keyword.as_str() {
        "any" => Ok(Network::Any),
        "any4" => Ok(Network::ANY_V4),
        "any6" => Ok(Network::V6(ipnet::Ipv6Net::default())),
        "host" => {
            let word = words.next("an address")?;
            let address: Result<IpAddr, _> = word.text.parse();
            address.map(Network::host).map_err(|_| word.unread("expected an address"))
        }
        prefix if prefix.contains(':') => {
            word.text.parse().map(Network::V6).map_err(|_| word.unread("expected an IPv6 prefix"))
        }
        _ => {
            let address: Ipv4Addr =
                word.text.parse().map_err(|_| word.unread("expected `any`, `host` or an address"))?;
            netmask(words, address)
        }
    }
}

/// The netmask of an address. One that only makes sense as a wildcard was meant as one.
fn netmask(words: &mut Words<'_>, address: Ipv4Addr) -> Read<Network> {
    let word = words.next("a netmask such as `255.255.255.0`")?;
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
            _ => return Err(option.unread("expected an option such as `log`")),
        }
    }
    Ok(active)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    /// What an entry selects, or why it cannot be read.
    fn selects(text: &str) -> Result<Selection, String> {
        match read(Access::Permit, &Name::new(text, Span::default())).selection {
            Selection::Unread { message, help, .. } => {
                Err(format!("{message}; {}", help.unwrap_or_default()))
            }
            selection @ (Selection::Connections { .. } | Selection::None) => Ok(selection),
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

    #[test]
    fn entries_without_a_connection_select_none() {
        for text in ["udp any any eq domain", "icmp any any", "tcp any any eq smtp inactive", "esp any any"] {
            assert_eq!(selects(text), Ok(Selection::None), "{text}");
        }
        assert!(selects("tcp any any eq smtp log 6 interval 300").is_ok());
        assert!(selects("tcp any any eq smtp log disable").is_ok());
    }
}

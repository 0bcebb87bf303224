//! What an entry of an IOS access list says of connections.
//!
//! Access lists serve many features, so a line that cannot be read is no error in itself: it is one
//! where a list decides about mail.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{Ipv4Net, Ipv6Net};

use crate::dialect::asa::named::Named;
use crate::model::{Access, AccessListForm, Entry, Name, Network, Objects, Ports, Selection, Service};
use crate::nearest::nearest;
use crate::source::Span;

/// How the entries of a list are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum Syntax {
    /// By source.
    Standard,
    /// By protocol, source, destination and ports.
    Extended,
    /// The same with IPv6 addresses.
    V6,
}

impl Syntax {
    /// Of a list without a name of its own, the number decides; a device takes no others for IP.
    pub(in crate::dialect) fn of(form: AccessListForm, name: &str) -> Option<Self> {
        match (form, name.parse().unwrap_or(0_u16)) {
            (AccessListForm::Standard, _) => Some(Self::Standard),
            (AccessListForm::Extended, _) => Some(Self::Extended),
            (AccessListForm::V6, _) => Some(Self::V6),
            (AccessListForm::Lines, 1..=99 | 1300..=1999) => Some(Self::Standard),
            (AccessListForm::Lines, 100..=199 | 2000..=2699) => Some(Self::Extended),
            (AccessListForm::Lines | AccessListForm::V6Lines, _) => None,
        }
    }
}

/// `rest` is what follows `permit` or `deny`.
pub(super) fn read(syntax: Option<Syntax>, access: Access, rest: &Name) -> Entry {
    let names_groups = rest.text.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(OBJECT_GROUP));
    let selection = if names_groups {
        Selection::Pending(rest.clone())
    } else {
        selection(syntax, rest, &mut Named::new(&Objects::default(), &Objects::default()))
    };
    let action = match access {
        Access::Permit => "permit",
        Access::Deny => "deny",
    };
    let text: Vec<&str> = std::iter::once(action).chain(rest.text.split_ascii_whitespace()).collect();
    Entry { text: Name::new(text.join(" "), rest.at), access, selection }
}

/// What an entry selects by what follows `permit` or `deny`.
pub(in crate::dialect) fn selection(syntax: Option<Syntax>, rest: &Name, named: &mut Named<'_>) -> Selection {
    let mut words = Words::new(rest);
    let selection = match syntax {
        Some(Syntax::Standard) => standard(&mut words),
        Some(syntax @ (Syntax::Extended | Syntax::V6)) => extended(syntax, &mut words, named),
        None => Err(Selection::Unread {
            at: rest.at,
            message: "entries of access lists with this number are not about IP addresses".to_owned(),
            help: None,
        }),
    };
    selection.unwrap_or_else(|unread| unread)
}

/// Before the name of a group of addresses, or of protocols and ports.
pub(in crate::dialect) const OBJECT_GROUP: &str = "object-group";

/// Or a [`Selection::Unread`].
pub(in crate::dialect) type Read<T> = Result<T, Selection>;

fn standard(words: &mut Words<'_>) -> Read<Selection> {
    let source = match words.keyword() {
        Some("any" | "host") => network(Syntax::Standard, words, "source")?,
        _ => {
            let (word, address) = words.v4("source address")?;
            let has_wildcard = words.peek().is_some_and(Word::begins_with_digit);
            if has_wildcard { words.wildcard(&word, address)? } else { Network::host(address.into()) }
        }
    };
    options(
        words,
        Selection::Connections {
            services: Arc::from([Service::any()]),
            sources: Arc::from([source]),
            destinations: Arc::from([Network::ANY_V4]),
        },
    )
}

fn extended(syntax: Syntax, words: &mut Words<'_>, named: &mut Named<'_>) -> Read<Selection> {
    let protocol = words.next("a protocol")?;
    let mut services = None;
    let is_tcp = match protocol.keyword.as_str() {
        "tcp" | "6" => true,
        "ip" | "ipv4" | "ipv6" => false,
        OBJECT_GROUP => {
            services = Some(named.services(&words.next("the name of a group")?)?);
            false
        }
        name if is_other_protocol(name) => return Ok(Selection::None),
        _ => return Err(protocol.without_protocol()),
    };
    let sources = networks(syntax, words, "source", named)?;
    let from = words.rest();
    let source = if is_tcp { ports(words)? } else { Ports::any() };
    words.follows(&from)?;
    let destinations = networks(syntax, words, "destination", named)?;
    let destination = if is_tcp { ports(words)? } else { Ports::any() };
    let services = services.unwrap_or_else(|| Arc::from([Service { source, destination }]));
    options(words, Selection::Connections { services, sources, destinations })
}

/// One network, or those of a group.
pub(in crate::dialect) fn networks(
    syntax: Syntax,
    words: &mut Words<'_>,
    end: &str,
    named: &mut Named<'_>,
) -> Read<Arc<[Network]>> {
    if words.keyword() == Some(OBJECT_GROUP) {
        words.skip();
        return named.networks(&words.next("the name of a group")?);
    }
    Ok(Arc::from([network(syntax, words, end)?]))
}

/// `any`, `host ADDRESS`, `ADDRESS WILDCARD` or `PREFIX/LENGTH`.
fn network(syntax: Syntax, words: &mut Words<'_>, end: &str) -> Read<Network> {
    let is_v6 = syntax == Syntax::V6;
    match words.keyword() {
        Some("any") => {
            words.skip();
            Ok(if is_v6 { Network::V6(Ipv6Net::default()) } else { Network::ANY_V4 })
        }
        Some("host") => {
            let word = words.host()?;
            let address: Option<IpAddr> = word.text.parse().ok();
            match address.filter(|address| address.is_ipv6() == is_v6) {
                Some(address) => Ok(Network::host(address)),
                None if is_v6 => Err(word.unread("expected an IPv6 address")),
                None => Err(word.unread("expected an IPv4 address")),
            }
        }
        _ if is_v6 => {
            let word = words.next(&format!("a {end} prefix"))?;
            let prefix = word.text.parse().map(Network::V6);
            prefix.map_err(|_| word.no_prefix("expected `any`, `host` or an IPv6 prefix"))
        }
        _ => {
            let (word, address) = words.v4(&format!("{end} address"))?;
            words.wildcard(&word, address)
        }
    }
}

/// `eq 25`, `range 25 587` and the like, or nothing.
pub(in crate::dialect) fn ports(words: &mut Words<'_>) -> Read<Ports> {
    let Some(operator) = words.keyword().map(str::to_owned) else { return Ok(Ports::any()) };
    match operator.as_str() {
        "eq" | "neq" => {
            words.skip();
            let mut listed = vec![words.port()?];
            while let Some(port) = words.peek().and_then(|word| port(word.text)) {
                words.skip();
                listed.push(port);
            }
            Ok(match operator.as_str() {
                "eq" => Ports(listed.into_iter().map(|port| port..=port).collect()),
                _ => Ports::all_but(&listed),
            })
        }
        "gt" => {
            words.skip();
            Ok(Ports(words.port()?.checked_add(1).map(|from| from..=u16::MAX).into_iter().collect()))
        }
        "lt" => {
            words.skip();
            Ok(Ports(words.port()?.checked_sub(1).map(|to| 0..=to).into_iter().collect()))
        }
        "range" => {
            words.skip();
            let (one, other) = (words.port()?, words.port()?);
            Ok(Ports(vec![one.min(other)..=one.max(other)]))
        }
        _ => Ok(Ports::any()),
    }
}

/// The same of an ASA, also in a group, which refuses a range that begins with the higher port; a router takes it.
pub(in crate::dialect) fn ports_in_order(words: &mut Words<'_>) -> Read<Ports> {
    let mut ahead = words.words.clone();
    if let (Some(operator), Some(from), Some(to)) = (ahead.next(), ahead.next(), ahead.next())
        && operator.keyword == "range"
        && let (Some(high), Some(low)) = (port(from.text), port(to.text))
        && high > low
    {
        return Err(Selection::Unread {
            at: Span { start: operator.at.start, end: to.at.end },
            message: format!("`{}` is lower than `{}`", to.text, from.text),
            help: Some(format!("write `range {} {}`", to.text, from.text)),
        });
    }
    ports(words)
}

/// What follows the addresses. A connection is asked about by its first packet, which has the flag SYN alone.
fn options(words: &mut Words<'_>, selection: Selection) -> Read<Selection> {
    let (mut opens, mut flags, mut syn) = (true, false, false);
    while let Some(option) = words.words.next() {
        match option.keyword.as_str() {
            "log" | "log-input" => {}
            "established" | "fragments" => opens = false,
            "syn" => syn = true,
            "ack" | "fin" | "psh" | "rst" | "urg" => flags = true,
            // It lets the answers through, which belong to the connection here.
            "reflect" => drop(words.next("a name")?),
            "sequence" if words.peek().is_some_and(|word| word.text.parse::<u32>().is_ok()) => words.skip(),
            "dscp" | "precedence" | "tos" | "ttl" | "option" | "time-range" | "match-any" | "match-all"
            | "flow-label" | "routing" => {
                return Err(
                    option.complaint(format!("`{}` cannot be asked of a connection", option.text), None)
                );
            }
            _ => return Err(option.no_option()),
        }
    }
    Ok(if opens && (syn || !flags) { selection } else { Selection::None })
}

/// Whether it is a protocol other than TCP, by name or number.
pub(in crate::dialect) fn is_other_protocol(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "ah", "ahp", "eigrp", "esp", "gre", "hbh", "icmp", "icmp6", "igmp", "igrp", "ipinip", "ipsec", "nos",
        "ospf", "pcp", "pim", "pptp", "sctp", "snp", "udp",
    ];
    NAMES.contains(&name) || name.parse::<u8>().is_ok()
}

/// The TCP ports that IOS or an ASA knows by name; each prints those it knows so.
const PORTS: &[(&str, u16)] = &[
    ("aol", 5190),
    ("bgp", 179),
    ("chargen", 19),
    ("cifs", 3020),
    ("citrix-ica", 1494),
    ("cmd", 514),
    ("ctiqbe", 2748),
    ("daytime", 13),
    ("discard", 9),
    ("domain", 53),
    ("drip", 3949),
    ("echo", 7),
    ("exec", 512),
    ("finger", 79),
    ("ftp", 21),
    ("ftp-data", 20),
    ("gopher", 70),
    ("h323", 1720),
    ("hostname", 101),
    ("http", 80),
    ("https", 443),
    ("ident", 113),
    ("imap4", 143),
    ("irc", 194),
    ("kerberos", 750),
    ("klogin", 543),
    ("kshell", 544),
    ("ldap", 389),
    ("ldaps", 636),
    ("login", 513),
    ("lotusnotes", 1352),
    ("lpd", 515),
    ("msrpc", 135),
    ("netbios-ssn", 139),
    ("nfs", 2049),
    ("nntp", 119),
    ("pcanywhere-data", 5631),
    ("pim-auto-rp", 496),
    ("pop2", 109),
    ("pop3", 110),
    ("pptp", 1723),
    ("rsh", 514),
    ("rtsp", 554),
    ("sip", 5060),
    ("smtp", 25),
    ("sqlnet", 1522),
    ("ssh", 22),
    ("sunrpc", 111),
    ("syslog", 514),
    ("tacacs", 49),
    ("talk", 517),
    ("telnet", 23),
    ("time", 37),
    ("uucp", 540),
    ("whois", 43),
    ("www", 80),
];

pub(in crate::dialect) fn port(word: &str) -> Option<u16> {
    let named = PORTS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    named.map(|(_, port)| *port).or_else(|| word.parse().ok())
}

/// The port that was probably meant, as a device takes it: Linux has names for more of them.
pub(in crate::dialect) fn meant_port(word: &str) -> Option<String> {
    if let Some((_, taken)) = OTHER_NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
        return Some(format!("write `{taken}`"));
    }
    nearest(word, PORTS.iter().map(|(name, _)| *name)).map(|name| format!("did you mean `{name}`?"))
}

/// Names of ports for mail that no device has.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("imap", "143"),
    ("imap2", "143"),
    ("imaps", "993"),
    ("mail", "smtp"),
    ("msa", "587"),
    ("pop3s", "995"),
    ("pop", "pop3"),
    ("smtps", "465"),
    ("ssmtp", "465"),
    ("submission", "587"),
    ("submissions", "465"),
];

/// The words of an entry.
pub(in crate::dialect) struct Words<'t> {
    pub(in crate::dialect) words: std::iter::Peekable<std::vec::IntoIter<Word<'t>>>,
    end: Span,
}

#[derive(Clone)]
pub(in crate::dialect) struct Word<'t> {
    pub(in crate::dialect) text: &'t str,
    /// The same in lower case.
    pub(in crate::dialect) keyword: String,
    at: Span,
}

impl<'t> Words<'t> {
    pub(in crate::dialect) fn new(rest: &'t Name) -> Self {
        let start = rest.at.start as usize;
        let mut words = Vec::new();
        let mut offset = 0;
        for word in rest.text.split(|c: char| c.is_ascii_whitespace()) {
            if !word.is_empty() {
                let at = Span::new(start + offset, start + offset + word.len());
                words.push(Word { text: word, keyword: word.to_ascii_lowercase(), at });
            }
            offset += word.len() + 1;
        }
        Self { words: words.into_iter().peekable(), end: Span { start: rest.at.end, end: rest.at.end } }
    }

    pub(in crate::dialect) fn peek(&mut self) -> Option<&Word<'t>> {
        self.words.peek()
    }

    /// The next word in lower case.
    pub(in crate::dialect) fn keyword(&mut self) -> Option<&str> {
        self.peek().map(|word| word.keyword.as_str())
    }

    pub(in crate::dialect) fn skip(&mut self) {
        self.words.next();
    }

    pub(in crate::dialect) fn next(&mut self, expected: &str) -> Read<Word<'t>> {
        self.words.next().ok_or_else(|| self.missing(expected))
    }

    /// The line ends where something was expected.
    pub(in crate::dialect) fn missing(&self, expected: &str) -> Selection {
        let message = format!("incomplete entry, expected {expected}");
        Selection::Unread { at: self.end, message, help: None }
    }

    /// The word behind the next one.
    pub(in crate::dialect) fn second(&self) -> Option<Word<'t>> {
        self.words.clone().nth(1)
    }

    fn v4(&mut self, expected: &str) -> Read<(Word<'t>, Ipv4Addr)> {
        let word = self.next(&format!("a {expected}"))?;
        match word.text.parse() {
            Ok(address) => Ok((word, address)),
            Err(_) => {
                Err(word.no_address(&format!("expected `any`, `host` or a {expected}"), Ipv4Net::hostmask))
            }
        }
    }

    /// The wildcard of an address. One that only makes sense as a netmask was meant as one.
    fn wildcard(&mut self, of: &Word<'_>, address: Ipv4Addr) -> Read<Network> {
        let word = self.mask(of, "a wildcard")?;
        let Ok(wildcard) = word.text.parse::<Ipv4Addr>() else {
            return Err(word.unread("expected a wildcard such as `0.0.0.255`"));
        };
        let is_netmask = match wildcard.to_bits() {
            0 => address.is_unspecified(),
            u32::MAX => !address.is_unspecified(),
            bits => bits.leading_ones() + bits.trailing_zeros() == u32::BITS,
        };
        if is_netmask {
            let meant = Ipv4Addr::from_bits(!wildcard.to_bits());
            let message = format!("`{wildcard}` is a netmask, expected a wildcard");
            return Err(word.complaint(message, Some(format!("write `{meant}`"))));
        }
        Ok(Network::V4 { address, wildcard })
    }

    /// The word behind an address without `host`, if it may be a mask.
    pub(in crate::dialect) fn mask(&mut self, of: &Word<'_>, mask: &str) -> Read<Word<'t>> {
        self.words.next_if(|word| word.begins_with_digit() || word.text.starts_with('/')).ok_or_else(|| {
            let message = format!("`{}` has neither `host` before it nor {mask} behind it", of.text);
            of.complaint(message, Some(format!("write `host {}`", of.text)))
        })
    }

    /// The word behind `host`. Before a group or `any` it is one word too many.
    pub(in crate::dialect) fn host(&mut self) -> Read<Word<'t>> {
        let host = self.next("`host`")?;
        match self.keyword() {
            Some(word @ ("any" | "object" | "object-group")) => {
                let message = format!("`host` and `{word}` exclude each other");
                Err(host.complaint(message, Some("remove it".to_owned())))
            }
            _ => self.next("an address"),
        }
    }

    /// The words that are left.
    pub(in crate::dialect) fn rest(&self) -> Vec<Word<'t>> {
        self.words.clone().collect()
    }

    /// Whether something follows the ports of the source. Where nothing does, they were meant for the destination.
    pub(in crate::dialect) fn follows(&mut self, ports: &[Word<'t>]) -> Read<()> {
        let (None, Some(first), Some(last)) = (self.peek(), ports.first(), ports.last()) else {
            return Ok(());
        };
        let said: Vec<&str> = ports.iter().map(|word| word.text).collect();
        Err(Selection::Unread {
            at: Span { start: first.at.start, end: last.at.end },
            message: "incomplete entry, expected a destination address".to_owned(),
            help: Some(format!("write `any {}`", said.join(" "))),
        })
    }

    fn port(&mut self) -> Read<u16> {
        let word = self.next("a port")?;
        let complaint = || {
            let message = format!("invalid input `{}`, expected a port", word.text);
            word.complaint(message, meant_port(word.text))
        };
        port(word.text).ok_or_else(complaint)
    }
}

impl Word<'_> {
    /// The word is wrong; something else was expected.
    pub(in crate::dialect) fn unread(&self, message: &str) -> Selection {
        self.complaint(format!("invalid input `{}`, {message}", self.text), None)
    }

    fn begins_with_digit(&self) -> bool {
        self.text.starts_with(|first: char| first.is_ascii_digit())
    }

    /// No address: perhaps the prefix of a network, for which the list has masks, or a keyword with a slip.
    pub(in crate::dialect) fn no_address(&self, expected: &str, mask: fn(&Ipv4Net) -> Ipv4Addr) -> Selection {
        let help = match self.text.parse::<Ipv4Net>() {
            Ok(host) if host.prefix_len() == host.max_prefix_len() => {
                Some(format!("write `host {}`", host.addr()))
            }
            Ok(net) => Some(format!("write `{} {}`", net.network(), mask(&net))),
            Err(_) => {
                let keywords = ["any", "host", "object", "object-group"];
                nearest(self.text, keywords).map(|meant| format!("did you mean `{meant}`?"))
            }
        };
        self.complaint(format!("invalid input `{}`, {expected}", self.text), help)
    }

    /// What follows the addresses is no option: perhaps a port without its operator.
    pub(in crate::dialect) fn no_option(&self) -> Selection {
        let help = match self.keyword.as_str() {
            "port" | "dport" | "dst-port" | "=" | "==" => Some("write `eq`".to_owned()),
            word if port(word).is_some() => Some(format!("write `eq {}`", self.text)),
            _ => None,
        };
        self.complaint(format!("invalid input `{}`, expected an option such as `log`", self.text), help)
    }

    /// No prefix of IPv6: perhaps one address.
    pub(in crate::dialect) fn no_prefix(&self, expected: &str) -> Selection {
        let is_address = self.text.parse::<Ipv6Addr>().is_ok();
        let help = is_address.then(|| format!("write `host {}`", self.text));
        self.complaint(format!("invalid input `{}`, {expected}", self.text), help)
    }

    /// An address where a protocol is expected.
    pub(in crate::dialect) fn without_protocol(&self) -> Selection {
        let is_address = matches!(self.keyword.as_str(), "any" | "any4" | "any6" | "host")
            || self.text.parse::<IpAddr>().is_ok();
        let message = format!("invalid input `{}`, expected a protocol", self.text);
        self.complaint(message, is_address.then(|| format!("write `tcp {}`", self.text)))
    }

    pub(in crate::dialect) fn complaint(&self, message: String, help: Option<String>) -> Selection {
        Selection::Unread { at: self.at, message, help }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccessList, Flow};

    /// Whether an entry that permits holds for a connection from 192.0.2.7:4000, or 2001:db8::7.
    fn holds(syntax: Syntax, text: &str, server: &str) -> bool {
        let client = if syntax == Syntax::V6 { "[2001:db8::7]:4000" } else { "192.0.2.7:4000" };
        let flow = Flow { client: client.parse().unwrap(), server: server.parse().unwrap() };
        let name = |text| Name::new(text, Span::default());
        let mut list = AccessList::new(name("L"), AccessListForm::Extended);
        list.append(read(Some(syntax), Access::Permit, &name(text)));
        list.permits(&flow)
    }

    #[test]
    fn an_extended_entry_is_asked_about_both_ends() {
        let table = [
            ("tcp any any eq 25", true),
            ("TCP ANY HOST 198.51.100.25 EQ SMTP log", true),
            ("tcp any any eq www 587 smtp log-input", true),
            ("tcp any any neq smtp 80", false),
            ("tcp any any neq 26", true),
            ("tcp any gt 1023 any lt 1024", true),
            ("tcp any lt 4000 any", false),
            ("tcp any range 5000 3000 any range 24 smtp", true),
            ("ip 192.0.2.0 0.0.0.255 198.51.100.1 0.0.0.254", true),
            ("ip 192.0.2.0 0.0.0.255 198.51.100.2 0.0.0.254", false),
            ("6 any any", true),
            ("ip host 192.0.2.7 any", true),
            ("ip host 192.0.2.8 any", false),
            ("udp any any", false),
            ("icmp any any unreachable", false),
            ("50 any any", false),
            ("tcp any any established", false),
            ("tcp any any ack", false),
            ("tcp any any syn", true),
            ("ip any any fragments", false),
            ("tcp any any eq smtp reflect OUT", true),
        ];
        for (text, expected) in table {
            assert_eq!(holds(Syntax::Extended, text, "198.51.100.25:25"), expected, "{text}");
        }
        assert!(!holds(Syntax::Extended, "tcp any any lt 0", "198.51.100.25:25"));
        assert!(!holds(Syntax::Extended, "tcp any any gt 65535", "198.51.100.25:25"));
    }

    #[test]
    fn a_standard_entry_is_asked_about_the_source() {
        for (text, expected) in [
            ("any", true),
            ("192.0.2.7", true),
            ("host 192.0.2.7 log", true),
            ("192.0.0.0 0.0.255.255", true),
            ("192.0.2.8", false),
            ("0.0.0.0 255.255.255.255", true),
        ] {
            assert_eq!(holds(Syntax::Standard, text, "198.51.100.25:25"), expected, "{text}");
        }
    }

    #[test]
    fn an_ipv6_entry_has_prefixes() {
        for (text, expected) in [
            ("ipv6 any any", true),
            ("tcp 2001:db8::/32 host 2001:db8::25 eq smtp", true),
            ("tcp 2001:db9::/32 any", false),
            ("icmp any any", false),
        ] {
            assert_eq!(holds(Syntax::V6, text, "[2001:db8::25]:25"), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_where_and_what_was_meant() {
        let table = [
            (Syntax::Extended, "tcp 192.0.2.0 255.255.255.0 any", "255.255.255.0", "write `0.0.0.255`"),
            (Syntax::Extended, "ip 192.0.2.1 255.255.255.255 any", "255.255.255.255", "write `0.0.0.0`"),
            (Syntax::Extended, "ip any 0.0.0.0 0.0.0.0", "0.0.0.0", "write `255.255.255.255`"),
            (Syntax::Standard, "10.0.0.0 255.0.0.0", "255.0.0.0", "write `0.255.255.255`"),
            (Syntax::Standard, "10.0.0.0/8", "10.0.0.0/8", "write `10.0.0.0 0.255.255.255`"),
            (Syntax::Extended, "ip 10.1.2.3/8 any", "10.1.2.3/8", "write `10.0.0.0 0.255.255.255`"),
            (Syntax::Extended, "tcp any 192.0.2.1/32 eq smtp", "192.0.2.1/32", "write `host 192.0.2.1`"),
            (Syntax::Extended, "tcp 192.0.2.1 any eq smtp", "192.0.2.1", "write `host 192.0.2.1`"),
            (Syntax::Extended, "tcp any 192.0.2.1", "192.0.2.1", "write `host 192.0.2.1`"),
            (Syntax::Extended, "tcp any hots 192.0.2.1", "hots", "did you mean `host`?"),
            (Syntax::Extended, "tcp any 192.0.2.0 0.0.0.2555", "0.0.0.2555", ""),
            (Syntax::V6, "tcp 2001:db8::1 any", "2001:db8::1", "write `host 2001:db8::1`"),
            (Syntax::Extended, "tcp any any dscp af11", "dscp", ""),
            (Syntax::Extended, "tcp any any eq mail", "mail", "write `smtp`"),
            (Syntax::Extended, "tcp any any eq submission", "submission", "write `587`"),
            (Syntax::Extended, "tcp any", "", ""),
            (Syntax::Extended, "tcp any eq 25", "eq 25", "write `any eq 25`"),
            (Syntax::Extended, "tcp any any port 25", "port", "write `eq`"),
            (Syntax::Extended, "tcp any any smtp", "smtp", "write `eq smtp`"),
            (Syntax::Extended, "tcp any host any", "host", "remove it"),
            (Syntax::Extended, "tpc any any", "tpc", ""),
            (Syntax::Extended, "tcp host 2001:db8::1 any", "2001:db8::1", ""),
            (Syntax::V6, "tcp 192.0.2.1 any", "192.0.2.1", ""),
        ];
        for (syntax, text, word, meant) in table {
            let entry = read(Some(syntax), Access::Permit, &Name::new(text, Span::new(0, text.len())));
            let Selection::Unread { at, help, .. } = entry.selection else { panic!("{text} is read") };
            assert_eq!(text.get(at.start as usize..at.end as usize), Some(word), "{text}");
            assert_eq!(help.as_deref().unwrap_or(""), meant, "{text}");
        }
    }
}

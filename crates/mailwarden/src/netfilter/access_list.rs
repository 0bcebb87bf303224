//! An access list → verdict maps, in the order of its lines, and rules between them for what a map cannot hold.
//!
//! A map of several fields takes a wider line behind a narrower one, and then the first that holds decides, as in the
//! list. A line that overlaps another in part ends the map: the next begins behind it. A line within an earlier one is
//! dead, and left out.

use std::ops::RangeInclusive;

use policy::model::{Access, AccessList, Entry, Network, PacketMatch, PacketService, Packets, Ports};
use policy::source::Span;

use super::LOG_GROUP;
use super::condition::{FORGET, NO, YES};
use super::nft::{self, Chain, Element, Map, Rule, Ruleset};
use super::protocols::ranges;
use policy::dialect::packets::PacketReader;

mod boxes;

use boxes::{Boxes, PacketBox};

/// Limit: elements that one line may become. One with larger groups is a rule, with sets.
const ELEMENTS_MAX: usize = 256;

/// The protocol comes last: the kernel looks at a field for each element that the fields before it leave, and one protocol
/// leaves them all. With it in front, a list of 100,000 lines took 37 s to load in place of 2 s.
const KEYS_V4: &str = "ipv4_addr . ipv4_addr . inet_service . inet_proto";
const KEYS_V6: &str = "ipv6_addr . ipv6_addr . inet_service . inet_proto";

/// A line that decides nothing, because an earlier line has all its packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dead {
    pub(super) at: Span,
    pub(super) text: String,
    /// The line that hides it, where it is one alone.
    pub(super) by: Option<Span>,
}

/// Compiles lists, one behind the other, into a chain of that name, which answers like a test.
pub(super) fn compile(
    ruleset: &mut Ruleset,
    reader: &mut PacketReader<'_>,
    chain: &str,
    lists: &[&AccessList],
) -> Vec<Dead> {
    let mut writing = Writing { chain, ..Writing::default() };
    for list in lists {
        for entry in list.entries() {
            writing.entry(entry, reader.read(list, entry));
        }
    }
    writing.end_map();
    let Writing { maps, mut rules, dead, .. } = writing;
    // What no line permits is denied.
    rules.push(Rule::new(format!("counter {FORGET}")).comment("deny any, the end of the list"));
    ruleset.maps.extend(maps);
    ruleset.chains.push(Chain { name: chain.to_owned(), hook: None, rules });
    dead
}

#[derive(Default)]
struct Writing<'n> {
    chain: &'n str,
    maps: Vec<Map>,
    rules: Vec<Rule>,
    /// The maps that take further lines, by family.
    v4: Open,
    v6: Open,
    /// The packets of all lines in maps, and for each the number of its line.
    all: Boxes,
    line_of: Vec<usize>,
    /// Where those lines are.
    lines: Vec<Span>,
    dead: Vec<Dead>,
}

#[derive(Default)]
struct Open {
    boxes: Boxes,
    elements: Vec<Element>,
}

impl Writing<'_> {
    fn entry(&mut self, entry: &Entry, packets: Packets) {
        let goto = match entry.access {
            Access::Permit => YES,
            Access::Deny => NO,
        };
        let text = &entry.text.text;
        match packets {
            Packets::None => {}
            // It denies what it might deny, and permits nothing.
            Packets::Unread if entry.access == Access::Deny => {
                self.rule(format!("counter goto {goto}"), text);
            }
            Packets::Unread => {}
            Packets::Some(found) => match elements(&found) {
                Some(elements) => self.elements(entry, goto, &elements),
                None => expressions(&found).into_iter().for_each(|expression| {
                    let log =
                        if found.log { format!("{} ", nft::log(text, LOG_GROUP)) } else { String::new() };
                    let statement = format!("{expression} {log}counter goto {goto}");
                    self.rule(statement.trim_start().to_owned(), text);
                }),
            },
        }
    }

    /// A rule ends the maps before it.
    fn rule(&mut self, statement: String, text: &str) {
        self.end_map();
        self.rules.push(Rule::new(statement).comment(text));
    }

    fn elements(&mut self, entry: &Entry, goto: &'static str, boxes: &[PacketBox]) {
        let mut hidden = Vec::new();
        let line = self.lines.len();
        for packets in boxes {
            // Whatever is between them: the earlier line decides first.
            if let Some(index) = self.all.around(packets) {
                hidden.extend(self.line_of.get(index).copied().filter(|&by| by < line));
                continue;
            }
            self.all.add(packets);
            self.line_of.push(line);
            if self.open(packets.is_v6).boxes.overlap(packets) {
                self.end_map();
            }
            let open = self.open(packets.is_v6);
            open.boxes.add(packets);
            open.elements.push(Element { key: packets.to_string(), comment: entry.text.text.clone(), goto });
        }
        self.lines.push(entry.text.at);
        if !boxes.is_empty() && hidden.len() == boxes.len() {
            let one = hidden.first().filter(|first| hidden.iter().all(|other| other == *first));
            let by = one.and_then(|&line| self.lines.get(line)).copied();
            self.dead.push(Dead { at: entry.text.at, text: entry.text.text.clone(), by });
        }
    }

    const fn open(&mut self, is_v6: bool) -> &mut Open {
        if is_v6 { &mut self.v6 } else { &mut self.v4 }
    }

    /// Closes the open maps, and asks them.
    fn end_map(&mut self) {
        let (v4, v6) = (std::mem::take(&mut self.v4), std::mem::take(&mut self.v6));
        for (family, keys, Open { elements, .. }) in [("ip", KEYS_V4, v4), ("ip6", KEYS_V6, v6)] {
            if elements.is_empty() {
                continue;
            }
            let name = format!("{}/map-{}", self.chain, self.maps.len() + 1);
            let key = format!("{family} saddr . {family} daddr . th dport . meta l4proto");
            self.rules.push(Rule::new(format!("{key} vmap @{name}")));
            self.maps.push(Map { name, keys, elements });
        }
    }
}

/// What a line is in a map; `None` if a map cannot hold it.
fn elements(found: &PacketMatch) -> Option<Vec<PacketBox>> {
    if found.established || found.fragments || found.log {
        return None;
    }
    let mut boxes = Vec::new();
    for service in &found.services {
        if service.icmp.is_some() || service.source != Ports::any() {
            return None;
        }
        for source in found.sources.iter() {
            for destination in found.destinations.iter() {
                for is_v6 in [false, true] {
                    let (source, destination) = (addresses(source, is_v6)?, addresses(destination, is_v6)?);
                    let (Some(source), Some(destination)) = (source, destination) else { continue };
                    for ports in &service.destination.0 {
                        let protocols = match service.protocol {
                            Some(one) => one..=one,
                            None => 0..=u8::MAX,
                        };
                        let (source, destination) = (source.clone(), destination.clone());
                        boxes.push(PacketBox { is_v6, protocols, source, destination, ports: ports.clone() });
                        if boxes.len() > ELEMENTS_MAX {
                            return None;
                        }
                    }
                }
            }
        }
    }
    Some(boxes)
}

/// The addresses of a network in a family, as a range: `Some(None)` if it has none there, `None` if they are no range.
fn addresses(network: &Network, is_v6: bool) -> Option<Option<RangeInclusive<u128>>> {
    let all = if is_v6 { 0..=u128::MAX } else { 0..=u128::from(u32::MAX) };
    Some(match network {
        Network::Any => Some(all),
        Network::V4 { address, wildcard } => {
            let (address, wildcard) = (address.to_bits(), wildcard.to_bits());
            // Open bits on the right alone are a prefix.
            if wildcard.leading_zeros() + wildcard.trailing_ones() < u32::BITS {
                return None;
            }
            let first = address & !wildcard;
            (!is_v6).then(|| u128::from(first)..=u128::from(first | wildcard))
        }
        Network::V6(net) => is_v6.then(|| net.network().to_bits()..=net.broadcast().to_bits()),
        Network::Range { first, last } => (first.is_ipv6() == is_v6).then(|| bits(*first)..=bits(*last)),
    })
}

fn bits(address: std::net::IpAddr) -> u128 {
    match address {
        std::net::IpAddr::V4(address) => u128::from(address.to_bits()),
        std::net::IpAddr::V6(address) => address.to_bits(),
    }
}

/// The expressions of a line that is rules: one for each family and service.
fn expressions(found: &PacketMatch) -> Vec<String> {
    let mut expressions = Vec::new();
    for is_v6 in [false, true] {
        let family = if is_v6 { "ip6" } else { "ip" };
        let ends = [("saddr", &found.sources), ("daddr", &found.destinations)];
        let ends = ends.map(|(field, networks)| end(&format!("{family} {field}"), networks, is_v6));
        let [Some(sources), Some(destinations)] = &ends else { continue };
        for source in sources {
            for destination in destinations {
                for service in &found.services {
                    let Some(service) = self::service(service, is_v6) else { continue };
                    let family = format!("meta nfproto {}", if is_v6 { "ipv6" } else { "ipv4" });
                    let established = if found.established { "tcp flags & (ack | rst) != 0" } else { "" };
                    let fragments = match (found.fragments, is_v6) {
                        (false, _) => "",
                        (true, false) => "ip frag-off & 0x1fff != 0",
                        (true, true) => "frag frag-off != 0",
                    };
                    let parts = [&*family, source, destination, &service, established, fragments];
                    let parts = parts.into_iter().filter(|part| !part.is_empty());
                    expressions.push(parts.collect::<Vec<_>>().join(" "));
                }
            }
        }
    }
    expressions
}

/// What one end asks, in one expression or several; `None` if it has no address of the family.
fn end(field: &str, networks: &[Network], is_v6: bool) -> Option<Vec<String>> {
    let mut listed = Vec::new();
    let mut masked = Vec::new();
    for network in networks {
        match (addresses(network, is_v6), network) {
            (Some(None), _) => {}
            (Some(Some(range)), _) if is_every(&range, is_v6) => return Some(vec![String::new()]),
            (Some(Some(range)), _) => listed.push(boxes::addresses(&range, is_v6)),
            (None, Network::V4 { address, wildcard }) if !is_v6 => {
                let mask = std::net::Ipv4Addr::from_bits(!wildcard.to_bits());
                let masked_address = std::net::Ipv4Addr::from_bits(address.to_bits() & mask.to_bits());
                masked.push(format!("{field} & {mask} == {masked_address}"));
            }
            (None, _) => {}
        }
    }
    if !listed.is_empty() {
        masked.insert(0, format!("{field} {}", nft::one_or_set(listed.into_iter())));
    }
    (!masked.is_empty()).then_some(masked)
}

fn is_every(range: &RangeInclusive<u128>, is_v6: bool) -> bool {
    *range == if is_v6 { 0..=u128::MAX } else { 0..=u128::from(u32::MAX) }
}

/// Protocol, ports and type; `None` if the family has no such packets.
fn service(service: &PacketService, is_v6: bool) -> Option<String> {
    const ICMP: u8 = 1;
    const ICMP_V6: u8 = 58;
    let Some(protocol) = service.protocol else { return Some(String::new()) };
    if let Some((kind, code)) = service.icmp {
        let word = match protocol {
            ICMP if !is_v6 => "icmp",
            ICMP_V6 if is_v6 => "icmpv6",
            _ => return None,
        };
        let code = code.map(|code| format!(" {word} code {code}")).unwrap_or_default();
        return Some(format!("{word} type {kind}{code}"));
    }
    if service.source.0.is_empty() || service.destination.0.is_empty() {
        return None;
    }
    let port = |field: &str, ports: &Ports| match *ports == Ports::any() {
        true => String::new(),
        false => format!(" th {field} {}", ranges(&ports.0)),
    };
    let (source, destination) = (port("sport", &service.source), port("dport", &service.destination));
    Some(format!("meta l4proto {protocol}{source}{destination}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The maps and rules of list 101, and its dead lines.
    fn compiled(entries: &str) -> (String, Vec<String>) {
        let lines: String = entries.lines().map(|line| format!("access-list 101 {line}\n")).collect();
        let loaded = policy::load("test", lines.as_bytes());
        let configuration =
            loaded.configuration.as_ref().unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let mut ruleset = Ruleset::default();
        let list = configuration.access_lists.get("101").unwrap();
        let dead = compile(&mut ruleset, &mut PacketReader::new(configuration), "acl/101", &[list]);
        let maps = ruleset.maps.iter().map(|map| {
            let keys: Vec<String> =
                map.elements.iter().map(|element| format!("{} {}", element.key, element.goto)).collect();
            format!("{}: {}", map.name, keys.join(", "))
        });
        let rules = ruleset.chains[0].rules.iter().map(ToString::to_string);
        let text = maps.chain(rules).collect::<Vec<_>>().join("\n");
        let dead = dead.into_iter().map(|dead| match dead.by {
            Some(by) => format!("{}, line {}", dead.text, loaded.source.position(by).line),
            None => dead.text,
        });
        (text, dead.collect())
    }

    const ASKS: &str = "ip saddr . ip daddr . th dport . meta l4proto vmap";
    const END: &str =
        "counter meta mark set meta mark & 0xfbffffff comment \"deny any, the end of the list\"";

    #[test]
    fn narrower_lines_before_wider_ones_are_one_map() {
        let (text, dead) = compiled(
            "deny tcp host 10.1.0.2 any eq 25\npermit tcp 10.1.0.0 0.0.0.255 any range 20 30\ndeny ip any any",
        );
        assert_eq!(
            text,
            format!(
                "acl/101/map-1: 10.1.0.2 . 0.0.0.0/0 . 25 . 6 no, 10.1.0.0/24 . 0.0.0.0/0 . 20-30 . 6 yes, \
                 0.0.0.0/0 . 0.0.0.0/0 . 0-65535 . 0-255 no\n{ASKS} @acl/101/map-1\n{END}"
            )
        );
        assert_eq!(dead, [""; 0]);
    }

    #[test]
    fn a_partial_overlap_begins_the_next_map() {
        let (text, _) = compiled("permit tcp host 10.1.0.2 any\ndeny tcp any host 10.2.0.2 eq 25");
        assert_eq!(
            text,
            format!(
                "acl/101/map-1: 10.1.0.2 . 0.0.0.0/0 . 0-65535 . 6 yes\n\
                 acl/101/map-2: 0.0.0.0/0 . 10.2.0.2 . 25 . 6 no\n\
                 {ASKS} @acl/101/map-1\n{ASKS} @acl/101/map-2\n{END}"
            )
        );
    }

    #[test]
    fn a_line_within_an_earlier_one_is_dead_whatever_it_says() {
        let (text, dead) = compiled(
            "permit tcp 10.1.0.0 0.0.255.255 any\npermit udp any any\npermit tcp any host 10.2.0.2\n\
             deny tcp host 10.1.0.2 any eq 25",
        );
        assert!(!text.contains("10.1.0.2"), "{text}");
        assert_eq!(dead, ["deny tcp host 10.1.0.2 any eq 25, line 1"], "also where another map has begun");
    }

    #[test]
    fn what_no_map_can_hold_is_a_rule_between_maps() {
        for (entry, rule) in [
            (
                "permit tcp any any established",
                "meta nfproto ipv4 meta l4proto 6 tcp flags & (ack | rst) != 0 counter goto yes",
            ),
            ("permit icmp any any echo", "meta nfproto ipv4 icmp type 8 counter goto yes"),
            (
                "deny tcp any any eq 25 log",
                "meta nfproto ipv4 meta l4proto 6 th dport 25 \
                 log prefix \"deny tcp any any eq 25 log\" group 25 counter goto no",
            ),
            (
                "permit ip 10.0.0.1 0.255.255.0 any",
                "meta nfproto ipv4 ip saddr & 255.0.0.255 == 10.0.0.1 counter goto yes",
            ),
            ("permit udp any eq 53 any", "meta nfproto ipv4 meta l4proto 17 th sport 53 counter goto yes"),
            ("deny ip any any fragments", "meta nfproto ipv4 ip frag-off & 0x1fff != 0 counter goto no"),
            ("deny ip any any time-range night", "counter goto no"),
        ] {
            let (text, _) = compiled(&format!("permit tcp any any eq 80\n{entry}\npermit tcp any any eq 81"));
            let rules: Vec<&str> = text.lines().skip(2).collect();
            let comment = format!(" comment \"{entry}\"");
            let expected = [
                format!("{ASKS} @acl/101/map-1"),
                format!("{rule}{comment}"),
                format!("{ASKS} @acl/101/map-2"),
                END.to_owned(),
            ];
            assert_eq!(rules, expected, "{entry}");
        }
        let (text, _) = compiled("permit ip any any time-range night");
        assert_eq!(text, END, "it permits nothing");
    }
}

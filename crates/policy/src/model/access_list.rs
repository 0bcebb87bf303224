//! Access lists: which connections a list permits, whatever the syntax in which it was written.
//!
//! Where a list is named, and what becomes of what it denies, is said elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use ipnet::Ipv6Net;

use super::{Name, Object, ObjectKind, Reference};
use crate::source::Span;

/// An access list: entries in the order of their sequence numbers, the first that holds decides.
#[derive(Clone, Debug)]
pub struct AccessList {
    pub name: Name,
    pub form: AccessListForm,
    entries: BTreeMap<u32, Entry>,
    /// The sequence numbers by text. An entry is in a list once: a device ignores its repetition.
    by_text: HashMap<String, u32>,
    /// In a list of lines, how these follow one another until the entries are numbered anew.
    lines: Vec<Line>,
}

/// A line of a list whose lines have places.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// The entry with this sequence number.
    Entry(u32),
    /// A remark is a line as any, and decides nothing.
    Remark(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessListForm {
    /// `access-list NAME {permit | deny} …`, a line each.
    Lines,
    /// `ip access-list standard NAME`.
    Standard,
    /// `ip access-list extended NAME`.
    Extended,
    /// `ipv6 access-list NAME`.
    V6,
    /// `ipv6 access-list NAME {permit | deny} …`, a line each.
    V6Lines,
}

impl AccessListForm {
    /// The words before its name.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Lines => "access-list",
            Self::Standard => "ip access-list standard",
            Self::Extended => "ip access-list extended",
            Self::V6 | Self::V6Lines => "ipv6 access-list",
        }
    }

    /// Whether each entry is a statement of its own.
    pub const fn is_of_lines(self) -> bool {
        matches!(self, Self::Lines | Self::V6Lines)
    }
}

/// A TCP connection, as an access list sees its first packet: the client is the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    pub client: SocketAddr,
    pub server: SocketAddr,
}

/// One `permit` or `deny`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As written, from `permit` or `deny` on, one blank between the words.
    pub text: Name,
    pub access: Access,
    pub selection: Selection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Permit,
    Deny,
}

/// The connections for which an entry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those with one of the services, from one of the sources to one of the destinations.
    Connections { services: Arc<[Service]>, sources: Arc<[Network]>, destinations: Arc<[Network]> },
    /// None: packets of other protocols (`icmp`), packets that open no connection (`established`), or an
    /// entry that is switched off (`inactive`).
    None,
    /// What the entry says cannot be asked of a connection here, or is wrong. It denies what it might
    /// deny, and permits nothing.
    Unread { at: Span, message: String, help: Option<String> },
    /// Not read yet: what follows `permit` or `deny` may use names that later lines define.
    Pending(Name),
}

impl Selection {
    /// Leaves the connections of IPv6: in an entry of an ASA for IPv6 `any` means those.
    pub(crate) fn keep_v6(&mut self) {
        if let Self::Connections { sources, destinations, .. } = self {
            for networks in [sources, destinations] {
                *networks = networks.iter().map(|network| network.of_v6()).collect();
            }
        }
    }
}

/// The ports of a TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub source: Ports,
    pub destination: Ports,
}

/// Ranges of ports, in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(pub Vec<RangeInclusive<u16>>);

/// Addresses of one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Every address of both families.
    Any,
    /// The addresses equal to this one in every bit that the wildcard leaves at zero.
    V4 {
        address: Ipv4Addr,
        wildcard: Ipv4Addr,
    },
    V6(Ipv6Net),
    /// From one address to another of the same family, both included.
    Range {
        first: IpAddr,
        last: IpAddr,
    },
}

/// The distance between the sequence numbers that entries without one get.
const SEQUENCE_STEP: u32 = 10;

impl AccessList {
    pub fn new(name: Name, form: AccessListForm) -> Self {
        Self { name, form, entries: BTreeMap::new(), by_text: HashMap::new(), lines: Vec::new() }
    }

    /// Adds an entry at the end, unless the list has it.
    pub fn append(&mut self, entry: Entry) {
        self.add_line(None, entry);
    }

    /// Adds an entry to a list of lines, unless the list has it: before the line that has the number, counted from 1,
    /// else at the end.
    pub(crate) fn add_line(&mut self, number: Option<usize>, entry: Entry) {
        if self.by_text.contains_key(&entry.text.text) {
            return;
        }
        let last = self.entries.last_key_value().map_or(0, |(last, _)| *last);
        match last.checked_add(SEQUENCE_STEP) {
            Some(sequence) => {
                self.put(sequence, entry);
                self.place(number, Line::Entry(sequence));
            }
            // Numbered anew they leave room: no file has as many lines as there are numbers.
            None => {
                self.resequence();
                self.add_line(number, entry);
            }
        }
    }

    /// Adds a remark in the same way.
    pub(crate) fn add_remark(&mut self, number: Option<usize>, text: String) {
        self.place(number, Line::Remark(text));
    }

    /// Takes away the first remark of this text; whether there was one.
    pub(crate) fn remove_remark(&mut self, text: &str) -> bool {
        let found = self.lines.iter().position(|line| matches!(line, Line::Remark(known) if known == text));
        found.map(|found| self.lines.remove(found)).is_some()
    }

    /// Adds an entry at a sequence number, unless the list has it.
    ///
    /// # Errors
    /// The entry that has the number already.
    pub fn insert(&mut self, sequence: u32, entry: Entry) -> Result<(), &Entry> {
        if self.by_text.contains_key(&entry.text.text) {
            return Ok(());
        }
        if self.entries.contains_key(&sequence) {
            return self.entries.get(&sequence).map_or(Ok(()), Err);
        }
        self.put(sequence, entry);
        Ok(())
    }

    /// Takes away the entry of the same text, else the first that says the same by the dialect; whether there was one.
    pub(crate) fn remove(&mut self, entry: &Entry, says_the_same: impl Fn(&Entry) -> bool) -> bool {
        let by_text = self.by_text.get(&entry.text.text).copied();
        let found = by_text.or_else(|| {
            let mut entries = self.entries.iter().filter(|(_, known)| known.access == entry.access);
            entries.find(|(_, known)| says_the_same(known)).map(|(sequence, _)| *sequence)
        });
        found.is_some_and(|sequence| self.remove_at(sequence))
    }

    /// Takes away the entry with this sequence number; whether there was one.
    pub fn remove_at(&mut self, sequence: u32) -> bool {
        let Some(entry) = self.entries.remove(&sequence) else { return false };
        self.by_text.remove(&entry.text.text);
        self.lines.retain(|line| *line != Line::Entry(sequence));
        true
    }

    /// Numbers the entries anew, as those of a list that is written without sequence numbers.
    pub fn resequence(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        self.by_text.clear();
        for line in std::mem::take(&mut self.lines) {
            if let Line::Entry(sequence) = line
                && let Some(entry) = entries.remove(&sequence)
            {
                self.append(entry);
            }
        }
        entries.into_values().for_each(|entry| self.append(entry));
        self.lines = Vec::new();
    }

    /// What the list says of a connection; `None` if no entry holds, which denies it.
    pub fn decides(&self, flow: &Flow) -> Option<Access> {
        self.entries.values().find(|entry| entry.holds(flow)).map(|entry| entry.access)
    }

    pub fn permits(&self, flow: &Flow) -> bool {
        self.decides(flow) == Some(Access::Permit)
    }

    /// Whether an entry holds for connections to the port and not for those to every port.
    pub fn names_port(&self, port: u16) -> bool {
        self.entries.values().any(|entry| match &entry.selection {
            Selection::Connections { services, .. } => services.iter().any(|service| {
                let ports = &service.destination;
                ports.contains(port) && *ports != Ports::any()
            }),
            Selection::None | Selection::Unread { .. } | Selection::Pending(_) => false,
        })
    }

    /// Whether the list permits a connection from some client to a port, at an address of a network for which `may_be`
    /// holds.
    pub fn may_permit(&self, port: u16, may_be: impl Fn(&Network) -> bool) -> bool {
        for entry in self.entries.values() {
            let Selection::Connections { services, sources, destinations } = &entry.selection else {
                continue;
            };
            // A group may be empty.
            let is_meant = !sources.is_empty() && destinations.iter().any(&may_be);
            if !is_meant || !services.iter().any(|service| service.may_be_to(port)) {
                continue;
            }
            let every = |networks: &[Network]| networks.iter().any(Network::has_every_v4);
            match entry.access {
                Access::Permit => return true,
                Access::Deny if every(sources) && every(destinations) => return false,
                Access::Deny => {}
            }
        }
        false
    }

    /// A port that an entry permits: the usual one if any does, else the lowest of the first.
    pub fn permitted_port(&self, usual: u16) -> Option<u16> {
        let permitting = self.entries.values().filter(|entry| entry.access == Access::Permit);
        let services = permitting.filter_map(|entry| match &entry.selection {
            Selection::Connections { services, .. } => Some(services),
            Selection::None | Selection::Unread { .. } | Selection::Pending(_) => None,
        });
        let ports: Vec<&Ports> =
            services.flat_map(|services| services.iter()).map(|service| &service.destination).collect();
        if ports.iter().any(|ports| ports.contains(usual)) {
            return Some(usual);
        }
        ports.iter().find_map(|ports| ports.0.iter().map(|range| *range.start()).min())
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries in their order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The same, to be read.
    pub(crate) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut()
    }

    /// The same, each with its sequence number if it is not the one it would get without.
    pub fn numbered(&self) -> impl Iterator<Item = (Option<u32>, &Entry)> {
        let mut next = SEQUENCE_STEP;
        self.entries.iter().map(move |(&sequence, entry)| {
            let expected = std::mem::replace(&mut next, sequence.saturating_add(SEQUENCE_STEP));
            ((sequence != expected).then_some(sequence), entry)
        })
    }

    fn place(&mut self, number: Option<usize>, line: Line) {
        // Elsewhere the sequence numbers are the order.
        if !self.form.is_of_lines() {
            return;
        }
        let end = self.lines.len();
        let before = number.map_or(end, |number| number.saturating_sub(1).min(end));
        self.lines.insert(before, line);
    }

    fn put(&mut self, sequence: u32, entry: Entry) {
        self.by_text.insert(entry.text.text.clone(), sequence);
        self.entries.insert(sequence, entry);
    }
}

/// Equal entries under equal numbers.
impl PartialEq for AccessList {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.form == other.form && self.entries == other.entries
    }
}

impl Eq for AccessList {}

impl Entry {
    fn holds(&self, flow: &Flow) -> bool {
        match &self.selection {
            Selection::Connections { services, sources, destinations } => {
                services.iter().any(|service| service.holds(flow))
                    && sources.iter().any(|network| network.contains(flow.client.ip()))
                    && destinations.iter().any(|network| network.contains(flow.server.ip()))
            }
            Selection::None => false,
            Selection::Unread { .. } | Selection::Pending(_) => self.access == Access::Deny,
        }
    }
}

impl Service {
    pub fn any() -> Self {
        Self { source: Ports::any(), destination: Ports::any() }
    }

    /// Whether a client connects in this way to the port: its own is one that needs no privileges.
    fn may_be_to(&self, port: u16) -> bool {
        const PRIVILEGED_MAX: u16 = 1023;
        self.destination.contains(port) && self.source.0.iter().any(|range| *range.end() > PRIVILEGED_MAX)
    }

    fn holds(&self, flow: &Flow) -> bool {
        self.source.contains(flow.client.port()) && self.destination.contains(flow.server.port())
    }
}

impl Ports {
    pub fn any() -> Self {
        Self(vec![0..=u16::MAX])
    }

    /// All but these.
    pub fn all_but(ports: &[u16]) -> Self {
        let mut ports = ports.to_vec();
        ports.sort_unstable();
        let mut ranges = Vec::new();
        let mut next = Some(0);
        for port in ports {
            if let (Some(from), Some(to)) = (next, port.checked_sub(1)) {
                ranges.push(from..=to);
            }
            next = port.checked_add(1);
        }
        ranges.extend(next.map(|from| from..=u16::MAX));
        ranges.retain(|range| !range.is_empty());
        Self(ranges)
    }

    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }
}

impl Network {
    pub const ANY_V4: Self = Self::V4 { address: Ipv4Addr::UNSPECIFIED, wildcard: Ipv4Addr::BROADCAST };

    /// The addresses equal to `address` in every bit that the netmask has.
    pub const fn with_netmask(address: Ipv4Addr, netmask: Ipv4Addr) -> Self {
        Self::V4 { address, wildcard: Ipv4Addr::from_bits(!netmask.to_bits()) }
    }

    /// One address.
    pub const fn host(address: IpAddr) -> Self {
        Self::Range { first: address, last: address }
    }

    /// Every address of IPv6 for every address of both families.
    pub(crate) fn of_v6(self) -> Self {
        if self == Self::Any { Self::V6(Ipv6Net::default()) } else { self }
    }

    fn has_every_v4(&self) -> bool {
        *self == Self::Any || *self == Self::ANY_V4
    }

    /// Whether the address is one of these; an IPv4 address mapped into IPv6 is an IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let found = address.to_canonical();
        match (self, found) {
            (Self::Any, _) => true,
            (Self::V4 { address, wildcard }, IpAddr::V4(found)) => {
                (address.to_bits() ^ found.to_bits()) & !wildcard.to_bits() == 0
            }
            (Self::V6(net), IpAddr::V6(found)) => net.contains(&found),
            (Self::V4 { .. }, IpAddr::V6(_)) | (Self::V6(_), IpAddr::V4(_)) => false,
            (Self::Range { first, last }, found) => {
                first.is_ipv4() == found.is_ipv4() && (*first..=*last).contains(&found)
            }
        }
    }
}

impl Object for AccessList {
    fn kind(&self) -> ObjectKind {
        ObjectKind::AccessList
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, _visit: &mut dyn FnMut(Reference<'o>)) {}

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        for entry in self.entries.values_mut() {
            visit(&mut entry.text.at);
            if let Selection::Unread { at, .. } = &mut entry.selection {
                visit(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str, access: Access) -> Entry {
        let selection = Selection::Connections {
            services: Arc::from([Service::any()]),
            sources: Arc::from([Network::Any]),
            destinations: Arc::from([Network::Any]),
        };
        Entry { text: Name::new(text, Span::default()), access, selection }
    }

    fn list() -> AccessList {
        AccessList::new(Name::new("L", Span::default()), AccessListForm::Extended)
    }

    fn texts(list: &AccessList) -> Vec<(Option<u32>, &str)> {
        list.numbered().map(|(sequence, entry)| (sequence, entry.text.text.as_str())).collect()
    }

    #[test]
    fn entries_are_in_the_order_of_their_numbers() {
        let mut list = list();
        list.append(entry("a", Access::Permit));
        list.append(entry("b", Access::Deny));
        assert_eq!(list.insert(15, entry("c", Access::Permit)), Ok(()));
        assert!(list.insert(15, entry("d", Access::Permit)).is_err_and(|taken| taken.text.text == "c"));
        list.append(entry("a", Access::Permit));
        assert_eq!(texts(&list), [(None, "a"), (Some(15), "c"), (Some(20), "b")]);
        assert!(list.remove(&entry("a", Access::Permit), |_| false));
        assert!(list.remove_at(20));
        assert_eq!(texts(&list), [(Some(15), "c")]);
        list.resequence();
        assert_eq!(texts(&list), [(None, "c")]);
        assert_eq!(list.insert(u32::MAX, entry("last", Access::Permit)), Ok(()));
        list.append(entry("behind", Access::Permit));
        assert_eq!(texts(&list), [(None, "c"), (None, "last"), (None, "behind")]);
    }

    #[test]
    fn a_line_goes_before_the_one_that_has_its_number_and_remarks_are_lines() {
        let mut list = AccessList::new(Name::new("L", Span::default()), AccessListForm::Lines);
        list.append(entry("a", Access::Permit));
        list.add_remark(Some(1), "about a".to_owned());
        list.add_line(Some(2), entry("b", Access::Deny));
        list.add_line(Some(9), entry("c", Access::Deny));
        list.add_line(Some(1), entry("c", Access::Deny));
        list.add_line(Some(1), entry("first", Access::Deny));
        assert!(list.remove(&entry("b", Access::Deny), |_| false));
        list.add_line(Some(3), entry("d", Access::Deny));
        assert!(list.remove_remark("about a") && !list.remove_remark("about a"));
        list.add_line(Some(2), entry("e", Access::Deny));
        list.resequence();
        assert_eq!(texts(&list), ["first", "e", "d", "a", "c"].map(|text| (None, text)));
    }

    #[test]
    fn a_wildcard_leaves_any_bits_open() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let odd = Network::V4 { address: Ipv4Addr::new(192, 0, 2, 1), wildcard: Ipv4Addr::new(0, 0, 0, 254) };
        let net = Network::with_netmask(Ipv4Addr::new(192, 0, 2, 0), Ipv4Addr::new(255, 255, 255, 0));
        let v6 = Network::V6("2001:db8::/32".parse().unwrap());
        let range = Network::Range { first: address("192.0.2.9"), last: address("192.0.2.10") };
        let table = [
            (odd, "192.0.2.7", true),
            (odd, "192.0.2.8", false),
            (odd, "::ffff:192.0.2.7", true),
            (net, "192.0.2.200", true),
            (net, "192.0.3.1", false),
            (net, "2001:db8::1", false),
            (v6, "2001:db8:1::1", true),
            (v6, "2001:db9::1", false),
            (v6, "192.0.2.1", false),
            (range, "192.0.2.10", true),
            (range, "192.0.2.11", false),
            (range, "::1", false),
            (Network::ANY_V4, "198.51.100.1", true),
            (Network::ANY_V4, "::1", false),
            (Network::Any, "::1", true),
        ];
        for (network, found, expected) in table {
            assert_eq!(network.contains(address(found)), expected, "{network:?} {found}");
        }
    }

    #[test]
    fn ports_that_are_left_out_leave_the_others() {
        assert_eq!(Ports::all_but(&[25, 0, 26, 25]).0, [1..=24, 27..=u16::MAX]);
        assert_eq!(Ports::all_but(&[u16::MAX]).0, [0..=65534]);
    }

    #[test]
    fn an_entry_that_is_not_read_denies_and_permits_nothing() {
        let flow =
            Flow { client: "192.0.2.1:4000".parse().unwrap(), server: "192.0.2.2:25".parse().unwrap() };
        let unread = || Selection::Unread { at: Span::default(), message: String::new(), help: None };
        let mut list = list();
        assert_eq!(list.decides(&flow), None);
        list.append(Entry { selection: unread(), ..entry("a", Access::Permit) });
        assert_eq!(list.decides(&flow), None);
        list.append(Entry { selection: Selection::None, ..entry("b", Access::Deny) });
        list.append(entry("c", Access::Permit));
        assert_eq!(list.decides(&flow), Some(Access::Permit));
        assert_eq!(list.insert(5, Entry { selection: unread(), ..entry("d", Access::Deny) }), Ok(()));
        assert_eq!(list.decides(&flow), Some(Access::Deny));
    }
}

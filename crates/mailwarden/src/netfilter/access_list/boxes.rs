//! Lines of an access list as boxes of packets, and how a new one lies to those that are there.
//!
//! A list may have a hundred thousand lines, so a line is compared only with those whose addresses it shares.

use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Display, Formatter};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// Packets with every field in a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PacketBox {
    pub(super) is_v6: bool,
    pub(super) protocols: RangeInclusive<u8>,
    pub(super) source: RangeInclusive<u128>,
    pub(super) destination: RangeInclusive<u128>,
    pub(super) ports: RangeInclusive<u16>,
}

/// Boxes in the order of their lines.
#[derive(Default)]
pub(super) struct Boxes {
    boxes: Vec<PacketBox>,
    by_source: Index,
    /// Those with any source.
    by_destination: Index,
}

impl Boxes {
    pub(super) fn add(&mut self, new: &PacketBox) {
        let index = self.boxes.len();
        let has_any_source = *new.source.start() == 0 && *new.source.end() >= u128::from(u32::MAX);
        match has_any_source {
            true => self.by_destination.add(&new.destination, index),
            false => self.by_source.add(&new.source, index),
        }
        self.boxes.push(new.clone());
    }

    /// The first box within which the new one lies.
    pub(super) fn around(&self, new: &PacketBox) -> Option<usize> {
        self.meeting(new).filter(|(_, old)| new.is_within(old)).map(|(index, _)| index).min()
    }

    /// Whether the new one shares packets with a box that has others, too.
    pub(super) fn overlap(&self, new: &PacketBox) -> bool {
        self.meeting(new).any(|(_, old)| !old.is_within(new))
    }

    fn meeting(&self, new: &PacketBox) -> impl Iterator<Item = (usize, &PacketBox)> {
        let mut candidates = self.by_source.sharing(&new.source);
        candidates.extend(self.by_destination.sharing(&new.destination));
        let found = candidates.into_iter().filter_map(|index| Some((index, self.boxes.get(index)?)));
        found.filter(|(_, old)| new.meets(old))
    }
}

impl PacketBox {
    fn meets(&self, other: &Self) -> bool {
        self.is_v6 == other.is_v6
            && meet(&self.protocols, &other.protocols)
            && meet(&self.source, &other.source)
            && meet(&self.destination, &other.destination)
            && meet(&self.ports, &other.ports)
    }

    fn is_within(&self, other: &Self) -> bool {
        within(&self.protocols, &other.protocols)
            && within(&self.source, &other.source)
            && within(&self.destination, &other.destination)
            && within(&self.ports, &other.ports)
    }
}

/// As the key of an element: `10.1.0.0/24 . 10.2.0.2 . 20-30 . 6`.
impl Display for PacketBox {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (source, destination) =
            (addresses(&self.source, self.is_v6), addresses(&self.destination, self.is_v6));
        write!(f, "{source} . {destination} . {} . ", super::super::protocols::range(&self.ports))?;
        match (self.protocols.start(), self.protocols.end()) {
            (first, last) if first == last => write!(f, "{first}"),
            (first, last) => write!(f, "{first}-{last}"),
        }
    }
}

/// One address, a prefix, or a range.
pub(super) fn addresses(range: &RangeInclusive<u128>, is_v6: bool) -> String {
    let address = |bits: u128| match is_v6 {
        true => Ipv6Addr::from_bits(bits).to_string(),
        false => Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or(u32::MAX)).to_string(),
    };
    let (first, last) = (*range.start(), *range.end());
    let open = first ^ last;
    let is_prefix = open & open.wrapping_add(1) == 0 && first & open == 0;
    match (first == last, is_prefix) {
        (true, _) => address(first),
        (false, true) => {
            let bits = if is_v6 { 128 } else { 32 };
            format!("{}/{}", address(first), bits - open.count_ones())
        }
        (false, false) => format!("{}-{}", address(first), address(last)),
    }
}

/// Ranges by their first value, for each order of magnitude of their width.
#[derive(Default)]
struct Index(BTreeMap<u32, BTreeMap<u128, Vec<usize>>>);

impl Index {
    fn add(&mut self, range: &RangeInclusive<u128>, index: usize) {
        let width = range.end() - range.start();
        let magnitude = u128::BITS - width.leading_zeros();
        self.0.entry(magnitude).or_default().entry(*range.start()).or_default().push(index);
    }

    /// Those that may share a value with the range.
    fn sharing(&self, range: &RangeInclusive<u128>) -> Vec<usize> {
        let mut found = HashSet::new();
        for (&magnitude, ranges) in &self.0 {
            let width_max = 1_u128.checked_shl(magnitude).map_or(u128::MAX, |width| width - 1);
            let from = range.start().saturating_sub(width_max);
            found.extend(ranges.range(from..=*range.end()).flat_map(|(_, indexes)| indexes));
        }
        found.into_iter().collect()
    }
}

fn meet<T: PartialOrd>(one: &RangeInclusive<T>, other: &RangeInclusive<T>) -> bool {
    one.start() <= other.end() && other.start() <= one.end()
}

fn within<T: PartialOrd>(inner: &RangeInclusive<T>, outer: &RangeInclusive<T>) -> bool {
    outer.start() <= inner.start() && inner.end() <= outer.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_finds_what_a_comparison_with_all_boxes_finds() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let mut range = |max: u32| {
            let low = random.u32(..=max) & !random.choice([0, 1, 3, 0xff]).unwrap_or(0);
            let width = random.choice([0, 0, 1, 3, 255, u32::MAX]).unwrap_or(0);
            let low = if width == u32::MAX { 0 } else { low };
            u128::from(low)..=u128::from(low.saturating_add(width))
        };
        for _ in 0..50 {
            let mut boxes = Boxes::default();
            for _ in 0..60 {
                let new = PacketBox {
                    is_v6: false,
                    protocols: 6..=6,
                    source: range(20),
                    destination: range(20),
                    ports: 0..=u16::MAX,
                };
                let (around, overlap) = (boxes.around(&new), boxes.overlap(&new));
                let meeting = || boxes.boxes.iter().filter(|old| new.meets(old));
                assert_eq!(around, boxes.boxes.iter().position(|old| new.is_within(old)), "{new}");
                assert_eq!(overlap, meeting().any(|old| !old.is_within(&new)), "{new}");
                boxes.add(&new);
            }
        }
    }

    #[test]
    fn ranges_of_addresses_are_as_short_as_they_can_be() {
        assert_eq!(addresses(&(0x0a01_0002..=0x0a01_0002), false), "10.1.0.2");
        assert_eq!(addresses(&(0x0a01_0000..=0x0a01_00ff), false), "10.1.0.0/24");
        assert_eq!(addresses(&(0x0a01_0002..=0x0a01_0005), false), "10.1.0.2-10.1.0.5");
        assert_eq!(addresses(&(0..=u128::MAX), true), "::/0");
    }
}

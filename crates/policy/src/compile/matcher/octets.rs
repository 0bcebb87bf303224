//! A set of octets, and octets grouped by the sets that tell them apart.

use std::collections::BTreeSet;

use regex_syntax::hir::Class;

/// A set of octets, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct OctetSet([u64; 4]);

impl OctetSet {
    pub(super) fn one(octet: u8) -> Self {
        let mut set = Self::default();
        set.insert(octet);
        set
    }

    pub(super) fn of_class(class: &Class) -> Self {
        let mut set = Self::default();
        match class {
            Class::Bytes(class) => {
                for range in class.ranges() {
                    (range.start()..=range.end()).for_each(|octet| set.insert(octet));
                }
            }
            // `pattern.rs` makes classes of octets; of characters only those of one octet could be meant.
            Class::Unicode(class) => {
                for range in class.ranges() {
                    let octets = (range.start()..=range.end()).map_while(|char| u8::try_from(char).ok());
                    octets.filter(u8::is_ascii).for_each(|octet| set.insert(octet));
                }
            }
        }
        set
    }

    pub(super) fn insert(&mut self, octet: u8) {
        if let Some(word) = self.0.get_mut(usize::from(octet >> 6)) {
            *word |= 1 << (octet & 63);
        }
    }

    pub(super) fn contains(&self, octet: u8) -> bool {
        self.0.get(usize::from(octet >> 6)).is_some_and(|word| word & (1 << (octet & 63)) != 0)
    }

    pub(super) fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).filter(|octet| self.contains(*octet))
    }
}

/// Octets that no set of a machine tells apart share a number, so that its table is narrow.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    of_octet: Box<[u8; 256]>,
    members: Vec<u8>,
}

impl Groups {
    pub(super) fn new<'s>(sets: impl Iterator<Item = &'s OctetSet>) -> Self {
        let mut groups = Self { of_octet: Box::new([0; 256]), members: vec![0] };
        let distinct: BTreeSet<_> = sets.collect();
        for set in distinct {
            groups.refine(set);
        }
        groups
    }

    /// The number of the octet's group. The array is as long as an octet is wide, so this is one load.
    #[inline(always)]
    pub(super) fn of(&self, octet: u8) -> u8 {
        self.of_octet.get(usize::from(octet)).copied().unwrap_or(0)
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// One octet of each group, in the order of their numbers.
    pub(super) fn members(&self) -> &[u8] {
        &self.members
    }

    /// Parts each group that `set` cuts through: who differs from the group's member moves to a new one.
    fn refine(&mut self, set: &OctetSet) {
        let member_inside: Vec<bool> = self.members.iter().map(|member| set.contains(*member)).collect();
        let mut moved: Vec<Option<u8>> = vec![None; member_inside.len()];
        for (octet, group) in (0..=u8::MAX).zip(self.of_octet.iter_mut()) {
            let number = usize::from(*group);
            if member_inside.get(number).is_none_or(|inside| *inside == set.contains(octet)) {
                continue;
            }
            let Some(slot) = moved.get_mut(number) else { continue };
            let fresh = *slot.get_or_insert_with(|| {
                self.members.push(octet);
                // There are 256 octets, hence at most 256 groups, and the last is number 255.
                u8::try_from(self.members.len() - 1).unwrap_or(u8::MAX)
            });
            *group = fresh;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_share_a_group_exactly_when_no_set_tells_them_apart() {
        let mut digits = OctetSet::default();
        (b'0'..=b'9').for_each(|octet| digits.insert(octet));
        let sets = [digits, OctetSet::one(b'7'), OctetSet::one(b'\n')];
        let groups = Groups::new(sets.iter());
        assert_eq!(groups.len(), 4);
        for (left, right) in (0..=u8::MAX).flat_map(|left| (0..=u8::MAX).map(move |right| (left, right))) {
            let apart = sets.iter().any(|set| set.contains(left) != set.contains(right));
            assert_eq!(groups.of(left) != groups.of(right), apart);
        }
        let singles: Vec<_> = (0..=u8::MAX).map(OctetSet::one).collect();
        assert_eq!(Groups::new(singles.iter()).len(), 256);
    }
}

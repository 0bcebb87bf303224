//! How often a session has done what is reported once: the first time, and summed up at its end.
//!
//! A client in a loop would fill the log in minutes, and say nothing new in it.

use std::num::NonZeroU16;

/// Limit: different things that are counted. A session that does more of them has each reported each time.
const KEYS: usize = 64;

/// Counts what a session does by `K`, in the order of its first time.
#[derive(Debug)]
pub(crate) struct Tally<K>(Vec<Entry<K>>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<K> {
    pub(crate) key: K,
    pub(crate) count: u32,
    /// Which reference of the session its report has.
    pub(crate) reference: Option<NonZeroU16>,
}

/// What became of one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// It is to be reported, with this reference.
    First(Option<NonZeroU16>),
    /// It was reported before, with this reference.
    Again(Option<NonZeroU16>),
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + PartialEq> Tally<K> {
    /// Counts one more; `refer` makes the reference of a report.
    pub(crate) fn count(&mut self, key: K, refer: impl FnOnce() -> Option<NonZeroU16>) -> Counted {
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.key == key) {
            entry.count = entry.count.saturating_add(1);
            return Counted::Again(entry.reference);
        }
        let reference = refer();
        if self.0.len() < KEYS {
            self.0.push(Entry { key, count: 1, reference });
        }
        Counted::First(reference)
    }

    /// Counts so many more of what was reported before.
    pub(crate) fn count_again(&mut self, key: K, times: u32) {
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.key == key) {
            entry.count = entry.count.saturating_add(times);
        }
    }

    /// The first that was counted of those for which `holds` is true.
    pub(crate) fn find(&self, holds: impl Fn(K) -> bool) -> Option<&Entry<K>> {
        self.0.iter().find(|entry| holds(entry.key))
    }

    /// What was counted more than once. Nothing has been counted then.
    pub(crate) fn take_repeated(&mut self) -> impl Iterator<Item = Entry<K>> + use<K> {
        std::mem::take(&mut self.0).into_iter().filter(|entry| entry.count > 1)
    }
}

impl Counted {
    /// The reference of the report, whenever that was made.
    pub(crate) const fn reference(self) -> Option<NonZeroU16> {
        match self {
            Self::First(reference) | Self::Again(reference) => reference,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_the_limit_is_reported_each_time_and_what_is_known_goes_on_being_counted() {
        let mut tally = Tally::default();
        for key in 0..=KEYS {
            assert_eq!(tally.count(key, || None), Counted::First(None));
        }
        assert_eq!(tally.count(KEYS, || None), Counted::First(None));
        assert_eq!(tally.count(0, || NonZeroU16::new(1)), Counted::Again(None));
        let repeated: Vec<_> = tally.take_repeated().map(|entry| (entry.key, entry.count)).collect();
        assert_eq!(repeated, [(0, 2)]);
    }

    #[test]
    fn what_repeats_has_the_reference_of_its_report() {
        let mut tally = Tally::default();
        let first = NonZeroU16::new(7);
        assert_eq!(tally.count("a", || first), Counted::First(first));
        assert_eq!(tally.count("a", || NonZeroU16::new(8)), Counted::Again(first));
    }
}

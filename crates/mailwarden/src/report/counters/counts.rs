//! Numbers by a key of which there are few.

/// How often each key was counted, in the order of their first time. Keys are looked through one by one: of what is
/// counted here there are some dozens at most, and the frequent ones come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts<K>(Vec<(K, u64)>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + PartialEq> Counts<K> {
    pub(crate) fn add(&mut self, key: K, times: u64) {
        match self.0.iter_mut().find(|(own, _)| *own == key) {
            Some((_, count)) => *count += times,
            None => self.0.push((key, times)),
        }
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        other.iter().for_each(|(key, times)| self.add(key, times));
    }

    /// Takes away what was counted before.
    pub(crate) fn take(&mut self, earlier: &Self) {
        for (key, times) in earlier.iter() {
            if let Some((_, count)) = self.0.iter_mut().find(|(own, _)| *own == key) {
                *count = count.saturating_sub(times);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, u64)> {
        self.0.iter().copied()
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

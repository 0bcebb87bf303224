//! How many clients came in the last minute.

use proto::Time;

const SECONDS: usize = 60;

/// Counts by the second: the present one and the 59 before it.
#[derive(Debug)]
pub(super) struct Minute {
    counts: [u32; SECONDS],
    sum: u32,
    /// The second that was counted last.
    second: u64,
}

impl Default for Minute {
    fn default() -> Self {
        Self { counts: [0; SECONDS], sum: 0, second: 0 }
    }
}

impl Minute {
    /// One more; how many that makes.
    pub(super) fn count(&mut self, now: Time) -> u32 {
        self.pass(now);
        if let Some(count) = self.counts.get_mut(slot(self.second)) {
            *count = count.saturating_add(1);
            self.sum = self.sum.saturating_add(1);
        }
        self.sum
    }

    pub(super) fn rate(&mut self, now: Time) -> u32 {
        self.pass(now);
        self.sum
    }

    /// Forgets the seconds that have become too old.
    fn pass(&mut self, now: Time) {
        let second = now.0 / 1_000_000_000;
        let passed = second.saturating_sub(self.second).min(SECONDS as u64);
        for old in (second + 1).saturating_sub(passed)..=second {
            if let Some(count) = self.counts.get_mut(slot(old)) {
                self.sum = self.sum.saturating_sub(std::mem::take(count));
            }
        }
        // Workers read the clock each for itself: one may be a turn behind.
        self.second = self.second.max(second);
    }
}

fn slot(second: u64) -> usize {
    usize::try_from(second % SECONDS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_minute_old_counts_no_more() {
        let mut minute = Minute::default();
        let at = |second: u64| Time(second * 1_000_000_000);
        for (second, expected) in [(0, 1), (0, 2), (30, 3), (59, 4)] {
            assert_eq!(minute.count(at(second)), expected, "{second}");
        }
        for (second, expected) in [(60, 2), (89, 2), (90, 1), (118, 1), (119, 0), (10_000, 0)] {
            assert_eq!(minute.rate(at(second)), expected, "{second}");
        }
        assert_eq!(minute.count(at(10_000)), 1);
        assert_eq!(minute.count(at(9_999)), 2, "a worker that is behind counts in the present second");
    }
}

//! Durations in buckets.

use std::time::Duration;

/// How many durations were at most so long, in buckets that do not contain one another, and how long all were together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    buckets: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

/// The upper bounds of the buckets but for the last, which has none.
const BOUNDS: [Duration; 12] = {
    let millis = Duration::from_millis;
    [
        Duration::from_micros(100),
        millis(1),
        millis(5),
        millis(10),
        millis(25),
        millis(50),
        millis(100),
        millis(250),
        millis(1000),
        millis(5000),
        millis(30_000),
        millis(120_000),
    ]
};

impl Histogram {
    pub(crate) fn add(&mut self, time: Duration) {
        let bucket = BOUNDS.iter().position(|bound| time <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket] += 1;
        self.sum += time;
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(other.buckets).for_each(|(own, other)| *own += other);
        self.sum += other.sum;
    }

    /// The bound of each bucket in seconds, infinite for the last, with how many are in it.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        bounds.zip(self.buckets)
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    pub(crate) const fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_that_is_long_enough() {
        let mut histogram = Histogram::default();
        for millis in [0, 1, 2, 500_000] {
            histogram.add(Duration::from_millis(millis));
        }
        let filled: Vec<_> = histogram.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0.0001, 1), (0.001, 1), (0.005, 1), (f64::INFINITY, 1)]);
        assert_eq!((histogram.count(), histogram.sum()), (4, Duration::from_millis(500_003)));
    }
}

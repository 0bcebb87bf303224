//! How many sessions of an attachment there are, over all workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use proto::Time;

use crate::proxy::sessions::Stage;

/// Sessions by stage, now and at most; and how fast they come. Touched when a session begins, ends or goes on to its next
/// stage, and never while bytes flow.
#[derive(Debug, Default)]
pub(crate) struct Census {
    /// By stage.
    now: [AtomicU32; 3],
    most: [AtomicU32; 3],
    /// Sessions of all stages.
    all: AtomicU32,
    all_most: AtomicU32,
    created: AtomicU64,
    /// When the last session began; 0 if none did.
    last: AtomicU64,
    /// The minute of the last session, and how many have begun in it: the upper and the lower half.
    minute: AtomicU64,
    rate_most: AtomicU32,
    /// Of all attachments.
    total: Option<Arc<Self>>,
}

/// What a census says at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Population {
    /// Opening, open, closing.
    pub(crate) now: [u32; 3],
    pub(crate) most: [u32; 3],
    pub(crate) all: u32,
    pub(crate) all_most: u32,
    /// Since the daemon started.
    pub(crate) created: u64,
    /// When the last one began.
    pub(crate) last: Option<Time>,
    /// Sessions that began in the minute of the last one, if that is the present one; and at most in any.
    pub(crate) rate: u32,
    pub(crate) rate_most: u32,
}

const MINUTE: u64 = 60_000_000_000;

impl Census {
    /// Of an attachment, as a part of all of them.
    pub(super) fn part_of(total: &Arc<Self>) -> Self {
        Self { total: Some(Arc::clone(total)), ..Self::default() }
    }

    /// A session begins.
    pub(crate) fn begin(&self, now: Time) {
        self.each(|census| {
            census.created.fetch_add(1, Relaxed);
            census.last.store(now.0.max(1), Relaxed);
            let rate = count_in_minute(&census.minute, now);
            census.rate_most.fetch_max(rate, Relaxed);
        });
        self.enter(Stage::Opening);
    }

    /// A session that counts somewhere else counts here.
    pub(crate) fn enter(&self, stage: Stage) {
        self.each(|census| {
            add(&census.now[stage as usize], &census.most[stage as usize]);
            add(&census.all, &census.all_most);
        });
    }

    /// A session goes on from one stage to the next.
    pub(crate) fn go_on(&self, from: Stage, to: Stage) {
        self.each(|census| {
            census.now[from as usize].fetch_sub(1, Relaxed);
            add(&census.now[to as usize], &census.most[to as usize]);
        });
    }

    /// A session ended in this stage, or counts somewhere else from now on.
    pub(crate) fn leave(&self, stage: Stage) {
        self.each(|census| {
            census.now[stage as usize].fetch_sub(1, Relaxed);
            census.all.fetch_sub(1, Relaxed);
        });
    }

    pub(crate) fn population(&self, now: Time) -> Population {
        let minute = self.minute.load(Relaxed);
        let last = self.last.load(Relaxed);
        Population {
            now: self.now.each_ref().map(|count| count.load(Relaxed)),
            most: self.most.each_ref().map(|count| count.load(Relaxed)),
            all: self.all.load(Relaxed),
            all_most: self.all_most.load(Relaxed),
            created: self.created.load(Relaxed),
            last: (last > 0).then_some(Time(last)),
            rate: if minute >> 32 == now.0 / MINUTE { low_half(minute) } else { 0 },
            rate_most: self.rate_most.load(Relaxed),
        }
    }

    fn each(&self, act: impl Fn(&Self)) {
        act(self);
        self.total.iter().for_each(|total| act(total));
    }
}

fn add(count: &AtomicU32, most: &AtomicU32) {
    let now = count.fetch_add(1, Relaxed) + 1;
    // Read first: a maximum that stands is shared by all workers without being written.
    if now > most.load(Relaxed) {
        most.fetch_max(now, Relaxed);
    }
}

/// Counts one more in the minute of `now`; how many there are.
fn count_in_minute(cell: &AtomicU64, now: Time) -> u32 {
    let minute = now.0 / MINUTE;
    let next = |cell: u64| if cell >> 32 == minute { cell + 1 } else { minute << 32 | 1 };
    let before = cell.fetch_update(Relaxed, Relaxed, |cell| Some(next(cell)));
    low_half(next(before.unwrap_or_default()))
}

const fn low_half(cell: u64) -> u32 {
    let [.., a, b, c, d] = cell.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_counted_by_stage_and_in_all() {
        let total = Arc::new(Census::default());
        let [mx, other] = [(); 2].map(|()| Census::part_of(&total));
        let at = |seconds: u64| Time(seconds * 1_000_000_000);
        mx.begin(at(1));
        mx.begin(at(2));
        other.begin(at(61));
        mx.go_on(Stage::Opening, Stage::Open);
        mx.leave(Stage::Opening);
        let of_mx = mx.population(at(3));
        assert_eq!((of_mx.now, of_mx.most, of_mx.all), ([0, 1, 0], [2, 1, 0], 1));
        assert_eq!((of_mx.created, of_mx.rate, of_mx.rate_most, of_mx.last), (2, 2, 2, Some(at(2))));
        let all = total.population(at(62));
        assert_eq!((all.now, all.all, all.all_most, all.created, all.rate), ([1, 1, 0], 2, 3, 3, 1));
        assert_eq!(mx.population(at(62)).rate, 0);
    }

    #[test]
    fn a_session_may_move_to_another_attachment() {
        let total = Arc::new(Census::default());
        let [one, other] = [(); 2].map(|()| Census::part_of(&total));
        one.begin(Time(1));
        one.leave(Stage::Opening);
        other.enter(Stage::Opening);
        assert_eq!((one.population(Time(2)).all, other.population(Time(2)).all), (0, 1));
        assert_eq!((total.population(Time(2)).all, total.population(Time(2)).created), (1, 1));
    }
}

//! An address of a mail server, and whether it answers: what all workers know of it together.
//!
//! One number says it all, so that a session asks without a lock. Who tries an address that has failed, and
//! when, is `proxy/watch.rs`'s and `proxy/connect.rs`'s affair.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proto::Time;

/// Seconds that an address which failed is left alone, doubled with each failure up to the most.
const WAIT_MIN: u64 = 30;
const WAIT_MAX: u64 = 600;

/// An address of a server.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    state: AtomicU64,
}

/// Of an address that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Down {
    /// How often in a row it failed, up to 255.
    pub(crate) failures: u8,
    /// When it is tried again.
    pub(crate) due: Time,
}

/// Whether it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    /// It failed so often in a row, and is tried again at `due`, in milliseconds of the workers' time.
    Down {
        failures: u8,
        due: u64,
    },
}

impl Upstream {
    /// Nothing is known of it, so that it is tried.
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self { address, state: AtomicU64::new(State::Up.pack()) }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it failed, if it does not answer.
    pub(crate) fn health(&self) -> Option<Down> {
        match self.state() {
            State::Up => None,
            State::Down { failures, .. } => Some(Down { failures, due: self.due() }),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.state() == State::Up
    }

    /// When it is tried again; an address that answers can be tried at once.
    pub(super) fn due(&self) -> Time {
        match self.state() {
            State::Up => Time(0),
            State::Down { due, .. } => Time(due.saturating_mul(MILLISECOND)),
        }
    }

    /// It did not answer. How long it is left alone, if that is news: of many sessions that learn it at the same
    /// time, one has it to tell.
    pub(crate) fn failed(&self, now: Time) -> Option<Duration> {
        match self.change(|state| state.failed(now))? {
            State::Up => Some(Duration::from_secs(WAIT_MIN)),
            State::Down { .. } => None,
        }
    }

    /// Whether it is to be tried now. Who is told so tries it, and nobody else before the next time.
    pub(super) fn claim(&self, now: Time) -> bool {
        !self.is_up() && self.change(|state| state.failed(now)).is_some()
    }

    /// It answered. Whether that is news.
    pub(super) fn answered(&self) -> bool {
        !self.is_up() && self.change(|state| (state != State::Up).then_some(State::Up)).is_some()
    }

    fn state(&self) -> State {
        State::unpack(self.state.load(Ordering::Relaxed))
    }

    /// Makes the next state of it, if there is one; what it was before.
    fn change(&self, next: impl Fn(State) -> Option<State>) -> Option<State> {
        let next = |packed| next(State::unpack(packed)).map(State::pack);
        // Nothing else is published with it, so that any order will do.
        self.state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok().map(State::unpack)
    }
}

const MILLISECOND: u64 = 1_000_000;

impl State {
    /// After another failure; nothing new if it was known to fail until later.
    fn failed(self, now: Time) -> Option<Self> {
        let now = now.0 / MILLISECOND;
        let failures: u8 = match self {
            Self::Up => 1,
            Self::Down { failures, due } if due <= now => failures.saturating_add(1),
            Self::Down { .. } => return None,
        };
        let doubled = WAIT_MIN.checked_shl(u32::from(failures - 1)).filter(|wait| *wait > 0);
        let wait = doubled.map_or(WAIT_MAX, |wait| wait.min(WAIT_MAX));
        Some(Self::Down { failures, due: now + wait * 1000 })
    }

    /// Failures in the low eight bits, 0 for an address that answers.
    const fn pack(self) -> u64 {
        match self {
            Self::Up => 0,
            Self::Down { failures, due } => due << 8 | failures as u64,
        }
    }

    const fn unpack(packed: u64) -> Self {
        match packed.to_be_bytes() {
            [.., 0] => Self::Up,
            [.., failures] => Self::Down { failures, due: packed >> 8 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream() -> Upstream {
        Upstream::new(([192, 0, 2, 1], 25).into())
    }

    fn at(seconds: u64) -> Time {
        Time(0).plus_seconds(seconds)
    }

    #[test]
    fn an_address_that_fails_is_left_alone_for_half_a_minute_and_twice_as_long_each_time() {
        let upstream = upstream();
        assert!(upstream.is_up() && !upstream.claim(at(7)));
        assert_eq!(upstream.failed(at(7)), Some(Duration::from_secs(30)));
        let mut now = 7;
        for wait in [30, 60, 120, 240, 480, 600, 600, 600] {
            assert!(!upstream.is_up());
            assert_eq!(upstream.due(), at(now + wait));
            assert!(!upstream.claim(at(now + wait - 1)), "{wait}");
            now += wait;
            assert!(upstream.claim(at(now)), "{wait}");
        }
    }

    #[test]
    fn it_stays_at_ten_minutes_however_often_it_fails() {
        let upstream = upstream();
        let mut now = 0;
        upstream.failed(at(now));
        for _ in 0..300 {
            now += WAIT_MAX;
            assert!(upstream.claim(at(now)));
        }
        assert_eq!(upstream.due(), at(now + WAIT_MAX));
    }

    #[test]
    fn whoever_fails_meanwhile_changes_nothing_and_has_nothing_to_tell() {
        let upstream = upstream();
        assert!(upstream.failed(at(1)).is_some());
        for second in 1..31 {
            assert_eq!(upstream.failed(at(second)), None);
        }
        assert_eq!(upstream.due(), at(31));
    }

    #[test]
    fn one_of_those_who_ask_is_told_to_try_it() {
        let upstream = upstream();
        upstream.failed(at(0));
        assert_eq!((0..4).filter(|_| upstream.claim(at(30))).count(), 1);
    }

    #[test]
    fn an_answer_is_news_once_and_the_next_failure_begins_anew() {
        let upstream = upstream();
        assert!(!upstream.answered());
        upstream.failed(at(0));
        assert!(upstream.claim(at(30)));
        assert_eq!((upstream.answered(), upstream.answered()), (true, false));
        assert!(upstream.is_up());
        assert_eq!(upstream.failed(at(40)), Some(Duration::from_secs(30)));
        assert_eq!(upstream.due(), at(70));
    }

    #[test]
    fn of_workers_that_fail_together_one_has_it_to_tell() {
        let upstream = upstream();
        let told = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8).map(|_| scope.spawn(|| upstream.failed(at(3)).is_some())).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).filter(|told| *told).count()
        });
        assert_eq!(told, 1);
    }
}

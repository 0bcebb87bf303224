//! How the sessions of a worker share its time: how long one goes on, which waits, and which is next.
//!
//! Knows no tasks, and reads no clock.

use std::collections::BTreeMap;

use proto::Time;

/// Nanoseconds that a session goes on while others wait. Two reads of ordinary text with what becomes of them, so
/// that changing from one session to the next costs little; and what a command of another one waits at the most.
pub(super) const SLICE: u64 = 75_000;

/// Bytes that are offered of a side at once where text is hard to judge: some commands, or a few lines.
const PORTION_MIN: usize = 1 << 10;

/// The same before anything is known of a session's text.
const PORTION_FIRST: usize = 4 << 10;

/// What one session has had of its worker's time.
#[derive(Debug)]
pub(super) struct Share {
    /// Nanoseconds, on the scale of `Turns::level`.
    used: u64,
    /// What it does, and since when, or up to when that is counted.
    now: Doing,
    /// Bytes of a side to offer at once.
    portion: usize,
    /// The longest that was offered since it was counted last.
    offered: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Run(Time),
    Sleep(Time),
    Wait,
}

impl Default for Share {
    fn default() -> Self {
        Self { used: 0, now: Doing::Wait, portion: PORTION_FIRST, offered: 0 }
    }
}

impl Share {
    /// Counts the time since the last count, or begins to count.
    pub(super) fn count<W>(&mut self, now: Time, turns: &Turns<W>) {
        match std::mem::replace(&mut self.now, Doing::Run(now)) {
            Doing::Run(since) => {
                let took = now.0.saturating_sub(since.0);
                self.used += took;
                self.adapt(took);
            }
            // What it used is paid off by as much sleep, so that a session that works half of the time or less goes
            // first whenever it wakes; sleep is not saved up.
            Doing::Sleep(since) => {
                let slept = now.0.saturating_sub(since.0);
                self.used = self.used.saturating_sub(slept).max(turns.level);
            }
            Doing::Wait => self.used = self.used.max(turns.level),
        }
    }

    /// It sleeps until something comes.
    pub(super) const fn sleep(&mut self) {
        if let Doing::Run(since) = self.now {
            self.now = Doing::Sleep(since);
        }
    }

    /// Whether others have their turn before it goes on.
    pub(super) const fn is_spent<W>(&self, turns: &Turns<W>) -> bool {
        self.used >= turns.level + SLICE
    }

    /// Bytes of a side that it is worth to offer at once: not more than what takes a slice, as far as that can be
    /// told from what was offered before.
    pub(super) const fn portion(&self) -> usize {
        self.portion
    }

    /// Bytes were offered at once.
    pub(super) fn offered(&mut self, bytes: usize) {
        self.offered = self.offered.max(bytes);
    }

    /// One slow portion may have been the machine's fault, so that the portion is halved at a time.
    fn adapt(&mut self, took: u64) {
        let offered = std::mem::take(&mut self.offered);
        if took > SLICE && offered > self.portion / 2 {
            self.portion = (self.portion / 2).max(PORTION_MIN);
        } else if took <= SLICE / 2 && offered >= self.portion {
            self.portion = self.portion.saturating_mul(2);
        }
    }
}

/// The sessions of a worker that wait for their turn. `W` is what goes on when a turn is given.
#[derive(Debug)]
pub(super) struct Turns<W> {
    /// What had been used by the session whose turn it was last. One that sleeps or is new begins there, so that
    /// it comes before all that have used a slice since, and owns no time from before.
    level: u64,
    waiting: BTreeMap<Ticket, W>,
    issued: u64,
}

/// A place among those who wait: by what they used, then in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    used: u64,
    number: u64,
}

impl<W> Default for Turns<W> {
    fn default() -> Self {
        Self { level: 0, waiting: BTreeMap::new(), issued: 0 }
    }
}

impl<W> Turns<W> {
    /// A session waits for its turn.
    pub(super) fn wait(&mut self, share: &mut Share, who: W) -> Ticket {
        share.now = Doing::Wait;
        self.issued += 1;
        let ticket = Ticket { used: share.used, number: self.issued };
        self.waiting.insert(ticket, who);
        ticket
    }

    /// Whether its turn has not come yet.
    pub(super) fn waits(&self, ticket: Ticket) -> bool {
        self.waiting.contains_key(&ticket)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whose turn it is: the one that used least.
    pub(super) fn next(&mut self) -> Option<W> {
        let (ticket, who) = self.waiting.pop_first()?;
        self.level = self.level.max(ticket.used);
        Some(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sessions that always have something to do, each portion of which takes so long; who had how many
    /// microseconds of the first `total`, by a clock that only they move.
    fn shares(costs_us: &[u64], total_us: u64) -> Vec<u64> {
        let mut turns = Turns::default();
        let mut shares: Vec<_> = costs_us.iter().map(|_| Share::default()).collect();
        let mut had = vec![0; costs_us.len()];
        let mut now = Time(0);
        for (who, share) in shares.iter_mut().enumerate() {
            turns.wait(share, who);
        }
        while now.0 < total_us * 1000 {
            let who = turns.next().unwrap();
            let (share, cost) = (&mut shares[who], costs_us[who]);
            share.count(now, &turns);
            while !share.is_spent(&turns) {
                now = Time(now.0 + cost * 1000);
                had[who] += cost;
                share.count(now, &turns);
            }
            turns.wait(share, who);
        }
        had
    }

    #[test]
    fn sessions_get_the_same_time_whatever_their_portions_take() {
        let table: [&[u64]; 5] =
            [&[10, 10], &[1, 70, 80], &[20, 20, 20, 5000], &[1, 1000, 3, 300], &[40; 50]];
        for costs in table {
            let total = 100_000 * costs.len() as u64;
            for (who, had) in shares(costs, total).into_iter().enumerate() {
                let longest = costs.iter().max().unwrap().max(&(SLICE / 1000));
                assert!(had.abs_diff(100_000) <= 2 * longest, "{costs:?}: {who} had {had} µs");
            }
        }
    }

    #[test]
    fn a_session_goes_on_until_it_used_a_slice_more_than_the_one_that_used_least() {
        let mut turns = Turns::<()>::default();
        let mut share = Share::default();
        share.count(Time(1_000_000), &turns);
        let table = [(0, false), (SLICE - 1, false), (SLICE, true), (SLICE + 1, true)];
        for (used, spent) in table {
            share.count(Time(1_000_000 + used), &turns);
            assert_eq!(share.is_spent(&turns), spent, "{used}");
        }
        // Nobody else waits: its own turn comes at once.
        let ticket = turns.wait(&mut share, ());
        assert!(turns.waits(ticket) && !turns.is_empty());
        assert_eq!(turns.next(), Some(()));
        assert!(!turns.waits(ticket) && turns.is_empty());
        share.count(Time(9_000_000), &turns);
        assert!(!share.is_spent(&turns), "waiting is not used");
    }

    #[test]
    fn the_next_is_the_one_that_used_least_and_among_equals_the_first() {
        let mut turns = Turns::default();
        for (who, used) in [("b", 200), ("a", 100), ("c", 200), ("d", 300)] {
            turns.wait(&mut Share { used, ..Share::default() }, who);
        }
        let order: Vec<_> = std::iter::from_fn(|| turns.next()).collect();
        assert_eq!(order, ["a", "b", "c", "d"]);
    }

    #[test]
    fn one_that_slept_goes_before_those_that_used_a_slice_and_owns_no_time_from_before() {
        let mut turns = Turns::default();
        let mut busy = Share { used: 50 * SLICE, ..Share::default() };
        turns.wait(&mut busy, "busy");
        turns.next();
        let mut sleeper = Share::default();
        sleeper.count(Time(0), &turns);
        assert!(!sleeper.is_spent(&turns));
        sleeper.count(Time(SLICE), &turns);
        assert!(sleeper.is_spent(&turns), "a slice, not fifty");
        busy.used += 2 * SLICE;
        turns.wait(&mut busy, "busy");
        turns.wait(&mut sleeper, "sleeper");
        assert_eq!(turns.next(), Some("sleeper"));
    }

    #[test]
    fn what_was_used_is_paid_off_by_as_much_sleep() {
        // Of each: nanoseconds of work before a sleep, of sleep, and whether it goes on at once afterwards. Others
        // do not move meanwhile.
        let table = [
            (SLICE - 1, 1, true),
            (SLICE, 0, false),
            (SLICE, 1, true),
            (3 * SLICE, 2 * SLICE, false),
            (3 * SLICE, 2 * SLICE + 1, true),
            (3 * SLICE, 1000 * SLICE, true),
        ];
        for (used, slept, goes_on) in table {
            let (turns, mut share) = (Turns::<()>::default(), Share::default());
            share.count(Time(0), &turns);
            share.count(Time(used), &turns);
            share.sleep();
            share.count(Time(used + slept), &turns);
            assert_eq!(!share.is_spent(&turns), goes_on, "{used} used, {slept} slept");
            share.count(Time(used + slept + SLICE), &turns);
            assert!(share.is_spent(&turns), "{used} used, {slept} slept: sleep was saved up");
        }
    }

    #[test]
    fn portions_shrink_while_text_is_hard_and_grow_while_it_is_easy() {
        // What was offered, the nanoseconds it took, and the portion from then on.
        let table = [
            (4096, 1000, 8192),
            (8192, SLICE / 2, 16_384),
            (16_384, SLICE / 2 + 1, 16_384),
            (16_384, SLICE, 16_384),
            (100, 1000, 16_384),
            (16_384, 5_000_000, 8192),
            (100, 5_000_000, 8192),
            (8192, 2_500_000, 4096),
            (4096, 1_000_000, 2048),
            (2048, 500_000, 1024),
            (1024, 500_000, 1024),
            (1024, 1000, 2048),
        ];
        let (turns, mut share, mut now) = (Turns::<()>::default(), Share::default(), 0);
        share.count(Time(now), &turns);
        for (offered, took, portion) in table {
            share.offered(offered);
            now += took;
            share.count(Time(now), &turns);
            assert_eq!(share.portion(), portion, "{offered} bytes in {took} ns");
        }
    }
}

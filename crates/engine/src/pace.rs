//! Rules that pace: how long the client must wait so that a rule lets through no more than its rate.

use policy::RuleId;
use policy::model::PerSecond;
use proto::Time;

/// A bucket for each rule that has paced something in this session. A bucket holds as many events as the
/// rule allows in a second, is full at first, and fills at the rule's rate.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    /// When the bucket of a rule will be full again. Most sessions have none.
    full: Vec<(RuleId, Time)>,
    /// The time before which nothing more of the client may go on.
    until: Time,
}

const SECOND: u64 = 1_000_000_000;

impl Pacer {
    /// Takes one event out of a rule's bucket. Where the bucket is empty, what follows waits until this
    /// event would have been in it.
    pub(crate) fn charge(&mut self, rule: RuleId, rate: PerSecond, now: Time) {
        let interval = SECOND / u64::from(rate.0.get());
        let known = self.full.iter_mut().find(|(of, _)| *of == rule);
        let before = known.as_ref().map_or(now, |(_, full)| (*full).max(now));
        // Invariant: a full bucket is `SECOND` of intervals, so the last event of it is due at once.
        let due = Time(before.0.saturating_add(interval).saturating_sub(SECOND));
        let full = Time(before.0.saturating_add(interval));
        match known {
            Some((_, known)) => *known = full,
            None => self.full.push((rule, full)),
        }
        self.until = self.until.max(due);
    }

    /// The time before which nothing more of the client may go on; in the past where nothing waits.
    pub(crate) const fn until(&self) -> Time {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;

    use policy::CompiledPolicy;
    use policy::criterion::Word;
    use policy::fact::Fact;

    use super::*;

    /// The ids of two rules of some policy.
    fn rules() -> [RuleId; 2] {
        let text = "class-map type inspect smtp match-any a\n match cmd verb NOOP\n\
                    class-map type inspect smtp match-any b\n match cmd verb HELP\n\
                    policy-map type inspect smtp p\n class type inspect smtp a\n  reset\n class type inspect smtp b\n  reset\n";
        let configuration = policy::load("policy", text.as_bytes()).configuration.unwrap();
        let policy = CompiledPolicy::compile(&configuration, "p", &policy::profile::Profile::C3PL).unwrap();
        let policy = Arc::new(policy);
        ["NOOP", "HELP"].map(|verb| {
            let mut state = policy::RuleState::default();
            policy.learn(&mut state, Fact::Word(Word::Verb, verb.as_bytes()));
            let mut rule = None;
            policy.judge(&mut state, &mut |hit| rule = Some(hit.rule));
            rule.unwrap()
        })
    }

    fn per_second(rate: u32) -> PerSecond {
        PerSecond(NonZeroU32::new(rate).unwrap())
    }

    #[test]
    fn a_bucket_lets_a_second_of_events_through_and_then_one_for_each_interval() {
        let [rule, _] = rules();
        let mut pacer = Pacer::default();
        let now = Time(5 * SECOND);
        let mut waits = Vec::new();
        for _ in 0..7 {
            pacer.charge(rule, per_second(4), now);
            waits.push(pacer.until().since(now).as_millis());
        }
        assert_eq!(waits, [0, 0, 0, 0, 250, 500, 750]);
    }

    #[test]
    fn a_bucket_fills_while_time_passes_and_no_fuller_than_full() {
        let [rule, _] = rules();
        let mut pacer = Pacer::default();
        (0..3).for_each(|_| pacer.charge(rule, per_second(2), Time(0)));
        assert_eq!(pacer.until(), Time(SECOND / 2));
        let later = Time(100 * SECOND);
        let waits = [0; 3].map(|_| {
            pacer.charge(rule, per_second(2), later);
            pacer.until().since(later).as_millis()
        });
        assert_eq!(waits, [0, 0, 500]);
    }

    #[test]
    fn each_rule_has_a_bucket_of_its_own() {
        let [one, other] = rules();
        let mut pacer = Pacer::default();
        let now = Time(SECOND);
        pacer.charge(one, per_second(1), now);
        pacer.charge(other, per_second(1), now);
        assert!(pacer.until() <= now);
        pacer.charge(other, per_second(1), now);
        assert_eq!(pacer.until(), Time(2 * SECOND));
    }
}

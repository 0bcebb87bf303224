//! The only code rules run through: facts in, verdict out.
//!
//! A condition is a bit. A fact sets bits and marks those that became true in this event; a class
//! acts when it holds *and* one of its conditions is new. Nothing here allocates in the steady state.

use crate::compile::matcher::MatcherState;
use crate::compile::rules::{Bits, CompiledPolicy, ConditionId, Rule, RuleId, Then};
use crate::criterion::{Counter, CriterionKind};
use crate::fact::Fact;
use crate::model::{Action, MatchMode, PerSecond};
use crate::scope::{Close, Scope};

/// A class that acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub rule: RuleId,
    /// The condition that made the class act when it became true.
    pub condition: ConditionId,
    /// What that condition asks; nothing for a group of conditions.
    pub kind: Option<CriterionKind>,
    /// Nothing where the class has `log` and nothing else.
    pub action: Option<Action>,
    pub log: bool,
}

/// What is to be done with the event that was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// Pass, but no more than so many a second.
    Pace(RuleId, PerSecond),
    /// Overwrite at equal length, and pass.
    Mask(RuleId),
    /// Do not pass it, and end the session.
    Refuse(RuleId, Ending),
}

/// How a refusal ends the session. Sides that are still owed a reply get it first, unless the
/// attachment refuses in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Close,
    Reset,
}

impl Verdict {
    const fn of(rule: RuleId, action: Option<Action>) -> Self {
        match action {
            None | Some(Action::Allow) => Self::Pass,
            Some(Action::Pace(rate)) => Self::Pace(rule, rate),
            Some(Action::Mask) => Self::Mask(rule),
            Some(Action::Close) => Self::Refuse(rule, Ending::Close),
            Some(Action::Reset) => Self::Refuse(rule, Ending::Reset),
        }
    }

    /// The stronger of two rules' verdicts; of equals the earlier.
    const fn or_stronger(self, later: Self) -> Self {
        if later.strength() > self.strength() { later } else { self }
    }

    const fn strength(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Pace(..) => 1,
            Self::Mask(_) => 2,
            Self::Refuse(..) => 3,
        }
    }
}

/// What one session has made true so far.
#[derive(Debug, Default)]
pub struct RuleState {
    held: Bits,
    new: Bits,
    /// Absent until body text is searched: most sessions have no condition on it.
    body: Option<Box<MatcherState>>,
}

/// What a session had made true when something began that may come to nothing.
#[derive(Debug)]
pub struct Held(Bits);

impl CompiledPolicy {
    /// Sets the conditions that this fact makes true. Decides nothing.
    pub fn learn(&self, state: &mut RuleState, fact: Fact<'_>) {
        match fact {
            Fact::Word(word, found) => {
                let named = self.words(word).iter().filter(|(words, _)| words.contain(found));
                named.for_each(|&(_, condition)| state.set(condition));
            }
            Fact::Text(of, text) => {
                if let Some(field) = self.field(of) {
                    field.matcher.find_in(text, &mut |pattern| state.set_all(field.owners(pattern)));
                }
            }
            Fact::Count(counter, value) => {
                let passed = self.thresholds(counter).iter().take_while(|&&(over, _)| value > over);
                passed.for_each(|&(_, condition)| state.set(condition));
            }
            Fact::Sign(sign) => state.set_all(self.signs(sign)),
        }
    }

    /// Body text in any cuts, line ends included. `event` is called, in order, with the bytes of
    /// `run` up to the end of each line in which a condition became true; it judges, and answers
    /// whether to go on.
    pub fn learn_body(
        &self,
        state: &mut RuleState,
        run: &[u8],
        event: &mut dyn FnMut(&mut RuleState, usize) -> bool,
    ) {
        let Some(field) = self.body() else { return };
        let mut body = state.body.take().unwrap_or_default();
        let mut pending = None;
        let mut go_on = true;
        field.matcher.feed(&mut body, run, &mut |offset, pattern| {
            if pending.is_some_and(|before| before != offset) {
                go_on = go_on && event(state, pending.unwrap_or(offset));
            }
            pending = Some(offset);
            state.set_all(field.owners(pattern));
        });
        if let (Some(offset), true) = (pending, go_on) {
            event(state, offset);
        }
        state.body = Some(body);
    }

    /// The body text of a part is over; its last line may have had no end.
    pub fn end_body(&self, state: &mut RuleState) {
        let (Some(field), Some(mut body)) = (self.body(), state.body.take()) else { return };
        field.matcher.finish(&mut body, &mut |pattern| state.set_all(field.owners(pattern)));
        body.reset();
        state.body = Some(body);
    }

    /// How far `counter` may grow before the next condition on it becomes true.
    pub fn room(&self, state: &RuleState, counter: Counter, value: u64) -> Option<u64> {
        let next = self.thresholds(counter).iter().find(|(_, condition)| !state.held.contains(*condition))?;
        Some(next.0.saturating_sub(value).saturating_add(1))
    }

    /// What held in the last instance of `scope` is forgotten, and a body that is being searched goes on.
    pub fn forget(&self, state: &mut RuleState, scope: Scope) {
        if let Some((_, ending)) = self.endings.iter().find(|(of, _)| *of == scope) {
            state.held.remove(ending);
        }
    }

    /// A new instance of `scope` begins: what held in the one before is forgotten.
    pub fn begin(&self, state: &mut RuleState, scope: Scope) {
        self.forget(state, scope);
        if let (Scope::Session | Scope::Transaction | Scope::Message | Scope::Part, Some(body)) =
            (scope, &mut state.body)
        {
            body.reset();
        }
    }

    /// Decides the `match not` conditions whose criterion can no longer become true.
    pub fn close(&self, state: &mut RuleState, close: Close) {
        for negation in self.negations.iter().filter(|negation| negation.close == close) {
            if !state.held.contains(negation.of) {
                state.set(negation.condition);
            }
        }
    }

    /// Once per event, when all its facts are learned: which rules act, and what follows. `hits` is called
    /// for each rule that acts, in the order in which they are tried.
    pub fn judge(&self, state: &mut RuleState, hits: &mut dyn FnMut(Hit)) -> Verdict {
        if state.new.is_empty() {
            return Verdict::Pass;
        }
        for group in &self.groups {
            if state.held.contains_all(&group.members) && !state.held.contains(group.condition) {
                state.set(group.condition);
            }
        }
        let mut verdict = Verdict::Pass;
        for (rule, number) in self.rules.iter().zip(0..) {
            if !rule.is_candidate(state) {
                continue;
            }
            let condition = self.cause(rule, state);
            let (id, kind) = (RuleId(number), self.kind(condition));
            hits(Hit { rule: id, condition, kind, action: rule.action, log: rule.log });
            verdict = verdict.or_stronger(Verdict::of(id, rule.action));
            if rule.then == Then::Stop {
                break;
            }
        }
        state.new.clear();
        verdict
    }

    /// The condition to name in a report: the first new one; of a group, its first new member.
    fn cause(&self, rule: &Rule, state: &RuleState) -> ConditionId {
        let first = state.new.first_in(&rule.conditions).unwrap_or(ConditionId(0));
        let group = self.groups.iter().find(|group| group.condition == first);
        group.and_then(|group| state.new.first_in(&group.members)).unwrap_or(first)
    }
}

impl Rule {
    /// Whether the class holds and something of it became true in this event.
    fn is_candidate(&self, state: &RuleState) -> bool {
        state.new.intersects(&self.conditions)
            && match self.mode {
                MatchMode::Any => true,
                MatchMode::All => state.held.contains_all(&self.conditions),
            }
    }
}

impl RuleState {
    /// What is true now, to be restored if what begins next comes to nothing.
    pub fn held(&self) -> Held {
        Held(self.held.clone())
    }

    /// What held before holds beside what is true now.
    pub fn add(&mut self, held: &Held) {
        self.held.add(&held.0);
    }

    /// What began came to nothing: what held before holds again.
    pub fn restore(&mut self, held: Held) {
        self.held = held.0;
    }

    /// A condition of an instance is new in each instance; one of a wider scope when it was false before.
    fn set(&mut self, condition: ConditionId) {
        if !self.held.contains(condition) {
            self.held.insert(condition);
            self.new.insert(condition);
        }
    }

    fn set_all(&mut self, conditions: &[ConditionId]) {
        conditions.iter().for_each(|&condition| self.set(condition));
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::criterion::{Text, Word};
    use crate::model::Configuration;
    use crate::profile::{Order, Profile};
    use crate::source::Span;

    const BY_CRITERION: Profile = Profile { order: Order::ByCriterion, ..Profile::C3PL };

    /// A policy of classes with one line each: the name is the letter, then criterion and action.
    fn policy(profile: &Profile, classes: &[(&str, &str, Option<Action>)]) -> CompiledPolicy {
        let mut text = String::from("parameter-map type regex r\n pattern evil\n");
        for (name, criteria, _) in classes {
            text += &format!("class-map type inspect smtp match-any {name}\n");
            criteria.split(", ").for_each(|criterion| text += &format!(" match {criterion}\n"));
        }
        text += "policy-map type inspect smtp p\n";
        classes.iter().for_each(|(name, ..)| text += &format!(" class type inspect smtp {name}\n  log\n"));
        let mut configuration = load(&text);
        let rules = configuration.l7_policies.iter_mut().next().map(|policy| &mut policy.rules).unwrap();
        for (rule, (_, _, action)) in rules.iter_mut().zip(classes) {
            rule.action = action.map(|action| (action, Span::default()));
        }
        CompiledPolicy::compile(&configuration, "p", profile).unwrap()
    }

    fn load(text: &str) -> Configuration {
        crate::load("test", text.as_bytes()).configuration.unwrap()
    }

    /// The classes that act on facts of one event, in their order, and the verdict.
    fn judge(policy: &CompiledPolicy, facts: &[Fact<'_>]) -> (String, Verdict) {
        let mut state = RuleState::default();
        facts.iter().for_each(|fact| policy.learn(&mut state, *fact));
        let mut acted = String::new();
        let verdict = policy.judge(&mut state, &mut |hit| acted += policy.class(hit.rule));
        (acted, verdict)
    }

    const RATE: PerSecond = PerSecond(NonZeroU32::MIN);
    const MAIL: [Fact<'static>; 3] = [
        Fact::Count(Counter::CommandLength, 900),
        Fact::Word(Word::Verb, b"MAIL"),
        Fact::Text(Text::Sender, b"evil"),
    ];

    #[test]
    fn as_configured_the_first_class_that_matches_acts_alone() {
        let classes = [
            ("a", "recipient count gt 1", Some(Action::Reset)),
            ("b", "sender address regex r", None),
            ("c", "cmd verb MAIL", Some(Action::Mask)),
        ];
        assert_eq!(judge(&policy(&Profile::C3PL, &classes), &MAIL), ("b".into(), Verdict::Pass));
    }

    #[test]
    fn by_criterion_classes_are_tried_as_parsing_goes_on_until_one_masks_or_ends() {
        let classes = [
            ("a", "sender address regex r", Some(Action::Reset)),
            ("b", "cmd verb MAIL", Some(Action::Mask)),
            ("c", "cmd verb MAIL", None),
            ("d", "cmd line length gt 512", None),
        ];
        let policy = policy(&BY_CRITERION, &classes);
        assert_eq!(judge(&policy, &MAIL), ("db".into(), Verdict::Mask(RuleId(1))));
    }

    #[test]
    fn of_two_classes_of_one_criterion_the_one_configured_first_is_tried_first() {
        let log_first = [("a", "cmd verb MAIL", None), ("b", "cmd verb MAIL", Some(Action::Close))];
        let (acted, verdict) = judge(&policy(&BY_CRITERION, &log_first), &MAIL);
        assert_eq!((acted, verdict), ("ab".into(), Verdict::Refuse(RuleId(1), Ending::Close)));
        let [log, close] = log_first;
        let (acted, verdict) = judge(&policy(&BY_CRITERION, &[close, log]), &MAIL);
        assert_eq!((acted, verdict), ("b".into(), Verdict::Refuse(RuleId(0), Ending::Close)));
    }

    #[test]
    fn a_class_is_tried_at_its_condition_that_is_decided_last() {
        let classes = [
            ("a", "sender address regex r, cmd line length gt 512", Some(Action::Reset)),
            ("b", "cmd verb MAIL", None),
        ];
        assert_eq!(judge(&policy(&BY_CRITERION, &classes), &MAIL).0, "ba");
    }

    #[test]
    fn a_class_that_paces_lets_the_next_refuse() {
        let paced = ("a", "cmd verb MAIL", Some(Action::Pace(RATE)));
        assert_eq!(judge(&policy(&BY_CRITERION, &[paced]), &MAIL).1, Verdict::Pace(RuleId(0), RATE));
        let refused = ("b", "sender address regex r", Some(Action::Reset));
        let (acted, verdict) = judge(&policy(&BY_CRITERION, &[paced, refused]), &MAIL);
        assert_eq!((acted, verdict), ("ab".into(), Verdict::Refuse(RuleId(1), Ending::Reset)));
        let masked = ("b", "cmd verb MAIL", Some(Action::Mask));
        assert_eq!(judge(&policy(&BY_CRITERION, &[paced, masked]), &MAIL).1, Verdict::Mask(RuleId(1)));
        assert_eq!(
            judge(&policy(&Profile::C3PL, &[paced, refused]), &MAIL).1,
            Verdict::Pace(RuleId(0), RATE)
        );
    }

    #[test]
    fn a_verb_outside_the_dialect_is_masked_unless_its_class_refuses() {
        let verb = |action| {
            let policy = policy(&Profile::C3PL, &[("a", "cmd verb NOOP, cmd verb X-Y", action)]);
            [&b"x-y"[..], b"noop"].map(|verb| judge(&policy, &[Fact::Word(Word::Verb, verb)]))
        };
        let [private, listed] = verb(Some(Action::Allow));
        assert_eq!(private, ("a".into(), Verdict::Mask(RuleId(0))));
        assert_eq!(listed, ("a".into(), Verdict::Pass));
        let [private, _] = verb(None);
        assert_eq!(private.1, Verdict::Mask(RuleId(0)));
        let [private, _] = verb(Some(Action::Reset));
        assert_eq!(private.1, Verdict::Refuse(RuleId(0), Ending::Reset));
    }

    #[test]
    fn a_verb_outside_the_dialect_is_masked_in_match_all_too() {
        let text = "class-map type inspect smtp match-all a\n match cmd line length gt 9\n match cmd verb X-Y\n\
                    policy-map type inspect smtp p\n class type inspect smtp a\n  allow\n";
        let policy = CompiledPolicy::compile(&load(text), "p", &Profile::C3PL).unwrap();
        let long = [Fact::Count(Counter::CommandLength, 10), Fact::Word(Word::Verb, b"X-Y")];
        assert_eq!(judge(&policy, &long).1, Verdict::Mask(RuleId(0)));
        assert_eq!(judge(&policy, &[Fact::Word(Word::Verb, b"X-Y")]).1, Verdict::Pass);
    }
}

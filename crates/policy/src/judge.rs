//! The only code rules run through: facts in, verdict out.
//!
//! A condition is a bit. A fact sets bits and marks those that became true in this event; a class
//! acts when it holds *and* one of its conditions is new. Nothing here allocates in the steady state.

use crate::compile::matcher::MatcherState;
use crate::compile::rules::{Bits, CompiledPolicy, ConditionId, Field, Rule, RuleId};
use crate::fact::{Close, Counter, Fact, Kind, Scope, Text};
use crate::model::{Action, MatchMode};

/// A class that acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub rule: RuleId,
    /// The condition whose becoming true made the class act.
    pub condition: ConditionId,
    pub kind: Option<Kind>,
    /// Nothing where the class has `log` and nothing else.
    pub action: Option<Action>,
    pub log: bool,
}

/// What is to be done with the event that was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Mask(RuleId),
    Refuse(RuleId),
}

/// What one session has made true so far.
#[derive(Debug, Default)]
pub struct RuleState {
    held: Bits,
    new: Bits,
    /// Absent until body text is searched: most sessions have none that anybody asks about.
    body: Option<Box<MatcherState>>,
}

/// What a session had made true when something began that may come to nothing.
#[derive(Debug)]
pub struct Held(Bits);

impl CompiledPolicy {
    /// Sets the conditions that this fact makes true. Decides nothing.
    pub fn learn(&self, state: &mut RuleState, fact: Fact<'_>) {
        match fact {
            Fact::Verb(token) => state.learn_word(&self.verbs, token),
            Fact::Keyword(word) => state.learn_word(&self.keywords, word),
            Fact::Sender(text) => state.learn_text(self.field(Text::Sender), text),
            Fact::Recipient(text) => state.learn_text(self.field(Text::Recipient), text),
            Fact::HeaderField(text) => state.learn_text(self.field(Text::Header), text),
            Fact::ContentType(text) => state.learn_text(self.field(Text::ContentType), text),
            Fact::Encoding(value) => {
                let matching = self.encodings.iter().filter(|(encoding, _)| encoding.matches(value));
                matching.for_each(|&(_, condition)| state.set(condition));
            }
            Fact::Count(counter, value) => {
                let passed = self.thresholds(counter).iter().take_while(|&&(over, _)| value > over);
                passed.for_each(|&(_, condition)| state.set(condition));
            }
        }
    }

    /// Body text in any cuts, line ends included. `event` is called, in order, with the octets of
    /// `run` up to the end of each line in which a condition became true; it judges, and answers
    /// whether to go on.
    pub fn learn_body(
        &self,
        state: &mut RuleState,
        run: &[u8],
        event: &mut dyn FnMut(&mut RuleState, usize) -> bool,
    ) {
        let Some(field) = self.field(Text::Body) else { return };
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
        let (Some(field), Some(mut body)) = (self.field(Text::Body), state.body.take()) else { return };
        field.matcher.finish(&mut body, &mut |pattern| state.set_all(field.owners(pattern)));
        body.reset();
        state.body = Some(body);
    }

    /// How far `counter` may grow before the next condition on it becomes true.
    pub fn room(&self, state: &RuleState, counter: Counter, value: u64) -> Option<u64> {
        let next = self.thresholds(counter).iter().find(|(_, condition)| !state.held.contains(*condition))?;
        Some(next.0.saturating_sub(value).saturating_add(1))
    }

    /// A new instance of `scope` begins: what held in the one before is forgotten.
    pub fn begin(&self, state: &mut RuleState, scope: Scope) {
        if let Some((_, ending)) = self.endings.iter().find(|(of, _)| *of == scope) {
            state.held.remove(ending);
        }
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

    /// Once per event, when all its facts are learned: which class acts, and how.
    pub fn judge(&self, state: &mut RuleState, hits: &mut dyn FnMut(Hit)) -> Verdict {
        if state.new.is_empty() {
            return Verdict::Pass;
        }
        for group in &self.groups {
            if state.held.contains_all(&group.members) && !state.held.contains(group.condition) {
                state.set(group.condition);
            }
        }
        let acting = self.rules.iter().zip(0..).find(|(rule, _)| rule.is_candidate(state));
        let verdict = acting.map_or(Verdict::Pass, |(rule, number)| {
            let rule_id = RuleId(number);
            let condition = self.cause(rule, state);
            // A verb that IOS does not list is masked whatever the class says, unless it resets.
            let unlisted = self.unlisted_verbs.contains(condition) && rule.action != Some(Action::Reset);
            let action = if unlisted { Some(Action::Mask) } else { rule.action };
            hits(Hit { rule: rule_id, condition, kind: self.kind(condition), action, log: rule.log });
            match action {
                None | Some(Action::Allow) => Verdict::Pass,
                Some(Action::Mask) => Verdict::Mask(rule_id),
                Some(Action::Reset) => Verdict::Refuse(rule_id),
            }
        });
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
    pub fn held(&self) -> Held {
        Held(self.held.clone())
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

    fn learn_word(&mut self, words: &[(Box<[u8]>, ConditionId)], found: &[u8]) {
        let named = words.iter().filter(|(word, _)| word.eq_ignore_ascii_case(found));
        named.for_each(|&(_, condition)| self.set(condition));
    }

    fn learn_text(&mut self, field: Option<&Field>, text: &[u8]) {
        let Some(field) = field else { return };
        field.matcher.find_in(text, &mut |pattern| self.set_all(field.owners(pattern)));
    }
}

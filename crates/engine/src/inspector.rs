//! The rules of one session: what it learned, what they decide, and what is reported of it.
//!
//! Knows no protocol. What an event is, and when one is complete, is the business of its callers.

use std::borrow::Cow;

use policy::criterion::{Counter, CriterionKind};
use policy::fact::Fact;
use policy::scope::{Close, Scope};
use policy::{CompiledPolicy, Ending, Held, RuleId, RuleState, Verdict};
use proto::{Side, Time};
use smallvec::SmallVec;

use crate::conformance::{self, Reported};
use crate::context::Context;
use crate::event::{self, Anomaly, AnomalyKind, Event, Treatment};
use crate::pace::Pacer;

/// Evaluates the policy and the conformance table for one session, and reports what they find.
#[derive(Debug, Default)]
pub(crate) struct Inspector {
    rules: RuleState,
    reported: Reported,
    pacer: Pacer,
}

/// What is to be done about an event. Says `Pass` where decisions are not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Pass,
    Mask,
    /// Pass, but not before `Inspector::paced_until`.
    Pace,
    /// `kind` is what the condition asks that made the rule act.
    Refuse {
        rule: RuleId,
        kind: Option<CriterionKind>,
    },
}

/// The value that a condition of this kind was true of, to be reported.
pub(crate) type Value<'f, 'v> = &'f dyn Fn(CriterionKind) -> Cow<'v, [u8]>;

impl Inspector {
    /// Adds a fact to the event under way. Decides nothing.
    pub(crate) fn learn(&mut self, fact: Fact<'_>, cx: &Context<'_>) {
        if let Some(policy) = cx.policy() {
            policy.learn(&mut self.rules, fact);
        }
    }

    /// A new instance of `scope` begins; what was true in the one before is forgotten.
    pub(crate) fn begin(&mut self, scope: Scope, cx: &Context<'_>) {
        if let Some(policy) = cx.policy() {
            policy.begin(&mut self.rules, scope);
        }
    }

    /// Nothing more can make the criteria of `close` true: decides their `match not` conditions.
    pub(crate) fn close(&mut self, close: Close, cx: &Context<'_>) {
        if let Some(policy) = cx.policy() {
            policy.close(&mut self.rules, close);
        }
    }

    /// How far `counter` may grow from `value` before it can make another condition true.
    pub(crate) fn room(&self, counter: Counter, value: u64, cx: &Context<'_>) -> u64 {
        let room = cx.policy().and_then(|policy| policy.room(&self.rules, counter, value));
        room.unwrap_or(u64::MAX)
    }

    /// Evaluates the rules once, when all facts of an event are learned, and reports what matched.
    pub(crate) fn judge(
        &mut self,
        transaction: Option<u32>,
        value: Value<'_, '_>,
        cx: &mut Context<'_>,
    ) -> Decision {
        match cx.policy() {
            Some(policy) => evaluate(policy, &mut self.rules, &mut self.pacer, transaction, value, cx),
            None => Decision::Pass,
        }
    }

    /// Searches body text, in any cuts, and judges at the end of each line in which a condition became
    /// true; stops at a refusal. `line` is the text of the line that ends at an offset of `run`.
    pub(crate) fn judge_body(
        &mut self,
        run: &[u8],
        transaction: Option<u32>,
        line: &dyn Fn(usize) -> Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Decision {
        let mut decision = Decision::Pass;
        let Some(policy) = cx.policy() else { return decision };
        let pacer = &mut self.pacer;
        policy.learn_body(&mut self.rules, run, &mut |rules, offset| {
            let line = line(offset);
            decision = evaluate(policy, rules, pacer, transaction, &|_| Cow::Borrowed(&line), cx);
            !matches!(decision, Decision::Refuse { .. })
        });
        decision
    }

    /// The body text of a part has ended. Decides nothing.
    pub(crate) fn end_body(&mut self, cx: &Context<'_>) {
        if let Some(policy) = cx.policy() {
            policy.end_body(&mut self.rules);
        }
    }

    /// What is true now, in case that what begins next comes to nothing.
    pub(crate) fn held(&self) -> Held {
        self.rules.held()
    }

    /// What began came to nothing: what was true before it is true again.
    pub(crate) fn restore(&mut self, held: Held) {
        self.rules.restore(held);
    }

    /// Reports an anomaly, the first of its kind, and says what is to be done about it: `Silent` where
    /// decisions are not carried out.
    pub(crate) fn anomaly(
        &mut self,
        kind: AnomalyKind,
        from: Side,
        value: &[u8],
        cx: &mut Context<'_>,
    ) -> Treatment {
        let treatment = conformance::treatment(kind, cx.config.conformance);
        if self.reported.first(kind, cx.is_recorded()) {
            let value = reported_value(value);
            cx.out.report(Event::Anomaly(Anomaly { kind, from, value, treatment }));
        }
        if cx.carries_out() { treatment } else { Treatment::Silent }
    }

    /// The time before which nothing more of the client may go on, because of rules that pace; in the past
    /// where nothing waits.
    pub(crate) const fn paced_until(&self) -> Time {
        self.pacer.until()
    }

    /// Whether an anomaly of this kind was reported before.
    pub(crate) const fn has_reported(&self, kind: AnomalyKind) -> bool {
        self.reported.contains(kind)
    }
}

fn evaluate(
    policy: &CompiledPolicy,
    rules: &mut RuleState,
    pacer: &mut Pacer,
    transaction: Option<u32>,
    value: Value<'_, '_>,
    cx: &mut Context<'_>,
) -> Decision {
    let mut acted: SmallVec<[(RuleId, Option<CriterionKind>); 2]> = SmallVec::new();
    let verdict = policy.judge(rules, &mut |hit| {
        acted.push((hit.rule, hit.kind));
        let Some(kind) = hit.kind else { return };
        cx.out.report(Event::Match(event::Match {
            policy: policy.name(),
            class: policy.class(hit.rule),
            criterion: policy.criterion(hit.condition),
            kind,
            scope: kind.row().scope,
            value: reported_value(&value(kind)),
            action: hit.action,
            log: hit.log,
            transaction,
        }));
    });
    match verdict {
        _ if !cx.carries_out() => Decision::Pass,
        Verdict::Pass => Decision::Pass,
        Verdict::Pace(rule, rate) => {
            pacer.charge(rule, rate, cx.out.now);
            Decision::Pace
        }
        Verdict::Mask(_) => Decision::Mask,
        // A refusal in words ends the session in the same way for both.
        Verdict::Refuse(rule, Ending::Close | Ending::Reset) => {
            let kind = acted.iter().find(|(of, _)| *of == rule).and_then(|(_, kind)| *kind);
            Decision::Refuse { rule, kind }
        }
    }
}

/// Bytes of a value that are reported.
pub(crate) const VALUE_MAX: usize = 256;

/// A value as it is reported.
pub(crate) fn reported_value(value: &[u8]) -> &[u8] {
    value.get(..VALUE_MAX).unwrap_or(value)
}

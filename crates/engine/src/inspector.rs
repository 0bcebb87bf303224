//! The rules of one session: what it learned, what they decide, and what is reported of it.
//!
//! Knows no protocol. What an event is, and when one is complete, is the business of its callers.

use std::borrow::Cow;
use std::num::NonZeroU16;

use policy::criterion::{Counter, CriterionKind};
use policy::fact::Fact;
use policy::model::Action;
use policy::scope::{Close, Scope};
use policy::{CompiledPolicy, Ending, Held, Hit, RuleId, RuleState, Verdict};
use proto::{Side, Time};
use smallvec::SmallVec;

use crate::conformance;
use crate::context::Context;
use crate::event::{self, Anomaly, AnomalyKind, Event, Reference, Treatment};
use crate::pace::Pacer;
use crate::tally::{Counted, Tally};

/// Evaluates the policy and the conformance table for one session, and reports what they find.
#[derive(Debug, Default)]
pub(crate) struct Inspector {
    rules: RuleState,
    pacer: Pacer,
    reports: Reports,
}

/// What was reported of the session.
#[derive(Debug, Default)]
struct Reports {
    /// What the driver names the session by.
    session: u32,
    /// How many references were given away.
    references: u16,
    matches: Tally<Hit>,
    anomalies: Tally<(AnomalyKind, Side)>,
    /// The reference of the rule that paced last.
    paced: Option<NonZeroU16>,
    /// A rule ended the session by `reset`, and its dialect means RST.
    reset: bool,
}

/// What is to be done about an event. Says `Pass` where decisions are not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Pass,
    Mask,
    /// Pass, but not before `Inspector::paced_until`.
    Pace,
    Refuse(Acted),
}

/// A rule that acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acted {
    pub(crate) rule: RuleId,
    /// What the condition asks that made it act.
    pub(crate) kind: Option<CriterionKind>,
    /// The reference of its report.
    pub(crate) reference: Option<NonZeroU16>,
}

/// The transaction in which something happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Within<'t> {
    /// Which of the session, from 0.
    pub(crate) number: u32,
    /// Absent where no MAIL was seen.
    pub(crate) sender: Option<&'t [u8]>,
}

/// The value that a condition of this kind was true of, to be reported.
pub(crate) type Value<'f, 'v> = &'f dyn Fn(CriterionKind) -> Cow<'v, [u8]>;

impl Inspector {
    /// Of a session that the driver names so.
    pub(crate) fn new(session: u32) -> Self {
        Self { reports: Reports { session, ..Reports::default() }, ..Self::default() }
    }

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

    /// What was true in the last instance of `scope` is forgotten, but for the body that is being searched;
    /// returns what was true, for [`Self::add`].
    pub(crate) fn set_aside(&mut self, scope: Scope, cx: &Context<'_>) -> Held {
        let held = self.rules.held();
        if let Some(policy) = cx.policy() {
            policy.forget(&mut self.rules, scope);
        }
        held
    }

    /// What was set aside is true beside what was learned since.
    pub(crate) fn add(&mut self, held: &Held) {
        self.rules.add(held);
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
        within: Option<Within<'_>>,
        value: Value<'_, '_>,
        cx: &mut Context<'_>,
    ) -> Decision {
        match cx.policy() {
            Some(policy) => {
                let Self { rules, pacer, reports } = self;
                evaluate(policy, rules, (pacer, reports), within, value, cx)
            }
            None => Decision::Pass,
        }
    }

    /// Searches body text, in any cuts, and judges at the end of each line in which a condition became
    /// true; stops at a refusal. `line` is the text of the line that ends at an offset of `run`.
    pub(crate) fn judge_body(
        &mut self,
        run: &[u8],
        within: Option<Within<'_>>,
        line: &dyn Fn(usize) -> Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Decision {
        let mut decision = Decision::Pass;
        let Some(policy) = cx.policy() else { return decision };
        let Self { rules, pacer, reports } = self;
        policy.learn_body(rules, run, &mut |rules, offset| {
            let line = line(offset);
            let value = |_| Cow::Borrowed(&line[..]);
            decision = evaluate(policy, rules, (pacer, reports), within, &value, cx);
            !matches!(decision, Decision::Refuse(_))
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

    /// Counts so many more anomalies of a kind that was reported before, and is no reason to refuse anything.
    pub(crate) fn anomaly_again(&mut self, kind: AnomalyKind, from: Side, times: u32) {
        self.reports.anomalies.count_again((kind, from), times);
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
        let refuses = treatment >= Treatment::Refused && cx.carries_out();
        let Reports { session, references, anomalies, .. } = &mut self.reports;
        let counted = anomalies.count((kind, from), || next_reference(references, refuses));
        // Of a recording each is reported, except those that are found again in the same bytes.
        if matches!(counted, Counted::First(_)) || cx.is_recorded() && !conformance::lasts(kind) {
            let value = reported_value(value);
            let reference = counted.reference().map(|number| Reference { session: *session, number });
            cx.out.report(Event::Anomaly(Anomaly { kind, from, value, treatment, reference, count: 1 }));
        }
        if cx.carries_out() { treatment } else { Treatment::Silent }
    }

    /// The reference of the report of an anomaly.
    pub(crate) fn reference_of(&self, kind: AnomalyKind) -> Option<NonZeroU16> {
        self.reports.anomalies.find(|(of, _)| of == kind)?.reference
    }

    /// The reference of the report of the rule that paces.
    pub(crate) const fn reference_of_pace(&self) -> Option<NonZeroU16> {
        self.reports.paced
    }

    /// A reference as it is written.
    pub(crate) const fn reference(&self, number: NonZeroU16) -> Reference {
        Reference { session: self.reports.session, number }
    }

    /// Whether a rule asked for RST at the end of the session.
    pub(crate) const fn resets(&self) -> bool {
        self.reports.reset
    }

    /// Reports how often it happened what was reported once.
    pub(crate) fn sum_up(&mut self, cx: &mut Context<'_>) {
        if cx.is_recorded() {
            return;
        }
        let Reports { session, matches, anomalies, .. } = &mut self.reports;
        let session = *session;
        let refer = |number| Reference { session, number };
        if let Some(policy) = cx.policy() {
            for entry in matches.take_repeated() {
                let Some(kind) = entry.key.kind else { continue };
                let reference = entry.reference.map(refer);
                let found = found(policy, &entry.key, kind, b"", None);
                cx.out.report(Event::Match(event::Match { reference, count: entry.count, ..found }));
            }
        }
        for entry in anomalies.take_repeated() {
            let ((kind, from), count) = (entry.key, entry.count);
            let treatment = conformance::treatment(kind, cx.config.conformance);
            let reference = entry.reference.map(refer);
            cx.out.report(Event::Anomaly(Anomaly { kind, from, value: b"", treatment, reference, count }));
        }
    }

    /// The time before which nothing more of the client may go on, because of rules that pace; in the past
    /// where nothing waits.
    pub(crate) const fn paced_until(&self) -> Time {
        self.pacer.until()
    }

    /// Whether an anomaly of this kind was reported before.
    pub(crate) fn has_reported(&self, kind: AnomalyKind) -> bool {
        self.reports.anomalies.find(|(of, _)| of == kind).is_some()
    }
}

fn evaluate(
    policy: &CompiledPolicy,
    rules: &mut RuleState,
    (pacer, reports): (&mut Pacer, &mut Reports),
    within: Option<Within<'_>>,
    value: Value<'_, '_>,
    cx: &mut Context<'_>,
) -> Decision {
    let mut acted: SmallVec<[Acted; 2]> = SmallVec::new();
    let verdict = policy.judge(rules, &mut |hit| {
        let reference = hit.kind.and_then(|kind| {
            let counted = reports.count(hit, cx);
            if matches!(counted, Counted::First(_)) || cx.is_recorded() {
                let value = value(kind);
                let found = found(policy, &hit, kind, &value, within);
                let reference =
                    counted.reference().map(|number| Reference { session: reports.session, number });
                cx.out.report(Event::Match(event::Match { reference, ..found }));
            }
            counted.reference()
        });
        acted.push(Acted { rule: hit.rule, kind: hit.kind, reference });
    });
    let of_rule = |rule| acted.iter().find(|acted| acted.rule == rule).copied();
    match verdict {
        _ if !cx.carries_out() => Decision::Pass,
        Verdict::Pass => Decision::Pass,
        Verdict::Pace(rule, rate) => {
            pacer.charge(rule, rate, cx.out.now);
            reports.paced = of_rule(rule).and_then(|acted| acted.reference);
            Decision::Pace
        }
        Verdict::Mask(_) => Decision::Mask,
        Verdict::Refuse(rule, ending) => {
            reports.reset = ending == Ending::Reset && cx.config.profile.resets;
            Decision::Refuse(of_rule(rule).unwrap_or(Acted { rule, kind: None, reference: None }))
        }
    }
}

impl Reports {
    /// Counts a hit. Its report has a reference if a refusal may come of it.
    fn count(&mut self, hit: Hit, cx: &Context<'_>) -> Counted {
        let refuses = match hit.action {
            // What would have to wait too long is refused.
            Some(Action::Close | Action::Reset | Action::Pace(_)) => cx.carries_out(),
            None | Some(Action::Allow | Action::Mask) => false,
        };
        let Self { references, matches, .. } = self;
        matches.count(hit, || next_reference(references, refuses))
    }
}

/// The next reference of the session, for a report of which a refusal may come. Where there are no more, the
/// last is given again.
fn next_reference(given: &mut u16, refuses: bool) -> Option<NonZeroU16> {
    if !refuses {
        return None;
    }
    *given = given.saturating_add(1);
    NonZeroU16::new(*given)
}

/// The first report of a hit.
fn found<'b>(
    policy: &'b CompiledPolicy,
    hit: &Hit,
    kind: CriterionKind,
    value: &'b [u8],
    within: Option<Within<'b>>,
) -> event::Match<'b> {
    event::Match {
        policy: policy.name(),
        class: policy.class(hit.rule),
        criterion: policy.criterion(hit.condition),
        kind,
        scope: kind.row().scope,
        value: reported_value(value),
        action: hit.action,
        log: hit.log,
        transaction: within.map(|within| within.number),
        sender: within.and_then(|within| within.sender).map(reported_value),
        reference: None,
        count: 1,
    }
}

/// Bytes of a value that are reported.
pub(crate) const VALUE_MAX: usize = 256;

/// A value as it is reported.
pub(crate) fn reported_value(value: &[u8]) -> &[u8] {
    value.get(..VALUE_MAX).unwrap_or(value)
}

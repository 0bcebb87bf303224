//! A linked policy → numbered conditions, class masks, and one matcher per field.
//!
//! The differences between dialects are spent here: what comes out is one list of classes in the
//! order in which they are tried. Names are gone; a report asks for them by number.
//!
//! A match-any class that names verbs which its dialect does not have becomes two rules: those verbs are
//! masked, and whatever else the class asks for has the action of the class.

mod esmtp;
pub mod masks;
pub mod matcher;
mod recipients;
pub(crate) mod rules;
mod source;

use std::collections::HashMap;

use masks::Masks;
use matcher::{Matcher, TextMatcher, TooLarge};
use proto::smtp::verb::Verb;
use rules::{Bits, ConditionInfo, Field, Group, Negation, Rule, Then, Words};
pub use rules::{CompiledPolicy, ConditionId, Needs, RuleId};

use source::{Asks, SourceCondition, SourceRule};

use crate::criterion::{Counter, CriterionKind, Sign, Text, Word};
use crate::model::{Action, Configuration, EsmtpMap, L7Class, MatchMode, PatternText};
use crate::pattern::{self, Pattern};
use crate::profile::{Order, Profile};
use crate::scope::{Close, Scope};
use crate::source::Span;

/// Limit: rules and conditions of one policy, which are numbered in 16 bits.
pub(crate) const NUMBERS_MAX: usize = u16::MAX as usize;

/// At most as many numbers as a class takes: one for each condition, a second for its negation, one for each
/// scope that meets others in match-all; and one as a rule, in case it has no condition.
pub(crate) fn numbers(class: &L7Class) -> usize {
    let conditions = class.conditions.len();
    let negations = class.conditions.iter().filter(|condition| condition.negated).count();
    let groups = if class.mode == MatchMode::All && conditions > 1 { Scope::ALL.len() } else { 0 };
    (conditions + negations + groups).max(1)
}

/// Why a policy that validates cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternTooLarge {
    pub pattern: String,
    pub at: Span,
    /// How to rewrite it.
    pub help: &'static str,
}

impl CompiledPolicy {
    /// Compiles the layer 7 policy-map called `name` by the rules of its dialect. The configuration must have
    /// passed validation: a name that leads nowhere or a pattern that does not parse makes a condition that
    /// never holds.
    ///
    /// # Errors
    ///
    /// The patterns for which no matcher of bounded size can be built.
    pub fn compile(
        configuration: &Configuration,
        name: &str,
        profile: &Profile,
    ) -> Result<Self, Vec<PatternTooLarge>> {
        let map = configuration.l7_policies.get(name);
        let rules = map.map_or_else(Vec::new, |map| source::of_classes(configuration, map));
        Compiler::new(profile).compile(name, rules)
    }
}

impl CompiledPolicy {
    /// Compiles a map of type inspect esmtp, under the same conditions.
    ///
    /// # Errors
    ///
    /// As [`CompiledPolicy::compile`].
    pub fn compile_esmtp(
        configuration: &Configuration,
        map: &EsmtpMap,
    ) -> Result<Self, Vec<PatternTooLarge>> {
        let profile = esmtp::profile(map);
        Compiler::new(&profile).compile(&map.name.text, esmtp::rules(configuration, map))
    }
}

/// Patterns of one field as they are collected, each with the condition that owns it.
#[derive(Default)]
struct FieldBuilder {
    patterns: Vec<(Pattern, Span)>,
    owners: Vec<Vec<ConditionId>>,
    /// Where each pattern stands.
    known: HashMap<String, usize>,
}

struct Compiler<'p> {
    profile: &'p Profile,
    conditions: Vec<ConditionInfo>,
    rules: Vec<Rule>,
    groups: Vec<Group>,
    negations: Vec<Negation>,
    words: [Vec<(Words, ConditionId)>; Word::COUNT],
    fields: [FieldBuilder; Text::COUNT],
    thresholds: [Vec<(u64, ConditionId)>; Counter::COUNT],
    signs: [Vec<ConditionId>; Sign::COUNT],
    needs: Needs,
    masks: Masks,
    most_recipients: Option<u64>,
}

impl<'p> Compiler<'p> {
    fn new(profile: &'p Profile) -> Self {
        Self {
            profile,
            conditions: Vec::new(),
            rules: Vec::new(),
            groups: Vec::new(),
            negations: Vec::new(),
            words: Default::default(),
            fields: Default::default(),
            thresholds: Default::default(),
            signs: Default::default(),
            needs: Needs::default(),
            masks: Masks::default(),
            most_recipients: None,
        }
    }

    fn compile(
        mut self,
        name: &str,
        mut rules: Vec<SourceRule<'_>>,
    ) -> Result<CompiledPolicy, Vec<PatternTooLarge>> {
        if self.profile.order == Order::ByCriterion {
            rules.sort_by_key(order);
        }
        self.masks = Masks::of(&rules, self.profile);
        self.most_recipients = recipients::most(&rules, self.profile);
        rules.iter().for_each(|rule| self.rule(rule));
        self.finish(name)
    }

    fn rule(&mut self, rule: &SourceRule<'_>) {
        let mut members = Vec::new();
        let mut outside = Vec::new();
        for condition in &rule.conditions {
            let of = self.condition(condition);
            let member = if condition.negated { self.negation(of, condition) } else { of };
            members.push(member);
            if !condition.negated && self.is_outside_profile(condition) {
                outside.push(member);
            }
        }
        // A verb that the dialect does not have is masked whatever the class says, unless it is refused.
        let masks = !outside.is_empty() && !matches!(rule.action, Some(Action::Close | Action::Reset));
        let mask = Some(Action::Mask);
        match rule.mode {
            MatchMode::Any if masks && outside.len() < members.len() => {
                self.add_rule(rule, outside.into_iter().collect(), mask);
                self.add_rule(rule, members.into_iter().collect(), rule.action);
            }
            MatchMode::Any => {
                self.add_rule(rule, members.into_iter().collect(), if masks { mask } else { rule.action });
            }
            MatchMode::All => {
                let conditions = self.group_by_instance(&members);
                self.add_rule(rule, conditions, if masks { mask } else { rule.action });
            }
        }
    }

    fn add_rule(&mut self, rule: &SourceRule<'_>, conditions: Bits, action: Option<Action>) {
        let then = if self.profile.order.continues_after(action) { Then::Continue } else { Then::Stop };
        let (class, mode, log) = (rule.class.clone(), rule.mode, rule.log);
        self.rules.push(Rule { class, mode, conditions, action, log, then });
    }

    /// Whether it names a verb that the dialect does not have.
    fn is_outside_profile(&self, condition: &SourceCondition<'_>) -> bool {
        condition.word(Word::Verb).is_some_and(|verb| !self.profile.allows(Verb::of(verb.as_bytes())))
    }

    /// Numbers a condition, without its `not`, and puts it where its facts will find it.
    fn condition(&mut self, condition: &SourceCondition<'_>) -> ConditionId {
        let kind = condition.asks.kind();
        let row = kind.row();
        // The negation of a body pattern is decided at the end of data, when its parts are over.
        let scope = if condition.negated && row.close == Close::Data {
            row.scope.min(Scope::Message)
        } else {
            row.scope
        };
        let id = self.number(condition.text.clone(), Some(kind), scope);
        self.needs.add(row.learned);
        match &condition.asks {
            Asks::Patterns(text, patterns) => self.patterns(*text, patterns, id),
            Asks::Over(counter, over) => self.threshold(*counter, *over, id),
            Asks::Word(word, words) => self.words(*word, words.clone(), id),
            Asks::Sign(sign) => self.sign(*sign, id),
        }
        id
    }

    fn number(&mut self, text: String, kind: Option<CriterionKind>, scope: Scope) -> ConditionId {
        let id = ConditionId(u16::try_from(self.conditions.len()).unwrap_or(u16::MAX));
        self.conditions.push(ConditionInfo { text, kind, scope });
        id
    }

    fn negation(&mut self, of: ConditionId, condition: &SourceCondition<'_>) -> ConditionId {
        let kind = condition.asks.kind();
        let negation = self.number(format!("not {}", condition.text), Some(kind), self.scope(of));
        self.negations.push(Negation { of, condition: negation, close: kind.row().close });
        negation
    }

    fn scope(&self, id: ConditionId) -> Scope {
        self.conditions.get(usize::from(id.0)).map_or(Scope::Session, |condition| condition.scope)
    }

    /// A match-all class within one scope needs nothing special. One that mixes needs a memory that
    /// its conditions of one instance have met, because the instance is over before the rest is known.
    fn group_by_instance(&mut self, members: &[ConditionId]) -> Bits {
        let mut scopes: Vec<Scope> = members.iter().map(|&id| self.scope(id)).collect();
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.len() < 2 {
            return members.iter().copied().collect();
        }
        let mut conditions = Bits::default();
        for scope in scopes {
            let of_scope = members.iter().copied().filter(|&id| self.scope(id) == scope);
            if scope.is_instance() {
                let members = of_scope.collect();
                let condition = self.number(String::new(), None, Scope::Transaction);
                self.groups.push(Group { condition, members });
                conditions.insert(condition);
            } else {
                of_scope.for_each(|id| conditions.insert(id));
            }
        }
        conditions
    }

    fn patterns(&mut self, text: Text, patterns: &[&PatternText], owner: ConditionId) {
        let Some(collected) = self.fields.get_mut(text as usize) else { return };
        for pattern in patterns {
            let known = collected.known.get(&pattern.text).copied();
            if let Some(owners) = known.and_then(|at| collected.owners.get_mut(at)) {
                owners.push(owner);
            } else if let Ok(parsed) = pattern::parse(&pattern.text) {
                collected.known.insert(pattern.text.clone(), collected.patterns.len());
                collected.patterns.push((parsed, pattern.at));
                collected.owners.push(vec![owner]);
            }
        }
    }

    fn words(&mut self, word: Word, accepted: Words, id: ConditionId) {
        if let Some(words) = self.words.get_mut(word as usize) {
            words.push((accepted, id));
        }
    }

    fn threshold(&mut self, counter: Counter, over: u64, id: ConditionId) {
        if let Some(thresholds) = self.thresholds.get_mut(counter as usize) {
            thresholds.push((over, id));
        }
    }

    fn sign(&mut self, sign: Sign, id: ConditionId) {
        if let Some(conditions) = self.signs.get_mut(sign as usize) {
            conditions.push(id);
        }
    }

    fn finish(mut self, name: &str) -> Result<CompiledPolicy, Vec<PatternTooLarge>> {
        self.thresholds.iter_mut().for_each(|thresholds| thresholds.sort_unstable());
        self.needs.header_lines_over = self.lowest(Counter::HeaderLineLength);
        self.needs.body_lines_over = self.lowest(Counter::BodyLineLength);
        let mut too_large = Vec::new();
        let mut fields = std::mem::take(&mut self.fields);
        let body = fields.get_mut(Text::Body as usize).map(std::mem::take).unwrap_or_default();
        let body = body.build(Matcher::new, &mut too_large);
        let fields = fields.map(|collected| collected.build(TextMatcher::new, &mut too_large));
        if !too_large.is_empty() {
            // A map may be searched in several texts; its pattern is reported once.
            too_large.sort_by_key(|pattern: &PatternTooLarge| pattern.at);
            too_large.dedup();
            return Err(too_large);
        }
        Ok(CompiledPolicy {
            name: name.to_owned(),
            profile: *self.profile,
            needs: self.needs,
            endings: Scope::ALL.iter().map(|&scope| (scope, self.ending_with(scope))).collect(),
            masks: self.masks,
            most_recipients: self.most_recipients,
            conditions: self.conditions,
            rules: self.rules,
            groups: self.groups,
            negations: self.negations,
            words: self.words,
            fields,
            body,
            thresholds: self.thresholds,
            signs: self.signs,
        })
    }

    fn lowest(&self, counter: Counter) -> Option<u64> {
        self.thresholds.get(counter as usize)?.first().map(|(over, _)| *over)
    }

    fn ending_with(&self, scope: Scope) -> Bits {
        let ending =
            self.conditions.iter().zip(0..).filter(|(condition, _)| condition.scope.ends_with(scope));
        ending.map(|(_, id)| ConditionId(id)).collect()
    }
}

impl FieldBuilder {
    fn build<M>(
        self,
        make: impl FnOnce(&[&Pattern]) -> Result<M, TooLarge>,
        too_large: &mut Vec<PatternTooLarge>,
    ) -> Option<Field<M>> {
        if self.patterns.is_empty() {
            return None;
        }
        let patterns: Vec<&Pattern> = self.patterns.iter().map(|(pattern, _)| pattern).collect();
        match make(&patterns) {
            Ok(matcher) => Some(Field { matcher, owners: self.owners }),
            Err(error) => {
                let named = self.patterns.get(error.pattern);
                too_large.extend(named.map(|(pattern, at)| PatternTooLarge {
                    pattern: pattern.source().to_owned(),
                    at: *at,
                    help: error.help(),
                }));
                None
            }
        }
    }
}

/// Where a rule is tried by criterion: at the condition that is decided last.
fn order(rule: &SourceRule<'_>) -> u8 {
    rule.conditions.iter().map(|condition| condition.asks.kind().row().order).max().unwrap_or(0)
}

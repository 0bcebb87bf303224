//! A linked policy → numbered conditions, class masks, and one matcher per field.
//!
//! The differences between dialects are spent here: what comes out is one list of classes in the
//! order in which they are tried. Names are gone; a report asks for them by number.

pub mod matcher;
pub(crate) mod rules;

use std::collections::HashMap;

use matcher::Matcher;
use rules::{Bits, Described, Encodings, Field, Group, Negation, Rule};
pub use rules::{CompiledPolicy, ConditionId, Needs, RuleId};

use crate::fact::{Close, Counter, Kind, Scope, Text};
use crate::model::{Action, Configuration, Criterion, Encoding, L7Class, L7Policy, MatchMode, Name};
use crate::pattern::{self, Pattern};
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
    /// Compiles the SMTP policy-map called `name`. The policy must have passed validation: a name
    /// that leads nowhere or a pattern that does not parse makes a condition that never holds.
    pub fn compile(policy: &Configuration, name: &str) -> Result<Self, Vec<PatternTooLarge>> {
        let rules = policy.l7_policies.iter().find(|map| map.name.text == name);
        Compiler::new(policy).compile(name, rules)
    }
}

/// Patterns of one field as they are collected, each with the condition that owns it.
#[derive(Default)]
struct Collected {
    patterns: Vec<(Pattern, Span)>,
    owners: Vec<Vec<ConditionId>>,
}

struct Compiler<'p> {
    policy: &'p Configuration,
    conditions: Vec<Described>,
    rules: Vec<Rule>,
    groups: Vec<Group>,
    negations: Vec<Negation>,
    verbs: Vec<(Box<[u8]>, ConditionId)>,
    unlisted_verbs: Bits,
    keywords: Vec<(Box<[u8]>, ConditionId)>,
    encodings: Vec<(Encodings, ConditionId)>,
    fields: [Collected; Text::COUNT],
    thresholds: [Vec<(u64, ConditionId)>; Counter::COUNT],
    needs: Needs,
}

impl<'p> Compiler<'p> {
    fn new(policy: &'p Configuration) -> Self {
        Self {
            policy,
            conditions: Vec::new(),
            rules: Vec::new(),
            groups: Vec::new(),
            negations: Vec::new(),
            verbs: Vec::new(),
            unlisted_verbs: Bits::default(),
            keywords: Vec::new(),
            encodings: Vec::new(),
            fields: Default::default(),
            thresholds: Default::default(),
            needs: Needs::default(),
        }
    }

    fn compile(mut self, name: &str, map: Option<&L7Policy>) -> Result<CompiledPolicy, Vec<PatternTooLarge>> {
        let classes = self.policy.l7_classes.iter();
        let classes: HashMap<&'p str, &'p L7Class> =
            classes.map(|class| (class.name.text.as_str(), class)).collect();
        for rule in map.map_or(&[][..], |map| &map.rules) {
            if let Some(class) = classes.get(rule.class.text.as_str()) {
                let action = rule.action.map(|(action, _)| action);
                self.rule(class, action, rule.log);
            }
        }
        self.finish(name)
    }

    fn rule(&mut self, class: &L7Class, action: Option<Action>, log: bool) {
        let named = class.conditions.iter().filter_map(|condition| match &condition.criterion {
            Criterion::MimeEncoding { encoding: Encoding::Private(name) } => Some(name.clone()),
            _ => None,
        });
        let named: Vec<String> = named.collect();
        let mut members = Vec::new();
        for condition in &class.conditions {
            let Some(kind) = kind_of(&condition.criterion) else { continue };
            let of = self.condition(kind, &condition.criterion, condition.negated, &named);
            members.push(if condition.negated { self.negation(of, kind, &condition.criterion) } else { of });
        }
        let conditions = match class.mode {
            MatchMode::Any => members.into_iter().collect(),
            MatchMode::All => self.group_by_instance(&members),
        };
        self.rules.push(Rule { class: class.name.text.clone(), mode: class.mode, conditions, action, log });
    }

    /// Numbers a criterion and puts it where its facts will find it. `match protocol smtp` is true
    /// of every session we see, so it is no condition.
    fn condition(
        &mut self,
        kind: Kind,
        criterion: &Criterion,
        negated: bool,
        named: &[String],
    ) -> ConditionId {
        // The negation of a body pattern is decided at the end of data, when its parts are over.
        let scope = if negated && kind.close() == Close::Data {
            kind.scope().min(Scope::Message)
        } else {
            kind.scope()
        };
        let id = self.number(criterion.to_string(), Some(kind), scope);
        match criterion {
            Criterion::Protocol => {}
            Criterion::Regex { text, map } => self.patterns(*text, map, id),
            Criterion::Count { counter, over } => self.threshold(*counter, *over, id),
            Criterion::CommandVerb { verb, known } => {
                self.verbs.push((verb.as_bytes().into(), id));
                if !known {
                    self.unlisted_verbs.insert(id);
                }
            }
            Criterion::EhloReply { keyword } => self.keywords.push((keyword.as_bytes().into(), id)),
            Criterion::MimeEncoding { encoding } => {
                self.needs.parts = true;
                self.encodings.push((Encodings { encoding: encoding.clone(), named: named.to_vec() }, id));
            }
        }
        id
    }

    fn number(&mut self, text: String, kind: Option<Kind>, scope: Scope) -> ConditionId {
        let id = ConditionId(u16::try_from(self.conditions.len()).unwrap_or(u16::MAX));
        self.conditions.push(Described { text, kind, scope });
        id
    }

    fn negation(&mut self, of: ConditionId, kind: Kind, criterion: &Criterion) -> ConditionId {
        let condition = self.number(format!("not {criterion}"), Some(kind), self.scope(of));
        self.negations.push(Negation { of, condition, close: kind.close() });
        condition
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

    fn patterns(&mut self, text: Text, map: &Name, owner: ConditionId) {
        match text {
            Text::Header => self.needs.header_fields = true,
            Text::ContentType => self.needs.parts = true,
            Text::Body => self.needs.text = true,
            Text::Sender | Text::Recipient => {}
        }
        let Some(map) = self.policy.regex_maps.iter().find(|candidate| candidate.name.text == map.text)
        else {
            return;
        };
        let Some(collected) = self.fields.get_mut(text as usize) else { return };
        for pattern in &map.patterns {
            let known = collected.patterns.iter().position(|(known, _)| known.source() == pattern.text);
            if let Some(owners) = known.and_then(|at| collected.owners.get_mut(at)) {
                owners.push(owner);
            } else if let Ok(parsed) = pattern::parse(&pattern.text) {
                collected.patterns.push((parsed, pattern.at));
                collected.owners.push(vec![owner]);
            }
        }
    }

    fn threshold(&mut self, counter: Counter, over: u64, id: ConditionId) {
        if let Some(thresholds) = self.thresholds.get_mut(counter as usize) {
            thresholds.push((over, id));
        }
    }

    fn finish(mut self, name: &str) -> Result<CompiledPolicy, Vec<PatternTooLarge>> {
        self.thresholds.iter_mut().for_each(|thresholds| thresholds.sort_unstable());
        let mut too_large = Vec::new();
        let fields = std::mem::take(&mut self.fields).map(|collected| collected.build(&mut too_large));
        if !too_large.is_empty() {
            // A map may be searched in several texts; its pattern is told once.
            too_large.sort_by_key(|pattern: &PatternTooLarge| pattern.at);
            too_large.dedup();
            return Err(too_large);
        }
        Ok(CompiledPolicy {
            name: name.to_owned(),
            needs: self.needs,
            endings: Scope::ALL.iter().map(|&scope| (scope, self.ending_with(scope))).collect(),
            conditions: self.conditions,
            rules: self.rules,
            groups: self.groups,
            negations: self.negations,
            verbs: self.verbs,
            unlisted_verbs: self.unlisted_verbs,
            keywords: self.keywords,
            encodings: self.encodings,
            fields,
            thresholds: self.thresholds,
        })
    }

    fn ending_with(&self, scope: Scope) -> Bits {
        let ending =
            self.conditions.iter().zip(0..).filter(|(condition, _)| condition.scope.ends_with(scope));
        ending.map(|(_, id)| ConditionId(id)).collect()
    }
}

impl Collected {
    fn build(self, too_large: &mut Vec<PatternTooLarge>) -> Option<Field> {
        if self.patterns.is_empty() {
            return None;
        }
        let patterns: Vec<&Pattern> = self.patterns.iter().map(|(pattern, _)| pattern).collect();
        match Matcher::new(&patterns) {
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

/// The kind of a criterion; nothing for one that is no condition.
const fn kind_of(criterion: &Criterion) -> Option<Kind> {
    Some(match criterion {
        Criterion::Protocol => return None,
        Criterion::Regex { text, .. } => match text {
            Text::Sender => Kind::SenderAddress,
            Text::Recipient => Kind::RecipientAddress,
            Text::Header => Kind::HeaderRegex,
            Text::ContentType => Kind::MimeContentType,
            Text::Body => Kind::BodyRegex,
        },
        Criterion::Count { counter, .. } => match counter {
            Counter::CommandLength => Kind::CommandLength,
            Counter::Recipients => Kind::RecipientCount,
            Counter::InvalidRecipients => Kind::InvalidRecipientCount,
            Counter::HeaderLength => Kind::HeaderLength,
            Counter::DataLength => Kind::DataLength,
        },
        Criterion::CommandVerb { .. } => Kind::CommandVerb,
        Criterion::MimeEncoding { .. } => Kind::MimeEncoding,
        Criterion::EhloReply { .. } => Kind::EhloReply,
    })
}

//! The rules of a policy as its dialect lowered them, in terms that all dialects share.

use super::rules::Words;
use crate::criterion::{Counter, CriterionKind, Sign, Text, Word};
use crate::model::{Action, Configuration, Criterion, Encoding, L7Class, L7Policy, MatchMode, PatternText};

/// A rule before it is numbered.
pub(super) struct SourceRule<'p> {
    /// What reports call it.
    pub(super) class: String,
    pub(super) mode: MatchMode,
    pub(super) conditions: Vec<SourceCondition<'p>>,
    pub(super) action: Option<Action>,
    pub(super) log: bool,
}

/// A condition of a rule.
pub(super) struct SourceCondition<'p> {
    /// As the configuration writes it, without `match` and `not`.
    pub(super) text: String,
    pub(super) asks: Asks<'p>,
    pub(super) negated: bool,
}

/// What a condition asks.
pub(super) enum Asks<'p> {
    /// Whether one of the patterns is found.
    Patterns(Text, Vec<&'p PatternText>),
    /// Whether a number is greater.
    Over(Counter, u64),
    /// Whether a word is one of these.
    Word(Word, Words),
    /// Whether it was shown at all.
    Sign(Sign),
}

impl Asks<'_> {
    pub(super) const fn kind(&self) -> CriterionKind {
        match self {
            Self::Patterns(text, _) => text.kind(),
            Self::Over(counter, _) => counter.kind(),
            Self::Word(word, _) => word.kind(),
            Self::Sign(sign) => sign.kind(),
        }
    }
}

impl SourceCondition<'_> {
    /// Whether it holds for a word; nothing for a condition on something else.
    pub(super) fn holds_for(&self, word: Word, text: &str) -> Option<bool> {
        match &self.asks {
            Asks::Word(of, words) if *of == word => Some(words.contain(text.as_bytes()) != self.negated),
            Asks::Word(..) | Asks::Patterns(..) | Asks::Over(..) | Asks::Sign(_) => None,
        }
    }

    /// The one word that it asks for.
    pub(super) fn word(&self, of: Word) -> Option<&str> {
        match &self.asks {
            Asks::Word(word, Words::Exactly(text)) if *word == of => std::str::from_utf8(text).ok(),
            Asks::Word(..) | Asks::Patterns(..) | Asks::Over(..) | Asks::Sign(_) => None,
        }
    }
}

/// The rules of a policy-map of C3PL, in its order.
pub(super) fn of_classes<'p>(configuration: &'p Configuration, map: &L7Policy) -> Vec<SourceRule<'p>> {
    let classes = map.rules.iter().filter_map(|rule| {
        let class = configuration.l7_classes.get(&rule.class.text)?;
        Some(SourceRule {
            class: class.name.text.clone(),
            mode: class.mode,
            conditions: conditions(configuration, class),
            action: rule.action.map(|(action, _)| action),
            log: rule.log,
        })
    });
    classes.collect()
}

fn conditions<'p>(configuration: &'p Configuration, class: &'p L7Class) -> Vec<SourceCondition<'p>> {
    let named = class.conditions.iter().filter_map(|condition| match &condition.criterion {
        Criterion::MimeEncoding { encoding: Encoding::Private(name) } => Some(name.clone()),
        _ => None,
    });
    let named: Vec<String> = named.collect();
    let conditions = class.conditions.iter().filter_map(|condition| {
        let asks = match &condition.criterion {
            // True of every session we see, so it is no condition.
            Criterion::Protocol => return None,
            Criterion::Regex { text, map } => {
                let map = configuration.regex_maps.get(&map.text);
                Asks::Patterns(*text, map.map_or_else(Vec::new, |map| map.patterns.iter().collect()))
            }
            Criterion::Count { counter, over } => Asks::Over(*counter, *over),
            Criterion::Sign(sign) => Asks::Sign(*sign),
            Criterion::CommandVerb { verb } => Asks::Word(Word::Verb, exactly(verb)),
            Criterion::EhloReply { keyword } => Asks::Word(Word::EhloKeyword, exactly(keyword)),
            Criterion::MimeEncoding { encoding } => Asks::Word(
                Word::Encoding,
                match encoding {
                    Encoding::Standard(encoding) => Words::Encoding(*encoding),
                    Encoding::Unknown => Words::OtherEncoding { named: named.clone() },
                    Encoding::Private(name) => exactly(name),
                },
            ),
        };
        let text = condition.criterion.to_string();
        Some(SourceCondition { text, asks, negated: condition.negated })
    });
    conditions.collect()
}

pub(super) fn exactly(word: &str) -> Words {
    Words::Exactly(word.as_bytes().into())
}

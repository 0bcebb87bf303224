//! Maps of type inspect esmtp → rules, and what their parameters fix for a session.

use super::rules::Words;
use super::source::{Asks, SourceCondition, SourceRule, exactly};
use crate::criterion::Word;
use crate::model::{
    AllowTls, Configuration, EhloParameter, EncodingName, EsmtpCriterion, EsmtpMap, EsmtpMatch,
    EsmtpParameters, MatchMode, ParameterAction, SpecialCharacter, VerbName,
};
use crate::profile::{Pipes, Profile};

/// What the parameters of a map fix beside its dialect.
pub(super) fn profile(map: &EsmtpMap) -> Profile {
    let EsmtpParameters { banner, special_character, allow_tls, .. } = &map.parameters;
    Profile {
        banner: *banner,
        pipes: match special_character {
            // Of the built-in map this is one of the defaults that are written out.
            Some(SpecialCharacter::Allowed) if !map.is_built_in() => Pipes::Conformance,
            Some(SpecialCharacter::Acts(_)) => Pipes::Rules,
            Some(SpecialCharacter::Allowed) | None => Pipes::End,
        },
        logs_tls: *allow_tls == Some(AllowTls::Yes { logs: true }),
        ..Profile::ASA
    }
}

/// The rules of a map: its parameters that act, and its matches.
pub(super) fn rules<'p>(configuration: &'p Configuration, map: &'p EsmtpMap) -> Vec<SourceRule<'p>> {
    let EsmtpParameters { mail_relay, special_character, .. } = &map.parameters;
    let relay = mail_relay.as_ref().map(|(domain, action)| {
        let words = Words::OtherThan(domain.text.to_ascii_lowercase().into_bytes().into());
        parameter("mail-relay", Word::RelayDomain, words, *action)
    });
    let special = match special_character {
        Some(SpecialCharacter::Acts(action)) => {
            Some(parameter("special-character", Word::AddressCharacter, Words::Any, *action))
        }
        Some(SpecialCharacter::Allowed) | None => None,
    };
    let matches = map.matches.iter().zip(1..).filter(|(one, _)| one.acts());
    let matches = matches.map(|(one, number)| rule(configuration, one, number));
    relay.into_iter().chain(special).chain(matches).collect()
}

/// A parameter that acts, under its own name.
fn parameter(
    name: &'static str,
    word: Word,
    words: Words,
    ParameterAction { drops, logs }: ParameterAction,
) -> SourceRule<'static> {
    let condition = SourceCondition { text: name.to_owned(), asks: Asks::Word(word, words), negated: false };
    SourceRule {
        class: name.to_owned(),
        mode: MatchMode::Any,
        conditions: vec![condition],
        action: ParameterAction { drops, logs }.action(),
        log: logs,
    }
}

/// A match under its number. Of several words one is enough; without any of them, `not` holds.
fn rule<'p>(configuration: &'p Configuration, of: &'p EsmtpMatch, number: usize) -> SourceRule<'p> {
    let (text, negated) = (of.criterion.to_string(), of.negated);
    let conditions = asks(configuration, &of.criterion).into_iter();
    SourceRule {
        class: format!("Class {number}"),
        mode: if negated { MatchMode::All } else { MatchMode::Any },
        conditions: conditions.map(|asks| SourceCondition { text: text.clone(), asks, negated }).collect(),
        action: of.action.map(|(action, _)| action),
        log: of.log,
    }
}

fn asks<'p>(configuration: &'p Configuration, criterion: &'p EsmtpCriterion) -> Vec<Asks<'p>> {
    match criterion {
        EsmtpCriterion::Count { counter, over } => vec![Asks::Over(*counter, *over)],
        EsmtpCriterion::Regex { text, regex } => {
            vec![Asks::Patterns(*text, configuration.patterns_of(regex))]
        }
        EsmtpCriterion::Verbs(verbs) => {
            let words = verbs.iter().map(|verb| match verb {
                VerbName::One(verb) => exactly(verb),
                VerbName::Others => Words::OtherVerb,
            });
            words.map(|words| Asks::Word(Word::Verb, words)).collect()
        }
        EsmtpCriterion::Encodings(encodings) => {
            let words = encodings.iter().map(|encoding| match encoding {
                EncodingName::One(encoding) => Words::Encoding(*encoding),
                EncodingName::Others => Words::OtherEncoding { named: Vec::new() },
            });
            words.map(|words| Asks::Word(Word::Encoding, words)).collect()
        }
        EsmtpCriterion::EhloParameters(parameters) => {
            let words = parameters.iter().map(|parameter| match parameter {
                EhloParameter::One(keyword) => exactly(keyword.keyword),
                EhloParameter::Others => Words::OtherKeyword,
            });
            words.map(|words| Asks::Word(Word::EhloKeyword, words)).collect()
        }
    }
}

//! What a policy masks, as far as it is known before a session begins: verbs, and keywords of an EHLO reply.
//!
//! A session must not wait for a reply to EHLO to know it: a client need not send one, and a server may know a verb
//! that it does not name.

use proto::smtp::extension::{EXTENSIONS, Extensions, find};
use proto::smtp::verb::Verb;

use super::source::{SourceCondition, SourceRule};
use crate::criterion::{CriterionKind, Word};
use crate::model::{Action, MatchMode};
use crate::profile::Profile;

/// What a policy masks whatever else is said in a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Masks {
    /// Keywords that are masked in every reply: the dialect hides them, or their verb is always masked.
    pub hidden: Extensions,
    /// Keywords that a class masks where it acts. They are shut as long as no reply has shown one.
    pub named: Extensions,
    /// The same, of keywords that are in no table, in upper case.
    pub others: Vec<String>,
    /// Keywords in no table that are also verbs which are always masked, in upper case.
    pub other_verbs: Vec<String>,
}

impl Masks {
    /// Of rules in the order in which they are tried.
    pub(super) fn of(rules: &[SourceRule<'_>], profile: &Profile) -> Self {
        let mut masks = Self { hidden: profile.hidden, ..Self::default() };
        for extension in EXTENSIONS {
            let keyword = extension.keyword;
            let masked = |verb: Verb| !profile.allows(verb) || always(rules, verb.name(), profile);
            if extension.verb.is_some_and(masked) {
                masks.hidden.insert(keyword.as_bytes());
            }
            if sometimes(rules, keyword, profile) {
                masks.named.insert(keyword.as_bytes());
            }
        }
        for condition in rules.iter().flat_map(|rule| &rule.conditions) {
            if let Some(keyword) = condition.word(Word::EhloKeyword)
                && find(keyword.as_bytes()).is_none()
                && !masks.others.iter().any(|known| known == keyword)
                && sometimes(rules, keyword, profile)
            {
                masks.others.push(keyword.to_owned());
            }
            if let Some(verb) = condition.word(Word::Verb)
                && Verb::of(verb.as_bytes()) == Verb::Unknown
                && !masks.other_verbs.iter().any(|known| known == verb)
                && always(rules, verb, profile)
            {
                masks.other_verbs.push(verb.to_owned());
            }
        }
        masks
    }
}

/// Whether a rule masks the keyword, at least where the other conditions of its class hold too.
fn sometimes(rules: &[SourceRule<'_>], keyword: &str, profile: &Profile) -> bool {
    for rule in rules {
        match acts(rule, |condition| condition.holds_for(Word::EhloKeyword, keyword)) {
            Acts::Perhaps | Acts::Surely if rule.action == Some(Action::Mask) => return true,
            Acts::Surely if !profile.order.continues_after(rule.action) => return false,
            Acts::Surely | Acts::Perhaps | Acts::Never => {}
        }
    }
    false
}

/// Whether the rules mask the verb whatever is said with it.
fn always(rules: &[SourceRule<'_>], verb: &str, profile: &Profile) -> bool {
    for rule in rules {
        let acts = acts(rule, |condition| condition.holds_for(Word::Verb, verb));
        let mut kinds = rule.conditions.iter().map(|condition| condition.asks.kind());
        let by_length = kinds.any(|kind| kind == CriterionKind::CommandLength);
        let acts = if acts == Acts::Never && by_length && rule.mode == MatchMode::Any {
            Acts::Perhaps
        } else {
            acts
        };
        match acts {
            Acts::Surely if rule.action == Some(Action::Mask) => return true,
            Acts::Perhaps | Acts::Surely
                if rule.action != Some(Action::Mask) && !profile.order.continues_after(rule.action) =>
            {
                return false;
            }
            Acts::Surely | Acts::Perhaps | Acts::Never => {}
        }
    }
    false
}

/// Whether a class acts when one of its conditions, of a certain kind, becomes true.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Acts {
    Never,
    /// Where its other conditions hold too.
    Perhaps,
    Surely,
}

/// `holds` says whether a condition is true in the event; nothing of a condition of another kind.
fn acts(rule: &SourceRule<'_>, holds: impl Fn(&SourceCondition<'_>) -> Option<bool>) -> Acts {
    let known = || rule.conditions.iter().filter_map(&holds);
    match rule.mode {
        MatchMode::Any if known().any(|holds| holds) => Acts::Surely,
        MatchMode::All if known().next().is_none() || !known().all(|holds| holds) => Acts::Never,
        MatchMode::All if known().count() == rule.conditions.len() => Acts::Surely,
        MatchMode::All => Acts::Perhaps,
        MatchMode::Any => Acts::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::CompiledPolicy;

    /// The masks of a policy; each line is the mode of a class, its conditions, and its action.
    fn masks(classes: &[(&str, &str, &str)]) -> Masks {
        let mut text = String::new();
        let mut rules = String::from("policy-map type inspect smtp p\n");
        for (number, (mode, conditions, action)) in classes.iter().enumerate() {
            text += &format!("class-map type inspect smtp {mode} c{number}\n");
            conditions.split(", ").for_each(|condition| text += &format!(" match {condition}\n"));
            rules += &format!(" class type inspect smtp c{number}\n  {action}\n");
        }
        let loaded = crate::load("test", (text + &rules).as_bytes());
        let configuration = loaded.configuration.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        CompiledPolicy::compile(&configuration, "p", &Profile::C3PL).unwrap().masks().clone()
    }

    fn named(classes: &[(&str, &str, &str)]) -> Vec<&'static str> {
        masks(classes).named.members().map(|extension| extension.keyword).collect()
    }

    #[test]
    fn a_keyword_that_a_class_masks_is_known_beforehand() {
        assert_eq!(
            named(&[("match-any", "reply ehlo STARTTLS, reply ehlo DSN", "mask")]),
            ["DSN", "STARTTLS"]
        );
        assert_eq!(named(&[("match-any", "reply ehlo STARTTLS", "log")]), [""; 0]);
        let exempt = ("match-any", "reply ehlo DSN", "allow");
        let mask = ("match-any", "reply ehlo DSN, reply ehlo SIZE", "mask");
        assert_eq!(named(&[exempt, mask]), ["SIZE"]);
        assert_eq!(named(&[mask, exempt]), ["DSN", "SIZE"]);
        let all_but_one = named(&[("match-any", "not reply ehlo SIZE", "mask")]);
        assert!(all_but_one.contains(&"STARTTLS") && !all_but_one.contains(&"SIZE"));
        assert_eq!(masks(&[("match-any", "reply ehlo X-UNHEARD", "mask")]).others, ["X-UNHEARD"]);
    }

    #[test]
    fn a_keyword_whose_verb_is_always_masked_is_hidden() {
        let hidden = |classes: &[(&str, &str, &str)]| masks(classes).hidden;
        let of_dialect = hidden(&[("match-any", "cmd verb NOOP", "mask")]);
        for keyword in ["BURL", "CHUNKING", "TURN", "X-ANONYMOUSTLS", "X-EXPS", "XCLIENT", "XFORWARD"] {
            assert!(of_dialect.names(keyword.as_bytes()), "{keyword}");
        }
        assert!(!of_dialect.names(b"ETRN") && !of_dialect.names(b"STARTTLS"));
        let etrn = ("match-any", "cmd verb ETRN", "mask");
        assert!(hidden(&[etrn]).names(b"ETRN"));
        assert!(
            !hidden(&[("match-all", "cmd verb ETRN, cmd line length gt 9", "allow"), etrn]).names(b"ETRN")
        );
        assert!(!hidden(&[("match-any", "cmd verb ETRN", "allow"), etrn]).names(b"ETRN"));
        assert!(!hidden(&[("match-any", "cmd line length gt 9", "allow"), etrn]).names(b"ETRN"));
        assert_eq!(masks(&[("match-any", "cmd verb X-UNHEARD", "mask")]).other_verbs, ["X-UNHEARD"]);
    }
}

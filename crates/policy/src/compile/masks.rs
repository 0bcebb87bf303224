//! What a policy masks, as far as it is known before a session begins: verbs, and keywords of an EHLO reply.
//!
//! A session must not wait for a reply to EHLO to know it: a client need not send one, and a server may know a verb
//! that it does not name.

use proto::smtp::extension::{EXTENSIONS, Extensions, find};
use proto::smtp::verb::Verb;

use crate::criterion::CriterionKind;
use crate::model::{Action, Condition, Criterion, L7Class, MatchMode};
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
    pub(super) fn of(rules: &[(&L7Class, Option<Action>)], profile: &Profile) -> Self {
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
        let conditions = rules.iter().flat_map(|(class, _)| &class.conditions);
        for condition in conditions {
            match &condition.criterion {
                Criterion::EhloReply { keyword }
                    if find(keyword.as_bytes()).is_none()
                        && !masks.others.contains(keyword)
                        && sometimes(rules, keyword, profile) =>
                {
                    masks.others.push(keyword.clone());
                }
                Criterion::CommandVerb { verb }
                    if Verb::of(verb.as_bytes()) == Verb::Unknown
                        && !masks.other_verbs.contains(verb)
                        && always(rules, verb, profile) =>
                {
                    masks.other_verbs.push(verb.clone());
                }
                _ => {}
            }
        }
        masks
    }
}

/// Whether a rule masks the keyword, at least where the other conditions of its class hold too.
fn sometimes(rules: &[(&L7Class, Option<Action>)], keyword: &str, profile: &Profile) -> bool {
    for &(class, action) in rules {
        let acts = acts(class, |condition| match &condition.criterion {
            Criterion::EhloReply { keyword: named } => Some((named == keyword) != condition.negated),
            _ => None,
        });
        match acts {
            Acts::Perhaps | Acts::Surely if action == Some(Action::Mask) => return true,
            Acts::Surely if !profile.order.continues_after(action) => return false,
            Acts::Surely | Acts::Perhaps | Acts::Never => {}
        }
    }
    false
}

/// Whether the rules mask the verb whatever is said with it.
fn always(rules: &[(&L7Class, Option<Action>)], verb: &str, profile: &Profile) -> bool {
    for &(class, action) in rules {
        let acts = acts(class, |condition| match &condition.criterion {
            Criterion::CommandVerb { verb: named } => Some((named == verb) != condition.negated),
            _ => None,
        });
        let by_length = class
            .conditions
            .iter()
            .any(|condition| condition.criterion.kind() == Some(CriterionKind::CommandLength));
        let acts = if acts == Acts::Never && by_length && class.mode == MatchMode::Any {
            Acts::Perhaps
        } else {
            acts
        };
        match acts {
            Acts::Surely if action == Some(Action::Mask) => return true,
            Acts::Perhaps | Acts::Surely
                if action != Some(Action::Mask) && !profile.order.continues_after(action) =>
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
fn acts(class: &L7Class, holds: impl Fn(&Condition) -> Option<bool>) -> Acts {
    let conditions = || class.conditions.iter().filter(|condition| condition.criterion.kind().is_some());
    let known = || conditions().filter_map(&holds);
    match class.mode {
        MatchMode::Any if known().any(|holds| holds) => Acts::Surely,
        MatchMode::All if known().next().is_none() || !known().all(|holds| holds) => Acts::Never,
        MatchMode::All if known().count() == conditions().count() => Acts::Surely,
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

//! How many recipients a message may have before a class refuses, as far as it is known before a session begins.

use super::source::{Asks, SourceCondition, SourceRule};
use crate::criterion::Counter;
use crate::model::{Action, MatchMode};
use crate::profile::Profile;

/// The lowest limit of recipients at which one of these rules, in the order in which they are tried, refuses
/// whatever else is said. A class that asks for more than the number is no limit for everybody.
pub(super) fn most(rules: &[SourceRule<'_>], profile: &Profile) -> Option<u64> {
    let mut most: Option<u64> = None;
    // Limits at which an earlier class acts, and the later ones are not tried.
    let mut taken: Vec<u64> = Vec::new();
    for rule in rules {
        let limits = limits(rule);
        if matches!(rule.action, Some(Action::Close | Action::Reset)) {
            let lowest = limits.iter().filter(|limit| !taken.contains(limit)).min();
            most = most.into_iter().chain(lowest.copied()).min();
        } else if !profile.order.continues_after(rule.action) {
            taken.extend(limits);
        }
    }
    most
}

/// The numbers of recipients above which the rule acts, whatever else is true.
fn limits(rule: &SourceRule<'_>) -> Vec<u64> {
    let over = |condition: &SourceCondition<'_>| match condition.asks {
        Asks::Over(Counter::Recipients, over) if !condition.negated => Some(over),
        _ => None,
    };
    match rule.mode {
        MatchMode::Any => rule.conditions.iter().filter_map(over).collect(),
        MatchMode::All => {
            let all: Option<Vec<u64>> = rule.conditions.iter().map(over).collect();
            all.and_then(|all| all.into_iter().max()).into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::CompiledPolicy;

    fn most(classes: &[(&str, &str)]) -> Option<u64> {
        let (mut text, mut rules) = (String::new(), String::new());
        text.push_str("parameter-map type regex r\n pattern x\n");
        for (number, (class, actions)) in classes.iter().enumerate() {
            let (mode, conditions) = class.split_once(' ').unwrap();
            text.push_str(&format!("class-map type inspect smtp match-{mode} c{number}\n"));
            conditions.split(", ").for_each(|condition| text.push_str(&format!(" match {condition}\n")));
            rules.push_str(&format!(" class type inspect smtp c{number}\n"));
            actions.split(' ').for_each(|action| rules.push_str(&format!("  {action}\n")));
        }
        text.push_str(&format!("policy-map type inspect smtp p\n{rules}"));
        let configuration = crate::load("policy", text.as_bytes()).configuration.unwrap();
        let policy = CompiledPolicy::compile(&configuration, "p", &crate::profile::Profile::C3PL).unwrap();
        policy.most_recipients()
    }

    #[test]
    fn the_lowest_limit_that_refuses_everybody_counts() {
        let table: &[(&[(&str, &str)], Option<u64>)] = &[
            (&[("any recipient count gt 25", "reset")], Some(25)),
            (&[("any recipient count gt 25", "log")], None),
            (&[("any recipient count gt 25", "reset log"), ("any recipient count gt 9", "reset")], Some(9)),
            (&[("any sender address regex r, recipient count gt 25", "reset")], Some(25)),
            (&[("all sender address regex r, recipient count gt 25", "reset")], None),
            (&[("all recipient count gt 25, recipient count gt 30", "reset")], Some(30)),
            (&[("any recipient invalid count gt 25", "reset")], None),
            // Where two act at once, only the first does.
            (&[("any recipient count gt 9", "log"), ("any recipient count gt 9", "reset")], None),
            (&[("any recipient count gt 5", "log"), ("any recipient count gt 9", "reset")], Some(9)),
        ];
        for (classes, expected) in table {
            assert_eq!(most(classes), *expected, "{classes:?}");
        }
    }
}

//! Rules that do nothing: classes without an action, and verbs that nobody sends.

use proto::smtp::extension::EXTENSIONS;
use proto::smtp::verb::VERBS;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Condition, Configuration, Criterion, EsmtpCriterion, L7Class, VerbName};
use crate::nearest::nearest;
use crate::profile::Profile;
use crate::source::Span;

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for rule in configuration.l7_policies.iter().flat_map(|policy| &policy.rules) {
        let idle = rule.action.is_none() && !rule.log && !rule.inspect;
        let class = configuration.l7_classes.get(&rule.class.text);
        if idle && class.is_some_and(|class| !masks_by_itself(class)) {
            let message = format!("class `{}` has no action", rule.class);
            complaints
                .push(Diagnostic::new(Code::NoAction, rule.class.at, message).help("add `log` or `reset`"));
        }
    }
    for rule in configuration.l3_policies.iter().flat_map(|policy| &policy.rules) {
        if rule.action.is_none() {
            let message = format!("class `{}` has no action, and its traffic is dropped", rule.class);
            complaints.push(
                Diagnostic::new(Code::NoAction, rule.class.at, message).help("add `inspect` or `drop`"),
            );
        }
    }
    for condition in configuration.l7_classes.iter().flat_map(|class| &class.conditions) {
        complaints.extend(unknown_keyword(condition));
        if let Criterion::CommandVerb { verb } = &condition.criterion {
            complaints.extend(unknown_verb(
                verb,
                [verb.as_str()].into_iter(),
                condition.negated,
                condition.at,
            ));
        }
    }
    for one in configuration.esmtp_maps.iter().flat_map(|map| &map.matches) {
        let EsmtpCriterion::Verbs(verbs) = &one.criterion else { continue };
        let names = || verbs.iter().map(VerbName::as_str);
        let unknown = names().find_map(|verb| unknown_verb(verb, names(), one.negated, one.at));
        complaints.extend(unknown);
    }
}

/// A verb that nobody sends, and the line with the one that was probably meant in its place.
fn unknown_verb<'v>(
    verb: &str,
    line: impl Iterator<Item = &'v str>,
    negated: bool,
    at: Span,
) -> Option<Diagnostic> {
    let names = || VERBS.iter().map(|row| row.name);
    // A private verb begins with X.
    if verb.starts_with('X') || verb == VerbName::Others.as_str() || names().any(|name| name == verb) {
        return None;
    }
    let help = nearest(verb, names()).map(|meant| {
        let not = if negated { "not " } else { "" };
        let verbs: Vec<&str> = line.map(|word| if word == verb { meant } else { word }).collect();
        format!("write `match {not}cmd verb {}`", verbs.join(" "))
    });
    let message = format!("no standard knows the verb `{verb}`");
    Some(Diagnostic::new(Code::UnknownVerb, at, message).maybe_help(help))
}

/// A keyword that nobody offers and that is close to one that is. Servers have keywords of their own, so one that is
/// like no other is none of our business.
fn unknown_keyword(condition: &Condition) -> Option<Diagnostic> {
    let Criterion::EhloReply { keyword } = &condition.criterion else { return None };
    let names = || EXTENSIONS.iter().map(|extension| extension.keyword);
    if keyword.starts_with('X') || names().any(|name| name == keyword) {
        return None;
    }
    let meant = nearest(keyword, names())?;
    let not = if condition.negated { "not " } else { "" };
    let message = format!("no standard knows the keyword `{keyword}`");
    let complaint = Diagnostic::new(Code::UnknownVerb, condition.at, message);
    Some(complaint.help(format!("write `match {not}reply ehlo {meant}`")))
}

/// Whether a class has a verb that is masked whatever its action, because the dialect does not list it.
fn masks_by_itself(class: &L7Class) -> bool {
    let listed =
        |verb: &str| VERBS.iter().any(|row| row.name == verb && Profile::C3PL.verbs.contains(row.verb));
    class.conditions.iter().any(|condition| match &condition.criterion {
        Criterion::CommandVerb { verb } => !listed(verb),
        _ => false,
    })
}

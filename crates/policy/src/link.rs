//! Names must be defined: every use is looked up, whatever the order in the file.
//!
//! A use before its definition is normal. What the named things say is `validate.rs`'s affair.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, Name, Object, ObjectKind, Protocol, Reference};
use crate::nearest::nearest;

/// Limit: undefined names for which a similar one is sought; each search looks at all names of a kind.
const SEARCHES_MAX: usize = 100;

/// Limit: other uses of an undefined name that are named with the first.
const USES_MAX: usize = 8;

/// Undefined names, each with all its uses.
type Undefined<'c> = HashMap<(Option<ObjectKind>, &'c str), Vec<(&'c dyn Object, Reference<'c>)>>;

pub(crate) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    let mut missing = Undefined::new();
    for object in configuration.objects() {
        object.references(&mut |reference| {
            look_up(configuration, object, reference, &mut missing, complaints);
        });
    }
    let mut missing: Vec<_> = missing.into_values().collect();
    for uses in &mut missing {
        uses.sort_by_key(|(_, reference)| reference.name.at);
    }
    missing.sort_by_key(|uses| uses.first().map(|(_, reference)| reference.name.at));
    for (index, uses) in missing.into_iter().enumerate() {
        complaints.extend(undefined_once(configuration, uses, index < SEARCHES_MAX));
    }
    for &kind in ObjectKind::NESTING {
        for member in configuration.nesting(kind).circles {
            let message = format!("{} `{member}` matches itself", kind.noun());
            complaints.push(Diagnostic::new(Code::Cyclic, member.at, message));
        }
    }
}

fn look_up<'c>(
    configuration: &'c Configuration,
    by: &'c dyn Object,
    reference: Reference<'c>,
    missing: &mut Undefined<'c>,
    complaints: &mut Diagnostics,
) {
    let name = reference.name;
    let mut found = reference.kinds().filter(|kind| configuration.find(*kind, &name.text).is_some());
    match (found.next(), found.next()) {
        (Some(taken), Some(_)) => {
            let (command, noun) = (taken.command(), taken.noun());
            let of = command.trim_start_matches(noun).trim_start();
            let message = format!("the {noun} name `{name}` is ambiguous, the one of {of} is used");
            complaints.push(Diagnostic::new(Code::AmbiguousName, name.at, message));
        }
        (Some(_), None) => {}
        (None, _) if reference.is_built_in() => {}
        (None, _) if reference.may_lack() => complaints.push(lacking(by, name)),
        (None, _) => {
            let kind = reference.kinds().last();
            missing.entry((kind, &name.text)).or_default().push((by, reference));
        }
    }
}

/// A name that is not defined is one mistake, however often it is used.
fn undefined_once(
    configuration: &Configuration,
    uses: Vec<(&dyn Object, Reference<'_>)>,
    may_search: bool,
) -> Option<Diagnostic> {
    let more = uses.len().saturating_sub(1 + USES_MAX);
    let mut uses = uses.into_iter();
    let (by, reference) = uses.next()?;
    let mut complaint = undefined(configuration, by, reference, may_search);
    for (_, other) in uses.by_ref().take(USES_MAX) {
        complaint = complaint.related(other.name.at, "used here too");
    }
    match (more, uses.next()) {
        (1.., Some((_, other))) => {
            Some(complaint.related(other.name.at, format!("the first of {more} more uses")))
        }
        _ => Some(complaint),
    }
}

/// A name of which a device does without the object: an access list on an interface.
fn lacking(by: &dyn Object, name: &Name) -> Diagnostic {
    let by = format!("{} `{}`", by.kind().noun(), by.name());
    let message = format!("{by} names access list `{name}`, which the file lacks: everything is permitted");
    Diagnostic::new(Code::UndefinedList, name.at, message)
        .help(format!("define it with `ip access-list extended {name}`"))
}

/// Whether a name is rather a pattern: `.*@x\.com`, `*@x.com`.
fn is_pattern(name: &str) -> bool {
    name.contains(['*', '\\', '^', '$', '[', '(', '|', '@'])
}

fn undefined(
    configuration: &Configuration,
    by: &dyn Object,
    reference: Reference<'_>,
    may_search: bool,
) -> Diagnostic {
    let name = reference.name;
    // Where a name may be of several kinds, the last is the usual one.
    let (called, command) =
        reference.kinds().last().map_or_else(Default::default, |kind| (kind.called(), kind.command()));
    let message = format!("unknown {called} `{name}` in {} `{}`", by.kind().noun(), by.name());
    let complaint = Diagnostic::new(Code::UndefinedName, name.at, message);
    if reference.kinds().any(|kind| kind == ObjectKind::RegexMap) && is_pattern(&name.text) {
        return complaint
            .help(format!("`parameter-map type regex NAME / pattern \"{name}\"` gives a pattern a name"));
    }
    let l7 = Protocol::MAIL.map(ObjectKind::L7Policy);
    let policies = [[ObjectKind::L3Policy].as_slice(), &l7].concat();
    let of_policy = |kind: &ObjectKind| policies.contains(kind);
    if let Some(other) = policies.iter().copied().find(|kind| configuration.find(*kind, &name.text).is_some())
        && reference.kinds().any(|kind| of_policy(&kind))
    {
        let complaint = complaint.help(match (other, by.kind()) {
            (ObjectKind::L3Policy, ObjectKind::L3Policy) => {
                format!("`{name}` is a top-level policy and cannot be in another")
            }
            (ObjectKind::L3Policy, _) => format!("write `service-policy type inspect {name}`"),
            (ObjectKind::L7Policy(protocol), ObjectKind::L3Policy) => {
                format!("write `service-policy {protocol} {name}`")
            }
            (ObjectKind::L7Policy(protocol), ObjectKind::Proxy) => {
                format!("write `service-policy type inspect {protocol} {name}`")
            }
            (ObjectKind::L7Policy(protocol), _) => {
                format!("write `service-policy {protocol} {name}` in a class of a `policy-map type inspect`")
            }
            _ => format!("define it with `{command} {name}`"),
        });
        return match configuration.find(other, &name.text) {
            Some(object) => complaint.related(object.name().at, format!("this is a {}", other.command())),
            None => complaint,
        };
    }
    let candidates = || reference.kinds().flat_map(|kind| configuration.objects_of(kind));
    let names = candidates().map(|object| object.name().text.as_str());
    let Some(similar) = may_search.then(|| nearest(&name.text, names)).flatten() else {
        return complaint.help(format!("define it with `{command} {name}`"));
    };
    let complaint = complaint.help(format!("did you mean `{similar}`?"));
    match candidates().find(|object| object.name().text == similar) {
        Some(object) => complaint.related(object.name().at, "defined here"),
        None => complaint,
    }
}

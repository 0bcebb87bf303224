//! Names must be defined: every use is looked up, whatever the order in the file.
//!
//! A use before its definition is normal. What the named things say is `validate.rs`'s affair.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{
    Configuration, EsmtpCriterion, EsmtpMatch, Name, Object, ObjectKind, Protocol, Reference, RegexName,
};
use crate::nearest::nearest;
use crate::platform::Platform;

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
        (None, _) if reference.may_lack() => complaints.push(lacking(configuration, by, name)),
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
fn lacking(configuration: &Configuration, by: &dyn Object, name: &Name) -> Diagnostic {
    let then = match configuration.platform {
        Platform::Ios => "everything is permitted",
        Platform::Asa => "the device refuses the line",
    };
    let by = format!("{} `{}`", by.kind().noun(), by.name());
    let message = format!("{by} names access list `{name}`, which the file lacks: {then}");
    let names = configuration.access_lists.iter().map(|list| list.name.text.as_str());
    // Who mistypes a number means no other list.
    let is_number = name.text.bytes().all(|octet| octet.is_ascii_digit());
    let help = match nearest(&name.text, names).filter(|_| !is_number) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            format!("define it with `{}`", definition(configuration, ObjectKind::AccessList, &name.text))
        }
    };
    Diagnostic::new(Code::UndefinedList, name.at, message).help(help)
}

/// The line that defines an object, as it can be typed.
fn definition(configuration: &Configuration, kind: ObjectKind, name: &str) -> String {
    match kind {
        ObjectKind::AccessList if configuration.platform == Platform::Asa => {
            format!("access-list {name} extended permit tcp any any eq smtp")
        }
        ObjectKind::Regex => format!("regex {name} PATTERN"),
        ObjectKind::InspectRule => format!("ip inspect name {name} esmtp"),
        other => format!("{} {name}", other.command()),
    }
}

/// The line of a proxy that names a policy, by what the policy is.
fn policy_line(configuration: &Configuration, name: &str) -> Option<(ObjectKind, String)> {
    let [smtp, pop3, imap] = Protocol::MAIL.map(ObjectKind::L7Policy);
    let kinds = [
        ObjectKind::L3Policy,
        smtp,
        pop3,
        imap,
        ObjectKind::TrafficPolicy,
        ObjectKind::EsmtpMap,
        ObjectKind::InspectRule,
    ];
    let kind = kinds.into_iter().find(|kind| configuration.find(*kind, name).is_some())?;
    let line = match kind {
        ObjectKind::L7Policy(protocol) => format!("service-policy type inspect {protocol} {name}"),
        ObjectKind::TrafficPolicy => format!("service-policy {name}"),
        ObjectKind::EsmtpMap => format!("inspect esmtp {name}"),
        ObjectKind::InspectRule => format!("ip inspect {name}"),
        _ => format!("service-policy type inspect {name}"),
    };
    Some((kind, line))
}

/// The match of a map that names a pattern, with another name in its place.
fn asked_of(
    configuration: &Configuration,
    map: &dyn Object,
    name: &Name,
    regex: RegexName,
) -> Option<String> {
    let matches = &configuration.esmtp_maps.get(&map.name().text)?.matches;
    let one = matches.iter().find(|one| match &one.criterion {
        EsmtpCriterion::Regex { regex: RegexName::One(known) | RegexName::Class(known), .. } => known == name,
        _ => false,
    })?;
    let EsmtpCriterion::Regex { text, .. } = one.criterion else { return None };
    Some(EsmtpMatch { criterion: EsmtpCriterion::Regex { text, regex }, ..one.clone() }.to_string())
}

/// A name that is one of another kind of object, which is named in another way.
fn of_another_kind(
    configuration: &Configuration,
    by: &dyn Object,
    reference: Reference<'_>,
    complaint: &Diagnostic,
) -> Option<Diagnostic> {
    let name = reference.name;
    let (kind, line) = match (by.kind(), reference.kinds().last()?) {
        (
            ObjectKind::Proxy,
            ObjectKind::L3Policy
            | ObjectKind::L7Policy(_)
            | ObjectKind::TrafficPolicy
            | ObjectKind::EsmtpMap
            | ObjectKind::InspectRule,
        ) => policy_line(configuration, &name.text)?,
        (ObjectKind::EsmtpMap, ObjectKind::Regex) => {
            let class = RegexName::Class(name.clone());
            (ObjectKind::RegexClass, asked_of(configuration, by, name, class)?)
        }
        (ObjectKind::EsmtpMap, ObjectKind::RegexClass) => {
            (ObjectKind::Regex, asked_of(configuration, by, name, RegexName::One(name.clone()))?)
        }
        _ => return None,
    };
    let object = configuration.find(kind, &name.text)?;
    let complaint = complaint.clone().help(format!("write `{line}`"));
    Some(complaint.related(object.name().at, format!("this is a {}", kind.command())))
}

/// Whether a name is rather a pattern: `.*@x\.com`, `*@x.com`.
pub(crate) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '\\', '^', '$', '[', '(', '|', '@'])
}

/// A class of another type that has the name of one that is missing.
fn class_of_another_type<'c>(
    configuration: &'c Configuration,
    reference: Reference<'_>,
) -> Option<&'c dyn Object> {
    let [smtp, pop3, imap] = Protocol::MAIL.map(ObjectKind::L7Class);
    let kinds = [smtp, pop3, imap, ObjectKind::L3Class];
    reference.kinds().find(|kind| kinds.contains(kind))?;
    kinds.into_iter().find_map(|kind| configuration.find(kind, &reference.name.text))
}

fn undefined(
    configuration: &Configuration,
    by: &dyn Object,
    reference: Reference<'_>,
    may_search: bool,
) -> Diagnostic {
    let name = reference.name;
    // Where a name may be of several kinds, the last is the usual one.
    let usual = reference.kinds().last();
    let called = usual.map_or_else(Default::default, ObjectKind::called);
    let define = || usual.map(|kind| definition(configuration, kind, &name.text)).unwrap_or_default();
    let message = format!("unknown {called} `{name}` in {} `{}`", by.kind().noun(), by.name());
    let complaint = Diagnostic::new(Code::UndefinedName, name.at, message);
    if reference.kinds().any(|kind| kind == ObjectKind::RegexMap) && is_pattern(&name.text) {
        return complaint
            .help(format!("`parameter-map type regex NAME / pattern \"{name}\"` gives a pattern a name"));
    }
    if let Some(complaint) = of_another_kind(configuration, by, reference, &complaint) {
        return complaint;
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
            (ObjectKind::L7Policy(protocol), _) => {
                format!("write `service-policy {protocol} {name}` in a class of a `policy-map type inspect`")
            }
            _ => format!("define it with `{}`", define()),
        });
        return match configuration.find(other, &name.text) {
            Some(object) => complaint.related(object.name().at, format!("this is a {}", other.command())),
            None => complaint,
        };
    }
    if let Some(other) = class_of_another_type(configuration, reference) {
        let related = complaint.related(other.name().at, format!("this is a {}", other.kind().command()));
        // A class of another protocol cannot be defined under the name.
        let is_taken =
            matches!((usual, other.kind()), (Some(ObjectKind::L7Class(_)), ObjectKind::L7Class(_)));
        return related.maybe_help((!is_taken).then(|| format!("define it with `{}`", define())));
    }
    let candidates = || reference.kinds().flat_map(|kind| configuration.objects_of(kind));
    let names =
        candidates().map(|object| object.name().text.as_str()).chain(reference.built_in().iter().copied());
    let Some(similar) = may_search.then(|| nearest(&name.text, names)).flatten() else {
        // No rule of IOS can be defined on an ASA.
        if usual == Some(ObjectKind::InspectRule) && configuration.platform == Platform::Asa {
            return complaint.help("write `inspect esmtp`");
        }
        return complaint.help(format!("define it with `{}`", define()));
    };
    let complaint = complaint.help(format!("did you mean `{similar}`?"));
    match candidates().find(|object| object.name().text == similar) {
        Some(object) => complaint.related(object.name().at, "defined here"),
        None => complaint,
    }
}

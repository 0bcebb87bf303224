//! Rules that make sense to the letter and yet hardly say what was meant: warnings.
//!
//! Looked for only in configurations without errors; an error's consequences are not news.

mod addresses;
mod classic;
mod esmtp;
mod lists;
mod masks;
mod proxies;
mod qos;
mod refusals;
mod rules;
mod texts;
mod trust;
mod zones;

use std::collections::HashSet;

use crate::criterion::Counter;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{
    Action, Condition, Configuration, Criterion, L3Class, L3Criterion, L7Class, L7Policy, L7Rule, MatchMode,
    Name, ObjectKind, Protocol, TrafficPolicy,
};
use crate::outline::Outline;
use crate::platform::Platform;
use crate::scope::Scope;

pub(crate) fn check(configuration: &Configuration, outline: &Outline<'_>, complaints: &mut Diagnostics) {
    for class in &configuration.l7_classes {
        never_matches(configuration, class, complaints);
    }
    for class in &configuration.l3_classes {
        if class.conditions.is_empty() {
            complaints.push(empty_class(&class.name));
        }
        complaints.extend(two_protocols(class));
    }
    for outer in &configuration.l7_policies {
        hidden_classes(configuration, outer, outline, complaints);
    }
    not_attached(configuration, complaints);
    without_policy(configuration, complaints);
    masks::check(configuration, complaints);
    rules::check(configuration, complaints);
    refusals::check(configuration, complaints);
    addresses::check(configuration, complaints);
    texts::check(configuration, complaints);
    proxies::check(configuration, complaints);
    pinholes(configuration, complaints);
    trust::check(configuration, complaints);
    classic::check(configuration, complaints);
    esmtp::check(configuration, complaints);
    lists::check(configuration, complaints);
    qos::check(configuration, outline, complaints);
    zones::check(configuration, outline, complaints);
}

/// Every complaint about a file, as `LINE code`.
#[cfg(test)]
fn complaints(text: &str) -> Vec<String> {
    let loaded = crate::load("test", text.as_bytes());
    let line = |at| loaded.source.position(at).line;
    let found = loaded.diagnostics.iter();
    found.map(|complaint| format!("{} {}", line(complaint.at), complaint.code.as_str())).collect()
}

fn empty_class(name: &Name) -> Diagnostic {
    let message = format!("class-map `{}` has no `match` statement and never matches", name.text);
    Diagnostic::new(Code::NeverMatches, name.at, message)
}

/// A connection has one application protocol, on top of TCP or UDP.
fn two_protocols(class: &L3Class) -> Option<Diagnostic> {
    let all = class.conditions.iter().filter(|condition| class.mode == MatchMode::All && !condition.negated);
    let mut protocols = all.filter_map(|condition| match &condition.criterion {
        L3Criterion::Protocol(protocol) if !matches!(&*protocol.text, "tcp" | "udp") => Some(protocol),
        L3Criterion::Protocol(_) | L3Criterion::AccessGroup(_) | L3Criterion::Class(_) => None,
    });
    let first = protocols.next()?;
    let other = protocols.find(|other| other.text != first.text)?;
    let message = format!("class-map `{}` never matches: a connection has only one protocol", class.name);
    let complaint =
        Diagnostic::new(Code::NeverMatches, other.at, message).related(first.at, "the other protocol");
    Some(complaint.help(format!("write `class-map type inspect match-any {}`", class.name)))
}

fn never_matches(configuration: &Configuration, class: &L7Class, complaints: &mut Diagnostics) {
    if class.conditions.is_empty() {
        return complaints.push(empty_class(&class.name));
    }
    for condition in &class.conditions {
        if let Some(name) = condition.criterion.regex_map()
            && let Some(map) = configuration.regex_maps.get(&name.text)
            && map.patterns.is_empty()
            && map.files.is_empty()
            && !condition.negated
        {
            let message = format!("parameter-map `{}` has no pattern and never matches", name.text);
            let complaint = Diagnostic::new(Code::NeverMatches, condition.at, message);
            complaints.push(complaint.related(map.name.at, "defined here"));
        }
    }
    if class.mode == MatchMode::Any {
        return;
    }
    for (index, one) in class.conditions.iter().enumerate() {
        let others = class.conditions.iter().skip(index + 1);
        if let Some(other) = others.into_iter().find(|other| exclude_each_other(one, other)) {
            let message =
                format!("class-map `{}` never matches: its conditions exclude each other", class.name.text);
            complaints.push(
                Diagnostic::new(Code::NeverMatches, other.at, message)
                    .related(one.at, "conflicting condition"),
            );
            return;
        }
    }
}

/// Two conditions of a match-all class that cannot both hold.
fn exclude_each_other(one: &Condition, other: &Condition) -> bool {
    match (&one.criterion, &other.criterion) {
        // One keyword of the reply is looked at at a time.
        (Criterion::EhloReply { keyword: a }, Criterion::EhloReply { keyword: b })
            if !one.negated && !other.negated =>
        {
            a != b
        }
        // No transaction is open while the reply to EHLO is looked at.
        (Criterion::EhloReply { .. }, other_one) if !one.negated => is_of_transaction(other_one),
        (other_one, Criterion::EhloReply { .. }) if !other.negated => is_of_transaction(other_one),
        (Criterion::Count { counter: a, over: more }, Criterion::Count { counter: b, over: less })
            if a == b && one.negated != other.negated =>
        {
            if one.negated {
                more <= less
            } else {
                less <= more
            }
        }
        (a, b) => one.negated != other.negated && same(a, b),
    }
}

/// Whether a criterion is decided between MAIL and the end of the message.
fn is_of_transaction(criterion: &Criterion) -> bool {
    let scope = criterion.kind().map(|kind| kind.row().scope);
    matches!(scope, Some(Scope::Transaction | Scope::Message | Scope::Part))
}

/// Whether two criteria ask the same, wherever they were written.
fn same(one: &Criterion, other: &Criterion) -> bool {
    match (one, other) {
        (Criterion::Regex { text: one, map: a }, Criterion::Regex { text: other, map: b }) => {
            one == other && a.text == b.text
        }
        _ => one == other,
    }
}

/// Classes that an earlier class of the policy keeps from ever acting.
fn hidden_classes(
    configuration: &Configuration,
    outer: &L7Policy,
    outline: &Outline<'_>,
    complaints: &mut Diagnostics,
) {
    /// Limit: rules of a policy that are compared with each other.
    const RULES_MAX: usize = 256;
    let classes = outer.rules.iter().take(RULES_MAX);
    let classes: Vec<(&L7Rule, &L7Class)> =
        classes.filter_map(|rule| Some((rule, configuration.l7_classes.get(&rule.class.text)?))).collect();
    for (index, (rule, class)) in classes.iter().enumerate() {
        let mut earlier = classes.iter().take(index);
        if let Some((first, other)) = earlier.find(|(earlier, other)| hides(earlier, other, class)) {
            let message = format!(
                "class `{}` is never reached: class `{}` precedes it and matches everything it matches",
                class.name.text, other.name.text,
            );
            let help = outline.moved_last(first.class.at, &first.to_string());
            complaints.push(
                Diagnostic::new(Code::HiddenClass, rule.class.at, message)
                    .related(first.class.at, "this class is tried first")
                    .maybe_help(
                        help.map(|lines| format!("`{lines}` moves class `{}` behind it", other.name)),
                    ),
            );
        }
    }
}

/// Whether `earlier` is a candidate in every event in which `later` is one.
///
/// A class acts when one of its conditions became true in this event, so it is not enough that it
/// holds: unless it ends the session, it must have become true by the very same thing.
fn hides(rule: &L7Rule, earlier: &L7Class, later: &L7Class) -> bool {
    if later.conditions.is_empty() || !implies(later, earlier) {
        return false;
    }
    let ends = matches!(rule.action, Some((Action::Close | Action::Reset, _)));
    ends || later.conditions.iter().all(|condition| {
        earlier.conditions.iter().any(|other| {
            condition_implies(condition, other)
                && (is_momentary(&other.criterion) || same(&condition.criterion, &other.criterion))
        })
    })
}

/// Whether `earlier` holds whenever `later` does.
fn implies(later: &L7Class, earlier: &L7Class) -> bool {
    let by_one = |condition: &Condition| {
        let mut others = earlier.conditions.iter();
        match earlier.mode {
            MatchMode::Any => others.any(|other| condition_implies(condition, other)),
            MatchMode::All => others.all(|other| condition_implies(condition, other)),
        }
    };
    match (later.mode, earlier.mode) {
        (MatchMode::Any, _) => later.conditions.iter().all(by_one),
        (MatchMode::All, MatchMode::Any) => later.conditions.iter().any(by_one),
        (MatchMode::All, MatchMode::All) => {
            let implied = |other: &Condition| later.conditions.iter().any(|c| condition_implies(c, other));
            !earlier.conditions.is_empty() && earlier.conditions.iter().all(implied)
        }
    }
}

fn condition_implies(one: &Condition, other: &Condition) -> bool {
    if one.negated != other.negated {
        return false;
    }
    if one.negated {
        return same(&one.criterion, &other.criterion);
    }
    match (&one.criterion, &other.criterion) {
        (Criterion::Count { counter: one, over: a }, Criterion::Count { counter: other, over: b })
            if one == other =>
        {
            a >= b
        }
        (a, b) => same(a, b),
    }
}

/// Whether a criterion is asked anew in each command or reply.
fn is_momentary(criterion: &Criterion) -> bool {
    matches!(
        criterion,
        Criterion::Count { counter: Counter::CommandLength, .. }
            | Criterion::CommandVerb { .. }
            | Criterion::EhloReply { .. }
    )
}

/// Classes no policy names, and policies nothing enforces.
fn not_attached(configuration: &Configuration, complaints: &mut Diagnostics) {
    let mut used: HashSet<(ObjectKind, &str)> = HashSet::new();
    for object in configuration.objects() {
        object.references(&mut |reference| {
            used.extend(reference.kinds().map(|kind| (kind, reference.name.text.as_str())));
        });
    }
    for object in configuration.objects() {
        let (kind, name) = (object.kind(), object.name());
        if let Some(by) = kind.has_effect_by()
            && !used.contains(&(kind, name.text.as_str()))
        {
            let message = format!("{} `{name}` is not used by any {by}", kind.noun());
            complaints.push(Diagnostic::new(Code::NotAttached, name.at, message));
        }
    }
}

/// Zone-pairs that say nothing of their traffic.
fn without_policy(configuration: &Configuration, complaints: &mut Diagnostics) {
    for pair in configuration.zone_pairs.iter().filter(|pair| pair.policy.is_none()) {
        let message = format!("zone-pair `{}` has no policy and inspects nothing", pair.name.text);
        complaints.push(
            Diagnostic::new(Code::NoPolicy, pair.name.at, message)
                .help("add `service-policy type inspect NAME`"),
        );
    }
}

/// The line of a proxy that has its mail inspected by what the file defines.
fn inspecting_line(configuration: &Configuration) -> String {
    let inspects = |policy: &&TrafficPolicy| policy.rules.iter().any(|rule| rule.inspection.is_some());
    let policy = configuration.traffic_policies.iter().find(inspects).map(|policy| &policy.name);
    let map = configuration.esmtp_maps.iter().next().map(|map| &map.name);
    let rules = configuration.inspect_rules.iter().filter(|_| configuration.l7_policies.is_empty());
    let rule = rules.into_iter().find(|rule| rule.of_mail(Protocol::Smtp).is_some()).map(|rule| &rule.name);
    let is_asa = configuration.platform == Platform::Asa;
    match (policy, map, rule) {
        (Some(policy), ..) => format!("service-policy {policy}"),
        (None, Some(map), _) => format!("inspect esmtp {map}"),
        (None, None, Some(rule)) => format!("ip inspect {rule}"),
        (None, None, None) if is_asa => "inspect esmtp".to_owned(),
        (None, None, None) => "service-policy type inspect NAME".to_owned(),
    }
}

/// Where mail passes without anybody looking at its content.
fn pinholes(configuration: &Configuration, complaints: &mut Diagnostics) {
    for proxy in &configuration.proxies {
        // `no inspect esmtp` says that this is meant.
        if proxy.policy.is_none() && proxy.protocol() == Protocol::Smtp {
            let message = format!("proxy `{}` relays mail without inspecting its content", proxy.name.text);
            let help = format!("attach a policy with `{}`", inspecting_line(configuration));
            complaints.push(Diagnostic::new(Code::Pinhole, proxy.name.at, message).help(help));
        }
    }
    let mail = configuration.carriers(Protocol::Smtp);
    for rule in configuration.l3_policies.iter().flat_map(|outer| &outer.rules) {
        let carries = mail.class(&rule.class);
        if rule.is_inspected() && carries.some() && carries.by_name() && rule.service_policy.is_none() {
            let message =
                format!("mail of class `{}` is allowed without inspecting its content", rule.class.text);
            complaints.push(
                Diagnostic::new(Code::Pinhole, rule.class.at, message)
                    .help("attach a policy with `service-policy smtp NAME`"),
            );
        }
    }
}

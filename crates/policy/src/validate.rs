//! Rules that make no sense though every name is defined: errors.
//!
//! A rule is checked on the finished model, so that it holds whichever of its lines was typed
//! first; the line typed last is the one complained about. Oddities that make sense are in `lint.rs`.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::compile;
use crate::criterion::Counter;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::model::{
    Action, Condition, Configuration, Criterion, L3Class, L3Condition, L3Criterion, L7Class, MatchMode,
    ObjectKind, Protocol, Said, Server,
};
use crate::nearest::nearest;
use crate::outline::Outline;
use crate::source::{Source, Span};

mod access_lists;
mod esmtp;
mod patterns;

pub(crate) fn check(
    configuration: &Configuration,
    source: &Source,
    outline: &Outline<'_>,
    complaints: &mut Diagnostics,
) {
    patterns::check(configuration, source, complaints);
    access_lists::check(configuration, complaints);
    for class in &configuration.l7_classes {
        command_length_stands_alone(class, complaints);
    }
    masks(configuration, outline, complaints);
    esmtp::check(configuration, outline, complaints);
    numbers(configuration, complaints);
    service_policies(configuration, complaints);
    nesting(configuration, complaints);
    for class in &configuration.l3_classes {
        protocols(class, complaints);
    }
    completeness(configuration, complaints);
    addresses(configuration, complaints);
}

/// In match-all, the length of the command line goes with one verb and nothing else.
fn command_length_stands_alone(class: &L7Class, complaints: &mut Diagnostics) {
    if class.mode == MatchMode::Any {
        return;
    }
    let conditions = &class.conditions;
    let verbs: Vec<&Condition> = conditions.iter().filter(|c| is_verb(c) && !c.negated).collect();
    if let [first, .., last] = verbs.as_slice() {
        complaints.push(
            Diagnostic::new(
                Code::TwoVerbs,
                last.at,
                format!("class-map `{}` is match-all, but a command has only one verb", class.name.text),
            )
            .related(first.at, "the other verb")
            .help(format!("write `class-map type inspect smtp match-any {}`", class.name.text)),
        );
    }
    let of_command = |condition: &&Condition| is_verb(condition) || is_length(condition);
    let Some(command) = conditions.iter().filter(of_command).min_by_key(|condition| condition.at) else {
        return;
    };
    let (stands, may_stand) = match conditions.iter().any(is_length) {
        true => ("cmd line length", "cmd verb"),
        false => ("cmd verb", "cmd line length"),
    };
    for other in conditions.iter().filter(|condition| !of_command(condition)) {
        // The one typed later is the one a router refuses.
        let (later, earlier) = if other.at > command.at { (other, command) } else { (command, other) };
        complaints.push(
            Diagnostic::new(
                Code::CommandLengthAlone,
                later.at,
                format!(
                    "`match {}` cannot be combined with `match {}` in a match-all class",
                    later.criterion, earlier.criterion
                ),
            )
            .related(earlier.at, "the other condition")
            .help(format!(
                "write `class-map type inspect smtp match-any {}`, or use a separate class: in match-all, \
                 `match {stands}` can only be combined with `match {may_stand}`",
                class.name.text,
            )),
        );
    }
}

fn is_verb(condition: &Condition) -> bool {
    matches!(condition.criterion, Criterion::CommandVerb { .. })
}

fn is_length(condition: &Condition) -> bool {
    matches!(condition.criterion, Criterion::Count { counter: Counter::CommandLength, .. })
}

/// `mask` needs something that can be masked: a verb or an EHLO keyword, and nothing else.
fn masks(configuration: &Configuration, outline: &Outline<'_>, complaints: &mut Diagnostics) {
    for outer in &configuration.l7_policies {
        for rule in &outer.rules {
            let Some((Action::Mask, mask)) = rule.action else { continue };
            let Some(class) = configuration.l7_classes.get(&rule.class.text) else { continue };
            let maskable = |criterion: &Criterion| criterion.kind().is_some_and(|kind| kind.row().maskable);
            for other in class.conditions.iter().filter(|condition| !maskable(&condition.criterion)) {
                let (at, related, why) = if other.at > mask {
                    (other.at, mask, "`mask` is configured here")
                } else {
                    (mask, other.at, "this condition cannot be masked")
                };
                let message = format!(
                    "`mask` requires a class with only `match cmd verb` or `match reply ehlo`, but `{}` has `match {}`",
                    class.name.text, other.criterion,
                );
                // Another class may ask for what cannot be masked; where that is all, another action is meant.
                let help = if class.conditions.iter().any(|condition| maskable(&condition.criterion)) {
                    outline.taken_back(other.at)
                } else {
                    outline.replaced(mask, Action::Reset.keyword())
                };
                complaints.push(
                    Diagnostic::new(Code::MaskNotAllowed, at, message)
                        .related(related, why)
                        .maybe_help(help.map(|lines| format!("write `{lines}`"))),
                );
            }
        }
    }
}

/// A policy whose conditions could not all be numbered is refused before one stands for another.
fn numbers(configuration: &Configuration, complaints: &mut Diagnostics) {
    for outer in &configuration.l7_policies {
        let classes = outer.rules.iter().filter_map(|rule| configuration.l7_classes.get(&rule.class.text));
        if classes.map(compile::numbers).sum::<usize>() > compile::NUMBERS_MAX {
            let message = format!("policy-map `{}` has too many conditions", outer.name.text);
            complaints.push(
                Diagnostic::new(Code::TooManyConditions, outer.name.at, message)
                    .help("combine similar conditions as patterns of a parameter-map"),
            );
        }
    }
}

/// Limit: conditions of a top-level class, with those of the classes that it names, each as often as it is named. All
/// of them may be asked of a session.
const NESTED_MAX: usize = 1000;

fn nesting(configuration: &Configuration, complaints: &mut Diagnostics) {
    let mut conditions: HashMap<&str, usize> = HashMap::new();
    // Members come before the classes that name them.
    for member in configuration.nesting(ObjectKind::L3Class).order {
        let Some(class) = configuration.l3_classes.get(&member.name().text) else { continue };
        let of = |condition: &L3Condition| match &condition.criterion {
            L3Criterion::Class(name) => conditions.get(name.text.as_str()).copied().unwrap_or(1),
            L3Criterion::AccessGroup(_) | L3Criterion::Protocol(_) => 1,
        };
        let count = class.conditions.iter().map(of).fold(0, usize::saturating_add);
        let is_first =
            count > NESTED_MAX && class.conditions.iter().all(|condition| of(condition) <= NESTED_MAX);
        if is_first {
            let message =
                format!("class-map `{}` has {count} conditions with those of its classes", class.name);
            complaints.push(
                Diagnostic::new(Code::TooManyConditions, class.name.at, message)
                    .help(format!("name each class once; the limit is {NESTED_MAX}")),
            );
        }
        conditions.insert(&class.name.text, count);
    }
}

/// A policy on the content needs `inspect` and a class that selects the protocol.
fn service_policies(configuration: &Configuration, complaints: &mut Diagnostics) {
    let carriers = Protocol::MAIL.map(|protocol| (protocol, configuration.carriers(protocol)));
    for outer in &configuration.l3_policies {
        for rule in &outer.rules {
            if let Some((_, inner)) = rule.service_policy.as_ref().filter(|_| !rule.is_inspected()) {
                let message = format!("service-policy `{}` requires `inspect` in its class", inner.text);
                complaints.push(
                    Diagnostic::new(Code::InspectMissing, inner.at, message)
                        .help("add `inspect` before this line"),
                );
            }
            if let Some((protocol, inner)) = rule.l7_policy()
                && let Some(class) = configuration.l3_classes.get(&rule.class.text)
                && let Some((_, carriers)) = carriers.iter().find(|(of, _)| *of == protocol)
                && !carriers.class(&class.name).by_name()
            {
                let message = format!(
                    "service-policy {protocol} `{}` cannot be attached to class `{}`, which does not match protocol \
                     {protocol}",
                    inner.text, class.name.text,
                );
                complaints.push(
                    Diagnostic::new(Code::ProtocolMismatch, inner.at, message)
                        .related(class.name.at, "the class is defined here")
                        .help(format!(
                            "write `match protocol {protocol}` in class-map `{}`",
                            class.name.text
                        )),
                );
            }
            if rule.police.is_some() && !rule.is_inspected() {
                let message = format!("`police` requires `inspect` in class `{}`", rule.class.text);
                complaints.push(Diagnostic::new(Code::InspectMissing, rule.class.at, message));
            }
        }
    }
}

/// A protocol nobody knows is a mistyped mail protocol, as far as we can tell.
fn protocols(class: &L3Class, complaints: &mut Diagnostics) {
    let mail = || Protocol::MAIL.iter().flat_map(|protocol| protocol.names()).copied();
    for condition in &class.conditions {
        let L3Criterion::Protocol(protocol) = &condition.criterion else { continue };
        if mail().any(|known| known == protocol.text) || OTHER_PROTOCOLS.contains(&protocol.text.as_str()) {
            continue;
        }
        let by_port = || MAIL_PORTS.iter().find(|(name, _)| *name == protocol.text).map(|(_, meant)| *meant);
        if let Some(meant) = by_port().or_else(|| nearest(&protocol.text, mail())) {
            complaints.push(
                Diagnostic::new(
                    Code::InvalidInput,
                    protocol.at,
                    format!("unknown protocol `{}`", protocol.text),
                )
                .help(format!("did you mean `{meant}`?")),
            );
        }
    }
}

/// Ports of mail, by names that are no protocols of the device, and what is spoken there.
const MAIL_PORTS: &[(&str, &str)] =
    &[("lmtp", "smtp"), ("mail", "smtp"), ("msa", "smtp"), ("submission", "smtp"), ("submissions", "smtp")];

/// Protocols of the device whose names are close to those of mail.
const OTHER_PROTOCOLS: &[&str] = &["snmp", "sip", "icmp", "ntp", "ftp", "tftp", "isakmp", "ipass", "pptp"];

/// A proxy needs both sides; what is wrong with a line it has is said where that line stands.
fn completeness(configuration: &Configuration, complaints: &mut Diagnostics) {
    let errors = complaints.iter().filter(|complaint| complaint.severity() == Severity::Error);
    let mut errors: Vec<Span> = errors.map(|complaint| complaint.at).collect();
    errors.sort_unstable();
    let ends = configuration.proxies.iter().skip(1).map(|next| Some(next.name.at)).chain([None]);
    for (proxy, end) in configuration.proxies.iter().zip(ends) {
        let (keyword, example) = match (proxy.listen.is_empty(), proxy.servers.is_empty()) {
            (false, false) => continue,
            (true, _) => ("listen", "0.0.0.0:25"),
            (false, true) => ("server", "192.0.2.1:25"),
        };
        let from = proxy.name.at;
        let next_error = errors.get(errors.partition_point(|error| *error <= from));
        if next_error.is_some_and(|error| end.is_none_or(|end| *error < end)) {
            continue;
        }
        let message = format!("proxy `{}` has no `{keyword}` line", proxy.name.text);
        let complaint = Diagnostic::new(Code::ProxyIncomplete, from, message);
        complaints.push(complaint.help(format!("add `{keyword} {example}`")));
    }
}

/// An address belongs to one proxy, and no proxy leads to itself.
fn addresses(configuration: &Configuration, complaints: &mut Diagnostics) {
    let mut taken = HashMap::new();
    for proxy in &configuration.proxies {
        for listen in &proxy.listen {
            let (other, first) = *taken.entry(listen.value).or_insert((&proxy.name, listen));
            if first.at != listen.at {
                let message = format!("proxies `{other}` and `{}` both listen on {listen}", proxy.name);
                let complaint = Diagnostic::new(Code::ListenTwice, listen.at, message);
                complaints.push(complaint.related(first.at, "the other proxy"));
            }
        }
        let reached = |address: &SocketAddr| proxy.listen.iter().any(|it| reaches(*address, it.value));
        let itself = |server: &&Said<Server>| server.value.known_addresses().iter().any(reached);
        if let Some(server) = proxy.servers.iter().find(itself) {
            let message = format!("server {server} of proxy `{}` is the proxy itself", proxy.name);
            complaints.push(
                Diagnostic::new(Code::ProxyLoop, server.at, message)
                    .help("write `server 127.0.0.1:10025`, and have the mail server listen there"),
            );
        }
    }
}

/// Whether a connection to `server` arrives at `listen`, as far as the addresses themselves tell.
fn reaches(server: SocketAddr, listen: SocketAddr) -> bool {
    let every_address = listen.ip().is_unspecified()
        && listen.is_ipv4() == server.is_ipv4()
        && (server.ip().is_loopback() || server.ip().is_unspecified());
    server == listen || every_address && server.port() == listen.port()
}

#[cfg(test)]
mod tests {
    use crate::load;

    #[test]
    fn classes_that_name_each_other_many_times_over_are_one_error() {
        let mut text = "class-map type inspect match-any c0\n match protocol smtp\n".to_owned();
        for number in 1..64 {
            let inner = number - 1;
            text.push_str(&format!(
                "class-map type inspect match-any c{number}\n match class-map c{inner}\n match not class-map c{inner}\n"
            ));
        }
        let loaded = load("test", text.as_bytes());
        let found: Vec<&str> = loaded.diagnostics.iter().map(|found| found.code.as_str()).collect();
        assert_eq!(found, ["too-many-conditions"]);
    }
}

//! Maps of type inspect esmtp, and where they apply.

use std::collections::{HashMap, HashSet};

use crate::criterion::Counter;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{
    Action, Banner, Configuration, EsmtpCriterion, EsmtpMap, EsmtpMatch, GLOBAL, Name, Protocol, Proxy,
    ProxyPolicy, RegexName, VerbName,
};
use crate::nearest::nearest;
use crate::profile::Order;

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for map in &configuration.esmtp_maps {
        without_action(map, complaints);
        hidden_matches(map, complaints);
    }
    empty_classes(configuration, complaints);
    classes_without_connections(configuration, complaints);
    unknown_interfaces(configuration, complaints);
    repeated_interface_names(configuration, complaints);
    long_header_lines(configuration, complaints);
    masked_greetings(configuration, complaints);
}

/// A match without an action does nothing.
fn without_action(map: &EsmtpMap, complaints: &mut Diagnostics) {
    for one in map.matches.iter().filter(|one| !one.acts()) {
        let message = format!("`{one}` has no action and does nothing");
        complaints.push(
            Diagnostic::new(Code::NoAction, one.at, message).help("add `log`, `reset` or `drop-connection`"),
        );
    }
}

/// A set of regular expressions with none in it.
fn empty_classes(configuration: &Configuration, complaints: &mut Diagnostics) {
    for one in configuration.esmtp_maps.iter().flat_map(|map| &map.matches) {
        let EsmtpCriterion::Regex { regex: RegexName::Class(name), .. } = &one.criterion else { continue };
        if let Some(class) = configuration.regex_classes.get(&name.text)
            && class.regexes.is_empty()
            && !one.negated
        {
            let message = format!("class-map `{name}` has no `match` statement and never matches");
            complaints.push(
                Diagnostic::new(Code::NeverMatches, one.at, message).related(class.name.at, "defined here"),
            );
        }
    }
}

/// A class whose mail would be inspected, and that no connection of TCP is in. Of the policy of a proxy, that is told
/// with the proxy.
fn classes_without_connections(configuration: &Configuration, complaints: &mut Diagnostics) {
    let of_proxies = configuration.proxies.iter().filter_map(|proxy| proxy.policy.as_ref()?.policy());
    let of_proxies: HashSet<&str> = of_proxies.map(|policy| policy.text.as_str()).collect();
    let policies = configuration.traffic_policies.iter();
    let rules = policies.filter(|it| !of_proxies.contains(&*it.name.text)).flat_map(|policy| &policy.rules);
    let inspected: HashSet<&str> =
        rules.filter(|rule| rule.inspection.is_some()).map(|rule| rule.class.text.as_str()).collect();
    for class in configuration.traffic_classes.iter().filter(|class| inspected.contains(&*class.name.text)) {
        let other = class.matches.iter().find(|one| one.is_of_other_ports());
        let (why, taken_back) = match other {
            Some(other) => (format!("no connection of TCP is in `{other}`"), format!(" / no match {other}")),
            None if class.matches.is_empty() => ("it has no `match` statement".to_owned(), String::new()),
            None => continue,
        };
        let message = format!("no mail is in class-map `{}`: {why}", class.name);
        let help = format!("write `class-map {}{taken_back} / match port tcp eq smtp`", class.name);
        complaints.push(Diagnostic::new(Code::NeverMatches, class.name.at, message).help(help));
    }
}

/// A service policy or an access list on an interface that has no such name.
fn unknown_interfaces(configuration: &Configuration, complaints: &mut Diagnostics) {
    let names = configuration.interfaces.iter().filter_map(|interface| interface.nameif.as_ref());
    let names: HashSet<&str> = names.map(|name| name.text.as_str()).collect();
    let places = configuration.service_policies.iter().map(|service| &service.place);
    let places = places.filter(|place| place.text != GLOBAL);
    let groups = configuration.access_groups.iter().filter_map(|group| group.interface.as_ref());
    for place in places.chain(groups.map(|(_, interface)| interface)) {
        if !names.contains(place.text.as_str()) {
            let message = format!("no interface is called `{place}`");
            // The interface may be named as the hardware is called.
            let hardware = configuration.interfaces.get(&place.text).and_then(|found| found.nameif.as_ref());
            let hardware = hardware.map(|name| name.text.as_str());
            let help = match hardware.or_else(|| nearest(&place.text, names.iter().copied())) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("add `nameif {place}` to the interface"),
            };
            complaints.push(Diagnostic::new(Code::UnknownInterface, place.at, message).help(help));
        }
    }
}

/// An interface name that two interfaces have.
fn repeated_interface_names(configuration: &Configuration, complaints: &mut Diagnostics) {
    let mut taken: HashMap<&str, &Name> = HashMap::new();
    for interface in &configuration.interfaces {
        let Some(name) = &interface.nameif else { continue };
        if let Some(other) = taken.insert(&name.text, &interface.name) {
            let message =
                format!("interface `{}` has the name `{name}`, which is that of `{other}`", interface.name);
            complaints.push(Diagnostic::new(Code::AmbiguousName, name.at, message));
        }
    }
}

/// Matches that an earlier one of the same kind keeps from ever acting.
fn hidden_matches(map: &EsmtpMap, complaints: &mut Diagnostics) {
    for (index, one) in map.matches.iter().enumerate().filter(|(_, one)| !one.negated && one.acts()) {
        let earlier = map.matches.iter().take(index).filter(|other| {
            let action = other.action.map(|(action, _)| action);
            !other.negated && other.acts() && !Order::ByCriterion.continues_after(action)
        });
        let hidden = earlier.into_iter().find_map(|other| Some((other, hidden_by(other, one)?)));
        if let Some((other, of_what)) = hidden {
            let message = format!("`{one}` is never reached{of_what}: `{other}` precedes it");
            complaints.push(
                Diagnostic::new(Code::HiddenClass, one.at, message)
                    .related(other.at, "this match is tried first"),
            );
        }
    }
}

/// What of a match an earlier one has: nothing, if all of it.
fn hidden_by(earlier: &EsmtpMatch, later: &EsmtpMatch) -> Option<String> {
    match (&earlier.criterion, &later.criterion) {
        (
            EsmtpCriterion::Count { counter: one, over: least },
            EsmtpCriterion::Count { counter: other, over },
        ) if one == other && least <= over => Some(String::new()),
        (EsmtpCriterion::Verbs(first), EsmtpCriterion::Verbs(verbs)) => {
            let hidden: Vec<&str> =
                verbs.iter().filter(|verb| first.contains(verb)).map(VerbName::as_str).collect();
            match hidden.len() {
                0 => None,
                all if all == verbs.len() => Some(String::new()),
                _ => Some(format!(" for `{}`", hidden.join(" "))),
            }
        }
        _ => None,
    }
}

/// The maps that a proxy enforces.
fn maps<'c>(configuration: &'c Configuration, proxy: &'c Proxy) -> impl Iterator<Item = &'c EsmtpMap> {
    let policy = proxy.policy.as_ref().filter(|_| proxy.protocol() == Protocol::Smtp);
    let inspections = match policy {
        Some(ProxyPolicy::Esmtp(inspection)) => vec![inspection],
        Some(ProxyPolicy::Traffic(name)) => {
            configuration.traffic_rules(name).iter().filter_map(|rule| rule.inspection.as_ref()).collect()
        }
        Some(
            ProxyPolicy::Named(_) | ProxyPolicy::L7(..) | ProxyPolicy::Classic(_) | ProxyPolicy::Pinhole,
        )
        | None => Vec::new(),
    };
    inspections.into_iter().filter_map(|inspection| configuration.esmtp_map(inspection.map_name()))
}

/// Lines of a header that real mail has, and that end a session where a proxy enforces the map.
fn long_header_lines(configuration: &Configuration, complaints: &mut Diagnostics) {
    for proxy in &configuration.proxies {
        let refusing = maps(configuration, proxy).find_map(|map| {
            let limit = map.matches.iter().find_map(|one| match (&one.criterion, one.action) {
                (
                    EsmtpCriterion::Count { counter: Counter::HeaderLineLength, over },
                    Some((Action::Close | Action::Reset, _)),
                ) if !one.negated && *over < FOLD_OF_REAL_MAIL => Some(*over),
                _ => None,
            })?;
            Some((map, limit))
        });
        if let Some((map, limit)) = refusing {
            let name = &proxy.name;
            let message = format!(
                "map `{}` refuses mail with a header line of more than {limit} bytes on proxy `{name}`: legitimate \
                 mail has lines of 1,001 and more",
                map.name
            );
            let help = "`policy-map type inspect esmtp NAME / match header line length gt 4096 / drop-connection log` \
                        sets a limit that it keeps, `mailwarden / no warning long-header-lines` acknowledges this";
            complaints.push(Diagnostic::new(Code::LongHeaderLines, name.at, message).help(help));
        }
    }
}

/// A greeting of nothing but asterisks is the mark of a PIX, and clients know it.
fn masked_greetings(configuration: &Configuration, complaints: &mut Diagnostics) {
    for proxy in &configuration.proxies {
        if let Some(map) = maps(configuration, proxy).find(|map| map.parameters.banner == Banner::Masked) {
            let name = &proxy.name;
            let message = format!(
                "map `{}` masks the greeting on proxy `{name}`: Postfix takes it for that of a PIX and speaks no \
                 ESMTP, and mail for which it demands TLS waits for days",
                map.name
            );
            let help = format!(
                "`policy-map type inspect esmtp {} / parameters / mask-banner except esmtp` leaves the word they look \
                 for, `mailwarden / no warning masks-greeting` acknowledges this",
                map.name
            );
            complaints.push(Diagnostic::new(Code::MasksGreeting, name.at, message).help(help));
        }
    }
}

/// Bytes: header lines of up to 1,001 are common, and longer ones are not rare.
const FOLD_OF_REAL_MAIL: u64 = 2048;

//! The objects of a configuration in the layouts of IOS: classes, policies, parameter-maps, zones, ports and lists.

use std::fmt::{Display, Write as _};

use policy::model::{
    AccessListForm, CLASSIC_DEFAULTS, Configuration, InspectMap, L3Class, L3Policy, L7Class, L7Policy,
    Limits, Name, PortMapping, Protocol, SYSTEM_PORTS, Transport,
};
use policy::platform::Platform;

use super::{capitalized, threshold};

/// `show class-map type inspect [PROTOCOL] [NAME]`.
pub(super) fn class_maps(
    configuration: &Configuration,
    protocol: Option<Protocol>,
    name: Option<&str>,
) -> Result<String, String> {
    let id = |number: usize| number + 1;
    let mut out = String::new();
    match protocol {
        Some(protocol) => {
            for (number, class) in configuration.l7_classes.iter().enumerate() {
                let L7Class { name: own, mode, conditions, .. } = class;
                if class.protocol == protocol && name.is_none_or(|name| name == own.text) {
                    let _ =
                        writeln!(out, " Class Map type inspect {protocol} {mode} {own} (id {})", id(number));
                    put_matches(&mut out, conditions);
                }
            }
        }
        None => {
            for (number, class) in configuration.l3_classes.iter().enumerate() {
                let L3Class { name: own, mode, conditions, .. } = class;
                if name.is_none_or(|name| name == own.text) {
                    let _ = writeln!(out, " Class Map type inspect {mode} {own} (id {})", id(number));
                    put_matches(&mut out, conditions);
                }
            }
        }
    }
    found(out, "class-map", name)
}

/// `   Match sender address regex bad-guys`.
fn put_matches(out: &mut String, conditions: &[impl Display]) {
    for condition in conditions {
        let _ = writeln!(out, "   {}", capitalized(&condition.to_string()));
    }
    out.push('\n');
}

/// `show policy-map type inspect [PROTOCOL] [NAME]`.
pub(super) fn policy_maps(
    configuration: &Configuration,
    protocol: Option<Protocol>,
    name: Option<&str>,
) -> Result<String, String> {
    let mut out = String::new();
    match protocol {
        Some(protocol) => {
            let of = |policy: &&L7Policy| policy.protocol == protocol;
            for policy in configuration.l7_policies.iter().filter(of) {
                if name.is_none_or(|name| name == policy.name.text) {
                    let _ = writeln!(out, " Policy Map type inspect {protocol} {}", policy.name);
                    for rule in &policy.rules {
                        let _ = writeln!(out, "  Class {}", rule.class);
                        put_actions(&mut out, &rule.to_string());
                    }
                    out.push('\n');
                }
            }
        }
        None => {
            for policy in &configuration.l3_policies {
                if name.is_none_or(|name| name == policy.name.text) {
                    put_top(&mut out, policy);
                }
            }
        }
    }
    found(out, "policy-map", name)
}

fn put_top(out: &mut String, policy: &L3Policy) {
    let _ = writeln!(out, " Policy Map type inspect {}", policy.name);
    for rule in &policy.rules {
        let _ = writeln!(out, "  Class {}", rule.class);
        let text = rule.to_string();
        // Behind the line that names the class.
        put_actions(out, text.split_once('\n').map_or("", |(_, actions)| actions));
    }
    let _ = writeln!(out, "  Class class-default");
    put_actions(out, &policy.default.as_ref().map_or_else(|| "drop".to_owned(), ToString::to_string));
    out.push('\n');
}

/// Actions as a configuration has them, with a capital first.
fn put_actions(out: &mut String, actions: &str) {
    for action in actions.lines().map(str::trim) {
        let _ = writeln!(out, "   {}", capitalized(action));
    }
}

/// `show policy-map type inspect esmtp [NAME]`, as a configuration has them; with a name also the built-in one.
pub(super) fn esmtp_maps(configuration: &Configuration, name: Option<&str>) -> Result<String, String> {
    let text = match name {
        None => configuration.esmtp_maps.iter().map(ToString::to_string).collect(),
        Some(name) => configuration.esmtp_map(name).map(ToString::to_string).unwrap_or_default(),
    };
    found(text, "policy-map", name)
}

/// `show parameter-map type regex [NAME]`.
pub(super) fn regex_maps(configuration: &Configuration, name: Option<&str>) -> Result<String, String> {
    let mut out = String::new();
    for map in &configuration.regex_maps {
        if name.is_none_or(|name| name == map.name.text) {
            let _ = writeln!(out, "parameter-map type regex {}", map.name);
            map.patterns.iter().for_each(|pattern| {
                let _ = writeln!(out, " pattern {}", pattern.text);
            });
            out.push('\n');
        }
    }
    found(out, "parameter-map", name)
}

/// `show parameter-map type inspect [NAME | default]`, with what holds where a map says nothing.
pub(super) fn inspect_maps(configuration: &Configuration, name: Option<&str>) -> Result<String, String> {
    let mut out = String::new();
    if name == Some("default") {
        let none = InspectMap {
            name: Name::new("default", policy::source::Span::default()),
            limits: Limits::default(),
        };
        put_limits(&mut out, &none);
    }
    for map in &configuration.inspect_maps {
        if name.is_none_or(|name| name == map.name.text) {
            put_limits(&mut out, map);
        }
    }
    found(out, "parameter-map", name)
}

fn put_limits(out: &mut String, InspectMap { name, limits }: &InspectMap) {
    // Times are those of classic inspection, thresholds are not limited.
    let usual = Limits {
        tcp_max_incomplete_host: None,
        max_incomplete_low: None,
        max_incomplete_high: None,
        one_minute_low: None,
        one_minute_high: None,
        ..CLASSIC_DEFAULTS
    };
    let limits = limits.clone().or(usual);
    let state = |on: Option<bool>| if on.unwrap_or_default() { "on" } else { "off" };
    let seconds = |time: Option<u32>| time.unwrap_or_default();
    let (host, block_time) = limits.tcp_max_incomplete_host.unzip();
    let lines = [
        format!("audit-trail {}", state(limits.audit_trail)),
        format!("alert {}", state(limits.alert)),
        format!("max-incomplete low  {}", threshold(limits.max_incomplete_low)),
        format!("max-incomplete high {}", threshold(limits.max_incomplete_high)),
        format!("one-minute low  {}", threshold(limits.one_minute_low)),
        format!("one-minute high {}", threshold(limits.one_minute_high)),
        format!("udp idle-time {}", seconds(limits.udp_idle)),
        format!("icmp idle-time {}", seconds(limits.icmp_idle)),
        format!("dns-timeout {}", seconds(limits.dns_timeout)),
        format!("tcp idle-time {}", seconds(limits.tcp_idle)),
        format!("tcp finwait-time {}", seconds(limits.tcp_finwait)),
        format!("tcp synwait-time {}", seconds(limits.tcp_synwait)),
        format!("tcp max-incomplete host {} block-time {}", threshold(host), block_time.unwrap_or_default()),
        format!("sessions maximum {}", threshold(limits.sessions_maximum)),
    ];
    let _ = writeln!(out, "parameter-map type inspect {name}");
    lines.iter().for_each(|line| {
        let _ = writeln!(out, " {line}");
    });
    out.push('\n');
}

/// `show zone security [NAME]`.
pub(super) fn zones(configuration: &Configuration, name: Option<&str>) -> Result<String, String> {
    let mut out = String::new();
    if name.is_none_or(|name| name == "self") {
        out.push_str("zone self\n  Description: System defined zone\n\n");
    }
    for zone in &configuration.zones {
        if name.is_some_and(|name| name != zone.name.text) {
            continue;
        }
        let _ = writeln!(out, "zone {}", zone.name);
        if let Some(description) = &zone.description {
            let _ = writeln!(out, "  Description: {description}");
        }
        let is_member = |of: &Option<Name>| of.as_ref().is_some_and(|of| of.text == zone.name.text);
        let members: Vec<_> =
            configuration.interfaces.iter().filter(|interface| is_member(&interface.zone)).collect();
        if !members.is_empty() {
            out.push_str("  Member Interfaces:\n");
            members.iter().for_each(|interface| {
                let _ = writeln!(out, "    {}", interface.name);
            });
        }
        out.push('\n');
    }
    found(out, "zone", name)
}

/// `show zone-pair security [source ZONE destination ZONE]`.
pub(super) fn zone_pairs(configuration: &Configuration, between: Option<(&str, &str)>) -> String {
    let mut out = String::new();
    for pair in &configuration.zone_pairs {
        if between.is_some_and(|(source, destination)| {
            source != pair.source.text || destination != pair.destination.text
        }) {
            continue;
        }
        let policy = pair.policy.as_ref().map_or("not configured", |policy| &policy.text);
        let _ = writeln!(
            out,
            "Zone-pair name {}\n    Source-Zone {}  Destination-Zone {}\n    service-policy {policy}",
            pair.name, pair.source, pair.destination
        );
    }
    out
}

/// `show ip port-map [APPLICATION | port NUMBER]`.
pub(super) fn port_map(
    configuration: &Configuration,
    application: Option<&str>,
    port: Option<u16>,
) -> String {
    let mut out = String::new();
    let wanted = |name: &str, ports: &std::ops::RangeInclusive<u16>| {
        application.is_none_or(|application| application.eq_ignore_ascii_case(name))
            && port.is_none_or(|port| ports.contains(&port))
    };
    for (name, port) in SYSTEM_PORTS {
        if wanted(name, &(*port..=*port)) {
            let transport = if matches!(*name, "tftp" | "dns") { "udp" } else { "tcp" };
            let _ = writeln!(out, "Default mapping:  {name:<20} {transport} port {port:<26} system defined");
        }
    }
    for PortMapping { application: name, transport, ports, list, .. } in
        &configuration.settings.classic.port_maps
    {
        if !wanted(&name.text, ports) {
            continue;
        }
        let transport = match transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        };
        let ports = match (ports.start(), ports.end()) {
            (from, to) if from == to => format!("port {from}"),
            (from, to) => format!("from {from} to {to}"),
        };
        let (kind, place) = match list {
            Some(list) => ("Host specific: ", format!("{ports:<5} in list {list}")),
            None => ("Default mapping:", ports),
        };
        let name = &name.text;
        let _ = writeln!(out, "{kind:<16}  {name:<20} {transport} {place:<31} user defined");
    }
    out
}

/// `show access-lists [NAME]`.
pub(super) fn access_lists(configuration: &Configuration, name: Option<&str>) -> Result<String, String> {
    let mut out = String::new();
    let is_asa = configuration.platform == Platform::Asa;
    for list in &configuration.access_lists {
        if name.is_some_and(|name| name != list.name.text) {
            continue;
        }
        let own = &list.name;
        if is_asa {
            let _ = writeln!(out, "access-list {own}; {} elements", list.entries().count());
            for (number, entry) in list.entries().enumerate() {
                let _ = writeln!(out, "access-list {own} line {} {}", number + 1, entry.text);
            }
            continue;
        }
        let kind = match list.form {
            AccessListForm::V6 | AccessListForm::V6Lines => "IPv6 access list",
            AccessListForm::Standard => "Standard IP access list",
            AccessListForm::Lines if is_standard(&own.text) => "Standard IP access list",
            AccessListForm::Lines | AccessListForm::Extended => "Extended IP access list",
        };
        let _ = writeln!(out, "{kind} {own}");
        for (number, (sequence, entry)) in list.numbered().enumerate() {
            let sequence = sequence.map_or_else(|| (number + 1) * 10, |sequence| sequence as usize);
            let _ = match list.form {
                AccessListForm::V6 => writeln!(out, "    {} sequence {sequence}", entry.text),
                _ => writeln!(out, "    {sequence} {}", entry.text),
            };
        }
    }
    found(out, "access list", name)
}

/// Whether a number is one of a standard list.
fn is_standard(name: &str) -> bool {
    name.parse::<u16>().is_ok_and(|number| matches!(number, 1..=99 | 1300..=1999))
}

/// A screen; of a name that nothing has it is an error.
fn found(out: String, what: &str, name: Option<&str>) -> Result<String, String> {
    match name {
        Some(name) if out.is_empty() => Err(format!("{what} {name} is not configured")),
        _ => Ok(out),
    }
}

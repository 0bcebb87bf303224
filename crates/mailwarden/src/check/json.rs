//! The report as one JSON object per file: for programs, so its keys do not change.

use std::collections::BTreeMap;

use policy::attach::{Handling, Selector};
use policy::diagnostic::Diagnostic;
use policy::source::Source;
use policy::survey::{Entries, InterfaceRole, ServicePolicy};
use serde_json::{Map, Value, json};

use super::standing::{Class, NeedsProxy, Proxied, Standing};
use crate::configuration::Read;

pub(super) fn line(read: &Read) -> String {
    let Read { diagnostics, summary, source, .. } = read;
    let standing = Standing::of(read);
    let unused = summary.unused.iter().map(|map| format!("{} {}", map.of, map.name.text));
    let object = json!({
        "file": source.name,
        "errors": diagnostics.errors(),
        "warnings": diagnostics.warnings(),
        "notes": diagnostics.notes(),
        "diagnostics": diagnostics.iter().map(|found| diagnostic(source, found)).collect::<Vec<_>>(),
        "class_maps": summary.class_maps,
        "policy_maps": summary.policy_maps,
        "parameter_maps": summary.parameter_maps,
        "regexes": summary.regexes,
        "zones": summary.zones,
        "zone_pairs": summary.zone_pairs,
        "inspection_rules": summary.inspection_rules,
        "interfaces": by_name(&summary.interfaces, interface),
        "access_lists": by_name(&summary.access_lists, entries),
        "service_policies": summary.service_policies.iter().map(service_policy).collect::<Vec<_>>(),
        "enforced": standing.enforced.iter().map(proxied).collect::<Vec<_>>(),
        "relayed": standing.relayed.iter().map(proxied).collect::<Vec<_>>(),
        "needs_proxy": standing.needs_proxy.iter().map(needs_proxy).collect::<Vec<_>>(),
        "not_in_this_version": standing.not_yet,
        "not_used_here": summary.not_used_here.len(),
        "unused": unused.collect::<Vec<_>>(),
    });
    format!("{object}\n")
}

/// A complaint; its end is the column behind its last character.
fn diagnostic(source: &Source, found: &Diagnostic) -> Value {
    let (place, end) = (source.position(found.at), source.end_position(found.at));
    let related = found.related.iter().map(|(at, why)| {
        let (place, end) = (source.position(*at), source.end_position(*at));
        json!({
            "line": place.line,
            "column": place.column,
            "end_line": end.line,
            "end_column": end.column,
            "message": why,
        })
    });
    json!({
        "severity": found.severity().as_str(),
        "code": found.code.as_str(),
        "line": place.line,
        "column": place.column,
        "end_line": end.line,
        "end_column": end.column,
        "message": found.message,
        "help": found.help,
        "related": related.collect::<Vec<_>>(),
    })
}

fn proxied(proxied: &Proxied<'_>) -> Value {
    let attachment = proxied.attachment;
    let denied_by = match &attachment.sessions {
        Selector::Denied(list) => Some(&list.name.text),
        _ => None,
    };
    json!({
        "proxy": attachment.name.text,
        "listen": proxied.listen,
        "servers": proxied.servers,
        "top_level_class": attachment.class,
        "denied_by": denied_by,
        "policy": attachment.policy.as_ref().map(|policy| policy.name()),
        "conformance": attachment.conformance.to_string(),
        "starttls": attachment.starttls.to_string(),
        "dropped": attachment.handling == Handling::Drop,
        "classes": proxied.classes.iter().map(class).collect::<Vec<_>>(),
    })
}

fn class(class: &Class<'_>) -> Value {
    json!({
        "class": class.name,
        "mode": class.mode.to_string(),
        "conditions": class.conditions,
        "actions": class.actions,
    })
}

fn needs_proxy(needs: &NeedsProxy<'_>) -> Value {
    json!({ "policy": needs.policy, "named_by": needs.named_by, "block": needs.block })
}

fn by_name<T>(map: &BTreeMap<String, T>, render: impl Fn(&T) -> Value) -> Map<String, Value> {
    map.iter().map(|(name, value)| (name.clone(), render(value))).collect()
}

fn interface(role: &InterfaceRole) -> Value {
    json!({
        "inspect_in": role.inspect_in,
        "inspect_out": role.inspect_out,
        "access_group_in": role.access_group_in,
        "access_group_out": role.access_group_out,
        "zone": role.zone,
        "nameif": role.nameif,
        "security_level": role.security_level,
    })
}

fn entries(list: &Entries) -> Value {
    json!({ "permit": list.permit, "deny": list.deny })
}

fn service_policy(service: &ServicePolicy) -> Value {
    json!({ "policy": service.policy, "where": service.place })
}

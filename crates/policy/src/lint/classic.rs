//! Statements of classic inspection that act on interfaces alone, which do not inspect in this version.

use std::collections::HashSet;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, InspectRule, Protocol, ProxyPolicy};

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    let enforced = configuration.proxies.iter().filter_map(|proxy| match &proxy.policy {
        Some(ProxyPolicy::Classic(rule)) => Some((rule.text.as_str(), proxy.protocol())),
        _ => None,
    });
    let enforced: HashSet<(&str, Protocol)> = enforced.collect();
    for mapping in &configuration.settings.classic.port_maps {
        if matches!(mapping.application.text.as_str(), "smtp" | "esmtp" | "pop3" | "imap") {
            let message = format!("`{mapping}` has no effect on proxies, which name their ports");
            let place = mapping.application.at;
            complaints.push(Diagnostic::new(Code::NoEffect, place, message));
        }
    }
    for rule in &configuration.inspect_rules {
        for (protocol, port) in [(Protocol::Smtp, 25), (Protocol::Pop3, 110), (Protocol::Imap, 143)] {
            if !enforced.contains(&(rule.name.text.as_str(), protocol)) {
                complaints.extend(without_effect(rule, protocol, port));
            }
        }
    }
}

fn without_effect(rule: &InspectRule, protocol: Protocol, port: u16) -> Option<Diagnostic> {
    let line = rule.of_mail(protocol)?.line;
    let InspectRule { name, .. } = rule;
    let message = format!("`ip inspect name {name} {}` is enforced by no proxy", line.protocol);
    let of = match protocol {
        Protocol::Smtp => String::new(),
        other => format!(" / protocol {other}"),
    };
    let block = format!("proxy NAME / listen 0.0.0.0:{port} / server ADDRESS:{port}{of} / ip inspect {name}");
    Some(Diagnostic::new(Code::NoEffect, line.protocol.at, message).help(format!("`{block}` enforces it")))
}

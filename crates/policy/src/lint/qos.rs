//! What a class says of the rate and the order of packets, which this version leaves to the kernel.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, Name, TrafficRule};
use crate::outline::Outline;
use crate::source::Span;

pub(super) fn check(configuration: &Configuration, outline: &Outline<'_>, complaints: &mut Diagnostics) {
    for rule in configuration.l3_policies.iter().flat_map(|policy| &policy.rules) {
        let police = rule.police.iter();
        complaints.extend(police.map(|police| without_effect("police", police.at, &rule.class, outline)));
    }
    let rules = configuration.traffic_policies.iter().flat_map(|policy| &policy.rules);
    for TrafficRule { class, qos, .. } in rules {
        complaints.extend(qos.iter().map(|line| {
            let command = line.text.split(' ').next().unwrap_or_default();
            without_effect(command, line.at, class, outline)
        }));
    }
}

fn without_effect(command: &str, at: Span, class: &Name, outline: &Outline<'_>) -> Diagnostic {
    let what = match command {
        "police" => "the rate of its traffic is not limited",
        _ => "its packets are not sent first",
    };
    let message = format!("`{command}` of class `{class}` is not in this version: {what}");
    let help = outline.taken_back(at).map(|lines| format!("write `{lines}`"));
    Diagnostic::new(Code::NotSupported, at, message).maybe_help(help)
}

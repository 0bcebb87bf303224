//! Limits on the number of sessions that a proxy would be held to.

use std::collections::HashSet;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, L3Policy, ProxyPolicy};
use crate::source::Span;

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    let mut found: Vec<(Span, String)> = Vec::new();
    for proxy in &configuration.proxies {
        let top = proxy.policy.as_ref().and_then(ProxyPolicy::policy);
        let top = top.and_then(|name| configuration.l3_policies.get(&name.text));
        let maps = proxy.parameters.iter().chain(top.into_iter().flat_map(L3Policy::parameter_maps));
        let counting = maps.filter(|name| {
            configuration.inspect_maps.get(&name.text).is_some_and(|map| map.limits.counts_sessions())
        });
        found.extend(counting.map(|name| (name.at, format!("parameter-map `{name}`"))));
        match &proxy.policy {
            Some(ProxyPolicy::Traffic(name)) => {
                let rules = configuration.traffic_rules(name).iter();
                let counting = rules.filter(|rule| rule.connection.counts_sessions());
                let class = |class| format!("`set connection` in class `{class}` of policy-map `{name}`");
                found.extend(counting.map(|rule| (rule.class.at, class(&rule.class))));
            }
            Some(ProxyPolicy::Classic(name)) if configuration.settings.classic.limits.counts_sessions() => {
                found.push((name.at, "`ip inspect`".to_owned()));
            }
            _ => {}
        }
    }
    // Two proxies may share a configuration.
    let mut told = HashSet::new();
    found.retain(|(at, _)| told.insert(*at));
    for (at, of) in found {
        let message = format!("the session limits of {of} are not implemented yet");
        complaints.push(Diagnostic::new(Code::NotSupported, at, message));
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::complaints;

    #[test]
    fn limits_on_the_number_of_sessions_are_said_to_be_without_effect() {
        const PROXY: &str = "proxy mx\n listen 192.0.2.1:25\n server 10.10.10.25:25\n";
        let asa =
            "ASA Version 9.8(2)\npolicy-map P\n class inspection_default\n  inspect esmtp\n  set connection";
        let quiet = "mailwarden\n no warning long-header-lines\n";
        for (text, expected) in [
            (
                format!("{asa} conn-max 100 per-client-max 5\n{quiet}{PROXY} service-policy P\n"),
                vec!["3 not-supported"],
            ),
            (format!("{asa} timeout idle 1:00:00\n{quiet}{PROXY} service-policy P\n"), vec![]),
            (
                format!(
                    "ip inspect name R esmtp max-data 1\nip inspect max-incomplete high 500\n{PROXY} ip inspect R\n"
                ),
                vec!["6 not-supported"],
            ),
        ] {
            assert_eq!(complaints(&text), expected, "{text}");
        }
    }
}

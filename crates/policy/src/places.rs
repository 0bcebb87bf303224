//! A policy without its places: two texts that say the same give equal policies.

use crate::model::{Configuration, Criterion, L3Criterion, Name, ProxyPolicy, TopAction};
use crate::source::Span;

impl Configuration {
    /// The same policy with every place forgotten.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        for name in self.names() {
            name.at = Span::default();
        }
        for pattern in self.regex_maps.iter_mut().flat_map(|map| &mut map.patterns) {
            pattern.at = Span::default();
        }
        for condition in self.l7_classes.iter_mut().flat_map(|class| &mut class.conditions) {
            condition.at = Span::default();
        }
        for rule in self.l7_policies.iter_mut().flat_map(|policy| &mut policy.rules) {
            if let Some((_, at)) = &mut rule.action {
                *at = Span::default();
            }
        }
        self
    }

    /// Every name in it.
    fn names(&mut self) -> Vec<&mut Name> {
        let mut names: Vec<&mut Name> = Vec::new();
        let settings = &mut self.settings;
        names.extend(self.hostname.as_mut());
        names.extend(settings.control_socket.as_mut());
        names.extend(settings.events.as_mut());
        names.extend(settings.log_file.as_mut());
        names.extend(self.regex_maps.iter_mut().map(|map| &mut map.name));
        names.extend(self.inspect_maps.iter_mut().map(|map| &mut map.name));
        for class in &mut self.l7_classes {
            names.push(&mut class.name);
            for condition in &mut class.conditions {
                if let Criterion::Regex { map, .. } = &mut condition.criterion {
                    names.push(map);
                }
            }
        }
        for policy in &mut self.l7_policies {
            names.push(&mut policy.name);
            names.extend(policy.rules.iter_mut().map(|rule| &mut rule.class));
        }
        for class in &mut self.l3_classes {
            names.push(&mut class.name);
            names.extend(class.conditions.iter_mut().map(|condition| match &mut condition.criterion {
                L3Criterion::Protocol(name) | L3Criterion::AccessGroup(name) | L3Criterion::Class(name) => {
                    name
                }
            }));
        }
        for policy in &mut self.l3_policies {
            names.push(&mut policy.name);
            names.extend(policy.default.as_mut().and_then(parameters));
            for rule in &mut policy.rules {
                names.push(&mut rule.class);
                names.extend(rule.action.as_mut().and_then(parameters));
                if let Some((protocol, inner)) = &mut rule.service_policy {
                    names.extend([protocol, inner]);
                }
            }
        }
        names.extend(self.zones.iter_mut().map(|zone| &mut zone.name));
        for pair in &mut self.zone_pairs {
            names.extend([&mut pair.name, &mut pair.source, &mut pair.destination]);
            names.extend(pair.policy.as_mut());
        }
        for interface in &mut self.interfaces {
            names.push(&mut interface.name);
            names.extend(interface.zone.as_mut());
            names.extend(interface.linux_interface.as_mut());
        }
        for list in &mut self.access_lists {
            names.push(&mut list.name);
            names.extend(&mut list.entries);
        }
        for proxy in &mut self.proxies {
            names.push(&mut proxy.name);
            names.extend(proxy.parameters.as_mut());
            names.extend(proxy.attachment.as_mut().and_then(ProxyPolicy::policy_mut));
        }
        names
    }
}

fn parameters(action: &mut TopAction) -> Option<&mut Name> {
    match action {
        TopAction::Inspect { parameters } => parameters.as_mut(),
        TopAction::Pass { .. } | TopAction::Drop { .. } => None,
    }
}

//! `show service-policy`: the policies of an ASA with what was counted of them.

use std::fmt::Write as _;

use policy::model::{Action, Banner, Configuration, EsmtpMap, GLOBAL, Name, ProxyPolicy, TrafficRule};

use super::statistics::Statistics;
use super::{Seen, ServicePolicyWhere};
use crate::attachments::AttachmentId;

/// A screen, or why there is none. Proxies with such a policy come last.
pub(super) fn screen(seen: &Seen, place: &ServicePolicyWhere, only_esmtp: bool) -> Result<String, String> {
    let configuration = seen.configuration().ok_or("The daemon runs without a configuration file")?;
    let mut screen = Screen { seen, configuration, only_esmtp, out: String::new() };
    for service in &configuration.service_policies {
        let is_global = service.place.text == GLOBAL;
        let wanted = match place {
            ServicePolicyWhere::Everywhere => true,
            ServicePolicyWhere::Global => is_global,
            ServicePolicyWhere::Interface(name) => service.place.text == *name,
        };
        if wanted {
            let heading =
                if is_global { "Global policy:".to_owned() } else { format!("Interface {}:", service.place) };
            screen.policy(&heading, &service.policy, &service.policy);
        }
    }
    if *place == ServicePolicyWhere::Everywhere {
        configuration.proxies.iter().for_each(|proxy| match &proxy.policy {
            Some(ProxyPolicy::Traffic(name)) => {
                screen.policy(&format!("Proxy {}:", proxy.name), name, &proxy.name);
            }
            Some(ProxyPolicy::Esmtp(inspection)) => {
                screen.line(0, format_args!("Proxy {}:", proxy.name));
                let numbers = screen.seen.in_force.numbers_of_class(&proxy.name, "");
                screen.inspection(inspection.map_name(), &numbers, 2);
            }
            _ => {}
        });
    }
    Ok(screen.out)
}

struct Screen<'s> {
    seen: &'s Seen,
    configuration: &'s Configuration,
    only_esmtp: bool,
    out: String,
}

impl Screen<'_> {
    /// A policy where it holds; its sessions are counted under a name.
    fn policy(&mut self, heading: &str, policy: &Name, counted_as: &Name) {
        self.line(0, format_args!("{heading}"));
        self.line(2, format_args!("Service-policy: {policy}"));
        let rules: &[TrafficRule] = self.configuration.traffic_rules(policy);
        for rule in rules {
            if self.only_esmtp && rule.inspection.is_none() {
                continue;
            }
            self.line(4, format_args!("Class-map: {}", rule.class));
            let numbers = self.seen.in_force.numbers_of_class(counted_as, &rule.class.text);
            if let Some(inspection) = &rule.inspection {
                self.inspection(inspection.map_name(), &numbers, 6);
            }
            if !self.only_esmtp {
                self.connection(rule, &numbers);
            }
        }
    }

    fn inspection(&mut self, map: &str, numbers: &[AttachmentId], indent: usize) {
        let packets = Statistics::of(numbers, self.seen).reads;
        let by = |action: &str| self.acted(numbers, map, |_, of| of == action);
        let drops = by(Action::Close.keyword()) + by(Action::Reset.keyword());
        let resets = by(Action::Reset.keyword());
        self.line(
            indent,
            format_args!("Inspect: esmtp {map}, packet {packets}, drop {drops}, reset-drop {resets}"),
        );
        if let Some(map) = self.configuration.esmtp_map(map) {
            self.parameters(map, numbers, indent + 2);
            self.matches(map, numbers, indent + 2);
        }
    }

    fn parameters(&mut self, map: &EsmtpMap, numbers: &[AttachmentId], indent: usize) {
        if map.parameters.banner != Banner::Shown {
            let counters = numbers.iter().filter_map(|number| self.seen.counters.of(*number));
            let greeted: u64 = counters.map(|counters| counters.connected).sum();
            self.line(indent, format_args!("mask-banner, count {greeted}"));
        }
        if let Some((domain, action)) = &map.parameters.mail_relay {
            let times =
                self.acted(numbers, &map.name.text, |criterion, _| criterion.starts_with("mail-relay"));
            self.line(indent, format_args!("mail-relay {domain}"));
            let action = action.to_string();
            let action = action.strip_prefix("action ").unwrap_or(&action);
            self.line(indent + 2, format_args!("{action}, packet {times}"));
        }
    }

    fn matches(&mut self, map: &EsmtpMap, numbers: &[AttachmentId], indent: usize) {
        for one in &map.matches {
            self.line(indent, format_args!("{one}"));
            let text = one.to_string();
            let criterion = text.strip_prefix("match ").unwrap_or(&text);
            let times = self.acted(numbers, &map.name.text, |of, _| of == criterion);
            let action = match (&one.action, one.log) {
                (Some((action, _)), true) => format!("{action} log"),
                (Some((action, _)), false) => action.to_string(),
                (None, true) => "log".to_owned(),
                (None, false) => continue,
            };
            self.line(indent + 2, format_args!("{action}, packet {times}"));
        }
    }

    fn connection(&mut self, rule: &TrafficRule, numbers: &[AttachmentId]) {
        let all = self.seen.in_force.attachments.iter();
        let of_class = all.filter(|(_, number, _)| numbers.contains(number));
        let current: u32 = of_class.map(|(.., census)| census.population(self.seen.now).all).sum();
        if let Some(limit) = rule.connection.conn_max.filter(|limit| *limit > 0) {
            self.line(6, format_args!("Set connection policy: conn-max {limit}"));
            self.line(8, format_args!("current conns {current}"));
        }
    }

    /// How often the conditions of a map acted of which something holds: criterion and action.
    fn acted(&self, numbers: &[AttachmentId], map: &str, holds: impl Fn(&str, &str) -> bool) -> u64 {
        let counters = numbers.iter().filter_map(|number| self.seen.counters.of(*number));
        let of = |counters: &crate::report::AttachmentCounters| {
            counters.matched(map, |count| holds(&count.criterion, count.action))
        };
        counters.map(of).sum()
    }

    fn line(&mut self, indent: usize, text: std::fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = writeln!(self.out, "{:indent$}{text}", "");
    }
}

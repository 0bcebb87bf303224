//! Policies with what was counted of them: `show policy-map type inspect zone-pair` and `show policy-firewall`.

use std::fmt::Write as _;

use policy::model::{
    Configuration, L3Class, L3Policy, L3Rule, L7Class, L7Policy, Name, Protocol, ProxyPolicy, TopAction,
};

use super::statistics::Statistics;
use super::{Part, Seen, sessions};
use crate::attachments::AttachmentId;

/// Where a zone-based policy holds.
struct Place<'c> {
    /// `Zone-pair` or `Proxy`.
    kind: &'static str,
    name: &'c Name,
    policy: PlacePolicy<'c>,
}

enum PlacePolicy<'c> {
    Top(&'c L3Policy),
    /// Of one protocol, with nothing above it.
    Layer7(&'c L7Policy),
}

/// The class of whatever is in no other.
const CLASS_DEFAULT: &str = "class-default";

/// `show policy-map type inspect zone-pair [NAME] [sessions]`. Proxies with such a policy are among them.
pub(super) fn zone_pairs(seen: &Seen, wanted: Option<&str>, sessions: bool) -> Result<Vec<Part>, String> {
    let configuration = seen.configuration().ok_or("The daemon runs without a configuration file")?;
    let mut places = places(configuration);
    if let Some(wanted) = wanted {
        places.retain(|place| place.name.text == wanted);
        if places.is_empty() {
            return Err(format!("There is no zone-pair or proxy {wanted} with an inspect policy"));
        }
    }
    let mut screen = Screen { seen, configuration, sessions, parts: Vec::new(), text: String::new() };
    places.iter().for_each(|place| screen.place(place));
    Ok(screen.finish())
}

/// `show policy-firewall config [zone-pair NAME]`.
pub(super) fn configured(seen: &Seen, wanted: Option<&str>) -> Result<String, String> {
    let configuration = seen.configuration().ok_or("The daemon runs without a configuration file")?;
    let mut places = places(configuration);
    places.retain(|place| wanted.is_none_or(|wanted| place.name.text == wanted));
    if places.is_empty()
        && let Some(wanted) = wanted
    {
        return Err(format!("There is no zone-pair or proxy {wanted} with an inspect policy"));
    }
    let mut out = String::new();
    for place in places {
        let _ = writeln!(out, "{}: {}", place.kind, place.name);
        if let Some(pair) = configuration.zone_pairs.get(&place.name.text) {
            let _ = writeln!(out, "  Source Zone: {}\n  Destination Zone: {}", pair.source, pair.destination);
        }
        match place.policy {
            PlacePolicy::Top(top) => {
                let _ = writeln!(out, "  Service-policy inspect : {}", top.name);
                let rules = top.rules.iter();
                rules.for_each(|rule| put_class(&mut out, configuration, rule));
                let action = top.default.as_ref().map_or_else(|| "drop".to_owned(), ToString::to_string);
                let _ = writeln!(out, "    Class-map : {CLASS_DEFAULT}\n      Action : {action}");
            }
            PlacePolicy::Layer7(policy) => put_layer_7(&mut out, configuration, policy, 2),
        }
        out.push('\n');
    }
    Ok(out)
}

fn put_class(out: &mut String, configuration: &Configuration, rule: &L3Rule) {
    let _ = writeln!(out, "    Class-map : {}", rule.class);
    let class = configuration.l3_classes.get(&rule.class.text);
    let conditions = class.map_or(&[][..], |class| &class.conditions);
    conditions.iter().for_each(|condition| {
        let _ = writeln!(out, "      {condition}");
    });
    let action = rule.action.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let _ = writeln!(out, "      Action : {action}");
    let parameters = rule.action.as_ref().and_then(TopAction::parameters);
    let map = parameters.and_then(|map| configuration.inspect_maps.get(&map.text));
    map.iter().flat_map(|map| map.to_string().lines().map(str::to_owned).collect::<Vec<_>>()).for_each(
        |line| {
            let _ = writeln!(out, "      {line}");
        },
    );
    let policy = rule.l7_policy().and_then(|(_, name)| configuration.l7_policies.get(&name.text));
    policy.iter().for_each(|policy| put_layer_7(out, configuration, policy, 6));
}

fn put_layer_7(out: &mut String, configuration: &Configuration, policy: &L7Policy, indent: usize) {
    let _ = writeln!(out, "{:indent$}Service-policy inspect {} : {}", "", policy.protocol, policy.name);
    for rule in &policy.rules {
        let _ = writeln!(out, "{:indent$}  Class-map : {}", "", rule.class);
        let class = configuration.l7_classes.get(&rule.class.text);
        let conditions = class.map_or(&[][..], |class| &class.conditions);
        conditions.iter().for_each(|condition| {
            let _ = writeln!(out, "{:indent$}    {condition}", "");
        });
        rule.to_string().lines().for_each(|action| {
            let _ = writeln!(out, "{:indent$}    Action : {}", "", action.trim());
        });
    }
}

/// `show policy-firewall stats`: all sessions together.
pub(super) fn statistics(seen: &Seen) -> String {
    let all: Vec<_> = seen.in_force.attachments.iter().map(|(_, number, _)| *number).collect();
    let statistics = Statistics::of(&all, seen);
    let mut out = "Global Stats:\n".to_owned();
    statistics.put_packets(&mut out, 2);
    statistics.put_sessions(&mut out, 2, seen);
    out
}

fn places(configuration: &Configuration) -> Vec<Place<'_>> {
    let top = |name: &Name| configuration.l3_policies.get(&name.text).map(PlacePolicy::Top);
    let layer_7 = |name: &Name| configuration.l7_policies.get(&name.text).map(PlacePolicy::Layer7);
    let pairs = configuration.zone_pairs.iter().filter_map(|pair| {
        Some(Place { kind: "Zone-pair", name: &pair.name, policy: top(pair.policy.as_ref()?)? })
    });
    let proxies = configuration.proxies.iter().filter_map(|proxy| {
        let policy = match proxy.policy.as_ref()? {
            ProxyPolicy::Named(name) => top(name).or_else(|| layer_7(name))?,
            ProxyPolicy::L7(_, name) => layer_7(name)?,
            ProxyPolicy::Classic(_)
            | ProxyPolicy::Esmtp(_)
            | ProxyPolicy::Traffic(_)
            | ProxyPolicy::Pinhole => return None,
        };
        Some(Place { kind: "Proxy", name: &proxy.name, policy })
    });
    pairs.chain(proxies).collect()
}

struct Screen<'s> {
    seen: &'s Seen,
    configuration: &'s Configuration,
    sessions: bool,
    parts: Vec<Part>,
    /// What is not a part yet.
    text: String,
}

impl Screen<'_> {
    fn place(&mut self, place: &Place<'_>) {
        self.line(0, format_args!("{}: {}", place.kind, place.name));
        self.blank();
        match place.policy {
            PlacePolicy::Top(top) => {
                self.line(2, format_args!("Service-policy inspect : {}", top.name));
                self.blank();
                top.rules.iter().for_each(|rule| self.class(place.name, rule));
                self.class_default(place.name, top.default.as_ref());
            }
            PlacePolicy::Layer7(policy) => {
                let of_place = self.numbers(place.name, None);
                self.inspect(&of_place);
                self.layer_7(policy, &of_place, 2);
            }
        }
    }

    /// A class of a top-level policy, with what becomes of its sessions.
    fn class(&mut self, place: &Name, rule: &L3Rule) {
        let of_class = self.numbers(place, Some(&rule.class.text));
        let mode = self.configuration.l3_classes.get(&rule.class.text);
        let mode = mode.map_or_else(String::new, |class| format!(" ({})", class.mode));
        self.line(4, format_args!("Class-map: {}{mode}", rule.class));
        if let Some(class) = self.configuration.l3_classes.get(&rule.class.text) {
            self.matches(class, &of_class);
        }
        self.blank();
        match &rule.action {
            Some(TopAction::Inspect { .. }) => {
                self.inspect(&of_class);
                if let Some((_, name)) = rule.l7_policy()
                    && let Some(policy) = self.configuration.l7_policies.get(&name.text)
                {
                    self.layer_7(policy, &of_class, 6);
                }
            }
            Some(action) => self.action(action, &of_class, ""),
            None => {}
        }
    }

    /// The lines of a class. Of which of them a session was in it, only its protocol tells.
    fn matches(&mut self, class: &L3Class, of_class: &[AttachmentId]) {
        for condition in &class.conditions {
            let negated = if condition.negated { "not " } else { "" };
            self.line(6, format_args!("Match: {negated}{}", condition.criterion));
            if let policy::model::L3Criterion::Protocol(name) = &condition.criterion
                && let Some(protocol) = Protocol::inspected(&name.text)
            {
                let of_protocol = self.of_protocol(of_class, protocol);
                let Statistics { reads, bytes, .. } = Statistics::of(&of_protocol, self.seen);
                self.line(8, format_args!("{reads} packets, {bytes} bytes"));
            }
        }
    }

    fn class_default(&mut self, place: &Name, action: Option<&TopAction>) {
        let of_class = self.numbers(place, Some(CLASS_DEFAULT));
        self.line(4, format_args!("Class-map: {CLASS_DEFAULT} (match-any)"));
        self.line(6, format_args!("Match: any"));
        match action {
            Some(TopAction::Inspect { .. }) => self.inspect(&of_class),
            Some(action) => self.action(action, &of_class, ""),
            None => self.action(&TopAction::Drop { log: false }, &of_class, " (default action)"),
        }
        self.blank();
    }

    fn action(&mut self, action: &TopAction, of_class: &[AttachmentId], suffix: &str) {
        let Statistics { reads, bytes, .. } = Statistics::of(of_class, self.seen);
        let word = action.to_string();
        let (first, rest) = word.split_at_checked(1).unwrap_or_default();
        self.line(6, format_args!("{}{rest}{suffix}", first.to_uppercase()));
        self.line(8, format_args!("{reads} packets, {bytes} bytes"));
    }

    fn inspect(&mut self, of_class: &[AttachmentId]) {
        self.line(3, format_args!("Inspect"));
        if self.sessions {
            let text = std::mem::take(&mut self.text);
            self.parts.push(Part::Text(text));
            self.parts.extend(sessions::within(of_class.to_vec(), 8));
        }
        let statistics = Statistics::of(of_class, self.seen);
        self.line(8, format_args!("Packet inspection statistics [process switch:fast switch]"));
        statistics.put_packets(&mut self.text, 8);
        self.blank();
        statistics.put_sessions(&mut self.text, 8, self.seen);
        self.blank();
    }

    fn layer_7(&mut self, policy: &L7Policy, of_class: &[AttachmentId], indent: usize) {
        self.line(indent, format_args!("Service-policy inspect {} : {}", policy.protocol, policy.name));
        for rule in &policy.rules {
            let class = self.configuration.l7_classes.get(&rule.class.text);
            let mode = class.map_or_else(String::new, |class| format!(" ({})", class.mode));
            self.line(indent + 2, format_args!("Class-map: {}{mode}", rule.class));
            let times: u64 = self.matched(of_class, &policy.name.text, &rule.class.text);
            let plural = if times == 1 { "match" } else { "matches" };
            self.line(indent + 4, format_args!("{times} {plural}"));
            class.iter().for_each(|class| self.conditions(class, indent + 4));
            if rule.inspect {
                self.line(indent + 4, format_args!("Inspect"));
            }
            if rule.log {
                self.line(indent + 4, format_args!("Log"));
            }
            if let Some((action, _)) = rule.action {
                let word = action.keyword();
                let (first, rest) = word.split_at_checked(1).unwrap_or_default();
                self.line(indent + 4, format_args!("{}{rest}", first.to_uppercase()));
            }
        }
        self.blank();
    }

    fn conditions(&mut self, class: &L7Class, indent: usize) {
        for condition in &class.conditions {
            let negated = if condition.negated { "not " } else { "" };
            self.line(indent, format_args!("Match: {negated}{}", condition.criterion));
        }
    }

    /// How often a class of a policy acted.
    fn matched(&self, attachments: &[AttachmentId], policy: &str, class: &str) -> u64 {
        let of = attachments.iter().filter_map(|number| self.seen.counters.of(*number));
        of.map(|counters| counters.matched(policy, |count| count.class == class)).sum()
    }

    /// The attachments of a place, or those of one class of it.
    fn numbers(&self, place: &Name, class: Option<&str>) -> Vec<AttachmentId> {
        let attachments = self.seen.in_force.attachments.iter();
        let of_place = attachments.filter(|(name, ..)| name.name == place.text);
        let of_class = of_place.filter(|(name, ..)| class.is_none_or(|class| name.class == class));
        of_class.map(|(_, number, _)| *number).collect()
    }

    fn of_protocol(&self, attachments: &[AttachmentId], protocol: Protocol) -> Vec<AttachmentId> {
        let all = self.seen.in_force.attachments.iter();
        let of = all.filter(|(name, number, _)| name.protocol == protocol && attachments.contains(number));
        of.map(|(_, number, _)| *number).collect()
    }

    fn line(&mut self, indent: usize, text: std::fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = writeln!(self.text, "{:indent$}{text}", "");
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn finish(mut self) -> Vec<Part> {
        self.parts.push(Part::Text(self.text));
        self.parts
    }
}

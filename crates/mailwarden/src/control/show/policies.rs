//! Policies with what was counted of them: `show policy-map type inspect zone-pair` and `show policy-firewall`.

use std::fmt::{Display, Write as _};

use policy::model::{
    Configuration, L3Class, L3Criterion, L3Policy, L3Rule, L7Policy, Name, Protocol, ProxyPolicy, TopAction,
};

use super::statistics::Statistics;
use super::{Part, Seen, capitalized, sessions};
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
    let places = places(configuration, wanted)?;
    let mut screen = Screen { seen, configuration, sessions, parts: Vec::new(), text: String::new() };
    places.iter().for_each(|place| screen.place(place));
    Ok(screen.finish())
}

/// `show policy-firewall config [zone-pair NAME]`.
pub(super) fn configured(seen: &Seen, wanted: Option<&str>) -> Result<String, String> {
    let configuration = seen.configuration().ok_or("The daemon runs without a configuration file")?;
    let mut out = String::new();
    for place in places(configuration, wanted)? {
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
    for line in map.map(ToString::to_string).iter().flat_map(|map| map.lines()) {
        let _ = writeln!(out, "      {line}");
    }
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

/// Every place, or the one of a name; an error if there is none.
fn places<'c>(configuration: &'c Configuration, wanted: Option<&str>) -> Result<Vec<Place<'c>>, String> {
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
    let is_wanted = |place: &Place<'_>| wanted.is_none_or(|wanted| place.name.text == wanted);
    let places: Vec<_> = pairs.chain(proxies).filter(is_wanted).collect();
    match wanted {
        Some(wanted) if places.is_empty() => {
            Err(format!("There is no zone-pair or proxy {wanted} with an inspect policy"))
        }
        _ => Ok(places),
    }
}

/// `Match: not protocol smtp`, of a condition as a configuration has it.
fn match_line(condition: &impl Display) -> String {
    let line = condition.to_string();
    format!("Match:{}", line.strip_prefix("match").unwrap_or(&line))
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
                let of_place = self.seen.in_force.numbers(|of| of.name == place.name.text);
                self.inspect(&of_place);
                self.layer_7(policy, &of_place, 2);
            }
        }
    }

    /// A class of a top-level policy, with what becomes of its sessions.
    fn class(&mut self, place: &Name, rule: &L3Rule) {
        let of_class = self.seen.in_force.numbers_of_class(place, &rule.class.text);
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
            self.line(6, format_args!("{}", match_line(condition)));
            if let L3Criterion::Protocol(name) = &condition.criterion
                && let Some(protocol) = Protocol::inspected(&name.text)
            {
                let mut of_protocol = self.seen.in_force.numbers(|of| of.protocol == protocol);
                of_protocol.retain(|number| of_class.contains(number));
                let Statistics { reads, bytes, .. } = Statistics::of(&of_protocol, self.seen);
                self.line(8, format_args!("{reads} packets, {bytes} bytes"));
                let rate: u64 = of_protocol.iter().map(|number| self.seen.rates.of(*number)).sum();
                self.line(8, format_args!("30 second rate {rate} bps"));
            }
        }
    }

    fn class_default(&mut self, place: &Name, action: Option<&TopAction>) {
        let of_class = self.seen.in_force.numbers_of_class(place, CLASS_DEFAULT);
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
        // The one that would have begun a session.
        let dropped =
            of_class.iter().filter_map(|number| self.seen.counters.of(*number)).map(|of| of.dropped);
        let reads = reads + dropped.sum::<u64>();
        self.line(6, format_args!("{}{suffix}", capitalized(&action.to_string())));
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
            for condition in class.map_or(&[][..], |class| &class.conditions) {
                self.line(indent + 4, format_args!("{}", match_line(condition)));
            }
            for action in rule.to_string().lines() {
                self.line(indent + 4, format_args!("{}", capitalized(action.trim())));
            }
        }
        self.blank();
    }

    /// How often a class of a policy acted.
    fn matched(&self, attachments: &[AttachmentId], policy: &str, class: &str) -> u64 {
        let of = attachments.iter().filter_map(|number| self.seen.counters.of(*number));
        of.map(|counters| counters.matched(policy, |count| count.class == class)).sum()
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

//! Statements become the model: what each line of C3PL, and each of our own, does to it.
//!
//! Lines act in the order of the file, as if typed: `no` takes back, a block opened again adds.
//! Whether names are defined and rules make sense is found later, when all is known.

use std::collections::HashSet;
use std::fmt::Display;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::dialect::{Setting, Statement};
use crate::model::{
    AccessList, AccessListForm, BUILT_IN_ZONES, Configuration, InspectMap, Interface, Limits, MatchMode,
    Name, PatternText, Proxy, ProxyPolicy, Refusals, RegexMap, Zone, ZonePair,
};
use crate::platform::Platform;
use crate::source::Span;
use crate::statement::Node;

mod policy;
mod removal;

/// The model of everything a file says.
pub(crate) fn lower(nodes: Vec<Node>, platform: Platform, complaints: &mut Diagnostics) -> Configuration {
    let mut lowering = Lowering::new(platform, complaints);
    for node in nodes {
        lowering.statement(node);
    }
    lowering.finish()
}

/// Limits of the device's own parser.
const CLASS_NAME_MAX: usize = 205;
const POLICY_NAME_MAX: usize = 203;
const DESCRIPTION_MAX: usize = 200;
const PATTERNS_MAX: usize = 64;
const PATTERN_MAX: usize = 240;

struct Lowering<'c> {
    /// What the lines so far have made.
    configuration: Configuration,
    complaints: &'c mut Diagnostics,
}

impl<'c> Lowering<'c> {
    fn new(platform: Platform, complaints: &'c mut Diagnostics) -> Self {
        Self { configuration: Configuration { platform, ..Configuration::default() }, complaints }
    }

    fn finish(self) -> Configuration {
        let mut configuration = self.configuration;
        let Configuration { zones, zone_pairs, .. } = &mut configuration;
        for end in zone_pairs.iter_mut().flat_map(|pair| [&mut pair.source, &mut pair.destination]) {
            // Keywords have no case, names have: a zone `SELF` may stand beside the built-in `self`.
            if BUILT_IN_ZONES.iter().any(|zone| zone.eq_ignore_ascii_case(&end.text))
                && zones.get(&end.text).is_none()
            {
                end.text.make_ascii_lowercase();
            }
        }
        let interfaces = &mut configuration.interfaces;
        interfaces.retain(|interface| interface.zone.is_some() || interface.linux_interface.is_some());
        // A list of remarks alone cannot be told from none.
        let access_lists = &mut configuration.access_lists;
        access_lists.retain(|list| list.form != AccessListForm::Lines || !list.entries.is_empty());
        configuration.l7_classes.iter_mut().for_each(|class| keep_once(&mut class.conditions));
        configuration.l3_classes.iter_mut().for_each(|class| keep_once(&mut class.conditions));
        configuration
    }

    fn statement(&mut self, node: Node) {
        let Node { statement, negated, at, children } = node;
        if negated {
            return self.remove(statement, at);
        }
        match statement {
            Statement::Hostname(name) => self.configuration.hostname = name,
            Statement::LogFile(path) => self.configuration.settings.log_file = path,
            Statement::RegexMap(name) => self.regex_map(name, children),
            Statement::InspectMap { name, rest } => self.inspect_map(name, rest, children),
            Statement::L7Class { name, mode } => self.smtp_class(name, mode, children),
            Statement::L3Class { name, mode } => self.inspect_class(name, mode, children),
            Statement::L7Policy(name) => self.smtp_policy(name, children),
            Statement::L3Policy(name) => self.inspect_policy(name, children),
            Statement::Zone(name) => self.zone(name, children),
            Statement::ZonePair { name, ends } => self.zone_pair(name, ends, at, children),
            Statement::Interface(name) => self.interface(name, children),
            Statement::AccessListLine { name, entry } => self.access_list_line(name, entry),
            Statement::AccessList { form, name } => self.access_list(form, name, children),
            Statement::Mailwarden => self.mailwarden(children),
            Statement::Proxy(name) => self.proxy(name, children),
            // The rest stands in blocks, and is handled where its block is.
            _ => {}
        }
    }

    fn regex_map(&mut self, name: Name, children: Vec<Node>) {
        let map = self.configuration.regex_maps.open(&name, |name| RegexMap { name, patterns: Vec::new() });
        for Node { statement, negated, at, .. } in children {
            let Statement::Pattern(Name { text, at: place }) = statement else { continue };
            if negated {
                map.patterns.retain(|pattern| pattern.text != text);
                continue;
            }
            let length = text.chars().count();
            let wrong = if !(1..=PATTERN_MAX).contains(&length) {
                let message = format!("the pattern has {length} characters, expected 1 to {PATTERN_MAX}");
                Some(Diagnostic::new(Code::TooLong, place, message))
            } else if map.patterns.len() == PATTERNS_MAX {
                let message =
                    format!("parameter-map `{}` already has {PATTERNS_MAX} patterns", map.name.text);
                Some(
                    Diagnostic::new(Code::TooManyPatterns, at, message)
                        .help("move the rest to another parameter-map"),
                )
            } else if text.contains('\u{FFFD}') {
                let message = "the pattern is not valid UTF-8";
                Some(
                    Diagnostic::new(Code::PatternInvalid, place, message)
                        .help("write other bytes as `\\xNN`"),
                )
            } else {
                None
            };
            match wrong {
                Some(wrong) => self.complaints.push(wrong),
                None if map.patterns.iter().any(|pattern| pattern.text == text) => {}
                None => map.patterns.push(PatternText { text, at: place }),
            }
        }
    }

    fn inspect_map(&mut self, name: Name, rest: Option<Name>, children: Vec<Node>) {
        if let Some(rest) = rest {
            let message = format!(
                "`{}` is not supported here and is ignored",
                rest.text.split(' ').next().unwrap_or("")
            );
            let complaint = Diagnostic::new(Code::NotSupported, rest.at, message)
                .help("write each command of the map on a separate line");
            self.complaints.push(complaint);
        }
        let map = self
            .configuration
            .inspect_maps
            .open(&name, |name| InspectMap { name, limits: Default::default() });
        let mut wrong = Vec::new();
        for Node { statement, negated, at, .. } in children {
            let limits = &mut map.limits;
            match statement {
                Statement::Limit { set, value } => set(limits, value.filter(|_| !negated)),
                Statement::Switch { set, on } => set(limits, on.filter(|_| !negated)),
                Statement::HostLimit(limit) => limits.tcp_max_incomplete_host = limit.filter(|_| !negated),
                _ => {}
            }
            // The line that puts low above high is at fault, unless a later one puts it right.
            wrong.retain(|(what, _): &(&str, Span)| crossed(limits).any(|(still, ..)| still == *what));
            for (what, ..) in crossed(limits) {
                if !wrong.iter().any(|(known, _)| *known == what) {
                    wrong.push((what, at));
                }
            }
        }
        for (what, low, high) in crossed(&map.limits) {
            let at = wrong.iter().find(|(known, _)| *known == what).map_or(map.name.at, |(_, at)| *at);
            let message =
                format!("{what} low {low} is above high {high} in parameter-map `{}`", map.name.text);
            self.complaints.push(
                Diagnostic::new(Code::LowAboveHigh, at, message)
                    .help(format!("write `{what} low {high}` or less")),
            );
        }
    }

    fn zone(&mut self, name: Name, children: Vec<Node>) {
        if BUILT_IN_ZONES.contains(&name.text.as_str()) {
            let message = format!("zone `{}` is built in", name.text);
            self.complaints.push(Diagnostic::new(Code::ReservedName, name.at, message));
            return;
        }
        let zone = self.configuration.zones.open(&name, |name| Zone { name, description: None });
        describe(&mut zone.description, &children, self.complaints);
    }

    fn zone_pair(&mut self, name: Name, ends: Option<(Name, Name)>, at: Span, children: Vec<Node>) {
        let known = self.configuration.zone_pairs.get(&name.text);
        let mut description = known.and_then(|pair| pair.description.clone());
        describe(&mut description, &children, self.complaints);
        let (source, destination) = match (ends, known) {
            (Some(ends), Some(pair))
                if pair.source.text != ends.0.text || pair.destination.text != ends.1.text =>
            {
                let message = format!("zone-pair `{}` is redefined with different zones", name.text);
                self.complaints.push(
                    Diagnostic::new(Code::Overridden, at, message)
                        .related(pair.name.at, "previous definition"),
                );
                ends
            }
            (Some(ends), _) => ends,
            (None, Some(pair)) => (pair.source.clone(), pair.destination.clone()),
            (None, None) => {
                let message = "incomplete command, expected `source`";
                let end = Span { start: at.end, end: at.end };
                self.complaints.push(Diagnostic::new(Code::IncompleteCommand, end, message));
                return;
            }
        };
        let pair = self.configuration.zone_pairs.open(&name, |name| ZonePair {
            name,
            source: source.clone(),
            destination: destination.clone(),
            description: None,
            policy: None,
        });
        (pair.source, pair.destination, pair.description) = (source, destination, description);
        for Node { statement, negated, .. } in children {
            if let Statement::ServicePolicy(policy) = statement {
                pair.policy = policy.filter(|_| !negated);
            }
        }
    }

    fn interface(&mut self, name: Name, children: Vec<Node>) {
        // An interface may say anything of itself; only our own blocks limit their descriptions.
        let interface = self.configuration.interfaces.open(&name, |name| Interface {
            name,
            description: None,
            zone: None,
            linux_interface: None,
        });
        for Node { statement, negated, .. } in children {
            match statement {
                Statement::Description(text) => {
                    interface.description = text.filter(|_| !negated).map(|text| text.text);
                }
                Statement::ZoneMember(zone) => interface.zone = zone.filter(|_| !negated),
                Statement::LinuxInterface(name) => interface.linux_interface = name.filter(|_| !negated),
                _ => {}
            }
        }
    }

    fn access_list_line(&mut self, name: Name, entry: Option<Name>) {
        if let Some(entry) = entry {
            self.open_access_list(AccessListForm::Lines, &name).entries.push(entry);
        }
    }

    fn access_list(&mut self, form: AccessListForm, name: Name, children: Vec<Node>) {
        let list = self.open_access_list(form, &name);
        let lines = children.into_iter().filter_map(|Node { statement, negated, .. }| match statement {
            Statement::AccessListEntry(entry) => Some((negated, entry)),
            _ => None,
        });
        follow(&mut list.entries, lines.collect());
    }

    fn open_access_list(&mut self, form: AccessListForm, name: &Name) -> &mut AccessList {
        self.configuration.access_lists.open(name, |name| AccessList { name, form, entries: Vec::new() })
    }

    fn mailwarden(&mut self, children: Vec<Node>) {
        let settings = &mut self.configuration.settings;
        for Node { statement, negated, at, .. } in children {
            let Statement::Setting(setting) = statement else { continue };
            if let (Some(what), false) = (without_effect(&setting), negated) {
                let message = format!("`{what}` is not implemented yet and has no effect");
                self.complaints.push(Diagnostic::new(Code::NotSupported, at, message));
            }
            match setting {
                // Told before anything was read.
                Setting::Platform(_) => {}
                Setting::Workers(count) => settings.workers = (!negated).then_some(count),
                Setting::Conformance(level) => settings.conformance = unless(negated, level),
                Setting::Refusals(form) => settings.refusals = unless(negated, form),
                Setting::StartTls(treatment) => settings.starttls = unless(negated, treatment),
                Setting::RecipientLimit(form) => settings.recipient_limit = unless(negated, form),
                Setting::ControlSocket(path) => settings.control_socket = path.filter(|_| !negated),
                Setting::Metrics(address) => settings.metrics = address.filter(|_| !negated),
                Setting::EventsJson(path) => settings.events = path.filter(|_| !negated),
            }
        }
    }

    fn proxy(&mut self, name: Name, children: Vec<Node>) {
        let proxy = self.configuration.proxies.open(&name, |name| Proxy {
            name,
            description: None,
            listen: Vec::new(),
            servers: Vec::new(),
            protocol: None,
            policy: None,
            parameters: None,
        });
        describe(&mut proxy.description, &children, self.complaints);
        let (mut listen, mut servers) = (Vec::new(), Vec::new());
        for Node { statement, negated, at, .. } in children {
            match statement {
                Statement::Listen(address) => listen.push((negated, address)),
                Statement::Server(address) => servers.push((negated, address)),
                Statement::ProxyProtocol(protocol) => proxy.protocol = protocol.filter(|_| !negated),
                Statement::ProxyParameters(map) => proxy.parameters = map.filter(|_| !negated),
                Statement::ServicePolicy(policy) => {
                    proxy.policy = policy.filter(|_| !negated).map(ProxyPolicy::Named);
                }
                Statement::ProxySmtpPolicy(policy) => {
                    proxy.policy = policy.filter(|_| !negated).map(ProxyPolicy::Smtp);
                }
                Statement::InspectEsmtp if negated => proxy.policy = Some(ProxyPolicy::Pinhole),
                Statement::InspectEsmtp => self.complaints.push(not_in_this_version(at, "inspect esmtp")),
                Statement::IpInspect if !negated => {
                    self.complaints.push(not_in_this_version(at, "ip inspect"));
                }
                _ => {}
            }
        }
        for (addresses, lines) in [(&mut proxy.listen, listen), (&mut proxy.servers, servers)] {
            follow(addresses, lines);
            let mut seen = HashSet::new();
            addresses.retain(|address| seen.insert(*address));
        }
    }

    /// Whether a name is one a map may have.
    fn check_name(&mut self, name: &Name, kind: &str, length_max: usize) {
        if name.text.chars().count() > length_max {
            let message = format!("the name of a {kind} has at most {length_max} characters");
            self.complaints.push(Diagnostic::new(Code::TooLong, name.at, message));
        }
    }
}

/// What the lines of a block say of its description.
fn describe(description: &mut Option<String>, lines: &[Node], complaints: &mut Diagnostics) {
    for Node { statement, negated, at, .. } in lines {
        let Statement::Description(text) = statement else { continue };
        match text {
            _ if *negated => *description = None,
            Some(text) if text.text.chars().count() > DESCRIPTION_MAX => {
                let message = format!("the description is longer than {DESCRIPTION_MAX} characters");
                complaints.push(Diagnostic::new(Code::TooLong, text.at, message));
            }
            Some(text) => *description = Some(text.text.clone()),
            None => {
                let end = Span { start: at.end, end: at.end };
                let message = "incomplete command, expected text";
                complaints.push(Diagnostic::new(Code::IncompleteCommand, end, message));
            }
        }
    }
}

/// The thresholds whose low is above their high.
fn crossed(limits: &Limits) -> impl Iterator<Item = (&'static str, u32, u32)> {
    let pairs = [
        ("max-incomplete", limits.max_incomplete_low.zip(limits.max_incomplete_high)),
        ("one-minute", limits.one_minute_low.zip(limits.one_minute_high)),
    ];
    let pairs = pairs.into_iter().filter_map(|(what, pair)| pair.map(|(low, high)| (what, low, high)));
    pairs.filter(|(_, low, high)| low > high)
}

/// Leaves out what says the same as an earlier one, wherever it stood.
fn keep_once(conditions: &mut Vec<impl ToString>) {
    let mut seen = HashSet::new();
    conditions.retain(|condition| seen.insert(condition.to_string()));
}

/// What an administrator must not rely on yet.
fn without_effect(setting: &Setting) -> Option<&'static str> {
    match setting {
        Setting::Refusals(Refusals::Silent) => Some("refusals silent"),
        Setting::ControlSocket(Some(_)) => Some("control-socket"),
        Setting::Metrics(Some(_)) => Some("metrics"),
        _ => None,
    }
}

/// The value said, or the default if it was taken back.
fn unless<T: Default>(negated: bool, value: T) -> T {
    if negated { T::default() } else { value }
}

/// What the lines of a block make of a list; those with `no` take back what says the same before them.
///
/// They are read from the last to the first, so that each is looked at once, however many are taken back.
fn follow<T: Display>(list: &mut Vec<T>, lines: Vec<(bool, T)>) {
    let mut taken_back = HashSet::new();
    let mut left = Vec::new();
    for (negated, line) in lines.into_iter().rev() {
        if negated {
            taken_back.insert(line.to_string());
        } else if taken_back.is_empty() || !taken_back.contains(&line.to_string()) {
            left.push(line);
        }
    }
    if !taken_back.is_empty() {
        list.retain(|line| !taken_back.contains(&line.to_string()));
    }
    list.extend(left.into_iter().rev());
}

fn not_in_this_version(at: Span, what: &str) -> Diagnostic {
    Diagnostic::new(
        Code::NotInThisVersion,
        at,
        format!("`{what}` in a proxy is not available in this version"),
    )
    .help("use `service-policy type inspect NAME` with a policy-map of type inspect")
}

/// A block's mode when its header is typed again: without a keyword it stays what it was.
fn change_mode(
    known: &mut MatchMode,
    typed: Option<MatchMode>,
    header: &Name,
    before: Span,
    complaints: &mut Diagnostics,
) {
    if let Some(typed) = typed
        && typed != *known
    {
        let message = format!("class-map `{}` is redefined as {typed}", header.text);
        complaints.push(
            Diagnostic::new(Code::Overridden, header.at, message)
                .related(before, format!("previously {known}")),
        );
        *known = typed;
    }
}

//! What the statements of C3PL do to the model.

use std::collections::HashSet;

use super::{InnerLine, InspectMapLine, InterfaceLine, RegexMapLine, Statement, ZoneLine, ZonePairLine};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::dialect::lowering::{Lowering, Placed, describe, keep_once, lines, take_back};
use crate::dialect::thresholds::Thresholds;
use crate::model::{
    BUILT_IN_ZONES, Configuration, InspectMap, Interface, MatchMode, Name, Object, ObjectKind, PatternText,
    RegexMap, Zone, ZonePair,
};
use crate::source::Span;
use crate::statement::Node;

mod policy;

/// Limits of the device's own parser.
const CLASS_NAME_MAX: usize = 205;
const POLICY_NAME_MAX: usize = 203;
const PATTERNS_MAX: usize = 64;
const PATTERN_MAX: usize = 240;

pub(in crate::dialect) fn add(
    lowering: &mut Lowering<'_>,
    statement: Statement,
    at: Span,
    children: Vec<Node>,
) {
    match statement {
        Statement::RegexMap(name) => lowering.regex_map(&name, children),
        Statement::InspectMap { name, rest } => lowering.inspect_map(&name, rest, children),
        Statement::L7Class { protocol, name, mode } => lowering.l7_class(protocol, &name, mode, children),
        Statement::L3Class { name, mode } => lowering.l3_class(&name, mode, children),
        Statement::L7Policy(protocol, name) => lowering.l7_policy(protocol, &name, children),
        Statement::L3Policy(name) => lowering.l3_policy(&name, children),
        Statement::Zone(name) => lowering.zone(&name, children),
        Statement::ZonePair { name, ends } => lowering.zone_pair(&name, ends, at, children),
        Statement::Line(line) => outside_its_block(lowering, &line, at),
    }
}

/// `no` before the header of a block.
pub(in crate::dialect) fn remove(lowering: &mut Lowering<'_>, statement: Statement, at: Span) {
    let (kind, name) = match statement {
        Statement::RegexMap(name) => (ObjectKind::RegexMap, name),
        Statement::InspectMap { name, .. } => (ObjectKind::InspectMap, name),
        Statement::L7Class { protocol, name, .. } => (ObjectKind::L7Class(protocol), name),
        Statement::L7Policy(protocol, name) => (ObjectKind::L7Policy(protocol), name),
        Statement::L3Class { name, .. } => (ObjectKind::L3Class, name),
        Statement::L3Policy(name) => (ObjectKind::L3Policy, name),
        Statement::Zone(name) => (ObjectKind::Zone, name),
        Statement::ZonePair { name, .. } => (ObjectKind::ZonePair, name),
        Statement::Line(line) => return outside_its_block(lowering, &line, at),
    };
    lowering.remove_object(kind, &name, at);
}

fn outside_its_block(lowering: &mut Lowering<'_>, line: &InnerLine, at: Span) {
    match line {
        InnerLine::RegexMap(_)
        | InnerLine::InspectMap(_)
        | InnerLine::L7Class(_)
        | InnerLine::L7Policy(_)
        | InnerLine::L7Rule(_)
        | InnerLine::L3Class(_)
        | InnerLine::L3Policy(_)
        | InnerLine::L3Rule(_)
        | InnerLine::Zone(_)
        | InnerLine::ZonePair(_)
        | InnerLine::Interface(_) => lowering.misplaced(at),
    }
}

/// What is only known when all lines are read.
pub(in crate::dialect) fn finish(lowering: &mut Lowering<'_>) {
    let Configuration { zones, zone_pairs, l7_classes, l3_classes, .. } = &mut lowering.configuration;
    for end in zone_pairs.iter_mut().flat_map(|pair| [&mut pair.source, &mut pair.destination]) {
        // Keywords have no case, names have: a zone `SELF` may be defined beside the built-in `self`.
        if BUILT_IN_ZONES.iter().any(|zone| zone.eq_ignore_ascii_case(&end.text))
            && zones.get(&end.text).is_none()
        {
            end.text.make_ascii_lowercase();
        }
    }
    l7_classes.iter_mut().for_each(|class| keep_once(&mut class.conditions));
    l3_classes.iter_mut().for_each(|class| keep_once(&mut class.conditions));
    let l7 = l7_classes.iter().map(|class| (&class.name, class.conditions.len(), class.kind().command()));
    let l3 = l3_classes.iter().map(|class| (&class.name, class.conditions.len(), class.kind().command()));
    for (name, conditions, command) in l7.chain(l3) {
        if conditions > 1 && lowering.match_all_by_default.contains(&name.at) {
            let message = format!(
                "all {conditions} conditions of class-map `{name}` must hold: match-all is the default"
            );
            lowering.complaints.push(
                Diagnostic::new(Code::MatchAllByDefault, name.at, message)
                    .help(format!("write `{command} match-all {name}`, or `match-any`")),
            );
        }
    }
}

pub(in crate::dialect) fn interface_line(interface: &mut Interface, line: InterfaceLine, negated: bool) {
    match line {
        InterfaceLine::ZoneMember(zone) => interface.zone = zone.filter(|_| !negated),
    }
}

impl Lowering<'_> {
    fn regex_map(&mut self, name: &Name, children: Vec<Node>) {
        let map = self.configuration.regex_maps.open(name, |name| RegexMap {
            name,
            patterns: Vec::new(),
            files: Vec::new(),
        });
        for Placed { line, negated, at, .. } in lines(children, self.complaints) {
            let Name { text, at: place } = match line {
                RegexMapLine::Pattern(pattern) => pattern,
                RegexMapLine::File(file) => {
                    map.files.retain(|known| known.text != file.text);
                    if !negated {
                        map.files.push(file);
                    }
                    continue;
                }
            };
            if negated {
                let before = map.patterns.len();
                map.patterns.retain(|pattern| pattern.text != text);
                if map.patterns.len() == before {
                    let why = format!("parameter-map `{}` has no such pattern", map.name);
                    let typed = |text: &str| format!("pattern \"{text}\"");
                    let known: Vec<String> = map.patterns.iter().map(|known| typed(&known.text)).collect();
                    let known = known.iter().map(String::as_str);
                    let told = self.outline.takes_no_such_back(at, &why, &typed(&text), known);
                    self.complaints.extend(told);
                }
                continue;
            }
            let length = text.chars().count();
            let wrong =
                if !(1..=PATTERN_MAX).contains(&length) {
                    let message = format!("the pattern has {length} characters, expected 1 to {PATTERN_MAX}");
                    Some(Diagnostic::new(Code::TooLong, place, message))
                } else if map.patterns.len() == PATTERNS_MAX {
                    let message =
                        format!("parameter-map `{}` already has {PATTERNS_MAX} patterns", map.name.text);
                    Some(Diagnostic::new(Code::TooManyPatterns, at, message).help(format!(
                        "write `parameter-map type regex {}-2` before this line",
                        map.name.text
                    )))
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
                None => map.patterns.push(PatternText { text, at: place, line: None, regex: None }),
            }
        }
    }

    fn inspect_map(&mut self, name: &Name, rest: Option<Name>, children: Vec<Node>) {
        if let Some(rest) = rest {
            let message = format!(
                "`{}` is not supported here and is ignored",
                rest.text.split(' ').next().unwrap_or("")
            );
            let complaint = Diagnostic::new(Code::NotSupported, rest.at, message)
                .help(format!("write `parameter-map type inspect {name} / {}`", rest.text));
            self.complaints.push(complaint);
        }
        let map = self
            .configuration
            .inspect_maps
            .open(name, |name| InspectMap { name, limits: Default::default() });
        let mut thresholds = Thresholds::default();
        for Placed { line, negated, at, .. } in lines(children, self.complaints) {
            let limits = &mut map.limits;
            match line {
                InspectMapLine::Limit { set, value } => set(limits, value.filter(|_| !negated)),
                InspectMapLine::Switch { set, on } => set(limits, on.filter(|_| !negated)),
                InspectMapLine::HostLimit(limit) => {
                    limits.tcp_max_incomplete_host = limit.filter(|_| !negated);
                }
                InspectMapLine::LoginLimit(limit) => limits.login_failures = limit.filter(|_| !negated),
            }
            thresholds.say(limits, at);
        }
        let of = format!(" in parameter-map `{}`", map.name.text);
        self.complaints.extend(thresholds.complaints(&map.limits, "", &of));
    }

    fn zone(&mut self, name: &Name, children: Vec<Node>) {
        if BUILT_IN_ZONES.contains(&name.text.as_str()) {
            let message = format!("zone `{}` is built in", name.text);
            self.complaints.push(
                Diagnostic::new(Code::ReservedName, name.at, message).help("remove it: no line defines it"),
            );
            return;
        }
        let zone = self.configuration.zones.open(name, |name| Zone { name, description: None });
        for Placed { line, negated, at, .. } in lines(children, self.complaints) {
            match line {
                ZoneLine::Description(text) => {
                    describe(&mut zone.description, text, negated, at, self.complaints);
                }
            }
        }
    }

    fn zone_pair(&mut self, name: &Name, ends: Option<(Name, Name)>, at: Span, children: Vec<Node>) {
        let known = self.configuration.zone_pairs.get(&name.text);
        let mut description = known.and_then(|pair| pair.description.clone());
        let mut policy = known.and_then(|pair| pair.policy.clone());
        for Placed { line, negated, at, .. } in lines(children, self.complaints) {
            match line {
                ZonePairLine::Description(text) => {
                    describe(&mut description, text, negated, at, self.complaints);
                }
                ZonePairLine::ServicePolicy(named) if negated => {
                    self.complaints.extend(take_back(&mut policy, named.as_ref(), at, self.outline));
                }
                ZonePairLine::ServicePolicy(named) => policy = named,
            }
        }
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
        let pair = self.configuration.zone_pairs.open(name, |name| ZonePair {
            name,
            source: source.clone(),
            destination: destination.clone(),
            description: None,
            policy: None,
        });
        (pair.source, pair.destination, pair.description) = (source, destination, description);
        pair.policy = policy;
    }

    /// Whether a name is one a map may have.
    fn check_name(&mut self, name: &Name, kind: &str, length_max: usize) {
        if name.text.chars().count() > length_max {
            let message = format!("the name of a {kind} has at most {length_max} characters");
            self.complaints.push(Diagnostic::new(Code::TooLong, name.at, message));
        }
    }
}

/// Remembers whether any header of a class says its mode; `defined` is the place of the first one's name.
fn note_mode(by_default: &mut HashSet<Span>, typed: Option<MatchMode>, header: &Name, defined: Span) {
    if typed.is_some() {
        by_default.remove(&defined);
    } else if header.at == defined {
        by_default.insert(defined);
    }
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

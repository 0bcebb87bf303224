//! What the statements of the ASA do to the model.

use super::{
    EsmtpMapLine, EsmtpMatchLine, EsmtpParametersLine, InnerLine, InterfaceLine, ObjectLine, RegexClassLine,
    Statement,
};
use super::{access, access_group, defaults, named};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::dialect::lowering::{Lowering, Origin, Placed, describe, lines, no_other_back};
use crate::dialect::once::Once;
use crate::model::{
    AccessList, AccessListForm, Configuration, DEFAULT_ESMTP_MAP, EsmtpMap, EsmtpMatch, EsmtpParameters,
    GLOBAL, GroupForm, HostName, Interface, Name, ObjectGroup, ObjectKind, PatternText, Regex, RegexClass,
    ServicePolicy, SpecialCharacter, TrafficRule,
};
use crate::nearest::nearest;
use crate::outline::Outline;
use crate::source::Span;
use crate::statement::Node;
use crate::survey::{MapKind, UnusedMap};

mod traffic;

/// Limits of the device's own parser.
const NAME_MAX: usize = 40;
const PATTERN_MAX: usize = 100;

pub(in crate::dialect) fn add(
    lowering: &mut Lowering<'_>,
    statement: Statement,
    at: Span,
    children: Vec<Node>,
) {
    match statement {
        Statement::Regex { name, pattern } => lowering.regex(name, pattern),
        Statement::RegexClass(name) => lowering.regex_class(&name, children),
        Statement::EsmtpMap(name) => lowering.esmtp_map(&name, children),
        Statement::TrafficClass(name) => lowering.traffic_class(&name, children),
        Statement::TrafficPolicy(name) => lowering.traffic_policy(&name, children),
        Statement::ServicePolicy { policy, interface } => {
            let place = interface.unwrap_or_else(|| Name::new(GLOBAL, at));
            let service = lowering
                .configuration
                .service_policies
                .open(&place, |place| ServicePolicy { place, policy: policy.clone() });
            if service.policy.text != policy.text {
                lowering.complaints.extend(lowering.outline.replaces(at, service.policy.at));
            }
            service.policy = policy;
        }
        Statement::AccessGroup(group) => {
            lowering.configuration.access_groups.open(&group.line.clone(), |_| group);
        }
        Statement::AccessListLine { form, name, line, access, rest } => {
            lowering.access_list(form, &name).add_line(line, access::read(access, &rest));
        }
        Statement::AccessListRemark { form, name, line, text } => {
            lowering.access_list(form, &name).add_remark(line, text);
        }
        // A list is defined by its entries.
        Statement::AccessListOther => {}
        // Only its `no` form is in the table.
        Statement::AccessList(_) => lowering.misplaced(at),
        Statement::HostName(host) => {
            let HostName { name, address } = host;
            let new = |name| HostName { name, address: String::new() };
            lowering.configuration.host_names.open(&name, new).address = address;
        }
        Statement::ObjectGroup { name, form } => lowering.object_group(&name, form, children),
        Statement::Nameif { hardware, name, level } => {
            let interface = lowering.configuration.interfaces.open(&hardware, Interface::new);
            (interface.nameif, interface.security_level) = (Some(name), level);
        }
        Statement::Fixup(ports) => lowering.fixup(ports, at),
        Statement::Line(line) => outside_its_block(lowering, &line, at),
    }
}

/// `no` before a statement.
pub(in crate::dialect) fn remove(lowering: &mut Lowering<'_>, statement: Statement, at: Span) {
    let (kind, name) = match statement {
        Statement::Regex { name, .. } => (ObjectKind::Regex, name),
        Statement::RegexClass(name) => (ObjectKind::RegexClass, name),
        Statement::EsmtpMap(name) => (ObjectKind::EsmtpMap, name),
        Statement::TrafficClass(name) => (ObjectKind::TrafficClass, name),
        Statement::TrafficPolicy(name) => (ObjectKind::TrafficPolicy, name),
        Statement::ServicePolicy { policy, interface } => {
            let place = interface.unwrap_or_else(|| Name::new(GLOBAL, at));
            let known = lowering.configuration.service_policies.get(&place.text);
            let known = known.map(|service| &service.policy);
            if let Some(other) = no_other_back(known, Some(&policy), at, lowering.outline) {
                return lowering.complaints.push(other);
            }
            (ObjectKind::ServicePolicy, place)
        }
        Statement::AccessGroup(group) => (ObjectKind::AccessGroup, group.line),
        Statement::AccessListOther => return,
        Statement::AccessListLine { form, name, line: _, access, rest } => {
            let entry = access::read(access, &rest);
            let list = lowering.access_list(form, &name);
            if !list.remove(&entry, |known| access::say_the_same(known, &entry)) {
                let why = format!("access list `{name}` has no such entry");
                lowering.complaints.extend(lowering.outline.takes_nothing_back(at, &why));
            }
            return;
        }
        Statement::AccessListRemark { form, name, line: _, text } => {
            if !lowering.access_list(form, &name).remove_remark(&text) {
                let why = format!("access list `{name}` has no such remark");
                lowering.complaints.extend(lowering.outline.takes_nothing_back(at, &why));
            }
            return;
        }
        Statement::AccessList(name) => (ObjectKind::AccessList, name),
        Statement::HostName(host) => (ObjectKind::HostName, host.name),
        Statement::ObjectGroup { name, .. } => (ObjectKind::ObjectGroup, name),
        Statement::Nameif { hardware, .. } => (ObjectKind::Interface, hardware),
        Statement::Fixup(ports) => return lowering.no_fixup(ports.as_ref(), at),
        Statement::Line(line) => return outside_its_block(lowering, &line, at),
    };
    lowering.remove_object(kind, &name, at);
}

fn outside_its_block(lowering: &mut Lowering<'_>, line: &InnerLine, at: Span) {
    match line {
        InnerLine::Object(_)
        | InnerLine::RegexClass(_)
        | InnerLine::EsmtpMap(_)
        | InnerLine::EsmtpParameters(_)
        | InnerLine::EsmtpMatch(_)
        | InnerLine::TrafficClass(_)
        | InnerLine::TrafficPolicy(_)
        | InnerLine::TrafficRule(_)
        | InnerLine::Interface(_) => lowering.misplaced(at),
    }
}

/// What is only known when all lines are read.
pub(in crate::dialect) fn finish(lowering: &mut Lowering<'_>) {
    named::resolve(&mut lowering.configuration);
    access_group::drop_replaced(lowering);
    let Configuration { esmtp_maps, traffic_classes, traffic_policies, .. } = &mut lowering.configuration;
    // A class of the framework serves many features; one that asks for nothing of ours is none of ours.
    let named: Vec<String> = traffic_policies
        .iter()
        .flat_map(|policy| &policy.rules)
        .filter(|rule| rule.is_ours())
        .map(|rule| rule.class.text.clone())
        .collect();
    let unused = &mut lowering.unused;
    let mut serves_others = |kind, name: &Name| {
        unused.push(UnusedMap { kind, of: "plain".to_owned(), name: name.clone() });
    };
    traffic_classes.retain(|class| {
        let ours = named.contains(&class.name.text);
        if !ours {
            serves_others(MapKind::ClassMap, &class.name);
        }
        ours
    });
    for policy in traffic_policies.iter_mut() {
        policy.rules.retain(TrafficRule::is_ours);
        // It may be attached all the same, and then says that nothing is inspected.
        if policy.rules.is_empty() {
            serves_others(MapKind::PolicyMap, &policy.name);
        }
    }
    if lowering.origin == Origin::BuiltIn {
        return;
    }
    if let Some(map) = esmtp_maps.get(DEFAULT_ESMTP_MAP) {
        let (at, same) = (map.name.at, map.says_the_same_as(defaults::esmtp_map()));
        esmtp_maps.remove(DEFAULT_ESMTP_MAP);
        if !same {
            let message = format!("`{DEFAULT_ESMTP_MAP}` is built in, and this definition of it is not used");
            lowering.complaints.push(
                Diagnostic::new(Code::BuiltInMap, at, message)
                    .help("`policy-map type inspect esmtp NAME` defines a map of another name"),
            );
        }
    }
}

pub(in crate::dialect) fn interface_line(interface: &mut Interface, line: InterfaceLine, negated: bool) {
    match line {
        InterfaceLine::Nameif(name) => interface.nameif = name.filter(|_| !negated),
        InterfaceLine::SecurityLevel(level) => interface.security_level = level.filter(|_| !negated),
    }
}

impl Lowering<'_> {
    fn access_list(&mut self, form: AccessListForm, name: &Name) -> &mut AccessList {
        self.configuration.access_lists.open(name, |name| AccessList::new(name, form))
    }

    /// Opens an object or group. One of another form under the same name is defined anew.
    fn object_group(&mut self, name: &Name, form: GroupForm, children: Vec<Node>) {
        let group = self.configuration.object_groups.open(name, |name| ObjectGroup::new(name, form));
        if group.form != form {
            *group = ObjectGroup::new(name.clone(), form);
        }
        for Placed { line, negated, .. } in lines(children, self.complaints) {
            match line {
                ObjectLine::Description(text) => {
                    group.description = text.filter(|_| !negated).map(|text| text.text);
                }
                ObjectLine::Member(member) if negated => group.remove(member.kind, &member.rest.text),
                ObjectLine::Member(member) => group.add(member),
            }
        }
    }

    fn regex(&mut self, name: Name, pattern: Option<Name>) {
        self.check_asa_name(&name, "regular expression");
        let Some(Name { text, at }) = pattern else { return };
        let length = text.chars().count();
        if !(1..=PATTERN_MAX).contains(&length) {
            let message = format!("the pattern has {length} characters, expected 1 to {PATTERN_MAX}");
            return self.complaints.push(Diagnostic::new(Code::TooLong, at, message));
        }
        let pattern = PatternText { text, at, line: None, regex: Some(name.text.clone()) };
        let regex = self.configuration.regexes.open(&name, |name| Regex { name, pattern: pattern.clone() });
        if regex.pattern.text != pattern.text {
            let message = format!("regex `{name}` is redefined");
            self.complaints.push(
                Diagnostic::new(Code::Overridden, name.at, message)
                    .related(regex.pattern.at, "previous definition"),
            );
        }
        regex.pattern = pattern;
    }

    fn regex_class(&mut self, name: &Name, children: Vec<Node>) {
        self.check_asa_name(name, "class-map");
        let class = self.configuration.regex_classes.open(name, |name| RegexClass {
            name,
            description: None,
            regexes: Vec::new(),
        });
        for Placed { line, negated, at, .. } in lines(children, self.complaints) {
            match line {
                RegexClassLine::Description(text) => {
                    describe(&mut class.description, text, negated, at, self.complaints);
                }
                RegexClassLine::Match(regex) => {
                    let before = class.regexes.len();
                    class.regexes.retain(|known| known.text != regex.text);
                    if !negated {
                        class.regexes.push(regex);
                    } else if class.regexes.len() == before {
                        let meant = nearest(&regex.text, class.regexes.iter().map(|known| &*known.text));
                        let why = format!("class-map `{}` has no such match", class.name);
                        let told = self.outline.takes_no_other_back(at, &why, &regex, meant);
                        self.complaints.extend(told);
                    }
                }
            }
        }
    }

    fn esmtp_map(&mut self, name: &Name, children: Vec<Node>) {
        self.check_asa_name(name, "policy-map");
        let reserved = ["_default", "_internal"].iter().any(|prefix| name.text.starts_with(prefix));
        if reserved && name.text != DEFAULT_ESMTP_MAP {
            let message = format!("names such as `{name}` are reserved");
            return self.complaints.push(Diagnostic::new(Code::ReservedName, name.at, message).help(
                format!("write `policy-map type inspect esmtp {}`", name.text.trim_start_matches('_')),
            ));
        }
        let map = self.configuration.esmtp_maps.open(name, EsmtpMap::new);
        for Placed { line, negated, at, children } in lines(children, self.complaints) {
            match line {
                EsmtpMapLine::Description(text) => {
                    describe(&mut map.description, text, negated, at, self.complaints);
                }
                EsmtpMapLine::Parameters => {
                    let once = Once::new(self.outline);
                    parameters(&mut map.parameters, children, once, self.complaints);
                }
                EsmtpMapLine::Match { criterion, negated: not } => {
                    let same = |known: &EsmtpMatch| known.negated == not && known.criterion.is(&criterion);
                    if negated {
                        let before = map.matches.len();
                        map.matches.retain(|known| !same(known));
                        if map.matches.len() == before {
                            let why = format!("map `{}` has no such match", map.name);
                            let (criterion, negated) = (criterion, not);
                            let said = EsmtpMatch { criterion, negated, at, action: None, log: false };
                            let known: Vec<String> = map.matches.iter().map(ToString::to_string).collect();
                            let known = known.iter().map(String::as_str);
                            let told = self.outline.takes_no_such_back(at, &why, &said.to_string(), known);
                            self.complaints.extend(told);
                        }
                        continue;
                    }
                    let known = map.matches.iter().position(same).unwrap_or_else(|| {
                        let (action, log) = (None, false);
                        map.matches.push(EsmtpMatch { criterion, negated: not, at, action, log });
                        map.matches.len() - 1
                    });
                    let Some(known) = map.matches.get_mut(known) else { continue };
                    actions(known, children, self.outline, self.complaints);
                }
            }
        }
    }

    fn check_asa_name(&mut self, name: &Name, kind: &str) {
        if name.text.chars().count() > NAME_MAX {
            let message = format!("the name of a {kind} has at most {NAME_MAX} characters");
            self.complaints.push(Diagnostic::new(Code::TooLong, name.at, message));
        }
    }
}

fn parameters(
    parameters: &mut EsmtpParameters,
    children: Vec<Node>,
    mut once: Once<'_, std::mem::Discriminant<EsmtpParametersLine>>,
    complaints: &mut Diagnostics,
) {
    for Placed { line, negated, at, .. } in lines(children, complaints) {
        let what = std::mem::discriminant(&line);
        if negated {
            once.take_back(&what);
        } else {
            once.say(what, at, complaints);
        }
        match line {
            EsmtpParametersLine::MailRelay(relay) => parameters.mail_relay = relay,
            EsmtpParametersLine::MaskBanner(banner) => parameters.banner = banner,
            EsmtpParametersLine::SpecialCharacter(action) => {
                parameters.special_character =
                    Some(action.map_or(SpecialCharacter::Allowed, SpecialCharacter::Acts));
            }
            EsmtpParametersLine::AllowTls(allow) => parameters.allow_tls = Some(allow),
        }
    }
}

fn actions(of: &mut EsmtpMatch, children: Vec<Node>, outline: &Outline<'_>, complaints: &mut Diagnostics) {
    for Placed { line, negated, at, .. } in lines(children, complaints) {
        match line {
            EsmtpMatchLine::Log => of.log = !negated,
            EsmtpMatchLine::Action { action, log, .. } if negated => match of.action {
                Some((known, _)) if known != action => {
                    let told = outline.takes_nothing_back(at, &format!("the action is `{known}`"));
                    complaints.extend(told.map(|told| told.help(format!("write `no {known}`"))));
                }
                _ => {
                    of.action = None;
                    of.log &= !log;
                }
            },
            EsmtpMatchLine::Action { action, log, elsewhere } => {
                if elsewhere {
                    let message = "`drop` and `send-protocol-error` are of other inspections; read as \
                                   `drop-connection`";
                    complaints.push(
                        Diagnostic::new(Code::NoEffect, at, message)
                            .help(format!("write `drop-connection{}`", if log { " log" } else { "" })),
                    );
                }
                if let Some((before, place)) = of.action.filter(|(before, _)| *before != action) {
                    let message = format!("`{action}` replaces `{before}`: a match has one action");
                    complaints
                        .push(Diagnostic::new(Code::Overridden, at, message).related(place, "replaced"));
                }
                of.action = Some((action, at));
                of.log |= log;
            }
        }
    }
}

//! What the statements of the ASA do to the model.

use super::{
    EsmtpMapLine, EsmtpMatchLine, EsmtpParametersLine, InnerLine, InterfaceLine, ObjectLine, RegexClassLine,
    Statement, TrafficClassLine, TrafficPolicyLine, TrafficRuleLine,
};
use super::{access, access_group, defaults, named};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::dialect::lowering::{Lowering, Origin, Placed, describe, lines};
use crate::dialect::once::Once;
use crate::model::{
    AccessList, AccessListForm, Configuration, Connection, DEFAULT_ESMTP_MAP, EsmtpInspection, EsmtpMap,
    EsmtpMatch, EsmtpParameters, GLOBAL, GroupForm, HostName, Interface, Name, ObjectGroup, ObjectKind,
    PatternText, Regex, RegexClass, ServicePolicy, SpecialCharacter, TrafficClass, TrafficMatch,
    TrafficPolicy, TrafficRule,
};
use crate::source::Span;
use crate::statement::Node;
use crate::survey::{MapKind, UnusedMap};

/// Limits of the device's own parser.
const NAME_MAX: usize = 40;
const PATTERN_MAX: usize = 100;

/// What the names of the classes begin with that stand for `fixup protocol smtp`.
const FIXUP_CLASS: &str = "class_smtp_";

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
        Statement::ServicePolicy { interface, .. } => {
            let place = interface.unwrap_or_else(|| Name::new(GLOBAL, at));
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
                    class.regexes.retain(|known| known.text != regex.text);
                    class.regexes.extend((!negated).then_some(regex));
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
                            self.complaints.extend(self.outline.takes_nothing_back(at, &why));
                        }
                        continue;
                    }
                    let known = map.matches.iter().position(same).unwrap_or_else(|| {
                        let (action, log) = (None, false);
                        map.matches.push(EsmtpMatch { criterion, negated: not, at, action, log });
                        map.matches.len() - 1
                    });
                    let Some(known) = map.matches.get_mut(known) else { continue };
                    actions(known, children, self.complaints);
                }
            }
        }
    }

    fn traffic_class(&mut self, name: &Name, children: Vec<Node>) {
        let class = self.configuration.traffic_classes.open(name, |name| TrafficClass {
            name,
            description: None,
            matches: Vec::new(),
        });
        for Placed { line, negated, at, .. } in lines(children, self.complaints) {
            match line {
                // Of any length: other features have such classes too.
                TrafficClassLine::Description(text) => {
                    class.description = text.filter(|_| !negated).map(|text| text.text);
                }
                TrafficClassLine::Match(one) => {
                    class.matches.retain(|known| !known.is(&one));
                    if !negated && class.matches.iter().any(|known| !known.goes_with(&one)) {
                        let message = format!(
                            "an ASA takes one `match` in class `{}`: here both must hold",
                            class.name
                        );
                        self.complaints.push(Diagnostic::new(Code::MatchAllByDefault, at, message));
                    }
                    class.matches.extend((!negated).then_some(one));
                }
            }
        }
    }

    fn traffic_policy(&mut self, name: &Name, children: Vec<Node>) {
        let policy = self.configuration.traffic_policies.open(name, TrafficPolicy::new);
        for Placed { line, negated, children, .. } in lines(children, self.complaints) {
            let class = match line {
                TrafficPolicyLine::Description(text) => {
                    policy.description = text.filter(|_| !negated).map(|text| text.text);
                    continue;
                }
                TrafficPolicyLine::Class(class) => class,
            };
            if negated {
                policy.rules.retain(|rule| rule.class.text != class.text);
                continue;
            }
            let Some(rule) = policy.rule(class) else { continue };
            for Placed { line, negated, at, .. } in lines(children, self.complaints) {
                match line {
                    TrafficRuleLine::InspectEsmtp(map) if negated => {
                        let why = rule.no_inspect(map.as_ref());
                        let complaint = why.and_then(|why| self.outline.takes_nothing_back(at, &why));
                        self.complaints.extend(complaint);
                    }
                    TrafficRuleLine::InspectEsmtp(map) => rule.inspect(map, at, self.complaints),
                    TrafficRuleLine::Connection(change) => connection(&mut rule.connection, change, negated),
                    TrafficRuleLine::OtherConnection => {}
                }
            }
        }
    }

    /// What the statement of a PIX becomes when it is upgraded to an ASA.
    fn fixup(&mut self, ports: Option<Name>, at: Span) {
        let Some((class, matches)) = self.fixup_class(ports.as_ref()) else { return };
        let class = Name::new(class, at);
        self.configuration.traffic_classes.open(&class, |name| TrafficClass {
            name,
            description: None,
            matches: vec![matches],
        });
        let policy =
            self.configuration.traffic_policies.open(&Name::new("global_policy", at), TrafficPolicy::new);
        if let Some(rule) = policy.rule(class) {
            rule.inspection = Some(EsmtpInspection { map: None, at });
        }
        self.configuration.service_policies.open(&Name::new(GLOBAL, at), |place| ServicePolicy {
            place,
            policy: Name::new("global_policy", at),
        });
    }

    /// Without ports every line is taken back, and port 25 is inspected as from the beginning.
    fn no_fixup(&mut self, ports: Option<&Name>, at: Span) {
        let Some((class, _)) = self.fixup_class(ports) else { return };
        let policy =
            self.configuration.traffic_policies.open(&Name::new("global_policy", at), TrafficPolicy::new);
        match ports {
            Some(_) => policy.rules.retain(|rule| rule.class.text != class),
            None => {
                policy.rules.retain(|rule| !rule.class.text.starts_with(FIXUP_CLASS));
                self.fixup(None, at);
            }
        }
    }

    /// The class for the ports of `fixup protocol smtp`: its name, and what it matches.
    fn fixup_class(&mut self, ports: Option<&Name>) -> Option<(String, TrafficMatch)> {
        let Some(ports) = ports.filter(|ports| ports.text != "25") else {
            return Some(("inspection_default".to_owned(), TrafficMatch::DefaultInspection));
        };
        let (low, high) = ports.text.split_once('-').unwrap_or((&ports.text, &ports.text));
        match (low.parse::<u16>(), high.parse::<u16>()) {
            (Ok(low), Ok(high)) if low <= high => {
                Some((format!("{FIXUP_CLASS}{}", ports.text), TrafficMatch::Port(low..=high)))
            }
            _ => {
                let message = format!("invalid input `{ports}`, expected PORT or PORT-PORT");
                self.complaints.push(
                    Diagnostic::new(Code::InvalidInput, ports.at, message)
                        .help("write `fixup protocol smtp 25`"),
                );
                None
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

fn actions(of: &mut EsmtpMatch, children: Vec<Node>, complaints: &mut Diagnostics) {
    for Placed { line, negated, at, .. } in lines(children, complaints) {
        match line {
            EsmtpMatchLine::Log => of.log = !negated,
            EsmtpMatchLine::Action { action, log, .. } if negated => {
                of.action = of.action.filter(|(known, _)| *known != action);
                of.log &= !log;
            }
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

/// What a line `set connection` says is over what was said before; `no` takes it back.
fn connection(connection: &mut Connection, change: Connection, negated: bool) {
    let fields = |of: &mut Connection| {
        [
            of.conn_max,
            of.embryonic_conn_max,
            of.per_client_max,
            of.per_client_embryonic_max,
            of.embryonic,
            of.half_closed,
            of.idle,
        ]
    };
    let (mut change, mut known) = (change, *connection);
    let mut merged = fields(&mut known);
    for (field, said) in merged.iter_mut().zip(fields(&mut change)) {
        if said.is_some() {
            *field = said.filter(|_| !negated);
        }
    }
    let [
        conn_max,
        embryonic_conn_max,
        per_client_max,
        per_client_embryonic_max,
        embryonic,
        half_closed,
        idle,
    ] = merged;
    *connection = Connection {
        conn_max,
        embryonic_conn_max,
        per_client_max,
        per_client_embryonic_max,
        embryonic,
        half_closed,
        idle,
    };
}

impl TrafficRule {
    /// Whether it says anything that concerns mail.
    fn is_ours(&self) -> bool {
        self.inspection.is_some() || self.connection != Connection::default()
    }

    fn inspect(&mut self, map: Option<Name>, at: Span, complaints: &mut Diagnostics) {
        if let Some(before) = &self.inspection {
            let new = map.as_ref().map_or(DEFAULT_ESMTP_MAP, |map| &map.text);
            let old = before.map_name();
            if old != new {
                let message = format!("map `{new}` replaces `{old}` in class `{}`", self.class);
                complaints
                    .push(Diagnostic::new(Code::Overridden, at, message).related(before.at, "replaced"));
            }
        }
        self.inspection = Some(EsmtpInspection { map, at });
    }

    /// Or why there is nothing to take back. A device has an inspection of its own, which no line need say.
    fn no_inspect(&mut self, map: Option<&Name>) -> Option<String> {
        let inspected = self.inspection.as_ref().map(EsmtpInspection::map_name);
        if let (Some(inspected), Some(map)) = (inspected, map)
            && *inspected != map.text
        {
            return Some(format!("class `{}` inspects by `{inspected}`", self.class));
        }
        self.inspection = None;
        None
    }
}

impl TrafficPolicy {
    fn new(name: Name) -> Self {
        Self { name, description: None, rules: Vec::new() }
    }

    /// The rule of the class, made if there is none.
    fn rule(&mut self, class: Name) -> Option<&mut TrafficRule> {
        let known = self.rules.iter().position(|rule| rule.class.text == class.text);
        let at = known.unwrap_or(self.rules.len());
        if known.is_none() {
            self.rules.push(TrafficRule { class, inspection: None, connection: Connection::default() });
        }
        self.rules.get_mut(at)
    }
}

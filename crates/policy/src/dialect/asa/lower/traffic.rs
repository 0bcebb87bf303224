//! Classes of connections, and what is done with them.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::dialect::asa::{TrafficClassLine, TrafficPolicyLine, TrafficRuleLine};
use crate::dialect::lowering::{Lowering, Placed, lines};
use crate::model::{
    Connection, DEFAULT_ESMTP_MAP, EsmtpInspection, GLOBAL, Name, ServicePolicy, TrafficClass, TrafficMatch,
    TrafficPolicy, TrafficRule,
};
use crate::nearest::nearest;
use crate::source::Span;
use crate::statement::Node;

/// What the names of the classes begin with that stand for `fixup protocol smtp`.
const FIXUP_CLASS: &str = "class_smtp_";

impl Lowering<'_> {
    pub(super) fn traffic_class(&mut self, name: &Name, children: Vec<Node>) {
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
                    let before = class.matches.len();
                    class.matches.retain(|known| !known.is(&one));
                    if negated && class.matches.len() == before {
                        let why = format!("class-map `{}` has no such match", class.name);
                        let line = |one: &TrafficMatch| format!("match {one}");
                        let known: Vec<String> = class.matches.iter().map(line).collect();
                        let known = known.iter().map(String::as_str);
                        let told = self.outline.takes_no_such_back(at, &why, &line(&one), known);
                        self.complaints.extend(told);
                    }
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

    pub(super) fn traffic_policy(&mut self, name: &Name, children: Vec<Node>) {
        let policy = self.configuration.traffic_policies.open(name, TrafficPolicy::new);
        for Placed { line, negated, at, children } in lines(children, self.complaints) {
            let class = match line {
                TrafficPolicyLine::Description(text) => {
                    policy.description = text.filter(|_| !negated).map(|text| text.text);
                    continue;
                }
                TrafficPolicyLine::Class(class) => class,
            };
            if negated {
                let before = policy.rules.len();
                policy.rules.retain(|rule| rule.class.text != class.text);
                if policy.rules.len() == before {
                    let classes = policy.rules.iter().map(|rule| rule.class.text.as_str());
                    let meant = nearest(&class.text, classes);
                    let why = format!("policy-map `{}` has no such class", policy.name);
                    let told = self.outline.takes_no_other_back(at, &why, &class, meant);
                    self.complaints.extend(told);
                }
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
                    TrafficRuleLine::Qos(said) => {
                        let command = said.text.split(' ').next();
                        rule.qos.retain(|known| known.text.split(' ').next() != command);
                        rule.qos.extend((!negated).then_some(said));
                    }
                    TrafficRuleLine::OtherConnection => {}
                }
            }
        }
    }

    /// What the statement of a PIX becomes when it is upgraded to an ASA.
    pub(super) fn fixup(&mut self, ports: Option<Name>, at: Span) {
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
    pub(super) fn no_fixup(&mut self, ports: Option<&Name>, at: Span) {
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
            (low, high) => {
                let message = format!("invalid input `{ports}`, expected PORT or PORT-PORT");
                let meant = match (low, high) {
                    (Ok(high), Ok(low)) => format!("{low}-{high}"),
                    _ => "25".to_owned(),
                };
                self.complaints.push(
                    Diagnostic::new(Code::InvalidInput, ports.at, message)
                        .help(format!("write `fixup protocol smtp {meant}`")),
                );
                None
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
    pub(super) fn is_ours(&self) -> bool {
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
            self.rules.push(TrafficRule {
                class,
                inspection: None,
                connection: Connection::default(),
                qos: Vec::new(),
            });
        }
        self.rules.get_mut(at)
    }
}

//! Class-maps and policy-maps: conditions, rules and actions.

use std::collections::HashMap;

use super::{CLASS_NAME_MAX, POLICY_NAME_MAX, change_mode, note_mode};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::dialect::c3pl::{
    ENCODINGS, L3ClassLine, L3PolicyLine, L3RuleLine, L7ClassLine, L7PolicyLine, L7RuleLine, UNKNOWN_ENCODING,
};
use crate::dialect::lowering::{Followed, Lowering, Placed, describe, follow, lines, no_other_back};
use crate::model::{
    Condition, Criterion, Encoding, L3Class, L3Policy, L3Rule, L7Class, L7Policy, L7Rule, MatchMode, Name,
    Object, Police, Protocol, TopAction,
};
use crate::nearest::nearest;
use crate::outline::Outline;
use crate::source::Span;
use crate::statement::Node;

impl Lowering<'_> {
    pub(super) fn l7_class(
        &mut self,
        protocol: Protocol,
        name: &Name,
        mode: Option<MatchMode>,
        children: Vec<Node>,
    ) {
        if !self.may_be_class(name) {
            return;
        }
        let known = self.configuration.l7_classes.get(&name.text);
        if let Some(other) = known.filter(|class| class.protocol != protocol) {
            let complaint = of_another_protocol(name, other);
            return self.complaints.push(complaint);
        }
        let class = self.configuration.l7_classes.open(name, |name| L7Class {
            protocol,
            name,
            mode: mode.unwrap_or(MatchMode::All),
            description: None,
            conditions: Vec::new(),
        });
        change_mode(&mut class.mode, mode, name, class.name.at, self.complaints);
        note_mode(&mut self.match_all_by_default, mode, name, class.name.at);
        let mut conditions = Vec::new();
        for Placed { line, negated: removed, at, .. } in lines(children, self.complaints) {
            match line {
                L7ClassLine::Description(text) => {
                    describe(&mut class.description, text, removed, at, self.complaints);
                }
                L7ClassLine::Match { criterion, negated } => {
                    if !removed {
                        check_criterion(&criterion, at, self.complaints);
                    }
                    let said = Condition { criterion, negated, at };
                    conditions.push(Followed { said, negated: removed, at });
                }
            }
        }
        let why = no_such("class-map", name, "match");
        follow(&mut class.conditions, conditions, |at, said, known| {
            self.complaints.extend(self.outline.takes_no_such_back(at, &why, said, known));
        });
    }

    pub(super) fn l3_class(&mut self, name: &Name, mode: Option<MatchMode>, children: Vec<Node>) {
        if !self.may_be_class(name) {
            return;
        }
        let class = self.configuration.l3_classes.open(name, |name| L3Class {
            name,
            mode: mode.unwrap_or(MatchMode::All),
            description: None,
            conditions: Vec::new(),
        });
        change_mode(&mut class.mode, mode, name, class.name.at, self.complaints);
        note_mode(&mut self.match_all_by_default, mode, name, class.name.at);
        let mut conditions = Vec::new();
        for Placed { line, negated, at, .. } in lines(children, self.complaints) {
            match line {
                L3ClassLine::Description(text) => {
                    describe(&mut class.description, text, negated, at, self.complaints);
                }
                L3ClassLine::Match(said) => conditions.push(Followed { said, negated, at }),
            }
        }
        let why = no_such("class-map", name, "match");
        follow(&mut class.conditions, conditions, |at, said, known| {
            self.complaints.extend(self.outline.takes_no_such_back(at, &why, said, known));
        });
    }

    pub(super) fn l7_policy(&mut self, protocol: Protocol, name: &Name, children: Vec<Node>) {
        self.check_name(name, "policy-map", POLICY_NAME_MAX);
        let known = self.configuration.l7_policies.get(&name.text);
        if let Some(other) = known.filter(|policy| policy.protocol != protocol) {
            let complaint = of_another_protocol(name, other);
            return self.complaints.push(complaint);
        }
        let policy = self.configuration.l7_policies.open(name, |name| L7Policy {
            protocol,
            name,
            description: None,
            rules: Vec::new(),
        });
        let mut places = places(&policy.rules, |rule| &rule.class);
        for Placed { line, negated, at, children } in lines(children, self.complaints) {
            let class = match line {
                L7PolicyLine::Description(text) => {
                    describe(&mut policy.description, text, negated, at, self.complaints);
                    continue;
                }
                L7PolicyLine::Class(class) => class,
            };
            if class.text.eq_ignore_ascii_case(CLASS_DEFAULT) {
                let message = format!(
                    "`class-default` is not allowed in a policy-map of type inspect {protocol}; what no class \
                     matches is allowed"
                );
                self.complaints.push(Diagnostic::new(Code::ReservedName, class.at, message));
                continue;
            }
            if negated {
                let classes = policy.rules.iter().map(|rule| &rule.class);
                self.complaints.extend(no_class(classes, &policy.name, &class, at, self.outline));
                policy.rules.retain(|rule| rule.class.text != class.text);
                places = self::places(&policy.rules, |rule| &rule.class);
                continue;
            }
            let at = *places.entry(class.text.clone()).or_insert(policy.rules.len());
            if at == policy.rules.len() {
                policy.rules.push(L7Rule { class, log: false, action: None, inspect: false });
            }
            let Some(rule) = policy.rules.get_mut(at) else { continue };
            for Placed { line, negated, at, .. } in lines(children, self.complaints) {
                l7_action(rule, line, negated, at, self.outline, self.complaints);
            }
        }
    }

    pub(super) fn l3_policy(&mut self, name: &Name, children: Vec<Node>) {
        self.check_name(name, "policy-map", POLICY_NAME_MAX);
        let policy = self.configuration.l3_policies.open(name, |name| L3Policy {
            name,
            description: None,
            rules: Vec::new(),
            default: None,
        });
        let mut places = places(&policy.rules, |rule| &rule.class);
        for Placed { line, negated, at, children } in lines(children, self.complaints) {
            match line {
                L3PolicyLine::Description(text) => {
                    describe(&mut policy.description, text, negated, at, self.complaints);
                }
                L3PolicyLine::ClassDefault if negated => policy.default = None,
                L3PolicyLine::ClassDefault => {
                    default_rule(&mut policy.default, children, self.outline, self.complaints);
                }
                L3PolicyLine::Class(class) if negated => {
                    let classes = policy.rules.iter().map(|rule| &rule.class);
                    self.complaints.extend(no_class(classes, &policy.name, &class, at, self.outline));
                    policy.rules.retain(|rule| rule.class.text != class.text);
                    places = self::places(&policy.rules, |rule| &rule.class);
                }
                L3PolicyLine::Class(class) => {
                    let at = *places.entry(class.text.clone()).or_insert(policy.rules.len());
                    if at == policy.rules.len() {
                        let rule = L3Rule { class, action: None, service_policy: None, police: None };
                        policy.rules.push(rule);
                    }
                    let Some(rule) = policy.rules.get_mut(at) else { continue };
                    l3_rule(rule, children, self.outline, self.complaints);
                }
            }
        }
    }

    /// Whether a class-map may have this name.
    fn may_be_class(&mut self, name: &Name) -> bool {
        self.check_name(name, "class-map", CLASS_NAME_MAX);
        let reserved = name.text.eq_ignore_ascii_case(CLASS_DEFAULT);
        if reserved {
            let message = "`class-default` is reserved and cannot name a class-map";
            self.complaints.push(Diagnostic::new(Code::ReservedName, name.at, message));
        }
        !reserved
    }
}

/// A name that a class-map or policy-map of another protocol has.
fn of_another_protocol(name: &Name, other: &dyn Object) -> Diagnostic {
    let (noun, command) = (other.kind().noun(), other.kind().command());
    Diagnostic::new(Code::ProtocolMismatch, name.at, format!("{noun} `{name}` is a `{command}`"))
        .related(other.name().at, "defined here")
        .help(format!("write another name, such as `{name}-2`"))
}

/// What no other class of a top-level policy takes.
const CLASS_DEFAULT: &str = "class-default";

/// What is wrong or odd about a condition taken alone.
fn check_criterion(criterion: &Criterion, at: Span, complaints: &mut Diagnostics) {
    match criterion {
        Criterion::Protocol => complaints.push(
            Diagnostic::new(
                Code::ProtocolInL7Class,
                at,
                "`match protocol smtp` matches all mail in a class-map of type inspect smtp",
            )
            .help("remove it here; in a `class-map type inspect` it selects the traffic"),
        ),
        Criterion::MimeEncoding { encoding: Encoding::Private(value) } => {
            let private = value.get(..2).is_some_and(|x| x.eq_ignore_ascii_case("x-")) && value.len() > 2;
            if !private {
                let message = format!("unknown encoding `{value}`, private encodings begin with `X-`");
                let help = match nearest(
                    value,
                    ENCODINGS.iter().map(|&(_, word)| word).chain([UNKNOWN_ENCODING]),
                ) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!(
                        "write `match mime encoding X-{value}`, or `unknown` for any encoding that is not listed"
                    ),
                };
                // The value is the last word of its line.
                let word = u32::try_from(value.len()).map_or(at, |len| Span { start: at.end - len, ..at });
                complaints.push(Diagnostic::new(Code::EncodingNotPrivate, word, message).help(help));
            }
        }
        Criterion::Regex { .. }
        | Criterion::Count { .. }
        | Criterion::CommandVerb { .. }
        | Criterion::MimeEncoding { .. }
        | Criterion::EhloReply { .. }
        | Criterion::Sign(_) => {}
    }
}

/// The index of the rule of each class, so that a policy with many is not searched for each of its lines.
fn places<R>(rules: &[R], class: impl Fn(&R) -> &Name) -> HashMap<String, usize> {
    rules.iter().zip(0..).map(|(rule, at)| (class(rule).text.clone(), at)).collect()
}

/// Why `no` before a line of a block takes nothing back.
fn no_such(block: &str, name: &Name, line: &str) -> String {
    format!("{block} `{name}` has no such {line}")
}

/// That `no class …` takes nothing back, if the policy has no rule of the class.
fn no_class<'c>(
    classes: impl Iterator<Item = &'c Name> + Clone,
    policy: &Name,
    class: &Name,
    at: Span,
    outline: &Outline<'_>,
) -> Option<Diagnostic> {
    if classes.clone().any(|known| known.text == class.text) {
        return None;
    }
    let meant = nearest(&class.text, classes.map(|known| known.text.as_str()));
    outline.takes_no_other_back(at, &no_such("policy-map", policy, "class"), class, meant)
}

fn l7_action(
    rule: &mut L7Rule,
    line: L7RuleLine,
    negated: bool,
    at: Span,
    outline: &Outline<'_>,
    complaints: &mut Diagnostics,
) {
    match line {
        L7RuleLine::Log => rule.log = !negated,
        L7RuleLine::Inspect => {
            rule.inspect = !negated;
            if !negated {
                complaints.push(
                    Diagnostic::new(
                        Code::Pinhole,
                        at,
                        "`inspect` in an SMTP policy-map allows the class without inspection",
                    )
                    .help("remove it, or write `allow`; it has its place in a `policy-map type inspect`"),
                );
            }
        }
        L7RuleLine::Action(action) if negated => match rule.action {
            Some((known, _)) if known != action => {
                let told = outline.takes_nothing_back(at, &format!("the action is `{known}`"));
                complaints.extend(told.map(|told| told.help(format!("write `no {known}`"))));
            }
            _ => rule.action = None,
        },
        L7RuleLine::Action(action) => match rule.action {
            Some((known, before)) if known != action => {
                let message = format!("class `{}` cannot both {known} and {action}", rule.class.text);
                complaints.push(
                    Diagnostic::new(Code::ActionConflict, at, message)
                        .related(before, format!("`{known}` is configured here"))
                        .help(format!("write `no {known}` first")),
                );
            }
            Some(_) => {}
            None => rule.action = Some((action, at)),
        },
    }
}

fn l3_rule(rule: &mut L3Rule, children: Vec<Node>, outline: &Outline<'_>, complaints: &mut Diagnostics) {
    for Placed { line, negated, at, .. } in lines(children, complaints) {
        match line {
            L3RuleLine::Action(action) => {
                change_top_action(&mut rule.action, action, negated, at, outline, complaints);
            }
            L3RuleLine::ServicePolicy { protocol, policy } if negated => match &rule.service_policy {
                Some((of, known)) if of.text != protocol.text => {
                    let why = format!("the class has `service-policy {of} {known}`");
                    let told = outline.takes_nothing_back(at, &why);
                    let help = format!("write `no service-policy {of} {known}`");
                    complaints.extend(told.map(|told| told.help(help)));
                }
                known => {
                    let known = known.as_ref().map(|(_, known)| known);
                    match no_other_back(known, policy.as_ref(), at, outline) {
                        Some(other) => complaints.push(other),
                        None => rule.service_policy = None,
                    }
                }
            },
            L3RuleLine::ServicePolicy { protocol, policy } => {
                rule.service_policy = policy.map(|policy| (protocol, policy));
            }
            L3RuleLine::Police(said) => {
                rule.police = said.filter(|_| !negated).map(|(rate, burst)| Police { rate, burst, at });
            }
        }
    }
}

fn default_rule(
    default: &mut Option<TopAction>,
    children: Vec<Node>,
    outline: &Outline<'_>,
    complaints: &mut Diagnostics,
) {
    for Placed { line, negated, at, .. } in lines(children, complaints) {
        match line {
            L3RuleLine::Action(action) => {
                change_top_action(default, action, negated, at, outline, complaints);
            }
            // What cannot be configured cannot be removed.
            L3RuleLine::ServicePolicy { .. } | L3RuleLine::Police(_) if negated => {}
            L3RuleLine::ServicePolicy { protocol, .. } => {
                let message = format!("`class-default` cannot have a service-policy for {}", protocol.text);
                complaints.push(Diagnostic::new(Code::ProtocolMismatch, at, message));
            }
            L3RuleLine::Police(_) => {
                let message = "`police` has no effect in `class-default`";
                complaints.push(Diagnostic::new(Code::NotSupported, at, message));
            }
        }
    }
}

/// Of inspect, pass and drop the last one said counts.
fn change_top_action(
    known: &mut Option<TopAction>,
    action: TopAction,
    negated: bool,
    at: Span,
    outline: &Outline<'_>,
    complaints: &mut Diagnostics,
) {
    if negated {
        match known.as_ref().map(kind).filter(|known| *known != kind(&action)) {
            Some(other) => {
                let told = outline.takes_nothing_back(at, &format!("the action is `{other}`"));
                complaints.extend(told.map(|told| told.help(format!("write `no {other}`"))));
            }
            None => *known = None,
        }
        return;
    }
    if let Some(before) = known.as_ref().filter(|before| kind(before) != kind(&action)) {
        let message = format!("`{}` replaces `{}`", kind(&action), kind(before));
        complaints.push(Diagnostic::new(Code::Overridden, at, message));
    }
    *known = Some(action);
}

fn kind(action: &TopAction) -> &'static str {
    match action {
        TopAction::Inspect { .. } => "inspect",
        TopAction::Pass { .. } => "pass",
        TopAction::Drop { .. } => "drop",
    }
}

//! Class-maps and policy-maps: conditions, rules and actions.

use std::collections::HashMap;

use super::{CLASS_NAME_MAX, Lowering, POLICY_NAME_MAX, change_mode, describe, follow};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::dialect::Statement;
use crate::dialect::c3pl::{ENCODINGS, UNKNOWN_ENCODING};
use crate::model::{
    Condition, Criterion, Encoding, L3Class, L3Policy, L3Rule, L7Class, L7Policy, L7Rule, MatchMode, Name,
    Protocol, TopAction,
};
use crate::nearest::nearest;
use crate::source::Span;
use crate::statement::Node;

impl Lowering<'_> {
    pub(super) fn smtp_class(&mut self, name: Name, mode: Option<MatchMode>, children: Vec<Node>) {
        if !self.may_be_class(&name) {
            return;
        }
        let class = self.configuration.l7_classes.open(&name, |name| L7Class {
            protocol: Protocol::Smtp,
            name,
            mode: mode.unwrap_or(MatchMode::All),
            description: None,
            conditions: Vec::new(),
        });
        change_mode(&mut class.mode, mode, &name, class.name.at, self.complaints);
        describe(&mut class.description, &children, self.complaints);
        let lines = children.into_iter().filter_map(|Node { statement, negated: taken_back, at, .. }| {
            let Statement::SmtpMatch { criterion, negated } = statement else { return None };
            Some((taken_back, Condition { criterion, negated, at }))
        });
        let lines: Vec<(bool, Condition)> = lines.collect();
        for (_, condition) in lines.iter().filter(|(taken_back, _)| !taken_back) {
            check_criterion(&condition.criterion, condition.at, self.complaints);
        }
        follow(&mut class.conditions, lines);
    }

    pub(super) fn inspect_class(&mut self, name: Name, mode: Option<MatchMode>, children: Vec<Node>) {
        if !self.may_be_class(&name) {
            return;
        }
        let class = self.configuration.l3_classes.open(&name, |name| L3Class {
            name,
            mode: mode.unwrap_or(MatchMode::All),
            description: None,
            conditions: Vec::new(),
        });
        change_mode(&mut class.mode, mode, &name, class.name.at, self.complaints);
        describe(&mut class.description, &children, self.complaints);
        let lines = children.into_iter().filter_map(|Node { statement, negated, .. }| match statement {
            Statement::InspectMatch(condition) => Some((negated, condition)),
            _ => None,
        });
        follow(&mut class.conditions, lines.collect());
    }

    pub(super) fn smtp_policy(&mut self, name: Name, children: Vec<Node>) {
        self.check_name(&name, "policy-map", POLICY_NAME_MAX);
        let policy = self.configuration.l7_policies.open(&name, |name| L7Policy {
            protocol: Protocol::Smtp,
            name,
            description: None,
            rules: Vec::new(),
        });
        describe(&mut policy.description, &children, self.complaints);
        let mut places = places(&policy.rules, |rule| &rule.class);
        for Node { statement, negated, children, .. } in children {
            let Statement::L7Rule(class) = statement else { continue };
            if class.text.eq_ignore_ascii_case(CLASS_DEFAULT) {
                let message =
                    "`class-default` is not allowed in an SMTP policy-map; unmatched mail is allowed";
                self.complaints.push(Diagnostic::new(Code::ReservedName, class.at, message));
                continue;
            }
            if negated {
                policy.rules.retain(|rule| rule.class.text != class.text);
                places = self::places(&policy.rules, |rule| &rule.class);
                continue;
            }
            let at = *places.entry(class.text.clone()).or_insert(policy.rules.len());
            if at == policy.rules.len() {
                policy.rules.push(L7Rule { class, log: false, action: None, inspect: false });
            }
            let Some(rule) = policy.rules.get_mut(at) else { continue };
            for Node { statement, negated, at, .. } in children {
                smtp_action(rule, &statement, negated, at, self.complaints);
            }
        }
    }

    pub(super) fn inspect_policy(&mut self, name: Name, children: Vec<Node>) {
        self.check_name(&name, "policy-map", POLICY_NAME_MAX);
        let policy = self.configuration.l3_policies.open(&name, |name| L3Policy {
            name,
            description: None,
            rules: Vec::new(),
            default: None,
        });
        describe(&mut policy.description, &children, self.complaints);
        let mut places = places(&policy.rules, |rule| &rule.class);
        for node in children {
            match node.statement {
                Statement::DefaultRule if node.negated => policy.default = None,
                Statement::DefaultRule => default_rule(&mut policy.default, node.children, self.complaints),
                Statement::L3Rule(class) if node.negated => {
                    policy.rules.retain(|rule| rule.class.text != class.text);
                    places = self::places(&policy.rules, |rule| &rule.class);
                }
                Statement::L3Rule(class) => {
                    let at = *places.entry(class.text.clone()).or_insert(policy.rules.len());
                    if at == policy.rules.len() {
                        let rule = L3Rule { class, action: None, service_policy: None, police: None };
                        policy.rules.push(rule);
                    }
                    let Some(rule) = policy.rules.get_mut(at) else { continue };
                    inspect_rule(rule, node.children, self.complaints);
                }
                _ => {}
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
            .help("use it in a `class-map type inspect`, which selects the traffic"),
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
        _ => {}
    }
}

/// Where the rule of each class stands, so that a policy with many is not searched for each of its lines.
fn places<R>(rules: &[R], class: impl Fn(&R) -> &Name) -> HashMap<String, usize> {
    rules.iter().zip(0..).map(|(rule, at)| (class(rule).text.clone(), at)).collect()
}

fn smtp_action(
    rule: &mut L7Rule,
    statement: &Statement,
    negated: bool,
    at: Span,
    complaints: &mut Diagnostics,
) {
    match statement {
        Statement::Log => rule.log = !negated,
        Statement::SmtpInspect => {
            rule.inspect = !negated;
            if !negated {
                complaints.push(
                    Diagnostic::new(
                        Code::Pinhole,
                        at,
                        "`inspect` in an SMTP policy-map allows the class without inspection",
                    )
                    .help("write `allow`, or `inspect` in a `policy-map type inspect`"),
                );
            }
        }
        Statement::SmtpAction(action) if negated => {
            rule.action = rule.action.filter(|(known, _)| known != action);
        }
        Statement::SmtpAction(action) => match rule.action {
            Some((known, before)) if known != *action => {
                let message = format!("class `{}` cannot both {known} and {action}", rule.class.text);
                complaints.push(
                    Diagnostic::new(Code::ActionConflict, at, message)
                        .related(before, format!("`{known}` is configured here"))
                        .help(format!("write `no {known}` first")),
                );
            }
            Some(_) => {}
            None => rule.action = Some((*action, at)),
        },
        _ => {}
    }
}

fn inspect_rule(rule: &mut L3Rule, children: Vec<Node>, complaints: &mut Diagnostics) {
    for Node { statement, negated, at, .. } in children {
        match statement {
            Statement::TopAction(action) => {
                change_top_action(&mut rule.action, action, negated, at, complaints);
            }
            Statement::NestedPolicy { protocol, policy } => {
                rule.service_policy = policy.filter(|_| !negated).map(|policy| (protocol, policy));
            }
            Statement::Police(rate) => rule.police = rate.filter(|_| !negated),
            _ => {}
        }
    }
}

fn default_rule(default: &mut Option<TopAction>, children: Vec<Node>, complaints: &mut Diagnostics) {
    for Node { statement, negated, at, .. } in children {
        match statement {
            Statement::TopAction(action) => change_top_action(default, action, negated, at, complaints),
            Statement::NestedPolicy { protocol, .. } if !negated => {
                let message = format!("`class-default` cannot have a service-policy for {}", protocol.text);
                complaints.push(Diagnostic::new(Code::ProtocolMismatch, at, message));
            }
            Statement::Police(_) if !negated => {
                let message = "`police` has no effect in `class-default`";
                complaints.push(Diagnostic::new(Code::NotSupported, at, message));
            }
            _ => {}
        }
    }
}

/// Of inspect, pass and drop the last one said counts.
fn change_top_action(
    known: &mut Option<TopAction>,
    action: TopAction,
    negated: bool,
    at: Span,
    complaints: &mut Diagnostics,
) {
    if negated {
        if known.as_ref().is_some_and(|known| kind(known) == kind(&action)) {
            *known = None;
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

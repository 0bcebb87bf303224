//! Rules that no mail gets past: verbs that every message needs, an amount of data that each exceeds, a domain that no
//! recipient has.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{
    Action, Condition, Configuration, Criterion, EsmtpCriterion, EsmtpMap, L7Class, MatchMode, Name,
    ParameterAction, VerbName,
};
use crate::source::Span;

/// Verbs without which no message passes (RFC 5321 §3.3).
const NEEDED: &[&str] = &["MAIL", "RCPT"];

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for rule in configuration.l7_policies.iter().flat_map(|policy| &policy.rules) {
        let class = configuration.l7_classes.get(&rule.class.text).filter(|_| ends(rule.action));
        let alone = |class: &&L7Class| class.mode == MatchMode::Any || class.conditions.len() == 1;
        let conditions = class.filter(alone).map_or(&[][..], |class| &class.conditions);
        complaints.extend(conditions.iter().find_map(needed).map(|(verb, at)| refuses(verb, at)));
    }
    for map in &configuration.esmtp_maps {
        complaints.extend(refused_verbs(map));
        let relay = map.parameters.mail_relay.as_ref();
        complaints.extend(relay.and_then(|(domain, action)| no_domain(domain, *action)));
    }
    for rule in &configuration.inspect_rules {
        let without_data = rule.protocols.iter().find(|line| line.options.max_data == Some(0));
        complaints.extend(without_data.map(|line| {
            let message =
                format!("`{} max-data 0` ends every session at its first byte of a message", line.protocol);
            Diagnostic::new(Code::RefusesAllMail, line.protocol.at, message)
                .help(format!("write `{} max-data 20000000`", line.protocol))
        }));
    }
}

const fn ends(action: Option<(Action, Span)>) -> bool {
    matches!(action, Some((Action::Close | Action::Reset, _)))
}

fn needed(condition: &Condition) -> Option<(&str, Span)> {
    match &condition.criterion {
        Criterion::CommandVerb { verb } if !condition.negated && NEEDED.contains(&verb.as_str()) => {
            Some((verb, condition.at))
        }
        _ => None,
    }
}

fn refused_verbs(map: &EsmtpMap) -> impl Iterator<Item = Diagnostic> {
    map.matches.iter().filter(|one| ends(one.action) && !one.negated).filter_map(|one| {
        let EsmtpCriterion::Verbs(verbs) = &one.criterion else { return None };
        verbs.iter().find_map(|verb| match verb {
            VerbName::One(verb) if NEEDED.contains(&verb.as_str()) => Some(refuses(verb, one.at)),
            VerbName::One(_) | VerbName::Others => None,
        })
    })
}

fn refuses(verb: &str, at: Span) -> Diagnostic {
    let message = format!("`{verb}` is refused, without which no mail passes");
    Diagnostic::new(Code::RefusesAllMail, at, message)
        .help("`mailwarden / no warning refuses-all-mail` acknowledges this")
}

/// `mail-relay @example.org`: what no recipient's domain can be.
fn no_domain(domain: &Name, action: ParameterAction) -> Option<Diagnostic> {
    let is_domain = |text: &str| {
        let mut labels = text.split('.');
        labels.all(|label| {
            !label.is_empty() && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        })
    };
    if is_domain(&domain.text) || domain.text.starts_with('[') {
        return None;
    }
    let (code, becomes) =
        if action.drops { (Code::RefusesAllMail, "refused") } else { (Code::LoosePattern, "logged") };
    let message = format!("`{domain}` is no domain: mail for every recipient is {becomes} as relaying");
    let bare = domain.text.trim_start_matches(['@', '*', '.']).trim_end_matches('.');
    let help = is_domain(bare).then(|| format!("write `mail-relay {bare} {action}`"));
    Some(Diagnostic::new(code, domain.at, message).maybe_help(help))
}

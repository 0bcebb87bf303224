//! What is wrong or doubtful about attachments, in words.

use super::reach::cure;
use super::{Attachment, CLASS_DEFAULT};
use crate::compile::PatternTooLarge;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{
    Action, AllowTls, Configuration, Criterion, L7Class, MatchMode, Name, Protocol, Proxy, StartTls,
};
use crate::pattern::uncounted;
use crate::profile::LogForm;
use crate::source::Span;

/// A pattern of the policy called `used_by`.
pub(super) fn too_large(
    configuration: &Configuration,
    pattern: PatternTooLarge,
    used_by: Option<&Name>,
) -> Diagnostic {
    let message = format!("pattern `{}` is too large to compile", pattern.pattern);
    let mut patterns = configuration.regex_maps.iter().flat_map(|map| &map.patterns);
    let written = patterns.find(|written| written.at == pattern.at && written.text == pattern.pattern);
    let uncounted = written.and_then(|written| Some(written.typed_as(&uncounted(&written.text)?)));
    let help = uncounted.map(|line| format!("write `{line}`, which finds more, or use smaller counts"));
    let complaint = Diagnostic::new(Code::PatternTooLarge, pattern.at, message)
        .help(help.unwrap_or_else(|| pattern.help.to_owned()));
    match used_by {
        Some(policy) => complaint.related(policy.at, "used by this policy"),
        None => complaint,
    }
}

/// A policy that lets the mail of a proxy pass without inspection. Of a proxy without a policy the
/// lints speak.
pub(super) fn not_inspected(
    configuration: &Configuration,
    attachment: &Attachment,
    policy: &Name,
) -> Diagnostic {
    let top = configuration.traffic_policies.get(&policy.text);
    let why = match top.is_some_and(|top| top.rules.iter().any(|rule| rule.inspection.is_some())) {
        true => "has no inspecting class for its sessions",
        false => "has no inspecting class",
    };
    let message =
        format!("proxy `{}`: mail is not inspected, because policy-map `{policy}` {why}", attachment.name);
    let protocol = attachment.protocol;
    let inspect = |class: &str| {
        format!(
            "policy-map type inspect {policy} / class type inspect {class} / inspect / service-policy {protocol} NAME"
        )
    };
    let lines = match &attachment.class {
        Some(class) if class == CLASS_DEFAULT => {
            Some(format!("class-map type inspect MAIL / match protocol {protocol} / {}", inspect("MAIL")))
        }
        Some(class) => Some(inspect(class)),
        None if top.is_some() => {
            Some(format!("policy-map {policy} / class inspection_default / inspect esmtp"))
        }
        // Its classes only have the action `inspect`.
        None => configuration.l7_policies.get(&policy.text).and_then(|inner| {
            let class = &inner.rules.first()?.class;
            Some(format!("policy-map type inspect smtp {policy} / class type inspect smtp {class} / log"))
        }),
    };
    let help = lines.map(|lines| format!("write `{lines}`"));
    Diagnostic::new(Code::Pinhole, policy.at, message).maybe_help(help)
}

/// A class whose sessions the policy would inspect, and that no listener of the proxy leads to.
pub(super) fn no_session(configuration: &Configuration, proxy: &Proxy, class: &Name) -> Diagnostic {
    let message = format!("no session of proxy `{}` is in class `{class}`", proxy.name);
    let complaint =
        Diagnostic::new(Code::NeverMatches, class.at, message).maybe_help(cure(configuration, proxy, class));
    match configuration.traffic_classes.get(&class.text) {
        Some(defined) => complaint.related(defined.name.at, "defined here"),
        None => complaint,
    }
}

/// A class behind one that has all its sessions.
pub(super) fn hidden(proxy: &Proxy, class: &Name, first: &Name) -> Diagnostic {
    let message = format!(
        "class `{class}` is never reached: class `{first}` has every session of proxy `{}`",
        proxy.name
    );
    Diagnostic::new(Code::HiddenClass, class.at, message).related(first.at, "this class is tried first")
}

/// XCLIENT is a command of a session that is followed: in a relay nobody could tell where it belongs.
pub(super) fn xclient_in_relay(attachment: &Attachment, at: Span) -> Diagnostic {
    let message =
        format!("proxy `{}` relays without inspection, where XCLIENT cannot be said", attachment.name);
    Diagnostic::new(Code::XclientInRelay, at, message).help("use `send-proxy v2`")
}

/// Conditions on mail that a client of the proxy steps around by asking for encryption, unless the file says what
/// becomes of it.
pub(super) fn tls_escapes(configuration: &Configuration, attachment: &Attachment) -> Option<Diagnostic> {
    // A mailbox is inspected up to the login, which encryption makes a secure one.
    let of_mail = attachment.protocol == Protocol::Smtp && configuration.settings.starttls.is_none();
    let policy = attachment.policy.as_ref().filter(|_| of_mail)?;
    // A map of the ASA that says so acknowledges it, and so does whoever relies on the built-in one.
    let map = configuration.esmtp_map(policy.name()).filter(|_| policy.profile().log == LogForm::Asa);
    if map.is_some_and(|map| map.parameters.allow_tls.is_some()) {
        return None;
    }
    let mut hidden = policy.hidden_by_encryption();
    let first = hidden.next().filter(|_| !forbids_starttls(configuration, policy.name()))?;
    let others = match hidden.count() {
        0 => String::new(),
        1 => " and 1 other condition".to_owned(),
        more => format!(" and {more} other conditions"),
    };
    let name = &attachment.name;
    let message =
        format!("STARTTLS on proxy `{name}` bypasses `match {first}`{others} of `{}`", policy.name());
    let complaint = Diagnostic::new(Code::TlsEscapesContent, name.at, message);
    Some(complaint.help(match map {
        Some(map) => format!(
            "`policy-map type inspect esmtp {0} / parameters / no allow-tls` masks the STARTTLS keyword, \
             `policy-map type inspect esmtp {0} / parameters / allow-tls` acknowledges this",
            map.name
        ),
        None => "`mailwarden / starttls mask` masks the STARTTLS keyword, `mailwarden / starttls pass` acknowledges this"
            .to_owned(),
    }))
}

/// `mailwarden / starttls`, where the map of the proxy says otherwise.
pub(super) fn starttls_by_map(configuration: &Configuration, attachment: &Attachment) -> Option<Diagnostic> {
    let set = configuration.settings.starttls.filter(|set| *set != StartTls::Device)?;
    let policy = attachment.policy.as_ref().filter(|policy| policy.profile().log == LogForm::Asa)?;
    let line = match configuration.esmtp_map(policy.name())?.parameters.allow_tls? {
        AllowTls::No => "no allow-tls",
        AllowTls::Yes { .. } => "allow-tls",
    };
    let name = &attachment.name;
    let message =
        format!("`starttls {set}` has no effect on proxy `{name}`: map `{}` says `{line}`", policy.name());
    (set != attachment.starttls).then(|| Diagnostic::new(Code::NoEffect, name.at, message))
}

/// Whether the policy's own classes keep STARTTLS from being used.
fn forbids_starttls(configuration: &Configuration, policy: &str) -> bool {
    let names_it = |class: &L7Class| {
        let alone = class.mode == MatchMode::Any || class.conditions.len() == 1;
        let mut conditions = class.conditions.iter().filter(|condition| !condition.negated);
        alone
            && conditions.any(|condition| match &condition.criterion {
                Criterion::CommandVerb { verb } => verb == "STARTTLS",
                Criterion::EhloReply { keyword } => keyword == "STARTTLS",
                _ => false,
            })
    };
    let rules = configuration.l7_policies.get(policy).map_or(&[][..], |policy| &policy.rules);
    rules.iter().any(|rule| {
        let forbids = matches!(rule.action, Some((Action::Mask | Action::Close | Action::Reset, _)));
        forbids && configuration.l7_classes.get(&rule.class.text).is_some_and(names_it)
    })
}

//! A configuration → what the daemon does: listeners, the policy of each, and where reports go.
//!
//! Pure: nothing is opened here. A file with errors makes no plan.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use engine::SessionConfig;
use engine::bounds::Timers;
use engine::config::Inspect;
use policy::CompiledPolicy;
use policy::diagnostic::{Code, Diagnostic, Diagnostics};
use policy::model::{
    self, Action, Configuration, Criterion, L3Condition, L3Criterion, L3Policy, L3Rule, L7Class, Limits,
    MatchMode, Name, Protocol, Proxy, StartTls, TopAction,
};
use policy::profile::Profile;
use policy::source::Span;

use crate::proxy::Target;

/// What `run` does.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) workers: Option<usize>,
    pub(crate) listeners: Vec<(SocketAddr, Target)>,
    pub(crate) files: Files,
}

/// Where reports go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(crate) log: Option<PathBuf>,
    pub(crate) events: Option<PathBuf>,
}

impl Plan {
    /// Without a file: conformance standard, no rules.
    pub(crate) fn without_file(listen: SocketAddr, servers: Vec<SocketAddr>, protocol: Protocol) -> Self {
        let (name, inspect) = ("listen".to_owned(), inspects(protocol));
        let config = SessionConfig { name, protocol, inspect, ..SessionConfig::default() };
        let target = Target { config: Arc::new(config), servers };
        Self { workers: None, listeners: vec![(listen, target)], files: Files::default() }
    }

    /// Everything the proxies of a validated policy ask for, or what cannot be compiled of it.
    pub(crate) fn of(policy: &Configuration, diagnostics: &mut Diagnostics) -> Self {
        let path = |name: &Option<Name>| name.as_ref().map(|name| PathBuf::from(&name.text));
        let mut listeners = Vec::new();
        for proxy in &policy.proxies {
            let config = Arc::new(attach(policy, proxy, diagnostics));
            for &address in &proxy.listen {
                let target = Target { config: Arc::clone(&config), servers: proxy.servers.clone() };
                listeners.push((address, target));
            }
        }
        Self {
            workers: policy.settings.workers.map(usize::from),
            listeners,
            files: Files { log: path(&policy.settings.log_file), events: path(&policy.settings.events) },
        }
    }
}

/// The rules of one proxy.
fn attach(policy: &Configuration, proxy: &Proxy, diagnostics: &mut Diagnostics) -> SessionConfig {
    let settings = &policy.settings;
    let mut found = Found { inspect: inspects(protocol(proxy)), ..Found::default() };
    match &proxy.policy {
        None => {}
        Some(model::ProxyPolicy::Pinhole) => found.inspect = Inspect::Opaque,
        Some(model::ProxyPolicy::Named(name)) => found.follow(policy, name),
        Some(model::ProxyPolicy::Smtp(name)) => found.enforce(policy, name),
    }
    let limits = parameters(policy, proxy.parameters.as_ref().or(found.parameters));
    let compiled = found.rules.and_then(|(name, at)| compile(policy, name, at, diagnostics));
    match (found.inspect, &compiled) {
        (Inspect::Opaque, _) => nothing_is_inspected(proxy, &found, diagnostics),
        (Inspect::Smtp, Some(compiled)) if settings.starttls != StartTls::Mask => {
            tls_escapes(policy, proxy, compiled, diagnostics);
        }
        (Inspect::Smtp | Inspect::Drop, _) => {}
    }
    SessionConfig {
        name: proxy.name.text.clone(),
        class: found.class.map_or_else(String::new, str::to_owned),
        protocol: protocol(proxy),
        inspect: found.inspect,
        profile: compiled.as_ref().map_or(Profile::NONE, CompiledPolicy::profile),
        policy: compiled.map(Arc::new),
        conformance: settings.conformance,
        refusals: settings.refusals,
        starttls: settings.starttls,
        recipient_limit: settings.recipient_limit,
        timers: timers(&limits),
        alert: limits.alert.unwrap_or(true),
        audit_trail: limits.audit_trail.unwrap_or(false),
        ..SessionConfig::default()
    }
}

/// Where a service policy leads.
struct Found<'p> {
    inspect: Inspect,
    /// The layer 7 policy, and the place that names it.
    rules: Option<(&'p str, Span)>,
    class: Option<&'p str>,
    parameters: Option<&'p Name>,
}

impl Default for Found<'_> {
    fn default() -> Self {
        Self { inspect: Inspect::Smtp, rules: None, class: None, parameters: None }
    }
}

impl<'p> Found<'p> {
    /// In a top-level policy the first class that takes SMTP decides; a layer 7 policy is enforced as it is.
    fn follow(&mut self, policy: &'p Configuration, name: &'p Name) {
        let Some(top) = policy.l3_policies.get(&name.text) else {
            return self.enforce(policy, name);
        };
        let Some(rule) = rule_for_smtp(policy, top) else { return self.by_default(top) };
        self.class = Some(&rule.class.text);
        self.act(rule.action.as_ref());
        if let (Inspect::Smtp, Some((protocol, map))) = (self.inspect, &rule.service_policy) {
            match protocol.text.as_str() {
                "smtp" => self.enforce(policy, map),
                _ => self.inspect = Inspect::Opaque,
            }
        } else if self.inspect == Inspect::Smtp {
            // Without a layer 7 policy, IOS makes a hole for the connection and looks no further.
            self.inspect = Inspect::Opaque;
        }
    }

    /// A layer 7 policy that says nothing but `inspect` inspects nothing.
    fn enforce(&mut self, policy: &Configuration, name: &'p Name) {
        let map = policy.l7_policies.get(&name.text);
        if map.is_some_and(|map| map.is_pinhole()) {
            self.inspect = Inspect::Opaque;
        } else {
            self.rules = Some((&name.text, name.at));
        }
    }

    fn by_default(&mut self, top: &'p L3Policy) {
        self.class = Some("class-default");
        self.act(top.default.as_ref());
        if self.inspect == Inspect::Smtp {
            self.inspect = Inspect::Opaque;
        }
    }

    fn act(&mut self, action: Option<&'p TopAction>) {
        match action {
            Some(TopAction::Inspect { parameters }) => self.parameters = parameters.as_ref(),
            Some(TopAction::Pass { .. }) => self.inspect = Inspect::Opaque,
            Some(TopAction::Drop { .. }) | None => self.inspect = Inspect::Drop,
        }
    }
}

fn rule_for_smtp<'p>(policy: &'p Configuration, top: &'p L3Policy) -> Option<&'p L3Rule> {
    top.rules.iter().find(|rule| takes_smtp(policy, &rule.class.text, 0))
}

/// Nested classes are followed so deep; validation refuses circles, and nobody writes more.
const NESTING_MAX: u32 = 32;

/// Whether a top-level class takes SMTP over TCP. An access list is asked about addresses, which an
/// explicit proxy has none of: who reaches the listener was let in.
fn takes_smtp(policy: &Configuration, class: &str, depth: u32) -> bool {
    let class = policy.l3_classes.get(class);
    let Some(class) = class.filter(|_| depth < NESTING_MAX) else { return false };
    let mut holds = class.conditions.iter().map(|condition| condition_holds(policy, condition, depth));
    match class.mode {
        MatchMode::All => !class.conditions.is_empty() && holds.all(|holds| holds),
        MatchMode::Any => holds.any(|holds| holds),
    }
}

fn condition_holds(policy: &Configuration, condition: &L3Condition, depth: u32) -> bool {
    let holds = match &condition.criterion {
        L3Criterion::Protocol(name) => matches!(name.text.as_str(), "smtp" | "tcp"),
        L3Criterion::AccessGroup(_) => true,
        L3Criterion::Class(name) => takes_smtp(policy, &name.text, depth + 1),
    };
    holds != condition.negated
}

/// The protocol of a proxy; SMTP if it names none.
fn protocol(proxy: &Proxy) -> Protocol {
    proxy.protocol.unwrap_or(Protocol::Smtp)
}

/// What of a protocol is inspected when no policy says otherwise.
const fn inspects(protocol: Protocol) -> Inspect {
    match protocol {
        Protocol::Smtp => Inspect::Smtp,
        Protocol::Tcp | Protocol::Pop3 | Protocol::Imap => Inspect::Opaque,
    }
}

fn compile(
    policy: &Configuration,
    name: &str,
    at: Span,
    diagnostics: &mut Diagnostics,
) -> Option<CompiledPolicy> {
    match CompiledPolicy::compile(policy, name, &Profile::C3PL) {
        Ok(compiled) => Some(compiled),
        Err(too_large) => {
            for pattern in too_large {
                let message = format!("pattern `{}` is too large to compile", pattern.pattern);
                let diagnostic = Diagnostic::new(Code::PatternTooLarge, pattern.at, message)
                    .help(pattern.help)
                    .related(at, "used by this policy");
                diagnostics.push(diagnostic);
            }
            None
        }
    }
}

/// A policy that lets mail pass unseen. Of a proxy without a policy the lints speak.
fn nothing_is_inspected(proxy: &Proxy, found: &Found<'_>, diagnostics: &mut Diagnostics) {
    let (Some(model::ProxyPolicy::Named(name) | model::ProxyPolicy::Smtp(name)), Inspect::Smtp) =
        (&proxy.policy, inspects(protocol(proxy)))
    else {
        return;
    };
    let message = format!(
        "proxy `{}`: mail is not inspected, because policy-map `{}` has no inspecting class",
        proxy.name.text, name.text
    );
    let help = match found.class {
        Some(class) => format!("add `inspect` and `service-policy smtp NAME` to class `{class}`"),
        None => "its classes only have the action `inspect`; add `log`, `mask` or `reset`".to_owned(),
    };
    diagnostics.push(Diagnostic::new(Code::Pinhole, name.at, message).help(help));
}

/// Conditions that a client steps around by asking for encryption.
fn tls_escapes(
    policy: &Configuration,
    proxy: &Proxy,
    compiled: &CompiledPolicy,
    diagnostics: &mut Diagnostics,
) {
    let mut hidden = compiled.hidden_by_encryption();
    let Some(first) = hidden.next().filter(|_| !forbids_starttls(policy, compiled.name())) else { return };
    let others = match hidden.count() {
        0 => String::new(),
        1 => " and 1 other condition".to_owned(),
        more => format!(" and {more} other conditions"),
    };
    let message = format!(
        "STARTTLS on proxy `{}` bypasses `match {first}`{others} of `{}`",
        proxy.name.text,
        compiled.name()
    );
    let complaint = Diagnostic::new(Code::TlsEscapesContent, proxy.name.at, message);
    diagnostics.push(complaint.help("`mailwarden / starttls mask` masks the STARTTLS keyword"));
}

/// Whether the policy's own classes keep STARTTLS from being used.
fn forbids_starttls(policy: &Configuration, name: &str) -> bool {
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
    let rules = policy.l7_policies.get(name).map_or(&[][..], |map| &map.rules);
    rules.iter().any(|rule| {
        let forbids = matches!(rule.action, Some((Action::Mask | Action::Close | Action::Reset, _)));
        forbids && policy.l7_classes.get(&rule.class.text).is_some_and(names_it)
    })
}

fn parameters(policy: &Configuration, name: Option<&Name>) -> Limits {
    let map = name.and_then(|name| policy.inspect_maps.get(&name.text));
    map.map(|map| map.limits.clone()).unwrap_or_default()
}

fn timers(limits: &Limits) -> Timers {
    let default = Timers::default();
    Timers {
        idle: limits.tcp_idle.map_or(default.idle, u64::from),
        connect: limits.tcp_synwait.map_or(default.connect, |wait| u64::from(wait).min(default.connect)),
        linger: limits.tcp_finwait.map_or(default.linger, u64::from),
        ..default
    }
}

//! What our own statements do to the model.

use super::{InnerLine, MailwardenLine, ProxyLine, Statement};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::dialect::lowering::{
    Followed, Lowering, Placed, describe, follow, keep_once, lines, no_other_back, take_back,
};
use crate::dialect::once::Once;
use crate::model::{
    EsmtpInspection, Introduction, Name, ObjectKind, Protocol, Proxy, ProxyPolicy, Refusals, Said, Settings,
};
use crate::nearest::nearest;
use crate::outline::Outline;
use crate::source::Span;
use crate::statement::Node;

pub(in crate::dialect) fn add(
    lowering: &mut Lowering<'_>,
    statement: Statement,
    at: Span,
    children: Vec<Node>,
) {
    match statement {
        Statement::Mailwarden => mailwarden(lowering, children),
        Statement::Proxy(name) => proxy(lowering, &name, children),
        Statement::Line(InnerLine::Mailwarden(_) | InnerLine::Proxy(_)) => lowering.misplaced(at),
    }
}

pub(in crate::dialect) fn remove(lowering: &mut Lowering<'_>, statement: Statement, at: Span) {
    match statement {
        Statement::Mailwarden => {
            let settings = &mut lowering.configuration.settings;
            let (log_file, classic) = (settings.log_file.take(), std::mem::take(&mut settings.classic));
            let logging = std::mem::take(&mut settings.logging);
            *settings = Settings { log_file, logging, classic, ..Settings::default() };
        }
        Statement::Proxy(name) => lowering.remove_object(ObjectKind::Proxy, &name, at),
        Statement::Line(InnerLine::Mailwarden(_) | InnerLine::Proxy(_)) => lowering.misplaced(at),
    }
}

fn mailwarden(lowering: &mut Lowering<'_>, children: Vec<Node>) {
    let settings = &mut lowering.configuration.settings;
    let mut once = Once::new(lowering.outline);
    for Placed { line, negated, at, .. } in lines(children, lowering.complaints) {
        let setting = std::mem::discriminant(&line);
        if negated {
            once.take_back(&setting);
        } else if !matches!(line, MailwardenLine::Platform(_) | MailwardenLine::Warning(_)) {
            once.say(setting, at, lowering.complaints);
        }
        if let (Some(what), false) = (without_effect(&line), negated) {
            let message = format!("`{what}` is not implemented yet and has no effect");
            lowering.complaints.push(Diagnostic::new(Code::NotSupported, at, message));
        }
        match line {
            // `Decision::of` read it: it chooses the tables.
            MailwardenLine::Platform(_) => {}
            MailwardenLine::Workers(count) => settings.workers = (!negated).then_some(count),
            MailwardenLine::Conformance(level) => settings.conformance = unless(negated, level),
            MailwardenLine::Refusals(form) => settings.refusals = unless(negated, form),
            MailwardenLine::StartTls(treatment) => settings.starttls = (!negated).then_some(treatment),
            MailwardenLine::RecipientLimit(form) => settings.recipient_limit = (!negated).then_some(form),
            MailwardenLine::AnnounceLimits(form) => settings.announce_limits = unless(negated, form),
            MailwardenLine::ImapPreauth(form) => settings.imap_preauth = unless(negated, form),
            MailwardenLine::AsaDirection(direction) => settings.asa_direction = unless(negated, direction),
            MailwardenLine::ControlSocket(path) => settings.control_socket = path.filter(|_| !negated),
            MailwardenLine::Metrics(address) => settings.metrics = address.filter(|_| !negated),
            MailwardenLine::EventsDetail(detail) => settings.events_detail = unless(negated, detail),
            MailwardenLine::EventsJson(path) => settings.events = path.filter(|_| !negated),
            MailwardenLine::Warning(name) => match warning(&name) {
                Ok(code) => {
                    settings.acknowledged.retain(|&other| other != code);
                    settings.acknowledged.extend(negated.then_some(code));
                    settings.acknowledged.sort_unstable();
                }
                Err(complaint) => lowering.complaints.push(complaint),
            },
        }
    }
}

/// The warning that can be acknowledged under this name.
fn warning(name: &Name) -> Result<Code, Diagnostic> {
    let unknown = |message: String| Diagnostic::new(Code::UnknownWarning, name.at, message);
    match Code::of(&name.text) {
        Some(code) if code.severity() != Severity::Error => Ok(code),
        Some(_) => Err(unknown(format!("`{name}` is an error, which cannot be acknowledged"))),
        None => {
            let codes = Code::ALL.iter().filter(|code| code.severity() != Severity::Error);
            let meant = nearest(&name.text, codes.map(|code| code.as_str()));
            let help = meant.map(|code| format!("did you mean `no warning {code}`?"));
            Err(unknown(format!("unknown warning `{name}`")).maybe_help(help))
        }
    }
}

fn proxy(lowering: &mut Lowering<'_>, name: &Name, children: Vec<Node>) {
    let proxy = lowering.configuration.proxies.open(name, |name| Proxy {
        name,
        description: None,
        listen: Vec::new(),
        servers: Vec::new(),
        introduction: None,
        accept_proxy: Vec::new(),
        protocol: None,
        lmtp: false,
        policy: None,
        parameters: None,
        access_group: None,
    });
    let (mut listen, mut servers, mut networks) = (Vec::new(), Vec::new(), Vec::new());
    let mut once = Once::new(lowering.outline);
    for Placed { line, negated, at, .. } in lines(children, lowering.complaints) {
        if let Some(setting) = Single::of(&line) {
            // `no inspect esmtp` does not take back, but relays.
            let is_said = !negated || matches!(line, ProxyLine::InspectEsmtp(_));
            if is_said {
                once.say(setting, at, lowering.complaints);
            } else {
                once.take_back(&setting);
            }
        }
        match line {
            ProxyLine::Description(text) => {
                describe(&mut proxy.description, text, negated, at, lowering.complaints);
            }
            ProxyLine::Listen(value) => listen.push(Followed { said: Said { value, at }, negated, at }),
            ProxyLine::Server(value) => servers.push(Followed { said: Said { value, at }, negated, at }),
            ProxyLine::SendProxy(version) => {
                let introduction = version.map(Introduction::Proxy);
                introduce(&mut proxy.introduction, introduction, negated, at, lowering.complaints);
            }
            ProxyLine::SendXclient => {
                let introduction = Some(Introduction::Xclient);
                introduce(&mut proxy.introduction, introduction, negated, at, lowering.complaints);
            }
            ProxyLine::AcceptProxy(value) => {
                networks.push(Followed { said: Said { value, at }, negated, at });
            }
            ProxyLine::Protocol(protocol) => {
                (proxy.protocol, proxy.lmtp) = (protocol.filter(|_| !negated), false);
            }
            ProxyLine::Lmtp => {
                (proxy.protocol, proxy.lmtp) = (Some(Protocol::Smtp).filter(|_| !negated), !negated);
            }
            ProxyLine::Parameters(map) if negated => {
                let other = take_back(&mut proxy.parameters, map.as_ref(), at, lowering.outline);
                lowering.complaints.extend(other);
            }
            ProxyLine::Parameters(map) => proxy.parameters = map,
            ProxyLine::Policy(policy) | ProxyLine::L7Policy(_, policy) | ProxyLine::TrafficPolicy(policy)
                if negated =>
            {
                lowering.complaints.extend(no_policy(proxy, policy.as_ref(), at, lowering.outline));
            }
            ProxyLine::IpInspect(rule) if negated => {
                lowering.complaints.extend(no_policy(proxy, Some(&rule), at, lowering.outline));
            }
            ProxyLine::Policy(policy) => proxy.policy = policy.map(ProxyPolicy::Named),
            ProxyLine::L7Policy(protocol, policy) => {
                proxy.policy = policy.map(|policy| ProxyPolicy::L7(protocol, policy));
            }
            ProxyLine::InspectEsmtp(_) if negated => proxy.policy = Some(ProxyPolicy::Pinhole),
            ProxyLine::InspectEsmtp(map) => {
                proxy.policy = Some(ProxyPolicy::Esmtp(EsmtpInspection { map, at }));
            }
            ProxyLine::TrafficPolicy(policy) => proxy.policy = policy.map(ProxyPolicy::Traffic),
            ProxyLine::IpInspect(rule) => proxy.policy = Some(ProxyPolicy::Classic(rule)),
            ProxyLine::AccessGroup(list) if negated => {
                let other = take_back(&mut proxy.access_group, Some(&list), at, lowering.outline);
                lowering.complaints.extend(other);
            }
            ProxyLine::AccessGroup(list) => proxy.access_group = Some(list),
        }
    }
    let why = format!("proxy `{}` has no such line", proxy.name);
    let mut nothing = |keyword: &str, at, said: &str, known: &mut dyn Iterator<Item = &str>| {
        let meant = nearest(said, known).map(|meant| format!("did you mean `no {keyword} {meant}`?"));
        let told = lowering.outline.takes_nothing_back(at, &why);
        lowering.complaints.extend(told.map(|told| told.maybe_help(meant)));
    };
    follow(&mut proxy.listen, listen, |at, said, known| nothing("listen", at, said, known));
    follow(&mut proxy.servers, servers, |at, said, known| nothing("server", at, said, known));
    follow(&mut proxy.accept_proxy, networks, |at, said, known| {
        nothing("accept-proxy", at, said, known);
    });
    keep_once(&mut proxy.listen);
    keep_once(&mut proxy.servers);
    keep_once(&mut proxy.accept_proxy);
}

/// `no` before the policy of a proxy; another one stays.
fn no_policy(proxy: &mut Proxy, named: Option<&Name>, at: Span, outline: &Outline<'_>) -> Option<Diagnostic> {
    let known = match &proxy.policy {
        Some(ProxyPolicy::Classic(rule)) => Some(rule),
        other => other.as_ref().and_then(ProxyPolicy::policy),
    };
    let other = no_other_back(known, named, at, outline);
    if other.is_none() {
        proxy.policy = None;
    }
    other
}

/// What a proxy has one of, by whichever of its lines it is said.
#[derive(PartialEq, Eq, Hash)]
enum Single {
    Protocol,
    Policy,
    Parameters,
    AccessGroup,
}

impl Single {
    const fn of(line: &ProxyLine) -> Option<Self> {
        match line {
            ProxyLine::Protocol(_) | ProxyLine::Lmtp => Some(Self::Protocol),
            ProxyLine::Policy(_)
            | ProxyLine::L7Policy(..)
            | ProxyLine::InspectEsmtp(_)
            | ProxyLine::TrafficPolicy(_)
            | ProxyLine::IpInspect(_) => Some(Self::Policy),
            ProxyLine::Parameters(_) => Some(Self::Parameters),
            ProxyLine::AccessGroup(_) => Some(Self::AccessGroup),
            // What is told of elsewhere, or of which there may be several.
            ProxyLine::SendProxy(_)
            | ProxyLine::SendXclient
            | ProxyLine::Description(_)
            | ProxyLine::Listen(_)
            | ProxyLine::Server(_)
            | ProxyLine::AcceptProxy(_) => None,
        }
    }
}

/// A server is told one way; `no` takes back that way, whatever its version.
fn introduce(
    introduction: &mut Option<(Introduction, Span)>,
    line: Option<Introduction>,
    negated: bool,
    at: Span,
    complaints: &mut Diagnostics,
) {
    let is_xclient = line == Some(Introduction::Xclient);
    if negated {
        introduction.take_if(|(before, _)| (*before == Introduction::Xclient) == is_xclient);
        return;
    }
    let Some(line) = line else { return };
    if let Some((before, place)) = introduction.replace((line, at))
        && before != line
    {
        let message = format!("`{line}` replaces `{before}`: a server is told one way who the client is");
        complaints.push(Diagnostic::new(Code::Overridden, at, message).related(place, "replaced"));
    }
}

/// A setting that is accepted and not implemented yet.
fn without_effect(line: &MailwardenLine) -> Option<&'static str> {
    match line {
        MailwardenLine::Refusals(Refusals::Silent) => Some("refusals silent"),
        MailwardenLine::Refusals(Refusals::Smtp | Refusals::Close | Refusals::Detail)
        | MailwardenLine::ControlSocket(_)
        | MailwardenLine::Metrics(_)
        | MailwardenLine::Platform(_)
        | MailwardenLine::Workers(_)
        | MailwardenLine::Conformance(_)
        | MailwardenLine::StartTls(_)
        | MailwardenLine::RecipientLimit(_)
        | MailwardenLine::AnnounceLimits(_)
        | MailwardenLine::ImapPreauth(_)
        | MailwardenLine::EventsDetail(_)
        | MailwardenLine::AsaDirection(_)
        | MailwardenLine::EventsJson(_)
        | MailwardenLine::Warning(_) => None,
    }
}

/// The value, or the default after `no`.
fn unless<T: Default>(negated: bool, value: T) -> T {
    if negated { T::default() } else { value }
}

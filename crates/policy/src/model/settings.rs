//! The statements of our own: the `mailwarden` block and the proxies; and Cisco's `logging`.

use std::net::SocketAddr;

use ipnet::IpNet;
use proto::proxy_protocol::Version;

use super::mpf::EsmtpInspection;
use super::{ClassicSettings, Logging, Name, Object, ObjectKind, Protocol, Reference, Said, Server};
use crate::diagnostic::Code;
use crate::source::Span;

/// `proxy NAME`: one listener in front of one or more servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub name: Name,
    pub description: Option<String>,
    pub listen: Vec<Said<SocketAddr>>,
    pub servers: Vec<Said<Server>>,
    /// `send-proxy` or `send-xclient`, with its place.
    pub introduction: Option<(Introduction, Span)>,
    /// `accept-proxy`: from these networks clients are told of by a header of the PROXY protocol.
    pub accept_proxy: Vec<Said<IpNet>>,
    /// `protocol`; see [`Proxy::protocol`].
    pub protocol: Option<Protocol>,
    /// `protocol lmtp`: SMTP that begins with LHLO and answers each recipient (RFC 2033). Rules take it for SMTP.
    pub lmtp: bool,
    pub policy: Option<ProxyPolicy>,
    pub parameters: Option<Name>,
    /// `ip access-group NAME in`: the connections that reach a server.
    pub access_group: Option<Name>,
}

impl Proxy {
    /// What its sessions speak: what it says, else what its first port is assigned to (RFC 1939 §3,
    /// RFC 9051 §2.1), else SMTP.
    pub fn protocol(&self) -> Protocol {
        self.protocol.unwrap_or_else(|| match self.listen.first().map(|listen| listen.value.port()) {
            Some(110) => Protocol::Pop3,
            Some(143) => Protocol::Imap,
            _ => Protocol::Smtp,
        })
    }
}

/// How servers are told who their client is. Without it they take the proxy for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introduction {
    /// A header of the PROXY protocol in front of everything else.
    Proxy(Version),
    /// The command XCLIENT (Postfix XCLIENT_README) in front of the client's first.
    Xclient,
}

/// Which policy a proxy enforces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyPolicy {
    /// `service-policy type inspect NAME`: a top-level policy-map, or one of a protocol.
    Named(Name),
    /// `service-policy type inspect PROTOCOL NAME`.
    L7(Protocol, Name),
    /// `ip inspect NAME`: a rule of classic inspection.
    Classic(Name),
    /// `inspect esmtp [MAP]`: a map of the ASA.
    Esmtp(EsmtpInspection),
    /// `service-policy NAME`: a policy-map of the ASA, whose classes say which connections are inspected.
    Traffic(Name),
    /// `no inspect esmtp`: an opaque relay.
    Pinhole,
}

impl ProxyPolicy {
    /// The policy-map it names.
    pub const fn policy(&self) -> Option<&Name> {
        match self {
            Self::Named(name) | Self::L7(_, name) | Self::Traffic(name) => Some(name),
            Self::Esmtp(inspection) => inspection.map.as_ref(),
            Self::Classic(_) | Self::Pinhole => None,
        }
    }
}

/// The `mailwarden` block and the statements of Cisco's that say where messages go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub workers: Option<u16>,
    pub conformance: Conformance,
    pub refusals: Refusals,
    /// `None` if the file does not say: [`StartTls::Pass`], with a warning where that lets content escape.
    pub starttls: Option<StartTls>,
    /// `None` if the file does not say: [`RecipientLimit::Refuse`] under the built-in map of an ASA, else
    /// [`RecipientLimit::Device`].
    pub recipient_limit: Option<RecipientLimit>,
    pub announce_limits: AnnounceLimits,
    pub imap_preauth: ImapPreauth,
    pub asa_direction: AsaDirection,
    pub control_socket: Option<Name>,
    pub metrics: Option<SocketAddr>,
    /// `events json FILE`.
    pub events: Option<Name>,
    pub events_detail: EventsDetail,
    /// `logging file PATH`, ours: syslog lines to a file instead of stderr.
    pub log_file: Option<Name>,
    /// Where messages go beside that.
    pub logging: Logging,
    /// What holds for every classic rule.
    pub classic: ClassicSettings,
    /// `no warning CODE`: in order, each once.
    pub acknowledged: Vec<Code>,
}

impl Settings {
    /// The place of every name in them.
    pub(super) fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        let names = [&mut self.control_socket, &mut self.events, &mut self.log_file];
        names.into_iter().flatten().for_each(|name| visit(&mut name.at));
        self.logging.places_mut(visit);
        self.classic.places_mut(visit);
    }
}

/// How strictly the dialogue itself is held to its standards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conformance {
    Compat,
    #[default]
    Standard,
    Strict,
}

/// What a refused sender is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refusals {
    /// A reply; further commands are answered until the client leaves.
    #[default]
    Smtp,
    /// A reply, and the connection is closed behind it.
    Close,
    Silent,
    /// As `Smtp`, and the reply names the class.
    Detail,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartTls {
    #[default]
    Pass,
    Mask,
    Device,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecipientLimit {
    #[default]
    Device,
    Refuse,
}

/// Which connections the service policies of an ASA are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AsaDirection {
    #[default]
    Both,
    /// Those from an interface of a lower to one of a higher security level, as the guide of the device says.
    Inbound,
}

/// What becomes of an IMAP server whose greeting says PREAUTH (RFC 9051 §7.1.4): its client cannot begin TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImapPreauth {
    #[default]
    Refuse,
    Pass,
}

/// How much events tell of the mail itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventsDetail {
    /// Numbers, names of the configuration and replies: no address of anybody's mail, no subject, no message id and
    /// no value.
    None,
    /// Sender, recipients, message id, parts and values.
    #[default]
    Envelope,
    /// And the subject.
    Headers,
}

/// Whether replies to EHLO say how many recipients a message may have (RFC 9422).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnnounceLimits {
    #[default]
    On,
    Off,
}

impl Object for Proxy {
    fn kind(&self) -> ObjectKind {
        ObjectKind::Proxy
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        const L7_POLICIES: [ObjectKind; 3] = {
            let [smtp, pop3, imap] = Protocol::MAIL;
            [ObjectKind::L7Policy(pop3), ObjectKind::L7Policy(imap), ObjectKind::L7Policy(smtp)]
        };
        match &self.policy {
            Some(ProxyPolicy::Named(name)) => {
                visit(Reference::to(ObjectKind::L3Policy, name).or(&L7_POLICIES));
            }
            Some(ProxyPolicy::L7(protocol, name)) => {
                visit(Reference::to(ObjectKind::L7Policy(*protocol), name));
            }
            Some(ProxyPolicy::Classic(rule)) => visit(Reference::to(ObjectKind::InspectRule, rule)),
            Some(ProxyPolicy::Esmtp(inspection)) => inspection.reference().into_iter().for_each(&mut *visit),
            Some(ProxyPolicy::Traffic(name)) => visit(Reference::to(ObjectKind::TrafficPolicy, name)),
            Some(ProxyPolicy::Pinhole) | None => {}
        }
        let lists = self.access_group.iter();
        lists.for_each(|list| visit(Reference::to(ObjectKind::AccessList, list)));
        let maps = self.parameters.iter();
        maps.for_each(|map| visit(Reference::to(ObjectKind::InspectMap, map)));
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        self.listen.iter_mut().for_each(|listen| visit(&mut listen.at));
        self.servers.iter_mut().for_each(|server| visit(&mut server.at));
        self.accept_proxy.iter_mut().for_each(|network| visit(&mut network.at));
        match &mut self.policy {
            Some(
                ProxyPolicy::Named(name)
                | ProxyPolicy::L7(_, name)
                | ProxyPolicy::Classic(name)
                | ProxyPolicy::Traffic(name),
            ) => visit(&mut name.at),
            Some(ProxyPolicy::Esmtp(inspection)) => inspection.places_mut(visit),
            Some(ProxyPolicy::Pinhole) | None => {}
        }
        self.parameters.iter_mut().chain(&mut self.access_group).for_each(|name| visit(&mut name.at));
        self.introduction.iter_mut().for_each(|(_, at)| visit(at));
    }
}

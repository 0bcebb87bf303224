//! Classic inspection of IOS: rules of protocols, what holds for all of them, and ports of applications.

use std::ops::RangeInclusive;

use super::{Limits, Name, Object, ObjectKind, Protocol, Reference};
use crate::source::Span;

/// `ip inspect name NAME …`: the protocols that a rule inspects, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectRule {
    pub name: Name,
    pub protocols: Vec<InspectedProtocol>,
}

/// One line of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedProtocol {
    /// In lower case.
    pub protocol: Name,
    pub options: InspectOptions,
}

/// What a line says behind its protocol. `None` is the default: of the platform, or of the global statements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InspectOptions {
    /// Bytes of message data in one session.
    pub max_data: Option<u32>,
    pub alert: Option<bool>,
    pub audit_trail: Option<bool>,
    /// Seconds, 5 to 43,200.
    pub timeout: Option<u32>,
    /// A client that is not valid before login is reset.
    pub reset: bool,
    /// A client must not send its password in clear text.
    pub secure_login: bool,
    /// Traffic of the router itself is inspected.
    pub router_traffic: bool,
    /// The access list of the sites that may send Java applets.
    pub java_list: Option<Name>,
    pub urlfilter: bool,
    /// Fragments that may wait for their first.
    pub maximum: Option<u32>,
    /// Number of a program, and minutes for which its clients may come from other ports.
    pub rpc: Option<(u32, Option<u32>)>,
}

/// What an inspection rule does with the sessions of a mail protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailInspection<'r> {
    pub line: &'r InspectedProtocol,
    pub protocol: Protocol,
    pub extensions: Extended,
}

/// Whether SMTP has its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extended {
    Smtp,
    Esmtp,
}

/// A direction of traffic on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    In,
    Out,
}

/// `ip port-map APPLICATION port …`: ports of an application beside those that the system knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortMapping {
    /// In lower case.
    pub application: Name,
    pub transport: Transport,
    pub ports: RangeInclusive<u16>,
    /// For the hosts of this access list.
    pub list: Option<Name>,
    pub description: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    #[default]
    Tcp,
    Udp,
}

/// What holds for every classic rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassicSettings {
    /// `ip inspect tcp idle-time` and the like.
    pub limits: Limits,
    /// `ip port-map`.
    pub port_maps: Vec<PortMapping>,
}

/// Applications with the ports that the system knows, and does not give away.
pub const SYSTEM_PORTS: &[(&str, u16)] = &[
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("dns", 53),
    ("tftp", 69),
    ("http", 80),
    ("pop3", 110),
    ("sunrpc", 111),
    ("imap", 143),
    ("imap3", 220),
    ("https", 443),
    ("imaps", 993),
    ("pop3s", 995),
];

/// What holds of a classic rule where nothing is said: the thresholds that IOS had before 12.4(11)T.
pub const CLASSIC_DEFAULTS: Limits = Limits {
    alert: Some(true),
    audit_trail: Some(false),
    dns_timeout: Some(5),
    icmp_idle: Some(10),
    udp_idle: Some(30),
    tcp_idle: Some(3600),
    tcp_synwait: Some(30),
    tcp_finwait: Some(5),
    tcp_max_incomplete_host: Some((50, 0)),
    max_incomplete_low: Some(400),
    max_incomplete_high: Some(500),
    one_minute_low: Some(400),
    one_minute_high: Some(500),
    sessions_maximum: None,
    login_failures: None,
    conn_max: None,
    embryonic_conn_max: None,
    per_client_max: None,
    per_client_embryonic_max: None,
};

/// Bytes of message data that a classic rule lets a session carry if it does not say how many.
pub const MAX_DATA_DEFAULT: u32 = 20_000_000;

impl InspectRule {
    /// The line of a protocol of this name.
    pub fn line(&self, protocol: &str) -> Option<&InspectedProtocol> {
        self.protocols.iter().find(|line| line.protocol.text == protocol)
    }

    /// The line by which sessions of a mail protocol are inspected.
    pub fn of_mail(&self, protocol: Protocol) -> Option<MailInspection<'_>> {
        let names: &[(&str, Extended)] = match protocol {
            Protocol::Smtp => &[("smtp", Extended::Smtp), ("esmtp", Extended::Esmtp)],
            Protocol::Pop3 => &[("pop3", Extended::Esmtp)],
            Protocol::Imap => &[("imap", Extended::Esmtp)],
            Protocol::Tcp => &[],
        };
        names.iter().find_map(|&(name, extensions)| {
            Some(MailInspection { line: self.line(name)?, protocol, extensions })
        })
    }
}

impl Limits {
    /// With the options of a line, which go before what is global.
    #[must_use]
    pub fn with_options(mut self, options: &InspectOptions) -> Self {
        self.alert = options.alert.or(self.alert);
        self.audit_trail = options.audit_trail.or(self.audit_trail);
        self.tcp_idle = options.timeout.or(self.tcp_idle);
        self
    }
}

impl ClassicSettings {
    pub(super) fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        for mapping in &mut self.port_maps {
            visit(&mut mapping.application.at);
            mapping.list.iter_mut().for_each(|list| visit(&mut list.at));
        }
    }
}

impl Object for InspectRule {
    fn kind(&self) -> ObjectKind {
        ObjectKind::InspectRule
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, _visit: &mut dyn FnMut(Reference<'o>)) {}

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        for line in &mut self.protocols {
            visit(&mut line.protocol.at);
            line.options.java_list.iter_mut().for_each(|list| visit(&mut list.at));
        }
    }
}

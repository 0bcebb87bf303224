//! What a configuration says, with names still names: the one model all dialects are lowered to.
//!
//! Lists stand in the order of the file, because order is meaning in a policy. Every name keeps
//! the place where it was written, so that a complaint can point at it.

use std::net::SocketAddr;

use crate::fact::{Counter, Text};
use crate::platform::Platform;
use crate::source::Span;

/// A name as written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub at: Span,
}

impl Name {
    pub fn new(text: impl Into<String>, at: Span) -> Self {
        Self { text: text.into(), at }
    }
}

/// One configuration: what its statements said of mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    pub platform: Platform,
    pub hostname: Option<Name>,
    pub settings: Settings,
    pub regex_maps: Vec<RegexMap>,
    pub inspect_maps: Vec<InspectMap>,
    pub l7_classes: Vec<L7Class>,
    pub l7_policies: Vec<L7Policy>,
    pub l3_classes: Vec<L3Class>,
    pub l3_policies: Vec<L3Policy>,
    pub zones: Vec<Zone>,
    pub zone_pairs: Vec<ZonePair>,
    pub interfaces: Vec<Interface>,
    pub access_lists: Vec<AccessList>,
    pub proxies: Vec<Proxy>,
}

/// What a list of a policy is made of.
pub trait Named {
    fn name(&self) -> &Name;
}

macro_rules! named {
    ($($kind:ty),*) => { $(impl Named for $kind { fn name(&self) -> &Name { &self.name } })* };
}

named!(
    RegexMap, InspectMap, L7Class, L7Policy, L3Class, L3Policy, Zone, ZonePair, Interface, AccessList, Proxy
);

/// The element of that name; names are unique in each list once lowered.
pub fn find<'p, T: Named>(list: &'p [T], name: &str) -> Option<&'p T> {
    list.iter().find(|element| element.name().text == name)
}

impl L7Policy {
    /// Every class of it only says `inspect`: an opaque relay.
    pub fn is_pinhole(&self) -> bool {
        let only_inspect = |rule: &L7Rule| rule.inspect && rule.action.is_none() && !rule.log;
        !self.rules.is_empty() && self.rules.iter().all(only_inspect)
    }
}

/// `parameter-map type regex NAME`: a set of alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexMap {
    pub name: Name,
    pub patterns: Vec<PatternText>,
}

/// One `pattern` line, without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternText {
    pub text: String,
    pub at: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchMode {
    All,
    Any,
}

/// `class-map type inspect smtp [match-all | match-any] NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L7Class {
    pub name: Name,
    pub mode: MatchMode,
    pub description: Option<String>,
    pub conditions: Vec<Condition>,
}

/// One `match` line of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub criterion: Criterion,
    /// `match not …`.
    pub negated: bool,
    pub at: Span,
}

/// What a `match` line asks. Counts and lengths are strict: `gt 25` holds from 26 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// `match protocol smtp` in a layer 7 class: always true; some guides write it.
    Protocol,
    /// A pattern of the map is found in the text.
    Regex {
        text: Text,
        map: Name,
    },
    Count {
        counter: Counter,
        over: u64,
    },
    /// The verb in upper case; `known` when it is one of the verbs IOS lists.
    CommandVerb {
        verb: String,
        known: bool,
    },
    MimeEncoding {
        encoding: Encoding,
    },
    /// The EHLO keyword in upper case.
    EhloReply {
        keyword: String,
    },
}

impl Criterion {
    /// The `parameter-map type regex` it names.
    pub fn regex_map(&self) -> Option<&Name> {
        match self {
            Self::Regex { map, .. } => Some(map),
            Self::Protocol
            | Self::Count { .. }
            | Self::CommandVerb { .. }
            | Self::MimeEncoding { .. }
            | Self::EhloReply { .. } => None,
        }
    }
}

/// `match mime encoding …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    SevenBit,
    EightBit,
    Base64,
    Binary,
    QuotedPrintable,
    XUuencode,
    /// Any value that is none of the above.
    Unknown,
    /// A private `X-…` value, as typed.
    Private(String),
}

/// `policy-map type inspect smtp NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L7Policy {
    pub name: Name,
    pub description: Option<String>,
    pub rules: Vec<L7Rule>,
}

/// `class type inspect smtp CLASS` with the actions below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L7Rule {
    pub class: Name,
    pub log: bool,
    /// At most one of allow, reset and mask; none is `allow`.
    pub action: Option<(Action, Span)>,
    /// `inspect`, which some guides write here: no layer 7 inspection, so the class is allowed.
    pub inspect: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Allow,
    Reset,
    Mask,
}

/// `class-map type inspect [match-any | match-all] NAME`: the top level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L3Class {
    pub name: Name,
    pub mode: MatchMode,
    pub description: Option<String>,
    pub conditions: Vec<L3Condition>,
}

/// One `match` line of a top-level class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L3Condition {
    pub criterion: L3Criterion,
    /// `match not …`.
    pub negated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum L3Criterion {
    /// `match protocol NAME`, the name in lower case (`smtp extended` is `smtp`).
    Protocol(Name),
    /// `match access-group {NUMBER | name ACL}`.
    AccessGroup(Name),
    /// `match class-map NAME`.
    Class(Name),
}

impl L3Condition {
    /// Whether the line selects mail: `match protocol smtp`.
    pub fn selects_smtp(&self) -> bool {
        !self.negated && matches!(&self.criterion, L3Criterion::Protocol(name) if name.text == "smtp")
    }
}

impl L3Criterion {
    /// The other class it names.
    pub fn class(&self) -> Option<&Name> {
        match self {
            Self::Class(name) => Some(name),
            Self::Protocol(_) | Self::AccessGroup(_) => None,
        }
    }
}

/// `policy-map type inspect NAME`: the top level. Its end is `class-default` with `drop`, written or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L3Policy {
    pub name: Name,
    pub description: Option<String>,
    pub rules: Vec<L3Rule>,
    /// What `class class-default` says, when it is written.
    pub default: Option<TopAction>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L3Rule {
    pub class: Name,
    pub action: Option<TopAction>,
    /// `service-policy {smtp | pop3 | imap | http …} POLICY`: protocol and name.
    pub service_policy: Option<(Name, Name)>,
    /// `police rate BPS burst BYTES`.
    pub police: Option<(u64, u64)>,
}

impl L3Policy {
    /// Every `parameter-map type inspect` it names.
    pub fn parameter_maps(&self) -> impl Iterator<Item = &Name> {
        let actions = self.rules.iter().filter_map(|rule| rule.action.as_ref()).chain(&self.default);
        actions.filter_map(|action| match action {
            TopAction::Inspect { parameters } => parameters.as_ref(),
            TopAction::Pass { .. } | TopAction::Drop { .. } => None,
        })
    }
}

impl L3Rule {
    pub fn is_inspected(&self) -> bool {
        matches!(self.action, Some(TopAction::Inspect { .. }))
    }

    /// The `policy-map type inspect smtp` it enforces.
    pub fn smtp_policy(&self) -> Option<&Name> {
        let (protocol, policy) = self.service_policy.as_ref()?;
        (protocol.text == "smtp").then_some(policy)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopAction {
    Inspect { parameters: Option<Name> },
    Pass { log: bool },
    Drop { log: bool },
}

/// `parameter-map type inspect NAME`: timers and limits. `None` is the default of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectMap {
    pub name: Name,
    pub limits: Limits,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub alert: Option<bool>,
    pub audit_trail: Option<bool>,
    pub dns_timeout: Option<u32>,
    pub icmp_idle: Option<u32>,
    pub udp_idle: Option<u32>,
    pub tcp_idle: Option<u32>,
    pub tcp_synwait: Option<u32>,
    pub tcp_finwait: Option<u32>,
    /// Half-open connections per host, and minutes of blocking.
    pub tcp_max_incomplete_host: Option<(u32, u32)>,
    pub max_incomplete_low: Option<u32>,
    pub max_incomplete_high: Option<u32>,
    pub one_minute_low: Option<u32>,
    pub one_minute_high: Option<u32>,
    pub sessions_maximum: Option<u32>,
}

impl Limits {
    /// Whether anything is said of how many sessions there may be.
    pub fn counts_sessions(&self) -> bool {
        self.tcp_max_incomplete_host.is_some()
            || [self.max_incomplete_low, self.max_incomplete_high].iter().any(Option::is_some)
            || [self.one_minute_low, self.one_minute_high, self.sessions_maximum].iter().any(Option::is_some)
    }
}

/// Zones that need no definition: the system itself, and what is in no zone.
pub(crate) const BUILT_IN_ZONES: [&str; 2] = ["self", "default"];

/// `zone security NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub name: Name,
    pub description: Option<String>,
}

/// `zone-pair security NAME source ZONE destination ZONE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonePair {
    pub name: Name,
    pub source: Name,
    pub destination: Name,
    pub description: Option<String>,
    pub policy: Option<Name>,
}

/// `interface NAME`, as far as it concerns inspection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: Name,
    pub description: Option<String>,
    pub zone: Option<Name>,
    pub linux_interface: Option<Name>,
}

/// An access list of either form; its entries are kept as text until somebody reads addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessList {
    pub name: Name,
    pub form: AccessListForm,
    /// Each from `permit` or `deny` on, one blank between the words; remarks are left out.
    pub entries: Vec<Name>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessListForm {
    /// `access-list NAME {permit | deny} …`, a line each.
    Lines,
    /// `ip access-list standard NAME`.
    Standard,
    /// `ip access-list extended NAME`.
    Extended,
    /// `ipv6 access-list NAME`.
    V6,
}

/// `proxy NAME`: one listener in front of one or more servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub name: Name,
    pub description: Option<String>,
    pub listen: Vec<SocketAddr>,
    pub servers: Vec<SocketAddr>,
    /// Told, or by the port of the first listener.
    pub protocol: Option<Protocol>,
    pub attachment: Option<ProxyPolicy>,
    pub parameters: Option<Name>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Smtp,
    Esmtp,
    Pop3,
    Imap,
    Tcp,
}

/// Which policy a proxy enforces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyPolicy {
    /// `service-policy type inspect NAME`: a top-level policy-map, or an SMTP one.
    Named(Name),
    /// `service-policy type inspect smtp NAME`.
    Smtp(Name),
    /// `no inspect esmtp`: an opaque relay.
    Pinhole,
}

impl ProxyPolicy {
    /// The policy-map it names.
    pub const fn policy(&self) -> Option<&Name> {
        match self {
            Self::Named(name) | Self::Smtp(name) => Some(name),
            Self::Pinhole => None,
        }
    }

    pub(crate) const fn policy_mut(&mut self) -> Option<&mut Name> {
        match self {
            Self::Named(name) | Self::Smtp(name) => Some(name),
            Self::Pinhole => None,
        }
    }
}

/// The `mailwarden` block and the statements of Cisco's that say where messages go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub workers: Option<u16>,
    pub conformance: Conformance,
    pub refusals: Refusals,
    pub starttls: StartTls,
    pub recipient_limit: RecipientLimit,
    pub control_socket: Option<Name>,
    pub metrics: Option<SocketAddr>,
    /// `events json FILE`.
    pub events: Option<Name>,
    /// `logging file PATH`, ours: syslog lines to a file instead of stderr.
    pub log_file: Option<Name>,
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
    #[default]
    Smtp,
    Silent,
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

//! The model as canonical configuration text: what `show running-config` prints.
//!
//! Loading the text again gives the same model but for its places; statements that are not used
//! here are not kept and not printed.

mod classic;
mod logging;

use std::fmt::{self, Display, Formatter};

use proto::proxy_protocol::Version;

use crate::dialect::c3pl::{ENCODINGS, UNKNOWN_ENCODING};
use crate::model::{
    AccessListForm, Action, AnnounceLimits, AsaDirection, ClassicSettings, Condition, Configuration,
    Conformance, Criterion, Direction, Encoding, EventsDetail, ImapPreauth, InspectMap, Interface,
    Introduction, L3Class, L3Condition, L3Criterion, L3Policy, L3Rule, L7Class, L7Policy, L7Rule, Logging,
    MatchMode, Name, Objects, Police, Protocol, Proxy, ProxyPolicy, RecipientLimit, Refusals, Said, Settings,
    StartTls, TopAction,
};
use crate::platform::Platform;

mod asa;

impl Display for Configuration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // By name, so that a new list does not compile until it is printed.
        let Self {
            platform,
            hostname,
            settings,
            regex_maps,
            inspect_maps,
            l7_classes,
            l7_policies,
            regexes,
            regex_classes,
            esmtp_maps,
            traffic_classes,
            traffic_policies,
            service_policies,
            access_groups,
            l3_policies,
            l3_classes,
            zones: _,
            zone_pairs: _,
            inspect_rules,
            interfaces,
            host_names: _,
            object_groups: _,
            access_lists: _,
            proxies,
        } = self;
        if let Some(hostname) = hostname {
            writeln!(f, "hostname {hostname}\n!")?;
        }
        mailwarden(f, *platform, settings, self.reads_like_asa())?;
        asa::names(f, self)?;
        access_lists(f, self)?;
        write!(f, "{}", settings.classic)?;
        for map in regex_maps {
            writeln!(f, "parameter-map type regex {}", map.name)?;
            for pattern in map.patterns.iter().filter(|pattern| pattern.line.is_none()) {
                writeln!(f, " pattern {}", Quoted(&pattern.text))?;
            }
            for file in &map.files {
                writeln!(f, " pattern file {}", Quoted(&file.text))?;
            }
            writeln!(f, "!")?;
        }
        together(f, regexes)?;
        separated(f, regex_classes)?;
        separated(f, esmtp_maps)?;
        separated(f, inspect_maps)?;
        separated(f, l7_classes)?;
        separated(f, l3_classes)?;
        separated(f, l7_policies)?;
        separated(f, l3_policies)?;
        zones(f, self)?;
        separated(f, inspect_rules)?;
        separated(f, traffic_classes)?;
        separated(f, traffic_policies)?;
        separated(f, interfaces)?;
        together(f, access_groups)?;
        together(f, service_policies)?;
        separated(f, proxies)?;
        writeln!(f, "end")
    }
}

fn separated(f: &mut Formatter<'_>, blocks: &Objects<impl Display>) -> fmt::Result {
    blocks.iter().try_for_each(|block| writeln!(f, "{block}!"))
}

/// Statements of one line each.
fn together(f: &mut Formatter<'_>, lines: &Objects<impl Display>) -> fmt::Result {
    lines.iter().try_for_each(|line| line.fmt(f))?;
    if lines.is_empty() { Ok(()) } else { writeln!(f, "!") }
}

impl Configuration {
    /// Whether its text would be taken for one of an ASA, if it did not say which platform it is of: a list that is
    /// named without `ip access-list`, which a router does not have, is read all the same.
    fn reads_like_asa(&self) -> bool {
        let mut names = self.access_lists.iter().filter(|list| list.form == AccessListForm::Lines);
        names.any(|list| list.name.text.contains(|c: char| c.is_ascii_alphabetic()))
    }
}

fn mailwarden(f: &mut Formatter<'_>, platform: Platform, settings: &Settings, always: bool) -> fmt::Result {
    if let Some(file) = &settings.log_file {
        writeln!(f, "logging file {file}\n!")?;
    }
    logging::logging(f, platform, &settings.logging)?;
    let own = Settings {
        log_file: None,
        logging: Logging::default(),
        classic: ClassicSettings::default(),
        ..settings.clone()
    };
    if platform == Platform::Ios && own == Settings::default() && !always {
        return Ok(());
    }
    writeln!(f, "mailwarden\n platform {}", platform.as_str())?;
    optional(f, " workers", settings.workers)?;
    writeln!(f, " conformance {}", settings.conformance)?;
    writeln!(f, " refusals {}", settings.refusals)?;
    optional(f, " starttls", settings.starttls)?;
    optional(f, " recipient-limit", settings.recipient_limit)?;
    writeln!(f, " announce-limits {}", settings.announce_limits)?;
    if settings.imap_preauth != ImapPreauth::default() {
        writeln!(f, " imap-preauth {}", settings.imap_preauth)?;
    }
    if settings.asa_direction != AsaDirection::default() {
        writeln!(f, " asa-direction {}", settings.asa_direction)?;
    }
    optional(f, " control-socket", settings.control_socket.as_ref())?;
    optional(f, " metrics", settings.metrics.as_ref())?;
    optional(f, " events json", settings.events.as_ref())?;
    if settings.events_detail != EventsDetail::default() {
        writeln!(f, " events detail {}", settings.events_detail)?;
    }
    settings.acknowledged.iter().try_for_each(|code| writeln!(f, " no warning {}", code.as_str()))?;
    writeln!(f, "!")
}

fn access_lists(f: &mut Formatter<'_>, configuration: &Configuration) -> fmt::Result {
    for list in &configuration.access_lists {
        let (header, name) = (list.form.header(), &list.name);
        if list.form.is_of_lines() {
            list.entries().try_for_each(|entry| writeln!(f, "{header} {name} {}", entry.text))?;
            writeln!(f, "!")?;
            continue;
        }
        writeln!(f, "{header} {name}")?;
        for (sequence, entry) in list.numbered() {
            match sequence {
                Some(sequence) if list.form == AccessListForm::V6 => write!(f, " sequence {sequence}")?,
                Some(sequence) => write!(f, " {sequence}")?,
                None => {}
            }
            writeln!(f, " {}", entry.text)?;
        }
        writeln!(f, "!")?;
    }
    Ok(())
}

impl Display for InspectMap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let limits = &self.limits;
        writeln!(f, "parameter-map type inspect {}", self.name)?;
        optional(f, " alert", limits.alert.map(on_off))?;
        optional(f, " audit-trail", limits.audit_trail.map(on_off))?;
        optional(f, " dns-timeout", limits.dns_timeout)?;
        optional(f, " icmp idle-time", limits.icmp_idle)?;
        optional(f, " udp idle-time", limits.udp_idle)?;
        optional(f, " tcp idle-time", limits.tcp_idle)?;
        optional(f, " tcp synwait-time", limits.tcp_synwait)?;
        optional(f, " tcp finwait-time", limits.tcp_finwait)?;
        if let Some((host, block)) = limits.tcp_max_incomplete_host {
            writeln!(f, " tcp max-incomplete host {host} block-time {block}")?;
        }
        optional(f, " max-incomplete low", limits.max_incomplete_low)?;
        optional(f, " max-incomplete high", limits.max_incomplete_high)?;
        optional(f, " one-minute low", limits.one_minute_low)?;
        optional(f, " one-minute high", limits.one_minute_high)?;
        optional(f, " sessions maximum", limits.sessions_maximum)?;
        match limits.login_failures {
            Some((failures, minutes)) => {
                writeln!(f, " login maximum-failures {failures} block-time {minutes}")
            }
            None => Ok(()),
        }
    }
}

impl Display for L7Class {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "class-map type inspect {} {} {}", self.protocol, self.mode, self.name)?;
        optional(f, " description", self.description.as_ref())?;
        self.conditions.iter().try_for_each(|condition| writeln!(f, " {condition}"))
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "match {}{}", if self.negated { "not " } else { "" }, self.criterion)
    }
}

impl Display for Criterion {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(kind) = self.kind() else { return f.write_str("protocol smtp") };
        f.write_str(kind.row().c3pl.unwrap_or_default())?;
        match self {
            Self::Protocol => Ok(()),
            Self::Regex { map, .. } => write!(f, " regex {map}"),
            Self::Count { over, .. } => write!(f, " gt {over}"),
            Self::CommandVerb { verb } => write!(f, " {verb}"),
            Self::MimeEncoding { encoding } => write!(f, " {encoding}"),
            Self::EhloReply { keyword } => write!(f, " {keyword}"),
            Self::Sign(_) => Ok(()),
        }
    }
}

impl Display for Encoding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard(encoding) => {
                ENCODINGS.iter().find(|(of, _)| of == encoding).map_or("", |(_, word)| word)
            }
            Self::Unknown => UNKNOWN_ENCODING,
            Self::Private(value) => value,
        })
    }
}

impl Display for L3Class {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "class-map type inspect {} {}", self.mode, self.name)?;
        optional(f, " description", self.description.as_ref())?;
        self.conditions.iter().try_for_each(|condition| writeln!(f, " {condition}"))
    }
}

impl Display for L3Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "match {}{}", if self.negated { "not " } else { "" }, self.criterion)
    }
}

impl Display for L3Criterion {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(name) => write!(f, "protocol {name}"),
            Self::AccessGroup(list) if is_number(&list.text) => write!(f, "access-group {list}"),
            Self::AccessGroup(list) => write!(f, "access-group name {list}"),
            Self::Class(name) => write!(f, "class-map {name}"),
        }
    }
}

impl Display for L7Policy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "policy-map type inspect {} {}", self.protocol, self.name)?;
        optional(f, " description", self.description.as_ref())?;
        self.rules.iter().try_for_each(|rule| {
            writeln!(f, " class type inspect {} {}", self.protocol, rule.class)?;
            write!(f, "{rule}")
        })
    }
}

/// The lines below `class type inspect …`.
impl Display for L7Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.inspect {
            writeln!(f, "  inspect")?;
        }
        if self.log {
            writeln!(f, "  log")?;
        }
        match self.action {
            Some((action, _)) => writeln!(f, "  {action}"),
            None => Ok(()),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pace(rate) => write!(f, "{} {}", self.keyword(), rate.0),
            Self::Allow | Self::Mask | Self::Close | Self::Reset => f.write_str(self.keyword()),
        }
    }
}

impl Action {
    /// The command word, without its argument.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Mask => "mask",
            Self::Close => "drop-connection",
            Self::Reset => "reset",
            Self::Pace(_) => "rate-limit",
        }
    }
}

impl Display for L3Policy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "policy-map type inspect {}", self.name)?;
        optional(f, " description", self.description.as_ref())?;
        self.rules.iter().try_for_each(|rule| write!(f, "{rule}"))?;
        match &self.default {
            Some(action) => writeln!(f, " class class-default\n  {action}"),
            None => Ok(()),
        }
    }
}

impl Display for L3Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, " class type inspect {}", self.class)?;
        if let Some(action) = &self.action {
            writeln!(f, "  {action}")?;
        }
        if let Some((protocol, policy)) = &self.service_policy {
            writeln!(f, "  service-policy {protocol} {policy}")?;
        }
        if let Some(Police { rate, burst, .. }) = self.police {
            writeln!(f, "  police rate {rate} burst {burst}")?;
        }
        Ok(())
    }
}

impl Display for TopAction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inspect { parameters: Some(map) } => write!(f, "inspect {map}"),
            Self::Inspect { parameters: None } => f.write_str("inspect"),
            Self::Pass { log } => write!(f, "pass{}", if *log { " log" } else { "" }),
            Self::Drop { log } => write!(f, "drop{}", if *log { " log" } else { "" }),
        }
    }
}

fn zones(f: &mut Formatter<'_>, configuration: &Configuration) -> fmt::Result {
    for zone in &configuration.zones {
        writeln!(f, "zone security {}", zone.name)?;
        optional(f, " description", zone.description.as_ref())?;
    }
    for pair in &configuration.zone_pairs {
        let (source, destination) = (&pair.source, &pair.destination);
        writeln!(f, "zone-pair security {} source {source} destination {destination}", pair.name)?;
        optional(f, " description", pair.description.as_ref())?;
        optional(f, " service-policy type inspect", pair.policy.as_ref())?;
    }
    if configuration.zones.is_empty() && configuration.zone_pairs.is_empty() {
        Ok(())
    } else {
        writeln!(f, "!")
    }
}

impl Display for Interface {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "interface {}", self.name)?;
        optional(f, " description", self.description.as_ref())?;
        optional(f, " linux-interface", self.linux_interface.as_ref())?;
        optional(f, " nameif", self.nameif.as_ref())?;
        optional(f, " security-level", self.security_level)?;
        optional(f, " zone-member security", self.zone.as_ref())?;
        for (list, direction) in [(&self.access_group_in, "in"), (&self.access_group_out, "out")] {
            if let Some(list) = list {
                writeln!(f, " ip access-group {list} {direction}")?;
            }
        }
        for (rule, direction) in [(&self.inspect_in, "in"), (&self.inspect_out, "out")] {
            if let Some(rule) = rule {
                writeln!(f, " ip inspect {rule} {direction}")?;
            }
        }
        Ok(())
    }
}

impl Display for Proxy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "proxy {}", self.name)?;
        optional(f, " description", self.description.as_ref())?;
        self.listen.iter().try_for_each(|address| writeln!(f, " listen {address}"))?;
        self.servers.iter().try_for_each(|address| writeln!(f, " server {address}"))?;
        if let Some((introduction, _)) = self.introduction {
            writeln!(f, " {introduction}")?;
        }
        self.accept_proxy.iter().try_for_each(|network| writeln!(f, " accept-proxy {network}"))?;
        // `smtp` and `esmtp` mean the same here.
        match self.protocol {
            Some(Protocol::Smtp) if self.lmtp => writeln!(f, " protocol lmtp")?,
            Some(Protocol::Smtp) => writeln!(f, " protocol esmtp")?,
            other => optional(f, " protocol", other)?,
        }
        match &self.policy {
            Some(ProxyPolicy::Named(policy)) => writeln!(f, " service-policy type inspect {policy}")?,
            Some(ProxyPolicy::L7(protocol, policy)) => {
                writeln!(f, " service-policy type inspect {protocol} {policy}")?;
            }
            Some(ProxyPolicy::Classic(rule)) => writeln!(f, " ip inspect {rule}")?,
            Some(ProxyPolicy::Esmtp(inspection)) => match &inspection.map {
                Some(map) => writeln!(f, " inspect esmtp {map}")?,
                None => writeln!(f, " inspect esmtp")?,
            },
            Some(ProxyPolicy::Traffic(policy)) => writeln!(f, " service-policy {policy}")?,
            Some(ProxyPolicy::Pinhole) => writeln!(f, " no inspect esmtp")?,
            None => {}
        }
        if let Some(list) = &self.access_group {
            writeln!(f, " ip access-group {list} in")?;
        }
        optional(f, " parameter-map", self.parameters.as_ref())
    }
}

impl Display for Introduction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proxy(Version::One) => "send-proxy v1",
            Self::Proxy(Version::Two) => "send-proxy v2",
            Self::Xclient => "send-xclient",
        })
    }
}

/// Writes each variant as the keywords of the command tables.
macro_rules! keywords {
    ($($kind:ident { $($variant:ident = $keyword:literal),* })*) => {
        $(impl Display for $kind {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $keyword,)* })
            }
        })*
    };
}

keywords! {
    MatchMode { All = "match-all", Any = "match-any" }
    Protocol { Smtp = "smtp", Pop3 = "pop3", Imap = "imap", Tcp = "tcp" }
    Conformance { Compat = "compat", Standard = "standard", Strict = "strict" }
    ImapPreauth { Refuse = "refuse", Pass = "pass" }
    EventsDetail { None = "none", Envelope = "envelope", Headers = "headers" }
    AsaDirection { Both = "both", Inbound = "inbound" }
    Refusals { Smtp = "smtp", Close = "close", Silent = "silent", Detail = "detail" }
    StartTls { Pass = "pass", Mask = "mask", Device = "device" }
    RecipientLimit { Device = "device", Refuse = "refuse" }
    Direction { In = "in", Out = "out" }
    AnnounceLimits { On = "on", Off = "off" }
}

impl<T: Display> Display for Said<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A pattern as it must be typed: in quotes, unless one of its own would close them.
struct Quoted<'t>(&'t str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut escaped = false;
        let closes = |c: char| {
            let closes = !escaped && matches!(c, '"' | '\u{201c}' | '\u{201d}');
            escaped = c == '\\' && !escaped;
            closes
        };
        // Such a pattern was typed without quotes and has no blanks.
        if self.0.chars().any(closes) || escaped { f.write_str(self.0) } else { write!(f, "\"{}\"", self.0) }
    }
}

fn optional(f: &mut Formatter<'_>, keyword: &str, value: Option<impl Display>) -> fmt::Result {
    match value {
        Some(value) => writeln!(f, "{keyword} {value}"),
        None => Ok(()),
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_digit())
}

//! The objects of the ASA as canonical configuration text.

use std::fmt::{self, Display, Formatter};

use super::{Quoted, optional};
use crate::model::{
    AccessGroup, AllowTls, Banner, Configuration, Connection, ENCODING_NAMES, EhloParameter, EncodingName,
    EsmtpCriterion, EsmtpMap, EsmtpMatch, EsmtpParameters, GLOBAL, GroupForm, HostName, ParameterAction,
    Regex, RegexClass, RegexName, ServicePolicy, SpecialCharacter, TrafficClass, TrafficMatch, TrafficPolicy,
    TrafficRule, VerbName,
};

impl Display for Regex {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "regex {} {}", self.name, Quoted(&self.pattern.text))
    }
}

impl Display for RegexClass {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "class-map type regex match-any {}", self.name)?;
        optional(f, " description", self.description.as_ref())?;
        self.regexes.iter().try_for_each(|regex| writeln!(f, " match regex {regex}"))
    }
}

impl Display for EsmtpMap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "policy-map type inspect esmtp {}", self.name)?;
        optional(f, " description", self.description.as_ref())?;
        if self.parameters != EsmtpParameters::default() {
            write!(f, " parameters\n{}", self.parameters)?;
        }
        self.matches.iter().try_for_each(|one| {
            writeln!(f, " {one}")?;
            match (&one.action, one.log) {
                (Some((action, _)), log) => writeln!(f, "  {action}{}", if log { " log" } else { "" }),
                (None, true) => writeln!(f, "  log"),
                (None, false) => Ok(()),
            }
        })
    }
}

impl Display for EsmtpParameters {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some((domain, action)) = &self.mail_relay {
            writeln!(f, "  mail-relay {domain} {action}")?;
        }
        match self.banner {
            Banner::Shown => {}
            Banner::Masked => writeln!(f, "  mask-banner")?,
            Banner::MaskedExceptEsmtp => writeln!(f, "  mask-banner except esmtp")?,
        }
        match &self.special_character {
            Some(SpecialCharacter::Acts(action)) => writeln!(f, "  special-character {action}")?,
            Some(SpecialCharacter::Allowed) => writeln!(f, "  no special-character")?,
            None => {}
        }
        match self.allow_tls {
            Some(AllowTls::Yes { logs: true }) => writeln!(f, "  allow-tls action log"),
            Some(AllowTls::Yes { logs: false }) => writeln!(f, "  allow-tls"),
            Some(AllowTls::No) => writeln!(f, "  no allow-tls"),
            None => Ok(()),
        }
    }
}

impl Display for ParameterAction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.drops, self.logs) {
            (true, true) => "action drop-connection log",
            (true, false) => "action drop-connection",
            (false, _) => "action log",
        })
    }
}

impl Display for EsmtpMatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "match {}{}", if self.negated { "not " } else { "" }, self.criterion)
    }
}

impl Display for EsmtpCriterion {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().row().asa.unwrap_or_default())?;
        match self {
            Self::Count { over, .. } => write!(f, " gt {over}"),
            Self::Regex { regex, .. } => write!(f, " regex {regex}"),
            Self::Verbs(verbs) => each(f, verbs),
            Self::Encodings(encodings) => each(f, encodings),
            Self::EhloParameters(parameters) => each(f, parameters),
        }
    }
}

fn each(f: &mut Formatter<'_>, words: &[impl Display]) -> fmt::Result {
    words.iter().try_for_each(|word| write!(f, " {word}"))
}

impl Display for RegexName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(name) => name.fmt(f),
            Self::Class(name) => write!(f, "class {name}"),
        }
    }
}

/// The word for whatever has no name of its own.
const OTHERS: &str = "others";

impl Display for VerbName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(verb) => verb,
            Self::Others => OTHERS,
        })
    }
}

impl Display for EncodingName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(encoding) => {
                ENCODING_NAMES.iter().find(|(of, _)| of == encoding).map_or("", |(_, word)| word)
            }
            Self::Others => OTHERS,
        })
    }
}

impl Display for EhloParameter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(keyword) => keyword.name,
            Self::Others => OTHERS,
        })
    }
}

impl Display for TrafficClass {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "class-map {}", self.name)?;
        optional(f, " description", self.description.as_ref())?;
        self.matches.iter().try_for_each(|one| writeln!(f, " match {one}"))
    }
}

impl Display for TrafficMatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::AccessList(list) => write!(f, "access-list {list}"),
            Self::Port(ports) if ports.start() == ports.end() => write!(f, "port tcp eq {}", ports.start()),
            Self::Port(ports) => write!(f, "port tcp range {} {}", ports.start(), ports.end()),
            Self::DefaultInspection => f.write_str("default-inspection-traffic"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl Display for TrafficPolicy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "policy-map {}", self.name)?;
        optional(f, " description", self.description.as_ref())?;
        self.rules.iter().try_for_each(|rule| rule.fmt(f))
    }
}

impl Display for TrafficRule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, " class {}", self.class)?;
        if let Some(inspection) = &self.inspection {
            match &inspection.map {
                Some(map) => writeln!(f, "  inspect esmtp {map}")?,
                None => writeln!(f, "  inspect esmtp")?,
            }
        }
        self.connection.fmt(f)?;
        self.qos.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

impl Display for Connection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let limits = [
            ("conn-max", self.conn_max),
            ("embryonic-conn-max", self.embryonic_conn_max),
            ("per-client-max", self.per_client_max),
            ("per-client-embryonic-max", self.per_client_embryonic_max),
        ];
        let timers = [("embryonic", self.embryonic), ("half-closed", self.half_closed), ("idle", self.idle)];
        if limits.iter().any(|(_, value)| value.is_some()) {
            write!(f, "  set connection")?;
            for (keyword, value) in limits.iter().filter_map(|(keyword, value)| Some((keyword, (*value)?))) {
                write!(f, " {keyword} {value}")?;
            }
            writeln!(f)?;
        }
        if timers.iter().any(|(_, value)| value.is_some()) {
            write!(f, "  set connection timeout")?;
            for (keyword, value) in timers.iter().filter_map(|(keyword, value)| Some((keyword, (*value)?))) {
                let (minutes, seconds) = (value / 60, value % 60);
                write!(f, " {keyword} {}:{:02}:{seconds:02}", minutes / 60, minutes % 60)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Display for ServicePolicy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.place.text.as_str() {
            GLOBAL => writeln!(f, "service-policy {} global", self.policy),
            interface => writeln!(f, "service-policy {} interface {interface}", self.policy),
        }
    }
}

impl Display for AccessGroup {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "access-group {}", self.line)
    }
}

/// The names that entries of access lists use.
pub(super) fn names(f: &mut Formatter<'_>, configuration: &Configuration) -> fmt::Result {
    for HostName { name, address } in &configuration.host_names {
        writeln!(f, "name {address} {name}")?;
    }
    if !configuration.host_names.is_empty() {
        writeln!(f, "!")?;
    }
    for group in &configuration.object_groups {
        write!(f, "{} {}", group.form.keywords(), group.name)?;
        match group.form {
            GroupForm::Services(Some(transport)) => writeln!(f, " {}", transport.keyword())?,
            GroupForm::Services(None)
            | GroupForm::NetworkObject
            | GroupForm::ServiceObject
            | GroupForm::Networks
            | GroupForm::Protocols => writeln!(f)?,
        }
        optional(f, " description", group.description.as_ref())?;
        for member in group.members() {
            writeln!(f, " {member}")?;
        }
        writeln!(f, "!")?;
    }
    Ok(())
}

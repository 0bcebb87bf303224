//! Classic inspection as it is written.

use std::fmt::{self, Display, Formatter};

use super::{on_off, optional};
use crate::model::{
    ClassicSettings, InspectOptions, InspectRule, InspectedProtocol, Limits, PortMapping, Transport,
};

impl Display for ClassicSettings {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return Ok(());
        }
        limits(f, &self.limits)?;
        self.port_maps.iter().try_for_each(|mapping| writeln!(f, "{mapping}"))?;
        writeln!(f, "!")
    }
}

fn limits(f: &mut Formatter<'_>, limits: &Limits) -> fmt::Result {
    if limits.alert == Some(false) {
        writeln!(f, "ip inspect alert-off")?;
    }
    if limits.audit_trail == Some(true) {
        writeln!(f, "ip inspect audit-trail")?;
    }
    optional(f, "ip inspect max-incomplete low", limits.max_incomplete_low)?;
    optional(f, "ip inspect max-incomplete high", limits.max_incomplete_high)?;
    optional(f, "ip inspect one-minute low", limits.one_minute_low)?;
    optional(f, "ip inspect one-minute high", limits.one_minute_high)?;
    optional(f, "ip inspect udp idle-time", limits.udp_idle)?;
    optional(f, "ip inspect dns-timeout", limits.dns_timeout)?;
    optional(f, "ip inspect tcp idle-time", limits.tcp_idle)?;
    optional(f, "ip inspect tcp finwait-time", limits.tcp_finwait)?;
    optional(f, "ip inspect tcp synwait-time", limits.tcp_synwait)?;
    match limits.tcp_max_incomplete_host {
        Some((hosts, minutes)) => {
            writeln!(f, "ip inspect tcp max-incomplete host {hosts} block-time {minutes}")
        }
        None => Ok(()),
    }
}

impl Display for PortMapping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        };
        write!(f, "ip port-map {} port {transport} ", self.application)?;
        match (self.ports.start(), self.ports.end()) {
            (port, last) if port == last => write!(f, "{port}")?,
            (from, to) => write!(f, "from {from} to {to}")?,
        }
        if let Some(list) = &self.list {
            write!(f, " list {list}")?;
        }
        match &self.description {
            Some(description) => write!(f, " description {description}"),
            None => Ok(()),
        }
    }
}

impl Display for InspectRule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.protocols.iter().try_for_each(|line| writeln!(f, "ip inspect name {} {line}", self.name))
    }
}

impl Display for InspectedProtocol {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.protocol, self.options)
    }
}

impl Display for InspectOptions {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let program = self.rpc.map(|(program, _)| program);
        let wait = self.rpc.and_then(|(_, wait)| wait);
        option(f, "java-list", self.java_list.as_ref())?;
        flag(f, "urlfilter", self.urlfilter)?;
        option(f, "program-number", program)?;
        option(f, "wait-time", wait)?;
        option(f, "maximum", self.maximum)?;
        option(f, "max-data", self.max_data)?;
        option(f, "alert", self.alert.map(on_off))?;
        option(f, "audit-trail", self.audit_trail.map(on_off))?;
        flag(f, "reset", self.reset)?;
        flag(f, "secure-login", self.secure_login)?;
        flag(f, "router-traffic", self.router_traffic)?;
        option(f, "timeout", self.timeout)
    }
}

fn option(f: &mut Formatter<'_>, keyword: &str, value: Option<impl Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, " {keyword} {value}"))
}

fn flag(f: &mut Formatter<'_>, keyword: &str, is_set: bool) -> fmt::Result {
    if is_set { write!(f, " {keyword}") } else { Ok(()) }
}

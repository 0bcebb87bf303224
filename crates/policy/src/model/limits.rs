//! Timers and thresholds of a `parameter-map type inspect`.

use super::{Name, Object, ObjectKind, Reference};
use crate::source::Span;

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
    /// `login maximum-failures`: failed logins of a client, or to an account, and minutes of blocking.
    pub login_failures: Option<(u32, u32)>,
    /// Of `set connection`, as the next three: sessions with each server.
    pub conn_max: Option<u32>,
    pub embryonic_conn_max: Option<u32>,
    pub per_client_max: Option<u32>,
    pub per_client_embryonic_max: Option<u32>,
}

impl Limits {
    /// With what others say where these say nothing.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            alert: self.alert.or(others.alert),
            audit_trail: self.audit_trail.or(others.audit_trail),
            dns_timeout: self.dns_timeout.or(others.dns_timeout),
            icmp_idle: self.icmp_idle.or(others.icmp_idle),
            udp_idle: self.udp_idle.or(others.udp_idle),
            tcp_idle: self.tcp_idle.or(others.tcp_idle),
            tcp_synwait: self.tcp_synwait.or(others.tcp_synwait),
            tcp_finwait: self.tcp_finwait.or(others.tcp_finwait),
            tcp_max_incomplete_host: self.tcp_max_incomplete_host.or(others.tcp_max_incomplete_host),
            max_incomplete_low: self.max_incomplete_low.or(others.max_incomplete_low),
            max_incomplete_high: self.max_incomplete_high.or(others.max_incomplete_high),
            one_minute_low: self.one_minute_low.or(others.one_minute_low),
            one_minute_high: self.one_minute_high.or(others.one_minute_high),
            sessions_maximum: self.sessions_maximum.or(others.sessions_maximum),
            login_failures: self.login_failures.or(others.login_failures),
            conn_max: self.conn_max.or(others.conn_max),
            embryonic_conn_max: self.embryonic_conn_max.or(others.embryonic_conn_max),
            per_client_max: self.per_client_max.or(others.per_client_max),
            per_client_embryonic_max: self.per_client_embryonic_max.or(others.per_client_embryonic_max),
        }
    }

    /// Whether anything is said of how many sessions there may be.
    pub fn counts_sessions(&self) -> bool {
        self.tcp_max_incomplete_host.is_some()
            || [
                self.max_incomplete_low,
                self.max_incomplete_high,
                self.one_minute_low,
                self.one_minute_high,
                self.sessions_maximum,
                self.conn_max,
                self.embryonic_conn_max,
                self.per_client_max,
                self.per_client_embryonic_max,
            ]
            .iter()
            .any(Option::is_some)
    }
}

impl Object for InspectMap {
    fn kind(&self) -> ObjectKind {
        ObjectKind::InspectMap
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, _visit: &mut dyn FnMut(Reference<'o>)) {}

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
    }
}

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
}

impl Limits {
    /// Whether anything is said of how many sessions there may be.
    pub fn counts_sessions(&self) -> bool {
        self.tcp_max_incomplete_host.is_some()
            || [self.max_incomplete_low, self.max_incomplete_high].iter().any(Option::is_some)
            || [self.one_minute_low, self.one_minute_high, self.sessions_maximum].iter().any(Option::is_some)
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

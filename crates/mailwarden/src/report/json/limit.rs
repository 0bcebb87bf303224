//! What an event of the limits on sessions has.

use std::net::IpAddr;

use engine::admission::{Instance, Limit, Pressure, Transition};
use policy::attach::LimitDomain;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::fields::PeerFields;
use crate::report::LimitReport;

/// A limit on sessions did something. What happens again and again is told once a minute.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct LimitFields<'r> {
    /// As in a configuration, with hyphens: `max-incomplete`, `sessions-maximum`, `per-client-max`; `client-logins` and
    /// `account-logins` are those of `login maximum-failures`, which never say which account it is; `hosts` is the bound
    /// of clients, or servers, that are told apart.
    limit: &'static str,
    /// `on` and `off`: opening sessions go as others come, and no longer. `exceeded`, `blocked` and `unblocked`: of a
    /// host; `blocked` also of logins. `refused`: clients got no session. `evicted`: opening sessions went for others.
    #[cfg_attr(test, schemars(extend("enum" = ["on", "off", "exceeded", "blocked", "unblocked", "refused", "evicted"])))]
    state: &'static str,
    /// What was counted; null where that is not asked.
    count: Option<u32>,
    /// Its threshold; null where there is none.
    threshold: Option<u32>,
    /// Clients accepted in the last minute, of `on` and `off`.
    rate: Option<u32>,
    /// The server that has too many opening sessions.
    host: Option<IpAddr>,
    /// How long it is blocked.
    minutes: Option<u32>,
    /// Of clients that were refused, and of those that others went for: the last.
    client: Option<PeerFields>,
    /// The server that client would have been connected to.
    server: Option<PeerFields>,
    /// How often it happened since it was told last.
    times: u32,
    /// Whose sessions are counted: those of a class of a proxy, or of a class of an ASA's policy-map; all that
    /// classic inspection has where all three are null.
    proxy: Option<&'r str>,
    /// The policy-map of an ASA.
    policy: Option<&'r str>,
    /// The class of the proxy, or of that policy-map.
    class: Option<&'r str>,
}

impl<'r> LimitFields<'r> {
    pub(super) fn of(report: &'r LimitReport) -> Self {
        let (proxy, policy, class) = match &*report.limited.domain {
            LimitDomain::Class { attachment, class } => (Some(&**attachment), None, class.as_deref()),
            LimitDomain::Classic => (report.proxy.as_deref(), None, None),
            LimitDomain::Traffic { policy, class } => {
                (report.proxy.as_deref(), Some(&**policy), Some(&**class))
            }
        };
        let none = Self {
            limit: Limit::MaxIncompleteHost.name(),
            state: "exceeded",
            count: None,
            threshold: None,
            rate: None,
            host: None,
            minutes: None,
            client: None,
            server: None,
            times: 1,
            proxy,
            policy,
            class,
        };
        let pressed = |state, of: Pressure| {
            let (count, threshold) = match of.limit {
                Limit::OneMinute => (of.rate, of.rate_threshold),
                _ => (of.incomplete, of.threshold),
            };
            (of.limit.name(), state, Some(count), Some(threshold), Some(of.rate))
        };
        let acted = |state, of: Instance| Self {
            limit: of.limit.name(),
            state,
            count: Some(of.count),
            threshold: Some(of.threshold),
            client: Some(of.client.into()),
            server: Some(of.server.into()),
            times: of.times,
            ..none
        };
        match report.transition {
            Transition::Aggressive(of) | Transition::Calm(of) => {
                let is_on = matches!(report.transition, Transition::Aggressive(_));
                let (limit, state, count, threshold, rate) = pressed(if is_on { "on" } else { "off" }, of);
                Self { limit, state, count, threshold, rate, ..none }
            }
            Transition::HostExceeded { host, sessions } => {
                Self { threshold: Some(sessions), host: Some(host), ..none }
            }
            Transition::HostBlocked { host, sessions, minutes } => Self {
                state: "blocked",
                threshold: Some(sessions),
                host: Some(host),
                minutes: Some(minutes),
                ..none
            },
            Transition::HostUnblocked { host } => Self { state: "unblocked", host: Some(host), ..none },
            Transition::LoginsBlocked(of) => Self { minutes: Some(of.minutes), ..acted("blocked", of) },
            Transition::Refused(of) => acted("refused", of),
            Transition::Evicted(of) => acted("evicted", of),
        }
    }
}

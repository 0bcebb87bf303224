//! The limits of a domain, and their names.

use policy::model::Limits;

/// What a device shows for a number that is not limited.
pub const UNLIMITED: u32 = 2_147_483_647;

/// How many sessions a domain may have. What is not limited has no number, or [`UNLIMITED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// `max-incomplete`: sessions that are opening.
    pub incomplete: HighLow,
    /// `one-minute`: clients accepted in the last minute.
    pub one_minute: HighLow,
    /// `tcp max-incomplete host`: sessions that are opening to one server.
    pub host: Option<HostLimit>,
    /// `sessions maximum`.
    pub sessions: Option<u32>,
    /// `conn-max`: sessions with each server.
    pub connections: Option<u32>,
    /// `embryonic-conn-max`: of these, those that are opening.
    pub embryonic: Option<u32>,
    /// `per-client-max`: sessions of one client.
    pub per_client: Option<u32>,
    /// `per-client-embryonic-max`: of these, those that are opening.
    pub per_client_embryonic: Option<u32>,
    /// `login maximum-failures`: failed logins of one client, and to one account.
    pub logins: Option<LoginLimit>,
}

impl Thresholds {
    /// Whether anything is limited.
    pub fn are_any(&self) -> bool {
        *self != Self::default()
    }

    /// Whether the sessions of each client are limited.
    pub(super) const fn are_of_clients(&self) -> bool {
        self.per_client.is_some() || self.per_client_embryonic.is_some()
    }
}

impl From<&Limits> for Thresholds {
    fn from(limits: &Limits) -> Self {
        Self {
            incomplete: HighLow::of(limits.max_incomplete_high, limits.max_incomplete_low),
            one_minute: HighLow::of(limits.one_minute_high, limits.one_minute_low),
            host: limits
                .tcp_max_incomplete_host
                .map(|(sessions, block_minutes)| HostLimit { sessions, block_minutes }),
            sessions: limits.sessions_maximum,
            connections: limits.conn_max,
            embryonic: limits.embryonic_conn_max,
            per_client: limits.per_client_max,
            per_client_embryonic: limits.per_client_embryonic_max,
            logins: limits
                .login_failures
                .map(|(failures, block_minutes)| LoginLimit { failures, block_minutes }),
        }
    }
}

/// Above `high` opening sessions go, the oldest first, as clients come, until it is below `low` again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HighLow {
    pub high: u32,
    pub low: u32,
}

impl HighLow {
    /// Of what is configured. A lower threshold alone has nothing to end.
    fn of(high: Option<u32>, low: Option<u32>) -> Self {
        match high {
            Some(high) => Self { high, low: low.map_or(high, |low| low.min(high)) },
            None => Self::default(),
        }
    }
}

impl Default for HighLow {
    fn default() -> Self {
        Self { high: UNLIMITED, low: UNLIMITED }
    }
}

/// So many sessions may be opening to one server. Without a time of blocking the oldest of them goes for each that
/// comes; with one all of them go, and so long no other may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostLimit {
    pub sessions: u32,
    /// 0 to 35,791.
    pub block_minutes: u32,
}

/// With so many failed logins, no two of which are further apart than the time of blocking, a client gets no session, and
/// an account no login, for that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginLimit {
    pub failures: u32,
    /// 1 to 35,791.
    pub block_minutes: u32,
}

/// A limit that was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    MaxIncomplete,
    OneMinute,
    MaxIncompleteHost,
    SessionsMaximum,
    ConnMax,
    EmbryonicConnMax,
    PerClientMax,
    PerClientEmbryonicMax,
    /// Failed logins of a client.
    ClientLogins,
    /// Failed logins to an account.
    AccountLogins,
    /// More hosts have sessions than are told apart: [`super::HOSTS_MAX`].
    Hosts,
}

impl Limit {
    pub const ALL: [Self; 11] = [
        Self::MaxIncomplete,
        Self::OneMinute,
        Self::MaxIncompleteHost,
        Self::SessionsMaximum,
        Self::ConnMax,
        Self::EmbryonicConnMax,
        Self::PerClientMax,
        Self::PerClientEmbryonicMax,
        Self::ClientLogins,
        Self::AccountLogins,
        Self::Hosts,
    ];

    /// The word in events and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxIncomplete => "max-incomplete",
            Self::OneMinute => "one-minute",
            Self::MaxIncompleteHost => "max-incomplete-host",
            Self::SessionsMaximum => "sessions-maximum",
            Self::ConnMax => "conn-max",
            Self::EmbryonicConnMax => "embryonic-conn-max",
            Self::PerClientMax => "per-client-max",
            Self::PerClientEmbryonicMax => "per-client-embryonic-max",
            Self::ClientLogins => "client-logins",
            Self::AccountLogins => "account-logins",
            Self::Hosts => "hosts",
        }
    }
}

//! What can be seen of a domain.

use std::net::IpAddr;
use std::time::Duration;

use super::thresholds::{Limit, Thresholds};

/// A domain as it is at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainView {
    pub thresholds: Thresholds,
    /// Sessions, those that are opening among them.
    pub sessions: u32,
    pub incomplete: u32,
    /// Clients accepted in the last minute.
    pub rate: u32,
    /// The most there ever were of each.
    pub sessions_max: u32,
    pub incomplete_max: u32,
    pub rate_max: u32,
    /// Opening sessions go as others come.
    pub is_aggressive: bool,
    /// In the order of their addresses.
    pub blocked: Vec<BlockedHost>,
    /// What each limit has done since the start; of those that did something.
    pub counted: Vec<(Limit, Counted)>,
}

/// A server to which nobody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockedHost {
    pub host: IpAddr,
    /// How long it goes on.
    pub left: Duration,
}

/// What a limit has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Clients refused.
    pub refused: u64,
    /// Opening sessions ended for others.
    pub evicted: u64,
    /// Servers blocked.
    pub blocked: u64,
}

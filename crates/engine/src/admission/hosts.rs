//! What is counted of each client and of each server.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use proto::Time;

use super::thresholds::Limit;

/// Limit: clients, and servers, that a domain tells apart. An entry lasts as long as a session of the host, so that a
/// machine with as many connections is larger than those that this was measured on; who comes beyond is refused.
pub const HOSTS_MAX: usize = 65_536;

/// Sessions of each client.
#[derive(Debug, Default)]
pub(super) struct Clients(HashMap<IpAddr, Count>);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// All of them.
    pub(super) sessions: u32,
    pub(super) opening: u32,
}

impl Clients {
    pub(super) fn count(&self, client: IpAddr) -> Count {
        self.0.get(&client).copied().unwrap_or_default()
    }

    pub(super) fn has_room(&self, client: IpAddr) -> Result<(), Limit> {
        has_room(self.0.len(), self.0.contains_key(&client))
    }

    pub(super) fn opening(&mut self, client: IpAddr) {
        let count = self.0.entry(client).or_default();
        count.sessions += 1;
        count.opening += 1;
    }

    pub(super) fn opened(&mut self, client: IpAddr) {
        if let Some(count) = self.0.get_mut(&client) {
            count.opening = count.opening.saturating_sub(1);
        }
    }

    /// A session has ended that was open, or not yet.
    pub(super) fn ended(&mut self, client: IpAddr, was_opening: bool) {
        let Some(count) = self.0.get_mut(&client) else { return };
        count.sessions = count.sessions.saturating_sub(1);
        count.opening = count.opening.saturating_sub(was_opening.into());
        if count.sessions == 0 {
            self.0.remove(&client);
        }
    }
}

/// Sessions with each server, and which of them get none.
#[derive(Debug, Default)]
pub(super) struct Servers {
    counts: HashMap<IpAddr, Server>,
    /// No session may begin until then. Who is blocked need not have one.
    blocked: BTreeMap<IpAddr, Time>,
}

#[derive(Debug, Default)]
pub(super) struct Server {
    /// All sessions.
    pub(super) sessions: u32,
    /// The numbers of those that are opening.
    pub(super) opening: BTreeSet<u64>,
    /// When it was told that too many were opening.
    pub(super) told: Option<Time>,
}

impl Servers {
    pub(super) fn get(&self, server: IpAddr) -> Option<&Server> {
        self.counts.get(&server)
    }

    pub(super) fn has_room(&self, server: IpAddr) -> Result<(), Limit> {
        has_room(self.blocked.len(), self.blocked.contains_key(&server))?;
        has_room(self.counts.len(), self.counts.contains_key(&server))
    }

    /// The entry of a server, to be counted in.
    pub(super) fn entry(&mut self, server: IpAddr) -> &mut Server {
        self.counts.entry(server).or_default()
    }

    /// Changes what is counted of a server, and forgets a server of which nothing is.
    pub(super) fn update(&mut self, server: IpAddr, change: impl FnOnce(&mut Server)) {
        let Some(entry) = self.counts.get_mut(&server) else { return };
        change(entry);
        if entry.sessions == 0 {
            self.counts.remove(&server);
        }
    }

    pub(super) fn block(&mut self, server: IpAddr, until: Time) {
        self.blocked.insert(server, until);
    }

    pub(super) fn is_blocked(&self, server: IpAddr) -> bool {
        self.blocked.contains_key(&server)
    }

    /// The servers that are blocked, and until when, in the order of their addresses.
    pub(super) fn blocked(&self) -> impl Iterator<Item = (IpAddr, Time)> {
        self.blocked.iter().map(|(&server, &until)| (server, until))
    }

    /// The servers that are blocked no more.
    pub(super) fn unblock(&mut self, now: Time) -> impl Iterator<Item = IpAddr> {
        self.blocked.extract_if(.., move |_, until| *until <= now).map(|(server, _)| server)
    }
}

/// Whether one more fits into a table of so many, if it is not there already.
const fn has_room(len: usize, is_there: bool) -> Result<(), Limit> {
    if len < HOSTS_MAX || is_there { Ok(()) } else { Err(Limit::Hosts) }
}

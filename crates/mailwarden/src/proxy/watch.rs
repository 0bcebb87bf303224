//! Off the workers: looks names up, and tries addresses that have failed.
//!
//! Runs on the daemon's own runtime. A look-up may take as long as the resolver likes; it blocks a thread of its own.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::model::Server;
use proto::Time;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::connect::connect_to;
use super::names::{Directory, Learned};
use super::upstream::Upstream;

/// How often it is asked what there is to do. Waits are whole seconds.
const TICK: Duration = Duration::from_secs(1);

/// How long an address that has failed may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a configuration waits for names that are new in it, so that its first clients find servers.
const PATIENCE_WITH_NAMES: Duration = Duration::from_secs(5);

/// Names, addresses, and what is being asked about them.
pub(crate) struct Watch {
    pub(crate) directory: Directory,
    /// The beginning of the workers' time.
    started: Instant,
    tick: Interval,
    look_ups: JoinSet<(String, Result<Vec<IpAddr>, String>)>,
    attempts: JoinSet<Option<Arc<Upstream>>>,
}

/// What has happened to servers.
#[derive(Debug)]
pub(crate) enum Change {
    Name(Learned),
    /// An address that had failed answers.
    Up(Arc<Upstream>),
}

impl Watch {
    /// On the runtime that it is to run on.
    pub(crate) fn new(started: Instant) -> Self {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            directory: Directory::default(),
            started,
            tick,
            look_ups: JoinSet::new(),
            attempts: JoinSet::new(),
        }
    }

    /// Watches the servers of a configuration from now on. Waits for the names that it has first, and not for ever;
    /// what was learned of them.
    pub(crate) async fn keep<'s>(&mut self, servers: impl Iterator<Item = &'s Server>) -> Vec<Learned> {
        self.directory.keep(servers);
        let mut learned = Vec::new();
        let all = async {
            self.look_up();
            while self.directory.has_new() {
                let Some(ended) = self.look_ups.join_next().await else { break };
                learned.extend(
                    ended.ok().map(|(host, found)| self.directory.learned(&host, found, now(self.started))),
                );
            }
        };
        // The others come when they come.
        let _ = timeout(PATIENCE_WITH_NAMES, all).await;
        learned
    }

    /// The next thing that happens. Nothing is lost when it is not waited for to its end.
    pub(crate) async fn next(&mut self) -> Change {
        loop {
            tokio::select! {
                Some(ended) = self.look_ups.join_next() => {
                    if let Ok((host, found)) = ended {
                        return Change::Name(self.directory.learned(&host, found, self.now()));
                    }
                }
                Some(ended) = self.attempts.join_next() => {
                    if let Ok(Some(upstream)) = ended {
                        return Change::Up(upstream);
                    }
                }
                _ = self.tick.tick() => {
                    self.look_up();
                    self.attempt();
                }
            }
        }
    }

    fn now(&self) -> Time {
        now(self.started)
    }

    /// Begins the look-ups that are due.
    fn look_up(&mut self) {
        for host in self.directory.due(self.now()) {
            self.look_ups.spawn(async move {
                let found = tokio::net::lookup_host((&*host, 0)).await;
                let found = found.map(|addresses| addresses.map(|address| address.ip()).collect());
                (host, found.map_err(|error| error.to_string()))
            });
        }
    }

    /// Tries the addresses that have failed and are due.
    fn attempt(&mut self) {
        let now = self.now();
        for upstream in self.directory.in_use().filter(|upstream| upstream.claim(now)) {
            self.attempts.spawn(async move {
                let connected: io::Result<_> = timeout(PATIENCE, connect_to(upstream.address()))
                    .await
                    .unwrap_or_else(|late| Err(late.into()));
                (connected.is_ok() && upstream.answered()).then_some(upstream)
            });
        }
    }
}

/// The time of the workers, which began at `started`.
pub(super) fn now(started: Instant) -> Time {
    Time(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn servers(text: &str) -> [Server; 1] {
        [text.parse().unwrap()]
    }

    /// What happens next, to workers that have run for so many seconds.
    async fn next_after(seconds: u64, address: SocketAddr) -> Option<Arc<Upstream>> {
        let started = Instant::now().checked_sub(Duration::from_secs(seconds)).expect("an older machine");
        let mut watch = Watch::new(started);
        let servers = servers(&address.to_string());
        watch.keep(servers.iter()).await;
        let [upstream] = &*watch.directory.upstreams(&servers) else { panic!("not one address") };
        assert!(upstream.failed(Time(0)).is_some());
        match timeout(2 * TICK, watch.next()).await {
            Ok(Change::Up(upstream)) => Some(upstream),
            Ok(Change::Name(learned)) => panic!("{learned:?} of a name that nobody has"),
            Err(_) => None,
        }
    }

    #[tokio::test]
    async fn an_address_that_failed_is_tried_when_it_is_due_and_not_before() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = server.local_addr().unwrap();
        assert!(next_after(10, address).await.is_none());
        let upstream = next_after(31, address).await.expect("it is up");
        assert!(upstream.is_up() && upstream.address() == address);
        drop(server);
        assert!(next_after(31, address).await.is_none());
    }

    #[tokio::test]
    async fn a_configuration_waits_for_the_names_that_are_new_in_it() {
        let mut watch = Watch::new(Instant::now());
        let servers = servers("localhost:25");
        let learned = timeout(PATIENCE, watch.keep(servers.iter())).await.unwrap();
        assert!(matches!(&*learned, [Learned::Changed(_)]), "{learned:?}");
        assert!(watch.directory.upstreams(&servers).iter().any(|it| it.address().ip().is_loopback()));
        assert!(timeout(PATIENCE, watch.keep(servers.iter())).await.unwrap().is_empty());
    }
}

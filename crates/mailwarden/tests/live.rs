//! The daemon itself, on loopback, between clients and servers that misbehave.
//!
//! Every test starts the program with a configuration of its own on a free port, and plays both peers in threads.
//! Nothing is needed but the machine: no packages, no privileges. `MAILWARDEN_KILL_RUNS=N` sets the number of seeded
//! runs of the kill test.

#[path = "live/access_lists.rs"]
mod access_lists;
#[path = "live/bad_servers.rs"]
mod bad_servers;
#[path = "live/control.rs"]
mod control;
#[path = "live/daemon.rs"]
mod daemon;
#[path = "live/debug.rs"]
mod debug;
#[path = "live/descriptors.rs"]
mod descriptors;
#[path = "live/flood.rs"]
mod flood;
#[path = "live/introduction.rs"]
mod introduction;
#[path = "live/kills.rs"]
mod kills;
#[path = "live/limits.rs"]
mod limits;
#[path = "live/log.rs"]
mod log;
#[path = "live/logins.rs"]
mod logins;
#[path = "live/lost_clients.rs"]
mod lost_clients;
#[path = "live/metrics.rs"]
mod metrics;
#[path = "live/noise.rs"]
mod noise;
#[path = "live/pipes.rs"]
mod pipes;
#[path = "live/refusals.rs"]
mod refusals;
#[path = "live/reload.rs"]
mod reload;
#[path = "live/server.rs"]
mod server;
#[path = "live/stop.rs"]
mod stop;
#[path = "live/syslog.rs"]
mod syslog;
#[path = "live/timers.rs"]
mod timers;
#[path = "live/upstreams.rs"]
mod upstreams;
#[path = "live/wire.rs"]
mod wire;

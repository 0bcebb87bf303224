//! How a session begins: who its client is, what it is held to, and its server.

use std::net::SocketAddr;
use std::rc::Rc;

use engine::config::Inspect;
use engine::event::AnomalyKind;
use tokio::net::TcpStream;

use super::Target;
use super::admit::{Refusal, dropped, limit};
use super::balancer::{Caller, Nameless, caller};
use super::connect::{Unreached, connect_first};
use super::endpoint::Endpoint;
use super::sessions::SessionEntry;
use super::worker::Worker;
use crate::report::ServerState;

/// Seconds that a server may take to be connected at most, whatever is configured, where there are others to try.
const PATIENCE_WITH_OTHERS: u64 = 5;

/// What a session begins with.
pub(super) struct Begun {
    pub(super) target: Rc<Target>,
    pub(super) server: Option<Endpoint>,
    /// What the client has said already.
    pub(super) said: Vec<u8>,
    pub(super) how: Beginning,
}

/// How a session begins.
pub(super) enum Beginning {
    /// With a server, for this client.
    Connected(SocketAddr),
    /// No server could be reached: the client gets a refusal in place of a greeting.
    Unreachable,
    /// The client did what ends it.
    Refused(AnomalyKind, Vec<u8>),
}

/// Finds out who the client is, and connects it to a server. One that is not served gets a refusal, unless it has
/// left.
#[allow(clippy::manual_async_fn, reason = "an async fn would keep what it was given twice, while it waits")]
pub(super) fn begin(
    client: &TcpStream,
    entry: &SessionEntry,
    worker: &Worker,
) -> impl Future<Output = Result<Begun, Option<Refusal>>> {
    async move {
        let (target, peer) = (entry.target(), entry.info().client);
        let caller = match caller(client, peer, &target).await {
            Ok(caller) => caller,
            Err(Nameless::Anomaly { kind, value }) => {
                let how = Beginning::Refused(kind, value);
                return Ok(Begun { target, server: None, said: Vec::new(), how });
            }
            Err(Nameless::Left) => return Err(None),
        };
        entry.introduced(caller.client);
        let target = choose(target, &caller, client, entry);
        if target.config.inspect == Inspect::Drop {
            return Err(Some(dropped(caller.client, &target, worker)));
        }
        limit(entry, &target, worker).map_err(Some)?;
        let header = target.proxy_protocol.send.map(|version| caller.header(version, client));
        let reached = tokio::select! {
            biased;
            () = entry.evicted() => Reached::TooLate,
            reached = connect_server(header.unwrap_or_default(), entry, worker) => reached,
        };
        let (server, how) = match reached {
            Reached::Server(server) => (Some(server), Beginning::Connected(caller.client)),
            Reached::None => (None, Beginning::Unreachable),
            Reached::TooLate => return Err(Some(Refusal::by_limit(&target.config))),
        };
        Ok(Begun { target, server, said: caller.said, how })
    }
}

/// What the session is held to, by who speaks and which address was connected to.
fn choose(target: Rc<Target>, caller: &Caller, stream: &TcpStream, entry: &SessionEntry) -> Rc<Target> {
    if target.choices.is_empty() {
        return target;
    }
    match target.chosen(&caller.flow(stream)) {
        Some(chosen) => {
            let chosen = Rc::new(chosen);
            entry.chosen(Rc::clone(&chosen));
            chosen
        }
        None => target,
    }
}

/// What came of the attempt to connect a server.
#[allow(clippy::large_enum_variant, reason = "nearly every session has a server, and it is moved once")]
enum Reached {
    Server(Endpoint),
    /// None answers.
    None,
    /// The session had to go for another before.
    TooLate,
}

/// The first server that can be reached, which hears the header before anything else; that none can is logged.
async fn connect_server(header: Vec<u8>, entry: &SessionEntry, worker: &Worker) -> Reached {
    let target = entry.target();
    let config = &target.config;
    let patience = match &*target.servers {
        [_, _, ..] => config.timers.connect.min(PATIENCE_WITH_OTHERS),
        _ => config.timers.connect,
    };
    let now = || {
        worker.update_now();
        worker.now()
    };
    let proxy = &config.name;
    let tell = |address: SocketAddr, state: ServerState<'_>| worker.recorder.server(proxy, address, state);
    let begun = now();
    match connect_first(&target.servers, patience, now, |time| entry.wake_at(time), tell).await {
        Ok((server, address)) => {
            worker.update_now();
            worker.recorder.connected(target.attachment, worker.now().since(begun));
            match entry.opened(address, worker.now()) {
                true => Reached::Server(Endpoint::server(server, config.inspect, header)),
                false => Reached::TooLate,
            }
        }
        Err(Unreached { why, shortage: true }) => {
            worker.ran_out(&why);
            Reached::None
        }
        Err(Unreached { why, shortage: false }) => {
            let (proxy, client) = (&config.name, entry.info().client);
            worker.recorder.failure(&format!("proxy {proxy}: no server for client {client}: {why}"));
            Reached::None
        }
    }
}

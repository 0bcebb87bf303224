//! Whether an accepted client gets a session. Whatever limits sessions is asked here, before a server is
//! connected for the client.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use engine::config::Inspect;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::Target;
use super::sessions::SessionEntry;
use super::worker::Worker;

/// The server of a session for which none is known.
const NO_SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The entry of the client's session in the worker's table, or nothing when the client is refused.
pub(super) fn admit(client: SocketAddr, target: &Rc<Target>, worker: &Worker) -> Option<SessionEntry> {
    match target.config.inspect {
        Inspect::Drop => None,
        // Entered before its task runs: a worker that drains waits for sessions that have not begun to run, too.
        Inspect::Smtp | Inspect::Pop3 | Inspect::Imap | Inspect::Opaque => {
            // The server it is connected to is known later.
            let server = target.servers.first().map_or(NO_SERVER, |server| server.address());
            Some(worker.sessions.enter(worker.session_info(client, server, target.attachment), target))
        }
    }
}

/// Closes the connection of a refused client with RST.
pub(super) fn refuse(client: TcpStream) {
    let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
    drop(client);
}

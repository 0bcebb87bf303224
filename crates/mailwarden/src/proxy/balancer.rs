//! Who the client is, where a balancer in front says so: the header of the PROXY protocol, read before anything else.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use engine::event::AnomalyKind;
use policy::model::Flow;
use proto::proxy_protocol::{self, Endpoints, HEADER_MAX, Header, Reading, Version};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Target;

/// Who speaks on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) client: SocketAddr,
    /// The address that the client connected to, where a balancer says so.
    pub(super) listener: Option<SocketAddr>,
    /// What it said behind the header.
    pub(super) said: Vec<u8>,
}

impl Caller {
    /// The header in which a server is told of it; `socket` is its connection to us.
    pub(super) fn header(&self, version: Version, socket: &TcpStream) -> Vec<u8> {
        proxy_protocol::write(version, Endpoints { client: self.client, listener: self.listener(socket) })
    }

    /// The connection as a selector is asked about it: the server is what the client connected to.
    pub(super) fn flow(&self, socket: &TcpStream) -> Flow {
        Flow { client: self.client, server: self.listener(socket) }
    }

    fn listener(&self, socket: &TcpStream) -> SocketAddr {
        // A socket that does not know where it was accepted has ended: what is said for it is of no account.
        self.listener.or_else(|| socket.local_addr().ok()).unwrap_or(self.client)
    }
}

/// Why it is not known who speaks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nameless {
    /// The connection ended without a byte, as those of health checks do.
    Left,
    /// What came is no header, or was not all of one.
    Anomaly { kind: AnomalyKind, value: Vec<u8> },
}

/// The client of a connection from `peer`: the peer itself, unless it is in a network of balancers. Those have as long
/// as a server has for its connection.
pub(super) async fn caller(
    stream: &TcpStream,
    peer: SocketAddr,
    target: &Target,
) -> Result<Caller, Nameless> {
    let is_balancer = target.proxy_protocol.accept.iter().any(|network| network.contains(&peer.ip()));
    if !is_balancer {
        return Ok(Caller { client: peer, listener: None, said: Vec::new() });
    }
    let mut held = Vec::new();
    let patience = Duration::from_secs(target.config.timers.connect);
    let kind = match timeout(patience, read_header(stream, &mut held)).await {
        Ok(Ok((header, len))) => {
            held.drain(..len);
            return Ok(match header {
                Header::Proxied(said) => {
                    Caller { client: said.client, listener: Some(said.listener), said: held }
                }
                Header::Local => Caller { client: peer, listener: None, said: held },
            });
        }
        Ok(Err(Failure::Malformed)) => AnomalyKind::BadProxyHeader,
        Ok(Err(Failure::Ended)) if held.is_empty() => return Err(Nameless::Left),
        Ok(Err(Failure::Ended)) | Err(_) => AnomalyKind::CutProxyHeader,
    };
    Err(Nameless::Anomaly { kind, value: held })
}

enum Failure {
    Malformed,
    /// By FIN or by RST.
    Ended,
}

/// Reads until the header is there; the header, and how many of the bytes that are held it has.
async fn read_header(stream: &TcpStream, held: &mut Vec<u8>) -> Result<(Header, usize), Failure> {
    loop {
        stream.readable().await.map_err(|_| Failure::Ended)?;
        // Invariant: less than a header is held, so at most two are.
        let mut buffer = [0; HEADER_MAX];
        match stream.try_read(&mut buffer) {
            Ok(0) => return Err(Failure::Ended),
            Ok(len) => held.extend_from_slice(buffer.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => return Err(Failure::Ended),
        }
        match proxy_protocol::read(held) {
            Reading::Header { header, len } => return Ok((header, len)),
            Reading::NeedMore => {}
            Reading::Malformed => return Err(Failure::Malformed),
        }
    }
}

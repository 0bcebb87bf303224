//! Listening sockets: how they are opened, and how connections are accepted from them.

use std::io;
use std::net::{self, SocketAddr};

use engine::config::Inspect;
use rustix::net::SocketFlags;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Bytes of replies that the kernel may keep for a client, which it doubles for its own needs: more
/// than a server's longest EHLO reply, and some five hundred ordinary ones.
const REPLIES_MAX: usize = 32 << 10;

/// The same for a listener that carried SMTP and now relays unparsed: the most that the kernel allows.
const RELAYED_MAX: usize = 4 << 20;

/// Opens a listening socket for sessions of a protocol. With `shared`, several sockets may have the address,
/// and the kernel spreads connections over them.
///
/// What is set here is inherited by each accepted socket, and costs sessions no system call of their own.
pub(super) fn bind(address: SocketAddr, shared: bool, inspect: Inspect) -> io::Result<net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    if address.is_ipv6() {
        // Else `[::]:25` would hold `0.0.0.0:25` as well, and nobody could name both.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if inspect.is_parsed() {
        socket.set_send_buffer_size(REPLIES_MAX)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Why an address cannot be listened on, and what can be done about it.
pub(super) fn refusal(address: SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("; `ss -ltnp sport = :{port}`, as root, shows the program that listens there")
        }
        io::ErrorKind::AddrNotAvailable => "; this machine does not have the address: `ip address` lists those it has".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "; a port below 1024 requires CAP_NET_BIND_SERVICE: `AmbientCapabilities=CAP_NET_BIND_SERVICE` in the unit \
             of systemd, or `setcap cap_net_bind_service=+ep` on the program"
                .to_owned()
        }
        _ => String::new(),
    };
    format!("cannot listen on {address}: {error}{help}")
}

/// A listening socket that is waited for.
pub(super) type ListeningSocket = AsyncFd<net::TcpListener>;

/// Makes a listening socket known to the runtime.
#[expect(
    deprecated,
    reason = "what replaces it is unsafe, and a listener owns its descriptor for as long as it lives"
)]
pub(super) fn wait_for(socket: net::TcpListener) -> io::Result<ListeningSocket> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}

/// Waits for the next connection. The runtime knows nothing of it yet: a client that is refused costs no more than what it
/// is told, and its end.
pub(super) async fn accept(listener: &ListeningSocket) -> io::Result<(net::TcpStream, SocketAddr)> {
    loop {
        let mut ready = listener.readable().await?;
        let accepted = ready.try_io(|listener| {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            Ok(rustix::net::acceptfrom_with(listener, flags)?)
        });
        // Else it was another worker's, or is gone.
        let Ok(accepted) = accepted else { continue };
        let (socket, peer) = accepted?;
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
        return Ok((socket.into(), peer.ok_or(io::ErrorKind::InvalidData)?));
    }
}

/// Makes a connection known to the runtime.
pub(super) fn register(client: net::TcpStream) -> io::Result<TcpStream> {
    let stream = TcpStream::from_std(client)?;
    // The runtime takes for granted that a new client has sent something, and would try to read from it.
    // A client of SMTP waits for the greeting, so that the attempt is in vain. The kernel's first event for the
    // socket, which is still to come, says how it is.
    let _ = stream.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
    Ok(stream)
}

/// Adapts a listening socket to what its sessions inspect from now on; accepted sockets keep what they have.
///
/// A client of an SMTP server that does not read is sent only so many replies: by itself the kernel keeps
/// megabytes for each, and all sessions share that memory. Once limited, the size no longer adapts to the
/// connection, so a listener that relays unparsed after a reload gets a fixed, large one.
pub(super) fn limit_replies(listener: &ListeningSocket, inspect: Inspect) {
    let size = if inspect.is_parsed() { REPLIES_MAX } else { RELAYED_MAX };
    // A buffer of another size than asked for still works.
    let _ = SockRef::from(listener.get_ref()).set_send_buffer_size(size);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn listening(inspect: Inspect) -> ListeningSocket {
        wait_for(bind((Ipv4Addr::LOCALHOST, 0).into(), false, inspect).unwrap()).unwrap()
    }

    /// Both ends of a new connection.
    async fn connected(listener: &ListeningSocket) -> (net::TcpStream, TcpStream) {
        let client = net::TcpStream::connect(listener.get_ref().local_addr().unwrap()).unwrap();
        let (accepted, peer) = accept(listener).await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        (client, register(accepted).unwrap())
    }

    /// The send buffer of a connection accepted from this listener.
    async fn accepted_buffer(listener: &ListeningSocket) -> usize {
        let (_client, accepted) = connected(listener).await;
        assert!(accepted.nodelay().unwrap());
        SockRef::from(&accepted).send_buffer_size().unwrap()
    }

    #[tokio::test]
    async fn clients_inherit_how_many_replies_the_kernel_keeps() {
        let [smtp, opaque] = [Inspect::Smtp, Inspect::Opaque].map(listening);
        assert_eq!(accepted_buffer(&smtp).await, 2 * REPLIES_MAX);
        assert!(accepted_buffer(&opaque).await > 2 * REPLIES_MAX);
        limit_replies(&smtp, Inspect::Opaque);
        assert!(accepted_buffer(&smtp).await > 2 * REPLIES_MAX);
        limit_replies(&opaque, Inspect::Smtp);
        assert_eq!(accepted_buffer(&opaque).await, 2 * REPLIES_MAX);
    }

    #[tokio::test]
    async fn a_client_is_readable_once_it_has_sent_something() {
        let listener = listening(Inspect::Smtp);
        // What it sent may be there before the connection is accepted, or come later.
        let mut early = net::TcpStream::connect(listener.get_ref().local_addr().unwrap()).unwrap();
        early.write_all(b"EHLO").unwrap();
        let accepted = register(accept(&listener).await.unwrap().0).unwrap();
        let patience = Duration::from_secs(5);
        tokio::time::timeout(patience, accepted.readable())
            .await
            .expect("an early client is noticed")
            .unwrap();

        let (mut late, accepted) = connected(&listener).await;
        accepted.writable().await.unwrap();
        let silent = accepted.try_io(Interest::READABLE, || Ok(()));
        assert_eq!(silent.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        late.write_all(b"EHLO").unwrap();
        tokio::time::timeout(patience, accepted.readable()).await.expect("a late client is noticed").unwrap();
    }
}

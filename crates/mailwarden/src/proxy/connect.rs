//! The connection to a server: the first of a list that can be reached.

use std::io;
use std::net::{SocketAddr, TcpStream as Connecting};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::descriptors::is_shortage;

/// Why no server was reached.
#[derive(Debug)]
pub(super) struct Unreached {
    pub(super) why: String,
    /// It was for lack of descriptors, whatever the servers are like.
    pub(super) shortage: bool,
}

/// Connects to the first of `servers` that can be reached, each within `patience`; or says why none can.
pub(super) async fn connect_first(
    servers: &[SocketAddr],
    patience: Duration,
) -> Result<(TcpStream, SocketAddr), Unreached> {
    let (mut failures, mut shortage) = (Vec::new(), false);
    for &address in servers {
        match timeout(patience, connect_to(address)).await {
            Ok(Ok(stream)) => return Ok((stream, address)),
            Ok(Err(error)) => {
                shortage |= is_shortage(&error);
                failures.push(format!("{address}: {error}"));
            }
            Err(_) => failures.push(format!("{address}: no answer in {} seconds", patience.as_secs())),
        }
    }
    Err(Unreached { why: failures.join(", "), shortage })
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from_std(Connecting::from(socket))?;
    // The event says whether it failed; only then is the socket asked why. The runtime's own `connect` asks
    // always, at the price of a system call for each session.
    let ready = stream.ready(Interest::WRITABLE | Interest::ERROR).await?;
    if (ready.is_error() || ready.is_write_closed())
        && let Some(error) = stream.take_error()?
    {
        return Err(error);
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};

    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn the_first_server_that_can_be_reached_is_taken() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let closed = free.local_addr().unwrap();
        drop(free);
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let open = server.local_addr().unwrap();
        let (stream, address) = connect_first(&[closed, open], PATIENCE).await.unwrap();
        assert_eq!(address, open);
        let (mut accepted, _) = server.accept().unwrap();
        accepted.write_all(b"220").unwrap();
        stream.readable().await.unwrap();
        let mut greeting = [0; 3];
        assert_eq!(stream.try_read(&mut greeting).unwrap(), 3);
        assert_eq!(stream.try_write(b"QUIT").unwrap(), 4);
        let mut command = [0; 4];
        accepted.read_exact(&mut command).unwrap();
        assert_eq!((&greeting, &command), (b"220", b"QUIT"));
    }

    #[tokio::test]
    async fn every_server_that_cannot_be_reached_is_reported() {
        let free = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let closed = [0, 1].map(|at: usize| free[at].local_addr().unwrap());
        drop(free);
        let failure = connect_first(&closed, PATIENCE).await.unwrap_err();
        let expected = closed.map(|address| format!("{address}: Connection refused (os error 111)"));
        assert_eq!((failure.why, failure.shortage), (expected.join(", "), false));
    }
}

//! The connection to a server: the first of a list that can be reached.
//!
//! One that has failed is not asked as long as another answers. When none does, those that have failed are asked
//! after all, the one first that is due first: any of them may be back.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpStream as Connecting};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use proto::Time;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::descriptors::is_shortage;
use super::upstream::Upstream;
use crate::report::ServerState;

/// Why no server was reached.
#[derive(Debug)]
pub(super) struct Unreached {
    pub(super) why: String,
    /// It was for lack of descriptors, whatever the servers are like.
    pub(super) shortage: bool,
}

/// Connects to the first of `servers` that can be reached, each within so many seconds of `patience`; or says why none
/// can. What it learns of them it tells other sessions, and what is news of that, `tell`. It has no timer: `wake_at` is
/// told when it must be woken.
pub(super) async fn connect_first(
    servers: &[Arc<Upstream>],
    patience: u64,
    now: impl Fn() -> Time,
    wake_at: impl Fn(Time),
    tell: impl Fn(SocketAddr, ServerState<'_>),
) -> Result<(TcpStream, SocketAddr), Unreached> {
    let mut attempt = Attempt { patience, now, wake_at, tell, failures: Vec::new(), shortage: false };
    let mut left = Vec::new();
    for upstream in servers {
        if !upstream.is_up() {
            left.push(upstream);
        } else if let Some(stream) = attempt.connect(upstream).await {
            return Ok((stream, upstream.address()));
        }
    }
    left.sort_by_key(|upstream| upstream.due());
    for upstream in left {
        if let Some(stream) = attempt.connect(upstream).await {
            return Ok((stream, upstream.address()));
        }
    }
    let why = match attempt.failures.join(", ") {
        why if servers.is_empty() => why + "no address is known of any",
        why => why,
    };
    Err(Unreached { why, shortage: attempt.shortage })
}

/// One session's attempt to find a server.
struct Attempt<N, W, T> {
    patience: u64,
    now: N,
    wake_at: W,
    tell: T,
    failures: Vec<String>,
    shortage: bool,
}

impl<N: Fn() -> Time, W: Fn(Time), T: Fn(SocketAddr, ServerState<'_>)> Attempt<N, W, T> {
    async fn connect(&mut self, upstream: &Upstream) -> Option<TcpStream> {
        let address = upstream.address();
        let until = (self.now)().plus_seconds(self.patience);
        (self.wake_at)(until);
        let mut connecting = pin!(connect_to(address));
        let connected = poll_fn(|cx| match connecting.as_mut().poll(cx) {
            Poll::Pending if (self.now)() >= until => Poll::Ready(None),
            connected => connected.map(Some),
        });
        let why = match connected.await {
            Some(Ok(stream)) => {
                if upstream.answered() {
                    (self.tell)(address, ServerState::Up);
                }
                return Some(stream);
            }
            Some(Err(error)) if is_ours(&error) => {
                self.shortage |= is_shortage(&error);
                self.failures.push(format!("{address}: {error}"));
                return None;
            }
            Some(Err(error)) => error.to_string(),
            None => format!("no answer in {} seconds", self.patience),
        };
        if let Some(wait) = upstream.failed((self.now)()) {
            (self.tell)(address, ServerState::Down { why: &why, wait });
        }
        self.failures.push(format!("{address}: {why}"));
        None
    }
}

/// Whether an error is about this machine, and says nothing of the server.
fn is_ours(error: &io::Error) -> bool {
    // No port is left for another connection to the same address.
    is_shortage(error) || error.kind() == io::ErrorKind::AddrNotAvailable
}

pub(super) async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from_std(Connecting::from(socket))?;
    poll_fn(|cx| stream.poll_write_ready(cx)).await?;
    // The event says whether it failed; only then is the socket asked why. The runtime's own `connect` asks
    // always, at the price of a system call for each session.
    let failed = stream.try_io(Interest::ERROR, || Ok(())).is_ok();
    match failed.then(|| stream.take_error()).transpose()?.flatten() {
        Some(error) => Err(error),
        None => Ok(stream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};

    use socket2::{Domain, Socket, Type};

    const PATIENCE: u64 = 5;

    /// An address nobody listens on.
    fn closed() -> SocketAddr {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
    }

    fn open() -> TcpListener {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
    }

    fn upstreams<const N: usize>(addresses: [SocketAddr; N]) -> [Arc<Upstream>; N] {
        addresses.map(|address| Arc::new(Upstream::new(address)))
    }

    fn at(seconds: u64) -> Time {
        Time(0).plus_seconds(seconds)
    }

    /// A session's attempt at a second of the workers' time: whom it reached, or why none, and the news.
    async fn attempt(servers: &[Arc<Upstream>], second: u64) -> (Result<SocketAddr, Unreached>, Vec<String>) {
        let news = RefCell::new(Vec::new());
        let tell = |address: SocketAddr, state: ServerState<'_>| {
            let state = match state {
                ServerState::Down { wait, .. } => format!("down for {}", wait.as_secs()),
                ServerState::Up => "up".to_owned(),
            };
            news.borrow_mut().push(format!("{address} {state}"));
        };
        let reached = connect_first(servers, PATIENCE, || at(second), |_| {}, tell).await;
        (reached.map(|(_, address)| address), news.into_inner())
    }

    #[tokio::test]
    async fn the_first_server_that_can_be_reached_is_taken() {
        let server = open();
        let servers = upstreams([closed(), server.local_addr().unwrap()]);
        let (stream, address) = connect_first(&servers, PATIENCE, || at(0), |_| {}, |_, _| {}).await.unwrap();
        assert_eq!(address, server.local_addr().unwrap());
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
        let closed = [closed(), closed()];
        let (reached, news) = attempt(&upstreams(closed), 0).await;
        let failure = reached.unwrap_err();
        let expected = closed.map(|address| format!("{address}: Connection refused (os error 111)"));
        assert_eq!((failure.why, failure.shortage), (expected.join(", "), false));
        assert_eq!(news, closed.map(|address| format!("{address} down for 30")));
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_given_up_when_its_time_has_passed() {
        // With as many connections as it may have, it does not hear of another one.
        let server = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        server.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        server.listen(0).unwrap();
        let address = server.local_addr().unwrap().as_socket().unwrap();
        let _full = Connecting::connect(address).unwrap();
        let servers = upstreams([address]);
        let (now, wake_at) = (Cell::new(at(100)), Cell::default());
        let mut attempt =
            pin!(connect_first(&servers, PATIENCE, || now.get(), |time| wake_at.set(time), |_, _| {}));
        let outcome = poll_fn(|cx| {
            assert!(attempt.as_mut().poll(cx).is_pending());
            assert_eq!(wake_at.get(), at(105));
            now.set(Time(at(105).0 - 1));
            assert!(attempt.as_mut().poll(cx).is_pending());
            now.set(at(105));
            attempt.as_mut().poll(cx)
        });
        assert_eq!(outcome.await.unwrap_err().why, format!("{address}: no answer in 5 seconds"));
        assert_eq!(servers[0].due(), at(135));
    }

    #[tokio::test]
    async fn without_any_address_that_is_said() {
        let (reached, news) = attempt(&[], 0).await;
        assert_eq!((reached.unwrap_err().why.as_str(), news.len()), ("no address is known of any", 0));
    }

    #[tokio::test]
    async fn a_server_that_failed_is_not_asked_while_another_answers() {
        let [first, second] = [open(), open()];
        let addresses = [&first, &second].map(|server| server.local_addr().unwrap());
        let servers = upstreams(addresses);
        servers[0].failed(at(0));
        // Although it would answer, and although it is due: that costs the session what a timeout costs.
        for now in [1, 29, 30, 1000] {
            let (reached, news) = attempt(&servers, now).await;
            assert_eq!((reached.unwrap(), news.len()), (addresses[1], 0));
        }
        first.set_nonblocking(true).unwrap();
        assert_eq!(first.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[tokio::test]
    async fn when_all_have_failed_the_one_due_first_is_asked_first_and_then_the_others() {
        let [first, second] = [open(), open()];
        let addresses = [closed(), first.local_addr().unwrap(), second.local_addr().unwrap()];
        let servers = upstreams(addresses);
        servers[0].failed(at(2));
        servers[1].failed(at(3));
        servers[2].failed(at(1));
        let (reached, news) = attempt(&servers, 4).await;
        assert_eq!((reached.unwrap(), news), (addresses[2], vec![format!("{} up", addresses[2])]));
        // It goes again; the one due next does not answer, which is no news, and the last one does.
        drop(second);
        let (reached, news) = attempt(&servers, 5).await;
        let told = [format!("{} down for 30", addresses[2]), format!("{} up", addresses[1])];
        assert_eq!((reached.unwrap(), news), (addresses[1], told.to_vec()));
        assert_eq!(servers[0].due(), at(32));
    }
}

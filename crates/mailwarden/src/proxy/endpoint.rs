//! One side of a connection: a socket, what is held of it, and what it has not taken yet.
//!
//! An idle endpoint owns no buffer. Reading stops when what it leads to is full: back-pressure is the
//! kernel's receive window.

use std::io;
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use engine::Wants;
use engine::config::Inspect;
use socket2::SockRef;
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::has_budget_remaining;

/// Bytes waiting for a peer that does not take them, above which nothing more is read that could
/// add to them. With one read on top, which is that much shorter, a session stays below 64 KiB.
pub(crate) const HIGH_WATER: usize = 16 << 10;

#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Gone once aborted: RST leaves when the socket is closed.
    stream: Option<TcpStream>,
    /// Read, and not done with.
    pub(crate) held: Vec<u8>,
    /// To be written when the socket takes it.
    pending: Vec<u8>,
    pub(crate) wants: Wants,
    /// What is held could be offered, but there was no room for what would come of it.
    pub(crate) paused: bool,
    /// Nothing more can be read: the peer closed, or the connection is gone.
    pub(crate) read_closed: bool,
    /// The session knows that.
    pub(crate) close_reported: bool,
    writing: Writing,
    nagle: Nagle,
    /// Nothing was there to be read, and the task is woken when something is.
    awaited: bool,
    /// Bytes sent.
    pub(crate) sent: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Open,
    /// FIN follows what is pending.
    Closing,
    Closed,
    /// The socket is dead: aborted by us, or by its peer.
    Dead,
}

/// Whether Nagle's algorithm may still hold back what is written: it waits for the peer to acknowledge what
/// it was sent before, and a peer that has nothing to say takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nagle {
    /// Not while everything that was written has been answered, and with that acknowledged.
    Answered,
    /// It would hold back the next write, which therefore turns it off.
    Unanswered,
    /// TCP_NODELAY is set.
    Off,
}

impl Endpoint {
    /// A client: its socket has inherited TCP_NODELAY from the one it was accepted on. What it said already is held,
    /// to be offered.
    pub(crate) fn client(stream: TcpStream, said: Vec<u8>) -> Self {
        let paused = !said.is_empty();
        Self { held: said, paused, ..Self::new(stream, Nagle::Off) }
    }

    /// A server. Where commands wait for their replies, TCP_NODELAY is left to the first write that follows
    /// another: most sessions have none, and are spared a system call. Bytes that nobody parses are in no order.
    ///
    /// The header goes in front of the first bytes of the client, and does not count as bytes of the session.
    pub(crate) fn server(stream: TcpStream, inspect: Inspect, header: Vec<u8>) -> Self {
        let mut endpoint = Self { pending: header, ..Self::new(stream, Nagle::Answered) };
        if !inspect.is_parsed() {
            endpoint.turn_nagle_off();
        }
        endpoint
    }

    fn new(stream: TcpStream, nagle: Nagle) -> Self {
        Self {
            stream: Some(stream),
            held: Vec::new(),
            pending: Vec::new(),
            wants: Wants::More,
            paused: false,
            read_closed: false,
            close_reported: false,
            writing: Writing::Open,
            nagle,
            awaited: false,
            sent: 0,
        }
    }

    fn turn_nagle_off(&mut self) {
        if let Some(stream) = &self.stream {
            let _ = stream.set_nodelay(true);
        }
        self.nagle = Nagle::Off;
    }

    /// Whether there may be something to read; if not, the task will be woken. Both sides are asked in each turn, and
    /// one that is awaited is not registered again: that costs ten times as much as to look.
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(stream) = &self.stream else { return false };
        if self.awaited {
            self.awaited = stream.try_io(Interest::READABLE, || Ok(())).is_err();
            return !self.awaited;
        }
        let pending = stream.poll_read_ready(cx).is_pending();
        // A task that has used its budget is woken at once, and is not registered.
        self.awaited = pending && has_budget_remaining();
        !pending
    }

    /// Reads what is there, and notes the peer's end. `poll_read` rather than `try_read`: it knows that a short
    /// read emptied the socket, and saves the second one.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else { return Poll::Pending };
        let mut read = ReadBuf::new(buffer);
        match Pin::new(&mut *stream).poll_read(cx, &mut read) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {
                let len = read.filled().len();
                let emptied = len < buffer.len();
                self.read_closed = len == 0 || emptied && has_ended(stream);
                if self.nagle == Nagle::Unanswered {
                    self.nagle = Nagle::Answered;
                }
                Poll::Ready(Ok(len))
            }
        }
    }

    /// Writes what is pending as far as the socket takes it; whether any of it went.
    pub(crate) fn poll_write_pending(&mut self, cx: &mut Context<'_>) -> bool {
        !self.pending.is_empty() && self.poll_write(cx)
    }

    #[cold]
    fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.pending.is_empty() {
            let Some(stream) = &self.stream else { return moved };
            if stream.poll_write_ready(cx).is_pending() {
                break;
            }
            let pending = std::mem::take(&mut self.pending);
            let written = self.write_now(&pending);
            moved |= written > 0;
            if self.writing == Writing::Dead {
                return true;
            }
            self.pending = pending;
            self.pending.drain(..written);
        }
        if self.pending.is_empty() && self.writing == Writing::Closing {
            self.shut();
        }
        moved
    }

    /// Writes as much as the socket takes now and keeps the rest.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if matches!(self.writing, Writing::Closed | Writing::Dead) || bytes.is_empty() {
            return;
        }
        self.sent += bytes.len() as u64;
        if !self.pending.is_empty() {
            self.pending.extend_from_slice(bytes);
            return;
        }
        let written = self.write_now(bytes);
        self.pending.extend_from_slice(bytes.get(written..).unwrap_or_default());
    }

    fn write_now(&mut self, bytes: &[u8]) -> usize {
        match self.nagle {
            Nagle::Answered => self.nagle = Nagle::Unanswered,
            Nagle::Unanswered => self.turn_nagle_off(),
            Nagle::Off => {}
        }
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let Some(stream) = &self.stream else { break };
            match stream.try_write(rest) {
                Ok(len) => written += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    // What its peer sent before is still there to be read, and says how it ended.
                    self.writing = Writing::Dead;
                    break;
                }
            }
        }
        written
    }

    /// Sends FIN after what is pending.
    pub(crate) fn finish(&mut self) {
        match self.writing {
            Writing::Open if self.pending.is_empty() => self.shut(),
            Writing::Open => self.writing = Writing::Closing,
            Writing::Closing | Writing::Closed | Writing::Dead => {}
        }
    }

    fn shut(&mut self) {
        self.writing = Writing::Closed;
        if self.read_closed {
            // Nothing comes any more, so nothing is left to linger for: closing says FIN as well.
            self.stream = None;
        } else if let Some(stream) = &self.stream
            // An error is known, and asked for without a system call, once the connection was reset.
            && stream.try_io(Interest::ERROR, || Ok(())).is_err()
        {
            let _ = SockRef::from(stream).shutdown(Shutdown::Write);
        }
    }

    /// RST: the socket is closed with nothing left to linger for.
    pub(crate) fn abort(&mut self) {
        if let Some(stream) = &self.stream {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
        self.mark_reset();
        self.close_reported = true;
    }

    /// The connection was reset: nothing can be written or read any more.
    pub(crate) fn mark_reset(&mut self) {
        self.stream = None;
        self.writing = Writing::Dead;
        self.read_closed = true;
        self.pending = Vec::new();
        self.held = Vec::new();
    }

    /// Bytes that wait for the peer to take them.
    pub(crate) const fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.pending.len() >= HIGH_WATER
    }

    /// What is held is to be offered again before anything else of this side.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.wants, Wants::Peer | Wants::At(_)) || self.paused
    }

    /// Nothing is added to what is pending any more.
    pub(crate) fn write_closing(&self) -> bool {
        self.writing != Writing::Open
    }

    /// Nothing more will be written.
    pub(crate) fn is_shut(&self) -> bool {
        matches!(self.writing, Writing::Closed | Writing::Dead)
    }

    /// Gives buffers back before sleep.
    pub(crate) fn release_buffers(&mut self) {
        if self.held.is_empty() {
            self.held = Vec::new();
        }
        if self.pending.is_empty() {
            self.pending = Vec::new();
        }
    }
}

/// Whether the peer's FIN is known to have arrived before the last read. If that read emptied the socket, what
/// it returned was the last of the peer, and no further read is needed to see that. After a reset it is: the
/// error must be read. The kernel is not asked again.
fn has_ended(stream: &TcpStream) -> bool {
    // Nearly always nothing more is there to be read, and that much can be asked cheaply.
    if stream.try_io(Interest::READABLE, || Ok(())).is_err() {
        return false;
    }
    let asked = pin!(stream.ready(Interest::READABLE | Interest::ERROR));
    match asked.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(ready)) => ready.is_read_closed() && !ready.is_error(),
        Poll::Ready(Err(_)) | Poll::Pending => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::io::Write;
    use std::net::{self, Ipv4Addr, TcpListener};

    use tokio::task::coop::consume_budget;
    use tokio::time::timeout;

    /// A connection to a client, and its other end.
    fn connected() -> (Endpoint, net::TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let peer = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        (Endpoint::client(TcpStream::from_std(stream).unwrap(), Vec::new()), peer)
    }

    /// Asks in one turn after the other; what the peer does is done at the end of turn `speaks`.
    async fn is_woken(speaks: usize, in_turn: fn(usize, &mut Context<'_>)) -> bool {
        let (mut endpoint, mut peer) = connected();
        let mut turn = 0;
        // A task of its own, since the one with the timer would be woken by that.
        let woken = tokio::spawn(poll_fn(move |cx| {
            turn += 1;
            in_turn(turn, cx);
            if endpoint.poll_readable(cx) {
                return Poll::Ready(());
            }
            assert!(!endpoint.poll_readable(cx));
            if turn == speaks {
                peer.write_all(b"x").unwrap();
            }
            Poll::Pending
        }));
        timeout(Duration::from_secs(5), woken).await.is_ok()
    }

    #[tokio::test]
    async fn a_side_that_was_asked_twice_wakes_its_task() {
        assert!(is_woken(1, |_, _| {}).await);
    }

    #[tokio::test]
    async fn a_side_that_was_asked_without_budget_wakes_its_task_later() {
        // The runtime comes back at once to a task that has used its budget.
        let exhausts = |turn, cx: &mut Context<'_>| {
            while turn == 1 && pin!(consume_budget()).poll(cx).is_ready() {}
        };
        assert!(is_woken(2, exhausts).await);
    }
}

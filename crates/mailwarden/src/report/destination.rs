//! Syslog servers and the local socket: a thread and a bounded queue for each, so that one that is slow or gone costs
//! its own messages, and nobody waits for it.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::entry::entries;
use super::frame::Framer;
use crate::text::counted;

/// Limit: bytes of messages that wait for a destination: some minutes of a busy site's alerts.
const QUEUE_BYTES: usize = 1 << 20;

/// The first pause before a destination is tried again, and the longest: it doubles.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long one attempt may take to connect, or to send.
const ATTEMPT: Duration = Duration::from_secs(5);

/// How long the end of destinations waits for what is still to be sent.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where messages go.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Udp(SocketAddr),
    /// With the length before each message (RFC 6587 §3.4.1).
    Tcp(SocketAddr),
    Local(PathBuf),
}

/// What destinations have to say of themselves, for the log.
pub(super) type News = Arc<Mutex<Vec<String>>>;

/// One destination; its thread ends when it is dropped.
#[derive(Debug)]
pub(super) struct Destination {
    /// Absent once it ends.
    queue: Option<Sender<Arc<[u8]>>>,
    state: Arc<DestinationState>,
    thread: Thread,
    ended: Receiver<()>,
}

/// What a destination, its thread and who asks for it share.
#[derive(Debug)]
pub(super) struct DestinationState {
    address: Address,
    /// Bytes that wait.
    queued: AtomicUsize,
    /// Messages that were sent.
    sent: AtomicU64,
    /// Messages that were lost since it answered last.
    lost: AtomicU64,
    /// The same since the start.
    lost_in_all: AtomicU64,
    /// It does not answer.
    down: AtomicBool,
    /// What cannot be sent at once is not waited for any longer.
    ending: AtomicBool,
}

/// A destination at one time.
#[derive(Clone, Debug)]
pub(crate) struct HostView {
    pub(crate) address: Address,
    pub(crate) up: bool,
    /// Messages that were sent, and that were lost.
    pub(crate) sent: u64,
    pub(crate) lost: u64,
}

impl DestinationState {
    fn new(address: Address) -> Self {
        Self {
            address,
            queued: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            lost_in_all: AtomicU64::new(0),
            down: AtomicBool::new(false),
            ending: AtomicBool::new(false),
        }
    }

    fn lose(&self, messages: u64) {
        self.lost.fetch_add(messages, Ordering::Relaxed);
        self.lost_in_all.fetch_add(messages, Ordering::Relaxed);
    }

    pub(super) fn view(&self) -> HostView {
        HostView {
            address: self.address.clone(),
            up: !self.down.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            lost: self.lost_in_all.load(Ordering::Relaxed),
        }
    }
}

impl Destination {
    /// Starts the thread. Messages worse than `trap`, or as bad, are sent.
    pub(super) fn start(address: Address, framer: Framer, trap: u8, news: News) -> Self {
        let (queue, received) = channel();
        let (end, ended) = channel::<()>();
        let state = Arc::new(DestinationState::new(address));
        let mut delivery =
            DestinationThread { framer, trap, link: None, failed: None, state: Arc::clone(&state), news };
        let thread = thread::spawn(move || {
            delivery.run(&received);
            drop(end);
        });
        Self { queue: Some(queue), state, thread: thread.thread().clone(), ended }
    }

    /// Hands messages over; those that find the queue full are lost.
    pub(super) fn send(&self, messages: &Arc<[u8]>) {
        let len = messages.len();
        if self.state.queued.fetch_add(len, Ordering::Relaxed) + len > QUEUE_BYTES {
            self.state.queued.fetch_sub(len, Ordering::Relaxed);
            self.state.lose(entries(messages).count() as u64);
        } else if let Some(queue) = &self.queue {
            let _ = queue.send(Arc::clone(messages));
        }
    }

    pub(super) fn state(&self) -> Arc<DestinationState> {
        Arc::clone(&self.state)
    }
}

/// Ends destinations: what waits is sent if that is possible at once, and else lost.
pub(super) fn end(mut destinations: Vec<Destination>) {
    for destination in &mut destinations {
        destination.state.ending.store(true, Ordering::Relaxed);
        destination.queue = None;
        destination.thread.unpark();
    }
    let begun = Instant::now();
    for destination in destinations {
        // An error is the end of its thread.
        let _ = destination.ended.recv_timeout(PATIENCE.saturating_sub(begun.elapsed()));
    }
}

/// The thread's side of a destination.
#[derive(Debug)]
struct DestinationThread {
    framer: Framer,
    trap: u8,
    link: Option<Link>,
    /// When it failed last, if it is down.
    failed: Option<Instant>,
    state: Arc<DestinationState>,
    news: News,
}

impl DestinationThread {
    fn run(&mut self, queue: &Receiver<Arc<[u8]>>) {
        let mut message = Vec::new();
        while let Ok(messages) = queue.recv() {
            let trap = self.trap;
            for entry in entries(&messages).filter(|entry| entry.severity <= trap) {
                message.clear();
                self.framer.append(&mut message, &entry);
                self.deliver(&message);
            }
            self.state.queued.fetch_sub(messages.len(), Ordering::Relaxed);
        }
        let lost = self.state.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            self.say(format!("{} for {} were lost", counted(lost, "message"), self.state.address));
        }
    }

    /// Sends one message, however long that takes: what comes meanwhile waits in the queue.
    fn deliver(&mut self, message: &[u8]) {
        // What a datagram is told of an earlier one says nothing of this one.
        let mut pause = if matches!(self.state.address, Address::Udp(_)) { Duration::ZERO } else { PAUSE };
        while let Err(error) = self.attempt(message) {
            self.link = None;
            if self.failed.replace(Instant::now()).is_none() {
                self.state.down.store(true, Ordering::Relaxed);
                self.say(format!("cannot send to {}: {error}", self.state.address));
            }
            if self.state.ending.load(Ordering::Relaxed) {
                return self.state.lose(1);
            }
            thread::park_timeout(pause);
            pause = (pause * 2).clamp(PAUSE, PAUSE_MAX);
        }
        self.state.sent.fetch_add(1, Ordering::Relaxed);
        if self.failed.is_some_and(|failed| failed.elapsed() >= self.state.address.settles_after()) {
            self.failed = None;
            self.state.down.store(false, Ordering::Relaxed);
            let lost = match self.state.lost.swap(0, Ordering::Relaxed) {
                0 => String::new(),
                lost => format!(", {} were lost", counted(lost, "message")),
            };
            self.say(format!("{} can be sent to again{lost}", self.state.address));
        }
    }

    fn attempt(&mut self, message: &[u8]) -> io::Result<()> {
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(Link::to(&self.state.address)?),
        };
        match (link.send(message), &self.state.address) {
            // Of an earlier one, which is lost; this one has not been sent.
            (Err(error), Address::Udp(_)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                self.state.lose(1);
                Err(error)
            }
            (sent, _) => sent,
        }
    }

    fn say(&self, what: String) {
        if let Ok(mut news) = self.news.lock() {
            news.push(what);
        }
    }
}

/// A socket that leads to a destination.
#[derive(Debug)]
enum Link {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Local(UnixDatagram),
}

impl Link {
    fn to(address: &Address) -> io::Result<Self> {
        match address {
            Address::Udp(address) => {
                let any: IpAddr = match address {
                    SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                let socket = UdpSocket::bind((any, 0))?;
                // Connected, it hears of a host where nobody listens.
                socket.connect(address)?;
                Ok(Self::Udp(socket))
            }
            Address::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, ATTEMPT)?;
                stream.set_write_timeout(Some(ATTEMPT))?;
                Ok(Self::Tcp(stream))
            }
            Address::Local(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                socket.set_write_timeout(Some(ATTEMPT))?;
                Ok(Self::Local(socket))
            }
        }
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(message).map(drop),
            Self::Tcp(stream) => {
                if has_ended(stream)? {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                let mut framed = format!("{} ", message.len()).into_bytes();
                framed.extend_from_slice(message);
                stream.write_all(&framed)
            }
            Self::Local(socket) => socket.send(message).map(drop),
        }
    }
}

/// Whether the other side has ended: it says nothing else, and what is sent to it then is lost in silence.
fn has_ended(stream: &TcpStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let heard = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    match heard {
        Ok(len) => Ok(len == 0),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

impl Address {
    /// How long nothing must fail until it is said to answer again. A datagram is sent whether somebody hears it or not,
    /// and what is refused is told with a later one.
    const fn settles_after(&self) -> Duration {
        match self {
            Self::Udp(_) => Duration::from_secs(10),
            Self::Tcp(_) | Self::Local(_) => Duration::ZERO,
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Udp(address) => write!(out, "syslog server {address}"),
            Self::Tcp(address) => write!(out, "syslog server {address} (tcp)"),
            Self::Local(path) => write!(out, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use policy::model::{Facility, LogStamps, Logging};

    use super::super::entry;
    use super::super::time::WallTime;
    use super::*;

    /// A destination that is told messages of `trap` and worse, and what it has to say.
    fn destination(address: Address, trap: u8) -> (Destination, News) {
        let news = News::default();
        let logging = Logging { stamps: Some(LogStamps::None), ..Logging::default() };
        let framer = Framer::of_host(&logging, "edge", Facility::LOCAL7);
        (Destination::start(address, framer, trap, Arc::clone(&news)), news)
    }

    fn messages(texts: &[&str]) -> Arc<[u8]> {
        let mut out = Vec::new();
        for text in texts {
            entry::push(&mut out, WallTime::EPOCH, |out| out.write_all(text.as_bytes()).map(|()| true));
        }
        out.into()
    }

    /// An address where nobody listens.
    fn nowhere() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
    }

    /// What of a message does not depend on the zone of this system.
    fn text(message: &str) -> &str {
        message.split_once(" edge ").unwrap().1
    }

    #[test]
    fn a_host_gets_each_message_that_is_bad_enough_in_a_datagram_of_its_own() {
        let host = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (destination, news) = destination(Address::Udp(host.local_addr().unwrap()), 4);
        destination.send(&messages(&["%FW-4-ONE: a", "%FW-6-TWO: b", "%FW-2-THREE: c"]));
        for expected in ["%FW-4-ONE: a", "%FW-2-THREE: c"] {
            let mut datagram = [0; 1024];
            let len = host.recv(&mut datagram).unwrap();
            assert_eq!(text(std::str::from_utf8(&datagram[..len]).unwrap()), expected);
        }
        end(vec![destination]);
        assert_eq!(news.lock().unwrap().len(), 0);
    }

    #[test]
    fn over_tcp_the_length_of_each_message_stands_before_it() {
        let host = TcpListener::bind("127.0.0.1:0").unwrap();
        let (destination, _) = destination(Address::Tcp(host.local_addr().unwrap()), 7);
        destination.send(&messages(&["%FW-4-ONE: a", "%FW-6-TWO: bc"]));
        end(vec![destination]);
        let mut heard = String::new();
        host.accept().unwrap().0.read_to_string(&mut heard).unwrap();
        let mut rest = &heard[..];
        for expected in ["%FW-4-ONE: a", "%FW-6-TWO: bc"] {
            let (len, behind) = rest.split_once(' ').unwrap();
            let (message, behind) = behind.split_at(len.parse().unwrap());
            assert_eq!(text(message), expected);
            rest = behind;
        }
        assert_eq!(rest, "");
    }

    #[test]
    fn a_host_that_comes_back_gets_what_waited_and_its_going_and_coming_are_told_once() {
        let address = nowhere();
        let (destination, news) = destination(Address::Tcp(address), 7);
        destination.send(&messages(&["%FW-4-ONE: a"]));
        let of = |at: usize| loop {
            if let Some(found) = news.lock().unwrap().get(at) {
                return found.clone();
            }
            thread::yield_now();
        };
        assert_eq!(
            of(0),
            format!("cannot send to syslog server {address} (tcp): Connection refused (os error 111)")
        );
        let host = TcpListener::bind(address).unwrap();
        let mut message = [0; 10];
        host.accept().unwrap().0.read_exact(&mut message).unwrap();
        assert_eq!(of(1), format!("syslog server {address} (tcp) can be sent to again"));
        end(vec![destination]);
        assert_eq!(news.lock().unwrap().len(), 2);
    }

    #[test]
    fn what_a_host_does_not_take_is_bounded_counted_and_waited_for_by_nobody() {
        let address = nowhere();
        let (destination, news) = destination(Address::Tcp(address), 7);
        let one = messages(&[&format!("%FW-4-ONE: {}", "x".repeat(1000))]);
        let sent = 2 * QUEUE_BYTES / one.len();
        (0..sent).for_each(|_| destination.send(&one));
        assert!(destination.state.queued.load(Ordering::Relaxed) <= QUEUE_BYTES);
        end(vec![destination]);
        let news = news.lock().unwrap();
        assert_eq!(news[1..], [format!("{sent} messages for syslog server {address} (tcp) were lost")]);
    }

    #[test]
    fn a_host_that_does_not_read_is_waited_for_by_nobody() {
        let host = TcpListener::bind("127.0.0.1:0").unwrap();
        let (destination, _) = destination(Address::Tcp(host.local_addr().unwrap()), 7);
        let one = messages(&[&*format!("%FW-4-ONE: {}", "x".repeat(60_000)); 4]);
        // More than the kernel keeps for it.
        let begun = Instant::now();
        while destination.state.lost.load(Ordering::Relaxed) == 0 {
            destination.send(&one);
            assert!(destination.state.queued.load(Ordering::Relaxed) <= QUEUE_BYTES);
            thread::yield_now();
        }
        end(vec![destination]);
        assert!(begun.elapsed() < 10 * PATIENCE);
    }

    #[test]
    fn a_datagram_that_is_refused_does_not_make_the_host_come_and_go() {
        let host = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = host.local_addr().unwrap();
        drop(host);
        let (destination, news) = destination(Address::Udp(address), 7);
        let sent = |count| destination.state.sent.load(Ordering::Relaxed) >= count;
        for count in 1..=20 {
            destination.send(&messages(&["%FW-4-ONE: a"]));
            while !sent(count) {
                thread::yield_now();
            }
        }
        assert!(!destination.state.view().up);
        end(vec![destination]);
        let news = news.lock().unwrap();
        let refused = format!("cannot send to syslog server {address}: Connection refused (os error 111)");
        assert_eq!(news[0], refused);
        assert!(
            news.len() == 2 && news[1].ends_with(&format!("for syslog server {address} were lost")),
            "{news:?}"
        );
    }

    #[test]
    fn the_local_socket_gets_datagrams() {
        let folder = std::env::temp_dir().join(format!("mailwarden-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log");
        let socket = UnixDatagram::bind(&path).unwrap();
        let (destination, _) = destination(Address::Local(path), 7);
        destination.send(&messages(&["%FW-4-ONE: a"]));
        let mut datagram = [0; 1024];
        let len = socket.recv(&mut datagram).unwrap();
        assert_eq!(text(std::str::from_utf8(&datagram[..len]).unwrap()), "%FW-4-ONE: a");
        end(vec![destination]);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

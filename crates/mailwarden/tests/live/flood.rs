//! Thousands of clients that talk on and never listen: each costs little, and others do not notice.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::daemon::{Daemon, RULED, free_address};
use crate::wire::{Wire, eventually};

/// What the specification allows one of them.
const MEMORY_MAX: u64 = 64 << 10;

/// Buffers of the kernel on the test's side: as small as they get, so that the daemon's fill.
const SMALL: usize = 4096;

#[test]
fn sessions_that_pipeline_and_never_read_cost_64_kib_each() {
    flood(5000, "NOOP\r\n");
}

#[test]
fn refusals_that_nobody_reads_are_not_piled_up() {
    flood(100, "\x01\r\n");
}

#[test]
fn recipients_without_an_answer_are_not_piled_up() {
    flood(500, "RCPT TO:<r@example.test>\r\n");
}

fn flood(wanted: usize, command: &'static str) {
    let sessions = wanted.min(descriptors_for_sessions());
    if sessions < wanted {
        println!("{sessions} sessions instead of {wanted}: the descriptor limit allows no more");
    }
    let crowd = Crowd::start();
    let daemon = Daemon::start(RULED, &[crowd.address]);
    daemon.passes_clean_mail();
    let before = daemon.memory();
    let clients = talk(&daemon, sessions, command);
    let memory = settled(&daemon, &crowd).saturating_sub(before) / sessions as u64;
    println!("{sessions} sessions of `{}`: {memory} octets each", command.escape_default());
    assert!(memory <= MEMORY_MAX, "{memory} octets for each of {sessions} sessions");
    let started = Instant::now();
    daemon.passes_clean_mail();
    // A program without optimisations, on a machine with other tests.
    assert!(started.elapsed() < Duration::from_secs(5), "a clean session took {:?}", started.elapsed());
    drop((clients, crowd));
    daemon.ended(sessions + 2);
    let left = eventually(|| Some(daemon.descriptors()).filter(|&count| count < 64));
    assert!(left.is_some(), "{} descriptors are still open", daemon.descriptors());
}

/// Two descriptors a session in this process, and as many in the daemon, which raises its limit itself.
fn descriptors_for_sessions() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let limit = usize::try_from(limit.maximum.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    // Other tests run beside this one.
    limit.saturating_sub(2000) / 3
}

/// A server for thousands, in one thread: it answers whatever it is asked at length, as long as somebody reads.
struct Crowd {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    /// How often anybody said anything.
    turns: Arc<AtomicU64>,
}

impl Crowd {
    fn start() -> Self {
        let listener = small_socket();
        listener.bind(&free_address().into()).expect("a free port");
        listener.listen(4096).expect("a listener");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let listener = TcpListener::from(listener);
        let address = listener.local_addr().expect("its address");
        let crowd = Self { address, stopping: Arc::default(), turns: Arc::default() };
        let (stopping, turns) = (Arc::clone(&crowd.stopping), Arc::clone(&crowd.turns));
        thread::spawn(move || attend(&listener, &stopping, &turns));
        crowd
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

fn attend(listener: &TcpListener, stopping: &AtomicBool, turns: &AtomicU64) {
    let mut guests = Vec::new();
    while !stopping.load(Ordering::Relaxed) {
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true).expect("a socket that does not block");
            guests.push(Guest::new(stream));
        }
        let mut busy = false;
        guests.retain_mut(|guest| {
            let turn = guest.turn();
            busy |= turn.unwrap_or(true);
            turns.fetch_add(u64::from(turn.unwrap_or(true)), Ordering::Relaxed);
            turn.is_some()
        });
        if !busy {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

struct Guest {
    stream: TcpStream,
    heard: Vec<u8>,
    unsent: Vec<u8>,
    in_data: bool,
}

impl Guest {
    fn new(stream: TcpStream) -> Self {
        Self { stream, heard: Vec::new(), unsent: b"220 server.test ESMTP\r\n".to_vec(), in_data: false }
    }

    /// Whether anything moved; nothing when the connection is over. It does not listen while it has something to say.
    fn turn(&mut self) -> Option<bool> {
        if !self.unsent.is_empty() {
            let written = moved(self.stream.write(&self.unsent))?;
            self.unsent.drain(..written);
            return Some(written > 0);
        }
        let mut buffer = [0; 1024];
        let read = match moved(self.stream.read(&mut buffer)) {
            Some(0) => return Some(false),
            read => read?,
        };
        self.heard.extend_from_slice(&buffer[..read]);
        while let Some(lf) = self.heard.iter().position(|&octet| octet == b'\n') {
            let line: Vec<u8> = self.heard.drain(..=lf).collect();
            self.answer(line.trim_ascii_end());
        }
        Some(true)
    }

    fn answer(&mut self, line: &[u8]) {
        let long = format!("250 2.0.0 {}\r\n", "x".repeat(2000));
        let reply = match (line, self.in_data) {
            (b".", true) => "250 2.0.0 stored\r\n",
            (_, true) => return,
            (b"DATA", _) => "354 go on\r\n",
            (b"QUIT", _) => "221 2.0.0 bye\r\n",
            _ if line.starts_with(b"EHLO") => "250-server.test\r\n250 PIPELINING\r\n",
            _ => &long,
        };
        self.in_data = line == b"DATA";
        self.unsent.extend_from_slice(reply.as_bytes());
    }
}

/// Octets that moved; nothing when the connection is over.
fn moved(result: std::io::Result<usize>) -> Option<usize> {
    match result {
        Ok(0) => None,
        Ok(len) => Some(len),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
        Err(_) => None,
    }
}

fn small_socket() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(SMALL).expect("a small buffer");
    socket.set_send_buffer_size(SMALL).expect("a small buffer");
    socket
}

/// Clients that greet, and then pipeline until their connections take no more.
fn talk(daemon: &Daemon, sessions: usize, command: &str) -> Vec<TcpStream> {
    let connect = |_| {
        let socket = small_socket();
        socket.connect(&daemon.address().into()).expect("the daemon");
        Wire::of(socket.into())
    };
    let mut clients: Vec<Wire> = (0..sessions).map(connect).collect();
    for client in &mut clients {
        assert!(client.reply().starts_with("220"));
        client.send("EHLO client.test\r\n");
    }
    let text = command.repeat((160 << 10) / command.len());
    let mut rests = vec![text.as_bytes(); sessions];
    for client in &mut clients {
        assert!(client.reply().starts_with("250"));
        client.stream().set_nonblocking(true).expect("a socket that does not block");
    }
    let mut quiet = 0;
    while quiet < 5 {
        let mut sent = 0;
        for (client, rest) in clients.iter().zip(&mut rests) {
            let written =
                if rest.is_empty() { 0 } else { moved(client.stream().write(rest)).expect("a connection") };
            *rest = &rest[written..];
            sent += written;
        }
        quiet = if sent == 0 { quiet + 1 } else { 0 };
        thread::sleep(Duration::from_millis(20));
    }
    clients.into_iter().map(Wire::into_stream).collect()
}

/// The daemon's memory, once everything is full and nothing moves any more.
fn settled(daemon: &Daemon, crowd: &Crowd) -> u64 {
    let started = Instant::now();
    let mut seen = (Instant::now(), 0);
    while seen.0.elapsed() < Duration::from_millis(300) {
        let turns = crowd.turns.load(Ordering::Relaxed);
        if turns != seen.1 {
            seen = (Instant::now(), turns);
        }
        assert!(started.elapsed() < Duration::from_secs(60), "replies go on although nobody reads them");
        thread::sleep(Duration::from_millis(10));
    }
    daemon.memory()
}

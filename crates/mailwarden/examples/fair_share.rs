//! What one sender can do to the others: the time of a transaction on a worker that ten or fifty connections flood.
//!
//! `cargo run --release -p mailwarden --example fair_share [-- PROGRAM]`, where PROGRAM is the build to be measured,
//! `target/release/mailwarden` if none is named. Prints, for each kind of flood, the median transaction and its ratio
//! to that beside a flood of ordinary text. All kinds take their turns in one run of one daemon with one worker, so
//! that the ratios hold on a busy machine too.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement stops at the first surprise, and nothing here is read from a stranger"
)]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Rounds in which each kind has its turn.
const ROUNDS: usize = 5;

/// How long a kind floods in a round.
const TURN: Duration = Duration::from_millis(700);

/// Sessions that send one small message after the other meanwhile.
const OTHERS: usize = 4;

/// What each of them rests between two transactions: they are no flood.
const REST: Duration = Duration::from_millis(3);

/// Bytes that a flood sends at once.
const BLOCK: usize = 64 << 10;

/// How long whoever finds nothing to do in a round of his sockets rests. One thread floods and one discards, however
/// many connections there are: what is measured is the worker, not the scheduler of the kernel.
const PAUSE: Duration = Duration::from_micros(200);

/// A pattern that must be followed through much of the text that `hard_text` makes.
const RULES: &str = "\
parameter-map type regex hard
 pattern \"alpha[^>]*omega\"
 pattern \"beta.*omega\"
parameter-map type regex header
 pattern \"Subject:.*lottery\"
class-map type inspect smtp match-any c
 match header regex header
 match mime encoding x-uuencode
 match body regex hard
policy-map type inspect smtp p
 class type inspect smtp c
  reset
";

fn main() {
    let program = std::env::args().nth(1).unwrap_or_else(|| "target/release/mailwarden".to_owned());
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let server_address = server.local_addr().unwrap();
    let (discarded, discards) = channel();
    thread::spawn(move || discard(&discards));
    thread::spawn(move || {
        for stream in server.incoming().flatten() {
            let discarded = discarded.clone();
            thread::spawn(move || serve(stream, &discarded));
        }
    });
    let daemon = Daemon::start(&program, server_address);
    println!("| flood | connections | median transaction µs | of ordinary text |\n|---|---:|---:|---:|");
    for connections in [10, 50] {
        let mut times = vec![Vec::new(); KINDS.len()];
        for _ in 0..ROUNDS {
            for (kind, times) in KINDS.iter().zip(&mut times) {
                times.extend(measure(daemon.address, kind, connections));
            }
        }
        let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
        for (kind, median) in KINDS.iter().zip(&medians) {
            println!("| {} | {connections} | {median:.0} | {:.2} |", kind.name, median / medians[0]);
        }
    }
}

struct Kind {
    name: &'static str,
    /// What stands before the text that is repeated without end.
    begin: fn() -> Vec<u8>,
    text: fn() -> Vec<u8>,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "ordinary text",
        begin: plain,
        text: || b"Some words of a line that anybody may write.\r\n".to_vec(),
    },
    Kind {
        name: "lines with a bare LF",
        begin: plain,
        text: || b"Some words of a line, and more.\n".to_vec(),
    },
    Kind { name: "bare LF", begin: plain, text: || b"\n".to_vec() },
    Kind { name: "bare CR", begin: plain, text: || b"\ra".to_vec() },
    Kind { name: "NUL", begin: plain, text: || b"\0".to_vec() },
    Kind { name: "LF, dot, CR and NUL in turn", begin: plain, text: || b"\n.\r.\n\0".to_vec() },
    Kind { name: "dot-stuffed lines", begin: plain, text: || b"..a\r\n".to_vec() },
    Kind { name: "delimiters under 99 multiparts", begin: nested, text: || b"--b\r\n--b1x\r\n".to_vec() },
    Kind { name: "text hard for a pattern", begin: plain, text: || b"alpha beta alphabet omeg > ".to_vec() },
];

fn plain() -> Vec<u8> {
    b"Subject: flood\r\nContent-Type: text/plain\r\n\r\n".to_vec()
}

fn nested() -> Vec<u8> {
    let mut begin = b"Subject: flood\r\n".to_vec();
    for depth in 0..99 {
        let header = format!("Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n");
        begin.extend_from_slice(header.as_bytes());
    }
    begin.extend_from_slice(b"\r\n");
    begin
}

/// The transactions of the others while so many connections flood.
fn measure(address: SocketAddr, kind: &Kind, connections: usize) -> Vec<f64> {
    let over = Arc::new(AtomicBool::new(false));
    let floods = (0..connections).map(|_| flooding(address, &(kind.begin)())).collect();
    let text = (kind.text)();
    let block = text.repeat(BLOCK / text.len());
    let flood = {
        let over = over.clone();
        thread::spawn(move || flood(floods, &block, &over))
    };
    let others: Vec<_> = (0..OTHERS)
        .map(|_| {
            let over = over.clone();
            thread::spawn(move || transactions(address, &over))
        })
        .collect();
    thread::sleep(TURN);
    over.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    others.into_iter().flat_map(|other| other.join().unwrap()).collect()
}

/// A connection that has begun a message.
fn flooding(address: SocketAddr, begin: &[u8]) -> TcpStream {
    let mut client = Client::connect(address);
    client.envelope();
    client.stream.get_mut().write_all(begin).unwrap();
    let stream = client.stream.into_inner();
    stream.set_nonblocking(true).unwrap();
    stream
}

/// Messages without an end, as fast as they are taken.
fn flood(mut streams: Vec<TcpStream>, block: &[u8], over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let mut moved = false;
        for stream in &mut streams {
            match stream.write(block) {
                Ok(written) => moved |= written > 0,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "a flood was cut off: {error}"),
            }
        }
        if !moved {
            thread::sleep(PAUSE);
        }
    }
}

/// Small messages on one session: microseconds of each, the first, which is not typical, left out.
fn transactions(address: SocketAddr, over: &AtomicBool) -> Vec<f64> {
    let mut client = Client::connect(address);
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let start = Instant::now();
        client.envelope();
        client.say("Subject: hello\r\n\r\nJust a few words.\r\n.\r\n", "250");
        times.push(start.elapsed().as_secs_f64() * 1e6);
        thread::sleep(REST);
    }
    times.drain(..times.len().min(1));
    times
}

struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self { stream: BufReader::new(stream) };
        client.expect("220");
        client.say("EHLO client.example\r\n", "250");
        client
    }

    fn envelope(&mut self) {
        self.say("MAIL FROM:<a@client.example>\r\n", "250");
        self.say("RCPT TO:<b@server.example>\r\n", "250");
        self.say("DATA\r\n", "354");
    }

    fn say(&mut self, text: &str, code: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
        self.expect(code);
    }

    fn expect(&mut self, code: &str) {
        let mut reply = String::new();
        self.stream.read_line(&mut reply).unwrap();
        assert!(reply.starts_with(code), "{reply:?} in place of {code}");
    }
}

/// The server behind all of them: accepts everything, keeps nothing. A message that is long will have no end.
fn serve(mut stream: TcpStream, discarded: &Sender<TcpStream>) {
    stream.set_nodelay(true).unwrap();
    let mut reply = "220 server.example\r\n";
    let mut buffer = vec![0; BLOCK];
    let (mut held, mut in_data) = (Vec::new(), false);
    while stream.write_all(reply.as_bytes()).is_ok() {
        let Ok(len @ 1..) = stream.read(&mut buffer) else { return };
        reply = "";
        held.extend_from_slice(&buffer[..len]);
        // Nobody sends anything behind a line, or the end, before it is answered.
        if in_data && held.ends_with(b"\r\n.\r\n") {
            (in_data, reply) = (false, "250 taken\r\n");
            held.clear();
        } else if !in_data && held.ends_with(b"\n") {
            in_data = held.starts_with(b"DATA");
            reply = if in_data { "354 go on\r\n" } else { "250 well\r\n" };
            held.clear();
        } else if held.len() > 16 << 10 {
            return discarded.send(stream).unwrap();
        }
    }
}

/// Reads what floods send.
fn discard(streams: &Receiver<TcpStream>) {
    let mut buffer = vec![0; 4 * BLOCK];
    let mut open: Vec<TcpStream> = Vec::new();
    loop {
        match streams.try_recv() {
            Ok(stream) => {
                stream.set_nonblocking(true).unwrap();
                open.push(stream);
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return,
        }
        let mut moved = false;
        open.retain_mut(|stream| match stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(_) => {
                moved = true;
                true
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        });
        if !moved {
            thread::sleep(PAUSE);
        }
    }
}

struct Daemon {
    child: Child,
    address: SocketAddr,
    configuration: std::path::PathBuf,
}

impl Daemon {
    fn start(program: &str, server: SocketAddr) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let configuration = std::env::temp_dir().join(format!("fair-share-{}.conf", std::process::id()));
        let text = format!(
            "{RULES}mailwarden\n workers 1\nproxy mx\n listen {address}\n server {server}\n protocol esmtp\n \
             service-policy type inspect smtp p\n"
        );
        std::fs::write(&configuration, text).unwrap();
        let child = Command::new(program)
            .args(["run", "--config"])
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let daemon = Self { child, address, configuration };
        let patience = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(patience.elapsed() < Duration::from_secs(10), "{program} does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.configuration);
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

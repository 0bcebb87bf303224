//! The most gullible server there is: CR, LF and CRLF all end a line, NUL is nothing, a dot with blanks behind it ends
//! a message, and a BDAT it cannot read leaves its octets to be read as commands.
//!
//! Whatever reaches it as one message is one message to every server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::process::{Failure, eventually, free_address};

#[derive(Debug)]
pub(crate) struct TolerantServer {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    stopping: Arc<AtomicBool>,
}

/// What it took one connection to say.
#[derive(Debug, Default, Clone)]
pub(crate) struct Heard {
    pub(crate) commands: Vec<String>,
    /// As on the wire, dots still doubled; without the line that ended it.
    pub(crate) messages: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunking {
    Offered,
    Unknown,
}

impl TolerantServer {
    pub(crate) fn start(chunking: Chunking) -> Self {
        let listener = TcpListener::bind(free_address()).expect("a listener on loopback");
        let address = listener.local_addr().expect("its address");
        let server = Self { address, heard: Arc::default(), stopping: Arc::default() };
        let (heard, stopping) = (Arc::clone(&server.heard), Arc::clone(&server.stopping));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopping.load(Ordering::Relaxed) {
                    return;
                }
                let heard = Arc::clone(&heard);
                thread::spawn(move || {
                    let said = listen(stream, chunking);
                    heard.lock().expect("no listener panics").push(said);
                });
            }
        });
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was said in the one connection since the last call, once that has ended.
    pub(crate) fn take(&self) -> Result<Heard, Failure> {
        let heard = eventually(15, || self.heard.lock().expect("no listener panics").pop());
        heard.ok_or_else(|| "the connection to the server is still open after 15 s".to_owned())
    }
}

impl Drop for TolerantServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

#[derive(Debug)]
enum State {
    Command,
    Data,
    Chunk { left: u64, last: bool },
}

/// Reads a connection to its end.
fn listen(mut stream: TcpStream, chunking: Chunking) -> Heard {
    let mut reader = Reader::new(chunking);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let mut replies = b"220 tolerant ESMTP\r\n".to_vec();
    let mut buffer = [0; 16 * 1024];
    while stream.write_all(&replies).is_ok() {
        let Ok(len @ 1..) = stream.read(&mut buffer) else { break };
        replies.clear();
        for octet in &buffer[..len] {
            reader.take(*octet, &mut replies);
        }
        if reader.heard.commands.last().is_some_and(|command| command == "QUIT") {
            let _ = stream.write_all(&replies);
            break;
        }
    }
    reader.heard
}

struct Reader {
    chunking: Chunking,
    state: State,
    /// The last command ended with CR: an LF behind it belongs to it.
    after_cr: bool,
    line: Vec<u8>,
    message: Vec<u8>,
    /// Where in the message the line began.
    line_start: usize,
    heard: Heard,
}

impl Reader {
    fn new(chunking: Chunking) -> Self {
        Self {
            chunking,
            state: State::Command,
            after_cr: false,
            line: Vec::new(),
            message: Vec::new(),
            line_start: 0,
            heard: Heard::default(),
        }
    }

    fn take(&mut self, octet: u8, replies: &mut Vec<u8>) {
        if std::mem::take(&mut self.after_cr) && octet == b'\n' {
            return;
        }
        match (&mut self.state, octet) {
            (State::Chunk { left, last }, _) => {
                self.message.push(octet);
                *left -= 1;
                if *left == 0 {
                    let last = *last;
                    self.end_of_chunk(last, replies);
                }
            }
            (State::Command, b'\r' | b'\n') => {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
                self.after_cr = octet == b'\r';
                if !line.is_empty() {
                    self.command(line, replies);
                }
            }
            (State::Data, b'\r' | b'\n') => {
                let line = std::mem::take(&mut self.line);
                if line.trim_ascii_end() == b"." {
                    self.message.truncate(self.line_start);
                    self.after_cr = octet == b'\r';
                    self.heard.messages.push(std::mem::take(&mut self.message));
                    self.state = State::Command;
                    replies.extend_from_slice(b"250 stored\r\n");
                } else {
                    self.message.push(octet);
                    self.line_start = self.message.len();
                }
            }
            (state, _) => {
                if matches!(state, State::Data) {
                    self.message.push(octet);
                }
                if octet != 0 {
                    self.line.push(octet);
                }
            }
        }
    }

    fn command(&mut self, line: String, replies: &mut Vec<u8>) {
        let upper = line.to_ascii_uppercase();
        let mut words = upper.split_whitespace();
        let reply: &[u8] = match (words.next().unwrap_or_default(), self.chunking) {
            ("EHLO", Chunking::Offered) => {
                b"250-tolerant\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 8BITMIME\r\n"
            }
            ("EHLO", Chunking::Unknown) => b"250-tolerant\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            ("HELO" | "MAIL" | "RCPT" | "RSET" | "NOOP", _) => b"250 ok\r\n",
            ("DATA", _) => {
                self.state = State::Data;
                self.line_start = 0;
                b"354 go on\r\n"
            }
            ("BDAT", Chunking::Offered) => match words.next().map(str::parse) {
                Some(Ok(0)) => return self.end_of_chunk(words.next() == Some("LAST"), replies),
                Some(Ok(left)) => {
                    self.state = State::Chunk { left, last: words.next() == Some("LAST") };
                    b""
                }
                _ => b"501 what size\r\n",
            },
            ("QUIT", _) => b"221 bye\r\n",
            _ => b"500 unknown\r\n",
        };
        replies.extend_from_slice(reply);
        self.heard.commands.push(line);
    }

    fn end_of_chunk(&mut self, last: bool, replies: &mut Vec<u8>) {
        self.state = State::Command;
        if last {
            self.heard.messages.push(std::mem::take(&mut self.message));
        }
        replies.extend_from_slice(b"250 chunk\r\n");
    }
}

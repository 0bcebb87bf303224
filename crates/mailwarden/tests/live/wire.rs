//! One end of a TCP connection, for clients and servers alike: lines, replies, and ways to leave.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

/// How long a peer may take over anything before a test calls it silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    held: Vec<u8>,
    /// The kernel tells of a reset once, to whoever reads or writes, and of an end like any other from then on.
    ended: Option<End>,
    broken: bool,
}

/// How the other side left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
    /// It is still there.
    Silent,
}

impl Wire {
    pub(crate) fn connect(to: SocketAddr) -> Self {
        Self::of(TcpStream::connect(to).unwrap_or_else(|error| panic!("{to}: {error}")))
    }

    pub(crate) fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, held: Vec::new(), ended: None, broken: false }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Whether the kernel took all of it.
    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) -> bool {
        let sent = self.stream.write_all(octets.as_ref()).is_ok();
        self.broken |= !sent;
        sent
    }

    /// A line without its end; nothing when the other side ended or is silent.
    pub(crate) fn line(&mut self) -> Option<String> {
        loop {
            if let Some(lf) = self.held.iter().position(|&octet| octet == b'\n') {
                let line: Vec<u8> = self.held.drain(..=lf).collect();
                return Some(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
            }
            self.fill().ok()?;
        }
    }

    /// The last line of a whole reply, or what there was of it.
    pub(crate) fn reply(&mut self) -> String {
        loop {
            match self.line() {
                Some(line) if line.as_bytes().get(3) == Some(&b'-') => {}
                line => return line.unwrap_or_default(),
            }
        }
    }

    pub(crate) fn command(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n"));
        self.reply()
    }

    /// A command that must be answered so.
    pub(crate) fn says(&mut self, line: &str, start: &str) {
        let reply = self.command(line);
        assert!(reply.starts_with(start), "`{line}` was answered `{reply}` instead of `{start}`");
    }

    /// Everything up to the end, and which end it was.
    pub(crate) fn rest(&mut self) -> (String, End) {
        let end = loop {
            if let Err(end) = self.fill() {
                break end;
            }
        };
        (String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned(), end)
    }

    /// The next octets, whatever they are.
    pub(crate) fn octets(&mut self) -> Result<Vec<u8>, End> {
        if self.held.is_empty() {
            self.fill()?;
        }
        Ok(std::mem::take(&mut self.held))
    }

    /// Whether nothing is heard for so long.
    pub(crate) fn is_silent(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).expect("a timeout");
        let silent = self.held.is_empty() && self.fill() == Err(End::Silent);
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        silent
    }

    fn fill(&mut self) -> Result<(), End> {
        if let Some(end) = self.ended {
            return Err(end);
        }
        let mut buffer = [0; 16 << 10];
        let end = match self.stream.read(&mut buffer) {
            Ok(0) if self.broken => End::Reset,
            Ok(0) => End::Fin,
            Ok(len) => {
                self.held.extend_from_slice(&buffer[..len]);
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(End::Silent),
            Err(_) => End::Reset,
        };
        self.ended = Some(end);
        Err(end)
    }

    /// Says its last, and listens on.
    pub(crate) fn fin(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Vanishes with a RST.
    pub(crate) fn reset(self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Sends one message over an open connection; the answer to its end.
    pub(crate) fn message(&mut self, sender: &str, text: &str) -> String {
        self.says(&format!("MAIL FROM:<{sender}>"), "250");
        self.says("RCPT TO:<r@example.test>", "250");
        self.says("DATA", "354");
        self.command(&format!("{text}\r\n."))
    }
}

/// Asks until there is an answer or the time is over.
pub(crate) fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(3));
    }
}

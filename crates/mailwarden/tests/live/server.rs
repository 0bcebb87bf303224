//! Servers on loopback: one that is told what to do with each connection, and one that takes mail.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::daemon::free_address;
use crate::wire::{End, Wire, eventually};

/// Hands every connection, with its number, to a function in a thread of its own.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
}

impl Server {
    pub(crate) fn start(serve: impl Fn(Wire, usize) + Send + Sync + 'static) -> Self {
        Self::start_at(free_address(), serve)
    }

    /// At an address where nobody listens.
    pub(crate) fn start_at(address: SocketAddr, serve: impl Fn(Wire, usize) + Send + Sync + 'static) -> Self {
        // A daemon that another thread starts holds what `free_address` tried until it is executed.
        let listener = eventually(|| TcpListener::bind(address).ok()).expect("a listener on loopback");
        let server = Self { address: listener.local_addr().expect("its address"), stopping: Arc::default() };
        let (stopping, serve) = (Arc::clone(&server.stopping), Arc::new(serve));
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                if stopping.load(Ordering::Relaxed) {
                    return;
                }
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(Wire::of(stream), number));
            }
        });
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection to a mailbox, once it is over.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) commands: Vec<String>,
    pub(crate) messages: Vec<String>,
    pub(crate) end: End,
}

/// Takes all mail and remembers it.
#[derive(Debug)]
pub(crate) struct Mailbox {
    server: Server,
    visits: Arc<Mutex<Vec<Visit>>>,
}

impl Mailbox {
    pub(crate) fn start() -> Self {
        Self::start_at(free_address())
    }

    /// At an address where nobody listens.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        let visits: Arc<Mutex<Vec<Visit>>> = Arc::default();
        let server = Server::start_at(address, {
            let visits = Arc::clone(&visits);
            move |wire, _| {
                let mut host = Host::new(wire);
                host.serve();
                visits.lock().expect("no server panics").push(host.visit());
            }
        });
        Self { server, visits }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// What was said in all connections so far, once so many of them are over.
    pub(crate) fn visits(&self, count: usize) -> Vec<Visit> {
        let visits = || self.visits.lock().expect("no server panics").clone();
        let ended = eventually(|| Some(visits()).filter(|visits| visits.len() >= count));
        ended.unwrap_or_else(|| panic!("{} of {count} connections ended", visits().len()))
    }
}

/// The server's part of one dialogue.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) wire: Wire,
    commands: Vec<String>,
    messages: Vec<String>,
}

impl Host {
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire, commands: Vec::new(), messages: Vec::new() }
    }

    /// Greets, and answers until the other side has ended or said QUIT.
    pub(crate) fn serve(&mut self) {
        let mut open = self.wire.send("220 server.test ESMTP\r\n");
        while open {
            open = self.command();
        }
    }

    /// Answers one command; whether the dialogue goes on.
    pub(crate) fn command(&mut self) -> bool {
        let Some(line) = self.wire.line() else { return false };
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        self.commands.push(line);
        match verb.as_str() {
            "EHLO" => self.wire.send("250-server.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n"),
            "DATA" => self.data(),
            "QUIT" => {
                self.wire.send("221 2.0.0 bye\r\n");
                false
            }
            _ => self.wire.send("250 2.0.0 ok\r\n"),
        }
    }

    fn data(&mut self) -> bool {
        self.wire.send("354 go on\r\n");
        let mut message = String::new();
        while let Some(line) = self.wire.line() {
            if line == "." {
                self.messages.push(message);
                return self.wire.send("250 2.0.0 stored\r\n");
            }
            message.push_str(&line);
            message.push('\n');
        }
        false
    }

    /// What came of it; waits for the other side to leave.
    pub(crate) fn visit(mut self) -> Visit {
        self.wire.fin();
        let (_, end) = self.wire.rest();
        Visit { commands: self.commands, messages: self.messages, end }
    }
}

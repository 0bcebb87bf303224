//! A relay between a client and a server that writes down what both say.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::process::{Failure, free_address};

/// What was said in one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) by_client: Vec<u8>,
    pub(crate) by_server: Vec<u8>,
    /// The client says nothing more.
    pub(crate) is_over: bool,
}

/// Relays until the program ends.
#[derive(Debug)]
pub(crate) struct Wiretap {
    address: SocketAddr,
    connections: Connections,
}

type Connections = Arc<Mutex<Vec<Said>>>;

impl Wiretap {
    pub(crate) fn start(server: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind((free_address().ip(), 0)).map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let connections = Connections::default();
        let written = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(server) else { continue };
                relay(&client, &server, &written);
            }
        });
        Ok(Self { address, connections })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was said so far since it was forgotten, in the order in which the connections began.
    pub(crate) fn said(&self) -> Vec<Said> {
        self.connections.lock().expect("nobody panics with it").clone()
    }

    pub(crate) fn forget(&self) {
        self.connections.lock().expect("nobody panics with it").clear();
    }
}

fn relay(client: &TcpStream, server: &TcpStream, written: &Connections) {
    let number = {
        let mut written = written.lock().expect("nobody panics with it");
        written.push(Said::default());
        written.len() - 1
    };
    let by_client: fn(&mut Said) -> &mut Vec<u8> = |said| &mut said.by_client;
    let by_server: fn(&mut Said) -> &mut Vec<u8> = |said| &mut said.by_server;
    for (from, to, whose, is_client) in
        [(client, server, by_client, true), (server, client, by_server, false)]
    {
        let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
        let written = Arc::clone(written);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(len @ 1..) = from.read(&mut bytes) {
                if let Some(said) = written.lock().expect("nobody panics with it").get_mut(number) {
                    whose(said).extend_from_slice(&bytes[..len]);
                }
                if to.write_all(&bytes[..len]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Write);
            if let Some(said) = written.lock().expect("nobody panics with it").get_mut(number) {
                said.is_over |= is_client;
            }
        });
    }
}

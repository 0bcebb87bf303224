//! The workers' threads and the sockets they listen on; what a worker does stands in `proxy/worker.rs`.

use std::collections::HashSet;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::exit;
use std::thread::JoinHandle;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::Exit;
use crate::plan::Plan;
use crate::proxy::worker::{self, Listen, Order};
use crate::reporting::Reporter;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// The workers.
pub(crate) struct Crew {
    members: Vec<(UnboundedSender<Order>, JoinHandle<()>)>,
    listening: HashSet<SocketAddr>,
}

impl Crew {
    pub(crate) fn new(workers: Option<usize>, reporter: &Reporter) -> Self {
        let default = || std::thread::available_parallelism().map_or(1, usize::from);
        let count = workers.unwrap_or_else(default).clamp(1, 256);
        let members = (0..count as u64).map(|number| {
            let (orders, mailbox) = unbounded_channel();
            let reporter = reporter.clone();
            let thread = std::thread::spawn(move || {
                if let Err(error) = worker::run(number, reporter, mailbox) {
                    eprintln!("mailwarden: worker {number}: {error}");
                    exit(Exit::System as i32);
                }
            });
            (orders, thread)
        });
        Self { members: members.collect(), listening: HashSet::new() }
    }

    /// Opens what is new, keeps what stays, and closes the rest; all or nothing.
    pub(crate) fn listen(&mut self, plan: Plan) -> Result<(), String> {
        let mut sockets = Vec::new();
        for (address, _) in &plan.listeners {
            let new = !self.listening.contains(address);
            let opened = if new { open(*address, self.members.len()) } else { Ok(Vec::new()) };
            sockets.push(opened.map_err(|error| format!("cannot listen on {address}: {error}"))?);
        }
        for (orders, _) in &self.members {
            let listens = plan.listeners.iter().zip(&mut sockets).map(|((address, target), sockets)| {
                Listen { address: *address, socket: sockets.pop(), target: target.clone() }
            });
            let _ = orders.send(Order::Listen(listens.collect()));
        }
        self.listening = plan.listeners.iter().map(|(address, _)| *address).collect();
        Ok(())
    }

    pub(crate) fn order(&self, order: impl Fn() -> Order) {
        for (orders, _) in &self.members {
            let _ = orders.send(order());
        }
    }

    /// Until every worker has seen its last session end.
    pub(crate) async fn drained(&self) {
        for (orders, _) in &self.members {
            orders.closed().await;
        }
    }

    pub(crate) fn stop(self) {
        self.order(|| Order::Stop);
        for (orders, thread) in self.members {
            drop(orders);
            let _ = thread.join();
        }
    }
}

/// A listening socket for each worker; the kernel spreads connections over them.
fn open(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    // With SO_REUSEPORT a second daemon would quietly share the port: ask without it first.
    drop(bind(address, false)?);
    (0..count).map(|_| bind(address, count > 1)).collect()
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

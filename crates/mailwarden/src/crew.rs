//! The workers' threads and the sockets they listen on; what a worker does stands in `proxy/worker.rs`.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::exit;
use std::thread::JoinHandle;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::plan::Plan;
use crate::proxy::worker::{self, Listen, Order, WORKERS_MAX};
use crate::report::Reporter;
use crate::{Exit, terminal};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// The workers.
pub(crate) struct Crew {
    members: Vec<(UnboundedSender<Order>, JoinHandle<()>)>,
    /// Each address as it was asked for, and as it was bound: a port 0 is the kernel's choice.
    listening: HashMap<SocketAddr, SocketAddr>,
}

impl Crew {
    pub(crate) fn new(workers: Option<usize>, reporter: &Reporter) -> io::Result<Self> {
        let members: io::Result<_> =
            (0..size(workers) as u64).map(|number| member(number, reporter)).collect();
        Ok(Self { members: members?, listening: HashMap::new() })
    }

    /// Whether there are as many of us as a plan asks for. A crew never grows: sockets and sessions are
    /// spread over it.
    pub(crate) fn is_of(&self, workers: Option<usize>) -> bool {
        self.members.len() == size(workers)
    }

    /// Opens what is new, keeps what stays, and closes the rest; all or nothing.
    pub(crate) fn listen(&mut self, plan: Plan) -> Result<(), String> {
        let mut sockets = Vec::new();
        let mut listening = HashMap::new();
        for (address, _) in &plan.listeners {
            let (opened, bound) = match self.listening.get(address) {
                Some(bound) => (Vec::new(), *bound),
                None => {
                    self.open(*address).map_err(|error| format!("cannot listen on {address}: {error}"))?
                }
            };
            sockets.push(opened);
            listening.insert(*address, bound);
        }
        for (orders, _) in &self.members {
            let listens = plan.listeners.iter().zip(&mut sockets).map(|((address, target), sockets)| {
                Listen { address: *address, socket: sockets.pop(), target: target.clone() }
            });
            let _ = orders.send(Order::Listen(listens.collect()));
        }
        self.listening = listening;
        Ok(())
    }

    /// A listening socket for each worker, and their address; the kernel spreads connections over them.
    fn open(&self, address: SocketAddr) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
        // With SO_REUSEPORT a second daemon would quietly share the port: ask without it first, unless
        // it is we who hold the port.
        let ours = self.listening.values().any(|bound| overlap(*bound, address));
        let bound = if ours { address } else { bind(address, false)?.local_addr()? };
        let sockets: io::Result<Vec<TcpListener>> = self.members.iter().map(|_| bind(bound, true)).collect();
        Ok((sockets?, bound))
    }

    /// Where a listener of the plan can be reached.
    pub(crate) fn bound(&self, asked: SocketAddr) -> Option<SocketAddr> {
        self.listening.get(&asked).copied()
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

/// Whether two listeners would have clients in common.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let wide = one.ip().is_unspecified() || other.ip().is_unspecified();
    one == other || wide && one.port() == other.port() && one.is_ipv4() == other.is_ipv4()
}

fn size(workers: Option<usize>) -> usize {
    let default = || std::thread::available_parallelism().map_or(1, usize::from);
    workers.unwrap_or_else(default).clamp(1, WORKERS_MAX)
}

fn member(number: u64, reporter: &Reporter) -> io::Result<(UnboundedSender<Order>, JoinHandle<()>)> {
    let (orders, mailbox) = unbounded_channel();
    let reporter = reporter.clone();
    let thread = std::thread::Builder::new().spawn(move || {
        if let Err(error) = worker::run(number, reporter, mailbox) {
            terminal::complain(&format!("mailwarden: worker {number}: {error}\n"));
            exit(Exit::System as i32);
        }
    });
    Ok((orders, thread?))
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    if address.is_ipv6() {
        // Else `[::]:25` would hold `0.0.0.0:25` as well, and nobody could name both.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    // Inherited by every socket accepted here: one system call less for each session.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

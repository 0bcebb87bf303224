//! The workers' threads and the sockets they listen on; what a worker does is in `proxy/worker.rs`.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::exit;
use std::thread::JoinHandle;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::plan::Plan;
use crate::proxy::worker::{self, Control, Listen, WORKERS_MAX};
use crate::report::{Counters, Reporter};
use crate::{Exit, terminal};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// The workers' threads, and what they listen on.
pub(crate) struct WorkerPool {
    workers: Vec<(UnboundedSender<Control>, JoinHandle<Counters>)>,
    /// Each address as it was asked for, and as it was bound: a port 0 is the kernel's choice.
    listening: HashMap<SocketAddr, SocketAddr>,
}

impl WorkerPool {
    pub(crate) fn new(workers: Option<usize>, reporter: &Reporter) -> io::Result<Self> {
        let workers: io::Result<_> =
            (0..size(workers)).map(|number| spawn_worker(number, reporter)).collect();
        Ok(Self { workers: workers?, listening: HashMap::new() })
    }

    /// Whether there are as many workers as a plan asks for. A pool never grows: sockets and sessions are
    /// spread over it.
    pub(crate) fn has_size(&self, workers: Option<usize>) -> bool {
        self.workers.len() == usize::from(size(workers))
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
        for (controls, _) in &self.workers {
            let listens = plan.listeners.iter().zip(&mut sockets).map(|((address, target), sockets)| {
                Listen { address: *address, socket: sockets.pop(), target: target.clone() }
            });
            let _ = controls.send(Control::Listen(listens.collect()));
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
        let sockets: io::Result<Vec<TcpListener>> = self.workers.iter().map(|_| bind(bound, true)).collect();
        Ok((sockets?, bound))
    }

    /// Where a listener of the plan can be reached.
    pub(crate) fn bound(&self, asked: SocketAddr) -> Option<SocketAddr> {
        self.listening.get(&asked).copied()
    }

    pub(crate) fn send_all(&self, control: impl Fn() -> Control) {
        for (controls, _) in &self.workers {
            let _ = controls.send(control());
        }
    }

    /// Until every worker has seen its last session end.
    pub(crate) async fn wait_until_drained(&self) {
        for (controls, _) in &self.workers {
            controls.closed().await;
        }
    }

    /// Ends the workers; what they counted, together. One that panicked adds nothing.
    pub(crate) fn stop(self) -> Counters {
        self.send_all(|| Control::Stop);
        let threads = self.workers.into_iter().map(|(_, thread)| thread);
        threads.filter_map(|thread| thread.join().ok()).sum()
    }
}

/// Whether two listeners would have clients in common.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let wide = one.ip().is_unspecified() || other.ip().is_unspecified();
    one == other || wide && one.port() == other.port() && one.is_ipv4() == other.is_ipv4()
}

fn size(workers: Option<usize>) -> u16 {
    let default = || std::thread::available_parallelism().map_or(1, usize::from);
    u16::try_from(workers.unwrap_or_else(default))
        .map_or(WORKERS_MAX, |workers| workers.clamp(1, WORKERS_MAX))
}

fn spawn_worker(
    number: u16,
    reporter: &Reporter,
) -> io::Result<(UnboundedSender<Control>, JoinHandle<Counters>)> {
    let (controls, mailbox) = unbounded_channel();
    let reporter = reporter.clone();
    let thread = std::thread::Builder::new().spawn(move || {
        worker::run(number, reporter, mailbox).unwrap_or_else(|error| {
            terminal::complain(&format!("mailwarden: worker {number}: {error}\n"));
            exit(Exit::System as i32);
        })
    });
    Ok((controls, thread?))
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

//! The workers' threads, the sockets they listen on, and what is asked of all of them; what a worker does
//! is in `proxy/worker.rs`.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::exit;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use engine::config::Inspect;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::Target;
use super::debugging::Subscriber;
use super::descriptors::{self, Descriptors};
use super::limits::Limits;
use super::listener::{bind, refusal};
use super::sessions::View;
use super::watch::now;
use crate::proxy::worker::{self, Cleared, Control, Listen, WORKERS_MAX};
use crate::report::{Counters, Reporter};
use crate::{Exit, terminal};

/// Where workers are asked. An answer waits for no session, and no session for an answer.
#[derive(Clone, Debug)]
pub(crate) struct Mailboxes(Arc<[UnboundedSender<Control>]>);

/// The workers' threads, and what they listen on.
pub(crate) struct WorkerPool {
    threads: Vec<JoinHandle<Counters>>,
    mailboxes: Mailboxes,
    /// Each address as it was asked for, and as it was bound: a port 0 is the kernel's choice.
    listening: HashMap<SocketAddr, SocketAddr>,
    descriptors: Arc<Descriptors>,
    limits: Arc<Limits>,
    /// The beginning of the workers' time, which is the same for all.
    started: Instant,
    /// Descriptors that are open beside sessions and listeners, once it listens.
    others: Option<usize>,
}

impl WorkerPool {
    pub(crate) fn new(workers: Option<usize>, reporter: &Reporter) -> io::Result<Self> {
        let (descriptors, started) = (Arc::new(Descriptors::default()), Instant::now());
        let limits = Arc::<Limits>::default();
        let spawn = |number| spawn_worker(number, reporter, &descriptors, &limits, started);
        let workers = (0..size(workers)).map(spawn).collect::<io::Result<Vec<_>>>()?;
        let (mailboxes, threads): (Vec<_>, _) = workers.into_iter().unzip();
        limits.deliver_to(&mailboxes);
        let mailboxes = Mailboxes(mailboxes.into());
        Ok(Self { threads, mailboxes, listening: HashMap::new(), descriptors, limits, started, others: None })
    }

    /// Whether there are as many workers as a plan asks for. A pool never grows: sockets and sessions are
    /// spread over it.
    pub(crate) fn has_size(&self, workers: Option<usize>) -> bool {
        self.threads.len() == usize::from(size(workers))
    }

    /// The beginning of the workers' time.
    pub(crate) const fn started(&self) -> Instant {
        self.started
    }

    /// Opens what is new, keeps what stays, and closes the rest; all or nothing.
    pub(crate) fn listen(&mut self, listeners: Vec<(SocketAddr, Target)>) -> Result<(), String> {
        self.divide_descriptors(listeners.len());
        let mut sockets = Vec::new();
        let mut listening = HashMap::new();
        for (address, target) in &listeners {
            let (opened, bound) = match self.listening.get(address) {
                Some(bound) => (Vec::new(), *bound),
                None => {
                    let opened = self.open(*address, target.config.inspect);
                    opened.map_err(|error| refusal(*address, &error))?
                }
            };
            sockets.push(opened);
            listening.insert(*address, bound);
        }
        for mailbox in &*self.mailboxes.0 {
            let listens = listeners.iter().zip(&mut sockets).map(|((address, target), sockets)| Listen {
                address: *address,
                socket: sockets.pop(),
                target: target.clone(),
            });
            let _ = mailbox.send(Control::Listen(listens.collect()));
        }
        self.listening = listening;
        Ok(())
    }

    /// Gives sessions what descriptors the daemon does not need: of every listener a socket for each worker, and a
    /// client that was accepted and waits.
    fn divide_descriptors(&mut self, listeners: usize) {
        let workers = self.threads.len();
        let others = *self.others.get_or_insert_with(descriptors::open_now);
        self.descriptors.divide(others + 2 * workers * listeners, workers);
    }

    /// The limits on sessions that all workers share.
    pub(crate) const fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// Reports what time alone changes of the limits.
    pub(crate) fn expire_limits(&self, reporter: &Reporter) {
        self.limits.expire(now(self.started)).iter().for_each(|report| reporter.limit(report));
    }

    pub(crate) const fn descriptors(&self) -> &Arc<Descriptors> {
        &self.descriptors
    }

    /// A listening socket for each worker, and their address; the kernel spreads connections over them.
    fn open(&self, address: SocketAddr, inspect: Inspect) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
        // With SO_REUSEPORT a second daemon would quietly share the port: ask without it first, unless
        // it is we who hold the port.
        let ours = self.listening.values().any(|bound| overlap(*bound, address));
        let bound = if ours { address } else { bind(address, false, inspect)?.local_addr()? };
        let sockets: io::Result<Vec<TcpListener>> =
            self.threads.iter().map(|_| bind(bound, true, inspect)).collect();
        Ok((sockets?, bound))
    }

    /// Where a listener of the plan can be reached.
    pub(crate) fn bound(&self, asked: SocketAddr) -> Option<SocketAddr> {
        self.listening.get(&asked).copied()
    }

    /// Where the workers are asked.
    pub(crate) const fn mailboxes(&self) -> &Mailboxes {
        &self.mailboxes
    }

    /// Until every worker has seen its last session end.
    pub(crate) async fn wait_until_drained(&self) {
        for mailbox in &*self.mailboxes.0 {
            mailbox.closed().await;
        }
    }

    /// Ends the workers; what they counted, together. One that panicked adds nothing.
    pub(crate) fn stop(self) -> Counters {
        self.mailboxes.send_all(|| Control::Stop);
        self.threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
    }
}

impl Mailboxes {
    pub(crate) fn send_all(&self, control: impl Fn() -> Control) {
        for mailbox in &*self.0 {
            let _ = mailbox.send(control());
        }
    }

    /// Describes every session of every worker, each batch between turns of its worker's sessions.
    pub(crate) async fn each_session(&self, mut visit: impl FnMut(View)) {
        let mut sessions = self.sessions();
        while let Some(batch) = sessions.next().await {
            batch.into_iter().for_each(&mut visit);
        }
    }

    /// The same, batch by batch, as fast as whoever asks takes them.
    pub(crate) const fn sessions(&self) -> Batches<'_> {
        Batches { mailboxes: self, worker: 0, from: 0 }
    }

    /// Lets all workers tell somebody what their sessions do.
    pub(crate) fn debug(&self, to: &Subscriber) {
        self.send_all(|| Control::Debug(to.clone()));
    }

    /// Ends sessions, as soon as no message is lost by it. How many they are.
    pub(crate) async fn clear(&self, which: &Cleared) -> usize {
        let mut cleared = 0;
        for mailbox in &*self.0 {
            let (reply, answer) = oneshot::channel();
            let _ = mailbox.send(Control::Clear { which: which.clone(), reply });
            cleared += answer.await.unwrap_or_default();
        }
        cleared
    }

    /// What all workers have counted, together. One that has stopped adds nothing.
    pub(crate) async fn counters(&self) -> Counters {
        let mut counted = Vec::with_capacity(self.0.len());
        for mailbox in &*self.0 {
            let (reply, answer) = oneshot::channel();
            let _ = mailbox.send(Control::Counters(reply));
            counted.extend(answer.await.ok());
        }
        counted.into_iter().sum()
    }
}

/// The sessions of all workers, batch by batch.
#[derive(Debug)]
pub(crate) struct Batches<'m> {
    mailboxes: &'m Mailboxes,
    worker: usize,
    from: usize,
}

impl Batches<'_> {
    /// The next batch, which may be empty; nothing after the last.
    pub(crate) async fn next(&mut self) -> Option<Vec<View>> {
        let mailbox = self.mailboxes.0.get(self.worker)?;
        let (reply, answer) = oneshot::channel();
        let _ = mailbox.send(Control::Sessions { from: self.from, reply });
        // A worker that has stopped answers nothing: it has no sessions.
        let batch = answer.await.ok();
        match batch.as_ref().and_then(|batch| batch.next) {
            Some(next) => self.from = next,
            None => (self.worker, self.from) = (self.worker + 1, 0),
        }
        Some(batch.map_or_else(Vec::new, |batch| batch.views))
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
    descriptors: &Arc<Descriptors>,
    limits: &Arc<Limits>,
    started: Instant,
) -> io::Result<(UnboundedSender<Control>, JoinHandle<Counters>)> {
    let (controls, mailbox) = unbounded_channel();
    let (reporter, descriptors, limits) = (reporter.clone(), Arc::clone(descriptors), Arc::clone(limits));
    let thread = std::thread::Builder::new().spawn(move || {
        worker::run(number, reporter, descriptors, limits, started, mailbox).unwrap_or_else(|error| {
            terminal::complain(&format!("mailwarden: worker {number}: {error}\n"));
            exit(Exit::System as i32);
        })
    });
    Ok((controls, thread?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachments::Attachments;
    use crate::cli::Spoken;
    use crate::plan::Plan;
    use crate::proxy::names::Directory;
    use crate::proxy::sessions::Stage;
    use crate::report::{self, Sinks};
    use policy::model;
    use socket2::{Domain, Socket, Type};
    use std::io::{Read, Write, sink};
    use std::net::{Ipv4Addr, TcpStream};
    use std::time::Duration;

    const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    /// Two workers that proxy to a server.
    fn workers(server: SocketAddr) -> (WorkerPool, SocketAddr) {
        let (reporter, _writer) = report::start(Sinks::events_to(sink()));
        let mut workers = WorkerPool::new(Some(2), &reporter).unwrap();
        let plan = Plan::without_file(LOCAL, vec![model::Server::Address(server)], Spoken::Smtp);
        workers.listen(plan.targets(&mut Directory::default(), &mut Attachments::default())).unwrap();
        let address = workers.bound(LOCAL).unwrap();
        (workers, address)
    }

    /// All sessions, once they are as wanted.
    fn sessions(workers: &WorkerPool, wanted: impl Fn(&[View]) -> bool) -> Vec<View> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let started = Instant::now();
        loop {
            let mut views = Vec::new();
            runtime.block_on(workers.mailboxes().each_session(|view| views.push(view)));
            if wanted(&views) {
                return views;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{} sessions: {views:?}", views.len());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn sessions_of_all_workers_are_described_while_they_run() {
        let server = TcpListener::bind(LOCAL).unwrap();
        let (workers, address) = workers(server.local_addr().unwrap());
        assert!(sessions(&workers, |_| true).is_empty());
        // More than a batch for each worker.
        let mut clients: Vec<_> = (0..200).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut accepted: Vec<_> = clients.iter().map(|_| server.accept().unwrap().0).collect();
        accepted.iter_mut().for_each(|stream| stream.write_all(b"220 mx\r\n").unwrap());
        let is_open = |view: &View| view.stage == Stage::Open && view.bytes_to_client == 8;
        let views = sessions(&workers, |views| views.len() == 200 && views.iter().all(is_open));
        let described: std::collections::HashSet<_> = views.iter().map(|view| view.info.client).collect();
        assert!(clients.iter().all(|client| described.contains(&client.local_addr().unwrap())));
        let [view, ..] = &*views else { panic!("no session") };
        assert_eq!(view.info.server, server.local_addr().unwrap());
        assert_eq!((&*view.config.name, view.config.protocol), ("listen", model::Protocol::Smtp));
        assert!(view.age < Duration::from_secs(60) && view.bytes_to_server == 0);

        // The server ends every session; the client of one does not close.
        let mut last = clients.remove(0);
        accepted.iter_mut().for_each(|stream| stream.write_all(b"421 closing\r\n").unwrap());
        drop((accepted, clients));
        let views = sessions(&workers, |views| matches!(views, [view] if view.stage == Stage::Closing));
        assert_eq!(views.first().unwrap().info.client, last.local_addr().unwrap());
        let mut text = String::new();
        last.read_to_string(&mut text).unwrap();
        assert_eq!(text, "220 mx\r\n421 closing\r\n");
        drop(last);
        sessions(&workers, <[View]>::is_empty);
        workers.stop();
    }

    #[test]
    fn a_session_whose_server_does_not_answer_is_opening() {
        // The kernel answers nobody whose connection would not fit into the queue.
        let server = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        server.bind(&LOCAL.into()).unwrap();
        server.listen(0).unwrap();
        let busy = server.local_addr().unwrap().as_socket().unwrap();
        let _queued = TcpStream::connect(busy).unwrap();
        let (workers, address) = workers(busy);
        let _clients: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        let is_opening = |view: &View| view.stage == Stage::Opening && view.info.server == busy;
        sessions(&workers, |views| views.len() == 3 && views.iter().any(is_opening));
        workers.stop();
    }
}

//! One thread, one current-thread runtime: its listeners, its sessions, its clock and its mailbox.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::{self, IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use proto::Time;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, LocalSet, yield_now};

use super::Target;
use super::admit::{admit, refuse};
use super::clock::WorkerClock;
use super::connection::serve;
use super::debugging::{Debugging, Subscriber};
use super::descriptors::{Descriptors, is_shortage};
use super::limits::Limits;
use super::listener::{self, ListeningSocket, limit_replies};
use super::sessions::{Sessions, ViewBatch};
use super::share::{Share, Ticket, Turns};
use crate::attachments::AttachmentId;
use crate::report::{Counters, Recorder, Reporter, SessionInfo};

/// Bytes of the buffer that all sessions of a worker read into, and the most that a session whose peer takes
/// nothing is left with. As long as what a loopback interface carries in one segment, less what a line end may add
/// to it: whatever goes on as it came fills one segment and does not begin a second one.
const READ_BUFFER: usize = 63 << 10;

/// The most that `workers` takes.
pub(crate) const WORKERS_MAX: u16 = 1024;

/// How often deadlines are looked at. They are whole seconds.
const TICK: Duration = Duration::from_millis(500);

/// How long nothing is accepted after that failed; for lack of descriptors longer each time.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What the daemon asks of a worker.
#[derive(Debug)]
pub(crate) enum Control {
    /// The listeners from now on: one that goes on keeps its socket, a new one brings its own.
    Listen(Vec<Listen>),
    /// Accept nothing more, and stop when the last session has ended.
    Drain,
    /// Stop now.
    Stop,
    /// An opening session goes for another: the one at a place, if it still has this ticket.
    Evict { place: usize, ticket: u64 },
    /// End these sessions, as soon as no message is lost by it. How many they are.
    Clear { which: Cleared, reply: oneshot::Sender<usize> },
    /// Describe the sessions from a position of the table on, a batch of them: a long table is asked for in
    /// parts, between which sessions have their turns.
    Sessions { from: usize, reply: oneshot::Sender<ViewBatch> },
    /// What was counted so far.
    Counters(oneshot::Sender<Counters>),
    /// Tell somebody what sessions do, from now on.
    Debug(Subscriber),
}

/// Which sessions an operator wants to be gone.
#[derive(Clone, Debug)]
pub(crate) enum Cleared {
    All,
    /// By the number that screens show.
    Numbered(u32),
    /// With a host at either end.
    Of(IpAddr),
    Under(Vec<AttachmentId>),
}

impl Cleared {
    fn has(&self, session: &SessionInfo) -> bool {
        match self {
            Self::All => true,
            Self::Numbered(number) => session.id.reference() == *number,
            Self::Of(host) => [session.client.ip(), session.server.ip()].contains(host),
            Self::Under(attachments) => attachments.contains(&session.attachment),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) socket: Option<net::TcpListener>,
    pub(crate) target: Target,
}

/// What the sessions of one worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) sessions: Rc<Sessions>,
    scratch: RefCell<Scratch>,
    turns: RefCell<Turns<Waker>>,
    /// Who gives turns, while nobody waits for one.
    turn_giver: RefCell<Option<Waker>>,
    pub(crate) recorder: Rc<Recorder>,
    pub(crate) draining: Cell<bool>,
    pub(super) debugging: Debugging,
    pub(super) number: u16,
    pub(super) limits: Arc<Limits>,
    descriptors: Arc<Descriptors>,
    clock: WorkerClock,
    now: Cell<Time>,
}

/// Buffers that live between a read and the writes that follow it, and belong to no session.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) read: Box<[u8]>,
    pub(crate) gather: [Vec<u8>; 2],
}

/// Runs a worker, whose time begins at `started`, until it is asked to stop; what it counted.
pub(crate) fn run(
    number: u16,
    reporter: Reporter,
    descriptors: Arc<Descriptors>,
    limits: Arc<Limits>,
    started: Instant,
    controls: UnboundedReceiver<Control>,
) -> std::io::Result<Counters> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let recorder = Rc::new(Recorder::new(reporter, number, started));
    let worker = Rc::new(Worker {
        sessions: Rc::default(),
        scratch: RefCell::new(Scratch { read: vec![0; READ_BUFFER].into(), gather: Default::default() }),
        turns: RefCell::default(),
        turn_giver: RefCell::default(),
        recorder: Rc::clone(&recorder),
        draining: Cell::new(false),
        debugging: Debugging::default(),
        number,
        limits,
        descriptors,
        clock: WorkerClock::new(started),
        now: Cell::new(Time(0)),
    });
    let tasks = LocalSet::new();
    tasks.spawn_local(Rc::clone(&recorder).flush_batches());
    tasks.spawn_local(give_turns(Rc::clone(&worker)));
    tasks.block_on(&runtime, run_loop(worker, controls));
    Ok(recorder.counters())
}

/// Carries out controls and keeps time, while the sessions run beside it.
async fn run_loop(worker: Rc<Worker>, mut controls: UnboundedReceiver<Control>) {
    let mut listeners = HashMap::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            control = controls.recv() => match control {
                Some(Control::Listen(listens)) => listen(&worker, &mut listeners, listens),
                Some(Control::Drain) => {
                    listeners.drain().for_each(|(_, listening): (_, Listening)| listening.task.abort());
                    worker.draining.set(true);
                    worker.sessions.wake_all();
                }
                Some(Control::Sessions { from, reply }) => {
                    worker.update_now();
                    // Nothing is lost when nobody waits for the answer any more.
                    let _ = reply.send(worker.sessions.batch(from, worker.now()));
                }
                Some(Control::Debug(to)) => worker.debugging.subscribe(to),
                Some(Control::Counters(reply)) => {
                    let _ = reply.send(worker.recorder.counters());
                }
                Some(Control::Evict { place, ticket }) => worker.sessions.evict(place, ticket),
                Some(Control::Clear { which, reply }) => {
                    let _ = reply.send(worker.sessions.clear(|session| which.has(session)));
                }
                Some(Control::Stop) | None => return,
            },
            _ = tick.tick() => {
                worker.update_now();
                worker.sessions.wake_due(worker.now());
            }
        }
        if worker.draining.get() && worker.sessions.len() == 0 {
            return;
        }
    }
}

/// Gives one session its turn at a time. Before that the runtime asks the kernel what has come, and whoever slept
/// until then goes first.
async fn give_turns(worker: Rc<Worker>) {
    loop {
        poll_fn(|cx| {
            if worker.turns.borrow().is_empty() {
                worker.turn_giver.replace(Some(cx.waker().clone()));
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        yield_now().await;
        let next = worker.turns.borrow_mut().next();
        next.iter().for_each(Waker::wake_by_ref);
    }
}

#[derive(Debug)]
struct Listening {
    socket: Rc<ListeningSocket>,
    task: AbortHandle,
    target: Rc<RefCell<Rc<Target>>>,
}

/// Brings the listeners in line with what was asked; sessions that run keep what they began with.
fn listen(worker: &Rc<Worker>, listeners: &mut HashMap<SocketAddr, Listening>, listens: Vec<Listen>) {
    let mut gone: Vec<SocketAddr> = listeners.keys().copied().collect();
    for Listen { address, socket, target } in listens {
        gone.retain(|&other| other != address);
        let target = Rc::new(target);
        if let Some(listening) = listeners.get(&address) {
            let before = listening.target.replace(target);
            let inspect = listening.target.borrow().config.inspect;
            if before.config.inspect != inspect {
                limit_replies(&listening.socket, inspect);
            }
        } else if let Some(Ok(socket)) = socket.map(listener::wait_for) {
            let socket = Rc::new(socket);
            let target = Rc::new(RefCell::new(target));
            let accepting = accept(Rc::clone(&socket), Rc::clone(&target), Rc::clone(worker));
            let task = tokio::task::spawn_local(accepting).abort_handle();
            listeners.insert(address, Listening { socket, task, target });
        }
    }
    for address in gone {
        if let Some(listening) = listeners.remove(&address) {
            listening.task.abort();
        }
    }
}

/// Accepts clients, and gives each that is admitted a session: a task that connects its server first.
async fn accept(socket: Rc<ListeningSocket>, target: Rc<RefCell<Rc<Target>>>, worker: Rc<Worker>) {
    let mut pause = PAUSE_MIN;
    loop {
        match listener::accept(&socket).await {
            Ok((client, peer)) => {
                pause = PAUSE_MIN;
                let room = worker.descriptors.room(|what| worker.recorder.failure(what)).await;
                let target = Rc::clone(&target.borrow());
                let entry = match admit(peer, &target, &worker) {
                    Ok(entry) => entry,
                    Err(refusal) => {
                        refuse(client, &refusal);
                        continue;
                    }
                };
                match listener::register(client) {
                    Ok(client) => {
                        tokio::task::spawn_local(serve(room, client, entry, Rc::clone(&worker)));
                    }
                    Err(error) => worker.ran_out(&format!("cannot wait for a client: {error}")),
                }
            }
            // The client waits in the queue of the kernel, which would wake us for it again and again.
            Err(error) if is_shortage(&error) => {
                worker.ran_out(&format!("accept failed: {error}"));
                tokio::time::sleep(pause).await;
                while worker.descriptors.is_held() {
                    tokio::time::sleep(PAUSE_MIN).await;
                }
                pause = (pause * 2).min(PAUSE_MAX);
            }
            Err(error) => {
                worker.recorder.failure(&format!("accept failed: {error}"));
                tokio::time::sleep(PAUSE_MIN).await;
            }
        }
    }
}

impl Worker {
    /// Reads the clock. Once a turn: the kernel's answer costs more than most of what a turn does.
    pub(crate) fn update_now(&self) {
        self.now.set(self.clock.now());
    }

    /// A descriptor was lacking.
    pub(super) fn ran_out(&self, why: &str) {
        self.descriptors.ran_out(why, |what| self.recorder.failure(what));
    }

    /// Counts what a session used of the worker's time, up to now.
    pub(super) fn count(&self, share: &mut Share) {
        share.count(self.now(), &self.turns.borrow());
    }

    /// Whether a session has used its share for now.
    pub(super) fn is_spent(&self, share: &Share) -> bool {
        share.is_spent(&self.turns.borrow())
    }

    /// Lets those have their turn that have used less, until the ticket's comes.
    pub(super) fn wait_for_turn(&self, share: &mut Share, cx: &Context<'_>) -> Ticket {
        self.turns.borrow_mut().wait(share, cx.waker().clone())
    }

    /// Woken by anything but its turn, a session waits on.
    pub(super) fn poll_for_turn(&self, ticket: Ticket) -> Poll<()> {
        if !self.turns.borrow().waits(ticket) {
            return Poll::Ready(());
        }
        if let Some(giver) = self.turn_giver.take() {
            giver.wake();
        }
        Poll::Pending
    }

    pub(crate) fn scratch(&self) -> RefMut<'_, Scratch> {
        let mut scratch = self.scratch.borrow_mut();
        // A turn leaves them empty, unless it panics: what is of one session never reaches another.
        scratch.gather.iter_mut().for_each(Vec::clear);
        scratch
    }

    /// Nanoseconds since the workers started, as of this turn. The only clock of a session.
    pub(crate) fn now(&self) -> Time {
        self.now.get()
    }

    /// A new session that begins now, as reports name it.
    pub(crate) fn session_info(
        &self,
        client: SocketAddr,
        server: SocketAddr,
        attachment: AttachmentId,
    ) -> SessionInfo {
        let id = self.recorder.next_session();
        SessionInfo { id, attachment, client, server, started: self.now() }
    }
}

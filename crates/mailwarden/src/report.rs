//! Reports: what happened, as typed records first and as text last.
//!
//! A [`Record`] is made where the event is, because events borrow from the bytes of the wire. On the spot it passes the
//! counters and then the renderers, which append to the batch of its worker. Batches go through one bounded queue to the
//! writer's thread: a queue that is full drops and counts, and never blocks a worker.

mod cisco_asa;
mod cisco_ios;
mod configured;
mod counters;
mod destination;
mod entry;
mod frame;
mod json;
mod limit;
mod log;
mod recorder;
mod session;
mod syslog;
#[cfg(test)]
mod tests;
mod time;
mod writer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use engine::event::Reason;
use engine::session::Counts;
use engine::{Event, SessionConfig};
use policy::profile::LogForm;

pub(crate) use configured::{Complaint, Configured, Holds};
pub(crate) use counters::{AttachmentCounters, Counters, Histogram, Totals};
pub(crate) use destination::{Address, HostView};
pub(crate) use limit::{LimitReport, Limited};
pub(crate) use log::{Log, LogSettings, LogView};
pub(crate) use recorder::Recorder;
use session::Run;
#[cfg(test)]
pub(crate) use session::SessionId;
pub(crate) use session::SessionInfo;
use time::{Stamps, WallTime};
pub(crate) use writer::{Sinks, Writer};

/// Limit: bytes that may wait for the writer. Some seconds of a busy machine; who needs more has a disk that is too slow.
const QUEUE_BYTES: usize = 16 << 20;

/// One thing to report, before it is text.
///
/// It borrows from the wire and lives for one call: an observer that keeps anything copies what it needs.
#[derive(Clone, Copy, Debug)]
struct Record<'r> {
    time: WallTime,
    event: Reported<'r>,
}

/// The session of a record, and what it was created with.
#[derive(Clone, Copy, Debug)]
struct Origin<'r> {
    session: &'r SessionInfo,
    config: &'r SessionConfig,
}

/// What is reported: of a session first, then of the daemon.
#[derive(Clone, Copy, Debug)]
enum Reported<'r> {
    /// An event of a session, as the engine made it.
    Event(Origin<'r>, &'r Event<'r>),
    /// The end of a session. The program makes it: only it knows what was sent.
    SessionEnd(Origin<'r>, SessionEnd),
    /// A class drops the sessions it has, and this one.
    SessionDropped(Origin<'r>),
    /// A configuration took effect or was refused.
    Configuration(&'r Configured),
    /// One of the complaints about it.
    Complaint { file: &'r str, complaint: &'r Complaint },
    /// An address of a server stopped answering, or answers again.
    Server { proxy: &'r str, address: SocketAddr, state: ServerState<'r> },
    /// A limit on sessions did something.
    Limit(&'r LimitReport),
    /// A user executed a command that changes something.
    Command { form: LogForm, user: &'r str, command: &'r str },
    /// What is in force now, or no longer.
    Notice { what: &'r str },
    /// Something the system refused, or a client for which no server can be reached.
    Failure { what: &'r str },
    /// Lines lost because the queue was full.
    Dropped { lines: u64 },
    /// The daemon has stopped.
    Stopped { totals: &'r Totals },
}

/// Whether an address of a server answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ServerState<'r> {
    /// It does not; no session asks it for so long while another answers.
    Down {
        why: &'r str,
        wait: Duration,
    },
    Up,
}

/// How a session ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionEnd {
    pub(crate) reason: Reason,
    /// Bytes of the client that were sent to the server.
    pub(crate) bytes_client: u64,
    /// Bytes sent to the client.
    pub(crate) bytes_server: u64,
    /// How often something was read of the client and of the server, by side.
    pub(crate) reads: [u32; 2],
    pub(crate) counts: Counts,
    pub(crate) duration: Duration,
}

/// Reports what concerns the daemon, and is where the recorders of the workers hand their batches over.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    queue: Sender<Message>,
    shared: Arc<Shared>,
}

/// What reporters and the writer share beside the queue.
#[derive(Debug)]
struct Shared {
    run: Run,
    /// Bytes that wait in the queue.
    queued: AtomicUsize,
    /// Lines that found the queue full, since the writer last said so.
    dropped: AtomicU64,
    log: Arc<Log>,
    /// Whether JSON events have a reader; without one none is rendered.
    json: AtomicBool,
}

/// What the writer receives.
#[derive(Debug)]
enum Message {
    Lines(Batch),
    /// Where everything goes from here on.
    Redirect(Box<Sinks>),
}

/// What was reported, in order.
#[derive(Debug, Default)]
struct Batch {
    /// Messages of the log, as `entry` writes them.
    log: Vec<u8>,
    /// Whole lines.
    json: Vec<u8>,
}

impl Batch {
    fn with_capacity(log: usize, json: usize) -> Self {
        Self { log: Vec::with_capacity(log), json: Vec::with_capacity(json) }
    }

    /// Renders a record for whoever reads it, events only where they have a reader. A record nobody reads adds nothing.
    fn append(&mut self, record: &Record<'_>, stamps: &mut Stamps, events: bool) {
        syslog::append(&mut self.log, record);
        if events {
            json::append(&mut self.json, record, stamps);
        }
    }

    const fn len(&self) -> usize {
        self.log.len() + self.json.len()
    }

    const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lines(&self) -> u64 {
        (entry::entries(&self.log).count() + memchr::memchr_iter(b'\n', &self.json).count()) as u64
    }
}

/// Starts the writer's thread.
pub(crate) fn start(sinks: Sinks) -> (Reporter, Writer) {
    // A stamp that tells how long the program has been running may be asked for only after a reload.
    time::start();
    let (queue, messages) = channel();
    let shared = Arc::new(Shared {
        run: Run::random(),
        queued: AtomicUsize::new(0),
        dropped: AtomicU64::new(0),
        log: Arc::new(Log::new(sinks.state())),
        json: AtomicBool::new(sinks.json.is_some()),
    });
    let writer = Writer::start(sinks, messages, Arc::clone(&shared));
    (Reporter { queue, shared }, writer)
}

impl Reporter {
    /// A configuration took effect, or was refused, and why; then what there is to complain of in it.
    pub(crate) fn configuration(&self, configured: &Configured) {
        self.report(Reported::Configuration(configured));
        let file = &configured.file;
        for complaint in &configured.complaints {
            self.report(Reported::Complaint { file, complaint });
        }
        let untold = (configured.errors + configured.warnings).saturating_sub(configured.complaints.len());
        if untold > 0 {
            self.notice(&format!("{untold} more errors and warnings: `mailwarden check {file}` lists them"));
        }
    }

    /// A user executed a command that changes something.
    pub(crate) fn command(&self, form: LogForm, user: &str, command: &str) {
        self.report(Reported::Command { form, user, command });
    }

    /// What is in force now, or no longer.
    pub(crate) fn notice(&self, what: &str) {
        self.report(Reported::Notice { what });
    }

    /// An address of a server stopped answering, or answers again.
    pub(crate) fn server(&self, proxy: &str, address: SocketAddr, state: ServerState<'_>) {
        self.report(Reported::Server { proxy, address, state });
    }

    /// A limit on sessions did something.
    pub(crate) fn limit(&self, report: &LimitReport) {
        self.report(Reported::Limit(report));
    }

    /// Something an operator must know that no session reports.
    pub(crate) fn failure(&self, what: &str) {
        self.report(Reported::Failure { what });
    }

    /// The workers have stopped; what they counted, together.
    pub(crate) fn stopped(&self, totals: &Totals) {
        self.report(Reported::Stopped { totals });
    }

    /// The log, to be asked.
    pub(crate) fn log(&self) -> Arc<Log> {
        Arc::clone(&self.shared.log)
    }

    /// From the next batch on everything goes there.
    pub(crate) fn redirect(&self, sinks: Sinks) {
        self.shared.json.store(sinks.json.is_some(), Ordering::Relaxed);
        // The writer ends after the last reporter: it takes every message.
        let _ = self.queue.send(Message::Redirect(Box::new(sinks)));
    }

    fn report(&self, event: Reported<'_>) {
        let mut batch = Batch::default();
        let record = Record { time: WallTime::now(), event };
        batch.append(&record, &mut Stamps::default(), self.events_are_read());
        self.send(batch);
    }

    fn events_are_read(&self) -> bool {
        self.shared.json.load(Ordering::Relaxed)
    }

    /// Hands lines to the writer, or drops and counts them.
    fn send(&self, batch: Batch) {
        let len = batch.len();
        if self.shared.queued.fetch_add(len, Ordering::Relaxed) + len > QUEUE_BYTES {
            self.shared.queued.fetch_sub(len, Ordering::Relaxed);
            let lines = batch.lines();
            self.shared.dropped.fetch_add(lines, Ordering::Relaxed);
            self.shared.log.dropped.fetch_add(lines, Ordering::Relaxed);
        } else {
            let _ = self.queue.send(Message::Lines(batch));
        }
    }
}

//! What happened, told: one queue, one writer, and a count of what had to be dropped.
//!
//! Lines are rendered where the event is, because the event borrows from the wire; writing them is
//! another thread's business, and a full queue never blocks a worker.

pub(crate) mod json;
mod syslog;
mod writer;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::event::Reason;
use engine::{Event, SessionConfig};
use proto::Time;

pub(crate) use writer::{Sinks, Writer};

/// Lines that may wait for the writer. A burst of a second on a busy machine; some ten megabytes.
const QUEUE: usize = 65_536;

/// Whose events they are.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) session: u64,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) started: Time,
}

/// A worker's end of the queue.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    lines: SyncSender<Line>,
    shared: Arc<Shared>,
}

/// What reporters and the writer know of each other beside the queue.
#[derive(Debug)]
struct Shared {
    /// Lines that found the queue full.
    dropped: AtomicU64,
    /// Whether anybody reads JSON events; without a reader none is rendered.
    json: AtomicBool,
    /// Where lines go from the next one on.
    next: Mutex<Option<Sinks>>,
}

#[derive(Debug)]
enum Line {
    Syslog(String),
    Json(String),
}

/// Starts the writer.
pub(crate) fn start(sinks: Sinks) -> (Reporter, Writer) {
    let (lines, queue) = sync_channel(QUEUE);
    let shared = Arc::new(Shared {
        dropped: AtomicU64::new(0),
        json: AtomicBool::new(sinks.json.is_some()),
        next: Mutex::new(None),
    });
    let writer = Writer::start(sinks, queue, Arc::clone(&shared));
    (Reporter { lines, shared }, writer)
}

impl Reporter {
    pub(crate) fn report(&self, ticket: &Ticket, at: &SessionConfig, event: &Event<'_>) {
        if let Some(line) = syslog::line(ticket, at, event) {
            self.send(Line::Syslog(line));
        }
        if self.has_json()
            && let Some(line) = json::line(ticket, at, event)
        {
            self.send(Line::Json(line));
        }
    }

    /// The end of a session, with what was sent by the client and by the server.
    pub(crate) fn session_end(&self, ticket: &Ticket, at: &SessionConfig, end: &SessionEnd) {
        if let Some(line) = syslog::session_end(ticket, at, end) {
            self.send(Line::Syslog(line));
        }
        if self.has_json() {
            self.send(Line::Json(json::session_end(ticket, at, end)));
        }
    }

    /// The configuration in force, or one that was refused.
    pub(crate) fn config(&self, file: &str, result: &str) {
        self.send(Line::Syslog(syslog::config(file, result)));
        if self.has_json() {
            self.send(Line::Json(json::config(file, result)));
        }
    }

    /// Something the machine refused us.
    pub(crate) fn trouble(&self, what: &str) {
        self.send(Line::Syslog(syslog::trouble(what)));
    }

    /// From the next line on everything goes there, into files that were opened anew.
    pub(crate) fn redirect(&self, sinks: Sinks) {
        self.shared.json.store(sinks.json.is_some(), Ordering::Relaxed);
        *self.shared.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(sinks);
    }

    fn has_json(&self) -> bool {
        self.shared.json.load(Ordering::Relaxed)
    }

    fn send(&self, line: Line) {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(line) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How a session ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionEnd {
    pub(crate) reason: Reason,
    pub(crate) bytes_client: u64,
    pub(crate) bytes_server: u64,
    pub(crate) duration: Duration,
}

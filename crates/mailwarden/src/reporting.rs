//! What happened, told: a queue per worker, one writer, and a count of what had to be dropped.
//!
//! Lines are rendered where the event is, because the event borrows from the wire; writing them is
//! another thread's business, and a full queue never blocks a worker.

pub(crate) mod json;
mod syslog;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use engine::event::Reason;
use engine::{Attachment, Event};
use proto::Time;

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
    dropped: Arc<AtomicU64>,
    /// Whether anybody reads JSON events; without a reader none is rendered.
    json: bool,
}

#[derive(Debug)]
enum Line {
    Syslog(String),
    Json(String),
}

/// The writer's thread; it ends when the last reporter is gone.
#[derive(Debug)]
pub(crate) struct Writer {
    thread: JoinHandle<()>,
}

/// Where lines go.
#[derive(Debug)]
pub(crate) struct Sinks {
    pub(crate) syslog: Box<dyn Sink>,
    pub(crate) json: Option<Box<dyn Sink>>,
}

/// What takes whole lines, one a write.
pub(crate) trait Sink: Write + Send + std::fmt::Debug {}
impl<W: Write + Send + std::fmt::Debug> Sink for W {}

impl Sinks {
    /// Opens what a configuration names; stderr takes the syslog lines when it names no file.
    pub(crate) fn open(log: Option<&Path>, events: Option<&Path>) -> io::Result<Self> {
        let append = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
        };
        let syslog: Box<dyn Sink> = match log {
            Some(path) => Box::new(append(path)?),
            None => Box::new(io::stderr()),
        };
        let json = events.map(append).transpose()?;
        Ok(Self { syslog, json: json.map(|file| Box::new(file) as Box<dyn Sink>) })
    }
}

/// Starts the writer.
pub(crate) fn start(sinks: Sinks) -> (Reporter, Writer) {
    let (lines, queue) = sync_channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let reporter = Reporter { lines, dropped: Arc::clone(&dropped), json: sinks.json.is_some() };
    let thread = std::thread::spawn(move || write(sinks, &queue, &dropped));
    (reporter, Writer { thread })
}

impl Writer {
    /// Waits until everything reported has been written; all reporters must be gone.
    pub(crate) fn join(self) {
        let _ = self.thread.join();
    }
}

fn write(mut sinks: Sinks, queue: &Receiver<Line>, dropped: &AtomicU64) {
    while let Ok(line) = queue.recv() {
        match line {
            Line::Syslog(text) => {
                let _ = sinks.syslog.write_all(text.as_bytes());
            }
            Line::Json(text) => {
                if let Some(json) = &mut sinks.json {
                    let _ = json.write_all(text.as_bytes());
                }
            }
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = sinks.syslog.write_all(syslog::dropped(lost).as_bytes());
        }
    }
}

impl Reporter {
    pub(crate) fn report(&self, ticket: &Ticket, at: &Attachment, event: &Event<'_>) {
        if let Some(line) = syslog::line(ticket, at, event) {
            self.send(Line::Syslog(line));
        }
        if self.json
            && let Some(line) = json::line(ticket, at, event)
        {
            self.send(Line::Json(line));
        }
    }

    /// The end of a session, with what was sent by the client and by the server.
    pub(crate) fn session_end(&self, ticket: &Ticket, at: &Attachment, end: &SessionEnd) {
        if let Some(line) = syslog::session_end(ticket, at, end) {
            self.send(Line::Syslog(line));
        }
        if self.json {
            self.send(Line::Json(json::session_end(ticket, at, end)));
        }
    }

    /// The configuration in force, or one that was refused.
    pub(crate) fn config(&self, file: &str, result: &str) {
        self.send(Line::Syslog(syslog::config(file, result)));
        if self.json {
            self.send(Line::Json(json::config(file, result)));
        }
    }

    /// Something the machine refused us.
    pub(crate) fn trouble(&self, what: &str) {
        self.send(Line::Syslog(syslog::trouble(what)));
    }

    fn send(&self, line: Line) {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(line) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
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

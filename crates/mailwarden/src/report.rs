//! Reports: what happened, as typed records first and as text last.
//!
//! A [`Record`] is made where the event is, because events borrow from the bytes of the wire. On the spot it passes the
//! counters and then the renderers, which append to the batch of its worker. Batches go through one bounded queue to the
//! writer's thread: a queue that is full drops and counts, and never blocks a worker.

mod cisco_ios;
mod counters;
mod json;
mod recorder;
mod session;
mod syslog;
mod time;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use engine::event::Reason;
use engine::{Event, SessionConfig};

pub(crate) use counters::Counters;
pub(crate) use recorder::Recorder;
use session::Run;
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
    /// A configuration took effect or was refused.
    Configuration { file: &'r str, result: &'r str },
    /// Something the system refused, or a server that cannot be reached.
    Failure { what: &'r str },
    /// Lines lost because the queue was full.
    Dropped { lines: u64 },
    /// The daemon has stopped.
    Stopped { totals: &'r Counters },
}

/// How a session ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionEnd {
    pub(crate) reason: Reason,
    /// Bytes of the client that were sent to the server.
    pub(crate) bytes_client: u64,
    /// Bytes sent to the client.
    pub(crate) bytes_server: u64,
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
    /// Lines that found the queue full.
    dropped: AtomicU64,
    /// Whether JSON events have a reader; without one none is rendered.
    json: AtomicBool,
}

/// What the writer receives.
#[derive(Debug)]
enum Message {
    Lines(Batch),
    /// Where everything goes from here on.
    Redirect(Sinks),
}

/// Whole lines, in the order in which they were reported.
#[derive(Debug, Default)]
struct Batch {
    syslog: Vec<u8>,
    json: Vec<u8>,
}

impl Batch {
    fn with_capacity(syslog: usize, json: usize) -> Self {
        Self { syslog: Vec::with_capacity(syslog), json: Vec::with_capacity(json) }
    }

    /// Renders a record for whoever reads it. A record nobody reads adds nothing.
    fn append(&mut self, record: &Record<'_>, stamps: &mut Stamps, with_json: bool) {
        syslog::append(&mut self.syslog, record, stamps);
        if with_json {
            json::append(&mut self.json, record, stamps);
        }
    }

    const fn len(&self) -> usize {
        self.syslog.len() + self.json.len()
    }

    const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lines(&self) -> u64 {
        let ends = memchr::memchr_iter(b'\n', &self.syslog).chain(memchr::memchr_iter(b'\n', &self.json));
        ends.count() as u64
    }
}

/// Starts the writer's thread.
pub(crate) fn start(sinks: Sinks) -> (Reporter, Writer) {
    let (queue, messages) = channel();
    let shared = Arc::new(Shared {
        run: Run::random(),
        queued: AtomicUsize::new(0),
        dropped: AtomicU64::new(0),
        json: AtomicBool::new(sinks.json.is_some()),
    });
    let writer = Writer::start(sinks, messages, Arc::clone(&shared));
    (Reporter { queue, shared }, writer)
}

impl Reporter {
    /// A configuration took effect, or was refused, and why.
    pub(crate) fn configuration(&self, file: &str, result: &str) {
        self.report(Reported::Configuration { file, result });
    }

    /// Something an operator must know that no session reports.
    pub(crate) fn failure(&self, what: &str) {
        self.report(Reported::Failure { what });
    }

    /// The workers have stopped; what they counted, together.
    pub(crate) fn stopped(&self, totals: &Counters) {
        self.report(Reported::Stopped { totals });
    }

    /// From the next batch on everything goes there.
    pub(crate) fn redirect(&self, sinks: Sinks) {
        self.shared.json.store(sinks.json.is_some(), Ordering::Relaxed);
        // The writer ends after the last reporter: it takes every message.
        let _ = self.queue.send(Message::Redirect(sinks));
    }

    fn report(&self, event: Reported<'_>) {
        let mut batch = Batch::default();
        let record = Record { time: WallTime::now(), event };
        batch.append(&record, &mut Stamps::default(), self.has_json());
        self.send(batch);
    }

    fn has_json(&self) -> bool {
        self.shared.json.load(Ordering::Relaxed)
    }

    /// Hands lines to the writer, or drops and counts them.
    fn send(&self, batch: Batch) {
        let len = batch.len();
        if self.shared.queued.fetch_add(len, Ordering::Relaxed) + len > QUEUE_BYTES {
            self.shared.queued.fetch_sub(len, Ordering::Relaxed);
            self.shared.dropped.fetch_add(batch.lines(), Ordering::Relaxed);
        } else {
            let _ = self.queue.send(Message::Lines(batch));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::num::NonZeroU16;
    use std::path::Path;

    use engine::event::{Anomaly, AnomalyKind, Match, MessageSize, Reference, Transaction, Treatment, Via};
    use policy::criterion::CriterionKind;
    use policy::model::Action;
    use policy::scope::Scope;
    use proto::{Side, Time};

    use super::session::SessionId;
    use super::*;

    /// A session of an audited proxy, through a top-level class.
    fn config() -> SessionConfig {
        let (name, class) = ("mx".to_owned(), "MAIL".to_owned());
        SessionConfig { name, class, audit_trail: true, ..SessionConfig::default() }
    }

    fn session() -> SessionInfo {
        SessionInfo {
            id: SessionId::new(Run::from_bits(0x3f0c_62a1_9be4), 2, 1041),
            client: "192.0.2.7:40112".parse().unwrap(),
            server: "[2001:db8::25]:25".parse().unwrap(),
            started: Time(0),
        }
    }

    /// The seventh reference of the session.
    fn reference() -> Option<Reference> {
        Some(Reference { session: session().id.reference(), number: NonZeroU16::new(7)? })
    }

    /// A record as each renderer writes it; `-` where one has nothing to say.
    fn rendered(event: Reported<'_>) -> String {
        // A Sunday; the day is one digit, and so are hour and microsecond.
        let time = WallTime::from_unix_micros(1_780_218_123_000_045);
        let record = Record { time, event };
        let (mut json, mut log) = (Vec::new(), Vec::new());
        json::append(&mut json, &record, &mut Stamps::default());
        syslog::append(&mut log, &record, &mut Stamps::in_utc());
        let line = |line: Vec<u8>| match String::from_utf8(line).unwrap() {
            line if line.is_empty() => "-\n".to_owned(),
            line => line,
        };
        format!("json: {}cisco_ios: {}", line(json), line(log))
    }

    /// Compares records, under their titles, with `tests/reports`; `UPDATE_GOLDEN=1` rewrites it.
    fn golden(name: &str, cases: &[(&str, Reported<'_>)]) {
        let mut got = String::new();
        for (title, event) in cases {
            writeln!(got, "# {title}\n{}", rendered(*event)).unwrap();
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reports").join(name);
        let path = path.with_extension("expected");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &got).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(got == expected, "{} differs: run scripts/golden\n{got}", path.display());
    }

    /// Compares events of the session.
    fn golden_events(name: &str, cases: &[(&str, &SessionConfig, Event<'_>)]) {
        let session = session();
        let cases = cases.iter().map(|(title, config, event)| {
            (*title, Reported::Event(Origin { session: &session, config }, event))
        });
        golden(name, &cases.collect::<Vec<_>>());
    }

    #[test]
    fn session_start() {
        let audited = config();
        let plain = SessionConfig { name: "mx".to_owned(), ..SessionConfig::default() };
        let tcp = SessionConfig { protocol: policy::model::Protocol::Tcp, ..audited.clone() };
        golden_events(
            "session_start",
            &[
                ("with audit-trail", &audited, Event::SessionStart),
                ("without", &plain, Event::SessionStart),
                ("another protocol", &tcp, Event::SessionStart),
            ],
        );
    }

    #[test]
    fn session_end() {
        let (session, audited) = (session(), config());
        let plain = SessionConfig { name: "mx".to_owned(), ..SessionConfig::default() };
        let end = SessionEnd {
            reason: Reason::ServerLost,
            bytes_client: 1_204,
            bytes_server: 388,
            duration: Duration::from_micros(1_250_500),
        };
        let of = |config| Origin { session: &session, config };
        golden(
            "session_end",
            &[
                ("with audit-trail", Reported::SessionEnd(of(&audited), end)),
                ("without", Reported::SessionEnd(of(&plain), end)),
            ],
        );
    }

    #[test]
    fn transaction() {
        let size = MessageSize {
            header_bytes: 310,
            body_bytes: 5_120,
            longest_header_line: 78,
            longest_body_line: 72,
        };
        let accepted = Transaction {
            number: 0,
            sender: b"alice@example.com",
            recipients: 3,
            accepted: 2,
            via: Via::Data,
            message: Some(size),
            reply: Some(250),
        };
        // The sender is empty in notifications (RFC 5321 §6.1).
        let given_up = Transaction { sender: b"", via: Via::Bdat, message: None, reply: None, ..accepted };
        golden_events(
            "transaction",
            &[
                ("accepted by the server", &config(), Event::Transaction(accepted)),
                ("given up before its end", &config(), Event::Transaction(given_up)),
            ],
        );
    }

    #[test]
    fn class_match() {
        let reset = Match {
            policy: "EDGE",
            class: "DEALS",
            criterion: "sender address regex DEALS",
            kind: CriterionKind::Sender,
            scope: Scope::Transaction,
            value: b"bob@deals.example",
            action: Some(Action::Reset),
            log: true,
            transaction: Some(0),
            reference: reference(),
            count: 1,
        };
        let unrefused = Match { reference: None, ..reset };
        let quiet = Match { action: Some(Action::Mask), log: false, transaction: None, ..unrefused };
        let hostile = Match { value: b"\x1b[2J\"\\\r\n\xff\xc3\xa9", action: None, ..unrefused };
        let repeated = Match { value: b"", transaction: None, count: 17, ..reset };
        let (audited, alone) = (config(), SessionConfig { class: String::new(), ..config() });
        let mut cases = vec![
            ("reset and log", &audited, Event::Match(reset)),
            ("mask without log", &audited, Event::Match(quiet)),
            ("log alone, of bytes that are neither text nor harmless", &audited, Event::Match(hostile)),
            ("without a top-level class", &alone, Event::Match(reset)),
            ("summed up", &audited, Event::Match(repeated)),
        ];
        cases.extend(
            CriterionKind::ALL
                .iter()
                .map(|kind| (kind.row().subject, &audited, Event::Match(Match { kind: *kind, ..reset }))),
        );
        golden_events("match", &cases);
    }

    #[test]
    fn anomaly() {
        let normalized = Anomaly {
            kind: AnomalyKind::BareLf,
            from: Side::Client,
            value: b"\n",
            treatment: Treatment::Normalized,
            reference: None,
            count: 1,
        };
        let repeated = Anomaly { value: b"", count: 3, ..normalized };
        let refused = Anomaly {
            kind: AnomalyKind::CommandControl,
            treatment: Treatment::Refused,
            reference: reference(),
            ..normalized
        };
        let verbs = Anomaly {
            kind: AnomalyKind::UnknownVerb,
            value: b"",
            treatment: Treatment::Masked,
            count: 99,
            ..normalized
        };
        let silent = Anomaly { treatment: Treatment::Silent, ..normalized };
        let verb = Anomaly {
            kind: AnomalyKind::UnknownVerb,
            value: b"XYZZY\x07",
            treatment: Treatment::Masked,
            ..normalized
        };
        let reply = Anomaly {
            kind: AnomalyKind::BadReply,
            from: Side::Server,
            value: b"\xff\xff 250",
            treatment: Treatment::Reset,
            ..refused
        };
        let unalerted = SessionConfig { alert: false, ..config() };
        golden_events(
            "anomaly",
            &[
                ("normalized", &config(), Event::Anomaly(normalized)),
                ("silent", &config(), Event::Anomaly(silent)),
                ("a verb outside the list", &config(), Event::Anomaly(verb)),
                ("of the server", &config(), Event::Anomaly(reply)),
                ("without alerts", &unalerted, Event::Anomaly(reply)),
                ("refused", &config(), Event::Anomaly(refused)),
                ("summed up", &config(), Event::Anomaly(repeated)),
                ("verbs outside the list, summed up", &config(), Event::Anomaly(verbs)),
            ],
        );
    }

    #[test]
    fn tls() {
        let criteria = ["sender address regex DEALS", "header length gt 4096"];
        golden_events("tls", &[("STARTTLS", &config(), Event::Tls { criteria: &criteria })]);
    }

    #[test]
    fn daemon() {
        let totals = Counters { sessions: 12, transactions: 9, matches: 3, anomalies: 1 };
        golden(
            "daemon",
            &[
                (
                    "a configuration in force",
                    Reported::Configuration { file: "/etc/mailwarden/edge.conf", result: "in force" },
                ),
                (
                    "a configuration with a hostile name",
                    Reported::Configuration { file: "\u{1b}[2J.conf", result: "2 errors, nothing changed" },
                ),
                ("a failure", Reported::Failure { what: "accept failed: Too many open files (os error 24)" }),
                ("lines dropped", Reported::Dropped { lines: 17 }),
                ("stopped", Reported::Stopped { totals: &totals }),
            ],
        );
    }
}

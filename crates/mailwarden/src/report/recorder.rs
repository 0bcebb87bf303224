//! A worker's end of the reports: counts, renders, and gathers lines into batches.
//!
//! Waking the writer costs more than rendering a line, so lines wait for one another for some milliseconds.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use engine::{Event, SessionConfig};
use proto::Time;
use tokio::sync::Notify;

use super::session::{SessionId, SessionInfo};
use super::time::{self, Stamps, WallTime};
use super::{Batch, Counters, LimitReport, Origin, Record, Reported, Reporter, ServerState, SessionEnd};
use crate::attachments::AttachmentId;

/// How long the first line of a batch waits for others. Short for whoever follows the file with `tail -f`; a busy worker
/// reports hundreds of sessions meanwhile.
const FLUSH_AFTER: Duration = Duration::from_millis(50);

/// Limit: bytes of a batch that is no longer waited for.
const BATCH_BYTES: usize = 64 << 10;

/// Reports the events of one worker's sessions.
#[derive(Debug)]
pub(crate) struct Recorder {
    reporter: Reporter,
    worker: u16,
    started: Instant,
    sessions: Cell<u64>,
    state: RefCell<RecorderState>,
    /// The first line of a batch was appended.
    pending: Notify,
}

#[derive(Debug)]
struct RecorderState {
    counters: Counters,
    batch: Batch,
    stamps: Stamps,
    clock: Clock,
}

impl Recorder {
    /// The recorder of one worker, whose time is measured from `started`.
    pub(crate) fn new(reporter: Reporter, worker: u16, started: Instant) -> Self {
        let state = RecorderState {
            counters: Counters::default(),
            batch: Batch::default(),
            stamps: Stamps::default(),
            clock: Clock::new(started),
        };
        Self {
            reporter,
            worker,
            started,
            sessions: Cell::new(0),
            state: RefCell::new(state),
            pending: Notify::new(),
        }
    }

    /// A new identifier, unique over workers, restarts and nodes.
    pub(crate) fn next_session(&self) -> SessionId {
        let number = self.sessions.get() + 1;
        self.sessions.set(number);
        SessionId::new(self.reporter.shared.run, self.worker, number)
    }

    /// An event of a session. `now` is the worker's time.
    pub(crate) fn event(&self, now: Time, session: &SessionInfo, config: &SessionConfig, event: &Event<'_>) {
        if let Event::Reply(reply) = event {
            // The most frequent one, of which nothing is written.
            return self.state.borrow_mut().counters.reply(session.attachment, *reply);
        }
        self.record(now, Reported::Event(Origin { session, config }, event));
    }

    /// The end of a session.
    pub(crate) fn session_end(
        &self,
        now: Time,
        session: &SessionInfo,
        config: &SessionConfig,
        end: SessionEnd,
    ) {
        self.record(now, Reported::SessionEnd(Origin { session, config }, end));
    }

    /// A session that a class drops.
    pub(crate) fn session_dropped(&self, now: Time, session: &SessionInfo, config: &SessionConfig) {
        self.record(now, Reported::SessionDropped(Origin { session, config }));
    }

    /// An address of a server stopped answering, or answers again.
    pub(crate) fn server(&self, proxy: &str, address: SocketAddr, state: ServerState<'_>) {
        self.record(elapsed(self.started), Reported::Server { proxy, address, state });
    }

    /// A limit on sessions did something.
    pub(crate) fn limit(&self, report: &LimitReport) {
        self.record(elapsed(self.started), Reported::Limit(report));
    }

    /// Something the system refused, or a client for which no server can be reached.
    pub(crate) fn failure(&self, what: &str) {
        self.record(elapsed(self.started), Reported::Failure { what });
    }

    /// A server was connected for a session.
    pub(crate) fn connected(&self, attachment: AttachmentId, time: Duration) {
        self.state.borrow_mut().counters.took_to_connect(attachment, time);
    }

    /// Bytes of a client went on, having waited so long.
    pub(crate) fn held(&self, attachment: AttachmentId, time: Duration) {
        self.state.borrow_mut().counters.held(attachment, time);
    }

    /// A time as the log writes it.
    pub(crate) fn stamp(&self, now: Time) -> String {
        time::ios(self.state.borrow_mut().clock.wall_time(now))
    }

    /// What was recorded so far.
    pub(crate) fn counters(&self) -> Counters {
        self.state.borrow().counters.clone()
    }

    /// Hands batches over some milliseconds after their first line. Runs beside the sessions of the worker; what it has
    /// not handed over when it is dropped, the recorder's own end does.
    pub(crate) async fn flush_batches(self: Rc<Self>) {
        loop {
            self.pending.notified().await;
            tokio::time::sleep(FLUSH_AFTER).await;
            self.flush(&mut self.state.borrow_mut().batch);
        }
    }

    fn record(&self, now: Time, event: Reported<'_>) {
        let mut state = self.state.borrow_mut();
        let RecorderState { counters, batch, stamps, clock } = &mut *state;
        let record = Record { time: clock.wall_time(now), event };
        counters.count(&record);
        let was_empty = batch.is_empty();
        batch.append(&record, stamps, self.reporter.events_are_read());
        if batch.len() >= BATCH_BYTES {
            self.flush(batch);
        } else if was_empty && !batch.is_empty() {
            self.pending.notify_one();
        }
    }

    fn flush(&self, batch: &mut Batch) {
        if !batch.is_empty() {
            let next = Batch::with_capacity(batch.log.len(), batch.json.len());
            self.reporter.send(std::mem::replace(batch, next));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let batch = std::mem::take(&mut self.state.get_mut().batch);
        if !batch.is_empty() {
            self.reporter.send(batch);
        }
    }
}

/// Turns the time of a worker, which never goes back, into wall time, which may be set.
#[derive(Debug)]
struct Clock {
    started: Instant,
    /// The wall time at the worker's time 0.
    epoch: WallTime,
    /// When the wall clock is read again.
    stale_at: Time,
}

impl Clock {
    /// Seconds that a reading of the wall clock serves: a step of the clock is seen that late, and a busy worker reads it
    /// once in thousands of lines.
    const SERVES: u64 = 1;

    const fn new(started: Instant) -> Self {
        Self { started, epoch: WallTime::EPOCH, stale_at: Time(0) }
    }

    fn wall_time(&mut self, now: Time) -> WallTime {
        if now >= self.stale_at {
            let read_at = elapsed(self.started);
            self.epoch = WallTime::now().before(read_at);
            self.stale_at = read_at.plus_seconds(Self::SERVES);
        }
        self.epoch.after(now)
    }
}

fn elapsed(started: Instant) -> Time {
    Time(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Condvar, Mutex};

    use super::*;
    use crate::report::{self, QUEUE_BYTES, Sinks, Totals};

    /// What was written, one entry for each write; a gate that is closed keeps the writer waiting.
    #[derive(Clone, Debug, Default)]
    struct File(Arc<(Mutex<Written>, Condvar)>);

    #[derive(Debug, Default)]
    struct Written {
        closed: bool,
        writes: Vec<String>,
    }

    impl File {
        fn close(&self, closed: bool) {
            self.0.0.lock().unwrap().closed = closed;
            self.0.1.notify_all();
        }

        fn writes(&self) -> Vec<String> {
            self.0.0.lock().unwrap().writes.clone()
        }
    }

    impl Write for File {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let written = self.0.0.lock().unwrap();
            let mut written = self.0.1.wait_while(written, |written| written.closed).unwrap();
            written.writes.push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn session(recorder: &Recorder) -> SessionInfo {
        let [client, server] = ["192.0.2.1:40000", "192.0.2.2:25"].map(|address| address.parse().unwrap());
        let (id, attachment) = (recorder.next_session(), AttachmentId::default());
        SessionInfo { id, attachment, client, server, started: Time(0) }
    }

    fn start(recorder: &Recorder) {
        recorder.event(Time(0), &session(recorder), &SessionConfig::default(), &Event::SessionStart);
    }

    #[test]
    fn lines_of_one_moment_are_written_together_and_in_order() {
        let file = File::default();
        let (reporter, writer) = report::start(Sinks::events_to(file.clone()));
        let recorder = Recorder::new(reporter, 3, Instant::now());
        (0..3).for_each(|_| start(&recorder));
        drop(recorder);
        writer.join();
        let writes = file.writes();
        assert_eq!(writes.len(), 1, "{writes:?}");
        let numbers = writes[0].lines().map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            event["session"].as_str().unwrap().rsplit_once("-3-").unwrap().1.to_owned()
        });
        assert_eq!(numbers.collect::<Vec<_>>(), ["1", "2", "3"], "{writes:?}");
    }

    #[test]
    fn a_line_is_written_soon_although_none_follows() {
        let file = File::default();
        let (reporter, writer) = report::start(Sinks::events_to(file.clone()));
        let recorder = Rc::new(Recorder::new(reporter, 0, Instant::now()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let tasks = tokio::task::LocalSet::new();
        tasks.spawn_local(Rc::clone(&recorder).flush_batches());
        start(&recorder);
        tasks.block_on(&runtime, async {
            let begun = Instant::now();
            while file.writes().is_empty() {
                assert!(begun.elapsed() < Duration::from_secs(10));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        drop((tasks, recorder));
        writer.join();
    }

    #[test]
    fn a_full_queue_drops_counts_and_never_blocks() {
        let file = File::default();
        let (reporter, writer) = report::start(Sinks::events_to(file.clone()));
        let recorder = Recorder::new(reporter, 0, Instant::now());
        file.close(true);
        let reported = 2 * QUEUE_BYTES / 200;
        (0..reported).for_each(|_| start(&recorder));
        recorder.flush(&mut recorder.state.borrow_mut().batch);
        let waiting = recorder.reporter.shared.queued.load(std::sync::atomic::Ordering::Relaxed);
        let dropped = recorder.reporter.shared.dropped.load(std::sync::atomic::Ordering::Relaxed);
        assert!(waiting <= QUEUE_BYTES && dropped > 0, "{waiting} {dropped}");
        file.close(false);
        drop(recorder);
        writer.join();
        let written = file.writes().iter().map(|lines| lines.lines().count()).sum::<usize>();
        assert_eq!(written + usize::try_from(dropped).unwrap(), reported);
    }

    #[test]
    fn what_is_not_rendered_is_counted_all_the_same() {
        let (reporter, writer) = report::start(Sinks::nowhere());
        let recorder = Recorder::new(reporter, 0, Instant::now());
        let session = session(&recorder);
        let end = SessionEnd {
            reason: engine::event::Reason::Closed,
            bytes_client: 0,
            bytes_server: 0,
            reads: [2, 1],
            counts: engine::session::Counts::default(),
            duration: Duration::ZERO,
        };
        recorder.session_end(Time(0), &session, &SessionConfig::default(), end);
        assert_eq!(recorder.counters().totals(), Totals { sessions: 1, ..Totals::default() });
        assert!(recorder.state.borrow().batch.is_empty());
        drop(recorder);
        writer.join();
    }

    #[test]
    fn wall_time_goes_on_with_the_time_of_the_worker() {
        let mut clock = Clock::new(Instant::now());
        let first = clock.wall_time(Time(0));
        assert_eq!(clock.wall_time(Time(1_500_000)), first.after(Time(1_500_000)));
    }
}

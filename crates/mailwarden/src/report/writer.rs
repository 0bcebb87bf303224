//! The writer's thread: whole lines to where they go, and a word when they cannot be written.
//!
//! A disk that is slow or full costs reports, never mail: nobody waits for this thread but the end of the program,
//! and that not for ever.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use policy::model::{LogHost, Transport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use super::destination::{self, Address, Destination, News};
use super::entry::{entries, revised};
use super::frame::Framer;
use super::log::{LogSettings, LogState, Memory};
use super::time::WallTime;
use super::{Batch, Message, Record, Reported, Shared, syslog};
use crate::plan::Files;
use crate::terminal;

/// The writer's thread; it ends when the last reporter is gone.
#[derive(Debug)]
pub(crate) struct Writer {
    ended: Receiver<()>,
}

/// Where everything goes.
#[derive(Debug)]
pub(crate) struct Sinks {
    framer: Framer,
    log: LineSink,
    pub(super) json: Option<LineSink>,
    /// What the destinations were made of.
    settings: LogSettings,
    destinations: Vec<Destination>,
    news: News,
}

/// What takes whole lines.
#[derive(Debug)]
pub(crate) struct LineSink {
    name: String,
    out: Box<dyn Out>,
    /// The last line was cut off: the next must not run on from it.
    torn: bool,
    /// Lines that could not be written since one could.
    lost: u64,
}

trait Out: Write + Send + std::fmt::Debug {}
impl<W: Write + Send + std::fmt::Debug> Out for W {}

impl Sinks {
    /// Opens what a configuration names; stderr takes the messages when it names no file.
    pub(crate) fn open(files: &Files) -> Result<Self, String> {
        let Files { log, events, settings } = files;
        let logging = &settings.logging;
        let (framer, log) = match log {
            Some(path) => (Framer::of_file(logging), LineSink::append(path)?),
            None => (Framer::of_stderr(logging), LineSink::new("standard error output", io::stderr())),
        };
        let json = events.as_deref().map(LineSink::append).transpose()?;
        let news = News::default();
        let start = |(address, framer)| {
            let trap = logging.trap.unwrap_or_default() as u8;
            Destination::start(address, framer, trap, Arc::clone(&news))
        };
        let destinations = destinations(settings).into_iter().map(start).collect();
        Ok(Self { framer, log, json, settings: settings.clone(), destinations, news })
    }

    /// JSON to a program that listens, and messages nowhere.
    pub(crate) fn events_to(listener: impl Write + Send + std::fmt::Debug + 'static) -> Self {
        Self { json: Some(LineSink::new("listener", listener)), ..Self::log_to(io::sink()) }
    }

    /// Messages to `log`, and nothing else.
    fn log_to(log: impl Write + Send + std::fmt::Debug + 'static) -> Self {
        let Files { settings, .. } = Files::default();
        let framer = Framer::of_file(&settings.logging);
        let (destinations, news) = (Vec::new(), News::default());
        Self { framer, log: LineSink::new("log", log), json: None, settings, destinations, news }
    }

    /// Everything to nobody.
    #[cfg(test)]
    pub(super) fn nowhere() -> Self {
        Self::log_to(io::sink())
    }

    /// What to say of lines that are lost for good.
    fn closed(&self) -> impl Iterator<Item = String> {
        [Some(&self.log), self.json.as_ref()].into_iter().flatten().filter_map(LineSink::closed)
    }

    /// The end of all destinations, and what is to be said of it in the log of those that follow.
    fn end(mut self) -> Vec<String> {
        destination::end(std::mem::take(&mut self.destinations));
        let mut news = self.take_news();
        news.extend(self.closed());
        news
    }

    /// Takes over the destinations of those before, with all that waits for them, where the same are wanted.
    fn succeed(&mut self, before: &mut Self) {
        if self.settings == before.settings {
            std::mem::swap(&mut self.destinations, &mut before.destinations);
            std::mem::swap(&mut self.news, &mut before.news);
        }
    }

    fn take_news(&self) -> Vec<String> {
        self.news.lock().map_or_else(|_| Vec::new(), |mut news| std::mem::take(&mut *news))
    }

    /// What everybody may ask of the log from here on.
    pub(super) fn state(&self) -> LogState {
        LogState {
            settings: self.settings.clone(),
            kept: Memory::new(&self.settings.logging),
            file: self.log.name.clone(),
            written: 0,
            hosts: self.destinations.iter().map(Destination::state).collect(),
        }
    }
}

/// Syslog servers and the local socket.
fn destinations(settings: &LogSettings) -> Vec<(Address, Framer)> {
    let LogSettings { logging, name, facility } = settings;
    if logging.off {
        return Vec::new();
    }
    let host = |host: &LogHost| {
        let address = SocketAddr::new(host.address, host.port);
        let address = match host.transport {
            Transport::Udp => Address::Udp(address),
            Transport::Tcp => Address::Tcp(address),
        };
        (address, Framer::of_host(logging, name, *facility))
    };
    let local = logging.local.as_ref().map(|local| {
        let path = local.path.as_ref().map_or(LOCAL, |path| &path.text);
        (Address::Local(path.into()), Framer::of_local(logging, *facility))
    });
    logging.hosts.iter().map(host).chain(local).collect()
}

/// Where the syslog of a system listens.
const LOCAL: &str = "/dev/log";

impl LineSink {
    fn new(name: &str, out: impl Write + Send + std::fmt::Debug + 'static) -> Self {
        Self { name: name.to_owned(), out: Box::new(out), torn: false, lost: 0 }
    }

    /// Opens a file, or a pipe that has a name, and waits for nobody who would read it.
    fn append(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let mut options = OpenOptions::new();
        options.append(true).mode(MODE).custom_flags(NONBLOCK);
        let opened = match fs::metadata(path) {
            // Open for both, a pipe can be opened and written to before anybody reads it.
            Ok(metadata) if metadata.file_type().is_fifo() => {
                options.read(true).open(path).map(|pipe| Self::new(&name, Pipe::new(pipe)))
            }
            _ => options.create(true).open(path).map(|file| Self::new(&name, file)),
        };
        opened.map_err(|error| format!("{name}: {error}"))
    }

    /// Nothing more is written here: what to say of lines that are still lost.
    fn closed(&self) -> Option<String> {
        (self.lost > 0).then(|| format!("{} lines for {} were lost", self.lost, self.name))
    }

    /// Writes whole lines; what to say where lines begin to be lost, and where that is over.
    fn put(&mut self, lines: &[u8]) -> Option<String> {
        if lines.is_empty() {
            return None;
        }
        let begun = self.lost;
        match self.write(lines) {
            Ok(()) if begun == 0 => None,
            Ok(()) => {
                self.lost = 0;
                Some(format!("{} can be written again, {begun} lines were lost", self.name))
            }
            Err((error, unwritten)) => {
                self.lost += unwritten;
                (begun == 0).then(|| format!("cannot write to {}: {error}", self.name))
            }
        }
    }

    /// Writes lines until all are written or the first error; how many were not, the one cut off included.
    fn write(&mut self, lines: &[u8]) -> Result<(), (io::Error, u64)> {
        let unwritten = |rest: &[u8]| memchr::memchr_iter(b'\n', rest).count() as u64;
        if self.torn {
            self.out.write_all(b"\n").map_err(|error| (error, unwritten(lines)))?;
            self.torn = false;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let error = match self.out.write(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(len) => {
                    self.torn = rest.get(len - 1) != Some(&b'\n');
                    rest = rest.get(len..).unwrap_or_default();
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            return Err((error, unwritten(rest)));
        }
        Ok(())
    }
}

/// What a file is made with, less what the umask takes: senders and recipients are nobody else's business.
const MODE: u32 = 0o640;

/// A pipe with a name, whose reader may be slow, or not there at all.
#[derive(Debug)]
struct Pipe {
    pipe: File,
    /// The reader took something since it was last waited for.
    reads: bool,
}

/// So that neither opening nor writing waits.
// The flags of this system fit into 31 bits.
const NONBLOCK: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// How long a reader that is behind is waited for, once. The queue is long enough for that.
const PATIENCE_WITH_READER: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
const NO_PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Bytes that the kernel keeps for a reader that is behind: the most that it grants to everybody.
const PIPE_SIZE: usize = 1 << 20;

impl Pipe {
    fn new(pipe: File) -> Self {
        // A shorter pipe still works.
        let _ = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_SIZE);
        Self { pipe, reads: true }
    }

    /// Whether the reader makes room before the time is over: a page, since the end of one that was begun may have
    /// room for a short line that a longer one did not find.
    fn has_room(&self, patience: &Timespec) -> bool {
        let mut pipe = [PollFd::new(&self.pipe, PollFlags::OUT)];
        poll(&mut pipe, Some(patience)).is_ok_and(|ready| ready > 0)
    }
}

impl Write for Pipe {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let unread = || Err(io::Error::other("nobody reads it"));
        if !self.reads && !self.has_room(&NO_PATIENCE) {
            return unread();
        }
        loop {
            match self.pipe.write(lines) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.reads = self.has_room(&PATIENCE_WITH_READER);
                    if !self.reads {
                        return unread();
                    }
                }
                written => {
                    self.reads |= written.is_ok();
                    return written;
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message from this thread.
fn own_message(event: Reported<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    syslog::append(&mut message, &Record { time: WallTime::now(), event });
    message
}

impl Writer {
    pub(super) fn start(sinks: Sinks, queue: Receiver<Message>, shared: Arc<Shared>) -> Self {
        let (end, ended) = channel::<()>();
        let writing = WriterThread { sinks, shared };
        std::thread::spawn(move || {
            writing.run(&queue);
            drop(end);
        });
        Self { ended }
    }

    /// Waits until everything reported has been written, but not for ever; all reporters must be gone.
    pub(crate) fn join(self) {
        // Nothing is said of what is lost: standard error output may be what nobody takes anything from.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

/// How soon the log has what a destination says of itself, where nothing else is reported.
const NEWS_AFTER: Duration = Duration::from_secs(1);

/// How long the end of the program waits for a disk, or for the reader of a pipe.
const PATIENCE: Duration = Duration::from_secs(5);

/// The thread itself.
#[derive(Debug)]
struct WriterThread {
    sinks: Sinks,
    shared: Arc<Shared>,
}

impl WriterThread {
    fn run(mut self, queue: &Receiver<Message>) {
        loop {
            match queue.recv_timeout(NEWS_AFTER) {
                Ok(Message::Redirect(next)) => self.redirect(*next),
                Ok(Message::Lines(lines)) => {
                    let len = lines.len();
                    self.write(lines);
                    self.shared.queued.fetch_sub(len, Ordering::Relaxed);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.tell_news();
            let lines = self.shared.dropped.swap(0, Ordering::Relaxed);
            if lines > 0 {
                self.write(Batch { log: own_message(Reported::Dropped { lines }), json: Vec::new() });
            }
        }
        let lost: Vec<String> = self.sinks.closed().collect();
        lost.iter().for_each(|lost| self.say(lost));
        destination::end(std::mem::take(&mut self.sinks.destinations));
        self.tell_news();
    }

    fn redirect(&mut self, mut next: Sinks) {
        next.succeed(&mut self.sinks);
        {
            let mut state = self.shared.log.state();
            let mut before = std::mem::replace(&mut *state, next.state());
            state.kept.succeed(&mut before.kept);
            if state.file == before.file {
                state.written = before.written;
            }
        }
        let before = std::mem::replace(&mut self.sinks, next);
        before.end().iter().for_each(|news| self.say(news));
    }

    /// Says what destinations have to say.
    fn tell_news(&mut self) {
        let news = self.sinks.take_news();
        news.iter().for_each(|what| self.say(what));
    }

    /// Messages about the destinations themselves.
    fn say(&mut self, what: &str) {
        self.write(Batch { log: own_message(Reported::Failure { what }), json: Vec::new() });
    }

    fn write(&mut self, Batch { log, json }: Batch) {
        let sinks = &mut self.sinks;
        let log = revised(log, &sinks.settings.logging.messages);
        let mut lines = Vec::with_capacity(log.len());
        sinks.framer.append_lines(&mut lines, entries(&log));
        let trouble = sinks.log.put(&lines);
        {
            let mut state = self.shared.log.state();
            state.kept.keep(entries(&log));
            if sinks.log.lost == 0 {
                state.written += entries(&log).count() as u64;
            }
        }
        if let Some(trouble) = trouble {
            terminal::complain(&format!("mailwarden: {trouble}\n"));
        }
        if !sinks.destinations.is_empty() && !log.is_empty() {
            let messages = log.into();
            sinks.destinations.iter().for_each(|destination| destination.send(&messages));
        }
        if let Some(trouble) = sinks.json.as_mut().and_then(|sink| sink.put(&json)) {
            self.say(&trouble);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A disk with so much room.
    #[derive(Clone, Debug, Default)]
    struct Disk(Arc<Mutex<(usize, String)>>);

    impl Write for Disk {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let (room, text) = &mut *self.0.lock().unwrap();
            let len = octets.len().min(*room);
            if len == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            *room -= len;
            text.push_str(std::str::from_utf8(&octets[..len]).unwrap());
            Ok(len)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_reported_once_and_tears_no_later_line() {
        let disk = Disk::default();
        disk.0.lock().unwrap().0 = 7;
        let mut sink = LineSink::new("events", disk.clone());
        assert_eq!(sink.put(b"one\n"), None);
        assert_eq!(sink.put(b"two and\n").unwrap(), "cannot write to events: no storage space");
        assert_eq!(sink.put(b"three\n"), None);
        disk.0.lock().unwrap().0 = 100;
        assert_eq!(sink.put(b"four\n").unwrap(), "events can be written again, 2 lines were lost");
        assert_eq!(sink.put(b"five\n"), None);
        assert_eq!(disk.0.lock().unwrap().1, "one\ntwo\nfour\nfive\n");
    }

    /// Messages to a syslog server where nobody listens, and nowhere else.
    fn to_a_server(off: bool) -> Files {
        let host = LogHost {
            address: "127.0.0.1".parse().unwrap(),
            transport: Transport::Tcp,
            port: 1,
            interface: None,
        };
        let mut files = Files { log: Some("/dev/null".into()), ..Files::default() };
        files.settings.logging.hosts.push(host);
        files.settings.logging.off = off;
        files
    }

    #[test]
    fn what_waits_for_a_server_waits_on_where_files_are_opened_anew() {
        let files = to_a_server(false);
        let [mut before, mut next] = [(); 2].map(|()| Sinks::open(&files).unwrap());
        let waiting = before.state().hosts;
        next.succeed(&mut before);
        assert!(Arc::ptr_eq(&next.state().hosts[0], &waiting[0]));
        // Other settings have destinations of their own.
        let mut other = files.clone();
        other.settings.name.push('x');
        let mut other = Sinks::open(&other).unwrap();
        other.succeed(&mut next);
        assert!(!Arc::ptr_eq(&other.state().hosts[0], &waiting[0]));
    }

    #[test]
    fn no_logging_on_sends_nothing_to_servers() {
        let hosts = |off| Sinks::open(&to_a_server(off)).unwrap().state().hosts.len();
        assert_eq!([hosts(false), hosts(true)], [1, 0]);
    }

    #[test]
    fn lines_that_are_still_lost_at_the_end_are_counted_then() {
        let mut sinks = Sinks::events_to(Disk::default());
        assert_eq!(sinks.closed().count(), 0);
        assert!(sinks.json.as_mut().unwrap().put(b"one\ntwo\n").is_some());
        assert_eq!(sinks.closed().collect::<Vec<_>>(), ["2 lines for listener were lost"]);
    }

    #[test]
    fn of_a_batch_that_is_cut_off_the_lines_before_the_cut_count_as_written() {
        let disk = Disk::default();
        disk.0.lock().unwrap().0 = 6;
        let mut sink = LineSink::new("events", disk.clone());
        assert!(sink.put(b"one\ntwo\nthree\n").is_some());
        disk.0.lock().unwrap().0 = 100;
        assert_eq!(sink.put(b"four\n").unwrap(), "events can be written again, 2 lines were lost");
        assert_eq!(disk.0.lock().unwrap().1, "one\ntw\nfour\n");
    }

    #[test]
    fn a_batch_cut_off_between_two_lines_is_not_torn() {
        let disk = Disk::default();
        disk.0.lock().unwrap().0 = 4;
        let mut sink = LineSink::new("events", disk.clone());
        assert!(sink.put(b"one\ntwo\n").is_some());
        disk.0.lock().unwrap().0 = 100;
        assert_eq!(sink.put(b"three\n").unwrap(), "events can be written again, 1 lines were lost");
        assert_eq!(disk.0.lock().unwrap().1, "one\nthree\n");
    }
}

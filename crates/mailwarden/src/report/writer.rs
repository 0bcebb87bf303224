//! The writer's thread: whole lines to where they go, and a word when they cannot be written.
//!
//! A disk that is slow or full costs reports, never mail: nobody waits for this thread but the end of the program,
//! and that not for ever.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use super::syslog::Frame;
use super::time::{Stamps, WallTime};
use super::{Batch, Message, Record, Reported, Shared, syslog};
use crate::plan::Files;
use crate::terminal;

/// The writer's thread; it ends when the last reporter is gone.
#[derive(Debug)]
pub(crate) struct Writer {
    ended: Receiver<()>,
}

/// Where lines go.
#[derive(Debug)]
pub(crate) struct Sinks {
    pub(super) frame: Frame,
    pub(super) syslog: LineSink,
    pub(super) json: Option<LineSink>,
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
    /// Opens what a configuration names; stderr takes the syslog lines when it names no file.
    pub(crate) fn open(files: &Files) -> Result<Self, String> {
        let (frame, syslog) = match &files.log {
            Some(path) => (Frame::Stamped, LineSink::append(path)?),
            None => (Frame::of_stderr(), LineSink::new("standard error output", io::stderr())),
        };
        Ok(Self { frame, syslog, json: files.events.as_deref().map(LineSink::append).transpose()? })
    }

    /// JSON to a program that listens, and syslog lines nowhere.
    pub(crate) fn events_to(listener: impl Write + Send + std::fmt::Debug + 'static) -> Self {
        let syslog = LineSink::new("nowhere", io::sink());
        Self { frame: Frame::Stamped, syslog, json: Some(LineSink::new("listener", listener)) }
    }

    /// Everything to nobody.
    #[cfg(test)]
    pub(super) fn nowhere() -> Self {
        Self { frame: Frame::Stamped, syslog: LineSink::new("nowhere", io::sink()), json: None }
    }

    /// What to say of lines that are lost for good.
    fn closed(&self) -> impl Iterator<Item = String> {
        [Some(&self.syslog), self.json.as_ref()].into_iter().flatten().filter_map(LineSink::closed)
    }

    fn say(&mut self, what: &str) {
        self.write(&Batch { syslog: failure(what, self.frame), json: Vec::new() });
    }

    fn write(&mut self, lines: &Batch) {
        if let Some(trouble) = self.syslog.put(&lines.syslog) {
            terminal::complain(&format!("mailwarden: {trouble}\n"));
        }
        if let Some(trouble) = self.json.as_mut().and_then(|json| json.put(&lines.json)) {
            self.say(&trouble);
        }
    }
}

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

/// A line of the log about the files themselves.
fn failure(what: &str, frame: Frame) -> Vec<u8> {
    daemon_line(Reported::Failure { what }, frame)
}

/// A line of the log from this thread.
fn daemon_line(event: Reported<'_>, frame: Frame) -> Vec<u8> {
    let mut line = Vec::new();
    syslog::append(&mut line, &Record { time: WallTime::now(), event }, &mut Stamps::default(), frame);
    line
}

impl Writer {
    pub(super) fn start(mut sinks: Sinks, queue: Receiver<Message>, shared: Arc<Shared>) -> Self {
        let (end, ended) = channel::<()>();
        std::thread::spawn(move || {
            while let Ok(message) = queue.recv() {
                match message {
                    Message::Redirect(next) => {
                        let before = std::mem::replace(&mut sinks, next);
                        before.closed().for_each(|lost| sinks.say(&lost));
                    }
                    Message::Lines(lines) => {
                        sinks.write(&lines);
                        shared.queued.fetch_sub(lines.len(), Ordering::Relaxed);
                    }
                }
                let lines = shared.dropped.swap(0, Ordering::Relaxed);
                if lines > 0 {
                    let syslog = daemon_line(Reported::Dropped { lines }, sinks.frame);
                    sinks.write(&Batch { syslog, json: Vec::new() });
                }
            }
            let lost: Vec<String> = sinks.closed().collect();
            lost.iter().for_each(|lost| sinks.say(lost));
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

/// How long the end of the program waits for a disk, or for the reader of a pipe.
const PATIENCE: Duration = Duration::from_secs(5);

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

    #[test]
    fn lines_that_are_still_lost_at_the_end_are_counted_then() {
        let disk = Disk::default();
        let mut sinks = Sinks::events_to(disk);
        assert_eq!(sinks.closed().count(), 0);
        sinks.write(&Batch { syslog: Vec::new(), json: b"one\ntwo\n".to_vec() });
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

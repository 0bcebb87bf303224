//! The writer's thread: whole lines to where they go, and a word when they cannot be written.
//!
//! A disk that is slow or full costs reports, never mail: nobody waits for this thread but the end of the program,
//! and that not for ever.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Line, Shared, syslog};
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
    pub(super) syslog: Sink,
    pub(super) json: Option<Sink>,
}

/// What takes whole lines.
#[derive(Debug)]
pub(crate) struct Sink {
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
        let syslog = match &files.log {
            Some(path) => Sink::append(path)?,
            None => Sink::new("standard error output", io::stderr()),
        };
        Ok(Self { syslog, json: files.events.as_deref().map(Sink::append).transpose()? })
    }

    /// JSON to a program that listens, and syslog lines nowhere.
    pub(crate) fn events_to(listener: impl Write + Send + std::fmt::Debug + 'static) -> Self {
        Self { syslog: Sink::new("nowhere", io::sink()), json: Some(Sink::new("listener", listener)) }
    }

    fn put(&mut self, line: Line) {
        match line {
            Line::Syslog(text) => {
                if let Some(trouble) = self.syslog.put(&text) {
                    terminal::complain(&syslog::trouble(&trouble));
                }
            }
            Line::Json(text) => {
                if let Some(trouble) = self.json.as_mut().and_then(|json| json.put(&text)) {
                    self.put(Line::Syslog(syslog::trouble(&trouble)));
                }
            }
        }
    }
}

impl Sink {
    fn new(name: &str, out: impl Write + Send + std::fmt::Debug + 'static) -> Self {
        Self { name: name.to_owned(), out: Box::new(out), torn: false, lost: 0 }
    }

    fn append(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        match OpenOptions::new().create(true).append(true).open(path) {
            Ok(file) => Ok(Self::new(&name, file)),
            Err(error) => Err(format!("{name}: {error}")),
        }
    }

    /// Writes a line; what to say where lines begin to be lost, and where that is over.
    fn put(&mut self, line: &str) -> Option<String> {
        match (self.write(line), self.lost) {
            (Ok(()), 0) => None,
            (Ok(()), lost) => {
                self.lost = 0;
                Some(format!("{} can be written again, {lost} lines were lost", self.name))
            }
            (Err(error), lost) => {
                self.lost += 1;
                (lost == 0).then(|| format!("cannot write to {}: {error}", self.name))
            }
        }
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.torn {
            self.out.write_all(b"\n")?;
            self.torn = false;
        }
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => rest = rest.get(len..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            self.torn = !rest.is_empty();
        }
        Ok(())
    }
}

impl Writer {
    pub(super) fn start(mut sinks: Sinks, queue: Receiver<Line>, shared: Arc<Shared>) -> Self {
        let (end, ended) = channel::<()>();
        std::thread::spawn(move || {
            while let Ok(line) = queue.recv() {
                if let Some(next) = shared.next.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    sinks = next;
                }
                sinks.put(line);
                let lost = shared.dropped.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    sinks.put(Line::Syslog(syslog::dropped(lost)));
                }
            }
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
    fn a_full_disk_is_told_once_and_tears_no_later_line() {
        let disk = Disk::default();
        disk.0.lock().unwrap().0 = 7;
        let mut sink = Sink::new("events", disk.clone());
        assert_eq!(sink.put("one\n"), None);
        assert_eq!(sink.put("two and\n").unwrap(), "cannot write to events: no storage space");
        assert_eq!(sink.put("three\n"), None);
        disk.0.lock().unwrap().0 = 100;
        assert_eq!(sink.put("four\n").unwrap(), "events can be written again, 2 lines were lost");
        assert_eq!(sink.put("five\n"), None);
        assert_eq!(disk.0.lock().unwrap().1, "one\ntwo\nfour\nfive\n");
    }
}

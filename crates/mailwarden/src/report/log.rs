//! The log seen from outside, for `show logging` and the metrics: the messages kept in memory, and what became of the
//! others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use policy::model::{Facility, LogBuffer, Logging};

use super::destination::{self, HostView};
use super::entry::Entry;
use super::frame::Framer;

/// What everybody may ask of the log. The writer changes it, a batch at a time.
#[derive(Debug)]
pub(crate) struct Log {
    /// Lines of reports that were lost since the start because the writer did not keep up.
    pub(super) dropped: AtomicU64,
    state: Mutex<LogState>,
}

/// What changes with each batch, and with a reload.
#[derive(Debug)]
pub(super) struct LogState {
    pub(super) settings: LogSettings,
    pub(super) kept: Memory,
    /// The log file, or standard error output.
    pub(super) file: String,
    pub(super) written: u64,
    pub(super) hosts: Vec<Arc<destination::DestinationState>>,
}

/// Whose messages they are, and where they go beside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(crate) logging: Logging,
    /// What messages call this system.
    pub(crate) name: String,
    /// What they are from, unless `logging` says it.
    pub(crate) facility: Facility,
}

/// All of it at one time.
#[derive(Clone, Debug)]
pub(crate) struct LogView {
    pub(crate) logging: Logging,
    pub(crate) facility: Facility,
    /// Lines that were lost because the writer did not keep up.
    pub(crate) dropped: u64,
    pub(crate) file: String,
    /// Messages that were written there.
    pub(crate) written: u64,
    /// Messages that were kept in memory, those that are gone included.
    pub(crate) kept: u64,
    /// Bytes of them that are kept at most.
    pub(crate) size: usize,
    /// The newest, a line each.
    pub(crate) lines: String,
    pub(crate) hosts: Vec<HostView>,
}

impl Log {
    pub(super) fn new(state: LogState) -> Self {
        Self { dropped: AtomicU64::new(0), state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines of reports that were lost since the start because the writer did not keep up.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn view(&self) -> LogView {
        let state = self.state();
        let LogSettings { logging, facility, .. } = state.settings.clone();
        LogView {
            facility: logging.facility.unwrap_or(facility),
            logging,
            dropped: self.dropped(),
            file: state.file.clone(),
            written: state.written,
            kept: state.kept.logged,
            size: state.kept.size,
            lines: String::from_utf8_lossy(state.kept.newest()).into_owned(),
            hosts: state.hosts.iter().map(|host| host.view()).collect(),
        }
    }
}

/// The newest messages, as a file would have them.
#[derive(Debug)]
pub(super) struct Memory {
    /// Limit: bytes.
    size: usize,
    /// The least bad severity that is kept; `None` keeps nothing.
    level: Option<u8>,
    framer: Framer,
    /// At most twice the size: older lines go many at a time.
    text: Vec<u8>,
    logged: u64,
}

/// Limit: bytes that are kept, whatever the configuration says.
const SIZE_MAX: u32 = 16 << 20;

impl Memory {
    pub(super) fn new(logging: &Logging) -> Self {
        let LogBuffer { off, size, level } = logging.buffer;
        let size = size.unwrap_or(LogBuffer::SIZE).min(SIZE_MAX);
        Self {
            size: usize::try_from(size).unwrap_or(usize::MAX),
            level: (!off && !logging.off).then(|| level.map_or(7, |level| level as u8)),
            framer: Framer::of_file(logging),
            text: Vec::new(),
            logged: 0,
        }
    }

    /// Goes on with what was kept before, where something is still to be kept.
    pub(super) fn succeed(&mut self, before: &mut Self) {
        self.logged = before.logged;
        if self.level.is_some() {
            self.text = std::mem::take(&mut before.text);
            self.forget();
        }
    }

    pub(super) fn keep<'e>(&mut self, entries: impl Iterator<Item = Entry<'e>>) {
        let Some(level) = self.level else { return };
        for entry in entries.filter(|entry| entry.severity <= level) {
            self.framer.append(&mut self.text, &entry);
            self.text.push(b'\n');
            self.logged += 1;
        }
        self.forget();
    }

    fn forget(&mut self) {
        if self.text.len() > 2 * self.size {
            let newest = self.newest().len();
            self.text.drain(..self.text.len() - newest);
        }
    }

    /// Whole lines.
    fn newest(&self) -> &[u8] {
        let Some(start) = self.text.len().checked_sub(self.size).filter(|start| *start > 0) else {
            return &self.text;
        };
        // A line that begins just there is whole.
        let rest = self.text.get(start - 1..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        rest.get(end..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use policy::model::{LogLevel, LogStamps};

    use super::super::time::WallTime;
    use super::*;

    fn kept(size: u32, level: LogLevel) -> Memory {
        let buffer = LogBuffer { off: false, size: Some(size), level: Some(level) };
        Memory::new(&Logging { buffer, stamps: Some(LogStamps::None), ..Logging::default() })
    }

    fn entry(severity: u8, text: &str) -> Entry<'_> {
        Entry { time: WallTime::EPOCH, severity, text: text.as_bytes() }
    }

    #[test]
    fn the_newest_lines_that_fit_are_kept_whole() {
        let mut kept = kept(12, LogLevel::Debugging);
        let shown = |kept: &Memory| String::from_utf8(kept.newest().to_vec()).unwrap();
        for (line, expected) in [
            ("one", "one\n"),
            ("two", "one\ntwo\n"),
            ("six", "one\ntwo\nsix\n"),
            ("eight", "six\neight\n"),
            ("a line that is longer than all", ""),
            ("x", "x\n"),
        ] {
            kept.keep([entry(7, line)].into_iter());
            assert_eq!(shown(&kept), expected, "{line}");
            assert!(kept.text.len() <= 2 * kept.size + line.len() + 1);
        }
        assert_eq!(kept.logged, 6);
    }

    #[test]
    fn what_is_less_bad_than_the_level_is_not_kept_and_a_reload_keeps_what_was() {
        let mut before = kept(1000, LogLevel::Warnings);
        before.keep([entry(4, "bad"), entry(5, "less bad")].into_iter());
        assert_eq!(before.newest(), b"bad\n");
        let mut after = kept(2000, LogLevel::Errors);
        after.succeed(&mut before);
        after.keep([entry(4, "not bad enough"), entry(3, "worse")].into_iter());
        assert_eq!(after.newest(), b"bad\nworse\n");
        let mut off = Memory::new(&Logging { off: true, ..Logging::default() });
        off.succeed(&mut after);
        off.keep([entry(0, "worst")].into_iter());
        assert_eq!(off.newest(), b"");
    }
}

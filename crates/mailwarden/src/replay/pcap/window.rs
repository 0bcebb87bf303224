//! A window over a file being read: as many octets as one record needs, and no more.
//!
//! It knows no format; asking for more than the file has is answered, not an error.

use std::io::{self, Read};

#[derive(Debug)]
pub(super) struct Window<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where in `buffer` the window begins; everything before it has been taken.
    start: usize,
    /// Octets of the file before `start`.
    taken: u64,
    at_end: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, taken: 0, at_end: false }
    }

    /// Whether the next `len` octets are in sight now; if not, the file ends before them.
    pub(super) fn have(&mut self, len: usize) -> io::Result<bool> {
        while self.in_sight() < len && !self.at_end {
            self.read_some()?;
        }
        Ok(self.in_sight() >= len)
    }

    /// Passes over `len` octets and hands them out, as far as they are in sight.
    pub(super) fn take(&mut self, len: usize) -> &[u8] {
        let from = self.start;
        self.start += len.min(self.in_sight());
        self.taken += (self.start - from) as u64;
        self.buffer.get(from..self.start).unwrap_or_default()
    }

    /// The next `len` octets, as far as they are in sight.
    pub(super) fn front(&self, len: usize) -> &[u8] {
        self.buffer.get(self.start..self.start + len.min(self.in_sight())).unwrap_or_default()
    }

    /// Octets read and not yet taken.
    pub(super) fn in_sight(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Octets taken so far: where in the file the window begins.
    pub(super) fn position(&self) -> u64 {
        self.taken
    }

    fn read_some(&mut self) -> io::Result<()> {
        // What is kept is at most what goes: no octet is moved more than once on average.
        if self.start >= self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let kept = self.buffer.len();
        self.buffer.resize(kept + CHUNK, 0);
        let read = loop {
            match self.reader.read(self.buffer.get_mut(kept..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(kept + *read.as_ref().unwrap_or(&0));
        self.at_end = read? == 0;
        Ok(())
    }
}

/// One read; large enough that the system calls do not show, small enough to stay in the cache.
const CHUNK: usize = 64 << 10;

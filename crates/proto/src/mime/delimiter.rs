//! Is this line a delimiter? Gathers the start of a line until that is known.
//!
//! Knows no parts: what a delimiter ends and opens is for `nesting` to say.

mod dashes;

use super::boundary::{Boundaries, Delimiter};
use super::line::LineEnds;

/// A delimiter line with its padding and line end. No sender pads so much; where the limit shows,
/// it is reported.
const LINE_MAX: usize = 4 * 1024;

/// Octets with the place of the first of them in the content of the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Octets<'i> {
    pub(super) bytes: &'i [u8],
    pub(super) at: u64,
}

impl<'i> Octets<'i> {
    pub(super) fn from(self, start: usize) -> Self {
        Self { bytes: self.bytes.get(start..).unwrap_or_default(), at: self.at + start as u64 }
    }

    pub(super) fn to(self, end: usize) -> Self {
        Self { bytes: self.bytes.get(..end).unwrap_or(self.bytes), at: self.at }
    }

    pub(super) fn end(self) -> u64 {
        self.at + self.bytes.len() as u64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    Delimiter(Delimiter),
    /// The blank line that ends a block of a delivery status.
    Blank,
}

/// What becomes of blank lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlankLine {
    Content,
    /// It ends a block of a delivery status, or stands between two.
    Special,
}

/// What gathering came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gathered {
    /// It is not known yet what the line is.
    More,
    /// It is known: the line is gathered up to here, or whole.
    Beginning,
    Whole,
    /// A delimiter whose padding has no end: taken as content.
    TooLong,
}

#[derive(Debug)]
pub(super) struct Delimiters {
    /// Of all open multiparts, outermost first; a closing delimiter takes its boundary away.
    pub(super) boundaries: Boundaries,
    /// The beginning of a line that may be a delimiter.
    held: Vec<u8>,
    pub(super) line_ends: LineEnds,
}

impl Delimiters {
    /// `room`: octets that the boundaries may take.
    pub(super) fn new(line_ends: LineEnds, room: usize) -> Self {
        Self { boundaries: Boundaries::new(room), held: Vec::new(), line_ends }
    }

    /// A new message.
    pub(super) fn begin(&mut self) {
        self.boundaries.clear();
        self.held.clear();
    }

    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// The beginning of a line, gathered elsewhere.
    pub(super) fn hold(&mut self, beginning: &[u8]) {
        self.held.extend_from_slice(beginning);
    }

    /// Hands over what was gathered.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Takes back the buffer, to be used again.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.held = buffer;
    }

    /// Gathers octets of a line until it is known what it is; returns the octets taken.
    pub(super) fn gather(&mut self, input: &[u8], after_cr: bool, blank: BlankLine) -> (usize, Gathered) {
        // Octet by octet until two dashes are seen: the octet that decides must not depend on the cut.
        let dashes = self.held.starts_with(b"--") || self.held.is_empty() && input.starts_with(b"--");
        let room = if dashes { LINE_MAX.saturating_sub(self.held.len()) } else { 1 };
        let after_cr = self.held.last().map_or(after_cr, |octet| *octet == b'\r');
        let limited = input.get(..room).unwrap_or(input);
        let line_len = self.line_ends.line_len(limited, after_cr);
        let taken = line_len.unwrap_or(limited.len());
        self.held.extend_from_slice(input.get(..taken).unwrap_or_default());
        let full = self.held.len() >= LINE_MAX;
        let gathered = if line_len.is_some() {
            Gathered::Whole
        } else if full && self.special(&self.held, blank).is_some() {
            Gathered::TooLong
        } else if full || !may_be_special(&self.held, blank) {
            Gathered::Beginning
        } else {
            Gathered::More
        };
        (taken, gathered)
    }

    /// The next start of a line with two dashes that is, or may turn out to be, a delimiter, to any
    /// reader: one of ours, or one that a field follows.
    pub(super) fn next_candidate(&self, bytes: &[u8], after_cr: bool) -> Option<usize> {
        let mut from = 0;
        while let Some(found) = bytes.get(from..).and_then(dashes::find) {
            let mut start = from + found + 1;
            from = start;
            if !self.line_ends.is_at(start - 1, bytes, after_cr) {
                continue;
            }
            // Lines with dashes in a row are gone through without searching anew.
            start += self.content_run(bytes.get(start..).unwrap_or_default());
            if bytes.get(start..).is_some_and(|rest| rest.starts_with(b"--")) {
                return Some(start);
            }
            from = start - 1;
        }
        // The last octets may be the beginning of a candidate.
        let behind = match bytes {
            [.., b'\n'] => 0,
            [.., b'\n', b'-'] => 1,
            _ => return None,
        };
        let start = bytes.len() - behind;
        self.line_ends.is_at(start - 1, bytes, after_cr).then_some(start)
    }

    /// Octets of whole lines at the front that begin with two dashes and are content to every reader.
    pub(super) fn content_run(&self, bytes: &[u8]) -> usize {
        let mut run = 0;
        while let Some(rest) = bytes.get(run..).filter(|rest| rest.starts_with(b"--")) {
            let Some(len) = self.content_len(rest) else { break };
            run += len;
        }
        run
    }

    /// How long a line with two dashes is that is content to every reader; nothing while that is not certain.
    fn content_len(&self, bytes: &[u8]) -> Option<usize> {
        let len = self.line_ends.line_len(bytes, false)?;
        let (line, next) = bytes.split_at_checked(len)?;
        let line = line.get(..LINE_MAX).unwrap_or(line);
        (!may_begin_field(next) && self.boundary_of(line).is_none()).then_some(len)
    }

    /// What a whole line is, when it is not content.
    pub(super) fn special(&self, line: &[u8], blank: BlankLine) -> Option<Special> {
        if blank == BlankLine::Special && without_end(line).is_empty() {
            return Some(Special::Blank);
        }
        self.boundary_of(line)
    }

    fn boundary_of(&self, line: &[u8]) -> Option<Special> {
        self.boundaries.find(without_end(line)).map(Special::Delimiter)
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Whether a line that begins so may be a delimiter or a blank line that means something.
pub(super) fn may_be_special(start: &[u8], blank: BlankLine) -> bool {
    match start {
        [] | [b'-'] | [b'-', b'-', ..] => true,
        [b'\r'] | [b'\r', b'\n', ..] | [b'\n', ..] => blank == BlankLine::Special,
        _ => false,
    }
}

/// Whether a field may begin here, or its beginning is all there is yet.
fn may_begin_field(line: &[u8]) -> bool {
    let name = line.iter().take_while(|octet| !matches!(octet, b':' | b'\r' | b'\n')).count();
    let start = line.first().is_none_or(|first| *first != b'-');
    start && line.get(name).is_none_or(|end| *end == b':')
}

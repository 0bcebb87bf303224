//! What follows a line that is no field, or a line with two dashes, as readers see it that go on reading a header.
//!
//! Beside the body that most readers see there: the same octets are read twice, up to the blank line.

use super::delimiter::Octets;
use super::facts::{DefaultType, Facts};
use super::header::{FieldReader, HeaderStep};
use super::line::LineEnds;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nothing is read twice.
    None,
    /// The rest of the header of the innermost part.
    Header,
    /// A part that begins behind a line with two dashes, which some reader may take for a delimiter.
    Part,
}

#[derive(Debug)]
pub(super) struct Reread {
    pub(super) facts: Facts,
    reading: Reading,
    header: FieldReader,
    default: DefaultType,
    /// The part around is a message whose header some readers read on just so: behind the blank line its
    /// own begins.
    pub(super) of_message: bool,
    /// Whether a part begins here depends on what its first line turns out to be.
    on_first_line: bool,
    /// Number of the reading: it may end and another begin within one line.
    number: u64,
}

impl Reread {
    pub(super) fn new(line_ends: LineEnds, room: usize) -> Self {
        Self {
            facts: Facts::new(room),
            reading: Reading::None,
            header: FieldReader::new(line_ends),
            default: DefaultType::TextPlain,
            of_message: false,
            on_first_line: false,
            number: 0,
        }
    }

    pub(super) const fn reading(&self) -> Reading {
        self.reading
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading != Reading::None
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Goes on with a header, behind what was taken of a line that is no field. What the header said
    /// before is exchanged with a collection that is empty.
    pub(super) fn go_on(&mut self, prefix: &[u8], facts: &mut Facts, default: DefaultType) {
        self.begin(Reading::Header, default);
        self.header.begin_within(prefix);
        std::mem::swap(&mut self.facts, facts);
        self.facts.junk();
    }

    /// Begins with a header at the start of a line, if that has a colon.
    pub(super) fn begin_part(&mut self) {
        self.begin(Reading::Part, DefaultType::TextPlain);
        self.on_first_line = true;
        self.header.restart();
    }

    /// Nothing is read twice any more.
    pub(super) fn stop(&mut self) {
        self.reading = Reading::None;
        self.header.restart();
        self.facts.clear();
    }

    fn begin(&mut self, reading: Reading, default: DefaultType) {
        (self.reading, self.default) = (reading, default);
        self.number += 1;
        (self.on_first_line, self.of_message) = (false, false);
        self.facts.clear();
    }

    /// Takes octets of one line; true if it was the blank line.
    pub(super) fn feed(&mut self, octets: Octets<'_>) -> bool {
        if self.on_first_line && !self.may_be_field(octets.bytes) {
            self.stop();
            return false;
        }
        let mut taken = 0;
        loop {
            let rest = octets.from(taken).bytes;
            // Only fields that describe a part are of interest. Of the rest no octet is looked at.
            if self.header.is_at_line_start() && rest.first().is_some_and(|first| is_other(*first)) {
                self.end_field();
                self.header.skip_line();
            }
            let (more, step) = self.header.feed(rest);
            taken += more;
            match step {
                HeaderStep::More => return false,
                HeaderStep::Field => self.note(),
                HeaderStep::Junk => self.header.gather_line(),
                HeaderStep::Blank => return true,
            }
        }
    }

    /// Whether the first line, which goes on like this, may still be a field.
    fn may_be_field(&mut self, octets: &[u8]) -> bool {
        if self.header.is_at_line_start() && octets.first() == Some(&b'-') {
            return false;
        }
        match octets.iter().find(|octet| matches!(octet, b':' | b'\r' | b'\n')) {
            Some(b':') => {
                self.on_first_line = false;
                true
            }
            Some(_) => false,
            None => true,
        }
    }

    /// No blank line will come.
    pub(super) fn finish(&mut self) {
        match self.header.finish() {
            HeaderStep::Field => self.note(),
            HeaderStep::Junk => {
                self.header.gather_line();
                self.end_field();
            }
            HeaderStep::More | HeaderStep::Blank => {}
        }
    }

    fn end_field(&mut self) {
        if self.header.end_field() {
            self.note();
        }
    }

    fn note(&mut self) {
        self.facts.note(self.header.field(), self.default);
    }
}

/// No field that describes a part begins so, to the most lenient reader.
const fn is_other(first: u8) -> bool {
    first.is_ascii_graphic() && !matches!(first, b'c' | b'C')
}

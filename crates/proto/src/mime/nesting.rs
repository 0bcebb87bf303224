//! What is nested in what: which part an octet of the body belongs to, and what is told of it.
//!
//! Follows the readers that most mail meets: an outer boundary ends everything inside it, a
//! missing one ends with the data, `message/*` is descended into, and a line that is no field ends
//! a part's header. What others see is told as well, as an alternate. Sizes and the header of the
//! message itself are the parent's business.

use memchr::memchr;

use super::boundary::{Boundary, Delimiter, Watched};
use super::delimiter::{BlankLine, Delimiters, Gathered, Octets, Special, may_be_special};
use super::facts::{Agreed, DefaultType, Facts};
use super::header::{FieldReader, HeaderStep};
use super::level::{Kind, Level};
use super::line::LineEnds;
use super::reread::{Reading, Reread};
use super::{Again, Field, Finding, Item, PartHeader, Teller};

/// Depth of the deepest part; the message itself is at depth 0. Mail that people send stays below ten.
pub const DEPTH_MAX: u32 = 100;

/// Parts of one message, containers included.
pub const PARTS_MAX: u32 = 10_000;

/// What the coming line belongs to when it is not special.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Body,
    Header,
    /// Behind a delimiter: the next line that is none opens a part.
    Delimited,
    /// Behind the blank line of a delivery status: the next line opens a block.
    Between,
}

/// Where a header ends.
#[derive(Clone, Copy, Debug)]
enum HeaderEnd<'p> {
    /// At a blank line, a delimiter or the end of the data.
    Blank,
    /// At a line that is no field, of which so much was taken; other readers go on.
    Junk(&'p [u8]),
}

/// What follows a header that was read twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Comes,
    /// A delimiter or the end of the data.
    None,
}

/// The part of the room that what one header says may take: there is another header beside it.
const FACTS_SHARE: usize = 4;

#[derive(Debug)]
pub(super) struct Structure {
    levels: Vec<Level>,
    delimiters: Delimiters,
    /// Open header blocks of a delivery status.
    blocks: usize,
    parts: u32,
    pub(super) facts: Facts,
    header: FieldReader,
    /// What some readers see of a header where others see a body.
    reread: Reread,
    place: Place,
    /// The next octet begins a line, or goes on behind one that is being gathered.
    at_line_start: bool,
    /// The header of the innermost part but one ended at a line that is no field, where the innermost begins.
    message_goes_on: bool,
    /// The line before began with two dashes, and another reader may see a part in what follows.
    after_dashes: bool,
    /// Within such a line that was too long to be gathered.
    within_dashes: bool,
    /// How much of the line that is being gathered was told as text.
    held_told: usize,
    /// The last octet of the previous push was a CR.
    after_cr: bool,
    /// The part that the coming delimiter opens is seen under a second reading only.
    next_alternate: bool,
    /// A bound was passed: nothing is followed any more, all is told.
    stopped: bool,
    depth_told: bool,
}

impl Structure {
    /// `room`: octets that boundaries and what headers say may take together.
    pub(super) fn new(line_ends: LineEnds, room: usize) -> Self {
        Self {
            levels: Vec::new(),
            delimiters: Delimiters::new(line_ends, room / 2),
            blocks: 0,
            parts: 0,
            facts: Facts::new(room / FACTS_SHARE),
            header: FieldReader::new(line_ends),
            reread: Reread::new(line_ends, room / FACTS_SHARE),
            place: Place::Body,
            at_line_start: true,
            message_goes_on: false,
            after_dashes: false,
            within_dashes: false,
            held_told: 0,
            after_cr: false,
            next_alternate: false,
            stopped: false,
            depth_told: false,
        }
    }

    /// A new message; its header is read by the caller, who fills `facts`.
    pub(super) fn begin(&mut self) {
        self.levels.clear();
        self.delimiters.begin();
        self.header.restart();
        self.reread.stop();
        (self.blocks, self.parts, self.held_told) = (0, 0, 0);
        (self.place, self.at_line_start) = (Place::Body, true);
        (self.message_goes_on, self.after_dashes, self.within_dashes) = (false, false, false);
        (self.after_cr, self.next_alternate, self.stopped, self.depth_told) = (false, false, false, false);
        self.open(false);
    }

    /// Octets that boundaries and what headers say take.
    pub(super) fn size(&self) -> usize {
        self.delimiters.boundaries.size() + self.facts.size() + self.reread.facts.size()
    }

    /// The header of the message is over.
    pub(super) fn begin_body(&mut self, at: u64, out: &mut Teller<'_>) {
        self.end_header(HeaderEnd::Blank, at, out);
    }

    /// The same at a line that is no field; `prefix` is what was taken of it.
    pub(super) fn begin_body_within(&mut self, prefix: &[u8], at: u64, out: &mut Teller<'_>) {
        self.end_header(HeaderEnd::Junk(prefix), at, out);
        self.delimiters.hold(prefix);
    }

    /// What was read twice is over: tells what it says, and follows it if a body comes.
    fn second_reading(&mut self, body: Body, at: u64, out: &mut Teller<'_>) {
        let reading = self.reread.reading();
        let depth = depth_of(self.levels.len());
        let Some(level) = self.levels.last_mut() else { return };
        let mut facts = std::mem::replace(&mut self.reread.facts, Facts::new(0));
        let default = if reading == Reading::Part { DefaultType::TextPlain } else { level.default };
        if reading == Reading::Header || !facts.is_empty() {
            let header = PartHeader {
                part: level.index,
                depth,
                alternate: true,
                covered: true,
                again: if reading == Reading::Part { Again::Apart } else { Again::Last },
                default,
                facts: &facts,
            };
            out.tell_findings(at, &facts);
            out.tell(at, Item::PartHeader(header));
            level.textual |= facts.is_text(default);
            level.text |= level.textual;
            level.covered |= level.textual;
            if body == Body::Comes {
                self.follow(&facts, self.reread.of_message, at, out);
            }
        }
        facts.clear();
        self.reread.facts = facts;
        self.reread.stop();
    }

    /// Follows a second reading of the innermost part into what it contains.
    fn follow(&mut self, facts: &Facts, of_message: bool, at: u64, out: &mut Teller<'_>) {
        if self.stopped || self.place != Place::Body {
            return;
        }
        let message = of_message || facts.is_of(b"message/", DefaultType::TextPlain).by_some();
        let multipart = facts.is_of(b"multipart/", DefaultType::TextPlain).by_some();
        if let Some(level) = self.levels.last_mut() {
            level.multipart |= multipart;
        }
        if (message || multipart) && self.is_too_deep(at, out) {
            return;
        }
        self.at_line_start = true;
        self.watch(facts, true, at, out);
        if message {
            self.open_message(true, false, at, out);
        }
    }

    /// Takes octets of the body, in any cut.
    pub(super) fn push(&mut self, input: Octets<'_>, out: &mut Teller<'_>) {
        let mut taken = 0;
        while taken < input.bytes.len() {
            let mut rest = input.from(taken);
            let after_cr = match taken.checked_sub(1).and_then(|before| input.bytes.get(before)) {
                Some(octet) => *octet == b'\r',
                None => self.after_cr,
            };
            let dashes_again = rest.bytes.first() == Some(&b'-');
            if std::mem::take(&mut self.after_dashes) && !dashes_again && !self.reread.is_reading() {
                self.reread.begin_part();
            }
            let twice = self.reread.is_reading().then(|| self.reread.number());
            if twice.is_some() {
                rest = rest.to(memchr(b'\n', rest.bytes).map_or(rest.bytes.len(), |at| at + 1));
            }
            let more = self.step(rest, after_cr, out);
            taken += more;
            if twice == Some(self.reread.number())
                && self.reread.is_reading()
                && self.reread.feed(rest.to(more))
            {
                self.second_reading(Body::Comes, input.at + taken as u64, out);
            }
        }
        self.after_cr = input.bytes.last() == Some(&b'\r');
    }

    /// Takes some octets; returns how many.
    fn step(&mut self, input: Octets<'_>, after_cr: bool, out: &mut Teller<'_>) -> usize {
        if self.at_line_start && self.is_watching() {
            self.line_start(input, after_cr, out)
        } else if self.place == Place::Header {
            self.header_octets(input, out)
        } else {
            self.body(input, after_cr, out)
        }
    }

    /// The end of the data: everything that is open ends.
    pub(super) fn finish(&mut self, at: u64, out: &mut Teller<'_>) {
        if self.delimiters.is_holding() {
            let line = self.delimiters.take();
            self.decide(&line, true, at, out);
        }
        self.end_headers(at, out);
        self.close(0, at, out);
    }

    /// Whether a line can mean anything but content: only then do line starts matter.
    fn is_watching(&self) -> bool {
        self.watches_dashes()
            || self.blocks > 0
            || self.delimiters.is_holding()
            || matches!(self.place, Place::Delimited | Place::Between)
    }

    /// Whether a line with two dashes may mean something: a delimiter, to some reader.
    fn watches_dashes(&self) -> bool {
        !self.delimiters.boundaries.is_empty()
            || !self.stopped && self.levels.iter().any(|level| level.multipart)
    }

    /// Gathers the start of a line until it is known what the line is; returns the octets taken.
    fn line_start(&mut self, input: Octets<'_>, after_cr: bool, out: &mut Teller<'_>) -> usize {
        let holding = self.delimiters.is_holding();
        // Whatever this line is, a field ends here unless a blank continues it.
        if !holding
            && self.place == Place::Header
            && !matches!(input.bytes, [b' ' | b'\t', ..])
            && self.header.end_field()
        {
            self.tell_field(input.at + 1, out);
        }
        let blank = self.blank_line();
        if !holding && !may_be_special(input.bytes, blank) {
            // Nothing to hold: the line is looked at where it is.
            self.at_line_start = false;
            self.open_awaited();
            return 0;
        }
        if !holding && self.place == Place::Body && self.blocks == 0 {
            let content = self.delimiters.content_run(input.bytes);
            if content > 0 {
                self.tell_text(input.to(content), out);
                return content;
            }
        }
        let (taken, gathered) = self.delimiters.gather(input.bytes, after_cr, blank);
        if gathered != Gathered::More {
            if gathered == Gathered::TooLong {
                out.tell_finding(input.at + taken as u64, Finding::DelimiterTooLong);
            }
            let line = self.delimiters.take();
            self.decide(&line, gathered == Gathered::Whole, input.at + taken as u64, out);
            self.delimiters.give_back(line);
        }
        taken
    }

    /// What a blank line is here.
    fn blank_line(&self) -> BlankLine {
        if self.blocks > 0 || self.place == Place::Between { BlankLine::Special } else { BlankLine::Content }
    }

    /// Handles the beginning of a line, or the whole of it, once it is known what it is.
    fn decide(&mut self, line: &[u8], whole: bool, end: u64, out: &mut Teller<'_>) {
        let mut told = std::mem::take(&mut self.held_told);
        let octets = Octets { bytes: line, at: end.saturating_sub(line.len() as u64) };
        loop {
            if whole && let Some(special) = self.special(line) {
                self.at_line_start = true;
                self.cover(octets.from(told), out);
                self.obey(special, end, out);
                return;
            }
            self.at_line_start = whole;
            match self.place {
                Place::Delimited | Place::Between => self.open_awaited(),
                Place::Body => {
                    let dashes = line.starts_with(b"--") && self.watches_dashes();
                    (self.after_dashes, self.within_dashes) = (dashes && whole, dashes && !whole);
                    self.tell_text(octets.from(told), out);
                    return;
                }
                // A line that is no field is looked at once more, as content.
                Place::Header => {
                    if self.header_line(octets, &mut told, out) {
                        return;
                    }
                }
            }
        }
    }

    /// A line of a part's header, from its first octet; false if it is no field.
    fn header_line(&mut self, line: Octets<'_>, told: &mut usize, out: &mut Teller<'_>) -> bool {
        let mut taken = 0;
        loop {
            let (more, step) = self.header.feed(line.from(taken).bytes);
            taken += more;
            match step {
                HeaderStep::More => break,
                HeaderStep::Field => self.tell_field(line.end(), out),
                HeaderStep::Blank => {
                    self.cover(line.from(*told), out);
                    self.end_header(HeaderEnd::Blank, line.at + taken as u64, out);
                    return true;
                }
                HeaderStep::Junk => {
                    // A line with two dashes was gathered whole and is told whole.
                    if self.is_covered() && taken > *told && !line.bytes.starts_with(b"--") {
                        out.tell_text(line.to(taken).from(*told));
                        *told = taken;
                    }
                    let prefix = self.header.take_prefix(Vec::new());
                    self.no_separator(&prefix, line.end(), out);
                    // What was taken of the line is not offered again.
                    self.reread.feed(line.from(taken));
                    return false;
                }
            }
        }
        self.cover(line.from(*told), out);
        true
    }

    /// Octets of a part's header up to the end of a line; returns how many were taken.
    fn header_octets(&mut self, input: Octets<'_>, out: &mut Teller<'_>) -> usize {
        let line = match memchr(b'\n', input.bytes) {
            Some(at) => input.to(at + 1),
            None => input,
        };
        let mut taken = 0;
        loop {
            let (more, step) = self.header.feed(line.from(taken).bytes);
            taken += more;
            match step {
                HeaderStep::More => {
                    self.at_line_start = self.header.is_at_line_start();
                    break;
                }
                HeaderStep::Field => self.tell_field(line.at + taken as u64 + 1, out),
                HeaderStep::Blank => {
                    self.cover(line.to(taken), out);
                    self.end_header(HeaderEnd::Blank, line.at + taken as u64, out);
                    return taken;
                }
                HeaderStep::Junk => {
                    self.cover(line.to(taken), out);
                    let prefix = self.delimiters.take();
                    let prefix = self.header.take_prefix(prefix);
                    let told = if self.is_covered() { prefix.len() } else { 0 };
                    self.no_separator(&prefix, line.at + taken as u64 + 1, out);
                    self.delimiters.hold(&prefix);
                    (self.held_told, self.at_line_start) = (told, true);
                    return taken;
                }
            }
        }
        self.cover(line.to(taken), out);
        taken
    }

    /// Body octets up to a line that may be special; returns how many were taken.
    fn body(&mut self, input: Octets<'_>, after_cr: bool, out: &mut Teller<'_>) -> usize {
        let end = if self.blocks > 0 || self.within_dashes {
            self.delimiters.line_ends.line_len(input.bytes, after_cr)
        } else if !self.watches_dashes() {
            None
        } else {
            self.delimiters.next_candidate(input.bytes, after_cr)
        };
        self.at_line_start = end.is_some();
        if end.is_some() {
            self.after_dashes |= std::mem::take(&mut self.within_dashes);
        }
        let taken = end.unwrap_or(input.bytes.len());
        self.tell_text(input.to(taken), out);
        taken
    }

    /// What a whole line is, when it is not content.
    fn special(&self, line: &[u8]) -> Option<Special> {
        let blank = if self.blocks > 0 { BlankLine::Special } else { BlankLine::Content };
        self.delimiters.special(line, blank)
    }

    /// A delimiter or the end of a block: what is inside ends.
    fn obey(&mut self, special: Special, at: u64, out: &mut Teller<'_>) {
        match special {
            Special::Delimiter(delimiter) => self.delimiter(delimiter, at, out),
            Special::Blank => {
                let Some(level) = self.levels.iter().position(|level| level.block) else { return };
                self.end_headers(at, out);
                self.close(level, at, out);
                self.await_part(Place::Between, at, out);
            }
        }
    }

    fn delimiter(&mut self, delimiter: Delimiter, at: u64, out: &mut Teller<'_>) {
        let Delimiter { number, closing, alternate } = delimiter;
        let Some(Boundary { level, .. }) = self.delimiters.boundaries.get(number) else { return };
        self.end_reading(at, out);
        // Several delimiters in a row open one part.
        if self.place == Place::Delimited && level + 1 == self.levels.len() {
            self.next_alternate &= alternate;
            return;
        }
        self.end_headers(at, out);
        let text_goes_on = alternate && self.levels.last().is_some_and(|inner| inner.text);
        self.close(level + 1, at, out);
        if let Some(container) = self.levels.last_mut() {
            container.covered |= text_goes_on;
            container.text |= container.covered;
        }
        if closing {
            // What another reading calls the boundary may still come.
            self.delimiters.boundaries.remove(number);
            self.place = Place::Body;
        } else {
            self.next_alternate = alternate;
            self.await_part(Place::Delimited, at, out);
        }
    }

    /// The next line opens a part, if one more may be opened.
    fn await_part(&mut self, place: Place, at: u64, out: &mut Teller<'_>) {
        self.place = place;
        if self.parts >= PARTS_MAX {
            self.stop(at, out);
        }
    }

    /// Opens the part that a delimiter or a blank line announced.
    fn open_awaited(&mut self) {
        match self.place {
            Place::Delimited | Place::Between => {
                let block = self.place == Place::Between;
                let alternate = std::mem::take(&mut self.next_alternate);
                self.open_inside(alternate, block);
            }
            Place::Body | Place::Header => {}
        }
    }

    /// Too many parts: from here on the structure is not followed, and all is told as text.
    fn stop(&mut self, at: u64, out: &mut Teller<'_>) {
        self.place = Place::Body;
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        self.delimiters.boundaries.clear();
        self.blocks = 0;
        out.tell_finding(at, Finding::PartsExceeded);
    }

    /// Opens a part inside the innermost one.
    fn open_inside(&mut self, alternate: bool, block: bool) {
        self.facts.clear();
        self.header.restart();
        self.open(alternate);
        if let Some(level) = self.levels.last_mut() {
            level.block = block;
            self.blocks += usize::from(block);
        }
        self.place = Place::Header;
    }

    fn open(&mut self, alternate: bool) {
        let parent = self.levels.last().copied();
        self.levels.push(Level {
            index: self.parts,
            default: parent.map_or(DefaultType::TextPlain, |parent| parent.inner_default),
            inner_default: DefaultType::TextPlain,
            inner_default_doubtful: false,
            textual: false,
            text: false,
            covered: parent.is_some_and(|parent| parent.covered),
            multipart: false,
            alternate: alternate || parent.is_some_and(|parent| parent.alternate),
            block: false,
            boundary_mark: self.delimiters.boundaries.mark(),
        });
        self.parts += 1;
    }

    /// Ends the header of the innermost part, and those of the parts that this opens in turn.
    fn end_headers(&mut self, at: u64, out: &mut Teller<'_>) {
        loop {
            match self.place {
                Place::Delimited => self.open_awaited(),
                Place::Header => match self.header.finish() {
                    HeaderStep::Junk => self.last_line(at, out),
                    HeaderStep::Field => {
                        self.tell_field(at, out);
                        self.end_header(HeaderEnd::Blank, at, out);
                    }
                    HeaderStep::More | HeaderStep::Blank => self.end_header(HeaderEnd::Blank, at, out),
                },
                Place::Body | Place::Between => return,
            }
        }
    }

    /// The data ended within a line of a header that is no field.
    fn last_line(&mut self, at: u64, out: &mut Teller<'_>) {
        let line = self.header.take_prefix(Vec::new());
        self.held_told = if self.is_covered() { line.len() } else { 0 };
        self.no_separator(&line, at, out);
        self.decide(&line, true, at, out);
    }

    /// A line that is no field, of which `prefix` was taken, ends a header to some readers.
    fn no_separator(&mut self, prefix: &[u8], at: u64, out: &mut Teller<'_>) {
        out.tell_finding(at, Finding::NoSeparator);
        self.end_header(HeaderEnd::Junk(prefix), at, out);
    }

    fn tell_field(&mut self, at: u64, out: &mut Teller<'_>) {
        let field = self.header.field();
        let default = self.levels.last().map_or(DefaultType::TextPlain, |level| level.default);
        self.facts.note(field, default);
        if field.cut {
            out.tell_finding(at, Finding::FieldTooLong);
        }
        if out.interest.fields {
            let part = self.levels.last().map_or(0, |level| level.index);
            out.tell(at, Item::Field(Field::new(field, part, false)));
        }
    }

    /// The header of the innermost part is over: tells it and decides how its body is read.
    fn end_header(&mut self, end: HeaderEnd<'_>, at: u64, out: &mut Teller<'_>) {
        (self.place, self.at_line_start) = (Place::Body, true);
        let depth = depth_of(self.levels.len());
        let container = self.levels.iter().nth_back(1).copied();
        let Some(level) = self.levels.last_mut() else { return };
        let mut default = level.default;
        let kind =
            Kind::of(&self.facts, default, container.is_some_and(|level| level.inner_default_doubtful));
        let goes_on = matches!(end, HeaderEnd::Junk(_)) && !kind.message.by_some();
        let header = PartHeader {
            part: level.index,
            depth,
            alternate: level.alternate,
            covered: level.covered,
            again: if goes_on { Again::ToCome } else { Again::Once },
            default,
            facts: &self.facts,
        };
        out.tell_findings(at, &self.facts);
        out.tell(at, Item::PartHeader(header));

        (level.inner_default, level.inner_default_doubtful) = kind.inner_default();
        level.multipart = kind.multipart.by_some() || self.facts.boundaries().next().is_some();
        let contains = level.multipart || kind.message.by_some();
        let deep = contains && self.is_too_deep(at, out);
        let facts = std::mem::replace(&mut self.facts, Facts::new(0));
        if let Some(level) = self.levels.last_mut() {
            level.textual = kind.text || level.multipart && kind.message.by_some();
            level.covered |= contains && !deep && level.textual;
            // Preamble and epilogue are body text whatever the container is.
            level.text = level.covered || kind.text || contains;
            default = level.default;
        }
        if !deep {
            let watched = self.watch(&facts, kind.multipart != Agreed::First, at, out);
            if !watched && kind.multipart == Agreed::First {
                out.tell_finding(at, Finding::MissingBoundary);
            }
            if kind.message.by_some() {
                self.open_message(kind.message != Agreed::First, kind.status, at, out);
            }
        }
        self.facts = facts;
        // A message that was opened sees the same line.
        let message_opened = matches!(end, HeaderEnd::Junk(_)) && self.place == Place::Header;
        let of_message = std::mem::replace(&mut self.message_goes_on, message_opened);
        if let (HeaderEnd::Junk(prefix), Place::Body) = (end, self.place) {
            self.end_reading(at, out);
            self.reread.go_on(prefix, &mut self.facts, default);
            self.reread.of_message = of_message;
        }
        self.facts.clear();
    }

    /// Whether a container would be too deep to be followed.
    fn is_too_deep(&mut self, at: u64, out: &mut Teller<'_>) -> bool {
        let deep = depth_of(self.levels.len()) >= DEPTH_MAX;
        if deep && !std::mem::replace(&mut self.depth_told, true) {
            out.tell_finding(at, Finding::DepthExceeded);
        }
        deep
    }

    /// Opens the message in the innermost part, if one more part may be opened.
    fn open_message(&mut self, alternate: bool, status: bool, at: u64, out: &mut Teller<'_>) {
        if self.parts >= PARTS_MAX {
            self.stop(at, out);
        } else {
            self.open_inside(alternate, status);
        }
    }

    /// Watches for the boundaries of the innermost part; false if there are none.
    fn watch(&mut self, facts: &Facts, alternate: bool, at: u64, out: &mut Teller<'_>) -> bool {
        let level = self.levels.len().saturating_sub(1);
        let mut watched = 0;
        for (text, second) in facts.boundaries() {
            let finding = match self.delimiters.boundaries.watch(level, text, alternate || second) {
                Watched::New => {
                    watched += 1;
                    (watched == 2).then_some(Finding::RepeatedBoundary)
                }
                Watched::Known => None,
                Watched::TooLong => Some(Finding::BoundaryTooLong),
                Watched::TooMany => Some(Finding::DescriptionTooLong),
            };
            if let Some(finding) = finding {
                out.tell_finding(at, finding);
            }
        }
        watched > 0
    }

    /// Ends the parts from `level` on, innermost first.
    fn close(&mut self, level: usize, at: u64, out: &mut Teller<'_>) {
        if self.levels.len() > level {
            self.end_reading(at, out);
        }
        while self.levels.len() > level {
            let depth = depth_of(self.levels.len());
            let Some(ended) = self.levels.pop() else { return };
            self.blocks = self.blocks.saturating_sub(usize::from(ended.block));
            self.delimiters.boundaries.forget(self.levels.len(), ended.boundary_mark);
            let covered = self.levels.last().is_some_and(|parent| parent.covered);
            out.tell(at, Item::PartEnd { part: ended.index, depth, covered });
        }
    }

    /// No blank line came for what is read twice.
    fn end_reading(&mut self, at: u64, out: &mut Teller<'_>) {
        if self.reread.is_reading() {
            self.reread.finish();
            self.second_reading(Body::None, at, out);
        }
    }

    fn is_covered(&self) -> bool {
        self.stopped || self.levels.last().is_some_and(|level| level.covered)
    }

    /// Tells octets that are body text only under a second reading: header and delimiter lines.
    fn cover(&self, octets: Octets<'_>, out: &mut Teller<'_>) {
        if self.is_covered() {
            out.tell_text(octets);
        }
    }

    fn tell_text(&self, octets: Octets<'_>, out: &mut Teller<'_>) {
        if self.stopped || self.levels.last().is_some_and(|level| level.text) {
            out.tell_text(octets);
        }
    }
}

fn depth_of(levels: usize) -> u32 {
    u32::try_from(levels.saturating_sub(1)).unwrap_or(u32::MAX)
}

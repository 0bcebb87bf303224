//! The structure of a message: its header, its parts at any depth, their types and their text.
//!
//! A [`Reader`] is pushed the content of one message in any cut and tells what it finds; it keeps
//! one field, one line and the open boundaries, never the message. It decodes no body, judges
//! nothing and repairs nothing: what can be read in two ways is told in both.

mod boundary;
mod delimiter;
mod encoding;
mod facts;
mod header;
mod level;
mod line;
mod nesting;
mod parameter;
mod readings;
mod recipients;
mod reread;

pub use boundary::BOUNDARY_MAX;
pub use encoding::TransferEncoding;
pub use facts::{ContentType, DefaultType};
pub use header::FIELD_MAX;
pub use nesting::{DEPTH_MAX, PARTS_MAX};
pub use recipients::addresses;

use delimiter::Octets;
use facts::Facts;
use header::{FieldReader, HeaderStep, Parsed};
use line::{LineEnds, LineLengths, LongLines};
use nesting::Structure;

/// What anybody asks for. Sizes are counted always; what nobody asks for costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Interest {
    /// [`Item::Text`].
    pub text: bool,
    /// [`Item::PartHeader`] and [`Item::PartEnd`]; told as well when `text` is wanted.
    pub parts: bool,
    /// [`Item::Finding`] of parts; those of the message's own fields are told always.
    pub findings: bool,
    /// [`Item::Field`]; those of parts only when `parts` or `text` is wanted.
    pub fields: bool,
    /// [`Reader::longest_body_line`].
    pub lines: bool,
    /// [`Item::LongLine`] for lines of the message's header with more octets than this.
    pub header_lines_over: Option<u64>,
    /// The same for lines of its body.
    pub body_lines_over: Option<u64>,
}

impl Interest {
    /// Whether anybody asks for something that needs the structure of the body.
    const fn structure(self) -> bool {
        self.text || self.parts
    }
}

/// Something found, in the order of the message.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    Field(Field<'a>),
    /// The header of the message is over.
    HeaderEnd,
    /// The header of a part is over: the message first, then every part in document order,
    /// containers included.
    PartHeader(PartHeader<'a>),
    /// Octets of body text with their line ends, contiguous with the trigger: the last of them is
    /// the octet that triggered the event, however the content was cut.
    Text(&'a [u8]),
    /// The part ends: nothing more is told of it.
    PartEnd {
        part: u32,
        depth: u32,
        /// As [`PartHeader::covered`].
        covered: bool,
    },
    /// A line has ended that is longer than somebody asks for. The octet that triggered the event is its last.
    LongLine {
        /// Of the message's header, and not of its body.
        in_header: bool,
        /// The name of the field that it belongs to, as far as that is known; empty in the body.
        field: &'a [u8],
        /// Octets, without its line end.
        length: u64,
    },
    Finding(Finding),
}

/// One field of a header, unfolded: line ends taken out, blanks kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// `Name: value` as received; at most [`FIELD_MAX`] octets.
    pub text: &'a [u8],
    /// Without the blanks that RFC 5322 §4.5 allows before the colon.
    pub name: &'a [u8],
    /// Without blanks around it.
    pub value: &'a [u8],
    /// Number of the part in document order; the message is 0.
    pub part: u32,
    /// The field stands in the header of the message itself.
    pub top: bool,
    /// The field was longer than [`FIELD_MAX`].
    pub cut: bool,
}

impl<'a> Field<'a> {
    fn new(field: Parsed<'a>, part: u32, top: bool) -> Self {
        Self { text: field.text, name: field.name, value: field.value, part, top, cut: field.cut }
    }
}

/// What the header of a part says of its body.
#[derive(Clone, Copy, Debug)]
pub struct PartHeader<'a> {
    /// Number of the part in document order; the message is 0.
    pub part: u32,
    pub depth: u32,
    /// Seen only under a second reading: of a value that can be taken in several ways, or of a header
    /// that some readers read on where others see the body begin.
    pub alternate: bool,
    /// A part around it is text under another reading: what is told of this one is told of that one too.
    pub covered: bool,
    /// Whether this header is told more than once.
    pub again: Again,
    /// The type when the header states none.
    pub default: DefaultType,
    facts: &'a Facts,
}

impl<'a> PartHeader<'a> {
    /// The type that most readers see: the first one stated, or the default. Lower case.
    pub fn media_type(&self) -> &'a [u8] {
        self.facts.media_type(self.default)
    }

    /// Every reading of every Content-Type: `type/subtype` in lower case; the first is what most readers see.
    pub fn media_types(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        self.facts.media_types()
    }

    /// The canonical form of each Content-Type that is not in it: lower case, without comments and
    /// quotes, parameters included.
    pub fn canonical_types(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.facts.canonical_types()
    }

    /// Every Content-Type field, in order.
    pub fn content_types(&self) -> impl ExactSizeIterator<Item = ContentType<'a>> + use<'a> {
        self.facts.content_types()
    }

    /// The first Content-Transfer-Encoding: lower case, without comments.
    pub fn encoding(&self) -> Option<&'a [u8]> {
        self.facts.encodings().next()
    }

    /// Every reading of every Content-Transfer-Encoding, in order.
    pub fn encodings(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        self.facts.encodings()
    }

    /// Some reader finds no Content-Transfer-Encoding.
    pub fn may_be_unencoded(&self) -> bool {
        self.facts.may_be_unencoded()
    }

    /// The decoded name that most readers show: of the first Content-Disposition, else of the first
    /// Content-Type. Control octets are in it as they came.
    pub fn filename(&self) -> Option<&'a [u8]> {
        self.facts.filename()
    }

    /// Every reading of the file name, from all fields: of Content-Disposition, then of Content-Type.
    pub fn filenames(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.facts.filenames()
    }

    /// Whether the body is text that a reader sees as it stands, under any reading.
    pub fn is_text(&self) -> bool {
        self.facts.is_text(self.default)
    }
}

/// Whether a header is told more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    Once,
    /// Some readers read on: it is told again, with what they see.
    ToCome,
    /// What was told before of this part is told with more.
    Last,
    /// A part of its own that some reader sees within this one. What was told of this one still holds.
    Apart,
}

/// What is odd about the structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finding {
    /// Parts nested deeper than [`DEPTH_MAX`]: what is deeper is one part.
    DepthExceeded,
    /// More than [`PARTS_MAX`] parts: the rest is told as text.
    PartsExceeded,
    /// A field longer than [`FIELD_MAX`]: its rest was dropped.
    FieldTooLong,
    /// A Content-Type that readers take in different ways.
    OddType,
    /// A Content-Transfer-Encoding that readers take in different ways.
    OddEncoding,
    /// More values describe one part than are kept: the rest was dropped.
    DescriptionTooLong,
    RepeatedContentType,
    RepeatedEncoding,
    /// Several boundaries for one multipart: a part begins at each of them.
    RepeatedBoundary,
    /// A boundary that is no plain token or quoted string: a part begins at each of its readings.
    OddBoundary,
    /// A multipart without a boundary: its body is one text.
    MissingBoundary,
    /// A boundary longer than [`BOUNDARY_MAX`]: it is not watched for.
    BoundaryTooLong,
    /// A delimiter with 4 KiB of blanks behind it: taken as content.
    DelimiterTooLong,
    /// A line that is no field ended a header, or no blank line did.
    NoSeparator,
    /// A field that describes the body follows a line that is no field, or has a blank before its
    /// colon, or follows one that has: to some readers it is not in the header.
    AmbiguousHeader,
}

impl Finding {
    pub const fn name(self) -> &'static str {
        match self {
            Self::DepthExceeded => "mime-depth-exceeded",
            Self::PartsExceeded => "mime-parts-exceeded",
            Self::FieldTooLong => "field-too-long",
            Self::DescriptionTooLong => "mime-description-too-long",
            Self::OddType => "odd-content-type",
            Self::OddEncoding => "odd-content-transfer-encoding",
            Self::RepeatedContentType => "repeated-content-type",
            Self::RepeatedEncoding => "repeated-content-transfer-encoding",
            Self::RepeatedBoundary => "repeated-boundary",
            Self::OddBoundary => "odd-boundary",
            Self::MissingBoundary => "missing-boundary",
            Self::BoundaryTooLong => "boundary-too-long",
            Self::DelimiterTooLong => "delimiter-too-long",
            Self::NoSeparator => "no-header-separator",
            Self::AmbiguousHeader => "ambiguous-header",
        }
    }
}

/// Receives what a push leads to: how many octets of that push had been looked at, up to and with
/// the octet that triggered the event (0 when earlier pushes did), and the event.
pub type Sink<'s> = dyn FnMut(usize, Item<'_>) + 's;

/// Octets of boundaries, names and values that a reader keeps unless it is told otherwise. Mail that
/// people send needs one or two thousand.
pub const ROOM: usize = 64 * 1024;

/// Reads one message after the other; see [`Reader::restart`].
#[derive(Debug)]
pub struct Reader {
    interest: Interest,
    line_ends: LineEnds,
    room: usize,
    in_header: bool,
    /// Octets pushed so far.
    seen: u64,
    /// Where the header's last line ended, and where the body begins, once known.
    header_bytes: u64,
    body_at: u64,
    header_lines: LineLengths,
    body_lines: LineLengths,
    long_header_lines: Option<LongLines>,
    long_body_lines: Option<LongLines>,
    /// Absent until the first push: an idle session owns no buffer.
    state: Option<Box<State>>,
}

/// The large half of a reader.
#[derive(Debug)]
struct State {
    header: FieldReader,
    structure: Structure,
    /// The structure has taken over: a line that is no field has ended the header for it, though
    /// sizes and fields go on to the blank line.
    body_began: bool,
}

impl Reader {
    /// `lf_ends`: a bare LF ends a line as well, as it may in content that came by BDAT.
    pub const fn new(interest: Interest, lf_ends: bool) -> Self {
        Self::with(interest, LineEnds::of(lf_ends), ROOM)
    }

    /// The same with a bound on the octets of boundaries, names and values together.
    #[must_use]
    pub fn with_room(mut self, room: usize) -> Self {
        self.room = room;
        self
    }

    const fn with(interest: Interest, line_ends: LineEnds, room: usize) -> Self {
        const fn long(over: Option<u64>, line_ends: LineEnds) -> Option<LongLines> {
            match over {
                Some(over) => Some(LongLines::new(over, line_ends)),
                None => None,
            }
        }
        Self {
            interest,
            line_ends,
            room,
            in_header: true,
            seen: 0,
            header_bytes: 0,
            body_at: 0,
            header_lines: LineLengths::new(line_ends),
            body_lines: LineLengths::new(line_ends),
            long_header_lines: long(interest.header_lines_over, line_ends),
            long_body_lines: long(interest.body_lines_over, line_ends),
            state: None,
        }
    }

    /// Begins the next message; small buffers are kept.
    pub fn restart(&mut self) {
        let state = self.state.take();
        *self = Self::with(self.interest, self.line_ends, self.room);
        self.state = state;
        if let Some(state) = &mut self.state {
            state.begin();
        }
    }

    /// Takes the next octets of the content.
    pub fn push(&mut self, content: &[u8], sink: &mut Sink<'_>) {
        let start = self.seen;
        let mut out = Teller { interest: self.interest, start, sink };
        let mut rest = content;
        if self.in_header && !content.is_empty() {
            let taken = self.header(content, &mut out);
            rest = content.get(taken..).unwrap_or_default();
        }
        if !self.in_header && !rest.is_empty() {
            self.body(rest, &mut out);
        }
    }

    /// Ends the field of the message's header that was pushed last: the caller has seen that what
    /// follows is no continuation, and wants to hear of the field before it pushes that.
    pub fn end_field(&mut self, sink: &mut Sink<'_>) {
        let at = self.seen;
        let mut out = Teller { interest: self.interest, start: at, sink };
        if let (true, Some(state)) = (self.in_header, &mut self.state)
            && state.header.is_at_line_start()
            && state.header.end_field()
        {
            state.field(at, &mut out);
        }
    }

    /// The end of the data.
    pub fn finish(&mut self, sink: &mut Sink<'_>) {
        let at = self.seen;
        let (line_ends, room) = (self.line_ends, self.room);
        let mut out = Teller { interest: self.interest, start: at, sink };
        let state = self.state.get_or_insert_with(|| State::new(line_ends, room));
        // Content that came by BDAT may end without a line end.
        let in_header = self.in_header;
        let long = if in_header { self.long_header_lines } else { self.long_body_lines };
        if let Some(length) = long.and_then(|long| long.finish()) {
            let field = if in_header { state.header.name_so_far() } else { b"" };
            out.tell(at, Item::LongLine { in_header, field, length });
        }
        if std::mem::take(&mut self.in_header) {
            self.header_bytes = at;
            self.body_at = at;
            state.finish_header(at, &mut out);
        }
        if self.interest.structure() {
            state.structure.finish(at, &mut out);
        }
    }

    /// Octets up to and with the line end of the last header line; the blank line is not among them.
    pub fn header_bytes(&self) -> u64 {
        if !self.in_header {
            return self.header_bytes;
        }
        let maybe_blank = self.state.as_ref().is_some_and(|state| state.header.may_be_blank());
        self.seen.saturating_sub(u64::from(maybe_blank))
    }

    /// Octets behind the blank line.
    pub fn body_bytes(&self) -> u64 {
        if self.in_header { 0 } else { self.seen.saturating_sub(self.body_at) }
    }

    /// Without its line end.
    pub fn longest_header_line(&self) -> u64 {
        self.header_lines.longest()
    }

    /// Without its line end; 0 unless [`Interest::lines`].
    pub fn longest_body_line(&self) -> u64 {
        self.body_lines.longest()
    }

    pub fn in_header(&self) -> bool {
        self.in_header
    }

    /// Octets of boundaries, names and values that are held.
    pub fn structure_size(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.structure.size())
    }

    /// Octets of the message's header, up to and with the blank line; returns how many were taken.
    fn header(&mut self, content: &[u8], out: &mut Teller<'_>) -> usize {
        let (line_ends, room) = (self.line_ends, self.room);
        let state = self.state.get_or_insert_with(|| State::new(line_ends, room));
        let mut taken = 0;
        // Where the next line that is too long ends, and how long it is.
        let mut long = next_long(&mut self.long_header_lines, content);
        loop {
            let end = long.map_or(content.len(), |(end, _)| end);
            let rest = Octets { bytes: content.get(taken..end).unwrap_or_default(), at: self.seen };
            let (more, step) = state.header.feed(rest.bytes);
            let fed = Octets { bytes: rest.bytes.get(..more).unwrap_or_default(), at: rest.at };
            taken += more;
            self.seen += more as u64;
            if state.body_began && self.interest.structure() {
                state.structure.push(fed, out);
            }
            let blank = if step == HeaderStep::Blank { state.header.blank_len() } else { 0 };
            self.header_lines.count(fed.bytes.get(..more.saturating_sub(blank)).unwrap_or_default());
            if let (HeaderStep::More, Some((_, length))) = (step, long) {
                let field = state.header.name_so_far();
                out.tell(self.seen, Item::LongLine { in_header: true, field, length });
                let behind = next_long(&mut self.long_header_lines, content.get(taken..).unwrap_or_default());
                long = behind.map(|(end, length)| (taken + end, length));
                continue;
            }
            match step {
                HeaderStep::More => return taken,
                HeaderStep::Field => state.field(self.seen + 1, out),
                HeaderStep::Junk => state.junk(self.seen + 1, out),
                HeaderStep::Blank => {
                    self.in_header = false;
                    self.header_bytes = self.seen - blank as u64;
                    self.body_at = self.seen;
                    state.blank(self.seen, out);
                    return taken;
                }
            }
        }
    }

    fn body(&mut self, content: &[u8], out: &mut Teller<'_>) {
        let mut rest = Octets { bytes: content, at: self.seen };
        self.seen += content.len() as u64;
        if self.interest.lines {
            self.body_lines.count(content);
        }
        let mut structure = self.state.as_mut().filter(|_| self.interest.structure());
        while let Some((end, length)) = next_long(&mut self.long_body_lines, rest.bytes) {
            if let Some(state) = &mut structure {
                let line = Octets { bytes: rest.bytes.get(..end).unwrap_or_default(), at: rest.at };
                state.structure.push(line, out);
            }
            rest = rest.from(end);
            out.tell(rest.at, Item::LongLine { in_header: false, field: b"", length });
        }
        if let Some(state) = structure {
            state.structure.push(rest, out);
        }
    }
}

/// The end and the length of the next line that is too long, if anybody asks for such lines.
fn next_long(lines: &mut Option<LongLines>, octets: &[u8]) -> Option<(usize, u64)> {
    lines.as_mut()?.next(octets)
}

impl State {
    fn new(line_ends: LineEnds, room: usize) -> Box<Self> {
        let mut state = Box::new(Self {
            header: FieldReader::new(line_ends),
            structure: Structure::new(line_ends, room),
            body_began: false,
        });
        state.begin();
        state
    }

    fn begin(&mut self) {
        self.header.restart();
        self.structure.facts.clear();
        self.structure.begin();
        self.body_began = false;
    }

    /// A field of the message's header is complete.
    fn field(&mut self, at: u64, out: &mut Teller<'_>) {
        let field = self.header.field();
        if out.interest.structure() && !self.body_began {
            self.structure.facts.note(field, DefaultType::TextPlain);
        }
        if field.cut {
            out.tell(at, Item::Finding(Finding::FieldTooLong));
        }
        if out.interest.fields {
            out.tell(at, Item::Field(Field::new(field, 0, true)));
        }
    }

    /// A line that is no field: most readers see the body begin with it, some skip it. Sizes and
    /// fields go on, the structure begins here.
    fn junk(&mut self, at: u64, out: &mut Teller<'_>) {
        if !std::mem::replace(&mut self.body_began, true) {
            out.tell(at, Item::Finding(Finding::NoSeparator));
            if out.interest.structure() {
                self.structure.begin_body_within(self.header.prefix(), at, out);
            }
        }
        self.header.gather_line();
    }

    /// The blank line.
    fn blank(&mut self, at: u64, out: &mut Teller<'_>) {
        out.tell(at, Item::HeaderEnd);
        if !out.interest.structure() {
            return;
        }
        if !std::mem::replace(&mut self.body_began, true) {
            self.structure.begin_body(at, out);
        }
        self.header.restart();
    }

    /// The data ended before the blank line.
    fn finish_header(&mut self, at: u64, out: &mut Teller<'_>) {
        match self.header.finish() {
            HeaderStep::Field => self.field(at, out),
            HeaderStep::Junk => self.junk(at, out),
            HeaderStep::More | HeaderStep::Blank => {}
        }
        self.blank(at, out);
    }
}

/// Hands events on, with places in the message turned into octets of the push.
struct Teller<'s> {
    interest: Interest,
    /// Where this push began.
    start: u64,
    sink: &'s mut Sink<'s>,
}

impl Teller<'_> {
    fn tell(&mut self, at: u64, event: Item<'_>) {
        let octets = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        (self.sink)(octets, event);
    }

    fn tell_text(&mut self, octets: Octets<'_>) {
        if self.interest.text && !octets.bytes.is_empty() {
            self.tell(octets.at + octets.bytes.len() as u64, Item::Text(octets.bytes));
        }
    }

    /// What is odd about the description of a part.
    fn tell_findings(&mut self, at: u64, facts: &Facts) {
        let odd = [
            (facts.content_types().len() > 1, Finding::RepeatedContentType),
            (facts.encoding_fields() > 1, Finding::RepeatedEncoding),
            (facts.has_odd_type(), Finding::OddType),
            (facts.has_odd_encoding(), Finding::OddEncoding),
            (facts.has_odd_boundary(), Finding::OddBoundary),
            (facts.is_doubtful(), Finding::AmbiguousHeader),
            (facts.overflow(), Finding::DescriptionTooLong),
        ];
        for (_, finding) in odd.into_iter().filter(|(found, _)| *found) {
            self.tell_finding(at, finding);
        }
    }

    /// What is odd about the structure.
    fn tell_finding(&mut self, at: u64, finding: Finding) {
        if self.interest.findings {
            self.tell(at, Item::Finding(finding));
        }
    }
}

//! A header, field by field: folding undone, the blank line found, lines that are no field told apart.
//!
//! Nothing here knows what a field means. The reader takes octets in any cut and keeps one field,
//! up to [`FIELD_MAX`].

use memchr::memchr;

use super::line::LineEnds;

/// Octets of one unfolded field that are kept; the policy judges a longer field by these.
pub const FIELD_MAX: usize = 64 * 1024;

/// What the octets just fed led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderStep {
    /// All of them were taken; the header goes on.
    More,
    /// A field ended before the next octet: see [`FieldReader::field`].
    Field,
    /// The blank line was taken: the header is over.
    Blank,
    /// A line that is no field; what was taken of it is [`FieldReader::prefix`].
    Junk,
}

/// One field, unfolded: line ends taken out, blanks kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parsed<'a> {
    pub(super) text: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) cut: bool,
    /// Some readers do not take it for a field, and end the header there: a blank stands before its colon.
    pub(super) doubtful: bool,
}

/// Where in a line the next octet falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum LineState {
    #[default]
    Start,
    /// The line is a single CR so far: the blank line if LF follows.
    Cr,
    Name,
    /// Blanks behind a possible name: RFC 5322 §4.5 lets them stand before the colon.
    NameBlank,
    Value,
    /// A line that belongs to no field, up to its end.
    Skip,
}

#[derive(Debug, Default)]
pub(super) struct FieldReader {
    /// The field so far, or the start of a line that may become one.
    text: Vec<u8>,
    name_len: usize,
    colon: usize,
    line_state: LineState,
    /// `text` holds a field whose next line may be a continuation.
    open: bool,
    /// `text` is a line that is no field, to be read as the most lenient reader would.
    odd: bool,
    /// The last octet was a CR that is not in `text` yet.
    cr: bool,
    cut: bool,
    line_ends: LineEnds,
}

impl FieldReader {
    pub(super) fn new(line_ends: LineEnds) -> Self {
        Self { line_ends, ..Self::default() }
    }

    /// Forgets everything but its buffer.
    pub(super) fn restart(&mut self) {
        self.text.clear();
        self.text.shrink_to(KEPT);
        (self.line_state, self.open, self.odd, self.cr, self.cut) =
            (LineState::Start, false, false, false, false);
    }

    /// Begins within a line that is no field and begins so.
    pub(super) fn begin_within(&mut self, prefix: &[u8]) {
        self.restart();
        self.text.extend_from_slice(prefix);
        self.gather_line();
    }

    /// Takes octets up to the next thing worth telling; the number taken comes first.
    pub(super) fn feed(&mut self, octets: &[u8]) -> (usize, HeaderStep) {
        let mut taken = 0;
        loop {
            let Some((&octet, rest)) = octets.get(taken..).and_then(<[u8]>::split_first) else {
                return (taken, HeaderStep::More);
            };
            let step = match self.line_state {
                LineState::Start => self.first(octet),
                LineState::Cr if octet == b'\n' => Some((1, HeaderStep::Blank)),
                LineState::Cr => Some((0, HeaderStep::Junk)),
                LineState::Name | LineState::NameBlank => self.name(octet),
                LineState::Value | LineState::Skip => {
                    taken += self.line(octet, rest);
                    continue;
                }
            };
            match step {
                None => taken += 1,
                Some((more, step)) => return (taken + more, step),
            }
        }
    }

    /// The end of the data: a field that was open, or a last line that is none.
    pub(super) fn finish(&mut self) -> HeaderStep {
        match self.line_state {
            LineState::Name | LineState::NameBlank | LineState::Cr => HeaderStep::Junk,
            LineState::Start | LineState::Value | LineState::Skip => {
                if self.end_field() {
                    HeaderStep::Field
                } else {
                    HeaderStep::More
                }
            }
        }
    }

    /// Goes on behind [`HeaderStep::Junk`] as readers do that skip such a line. With what continues it,
    /// it may be a field to some all the same: it is one if there is a colon.
    pub(super) fn gather_line(&mut self) {
        (self.line_state, self.open, self.odd) = (LineState::Value, true, true);
    }

    /// Goes on at the start of a line as if that line were not there.
    pub(super) fn skip_line(&mut self) {
        (self.line_state, self.open) = (LineState::Skip, false);
    }

    /// The field of the last [`HeaderStep::Field`].
    pub(super) fn field(&self) -> Parsed<'_> {
        let (head, value) = self.text.split_at_checked(self.colon).unwrap_or_default();
        let name = if self.odd { trim_blank(head) } else { head.get(..self.name_len).unwrap_or_default() };
        Parsed {
            text: &self.text,
            name,
            value: value.get(1..).unwrap_or_default().trim_ascii(),
            cut: self.cut,
            doubtful: !self.odd && self.name_len < self.colon,
        }
    }

    /// The name of the field so far; empty where a line is no field, or its name has not ended.
    pub(super) fn name_so_far(&self) -> &[u8] {
        match self.line_state {
            LineState::Name | LineState::NameBlank | LineState::Cr => b"",
            LineState::Start | LineState::Value if self.odd => b"",
            LineState::Start | LineState::Value => self.text.get(..self.name_len).unwrap_or_default(),
            LineState::Skip => b"",
        }
    }

    /// Octets of the blank line of the last [`HeaderStep::Blank`].
    pub(super) fn blank_len(&self) -> usize {
        if self.line_state == LineState::Cr { 2 } else { 1 }
    }

    /// What was taken of the line of the last [`HeaderStep::Junk`].
    pub(super) fn prefix(&self) -> &[u8] {
        &self.text
    }

    /// Hands over what was taken of the line of the last [`HeaderStep::Junk`], for an empty buffer.
    pub(super) fn take_prefix(&mut self, buffer: Vec<u8>) -> Vec<u8> {
        std::mem::replace(&mut self.text, buffer)
    }

    /// Ends the field that is open, if any: the caller knows that the next line is no continuation.
    pub(super) fn end_field(&mut self) -> bool {
        std::mem::take(&mut self.open) && (!self.odd || self.end_odd())
    }

    /// Whether a line that was gathered is a field to the most lenient reader. What was cut before a
    /// colon came may be one.
    fn end_odd(&mut self) -> bool {
        let blank = || self.text.iter().rposition(|octet| is_blank(*octet)).filter(|_| self.cut);
        let colon = memchr(b':', &self.text).or_else(blank);
        self.colon = colon.unwrap_or_default();
        colon.is_some()
    }

    pub(super) fn is_at_line_start(&self) -> bool {
        self.line_state == LineState::Start
    }

    /// True when the line so far is a CR that may begin the blank line.
    pub(super) fn may_be_blank(&self) -> bool {
        self.line_state == LineState::Cr
    }

    /// The first octet of a line. A field ends here unless it is continued.
    fn first(&mut self, octet: u8) -> Option<(usize, HeaderStep)> {
        if matches!(octet, b' ' | b'\t') {
            if !self.open {
                // A continuation of nothing: some readers strip the blank.
                self.text.clear();
                self.cut = false;
                self.gather_line();
            }
            self.line_state = LineState::Value;
            self.push(&[octet]);
            return None;
        }
        if self.end_field() {
            return Some((0, HeaderStep::Field));
        }
        self.text.clear();
        (self.cut, self.odd) = (false, false);
        match octet {
            b'\r' => {
                self.text.push(octet);
                self.line_state = LineState::Cr;
                None
            }
            b'\n' if self.line_ends == LineEnds::LfToo => Some((1, HeaderStep::Blank)),
            _ => {
                self.text.reserve(USUAL);
                self.line_state = LineState::Name;
                self.name(octet)
            }
        }
    }

    /// An octet before the colon.
    fn name(&mut self, octet: u8) -> Option<(usize, HeaderStep)> {
        match octet {
            b':' => {
                if self.line_state == LineState::Name {
                    self.name_len = self.text.len();
                }
                self.colon = self.text.len();
                (self.line_state, self.open) = (LineState::Value, true);
            }
            b' ' | b'\t' if !self.text.is_empty() => {
                if self.line_state == LineState::Name {
                    self.name_len = self.text.len();
                }
                self.line_state = LineState::NameBlank;
            }
            // The envelope line of a mailbox file is no field, and no reader ends the header there.
            _ if self.line_state == LineState::NameBlank && self.text.starts_with(b"From ") => {
                self.line_state = LineState::Skip;
                return None;
            }
            0x21..=0x7e if self.line_state == LineState::Name && self.text.len() < FIELD_MAX => {}
            _ => return Some((0, HeaderStep::Junk)),
        }
        if self.text.len() >= FIELD_MAX {
            return Some((0, HeaderStep::Junk));
        }
        self.text.push(octet);
        None
    }

    /// Octets of a line that is known to be a value or to be skipped, up to its end; how many.
    fn line(&mut self, octet: u8, rest: &[u8]) -> usize {
        let after_cr = std::mem::take(&mut self.cr);
        if octet == b'\n' && (after_cr || self.line_ends == LineEnds::LfToo) {
            self.line_state = LineState::Start;
            return 1;
        }
        if after_cr {
            self.push(b"\r");
        }
        let end = if octet == b'\n' { 0 } else { memchr(b'\n', rest).unwrap_or(rest.len()) };
        self.push_first(octet, rest.get(..end).unwrap_or_default());
        1 + end
    }

    /// Keeps a run without LF behind its first octet; a CR at its end waits for what follows.
    fn push_first(&mut self, octet: u8, run: &[u8]) {
        match run.split_last() {
            Some((b'\r', body)) => {
                self.push(&[octet]);
                self.push(body);
                self.cr = true;
            }
            Some(_) => {
                self.push(&[octet]);
                self.push(run);
            }
            None if octet == b'\r' => self.cr = true,
            None => self.push(&[octet]),
        }
    }

    fn push(&mut self, octets: &[u8]) {
        if self.line_state == LineState::Skip {
            return;
        }
        let room = FIELD_MAX.saturating_sub(self.text.len());
        let kept = octets.get(..room).unwrap_or(octets);
        self.text.extend_from_slice(kept);
        self.cut |= kept.len() < octets.len();
    }
}

/// Octets that nearly every field fits in: the buffer is made so long at once, and not grown from nothing.
const USUAL: usize = 256;

/// Octets of a buffer that is kept for the next header.
const KEPT: usize = 4096;

/// White space and controls: readers strip one or the other of them.
pub(super) const fn is_blank(octet: u8) -> bool {
    octet <= b' ' || octet == 0x7f
}

/// Without blanks of any kind around it.
pub(super) fn trim_blank(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|octet| !is_blank(*octet)).unwrap_or(text.len());
    let end = text.iter().rposition(|octet| !is_blank(*octet)).map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(header: &str, line_ends: LineEnds, cut: usize) -> Vec<String> {
        let mut reader = FieldReader::new(line_ends);
        let mut told = Vec::new();
        'chunks: for chunk in header.as_bytes().chunks(cut) {
            let mut rest = chunk;
            loop {
                let (taken, step) = reader.feed(rest);
                rest = &rest[taken..];
                let text = String::from_utf8_lossy(reader.prefix()).into_owned();
                match step {
                    HeaderStep::More => continue 'chunks,
                    HeaderStep::Field => {
                        let field = reader.field();
                        told.push(format!(
                            "{}={}",
                            String::from_utf8_lossy(field.name),
                            String::from_utf8_lossy(field.value)
                        ));
                    }
                    HeaderStep::Blank => {
                        told.push("blank".into());
                        return told;
                    }
                    HeaderStep::Junk => {
                        told.push(format!("junk {text:?}"));
                        reader.gather_line();
                    }
                }
            }
        }
        told.push(format!("end {:?}", reader.finish()));
        told
    }

    #[test]
    fn fields_come_unfolded_and_foreign_lines_are_named() {
        let table: [(&str, bool, &[&str]); 15] = [
            ("A: b\r\nC:d\r\n\r\n", false, &["A=b", "C=d", "blank"]),
            ("A: b\r\n\tc\r\n d\r\n\r\n", false, &["A=b\tc d", "blank"]),
            ("A: b\nC: d\n\n", true, &["A=b", "C=d", "blank"]),
            ("A: b\nc\r\n\r\n", false, &["A=b\nc", "blank"]),
            ("A : b\r\n: c\r\n\r\n", false, &["A=b", "=c", "blank"]),
            ("From x@y Mon\r\nA: b\r\n\r\n", false, &["A=b", "blank"]),
            ("From : b\r\n\r\n", false, &["From=b", "blank"]),
            ("no field\r\nA: b\r\n\r\n", false, &["junk \"no \"", "A=b", "blank"]),
            ("A b: c\r\nA: b\r\n\r\n", false, &["junk \"A \"", "A b=c", "A=b", "blank"]),
            ("A\r\n : b\r\nC\r\n\td\r\n\r\n", false, &["junk \"A\"", "A=b", "junk \"C\"", "blank"]),
            ("A\x0b: b\r\n\r\n", false, &["junk \"A\"", "A=b", "blank"]),
            (" A: b\r\n c\r\nC: d\r\n\r\n", false, &["A=b c", "C=d", "blank"]),
            (" odd\r\nA: b\r\n \r\n\r\n", false, &["A=b", "blank"]),
            ("A: b\rc\r\r\n\r\n", false, &["A=b\rc", "blank"]),
            ("A: b\r\n\rc\r\nlast", false, &["A=b", "junk \"\\r\"", "end Junk"]),
        ];
        for (header, lf_ends, expected) in table {
            for cut in 1..=header.len() {
                assert_eq!(steps(header, LineEnds::of(lf_ends), cut), expected, "{header:?} cut {cut}");
            }
        }
    }

    #[test]
    fn field_over_the_limit_is_cut_and_its_rest_dropped() {
        let header = format!("A: {}\r\nB: c\r\n\r\n", "x".repeat(2 * FIELD_MAX));
        let mut reader = FieldReader::new(LineEnds::Crlf);
        let (taken, step) = reader.feed(header.as_bytes());
        assert_eq!(step, HeaderStep::Field);
        assert!(reader.field().cut);
        assert_eq!(reader.field().text.len(), FIELD_MAX);
        assert_eq!(reader.feed(&header.as_bytes()[taken..]).1, HeaderStep::Field);
        assert!(!reader.field().cut);
    }
}

//! What the header of one part says of its body: every value of every repeated field.
//!
//! Which value counts is not decided here: the first is named first, and the caller is told all.

use super::encoding::TransferEncoding;
use super::header::{Parsed, is_blank};
use super::parameter;
use super::readings::{self, Readings};

/// Values of one kind that are kept; mail has one or two, and the repetition is reported.
const VALUES_MAX: usize = 64;

/// What a part is when its header does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DefaultType {
    #[default]
    TextPlain,
    /// Inside multipart/digest (RFC 2046 §5.1.5).
    MessageRfc822,
}

impl DefaultType {
    pub const fn name(self) -> &'static [u8] {
        match self {
            Self::TextPlain => b"text/plain",
            Self::MessageRfc822 => b"message/rfc822",
        }
    }
}

/// One Content-Type field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentType<'a> {
    /// The value as received, unfolded.
    pub text: &'a [u8],
    /// `type/subtype` in lower case, without parameters and comments; whatever stands there when it is none.
    pub media_type: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    end: usize,
}

/// How far readers agree that a body is of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreed {
    /// Nobody takes it for that.
    No,
    /// Only under a second reading.
    Second,
    /// Under the reading that most readers have.
    First,
}

impl Agreed {
    const fn of(first: bool, any: bool) -> Self {
        match (first, any) {
            (true, _) => Self::First,
            (false, true) => Self::Second,
            (false, false) => Self::No,
        }
    }

    pub(super) fn by_some(self) -> bool {
        self != Self::No
    }
}

/// The collected values; one buffer serves all parts of a message.
#[derive(Debug)]
pub(super) struct Facts {
    octets: Vec<u8>,
    /// Octets that may be kept.
    room: usize,
    /// The raw value and the first media type of each Content-Type.
    types: Vec<(Span, Span)>,
    /// Every reading of every Content-Type, and their canonical forms with parameters.
    media_types: Vec<Span>,
    canonical: Vec<Span>,
    /// Content-Transfer-Encoding fields, and the readings of all of them.
    encoding_fields: usize,
    encodings: Vec<Span>,
    /// Names from Content-Disposition, which come before those of Content-Type.
    disposition_names: Vec<Span>,
    type_names: Vec<Span>,
    /// The name that the first field of either kind gives.
    filename: Option<Span>,
    dispositions: usize,
    /// Boundaries, and whether most readers would not find them.
    boundaries: Vec<(Span, bool)>,
    /// Some type is text, or one that some reader cannot read and takes for text.
    textual: bool,
    /// Some encoding is one under which the body can be read as it stands.
    readable: bool,
    /// Under some reading the header ended before a field that is in here: what was known by then.
    ended_early: bool,
    early_text: bool,
    early_unencoded: bool,
    /// What comes now follows a line that is no field.
    after_junk: bool,
    /// To some readers a field that is in here is not in the header.
    doubtful: bool,
    /// A type, an encoding or a boundary is given in a way that readers take differently.
    odd_type: bool,
    odd_encoding: bool,
    odd_boundary: bool,
    /// A value was left out because there was no room.
    overflow: bool,
    scratch: Vec<u8>,
}

impl Facts {
    pub(super) fn new(room: usize) -> Self {
        Self {
            octets: Vec::new(),
            room,
            types: Vec::new(),
            media_types: Vec::new(),
            canonical: Vec::new(),
            encoding_fields: 0,
            encodings: Vec::new(),
            disposition_names: Vec::new(),
            type_names: Vec::new(),
            filename: None,
            dispositions: 0,
            boundaries: Vec::new(),
            textual: false,
            readable: false,
            ended_early: false,
            early_text: false,
            early_unencoded: false,
            after_junk: false,
            doubtful: false,
            odd_type: false,
            odd_encoding: false,
            odd_boundary: false,
            overflow: false,
            scratch: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.types.clear();
        self.media_types.clear();
        self.canonical.clear();
        self.encoding_fields = 0;
        self.encodings.clear();
        self.disposition_names.clear();
        self.type_names.clear();
        self.filename = None;
        self.dispositions = 0;
        self.boundaries.clear();
        (self.textual, self.readable) = (false, false);
        (self.ended_early, self.early_text, self.early_unencoded) = (false, false, false);
        (self.after_junk, self.doubtful) = (false, false);
        (self.odd_type, self.odd_encoding, self.odd_boundary) = (false, false, false);
        self.overflow = false;
        if self.size() > KEPT {
            *self = Self::new(self.room);
        }
    }

    /// Octets held.
    pub(super) fn size(&self) -> usize {
        let spans = self.media_types.capacity()
            + self.canonical.capacity()
            + self.encodings.capacity()
            + self.disposition_names.capacity()
            + self.type_names.capacity();
        self.octets.capacity()
            + self.scratch.capacity()
            + self.types.capacity() * size_of::<(Span, Span)>()
            + spans * size_of::<Span>()
            + self.boundaries.capacity() * size_of::<(Span, bool)>()
    }

    /// Learns a field if it is one that describes the body.
    pub(super) fn note(&mut self, field: Parsed<'_>, default: DefaultType) {
        if field.doubtful && !self.ended_early {
            (self.early_text, self.early_unencoded) = (self.is_text(default), self.encoding_fields == 0);
            self.ended_early = true;
        }
        let Parsed { name, value, .. } = field;
        // Some readers strip what does not belong in a name.
        let stripped: Vec<u8>;
        let name = if name.iter().any(|octet| is_blank(*octet)) {
            stripped = name.iter().copied().filter(|octet| !is_blank(*octet)).collect();
            &stripped
        } else {
            name
        };
        let describes = name.eq_ignore_ascii_case(b"content-type")
            || name.eq_ignore_ascii_case(b"content-transfer-encoding");
        self.doubtful |= describes && (self.after_junk || self.ended_early);
        // What was cut off may say something else.
        self.overflow |= describes && field.cut;
        if name.eq_ignore_ascii_case(b"content-type") {
            self.note_type(value);
        } else if describes {
            self.note_encoding(value);
        } else if name.eq_ignore_ascii_case(b"content-disposition") {
            self.note_disposition(value);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.types.is_empty()
            && self.encoding_fields == 0
            && self.disposition_names.is_empty()
            && !self.overflow
    }

    pub(super) fn overflow(&self) -> bool {
        self.overflow
    }

    pub(super) fn has_odd_type(&self) -> bool {
        self.odd_type
    }

    pub(super) fn has_odd_encoding(&self) -> bool {
        self.odd_encoding
    }

    pub(super) fn has_odd_boundary(&self) -> bool {
        self.odd_boundary
    }

    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// What will be noted follows a line that is no field.
    pub(super) fn junk(&mut self) {
        self.after_junk = true;
    }

    pub(super) fn content_types(&self) -> impl ExactSizeIterator<Item = ContentType<'_>> {
        self.types
            .iter()
            .map(|(text, name)| ContentType { text: self.slice(*text), media_type: self.slice(*name) })
    }

    /// The media type of the first Content-Type; RFC 2045 §5.2 makes an unreadable one text/plain.
    pub(super) fn media_type(&self, default: DefaultType) -> &[u8] {
        match self.content_types().next() {
            None => default.name(),
            Some(first) if parameter::is_media_type(first.media_type) => first.media_type,
            Some(_) => DefaultType::TextPlain.name(),
        }
    }

    /// Every reading of every Content-Type, the first of the first field first.
    pub(super) fn media_types(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.media_types.iter().map(|span| self.slice(*span))
    }

    /// The canonical form of each Content-Type with its parameters, where it differs from the value.
    pub(super) fn canonical_types(&self) -> impl Iterator<Item = &[u8]> {
        self.canonical.iter().map(|span| self.slice(*span))
    }

    /// Whether the type begins with `start`.
    pub(super) fn is_of(&self, start: &[u8], default: DefaultType) -> Agreed {
        let first = self.media_type(default).starts_with(start);
        Agreed::of(first, self.media_types().any(|name| name.starts_with(start)))
    }

    /// The readings of every Content-Transfer-Encoding, in order.
    pub(super) fn encodings(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.encodings.iter().map(|span| self.slice(*span))
    }

    pub(super) fn encoding_fields(&self) -> usize {
        self.encoding_fields
    }

    /// Under some reading there is no Content-Transfer-Encoding.
    pub(super) fn may_be_unencoded(&self) -> bool {
        self.encoding_fields == 0 || self.early_unencoded
    }

    /// The name of the first Content-Disposition, else of the first Content-Type.
    pub(super) fn filename(&self) -> Option<&[u8]> {
        self.filename.map(|span| self.slice(span))
    }

    pub(super) fn filenames(&self) -> impl Iterator<Item = &[u8]> {
        self.disposition_names.iter().chain(&self.type_names).map(|span| self.slice(*span))
    }

    /// Every boundary, and whether it is only a second reading: the first boundary of the first
    /// Content-Type is the one that most readers follow.
    pub(super) fn boundaries(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.boundaries.iter().enumerate().map(|(at, (span, second))| (self.slice(*span), at > 0 || *second))
    }

    /// True if under some reading the body is text that a reader shows as it stands.
    pub(super) fn is_text(&self, default: DefaultType) -> bool {
        let textual = if self.types.is_empty() { default == DefaultType::TextPlain } else { self.textual };
        self.early_text || textual && (self.encoding_fields == 0 || self.readable)
    }

    fn note_type(&mut self, value: &[u8]) {
        let field = self.types.len();
        if field >= VALUES_MAX {
            self.overflow = true;
            return;
        }
        let media_types = readings::media_types(value);
        self.overflow |= media_types.over;
        self.odd_type |= media_types.odd;
        let first = self.media_types.len();
        self.keep_all(&media_types, |facts| &mut facts.media_types);
        let name = self.media_types.get(first).copied().unwrap_or(Span { start: 0, end: 0 });
        self.textual |= is_textual(value, &media_types);
        self.note_boundaries(field, value, self.slice(name).starts_with(b"multipart/"));
        let canonical = readings::canonical(value);
        if canonical != value
            && let Some(span) = self.keep(&canonical)
        {
            self.canonical.push(span);
        }
        if let Some(text) = self.keep(value) {
            self.types.push((text, name));
        }
        self.note_names(value, b"name", |facts| &mut facts.type_names);
        if field == 0 {
            self.filename = self.filename.or_else(|| self.type_names.first().copied());
        }
    }

    /// Of any type: some reader takes it for a multipart.
    fn note_boundaries(&mut self, field: usize, value: &[u8], multipart: bool) {
        let found = readings::boundaries(value);
        let second = field > 0 || !multipart || parameter::lacks_semicolon(value, b"boundary");
        self.odd_boundary |= found.odd;
        self.overflow |= found.over;
        for text in found.iter() {
            match self.keep(text) {
                Some(span) if self.boundaries.len() < VALUES_MAX => self.boundaries.push((span, second)),
                Some(_) => self.overflow = true,
                None => {}
            }
        }
    }

    fn note_encoding(&mut self, value: &[u8]) {
        if self.encoding_fields >= VALUES_MAX {
            self.overflow = true;
            return;
        }
        self.encoding_fields += 1;
        let encodings = readings::encodings(value);
        self.overflow |= encodings.over;
        self.odd_encoding |= encodings.odd;
        self.readable |= is_identity(value) || encodings.iter().any(is_identity);
        self.keep_all(&encodings, |facts| &mut facts.encodings);
    }

    fn note_disposition(&mut self, value: &[u8]) {
        self.dispositions += 1;
        self.note_names(value, b"filename", |facts| &mut facts.disposition_names);
        if self.dispositions == 1 {
            self.filename = self.disposition_names.first().copied().or(self.filename);
        }
    }

    /// Keeps every decoded reading of the name parameter `wanted`.
    fn note_names(&mut self, value: &[u8], wanted: &[u8], list: fn(&mut Self) -> &mut Vec<Span>) {
        let mut names: Vec<Vec<u8>> = Vec::new();
        self.scratch.clear();
        parameter::parameter(value, wanted, &mut self.scratch, &mut |text, start, end| {
            let mut name = Vec::new();
            parameter::decode_words(text.get(start..end).unwrap_or_default(), &mut name);
            names.push(name);
        });
        for name in &names {
            if list(self).len() >= VALUES_MAX {
                return;
            }
            if let Some(span) = self.keep(name) {
                list(self).push(span);
            }
        }
    }

    fn keep_all(&mut self, readings: &Readings, list: fn(&mut Self) -> &mut Vec<Span>) {
        for text in readings.iter() {
            if list(self).len() >= VALUES_MAX {
                self.overflow = true;
                return;
            }
            if let Some(span) = self.keep(text) {
                list(self).push(span);
            }
        }
    }

    /// Keeps a text, if there is room for it; what there is room for of one that is too long.
    fn keep(&mut self, text: &[u8]) -> Option<Span> {
        let room = self.room.saturating_sub(self.octets.len());
        let kept = text.get(..room).unwrap_or(text);
        if kept.len() < text.len() {
            self.overflow = true;
            if kept.is_empty() {
                return None;
            }
        }
        let start = self.octets.len();
        if self.octets.capacity() < start + kept.len() {
            let wanted = (2 * start).max(start + kept.len()).min(self.room);
            self.octets.reserve_exact(wanted - start);
        }
        self.octets.extend_from_slice(kept);
        Some(Span { start, end: self.octets.len() })
    }

    fn slice(&self, span: Span) -> &[u8] {
        self.octets.get(span.start..span.end).unwrap_or_default()
    }
}

/// Octets that stay allocated for the next part.
const KEPT: usize = 2048;

/// True if some reader takes the type for text: it is, or it cannot be read (RFC 2045 §5.2).
fn is_textual(value: &[u8], media_types: &Readings) -> bool {
    let written = value.split(|octet| *octet == b';').next().unwrap_or_default();
    !parameter::is_media_type(written)
        || !parameter::begins_with_type(value)
        || media_types.iter().any(|name| name.starts_with(b"text/") || !parameter::is_media_type(name))
}

/// True if readers show a text in this encoding as it stands: it is one that changes nothing, or
/// one that no reader knows.
fn is_identity(encoding: &[u8]) -> bool {
    use TransferEncoding::{Base64, Binary, EightBit, QuotedPrintable, SevenBit, Uuencode};
    let blanks: &[u8] = b" \t";
    let start = encoding.iter().position(|octet| !blanks.contains(octet)).unwrap_or(encoding.len());
    let encoding = encoding.get(start..).unwrap_or_default();
    let end = encoding.iter().rposition(|octet| !blanks.contains(octet)).map_or(0, |last| last + 1);
    match TransferEncoding::of(encoding.get(..end).unwrap_or_default()) {
        Some(Base64 | QuotedPrintable | Uuencode) => false,
        Some(SevenBit | EightBit | Binary) | None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(fields: &[(&str, &str)]) -> Facts {
        let mut facts = Facts::new(16 << 10);
        for (name, value) in fields {
            let doubtful = name.ends_with(' ');
            let (name, value) = (name.trim_end().as_bytes(), value.as_bytes());
            let field = Parsed { text: b"", name, value, cut: false, doubtful };
            facts.note(field, DefaultType::TextPlain);
        }
        facts
    }

    #[test]
    fn body_is_text_if_any_reading_makes_it_so() {
        const T: &str = "content-type";
        const E: &str = "Content-Transfer-Encoding";
        let table: [(&[(&str, &str)], bool); 20] = [
            (&[], true),
            (&[(T, "text/plain"), (E, "8Bit")], true),
            (&[(T, "text/html"), (E, "base64")], false),
            (&[(T, "text/html"), (E, "base64"), (E, "7bit")], true),
            (&[(T, "text/html"), (E, "base64 (x)")], true),
            (&[(T, "text/html"), (E, "(x) quoted-printable")], true),
            (&[(T, "text/html"), (E, "base645")], true),
            (&[(T, "text/html"), (E, "x-uuencode")], false),
            (&[(T, "image/png")], false),
            (&[(T, "image/png"), (T, "text/plain")], true),
            (&[(T, "nonsense"), (E, "binary")], true),
            (&[(T, "text/plain"), (E, "x-private")], true),
            (&[(T, "text/enriched")], true),
            (&[(T, "TEXT / x-any\x0b"), (E, "binary")], true),
            (&[(T, "text/plain"), (E, "base64\x0b")], true),
            (&[(T, "\"image/png\"")], true),
            (&[(T, "image/png, image/gif")], true),
            (&[("Content-Type ", "image/png")], true),
            (&[("Subject ", "a"), (T, "image/png")], true),
            (&[(T, "image/png"), ("Subject ", "a")], false),
        ];
        for (fields, expected) in table {
            assert_eq!(facts(fields).is_text(DefaultType::TextPlain), expected, "{fields:?}");
        }
        assert!(!facts(&[]).is_text(DefaultType::MessageRfc822));
    }

    #[test]
    fn disposition_names_come_before_type_names() {
        let facts = facts(&[
            ("Content-Type", "a/b; name=\"=?utf-8?q?t=C3=A9?=\""),
            ("Content-Disposition", "attachment; filename=d.txt; filename*=utf-8''star"),
        ]);
        let names: Vec<_> = facts.filenames().map(String::from_utf8_lossy).collect();
        assert_eq!(names, ["d.txt", "star", "té"]);
    }

    #[test]
    fn boundaries_behind_the_first_are_second_readings() {
        let facts = facts(&[
            ("Content-Type", "multipart/mixed; boundary=\"a \"; boundary=b"),
            ("Content-Type", "multipart/mixed; boundary=c"),
            ("Content-Type", "text/plain; boundary=d"),
        ]);
        let boundaries: Vec<_> = facts.boundaries().collect();
        assert_eq!(boundaries, [(&b"a"[..], false), (b"b", true), (b"c", true), (b"d", true)]);
    }
}

//! What the header of one part says of its body: every value of every repeated field.
//!
//! Which value counts is not decided here: the first is named first, and the caller is told all.

use super::encoding::TransferEncoding;
use super::parameter;

/// Values of one kind that are kept; mail has one or two, and the repetition is reported.
const VALUES_MAX: usize = 64;

/// Octets kept of all values of one header together.
const OCTETS_MAX: usize = 256 * 1024;

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

/// The collected values; one buffer serves all parts of a message.
#[derive(Debug, Default)]
pub(super) struct Facts {
    octets: Vec<u8>,
    /// The raw value and the media type of each Content-Type.
    types: Vec<(Span, Span)>,
    encodings: Vec<Span>,
    /// Names from Content-Disposition, which come before those of Content-Type.
    disposition_names: Vec<Span>,
    type_names: Vec<Span>,
    /// The name that the first field of either kind gives.
    filename: Option<Span>,
    dispositions: usize,
    /// Boundaries, and whether most readers would not find them.
    boundaries: Vec<(Span, bool)>,
    /// Some encoding is one under which the body can be read as it stands.
    readable: bool,
    /// A value was left out because there was no room.
    overflow: bool,
    scratch: Vec<u8>,
}

impl Facts {
    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.types.clear();
        self.encodings.clear();
        self.disposition_names.clear();
        self.type_names.clear();
        self.filename = None;
        self.dispositions = 0;
        self.boundaries.clear();
        self.readable = false;
        self.overflow = false;
    }

    /// Learns a field if it is one that describes the body.
    pub(super) fn note(&mut self, name: &[u8], value: &[u8]) {
        if self.octets.len().saturating_add(value.len()) > OCTETS_MAX {
            self.overflow = true;
            return;
        }
        if name.eq_ignore_ascii_case(b"content-type") {
            self.note_type(value);
        } else if name.eq_ignore_ascii_case(b"content-transfer-encoding") {
            self.note_encoding(value);
        } else if name.eq_ignore_ascii_case(b"content-disposition") {
            self.dispositions += 1;
            names(value, b"filename", &mut self.scratch, &mut self.octets, &mut self.disposition_names);
            if self.dispositions == 1 {
                self.filename = self.disposition_names.first().copied().or(self.filename);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.types.is_empty() && self.encodings.is_empty() && self.disposition_names.is_empty()
    }

    pub(super) fn overflow(&self) -> bool {
        self.overflow
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

    pub(super) fn encodings(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.encodings.iter().map(|span| self.slice(*span))
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

    /// True if under some reading the body can be scanned as it stands: 7-bit, 8-bit, or an
    /// encoding that no reader knows and that therefore changes nothing.
    pub(super) fn is_readable(&self) -> bool {
        self.encodings.is_empty() || self.readable
    }

    /// True if under some reading the body is text that a reader sees as it stands.
    pub(super) fn is_text(&self, default: DefaultType) -> bool {
        let plain =
            |name: &[u8]| !parameter::is_media_type(name) || matches!(name, b"text/plain" | b"text/html");
        self.is_readable()
            && if self.types.is_empty() {
                default == DefaultType::TextPlain
            } else {
                self.content_types().any(|value| plain(value.media_type))
            }
    }

    fn note_type(&mut self, value: &[u8]) {
        let field = self.types.len();
        if field >= VALUES_MAX {
            self.overflow = true;
            return;
        }
        let text = self.keep(value);
        let start = self.octets.len();
        parameter::media_type(value, &mut self.octets);
        let name = Span { start, end: self.octets.len() };
        self.types.push((text, name));
        names(value, b"name", &mut self.scratch, &mut self.octets, &mut self.type_names);
        if field == 0 {
            self.filename = self.filename.or_else(|| self.type_names.first().copied());
        }
        if self.slice(name).starts_with(b"multipart/") {
            self.note_boundaries(field, value);
        }
    }

    fn note_boundaries(&mut self, field: usize, value: &[u8]) {
        let second = field > 0 || parameter::lacks_semicolon(value, b"boundary");
        let boundaries = &mut self.boundaries;
        parameter::parameter(value, b"boundary", &mut self.octets, &mut |octets, start, end| {
            // RFC 2046 §5.1.1: a boundary does not end with a blank.
            let text = octets.get(start..end).unwrap_or_default();
            let end = start + text.trim_ascii_end().len();
            if boundaries.len() < VALUES_MAX {
                boundaries.push((Span { start, end }, second));
            }
        });
    }

    fn note_encoding(&mut self, value: &[u8]) {
        if self.encodings.len() >= VALUES_MAX {
            self.overflow = true;
            return;
        }
        let start = self.octets.len();
        parameter::encoding(value, &mut self.octets);
        let span = Span { start, end: self.octets.len() };
        self.readable |= is_identity(self.slice(span)) || is_identity(value);
        self.encodings.push(span);
    }

    fn keep(&mut self, text: &[u8]) -> Span {
        let start = self.octets.len();
        self.octets.extend_from_slice(text);
        Span { start, end: self.octets.len() }
    }

    fn slice(&self, span: Span) -> &[u8] {
        self.octets.get(span.start..span.end).unwrap_or_default()
    }
}

/// True if this encoding leaves the octets of a text as they are. `binary` does as well, but Cisco's
/// body criterion asks for 7-bit and 8-bit; what no reader knows is shown undecoded.
fn is_identity(encoding: &[u8]) -> bool {
    let encoding = encoding.trim_ascii();
    match TransferEncoding::of(encoding) {
        Some(TransferEncoding::SevenBit | TransferEncoding::EightBit) => true,
        Some(_) => false,
        None => !encoding.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"x-")),
    }
}

/// Appends every decoded reading of the name parameter `wanted`.
fn names(value: &[u8], wanted: &[u8], scratch: &mut Vec<u8>, octets: &mut Vec<u8>, spans: &mut Vec<Span>) {
    scratch.clear();
    parameter::parameter(value, wanted, scratch, &mut |text, start, end| {
        if spans.len() >= VALUES_MAX {
            return;
        }
        let begin = octets.len();
        parameter::decode_words(text.get(start..end).unwrap_or_default(), octets);
        spans.push(Span { start: begin, end: octets.len() });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(fields: &[(&str, &str)]) -> Facts {
        let mut facts = Facts::default();
        for (name, value) in fields {
            facts.note(name.as_bytes(), value.as_bytes());
        }
        facts
    }

    #[test]
    fn body_is_text_if_any_reading_makes_it_so() {
        const T: &str = "content-type";
        const E: &str = "Content-Transfer-Encoding";
        let table: [(&[(&str, &str)], bool); 11] = [
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
            (&[(T, "nonsense"), (E, "binary")], false),
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
        assert_eq!(boundaries, [(&b"a"[..], false), (b"b", true), (b"c", true)]);
    }
}

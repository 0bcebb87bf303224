//! A configuration file and the places in it.
//!
//! Decodes the octets once; every later stage speaks of places as spans in `Source::text`. What the
//! text says is not looked at here.

/// A range of octets in one source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Places beyond 4 GiB cannot occur: a source is at most `TEXT_MAX` long.
    pub fn new(start: usize, end: usize) -> Self {
        let octet = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: octet(start), end: octet(end) }
    }
}

/// Where a span begins, as people count: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Limit: 16 MiB; the largest running-configs known are below one.
pub const TEXT_MAX: usize = 16 * 1024 * 1024;

/// One file, decoded.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    /// UTF-8 without a byte order mark; octets that are no UTF-8 stand as U+FFFD, NUL and form feed as blanks.
    pub text: String,
    line_starts: Vec<usize>,
}

/// What is wrong with the file as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    TooLarge,
    /// UTF-16 without a byte order mark; which of its two orders it is.
    Utf16(&'static str),
    /// UTF-16 with a mark, which was decoded: nothing is lost.
    DecodedUtf16,
    /// A program, an image, an archive.
    NotText,
    /// The first octets that are no UTF-8.
    NotUtf8(Span),
}

impl Source {
    /// Decodes a file. A file that is too large, or in UTF-16 without a byte order mark, has no text.
    pub fn decode(name: &str, octets: &[u8]) -> (Self, Option<Flaw>) {
        if octets.len() > TEXT_MAX {
            return (Self::new(name, String::new()), Some(Flaw::TooLarge));
        }
        if let Some(text) = marked_utf16(octets) {
            let is_long = text.len() > TEXT_MAX;
            return match is_long {
                true => (Self::new(name, String::new()), Some(Flaw::TooLarge)),
                false => (Self::new(name, without_blanks_of_terminals(text)), Some(Flaw::DecodedUtf16)),
            };
        }
        if let Some(order) = unmarked_utf16(octets) {
            return (Self::new(name, String::new()), Some(Flaw::Utf16(order)));
        }
        if looks_like_no_text(octets) {
            return (Self::new(name, String::new()), Some(Flaw::NotText));
        }
        let octets = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(octets);
        let flaw = std::str::from_utf8(octets).err().map(|error| {
            let at = error.valid_up_to();
            // The replacement character is three octets long in the decoded text.
            Flaw::NotUtf8(Span::new(at, at + '\u{FFFD}'.len_utf8()))
        });
        let text = String::from_utf8_lossy(octets).into_owned();
        (Self::new(name, without_blanks_of_terminals(text)), flaw)
    }

    fn new(name: &str, text: String) -> Self {
        let end = line_end(&text);
        let line_starts = std::iter::once(0)
            .chain(memchr::memchr_iter(end, text.as_bytes()).map(|at| at + 1))
            .filter(|&start| start < text.len())
            .collect();
        Self { name: name.to_owned(), text, line_starts }
    }

    /// The lines without their ends, each with the place of its first octet.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (0..self.line_starts.len()).filter_map(|index| self.line(index))
    }

    /// The text of a span; empty if the span is not of this source.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    pub fn position(&self, at: Span) -> Position {
        let at = at.start as usize;
        let line = self.line_starts.partition_point(|&start| start <= at).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..at.min(self.text.len())).unwrap_or("");
        Position { line, column: before.chars().count() + 1 }
    }

    /// Where a span ends: the place behind its last character.
    pub fn end_position(&self, at: Span) -> Position {
        self.position(Span { start: at.end, end: at.end })
    }

    /// The line a span begins in, with the place of its first octet.
    pub fn line_of(&self, at: Span) -> (usize, &str) {
        self.line(self.position(at).line - 1).unwrap_or((0, ""))
    }

    fn line(&self, index: usize) -> Option<(usize, &str)> {
        let start = *self.line_starts.get(index)?;
        let end = self.line_starts.get(index + 1).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..end)?;
        Some((start, line.trim_end_matches(['\r', '\n'])))
    }
}

/// Files of old Macintoshes end their lines with CR alone.
fn line_end(text: &str) -> u8 {
    if memchr::memchr(b'\n', text.as_bytes()).is_none() { b'\r' } else { b'\n' }
}

/// Terminals and printers leave NUL and form feeds; they are as long as the blanks they are read as.
fn without_blanks_of_terminals(text: String) -> String {
    if text.contains(['\0', '\u{c}']) { text.replace(['\0', '\u{c}'], " ") } else { text }
}

/// The text of a file in UTF-16, if a byte order mark says that it is; what is none becomes U+FFFD.
fn marked_utf16(octets: &[u8]) -> Option<String> {
    let (unit, octets): (fn([u8; 2]) -> u16, _) = match octets {
        [0xFF, 0xFE, rest @ ..] => (u16::from_le_bytes, rest),
        [0xFE, 0xFF, rest @ ..] => (u16::from_be_bytes, rest),
        _ => return None,
    };
    let (pairs, rest) = octets.as_chunks::<2>();
    let text = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)));
    let cut = (!rest.is_empty()).then_some(char::REPLACEMENT_CHARACTER);
    Some(text.map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).chain(cut).collect())
}

/// The order of UTF-16 that the zero octets of ASCII in it tell.
fn unmarked_utf16(octets: &[u8]) -> Option<&'static str> {
    let head = octets.first_chunk::<8>()?;
    let zero_at =
        |at: usize| head.iter().enumerate().all(|(index, octet)| (*octet == 0) == (index % 2 == at));
    match (zero_at(1), zero_at(0)) {
        (true, _) => Some("UTF-16LE"),
        (_, true) => Some("UTF-16BE"),
        _ => None,
    }
}

/// More control octets than a text has. What banners and remnants of a terminal leave does not count.
fn looks_like_no_text(octets: &[u8]) -> bool {
    const LOOKED_AT: usize = 8192;
    const FEW: usize = 16;
    let head = octets.get(..LOOKED_AT).unwrap_or(octets);
    let is_strange =
        |octet: &&u8| **octet < b' ' && !matches!(**octet, b'\t' | b'\n' | b'\r' | 0x03 | 0x08 | 0x0C | 0x1B);
    let strange = head.iter().filter(is_strange).count();
    strange > FEW && strange > head.len() / 20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(octets: &[u8]) -> Source {
        Source::decode("t.conf", octets).0
    }

    #[test]
    fn lines_are_the_same_with_any_line_end() {
        for text in ["a\nb\n", "a\r\nb\r\n", "a\rb\r", "a\nb", "\u{FEFF}a\nb"] {
            let source = decode(text.as_bytes());
            let lines: Vec<_> = source.lines().map(|(_, line)| line).collect();
            assert_eq!(lines, ["a", "b"], "{text:?}");
        }
        assert_eq!(decode(b"").lines().count(), 0);
    }

    #[test]
    fn columns_count_characters() {
        let source = decode("hostname x\n! é ü z\n".as_bytes());
        let z = source.text.find('z').unwrap();
        assert_eq!(source.position(Span::new(z, z + 1)), Position { line: 2, column: 7 });
        assert_eq!(source.line_of(Span::new(z, z + 1)).1, "! é ü z");
    }

    #[test]
    fn utf16_needs_its_mark_and_latin1_is_survived() {
        for (mark, order, encode) in [
            (b"\xFF\xFE", "UTF-16LE", u16::to_le_bytes as fn(u16) -> [u8; 2]),
            (b"\xFE\xFF", "UTF-16BE", u16::to_be_bytes),
        ] {
            let text: Vec<u8> = "hostname é\r\n!".encode_utf16().flat_map(encode).collect();
            assert_eq!(Source::decode("t", &text).1, Some(Flaw::Utf16(order)));
            let (source, flaw) = Source::decode("t", &[&mark[..], &text].concat());
            assert_eq!((source.text.as_str(), flaw), ("hostname é\r\n!", Some(Flaw::DecodedUtf16)));
            let (source, _) = Source::decode("t", &[&mark[..], &text, b"x"].concat());
            assert!(source.text.ends_with("!\u{FFFD}"));
        }
        let (source, flaw) = Source::decode("t", b"! caf\xE9\nhostname x\n");
        assert_eq!(flaw, Some(Flaw::NotUtf8(Span::new(5, 8))));
        assert_eq!(source.lines().count(), 2);
    }

    #[test]
    fn a_program_is_refused_and_a_captured_terminal_is_not() {
        let octets: Vec<u8> = (0..=255).cycle().take(4096).collect();
        assert_eq!(Source::decode("t", &octets).1, Some(Flaw::NotText));
        let page = " --More-- \x08\x08\x08\x08\x08\x08\x08\x08\x08\x1b[Kinterface x\n".repeat(100);
        assert_eq!(Source::decode("t", page.as_bytes()).1, None);
        assert_eq!(Source::decode("t", b"banner motd \x03x\x03\0\n").1, None);
    }

    #[test]
    fn a_place_outside_the_text_is_no_panic() {
        let source = decode("é\n".as_bytes());
        for start in 0..9 {
            source.position(Span::new(start, start + 1));
            source.line_of(Span::new(start, start + 1));
            source.slice(Span::new(start, start + 1));
        }
    }
}

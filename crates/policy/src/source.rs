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
    Utf16,
    /// A program, an image, an archive.
    NotText,
    /// The first octets that are no UTF-8.
    NotUtf8(Span),
}

impl Source {
    /// Decodes a file. A file that is too large or in UTF-16 has no text.
    pub fn decode(name: &str, octets: &[u8]) -> (Self, Option<Flaw>) {
        if octets.len() > TEXT_MAX {
            return (Self::new(name, String::new()), Some(Flaw::TooLarge));
        }
        if looks_like_utf16(octets) {
            return (Self::new(name, String::new()), Some(Flaw::Utf16));
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
        let mut text = String::from_utf8_lossy(octets).into_owned();
        // Terminals and printers leave these; they are as long as the blanks they are read as.
        if text.contains(['\0', '\u{c}']) {
            text = text.replace(['\0', '\u{c}'], " ");
        }
        (Self::new(name, text), flaw)
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

/// A byte order mark, or the zero octets that ASCII has in UTF-16.
fn looks_like_utf16(octets: &[u8]) -> bool {
    let zero = |pair: &[u8], at: usize| pair.get(at) == Some(&0);
    let head = octets.get(..8).unwrap_or(octets);
    head.starts_with(b"\xFF\xFE")
        || head.starts_with(b"\xFE\xFF")
        || head.len() == 8 && (0..2).any(|at| head.chunks_exact(2).all(|p| zero(p, at) && !zero(p, 1 - at)))
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
    fn utf16_is_refused_and_latin1_is_survived() {
        let utf16: Vec<u8> = "hostname x".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(Source::decode("t", &utf16).1, Some(Flaw::Utf16));
        let big: Vec<u8> = "hostname x".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(Source::decode("t", &big).1, Some(Flaw::Utf16));
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

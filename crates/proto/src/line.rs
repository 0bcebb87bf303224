//! A line with its end and its flaws: named here, repaired nowhere.

use crate::Progress;

/// One line, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'b> {
    pub text: &'b [u8],
    pub end: LineEnd,
    pub flaws: Flaws,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    Crlf,
    /// A bare LF; no standard allows it, some senders write it.
    Lf,
}

/// What stands in a line that no standard allows there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// An octet 0x00–0x1F other than HT, or 0x7F. A CR that is no line end counts here.
    pub control: bool,
    /// An octet of 0x80 or above.
    pub eight_bit: bool,
}

impl Line<'_> {
    /// Octets on the wire, line end included.
    pub const fn wire_len(&self) -> usize {
        self.text.len()
            + match self.end {
                LineEnd::Crlf => 2,
                LineEnd::Lf => 1,
            }
    }
}

/// The line at the front of `input`; one longer than `max` octets, end included, is `Oversize`.
// Inlined, so that callers that never ask for the flaws do not look for them.
#[inline]
pub fn decode(input: &[u8], max: usize) -> Progress<Line<'_>> {
    let Some(lf) = memchr::memchr(b'\n', input) else {
        return match input.len() < max {
            true => Progress::NeedMore,
            false => Progress::Oversize { len: input.len(), ends: false },
        };
    };
    let len = lf + 1;
    if len > max {
        return Progress::Oversize { len, ends: true };
    }
    let before = input.get(..lf).unwrap_or_default();
    let (text, end) = match before.strip_suffix(b"\r") {
        Some(text) => (text, LineEnd::Crlf),
        None => (before, LineEnd::Lf),
    };
    Progress::Unit { unit: Line { text, end, flaws: flaws(text) }, len }
}

#[inline]
fn flaws(text: &[u8]) -> Flaws {
    // A plain fold over the whole line: the compiler turns it into vector code, and lines are short.
    let seen = text.iter().fold(0, |seen, &byte| {
        let control = ((byte < 0x20) & (byte != b'\t')) | (byte == 0x7F);
        seen | (byte & 0x80) | u8::from(control)
    });
    Flaws { control: seen & 1 != 0, eight_bit: seen & 0x80 != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &[u8], end: LineEnd, control: bool, eight_bit: bool, len: usize) -> Progress<Line<'_>> {
        Progress::Unit { unit: Line { text, end, flaws: Flaws { control, eight_bit } }, len }
    }

    #[test]
    fn the_end_and_the_flaws_of_a_line_are_named() {
        let table: &[(&[u8], Progress<Line<'_>>)] = &[
            (b"", Progress::NeedMore),
            (b"NOOP\r", Progress::NeedMore),
            (b"NOOP\r\nQUIT", unit(b"NOOP", LineEnd::Crlf, false, false, 6)),
            (b"NOOP\n", unit(b"NOOP", LineEnd::Lf, false, false, 5)),
            (b"NO\rOP\r\n", unit(b"NO\rOP", LineEnd::Crlf, true, false, 7)),
            (b"NOOP\r\r\n", unit(b"NOOP\r", LineEnd::Crlf, true, false, 7)),
            (b"A\tB\x00\n", unit(b"A\tB\x00", LineEnd::Lf, true, false, 5)),
            (b"\xC3\xA9\x7F\r\n", unit(b"\xC3\xA9\x7F", LineEnd::Crlf, true, true, 5)),
            (b"\r\n", unit(b"", LineEnd::Crlf, false, false, 2)),
        ];
        for (input, expected) in table {
            assert_eq!(decode(input, 100), *expected, "{}", input.escape_ascii());
        }
    }

    #[test]
    fn a_line_over_its_bound_is_oversize_whether_or_not_its_end_is_seen() {
        assert_eq!(decode(b"12345678", 9), Progress::NeedMore);
        assert_eq!(decode(b"123456789", 9), Progress::Oversize { len: 9, ends: false });
        assert_eq!(decode(b"1234567\r\n", 9), unit(b"1234567", LineEnd::Crlf, false, false, 9));
        assert_eq!(decode(b"12345678\r\nX", 9), Progress::Oversize { len: 10, ends: true });
    }
}

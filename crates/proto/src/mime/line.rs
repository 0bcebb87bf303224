//! Where lines end, and how long the longest is.
//!
//! Octets come in any cut: what the octet before the first was, the caller says or the type keeps.

mod short;

use memchr::{memchr, memchr_iter, memrchr};

use short::short_lines;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum LineEnds {
    #[default]
    Crlf,
    /// A bare LF ends a line as well.
    LfToo,
}

impl LineEnds {
    pub(super) const fn of(lf_ends: bool) -> Self {
        if lf_ends { Self::LfToo } else { Self::Crlf }
    }

    /// A line that ends within so many octets, its line end included, is not longer than `over` without it.
    fn allowed(self, over: u64) -> u64 {
        over.saturating_add(match self {
            Self::Crlf => 2,
            Self::LfToo => 1,
        })
    }

    /// Whether the LF at `at` ends a line; `after_cr` tells of the octet before all of these.
    pub(super) fn is_at(self, at: usize, octets: &[u8], after_cr: bool) -> bool {
        match (self, at.checked_sub(1)) {
            (Self::LfToo, _) => true,
            (Self::Crlf, Some(before)) => octets.get(before) == Some(&b'\r'),
            (Self::Crlf, None) => after_cr,
        }
    }

    /// Octets up to and with the first line end.
    pub(super) fn line_len(self, octets: &[u8], after_cr: bool) -> Option<usize> {
        let mut from = 0;
        while let Some(found) = octets.get(from..).and_then(|rest| memchr(b'\n', rest)) {
            let at = from + found;
            if self.is_at(at, octets, after_cr) {
                return Some(at + 1);
            }
            from = at + 1;
        }
        None
    }
}

/// The longest line so far, the running one included.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineLengths {
    longest: u64,
    /// Octets of the running line, a CR at its end included.
    current: u64,
    after_cr: bool,
    line_ends: LineEnds,
}

impl LineLengths {
    pub(super) const fn new(line_ends: LineEnds) -> Self {
        Self { longest: 0, current: 0, after_cr: false, line_ends }
    }

    /// Goes on with the next octets.
    pub(super) fn count(&mut self, octets: &[u8]) {
        let mut from = 0;
        for at in memchr_iter(b'\n', octets) {
            let cr = match at.checked_sub(1) {
                Some(before) => octets.get(before) == Some(&b'\r'),
                None => self.after_cr,
            };
            if cr || self.line_ends == LineEnds::LfToo {
                let len = self.current + (at - from) as u64;
                self.longest = self.longest.max(len - u64::from(cr));
                (self.current, from) = (0, at + 1);
            }
        }
        self.current += (octets.len() - from) as u64;
        if let Some(last) = octets.last() {
            self.after_cr = *last == b'\r';
        }
    }

    /// A CR at the end may belong to the line end and does not count yet.
    pub(super) fn longest(&self) -> u64 {
        let cr = self.after_cr && self.current > 0;
        self.longest.max(self.current - u64::from(cr))
    }
}

/// Lines longer than a limit, told where they end. Lines that are not are skipped many at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct LongLines {
    /// The longest line that is not told, without its line end.
    over: u64,
    /// Octets of the running line, a CR at its end included.
    current: u64,
    after_cr: bool,
    line_ends: LineEnds,
}

impl LongLines {
    pub(super) const fn new(over: u64, line_ends: LineEnds) -> Self {
        Self { over, current: 0, after_cr: false, line_ends }
    }

    /// Goes on with the next octets, up to the end of the next line that is too long: the octets taken, and the
    /// length of that line without its line end. Nothing if all were taken and no such line ended.
    pub(super) fn next(&mut self, octets: &[u8]) -> Option<(usize, u64)> {
        let mut from = 0;
        loop {
            if self.current == 0 {
                let rest = octets.get(from..).unwrap_or_default();
                from += short_lines(rest, self.over, self.line_ends);
            }
            let rest = octets.get(from..).unwrap_or_default();
            let allowed = self.line_ends.allowed(self.over).saturating_sub(self.current);
            let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
            if let Some(len) = self.last_line_end(rest.get(..allowed).unwrap_or(rest)) {
                (from, self.current, self.after_cr) = (from + len, 0, false);
                continue;
            }
            let Some(len) = self.line_ends.line_len(rest, self.after_cr) else {
                self.current += rest.len() as u64;
                if let Some(last) = rest.last() {
                    self.after_cr = *last == b'\r';
                }
                return None;
            };
            let cr = match len.checked_sub(2) {
                Some(before) => rest.get(before) == Some(&b'\r'),
                None => self.after_cr,
            };
            let length = (self.current + len as u64).saturating_sub(1 + u64::from(cr));
            (from, self.current, self.after_cr) = (from + len, 0, false);
            if length > self.over {
                return Some((from, length));
            }
        }
    }

    /// The length of a last line without a line end, if it is too long.
    pub(super) fn finish(&self) -> Option<u64> {
        (self.current > self.over).then_some(self.current)
    }

    /// Octets up to and with the last line end.
    fn last_line_end(&self, octets: &[u8]) -> Option<usize> {
        let mut rest = octets;
        while let Some(at) = memrchr(b'\n', rest) {
            if self.line_ends.is_at(at, octets, self.after_cr) {
                return Some(at + 1);
            }
            rest = rest.get(..at).unwrap_or_default();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_at_crlf_and_at_lf_where_allowed() {
        for (octets, after_cr, crlf, lf_too) in [
            (&b"ab\r\nc"[..], false, Some(4), Some(4)),
            (b"a\nb\r\n", false, Some(5), Some(2)),
            (b"\nb", true, Some(1), Some(1)),
            (b"\nb", false, None, Some(1)),
            (b"a\r", false, None, None),
        ] {
            assert_eq!(LineEnds::Crlf.line_len(octets, after_cr), crlf, "{octets:?}");
            assert_eq!(LineEnds::LfToo.line_len(octets, after_cr), lf_too, "{octets:?}");
        }
    }

    #[test]
    fn longest_line_is_the_same_for_every_cut() {
        let text = b"ab\r\nabcd\rf\r\na\nbcdefg\r\n\r";
        for (line_ends, expected) in [(LineEnds::Crlf, 8), (LineEnds::LfToo, 6)] {
            for cut in 0..=text.len() {
                let (before, behind) = text.split_at(cut);
                let mut lengths = LineLengths::new(line_ends);
                lengths.count(before);
                lengths.count(behind);
                assert_eq!(lengths.longest(), expected, "{line_ends:?} cut {cut}");
            }
        }
    }
    #[test]
    fn long_lines_are_told_at_their_end_in_every_cut() {
        let text = b"abcd\r\nabcde\r\n\r\nab\ncdefg\r\r\nx\r\nabcdefghij";
        let expected = [
            (LineEnds::Crlf, 4, &[(13, 5), (26, 9)][..], Some(10)),
            (LineEnds::LfToo, 4, &[(13, 5), (26, 6)][..], Some(10)),
            (LineEnds::Crlf, 9, &[][..], Some(10)),
            (LineEnds::Crlf, 10, &[][..], None),
            (LineEnds::LfToo, 1, &[(6, 4), (13, 5), (18, 2), (26, 6)][..], Some(10)),
            (LineEnds::Crlf, 0, &[(6, 4), (13, 5), (26, 9), (29, 1)][..], Some(10)),
        ];
        for (line_ends, over, told, rest) in expected {
            for cut in 0..=text.len() {
                let (before, behind) = text.split_at(cut);
                let mut lines = LongLines::new(over, line_ends);
                let mut found = Vec::new();
                for (start, mut rest) in [(0, before), (cut, behind)] {
                    let end = start + rest.len();
                    while let Some((taken, length)) = lines.next(rest) {
                        rest = &rest[taken..];
                        found.push((end - rest.len(), length));
                    }
                }
                assert_eq!((&found[..], lines.finish()), (told, rest), "{line_ends:?} over {over} cut {cut}");
            }
        }
    }
}

//! The boundaries of all open multiparts, and whether a line is one of their delimiters.
//!
//! Knows nothing of parts: a level is a number that its owner gave.

/// RFC 2046 §5.1.1 allows 70 octets; no line of mail is longer than this.
pub const BOUNDARY_MAX: usize = 998;

/// Readings of one multipart's boundary that are watched for. Mail has one; more would only make
/// every line that begins with two dashes dearer.
const READINGS_MAX: usize = 4;

#[derive(Clone, Copy, Debug)]
pub(super) struct Boundary {
    pub(super) level: usize,
    /// A second reading: most readers would not see its delimiters.
    pub(super) alternate: bool,
    /// Compared before the text, so that hundreds of open multiparts cost little per line.
    hash: u64,
    start: usize,
    len: usize,
}

/// What became of a boundary that was to be watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    New,
    Known,
    TooLong,
    /// One reading too many.
    TooMany,
}

/// Outermost first.
#[derive(Debug, Default)]
pub(super) struct Boundaries {
    list: Vec<Boundary>,
    texts: Vec<u8>,
    /// No delimiter is longer than this, its dashes left out.
    longest: usize,
}

impl Boundaries {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.texts.clear();
        self.longest = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Watches for `text` as a boundary of `level`, the innermost one.
    pub(super) fn watch(&mut self, level: usize, text: &[u8], alternate: bool) -> Watched {
        if text.len() > BOUNDARY_MAX {
            return Watched::TooLong;
        }
        let hash = hash(text);
        let own = self.list.iter().rev().take_while(|boundary| boundary.level == level);
        if own.clone().any(|boundary| boundary.hash == hash && self.text(boundary) == text) {
            return Watched::Known;
        }
        if own.count() >= READINGS_MAX {
            return Watched::TooMany;
        }
        let (start, len) = (self.texts.len(), text.len());
        self.texts.extend_from_slice(text);
        self.longest = self.longest.max(len);
        self.list.push(Boundary { level, alternate, hash, start, len });
        Watched::New
    }

    /// The boundary whose delimiter `line` is (no line end), its number, and whether it closes.
    ///
    /// Of several the outermost wins, for it ends everything inside (RFC 2046 §5.1.2); second
    /// readings come last.
    pub(super) fn find(&self, line: &[u8]) -> Option<(usize, bool)> {
        let padding = line.iter().rev().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
        let text = line.strip_prefix(b"--")?;
        let text = text.get(..text.len().checked_sub(padding)?)?;
        if text.len() > self.longest + 2 {
            return None;
        }
        let opening = (text, hash(text));
        let closing = text.strip_suffix(b"--").map(|text| (text, hash(text)));
        let mut second = None;
        for (number, boundary) in self.list.iter().enumerate() {
            let is = |(text, hash): (&[u8], u64)| boundary.hash == hash && self.text(boundary) == text;
            let closes = if is(opening) {
                false
            } else if closing.is_some_and(is) {
                true
            } else {
                continue;
            };
            if !boundary.alternate {
                return Some((number, closes));
            }
            second = second.or(Some((number, closes)));
        }
        second
    }

    pub(super) fn get(&self, number: usize) -> Option<Boundary> {
        self.list.get(number).copied()
    }

    /// Its multipart was closed.
    pub(super) fn remove(&mut self, number: usize) {
        if number < self.list.len() {
            self.list.remove(number);
        }
    }

    /// Octets of boundary text kept so far: a mark for [`Self::forget`].
    pub(super) fn mark(&self) -> usize {
        self.texts.len()
    }

    /// Drops the boundaries of `level` and of all inside it, whose texts begin at `mark`.
    pub(super) fn forget(&mut self, level: usize, mark: usize) {
        while self.list.pop_if(|boundary| boundary.level >= level).is_some() {}
        self.texts.truncate(mark);
    }

    fn text(&self, boundary: &Boundary) -> &[u8] {
        self.texts.get(boundary.start..boundary.start + boundary.len).unwrap_or_default()
    }
}

/// FNV-1a. A sender who finds collisions gains comparisons of short texts, nothing more.
fn hash(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outermost_boundary_wins_and_second_readings_come_last() {
        let mut boundaries = Boundaries::default();
        for (level, text, alternate) in
            [(0, "x", true), (1, "a", false), (2, "a--", false), (3, "x", false), (4, "", false)]
        {
            assert_eq!(boundaries.watch(level, text.as_bytes(), alternate), Watched::New);
        }
        for (line, expected) in [
            ("--a", Some((1, false))),
            ("--a--", Some((1, true))),
            ("--a---- \t", Some((2, true))),
            ("--x ", Some((3, false))),
            ("--", Some((4, false))),
            ("---- ", Some((4, true))),
            ("-- a", None),
            ("--a-", None),
            ("--a--b", None),
            ("-", None),
        ] {
            assert_eq!(boundaries.find(line.as_bytes()), expected, "{line:?}");
        }
        boundaries.remove(3);
        assert_eq!(boundaries.find(b"--x"), Some((0, false)));
    }

    #[test]
    fn readings_are_bounded_and_texts_given_back() {
        let mut boundaries = Boundaries::default();
        let mark = boundaries.mark();
        assert_eq!(boundaries.watch(0, &[b'x'; BOUNDARY_MAX + 1], false), Watched::TooLong);
        for text in ["a", "b", "c", "d"] {
            assert_eq!(boundaries.watch(0, text.as_bytes(), false), Watched::New);
        }
        assert_eq!(boundaries.watch(0, b"a", false), Watched::Known);
        assert_eq!(boundaries.watch(0, b"e", false), Watched::TooMany);
        boundaries.remove(0);
        boundaries.forget(0, mark);
        assert!(boundaries.is_empty());
        assert_eq!(boundaries.mark(), mark);
    }
}

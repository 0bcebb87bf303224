//! The boundaries of all open multiparts, and whether a line is one of their delimiters.
//!
//! Knows nothing of parts: a level is a number that its owner gave.

use super::header::is_blank;

/// RFC 2046 §5.1.1 allows 70 octets; no line of mail is longer than this.
pub const BOUNDARY_MAX: usize = 998;

/// Readings of one multipart's boundary that are watched for. Mail has one; the most crooked values
/// that were met have nine.
const READINGS_MAX: usize = 24;

/// Bits of the filter: with a hundred boundaries, one line in forty is compared in vain.
const FILTER_BITS: u64 = 4096;

#[derive(Clone, Copy, Debug)]
pub(super) struct Boundary {
    pub(super) level: usize,
    /// A second reading: most readers would not see its delimiters.
    pub(super) alternate: bool,
    start: usize,
    len: usize,
}

/// A line that is a delimiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delimiter {
    /// The number of the boundary it has.
    pub(super) number: usize,
    pub(super) closing: bool,
    /// Most readers would not see it.
    pub(super) alternate: bool,
}

/// What became of a boundary that was to be watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    New,
    Known,
    TooLong,
    /// One reading too many, or no room for its text.
    TooMany,
}

/// Outermost first.
#[derive(Debug)]
pub(super) struct Boundaries {
    list: Vec<Boundary>,
    /// The hash of each, compared before the text: a row of numbers is gone through at once.
    hashes: Vec<u64>,
    texts: Vec<u8>,
    /// A bit for each hash, so that a line that is no delimiter costs the same under a hundred
    /// multiparts as under one. Absent until there is a boundary: most messages have none.
    filter: Option<Box<[u64; (FILTER_BITS / 64) as usize]>>,
    /// No delimiter is longer than this, its dashes left out.
    longest: usize,
    /// Octets that all of this may take.
    room: usize,
}

impl Boundaries {
    pub(super) fn new(room: usize) -> Self {
        Self {
            list: Vec::new(),
            hashes: Vec::new(),
            texts: Vec::new(),
            filter: None,
            longest: 0,
            room: room.saturating_sub((FILTER_BITS / 8) as usize),
        }
    }

    pub(super) fn clear(&mut self) {
        (self.list, self.hashes, self.texts) = (Vec::new(), Vec::new(), Vec::new());
        self.empty_filter();
        self.longest = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Octets held.
    pub(super) fn size(&self) -> usize {
        self.list.capacity() * size_of::<Boundary>()
            + self.hashes.capacity() * size_of::<u64>()
            + self.texts.capacity()
            + (FILTER_BITS / 8) as usize
    }

    /// Watches for `text` as a boundary of `level`, the innermost one.
    pub(super) fn watch(&mut self, level: usize, text: &[u8], alternate: bool) -> Watched {
        if text.len() > BOUNDARY_MAX {
            return Watched::TooLong;
        }
        let own = self.list.iter().rev().take_while(|boundary| boundary.level == level);
        if own.clone().any(|boundary| self.text(boundary) == text) {
            return Watched::Known;
        }
        if own.count() >= READINGS_MAX || !self.make_room(text.len()) {
            return Watched::TooMany;
        }
        let (start, len) = (self.texts.len(), text.len());
        self.texts.extend_from_slice(text);
        self.longest = self.longest.max(len);
        let hash = hash(text);
        self.mark_in_filter(hash);
        self.hashes.push(hash);
        self.list.push(Boundary { level, alternate, start, len });
        Watched::New
    }

    /// Whether one more fits: buffers grow to what they need, within the bound.
    fn make_room(&mut self, len: usize) -> bool {
        let each = size_of::<Boundary>() + size_of::<u64>();
        if self.texts.len() + len + (self.list.len() + 1) * each > self.room {
            return false;
        }
        let (texts, more) = (self.texts.len(), self.list.len() / 2 + 4);
        let grown = |size: usize| size <= self.room;
        if self.texts.capacity() - texts < len {
            let wanted = if grown(2 * texts + (self.list.len() + more) * each) { texts } else { 0 };
            self.texts.reserve_exact(len.max(wanted));
        }
        if self.list.len() == self.list.capacity() {
            let more = if grown(self.texts.capacity() + (self.list.len() + more) * each) { more } else { 1 };
            self.list.reserve_exact(more);
            self.hashes.reserve_exact(more);
        }
        true
    }

    /// The delimiter that `line` is (no line end).
    ///
    /// Of several the outermost wins, for it ends everything inside (RFC 2046 §5.1.2); second
    /// readings come last.
    pub(super) fn find(&self, line: &[u8]) -> Option<Delimiter> {
        let text = line.strip_prefix(b"--")?;
        let end = |is_padding: fn(u8) -> bool| {
            text.iter().rposition(|octet| !is_padding(*octet)).map_or(0, |last| last + 1)
        };
        let padded = end(|octet| matches!(octet, b' ' | b'\t'));
        let found = self.find_text(text.get(..padded)?);
        if found.is_some() || !text.get(..padded)?.last().is_some_and(|octet| is_blank(*octet)) {
            return found;
        }
        // White space of other kinds: some readers strip that as well.
        let found = self.find_text(text.get(..end(is_blank))?)?;
        Some(Delimiter { alternate: true, ..found })
    }

    fn find_text(&self, text: &[u8]) -> Option<Delimiter> {
        if text.len() > self.longest + 2 {
            return None;
        }
        let opening = self.find_boundary(text, false);
        let closing = text.strip_suffix(b"--").and_then(|text| self.find_boundary(text, true));
        [opening, closing].into_iter().flatten().min_by_key(|found| (found.alternate, found.number))
    }

    fn find_boundary(&self, text: &[u8], closing: bool) -> Option<Delimiter> {
        let hash = hash(text);
        if !self.is_in_filter(hash) {
            return None;
        }
        let mut second = None;
        for (number, boundary) in self.list.iter().enumerate() {
            if self.hashes.get(number) != Some(&hash) || self.text(boundary) != text {
                continue;
            }
            let found = Delimiter { number, closing, alternate: boundary.alternate };
            if !boundary.alternate {
                return Some(found);
            }
            second = second.or(Some(found));
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
            self.hashes.remove(number);
            self.renew_filter();
        }
    }

    /// Octets of boundary text kept so far: a mark for [`Self::forget`].
    pub(super) fn mark(&self) -> usize {
        self.texts.len()
    }

    /// Drops the boundaries of `level` and of all inside it, whose texts begin at `mark`.
    pub(super) fn forget(&mut self, level: usize, mark: usize) {
        let before = self.list.len();
        while self.list.pop_if(|boundary| boundary.level >= level).is_some() {}
        self.hashes.truncate(self.list.len());
        self.texts.truncate(mark);
        if self.list.len() < before {
            self.renew_filter();
        }
    }

    fn text(&self, boundary: &Boundary) -> &[u8] {
        self.texts.get(boundary.start..boundary.start + boundary.len).unwrap_or_default()
    }

    fn empty_filter(&mut self) {
        if let Some(filter) = &mut self.filter {
            filter.fill(0);
        }
    }

    fn renew_filter(&mut self) {
        self.empty_filter();
        for number in 0..self.hashes.len() {
            let hash = self.hashes.get(number).copied().unwrap_or_default();
            self.mark_in_filter(hash);
        }
    }

    fn mark_in_filter(&mut self, hash: u64) {
        let (word, bit) = place_in_filter(hash);
        let filter = self.filter.get_or_insert_with(|| Box::new([0; (FILTER_BITS / 64) as usize]));
        if let Some(word) = filter.get_mut(word) {
            *word |= bit;
        }
    }

    fn is_in_filter(&self, hash: u64) -> bool {
        let (word, bit) = place_in_filter(hash);
        self.filter.as_ref().and_then(|filter| filter.get(word)).is_some_and(|word| word & bit != 0)
    }
}

fn place_in_filter(hash: u64) -> (usize, u64) {
    let place = hash % FILTER_BITS;
    (usize::try_from(place / 64).unwrap_or_default(), 1 << (place % 64))
}

/// Eight octets at a time. A sender who finds collisions gains comparisons of short texts, nothing more.
fn hash(text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(octet, of)| *octet = *of);
    let mix = |hash: u64, word: u64| {
        let product = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        product ^ product >> 32
    };
    let hash = words.iter().fold(text.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    mix(hash ^ 0x5851_f42d_4c95_7f2d, u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 8192;

    fn find(boundaries: &Boundaries, line: &str) -> Option<(usize, bool)> {
        boundaries.find(line.as_bytes()).map(|found| (found.number, found.closing))
    }

    #[test]
    fn outermost_boundary_wins_and_second_readings_come_last() {
        let mut boundaries = Boundaries::new(ROOM);
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
            ("--a\x0b", Some((1, false))),
            ("--a-- \x0c\0", Some((1, true))),
        ] {
            assert_eq!(find(&boundaries, line), expected, "{line:?}");
        }
        assert!(boundaries.find(b"--a\x0b").is_some_and(|found| found.alternate));
        boundaries.remove(3);
        assert_eq!(find(&boundaries, "--x"), Some((0, false)));
    }

    #[test]
    fn readings_are_bounded_and_texts_given_back() {
        let mut boundaries = Boundaries::new(ROOM);
        let mark = boundaries.mark();
        assert_eq!(boundaries.watch(0, &[b'x'; BOUNDARY_MAX + 1], false), Watched::TooLong);
        for number in 0..READINGS_MAX {
            assert_eq!(boundaries.watch(0, number.to_string().as_bytes(), false), Watched::New);
        }
        assert_eq!(boundaries.watch(0, b"1", false), Watched::Known);
        assert_eq!(boundaries.watch(0, b"e", false), Watched::TooMany);
        boundaries.remove(0);
        boundaries.forget(0, mark);
        assert!(boundaries.is_empty());
        assert_eq!(boundaries.mark(), mark);
    }

    #[test]
    fn texts_of_all_levels_together_have_a_bound() {
        let mut boundaries = Boundaries::new(ROOM);
        let watched = (0..200).map(|level| {
            let text = [b"x".repeat(BOUNDARY_MAX - 3), format!("{level:03}").into_bytes()].concat();
            boundaries.watch(level, &text, false)
        });
        assert_eq!(watched.filter(|watched| *watched == Watched::New).count(), 7);
        assert!(boundaries.size() <= ROOM, "{}", boundaries.size());
        let mut boundaries = Boundaries::new(ROOM);
        let watched = (0..1000).map(|level| boundaries.watch(level, b"a", false));
        assert_eq!(watched.filter(|watched| *watched == Watched::New).count(), 187);
        assert!(boundaries.size() <= ROOM, "{}", boundaries.size());
    }
}

//! The streaming matcher of many patterns: which of them hold in a text that arrives in pieces.
//!
//! Patterns are split at their `.*` into parts; parts of fixed length are words of one automaton whose state is
//! carried, and what cannot be split is followed in bits. Nothing of the text is kept: a line may be of any length.
//! Lines that lie whole in a run are first passed by a prefilter and read four at a time, and only those in which
//! a word ends are read with all that hangs on it.
//!
//! Does not say what a hit means, and does not unfold or decode: it is given the text to look at.

mod automaton;
mod build;
mod group;
mod octets;
mod prefilter;
mod split;
mod tail;
mod whole;

use std::fmt;

use smallvec::SmallVec;

use self::build::Parts;
use self::group::{Hits, Memory, PatternGroup};
use self::prefilter::Prefilter;
pub use self::whole::TextMatcher;
use crate::pattern::Pattern;

/// Patterns compiled together; shared by all sessions.
pub struct Matcher {
    patterns: usize,
    groups: Vec<PatternGroup>,
    prefilter: Option<Prefilter>,
}

/// What a text in pieces has shown so far; a fresh one stands at the start of a line.
#[derive(Debug, Default)]
pub struct MatcherState {
    /// The last octet was a CR, which is read only when it is known not to end the line.
    cr_held: bool,
    /// Octets of the line so far; less if it is longer than `REBASE_AT`.
    line_len: u32,
    in_line: bool,
    memories: SmallVec<[Memory; 1]>,
    hits: Hits,
}

/// The patterns need more memory or time than one field may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// The index of the pattern that passed the bound.
    pub pattern: usize,
}

impl TooLarge {
    /// How to write the pattern so that it fits.
    pub fn help(&self) -> &'static str {
        "use smaller counts, or `.*` in place of a counted `[^x]{n,m}`; split alternatives into patterns of their own"
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "pattern {} is too large to be matched in bounded memory and time", self.pattern)
    }
}

impl std::error::Error for TooLarge {}

impl fmt::Debug for Matcher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Matcher({} patterns, {} automata)", self.patterns, self.groups.len())
    }
}

impl Matcher {
    pub fn new(patterns: &[&Pattern]) -> Result<Self, TooLarge> {
        let Parts { groups, prefilter } = build::build(patterns)?;
        Ok(Self { patterns: patterns.len(), groups, prefilter })
    }

    pub fn pattern_count(&self) -> usize {
        self.patterns
    }

    /// Looks at one whole text (an address, an unfolded header field, a content type) as a single line.
    ///
    /// Calls `hit` with the index of each pattern that holds, ascending.
    pub fn find_in(&self, text: &[u8], hit: &mut dyn FnMut(usize)) {
        let mut state = MatcherState::default();
        self.prepare(&mut state);
        self.begin_line(&mut state);
        self.read(&mut state, text);
        self.end_line(&mut state);
        state.hits.tell(hit);
    }

    /// Looks at the next octets of a text of many lines, cut anywhere.
    ///
    /// Calls `hit(offset, pattern)` where a line ends in which the pattern held, once for each pattern until
    /// `MatcherState::reset`. `offset` counts the octets of this run up to and with that line end.
    pub fn feed(&self, state: &mut MatcherState, run: &[u8], hit: &mut dyn FnMut(usize, usize)) {
        self.prepare(state);
        let mut before = 0;
        for piece in run.chunks(REBASE_AT as usize) {
            self.feed_piece(state, piece, &mut |offset, pattern| hit(before + offset, pattern));
            before += piece.len();
        }
    }

    /// The text ends; its last line may have no line end.
    pub fn finish(&self, state: &mut MatcherState, hit: &mut dyn FnMut(usize)) {
        if std::mem::take(&mut state.cr_held) {
            self.read(state, b"\r");
        }
        if state.in_line {
            self.end_line(state);
        }
        state.hits.tell(hit);
    }

    fn feed_piece(&self, state: &mut MatcherState, run: &[u8], hit: &mut dyn FnMut(usize, usize)) {
        let mut at = 0;
        if state.in_line {
            at = self.feed_line_begun(state, run, hit);
        }
        if state.hits.all_known() {
            return;
        }
        at = self.feed_lines(state, run, at, hit);
        let rest = run.get(at..).unwrap_or_default();
        if !rest.is_empty() {
            let text = rest.strip_suffix(b"\r").unwrap_or(rest);
            state.cr_held = text.len() < rest.len();
            self.begin_line(state);
            self.read(state, text);
        }
    }

    /// Goes on with a line of an earlier run; tells how many octets of this one belong to it.
    ///
    /// Such a line is read by all groups: what was required may have stood where the prefilter did not look.
    fn feed_line_begun(
        &self,
        state: &mut MatcherState,
        run: &[u8],
        hit: &mut dyn FnMut(usize, usize),
    ) -> usize {
        let ends_at_once = state.cr_held && run.first() == Some(&b'\n');
        if std::mem::take(&mut state.cr_held) && !ends_at_once {
            self.read(state, b"\r");
        }
        let line = if ends_at_once { Some((&[][..], 1)) } else { line(run) };
        let Some((text, len)) = line else {
            let text = run.strip_suffix(b"\r").unwrap_or(run);
            state.cr_held = text.len() < run.len();
            self.read(state, text);
            return run.len();
        };
        self.read(state, text);
        self.end_line(state);
        state.hits.tell(&mut |pattern| hit(len, pattern));
        len
    }

    /// Looks at the lines that begin and end in this run; tells where the last of them ends.
    fn feed_lines(
        &self,
        state: &mut MatcherState,
        run: &[u8],
        from: usize,
        hit: &mut dyn FnMut(usize, usize),
    ) -> usize {
        let end = last_line_end(run, from);
        let lines = run.get(..end).unwrap_or_default();
        let mut at = from;
        while at < end && !state.hits.all_known() {
            let mut few = [WholeLine::default(); 4];
            for line in &mut few {
                *line = self.next_line(lines, at);
                at = line.end;
            }
            self.feed_few(state, &few, hit);
        }
        end
    }

    /// The next line at or behind `from` that may hold something; if there is none, an empty one at the end.
    fn next_line<'r>(&self, lines: &'r [u8], from: usize) -> WholeLine<'r> {
        let none = WholeLine { text: &[], end: lines.len(), exists: false };
        let mut start = from;
        if let Some(prefilter) = &self.prefilter {
            let Some(candidate) = prefilter.candidate(lines, from) else { return none };
            start = last_line_end(lines.get(..candidate).unwrap_or_default(), from);
        }
        let found = line(lines.get(start..).unwrap_or_default());
        found.map_or(none, |(text, len)| WholeLine { text, end: start + len, exists: true })
    }

    /// Looks at all lines side by side, then at those in which something happens one by one.
    fn feed_few(
        &self,
        state: &mut MatcherState,
        few: &[WholeLine<'_>; 4],
        hit: &mut dyn FnMut(usize, usize),
    ) {
        let texts = few.map(|line| line.text);
        let mut busy: [u64; 4] = [0; 4];
        for (index, group) in self.groups.iter().enumerate() {
            let of_group = group.is_busy(texts).into_iter();
            busy.iter_mut().zip(of_group).for_each(|(busy, of_group)| *busy |= u64::from(of_group) << index);
        }
        for (line, busy) in few.iter().zip(busy).filter(|(line, busy)| line.exists && *busy != 0) {
            // A run has at most `REBASE_AT` octets, and so has a line in it.
            let len = u32::try_from(line.text.len()).unwrap_or(REBASE_AT);
            let each = self.groups.iter().zip(&mut state.memories).enumerate();
            for (_, (group, memory)) in each.filter(|(index, _)| busy >> index & 1 != 0) {
                group.begin_line(memory, &mut state.hits);
                group.read(memory, &mut state.hits, 0, line.text);
                group.end_line(memory, &mut state.hits, len);
            }
            state.hits.tell(&mut |pattern| hit(line.end, pattern));
        }
    }

    fn prepare(&self, state: &mut MatcherState) {
        if state.memories.is_empty() {
            state.memories.reserve_exact(self.groups.len());
            state.memories.resize_with(self.groups.len(), Memory::default);
            state.hits.prepare(self.patterns);
        }
    }

    fn begin_line(&self, state: &mut MatcherState) {
        state.in_line = true;
        state.line_len = 0;
        for (group, memory) in self.groups.iter().zip(&mut state.memories) {
            group.begin_line(memory, &mut state.hits);
        }
    }

    fn read(&self, state: &mut MatcherState, text: &[u8]) {
        if state.hits.all_known() {
            return;
        }
        for piece in text.chunks(REBASE_AT as usize) {
            if state.line_len >= REBASE_AT {
                let by = state.line_len - REACH_MAX;
                state.line_len = REACH_MAX;
                self.groups
                    .iter()
                    .zip(&mut state.memories)
                    .for_each(|(group, memory)| group.rebase(memory, by));
            }
            for (group, memory) in self.groups.iter().zip(&mut state.memories) {
                group.read(memory, &mut state.hits, state.line_len, piece);
            }
            state.line_len += u32::try_from(piece.len()).unwrap_or(REBASE_AT);
        }
    }

    fn end_line(&self, state: &mut MatcherState) {
        state.in_line = false;
        for (group, memory) in self.groups.iter().zip(&mut state.memories) {
            group.end_line(memory, &mut state.hits, state.line_len);
        }
    }
}

/// A line that lies whole in a run.
#[derive(Clone, Copy, Debug, Default)]
struct WholeLine<'r> {
    text: &'r [u8],
    /// Where it is over, with its line end.
    end: usize,
    exists: bool,
}

impl MatcherState {
    /// Back to the start of a text: every pattern may be told again.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Octets this state takes, with all that it owns.
    pub fn size(&self) -> usize {
        let memories: usize = self.memories.iter().map(Memory::heap_size).sum();
        let spilled =
            if self.memories.spilled() { self.memories.capacity() * size_of::<Memory>() } else { 0 };
        size_of::<Self>() + spilled + memories + self.hits.heap_size()
    }
}

/// The first line of `run` that ends in it: its text, and its length with the line end. Where line ends
/// were mended there is no LF without its CR, and where octets are counted (RFC 3030) one ends a line.
fn line(run: &[u8]) -> Option<(&[u8], usize)> {
    let at = memchr::memchr(b'\n', run)?;
    let before = run.get(..at)?;
    Some((before.strip_suffix(b"\r").unwrap_or(before), at + 1))
}

/// Where the last line end behind `from` is over; `from` if there is none. A line begins at `from`.
fn last_line_end(run: &[u8], from: usize) -> usize {
    let run = run.get(from..).unwrap_or_default();
    memchr::memrchr(b'\n', run).map_or(from, |at| from + at + 1)
}

/// Places in a line are counted to here and then moved back, so that no line is too long to be counted.
const REBASE_AT: u32 = 1 << 22;

// Limit: what a part can reach back. Thirty gaps of a thousand octets fill a pattern of 240 characters.
const REACH_MAX: u32 = 1 << 16;

//! The streaming matcher of many patterns: which of them hold in a text that arrives in pieces.
//!
//! Patterns are split at their `.*` into parts; parts of fixed length are words of one automaton whose state is
//! carried, and what cannot be split is followed in bits. Nothing of the text is kept: a line may be of any length.
//! Does not say what a hit means, and does not unfold or decode: it is given the text to look at.

mod automaton;
mod group;
mod octets;
mod split;
mod tail;

use std::fmt;

use regex_syntax::hir::Hir;
use smallvec::SmallVec;

use self::group::{Group, Hits, Memory, Refused};
use self::split::Chain;
use crate::pattern::Pattern;

/// Patterns compiled together; shared by all sessions.
pub struct Matcher {
    patterns: usize,
    groups: Vec<Group>,
}

/// What a text in pieces has shown so far; a fresh one stands at the start of a line.
#[derive(Debug, Default)]
pub struct MatcherState {
    line_end: LineEnd,
    /// The last octet was a CR, which is read only when it is known not to end the line.
    cr_held: bool,
    /// Octets of the line so far; less if it is longer than `REBASE_AT`.
    line_len: u32,
    in_line: bool,
    memories: SmallVec<[Memory; 1]>,
    hits: Hits,
}

/// What ends a line of body text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnd {
    #[default]
    Crlf,
    /// CRLF, or LF without its CR.
    Lf,
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
        let groups = compile(patterns)?;
        Ok(Self { patterns: patterns.len(), groups })
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
        let mut rest = run;
        while !rest.is_empty() {
            if state.hits.all_known() && !state.in_line {
                return;
            }
            let (text, len) = self.take_line(state, rest);
            if !state.in_line {
                self.begin_line(state);
            }
            self.read(state, text);
            let Some(len) = len else { return };
            self.end_line(state);
            rest = rest.get(len..).unwrap_or_default();
            let offset = run.len() - rest.len();
            state.hits.tell(&mut |pattern| hit(offset, pattern));
        }
    }

    /// The text ends; its last line may have no line end.
    pub fn finish(&self, state: &mut MatcherState, hit: &mut dyn FnMut(usize)) {
        if std::mem::take(&mut state.cr_held) {
            if !state.in_line {
                self.begin_line(state);
            }
            self.read(state, b"\r");
        }
        if state.in_line {
            self.end_line(state);
        }
        state.hits.tell(hit);
    }

    /// The text of the line up to its end, and how many octets that is with its end; or all, if it does not end.
    ///
    /// A CR that comes last is held back; one held back before and not followed by LF is read here.
    fn take_line<'r>(&self, state: &mut MatcherState, run: &'r [u8]) -> (&'r [u8], Option<usize>) {
        if std::mem::take(&mut state.cr_held) {
            if run.first() == Some(&b'\n') {
                // The line may consist of this CRLF alone.
                return (&[], Some(1));
            }
            if !state.in_line {
                self.begin_line(state);
            }
            self.read(state, b"\r");
        }
        if let Some((text, len)) = line(run, state.line_end) {
            return (text, Some(len));
        }
        let text = run.strip_suffix(b"\r").unwrap_or(run);
        state.cr_held = text.len() < run.len();
        (text, None)
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

impl MatcherState {
    /// A state for text in which `line_end` ends a line.
    pub fn new(line_end: LineEnd) -> Self {
        Self { line_end, ..Self::default() }
    }

    /// Back to the start of a text: every pattern may be told again.
    pub fn reset(&mut self) {
        *self = Self::new(self.line_end);
    }

    /// Octets this state takes, with all that it owns.
    pub fn size(&self) -> usize {
        let memories: usize = self.memories.iter().map(Memory::heap_size).sum();
        let spilled =
            if self.memories.spilled() { self.memories.capacity() * size_of::<Memory>() } else { 0 };
        size_of::<Self>() + spilled + memories + self.hits.heap_size()
    }
}

/// The first line of `run` that ends in it: its text, and its length with the line end.
fn line(run: &[u8], line_end: LineEnd) -> Option<(&[u8], usize)> {
    for at in memchr::memchr_iter(b'\n', run) {
        let before = run.get(..at)?;
        match (before.strip_suffix(b"\r"), line_end) {
            (Some(text), _) => return Some((text, at + 1)),
            (None, LineEnd::Lf) => return Some((before, at + 1)),
            (None, LineEnd::Crlf) => {}
        }
    }
    None
}

/// One alternative of a pattern, as it was and as it was split.
#[derive(Clone)]
struct Alternative {
    pattern: u16,
    hir: Hir,
    chain: Chain,
}

fn compile(patterns: &[&Pattern]) -> Result<Vec<Group>, TooLarge> {
    let mut alternatives = Vec::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let number = u16::try_from(index).map_err(|_| TooLarge { pattern: index })?;
        let split = split::alternatives(pattern.hir()).into_iter();
        alternatives.extend(split.map(|hir| Alternative { pattern: number, chain: split::chain(&hir), hir }));
    }
    let mut groups = Vec::new();
    let mut work = WORK_MAX;
    share(alternatives, &mut groups, &mut work)?;
    Ok(groups)
}

/// Makes one group of all, or groups of halves where too much would share an automaton.
fn share(all: Vec<Alternative>, groups: &mut Vec<Group>, work: &mut usize) -> Result<(), TooLarge> {
    let mut open = vec![all];
    let (mut heap, mut memory) = (0, size_of::<MatcherState>());
    while let Some(mut alternatives) = open.pop() {
        let Some(first) = alternatives.first() else { continue };
        let pattern = usize::from(first.pattern);
        let chains: Vec<_> =
            alternatives.iter().map(|alternative| (alternative.pattern, &alternative.chain)).collect();
        match Group::new(&chains, work) {
            Ok(group) => {
                heap += group.heap_size();
                memory += group.memory_size() + size_of::<Memory>();
                if heap > HEAP_MAX || memory > STATE_SIZE_MAX {
                    return Err(TooLarge { pattern });
                }
                groups.push(group);
            }
            Err(Refused::Tail(index)) => {
                let blamed = chains.get(index).map_or(pattern, |(pattern, _)| usize::from(*pattern));
                return Err(TooLarge { pattern: blamed });
            }
            Err(Refused::Automaton) if *work == 0 => return Err(TooLarge { pattern }),
            Err(Refused::Automaton) => match alternatives.as_mut_slice() {
                [single] => {
                    single.chain = split::whole(&single.hir);
                    open.push(alternatives);
                }
                _ => {
                    let right = alternatives.split_off(alternatives.len() / 2);
                    open.extend([right, alternatives]);
                }
            },
        }
    }
    Ok(())
}

// Limit: octets of one session's state, whatever the patterns.
const STATE_SIZE_MAX: usize = 4096;

// Limit: octets of the tables of one field.
const HEAP_MAX: usize = 16 << 20;

// Limit: steps of compilation; they take about a third of a second.
const WORK_MAX: usize = 40_000_000;

// Places in a line are counted to here, and then moved back to `REACH_MAX`.
const REBASE_AT: u32 = 1 << 30;

// More than any part can reach back: 60 counted gaps of 1000 octets, and the words between them.
const REACH_MAX: u32 = 1 << 24;

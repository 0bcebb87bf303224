//! Alternatives that share one automaton: which parts of each were seen in this line, and where the last one ended.
//!
//! Why it is right. Let `e(k)` be the least place where the first `k` parts, in order and without overlap, can have
//! ended, counted from the last line end inside the text (`.*` cannot cross it). Any occurrence of part `k + 1`
//! that can follow some such placement begins at or behind that placement's end, which is at or behind `e(k)`, so
//! it can follow the least one too. Hence `e(k + 1)` is the least end among the occurrences of part `k + 1` that
//! begin at or behind `e(k)`, and one place per alternative is all there is to remember. A word of fixed length
//! `n` that ends at `e` begins at `e - n`; a tail begins where its head ended, or, if the part has no head, is
//! begun at every place from `e(k)` on. Octets are seen in order, so the first end met is the least.
//!
//! Knows nothing of where lines begin and end; that is told by the matcher.

use smallvec::SmallVec;

use super::automaton::{Automaton, TooManyStates};
use super::split::{Chain, Part, Word};
use super::tail::{Place, Reading, Tail, TooManyPositions};

#[derive(Debug)]
pub(super) struct PatternGroup {
    automaton: Automaton,
    heads: Vec<Head>,
    tracks: Vec<Track>,
    tails: Vec<Follower>,
    /// Chains that have a place in `Memory::chains`.
    slots: usize,
    /// Words of 64 bits for the sets of all tails.
    sets_len: usize,
    /// Tails that are begun wherever a chain stands at its beginning.
    first: Vec<u16>,
    /// Chains that end in `.*$`.
    to_line_end: Vec<u16>,
}

/// What a word of the automaton stands for.
#[derive(Debug)]
struct Head {
    chain: u16,
    stage: u16,
    reach: u32,
    tail: Option<u16>,
}

/// What a chain runs through: whose it is, and how many parts it has.
#[derive(Debug)]
struct Track {
    pattern: u16,
    parts: u16,
    from_line_start: bool,
    to_line_end: bool,
    /// Where its progress is kept; one that holds with its first part has none to keep.
    slot: Option<u16>,
    /// For each part without a head, its tail.
    headless: Vec<Option<u16>>,
}

#[derive(Debug)]
struct Follower {
    tail: Tail,
    chain: u16,
    stage: u16,
    /// Where its set begins among the sets.
    at: usize,
}

/// What a group remembers of the line so far.
#[derive(Debug, Default)]
pub(super) struct Memory {
    state: u32,
    /// Where the text began that `.*` may span: the line's start, or behind the last CR or LF in it.
    since: u32,
    broken: bool,
    /// Empty as long as no chain has moved.
    chains: SmallVec<[Progress; 8]>,
    /// Empty as long as no tail was begun.
    sets: SmallVec<[u64; 8]>,
    running: SmallVec<[u16; 8]>,
}

/// How many parts of a chain were seen, and where the last of them ended.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    end: u32,
    stage: u16,
}

/// Patterns that held, told and yet to tell.
#[derive(Debug, Default)]
pub(super) struct Hits {
    known: SmallVec<[u64; 4]>,
    untold: SmallVec<[u64; 4]>,
    missing: usize,
}

/// Why a group could not be made.
#[derive(Debug)]
pub(super) enum Refused {
    Automaton,
    /// The tail of this chain, by its index among those given.
    Tail(usize),
}

impl PatternGroup {
    /// `chains` with the patterns they belong to.
    pub(super) fn new(chains: &[(u16, &Chain)], work: &mut usize) -> Result<Self, Refused> {
        let words: Vec<&Word> =
            chains.iter().flat_map(|(_, chain)| &chain.parts).flat_map(|part| &part.words).collect();
        let automaton = Automaton::new(&words, work).map_err(|TooManyStates| Refused::Automaton)?;
        let mut group = Self {
            automaton,
            heads: Vec::new(),
            tracks: Vec::new(),
            tails: Vec::new(),
            slots: 0,
            sets_len: 0,
            first: Vec::new(),
            to_line_end: Vec::new(),
        };
        for (index, (pattern, chain)) in chains.iter().enumerate() {
            group.add(*pattern, chain).map_err(|TooManyPositions| Refused::Tail(index))?;
        }
        Ok(group)
    }

    fn add(&mut self, pattern: u16, chain: &Chain) -> Result<(), TooManyPositions> {
        let number = index(self.tracks.len())?;
        let mut headless = Vec::new();
        for (stage, part) in chain.parts.iter().enumerate() {
            headless.push(self.add_part(number, index(stage)?, part)?);
        }
        self.first.extend(headless.first().copied().flatten());
        if chain.to_line_end {
            self.to_line_end.push(number);
        }
        let spans = chain.parts.len() > 1 || chain.to_line_end;
        let slot = if spans { Some(index(self.slots)?) } else { None };
        self.slots += usize::from(spans);
        self.tracks.push(Track {
            pattern,
            parts: index(chain.parts.len())?,
            from_line_start: chain.from_line_start,
            to_line_end: chain.to_line_end,
            slot,
            headless,
        });
        Ok(())
    }

    /// The part's tail, if it has no head.
    fn add_part(&mut self, chain: u16, stage: u16, part: &Part) -> Result<Option<u16>, TooManyPositions> {
        let mut follower = None;
        if let Some(hir) = &part.tail {
            let tail = Tail::new(hir, part.words.is_empty())?;
            follower = Some(index(self.tails.len())?);
            let at = self.sets_len;
            self.sets_len += tail.width();
            self.tails.push(Follower { tail, chain, stage, at });
        }
        let heads = part.words.iter().map(|word| Head { chain, stage, reach: word.reach, tail: follower });
        self.heads.extend(heads);
        Ok(follower.filter(|_| part.words.is_empty()))
    }

    /// Octets of a session's memory.
    pub(super) fn memory_size(&self) -> usize {
        let running = self.tails.len().next_power_of_two() * size_of::<u16>();
        size_of::<Memory>() + self.slots * size_of::<Progress>() + self.sets_len * size_of::<u64>() + running
    }

    /// The pattern whose chain needs most of a session's memory, the last of several.
    pub(super) fn heaviest(&self) -> Option<usize> {
        let mut sets_len = vec![0; self.tracks.len()];
        for follower in &self.tails {
            if let Some(len) = sets_len.get_mut(usize::from(follower.chain)) {
                *len += follower.tail.width();
            }
        }
        let tracks = self.tracks.iter().zip(sets_len);
        tracks
            .max_by_key(|(track, len)| (*len, track.slot.is_some()))
            .map(|(track, _)| usize::from(track.pattern))
    }

    pub(super) fn heap_size(&self) -> usize {
        let tails: usize = self.tails.iter().map(|follower| follower.tail.heap_size()).sum();
        self.automaton.heap_size() + tails + self.heads.len() * size_of::<Head>()
    }

    pub(super) fn begin_line(&self, memory: &mut Memory, hits: &mut Hits) {
        memory.state = self.automaton.line_start();
        memory.since = 0;
        memory.broken = false;
        memory.chains.clear();
        memory.running.clear();
        for &tail in &self.first {
            self.begin_tail(memory, hits, tail, Place::LineStart, 0);
        }
    }

    /// Reads octets of one line; `at` is how many of it were read before.
    pub(super) fn read(&self, memory: &mut Memory, hits: &mut Hits, at: u32, octets: &[u8]) {
        let mut rest = octets;
        let mut end = at;
        while !rest.is_empty() {
            let (state, len) = self.automaton.skip(memory.state, rest);
            let (stretch, behind) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            memory.state = state;
            if !memory.running.is_empty() {
                self.run_tails(memory, hits, end, stretch);
            }
            rest = behind;
            end += u32::try_from(len).unwrap_or(u32::MAX);
            if self.automaton.is_special(state) {
                self.look(memory, hits, end);
            }
        }
    }

    /// Which of four whole lines must be read, because something happens in them.
    pub(super) fn is_busy(&self, lines: [&[u8]; 4]) -> [bool; 4] {
        if self.first.is_empty() { self.automaton.is_busy(lines) } else { [true; 4] }
    }

    /// The line ends here: what was waiting for `$` holds.
    pub(super) fn end_line(&self, memory: &mut Memory, hits: &mut Hits, at: u32) {
        for &word in self.automaton.words_at_line_end(memory.state) {
            self.word(memory, hits, word, at);
        }
        for running in std::mem::take(&mut memory.running) {
            if self.follows(memory, hits, running)
                && let Some((follower, set)) = self.set(memory, running)
                && follower.tail.holds_at_line_end(set)
            {
                self.complete(memory, hits, follower.chain, at);
            }
        }
        for &chain in &self.to_line_end {
            if let Some(track) = self.tracks.get(usize::from(chain))
                && memory.progress(track).stage == track.parts
            {
                hits.add(track.pattern);
            }
        }
    }

    /// Moves all places back, so that a line may be longer than a `u32` counts.
    pub(super) fn rebase(&self, memory: &mut Memory, by: u32) {
        memory.since = memory.since.saturating_sub(by);
        memory.chains.iter_mut().for_each(|progress| progress.end = progress.end.saturating_sub(by));
    }

    fn look(&self, memory: &mut Memory, hits: &mut Hits, end: u32) {
        for &word in self.automaton.words_at(memory.state) {
            self.word(memory, hits, word, end);
        }
        if self.automaton.is_line_end(memory.state) {
            self.break_line(memory, hits, end);
        }
    }

    /// A CR or LF inside the text: all chains begin anew, but it is no place for `^`.
    fn break_line(&self, memory: &mut Memory, hits: &mut Hits, end: u32) {
        memory.since = end;
        memory.broken = true;
        memory.chains.clear();
        // What has no `.*` may be a whole expression with a literal CR or LF in it, and is followed further.
        memory.running.retain(|running| self.track_of(*running).is_some_and(|track| !track.spans()));
        for &tail in &self.first {
            if !memory.running.contains(&tail) && self.track_of(tail).is_some_and(Track::spans) {
                self.begin_tail(memory, hits, tail, Place::Within, end);
            }
        }
    }

    fn word(&self, memory: &mut Memory, hits: &mut Hits, word: u32, end: u32) {
        let Some(head) = self.heads.get(word as usize) else { return };
        let Some(track) = self.tracks.get(usize::from(head.chain)) else { return };
        let progress = memory.progress(track);
        let from = if head.stage == 0 { memory.since } else { progress.end };
        if progress.stage != head.stage
            || end.saturating_sub(from) < head.reach
            || hits.is_known(track.pattern)
        {
            return;
        }
        match head.tail {
            Some(tail) => self.begin_tail(memory, hits, tail, Place::Within, end),
            None => self.complete(memory, hits, head.chain, end),
        }
    }

    /// The part that the chain was waiting for ends here, first of all its occurrences.
    fn complete(&self, memory: &mut Memory, hits: &mut Hits, chain: u16, end: u32) {
        let Some(track) = self.tracks.get(usize::from(chain)) else { return };
        let stage = memory.progress(track).stage;
        if stage == 0 && track.from_line_start && memory.broken {
            return;
        }
        if stage + 1 == track.parts && !track.to_line_end {
            hits.add(track.pattern);
            return;
        }
        if memory.chains.is_empty() {
            memory.chains.reserve_exact(self.slots);
            memory.chains.resize(self.slots, Progress::default());
        }
        if let Some(progress) = track.slot.and_then(|slot| memory.chains.get_mut(usize::from(slot))) {
            *progress = Progress { end, stage: stage + 1 };
        }
        if let Some(Some(tail)) = track.headless.get(usize::from(stage) + 1) {
            self.begin_tail(memory, hits, *tail, Place::Within, end);
        }
    }

    fn begin_tail(&self, memory: &mut Memory, hits: &mut Hits, tail: u16, place: Place, end: u32) {
        if memory.sets.is_empty() {
            memory.sets.reserve_exact(self.sets_len);
            memory.sets.resize(self.sets_len, 0);
        }
        let fresh = !memory.running.contains(&tail);
        if fresh {
            memory.running.push(tail);
        }
        let Some((follower, set)) = self.set(memory, tail) else { return };
        if fresh {
            set.fill(0);
        }
        follower.tail.begin(set, place);
        if follower.tail.holds(set) {
            self.complete(memory, hits, follower.chain, end);
        }
    }

    /// Lets each tail read a stretch in which no word ends, so that no tail can begin but by another's end.
    fn run_tails(&self, memory: &mut Memory, hits: &mut Hits, at: u32, stretch: &[u8]) {
        let mut open: SmallVec<[(u16, usize); 8]> =
            memory.running.drain(..).map(|running| (running, 0)).collect();
        while let Some((running, from)) = open.pop() {
            if !self.follows(memory, hits, running) {
                continue;
            }
            let Some((follower, set)) = self.set(memory, running) else { continue };
            match follower.tail.read(set, stretch.get(from..).unwrap_or_default()) {
                Reading::Dead => {}
                Reading::Alive => memory.running.push(running),
                Reading::Holds(len) => {
                    let alive = memory.running.len();
                    let end = from + len;
                    self.complete(memory, hits, follower.chain, at + u32::try_from(end).unwrap_or(0));
                    open.extend(memory.running.drain(alive..).map(|begun| (begun, end)));
                }
            }
        }
    }

    /// Whether anyone still wants to know what this tail says.
    fn follows(&self, memory: &Memory, hits: &Hits, running: u16) -> bool {
        let Some(follower) = self.tails.get(usize::from(running)) else { return false };
        self.tracks.get(usize::from(follower.chain)).is_some_and(|track| {
            memory.progress(track).stage == follower.stage && !hits.is_known(track.pattern)
        })
    }

    fn track_of(&self, tail: u16) -> Option<&Track> {
        let follower = self.tails.get(usize::from(tail))?;
        self.tracks.get(usize::from(follower.chain))
    }

    fn set<'m>(&self, memory: &'m mut Memory, tail: u16) -> Option<(&Follower, &'m mut [u64])> {
        let follower = self.tails.get(usize::from(tail))?;
        let set = memory.sets.get_mut(follower.at..follower.at + follower.tail.width())?;
        Some((follower, set))
    }
}

impl Track {
    /// Whether it has a `.*`, which no line end may interrupt.
    fn spans(&self) -> bool {
        self.slot.is_some()
    }
}

impl Memory {
    fn progress(&self, track: &Track) -> Progress {
        let slot = track.slot.and_then(|slot| self.chains.get(usize::from(slot)));
        slot.copied().unwrap_or_default()
    }

    /// Octets on the heap.
    pub(super) fn heap_size(&self) -> usize {
        let chains = if self.chains.spilled() { self.chains.capacity() * size_of::<Progress>() } else { 0 };
        let sets = if self.sets.spilled() { self.sets.capacity() * size_of::<u64>() } else { 0 };
        let running = if self.running.spilled() { self.running.capacity() * size_of::<u16>() } else { 0 };
        chains + sets + running
    }
}

impl Hits {
    pub(super) fn prepare(&mut self, patterns: usize) {
        let len = patterns.div_ceil(64);
        for bits in [&mut self.known, &mut self.untold] {
            bits.clear();
            bits.reserve_exact(len);
            bits.resize(len, 0);
        }
        self.missing = patterns;
    }

    /// Whether every pattern has held, so that there is nothing more to look for.
    pub(super) fn all_known(&self) -> bool {
        self.missing == 0
    }

    /// Tells what was not told yet, in ascending order.
    pub(super) fn tell(&mut self, hit: &mut dyn FnMut(usize)) {
        for (index, word) in self.untold.iter_mut().enumerate() {
            let mut bits = std::mem::take(word);
            while bits != 0 {
                hit(index * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
    }

    fn is_known(&self, pattern: u16) -> bool {
        self.known.get(usize::from(pattern / 64)).is_some_and(|word| word & (1 << (pattern % 64)) != 0)
    }

    fn add(&mut self, pattern: u16) {
        if self.is_known(pattern) {
            return;
        }
        for bits in [&mut self.known, &mut self.untold] {
            if let Some(word) = bits.get_mut(usize::from(pattern / 64)) {
                *word |= 1 << (pattern % 64);
            }
        }
        self.missing = self.missing.saturating_sub(1);
    }

    pub(super) fn heap_size(&self) -> usize {
        let spilled = [&self.known, &self.untold].into_iter().filter(|bits| bits.spilled());
        spilled.map(|bits| bits.capacity() * size_of::<u64>()).sum()
    }
}

fn index(len: usize) -> Result<u16, TooManyPositions> {
    u16::try_from(len).map_err(|_| TooManyPositions)
}

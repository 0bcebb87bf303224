//! What cannot be told in words of fixed length, followed position by position: a bit for each.
//!
//! An automaton of its own may have exponentially many states (`a.{20}b`); this one has a bit for every position
//! of the expression, and a step costs the same whatever was read. It follows any number of beginnings at once.

use std::collections::{BTreeMap, HashMap};

use regex_automata::nfa::thompson::{Compiler, Config, NFA, State, WhichCaptures};
use regex_automata::util::look::Look;
use regex_automata::util::primitives::StateID;
use regex_syntax::hir::Hir;

use super::octets::{Groups, OctetSet};

/// The machine for one expression; the set of positions it is at lives in the session's state.
#[derive(Debug)]
pub(super) enum Tail {
    One(Box<Machine<1>>),
    Two(Box<Machine<2>>),
    Four(Box<Machine<4>>),
    Eight(Box<Machine<8>>),
    Sixteen(Box<Machine<16>>),
}

/// Where a tail begins to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    LineStart,
    Within,
}

/// How far a tail came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// All octets were read, and the set is what to go on with.
    Alive,
    Dead,
    /// The expression holds behind so many octets.
    Holds(usize),
}

/// The expression has more positions, or more jumps between them, than a step may cost.
#[derive(Debug)]
pub(super) struct TooManyPositions;

/// Runs `$body` with `$machine` bound to whichever machine it is.
macro_rules! with_machine {
    ($tail:expr, $machine:ident => $body:expr) => {
        match $tail {
            Tail::One($machine) => $body,
            Tail::Two($machine) => $body,
            Tail::Four($machine) => $body,
            Tail::Eight($machine) => $body,
            Tail::Sixteen($machine) => $body,
        }
    };
}

impl Tail {
    /// `anywhere`: the expression may begin at every octet, not only where it is told to.
    pub(super) fn new(hir: &Hir, anywhere: bool) -> Result<Self, TooManyPositions> {
        let graph = Graph::new(hir)?;
        match graph.nodes.len().div_ceil(64) {
            0 | 1 => Machine::new(&graph, anywhere).map(Box::new).map(Self::One),
            2 => Machine::new(&graph, anywhere).map(Box::new).map(Self::Two),
            3..=4 => Machine::new(&graph, anywhere).map(Box::new).map(Self::Four),
            5..=8 => Machine::new(&graph, anywhere).map(Box::new).map(Self::Eight),
            9..=16 => Machine::new(&graph, anywhere).map(Box::new).map(Self::Sixteen),
            _ => Err(TooManyPositions),
        }
    }

    /// Words of 64 bits that the set needs.
    pub(super) fn width(&self) -> usize {
        with_machine!(self, machine => machine.width())
    }

    /// One more beginning, beside those that are followed already.
    pub(super) fn begin(&self, set: &mut [u64], place: Place) {
        with_machine!(self, machine => machine.begin(set, place));
    }

    /// Reads octets until the expression holds, or cannot hold any more, or all are read.
    pub(super) fn read(&self, set: &mut [u64], octets: &[u8]) -> Reading {
        with_machine!(self, machine => machine.read(set, octets))
    }

    pub(super) fn holds(&self, set: &[u64]) -> bool {
        with_machine!(self, machine => WideBits::load(set).meets(&machine.last))
    }

    pub(super) fn holds_at_line_end(&self, set: &[u64]) -> bool {
        with_machine!(self, machine => WideBits::load(set).meets(&machine.last_at_line_end))
    }

    pub(super) fn heap_size(&self) -> usize {
        with_machine!(self, machine => machine.heap_size())
    }
}

#[derive(Debug)]
pub(super) struct Machine<const W: usize> {
    groups: Groups,
    /// For each group of octets the positions that take them.
    takes: Vec<WideBits<W>>,
    /// Positions after which the next one may come.
    shifts: WideBits<W>,
    /// Positions that may come again.
    stays: WideBits<W>,
    /// All other transitions: from any of these positions to all of those.
    jumps: Vec<(WideBits<W>, WideBits<W>)>,
    /// The beginning, if it is tried at every octet.
    anywhere: WideBits<W>,
    last: WideBits<W>,
    last_at_line_end: WideBits<W>,
}

impl<const W: usize> Machine<W> {
    fn new(graph: &Graph, anywhere: bool) -> Result<Self, TooManyPositions> {
        let groups = Groups::new(graph.nodes.iter().map(|node| &node.octets));
        let takes = groups.members().iter();
        let takes = takes.map(|member| graph.bits(|node| node.octets.contains(*member))).collect();
        let mut jumps: BTreeMap<Vec<usize>, WideBits<W>> = BTreeMap::new();
        let (mut shifts, mut stays) = (WideBits::default(), WideBits::default());
        for (index, node) in graph.nodes.iter().enumerate() {
            let others = node.next.iter().copied().filter(|next| *next != index && *next != index + 1);
            let others: Vec<usize> = others.collect();
            if node.next.contains(&index) {
                stays.set(index);
            }
            if node.next.contains(&(index + 1)) {
                shifts.set(index);
            }
            if !others.is_empty() {
                jumps.entry(others).or_default().set(index);
            }
        }
        if W * (jumps.len() + 4) > STEP_COST_MAX {
            return Err(TooManyPositions);
        }
        let to_bits = |(targets, from): (Vec<usize>, WideBits<W>)| {
            let mut to = WideBits::default();
            targets.into_iter().for_each(|target| to.set(target));
            (from, to)
        };
        let jumps = jumps.into_iter().map(to_bits).collect();
        let mut begin = WideBits::default();
        if anywhere && graph.begins_within() {
            begin.set(WITHIN);
        }
        let (last, last_at_line_end) =
            (graph.bits(|node| node.last), graph.bits(|node| node.last_at_line_end));
        Ok(Self { groups, takes, shifts, stays, jumps, anywhere: begin, last, last_at_line_end })
    }

    fn width(&self) -> usize {
        W
    }

    fn begin(&self, set: &mut [u64], place: Place) {
        let mut bits = WideBits::<W>::load(set);
        bits.set(if place == Place::LineStart { LINE_START } else { WITHIN });
        bits.or(&self.anywhere);
        bits.store(set);
    }

    fn read(&self, set: &mut [u64], octets: &[u8]) -> Reading {
        let mut bits = WideBits::<W>::load(set);
        for (index, &octet) in octets.iter().enumerate() {
            bits = self.step(&bits, octet);
            if bits.meets(&self.last) {
                return Reading::Holds(index + 1);
            }
            if bits.is_empty() {
                return Reading::Dead;
            }
        }
        bits.store(set);
        Reading::Alive
    }

    #[inline(always)]
    fn step(&self, bits: &WideBits<W>, octet: u8) -> WideBits<W> {
        let mut next = bits.and(&self.shifts).shifted();
        next.or(&bits.and(&self.stays));
        for (from, to) in &self.jumps {
            if bits.meets(from) {
                next.or(to);
            }
        }
        if let Some(takes) = self.takes.get(usize::from(self.groups.of(octet))) {
            next = next.and(takes);
        }
        next.or(&self.anywhere);
        next
    }

    fn heap_size(&self) -> usize {
        size_of::<WideBits<W>>() * (self.takes.len() + 2 * self.jumps.len()) + 512
    }
}

#[derive(Clone, Copy, Debug)]
struct WideBits<const W: usize>([u64; W]);

impl<const W: usize> Default for WideBits<W> {
    fn default() -> Self {
        Self([0; W])
    }
}

impl<const W: usize> WideBits<W> {
    fn load(set: &[u64]) -> Self {
        set.first_chunk().map_or_else(Self::default, |words| Self(*words))
    }

    fn store(&self, set: &mut [u64]) {
        if let Some(words) = set.first_chunk_mut() {
            *words = self.0;
        }
    }

    fn set(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    fn or(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    fn and(&self, other: &Self) -> Self {
        let mut both = *self;
        both.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
        both
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(word, other)| word & other != 0)
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn shifted(mut self) -> Self {
        let mut carried = 0;
        for word in &mut self.0 {
            (*word, carried) = (*word << 1 | carried, *word >> 63);
        }
        self
    }
}

/// The expression as positions and what may follow each: Glushkov's automaton.
struct Graph {
    nodes: Vec<GraphNode>,
}

#[derive(Default)]
struct GraphNode {
    octets: OctetSet,
    next: Vec<usize>,
    last: bool,
    last_at_line_end: bool,
}

/// The two positions that take no octet: a beginning at the start of a line, and one elsewhere.
const LINE_START: usize = 0;
const WITHIN: usize = 1;

impl Graph {
    fn new(hir: &Hir) -> Result<Self, TooManyPositions> {
        let config =
            Config::new().utf8(false).which_captures(WhichCaptures::None).nfa_size_limit(Some(NFA_SIZE_MAX));
        let nfa = Compiler::new().configure(config).build_from_hir(hir).map_err(|_| TooManyPositions)?;
        let mut nodes = vec![GraphNode::default(), GraphNode::default()];
        let mut targets =
            vec![(nfa.start_anchored(), Place::LineStart), (nfa.start_anchored(), Place::Within)];
        let mut of_state: HashMap<StateID, Vec<usize>> = HashMap::new();
        for (index, state) in nfa.states().iter().enumerate() {
            let id = StateID::new(index).map_err(|_| TooManyPositions)?;
            for (target, octets) in taken(state) {
                of_state.entry(id).or_default().push(nodes.len());
                nodes.push(GraphNode { octets, ..GraphNode::default() });
                targets.push((target, Place::Within));
            }
            if nodes.len() > POSITIONS_MAX {
                return Err(TooManyPositions);
            }
        }
        let mut known: HashMap<(StateID, bool), Closure> = HashMap::new();
        for (node, (target, place)) in nodes.iter_mut().zip(targets) {
            let key = (target, place == Place::LineStart);
            let closure = known.entry(key).or_insert_with(|| Closure::new(&nfa, target, place));
            let next = closure.states.iter().filter_map(|state| of_state.get(state)).flatten();
            node.next = next.copied().collect();
            node.next.sort_unstable();
            (node.last, node.last_at_line_end) = (closure.holds, closure.holds_at_line_end);
        }
        Ok(Self { nodes })
    }

    fn begins_within(&self) -> bool {
        let within = self.nodes.get(WITHIN);
        within.is_some_and(|node| !node.next.is_empty() || node.last || node.last_at_line_end)
    }

    fn bits<const W: usize>(&self, holds: impl Fn(&GraphNode) -> bool) -> WideBits<W> {
        let mut bits = WideBits::default();
        let found = self.nodes.iter().enumerate().filter(|(_, node)| holds(node));
        found.for_each(|(index, _)| bits.set(index));
        bits
    }
}

/// The octets a state takes, by the state it leads to.
fn taken(state: &State) -> BTreeMap<StateID, OctetSet> {
    let mut taken: BTreeMap<StateID, OctetSet> = BTreeMap::new();
    let mut add = |next: StateID, from: u8, to: u8| {
        let octets = taken.entry(next).or_default();
        (from..=to).for_each(|octet| octets.insert(octet));
    };
    match state {
        State::ByteRange { trans } => add(trans.next, trans.start, trans.end),
        State::Sparse(sparse) => {
            sparse.transitions.iter().for_each(|trans| add(trans.next, trans.start, trans.end));
        }
        State::Dense(dense) => {
            let taken = (0..=u8::MAX).filter_map(|octet| Some((dense.matches_byte(octet)?, octet)));
            taken.for_each(|(next, octet)| add(next, octet, octet));
        }
        State::Look { .. }
        | State::Union { .. }
        | State::BinaryUnion { .. }
        | State::Capture { .. }
        | State::Fail
        | State::Match { .. } => {}
    }
    taken
}

/// What can be reached from a state without an octet.
struct Closure {
    states: Vec<StateID>,
    holds: bool,
    holds_at_line_end: bool,
}

impl Closure {
    fn new(nfa: &NFA, from: StateID, place: Place) -> Self {
        let mut closure = Self { states: Vec::new(), holds: false, holds_at_line_end: false };
        // Behind `$` no octet can follow, so all that is asked there is whether the expression holds.
        let mut seen = [vec![false; nfa.states().len()], vec![false; nfa.states().len()]];
        let mut open = vec![(from, false)];
        while let Some((id, at_line_end)) = open.pop() {
            let [seen_before, seen_at_line_end] = &mut seen;
            let seen = if at_line_end { seen_at_line_end } else { seen_before };
            match seen.get_mut(id.as_usize()) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match nfa.state(id) {
                State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) if !at_line_end => {
                    closure.states.push(id);
                }
                State::Look { look: Look::Start, next } if place == Place::LineStart => {
                    open.push((*next, at_line_end));
                }
                State::Look { look: Look::End, next } => open.push((*next, true)),
                State::Union { alternates } => {
                    open.extend(alternates.iter().map(|next| (*next, at_line_end)));
                }
                State::BinaryUnion { alt1, alt2 } => {
                    open.extend([(*alt1, at_line_end), (*alt2, at_line_end)]);
                }
                State::Capture { next, .. } => open.push((*next, at_line_end)),
                State::Match { .. } if at_line_end => closure.holds_at_line_end = true,
                State::Match { .. } => closure.holds = true,
                State::ByteRange { .. }
                | State::Sparse(_)
                | State::Dense(_)
                | State::Look { .. }
                | State::Fail => {}
            }
        }
        closure.holds_at_line_end |= closure.holds;
        closure
    }
}

// Limit: positions of one tail, two of which are its beginnings: 128 octets of a session's state.
const POSITIONS_MAX: usize = 1024;

// Limit: 64-bit operations for an octet; at 256 a tail that is being followed still does 10 MB/s.
const STEP_COST_MAX: usize = 256;

// Limit: what the compiler may build before positions are counted.
const NFA_SIZE_MAX: usize = 512 * 1024;

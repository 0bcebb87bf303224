//! Which lines can hold anything at all: a look at four octets here and there.
//!
//! Of every pattern some octets are required, and all runs of four in a stretch of them are marked in a table of
//! bits. A stretch of `n` octets holds a run of four at any `n - 3` places in a row, so only every `n - 3`rd place
//! of the text is looked at. A marked place proves nothing: the automaton then reads its line from the start.
//! With 50 literals this reads 3 GB/s, where the automaton alone does 0.45.

use regex_syntax::hir::{Hir, HirKind};

use super::octets::OctetSet;
use super::split::{product, sequences};

#[derive(Debug)]
pub(super) struct Prefilter {
    stride: usize,
    coarse: GramTable,
    /// A second opinion with another hash, asked only where the first table is marked.
    fine: GramTable,
}

impl Prefilter {
    /// The prefilter, if every expression requires enough to be found by it.
    pub(super) fn new(expressions: &[&Hir]) -> Option<Self> {
        let stride = expressions.iter().map(|hir| longest_stride(hir)).min()?;
        if stride < STRIDE_MIN {
            return None;
        }
        let mut filter = Self { stride, coarse: GramTable::default(), fine: GramTable::default() };
        let mut room = GRAMS_MAX;
        for hir in expressions {
            let Required { grams, .. } = required(hir, stride)?;
            room = room.checked_sub(grams.len())?;
            for gram in grams {
                filter.coarse.mark(coarse_hash(gram));
                filter.fine.mark(fine_hash(gram));
            }
        }
        Some(filter)
    }

    /// The next marked place at or behind `from`.
    pub(super) fn candidate(&self, text: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        while let Some(octets) = text.get(at..).and_then(|rest| rest.first_chunk()) {
            let gram = folded(*octets);
            if self.coarse.is_marked(coarse_hash(gram)) && self.fine.is_marked(fine_hash(gram)) {
                return Some(at);
            }
            at += self.stride;
        }
        None
    }
}

/// Four octets without their case.
type Gram = u32;

fn folded(octets: [u8; 4]) -> Gram {
    u32::from_le_bytes(octets) | 0x2020_2020
}

fn coarse_hash(gram: Gram) -> u32 {
    gram.wrapping_mul(0x9E37_79B1) >> (32 - TABLE_BITS)
}

fn fine_hash(gram: Gram) -> u32 {
    (gram ^ (gram >> 15)).wrapping_mul(0x85EB_CA6B) >> (32 - TABLE_BITS)
}

/// 16 KiB of bits, to stay in the first cache.
#[derive(Debug)]
struct GramTable(Box<[u64; 1 << (TABLE_BITS - 6)]>);

impl Default for GramTable {
    fn default() -> Self {
        Self(Box::new([0; 1 << (TABLE_BITS - 6)]))
    }
}

impl GramTable {
    fn mark(&mut self, hash: u32) {
        if let Some(word) = self.0.get_mut(hash as usize >> 6) {
            *word |= 1 << (hash & 63);
        }
    }

    #[inline(always)]
    fn is_marked(&self, hash: u32) -> bool {
        self.0.get(hash as usize >> 6).is_some_and(|word| word >> (hash & 63) & 1 != 0)
    }
}

/// Runs of four octets of which any match holds one at every `stride` places.
struct Required {
    grams: Vec<Gram>,
    /// How likely one of them stands at a place of ordinary text.
    likelihood: f64,
}

/// The longest stride at which the expression can be found by what it requires; 0 if it requires too little.
fn longest_stride(hir: &Hir) -> usize {
    (1..=STRIDE_MAX).rev().find(|stride| required(hir, *stride).is_some()).unwrap_or(0)
}

/// The least likely choice of what every match must hold.
fn required(hir: &Hir, stride: usize) -> Option<Required> {
    let whole = sequences(hir).and_then(|all| all_of(&all, stride));
    let inside = match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
        HirKind::Capture(capture) => required(&capture.sub, stride),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub, stride),
        HirKind::Repetition(_) => None,
        HirKind::Alternation(branches) => any_of(branches.iter().map(|branch| required(branch, stride))),
        HirKind::Concat(items) => {
            let runs = (0..items.len()).map(|start| run(items.get(start..).unwrap_or_default(), stride));
            runs.chain(items.iter().map(|item| required(item, stride))).fold(None, rarer)
        }
    };
    rarer(whole, inside)
}

fn rarer(one: Option<Required>, other: Option<Required>) -> Option<Required> {
    match (one, other) {
        (Some(one), Some(other)) if other.likelihood < one.likelihood => Some(other),
        (one, other) => one.or(other),
    }
}

fn any_of(all: impl Iterator<Item = Option<Required>>) -> Option<Required> {
    let mut sum = Required { grams: Vec::new(), likelihood: 0.0 };
    for required in all {
        let required = required?;
        sum.grams.extend(required.grams);
        sum.likelihood += required.likelihood;
    }
    sum.is_useful().then_some(sum)
}

/// The best of what the first few items stand for together.
fn run(items: &[Hir], stride: usize) -> Option<Required> {
    let mut all = vec![Vec::new()];
    let mut best = None;
    for item in items {
        let Some(longer) = sequences(item).and_then(|next| product(&all, &next)) else { break };
        all = longer;
        best = rarer(best, all_of(&all, stride));
        if all.iter().any(|sequence| sequence.len() > RUN_LEN_MAX) {
            break;
        }
    }
    best
}

/// One of the sequences must be there: of each the rarest stretch that is long enough.
fn all_of(sequences: &[Vec<OctetSet>], stride: usize) -> Option<Required> {
    any_of(sequences.iter().map(|sequence| rarest_stretch(sequence, stride)))
}

fn rarest_stretch(sequence: &[OctetSet], stride: usize) -> Option<Required> {
    let stretches = sequence.windows(stride + GRAM_LEN - 1);
    let likelihood = |stretch: &[OctetSet]| -> f64 {
        let commonness: Vec<f64> = stretch.iter().map(likelihood_of).collect();
        commonness.windows(GRAM_LEN).map(|gram| gram.iter().product::<f64>()).sum()
    };
    let (likelihood, stretch) = stretches
        .map(|stretch| (likelihood(stretch), stretch))
        .min_by(|(one, _), (other, _)| one.total_cmp(other))?;
    let mut grams = Vec::new();
    for sets in stretch.windows(GRAM_LEN) {
        grams.extend(grams_of(sets)?);
    }
    let required = Required { grams, likelihood };
    required.is_useful().then_some(required)
}

impl Required {
    fn is_useful(&self) -> bool {
        self.grams.len() <= PATTERN_GRAMS_MAX && self.likelihood <= LIKELIHOOD_MAX
    }
}

/// All runs that four sets stand for, if they are not too many.
fn grams_of(sets: &[OctetSet]) -> Option<Vec<Gram>> {
    let mut grams: Vec<Gram> = vec![0];
    for (place, set) in (0..).zip(sets) {
        let mut octets: Vec<u8> = set.iter().map(|octet| octet | 0x20).collect();
        octets.sort_unstable();
        octets.dedup();
        if grams.len() * octets.len() > PATTERN_GRAMS_MAX {
            return None;
        }
        let longer = |gram: &Gram| {
            octets.iter().map(|octet| gram | u32::from(*octet) << (8 * place)).collect::<Vec<_>>()
        };
        grams = grams.iter().flat_map(longer).collect();
    }
    Some(grams)
}

/// How often an octet of the set stands in ordinary text: a rough guess is enough to prefer `q` to `e`.
fn likelihood_of(set: &OctetSet) -> f64 {
    let of_octet = |octet: u8| match octet {
        b' ' => 0.16,
        b'e' => 0.09,
        b't' | b'a' | b'o' | b'i' | b'n' => 0.058,
        b's' | b'r' | b'h' => 0.046,
        b'l' | b'd' => 0.031,
        b'u' | b'c' | b'm' => 0.021,
        b'f' | b'w' | b'g' | b'y' | b'p' | b'b' => 0.014,
        b'v' | b'k' => 0.007,
        b'a'..=b'z' => 0.002,
        b'A'..=b'Z' | b'0'..=b'9' | b'.' | b',' | b'-' | b'=' | b'/' => 0.005,
        _ => 0.0005,
    };
    set.iter().map(of_octet).sum()
}

const GRAM_LEN: usize = 4;

const TABLE_BITS: u32 = 17;

// Looking at every place, or every other, is slower than the automaton with four lines at once: 0.6 to 0.8 GB/s.
const STRIDE_MIN: usize = 3;

// Looking at every eighth place is already as fast as the text can be loaded; longer ones only mark more.
const STRIDE_MAX: usize = 8;

// Limit: octets of a run of items; what is required of it is found in fewer.
const RUN_LEN_MAX: usize = 24;

// Limit: runs of four for one expression; `[0-9]{4}` is 10,000 and better looked for elsewhere in its pattern.
const PATTERN_GRAMS_MAX: usize = 4096;

// Limit: runs of four for all expressions: an eighth of the table, so that unmarked places stay the rule.
const GRAMS_MAX: usize = 16 << 10;

// What stands in every other line would only make the automaton read all of them.
const LIKELIHOOD_MAX: f64 = 1.0 / 256.0;

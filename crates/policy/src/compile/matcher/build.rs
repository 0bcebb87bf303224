//! From patterns to groups of alternatives, within bounds of memory and time.

use regex_syntax::hir::Hir;

use super::group::{PatternGroup, Refused};
use super::prefilter::Prefilter;
use super::split::{self, Chain, Sharing};
use super::{MatcherState, TooLarge};
use crate::pattern::Pattern;

/// What a matcher consists of.
pub(super) struct Parts {
    pub(super) groups: Vec<PatternGroup>,
    pub(super) prefilter: Option<Prefilter>,
}

pub(super) fn build(patterns: &[&Pattern]) -> Result<Parts, TooLarge> {
    let alternatives = alternatives(patterns)?;
    let expressions: Vec<&Hir> = alternatives.iter().map(|alternative| &alternative.hir).collect();
    let prefilter = Prefilter::new(&expressions);
    let mut budget =
        Budget { work: WORK_MAX, heap: HEAP_MAX, state: STATE_SIZE_MAX - size_of::<MatcherState>() };
    budget.take(2 * patterns.len().div_ceil(64) * size_of::<u64>(), 0).ok_or(TooLarge { pattern: 0 })?;
    // What must be followed from every octet on would make a group read every line.
    let (anywhere, words) =
        alternatives.into_iter().partition(|alternative| alternative.chain.begins_anywhere());
    let mut groups = share(words, &mut budget)?;
    groups.extend(share(anywhere, &mut budget)?);
    Ok(Parts { groups, prefilter })
}

/// One alternative of a pattern, as it was and as it was split.
struct Alternative {
    pattern: u16,
    hir: Hir,
    sharing: Sharing,
    chain: Chain,
}

impl Alternative {
    fn new(pattern: u16, hir: Hir) -> Self {
        let sharing = Sharing::Generous;
        Self { pattern, chain: split::chain(&hir, sharing), sharing, hir }
    }

    fn share_strictly(&mut self) {
        self.sharing = Sharing::Strict;
        self.chain = split::chain(&self.hir, self.sharing);
    }
}

fn alternatives(patterns: &[&Pattern]) -> Result<Vec<Alternative>, TooLarge> {
    let mut alternatives = Vec::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let number = u16::try_from(index).map_err(|_| TooLarge { pattern: index })?;
        let split = split::alternatives(pattern.hir()).into_iter();
        alternatives.extend(split.map(|hir| Alternative::new(number, hir)));
    }
    Ok(alternatives)
}

/// What may still be spent.
struct Budget {
    work: usize,
    heap: usize,
    state: usize,
}

impl Budget {
    fn take(&mut self, state: usize, heap: usize) -> Option<()> {
        self.state = self.state.checked_sub(state)?;
        self.heap = self.heap.checked_sub(heap)?;
        Some(())
    }
}

/// Makes one group of all, or several where too much would share an automaton.
fn share(mut all: Vec<Alternative>, budget: &mut Budget) -> Result<Vec<PatternGroup>, TooLarge> {
    let mut groups = Vec::new();
    sort(&mut all);
    let mut open = vec![all];
    while let Some(alternatives) = open.pop() {
        // To blame, if nothing else is known: what shares worst.
        let Some(worst) = alternatives.last() else { continue };
        let pattern = usize::from(worst.pattern);
        let chains: Vec<_> =
            alternatives.iter().map(|alternative| (alternative.pattern, &alternative.chain)).collect();
        match PatternGroup::new(&chains, &mut budget.work) {
            Ok(group) => {
                let heaviest = TooLarge { pattern: group.heaviest().unwrap_or(pattern) };
                budget.take(group.memory_size(), 0).ok_or(heaviest)?;
                budget.take(0, group.heap_size()).ok_or(TooLarge { pattern })?;
                if groups.len() == GROUPS_MAX {
                    return Err(TooLarge { pattern });
                }
                groups.push(group);
            }
            Err(Refused::Tail(index)) => {
                let blamed = chains.get(index).map_or(pattern, |(pattern, _)| usize::from(*pattern));
                return Err(TooLarge { pattern: blamed });
            }
            Err(Refused::Automaton) if budget.work == 0 => return Err(TooLarge { pattern }),
            Err(Refused::Automaton) => open.extend(relieved(alternatives)),
        }
    }
    Ok(groups)
}

/// Alternatives of which an automaton would have too many states, arranged so that it has fewer.
fn relieved(mut alternatives: Vec<Alternative>) -> [Vec<Alternative>; 2] {
    let plain = alternatives.partition_point(|alternative| alternative.chain.ambiguity() <= 2);
    if 0 < plain && plain < alternatives.len() {
        let ambiguous = alternatives.split_off(plain);
        return [ambiguous, alternatives];
    }
    if alternatives.iter().any(|alternative| alternative.sharing == Sharing::Generous) {
        alternatives.iter_mut().for_each(Alternative::share_strictly);
        sort(&mut alternatives);
        let (anywhere, words) =
            alternatives.into_iter().partition(|alternative| alternative.chain.begins_anywhere());
        return [anywhere, words];
    }
    if let [single] = alternatives.as_mut_slice() {
        single.chain = split::whole(&single.hir);
        return [Vec::new(), alternatives];
    }
    let right = alternatives.split_off(alternatives.len() / 2);
    [right, alternatives]
}

/// What shares badly comes together, last.
fn sort(alternatives: &mut [Alternative]) {
    alternatives.sort_by_key(|alternative| alternative.chain.ambiguity());
}

// Limit: octets of one session's state, whatever the patterns.
const STATE_SIZE_MAX: usize = 4096;

// Limit: octets of the tables of one field.
const HEAP_MAX: usize = 16 << 20;

// Limit: groups of one kind, each of which reads the text again.
const GROUPS_MAX: usize = 16;

// Limit: steps of compilation, of about 3 ns each.
const WORK_MAX: usize = 100_000_000;

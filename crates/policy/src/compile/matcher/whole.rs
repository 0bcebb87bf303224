//! The matcher of texts that come whole: addresses, types, header fields.
//!
//! What such a text is, begins with or ends with stands in sorted lists, so that thousands of domains cost little
//! more than ten. Every other pattern is followed by the streaming matcher.

use std::cmp::Ordering;

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, HirKind, Look};

use super::split::alternatives;
use super::{Matcher, TooLarge};
use crate::pattern::Pattern;

/// Patterns compiled together; shared by all sessions.
#[derive(Debug, Default)]
pub struct TextMatcher {
    begins: Vec<Entry>,
    ends: Vec<Entry>,
    rest: Option<Rest>,
}

/// The patterns that are no literals at an edge.
#[derive(Debug)]
struct Rest {
    matcher: Matcher,
    /// Their indices among all.
    patterns: Vec<usize>,
}

/// The literals that a pattern at an edge may stand for; one of more has no place in a list.
const LITERALS_MAX: usize = 64;

impl TextMatcher {
    /// # Errors
    ///
    /// A pattern for which no matcher of bounded size can be built.
    pub fn new(patterns: &[&Pattern]) -> Result<Self, TooLarge> {
        let mut made = Self::default();
        let (mut rest, mut numbers) = (Vec::new(), Vec::new());
        for (index, &pattern) in patterns.iter().enumerate() {
            match anchored(pattern.hir()) {
                Some(literals) => literals.into_iter().for_each(|literal| made.add(literal, index)),
                None => {
                    rest.push(pattern);
                    numbers.push(index);
                }
            }
        }
        arrange(&mut made.begins);
        arrange(&mut made.ends);
        if !rest.is_empty() {
            let named = |error: TooLarge| TooLarge {
                pattern: numbers.get(error.pattern).copied().unwrap_or(error.pattern),
            };
            let matcher = Matcher::new(&rest).map_err(named)?;
            made.rest = Some(Rest { matcher, patterns: numbers });
        }
        Ok(made)
    }

    /// Calls `hit` with the index of each pattern that holds: in no order, and perhaps more than once.
    pub fn find_in(&self, text: &[u8], hit: &mut dyn FnMut(usize)) {
        find(&self.begins, text.len(), text.iter().copied(), hit);
        find(&self.ends, text.len(), text.iter().rev().copied(), hit);
        if let Some(Rest { matcher, patterns }) = &self.rest {
            matcher.find_in(text, &mut |index| patterns.get(index).copied().into_iter().for_each(&mut *hit));
        }
    }

    fn add(&mut self, literal: Anchored, pattern: usize) {
        let Anchored { mut literal, edge } = literal;
        if edge == Edge::End {
            literal.reverse();
        }
        let list = if edge == Edge::End { &mut self.ends } else { &mut self.begins };
        let whole = edge == Edge::Both;
        list.push(Entry { literal: literal.into(), whole, pattern, shorter: None });
    }
}

/// Where a literal is bound to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Start,
    End,
    Both,
}

#[derive(Debug)]
struct Anchored {
    literal: Vec<u8>,
    edge: Edge,
}

/// The literals that a pattern consists of, if it is made of nothing but literals at an edge.
fn anchored(hir: &Hir) -> Option<Vec<Anchored>> {
    let alternatives = alternatives(hir);
    let literals: Option<Vec<_>> = alternatives.iter().map(literals_at_an_edge).collect();
    Some(literals?.into_iter().flatten().collect())
}

fn literals_at_an_edge(hir: &Hir) -> Option<Vec<Anchored>> {
    let mut items = match hir.kind() {
        HirKind::Concat(items) => items.as_slice(),
        _ => std::slice::from_ref(hir),
    };
    let starts = strip_first(&mut items, |hir| is(hir, Look::Start));
    let ends = strip_last(&mut items, |hir| is(hir, Look::End));
    // An edge that is not asked for may be any distance away.
    let edge = match (starts, ends) {
        (true, true) => Edge::Both,
        (true, false) => {
            while strip_last(&mut items, is_anything) {}
            Edge::Start
        }
        (false, true) => {
            while strip_first(&mut items, is_anything) {}
            Edge::End
        }
        (false, false) => return None,
    };
    let middle = Hir::concat(items.to_vec());
    if !middle.properties().look_set().is_empty() {
        return None;
    }
    let found = Extractor::new().limit_total(LITERALS_MAX).extract(&middle);
    let literals = found.literals().filter(|_| found.is_exact())?;
    let is_any = |literal: &[u8]| literal.is_empty() && edge != Edge::Both;
    if literals.iter().any(|literal| is_any(literal.as_bytes())) {
        return None;
    }
    Some(literals.iter().map(|literal| Anchored { literal: literal.as_bytes().to_vec(), edge }).collect())
}

fn strip_first(items: &mut &[Hir], is_wanted: impl Fn(&Hir) -> bool) -> bool {
    let stripped = items.split_first().filter(|(first, _)| is_wanted(first)).map(|(_, rest)| rest);
    *items = stripped.unwrap_or(items);
    stripped.is_some()
}

fn strip_last(items: &mut &[Hir], is_wanted: impl Fn(&Hir) -> bool) -> bool {
    let stripped = items.split_last().filter(|(last, _)| is_wanted(last)).map(|(_, rest)| rest);
    *items = stripped.unwrap_or(items);
    stripped.is_some()
}

fn is(hir: &Hir, look: Look) -> bool {
    matches!(hir.kind(), HirKind::Look(found) if *found == look)
}

/// `.*`, and whatever else may stand for nothing and asks for nothing.
fn is_anything(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Repetition(repetition)
        if repetition.min == 0 && repetition.sub.properties().look_set().is_empty())
}

/// A literal at one edge of a text.
#[derive(Debug)]
struct Entry {
    /// As it is read from the edge on: what stands at the end of a text is written backwards.
    literal: Box<[u8]>,
    /// Nothing may follow it.
    whole: bool,
    pattern: usize,
    /// The nearest entry in front of it that it begins with.
    shorter: Option<usize>,
}

/// Sorts a list, and links it.
fn arrange(list: &mut [Entry]) {
    list.sort_by(|a, b| a.literal.cmp(&b.literal));
    // Those that the literal at hand begins with, each beginning with the one before it.
    let mut begun: Vec<usize> = Vec::new();
    for at in 0..list.len() {
        let Some((before, [entry, ..])) = list.split_at_mut_checked(at) else { break };
        let is_begun =
            |&at: &usize| before.get(at).is_some_and(|shorter| entry.literal.starts_with(&shorter.literal));
        while begun.last().is_some_and(|at| !is_begun(at)) {
            begun.pop();
        }
        entry.shorter = begun.last().copied();
        begun.push(at);
    }
}

/// Calls `hit` with the pattern of each entry that a text of `len` octets begins with, which `text` gives from the
/// edge on.
///
/// Whatever the text begins with is not behind it in the order, and whatever is between the two begins with it as
/// well: all such entries are linked from the last that is not behind the text.
fn find(list: &[Entry], len: usize, text: impl Iterator<Item = u8> + Clone, hit: &mut dyn FnMut(usize)) {
    let is_behind = |entry: &Entry| entry.literal.iter().copied().cmp(text.clone()) == Ordering::Greater;
    let mut at = list.partition_point(|entry| !is_behind(entry)).checked_sub(1);
    while let Some(entry) = at.and_then(|at| list.get(at)) {
        let begins = entry.literal.len() <= len
            && entry.literal.iter().copied().eq(text.clone().take(entry.literal.len()));
        if begins && (!entry.whole || entry.literal.len() == len) {
            hit(entry.pattern);
        }
        at = entry.shorter;
    }
}

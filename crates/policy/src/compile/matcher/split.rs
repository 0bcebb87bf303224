//! A pattern cut into what can be looked for on its own: alternatives, and of each the parts between its `.*`.
//!
//! A part is a head, that is some words of fixed length, and what follows the head, if anything. Where a pattern
//! cannot be cut (an assertion inside, a literal CR or LF), the whole alternative is one part without a head.
//! Says nothing about how words and tails are found; that is the automaton's and the tail's affair.

use regex_syntax::hir::{Hir, HirKind, Look, Repetition};

use super::REACH_MAX;
use super::automaton::Automaton;
use super::octets::OctetSet;
use crate::pattern::{any_but_line_end, nullable};

/// One alternative of a pattern: its parts must be seen in order, without overlap, in one line.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) parts: Vec<Part>,
    /// `^.*` came first: nothing in front of the first part may be a line end.
    pub(super) from_line_start: bool,
    /// `.*$` came last: nothing behind the last part may be a line end.
    pub(super) to_line_end: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// Any of these begins the part; none: the tail is the part, and may begin anywhere.
    pub(super) words: Vec<Word>,
    /// What must follow directly behind a word; none: a word is the part.
    pub(super) tail: Option<Hir>,
}

/// A sequence of octet sets, none of which holds a line end.
#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    pub(super) octets: Vec<OctetSet>,
    /// At least so many octets lie between the end of the part before and the end of this word.
    pub(super) reach: u32,
    pub(super) at_line_start: bool,
    pub(super) at_line_end: bool,
}

/// The alternative as one part without a head: right for any expression.
pub(super) fn whole(hir: &Hir) -> Chain {
    let part = Part { words: Vec::new(), tail: Some(hir.clone()) };
    Chain { parts: vec![part], from_line_start: false, to_line_end: false }
}

/// Top-level alternatives; `(^|x)y` and `x(y|$)` count as such, for their assertions come to the edges by it.
pub(super) fn alternatives(hir: &Hir) -> Vec<Hir> {
    let mut done = Vec::new();
    let mut open = vec![hir.clone()];
    while let Some(hir) = open.pop() {
        let room = ALTERNATIVES_MAX.saturating_sub(done.len() + open.len());
        match distributed(&hir) {
            Some(parts) if parts.len() <= room => open.extend(parts),
            _ => done.push(hir),
        }
    }
    done
}

fn distributed(hir: &Hir) -> Option<Vec<Hir>> {
    let items = match hir.kind() {
        HirKind::Alternation(branches) => return Some(branches.clone()),
        HirKind::Concat(items) => items,
        _ => return None,
    };
    let asserts = |hir: &&Hir| !hir.properties().look_set().is_empty();
    if let Some((first, rest)) = items.split_first()
        && let HirKind::Alternation(branches) = first.kind()
        && asserts(&first)
    {
        let with_rest = |branch: &Hir| Hir::concat([std::slice::from_ref(branch), rest].concat());
        return Some(branches.iter().map(with_rest).collect());
    }
    if let Some((last, rest)) = items.split_last()
        && let HirKind::Alternation(branches) = last.kind()
        && asserts(&last)
    {
        let with_rest = |branch: &Hir| Hir::concat([rest, std::slice::from_ref(branch)].concat());
        return Some(branches.iter().map(with_rest).collect());
    }
    None
}

/// How much of a part may be told in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// As much as seems good for the automaton.
    Generous,
    /// Only what cannot hurt it: sets of many octets are left to the tail.
    Strict,
}

/// One alternative, cut into parts if it can be.
pub(super) fn chain(hir: &Hir, sharing: Sharing) -> Chain {
    cut(hir, sharing).unwrap_or_else(|| whole(hir))
}

fn cut(hir: &Hir, sharing: Sharing) -> Option<Chain> {
    let mut items = items_of(hir);
    let at_line_start = strip(&mut items, Look::Start, true);
    let at_line_end = strip(&mut items, Look::End, false);
    let asserts = |hir: &Hir| !hir.properties().look_set().is_empty();
    if items.iter().any(|item| asserts(item) || may_match_line_end(item)) {
        return None;
    }
    let mut stretches = stretches(&items);
    let last = stretches.len().saturating_sub(1);
    for (index, stretch) in stretches.iter_mut().enumerate() {
        trim(&mut stretch.items, index > 0 || !at_line_start, index < last || !at_line_end);
    }
    let from_line_start = at_line_start && stretches.first().is_some_and(Stretch::is_empty) && last > 0;
    let to_line_end = at_line_end && stretches.last().is_some_and(Stretch::is_empty) && last > 0;
    merge_empty(&mut stretches);
    let last = stretches.len().checked_sub(1)?;
    let parts = stretches.iter().enumerate().map(|(index, stretch)| {
        let at_line_start = index == 0 && at_line_start && !from_line_start;
        let at_line_end = index == last && at_line_end && !to_line_end;
        part(stretch, at_line_start, at_line_end, sharing)
    });
    Some(Chain { parts: parts.collect::<Option<_>>()?, from_line_start, to_line_end })
}

fn items_of(hir: &Hir) -> Vec<Hir> {
    match hir.kind() {
        HirKind::Empty => Vec::new(),
        HirKind::Concat(items) => items.clone(),
        _ => vec![hir.clone()],
    }
}

fn strip(items: &mut Vec<Hir>, look: Look, in_front: bool) -> bool {
    let edge = if in_front { items.first() } else { items.last() };
    let found = edge.is_some_and(|edge| *edge.kind() == HirKind::Look(look));
    if found && in_front {
        items.remove(0);
    } else if found {
        items.pop();
    }
    found
}

/// Whether a literal CR or LF is in it: such a part could lie across the places where all others begin anew.
fn may_match_line_end(hir: &Hir) -> bool {
    let line_end = |octet: &u8| matches!(octet, b'\r' | b'\n');
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.iter().any(line_end),
        HirKind::Class(class) => OctetSet::of_class(class).iter().any(|octet| line_end(&octet)),
        HirKind::Repetition(repetition) => may_match_line_end(&repetition.sub),
        HirKind::Capture(capture) => may_match_line_end(&capture.sub),
        HirKind::Concat(subs) | HirKind::Alternation(subs) => subs.iter().any(may_match_line_end),
    }
}

/// What stands between two `.*`, and how many octets the `.*` in front of it must span at least.
#[derive(Debug, Default)]
struct Stretch {
    gap: u32,
    items: Vec<Hir>,
}

impl Stretch {
    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// Cuts at `.*`, `.+` and `.{n,}`.
fn stretches(items: &[Hir]) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut open = Stretch::default();
    for item in items {
        match gap(item) {
            Some(gap) => stretches.push(std::mem::replace(&mut open, Stretch { gap, items: Vec::new() })),
            None => open.items.push(item.clone()),
        }
    }
    stretches.push(open);
    stretches
}

fn gap(item: &Hir) -> Option<u32> {
    let HirKind::Repetition(Repetition { min, max: None, sub, .. }) = item.kind() else { return None };
    let HirKind::Class(class) = sub.kind() else { return None };
    (OctetSet::of_class(class) == any()).then_some(*min)
}

fn any() -> OctetSet {
    OctetSet::of_class(&regex_syntax::hir::Class::Bytes(any_but_line_end()))
}

/// Takes away what changes nothing at an edge beyond which anything may stand.
///
/// Whether `ab+` is seen, and where it is first seen whole, is decided by `ab`; the same holds mirrored.
fn trim(items: &mut Vec<Hir>, front_open: bool, back_open: bool) {
    while back_open && let Some(item) = items.pop() {
        if nullable(&item, Look::Start) {
            continue;
        }
        match shortest(&item) {
            Some(shorter) => items.extend(items_of(&shorter)),
            None => {
                items.push(item);
                break;
            }
        }
    }
    items.reverse();
    while front_open && let Some(item) = items.pop() {
        if nullable(&item, Look::Start) {
            continue;
        }
        match shortest(&item) {
            Some(shorter) => items.extend(items_of(&shorter).into_iter().rev()),
            None => {
                items.push(item);
                break;
            }
        }
    }
    items.reverse();
}

/// `x{n,m}` as `x{n}`; nothing if it is no such repetition.
fn shortest(item: &Hir) -> Option<Hir> {
    let HirKind::Repetition(repetition) = item.kind() else { return None };
    if repetition.max == Some(repetition.min) {
        return None;
    }
    Some(Hir::repetition(Repetition { max: Some(repetition.min), ..repetition.clone() }))
}

/// Joins the gaps around stretches of which nothing is left; a last gap that must span something becomes dots.
fn merge_empty(stretches: &mut Vec<Stretch>) {
    let mut kept: Vec<Stretch> = Vec::new();
    let mut gap: u32 = 0;
    for stretch in stretches.drain(..) {
        gap = gap.saturating_add(stretch.gap);
        if !stretch.is_empty() {
            kept.push(Stretch { gap: std::mem::take(&mut gap), ..stretch });
        }
    }
    if gap > 0 {
        let items = vec![dots(gap)];
        match kept.last_mut() {
            Some(last) => last.items.extend(items),
            None => kept.push(Stretch { gap: 0, items }),
        }
    }
    *stretches = kept;
}

fn dots(count: u32) -> Hir {
    let dot = Hir::class(regex_syntax::hir::Class::Bytes(any_but_line_end()));
    Hir::repetition(Repetition { min: count, max: Some(count), greedy: true, sub: Box::new(dot) })
}

/// Head and tail of a stretch: the head is as long as it can be told in a few words.
fn part(stretch: &Stretch, at_line_start: bool, at_line_end: bool, sharing: Sharing) -> Option<Part> {
    let mut words = vec![Vec::new()];
    let mut rest = stretch.items.as_slice();
    while let Some((item, behind)) = rest.split_first()
        && let Some(longer) = sequences(item).and_then(|next| product(&words, &next))
        && longer.iter().all(|word| is_tame(word, sharing))
    {
        words = longer;
        rest = behind;
    }
    let begins_anywhere = |word: &Vec<OctetSet>| word.iter().all(|octets| octets.len() > WIDE);
    if words.iter().any(|word| word.is_empty() || !rest.is_empty() && begins_anywhere(word)) {
        return headless(stretch, at_line_start, at_line_end);
    }
    let whole = rest.is_empty();
    let word = |octets: Vec<OctetSet>| {
        let reach = stretch.gap.saturating_add(u32::try_from(octets.len()).ok()?);
        (reach <= REACH_MAX).then_some(Word {
            octets,
            reach,
            at_line_start,
            at_line_end: at_line_end && whole,
        })
    };
    let words = words.into_iter().map(word).collect::<Option<_>>()?;
    let tail = (!whole).then(|| followed_by_end(rest.to_vec(), at_line_end));
    Some(Part { words, tail })
}

fn headless(stretch: &Stretch, at_line_start: bool, at_line_end: bool) -> Option<Part> {
    let mut items = Vec::new();
    if at_line_start {
        items.push(Hir::look(Look::Start));
    }
    items.push(dots(stretch.gap));
    items.extend(stretch.items.iter().cloned());
    Some(Part { words: Vec::new(), tail: Some(followed_by_end(items, at_line_end)) })
}

fn followed_by_end(mut items: Vec<Hir>, at_line_end: bool) -> Hir {
    if at_line_end {
        items.push(Hir::look(Look::End));
    }
    Hir::concat(items)
}

/// Whether the word may share an automaton: sets of many octets run along beside all other words there.
fn is_tame(word: &[OctetSet], sharing: Sharing) -> bool {
    let behind = word.get(1..).unwrap_or_default();
    let wide = behind.iter().filter(|octets| octets.len() > WIDE).count();
    match (sharing, ambiguity(word)) {
        (Sharing::Strict, _) => wide == 0 && ambiguity(behind) <= 2,
        (Sharing::Generous, 0..=12) if wide <= 2 => true,
        (Sharing::Generous, ambiguity) => ambiguity <= AMBIGUITY_MAX && Automaton::is_small(word),
    }
}

fn ambiguity(word: &[OctetSet]) -> usize {
    word.iter().filter(|octets| octets.len() > 2).count()
}

impl Chain {
    /// Whether its first part must be followed from every octet on.
    pub(super) fn begins_anywhere(&self) -> bool {
        self.parts.first().is_some_and(|part| part.words.is_empty())
    }

    /// How badly its words share an automaton with others.
    pub(super) fn ambiguity(&self) -> usize {
        let words = self.parts.iter().flat_map(|part| &part.words);
        words.map(|word| ambiguity(&word.octets)).max().unwrap_or(0)
    }
}

/// All sequences of octet sets that an expression stands for, if they are finite and few.
pub(super) fn sequences(hir: &Hir) -> Option<Vec<Vec<OctetSet>>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![Vec::new()]),
        HirKind::Literal(literal) if literal.0.len() <= WORD_LEN_MAX => {
            Some(vec![literal.0.iter().copied().map(OctetSet::one).collect()])
        }
        HirKind::Class(class) => Some(vec![vec![OctetSet::of_class(class)]]),
        HirKind::Literal(_) | HirKind::Look(_) => None,
        HirKind::Capture(capture) => sequences(&capture.sub),
        HirKind::Concat(subs) => {
            let mut all = vec![Vec::new()];
            for sub in subs {
                all = product(&all, &sequences(sub)?)?;
            }
            Some(all)
        }
        HirKind::Alternation(subs) => {
            let mut all = Vec::new();
            for sub in subs {
                all.extend(sequences(sub)?);
                if all.len() > WORDS_MAX {
                    return None;
                }
            }
            Some(all)
        }
        HirKind::Repetition(repetition) => {
            let once = sequences(&repetition.sub)?;
            let mut all = Vec::new();
            let mut some = vec![Vec::new()];
            for count in 0..=repetition.max? {
                if count >= repetition.min {
                    all.extend(some.iter().cloned());
                }
                if all.len() > WORDS_MAX {
                    return None;
                }
                if count < repetition.max? {
                    some = product(&some, &once)?;
                }
            }
            Some(all)
        }
    }
}

pub(super) fn product(left: &[Vec<OctetSet>], right: &[Vec<OctetSet>]) -> Option<Vec<Vec<OctetSet>>> {
    if left.len().saturating_mul(right.len()) > WORDS_MAX {
        return None;
    }
    let joined =
        left.iter().flat_map(|left| right.iter().map(move |right| [left.as_slice(), right].concat()));
    let joined: Vec<_> = joined.collect();
    joined.iter().all(|word: &Vec<_>| word.len() <= WORD_LEN_MAX).then_some(joined)
}

/// A set of more octets than this says little: `.`, `[a-z]`, `[^"]`, but not `[0-9]`.
pub(super) const WIDE: u32 = 16;

// Limit: sets of many octets in one word, for beyond it even asking is slow.
const AMBIGUITY_MAX: usize = 40;

// Limit: what distribution may make of one pattern; beyond it the alternatives stay together in one tail.
const ALTERNATIVES_MAX: usize = 64;

// Limit: words of one head. `(cheap|free|online) (meds|pills)` are six.
const WORDS_MAX: usize = 32;

// Limit: octets of one word; the longest pattern that can be typed has 240 characters.
const WORD_LEN_MAX: usize = 256;

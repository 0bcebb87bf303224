//! The matcher against the `regex` crate's plainest machine: random patterns of the dialect, random texts and cuts.
//!
//! The machine is the Pike VM, not `regex::bytes::Regex`: release 1.13.1 of the latter does not find
//! `[^\r\n]*\r[^\r\n]*b` in `a\rb`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

use std::cell::RefCell;

use fastrand::Rng;
use policy::compile::matcher::{Matcher, MatcherState, TextMatcher};
use policy::pattern::{Pattern, parse};
use regex_automata::nfa::thompson::pikevm::{Cache, PikeVM};
use regex_automata::{nfa::thompson, util::syntax};

/// A pattern in the dialect, and the same written for the `regex` crate.
#[derive(Clone, Debug)]
struct Twin {
    ours: String,
    theirs: String,
}

fn twin(ours: &str, theirs: &str) -> Twin {
    Twin { ours: ours.to_owned(), theirs: theirs.to_owned() }
}

fn pattern(rng: &mut Rng) -> Twin {
    let count = if rng.u8(..4) == 0 { 2 } else { 1 };
    let alternatives: Vec<Twin> = (0..count).map(|_| alternative(rng, 3, true)).collect();
    joined(&alternatives, "|")
}

fn joined(twins: &[Twin], by: &str) -> Twin {
    let join =
        |of: fn(&Twin) -> &String| twins.iter().map(|twin| of(twin).as_str()).collect::<Vec<_>>().join(by);
    Twin { ours: join(|twin| &twin.ours), theirs: join(|twin| &twin.theirs) }
}

fn inner(rng: &mut Rng, depth: u32) -> Twin {
    let edges = rng.bool();
    alternative(rng, depth, edges)
}

fn alternative(rng: &mut Rng, depth: u32, edges: bool) -> Twin {
    let mut items = Vec::new();
    if edges && rng.u8(..6) == 0 {
        items.push(twin("^", r"\A"));
    }
    if edges && rng.u8(..8) == 0 {
        items.push(twin("*", r"[^\r\n]*"));
    }
    for _ in 0..rng.u32(1..5) {
        items.push(item(rng, depth));
    }
    if edges && rng.u8(..6) == 0 {
        items.push(twin("$", r"\z"));
    }
    joined(&items, "")
}

fn item(rng: &mut Rng, depth: u32) -> Twin {
    if rng.u8(..4) == 0 {
        let (ours, theirs) =
            rng.choice([(".*", r"[^\r\n]*"), (".+", r"[^\r\n]+"), (".{2,}", r"[^\r\n]{2,}")]).unwrap();
        return twin(ours, theirs);
    }
    let atom = atom(rng, depth);
    let quantifier = rng.choice(["", "", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "{0}"]).unwrap();
    twin(&format!("{}{quantifier}", atom.ours), &format!("{}{quantifier}", atom.theirs))
}

fn atom(rng: &mut Rng, depth: u32) -> Twin {
    match rng.u32(..if depth > 0 { 14 } else { 10 }) {
        0 => twin(".", r"[^\r\n]"),
        1 => twin("[ab]", "[ab]"),
        2 => twin("[^a]", r"[^a\r\n]"),
        3 => twin(r"[^\r]", r"[^\r\n]"),
        4 if rng.u8(..3) == 0 => twin(r"\r", r"\r"),
        4 => twin(r"\d", "d"),
        5 => twin("c", "c"),
        6 | 7 => twin("a", "a"),
        8 | 9 => twin("b", "b"),
        10 | 11 => {
            let inner = joined(&[inner(rng, depth - 1), inner(rng, depth - 1)], "|");
            twin(&format!("({})", inner.ours), &format!("(?:{})", inner.theirs))
        }
        12 => {
            let inner = inner(rng, depth - 1);
            twin(&format!("({}|)", inner.ours), &format!("(?:{}|)", inner.theirs))
        }
        _ => twin("(ab|ba|b)", "(?:ab|ba|b)"),
    }
}

fn plain_machine(pattern: &str) -> PikeVM {
    let octets = syntax::Config::new().unicode(false).utf8(false);
    let machine =
        PikeVM::builder().syntax(octets).thompson(thompson::Config::new().utf8(false)).build(pattern);
    machine.unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

struct Set {
    twins: Vec<Twin>,
    matcher: Matcher,
    texts: TextMatcher,
    regexes: Vec<PikeVM>,
    cache: RefCell<Vec<Cache>>,
}

impl Set {
    fn new(twins: Vec<Twin>) -> Option<Self> {
        let parsed: Vec<Pattern> = twins
            .iter()
            .map(|twin| parse(&twin.ours).unwrap_or_else(|error| panic!("{twin:?}: {error:?}")))
            .collect();
        let parsed: Vec<&Pattern> = parsed.iter().collect();
        let matcher = Matcher::new(&parsed).ok()?;
        let texts = TextMatcher::new(&parsed).ok()?;
        let regexes: Vec<PikeVM> = twins.iter().map(|twin| plain_machine(&twin.theirs)).collect();
        let cache = RefCell::new(regexes.iter().map(PikeVM::create_cache).collect());
        Some(Self { matcher, texts, regexes, cache, twins })
    }

    fn expected_in(&self, text: &[u8]) -> Vec<usize> {
        let mut caches = self.cache.borrow_mut();
        let mut holds = |index: &usize| self.regexes[*index].is_match(&mut caches[*index], text);
        (0..self.regexes.len()).filter(|index| holds(index)).collect()
    }

    /// Where the text comes whole.
    fn found_in(&self, text: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        self.texts.find_in(text, &mut |index| found.push(index));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Hits with the octets of the text up to and with the line end.
    fn expected(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut told = vec![false; self.regexes.len()];
        let mut hits = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let ended = (start..text.len()).find(|at| text[*at] == b'\n');
            let after = ended.map_or(text.len(), |at| at + 1);
            let mut line = &text[start..after];
            if ended.is_some() {
                line = line.strip_suffix(b"\n").unwrap();
                line = line.strip_suffix(b"\r").unwrap_or(line);
            }
            for index in self.expected_in(line) {
                if !std::mem::replace(&mut told[index], true) {
                    hits.push((after, index));
                }
            }
            start = after;
        }
        hits
    }

    fn fed(&self, state: &mut MatcherState, text: &[u8], cuts: &[usize]) -> Vec<(usize, usize)> {
        let mut hits = Vec::new();
        let mut before = 0;
        for &cut in cuts.iter().chain([&text.len()]) {
            self.matcher
                .feed(state, &text[before..cut], &mut |offset, index| hits.push((before + offset, index)));
            assert!(state.size() <= 4096);
            before = cut;
        }
        self.matcher.finish(state, &mut |index| hits.push((text.len(), index)));
        hits
    }
}

fn text(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < len {
        match rng.u8(..40) {
            0 => text.extend(b"\r\n"),
            1 => text.push(b'\r'),
            2 => text.push(b'\n'),
            3 => text.push(rng.u8(..)),
            4 => text.push(b'd'),
            5..=9 => text.push(b'c'),
            10..=24 => text.push(b'a'),
            _ => text.push(b'b'),
        }
    }
    text
}

fn cuts(rng: &mut Rng, len: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = match rng.u8(..4) {
        0 => (0..len).collect(),
        1 => Vec::new(),
        _ => (0..rng.usize(1..8)).map(|_| rng.usize(0..=len)).collect(),
    };
    cuts.sort_unstable();
    cuts
}

/// What a comparison is made of: patterns, and texts of a certain length.
struct Kind {
    pattern: fn(&mut Rng) -> Twin,
    patterns: usize,
    text: fn(&mut Rng, usize) -> Vec<u8>,
    text_len: usize,
}

fn compare(seed: u64, kind: &Kind, rounds: usize, texts: usize) {
    let mut rng = Rng::with_seed(seed);
    let mut compared = 0;
    for round in 0..rounds {
        let count = rng.usize(1..=kind.patterns);
        let twins: Vec<Twin> = (0..count).map(|_| (kind.pattern)(&mut rng)).collect();
        let Some(set) = Set::new(twins) else { continue };
        for _ in 0..texts {
            compared += 1;
            let len = rng.usize(..kind.text_len);
            let text = (kind.text)(&mut rng, len);
            let mut found = Vec::new();
            set.matcher.find_in(&text, &mut |index| found.push(index));
            let shown = text.escape_ascii();
            let place = || format!("seed {seed} round {round} {:?} in \"{shown}\"", set.twins);
            let expected = set.expected_in(&text);
            assert_eq!(found, expected, "{}", place());
            assert_eq!(set.found_in(&text), expected, "as a whole: {}", place());
            let cuts = cuts(&mut rng, text.len());
            let mut state = MatcherState::default();
            let expected = set.expected(&text);
            for _ in 0..2 {
                let hits = set.fed(&mut state, &text, &cuts);
                assert_eq!(hits, expected, "{} cut at {cuts:?}", place());
                state.reset();
            }
        }
    }
    assert!(compared * 10 > rounds * texts * 9, "only {compared} comparisons");
}

/// Words of four letters and more, which the prefilter can find, between `.*`, counts and classes.
fn phrase(rng: &mut Rng) -> Twin {
    let count = rng.usize(1..4);
    let items: Vec<Twin> = (0..count)
        .flat_map(|_| {
            let (ours, theirs) = rng
                .choice([
                    (".*", r"[^\r\n]*"),
                    (".{0,9}", r"[^\r\n]{0,9}"),
                    (".{12,}", r"[^\r\n]{12,}"),
                    ("[^m]*", r"[^m\r\n]*"),
                    ("( |, )", "(?: |, )"),
                    ("", ""),
                ])
                .unwrap();
            [word_twin(rng), twin(ours, theirs)]
        })
        .collect();
    let mut phrase = joined(&items, "");
    if rng.u8(..6) == 0 {
        phrase = twin(&format!("^{}", phrase.ours), &format!(r"\A{}", phrase.theirs));
    }
    if rng.u8(..6) == 0 {
        phrase = twin(&format!("{}$", phrase.ours), &format!(r"{}\z", phrase.theirs));
    }
    phrase
}

fn word_twin(rng: &mut Rng) -> Twin {
    let text = rng.choice(WORDS).unwrap();
    let (ours, theirs) = match rng.u8(..6) {
        0 => (text.replace('r', "[rR]"), text.replace('r', "[rR]")),
        1 => (text.replace('o', "."), text.replace('o', r"[^\r\n]")),
        2 => (format!("({text}|free)"), format!("(?:{text}|free)")),
        3 => (text.replace('r', "r+"), text.replace('r', "r+")),
        _ => ((*text).to_owned(), (*text).to_owned()),
    };
    Twin { ours, theirs }
}

fn prose(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < len {
        let word: &[u8] = rng.choice(WORDS).unwrap().as_bytes();
        match rng.u8(..8) {
            0 => text.extend(b"\r\n"),
            1 => text.extend(word.get(..rng.usize(..word.len())).unwrap()),
            2 => text.push(rng.choice(*b"\r\n ").unwrap()),
            3 => text.extend((0..rng.usize(..30)).map(|_| rng.alphanumeric() as u8)),
            _ => text.extend(word),
        }
        if rng.bool() {
            text.push(b' ');
        }
    }
    text
}

const WORDS: [&str; 8] =
    ["mortgage", "morning", "offer", "former", "order", "free", "remarkable", "forever and a day"];

/// A few letters, mostly at an edge of the text.
fn edge(rng: &mut Rng) -> Twin {
    let (start, plain_start) = rng.choice([("^", r"\A"), ("^", r"\A"), ("", ""), (".*", "")]).unwrap();
    let (end, plain_end) = rng.choice([("$", r"\z"), ("$", r"\z"), ("", ""), ("a*", "")]).unwrap();
    let count = rng.usize(..4);
    let letters: String =
        (0..count).map(|_| *rng.choice(&["a", "b", "[ab]", "(a|bb)", "a?"]).unwrap()).collect();
    twin(
        &format!("{start}{letters}{end}"),
        &format!("{plain_start}{}{plain_end}", letters.replace('(', "(?:")),
    )
}

fn letters(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| *rng.choice(b"aab\rc").unwrap()).collect()
}

#[test]
fn literals_at_the_edges_of_a_text_hold_where_the_plain_machine_says() {
    compare(11, &Kind { pattern: edge, patterns: 30, text: letters, text_len: 8 }, 2000, 8);
}

#[test]
fn single_patterns_hold_where_the_plain_machine_says() {
    compare(1, &Kind { pattern, patterns: 1, text, text_len: 60 }, 4000, 4);
}

#[test]
fn many_patterns_hold_where_the_plain_machine_says() {
    compare(2, &Kind { pattern, patterns: 12, text, text_len: 60 }, 400, 6);
}

#[test]
fn phrases_in_prose_hold_where_the_plain_machine_says() {
    compare(3, &Kind { pattern: phrase, patterns: 8, text: prose, text_len: 600 }, 300, 6);
}

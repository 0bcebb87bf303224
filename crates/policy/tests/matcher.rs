//! What the matcher promises: places of hits, bounds of memory and time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]
#![allow(clippy::disallowed_methods, reason = "bounds of time are measured with a clock")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::compile::matcher::{Matcher, MatcherState, TooLarge};
use policy::pattern::{Pattern, parse};

fn try_matcher<P: AsRef<str>>(patterns: &[P]) -> Result<Matcher, TooLarge> {
    let parsed: Vec<Pattern> = patterns.iter().map(|pattern| parse(pattern.as_ref()).unwrap()).collect();
    Matcher::new(&parsed.iter().collect::<Vec<_>>())
}

fn matcher<P: AsRef<str>>(patterns: &[P]) -> Matcher {
    try_matcher(patterns).unwrap()
}

fn found(patterns: &[&str], text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    matcher(patterns).find_in(text.as_bytes(), &mut |index| found.push(index));
    found
}

fn fed(matcher: &Matcher, state: &mut MatcherState, run: &str) -> Vec<(usize, usize)> {
    let mut hits = Vec::new();
    matcher.feed(state, run.as_bytes(), &mut |offset, index| hits.push((offset, index)));
    hits
}

fn finished(matcher: &Matcher, state: &mut MatcherState) -> Vec<usize> {
    let mut hits = Vec::new();
    matcher.finish(state, &mut |index| hits.push(index));
    hits
}

#[test]
fn parts_must_not_overlap() {
    let table: &[(&str, &str, bool)] = &[
        ("AB.*BA", "ABA", false),
        ("AB.*BA", "ABBA", true),
        ("AA.*AA", "AAA", false),
        ("AA.*AA", "AAAA", true),
        ("A.B.*B.A", "AxBxA", false),
        ("A.B.*B.A", "AxBBxA", true),
        ("AB.{2,}BA", "ABBBA", false),
        ("AB.{2,}BA", "ABBBBA", true),
        ("a.*(ab|b).*b", "aabb", true),
        ("a.*(ab|b).*b", "aab", false),
        ("x.*ab*c.*cd", "xabbcd", false),
        ("x.*ab*c.*cd", "xabbccd", true),
        ("^.*AB", "xAB", true),
        ("^.*AB", "\rAB", false),
        ("AB.*$", "ABx", true),
        ("AB.*$", "AB\rx", false),
        ("A.*B", "A\rB", false),
        ("A\\rB", "A\rB", true),
    ];
    for (pattern, text, holds) in table {
        assert_eq!(!found(&[pattern], text).is_empty(), *holds, "{pattern} in {text:?}");
    }
}

#[test]
fn a_text_is_told_its_patterns_in_ascending_order() {
    assert_eq!(found(&["b$", "x", "^a", "", "a.*b"], "a b"), [0, 2, 3, 4]);
    assert_eq!(found(&["^$", "."], ""), [0]);
    assert_eq!(found(&[], "a"), []);
}

#[test]
fn a_hit_is_told_at_the_end_of_its_line() {
    let matcher = matcher(&["abcde", "e$", "^$"]);
    let mut state = MatcherState::default();
    assert_eq!(fed(&matcher, &mut state, "xx\r\nabc"), []);
    assert_eq!(fed(&matcher, &mut state, "de"), []);
    assert_eq!(fed(&matcher, &mut state, "\r"), []);
    assert_eq!(fed(&matcher, &mut state, "\nabcde\r\nyy"), [(1, 0), (1, 1)]);
    assert_eq!(fed(&matcher, &mut state, "\r\n\r\n\r\n"), [(4, 2)]);
    assert_eq!(finished(&matcher, &mut state), []);
    state.reset();
    assert_eq!(fed(&matcher, &mut state, "abcde"), []);
    assert_eq!(finished(&matcher, &mut state), [0, 1]);
}

#[test]
fn a_bare_lf_ends_a_line() {
    let matcher = matcher(&["a.*b", "^b", "a$"]);
    let mut state = MatcherState::default();
    assert_eq!(fed(&matcher, &mut state, "a\nb\r\n"), [(2, 2), (5, 1)]);
    state.reset();
    assert_eq!(fed(&matcher, &mut state, "a\nb\r\n"), [(2, 2), (5, 1)]);
}

#[test]
fn a_text_without_a_last_line_has_no_empty_one() {
    let matcher = matcher(&["^$"]);
    let mut state = MatcherState::default();
    assert_eq!(fed(&matcher, &mut state, "a\r\n"), []);
    assert_eq!(finished(&matcher, &mut state), []);
    let mut state = MatcherState::default();
    assert_eq!(finished(&matcher, &mut state), []);
}

#[test]
fn what_came_before_the_run_counts_though_the_prefilter_saw_it_not() {
    let matcher = matcher(&["ab.*lottery", "lottery.*ab"]);
    let mut state = MatcherState::default();
    let long = "ab".to_owned() + &"z".repeat(100_000);
    assert_eq!(fed(&matcher, &mut state, &format!("nothing here\r\n{long}")), []);
    assert_eq!(fed(&matcher, &mut state, "lot"), []);
    assert_eq!(fed(&matcher, &mut state, "tery\r\n"), [(6, 0)]);
}

#[test]
fn a_matcher_is_shared_between_threads() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    let matcher = Arc::new(matcher(&["a"]));
    is_shared(&matcher);
    assert_eq!(format!("{matcher:?}"), "Matcher(1 patterns, 1 automata)");
    assert_eq!(matcher.pattern_count(), 1);
}

#[test]
fn a_state_stays_within_its_bound_or_the_pattern_is_named() {
    let pairs: Vec<String> = (0..600).map(|index| format!("first{index}x.*second{index}x")).collect();
    assert_eq!(try_matcher(&pairs).unwrap_err(), TooLarge { pattern: 599 });
    let matcher = matcher(&pairs[..300]);
    let mut state = MatcherState::default();
    assert!(state.size() < 512);
    for index in 0..300 {
        assert_eq!(fed(&matcher, &mut state, &format!("second{index}x first{index}x ")), []);
        assert!(state.size() <= 4096, "{}", state.size());
    }
    assert_eq!(fed(&matcher, &mut state, "second7x\r\n"), [(10, 7)]);
}

/// Generous, for the tests run with little optimisation on busy machines; a quadratic reading takes minutes.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn long_lines_take_linear_time() {
    let patterns = [
        "a.*a.*b",
        "(a*)*b",
        "(a|aa)+b",
        "(a?){30}b",
        "a.{0,300}b",
        "x*x*x*x*b",
        "(.*a){20}b",
        "a[^x]{5,300}y",
    ];
    let matcher = matcher(&patterns);
    let text = vec![b'a'; 1 << 20];
    let started = Instant::now();
    let mut state = MatcherState::default();
    for run in text.chunks(1460) {
        matcher.feed(&mut state, run, &mut |_, _| panic!("no line has ended"));
        assert!(state.size() <= 4096);
    }
    assert_eq!(finished(&matcher, &mut state), []);
    matcher.find_in(&text, &mut |index| panic!("{index}"));
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[test]
fn a_line_may_be_longer_than_places_are_counted() {
    let far = format!("x{}second", ".{1000,}".repeat(60));
    let matcher = matcher(&["first.*second", "^first", &far, "^second", "second.*first"]);
    let gap = "-".repeat(9 << 20);
    for (before, gap, hits) in [("x", "-", &[0][..]), ("", &gap, &[0, 1]), ("x", &gap, &[0, 2])] {
        let mut state = MatcherState::default();
        assert_eq!(fed(&matcher, &mut state, &format!("{before}first")), []);
        assert_eq!(fed(&matcher, &mut state, gap), []);
        assert_eq!(fed(&matcher, &mut state, "second"), []);
        assert_eq!(finished(&matcher, &mut state), hits);
    }
    let mut found = Vec::new();
    matcher.find_in(format!("x{gap}second").as_bytes(), &mut |index| found.push(index));
    assert_eq!(found, [2]);
}

#[test]
fn bare_lfs_are_not_searched_again_and_again() {
    let matcher = matcher(&["lottery.*winner"]);
    let text = "lottery\n".repeat(1 << 16) + "\r\n";
    let started = Instant::now();
    assert_eq!(fed(&matcher, &mut MatcherState::default(), &text), []);
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[test]
fn monsters_are_named_soon_and_what_is_only_large_is_matched() {
    let monsters = [
        "k((a|b|c){1,200}[^x]{5,300}){1,100}z",
        "k((a{1,100}){1,100}){1,100}z",
        "k(((((((((a?b){30}){30}){30}){30}){30}){30}){30}){30}){30}",
        "k[^x]{1,1000}y.{1,1000}z",
        "(a|b|c|d){500}.(x|y)*z{600}(p|q)+r",
    ];
    for monster in monsters {
        let started = Instant::now();
        assert_eq!(try_matcher(&["a", monster, "b"]).err(), Some(TooLarge { pattern: 1 }), "{monster}");
        assert!(started.elapsed() < SOON);
    }
    let large = matcher(&["(a|b|c){1,200}[^x]{5,300}z", "a.{20}b.{20}c.{20}d"]);
    let mut hits = Vec::new();
    large.find_in(&[&b"a"[..], &[b'y'; 200], b"z"].concat(), &mut |index| hits.push(index));
    assert_eq!(hits, [0]);
}

#[test]
fn hundreds_of_patterns_share_what_they_can() {
    let mut patterns: Vec<String> = (0..400).map(|index| format!("phrase {index} of many")).collect();
    patterns.extend((0..20).map(|index| format!("[a-z]{{8}}[0-9]{{{index}}}x")));
    patterns.extend((0..20).map(|index| format!("a..{{{index}}}b[0-9a-f]{{16}}")));
    patterns.extend((0..20).map(|index| format!("w{index}[^>]*>.*[^ ]+@v{index}")));
    let started = Instant::now();
    let matcher = matcher(&patterns);
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    let mut hits = Vec::new();
    matcher.find_in(b"phrase 17 of many w3 > me@v3 abcdefgh1234567x", &mut |index| hits.push(index));
    assert_eq!(hits, [17, 407, 443]);
}

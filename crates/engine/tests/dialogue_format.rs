//! The dialogue scripts' own rules: how a script that fails, or cannot be read, is reported.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[allow(dead_code, reason = "the property tests use what is not used here")]
mod dialogue;

use dialogue::play::{self, fits};
use dialogue::script::{self, items_of, wire};

fn failure_of(text: &str) -> (usize, String) {
    script::read(text).and_then(|script| play::play(&script)).unwrap_err()
}

#[test]
fn a_script_that_fails_is_reported_with_its_line_and_both_sides_of_the_difference() {
    let (line, complaint) = failure_of("S 220 mx   > same\nC EHLO a   > EHLO b\n");
    assert_eq!(line, 2);
    assert!(complaint.contains("expected `EHLO b\\r\\n`"), "{complaint}");
    assert!(complaint.contains("came     `EHLO a\\r\\n`"), "{complaint}");
}

#[test]
fn what_a_script_does_not_mention_must_not_happen() {
    assert_eq!(failure_of("S 220 mx\n").0, 1);
    assert_eq!(failure_of("S 220 mx   > same\nS 250 unasked\n   abort client\n").0, 2);
    assert_eq!(failure_of("policy match cmd verb NOOP → allow\nhello\nC NOOP   > same\n").0, 3);
}

#[test]
fn a_script_that_cannot_be_read_is_reported_with_its_line() {
    assert_eq!(failure_of("S 220 mx   > same\nX what\n").0, 2);
    assert_eq!(failure_of("policy match cmd verb ETRN\n").0, 1);
    assert_eq!(failure_of("# Claims nothing.\n"), (1, "nothing happens in it".to_owned()));
    assert!(failure_of("policy match cmd verb ETRN → maskk\n").1.contains("maskk"));
}

#[test]
fn a_star_in_a_pattern_matches_any_text() {
    assert!(fits("550 *", "550 x") && fits("5*x", "5x") && fits("a*b*c", "aXbYc") && fits("a", "a"));
    assert!(!fits("550 *", "554 x") && !fits("a", "ab") && !fits("a*b", "ac") && !fits("a*b*c", "ab"));
}

#[test]
fn what_is_sent_is_separated_from_what_is_expected() {
    assert_eq!(items_of("MAIL FROM:<a> X  > same"), ("MAIL FROM:<a> X", vec!["> same"]));
    assert_eq!(items_of("RSET   >   event x y=1"), ("RSET", vec![">", "event x y=1"]));
    assert_eq!(items_of("a  b   < 5*  finish client"), ("a  b", vec!["< 5*", "finish client"]));
}

#[test]
fn escapes_become_bytes() {
    assert_eq!(wire(r"a\r\n\x00\\\s\{3:bc}d").unwrap(), b"a\r\n\0\\ bcbcbcd\r\n");
    assert_eq!(wire("abc\\").unwrap(), b"abc");
    assert_eq!(wire(r"abc\\").unwrap(), b"abc\\\r\n");
}

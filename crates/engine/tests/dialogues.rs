//! Dialogue scripts: `tests/dialogues/**/*.dlg` at the root of the repository, each one behaviour.
//!
//! A script has a head and steps. `#` begins a comment line. The head says what the session is held to:
//!
//! ```text
//! policy match cmd verb ETRN → mask · match sender address regex "deals\.com" → reset log
//! ```
//!
//! Classes `c1`, `c2` … of policy-map `p`, tried in this order; conditions are joined by `or` (match-any) or by
//! `and` (match-all), and a pattern in quotes becomes a map `r1`, `r2` … of its own. `regex NAME "PATTERN" …` makes a
//! map that conditions may name. A whole configuration stands indented by one blank behind a line `config`; its
//! policy is the one that its proxy or zone-pair leads to, else its last. Settings: `conformance strict`,
//! `refusals detail`, `starttls mask`, `recipient-limit refuse`, `inspect opaque`, `watch observe`, and
//! `bound NAME N` and `timer NAME SECONDS` for what stands in `bounds.rs`, with dashes. `never TEXT` says what the
//! server must not hear in any cut.
//!
//! A step is who speaks (`C` or `S`), what is said, and behind two blanks what comes of it. A line that begins with a
//! blank goes on with what comes of the step before:
//!
//! ```text
//! hello PIPELINING SIZE_1000            the greeting, EHLO, and a reply with these keywords; all of it passes
//! mail SENDER RECIPIENT                 MAIL, RCPT and DATA, answered one by one; all of it passes
//! C NOOP                  > same        passes on as it is
//! C ETRN x                > xxxxxx      passes on as this
//! S 250 ok                > same  >> MAIL FROM:<a@b>      with `>>`, what the speaker's peer said before passes
//! C MAIL FROM:<x@y>       < 550 5.7.1 *   finish client, finish server
//!                         event match class=c1 criterion="sender address regex r1" action=reset
//! C FIN, S FIN, C RST, S RST            the peer ends
//! unreachable                           in the first place: there is no server
//! time +30s                             time passes; what is due is done
//! drain                                 the daemon goes down
//! reason client-lost                    nothing happens: the session says why it ended
//! ```
//!
//! What is not mentioned must not happen: nothing passes, nothing is answered, nobody's connection ends, and no
//! `match`, `anomaly` or `tls` is reported; reports of other kinds may be mentioned. Of a report, the values that are
//! mentioned must be equal; in `<`, `*` stands for any text. A line gets CRLF unless it ends in `\`; `\r`, `\n`,
//! `\t`, `\s` (a blank), `\xNN` and `\\` stand for octets, and `\{1000:text}` for the text a thousand times. Many
//! lines at once are a block, each line indented by two blanks:
//!
//! ```text
//! C {
//!   Subject: x
//!
//!   text
//!   .
//! }   > same
//! ```
//!
//! Every script runs with each step as one segment, octet by octet, in fifty random cuts, and, up to 2 KiB, with a cut
//! behind each of its octets. Both sides must hear the same each time, and the reports must be the same.
//! `DIALOGUE=part-of-a-name cargo test -p engine --test dialogues` runs some of them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[allow(dead_code, reason = "the property tests use what is not used here")]
mod dialogue;

use std::fs;
use std::path::{Path, PathBuf};

use dialogue::{play, script};

#[test]
fn every_script_comes_true_in_every_cut() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/dialogues");
    let wanted = std::env::var("DIALOGUE").unwrap_or_default();
    let mut scripts = Vec::new();
    collect(&root, &mut scripts);
    scripts.retain(|path| path.to_string_lossy().contains(&wanted));
    scripts.sort();
    assert!(!scripts.is_empty(), "no script has `{wanted}` in its name");
    let failures: Vec<String> = scripts.iter().filter_map(|path| failure(&root, path)).collect();
    assert!(failures.is_empty(), "{} of {} fail\n{}", failures.len(), scripts.len(), failures.join("\n"));
}

fn collect(folder: &Path, scripts: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, scripts);
        } else if path.extension().is_some_and(|extension| extension == "dlg") {
            scripts.push(path);
        }
    }
}

fn failure(root: &Path, path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).unwrap();
    let result = script::read(&text).and_then(|script| play::play(&script));
    let name = path.strip_prefix(root).unwrap_or(path).display();
    let (line, complaint) = result.err()?;
    Some(format!(
        "{name}:{line}: {}\n{complaint}",
        text.lines().nth(line.wrapping_sub(1)).unwrap_or_default().trim()
    ))
}

fn complaint_about(text: &str) -> (usize, String) {
    script::read(text).and_then(|script| play::play(&script)).unwrap_err()
}

#[test]
fn a_script_that_does_not_come_true_is_told_with_its_line_and_both_sides_of_the_difference() {
    let (line, complaint) = complaint_about("S 220 mx   > same\nC EHLO a   > EHLO b\n");
    assert_eq!(line, 2);
    assert!(complaint.contains("expected `EHLO b\\r\\n`"), "{complaint}");
    assert!(complaint.contains("came     `EHLO a\\r\\n`"), "{complaint}");
}

#[test]
fn what_a_script_does_not_mention_must_not_happen() {
    assert_eq!(complaint_about("S 220 mx\n").0, 1);
    assert_eq!(complaint_about("S 220 mx   > same\nS 250 unasked\n   abort client\n").0, 2);
    assert_eq!(complaint_about("policy match cmd verb NOOP → allow\nhello\nC NOOP   > same\n").0, 3);
}

#[test]
fn a_script_that_cannot_be_read_is_told_with_its_line() {
    assert_eq!(complaint_about("S 220 mx   > same\nX what\n").0, 2);
    assert_eq!(complaint_about("policy match cmd verb ETRN\n").0, 1);
    assert_eq!(complaint_about("# Claims nothing.\n"), (1, "nothing happens in it".to_owned()));
    assert!(complaint_about("policy match cmd verb ETRN → maskk\n").1.contains("maskk"));
}

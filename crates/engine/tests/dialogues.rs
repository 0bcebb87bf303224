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
//! map that conditions may name. The action `pace-N` lets N events through in a second. A whole configuration stands indented by one blank behind a line `config`; its
//! policy is the one that its proxy or zone-pair leads to, else its last. `ip inspect esmtp max-data 1000` is what a
//! rule of classic inspection says. Settings: `conformance strict`,
//! `limits-logins on` (the account `blocked` is blocked), `refusals detail`, `starttls mask`, `recipient-limit refuse`, `announce-limits off`, `lmtp`, `send-xclient`, `inspect opaque`, `inspect pop3`, `inspect imap` (before a
//! policy on it), `imap-preauth pass`, `events-detail envelope` or `none` (else the subject is told, too), `login valid`, `login secure` and `login reset` (what classic IOS demands of a login), `watch observe`, and
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
//! S 220 mx                +> EHLO [192.0.2.7]             we tell the server; the client is 192.0.2.7:40112
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
//!
//! Each script is a test of its own, named by its path below `tests/dialogues` without the extension:
//! `cargo test -p engine --test dialogues sender-address` runs those with that in their name.

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
use std::process::ExitCode;

use dialogue::{play, script};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/dialogues");
    let mut scripts = Vec::new();
    collect(&root, &mut scripts);
    scripts.sort();
    assert!(!scripts.is_empty(), "no script below {}", root.display());
    let tests = scripts.into_iter().map(|path| {
        let name = path.strip_prefix(&root).unwrap().with_extension("");
        Trial::test(name.to_str().unwrap(), move || check(&path))
    });
    libtest_mimic::run(&arguments, tests.collect()).exit_code()
}

/// Only names: a test runner starts this program once for every test, which then reads its own script.
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

fn check(path: &Path) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    let played = script::read(&text).and_then(|script| play::play(&script));
    played.map_err(|(line, complaint)| {
        let step = text.lines().nth(line.wrapping_sub(1)).unwrap_or_default().trim();
        format!("{}:{line}: {step}\n{complaint}", path.display()).into()
    })
}

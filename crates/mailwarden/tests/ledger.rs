//! The ledger of features, `docs/features.md`, names only what exists.
//!
//! Whether a test shows what its row promises is not judged here: that is for a reader.

#![allow(
    clippy::unwrap_used,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const COLUMNS: usize = 5;
const STATES: [&str; 4] = ["planned", "partial", "done", "refused"];

struct Row {
    id: String,
    state: String,
    shown_by: String,
}

#[test]
fn each_id_is_given_once_and_each_state_is_one_of_four() {
    let mut seen = HashSet::new();
    for Row { id, state, .. } in rows() {
        let (word, reason) = state.split_once(": ").unwrap_or((&state, ""));
        assert!(STATES.contains(&word), "{id}: `{state}`");
        assert_eq!(matches!(word, "partial" | "refused"), !reason.is_empty(), "{id}: a reason: `{state}`");
        assert!(seen.insert(id.clone()), "{id} is given twice");
    }
    assert!(seen.len() > 200, "{} rows", seen.len());
}

#[test]
fn what_is_done_is_shown_by_a_test() {
    let unshown = rows().into_iter().filter(|row| row.state == "done" && !row.shown_by.contains('`'));
    assert_eq!(unshown.map(|row| row.id).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn every_file_test_and_claim_that_a_row_names_exists() {
    let rules = ["rules", "asa_rules", "classic_rules"];
    let rules = rules.map(|name| root().join(format!("crates/mailwarden/tests/servers/{name}.rs")));
    let rules = rules.map(|file| fs::read_to_string(file).unwrap()).concat();
    let is_claim = |text: &str| rules.contains(&format!("\"{text}\""));
    let mut missing = String::new();
    for Row { id, shown_by, .. } in rows() {
        // A claim may have words in backticks of its own, so quotes are looked at first.
        let mut between_quotes = shown_by.split('"');
        while let Some(names) = between_quotes.next() {
            let names = names.split('`').skip(1).step_by(2).filter(|name| !exists(name));
            let claim = between_quotes.next().filter(|claim| !is_claim(claim));
            for name in names.chain(claim) {
                let _ = writeln!(missing, "{id}: {name}");
            }
        }
    }
    assert!(missing.is_empty(), "named in docs/features.md and not there:\n{missing}");
}

/// A path from the root of the repository, or `servers: NAME`: a test, or several that begin so.
fn exists(named: &str) -> bool {
    let Some((program, test)) = named.split_once(": ") else { return root().join(named).is_file() };
    let tests = root().join("crates/mailwarden/tests");
    let mut files = vec![tests.join(program).with_extension("rs")];
    if let Ok(folder) = fs::read_dir(tests.join(program)) {
        files.extend(folder.map(|entry| entry.unwrap().path()));
    }
    let function = format!("#[test]\nfn {test}");
    files.iter().any(|file| fs::read_to_string(file).is_ok_and(|text| text.contains(&function)))
}

/// The rows of all tables: id, promise, state, script, server.
fn rows() -> Vec<Row> {
    let ledger = fs::read_to_string(root().join("docs/features.md")).unwrap();
    let table = ledger.lines().filter(|line| line.starts_with("| S0") || line.starts_with("| P-"));
    table
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            assert_eq!(cells.len(), COLUMNS, "{line}");
            Row {
                id: cells[0].to_owned(),
                state: cells[2].to_owned(),
                shown_by: format!("{} {}", cells[3], cells[4]),
            }
        })
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

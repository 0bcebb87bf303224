//! The body of the fuzz target over inputs made from seeds; `scripts/fuzz` runs it for longer.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[path = "../../../fuzz/bodies/input.rs"]
mod input;
#[path = "../../../fuzz/bodies/policy_text.rs"]
mod policy_text;
#[path = "../../../fuzz/bodies/short.rs"]
mod short;
#[path = "../../../fuzz/bodies/statements.rs"]
mod statements;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn policy() {
    short::run(1000, policy_text::generate, policy_text::run);
}

/// `UPDATE_GOLDEN=1` adds those that are missing.
#[test]
fn the_dictionary_has_every_keyword_of_every_dialect() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/dictionaries/policy.dict");
    let mut dictionary = fs::read_to_string(&file).unwrap();
    let known: BTreeSet<String> = dictionary
        .split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
        .map(str::to_owned)
        .collect();
    let missing: BTreeSet<String> =
        statements::keywords().filter(|keyword| !known.contains(keyword)).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        dictionary.extend(missing.iter().map(|keyword| format!("\"{keyword} \"\n")));
        fs::write(&file, dictionary).unwrap();
    } else {
        assert!(missing.is_empty(), "{missing:?}");
    }
}

//! Golden policies: a good one prints back as canonical text, a bad one lists all its complaints.
//!
//! `UPDATE_GOLDEN=1` rewrites the expectations; the difference is reviewed like code.

#![allow(
    clippy::unwrap_used,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use policy::{Loaded, load, render};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/policies").join(name)
}

fn configurations(name: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "conf")).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn loaded(path: &Path) -> Loaded {
    load(path.file_name().unwrap().to_str().unwrap(), &fs::read(path).unwrap())
}

/// Compares with the file beside the configuration, or rewrites it.
fn compare(path: &Path, found: &str, failures: &mut Vec<String>) {
    let expected = path.with_extension("expected");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&expected, found).unwrap();
    } else if fs::read_to_string(&expected).unwrap_or_default() != found {
        failures.push(format!("{} differs, found:\n{found}", expected.display()));
    }
}

#[test]
fn good_policies_print_back_as_canonical_text() {
    let mut failures = Vec::new();
    for path in configurations("good") {
        let Loaded { configuration: policy, diagnostics, source, .. } = loaded(&path);
        let complaints = render::diagnostics(&source, &diagnostics);
        let Some(policy) = policy else {
            failures.push(format!("{} has errors:\n{complaints}", path.display()));
            continue;
        };
        let text = policy.to_string();
        compare(&path, &format!("{complaints}{text}"), &mut failures);
        let again = load("printed", text.as_bytes());
        let Some(again_policy) = again.configuration else {
            let complaints = render::diagnostics(&again.source, &again.diagnostics);
            failures.push(format!("{}: what is printed has errors:\n{complaints}", path.display()));
            continue;
        };
        if again_policy.without_places() != policy.without_places() {
            failures.push(format!("{}: what is printed is another policy", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn bad_policies_list_all_their_complaints() {
    let mut failures = Vec::new();
    for path in configurations("bad") {
        let Loaded { configuration: policy, diagnostics, source, .. } = loaded(&path);
        if policy.is_some() {
            failures.push(format!("{} has no error", path.display()));
        }
        compare(&path, &render::diagnostics(&source, &diagnostics), &mut failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn changes_that_mean_nothing_change_nothing() {
    let mut failures = Vec::new();
    for path in configurations("good") {
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Ok(text) = fs::read_to_string(&path) {
            failures.extend(common::changed_by_transformations(name, &text));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

//! The corpus that `MAILWARDEN_CORPUS` names: mails, captures and configurations, each kind in a folder with the
//! facts that an independent reader found in them.

#![allow(
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// A folder of the corpus; without the variable nothing, and the skipped test says so.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let corpus = std::env::var_os("MAILWARDEN_CORPUS");
    if corpus.is_none() {
        println!("SKIPPED: MAILWARDEN_CORPUS does not name the folder of the corpus");
    }
    Some(Path::new(&corpus?).join(name))
}

/// The facts of a folder, by file name.
pub(crate) fn facts(folder: &Path) -> Map<String, Value> {
    let path = folder.join("FACTS.json");
    let facts = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&facts).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

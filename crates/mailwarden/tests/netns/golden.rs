//! `tests/netfilter/*.conf` are configurations; each has its table beside it as `.nft`, and what is complained of as
//! `.err`. `UPDATE_GOLDEN=1` rewrites both; the difference is reviewed like code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{Lab, lab_can_run};

pub(crate) fn tables_are_the_golden_ones() {
    let mut failures = Vec::new();
    for path in configurations() {
        let name = path.file_name().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_mailwarden"))
            .arg("netfilter")
            .arg(name)
            .current_dir(path.parent().unwrap())
            .output()
            .unwrap();
        for (extension, found) in [("nft", output.stdout), ("err", output.stderr)] {
            let golden = path.with_extension(extension);
            let found = String::from_utf8(found).unwrap();
            let expected = fs::read_to_string(&golden).unwrap_or_default();
            if found == expected {
                continue;
            }
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&golden, found).unwrap();
            } else {
                failures.push(format!("{} differs: run scripts/golden\n{found}", golden.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

pub(crate) fn the_kernel_takes_every_golden_table_and_what_it_lists_of_it() {
    if !lab_can_run() {
        return;
    }
    let lab = Lab::empty();
    for path in configurations() {
        let text = fs::read_to_string(path.with_extension("nft")).unwrap();
        // A configuration with errors has no table.
        if text.is_empty() {
            continue;
        }
        let name = path.display();
        lab.nft(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let listed = lab.listed();
        lab.nft(&format!("flush ruleset\n{listed}")).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(lab.listed(), listed, "{name}");
        lab.nft("flush ruleset").unwrap();
    }
}

fn configurations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/netfilter");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|is| is == "conf")).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

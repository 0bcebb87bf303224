//! Every help of the golden diagnostics can be typed: typed as printed, it leaves one complaint less.
//!
//! What is typed goes where a person would type it: in place of the word or of the line that the complaint points
//! at, before or behind that line, into the block that the help names, at the end of the file, or at the prompt of a
//! shell. One of these must do. What cannot be typed as it stands is named in [`ADVICE`].

#![allow(
    clippy::unwrap_used,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use policy::diagnostic::Diagnostic;
use policy::platform::Platform;
use policy::source::Source;
use policy::{Loaded, load};

/// Helps that cannot be typed as they stand, each with the reason.
const ADVICE: &[(&str, &str)] = &[
    ("`proxy NAME / listen ", "the statement stays without effect beside the proxy that inspects the mail"),
    (
        "write other bytes as ",
        "the octet is not in the text any more, and which character it was is not known",
    ),
];

/// Folders of golden configurations.
const GOLDEN: [&str; 3] = ["policies/bad", "policies/good", "check"];

#[test]
fn every_help_that_is_typed_leaves_one_complaint_less() {
    let mut failures = Vec::new();
    let mut typed = 0;
    for folder in GOLDEN {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(folder);
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_none_or(|extension| extension != "conf") {
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            let loaded = load(name, &fs::read(&path).unwrap());
            for complaint in &loaded.diagnostics {
                let Some(help) = &complaint.help else { continue };
                // On an ASA no policy can be defined that this version enforces.
                let is_asa = loaded.configuration.as_ref().is_some_and(|it| it.platform == Platform::Asa);
                let needs_policy = help.contains("NAME") && is_asa;
                if needs_policy || ADVICE.iter().any(|(advice, _)| help.starts_with(advice)) {
                    continue;
                }
                typed += 1;
                let texts = match command(help) {
                    Some(command) => vec![run(command, &path)],
                    None => ways(&loaded, complaint, help),
                };
                if !texts.into_iter().any(|text| is_mended(&loaded, complaint, &text)) {
                    let line = loaded.source.position(complaint.at).line;
                    failures.push(format!(
                        "{name}:{line}: {} [{}]\n  help: {help}",
                        complaint.message,
                        complaint.code.as_str()
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "helps that do not help:\n{}", failures.join("\n"));
    assert!(typed > 50, "{typed}");
}

/// Whether the complaint is gone, and no error has come in its place.
fn is_mended(before: &Loaded, complaint: &Diagnostic, text: &str) -> bool {
    let after = load("typed", text.as_bytes());
    let same = |loaded: &Loaded| {
        let found = loaded.diagnostics.iter();
        found.filter(|other| other.code == complaint.code && other.message == complaint.message).count()
    };
    // Of two slips in a line only the first is complained about.
    same(&after) < same(before) && after.diagnostics.errors() <= before.diagnostics.errors()
}

/// What a help says to type at the prompt of a shell.
fn command(help: &str) -> Option<&str> {
    help.split('`')
        .skip(1)
        .step_by(2)
        .find(|quoted| quoted.starts_with("sed ") || quoted.starts_with("iconv "))
}

/// What the command prints of the file.
fn run(command: &str, file: &Path) -> String {
    let command = command.replace("FILE", &format!("'{}'", file.display()));
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The file with the help typed in each way that makes sense.
fn ways(loaded: &Loaded, complaint: &Diagnostic, help: &str) -> Vec<String> {
    let Loaded { source, summary, .. } = loaded;
    let word = complaint.at.start as usize..complaint.at.end as usize;
    let (start, line) = source.line_of(complaint.at);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let (deep, line) = (indent(line), start..start + line.len());
    let behind = source.lines().find(|(at, other)| *at > start && indent(other) <= deep);
    let end_of_block = behind.map_or(source.text.len(), |(at, _)| at);
    let mut ways = Vec::new();
    if help == "write it without the prompt" {
        ways.push(replaced(source, start..word.start, ""));
    }
    if help == "write the remark on a line of its own" {
        ways.push(replaced(source, word.start..word.start, "\n"));
    }
    if help.starts_with("remove it") {
        ways.push(replaced(source, word.clone(), ""));
        ways.push(replaced(source, line.clone(), ""));
    }
    for quoted in help.split('`').skip(1).step_by(2) {
        let policies = summary.policy_maps.values().flatten().map(String::as_str).chain(["TYPED"]);
        let typed: Vec<String> = match quoted.contains("NAME") {
            true => policies.map(|name| quoted.replace("NAME", name)).collect(),
            false => vec![quoted.to_owned()],
        };
        for typed in typed {
            // `mailwarden / starttls mask`: a line of that block.
            let typed = typed.replace(" / ", "\n ");
            ways.push(replaced(source, word.clone(), &typed));
            ways.push(replaced(source, line.clone(), &typed));
            ways.push(replaced(source, line.start..line.start, &format!("{typed}\n")));
            ways.push(replaced(source, line.end..line.end, &format!("\n{typed}")));
            ways.push(replaced(source, end_of_block..end_of_block, &format!("{typed}\n")));
            ways.push(format!("{}\n{typed}\n", source.text));
            ways.extend(in_named_block(source, help, &typed));
        }
    }
    if help.contains("NAME") {
        ways.iter_mut().for_each(|text| text.push_str(POLICY));
    }
    ways
}

/// What a help means by NAME where the file has no policy.
const POLICY: &str = "\nclass-map type inspect smtp match-any TYPED-CLASS\n match recipient count gt 5\n\
    policy-map type inspect smtp TYPED\n class type inspect smtp TYPED-CLASS\n  reset\n";

/// `write X in class-map NAME`: behind the header of that block.
fn in_named_block(source: &Source, help: &str, typed: &str) -> Option<String> {
    let (_, block) = help.split_once("` in ")?;
    let (kind, name) = block.trim_end_matches('`').split_once(" `")?;
    let is_header = |line: &str| line.trim_start().starts_with(kind) && line.trim_end().ends_with(name);
    let (start, header) = source.lines().find(|(_, line)| is_header(line))?;
    let end = start + header.len();
    Some(replaced(source, end..end, &format!("\n {typed}")))
}

fn replaced(source: &Source, range: std::ops::Range<usize>, with: &str) -> String {
    let mut text = source.text.clone();
    text.replace_range(range, with);
    text
}

//! Golden files: commands and questions to the demonstration language, and every answer.
//!
//! An `.in` file holds one request per line: `mode NAME`, `platform ios|asa|any`, `#` comments, and
//! `> LINE` to read a line, `? LINE` for help and `T LINE` for Tab. `UPDATE_GOLDEN=1` rewrites the
//! expectations; the difference is then read by eye.

mod demo;

use std::path::Path;

use grammar::{Mismatch, Mode, Platforms, check, explain, extend, resolve, words};

#[test]
fn golden_files_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "in") {
            continue;
        }
        seen += 1;
        let found = transcript(&std::fs::read_to_string(&path).unwrap());
        let expected = path.with_extension("expected");
        if update {
            std::fs::write(&expected, &found).unwrap();
        }
        let wanted = std::fs::read_to_string(&expected).unwrap_or_default();
        assert!(found == wanted, "{} differs; now:\n{found}", expected.display());
    }
    assert_ne!(seen, 0);
}

#[test]
fn the_tables_have_no_fault() {
    let faults: Vec<String> = check(&demo::CONFIG).iter().map(ToString::to_string).collect();
    assert_eq!(faults, [""; 0]);
}

fn transcript(requests: &str) -> String {
    let mut mode = &demo::CONFIG;
    let mut platforms = Platforms::ALL;
    let mut out = String::new();
    for request in requests.lines() {
        let (kind, line) = request.split_once(' ').unwrap_or((request, ""));
        out.push_str(&format!("{request}\n"));
        match kind {
            "mode" => mode = mode_named(line),
            "platform" => platforms = platform_named(line),
            ">" => out.push_str(&read(mode, platforms, line)),
            "?" => out.push_str(&explain(mode, platforms, line)),
            "T" => match extend(mode, platforms, line) {
                Some(found) => {
                    out.push_str(&format!("= {}{} \n", &line[..found.at.start], found.word));
                }
                None => out.push_str("= (bell)\n"),
            },
            _ => {}
        }
    }
    out
}

fn read(mode: &'static Mode<String>, platforms: Platforms, text: &str) -> String {
    let line = words(text);
    let mut notes = String::new();
    if let Some(span) = line.unterminated {
        notes.push_str(&format!("(quote at {} is not closed)\n", span.start));
    }
    if let Some(span) = line.typographic {
        notes.push_str(&format!("(typographic quote at {})\n", span.start));
    }
    if line.words.is_empty() {
        return "= (no words)\n".to_owned();
    }
    let answer = resolve(mode, platforms, &line).and_then(|found| {
        let enters = found.enters().map_or(String::new(), |mode| format!(" -> {}", mode.prompt));
        Ok(format!("= {}\n  {}{enters}\n", found.command.syntax, found.build()?))
    });
    notes + &answer.unwrap_or_else(|mismatch| mismatch.render(text) + &detail(&mismatch))
}

/// What a mismatch knows beyond what IOS prints.
fn detail(mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Ambiguous { candidates, .. } => format!("  [{}]\n", candidates.join(" ")),
        Mismatch::Incomplete { expected } => format!("  [{}]\n", expected.join(" ")),
        Mismatch::OutOfRange { low, high, .. } => format!("  [{low} to {high}]\n"),
        Mismatch::Unknown { .. } | Mismatch::Invalid { .. } => String::new(),
    }
}

fn mode_named(name: &str) -> &'static Mode<String> {
    let modes = [&demo::CONFIG, &demo::CLASS_MAP, &demo::POLICY_MAP, &demo::PARAMETER_MAP];
    modes.into_iter().find(|mode| mode.name == name).unwrap_or(&demo::CONFIG)
}

fn platform_named(name: &str) -> Platforms {
    match name {
        "ios" => Platforms::IOS,
        "asa" => Platforms::ASA,
        _ => Platforms::ALL,
    }
}

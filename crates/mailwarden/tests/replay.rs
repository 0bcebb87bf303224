//! Captures of our own, replayed: `tests/replays/NAME` holds `input.pcap`, perhaps a `policy.conf`, and what
//! is expected. `expected.json` names the exit code and the fields that matter of each session;
//! `expected.txt` is the whole text, where there is one. `UPDATE_GOLDEN=1` writes the texts anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

#[test]
fn every_replay_tells_what_is_expected() {
    let mut wrong = Vec::new();
    for folder in folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let expected = std::fs::read_to_string(folder.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let output = replay(&folder, &["--json"]);
        let sessions = String::from_utf8(output.stdout).unwrap();
        let sessions: Value =
            sessions.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
        if expected["exit"] != output.status.code().unwrap() {
            wrong.push(format!("{name}: exit {:?}, expected {}", output.status.code(), expected["exit"]));
        }
        compare(&name, &expected["sessions"], &sessions, &mut wrong);
        compare_text(&name, &folder, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_that_is_no_capture_and_one_that_is_not_there_are_told_apart() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let no_capture = run(&[here.join("Cargo.toml").to_str().unwrap()]);
    assert_eq!(no_capture.status.code(), Some(2));
    assert!(text(&no_capture.stderr).contains("not a capture file"), "{}", text(&no_capture.stderr));
    let missing = run(&["/nowhere/at/all.pcap"]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(text(&missing.stderr).contains("/nowhere/at/all.pcap: cannot read"), "{}", text(&missing.stderr));
}

#[test]
fn of_several_captures_the_worst_decides_the_exit_and_each_session_names_its_own() {
    let clean = root().join("clean-mail/input.pcap");
    let cut = root().join("cut-off/input.pcap");
    let output = run(&["--json", cut.to_str().unwrap(), clean.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let captures: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["capture"].clone())
        .collect();
    assert_eq!(captures, [cut.to_str().unwrap(), clean.to_str().unwrap()]);
}

#[test]
fn a_proxy_that_the_configuration_lacks_is_named() {
    let folder = root().join("policy-match");
    let (config, input) = (folder.join("policy.conf"), folder.join("input.pcap"));
    let (config, input) = (config.to_str().unwrap(), input.to_str().unwrap());
    let output = run(&["--config", config, "--proxy", "other", input]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no proxy `other`"), "{}", text(&output.stderr));
    assert_eq!(run(&["--config", config, "--proxy", "mx", input]).status.code(), Some(0));
}

#[test]
fn no_damage_of_a_capture_makes_a_panic() {
    let scratch = std::env::temp_dir().join(format!("mailwarden-replay-{}.pcap", std::process::id()));
    let mut random = fastrand::Rng::with_seed(7);
    for folder in folders() {
        let whole = std::fs::read(folder.join("input.pcap")).unwrap();
        for round in 0..8 {
            let mut damaged = whole.clone();
            for _ in 0..1 << round {
                let at = random.usize(24..damaged.len());
                damaged[at] = random.u8(..);
            }
            damaged.truncate(random.usize(24..=damaged.len()));
            std::fs::write(&scratch, &damaged).unwrap();
            let output = run(&["--json", scratch.to_str().unwrap()]);
            assert!(
                output.status.code().is_some_and(|code| code < 2),
                "{folder:?} round {round}: {output:?}"
            );
            assert!(!text(&output.stderr).contains("panicked"), "{folder:?} round {round}");
        }
    }
    std::fs::remove_file(scratch).unwrap();
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/replays")
}

fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

fn replay(folder: &Path, flags: &[&str]) -> Output {
    let config = folder.join("policy.conf");
    let (input, config_text) = (folder.join("input.pcap"), config.to_string_lossy().into_owned());
    let mut arguments = flags.to_vec();
    if config.exists() {
        arguments.extend(["--config", &config_text]);
    }
    arguments.push(input.to_str().unwrap());
    run(&arguments)
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mailwarden")).arg("replay").args(arguments).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// Every field that is expected is there; others may be.
fn compare(place: &str, expected: &Value, found: &Value, wrong: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, expected) in fields {
                compare(&format!("{place}.{name}"), expected, &found[name], wrong);
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (number, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare(&format!("{place}[{number}]"), expected, found, wrong);
            }
        }
        (expected, found) if expected == found => {}
        (expected, found) => wrong.push(format!("{place}: found {found}, expected {expected}")),
    }
}

fn compare_text(name: &str, folder: &Path, wrong: &mut Vec<String>) {
    let golden = folder.join("expected.txt");
    let Ok(expected) = std::fs::read_to_string(&golden) else { return };
    let found = text(&replay(folder, &[]).stdout);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, found).unwrap();
    } else if found != expected {
        wrong.push(format!("{name}: the text differs from expected.txt:\n{found}"));
    }
}

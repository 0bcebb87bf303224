//! Captures of our own, replayed: `tests/replays/NAME` holds `input.pcap`, perhaps a `policy.conf`, and what
//! is expected. `expected.json` names the exit code and the fields that matter of each session;
//! `expected.txt` is the whole text, where there is one. `UPDATE_GOLDEN=1` writes the texts anew.

#[path = "replay/made.rs"]
mod made;

use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Output, Stdio};

use made::{From, Made};
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

/// What `replay` makes of a capture that is made while it is read, with no more memory than so many MiB.
fn replay_made(memory_mib: u32, make: impl FnOnce(&mut Made<BufWriter<ChildStdin>>) + Send) -> Vec<Value> {
    let limited = format!("ulimit -d {} && exec \"$0\" replay --json -", memory_mib << 10);
    let mut child = Command::new("sh")
        .args(["-c", &limited, env!("CARGO_BIN_EXE_mailwarden")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut lines = String::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut made = Made::new(BufWriter::new(input)).unwrap();
            make(&mut made);
        });
        output.read_to_string(&mut lines).unwrap();
    });
    assert_eq!(child.wait().unwrap().code(), Some(0));
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn len(list: &Value) -> usize {
    list.as_array().unwrap().len()
}

/// How many MiB of a capture the tests of memory make; more can be asked for to measure.
fn capture_mib() -> u64 {
    std::env::var("MAILWARDEN_REPLAY_MIB").map_or(24, |mib| mib.parse().unwrap())
}

/// Enough for every bound of `replay` together, and too little for half of what the tests of memory replay.
const MEMORY_MIB: u32 = 80;

#[test]
fn of_a_session_without_end_the_first_ten_thousand_are_listed_and_the_rest_is_counted() {
    let mut transactions = 0;
    let sessions = replay_made(MEMORY_MIB, |made| {
        let mut session = made.open(0).unwrap();
        while made.bytes < capture_mib() << 20 || transactions < 12_000 {
            made.transact(&mut session, transactions).unwrap();
            transactions += 1;
        }
        made.close(session).unwrap();
    });
    let [session] = &*sessions else { panic!("{} sessions", sessions.len()) };
    let listed = &session["transactions"];
    assert_eq!((len(listed), len(&session["commands"])), (10_000, 10_000));
    assert_eq!(listed[9_999]["sender"], "sender9999@example.com");
    assert_eq!(
        (&listed[9_999]["recipients"][0]["reply"], &listed[9_999]["reply"]),
        (&250.into(), &250.into())
    );
    assert_eq!(session["more_transactions"], transactions - 10_000);
    // Of each transaction MAIL, RCPT, DATA and NOOP; EHLO before and QUIT behind them.
    assert_eq!(session["more_commands"], 4 * transactions + 2 - 10_000);
}

#[test]
fn sessions_that_end_before_the_first_one_wait_for_it_outside_of_memory() {
    let mut opened = 0;
    let sessions = replay_made(MEMORY_MIB, |made| {
        let mut first = made.open(0).unwrap();
        while made.bytes < capture_mib() << 20 {
            opened += 1;
            let mut session = made.open(opened).unwrap();
            made.transact(&mut session, opened as usize).unwrap();
            made.close(session).unwrap();
            if opened % 1000 == 0 {
                made.say(&mut first, From::Client, "NOOP\r\n").unwrap();
                made.say(&mut first, From::Server, "250 2.0.0 Ok\r\n").unwrap();
            }
        }
        made.close(first).unwrap();
    });
    assert_eq!(sessions.len(), opened as usize + 1);
    assert_eq!(len(&sessions[0]["commands"]), 2 + opened as usize / 1000);
    for (number, session) in sessions.iter().enumerate().skip(1) {
        assert_eq!(session["transactions"][0]["sender"], format!("sender{number}@example.com"));
    }
}

#[test]
fn sessions_that_never_end_make_room_for_others() {
    let mut opened = 0;
    let sessions = replay_made(MEMORY_MIB, |made| {
        while made.bytes < capture_mib() << 20 {
            let mut session = made.open(opened).unwrap();
            made.transact(&mut session, opened as usize).unwrap();
            opened += 1;
        }
    });
    assert_eq!(sessions.len(), opened as usize);
    assert_eq!(sessions.last().unwrap()["transactions"][0]["body_bytes"], 35);
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

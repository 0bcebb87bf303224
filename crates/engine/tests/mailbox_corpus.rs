//! Dialogues of real clients and servers up to the login, if `MAILWARDEN_CORPUS` names the folder of the corpus: each
//! passes byte for byte, in every cut, and its login is found where it is.
//!
//! One in which TLS was agreed on and does not begin is ended instead, and one that was made by hand may be, where a
//! policy refuses invalid commands.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[path = "../../../tests/common/corpus.rs"]
#[allow(dead_code, reason = "facts of other kinds are not read here")]
mod corpus;
#[allow(dead_code, reason = "scripts are not read here, and records are looked at in part")]
mod dialogue;

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use dialogue::driver::Driver;
use dialogue::world::World;
use engine::{End, SessionConfig};
use proto::Side;

/// One recorded connection.
struct Recorded {
    facts: HashMap<String, String>,
    acts: Vec<Act>,
}

enum Act {
    Says(Side, Vec<u8>),
    Ends(Side),
}

#[test]
fn every_dialogue_passes_byte_for_byte_in_every_cut() {
    let Some(folder) = corpus::folder("dialogues") else { return };
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let recorded = read(&fs::read_to_string(&path).unwrap());
        let name = path.display().to_string();
        check(&name, &recorded, "");
        // What no client says may be refused.
        if !recorded.facts.get("client").is_some_and(|client| client.contains("by hand")) {
            check(&name, &recorded, "match invalid-command → reset");
        }
        count += 1;
    }
    assert!(count > 10, "{count} dialogues");
}

fn check(name: &str, recorded: &Recorded, policy: &str) {
    let fact = |key: &str| recorded.facts.get(key).map_or("", String::as_str);
    let mut world = World::default();
    world.set("inspect", fact("protocol"));
    if !policy.is_empty() {
        world.policy(policy).unwrap();
    }
    if fact("login") == "preauth" {
        world.set("imap-preauth", "pass");
    }
    let config = world.config().unwrap();
    for cut in [usize::MAX, 1, 2, 3, 5, 7] {
        let driver = play(&config, recorded, cut);
        if fact("tls") == "failed" {
            continue;
        }
        for side in [Side::Client, Side::Server] {
            let said = said(recorded, side.other());
            let heard = &driver.record.stream(side).octets;
            assert_eq!(
                heard.escape_ascii().to_string(),
                said.escape_ascii().to_string(),
                "{name}, cut {cut}: what the {side:?} hears"
            );
        }
        let logins = driver.record.reports.iter().filter(|report| report.kind == "login");
        let value = |report: &dialogue::record::Report, key: &str| {
            report
                .values
                .iter()
                .find(|(of, _)| *of == key)
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        let attempts = logins.clone().count();
        let accepted = logins.filter(|report| value(report, "outcome") == "accepted");
        let mechanisms: Vec<String> = accepted.map(|report| value(report, "mechanism")).collect();
        let expected = fact("login").to_ascii_uppercase();
        let is_login = !matches!(&*expected, "NO" | "PREAUTH");
        assert_eq!(mechanisms.first(), is_login.then_some(&expected), "{name}, cut {cut}");
        assert_eq!(attempts.to_string(), fact("attempts"), "{name}, cut {cut}: attempts");
    }
}

/// Plays the connection, in segments of at most `longest` octets.
fn play(config: &Arc<SessionConfig>, recorded: &Recorded, longest: usize) -> Driver {
    let mut driver = Driver::connected(config);
    for act in &recorded.acts {
        match act {
            Act::Says(side, octets) => {
                octets.chunks(longest.min(octets.len())).for_each(|segment| driver.say(*side, segment));
            }
            Act::Ends(side) => driver.end(*side, End::Fin),
        }
    }
    driver
}

fn said(recorded: &Recorded, by: Side) -> Vec<u8> {
    let says = recorded.acts.iter().filter_map(|act| match act {
        Act::Says(side, octets) if *side == by => Some(&octets[..]),
        _ => None,
    });
    says.collect::<Vec<_>>().concat()
}

/// Facts, then lines: `C: text` with CRLF, `C~: text` with LF, `C|: text` with neither, `TLS`, `EOF C`.
fn read(text: &str) -> Recorded {
    let mut recorded = Recorded { facts: HashMap::new(), acts: Vec::new() };
    for line in text.lines() {
        if let Some((key, value)) = line.strip_prefix("# ").and_then(|fact| fact.split_once(": ")) {
            recorded.facts.insert(key.to_owned(), value.to_owned());
            continue;
        }
        let side = |letter| if letter == "C" { Side::Client } else { Side::Server };
        if let Some(letter) = line.strip_prefix("EOF ") {
            recorded.acts.push(Act::Ends(side(letter)));
        } else if line == "TLS" {
            for (side, hello) in
                [(Side::Client, b"\x16\x03\x01\0\x01x"), (Side::Server, b"\x16\x03\x03\0\x01y")]
            {
                recorded.acts.push(Act::Says(side, hello.to_vec()));
            }
        } else if let Some((mark, said)) = line.split_once(':') {
            let said = said.strip_prefix(' ').unwrap_or(said);
            let (letter, end) = match mark.split_at(1) {
                (letter, "~") => (letter, "\n"),
                (letter, "|") => (letter, ""),
                (letter, _) => (letter, "\r\n"),
            };
            recorded.acts.push(Act::Says(side(letter), format!("{said}{end}").into_bytes()));
        }
    }
    recorded
}

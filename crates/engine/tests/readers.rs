//! What a reader of mail finds in a message, a rule has found, or an anomaly names what is crooked about it.
//!
//! Small messages with up to three oddities are read by Python's `email` package and by the crate `mail-parser` as
//! they were forwarded. Where one of them sees a forbidden type, text or encoding, the rule must have matched, or an
//! anomaly must have told that there is more than one reading. Differences that are not ours to judge are listed, with
//! their reasons, in `docs/readers.md`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[allow(dead_code, reason = "scripts are not read here")]
mod dialogue;
#[path = "readers/mutations.rs"]
mod mutations;
#[path = "readers/mod.rs"]
mod readers;

use std::sync::Arc;

use dialogue::driver::Driver;
use dialogue::world::World;
use engine::SessionConfig;
use mutations::{ENCODING, TEXT, TYPE};
use proto::Side;
use readers::{NAMES_A_READING, Readers, Seen};

/// Messages that are compared.
const MESSAGES: u64 = 2000;

/// A rule, and what a reader sees where it should have matched.
struct Rule {
    name: &'static str,
    config: Arc<SessionConfig>,
    sees: fn(&Seen) -> bool,
}

impl Rule {
    fn new(name: &'static str, condition: &str, sees: fn(&Seen) -> bool) -> Self {
        let mut world = World::default();
        world.policy(&format!("{condition} → log")).unwrap();
        Self { name, config: world.config().unwrap(), sees }
    }
}

fn rules() -> [Rule; 3] {
    [
        Rule::new("content-type", &format!("match mime content-type regex \"{TYPE}\""), |seen| {
            seen.has_type(TYPE)
        }),
        Rule::new("encoding", &format!("match mime encoding {ENCODING}"), |seen| seen.has_encoding(ENCODING)),
        Rule::new("body", &format!("match body regex \"{TEXT}\""), |seen| seen.shows(TEXT)),
    ]
}

/// Whether the rule matched or an anomaly named a reading, and the message as it was forwarded.
fn judged(rule: &Rule, message: &[u8]) -> (bool, Vec<u8>) {
    let mut driver = Driver::in_message(&rule.config);
    let before = driver.record.stream(Side::Server).octets.len();
    driver.say_message(message);
    let reports = &driver.record.reports;
    let named = |kind: &str| NAMES_A_READING.contains(&kind);
    let found = reports.iter().any(|report| match report.kind {
        "match" => true,
        "anomaly" => report.values.iter().any(|(key, value)| *key == "kind" && named(value)),
        _ => false,
    });
    (found, unstuffed(&driver.record.stream(Side::Server).octets[before..]))
}

fn unstuffed(wire: &[u8]) -> Vec<u8> {
    let wire = wire.strip_suffix(b".\r\n").unwrap_or(wire);
    let lines = wire.split_inclusive(|&byte| byte == b'\n');
    lines.map(|line| line.strip_prefix(b".").unwrap_or(line)).collect::<Vec<_>>().concat()
}

/// Whether `docs/readers.md` tells why a reader sees what the rule does not: without the reason it sees nothing.
fn is_listed(seen: &Seen, rule: &Rule, message: &[u8], readers: &mut Readers) -> bool {
    match seen.reader {
        // A delimiter in the middle of a line.
        "mail-parser" => {
            let without = without_dashes_in_lines(message);
            without != message
                && !readers
                    .read(&without)
                    .iter()
                    .any(|other| other.reader == seen.reader && (rule.sees)(other))
        }
        // A text that its encoding leaves as it is.
        _ => rule.name == "body" && shows_only_encoded(seen),
    }
}

/// Whether every text that has what the rule forbids is in a part that declares an encoding which readers decode.
fn shows_only_encoded(seen: &Seen) -> bool {
    let mut showing = seen.texts.iter().filter(|(_, text)| text.contains(TEXT));
    showing.all(|(encoding, _)| matches!(encoding.as_str(), "quoted-printable" | "base64"))
}

/// Two dashes made something else where they do not begin a line; a line that begins with two stays as it is.
fn without_dashes_in_lines(message: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(message);
    let lines = text.split_inclusive('\n');
    let without =
        lines.map(|line| if line.starts_with("--") { line.to_owned() } else { line.replace("--", "==") });
    without.collect::<String>().into_bytes()
}

#[test]
fn what_a_reader_finds_in_a_crooked_message_a_rule_has_found() {
    let Some(mut readers) = Readers::start() else {
        return eprintln!("SKIPPED: there is no python3");
    };
    let rules = rules();
    let mut differences = Vec::new();
    for seed in 0..MESSAGES {
        let message = mutations::message(seed);
        for rule in &rules {
            let (found, forwarded) = judged(rule, &message);
            if found {
                continue;
            }
            let seen = readers.read(&forwarded);
            let by = seen.iter().filter(|seen| (rule.sees)(seen));
            let by: Vec<_> = by
                .filter(|seen| !is_listed(seen, rule, &forwarded, &mut readers))
                .map(|seen| seen.reader)
                .collect();
            if !by.is_empty() {
                let text = message.escape_ascii().to_string().replace("\\r\\n", "\n    ");
                differences.push(format!(
                    "seed {seed}, {}, seen by {}\n    {text}",
                    rule.name,
                    by.join(", ")
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}

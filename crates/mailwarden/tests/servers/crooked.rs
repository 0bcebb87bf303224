//! Crooked messages through the firewall to a real server: what a reader finds in what was delivered, a rule has found.
//!
//! The messages are those of the comparison in `crates/engine/tests/readers.rs`, and, where `MAILWARDEN_CORPUS` names a
//! corpus, the cases beside it: each is one oddity that a rule once did not see. Every rule only logs, and conformance
//! refuses nothing, so that each message is delivered and can be read.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::mutations::{self, ENCODING, TEXT, TYPE};
use crate::process::Failure;
use crate::proxy::{Configuration, Proxy};
use crate::raw::Raw;
use crate::readers::{NAMES_A_READING, Readers, Seen};
use crate::requirements;
use crate::server::{self, Kind, MailServer, Role};

/// Messages of the comparison that are sent as well.
const SEEDS: u64 = 60;

/// A rule, and what a reader sees where it should have matched.
struct Rule {
    name: &'static str,
    policy: String,
    sees: fn(&Seen) -> bool,
}

fn rules() -> [Rule; 3] {
    let policy = |map: &str, condition: &str| {
        format!(
            "{map}class-map type inspect smtp match-any c1\n match {condition}\npolicy-map type inspect smtp p1\n \
             class type inspect smtp c1\n  log\n"
        )
    };
    let map = |pattern: &str| format!("parameter-map type regex r1\n pattern \"{pattern}\"\n");
    [
        Rule {
            name: "content-type",
            policy: policy(&map(TYPE), "mime content-type regex r1"),
            sees: |seen| seen.has_type(TYPE),
        },
        Rule {
            name: "encoding",
            policy: policy("", &format!("mime encoding {ENCODING}")),
            sees: |seen| seen.has_encoding(ENCODING),
        },
        Rule { name: "body", policy: policy(&map(TEXT), "body regex r1"), sees: |seen| seen.shows(TEXT) },
    ]
}

/// A message, and the rule of which a reader is known to see what it forbids.
struct Message {
    name: String,
    text: Vec<u8>,
    seen: Option<String>,
}

fn messages() -> Vec<Message> {
    let seeded = (0..SEEDS).map(|seed| Message {
        name: format!("seed-{seed}"),
        text: mutations::message(seed),
        seen: None,
    });
    seeded.chain(cases()).collect()
}

/// The cases beside the corpus, with the criterion that their table names.
fn cases() -> Vec<Message> {
    let Some(corpus) = std::env::var_os("MAILWARDEN_CORPUS") else {
        println!("SKIPPED: cases: MAILWARDEN_CORPUS names no folder");
        return Vec::new();
    };
    let folder = PathBuf::from(corpus).join("../cases");
    let Ok(table) = fs::read_to_string(folder.join("README.md")) else {
        println!("SKIPPED: cases: there are none beside the corpus");
        return Vec::new();
    };
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        Some((cells.next()?.trim_matches('`').to_owned(), cells.next()?.to_owned()))
    });
    let files = rows.filter(|(file, _)| file.ends_with(".eml"));
    files
        .map(|(file, criterion)| Message {
            text: fs::read(folder.join(&file)).expect("a case that its table names"),
            name: file.replace(['/', '.'], "-"),
            seen: Some(criterion),
        })
        .collect()
}

pub(crate) fn a_rule_has_found_what_a_reader_finds(kind: Kind) {
    if !requirements::servers_can_run() || requirements::control_only() {
        return;
    }
    let mut readers = Readers::start().expect("python3");
    let server = server::start(kind, Role::Receiver);
    let messages = messages();
    let mut complaints = Vec::new();
    for rule in rules() {
        let played =
            play(server.as_ref(), &rule, &messages).unwrap_or_else(|why| panic!("{}: {why}", rule.name));
        for message in &messages {
            let Played { found, delivered } = &played[&message.name];
            let seen = readers.read(delivered);
            let by: Vec<_> = seen.iter().filter(|seen| (rule.sees)(seen)).map(|seen| seen.reader).collect();
            let known = message.seen.as_ref().is_some_and(|seen| *seen == rule.name);
            if !found && (known || !by.is_empty()) {
                complaints.push(format!("{}, {}, seen by {}", message.name, rule.name, by.join(", ")));
            }
        }
    }
    let name = server.name();
    assert!(complaints.is_empty(), "before {name}, {}:\n{}", complaints.len(), complaints.join("\n"));
}

/// What became of one message.
#[derive(Default)]
struct Played {
    /// The rule matched, or an anomaly named a reading.
    found: bool,
    delivered: Vec<u8>,
}

/// Sends every message through the firewall with one rule; by the names of the messages.
fn play(
    server: &dyn MailServer,
    rule: &Rule,
    messages: &[Message],
) -> Result<BTreeMap<String, Played>, Failure> {
    let proxy = Proxy::start(
        Configuration {
            policy: &rule.policy,
            settings: "conformance compat",
            attachment: "service-policy type inspect smtp p1",
        },
        server.address(),
    )?;
    for message in messages {
        send(&proxy, message).map_err(|why| format!("{}: {why}", message.name))?;
    }
    let delivered = server.delivered()?;
    proxy.acted_in(messages.len())?;
    let events = proxy.events();
    let mut played = BTreeMap::new();
    for message in messages {
        let copy = delivered.iter().find(|copy| copy.message_id == message.name);
        let copy = copy.ok_or_else(|| format!("{} was not delivered", message.name))?;
        let found = is_found(&events, &message.name);
        played.insert(message.name.clone(), Played { found, delivered: copy.octets.clone() });
    }
    Ok(played)
}

fn send(proxy: &Proxy, message: &Message) -> Result<(), Failure> {
    let name = &message.name;
    let mut client = Raw::connect(proxy.address())?;
    client.command("HELO client.example\r\n", "250")?;
    client.command(format!("MAIL FROM:<{name}@ok.example>\r\n"), "250")?;
    client.command(format!("RCPT TO:<alice@{}>\r\n", server::DOMAIN), "250")?;
    client.command("DATA\r\n", "354")?;
    let mut text = format!("Message-ID: <{name}@ok.example>\r\n").into_bytes();
    for line in message.text.split_inclusive(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b".") {
            text.push(b'.');
        }
        text.extend_from_slice(line);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b".\r\n");
    client.command(text, "250")?;
    client.command("QUIT\r\n", "221").map(drop)
}

/// Whether a match or a telling anomaly was reported in the session with this sender.
fn is_found(events: &[Value], sender: &str) -> bool {
    let own = format!("{sender}@ok.example");
    let session = events.iter().find(|event| event["event"] == "transaction" && event["sender"] == own);
    let session = session.map(|event| &event["session"]);
    let names_a_reading = |event: &Value| NAMES_A_READING.iter().any(|kind| event["kind"] == **kind);
    events
        .iter()
        .filter(|event| Some(&event["session"]) == session)
        .any(|event| event["event"] == "match" || event["event"] == "anomaly" && names_a_reading(event))
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

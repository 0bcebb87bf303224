//! Replay of POP3 and IMAP against the facts that an independent reader found in a collection of captures.
//!
//! Runs where `MAILWARDEN_CORPUS` names the folder of the collection. Every session in clear text of every capture is
//! compared up to its login: the commands and how they were answered, the mechanism, the outcome. A difference is
//! allowed only if the table below knows it, and why.

#[path = "../../../tests/common/corpus.rs"]
mod corpus;
#[path = "replay/facts.rs"]
mod facts;

use facts::{Ledger, is_same, replay};
use serde_json::{Value, json};

/// Differences that are looked at: capture, the beginning of the place, and why we say otherwise.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "markofu_email-troubles.pcap",
        "0 ",
        "joined late: the client's RETR comes first, and the +OK behind it answers it and is no greeting",
    ),
    (
        "own_pop3_pipelined.pcap",
        "0 commands",
        "STAT and what follows it came with PASS, which logged in: they are not before the login",
    ),
    (
        "suri_pop3-auth-01.pcap",
        "0 command",
        "no greeting was recorded: the reply to CAPA is taken for it, and what answers what is not told any more",
    ),
    (
        "zeek_pop3_bad-list-retr-crafted.pcap",
        "0 command 0 reply",
        "a line that is neither +OK nor -ERR answers nothing",
    ),
];

/// Fields in which nothing may differ that is not in the table.
const STRICT: &[&str] = &["sessions", "mechanism", "succeeded", "starttls"];

#[test]
fn replay_of_pop3_agrees_with_an_independent_reader() {
    compare("pop3");
}

#[test]
fn replay_of_imap_agrees_with_an_independent_reader() {
    compare("imap");
}

fn compare(protocol: &str) {
    let Some(folder) = corpus::folder("pcap") else { return };
    let mut ledger = Ledger::new(KNOWN, STRICT);
    for (capture, facts) in &corpus::facts(&folder) {
        let sessions = facts["sessions"].as_array().unwrap().iter();
        let in_clear =
            |session: &&Value| session["protocol"] == protocol && session["tls_from_start"] == false;
        let expected: Vec<&Value> = sessions.filter(in_clear).collect();
        let found = replay(&folder.join(capture), protocol);
        ledger.capture = capture.clone();
        ledger.compare("sessions", "", &json!(expected.len()), &json!(found.len()));
        for expected in expected {
            if let Some(found) = found.iter().find(|found| is_same(expected, found)) {
                compare_session(&mut ledger, expected, found);
            }
        }
    }
    ledger.conclude();
}

fn compare_session(ledger: &mut Ledger, expected: &Value, found: &Value) {
    let at = format!("{} ", expected["stream"]);
    ledger.compare("banner", &at, &expected["greeting"], &found["banner"]);
    ledger.compare("starttls", &at, &expected["starttls"]["negotiated"], &found["starttls"]);
    ledger.compare("gaps", &at, &json!(expected["gaps"].as_array().unwrap().len()), &found["gaps"]);
    compare_commands(ledger, &at, expected, &found["commands"]);
    let login = &found["login"];
    let succeeded = login["succeeded"] == true;
    let mechanism = if succeeded { login["mechanism"].clone() } else { Value::Null };
    ledger.compare("mechanism", &at, &mechanism_of(&expected["mechanism"]), &mechanism);
    ledger.compare("succeeded", &at, &expected["authenticated"], &login["succeeded"]);
}

/// The facts name the command before the mechanism, and the command that a name is followed by.
fn mechanism_of(fact: &Value) -> Value {
    let Some(text) = fact.as_str() else { return Value::Null };
    let mechanism = text.rsplit(' ').next().unwrap();
    json!(if mechanism == "PASS" { "USER" } else { mechanism })
}

fn compare_commands(ledger: &mut Ledger, at: &str, expected: &Value, found: &Value) {
    let commands = expected["commands"].as_array().unwrap().iter();
    let expected: Vec<&Value> = commands.filter(|command| command["before_auth"] == true).collect();
    let found = found.as_array().unwrap();
    ledger.compare("commands", at, &json!(expected.len()), &json!(found.len()));
    for (number, (expected, found)) in expected.iter().zip(found).enumerate() {
        let at = format!("{at}command {number} ");
        ledger.compare("verb", &at, &expected["verb"], &found["verb"]);
        ledger.compare("argument", &at, &public(expected), &found["argument"]);
        ledger.compare("reply", &at, &expected["status"], &found["reply"]);
    }
}

/// The argument without what may be a secret.
fn public(command: &Value) -> Value {
    let argument = command["arg"].as_str().unwrap();
    let first = argument.split(' ').next().unwrap();
    match command["verb"].as_str().unwrap() {
        "LOGIN" | "PASS" => json!(""),
        "AUTH" | "AUTHENTICATE" | "APOP" => json!(first),
        _ => json!(argument),
    }
}

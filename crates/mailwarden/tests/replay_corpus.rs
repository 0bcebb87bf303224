//! Replay against the facts that an independent reader found in a collection of captures.
//!
//! Runs where `MAILWARDEN_CORPUS` names the folder of the collection. Every SMTP session of every capture
//! is compared, field by field; a difference is allowed only if the table below knows it, and why.

#[path = "../../../tests/common/corpus.rs"]
mod corpus;
#[path = "replay/facts.rs"]
mod facts;

use facts::{Ledger, is_same, replay};
use serde_json::{Value, json};

/// Differences that are looked at: capture, the beginning of the place, and why we say otherwise.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "own_bdat_mixed_with_data.pcap",
        "0 ",
        "a chunk was accepted, then RSET: the unfinished message belongs to the transaction that was reset",
    ),
    ("own_exim_client_bdat_small.pcap", "0 message 0 recipients", PIPELINED_CHUNK),
    ("own_smtp_raw_bdat_pipelined_exim.pcap", "0 message 0 recipients", PIPELINED_CHUNK),
    ("own_smtp_raw_bdat_pipelined_postfix.pcap", "0 message 0 recipients", PIPELINED_CHUNK),
    (
        "own_smtp_delivered_intact.pcap",
        "0 message 0 reply",
        "LMTP: the capture has the reply `250 2.0.0 <carol@example.test> … Saved`",
    ),
    (
        "snort_ips_options_priority_smtp-lorem.pcap",
        "0 nul",
        "the facts count lost octets as NUL; a gap is told as a gap",
    ),
    (
        "suri_detect-email-received.pcap",
        "0 ehlo",
        "the reply has one line, which never ends: the facts read an empty keyword from it",
    ),
    (OUT_OF_ORDER, "0 message 0 sender", RCPT_FIRST),
    (OUT_OF_ORDER, "0 message 0 recipients", RCPT_FIRST),
    ("zeek_smtp-mail-transactions-invalid.pcap", "0 message 1 sender", RCPT_FIRST),
    ("zeek_smtp-mail-transactions-invalid.pcap", "0 message 1 recipients", RCPT_FIRST),
    (
        "suri_smtp-rejected-ehlo-preserves-envelope.pcap",
        "0 ",
        "an EHLO answered 501 changes nothing (RFC 5321 §4.1.4): the sender stays",
    ),
    (
        "suri_smtp-errors_smtperr.pcap",
        "0 command 3 ",
        "binary octets: the facts end a verb at 0x85, RFC 5321 at a blank; and the reply `500 5.5.1 Command \
         unrecognized: \"Nfde{…\"` quotes this very command",
    ),
];

const OUT_OF_ORDER: &str =
    "suri_firewall_ruletype-firewall-133-smtp-out-of-order-commands_smtp-out-of-order.pcap";

const PIPELINED_CHUNK: &str =
    "a chunk was sent behind RCPT without waiting: the reply to RCPT is 250 among the commands of the facts";

const RCPT_FIRST: &str =
    "a RCPT without MAIL, answered 503, begins no transaction; the MAIL behind it, answered 250, does";

/// Fields in which nothing may differ that is not in the table.
const STRICT: &[&str] = &["sessions", "reply", "recipients", "messages", "header_bytes", "body_bytes"];

#[test]
fn replay_agrees_with_an_independent_reader() {
    let Some(folder) = corpus::folder("pcap") else { return };
    let mut ledger = Ledger::new(KNOWN, STRICT);
    for (capture, facts) in &corpus::facts(&folder) {
        let sessions = facts["sessions"].as_array().unwrap().iter();
        let expected: Vec<&Value> = sessions.filter(|session| is_clear_smtp(session)).collect();
        let found = replay(&folder.join(capture), "smtp");
        ledger.capture = capture.clone();
        ledger.compare("sessions", "", &json!(expected.len()), &json!(found.len()));
        for expected in expected {
            let Some(found) = found.iter().find(|found| is_same(expected, found)) else { continue };
            compare_session(&mut ledger, expected, found);
        }
    }
    ledger.conclude();
}

fn is_clear_smtp(session: &Value) -> bool {
    session["protocol"] == "smtp" && session["tls_from_start"] == false
}

fn compare_session(ledger: &mut Ledger, expected: &Value, found: &Value) {
    let at = format!("{} ", expected["stream"]);
    let greeting = &expected["greeting"];
    let banner = match &greeting["code"] {
        Value::Null => Value::Null,
        code => json!(format!("{code} {}", greeting["text"].as_str().unwrap()).trim_end()),
    };
    ledger.compare("banner", &at, &banner, &json!(found["banner"].as_str().map(str::trim_end)));
    ledger.compare("ehlo", &at, &expected["keywords"], &found["ehlo"]);
    ledger.compare("starttls", &at, &expected["starttls"]["negotiated"], &found["starttls"]);
    ledger.compare("gaps", &at, &json!(expected["gaps"].as_array().unwrap().len()), &found["gaps"]);
    compare_commands(ledger, &at, &expected["commands"], &found["commands"]);
    compare_messages(ledger, &at, expected, found);
    compare_other_transactions(ledger, &at, expected, found);
    compare_flaws(ledger, &at, expected, found);
}

fn compare_commands(ledger: &mut Ledger, at: &str, expected: &Value, found: &Value) {
    let (expected, found) = (expected.as_array().unwrap(), found.as_array().unwrap());
    ledger.compare("commands", at, &json!(expected.len()), &json!(found.len()));
    for (number, (expected, found)) in expected.iter().zip(found).enumerate() {
        let at = format!("{at}command {number} ");
        ledger.compare("verb", &at, &expected["verb"], &found["verb"]);
        ledger.compare("argument", &at, &expected["arg"], &found["argument"]);
        ledger.compare("reply", &at, &expected["reply"], &found["reply"]);
    }
}

fn compare_messages(ledger: &mut Ledger, at: &str, expected: &Value, found: &Value) {
    let expected = expected["messages"].as_array().unwrap();
    let found: Vec<&Value> = transactions(found).filter(|found| !found["via"].is_null()).collect();
    ledger.compare("messages", at, &json!(expected.len()), &json!(found.len()));
    for (number, (expected, found)) in expected.iter().zip(found).enumerate() {
        let at = format!("{at}message {number} ");
        ledger.compare("sender", &at, &path(&expected["mail_from"]), &found["sender"]);
        ledger.compare("recipients", &at, &recipients(&expected["rcpt"]), &found["recipients"]);
        for field in ["header_bytes", "body_bytes", "longest_header_line", "longest_body_line", "via"] {
            ledger.compare(field, &at, &expected[field], &found[field]);
        }
        ledger.compare("reply", &at, &expected["end_reply"], &found["reply"]);
        let parts = expected["parts"].as_array().unwrap().iter().map(|part| {
            json!({ "content_type": part["content_type"], "encoding": part["encoding"].as_str().map(str::to_lowercase), "filename": part["filename"] })
        });
        ledger.compare("parts", &at, &parts.collect(), &found["parts"]);
    }
}

fn compare_other_transactions(ledger: &mut Ledger, at: &str, expected: &Value, found: &Value) {
    let all = expected["transactions"].as_array().unwrap().iter();
    let expected: Vec<&Value> = all.filter(|expected| expected["ended_by"] != "message").collect();
    let found: Vec<&Value> = transactions(found).filter(|found| found["via"].is_null()).collect();
    ledger.compare("transactions", at, &json!(expected.len()), &json!(found.len()));
    for (number, (expected, found)) in expected.iter().zip(found).enumerate() {
        let at = format!("{at}transaction {number} ");
        ledger.compare("sender", &at, &path(&expected["mail_from"]), &found["sender"]);
        ledger.compare("recipients", &at, &recipients(&expected["rcpt"]), &found["recipients"]);
    }
}

fn compare_flaws(ledger: &mut Ledger, at: &str, expected: &Value, found: &Value) {
    let messages = expected["messages"].as_array().unwrap();
    for (field, kind) in [("bare_lf", "bare-lf"), ("bare_cr", "bare-cr"), ("nul", "nul-in-data")] {
        let data = messages.iter().filter(|message| message["via"] == "DATA");
        let expected: u64 = data.map(|message| message[field].as_u64().unwrap()).sum();
        let anomalies = found["anomalies"].as_array().unwrap().iter();
        let found: u64 = anomalies
            .filter(|anomaly| anomaly["kind"] == kind)
            .map(|anomaly| anomaly["count"].as_u64().unwrap())
            .sum();
        ledger.compare(field, at, &json!(expected), &json!(found));
    }
}

fn transactions(found: &Value) -> impl Iterator<Item = &Value> {
    found["transactions"].as_array().unwrap().iter()
}

/// The facts keep the brackets of a path.
fn path(value: &Value) -> Value {
    value.as_str().map_or(Value::Null, |text| {
        let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
        json!(inner.unwrap_or(text))
    })
}

fn recipients(value: &Value) -> Value {
    let recipients = value.as_array().unwrap().iter();
    recipients.map(|one| json!({ "address": path(&one["to"]), "reply": one["reply"] })).collect()
}

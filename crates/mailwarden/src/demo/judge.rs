//! Compares a session with its expected outcome, and prints it.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::scene::Scene;
use super::sender::{Exchange, Seen};
use super::server::Received;
use crate::terminal::Paint;
use crate::text::printable;

/// The outcome of a session: at the client, at the server, in the reports.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) seen: Seen,
    pub(super) received: Received,
    pub(super) events: Vec<Value>,
    pub(super) messages_without: Option<usize>,
}

impl Outcome {
    /// Whether the firewall ended the session: it keeps the client's QUIT for itself then.
    fn is_ended(&self) -> bool {
        !self.received.commands.iter().any(|command| command == "QUIT")
    }
}

/// Every difference from the expected outcome.
pub(super) fn flaws(scene: &Scene, outcome: &Outcome) -> Vec<String> {
    let Outcome { seen, received, events, messages_without } = outcome;
    let mut flaws = Vec::new();
    let mut expect = |holds: bool, flaw: &str| {
        if !holds {
            flaws.push(flaw.to_owned());
        }
    };
    let replies = || seen.exchanges.iter().flat_map(|exchange| &exchange.reply);
    expect(
        in_order(replies(), scene.sees, |line, begin| line.starts_with(begin)),
        "the client received other replies",
    );
    expect(
        !replies().any(|line| line.contains(scene.sees_not)),
        "the client received a reply that it must not see",
    );
    let ended = if scene.is_ended { "the session continued" } else { "the session was ended" };
    expect(outcome.is_ended() == scene.is_ended, ended);
    expect(
        in_order(received.commands.iter(), scene.hears, |line, all| line == all),
        "the server received other commands",
    );
    let arrived = received.messages.len() == scene.messages.len()
        && received.messages.iter().zip(scene.messages).all(|(message, text)| contains(message, text));
    expect(arrived, "the server received other messages");
    let acted: Vec<&str> = of_kind(events, "match").map(|event| text(event, "class")).collect();
    let others = acted.iter().any(|class| Some(*class) != scene.class);
    expect(!others && acted.is_empty() == scene.class.is_none(), "another class matched");
    let mut found = of_kind(events, "anomaly").map(|event| text(event, "kind"));
    expect(scene.finding.is_none_or(|kind| found.any(|found| found == kind)), "the anomaly is missing");
    expect(*messages_without == scene.messages_without, "without the firewall the outcome was different");
    flaws
}

/// Whether all that is expected was found, in this order.
fn in_order<'f>(
    mut found: impl Iterator<Item = &'f String>,
    expected: &[&str],
    fits: impl Fn(&str, &str) -> bool,
) -> bool {
    expected.iter().all(|expected| found.any(|found| fits(found, expected)))
}

fn contains(message: &[u8], text: &str) -> bool {
    message.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The session as text.
pub(super) fn tell(number: usize, scene: &Scene, outcome: &Outcome, paint: Paint) -> String {
    let mut out = format!("{}\n", paint.bold(format!("{number:2}. {}", scene.title)));
    column(&mut out, "client", sender(outcome));
    column(&mut out, "server", server(outcome));
    column(&mut out, "rules", rules(&outcome.events));
    let flaws = flaws(scene, outcome);
    let (word, verdict) = match flaws.is_empty() {
        true => (paint.green("ok"), scene.verdict.to_owned()),
        false => (paint.red("NOT OK"), flaws.join("; ")),
    };
    out.push_str(&format!("    {word}: {verdict}\n\n"));
    out
}

/// Lines of one party, its name before the first.
fn column(out: &mut String, name: &str, lines: Vec<String>) {
    for (index, line) in lines.iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        out.push_str(&format!("    {name:8}{}\n", printable(line)));
    }
}

fn sender(outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    for Exchange { said, reply } in &outcome.seen.exchanges {
        let said = said.lines().next().unwrap_or_default();
        let mut reply = reply.iter();
        lines.push(match reply.next() {
            Some(first) => format!("{said:40}  {first}"),
            None => said.to_owned(),
        });
        lines.extend(reply.map(|line| format!("{:40}  {line}", "")));
    }
    if outcome.is_ended() {
        lines.push("(session ended)".to_owned());
    }
    lines
}

fn server(outcome: &Outcome) -> Vec<String> {
    let received = &outcome.received;
    let mut lines = wrapped(&received.commands);
    lines.extend(received.messages.iter().map(|message| {
        let text = String::from_utf8_lossy(message);
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or("");
        format!("message `{subject}`, {} bytes", message.len())
    }));
    if received.messages.is_empty() {
        lines.push("no message".to_owned());
    }
    if let Some(count) = outcome.messages_without {
        lines.push(format!("(without the firewall: {count} messages)"));
    }
    lines
}

/// Commands, as many on a line as fit.
fn wrapped(commands: &[String]) -> Vec<String> {
    const WIDTH: usize = 84;
    let mut lines: Vec<String> = Vec::new();
    for command in commands {
        match lines.last_mut() {
            Some(line) if line.len() + command.len() < WIDTH => {
                line.push_str(" | ");
                line.push_str(command);
            }
            _ => lines.push(command.clone()),
        }
    }
    lines
}

fn rules(events: &[Value]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in events.iter().filter_map(rule) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        lines.push("no match".to_owned());
    }
    lines
}

/// A class that matched, or a protocol anomaly.
fn rule(event: &Value) -> Option<String> {
    match text(event, "event") {
        "match" => {
            let (class, criterion) = (text(event, "class"), text(event, "criterion"));
            Some(format!("class {class} ({criterion}): {}", text(event, "action")))
        }
        "anomaly" => Some(format!("conformance ({}): {}", text(event, "kind"), text(event, "treatment"))),
        _ => None,
    }
}

/// An event in one line; nothing for events of minor interest.
pub(super) fn news(event: &Value) -> String {
    let what = match text(event, "event") {
        "transaction" => {
            let (sender, reply) = (text(event, "sender"), event.get("reply").and_then(Value::as_u64));
            let recipients = event.get("recipient_count").and_then(Value::as_u64).unwrap_or(0);
            let reply = reply.map_or_else(|| "not completed".to_owned(), |reply| format!("reply {reply}"));
            Some(format!("message from <{sender}>, recipients: {recipients}, {reply}"))
        }
        "session_end" => Some(format!("session ended: {}", text(event, "reason"))),
        _ => rule(event),
    };
    what.map_or_else(String::new, |what| format!("{} {}\n", client(event), printable(&what)))
}

/// The client of an event, `ADDRESS:PORT`.
pub(super) fn client(event: &Value) -> String {
    let part = |key| event.get("client").and_then(|client| client.get(key));
    let address = part("address").and_then(Value::as_str).and_then(|address| address.parse::<IpAddr>().ok());
    let port = part("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    address.zip(port).map_or_else(String::new, |client| SocketAddr::from(client).to_string())
}

fn of_kind<'e>(events: &'e [Value], kind: &'static str) -> impl Iterator<Item = &'e Value> {
    events.iter().filter(move |event| text(event, "event") == kind)
}

fn text<'e>(event: &'e Value, key: &str) -> &'e str {
    event.get(key).and_then(Value::as_str).unwrap_or("")
}

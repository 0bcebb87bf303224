//! Events as JSON lines: one object each, keys that do not change.

use engine::event::{Anomaly, Match, Transaction, Via};
use engine::{Event, SessionConfig};
use proto::Side;
use serde_json::{Map, Value, json};

use super::{SessionEnd, Ticket};

/// The line of an event; nothing for one that is told only of observed dialogues.
pub(super) fn line(ticket: &Ticket, at: &SessionConfig, event: &Event<'_>) -> Option<String> {
    let (name, fields) = match event {
        Event::SessionStart => ("session_start", json!({})),
        Event::Transaction(transaction) => ("transaction", self::transaction(transaction)),
        Event::Match(found) => ("match", self::found(found)),
        Event::Anomaly(anomaly) => ("anomaly", self::anomaly(anomaly)),
        Event::Tls { criteria } => ("tls", json!({ "criteria": criteria })),
        Event::Observed(_) => return None,
    };
    Some(render(name, Some((ticket, at)), fields))
}

pub(super) fn session_end(ticket: &Ticket, at: &SessionConfig, end: &SessionEnd) -> String {
    let fields = json!({
        "reason": end.reason.name(),
        "bytes_client": end.bytes_client,
        "bytes_server": end.bytes_server,
        "seconds": end.duration.as_secs_f64(),
    });
    render("session_end", Some((ticket, at)), fields)
}

pub(super) fn config(file: &str, result: &str) -> String {
    render("config", None, json!({ "file": file, "result": result }))
}

fn transaction(transaction: &Transaction<'_>) -> Value {
    json!({
        "transaction": transaction.number,
        "sender": text(transaction.sender),
        "recipients": transaction.recipients,
        "accepted": transaction.accepted,
        "via": match transaction.via { Via::Data => "DATA", Via::Bdat => "BDAT" },
        "header_bytes": transaction.message.map(|size| size.header_bytes),
        "body_bytes": transaction.message.map(|size| size.body_bytes),
        "reply": transaction.reply,
    })
}

fn found(found: &Match<'_>) -> Value {
    json!({
        "policy": found.policy,
        "class": found.class,
        "criterion": found.criterion,
        "scope": found.scope.name(),
        "value": text(found.value),
        "action": found.action_name(),
        "log": found.log,
        "transaction": found.transaction,
    })
}

fn anomaly(anomaly: &Anomaly<'_>) -> Value {
    json!({
        "kind": anomaly.kind.name(),
        "from": match anomaly.from { Side::Client => "client", Side::Server => "server" },
        "value": text(anomaly.value),
        "treatment": anomaly.treatment.name(),
    })
}

fn render(event: &str, session: Option<(&Ticket, &SessionConfig)>, fields: Value) -> String {
    let mut object = Map::new();
    object.insert("time".into(), jiff::Timestamp::now().to_string().into());
    object.insert("event".into(), event.into());
    if let Some((ticket, at)) = session {
        object.insert("session".into(), ticket.session.into());
        object.insert("protocol".into(), "smtp".into());
        object.insert("client".into(), ticket.client.to_string().into());
        object.insert("server".into(), ticket.server.to_string().into());
        object.insert("attachment".into(), at.name.clone().into());
    }
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    let mut line = Value::Object(object).to_string();
    line.push('\n');
    line
}

/// Octets of the wire as text; JSON escapes what a terminal would obey.
fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

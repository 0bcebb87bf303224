//! A transcript as one JSON object: keys and order do not change.

use serde_json::{Map, Value, json};

use super::conversation::Conversation;
use super::transcript::{Matched, Part, RecordedCommand, Transaction, Transcript};

/// The line of a session; `capture` names the file where there are several.
pub(super) fn line(capture: Option<&str>, conversation: &Conversation, transcript: &Transcript) -> String {
    let (mechanism, succeeded) = transcript.login();
    let mut object = Map::new();
    if let Some(capture) = capture {
        object.insert("capture".into(), capture.into());
    }
    let fields = json!({
        "protocol": "smtp",
        "client": conversation.client.to_string(),
        "server": conversation.server.to_string(),
        "starttls": transcript.starttls,
        "gaps": conversation.gaps,
        "banner": transcript.banner,
        "ehlo": transcript.ehlo,
        "commands": transcript.commands.iter().map(command).collect::<Vec<_>>(),
        "transactions": transcript.transactions.iter().map(transaction).collect::<Vec<_>>(),
        "login": { "mechanism": mechanism, "succeeded": succeeded },
        "matches": transcript.matches.iter().map(matched).collect::<Vec<_>>(),
        "anomalies": transcript
            .anomalies
            .iter()
            .map(|(kind, count)| json!({ "kind": kind.name(), "count": count }))
            .collect::<Vec<_>>(),
    });
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    let mut line = Value::Object(object).to_string();
    line.push('\n');
    line
}

fn command(command: &RecordedCommand) -> Value {
    json!({ "verb": command.verb, "argument": command.argument, "reply": command.reply })
}

/// A transaction without a message has null for its sizes.
fn transaction(transaction: &Transaction) -> Value {
    let recipients = transaction.recipients.iter();
    let size = transaction.message.map(|message| message.size);
    json!({
        "sender": transaction.sender,
        "recipients": recipients
            .map(|recipient| json!({ "address": recipient.address, "reply": recipient.reply }))
            .collect::<Vec<_>>(),
        "header_bytes": size.map(|size| size.header_bytes),
        "body_bytes": size.map(|size| size.body_bytes),
        "longest_header_line": size.map(|size| size.longest_header_line),
        "longest_body_line": size.map(|size| size.longest_body_line),
        "via": transaction.message.map(|message| message.via.name()),
        "reply": transaction.reply,
        "parts": transaction.parts.iter().map(part).collect::<Vec<_>>(),
    })
}

fn part(part: &Part) -> Value {
    json!({
        "content_type": part.content_type,
        "encoding": part.encoding,
        "filename": part.filename,
    })
}

fn matched(found: &Matched) -> Value {
    json!({
        "class": found.class,
        "criterion": found.criterion,
        "action": found.action,
        "transaction": found.transaction,
    })
}

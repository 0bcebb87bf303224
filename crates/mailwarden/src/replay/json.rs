//! A transcript as one JSON object: keys and order do not change.
//!
//! Written as it is walked over: a long session costs its text, and no tree of values beside it.

use std::net::SocketAddr;

use serde::{Serialize, Serializer};

use super::conversation::Conversation;
use super::transcript::{Matched, Part, RecordedCommand, Reply, Transaction, Transcript};

/// The line of a session; `capture` names the file where there are several.
pub(super) fn line(capture: Option<&str>, conversation: &Conversation, transcript: &Transcript) -> String {
    let (mechanism, succeeded) = transcript.login();
    let attempt = transcript.attempt.as_ref();
    let session = Session {
        capture,
        protocol: transcript.spoken.name(),
        client: conversation.client,
        server: conversation.server,
        starttls: transcript.starttls,
        gaps: conversation.gaps,
        banner: transcript.banner.as_deref(),
        ehlo: &transcript.ehlo,
        commands: Each(transcript.commands.first(), command),
        more_commands: transcript.commands.more(),
        transactions: Each(transcript.transactions.first(), transaction),
        more_transactions: transcript.transactions.more(),
        login: Login {
            mechanism,
            succeeded,
            clear_text: attempt.map(|attempt| attempt.is_clear_text),
            outcome: attempt.map(|attempt| attempt.outcome.name()),
        },
        matches: Each(transcript.matches.first(), matched),
        more_matches: transcript.matches.more(),
        anomalies: Each(&transcript.anomalies, |(kind, count)| Anomaly { kind: kind.name(), count: *count }),
    };
    // Texts and numbers alone: nothing of it can fail.
    let mut line = serde_json::to_string(&session).unwrap_or_default();
    line.push('\n');
    line
}

#[derive(Serialize)]
struct Session<'t> {
    #[serde(skip_serializing_if = "Option::is_none")]
    capture: Option<&'t str>,
    protocol: &'static str,
    client: SocketAddr,
    server: SocketAddr,
    starttls: bool,
    gaps: u64,
    banner: Option<&'t str>,
    ehlo: &'t [String],
    commands: Each<'t, RecordedCommand, Command<'t>>,
    /// Those that are not listed; so with transactions and matches.
    #[serde(skip_serializing_if = "is_zero")]
    more_commands: u64,
    transactions: Each<'t, Transaction, MailTransaction<'t>>,
    #[serde(skip_serializing_if = "is_zero")]
    more_transactions: u64,
    login: Login<'t>,
    matches: Each<'t, Matched, Match<'t>>,
    #[serde(skip_serializing_if = "is_zero")]
    more_matches: u64,
    anomalies: Each<'t, (engine::event::AnomalyKind, u64), Anomaly>,
}

#[derive(Serialize)]
struct Command<'t> {
    verb: &'t str,
    argument: &'t str,
    reply: Option<Reply>,
}

/// A transaction without a message has null for its sizes; one whose message readers take in more than one
/// way has all readings, the first of them in `parts`.
#[derive(Serialize)]
struct MailTransaction<'t> {
    sender: Option<&'t str>,
    recipients: Each<'t, super::transcript::Recipient, Recipient<'t>>,
    #[serde(skip_serializing_if = "is_zero")]
    more_recipients: u64,
    header_bytes: Option<u64>,
    body_bytes: Option<u64>,
    longest_header_line: Option<u64>,
    longest_body_line: Option<u64>,
    via: Option<&'static str>,
    reply: Option<u16>,
    parts: Each<'t, Part, MessagePart<'t>>,
    #[serde(skip_serializing_if = "is_zero")]
    more_parts: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    readings: Vec<Vec<MessagePart<'t>>>,
}

#[derive(Serialize)]
struct Recipient<'t> {
    address: &'t str,
    reply: Option<u16>,
}

#[derive(Serialize)]
struct MessagePart<'t> {
    content_type: &'t str,
    encoding: Option<&'t str>,
    filename: Option<&'t str>,
}

#[derive(Serialize)]
struct Login<'t> {
    mechanism: Option<&'t str>,
    succeeded: bool,
    /// Of a mailbox alone; so with the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    clear_text: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

#[derive(Serialize)]
struct Match<'t> {
    class: &'t str,
    criterion: &'t str,
    action: &'static str,
    transaction: Option<usize>,
}

#[derive(Serialize)]
struct Anomaly {
    kind: &'static str,
    count: u64,
}

/// A list, each element of which is made when its turn comes.
struct Each<'t, T, S>(&'t [T], fn(&'t T) -> S);

impl<T, S: Serialize> Serialize for Each<'_, T, S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn command(command: &RecordedCommand) -> Command<'_> {
    Command { verb: &command.verb, argument: &command.argument, reply: command.reply }
}

fn transaction(transaction: &Transaction) -> MailTransaction<'_> {
    let size = transaction.message.map(|message| message.size);
    MailTransaction {
        sender: transaction.sender.as_deref(),
        recipients: Each(transaction.recipients.first(), |recipient| Recipient {
            address: &recipient.address,
            reply: recipient.reply,
        }),
        more_recipients: transaction.recipients.more(),
        header_bytes: size.map(|size| size.header_bytes),
        body_bytes: size.map(|size| size.body_bytes),
        longest_header_line: size.map(|size| size.longest_header_line),
        longest_body_line: size.map(|size| size.longest_body_line),
        via: transaction.message.map(|message| message.via.name()),
        reply: transaction.reply,
        parts: Each(transaction.parts.first(), part),
        more_parts: transaction.parts.more(),
        readings: transaction
            .readings()
            .into_iter()
            .map(|parts| parts.into_iter().map(part).collect())
            .collect(),
    }
}

fn part(part: &Part) -> MessagePart<'_> {
    MessagePart {
        content_type: &part.content_type,
        encoding: part.encoding.as_deref(),
        filename: part.filename.as_deref(),
    }
}

fn matched(found: &Matched) -> Match<'_> {
    Match {
        class: &found.class,
        criterion: &found.criterion,
        action: found.action,
        transaction: found.transaction,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::config::Watch;
    use engine::{Session, SessionConfig};
    use proto::{Side, Time};

    use serde_json::{Value, json};

    use super::*;

    /// What is shown of a recorded message.
    fn shown(message: &str) -> Value {
        let config = SessionConfig { watch: Watch::Observe, ..SessionConfig::default() };
        let mut session = Session::new(Arc::new(config), Time(0));
        let mut transcript = Transcript::default();
        let mut said = |from, text: &str| {
            session.offer(Time(0), from, text.as_bytes(), &mut transcript);
        };
        said(Side::Server, "220 mx\r\n");
        for (command, reply) in [
            ("HELO a", "250"),
            ("MAIL FROM:<a@x.example>", "250"),
            ("RCPT TO:<b@y.example>", "250"),
            ("DATA", "354"),
        ] {
            said(Side::Client, &format!("{command}\r\n"));
            said(Side::Server, &format!("{reply} ok\r\n"));
        }
        said(Side::Client, &format!("{}\r\n.\r\n", message.replace('\n', "\r\n")));
        said(Side::Server, "250 ok\r\n");
        transcript.close();
        serde_json::to_value(transaction(transcript.transactions.first().first().unwrap())).unwrap()
    }

    fn part(content_type: &str, encoding: Option<&str>) -> Value {
        json!({ "content_type": content_type, "encoding": encoding, "filename": null })
    }

    #[test]
    fn parts_are_those_of_the_first_reading_and_readings_are_shown_where_there_are_several() {
        let mixed = || part("multipart/mixed", None);
        let text = || part("text/plain", None);
        for (message, parts, readings) in [
            ("Content-Type: Text/Plain; charset=x\n\nx", vec![text()], None),
            (
                "Content-Type: text/plain\nContent-Type: image/png\n\nx",
                vec![text()],
                Some(vec![vec![text()], vec![part("image/png", None)]]),
            ),
            (
                "Content-Type: text/plain\nContent-Transfer-Encoding: base64 x\n\nx",
                vec![part("text/plain", Some("base64 x"))],
                Some(vec![
                    vec![part("text/plain", Some("base64 x"))],
                    vec![part("text/plain", Some("base64"))],
                    vec![part("text/plain", Some("base64x"))],
                ]),
            ),
            (
                "Content-Type: multipart/mixed; boundary=b (c)\n\n--b\nno field\nContent-Type: image/png\n\nx\n--b--",
                vec![mixed()],
                Some(vec![vec![mixed()], vec![mixed(), text()], vec![mixed(), part("image/png", None)]]),
            ),
            ("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--", vec![mixed(), text()], None),
        ] {
            let shown = shown(message);
            assert_eq!(shown["parts"], json!(parts), "{message}");
            assert_eq!(shown.get("readings"), readings.map(|readings| json!(readings)).as_ref(), "{message}");
        }
    }
}

//! What a replay must know of POP3 and IMAP: what their sessions begin with.
//!
//! The rest of what it needs of them it asks of the engine: `Session::assume`.

use proto::{imap, pop3};

/// Whether the line at the front is a command of POP3 that we know.
pub(super) fn begins_pop3(line: &[u8]) -> bool {
    pop3::command::Command::read(first_line(line)).verb != pop3::verb::Verb::Unknown
}

/// The same of IMAP.
pub(super) fn begins_imap(line: &[u8]) -> bool {
    imap::command::Command::read(first_line(line)).verb != imap::verb::Verb::Unknown
}

/// Whether a server of POP3 may have said this.
pub(super) fn replies_pop3(bytes: &[u8]) -> bool {
    bytes.starts_with(b"+OK") || bytes.starts_with(b"-ERR")
}

/// Whether a server of IMAP greets so (RFC 9051 §7.1).
pub(super) fn greets_imap(bytes: &[u8]) -> bool {
    [&b"* OK"[..], b"* PREAUTH", b"* BYE"].iter().any(|greeting| bytes.starts_with(greeting))
}

fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::SessionConfig;
    use engine::config::{Inspect, Watch};
    use proto::{Side, Time};

    use super::super::dialogue::Dialogue;
    use super::super::spoken::Spoken;
    use super::super::transcript::Reply;

    const C: Side = Side::Client;
    const S: Side = Side::Server;

    /// Who says what; an empty text is a gap.
    type Recorded<'r> = &'r [(Side, &'r str)];

    /// The commands and their replies, and the login, of a session that was joined late if its first word is a gap.
    fn follow(spoken: Spoken, recorded: Recorded<'_>) -> String {
        let inspect = if spoken == Spoken::Pop3 { Inspect::Pop3 } else { Inspect::Imap };
        let at = SessionConfig { inspect, watch: Watch::Observe, ..SessionConfig::default() };
        let mut dialogue = Dialogue::new(&Arc::new(at), spoken, Time(0));
        let mut recorded = recorded.iter().peekable();
        if recorded.next_if(|(_, said)| said.is_empty()).is_some() {
            dialogue.join();
        }
        for &(from, said) in recorded {
            match said {
                "" => dialogue.gap(from, Time(0), 10),
                said => dialogue.data(from, Time(0), format!("{said}\r\n").as_bytes()),
            }
        }
        let transcript = dialogue.close();
        let commands = transcript.commands.first().iter().map(|command| match command.reply {
            Some(Reply::Status(status)) => format!("{} {status}", command.verb),
            _ => format!("{} -", command.verb),
        });
        let login = match transcript.login() {
            (Some(mechanism), true) => format!("in by {mechanism}"),
            _ if transcript.starttls => "encrypted".to_owned(),
            _ => "out".to_owned(),
        };
        commands.chain([login]).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_a_lost_reply_said_is_told_by_what_the_client_said_next() {
        let pop3: &[(Recorded<'_>, &str)] = &[
            (
                &[(S, "+OK"), (C, "USER a"), (S, "+OK"), (C, "PASS b"), (S, ""), (C, "STAT")],
                "USER +OK, PASS -, in by USER",
            ),
            (
                &[(S, "+OK"), (C, "USER a"), (S, "+OK"), (C, "PASS b"), (S, ""), (C, "USER a"), (S, "+OK")],
                "USER +OK, PASS -, USER +OK, out",
            ),
            (
                &[(S, "+OK"), (C, "USER a"), (S, ""), (C, "PASS b"), (S, "+OK")],
                "USER -, PASS +OK, in by USER",
            ),
            (&[(S, "+OK"), (C, "AUTH PLAIN"), (S, ""), (C, "AGEAYg=="), (S, "+OK")], "AUTH +OK, in by PLAIN"),
            (&[(S, "+OK"), (C, "STLS"), (S, ""), (C, "\x16\x03\x01")], "STLS -, encrypted"),
            (&[(S, ""), (C, "RETR 1"), (S, "+OK"), (S, "From: a")], "RETR +OK, out"),
            (&[(S, ""), (C, "he rest"), (C, "USER a"), (S, "+OK")], "USER +OK, out"),
            // Nobody was recorded but the client.
            (&[(S, ""), (C, "USER a"), (C, "PASS b"), (C, "LIST")], "USER -, PASS -, in by USER"),
            (
                &[(S, "+OK"), (C, "AUTH PLAIN"), (S, "+"), (C, ""), (C, "CAPA"), (S, "-ERR")],
                "AUTH -ERR, CAPA -, out",
            ),
        ];
        let imap: &[(Recorded<'_>, &str)] = &[
            (&[(S, "* OK"), (C, "a LOGIN b c"), (S, ""), (C, "b SELECT x")], "LOGIN -, in by LOGIN"),
            (
                &[(S, "* OK"), (C, "a LOGIN b c"), (S, ""), (C, "b LOGIN b d"), (S, "b OK")],
                "LOGIN -, LOGIN OK, in by LOGIN",
            ),
            (&[(S, "* OK"), (C, "a LOGIN {1}"), (S, ""), (C, "b c"), (S, "a OK")], "LOGIN OK, in by LOGIN"),
            (
                &[(S, "* OK"), (C, "a AUTHENTICATE PLAIN"), (S, ""), (C, "AGEAYg=="), (S, "a OK")],
                "AUTHENTICATE OK, in by PLAIN",
            ),
            (&[(S, "* OK"), (C, "a STARTTLS"), (S, ""), (C, "\x16\x03\x01")], "STARTTLS -, encrypted"),
            (&[(S, ""), (C, "he rest"), (C, "a NOOP"), (S, "a OK")], "NOOP OK, out"),
            (
                &[
                    (S, "* OK"),
                    (C, "a LOGIN {100}"),
                    (S, "+"),
                    (C, ""),
                    (S, "a NO"),
                    (C, "b NOOP"),
                    (S, "b OK"),
                ],
                "LOGIN NO, NOOP OK, out",
            ),
        ];
        for (spoken, table) in [(Spoken::Pop3, pop3), (Spoken::Imap, imap)] {
            for (recorded, expected) in table {
                assert_eq!(follow(spoken, recorded), *expected, "{recorded:?}");
            }
        }
    }
}

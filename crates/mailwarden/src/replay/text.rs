//! A transcript to read: who, what was said, what was sent, what was found.

use std::fmt::Write;

use super::conversation::Conversation;
use super::transcript::{Attempt, Part, RecordedCommand, RecordedMessage, Reply, Transaction, Transcript};
use crate::text::{counted, escaped};

/// A session, with an empty line behind it; `capture` names the file where there are several.
pub(super) fn session(capture: Option<&str>, conversation: &Conversation, transcript: &Transcript) -> String {
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = write_session(&mut page, capture, conversation, transcript);
    page
}

fn write_session(
    page: &mut String,
    capture: Option<&str>,
    conversation: &Conversation,
    transcript: &Transcript,
) -> std::fmt::Result {
    let Conversation { client, server, gaps, .. } = conversation;
    write!(page, "{client} -> {server} {}", transcript.spoken.name())?;
    if *gaps > 0 {
        write!(page, ", {}", counted(*gaps, "gap"))?;
    }
    match capture {
        Some(capture) => writeln!(page, " ({capture})")?,
        None => writeln!(page)?,
    }
    if let Some(banner) = &transcript.banner {
        writeln!(page, "  {}", escaped(banner))?;
    }
    for command in transcript.commands.first() {
        writeln!(page, "  {:<60} {}", said(command), answer(command.reply))?;
        if transcript.ehlo_of == Some(command.number) {
            transcript.ehlo.iter().try_for_each(|keyword| writeln!(page, "      {}", escaped(keyword)))?;
        }
    }
    write_more(page, "  ", transcript.commands.more(), "more command")?;
    if transcript.starttls {
        writeln!(page, "  encrypted from here on")?;
    }
    if let Some(attempt) = &transcript.attempt {
        writeln!(page, "  {}", login(attempt))?;
    }
    for (number, transaction) in transcript.transactions.first().iter().enumerate() {
        write_transaction(page, number, transaction)?;
    }
    write_more(page, "  ", transcript.transactions.more(), "more transaction")?;
    write_findings(page, transcript)?;
    writeln!(page)
}

/// A command as it was said; what may be a password is not shown.
fn said(command: &RecordedCommand) -> String {
    let mut argument = escaped(&command.argument);
    if let ("AUTH" | "X-EXPS" | "BURL", Some((mechanism, _))) =
        (command.verb.as_str(), argument.split_once(' '))
    {
        argument = format!("{mechanism} (hidden)");
    }
    format!("{} {argument}", escaped(&command.verb)).trim_end().to_owned()
}

fn write_transaction(page: &mut String, number: usize, transaction: &Transaction) -> std::fmt::Result {
    let sender = transaction.sender.as_deref().map_or_else(|| "unknown".to_owned(), in_brackets);
    writeln!(page, "  transaction {number}: from {sender}")?;
    for recipient in transaction.recipients.first() {
        writeln!(page, "    to {:<55} {}", in_brackets(&recipient.address), reply(recipient.reply))?;
    }
    write_more(page, "    ", transaction.recipients.more(), "more recipient")?;
    let Some(message) = &transaction.message else { return Ok(()) };
    writeln!(page, "    {:<58} {}", described(message), reply(transaction.reply))?;
    let mut parts = transaction.parts.first().iter();
    parts.try_for_each(|part| writeln!(page, "      {}", part_line(part)))?;
    write_more(page, "      ", transaction.parts.more(), "more part")
}

fn described(message: &RecordedMessage) -> String {
    let size = message.size;
    let cut = if message.complete { "" } else { ", not complete" };
    format!("{}: header {}, body {}{cut}", message.via.name(), size.header_bytes, size.body_bytes)
}

fn part_line(part: &Part) -> String {
    let mut line = escaped(&part.content_type);
    if let Some(encoding) = &part.encoding {
        line.push(' ');
        line.push_str(&escaped(encoding));
    }
    if let Some(filename) = &part.filename {
        line.push_str(&format!(" \"{}\"", escaped(filename)));
    }
    line
}

fn write_findings(page: &mut String, transcript: &Transcript) -> std::fmt::Result {
    for found in transcript.matches.first() {
        let (class, criterion) = (escaped(&found.class), escaped(&found.criterion));
        write!(page, "  match: class {class} ({criterion}): {}", found.action)?;
        match found.transaction {
            Some(transaction) => writeln!(page, ", transaction {transaction}")?,
            None => writeln!(page)?,
        }
    }
    write_more(page, "  ", transcript.matches.more(), "more finding")?;
    for (kind, count) in &transcript.anomalies {
        writeln!(page, "  anomaly: {} ({})", kind.name(), counted(*count, "time"))?;
    }
    Ok(())
}

/// How many of them are not listed.
fn write_more(page: &mut String, indent: &str, more: u64, what: &str) -> std::fmt::Result {
    if more == 0 { Ok(()) } else { writeln!(page, "{indent}and {}", counted(more, what)) }
}

fn login(attempt: &Attempt) -> String {
    let mechanism = attempt.mechanism.as_deref().map_or_else(|| "unknown".to_owned(), escaped);
    let how = if attempt.is_clear_text { ", in clear text" } else { "" };
    format!("login: {mechanism}{how}, {}", attempt.outcome.name().replace('_', " "))
}

fn answer(reply_of: Option<Reply>) -> String {
    match reply_of {
        Some(Reply::Status(status)) => status.to_owned(),
        Some(Reply::Code(code)) => reply(Some(code)),
        None => reply(None),
    }
}

fn reply(code: Option<u16>) -> String {
    code.map_or_else(|| "-".to_owned(), |code| code.to_string())
}

fn in_brackets(path: &str) -> String {
    format!("<{}>", escaped(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_wire_reaches_the_terminal_raw_and_no_password_is_shown() {
        let auth = |argument: &str| {
            let argument = argument.to_owned();
            said(&RecordedCommand { number: 0, verb: "AUTH".into(), argument, reply: None })
        };
        assert_eq!(auth("PLAIN AGEAYg=="), "AUTH PLAIN (hidden)");
        assert_eq!(auth("LOGIN"), "AUTH LOGIN");
        let (verb, argument) = ("X\x1b[2J".to_owned(), "\u{9b}\r".to_owned());
        assert_eq!(
            said(&RecordedCommand { number: 0, verb, argument, reply: None }),
            "X\\u{1b}[2J \\u{9b}\\r"
        );
    }
}

//! A refusal can be read, even by a client that has not stopped talking.

use crate::daemon::{Daemon, RULED};
use crate::server::Mailbox;
use crate::wire::End;

const ENVELOPE: [&str; 3] = ["MAIL FROM:<s@example.test>", "RCPT TO:<r@example.test>", "DATA"];

/// Says what must be refused and a lot more behind it, and only then reads.
fn refused(before: &[&str], what: &str, more: usize, answer: &str) {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    let mut client = daemon.greeted();
    before.iter().for_each(|line| client.says(line, if *line == "DATA" { "354" } else { "250" }));
    client.send(what);
    let line = format!("{}\r\n", "x".repeat(1022));
    let mut left = more;
    while left > 0 {
        assert!(client.send(&line), "cut off with {left} octets to go");
        left = left.saturating_sub(line.len());
    }
    client.send(".\r\n");
    client.fin();
    let (heard, end) = client.rest();
    assert!(heard.starts_with(answer) && end == End::Fin, "{heard} {end:?}");
    // The lines behind a refused command are commands that come too late, up to a limit.
    let mut others = heard.lines().skip(1);
    assert!(others.all(|line| line.starts_with("451 4.7.1") || line.starts_with("421 4.7.0")), "{heard}");
    let visits = mailbox.visits(1);
    assert_eq!(visits[0].messages, Vec::<String>::new());
    assert!(visits[0].commands.iter().all(|line| !line.contains("refused-word")), "{visits:?}");
    assert_eq!(daemon.ended(1), ["refused"]);
    daemon.passes_clean_mail();
}

/// Less than the mebioctet that is read and thrown away behind our last word.
const MUCH: usize = 900 << 10;

#[test]
fn a_refused_sender_reads_why() {
    let answer = "550 5.7.1 Sender refused by policy";
    refused(&[], "MAIL FROM:<refused-word@example.test>\r\n", MUCH, answer);
}

#[test]
fn a_refused_recipient_reads_why() {
    let answer = "550 5.7.1 Recipient refused by policy";
    refused(&ENVELOPE[..1], "RCPT TO:<refused-word@example.test>\r\n", MUCH, answer);
}

#[test]
fn a_refused_header_reads_why_behind_all_of_its_message() {
    let answer = "554 5.7.1 Message refused by policy";
    refused(&ENVELOPE, "Subject: refused-word\r\n\r\n", 5 << 20, answer);
}

#[test]
fn a_refused_body_reads_why_behind_all_of_its_message() {
    let answer = "554 5.7.1 Message refused by policy";
    refused(&ENVELOPE, "Subject: x\r\n\r\nfine\r\na refused-word\r\n", 5 << 20, answer);
}

#[test]
fn a_refused_client_may_go_on_and_take_its_leave() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    let mut client = daemon.greeted();
    client.says("MAIL FROM:<refused-word@example.test>", "550 5.7.1 Sender refused by policy");
    // The server is left at once, and hears nothing of what follows.
    let visits = mailbox.visits(1);
    client.says("RSET", "451 4.7.1");
    client.says("NOOP", "451 4.7.1");
    client.says("QUIT", "221 2.0.0");
    assert_eq!(client.rest(), (String::new(), End::Fin));
    let heard = &visits[0].commands;
    assert!(heard.iter().all(|line| line.starts_with("EHLO") || line.starts_with("HELO")), "{heard:?}");
    assert_eq!(daemon.ended(1), ["refused"]);
}

#[test]
fn the_reference_of_a_refusal_is_in_its_event() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    let mut client = daemon.greeted();
    let reply = client.command("MAIL FROM:<refused-word@example.test>");
    client.says("QUIT", "221 2.0.0");
    drop(client);
    assert_eq!(daemon.ended(1), ["refused"]);
    let told = daemon.named("match").pop().expect("a match");
    let reference = told["reference"].as_str().expect("a reference");
    assert!(reply.ends_with(&format!(" (ref {reference})")), "{reply}");
    assert_eq!(told["count"], 1);
}

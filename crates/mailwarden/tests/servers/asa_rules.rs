//! The claims of inspection as an ASA has it, one row each: by the built-in map, by every `match`, action and parameter of
//! a map of the user's, and by classes whose access list exempts a client.

use crate::client::{Mail, curl, smtplib, swaks};
use crate::scenario::{Row, asa};

/// What looks at the server's replies too.
pub(crate) fn of_both_sides() -> Vec<Row> {
    [built_in(), keywords(), envelope()].concat()
}

/// What looks at the client's side alone.
pub(crate) fn of_clients() -> Vec<Row> {
    [parameters(), commands(), content(), parts(), service_policies()].concat()
}

/// `inspect esmtp` without a map.
fn built_in() -> Vec<Row> {
    vec![
        asa(
            "the built-in map leaves the word ESMTP in the greeting, masks what it does not know, and mail is delivered",
            "",
            smtplib().first("EXPN staff").first("XYZZY").option("SIZE=1000").option("BODY=8BITMIME"),
        )
        .greeting_hidden_but(" ESMTP ")
        .shows("SIZE")
        .shows("8BITMIME")
        .shows("PIPELINING")
        .shows("STARTTLS")
        .shows("SMTPUTF8")
        .hides("CHUNKING")
        .answered("EXPN", "5", "50")
        .answered("XYZZY", "50", "50")
        .logged("%ASA-2-108002: SMTP replaced EXPN: ")
        .acted("Class 7", "ehlo-reply-parameter others", "mask")
        .concerns_every_mail(),
        asa(
            "the commands of SMTP reach the server, and a mail with them",
            "",
            smtplib().first("NOOP").first("RSET").first("HELO client.test").first("EHLO client.test"),
        )
        .same("NOOP")
        .same("RSET")
        .same("HELO")
        .same("QUIT")
        .unlogged("SMTP replaced")
        .acted("Class 7", "ehlo-reply-parameter others", "mask")
        .concerns_every_mail(),
        asa(
            "the commands of ESMTP reach the server",
            "",
            smtplib()
                .first("AUTH PLAIN AGEAYg==")
                .first("ETRN x.test")
                .first("HELP")
                .first("VRFY bob@example.test")
                .first("SOML FROM:<anna@client.test>"),
        )
        .same("AUTH")
        .same("ETRN")
        .same("HELP")
        .same("VRFY")
        .same("SOML")
        .unlogged("SMTP replaced")
        .acted("Class 7", "ehlo-reply-parameter others", "mask")
        .concerns_every_mail(),
        asa(
            "commands of ESMTP that servers no longer have reach them too",
            "",
            smtplib().first("SAML FROM:<anna@client.test>").first("SEND FROM:<anna@client.test>"),
        )
        .same("SAML")
        .same("SEND")
        .unlogged("SMTP replaced")
        .acted("Class 7", "ehlo-reply-parameter others", "mask")
        .concerns_every_mail(),
        asa(
            "a command out of order does not reach the server, and the session goes on",
            "",
            smtplib().first("RCPT TO:<alice@example.test>"),
        )
        .answered("RCPT TO:<alice", "503", "503 5.5.1 MAIL first")
        .acted("Class 7", "ehlo-reply-parameter others", "mask")
        .concerns_every_mail(),
        asa("a pipe in the sender ends the session", "", smtplib().from("a|b@client.test"))
            .refused("MAIL", "553 5.1.3")
            .logged(
                "%ASA-2-108003: Terminating ESMTP connection; malicious pattern detected in the mail address from \
                 *Mail Address:a|b@client.test",
            )
            .acted("Class 7", "ehlo-reply-parameter others", "mask")
            .concerns_every_mail(),
        asa(
            "of 101 recipients the built-in map turns one away, and the others get their mail",
            "",
            (0..50).fold(smtplib(), |mail, _| mail.recipients_known(2)).to("bob@example.test"),
        )
        .delivered_to(2)
        .answered("RCPT TO:<bob", "250", "452 4.5.3")
        .acted("Class 7", "ehlo-reply-parameter others", "mask")
        .acted("Class 2", "cmd RCPT count gt 100", "drop-connection")
        .concerns_every_mail(),
    ]
}

fn parameters() -> Vec<Row> {
    vec![
        asa("mask-banner hides the greeting, the word ESMTP too", "mask-banner", swaks())
            .greeting_hidden_but("")
            .concerns_every_mail(),
        asa(
            "no allow-tls: the client goes on in clear",
            "no allow-tls",
            swaks().starttls(),
        )
        .hides("STARTTLS")
        .delivered_to(1)
        .concerns_every_mail(),
        asa("allow-tls lets STARTTLS pass, and is logged", "allow-tls → log", swaks().starttls())
            .shows("STARTTLS")
            .same("STARTTLS")
            .logged("%ASA-6-108007: TLS started on ESMTP session between client tested:127.0.0.1/"),
        asa(
            "mail through the server to another domain is refused",
            "mail-relay example.test → drop-connection log",
            swaks().to("bob@tls.test"),
        )
        .refused("RCPT", "550 5.7.1")
        .acted("mail-relay", "mail-relay", "drop-connection")
        .logged(
            "%ASA-4-108004: ESMTP Parameter: Dropped connection for ESMTP Request from *; mail-relay: No Mail Relay \
             allowed",
        )
        .logged("%ASA-4-507003: tcp flow from * terminated by inspection engine, reason - "),
        asa(
            "a source route through the domain served is refused by its last domain",
            "mail-relay example.test → drop-connection",
            curl().to("@example.test:bob@tls.test"),
        )
        .refused("RCPT", "550 5.7.1")
        .acted("mail-relay", "mail-relay", "drop-connection")
        .passes(curl().to("@tls.test:bob@example.test")),
        asa(
            "mail through the server to another domain is logged and delivered",
            "mail-relay example.test → log",
            curl().to("bob@tls.test"),
        )
        .acted("mail-relay", "mail-relay", "log")
        .logged("%ASA-6-108005: ESMTP Parameter: Received ESMTP Request from *; mail-relay: No Mail Relay allowed"),
        asa(
            "special-character with log leaves a pipe to the server",
            "special-character → log",
            smtplib().from("a|b@client.test"),
        )
        .acted("special-character", "special-character", "log"),
    ]
}

/// `match cmd …`, and all actions.
fn commands() -> Vec<Row> {
    vec![
        asa(
            "a masked command is unknown to the server, and the session goes on",
            "match cmd verb VRFY ETRN → mask log",
            vrfy(),
        )
        .answered("VRFY", "25", "50")
        .acted("Class 1", "cmd verb VRFY ETRN", "mask")
        .logged("%ASA-4-108004: ESMTP Classification: Masked header flags for ESMTP Request from *; matched Class 1: "),
        asa(
            "reset ends the session behind a refusal",
            "match cmd verb VRFY → reset log",
            vrfy(),
        )
        .refused("VRFY", "554 5.7.1")
        .acted("Class 1", "cmd verb VRFY", "reset")
        .logged("%ASA-4-108004: ESMTP Classification: Reset connection for ESMTP Request from *; matched Class 1: "),
        asa("without log only the end of the flow is logged", "match cmd verb VRFY → reset", vrfy())
            .refused("VRFY", "554 5.7.1")
            .acted("Class 1", "cmd verb VRFY", "reset")
            .logged("%ASA-4-507003: tcp flow from * terminated by inspection engine, reason - inspector drop reset.")
            .unlogged("-108004: "),
        asa("log lets a command pass", "match cmd verb VRFY → log", vrfy())
            .same("VRFY")
            .acted("Class 1", "cmd verb VRFY", "log")
            .logged("%ASA-6-108005: ESMTP Classification: Received ESMTP Request from *; matched Class 1: cmd verb VRFY"),
        asa(
            "behind log the next match acts, and behind an action that ends the session none",
            "match cmd line length gt 30 → log · match cmd line length gt 31 → reset log · match cmd line length gt 29 → log",
            smtplib().first(format!("NOOP {}", "x".repeat(25))),
        )
        .refused("NOOP", "554 5.7.1")
        .acted("Class 1", "cmd line length gt 30", "log")
        .acted("Class 2", "cmd line length gt 31", "reset")
        .concerns_every_mail(),
        asa(
            "a command that is paced gets the server's reply",
            "match cmd verb NOOP → rate-limit 2",
            smtplib().first("NOOP").first("NOOP").first("NOOP"),
        )
        .answered("NOOP", "250", "250")
        .acted("Class 1", "cmd verb NOOP", "rate-limit"),
        asa(
            "a command line over the limit is refused",
            "match cmd line length gt 100 → drop-connection log",
            smtplib().first(format!("NOOP {}", "x".repeat(94))),
        )
        .refused("NOOP", "554 5.7.1")
        .acted("Class 1", "cmd line length gt 100", "drop-connection")
        .passes(smtplib().first(format!("NOOP {}", "x".repeat(93)))),
    ]
}

fn vrfy() -> Mail {
    smtplib().first("VRFY bob@example.test")
}

/// `match ehlo-reply-parameter`.
fn keywords() -> Vec<Row> {
    vec![
        asa(
            "keywords are masked by the names that an ASA has for them",
            "match ehlo-reply-parameter size dsn → mask log",
            swaks(),
        )
        .hides("SIZE")
        .hides("DSN")
        .hides("CHUNKING")
        .shows("PIPELINING")
        .acted("Class 1", "ehlo-reply-parameter size dsn", "mask")
        .logged("%ASA-4-108004: ESMTP Classification: Masked header flags for ESMTP Response from *; matched Class 1: ")
        .concerns_every_mail(),
        asa(
            "a keyword may end the session",
            "match ehlo-reply-parameter size → drop-connection log",
            curl(),
        )
        .refused("EHLO", "554 5.7.1")
        .acted("Class 1", "ehlo-reply-parameter size", "drop-connection")
        .concerns_every_mail(),
    ]
}

/// `match sender-address …`, and the counts of recipients.
fn envelope() -> Vec<Row> {
    vec![
        asa(
            "a sender of a class of patterns is refused",
            "match sender-address regex class BAD_SENDERS → drop-connection",
            swaks().from("x@abc.com"),
        )
        .refused("MAIL", "550 5.7.1")
        .acted("Class 1", "sender-address regex class BAD_SENDERS", "drop-connection")
        .passes(curl().from("x@abd.com").header("From: x@abc.com")),
        asa(
            "every sender but those of a pattern is refused",
            "match not sender-address regex ABC_SENDER → drop-connection log",
            curl(),
        )
        .refused("DATA", "554 5.7.1")
        .acted("Class 1", "not sender-address regex ABC_SENDER", "drop-connection")
        .passes(curl().from("x@abc.com")),
        asa(
            "a sender longer than the limit is refused",
            "match sender-address length gt 40 → drop-connection log",
            curl().from(format!("{}@client.test", "x".repeat(29))),
        )
        .refused("MAIL", "550 5.7.1")
        .acted("Class 1", "sender-address length gt 40", "drop-connection")
        .passes(curl().from(format!("{}@client.test", "x".repeat(28)))),
        asa(
            "one recipient more than a map allows is refused, and with it the mail",
            "match cmd RCPT count gt 5 → drop-connection log",
            smtplib().recipients_known(6),
        )
        .refused("RCPT TO:<r05", "550 5.5.3")
        .acted("Class 1", "cmd RCPT count gt 5", "drop-connection")
        .passes(smtplib().recipients_known(5)),
        asa(
            "one recipient that the server refuses more than a map allows ends the session",
            "match invalid-recipients count gt 5 → drop-connection log",
            smtplib().recipients_unknown(6).to("bob@example.test"),
        )
        .refused("RCPT TO:<x05", "550 5.7.1")
        .acted("Class 1", "invalid-recipients count gt 5", "drop-connection")
        .passes(smtplib().recipients_unknown(5).to("bob@example.test")),
    ]
}

/// `match header …`, `match body …`.
fn content() -> Vec<Row> {
    vec![
        asa(
            "a body longer than the limit is refused",
            "match body length gt 1000 → drop-connection log",
            curl().body("twenty bytes of text\n".repeat(50)),
        )
        .refused(".", "554 5.6.0")
        .acted("Class 1", "body length gt 1000", "drop-connection")
        .passes(curl().header(long_header()).body("twenty bytes of text\n".repeat(40))),
        asa(
            "a line of the body over the limit is refused",
            "match body line length gt 100 → drop-connection log",
            swaks().body("x".repeat(101)),
        )
        .refused(".", "554 5.6.0")
        .acted("Class 1", "body line length gt 100", "drop-connection")
        .passes(curl().header(format!("X-Long: {}", "x".repeat(101))).body("x".repeat(100))),
        asa(
            "a header longer than the limit is refused",
            "match header length gt 1000 → drop-connection log",
            curl().header(long_header()),
        )
        .refused(".", "554 5.6.0")
        .acted("Class 1", "header length gt 1000", "drop-connection")
        .passes(curl().body("twenty bytes of text\n".repeat(100))),
        asa(
            "a line of the header over the limit is logged and delivered",
            "match header line length gt 100 → log",
            curl().header(format!("X-Long: {}", "x".repeat(93))),
        )
        .acted("Class 1", "header line length gt 100", "log")
        .logged("%ASA-6-108005: ESMTP Classification: Received ESMTP Request from *; matched Class 1: header line length")
        .passes(curl().header(format!("X-Long: {}", "x".repeat(92))).body("x".repeat(101))),
        asa(
            "a line of the header over the limit is refused",
            "match header line length gt 100 → reset log",
            curl().header(format!("X-Long: {}", "x".repeat(93))),
        )
        .refused(".", "554 5.6.0")
        .acted("Class 1", "header line length gt 100", "reset")
        .passes(curl().header(long_header())),
        asa(
            "more addresses in To than the limit are refused",
            "match header to-fields count gt 2 → reset log",
            swaks().header("To: a@x.test, b@x.test"),
        )
        .refused(".", "554")
        .acted("Class 1", "header to-fields count gt 2", "reset")
        .passes(curl().header("To: a@x.test\r\nCc: b@x.test, c@x.test")),
    ]
}

/// 1,200 bytes, in lines of 60.
fn long_header() -> String {
    format!("X-Long: x{}", format!("\r\n {}", "x".repeat(57)).repeat(20))
}

/// `match mime …`.
fn parts() -> Vec<Row> {
    let encoded = |encoding: &str| {
        curl().header(format!(
            "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: {encoding}"
        ))
    };
    let attached = |kind: &str, name: &str| {
        curl().header("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b").body(format!(
            "--b\nContent-Type: {kind}\nContent-Disposition: attachment; filename=\"{name}\"\n\ntext\n--b--"
        ))
    };
    vec![
        asa(
            "a part is refused by its encoding",
            "match mime encoding base64 quoted-printable → drop-connection log",
            encoded("BASE64"),
        )
        .refused(".", "554 5.7.1")
        .acted("Class 1", "mime encoding base64 quoted-printable", "drop-connection")
        .passes(encoded("8bit")),
        asa(
            "an encoding that no standard has is refused",
            "match mime encoding others → drop-connection log",
            encoded("x-rot13"),
        )
        .refused(".", "554 5.7.1")
        .acted("Class 1", "mime encoding others", "drop-connection")
        .passes(encoded("base64")),
        asa(
            "every encoding but these is refused, and a part that names none has 7bit",
            "match not mime encoding 7bit base64 → drop-connection log",
            encoded("quoted-printable"),
        )
        .refused(".", "554 5.7.1")
        .acted("Class 1", "not mime encoding 7bit base64", "drop-connection"),
        asa(
            "an attachment whose name is over the limit is refused",
            "match mime filename length gt 12 → drop-connection log",
            attached("text/plain", "report123.txt"),
        )
        .refused(".", "554")
        .acted("Class 1", "MIME filename length gt 12", "drop-connection")
        .passes(attached("text/plain", "report12.txt")),
        asa(
            "a program is refused by its name",
            "match mime filetype regex PROGRAM → drop-connection log",
            attached("application/octet-stream", "setup.exe"),
        )
        .refused(".", "554 5.7.1")
        .acted("Class 1", "mime filetype regex PROGRAM", "drop-connection")
        .passes(attached("application/octet-stream", "setup.txt").header("Subject: setup.exe")),
        asa(
            "an archive is refused by its type, which a class of patterns has",
            "match mime filetype regex class BAD_FILES → drop-connection log",
            attached("application/x-tar", "backup"),
        )
        .refused(".", "554 5.7.1")
        .acted("Class 1", "mime filetype regex class BAD_FILES", "drop-connection")
        .passes(attached("application/pdf", "backup")),
        asa(
            "every attachment but programs is refused",
            "match not mime filetype regex PROGRAM → drop-connection log",
            attached("application/pdf", "backup"),
        )
        .refused(".", "554 5.7.1")
        .acted("Class 1", "not mime filetype regex PROGRAM", "drop-connection")
        .passes(attached("application/octet-stream", "setup.exe")),
    ]
}

/// Classes of layer 3 and 4 around a map.
fn service_policies() -> Vec<Row> {
    const MAP: &str = "no allow-tls · match sender-address regex class BAD_SENDERS → drop-connection";
    vec![
        asa("a map acts on the connections that a list permits", MAP, swaks().from("x@abc.com"))
            .listed()
            .refused("MAIL", "550 5.7.1")
            .acted("Class 1", "sender-address regex class BAD_SENDERS", "drop-connection"),
        asa("a client whom the list denies is exempt", MAP, swaks().from("x@abc.com"))
            .exempt()
            .shows("STARTTLS"),
    ]
}

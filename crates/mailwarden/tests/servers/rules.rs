//! The claims of the SMTP policy language, one row each, for every `match` and every action.

use crate::client::{curl, smtplib, swaks};
use crate::scenario::{Row, row};

/// `match sender …`, `match recipient …`; the actions `log`, `reset` and `allow`.
pub(crate) fn envelope() -> Vec<Row> {
    [senders(), recipients()].into_iter().flatten().collect()
}

fn senders() -> Vec<Row> {
    vec![
        row(
            "a sender of a suspected domain is refused at MAIL",
            "match sender address regex bad-guys → log reset",
            swaks().from("win@hot.deals.com"),
        )
        .refused("MAIL", "550 5.7.1")
        .acted("c1", "sender address regex bad-guys", "reset")
        .passes(swaks().from("win@deals.example.org").header("From: win@hot.deals.com")),
        row(
            "a policy is the child of a top-level one, and its log line names both classes",
            "match sender address regex bad-guys → log reset",
            swaks().from("win@hot.deals.com"),
        )
        .child()
        .refused("MAIL", "550 5.7.1")
        .acted("c1", "sender address regex bad-guys", "reset")
        .logged(
            ": %APPFW-4-SMTP_SENDER_ADDRESS: SMTP sender address matched (sender address regex bad-guys) - resetting \
             session 127.0.0.1:* on zone-pair tested class mail appl-class c1",
        ),
        row(
            "a policy judges one way: on the way back what it refuses is delivered, and nothing is remarked",
            "match sender address regex bad-guys → log reset",
            swaks().from("win@hot.deals.com"),
        )
        .way_back(),
        row(
            "each pattern of a map counts",
            "match sender address regex bad-guys → reset",
            curl().from("mr.crazypersonnn@wrdmail.com"),
        )
        .refused("MAIL", "550 5.7.1")
        .acted("c1", "sender address regex bad-guys", "reset")
        .passes(curl().from("mr.crazypersonnn@example.org")),
        row(
            "log alone refuses nothing",
            "match sender address regex bad-guys → log",
            smtplib().from("win@hot.deals.com"),
        )
        .acted("c1", "sender address regex bad-guys", "log"),
        row(
            "a class that only logs hides nothing later in the message",
            "match sender address regex bad-guys → log · match body regex doc-data → reset",
            swaks().from("win@hot.deals.com").body("UD-421590"),
        )
        .refused(".", "554 5.7.1")
        .acted("c1", "sender address regex bad-guys", "log")
        .acted("c2", "body regex doc-data", "reset"),
        row(
            "allow exempts from the classes below it",
            "match sender address regex friends → allow · match sender address regex bad-guys → reset",
            swaks().from("anna@hot.deals.com"),
        )
        .acted("c1", "sender address regex friends", "allow"),
        row(
            "allow exempts in its own event only",
            "match sender address regex friends → allow log · match header regex lottery-spam → reset",
            swaks().from("anna@hot.deals.com").header("Subject: the lottery"),
        )
        .refused(".", "554 5.7.1")
        .acted("c1", "sender address regex friends", "allow")
        .acted("c2", "header regex lottery-spam", "reset"),
    ]
}

fn recipients() -> Vec<Row> {
    vec![
        row(
            "a lure recipient is refused at RCPT",
            "match recipient address regex known-unknown-users → log reset",
            swaks().to("username@example.test"),
        )
        .refused("RCPT", "550 5.7.1")
        .acted("c1", "recipient address regex known-unknown-users", "reset")
        .passes(swaks().header("Cc: username@example.test")),
        row(
            "the source route of a recipient is searched too",
            "match recipient address regex routes → reset",
            curl().to("@relay.example.org:bob@example.test"),
        )
        .refused("RCPT", "550 5.7.1")
        .acted("c1", "recipient address regex routes", "reset"),
        row(
            "one recipient more than the limit is refused, and with it the mail",
            "match recipient count gt 25 → reset",
            smtplib().recipients_known(26),
        )
        .refused("RCPT TO:<r25", "550 5.5.3")
        .acted("c1", "recipient count gt 25", "reset")
        .passes(
            smtplib()
                .recipients_known(25)
                .header(format!("Cc: {}x@example.test", "x@example.test,\r\n ".repeat(30))),
        ),
        row(
            "with `recipient-limit refuse` the surplus is turned away and the others get their mail",
            "match recipient count gt 25 → reset",
            smtplib().recipients_known(30),
        )
        .setting("recipient-limit refuse")
        .delivered_to(25)
        .answered("RCPT TO:<r24", "250", "250")
        .answered("RCPT TO:<r29", "250", "452 4.5.3")
        .acted("c1", "recipient count gt 25", "reset")
        .passes(smtplib().recipients_known(25)),
        row(
            "a harvester is stopped at one refused recipient more than the limit",
            "match recipient invalid count gt 5 → reset",
            smtplib().recipients_unknown(6).to("bob@example.test"),
        )
        .refused("RCPT TO:<x05", "550 5.7.1")
        .acted("c1", "recipient invalid count gt 5", "reset")
        .passes(smtplib().recipients_unknown(5).to("bob@example.test")),
    ]
}

/// `match cmd line length`, `match cmd verb`, and the action `mask`.
pub(crate) fn commands() -> Vec<Row> {
    [lines(), verbs(), defaults()].into_iter().flatten().collect()
}

fn lines() -> Vec<Row> {
    let long_sender = format!("carol@{}example.org", "a-label-of-twenty-one.".repeat(7));
    vec![
        row(
            "a MAIL command of more than 256 octets is refused",
            "match cmd line length gt 256 + match cmd verb MAIL → reset",
            smtplib().from(long_sender.clone()).option(format!("ENVID={}", "x".repeat(90))),
        )
        .refused("MAIL", "550 5.7.1")
        .acted("c1", "cmd line length gt 256", "reset")
        .passes(smtplib().from(long_sender).first(format!("NOOP {}", "x".repeat(300)))),
        row(
            "without a verb in the class the length applies to every command",
            "match cmd line length gt 256 → reset log",
            smtplib().first(format!("NOOP {}", "x".repeat(300))),
        )
        .refused("NOOP", "554 5.7.1")
        .acted("c1", "cmd line length gt 256", "reset"),
    ]
}

fn verbs() -> Vec<Row> {
    vec![
        row("EHLO masked: swaks falls back to HELO", "match cmd verb EHLO → mask", swaks())
            .answered("EHLO", "250", "50")
            .acted("c1", "cmd verb EHLO", "mask")
            .concerns_every_mail(),
        row("EHLO masked: curl falls back to HELO", "match cmd verb EHLO → mask", curl())
            .answered("EHLO", "250", "50")
            .acted("c1", "cmd verb EHLO", "mask")
            .concerns_every_mail(),
        row("EHLO masked: smtplib falls back to HELO", "match cmd verb EHLO → mask", smtplib())
            .answered("EHLO", "250", "50")
            .answered("HELO", "", "250")
            .acted("c1", "cmd verb EHLO", "mask")
            .concerns_every_mail(),
        row(
            "a masked verb is unknown to the server, and the session goes on",
            "match cmd verb VRFY → mask log",
            smtplib().first("VRFY bob@example.test"),
        )
        .answered("VRFY", "25", "50")
        .acted("c1", "cmd verb VRFY", "mask"),
        row(
            "a verb of the administrator's own is masked whatever the action",
            "match cmd verb XVRFY | match cmd verb ATRN → log",
            smtplib().first("ATRN example.test"),
        )
        .answered("ATRN", "50", "50")
        .acted("c1", "cmd verb ATRN", "mask"),
        row(
            "a verb with reset ends the session",
            "match cmd verb VRFY → reset",
            smtplib().first("VRFY bob@example.test"),
        )
        .refused("VRFY", "554 5.7.1")
        .acted("c1", "cmd verb VRFY", "reset"),
    ]
}

/// What happens without a class that says so.
fn defaults() -> Vec<Row> {
    vec![
        row(
            "under the default policy a command that is none is hidden and reported, and the mail is delivered",
            "match protocol smtp → allow",
            smtplib().first("XYZZY please"),
        )
        .answered("XYZZY", "50", "50")
        .logged("Invalid SMTP command (XYZZY) "),
        row(
            "a BDAT sent all the same is hidden",
            "match cmd verb VRFY → mask",
            smtplib().first("BDAT 0 LAST"),
        )
        .answered("BDAT", "503", "50")
        .logged("Invalid SMTP command (BDAT) "),
        row(
            "`inspect` in the policy on mail is a pinhole: nothing is hidden",
            "match protocol smtp → inspect",
            smtplib().first("BDAT 0 LAST"),
        )
        .answered("BDAT", "503", "503"),
        row(
            "without a policy nothing is inspected: nothing is hidden, and no class acts",
            "match sender address regex bad-guys → reset · match cmd verb VRFY → mask",
            smtplib().from("win@hot.deals.com").first("VRFY bob@example.test").first("BDAT 0 LAST"),
        )
        .pinhole()
        .answered("VRFY", "25", "25")
        .answered("BDAT", "503", "503"),
        row("a verb with log passes", "match cmd verb NOOP → log", smtplib().first("NOOP"))
            .answered("NOOP", "250", "250")
            .acted("c1", "cmd verb NOOP", "log"),
    ]
}

/// `match reply ehlo`, and what a Cisco policy does to CHUNKING.
pub(crate) fn keywords() -> Vec<Row> {
    vec![
        row(
            "extensions that the server offers are used, parameters and all",
            "match cmd verb VRFY → mask",
            smtplib().option("BODY=8BITMIME").option("RET=HDRS").option("ENVID=x"),
        )
        .child()
        .answered("EHLO", "250", "250")
        .answered("MAIL", "250", "250"),
        row("a policy masks CHUNKING by itself", "match cmd verb VRFY → mask", smtplib()).hides("CHUNKING"),
        row(
            "a masked keyword's verb is masked too",
            "match reply ehlo ETRN → log mask",
            smtplib().first("ETRN x.test"),
        )
        .hides("ETRN")
        .answered("ETRN", "", "50")
        .acted("c1", "reply ehlo ETRN", "mask")
        .concerns_every_mail(),
        row("8BITMIME is masked", "match reply ehlo 8BITMIME → mask", smtplib())
            .hides("8BITMIME")
            .acted("c1", "reply ehlo 8BITMIME", "mask")
            .concerns_every_mail(),
        row("SIZE is masked with its value", "match reply ehlo SIZE → mask", smtplib())
            .hides("SIZE")
            .acted("c1", "reply ehlo SIZE", "mask")
            .concerns_every_mail(),
        row("a keyword of the administrator's own is masked", "match reply ehlo SMTPUTF8 → mask", smtplib())
            .hides("SMTPUTF8")
            .acted("c1", "reply ehlo SMTPUTF8", "mask")
            .concerns_every_mail(),
        row(
            "STARTTLS masked: the client goes on in clear",
            "match reply ehlo STARTTLS → mask",
            swaks().starttls(),
        )
        .hides("STARTTLS")
        .delivered_to(1)
        .acted("c1", "reply ehlo STARTTLS", "mask")
        .concerns_every_mail(),
        row("log alone leaves the keyword", "match reply ehlo DSN → log", smtplib())
            .acted("c1", "reply ehlo DSN", "log")
            .concerns_every_mail(),
    ]
}

/// `match header …`, `match body regex`, `match mime …`, `match data-length`.
pub(crate) fn content() -> Vec<Row> {
    [headers(), bodies(), attachments(), encodings()].into_iter().flatten().collect()
}

const FILLER: &str = "abcdefghijklmnopqrstuvwxyz 0123456789\n";
const MULTIPART: &str = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b";

fn headers() -> Vec<Row> {
    vec![
        row(
            "a header block longer than the limit is refused",
            "match header length gt 16000 → reset",
            swaks().header(format!(
                "X-Long: x{}",
                "\r\n abcdefghijklmnopqrstuvwxyz 0123456789 abcdefghij".repeat(320)
            )),
        )
        .refused(".", "554 5.6.0")
        .acted("c1", "header length gt 16000", "reset")
        .passes(swaks().body(FILLER.repeat(500))),
        row(
            "a long header is logged and delivered",
            "match header length gt 200 → log",
            swaks().header(format!("X-Long: {}", "x".repeat(200))),
        )
        .acted("c1", "header length gt 200", "log")
        .logged("%APPFW-4-SMTP_HEADER_LENGTH: ")
        .concerns_every_mail(),
        row(
            "a long header that is allowed is delivered",
            "match header length gt 200 → allow",
            swaks().header(format!("X-Long: {}", "x".repeat(200))),
        )
        .acted("c1", "header length gt 200", "allow")
        .concerns_every_mail(),
        row(
            "a subject is refused at the end of data",
            "match header regex lottery-spam → reset",
            curl().header("Subject: You won the lottery"),
        )
        .refused(".", "554 5.7.1")
        .acted("c1", "header regex lottery-spam", "reset")
        .passes(curl().body("Subject: the lottery")),
        row(
            "a private field is searched, folded or not",
            "match header regex private-field → log reset",
            smtplib().header("X-Codeword: the\r\n swordfish"),
        )
        .refused(".", "554 5.7.1")
        .acted("c1", "header regex private-field", "reset"),
    ]
}

fn bodies() -> Vec<Row> {
    vec![
        row(
            "a text in the body is refused",
            "match body regex doc-data → reset",
            swaks().body("see\nUD-421590\n"),
        )
        .refused(".", "554 5.7.1")
        .acted("c1", "body regex doc-data", "reset")
        .passes(swaks().body("see UD-\n421590")),
        row(
            "a text deep in a large body is refused, and what the sender has left to say does no harm",
            "match body regex doc-data → reset",
            curl().body(format!("{}UD-421590\n{}", FILLER.repeat(10_000), FILLER.repeat(10_000))),
        )
        .refused(".", "554 5.7.1")
        .acted("c1", "body regex doc-data", "reset")
        .passes(curl().body(FILLER.repeat(20_000))),
        row(
            "more data than the limit is refused",
            "match data-length gt 20000 → reset",
            curl().body(FILLER.repeat(800)),
        )
        .refused(".", "554 5.6.0")
        .acted("c1", "data-length gt 20000", "reset"),
        row(
            "HTML in 8-bit is searched, base64 is not",
            "match body regex doc-data → reset",
            smtplib()
                .header("MIME-Version: 1.0\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: 8bit")
                .body("<p>UD-421590</p>"),
        )
        .refused(".", "554 5.7.1")
        .acted("c1", "body regex doc-data", "reset")
        .passes(
            smtplib()
                .header("MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64")
                .body("UD-421590"),
        ),
    ]
}

fn attachments() -> Vec<Row> {
    let part = |kind: &str| format!("--b\nContent-Type: {kind}\n\n/9j/4AAQSkZJRg==\n--b--");
    vec![
        row(
            "an image is refused by its declared type",
            "match mime content-type regex jpeg → reset",
            swaks().header(MULTIPART).body(part("image/jpeg; name=picture.jpg")),
        )
        .refused(".", "554 5.7.1")
        .acted("c1", "mime content-type regex jpeg", "reset")
        .passes(swaks().header(MULTIPART).body(part("application/pdf; name=picture.jpg"))),
        row(
            "an image is logged and delivered",
            "match mime content-type regex jpeg → log",
            curl().header(MULTIPART).body(part("image/jpeg")),
        )
        .acted("c1", "mime content-type regex jpeg", "log")
        .passes(curl().header(MULTIPART).body(part("text/plain\nContent-Transfer-Encoding: base64"))),
        row(
            "one condition of match-any is enough",
            "match sender address regex bad-guys | match recipient count gt 25 | match mime content-type regex jpeg → reset",
            curl().header(MULTIPART).body(part("image/jpeg")),
        )
        .refused(".", "554 5.7.1")
        .acted("c1", "mime content-type regex jpeg", "reset"),
        row(
            "all conditions of match-all must hold",
            "match sender address regex bad-guys + match mime content-type regex jpeg → reset",
            swaks().from("win@hot.deals.com").header(MULTIPART).body(part("image/jpeg")),
        )
        .refused(".", "554 5.7.1")
        .acted("c1", "mime content-type regex jpeg", "reset")
        .passes(swaks().from("win@hot.deals.com")),
        row(
            "the type of the message itself is searched, and of a refused one nothing is delivered",
            "match mime content-type regex jpeg → log reset",
            smtplib().header("MIME-Version: 1.0\r\nContent-Type: image/jpeg"),
        )
        .refused(".", "554 5.7.1")
        .acted("c1", "mime content-type regex jpeg", "reset"),
    ]
}

/// `match mime encoding`: the policy's word, what the message declares, what another message may declare.
fn encodings() -> Vec<Row> {
    const ENCODINGS: [(&str, &str, &str, &str); 8] = [
        ("match mime encoding 7-bit → reset", "mime encoding 7-bit", "7bit", "8bit"),
        ("match mime encoding 8-bit → reset", "mime encoding 8-bit", "8BIT", "7bit"),
        ("match mime encoding base64 → reset", "mime encoding base64", "base64", "quoted-printable"),
        (
            "match mime encoding quoted-printable → reset",
            "mime encoding quoted-printable",
            "Quoted-Printable",
            "base64",
        ),
        ("match mime encoding binary → reset", "mime encoding binary", "binary", "8bit"),
        ("match mime encoding x-uuencode → reset", "mime encoding x-uuencode", "x-uuencode", "base64"),
        ("match mime encoding unknown → reset", "mime encoding unknown", "x-rot13", "x-uuencode"),
        (
            "match mime encoding X-myencoding-scheme → reset",
            "mime encoding X-myencoding-scheme",
            "X-MyEncoding-Scheme",
            "x-myencoding",
        ),
    ];
    let declaring = |encoding: &str| {
        curl().header(format!(
            "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: {encoding}"
        ))
    };
    let rows = ENCODINGS.into_iter().map(|(policy, criterion, refused, passes)| {
        row("a message is refused by its declared encoding", policy, declaring(refused))
            .refused(".", "554 5.7.1")
            .acted("c1", criterion, "reset")
            .passes(declaring(passes))
    });
    rows.collect()
}

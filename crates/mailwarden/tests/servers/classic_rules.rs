//! The claims of classic inspection, `ip inspect name R`, one row each.

use crate::client::{curl, smtplib};
use crate::scenario::{Row, classic};

/// Under `smtp` a client's EHLO is the first command that is overwritten; what else is, is told as a number.
pub(crate) fn all() -> Vec<Row> {
    vec![
        classic(
            "what only ESMTP has is overwritten, and the client falls back to HELO",
            "smtp",
            smtplib().first("TURN").first("NOOP"),
        )
        .answered("EHLO", "250", "50")
        .answered("HELO", "", "250")
        .answered("TURN", "50", "50")
        .answered("NOOP", "250", "250")
        .logged("Invalid SMTP command (ehlo) ")
        .logged(" - masked session *(2 times)")
        .concerns_every_mail(),
        classic(
            "the commands of SMTP reach the server",
            "smtp",
            smtplib()
                .first("HELP")
                .first("VRFY bob@example.test")
                .first("EXPN staff")
                .first("RSET")
                .first("SOML FROM:<anna@client.test>"),
        )
        .same("HELP")
        .same("VRFY")
        .same("EXPN")
        .same("RSET")
        .same("SOML")
        .unlogged(" times)")
        .concerns_every_mail(),
        classic(
            "commands of SMTP that servers no longer have reach them too",
            "smtp",
            smtplib().first("SAML FROM:<anna@client.test>").first("SEND FROM:<anna@client.test>"),
        )
        .same("SAML")
        .same("SEND")
        .unlogged(" times)")
        .concerns_every_mail(),
        classic("ETRN is overwritten under smtp", "smtp", smtplib().first("ETRN x.test"))
            .answered("ETRN", "", "50")
            .logged(" - masked session *(2 times)")
            .concerns_every_mail(),
        classic(
            "ETRN is offered and reaches the server under esmtp",
            "esmtp",
            smtplib().first("ETRN x.test"),
        )
        .shows("ETRN")
        .same("ETRN")
        .unlogged("(ETRN)"),
        classic(
            "under esmtp what the engine knows is offered and used, and what it does not know is overwritten",
            "esmtp",
            smtplib().first("XYZZY").option("SIZE=1000").option("BODY=8BITMIME"),
        )
        .shows("SIZE")
        .shows("8BITMIME")
        .shows("PIPELINING")
        .shows("STARTTLS")
        .shows("SMTPUTF8")
        .hides("CHUNKING")
        .answered("XYZZY", "50", "50")
        .logged("Invalid SMTP command (XYZZY) ")
        .concerns_every_mail(),
        classic(
            "a message in BINARYMIME is refused, and the session goes on",
            "esmtp",
            smtplib().first("MAIL FROM:<anna@client.test> BODY=BINARYMIME"),
        )
        .answered("MAIL FROM:<anna", "5", "555 5.5.4")
        .concerns_every_mail(),
        classic(
            "a session that carries more than max-data is refused",
            "esmtp max-data 1000",
            curl().body("twenty bytes of text\n".repeat(50)),
        )
        .refused(".", "554 5.6.0")
        .acted("max-data", "data-length gt 1000", "reset"),
    ]
}

//! The sessions of the demo: what the client does, and the expected outcome.

use super::sender::Step::{self, Greet, Repeat, Say, Send};

/// One session and its expected outcome.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    pub(super) title: &'static str,
    pub(super) steps: &'static [Step],
    /// Prefixes of reply lines that the client must receive, in this order.
    pub(super) sees: &'static [&'static str],
    /// Text that must not occur in any reply.
    pub(super) sees_not: &'static str,
    /// Whether the firewall ends the session.
    pub(super) is_ended: bool,
    /// What the server must hear: each is a command, in this order.
    pub(super) hears: &'static [&'static str],
    /// Texts of the messages that the server must receive, one for each message.
    pub(super) messages: &'static [&'static str],
    /// The only class that must match.
    pub(super) class: Option<&'static str>,
    /// The protocol anomaly that must be reported.
    pub(super) finding: Option<&'static str>,
    /// How many messages the server receives without the firewall.
    pub(super) messages_without: Option<usize>,
    /// What the session demonstrates, printed if the outcome is as expected.
    pub(super) verdict: &'static str,
}

/// The default outcome.
const PASSES: Scene = Scene {
    title: "",
    steps: &[],
    sees: &[],
    sees_not: "\0",
    is_ended: false,
    hears: &[],
    messages: &[],
    class: None,
    finding: None,
    messages_without: None,
    verdict: "",
};

/// The default outcome if a class ends the session.
const ENDED: Scene = Scene { is_ended: true, ..PASSES };

const HELO: Step = Greet("HELO sender.example");
const EHLO: Step = Say("EHLO sender.example");
const MAIL: Step = Say("MAIL FROM:<carol@sender.example>");
const RCPT: Step = Say("RCPT TO:<alice@demo.example>");
const DATA: Step = Say("DATA");

pub(super) const ALL: &[Scene] = &[
    Scene {
        title: "Clean mail",
        steps: &[HELO, MAIL, RCPT, Say("RCPT TO:<bob@demo.example>"), DATA, Send(LUNCH)],
        sees: &["250 2.1.0", "250 2.1.5", "250 2.1.5", "354", "250 2.0.0 Message stored"],
        hears: &["MAIL FROM:<carol@sender.example>", "RCPT TO:<alice@demo.example>", "DATA", "QUIT"],
        messages: &[LUNCH_STORED],
        verdict: "a message that no rule matches is delivered unchanged",
        ..PASSES
    },
    Scene {
        title: "A spammer's sender address",
        steps: &[HELO, Say("MAIL FROM:<offers@mail.deals.example>")],
        sees: &["550 5.7.1 Sender refused"],
        class: Some("SPAMMER"),
        verdict: "refused at MAIL FROM; the server never receives the command",
        ..ENDED
    },
    Scene {
        title: "Recipient harvesting",
        steps: &[
            HELO,
            MAIL,
            Say("RCPT TO:<aaron@demo.example>"),
            Say("RCPT TO:<abel@demo.example>"),
            Say("RCPT TO:<abigail@demo.example>"),
        ],
        sees: &["550 5.1.1", "550 5.1.1", "550 5.7.1 Too many unknown recipients"],
        sees_not: "2.1.5",
        hears: &[
            "RCPT TO:<aaron@demo.example>",
            "RCPT TO:<abel@demo.example>",
            "RCPT TO:<abigail@demo.example>",
        ],
        class: Some("HARVEST"),
        verdict: "the session ends at the third unknown recipient",
        ..ENDED
    },
    Scene {
        title: "Too many recipients",
        steps: &[
            HELO,
            MAIL,
            RCPT,
            Say("RCPT TO:<bob@demo.example>"),
            Say("RCPT TO:<alice+1@demo.example>"),
            Say("RCPT TO:<alice+2@demo.example>"),
        ],
        sees: &["250 2.1.5", "250 2.1.5", "250 2.1.5", "550 5.5.3 Too many recipients"],
        hears: &["RCPT TO:<alice+1@demo.example>"],
        class: Some("CROWD"),
        verdict: "the fourth recipient is refused and not forwarded",
        ..ENDED
    },
    Scene {
        title: "A forbidden attachment",
        steps: &[HELO, MAIL, RCPT, DATA, Send(PROGRAM)],
        sees: &["354", "554 5.7.1 Message refused"],
        hears: &["DATA"],
        class: Some("PROGRAM"),
        verdict: "the server never receives the end of the message, so it stores none",
        ..ENDED
    },
    Scene {
        title: "A forbidden subject",
        steps: &[HELO, MAIL, RCPT, DATA, Send(LOTTERY)],
        sees: &["354", "554 5.7.1 Message refused"],
        class: Some("LOTTERY"),
        verdict: "refused at the header field, although it is folded over two lines",
        ..ENDED
    },
    Scene {
        title: "An oversized header",
        steps: &[
            HELO,
            MAIL,
            RCPT,
            DATA,
            Repeat("X-Filler: 0123456789012345678901234567890123456789\r\n", 400),
            Send(LUNCH),
        ],
        sees: &["354", "554 5.6.0 Message header too long"],
        class: Some("LONG-HEADER"),
        verdict: "refused when it exceeds its limit; the rest is discarded, so that the client gets the reply",
        ..ENDED
    },
    Scene {
        title: "A masked command",
        steps: &[HELO, Say("VRFY alice"), MAIL],
        sees: &["500", "250 2.1.0"],
        sees_not: "User exists",
        hears: &["xxxxxxxxxx", "MAIL FROM:<carol@sender.example>"],
        class: Some("QUESTIONS"),
        verdict: "the server receives ten times `x` and rejects it; the session continues",
        ..PASSES
    },
    Scene {
        title: "A masked EHLO keyword",
        steps: &[EHLO],
        sees: &["250-demo", "250-SIZE 10485760", "250-PIPELINING", "250-XXXX", "250 8BITMIME"],
        sees_not: "ETRN",
        hears: &["EHLO sender.example"],
        class: Some("OFFERS"),
        verdict: "the client does not see ETRN, and the rest of the reply is unchanged",
        ..PASSES
    },
    Scene {
        title: "Masked CHUNKING",
        steps: &[EHLO, MAIL, RCPT, Say("BDAT 13 LAST\r\nNOOP hidden")],
        sees: &["250-XXXXXXXX", "250 2.1.0", "250 2.1.5", "500"],
        sees_not: "CHUNKING",
        hears: &["xxxxxxxxxxxx", "QUIT"],
        class: Some("OFFERS"),
        verdict: "BDAT was not offered, so it is masked, and its chunk is not read as a command",
        ..PASSES
    },
    Scene {
        title: "SMTP smuggling",
        steps: &[HELO, MAIL, RCPT, DATA, Send(SMUGGLED)],
        sees: &["354", "250 2.0.0 Message stored"],
        messages: &["\r\n.\r\nMAIL FROM:<boss@demo.example>\r\n"],
        finding: Some("end-of-data-look-alike"),
        messages_without: Some(4),
        verdict: "one message is delivered as one message, whatever the server accepts as its end",
        ..PASSES
    },
];

const LUNCH: &str = "From: Carol <carol@sender.example>\r\nTo: Alice <alice@demo.example>\r\n\
    Subject: Lunch\r\n\r\nOn Friday at one?\r\n... and bring the papers.\r\n.\r\n";

/// Without the end of data, and with dot-stuffing removed.
const LUNCH_STORED: &str = "From: Carol <carol@sender.example>\r\nTo: Alice <alice@demo.example>\r\n\
    Subject: Lunch\r\n\r\nOn Friday at one?\r\n.. and bring the papers.\r\n";

const LOTTERY: &str = "From: Carol <carol@sender.example>\r\nSubject: You have won\r\n the lottery\r\n\r\n\
    Congratulations!\r\n.\r\n";

const PROGRAM: &str = "From: Carol <carol@sender.example>\r\nSubject: Invoice\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=\"cut\"\r\n\r\n--cut\r\nContent-Type: text/plain\r\n\r\n\
    Please see the attachment.\r\n--cut\r\nContent-Type: application/x-msdownload; name=\"invoice.exe\"\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nTVqQAAMAAAAEAAAA\r\n--cut--\r\n.\r\n";

/// Three false ends of data, each followed by a message with a forged sender.
const SMUGGLED: &str = "From: Carol <carol@sender.example>\r\nSubject: Hello\r\n\r\nNothing to see here.\
    \n.\nMAIL FROM:<boss@demo.example>\r\nRCPT TO:<alice@demo.example>\r\nDATA\r\nSubject: one\r\n\r\nPay at once.\
    \n.\r\nMAIL FROM:<boss@demo.example>\r\nRCPT TO:<alice@demo.example>\r\nDATA\r\nSubject: two\r\n\r\nPay at once.\
    \r\n.\nMAIL FROM:<boss@demo.example>\r\nRCPT TO:<alice@demo.example>\r\nDATA\r\nSubject: three\r\n\r\nPay at once.\
    \r\n.\r\n";

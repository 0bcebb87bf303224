//! The sub-modes of `class-map type inspect [PROTOCOL]`: what a class may match.

use grammar::{Command, Matched, Mismatch, Mode};
use proto::mime::TransferEncoding;

use super::{L3ClassLine, L7ClassLine};
use crate::criterion::{Counter, Sign, Text};
use crate::dialect::{AnyStatement, Built, built, description, name, text};
use crate::link::is_pattern;
use crate::model::{Criterion, Encoding, L3Condition, L3Criterion, Name};

pub(super) static SMTP_CLASS: Mode<AnyStatement> = Mode::new(
    "class-map-smtp",
    "(config-cmap)#",
    &[&[
        description::<L7ClassLine>(&["Describe the class-map", "Up to 200 characters"]),
        Command::new(
            // No `not`: it would hold for no mail at all.
            "[no] match protocol smtp",
            "Match all SMTP traffic",
            &["", "Protocol", "SMTP and ESMTP"],
            |m| criterion(m, Criterion::Protocol),
        ),
        Command::new(
            "[no] match [not] sender address regex WORD$map",
            "Match the address of the sender, MAIL FROM",
            &[
                "A condition",
                "Negate the condition",
                "Sender",
                "Argument of MAIL FROM",
                "Regular expressions",
                "Name of a parameter-map",
            ],
            |m| regex(m, Text::Sender),
        ),
        Command::new(
            "[no] match [not] recipient address regex WORD$map",
            "Match the address of a recipient, RCPT TO",
            &["", "", "Recipients", "Argument of RCPT TO", "Regular expressions", "Name of a parameter-map"],
            |m| regex(m, Text::Recipient),
        ),
        Command::new(
            "[no] match [not] recipient count gt (1-65535)$over",
            "Match a transaction with more recipients",
            &["", "", "", "RCPT commands of a transaction", "More than", "Number"],
            |m| count(m, Counter::Recipients),
        ),
        Command::new(
            "[no] match [not] recipient invalid count gt (1-65535)$over",
            "Match a session in which the server rejected more recipients",
            &["", "", "", "Rejected by the server", "Number in the session", "More than", "Number"],
            |m| count(m, Counter::InvalidRecipients),
        ),
        Command::new(
            "[no] match [not] cmd line length gt (1-65535)$over",
            "Match a longer command line",
            &["", "", "Commands", "Command line", "Its length including CRLF", "More than", "Bytes"],
            |m| count(m, Counter::CommandLength),
        ),
        Command::new(
            "[no] match [not] cmd-line length gt (1-65535)$over",
            "Match a longer command line; another form of `cmd line`",
            &["", "", "The same as `cmd line`", "Its length including CRLF", "More than", "Bytes"],
            |m| count(m, Counter::CommandLength),
        ),
        Command::new(
            "[no] match [not] cmd verb {AUTH | DATA | EHLO | ETRN | EXPN | HELO | HELP | MAIL | NOOP | QUIT | \
             RCPT | RSET | SAML | SEND | SOML | STARTTLS | VERB | VRFY | WORD$private}$verb",
            "Match a command by its verb",
            &[
                "",
                "",
                "",
                "Verb",
                "Authenticate",
                "Begin the message",
                "Greet, with extensions",
                "Start the queue",
                "Expand a list",
                "Greet",
                "Ask for help",
                "Begin a transaction",
                "Do nothing",
                "End the session",
                "Name a recipient",
                "End the transaction",
                "Send and mail",
                "Send",
                "Send or mail",
                "Begin TLS",
                "Be verbose",
                "Verify a user",
                "A private verb; always masked",
            ],
            verb,
        ),
        Command::new(
            "[no] match [not] header length gt (1-65535)$over",
            "Match a message with a longer header",
            &["", "", "Header of the message", "Its length", "More than", "Bytes"],
            |m| count(m, Counter::HeaderLength),
        ),
        Command::new(
            "[no] match [not] header regex WORD$map",
            "Match a header field",
            &["", "", "", "Regular expressions", "Name of a parameter-map"],
            |m| regex(m, Text::Header),
        ),
        Command::new(
            "[no] match [not] body regex WORD$map",
            "Match the body of a message",
            &["", "", "Text of the message", "Regular expressions", "Name of a parameter-map"],
            |m| regex(m, Text::Body),
        ),
        Command::new(
            "[no] match [not] mime content-type regex WORD$map",
            "Match the Content-Type of a message or part",
            &["", "", "MIME", "Content-Type", "Regular expressions", "Name of a parameter-map"],
            |m| regex(m, Text::ContentType),
        ),
        Command::new(
            "[no] match [not] mime encoding {7-bit | 8-bit | base64 | binary | quoted-printable | unknown | \
             x-uuencode | WORD$private}$encoding",
            "Match the Content-Transfer-Encoding of a message or part",
            &[
                "",
                "",
                "",
                "Content-Transfer-Encoding",
                "7-bit",
                "8-bit",
                "Base 64",
                "Binary",
                "Quoted-printable",
                "Any encoding not listed",
                "Uuencode",
                "Private encoding, X-…",
            ],
            encoding,
        ),
        Command::new(
            "[no] match [not] reply ehlo {8BITMIME | AUTH | BINARYMIME | CHECKPOINT | CHUNKING | DSN | \
             ENHANCEDSTATUSCODES | ETRN | EXPN | HELP | PIPELINING | SIZE | STARTTLS | VERB | VRFY | \
             WORD$private}$keyword",
            "Match a keyword in the reply to EHLO",
            &[
                "",
                "",
                "Replies of the server",
                "Keyword of the EHLO reply",
                "8-bit content",
                "Authentication",
                "Binary content",
                "Checkpoint and restart",
                "BDAT",
                "Delivery notifications",
                "Enhanced status codes",
                "Queue start",
                "Expansion",
                "Help",
                "Pipelining",
                "Size declaration",
                "TLS",
                "Verbosity",
                "Verification",
                "A private keyword",
            ],
            ehlo,
        ),
        Command::new(
            "[no] match [not] data-length gt (0-4294967295)$over",
            "Match a session with more message data",
            &["", "", "Message data of the session", "More than", "Bytes"],
            |m| count(m, Counter::DataLength),
        ),
    ]],
);

pub(super) static MAILBOX_CLASS: Mode<AnyStatement> = Mode::new(
    "class-map-pop3-imap",
    "(config-cmap)#",
    &[&[
        description::<L7ClassLine>(&["Describe the class-map", "Up to 200 characters"]),
        Command::new(
            "[no] match [not] invalid-command",
            "Match a command that is not valid before the login",
            &["A condition", "Negate the condition", "A command that is not valid before the login"],
            |m| criterion(m, Criterion::Sign(Sign::InvalidCommand)),
        ),
        Command::new(
            "[no] match [not] login clear-text",
            "Match a login whose password can be read by others",
            &["", "", "Logins", "Without encryption and by a mechanism that does not hide the password"],
            |m| criterion(m, Criterion::Sign(Sign::ClearTextLogin)),
        ),
    ]],
);

fn criterion(m: &Matched<'_>, criterion: Criterion) -> Built {
    built(L7ClassLine::Match { criterion, negated: m.has("not") })
}

fn regex(m: &Matched<'_>, text: Text) -> Built {
    let map = name(m, "map").map_err(|why| match m.word("map") {
        Some(word) if word.quoted && is_pattern(word.text) => {
            let pattern = format!("`parameter-map type regex NAME / pattern \"{}\"`", word.text);
            m.invalid("map", "expected a name without quotes")
                .help(format!("{pattern} gives a pattern a name"))
        }
        _ => why,
    });
    criterion(m, Criterion::Regex { text, map: map? })
}

fn count(m: &Matched<'_>, counter: Counter) -> Built {
    let over = m.number("over").ok_or_else(|| Mismatch::Incomplete { expected: vec!["<0-4294967295>"] })?;
    criterion(m, Criterion::Count { counter, over })
}

/// What a table's `{KEYWORD | … | WORD}$key` took: the keyword as the table writes it, or the word.
fn keyword_or_word(m: &Matched<'_>, key: &str) -> Result<(String, bool), Mismatch> {
    match m.choice(key) {
        Some(keyword) => Ok((keyword.to_owned(), true)),
        None => name(m, key).map(|word| (word.text, false)),
    }
}

fn verb(m: &Matched<'_>) -> Built {
    let (verb, _) = keyword_or_word(m, "verb")?;
    criterion(m, Criterion::CommandVerb { verb: verb.to_ascii_uppercase() })
}

fn ehlo(m: &Matched<'_>) -> Built {
    let (keyword, _) = keyword_or_word(m, "keyword")?;
    criterion(m, Criterion::EhloReply { keyword: keyword.to_ascii_uppercase() })
}

/// How `match mime encoding` writes the standard encodings.
pub(crate) const ENCODINGS: &[(TransferEncoding, &str)] = &[
    (TransferEncoding::SevenBit, "7-bit"),
    (TransferEncoding::EightBit, "8-bit"),
    (TransferEncoding::Base64, "base64"),
    (TransferEncoding::Binary, "binary"),
    (TransferEncoding::QuotedPrintable, "quoted-printable"),
    (TransferEncoding::Uuencode, "x-uuencode"),
];

/// Any encoding that is not standard.
pub(crate) const UNKNOWN_ENCODING: &str = "unknown";

fn encoding(m: &Matched<'_>) -> Built {
    let (encoding, known) = keyword_or_word(m, "encoding")?;
    let standard = ENCODINGS.iter().find(|(_, word)| known && *word == encoding);
    let encoding = match standard {
        Some(&(encoding, _)) => Encoding::Standard(encoding),
        None if known => Encoding::Unknown,
        None => Encoding::Private(encoding),
    };
    criterion(m, Criterion::MimeEncoding { encoding })
}

pub(super) static INSPECT_CLASS: Mode<AnyStatement> = Mode::new(
    "class-map-inspect",
    "(config-cmap)#",
    &[&[
        description::<L3ClassLine>(&["Describe the class-map", "Up to 200 characters"]),
        Command::new(
            "[no] match [not] protocol WORD$protocol [LINE$options]",
            "Match the protocol",
            &["A condition", "Negate the condition", "Protocol", "Name", "Options of the protocol"],
            |m| {
                let mut protocol = name(m, "protocol")?;
                protocol.text = protocol.text.to_ascii_lowercase();
                inspect_condition(m, L3Criterion::Protocol(protocol))
            },
        ),
        Command::new(
            "[no] match [not] access-group {(1-2699)$number | name WORD$list}",
            "Match the addresses of an access list",
            &["", "", "Access list", "Number", "By name", "Name"],
            |m| inspect_condition(m, L3Criterion::AccessGroup(list(m)?)),
        ),
        Command::new(
            "[no] match [not] class-map WORD$class",
            "Match what another class-map matches",
            &["", "", "Another class", "Name"],
            |m| inspect_condition(m, L3Criterion::Class(name(m, "class")?)),
        ),
    ]],
);

fn list(m: &Matched<'_>) -> Result<Name, Mismatch> {
    text(m, "number").map_or_else(|| name(m, "list"), Ok)
}

fn inspect_condition(m: &Matched<'_>, criterion: L3Criterion) -> Built {
    built(L3ClassLine::Match(L3Condition { criterion, negated: m.has("not") }))
}

#[cfg(test)]
mod tests {
    use proto::smtp::extension::EXTENSIONS;
    use proto::smtp::verb::VERBS;

    use super::*;
    use crate::profile::Profile;

    /// The words that a command lists after `beginning {`, but for the private one.
    fn listed(beginning: &str) -> Vec<&'static str> {
        let mut commands = SMTP_CLASS.tables.iter().flat_map(|table| table.iter());
        let list = commands.find_map(|command| command.syntax.split_once(beginning)).unwrap().1;
        list.split_once(" | WORD$private").unwrap().0.split(" | ").collect()
    }

    #[test]
    fn the_verbs_that_may_be_typed_are_those_of_the_dialect() {
        let verbs = VERBS.iter().filter(|row| Profile::C3PL.verbs.contains(row.verb));
        assert_eq!(listed("match [not] cmd verb {"), verbs.map(|row| row.name).collect::<Vec<_>>());
    }

    #[test]
    fn the_ehlo_keywords_that_may_be_typed_are_known_extensions() {
        for keyword in listed("match [not] reply ehlo {") {
            assert!(EXTENSIONS.iter().any(|extension| extension.keyword == keyword), "{keyword}");
        }
    }

    #[test]
    fn the_encodings_that_may_be_typed_are_the_standard_ones_and_unknown() {
        let mut listed = listed("match [not] mime encoding {");
        listed.retain(|word| *word != UNKNOWN_ENCODING);
        assert_eq!(listed, ENCODINGS.iter().map(|&(_, word)| word).collect::<Vec<_>>());
    }
}

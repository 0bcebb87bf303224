//! The criteria of all dialects: one row for each thing that a `match` line can ask.
//!
//! A new criterion is a row here, a line in the command table of each dialect that has it, and the call of
//! [`learn`](crate::CompiledPolicy::learn) at the place where its fact becomes known.

use crate::model::Criterion;
use crate::scope::{Close, Scope};

/// What is fixed for a criterion, whatever its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// How long a condition on it stays true.
    pub scope: Scope,
    /// The point at which `match not` is decided.
    pub close: Close,
    /// What the engine must be asked for, or it never learns what the criterion reads.
    pub learned: Learned,
    /// Where [`Order::ByCriterion`](crate::profile::Order::ByCriterion) tries it: the lower, the earlier.
    pub order: u8,
    /// Whether it can no longer become true once a session is encrypted.
    pub hidden_by_encryption: bool,
    /// Whether what made it true can be masked.
    pub maskable: bool,
    /// How C3PL writes it, between `match` and its argument; nothing where it cannot.
    pub c3pl: Option<&'static str>,
    /// How an ASA map writes it, as a `match` or as a parameter; nothing where it cannot.
    pub asa: Option<&'static str>,
    /// The mnemonic of the syslog message that reports a match.
    pub mnemonic: &'static str,
    /// The subject of that message.
    pub subject: &'static str,
    /// What a client reads whose command or message is refused for it.
    pub refusal: RefusalReason,
}

/// On whose account the engine learns something. A message is taken apart only as far as a condition asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// In any case.
    Always,
    /// Where a condition needs the fields of the message's header, whole.
    HeaderFields,
    /// Where a condition needs the types and encodings of parts.
    PartHeaders,
    /// Where a condition needs the text of the body.
    BodyText,
    /// Where a condition needs the lengths of the header's lines.
    HeaderLines,
    /// Where a condition needs the lengths of the body's lines.
    BodyLines,
}

/// Why a command or a message is refused, as far as the criterion decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// By a rule; what was refused is all that is said.
    Policy,
    RecipientLimit,
    InvalidRecipientLimit,
    HeaderTooLong,
    LineTooLong,
    TooMuchData,
}

/// What a criterion reads, see [`Fact`](crate::fact::Fact).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reads {
    Text(Text),
    Counter(Counter),
    Word(Word),
    Sign(Sign),
}

macro_rules! criteria {
    ($($(#[$about:meta])* $reads:ident { $($(#[$what:meta])* $name:ident { $($column:ident: $value:expr),* $(,)? })* })*) => {
        $(
            $(#[$about])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub enum $reads { $($(#[$what])* $name,)* }

            impl $reads {
                pub const ALL: &[Self] = &[$(Self::$name,)*];
                pub const COUNT: usize = Self::ALL.len();

                /// The criterion that reads it.
                pub const fn kind(self) -> CriterionKind {
                    match self { $(Self::$name => CriterionKind::$name,)* }
                }
            }
        )*

        /// What a condition asks, without its argument.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CriterionKind { $($($(#[$what])* $name,)*)* }

        impl CriterionKind {
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// The row of this criterion.
            pub const fn row(self) -> &'static Row {
                match self { $($(Self::$name => const { &Row { $($column: $value),* } },)*)* }
            }

            /// What it reads.
            pub const fn reads(self) -> Reads {
                match self { $($(Self::$name => Reads::$reads($reads::$name),)*)* }
            }
        }
    };
}

criteria! {
    /// A text that patterns are searched in.
    Text {
        /// The reverse-path as it is between the brackets; `<>` is the empty text.
        Sender {
            scope: Scope::Transaction,
            close: Close::Envelope,
            learned: Learned::Always,
            order: 30,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("sender address"),
            asa: Some("sender-address"),
            mnemonic: "SMTP_SENDER_ADDRESS",
            subject: "SMTP sender address",
            refusal: RefusalReason::Policy,
        }
        /// The forward-path of RCPT as it is between the brackets.
        Recipient {
            scope: Scope::Transaction,
            close: Close::Envelope,
            learned: Learned::Always,
            order: 40,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("recipient address"),
            asa: None,
            mnemonic: "SMTP_RECIPIENT_ADDRESS",
            subject: "SMTP recipient address",
            refusal: RefusalReason::Policy,
        }
        /// One field of the message's header, unfolded: `Name: value`.
        Header {
            scope: Scope::Message,
            close: Close::Header,
            learned: Learned::HeaderFields,
            order: 90,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("header"),
            asa: None,
            mnemonic: "SMTP_HEADER_REGEX",
            subject: "SMTP header",
            refusal: RefusalReason::Policy,
        }
        /// The value of a Content-Type field, unfolded, with its parameters.
        ContentType {
            scope: Scope::Part,
            close: Close::PartHeader,
            learned: Learned::PartHeaders,
            order: 100,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("mime content-type"),
            asa: None,
            mnemonic: "SMTP_MIME_CONTENT_TYPE",
            subject: "SMTP MIME content type",
            refusal: RefusalReason::Policy,
        }
        /// Text of the message's body, line by line.
        Body {
            scope: Scope::Part,
            close: Close::Data,
            learned: Learned::BodyText,
            order: 120,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("body"),
            asa: None,
            mnemonic: "SMTP_BODY_REGEX",
            subject: "SMTP body",
            refusal: RefusalReason::Policy,
        }
        /// The media type of a part that names a file, and the name.
        FileType {
            scope: Scope::Part,
            close: Close::PartFile,
            learned: Learned::PartHeaders,
            order: 112,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: None,
            asa: Some("mime filetype"),
            mnemonic: "SMTP_MIME_FILE_TYPE",
            subject: "SMTP MIME file type",
            refusal: RefusalReason::Policy,
        }
    }

    /// A number that only grows within its scope; a rule asks whether it has passed a limit.
    Counter {
        /// Bytes of one command line, line end included.
        CommandLength {
            scope: Scope::Command,
            close: Close::Command,
            learned: Learned::Always,
            order: 10,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("cmd line length"),
            asa: Some("cmd line length"),
            mnemonic: "SMTP_COMMAND_LENGTH",
            subject: "SMTP command line length",
            refusal: RefusalReason::Policy,
        }
        /// RCPT commands in one transaction.
        Recipients {
            scope: Scope::Transaction,
            close: Close::Envelope,
            learned: Learned::Always,
            order: 50,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("recipient count"),
            asa: Some("cmd RCPT count"),
            mnemonic: "SMTP_RECIPIENT_COUNT",
            subject: "SMTP recipient count",
            refusal: RefusalReason::RecipientLimit,
        }
        /// RCPT commands that the server refused for good, on the whole connection.
        InvalidRecipients {
            scope: Scope::Session,
            close: Close::Envelope,
            learned: Learned::Always,
            order: 70,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("recipient invalid count"),
            asa: Some("invalid-recipients count"),
            mnemonic: "SMTP_INVALID_RECIPIENT_COUNT",
            subject: "SMTP invalid recipient count",
            refusal: RefusalReason::InvalidRecipientLimit,
        }
        /// Bytes of a message's header, line ends included.
        HeaderLength {
            scope: Scope::Message,
            close: Close::Header,
            learned: Learned::Always,
            order: 80,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("header length"),
            asa: Some("header length"),
            mnemonic: "SMTP_HEADER_LENGTH",
            subject: "SMTP header length",
            refusal: RefusalReason::HeaderTooLong,
        }
        /// Bytes of message data, on the whole connection.
        DataLength {
            scope: Scope::Session,
            close: Close::Data,
            learned: Learned::Always,
            order: 130,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("data-length"),
            asa: None,
            mnemonic: "SMTP_DATA_LENGTH",
            subject: "SMTP data length",
            refusal: RefusalReason::TooMuchData,
        }
        /// Bytes of the reverse-path, without its brackets.
        SenderLength {
            scope: Scope::Transaction,
            close: Close::Envelope,
            learned: Learned::Always,
            order: 28,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: None,
            asa: Some("sender-address length"),
            mnemonic: "SMTP_SENDER_LENGTH",
            subject: "SMTP sender address length",
            refusal: RefusalReason::Policy,
        }
        /// Bytes of a line of a message's header, without its line end.
        HeaderLineLength {
            scope: Scope::Message,
            close: Close::Header,
            learned: Learned::HeaderLines,
            order: 75,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: None,
            asa: Some("header line length"),
            mnemonic: "SMTP_HEADER_LINE_LENGTH",
            subject: "SMTP header line length",
            refusal: RefusalReason::HeaderTooLong,
        }
        /// Addresses in the To fields of a message.
        ToAddresses {
            scope: Scope::Message,
            close: Close::Header,
            learned: Learned::HeaderFields,
            order: 85,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: None,
            asa: Some("header to-fields count"),
            mnemonic: "SMTP_TO_FIELDS_COUNT",
            subject: "SMTP addresses in To",
            refusal: RefusalReason::Policy,
        }
        /// Bytes of the decoded name of a file.
        FilenameLength {
            scope: Scope::Part,
            close: Close::PartFile,
            learned: Learned::PartHeaders,
            order: 114,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: None,
            asa: Some("MIME filename length"),
            mnemonic: "SMTP_MIME_FILENAME_LENGTH",
            subject: "SMTP MIME filename length",
            refusal: RefusalReason::Policy,
        }
        /// Bytes of a line of a message's body, without its line end.
        BodyLineLength {
            scope: Scope::Message,
            close: Close::Data,
            learned: Learned::BodyLines,
            order: 122,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: None,
            asa: Some("body line length"),
            mnemonic: "SMTP_BODY_LINE_LENGTH",
            subject: "SMTP body line length",
            refusal: RefusalReason::LineTooLong,
        }
        /// Bytes of a message's body.
        BodyLength {
            scope: Scope::Message,
            close: Close::Data,
            learned: Learned::Always,
            order: 124,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: None,
            asa: Some("body length"),
            mnemonic: "SMTP_BODY_LENGTH",
            subject: "SMTP body length",
            refusal: RefusalReason::TooMuchData,
        }
    }

    /// A word that is compared whole, in any case.
    Word {
        /// The verb of a command.
        Verb {
            scope: Scope::Command,
            close: Close::Command,
            learned: Learned::Always,
            order: 20,
            hidden_by_encryption: true,
            maskable: true,
            c3pl: Some("cmd verb"),
            asa: Some("cmd verb"),
            mnemonic: "SMTP_COMMAND_VERB",
            subject: "SMTP command verb",
            refusal: RefusalReason::Policy,
        }
        /// One keyword of an EHLO reply, without its parameters. The reply before STARTTLS is in clear.
        EhloKeyword {
            scope: Scope::Keyword,
            close: Close::Keyword,
            learned: Learned::Always,
            order: 60,
            hidden_by_encryption: false,
            maskable: true,
            c3pl: Some("reply ehlo"),
            asa: Some("ehlo-reply-parameter"),
            mnemonic: "SMTP_EHLO_REPLY",
            subject: "SMTP EHLO reply",
            refusal: RefusalReason::Policy,
        }
        /// The value of a Content-Transfer-Encoding field (RFC 2045 §6.1).
        Encoding {
            scope: Scope::Part,
            close: Close::PartHeader,
            learned: Learned::PartHeaders,
            order: 110,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("mime encoding"),
            asa: Some("mime encoding"),
            mnemonic: "SMTP_MIME_ENCODING",
            subject: "SMTP MIME encoding",
            refusal: RefusalReason::Policy,
        }
        /// The domain of a recipient, when it is not the one that mail is accepted for.
        RelayDomain {
            scope: Scope::Command,
            close: Close::Command,
            learned: Learned::Always,
            order: 45,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: None,
            asa: Some("mail-relay"),
            mnemonic: "SMTP_MAIL_RELAY",
            subject: "SMTP mail relay",
            refusal: RefusalReason::Policy,
        }
        /// A character in the path of MAIL or RCPT that some server has obeyed: `|`, `` ` `` or NUL.
        AddressCharacter {
            scope: Scope::Command,
            close: Close::Command,
            learned: Learned::Always,
            order: 25,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: None,
            asa: Some("special-character"),
            mnemonic: "SMTP_SPECIAL_CHARACTER",
            subject: "SMTP special character",
            refusal: RefusalReason::Policy,
        }
    }

    /// What is told of a command as it is, without an argument.
    Sign {
        /// A POP3 or IMAP command that is not valid before the login.
        InvalidCommand {
            scope: Scope::Command,
            close: Close::Command,
            learned: Learned::Always,
            order: 140,
            hidden_by_encryption: true,
            maskable: false,
            c3pl: Some("invalid-command"),
            asa: None,
            mnemonic: "INVALID_COMMAND",
            subject: "invalid command",
            refusal: RefusalReason::Policy,
        }
        /// A POP3 or IMAP login that shows the password to whoever can read along.
        ClearTextLogin {
            scope: Scope::Command,
            close: Close::Command,
            learned: Learned::Always,
            order: 150,
            hidden_by_encryption: false,
            maskable: false,
            c3pl: Some("login clear-text"),
            asa: None,
            mnemonic: "NON_SECURE_LOGIN",
            subject: "clear-text login",
            refusal: RefusalReason::Policy,
        }
    }
}

impl Criterion {
    /// Its row; nothing for `match protocol smtp`, which is true of every session and so no condition.
    pub const fn kind(&self) -> Option<CriterionKind> {
        Some(match self {
            Self::Protocol => return None,
            Self::Regex { text, .. } => text.kind(),
            Self::Count { counter, .. } => counter.kind(),
            Self::CommandVerb { .. } => CriterionKind::Verb,
            Self::MimeEncoding { .. } => CriterionKind::Encoding,
            Self::EhloReply { .. } => CriterionKind::EhloKeyword,
            Self::Sign(sign) => sign.kind(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A line of a class of C3PL that asks for the criterion, with some argument; nothing if it has none.
    fn line(kind: CriterionKind) -> Option<String> {
        let words = kind.row().c3pl?;
        Some(match kind.reads() {
            Reads::Text(_) => format!("match {words} regex r"),
            Reads::Counter(_) => format!("match {words} gt 10"),
            Reads::Word(Word::Verb) => format!("match {words} NOOP"),
            Reads::Word(Word::EhloKeyword) => format!("match {words} DSN"),
            Reads::Word(Word::Encoding) => format!("match {words} base64"),
            Reads::Word(Word::RelayDomain | Word::AddressCharacter) => return None,
            Reads::Sign(_) => format!("match {words}"),
        })
    }

    #[test]
    fn every_row_has_every_column_and_shares_no_name_or_place_with_another() {
        let rows = || CriterionKind::ALL.iter().map(|kind| kind.row());
        let columns: [fn(&Row) -> Option<&str>; 4] =
            [|row| row.c3pl, |row| row.asa, |row| Some(row.mnemonic), |row| Some(row.subject)];
        for column in columns {
            let names: Vec<&str> = rows().filter_map(column).collect();
            assert!(names.iter().all(|name| !name.is_empty()));
            assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        }
        assert!(rows().all(|row| row.c3pl.is_some() || row.asa.is_some()), "every criterion is of a dialect");
        assert_eq!(rows().map(|row| row.order).collect::<HashSet<_>>().len(), CriterionKind::ALL.len());
        assert_eq!(CriterionKind::ALL.len(), Text::COUNT + Counter::COUNT + Word::COUNT + Sign::COUNT);
    }

    #[test]
    fn every_criterion_can_be_typed_as_it_is_printed() {
        for (kind, line) in CriterionKind::ALL.iter().filter_map(|&kind| Some((kind, line(kind)?))) {
            let protocol = if matches!(kind.reads(), Reads::Sign(_)) { "pop3" } else { "smtp" };
            let text = format!(
                "parameter-map type regex r\n pattern x\n!\n\
                 class-map type inspect {protocol} match-any c\n {line}\n!\n"
            );
            let loaded = crate::load("test", text.as_bytes());
            let configuration =
                loaded.configuration.unwrap_or_else(|| panic!("{line}: {:?}", loaded.diagnostics));
            let class = configuration.l7_classes.iter().next().unwrap();
            let condition = &class.conditions[0];
            assert_eq!(condition.criterion.kind(), Some(kind), "{line}");
            assert_eq!(condition.to_string(), line);
        }
    }
}

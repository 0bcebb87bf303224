//! Everything worth reporting, typed. Renderers turn it into log lines and JSON.

use std::fmt;
use std::num::NonZeroU16;

use policy::criterion::CriterionKind;
use policy::model::Action;
use policy::scope::Scope;

pub use crate::anomaly::{Anomaly, AnomalyKind, Treatment};
pub use crate::observed::{MessageSize, Observed, Via};

/// Something that happened in a session. Values borrow from the wire: they are as received, and must be
/// escaped before anybody reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// The server was reached, and the session begins.
    SessionStart,
    /// A transaction ended.
    Transaction(Transaction<'b>),
    /// A class matched.
    Match(Match<'b>),
    /// A peer did what its protocol does not allow.
    Anomaly(Anomaly<'b>),
    /// TLS began, and these criteria can no longer match.
    Tls {
        /// As written in the policy.
        criteria: &'b [&'b str],
    },
    /// A client logged in, or tried to.
    Login(Login<'b>),
    /// The client got a reply. Recorded dialogues do not report them.
    Reply(Reply),
    /// A unit of a recorded dialogue; live sessions do not report them.
    Observed(Observed<'b>),
}

/// A reply that the client got: the greeting, one to a command or one to a message. It says nothing of what was answered,
/// and is there to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reply {
    pub by: Author,
    pub code: ReplyCode,
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Author {
    Server,
    /// We did, in place of the server.
    Ours,
}

impl Author {
    /// The word in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Ours => "mailwarden",
        }
    }
}

/// What a reply begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReplyCode {
    /// Of SMTP (RFC 5321 §4.2), 100 to 999.
    Number(u16),
    /// Of POP3 (`+OK`, `-ERR`) or IMAP (`OK`, `NO`, `BAD`, `BYE`).
    Word(&'static str),
}

impl ReplyCode {
    /// The word of a line of POP3 or IMAP that ends what was asked.
    pub(crate) fn of_mailbox(line: &str) -> Option<Self> {
        const WORDS: [&str; 6] = ["+OK", "-ERR", "OK", "NO", "BAD", "BYE"];
        let mut words = line.split_ascii_whitespace();
        let known = |word: &str| WORDS.into_iter().find(|known| known.eq_ignore_ascii_case(word));
        let first = words.next()?;
        // POP3 begins with its word, IMAP with a tag.
        let is_pop3 = first.starts_with(['+', '-']);
        known(if is_pop3 { first } else { words.next()? }).map(Self::Word)
    }
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(code) => code.fmt(out),
            Self::Word(word) => word.fmt(out),
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Both peers closed.
    Closed,
    /// A rule, or conformance, ended it.
    Refused,
    /// No server could be reached.
    ServerUnreachable,
    /// The server closed, or did not answer, while replies were owed.
    ServerLost,
    /// The client was reset, or closed within a message.
    ClientLost,
    /// Neither side sent anything for too long.
    Idle,
    /// The program is shutting down, or an operator ended the session.
    Drained,
}

impl Reason {
    pub const ALL: [Self; 7] = [
        Self::Closed,
        Self::Refused,
        Self::ServerUnreachable,
        Self::ServerLost,
        Self::ClientLost,
        Self::Idle,
        Self::Drained,
    ];

    /// The word in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Refused => "refused",
            Self::ServerUnreachable => "server-unreachable",
            Self::ServerLost => "server-lost",
            Self::ClientLost => "client-lost",
            Self::Idle => "idle",
            Self::Drained => "drained",
        }
    }
}

/// A mail transaction (RFC 5321 §3.3), when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction<'b> {
    /// Which transaction of the session, from 0.
    pub number: u32,
    /// What the client called itself in HELO, EHLO or LHLO, at most 256 bytes; empty where it did not, and where
    /// events tell nothing of mail, as are all texts but the sender.
    pub helo: &'b [u8],
    /// The reverse-path between the brackets; empty also where no MAIL was seen.
    pub sender: &'b [u8],
    /// RCPT commands.
    pub recipients: u32,
    /// The first of them, in order; the others only count.
    pub listed: &'b [Recipient<'b>],
    /// RCPT commands that the server accepted.
    pub accepted: u32,
    /// How the message was sent; `Data` where none was.
    pub via: Via,
    /// Absent if no message was sent, or not all of it.
    pub message: Option<MessageSize>,
    /// The value of its first Message-ID field.
    pub message_id: Option<&'b [u8]>,
    /// The value of its first Subject field, encoded as it came; absent also where events do not tell it.
    pub subject: Option<&'b [u8]>,
    /// Its first parts in document order, containers included.
    pub parts: &'b [Part<'b>],
    /// How many parts are not among them.
    pub more_parts: u32,
    pub outcome: Outcome,
    /// The code of the server's reply to the end of data, or of ours.
    /// Of LMTP, which answers each recipient, the highest.
    pub reply: Option<u16>,
    /// What that reply said behind its code: of several lines all, joined by blanks; of several replies the last.
    pub reply_text: &'b [u8],
    /// The codes of the replies to the end of data for each accepted recipient, in the order of the RCPT
    /// commands, as in LMTP (RFC 2033 §4.2); empty where one reply is for all.
    pub replies: &'b [u16],
}

/// What RCPT named, and how it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient<'b> {
    /// The forward-path between the brackets, at most 256 bytes.
    pub address: &'b [u8],
    /// The code of the server's reply, or of ours; absent where none came.
    pub reply: Option<u16>,
}

/// What the header of a part says of it, each at most 256 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'b> {
    /// `type/subtype` in lower case.
    pub content_type: &'b [u8],
    /// In lower case.
    pub encoding: Option<&'b [u8]>,
    /// Decoded (RFC 2231, RFC 2047).
    pub filename: Option<&'b [u8]>,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server took the message, for one recipient at least.
    Accepted,
    /// The server refused the message, or what had to come before it.
    RefusedByServer,
    /// A rule did, or conformance.
    RefusedByPolicy,
    /// Nobody did: the client or the server left, or began anew.
    Unfinished,
}

impl Outcome {
    pub const ALL: [Self; 4] =
        [Self::Accepted, Self::RefusedByServer, Self::RefusedByPolicy, Self::Unfinished];

    /// The word in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::RefusedByServer => "refused_by_server",
            Self::RefusedByPolicy => "refused_by_policy",
            Self::Unfinished => "unfinished",
        }
    }
}

/// An attempt to log in, to a mailbox or by AUTH of SMTP (RFC 4954).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login<'b> {
    /// The command (`USER`, `APOP`, `LOGIN`) or the SASL mechanism, in upper case; empty if it is not known.
    pub mechanism: &'b [u8],
    /// The account in lower case, where failed logins are limited and it could be read; never to be logged.
    pub account: Option<&'b [u8]>,
    /// Whether the password could be read on the way.
    pub is_clear_text: bool,
    pub outcome: LoginOutcome,
}

/// How an attempt to log in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    Accepted,
    RefusedByServer,
    RefusedByPolicy,
    /// The server says that it tried nothing, or cannot just now: nothing is known of the password.
    NotTried,
    /// The client gave it up.
    Cancelled,
}

impl LoginOutcome {
    pub const ALL: [Self; 5] =
        [Self::Accepted, Self::RefusedByServer, Self::RefusedByPolicy, Self::NotTried, Self::Cancelled];

    /// The word in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::RefusedByServer => "refused_by_server",
            Self::RefusedByPolicy => "refused_by_policy",
            Self::NotTried => "not_tried",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A class that matched, with the condition that made it match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'b> {
    /// Name of the policy.
    pub policy: &'b str,
    /// Name of the class.
    pub class: &'b str,
    /// The condition, as written in the policy.
    pub criterion: &'b str,
    /// What the condition asks.
    pub kind: CriterionKind,
    /// How long the condition stays true.
    pub scope: Scope,
    /// What made the condition true, as received, at most 256 bytes.
    pub value: &'b [u8],
    /// Absent where the class only logs.
    pub action: Option<Action>,
    /// Whether the class says `log`.
    pub log: bool,
    /// Which transaction of the session, from 0; absent outside of one.
    pub transaction: Option<u32>,
    /// Its sender, once MAIL is known, at most 256 bytes.
    pub sender: Option<&'b [u8]>,
    /// Names a refusal by the class in the reply to the client; absent where it refuses nothing.
    pub reference: Option<Reference>,
    /// 1 where it is reported the first time in its session; else it is summed up at the end, and this is
    /// how often it happened in all.
    pub count: u32,
}

/// Names a refusal, in the reply to the client and in the report of it: `3f2a91-7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What the driver names the session by, of which 24 bits are used.
    pub session: u32,
    /// Which reference of the session.
    pub number: NonZeroU16,
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:06x}-{}", self.session & 0xFF_FFFF, self.number)
    }
}

impl Match<'_> {
    /// The action in the words of a policy.
    pub const fn action_name(&self) -> &'static str {
        match self.action {
            None => "log",
            Some(action) => action.keyword(),
        }
    }
}

//! Every thing worth reporting, typed. Renderers turn it into syslog lines and JSON.

use policy::fact::{Kind, Scope};
use policy::model::Action;
use proto::Side;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// The server connection stands.
    SessionStart,
    /// A message was answered, or given up.
    Transaction(Transaction<'b>),
    /// A class acted.
    Match(Match<'b>),
    Anomaly(Anomaly<'b>),
    /// The session went on encrypted: what can no longer be seen.
    Tls {
        criteria: &'b [&'b str],
    },
    /// A unit of an observed dialogue; never told of a session that is enforced.
    Observed(Observed<'b>),
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Both peers said all they had to say.
    Closed,
    /// A class of the policy, or the conformance table, ended it.
    Refused,
    ServerUnreachable,
    ServerLost,
    ClientLost,
    Idle,
    /// The daemon is going down.
    Drained,
}

impl Reason {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction<'b> {
    pub number: u32,
    pub sender: &'b [u8],
    pub recipients: u32,
    pub accepted: u32,
    pub via: Via,
    /// Nothing of a message that was not sent, or not all of it.
    pub message: Option<MessageSize>,
    /// The server's answer to the end of data, or ours.
    pub reply: Option<u16>,
}

/// How a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Data,
    Bdat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageSize {
    pub header_bytes: u64,
    pub body_bytes: u64,
    pub longest_header_line: u64,
    pub longest_body_line: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'b> {
    pub policy: &'b str,
    pub class: &'b str,
    pub criterion: &'b str,
    pub kind: Kind,
    pub scope: Scope,
    /// What made it true, as received, at most 256 octets. Never rendered raw.
    pub value: &'b [u8],
    /// Nothing where the class only logs.
    pub action: Option<Action>,
    /// Whether the class says `log`.
    pub log: bool,
    pub transaction: Option<u32>,
}

impl Match<'_> {
    /// The word of a policy for what was done.
    pub const fn action_name(&self) -> &'static str {
        match self.action {
            None => "log",
            Some(Action::Allow) => "allow",
            Some(Action::Reset) => "reset",
            Some(Action::Mask) => "mask",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anomaly<'b> {
    pub kind: AnomalyKind,
    pub from: Side,
    pub value: &'b [u8],
    pub treatment: Treatment,
}

/// What conformance does about an anomaly, from the mildest to the hardest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Treatment {
    /// Passed on, in canonical form where the wire demands one; an event, but no alert.
    Silent,
    /// Passed on unchanged, and reported.
    Logged,
    /// Rewritten in canonical form, or held until it is in order.
    Normalized,
    /// Overwritten at equal length, so that the server does not know it.
    Masked,
    /// Answered with an error and not forwarded.
    Refused,
    /// The session is ended.
    Reset,
}

impl Treatment {
    /// The word in events and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Logged => "logged",
            Self::Normalized => "normalized",
            Self::Masked => "masked",
            Self::Refused => "refused",
            Self::Reset => "reset",
        }
    }
}

macro_rules! anomalies {
    ($($variant:ident = $name:literal, $what:literal;)*) => {
        /// What a peer did that its protocol does not allow, or that a bound of ours does not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AnomalyKind { $(#[doc = $what] $variant,)* }

        impl AnomalyKind {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence for the manual.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }
        }
    };
}

anomalies! {
    BareLf = "bare-lf", "A line feed without its carriage return, in message data.";
    BareCr = "bare-cr", "A carriage return without its line feed, in message data.";
    Nul = "nul-in-data", "A NUL octet in message data.";
    EndLookAlike = "end-of-data-look-alike", "Octets that some servers take for the end of a message.";
    CommandBareLf = "command-bare-lf", "A command line that ends in a bare line feed.";
    ReplyBareLf = "reply-bare-lf", "A reply line that ends in a bare line feed.";
    CommandControl = "control-in-command", "A control octet in a command line.";
    CommandEightBit = "eight-bit-in-command", "An octet above 127 in a command line without SMTPUTF8.";
    CommandTooLong = "command-too-long", "A command line over its bound.";
    EarlyTalker = "early-talker", "The client spoke before the server's greeting.";
    Unpipelined = "pipelining-not-offered", "The client did not wait for a reply, and the server offers no PIPELINING.";
    TlsInjection = "octets-behind-starttls", "Octets in clear behind STARTTLS.";
    NotSmtp = "not-smtp", "The client began with a request of another protocol, or with binary octets.";
    UnaskedReply = "unasked-reply", "A reply that no command asked for.";
    BadReply = "bad-reply", "A line of the server that is no reply line.";
    EndlessReply = "endless-reply", "A reply over its bound.";
    HostilePath = "hostile-path", "A path that some server takes for a command.";
    UnreadablePath = "unreadable-path", "An argument of MAIL or RCPT that has no path.";
    ChunkFlaw = "bare-octet-in-chunk", "A bare line end or a NUL in a BDAT chunk without BODY=BINARYMIME.";
    LongField = "long-header-field", "A header field over 64 KiB.";
    LongHeader = "long-header", "A message header over its bound.";
    MimeDepth = "mime-depth", "MIME parts nested deeper than is followed.";
    MimeParts = "mime-parts", "More MIME parts than are followed.";
    MimeReadings = "mime-readings", "More that describes a MIME part, or longer, than is followed.";
    RepeatedMimeField = "repeated-mime-field", "Content-Type or Content-Transfer-Encoding more than once.";
    BadChunk = "bad-chunk", "A BDAT command whose size cannot be read.";
    UnofferedChunk = "chunk-not-offered", "A BDAT command although the server offers no CHUNKING.";
    UnknownVerb = "unknown-verb", "A verb that the dialect does not know, or that was not offered: masked.";
    LockedParameter = "locked-parameter", "A parameter whose extension was masked.";
    Surplus = "surplus-recipients", "More recipients over the limit than are answered one by one.";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed<'b> {
    /// The greeting, whole.
    Banner {
        text: &'b [u8],
    },
    /// The keywords and parameters of an EHLO reply line behind the first.
    Capability {
        text: &'b [u8],
    },
    /// A command; numbered from 0.
    Command {
        number: u32,
        verb: &'b [u8],
        argument: &'b [u8],
    },
    /// The final line of a reply to a command.
    Reply {
        number: u32,
        code: u16,
    },
    /// A transaction begins with MAIL.
    Begin {
        transaction: u32,
        sender: &'b [u8],
    },
    Recipient {
        transaction: u32,
        number: u32,
        address: &'b [u8],
    },
    /// One part of the message, in document order.
    Part {
        transaction: u32,
        content_type: &'b [u8],
        encoding: Option<&'b [u8]>,
        filename: Option<&'b [u8]>,
    },
    /// The message of a transaction, when it ended or was cut off.
    Message {
        transaction: u32,
        via: Via,
        size: MessageSize,
        complete: bool,
    },
    /// An answer to a message: to its end, or to a chunk of it.
    MessageReply {
        transaction: u32,
        code: u16,
    },
    /// STARTTLS was accepted.
    StartTls,
}

//! What a rule can ask, and at which point of a session it is decided.

/// How long a condition stays true: session ⊃ transaction ⊃ {command, keyword, message ⊃ part}.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    Session,
    Transaction,
    Message,
    Part,
    Command,
    Keyword,
}

impl Scope {
    pub const ALL: [Self; 6] =
        [Self::Session, Self::Transaction, Self::Message, Self::Part, Self::Command, Self::Keyword];

    /// Whether a condition of this scope ends when `other` begins anew.
    pub fn ends_with(self, other: Self) -> bool {
        match other {
            Self::Session => true,
            Self::Transaction => self != Self::Session,
            Self::Message => matches!(self, Self::Message | Self::Part),
            Self::Part | Self::Command | Self::Keyword => self == other,
        }
    }

    /// Whether there are many of it in one transaction, so that conditions must meet in the same one.
    pub const fn is_instance(self) -> bool {
        matches!(self, Self::Part | Self::Command | Self::Keyword)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
            Self::Message => "message",
            Self::Part => "part",
            Self::Command => "command",
            Self::Keyword => "reply",
        }
    }
}

/// A number that only grows within its scope; a rule asks whether it has passed a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counter {
    /// Octets of one command line, line end included.
    CommandLength,
    /// RCPT commands in one transaction.
    Recipients,
    /// RCPT commands the server refused for good, on the whole connection.
    InvalidRecipients,
    /// Octets of a message's header, line ends included.
    HeaderLength,
    /// Octets of message data, on the whole connection.
    DataLength,
}

impl Counter {
    pub const COUNT: usize = 5;
}

/// A text that patterns are searched in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    Sender,
    Recipient,
    Header,
    ContentType,
    Body,
}

impl Text {
    pub const COUNT: usize = 5;
}

/// One thing learned of a session. The engine tells it; rules alone decide what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact<'b> {
    /// The verb as typed.
    Verb(&'b [u8]),
    /// The reverse-path as it stands between the brackets; `<>` is the empty text.
    Sender(&'b [u8]),
    Recipient(&'b [u8]),
    /// One keyword of an EHLO reply, without its parameters.
    Keyword(&'b [u8]),
    /// One field of the message's header, unfolded: `Name: value`.
    HeaderField(&'b [u8]),
    /// The value of a Content-Type field, unfolded, with its parameters.
    ContentType(&'b [u8]),
    /// The value of a Content-Transfer-Encoding field, in lower case.
    Encoding(&'b [u8]),
    Count(Counter, u64),
}

/// The points at which `match not` is decided: nothing more can make its criterion true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    Command,
    Keyword,
    /// DATA or the first BDAT: sender and recipients are known.
    Envelope,
    Header,
    PartHeader,
    Data,
}

/// What a condition asks, without its argument: chooses the message a match is reported with, and
/// the reply a refusal is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    SenderAddress,
    RecipientAddress,
    RecipientCount,
    InvalidRecipientCount,
    CommandLength,
    CommandVerb,
    HeaderLength,
    HeaderRegex,
    BodyRegex,
    MimeContentType,
    MimeEncoding,
    EhloReply,
    DataLength,
}

impl Kind {
    /// How long a condition of this kind stays true.
    pub const fn scope(self) -> Scope {
        match self {
            Self::SenderAddress | Self::RecipientAddress | Self::RecipientCount => Scope::Transaction,
            Self::InvalidRecipientCount | Self::DataLength => Scope::Session,
            Self::CommandLength | Self::CommandVerb => Scope::Command,
            Self::HeaderLength | Self::HeaderRegex => Scope::Message,
            Self::BodyRegex | Self::MimeContentType | Self::MimeEncoding => Scope::Part,
            Self::EhloReply => Scope::Keyword,
        }
    }

    /// When `match not` of a condition of this kind is decided.
    pub const fn close(self) -> Close {
        match self {
            Self::SenderAddress
            | Self::RecipientAddress
            | Self::RecipientCount
            | Self::InvalidRecipientCount => Close::Envelope,
            Self::CommandLength | Self::CommandVerb => Close::Command,
            Self::EhloReply => Close::Keyword,
            Self::HeaderLength | Self::HeaderRegex => Close::Header,
            Self::MimeContentType | Self::MimeEncoding => Close::PartHeader,
            Self::BodyRegex | Self::DataLength => Close::Data,
        }
    }

    /// Where a dialect that tries rules by criterion puts this kind: the lower, the earlier.
    pub const fn order(self) -> u8 {
        match self {
            Self::CommandLength => 10,
            Self::CommandVerb => 20,
            Self::SenderAddress => 30,
            Self::RecipientAddress => 40,
            Self::RecipientCount => 50,
            Self::EhloReply => 60,
            Self::InvalidRecipientCount => 70,
            Self::HeaderLength => 80,
            Self::HeaderRegex => 90,
            Self::MimeContentType => 100,
            Self::MimeEncoding => 110,
            Self::BodyRegex => 120,
            Self::DataLength => 130,
        }
    }

    /// Whether only the content of a message, which encryption hides, can make it true.
    pub const fn is_content(self) -> bool {
        !matches!(self, Self::EhloReply)
    }
}

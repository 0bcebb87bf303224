//! How long what a session learned holds, and at which point `match not` is decided.

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

/// The points at which `match not` is decided: nothing more can make its criterion true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    Command,
    Keyword,
    /// DATA or the first BDAT: sender and recipients are known.
    Envelope,
    Header,
    PartHeader,
    /// The header of a part that names a file.
    PartFile,
    Data,
}

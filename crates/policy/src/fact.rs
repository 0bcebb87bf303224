//! What a rule can ask, and at which point of a session.

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

/// One thing learned of a session. The engine tells it; rules alone decide what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact<'b> {
    /// Length of the command line with its line end.
    CommandLength(usize),
    /// The verb token as typed.
    Verb(&'b [u8]),
    /// The reverse-path as it stands between the brackets; `<>` is the empty text.
    Sender(&'b [u8]),
    Recipient(&'b [u8]),
    RecipientCount(u32),
    InvalidRecipientCount(u32),
    /// One keyword of an EHLO reply, without its parameters.
    Keyword(&'b [u8]),
    /// One header field, unfolded: `Name: value`.
    Header(&'b [u8]),
    HeaderLength(u64),
    /// The value of a Content-Type field, lower case, with its parameters.
    ContentType(&'b [u8]),
    /// A Content-Transfer-Encoding value.
    ContentEncoding(&'b [u8]),
    DataLength(u64),
}

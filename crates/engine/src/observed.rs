//! The units of a recorded dialogue, as they are reported to a replay.

/// A unit of a recorded dialogue. `number` is that of a command, `transaction` that of a transaction of the
/// session, both from 0; texts are as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed<'b> {
    /// A line of the greeting.
    Banner { text: &'b [u8] },
    /// A line of an EHLO reply after the first: a keyword and its parameters.
    Capability { text: &'b [u8] },
    /// A command line.
    Command { number: u32, verb: &'b [u8], argument: &'b [u8] },
    /// The final line of a reply to a command.
    Reply { number: u32, code: u16 },
    /// How a mailbox answered a command: `+OK`, `OK`, `NO` and so on.
    Answer { number: u32, status: &'static str },
    /// A transaction begins with MAIL.
    Begin { transaction: u32, sender: &'b [u8] },
    /// RCPT within a transaction; `address` is its path between the brackets.
    Recipient { transaction: u32, number: u32, address: &'b [u8] },
    /// A reading of one part of the message, in document order; `number` is that of the part. The `first` is
    /// what most readers see, the others what some see, of that part or of one that only they see.
    Part {
        transaction: u32,
        number: u32,
        first: bool,
        content_type: &'b [u8],
        encoding: Option<&'b [u8]>,
        filename: Option<&'b [u8]>,
    },
    /// The message of a transaction, when it ended (`complete`) or was cut off.
    Message { transaction: u32, via: Via, size: MessageSize, complete: bool },
    /// A reply to a message: to its end, or to a chunk of it.
    MessageReply { transaction: u32, code: u16 },
    /// STARTTLS was accepted.
    StartTls,
}

/// How a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Data,
    Bdat,
}

impl Via {
    /// The verb that carried it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Data => "DATA",
            Self::Bdat => "BDAT",
        }
    }
}

/// The size of a message as received, after dot-unstuffing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageSize {
    /// Bytes of the header, line ends included, without the blank line that ends it.
    pub header_bytes: u64,
    /// Bytes after that blank line, line ends included.
    pub body_bytes: u64,
    /// Bytes of the longest line of the header, without its line end.
    pub longest_header_line: u64,
    /// Bytes of the longest line of the body, without its line end.
    pub longest_body_line: u64,
}

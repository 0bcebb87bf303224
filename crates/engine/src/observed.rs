//! What an observer of a recorded dialogue is told of each of its units.

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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageSize {
    pub header_bytes: u64,
    pub body_bytes: u64,
    pub longest_header_line: u64,
    pub longest_body_line: u64,
}

//! One mail transaction (RFC 5321 §3.3).

use crate::event::{self, Via};
use crate::message::Message;
use crate::refusal::Refusal;

/// A transaction from MAIL to the reply to its end of data, or to what undoes it.
#[derive(Debug)]
pub(crate) struct OpenTransaction {
    pub(crate) number: u32,
    pub(crate) sender: Box<[u8]>,
    /// MAIL is not answered yet; a negative reply undoes the transaction.
    pub(crate) provisional: bool,
    /// MAIL began it.
    pub(crate) has_mail: bool,
    /// MAIL was refused while a chunk was under way: it is over when the chunk is answered, and takes nothing more.
    pub(crate) refused: bool,
    /// RCPT commands, whoever answered them and how.
    pub(crate) recipients: u32,
    /// RCPT commands the server accepted.
    pub(crate) accepted: u32,
    /// RCPT commands answered by us because a recipient limit was passed.
    pub(crate) surplus: u32,
    /// The refusal of the first recipient over a limit, when the session goes on.
    pub(crate) over_limit: Option<Refusal>,
    /// `SIZE=` of MAIL.
    pub(crate) declared: Option<u64>,
    /// `BODY=BINARYMIME` of MAIL.
    pub(crate) binary: bool,
    pub(crate) utf8: bool,
    /// `EXDATA` of MAIL: the reply to the message may have a code of its own for each recipient.
    pub(crate) exdata: bool,
    /// Addresses in the To fields of its message.
    pub(crate) to_addresses: u64,
    /// The last chunk ended in a CR.
    pub(crate) after_cr: bool,
    pub(crate) message: Option<Box<Message>>,
    /// The codes of the replies that the message has for each recipient, in LMTP and with PRDR.
    pub(crate) replies: Vec<u16>,
    /// The message was reported to an observer.
    pub(crate) observed: bool,
    /// The server of a recording accepted the message before it ended: its next replies answer what it took
    /// for commands.
    pub(crate) taken_early: bool,
}

impl OpenTransaction {
    pub(crate) fn new(number: u32, sender: &[u8]) -> Self {
        Self {
            number,
            sender: sender.into(),
            provisional: true,
            has_mail: true,
            refused: false,
            recipients: 0,
            accepted: 0,
            surplus: 0,
            over_limit: None,
            declared: None,
            binary: false,
            utf8: false,
            exdata: false,
            to_addresses: 0,
            after_cr: false,
            message: None,
            replies: Vec::new(),
            observed: false,
            taken_early: false,
        }
    }

    /// For a message that came without MAIL: no reply will confirm or undo it.
    pub(crate) fn without_mail(number: u32) -> Self {
        Self { provisional: false, has_mail: false, ..Self::new(number, b"") }
    }

    pub(crate) fn event(&self, reply: Option<u16>) -> event::Transaction<'_> {
        event::Transaction {
            number: self.number,
            sender: &self.sender,
            recipients: self.recipients,
            accepted: self.accepted,
            via: self.message.as_ref().map_or(Via::Data, |message| message.via()),
            message: self.message.as_ref().filter(|message| message.is_whole()).map(|message| message.size()),
            reply,
            replies: &self.replies,
        }
    }
}

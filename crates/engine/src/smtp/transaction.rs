//! One mail transaction (RFC 5321 §3.3).

use super::particulars::Particulars;
use crate::context::Context;
use crate::event::{self, Event, Outcome, Via};
use crate::inspector::Within;
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
    /// What is to be reported of it beside that; none where nobody reads it.
    pub(crate) particulars: Option<Box<Particulars>>,
    /// How it has ended, if nothing more comes.
    pub(crate) outcome: Outcome,
    /// The codes of the replies that the message has for each recipient, in LMTP and with PRDR.
    pub(crate) replies: Vec<u16>,
    /// The message was reported to an observer.
    pub(crate) observed: bool,
    /// The server of a recording accepted the message before it ended: its next replies answer what it took
    /// for commands.
    pub(crate) taken_early: bool,
}

impl OpenTransaction {
    pub(crate) fn new(number: u32, sender: &[u8], cx: &Context<'_>) -> Self {
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
            particulars: Particulars::wanted(cx.config.detail),
            outcome: Outcome::Unfinished,
            replies: Vec::new(),
            observed: false,
            taken_early: false,
        }
    }

    /// For a message that came without MAIL: no reply will confirm or undo it.
    pub(crate) fn without_mail(number: u32, cx: &Context<'_>) -> Self {
        Self { provisional: false, has_mail: false, ..Self::new(number, b"", cx) }
    }

    pub(crate) fn within(&self) -> Within<'_> {
        Within { number: self.number, sender: Some(&*self.sender).filter(|_| self.has_mail) }
    }

    /// A recipient was refused: with no other, nothing will come of it.
    pub(crate) fn recipient_refused(&mut self, by: Outcome) {
        if self.accepted == 0 {
            self.outcome = by;
        }
    }

    /// Reports it, at its end; `helo` is what the client called itself.
    pub(crate) fn report(&self, reply: Option<u16>, helo: &[u8], cx: &mut Context<'_>) {
        let message = self.message.as_ref();
        let noted = self.particulars.as_deref();
        let of_message = noted.filter(|_| message.is_some_and(|message| message.is_known()));
        let listed: Vec<_> = noted.into_iter().flat_map(Particulars::recipients).collect();
        let parts: Vec<_> = of_message.into_iter().flat_map(Particulars::parts).collect();
        cx.out.report(Event::Transaction(event::Transaction {
            number: self.number,
            helo,
            sender: &self.sender,
            recipients: self.recipients,
            listed: &listed,
            accepted: self.accepted,
            via: message.map_or(Via::Data, |message| message.via()),
            message: message.filter(|message| message.is_whole()).map(|message| message.size()),
            message_id: of_message.and_then(Particulars::message_id),
            subject: of_message.and_then(Particulars::subject),
            parts: &parts,
            more_parts: of_message.map_or(0, Particulars::more_parts),
            outcome: self.outcome,
            reply,
            reply_text: noted.filter(|_| reply.is_some()).map_or(b"", Particulars::reply),
            replies: &self.replies,
        }));
    }
}

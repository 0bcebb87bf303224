//! What a reply of the server changes in the session: one `match` on what it answers.

use proto::Side;

use super::offer::{Offer, PIPECONNECT};
use super::recipients::ONE_BY_ONE;
use super::{Client, Server, Smtp, Swallow, Swallowed, closing};
use crate::context::Context;
use crate::event::{AnomalyKind, Author, Event, Observed, Outcome, Reason, ReplyCode, Treatment};
use crate::refusal::{Cause, Refusal};
use crate::relay::Relay;

/// What a reply of the server answers, as far as it changes the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Greeting,
    /// EHLO or LHLO: the reply is judged whole.
    Ehlo,
    Lhlo,
    Helo,
    Mail,
    /// MAIL while a transaction is open: a refusal of it changes nothing.
    NestedMail,
    Rcpt,
    Rset,
    Data,
    /// The end of a message; in LMTP one reply for each accepted recipient.
    EndOfData {
        replies: u32,
    },
    Chunk,
    LastChunk {
        replies: u32,
    },
    Auth,
    StartTls,
    Quit,
    /// A verb that nobody knows, or a command that was masked: its reply changes nothing.
    Unknown,
    /// Any other verb whose reply changes nothing.
    Other,
}

impl Asked {
    /// Whether a reply of this class is one to the command: 3xx asks for more where there is more, and 2xx to DATA
    /// would accept what nobody has sent.
    pub(super) const fn may_have(self, code: u16) -> bool {
        match (self, code / 100) {
            (Self::Data | Self::Auth, 3) => true,
            (Self::EndOfData { .. } | Self::LastChunk { .. }, 3) => code == ONE_BY_ONE,
            (_, 3) | (Self::Data, 2) => false,
            _ => true,
        }
    }
}

impl Smtp {
    pub(super) fn answered(&mut self, asked: Asked, number: u32, code: u16, cx: &mut Context<'_>) {
        cx.replied(Author::Server, ReplyCode::Number(code));
        self.observe_reply(asked, number, code, cx);
        // A command that was masked, too.
        if let (Asked::Rcpt | Asked::Unknown, Some(transaction)) = (asked, &mut self.transaction)
            && let Some(particulars) = &mut transaction.particulars
        {
            particulars.answered(number, code);
        }
        self.settle(asked, number, code, cx);
    }

    /// Carries out what the reply to the command at the front changes.
    pub(super) fn settle(&mut self, asked: Asked, number: u32, code: u16, cx: &mut Context<'_>) {
        let positive = code / 100 == 2;
        let more = self.more_replies(asked, code);
        let again = match asked {
            Asked::EndOfData { .. } => more.map(|replies| Asked::EndOfData { replies }),
            Asked::LastChunk { .. } => more.map(|replies| Asked::LastChunk { replies }),
            _ => None,
        };
        let begins_exchange = self.begins_exchange(asked, code);
        let cut_short = asked == Asked::Chunk && self.is_under_way(asked) && !cx.is_recorded();
        self.replies.answered(again);
        match asked {
            Asked::Greeting => self.greeted = true,
            Asked::Ehlo | Asked::Lhlo | Asked::Helo => {
                self.barrier = false;
                self.hello_answered(asked, positive, cx);
            }
            Asked::Mail => self.mail_answered(positive, cx),
            Asked::NestedMail => {
                self.barrier = false;
                match positive {
                    true => self.commit_nested(cx),
                    false => self.resume_suspended(),
                }
            }
            Asked::Rcpt if positive => self.recipient_accepted(),
            Asked::Rcpt => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.recipient_refused(Outcome::RefusedByServer);
                }
            }
            Asked::Rset => {
                self.barrier = false;
                if positive {
                    self.end_transaction(None, cx);
                }
            }
            Asked::Data => {
                self.barrier = false;
                // RFC 5321 §4.2.1: 3xx asks for more, and clients go by the first digit.
                if code / 100 == 3 {
                    self.begin_data(number, cx);
                } else if let Some(transaction) = &mut self.transaction {
                    transaction.outcome = Outcome::RefusedByServer;
                }
            }
            Asked::EndOfData { .. } | Asked::LastChunk { .. } => {
                self.note_reply(code, more, cx);
                match more {
                    // RFC 5321 §4.5.3.2.6 has a time for the reply, and a server may deliver to one after the other.
                    Some(_) => self.ends.start_timer(cx.out.now),
                    None => self.message_answered(code, cx),
                }
            }
            Asked::Auth => {
                self.barrier = false;
                if code / 100 == 3 {
                    self.client = Client::AuthLine;
                } else if matches!(self.client, Client::AuthLine) {
                    self.client = Client::Command;
                }
                self.login_answered(code, cx);
            }
            Asked::StartTls => {
                self.barrier = false;
                if code == 220 {
                    self.encrypted(cx);
                }
            }
            Asked::Unknown if begins_exchange => self.client = Client::AuthLine,
            Asked::Chunk if cut_short => self.message_answered(code, cx),
            Asked::Chunk => self.chunk_answered(cx),
            Asked::Quit | Asked::Unknown | Asked::Other => {}
        }
    }

    /// Whether the client of a recording answers a challenge next: after a 334 it does, whatever verb it sent.
    pub(super) fn begins_exchange(&self, asked: Asked, code: u16) -> bool {
        let at_rest = self.replies.len() == 1 && matches!(self.client, Client::Command);
        asked == Asked::Unknown && code == 334 && at_rest
    }

    /// Whether the reply at the front answers bytes that have not all come yet.
    pub(super) fn is_under_way(&self, asked: Asked) -> bool {
        let newest = self.replies.len() == 1;
        match asked {
            Asked::EndOfData { .. } => matches!(self.client, Client::Data(_)),
            Asked::LastChunk { .. } | Asked::Chunk => newest && matches!(self.client, Client::Chunk(_)),
            _ => false,
        }
    }

    fn observe_reply(&self, asked: Asked, number: u32, code: u16, cx: &mut Context<'_>) {
        let transaction = self.transaction.as_ref().map(|transaction| transaction.number);
        match (asked, transaction) {
            (Asked::Greeting, _) => {}
            (Asked::EndOfData { .. } | Asked::LastChunk { .. }, _) if code == ONE_BY_ONE => {}
            (Asked::EndOfData { .. }, Some(transaction)) => {
                cx.observe(Observed::MessageReply { transaction, code });
            }
            (Asked::Chunk | Asked::LastChunk { .. }, Some(transaction)) => {
                cx.observe(Observed::Reply { number, code });
                cx.observe(Observed::MessageReply { transaction, code });
            }
            _ => cx.observe(Observed::Reply { number, code }),
        }
    }

    fn mail_answered(&mut self, positive: bool, cx: &mut Context<'_>) {
        if positive {
            if let Some(transaction) = &mut self.transaction {
                transaction.provisional = false;
            }
        } else if self.transaction.as_ref().is_some_and(|transaction| transaction.provisional) {
            match &mut self.transaction {
                // Its chunk is judged to the end, whatever the server makes of it.
                Some(transaction) if transaction.message.is_some() => transaction.refused = true,
                Some(transaction) => {
                    transaction.outcome = Outcome::RefusedByServer;
                    self.end_transaction(None, cx);
                }
                None => {}
            }
        }
    }

    /// The reply to a chunk that has ended: it ends a transaction whose MAIL was refused meanwhile.
    fn chunk_answered(&mut self, cx: &mut Context<'_>) {
        let refused = self.transaction.as_ref().is_some_and(|transaction| transaction.refused);
        if refused
            && !matches!(self.client, Client::Chunk(_))
            && !self.replies.awaits(|asked| asked == Asked::Chunk)
        {
            self.observe_unfinished(cx);
            self.end_transaction(None, cx);
        }
    }

    /// The server asks for a message although it refused the MAIL before it: nobody knows whose sender and
    /// recipients it would have. Whether the session ends.
    pub(super) fn is_refused_message(&mut self, cx: &mut Context<'_>) -> bool {
        if self.transaction.is_some() || cx.is_recorded() {
            return false;
        }
        let refused = self.anomaly(AnomalyKind::NoTransaction, Side::Server, b"", cx) >= Treatment::Refused;
        if refused {
            self.answer(Cause::NoTransaction.into(), cx);
            self.reset(cx);
        }
        refused
    }

    /// The reply to a message; where it came early, the rest of the message is discarded.
    fn message_answered(&mut self, code: u16, cx: &mut Context<'_>) {
        self.barrier = false;
        let rest = match std::mem::replace(&mut self.client, Client::Command) {
            Client::Data(decoder) => Some(Swallowed::Data(decoder)),
            Client::Chunk(chunk) => Some(Swallowed::Chunk(chunk.decoder.left())),
            other => {
                self.client = other;
                None
            }
        };
        if let Some(what) = rest {
            self.observe_unfinished(cx);
            self.answered_early(what, cx);
        }
        if let Some(transaction) = &mut self.transaction {
            let mut codes = transaction.replies.iter().chain([&code]);
            let is_taken = codes.any(|code| code / 100 == 2);
            transaction.outcome = if is_taken { Outcome::Accepted } else { Outcome::RefusedByServer };
        }
        self.end_transaction(Some(code), cx);
    }

    /// A server that has answered part of a message may wait for the rest of it, or for a command: nothing
    /// could be sent that means the same to both. It is reset, and the client gets an error when it has sent
    /// the rest.
    fn answered_early(&mut self, what: Swallowed, cx: &Context<'_>) {
        let refusal = Refusal::from(Cause::AnsweredEarly);
        let after = (!cx.is_recorded()).then(|| closing::after(refusal, cx));
        let budget = cx.config.bounds.swallow;
        self.client = Client::Swallow(Box::new(Swallow { what, budget, after }));
        if let Some(after) = after {
            self.ends.set_reason(Reason::ServerLost);
            self.ends.start_timer(cx.out.now);
            self.replies.last_after_message(refusal, after);
        }
    }

    fn hello_answered(&mut self, asked: Asked, positive: bool, cx: &mut Context<'_>) {
        let invited = positive && self.offer.names(PIPECONNECT);
        if std::mem::take(&mut self.early) && !invited {
            self.early_talker(b"E", cx);
        }
        if !positive {
            return;
        }
        self.lmtp = asked == Asked::Lhlo;
        if asked == Asked::Helo {
            self.offer = Offer::none(cx.config);
        }
        self.end_transaction(None, cx);
    }

    /// TLS begins: from here on nothing is seen, and RFC 3207 §4.2 has both sides forget the dialogue.
    fn encrypted(&mut self, cx: &mut Context<'_>) {
        cx.observe(Observed::StartTls);
        self.relay = Relay::after_starttls();
        self.client = Client::Relay;
        self.server = Server::Relay;
        self.end_transaction(None, cx);
        let criteria: Vec<&str> =
            cx.policy().map_or_else(Vec::new, |policy| policy.hidden_by_encryption().collect());
        cx.out.report(Event::Tls { criteria: &criteria });
    }
}

#[cfg(test)]
mod tests {
    use proto::Time;

    use super::*;
    use crate::config::SessionConfig;
    use crate::effect::{Effect, Out};
    use crate::smtp::OpenTransaction;

    /// What the client sends next, whether it is held back, and how far the transaction is, once the reply
    /// with this code has answered the only command: sent in a transaction that MAIL has begun.
    fn after(asked: Asked, code: u16) -> (&'static str, bool, &'static str) {
        let config = SessionConfig::default();
        let mut output = |_: Effect<'_>| {};
        let mut cx = Context { config: &config, out: Out { now: Time(0), output: &mut output } };
        let mut smtp = Smtp::new(&config, Time(0), 0);
        smtp.replies.answered(None);
        smtp.replies.await_server(asked, 0);
        smtp.transaction = Some(Box::new(OpenTransaction::new(0, b"a@example.com", &cx)));
        smtp.barrier = true;
        smtp.settle(asked, 0, code, &mut cx);
        let next = match smtp.client {
            Client::Command => "command",
            Client::AuthLine => "auth line",
            Client::Data(_) => "data",
            Client::Relay => "tls",
            _ => "something else",
        };
        let transaction = match smtp.transaction.as_deref() {
            None => "none",
            Some(OpenTransaction { accepted: 1, .. }) => "a recipient",
            Some(OpenTransaction { provisional: true, .. }) => "provisional",
            Some(_) => "open",
        };
        (next, smtp.barrier, transaction)
    }

    #[test]
    fn a_reply_changes_what_its_command_and_code_say() {
        let end = Asked::EndOfData { replies: 0 };
        let last_chunk = Asked::LastChunk { replies: 0 };
        let table = [
            (Asked::Ehlo, 250, ("command", false, "none")),
            (Asked::Ehlo, 502, ("command", false, "provisional")),
            (Asked::Lhlo, 250, ("command", false, "none")),
            (Asked::Helo, 250, ("command", false, "none")),
            (Asked::Mail, 250, ("command", true, "open")),
            (Asked::Mail, 550, ("command", true, "none")),
            (Asked::Rcpt, 250, ("command", true, "a recipient")),
            (Asked::Rcpt, 550, ("command", true, "provisional")),
            (Asked::Rset, 250, ("command", false, "none")),
            (Asked::Rset, 451, ("command", false, "provisional")),
            (Asked::Data, 354, ("data", false, "provisional")),
            (Asked::Data, 300, ("data", false, "provisional")),
            (Asked::Data, 503, ("command", false, "provisional")),
            (end, 250, ("command", false, "none")),
            (end, 554, ("command", false, "none")),
            (end, ONE_BY_ONE, ("command", true, "provisional")),
            (last_chunk, 250, ("command", false, "none")),
            (Asked::Chunk, 250, ("command", true, "provisional")),
            (Asked::Auth, 334, ("auth line", false, "provisional")),
            (Asked::Auth, 235, ("command", false, "provisional")),
            (Asked::StartTls, 220, ("tls", false, "none")),
            (Asked::StartTls, 454, ("command", false, "provisional")),
            (Asked::Other, 250, ("command", true, "provisional")),
            (Asked::Other, 334, ("command", true, "provisional")),
            (Asked::Unknown, 334, ("auth line", true, "provisional")),
            (Asked::Quit, 221, ("command", true, "provisional")),
        ];
        for (asked, code, expected) in table {
            assert_eq!(after(asked, code), expected, "{asked:?} {code}");
        }
    }
}

//! What an observed dialogue came to: its commands, its transactions, what was found in it.
//!
//! Filled by the engine's events and nothing else; how it is shown stands in `json` and `text`.

use engine::event::{AnomalyKind, Match, MessageSize, Observed, Via};
use engine::{Effect, Event, Output};
use proto::smtp::address::Path;

/// One session, as far as it was recorded.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// The first line of the greeting, a blank behind its code.
    pub(super) banner: Option<String>,
    /// The last EHLO reply that was positive.
    pub(super) ehlo: Vec<String>,
    /// The command it answered.
    pub(super) ehlo_of: Option<u32>,
    pub(super) commands: Vec<RecordedCommand>,
    pub(super) transactions: Vec<Transaction>,
    pub(super) starttls: bool,
    pub(super) matches: Vec<Matched>,
    /// In order of their first.
    pub(super) anomalies: Vec<(AnomalyKind, u64)>,
    /// Keywords of an EHLO reply that is not complete.
    offered: Vec<String>,
    /// Messages that another took the place of before they were complete.
    given_up: Vec<Transaction>,
}

#[derive(Debug)]
pub(super) struct RecordedCommand {
    pub(super) number: u32,
    pub(super) verb: String,
    pub(super) argument: String,
    pub(super) reply: Option<u16>,
}

#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) number: u32,
    /// Nothing when the message came without a MAIL that was recorded.
    pub(super) sender: Option<String>,
    pub(super) recipients: Vec<Recipient>,
    pub(super) message: Option<RecordedMessage>,
    pub(super) parts: Vec<Part>,
    /// The answer to the message; of several, to chunks or in LMTP (RFC 2033 §4.2), the worst.
    pub(super) reply: Option<u16>,
}

#[derive(Debug)]
pub(super) struct Recipient {
    number: u32,
    pub(super) address: String,
    pub(super) reply: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct RecordedMessage {
    pub(super) size: MessageSize,
    pub(super) via: Via,
    pub(super) complete: bool,
}

#[derive(Debug)]
pub(super) struct Part {
    pub(super) content_type: String,
    pub(super) encoding: Option<String>,
    pub(super) filename: Option<String>,
}

#[derive(Debug)]
pub(super) struct Matched {
    pub(super) class: String,
    pub(super) criterion: String,
    /// Nothing where the class only logs.
    pub(super) action: &'static str,
    /// Which of the transactions it was in.
    pub(super) transaction: Option<usize>,
}

impl Output for Transcript {
    fn emit(&mut self, effect: Effect<'_>) {
        match effect {
            // What would be sent is what was recorded.
            Effect::Send { .. } | Effect::Finish(_) | Effect::Abort(_) | Effect::Secure(_) => {}
            Effect::Report(Event::Observed(observed)) => self.observed(&observed),
            Effect::Report(Event::Anomaly(anomaly)) => self.anomaly(anomaly.kind),
            Effect::Report(Event::Match(found)) => self.matched(&found),
            Effect::Report(Event::SessionStart | Event::Transaction(_) | Event::Tls { .. }) => {}
        }
    }
}

impl Transcript {
    /// The session is over: what was given up on the way stands behind what was not.
    pub(super) fn close(&mut self) {
        self.transactions.append(&mut self.given_up);
    }

    /// Which of the transactions has this number.
    fn index_of(&self, number: u32) -> Option<usize> {
        self.transactions.binary_search_by_key(&number, |transaction| transaction.number).ok()
    }

    /// The mechanism of the last AUTH command, and whether any succeeded.
    pub(super) fn login(&self) -> (Option<&str>, bool) {
        let auths = || self.commands.iter().filter(|command| command.verb == "AUTH");
        let mechanism = auths().next_back().and_then(|auth| auth.argument.split_ascii_whitespace().next());
        (mechanism, auths().any(|auth| auth.reply == Some(235)))
    }

    fn observed(&mut self, observed: &Observed<'_>) {
        match *observed {
            Observed::Banner { text } => {
                self.banner.get_or_insert_with(|| banner(text));
            }
            Observed::Capability { text: keyword } => self.offered.push(text(keyword)),
            Observed::Command { number, verb, argument } => self.commands.push(RecordedCommand {
                number,
                verb: text(verb).to_uppercase(),
                argument: text(argument),
                reply: None,
            }),
            Observed::Reply { number, code } => self.replied(number, code),
            Observed::Begin { transaction, sender } => {
                let sender = Some(text(sender));
                self.transactions.push(Transaction { number: transaction, sender, ..Transaction::default() });
            }
            Observed::Recipient { transaction, number, address } => {
                let recipient = Recipient { number, address: text(address), reply: None };
                self.transaction(transaction).recipients.push(recipient);
            }
            Observed::Part { transaction, content_type, encoding, filename } => {
                let part = Part {
                    content_type: text(content_type).to_lowercase(),
                    encoding: encoding.map(|encoding| text(encoding).to_lowercase()),
                    filename: filename.map(text),
                };
                self.message_of(transaction).parts.push(part);
            }
            Observed::Message { transaction, via, size, complete } => {
                self.message_of(transaction).message = Some(RecordedMessage { size, via, complete });
            }
            Observed::MessageReply { transaction, code } => {
                let transaction = self.transaction(transaction);
                transaction.reply = transaction.reply.max(Some(code));
            }
            Observed::StartTls => self.starttls = true,
        }
    }

    fn replied(&mut self, number: u32, code: u16) {
        if let Some(recipient) = self.transactions.last_mut().and_then(|last| last.recipient(number)) {
            recipient.reply = Some(code);
        }
        let Ok(at) = self.commands.binary_search_by_key(&number, |command| command.number) else { return };
        let Some(command) = self.commands.get_mut(at) else { return };
        command.reply = Some(code);
        if matches!(command.verb.as_str(), "EHLO" | "LHLO") {
            let offered = std::mem::take(&mut self.offered);
            if code == 250 {
                self.ehlo = offered;
                self.ehlo_of = Some(number);
            }
        }
    }

    /// The transaction with this number; one whose MAIL was not recorded begins here, with the
    /// recipients that were accepted since the last.
    fn transaction(&mut self, number: u32) -> &mut Transaction {
        let at = self.index_of(number).unwrap_or_else(|| {
            let recipients = self.strays();
            self.transactions.push(Transaction { number, recipients, ..Transaction::default() });
            self.transactions.len() - 1
        });
        &mut self.transactions[at]
    }

    /// The same, for what is told of its message: a message cut off before makes room.
    fn message_of(&mut self, number: u32) -> &mut Transaction {
        let transaction = self.transaction(number);
        if transaction.message.is_some_and(|message| !message.complete) {
            let (message, reply) = (transaction.message.take(), transaction.reply.take());
            let parts = std::mem::take(&mut transaction.parts);
            self.given_up.push(Transaction { number, message, parts, reply, ..Transaction::default() });
        }
        self.transaction(number)
    }

    /// Recipients that were accepted before the newest command, outside of any transaction we know of.
    fn strays(&self) -> Vec<Recipient> {
        const ENDS: [&str; 7] = ["BDAT", "DATA", "EHLO", "HELO", "LHLO", "MAIL", "RSET"];
        let before = self.commands.iter().rev().skip(1);
        let recent = before.take_while(|command| !ENDS.contains(&command.verb.as_str()));
        let accepted =
            recent.filter(|command| command.verb == "RCPT" && command.reply.is_some_and(is_positive));
        let mut strays: Vec<Recipient> = accepted
            .map(|command| {
                let path = Path::read(command.argument.as_bytes(), "TO:");
                Recipient { number: command.number, address: text(path.text), reply: command.reply }
            })
            .collect();
        strays.reverse();
        strays
    }

    fn anomaly(&mut self, kind: AnomalyKind) {
        match self.anomalies.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => self.anomalies.push((kind, 1)),
        }
    }

    fn matched(&mut self, found: &Match<'_>) {
        self.matches.push(Matched {
            class: found.class.to_owned(),
            criterion: found.criterion.to_owned(),
            action: found.action_name(),
            transaction: found.transaction.and_then(|number| self.index_of(number)),
        });
    }
}

impl Transaction {
    fn recipient(&mut self, number: u32) -> Option<&mut Recipient> {
        let at = self.recipients.binary_search_by_key(&number, |recipient| recipient.number).ok()?;
        self.recipients.get_mut(at)
    }
}

const fn is_positive(code: u16) -> bool {
    code / 100 == 2
}

/// A line of the greeting as if it were the only one.
fn banner(line: &[u8]) -> String {
    let mut banner = text(line);
    if banner.as_bytes().get(3) == Some(&b'-') {
        banner.replace_range(3..4, " ");
    }
    banner
}

/// Octets of the wire as text: UTF-8 where they are, else each octet the character of its number.
fn text(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => octets.iter().copied().map(char::from).collect(),
    }
}

//! What an observed dialogue came to: its commands, its transactions, what was found in it.
//!
//! Filled by the engine's events and nothing else; how it is shown stands in `json` and `text`.

use std::collections::BTreeMap;

use engine::event::{AnomalyKind, Login, LoginOutcome, Match, MessageSize, Observed, Via};
use engine::{Effect, Event, Output};
use proto::smtp::address::Path;
use serde::Serialize;

use super::listed::{Budget, Listed};
use super::spoken::Spoken;

/// One session, as far as it was recorded.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    pub(super) spoken: Spoken,
    /// The first line of the greeting, a blank behind its code.
    pub(super) banner: Option<String>,
    /// The last EHLO reply that was positive.
    pub(super) ehlo: Vec<String>,
    /// The command it answered.
    pub(super) ehlo_of: Option<u32>,
    pub(super) commands: Listed<RecordedCommand>,
    pub(super) transactions: Listed<Transaction>,
    pub(super) starttls: bool,
    pub(super) matches: Listed<Matched>,
    /// In order of their first.
    pub(super) anomalies: Vec<(AnomalyKind, u64)>,
    /// The last EHLO, whether it is listed or not.
    hello: Option<u32>,
    /// Keywords of an EHLO reply that is not complete.
    offered: Vec<String>,
    auth: Auth,
    /// How the client of a mailbox logged in, or tried to last.
    pub(super) attempt: Option<Attempt>,
    strays: Strays,
    /// Messages that another took the place of before they were complete.
    given_up: Listed<Transaction>,
    /// The last transaction that is only counted.
    counted: Option<u32>,
    budget: Budget,
}

/// The AUTH commands of a session.
#[derive(Debug, Default)]
struct Auth {
    /// The last one, and the mechanism that it named.
    number: Option<u32>,
    mechanism: Option<String>,
    succeeded: bool,
}

/// An attempt to log in to a mailbox.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Nothing where it may be a secret.
    pub(super) mechanism: Option<String>,
    pub(super) is_clear_text: bool,
    pub(super) outcome: LoginOutcome,
}

/// How a command was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Reply {
    /// SMTP.
    Code(u16),
    /// A mailbox: `+OK`, `NO` and so on.
    Status(&'static str),
}

/// RCPT commands that may belong to a transaction whose MAIL was not recorded: those since the last command
/// that begins or ends one.
#[derive(Debug, Default)]
struct Strays {
    recipients: Listed<Recipient>,
    budget: Budget,
    /// The newest command begins or ends a transaction: it takes what is here, and the next one nothing.
    over: bool,
}

#[derive(Debug)]
pub(super) struct RecordedCommand {
    pub(super) number: u32,
    pub(super) verb: String,
    pub(super) argument: String,
    pub(super) reply: Option<Reply>,
}

#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) number: u32,
    /// Nothing when the message came without a MAIL that was recorded.
    pub(super) sender: Option<String>,
    pub(super) recipients: Listed<Recipient>,
    pub(super) message: Option<RecordedMessage>,
    pub(super) parts: Listed<Part>,
    /// What some readers take a part for, or see besides.
    other_parts: Listed<Part>,
    /// The answer to the message; of several, to chunks or in LMTP (RFC 2033 §4.2), the worst.
    pub(super) reply: Option<u16>,
}

#[derive(Clone, Debug)]
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

/// What readers take one part of a message for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Of the part, in document order.
    number: u32,
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
            Effect::Report(Event::Login(login)) => self.attempted(&login),
            Effect::Report(
                Event::SessionStart | Event::Transaction(_) | Event::Tls { .. } | Event::Reply(_),
            ) => {}
        }
    }
}

impl Transcript {
    pub(super) fn of(spoken: Spoken) -> Self {
        Self { spoken, ..Self::default() }
    }

    /// Whether nothing is read any more: behind STARTTLS, or the login of a mailbox.
    pub(super) fn is_relayed(&self) -> bool {
        self.starttls || self.is_logged_in()
    }

    fn is_logged_in(&self) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.outcome == LoginOutcome::Accepted)
    }

    /// The session is over: what was given up on the way stands behind what was not.
    pub(super) fn close(&mut self) {
        self.transactions.append(std::mem::take(&mut self.given_up));
    }

    /// Bytes that it takes, roughly.
    pub(super) const fn size(&self) -> usize {
        size_of::<Self>() + self.budget.spent() + self.strays.budget.spent()
    }

    /// The mechanism of the last AUTH command, or of the login of a mailbox, and whether any succeeded.
    pub(super) fn login(&self) -> (Option<&str>, bool) {
        match &self.attempt {
            Some(attempt) => (attempt.mechanism.as_deref(), self.is_logged_in()),
            None => (self.auth.mechanism.as_deref(), self.auth.succeeded),
        }
    }

    /// An attempt that was accepted is not followed by others, but for a client that has logged out.
    fn attempted(&mut self, login: &Login<'_>) {
        if !self.is_logged_in() {
            self.attempt = Some(Attempt {
                mechanism: (!login.mechanism.is_empty()).then(|| text(login.mechanism)),
                is_clear_text: login.is_clear_text,
                outcome: login.outcome,
            });
        }
    }

    fn observed(&mut self, observed: &Observed<'_>) {
        match *observed {
            Observed::Banner { text } => {
                self.banner.get_or_insert_with(|| banner(text));
            }
            Observed::Capability { text: keyword } => self.offered.push(text(keyword)),
            Observed::Command { number, verb, argument } => self.command(number, verb, argument),
            Observed::Answer { number, status } => self.answered(number, Reply::Status(status)),
            Observed::Reply { number, code } => self.replied(number, code),
            Observed::Begin { transaction, sender } => {
                self.begin(transaction, sender.len(), || Transaction {
                    number: transaction,
                    sender: Some(text(sender)),
                    ..Transaction::default()
                });
            }
            Observed::Recipient { transaction, number, address } => {
                let Some((transaction, budget)) = self.transaction(transaction) else { return };
                let recipient = || Recipient { number, address: text(address), reply: None };
                transaction.recipients.push(budget, address.len(), recipient);
            }
            Observed::Part { transaction, number, first, content_type, encoding, filename } => {
                let Some((transaction, budget)) = self.message_of(transaction) else { return };
                let texts = [Some(content_type), encoding, filename];
                let texts = texts.into_iter().flatten().map(<[u8]>::len).sum();
                let parts = if first { &mut transaction.parts } else { &mut transaction.other_parts };
                parts.push(budget, texts, || Part {
                    number,
                    content_type: text(content_type).to_lowercase(),
                    encoding: encoding.map(|encoding| text(encoding).to_lowercase()),
                    filename: filename.map(text),
                });
            }
            Observed::Message { transaction, via, size, complete } => {
                let Some((transaction, _)) = self.message_of(transaction) else { return };
                transaction.message = Some(RecordedMessage { size, via, complete });
            }
            Observed::MessageReply { transaction, code } => {
                let Some((transaction, _)) = self.transaction(transaction) else { return };
                transaction.reply = transaction.reply.max(Some(code));
            }
            Observed::StartTls => self.starttls = true,
        }
    }

    fn command(&mut self, number: u32, verb: &[u8], argument: &[u8]) {
        let verb = text(verb).to_uppercase();
        self.strays.command(number, &verb, argument);
        match verb.as_str() {
            "EHLO" | "LHLO" => {
                self.hello = Some(number);
                self.offered.clear();
            }
            "AUTH" if self.spoken == Spoken::Smtp => {
                let mechanism = text(argument).split_ascii_whitespace().next().map(str::to_owned);
                self.auth = Auth { number: Some(number), mechanism, ..self.auth };
            }
            _ => {}
        }
        let texts = verb.len() + argument.len();
        self.commands.push(&mut self.budget, texts, || RecordedCommand {
            number,
            verb,
            argument: text(argument),
            reply: None,
        });
    }

    fn replied(&mut self, number: u32, code: u16) {
        self.strays.replied(number, code);
        if let Some(recipient) =
            self.transactions.first_mut().last_mut().and_then(|last| last.recipient(number))
        {
            recipient.reply = Some(code);
        }
        self.answered(number, Reply::Code(code));
        if self.hello == Some(number) {
            let offered = std::mem::take(&mut self.offered);
            if code == 250 {
                self.ehlo = offered;
                self.ehlo_of = Some(number);
            }
        }
        if self.auth.number == Some(number) && code == 235 {
            self.auth.succeeded = true;
        }
    }

    fn answered(&mut self, number: u32, reply: Reply) {
        if let Ok(at) = self.commands.first().binary_search_by_key(&number, |command| command.number)
            && let Some(command) = self.commands.first_mut().get_mut(at)
        {
            command.reply = Some(reply);
        }
    }

    /// A transaction begins; whether it is listed.
    fn begin(&mut self, number: u32, texts: usize, transaction: impl FnOnce() -> Transaction) -> bool {
        let listed = self.transactions.push(&mut self.budget, texts, transaction);
        if !listed {
            self.counted = Some(number);
        }
        listed
    }

    /// Which of the listed transactions has this number.
    fn index_of(&self, number: u32) -> Option<usize> {
        self.transactions.first().binary_search_by_key(&number, |transaction| transaction.number).ok()
    }

    /// The transaction with this number, if it is listed; one whose MAIL was not recorded begins here, with the
    /// recipients that were accepted since the last.
    fn transaction(&mut self, number: u32) -> Option<(&mut Transaction, &mut Budget)> {
        if self.counted == Some(number) {
            return None;
        }
        let at = match self.index_of(number) {
            Some(at) => at,
            None => {
                let recipients = self.strays.accepted();
                let texts = recipients.first().iter().map(|recipient| recipient.address.len()).sum();
                let listed = self.begin(number, texts, || Transaction {
                    number,
                    recipients,
                    ..Transaction::default()
                });
                if !listed {
                    return None;
                }
                self.transactions.first().len() - 1
            }
        };
        Some((self.transactions.first_mut().get_mut(at)?, &mut self.budget))
    }

    /// The same, for what is told of its message: a message cut off before makes room.
    fn message_of(&mut self, number: u32) -> Option<(&mut Transaction, &mut Budget)> {
        let (transaction, _) = self.transaction(number)?;
        if transaction.message.is_some_and(|message| !message.complete) {
            let (message, reply) = (transaction.message.take(), transaction.reply.take());
            let parts = std::mem::take(&mut transaction.parts);
            let other_parts = std::mem::take(&mut transaction.other_parts);
            self.given_up.push(&mut self.budget, 0, || Transaction {
                number,
                message,
                parts,
                other_parts,
                reply,
                ..Transaction::default()
            });
        }
        self.transaction(number)
    }

    fn anomaly(&mut self, kind: AnomalyKind) {
        match self.anomalies.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => self.anomalies.push((kind, 1)),
        }
    }

    fn matched(&mut self, found: &Match<'_>) {
        let transaction = found.transaction.and_then(|number| {
            let last = || usize::try_from(self.transactions.count()).ok()?.checked_sub(1);
            if self.counted == Some(number) { last() } else { self.index_of(number) }
        });
        self.matches.push(&mut self.budget, found.class.len() + found.criterion.len(), || Matched {
            class: found.class.to_owned(),
            criterion: found.criterion.to_owned(),
            action: found.action_name(),
            transaction,
        });
    }
}

impl Strays {
    fn command(&mut self, number: u32, verb: &str, argument: &[u8]) {
        const ENDS: [&str; 7] = ["BDAT", "DATA", "EHLO", "HELO", "LHLO", "MAIL", "RSET"];
        if self.over {
            *self = Self::default();
        }
        self.over = ENDS.contains(&verb);
        if verb == "RCPT" {
            let path = Path::read(argument, "TO:");
            let recipient = || Recipient { number, address: text(path.text), reply: None };
            self.recipients.push(&mut self.budget, path.text.len(), recipient);
        }
    }

    fn replied(&mut self, number: u32, code: u16) {
        let recipients = self.recipients.first_mut();
        if let Ok(at) = recipients.binary_search_by_key(&number, |recipient| recipient.number)
            && let Some(recipient) = recipients.get_mut(at)
        {
            recipient.reply = Some(code);
        }
    }

    /// Those that were accepted.
    fn accepted(&self) -> Listed<Recipient> {
        let mut accepted = Listed::default();
        let budget = &mut Budget::default();
        for recipient in self.recipients.first() {
            if recipient.reply.is_some_and(is_positive) {
                accepted.push(budget, 0, || recipient.clone());
            }
        }
        accepted
    }
}

/// Readings of one message that are shown.
const READINGS_MAX: usize = 8;

impl Transaction {
    /// All readings of the message, that of most readers first; nothing if there is only that. In each of the
    /// others every part is taken for the next thing that some reader takes it for.
    pub(super) fn readings(&self) -> Vec<Vec<&Part>> {
        let mut parts: BTreeMap<u32, Vec<&Part>> = BTreeMap::new();
        let listed = self.parts.first();
        for other in self.other_parts.first() {
            let first = listed.binary_search_by_key(&other.number, |part| part.number);
            let is_first = first.is_ok_and(|at| listed.get(at) == Some(other));
            let others = parts.entry(other.number).or_default();
            if !is_first && !others.contains(&other) {
                others.push(other);
            }
        }
        let count = parts.values().map(Vec::len).max().unwrap_or_default().min(READINGS_MAX - 1);
        for part in listed {
            let others = parts.entry(part.number).or_default();
            if others.is_empty() {
                others.push(part);
            }
        }
        let others = (0..count).map(|reading| {
            let others = parts.values();
            others.filter_map(|others| others.get(reading).or_else(|| others.last()).copied()).collect()
        });
        let first = (count > 0).then(|| listed.iter().collect());
        first.into_iter().chain(others).collect()
    }
}

impl Transaction {
    fn recipient(&mut self, number: u32) -> Option<&mut Recipient> {
        let recipients = self.recipients.first_mut();
        let at = recipients.binary_search_by_key(&number, |recipient| recipient.number).ok()?;
        recipients.get_mut(at)
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

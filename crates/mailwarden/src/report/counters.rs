//! What a worker has counted, attachment by attachment: the first to see every record.
//!
//! Counters are plain numbers of one worker. Whoever asks adds up those of all; nothing is shared while sessions run.

mod counts;
mod histogram;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::iter::Sum;
use std::time::Duration;

use engine::Event;
use engine::config::Inspect;
use engine::event::{
    AnomalyKind, Login, LoginOutcome, Match, MessageSize, Outcome, Reason, Reply, Transaction, Treatment,
};
use proto::Side;

pub(crate) use counts::Counts;
pub(crate) use histogram::Histogram;

use super::{Record, Reported, SessionEnd};
use crate::attachments::AttachmentId;

/// What was counted since the daemon started, of one worker, or of several together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counters {
    /// In the order of their numbers.
    attachments: Vec<AttachmentCounters>,
    /// What a match is looked up by; kept for its room.
    key: String,
}

/// What was counted of the sessions of one attachment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AttachmentCounters {
    /// Sessions that reached a server.
    pub(crate) connected: u64,
    /// Sessions that have ended, by reason.
    pub(crate) ended: Counts<Reason>,
    /// Of sessions that have ended: bytes sent to the client and to the server, by side.
    pub(crate) bytes: [u64; 2],
    /// Of sessions that have ended: how often something was read of the client and of the server, by side.
    pub(crate) reads: [u64; 2],
    /// Messages, by what became of them.
    pub(crate) messages: Counts<Outcome>,
    /// Bytes of messages that were sent whole.
    pub(crate) message_bytes: u64,
    /// Sessions that went on under TLS, and uninspected.
    pub(crate) tls: u64,
    /// Sessions that were never inspected, because the configuration says so.
    pub(crate) pinholes: u64,
    /// Connections that a class dropped.
    pub(crate) dropped: u64,
    /// Attempts to log in, by what became of them.
    pub(crate) logins: Counts<LoginOutcome>,
    /// Anomalies, each time.
    pub(crate) anomalies: Counts<(AnomalyKind, Treatment)>,
    /// Replies that clients got.
    pub(crate) replies: Counts<Reply>,
    /// Classes that acted, by what makes them differ.
    matches: HashMap<String, MatchCount>,
    /// How long it took to connect a server.
    pub(crate) connect: Histogram,
    /// How long bytes waited before they went on: for a reply, for a pace or for their turn.
    pub(crate) hold: Histogram,
}

/// How often a condition made a class act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MatchCount {
    pub(crate) policy: String,
    pub(crate) class: String,
    /// As written in the policy.
    pub(crate) criterion: String,
    pub(crate) action: &'static str,
    pub(crate) times: u64,
}

/// The sums that are told when the daemon stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Sessions that have ended.
    pub(crate) sessions: u64,
    /// Messages answered or given up.
    pub(crate) transactions: u64,
    /// How often classes acted.
    pub(crate) matches: u64,
    pub(crate) anomalies: u64,
}

impl Counters {
    /// Counts a record, whether or not anything is written of it.
    pub(super) fn count(&mut self, record: &Record<'_>) {
        match record.event {
            Reported::SessionEnd(origin, end) => self.at(origin.session.attachment).ended(&end),
            Reported::SessionDropped(origin) => self.at(origin.session.attachment).dropped += 1,
            Reported::Event(origin, event) => {
                let attachment = origin.session.attachment;
                match event {
                    Event::SessionStart => {
                        let is_pinhole = origin.config.inspect == Inspect::Opaque;
                        let counters = self.at(attachment);
                        counters.connected += 1;
                        counters.pinholes += u64::from(is_pinhole);
                    }
                    Event::Transaction(transaction) => self.at(attachment).message(transaction),
                    Event::Match(found) => self.matched(attachment, found),
                    Event::Anomaly(anomaly) => {
                        let key = (anomaly.kind, anomaly.treatment);
                        self.at(attachment).anomalies.add(key, more(anomaly.count));
                    }
                    Event::Tls { .. } => self.at(attachment).tls += 1,
                    Event::Login(Login { outcome, .. }) => self.at(attachment).logins.add(*outcome, 1),
                    Event::Reply(reply) => self.reply(attachment, *reply),
                    Event::Observed(_) => {}
                }
            }
            Reported::Configuration(_)
            | Reported::Complaint { .. }
            | Reported::Server { .. }
            | Reported::Limit(_)
            | Reported::Command { .. }
            | Reported::Notice { .. }
            | Reported::Failure { .. }
            | Reported::Dropped { .. }
            | Reported::Stopped { .. } => {}
        }
    }

    /// A reply that a client got.
    pub(super) fn reply(&mut self, attachment: AttachmentId, reply: Reply) {
        self.at(attachment).replies.add(reply, 1);
    }

    /// How long it took to connect a server.
    pub(super) fn took_to_connect(&mut self, attachment: AttachmentId, time: Duration) {
        self.at(attachment).connect.add(time);
    }

    /// How long bytes waited before they went on.
    pub(super) fn held(&mut self, attachment: AttachmentId, time: Duration) {
        self.at(attachment).hold.add(time);
    }

    /// What was counted of an attachment; nothing if it had no session.
    pub(crate) fn of(&self, attachment: AttachmentId) -> Option<&AttachmentCounters> {
        self.attachments.get(attachment.index())
    }

    /// Takes over what others have counted of an attachment.
    pub(crate) fn set(&mut self, attachment: AttachmentId, others: &Self) {
        *self.at(attachment) = others.of(attachment).cloned().unwrap_or_default();
    }

    /// What was counted since an earlier time. Of a worker that ended meanwhile nothing is left to take away from.
    #[must_use]
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        self.attachments.iter_mut().zip(&earlier.attachments).for_each(|(own, earlier)| own.take(earlier));
        self
    }

    /// What is told when the daemon stops.
    pub(crate) fn totals(&self) -> Totals {
        self.attachments.iter().fold(Totals::default(), |totals, one| Totals {
            sessions: totals.sessions + one.ended.total(),
            transactions: totals.transactions + one.messages.total(),
            matches: totals.matches + one.matches.values().map(|count| count.times).sum::<u64>(),
            anomalies: totals.anomalies + one.anomalies.total(),
        })
    }

    fn at(&mut self, attachment: AttachmentId) -> &mut AttachmentCounters {
        let index = attachment.index();
        if index >= self.attachments.len() {
            self.attachments.resize_with(index + 1, AttachmentCounters::default);
        }
        &mut self.attachments[index]
    }

    fn matched(&mut self, attachment: AttachmentId, found: &Match<'_>) {
        let action = found.action_name();
        self.key.clear();
        // A String takes everything.
        let _ = write!(self.key, "{}\0{}\0{}\0{action}", found.policy, found.class, found.criterion);
        let key = std::mem::take(&mut self.key);
        let matches = &mut self.at(attachment).matches;
        match matches.get_mut(&key) {
            Some(count) => count.times += more(found.count),
            None => {
                let [policy, class, criterion] =
                    [found.policy, found.class, found.criterion].map(str::to_owned);
                let count = MatchCount { policy, class, criterion, action, times: more(found.count) };
                matches.insert(key.clone(), count);
            }
        }
        self.key = key;
    }
}

/// How many more there were: what is summed up was counted once, when it was reported.
const fn more(count: u32) -> u64 {
    if count > 1 { count as u64 - 1 } else { 1 }
}

impl AttachmentCounters {
    /// How often a condition of a policy made a class act, and a class for whatever reason.
    pub(crate) fn matched(&self, policy: &str, holds: impl Fn(&MatchCount) -> bool) -> u64 {
        let of_policy = self.matches.values().filter(|count| count.policy == policy);
        of_policy.filter(|count| holds(count)).map(|count| count.times).sum()
    }

    /// How often each class of each policy acted, and how: `(policy, class, action)`.
    pub(crate) fn by_class(&self) -> BTreeMap<(&str, &str, &str), u64> {
        let mut by_class = BTreeMap::new();
        for count in self.matches.values() {
            *by_class.entry((&*count.policy, &*count.class, count.action)).or_default() += count.times;
        }
        by_class
    }

    fn ended(&mut self, end: &SessionEnd) {
        self.ended.add(end.reason, 1);
        self.bytes[Side::Client as usize] += end.bytes_server;
        self.bytes[Side::Server as usize] += end.bytes_client;
        add_each(&mut self.reads, end.reads.map(u64::from));
    }

    fn message(&mut self, transaction: &Transaction<'_>) {
        self.messages.add(transaction.outcome, 1);
        if let Some(MessageSize { header_bytes, body_bytes, .. }) = transaction.message {
            self.message_bytes += header_bytes + body_bytes;
        }
    }

    /// Takes away what was counted before. What a screen never shows is left.
    fn take(&mut self, earlier: &Self) {
        take(&mut self.connected, earlier.connected);
        self.ended.take(&earlier.ended);
        self.bytes.iter_mut().zip(earlier.bytes).for_each(|(own, earlier)| take(own, earlier));
        self.reads.iter_mut().zip(earlier.reads).for_each(|(own, earlier)| take(own, earlier));
        self.messages.take(&earlier.messages);
        take(&mut self.message_bytes, earlier.message_bytes);
        take(&mut self.tls, earlier.tls);
        take(&mut self.pinholes, earlier.pinholes);
        take(&mut self.dropped, earlier.dropped);
        self.logins.take(&earlier.logins);
        self.anomalies.take(&earlier.anomalies);
        self.replies.take(&earlier.replies);
        for (key, count) in &mut self.matches {
            take(&mut count.times, earlier.matches.get(key).map_or(0, |earlier| earlier.times));
        }
    }

    fn add(&mut self, other: Self) {
        self.connected += other.connected;
        self.ended.add_all(&other.ended);
        add_each(&mut self.bytes, other.bytes);
        add_each(&mut self.reads, other.reads);
        self.messages.add_all(&other.messages);
        self.message_bytes += other.message_bytes;
        self.tls += other.tls;
        self.pinholes += other.pinholes;
        self.dropped += other.dropped;
        self.logins.add_all(&other.logins);
        self.anomalies.add_all(&other.anomalies);
        self.replies.add_all(&other.replies);
        for (key, count) in other.matches {
            match self.matches.get_mut(&key) {
                Some(own) => own.times += count.times,
                None => {
                    self.matches.insert(key, count);
                }
            }
        }
        self.connect.add_all(&other.connect);
        self.hold.add_all(&other.hold);
    }
}

fn take(own: &mut u64, earlier: u64) {
    *own = own.saturating_sub(earlier);
}

fn add_each(sum: &mut [u64; 2], more: [u64; 2]) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

impl Sum for Counters {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            let len = sum.attachments.len().max(one.attachments.len());
            sum.attachments.resize_with(len, AttachmentCounters::default);
            sum.attachments.iter_mut().zip(one.attachments).for_each(|(sum, one)| sum.add(one));
            sum
        })
    }
}

#[cfg(test)]
impl SessionEnd {
    /// Of a session that carried something each way.
    pub(crate) fn of_test() -> Self {
        Self {
            reason: Reason::Closed,
            bytes_client: 2_000,
            bytes_server: 700,
            reads: [20, 17],
            counts: engine::session::Counts::default(),
            duration: Duration::from_secs(3),
        }
    }
}

#[cfg(test)]
impl Counters {
    /// Counts an event of a session of an attachment.
    pub(crate) fn see(&mut self, attachment: AttachmentId, event: &Event<'_>) {
        let [client, server] = ["192.0.2.7:40112", "192.0.2.25:25"].map(|at| at.parse().unwrap());
        let id = super::SessionId::of_test(1);
        let session = super::SessionInfo { id, attachment, client, server, started: proto::Time(0) };
        let origin = super::Origin { session: &session, config: &engine::SessionConfig::default() };
        self.count(&Record { time: super::WallTime::EPOCH, event: Reported::Event(origin, event) });
    }

    /// Counts a class of a policy that acted by a condition.
    pub(crate) fn see_match(
        &mut self,
        attachment: AttachmentId,
        (policy, class, criterion): (&str, &str, &str),
        action: Option<policy::model::Action>,
    ) {
        let found = Match {
            policy,
            class,
            criterion,
            kind: policy::criterion::CriterionKind::Sender,
            scope: policy::scope::Scope::Transaction,
            sender: None,
            value: b"",
            action,
            log: true,
            transaction: Some(0),
            reference: None,
            count: 1,
        };
        self.see(attachment, &Event::Match(found));
    }

    /// Counts a message of an attachment.
    pub(crate) fn see_message(&mut self, attachment: AttachmentId, outcome: Outcome) {
        self.at(attachment).messages.add(outcome, 1);
    }

    /// Counts the end of a session of an attachment.
    pub(crate) fn see_end(&mut self, attachment: AttachmentId, end: &SessionEnd) {
        self.at(attachment).ended(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::event::Anomaly;

    #[test]
    fn what_is_summed_up_was_counted_once_before() {
        let (mut counters, attachment) = (Counters::default(), AttachmentId::default());
        for count in [1, 5] {
            let (kind, treatment) = (AnomalyKind::Pipe, Treatment::Reset);
            let anomaly = Anomaly { kind, from: Side::Client, value: b"", treatment, reference: None, count };
            counters.see(attachment, &Event::Anomaly(anomaly));
        }
        assert_eq!(counters.totals(), Totals { anomalies: 5, ..Totals::default() });
    }

    #[test]
    fn counters_of_workers_add_up_and_are_taken_away_no_further_than_to_nothing() {
        let attachment = AttachmentId::default();
        let mut one = Counters::default();
        one.see_match(attachment, ("p", "c", "m"), None);
        one.see(attachment, &Event::SessionStart);
        let both: Counters = [one.clone(), one.clone()].into_iter().sum();
        assert_eq!(both.totals().matches, 2);
        let left = both.clone().since(&one);
        assert_eq!((left.totals().matches, left.of(attachment).unwrap().connected), (1, 1));
        // One of the workers has ended since.
        let left = one.since(&both);
        assert_eq!((left.totals().matches, left.of(attachment).unwrap().connected), (0, 0));
    }
}

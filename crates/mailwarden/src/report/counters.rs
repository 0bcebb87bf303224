//! What a worker has counted: the first to see every record.

use std::iter::Sum;

use engine::Event;

use super::{Record, Reported};

/// Plain numbers of one worker, or of several together, since the daemon started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Sessions that have ended.
    pub(crate) sessions: u64,
    /// Messages answered or given up.
    pub(crate) transactions: u64,
    /// Classes that acted.
    pub(crate) matches: u64,
    /// Kinds of anomalies, one per kind and session.
    pub(crate) anomalies: u64,
}

impl Counters {
    /// Counts a record, whether or not anything is written of it.
    pub(super) const fn count(&mut self, record: &Record<'_>) {
        match record.event {
            Reported::SessionEnd(..) => self.sessions += 1,
            Reported::Event(_, Event::Transaction(_)) => self.transactions += 1,
            // What is summed up was counted once, when it was reported.
            Reported::Event(_, Event::Match(found)) => {
                self.matches += if found.count > 1 { found.count as u64 - 1 } else { 1 };
            }
            Reported::Event(_, Event::Anomaly(anomaly)) if anomaly.count > 1 => {}
            Reported::Event(_, Event::Anomaly(_)) => self.anomalies += 1,
            Reported::Event(
                _,
                Event::SessionStart | Event::Tls { .. } | Event::Login(_) | Event::Observed(_),
            )
            | Reported::Configuration(_)
            | Reported::Complaint { .. }
            | Reported::Server { .. }
            | Reported::Notice { .. }
            | Reported::Failure { .. }
            | Reported::Dropped { .. }
            | Reported::Stopped { .. } => {}
        }
    }
}

impl Sum for Counters {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            sessions: sum.sessions + one.sessions,
            transactions: sum.transactions + one.transactions,
            matches: sum.matches + one.matches,
            anomalies: sum.anomalies + one.anomalies,
        })
    }
}

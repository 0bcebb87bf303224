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
        let counter = match record.event {
            Reported::SessionEnd(..) => &mut self.sessions,
            Reported::Event(_, Event::Transaction(_)) => &mut self.transactions,
            Reported::Event(_, Event::Match(_)) => &mut self.matches,
            Reported::Event(_, Event::Anomaly(_)) => &mut self.anomalies,
            Reported::Event(_, Event::SessionStart | Event::Tls { .. } | Event::Observed(_))
            | Reported::Configuration { .. }
            | Reported::Failure { .. }
            | Reported::Dropped { .. }
            | Reported::Stopped { .. } => return,
        };
        *counter += 1;
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

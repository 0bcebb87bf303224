//! Which session a report is about.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::process;

use proto::Time;
use serde::{Serialize, Serializer};

use super::time::WallTime;
use crate::attachments::AttachmentId;

/// What reports say of a session, from its start to its end.
#[derive(Clone, Debug)]
pub(crate) struct SessionInfo {
    pub(crate) id: SessionId,
    /// What it is counted under.
    pub(crate) attachment: AttachmentId,
    pub(crate) client: SocketAddr,
    /// The server it is connected to; of a session that reaches none, the first that was tried.
    pub(crate) server: SocketAddr,
    pub(crate) started: Time,
}

/// Names a session in reports: `RUN-WORKER-NUMBER`, as in `3f0c62a19be4-0-1041`.
///
/// The run is new with each start of a daemon on any node, the number counts the sessions of a worker from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionId {
    run: Run,
    worker: u16,
    number: u64,
}

/// Names one run of a daemon: 48 random bits. A million runs, over all nodes, meet with a probability of 0.002.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run([u8; 6]);

impl Run {
    /// A run unlike all others.
    pub(super) fn random() -> Self {
        // The keys of a RandomState are random bytes of the kernel.
        let [.., a, b, c, d, e, f] =
            RandomState::new().hash_one((WallTime::now(), process::id())).to_be_bytes();
        Self([a, b, c, d, e, f])
    }
}

#[cfg(test)]
impl Run {
    /// The run of the low 48 bits.
    pub(super) const fn from_bits(bits: u64) -> Self {
        let [.., a, b, c, d, e, f] = bits.to_be_bytes();
        Self([a, b, c, d, e, f])
    }
}

impl SessionId {
    pub(super) const fn new(run: Run, worker: u16, number: u64) -> Self {
        Self { run, worker, number }
    }

    /// Which session of its worker.
    pub(crate) const fn number(self) -> u64 {
        self.number
    }

    /// Of a run that no daemon has.
    #[cfg(test)]
    pub(crate) const fn of_test(number: u64) -> Self {
        Self::new(Run::from_bits(0x3f0c_62a1_9be4), 0, number)
    }

    /// What references to refusals in the session begin with: bits that tell nobody how many sessions there are.
    pub(crate) fn reference(self) -> u32 {
        let Self { run: Run(run), worker, number } = self;
        let run = run.iter().fold(0, |bits: u64, byte| bits << 8 | u64::from(*byte));
        // Odd factors keep what differs apart, and their high bits depend on all of it.
        let mixed = (run ^ u64::from(worker).rotate_right(16) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        u32::try_from(mixed >> 40).unwrap_or_default()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run: Run([a, b, c, d, e, f]), worker, number } = self;
        write!(out, "{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}-{worker}-{number}")
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_names_run_worker_and_number() {
        let id = SessionId::new(Run::from_bits(0x3f0c_62a1_9be4), 0, 1041);
        assert_eq!(id.to_string(), "3f0c62a19be4-0-1041");
    }

    #[test]
    fn sessions_that_follow_each_other_are_referred_to_by_different_words() {
        let mut seen = std::collections::HashSet::new();
        for worker in 0..4 {
            for number in 1..=1000 {
                let reference = SessionId::new(Run::from_bits(0x3f0c_62a1_9be4), worker, number).reference();
                assert!(reference <= 0xFF_FFFF);
                seen.insert(reference);
            }
        }
        assert!(seen.len() > 3990, "{}", seen.len());
    }

    #[test]
    fn each_run_has_a_name_of_its_own() {
        assert_ne!(Run::random(), Run::random());
    }
}

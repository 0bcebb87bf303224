//! Sessions between two peers, whatever they speak: a script says what both do, and however it is cut, the same
//! dialogue comes out.

#[path = "talk/driver.rs"]
mod driver;
#[path = "talk/script.rs"]
mod script;

use std::fmt::Debug;
use std::sync::Arc;

use engine::SessionConfig;
use engine::config::Watch;
use proto::Side;

use crate::cuts::Cuts;

use driver::{Dialogue, Ending, Outcome};
#[cfg(test)]
pub(crate) use script::generate;
pub(crate) use script::{Script, Words};

/// What a client hears, line by line.
#[derive(Debug, Default)]
pub(crate) struct Hearing(Vec<u8>);

impl Hearing {
    /// The lines that end in the next octets, with their line ends.
    pub(crate) fn lines(&mut self, octets: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for part in octets.split_inclusive(|&octet| octet == b'\n') {
            self.0.extend_from_slice(part);
            if part.ends_with(b"\n") {
                lines.push(std::mem::take(&mut self.0));
            }
        }
        lines
    }
}

/// A script longer than that is not run octet by octet.
const SINGLE_MAX: usize = 4096;

/// A server behind the session, which follows the dialogue by the standards alone and panics at what must not reach
/// it.
pub(crate) trait Server: Debug {
    /// Whether it owes a reply.
    fn owes(&self) -> bool;

    /// Its reply to the oldest thing it was asked. The first of each kind lets things go on.
    fn answer(&mut self, choice: u8) -> Vec<u8>;

    /// Follows what it says itself, so that it knows what it reads next.
    fn says(&mut self, octets: &[u8]);

    /// Reads what the session sends it.
    fn receives(&mut self, octets: &[u8]);

    /// Somebody reads this in a report.
    fn reported(&mut self, _value: &[u8]) {}

    /// The session is over; so is whatever it has begun to read.
    fn conclude(&self) {}
}

/// A client before the session that keeps to the protocol: every command it says gets one reply.
pub(crate) trait Client: Debug {
    /// Replies it still waits for, unless it is asked for something itself.
    fn awaits(&self) -> usize;

    /// What it says next, if it may say anything yet.
    fn next(&mut self, choice: u8) -> Vec<u8>;

    /// Reads what the session sends it.
    fn hears(&mut self, octets: &[u8]);
}

/// Makes the two peers of a session.
pub(crate) type MakePeers = fn(&SessionConfig) -> (Box<dyn Server>, Box<dyn Client>);

/// Runs a script at once, in these cuts and octet by octet.
pub(crate) fn run(at: &Arc<SessionConfig>, script: &Script, cuts: Cuts<'_>, peers: MakePeers) {
    let whole = Dialogue::run(at, script, Cuts::WHOLE, peers);
    check_same(&whole, &Dialogue::run(at, script, cuts, peers), at);
    if script.octets() <= SINGLE_MAX {
        check_same(&whole, &Dialogue::run(at, script, Cuts::SINGLE, peers), at);
    }
}

/// One of these texts.
pub(crate) fn pick(of: &[&str], choice: u8) -> Vec<u8> {
    of.get(usize::from(choice) % of.len()).unwrap_or(&"").as_bytes().to_vec()
}

/// Split invariance, as ARCHITECTURE.md has it.
fn check_same(whole: &Outcome, cut: &Outcome, at: &SessionConfig) {
    for (a, b) in whole.reports.iter().zip(&cut.reports) {
        assert_eq!(a, b, "reports");
    }
    let common = whole.reports.len().min(cut.reports.len());
    assert_eq!(whole.reports.get(common..), cut.reports.get(common..), "reports");
    assert_eq!(whole.reason, cut.reason, "reason");
    for side in [Side::Client, Side::Server] {
        let (whole, cut) = (&whole.heard[side as usize], &cut.heard[side as usize]);
        assert_eq!(whole.ending, cut.ending, "how the {side:?} ended");
        let (a, b) = (&whole.octets, &cut.octets);
        // Of a message that is refused one cut may send more than another.
        let refused =
            side == Side::Server && whole.ending == Some(Ending::Abort) && at.watch == Watch::Enforce;
        assert!(
            a == b || refused && (a.starts_with(b) || b.starts_with(a)),
            "what the {side:?} got:\n{}\n{}",
            a.escape_ascii(),
            b.escape_ascii()
        );
    }
}

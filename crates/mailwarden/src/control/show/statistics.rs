//! What was counted of the sessions of some attachments, in the words of IOS.

use std::fmt::Write as _;

use proto::Time;

use super::sessions::Clock;
use super::{Carried, Seen};
use crate::attachments::{AttachmentId, Population};
use crate::proxy::sessions::Stage;

/// The sums of some attachments. A packet of the devices is here what one read of a socket gave.
#[derive(Clone, Debug, Default)]
pub(super) struct Statistics {
    /// By protocol, in the order of their first attachment.
    packets: Vec<(&'static str, u64)>,
    /// Of all protocols.
    pub(super) reads: u64,
    pub(super) bytes: u64,
    created: u64,
    /// When the last of them was set to zero.
    cleared: Option<Time>,
    population: Population,
}

impl Statistics {
    pub(super) fn of(attachments: &[AttachmentId], seen: &Seen) -> Self {
        let mut sum = Self::default();
        for (name, number, census) in &seen.in_force.attachments {
            if !attachments.contains(number) {
                continue;
            }
            let Carried { reads, bytes } = seen.carried(*number);
            let reads: u64 = reads.iter().sum();
            let protocol = name.protocol.name();
            match sum.packets.iter_mut().find(|(of, _)| *of == protocol) {
                Some((_, packets)) => *packets += reads,
                None => sum.packets.push((protocol, reads)),
            }
            sum.reads += reads;
            sum.bytes += bytes.iter().sum::<u64>();
            let population = census.population(seen.now);
            let cleared = seen.cleared.of(*number);
            sum.created += population.created - cleared.map_or(0, |cleared| cleared.created);
            sum.cleared = sum.cleared.max(cleared.map(|cleared| cleared.at));
            sum.add(population);
        }
        sum
    }

    fn add(&mut self, one: Population) {
        let sum = &mut self.population;
        sum.now.iter_mut().zip(one.now).for_each(|(sum, one)| *sum += one);
        sum.most.iter_mut().zip(one.most).for_each(|(sum, one)| *sum += one);
        sum.last = sum.last.max(one.last);
        sum.rate += one.rate;
        sum.rate_most += one.rate_most;
    }

    /// How many packets of TCP there were, and of each protocol.
    pub(super) fn put_packets(&self, out: &mut String, indent: usize) {
        let mut line = |what: &str, packets: u64| {
            let _ = writeln!(out, "{:indent$}{what} packets: [{packets}:0]", "");
        };
        line("tcp", self.reads);
        self.packets.iter().filter(|(of, _)| *of != "tcp").for_each(|(of, packets)| line(of, *packets));
    }

    /// How many sessions there were and are.
    pub(super) fn put_sessions(&self, out: &mut String, indent: usize, seen: &Seen) {
        let ago = |at: Time| Clock(seen.now.since(at));
        let by_stage = |of: [u32; 3]| {
            let [opening, open, closing] = of;
            format!("[{open}:{opening}:{closing}]")
        };
        let Population { now, most, last, rate, rate_most, .. } = self.population;
        let last = last.map_or_else(|| "never".to_owned(), |at| ago(at).to_string());
        let reset = self.cleared.map_or_else(|| "never".to_owned(), |at| ago(at).to_string());
        let lines = [
            format!("Session creations since subsystem startup or last reset {}", self.created),
            format!("Current session counts (estab/half-open/terminating) {}", by_stage(now)),
            format!("Maxever session counts (estab/half-open/terminating) {}", by_stage(most)),
            format!("Last session created {last}"),
            format!("Last statistic reset {reset}"),
            format!("Last session creation rate {rate}"),
            format!("Maxever session creation rate {rate_most}"),
            format!("Last half-open session total {}", now.get(Stage::Opening as usize).unwrap_or(&0)),
        ];
        lines.iter().for_each(|line| {
            let _ = writeln!(out, "{:indent$}{line}", "");
        });
    }
}

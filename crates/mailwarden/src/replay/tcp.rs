//! Frames to TCP sessions: who spoke to whom, and the octets of both directions in order.
//!
//! `packet` finds the TCP segment in a frame, `fragments` puts IP packets together, `pair` orders the two
//! directions of a session, `stream` the octets of one. Nothing here knows what the octets mean, and nothing
//! is invented: what the capture lacks is a gap.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;

use proto::{Side, Time};

use super::pcap::Frame;
use fragments::Fragments;
use packet::{Packet, Passed, Segment};
use pair::{FlowPair, Tell};

mod fragments;
mod packet;
mod pair;
mod stream;

/// What happened on the wire, in an order in which it can have happened.
///
/// `time` is that of the frame which made it certain: held-back data carry the time of the frame that freed them,
/// so that time runs forward as it does in the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow<'b> {
    /// The first packet of a session. Sessions are numbered in the order of these.
    Opened { id: FlowId, client: SocketAddr, server: SocketAddr, syn_seen: bool, time: Time },
    /// The next octets of one side.
    Data { id: FlowId, from: Side, time: Time, bytes: &'b [u8] },
    /// The capture lacks the next octets of this side.
    Gap { id: FlowId, from: Side, time: Time, octets: u64 },
    /// This side sent octets twice, and differently; the first copy stands.
    Conflict { id: FlowId, from: Side, time: Time, octets: usize },
    /// No more data of this side follow. A session cut off by the end of the capture has no end.
    Ended { id: FlowId, from: Side, time: Time, how: End },
    /// Nothing more is told of this session: another took its place, or there were too many.
    Forgotten { id: FlowId },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlowId(pub(crate) u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
}

/// What was seen and not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) frames: u64,
    /// Frames of link types that are not read: if these are all, the capture was not looked at.
    pub(crate) unknown_link: u64,
    /// Frames that hold no TCP.
    pub(crate) foreign: u64,
    /// Frames whose headers contradict themselves or are cut off.
    pub(crate) malformed: u64,
    /// Fragments of IP packets; those of packets that lack one are lost.
    pub(crate) fragments: u64,
    /// Segments that repeat octets.
    pub(crate) retransmitted: u64,
    /// Segments that repeat octets differently.
    pub(crate) conflicting: u64,
    /// Segments with sequence numbers no window allows, and resets nobody would obey.
    pub(crate) implausible: u64,
    /// Segments with data behind the end of their side.
    pub(crate) late: u64,
}

/// Makes sessions of the frames of one capture.
#[derive(Debug, Default)]
pub(crate) struct Reassembler {
    sessions: HashMap<Ends, Tracked>,
    opened: u32,
    fragments: Fragments,
    counts: Counts,
    time: Time,
    /// What waits in all sessions together, and what they keep to compare repeated octets with.
    held_octets: usize,
    recent_octets: usize,
}

/// The two ends of a session, the same whichever of them sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ends {
    lower: SocketAddr,
    upper: SocketAddr,
}

/// What runs between two ends.
#[derive(Debug)]
struct Tracked {
    current: TrackedPair,
    /// The session before, as long as the SYN that would replace it is unanswered: anyone can forge a SYN.
    before: Option<Box<TrackedPair>>,
    /// The number of the last frame: the capture's own clock may be wrong.
    last_frame: u64,
}

#[derive(Debug)]
struct TrackedPair {
    client: SocketAddr,
    session: FlowPair,
}

impl Reassembler {
    pub(crate) fn push(&mut self, frame: &Frame<'_>, out: &mut dyn FnMut(Flow<'_>)) {
        self.counts.frames += 1;
        self.time = frame.time;
        let packet = packet::decode(frame);
        let Packet::Fragment(fragment) = packet else { return self.packet(packet, out) };
        self.counts.fragments += 1;
        if let Some(payload) = self.fragments.add(&fragment) {
            self.packet(packet::decode_payload(&fragment.packet, &payload), out);
        }
    }

    /// The capture is over: tells what still waits behind gaps, and forgets everything.
    pub(crate) fn finish(&mut self, out: &mut dyn FnMut(Flow<'_>)) {
        let tracked = self.sessions.drain().map(|(_, tracked)| tracked).collect();
        self.drain(tracked, out);
    }

    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    fn packet(&mut self, packet: Packet<'_>, out: &mut dyn FnMut(Flow<'_>)) {
        match packet {
            Packet::Tcp(segment) => self.segment(&segment, out),
            // A fragment inside a packet made of fragments: nobody sends that in earnest.
            Packet::Fragment(_) | Packet::Other(Passed::Malformed) => self.counts.malformed += 1,
            Packet::Other(Passed::Foreign) => self.counts.foreign += 1,
            Packet::Other(Passed::UnknownLink) => self.counts.unknown_link += 1,
        }
    }

    fn segment(&mut self, segment: &Segment<'_>, out: &mut dyn FnMut(Flow<'_>)) {
        self.make_room(out);
        let mut tell = Tell { time: self.time, counts: &mut self.counts, out };
        let tracked = match self.sessions.entry(Ends::of(segment)) {
            Entry::Vacant(entry) => {
                let current = TrackedPair::open(segment, &mut self.opened, &mut tell);
                entry.insert(Tracked { current, before: None, last_frame: 0 })
            }
            Entry::Occupied(entry) => entry.into_mut(),
        };
        self.held_octets -= tracked.held_octets();
        self.recent_octets -= tracked.recent_octets();
        if tracked.current.is_over_with(segment) {
            let next = TrackedPair::open(segment, &mut self.opened, &mut tell);
            tracked.supersede(next, &mut tell);
        }
        tracked.segment(segment, &mut tell);
        if self.held_octets + tracked.held_octets() > HELD_OCTETS_MAX {
            tracked.current.session.drain(&mut tell);
        }
        self.held_octets += tracked.held_octets();
        self.recent_octets += tracked.recent_octets();
        tracked.last_frame = tell.counts.frames;
        if self.recent_octets > RECENT_OCTETS_MAX {
            self.forget_recent();
        }
    }

    /// Of sessions that were silent longest repeated octets will not be compared.
    fn forget_recent(&mut self) {
        // Some room at once: to find the silent ones, all are looked at.
        while self.recent_octets > RECENT_OCTETS_MAX / 2 {
            let keeps = |tracked: &&mut Tracked| tracked.recent_octets() > 0;
            let mut ages: Vec<u64> =
                self.sessions.values_mut().filter(keeps).map(|tracked| tracked.last_frame).collect();
            let middle = ages.len() / 2;
            let (_, &mut median, _) = ages.select_nth_unstable(middle);
            for tracked in self.sessions.values_mut().filter(|tracked| tracked.last_frame <= median) {
                self.recent_octets -= tracked.recent_octets();
                tracked.forget_recent();
            }
        }
    }

    /// Parts with the half of the sessions that was silent longest, when there are too many.
    fn make_room(&mut self, out: &mut dyn FnMut(Flow<'_>)) {
        if self.sessions.len() < SESSIONS_MAX {
            return;
        }
        let mut ages: Vec<u64> = self.sessions.values().map(|tracked| tracked.last_frame).collect();
        let (_, &mut median, _) = ages.select_nth_unstable(SESSIONS_MAX / 2);
        let silent = self.sessions.extract_if(|_, tracked| tracked.last_frame <= median);
        let silent = silent.map(|(_, tracked)| tracked).collect();
        self.drain(silent, out);
    }

    fn drain(&mut self, tracked: Vec<Tracked>, out: &mut dyn FnMut(Flow<'_>)) {
        self.held_octets -= tracked.iter().map(Tracked::held_octets).sum::<usize>();
        self.recent_octets -= tracked.iter().map(Tracked::recent_octets).sum::<usize>();
        let mut sessions: Vec<FlowPair> =
            tracked.into_iter().flat_map(Tracked::conversations).map(|one| one.session).collect();
        sessions.sort_unstable_by_key(FlowPair::id);
        let mut tell = Tell { time: self.time, counts: &mut self.counts, out };
        for session in sessions {
            session.forget(&mut tell);
        }
    }
}

impl Tracked {
    /// Gives a segment to the session it belongs to.
    fn segment(&mut self, segment: &Segment<'_>, tell: &mut Tell<'_, '_>) {
        if segment.syn
            && segment.acknowledged.is_some()
            && let Some(before) = self.before.take()
        {
            before.session.forget(tell);
        }
        let conversation = match &mut self.before {
            Some(before) if !segment.syn && before.distance(segment) < self.current.distance(segment) => {
                before
            }
            _ => &mut self.current,
        };
        conversation.session.segment(conversation.sender(segment), segment, tell);
    }

    /// A SYN begins another session.
    fn supersede(&mut self, next: TrackedPair, tell: &mut Tell<'_, '_>) {
        let last = std::mem::replace(&mut self.current, next);
        // Of two unanswered SYNs the second replaces the first, and what was there before both stays.
        let gone = if last.session.is_answered() {
            self.before.replace(Box::new(last))
        } else {
            Some(Box::new(last))
        };
        if let Some(gone) = gone {
            gone.session.forget(tell);
        }
    }

    fn conversations(self) -> impl Iterator<Item = TrackedPair> {
        self.before.map(|before| *before).into_iter().chain([self.current])
    }

    fn recent_octets(&self) -> usize {
        let before = self.before.as_ref().map_or(0, |before| before.session.recent_octets());
        before + self.current.session.recent_octets()
    }

    fn forget_recent(&mut self) {
        self.current.session.forget_recent();
        self.before.iter_mut().for_each(|before| before.session.forget_recent());
    }

    fn held_octets(&self) -> usize {
        let before = self.before.as_ref().map_or(0, |before| before.session.held_octets());
        before + self.current.session.held_octets()
    }
}

impl TrackedPair {
    fn open(segment: &Segment<'_>, opened: &mut u32, tell: &mut Tell<'_, '_>) -> Self {
        let id = FlowId(*opened);
        *opened = opened.wrapping_add(1);
        let (client, server) = match opener(segment) {
            Side::Client => (segment.source, segment.destination),
            Side::Server => (segment.destination, segment.source),
        };
        let syn_seen = segment.syn && segment.acknowledged.is_none();
        (tell.out)(Flow::Opened { id, client, server, syn_seen, time: tell.time });
        Self { client, session: FlowPair::new(id) }
    }

    fn is_over_with(&self, segment: &Segment<'_>) -> bool {
        let first_syn = segment.syn && segment.acknowledged.is_none();
        first_syn && self.session.is_over_with(self.sender(segment), segment.sequence)
    }

    fn distance(&self, segment: &Segment<'_>) -> u64 {
        self.session.distance(self.sender(segment), segment.sequence)
    }

    fn sender(&self, segment: &Segment<'_>) -> Side {
        if segment.source == self.client { Side::Client } else { Side::Server }
    }
}

impl Ends {
    fn of(segment: &Segment<'_>) -> Self {
        let (one, other) = (segment.source, segment.destination);
        Self { lower: one.min(other), upper: one.max(other) }
    }
}

/// Which side the sender of the first packet we have of a session is.
fn opener(segment: &Segment<'_>) -> Side {
    let (source, destination) = (segment.source.port(), segment.destination.port());
    match (segment.syn, segment.acknowledged) {
        (true, None) => return Side::Client,
        (true, Some(_)) => return Side::Server,
        (false, _) => {}
    }
    // Joined in the middle: a server listens on a port known for mail, or else on the lower one.
    match (MAIL_PORTS.contains(&source), MAIL_PORTS.contains(&destination)) {
        (true, false) => Side::Server,
        (false, true) => Side::Client,
        _ if source < destination => Side::Server,
        _ => Side::Client,
    }
}

const MAIL_PORTS: [u16; 10] = [24, 25, 110, 143, 465, 587, 993, 995, 2525, 4190];

// Limit: sessions followed at once; the silent ones make room, as on any firewall with a connection table.
const SESSIONS_MAX: usize = 32_768;

// Limit: what may wait in all sessions together; the session that goes over it is told with its gaps.
const HELD_OCTETS_MAX: usize = 16 << 20;

// Limit: what all sessions together keep to compare repeated octets with.
const RECENT_OCTETS_MAX: usize = 8 << 20;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;

//! The two directions of a TCP session, told in the order in which they can have happened.
//!
//! A capture may hold an answer before the question. So a segment waits until we have told what its sender had
//! acknowledged. A hole is a gap as soon as the receiver has acknowledged it and the sender has gone on behind
//! it; an acknowledgement alone makes nothing lost. Not here: whose session a segment belongs to.

use proto::{Side, Time};

use super::packet::Segment;
use super::stream::Stream;
use super::{Counts, End, Flow, FlowId};

#[derive(Debug)]
pub(super) struct FlowPair {
    id: FlowId,
    client: Stream,
    server: Stream,
}

/// Who is told, with what every message carries.
pub(super) struct Tell<'a, 'o> {
    pub(super) time: Time,
    pub(super) counts: &'a mut Counts,
    pub(super) out: &'a mut (dyn FnMut(Flow<'_>) + 'o),
}

impl FlowPair {
    pub(super) fn new(id: FlowId) -> Self {
        Self { id, client: Stream::default(), server: Stream::default() }
    }

    pub(super) fn segment(&mut self, from: Side, segment: &Segment<'_>, tell: &mut Tell<'_, '_>) {
        let (own, other) = self.streams(from);
        if segment.rst {
            return self.reset(from, segment.sequence, tell);
        }
        let sequence = segment.sequence.wrapping_add(u32::from(segment.syn));
        if segment.syn {
            own.begin(sequence);
        }
        own.join(sequence);
        let mut after = 0;
        if let Some(acknowledged) = segment.acknowledged {
            other.acknowledge(acknowledged);
            after = other.offset(acknowledged).unwrap_or(0).max(0).cast_unsigned();
        }
        self.receive(from, sequence, segment, after, tell);
        self.settle(tell);
    }

    /// Tells everything that waits, with the gaps before it; the capture is over.
    pub(super) fn drain(&mut self, tell: &mut Tell<'_, '_>) {
        self.settle(tell);
        while self.force(tell) {
            self.settle(tell);
        }
    }

    /// The same, of a session that is followed no longer.
    pub(super) fn forget(mut self, tell: &mut Tell<'_, '_>) {
        self.drain(tell);
        tell.say(Flow::Forgotten { id: self.id });
    }

    pub(super) const fn id(&self) -> FlowId {
        self.id
    }

    /// What the segments that wait cost in memory.
    pub(super) fn held_octets(&self) -> usize {
        self.client.held_octets() + self.server.held_octets()
    }

    /// What is kept to compare repeated octets with.
    pub(super) const fn recent_octets(&self) -> usize {
        self.client.recent_octets() + self.server.recent_octets()
    }

    pub(super) fn forget_recent(&mut self) {
        self.client.forget_recent();
        self.server.forget_recent();
    }

    /// Both sides were seen: a SYN was answered, or there was no need of one.
    pub(super) const fn is_answered(&self) -> bool {
        self.client.has_begun() && self.server.has_begun()
    }

    /// Whether a SYN of this side starts another session between the same ports.
    pub(super) fn is_over_with(&self, from: Side, syn: u32) -> bool {
        let own = self.stream(from);
        if own.has_begun() { !own.began_with(syn) } else { self.stream(from.other()).has_spoken() }
    }

    /// How far a segment lies from where this side has got to.
    pub(super) fn distance(&self, from: Side, sequence: u32) -> u64 {
        let own = self.stream(from);
        own.offset(sequence).map_or(u64::MAX, |offset| offset.abs_diff(own.next().cast_signed()))
    }

    fn receive(
        &mut self,
        from: Side,
        sequence: u32,
        segment: &Segment<'_>,
        after: u64,
        tell: &mut Tell<'_, '_>,
    ) {
        let id = self.id;
        let (own, other) = self.streams(from);
        let Some(at) = own.offset(sequence) else {
            tell.counts.implausible += 1;
            return;
        };
        if own.has_ended() {
            tell.counts.late += u64::from(!segment.bytes.is_empty());
            return;
        }
        let fresh = own.fresh(at, segment.bytes);
        tell.counts.retransmitted += u64::from(fresh.bytes.len() < segment.bytes.len());
        let mut differing = fresh.differing;
        if fresh.at == own.next() && !own.holds_any() && may_follow(after, other) {
            if !fresh.bytes.is_empty() {
                own.told(fresh.bytes);
                tell.say(Flow::Data { id, from, time: tell.time, bytes: fresh.bytes });
            }
        } else {
            differing += own.hold(fresh.at, fresh.bytes, after);
        }
        let end = at + segment.bytes.len() as i64 + i64::from(segment.missing);
        if let Ok(end) = u64::try_from(end) {
            own.reach(end);
            if segment.fin {
                own.finish_at(end, after);
            }
        }
        if differing > 0 {
            tell.counts.conflicting += 1;
            tell.say(Flow::Conflict { id, from, time: tell.time, octets: differing });
        }
    }

    fn reset(&mut self, from: Side, sequence: u32, tell: &mut Tell<'_, '_>) {
        let (own, _) = self.streams(from);
        if own.has_ended() {
            return;
        }
        if !own.believes_reset(sequence) {
            tell.counts.implausible += 1;
            return;
        }
        self.drain(tell);
        self.end(from, End::Reset, tell);
    }

    /// Tells what can be told by now.
    fn settle(&mut self, tell: &mut Tell<'_, '_>) {
        while self.advance(Side::Client, tell) || self.advance(Side::Server, tell) || self.untie(tell) {}
    }

    /// Two sides that wait for each other: one of them acknowledged what was never sent, and goes first.
    fn untie(&mut self, tell: &mut Tell<'_, '_>) -> bool {
        let (Some(client_after), Some(_)) = (self.client.waits_for(), self.server.waits_for()) else {
            return false;
        };
        let first = if client_after > self.server.sent() { Side::Client } else { Side::Server };
        self.release(first, tell);
        true
    }

    /// One step of one direction.
    fn advance(&mut self, from: Side, tell: &mut Tell<'_, '_>) -> bool {
        let (own, other) = self.streams(from);
        if own.waits_for().is_some_and(|after| may_follow(after, other)) {
            self.release(from, tell);
        } else if let Some(end) = own.hole_end()
            && (own.acknowledged() >= end || own.is_overfull())
        {
            self.give_up(from, end, tell);
        } else {
            return false;
        }
        true
    }

    /// One step that only the end of the capture allows: holes first, since others wait for what is behind them.
    fn force(&mut self, tell: &mut Tell<'_, '_>) -> bool {
        for from in [Side::Client, Side::Server] {
            let (own, _) = self.streams(from);
            if let Some(end) = own.hole_end().or_else(|| own.unseen_end()) {
                self.give_up(from, end, tell);
                return true;
            }
        }
        for from in [Side::Client, Side::Server] {
            let (own, _) = self.streams(from);
            if own.waits_for().is_some() {
                self.release(from, tell);
                return true;
            }
        }
        false
    }

    /// Tells the segment or the FIN that continues the stream.
    fn release(&mut self, from: Side, tell: &mut Tell<'_, '_>) {
        let id = self.id;
        let (own, _) = self.streams(from);
        match own.take() {
            Some(held) => {
                own.told(&held.bytes);
                tell.say(Flow::Data { id, from, time: tell.time, bytes: &held.bytes });
            }
            None => self.end(from, End::Fin, tell),
        }
    }

    fn give_up(&mut self, from: Side, end: u64, tell: &mut Tell<'_, '_>) {
        let id = self.id;
        let octets = self.streams(from).0.skip_to(end);
        tell.say(Flow::Gap { id, from, time: tell.time, octets });
    }

    fn end(&mut self, from: Side, how: End, tell: &mut Tell<'_, '_>) {
        let id = self.id;
        self.streams(from).0.end();
        tell.say(Flow::Ended { id, from, time: tell.time, how });
    }

    const fn stream(&self, from: Side) -> &Stream {
        match from {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// The stream of this side, and the other.
    const fn streams(&mut self, from: Side) -> (&mut Stream, &mut Stream) {
        match from {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        }
    }
}

/// Whether what was sent after its sender had received `after` octets of `other` can be told now.
fn may_follow(after: u64, other: &Stream) -> bool {
    after <= other.next() || other.has_ended() || !other.has_begun()
}

impl Tell<'_, '_> {
    fn say(&mut self, flow: Flow<'_>) {
        (self.out)(flow);
    }
}

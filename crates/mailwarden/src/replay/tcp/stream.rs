//! One direction of a TCP session: octets in order, what waits behind a hole, and what was seen twice.
//!
//! Offsets count the octets of the stream from zero, so that sequence numbers wrap here and nowhere else. Not
//! here: the other direction, and who is told.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The sequence number of the first octet; nothing until a segment was seen.
    first: Option<u32>,
    /// The offset of the first octet nobody was told of yet.
    next: u64,
    /// How far this side is known to have sent, by its own segments.
    sent: u64,
    /// How far the other side has acknowledged.
    acknowledged: u64,
    /// Segments that cannot be told yet, by offset; they do not overlap.
    held: BTreeMap<u64, Held>,
    held_octets: usize,
    fin: Option<Fin>,
    ended: bool,
    recent: Recent,
}

/// A segment that waits: for octets before it, or for octets of the other side that its sender had seen.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    /// The other side's offset that the sender had received when it sent this.
    pub(super) after: u64,
}

#[derive(Clone, Copy, Debug)]
struct Fin {
    at: u64,
    after: u64,
}

/// The part of a segment that was not told yet.
#[derive(Debug)]
pub(super) struct Fresh<'b> {
    pub(super) at: u64,
    pub(super) bytes: &'b [u8],
    /// Octets in the rest that differ from what was told before.
    pub(super) differing: usize,
}

impl Stream {
    /// A SYN says where the stream begins. A second one moves the beginning as long as nothing was said.
    pub(super) fn begin(&mut self, first: u32) {
        if self.first.is_none() || self.next == 0 && self.held.is_empty() && self.sent == 0 {
            self.first = Some(first);
        }
    }

    /// Without a SYN the stream begins where it is first seen.
    pub(super) fn join(&mut self, sequence: u32) {
        self.first.get_or_insert(sequence);
    }

    /// Where a sequence number lies in the stream; nothing if it is no window's distance away.
    pub(super) fn offset(&self, sequence: u32) -> Option<i64> {
        // Of the next offset only the lower half takes part: sequence numbers wrap with it.
        let next = self.first?.wrapping_add((self.next & 0xffff_ffff) as u32);
        let distance = i64::from(sequence.wrapping_sub(next).cast_signed());
        (distance <= WINDOW_MAX).then(|| self.next.cast_signed() + distance)
    }

    /// The other side has received everything before this sequence number.
    pub(super) fn acknowledge(&mut self, sequence: u32) {
        if let Some(offset) = self.offset(sequence) {
            self.acknowledged = self.acknowledged.max(offset.max(0).cast_unsigned());
        }
    }

    /// This side has sent everything before `offset`.
    pub(super) fn reach(&mut self, offset: u64) {
        self.sent = self.sent.max(offset);
    }

    /// Takes from a segment what was told already, and compares it.
    pub(super) fn fresh<'b>(&self, at: i64, bytes: &'b [u8]) -> Fresh<'b> {
        let old = usize::try_from(self.next.cast_signed() - at).unwrap_or(0).min(bytes.len());
        let (old, new) = bytes.split_at(old);
        // A keep-alive repeats the last octet as a zero, or any other.
        let differing =
            if bytes.len() <= 1 { 0 } else { self.recent.differing(self.next.cast_signed() - at, old) };
        Fresh { at: at.max(self.next.cast_signed()).max(0).cast_unsigned(), bytes: new, differing }
    }

    /// Keeps a segment for later; where it overlaps what is kept already, the first copy stays.
    /// Says how many octets of the two differ.
    pub(super) fn hold(&mut self, mut at: u64, mut bytes: &[u8], after: u64) -> usize {
        let mut differing = 0;
        while !bytes.is_empty() {
            let before = self.held.range(..=at).next_back();
            let known = before.and_then(|(&start, held)| held.bytes.get(usize::try_from(at - start).ok()?..));
            let piece = match known.filter(|known| !known.is_empty()) {
                Some(known) => {
                    differing += unlike(known, bytes);
                    known.len().min(bytes.len())
                }
                None => {
                    let behind = self.held.range(at..).next();
                    let room = behind.map_or(u64::MAX, |(&start, _)| start - at);
                    let room = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
                    let (piece, _) = bytes.split_at(room);
                    self.held_octets += room;
                    self.held.insert(at, Held { bytes: piece.to_vec(), after });
                    room
                }
            };
            at += piece as u64;
            bytes = bytes.split_at(piece).1;
        }
        differing
    }

    /// The octets at `next` were told.
    pub(super) fn told(&mut self, bytes: &[u8]) {
        self.next += bytes.len() as u64;
        self.sent = self.sent.max(self.next);
        self.recent.push(bytes);
    }

    /// Gives up on the octets before `end`; says how many they are.
    pub(super) fn skip_to(&mut self, end: u64) -> u64 {
        let octets = end.saturating_sub(self.next);
        self.next = self.next.max(end);
        self.sent = self.sent.max(self.next);
        self.recent.clear();
        octets
    }

    pub(super) fn finish_at(&mut self, at: u64, after: u64) {
        // The first FIN counts, unless the stream went on past it.
        if at >= self.next && self.fin.is_none_or(|fin| fin.at < self.next) {
            self.fin = Some(Fin { at, after });
        }
    }

    /// Takes the segment that continues the stream.
    pub(super) fn take(&mut self) -> Option<Held> {
        let entry = self.held.first_entry().filter(|entry| *entry.key() == self.next)?;
        let held = entry.remove();
        self.held_octets -= held.bytes.len();
        Some(held)
    }

    /// Nothing follows any more; what it took to compare and to wait is given back.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.held.clear();
        self.held_octets = 0;
        self.recent = Recent::default();
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.first.is_some()
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether anything was said, or is known to have been.
    pub(super) const fn has_spoken(&self) -> bool {
        self.sent > 0
    }

    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    pub(super) const fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    pub(super) fn holds_any(&self) -> bool {
        !self.held.is_empty()
    }

    /// What the segments that wait cost in memory.
    pub(super) fn held_octets(&self) -> usize {
        self.held_octets + self.held.len() * HELD_OVERHEAD
    }

    /// What it keeps to compare repeated octets with.
    pub(super) const fn recent_octets(&self) -> usize {
        self.recent.bytes.capacity()
    }

    /// Repeated octets are not compared with what was told before.
    pub(super) fn forget_recent(&mut self) {
        self.recent = Recent::default();
    }

    /// More waits than a sender could have outstanding, or than we care to keep.
    pub(super) fn is_overfull(&self) -> bool {
        self.held.len() > SEGMENTS_MAX || self.held_octets > OCTETS_MAX
    }

    /// How much of the other side must be told before the segment or the FIN that continues the stream.
    pub(super) fn waits_for(&self) -> Option<u64> {
        let Some((&at, held)) = self.held.first_key_value() else {
            return self.fin.filter(|fin| fin.at == self.next && !self.ended).map(|fin| fin.after);
        };
        (at == self.next).then_some(if self.held.len() > PATIENCE { 0 } else { held.after })
    }

    /// Where the hole at `next` ends: at the next octet we have, or where this side is known to have got to.
    pub(super) fn hole_end(&self) -> Option<u64> {
        match self.held.first_key_value() {
            Some((&at, _)) => (at > self.next).then_some(at),
            None => self.beyond(self.sent),
        }
    }

    /// Where the octets end that were acknowledged and never seen, at the end of the capture.
    pub(super) fn unseen_end(&self) -> Option<u64> {
        let may_be = self.has_begun() && !self.ended && !self.holds_any();
        self.beyond(self.acknowledged).filter(|_| may_be)
    }

    /// A place this side has got to, if octets are missing before it.
    fn beyond(&self, place: u64) -> Option<u64> {
        // A FIN takes a number and is no octet; where one octet seems to be missing, it is rather a FIN.
        match self.fin.filter(|fin| fin.at >= self.next) {
            Some(fin) => Some(place.min(fin.at)).filter(|&end| end > self.next),
            None => Some(place).filter(|&end| end > self.next + 1),
        }
    }

    /// Whether a reset with this sequence number is one the other side would have obeyed.
    pub(super) fn believes_reset(&self, sequence: u32) -> bool {
        // RFC 5961 §3.2: only the exact next number resets. We may have seen more or less than the receiver had.
        let lowest = self.next.min(self.acknowledged).cast_signed();
        let highest = self.sent.max(self.acknowledged).cast_signed() + 1;
        !self.has_begun() || self.offset(sequence).is_some_and(|offset| (lowest..=highest).contains(&offset))
    }

    /// Whether a SYN with this sequence number is the one that began this stream.
    pub(super) fn began_with(&self, syn: u32) -> bool {
        self.first == Some(syn.wrapping_add(1))
    }
}

/// The last octets told, to compare repeated ones with.
#[derive(Debug, Default)]
struct Recent {
    bytes: Vec<u8>,
}

impl Recent {
    fn push(&mut self, bytes: &[u8]) {
        let (_, last) = bytes.split_at(bytes.len().saturating_sub(RECENT_MAX));
        // Dropping the older half at a time moves each octet once.
        if self.bytes.len() + last.len() > 2 * RECENT_MAX {
            let kept = RECENT_MAX.saturating_sub(last.len()).min(self.bytes.len());
            self.bytes.drain(..self.bytes.len() - kept);
        }
        self.bytes.extend_from_slice(last);
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }

    /// How many of `bytes` differ from what was told `back` octets before the end.
    fn differing(&self, back: i64, bytes: &[u8]) -> usize {
        let back = usize::try_from(back).unwrap_or(0);
        // What lies too far back to be compared is passed over.
        let unknown = back.saturating_sub(self.bytes.len());
        let bytes = bytes.get(unknown..).unwrap_or_default();
        let told = self.bytes.get(self.bytes.len().saturating_sub(back)..).unwrap_or_default();
        unlike(told, bytes)
    }
}

/// In how many places the common beginning of the two differs.
fn unlike(one: &[u8], other: &[u8]) -> usize {
    let common = one.len().min(other.len());
    if one.get(..common) == other.get(..common) {
        return 0;
    }
    one.iter().zip(other).filter(|(one, other)| one != other).count()
}

/// RFC 7323 §2.3: no window is larger than 1 GiB, so a segment farther ahead belongs to something else.
const WINDOW_MAX: i64 = 1 << 30;

// Limit: what waits behind a hole in one direction; a window of a mail session is far smaller.
const SEGMENTS_MAX: usize = 1_000;
const OCTETS_MAX: usize = 4 << 20;

/// What keeping a segment takes beside its octets, roughly.
const HELD_OVERHEAD: usize = 128;

// Limit: segments that wait for the other side, which perhaps the capture does not hold at all.
const PATIENCE: usize = 16;

// Limit: how far back repeated octets are compared with the first copy; a retransmission is rarely older.
const RECENT_MAX: usize = 8 << 10;

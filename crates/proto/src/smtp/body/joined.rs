//! Runs of flawed or stuffed data as one piece each.
//!
//! Knows what may be told together, and writes it in canonical form into a buffer; what each byte becomes is the
//! decoder's. Long stretches of one kind have their own way, several times faster than line by line (the rates
//! stand in docs/performance.md); the slow twin of all of it is `Data::unit`.

use fearless_simd::{Level, dispatch};
use memchr::memchr;

use super::blocks::{self, BLOCK, Dots, copy};
use super::{At, BodyStep, Data, Flaw, Flaws, Nul, Piece};

/// Bytes that are written for one piece. Several of them make one write to a socket worth its system call.
const JOINED_MAX: usize = 16 << 10;

/// A canonical run of this length is not copied to be joined with its neighbours.
const COPIED_MAX: usize = 1024;

/// What is written of a piece in canonical form. Lives as long as whoever reads in one go.
#[derive(Debug, Default)]
pub struct Scratch {
    wire: Vec<u8>,
    /// Empty while it says the same as `wire`.
    content: Vec<u8>,
    differs: bool,
    /// Stuffed lines without their dots.
    lines: Vec<u8>,
}

impl Scratch {
    fn begin(&mut self, first: &Piece<'_>) {
        self.wire.clear();
        self.content.clear();
        self.differs = false;
        self.push(first.wire, first.content);
    }

    fn push(&mut self, wire: &[u8], content: &[u8]) {
        if !self.differs && wire != content {
            self.content.extend_from_slice(&self.wire);
            self.differs = true;
        }
        self.wire.extend_from_slice(wire);
        if self.differs {
            self.content.extend_from_slice(content);
        }
    }

    fn push_same(&mut self, bytes: &[u8]) {
        self.wire.extend_from_slice(bytes);
        if self.differs {
            self.content.extend_from_slice(bytes);
        }
    }

    fn pop_same(&mut self) {
        self.wire.pop();
        self.content.pop();
    }

    fn room(&self) -> usize {
        JOINED_MAX.saturating_sub(self.wire.len().max(self.content.len()))
    }

    fn content(&self) -> &[u8] {
        if self.differs { &self.content } else { &self.wire }
    }
}

/// A piece that is being made of several.
struct Joined<'b> {
    first: Piece<'b>,
    len: usize,
    size: usize,
    again: Flaws,
    units: u32,
}

impl Data {
    /// The next stretch of `input`, as long as its flaws were told before. A flaw of a kind that was not told is
    /// at the front of its piece. What does not count for as many bytes as it says counts for at most `most`.
    pub fn next<'b>(&mut self, input: &'b [u8], most: u64, scratch: &'b mut Scratch) -> BodyStep<'b> {
        if let Some((len, size)) = self.stuffed(input, scratch) {
            let wire = input.get(..len).unwrap_or_default();
            let content = scratch.lines.get(..size).unwrap_or_default();
            return BodyStep::Piece(Piece { len, wire, content, size, flaw: None, again: Flaws::default() });
        }
        let first = match self.unit(input) {
            BodyStep::Piece(piece) => piece,
            step => return step,
        };
        first.flaw.iter().for_each(|&flaw| self.told.add(flaw));
        if first.len >= COPIED_MAX {
            return BodyStep::Piece(first);
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut joined =
            Joined { first, len: first.len, size: first.size, again: Flaws::default(), units: 1 };
        while self.join(input.get(joined.len..).unwrap_or_default(), most, &mut joined, scratch) {}
        if joined.units == 1 {
            return BodyStep::Piece(first);
        }
        let scratch: &'b Scratch = scratch;
        BodyStep::Piece(Piece {
            len: joined.len,
            wire: &scratch.wire,
            content: scratch.content(),
            size: joined.size,
            flaw: first.flaw,
            again: joined.again,
        })
    }

    /// Adds what `rest` begins with to the piece, if it belongs there.
    fn join(&mut self, rest: &[u8], most: usize, joined: &mut Joined<'_>, scratch: &mut Scratch) -> bool {
        if self.begins_stuffed(rest)
            && blocks::canonical(rest.get(..=BLOCK).unwrap_or_default(), Dots::Overlooked) > 0
        {
            return false;
        }
        let mut ahead = self.clone();
        let BodyStep::Piece(unit) = ahead.unit(rest) else { return false };
        let told = unit.flaw.is_none_or(|flaw| self.told.contains(flaw));
        let room = if joined.units == 1 { JOINED_MAX } else { scratch.room() };
        let fits = joined.size + unit.size <= most && unit.wire.len() <= room;
        if !told || !fits || unit.len >= COPIED_MAX {
            return false;
        }
        if joined.units == 1 {
            scratch.begin(&joined.first);
        }
        joined.units += 1;
        // A stretch of one kind goes on behind its first flaw.
        let stretch = match unit.flaw {
            Some(Flaw::BareLf) => self.bare_lfs(rest, most - joined.size, &mut joined.again, scratch),
            Some(Flaw::BareCr | Flaw::Nul) => {
                self.flattened(rest, most - joined.size, &mut joined.again, scratch)
            }
            _ => 0,
        };
        if stretch > 0 {
            joined.len += stretch;
            joined.size += stretch;
            return true;
        }
        *self = ahead;
        unit.flaw.iter().for_each(|&flaw| joined.again.add(flaw, 1));
        joined.len += unit.len;
        joined.size += unit.size;
        scratch.push(unit.wire, unit.content);
        true
    }

    /// Lines in canonical form, the first of which is stuffed: bytes taken, which go on as they are, and bytes
    /// that they say.
    fn stuffed(&mut self, input: &[u8], scratch: &mut Scratch) -> Option<(usize, usize)> {
        if !self.begins_stuffed(input) {
            return None;
        }
        let stretch = blocks::canonical(input.get(..JOINED_MAX).unwrap_or(input), Dots::Overlooked);
        if stretch == 0 {
            return None;
        }
        scratch.lines.resize(JOINED_MAX + BLOCK, 0);
        let lines = scratch.lines.as_mut_slice();
        let (taken, said) =
            dispatch!(Level::new(), machine => blocks::without_dots(machine, input, stretch, lines));
        let ended = input.get(..taken).is_some_and(|taken| taken.ends_with(b"\n"));
        self.at = if ended { At::LineStart } else { At::Middle };
        Some((taken, said))
    }

    fn begins_stuffed(&self, input: &[u8]) -> bool {
        self.at == At::LineStart && self.waiting == 0 && self.owed == 0 && input.starts_with(b"..")
    }

    /// Whole blocks of lines that end with a bare LF, from a bare LF on. Bytes of `input` that were taken.
    fn bare_lfs(&mut self, input: &[u8], most: usize, again: &mut Flaws, scratch: &mut Scratch) -> usize {
        let input = input.get(..most.min(scratch.room() / 2)).unwrap_or(input);
        let begin = scratch.wire.len();
        let (mut taken, mut written) = (0, begin);
        for (block, behind) in blocks::pairs(input) {
            let (mut stop, mut lfs) = (false, 0_u8);
            for (&byte, &next) in block.iter().zip(behind) {
                stop |= (byte == b'\r') | (byte == 0) | (byte == b'\n') & (next == b'.');
                lfs += u8::from(byte == b'\n');
            }
            if stop {
                break;
            }
            // For twice the bytes, and what `copy` may write behind them.
            scratch.wire.resize(written + 3 * BLOCK, 0);
            let to = scratch.wire.get_mut(written..).unwrap_or_default();
            if usize::from(lfs) > DENSE {
                end_each(block, to);
            } else {
                end_lines(block, to);
            }
            again.add(Flaw::BareLf, lfs.into());
            taken += BLOCK;
            written += BLOCK + usize::from(lfs);
        }
        scratch.wire.truncate(written);
        if scratch.differs {
            scratch.content.extend_from_slice(scratch.wire.get(begin..).unwrap_or_default());
        }
        match input.get(..taken) {
            None | Some([]) => {}
            Some([.., b'\n']) => self.at = At::LooseStart,
            Some(_) => self.at = At::Middle,
        }
        taken
    }

    /// Text whose flaws each become one space, from such a flaw on. Bytes of `input` that were taken.
    fn flattened(&mut self, input: &[u8], most: usize, again: &mut Flaws, scratch: &mut Scratch) -> usize {
        if self.nul == Nul::Pass || !self.told.contains(Flaw::BareCr) && !self.told.contains(Flaw::Nul) {
            return 0;
        }
        let input = input.get(..most.min(scratch.room())).unwrap_or(input);
        let mut taken = 0;
        for (block, behind) in blocks::pairs(input) {
            let mut flat = [0; BLOCK];
            let (mut stop, mut crs, mut nuls) = (false, 0_u8, 0_u8);
            for ((&byte, &next), flat) in block.iter().zip(behind).zip(&mut flat) {
                let cr = (byte == b'\r') & (next != b'\n');
                let starts = (byte == b'\r') | (byte == b'\n');
                stop |= (byte != b'\r') & (next == b'\n') | starts & (next == b'.');
                crs += u8::from(cr);
                nuls += u8::from(byte == 0);
                *flat = if cr | (byte == 0) { b' ' } else { byte };
            }
            let untold = |flaw, times| times > 0 && !self.told.contains(flaw);
            if stop || untold(Flaw::BareCr, crs) || untold(Flaw::Nul, nuls) {
                break;
            }
            again.add(Flaw::BareCr, crs.into());
            again.add(Flaw::Nul, nuls.into());
            scratch.push_same(&flat);
            taken += BLOCK;
        }
        self.at = match input.get(..taken).unwrap_or_default() {
            [] => return 0,
            [.., b'\r'] if input.get(taken) == Some(&b'\n') => {
                scratch.pop_same();
                taken -= 1;
                At::Middle
            }
            [.., b'\r'] => At::AfterCr,
            [.., b'\n'] => At::LineStart,
            _ => At::Middle,
        };
        taken
    }
}

/// Line ends in a block above which they are written byte by byte, without a branch for each.
const DENSE: usize = 4;

/// Writes a block with a CR before each LF, at the same pace whatever it holds.
fn end_each(block: &[u8; BLOCK], to: &mut [u8]) {
    let Some(to) = to.first_chunk_mut::<{ 2 * BLOCK }>() else { return };
    let mut written = 0;
    for &byte in block {
        // Overwritten by the byte itself where that is no LF.
        to.get_mut(written).into_iter().for_each(|to| *to = b'\r');
        written += usize::from(byte == b'\n');
        to.get_mut(written).into_iter().for_each(|to| *to = byte);
        written += 1;
    }
}

/// Writes a block with a CR before each LF, line by line.
fn end_lines(block: &[u8; BLOCK], to: &mut [u8]) {
    let (mut rest, mut written) = (&block[..], 0);
    while let Some(found) = memchr(b'\n', rest) {
        let (line, more) = rest.split_at_checked(found).unwrap_or_default();
        copy(to.get_mut(written..).unwrap_or_default(), line, found);
        written += found;
        to.get_mut(written).into_iter().for_each(|to| *to = b'\r');
        to.get_mut(written + 1).into_iter().for_each(|to| *to = b'\n');
        written += 2;
        rest = more.get(1..).unwrap_or_default();
    }
    copy(to.get_mut(written..).unwrap_or_default(), rest, rest.len());
}

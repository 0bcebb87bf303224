//! BDAT: bytes are counted, never changed.

use memchr::memchr3;

use super::blocks::{self, BLOCK, Dots};
use super::{BodyStep, Flaw, Flaws, Piece};

/// Reads the bytes behind one BDAT command.
#[derive(Clone, Debug)]
pub struct Chunk {
    left: u64,
    last: bool,
    /// Whether any byte is allowed: the transaction has an accepted BODY=BINARYMIME.
    binary: bool,
    /// A flaw was told.
    told: bool,
    /// The byte before was a CR, perhaps the last one of the chunk before.
    pub after_cr: bool,
}

impl Chunk {
    pub const fn new(size: u64, last: bool, binary: bool, after_cr: bool) -> Self {
        Self { left: size, last, binary, told: false, after_cr }
    }

    /// Octets of the chunk that have not been read.
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// So many bytes are missing here.
    pub const fn pass_over(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
        self.after_cr = false;
    }

    /// The next stretch of `input`, as long as flaws were told before.
    pub fn next<'b>(&mut self, input: &'b [u8]) -> BodyStep<'b> {
        let mut piece = match self.unit(input) {
            BodyStep::Piece(piece) => piece,
            step => return step,
        };
        self.told |= piece.flaw.is_some();
        while self.told {
            let BodyStep::Piece(unit) = self.unit(input.get(piece.len..).unwrap_or_default()) else { break };
            unit.flaw.iter().for_each(|&flaw| piece.again.add(flaw, 1));
            piece.len += unit.len;
        }
        let run = input.get(..piece.len).unwrap_or_default();
        BodyStep::Piece(Piece { wire: run, content: run, size: run.len(), ..piece })
    }

    /// The next stretch of `input`: one run, or one flaw.
    pub fn unit<'b>(&mut self, input: &'b [u8]) -> BodyStep<'b> {
        if self.left == 0 {
            return BodyStep::End { len: 0 };
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
        let input = input.get(..most).unwrap_or_default();
        let Some(&first) = input.first() else { return BodyStep::NeedMore };
        let (len, flaw) = if self.binary { (most, None) } else { self.run(first, input) };
        if len == 0 {
            return BodyStep::NeedMore;
        }
        self.left -= len as u64;
        let run = input.get(..len).unwrap_or_default();
        self.after_cr = self.left == 0 && flaw.is_none() && run.last() == Some(&b'\r');
        BodyStep::Piece(Piece { len, wire: run, content: run, size: len, flaw, again: Flaws::NONE })
    }

    /// The bytes up to the next flaw, or one byte that is the flaw. A CR waits for the byte
    /// behind it, which the next chunk may bring; behind the last chunk nothing comes.
    fn run(&self, first: u8, input: &[u8]) -> (usize, Option<Flaw>) {
        if self.after_cr && first != b'\n' {
            return (1, Some(Flaw::BareCr));
        }
        let mut done = usize::from(self.after_cr);
        let mut from = done;
        loop {
            if done >= from {
                done += blocks::canonical(input.get(done..).unwrap_or_default(), Dots::Seen);
                from = done + BLOCK;
            }
            let rest = input.get(done..).unwrap_or_default();
            let Some(found) = memchr3(b'\r', b'\n', 0, rest) else { return (input.len(), None) };
            let chunk_ends = self.left == input.len() as u64;
            let flaw = match rest.get(found..).unwrap_or_default() {
                [b'\r', b'\n', ..] => {
                    done += found + 2;
                    continue;
                }
                [b'\r'] if chunk_ends && self.last => Flaw::BareCr,
                [b'\r'] if chunk_ends => return (input.len(), None),
                [b'\r'] => return (done + found, None),
                [b'\r', ..] => Flaw::BareCr,
                [b'\n', ..] => Flaw::BareLf,
                _ => Flaw::Nul,
            };
            return match done + found {
                0 => (1, Some(flaw)),
                len => (len, None),
            };
        }
    }
}

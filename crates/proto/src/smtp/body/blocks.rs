//! Message data looked at in whole blocks: what is judged of pairs of bytes alone, so that a compiler makes
//! vectors of it, as wide as the machine that runs it has them (docs/decisions/012-vectors-of-the-machine.md).
//!
//! A look at each line costs a tenth of the CPU of a message (docs/performance.md). The slow twin is the decoder
//! itself, given one byte at a time.

use fearless_simd::{Level, Simd, SimdBase, SimdMask, dispatch, u8x64};

/// So many bytes are looked at together: a few vectors of any machine.
pub(super) const BLOCK: usize = 64;

/// Whether a dot behind a line end needs a closer look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dots {
    Seen,
    Overlooked,
}

/// How many bytes at the front of `input`, which begins no line end's second half, need no closer look: whole
/// blocks in which CR and LF only come together and no NUL comes, nor, if dots are seen, a dot behind a line end.
pub(super) fn canonical(input: &[u8], dots: Dots) -> usize {
    if input.first() == Some(&b'\n') {
        return 0;
    }
    let done = dispatch!(Level::new(), _machine => match dots {
        Dots::Seen => whole(input, |byte, next| torn(byte, next) | (byte == b'\n') & (next == b'.')),
        Dots::Overlooked => whole(input, torn),
    });
    match input.get(..done) {
        // The line end that goes on behind the blocks is left whole.
        Some([.., b'\r']) => done - 1,
        _ => done,
    }
}

#[inline(always)]
fn torn(byte: u8, next: u8) -> bool {
    ((byte == b'\r') != (next == b'\n')) | (byte == 0)
}

/// The bytes of the blocks before the first in which a byte, with the one behind it, needs a closer look.
#[inline(always)]
fn whole(input: &[u8], needs_a_look: impl Fn(u8, u8) -> bool) -> usize {
    let count = pairs(input).take_while(|(block, behind)| {
        let pairs = block.iter().zip(*behind);
        !pairs.fold(false, |found, (&byte, &next)| found | needs_a_look(byte, next))
    });
    BLOCK * count.count()
}

/// The blocks of `input`, each with the bytes behind its bytes.
pub(super) fn pairs(input: &[u8]) -> impl Iterator<Item = (&[u8; BLOCK], &[u8; BLOCK])> {
    let behind = input.get(1..).unwrap_or_default();
    input.as_chunks().0.iter().zip(behind.as_chunks().0)
}

/// Writes what canonical lines say, the first of which is stuffed: the front of `input` up to `stretch`, or up to a
/// dot at a line start that is no stuffing. Bytes read, and bytes written to `lines`, which has a block to spare.
#[inline(always)]
pub(super) fn without_dots<S: Simd>(
    machine: S,
    input: &[u8],
    stretch: usize,
    lines: &mut [u8],
) -> (usize, usize) {
    let mut write = |from: usize, to: usize, said: usize| {
        let lines = lines.get_mut(said..).unwrap_or_default();
        copy(lines, input.get(from..).unwrap_or_default(), to - from);
        said + (to - from)
    };
    let (mut from, mut said) = (1, 0);
    let blocks = pairs(input).take(stretch.div_ceil(BLOCK));
    for (begin, (block, behind)) in (0..).step_by(BLOCK).zip(blocks) {
        let mut dots = dots_behind(machine, block, behind);
        while dots != 0 {
            let dot = begin + dots.trailing_zeros() as usize + 1;
            dots &= dots - 1;
            if dot >= stretch || input.get(dot + 1) != Some(&b'.') {
                let end = dot.min(stretch);
                return (end, write(from, end, said));
            }
            said = write(from, dot, said);
            from = dot + 1;
        }
    }
    (stretch, write(from, stretch, said))
}

/// A bit for each LF of a block with a dot behind it.
#[inline(always)]
fn dots_behind<S: Simd>(machine: S, block: &[u8; BLOCK], behind: &[u8; BLOCK]) -> u64 {
    let is = |bytes, byte| u8x64::from_slice(machine, bytes).simd_eq(u8x64::splat(machine, byte));
    (is(block, b'\n') & is(behind, b'.')).to_bitmask()
}

/// Copies the first `len` bytes, and perhaps some behind them: whole blocks, where there are any, cost less than
/// their exact number.
#[inline(always)]
pub(super) fn copy(to: &mut [u8], from: &[u8], len: usize) {
    let mut done = 0;
    while done < len {
        let to = to.get_mut(done..).unwrap_or_default();
        let from = from.get(done..).unwrap_or_default();
        if let (Some(to), Some(from)) = (to.first_chunk_mut::<BLOCK>(), from.first_chunk()) {
            *to = *from;
        } else {
            let left = (len - done).min(to.len()).min(from.len());
            if let (Some(to), Some(from)) = (to.get_mut(..left), from.get(..left)) {
                to.copy_from_slice(from);
            }
        }
        done += BLOCK;
    }
}

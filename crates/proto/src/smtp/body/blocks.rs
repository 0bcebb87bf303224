//! Message data looked at in whole blocks: what is judged of pairs of bytes alone, so that a compiler makes
//! vectors of it.
//!
//! A look at each line costs a tenth of the CPU of a message (docs/performance.md). The slow twin is the decoder
//! itself, given one byte at a time.

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
    let done = match dots {
        Dots::Seen => whole(input, |byte, next| torn(byte, next) | (byte == b'\n') & (next == b'.')),
        Dots::Overlooked => whole(input, torn),
    };
    match input.get(..done) {
        // The line end that goes on behind the blocks is left whole.
        Some([.., b'\r']) => done - 1,
        _ => done,
    }
}

fn torn(byte: u8, next: u8) -> bool {
    ((byte == b'\r') != (next == b'\n')) | (byte == 0)
}

/// The bytes of the blocks before the first in which a byte, with the one behind it, needs a closer look.
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

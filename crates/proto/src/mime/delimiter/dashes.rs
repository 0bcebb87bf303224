//! Lines that begin with two dashes, found in whole blocks (docs/decisions/012-vectors-of-the-machine.md).
//!
//! Every octet of a body is searched for them. The search of `memchr` for three octets costs 330,000 instructions
//! for a MiB, and this two thirds. The slow twin in the test goes from octet to octet.

use std::sync::LazyLock;

use fearless_simd::{Level, Simd, SimdBase, SimdMask, dispatch, u8x64};
use memchr::memmem::Finder;

/// So many octets are looked at together.
const BLOCK: usize = 64;

static DASHES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\n--"));

/// Where the first LF is with two dashes behind it.
pub(super) fn find(octets: &[u8]) -> Option<usize> {
    let (passed, found) = dispatch!(Level::new(), machine => in_blocks(machine, octets));
    found.or_else(|| DASHES.find(octets.get(passed..)?)).map(|at| passed + at)
}

/// The octets of the blocks in which there is none, and where it is in the one behind them, if there is one.
#[inline(always)]
fn in_blocks<S: Simd>(machine: S, octets: &[u8]) -> (usize, Option<usize>) {
    let is = |bytes, octet| u8x64::from_slice(machine, bytes).simd_eq(u8x64::splat(machine, octet));
    let [first, second, third] = [0, 1, 2].map(|from| octets.get(from..).unwrap_or_default());
    let blocks = first.as_chunks::<BLOCK>().0.iter().zip(second.as_chunks::<BLOCK>().0);
    let mut passed = 0;
    for ((block, next), last) in blocks.zip(third.as_chunks::<BLOCK>().0) {
        let dash = is(block, b'\n') & is(next, b'-');
        if dash.any_true() {
            let dashes = (dash & is(last, b'-')).to_bitmask();
            if dashes != 0 {
                return (passed, Some(dashes.trailing_zeros() as usize));
            }
        }
        passed += BLOCK;
    }
    (passed, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_wherever_it_is() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut found = 0;
        for round in 0..20_000 {
            let len = random.usize(..300);
            let rare = random.u8(..) / 4;
            let octets: Vec<u8> = (0..len)
                .map(|_| match random.u8(..=rare) {
                    0 => b'\n',
                    1..3 => b'-',
                    _ => b'x',
                })
                .collect();
            let expected = octets.windows(3).position(|three| three == b"\n--");
            assert_eq!(find(&octets), expected, "round {round}: {}", octets.escape_ascii());
            found += usize::from(expected.is_some_and(|at| at > BLOCK));
        }
        assert!(found > 100, "{found}");
    }
}

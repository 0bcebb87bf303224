//! Lines that are not too long, gone over many at a time: from one line end to the last one within the length that
//! is allowed, which is found in whole blocks (docs/decisions/012-vectors-of-the-machine.md).
//!
//! With a limit of 998, two searches of `memrchr` for each kilobyte cost 200,000 instructions for a MiB of message,
//! and this a quarter of them. The slow twin is in the test: the lines one by one.

use fearless_simd::{Level, Simd, SimdBase, SimdMask, dispatch, u8x64};

use super::LineEnds;

/// So many octets are looked at together.
const BLOCK: usize = 64;

/// Octets at the front of `octets`, which begins a line, up to and with a line end, among which no line is longer
/// than `over` without its line end. There may be more of them.
pub(super) fn short_lines(octets: &[u8], over: u64, line_ends: LineEnds) -> usize {
    let allowed = usize::try_from(line_ends.allowed(over)).unwrap_or(usize::MAX);
    if allowed <= BLOCK || octets.len() <= allowed {
        return 0;
    }
    dispatch!(Level::new(), machine => hop(machine, octets, allowed, line_ends))
}

#[inline(always)]
fn hop<S: Simd>(machine: S, octets: &[u8], allowed: usize, line_ends: LineEnds) -> usize {
    let mut from = 0;
    while let Some(window) = octets.get(from..).and_then(|rest| rest.get(..allowed)) {
        let Some(len) = last_line_end(machine, window, line_ends) else { break };
        from += len;
    }
    from
}

/// Octets up to and with the last line end, unless that is in the first block.
#[inline(always)]
fn last_line_end<S: Simd>(machine: S, octets: &[u8], line_ends: LineEnds) -> Option<usize> {
    let is = |bytes, byte| u8x64::from_slice(machine, bytes).simd_eq(u8x64::splat(machine, byte));
    let mut len = octets.len();
    while let Some((before, block)) = octets.get(..len)?.split_last_chunk::<BLOCK>() {
        let behind = octets.get(before.len().checked_sub(1)?..)?.first_chunk::<BLOCK>()?;
        let ends = match line_ends {
            LineEnds::Crlf => is(block, b'\n') & is(behind, b'\r'),
            LineEnds::LfToo => is(block, b'\n'),
        };
        let ends = ends.to_bitmask();
        if ends != 0 {
            return Some(len - ends.leading_zeros() as usize);
        }
        len = before.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `octets` with their ends, one by one; the last may have none.
    fn lines(octets: &[u8], line_ends: LineEnds) -> Vec<&[u8]> {
        let mut lines = Vec::new();
        let mut rest = octets;
        while let Some(len) = line_ends.line_len(rest, false) {
            let (line, behind) = rest.split_at(len);
            lines.push(line);
            rest = behind;
        }
        lines
    }

    #[test]
    fn no_line_that_is_too_long_is_gone_over() {
        let mut random = fastrand::Rng::with_seed(7);
        let kinds: [&[u8]; 5] = [b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n"];
        let mut gone_over = 0;
        for round in 0..2000 {
            let over = [62, 63, 64, 100, 998][random.usize(..5)];
            let mut text = Vec::new();
            while text.len() < 5000 {
                let longest = if random.u8(..30) == 0 { 2 * over } else { 90.min(over) };
                text.resize(text.len() + random.usize(..=longest), b'x');
                text.extend_from_slice(kinds[random.usize(..kinds.len())]);
            }
            for line_ends in [LineEnds::Crlf, LineEnds::LfToo] {
                let (mut end, mut ends) = (0, vec![0]);
                for line in lines(&text, line_ends) {
                    let text = line.strip_suffix(b"\n").unwrap_or(line);
                    if text.strip_suffix(b"\r").unwrap_or(text).len() > over {
                        break;
                    }
                    end += line.len();
                    ends.push(end);
                }
                let len = short_lines(&text, over as u64, line_ends);
                assert!(ends.contains(&len), "round {round}, over {over}, {line_ends:?}: {len} of {end}");
                gone_over += usize::from(len > 0);
            }
        }
        assert!(gone_over > 1000, "{gone_over}");
    }

    #[test]
    fn ordinary_text_is_gone_over_but_for_its_end() {
        let text = [&[b'x'; 76][..], b"\r\n"].concat().repeat(500);
        let len = short_lines(&text, 998, LineEnds::Crlf);
        assert!(len + 1000 >= text.len() && len.is_multiple_of(78), "{len} of {}", text.len());
    }
}

//! Message data: where it ends and what goes on is the same for every cut, means the same to every
//! reader, and is left as it is when it is read again.

use proto::smtp::body::{BodyStep, Chunk, Flaw, Nul};

use crate::cuts::Cuts;
use crate::input::Input;
use crate::permissive::ends_of_data;
use crate::transcript::{Transcript, decode, decode_joined};

const CONTENT_MAX: usize = 4096;
const END: &[u8] = b".\r\n";

pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let flags = input.octet();
    let cuts = Cuts::of(&mut input);
    let sizes = Cuts::of(&mut input);
    let content = input.take(CONTENT_MAX);
    check_data(Nul::Space, content, cuts);
    check_data(Nul::Pass, content, cuts);
    check_chunks(content, flags & 1 == 1, flags & 2 == 2, sizes, cuts);
}

/// A run of NULs is reported once for each cut, so the NULs that follow a NUL are left out.
fn transcript(nul: Nul, input: &[u8], mut cuts: Cuts<'_>) -> Transcript {
    let mut transcript = decode(nul, input, |left| cuts.next(left));
    transcript.flaws.dedup_by(|flaw, before| *flaw == Flaw::Nul && *before == Flaw::Nul);
    transcript
}

fn check_data(nul: Nul, content: &[u8], cuts: Cuts<'_>) {
    let whole = transcript(nul, content, Cuts::WHOLE);
    assert_eq!(transcript(nul, content, cuts), whole);
    assert_eq!(transcript(nul, content, Cuts::SINGLE), whole);
    check_joined(nul, content, cuts);
    assert_eq!(
        ends_of_data(&whole.wire),
        0,
        "a reader behind us sees an end in {}",
        whole.wire.escape_ascii()
    );
    let Some(ends) = whole.ends else { return };
    assert!(content[..ends].ends_with(END));
    assert!(whole.wire.is_empty() || whole.wire.ends_with(b"\r\n"));
    let again = transcript(nul, &[&whole.wire, END].concat(), cuts);
    assert_eq!(again.ends, Some(whole.wire.len() + END.len()));
    assert_eq!(again.wire, whole.wire, "what left is changed when it is read again");
    assert_eq!(again.content, whole.content, "what left means something else than was said");
    // A NUL that passes is one again, also behind the dot that was put before it.
    let passes = |flaw: &Flaw| nul == Nul::Pass && matches!(flaw, Flaw::Nul | Flaw::EndLookAlike);
    assert!(again.flaws.iter().all(passes), "{:?}", again.flaws);
}

/// Runs of flaws that are read as one piece are what their units one by one are. Repeated, so that the stretches
/// that have a way of their own become long enough for it.
fn check_joined(nul: Nul, content: &[u8], mut cuts: Cuts<'_>) {
    let repeated = content.repeat(1 + 256 / content.len().max(1));
    for content in [content, &repeated] {
        let units = decode(nul, content, |left| left).counted();
        let most = 1 + content.len() as u64 / 7;
        assert_eq!(decode_joined(nul, content, |left| left, u64::MAX).counted(), units);
        assert_eq!(decode_joined(nul, content, |left| left, most).counted(), units);
        assert_eq!(decode_joined(nul, content, |left| cuts.next(left), u64::MAX).counted(), units);
    }
}

/// The content as chunks of the sizes `sizes` names.
fn check_chunks(content: &[u8], binary: bool, last: bool, sizes: Cuts<'_>, cuts: Cuts<'_>) {
    let (whole, times) = hear_chunks(content, binary, last, sizes, Cuts::WHOLE, Chunk::unit);
    for cuts in [cuts, Cuts::SINGLE] {
        let heard = hear_chunks(content, binary, last, sizes, cuts, Chunk::unit);
        assert_eq!(heard, (whole.clone(), times));
    }
    for cuts in [Cuts::WHOLE, cuts, Cuts::SINGLE] {
        let (told, joined_times) = hear_chunks(content, binary, last, sizes, cuts, Chunk::next);
        assert_eq!((told.first(), joined_times), (whole.first(), times));
    }
    assert!(!binary || whole.is_empty());
    for &(at, flaw) in &whole {
        let expected: &[u8] = match flaw {
            // Told where the CR is, or at the octet that shows that it stands alone.
            Flaw::BareCr if content[at] != b'\r' => &content[at..=at],
            Flaw::BareCr => b"\r",
            Flaw::BareLf => b"\n",
            Flaw::Nul => b"\0",
            Flaw::EndLookAlike | Flaw::LoneDot => panic!("{flaw:?} is nothing in a chunk"),
        };
        assert_eq!(&content[at..=at], expected);
    }
}

/// The flaws of all chunks and where they are, as far as they begin a piece, and how many there are in all.
fn hear_chunks(
    content: &[u8],
    binary: bool,
    last: bool,
    mut sizes: Cuts<'_>,
    mut cuts: Cuts<'_>,
    next: for<'b> fn(&mut Chunk, &'b [u8]) -> BodyStep<'b>,
) -> (Vec<(usize, Flaw)>, u32) {
    let (mut flaws, mut times) = (Vec::new(), 0);
    let (mut after_cr, mut begin) = (false, 0);
    while begin < content.len() {
        let size = sizes.next(content.len() - begin);
        let last = last && begin + size == content.len();
        let mut chunk = Chunk::new(size as u64, last, binary, after_cr);
        let (mut taken, mut seen) = (begin, begin);
        while seen < begin + size {
            seen += cuts.next(begin + size - seen);
            while let BodyStep::Piece(piece) = next(&mut chunk, &content[taken..seen]) {
                assert!(piece.wire == &content[taken..taken + piece.len] && piece.content == piece.wire);
                assert!(piece.len > 0 && piece.size == piece.len);
                flaws.extend(piece.flaw.map(|flaw| (taken, flaw)));
                times += u32::from(piece.flaw.is_some());
                times += piece.again.iter().map(|(_, times)| times).sum::<u32>();
                taken += piece.len;
            }
            assert!(seen - taken <= 1, "more than one octet is held back");
        }
        assert!(taken == begin + size && chunk.left() == 0);
        assert_eq!(chunk.next(b"x"), BodyStep::End { len: 0 });
        after_cr = chunk.after_cr;
        begin = taken;
    }
    (flaws, times)
}

#[cfg(test)]
pub(crate) fn generate(random: &mut fastrand::Rng) -> Vec<u8> {
    const WORDS: &[&[u8]] =
        &[b"\r\n", b"\r\n", b"\r", b"\n", b".", b".", b"\0", b"a", b" ", b"\r\n.", b"bcd"];
    let mut input = vec![random.u8(..)];
    for _ in 0..2 {
        let count = random.u8(..4);
        input.push(count);
        input.extend((0..count).map(|_| random.u8(..6)));
    }
    for _ in 0..random.usize(1..24) {
        input.extend_from_slice(random.choice(WORDS).unwrap_or(&&b""[..]));
    }
    if random.bool() {
        input.extend_from_slice(b"\r\n.\r\n");
    }
    input
}

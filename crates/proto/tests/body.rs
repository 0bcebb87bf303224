//! Message data and chunks: what is sent on for each input, in any cut.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[path = "../../../fuzz/bodies/permissive.rs"]
mod permissive;
#[path = "../../../fuzz/bodies/transcript.rs"]
mod transcript;

use permissive::ends_of_data;
use proto::smtp::body::{BodyStep, Chunk, Data, Flaw, Nul, Scratch};
use transcript::{Transcript, decode, decode_joined};

/// Several of the decoder's blocks of 64 bytes fit into what is read here.
const BLOCK: usize = 64;

fn transcript_of(nul: Nul, input: &[u8]) -> Transcript {
    decode(nul, input, |left| left)
}

#[test]
fn canonical_data_goes_on_as_it_came() {
    let whole = transcript_of(Nul::Space, b"a\r\n..b\r\n\r\n...\r\n.\r\nQUIT\r\n");
    assert_eq!(whole.wire, b"a\r\n..b\r\n\r\n...\r\n");
    assert_eq!(whole.content, b"a\r\n.b\r\n\r\n..\r\n");
    assert_eq!(whole.size, whole.content.len());
    assert_eq!((whole.flaws, whole.ends), (vec![], Some(b"a\r\n..b\r\n\r\n...\r\n.\r\n".len())));
}

#[test]
fn only_crlf_dot_crlf_is_the_end_and_every_look_alike_is_made_harmless() {
    let table: &[(&[u8], &[u8], &[Flaw])] = &[
        (b"a\n.\nb", b"a\r\n..\r\nb", &[Flaw::BareLf, Flaw::EndLookAlike, Flaw::BareLf]),
        (b"a\n.\rb", b"a\r\n.. b", &[Flaw::BareLf, Flaw::EndLookAlike, Flaw::BareCr]),
        (b"a\r.\nb", b"a .\r\nb", &[Flaw::BareCr, Flaw::EndLookAlike, Flaw::BareLf]),
        (b"a\r.\rb", b"a . b", &[Flaw::BareCr, Flaw::EndLookAlike, Flaw::BareCr]),
        (b"a\n.\r\nb", b"a\r\n..\r\nb", &[Flaw::BareLf, Flaw::EndLookAlike]),
        (b"a\r.\r\nb", b"a .\r\nb", &[Flaw::BareCr, Flaw::EndLookAlike]),
        (b"a\r\n\0.\r\nb", b"a\r\n .\r\nb", &[Flaw::Nul]),
        (b"a\r\n.\nb", b"a\r\n\r\nb", &[Flaw::EndLookAlike, Flaw::BareLf]),
        (b"a\r\n.\rb", b"a\r\n b", &[Flaw::EndLookAlike, Flaw::BareCr]),
        (b"a\r\n.\r\r\nb", b"a\r\n \r\nb", &[Flaw::EndLookAlike, Flaw::BareCr]),
        (b"a\r\r\n.\r\r\nb", b"a \r\n \r\nb", &[Flaw::BareCr, Flaw::EndLookAlike, Flaw::BareCr]),
        (b"a\r\n.\0\r\nb", b"a\r\n \r\nb", &[Flaw::EndLookAlike, Flaw::Nul]),
        (b"a\r\n. \r\nb", b"a\r\n \r\nb", &[Flaw::LoneDot]),
        (b"a\r\n.x\r\nb", b"a\r\nx\r\nb", &[Flaw::LoneDot]),
        (b"a\n\r.\r\nb", b"a\r\n .\r\nb", &[Flaw::BareLf, Flaw::BareCr, Flaw::EndLookAlike]),
        (b"a\n..\nb", b"a\r\n...\r\nb", &[Flaw::BareLf, Flaw::BareLf]),
    ];
    for (input, wire, flaws) in table {
        let said = [input, &b"\r\n.\r\n"[..]].concat();
        let whole = transcript_of(Nul::Space, &said);
        assert_eq!(whole.wire, [wire, &b"\r\n"[..]].concat(), "{}", input.escape_ascii());
        assert_eq!(whole.flaws, *flaws, "{}", input.escape_ascii());
        assert_eq!(whole.ends, Some(said.len()), "{}", input.escape_ascii());
    }
}

#[test]
fn nuls_that_pass_cannot_hide_a_dot_at_a_line_start() {
    let table: &[(&[u8], &[u8])] = &[
        (b"a\r\n\0.\r\nb", b"a\r\n.\0.\r\nb"),
        (b"a\r\n\0\0x\0", b"a\r\n\0\0x\0"),
        (b"a\r\n.\0.\r\nb", b"a\r\n.\0.\r\nb"),
        (b"a\n\0.\r\nb", b"a\r\n.\0.\r\nb"),
        (b"a\r\n\0\r\nb", b"a\r\n\0\r\nb"),
    ];
    for (input, wire) in table {
        let whole = transcript_of(Nul::Pass, &[input, &b"\r\n.\r\n"[..]].concat());
        assert_eq!(whole.wire, [wire, &b"\r\n"[..]].concat(), "{}", input.escape_ascii());
    }
}

#[test]
fn a_permissive_reader_sees_one_message_and_any_cut_gives_the_same() {
    let mut random = fastrand::Rng::with_seed(7);
    let alphabet: [&[u8]; 9] = [b"\r\n", b"\r", b"\n", b".", b".", b"\0", b"a", b" ", b"\r\n."];
    for _ in 0..20_000 {
        let mut input = Vec::new();
        (0..random.usize(1..12)).for_each(|_| input.extend_from_slice(alphabet[random.usize(0..9)]));
        input.extend_from_slice(b"\r\n.\r\n");
        for nul in [Nul::Space, Nul::Pass] {
            let whole = transcript_of(nul, &input);
            assert!(whole.ends.is_some());
            assert_eq!(
                ends_of_data(&whole.wire),
                0,
                "{} became {}",
                input.escape_ascii(),
                whole.wire.escape_ascii()
            );
            let again = decode(nul, &whole.wire, |left| left.min(1000));
            let expected: &[u8] = if whole.wire.is_empty() { b"" } else { &whole.content };
            assert_eq!(again.content, expected, "our output means what we said it means");
            assert_eq!(
                decode(nul, &input, |left| random.usize(1..4).min(left)),
                whole,
                "{}",
                input.escape_ascii()
            );
            assert_eq!(decode(nul, &input, |_| 1), whole, "{}", input.escape_ascii());
        }
    }
}

/// The chunks read in pieces of `cut` bytes: where the first flaw is, over all of them.
fn first_flaw(chunks: &[&[u8]], cut: usize) -> Option<(usize, Flaw)> {
    let (mut after_cr, mut before) = (false, 0);
    for (number, input) in chunks.iter().enumerate() {
        let mut chunk = Chunk::new(input.len() as u64, number + 1 == chunks.len(), false, after_cr);
        let (mut taken, mut seen) = (0, 0);
        while seen < input.len() {
            seen = (seen + cut).min(input.len());
            while let BodyStep::Piece(piece) = chunk.unit(&input[taken..seen]) {
                if let Some(flaw) = piece.flaw {
                    return Some((before + taken, flaw));
                }
                taken += piece.len;
            }
        }
        assert_eq!(taken, input.len());
        before += taken;
        after_cr = chunk.after_cr;
    }
    None
}

#[test]
fn a_chunk_counts_bytes_and_names_the_first_flaw() {
    let table: &[(&[&[u8]], Option<(usize, Flaw)>)] = &[
        (&[b"a\r\nb\r\n"], None),
        (&[b"a\nb"], Some((1, Flaw::BareLf))),
        (&[b"a\rb"], Some((1, Flaw::BareCr))),
        (&[b"a\0b"], Some((1, Flaw::Nul))),
        (&[b"ab\r"], Some((2, Flaw::BareCr))),
        (&[b"ab\r", b"\ncd"], None),
        (&[b"ab\r", b"cd"], Some((3, Flaw::BareCr))),
        (&[b"ab\r\n", b""], None),
    ];
    for (chunks, expected) in table {
        for cut in 1..8 {
            assert_eq!(first_flaw(chunks, cut), *expected, "{chunks:?} cut {cut}");
        }
    }
}

/// Lines of text in which up to three bytes are not what they were.
fn nearly_canonical(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < 5 * BLOCK {
        text.extend((0..random.usize(..2 * BLOCK)).map(|_| random.u8(b'a'..b'e')));
        text.extend_from_slice(b"\r\n");
    }
    for _ in 0..random.usize(..4) {
        let at = random.usize(..text.len());
        text[at] = *random.choice(b"\r\n\0.a").unwrap();
    }
    text.truncate(random.usize(4 * BLOCK..=text.len()));
    text
}

#[test]
fn whole_blocks_are_read_as_their_bytes_one_by_one_are() {
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..5_000 {
        let text = nearly_canonical(&mut random);
        for nul in [Nul::Space, Nul::Pass] {
            assert_eq!(transcript_of(nul, &text), decode(nul, &text, |_| 1), "{}", text.escape_ascii());
        }
        assert_eq!(first_flaw(&[&text], text.len()), first_flaw(&[&text], 1), "{}", text.escape_ascii());
    }
}

/// Lines of which long stretches have one flaw, and some have another.
fn flawed(random: &mut fastrand::Rng) -> Vec<u8> {
    const UNITS: [&[u8]; 12] = [
        b"\n",
        b"a\n",
        b"\r",
        b"\0",
        b"..\r\n",
        b"\r\n",
        b"\n.",
        b"\r.",
        b".x\r\n",
        b"a line of text\n",
        b"a line of text with\ra CR\r\n",
        b"..a line of text that begins with a dot, and some more of it\r\n",
    ];
    let mut text = Vec::new();
    while text.len() < 20 * BLOCK {
        let unit = random.choice(UNITS).unwrap();
        (0..random.usize(..3 * BLOCK)).for_each(|_| text.extend_from_slice(unit));
        text.extend((0..random.usize(..3)).map(|_| *random.choice(b"\r\n\0.a").unwrap()));
    }
    text
}

#[test]
fn joined_flaws_are_what_they_are_one_by_one() {
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..1_000 {
        let text = flawed(&mut random);
        for nul in [Nul::Space, Nul::Pass] {
            let units = decode(nul, &text, |_| 1).counted();
            let most = random.u64(1..2000);
            assert_eq!(
                decode_joined(nul, &text, |left| left, u64::MAX).counted(),
                units,
                "{}",
                text.escape_ascii()
            );
            assert_eq!(
                decode_joined(nul, &text, |left| left, most).counted(),
                units,
                "{}",
                text.escape_ascii()
            );
            let cut = |left| random.usize(1..400).min(left);
            assert_eq!(decode_joined(nul, &text, cut, u64::MAX).counted(), units, "{}", text.escape_ascii());
        }
    }
}

#[test]
fn a_run_of_one_flaw_is_one_piece() {
    let table: [(&[u8], Flaw); 5] = [
        (b"a line\n", Flaw::BareLf),
        (b"\n", Flaw::BareLf),
        (b"a\rb", Flaw::BareCr),
        (b"\0", Flaw::Nul),
        (b"\n.\n", Flaw::EndLookAlike),
    ];
    for (unit, flaw) in table {
        let text = unit.repeat(4096 / unit.len());
        let mut data = Data::new(Nul::Space);
        let mut scratch = Scratch::default();
        let (mut taken, mut pieces, mut times) = (0, 0, 0);
        while let BodyStep::Piece(piece) = data.next(&text[taken..], u64::MAX, &mut scratch) {
            taken += piece.len;
            pieces += 1;
            times += u32::from(piece.flaw == Some(flaw));
            times += piece.again.iter().filter(|(of, _)| *of == flaw).map(|(_, times)| times).sum::<u32>();
        }
        assert!(pieces <= 4, "{flaw:?} in {pieces} pieces");
        assert!(text.len() - taken <= 1 && times as usize >= 4096 / unit.len() - 1, "{flaw:?} {times} times");
    }
}

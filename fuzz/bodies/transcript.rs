//! What the decoder of message data makes of an input.

use proto::smtp::body::{BodyStep, Data, Flaw, Nul};

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) wire: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) size: usize,
    pub(crate) flaws: Vec<Flaw>,
    /// Bytes up to and with the end of data, where there is one.
    pub(crate) ends: Option<usize>,
}

/// Reads `input` in segments; `next_len` gives the length of the next one from the number of bytes left.
pub(crate) fn decode(nul: Nul, input: &[u8], mut next_len: impl FnMut(usize) -> usize) -> Transcript {
    let mut data = Data::new(nul);
    let mut transcript = Transcript::default();
    let (mut taken, mut seen) = (0, 0);
    while seen < input.len() {
        seen += next_len(input.len() - seen);
        loop {
            match data.next(&input[taken..seen]) {
                BodyStep::NeedMore => break,
                BodyStep::End { len } => {
                    transcript.ends = Some(taken + len);
                    return transcript;
                }
                BodyStep::Piece(piece) => {
                    assert!(piece.len <= seen - taken);
                    taken += piece.len;
                    transcript.wire.extend_from_slice(piece.wire);
                    transcript.content.extend_from_slice(piece.content);
                    transcript.size += piece.size;
                    transcript.flaws.extend(piece.flaw);
                }
            }
        }
        assert!(seen - taken <= 2, "more than two bytes are held back");
    }
    transcript
}

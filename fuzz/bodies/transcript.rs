//! What the decoder of message data makes of an input.

use proto::smtp::body::{BodyStep, Data, Flaw, Nul, Scratch};

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) wire: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) size: usize,
    pub(crate) flaws: Vec<Flaw>,
    /// Bytes up to and with the end of data, where there is one.
    pub(crate) ends: Option<usize>,
}

/// Reads `input` in segments, one unit at a time; `next_len` gives the length of the next segment from the number
/// of bytes left.
pub(crate) fn decode(nul: Nul, input: &[u8], next_len: impl FnMut(usize) -> usize) -> Transcript {
    read(nul, input, next_len, None)
}

/// Reads `input` in segments, in pieces that say at most `most` bytes where that is not what they count for. The
/// flaws that were told before are told behind those of their piece, each kind for itself.
pub(crate) fn decode_joined(
    nul: Nul,
    input: &[u8],
    next_len: impl FnMut(usize) -> usize,
    most: u64,
) -> Transcript {
    read(nul, input, next_len, Some(most))
}

fn read(nul: Nul, input: &[u8], mut next_len: impl FnMut(usize) -> usize, joined: Option<u64>) -> Transcript {
    let mut data = Data::new(nul);
    let mut scratch = Scratch::default();
    let mut transcript = Transcript::default();
    let (mut taken, mut seen) = (0, 0);
    while seen < input.len() {
        seen += next_len(input.len() - seen);
        loop {
            let rest = &input[taken..seen];
            let step = match joined {
                Some(most) => data.next(rest, most, &mut scratch),
                None => data.unit(rest),
            };
            match step {
                BodyStep::NeedMore => break,
                BodyStep::End { len } => {
                    transcript.ends = Some(taken + len);
                    return transcript;
                }
                BodyStep::Piece(piece) => {
                    assert!(piece.len <= seen - taken);
                    let most = joined.unwrap_or(1).max(1);
                    assert!(piece.content.len() == piece.size || piece.size as u64 <= most);
                    taken += piece.len;
                    transcript.wire.extend_from_slice(piece.wire);
                    transcript.content.extend_from_slice(piece.content);
                    transcript.size += piece.size;
                    transcript.tell(piece.flaw, 1);
                    piece.again.iter().for_each(|(flaw, times)| transcript.tell(Some(flaw), times as usize));
                }
            }
        }
        assert!(seen - taken <= 2, "more than two bytes are held back");
    }
    transcript
}

impl Transcript {
    fn tell(&mut self, flaw: Option<Flaw>, times: usize) {
        self.flaws.extend(flaw.into_iter().flat_map(|flaw| std::iter::repeat_n(flaw, times)));
    }

    /// With its flaws in no order: each kind where it was first met, and how often.
    pub(crate) fn counted(mut self) -> Self {
        let met = std::mem::take(&mut self.flaws);
        for (at, flaw) in met.iter().enumerate() {
            if !met[..at].contains(flaw) {
                self.flaws.extend(met.iter().filter(|other| *other == flaw));
            }
        }
        self
    }
}

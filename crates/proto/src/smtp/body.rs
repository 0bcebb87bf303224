//! Where a message really ends, and what of it goes on.
//!
//! In DATA the only line end is CRLF and the only end is CRLF.CRLF (RFC 5321 §4.1.1.4). What is
//! already canonical goes on as it came, in runs as long as the input; anything else comes out as
//! the octets a canonical sender would have sent. In BDAT (RFC 3030) octets are counted, never
//! changed. Nothing here decides what a flaw is worth.

use memchr::memchr3;

/// What the decoder found at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'b> {
    /// Not decidable yet; at most two octets are held back for it.
    NeedMore,
    Piece(Piece<'b>),
    /// The end of the message, in the first `len` octets.
    End {
        len: usize,
    },
}

/// A stretch of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'b> {
    /// Octets of the input it takes.
    pub len: usize,
    /// What to send on.
    pub wire: &'b [u8],
    /// What it says: without dot-stuffing, every line end CRLF.
    pub content: &'b [u8],
    /// What it counts for: octets as received, without dot-stuffing.
    pub size: usize,
    pub flaw: Option<Flaw>,
}

/// What no canonical sender sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    BareLf,
    BareCr,
    Nul,
    /// Something another reader may take for the end of the message.
    EndLookAlike,
    /// A line that begins with one dot and is not the end: RFC 5321 §4.5.2 takes the dot away.
    LoneDot,
}

/// What becomes of a NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nul {
    Space,
    Pass,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Behind a CRLF, or at the start: a dot here is stuffing or the end.
    LineStart,
    /// Behind a bare LF: we make it a line start, so a dot here is content and needs stuffing.
    LooseStart,
    /// Behind a bare CR: only another reader might see a line start.
    AfterCr,
    Middle,
}

/// Reads the octets behind DATA.
#[derive(Clone, Debug)]
pub struct Data {
    at: At,
    nul: Nul,
    /// NULs at the start of a line that wait for the octet behind them; sent on in `owed`.
    waiting: u64,
    owed: u64,
}

const NULS: &[u8] = &[0; 512];

impl Data {
    pub const fn new(nul: Nul) -> Self {
        Self { at: At::LineStart, nul, waiting: 0, owed: 0 }
    }

    /// Whether what comes next is the beginning of a line.
    pub const fn is_at_line_start(&self) -> bool {
        matches!(self.at, At::LineStart | At::LooseStart)
    }

    /// The next stretch of `input`, which begins where the last one ended.
    pub fn next<'b>(&mut self, input: &'b [u8]) -> Step<'b> {
        if self.owed > 0 {
            return Step::Piece(self.pay());
        }
        let Some(&first) = input.first() else { return Step::NeedMore };
        if self.waiting > 0 && first != 0 {
            return Step::Piece(self.settle(first));
        }
        match (self.at, first) {
            (At::LineStart, b'.') => self.dot_at_line_start(input),
            (At::LooseStart | At::AfterCr, b'.') => self.dot_behind_a_bare_end(input),
            (At::LineStart | At::LooseStart, 0) if self.nul == Nul::Pass => Step::Piece(self.wait()),
            _ => match self.run(input) {
                0 => self.flaw(first, input),
                len => {
                    let run = input.get(..len).unwrap_or_default();
                    Step::Piece(Piece { len, wire: run, content: run, size: len, flaw: None })
                }
            },
        }
    }

    /// How much of `input` is canonical and no dot at a line start, and where that leaves us.
    fn run(&mut self, input: &[u8]) -> usize {
        let mut done = 0;
        // Where whole blocks are worth a look again.
        let mut from = 0;
        loop {
            if done >= from {
                done += canonical_blocks(input.get(done..).unwrap_or_default());
                from = done + BLOCK;
            }
            let rest = input.get(done..).unwrap_or_default();
            let Some(found) = memchr3(b'\r', b'\n', 0, rest) else {
                self.at = At::Middle;
                return input.len();
            };
            let Some([b'\r', b'\n', tail @ ..]) = rest.get(found..) else {
                let len = done + found;
                if let Some(last) = input.get(..len).and_then(<[u8]>::last) {
                    self.at = if *last == b'\n' { At::LineStart } else { At::Middle };
                }
                return len;
            };
            done += found + 2;
            if matches!(tail.first(), None | Some(b'.' | 0)) {
                self.at = At::LineStart;
                return done;
            }
        }
    }

    fn dot_at_line_start<'b>(&mut self, input: &'b [u8]) -> Step<'b> {
        let gone = |flaw| Step::Piece(Piece { len: 1, wire: b"", content: b"", size: 0, flaw: Some(flaw) });
        match input {
            [b'.'] | [b'.', b'\r'] => Step::NeedMore,
            [b'.', b'\r', b'\n', ..] => Step::End { len: 3 },
            [b'.', b'.', ..] => {
                self.at = At::Middle;
                Step::Piece(Piece { len: 1, wire: b".", content: b"", size: 0, flaw: None })
            }
            // The line start stays: what follows is no dot, but it may be a NUL before one.
            [b'.', b'\r' | b'\n' | 0, ..] => gone(Flaw::EndLookAlike),
            _ => gone(Flaw::LoneDot),
        }
    }

    fn dot_behind_a_bare_end<'b>(&mut self, input: &'b [u8]) -> Step<'b> {
        let Some(&next) = input.get(1) else { return Step::NeedMore };
        let wire: &[u8] = if self.at == At::LooseStart { b".." } else { b"." };
        let flaw = matches!(next, b'\r' | b'\n' | 0).then_some(Flaw::EndLookAlike);
        self.at = At::Middle;
        Step::Piece(Piece { len: 1, wire, content: b".", size: 1, flaw })
    }

    /// The octet at the front is a NUL, a bare LF, or a CR that may still become a line end.
    fn flaw<'b>(&mut self, first: u8, input: &'b [u8]) -> Step<'b> {
        let (wire, flaw): (&[u8], _) = match first {
            b'\n' => (b"\r\n", Flaw::BareLf),
            b'\r' if input.len() == 1 => return Step::NeedMore,
            b'\r' => (b" ", Flaw::BareCr),
            _ => (if self.nul == Nul::Pass { b"\0" } else { b" " }, Flaw::Nul),
        };
        self.at = match flaw {
            Flaw::BareLf => At::LooseStart,
            Flaw::BareCr => At::AfterCr,
            _ => At::Middle,
        };
        Step::Piece(Piece { len: 1, wire, content: wire, size: 1, flaw: Some(flaw) })
    }

    /// NULs at a line start: a reader that drops them sees what is behind them at the line start,
    /// so what goes on depends on it. They are counted, not kept, and told one by one, however they
    /// arrive.
    fn wait(&mut self) -> Piece<'static> {
        self.waiting += 1;
        Piece { len: 1, wire: b"", content: b"", size: 1, flaw: Some(Flaw::Nul) }
    }

    fn settle(&mut self, first: u8) -> Piece<'static> {
        self.owed = std::mem::take(&mut self.waiting);
        self.at = At::Middle;
        let wire: &[u8] = if first == b'.' { b"." } else { b"" };
        Piece { len: 0, wire, content: b"", size: 0, flaw: None }
    }

    fn pay(&mut self) -> Piece<'static> {
        let len = usize::try_from(self.owed).unwrap_or(usize::MAX).min(NULS.len());
        self.owed -= len as u64;
        let nuls = NULS.get(..len).unwrap_or_default();
        Piece { len: 0, wire: nuls, content: nuls, size: 0, flaw: None }
    }
}

/// So many octets are looked at together: a few vectors of any machine.
const BLOCK: usize = 64;

/// How many octets at the front of `input`, which begins no line end's second half, need no closer
/// look: whole blocks in which CR and LF only come together, no NUL comes at all, and behind a line
/// end neither comes nor a dot. Of pairs of octets alone, so that a compiler makes vectors of it.
fn canonical_blocks(input: &[u8]) -> usize {
    if input.first() == Some(&b'\n') {
        return 0;
    }
    let behind = input.get(1..).unwrap_or_default();
    let blocks = input.chunks_exact(BLOCK).zip(behind.chunks_exact(BLOCK));
    let done = BLOCK * blocks.take_while(|(block, behind)| !needs_a_look(block, behind)).count();
    match input.get(..done) {
        // The line end that goes on behind the blocks is left whole.
        Some([.., b'\r']) => done - 1,
        _ => done,
    }
}

/// Whether a block, with the octet behind each of its octets, holds anything but text and line ends.
fn needs_a_look(block: &[u8], behind: &[u8]) -> bool {
    let pairs = block.iter().zip(behind);
    pairs.fold(false, |found, (&octet, &next)| {
        let torn = (octet == b'\r') != (next == b'\n');
        let special = (octet == b'\n') & ((next == b'.') | (next == 0));
        found | torn | special | (octet == 0)
    })
}

/// Reads the octets behind one BDAT command.
#[derive(Clone, Debug)]
pub struct Chunk {
    left: u64,
    last: bool,
    /// Whether any octet is allowed: the transaction has an accepted BODY=BINARYMIME.
    binary: bool,
    /// The octet before was a CR, perhaps the last one of the chunk before.
    pub after_cr: bool,
}

impl Chunk {
    pub const fn new(size: u64, last: bool, binary: bool, after_cr: bool) -> Self {
        Self { left: size, last, binary, after_cr }
    }

    /// Octets of the chunk that have not been read.
    pub const fn left(&self) -> u64 {
        self.left
    }

    pub fn next<'b>(&mut self, input: &'b [u8]) -> Step<'b> {
        if self.left == 0 {
            return Step::End { len: 0 };
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
        let input = input.get(..most).unwrap_or_default();
        let Some(&first) = input.first() else { return Step::NeedMore };
        let (len, flaw) = if self.binary { (most, None) } else { self.run(first, input) };
        if len == 0 {
            return Step::NeedMore;
        }
        self.left -= len as u64;
        let run = input.get(..len).unwrap_or_default();
        self.after_cr = self.left == 0 && flaw.is_none() && run.last() == Some(&b'\r');
        Step::Piece(Piece { len, wire: run, content: run, size: len, flaw })
    }

    /// The octets up to the next flaw, or one octet that is the flaw. A CR waits for the octet
    /// behind it, which the next chunk may bring; behind the last chunk nothing comes.
    fn run(&self, first: u8, input: &[u8]) -> (usize, Option<Flaw>) {
        if self.after_cr && first != b'\n' {
            return (1, Some(Flaw::BareCr));
        }
        let mut done = usize::from(self.after_cr);
        let mut from = done;
        loop {
            if done >= from {
                done += canonical_blocks(input.get(done..).unwrap_or_default());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Eq)]
    struct Heard {
        wire: Vec<u8>,
        content: Vec<u8>,
        size: usize,
        flaws: Vec<Flaw>,
        rest: Option<Vec<u8>>,
    }

    /// Everything the decoder makes of `input` when it arrives in pieces of the sizes `cuts` gives.
    fn hear(nul: Nul, input: &[u8], mut cuts: impl FnMut() -> usize) -> Heard {
        let mut data = Data::new(nul);
        let mut heard = Heard::default();
        let (mut taken, mut seen) = (0, 0);
        while seen < input.len() {
            seen = (seen + cuts().max(1)).min(input.len());
            loop {
                match data.next(&input[taken..seen]) {
                    Step::NeedMore => break,
                    Step::End { len } => {
                        heard.rest = Some(input[taken + len..].to_vec());
                        return heard;
                    }
                    Step::Piece(piece) => {
                        taken += piece.len;
                        heard.wire.extend_from_slice(piece.wire);
                        heard.content.extend_from_slice(piece.content);
                        heard.size += piece.size;
                        heard.flaws.extend(piece.flaw);
                    }
                }
            }
        }
        heard
    }

    fn whole(nul: Nul, input: &[u8]) -> Heard {
        hear(nul, input, || usize::MAX / 2)
    }

    #[test]
    fn canonical_data_goes_on_as_it_came() {
        let heard = whole(Nul::Space, b"a\r\n..b\r\n\r\n...\r\n.\r\nQUIT\r\n");
        assert_eq!(heard.wire, b"a\r\n..b\r\n\r\n...\r\n");
        assert_eq!(heard.content, b"a\r\n.b\r\n\r\n..\r\n");
        assert_eq!(heard.size, heard.content.len());
        assert_eq!((heard.flaws, heard.rest.as_deref()), (vec![], Some(&b"QUIT\r\n"[..])));
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
            let heard = whole(Nul::Space, &[input, &b"\r\n.\r\n"[..]].concat());
            assert_eq!(heard.wire, [wire, &b"\r\n"[..]].concat(), "{}", input.escape_ascii());
            assert_eq!(heard.flaws, *flaws, "{}", input.escape_ascii());
            assert_eq!(heard.rest.as_deref(), Some(&b""[..]), "{}", input.escape_ascii());
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
            let heard = whole(Nul::Pass, &[input, &b"\r\n.\r\n"[..]].concat());
            assert_eq!(heard.wire, [wire, &b"\r\n"[..]].concat(), "{}", input.escape_ascii());
        }
    }

    /// What a reader that takes every line end and drops NULs makes of our output: the messages.
    fn permissive(wire: &[u8]) -> usize {
        let text: Vec<u8> = wire.iter().copied().filter(|&octet| octet != 0).collect();
        let mut lines = text.split(|&octet| octet == b'\r' || octet == b'\n').peekable();
        let mut ends = 0;
        while let Some(line) = lines.next() {
            ends += usize::from(line == b"." && lines.peek().is_some());
        }
        ends
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
                let heard = whole(nul, &input);
                assert!(heard.rest.is_some());
                assert_eq!(
                    permissive(&heard.wire),
                    0,
                    "{} became {}",
                    input.escape_ascii(),
                    heard.wire.escape_ascii()
                );
                let again = hear(nul, &heard.wire, || 1000);
                let expected: &[u8] = if heard.wire.is_empty() { b"" } else { &heard.content };
                assert_eq!(again.content, expected, "our output means what we said it means");
                assert_eq!(hear(nul, &input, || random.usize(1..4)), heard, "{}", input.escape_ascii());
                assert_eq!(hear(nul, &input, || 1), heard, "{}", input.escape_ascii());
            }
        }
    }

    /// The chunks read in pieces of `cut` octets: where the first flaw is, over all of them.
    fn first_flaw(chunks: &[&[u8]], cut: usize) -> Option<(usize, Flaw)> {
        let (mut after_cr, mut before) = (false, 0);
        for (number, input) in chunks.iter().enumerate() {
            let mut chunk = Chunk::new(input.len() as u64, number + 1 == chunks.len(), false, after_cr);
            let (mut taken, mut seen) = (0, 0);
            while seen < input.len() {
                seen = (seen + cut).min(input.len());
                while let Step::Piece(piece) = chunk.next(&input[taken..seen]) {
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
    fn a_chunk_counts_octets_and_names_the_first_flaw() {
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

    /// Lines of text in which up to three octets are not what they were.
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
    fn whole_blocks_are_read_as_their_octets_one_by_one_are() {
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..5_000 {
            let text = nearly_canonical(&mut random);
            for nul in [Nul::Space, Nul::Pass] {
                assert_eq!(whole(nul, &text), hear(nul, &text, || 1), "{}", text.escape_ascii());
            }
            assert_eq!(first_flaw(&[&text], text.len()), first_flaw(&[&text], 1), "{}", text.escape_ascii());
        }
    }
}

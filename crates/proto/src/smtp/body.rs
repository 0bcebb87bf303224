//! Where a message really ends, and what of it goes on.
//!
//! In DATA the only line end is CRLF and the only end is CRLF.CRLF (RFC 5321 §4.1.1.4). What is
//! already canonical goes on as it came, in runs as long as the input; anything else comes out as
//! the octets a canonical sender would have sent. In BDAT (RFC 3030) octets are counted, never
//! changed. Nothing here decides what a flaw is worth.

use memchr::memchr3;

/// What the decoder found at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyStep<'b> {
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

    /// Bytes are missing here, no end of the message among them: what follows is taken to stand in the middle
    /// of a line.
    pub fn pass_over(&mut self) {
        self.at = At::Middle;
        (self.waiting, self.owed) = (0, 0);
    }

    /// The next stretch of `input`, which begins where the last one ended.
    pub fn next<'b>(&mut self, input: &'b [u8]) -> BodyStep<'b> {
        if self.owed > 0 {
            return BodyStep::Piece(self.pay());
        }
        let Some(&first) = input.first() else { return BodyStep::NeedMore };
        if self.waiting > 0 && first != 0 {
            return BodyStep::Piece(self.settle(first));
        }
        match (self.at, first) {
            (At::LineStart, b'.') => self.dot_at_line_start(input),
            (At::LooseStart | At::AfterCr, b'.') => self.dot_behind_a_bare_end(input),
            (At::LineStart | At::LooseStart, 0) if self.nul == Nul::Pass => BodyStep::Piece(self.wait()),
            _ => match self.run(input) {
                0 => self.flaw(first, input),
                len => {
                    let run = input.get(..len).unwrap_or_default();
                    BodyStep::Piece(Piece { len, wire: run, content: run, size: len, flaw: None })
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

    fn dot_at_line_start<'b>(&mut self, input: &'b [u8]) -> BodyStep<'b> {
        let gone =
            |flaw| BodyStep::Piece(Piece { len: 1, wire: b"", content: b"", size: 0, flaw: Some(flaw) });
        match input {
            [b'.'] | [b'.', b'\r'] => BodyStep::NeedMore,
            [b'.', b'\r', b'\n', ..] => BodyStep::End { len: 3 },
            [b'.', b'.', ..] => {
                self.at = At::Middle;
                BodyStep::Piece(Piece { len: 1, wire: b".", content: b"", size: 0, flaw: None })
            }
            // The line start stays: what follows is no dot, but it may be a NUL before one.
            [b'.', b'\r' | b'\n' | 0, ..] => gone(Flaw::EndLookAlike),
            _ => gone(Flaw::LoneDot),
        }
    }

    fn dot_behind_a_bare_end<'b>(&mut self, input: &'b [u8]) -> BodyStep<'b> {
        let Some(&next) = input.get(1) else { return BodyStep::NeedMore };
        let wire: &[u8] = if self.at == At::LooseStart { b".." } else { b"." };
        let flaw = matches!(next, b'\r' | b'\n' | 0).then_some(Flaw::EndLookAlike);
        self.at = At::Middle;
        BodyStep::Piece(Piece { len: 1, wire, content: b".", size: 1, flaw })
    }

    /// The octet at the front is a NUL, a bare LF, or a CR that may still become a line end.
    fn flaw<'b>(&mut self, first: u8, input: &'b [u8]) -> BodyStep<'b> {
        let (wire, flaw): (&[u8], _) = match first {
            b'\n' => (b"\r\n", Flaw::BareLf),
            b'\r' if input.len() == 1 => return BodyStep::NeedMore,
            b'\r' => (b" ", Flaw::BareCr),
            _ => (if self.nul == Nul::Pass { b"\0" } else { b" " }, Flaw::Nul),
        };
        self.at = match flaw {
            Flaw::BareLf => At::LooseStart,
            Flaw::BareCr => At::AfterCr,
            _ => At::Middle,
        };
        BodyStep::Piece(Piece { len: 1, wire, content: wire, size: 1, flaw: Some(flaw) })
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

    /// So many octets are missing here.
    pub const fn pass_over(&mut self, octets: u64) {
        self.left = self.left.saturating_sub(octets);
        self.after_cr = false;
    }

    pub fn next<'b>(&mut self, input: &'b [u8]) -> BodyStep<'b> {
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
        BodyStep::Piece(Piece { len, wire: run, content: run, size: len, flaw })
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

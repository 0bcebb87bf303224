//! Where a message really ends, and what of it goes on.
//!
//! In DATA the only line end is CRLF and the only end is CRLF.CRLF (RFC 5321 §4.1.1.4). What is
//! already canonical goes on as it came, in runs as long as the input; anything else comes out as
//! the bytes a canonical sender would have sent. In BDAT (RFC 3030) bytes are counted, never
//! changed. Nothing here decides what a flaw is worth.

mod blocks;
mod chunk;
mod joined;

use blocks::{BLOCK, Dots};
use memchr::memchr3;

pub use chunk::Chunk;
pub use joined::Scratch;

/// What the decoder found at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyStep<'b> {
    /// Not decidable yet; at most two bytes are held back for it.
    NeedMore,
    Piece(Piece<'b>),
    /// The end of the message, in the first `len` bytes.
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
    /// What it counts for: bytes as received, without dot-stuffing.
    pub size: usize,
    /// The flaw it begins with.
    pub flaw: Option<Flaw>,
    /// What else it holds: flaws of kinds that were told before.
    pub again: Flaws,
}

impl<'b> Piece<'b> {
    /// A byte that says what it becomes.
    const fn of_one(wire: &'b [u8], flaw: Option<Flaw>) -> Self {
        Self { len: 1, wire, content: wire, size: 1, flaw, again: Flaws::NONE }
    }
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

impl Flaw {
    const ALL: [Self; 5] = [Self::BareLf, Self::BareCr, Self::Nul, Self::EndLookAlike, Self::LoneDot];
}

/// How often each flaw was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws([u32; Flaw::ALL.len()]);

impl Flaws {
    pub const NONE: Self = Self([0; Flaw::ALL.len()]);

    /// The flaws that were met, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Flaw, u32)> {
        Flaw::ALL.into_iter().zip(self.0).filter(|(_, times)| *times > 0)
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    fn add(&mut self, flaw: Flaw, times: usize) {
        if let Some(count) = self.0.get_mut(flaw as usize) {
            *count = count.saturating_add(u32::try_from(times).unwrap_or(u32::MAX));
        }
    }
}

/// Kinds of flaws that were told of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told(u8);

impl Told {
    const fn add(&mut self, flaw: Flaw) {
        self.0 |= 1 << flaw as u8;
    }

    const fn contains(self, flaw: Flaw) -> bool {
        self.0 & (1 << flaw as u8) != 0
    }
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

/// Reads the bytes behind DATA.
#[derive(Clone, Debug)]
pub struct Data {
    at: At,
    nul: Nul,
    /// NULs at the start of a line that wait for the byte behind them; sent on in `owed`.
    waiting: u64,
    owed: u64,
    told: Told,
}

const NULS: &[u8] = &[0; 512];

impl Data {
    pub const fn new(nul: Nul) -> Self {
        Self { at: At::LineStart, nul, waiting: 0, owed: 0, told: Told(0) }
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

    /// The next stretch of `input`, which begins where the last one ended: one run, or one flaw.
    pub fn unit<'b>(&mut self, input: &'b [u8]) -> BodyStep<'b> {
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
                    BodyStep::Piece(Piece {
                        len,
                        wire: run,
                        content: run,
                        size: len,
                        flaw: None,
                        again: Flaws::NONE,
                    })
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
                done += blocks::canonical(input.get(done..).unwrap_or_default(), Dots::Seen);
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
        let dot = |wire, flaw| {
            BodyStep::Piece(Piece { len: 1, wire, content: b"", size: 0, flaw, again: Flaws::NONE })
        };
        match input {
            [b'.'] | [b'.', b'\r'] => BodyStep::NeedMore,
            [b'.', b'\r', b'\n', ..] => BodyStep::End { len: 3 },
            [b'.', b'.', ..] => {
                self.at = At::Middle;
                dot(input.get(..1).unwrap_or_default(), None)
            }
            // The line start stays: what follows is no dot, but it may be a NUL before one.
            [b'.', b'\r' | b'\n' | 0, ..] => dot(b"", Some(Flaw::EndLookAlike)),
            _ => dot(b"", Some(Flaw::LoneDot)),
        }
    }

    fn dot_behind_a_bare_end<'b>(&mut self, input: &'b [u8]) -> BodyStep<'b> {
        let Some(&next) = input.get(1) else { return BodyStep::NeedMore };
        let wire: &[u8] = if self.at == At::LooseStart { b".." } else { b"." };
        let flaw = matches!(next, b'\r' | b'\n' | 0).then_some(Flaw::EndLookAlike);
        self.at = At::Middle;
        BodyStep::Piece(Piece { content: b".", ..Piece::of_one(wire, flaw) })
    }

    /// The byte at the front is a NUL, a bare LF, or a CR that may still become a line end.
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
        BodyStep::Piece(Piece::of_one(wire, Some(flaw)))
    }

    /// NULs at a line start: a reader that drops them sees what is behind them at the line start,
    /// so what goes on depends on it. They are counted, not kept, and told one by one, however they
    /// arrive.
    fn wait(&mut self) -> Piece<'static> {
        self.waiting += 1;
        Piece::of_one(b"", Some(Flaw::Nul))
    }

    fn settle(&mut self, first: u8) -> Piece<'static> {
        self.owed = std::mem::take(&mut self.waiting);
        self.at = At::Middle;
        let wire: &[u8] = if first == b'.' { b"." } else { b"" };
        Piece { len: 0, wire, content: b"", size: 0, flaw: None, again: Flaws::NONE }
    }

    fn pay(&mut self) -> Piece<'static> {
        let len = usize::try_from(self.owed).unwrap_or(usize::MAX).min(NULS.len());
        self.owed -= len as u64;
        let nuls = NULS.get(..len).unwrap_or_default();
        Piece { len: 0, wire: nuls, content: nuls, size: 0, flaw: None, again: Flaws::NONE }
    }
}

//! Capture files: pcap and pcapng records as frames with their time and link type.
//!
//! A capture is read as a stream, one record at a time. Damage is named with the octet where it stands, and
//! reading goes on behind it where whole records follow: every whole record is yielded. Not here: what is
//! inside a frame, and compressed files.

use std::fmt;
use std::io::{self, Read};

use pcap_parser::pcapng::Block;
use proto::Time;

use window::Window;

mod window;

/// The frames of one capture file.
#[derive(Debug)]
pub(crate) struct Capture<R> {
    window: Window<R>,
    format: CaptureFormat,
    /// Seconds of the last record, against which the time of a record behind damage is measured.
    seconds: u32,
    ended: bool,
}

/// One captured frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'b> {
    /// Since 1970, not since our own start: a replay lives in the capture's time.
    pub(crate) time: Time,
    /// LINKTYPE_ number: what `bytes` begins with.
    pub(crate) link: i32,
    /// What was captured, perhaps less than was on the wire.
    pub(crate) bytes: &'b [u8],
}

/// Why a file, or a part of it, cannot be read.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Octets from the start of the file to the record concerned.
    pub(crate) at: u64,
    pub(crate) what: Damage,
}

#[derive(Debug)]
pub(crate) enum Damage {
    /// No capture at all; the text says what it looks like instead.
    NotACapture(&'static str),
    /// The file ends inside a record, of which `held` octets are there.
    Cut { held: usize },
    /// A record that cannot be one; reading went on `skipped` octets later.
    Broken { skipped: usize },
    /// A record that cannot be one, and none that could follows in the next megabyte.
    Lost,
    /// The system could not read the file.
    Io(io::Error),
}

#[derive(Debug)]
enum CaptureFormat {
    Pcap(PcapFile),
    PcapNg { big_endian: bool, interfaces: Vec<Interface> },
}

#[derive(Clone, Copy, Debug)]
struct PcapFile {
    link: i32,
    big_endian: bool,
    /// Eight octets more in each record header, written by a patched libpcap of the nineties.
    modified: bool,
    nanoseconds: bool,
}

/// What a pcapng interface says about its frames.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: i32,
    snaplen: u32,
    units_per_second: u64,
    offset_seconds: i64,
}

/// What stands at the front of the window.
enum Front {
    /// A whole record of `len` octets.
    Record {
        len: usize,
    },
    /// The file ends here, between two records.
    End,
    Cut,
    Broken,
}

impl<R: Read> Capture<R> {
    pub(crate) fn open(reader: R) -> Result<Self, Problem> {
        let mut window = Window::new(reader);
        let format = read_format(&mut window)?;
        Ok(Self { window, format, seconds: 0, ended: false })
    }

    /// The next frame, or the next problem; after a problem reading may go on, after `None` it does not.
    pub(crate) fn next_frame(&mut self) -> Option<Result<Frame<'_>, Problem>> {
        let len = loop {
            if self.ended {
                return None;
            }
            match self.advance() {
                Ok(Some(len)) => break len,
                Ok(None) => {}
                Err(problem) => return Some(Err(problem)),
            }
        };
        // Advancing past the record and borrowing it are one step for the caller, two for the borrow checker.
        let record = self.window.take(len);
        let frame = match &self.format {
            CaptureFormat::Pcap(file) => file.frame(record),
            CaptureFormat::PcapNg { big_endian, interfaces } => {
                parse_block(record, &mut { *big_endian }).and_then(|block| packet(&block, interfaces))
            }
        };
        if let Some(frame) = &frame {
            self.seconds = u32::try_from(frame.time.0 / NANOSECONDS).unwrap_or(u32::MAX);
        }
        frame.map(Ok)
    }

    /// Octets of the file read so far, for those who show progress.
    pub(crate) fn position(&self) -> u64 {
        self.window.position()
    }

    /// Looks at one record: its length if it holds a frame, nothing if it was passed over.
    fn advance(&mut self) -> Result<Option<usize>, Problem> {
        let at = self.window.position();
        let found = match &self.format {
            CaptureFormat::Pcap(file) => file.find(&mut self.window),
            CaptureFormat::PcapNg { big_endian, .. } => find_block(&mut self.window, *big_endian),
        };
        match found.map_err(|error| self.stop(at, Damage::Io(error)))? {
            Front::Record { len } => self.admit(at, len),
            Front::End => {
                self.ended = true;
                Ok(None)
            }
            Front::Cut => {
                let held = self.window.in_sight();
                self.recover(at, Damage::Cut { held })
            }
            Front::Broken => self.recover(at, Damage::Lost),
        }
    }

    /// A whole record: blocks of a pcapng file that hold no frame are learned from and passed over.
    fn admit(&mut self, at: u64, len: usize) -> Result<Option<usize>, Problem> {
        let CaptureFormat::PcapNg { big_endian, interfaces } = &mut self.format else { return Ok(Some(len)) };
        let Some(block) = parse_block(self.window.front(len), big_endian) else {
            return self.recover(at, Damage::Lost);
        };
        match block {
            Block::SectionHeader(_) => interfaces.clear(),
            Block::InterfaceDescription(description) if interfaces.len() < INTERFACES_MAX => {
                interfaces.push(Interface {
                    link: description.linktype.0,
                    snaplen: description.snaplen,
                    units_per_second: units_per_second(description.if_tsresol),
                    offset_seconds: description.if_tsoffset,
                });
            }
            Block::EnhancedPacket(_) | Block::SimplePacket(_) if packet(&block, interfaces).is_some() => {
                return Ok(Some(len));
            }
            // A frame of an interface nobody described: its link type is unknown.
            Block::EnhancedPacket(_) | Block::SimplePacket(_) | Block::InterfaceDescription(_) => {
                self.window.take(len);
                return Err(Problem { at, what: Damage::Broken { skipped: len } });
            }
            _ => {}
        }
        self.window.take(len);
        Ok(None)
    }

    /// Goes on at the next place where records follow one another; `otherwise` is the problem if there is none.
    fn recover(&mut self, at: u64, otherwise: Damage) -> Result<Option<usize>, Problem> {
        self.window.have(RECOVERY_MAX).map_err(|error| self.stop(at, Damage::Io(error)))?;
        let sight = self.window.front(RECOVERY_MAX);
        let skip = (1..sight.len()).find(|&skip| {
            let rest = sight.get(skip..).unwrap_or_default();
            match &self.format {
                CaptureFormat::Pcap(file) => file.begins_records(rest, self.seconds),
                CaptureFormat::PcapNg { big_endian, .. } => begins_block(rest, *big_endian),
            }
        });
        let Some(skip) = skip else { return Err(self.stop(at, otherwise)) };
        self.window.take(skip);
        Err(Problem { at, what: Damage::Broken { skipped: skip } })
    }

    fn stop(&mut self, at: u64, what: Damage) -> Problem {
        self.ended = true;
        Problem { at, what }
    }
}

fn read_format<R: Read>(window: &mut Window<R>) -> Result<CaptureFormat, Problem> {
    let problem = |what| Problem { at: 0, what };
    let whole = window.have(24).map_err(|error| problem(Damage::Io(error)))?;
    let held = window.in_sight();
    let magic: [u8; 4] = window.front(4).try_into().unwrap_or_default();
    match magic {
        SECTION_HEADER => Ok(CaptureFormat::PcapNg { big_endian: false, interfaces: Vec::new() }),
        _ if held == 0 => Err(problem(Damage::NotACapture("it is empty"))),
        [0x1f, 0x8b, ..] => Err(problem(Damage::NotACapture("it is compressed with gzip"))),
        [0x28, 0xb5, 0x2f, 0xfd] => Err(problem(Damage::NotACapture("it is compressed with zstd"))),
        [0xfd, b'7', b'z', b'X'] => Err(problem(Damage::NotACapture("it is compressed with xz"))),
        _ => match pcap_parser::parse_pcap_header(window.front(24)) {
            Ok((_, header)) => {
                window.take(24);
                Ok(CaptureFormat::Pcap(PcapFile {
                    // The upper half says whether frames end in a check sequence; IP's own length passes over it.
                    link: header.network.0 & 0xffff,
                    big_endian: header.is_bigendian(),
                    modified: header.is_modified_format(),
                    nanoseconds: header.is_nanosecond_precision(),
                }))
            }
            Err(_) if !whole && MAGICS.iter().any(|known| known.starts_with(window.front(4))) => {
                Err(problem(Damage::Cut { held }))
            }
            Err(_) => Err(problem(Damage::NotACapture("it begins with neither a pcap nor a pcapng header"))),
        },
    }
}

impl PcapFile {
    fn find<R: Read>(&self, window: &mut Window<R>) -> io::Result<Front> {
        if !window.have(self.header_len())? {
            return Ok(if window.in_sight() == 0 { Front::End } else { Front::Cut });
        }
        let header = window.front(self.header_len());
        let (captured, original) = (self.word(header, 8), self.word(header, 12));
        // An empty record of an empty frame is what a run of zeros looks like.
        if captured > FRAME_MAX || captured == 0 && original == 0 {
            return Ok(Front::Broken);
        }
        let len = self.header_len() + captured as usize;
        Ok(if window.have(len)? { Front::Record { len } } else { Front::Cut })
    }

    fn frame<'b>(&self, record: &'b [u8]) -> Option<Frame<'b>> {
        let parsed = match (self.modified, self.big_endian) {
            (true, _) => pcap_parser::parse_pcap_frame_modified(record),
            (false, true) => pcap_parser::parse_pcap_frame_be(record),
            (false, false) => pcap_parser::parse_pcap_frame(record),
        };
        let (_, block) = parsed.ok()?;
        let fraction = u64::from(block.ts_usec) * if self.nanoseconds { 1 } else { 1_000 };
        let time = Time(u64::from(block.ts_sec) * NANOSECONDS + fraction);
        Some(Frame { time, link: self.link, bytes: block.data })
    }

    /// Whether two record headers, or one and the end of the file, follow one another from here.
    fn begins_records(&self, bytes: &[u8], seconds: u32) -> bool {
        let Some(len) = self.plausible_record(bytes, seconds) else { return false };
        match bytes.get(len..) {
            Some([]) => true,
            Some(next) => self.plausible_record(next, seconds).is_some(),
            None => false,
        }
    }

    /// The length of a record that could stand here.
    fn plausible_record(&self, bytes: &[u8], seconds: u32) -> Option<usize> {
        let header = bytes.get(..self.header_len())?;
        let (captured, original) = (self.word(header, 8), self.word(header, 12));
        let fraction_max = if self.nanoseconds { 1_000_000_000 } else { 1_000_000 };
        let possible = (MIN_FRAME..=FRAME_MAX).contains(&captured)
            && (captured..=FRAME_MAX).contains(&original)
            && self.word(header, 4) < fraction_max
            && (seconds == 0 || self.word(header, 0).abs_diff(seconds) <= DAY_SECONDS);
        possible.then_some(self.header_len() + captured as usize)
    }

    const fn header_len(&self) -> usize {
        if self.modified { 24 } else { 16 }
    }

    fn word(&self, bytes: &[u8], at: usize) -> u32 {
        word(bytes, at, self.big_endian)
    }
}

fn find_block<R: Read>(window: &mut Window<R>, big_endian: bool) -> io::Result<Front> {
    if !window.have(12)? {
        return Ok(if window.in_sight() == 0 { Front::End } else { Front::Cut });
    }
    let Some(len) = block_len(window.front(12), big_endian) else { return Ok(Front::Broken) };
    Ok(if window.have(len)? { Front::Record { len } } else { Front::Cut })
}

/// The length a block claims; a section header says itself in which order its octets stand.
fn block_len(head: &[u8], big_endian: bool) -> Option<usize> {
    let big_endian = section_order(head).unwrap_or(big_endian);
    let len = word(head, 4, big_endian) as usize;
    (12..=BLOCK_MAX).contains(&len).then_some(len)
}

/// Whether the section header at the front is big-endian; nothing if there is no section header.
fn section_order(head: &[u8]) -> Option<bool> {
    head.starts_with(&SECTION_HEADER).then(|| head.get(8..12) == Some(&[0x1a, 0x2b, 0x3c, 0x4d]))
}

/// The block in `bytes`; nothing if it contradicts itself.
fn parse_block<'b>(bytes: &'b [u8], big_endian: &mut bool) -> Option<Block<'b>> {
    if let Some(order) = section_order(bytes) {
        *big_endian = order;
    }
    let parse = if *big_endian { pcap_parser::parse_block_be } else { pcap_parser::parse_block_le };
    let (_, block) = parse(bytes).ok()?;
    let closing = word(bytes, bytes.len().checked_sub(4)?, *big_endian) as usize;
    (closing == bytes.len()).then_some(block)
}

/// Whether a block of a known kind stands here, with the same length before and behind it.
fn begins_block(bytes: &[u8], big_endian: bool) -> bool {
    let big_endian = section_order(bytes).unwrap_or(big_endian);
    let known = bytes.starts_with(&SECTION_HEADER) || (1..=6).contains(&word(bytes, 0, big_endian));
    let Some(len) = block_len(bytes, big_endian).filter(|_| known) else { return false };
    let closing = bytes.get(len - 4..len).map(|bytes| word(bytes, 0, big_endian) as usize);
    closing == Some(len)
}

/// The frame in a block, if it holds one and its interface is known.
fn packet<'b>(block: &Block<'b>, interfaces: &[Interface]) -> Option<Frame<'b>> {
    match block {
        Block::EnhancedPacket(packet) => {
            let interface = interfaces.get(packet.if_id as usize)?;
            let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            let bytes = packet.data.get(..packet.caplen as usize)?;
            Some(Frame { time: interface.time(ticks), link: interface.link, bytes })
        }
        Block::SimplePacket(packet) => {
            let interface = interfaces.first()?;
            let snaplen = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen };
            let captured = packet.origlen.min(snaplen) as usize;
            let bytes = packet.data.get(..captured).unwrap_or(packet.data);
            Some(Frame { time: Time(0), link: interface.link, bytes })
        }
        _ => None,
    }
}

impl Interface {
    fn time(&self, ticks: u64) -> Time {
        let seconds = (ticks / self.units_per_second).saturating_add_signed(self.offset_seconds);
        let rest = u128::from(ticks % self.units_per_second) * u128::from(NANOSECONDS);
        let fraction = u64::try_from(rest / u128::from(self.units_per_second)).unwrap_or(0);
        Time(seconds.saturating_mul(NANOSECONDS).saturating_add(fraction))
    }
}

/// The meaning of `if_tsresol`: a power of ten, or of two when the upper bit is set.
fn units_per_second(resolution: u8) -> u64 {
    let exponent = u32::from(resolution & 0x7f);
    let units = if resolution & 0x80 == 0 { 10u64.checked_pow(exponent) } else { 1u64.checked_shl(exponent) };
    units.unwrap_or(1_000_000)
}

fn word(bytes: &[u8], at: usize, big_endian: bool) -> u32 {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        match &self.what {
            Damage::NotACapture(why) => write!(f, "not a capture file: {why}"),
            Damage::Cut { held } => write!(
                f,
                "the file ends within the record at byte {at}, after {held} bytes of it; everything before it was read"
            ),
            Damage::Broken { skipped } => {
                write!(f, "damaged record at byte {at}: {skipped} bytes skipped")
            }
            Damage::Lost => write!(f, "damaged record at byte {at}, no intact record found after it"),
            Damage::Io(error) => write!(f, "cannot read at byte {at}: {error}"),
        }
    }
}

impl std::error::Error for Problem {}

const NANOSECONDS: u64 = 1_000_000_000;

const DAY_SECONDS: u32 = 86_400;

/// The same in both octet orders.
const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const MAGICS: [[u8; 4]; 6] = [
    SECTION_HEADER,
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x34, 0xcd, 0xb2, 0xa1],
];

// Limit: 256 KiB a frame, as libpcap; a longer one is a damaged length, not a network.
const FRAME_MAX: u32 = 262_144;

/// The shortest frame looked for behind damage: an IPv4 header without options.
const MIN_FRAME: u32 = 20;

// Limit: 16 MiB a block; frames need far less, and secrets and comments rarely more.
const BLOCK_MAX: usize = 16 << 20;

// Limit: interfaces of one section; real files have as many as the machine has cards.
const INTERFACES_MAX: usize = 65_536;

// Limit: how far behind damage the next whole record is looked for.
const RECOVERY_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests;

//! The trace of SMTP, in the lines of the guide on classic inspection.
//!
//! The states of verbs are numbered as the trace there shows them: depth by depth, from the highest letter to the
//! lowest. Other states are this product's own.

use proto::Side;

use super::Lines;

/// The verbs that the device knows, by their number.
const VERBS: [&[u8; 4]; 16] = [
    b"AUTH", b"DATA", b"EHLO", b"ETRN", b"EXPN", b"HELO", b"HELP", b"MAIL", b"NOOP", b"QUIT", b"RCPT",
    b"RSET", b"SAML", b"SEND", b"SOML", b"VRFY",
];

/// The number of the first state: those before it are not told.
const FIRST_STATE: usize = 3;

/// Beside the letters, a line may begin with CR or LF, and with both.
const LINE_ENDS: [usize; 4] = [2, 1, 0, 0];

/// States behind the verb: in the text, and at its end.
const IN_PARAMETER: usize = 72;
const END_OF_COMMAND: usize = 35;

/// A reply that is no reply to EHLO, in the text and at its end; of one to EHLO.
const IN_REPLY: usize = 40;
const IN_EHLO_REPLY: usize = 60;

/// What the end of a line is, of a command and of a reply, and a final line that accepts.
const COMMAND_END_ID: usize = 6;
const REPLY_END_ID: usize = 13;
const ACCEPTED_ID: usize = 10;

const VERB_LEN: usize = 4;

#[derive(Debug, Default)]
pub(super) struct SmtpTrace {
    client: ClientLine,
    server: ServerLine,
    /// What the client sends.
    sends: Sends,
    commands: u32,
    replies: u32,
    /// The verb of the last command, where it is one of the device's.
    last: Option<&'static [u8; 4]>,
}

/// What the client sends now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sends {
    #[default]
    Commands,
    /// A line that is the answer to a challenge.
    Answer,
    /// A message, with what is found of its end.
    Message(EndOfData),
    /// So many bytes of a chunk (RFC 3030 §2), the first of which is still to come.
    Chunk(u64),
}

/// How much of CRLF.CRLF was just seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndOfData {
    Text,
    Cr,
    CrLf,
    Dot,
    DotCr,
}

#[derive(Debug, Default)]
struct ClientLine {
    len: usize,
    /// The first letters, in upper case.
    verb: [u8; VERB_LEN],
    /// The number of the verb, once it is whole.
    id: Option<usize>,
    /// The number behind the verb, once it has begun; what else follows it is not looked at.
    size: Option<u64>,
    behind_size: bool,
}

#[derive(Debug, Default)]
struct ServerLine {
    len: usize,
    /// The code and what follows it.
    begin: [u8; 4],
}

impl SmtpTrace {
    pub(super) fn segment(&mut self, from: Side, mut bytes: &[u8], lines: &mut Lines<'_>) {
        while !bytes.is_empty() {
            let took = match from {
                Side::Server => self.reply(bytes, lines),
                Side::Client => match self.sends {
                    Sends::Commands => self.command(bytes, lines),
                    Sends::Answer => self.answer(bytes),
                    Sends::Message(seen) => self.message(seen, bytes),
                    Sends::Chunk(rest) => self.chunk(rest, bytes),
                },
            };
            bytes = bytes.get(took.max(1)..).unwrap_or_default();
        }
    }

    /// A part of a command line: of its verb, or of what follows.
    fn command(&mut self, bytes: &[u8], lines: &mut Lines<'_>) -> usize {
        let line = &mut self.client;
        if line.len < VERB_LEN && line.id.is_none() {
            let rest = VERB_LEN - line.len;
            let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
            let took = rest.min(end);
            for byte in bytes.iter().take(took) {
                if let Some(letter) = line.verb.get_mut(line.len) {
                    *letter = byte.to_ascii_uppercase();
                }
                line.len += 1;
            }
            let len = line.len;
            let known = line.verb.get(..len).unwrap_or_default();
            match state(known) {
                Some(state) => {
                    lines(format_args!(
                        "CBAC SMTP: VERB - Cmd len:{len}, match_len:{took}, cmd_re_state:{state}"
                    ));
                    line.id = VERBS.iter().position(|verb| verb[..] == *known);
                    if let Some(id) = line.id {
                        lines(format_args!("CBAC SMTP: VERB - match id:{id}"));
                    }
                }
                None => lines(format_args!("CBAC SMTP: VERB - Cmd len:{len}, match_len:{took}, no match")),
            }
            if bytes.get(took - 1) == Some(&b'\n') {
                self.end_of_command(lines);
            }
            return took;
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let took = end.map_or(bytes.len(), |end| end + 1);
        line.len += took;
        bytes.iter().take(took).for_each(|byte| line.learn_size(*byte));
        let (len, state) = (line.len, if end.is_some() { END_OF_COMMAND } else { IN_PARAMETER });
        lines(format_args!("CBAC SMTP: CMD PARAM - Cmd len:{len}, match_len:{took}, cmd_re_state:{state}"));
        if end.is_some() {
            lines(format_args!("CBAC SMTP: CMD PARAM - match id:{COMMAND_END_ID}"));
            self.end_of_command(lines);
        }
        took
    }

    fn end_of_command(&mut self, lines: &mut Lines<'_>) {
        let line = std::mem::take(&mut self.client);
        self.commands += 1;
        if line.verb == *b"BDAT" {
            self.sends = line.size.filter(|size| *size > 0).map_or(Sends::Commands, Sends::Chunk);
        }
        self.last = line.id.and_then(|id| VERBS.get(id).copied());
        lines(format_args!("CBAC SMTP: End Of Command Line - index:{}, len:{}", self.commands, line.len));
    }

    /// A part of a line that answers a challenge. Nothing of it is told.
    fn answer(&mut self, bytes: &[u8]) -> usize {
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                self.sends = Sends::Commands;
                end + 1
            }
            None => bytes.len(),
        }
    }

    /// A part of a chunk. Nothing of it is told.
    fn chunk(&mut self, rest: u64, bytes: &[u8]) -> usize {
        let took = usize::try_from(rest).unwrap_or(usize::MAX).min(bytes.len());
        let rest = rest - took as u64;
        self.sends = if rest == 0 { Sends::Commands } else { Sends::Chunk(rest) };
        took
    }

    /// A part of a message, up to its end.
    fn message(&mut self, mut seen: EndOfData, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            seen = match (seen, byte) {
                (EndOfData::DotCr, b'\n') => {
                    self.sends = Sends::Commands;
                    return at + 1;
                }
                (EndOfData::CrLf, b'.') => EndOfData::Dot,
                (EndOfData::Dot, b'\r') => EndOfData::DotCr,
                (EndOfData::Cr, b'\n') => EndOfData::CrLf,
                (_, b'\r') => EndOfData::Cr,
                _ => EndOfData::Text,
            };
        }
        self.sends = Sends::Message(seen);
        bytes.len()
    }

    /// A part of a line of the server.
    fn reply(&mut self, bytes: &[u8], lines: &mut Lines<'_>) -> usize {
        let of_ehlo = self.last == Some(b"EHLO");
        let (kind, state) = if of_ehlo { ("EHLO", IN_EHLO_REPLY) } else { ("OTHER", IN_REPLY) };
        if self.server.len == 0 {
            lines(format_args!("CBAC SMTP: reply_type {}", if of_ehlo { "EHLO" } else { "OTHERS" }));
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let took = end.map_or(bytes.len(), |end| end + 1);
        for (place, byte) in self.server.begin.iter_mut().skip(self.server.len).zip(bytes.iter().take(took)) {
            *place = *byte;
        }
        self.server.len += took;
        let len = self.server.len;
        lines(format_args!(
            "CBAC SMTP: {kind} REPLY - Reply len: {len}, match_len:{took}, reply_re_state:{state}"
        ));
        if end.is_some() {
            self.end_of_reply(kind, lines);
        }
        took
    }

    fn end_of_reply(&mut self, kind: &str, lines: &mut Lines<'_>) {
        let ServerLine { len, begin } = std::mem::take(&mut self.server);
        lines(format_args!("CBAC SMTP: {kind} REPLY match id:{REPLY_END_ID}"));
        let is_code = begin.iter().take(3).all(u8::is_ascii_digit);
        let is_final = is_code && !matches!(begin, [.., b'-']);
        if is_final && begin.first() == Some(&b'2') {
            lines(format_args!("CBAC SMTP: {kind} REPLY match id:{ACCEPTED_ID}"));
        }
        lines(format_args!("CBAC SMTP: End Of Reply Line - index:{} ,len:{len}", self.replies));
        self.replies += 1;
        match begin {
            [b'3', b'5', b'4', _] if self.last == Some(b"DATA") => {
                self.sends = Sends::Message(EndOfData::CrLf);
            }
            [b'3', b'3', b'4', _] if self.last == Some(b"AUTH") => self.sends = Sends::Answer,
            _ => {}
        }
    }
}

impl ClientLine {
    /// Learns the number behind the verb, digit by digit.
    fn learn_size(&mut self, byte: u8) {
        match (byte, self.size) {
            (b'0'..=b'9', size) if !self.behind_size => {
                let digit = u64::from(byte - b'0');
                self.size = Some(size.unwrap_or_default().saturating_mul(10).saturating_add(digit));
            }
            (b' ', None) => {}
            _ => self.behind_size = true,
        }
    }
}

/// The number of the state that letters lead to: those of the same depth follow each other from the highest letter to
/// the lowest, then the ends of lines.
fn state(letters: &[u8]) -> Option<usize> {
    let before: usize = (1..letters.len()).map(|depth| beginnings(depth) + line_ends(depth)).sum();
    let first = FIRST_STATE + before;
    let all = beginnings(letters.len());
    match letters {
        b"\r" => return Some(first + all),
        b"\n" => return Some(first + all + 1),
        b"\r\n" => return Some(first + all),
        _ => {}
    }
    let mut higher: Vec<&[u8]> = VERBS.iter().filter_map(|verb| verb.get(..letters.len())).collect();
    higher.dedup();
    let at = higher.iter().rev().position(|beginning| *beginning == letters)?;
    Some(first + at)
}

/// How many beginnings of so many letters the verbs have. They are sorted.
fn beginnings(depth: usize) -> usize {
    let mut all: Vec<&[u8]> = VERBS.iter().filter_map(|verb| verb.get(..depth)).collect();
    all.dedup();
    all.len()
}

fn line_ends(depth: usize) -> usize {
    LINE_ENDS.get(depth - 1).copied().unwrap_or_default()
}

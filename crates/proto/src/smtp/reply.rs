//! Replies of a server: line by line, or the whole of an EHLO reply at once.

use crate::Progress;
use crate::line::{self, Line};

/// One line of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyLine<'b> {
    pub code: u16,
    /// `250-` goes on, `250 ` ends.
    pub last: bool,
    pub text: &'b [u8],
}

impl<'b> ReplyLine<'b> {
    /// RFC 5321 §4.2: three digits, 2 to 5 first, then `-` or a blank, or nothing at all.
    pub fn read(text: &'b [u8]) -> Option<Self> {
        let (digits, rest) = text.split_at_checked(3)?;
        let &[a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'] = digits else { return None };
        let digit = |octet: u8| u16::from(octet.wrapping_sub(b'0'));
        let code = digit(a) * 100 + digit(b) * 10 + digit(c);
        match rest.split_first() {
            None => Some(Self { code, last: true, text: rest }),
            Some((b' ' | b'\t', text)) => Some(Self { code, last: true, text }),
            Some((b'-', text)) => Some(Self { code, last: false, text }),
            Some(_) => None,
        }
    }

    /// What a line that is no reply line answers: by its first digit, else it is a temporary failure. Nothing where
    /// it may be a line of text within a reply that goes on; `first` says that none has begun.
    pub fn read_malformed(text: &'b [u8], first: bool) -> Option<Self> {
        let digit = match text.first() {
            Some(digit @ b'2'..=b'5') => u16::from(digit.wrapping_sub(b'0')),
            _ if first => return Some(Self { code: 400, last: true, text }),
            _ => return None,
        };
        let code = text.get(..3).and_then(Self::read).map_or(digit * 100, |reply| reply.code);
        Some(Self { code, last: text.get(3) != Some(&b'-'), text })
    }
}

/// How far a capability reply may go before it is no longer believed.
#[derive(Clone, Copy, Debug)]
pub struct BlockBounds {
    pub lines: usize,
    pub octets: usize,
    pub line: usize,
    /// Whether a line that is no reply line is one of text, or an answer all the same.
    pub lenient: bool,
}

/// The lines of one whole reply at the front of `input`: every octet up to its last line's end.
/// A line that is no reply line ends the block, so that the caller finds it in its place, unless `lenient`.
pub fn block(input: &[u8], bounds: BlockBounds) -> Progress<&[u8]> {
    let mut len = 0;
    for count in 1.. {
        let rest = input.get(len..).unwrap_or_default();
        let (reply, line_len) = match line::decode(rest, bounds.line) {
            Progress::Unit { unit: Line { text, .. }, len } => {
                let malformed = || ReplyLine::read_malformed(text, count == 1).filter(|_| bounds.lenient);
                (ReplyLine::read(text).or_else(malformed), len)
            }
            Progress::NeedMore if input.len() < bounds.octets => return Progress::NeedMore,
            Progress::NeedMore | Progress::Oversize { .. } => break,
        };
        len += line_len;
        if len > bounds.octets || count > bounds.lines {
            break;
        }
        if reply.map_or(!bounds.lenient, |reply| reply.last) {
            return Progress::Unit { unit: input.get(..len).unwrap_or_default(), len };
        }
    }
    Progress::Oversize { len: input.len(), ends: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_lines_are_three_digits_and_a_separator() {
        let table: &[(&[u8], Option<(u16, bool, &[u8])>)] = &[
            (b"250 ok", Some((250, true, b"ok"))),
            (b"250-ok", Some((250, false, b"ok"))),
            (b"250", Some((250, true, b""))),
            (b"250ok", None),
            (b"150 x", None),
            (b"650 x", None),
            (b"25", None),
            (b"", None),
            (b"2 0 x", None),
        ];
        for (text, expected) in table {
            let found = ReplyLine::read(text).map(|reply| (reply.code, reply.last, reply.text));
            assert_eq!(found, *expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_block_is_one_whole_reply_within_its_bounds() {
        let bounds = BlockBounds { lines: 3, octets: 60, line: 30, lenient: false };
        let whole: &[u8] = b"250-a\r\n250-b\r\n250 c\r\n";
        let with_more = [whole, b"220 x\r\n"].concat();
        assert_eq!(block(&with_more, bounds), Progress::Unit { unit: whole, len: whole.len() });
        (0..whole.len()).for_each(|cut| assert_eq!(block(&whole[..cut], bounds), Progress::NeedMore));
        let many: &[u8] = b"250-a\r\n250-b\r\n250-c\r\n250 d\r\n";
        assert!(matches!(block(many, bounds), Progress::Oversize { .. }));
        let broken: &[u8] = b"250-a\r\nnonsense\r\n250 x\r\n";
        assert_eq!(block(broken, bounds), Progress::Unit { unit: &broken[..17], len: 17 });
        let lenient = BlockBounds { lenient: true, ..bounds };
        assert_eq!(block(broken, lenient), Progress::Unit { unit: broken, len: broken.len() });
        let odd: &[u8] = b"250-a\r\n250x\r\n220 x\r\n";
        assert_eq!(block(odd, lenient), Progress::Unit { unit: &odd[..13], len: 13 });
        assert_eq!(block(b"what\r\n250 x\r\n", lenient), Progress::Unit { unit: &b"what\r\n"[..], len: 6 });
    }

    #[test]
    fn a_malformed_line_answers_by_its_first_digit() {
        let table: &[(&[u8], bool, Option<(u16, bool)>)] = &[
            (b"250ok", true, Some((250, true))),
            (b"25O-ok", true, Some((200, false))),
            (b"25O-ok", false, Some((200, false))),
            (b"25", true, Some((200, true))),
            (b"5.1.1 no", true, Some((500, true))),
            (b"999 no", true, Some((400, true))),
            (b"what", true, Some((400, true))),
            (b"wha-", true, Some((400, true))),
            (b"what", false, None),
            (b"", true, Some((400, true))),
        ];
        for (text, first, expected) in table {
            let found = ReplyLine::read_malformed(text, *first).map(|reply| (reply.code, reply.last));
            assert_eq!(found, *expected, "{}", text.escape_ascii());
        }
    }
}

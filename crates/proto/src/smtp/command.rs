//! A command line: its verb and its argument, as typed.

use super::verb::Verb;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'b> {
    pub verb: Verb,
    /// The verb as typed: everything up to the first blank.
    pub token: &'b [u8],
    /// What follows, without the blanks around it.
    pub argument: &'b [u8],
}

impl<'b> Command<'b> {
    /// Reads a line without its end. A line that begins with a blank has an empty, unknown verb:
    /// RFC 5321 §4.1.1 has no leading white space, and IOS does not skip it.
    pub fn read(text: &'b [u8]) -> Self {
        let blank = text.iter().position(|&b| b == b' ' || b == b'\t').unwrap_or(text.len());
        let (token, rest) = text.split_at_checked(blank).unwrap_or((text, b""));
        Self { verb: Verb::of(token), token, argument: rest.trim_ascii() }
    }

    /// The size and the LAST mark of a BDAT command (RFC 3030 §2): digits and nothing but digits.
    pub fn chunk(&self) -> Option<BdatCommand> {
        let mut words = self.argument.split(|&b| b == b' ').filter(|word| !word.is_empty());
        let size = decimal(words.next()?).filter(|&size| size <= CHUNK_MAX)?;
        let last = match words.next() {
            None => false,
            Some(word) if word.eq_ignore_ascii_case(b"LAST") => true,
            Some(_) => return None,
        };
        match words.next() {
            None => Some(BdatCommand { size, last }),
            Some(_) => None,
        }
    }
}

/// Octets of a chunk. Exim counts in 32 bits: of more it reads the remainder, and the rest as commands.
const CHUNK_MAX: u64 = (1 << 31) - 1;

/// What a BDAT command announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BdatCommand {
    pub size: u64,
    pub last: bool,
}

/// A number of at most 18 digits: no sign, no blank, no overflow.
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |value: u64, digit| {
        value.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verb_and_argument_are_told_apart() {
        let table: &[(&[u8], Verb, &[u8], &[u8])] = &[
            (b"MAIL FROM:<a@b>", Verb::Mail, b"MAIL", b"FROM:<a@b>"),
            (b"mail\tFROM:<a@b> ", Verb::Mail, b"mail", b"FROM:<a@b>"),
            (b"quit", Verb::Quit, b"quit", b""),
            (b"", Verb::Unknown, b"", b""),
            (b" NOOP", Verb::Unknown, b"", b"NOOP"),
            (b"DATAX", Verb::Unknown, b"DATAX", b""),
        ];
        for (line, verb, token, argument) in table {
            let expected = Command { verb: *verb, token, argument };
            assert_eq!(Command::read(line), expected, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_chunk_is_digits_and_perhaps_last() {
        let table: &[(&[u8], Option<(u64, bool)>)] = &[
            (b"BDAT 86 LAST", Some((86, true))),
            (b"BDAT 0 last", Some((0, true))),
            (b"bdat 1000", Some((1000, false))),
            (b"BDAT 2147483647", Some((2_147_483_647, false))),
            (b"BDAT 2147483648", None),
            (b"BDAT 4294967297 LAST", None),
            (b"BDAT", None),
            (b"BDAT -1", None),
            (b"BDAT +1", None),
            (b"BDAT 0x10", None),
            (b"BDAT 10 LASTX", None),
            (b"BDAT 10 LAST X", None),
            (b"BDAT 18446744073709551617", None),
            (b"BDAT 9999999999999999999999", None),
        ];
        for (line, expected) in table {
            let found = Command::read(line).chunk().map(|chunk| (chunk.size, chunk.last));
            assert_eq!(found, *expected, "{}", line.escape_ascii());
        }
    }
}

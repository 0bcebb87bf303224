//! The commands of a client that is logged in, in a stream that is not parsed otherwise: LOGOUT, UNAUTHENTICATE and
//! COMPRESS. Literals are skipped, so that mail about them is none.

use proto::imap::command::{Command, TAG_MAX};
use proto::imap::literal::{self, ANNOUNCED_MAX};
use proto::imap::verb::Verb;

/// Looks for such commands, in any cuts.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The line that has begun.
    line: Begun,
    /// The line goes on a command, behind a literal.
    continues: bool,
    /// Bytes of a literal that are still to come.
    literal: u64,
}

/// A line of which a part was seen: its beginning, where the verb is, and its end, where a literal is announced.
#[derive(Debug, Default)]
struct Begun {
    head: Vec<u8>,
    tail: Vec<u8>,
}

/// Bytes of a line that are kept of its beginning: a tag, a verb, and the blanks around them.
const HEAD: usize = TAG_MAX + 24;
/// Of its end: the announcement of a literal, and CRLF.
const TAIL: usize = ANNOUNCED_MAX + 2;

/// What was found in the first `len` bytes of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) len: usize,
    pub(super) what: What,
    pub(super) tag: Box<[u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// LOGOUT, UNAUTHENTICATE or COMPRESS.
    Command(Verb),
    /// A literal of this many bytes, for which the server has to ask.
    Literal(u64),
}

impl Watch {
    /// The server has asked for a literal.
    pub(super) const fn skip(&mut self, len: u64) {
        self.literal = len;
        self.continues = true;
    }

    /// The next thing that matters; nothing if all of the input can go on.
    pub(super) fn find(&mut self, input: &[u8]) -> Option<Found> {
        let mut at = 0;
        while at < input.len() {
            if self.literal > 0 {
                let len = usize::try_from(self.literal).unwrap_or(usize::MAX).min(input.len() - at);
                self.literal -= len as u64;
                at += len;
                continue;
            }
            let rest = input.get(at..).unwrap_or_default();
            let Some(end) = memchr::memchr(b'\n', rest) else {
                self.line.add(rest);
                return None;
            };
            at += end + 1;
            if let Some((what, tag)) = self.line(rest.get(..=end).unwrap_or_default()) {
                return Some(Found { len: at, what, tag });
            }
        }
        None
    }

    /// A line that ends here.
    fn line(&mut self, end: &[u8]) -> Option<(What, Box<[u8]>)> {
        // Most lines come whole, and nothing of them is copied.
        let mut begun = std::mem::take(&mut self.line);
        let (head, tail) = if begun.head.is_empty() {
            (front(end), back(end))
        } else {
            begun.add(end);
            (&*begun.head, &*begun.tail)
        };
        let command = Command::read(text(head));
        let is_new = !std::mem::take(&mut self.continues);
        if let Some(literal) = literal::announced(text(tail)) {
            if literal.is_synchronizing {
                return Some((What::Literal(literal.len), command.tag.into()));
            }
            self.skip(literal.len);
        }
        let matters = matches!(command.verb, Verb::Logout | Verb::Unauthenticate | Verb::Compress);
        (is_new && matters).then(|| (What::Command(command.verb), command.tag.into()))
    }
}

impl Begun {
    fn add(&mut self, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        let last = back(bytes);
        let surplus = (self.tail.len() + last.len()).saturating_sub(TAIL);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend_from_slice(last);
    }
}

/// What is kept of the beginning of a line.
fn front(line: &[u8]) -> &[u8] {
    line.get(..HEAD).unwrap_or(line)
}

/// What is kept of its end.
fn back(line: &[u8]) -> &[u8] {
    line.get(line.len().saturating_sub(TAIL)..).unwrap_or(line)
}

/// A line without its end.
fn text(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_outside_of_literals_in_every_cut() {
        let command = |verb| Some(What::Command(verb));
        let table: &[(&[u8], usize, Option<What>)] = &[
            (b"a LOGOUT\r\n", 10, command(Verb::Logout)),
            (b"a FETCH 1 BODY[]\r\nb logout \r\nrest", 29, command(Verb::Logout)),
            (b"a1 UNAUTHENTICATE\r\n", 19, command(Verb::Unauthenticate)),
            (b"a APPEND x {10+}\r\nb LOGOUT\r\n\r\nc NOOP\r\n", 0, None),
            (b"a APPEND x {10+}\r\nb LOGOUT\r\n\r\nc LOGOUT\r\n", 40, command(Verb::Logout)),
            (b"a APPEND x {10}\r\n", 17, Some(What::Literal(10))),
            (b"a APPEND x {3+}\r\nabc b LOGOUT\r\n", 0, None),
            (b"a LOGOUTS\r\n", 0, None),
            (b"a SEARCH LOGOUT\r\n", 0, None),
        ];
        for (input, len, expected) in table {
            for cut in 0..input.len() {
                let mut watch = Watch::default();
                let (front, back) = input.split_at(cut);
                let found = watch.find(front);
                let found = found.or_else(|| {
                    let found = watch.find(back)?;
                    Some(Found { len: found.len + cut, ..found })
                });
                let found = found.map_or((0, None), |found| (found.len, Some(found.what)));
                assert_eq!(found, (*len, *expected), "{} cut at {cut}", input.escape_ascii());
            }
        }
    }

    #[test]
    fn of_a_long_line_little_is_kept() {
        let mut watch = Watch::default();
        for _ in 0..1000 {
            assert_eq!(watch.find(&[b'x'; 1000]), None);
        }
        assert!(watch.line.head.len() <= HEAD && watch.line.tail.len() <= TAIL);
        assert_eq!(watch.find(b" {5}\r\n").unwrap().what, What::Literal(5));
    }
}

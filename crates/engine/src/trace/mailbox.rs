//! The trace of POP3 and IMAP up to the login. The device's lines for these are not known: these are this product's
//! own, in the same shape.

use policy::model::Protocol;
use proto::{Side, imap, pop3};

use super::Lines;

/// Bytes of a line that a verb is looked for in: a tag, a blank and the longest verb.
const LOOKED_AT: usize = 64;

#[derive(Debug)]
pub(super) struct MailboxTrace {
    protocol: Protocol,
    lines: [Line; 2],
    /// Lines of each side so far.
    numbers: [u32; 2],
}

#[derive(Debug, Default)]
struct Line {
    len: usize,
    begin: Vec<u8>,
}

impl MailboxTrace {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self { protocol, lines: Default::default(), numbers: [1, 0] }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self.protocol {
            Protocol::Imap => "IMAP",
            _ => "POP3",
        }
    }

    pub(super) fn segment(&mut self, from: Side, bytes: &[u8], lines: &mut Lines<'_>) {
        let name = self.name();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (Some(line), Some(number)) =
                (self.lines.get_mut(from as usize), self.numbers.get_mut(from as usize))
            else {
                return;
            };
            line.len += part.len();
            let room = LOOKED_AT.saturating_sub(line.begin.len());
            line.begin.extend_from_slice(part.get(..room).unwrap_or(part));
            let (kind, len) = (if from == Side::Client { "COMMAND" } else { "RESPONSE" }, line.len);
            lines(format_args!("CBAC {name}: {kind} - len:{len}, match_len:{}", part.len()));
            if !part.ends_with(b"\n") {
                continue;
            }
            let word = match from {
                Side::Client => verb(self.protocol, &line.begin),
                Side::Server => status(self.protocol, &line.begin),
            };
            lines(format_args!("CBAC {name}: {kind} - {word}"));
            let what = if from == Side::Client { "Command" } else { "Response" };
            lines(format_args!("CBAC {name}: End Of {what} Line - index:{number}, len:{len}"));
            *line = Line::default();
            *number += 1;
        }
    }
}

/// The verb of a command; of anything else only that it is something else: it may be a secret.
fn verb(protocol: Protocol, line: &[u8]) -> &'static str {
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let known = |name: &str, token: &[u8]| name.as_bytes().eq_ignore_ascii_case(token);
    let found = match protocol {
        Protocol::Imap => {
            let second = words.next().unwrap_or_default();
            imap::verb::VERBS.iter().map(|row| row.name).find(|name| known(name, second))
        }
        _ => pop3::verb::VERBS.iter().map(|row| row.name).find(|name| known(name, first)),
    };
    found.unwrap_or("other")
}

/// The status of a line of the server.
fn status(protocol: Protocol, line: &[u8]) -> &'static str {
    let text = line.trim_ascii_end();
    match protocol {
        Protocol::Imap => match imap::response::Response::read(text) {
            imap::response::Response::Tagged { status, .. } => status.name(),
            imap::response::Response::Untagged { .. } => "untagged",
            imap::response::Response::Continuation => "continuation",
            imap::response::Response::Other => "other",
        },
        _ => pop3::reply::Status::read(text).map_or("other", pop3::reply::Status::name),
    }
}

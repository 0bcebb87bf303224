//! A command line: its verb and its argument, as strict as the standard and as lenient as any server.

use super::verb::Verb;

/// A command line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'b> {
    /// What the most lenient server takes it for: Courier and Mailutils skip blanks and tabs before it.
    pub verb: Verb,
    /// The verb as typed.
    pub token: &'b [u8],
    /// What follows the first blank. Of PASS a blank at the end is part of the password.
    pub argument: &'b [u8],
    /// Whether the verb stands at the beginning, and one blank or nothing behind it (RFC 1939 §3).
    pub is_strict: bool,
}

/// What an AUTH command asks for (RFC 5034 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth<'b> {
    /// A list of the mechanisms, where no server takes it for anything else.
    Listing,
    /// A login. `is_strict` is false where some servers take it for a listing: with more than one blank.
    Login { mechanism: &'b [u8], initial: bool, is_strict: bool },
}

impl<'b> Command<'b> {
    /// Reads a line without its end.
    pub fn read(text: &'b [u8]) -> Self {
        let trimmed = text.trim_ascii_start();
        let end = trimmed.iter().position(|byte| is_blank(*byte)).unwrap_or(trimmed.len());
        let (token, rest) = trimmed.split_at_checked(end).unwrap_or((trimmed, b""));
        let argument = rest.get(1..).unwrap_or_default();
        let is_strict = trimmed.len() == text.len() && matches!(rest.first(), None | Some(b' '));
        Self { verb: Verb::of(token), token, argument, is_strict }
    }

    /// What the argument of AUTH says.
    pub fn auth(&self) -> Auth<'b> {
        let mut words = self.argument.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty());
        let Some(mechanism) = words.next() else { return Auth::Listing };
        let initial = words.next().is_some();
        let is_strict = self.is_strict && self.argument.first().is_some_and(|first| !is_blank(*first));
        let unquoted = mechanism.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\""));
        Auth::Login { mechanism: unquoted.unwrap_or(mechanism), initial, is_strict }
    }
}

const fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_is_found_behind_whatever_some_server_skips() {
        let table: &[(&[u8], Verb, &[u8], bool)] = &[
            (b"USER alice", Verb::User, b"alice", true),
            (b"user alice ", Verb::User, b"alice ", true),
            (b"QUIT", Verb::Quit, b"", true),
            (b"QUIT ", Verb::Quit, b"", true),
            (b" USER alice", Verb::User, b"alice", false),
            (b"\tPASS\tx", Verb::Pass, b"x", false),
            (b"USER\talice", Verb::User, b"alice", false),
            (b"PASS  two blanks ", Verb::Pass, b" two blanks ", true),
            (b"", Verb::Unknown, b"", true),
            (b"USERS alice", Verb::Unknown, b"alice", true),
        ];
        for (line, verb, argument, is_strict) in table {
            let found = Command::read(line);
            assert_eq!((found.verb, found.argument, found.is_strict), (*verb, *argument, *is_strict));
        }
    }

    #[test]
    fn auth_is_a_listing_or_a_login() {
        let login = |mechanism, initial, is_strict| Auth::Login { mechanism, initial, is_strict };
        let table: &[(&[u8], Auth<'_>)] = &[
            (b"AUTH", Auth::Listing),
            (b"AUTH  ", Auth::Listing),
            (b"AUTH PLAIN", login(b"PLAIN", false, true)),
            (b"AUTH PLAIN ", login(b"PLAIN", false, true)),
            (b"AUTH PLAIN AGEAYg==", login(b"PLAIN", true, true)),
            (b"AUTH  PLAIN AGEAYg==", login(b"PLAIN", true, false)),
            (b"AUTH\tPLAIN", login(b"PLAIN", false, false)),
            (b"AUTH \"plain\"", login(b"plain", false, true)),
        ];
        for (line, expected) in table {
            assert_eq!(Command::read(line).auth(), *expected, "{}", line.escape_ascii());
        }
    }
}

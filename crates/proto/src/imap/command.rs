//! The first line of a command: its tag, its verb and its argument, as strict as the standard and as lenient as any
//! server.

use std::borrow::Cow;

use super::literal;
use super::verb::Verb;

/// The first line of a command, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'b> {
    pub tag: &'b [u8],
    /// What the most lenient server takes it for: Courier and others skip blanks and tabs, and Courier takes a
    /// line of one word for tag and command in one.
    pub verb: Verb,
    /// The verb as typed.
    pub token: &'b [u8],
    /// What follows, without the blanks around it.
    pub argument: &'b [u8],
    /// Whether it is `tag SP verb` and no more than blanks at its end beside its arguments (RFC 9051 §2.2.1).
    pub is_strict: bool,
}

/// The longest tag. The longest that we met had 46 bytes.
pub const TAG_MAX: usize = 128;

impl<'b> Command<'b> {
    pub fn read(text: &'b [u8]) -> Self {
        let trimmed = text.trim_ascii_start();
        let (tag, rest) = word(trimmed);
        let (token, behind) = word(rest.trim_ascii_start());
        let one_blank = rest.first() == Some(&b' ') && rest.get(1).is_some_and(|next| !is_blank(*next));
        let argument = behind.trim_ascii();
        let is_strict = trimmed.len() == text.len()
            && one_blank
            && is_tag(tag)
            && matches!(behind.first(), None | Some(b' '));
        // A line of one word.
        let token = if token.is_empty() { tag } else { token };
        Self { tag, verb: Verb::of(token), token, argument, is_strict }
    }

    /// The response that AUTHENTICATE brings along (RFC 4959).
    pub fn initial_response(&self) -> Option<&'b [u8]> {
        let (_, rest) = word(self.argument);
        Some(rest.trim_ascii()).filter(|response| !response.is_empty())
    }

    /// Who LOGIN logs in, without quotes; nothing where that comes in a literal.
    pub fn user(&self) -> Option<Cow<'b, [u8]>> {
        let Some(quoted) = self.argument.strip_prefix(b"\"") else {
            let (user, _) = word(self.argument);
            return (literal::announced(user).is_none() && !user.is_empty()).then_some(Cow::Borrowed(user));
        };
        // RFC 9051 §9: a backslash stands before a quote and before itself.
        let mut user = Vec::new();
        let mut bytes = quoted.iter().copied();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => break,
                b'\\' => user.extend(bytes.next()),
                byte => user.push(byte),
            }
        }
        Some(Cow::Owned(user))
    }

    /// The mechanism of AUTHENTICATE without its quotes; empty where it comes in a literal.
    pub fn mechanism(&self) -> &'b [u8] {
        let (mechanism, _) = word(self.argument);
        if literal::announced(mechanism).is_some() {
            return b"";
        }
        let unquoted = mechanism.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\""));
        unquoted.unwrap_or(mechanism)
    }
}

fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| is_blank(*byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, b""))
}

const fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

/// RFC 9051 §9: bytes of an ASTRING but `+`.
fn is_tag(text: &[u8]) -> bool {
    let is_special = |byte: u8| matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b'+');
    (1..=TAG_MAX).contains(&text.len())
        && text.iter().all(|byte| byte.is_ascii_graphic() && !is_special(*byte))
}

/// Whether a tag makes the server's answer look like an untagged line, or is too long to be one.
pub fn is_hostile_tag(tag: &[u8]) -> bool {
    matches!(tag, b"+" | b"*") || tag.len() > TAG_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_and_verb_are_found_behind_whatever_some_server_skips() {
        let table: &[(&[u8], &[u8], Verb, &[u8], bool)] = &[
            (b"a1 LOGIN alice secret1", b"a1", Verb::Login, b"alice secret1", true),
            (b"a1 login alice x ", b"a1", Verb::Login, b"alice x", true),
            (b"!q NOOP", b"!q", Verb::Noop, b"", true),
            (b"A.1-x NOOP ", b"A.1-x", Verb::Noop, b"", true),
            (b"a1  LOGIN alice x", b"a1", Verb::Login, b"alice x", false),
            (b" a1 LOGIN alice x", b"a1", Verb::Login, b"alice x", false),
            (b"a1\tLOGIN\talice x", b"a1", Verb::Login, b"alice x", false),
            (b"a1 LOGIN\talice x", b"a1", Verb::Login, b"alice x", false),
            (b"LOGOUT", b"LOGOUT", Verb::Logout, b"", false),
            (b"+ NOOP", b"+", Verb::Noop, b"", false),
            (b"a+b NOOP", b"a+b", Verb::Noop, b"", false),
            (b"a1 SELECT INBOX", b"a1", Verb::Authenticated, b"INBOX", true),
            (b"a1 XYZZY", b"a1", Verb::Unknown, b"", true),
            (b"", b"", Verb::Unknown, b"", false),
        ];
        for (line, tag, verb, argument, is_strict) in table {
            let found = Command::read(line);
            let found = (found.tag, found.verb, found.argument, found.is_strict);
            assert_eq!(found, (*tag, *verb, *argument, *is_strict), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_mechanism_may_be_quoted_and_one_in_a_literal_is_not_known() {
        for (line, mechanism) in [
            (&b"a AUTHENTICATE PLAIN"[..], &b"PLAIN"[..]),
            (b"a AUTHENTICATE \"PLAIN\" AGEAYg==", b"PLAIN"),
            (b"a AUTHENTICATE {5}", b""),
            (b"a AUTHENTICATE", b""),
        ] {
            assert_eq!(Command::read(line).mechanism(), mechanism);
        }
    }
}

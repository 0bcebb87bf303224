//! Literals (RFC 9051 §4.3): a line that ends in `{5}` is followed by five bytes that are no line.

use crate::smtp::command::decimal;

/// What the end of a line announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal {
    pub len: u64,
    /// `{5}`: the bytes are sent when the server asks for them. Else, `{5+}` (RFC 7888), they follow at once.
    pub is_synchronizing: bool,
}

/// What a line without its end announces; nothing if it ends otherwise.
pub fn announced(text: &[u8]) -> Option<Literal> {
    let inner = text.strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', inner)?;
    let (digits, is_synchronizing) = match inner.get(open + 1..)? {
        [digits @ .., b'+'] => (digits, false),
        digits => (digits, true),
    };
    Some(Literal { len: decimal(digits)?, is_synchronizing })
}

/// The longest end of a line that announces a literal: 18 digits, a sign, and the braces.
pub const ANNOUNCED_MAX: usize = 21;

/// Whether a line announces a literal of a length that nobody can count.
pub fn is_unreadable(text: &[u8]) -> bool {
    let inner = text.strip_suffix(b"}").map(|inner| inner.strip_suffix(b"+").unwrap_or(inner));
    let digits = inner.and_then(|inner| inner.get(memchr::memrchr(b'{', inner)? + 1..));
    announced(text).is_none()
        && digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_a_number_in_braces_at_the_end_of_a_line() {
        let table: &[(&[u8], Option<(u64, bool)>)] = &[
            (b"a LOGIN alice {9}", Some((9, true))),
            (b"a LOGIN {5+}", Some((5, false))),
            (b"a APPEND x ~{0}", Some((0, true))),
            (b"a LOGIN {5} ", None),
            (b"a LOGIN {}", None),
            (b"a LOGIN {+}", None),
            (b"a LOGIN {-5}", None),
            (b"a LOGIN {5-}", None),
            (b"a LOGIN {0x5}", None),
            (b"a LOGIN 5}", None),
            (b"a LOGIN {4294967296}", Some((4_294_967_296, true))),
            (b"a LOGIN {99999999999999999999}", None),
            (b"", None),
        ];
        for (text, expected) in table {
            let found = announced(text).map(|literal| (literal.len, literal.is_synchronizing));
            assert_eq!(found, *expected, "{}", text.escape_ascii());
        }
        assert!(is_unreadable(b"a LOGIN {99999999999999999999}"));
        assert!(is_unreadable(b"a LOGIN {99999999999999999999+}"));
        assert!(!is_unreadable(b"a LOGIN {5}") && !is_unreadable(b"a LOGIN {x}") && !is_unreadable(b"}"));
    }
}

//! Text for people and logs: what a file or a peer wrote, made safe to show, and counts in words.

use std::fmt::Display;

/// Text for a terminal: every control character but line feed and tab becomes U+FFFD.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{FFFD}' } else { c }).collect()
}

/// One line of text without control characters: each becomes its escape, as `\r` or `\u{1b}`.
pub(crate) fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
        escaped
    })
}

/// Bytes of the wire as ASCII: what is not printable becomes its escape, as `\r` or `\xff`.
pub(crate) fn escaped_bytes<'b>(bytes: &'b (impl AsRef<[u8]> + ?Sized)) -> impl Display + 'b {
    bytes.as_ref().escape_ascii()
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(printable("a\x1b[2J\tb\r\n"), "a\u{FFFD}[2J\tb\u{FFFD}\n");
        assert_eq!(escaped("a\x1b[2Jb\u{9b}ü\r"), "a\\u{1b}[2Jb\\u{9b}ü\\r");
        assert_eq!(escaped_bytes(b"X\x1b[2J\r\nfake\xff").to_string(), "X\\x1b[2J\\r\\nfake\\xff");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "gap")), ["0 gaps", "1 gap", "2 gaps"]);
    }
}

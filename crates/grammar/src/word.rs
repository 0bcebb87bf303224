//! A line becomes words with their places: quotes, comments and the blanks between.
//!
//! It does not know keywords, and it does not join lines: banners and certificates, which span
//! several lines and have no words, are the business of whoever cuts the text into lines.

use crate::Span;

/// One word of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// The word without its quotes, otherwise as typed: a backslash stays.
    pub text: &'a str,
    /// Its place in the line, quotes included.
    pub span: Span,
    pub quoted: bool,
}

/// A line cut into words, with what was odd about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    pub text: &'a str,
    /// Empty for a blank line and for a comment.
    pub words: Vec<Word<'a>>,
    /// A quote that is never closed: its word goes on to the end of the line.
    pub unterminated: Option<Span>,
    /// The first typographic quote that was taken for `"`: a pasted document.
    pub typographic: Option<Span>,
}

/// Cuts a line into words.
///
/// A quote (`"`, U+201C or U+201D) at the beginning of a word keeps blanks up to the next quote;
/// within a word it is an ordinary character. Inside quotes a backslash keeps the character after
/// it from being the closing quote; both stay in the word. What follows a closing quote directly
/// is a word of its own. A line whose first character is `!` is a comment.
#[must_use]
pub fn words(text: &str) -> Line<'_> {
    let mut line = Line { text, words: Vec::new(), unterminated: None, typographic: None };
    if line.is_comment() {
        return line;
    }
    let mut at = skip_blanks(text, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let word = match opening_quote(rest) {
            Some(quote) => line.quoted_word(at, quote),
            None => {
                let len = rest.find(is_blank).unwrap_or(rest.len());
                let end = at + len;
                Word { text: rest.get(..len).unwrap_or(rest), span: Span { start: at, end }, quoted: false }
            }
        };
        at = skip_blanks(text, word.span.end);
        line.words.push(word);
    }
    line
}

impl<'a> Line<'a> {
    #[must_use]
    pub fn is_comment(&self) -> bool {
        self.text.trim_start_matches(is_blank).starts_with('!')
    }

    fn quoted_word(&mut self, start: usize, quote: char) -> Word<'a> {
        self.note_quote(start, quote);
        let from = start + quote.len_utf8();
        let inside = self.text.get(from..).unwrap_or_default();
        let mut escaped = false;
        for (offset, c) in inside.char_indices() {
            if !escaped && is_quote(c) {
                self.note_quote(from + offset, c);
                let end = from + offset + c.len_utf8();
                let text = inside.get(..offset).unwrap_or(inside);
                return Word { text, span: Span { start, end }, quoted: true };
            }
            escaped = c == '\\' && !escaped;
        }
        let text = inside.trim_end_matches(['\r', '\n']);
        let span = Span { start, end: self.text.len() };
        self.unterminated = Some(Span { start, end: from });
        Word { text, span, quoted: true }
    }

    fn note_quote(&mut self, start: usize, quote: char) {
        if quote != '"' && self.typographic.is_none() {
            self.typographic = Some(Span { start, end: start + quote.len_utf8() });
        }
    }
}

fn opening_quote(rest: &str) -> Option<char> {
    rest.chars().next().filter(|&c| is_quote(c))
}

const fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201c}' | '\u{201d}')
}

/// Line ends count as blanks: a line cut from a file with CRLF may still carry its CR.
pub(crate) const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn skip_blanks(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + (rest.len() - rest.trim_start_matches(is_blank).len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_blanks_and_quotes() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  \t\r\n", &[]),
            ("match cmd  verb\tEHLO \r", &["match", "cmd", "verb", "EHLO"]),
            ("   ! remark", &[]),
            ("!", &[]),
            ("log ! not a comment", &["log", "!", "not", "a", "comment"]),
            ("# ordinary", &["#", "ordinary"]),
            (r#"pattern "*deals\.com""#, &["pattern", r"*deals\.com"]),
            (r#"pattern " two blanks  ""#, &["pattern", " two blanks  "]),
            (r#"pattern "a\"b" c"#, &["pattern", r#"a\"b"#, "c"]),
            (r#"pattern "a\\" c"#, &["pattern", r"a\\", "c"]),
            (r#"pattern a"b c"#, &["pattern", r#"a"b"#, "c"]),
            (r#"pattern "a"b"#, &["pattern", "a", "b"]),
            (r#"pattern """#, &["pattern", ""]),
            (r#"pattern "open to the end "#, &["pattern", "open to the end "]),
            ("pattern \"open\r\n", &["pattern", "open"]),
            ("pattern \u{201c}a b\u{201d} c", &["pattern", "a b", "c"]),
            ("description caf\u{e9} \u{2014} x", &["description", "caf\u{e9}", "\u{2014}", "x"]),
        ];
        for (line, expected) in table {
            let texts: Vec<&str> = words(line).words.iter().map(|word| word.text).collect();
            assert_eq!(&texts, expected, "{line:?}");
        }
    }

    #[test]
    fn spans_include_the_quotes() {
        let line = words(r#" pattern "a b" x"#);
        let places: Vec<&str> = line.words.iter().map(|w| &line.text[w.span.start..w.span.end]).collect();
        assert_eq!(places, ["pattern", r#""a b""#, "x"]);
        assert!(line.words[1].quoted && !line.words[2].quoted);
    }

    #[test]
    fn odd_quotes_are_flagged_with_their_places() {
        let plain = words(r#"pattern "a""#);
        assert_eq!((plain.unterminated, plain.typographic), (None, None));
        let open = words(r#"pattern "a"#);
        assert_eq!(open.unterminated, Some(Span { start: 8, end: 9 }));
        let pasted = words("pattern \"a\u{201d}");
        assert_eq!(pasted.typographic, Some(Span { start: 10, end: 13 }));
    }
}

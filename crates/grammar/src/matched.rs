//! A resolved command: typed access to its `$named` words.
//!
//! A `build` function reads its command through this. It does not check values beyond what the
//! notation says; [`Matched::invalid`] makes the complaint of a function that does.

use crate::{Mismatch, Span, Word};

/// The words of a line, each with the position of the command it was read as.
#[derive(Clone, Debug)]
pub struct Matched<'a> {
    line: &'a str,
    words: Vec<Bound<'a>>,
}

/// A word and the position of the command it was read as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound<'a> {
    pub(crate) word: Word<'a>,
    pub(crate) keyword: Option<&'static str>,
    pub(crate) names: &'static [&'static str],
}

impl<'a> Matched<'a> {
    pub(crate) const fn new(line: &'a str, words: Vec<Bound<'a>>) -> Self {
        Self { line, words }
    }

    /// The word read as `$name`; the first word of the alternative taken, if a group has the name.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<Word<'a>> {
        self.bound(name).map(|bound| bound.word)
    }

    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.word(name).map(|word| word.text)
    }

    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// The keyword of the alternative taken, as the table writes it; `None` too if a value was typed.
    #[must_use]
    pub fn choice(&self, name: &str) -> Option<&'static str> {
        self.bound(name)?.keyword
    }

    /// Whether the keyword, as the table writes it, was typed, perhaps shortened.
    #[must_use]
    pub fn has(&self, keyword: &str) -> bool {
        self.words.iter().any(|bound| bound.keyword == Some(keyword))
    }

    #[must_use]
    pub fn span(&self, name: &str) -> Option<Span> {
        self.word(name).map(|word| word.span)
    }

    /// Whether this is the `no` form.
    #[must_use]
    pub fn negated(&self) -> bool {
        self.words.first().is_some_and(|bound| bound.keyword == Some("no"))
    }

    /// From the first word to the last.
    #[must_use]
    pub fn line_span(&self) -> Span {
        let start = self.words.first().map_or(0, |bound| bound.word.span.start);
        let end = self.words.last().map_or(start, |bound| bound.word.span.end);
        Span { start, end }
    }

    /// The words with their keywords in full; `None` if none is shortened.
    #[must_use]
    pub fn in_full(&self) -> Option<Vec<&'a str>> {
        let full = |bound: &Bound<'a>| bound.keyword.unwrap_or(bound.word.text);
        let shortened = self.words.iter().any(|bound| full(bound).len() != bound.word.text.len());
        shortened.then(|| self.words.iter().map(full).collect())
    }

    /// The whole line as typed.
    #[must_use]
    pub const fn line(&self) -> &'a str {
        self.line
    }

    /// A complaint about the word read as `$name`, or about the line if there is none.
    #[must_use]
    pub fn invalid(&self, name: &str, message: impl Into<String>) -> Mismatch {
        let at = self.span(name).unwrap_or_else(|| self.line_span());
        Mismatch::Invalid { at, message: message.into(), help: None }
    }

    /// The same about one of the words of `$name`, the rest of a line.
    #[must_use]
    pub fn invalid_in(&self, name: &str, word: &str, message: impl Into<String>) -> Mismatch {
        let whole = self.word(name);
        let offset = whole.and_then(|whole| word.as_ptr().addr().checked_sub(whole.text.as_ptr().addr()));
        let at = match (whole, offset) {
            (Some(whole), Some(offset)) if offset + word.len() <= whole.text.len() => {
                let start = whole.span.start + offset;
                Span { start, end: start + word.len() }
            }
            _ => return self.invalid(name, message),
        };
        Mismatch::Invalid { at, message: message.into(), help: None }
    }

    fn bound(&self, name: &str) -> Option<&Bound<'a>> {
        self.words.iter().find(|bound| bound.names.contains(&name))
    }
}

//! A line cut into words, and what is asked of them. What the line means is not looked at here.

use grammar::Mismatch;

use crate::lines::Line;
use crate::maps::{MapHeader, map_header};
use crate::source::{Source, Span};

/// A line cut into words.
pub(super) struct Cut<'s> {
    pub(super) line: Line<'s>,
    /// Its places are those of the source, and so is its text up to the end of the line.
    pub(super) words: grammar::Line<'s>,
    /// The first word that is not `no`.
    pub(super) head: usize,
}

impl<'s> Cut<'s> {
    /// `None` if nothing follows `no`.
    pub(super) fn of(source: &'s Source, line: Line<'s>) -> Option<Self> {
        let mut words = grammar::words(line.text);
        let head = usize::from(words.words.first().is_some_and(|word| word.text.eq_ignore_ascii_case("no")));
        words.words.get(head)?;
        words.text = source.text.get(..line.start + line.text.len())?;
        let spans = words.words.iter_mut().map(|word| &mut word.span);
        for span in spans.chain(&mut words.unterminated).chain(&mut words.typographic) {
            span.start += line.start;
            span.end += line.start;
        }
        Some(Self { line, words, head })
    }

    /// The place of the first word that is not `no`.
    pub(super) fn first(&self) -> Span {
        self.words.words.get(self.head).map_or_else(|| self.line.span(), |word| word.span.into())
    }

    /// The same in the words of the grammar.
    pub(super) fn head_span(&self) -> grammar::Span {
        self.words.words.get(self.head).map_or_else(grammar::Span::default, |word| word.span)
    }

    pub(super) fn word(&self, index: usize) -> &'s str {
        self.words.words.get(index).map_or("", |word| word.text)
    }

    /// Whether the first word is this keyword, typed in full.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.word(self.head).eq_ignore_ascii_case(keyword)
    }

    /// Whether the first word is this keyword or the beginning of it.
    pub(super) fn shortens(&self, keyword: &str) -> bool {
        let typed = self.word(self.head);
        keyword.get(..typed.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(typed))
    }

    /// Whether the line begins with these keywords, typed in full.
    pub(super) fn begins_with(&self, keywords: impl Iterator<Item = &'static str>) -> bool {
        keywords.zip(self.head..).all(|(keyword, at)| self.word(at).eq_ignore_ascii_case(keyword))
    }

    pub(super) fn map_header(&self) -> Option<MapHeader<'s>> {
        let words: Vec<&str> = self.words.words.iter().skip(self.head).map(|word| word.text).collect();
        map_header(&words)
    }

    /// The words that name the command, without values that might be secret.
    pub(super) fn command_words(&self) -> String {
        let is_value = |word: &str| word.bytes().any(|b| b.is_ascii_digit());
        let words = self.words.words.iter().skip(self.head).map(|word| word.text);
        let keywords: Vec<&str> = words.take(2).take_while(|word| !is_value(word)).collect();
        if keywords.is_empty() { self.word(self.head).to_owned() } else { keywords.join(" ") }
    }

    /// The index of the word in question; one past the last if one is missing.
    pub(super) fn index_of(&self, mismatch: &Mismatch) -> usize {
        let words = &self.words.words;
        mismatch.span().map_or(words.len(), |at| words.partition_point(|word| word.span.end <= at.start))
    }
}

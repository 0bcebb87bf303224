//! Headers of blocks with a word too few, a word too many, or two slips: only with the header can the lines of its block
//! be read.

use grammar::{Line, Span, Word};

use super::{Kind, Slip, Trial, as_keyword, completions, is_keyword, remark};
use crate::nearest::nearest;

/// Limit: slips of one header that are mended; with more it is hardly that header.
const SLIPS_MAX: usize = 2;

impl<'s> Trial<'_, 's> {
    /// The line as the header of a block, whose slip is in the word at the index or one before it.
    pub(super) fn header(&self, from: usize) -> Option<Slip<'s>> {
        let words = &self.line.words;
        (1..=from)
            .rev()
            .find_map(|at| self.said_twice(words, at).or_else(|| self.left_out(words, at)))
            .or_else(|| self.remark(words, from))
            .or_else(|| self.misspelt(words, from, SLIPS_MAX))
    }

    /// `class-map type type`.
    fn said_twice(&self, words: &[Word<'s>], at: usize) -> Option<Slip<'s>> {
        let (before, rest) = words.split_at_checked(at)?;
        let (word, after) = rest.split_first()?;
        let is_doubled = before.last()?.text.eq_ignore_ascii_case(word.text);
        is_doubled.then(|| self.opens(word.span, [before, after].concat())).flatten()
    }

    /// `class-map inspect smtp c1`: one keyword fits, and the word behind it is one too. In front of a name it
    /// would make another name of it.
    fn left_out(&self, words: &[Word<'s>], at: usize) -> Option<Slip<'s>> {
        let is_word = |word: &Word<'_>, next: Vec<&str>| {
            let mut keywords = next.into_iter().filter(|word| is_keyword(word));
            keywords.any(|keyword| keyword.eq_ignore_ascii_case(word.text))
        };
        let mut completed = self.completed(words, at);
        completed.retain(|slip| {
            let (before, rest) = slip.line.words.split_at_checked(at + 1).unwrap_or_default();
            rest.first().is_some_and(|word| is_word(word, completions(self.mode, self.platforms, before)))
        });
        let only = completed.pop()?;
        completed.is_empty().then_some(only)
    }

    /// `class-map type inspect smtp c1 ! mine`.
    fn remark(&self, words: &[Word<'s>], at: usize) -> Option<Slip<'s>> {
        let (before, rest) = words.split_at_checked(at)?;
        self.opens(remark(rest)?, before.to_vec())
    }

    /// `clas-map tpye inspect smtp c1`.
    fn misspelt(&self, words: &[Word<'s>], at: usize, slips: usize) -> Option<Slip<'s>> {
        let (before, rest) = words.split_at_checked(at)?;
        let (word, after) = rest.split_first()?;
        let next = completions(self.mode, self.platforms, before);
        let keyword = nearest(word.text, next.iter().copied().filter(|word| is_keyword(word)))?;
        let words = [before, &[as_keyword(word, keyword)], after].concat();
        if let Some(slip) = self.opens(word.span, words.clone()) {
            return Some(slip);
        }
        let line = Line { words, ..self.line.clone() };
        let other = grammar::resolve(self.mode, self.platforms, &line).err()?.span()?;
        let other = line.words.iter().position(|word| word.span == other).filter(|other| *other > at)?;
        let slip = if slips > 1 { self.misspelt(&line.words, other, slips - 1)? } else { return None };
        Some(Slip { at: Span { start: word.span.start, end: slip.at.end }, ..slip })
    }

    /// The headers that the line is with a keyword before the word at the index.
    pub(super) fn completed(&self, words: &[Word<'s>], at: usize) -> Vec<Slip<'s>> {
        let (before, rest) = words.split_at_checked(at).unwrap_or_default();
        let Some(span) = rest.first().map(|word| word.span) else { return Vec::new() };
        let here = Span { start: span.start, end: span.start };
        let next = completions(self.mode, self.platforms, before);
        let completed = next.into_iter().filter(|word| is_keyword(word)).filter_map(|keyword| {
            let word = Word { text: keyword, span: here, quoted: false };
            self.opens(span, [before, &[word], rest].concat())
        });
        completed.collect()
    }

    /// The headers that the line is with another keyword in place of the word at the index.
    pub(super) fn replaced(&self, words: &[Word<'s>], at: usize) -> Vec<Slip<'s>> {
        let (before, rest) = words.split_at_checked(at).unwrap_or_default();
        let Some((word, after)) = rest.split_first() else { return Vec::new() };
        let next = completions(self.mode, self.platforms, before);
        let others = next.into_iter().filter(|other| is_keyword(other) && *other != word.text);
        others
            .filter_map(|other| self.opens(word.span, [before, &[as_keyword(word, other)], after].concat()))
            .collect()
    }

    /// The slip, if the line is the header of a block with these words.
    fn opens(&self, at: Span, words: Vec<Word<'s>>) -> Option<Slip<'s>> {
        self.slip(Kind::Header, at, words).filter(|slip| slip.command.enters.is_some())
    }
}

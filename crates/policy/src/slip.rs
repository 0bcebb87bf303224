//! What a line that fits no command was probably meant to be.
//!
//! A line is tried with one word written right: spelt, joined, separated. What is found is read on as if it
//! had been typed, so that one slip is one complaint.

mod forms;
mod header;
mod order;

use grammar::{Command, Completion, Line, Mode, Platforms, Word};

use crate::dialect::AnyStatement;
use crate::nearest::nearest;

/// One slip of the finger, or of a clipboard.
pub(crate) struct Slip<'s> {
    pub(crate) kind: Kind,
    /// Where it is.
    pub(crate) at: grammar::Span,
    /// The line written right; its places are those of the line as typed.
    pub(crate) line: Line<'s>,
    /// The command that the line is then.
    pub(crate) command: &'static Command<AnyStatement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `clas-map`, `policy map`: it was meant to be this keyword.
    Keyword(&'static str),
    /// `class-maptype`: the words are not separated.
    Glued,
    /// What is seen as a blank, or not at all, is another character.
    Invisible(char),
    /// The header of a block, with a word left out, said twice or followed by a remark, or with two slips.
    Header,
    /// The line is of a form that this one is often written in.
    Meant,
}

/// The slip that explains why a line is no command of a mode: of the word at the index `from` or one before it.
pub(crate) fn of<'s>(
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    line: &Line<'s>,
    from: usize,
) -> Option<Slip<'s>> {
    let trial = Trial { mode, platforms, line };
    trial
        .separated()
        .or_else(|| trial.meant())
        .or_else(|| trial.in_order())
        .or_else(|| (0..=from).rev().find_map(|at| trial.respelt(at)))
        .or_else(|| trial.header(from))
}

/// The line with the word at the index as the keyword that it nearly is.
pub(crate) fn misspelt<'s>(
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    line: &Line<'s>,
    at: usize,
) -> Option<Slip<'s>> {
    let (before, rest) = line.words.split_at_checked(at)?;
    let (word, after) = rest.split_first()?;
    let next = completions(mode, platforms, before);
    let keyword = nearest(word.text, next.into_iter().filter(|word| is_keyword(word)))?;
    let words = [before, &[as_keyword(word, keyword)], after].concat();
    Trial { mode, platforms, line }.slip(Kind::Keyword(keyword), word.span, words)
}

/// The line that is meant by one of a known form, whatever a reader of its words makes of it.
pub(crate) fn meant<'s>(
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    line: &Line<'s>,
) -> Option<Slip<'s>> {
    Trial { mode, platforms, line }.meant()
}

/// The headers that a line is with one keyword more, or another in place of one.
pub(crate) fn other_headers<'s>(
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    line: &Line<'s>,
) -> Vec<Slip<'s>> {
    let trial = Trial { mode, platforms, line };
    let Some(typed) = grammar::resolve(mode, platforms, line).ok().map(|resolved| resolved.command) else {
        return Vec::new();
    };
    let mut headers: Vec<Slip<'s>> =
        (1..=line.words.len()).flat_map(|at| trial.completed(&line.words, at)).collect();
    // A keyword is not to become a name.
    headers.retain(|slip| {
        typed.leading_keywords().all(|keyword| slip.command.leading_keywords().any(|other| other == keyword))
    });
    headers.extend((1..typed.leading_keywords().count()).flat_map(|at| trial.replaced(&line.words, at)));
    headers
}

/// The same of a keyword that is torn apart at its hyphen, which often leaves an ambiguous word.
pub(crate) fn joined<'s>(
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    line: &Line<'s>,
    at: usize,
) -> Option<Slip<'s>> {
    let (before, rest) = line.words.split_at_checked(at)?;
    let (word, after) = rest.split_first()?;
    let next = completions(mode, platforms, before);
    Trial { mode, platforms, line }.joined(before, word, after, &next)
}

/// What may follow the first words of a line.
pub(crate) fn completions(
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    words: &[Word<'_>],
) -> Vec<&'static str> {
    let before: String = words.iter().map(|word| typed(word) + " ").collect();
    let next = grammar::complete(mode, platforms, &before).unwrap_or_default();
    next.into_iter().map(|Completion { word, .. }| word).collect()
}

/// What pages and word processors put where a blank is seen, or nothing.
pub(crate) fn is_invisible(c: char) -> bool {
    !c.is_ascii() && c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Where the words that are left are a remark, in the manner of whatever language.
pub(crate) fn remark(rest: &[Word<'_>]) -> Option<grammar::Span> {
    let (first, last) = (rest.first()?, rest.last()?);
    match first.text {
        text if text.starts_with(['!', '#']) => Some(first.span),
        text if text.starts_with([';']) || text.starts_with("//") || text.starts_with("/*") => {
            Some(grammar::Span { start: first.span.start, end: last.span.end })
        }
        _ => None,
    }
}

/// Whether a completion is a word to be typed as it stands.
pub(crate) fn is_keyword(word: &str) -> bool {
    !matches!(word, "WORD" | "LINE" | "<cr>") && !word.starts_with('<')
}

/// A line as it would be typed.
pub(crate) fn text(line: &Line<'_>) -> String {
    line.words.iter().map(typed).collect::<Vec<_>>().join(" ")
}

fn typed(word: &Word<'_>) -> String {
    if word.quoted { format!("\"{}\"", word.text) } else { word.text.to_owned() }
}

struct Trial<'t, 's> {
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    line: &'t Line<'s>,
}

impl<'s> Trial<'_, 's> {
    /// The word at the index as a keyword, alone or with the next one, or as several words.
    fn respelt(&self, index: usize) -> Option<Slip<'s>> {
        let (before, rest) = self.line.words.split_at_checked(index)?;
        let (word, after) = rest.split_first()?;
        let mut next = completions(self.mode, self.platforms, before);
        next.retain(|word| is_keyword(word));
        if let Some(slip) = self.joined(before, word, after, &next) {
            return Some(slip);
        }
        // A keyword that is written right is no slip: in `match sender regex r` a word is missing.
        if next.iter().any(|keyword| keyword.eq_ignore_ascii_case(word.text)) {
            return None;
        }
        let keyword = nearest(word.text, next.iter().copied());
        let as_meant = |keyword| [before, &[as_keyword(word, keyword)], after].concat();
        keyword
            .and_then(|keyword| self.slip(Kind::Keyword(keyword), word.span, as_meant(keyword)))
            .or_else(|| self.unglued(before, word, after))
    }

    /// `policy map`, where the keyword has a hyphen.
    fn joined(
        &self,
        before: &[Word<'s>],
        word: &Word<'s>,
        after: &[Word<'s>],
        next: &[&'static str],
    ) -> Option<Slip<'s>> {
        let (second, after) = after.split_first()?;
        let both = format!("{}-{}", word.text, second.text);
        let keyword = next.iter().copied().find(|keyword| keyword.eq_ignore_ascii_case(&both))?;
        let span = grammar::Span { start: word.span.start, end: second.span.end };
        let joined = Word { span, ..as_keyword(word, keyword) };
        let words = [before, &[joined], after].concat();
        let line = Line { words, ..self.line.clone() };
        self.slip(Kind::Keyword(keyword), span, line.words.clone()).or_else(|| {
            // Whoever tears one keyword apart tears them all.
            let rest = before.len() + 1..line.words.len();
            let other = rest.into_iter().find_map(|at| self::joined(self.mode, self.platforms, &line, at))?;
            Some(Slip { kind: Kind::Keyword(keyword), at: span, ..other })
        })
    }

    /// `class-maptypeinspect`: keywords, each the longest that fits, and what is left.
    fn unglued(&self, before: &[Word<'s>], word: &Word<'s>, after: &[Word<'s>]) -> Option<Slip<'s>> {
        /// Limit: words in one; no command has more keywords.
        const WORDS_MAX: usize = 12;
        let mut words = before.to_vec();
        let mut rest = *word;
        for _ in 0..WORDS_MAX {
            let next = completions(self.mode, self.platforms, &words);
            let begins = |keyword: &&str| {
                is_keyword(keyword)
                    && rest.text.get(..keyword.len()).is_some_and(|it| it.eq_ignore_ascii_case(keyword))
            };
            let Some(keyword) = next.iter().copied().filter(begins).max_by_key(|keyword| keyword.len())
            else {
                break;
            };
            let (first, left) = cut(&rest, keyword.len())?;
            words.push(first);
            rest = left;
            match rest.text.chars().next() {
                Some(c) if c.is_alphanumeric() => {}
                // `inspect-zone` is another word.
                Some(_) => return None,
                None => break,
            }
        }
        if words.len() == before.len() {
            return None;
        }
        if !rest.text.is_empty() {
            words.push(rest);
        }
        self.slip(Kind::Glued, word.span, [&words, after].concat())
    }

    /// The line with its words separated where an invisible character is.
    fn separated(&self) -> Option<Slip<'s>> {
        let words = &self.line.words;
        let (odd, at) = words.iter().filter(|word| !word.quoted).find_map(|word| {
            let odd = word.text.chars().find(|c| is_invisible(*c))?;
            Some((odd, word.span))
        })?;
        self.slip(Kind::Invisible(odd), at, words.iter().flat_map(visible).collect())
    }

    /// The slip, if the line is a command with these words.
    fn slip(&self, kind: Kind, at: grammar::Span, words: Vec<Word<'s>>) -> Option<Slip<'s>> {
        let line = Line { words, ..self.line.clone() };
        let command = grammar::resolve(self.mode, self.platforms, &line).ok()?.command;
        Some(Slip { kind, at, line, command })
    }
}

fn as_keyword<'s>(word: &Word<'s>, keyword: &'static str) -> Word<'s> {
    Word { text: keyword, quoted: false, ..*word }
}

/// The first octets of a word, and the others.
fn cut<'s>(word: &Word<'s>, octets: usize) -> Option<(Word<'s>, Word<'s>)> {
    let (first, rest) = word.text.split_at_checked(octets)?;
    let middle = word.span.start + octets;
    let span = |start, end| grammar::Span { start, end };
    Some((
        Word { text: first, span: span(word.span.start, middle), quoted: false },
        Word { text: rest, span: span(middle, word.span.end), quoted: false },
    ))
}

/// The words that a word is to the eye.
fn visible<'s>(word: &Word<'s>) -> Vec<Word<'s>> {
    if word.quoted || !word.text.contains(is_invisible) {
        return vec![*word];
    }
    let mut start = word.span.start;
    let pieces = word.text.split_inclusive(is_invisible).map(|piece| {
        let text = piece.trim_end_matches(is_invisible);
        let span = grammar::Span { start, end: start + text.len() };
        start += piece.len();
        Word { text, span, quoted: false }
    });
    pieces.filter(|piece| !piece.text.is_empty()).collect()
}

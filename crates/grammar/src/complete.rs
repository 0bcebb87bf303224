//! `?` and Tab from the same tree that lines are read by.
//!
//! It does not print prompts or read keys.

use crate::resolve::{Walk, begins};
use crate::syntax::Label;
use crate::{Mismatch, Mode, Platforms, Span, Word, words};

/// Something that may be typed, as `?` shows it: a keyword, `<1-65535>`, `WORD`, `LINE` or `<cr>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    pub word: &'static str,
    pub help: &'static str,
}

/// What Tab puts in the place of the word that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension {
    pub at: Span,
    pub word: &'static str,
}

/// What may be typed at the end of `line`: the next word after a blank, else the rest of the last word.
///
/// Values come first, then keywords in alphabetical order, then `<cr>`.
pub fn complete<S>(
    mode: &'static Mode<S>,
    platforms: Platforms,
    line: &str,
) -> Result<Vec<Completion>, Mismatch> {
    let Some(Prospect { walk, begun }) = Prospect::of(mode, platforms, line)? else { return Ok(Vec::new()) };
    let tree = mode.tree();
    let rest = walk.in_rest().map(|node| ("LINE", node));
    let next = walk.edges().filter(|edge| fits(&edge.label, begun.as_ref()));
    let mut next: Vec<(&str, usize)> = next.map(|edge| (edge.label.shown(), edge.to)).chain(rest).collect();
    next.sort_by_key(|&(word, _)| (rank(word), word.to_ascii_lowercase()));
    next.dedup_by_key(|&mut (word, _)| word);
    let next = next.into_iter().map(|(word, node)| Completion { word, help: tree.help(node, platforms) });
    let mut found: Vec<Completion> = next.collect();
    match begun {
        None if walk.may_end() => found.push(Completion { word: "<cr>", help: "" }),
        Some(word) if found.is_empty() => return Err(Mismatch::Unknown { at: word.span }),
        _ => {}
    }
    Ok(found)
}

/// What Tab makes of the word that is begun, if only one keyword begins like it.
#[must_use]
pub fn extend<S>(mode: &'static Mode<S>, platforms: Platforms, line: &str) -> Option<Extension> {
    let Prospect { walk, begun } = Prospect::of(mode, platforms, line).ok()??;
    let begun = begun.filter(|word| !word.quoted)?;
    let mut keywords = walk.keywords(begun.text);
    let first = keywords.next()?;
    let only = first.len() == begun.text.len() || keywords.all(|other| other == first);
    only.then_some(Extension { at: begun.span, word: first })
}

/// The answer to `?` as IOS prints it: words with help in two columns, or the words that begin alike.
#[must_use]
pub fn explain<S>(mode: &'static Mode<S>, platforms: Platforms, line: &str) -> String {
    let found = match complete(mode, platforms, line) {
        Ok(found) => found,
        Err(ambiguous @ Mismatch::Ambiguous { .. }) => return format!("{}\n", ambiguous.message(line)),
        Err(_) => return "% Unrecognized command\n".to_owned(),
    };
    if ends_in_word(line) {
        let words: Vec<&str> = found.iter().map(|completion| completion.word).collect();
        return format!("{}\n", words.join("  "));
    }
    let width = found.iter().map(|completion| completion.word.len()).max().unwrap_or(0);
    let rows = found.iter().map(|Completion { word, help }| format!("  {word:<width$}  {help}"));
    rows.map(|row| format!("{}\n", row.trim_end())).collect()
}

/// A line walked up to the word that is being typed.
struct Prospect<'a> {
    walk: Walk,
    begun: Option<Word<'a>>,
}

impl<'a> Prospect<'a> {
    /// `None` for a comment.
    fn of<S>(mode: &'static Mode<S>, platforms: Platforms, text: &'a str) -> Result<Option<Self>, Mismatch> {
        let line = words(text);
        if line.is_comment() {
            return Ok(None);
        }
        let (begun, before) = match line.words.split_last() {
            Some((last, before)) if ends_in_word(text) => (Some(*last), before),
            _ => (None, line.words.as_slice()),
        };
        let mut walk = Walk::new(mode.tree(), platforms);
        walk.follow(before)?;
        walk.settle(before)?;
        Ok(Some(Self { walk, begun }))
    }
}

fn ends_in_word(line: &str) -> bool {
    line.chars().next_back().is_some_and(|c| !crate::word::is_blank(c))
}

/// Whether a word that is begun may become what a label asks for.
fn fits(label: &Label, begun: Option<&Word<'_>>) -> bool {
    let Some(begun) = begun else { return true };
    match label {
        Label::Keyword(keyword) => !begun.quoted && begins(keyword, begun.text),
        Label::Number { high, .. } => {
            !begun.quoted && begun.text.parse().is_ok_and(|number: u64| number <= *high)
        }
        Label::Address => {
            !begun.quoted && begun.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        }
        Label::Word | Label::Line => true,
    }
}

fn rank(word: &str) -> u8 {
    match word {
        _ if word.starts_with('<') || word == "A.B.C.D" => 0,
        "WORD" => 1,
        "LINE" => 2,
        _ => 3,
    }
}

//! A line that fits no command becomes a diagnostic: what was expected, and what was probably meant.

use grammar::{Command, Completion, Mismatch, Mode, Platforms};

use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::AnyStatement;
use crate::lines::Line;
use crate::nearest::nearest;
use crate::source::Span;

/// Limit: words offered in a message; a longer list helps nobody.
const EXPECTED_MAX: usize = 12;

/// `word` is the index of the word in question.
pub(crate) fn complaint(
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    line: &Line<'_>,
    mismatch: &Mismatch,
    word: usize,
) -> Diagnostic {
    let end = line.start + line.text.len();
    match mismatch {
        Mismatch::Unknown { at } => unknown(mode, platforms, line, *at, word),
        Mismatch::Ambiguous { at, candidates } => {
            let words: Vec<String> = candidates.iter().map(|word| format!("`{word}`")).collect();
            let message = format!("`{}` is ambiguous", slice(line, *at));
            Diagnostic::new(Code::AmbiguousCommand, (*at).into(), message)
                .help(format!("write {}", listed(&words)))
        }
        Mismatch::Incomplete { expected: next } => {
            let message = match expected(next) {
                Some(expected) => format!("incomplete command, expected {expected}"),
                None => "incomplete command".to_owned(),
            };
            Diagnostic::new(Code::IncompleteCommand, Span::new(end, end), message)
        }
        Mismatch::OutOfRange { at, low, high } => {
            let message = format!("`{}` is out of range, expected {low} to {high}", slice(line, *at));
            Diagnostic::new(Code::OutOfRange, (*at).into(), message)
        }
        Mismatch::Invalid { at, message } => {
            let message = format!("invalid input `{}`, {message}", slice(line, *at));
            Diagnostic::new(Code::InvalidInput, (*at).into(), message)
        }
    }
}

/// A word that does not fit here. If an earlier one is a slip that explains it, that one is at fault.
fn unknown(
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    line: &Line<'_>,
    at: grammar::Span,
    word: usize,
) -> Diagnostic {
    let next = next_words(mode, platforms, line, at.start);
    let meant = nearest(slice(line, at), next.iter().copied().filter(|word| is_keyword(word)));
    let (at, meant) = match (meant, corrected(mode, platforms, line.text, word)) {
        (None, Some(Correction { at, keyword, .. })) => {
            (grammar::Span { start: line.start + at.start, end: line.start + at.end }, Some(keyword))
        }
        (meant, _) => (at, meant),
    };
    let typed = slice(line, at);
    if let Some(odd) = typed.chars().find(|c| is_invisible(*c)) {
        let message = format!("the word contains the invisible character U+{:04X}", u32::from(odd));
        return Diagnostic::new(Code::InvalidInput, at.into(), message)
            .help("remove it, or replace it with a space");
    }
    let message = match expected(&next) {
        Some(expected) if meant.is_none() => format!("invalid input `{typed}`, expected {expected}"),
        _ => format!("invalid input `{typed}`"),
    };
    Diagnostic::new(Code::InvalidInput, at.into(), message)
        .maybe_help(meant.map(|meant| format!("did you mean `{meant}`?")))
}

/// A word that is probably a slip.
pub(crate) struct Correction {
    at: grammar::Span,
    keyword: &'static str,
    /// The command that the line is with the keyword in the word's place.
    pub(crate) command: &'static Command<AnyStatement>,
    /// The line then.
    pub(crate) line: String,
}

/// The word, the `from`th or one before it, that makes the line whole if it is written as a keyword.
pub(crate) fn corrected(
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    text: &str,
    from: usize,
) -> Option<Correction> {
    let words = grammar::words(text).words;
    words.iter().take(from + 1).rev().find_map(|word| {
        let before = text.get(..word.span.start)?;
        let after = text.get(word.span.end..)?;
        let next = completions(mode, platforms, before);
        // A keyword that is written right is no slip: in `match sender regex r` a word is missing.
        if next.iter().any(|keyword| keyword.eq_ignore_ascii_case(word.text)) {
            return None;
        }
        let keyword = nearest(word.text, next.iter().copied().filter(|word| is_keyword(word)))?;
        let line = format!("{before}{keyword}{after}");
        let command = grammar::resolve(mode, platforms, &grammar::words(&line)).ok()?.command;
        Some(Correction { at: word.span, keyword, command, line })
    })
}

fn next_words(
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    line: &Line<'_>,
    at: usize,
) -> Vec<&'static str> {
    completions(mode, platforms, line.text.get(..at.saturating_sub(line.start)).unwrap_or(""))
}

/// What may follow the beginning of a line.
fn completions(mode: &'static Mode<AnyStatement>, platforms: Platforms, before: &str) -> Vec<&'static str> {
    let before = if before.is_empty() { String::new() } else { format!("{} ", before.trim_end()) };
    let next = grammar::complete(mode, platforms, &before).unwrap_or_default();
    next.into_iter().map(|Completion { word, .. }| word).collect()
}

/// ``a name, `gt` or a number from 1 to 5``; nothing if there is too much to say.
fn expected(next: &[&str]) -> Option<String> {
    let words: Vec<String> = next.iter().copied().filter(|word| *word != "no").map(shown).collect();
    (!words.is_empty() && words.len() <= EXPECTED_MAX).then(|| listed(&words))
}

fn shown(word: &str) -> String {
    match word {
        "WORD" => "a name".to_owned(),
        "LINE" => "text".to_owned(),
        "<cr>" => "the end of the line".to_owned(),
        _ => match word.strip_prefix('<').and_then(|range| range.strip_suffix('>')?.split_once('-')) {
            Some((low, high)) => format!("a number from {low} to {high}"),
            None => format!("`{word}`"),
        },
    }
}

fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn is_keyword(word: &str) -> bool {
    !matches!(word, "WORD" | "LINE" | "<cr>") && !word.starts_with('<')
}

/// What pages and word processors put where a blank is seen, or nothing.
fn is_invisible(c: char) -> bool {
    !c.is_ascii() && c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

fn slice<'s>(line: &Line<'s>, at: grammar::Span) -> &'s str {
    line.text.get(at.start.saturating_sub(line.start)..at.end.saturating_sub(line.start)).unwrap_or("")
}

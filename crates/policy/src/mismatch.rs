//! A line that fits no command becomes a diagnostic: what was expected, and what was probably meant.

use grammar::{Mismatch, Mode, Platforms};

use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::AnyStatement;
use crate::lines::Line;
use crate::nearest::nearest;
use crate::slip::{self, Kind, Slip, completions, is_keyword};
use crate::source::Span;

/// Limit: words offered in a message; a longer list helps nobody.
const EXPECTED_MAX: usize = 16;

const REMARK: &str = "write the remark on a line of its own";

/// `word` is the index of the word in question, and `slip` what the line was probably meant to be.
pub(crate) fn complaint(
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    line: &Line<'_>,
    words: &grammar::Line<'_>,
    mismatch: &Mismatch,
    word: usize,
    slip: Option<&Slip<'_>>,
) -> Diagnostic {
    let end = line.start + line.text.len();
    let meant = slip.map(|slip| format!("write `{}`", slip::text(&slip.line)));
    if let (Some(slip), Mismatch::Unknown { .. } | Mismatch::Ambiguous { .. }) = (slip, mismatch) {
        return slipped(line, slip);
    }
    match mismatch {
        Mismatch::Unknown { at } => {
            let next = completions(mode, platforms, words.words.get(..word).unwrap_or_default());
            unknown(&next, line, words, *at)
        }
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
            Diagnostic::new(Code::IncompleteCommand, Span::new(end, end), message).maybe_help(meant)
        }
        Mismatch::OutOfRange { at, low, high } => {
            let message = format!("`{}` is out of range, expected {low} to {high}", slice(line, *at));
            Diagnostic::new(Code::OutOfRange, (*at).into(), message)
        }
        Mismatch::Invalid { at, message, help } => {
            let message = format!("invalid input `{}`, {message}", slice(line, *at));
            Diagnostic::new(Code::InvalidInput, (*at).into(), message).maybe_help(help.clone().or(meant))
        }
    }
}

/// A line that is a command with one slip mended.
pub(crate) fn slipped(line: &Line<'_>, slip: &Slip<'_>) -> Diagnostic {
    let typed = slice(line, slip.at);
    let complaint = |message| Diagnostic::new(Code::InvalidInput, slip.at.into(), message);
    match slip.kind {
        Kind::Keyword(keyword) => {
            complaint(format!("invalid input `{typed}`")).help(format!("did you mean `{keyword}`?"))
        }
        Kind::Glued => complaint(format!("the words of `{typed}` are not separated"))
            .help(format!("write `{}`", slip::text(&slip.line))),
        Kind::Invisible(odd) => invisible(slip.at, odd),
        Kind::Header if typed.starts_with('!') => complaint(format!("invalid input `{typed}`")).help(REMARK),
        Kind::Header | Kind::Meant => {
            complaint(format!("invalid input `{typed}`")).help(format!("write `{}`", slip::text(&slip.line)))
        }
    }
}

/// A word in which something is not what it looks like.
pub(crate) fn invisible(at: grammar::Span, odd: char) -> Diagnostic {
    let message = format!("the word contains the invisible character U+{:04X}", u32::from(odd));
    Diagnostic::new(Code::InvalidInput, at.into(), message).help("remove it, or replace it with a space")
}

/// A word that does not fit here, where one of `next` would.
fn unknown(next: &[&str], line: &Line<'_>, words: &grammar::Line<'_>, at: grammar::Span) -> Diagnostic {
    let typed = slice(line, at);
    if let Some(odd) = typed.chars().find(|c| slip::is_invisible(*c)) {
        return invisible(at, odd);
    }
    let meant = nearest(typed, next.iter().copied().filter(|word| is_keyword(word)));
    let message = match expected(next) {
        Some(expected) if meant.is_none() => format!("invalid input `{typed}`, expected {expected}"),
        _ => format!("invalid input `{typed}`"),
    };
    let help = meant.map(|meant| format!("did you mean `{meant}`?"));
    Diagnostic::new(Code::InvalidInput, at.into(), message)
        .maybe_help(help.or_else(|| in_other_words(next, words, at)))
}

/// How to say what was written in the manner of other languages.
fn in_other_words(next: &[&str], words: &grammar::Line<'_>, at: grammar::Span) -> Option<String> {
    let index = words.words.iter().position(|word| word.span == at)?;
    let (before, rest) = words.words.split_at_checked(index)?;
    let (word, after) = rest.split_first()?;
    if word.text.starts_with('!') {
        return Some(REMARK.to_owned());
    }
    let line = |keyword: &str, number: u64| {
        let words: Vec<&str> = before.iter().map(|word| word.text).collect();
        format!("{} {keyword} {number}", words.join(" "))
    };
    if next.contains(&"gt") {
        if let Ok(number) = word.text.parse() {
            return Some(format!("write `{}`", line("gt", number)));
        }
        let number: u64 = after.first()?.text.parse().ok()?;
        let negated = |over: u64| line("gt", over).replacen("match ", "match not ", 1);
        return match word.text {
            "lt" | "<" => Some(format!("write `{}`", negated(number.checked_sub(1)?))),
            "le" | "<=" => Some(format!("write `{}`", negated(number))),
            "ge" | ">=" => Some(format!("write `{}`", line("gt", number.checked_sub(1)?))),
            ">" => Some(format!("write `{}`", line("gt", number))),
            _ => None,
        };
    }
    next.iter().filter_map(|expected| range(expected)).find_map(|(low, high)| {
        let number = in_full(word.text)?;
        (low..=high).contains(&number).then(|| format!("write `{number}`"))
    })
}

/// `50M` as a number.
fn in_full(typed: &str) -> Option<u64> {
    let letters = typed.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = typed.strip_suffix(letters)?.parse().ok()?;
    let unit = match letters.to_ascii_lowercase().as_str() {
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// ``a name, `gt` or a number from 1 to 5``; nothing if there is too much to say.
fn expected(next: &[&str]) -> Option<String> {
    let words: Vec<String> = next.iter().copied().filter(|word| *word != "no").map(shown).collect();
    (!words.is_empty() && words.len() <= EXPECTED_MAX).then(|| listed(&words))
}

/// `<1-65535>`.
fn range(word: &str) -> Option<(u64, u64)> {
    let (low, high) = word.strip_prefix('<')?.strip_suffix('>')?.split_once('-')?;
    Some((low.parse().ok()?, high.parse().ok()?))
}

fn shown(word: &str) -> String {
    match word {
        "WORD" => "a name".to_owned(),
        "A.B.C.D" => "an address".to_owned(),
        "LINE" => "text".to_owned(),
        "<cr>" => "the end of the line".to_owned(),
        _ => match range(word) {
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

fn slice<'s>(line: &Line<'s>, at: grammar::Span) -> &'s str {
    line.text.get(at.start.saturating_sub(line.start)..at.end.saturating_sub(line.start)).unwrap_or("")
}

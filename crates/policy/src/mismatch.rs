//! A line that fits no command becomes a diagnostic: what was expected, and what was probably meant.

use grammar::{Mismatch, Mode, Platforms, Word};

use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::AnyStatement;
use crate::lines::Line;
use crate::nearest::nearest;
use crate::slip::{self, Kind, Slip, completions, is_keyword};
use crate::source::Span;

/// Limit: words offered in a message; a longer list helps nobody.
const EXPECTED_MAX: usize = 16;

const REMARK: &str = "write the remark on a line of its own";

const FOREIGN_REMARK: &str = "remove it; a remark begins with `!` and has a line of its own";

fn remark_help(remark: &str) -> &'static str {
    if remark.starts_with(['!', '#']) { REMARK } else { FOREIGN_REMARK }
}

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
            unknown(&Place { mode, platforms, line, words, next: &next }, *at)
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
        Kind::Header if typed.starts_with(['!', '#', ';', '/']) => {
            complaint(format!("invalid input `{typed}`")).help(remark_help(typed))
        }
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

/// A line, and what would fit in place of a word of it.
struct Place<'p> {
    mode: &'static Mode<AnyStatement>,
    platforms: Platforms,
    line: &'p Line<'p>,
    words: &'p grammar::Line<'p>,
    next: &'p [&'static str],
}

/// A word that does not fit.
fn unknown(place: &Place<'_>, at: grammar::Span) -> Diagnostic {
    let Place { line, words, next, .. } = *place;
    let index = words.words.iter().position(|word| word.span == at);
    let rest = index.and_then(|index| words.words.get(index..)).unwrap_or_default();
    let at = slip::remark(rest).unwrap_or(at);
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
    let help = help.or_else(|| match slip::remark(rest) {
        Some(_) => Some(remark_help(typed).to_owned()),
        None => place.in_other_words(index?).or_else(|| place.with_a_keyword(index?)),
    });
    let help = help.or_else(|| place.in_several_lines(index?));
    Diagnostic::new(Code::InvalidInput, at.into(), message).maybe_help(help)
}

impl Place<'_> {
    /// The line with the one keyword before the word that makes it whole.
    fn with_a_keyword(&self, index: usize) -> Option<String> {
        let (before, rest) =
            self.words.words.split_at_checked(index).filter(|(before, _)| !before.is_empty())?;
        let here = rest.first()?.span;
        let mut whole = self.next.iter().copied().filter(|word| is_keyword(word)).filter_map(|keyword| {
            let word = Word { text: keyword, span: here, quoted: false };
            self.read([before, &[word], rest].concat())
        });
        let only = whole.next()?;
        whole.next().is_none().then(|| format!("write `{only}`"))
    }

    /// What is said behind the end of a line, as a line of its own, or as one with the same beginning.
    fn in_several_lines(&self, index: usize) -> Option<String> {
        let (before, rest) = self.words.words.split_at_checked(index)?;
        let first = self.read(before.to_vec())?;
        let others = self.continued(before, rest).map(|other| vec![other]);
        match others.or_else(|| self.more_values(before, rest)) {
            Some(others) => Some(format!("write `{first} / {}`", others.join(" / "))),
            // Where something else could stand, it was meant to be that.
            None => (rest.len() == 1 && self.next == ["<cr>"]).then(|| "remove it".to_owned()),
        }
    }

    /// `max-incomplete high 500 low 400`: the rest goes on where a keyword was, or begins a line.
    fn continued(&self, before: &[Word<'_>], rest: &[Word<'_>]) -> Option<String> {
        let keyword = rest.first()?;
        (0..before.len()).rev().find_map(|from| {
            let beginning = before.get(..from)?;
            let next = completions(self.mode, self.platforms, beginning);
            let fits = next.iter().any(|one| one.eq_ignore_ascii_case(keyword.text));
            fits.then(|| self.read([beginning, rest].concat())).flatten()
        })
    }

    /// `server 192.0.2.1:25 192.0.2.2:25`: values of a kind that not every word is of.
    fn more_values(&self, before: &[Word<'_>], rest: &[Word<'_>]) -> Option<Vec<String>> {
        let (last, front) = before.split_last()?;
        let nonsense = Word { text: "?", quoted: false, ..*last };
        let is_checked = self.read([front, &[nonsense]].concat()).is_none();
        let next = completions(self.mode, self.platforms, front);
        let is_keyword = |word: &Word<'_>| next.iter().any(|one| one.eq_ignore_ascii_case(word.text));
        rest.iter()
            .map(|word| {
                let is_value = is_keyword(word) || is_checked && !is_keyword(last);
                self.read([front, &[*word]].concat()).filter(|_| is_value)
            })
            .collect()
    }

    /// The words as a line, if it is one of the mode.
    fn read(&self, words: Vec<Word<'_>>) -> Option<String> {
        let line = grammar::Line { words, ..self.words.clone() };
        let resolved = grammar::resolve(self.mode, self.platforms, &line).ok()?;
        resolved.build().ok().map(|_| slip::text(&line))
    }

    /// How to say what was written in the manner of other languages.
    fn in_other_words(&self, index: usize) -> Option<String> {
        let next = self.next;
        let (before, rest) = self.words.words.split_at_checked(index)?;
        let (word, after) = rest.split_first()?;
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
                "lt" | "<" | "less" | "below" | "under" => {
                    Some(format!("write `{}`", negated(number.checked_sub(1)?)))
                }
                "le" | "<=" => Some(format!("write `{}`", negated(number))),
                "ge" | ">=" => Some(format!("write `{}`", line("gt", number.checked_sub(1)?))),
                ">" | "greater" | "more" | "above" | "over" => {
                    Some(format!("write `{}`", line("gt", number)))
                }
                _ => None,
            };
        }
        next.iter().filter_map(|expected| range(expected)).find_map(|(low, high)| {
            let number = in_full(word.text)?;
            (low..=high).contains(&number).then(|| format!("write `{number}`"))
        })
    }
}

/// `50M` or `10,000` as a number.
fn in_full(typed: &str) -> Option<u64> {
    let typed = typed.replace([',', '_'], "");
    if let Ok(number) = typed.parse() {
        return Some(number);
    }
    let letters = typed.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = typed.strip_suffix(letters)?.parse().ok()?;
    let unit = match letters.to_ascii_lowercase().as_str() {
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "s" | "sec" => 1,
        "min" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
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

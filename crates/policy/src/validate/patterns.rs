//! Patterns that cannot be read, and patterns that hardly mean what they say.

use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, PatternText};
use crate::pattern;
use crate::source::{Source, Span};

pub(super) fn check(configuration: &Configuration, source: &Source, complaints: &mut Diagnostics) {
    let of_maps = configuration.regex_maps.iter().flat_map(|map| &map.patterns);
    let regexes = configuration.regexes.iter().map(|regex| &regex.pattern);
    of_maps.chain(regexes).for_each(|pattern| check_one(pattern, source, complaints));
}

fn check_one(pattern: &PatternText, source: &Source, complaints: &mut Diagnostics) {
    let parsed = match pattern::parse(&pattern.text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let at = place(pattern, error.at.clone(), source);
            let message = pattern.said(error.message);
            complaints.push(Diagnostic::new(Code::PatternInvalid, at, message).maybe_help(error.help));
            return;
        }
    };
    if let [first, ..] = parsed.dangling_stars() {
        let symbol = pattern.text.get(*first..).and_then(|rest| rest.chars().next()).unwrap_or('*');
        complaints.push(
            Diagnostic::new(
                Code::DanglingStar,
                place(pattern, *first..first + 1, source),
                pattern.said(format!("`{symbol}` has nothing to repeat and is read as `.*`")),
            )
            .help("patterns match anywhere in the text: remove it, or write `.*`"),
        );
    }
    if let Some((offset, letter, meant)) = literal_escape(&pattern.text) {
        let at = place(pattern, offset..offset + 1, source);
        let message = format!("`\\{letter}` is the character `{letter}`: this language has no such escape");
        complaints.push(
            Diagnostic::new(Code::LiteralEscape, at, pattern.said(message))
                .maybe_help(meant.map(|meant| format!("write `{meant}`"))),
        );
    }
    if parsed.matches_empty() {
        let message = pattern.said(format!("pattern `{}` matches every text", pattern.text));
        complaints.push(
            Diagnostic::new(Code::MatchesEmpty, pattern.at, message)
                .help("remove it: it matches the empty string, which is found anywhere"),
        );
    }
}

/// The first escape that means something in other languages and stands for its own letter here, and how to say
/// what it means.
fn literal_escape(text: &str) -> Option<(usize, char, Option<&'static str>)> {
    let mut symbols = text.char_indices();
    while let Some((offset, symbol)) = symbols.next() {
        if symbol != '\\' {
            continue;
        }
        let (_, escaped) = symbols.next()?;
        let octal = || {
            text.get(offset + 1..offset + 4).is_some_and(|it| it.bytes().all(|b| (b'0'..=b'7').contains(&b)))
        };
        let meant = match escaped {
            'd' => Some("[0-9]"),
            'D' => Some("[^0-9]"),
            'w' => Some("[A-Za-z0-9_]"),
            'W' => Some("[^A-Za-z0-9_]"),
            's' => Some("[ \\t]"),
            'S' => Some("[^ \\t]"),
            'b' | 'B' | 'A' | 'Z' | 'z' => None,
            '1'..='9' if !octal() => None,
            _ => continue,
        };
        return Some((offset, escaped, meant));
    }
    None
}

/// The place of octets of a pattern, whose text has not the quotes it may be typed in.
fn place(pattern: &PatternText, octets: Range<usize>, source: &Source) -> Span {
    if pattern.line.is_some() {
        return pattern.at;
    }
    let typed = source.slice(pattern.at);
    let quote = typed.chars().next().filter(|c| !pattern.text.starts_with(*c)).map_or(0, char::len_utf8);
    let start = pattern.at.start as usize + quote;
    let end = source.text.ceil_char_boundary(start + octets.end);
    let start = start + octets.start;
    Span::new(start, end.min(pattern.at.end as usize).max(start))
}

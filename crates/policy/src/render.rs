//! Complaints as text: `FILE:LINE:COLUMN` with the line and a caret, the other lines that explain it, and the form a
//! router prints.
//!
//! Decides nothing; colours and JSON are the program's affair.

use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{Source, Span};

/// Limit: columns of a source line shown; a longer line is cut around the caret.
const SHOWN_MAX: usize = 160;

/// All complaints, one after the other.
pub fn diagnostics(source: &Source, diagnostics: &Diagnostics) -> String {
    diagnostics.iter().map(|d| diagnostic(source, d)).collect()
}

/// One complaint: place and message, the line, the caret, the help, the other places.
pub fn diagnostic(source: &Source, diagnostic: &Diagnostic) -> String {
    let place = source.position(diagnostic.at);
    let mut out = format!(
        "{}:{}:{}: {}: {} [{}]\n",
        source.name,
        place.line,
        place.column,
        diagnostic.severity().as_str(),
        diagnostic.message,
        diagnostic.code.as_str(),
    );
    out.push_str(&excerpt(source, diagnostic.at));
    // Writing to a String cannot fail.
    for (at, why) in &diagnostic.related {
        let (_, line) = source.line_of(*at);
        let text: String = line.trim().chars().take(SHOWN_MAX).collect();
        let _ = writeln!(out, "  line {}: {why}: `{text}`", source.position(*at).line);
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(out, "  help: {help}");
    }
    // A message may quote any word of the file.
    out.chars().map(|c| if c == '\n' { c } else { printable(c) }).collect()
}

/// What a router prints under the line that was typed, if that line is the whole source.
pub fn ios(prompt: &str, line: &str, diagnostic: &Diagnostic) -> String {
    match diagnostic.code {
        Code::InvalidInput | Code::OutOfRange => {
            let before = line.get(..diagnostic.at.start as usize).unwrap_or(line);
            let indent = prompt.chars().count() + before.chars().count();
            format!("{:indent$}^\n% Invalid input detected at '^' marker.\n", "")
        }
        Code::IncompleteCommand => "% Incomplete command.\n".to_owned(),
        Code::AmbiguousCommand => {
            let end = (diagnostic.at.end as usize).min(line.len());
            format!("% Ambiguous command:  \"{}\"\n", line.get(..end).unwrap_or(line))
        }
        // Routers begin with a capital and quote nothing: `% Class-map c1 is being used`.
        _ => {
            let message = diagnostic.message.replace('`', "");
            let mut letters = message.chars();
            let first = letters.next().map_or_else(String::new, |c| c.to_uppercase().to_string());
            format!("% {first}{}\n", letters.as_str())
        }
    }
}

/// The line of a place and the caret below it; nothing for an empty line.
fn excerpt(source: &Source, at: Span) -> String {
    let (start, line) = source.line_of(at);
    if line.is_empty() {
        return String::new();
    }
    let from = (at.start as usize).saturating_sub(start).min(line.len());
    let to = (at.end as usize).saturating_sub(start).clamp(from, line.len());
    let chars = |octets: usize| line.get(..octets).unwrap_or(line).chars().count();
    let (from, to) = (chars(from), chars(to));
    let skipped = if from < SHOWN_MAX { 0 } else { from - SHOWN_MAX / 2 };
    let shown: String = line.chars().skip(skipped).take(SHOWN_MAX).map(printable).collect();
    let part = |from: usize, to: usize| shown.chars().skip(from).take(to.saturating_sub(from));
    // A tab above is a tab below, so that the caret stands where it should at any tab width.
    let before = part(0, from - skipped);
    let margin: String =
        before.map(|c| if c == '\t' { "\t".to_owned() } else { " ".repeat(columns(c)) }).collect();
    let carets = "^".repeat(part(from - skipped, to - skipped).map(columns).sum::<usize>().max(1));
    format!(" {}\n {margin}{carets}\n", shown.trim_end())
}

/// Columns of a terminal that a character takes: two for most of East Asia, none for what combines with the
/// character before it.
fn columns(c: char) -> usize {
    if c == '\t' { 1 } else { c.width().unwrap_or(0) }
}

/// Control characters of a file must not reach a terminal.
fn printable(c: char) -> char {
    if c != '\t' && c.is_control() { '\u{FFFD}' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::decode("edge.conf", text.as_bytes()).0
    }

    #[test]
    fn a_complaint_shows_place_line_caret_and_help() {
        let source = source("!\n class type inspect smtp bulk-mial\n");
        let at = source.text.find("bulk-mial").unwrap();
        let complaint =
            Diagnostic::new(Code::UndefinedName, Span::new(at, at + 9), "unknown class `bulk-mial`")
                .related(Span::new(0, 1), "here")
                .help("did you mean `bulk-mail`?");
        assert_eq!(
            diagnostic(&source, &complaint),
            "edge.conf:2:26: error: unknown class `bulk-mial` [undefined-name]\n\
             \x20 class type inspect smtp bulk-mial\n\
             \x20                         ^^^^^^^^^\n\
             \x20 line 1: here: `!`\n\
             \x20 help: did you mean `bulk-mail`?\n"
        );
    }

    #[test]
    fn tabs_and_control_characters_do_not_move_the_caret() {
        let source = source("\tmatch\x1b foo\n");
        let at = source.text.find("foo").unwrap();
        let text = excerpt(&source, Span::new(at, at + 3));
        assert_eq!(text, " \tmatch\u{FFFD} foo\n \t       ^^^\n");
    }

    #[test]
    fn wide_and_combining_characters_do_not_move_the_caret() {
        // A wide character takes two columns; `e` and the accent that combines with it take one.
        for (before, columns) in [("日本", 4), ("e\u{301}", 1), ("\u{200b}", 0)] {
            let source = source(&format!("{before} foo\n"));
            let at = source.text.find("foo").unwrap();
            let text = excerpt(&source, Span::new(at, at + 3));
            assert_eq!(text, format!(" {before} foo\n {:columns$} ^^^\n", ""), "{before}");
        }
        let source = source("日本 foo\n");
        assert_eq!(excerpt(&source, Span::new(0, "日本".len())), " 日本 foo\n ^^^^\n");
    }

    #[test]
    fn control_characters_of_a_quoted_word_are_not_printed() {
        let source = source("x\n");
        let bad =
            Diagnostic::new(Code::InvalidInput, Span::new(0, 1), "invalid input `\x1b[2J`").help("\x07");
        let text = diagnostic(&source, &bad);
        assert!(!text.contains(['\x1b', '\x07']) && text.lines().count() == 4, "{text}");
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let source = source(&format!("{}X{}\n", "a".repeat(5000), "b".repeat(5000)));
        let text = excerpt(&source, Span::new(5000, 5001));
        let (line, caret) = text.split_once('\n').unwrap();
        assert_eq!(line.find('X'), caret.find('^'));
        assert!(line.len() <= SHOWN_MAX + 1);
    }

    #[test]
    fn a_router_marks_the_word_it_does_not_know() {
        let bad = Diagnostic::new(Code::InvalidInput, Span::new(6, 9), "invalid input `foo`");
        assert_eq!(
            ios("edge(config-cmap)#", "match foo", &bad),
            format!("{:24}^\n% Invalid input detected at '^' marker.\n", "")
        );
        let bad = Diagnostic::new(Code::AmbiguousCommand, Span::new(6, 7), "ambiguous");
        assert_eq!(ios("edge#", "match r x", &bad), "% Ambiguous command:  \"match r\"\n");
        let used = Diagnostic::new(Code::InUse, Span::default(), "class-map `c1` is being used");
        assert_eq!(ios("edge#", "no class-map c1", &used), "% Class-map c1 is being used\n");
    }
}

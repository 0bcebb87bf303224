//! Why a line fits no command, and how IOS prints it.
//!
//! Renderings with file, line and column are the caller's; the spans are all they need.

use crate::Span;

/// Why a line fits no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The first word that does not fit; `complete` on the line before it says what would.
    Unknown { at: Span },
    /// Keywords that all begin with this word.
    Ambiguous { at: Span, candidates: Vec<&'static str> },
    /// The line ended early; what could have come, as `?` shows it.
    Incomplete { expected: Vec<&'static str> },
    /// A number, but not one of this range.
    OutOfRange { at: Span, low: u64, high: u64 },
    /// What a `build` function has against a word, and what may be done about it.
    Invalid { at: Span, message: String, help: Option<String> },
}

impl Mismatch {
    /// The same with a help, if a `build` function says it.
    #[must_use]
    pub fn help(self, help: impl Into<Option<String>>) -> Self {
        match self {
            Self::Invalid { at, message, help: before } => {
                Self::Invalid { at, message, help: help.into().or(before) }
            }
            other => other,
        }
    }

    /// The word in question; `None` if a word is missing.
    #[must_use]
    pub const fn span(&self) -> Option<Span> {
        match self {
            Self::Unknown { at }
            | Self::Ambiguous { at, .. }
            | Self::OutOfRange { at, .. }
            | Self::Invalid { at, .. } => Some(*at),
            Self::Incomplete { .. } => None,
        }
    }

    /// The line, a caret where IOS puts one, and the message.
    #[must_use]
    pub fn render(&self, line: &str) -> String {
        let shown = printable(line.trim_end());
        let message = self.message(line);
        match self {
            Self::Unknown { at } | Self::OutOfRange { at, .. } | Self::Invalid { at, .. } => {
                format!("{shown}\n{}\n{message}\n", caret(line, at.start))
            }
            Self::Ambiguous { .. } | Self::Incomplete { .. } => format!("{shown}\n{message}\n"),
        }
    }

    /// The message alone, as IOS words it.
    #[must_use]
    pub fn message(&self, line: &str) -> String {
        match self {
            Self::Unknown { .. } | Self::OutOfRange { .. } => {
                "% Invalid input detected at '^' marker.".to_owned()
            }
            Self::Invalid { message, .. } => format!("% {message}"),
            Self::Ambiguous { at, .. } => {
                let typed = line.get(..at.end).unwrap_or(line).trim_start();
                format!("% Ambiguous command:  \"{}\"", printable(typed))
            }
            Self::Incomplete { .. } => "% Incomplete command.".to_owned(),
        }
    }
}

/// A caret below the byte `at`; tabs are kept so that any terminal aligns it.
fn caret(line: &str, at: usize) -> String {
    let before = line.get(..at).unwrap_or(line);
    before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).chain(['^']).collect()
}

/// Control characters of a hostile file must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '.' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_is_printed_below_the_word() {
        let unknown = Mismatch::Unknown { at: Span { start: 8, end: 11 } };
        assert_eq!(
            unknown.render(" match\t xyz\r\n"),
            " match\t xyz\n      \t ^\n% Invalid input detected at '^' marker.\n"
        );
        let wide = Mismatch::Unknown { at: Span { start: 3, end: 4 } };
        assert_eq!(wide.render("\u{e9} x"), "\u{e9} x\n  ^\n% Invalid input detected at '^' marker.\n");
    }

    #[test]
    fn control_characters_are_not_printed() {
        let incomplete = Mismatch::Incomplete { expected: vec![] };
        assert_eq!(incomplete.render("a\u{1b}[2J\u{7}"), "a.[2J.\n% Incomplete command.\n");
    }
}

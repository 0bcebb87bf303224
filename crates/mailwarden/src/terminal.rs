//! What is printed: to a terminal in colour, to a file or a pipe without.
//!
//! A reader that went away is no reason to panic: what it no longer reads is not printed.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::Exit;

/// Writes text to standard output. A reader that has had enough (`| head`) is no error of ours, a full disk
/// is one.
pub(crate) fn print(text: &str) -> Exit {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("mailwarden: cannot write: {error}\n"));
            Exit::System
        }
        Ok(()) | Err(_) => Exit::Done,
    }
}

/// Says on standard error what went wrong. That nobody listens there is no reason to stop.
pub(crate) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(harmless(text).as_bytes());
}

/// A line on standard error that the next one overwrites; for terminals only.
pub(crate) fn progress(text: &str) {
    let _ = write!(io::stderr().lock(), "\r{}\x1b[K", harmless(text));
}

/// Colours, or none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Coloured,
}

impl Paint {
    /// Colour only for a person, and only one who has not asked to be spared: <https://no-color.org>.
    pub(crate) fn of_stdout() -> Self {
        let spared = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        if io::stdout().is_terminal() && !spared && !dumb { Self::Coloured } else { Self::Plain }
    }

    pub(crate) fn red(self, text: impl Display) -> String {
        self.with("1;31", text)
    }

    pub(crate) fn yellow(self, text: impl Display) -> String {
        self.with("1;33", text)
    }

    pub(crate) fn green(self, text: impl Display) -> String {
        self.with("1;32", text)
    }

    pub(crate) fn bold(self, text: impl Display) -> String {
        self.with("1", text)
    }

    fn with(self, attributes: &str, text: impl Display) -> String {
        match self {
            Self::Plain => text.to_string(),
            Self::Coloured => format!("\x1b[{attributes}m{text}\x1b[0m"),
        }
    }
}

/// Control characters of a file or of the wire must not reach a terminal; line ends may.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_nothing_is_added() {
        assert_eq!(Paint::Plain.red("x"), "x");
        assert_eq!(Paint::Coloured.red("x"), "\x1b[1;31mx\x1b[0m");
    }

    #[test]
    fn a_terminal_is_given_no_orders_by_a_file() {
        assert_eq!(harmless("a\x1b[2J\tb\r\n"), "a\u{FFFD}[2J\tb\u{FFFD}\n");
    }
}

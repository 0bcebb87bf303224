//! Terminal output: in colour to a terminal, without to a file or a pipe.
//!
//! A closed pipe is not an error; output to it is discarded.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use rustix::fs::fstat;

use crate::Exit;
use crate::text::printable;

/// Writes text to standard output. A reader that closes the pipe (`| head`) is not an error, a full disk is.
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

/// Writes an error message to standard error, and ignores that this may fail. To the journal each line says that it
/// is one.
pub(crate) fn complain(text: &str) {
    let mut text = printable(text);
    if stderr_is_journal() {
        text = text.split_inclusive('\n').map(|line| format!("<3>{line}")).collect();
    }
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether the journal reads standard error: systemd.exec(5), `$JOURNAL_STREAM`.
pub(crate) fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = fstat(io::stderr());
    stderr.is_ok_and(|stderr| stream == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}

/// A progress line on standard error, which the next one overwrites; for terminals only.
pub(crate) fn progress(text: &str) {
    let _ = write!(io::stderr().lock(), "\r{}\x1b[K", printable(text));
}

/// Whether output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Coloured,
}

impl Paint {
    /// Colour for terminals, unless `NO_COLOR` is set: <https://no-color.org>.
    pub(crate) fn of_stdout() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        if io::stdout().is_terminal() && !no_color && !dumb { Self::Coloured } else { Self::Plain }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_nothing_is_added() {
        assert_eq!(Paint::Plain.red("x"), "x");
        assert_eq!(Paint::Coloured.red("x"), "\x1b[1;31mx\x1b[0m");
    }
}

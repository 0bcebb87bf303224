//! The lines of a file that may be statements: comments, prompts, pager remnants, banners and
//! certificates are skipped here.
//!
//! Every byte is read a bounded number of times, whatever the file says. What a line means is
//! not looked at here.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::platform::Platform;
use crate::source::{Source, Span};

/// One line that may be a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'s> {
    /// Without the blanks around it, without its prompt.
    pub(crate) text: &'s str,
    /// Where the text begins in the source.
    pub(crate) start: usize,
    /// The number of blanks between the prompt and the text; a tab counts as one.
    pub(crate) indent: usize,
    /// Where it was typed, if its prompt tells.
    pub(crate) prompt: Option<Prompt<'s>>,
}

/// The mode that a prompt shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompt<'s> {
    /// `Router>` or `Router#`: what is typed there is no statement of the configuration.
    Exec,
    /// `Router(config-cmap)#`, without the parentheses.
    Configuration { host: &'s str, mode: &'s str },
}

impl Prompt<'_> {
    /// Whether no block is open at this prompt.
    pub(crate) fn is_outermost(&self) -> bool {
        matches!(self, Self::Configuration { mode, .. } if mode.eq_ignore_ascii_case("config"))
    }
}

impl Line<'_> {
    pub(crate) fn is_exec(&self) -> bool {
        self.prompt == Some(Prompt::Exec)
    }

    pub(crate) fn span(&self) -> Span {
        Span::new(self.start, self.start + self.text.len())
    }

    pub(crate) fn first_word(&self) -> &str {
        self.text.split_ascii_whitespace().next().unwrap_or("")
    }
}

/// All lines that may be statements.
pub(crate) fn read<'s>(
    source: &'s Source,
    platform: Platform,
    complaints: &mut Diagnostics,
) -> Vec<Line<'s>> {
    let raw: Vec<(usize, &str)> = source.lines().collect();
    let mut reader = LineReader { raw: &raw, next: 0, never_closed: Vec::new(), complaints };
    let mut lines = Vec::new();
    while let Some((start, raw)) = reader.next_line() {
        let Some(line) = statement(start, raw) else { continue };
        lines.push(line);
        if platform == Platform::Ios {
            reader.skip_delimited_text(line);
        }
        reader.skip_certificate(line);
    }
    lines
}

struct LineReader<'r, 's> {
    raw: &'r [(usize, &'s str)],
    next: usize,
    /// Delimiters of which we know that none follows, so that no text is searched twice.
    never_closed: Vec<&'s str>,
    complaints: &'r mut Diagnostics,
}

/// Limit: distinct banner delimiters that turned out never to be closed; the rest is read as one line each.
const NEVER_CLOSED_MAX: usize = 16;

impl<'s> LineReader<'_, 's> {
    fn next_line(&mut self) -> Option<(usize, &'s str)> {
        let line = self.raw.get(self.next).copied();
        self.next += usize::from(line.is_some());
        line
    }

    /// A banner or menu: `banner motd ^C`, the text, the delimiter again.
    fn skip_delimited_text(&mut self, line: Line<'s>) {
        let Some(delimiter) = delimiter(line.text) else { return };
        if let Some(rest) = line.text.split_once(delimiter).map(|(_, rest)| rest)
            && rest.contains(delimiter)
        {
            return;
        }
        // A letter is hardly a delimiter: an editor lost the control character of `^C`, and the text is full of letters.
        let whole_line = delimiter.bytes().all(|b| b.is_ascii_alphanumeric());
        let closed = !self.never_closed.contains(&delimiter)
            && self.never_closed.len() < NEVER_CLOSED_MAX
            && self.skip_through(|text| {
                if whole_line { text.trim() == delimiter } else { text.contains(delimiter) }
            });
        if closed {
            return;
        }
        self.never_closed.push(delimiter);
        self.complaints.push(
            Diagnostic::new(
                Code::UnterminatedText,
                line.span(),
                format!("the text has no closing delimiter `{}`", visible(delimiter)),
            )
            .help(format!("it is read as a single line; close the text with `{}`", visible(delimiter))),
        );
    }

    /// `certificate [ca | self-signed] SERIAL`, rows of hexadecimal digits, `quit`.
    fn skip_certificate(&mut self, line: Line<'s>) {
        if !line.first_word().eq_ignore_ascii_case("certificate") || line.text.contains("nvram:") {
            return;
        }
        /// Limit: rows in which somebody put other words for the digits, before `quit`.
        const REDACTED_MAX: usize = 8;
        let closes = |row: &str| row.trim().eq_ignore_ascii_case("quit");
        while let Some(&(_, row)) = self.raw.get(self.next) {
            let is_quit = closes(row);
            let is_hex = row.bytes().all(|b| b.is_ascii_hexdigit() || b.is_ascii_whitespace());
            if !is_quit && !is_hex {
                let mut near = self.raw.iter().skip(self.next).take(REDACTED_MAX);
                if let Some(rows) = near.position(|(_, row)| closes(row)) {
                    self.next += rows + 1;
                    return;
                }
                let message = "the certificate does not end with `quit`";
                self.complaints.push(Diagnostic::new(Code::UnterminatedText, line.span(), message));
                return;
            }
            self.next += 1;
            if is_quit {
                return;
            }
        }
    }

    /// Moves past the first line that is wanted; does not move if there is none.
    fn skip_through(&mut self, wanted: impl Fn(&str) -> bool) -> bool {
        let rest = self.raw.get(self.next..).unwrap_or(&[]);
        let found = rest.iter().position(|(_, text)| wanted(text));
        if let Some(found) = found {
            self.next += found + 1;
        }
        found.is_some()
    }
}

/// The statements of a source, each in one line, as far as they can be told without reading texts.
pub(crate) fn bare(source: &Source) -> impl Iterator<Item = Line<'_>> {
    source.lines().filter_map(|(start, raw)| statement(start, raw))
}

/// The statement in a raw line.
fn statement(start: usize, raw: &str) -> Option<Line<'_>> {
    // A pager leaves `--More--` and then writes over it: what counts follows the last return.
    let raw = raw.trim_end_matches(|c: char| c.is_ascii_whitespace());
    let from = raw.rfind(['\r', '\u{8}']).map_or(0, |at| at + 1);
    let from = from + pager_remnant(raw.get(from..)?);
    let (from, prompt) = match prompt(raw.get(from..)?) {
        Some((len, prompt)) => (from + len, Some(prompt)),
        None => (from, None),
    };
    let rest = raw.get(from..)?;
    let blank = |c: char| c.is_ascii_whitespace();
    let text = rest.trim_matches(blank);
    let indent = rest.len() - rest.trim_start_matches(blank).len();
    (!is_remark(text)).then_some(Line { text, start: start + from + indent, indent, prompt })
}

/// Whether nothing is said: a comment, or what a device remarked on the line before it.
fn is_remark(text: &str) -> bool {
    text.is_empty()
        || matches!(text, "^" | "[OK]")
        || text.starts_with(['!', '#', ':', '%'])
        || text.contains("% Invalid input detected")
}

/// The length of a `--More--` left in a pasted terminal log.
fn pager_remnant(text: &str) -> usize {
    let trimmed = text.trim_start();
    let more = ["<--- More --->", "--More--", "-- More --", "--- More ---"];
    let begins = |more: &str| trimmed.get(..more.len()).is_some_and(|head| head.eq_ignore_ascii_case(more));
    let found = more.iter().find(|more| begins(more));
    found.map_or(0, |more| text.len() - trimmed.len() + more.len())
}

/// The length of a prompt such as `Router(config-cmap)#`, and what it shows.
fn prompt(text: &str) -> Option<(usize, Prompt<'_>)> {
    let trimmed = text.trim_start();
    let lead = text.len() - trimmed.len();
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@');
    let name_len = trimmed.find(|c| !part_of_name(c))?;
    let name = trimmed.get(..name_len)?;
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || name.ends_with('-') || name_len > 64 {
        return None;
    }
    let rest = trimmed.get(name_len..)?;
    let mode = rest.trim_start_matches(' ');
    let (mode_len, prompt) = match mode.split_once(')') {
        Some((inside, _)) if is_configuration(inside) => {
            let mode_len = rest.len() - mode.len() + inside.len() + 1;
            (mode_len, Prompt::Configuration { host: name, mode: inside.trim_start_matches('(') })
        }
        _ => (0, Prompt::Exec),
    };
    rest.get(mode_len..)?.starts_with(['#', '>']).then_some((lead + name_len + mode_len + 1, prompt))
}

/// `(config-cmap`, the parenthesis of a prompt.
fn is_configuration(inside: &str) -> bool {
    inside.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("(conf")) && !inside.contains(' ')
}

/// The delimiter of a text over several lines.
fn delimiter(text: &str) -> Option<&str> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?;
    let after = match first.to_ascii_lowercase().as_str() {
        "banner" => {
            let kind = words.next()?;
            // A second word of these kinds is the delimiter itself.
            let kinds = ["motd", "login", "exec", "incoming", "prompt-timeout", "slip-ppp"];
            if kinds.iter().any(|known| known.eq_ignore_ascii_case(kind)) { words.next()? } else { kind }
        }
        "menu" | "aaa" | "macro" | "vacant-message" | "refuse-message" => {
            words.find(|word| word.starts_with("^C") || word.starts_with('\u{3}'))?
        }
        _ => return None,
    };
    if after.starts_with("^C") {
        return after.get(..2);
    }
    after.get(..after.chars().next()?.len_utf8())
}

fn visible(delimiter: &str) -> &str {
    if delimiter == "\u{3}" { "^C" } else { delimiter }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> (Vec<String>, Vec<&'static str>) {
        let (source, _) = Source::decode("t", text.as_bytes());
        let mut complaints = Diagnostics::default();
        let lines = read(&source, Platform::Ios, &mut complaints);
        for line in &lines {
            assert_eq!(source.slice(line.span()), line.text);
        }
        let texts = lines.iter().map(|line| line.text.to_owned()).collect();
        (texts, complaints.iter().map(|d| d.code.as_str()).collect())
    }

    #[test]
    fn comments_prompts_and_banners_are_skipped() {
        let table: &[(&str, &[&str])] = &[
            ("! comment\n\n  !\n# x\n: Saved\nhostname a\n", &["hostname a"]),
            ("  hostname a  \t\r\n", &["hostname a"]),
            ("Router(config)# hostname a\n", &["hostname a"]),
            ("Router (config-cmap)# match x\n", &["match x"]),
            ("Router> enable\nRouter# configure terminal", &["enable", "configure terminal"]),
            ("ciscoasa/ctx1(config-pmap-c)#inspect esmtp", &["inspect esmtp"]),
            ("zone-pair security DEFAULT->RED source a", &["zone-pair security DEFAULT->RED source a"]),
            ("<--- More --->\r              \rmatch x\n", &["match x"]),
            (" --More-- \u{8}\u{8}\u{8}        \u{8}\u{8}match x\n", &["match x"]),
            ("--More-- match x\n", &["match x"]),
            ("\0\0match x\n", &["match x"]),
            ("banner motd ^C hi ^C\nhostname a\n", &["banner motd ^C hi ^C", "hostname a"]),
            ("banner motd \u{3}\nhostname no\nbye\u{3}\nhostname a\n", &["banner motd \u{3}", "hostname a"]),
            ("banner login ^CC\nhostname no\n^C\nhostname a\n", &["banner login ^CC", "hostname a"]),
            ("banner #\nhostname no\n#\nhostname a\n", &["banner #", "hostname a"]),
            ("certificate ca 01\n 3082 AB\n  quit\nhostname a\n", &["certificate ca 01", "hostname a"]),
            ("certificate ca 01 nvram:x\nhostname a\n", &["certificate ca 01 nvram:x", "hostname a"]),
        ];
        for (text, expected) in table {
            let (found, complaints) = texts(text);
            assert_eq!(&found, expected, "{text:?}");
            assert!(complaints.is_empty(), "{text:?}: {complaints:?}");
        }
    }

    #[test]
    fn a_text_that_is_never_closed_swallows_nothing() {
        let (lines, complaints) = texts("banner motd C\nCome in\nhostname a\n");
        assert_eq!(lines, ["banner motd C", "Come in", "hostname a"]);
        assert_eq!(complaints, ["unterminated-text"]);
        let (lines, complaints) = texts("certificate ca 01\n 3082\nhostname a\n");
        assert_eq!(lines, ["certificate ca 01", "hostname a"]);
        assert_eq!(complaints, ["unterminated-text"]);
    }

    #[test]
    fn many_unclosed_texts_take_linear_time() {
        let many = (0..20_000u32).map(|i| format!("banner motd {}\n", char::from_u32(0x4E00 + i).unwrap()));
        assert_eq!(texts(&many.collect::<String>()).0.len(), 20_000);
    }
}

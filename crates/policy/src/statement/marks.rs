//! What quoted mail, listings and remarks of other languages put in front of lines: `> `, `12:`, `- `, `//`.

use super::{Cut, StatementReader};
use crate::diagnostic::{Code, Diagnostic};
use crate::lines::Line;
use crate::source::Span;

impl<'r> StatementReader<'r> {
    /// The line without the mark in front of it; `None` if nothing follows the mark. Marks are complained
    /// about once.
    pub(super) fn unmarked(&mut self, cut: Cut<'r>) -> Option<Cut<'r>> {
        let Some(mark) = mark(cut.line.text) else { return Some(cut) };
        let rest = cut.line.text.get(mark.len()..).unwrap_or_default();
        let text = rest.trim_start();
        let blanks = rest.len() - text.len();
        let indent = cut.line.indent + blanks.saturating_sub(1);
        let start = cut.line.start + mark.len() + blanks;
        let line = Line { text, start, indent, ..cut.line };
        let quoted = mark.starts_with('>');
        if quoted && text.starts_with(['!', '#', ':']) {
            return None;
        }
        let Some(without) = Cut::of(self.source, line) else { return (!quoted).then_some(cut) };
        // Blocks of other features number their lines too, without punctuation.
        let may_be_foreign = !self.told.mark && self.foreign && mark.ends_with(|c: char| c.is_ascii_digit());
        if !self.is_ours(&without) || may_be_foreign && !self.is_ours_anywhere(&without) {
            return Some(if quoted { without } else { cut });
        }
        if !std::mem::replace(&mut self.told.mark, true) {
            let at = Span::new(cut.line.start, cut.line.start + mark.len());
            let numbered = mark.starts_with(|c: char| c.is_ascii_digit());
            let (what, help) = if quoted {
                ("is a mark of quoted mail", "sed 's/^[> ]*> \\{0,1\\}//' FILE")
            } else if numbered {
                ("is the number of a line", "sed 's/^ *[0-9]*[:.)|]* \\{0,1\\}//' FILE")
            } else {
                (
                    "makes no remark of it, as `!` does",
                    "sed 's/^\\( *\\)[^[:alnum:] \"!#:]\\{1,\\} /\\1/' FILE",
                )
            };
            let message = format!("`{mark}` in front of the line {what}");
            let complaint = Diagnostic::new(Code::PastedMark, at, message);
            self.complaints.push(complaint.help(format!("`{help}` removes it from every line")));
        }
        Some(without)
    }

    /// Whether the line is one of ours, here or in a block that is not open.
    fn is_ours(&self, cut: &Cut<'_>) -> bool {
        self.resolve(cut).is_ok() || self.is_ours_anywhere(cut) || self.home(cut).is_some()
    }
}

/// What stands in front of a line: `>`, a number that is no sequence number of an access list, or signs alone.
fn mark(text: &str) -> Option<&str> {
    let first = text.split_ascii_whitespace().next()?;
    if first.starts_with('>') {
        let rest = text.trim_start_matches(['>', ' ']);
        return text.get(..text.len() - rest.len()).map(str::trim_end);
    }
    if first.chars().all(|c| !c.is_alphanumeric() && !c.is_control() && c != '"') {
        return Some(first);
    }
    let digits = first.trim_end_matches([':', '.', ')', '|']);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let second = text.split_ascii_whitespace().nth(1).unwrap_or_default();
    let is_entry = ["permit", "deny", "remark"].iter().any(|word| word.eq_ignore_ascii_case(second));
    (is_number && !is_entry).then_some(first)
}

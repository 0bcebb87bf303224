//! The lines of a file with the blocks around them: what must be typed to change a line that stands elsewhere.
//!
//! A help that names such a line repeats its block's header, ` / ` between the lines: typed at the end of the file
//! it does what it says. What the lines mean is not looked at here.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::Name;
use crate::nearest::nearest;
use crate::source::{Source, Span};
use crate::statement::Node;

/// Every statement of a file, in the order of the file.
pub(crate) struct Outline<'s> {
    source: &'s Source,
    lines: Vec<Outlined>,
}

struct Outlined {
    at: Span,
    /// The index of the header of its block.
    header: Option<usize>,
}

impl<'s> Outline<'s> {
    pub(crate) fn of(source: &'s Source, nodes: &[Node]) -> Self {
        let mut outline = Self { source, lines: Vec::new() };
        outline.add(nodes, None);
        outline
    }

    /// Recursion ends with the blocks, which are three deep.
    fn add(&mut self, nodes: &[Node], header: Option<usize>) {
        for node in nodes {
            let index = self.lines.len();
            self.lines.push(Outlined { at: node.at, header });
            self.add(&node.children, Some(index));
        }
    }

    /// The line at a place, as it is typed.
    pub(crate) fn text(&self, place: Span) -> Option<&'s str> {
        Some(self.line(place)?.0)
    }

    /// That a line replaces one that said something else.
    pub(crate) fn replaces(&self, place: Span, before: Span) -> Option<Diagnostic> {
        let (new, old) = (self.text(place)?, self.text(before)?);
        let message = format!("`{new}` replaces `{old}`");
        (new != old).then(|| Diagnostic::new(Code::Overridden, place, message).related(before, "replaced"))
    }

    /// That a line with `no` changes nothing, and why.
    pub(crate) fn takes_nothing_back(&self, place: Span, why: &str) -> Option<Diagnostic> {
        let message = format!("`{}` takes nothing back: {why}", self.text(place)?);
        Some(Diagnostic::new(Code::NoEffect, place, message))
    }

    /// The same where the line names one thing and another is there, or another of a similar name.
    pub(crate) fn takes_no_other_back(
        &self,
        place: Span,
        why: &str,
        named: &Name,
        meant: Option<&str>,
    ) -> Option<Diagnostic> {
        let help = meant.and_then(|meant| self.renamed(place, named.at, meant));
        let help = help.map(|line| format!("write `{line}`"));
        Some(self.takes_nothing_back(place, why)?.maybe_help(help))
    }

    /// The same where nothing like what is `said` is `known`.
    pub(crate) fn takes_no_such_back<'k>(
        &self,
        place: Span,
        why: &str,
        said: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<Diagnostic> {
        let help = nearest(said, known).map(|meant| format!("did you mean `no {meant}`?"));
        Some(self.takes_nothing_back(place, why)?.maybe_help(help))
    }

    /// The line at a place with another name in place of one.
    fn renamed(&self, place: Span, named: Span, name: &str) -> Option<String> {
        let start = self.lines.get(self.index(place)?)?.at.start;
        let line = self.text(place)?;
        let before = line.get(..named.start.checked_sub(start)? as usize)?;
        let behind = line.get(named.end.checked_sub(start)? as usize..)?;
        Some(format!("{before}{name}{behind}"))
    }

    /// What takes back the line at a place: `class-map type inspect smtp c1 / no match body regex r`.
    pub(crate) fn taken_back(&self, place: Span) -> Option<String> {
        let (line, headers) = self.line(place)?;
        Some(format!("{headers}no {line}"))
    }

    /// What takes back the line at a place and says other lines in its place.
    pub(crate) fn replaced(&self, place: Span, with: &str) -> Option<String> {
        Some(format!("{} / {with}", self.taken_back(place)?))
    }

    /// What moves the line at a place, with the lines of its block, behind the others of the block around it.
    pub(crate) fn moved_last(&self, place: Span, block: &str) -> Option<String> {
        let (line, _) = self.line(place)?;
        let block: String = block.lines().map(|inner| format!(" / {}", inner.trim())).collect();
        self.replaced(place, &format!("{line}{block}"))
    }

    /// The line at a place, and the headers that lead to it.
    fn line(&self, place: Span) -> Option<(&'s str, String)> {
        let line = self.lines.get(self.index(place)?)?;
        let mut headers = String::new();
        let mut outer = line.header;
        while let Some(header) = outer.and_then(|index| self.lines.get(index)) {
            headers.insert_str(0, &format!("{} / ", self.source.slice(header.at)));
            outer = header.header;
        }
        Some((self.source.slice(line.at), headers))
    }

    fn index(&self, place: Span) -> Option<usize> {
        self.lines.partition_point(|line| line.at.start <= place.start).checked_sub(1)
    }
}

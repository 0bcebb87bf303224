//! Headers that are whole, and not the ones that were meant: `class-map type inspect c1` above conditions on mail.

use grammar::Resolved;

use super::{Block, Cut, Node, StatementReader};
use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::{self, AnyStatement};
use crate::lines::Line;
use crate::slip;
use crate::source::Span;

/// Limit: lines of a block that are read again under another header; the mistake shows in the first ones.
const LINES_MAX: usize = 16;

impl StatementReader<'_> {
    /// Reads the innermost block as the one that its header opens with one word more or another, if its lines up to this
    /// one are of that block, and none that follows is only of the block as it is written.
    pub(super) fn mend_header(&mut self, cut: &Cut<'_>) -> bool {
        let Some(block) = self.blocks.last().filter(|block| block.header.children.len() < LINES_MAX) else {
            return false;
        };
        let depth = self.blocks.len() - 1;
        let Some((_, outer)) = self.modes().find(|(open, _)| *open == depth) else { return false };
        let Some(header) = self.cut_again(block.header.at, block.indent) else { return false };
        let typed: Option<Vec<Cut<'_>>> =
            block.header.children.iter().map(|child| self.cut_again(child.at, block.indent + 1)).collect();
        let Some(typed) = typed else { return false };
        let fits = |mode, cut: &Cut<'_>| grammar::resolve(mode, self.platforms, &cut.words).is_ok();
        let mended = slip::other_headers(outer, self.platforms, &header.words).into_iter().find_map(|slip| {
            let mode = slip.command.enters.filter(|mode| !std::ptr::eq(*mode, block.mode))?;
            let read = |cut: &Cut<'_>| {
                let resolved = grammar::resolve(mode, self.platforms, &cut.words).ok()?;
                node(&resolved, cut.line.span())
            };
            read(cut)?;
            if self.lines_ahead().any(|other| fits(block.mode, &other) && !fits(mode, &other)) {
                return None;
            }
            let children: Vec<Node> = typed.iter().map(read).collect::<Option<_>>()?;
            let resolved = grammar::resolve(outer, self.platforms, &slip.line).ok()?;
            let header = Node { children, ..node(&resolved, block.header.at)? };
            Some((slip::text(&slip.line), Block { mode, header, indent: block.indent }))
        });
        let Some((written, mended)) = mended else { return false };
        let message = format!("`{}` is none of the lines of this block", cut.command_words());
        self.complaints.push(
            Diagnostic::new(Code::InvalidInput, block.header.at, message)
                .related(cut.line.span(), "this line")
                .help(format!("write `{written}`")),
        );
        self.blocks.pop();
        self.blocks.push(mended);
        if let Ok((depth, resolved)) = self.resolve(cut) {
            self.statement(cut, depth, &resolved);
        }
        true
    }

    /// The lines that follow in the block, as far as they are looked at.
    fn lines_ahead(&self) -> impl Iterator<Item = Cut<'_>> {
        let ahead = self.ahead.iter().take(LINES_MAX).filter_map(|line| Cut::of(self.source, *line));
        ahead.take_while(|cut| {
            let outermost = grammar::resolve(dialect::global(), self.platforms, &cut.words);
            let keyword = outermost.ok().and_then(|resolved| resolved.command.leading_keywords().next());
            !keyword.is_some_and(|keyword| cut.is(keyword))
        })
    }

    /// The words of a line that was read before.
    fn cut_again(&self, at: Span, indent: usize) -> Option<Cut<'_>> {
        let line = Line { text: self.source.slice(at), start: at.start as usize, indent, prompt: None };
        Cut::of(self.source, line)
    }
}

fn node(resolved: &Resolved<'_, AnyStatement>, at: Span) -> Option<Node> {
    let statement = resolved.build().ok()?;
    Some(Node { statement, negated: resolved.matched.negated(), at, children: Vec::new() })
}

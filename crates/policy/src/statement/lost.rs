//! Lines of a block whose header is lost: it was complained about, another feature closed the block, or it is not
//! there. One cause is one complaint, which names the first of the lines.

use grammar::{Claim, Command, Mode};

use super::{Cut, StatementReader, claim_fits};
use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::{self, AnyStatement};
use crate::mismatch;
use crate::source::Span;

/// A block of ours that a foreign statement closed.
pub(super) struct Closed {
    pub(super) mode: &'static Mode<AnyStatement>,
    pub(super) by: Span,
    /// The lines that open it again.
    pub(super) headers: String,
}

/// Why the lines that follow have no header.
pub(super) struct Headless {
    /// The index of the complaint.
    complaint: usize,
    /// Whether it names a line that follows.
    told: bool,
}

impl Headless {
    pub(super) fn by(complaint: usize) -> Self {
        Self { complaint, told: false }
    }

    /// For a reason that another complaint says already.
    pub(super) const fn told() -> Self {
        Self { complaint: 0, told: true }
    }
}

impl StatementReader<'_> {
    /// Complains, and takes that for the reason why the lines that follow are not read.
    pub(super) fn lose_header(&mut self, complaint: Diagnostic) {
        self.headless = Some(Headless::by(self.complaints.len()));
        self.complaints.push(complaint);
    }

    /// Whether the header of a line was complained about already; the first such line is named there.
    pub(super) fn is_told(&mut self, cut: &Cut<'_>) -> bool {
        let Some(headless) = &mut self.headless else { return false };
        if !std::mem::replace(&mut headless.told, true) {
            let why = "not read, like the lines of the block that follow";
            self.complaints.relate(headless.complaint, cut.line.span(), why);
        }
        true
    }

    /// A line that the block would have whose header was complained about.
    pub(super) fn is_of_lost_block(&mut self, cut: &Cut<'_>) -> bool {
        self.headless.is_some() && self.home(cut).is_some() && self.is_told(cut)
    }

    /// A line that the block would have, written right: the header is mended first, and then it would be news.
    pub(super) fn misspelt_in_lost_block(&mut self, cut: &Cut<'_>) -> bool {
        if self.headless.is_none() {
            return false;
        }
        let Some(slip) = self.misspelt(cut) else { return false };
        self.aside = Some(cut.line.indent);
        self.complaints.push(mismatch::slipped(&cut.line, &slip));
        true
    }

    /// A line of a block that a foreign statement closed before.
    pub(super) fn lost(&mut self, cut: &Cut<'_>) -> bool {
        let Some(Closed { mode, by, ref headers }) = self.closed else { return false };
        let resolved = grammar::resolve(mode, self.platforms, &cut.words);
        // Every block of every feature has a description.
        let fits = resolved.is_ok_and(|resolved| {
            resolved.command.syntax != dialect::DESCRIPTION && resolved.build().is_ok()
        });
        let claims = |command: &Command<_>| command.claim == Claim::Anywhere && claim_fits(command, cut);
        if !fits && !mode.commands().any(claims) {
            return false;
        }
        let help = format!("write `{headers}` before this line");
        if !self.is_told(cut) {
            let message = format!("`{}` is outside its block", cut.command_words());
            self.lose_header(
                Diagnostic::new(Code::OutsideBlock, cut.line.span(), message)
                    .related(by, "this line closed the block")
                    .help(help),
            );
        }
        true
    }
}

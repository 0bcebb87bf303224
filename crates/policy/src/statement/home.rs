//! Lines of a block that stand outside of it: where they belong.

use std::sync::LazyLock;

use grammar::{Claim, Line, Mismatch, Mode, Platforms, Unknown};

use super::{Cut, Refusal, StatementReader};
use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::{self, AnyStatement};
use crate::known;
use crate::slip::{self, Slip};

/// A block of ours, and the headers that lead into it.
struct Block {
    mode: &'static Mode<AnyStatement>,
    /// Those that have all the headers.
    platforms: Platforms,
    /// As they are typed.
    headers: String,
}

/// Every block of ours.
static BLOCKS: LazyLock<Vec<Block>> = LazyLock::new(|| {
    let mut blocks = Vec::new();
    inside(dialect::global(), Platforms::ALL, "", &mut blocks);
    blocks
});

fn inside(mode: &'static Mode<AnyStatement>, platforms: Platforms, outer: &str, blocks: &mut Vec<Block>) {
    for header in mode.commands() {
        let Some(entered) = header.enters else { continue };
        if blocks.iter().any(|known| std::ptr::eq(known.mode, entered)) {
            continue;
        }
        let keywords: Vec<&str> = header.leading_keywords().collect();
        let is_named = ["WORD$", "LINE$"].iter().any(|value| header.syntax.contains(value));
        let name = if is_named { " NAME" } else { "" };
        let headers = format!("{outer}{}{name}", keywords.join(" "));
        let inner = format!("{headers} / ");
        let platforms = platforms.intersection(header.platforms);
        blocks.push(Block { mode: entered, platforms, headers });
        inside(entered, platforms, &inner, blocks);
    }
}

/// Whether the headers of a mode, two or more, begin with the same words as others.
fn is_alike(mode: &'static Mode<AnyStatement>, headers: &'static str) -> bool {
    let first_words = |headers: &'static str| -> Vec<&'static str> {
        headers.split(" / ").filter_map(|header| header.split(' ').next()).collect()
    };
    let own = BLOCKS.iter().find(|block| std::ptr::eq(block.mode, mode));
    own.is_some_and(|own| {
        let own = first_words(&own.headers);
        own.len() > 1 && own == first_words(headers)
    })
}

/// Where a line belongs.
pub(super) struct Home {
    headers: &'static str,
    /// No other feature has such a line.
    pub(super) distinctive: bool,
}

impl StatementReader<'_> {
    /// The block that a line belongs to, if its first keyword is typed in full.
    pub(super) fn home(&self, cut: &Cut<'_>) -> Option<Home> {
        let blocks = BLOCKS.iter().filter(|block| block.platforms.intersects(self.platforms));
        let homes = blocks.filter_map(|block| {
            let resolved = grammar::resolve(block.mode, self.platforms, &cut.words).ok()?;
            let command = resolved.command;
            // An entry of an access list begins with one of several words, or with its number.
            let word = cut.word(cut.head);
            let first = command.leading_keywords().next().map_or_else(
                || known::is_word(word) || word.starts_with(|c: char| c.is_ascii_digit()),
                |keyword| cut.is(keyword),
            );
            let statement =
                resolved.build().ok().filter(|_| first && command.syntax != dialect::DESCRIPTION)?;
            // Other features have lines in an interface too.
            if block.mode.unknown == Unknown::Ignore && command.claim == Claim::Keyword {
                return None;
            }
            let distinctive = command.claim == Claim::Anywhere || statement.is_distinctive();
            Some(Home { headers: &block.headers, distinctive })
        });
        homes.max_by_key(|home| home.distinctive)
    }

    /// Complains about a line of a block whose header is not there, once for all lines that follow; false if
    /// it may be a line of another feature.
    pub(super) fn orphan(&mut self, cut: &Cut<'_>) -> bool {
        let Some(home) = self.home(cut).filter(|home| home.distinctive || !self.foreign) else {
            return false;
        };
        self.aside = Some(cut.line.indent);
        if self.is_told(cut) {
            return true;
        }
        let message = format!("`{}` is outside its block", cut.command_words());
        let help = format!("write `{}` before it", home.headers);
        self.lose_header(Diagnostic::new(Code::OutsideBlock, cut.line.span(), message).help(help));
        true
    }

    /// Complains about `inspect esmtp` right below a policy-map: false if the line is another.
    pub(super) fn class_left_out(&mut self, cut: &Cut<'_>, mode: &Mode<AnyStatement>) -> bool {
        let is_policy = mode.commands().any(|command| {
            command.enters.is_some_and(|inner| {
                let resolved = grammar::resolve(inner, self.platforms, &cut.words);
                inner.unknown == Unknown::Ignore
                    && resolved.is_ok_and(|it| it.build().is_ok_and(|statement| statement.is_distinctive()))
            })
        });
        if !is_policy {
            return false;
        }
        self.aside = Some(cut.line.indent);
        if !self.is_told(cut) {
            let message = format!("`{}` is outside its block", cut.command_words());
            let complaint = Diagnostic::new(Code::OutsideBlock, cut.line.span(), message);
            self.lose_header(complaint.help("write `class inspection_default` before it"));
        }
        true
    }

    /// Complains about a remark behind a line of the block; false if there is none.
    pub(super) fn remarked(&mut self, cut: &Cut<'_>, mode: &'static Mode<AnyStatement>) -> bool {
        let words = &cut.words.words;
        let Some(at) = words.iter().position(|word| word.text.starts_with('!')) else { return false };
        let line = Line { words: words.get(..at).unwrap_or_default().to_vec(), ..cut.words.clone() };
        let Some(remark) = words.get(at).filter(|_| grammar::resolve(mode, self.platforms, &line).is_ok())
        else {
            return false;
        };
        self.wrong(cut, &Refusal { mode, word: at, mismatch: Mismatch::Unknown { at: remark.span } });
        true
    }

    /// A line of another block, in the midst of one of ours: the header between them is missing. An action of a class in
    /// a policy-map of another type has its header.
    pub(super) fn leave_for_home(&mut self, cut: &Cut<'_>, mode: &'static Mode<AnyStatement>) -> bool {
        let is_elsewhere = self.home(cut).is_some_and(|home| !is_alike(mode, home.headers));
        if is_elsewhere {
            self.close(0);
            self.orphan(cut);
        }
        is_elsewhere
    }

    /// What a line of a block would be, written right, if it is misspelt.
    pub(super) fn misspelt<'s>(&self, cut: &Cut<'s>) -> Option<Slip<'s>> {
        let blocks = BLOCKS.iter().filter(|block| {
            block.platforms.intersects(self.platforms) && block.mode.unknown != Unknown::Ignore
        });
        blocks.into_iter().find_map(|block| {
            let mismatch = grammar::resolve(block.mode, self.platforms, &cut.words).err()?;
            let slip = slip::of(block.mode, self.platforms, &cut.words, cut.index_of(&mismatch))?;
            // Every block of every feature has a description.
            (slip.command.syntax != dialect::DESCRIPTION).then_some(slip)
        })
    }
}

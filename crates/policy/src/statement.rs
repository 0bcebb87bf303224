//! Lines become statements in their modes: the tree under each class-map, policy-map, proxy, …
//!
//! A line is tried in the mode of its block, then in the modes around it, which closes what lies
//! between. Indentation is a hint and never a rule: configurations lose it. What statements do to
//! the model is the lowering's affair.

use std::collections::HashMap;

use grammar::{Claim, Command, Mismatch, Mode, Platforms, Resolved, Unknown};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::dialect::{self, AnyStatement};
use crate::known;
use crate::lines::{Line, Prompt};
use crate::maps::MapHeader;
use crate::mismatch;
use crate::model::Name;
use crate::platform::Decision;
use crate::slip;
use crate::source::{Source, Span};
use crate::survey::UnusedMap;
use cut::Cut;
use lost::{Closed, Headless};

mod cut;
mod foreign;
mod header;
mod home;
mod lost;
mod marks;

/// A statement and the statements of the block it opens.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) statement: AnyStatement,
    /// It was said with `no`.
    pub(crate) negated: bool,
    pub(crate) at: Span,
    pub(crate) children: Vec<Self>,
}

/// Everything a file says.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    pub(crate) nodes: Vec<Node>,
    /// Maps that serve other features.
    pub(crate) unused: Vec<UnusedMap>,
    /// The first words of the lines that are no business of ours.
    pub(crate) not_used_here: Vec<Span>,
    /// Lines with shortened keywords, by where they begin, with every keyword in full.
    pub(crate) in_full: HashMap<usize, String>,
}

pub(crate) fn read(
    source: &Source,
    lines: &[Line<'_>],
    decision: Decision,
    complaints: &mut Diagnostics,
) -> Statements {
    let mut reader = StatementReader {
        source,
        decision,
        platforms: dialect::platforms(decision.platform),
        blocks: Vec::new(),
        aside: None,
        closed: None,
        headless: None,
        foreign: false,
        told: Told::default(),
        ahead: &[],
        out: Statements::default(),
        complaints,
    };
    for (index, line) in lines.iter().enumerate() {
        reader.ahead = lines.get(index + 1..).unwrap_or_default();
        reader.line(line);
    }
    reader.close(0);
    reader.out
}

/// A block that is open, by its header.
struct Block {
    mode: &'static Mode<AnyStatement>,
    header: Node,
    indent: usize,
}

struct StatementReader<'r> {
    source: &'r Source,
    decision: Decision,
    platforms: Platforms,
    /// The open blocks, the innermost last; below them all is the global mode.
    blocks: Vec<Block>,
    /// The indentation of a statement that is not ours: what is indented deeper belongs to it.
    aside: Option<usize>,
    /// What a foreign statement closed last: its lines must not get lost silently.
    closed: Option<Closed>,
    /// The header of a block was complained about, or that there is none: its lines are no news.
    headless: Option<Headless>,
    /// A statement that is not ours may have opened a block, to which lines without indentation belong.
    foreign: bool,
    told: Told,
    /// The lines that follow the one at hand.
    ahead: &'r [Line<'r>],
    out: Statements,
    complaints: &'r mut Diagnostics,
}

/// What is said once in a file, because it has one cause.
#[derive(Debug, Default)]
struct Told {
    mark: bool,
    other_platform: bool,
}

impl<'r> StatementReader<'r> {
    fn line(&mut self, line: &Line<'r>) {
        let Some(cut) = Cut::of(self.source, *line) else { return };
        if line.is_exec() {
            return self.exec(&cut);
        }
        let Some(cut) = self.unmarked(cut) else { return };
        let line = &cut.line;
        if line.prompt.as_ref().is_some_and(Prompt::is_outermost) {
            self.leave_all();
        }
        // `do show running-config` may be typed in any block, and leaves none.
        if cut.head == 0 && cut.is("do") {
            return self.not_used(&cut);
        }
        if self.aside.is_some_and(|indent| line.indent > indent) && !self.is_ours_anywhere(&cut) {
            if !self.lost(&cut) && !self.orphan(&cut) && !self.misspelt_in_lost_block(&cut) {
                self.not_used(&cut);
            }
            return;
        }
        if let [word] = cut.words.words.as_slice() {
            let leaves = |keyword| word.text.eq_ignore_ascii_case(keyword);
            if leaves("exit") || leaves("end") {
                if leaves("end") {
                    return self.leave_all();
                }
                (self.aside, self.closed) = (None, None);
                return self.close(self.blocks.len().saturating_sub(1));
            }
        }
        if let Some(header) = cut.map_header().filter(|header| self.is_foreign(&cut, header)) {
            return self.foreign_map(&cut, header);
        }
        match self.resolve(&cut) {
            Ok((depth, resolved)) => self.statement(&cut, depth, &resolved),
            Err(refusals) => self.refuse(&cut, &refusals),
        }
    }

    fn leave_all(&mut self) {
        (self.aside, self.closed) = (None, None);
        (self.foreign, self.headless) = (false, None);
        self.close(0);
    }

    /// `enable` and `configure terminal` lead to the configuration; `show run` is not ours.
    fn exec(&mut self, cut: &Cut<'_>) {
        self.aside = None;
        self.close(0);
        let built = grammar::resolve(dialect::global(), self.platforms, &cut.words).map(|r| r.build());
        if built.is_ok_and(|built| built.is_ok_and(|statement| statement.leads_to_configuration())) {
            return;
        }
        if self.is_ours_anywhere(cut) {
            let message = format!("`{}` is typed at an exec prompt and has no effect", cut.command_words());
            return self.complaints.push(
                Diagnostic::new(Code::OutsideBlock, cut.line.span(), message)
                    .help("write it without the prompt"),
            );
        }
        self.out.not_used_here.push(cut.first());
    }

    /// The statement the line is, and how many blocks stay open around it.
    ///
    /// A keyword typed in full wins over one that is only begun, even further out: `zone security x`
    /// after an interface is a zone, and not its `zone-member`. It wins even if the rest of the line does not
    /// fit: `class type inspect c1` in a policy on mail lacks its `smtp`, and is no `class-map`; `ip inspect R on` in
    /// an interface is no `ip inspect redundancy`.
    fn resolve<'s>(&self, cut: &Cut<'s>) -> Result<(usize, Resolved<'s, AnyStatement>), Vec<Refusal>> {
        let mut begun = None;
        let mut refusals: Vec<Refusal> = Vec::new();
        for (depth, mode) in self.modes() {
            match grammar::resolve(mode, self.platforms, &cut.words) {
                Ok(resolved) if refusals.iter().any(|it| shortens_beyond(it.mode, cut, &resolved)) => {
                    refusals.push(Refusal::of_first_word(mode, cut));
                }
                Ok(resolved)
                    if resolved.command.leading_keywords().next().is_none_or(|word| cut.is(word)) =>
                {
                    return Ok((depth, resolved));
                }
                Ok(resolved)
                    if resolved.command.not_short.iter().any(|word| cut.is(word))
                        || refusals.iter().any(|it| knows(it.mode, cut)) =>
                {
                    refusals.push(Refusal::of_first_word(mode, cut));
                }
                Ok(resolved) => begun = begun.or(Some((depth, resolved))),
                Err(mismatch) => refusals.push(Refusal { mode, word: cut.index_of(&mismatch), mismatch }),
            }
        }
        begun.ok_or(refusals)
    }

    /// The modes a line may belong to, the innermost first, each with the number of blocks that stay open.
    fn modes(&self) -> impl Iterator<Item = (usize, &'static Mode<AnyStatement>)> {
        let inner = self.blocks.iter().enumerate().rev().map(|(index, block)| (index + 1, block.mode));
        inner.chain([(0, dialect::global())])
    }

    fn statement(&mut self, cut: &Cut<'_>, depth: usize, resolved: &Resolved<'_, AnyStatement>) {
        self.close(depth);
        self.aside = None;
        if depth == 0 {
            (self.headless, self.foreign) = (None, false);
        }
        let statement = match resolved.build() {
            Ok(statement) => statement,
            Err(mismatch) => {
                let mode = self.blocks.last().map_or_else(dialect::global, |block| block.mode);
                let word = cut.index_of(&mismatch);
                return self.wrong(cut, &Refusal { mode, mismatch, word });
            }
        };
        if !self.check_quotes(cut, &statement) {
            return;
        }
        if let Some(words) = resolved.matched.in_full() {
            self.out.in_full.insert(cut.line.start, words.join(" "));
        }
        if statement.leads_to_configuration() {
            return;
        }
        let negated = resolved.matched.negated();
        let node = Node { statement, negated, at: cut.line.span(), children: Vec::new() };
        match resolved.enters() {
            Some(mode) => {
                (self.closed, self.headless) = (None, None);
                self.foreign = mode.unknown == Unknown::Ignore;
                self.blocks.push(Block { mode, header: node, indent: cut.line.indent });
            }
            None => self.push(node),
        }
    }

    /// Whether the quotes of a pattern are closed.
    fn check_quotes(&mut self, cut: &Cut<'_>, statement: &AnyStatement) -> bool {
        if !statement.is_pattern() {
            return true;
        }
        if let Some(quote) = cut.words.unterminated {
            let message = "unclosed quote";
            self.complaints.push(Diagnostic::new(Code::InvalidInput, quote.into(), message));
        }
        if let Some(quote) = cut.words.typographic {
            let message = "a typographic quote is read as `\"`";
            self.complaints.push(Diagnostic::new(Code::TypographicQuotes, quote.into(), message));
        }
        cut.words.unterminated.is_none()
    }

    /// No mode takes the line: is it wrong, or is it none of ours?
    fn refuse(&mut self, cut: &Cut<'_>, refusals: &[Refusal]) {
        let Some((global, inner)) = refusals.split_last() else { return };
        if !inner.iter().any(|it| knows(it.mode, cut)) && self.is_of_lost_block(cut) {
            return;
        }
        let deeper = self.blocks.last().is_some_and(|block| cut.line.indent > block.indent);
        // A keyword that also begins commands of other features is one of the block only if it is indented.
        let begins = if deeper { knows } else { claims };
        let begun = |refusal: &&Refusal| refusal.word > cut.head && begins(refusal.mode, cut);
        if let Some(refusal) = inner.iter().find(begun) {
            return self.refuse_in_block(cut, refusal);
        }
        // Blocks of other features have shorter lines that begin so: `service-policy INNER` below a class.
        let is_inner = matches!(global.mismatch, Mismatch::Incomplete { .. })
            && (self.foreign || inner.first().is_some_and(|it| it.mode.unknown == Unknown::Ignore));
        let claimed =
            self.is_ours_anywhere(cut) || global.word > cut.head && !is_inner && claims(global.mode, cut);
        if claimed && self.is_of_the_other_platform(cut) {
            self.close(0);
            self.aside = Some(cut.line.indent);
            return self.not_used(cut);
        }
        if claimed && self.home(cut).is_some_and(|home| home.distinctive) {
            self.close(0);
            self.orphan(cut);
            return;
        }
        if claimed {
            self.close(0);
            self.aside = Some(cut.line.indent);
            return self.wrong(cut, global);
        }
        if let Some(refusal) = inner.first().filter(|_| deeper) {
            return self.refuse_in_block(cut, refusal);
        }
        if let Some(refusal) = refusals.iter().find(|refusal| self.is_slip(cut, refusal)) {
            return self.wrong(cut, refusal);
        }
        if self.is_ambiguous_header(cut, global) {
            self.close(0);
            self.aside = Some(cut.line.indent);
            return self.wrong(cut, global);
        }
        let is_header = always_opens_block(global.mode, self.platforms, cut);
        if let Some(refusal) = inner.first().filter(|refusal| refusal.mode.unknown == Unknown::Error) {
            let headers = self.blocks.iter().map(|block| self.source.slice(block.header.at));
            let headers = headers.collect::<Vec<_>>().join(" / ");
            self.close(0);
            self.closed = Some(Closed { mode: refusal.mode, by: cut.line.span(), headers });
        } else if self.lost(cut) {
            return;
        } else if is_header {
            // Of a block that no table has: its lines are not those of the one before.
            self.close(0);
        }
        if !self.orphan(cut) && !self.misspelt_in_lost_block(cut) {
            self.outermost(cut, global);
        }
    }

    /// A line of an open block that the block does not know.
    fn refuse_in_block(&mut self, cut: &Cut<'_>, refusal: &Refusal) {
        let unknown = matches!(refusal.mismatch, Mismatch::Unknown { .. });
        match refusal.mode.unknown {
            // Two blocks of ours are not known whole; a line of a third one has lost its header.
            Unknown::Error if unknown && self.mend_header(cut) => {}
            Unknown::Error
                if unknown && refusal.word <= cut.head && self.leave_for_home(cut, refusal.mode) => {}
            Unknown::Warn if unknown && self.orphan(cut) => {}
            Unknown::Warn if unknown && refusal.word <= cut.head + 1 && !self.is_slip(cut, refusal) => {
                let message = format!("`{}` is not supported here and is ignored", cut.command_words());
                self.complaints.push(Diagnostic::new(Code::NotSupported, cut.line.span(), message));
                self.aside = Some(cut.line.indent);
            }
            Unknown::Ignore if self.remarked(cut, refusal.mode) || self.class_left_out(cut, refusal.mode) => {
            }
            Unknown::Ignore if unknown && self.is_misspelt(cut, refusal) => self.wrong(cut, refusal),
            Unknown::Ignore if refusal.word <= cut.head || !claims_shortened(refusal.mode, cut) => {
                self.aside = Some(cut.line.indent);
                self.not_used(cut);
            }
            Unknown::Error | Unknown::Warn | Unknown::Ignore => {
                if opens_block(refusal.mode, cut) {
                    self.aside = Some(cut.line.indent);
                }
                self.wrong(cut, refusal);
            }
        }
    }

    /// Whether a line in a block that other features share is one of ours but for a word that nobody knows.
    fn is_misspelt(&self, cut: &Cut<'_>, refusal: &Refusal) -> bool {
        let Some(typed) = cut.words.words.get(refusal.word) else { return false };
        // What costs least first: with it nearly every line of another feature ends. Hardly anybody mistypes the first
        // letter.
        let mut keywords = refusal.mode.commands().flat_map(Command::leading_keywords);
        let is_alike = |keyword: &str| {
            let same_start = keyword.bytes().zip(typed.text.bytes()).next();
            same_start.is_some_and(|(one, other)| one.eq_ignore_ascii_case(&other))
                && keyword.len().abs_diff(typed.text.len()) <= 2
        };
        keywords.any(is_alike)
            && !known::is_word(typed.text)
            && slip::misspelt(refusal.mode, self.platforms, &cut.words, refusal.word)
                .is_some_and(|slip| slip.command.syntax != dialect::DESCRIPTION)
    }

    /// Whether the line would be one of ours with one word written right.
    fn is_slip(&self, cut: &Cut<'_>, refusal: &Refusal) -> bool {
        let Refusal { mode, word, .. } = *refusal;
        if mode.unknown != Unknown::Ignore {
            return slip::of(mode, self.platforms, &cut.words, word).is_some();
        }
        // Inside the blocks of others, words that resemble ours are theirs.
        if !std::ptr::eq(mode, dialect::global()) {
            return false;
        }
        if matches!(refusal.mismatch, Mismatch::Incomplete { .. }) {
            return self.is_begun(cut);
        }
        // So are words of other features, unless what follows tells that the line is one of ours.
        let slip = if known::is_word(cut.word(cut.head)) {
            let others = || slip::of(mode, self.platforms, &cut.words, word);
            slip::joined(mode, self.platforms, &cut.words, cut.head)
                .or_else(|| others().filter(|it| it.at != cut.head_span()))
        } else {
            slip::of(mode, self.platforms, &cut.words, word)
        };
        slip.is_some_and(|it| {
            let first = it.line.words.get(cut.head).map_or("", |word| word.text);
            let second = it.line.words.get(cut.head + 1).map_or("", |word| word.text);
            let mut keywords = it.command.leading_keywords();
            let is = |keyword: &str, word: &str| keyword.eq_ignore_ascii_case(word);
            it.command.claim >= Claim::Corrected
                && keywords.next().is_some_and(|keyword| is(keyword, first))
                // `ip` begins lines of many features: the next word tells whose it is.
                && (!known::is_word(first) || keywords.next().is_none_or(|keyword| is(keyword, second)))
        })
    }

    /// Whether the line is the beginning of an outermost command of ours, and of no other feature's.
    fn is_begun(&self, cut: &Cut<'_>) -> bool {
        self.known().filter(|command| command.claim >= Claim::Corrected).any(|command| {
            let keywords = || command.leading_keywords();
            cut.begins_with(keywords()) && (keywords().nth(1).is_some() || !keywords().any(known::is_word))
        })
    }

    /// Whether the line would open one of our blocks if only its first word were longer: `zo s inside`.
    fn is_ambiguous_header(&self, cut: &Cut<'_>, global: &Refusal) -> bool {
        let Mismatch::Ambiguous { candidates, .. } = &global.mismatch else { return false };
        let words: Vec<&str> = cut.words.words.iter().map(|word| word.text).collect();
        let (before, after) = (words.get(..cut.head), words.get(cut.head + 1..));
        let (Some(before), Some(after)) = (before, after) else { return false };
        global.word == cut.head
            && candidates.iter().any(|keyword| {
                let line = [before, &[keyword], after].concat().join(" ");
                let resolved = grammar::resolve(global.mode, self.platforms, &grammar::words(&line));
                let enters = resolved.ok().and_then(|resolved| resolved.command.enters);
                enters.is_some_and(|mode| mode.unknown != Unknown::Ignore)
            })
    }

    /// Says what is wrong with a line. If it is a slip, the line is read on as if it had been written right,
    /// so that its block is not wrong too.
    fn wrong(&mut self, cut: &Cut<'_>, refusal: &Refusal) {
        let Refusal { mode, mismatch, word } = refusal;
        let slip = match mismatch {
            Mismatch::Unknown { .. } => slip::of(mode, self.platforms, &cut.words, *word),
            Mismatch::Ambiguous { .. } => slip::joined(mode, self.platforms, &cut.words, *word)
                .or_else(|| slip::meant(mode, self.platforms, &cut.words)),
            Mismatch::Incomplete { .. } | Mismatch::Invalid { .. } => {
                slip::meant(mode, self.platforms, &cut.words)
            }
            Mismatch::OutOfRange { .. } => None,
        };
        let complaint =
            mismatch::complaint(mode, self.platforms, &cut.line, &cut.words, mismatch, *word, slip.as_ref());
        let index = self.complaints.len();
        self.complaints.push(complaint);
        let depth = self.modes().find(|(_, open)| std::ptr::eq(*open, *mode)).map(|(depth, _)| depth);
        let mended = slip.map(|slip| Cut { words: slip.line, ..*cut });
        let resolved =
            mended.as_ref().and_then(|cut| grammar::resolve(mode, self.platforms, &cut.words).ok());
        match (mended.as_ref(), resolved, depth) {
            (Some(cut), Some(resolved), Some(depth)) if resolved.build().is_ok() => {
                self.statement(cut, depth, &resolved);
            }
            _ if depth == Some(0) || opens_block(mode, cut) => self.headless = Some(Headless::by(index)),
            _ => self.headless = None,
        }
    }

    /// Whether the line is, or is meant to be, a statement that is never part of another feature's block.
    fn is_ours_anywhere(&self, cut: &Cut<'_>) -> bool {
        if let Some(header) = cut.map_header() {
            return !self.is_foreign(cut, &header);
        }
        let claimed = self.known().any(|it| it.claim == Claim::Anywhere && claim_fits(it, cut));
        claimed
            && grammar::resolve(dialect::global(), self.platforms, &cut.words)
                .map_or(true, |resolved| resolved.command.claim == Claim::Anywhere)
    }

    /// Whether a map serves another feature; a misspelt map of ours does not.
    fn is_foreign(&self, cut: &Cut<'_>, header: &MapHeader<'_>) -> bool {
        let global = dialect::global();
        // `class-map t i s c1` is a map of ours, typed by hand.
        !self.known().any(|command| command.leading_keywords().eq(header.keywords()))
            && grammar::resolve(global, self.platforms, &cut.words).is_err()
            && (slip::of(global, self.platforms, &cut.words, cut.head + 3).is_none()
                || self.is_of_the_other_platform(cut))
    }

    /// The outermost commands of the platform.
    fn known(&self) -> impl Iterator<Item = &'static Command<AnyStatement>> {
        let platforms = self.platforms;
        dialect::global().commands().filter(move |command| command.platforms.intersects(platforms))
    }

    fn foreign_map(&mut self, cut: &Cut<'_>, header: MapHeader<'_>) {
        self.close(0);
        self.closed = None;
        // What follows a map of the other platform is said with it.
        self.headless = self.is_of_the_other_platform(cut).then(Headless::told);
        self.aside = Some(cut.line.indent);
        if cut.head == 0 {
            let name = Name::new(header.name, cut.line.span());
            self.out.unused.push(UnusedMap { kind: header.kind, of: header.of, name });
        }
        self.not_used(cut);
    }

    fn not_used(&mut self, cut: &Cut<'_>) {
        self.foreign = true;
        self.out.not_used_here.push(cut.first());
        self.without_effect(cut);
    }

    /// Closes blocks until only `depth` are open.
    fn close(&mut self, depth: usize) {
        while self.blocks.len() > depth
            && let Some(block) = self.blocks.pop()
        {
            self.push(block.header);
        }
    }

    fn push(&mut self, node: Node) {
        match self.blocks.last_mut() {
            Some(block) => block.header.children.push(node),
            None => self.out.nodes.push(node),
        }
    }
}

/// Why a line is no statement of a mode.
struct Refusal {
    mode: &'static Mode<AnyStatement>,
    mismatch: Mismatch,
    /// The index of the word in question.
    word: usize,
}

impl Refusal {
    /// The mode takes the line, and it is one of another mode.
    fn of_first_word(mode: &'static Mode<AnyStatement>, cut: &Cut<'_>) -> Self {
        Self { mode, word: cut.head, mismatch: Mismatch::Unknown { at: cut.head_span() } }
    }
}

/// Whether a command of the mode begins with the first word, typed in full.
fn knows(mode: &Mode<AnyStatement>, cut: &Cut<'_>) -> bool {
    mode.commands().filter_map(|command| command.leading_keywords().next()).any(|keyword| cut.is(keyword))
}

/// Whether the line has all the keywords a command of the mode begins with, typed in full, and is taken for another
/// one only because the word behind them begins a keyword: that word was meant for a value.
fn shortens_beyond(mode: &Mode<AnyStatement>, cut: &Cut<'_>, other: &Resolved<'_, AnyStatement>) -> bool {
    let Some(in_full) = other.matched.in_full() else { return false };
    mode.commands().filter(|command| cut.begins_with(command.leading_keywords())).any(|command| {
        // One keyword alone may begin commands of both modes, such as `parameter-map`.
        let keywords = command.leading_keywords().count();
        let behind = cut.head + keywords;
        keywords > 1 && in_full.get(behind).is_some_and(|keyword| *keyword != cut.word(behind))
    })
}

/// Whether a command of the mode claims the line, if the line is in this mode.
fn claims(mode: &Mode<AnyStatement>, cut: &Cut<'_>) -> bool {
    mode.commands().any(|command| claim_fits(command, cut))
}

/// The same of a first word that may be shortened. Of a word that begins lines of many features (`ip`) it takes
/// the next keywords to tell whose the line is.
fn claims_shortened(mode: &Mode<AnyStatement>, cut: &Cut<'_>) -> bool {
    let mut claiming = mode.commands().filter(|command| command.claim >= Claim::Keyword);
    claiming.any(|command| match command.leading_keywords().next() {
        Some(keyword) if command.claim == Claim::Anywhere && known::is_word(keyword) => {
            claim_fits(command, cut)
        }
        Some(keyword) => cut.shortens(keyword),
        None => false,
    })
}

fn claim_fits(command: &Command<AnyStatement>, cut: &Cut<'_>) -> bool {
    let mut keywords = command.leading_keywords();
    match command.claim {
        Claim::Whole | Claim::Corrected => false,
        Claim::Keyword => keywords.next().is_some_and(|keyword| cut.is(keyword)),
        Claim::Anywhere => cut.begins_with(keywords),
    }
}

/// Whether every command of the mode that begins with the first word opens a block, and there is one.
fn always_opens_block(mode: &Mode<AnyStatement>, platforms: Platforms, cut: &Cut<'_>) -> bool {
    let commands = mode.commands().filter(|command| command.platforms.intersects(platforms));
    let mut begun =
        commands.filter(|command| command.leading_keywords().next().is_some_and(|word| cut.is(word)));
    begun.next().is_some_and(|first| first.enters.is_some()) && begun.all(|command| command.enters.is_some())
}

/// Whether a command of the mode that begins with the first word opens a block.
fn opens_block(mode: &Mode<AnyStatement>, cut: &Cut<'_>) -> bool {
    let opening = mode.commands().filter(|command| command.enters.is_some());
    opening.filter_map(|command| command.leading_keywords().next()).any(|keyword| cut.is(keyword))
}

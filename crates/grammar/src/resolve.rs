//! Words become one command: abbreviation, most specific wins, and where it went wrong.
//!
//! All readings of a line go forward together, word by word, in order of preference; there is no
//! going back, so a line costs its words times the few readings that are alive. What may come
//! next after such a walk is `complete.rs`.

use std::ops::Range;

use crate::matched::Bound;
use crate::syntax::Label;
use crate::tree::{Edge, Node, ROOT, Tree};
use crate::{Command, Line, Matched, Mismatch, Mode, Platforms, Span, Word};

/// The command a line is.
#[derive(Clone, Debug)]
pub struct Resolved<'a, S: 'static> {
    pub command: &'static Command<S>,
    pub matched: Matched<'a>,
}

impl<S> Resolved<'_, S> {
    /// The mode that follows; a `no` form never enters one.
    #[must_use]
    pub fn enters(&self) -> Option<&'static Mode<S>> {
        if self.matched.negated() { None } else { self.command.enters }
    }

    /// What the command means.
    pub fn build(&self) -> Result<S, Mismatch> {
        (self.command.build)(&self.matched)
    }
}

/// Reads a line as a command of a mode.
///
/// Of the ways to read a word the first of these counts: a keyword typed in full; a number in
/// range or an address; a keyword's beginning; a word; the rest of the line. Only a keyword typed in full shuts
/// out the others: if the rest of the line does not fit the preferred reading, the next one is
/// taken, so that `class-map m` may define a class called `m`. A quoted word is never a keyword or
/// number. A beginning shared by several keywords is ambiguous whatever follows, unless only a
/// reading as a value makes the line whole.
///
/// A line without words is incomplete; the caller will have skipped it.
pub fn resolve<'a, S>(
    mode: &'static Mode<S>,
    platforms: Platforms,
    line: &Line<'a>,
) -> Result<Resolved<'a, S>, Mismatch> {
    let mut walk = Walk::new(mode.tree(), platforms);
    walk.follow(&line.words)?;
    let (step, command) = walk.end(&line.words)?;
    let words = walk.bindings(step, command, line);
    // Invariant: the tree's commands are the mode's, by index.
    let Some(command) = mode.commands().nth(command) else {
        return Err(Mismatch::Incomplete { expected: Vec::new() });
    };
    Ok(Resolved { command, matched: Matched::new(line.text, words) })
}

/// The readings of a line that are alive after some of its words.
pub(crate) struct Walk {
    tree: &'static Tree,
    platforms: Platforms,
    steps: Vec<Step>,
    /// The steps that are alive, the preferred first.
    front: Range<usize>,
}

/// One word read in one way.
#[derive(Clone, Copy)]
struct Step {
    node: usize,
    /// The step before, and the index of the word; none at the root.
    from: Option<(usize, usize)>,
    /// The word that several keywords begin with, if this reading took one of them.
    ambiguous: Option<usize>,
    /// The rest of the line has been taken; this reading waits for the others.
    finished: bool,
}

impl Walk {
    pub(crate) fn new(tree: &'static Tree, platforms: Platforms) -> Self {
        let root = Step { node: ROOT, from: None, ambiguous: None, finished: false };
        Self { tree, platforms, steps: vec![root], front: 0..1 }
    }

    pub(crate) fn follow(&mut self, words: &[Word<'_>]) -> Result<(), Mismatch> {
        for (index, word) in words.iter().enumerate() {
            let alive = self.front.clone();
            let next = self.steps.len();
            for at in alive {
                self.read(at, index, word, next);
            }
            if self.steps.len() == next {
                return Err(self.refusal(words, word));
            }
            self.front = next..self.steps.len();
            if self.alive().all(|step| step.finished) {
                break;
            }
        }
        Ok(())
    }

    /// Adds the ways to read a word after the step `at`, the preferred first.
    fn read(&mut self, at: usize, index: usize, word: &Word<'_>, next: usize) {
        let Some(step) = self.steps.get(at).copied() else { return };
        if step.finished {
            self.add(step, next);
            return;
        }
        let Some(node) = self.tree.node(step.node) else { return };
        let plain = Step { from: Some((at, index)), ..step };
        let platforms = self.platforms;
        let known = |edge: &&Edge| edge.platforms.intersects(platforms);
        let matching = || beginning_with(&node.keywords, word).filter(known);
        if let Some(exact) = matching().next().filter(|edge| edge.label.shown().len() == word.text.len()) {
            self.add(Step { node: exact.to, ..plain }, next);
            return;
        }
        for edge in node.values.iter().filter(known).filter(|edge| is_of(&edge.label, word)) {
            self.add(Step { node: edge.to, ..plain }, next);
        }
        let shared = matching().nth(1).map(|_| index);
        for edge in matching() {
            self.add(Step { node: edge.to, ambiguous: plain.ambiguous.or(shared), ..plain }, next);
        }
        for edge in node.values.iter().filter(known) {
            match edge.label {
                Label::Word => self.add(Step { node: edge.to, ..plain }, next),
                Label::Line => self.add(Step { node: edge.to, finished: true, ..plain }, next),
                Label::Keyword(_) | Label::Number { .. } | Label::Address => {}
            }
        }
    }

    /// Two readings that meet go on as the preferred one; this bounds how many are alive.
    fn add(&mut self, step: Step, next: usize) {
        let met = self.steps.iter().skip(next).any(|other| other.node == step.node);
        if !met {
            self.steps.push(step);
        }
    }

    /// The preferred reading that ends with the line, and the command it is.
    fn end(&self, words: &[Word<'_>]) -> Result<(usize, usize), Mismatch> {
        for at in self.front.clone() {
            let Some(step) = self.steps.get(at) else { continue };
            if let Some(command) = self.tree.accepted(step.node, self.platforms) {
                return match step.ambiguous {
                    Some(index) => Err(self.ambiguous(words, index)),
                    None => Ok((at, command)),
                };
            }
        }
        if let Some(index) = self.preferred_ambiguity() {
            return Err(self.ambiguous(words, index));
        }
        let mut expected: Vec<&'static str> = Vec::new();
        for shown in self.edges().map(|edge| edge.label.shown()) {
            if !expected.contains(&shown) {
                expected.push(shown);
            }
        }
        Err(Mismatch::Incomplete { expected })
    }

    /// Why no reading goes on with `word`.
    fn refusal(&self, words: &[Word<'_>], word: &Word<'_>) -> Mismatch {
        if let Some(index) = self.preferred_ambiguity() {
            return self.ambiguous(words, index);
        }
        let at = word.span;
        let range = self.edges().find_map(|edge| match edge.label {
            Label::Number { low, high, .. } if is_number(word) => Some((low, high)),
            _ => None,
        });
        match range {
            Some((low, high)) => Mismatch::OutOfRange { at, low, high },
            None => Mismatch::Unknown { at },
        }
    }

    /// The word that makes the preferred reading ambiguous.
    fn preferred_ambiguity(&self) -> Option<usize> {
        self.alive().next()?.ambiguous
    }

    fn ambiguous(&self, words: &[Word<'_>], index: usize) -> Mismatch {
        let Some(word) = words.get(index) else { return Mismatch::Unknown { at: Span::default() } };
        // The readings before that word are those of a shorter walk.
        let mut walk = Self::new(self.tree, self.platforms);
        match walk.follow(words.get(..index).unwrap_or_default()) {
            Ok(()) => Mismatch::Ambiguous { at: word.span, candidates: walk.keywords(word.text).collect() },
            Err(mismatch) => mismatch,
        }
    }

    /// Leaves out the readings that took one of several keywords, unless there is no other.
    pub(crate) fn settle(&mut self, words: &[Word<'_>]) -> Result<(), Mismatch> {
        let clear: Vec<Step> = self.alive().filter(|step| step.ambiguous.is_none()).copied().collect();
        if let (true, Some(index)) = (clear.is_empty(), self.preferred_ambiguity()) {
            return Err(self.ambiguous(words, index));
        }
        let next = self.steps.len();
        self.steps.extend(clear);
        self.front = next..self.steps.len();
        Ok(())
    }

    /// The keywords that may come next and begin with `typed`.
    pub(crate) fn keywords(&self, typed: &str) -> impl Iterator<Item = &'static str> {
        let next = self.edges().filter_map(|edge| match edge.label {
            Label::Keyword(keyword) => Some(keyword),
            _ => None,
        });
        next.filter(move |keyword| begins(keyword, typed))
    }

    /// What may come next.
    pub(crate) fn edges(&self) -> impl Iterator<Item = &'static Edge> {
        let edges = self.nodes().flat_map(|node| node.values.iter().chain(&node.keywords));
        edges.filter(|edge| edge.platforms.intersects(self.platforms))
    }

    fn nodes(&self) -> impl Iterator<Item = &'static Node> {
        let tree = self.tree;
        self.alive().filter_map(move |step| tree.node(step.node))
    }

    /// Whether the line may end here.
    pub(crate) fn may_end(&self) -> bool {
        self.alive().any(|step| self.tree.accepted(step.node, self.platforms).is_some())
    }

    /// Whether some reading has taken the rest of the line.
    pub(crate) fn in_rest(&self) -> Option<usize> {
        self.alive().find(|step| step.finished).map(|step| step.node)
    }

    fn alive(&self) -> impl Iterator<Item = &Step> {
        self.steps.get(self.front.clone()).unwrap_or_default().iter()
    }

    fn bindings<'a>(&self, end: usize, command: usize, line: &Line<'a>) -> Vec<Bound<'a>> {
        let mut bound = Vec::with_capacity(line.words.len().min(self.steps.len()));
        let mut at = self.steps.get(end);
        while let Some(Step { node, from: Some((before, index)), finished, .. }) = at {
            let position = self.tree.word_of(*node, command);
            let word = line.words.get(*index).copied();
            if let (Some(position), Some(word)) = (position, word) {
                let keyword = match position.label {
                    Label::Keyword(keyword) => Some(keyword),
                    _ => None,
                };
                let word = if *finished { rest_of_line(line.text, word) } else { word };
                bound.push(Bound { word, keyword, names: &position.names });
            }
            at = self.steps.get(*before);
        }
        bound.reverse();
        bound
    }
}

/// The keywords, ordered, that a word is or begins; the one it is comes first.
fn beginning_with(ordered: &'static [Edge], word: &Word<'_>) -> impl Iterator<Item = &'static Edge> {
    let typed = word.text;
    let ordered = if word.quoted { &[] } else { ordered };
    let from = ordered.partition_point(|edge| lower(edge.label.shown()).lt(lower(typed)));
    ordered.iter().skip(from).take_while(move |edge| begins(edge.label.shown(), typed))
}

pub(crate) fn begins(keyword: &str, typed: &str) -> bool {
    keyword.get(..typed.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(typed))
}

fn lower(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

/// Whether a word has the form that a label asks for: a number in range, or an address.
fn is_of(label: &Label, word: &Word<'_>) -> bool {
    match label {
        Label::Number { low, high, .. } => {
            is_number(word) && word.text.parse().is_ok_and(|number: u64| (*low..=*high).contains(&number))
        }
        Label::Address => {
            let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            !word.quoted && word.text.split('.').count() == 4 && word.text.split('.').all(is_number)
        }
        Label::Keyword(_) | Label::Word | Label::Line => false,
    }
}

/// `parse` alone would take a sign.
fn is_number(word: &Word<'_>) -> bool {
    !word.quoted && word.text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is left of the line from a word on, without trailing blanks; quotes stay.
fn rest_of_line<'a>(line: &'a str, from: Word<'a>) -> Word<'a> {
    let Some(text) = line.get(from.span.start..).map(|rest| rest.trim_end_matches(crate::word::is_blank))
    else {
        return from;
    };
    let end = from.span.start + text.len();
    Word { text, span: Span { start: from.span.start, end }, quoted: false }
}

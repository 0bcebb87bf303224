//! A mode's commands merged into one prefix tree; commands that collide are found here.
//!
//! A node is the set of places, in all commands, that the words so far lead to, so common
//! beginnings are one path and the ends of alternatives meet again. Nodes with equal sets are one
//! node: optional words cost nodes in proportion to their number, not to their combinations.
//! Reading a line along the tree is `resolve.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::OnceLock;

use crate::syntax::{BadNotation, Label, Position, Syntax};
use crate::{Command, Mode, Platforms};

/// The place in a [`Mode`] where its merged commands are kept.
pub(crate) struct Prefixes(OnceLock<Tree>);

impl Prefixes {
    pub(crate) const fn unbuilt() -> Self {
        Self(OnceLock::new())
    }
}

impl<S> Mode<S> {
    pub(crate) fn tree(&'static self) -> &'static Tree {
        self.prefixes.0.get_or_init(|| Tree::build(self.commands()).0)
    }
}

/// Something wrong with a table of commands: found by a test, never by a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub mode: &'static str,
    pub syntax: &'static str,
    pub kind: FaultKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The notation cannot be read from this byte on.
    Notation {
        at: usize,
        message: &'static str,
    },
    AboutMissing,
    HelpLines {
        expected: usize,
        found: usize,
    },
    /// No command with this beginning says what the word is.
    HelpMissing {
        word: String,
    },
    HelpDiffers {
        word: String,
        one: &'static str,
        other: &'static str,
    },
    /// A line would be this command and the other.
    SameLine {
        other: &'static str,
    },
    /// One line can be read in two ways within the command.
    TwoReadings {
        word: String,
    },
    /// Two kinds of value cannot be told apart at one place.
    Overlap {
        one: String,
        other: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mode {}: `{}`: ", self.mode, self.syntax)?;
        match &self.kind {
            FaultKind::Notation { at, message } => write!(f, "{message} (byte {at})"),
            FaultKind::AboutMissing => f.write_str("no description of the command"),
            FaultKind::HelpLines { expected, found } => {
                write!(f, "{found} lines of help for {expected} words")
            }
            FaultKind::HelpMissing { word } => write!(f, "no help for `{word}`"),
            FaultKind::HelpDiffers { word, one, other } => {
                write!(f, "help for `{word}` is \"{one}\" and \"{other}\"")
            }
            FaultKind::SameLine { other } => write!(f, "the same line is also `{other}`"),
            FaultKind::TwoReadings { word } => write!(f, "`{word}` can be read in two ways"),
            FaultKind::Overlap { one, other } => write!(f, "`{one}` and `{other}` cannot be told apart"),
        }
    }
}

/// Every mode that can be entered from `start`, which comes first, in the order in which commands lead there.
#[must_use]
pub fn modes<S>(start: &'static Mode<S>) -> Vec<&'static Mode<S>> {
    let mut modes = vec![start];
    let mut next = 0;
    while let Some(mode) = modes.get(next).copied() {
        next += 1;
        for entered in mode.commands().filter_map(|command| command.enters) {
            if !modes.iter().any(|known| std::ptr::eq(*known, entered)) {
                modes.push(entered);
            }
        }
    }
    modes
}

/// Everything wrong with the tables of a mode and of the modes that can be entered from it.
#[must_use]
pub fn check<S>(start: &'static Mode<S>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for mode in modes(start) {
        let found = Tree::build(mode.commands()).1;
        faults.extend(found.into_iter().map(|(command, kind)| Fault {
            mode: mode.name,
            syntax: mode.commands().nth(command).map_or("", |command| command.syntax),
            kind,
        }));
    }
    faults
}

pub(crate) const ROOT: usize = 0;

/// The merged commands of a mode.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    forms: Vec<Form>,
    nodes: Vec<Node>,
}

/// A command as the tree keeps it; its index is that of the command in the mode.
#[derive(Debug)]
struct Form {
    written: &'static str,
    syntax: Syntax,
    platforms: Platforms,
}

#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Ordered, and at most one per command: that is how a path finds its words' names again.
    places: Vec<Place>,
    /// Ordered by keyword in lower case, so that those with a common beginning are neighbours.
    pub(crate) keywords: Vec<Edge>,
    /// Numbers, then a word, then the rest of the line: the more specific first.
    pub(crate) values: Vec<Edge>,
}

/// A word of a command: indexes of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    command: usize,
    position: usize,
}

#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) label: Label,
    pub(crate) platforms: Platforms,
    pub(crate) to: usize,
}

/// What makes two labels one edge; the order is that of an ordered node.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Keyword(String),
    Number(u64, u64),
    Address,
    Word,
    Line,
}

type Faults = Vec<(usize, FaultKind)>;

impl Tree {
    pub(crate) fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    /// The command a line that ends here is.
    pub(crate) fn accepted(&self, at: usize, platforms: Platforms) -> Option<usize> {
        let places = &self.node(at)?.places;
        let accepted = places.iter().find(|&&place| {
            self.known(place, platforms) && self.position(place).is_some_and(|position| position.last)
        });
        accepted.map(|place| place.command)
    }

    /// The word of `command` that leads to a node.
    pub(crate) fn word_of(&self, at: usize, command: usize) -> Option<&Position> {
        let places = &self.node(at)?.places;
        let found = places.binary_search_by_key(&command, |place| place.command).ok()?;
        self.position(*places.get(found)?)
    }

    pub(crate) fn help(&self, at: usize, platforms: Platforms) -> &'static str {
        let places = self.node(at).map_or(&[][..], |node| &node.places);
        let known = places.iter().filter(|&&place| self.known(place, platforms));
        known.filter_map(|&place| self.position(place)).map(|p| p.help).find(|h| !h.is_empty()).unwrap_or("")
    }

    fn known(&self, place: Place, platforms: Platforms) -> bool {
        self.platforms(place.command).intersects(platforms)
    }

    fn platforms(&self, command: usize) -> Platforms {
        self.forms.get(command).map_or(Platforms::NONE, |form| form.platforms)
    }

    fn position(&self, place: Place) -> Option<&Position> {
        self.forms.get(place.command)?.syntax.positions.get(place.position)
    }

    /// Merges commands; one with a fault is left out or yields, so that the tree is always usable.
    fn build<'c, S: 'static>(commands: impl Iterator<Item = &'c Command<S>>) -> (Self, Faults) {
        let mut faults = Faults::new();
        let forms = commands.enumerate().map(|(command, &Command { syntax, about, help, platforms, .. })| {
            let (read, fault) = read(syntax, help);
            faults.extend(about.is_empty().then_some((command, FaultKind::AboutMissing)));
            faults.extend(fault.map(|kind| (command, kind)));
            Form { written: syntax, syntax: read, platforms }
        });
        let mut tree = Self { forms: forms.collect(), nodes: Vec::new() };
        tree.merge(&mut faults);
        tree.share_help(&mut faults);
        tree.find_collisions(&mut faults);
        let mut once = BTreeSet::new();
        faults.retain(|(command, kind)| once.insert(format!("{command} {kind:?}")));
        (tree, faults)
    }

    /// The subset construction: a node per set of places, from the root on until no set is new.
    fn merge(&mut self, faults: &mut Faults) {
        let mut known: BTreeMap<Vec<Place>, usize> = BTreeMap::new();
        self.nodes.push(Node::default());
        let mut at = ROOT;
        while at < self.nodes.len() {
            for (key, places) in self.next_places(at, faults) {
                let platforms = places.iter().map(|place| self.platforms(place.command));
                let platforms = platforms.fold(Platforms::NONE, Platforms::union);
                let label = places.first().and_then(|&place| self.position(place)).map(|p| p.label.clone());
                let to = *known.entry(places).or_insert_with_key(|places| {
                    self.nodes.push(Node { places: places.clone(), ..Node::default() });
                    self.nodes.len() - 1
                });
                let (Some(label), Some(node)) = (label, self.nodes.get_mut(at)) else { continue };
                let edges =
                    if matches!(key, Key::Keyword(_)) { &mut node.keywords } else { &mut node.values };
                edges.push(Edge { label, platforms, to });
            }
            at += 1;
        }
    }

    /// Where the words after a node lead, by what may be typed.
    fn next_places(&self, at: usize, faults: &mut Faults) -> BTreeMap<Key, Vec<Place>> {
        let mut next: BTreeMap<Key, Vec<Place>> = BTreeMap::new();
        let mut add = |command: usize, positions: &[usize]| {
            for place in positions.iter().map(|&position| Place { command, position }) {
                let Some(Position { label, .. }) = self.position(place) else { continue };
                let places = next.entry(key(label)).or_default();
                match places.iter().find(|other| other.command == command) {
                    None => places.push(place),
                    Some(other) if *other == place => {}
                    Some(_) => {
                        faults.push((command, FaultKind::TwoReadings { word: label.shown().to_owned() }));
                    }
                }
            }
        };
        if at == ROOT {
            for (command, form) in self.forms.iter().enumerate() {
                add(command, &form.syntax.first);
            }
        } else {
            for &place in self.node(at).map_or(&[][..], |node| &node.places) {
                add(place.command, self.position(place).map_or(&[][..], |position| &position.follow));
            }
        }
        next
    }

    /// Fills empty help from the commands that share the place, and finds help that is missing or differs.
    fn share_help(&mut self, faults: &mut Faults) {
        for at in 0..self.nodes.len() {
            let places = self.node(at).map_or_else(Vec::new, |node| node.places.clone());
            for place in places {
                // Its own platform's words first; another's are better than none.
                let platforms = [self.platforms(place.command), Platforms::ALL];
                let mut found = platforms.into_iter().map(|platforms| self.help(at, platforms));
                let help = found.find(|help| !help.is_empty()).unwrap_or_default();
                let Some(position) = self.position_mut(place) else { continue };
                let word = || position.label.shown().to_owned();
                if help.is_empty() {
                    faults.push((place.command, FaultKind::HelpMissing { word: word() }));
                } else if position.help.is_empty() {
                    position.help = help;
                } else if position.help != help {
                    let (one, other) = (help, position.help);
                    faults.push((place.command, FaultKind::HelpDiffers { word: word(), one, other }));
                }
            }
        }
    }

    fn position_mut(&mut self, place: Place) -> Option<&mut Position> {
        self.forms.get_mut(place.command)?.syntax.positions.get_mut(place.position)
    }

    fn find_collisions(&self, faults: &mut Faults) {
        for node in &self.nodes {
            let is_last = |&&place: &&Place| self.position(place).is_some_and(|position| position.last);
            let ends: Vec<&Place> = node.places.iter().filter(is_last).collect();
            for (one, other) in pairs(&ends) {
                if self.platforms(one.command).intersects(self.platforms(other.command)) {
                    let first = self.forms.get(one.command).map_or("", |form| form.written);
                    faults.push((other.command, FaultKind::SameLine { other: first }));
                }
            }
            for (one, other) in pairs(&node.values) {
                if one.platforms.intersects(other.platforms) && overlap(&one.label, &other.label) {
                    let command =
                        self.node(other.to).and_then(|node| node.places.first()).map_or(0, |p| p.command);
                    let (one, other) = (one.label.shown().to_owned(), other.label.shown().to_owned());
                    faults.push((command, FaultKind::Overlap { one, other }));
                }
            }
        }
    }
}

/// Every command with a `no` form would say the same, so none does.
const NO_HELP: &str = "Negate a command or set its defaults";

/// A command's words with their help; without words, it is in no one's way.
fn read(written: &'static str, help: &[&'static str]) -> (Syntax, Option<FaultKind>) {
    match Syntax::parse(written) {
        Ok(mut syntax) => {
            let fault = give_help(&mut syntax, help).err();
            (syntax, fault)
        }
        Err(BadNotation { at, message }) => (Syntax::default(), Some(FaultKind::Notation { at, message })),
    }
}

/// A line of help for each word but a leading `no`.
fn give_help(syntax: &mut Syntax, help: &[&'static str]) -> Result<(), FaultKind> {
    let no = |position: &Position| matches!(position.label, Label::Keyword("no"));
    let leading = usize::from(syntax.positions.first().is_some_and(no));
    let lines = std::iter::repeat_n(&NO_HELP, leading).chain(help);
    for (position, &line) in syntax.positions.iter_mut().zip(lines) {
        position.help = line;
    }
    let expected = syntax.positions.len() - leading;
    if expected == help.len() { Ok(()) } else { Err(FaultKind::HelpLines { expected, found: help.len() }) }
}

fn key(label: &Label) -> Key {
    match label {
        Label::Keyword(keyword) => Key::Keyword(keyword.to_ascii_lowercase()),
        Label::Number { low, high, .. } => Key::Number(*low, *high),
        Label::Address => Key::Address,
        Label::Word => Key::Word,
        Label::Line => Key::Line,
    }
}

/// Whether one word could be either value with nothing to prefer one. A number in range is more
/// specific than a word or line, so it may share a place with them.
const fn overlap(one: &Label, other: &Label) -> bool {
    match (one, other) {
        (Label::Number { low: a, high: b, .. }, Label::Number { low: c, high: d, .. }) => {
            *a <= *d && *c <= *b
        }
        (Label::Word, Label::Line) => true,
        _ => false,
    }
}

fn pairs<T>(items: &[T]) -> impl Iterator<Item = (&T, &T)> {
    items.iter().enumerate().flat_map(|(at, one)| items.iter().skip(at + 1).map(move |other| (one, other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Build;

    const UNIT: Build<()> = |_| Ok(());

    fn faults(commands: &[(&'static str, &'static [&'static str], Platforms)]) -> Vec<String> {
        let commands: Vec<Command<()>> = commands
            .iter()
            .map(|&(syntax, help, on)| Command::new(syntax, "Do", help, UNIT).on(on))
            .collect();
        let kinds = Tree::build(commands.iter()).1;
        let named =
            kinds.into_iter().map(|(at, kind)| Fault { mode: "m", syntax: commands[at].syntax, kind });
        named.map(|fault| fault.to_string()).collect()
    }

    #[test]
    fn tables_without_fault_have_none() {
        let all = Platforms::ALL;
        let none: [String; 0] = [];
        assert_eq!(faults(&[]), none);
        assert_eq!(faults(&[("[no] log", &["Log"], all), ("[no] log x", &["", "X"], all)]), none);
        assert_eq!(
            faults(&[("description LINE$t", &["D", "T"], all), ("no description", &["D"], all)]),
            none
        );
        assert_eq!(faults(&[("{(0-7)$n | WORD$w}", &["N", "W"], all)]), none);
        assert_eq!(
            faults(&[("a WORD$x", &["A", "X"], Platforms::IOS), ("a WORD$y", &["B", "Y"], Platforms::ASA)]),
            none
        );
    }

    #[test]
    fn every_fault_is_reported() {
        let all = Platforms::ALL;
        let one = |syntax, help| faults(&[(syntax, help, all)]);
        let two = |a, b, help| faults(&[(a, help, all), (b, help, all)]);
        assert_eq!(one("{a", &["A"]), ["mode m: `{a`: a group is not closed (byte 2)"]);
        let undescribed = Tree::build([Command::new("a", "", &["A"], UNIT)].iter()).1;
        assert_eq!(undescribed, [(0, FaultKind::AboutMissing)]);
        assert_eq!(one("a b", &["A"])[0], "mode m: `a b`: 1 lines of help for 2 words");
        assert_eq!(one("a b", &["A", ""]), ["mode m: `a b`: no help for `b`"]);
        assert_eq!(one("[a] a", &["A", "A"]), ["mode m: `[a] a`: `a` can be read in two ways"]);
        assert_eq!(
            one("[WORD$x] [WORD$y] z", &["X", "X", "Z"]),
            ["mode m: `[WORD$x] [WORD$y] z`: `WORD` can be read in two ways"]
        );
        assert_eq!(two("a", "A", &["H"]), ["mode m: `A`: the same line is also `a`"]);
        assert_eq!(two("a [b]", "a b", &["H", "I"]), ["mode m: `a b`: the same line is also `a [b]`"]);
        assert_eq!(
            two("a (1-9)$n", "a (5-10)$n", &["H", "I"]),
            ["mode m: `a (5-10)$n`: `<1-9>` and `<5-10>` cannot be told apart"]
        );
        assert_eq!(
            two("a WORD$n", "a LINE$n", &["H", "I"]),
            ["mode m: `a LINE$n`: `WORD` and `LINE` cannot be told apart"]
        );
        assert_eq!(
            faults(&[("a b", &["A", "B"], all), ("a c", &["other", "C"], all)]),
            ["mode m: `a c`: help for `a` is \"A\" and \"other\""]
        );
    }

    #[test]
    fn runs_of_options_do_not_multiply() {
        let syntax = "x [a WORD$a] [b WORD$b] [c WORD$c] [d WORD$d] [e WORD$e] [f WORD$f] [g WORD$g]";
        let commands = [Command::new(syntax, "Do", &["H"; 15], UNIT)];
        let (tree, faults) = Tree::build(commands.iter());
        assert_eq!(faults, []);
        assert_eq!(tree.nodes.len(), 16);
    }
}

//! Statements become the model: what every dialect's lowering shares.
//!
//! Lines act in the order of the file, as if typed: `no` takes back, a block opened again adds.
//! Whether names are defined and rules make sense is found later, when all is known. What a
//! statement does is in the `lower` module of its dialect.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;

use super::once::Once;
use super::thresholds::Thresholds;
use super::{AnyInterfaceLine, AnyStatement, asa, c3pl, classic, common, own};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, Direction, Interface, Name, ObjectKind};
use crate::outline::Outline;
use crate::platform::Platform;
use crate::source::Span;
use crate::statement::Node;
use crate::survey::UnusedMap;

/// What became of the statements of a file.
pub(crate) struct Lowered {
    /// The model of everything it says.
    pub(crate) configuration: Configuration,
    /// Maps that serve other features, and were read because ours have the same header.
    pub(crate) unused: Vec<UnusedMap>,
}

/// Lowers everything a file says.
pub(crate) fn lower(
    nodes: Vec<Node>,
    platform: Platform,
    origin: Origin,
    outline: &Outline<'_>,
    complaints: &mut Diagnostics,
) -> Lowered {
    let configuration = Configuration { platform, ..Configuration::default() };
    let (match_all_by_default, unused) = (HashSet::new(), Vec::new());
    let mut lowering = Lowering {
        configuration,
        origin,
        outline,
        complaints,
        match_all_by_default,
        unused,
        thresholds: Thresholds::default(),
    };
    for Node { statement, negated, at, children } in nodes {
        match (statement, negated) {
            (AnyStatement::Common(statement), false) => {
                common::lower::add(&mut lowering, statement, at, children);
            }
            (AnyStatement::Common(statement), true) => common::lower::remove(&mut lowering, statement, at),
            (AnyStatement::Own(statement), false) => own::lower::add(&mut lowering, statement, at, children),
            (AnyStatement::Own(statement), true) => own::lower::remove(&mut lowering, statement, at),
            (AnyStatement::C3pl(statement), false) => {
                c3pl::lower::add(&mut lowering, statement, at, children);
            }
            (AnyStatement::C3pl(statement), true) => c3pl::lower::remove(&mut lowering, statement, at),
            (AnyStatement::Classic(statement), false) => classic::lower::add(&mut lowering, statement, at),
            (AnyStatement::Classic(statement), true) => classic::lower::remove(&mut lowering, statement, at),
            (AnyStatement::Asa(statement), false) => asa::lower::add(&mut lowering, statement, at, children),
            (AnyStatement::Asa(statement), true) => asa::lower::remove(&mut lowering, statement, at),
        }
    }
    common::lower::finish(&mut lowering.configuration);
    c3pl::lower::finish(&mut lowering);
    classic::lower::finish(&mut lowering);
    asa::lower::finish(&mut lowering);
    Lowered { configuration: lowering.configuration, unused: lowering.unused }
}

/// Whose statements are lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    File,
    /// Ours, which may define what is built in.
    BuiltIn,
}

/// Limit: the device's own parser takes descriptions of this many characters.
const DESCRIPTION_MAX: usize = 200;

pub(super) struct Lowering<'c> {
    /// What the lines so far have made.
    pub(super) configuration: Configuration,
    pub(super) origin: Origin,
    pub(super) outline: &'c Outline<'c>,
    pub(super) complaints: &'c mut Diagnostics,
    /// The places of the names of classes of which no line says whether all or any conditions must hold.
    pub(super) match_all_by_default: HashSet<Span>,
    pub(super) unused: Vec<UnusedMap>,
    /// Of classic inspection.
    pub(super) thresholds: Thresholds,
}

impl Lowering<'_> {
    /// Opens an interface; each dialect has lines of its own in the block.
    pub(super) fn interface(&mut self, name: Name, children: Vec<Node>) {
        let lines = lines::<AnyInterfaceLine>(children, self.complaints);
        let interface = self.configuration.interfaces.open(&name, Interface::new);
        let mut once = Once::new(self.outline);
        for Placed { line, negated, at, .. } in lines {
            match Single::of(&line) {
                Some((what, named)) if negated => {
                    if let Some(other) = no_other_back(what.known_of(interface), named, at, self.outline) {
                        self.complaints.push(other);
                        continue;
                    }
                    once.take_back(&what);
                }
                Some((what, _)) => once.say(what, at, self.complaints),
                None => {}
            }
            match line {
                AnyInterfaceLine::Common(line) => common::lower::interface_line(interface, line, negated),
                AnyInterfaceLine::C3pl(line) => c3pl::lower::interface_line(interface, line, negated),
                AnyInterfaceLine::Classic(line) => {
                    classic::lower::interface_line(interface, line, negated);
                }
                AnyInterfaceLine::Asa(line) => asa::lower::interface_line(interface, line, negated),
            }
        }
    }

    /// Takes an object away, unless another names it and the device would refuse.
    pub(super) fn remove_object(&mut self, kind: ObjectKind, name: &Name, at: Span) {
        let user = self.configuration.user_of(kind, &name.text).filter(|_| kind.is_kept_while_used());
        let Some((user, used)) = user else { return self.configuration.remove(kind, &name.text) };
        let user = format!("{} `{}`", user.kind().noun(), user.name());
        let help = self.outline.taken_back(used).map(|line| format!("write `{line}` before this line"));
        self.complaints.push(
            Diagnostic::new(Code::InUse, at, format!("{} `{name}` is being used", kind.noun()))
                .related(used, format!("used by {user}"))
                .maybe_help(help),
        );
    }

    /// A block's line outside its block: the tables and the lowering contradict each other.
    pub(super) fn misplaced(&mut self, at: Span) {
        misplaced(at, self.complaints);
    }
}

fn misplaced(at: Span, complaints: &mut Diagnostics) {
    debug_assert!(false, "a line of another block");
    complaints.push(Diagnostic::new(Code::OutsideBlock, at, "the line is not one of this block"));
}

/// What an interface has one of.
#[derive(PartialEq, Eq, Hash)]
enum Single {
    Zone,
    Inspect(Direction),
    AccessGroup(Direction),
    Nameif,
    SecurityLevel,
}

impl Single {
    /// What a line is about, and what it names.
    const fn of(line: &AnyInterfaceLine) -> Option<(Self, Option<&Name>)> {
        match line {
            AnyInterfaceLine::Common(_) => None,
            AnyInterfaceLine::C3pl(c3pl::InterfaceLine::ZoneMember(zone)) => {
                Some((Self::Zone, zone.as_ref()))
            }
            AnyInterfaceLine::Classic(classic::InterfaceLine::Inspect { rule, direction }) => {
                Some((Self::Inspect(*direction), Some(rule)))
            }
            AnyInterfaceLine::Classic(classic::InterfaceLine::AccessGroup { list, direction }) => {
                Some((Self::AccessGroup(*direction), list.as_ref()))
            }
            AnyInterfaceLine::Asa(asa::InterfaceLine::Nameif(name)) => Some((Self::Nameif, name.as_ref())),
            AnyInterfaceLine::Asa(asa::InterfaceLine::SecurityLevel(_)) => Some((Self::SecurityLevel, None)),
        }
    }

    /// What an interface names.
    const fn known_of<'i>(&self, interface: &'i Interface) -> Option<&'i Name> {
        match self {
            Self::Zone => interface.zone.as_ref(),
            Self::Inspect(Direction::In) => interface.inspect_in.as_ref(),
            Self::Inspect(Direction::Out) => interface.inspect_out.as_ref(),
            Self::AccessGroup(Direction::In) => interface.access_group_in.as_ref(),
            Self::AccessGroup(Direction::Out) => interface.access_group_out.as_ref(),
            Self::Nameif => interface.nameif.as_ref(),
            Self::SecurityLevel => None,
        }
    }
}

/// What a line inside a block can say: each kind of block has a type of its own, and all its lines are of it.
pub(super) trait BlockLine: Sized {
    /// `None` for a line of another block.
    fn of(statement: AnyStatement) -> Option<Self>;
}

/// A block that can be described.
pub(super) trait Described: Into<AnyStatement> {
    fn description(text: Option<Name>) -> Self;
}

/// A line of a block, with the lines of the block that it opens.
pub(super) struct Placed<L> {
    pub(super) line: L,
    pub(super) negated: bool,
    pub(super) at: Span,
    pub(super) children: Vec<Node>,
}

/// The lines of a block. None of another block is among them, because every mode has one type of line.
pub(super) fn lines<L: BlockLine>(nodes: Vec<Node>, complaints: &mut Diagnostics) -> Vec<Placed<L>> {
    let mut lines = Vec::with_capacity(nodes.len());
    for Node { statement, negated, at, children } in nodes {
        match L::of(statement) {
            Some(line) => lines.push(Placed { line, negated, at, children }),
            None => misplaced(at, complaints),
        }
    }
    lines
}

/// Makes one enumeration of the lines of a dialect's blocks, makes them statements, and finds them again
/// among the statements.
macro_rules! block_lines {
    ($dialect:ident: $($block:ident($line:ident)),* $(,)?) => {
        /// A line inside a block, by the block.
        #[derive(Clone, Debug)]
        pub enum InnerLine {
            $($block($line)),*
        }

        impl From<Statement> for crate::dialect::AnyStatement {
            fn from(statement: Statement) -> Self {
                Self::$dialect(statement)
            }
        }
        $(
            impl From<$line> for crate::dialect::AnyStatement {
                fn from(line: $line) -> Self {
                    Self::$dialect(Statement::Line(InnerLine::$block(line)))
                }
            }

            impl crate::dialect::lowering::BlockLine for $line {
                fn of(statement: crate::dialect::AnyStatement) -> Option<Self> {
                    if let crate::dialect::AnyStatement::$dialect(Statement::Line(InnerLine::$block(line))) = statement {
                        return Some(line);
                    }
                    None
                }
            }
        )*
    };
}

macro_rules! described {
    ($($kind:ident),* $(,)?) => { $(
        impl crate::dialect::lowering::Described for $kind {
            fn description(text: Option<crate::model::Name>) -> Self {
                Self::Description(text)
            }
        }
    )* };
}

pub(super) use {block_lines, described};

/// Changes a description by a line `description`.
pub(super) fn describe(
    description: &mut Option<String>,
    text: Option<Name>,
    negated: bool,
    at: Span,
    complaints: &mut Diagnostics,
) {
    match text {
        _ if negated => *description = None,
        Some(text) if text.text.chars().count() > DESCRIPTION_MAX => {
            let message = format!("the description is longer than {DESCRIPTION_MAX} characters");
            complaints.push(Diagnostic::new(Code::TooLong, text.at, message));
        }
        Some(text) => *description = Some(text.text),
        None => {
            let end = Span { start: at.end, end: at.end };
            let message = "incomplete command, expected text";
            complaints.push(Diagnostic::new(Code::IncompleteCommand, end, message));
        }
    }
}

/// A line of a block that adds to a list, or with `no` takes back what says the same.
pub(super) struct Followed<T> {
    pub(super) said: T,
    pub(super) negated: bool,
    pub(super) at: Span,
}

/// What the lines of a block make of a list. One that takes nothing back is told: where it is, what it says, and what
/// else is there.
pub(super) fn follow<T: Display>(
    list: &mut Vec<T>,
    lines: Vec<Followed<T>>,
    mut nothing: impl FnMut(Span, &str, &mut dyn Iterator<Item = &str>),
) {
    // Most blocks take nothing back, and need not be compared as text.
    if lines.iter().all(|line| !line.negated) {
        return list.extend(lines.into_iter().map(|line| line.said));
    }
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut kept: Vec<Option<T>> = Vec::new();
    let before = std::mem::take(list);
    let before = before.into_iter().map(|said| Followed { said, negated: false, at: Span::default() });
    for Followed { said, negated, at } in before.chain(lines) {
        let text = said.to_string();
        if !negated {
            places.entry(text).or_default().push(kept.len());
            kept.push(Some(said));
        } else if let Some(taken) = places.remove(&text) {
            for place in taken {
                kept.get_mut(place).map(Option::take);
            }
        } else {
            nothing(at, &text, &mut places.keys().map(String::as_str));
        }
    }
    *list = kept.into_iter().flatten().collect();
}

/// A line with `no` that takes back a name, if it has the name or none. Another is told and stays.
pub(super) fn take_back(
    known: &mut Option<Name>,
    named: Option<&Name>,
    at: Span,
    outline: &Outline<'_>,
) -> Option<Diagnostic> {
    let complaint = no_other_back(known.as_ref(), named, at, outline);
    if complaint.is_none() {
        *known = None;
    }
    complaint
}

/// That a line with `no` names another thing than there is, if it does.
pub(super) fn no_other_back(
    known: Option<&Name>,
    named: Option<&Name>,
    at: Span,
    outline: &Outline<'_>,
) -> Option<Diagnostic> {
    let (known, named) = (known?, named?);
    if known.text == named.text {
        return None;
    }
    outline.takes_no_other_back(at, &format!("it is `{known}` here"), named, Some(&known.text))
}

/// Leaves out what says the same as an earlier one, wherever it stood.
pub(super) fn keep_once(conditions: &mut Vec<impl ToString>) {
    let mut seen = HashSet::new();
    conditions.retain(|condition| seen.insert(condition.to_string()));
}

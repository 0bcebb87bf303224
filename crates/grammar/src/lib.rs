//! Command languages in the manner of IOS: commands are data, and the file loader, the shell, `?`
//! and Tab all read the same data.
//!
//! This crate knows nothing of mail. It turns a line into words ([`words`]), and words into one
//! command of a mode ([`resolve`]); what a command means is the caller's `build` function. It does
//! not know prompts, `do`, blocks or indentation: which mode a line is tried in is the caller's.
//!
//! ```
//! use grammar::{Command, Mode, Platforms, check, complete, resolve, words};
//!
//! #[derive(Debug, PartialEq)]
//! enum Statement {
//!     ClassMap { all: bool, name: String },
//!     RecipientCount { negated: bool, over: Option<u64> },
//! }
//!
//! static CONFIG: Mode<Statement> = Mode::new("config", "(config)#", &[&[Command::new(
//!     "class-map type inspect smtp [match-all | match-any]$mode WORD$name",
//!     "Define a class of SMTP traffic",
//!     &["Configure a class map", "Kind of map", "Firewall", "SMTP", "All criteria", "Any criterion", "Name"],
//!     |line| {
//!         let name = line.text("name").unwrap_or_default().to_owned();
//!         Ok(Statement::ClassMap { all: line.choice("mode") != Some("match-any"), name })
//!     },
//! )
//! .enters(&CLASS_MAP)
//! .on(Platforms::IOS)]]);
//!
//! static CLASS_MAP: Mode<Statement> = Mode::new("class-map", "(config-cmap)#", &[&[Command::new(
//!     "[no] match recipient count gt (1-65535)$count",
//!     "Match a transaction with more recipients",
//!     &["Classification criteria", "Recipients", "Number of recipients", "Greater than", "Recipients"],
//!     |line| Ok(Statement::RecipientCount { negated: line.negated(), over: line.number("count") }),
//! )]]);
//!
//! assert_eq!(check(&CONFIG), []);
//! let found = resolve(&CONFIG, Platforms::IOS, &words("class t i smtp match-any c1")).unwrap();
//! assert_eq!(found.build(), Ok(Statement::ClassMap { all: false, name: "c1".to_owned() }));
//! let mode = found.enters().unwrap();
//!
//! let line = "match recipient count gt 70000";
//! assert_eq!(
//!     resolve(mode, Platforms::IOS, &words(line)).unwrap_err().render(line),
//!     "match recipient count gt 70000\n                         ^\n% Invalid input detected at '^' marker.\n",
//! );
//! assert_eq!(complete(mode, Platforms::IOS, "match recipient count gt ").unwrap()[0].word, "<1-65535>");
//! ```

mod complete;
mod matched;
mod mismatch;
mod resolve;
mod syntax;
mod tree;
mod word;

use std::fmt;

pub use complete::{Completion, Extension, complete, explain, extend};
pub use matched::Matched;
pub use mismatch::Mismatch;
pub use resolve::{Resolved, resolve};
use tree::Prefixes;
pub use tree::{Fault, FaultKind, check, modes};
pub use word::{Line, Word, words};

/// A range of bytes in the line that was parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// The platforms that know a command; a line is read for one of them (or for any, if several are asked).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Platforms(u8);

impl Platforms {
    pub const NONE: Self = Self(0);
    pub const IOS: Self = Self(1);
    pub const ASA: Self = Self(2);
    pub const ALL: Self = Self(3);

    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What a command means: the words it was typed with become the caller's statement.
pub type Build<S> = for<'a> fn(&Matched<'a>) -> Result<S, Mismatch>;

/// A command: how it is typed, what it is for, what `?` says, what it means.
///
/// The notation of `syntax` is that of command references:
///
/// | written | means |
/// |---|---|
/// | `match` | the keyword, in any case, or the beginning of it |
/// | `A.B.C.D$host` | a word of four numbers with dots between them |
/// | `WORD$name` | one word, perhaps quoted |
/// | `(1-65535)$count` | a decimal number of that range |
/// | `LINE$text` | the rest of the line as typed; only at the end |
/// | `{a \| b WORD$x}$which` | one of these; `which` names the first word of the one taken |
/// | `[log]`, `[a \| b]$which` | may be missing |
/// | `[no] match …` | also the `no` form, see [`Matched::negated`] |
///
/// A group may hold groups. Two readings of one line within a command are refused by [`check`].
pub struct Command<S: 'static> {
    pub syntax: &'static str,
    /// What the command is for, in one line: for lists of commands and documents.
    pub about: &'static str,
    /// One line per word of `syntax` in the order of writing, a leading `no` left out. An empty line
    /// means that another command of the mode with the same beginning says it.
    pub help: &'static [&'static str],
    pub platforms: Platforms,
    /// The mode that follows.
    pub enters: Option<&'static Mode<S>>,
    pub claim: Claim,
    /// Words that begin like the first keyword and are keywords of other features: no short forms of it.
    pub not_short: &'static [&'static str],
    pub build: Build<S>,
}

impl<S> Command<S> {
    /// A command of all platforms that stays in its mode and claims lines by its first keyword.
    #[must_use]
    pub const fn new(
        syntax: &'static str,
        about: &'static str,
        help: &'static [&'static str],
        build: Build<S>,
    ) -> Self {
        Self {
            syntax,
            about,
            help,
            platforms: Platforms::ALL,
            enters: None,
            claim: Claim::Keyword,
            not_short: &[],
            build,
        }
    }

    #[must_use]
    pub const fn on(mut self, platforms: Platforms) -> Self {
        self.platforms = platforms;
        self
    }

    #[must_use]
    pub const fn enters(mut self, mode: &'static Mode<S>) -> Self {
        self.enters = Some(mode);
        self
    }

    #[must_use]
    pub const fn claims(mut self, claim: Claim) -> Self {
        self.claim = claim;
        self
    }

    #[must_use]
    pub const fn not_short(mut self, words: &'static [&'static str]) -> Self {
        self.not_short = words;
        self
    }

    /// The keywords that every line of this command begins with, a leading `no` left out.
    ///
    /// `class-map type inspect [match-all | match-any]$mode WORD$name` begins with three.
    pub fn leading_keywords(&self) -> impl Iterator<Item = &'static str> + use<S> {
        let words = self.syntax.strip_prefix("[no] ").unwrap_or(self.syntax).split_ascii_whitespace();
        words.take_while(|word| !word.starts_with(['[', '{', '(']) && !word.contains('$'))
    }
}

/// Which lines that do not fit a command are taken for mistyped lines of it, each level with more of
/// them than the one before.
///
/// A configuration has lines of features that no table here knows, so a line that fits no command is
/// not always an error. This says how much of a command must be in a line to make it one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// None: other commands of the device begin with the same keyword.
    Whole,
    /// Lines that fit once one word is corrected to a keyword.
    Corrected,
    /// Lines in the command's own mode that begin with its first keyword, typed in full.
    Keyword,
    /// Lines in any mode that begin with all its leading keywords, typed in full.
    Anywhere,
}

/// What becomes of a line in a mode that none of its commands fits or claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// It is an error: the tables know every command of the mode.
    Error,
    /// It has no effect, with a warning: the mode has commands that the tables do not know.
    Warn,
    /// It is skipped: most commands of the mode serve other features.
    Ignore,
}

// Written out, here and below: a derived one would ask `S: Debug` and follow modes in circles.
impl<S> fmt::Debug for Command<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&self.syntax).finish()
    }
}

/// The commands that may be typed at one prompt, in one or more tables: what each dialect, or each
/// module of one, adds to the mode.
pub struct Mode<S: 'static> {
    /// For lists and documents; code compares modes by address.
    pub name: &'static str,
    /// What follows the host name: `(config-cmap)#`.
    pub prompt: &'static str,
    pub unknown: Unknown,
    pub tables: &'static [&'static [Command<S>]],
    /// The commands merged, made when first needed.
    prefixes: Prefixes,
}

impl<S> Mode<S> {
    /// A mode of these tables, in which an unknown line is an error; [`check`] finds commands that collide.
    #[must_use]
    pub const fn new(
        name: &'static str,
        prompt: &'static str,
        tables: &'static [&'static [Command<S>]],
    ) -> Self {
        Self { name, prompt, unknown: Unknown::Error, tables, prefixes: Prefixes::unbuilt() }
    }

    #[must_use]
    pub const fn unknown(mut self, unknown: Unknown) -> Self {
        self.unknown = unknown;
        self
    }

    /// The commands of all tables, in their order.
    pub fn commands(&self) -> impl Iterator<Item = &'static Command<S>> + use<S> {
        self.tables.iter().copied().flatten()
    }
}

impl<S> fmt::Debug for Mode<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mode").field(&self.name).finish()
    }
}

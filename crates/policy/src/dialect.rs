//! What a line of a configuration can say, in whichever dialect, and what the dialects share.
//!
//! A dialect is a module here with its tables and its statements, and a module `lower` inside it with
//! what each does to the model. The modes to which several dialects add commands are composed here.
//!
//! Adding a statement: a row in its mode's table, a variant of that mode's lines, an arm in `lower`.
//! Adding a dialect: its folder, its tables in the modes below, a variant of [`AnyStatement`], and the arms
//! in `lowering.rs` that the compiler then asks for.

#![deny(clippy::wildcard_enum_match_arm)]

use std::net::SocketAddr;

use grammar::{Command, Matched, Mismatch, Mode, Platforms, Unknown};

use crate::model::{MatchMode, Name};
use crate::platform::Platform;
use crate::source::Span;

pub(crate) mod asa;
pub(crate) mod c3pl;
mod classic;
mod common;
mod lowering;
mod once;
mod own;
pub mod packets;
mod thresholds;

pub(crate) use common::interface_name;
use lowering::{BlockLine, Described};
pub(crate) use lowering::{Lowered, Origin, lower};

/// The mode a file begins in.
pub fn global() -> &'static Mode<AnyStatement> {
    &GLOBAL
}

static GLOBAL: Mode<AnyStatement> = Mode::new(
    "global",
    "(config)#",
    &[
        common::GLOBAL_COMMANDS,
        common::object_group::COMMANDS,
        common::logging::LOGGING_COMMANDS,
        own::GLOBAL_COMMANDS,
        c3pl::GLOBAL_COMMANDS,
        classic::GLOBAL_COMMANDS,
        asa::GLOBAL_COMMANDS,
    ],
)
.unknown(Unknown::Ignore);

static INTERFACE: Mode<AnyStatement> = Mode::new(
    "interface",
    "(config-if)#",
    &[
        common::INTERFACE_COMMANDS,
        c3pl::INTERFACE_COMMANDS,
        classic::INTERFACE_COMMANDS,
        asa::INTERFACE_COMMANDS,
    ],
)
.unknown(Unknown::Ignore);

/// One line, understood, by the dialect whose table it is in; its `no` is kept beside it.
///
/// A line inside a block is of the type of that block's lines, so that each lowering is an exhaustive
/// `match`: a statement that is not lowered does not compile.
#[derive(Clone, Debug)]
pub enum AnyStatement {
    Common(common::Statement),
    Own(own::Statement),
    C3pl(c3pl::Statement),
    Classic(classic::Statement),
    Asa(asa::Statement),
}

impl AnyStatement {
    /// Whether the line configures nothing and leads to the lines that do: `enable`, `configure terminal`.
    pub(crate) const fn leads_to_configuration(&self) -> bool {
        matches!(self, Self::Common(common::Statement::OnTheWay))
    }

    /// Whether no other feature of a device has such a line.
    pub(crate) const fn is_distinctive(&self) -> bool {
        match self {
            Self::Own(statement) => statement.is_distinctive(),
            Self::C3pl(statement) => statement.is_distinctive(),
            Self::Asa(statement) => statement.is_distinctive(),
            Self::Common(_) | Self::Classic(_) => false,
        }
    }

    /// Whether the line is a regular expression, in which an unclosed quote is an error.
    pub(crate) const fn is_pattern(&self) -> bool {
        match self {
            Self::C3pl(statement) => statement.is_pattern(),
            Self::Asa(statement) => statement.is_pattern(),
            Self::Common(_) | Self::Own(_) | Self::Classic(_) => false,
        }
    }
}

/// A line of the block `interface`, to which each dialect adds commands.
#[derive(Clone, Debug)]
pub(crate) enum AnyInterfaceLine {
    Common(common::InterfaceLine),
    C3pl(c3pl::InterfaceLine),
    Classic(classic::InterfaceLine),
    Asa(asa::InterfaceLine),
}

impl BlockLine for AnyInterfaceLine {
    fn of(statement: AnyStatement) -> Option<Self> {
        match statement {
            AnyStatement::Common(_) => common::InterfaceLine::of(statement).map(Self::Common),
            AnyStatement::C3pl(_) => c3pl::InterfaceLine::of(statement).map(Self::C3pl),
            AnyStatement::Classic(_) => classic::InterfaceLine::of(statement).map(Self::Classic),
            AnyStatement::Asa(_) => asa::InterfaceLine::of(statement).map(Self::Asa),
            AnyStatement::Own(_) => None,
        }
    }
}

pub(crate) fn platforms(platform: Platform) -> Platforms {
    match platform {
        Platform::Ios => Platforms::IOS,
        Platform::Asa => Platforms::ASA,
    }
}

impl From<grammar::Span> for Span {
    fn from(span: grammar::Span) -> Self {
        Self::new(span.start, span.end)
    }
}

type Built = Result<AnyStatement, Mismatch>;

/// The way of a statement or line into a table.
fn built(statement: impl Into<AnyStatement>) -> Built {
    Ok(statement.into())
}

/// The command that most blocks have, whatever feature they serve.
pub(crate) const DESCRIPTION: &str = "[no] description [LINE$text]";

/// That command; the first line of its help says of what.
const fn description<L: Described>(help: &'static [&'static str; 2]) -> Command<AnyStatement> {
    let [about, _] = *help;
    Command::new(DESCRIPTION, about, help, |m| built(L::description(text(m, "text"))))
}

/// The word `$key` as typed, or the rest of the line.
fn text(m: &Matched<'_>, key: &str) -> Option<Name> {
    m.word(key).map(|word| Name::new(word.text, word.span.into()))
}

/// The same where the grammar has seen to it that it is there.
fn required_text(m: &Matched<'_>, key: &str) -> Result<Name, Mismatch> {
    text(m, key).ok_or_else(|| Mismatch::Incomplete { expected: vec!["WORD"] })
}

/// The word `$key` as a name. Quotes would let blanks into it, and it is printed without them.
fn maybe_name(m: &Matched<'_>, key: &str) -> Result<Option<Name>, Mismatch> {
    match m.word(key) {
        Some(word) if word.quoted => {
            let help = (!word.text.contains(' ')).then(|| format!("write `{}`", word.text));
            Err(m.invalid(key, "expected a name without quotes").help(help))
        }
        _ => Ok(text(m, key)),
    }
}

fn name(m: &Matched<'_>, key: &str) -> Result<Name, Mismatch> {
    maybe_name(m, key)?.ok_or_else(|| Mismatch::Incomplete { expected: vec!["WORD"] })
}

/// The name `$key`, which only the `no` form may leave out.
fn name_unless_no(m: &Matched<'_>, key: &str) -> Result<Option<Name>, Mismatch> {
    if m.negated() { maybe_name(m, key) } else { name(m, key).map(Some) }
}

fn number(m: &Matched<'_>, key: &str) -> Option<u32> {
    m.number(key).and_then(|number| u32::try_from(number).ok())
}

/// The number `$key`, which only the `no` form may leave out.
fn number_unless_no(m: &Matched<'_>, key: &str, range: &'static str) -> Result<Option<u32>, Mismatch> {
    match number(m, key) {
        None if !m.negated() => Err(Mismatch::Incomplete { expected: vec![range] }),
        number => Ok(number),
    }
}

fn mode_of(m: &Matched<'_>) -> Option<MatchMode> {
    match m.choice("mode") {
        Some("match-all") => Some(MatchMode::All),
        Some("match-any") => Some(MatchMode::Any),
        _ => None,
    }
}

fn address(m: &Matched<'_>, key: &str) -> Result<SocketAddr, Mismatch> {
    let parsed = m.text(key).and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| {
        m.invalid(key, "expected an address with its port, such as `192.0.2.1:25` or `[2001:db8::1]:25`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn the_tables_are_sound() {
        let faults: Vec<String> = grammar::check(global()).iter().map(ToString::to_string).collect();
        assert_eq!(faults, Vec::<String>::new());
    }

    /// A lowering that meets a line of another block reports it, and panics here: so no line of any
    /// table vanishes in silence, because each `match` over the lines of a block is exhaustive.
    #[test]
    fn every_command_of_every_mode_is_lowered_in_its_block() {
        let mut typed = 0;
        for platform in [Platform::Ios, Platform::Asa] {
            for (mode, headers) in with_headers(platforms(platform)) {
                let commands = mode.commands().filter(|it| it.platforms.intersects(platforms(platform)));
                for line in commands.flat_map(|command| samples(command.syntax)) {
                    let marks = match platform {
                        Platform::Ios => "mailwarden\n platform ios\n",
                        Platform::Asa => "mailwarden\n platform asa\n",
                    };
                    let text = format!("{marks}{}{line}\n", headers.concat());
                    let resolved = grammar::resolve(mode, platforms(platform), &grammar::words(&line));
                    assert!(resolved.is_ok_and(|it| it.build().is_ok()), "{line}");
                    let loaded = crate::load("sample", text.as_bytes());
                    if loaded.diagnostics.iter().any(|it| it.code == Code::OtherPlatform) {
                        continue;
                    }
                    let outside = loaded.diagnostics.iter().find(|it| it.code == Code::OutsideBlock);
                    assert!(outside.is_none(), "{text}: {outside:?}");
                    typed += 1;
                }
            }
        }
        assert!(typed > 200, "{typed}");
    }

    /// Every mode of a platform, with the lines that lead into it.
    fn with_headers(on: Platforms) -> Vec<(&'static Mode<AnyStatement>, Vec<String>)> {
        let mut found: Vec<(&'static Mode<AnyStatement>, Vec<String>)> = vec![(global(), Vec::new())];
        let mut next = 0;
        while let Some((mode, headers)) = found.get(next).cloned() {
            next += 1;
            for command in mode.commands().filter(|command| command.platforms.intersects(on)) {
                let Some(entered) = command.enters else { continue };
                if found.iter().all(|(known, _)| !std::ptr::eq(*known, entered)) {
                    let mut headers = headers.clone();
                    headers.push(format!("{}\n", samples(command.syntax)[0]));
                    found.push((entered, headers));
                }
            }
        }
        found
    }

    /// A line that fits a syntax and, if there is one, its `no` form.
    fn samples(syntax: &str) -> Vec<String> {
        let (no, syntax) = syntax.strip_prefix("[no] ").map_or((false, syntax), |rest| (true, rest));
        let mut words = Vec::new();
        let mut depth = 0;
        let mut skipping = false;
        let spaced = syntax.replace(['[', '{'], " { ").replace([']', '}'], " } ");
        for word in spaced.split_ascii_whitespace() {
            match word {
                "{" => depth += 1,
                "}" => (depth, skipping) = (depth - 1, false),
                // The first of several alternatives.
                "|" => skipping = true,
                _ if skipping || word.starts_with('$') => {}
                _ => words.push(match word.split_once('$') {
                    None => word,
                    Some((_, "address")) => "192.0.2.1:25",
                    Some((_, "network")) => "192.0.2.0/24",
                    Some((_, "host")) => "192.0.2.1",
                    Some((_, "syslog")) => "udp/514",
                    Some((_, "hours")) => "1",
                    Some((_, "parameters")) => "dsn",
                    Some((_, "encodings")) => "base64",
                    Some((_, "port" | "ports" | "low" | "high")) => "25",
                    Some(("A.B.C.D", _)) => "192.0.2.1",
                    Some(("WORD", "level")) => "security50",
                    Some((_, "embryonic" | "half-closed" | "idle")) => "1:00:00",
                    Some((range, _)) if range.starts_with('(') => {
                        range[1..].split('-').next().unwrap_or_default()
                    }
                    Some(_) => "x",
                }),
            }
        }
        assert_eq!(depth, 0, "{syntax}");
        let line = words.join(" ");
        if no { vec![line.clone(), format!("no {line}")] } else { vec![line] }
    }
}

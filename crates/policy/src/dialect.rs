//! What a line of a configuration can say, in whichever dialect: the modes and their tables are in
//! the folder, one `Statement` is for all.
//!
//! Adding a statement: a row in its mode's table, a variant here, an arm in its lowering.

use std::net::SocketAddr;

use grammar::{Command, Matched, Mismatch, Mode, Platforms, Unknown};

use crate::model::{
    AccessListForm, Action, Conformance, Criterion, L3Condition, Limits, MatchMode, Name, Protocol,
    RecipientLimit, Refusals, StartTls, TopAction,
};
use crate::platform::Platform;
use crate::source::Span;

pub(crate) mod c3pl;
mod common;
mod own;

pub(crate) use common::interface_name;

/// The mode a file begins in.
pub fn global() -> &'static Mode<Statement> {
    &GLOBAL
}

static GLOBAL: Mode<Statement> =
    Mode::new("global", "(config)#", &[common::GLOBAL_COMMANDS, own::GLOBAL_COMMANDS, c3pl::GLOBAL_COMMANDS])
        .unknown(Unknown::Ignore);

static INTERFACE: Mode<Statement> =
    Mode::new("interface", "(config-if)#", &[common::INTERFACE_COMMANDS, c3pl::INTERFACE_COMMANDS])
        .unknown(Unknown::Ignore);

/// One line, understood; its `no` is kept beside it.
#[derive(Clone, Debug)]
pub enum Statement {
    /// `enable`, `configure terminal`: said on the way to the configuration.
    OnTheWay,
    Hostname(Option<Name>),
    LogFile(Option<Name>),
    Description(Option<Name>),

    RegexMap(Name),
    Pattern(Name),
    InspectMap {
        name: Name,
        rest: Option<Name>,
    },
    Limit {
        set: fn(&mut Limits, Option<u32>),
        value: Option<u32>,
    },
    Switch {
        set: fn(&mut Limits, Option<bool>),
        on: Option<bool>,
    },
    HostLimit(Option<(u32, u32)>),

    L7Class {
        name: Name,
        mode: Option<MatchMode>,
    },
    SmtpMatch {
        criterion: Criterion,
        negated: bool,
    },
    L3Class {
        name: Name,
        mode: Option<MatchMode>,
    },
    InspectMatch(L3Condition),

    L7Policy(Name),
    L7Rule(Name),
    Log,
    SmtpAction(Action),
    /// `inspect` where an action on mail is expected.
    SmtpInspect,
    L3Policy(Name),
    L3Rule(Name),
    /// `class class-default`.
    DefaultRule,
    TopAction(TopAction),
    NestedPolicy {
        protocol: Name,
        policy: Option<Name>,
    },
    Police(Option<(u64, u64)>),

    Zone(Name),
    ZonePair {
        name: Name,
        ends: Option<(Name, Name)>,
    },
    /// `service-policy type inspect`, of a zone-pair or a proxy.
    ServicePolicy(Option<Name>),
    ProxySmtpPolicy(Option<Name>),
    Interface(Name),
    ZoneMember(Option<Name>),
    LinuxInterface(Option<Name>),

    AccessListLine {
        name: Name,
        entry: Option<Name>,
    },
    AccessList {
        form: AccessListForm,
        name: Name,
    },
    AccessListEntry(Name),
    Remark,

    Mailwarden,
    Setting(Setting),
    Proxy(Name),
    Listen(SocketAddr),
    Server(SocketAddr),
    ProxyProtocol(Option<Protocol>),
    ProxyParameters(Option<Name>),
    /// `inspect esmtp [MAP]` of the ASA in a proxy.
    InspectEsmtp,
    /// `ip inspect RULE` of classic IOS in a proxy.
    IpInspect,
}

/// One line of the `mailwarden` block.
#[derive(Clone, Debug)]
pub enum Setting {
    Platform(Platform),
    Workers(u16),
    Conformance(Conformance),
    Refusals(Refusals),
    StartTls(StartTls),
    RecipientLimit(RecipientLimit),
    ControlSocket(Option<Name>),
    Metrics(Option<SocketAddr>),
    EventsJson(Option<Name>),
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

type Built = Result<Statement, Mismatch>;

/// The command that most blocks have; the first line of its help says of what.
const fn description(help: &'static [&'static str; 2]) -> Command<Statement> {
    let [about, _] = *help;
    Command::new("[no] description [LINE$text]", about, help, |m| Ok(Statement::Description(text(m, "text"))))
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
        Some(word) if word.quoted => Err(m.invalid(key, "expected a name without quotes")),
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
    #[test]
    fn the_tables_are_sound() {
        let faults: Vec<String> = grammar::check(super::global()).iter().map(ToString::to_string).collect();
        assert_eq!(faults, Vec::<String>::new());
    }
}

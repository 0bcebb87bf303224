//! The command tables of C3PL: class-maps, policy-maps and parameter-maps of type inspect, zones and
//! zone-pairs.
//!
//! Sub-modes of maps are in the folder. What statements do to the model is in `lower.rs`.

use grammar::{Claim, Command, Matched, Mode, Platforms, Unknown};

use super::lowering::{block_lines, described};
use super::{Built, built, description, maybe_name, mode_of, name, name_unless_no, text};
use crate::model::{Action, Criterion, L3Condition, Limits, MatchMode, Name, Protocol, TopAction};
pub(crate) use class::{ENCODINGS, UNKNOWN_ENCODING};
use class::{INSPECT_CLASS, MAILBOX_CLASS, SMTP_CLASS};
use parameter::{INSPECT_MAP, REGEX_MAP};
use policy::{INSPECT_POLICY, MAILBOX_POLICY, SMTP_POLICY};

mod class;
pub(super) mod lower;
mod parameter;
mod policy;

#[derive(Clone, Debug)]
pub enum Statement {
    RegexMap(Name),
    InspectMap {
        name: Name,
        /// A command of the map on the line of its header.
        rest: Option<Name>,
    },
    L7Class {
        protocol: Protocol,
        name: Name,
        mode: Option<MatchMode>,
    },
    L3Class {
        name: Name,
        mode: Option<MatchMode>,
    },
    L7Policy(Protocol, Name),
    L3Policy(Name),
    Zone(Name),
    ZonePair {
        name: Name,
        /// Source and destination; `None` opens a pair that exists.
        ends: Option<(Name, Name)>,
    },
    Line(InnerLine),
}

impl Statement {
    /// Whether no other feature of a device has such a line.
    pub(super) const fn is_distinctive(&self) -> bool {
        let Self::Line(line) = self else { return false };
        if let InnerLine::L7Class(L7ClassLine::Match { criterion, .. }) = line {
            return !matches!(criterion, Criterion::Protocol);
        }
        matches!(line, InnerLine::L7Rule(L7RuleLine::Action(Action::Mask)))
    }

    pub(super) const fn is_pattern(&self) -> bool {
        matches!(self, Self::Line(InnerLine::RegexMap(RegexMapLine::Pattern(_))))
    }
}

#[derive(Clone, Debug)]
pub enum RegexMapLine {
    Pattern(Name),
    /// `pattern file FILE`.
    File(Name),
}

#[derive(Clone, Debug)]
pub enum InspectMapLine {
    Limit {
        set: fn(&mut Limits, Option<u32>),
        value: Option<u32>,
    },
    Switch {
        set: fn(&mut Limits, Option<bool>),
        on: Option<bool>,
    },
    /// Half-open sessions of one host, and minutes for which it is blocked.
    HostLimit(Option<(u32, u32)>),
    /// Failed logins, and minutes for which a client or an account is blocked.
    LoginLimit(Option<(u32, u32)>),
}

#[derive(Clone, Debug)]
pub enum L7ClassLine {
    Description(Option<Name>),
    Match {
        criterion: Criterion,
        /// `match not`.
        negated: bool,
    },
}

#[derive(Clone, Debug)]
pub enum L7PolicyLine {
    Description(Option<Name>),
    Class(Name),
}

#[derive(Clone, Debug)]
pub enum L7RuleLine {
    Log,
    Action(Action),
    /// The class is not inspected; the action of an L3 policy, which some guides write here.
    Inspect,
}

#[derive(Clone, Debug)]
pub enum L3ClassLine {
    Description(Option<Name>),
    Match(L3Condition),
}

#[derive(Clone, Debug)]
pub enum L3PolicyLine {
    Description(Option<Name>),
    Class(Name),
    ClassDefault,
}

#[derive(Clone, Debug)]
pub enum L3RuleLine {
    Action(TopAction),
    ServicePolicy {
        protocol: Name,
        policy: Option<Name>,
    },
    /// Bits per second, and bytes of a burst.
    Police(Option<(u64, u64)>),
}

#[derive(Clone, Debug)]
pub enum ZoneLine {
    Description(Option<Name>),
}

#[derive(Clone, Debug)]
pub enum ZonePairLine {
    Description(Option<Name>),
    ServicePolicy(Option<Name>),
}

#[derive(Clone, Debug)]
pub enum InterfaceLine {
    ZoneMember(Option<Name>),
}

block_lines!(C3pl: RegexMap(RegexMapLine), InspectMap(InspectMapLine), L7Class(L7ClassLine), L7Policy(L7PolicyLine), L7Rule(L7RuleLine), L3Class(L3ClassLine), L3Policy(L3PolicyLine), L3Rule(L3RuleLine), Zone(ZoneLine), ZonePair(ZonePairLine), Interface(InterfaceLine));
described!(L7ClassLine, L7PolicyLine, L3ClassLine, L3PolicyLine, ZoneLine, ZonePairLine);

pub(super) static GLOBAL_COMMANDS: &[Command<super::AnyStatement>] = &[
    Command::new(
        "[no] parameter-map type regex WORD$name",
        "Define a list of regular expressions",
        &["A parameter-map", "Its type", "Regular expressions", "Name"],
        |m| built(Statement::RegexMap(name(m, "name")?)),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&REGEX_MAP),
    Command::new(
        "[no] parameter-map type inspect WORD$name [LINE$rest]",
        "Define timers and session limits",
        &["", "", "Timers and limits", "Name", "A command of the map"],
        |m| built(Statement::InspectMap { name: name(m, "name")?, rest: text(m, "rest") }),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&INSPECT_MAP),
    Command::new(
        "[no] class-map type inspect {pop3 | imap}$protocol [match-all | match-any]$mode WORD$name",
        "Define a class of POP3 or IMAP commands",
        &[
            "",
            "",
            "",
            "A POP3 class",
            "An IMAP class",
            "All conditions must hold",
            "One condition must hold",
            "Name",
        ],
        |m| built(Statement::L7Class { protocol: mailbox(m), name: name(m, "name")?, mode: mode_of(m) }),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&MAILBOX_CLASS)
    // `class` begins lines of policies.
    .not_short(&["class"]),
    Command::new(
        "[no] class-map type inspect smtp [match-all | match-any]$mode WORD$name",
        "Define a class of SMTP traffic by what it contains",
        &[
            "A class-map",
            "Its type",
            "A class for inspection",
            "An SMTP class",
            "All conditions must hold",
            "One condition must hold",
            "Name",
        ],
        |m| built(Statement::L7Class { protocol: Protocol::Smtp, name: name(m, "name")?, mode: mode_of(m) }),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&SMTP_CLASS)
    // `class` begins lines of policies.
    .not_short(&["class"]),
    Command::new(
        "[no] class-map type inspect [match-all | match-any]$mode WORD$name",
        "Define a class of traffic by protocol and address",
        &["", "", "", "All conditions must hold", "One condition must hold", "Name"],
        |m| built(Statement::L3Class { name: name(m, "name")?, mode: mode_of(m) }),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&INSPECT_CLASS)
    // `class` begins lines of policies.
    .not_short(&["class"]),
    Command::new(
        "[no] policy-map type inspect {pop3 | imap}$protocol WORD$name",
        "Define the actions for classes of POP3 or IMAP commands",
        &["", "", "", "A POP3 policy", "An IMAP policy", "Name"],
        |m| built(Statement::L7Policy(mailbox(m), name(m, "name")?)),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&MAILBOX_POLICY),
    Command::new(
        "[no] policy-map type inspect smtp WORD$name",
        "Define the actions for classes of SMTP traffic",
        &["A policy-map", "Its type", "An inspection policy", "An SMTP policy", "Name"],
        |m| built(Statement::L7Policy(Protocol::Smtp, name(m, "name")?)),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&SMTP_POLICY),
    Command::new(
        "[no] policy-map type inspect WORD$name",
        "Define which classes of traffic are inspected, passed or dropped",
        &["", "", "", "Name"],
        |m| built(Statement::L3Policy(name(m, "name")?)),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&INSPECT_POLICY),
    Command::new(
        "[no] zone security WORD$name",
        "Define a security zone",
        &["A zone", "A security zone", "Name"],
        |m| built(Statement::Zone(name(m, "name")?)),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&ZONE),
    Command::new(
        "[no] zone-pair security WORD$name [source WORD$source destination WORD$destination]",
        "Define traffic from one zone to another",
        &[
            "A pair of zones",
            "A security zone-pair",
            "Name",
            "Source of the traffic",
            "Zone",
            "Destination of the traffic",
            "Zone",
        ],
        zone_pair,
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&ZONE_PAIR),
];

/// The protocol of a mailbox that the header of a block names.
fn mailbox(m: &Matched<'_>) -> Protocol {
    if m.choice("protocol") == Some("imap") { Protocol::Imap } else { Protocol::Pop3 }
}

fn zone_pair(m: &Matched<'_>) -> Built {
    let ends = maybe_name(m, "source")?.zip(maybe_name(m, "destination")?);
    if ends.is_none() && !m.negated() {
        // An existing pair may be opened again by its name alone; lowering knows whether it exists.
        return built(Statement::ZonePair { name: name(m, "name")?, ends: None });
    }
    built(Statement::ZonePair { name: name(m, "name")?, ends })
}

static ZONE: Mode<super::AnyStatement> = Mode::new(
    "zone",
    "(config-sec-zone)#",
    &[&[description::<ZoneLine>(&["Describe the zone", "Up to 200 characters"])]],
)
.unknown(Unknown::Warn);

static ZONE_PAIR: Mode<super::AnyStatement> = Mode::new(
    "zone-pair",
    "(config-sec-zone-pair)#",
    &[&[
        description::<ZonePairLine>(&["Describe the zone-pair", "Up to 200 characters"]),
        Command::new(
            "[no] service-policy type inspect [WORD$policy]",
            "Apply a policy to the traffic of this pair",
            &["Enforce a policy", "Its type", "An inspection policy", "Name of the policy-map"],
            |m| built(ZonePairLine::ServicePolicy(name_unless_no(m, "policy")?)),
        )
        .claims(Claim::Whole),
    ]],
);

pub(super) static INTERFACE_COMMANDS: &[Command<super::AnyStatement>] = &[Command::new(
    "[no] zone-member security [WORD$zone]",
    "Assign the interface to a zone",
    &["Put the interface into a zone", "A security zone", "Name"],
    |m| built(InterfaceLine::ZoneMember(name_unless_no(m, "zone")?)),
)
.claims(Claim::Anywhere)
.on(Platforms::IOS)];

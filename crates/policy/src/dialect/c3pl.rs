//! The command tables of C3PL: class-maps, policy-maps and parameter-maps of type inspect, zones and
//! zone-pairs.
//!
//! Sub-modes of maps are in the folder. What statements do to the model is in `lower.rs`.

use grammar::{Claim, Command, Matched, Mode, Platforms, Unknown};

use super::{Built, Statement, description, maybe_name, mode_of, name, name_unless_no, text};
pub(crate) use class::{ENCODINGS, UNKNOWN_ENCODING};
use class::{INSPECT_CLASS, SMTP_CLASS};
use parameter::{INSPECT_MAP, REGEX_MAP};
use policy::{INSPECT_POLICY, SMTP_POLICY};

mod class;
pub(crate) mod lower;
mod parameter;
mod policy;

pub(super) static GLOBAL_COMMANDS: &[Command<Statement>] = &[
    Command::new(
        "[no] parameter-map type regex WORD$name",
        "Define a list of regular expressions",
        &["A parameter-map", "Its type", "Regular expressions", "Name"],
        |m| name(m, "name").map(Statement::RegexMap),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&REGEX_MAP),
    Command::new(
        "[no] parameter-map type inspect WORD$name [LINE$rest]",
        "Define timers and session limits",
        &["", "", "Timers and limits", "Name", "A command of the map"],
        |m| Ok(Statement::InspectMap { name: name(m, "name")?, rest: text(m, "rest") }),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&INSPECT_MAP),
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
        |m| Ok(Statement::L7Class { name: name(m, "name")?, mode: mode_of(m) }),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&SMTP_CLASS),
    Command::new(
        "[no] class-map type inspect [match-all | match-any]$mode WORD$name",
        "Define a class of traffic by protocol and address",
        &["", "", "", "All conditions must hold", "One condition must hold", "Name"],
        |m| Ok(Statement::L3Class { name: name(m, "name")?, mode: mode_of(m) }),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&INSPECT_CLASS),
    Command::new(
        "[no] policy-map type inspect smtp WORD$name",
        "Define the actions for classes of SMTP traffic",
        &["A policy-map", "Its type", "An inspection policy", "An SMTP policy", "Name"],
        |m| name(m, "name").map(Statement::L7Policy),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&SMTP_POLICY),
    Command::new(
        "[no] policy-map type inspect WORD$name",
        "Define which classes of traffic are inspected, passed or dropped",
        &["", "", "", "Name"],
        |m| name(m, "name").map(Statement::L3Policy),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS)
    .enters(&INSPECT_POLICY),
    Command::new(
        "[no] zone security WORD$name",
        "Define a security zone",
        &["A zone", "A security zone", "Name"],
        |m| name(m, "name").map(Statement::Zone),
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

fn zone_pair(m: &Matched<'_>) -> Built {
    let ends = maybe_name(m, "source")?.zip(maybe_name(m, "destination")?);
    if ends.is_none() && !m.negated() {
        // An existing pair may be opened again by its name alone; lowering knows whether it exists.
        return Ok(Statement::ZonePair { name: name(m, "name")?, ends: None });
    }
    Ok(Statement::ZonePair { name: name(m, "name")?, ends })
}

static ZONE: Mode<Statement> = Mode::new(
    "zone",
    "(config-sec-zone)#",
    &[&[description(&["Describe the zone", "Up to 200 characters"])]],
)
.unknown(Unknown::Warn);

static ZONE_PAIR: Mode<Statement> = Mode::new(
    "zone-pair",
    "(config-sec-zone-pair)#",
    &[&[
        description(&["Describe the zone-pair", "Up to 200 characters"]),
        Command::new(
            "[no] service-policy type inspect [WORD$policy]",
            "Apply a policy to the traffic of this pair",
            &["Enforce a policy", "Its type", "An inspection policy", "Name of the policy-map"],
            |m| name_unless_no(m, "policy").map(Statement::ServicePolicy),
        )
        .claims(Claim::Whole),
    ]],
);

pub(super) static INTERFACE_COMMANDS: &[Command<Statement>] = &[Command::new(
    "[no] zone-member security [WORD$zone]",
    "Assign the interface to a zone",
    &["Put the interface into a zone", "A security zone", "Name"],
    |m| name_unless_no(m, "zone").map(Statement::ZoneMember),
)
.on(Platforms::IOS)];

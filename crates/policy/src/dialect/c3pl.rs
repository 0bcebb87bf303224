//! The command tables of C3PL: class-maps, policy-maps and parameter-maps of type inspect, zones,
//! zone-pairs, and the statements around them.
//!
//! Sub-modes of maps are in the folder. What statements do to the model is in `lower.rs`.

use grammar::{Command, Matched, Mismatch, Mode, Platforms};

use super::own::{MAILWARDEN, PROXY};
use super::{
    Built, Statement, description, interface_name, maybe_name, mode_of, name, name_unless_no, required_text,
    text,
};
use crate::model::{AccessListForm, Name};
use class::{INSPECT_CLASS, SMTP_CLASS};
use parameter::{INSPECT_MAP, REGEX_MAP};
use policy::{INSPECT_POLICY, SMTP_POLICY};

mod class;
pub(crate) mod lower;
mod parameter;
mod policy;

pub(super) static GLOBAL: Mode<Statement> = Mode::new(
    "global",
    "(config)#",
    &[&[
        Command::new(
            "enable",
            "Enter privileged mode; accepted so that a terminal log can be read",
            &["Turn on privileged commands"],
            |_| Ok(Statement::OnTheWay),
        ),
        Command::new(
            "configure [terminal]",
            "Enter configuration mode; accepted so that a terminal log can be read",
            &["Enter configuration mode", "Configure from the terminal"],
            |_| Ok(Statement::OnTheWay),
        ),
        Command::new(
            "[no] hostname [WORD$name]",
            "Set the name of this system, as it appears in the prompt and in messages",
            &["Name of this system", "Name"],
            |m| hostname(m).map(Statement::Hostname),
        ),
        Command::new(
            "[no] logging file [WORD$path]",
            "Write syslog messages to a file instead of standard error",
            &["Where messages go", "Write messages to a file instead of stderr", "Path"],
            |m| name_unless_no(m, "path").map(Statement::LogFile),
        ),
        Command::new("[no] mailwarden", "Configure this program", &["Settings of this program"], |_| {
            Ok(Statement::Mailwarden)
        })
        .enters(&MAILWARDEN),
        Command::new(
            "[no] proxy WORD$name",
            "Define a proxy: a listener that relays mail to servers",
            &["A listener in front of mail servers", "Name"],
            |m| name(m, "name").map(Statement::Proxy),
        )
        .enters(&PROXY),
        Command::new(
            "[no] parameter-map type regex WORD$name",
            "Define a list of regular expressions",
            &["A parameter-map", "Its type", "Regular expressions", "Name"],
            |m| name(m, "name").map(Statement::RegexMap),
        )
        .on(Platforms::IOS)
        .enters(&REGEX_MAP),
        Command::new(
            "[no] parameter-map type inspect WORD$name [LINE$rest]",
            "Define timers and session limits",
            &["", "", "Timers and limits", "Name", "A command of the map"],
            |m| Ok(Statement::InspectMap { name: name(m, "name")?, rest: text(m, "rest") }),
        )
        .on(Platforms::IOS)
        .enters(&INSPECT_MAP),
        Command::new(
            "[no] class-map type inspect smtp [match-all | match-any]$mode WORD$name",
            "Define a class of SMTP traffic by what it contains",
            &[
                "A class-map",
                "Its type",
                "A class for inspection",
                "A class of mail",
                "All conditions must hold",
                "One condition must hold",
                "Name",
            ],
            |m| Ok(Statement::L7Class { name: name(m, "name")?, mode: mode_of(m) }),
        )
        .on(Platforms::IOS)
        .enters(&SMTP_CLASS),
        Command::new(
            "[no] class-map type inspect [match-all | match-any]$mode WORD$name",
            "Define a class of traffic by protocol and address",
            &["", "", "", "All conditions must hold", "One condition must hold", "Name"],
            |m| Ok(Statement::L3Class { name: name(m, "name")?, mode: mode_of(m) }),
        )
        .on(Platforms::IOS)
        .enters(&INSPECT_CLASS),
        Command::new(
            "[no] policy-map type inspect smtp WORD$name",
            "Define the actions for classes of SMTP traffic",
            &["A policy-map", "Its type", "An inspection policy", "A policy on mail", "Name"],
            |m| name(m, "name").map(Statement::L7Policy),
        )
        .on(Platforms::IOS)
        .enters(&SMTP_POLICY),
        Command::new(
            "[no] policy-map type inspect WORD$name",
            "Define which classes of traffic are inspected, passed or dropped",
            &["", "", "", "Name"],
            |m| name(m, "name").map(Statement::L3Policy),
        )
        .on(Platforms::IOS)
        .enters(&INSPECT_POLICY),
        Command::new(
            "[no] zone security WORD$name",
            "Define a security zone",
            &["A zone", "A security zone", "Name"],
            |m| name(m, "name").map(Statement::Zone),
        )
        .on(Platforms::IOS)
        .enters(&ZONE),
        Command::new(
            "[no] zone-pair security WORD$name [source WORD$source destination WORD$destination]",
            "Define traffic from one zone to another",
            &[
                "A pair of zones",
                "A security zone-pair",
                "Name",
                "Where the traffic comes from",
                "Zone",
                "Where the traffic goes to",
                "Zone",
            ],
            zone_pair,
        )
        .on(Platforms::IOS)
        .enters(&ZONE_PAIR),
        Command::new("[no] interface LINE$name", "Configure an interface", &["An interface", "Name"], |m| {
            let line = required_text(m, "name")?;
            Ok(Statement::Interface(Name::new(interface_name(line.text.split_ascii_whitespace()), line.at)))
        })
        .enters(&INTERFACE),
        Command::new(
            "[no] access-list WORD$name [LINE$entry]",
            "Add an entry to an access list",
            &["An access list", "Number or name", "permit or deny, and what"],
            |m| Ok(Statement::AccessListLine { name: name(m, "name")?, entry: text(m, "entry") }),
        )
        .on(Platforms::IOS),
        Command::new(
            "[no] ip access-list {standard | extended}$form WORD$name",
            "Define an IPv4 access list",
            &["IP", "A named access list", "By source address", "By protocol, addresses and ports", "Name"],
            access_list,
        )
        .on(Platforms::IOS)
        .enters(&ACCESS_LIST),
        Command::new(
            "[no] ipv6 access-list WORD$name",
            "Define an IPv6 access list",
            &["IPv6", "A named access list", "Name"],
            |m| Ok(Statement::AccessList { form: AccessListForm::V6, name: name(m, "name")? }),
        )
        .on(Platforms::IOS)
        .enters(&ACCESS_LIST),
    ]],
);

/// Some write it in quotes, which are no part of it.
fn hostname(m: &Matched<'_>) -> Result<Option<Name>, Mismatch> {
    match m.word("name") {
        Some(word) if word.quoted && (word.text.is_empty() || word.text.contains(char::is_whitespace)) => {
            Err(m.invalid("name", "expected a name without blanks"))
        }
        Some(word) => Ok(Some(Name::new(word.text, word.span.into()))),
        None => name_unless_no(m, "name"),
    }
}

fn zone_pair(m: &Matched<'_>) -> Built {
    let ends = maybe_name(m, "source")?.zip(maybe_name(m, "destination")?);
    if ends.is_none() && !m.negated() {
        // An existing pair may be opened again by its name alone; lowering knows whether it exists.
        return Ok(Statement::ZonePair { name: name(m, "name")?, ends: None });
    }
    Ok(Statement::ZonePair { name: name(m, "name")?, ends })
}

fn access_list(m: &Matched<'_>) -> Built {
    let extended = m.choice("form") == Some("extended");
    let form = if extended { AccessListForm::Extended } else { AccessListForm::Standard };
    Ok(Statement::AccessList { form, name: name(m, "name")? })
}

static ZONE: Mode<Statement> = Mode::new(
    "zone",
    "(config-sec-zone)#",
    &[&[description(&["Describe the zone", "Up to 200 characters"])]],
);

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
        ),
    ]],
);

static INTERFACE: Mode<Statement> = Mode::new(
    "interface",
    "(config-if)#",
    &[&[
        description(&["Describe the interface", "Up to 200 characters"]),
        Command::new(
            "[no] zone-member security [WORD$zone]",
            "Assign the interface to a zone",
            &["Put the interface into a zone", "A security zone", "Name"],
            |m| name_unless_no(m, "zone").map(Statement::ZoneMember),
        )
        .on(Platforms::IOS),
        Command::new(
            "[no] linux-interface [WORD$name]",
            "Name the interface of this system that takes the place of the configured one",
            &["The interface of this system that a migrated name stands for", "Name"],
            |m| name_unless_no(m, "name").map(Statement::LinuxInterface),
        ),
    ]],
);

static ACCESS_LIST: Mode<Statement> = Mode::new(
    "access-list",
    "(config-ext-nacl)#",
    &[&[
        Command::new(
            "[no] [(1-4294967295)$sequence] {permit | deny}$action LINE$rest",
            "Add an entry",
            &["Place in the list", "Let it pass", "Refuse it", "What"],
            access_list_entry,
        ),
        Command::new(
            "[no] sequence (1-4294967295)$number {permit | deny}$action LINE$rest",
            "Add an entry at a place",
            &["Place in the list", "Number", "Let it pass", "Refuse it", "What"],
            access_list_entry,
        ),
        Command::new("[no] remark [LINE$text]", "Add a comment", &["A comment", "Text"], |_| {
            Ok(Statement::Remark)
        }),
    ]],
);

/// From `permit` or `deny` on, one blank between the words.
fn access_list_entry(m: &Matched<'_>) -> Built {
    let rest = required_text(m, "rest")?;
    let action = m.choice("action").unwrap_or("deny");
    Ok(Statement::AccessListEntry(entry(action, &rest)))
}

pub(super) fn entry(action: &str, rest: &Name) -> Name {
    let words: Vec<&str> = std::iter::once(action).chain(rest.text.split_ascii_whitespace()).collect();
    Name::new(words.join(" "), rest.at)
}

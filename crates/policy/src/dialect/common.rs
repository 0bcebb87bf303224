//! What the dialects share: the name of the system, where messages go, interfaces, access lists.
//!
//! The mode of an interface is composed in `dialect.rs`, because each dialect adds commands to it.

use grammar::{Claim, Command, Matched, Mismatch, Mode, Platforms, Unknown};

use super::lowering::{block_lines, described};
use super::{Built, INTERFACE, built, description, name, name_unless_no, number, required_text};
use crate::model::{Access, AccessListForm, Name};

pub(super) mod entry;
pub(super) mod logging;
pub(super) mod lower;
pub(super) mod object_group;

#[derive(Clone, Debug)]
pub enum Statement {
    /// `enable`, `configure terminal`: they lead to the configuration.
    OnTheWay,
    Hostname(Option<Name>),
    LogFile(Option<Name>),
    Logging(logging::LoggingLine),
    Interface(Name),
    /// `access-list NAME {permit | deny} …`.
    AccessListLine {
        name: Name,
        entry: EntryText,
    },
    /// `no access-list NAME`.
    NumberedAccessList(Name),
    /// A remark, another kind of list, or a setting of all of them.
    AccessListOther,
    AccessList {
        form: AccessListForm,
        name: Name,
    },
    Line(InnerLine),
}

#[derive(Clone, Debug)]
pub enum InterfaceLine {
    Description(Option<Name>),
    LinuxInterface(Option<Name>),
}

#[derive(Clone, Debug)]
pub enum AccessListLine {
    Entry {
        sequence: Option<u32>,
        entry: EntryText,
    },
    /// The number of an entry, of which only the `no` form means anything.
    Sequence(u32),
    Remark,
}

/// `permit` or `deny`, and what follows it; the list says how that is read.
#[derive(Clone, Debug)]
pub struct EntryText {
    access: Access,
    rest: Name,
}

block_lines!(Common: Interface(InterfaceLine), AccessList(AccessListLine));
described!(InterfaceLine);

pub(super) static GLOBAL_COMMANDS: &[Command<super::AnyStatement>] = &[
    Command::new(
        "enable",
        "Enter privileged mode; accepted so that a terminal log can be read",
        &["Turn on privileged commands"],
        |_| built(Statement::OnTheWay),
    )
    .claims(Claim::Whole),
    Command::new(
        "configure [terminal]",
        "Enter configuration mode; accepted so that a terminal log can be read",
        &["Enter configuration mode", "Configure from the terminal"],
        |_| built(Statement::OnTheWay),
    )
    .claims(Claim::Whole),
    Command::new(
        "[no] hostname [WORD$name]",
        "Set the name of this system, as it appears in the prompt and in messages",
        &["Name of this system", "Name"],
        |m| built(Statement::Hostname(hostname(m)?)),
    )
    .claims(Claim::Corrected)
    // `host 192.0.2.1` is a line of many blocks.
    .not_short(&["host"]),
    Command::new(
        "[no] logging file [WORD$path]",
        "Write syslog messages to a file instead of standard error",
        &["Message output", "Write messages to a file instead of stderr", "Path"],
        |m| built(Statement::LogFile(name_unless_no(m, "path")?)),
    )
    .claims(Claim::Whole),
    Command::new("[no] interface LINE$name", "Configure an interface", &["An interface", "Name"], |m| {
        let line = required_text(m, "name")?;
        built(Statement::Interface(Name::new(interface_name(line.text.split_ascii_whitespace()), line.at)))
    })
    .claims(Claim::Corrected)
    .enters(&INTERFACE),
    Command::new(
        "[no] access-list WORD$name {permit | deny}$action LINE$rest",
        "Add an entry to an access list; with `no`: remove the list",
        &["An access list", "Number or name", "Allow it", "Deny it", "Traffic"],
        access_list_line,
    )
    .on(Platforms::IOS)
    .claims(Claim::Anywhere),
    Command::new(
        "[no] access-list WORD$name {remark | dynamic} [LINE$other]",
        "Skipped: a remark, or an entry that a login fills in",
        &["", "Number or name", "A comment", "What a login lets through", "The rest of the line"],
        |_| built(Statement::AccessListOther),
    )
    .on(Platforms::IOS)
    .claims(Claim::Whole),
    Command::new(
        "[no] access-list {compiled | dynamic-extended | rate-limit} [LINE$other]",
        "Skipped: settings of all access lists, and lists of another kind",
        &["", "Compile the lists", "Let clients stay longer", "By precedence, for rate limits", "The rest of the line"],
        |_| built(Statement::AccessListOther),
    )
    .on(Platforms::IOS)
    .claims(Claim::Whole),
    Command::new("no access-list WORD$name", "Remove an access list", &["", "Number or name"], |m| {
        built(Statement::NumberedAccessList(name(m, "name")?))
    })
    .on(Platforms::IOS)
    .claims(Claim::Whole),
    Command::new(
        "[no] ip access-list {standard | extended}$form WORD$name",
        "Define an IPv4 access list",
        &["IP", "A named access list", "By source address", "By protocol, addresses and ports", "Name"],
        access_list,
    )
    .claims(Claim::Corrected)
    .on(Platforms::IOS)
    .enters(&ACCESS_LIST),
    Command::new(
        "[no] ip access-list {{helper | log-update | logging | resequence} LINE$other | match-local-traffic | persistent}",
        "Skipped: settings of all access lists",
        &[
            "",
            "",
            "For helper addresses",
            "Packets between messages",
            "Time between messages",
            "Number the entries anew",
            "The rest of the line",
            "Ask about traffic of the router itself",
            "Keep the numbers of entries",
        ],
        |_| built(Statement::AccessListOther),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ipv6 access-list WORD$name",
        "Define an IPv6 access list",
        &["IPv6", "A named access list", "Name"],
        |m| built(Statement::AccessList { form: AccessListForm::V6, name: name(m, "name")? }),
    )
    .claims(Claim::Corrected)
    .on(Platforms::IOS)
    .enters(&ACCESS_LIST),
];

/// Some write it in quotes, which are no part of it.
fn hostname(m: &Matched<'_>) -> Result<Option<Name>, Mismatch> {
    match m.word("name") {
        Some(word) if word.quoted && (word.text.is_empty() || word.text.contains(char::is_whitespace)) => {
            Err(m.invalid("name", "expected a name without spaces"))
        }
        Some(word) => Ok(Some(Name::new(word.text, word.span.into()))),
        None => name_unless_no(m, "name"),
    }
}

fn access_list_line(m: &Matched<'_>) -> Built {
    let entry = EntryText { access: access(m), rest: required_text(m, "rest")? };
    built(Statement::AccessListLine { name: name(m, "name")?, entry })
}

fn access_list(m: &Matched<'_>) -> Built {
    let extended = m.choice("form") == Some("extended");
    let form = if extended { AccessListForm::Extended } else { AccessListForm::Standard };
    built(Statement::AccessList { form, name: name(m, "name")? })
}

pub(super) static INTERFACE_COMMANDS: &[Command<super::AnyStatement>] = &[
    description::<InterfaceLine>(&["Describe the interface", "Up to 200 characters"]),
    Command::new(
        "[no] linux-interface [WORD$name]",
        "Name the Linux interface that replaces the configured one",
        &["Linux interface for the configured name", "Name"],
        |m| built(InterfaceLine::LinuxInterface(name_unless_no(m, "name")?)),
    )
    .claims(Claim::Anywhere),
];

static ACCESS_LIST: Mode<super::AnyStatement> = Mode::new(
    "access-list",
    "(config-ext-nacl)#",
    &[&[
        Command::new(
            "[no] [(1-4294967295)$sequence] {permit | deny}$action LINE$rest",
            "Add an entry",
            &["Position in the list", "Allow it", "Deny it", "Traffic"],
            access_list_entry,
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] sequence (1-4294967295)$sequence {permit | deny}$action LINE$rest",
            "Add an entry with a sequence number",
            &["Position in the list", "Number", "Allow it", "Deny it", "Traffic"],
            access_list_entry,
        )
        .claims(Claim::Whole),
        Command::new(
            "no (1-4294967295)$sequence",
            "Remove the entry at a position",
            &["Position in the list"],
            |m| built(AccessListLine::Sequence(number(m, "sequence").unwrap_or(0))),
        ),
        Command::new(
            "no sequence (1-4294967295)$sequence",
            "Remove the entry with a sequence number",
            &["Position in the list", "Number"],
            |m| built(AccessListLine::Sequence(number(m, "sequence").unwrap_or(0))),
        ),
        Command::new(
            "[no] [(1-4294967295)$sequence] remark [LINE$text]",
            "Add a comment",
            &["Position in the list", "A comment", "Text"],
            |_| built(AccessListLine::Remark),
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] [(1-4294967295)$sequence] {dynamic | evaluate} LINE$other",
            "Skipped: an entry that a login or an answer fills in",
            &[
                "Position in the list",
                "What a login lets through",
                "What answers to it",
                "The rest of the line",
            ],
            |_| built(AccessListLine::Remark),
        )
        .claims(Claim::Whole),
    ]],
)
.unknown(Unknown::Warn);

fn access_list_entry(m: &Matched<'_>) -> Built {
    let entry = EntryText { access: access(m), rest: required_text(m, "rest")? };
    built(AccessListLine::Entry { sequence: number(m, "sequence"), entry })
}

fn access(m: &Matched<'_>) -> Access {
    if m.choice("action") == Some("permit") { Access::Permit } else { Access::Deny }
}

/// `FastEthernet 0/0` is `FastEthernet0/0`; what follows it (`point-to-point`) is none.
pub(crate) fn interface_name<'w>(mut words: impl Iterator<Item = &'w str>) -> String {
    let is_digit = |c: char| c.is_ascii_digit();
    let kind = words.next().unwrap_or("");
    match words.next().filter(|unit| unit.starts_with(is_digit) && !kind.ends_with(is_digit)) {
        Some(unit) => format!("{kind}{unit}"),
        None => kind.to_owned(),
    }
}

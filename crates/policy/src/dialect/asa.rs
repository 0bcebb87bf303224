//! The command tables of the ASA: regular expressions, maps of type inspect esmtp, and the framework that says which
//! connections they are for.
//!
//! Sub-modes are in the folder. What statements do to the model is in `lower.rs`; the maps that every ASA has are in
//! `defaults.rs`, as text.

use grammar::{Claim, Command, Matched, Platforms};

use super::lowering::{block_lines, described};
use super::{built, name, name_unless_no, number, required_text, text};
use crate::model::{
    Access, AccessGroup, AccessGroupOption, AccessListForm, Action, AllowTls, Banner, Connection, Direction,
    EsmtpCriterion, GroupForm, GroupTransport, HostName, Member, Name, ParameterAction, TrafficMatch,
};
use esmtp::{ESMTP_MAP, REGEX_CLASS};
use mpf::{TRAFFIC_CLASS, TRAFFIC_POLICY};

pub(in crate::dialect) mod access;
mod access_group;
pub(crate) mod defaults;
mod esmtp;
pub(super) mod lower;
mod mpf;
pub(in crate::dialect) mod named;
mod object;

#[derive(Clone, Debug)]
pub enum Statement {
    /// Only the `no` form has no pattern.
    Regex {
        name: Name,
        pattern: Option<Name>,
    },
    RegexClass(Name),
    EsmtpMap(Name),
    TrafficClass(Name),
    TrafficPolicy(Name),
    ServicePolicy {
        policy: Name,
        /// The interface; `None` for all of them.
        interface: Option<Name>,
    },
    AccessGroup(AccessGroup),
    /// `access-list NAME {permit | deny} …`, or the same behind `ipv6`.
    AccessListLine {
        form: AccessListForm,
        name: Name,
        /// The line that it goes before, counted from 1; `None` for the end.
        line: Option<usize>,
        access: Access,
        /// What follows.
        rest: Name,
    },
    /// `access-list NAME remark …`, or the same behind `ipv6`: a line as any.
    AccessListRemark {
        form: AccessListForm,
        name: Name,
        line: Option<usize>,
        text: String,
    },
    /// `no access-list NAME`.
    AccessList(Name),
    /// Another kind of list, or a setting of all of them.
    AccessListOther,
    /// `name ADDRESS NAME`.
    HostName(HostName),
    /// `object …` or `object-group …`.
    ObjectGroup {
        name: Name,
        form: GroupForm,
    },
    /// `nameif HARDWARE NAME securityLEVEL` of the PIX.
    Nameif {
        hardware: Name,
        name: Name,
        level: Option<u8>,
    },
    /// `fixup protocol smtp [PORT[-PORT]]` of the PIX.
    Fixup(Option<Name>),
    Line(InnerLine),
}

impl Statement {
    /// Whether no other feature of a device has such a line.
    pub(super) const fn is_distinctive(&self) -> bool {
        matches!(
            self,
            Self::Line(
                InnerLine::EsmtpMap(EsmtpMapLine::Match { .. })
                    | InnerLine::EsmtpParameters(
                        EsmtpParametersLine::MailRelay(_)
                            | EsmtpParametersLine::MaskBanner(_)
                            | EsmtpParametersLine::SpecialCharacter(_)
                    )
                    | InnerLine::TrafficRule(TrafficRuleLine::InspectEsmtp(_))
            )
        )
    }

    pub(super) const fn is_pattern(&self) -> bool {
        matches!(self, Self::Regex { .. })
    }
}

/// A line below `object` or `object-group`.
#[derive(Clone, Debug)]
pub enum ObjectLine {
    Description(Option<Name>),
    Member(Member),
}

#[derive(Clone, Debug)]
pub enum RegexClassLine {
    Description(Option<Name>),
    Match(Name),
}

#[derive(Clone, Debug)]
pub enum EsmtpMapLine {
    Description(Option<Name>),
    Parameters,
    Match {
        criterion: EsmtpCriterion,
        /// `match not`.
        negated: bool,
    },
}

#[derive(Clone, Debug)]
pub enum EsmtpParametersLine {
    /// Only the `no` form names no domain.
    MailRelay(Option<(Name, ParameterAction)>),
    MaskBanner(Banner),
    SpecialCharacter(Option<ParameterAction>),
    AllowTls(AllowTls),
}

#[derive(Clone, Debug)]
pub enum EsmtpMatchLine {
    Action {
        action: Action,
        log: bool,
        /// `send-protocol-error`, or `drop` without a connection: of other inspections.
        elsewhere: bool,
    },
    Log,
}

#[derive(Clone, Debug)]
pub enum TrafficClassLine {
    Description(Option<Name>),
    Match(TrafficMatch),
}

#[derive(Clone, Debug)]
pub enum TrafficPolicyLine {
    Description(Option<Name>),
    Class(Name),
}

#[derive(Clone, Debug)]
pub enum TrafficRuleLine {
    /// The map that it names, also in the `no` form.
    InspectEsmtp(Option<Name>),
    /// What the line says is over what was said before.
    Connection(Connection),
    /// Another `set connection`.
    OtherConnection,
    /// `police …` or `priority`, as typed.
    Qos(Name),
}

#[derive(Clone, Debug)]
pub enum InterfaceLine {
    Nameif(Option<Name>),
    SecurityLevel(Option<u8>),
}

block_lines!(Asa: Interface(InterfaceLine), Object(ObjectLine), RegexClass(RegexClassLine), EsmtpMap(EsmtpMapLine), EsmtpParameters(EsmtpParametersLine), EsmtpMatch(EsmtpMatchLine), TrafficClass(TrafficClassLine), TrafficPolicy(TrafficPolicyLine), TrafficRule(TrafficRuleLine));
described!(ObjectLine, RegexClassLine, EsmtpMapLine, TrafficClassLine, TrafficPolicyLine);

fn access_list_line(m: &Matched<'_>, form: AccessListForm) -> super::Built {
    let access = if m.choice("action") == Some("permit") { Access::Permit } else { Access::Deny };
    let (name, line) = (name(m, "name")?, line_number(m));
    built(Statement::AccessListLine { form, name, line, access, rest: required_text(m, "rest")? })
}

fn access_list_remark(m: &Matched<'_>, form: AccessListForm) -> super::Built {
    let text = m.text("text").unwrap_or_default().to_owned();
    built(Statement::AccessListRemark { form, name: name(m, "name")?, line: line_number(m), text })
}

fn line_number(m: &Matched<'_>) -> Option<usize> {
    number(m, "line").and_then(|line| usize::try_from(line).ok())
}

fn object(m: &Matched<'_>, form: GroupForm) -> super::Built {
    built(Statement::ObjectGroup { name: name(m, "name")?, form })
}

pub(super) static GLOBAL_COMMANDS: &[Command<super::AnyStatement>] = &[
    Command::new(
        "[no] regex WORD$name [WORD$pattern]",
        "Define a regular expression",
        &["A regular expression", "Name", "Regular expression, in quotes if it contains spaces"],
        |m| {
            let pattern = if m.negated() { text(m, "pattern") } else { Some(required_text(m, "pattern")?) };
            built(Statement::Regex { name: name(m, "name")?, pattern })
        },
    )
    .claims(Claim::Keyword)
    .on(Platforms::ASA),
    Command::new(
        "[no] class-map type regex match-any WORD$name",
        "Define a set of regular expressions",
        &["A class-map", "Its type", "Regular expressions", "One of them must match", "Name"],
        |m| built(Statement::RegexClass(name(m, "name")?)),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::ASA)
    .enters(&REGEX_CLASS)
    .not_short(&["class"]),
    Command::new(
        "[no] policy-map type inspect esmtp WORD$name",
        "Define what of SMTP traffic is allowed",
        &["A policy-map", "Its type", "An inspection policy", "SMTP and ESMTP", "Name"],
        |m| built(Statement::EsmtpMap(name(m, "name")?)),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::ASA)
    .enters(&ESMTP_MAP),
    Command::new("[no] class-map WORD$name", "Define a class of connections", &["", "Name"], |m| {
        built(Statement::TrafficClass(name(m, "name")?))
    })
    .claims(Claim::Corrected)
    .on(Platforms::ASA)
    .enters(&TRAFFIC_CLASS)
    .not_short(&["class"]),
    Command::new(
        "[no] policy-map WORD$name",
        "Define what is done with classes of connections",
        &["", "Name"],
        |m| built(Statement::TrafficPolicy(name(m, "name")?)),
    )
    .claims(Claim::Corrected)
    .on(Platforms::ASA)
    .enters(&TRAFFIC_POLICY),
    Command::new(
        "[no] service-policy WORD$policy {global | interface WORD$interface} [fail-close]",
        "Apply a policy to the connections of an interface, or of all of them",
        &[
            "Apply a policy",
            "Name of a policy-map",
            "To every interface",
            "To one",
            "Its name, as `nameif` gives it",
            "Drop traffic of IPv6 that cannot be inspected",
        ],
        |m| built(Statement::ServicePolicy { policy: name(m, "policy")?, interface: text(m, "interface") }),
    )
    // `service resetinbound interface outside`
    .not_short(&["service"])
    .claims(Claim::Keyword)
    .on(Platforms::ASA),
    Command::new(
        "[no] access-group WORD$list {{in | out}$direction interface WORD$interface \
         [{per-user-override | control-plane}$option] | global}",
        "Have an access list decide what passes an interface, or all of them",
        &[
            "Apply an access list",
            "Name of an access list",
            "To what comes in",
            "To what goes out",
            "At one interface",
            "Its name, as `nameif` gives it",
            "Ask what a user may in its place",
            "Only to what goes to the device itself",
            "At every interface, where no list of its own decides",
        ],
        |m| {
            let direction = if m.choice("direction") == Some("in") { Direction::In } else { Direction::Out };
            let option = m.choice("option").map(|option| match option {
                "control-plane" => AccessGroupOption::ControlPlane,
                _ => AccessGroupOption::PerUserOverride,
            });
            let interface = text(m, "interface").map(|interface| (direction, interface));
            built(Statement::AccessGroup(AccessGroup::new(name(m, "list")?, interface, option)))
        },
    )
    .claims(Claim::Keyword)
    .on(Platforms::ASA),
    Command::new(
        "[no] access-list WORD$name [line (1-2147483647)$line] [extended] {permit | deny}$action LINE$rest",
        "Add an entry to an access list",
        &[
            "An access list",
            "Name",
            "Insert it, in place of appending it",
            "Before the line with this number; remarks count",
            "By protocol, addresses and ports",
            "Allow it",
            "Deny it",
            "Traffic",
        ],
        |m| access_list_line(m, AccessListForm::Lines),
    )
    .on(Platforms::ASA)
    .claims(Claim::Anywhere),
    Command::new(
        "[no] ipv6 access-list WORD$name [line (1-2147483647)$line] {permit | deny}$action LINE$rest",
        "Add an entry to an access list for IPv6, which releases before 9.0 keep apart",
        &[
            "IPv6",
            "A named access list",
            "Name",
            "Insert it, in place of appending it",
            "Before the line with this number; remarks count",
            "Allow it",
            "Deny it",
            "Traffic",
        ],
        |m| access_list_line(m, AccessListForm::V6Lines),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole),
    Command::new(
        "[no] access-list WORD$name [line (1-2147483647)$line] remark [LINE$text]",
        "Add a remark to an access list; it decides nothing, but is a line",
        &["", "", "", "", "A comment", "Text"],
        |m| access_list_remark(m, AccessListForm::Lines),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole),
    Command::new(
        "[no] ipv6 access-list WORD$name [line (1-2147483647)$line] remark [LINE$text]",
        "Add a remark to an access list for IPv6",
        &["", "", "", "", "", "A comment", "Text"],
        |m| access_list_remark(m, AccessListForm::V6Lines),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole),
    Command::new(
        "[no] access-list WORD$name [line (1-2147483647)$line] {standard | ethertype | webtype | advanced | rename} \
         [LINE$other]",
        "Skipped: what selects no connections",
        &[
            "",
            "",
            "",
            "",
            "By destination address, for routes",
            "By type of frames",
            "By URL, for clients of a VPN",
            "For the policies of another product",
            "Give the list another name",
            "The rest of the line",
        ],
        |_| built(Statement::AccessListOther),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole),
    Command::new(
        // With their values, so that a list may be called `a` or `c`, with which their first words begin.
        "[no] access-list {alert-interval (0-4294967295)$seconds | deny-flow-max (0-4294967295)$flows | commit | compiled \
         | mode {auto-commit | manual-commit} | optimization enable | cached ACL LINE$other}",
        "Skipped: settings of all access lists",
        &[
            "",
            "Time between messages",
            "Seconds",
            "Number of denied flows that are remembered",
            "Number",
            "Put changes into force",
            "Compile the lists",
            "When changes come into force",
            "At once",
            "By `access-list commit`",
            "Leave out what is said twice",
            "Do so",
            "A line of `show`",
            "Of access lists",
            "The rest of the line",
        ],
        |_| built(Statement::AccessListOther),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole),
    Command::new(
        "access-list WORD$name (0-4294967295)$count LINE$rest",
        "Skipped: the heading of a list in `show access-list`",
        &["", "", "Number of entries", "The rest of the line"],
        |_| built(Statement::AccessListOther),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole),
    Command::new("no access-list WORD$name", "Remove an access list", &["", ""], |m| {
        built(Statement::AccessList(name(m, "name")?))
    })
    .on(Platforms::ASA)
    .claims(Claim::Whole),
    Command::new(
        "[no] name WORD$host WORD$name [description LINE$description]",
        "Give an address a name that entries of access lists may use",
        &["A name of an address", "Address", "Its name", "Describe it", "Text"],
        |m| {
            let address = m.text("host").unwrap_or_default().to_owned();
            built(Statement::HostName(HostName { name: name(m, "name")?, address }))
        },
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole),
    Command::new(
        "[no] object network WORD$name",
        "Name addresses that entries of access lists may use",
        &["A named object", "Addresses", "Name"],
        |m| object(m, GroupForm::NetworkObject),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole)
    .enters(&object::NETWORK_OBJECT),
    Command::new(
        "[no] object service WORD$name",
        "Name a protocol and its ports",
        &["", "A protocol", "Name"],
        |m| object(m, GroupForm::ServiceObject),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole)
    .enters(&object::SERVICE_OBJECT),
    Command::new(
        "[no] object-group network WORD$name",
        "Define a group of addresses",
        &["A group", "Addresses", "Name"],
        |m| object(m, GroupForm::Networks),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole)
    .enters(&object::NETWORKS),
    Command::new(
        "[no] object-group service WORD$name [tcp | udp | tcp-udp]$transport",
        "Define a group of ports, or of protocols with their ports",
        &["", "Ports", "Name", "Ports of TCP", "Ports of UDP", "Ports of both"],
        |m| {
            object(
                m,
                GroupForm::Services(match m.choice("transport") {
                    Some("tcp") => Some(GroupTransport::Tcp),
                    Some("udp") => Some(GroupTransport::Udp),
                    Some(_) => Some(GroupTransport::TcpUdp),
                    None => None,
                }),
            )
        },
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole)
    .enters(&object::SERVICES),
    Command::new(
        "[no] object-group protocol WORD$name",
        "Define a group of protocols",
        &["", "Protocols", "Name"],
        |m| object(m, GroupForm::Protocols),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole)
    .enters(&object::PROTOCOLS),
    Command::new(
        "[no] nameif WORD$hardware WORD$name WORD$level",
        "Name an interface, as a PIX does",
        &["Name of an interface", "Interface", "Its name", "`security0` to `security100`"],
        |m| {
            let level = m.text("level").unwrap_or_default().to_ascii_lowercase();
            let level = level.strip_prefix("security").unwrap_or(&level).parse().ok();
            let level = level.filter(|level| *level <= 100);
            if level.is_none() && !m.negated() {
                return Err(m.invalid("level", "expected `security0` to `security100`"));
            }
            built(Statement::Nameif { hardware: name(m, "hardware")?, name: name(m, "name")?, level })
        },
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole),
    Command::new(
        "[no] fixup protocol smtp [WORD$ports]",
        "Inspect SMTP on a port, as a PIX does; read as `inspect esmtp`",
        &["Inspection of a PIX", "A protocol", "SMTP", "PORT or PORT-PORT; by default 25"],
        |m| built(Statement::Fixup(text(m, "ports"))),
    )
    .claims(Claim::Corrected)
    .on(Platforms::ASA),
];

pub(super) static INTERFACE_COMMANDS: &[Command<super::AnyStatement>] = &[
    Command::new("[no] nameif [WORD$name]", "Name the interface", &["Name of the interface", "Name"], |m| {
        built(InterfaceLine::Nameif(name_unless_no(m, "name")?))
    })
    .on(Platforms::ASA),
    Command::new(
        "[no] security-level [(0-100)$level]",
        "Set how far the network of the interface is trusted",
        &["How far its network is trusted", "0 for the outside, 100 for the inside"],
        |m| {
            let level = number(m, "level").and_then(|level| u8::try_from(level).ok());
            built(InterfaceLine::SecurityLevel(level))
        },
    )
    .on(Platforms::ASA),
];

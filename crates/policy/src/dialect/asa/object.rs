//! The sub-modes of `object` and `object-group`: names for what entries of access lists say.

use grammar::{Claim, Command, Mode, Unknown};

use super::{ObjectLine, text};
use crate::dialect::{AnyStatement, built, description};
use crate::model::{Member, MemberKind};

/// What every block of these begins with. Other features have such blocks too, and lines in them.
const fn about() -> Command<AnyStatement> {
    description::<ObjectLine>(&["Describe it", "Up to 200 characters"])
}

/// A member, by its keyword.
macro_rules! member {
    ($syntax:literal, $kind:expr, $about:literal, $help:expr) => {
        Command::new(concat!("[no] ", $syntax), $about, $help, |m| {
            let rest = text(m, "rest").unwrap_or_else(|| crate::model::Name::new("", m.line_span().into()));
            built(ObjectLine::Member(Member { kind: $kind, rest }))
        })
        .claims(Claim::Whole)
    };
}

pub(super) static NETWORK_OBJECT: Mode<AnyStatement> = Mode::new(
    "object network",
    "(config-network-object)#",
    &[&[
        about(),
        member!("host LINE$rest", MemberKind::Host, "Name one address", &["One address", "Address"]),
        member!(
            "subnet LINE$rest",
            MemberKind::Subnet,
            "Name a network",
            &["A network", "Address and netmask, or prefix"]
        ),
        member!(
            "range LINE$rest",
            MemberKind::Range,
            "Name the addresses from one to another",
            &["Addresses", "The first and the last"]
        ),
        member!(
            "fqdn LINE$rest",
            MemberKind::Fqdn,
            "Name what a name is looked up as; an entry that uses it cannot be asked of a connection",
            &["A name of the domain name system", "Name"]
        ),
    ]],
)
.unknown(Unknown::Ignore);

pub(super) static SERVICE_OBJECT: Mode<AnyStatement> = Mode::new(
    "object service",
    "(config-service-object)#",
    &[&[
        about(),
        member!(
            "service LINE$rest",
            MemberKind::Service,
            "Name a protocol and its ports",
            &["A protocol", "Protocol, `source` and `destination` with their ports"]
        ),
    ]],
)
.unknown(Unknown::Ignore);

pub(super) static NETWORKS: Mode<AnyStatement> = Mode::new(
    "object-group network",
    "(config-network-object-group)#",
    &[&[
        about(),
        member!(
            "network-object LINE$rest",
            MemberKind::NetworkObject,
            "Add addresses to the group",
            &["Addresses", "`host ADDRESS`, address and netmask, prefix, or `object NAME`"]
        ),
        member!("group-object LINE$rest", MemberKind::Group, "Add another group", &["A group", "Name"]),
    ]],
)
.unknown(Unknown::Ignore);

pub(super) static SERVICES: Mode<AnyStatement> = Mode::new(
    "object-group service",
    "(config-service-object-group)#",
    &[&[
        about(),
        member!(
            "port-object LINE$rest",
            MemberKind::PortObject,
            "Add ports to a group of ports",
            &["Ports", "`eq PORT` or `range PORT PORT`"]
        ),
        member!(
            "service-object LINE$rest",
            MemberKind::ServiceObject,
            "Add a protocol and its ports",
            &["A protocol", "Protocol, `source` and `destination` with their ports, or `object NAME`"]
        ),
        member!("group-object LINE$rest", MemberKind::Group, "Add another group", &["A group", "Name"]),
    ]],
)
.unknown(Unknown::Ignore);

pub(super) static PROTOCOLS: Mode<AnyStatement> = Mode::new(
    "object-group protocol",
    "(config-protocol-object-group)#",
    &[&[
        about(),
        member!(
            "protocol-object LINE$rest",
            MemberKind::ProtocolObject,
            "Add a protocol",
            &["A protocol", "Name or number"]
        ),
        member!("group-object LINE$rest", MemberKind::Group, "Add another group", &["A group", "Name"]),
    ]],
)
.unknown(Unknown::Ignore);

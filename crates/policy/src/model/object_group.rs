//! Names for addresses, ports and protocols that entries of access lists use.
//!
//! What a member means is read where an entry names it: groups name each other, in any order.

use super::{Name, Object, ObjectKind, Reference};
use crate::source::Span;

/// `name ADDRESS NAME` of an ASA: the name may be written in place of the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    pub name: Name,
    /// As written; what is no address means none.
    pub address: String,
}

/// `object …` of an ASA, or `object-group …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectGroup {
    pub name: Name,
    pub form: GroupForm,
    pub description: Option<String>,
    members: Vec<Member>,
}

/// What a group is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupForm {
    /// `object network`: a host, a subnet or a range.
    NetworkObject,
    /// `object service`: one protocol, with its ports.
    ServiceObject,
    /// `object-group network`.
    Networks,
    /// `object-group service`, with `tcp`, `udp` or `tcp-udp` of ports alone.
    Services(Option<GroupTransport>),
    /// `object-group protocol`.
    Protocols,
}

/// Whose the ports of a group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupTransport {
    Tcp,
    Udp,
    TcpUdp,
}

/// A line of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub kind: MemberKind,
    /// What follows the keyword, as written.
    pub rest: Name,
}

/// The keyword of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    Host,
    Subnet,
    Range,
    /// A name to be looked up, whose addresses change.
    Fqdn,
    Service,
    NetworkObject,
    PortObject,
    ServiceObject,
    ProtocolObject,
    /// Another group.
    Group,
    /// Of a router, where these three have no keyword: address and netmask,
    Network,
    /// `any`,
    Any,
    /// and a protocol with its ports.
    Protocol,
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind.keyword() {
            "" => write!(f, "{}", self.rest),
            keyword => write!(f, "{keyword} {}", self.rest),
        }
    }
}

impl MemberKind {
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Subnet => "subnet",
            Self::Range => "range",
            Self::Fqdn => "fqdn",
            Self::Service => "service",
            Self::NetworkObject => "network-object",
            Self::PortObject => "port-object",
            Self::ServiceObject => "service-object",
            Self::ProtocolObject => "protocol-object",
            Self::Group => "group-object",
            Self::Network | Self::Any | Self::Protocol => "",
        }
    }
}

impl GroupForm {
    /// The words before its name.
    pub const fn keywords(self) -> &'static str {
        match self {
            Self::NetworkObject => "object network",
            Self::ServiceObject => "object service",
            Self::Networks => "object-group network",
            Self::Services(_) => "object-group service",
            Self::Protocols => "object-group protocol",
        }
    }

    /// Whether it has one member, which the next replaces.
    const fn is_single(self) -> bool {
        matches!(self, Self::NetworkObject | Self::ServiceObject)
    }
}

impl GroupTransport {
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::TcpUdp => "tcp-udp",
        }
    }
}

impl ObjectGroup {
    pub const fn new(name: Name, form: GroupForm) -> Self {
        Self { name, form, description: None, members: Vec::new() }
    }

    pub fn members(&self) -> &[Member] {
        &self.members
    }

    pub fn add(&mut self, member: Member) {
        if self.form.is_single() {
            self.members.clear();
        }
        self.members.push(member);
    }

    /// Takes away the members of this text.
    pub fn remove(&mut self, kind: MemberKind, text: &str) {
        self.members.retain(|member| member.kind != kind || member.rest.text != text);
    }
}

impl Object for HostName {
    fn kind(&self) -> ObjectKind {
        ObjectKind::HostName
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, _visit: &mut dyn FnMut(Reference<'o>)) {}

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
    }
}

/// Its references are those of the entries that use it: of a list that decides nothing here they are nobody's concern.
impl Object for ObjectGroup {
    fn kind(&self) -> ObjectKind {
        ObjectKind::ObjectGroup
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, _visit: &mut dyn FnMut(Reference<'o>)) {}

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        self.members.iter_mut().for_each(|member| visit(&mut member.rest.at));
    }
}

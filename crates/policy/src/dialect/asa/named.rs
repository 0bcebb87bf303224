//! What entries of access lists name: hosts, objects, and groups of objects.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::access;
use crate::dialect::common::entry::{
    self, Read, Syntax, Word, Words, is_other_protocol, port, ports, ports_in_order,
};
use crate::model::{
    AccessListForm, Configuration, GroupForm, GroupTransport, HostName, Member, MemberKind, Network,
    ObjectGroup, Objects, Ports, Selection, Service,
};
use crate::nearest::nearest;
use crate::platform::Platform;

/// Every name that entries may use. What a group comes to is found once, however many entries use it.
#[derive(Debug)]
pub(in crate::dialect) struct Named<'c> {
    hosts: &'c Objects<HostName>,
    groups: &'c Objects<ObjectGroup>,
    networks: HashMap<String, Read<Arc<[Network]>>>,
    services: HashMap<String, Read<Arc<[Service]>>>,
}

impl<'c> Named<'c> {
    pub(in crate::dialect) fn new(hosts: &'c Objects<HostName>, groups: &'c Objects<ObjectGroup>) -> Self {
        Self { hosts, groups, networks: HashMap::new(), services: HashMap::new() }
    }

    /// An address, or a name that is given to one.
    pub(super) fn address(&self, word: &Word<'_>) -> Option<IpAddr> {
        let named = self.hosts.get(word.text).map_or(word.text, |host| &host.address);
        named.parse().ok()
    }

    /// Which form the group of a name has.
    pub(in crate::dialect) fn form(&self, name: &str) -> Option<GroupForm> {
        self.groups.get(name).map(|group| group.form)
    }

    /// The addresses of `object network NAME` or `object-group network NAME`.
    pub(in crate::dialect) fn networks(&mut self, name: &Word<'_>) -> Read<Arc<[Network]>> {
        self.defined(name, |form| matches!(form, GroupForm::NetworkObject | GroupForm::Networks))?;
        if let Some(known) = self.networks.get(name.text) {
            return known.clone();
        }
        let members = self.flattened(name.text);
        let networks: Read<Vec<Network>> = members.into_iter().map(|member| self.network(member)).collect();
        let networks = networks.map(Arc::from);
        self.networks.insert(name.text.to_owned(), networks.clone());
        networks
    }

    /// The protocols and ports of `object service NAME`, `object-group service NAME` or
    /// `object-group protocol NAME`, as far as they are of TCP.
    pub(in crate::dialect) fn services(&mut self, name: &Word<'_>) -> Read<Arc<[Service]>> {
        self.defined(name, |form| {
            matches!(form, GroupForm::ServiceObject | GroupForm::Services(None) | GroupForm::Protocols)
        })?;
        if let Some(known) = self.services.get(name.text) {
            return known.clone();
        }
        let members = self.flattened(name.text);
        let services: Read<Vec<Option<Service>>> =
            members.into_iter().map(|member| self.service(member)).collect();
        let services = services.map(|services| services.into_iter().flatten().collect());
        self.services.insert(name.text.to_owned(), services.clone());
        services
    }

    /// The TCP ports of `object-group service NAME tcp`, or those to which the services of a group without a transport
    /// connect.
    pub(super) fn ports(&mut self, name: &Word<'_>) -> Read<Ports> {
        match self.defined(name, |form| matches!(form, GroupForm::Services(_)))?.form {
            GroupForm::Services(Some(GroupTransport::Udp)) => Ok(Ports(Vec::new())),
            GroupForm::Services(None) => self.destination_ports(name),
            GroupForm::Services(Some(GroupTransport::Tcp | GroupTransport::TcpUdp))
            | GroupForm::NetworkObject
            | GroupForm::ServiceObject
            | GroupForm::Networks
            | GroupForm::Protocols => self.listed_ports(name),
        }
    }

    /// The ports of `object-group service NAME {tcp | udp | tcp-udp}`, whosever they are.
    pub(in crate::dialect) fn listed_ports(&self, name: &Word<'_>) -> Read<Ports> {
        let mut listed = Vec::new();
        for member in self.flattened(name.text) {
            let mut words = Words::new(&member.rest);
            if !matches!(words.keyword(), Some("eq" | "range")) {
                return Err(words.next("`eq` or `range`")?.unread("expected `eq` or `range`"));
            }
            listed.extend(ports_in_order(&mut words)?.0);
            end_of(&mut words)?;
        }
        Ok(Ports(listed))
    }

    fn destination_ports(&mut self, name: &Word<'_>) -> Read<Ports> {
        let services = self.services(name)?;
        if services.iter().any(|service| service.source != Ports::any()) {
            let message = format!("`{}` names ports of the source too", name.text);
            return Err(name.complaint(message, None));
        }
        Ok(Ports(services.iter().flat_map(|service| service.destination.0.iter().cloned()).collect()))
    }

    fn defined(&self, name: &Word<'_>, fits: impl Fn(GroupForm) -> bool) -> Read<&'c ObjectGroup> {
        match self.groups.get(name.text) {
            Some(group) if fits(group.form) => Ok(group),
            Some(group) => {
                let message = format!("`{}` is defined as `{}`", name.text, group.form.keywords());
                Err(name.complaint(message, None))
            }
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &Word<'_>) -> Selection {
        let names = self.groups.iter().map(|group| group.name.text.as_str());
        let help = nearest(name.text, names).map(|meant| format!("did you mean `{meant}`?"));
        name.complaint(format!("unknown object or group `{}`", name.text), help)
    }

    /// The members of a group and of the groups and objects that it names, each of these once: they may lead back.
    pub(in crate::dialect) fn flattened(&self, name: &str) -> Vec<&'c Member> {
        let mut members = Vec::new();
        let mut seen = HashSet::from([name.to_owned()]);
        let mut open = vec![name.to_owned()];
        while let Some(name) = open.pop() {
            let Some(group) = self.groups.get(&name) else { continue };
            for member in group.members() {
                match named_by(member).filter(|name| self.groups.get(name).is_some()) {
                    Some(inner) => {
                        if seen.insert(inner.to_owned()) {
                            open.push(inner.to_owned());
                        }
                    }
                    None => members.push(member),
                }
            }
        }
        members
    }

    fn network(&self, member: &Member) -> Read<Network> {
        let mut words = Words::new(&member.rest);
        let network = match member.kind {
            MemberKind::Host => access::host(&mut words, self),
            MemberKind::Subnet => access::subnet(&mut words, self),
            MemberKind::NetworkObject if words.keyword() == Some("host") => {
                words.skip();
                access::host(&mut words, self)
            }
            MemberKind::NetworkObject if words.keyword() == Some("object") => {
                words.skip();
                Err(self.unknown(&words.next("the name of an object")?))
            }
            MemberKind::NetworkObject | MemberKind::Network => access::subnet(&mut words, self),
            MemberKind::Any => {
                words.skip();
                Ok(Network::ANY_V4)
            }
            MemberKind::Range => {
                let (first, last) = (words.next("an address")?, words.next("an address")?);
                match (self.address(&first), self.address(&last)) {
                    (Some(from), Some(to)) if from.is_ipv4() == to.is_ipv4() && from <= to => {
                        Ok(Network::Range { first: from, last: to })
                    }
                    (Some(from), Some(to)) if from.is_ipv4() == to.is_ipv4() => {
                        let message = format!("`{}` is lower than `{}`", last.text, first.text);
                        let help = format!("write `range {} {}`", last.text, first.text);
                        Err(last.complaint(message, Some(help)))
                    }
                    (Some(_), _) => Err(last.unread("expected an address of the same family")),
                    (None, _) => Err(first.unread("expected an address")),
                }
            }
            MemberKind::Fqdn => Err(words
                .next("a name")?
                .complaint("a name that is looked up cannot be asked of a connection".to_owned(), None)),
            MemberKind::Group
            | MemberKind::Service
            | MemberKind::PortObject
            | MemberKind::ServiceObject
            | MemberKind::ProtocolObject
            | MemberKind::Protocol => Err(self.unknown(&words.next("the name of a group")?)),
        }?;
        end_of(&mut words)?;
        Ok(network)
    }

    /// A protocol with its ports: those of the source and of the destination, each named or not. `None` if no TCP
    /// connection is of it.
    fn service(&self, member: &Member) -> Read<Option<Service>> {
        let mut words = Words::new(&member.rest);
        let protocol = words.next("a protocol")?;
        match (member.kind, protocol.keyword.as_str()) {
            (MemberKind::Group, _) | (MemberKind::ServiceObject, "object") => {
                return Err(self.unknown(&words.next("a name").unwrap_or(protocol)));
            }
            (_, "ip") => return Ok(Some(Service::any())),
            (_, "tcp" | "tcp-udp" | "6") => {}
            (_, name) if is_other_protocol(name) => return Ok(None),
            _ => return Err(protocol.unread("expected a protocol")),
        }
        let mut service = Service::any();
        let required_ports = |words: &mut Words<'_>| match words.keyword() {
            // A router takes a range in either order.
            Some("range") if member.kind != MemberKind::Protocol => ports_in_order(words),
            Some("eq" | "neq" | "lt" | "gt" | "range") => ports(words),
            _ => Err(words.next("an operator such as `eq`")?.unread("expected an operator such as `eq`")),
        };
        while let Some(keyword) = words.keyword() {
            match keyword {
                "source" => {
                    words.skip();
                    service.source = required_ports(&mut words)?;
                }
                "destination" => {
                    words.skip();
                    service.destination = required_ports(&mut words)?;
                }
                // Before 8.3 those of the destination had no keyword.
                // A router takes a port for `eq`.
                word if member.kind == MemberKind::Protocol && port(word).is_some() => {
                    service.destination = Ports(port(word).map(|port| port..=port).into_iter().collect());
                    words.skip();
                }
                _ => service.destination = required_ports(&mut words)?,
            }
        }
        Ok(Some(service))
    }
}

/// The object or group that a member stands for.
fn named_by(member: &Member) -> Option<&str> {
    let mut words = member.rest.text.split_ascii_whitespace();
    match member.kind {
        MemberKind::Group => words.next(),
        MemberKind::NetworkObject | MemberKind::ServiceObject => {
            words.next().filter(|first| first.eq_ignore_ascii_case("object")).and_then(|_| words.next())
        }
        MemberKind::Host
        | MemberKind::Subnet
        | MemberKind::Range
        | MemberKind::Fqdn
        | MemberKind::Service
        | MemberKind::PortObject
        | MemberKind::ProtocolObject
        | MemberKind::Network
        | MemberKind::Any
        | MemberKind::Protocol => None,
    }
}

fn end_of(words: &mut Words<'_>) -> Read<()> {
    match words.peek() {
        Some(word) => Err(word.unread("expected the end of the line")),
        None => Ok(()),
    }
}

/// Reads the entries again that name something, once all names are known.
pub(super) fn resolve(configuration: &mut Configuration) {
    let Configuration { platform, host_names, object_groups, access_lists, .. } = configuration;
    let mut named = Named::new(host_names, object_groups);
    for list in access_lists.iter_mut() {
        let (form, name) = (list.form, list.name.text.clone());
        for entry in list.entries_mut() {
            let Selection::Pending(rest) = &entry.selection else { continue };
            entry.selection = match platform {
                Platform::Ios => entry::selection(Syntax::of(form, &name), rest, &mut named),
                Platform::Asa => access::selection(rest, &mut named),
            };
            if form == AccessListForm::V6Lines {
                entry.selection.keep_v6();
            }
        }
    }
}

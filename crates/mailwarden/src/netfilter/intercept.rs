//! Mail that attachments inspect, led to their listeners by TPROXY before it is routed and tracked.
//!
//! All packets of a session are intercepted, those of its client and those of its server, whose connection comes from the
//! client's own address: a socket of ours says of the latter that they are. Neither leg is tracked. Which attachment has a
//! session is asked in the order of the attachments, behind the access lists and levels that might forbid it.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use policy::Attachment;
use policy::attach::{Handling, Selector, Traffic};
use policy::diagnostic::{Code, Diagnostic};
use policy::model::{Access, AsaDirection, Direction, Protocol, Selection};

use super::asa::level;
use super::condition::{self, FORGET, NO};
use super::interfaces::Known;
use super::nft::{Rule, interfaces, name};
use super::protocols::{mail_ports, ranges};
use super::zones::{DEFAULT, SELF};
use super::{Context, Hooks, Interception, MARK_CLIENT, MARK_MASK, MARK_OWN, MARK_SERVER, OnExit, Ports};

/// The chains that drop what must not pass, by the interfaces as Linux calls them.
#[derive(Default)]
pub(super) struct Gates {
    /// Where a packet comes in, for IPv4.
    before: HashMap<String, String>,
    /// Where it goes out, for IPv4.
    behind: HashMap<String, String>,
    between: HashMap<(String, String), String>,
}

impl Gates {
    pub(super) fn before(&mut self, interface: &str, chain: String) {
        self.before.insert(interface.to_owned(), chain);
    }

    pub(super) fn behind(&mut self, interface: &str, chain: String) {
        self.behind.insert(interface.to_owned(), chain);
    }

    pub(super) fn between(&mut self, from: &str, to: &str, chain: String) {
        self.between.insert((from.to_owned(), to.to_owned()), chain);
    }

    fn rules(&self, from: End<'_>, to: End<'_>) -> Vec<Rule> {
        let v4 = |chain: &String| Rule::new(format!("meta nfproto ipv4 jump {chain}"));
        let before = from.linux().and_then(|linux| self.before.get(linux)).map(v4);
        let behind = to.linux().and_then(|linux| self.behind.get(linux)).map(v4);
        let both = from.linux().zip(to.linux());
        let between = both.and_then(|(from, to)| self.between.get(&(from.to_owned(), to.to_owned())));
        let between = between.map(|chain| Rule::new(format!("jump {chain}")));
        before.into_iter().chain(behind).chain(between).collect()
    }
}

/// Where a packet comes from, or goes to.
#[derive(Clone, Copy)]
enum End<'c> {
    Interface(&'c Known<'c>),
    /// An interface that the configuration does not name.
    Other,
    /// An address of this host.
    Own,
}

impl<'c> End<'c> {
    const fn linux(self) -> Option<&'c str> {
        match self {
            Self::Interface(known) => Some(known.linux),
            Self::Other | Self::Own => None,
        }
    }

    fn zone(self) -> &'c str {
        match self {
            Self::Interface(known) => known.zone().unwrap_or(DEFAULT),
            Self::Other => DEFAULT,
            Self::Own => SELF,
        }
    }

    fn is_interface(self, name: &str) -> bool {
        matches!(self, Self::Interface(known) if known.interface.name.text == name)
    }

    fn nameif(self) -> Option<&'c str> {
        match self {
            Self::Interface(known) => known.interface.nameif.as_ref().map(|name| name.text.as_str()),
            Self::Other | Self::Own => None,
        }
    }

    /// This host is behind every interface.
    fn level(self) -> u8 {
        match self {
            Self::Interface(known) => level(known),
            Self::Other => 0,
            Self::Own => u8::MAX,
        }
    }
}

pub(super) fn compile(
    context: &mut Context<'_>,
    hooks: &mut Hooks,
    gates: &Gates,
    attachments: &[Attachment],
    ports: Ports,
    on_exit: OnExit,
) -> Vec<Interception> {
    let interceptions = numbered(context, attachments, ports);
    let Some(mail) = entry(context, attachments) else { return Vec::new() };
    let mut writing = Writing { attachments, interceptions: &interceptions, gates, on_exit, owns: false };
    let known = context.interfaces;
    let mut entries = Vec::new();
    for from in known.iter() {
        if let Some(chain) = writing.from(context, End::Interface(from)) {
            entries.push(Rule::new(format!("iifname \"{}\" {mail} jump {chain}", from.linux)));
        }
    }
    if let Some(chain) = writing.from(context, End::Other) {
        let names: Vec<&str> = known.iter().map(|known| known.linux).chain(["lo"]).collect();
        entries.push(Rule::new(format!("iifname != {} {mail} jump {chain}", interfaces(&names))));
    }
    if !entries.is_empty() {
        let owns = writing.owns;
        legs(hooks, owns);
        hooks.prerouting.extend(entries);
        hooks.prerouting.push(Rule::new(FORGET));
    }
    interceptions
}

/// The ports of the attachments that inspect, two for each.
fn numbered(context: &mut Context<'_>, attachments: &[Attachment], ports: Ports) -> Vec<Interception> {
    let inspected = attachments.iter().enumerate().filter(|(_, attachment)| {
        attachment.handling == Handling::Inspect && !matches!(attachment.traffic, Traffic::Proxy { .. })
    });
    let mut free = ports.first..=u16::MAX;
    let mut interceptions = Vec::new();
    for (index, attachment) in inspected {
        let (Some(port), Some(own_port)) = (free.next(), free.next()) else {
            let message = format!("no port is left above {} for `{}`", ports.first, attachment.name);
            context.complaints.push(Diagnostic::new(Code::InvalidInput, attachment.name.at, message));
            break;
        };
        interceptions.push(Interception { attachment: index, port, own_port });
    }
    interceptions
}

/// What a packet must be at least to be intercepted; `None` if none can be.
fn entry(context: &Context<'_>, attachments: &[Attachment]) -> Option<String> {
    let mut all: Vec<RangeInclusive<u16>> = Vec::new();
    for attachment in attachments.iter().filter(|attachment| attachment.handling == Handling::Inspect) {
        match &attachment.traffic {
            Traffic::Proxy { .. } => continue,
            Traffic::Pair { .. } | Traffic::Interface { .. } => {
                all.extend(mail_ports(context.configuration, attachment.protocol));
            }
            Traffic::Service { .. } => match selected_ports(&attachment.sessions) {
                Some(ports) => all.extend(ports),
                None => return Some("meta l4proto tcp".to_owned()),
            },
        }
    }
    all.sort_by_key(|ports| (*ports.start(), *ports.end()));
    // A set takes no ranges that overlap.
    let mut apart: Vec<RangeInclusive<u16>> = Vec::new();
    for ports in all {
        match apart.last_mut() {
            Some(last) if ports.start() <= last.end() => {
                *last = *last.start()..=*last.end().max(ports.end());
            }
            _ => apart.push(ports),
        }
    }
    (!apart.is_empty()).then(|| format!("tcp dport {}", ranges(&apart)))
}

/// The ports to which the sessions of a selector go, if it says so.
fn selected_ports(selector: &Selector) -> Option<Vec<RangeInclusive<u16>>> {
    match selector {
        Selector::All | Selector::Not(_) | Selector::Denied(_) => None,
        Selector::None => Some(Vec::new()),
        Selector::Ports(ports, _) => Some(vec![ports.clone()]),
        Selector::Each(selectors) => selectors.iter().find_map(selected_ports),
        Selector::Any(selectors) => {
            let ports: Option<Vec<_>> = selectors.iter().map(selected_ports).collect();
            ports.map(|ports| ports.concat())
        }
        Selector::Permitted(list, _) => {
            let permitting = list.entries().filter(|entry| entry.access == Access::Permit);
            let ports = permitting.flat_map(|entry| match &entry.selection {
                Selection::Connections { services, .. } => {
                    services.iter().flat_map(|service| service.destination.0.clone()).collect()
                }
                Selection::None | Selection::Unread { .. } | Selection::Pending(_) => Vec::new(),
            });
            Some(ports.collect())
        }
    }
}

struct Writing<'a> {
    attachments: &'a [Attachment],
    interceptions: &'a [Interception],
    gates: &'a Gates,
    on_exit: OnExit,
    /// Whether sessions to addresses of this host are intercepted.
    owns: bool,
}

impl Writing<'_> {
    /// The chain of mail that comes in by an interface, if any of it is intercepted.
    fn from(&mut self, context: &mut Context<'_>, from: End<'_>) -> Option<String> {
        let known = context.interfaces;
        let from_name =
            from.linux().map_or_else(|| "mail-of-others".to_owned(), |linux| name(&["mail", linux]));
        let mut rules = Vec::new();
        let mut is_any = false;
        // An address of this host has no interface by its route, so it is asked for first.
        let own = self.between(context, from, End::Own, &format!("{from_name}/own"));
        is_any |= own.is_some();
        self.owns |= own.is_some() && !matches!(from, End::Other);
        let own = own.map_or_else(|| "return".to_owned(), |chain| format!("goto {chain}"));
        rules.push(Rule::new(format!("fib daddr type local {own}")));
        for to in known.iter() {
            let chain = format!("{from_name}/to/{}", name(&[to.linux]));
            let chain = self.between(context, from, End::Interface(to), &chain);
            is_any |= chain.is_some();
            let then = chain.map_or_else(|| "return".to_owned(), |chain| format!("goto {chain}"));
            rules.push(Rule::new(format!("fib daddr oifname \"{}\" {then}", to.linux)));
        }
        if let Some(chain) = self.between(context, from, End::Other, &format!("{from_name}/to-others")) {
            is_any = true;
            rules.push(Rule::new(format!("goto {chain}")));
        }
        is_any.then(|| context.ruleset.chain(from_name, rules))
    }

    /// The chain of mail from one end to another, if any of it is intercepted.
    fn between(&self, context: &mut Context<'_>, from: End<'_>, to: End<'_>, chain: &str) -> Option<String> {
        let attached = self.attached(from, to);
        let is_inspected = |(_, attachment): &(usize, &Attachment)| attachment.handling == Handling::Inspect;
        if !attached.iter().any(is_inspected) {
            return None;
        }
        let mut rules = self.gates.rules(from, to);
        for protocol in Protocol::MAIL {
            let of_protocol = attached.iter().filter(|(_, attachment)| attachment.protocol == protocol);
            let mut asked = Vec::new();
            for (number, (index, attachment)) in of_protocol.enumerate() {
                let selected = context.selector(&attachment.sessions);
                let target = self.target(context, *index, attachment, from, to);
                let inner = format!("{chain}/{}-{number}", protocol.name());
                condition::leave(&mut context.ruleset, &mut asked, &selected, &inner, &target);
            }
            let of_service = |(_, attachment): &(usize, &Attachment)| {
                matches!(attachment.traffic, Traffic::Service { .. })
            };
            if attached.iter().any(of_service) {
                // Its classes say which ports they have.
                rules.extend(asked);
            } else if !asked.is_empty() {
                let ports = ranges(&mail_ports(context.configuration, protocol));
                let inner = context.ruleset.chain(format!("{chain}/{}", protocol.name()), asked);
                rules.push(Rule::new(format!("tcp dport {ports} goto {inner}")));
            }
        }
        Some(context.ruleset.chain(chain, rules))
    }

    /// The attachments of the traffic between two ends, in the order in which they are asked.
    fn attached(&self, from: End<'_>, to: End<'_>) -> Vec<(usize, &Attachment)> {
        let mut attached: Vec<(usize, &Attachment)> =
            self.attachments.iter().enumerate().filter(|(_, one)| is_between(one, from, to)).collect();
        // The service policy of an interface goes before that of all interfaces.
        let is_of_all = |(_, attachment): &(usize, &Attachment)| {
            matches!(attachment.traffic, Traffic::Service { interface: None, .. })
        };
        attached.sort_by_key(is_of_all);
        attached
    }

    /// Where the sessions of an attachment go. Those that are not inspected go their way.
    fn target(
        &self,
        context: &mut Context<'_>,
        index: usize,
        attachment: &Attachment,
        from: End<'_>,
        to: End<'_>,
    ) -> String {
        let found = self.interceptions.iter().find(|interception| interception.attachment == index);
        let Some(interception) = found else { return NO.to_owned() };
        let port = match to {
            End::Own => interception.own_port,
            End::Interface(_) | End::Other => interception.port,
        };
        // Nothing would route intercepted packets of an interface that is not known to this host.
        let is_routed = !matches!(from, End::Other);
        let chain = if is_routed { format!("to-{port}") } else { format!("closed-{port}") };
        if context.ruleset.has_chain(&chain) {
            return chain;
        }
        let mut rules = Vec::new();
        if is_routed {
            let counter = context.ruleset.counter(&format!("intercepted-{port}"));
            for (family, address) in [("ip", "127.0.0.1"), ("ip6", "[::1]")] {
                rules.push(
                    Rule::new(format!(
                        "meta l4proto tcp tproxy {family} to {address}:{port} meta mark set meta mark & \
                         0xfbffffff | {MARK_CLIENT:#010x} notrack {counter} accept"
                    ))
                    .comment(told(attachment)),
                );
            }
        }
        if self.on_exit == OnExit::Closed {
            let counter = context.ruleset.counter(&format!("closed-{port}"));
            let rule = Rule::new(format!("meta l4proto tcp {counter} reject with tcp reset"));
            rules.push(rule.comment("nobody listens"));
        }
        context.ruleset.chain(chain, rules)
    }
}

/// Whether traffic from one end to another is of an attachment.
fn is_between(attachment: &Attachment, from: End<'_>, to: End<'_>) -> bool {
    match &attachment.traffic {
        Traffic::Proxy { .. } => false,
        Traffic::Pair { from: source, to: destination } => {
            source.text == from.zone() && destination.text == to.zone()
        }
        Traffic::Interface { direction: Direction::In, .. } => from.is_interface(&attachment.name.text),
        Traffic::Interface { direction: Direction::Out, .. } => to.is_interface(&attachment.name.text),
        Traffic::Service { interface, direction, .. } => {
            let passes = from.nameif().is_some() && (to.nameif().is_some() || matches!(to, End::Own));
            let is_of = interface.as_ref().is_none_or(|interface| {
                [from, to].iter().any(|end| end.nameif() == Some(interface.text.as_str()))
            });
            let is_inbound = from.level() < to.level();
            passes && is_of && (*direction == AsaDirection::Both || is_inbound)
        }
    }
}

fn told(attachment: &Attachment) -> String {
    let protocol = attachment.protocol.name();
    match (&attachment.class, &attachment.rule) {
        (Some(class), _) => format!("{} class {class}, {protocol}", attachment.name),
        (None, Some(rule)) => format!("{} rule {rule}, {protocol}", attachment.name),
        (None, None) => format!("{}, {protocol}", attachment.name),
    }
}

/// The rules for packets of our own sockets.
fn legs(hooks: &mut Hooks, owns: bool) {
    if owns {
        // Replies of a server on this host to a leg that seems to come from the client: they stay tracked, so that they
        // are led back and not to the client itself.
        hooks
            .prerouting
            .push(Rule::new(format!("socket mark {MARK_OWN:#010x} meta mark set {MARK_OWN:#010x} accept")));
        hooks.sent.push(Rule::new(format!("meta mark & {MARK_MASK:#010x} == {MARK_OWN:#010x} accept")));
        hooks.rerouted.extend([
            Rule::new(format!(
                "meta mark & {MARK_MASK:#010x} == {MARK_OWN:#010x} ct mark set {MARK_OWN:#010x} accept"
            )),
            Rule::new(format!("ct direction reply ct mark {MARK_OWN:#010x} meta mark set {MARK_OWN:#010x}")),
        ]);
    }
    // Errors of ICMP are about a socket too: without them a path with a smaller MTU hangs.
    hooks.prerouting.push(Rule::new(format!(
        "meta l4proto {{ tcp, icmp, icmpv6 }} socket transparent 1 meta mark set meta mark | {MARK_CLIENT:#010x} \
         notrack accept"
    )));
    hooks.sent.push(Rule::new("socket transparent 1 notrack"));
    if !hooks.input.is_empty() {
        let rule = format!("meta mark & {MARK_MASK:#010x} == {MARK_CLIENT:#010x} accept");
        hooks.input.insert(0, Rule::new(rule));
    }
    if !hooks.output.is_empty() {
        let rule = format!("meta mark & {MARK_MASK:#010x} == {MARK_SERVER:#010x} accept");
        hooks.output.insert(0, Rule::new(rule));
        hooks.output.insert(1, Rule::new("socket transparent 1 accept"));
    }
}

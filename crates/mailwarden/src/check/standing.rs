//! What of a configuration is in force, and what of it is not: the end of the report, as text and as JSON.
//!
//! Nothing that a file says may get lost between the two: what is not enforced has a list of its own, and a
//! policy on mail that no proxy enforces comes with the block that would.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use policy::Attachment;
use policy::attach::{Handling, Selector, Traffic};
use policy::diagnostic::Code;
use policy::model::{
    AllowTls, AsaDirection, Banner, Configuration, EsmtpInspection, EsmtpMatch, EsmtpParameters, L7Policy,
    L7Rule, MatchMode, Name, ParameterAction, Protocol, ProxyPolicy, SpecialCharacter,
};
use policy::profile::LogForm;
use proto::smtp::verb::Verb;

use crate::configuration::Read;

/// Where each part of a configuration stands.
pub(super) struct Standing<'r> {
    /// What `run` holds sessions to.
    pub(super) enforced: Vec<Proxied<'r>>,
    /// Proxies whose sessions are relayed, and none of them inspected.
    pub(super) relayed: Vec<Proxied<'r>>,
    /// Policies on mail that no proxy enforces.
    pub(super) needs_proxy: Vec<NeedsProxy<'r>>,
    /// What is understood and has no effect in this version.
    pub(super) not_yet: Vec<String>,
}

/// A proxy, and the classes of its policy.
pub(super) struct Proxied<'r> {
    pub(super) attachment: &'r Attachment,
    pub(super) listen: Vec<String>,
    pub(super) servers: Vec<String>,
    pub(super) classes: Vec<Class<'r>>,
}

/// A class of a policy that is enforced.
pub(super) struct Class<'r> {
    pub(super) name: Cow<'r, str>,
    pub(super) mode: MatchMode,
    /// Without the word `match`.
    pub(super) conditions: Vec<String>,
    /// In the order of the policy-map; empty if there is none.
    pub(super) actions: Vec<String>,
}

/// A policy on mail that no proxy enforces.
pub(super) struct NeedsProxy<'r> {
    pub(super) policy: &'r str,
    /// The command that defines it, with its name.
    pub(super) command: String,
    /// The zone-pairs that name it, and through which class.
    pub(super) named_by: Vec<String>,
    /// The lines that put it in force, ready to be added to the file.
    pub(super) block: String,
}

impl<'r> Standing<'r> {
    pub(super) fn of(read: &'r Read) -> Self {
        let mut standing = Self {
            enforced: Vec::new(),
            relayed: Vec::new(),
            needs_proxy: Vec::new(),
            not_yet: not_yet(read),
        };
        let Some(configuration) = &read.configuration else { return standing };
        for attachment in &*read.attachments {
            let Traffic::Proxy { listen, servers, .. } = &attachment.traffic else { continue };
            let proxied = Proxied {
                attachment,
                listen: listen.iter().map(ToString::to_string).collect(),
                servers: servers.iter().map(ToString::to_string).collect(),
                classes: classes(configuration, attachment),
            };
            match attachment.handling {
                Handling::Inspect | Handling::Drop => standing.enforced.push(proxied),
                Handling::Relay => standing.relayed.push(proxied),
            }
        }
        standing.needs_proxy = needs_proxy(configuration, &read.attachments);
        standing
    }
}

/// Whether any proxy holds its sessions to something.
pub(super) fn enforces(read: &Read) -> bool {
    read.attachments.iter().any(|attachment| {
        let is_proxy = matches!(attachment.traffic, Traffic::Proxy { .. });
        is_proxy && matches!(attachment.handling, Handling::Inspect | Handling::Drop)
    })
}

fn classes<'r>(configuration: &'r Configuration, attachment: &Attachment) -> Vec<Class<'r>> {
    // The rules of a classic inspection are no policy-map.
    let Some(policy) = attachment.policy.as_ref().filter(|_| attachment.rule.is_none()) else {
        return Vec::new();
    };
    if policy.profile().log == LogForm::Asa {
        let Some(map) = configuration.esmtp_map(policy.name()) else { return Vec::new() };
        return parameters(&map.parameters).chain(map.matches.iter().zip(1..).map(matched)).collect();
    }
    let policy = configuration.l7_policies.get(policy.name());
    let rules = policy.map_or(&[][..], |policy| &policy.rules);
    rules.iter().filter_map(|rule| class(configuration, rule)).collect()
}

/// The parameters of an ASA map that act.
fn parameters<'r>(of: &EsmtpParameters) -> impl Iterator<Item = Class<'r>> + use<'r> {
    let parameter = |name: &'static str, condition: String, actions: Vec<&str>| Class {
        name: name.into(),
        mode: MatchMode::Any,
        conditions: vec![condition],
        actions: actions.into_iter().map(str::to_owned).collect(),
    };
    let acts = |action: ParameterAction| {
        let drops = action.drops.then_some("drop-connection");
        drops.into_iter().chain(action.logs.then_some("log")).collect()
    };
    let relay = of.mail_relay.as_ref();
    let relay = relay.map(|(domain, action)| {
        parameter("mail-relay", format!("recipient outside {domain}"), acts(*action))
    });
    let is_masked = of.banner != Banner::Shown;
    let banner = is_masked.then(|| parameter("mask-banner", "greeting".to_owned(), vec!["mask"]));
    let special = match of.special_character {
        Some(SpecialCharacter::Acts(action)) => {
            Some(parameter("special-character", "address".to_owned(), acts(action)))
        }
        Some(SpecialCharacter::Allowed) | None => None,
    };
    let is_logged = of.allow_tls == Some(AllowTls::Yes { logs: true });
    let tls = is_logged.then(|| parameter("allow-tls", "STARTTLS".to_owned(), vec!["log"]));
    relay.into_iter().chain(banner).chain(special).chain(tls)
}

/// A match of an ASA map, by its number.
fn matched<'r>((one, number): (&EsmtpMatch, usize)) -> Class<'r> {
    let log = one.log.then(|| "log".to_owned());
    let action = one.action.map(|(action, _)| action.to_string());
    let condition = one.to_string().trim_start_matches("match ").to_owned();
    Class {
        name: format!("Class {number}").into(),
        mode: MatchMode::Any,
        conditions: vec![condition],
        actions: log.into_iter().chain(action).collect(),
    }
}

fn class<'r>(configuration: &'r Configuration, rule: &'r L7Rule) -> Option<Class<'r>> {
    let class = configuration.l7_classes.get(&rule.class.text)?;
    let conditions = class.conditions.iter().map(ToString::to_string);
    Some(Class {
        name: Cow::Borrowed(&class.name.text),
        mode: class.mode,
        conditions: conditions.map(|line| line.trim_start_matches("match ").to_owned()).collect(),
        actions: rule.to_string().lines().map(|line| line.trim().to_owned()).collect(),
    })
}

fn needs_proxy<'r>(configuration: &'r Configuration, attachments: &[Attachment]) -> Vec<NeedsProxy<'r>> {
    let in_force: HashSet<&str> = attachments
        .iter()
        .filter(|attachment| matches!(attachment.traffic, Traffic::Proxy { .. }) && attachment.rule.is_none())
        .filter_map(|attachment| Some(attachment.policy.as_ref()?.name()))
        .collect();
    let mut free = Free::of(configuration);
    let idle = configuration
        .l7_policies
        .iter()
        .filter(|policy| !policy.is_pinhole() && !in_force.contains(policy.name.text.as_str()));
    let mut needs: Vec<NeedsProxy<'r>> = idle
        .map(|policy| NeedsProxy {
            policy: &policy.name.text,
            command: format!("policy-map type inspect {} {}", policy.protocol, policy.name),
            named_by: named_by(attachments, &policy.name),
            block: block(configuration, policy, &mut free),
        })
        .collect();
    needs.extend(traffic_policies(configuration, &mut free));
    needs.extend(esmtp_maps(configuration, &mut free));
    needs
}

/// Policy-maps of an ASA that inspect mail, and that no proxy names.
fn traffic_policies<'r>(configuration: &'r Configuration, free: &mut Free<'_>) -> Vec<NeedsProxy<'r>> {
    let named: HashSet<&str> = configuration
        .proxies
        .iter()
        .filter_map(|proxy| match &proxy.policy {
            Some(ProxyPolicy::Traffic(name)) => Some(name.text.as_str()),
            _ => None,
        })
        .collect();
    let idle = configuration.traffic_policies.iter().filter(|policy| {
        policy.rules.iter().any(|rule| rule.inspection.is_some())
            && !named.contains(policy.name.text.as_str())
    });
    idle.map(|policy| {
        let name = &policy.name;
        let places = configuration.service_policies.iter().filter(|service| service.policy.text == name.text);
        let ports = configuration.inspected_ports(policy);
        let listen: String =
            ports.iter().map(|port| format!(" listen 0.0.0.0:{}\n", free.port(*port))).collect();
        let (proxy, server) = (free.name(&name.text), ports.first().copied().unwrap_or(SMTP));
        NeedsProxy {
            policy: &name.text,
            command: format!("policy-map {name}"),
            named_by: places.map(|service| service.to_string().trim_end().to_owned()).collect(),
            block: format!("proxy {proxy}\n{listen} server {SERVER}:{server}\n service-policy {name}\n"),
        }
    })
    .collect()
}

/// Maps of an ASA that no `inspect esmtp` names.
fn esmtp_maps<'r>(configuration: &'r Configuration, free: &mut Free<'_>) -> Vec<NeedsProxy<'r>> {
    let rules = configuration.traffic_policies.iter().flat_map(|policy| &policy.rules);
    let named_by_rules = rules.filter_map(|rule| rule.inspection.as_ref());
    let named_by_proxies = configuration.proxies.iter().filter_map(|proxy| match &proxy.policy {
        Some(ProxyPolicy::Esmtp(inspection)) => Some(inspection),
        _ => None,
    });
    let named: HashSet<&str> =
        named_by_rules.chain(named_by_proxies).map(EsmtpInspection::map_name).collect();
    let idle = configuration.esmtp_maps.iter().filter(|map| !named.contains(map.name.text.as_str()));
    idle.map(|map| {
        let name = &map.name;
        let (proxy, port) = (free.name(&name.text), free.port(SMTP));
        NeedsProxy {
            policy: &name.text,
            command: format!("policy-map type inspect esmtp {name}"),
            named_by: Vec::new(),
            block: format!(
                "proxy {proxy}\n listen 0.0.0.0:{port}\n server {SERVER}:{SMTP}\n inspect esmtp {name}\n"
            ),
        }
    })
    .collect()
}

/// The zone-pairs that lead mail to a policy.
fn named_by(attachments: &[Attachment], policy: &Name) -> Vec<String> {
    let leads_here = |attachment: &&Attachment| {
        let leads_to = attachment.policy.as_ref().map(|policy| policy.name());
        matches!(attachment.traffic, Traffic::Pair { .. }) && leads_to == Some(&policy.text)
    };
    let pairs = attachments.iter().filter(leads_here);
    pairs
        .map(|pair| format!("zone-pair {}, class {}", pair.name, pair.class.as_deref().unwrap_or_default()))
        .collect()
}

fn block(configuration: &Configuration, policy: &L7Policy, free: &mut Free<'_>) -> String {
    let name = &policy.name;
    let rules = configuration.l3_policies.iter().flat_map(|top| &top.rules);
    let mut rules = rules.filter(|rule| rule.l7_policy().is_some_and(|(_, named)| named.text == name.text));
    let parameters = rules.find_map(|rule| rule.action.as_ref()?.parameters());
    // `default` is built in, and no map of that name need be defined.
    let parameters = parameters.filter(|map| configuration.inspect_maps.get(&map.text).is_some());
    let parameters = parameters.map_or_else(String::new, |map| format!(" parameter-map {map}\n"));
    let protocol = policy.protocol;
    let assigned = match protocol {
        Protocol::Pop3 => 110,
        Protocol::Imap => 143,
        Protocol::Smtp | Protocol::Tcp => 25,
    };
    let (proxy, port) = (free.name(&name.text), free.port(assigned));
    // On its own port a protocol need not be named.
    let named = if port == assigned { String::new() } else { format!(" protocol {protocol}\n") };
    let named = if protocol == Protocol::Smtp { String::new() } else { named };
    let server = SocketAddr::new(SERVER, assigned);
    format!(
        "proxy {proxy}\n listen 0.0.0.0:{port}\n server {server}\n{named} service-policy type inspect {protocol} {name}\n{parameters}"
    )
}

/// What a new proxy may be called and listen on beside those that are there.
struct Free<'c> {
    configuration: &'c Configuration,
    names: HashSet<String>,
    ports: HashSet<u16>,
}

impl<'c> Free<'c> {
    fn of(configuration: &'c Configuration) -> Self {
        let listeners = configuration.proxies.iter().flat_map(|proxy| &proxy.listen);
        Self {
            configuration,
            names: HashSet::new(),
            ports: listeners.map(|listen| listen.value.port()).collect(),
        }
    }

    /// The policy's own name, if no proxy has it.
    fn name(&mut self, policy: &str) -> String {
        let numbered = (2..).map(|number| format!("{policy}-{number}"));
        let mut names = std::iter::once(policy.to_owned()).chain(numbered);
        let is_free =
            |name: &String| self.configuration.proxies.get(name).is_none() && !self.names.contains(name);
        let name = names.find(is_free).unwrap_or_default();
        self.names.insert(name.clone());
        name
    }

    /// The one that is assigned to the protocol, or the first from 2500 above it that no listener has on any address.
    fn port(&mut self, assigned: u16) -> u16 {
        let mut ports = std::iter::once(assigned).chain(2500 + assigned..);
        let port = ports.find(|port| !self.ports.contains(port)).unwrap_or(assigned);
        self.ports.insert(port);
        port
    }
}

/// What is read and has no effect in this version: zone-pairs, interfaces, other dialects and protocols, and
/// statements that a complaint says so of.
fn not_yet(read: &Read) -> Vec<String> {
    let mut not_yet: Vec<String> = read.attachments.iter().filter_map(between).collect();
    let is_so = |code| code == Code::NotSupported;
    let told = read.diagnostics.iter().filter(|complaint| is_so(complaint.code));
    not_yet.extend(told.map(|complaint| {
        let (_, line) = read.source.line_of(complaint.at);
        format!("line {}: {}", read.source.position(complaint.at).line, line.trim())
    }));
    not_yet
}

/// What a zone-pair, an interface or a service policy would do with mail.
fn between(attachment: &Attachment) -> Option<String> {
    let name = &attachment.name;
    let class = attachment.class.as_deref().unwrap_or_default();
    let handling = handling(attachment);
    match &attachment.traffic {
        Traffic::Proxy { .. } => None,
        Traffic::Pair { from, to } => {
            Some(format!("zone-pair {name} ({from} to {to}), class {class}: {handling}"))
        }
        Traffic::Interface { direction, access_group } => {
            let list = access_group.as_ref().map(|list| format!(", access-group {list}")).unwrap_or_default();
            Some(format!("interface {name} {direction}{list}, {}: {handling}", attachment.protocol))
        }
        Traffic::Service { interface, direction, access_groups } => {
            let place = match interface {
                Some(interface) => format!("interface {interface}"),
                None => "global".to_owned(),
            };
            let direction = match direction {
                AsaDirection::Both => "",
                AsaDirection::Inbound => ", from a lower to a higher security level",
            };
            let lists: String =
                access_groups.iter().map(|group| format!(", {}", group.to_string().trim_end())).collect();
            Some(format!("service-policy {name} {place}{direction}{lists}, class {class}: {handling}"))
        }
    }
}

/// What becomes of the sessions of an attachment.
pub(super) fn handling(attachment: &Attachment) -> String {
    match attachment.handling {
        Handling::Relay => {
            let rule = attachment.rule.as_ref().map(|rule| format!(" by rule {rule}")).unwrap_or_default();
            return format!("not inspected{rule}");
        }
        Handling::Drop if matches!(attachment.sessions, Selector::Denied(_)) => return "closed".to_owned(),
        Handling::Drop => return "every connection is dropped".to_owned(),
        Handling::Inspect => {}
    }
    let policy = match (&attachment.rule, &attachment.policy) {
        (Some(rule), _) => format!("rule {rule}"),
        (None, Some(policy)) => format!("policy {}", policy.name()),
        (None, None) => "no policy".to_owned(),
    };
    let conformance = attachment.conformance;
    // Without EHLO nobody can ask for it.
    if attachment.protocol == Protocol::Smtp && !attachment.profile.allows(Verb::Ehlo) {
        return format!("{policy}, conformance {conformance}");
    }
    format!("{policy}, conformance {conformance}, starttls {}", attachment.starttls)
}

/// The port of SMTP.
const SMTP: u16 = 25;

/// Stands for the mail server, which no policy names. RFC 5737: an address of documentation.
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 25));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::read_bytes;

    #[test]
    fn a_block_for_a_mailbox_names_its_protocol_and_its_ports() {
        let text = "class-map type inspect pop3 match-any ODD\n match invalid-command\n\
            policy-map type inspect pop3 boxes\n class ODD\n  reset\n";
        let [block] = blocks(text).try_into().expect("one block");
        let expected = "proxy boxes\n listen 0.0.0.0:110\n server 192.0.2.25:110\n\
             \x20service-policy type inspect pop3 boxes\n";
        assert_eq!(block, expected);
        let proxy = "proxy x\n listen 192.0.2.1:110\n server 192.0.2.2:110\n";
        let [block] = blocks(&format!("{text}{proxy}")).try_into().expect("one block");
        assert!(block.contains(" listen 0.0.0.0:2610\n") && block.contains(" protocol pop3\n"), "{block}");
    }

    /// A policy on mail that nothing names, under the name `mx`.
    const POLICY: &str = "class-map type inspect smtp match-any MANY\n match recipient count gt 100\n\
        policy-map type inspect smtp mx\n class type inspect smtp MANY\n  log\n  reset\n";

    fn blocks(text: &str) -> Vec<String> {
        let read = read_bytes("edge.conf", text.as_bytes());
        assert!(read.configuration.is_some(), "{}", read.complaints());
        Standing::of(&read).needs_proxy.into_iter().map(|needs| needs.block).collect()
    }

    #[test]
    fn the_block_that_is_printed_puts_the_policy_in_force() {
        let [block] = blocks(POLICY).try_into().expect("one block");
        assert_eq!(
            block,
            "proxy mx\n listen 0.0.0.0:25\n server 192.0.2.25:25\n service-policy type inspect smtp mx\n"
        );
        let read = read_bytes("edge.conf", format!("{POLICY}{block}").as_bytes());
        let standing = Standing::of(&read);
        assert!(standing.needs_proxy.is_empty());
        let [proxied] = standing.enforced.as_slice() else { panic!("one proxy") };
        let [class] = proxied.classes.as_slice() else { panic!("one class") };
        assert_eq!((&*class.name, &class.actions[..]), ("MANY", &["log".to_owned(), "reset".to_owned()][..]));
        assert_eq!(class.conditions, ["recipient count gt 100"]);
    }

    #[test]
    fn the_block_of_a_policy_of_an_asa_listens_where_its_classes_look() {
        for (text, listen) in [
            ("fixup protocol smtp 587\n", " listen 0.0.0.0:587\n server 192.0.2.25:587\n"),
            (
                "fixup protocol smtp 25\nfixup protocol smtp 2525\n",
                " listen 0.0.0.0:25\n listen 0.0.0.0:2525\n",
            ),
            (
                "access-list L extended permit tcp any any eq 2525\nclass-map C\n match access-list L\n\
                 policy-map p\n class C\n  inspect esmtp\nservice-policy p global\n",
                " listen 0.0.0.0:2525\n",
            ),
        ] {
            let [block] = blocks(text).try_into().expect("one block");
            assert!(block.contains(listen), "{block}");
            let read = read_bytes("edge.conf", format!("{text}{block}").as_bytes());
            let standing = Standing::of(&read);
            assert!(
                !standing.enforced.is_empty() && standing.needs_proxy.is_empty(),
                "{}",
                read.complaints()
            );
            assert!(!read.complaints().contains("never-matches"), "{}", read.complaints());
        }
    }

    #[test]
    fn the_parameters_of_a_map_that_act_are_in_force_beside_its_matches() {
        let text = "policy-map type inspect esmtp A\n parameters\n  mask-banner\n  allow-tls action log\n  \
            special-character action log\n  mail-relay example.org action drop-connection log\n match cmd verb VRFY\n  log\n\
            proxy x\n listen 192.0.2.1:25\n server 192.0.2.2:25\n inspect esmtp A\n";
        let read = read_bytes("edge.conf", text.as_bytes());
        let standing = Standing::of(&read);
        let names: Vec<&str> = standing.enforced[0].classes.iter().map(|class| &*class.name).collect();
        assert_eq!(names, ["mail-relay", "mask-banner", "special-character", "allow-tls", "Class 1"]);
        assert_eq!(standing.enforced[0].classes[0].actions, ["drop-connection", "log"]);
    }

    #[test]
    fn a_map_of_an_asa_that_nothing_names_comes_with_its_block() {
        let map = "policy-map type inspect esmtp EDGE\n match cmd verb VRFY\n  log\n";
        let [block] = blocks(map).try_into().expect("one block");
        assert!(block.ends_with(" inspect esmtp EDGE\n"), "{block}");
        let read = read_bytes("edge.conf", format!("{map}{block}").as_bytes());
        let [proxied] = &*Standing::of(&read).enforced else { panic!("{}", read.complaints()) };
        assert_eq!(proxied.classes.len(), 1);
    }

    #[test]
    fn a_block_takes_no_name_and_no_port_that_is_there() {
        let proxy = "proxy mx\n listen 192.0.2.1:25\n listen 192.0.2.1:2525\n server 192.0.2.2:25\n";
        let blocks = blocks(&format!("{POLICY}{proxy}"));
        let [block] = blocks.as_slice() else { panic!("one block") };
        assert!(block.starts_with("proxy mx-2\n listen 0.0.0.0:2526\n"), "{block}");
    }

    #[test]
    fn a_block_keeps_the_parameters_that_a_zone_pair_would_have_used() {
        let zones = "parameter-map type inspect SLOW\n tcp idle-time 900\n\
            class-map type inspect MAIL\n match protocol smtp\n\
            policy-map type inspect IN\n class type inspect MAIL\n  inspect SLOW\n  service-policy smtp mx\n\
            zone security a\nzone security b\n\
            zone-pair security ab source a destination b\n service-policy type inspect IN\n";
        let text = format!("{POLICY}{zones}");
        let read = read_bytes("edge.conf", text.as_bytes());
        let standing = Standing::of(&read);
        assert_eq!(standing.needs_proxy[0].named_by, ["zone-pair ab, class MAIL"]);
        assert_eq!(
            standing.not_yet,
            ["zone-pair ab (a to b), class MAIL: policy mx, conformance standard, starttls pass"]
        );
        let read = read_bytes("edge.conf", format!("{text}{}", standing.needs_proxy[0].block).as_bytes());
        let standing = Standing::of(&read);
        assert_eq!(standing.enforced[0].attachment.limits.tcp_idle, Some(900));
    }
}

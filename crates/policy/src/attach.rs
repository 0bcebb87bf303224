//! A valid configuration → its attachments: which traffic, which protocol, which rules and limits.
//!
//! Proxies, zone-pairs, interfaces and service policies become the same [`Attachment`]. What runs sessions, prints them
//! or installs kernel rules for them asks the attachments and follows no class or policy itself.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::compile::CompiledPolicy;
use crate::diagnostic::Diagnostics;
use crate::model::{
    AccessGroup, AllowTls, AnnounceLimits, AsaDirection, Carriers, Configuration, Conformance, Direction,
    GLOBAL, ImapPreauth, Introduction, L3Policy, Limits, Name, Protocol, Proxy, ProxyPolicy, RecipientLimit,
    Refusals, Server, ServicePolicy, StartTls, ZonePair,
};
use crate::profile::Profile;
use crate::source::Span;

mod classic;
mod complaints;
mod domain;
mod reach;
mod route;
mod selector;

pub use domain::LimitDomain;
use route::{Route, Routes, Rules};
use selector::{Classes, Lists};
pub use selector::{Port, Selector};

/// Where policy is tied to traffic, and what its sessions are held to.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Of the proxy, zone-pair or interface.
    pub name: Name,
    pub traffic: Traffic,
    /// Which of them, of those that no attachment of the same traffic before it has. The last of a proxy has all that
    /// are left.
    pub sessions: Selector,
    /// What the sessions speak.
    pub protocol: Protocol,
    /// Whether it is said that their SMTP is LMTP (RFC 2033).
    pub lmtp: bool,
    /// What becomes of them.
    pub handling: Handling,
    /// `pass log` or `drop log`: each session is logged.
    pub log: bool,
    /// The top-level class they are in, `class-default` included; `None` without a top-level policy.
    pub class: Option<String>,
    /// The rule of classic inspection.
    pub rule: Option<String>,
    /// The layer 7 rules. `None` where nothing is inspected, or by conformance alone.
    pub policy: Option<Arc<CompiledPolicy>>,
    /// What the dialect of the policy fixes; [`Profile::NONE`] without one.
    pub profile: Profile,
    /// Of the parameter-map of the proxy or else of the class; unset values are the platform's.
    pub limits: Limits,
    /// Whose sessions those limits count that are on their number.
    pub domain: LimitDomain,
    pub conformance: Conformance,
    pub refusals: Refusals,
    pub starttls: StartTls,
    pub recipient_limit: RecipientLimit,
    pub announce_limits: AnnounceLimits,
    pub imap_preauth: ImapPreauth,
}

/// Which sessions an attachment is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Those accepted on one of the addresses `listen`; they are connected to the first of `servers`
    /// that answers.
    Proxy {
        listen: Vec<SocketAddr>,
        servers: Vec<Server>,
        /// How the servers are told who the client is.
        introduction: Option<Introduction>,
        /// Networks from which a header of the PROXY protocol says who the client is.
        accept_proxy: Vec<IpNet>,
    },
    /// Those from one zone to another that are in the class of the attachment, and in no class of an
    /// earlier attachment of the same zone-pair.
    Pair { from: Name, to: Name },
    /// Those of an interface, by a rule of classic inspection.
    Interface {
        direction: Direction,
        /// The access list that decides in the same direction which of them there are.
        access_group: Option<Name>,
    },
    /// Those through an interface of an ASA, by its `nameif`, or through any.
    Service {
        interface: Option<Name>,
        direction: AsaDirection,
        /// What decides which of them there are.
        access_groups: Vec<AccessGroup>,
    },
}

impl Traffic {
    /// How servers are told who the client is.
    pub const fn introduction(&self) -> Option<Introduction> {
        match self {
            Self::Proxy { introduction, .. } => *introduction,
            Self::Pair { .. } | Self::Interface { .. } | Self::Service { .. } => None,
        }
    }
}

/// What becomes of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Its protocol is inspected.
    Inspect,
    /// It is relayed without inspection: a pinhole.
    Relay,
    /// It is refused.
    Drop,
}

/// The class at the end of every top-level policy, written or not.
const CLASS_DEFAULT: &str = "class-default";

/// The attachments of a configuration without errors: its proxies, its zone-pairs, its interfaces and its service
/// policies, each in the order of the file. A policy that cannot be compiled is an error, and its attachments have
/// no rules.
pub(crate) fn attach(configuration: &Configuration, diagnostics: &mut Diagnostics) -> Vec<Attachment> {
    let lists = Lists::default();
    let mut stage = Stage {
        configuration,
        lists: &lists,
        diagnostics,
        carriers: HashMap::new(),
        compiled: HashMap::new(),
        attachments: Vec::new(),
        told_of_max_data: HashSet::new(),
        told_of_classes: HashSet::new(),
    };
    configuration.proxies.iter().for_each(|proxy| stage.proxy(proxy));
    configuration.zone_pairs.iter().for_each(|pair| stage.zone_pair(pair));
    configuration.interfaces.iter().for_each(|interface| stage.interface(interface));
    configuration.service_policies.iter().for_each(|service| stage.service_policy(service));
    stage.attachments
}

struct Stage<'c, 'd> {
    configuration: &'c Configuration,
    lists: &'c Lists,
    diagnostics: &'d mut Diagnostics,
    carriers: HashMap<Protocol, Carriers<'c>>,
    /// `None` for what cannot be compiled.
    compiled: HashMap<Rules<'c>, Option<Arc<CompiledPolicy>>>,
    attachments: Vec<Attachment>,
    /// The lines of classic rules of which it was said how much data they allow.
    told_of_max_data: HashSet<Span>,
    /// The lines of policies whose classes no session of a proxy is in.
    told_of_classes: HashSet<Span>,
}

impl<'c> Stage<'c, '_> {
    const fn classes(&self, protocol: Protocol, port: Port) -> Classes<'c> {
        Classes { configuration: self.configuration, lists: self.lists, protocol, port }
    }

    fn proxy(&mut self, proxy: &'c Proxy) {
        let protocol = proxy.protocol();
        let classes = self.classes(protocol, Port::StoodFor);
        let routes = match &proxy.policy {
            // What a classic rule says of it is laid over it below.
            None | Some(ProxyPolicy::Classic(_)) => Routes::all(Route::INSPECT),
            Some(ProxyPolicy::Pinhole) => Routes::all(Route::RELAY),
            Some(ProxyPolicy::L7(_, name)) => Routes::all(Route::classes(name)),
            Some(ProxyPolicy::Esmtp(inspection)) => Routes::all(Route::esmtp(inspection)),
            Some(ProxyPolicy::Named(name)) => {
                let top = self.configuration.l3_policies.get(&name.text);
                top.map_or_else(|| Routes::all(Route::classes(name)), |top| classes.through_zones(top))
            }
            Some(ProxyPolicy::Traffic(name)) => classes.through_asa(name),
        };
        let traffic = Traffic::Proxy {
            listen: proxy.listen.iter().map(|listen| listen.value).collect(),
            servers: proxy.servers.iter().map(|server| server.value.clone()).collect(),
            introduction: proxy.introduction.map(|(introduction, _)| introduction),
            accept_proxy: proxy.accept_proxy.iter().map(|network| network.value).collect(),
        };
        let list = proxy.access_group.as_ref();
        if let Some(list) = list.and_then(|list| self.lists.get(self.configuration, list)) {
            let denied = Selector::Denied(list);
            let attachment = self.attachment(&proxy.name, traffic.clone(), denied, protocol, Route::DROP);
            self.attachments.push(attachment);
        }
        // Its classes say which connections are inspected, and so which are not.
        let is_top = matches!(proxy.policy, Some(ProxyPolicy::Named(_)));
        let by_classes = self.unreached(proxy, classes) || is_top && !routes.selected.is_empty();
        for (sessions, route) in routes {
            let route = Route { parameters: proxy.parameters.as_ref().or(route.parameters), ..route };
            let attachment = self.attachment(&proxy.name, traffic.clone(), sessions, protocol, route);
            let mut attachment = Attachment { lmtp: proxy.lmtp, ..attachment };
            self.complain(proxy, &attachment, by_classes);
            if let Some(ProxyPolicy::Classic(rule)) = &proxy.policy
                && let Some(rule) = self.configuration.inspect_rules.get(&rule.text)
            {
                self.classic_proxy(&mut attachment, rule);
            }
            self.attachments.push(attachment);
        }
    }

    /// What is doubtful about an attachment of a proxy.
    fn complain(&mut self, proxy: &Proxy, attachment: &Attachment, by_classes: bool) {
        let named_by = proxy.policy.as_ref().and_then(ProxyPolicy::policy).filter(|_| !by_classes);
        let relays_mail = attachment.handling == Handling::Relay && attachment.protocol != Protocol::Tcp;
        if let (true, Some(policy)) = (relays_mail, named_by) {
            self.diagnostics.push(complaints::not_inspected(self.configuration, attachment, policy));
        }
        if let (Handling::Relay, Some((Introduction::Xclient, at))) =
            (attachment.handling, proxy.introduction)
        {
            self.diagnostics.push(complaints::xclient_in_relay(attachment, at));
        }
        self.diagnostics.extend(complaints::tls_escapes(self.configuration, attachment));
        self.diagnostics.extend(complaints::starttls_by_map(self.configuration, attachment));
    }

    /// An attachment for each class of a service policy that is inspected.
    fn service_policy(&mut self, service: &'c ServicePolicy) {
        let classes = self.classes(Protocol::Smtp, Port::Own);
        let interface = (service.place.text != GLOBAL).then(|| service.place.clone());
        let routes = classes.through_asa(&service.policy).into_iter();
        for (sessions, route) in routes.filter(|(_, route)| route.handling == Handling::Inspect) {
            let direction = self.configuration.settings.asa_direction;
            let access_groups = self.configuration.access_groups_of(interface.as_ref()).cloned().collect();
            let traffic = Traffic::Service { interface: interface.clone(), direction, access_groups };
            let attachment = self.attachment(&service.policy, traffic, sessions, Protocol::Smtp, route);
            self.attachments.push(attachment);
        }
    }

    /// An attachment for each class that mail between the zones can be in.
    fn zone_pair(&mut self, pair: &'c ZonePair) {
        let Some(top) = pair.policy.as_ref() else { return };
        let Some(top) = self.configuration.l3_policies.get(&top.text) else { return };
        for protocol in Protocol::MAIL {
            // Of mailboxes only those policies speak that name their protocols.
            if protocol != Protocol::Smtp && !self.names(top, protocol) {
                continue;
            }
            let classes = self.classes(protocol, Port::Own);
            for (sessions, route) in classes.through_zones(top) {
                let traffic = Traffic::Pair { from: pair.source.clone(), to: pair.destination.clone() };
                let attachment = self.attachment(&pair.name, traffic, sessions, protocol, route);
                self.attachments.push(attachment);
            }
        }
    }

    /// Whether a class of the policy asks for the protocol.
    fn names(&mut self, top: &L3Policy, protocol: Protocol) -> bool {
        let configuration = self.configuration;
        let carriers = self.carriers.entry(protocol).or_insert_with(|| configuration.carriers(protocol));
        top.rules.iter().any(|rule| carriers.class(&rule.class).by_name())
    }

    fn attachment(
        &mut self,
        name: &Name,
        traffic: Traffic,
        sessions: Selector,
        protocol: Protocol,
        route: Route<'c>,
    ) -> Attachment {
        let configuration = self.configuration;
        let l7_policy = match route.rules {
            Some(Rules::Classes(name)) => configuration.l7_policies.get(name),
            Some(Rules::Esmtp(_)) | None => None,
        };
        let l7_policy = l7_policy.filter(|policy| policy.protocol == protocol);
        let esmtp_map = match route.rules {
            Some(Rules::Esmtp(name)) if protocol == Protocol::Smtp => configuration.esmtp_map(name),
            Some(Rules::Esmtp(_) | Rules::Classes(_)) | None => None,
        };
        let rules = route.rules.filter(|_| l7_policy.is_some() || esmtp_map.is_some());
        let handling = match route.handling {
            Handling::Inspect if protocol == Protocol::Tcp => Handling::Relay,
            // A policy that says nothing but `inspect` inspects nothing.
            Handling::Inspect if l7_policy.is_some_and(|policy| policy.is_pinhole()) => Handling::Relay,
            handling => handling,
        };
        let policy = rules.filter(|_| handling == Handling::Inspect).and_then(|rules| self.compile(rules));
        let parameters = route.parameters.and_then(|map| configuration.inspect_maps.get(&map.text));
        let settings = &configuration.settings;
        Attachment {
            name: name.clone(),
            traffic,
            sessions,
            protocol,
            lmtp: false,
            handling,
            log: route.log,
            class: route.class.map(str::to_owned),
            rule: None,
            profile: policy.as_ref().map_or(Profile::NONE, |policy| policy.profile()),
            policy,
            limits: match (parameters, route.connection) {
                (Some(map), _) => map.limits.clone(),
                (None, Some((_, connection))) => connection.limits(),
                (None, None) => Limits::default(),
            },
            domain: match (parameters, route.connection) {
                (None, Some((policy, _))) => LimitDomain::traffic(policy, route.class),
                (Some(_), _) | (None, None) => LimitDomain::class(name, route.class),
            },
            conformance: settings.conformance,
            refusals: settings.refusals,
            starttls: match esmtp_map.and_then(|map| map.parameters.allow_tls) {
                Some(AllowTls::No) => StartTls::Mask,
                Some(AllowTls::Yes { .. }) => StartTls::Pass,
                None => settings.starttls.unwrap_or_default(),
            },
            recipient_limit: settings.recipient_limit.unwrap_or_else(|| match esmtp_map {
                // A client that splits its mail does not notice; one that is cut off keeps it for days.
                Some(map) if map.is_built_in() => RecipientLimit::Refuse,
                Some(_) | None => RecipientLimit::default(),
            }),
            announce_limits: settings.announce_limits,
            imap_preauth: settings.imap_preauth,
        }
    }

    /// Layer 7 rules; each map is compiled once, and its attachments share them.
    fn compile(&mut self, rules: Rules<'c>) -> Option<Arc<CompiledPolicy>> {
        let Self { configuration, diagnostics, .. } = self;
        let compiled = self.compiled.entry(rules).or_insert_with(|| {
            let (compiled, named) = match rules {
                Rules::Classes(name) => {
                    let policy = configuration.l7_policies.get(name);
                    let compiled = CompiledPolicy::compile(configuration, name, &Profile::C3PL);
                    (compiled, policy.map(|policy| &policy.name))
                }
                Rules::Esmtp(name) => {
                    let map = configuration.esmtp_map(name)?;
                    (CompiledPolicy::compile_esmtp(configuration, map), Some(&map.name))
                }
            };
            match compiled {
                Ok(compiled) => Some(Arc::new(compiled)),
                Err(patterns) => {
                    let too_large = |pattern| complaints::too_large(configuration, pattern, named);
                    diagnostics.extend(patterns.into_iter().map(too_large));
                    None
                }
            }
        });
        compiled.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Ending;
    use crate::load;
    use crate::profile::{Commands, LoginDemands, Mechanisms};

    /// Two layer 7 policies, one of which inspects nothing, and classes for SMTP, POP3 and HTTP.
    const MAPS: &str = "\
        class-map type inspect smtp match-any many\n match recipient count gt 100\n\
        policy-map type inspect smtp p\n class many\n  reset\n\
        policy-map type inspect smtp hole\n class many\n  inspect\n\
        parameter-map type inspect slow\n tcp idle-time 900\n\
        ip access-list extended L\n permit tcp any any\n\
        class-map type inspect match-any mail\n match protocol smtp\n\
        class-map type inspect match-any pop\n match protocol pop3\n\
        class-map type inspect match-all listed\n match protocol smtp\n match access-group name L\n\
        class-map type inspect match-all others\n match protocol smtp\n match not access-group name L\n\
        class-map type inspect match-any web\n match protocol http\n";

    fn attachments(text: &str) -> Vec<Attachment> {
        let loaded = load("test", format!("{MAPS}{text}").as_bytes());
        assert!(loaded.configuration.is_some(), "{:?}", loaded.diagnostics);
        loaded.attachments
    }

    fn top(rules: &str) -> String {
        format!("policy-map type inspect t\n{rules}")
    }

    /// Class, handling and rules, in short.
    fn short(attachment: &Attachment) -> String {
        let class = attachment.class.as_deref().unwrap_or("no class");
        let rules = attachment.policy.as_ref().map_or("no rules", |policy| policy.name());
        format!("{class}: {:?}, {rules}", attachment.handling)
    }

    fn proxy(text: &str, lines: &str) -> Attachment {
        let proxy = "proxy x\n listen 127.0.0.1:25\n server 192.0.2.1:25\n server 192.0.2.2:25\n";
        let mut found = attachments(&format!("{text}{proxy}{lines}"));
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    fn pair(text: &str) -> Vec<String> {
        let pair = "zone security a\nzone security b\n\
            zone-pair security ab source a destination b\n service-policy type inspect t\n";
        let found = attachments(&format!("{text}{pair}"));
        for attachment in &found {
            let Traffic::Pair { from, to } = &attachment.traffic else { panic!("a proxy") };
            assert_eq!((from.text.as_str(), to.text.as_str()), ("a", "b"));
            assert_eq!(attachment.name.text, "ab");
        }
        found.iter().map(short).collect()
    }

    #[test]
    fn a_proxy_without_a_policy_is_inspected_by_conformance_alone() {
        let found = proxy("mailwarden\n conformance strict\n starttls mask\n", "");
        assert_eq!(short(&found), "no class: Inspect, no rules");
        assert_eq!(found.profile, Profile::NONE);
        assert_eq!((found.conformance, found.starttls), (Conformance::Strict, StartTls::Mask));
        let Traffic::Proxy { listen, servers, .. } = &found.traffic else { panic!("a zone-pair") };
        assert_eq!((listen.len(), servers.len()), (1, 2));
    }

    #[test]
    fn a_layer_7_policy_is_enforced_unless_it_only_inspects() {
        for lines in [" service-policy type inspect smtp p\n", " service-policy type inspect p\n"] {
            let found = proxy("", lines);
            assert_eq!(short(&found), "no class: Inspect, p");
            assert_eq!(found.profile, Profile::C3PL);
        }
        assert_eq!(short(&proxy("", " service-policy type inspect hole\n")), "no class: Relay, no rules");
        assert_eq!(short(&proxy("", " no inspect esmtp\n")), "no class: Relay, no rules");
    }

    #[test]
    fn the_first_class_that_carries_the_protocol_has_the_sessions_of_a_proxy() {
        let top = top(" class web\n  drop\n class mail\n  inspect slow\n  service-policy smtp p\n");
        let found = proxy(&top, " service-policy type inspect t\n");
        assert_eq!(short(&found), "mail: Inspect, p");
        assert_eq!(found.limits.tcp_idle, Some(900));
        let found = proxy(&top, " service-policy type inspect t\n protocol pop3\n");
        assert_eq!(short(&found), "class-default: Drop, no rules");
    }

    #[test]
    fn a_policy_on_mailboxes_is_enforced_where_its_protocol_is_spoken() {
        let maps = "class-map type inspect pop3 match-any odd\n match invalid-command\n\
            policy-map type inspect pop3 boxes\n class odd\n  reset\n";
        let top = top(" class pop\n  inspect\n  service-policy pop3 boxes\n");
        let named = format!("{maps}{top}");
        for policy in ["t", "boxes", "pop3 boxes"] {
            let lines = format!(" service-policy type inspect {policy}\n protocol pop3\n");
            let found = proxy(&named, &lines);
            assert!(short(&found).ends_with(": Inspect, boxes"), "{policy}: {}", short(&found));
        }
        assert_eq!(short(&proxy("", " protocol pop3\n")), "no class: Inspect, no rules");
        assert_eq!(short(&proxy("", " protocol tcp\n")), "no class: Relay, no rules");
    }

    #[test]
    fn the_first_port_of_a_proxy_tells_what_it_speaks() {
        for (port, protocol) in [(110, Protocol::Pop3), (143, Protocol::Imap), (2525, Protocol::Smtp)] {
            let found =
                attachments(&format!("proxy x\n listen 127.0.0.1:{port}\n server 192.0.2.1:{port}\n"));
            assert_eq!(found[0].protocol, protocol);
        }
    }

    #[test]
    fn a_class_with_an_access_list_has_what_the_list_permits_and_the_next_class_the_rest() {
        for class in ["listed", "others"] {
            let top =
                top(&format!(" class {class}\n  inspect\n  service-policy smtp p\n class mail\n  pass\n"));
            let proxy =
                "proxy x\n listen 127.0.0.1:25\n server 192.0.2.1:25\n service-policy type inspect t\n";
            let found = attachments(&format!("{top}{proxy}"));
            let found: Vec<String> = found.iter().map(short).collect();
            assert_eq!(found, [format!("{class}: Inspect, p"), "mail: Relay, no rules".to_owned()]);
        }
    }

    #[test]
    fn a_class_that_only_inspects_or_passes_makes_a_pinhole() {
        for action in ["inspect", "pass"] {
            let top = top(&format!(" class mail\n  {action}\n"));
            assert_eq!(short(&proxy(&top, " service-policy type inspect t\n")), "mail: Relay, no rules");
        }
        let nothing_said = top(" class mail\n");
        assert_eq!(short(&proxy(&nothing_said, " service-policy type inspect t\n")), "mail: Drop, no rules");
    }

    #[test]
    fn the_parameter_map_of_a_proxy_comes_before_that_of_its_class() {
        let top = top(" class mail\n  inspect slow\n  service-policy smtp p\n");
        let own = "parameter-map type inspect own\n tcp idle-time 60\n";
        let found = proxy(&format!("{own}{top}"), " service-policy type inspect t\n parameter-map own\n");
        assert_eq!(found.limits.tcp_idle, Some(60));
    }

    #[test]
    fn a_zone_pair_has_an_attachment_for_each_class_that_mail_can_be_in() {
        let rules = " class web\n  inspect\n class listed\n  pass\n class mail\n  inspect\n  service-policy smtp p\n\
             class others\n  drop\n";
        assert_eq!(pair(&top(rules)), ["listed: Relay, no rules", "mail: Inspect, p"]);
        assert_eq!(
            pair(&top(" class listed\n  pass\n class class-default\n  pass\n")),
            ["listed: Relay, no rules", "class-default: Relay, no rules"]
        );
        let expected = ["class-default: Drop, no rules", "pop: Relay, no rules"];
        assert_eq!(pair(&top(" class pop\n  inspect\n")), expected, "SMTP, and POP3");
    }

    #[test]
    fn a_classic_rule_demands_valid_commands_and_by_its_options_a_secure_login() {
        for (options, mechanisms, ending) in [
            ("", Mechanisms::Any, Ending::Close),
            (" secure-login", Mechanisms::Secure, Ending::Close),
            (" reset secure-login", Mechanisms::Secure, Ending::Reset),
        ] {
            for protocol in ["pop3", "imap"] {
                let rule = format!("ip inspect name boxes {protocol}{options}\n");
                let found = proxy(&rule, &format!(" protocol {protocol}\n ip inspect boxes in\n"));
                let demands = LoginDemands { commands: Commands::Valid, mechanisms, ending };
                assert_eq!(found.profile.login, demands, "{rule}");
            }
        }
    }

    #[test]
    fn attachments_with_the_same_policy_share_its_rules() {
        let listener = |name, port| {
            format!(
                "proxy {name}\n listen 127.0.0.1:{port}\n server 192.0.2.1:25\n\
                 service-policy type inspect smtp p\n"
            )
        };
        let found = attachments(&format!("{}{}", listener("x", 25), listener("y", 26)));
        let [x, y] = found.as_slice() else { panic!("two proxies") };
        assert!(Arc::ptr_eq(x.policy.as_ref().unwrap(), y.policy.as_ref().unwrap()));
    }

    #[test]
    fn a_file_with_errors_has_no_attachments() {
        let loaded =
            load("test", b"proxy x\n listen 127.0.0.1:25\n server 192.0.2.1:25\nzone-pair security p\n");
        assert!(loaded.configuration.is_none() && loaded.attachments.is_empty());
    }
}

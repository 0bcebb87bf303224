//! Zones, interfaces and access lists → one table of nftables, and where mail is intercepted on its way.
//!
//! [`compile`] is a pure function: it asks no kernel; `apply` puts what it makes there. `nft` prints a table; `condition` makes chains of what is asked of a
//! packet, `access_list` of lists, `protocols` of names of protocols. `zones`, `classic` and `asa` decide what passes, each for its
//! dialect, in the hooks where packets are forwarded, come in and go out. `intercept` leads mail that is inspected to the
//! listeners of the proxy before any of that.
//!
//! How a packet is handled, in this order:
//! 1. mail that an attachment inspects is intercepted, if no access list or security level forbids it;
//! 2. packets of sessions that an inspection let through pass, in both directions;
//! 3. access lists of interfaces;
//! 4. zones, or security levels.

use std::collections::{BTreeSet, HashMap};

use policy::Attachment;
use policy::attach::Selector;
use policy::diagnostic::{Code, Diagnostic, Diagnostics};
use policy::dialect::packets::PacketReader;
use policy::model::{AccessList, Configuration, L3Criterion, MatchMode, Name};
use policy::platform::Platform;

use condition::{FORGET, NO, Test, YES};
use interfaces::Interfaces;
pub(crate) use nft::Ruleset;
use nft::{Rule, name};

mod access_list;
pub(crate) mod apply;
mod asa;
mod classic;
pub(crate) mod command;
mod condition;
mod intercept;
mod interfaces;
mod nft;
mod protocols;
mod zones;

/// Bits of the mark of a packet that say whose it is: of a client's leg, of a server's leg, or of a server's leg to an
/// address of this host.
pub(crate) const MARK_MASK: u32 = 0x0300_0000;
pub(crate) const MARK_CLIENT: u32 = 0x0100_0000;
pub(crate) const MARK_SERVER: u32 = 0x0200_0000;
pub(crate) const MARK_OWN: u32 = 0x0300_0000;

/// The routing table that delivers intercepted packets to this host.
pub(crate) const TABLE: u32 = 2525;

/// Group of netlink that packets are logged to.
const LOG_GROUP: u16 = 25;

/// Of a connection that `inspect` of a zone-pair let through.
const CT_ZONES: &str = "0x08000000";
/// Of a connection that classic inspection or an ASA let through: no access list is asked about it again.
const CT_OPENED: &str = "0x10000000";

/// Which ports the listeners of intercepted mail have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    /// The others follow it.
    pub(crate) first: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self { first: 20025 }
    }
}

/// An attachment whose sessions are intercepted on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interception {
    /// Its index.
    pub(crate) attachment: usize,
    /// The port of the listener, on 127.0.0.1 and `[::1]`.
    pub(crate) port: u16,
    /// The same for sessions to addresses of this host.
    pub(crate) own_port: u16,
}

/// What becomes of mail that is to be inspected while nobody listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnExit {
    /// It is handled as if it were not inspected.
    Open,
    /// It is reset.
    #[default]
    Closed,
}

/// What a configuration is to the kernel.
#[derive(Debug)]
pub(crate) struct Netfilter {
    pub(crate) ruleset: Ruleset,
    pub(crate) interceptions: Vec<Interception>,
    /// The interfaces of the configuration, as Linux calls them.
    pub(crate) interfaces: Vec<String>,
    /// Whether sessions to addresses of this host are intercepted.
    pub(crate) owns: bool,
    /// What cannot be done, or not as it was meant. With an error nothing may be installed.
    pub(crate) complaints: Diagnostics,
}

/// Compiles a valid configuration.
pub(crate) fn compile(
    configuration: &Configuration,
    attachments: &[Attachment],
    ports: Ports,
    on_exit: OnExit,
) -> Netfilter {
    let mut complaints = Diagnostics::default();
    let interfaces = Interfaces::of(configuration, &mut complaints);
    let mut context = Context {
        configuration,
        interfaces: &interfaces,
        ruleset: Ruleset::default(),
        reader: PacketReader::new(configuration),
        known: HashMap::new(),
        complaints,
        unknown: BTreeSet::new(),
    };
    condition::answers(&mut context.ruleset);
    let mut hooks = Hooks::default();
    let gates = match configuration.platform {
        Platform::Ios => classic::compile(&mut context, &mut hooks),
        Platform::Asa => asa::compile(&mut context, &mut hooks),
    };
    zones::compile(&mut context, &mut hooks);
    let interceptions = intercept::compile(&mut context, &mut hooks, &gates, attachments, ports, on_exit);
    let Context { mut ruleset, complaints, .. } = context;
    let owns = !hooks.rerouted.is_empty();
    hooks.into_chains(&mut ruleset);
    Netfilter { ruleset, interceptions, interfaces: interfaces.names(), owns, complaints }
}

/// The rules of the hooks through which packets go.
#[derive(Default)]
struct Hooks {
    /// Before routing and connection tracking.
    prerouting: Vec<Rule>,
    /// What this host sends, before connection tracking.
    sent: Vec<Rule>,
    /// The same, where it may be routed anew.
    rerouted: Vec<Rule>,
    forward: Vec<Rule>,
    input: Vec<Rule>,
    output: Vec<Rule>,
    /// Whether sessions are let through past access lists.
    opens: bool,
}

impl Hooks {
    /// The base chains, those without rules left out.
    fn into_chains(self, ruleset: &mut Ruleset) {
        let filtered = |rules: Vec<Rule>| {
            let mut all = Vec::new();
            if !rules.is_empty() {
                if self.opens {
                    all.push(established(CT_OPENED));
                }
                all.extend(rules);
                // The next hooks, and others' rules in them, see no bit of ours.
                all.push(Rule::new(FORGET));
            }
            all
        };
        for (name, hook, rules) in [
            ("prerouting", "type filter hook prerouting priority raw", self.prerouting),
            ("sent", "type filter hook output priority raw", self.sent),
            ("rerouted", "type route hook output priority mangle", self.rerouted),
            ("forward", "type filter hook forward priority filter", filtered(self.forward)),
            ("input", "type filter hook input priority filter", filtered(self.input)),
            ("output", "type filter hook output priority filter", filtered(self.output)),
        ] {
            if !rules.is_empty() {
                ruleset.base_chain(name, hook, rules);
            }
        }
    }
}

/// The rule by which the packets of sessions with this bit of the mark pass, in both directions.
fn established(bit: &str) -> Rule {
    Rule::new(format!("ct mark & {bit} == {bit} ct state established,related counter accept"))
}

/// What all parts share: the table that grows, and what of it is there already.
struct Context<'c> {
    configuration: &'c Configuration,
    interfaces: &'c Interfaces<'c>,
    ruleset: Ruleset,
    reader: PacketReader<'c>,
    /// Chains that answer, by name.
    known: HashMap<String, Test>,
    complaints: Diagnostics,
    /// Protocols whose ports are not known, and that was said.
    unknown: BTreeSet<String>,
}

impl Context<'_> {
    /// What an access list permits. One that is not defined permits everything, as on a router.
    fn list(&mut self, list: &Name) -> Test {
        match self.configuration.access_lists.get(&list.text) {
            Some(list) => self.lists(&[list]),
            None => Test::Always,
        }
    }

    /// What lists permit, one behind the other.
    fn lists(&mut self, lists: &[&AccessList]) -> Test {
        let names = lists.iter().map(|list| list.name.text.as_str());
        let chain = name(&std::iter::once("acl").chain(names).collect::<Vec<_>>());
        if let Some(known) = self.known.get(&chain) {
            return known.clone();
        }
        let dead = access_list::compile(&mut self.ruleset, &mut self.reader, &chain, lists);
        for access_list::Dead { at, text, by } in dead {
            let message = format!("`{text}` decides nothing: an earlier line has all its packets");
            let mut hint = Diagnostic::new(Code::NoEffect, at, message);
            if let Some(by) = by {
                hint = hint.related(by, "this line");
            }
            self.complaints.push(hint);
        }
        self.known.insert(chain.clone(), Test::Chain(chain.clone()));
        Test::Chain(chain)
    }

    /// What a top-level class has.
    fn class(&mut self, class: &Name) -> Test {
        let chain = name(&["class", &class.text]);
        if let Some(known) = self.known.get(&chain) {
            return known.clone();
        }
        let configuration = self.configuration;
        let Some(class) = configuration.l3_classes.get(&class.text) else { return Test::NEVER };
        let tests = class.conditions.iter().map(|condition| {
            let test = match &condition.criterion {
                L3Criterion::Protocol(protocol) => self.protocol(protocol),
                L3Criterion::AccessGroup(list) => self.list(list),
                L3Criterion::Class(class) => self.class(class),
            };
            if condition.negated { test.not() } else { test }
        });
        let tests: Vec<Test> = tests.collect();
        let test = match class.mode {
            MatchMode::All if tests.is_empty() => Test::NEVER,
            MatchMode::All => Test::Each(tests),
            MatchMode::Any => Test::Any(tests),
        };
        self.answering(chain, &test)
    }

    /// What a protocol asks. One whose ports are not known has no packets, which is said.
    fn protocol(&mut self, protocol: &Name) -> Test {
        if let Some(test) = protocols::test(self.configuration, &protocol.text) {
            return test;
        }
        if self.unknown.insert(protocol.text.clone()) {
            let message = format!("the ports of `{protocol}` are not known: no packet is of it");
            let help =
                format!("write `ip port-map user-{protocol} port tcp NUMBER` and name `user-{protocol}`");
            self.complaints.push(Diagnostic::new(Code::NotSupported, protocol.at, message).help(help));
        }
        Test::NEVER
    }

    /// The sessions of an attachment; `chain` is where what it asks may be written.
    fn selector(&mut self, selector: &Selector) -> Test {
        let each = |context: &mut Self, selectors: &[Selector]| {
            selectors.iter().map(|selector| context.selector(selector)).collect()
        };
        match selector {
            Selector::All => Test::Always,
            Selector::None => Test::NEVER,
            Selector::Permitted(list, _) => self.lists(&[list]),
            Selector::Denied(list) => self.lists(&[list]).not(),
            Selector::Ports(ports, _) => Test::Is(format!("tcp dport {}", protocols::range(ports))),
            Selector::Each(selectors) => Test::Each(each(self, selectors)),
            Selector::Any(selectors) => Test::Any(each(self, selectors)),
            Selector::Not(selector) => self.selector(selector).not(),
        }
    }

    /// A chain that answers a test.
    fn answering(&mut self, chain: String, test: &Test) -> Test {
        let mut rules = Vec::new();
        condition::decide(&mut self.ruleset, &mut rules, test, &chain, [YES, NO]);
        self.ruleset.chain(chain.clone(), rules);
        self.known.insert(chain.clone(), Test::Chain(chain.clone()));
        Test::Chain(chain)
    }
}

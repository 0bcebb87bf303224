//! The command tables of classic inspection: `ip inspect`, `ip port-map`, and both on interfaces.

use std::ops::RangeInclusive;

use grammar::{Claim, Command, Matched, Mismatch, Platforms};

use super::lowering::block_lines;
use super::{Built, built, name, number, number_unless_no, text};
use crate::model::{Direction, InspectOptions, Limits, Name, PortMapping, Transport};

pub(super) mod lower;

#[derive(Clone, Debug)]
pub enum Statement {
    /// `ip inspect name NAME PROTOCOL …`; without a protocol only the `no` form.
    Rule {
        name: Name,
        protocol: Option<Name>,
        options: Box<InspectOptions>,
    },
    /// A number that holds for all rules.
    Limit {
        set: fn(&mut Limits, Option<u32>),
        value: Option<u32>,
    },
    /// Half-open sessions of one host, and minutes for which it is blocked.
    HostLimit(Option<(u32, u32)>),
    Alert {
        off: bool,
    },
    AuditTrail,
    /// `no ip inspect`: no rule and no setting of all is left.
    Everything,
    PortMap(Box<PortMapping>),
    /// Understood, and a matter of packets.
    OfPackets,
    Line(InnerLine),
}

#[derive(Clone, Debug)]
pub enum InterfaceLine {
    Inspect { rule: Name, direction: Direction },
    AccessGroup { list: Option<Name>, direction: Direction },
}

block_lines!(Classic: Interface(InterfaceLine));

pub(super) static GLOBAL_COMMANDS: &[Command<super::AnyStatement>] = &[
    Command::new(
        "[no] ip inspect name WORD$name {smtp | esmtp}$protocol [max-data (0-4294967295)$max_data] \
         [alert {on | off}$alert] [audit-trail {on | off}$audit_trail] [timeout (5-43200)$timeout]",
        "Inspect mail by the commands that a client may use",
        &[
            "IP",
            "Classic inspection",
            "A rule",
            "Name of the rule",
            "SMTP without extensions",
            "SMTP with extensions",
            "Message data of one session; 20000000 by default",
            "Bytes",
            ALERT, SEND, DO_NOT, AUDIT, SEND, DO_NOT, TIMEOUT, IN_SECONDS,
        ],
        rule,
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect name WORD$name {pop3 | imap}$protocol [alert {on | off}$alert] \
         [audit-trail {on | off}$audit_trail] [reset] [secure-login] [timeout (5-43200)$timeout]",
        "Inspect the login of mailboxes",
        &[
            "", "", "", "", "Post Office Protocol", "Internet Message Access Protocol",
            ALERT, SEND, DO_NOT, AUDIT, SEND, DO_NOT,
            "Reset a client that is not valid before login", "Demand that the login is encrypted or a digest",
            TIMEOUT, IN_SECONDS,
        ],
        rule,
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect name WORD$name {tcp | udp | icmp}$protocol [alert {on | off}$alert] \
         [audit-trail {on | off}$audit_trail] [router-traffic] [timeout (5-43200)$timeout]",
        "Let the answers of connections through",
        &["", "", "", "", "TCP", "UDP", "ICMP", ALERT, SEND, DO_NOT, AUDIT, SEND, DO_NOT, "Traffic of the router itself", TIMEOUT, IN_SECONDS],
        rule,
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect name WORD$name {http}$protocol [java-list WORD$java_list] [urlfilter] \
         [alert {on | off}$alert] [audit-trail {on | off}$audit_trail] [timeout (5-43200)$timeout]",
        "Let the answers of HTTP through",
        &["", "", "", "", "HTTP", "Sites that may send Java applets", "Access list", "Ask a filter for each URL", ALERT, SEND, DO_NOT, AUDIT, SEND, DO_NOT, TIMEOUT, IN_SECONDS],
        rule,
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect name WORD$name {fragment}$protocol [maximum (0-10000)$maximum] [timeout (1-1000)$timeout]",
        "Hold fragments back until their first has come",
        &["", "", "", "", "Fragments of packets", "How many may wait", "Number", "How long they may wait", "Seconds"],
        rule,
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect name WORD$name {rpc}$protocol program-number (1-4294967295)$program [wait-time (0-35791)$wait] \
         [alert {on | off}$alert] [audit-trail {on | off}$audit_trail] [timeout (5-43200)$timeout]",
        "Let the answers of a Sun RPC program through",
        &["", "", "", "", "Sun RPC", "A program", "Number", "For how long its clients may come from other ports", "Minutes", ALERT, SEND, DO_NOT, AUDIT, SEND, DO_NOT, TIMEOUT, IN_SECONDS],
        rule,
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect name WORD$name WORD$protocol [alert {on | off}$alert] \
         [audit-trail {on | off}$audit_trail] [timeout (5-43200)$timeout]",
        "Let the answers of another protocol through",
        &["", "", "", "", "A protocol", ALERT, SEND, DO_NOT, AUDIT, SEND, DO_NOT, TIMEOUT, IN_SECONDS],
        rule,
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
    Command::new(
        "no ip inspect name WORD$name",
        "Remove a rule",
        &["", "", "", ""],
        |m| built(Statement::Rule { name: name(m, "name")?, protocol: None, options: Box::default() }),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new("no ip inspect", "Remove every rule and every setting of all rules", &["", ""], |_| {
        built(Statement::Everything)
    })
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new("[no] ip inspect alert-off", "Send no alert messages", &["", "", "No alert messages"], |m| {
        built(Statement::Alert { off: !m.negated() })
    })
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect audit-trail",
        "Send a message at the end of each session",
        &["", "", "A message at the end of each session"],
        |_| built(Statement::AuditTrail),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect max-incomplete high [(1-2147483647)$value]",
        "Set the number of half-open sessions at which clearing begins",
        &["", "", "Half-open sessions", "Number at which clearing starts", "Number"],
        |m| limit(m, COUNT, |limits, value| limits.max_incomplete_high = value),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect max-incomplete low [(1-2147483647)$value]",
        "Set the number of half-open sessions at which clearing ends",
        &["", "", "", "Number at which clearing stops", "Number"],
        |m| limit(m, COUNT, |limits, value| limits.max_incomplete_low = value),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect one-minute high [(1-2147483647)$value]",
        "Set the rate of new sessions at which clearing begins",
        &["", "", "New sessions in a minute", "Number at which clearing starts", "Number"],
        |m| limit(m, COUNT, |limits, value| limits.one_minute_high = value),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect one-minute low [(1-2147483647)$value]",
        "Set the rate of new sessions at which clearing ends",
        &["", "", "", "Number at which clearing stops", "Number"],
        |m| limit(m, COUNT, |limits, value| limits.one_minute_low = value),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect tcp synwait-time [(1-2147483)$value]",
        "Set how long a connection may take to open",
        &["", "", "TCP", "Time to open", "Seconds"],
        |m| limit(m, SECONDS, |limits, value| limits.tcp_synwait = value),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect tcp finwait-time [(1-2147483)$value]",
        "Set how long a connection may take to close",
        &["", "", "", "Time to close", "Seconds"],
        |m| limit(m, SECONDS, |limits, value| limits.tcp_finwait = value),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect tcp idle-time [(1-2147483)$value] [vrf WORD$vrf]",
        "Set the idle time of TCP sessions",
        &["", "", "", "Idle time", "Seconds", "Of a routing instance", "Name"],
        |m| limit(m, SECONDS, |limits, value| limits.tcp_idle = value),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect tcp max-incomplete host [(1-4294967295)$hosts] [block-time (0-35791)$minutes]",
        "Limit half-open sessions of one host, and block it for a time",
        &["", "", "", "Half-open sessions", "Of one host", "Number", "How long to block it", "Minutes"],
        |m| {
            let hosts = number_unless_no(m, "hosts", "<1-4294967295>")?;
            built(Statement::HostLimit(hosts.map(|hosts| (hosts, number(m, "minutes").unwrap_or(0)))))
        },
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect tcp {block-non-session | reassembly | window-scale-enforcement} [LINE$rest]",
        "Accepted without effect: a proxy gets bytes in order",
        &["", "", "", "Segments of no connection", "Segments out of order", "Window scaling", "What of it"],
        |_| built(Statement::OfPackets),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect {hashtable-size | log | L2-transparent | redundancy | waas} LINE$rest",
        "Accepted without effect: a matter of packets",
        &["", "", "Size of a table", "Dropped packets", "Bridges", "Redundancy", "Wide area services", "What of it"],
        |_| built(Statement::OfPackets),
    )
    // Of its keywords the first two lead: every line that begins so is one of ours.
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect udp idle-time [(1-2147483)$value]",
        "Set the idle time of UDP sessions",
        &["", "", "UDP", "Idle time", "Seconds"],
        |m| limit(m, SECONDS, |limits, value| limits.udp_idle = value),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect dns-timeout [(1-2147483)$value]",
        "Set the idle time of DNS queries",
        &["", "", "Idle time of DNS queries", "Seconds"],
        |m| limit(m, SECONDS, |limits, value| limits.dns_timeout = value),
    )
    .claims(Claim::Whole)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip port-map WORD$application port [tcp | udp]$transport \
         {(1-65535)$port | from (1-65535)$from to (1-65535)$to} [list WORD$list] [description LINE$description]",
        "Name ports of an application beside those that the system knows",
        &[
            "",
            "Ports of applications",
            "Application",
            "Its port",
            "TCP",
            "UDP",
            "Port",
            "The first of several",
            "Port",
            "The last of them",
            "Port",
            "For the hosts of an access list",
            "Number or name",
            "Describe it",
            "Text",
        ],
        |m| built(Statement::PortMap(Box::new(port_map(m)?))),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
];

const ALERT: &str = "Alert messages of this protocol";
const AUDIT: &str = "A message at the end of each session";
const SEND: &str = "Send them";
const DO_NOT: &str = "Do not";
const TIMEOUT: &str = "Idle time of a session";
const IN_SECONDS: &str = "Seconds";

const SECONDS: &str = "<1-2147483>";
const COUNT: &str = "<1-2147483647>";

pub(super) static INTERFACE_COMMANDS: &[Command<super::AnyStatement>] = &[
    Command::new(
        "[no] ip inspect WORD$rule {in | out}$direction [redundancy LINE$rest]",
        "Inspect the traffic of the interface by a rule",
        &[
            "IP",
            "Classic inspection",
            "Name of the rule",
            "That comes in",
            "That goes out",
            "Stateful redundancy",
            "Its group",
        ],
        inspect,
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip inspect name WORD$rule {in | out}$direction",
        "The same, as a feature guide of Cisco's misprints it",
        &["", "", "A rule", "Name of the rule", "That comes in", "That goes out"],
        inspect,
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
    Command::new(
        "[no] ip access-group WORD$list {in | out}$direction",
        "Permit by an access list what comes in or goes out",
        &["", "Access list of the interface", "Number or name", "What comes in", "What goes out"],
        |m| built(InterfaceLine::AccessGroup { list: Some(name(m, "list")?), direction: direction(m) }),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
    Command::new(
        "no ip access-group {in | out}$direction",
        "Permit everything",
        &["", "", "What comes in", "What goes out"],
        |m| built(InterfaceLine::AccessGroup { list: None, direction: direction(m) }),
    )
    .claims(Claim::Anywhere)
    .on(Platforms::IOS),
];

fn rule(m: &Matched<'_>) -> Built {
    let protocol = name(m, "protocol")?;
    let protocol =
        Name::new(m.choice("protocol").unwrap_or(&protocol.text).to_ascii_lowercase(), protocol.at);
    let on = |key| m.choice(key).map(|state| state == "on");
    let options = InspectOptions {
        max_data: number(m, "max_data"),
        alert: on("alert"),
        audit_trail: on("audit_trail"),
        timeout: number(m, "timeout"),
        reset: m.has("reset"),
        secure_login: m.has("secure-login"),
        router_traffic: m.has("router-traffic"),
        java_list: text(m, "java_list"),
        urlfilter: m.has("urlfilter"),
        maximum: number(m, "maximum"),
        rpc: number(m, "program").map(|program| (program, number(m, "wait"))),
    };
    built(Statement::Rule { name: name(m, "name")?, protocol: Some(protocol), options: Box::new(options) })
}

fn limit(m: &Matched<'_>, range: &'static str, set: fn(&mut Limits, Option<u32>)) -> Built {
    built(Statement::Limit { set, value: number_unless_no(m, "value", range)? })
}

fn inspect(m: &Matched<'_>) -> Built {
    built(InterfaceLine::Inspect { rule: name(m, "rule")?, direction: direction(m) })
}

fn direction(m: &Matched<'_>) -> Direction {
    if m.choice("direction") == Some("out") { Direction::Out } else { Direction::In }
}

fn port_map(m: &Matched<'_>) -> Result<PortMapping, Mismatch> {
    let application = name(m, "application")?;
    let ports = ports(m)?;
    Ok(PortMapping {
        application: Name::new(application.text.to_ascii_lowercase(), application.at),
        transport: if m.choice("transport") == Some("udp") { Transport::Udp } else { Transport::Tcp },
        ports,
        list: text(m, "list"),
        description: text(m, "description").map(|text| text.text),
    })
}

fn ports(m: &Matched<'_>) -> Result<RangeInclusive<u16>, Mismatch> {
    let port = |key| m.number(key).and_then(|port| u16::try_from(port).ok());
    match (port("port"), port("from"), port("to")) {
        (Some(port), _, _) => Ok(port..=port),
        (None, Some(from), Some(to)) if from <= to => Ok(from..=to),
        (None, Some(from), Some(_)) => Err(m.invalid("to", format!("expected a port from {from} on"))),
        (None, _, _) => Err(Mismatch::Incomplete { expected: vec!["<1-65535>"] }),
    }
}

//! The commands of exec mode, as data: what is typed, and what it asks for.

use grammar::{Command, Matched, Mismatch, Mode};
use policy::model::Protocol;

use crate::proxy::debugging::Topics;

/// A command of exec mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exec {
    Show(Show),
    Clear(Clear),
    Debug(Debug),
    Reload,
}

/// A screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    Version,
    Proxies,
    Servers,
    Limits,
    Logging,
    RunningConfig {
        /// With what is built in.
        all: bool,
        /// Only the blocks whose first line begins with these words.
        section: Option<String>,
    },
    IpInspect(IpInspect),
    /// Zone-pairs and proxies with their policies, and what was counted.
    ZonePairPolicies {
        name: Option<String>,
        sessions: bool,
    },
    PolicyFirewallStatistics,
    /// Zone-pairs and proxies with all that their policies are made of.
    PolicyFirewallConfig {
        name: Option<String>,
    },
    ServicePolicy {
        place: ServicePolicyWhere,
        only_esmtp: bool,
    },
    Object(ShowObject),
    /// Sessions of all kinds, by policy: `show policy-firewall session`.
    PolicyFirewallSessions {
        of: Option<String>,
    },
    Conn {
        form: ConnForm,
        address: Option<String>,
    },
}

/// Objects of the configuration, all or one by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ShowObject {
    ClassMaps(Option<Protocol>, Option<String>),
    PolicyMaps(Option<Protocol>, Option<String>),
    EsmtpMaps(Option<String>),
    RegexMaps(Option<String>),
    InspectMaps(Option<String>),
    Zones(Option<String>),
    /// Those from one zone to another.
    ZonePairs(Option<(String, String)>),
    PortMap {
        application: Option<String>,
        port: Option<u16>,
    },
    AccessLists(Option<String>),
}

/// Where service policies are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServicePolicyWhere {
    Everywhere,
    Global,
    Interface(String),
}

/// What of classic inspection is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IpInspect {
    /// The rules, and what holds for all of them.
    Config,
    /// One rule.
    Name(String),
    Interfaces,
    Sessions {
        detail: bool,
    },
    Statistics,
    All,
    /// Without an argument.
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnForm {
    Lines,
    Detail,
    Count,
}

/// What is set to zero or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Clear {
    /// Of all sessions, or of a zone-pair or proxy.
    Counters(Option<String>),
    Sessions(ClearSessions),
}

/// Which sessions are ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClearSessions {
    All,
    /// The number of a session, as screens show it, or the address of a host.
    Which(String),
    /// Those of a zone-pair or proxy.
    Place(String),
}

/// What is told while the client listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Debug {
    pub(crate) topics: Topics,
    /// What is said when it is switched on.
    pub(crate) acknowledgement: &'static str,
}

/// Commands at the prompt of exec mode.
pub(crate) static EXEC: Mode<Exec> = Mode::new("exec", "#", &[SHOW, SHOW_OBJECTS, CLEAR, DEBUG, OTHERS]);

const SHOW: &[Command<Exec>] = &[
    Command::new(
        "show version",
        "Show the version, since when the daemon runs, and what is in force",
        &["Show what is running", "Version"],
        |_| Ok(Exec::Show(Show::Version)),
    ),
    Command::new(
        "show proxies",
        "Show each proxy with its listeners, servers, policy and sessions",
        &["", "Proxies"],
        |_| Ok(Exec::Show(Show::Proxies)),
    ),
    Command::new(
        "show servers",
        "Show each address of each server, and whether it answers",
        &["", "Mail servers"],
        |_| Ok(Exec::Show(Show::Servers)),
    ),
    Command::new(
        "show limits",
        "Show the limits on sessions, how near they are, and what they have done",
        &["", "Limits on sessions"],
        |_| Ok(Exec::Show(Show::Limits)),
    ),
    Command::new(
        "show logging",
        "Show where messages of the log go, and those that are kept in memory",
        &["", "The log"],
        |_| Ok(Exec::Show(Show::Logging)),
    ),
    Command::new(
        "show running-config [all] [LINE$section]",
        "Show the configuration in force, or the blocks whose first line begins with some words; `all` adds what is built in",
        &["", "Configuration in force", "With what is built in", "First words of blocks"],
        |m| {
            let section = m.text("section").map(|section| section.trim().to_owned());
            Ok(Exec::Show(Show::RunningConfig { all: m.has("all"), section }))
        },
    ),
    Command::new(
        "show ip inspect [name WORD$name | config | interfaces | session [detail] | statistics | all]$what",
        "Show classic inspection: its rules, interfaces, sessions or counters",
        &[
            "",
            "IP",
            "Classic inspection",
            "One rule",
            "Name of the rule",
            "Rules, and what holds for all of them",
            "Interfaces with their rules and access lists",
            "Sessions",
            "With ages and bytes",
            "Counters",
            "Everything",
        ],
        |m| {
            Ok(Exec::Show(Show::IpInspect(match m.choice("what") {
                Some("name") => IpInspect::Name(given(m, "name")?),
                Some("config") => IpInspect::Config,
                Some("interfaces") => IpInspect::Interfaces,
                Some("session") => IpInspect::Sessions { detail: m.has("detail") },
                Some("statistics") => IpInspect::Statistics,
                Some("all") => IpInspect::All,
                _ => IpInspect::Plain,
            })))
        },
    ),
    Command::new(
        "show policy-firewall session [zone-pair WORD$name]",
        "Show every session with its policy, or those of one zone-pair or proxy",
        &["", "Zone-based firewall", "Sessions", "One zone-pair", "Name of the zone-pair or proxy"],
        |m| Ok(Exec::Show(Show::PolicyFirewallSessions { of: m.text("name").map(str::to_owned) })),
    ),
    Command::new(
        "show policy-firewall config [zone-pair WORD$name]",
        "Show zone-pairs and proxies with their policies, as they are configured",
        &["", "", "Configuration", "One zone-pair", "Name of the zone-pair or proxy"],
        |m| Ok(Exec::Show(Show::PolicyFirewallConfig { name: m.text("name").map(str::to_owned) })),
    ),
    Command::new(
        "show policy-firewall stats",
        "Show what was counted of all sessions",
        &["", "", "Counters"],
        |_| Ok(Exec::Show(Show::PolicyFirewallStatistics)),
    ),
    Command::new(
        "show conn [count | detail]$form [address WORD$address]",
        "Show every connection, as on the ASA",
        &["", "Connections", "How many there are", "With ages", "Those of one host", "Address of the host"],
        |m| {
            let form = match m.choice("form") {
                Some("count") => ConnForm::Count,
                Some("detail") => ConnForm::Detail,
                _ => ConnForm::Lines,
            };
            Ok(Exec::Show(Show::Conn { form, address: m.text("address").map(str::to_owned) }))
        },
    ),
];

/// Screens of policies and of what they are made of.
const SHOW_OBJECTS: &[Command<Exec>] = &[
    Command::new(
        "show policy-map type inspect zone-pair [sessions | WORD$name [sessions]]$which",
        "Show each zone-pair and proxy with its policy, and what was counted; with its sessions",
        &[
            "",
            "Policies",
            "Kind of policy",
            "Firewall",
            "Zone-pairs and proxies",
            "With their sessions",
            "Name of a zone-pair or proxy",
            "With its sessions",
        ],
        |m| {
            let name = m.text("name").map(str::to_owned);
            Ok(Exec::Show(Show::ZonePairPolicies { name, sessions: m.has("sessions") }))
        },
    ),
    Command::new(
        "show policy-map type inspect {smtp | pop3 | imap}$protocol [WORD$name]",
        "Show policies of a mail protocol",
        &["", "", "", "", "SMTP", "POP3", "IMAP", "Name of a policy"],
        |m| object(ShowObject::PolicyMaps(protocol(m), named(m))),
    ),
    Command::new(
        "show policy-map type inspect esmtp [WORD$name]",
        "Show maps of the ASA; by its name also the one that is built in",
        &["", "", "", "", "ESMTP, as on the ASA", "Name of a map"],
        |m| object(ShowObject::EsmtpMaps(named(m))),
    ),
    Command::new("show policy-map type inspect", "Show top-level policies", &["", "", "", ""], |_| {
        object(ShowObject::PolicyMaps(None, None))
    }),
    Command::new(
        "show class-map type inspect {smtp | pop3 | imap}$protocol [WORD$name]",
        "Show classes of a mail protocol",
        &["", "Classes", "Kind of class", "Firewall", "SMTP", "POP3", "IMAP", "Name of a class"],
        |m| object(ShowObject::ClassMaps(protocol(m), named(m))),
    ),
    Command::new("show class-map type inspect", "Show top-level classes", &["", "", "", ""], |_| {
        object(ShowObject::ClassMaps(None, None))
    }),
    Command::new(
        "show parameter-map type regex [WORD$name]",
        "Show lists of patterns",
        &["", "Parameter-maps", "Kind of map", "Patterns", "Name of a map"],
        |m| object(ShowObject::RegexMaps(named(m))),
    ),
    Command::new(
        "show parameter-map type inspect [WORD$name]",
        "Show timers and thresholds; `default` shows what holds without a map",
        &["", "", "", "Timers and thresholds", "Name of a map, or `default`"],
        |m| object(ShowObject::InspectMaps(named(m))),
    ),
    Command::new(
        "show zone security [WORD$name]",
        "Show zones with their interfaces",
        &["", "Zones", "Of the firewall", "Name of a zone"],
        |m| object(ShowObject::Zones(named(m))),
    ),
    Command::new(
        "show zone-pair security [source WORD$source destination WORD$destination]",
        "Show zone-pairs with their policies",
        &[
            "",
            "Zone-pairs",
            "Of the firewall",
            "From a zone",
            "Name of the zone",
            "To a zone",
            "Name of the zone",
        ],
        |m| {
            let between = m.text("source").zip(m.text("destination"));
            let between = between.map(|(from, to)| (from.to_owned(), to.to_owned()));
            object(ShowObject::ZonePairs(between))
        },
    ),
    Command::new(
        "show ip port-map [port (1-65535)$port | WORD$application]$which",
        "Show the ports of applications",
        &["", "", "Ports of applications", "One port", "Number", "Application"],
        |m| {
            let application = m.text("application").map(str::to_owned);
            let port = m.number("port").and_then(|port| u16::try_from(port).ok());
            object(ShowObject::PortMap { application, port })
        },
    ),
    Command::new(
        "show access-lists [WORD$name]",
        "Show access lists",
        &["", "Access lists", "Name or number of a list"],
        |m| object(ShowObject::AccessLists(named(m))),
    ),
    Command::new(
        "show access-list [WORD$name]",
        "Show access lists, as typed on the ASA",
        &["", "Access lists", "Name of a list"],
        |m| object(ShowObject::AccessLists(named(m))),
    ),
    Command::new(
        "show ip access-lists [WORD$name]",
        "Show access lists of IP",
        &["", "", "Access lists", "Name or number of a list"],
        |m| object(ShowObject::AccessLists(named(m))),
    ),
    Command::new(
        "show service-policy [global | interface WORD$interface]$place [inspect esmtp]",
        "Show the policies of an ASA, and what was counted",
        &[
            "",
            "Policies in force",
            "That of all interfaces",
            "That of one interface",
            "Name of the interface",
            "Inspections only",
            "Of ESMTP",
        ],
        |m| {
            let place = match (m.choice("place"), m.text("interface")) {
                (Some("global"), _) => ServicePolicyWhere::Global,
                (_, Some(interface)) => ServicePolicyWhere::Interface(interface.to_owned()),
                _ => ServicePolicyWhere::Everywhere,
            };
            Ok(Exec::Show(Show::ServicePolicy { place, only_esmtp: m.has("esmtp") }))
        },
    ),
];

fn object(what: ShowObject) -> Result<Exec, Mismatch> {
    Ok(Exec::Show(Show::Object(what)))
}

fn named(m: &Matched<'_>) -> Option<String> {
    m.text("name").map(str::to_owned)
}

fn protocol(m: &Matched<'_>) -> Option<Protocol> {
    m.choice("protocol").and_then(Protocol::inspected)
}

const CLEAR: &[Command<Exec>] = &[
    Command::new(
        "clear counters",
        "Count from zero on all screens; metrics go on",
        &["Set to zero, or end", "All counters"],
        |_| Ok(Exec::Clear(Clear::Counters(None))),
    ),
    Command::new(
        "clear policy-firewall stats",
        "The same in the words of later releases",
        &["", "Zone-based firewall", "All counters"],
        |_| Ok(Exec::Clear(Clear::Counters(None))),
    ),
    Command::new(
        "clear zone-pair [WORD$name] {counter | inspect sessions}$what",
        "Count from zero, or end the sessions of a zone-pair or proxy",
        &["", "Zone-pairs and proxies", "Name of one", "Counters", "What is inspected", "Its sessions"],
        |m| {
            Ok(Exec::Clear(match (m.choice("what"), m.text("name")) {
                (Some("counter"), name) => Clear::Counters(name.map(str::to_owned)),
                (_, Some(name)) => Clear::Sessions(ClearSessions::Place(name.to_owned())),
                (_, None) => Clear::Sessions(ClearSessions::All),
            }))
        },
    ),
    Command::new(
        "clear ip inspect session WORD$which",
        "End a session by its number or those of a host by its address, as soon as no message is lost by it; `*` ends all",
        &["", "IP", "Inspection", "Sessions", "Number of a session, address of a host, or `*`"],
        |m| Ok(Exec::Clear(Clear::Sessions(which(given(m, "which")?)))),
    ),
    Command::new(
        "clear policy-firewall session [WORD$which]",
        "The same in the words of later releases; without an address all sessions",
        &["", "", "Sessions", "Number of a session or address of a host"],
        |m| {
            let which = m.text("which").map_or(ClearSessions::All, |of| which(of.to_owned()));
            Ok(Exec::Clear(Clear::Sessions(which)))
        },
    ),
    Command::new(
        "clear conn {all | address WORD$which}$what",
        "The same in the words of the ASA",
        &["", "Connections", "All of them", "Those of one host", "Address of the host"],
        |m| {
            let which = m.text("which").map_or(ClearSessions::All, |of| which(of.to_owned()));
            Ok(Exec::Clear(Clear::Sessions(which)))
        },
    ),
];

fn which(word: String) -> ClearSessions {
    if word == "*" { ClearSessions::All } else { ClearSessions::Which(word) }
}

const DEBUG: &[Command<Exec>] = &[
    Command::new(
        "debug ip inspect {smtp | pop3 | imap | events | object-creation | object-deletion}$what",
        "Stream what is inspected until Ctrl-C: segments of a protocol (those of pop3 and imap are not a device's), what matched, \
         or the beginning and end of sessions",
        &[
            "Stream what happens",
            "IP",
            "Inspection",
            "Segments of SMTP",
            "Segments of POP3",
            "Segments of IMAP",
            "Classes that act and anomalies",
            "Sessions that begin",
            "Sessions that end",
        ],
        |m| debug(m.choice("what")),
    ),
    Command::new(
        "debug policy-firewall {smtp | pop3 | imap | events | object-creation | object-deletion}$what",
        "The same in the words of later releases",
        &[
            "",
            "Zone-based firewall",
            "Segments of SMTP",
            "Segments of POP3",
            "Segments of IMAP",
            "Classes that act and anomalies",
            "Sessions that begin",
            "Sessions that end",
        ],
        |m| debug(m.choice("what")),
    ),
    Command::new(
        "debug esmtp",
        "The same of SMTP, in the word of the ASA, with what matched",
        &["", "Segments of SMTP, and what matched"],
        |_| {
            let topics = Topics::SMTP.with(Topics::EVENTS);
            Ok(Exec::Debug(Debug { topics, acknowledgement: "debug esmtp enabled at level 1" }))
        },
    ),
];

fn debug(what: Option<&str>) -> Result<Exec, Mismatch> {
    let (topics, acknowledgement) = match what {
        Some("pop3") => (Topics::POP3, "INSPECT POP3 Inspection debugging is on"),
        Some("imap") => (Topics::IMAP, "INSPECT IMAP Inspection debugging is on"),
        Some("events") => (Topics::EVENTS, "INSPECT special events debugging is on"),
        Some("object-creation") => (Topics::CREATION, "INSPECT Object Creations debugging is on"),
        Some("object-deletion") => (Topics::DELETION, "INSPECT Object Deletions debugging is on"),
        _ => (Topics::SMTP, "INSPECT SMTP Inspection debugging is on"),
    };
    Ok(Exec::Debug(Debug { topics, acknowledgement }))
}

const OTHERS: &[Command<Exec>] = &[Command::new(
    "reload",
    "Read the configuration again, and put it in force if it has no errors",
    &["Read the configuration again"],
    |_| Ok(Exec::Reload),
)];

impl Exec {
    /// Whether it changes something.
    pub(crate) const fn changes(&self) -> bool {
        match self {
            Self::Show(_) | Self::Debug(_) => false,
            Self::Clear(_) | Self::Reload => true,
        }
    }
}

/// A syntax as a reader types it: `WORD$name` is `NAME`, and a group has no name.
pub(crate) fn typed(syntax: &str) -> String {
    let words = syntax.split(' ').map(|word| match word.split_once('$') {
        Some((kind, name)) => {
            let closing = name.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            match kind.strip_suffix("WORD").or_else(|| kind.strip_suffix("LINE")) {
                Some(opening) => {
                    format!("{opening}{}{closing}", name.trim_end_matches(closing).to_uppercase())
                }
                None => format!("{kind}{closing}"),
            }
        }
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A word that the command cannot do without.
fn given(m: &Matched<'_>, name: &str) -> Result<String, Mismatch> {
    m.text(name).map(str::to_owned).ok_or_else(|| m.invalid(name, "a name is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;
    use grammar::{Platforms, check, resolve, words};

    fn read(line: &str) -> Exec {
        let found = resolve(&EXEC, Platforms::ALL, &words(line));
        found.unwrap_or_else(|error| panic!("{}", error.render(line))).build().unwrap()
    }

    #[test]
    fn docs_commands_md_is_the_table_printed() {
        let rows = EXEC.commands().map(|command| {
            let syntax = typed(command.syntax).replace('|', "\\|");
            format!("| `{syntax}` | {} |\n", command.about)
        });
        let table: String = rows.collect();
        golden::compare_table("docs/commands.md", "|---|---|\n", &table);
    }

    #[test]
    fn no_two_commands_collide() {
        assert_eq!(check(&EXEC), []);
    }

    #[test]
    fn commands_may_be_shortened() {
        assert_eq!(read("sh ver"), Exec::Show(Show::Version));
        let detail = Exec::Show(Show::IpInspect(IpInspect::Sessions { detail: true }));
        assert_eq!(read("sh ip insp sess det"), detail);
        assert_eq!(read("show ip inspect"), Exec::Show(Show::IpInspect(IpInspect::Plain)));
    }

    #[test]
    fn only_what_changes_nothing_is_for_everybody() {
        assert!(!read("show version").changes());
        assert!(["reload", "clear counters"].iter().all(|line| read(line).changes()));
    }
}

//! Statements of our own, on every platform: the `mailwarden` block and `proxy` blocks.

use std::net::{IpAddr, SocketAddr};

use grammar::{Claim, Command, Matched, Mismatch, Mode};
use ipnet::IpNet;
use proto::proxy_protocol::Version;

use super::lowering::{block_lines, described};
use super::{Built, address, built, description, name, name_unless_no, text};
use crate::model::{
    AnnounceLimits, AsaDirection, Conformance, EventsDetail, ImapPreauth, Name, Protocol, RecipientLimit,
    Refusals, Server, StartTls,
};
use crate::platform::Platform;

pub(super) mod lower;

#[derive(Clone, Debug)]
pub enum Statement {
    Mailwarden,
    Proxy(Name),
    Line(InnerLine),
}

impl Statement {
    /// Whether no other feature of a device has such a line.
    pub(super) const fn is_distinctive(&self) -> bool {
        matches!(self, Self::Line(InnerLine::Proxy(ProxyLine::Listen(_) | ProxyLine::Server(_))))
    }
}

#[derive(Clone, Debug)]
pub enum MailwardenLine {
    Platform(Platform),
    Workers(u16),
    Conformance(Conformance),
    Refusals(Refusals),
    StartTls(StartTls),
    RecipientLimit(RecipientLimit),
    AnnounceLimits(AnnounceLimits),
    ImapPreauth(ImapPreauth),
    EventsDetail(EventsDetail),
    AsaDirection(AsaDirection),
    ControlSocket(Option<Name>),
    Metrics(Option<SocketAddr>),
    EventsJson(Option<Name>),
    Warning(Name),
}

#[derive(Clone, Debug)]
pub enum ProxyLine {
    Description(Option<Name>),
    Listen(SocketAddr),
    Server(Server),
    /// `send-proxy`; only the `no` form has no version.
    SendProxy(Option<Version>),
    SendXclient,
    AcceptProxy(IpNet),
    Protocol(Option<Protocol>),
    /// `protocol lmtp`.
    Lmtp,
    /// `service-policy type inspect NAME`: a top-level policy-map, or an SMTP one.
    Policy(Option<Name>),
    /// `service-policy type inspect PROTOCOL NAME`.
    L7Policy(Protocol, Option<Name>),
    /// Timers and session limits.
    Parameters(Option<Name>),
    /// `inspect esmtp [MAP]` of the ASA.
    InspectEsmtp(Option<Name>),
    /// `service-policy NAME` of the ASA.
    TrafficPolicy(Option<Name>),
    /// `ip inspect RULE` of classic IOS.
    IpInspect(Name),
    /// `ip access-group LIST in` of classic IOS.
    AccessGroup(Name),
}

block_lines!(Own: Mailwarden(MailwardenLine), Proxy(ProxyLine));
described!(ProxyLine);

pub(super) static GLOBAL_COMMANDS: &[Command<super::AnyStatement>] = &[
    Command::new("[no] mailwarden", "Configure this program", &["Settings of this program"], |_| {
        built(Statement::Mailwarden)
    })
    .enters(&MAILWARDEN),
    Command::new(
        "[no] proxy WORD$name",
        "Define a proxy: a listener that relays mail to servers",
        &["A listener that relays to mail servers", "Name"],
        |m| built(Statement::Proxy(name(m, "name")?)),
    )
    .enters(&PROXY),
];

static MAILWARDEN: Mode<super::AnyStatement> = Mode::new(
    "mailwarden",
    "(config-mailwarden)#",
    &[&[
        Command::new(
            "[no] platform {ios | asa}$platform",
            "Set the platform whose language the file uses; by default it is detected",
            &["Language of the file", "Cisco IOS", "Cisco ASA or PIX"],
            |m| {
                let asa = m.choice("platform") == Some("asa");
                built(MailwardenLine::Platform(if asa { Platform::Asa } else { Platform::Ios }))
            },
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] workers (1-1024)$count",
            "Set the number of worker threads; by default one per processor",
            &["Worker threads", "Number"],
            |m| {
                let count = m.number("count").and_then(|count| u16::try_from(count).ok()).unwrap_or(1);
                built(MailwardenLine::Workers(count))
            },
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] conformance {compat | standard | strict}$level",
            "Set how strictly the protocol standards are enforced",
            &[
                "How strictly the protocol standards are enforced",
                "Normalize where possible",
                "Refuse dangerous violations",
                "Refuse all violations",
            ],
            |m| {
                built(MailwardenLine::Conformance(match m.choice("level") {
                    Some("compat") => Conformance::Compat,
                    Some("strict") => Conformance::Strict,
                    _ => Conformance::Standard,
                }))
            },
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] refusals {smtp | close | silent | detail}$form",
            "Set the reply to a refused command or message",
            &[
                "Reply to a refused command or message",
                "An SMTP reply; further commands are answered until the client leaves",
                "An SMTP reply, after which the connection is closed",
                "No reply: the connection is closed",
                "As `smtp`, and the reply names the class",
            ],
            |m| {
                built(MailwardenLine::Refusals(match m.choice("form") {
                    Some("close") => Refusals::Close,
                    Some("silent") => Refusals::Silent,
                    Some("detail") => Refusals::Detail,
                    _ => Refusals::Smtp,
                }))
            },
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] starttls {pass | mask | device}$treatment",
            "Set how STARTTLS is treated",
            &[
                "Treatment of STARTTLS",
                "Allow it; what follows is not inspected",
                "Mask the keyword and the command",
                "As the original device does",
            ],
            |m| {
                built(MailwardenLine::StartTls(match m.choice("treatment") {
                    Some("mask") => StartTls::Mask,
                    Some("device") => StartTls::Device,
                    _ => StartTls::Pass,
                }))
            },
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] recipient-limit {device | refuse}$form",
            "Set the reply to a recipient above the limit of a class",
            &[
                "Reply to a recipient above the limit",
                "As the original device does: close the connection",
                "452; the session continues",
            ],
            |m| {
                let refuse = m.choice("form") == Some("refuse");
                let limit = if refuse { RecipientLimit::Refuse } else { RecipientLimit::Device };
                built(MailwardenLine::RecipientLimit(limit))
            },
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] announce-limits {on | off}$form",
            "Set whether replies to EHLO name the limit of recipients that a class enforces",
            &[
                "Whether replies to EHLO name the limit of recipients",
                "LIMITS RCPTMAX is lowered to it, or added",
                "Replies are left alone",
            ],
            |m| {
                let off = m.choice("form") == Some("off");
                built(MailwardenLine::AnnounceLimits(if off {
                    AnnounceLimits::Off
                } else {
                    AnnounceLimits::On
                }))
            },
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] imap-preauth {refuse | pass}$form",
            "Set whether an IMAP server may take its clients for logged in from the beginning",
            &[
                "IMAP servers that greet with PREAUTH",
                "Refuse them: their clients cannot begin TLS",
                "Allow them; such a session is not inspected",
            ],
            |m| {
                let pass = m.choice("form") == Some("pass");
                let form = if pass { ImapPreauth::Pass } else { ImapPreauth::Refuse };
                built(MailwardenLine::ImapPreauth(form))
            },
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] asa-direction {both | inbound}$direction",
            "Set which connections the service policies of an ASA inspect",
            &[
                "Direction of inspection between interfaces of an ASA",
                "Every connection",
                "Those from a lower to a higher security level",
            ],
            |m| {
                let inbound = m.choice("direction") == Some("inbound");
                let direction = if inbound { AsaDirection::Inbound } else { AsaDirection::Both };
                built(MailwardenLine::AsaDirection(direction))
            },
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] control-socket [WORD$path]",
            "Set the path of the control socket, where a running daemon is asked",
            &["Socket of `mailwarden show` and the like", "Path"],
            |m| built(MailwardenLine::ControlSocket(name_unless_no(m, "path")?)),
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] metrics [WORD$address]",
            "Set the address where metrics are served over HTTP, in the format of Prometheus",
            &["Address of the metrics", "ADDRESS:PORT"],
            |m| {
                let listen = if m.negated() { None } else { Some(given_address(m)?) };
                built(MailwardenLine::Metrics(listen))
            },
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] events json [WORD$path]",
            "Write events to a file as JSON, one object per line",
            &["Event output", "One JSON object per line", "Path"],
            |m| built(MailwardenLine::EventsJson(name_unless_no(m, "path")?)),
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] events detail {envelope | headers | none}$detail",
            "Set how much events tell of the mail itself",
            &[
                "Event output",
                "What events tell of mail",
                "Sender, recipients, message id, parts, and what classes matched",
                "The subject as well",
                "None of it",
            ],
            |m| {
                built(MailwardenLine::EventsDetail(match m.choice("detail") {
                    Some("headers") => EventsDetail::Headers,
                    Some("none") => EventsDetail::None,
                    _ => EventsDetail::Envelope,
                }))
            },
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] warning WORD$code",
            "With `no`: acknowledge a warning, which is not shown any more",
            &["Warnings about the file", "Code of a warning, as it stands behind the message"],
            |m| built(MailwardenLine::Warning(name(m, "code")?)),
        )
        .claims(Claim::Whole),
    ]],
);

static PROXY: Mode<super::AnyStatement> = Mode::new(
    "proxy",
    "(config-proxy)#",
    &[&[
        description::<ProxyLine>(&["Describe the proxy", "Up to 200 characters"]),
        Command::new(
            "[no] listen WORD$address",
            "Add an address that clients connect to",
            &["Address that clients connect to", "ADDRESS:PORT"],
            |m| built(ProxyLine::Listen(listen(m)?)),
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] server WORD$address",
            "Add a mail server that connections are relayed to",
            &["A mail server of the proxy", "ADDRESS:PORT or NAME:PORT"],
            |m| built(ProxyLine::Server(server(m, "address")?)),
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] send-proxy [{v1 | v2}$version]",
            "Tell the servers who the client is, by a header of the PROXY protocol",
            &["PROXY protocol towards the servers", "Version 1: a line of text", "Version 2: binary"],
            |m| {
                built(ProxyLine::SendProxy(match m.choice("version") {
                    Some("v1") => Some(Version::One),
                    Some("v2") => Some(Version::Two),
                    _ if m.negated() => None,
                    _ => return Err(Mismatch::Incomplete { expected: vec!["v1", "v2"] }),
                }))
            },
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] send-xclient",
            "Tell the servers who the client is, by the command XCLIENT of Postfix",
            &["XCLIENT towards the servers"],
            |_| built(ProxyLine::SendXclient),
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] accept-proxy WORD$network",
            "Take the client from a header of the PROXY protocol in connections from a network",
            &["PROXY protocol from a balancer in front", "NETWORK/LENGTH, or one address"],
            |m| built(ProxyLine::AcceptProxy(network(m, "network")?)),
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] protocol {smtp | esmtp | lmtp | pop3 | imap | tcp}$protocol",
            "Set the protocol; by default it follows from the port",
            &[
                "Protocol; by default the port decides",
                "SMTP without extensions",
                "SMTP with extensions",
                "Local mail transfer, with a reply for each recipient",
                "Post Office Protocol",
                "Internet Message Access Protocol",
                "Any protocol, not inspected",
            ],
            protocol,
        ),
        Command::new(
            "[no] service-policy type inspect {smtp | pop3 | imap}$protocol WORD$policy",
            "Apply a policy to the commands and messages of this proxy",
            &[
                "Enforce a policy",
                "Its type",
                "An inspection policy",
                "An SMTP policy",
                "A POP3 policy",
                "An IMAP policy",
                "Name of the policy-map",
            ],
            |m| {
                let protocol = m.choice("protocol").and_then(Protocol::inspected).unwrap_or(Protocol::Smtp);
                built(ProxyLine::L7Policy(protocol, Some(name(m, "policy")?)))
            },
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] service-policy type inspect [WORD$policy]",
            "Apply a policy to the traffic of this proxy",
            &["", "", "", "Name of the policy-map"],
            |m| built(ProxyLine::Policy(name_unless_no(m, "policy")?)),
        )
        .claims(Claim::Anywhere),
        Command::new(
            "[no] inspect esmtp [WORD$map]",
            "Inspect as an ASA does, by a policy-map of type inspect esmtp; with `no`: relay without inspection",
            &["ASA inspection", "SMTP and ESMTP", "Name of the policy-map; by default `_default_esmtp_map`"],
            |m| built(ProxyLine::InspectEsmtp(text(m, "map"))),
        ),
        Command::new(
            "[no] service-policy [WORD$policy]",
            "Apply a policy-map of an ASA: its classes say which connections are inspected",
            &["", "Name of the policy-map"],
            |m| built(ProxyLine::TrafficPolicy(name_unless_no(m, "policy")?)),
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] ip inspect WORD$rule [in]",
            "Inspect by a rule of classic IOS inspection",
            &["IP", "Classic inspection", "Name of the rule", "What comes in"],
            |m| built(ProxyLine::IpInspect(name(m, "rule")?)),
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] ip access-group WORD$list in",
            "Close connections that an access list does not permit, before a server is asked",
            &["", "Access list of the clients", "Number or name", "What comes in"],
            |m| built(ProxyLine::AccessGroup(name(m, "list")?)),
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] parameter-map [WORD$map]",
            "Apply timers and session limits",
            &["Timers and limits", "Name of a parameter-map of type inspect"],
            |m| built(ProxyLine::Parameters(name_unless_no(m, "map")?)),
        )
        .claims(Claim::Whole),
    ]],
);

fn listen(m: &Matched<'_>) -> Result<SocketAddr, Mismatch> {
    let typed = m.text("address").unwrap_or_default();
    let port = typed.parse::<u16>().ok();
    let meant = with_port(typed).or_else(|| port.map(|port| format!("0.0.0.0:{port}")));
    address(m, "address").map_err(|why| why.help(meant.map(|meant| format!("write `{meant}`"))))
}

/// An address that was typed without a port, with the usual one.
fn with_port(typed: &str) -> Option<String> {
    match typed.trim_matches(['[', ']']).parse().ok()? {
        IpAddr::V4(address) => Some(format!("{address}:25")),
        IpAddr::V6(address) => Some(format!("[{address}]:25")),
    }
}

fn server(m: &Matched<'_>, key: &str) -> Result<Server, Mismatch> {
    let parsed = m.text(key).and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| {
        let named = |typed: &str| {
            let with_port = format!("{typed}:25");
            (typed.parse::<u16>().is_err() && with_port.parse::<Server>().is_ok()).then_some(with_port)
        };
        let meant = m.text(key).and_then(|typed| with_port(typed).or_else(|| named(typed)));
        m.invalid(
            key,
            "expected an address or a name with its port, such as `192.0.2.1:25` or `mail.example.org:25`",
        )
        .help(meant.map(|meant| format!("write `{meant}`")))
    })
}

fn protocol(m: &Matched<'_>) -> Built {
    built(ProxyLine::Protocol(match m.choice("protocol") {
        Some("lmtp") => return built(ProxyLine::Lmtp),
        Some("smtp") => Some(Protocol::Smtp),
        Some("esmtp") => Some(Protocol::Smtp),
        Some("pop3") => Some(Protocol::Pop3),
        Some("imap") => Some(Protocol::Imap),
        Some("tcp") => Some(Protocol::Tcp),
        _ => None,
    }))
}

/// A prefix without bits behind it, or a single address.
fn network(m: &Matched<'_>, key: &str) -> Result<IpNet, Mismatch> {
    let text = name(m, key)?.text;
    let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| address.into()));
    let network: IpNet = network
        .map_err(|_| m.invalid(key, "expected a network, such as `192.0.2.0/24` or `2001:db8::/32`"))?;
    match network.trunc() {
        same if same == network => Ok(network),
        meant => Err(m
            .invalid(key, format!("expected `{meant}`: bits behind the length must be 0"))
            .help(format!("write `{meant}`"))),
    }
}

fn given_address(m: &Matched<'_>) -> Result<SocketAddr, Mismatch> {
    // A word that is missing is another complaint than one that is no address.
    let typed = name(m, "address")?.text;
    let port = typed.strip_prefix("localhost:").unwrap_or(&typed).parse::<u16>();
    let meant = port.ok().map(|port| format!("write `127.0.0.1:{port}`"));
    address(m, "address").map_err(|why| why.help(meant))
}

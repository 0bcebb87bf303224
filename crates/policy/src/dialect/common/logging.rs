//! `logging …`, `service timestamps log` and `clock timezone`, as IOS and an ASA have them.

use std::net::IpAddr;

use grammar::{Claim, Command, Matched, Mismatch, Platforms};

use super::Statement;
use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::{AnyStatement, Built, built};
use crate::model::{
    ClockZone, DatetimeStamp, Facility, LocalLog, LogBuffer, LogFormat, LogHost, LogLevel, LogMessage,
    LogStamps, Logging, Name, Transport,
};

/// A line about logging; what the `no` form does not say is absent.
#[derive(Clone, Debug)]
pub enum LoggingLine {
    On,
    Host {
        host: LogHost,
        /// What the device also says of it and we do not carry out.
        other: Option<Name>,
    },
    Local(LocalLog),
    Trap(Option<LogLevel>),
    Facility(Option<Facility>),
    Format(LogFormat),
    Buffered(LogBuffer),
    BufferSize(Option<u32>),
    Message(LogMessage),
    /// The name of the system itself, or another.
    Device(Option<Name>),
    Stamps(LogStamps),
    Zone(Option<ClockZone>),
}

impl LoggingLine {
    /// A warning of what the line says and we do not do.
    pub(super) fn complaint(&self) -> Option<Diagnostic> {
        let Self::Host { other: Some(other), .. } = self else { return None };
        let instead = match &*other.text {
            "secure" => "messages go to the server in clear text",
            "discriminator" | "filtered" => "the server gets every message",
            _ => "messages have the form of `logging format`",
        };
        let message = format!("`{other}` has no effect: {instead}");
        Some(Diagnostic::new(Code::NoEffect, other.at, message))
    }

    /// What the line changes; after `no` it takes back what it says.
    pub(super) fn apply(self, negated: bool, logging: &mut Logging) {
        match self {
            Self::On => logging.off = negated,
            Self::Host { host, .. } => {
                logging.hosts.retain(|other| other.address != host.address);
                logging.hosts.extend(Some(host).filter(|_| !negated));
            }
            Self::Local(local) => logging.local = Some(local).filter(|_| !negated),
            Self::Trap(level) => logging.trap = level.filter(|_| !negated),
            Self::Facility(facility) => logging.facility = facility.filter(|_| !negated),
            Self::Format(format) => logging.format = if negated { LogFormat::default() } else { format },
            Self::Buffered(buffer) => {
                let size = buffer.size.or(logging.buffer.size);
                logging.buffer = match negated {
                    false => LogBuffer { size, ..buffer },
                    true => LogBuffer { off: true, size: None, level: None },
                };
            }
            Self::BufferSize(size) => logging.buffer.size = size.filter(|_| !negated),
            Self::Message(message) => {
                let before = logging.messages.iter().position(|other| other.number == message.number);
                let before = before.map(|at| logging.messages.remove(at));
                let (mut off, mut level) = before.map_or((false, None), |it| (it.off, it.level));
                match message.level {
                    Some(_) => level = message.level.filter(|_| !negated),
                    None => off = negated,
                }
                if off || level.is_some() {
                    logging.messages.push(LogMessage { off, level, ..message });
                }
            }
            Self::Device(name) => logging.device = name.filter(|_| !negated),
            Self::Stamps(stamps) => {
                logging.stamps = match (negated, stamps) {
                    (false, stamps) => Some(stamps),
                    (true, LogStamps::Asa) => None,
                    (true, LogStamps::None | LogStamps::Uptime | LogStamps::Datetime(_)) => {
                        Some(LogStamps::None)
                    }
                };
            }
            Self::Zone(zone) => logging.zone = zone.filter(|_| !negated),
        }
    }
}

const LEVELS: [&str; 9] = [
    "The system is unusable",
    "Act at once",
    "Critical conditions",
    "Errors",
    "Warnings",
    "Normal, but significant",
    "Informational messages",
    "Messages for debugging",
    "By number",
];

pub(in crate::dialect) static LOGGING_COMMANDS: &[Command<AnyStatement>] = &[
    Command::new(
        "[no] logging on",
        "Send messages to syslog hosts, the local socket and the buffer; with `no`: to none of them",
        &["Message output", "To all destinations"],
        |_| line(LoggingLine::On),
    )
    .on(Platforms::IOS)
    .claims(Claim::Whole),
    Command::new(
        "[no] logging {on | enable}",
        "Send messages to syslog hosts, the local socket and the buffer; with `no`: to none of them",
        &["Message output", "To all destinations", "To all destinations"],
        |_| line(LoggingLine::On),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole),
    Command::new(
        "[no] logging host WORD$host [vrf WORD$vrf] [transport {udp | tcp}$transport [port (1-65535)$port]] \
         [{discriminator WORD$discriminator | filtered | sequence-num-session | xml}$other]",
        "Send messages to a syslog server",
        &[
            "Message output",
            "A syslog server",
            "IPv4 or IPv6 address",
            "A routing table; the system decides the way here",
            "Its name",
            "How the server is reached",
            "Datagrams, the default",
            "A connection, with the length before each message (RFC 6587)",
            "Port, by default 514 of UDP and 601 of TCP",
            "Port",
            "Only some messages; not carried out",
            "Its name",
            "Through a script; not carried out",
            "With a number; not carried out",
            "As XML; not carried out",
        ],
        ios_host,
    )
    .on(Platforms::IOS)
    .claims(Claim::Anywhere),
    Command::new(
        "[no] logging A.B.C.D$host",
        "Send messages to a syslog server",
        &["Message output", "IPv4 address of a syslog server"],
        ios_host,
    )
    .on(Platforms::IOS)
    .claims(Claim::Whole),
    Command::new(
        "[no] logging host WORD$interface WORD$host [WORD$syslog] [{format emblem | secure}$other]",
        "Send messages to a syslog server",
        &[
            "Message output",
            "A syslog server",
            "Name of the interface that leads to it; the system decides that here",
            "IPv4 or IPv6 address",
            "`udp/PORT` or `tcp/PORT`, by default 514 of UDP",
            "Another form; not carried out",
            "That of CiscoWorks",
            "Over TLS; not carried out",
        ],
        asa_host,
    )
    .on(Platforms::ASA)
    .claims(Claim::Anywhere),
    Command::new(
        "[no] logging local [WORD$path]",
        "Send messages to the syslog of this system",
        &["Message output", "The socket of this system", "Its path, by default /dev/log"],
        |m| {
            let path = m.word("path").map(|word| Name::new(word.text, word.span.into()));
            line(LoggingLine::Local(LocalLog { path }))
        },
    )
    .claims(Claim::Anywhere),
    Command::new(
        "[no] logging trap [{emergencies | alerts | critical | errors | warnings | notifications | informational | \
         debugging | (0-7)}$level]",
        "Set how bad a message must be to go to syslog hosts and the local socket",
        &[
            "Message output", "What goes to hosts", LEVELS[0], LEVELS[1], LEVELS[2], LEVELS[3], LEVELS[4], LEVELS[5],
            LEVELS[6], LEVELS[7], LEVELS[8],
        ],
        |m| line(LoggingLine::Trap(level(m).or_else(|| (!m.negated()).then(LogLevel::default)))),
    )
    .claims(Claim::Anywhere),
    Command::new(
        "[no] logging facility [{auth | cron | daemon | kern | local0 | local1 | local2 | local3 | local4 | local5 | \
         local6 | local7 | lpr | mail | news | sys9 | sys10 | sys11 | sys12 | sys13 | sys14 | syslog | user | \
         uucp}$facility]",
        "Set the facility of messages to syslog hosts",
        &[
            "Message output", "Facility of the messages", "Authorization", "Cron", "Daemons", "The kernel", "Local use",
            "Local use", "Local use", "Local use", "Local use", "Local use", "Local use", "Local use, the default",
            "Printing", "Mail", "News", "System use", "System use", "System use", "System use", "System use",
            "System use", "Syslog itself", "Users", "Unix-to-Unix copy",
        ],
        |m| line(LoggingLine::Facility(m.choice("facility").and_then(Facility::named))),
    )
    .on(Platforms::IOS)
    .claims(Claim::Anywhere),
    Command::new(
        "[no] logging facility [(16-23)$facility]",
        "Set the facility of messages to syslog hosts",
        &["Message output", "Facility of the messages", "local0 to local7; the default is 20"],
        |m| line(LoggingLine::Facility(m.number("facility").and_then(Facility::numbered))),
    )
    .on(Platforms::ASA)
    .claims(Claim::Anywhere),
    Command::new(
        "[no] logging format {rfc3164 | rfc5424}$format",
        "Set the frame of messages to syslog hosts",
        &["Message output", "Frame of the messages", "BSD syslog, the default", "The syslog protocol"],
        |m| {
            let newer = m.choice("format") == Some("rfc5424");
            line(LoggingLine::Format(if newer { LogFormat::Rfc5424 } else { LogFormat::Rfc3164 }))
        },
    )
    .claims(Claim::Anywhere),
    Command::new(
        "[no] logging buffered [(4096-2147483647)$size] [{emergencies | alerts | critical | errors | warnings | \
         notifications | informational | debugging | (0-7)}$level]",
        "Keep messages in memory, for `show logging`",
        &[
            "Message output", "Keep messages in memory", "Bytes that are kept, by default 65536; at most 16 MiB are",
            LEVELS[0], LEVELS[1], LEVELS[2], LEVELS[3], LEVELS[4], LEVELS[5], LEVELS[6], LEVELS[7], LEVELS[8],
        ],
        |m| line(LoggingLine::Buffered(LogBuffer { off: false, size: size(m), level: level(m) })),
    )
    .on(Platforms::IOS)
    .claims(Claim::Corrected),
    Command::new(
        "[no] logging buffered [{emergencies | alerts | critical | errors | warnings | notifications | informational | \
         debugging | (0-7)}$level]",
        "Keep messages in memory, for `show logging`",
        &[
            "Message output", "Keep messages in memory", LEVELS[0], LEVELS[1], LEVELS[2], LEVELS[3], LEVELS[4],
            LEVELS[5], LEVELS[6], LEVELS[7], LEVELS[8],
        ],
        |m| line(LoggingLine::Buffered(LogBuffer { off: false, size: None, level: level(m) })),
    )
    .on(Platforms::ASA)
    .claims(Claim::Corrected),
    Command::new(
        "[no] logging buffer-size (4096-1048576)$size",
        "Set how much the memory of `logging buffered` keeps",
        &["Message output", "Size of the memory", "Bytes, by default 65536"],
        |m| line(LoggingLine::BufferSize(size(m))),
    )
    .on(Platforms::ASA)
    .claims(Claim::Anywhere),
    Command::new(
        "[no] logging message (100000-999999)$number [level {emergencies | alerts | critical | errors | warnings | \
         notifications | informational | debugging | (0-7)}$level]",
        "Set the severity of a message; with `no` and without `level`: do not write it",
        &[
            "Message output", "One message", "Its number", "Another severity", LEVELS[0], LEVELS[1], LEVELS[2], LEVELS[3],
            LEVELS[4], LEVELS[5], LEVELS[6], LEVELS[7], LEVELS[8],
        ],
        |m| {
            let number = m.number("number").and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
            line(LoggingLine::Message(LogMessage { number, off: false, level: level(m) }))
        },
    )
    .on(Platforms::ASA)
    .claims(Claim::Anywhere),
    Command::new(
        "[no] logging {device-id | origin-id} {hostname | string WORD$name}",
        "Set what messages to syslog hosts call this system",
        &[
            "Message output",
            "What messages call this system",
            "What messages call this system",
            "Its name, the default",
            "Another name",
            "Name",
        ],
        |m| {
            let other = m.word("name").map(|word| Name::new(word.text, word.span.into()));
            line(LoggingLine::Device(other))
        },
    )
    .claims(Claim::Whole),
    Command::new(
        "[no] logging timestamp",
        "Begin each message with its date and time",
        &["Message output", "Date and time before the message"],
        |_| line(LoggingLine::Stamps(LogStamps::Asa)),
    )
    .on(Platforms::ASA)
    .claims(Claim::Whole),
    Command::new(
        "[no] service timestamps log [uptime]",
        "Begin each message with how long the program has been running; with `no`: with nothing",
        &["Services of the system", "What stands before messages", "Those of the log", "How long it has been running"],
        |_| line(LoggingLine::Stamps(LogStamps::Uptime)),
    )
    .on(Platforms::IOS)
    .claims(Claim::Corrected),
    Command::new(
        "[no] service timestamps log datetime [msec] [localtime] [show-timezone] [year]",
        "Begin each message with its date and time; with `no`: with nothing",
        &[
            "Services of the system",
            "What stands before messages",
            "Those of the log",
            "Date and time",
            "With milliseconds",
            "In the local zone, not in UTC",
            "With the name of the zone",
            "With the year",
        ],
        |m| {
            line(LoggingLine::Stamps(LogStamps::Datetime(DatetimeStamp {
                msec: m.has("msec"),
                localtime: m.has("localtime"),
                show_timezone: m.has("show-timezone"),
                year: m.has("year"),
            })))
        },
    )
    .on(Platforms::IOS)
    .claims(Claim::Corrected),
    Command::new(
        "[no] clock timezone [WORD$name WORD$hours [(0-59)$minutes]]",
        "Set the local time zone of messages",
        &["The clock", "The local time zone", "What it is called", "Hours from UTC, -23 to 23", "Minutes beside the hours"],
        |m| line(LoggingLine::Zone(zone(m)?)),
    )
    .claims(Claim::Corrected),
];

fn line(line: LoggingLine) -> Built {
    built(Statement::Logging(line))
}

fn level(m: &Matched<'_>) -> Option<LogLevel> {
    let word = m.choice("level").and_then(LogLevel::named);
    word.or_else(|| m.number("level").and_then(LogLevel::numbered))
}

fn host_address(m: &Matched<'_>) -> Result<IpAddr, Mismatch> {
    let text = m.text("host").unwrap_or_default();
    text.parse().map_err(|_| m.invalid("host", "expected an IPv4 or IPv6 address"))
}

fn size(m: &Matched<'_>) -> Option<u32> {
    m.number("size").and_then(|size| u32::try_from(size).ok())
}

fn ios_host(m: &Matched<'_>) -> Built {
    let transport = if m.choice("transport") == Some("tcp") { Transport::Tcp } else { Transport::Udp };
    let default = if transport == Transport::Tcp { LogHost::TCP_IOS } else { LogHost::UDP };
    let port = m.number("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(default);
    line(LoggingLine::Host {
        host: LogHost { address: host_address(m)?, transport, port, interface: None },
        other: other(m),
    })
}

fn asa_host(m: &Matched<'_>) -> Built {
    let port = m
        .text("syslog")
        .map(|text| asa_port(text).ok_or_else(|| m.invalid("syslog", "expected `udp/PORT` or `tcp/PORT`")));
    let (transport, port) = port.transpose()?.unwrap_or((Transport::Udp, LogHost::UDP));
    let interface = m.text("interface").map(str::to_owned);
    line(LoggingLine::Host {
        host: LogHost { address: host_address(m)?, transport, port, interface },
        other: other(m),
    })
}

fn other(m: &Matched<'_>) -> Option<Name> {
    m.word("other").map(|word| Name::new(word.text, word.span.into()))
}

/// `tcp/1470`, or `6/1470` by the number of the protocol.
fn asa_port(text: &str) -> Option<(Transport, u16)> {
    let (transport, port) = text.split_once('/')?;
    let transport = match transport {
        "6" => Transport::Tcp,
        "17" => Transport::Udp,
        _ if transport.eq_ignore_ascii_case("tcp") => Transport::Tcp,
        _ if transport.eq_ignore_ascii_case("udp") => Transport::Udp,
        _ => return None,
    };
    Some((transport, port.parse().ok().filter(|port| *port > 0)?))
}

fn zone(m: &Matched<'_>) -> Result<Option<ClockZone>, Mismatch> {
    let (Some(name), Some(hours)) = (m.text("name"), m.text("hours")) else {
        if m.negated() {
            return Ok(None);
        }
        return Err(Mismatch::Incomplete { expected: vec!["NAME HOURS"] });
    };
    // Later systems name the zone again.
    let hours = if ["UTC", "GMT"].contains(&hours) { "0" } else { hours };
    let hours = hours.parse().ok().filter(|hours| (-23..=23).contains(hours));
    let hours = hours.ok_or_else(|| m.invalid("hours", "expected hours from -23 to 23"))?;
    let minutes = m.number("minutes").and_then(|minutes| u8::try_from(minutes).ok()).unwrap_or(0);
    Ok(Some(ClockZone { name: name.to_owned(), hours, minutes }))
}

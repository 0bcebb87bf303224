//! Where messages go beside the log file: `logging …`, `service timestamps log`, `clock timezone`.

use std::net::IpAddr;

use super::{Name, Transport};
use crate::source::Span;

/// Everything that `logging` and its neighbours say, but for the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// `no logging on`, or `no logging enable`: nothing but the file, or standard error output.
    pub off: bool,
    /// `logging host`: in order, each address once.
    pub hosts: Vec<LogHost>,
    /// `logging local`, ours: the socket of the system's own syslog.
    pub local: Option<LocalLog>,
    /// `logging trap`: what hosts and the local socket get. [`LogLevel::Informational`] if the file does not say.
    pub trap: Option<LogLevel>,
    /// `logging facility`.
    pub facility: Option<Facility>,
    /// `logging format`, ours.
    pub format: LogFormat,
    /// `logging buffered`, `logging buffer-size`.
    pub buffer: LogBuffer,
    /// `logging message`, `no logging message`: in order, each number once.
    pub messages: Vec<LogMessage>,
    /// `logging device-id string`, `logging origin-id string`: what messages call this system instead of its name.
    pub device: Option<Name>,
    /// `service timestamps log`, `logging timestamp`; if the file does not say, as IOS with `datetime msec`, and in
    /// local time.
    pub stamps: Option<LogStamps>,
    /// `clock timezone`; the system's if the file does not say.
    pub zone: Option<ClockZone>,
}

impl Logging {
    pub(super) fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        let path = self.local.iter_mut().filter_map(|local| local.path.as_mut());
        path.chain(&mut self.device).for_each(|name| visit(&mut name.at));
    }
}

/// A syslog server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHost {
    pub address: IpAddr,
    pub transport: Transport,
    pub port: u16,
    /// The interface that an ASA reaches it through; we leave the way to the system.
    pub interface: Option<String>,
}

impl LogHost {
    /// The port of syslog over UDP (RFC 5426 §3.3).
    pub const UDP: u16 = 514;
    /// What IOS takes for TCP if it is told none.
    pub const TCP_IOS: u16 = 601;
}

/// What is kept in memory, for `show logging`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogBuffer {
    /// `no logging buffered`: nothing.
    pub off: bool,
    /// Bytes, 4,096 and more; [`LogBuffer::SIZE`] if the file does not say.
    pub size: Option<u32>,
    /// [`LogLevel::Debugging`] if the file does not say.
    pub level: Option<LogLevel>,
}

impl LogBuffer {
    /// Bytes, if the file does not say.
    pub const SIZE: u32 = 65_536;
}

/// What is said of one message of an ASA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogMessage {
    /// `302014`.
    pub number: u32,
    /// `no logging message NUMBER`: it is not written.
    pub off: bool,
    /// `logging message NUMBER level LEVEL`: instead of its own.
    pub level: Option<LogLevel>,
}

/// `logging local [PATH]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalLog {
    /// `/dev/log` if the file does not say.
    pub path: Option<Name>,
}

/// How bad something is (RFC 5424 §6.2.1), in Cisco's words. The worst is the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Emergencies,
    Alerts,
    Critical,
    Errors,
    Warnings,
    Notifications,
    #[default]
    Informational,
    Debugging,
}

impl LogLevel {
    pub const ALL: [Self; 8] = [
        Self::Emergencies,
        Self::Alerts,
        Self::Critical,
        Self::Errors,
        Self::Warnings,
        Self::Notifications,
        Self::Informational,
        Self::Debugging,
    ];

    /// By its number, 0 to 7.
    pub fn numbered(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    pub fn named(keyword: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.keyword() == keyword)
    }

    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Emergencies => "emergencies",
            Self::Alerts => "alerts",
            Self::Critical => "critical",
            Self::Errors => "errors",
            Self::Warnings => "warnings",
            Self::Notifications => "notifications",
            Self::Informational => "informational",
            Self::Debugging => "debugging",
        }
    }
}

/// What sort of program a message is from (RFC 5424 §6.2.1): 0 to 23.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

/// The words of IOS, by number.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "sys9", "sys10", "sys11",
    "sys12", "sys13", "sys14", "cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

impl Facility {
    /// What an ASA takes if it is told none.
    pub const LOCAL4: Self = Self(20);
    /// What IOS takes.
    pub const LOCAL7: Self = Self(23);

    /// By its number, 0 to 23.
    pub fn numbered(number: u64) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| usize::from(*number) < FACILITIES.len()).map(Self)
    }

    pub fn named(keyword: &str) -> Option<Self> {
        let number = FACILITIES.iter().position(|name| *name == keyword)?;
        Self::numbered(number as u64)
    }

    pub const fn number(self) -> u8 {
        self.0
    }

    pub fn keyword(self) -> &'static str {
        FACILITIES.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

/// How a message is framed on its way to a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Rfc3164,
    Rfc5424,
}

impl LogFormat {
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Rfc3164 => "rfc3164",
            Self::Rfc5424 => "rfc5424",
        }
    }
}

/// What stands before a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStamps {
    /// `no service timestamps log`.
    None,
    /// How long the program has been running.
    Uptime,
    /// `*Nov 22 10:15:00.123 CET: `.
    Datetime(DatetimeStamp),
    /// `Nov 22 2026 10:15:00: `, as an ASA writes it.
    Asa,
}

/// The options of `service timestamps log datetime`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatetimeStamp {
    pub msec: bool,
    /// In the zone of `clock timezone`; else in UTC.
    pub localtime: bool,
    pub show_timezone: bool,
    pub year: bool,
}

/// `clock timezone NAME HOURS [MINUTES]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockZone {
    pub name: String,
    /// East of UTC, -23 to 23.
    pub hours: i8,
    /// 0 to 59, in the direction of the hours.
    pub minutes: u8,
}

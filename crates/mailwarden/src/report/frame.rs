//! What stands around a message at each of its destinations.

use std::io::Write;
use std::process;

use jiff::tz::{Offset, TimeZone};
use policy::model::{ClockZone, Facility, LogFormat, LogStamps, Logging};

use super::entry::Entry;
use super::time::{TimeFormat, WallTime};
use crate::terminal;

/// Frames the messages for one destination.
#[derive(Debug)]
pub(super) struct Framer {
    frame: Frame,
    /// The device's own time stamp.
    stamp: Stamp,
}

#[derive(Debug)]
enum Frame {
    /// The stamp: a file, or a terminal.
    Stamped,
    /// The priority: sd-daemon(3). The journal has a time of its own.
    Journal,
    /// RFC 3164 §4.1: priority, time and the name of the system.
    Rfc3164 { facility: u8, name: String, format: TimeFormat },
    /// The same to the system's own syslog, which knows the name, and asks for that of the program.
    Local { facility: u8, format: TimeFormat },
    /// RFC 5424 §6.
    Rfc5424 { facility: u8, name: String, format: TimeFormat },
}

/// The stamp that a device writes before its message.
#[derive(Debug)]
enum Stamp {
    None,
    Uptime,
    Date {
        format: TimeFormat,
        /// After the seconds.
        msec: bool,
        /// After that.
        zone: Option<String>,
    },
}

/// Limit: bytes of a message to a host (RFC 5426 §3.2 has every receiver accept 2,048).
const HOST_BYTES: usize = 2048;

impl Framer {
    /// Of a file.
    pub(super) fn of_file(logging: &Logging) -> Self {
        Self { frame: Frame::Stamped, stamp: Stamp::of(logging) }
    }

    /// Of standard error output.
    pub(super) fn of_stderr(logging: &Logging) -> Self {
        if terminal::stderr_is_journal() { Self::of_journal() } else { Self::of_file(logging) }
    }

    pub(super) const fn of_journal() -> Self {
        Self { frame: Frame::Journal, stamp: Stamp::None }
    }

    /// Of a syslog server. The frame has a time, so that of the device is in it only where the configuration asks for
    /// it.
    pub(super) fn of_host(logging: &Logging, name: &str, default: Facility) -> Self {
        let facility = logging.facility.unwrap_or(default).number();
        let name = logging.device.as_ref().map_or(name, |device| &device.text).to_owned();
        let frame = match logging.format {
            LogFormat::Rfc3164 => {
                Frame::Rfc3164 { facility, name, format: TimeFormat::new(BSD, local(logging)) }
            }
            LogFormat::Rfc5424 => {
                Frame::Rfc5424 { facility, name, format: TimeFormat::new(ISO, Some(TimeZone::UTC)) }
            }
        };
        let stamp = if logging.stamps.is_some() { Stamp::of(logging) } else { Stamp::None };
        Self { frame, stamp }
    }

    /// Of the syslog of this system.
    pub(super) fn of_local(logging: &Logging, default: Facility) -> Self {
        let facility = logging.facility.unwrap_or(default).number();
        Self {
            frame: Frame::Local { facility, format: TimeFormat::new(BSD, local(logging)) },
            stamp: Stamp::None,
        }
    }

    /// Appends a message in its frame, without what separates it from the next.
    pub(super) fn append(&mut self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        let start = out.len();
        let Entry { time, severity, text } = *entry;
        let priority = |facility: u8| u32::from(facility) * 8 + u32::from(severity);
        // A Vec takes everything.
        let _ = match &mut self.frame {
            Frame::Stamped => Ok(()),
            Frame::Journal => write!(out, "<{severity}>"),
            Frame::Rfc3164 { facility, name, format } => {
                write!(out, "<{}>{} {name} ", priority(*facility), format.second(time))
            }
            Frame::Local { facility, format } => {
                write!(
                    out,
                    "<{}>{} mailwarden[{}]: ",
                    priority(*facility),
                    format.second(time),
                    process::id()
                )
            }
            Frame::Rfc5424 { facility, name, format } => {
                let (second, micros) = (format.second(time), time.microsecond());
                let (priority, id, mnemonic) = (priority(*facility), process::id(), mnemonic(text));
                write!(out, "<{priority}>1 {second}.{micros:06}Z {name} mailwarden {id} {mnemonic} - ")
            }
        };
        self.stamp.append(out, time);
        out.extend_from_slice(text);
        if !matches!(self.frame, Frame::Stamped | Frame::Journal) {
            out.truncate(start + HOST_BYTES);
        }
    }

    /// Appends messages, a line each.
    pub(super) fn append_lines<'e>(&mut self, out: &mut Vec<u8>, entries: impl Iterator<Item = Entry<'e>>) {
        entries.for_each(|entry| {
            self.append(out, &entry);
            out.push(b'\n');
        });
    }
}

/// RFC 3164 §4.1.2.
const BSD: &str = "%b %e %H:%M:%S";
/// RFC 5424 §6.2.3, without what follows the second.
const ISO: &str = "%Y-%m-%dT%H:%M:%S";

/// The zone of `clock timezone`; that of the system, which may change, where there is none.
fn local(logging: &Logging) -> Option<TimeZone> {
    let ClockZone { hours, minutes, .. } = logging.zone.as_ref()?;
    let minutes = i32::from(*minutes) * if *hours < 0 { -1 } else { 1 };
    Some(TimeZone::fixed(Offset::from_seconds(i32::from(*hours) * 3600 + minutes * 60).ok()?))
}

/// What names a kind of message: `FW-6-SESS_AUDIT_TRAIL`. At most 32 printable characters (RFC 5424 §6).
fn mnemonic(text: &[u8]) -> &str {
    let end = memchr::memchr(b':', text).filter(|end| (2..=33).contains(end));
    let name = end.and_then(|end| text.get(1..end)).and_then(|name| std::str::from_utf8(name).ok());
    name.filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic())).unwrap_or("-")
}

impl Stamp {
    fn of(logging: &Logging) -> Self {
        let zone = || logging.zone.as_ref().map(|zone| zone.name.clone());
        match logging.stamps {
            None => Self::Date {
                format: TimeFormat::new("*%b %e %H:%M:%S", local(logging)),
                msec: true,
                zone: None,
            },
            Some(LogStamps::None) => Self::None,
            Some(LogStamps::Uptime) => Self::Uptime,
            Some(LogStamps::Asa) => Self::Date {
                format: TimeFormat::new("%b %d %Y %H:%M:%S", local(logging)),
                msec: false,
                zone: None,
            },
            Some(LogStamps::Datetime(stamp)) => {
                let pattern = if stamp.year { "*%b %e %Y %H:%M:%S" } else { "*%b %e %H:%M:%S" };
                let (format, name) = match stamp.localtime {
                    true => (TimeFormat::new(pattern, local(logging)), zone()),
                    false => (TimeFormat::new(pattern, Some(TimeZone::UTC)), Some("UTC".to_owned())),
                };
                let zone = name.filter(|_| stamp.show_timezone);
                Self::Date { format, msec: stamp.msec, zone }
            }
        }
    }

    fn append(&mut self, out: &mut Vec<u8>, time: WallTime) {
        let _ = match self {
            Self::None => Ok(()),
            Self::Uptime => write!(out, "{}: ", uptime(time.since_start())),
            Self::Date { format, msec, zone } => {
                out.extend_from_slice(format.second(time).as_bytes());
                if *msec {
                    let _ = write!(out, ".{:03}", time.microsecond() / 1000);
                }
                match zone {
                    Some(zone) => write!(out, " {zone}: "),
                    None => write!(out, ": "),
                }
            }
        };
    }
}

/// As IOS writes it: `00:01:02`, `1d02h`, `3w1d`, `1y2w`.
fn uptime(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, weeks, years) = (hours / 24, hours / 24 / 7, hours / 24 / 365);
    match (years, weeks, days) {
        (0, 0, 0) => format!("{hours:02}:{:02}:{:02}", minutes % 60, seconds % 60),
        (0, 0, _) => format!("{days}d{:02}h", hours % 24),
        (0, ..) => format!("{weeks}w{}d", days % 7),
        (..) => format!("{years}y{}w", (days % 365) / 7),
    }
}

#[cfg(test)]
mod tests {
    use policy::model::{DatetimeStamp, Name};

    use super::*;
    use policy::source::Span;

    fn framed(mut framer: Framer) -> String {
        let time = WallTime::from_unix_micros(1_795_342_500_123_007);
        let entry = Entry { time, severity: 4, text: b"%FW-4-ALERT_ON: getting aggressive" };
        let mut out = Vec::new();
        framer.append(&mut out, &entry);
        String::from_utf8(out).unwrap()
    }

    fn in_cet() -> Logging {
        let zone = Some(ClockZone { name: "CET".to_owned(), hours: 1, minutes: 30 });
        Logging { zone, ..Logging::default() }
    }

    fn host(logging: &Logging) -> String {
        framed(Framer::of_host(logging, "edge", Facility::LOCAL7))
    }

    #[test]
    fn a_host_gets_priority_time_and_name_before_the_message() {
        let logging = in_cet();
        assert_eq!(host(&logging), "<188>Nov 22 11:45:00 edge %FW-4-ALERT_ON: getting aggressive");
        let logging = Logging {
            facility: Facility::named("local0"),
            device: Some(Name::new("edge-1", Span::default())),
            stamps: Some(LogStamps::Datetime(DatetimeStamp { msec: true, ..DatetimeStamp::default() })),
            ..logging
        };
        assert_eq!(
            host(&logging),
            "<132>Nov 22 11:45:00 edge-1 *Nov 22 10:15:00.123: %FW-4-ALERT_ON: getting aggressive"
        );
        let logging = Logging { format: LogFormat::Rfc5424, stamps: None, ..logging };
        let id = process::id();
        assert_eq!(
            host(&logging),
            format!(
                "<132>1 2026-11-22T10:15:00.123007Z edge-1 mailwarden {id} FW-4-ALERT_ON - \
                 %FW-4-ALERT_ON: getting aggressive"
            )
        );
    }

    #[test]
    fn the_local_socket_gets_the_name_of_the_program_and_the_journal_only_the_priority() {
        let local = framed(Framer::of_local(&in_cet(), Facility::LOCAL4));
        let id = process::id();
        assert_eq!(
            local,
            format!("<164>Nov 22 11:45:00 mailwarden[{id}]: %FW-4-ALERT_ON: getting aggressive")
        );
        assert_eq!(framed(Framer::of_journal()), "<4>%FW-4-ALERT_ON: getting aggressive");
    }

    #[test]
    fn a_file_has_the_stamp_that_the_configuration_asks_for() {
        let all = DatetimeStamp { msec: true, localtime: true, show_timezone: true, year: true };
        let zoned = DatetimeStamp { show_timezone: true, ..DatetimeStamp::default() };
        let table = [
            (None, "*Nov 22 11:45:00.123: "),
            (Some(LogStamps::None), ""),
            (Some(LogStamps::Datetime(DatetimeStamp::default())), "*Nov 22 10:15:00: "),
            (Some(LogStamps::Datetime(zoned)), "*Nov 22 10:15:00 UTC: "),
            (Some(LogStamps::Datetime(all)), "*Nov 22 2026 11:45:00.123 CET: "),
            (Some(LogStamps::Asa), "Nov 22 2026 11:45:00: "),
        ];
        for (stamps, expected) in table {
            let logging = Logging { stamps, ..in_cet() };
            let line = framed(Framer::of_file(&logging));
            assert_eq!(line, format!("{expected}%FW-4-ALERT_ON: getting aggressive"), "{stamps:?}");
        }
    }

    #[test]
    fn uptime_is_told_in_two_units() {
        let day = 24 * 3600;
        let table = [
            (62, "00:01:02"),
            (day + 7_200, "1d02h"),
            (22 * day, "3w1d"),
            (365 * day, "1y0w"),
            (380 * day, "1y2w"),
        ];
        for (seconds, expected) in table {
            assert_eq!(uptime(seconds), expected);
        }
    }

    #[test]
    fn a_message_to_a_host_is_cut_and_one_to_a_file_is_not() {
        let text = vec![b'x'; 10_000];
        let entry = Entry { time: WallTime::EPOCH, severity: 6, text: &text };
        let of = |mut framer: Framer| {
            let mut out = Vec::new();
            framer.append(&mut out, &entry);
            out.len()
        };
        assert_eq!(of(Framer::of_host(&in_cet(), "edge", Facility::LOCAL7)), HOST_BYTES);
        assert!(of(Framer::of_file(&in_cet())) > 10_000);
    }
}

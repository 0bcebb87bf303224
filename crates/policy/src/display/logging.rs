//! Where messages go, as each platform writes it.

use std::fmt::{self, Formatter};

use crate::model::{
    DatetimeStamp, LocalLog, LogBuffer, LogFormat, LogHost, LogMessage, LogStamps, Logging, Transport,
};
use crate::platform::Platform;

pub(super) fn logging(f: &mut Formatter<'_>, platform: Platform, logging: &Logging) -> fmt::Result {
    if *logging == Logging::default() {
        return Ok(());
    }
    if logging.off {
        writeln!(f, "no logging {}", if platform == Platform::Asa { "enable" } else { "on" })?;
    }
    logging.hosts.iter().try_for_each(|one| host(f, platform, one))?;
    match &logging.local {
        Some(LocalLog { path: Some(path) }) => writeln!(f, "logging local {path}")?,
        Some(LocalLog { path: None }) => writeln!(f, "logging local")?,
        None => {}
    }
    if let Some(level) = logging.trap {
        writeln!(f, "logging trap {}", level.keyword())?;
    }
    match (logging.facility, platform) {
        (Some(facility), Platform::Ios) => writeln!(f, "logging facility {}", facility.keyword())?,
        (Some(facility), Platform::Asa) => writeln!(f, "logging facility {}", facility.number())?,
        (None, _) => {}
    }
    if logging.format != LogFormat::default() {
        writeln!(f, "logging format {}", logging.format.keyword())?;
    }
    buffer(f, platform, logging.buffer)?;
    for LogMessage { number, off, level } in &logging.messages {
        if let Some(level) = level {
            writeln!(f, "logging message {number} level {}", level.keyword())?;
        }
        if *off {
            writeln!(f, "no logging message {number}")?;
        }
    }
    if let Some(device) = &logging.device {
        let keyword = if platform == Platform::Asa { "device-id" } else { "origin-id" };
        writeln!(f, "logging {keyword} string {device}")?;
    }
    match logging.stamps {
        Some(LogStamps::None) => writeln!(f, "no service timestamps log")?,
        Some(LogStamps::Uptime) => writeln!(f, "service timestamps log uptime")?,
        Some(LogStamps::Datetime(stamp)) => datetime(f, stamp)?,
        Some(LogStamps::Asa) => writeln!(f, "logging timestamp")?,
        None => {}
    }
    match &logging.zone {
        Some(zone) if zone.minutes == 0 => writeln!(f, "clock timezone {} {}", zone.name, zone.hours)?,
        Some(zone) => writeln!(f, "clock timezone {} {} {}", zone.name, zone.hours, zone.minutes)?,
        None => {}
    }
    writeln!(f, "!")
}

fn buffer(f: &mut Formatter<'_>, platform: Platform, buffer: LogBuffer) -> fmt::Result {
    let LogBuffer { off, size, level } = buffer;
    let level = level.map_or("", |level| level.keyword());
    let blank = if level.is_empty() { "" } else { " " };
    match (platform, off, size) {
        (_, true, _) => writeln!(f, "no logging buffered")?,
        (Platform::Ios, false, Some(size)) => writeln!(f, "logging buffered {size}{blank}{level}")?,
        (_, false, _) if !level.is_empty() => writeln!(f, "logging buffered {level}")?,
        (_, false, _) => {}
    }
    match (platform, size) {
        (Platform::Asa, Some(size)) => writeln!(f, "logging buffer-size {size}"),
        (Platform::Ios, _) | (_, None) => Ok(()),
    }
}

fn host(f: &mut Formatter<'_>, platform: Platform, host: &LogHost) -> fmt::Result {
    let LogHost { address, transport, port, interface } = host;
    let transport = match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    match platform {
        Platform::Asa => {
            let interface = interface.as_deref().unwrap_or("inside");
            writeln!(f, "logging host {interface} {address} {transport}/{port}")
        }
        Platform::Ios if (transport, *port) == ("udp", LogHost::UDP) => writeln!(f, "logging host {address}"),
        Platform::Ios => writeln!(f, "logging host {address} transport {transport} port {port}"),
    }
}

fn datetime(f: &mut Formatter<'_>, stamp: DatetimeStamp) -> fmt::Result {
    let DatetimeStamp { msec, localtime, show_timezone, year } = stamp;
    let options =
        [(msec, " msec"), (localtime, " localtime"), (show_timezone, " show-timezone"), (year, " year")];
    f.write_str("service timestamps log datetime")?;
    options.iter().filter(|(said, _)| *said).try_for_each(|(_, option)| f.write_str(option))?;
    writeln!(f)
}

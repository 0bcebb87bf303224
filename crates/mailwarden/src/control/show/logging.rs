//! `show logging`: where messages go, how many went there, and those that are kept in memory.

use std::fmt::Write as _;

use policy::model::LogLevel;

use crate::report::{Address, HostView, LogView};
use crate::text::counted;

pub(super) fn screen(log: &LogView) -> String {
    let LogView { logging, facility, dropped, file, written, kept, size, lines, hosts } = log;
    let mut out = String::new();
    let mut line = |arguments: std::fmt::Arguments<'_>| {
        // A String takes everything.
        let _ = out.write_fmt(format_args!("{arguments}\n"));
    };
    let enabled = if logging.off { "disabled" } else { "enabled" };
    line(format_args!("Syslog logging: {enabled} ({} dropped)", counted(*dropped, "message")));
    line(format_args!("    File logging: {file}, {} logged", counted(*written, "message")));
    let off = logging.off || logging.buffer.off;
    if off {
        line(format_args!("    Buffer logging: disabled"));
    } else {
        let level = logging.buffer.level.unwrap_or(LogLevel::Debugging).keyword();
        line(format_args!("    Buffer logging: level {level}, {} logged", counted(*kept, "message")));
    }
    let level = logging.trap.unwrap_or_default().keyword();
    let format = logging.format.keyword();
    line(format_args!("    Trap logging: level {level}, facility {}, format {format}", facility.keyword()));
    hosts.iter().for_each(|host| line(format_args!("        {}", Told(host))));
    if !off {
        line(format_args!("\nLog Buffer ({size} bytes):\n"));
        out.push_str(lines);
    }
    out
}

/// `Logging to 192.0.2.9 (udp port 514, link up), 12 messages logged, 0 lost`.
struct Told<'h>(&'h HostView);

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let HostView { address, up, sent, lost } = self.0;
        let link = if *up { "up" } else { "down" };
        match address {
            Address::Udp(to) => write!(out, "Logging to {} (udp port {}, link {link})", to.ip(), to.port())?,
            Address::Tcp(to) => write!(out, "Logging to {} (tcp port {}, link {link})", to.ip(), to.port())?,
            Address::Local(path) => write!(out, "Logging to {} (local, link {link})", path.display())?,
        }
        write!(out, ", {} logged, {lost} lost", counted(*sent, "message"))
    }
}

//! The sub-modes of `parameter-map type regex` and `parameter-map type inspect`.

use grammar::{Command, Matched, Mismatch, Mode, Unknown};

use super::{InspectMapLine, RegexMapLine};
use crate::dialect::{AnyStatement, Built, built, number, number_unless_no, required_text};
use crate::model::Limits;

pub(super) static REGEX_MAP: Mode<AnyStatement> = Mode::new(
    "parameter-map-regex",
    "(config-profile)#",
    &[&[
        Command::new(
            "[no] pattern WORD$pattern",
            "Add a regular expression",
            &["An alternative of the map", "Regular expression, in quotes if it contains spaces"],
            |m| built(RegexMapLine::Pattern(required_text(m, "pattern")?)),
        ),
        Command::new(
            "[no] pattern file WORD$file",
            "Add the regular expressions of a file, one a line",
            &[
                "An alternative of the map",
                "A list, read when the configuration is",
                "Its path, from the folder of the configuration; empty lines and those that begin with `!` are left out",
            ],
            |m| built(RegexMapLine::File(required_text(m, "file")?)),
        ),
    ]],
);

const SECONDS: &str = "<1-2147483>";
const COUNT: &str = "<1-2147483647>";

pub(super) static INSPECT_MAP: Mode<AnyStatement> = Mode::new(
    "parameter-map-inspect",
    "(config-profile)#",
    &[&[
        Command::new(
            "[no] alert [on | off]$state",
            "Turn alert messages on or off",
            &["Alert messages", "Send them", "Do not"],
            |m| switch(m, |limits, on| limits.alert = on),
        ),
        Command::new(
            "[no] audit-trail [on | off]$state",
            "Turn a message at the end of each session on or off",
            &["A message per session", "Send them", "Do not"],
            |m| switch(m, |limits, on| limits.audit_trail = on),
        ),
        Command::new(
            "[no] dns-timeout [(1-2147483)$value]",
            "Set the idle time of DNS queries",
            &["Idle time of DNS queries", "Seconds"],
            |m| limit(m, SECONDS, |limits, value| limits.dns_timeout = value),
        ),
        Command::new(
            "[no] icmp idle-time [(1-2147483)$value]",
            "Set the idle time of ICMP sessions",
            &["ICMP", "Idle time", "Seconds"],
            |m| limit(m, SECONDS, |limits, value| limits.icmp_idle = value),
        ),
        Command::new(
            "[no] udp idle-time [(1-2147483)$value]",
            "Set the idle time of UDP sessions",
            &["UDP", "Idle time", "Seconds"],
            |m| limit(m, SECONDS, |limits, value| limits.udp_idle = value),
        ),
        Command::new(
            "[no] tcp idle-time [(1-2147483)$value]",
            "Set the idle time of TCP sessions",
            &["TCP", "Idle time", "Seconds"],
            |m| limit(m, SECONDS, |limits, value| limits.tcp_idle = value),
        ),
        Command::new(
            "[no] tcp synwait-time [(1-2147483)$value]",
            "Set how long a connection may take to open",
            &["", "Time to open", "Seconds"],
            |m| limit(m, SECONDS, |limits, value| limits.tcp_synwait = value),
        ),
        Command::new(
            "[no] tcp finwait-time [(1-2147483)$value]",
            "Set how long a connection may take to close",
            &["", "Time to close", "Seconds"],
            |m| limit(m, SECONDS, |limits, value| limits.tcp_finwait = value),
        ),
        Command::new(
            "[no] tcp max-incomplete host [(1-4294967295)$hosts] [block-time (0-35791)$minutes]",
            "Limit half-open sessions of one host, and block it for a time",
            &["", "Half-open sessions", "Of one host", "Number", "How long to block it", "Minutes"],
            host_limit,
        ),
        Command::new(
            "[no] max-incomplete low [(1-2147483647)$value]",
            "Set the number of half-open sessions at which clearing ends",
            &["Half-open sessions", "Number at which clearing stops", "Number"],
            |m| limit(m, COUNT, |limits, value| limits.max_incomplete_low = value),
        ),
        Command::new(
            "[no] max-incomplete high [(1-2147483647)$value]",
            "Set the number of half-open sessions at which clearing begins",
            &["", "Number at which clearing starts", "Number"],
            |m| limit(m, COUNT, |limits, value| limits.max_incomplete_high = value),
        ),
        Command::new(
            "[no] one-minute low [(1-2147483647)$value]",
            "Set the rate of new sessions at which clearing ends",
            &["New sessions in a minute", "Number at which clearing stops", "Number"],
            |m| limit(m, COUNT, |limits, value| limits.one_minute_low = value),
        ),
        Command::new(
            "[no] one-minute high [(1-2147483647)$value]",
            "Set the rate of new sessions at which clearing begins",
            &["", "Number at which clearing starts", "Number"],
            |m| limit(m, COUNT, |limits, value| limits.one_minute_high = value),
        ),
        Command::new(
            "[no] sessions maximum [(1-2147483647)$value]",
            "Limit the number of sessions",
            &["Sessions", "At the same time", "Number"],
            |m| limit(m, COUNT, |limits, value| limits.sessions_maximum = value),
        ),
        Command::new(
            "[no] login maximum-failures [(1-65535)$failures] [block-time (1-35791)$minutes]",
            "Limit failed logins of one client and to one account, and block it for a time",
            &["Logins", "That fail", "Number", "How long to block it", "Minutes"],
            login_limit,
        ),
    ]],
)
.unknown(Unknown::Warn);

fn switch(m: &Matched<'_>, set: fn(&mut Limits, Option<bool>)) -> Built {
    match m.choice("state") {
        None if !m.negated() => Err(Mismatch::Incomplete { expected: vec!["on", "off"] }),
        state => built(InspectMapLine::Switch { set, on: state.map(|state| state == "on") }),
    }
}

fn limit(m: &Matched<'_>, range: &'static str, set: fn(&mut Limits, Option<u32>)) -> Built {
    built(InspectMapLine::Limit { set, value: number_unless_no(m, "value", range)? })
}

fn login_limit(m: &Matched<'_>) -> Built {
    match (number_unless_no(m, "failures", "<1-65535>")?, number(m, "minutes")) {
        (Some(_), None) if !m.negated() => Err(Mismatch::Incomplete { expected: vec!["block-time"] }),
        (failures, minutes) => built(InspectMapLine::LoginLimit(failures.zip(minutes))),
    }
}

fn host_limit(m: &Matched<'_>) -> Built {
    let hosts = number_unless_no(m, "hosts", "<1-4294967295>")?;
    built(InspectMapLine::HostLimit(hosts.map(|hosts| (hosts, number(m, "minutes").unwrap_or(0)))))
}

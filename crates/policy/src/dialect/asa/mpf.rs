//! The sub-modes of `class-map` and `policy-map` without a type: connections, and what is done with them.

use grammar::{Claim, Command, Matched, Mismatch, Mode, Unknown};

use super::{TrafficClassLine, TrafficPolicyLine, TrafficRuleLine, name, number, required_text};
use crate::dialect::common::entry;
use crate::dialect::{AnyStatement, Built, built, description, text};
use crate::model::{Connection, Name, TrafficMatch};

pub(super) static TRAFFIC_CLASS: Mode<AnyStatement> = Mode::new(
    "class-map",
    "(config-cmap)#",
    &[&[
        description::<TrafficClassLine>(&["Describe the class-map", "Up to 200 characters"]),
        Command::new(
            "[no] match any",
            "Match every connection",
            &["A condition", "Every connection"],
            |_| built(TrafficClassLine::Match(TrafficMatch::Any)),
        ),
        Command::new(
            "[no] match access-list WORD$list",
            "Match the connections that an access list permits",
            &["", "What a list permits; what it denies is not in the class", "Name"],
            |m| built(TrafficClassLine::Match(TrafficMatch::AccessList(name(m, "list")?))),
        ),
        Command::new(
            "[no] match port {tcp | udp | sctp}$transport {eq WORD$port | range WORD$low WORD$high}",
            "Match connections by their port",
            &[
                "",
                "Port of the server",
                "TCP",
                "UDP",
                "SCTP",
                "One port",
                "Number or name",
                "Several",
                "The first",
                "The last",
            ],
            ports,
        ),
        Command::new(
            "[no] match default-inspection-traffic",
            "Match the port that each inspection has by default",
            &["", "Port 25 for `inspect esmtp`"],
            |_| built(TrafficClassLine::Match(TrafficMatch::DefaultInspection)),
        ),
        Command::new(
            "[no] match {dscp | precedence | rtp | tunnel-group | flow}$what [LINE$rest]",
            "Match traffic by something that no connection of mail shows",
            &["", "Not of mail", "Not of mail", "Not of mail", "Not of mail", "Not of mail", "What it is"],
            |m| {
                let rest = m.text("rest").unwrap_or_default();
                let what = format!("{} {rest}", m.choice("what").unwrap_or_default());
                built(TrafficClassLine::Match(TrafficMatch::Other(what.trim_end().to_owned())))
            },
        ),
    ]],
)
.unknown(Unknown::Ignore);

pub(super) static TRAFFIC_POLICY: Mode<AnyStatement> = Mode::new(
    "policy-map",
    "(config-pmap)#",
    &[&[
        description::<TrafficPolicyLine>(&["Describe the policy-map", "Up to 200 characters"]),
        Command::new(
            "[no] class WORD$name",
            "Configure what is done with a class",
            &["A class of connections", "Name"],
            |m| built(TrafficPolicyLine::Class(name(m, "name")?)),
        )
        .enters(&TRAFFIC_RULE),
    ]],
)
.unknown(Unknown::Ignore);

static TRAFFIC_RULE: Mode<AnyStatement> = Mode::new(
    "policy-map-class",
    "(config-pmap-c)#",
    &[&[
        Command::new(
            "[no] inspect {esmtp | smtp} [WORD$map]",
            "Inspect SMTP and ESMTP",
            &["Inspect a protocol", "SMTP and ESMTP", "The same, as older releases call it", "Name of a policy-map of type inspect esmtp"],
            |m| built(TrafficRuleLine::InspectEsmtp(text(m, "map"))),
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] set connection [conn-max (0-2000000)$conn-max] [embryonic-conn-max (0-2000000)$embryonic-conn-max] \
             [per-client-max (0-2000000)$per-client-max] \
             [per-client-embryonic-max (0-2000000)$per-client-embryonic-max] \
             [random-sequence-number {enable | disable}]",
            "Limit the connections of the class",
            &[
                "Change a setting",
                "Of connections",
                "At most so many",
                "Number; 0 for no limit",
                "At most so many that are not established",
                "Number; 0 for no limit",
                "At most so many of a client",
                "Number; 0 for no limit",
                "At most so many of a client that are not established",
                "Number; 0 for no limit",
                "Change the sequence numbers",
                "Change them",
                "Leave them as they are",
            ],
            |m| {
                let value = |key| number(m, key);
                built(TrafficRuleLine::Connection(Connection {
                    conn_max: value("conn-max"),
                    embryonic_conn_max: value("embryonic-conn-max"),
                    per_client_max: value("per-client-max"),
                    per_client_embryonic_max: value("per-client-embryonic-max"),
                    ..Connection::default()
                }))
            },
        ),
        Command::new(
            "[no] set connection timeout [embryonic WORD$embryonic] [half-closed WORD$half-closed] \
             [{idle | tcp} WORD$idle [reset]]",
            "Set the timers of the class",
            &[
                "",
                "",
                "Timers",
                "Of a connection that is not established",
                "HH:MM:SS; 0 for never",
                "Of a connection that one side has closed",
                "HH:MM:SS; 0 for never",
                "Of an idle connection",
                "The same, as older releases call it",
                "HH:MM:SS; 0 for never",
                "Tell both sides by RST",
            ],
            |m| {
                built(TrafficRuleLine::Connection(Connection {
                    embryonic: embryonic(m)?,
                    half_closed: time(m, "half-closed")?,
                    idle: time(m, "idle")?,
                    ..Connection::default()
                }))
            },
        ),
        Command::new(
            "[no] set connection {advanced-options | decrement-ttl}$what [LINE$rest]",
            "Set what concerns packets",
            &["", "", "Of TCP", "Of IP", "What it is"],
            |_| built(TrafficRuleLine::OtherConnection),
        ),
        Command::new(
            "[no] {police | priority}$what [LINE$rest]",
            "Limit the rate of packets, or send them first: not in this version",
            &["Limit their rate", "Send them first", "Direction, rate and burst"],
            |m| {
                let words = m.choice("what").into_iter().chain(m.text("rest"));
                let line = words.collect::<Vec<_>>().join(" ");
                built(TrafficRuleLine::Qos(Name::new(line, m.line_span().into())))
            },
        ),
    ]],
)
.unknown(Unknown::Ignore);

fn ports(m: &Matched<'_>) -> Built {
    let (low, high) = if m.word("port").is_some() {
        (port(m, "port")?, port(m, "port")?)
    } else {
        (port(m, "low")?, port(m, "high")?)
    };
    if low > high {
        return Err(m.invalid("high", format!("expected a port from {low} on")));
    }
    built(TrafficClassLine::Match(match m.choice("transport") {
        Some("tcp") => TrafficMatch::Port(low..=high),
        other => {
            let ports = if low == high { format!("eq {low}") } else { format!("range {low} {high}") };
            TrafficMatch::Other(format!("port {} {ports}", other.unwrap_or_default()))
        }
    }))
}

fn port(m: &Matched<'_>, key: &str) -> Result<u16, Mismatch> {
    let word = required_text(m, key)?;
    entry::port(&word.text).ok_or_else(|| {
        m.invalid(key, "expected a port, such as `25` or `smtp`").help(entry::meant_port(&word.text))
    })
}

/// The least that a device takes, in seconds.
const EMBRYONIC_MIN: u32 = 5;

fn embryonic(m: &Matched<'_>) -> Result<Option<u32>, Mismatch> {
    match time(m, "embryonic")? {
        Some(1..EMBRYONIC_MIN) => Err(m.invalid("embryonic", "expected 0:0:5 or more, or 0")),
        seconds => Ok(seconds),
    }
}

/// `H:M:S`, or 0; in seconds.
fn time(m: &Matched<'_>, key: &str) -> Result<Option<u32>, Mismatch> {
    let Some(word) = m.text(key) else { return Ok(None) };
    let parts: Option<Vec<u32>> = word.split(':').map(|part| part.parse().ok()).collect();
    let seconds = match parts.as_deref() {
        Some([0]) => Some(0),
        Some(&[hours @ ..=1193, minutes @ ..=59, seconds @ ..=59]) => {
            Some(hours * 3600 + minutes * 60 + seconds)
        }
        _ => None,
    };
    match seconds {
        Some(seconds) => Ok(Some(seconds)),
        None => {
            let seconds = word.parse::<u32>().ok().filter(|seconds| *seconds <= 1193 * 3600);
            let meant = seconds.map(|it| format!("write `{}:{:02}:{:02}`", it / 3600, it / 60 % 60, it % 60));
            Err(m.invalid(key, "expected HH:MM:SS, such as `1:00:00`, or 0").help(meant))
        }
    }
}

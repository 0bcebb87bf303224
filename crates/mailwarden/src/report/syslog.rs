//! Syslog lines in the words of IOS: `*Nov 22 10:15:00.123: %FACILITY-SEVERITY-MNEMONIC: text`.
//!
//! The mnemonics `APPFW-4-SMTP_…` and `FW-3-MAILWARDEN` are this product's own; the shape is IOS's.

use engine::event::{Anomaly, AnomalyKind, Match, Treatment};
use engine::{Event, SessionConfig};
use policy::model::Action;

use super::{SessionEnd, Ticket};

/// The line of an event that somebody asked to read: a class with `log`, an alert, an audit trail.
pub(super) fn line(ticket: &Ticket, at: &SessionConfig, event: &Event<'_>) -> Option<String> {
    match event {
        Event::Match(found) if found.log => Some(stamp(&self::found(ticket, at, found))),
        Event::Anomaly(anomaly) if at.alert && anomaly.treatment > Treatment::Silent => {
            Some(stamp(&self::anomaly(ticket, at, anomaly)))
        }
        Event::SessionStart if at.audit_trail => Some(stamp(&format!(
            "%FW-6-SESS_AUDIT_TRAIL_START: {}Start smtp session: initiator ({}) -- responder ({})",
            origin(at),
            endpoint(ticket.client),
            endpoint(ticket.server)
        ))),
        _ => None,
    }
}

pub(super) fn session_end(ticket: &Ticket, at: &SessionConfig, end: &SessionEnd) -> Option<String> {
    at.audit_trail.then(|| {
        stamp(&format!(
            "%FW-6-SESS_AUDIT_TRAIL: {}Stop smtp session: initiator ({}) sent {} bytes -- responder ({}) sent {} bytes",
            origin(at),
            endpoint(ticket.client),
            end.bytes_client,
            endpoint(ticket.server),
            end.bytes_server
        ))
    })
}

pub(super) fn config(file: &str, result: &str) -> String {
    stamp(&format!(
        "%SYS-5-CONFIG_I: Configured from {}: {}",
        escaped(file.as_bytes()),
        escaped(result.as_bytes())
    ))
}

pub(super) fn trouble(what: &str) -> String {
    stamp(&format!("%FW-3-MAILWARDEN: {}", escaped(what.as_bytes())))
}

pub(super) fn dropped(lines: u64) -> String {
    stamp(&format!("%FW-3-MAILWARDEN: {lines} messages dropped, the log is too slow"))
}

fn found(ticket: &Ticket, at: &SessionConfig, found: &Match<'_>) -> String {
    let row = found.kind.row();
    let (mnemonic, subject) = (row.mnemonic, row.subject);
    let doing = match found.action {
        None | Some(Action::Allow) => "logging",
        Some(Action::Mask) => "masking",
        Some(Action::Close) => "closing",
        Some(Action::Reset) => "resetting",
        Some(Action::Pace(_)) => "pacing",
    };
    format!(
        "%APPFW-4-{mnemonic}: {subject} matched ({}) - {doing} session {} {} on zone-pair {} class {} appl-class {}",
        found.criterion,
        endpoint(ticket.client),
        endpoint(ticket.server),
        at.name,
        at.class,
        found.class
    )
}

fn anomaly(ticket: &Ticket, at: &SessionConfig, anomaly: &Anomaly<'_>) -> String {
    let client = endpoint(ticket.client);
    match anomaly.kind {
        // IOS's own message for a command outside its list.
        AnomalyKind::UnknownVerb => format!(
            "%FW-3-SMTP_INVALID_COMMAND: {}Invalid SMTP command ({}) (total {} chars) from initiator ({client})",
            origin(at),
            escaped(anomaly.value),
            anomaly.value.len()
        ),
        kind => format!(
            "%APPFW-4-SMTP_ANOMALY: SMTP {} - {} session {client} {} on zone-pair {} class {}",
            kind.name(),
            anomaly.treatment.name(),
            endpoint(ticket.server),
            at.name,
            at.class
        ),
    }
}

/// How IOS names a policy in front of a message of the inspection engine.
fn origin(at: &SessionConfig) -> String {
    match at.class.as_str() {
        "" => String::new(),
        class => format!("(target:class)-({}:{class}):", at.name),
    }
}

fn endpoint(address: std::net::SocketAddr) -> String {
    format!("{}:{}", address.ip(), address.port())
}

/// Octets of the wire, made harmless for whoever reads the log.
fn escaped(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}

fn stamp(text: &str) -> String {
    let now = jiff::Zoned::now();
    format!("*{}: {text}\n", now.strftime("%b %e %H:%M:%S.%3f"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_said_never_reaches_the_log_raw() {
        assert_eq!(escaped(b"X\x1b[2J\r\nfake"), "X\\x1b[2J\\r\\nfake");
    }

    #[test]
    fn a_line_begins_as_ios_begins_it() {
        let line = trouble("x");
        assert!(line.starts_with('*') && line.ends_with(": %FW-3-MAILWARDEN: x\n"), "{line}");
    }
}

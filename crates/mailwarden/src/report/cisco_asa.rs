//! The messages of the log in the words of the ASA: `%ASA-SEVERITY-NUMBER: text`.
//!
//! The name of the proxy stands where a device has the names of its interfaces. `ESMTP Conformance` in place of
//! `ESMTP Classification` is this product's own: a violation of the standards, and not of a rule.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::net::SocketAddr;

use engine::event::{Anomaly, AnomalyKind, Match, Reason, Treatment};
use engine::{Event, SessionConfig};
use policy::criterion::CriterionKind;
use policy::model::Action;
use proto::Side;

use super::{Origin, SessionEnd};
use crate::text::escaped_bytes;

/// Writes the message of an event of a session; nothing of one that the ASA has no message for.
pub(super) fn message(out: &mut Vec<u8>, origin: Origin<'_>, event: &Event<'_>) -> io::Result<()> {
    match event {
        Event::SessionStart => session_start(out, origin),
        Event::Match(found) => self::found(out, origin, found),
        Event::Anomaly(anomaly) => self::anomaly(out, origin, anomaly),
        Event::Tls { .. } => {
            let (client, server) = ends(origin);
            write!(
                out,
                "%ASA-6-108007: TLS started on ESMTP session between client {client} and server {server}"
            )
        }
        Event::Transaction(_) | Event::Login(_) | Event::Reply(_) | Event::Observed(_) => Ok(()),
    }
}

/// Writes what follows the message of an event that ends a session; false if nothing does.
pub(super) fn follow_up(out: &mut Vec<u8>, origin: Origin<'_>, event: &Event<'_>) -> io::Result<bool> {
    let reason = match event {
        Event::Match(found) if found.count == 1 => match found.action {
            Some(Action::Close) => "inspector disconnected, dropped packet",
            Some(Action::Reset) => "inspector drop reset",
            Some(Action::Allow | Action::Mask | Action::Pace(_)) | None => return Ok(false),
        },
        Event::Anomaly(anomaly) if anomaly.treatment == Treatment::Reset && anomaly.count == 1 => {
            "inspector drop reset"
        }
        Event::SessionStart
        | Event::Match(_)
        | Event::Anomaly(_)
        | Event::Tls { .. }
        | Event::Transaction(_)
        | Event::Login(_)
        | Event::Reply(_)
        | Event::Observed(_) => return Ok(false),
    };
    let (client, server) = ends(origin);
    write!(
        out,
        "%ASA-4-507003: tcp flow from {client} to {server} terminated by inspection engine, reason - {reason}."
    )?;
    Ok(true)
}

fn session_start(out: &mut Vec<u8>, origin: Origin<'_>) -> io::Result<()> {
    let ((client, server), number) = (ends(origin), origin.session.id.reference());
    write!(
        out,
        "%ASA-6-302013: Built inbound TCP connection {number} for {client} ({}) to {server} ({})",
        client.without_interface(),
        server.without_interface()
    )
}

/// A user executed a command that changes something.
pub(super) fn command(out: &mut Vec<u8>, user: &str, command: &str) -> io::Result<()> {
    let (user, command) = (escaped_bytes(user), escaped_bytes(command));
    write!(out, "%ASA-5-111008: User '{user}' executed the '{command}' command.")
}

/// Writes that a session has ended.
pub(super) fn session_end(out: &mut Vec<u8>, origin: Origin<'_>, end: &SessionEnd) -> io::Result<()> {
    let ((client, server), number) = (ends(origin), origin.session.id.reference());
    let seconds = end.duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let bytes = end.bytes_client + end.bytes_server;
    let reason = match end.reason {
        Reason::Closed => "TCP FINs",
        Reason::Refused => "Flow closed by inspection",
        Reason::ServerUnreachable => "SYN Timeout",
        Reason::ServerLost => "TCP Reset-I",
        Reason::ClientLost => "TCP Reset-O",
        Reason::Idle => "Conn-timeout",
        Reason::Drained => "TCP Reset-APPLIANCE",
    };
    write!(
        out,
        "%ASA-6-302014: Teardown TCP connection {number} for {client} to {server} duration \
         {hours}:{minutes:02}:{seconds:02} bytes {bytes} {reason}"
    )
}

/// A match with an action is 108004, one that is only logged 108005.
fn found(out: &mut Vec<u8>, origin: Origin<'_>, found: &Match<'_>) -> io::Result<()> {
    let (message, action) = match found.action {
        None | Some(Action::Allow) => ("6-108005", "Received"),
        Some(Action::Close) => ("4-108004", "Dropped connection for"),
        Some(Action::Reset) => ("4-108004", "Reset connection for"),
        Some(Action::Mask) => ("4-108004", "Masked header flags for"),
        Some(Action::Pace(_)) => ("4-108004", "Dropped"),
    };
    let from = match found.kind {
        CriterionKind::EhloKeyword | CriterionKind::InvalidRecipients => Side::Server,
        _ => Side::Client,
    };
    let flow = Flow { origin, from };
    match found.kind {
        CriterionKind::RelayDomain | CriterionKind::AddressCharacter => write!(
            out,
            "%ASA-{message}: ESMTP Parameter: {action} ESMTP {flow}; {}: {}",
            found.criterion,
            match found.kind {
                CriterionKind::RelayDomain => "No Mail Relay allowed",
                _ => "Special character in mail address",
            }
        )?,
        _ => write!(
            out,
            "%ASA-{message}: ESMTP Classification: {action} ESMTP {flow}; matched {}: {}",
            found.class, found.criterion
        )?,
    }
    // Which line it was, nobody could find in a message that is gone.
    if found.kind == CriterionKind::HeaderLineLength && !found.value.is_empty() {
        write!(out, " ({})", escaped_bytes(found.value))?;
    }
    suffix(out, found.reference, found.count)
}

fn anomaly(out: &mut Vec<u8>, origin: Origin<'_>, anomaly: &Anomaly<'_>) -> io::Result<()> {
    let flow = Flow { origin, from: anomaly.from };
    let value = escaped_bytes(anomaly.value);
    match anomaly.kind {
        AnomalyKind::Pipe => {
            let (client, server) = ends(origin);
            write!(
                out,
                "%ASA-2-108003: Terminating ESMTP connection; malicious pattern detected in the mail address from \
                 {client} to {server}. Mail Address:{value}"
            )?;
        }
        AnomalyKind::UnknownVerb if anomaly.count == 1 => {
            let (client, server) = (origin.session.client.ip(), origin.session.server.ip());
            write!(out, "%ASA-2-108002: SMTP replaced {value}: out {client} in {server} data: {value}")?;
        }
        AnomalyKind::SizeExceeded => {
            let (client, server) = ends(origin);
            write!(out, "%ASA-7-108006: Detected ESMTP size violation from {client} to {server}; {value}")?;
        }
        kind => {
            let (message, action) = match anomaly.treatment {
                Treatment::Silent | Treatment::Logged | Treatment::Normalized => ("6-108005", "Received"),
                Treatment::Masked => ("4-108004", "Masked header flags for"),
                Treatment::Refused => ("4-108004", "Dropped"),
                Treatment::Reset => ("4-108004", "Reset connection for"),
            };
            write!(out, "%ASA-{message}: ESMTP Conformance: {action} ESMTP {flow}; {}", kind.name())?;
        }
    }
    suffix(out, anomaly.reference, anomaly.count)
}

/// What follows a message: how the client's reply is found, and how often it happened.
fn suffix(out: &mut Vec<u8>, reference: Option<impl Display>, count: u32) -> io::Result<()> {
    if let Some(reference) = reference {
        write!(out, " (ref {reference})")?;
    }
    if count > 1 { write!(out, " ({count} times)") } else { Ok(()) }
}

/// `Request from CLIENT to SERVER`, or `Response` the other way.
struct Flow<'o> {
    origin: Origin<'o>,
    from: Side,
}

impl Display for Flow<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (client, server) = ends(self.origin);
        match self.from {
            Side::Client => write!(out, "Request from {client} to {server}"),
            Side::Server => write!(out, "Response from {server} to {client}"),
        }
    }
}

/// Client and server of a session.
fn ends(Origin { session, config }: Origin<'_>) -> (End<'_>, End<'_>) {
    let end = |address| End { config, address };
    (end(session.client), end(session.server))
}

/// `INTERFACE:ADDRESS/PORT`.
#[derive(Clone, Copy)]
struct End<'c> {
    config: &'c SessionConfig,
    address: SocketAddr,
}

impl End<'_> {
    fn without_interface(&self) -> String {
        format!("{}/{}", self.address.ip(), self.address.port())
    }
}

impl Display for End<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.config.name, self.without_interface())
    }
}

//! The messages of the log in the words of IOS: `%FACILITY-SEVERITY-MNEMONIC: text`.
//!
//! The mnemonics `APPFW-4-SMTP_…` and `FW-3-MAILWARDEN` are this product's own; their form is IOS's.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::net::SocketAddr;

use engine::event::{Anomaly, AnomalyKind, Match, Reference};
use engine::{Event, SessionConfig};
use policy::criterion::CriterionKind;
use policy::diagnostic::Severity;
use policy::model::{Action, Protocol};

use super::{Complaint, Configured, Origin, Reported, ServerState, SessionEnd, Totals};
use crate::text::escaped_bytes;

/// Writes the message of a record, without the time before it; nothing of an event that IOS has no message for.
pub(super) fn message(out: &mut Vec<u8>, reported: &Reported<'_>) -> io::Result<()> {
    match *reported {
        Reported::Event(origin, event) => match event {
            Event::SessionStart => session_start(out, origin),
            Event::Match(found) => self::found(out, origin, found),
            Event::Anomaly(anomaly) => self::anomaly(out, origin, anomaly),
            Event::Transaction(_)
            | Event::Tls { .. }
            | Event::Login(_)
            | Event::Reply(_)
            | Event::Observed(_) => Ok(()),
        },
        Reported::SessionEnd(origin, end) => session_end(out, origin, &end),
        Reported::SessionDropped(origin) => session_dropped(out, origin),
        Reported::Configuration(Configured { file, ok, result, .. }) => {
            let (file, result) = (escaped_bytes(file), escaped_bytes(result));
            match ok {
                true => write!(out, "%SYS-5-CONFIG_I: Configured from {file}: {result}"),
                false => write!(out, "%FW-3-MAILWARDEN: Not configured from {file}: {result}"),
            }
        }
        Reported::Complaint { file, complaint } => self::complaint(out, file, complaint),
        Reported::Server { address, state: ServerState::Down { why, wait }, .. } => {
            let (why, wait) = (escaped_bytes(why), wait.as_secs());
            write!(
                out,
                "%FW-3-MAILWARDEN: Server {address} is down: {why}; not asked again for {wait} seconds"
            )
        }
        Reported::Server { address, state: ServerState::Up, .. } => {
            write!(out, "%FW-5-MAILWARDEN: Server {address} is up again")
        }
        Reported::Command { user, command, .. } => {
            let (user, command) = (escaped_bytes(user), escaped_bytes(command));
            write!(out, "%PARSER-5-CFGLOG_LOGGEDCMD: User:{user}  logged command:{command}")
        }
        // It knows whether anything is said of it.
        Reported::Limit(_) => Ok(()),
        Reported::Notice { what } => write!(out, "%FW-6-MAILWARDEN: {}", escaped_bytes(what)),
        Reported::Failure { what } => write!(out, "%FW-3-MAILWARDEN: {}", escaped_bytes(what)),
        Reported::Dropped { lines } => {
            write!(out, "%FW-3-MAILWARDEN: {lines} messages dropped, the log is too slow")
        }
        Reported::Stopped { totals } => {
            let Totals { sessions, transactions, matches, anomalies } = totals;
            write!(
                out,
                "%FW-6-MAILWARDEN: Stopped: sessions {sessions}, transactions {transactions}, matches {matches}, \
                 anomalies {anomalies}"
            )
        }
    }
}

fn complaint(out: &mut Vec<u8>, file: &str, complaint: &Complaint) -> io::Result<()> {
    let Complaint { severity, code, line, column, message, help } = complaint;
    let level = match severity {
        Severity::Error => 3,
        Severity::Warning => 4,
        Severity::Note => 6,
    };
    let (file, message, severity) = (escaped_bytes(file), escaped_bytes(message), severity.as_str());
    write!(out, "%FW-{level}-MAILWARDEN: {file}:{line}:{column}: {severity}: {message} [{code}]")?;
    match help {
        Some(help) => write!(out, "; help: {}", escaped_bytes(help)),
        None => Ok(()),
    }
}

fn session_start(out: &mut Vec<u8>, Origin { session, config }: Origin<'_>) -> io::Result<()> {
    write!(
        out,
        "%FW-6-SESS_AUDIT_TRAIL_START: {}Start {} session: initiator ({}) -- responder ({})",
        TargetClass(config),
        config.inspection_name(),
        PlainAddress(session.client),
        PlainAddress(session.server)
    )
}

fn session_end(
    out: &mut Vec<u8>,
    Origin { session, config }: Origin<'_>,
    end: &SessionEnd,
) -> io::Result<()> {
    write!(
        out,
        "%FW-6-SESS_AUDIT_TRAIL: {}Stop {} session: initiator ({}) sent {} bytes -- responder ({}) sent {} bytes",
        TargetClass(config),
        config.inspection_name(),
        PlainAddress(session.client),
        end.bytes_client,
        PlainAddress(session.server),
        end.bytes_server
    )
}

/// Of `drop log`. A proxy does not see the identification of an IP packet.
fn session_dropped(out: &mut Vec<u8>, Origin { session, config }: Origin<'_>) -> io::Result<()> {
    write!(
        out,
        "%FW-6-DROP_PKT: Dropping tcp session {} {} on {} due to DROP action found in policy-map with ip ident 0",
        PlainAddress(session.client),
        PlainAddress(session.server),
        ZonePair(config)
    )
}

/// Writes what follows the message of a record, or stands for it: that a session passes, for `pass log`. False if there is
/// nothing.
pub(super) fn follow_up(out: &mut Vec<u8>, reported: &Reported<'_>) -> io::Result<bool> {
    let Reported::Event(Origin { session, config }, Event::SessionStart) = *reported else {
        return Ok(false);
    };
    if !config.logs_handling {
        return Ok(false);
    }
    write!(
        out,
        "%FW-6-PASS_PKT: {} Passing tcp pkt {} => {} with ip ident 0",
        TargetClass(config).to_string().trim_end_matches(':'),
        PlainAddress(session.client),
        PlainAddress(session.server)
    )?;
    Ok(true)
}

fn found(out: &mut Vec<u8>, Origin { session, config }: Origin<'_>, found: &Match<'_>) -> io::Result<()> {
    let suffix = Suffix { reference: found.reference, count: found.count };
    if let Some(of) = OfLogin::found(found.kind) {
        return of.write(out, Origin { session, config }, found.value, &suffix);
    }
    let row = found.kind.row();
    let (mnemonic, subject) = (row.mnemonic, row.subject);
    let doing = match found.action {
        None | Some(Action::Allow) => "logging",
        Some(Action::Close) => "closing",
        Some(Action::Reset) => "resetting",
        Some(Action::Mask) => "masking",
        Some(Action::Pace(_)) => "pacing",
    };
    write!(
        out,
        "%APPFW-4-{mnemonic}: {subject} matched ({}) - {doing} session {} {} on {} appl-class {}{}",
        found.criterion,
        PlainAddress(session.client),
        PlainAddress(session.server),
        ZonePair(config),
        found.class,
        suffix
    )
}

fn anomaly(
    out: &mut Vec<u8>,
    Origin { session, config }: Origin<'_>,
    anomaly: &Anomaly<'_>,
) -> io::Result<()> {
    let client = PlainAddress(session.client);
    let protocol = config.protocol.name().to_ascii_uppercase();
    let suffix = Suffix { reference: anomaly.reference, count: anomaly.count };
    match anomaly.kind {
        // IOS's own message for a command outside its list; a sum of several has no words for it.
        AnomalyKind::UnknownVerb if anomaly.count == 1 => write!(
            out,
            "%FW-3-SMTP_INVALID_COMMAND: {}Invalid SMTP command ({}) (total {} chars) from initiator ({client}){suffix}",
            TargetClass(config),
            escaped_bytes(anomaly.value),
            anomaly.value.len()
        ),
        AnomalyKind::InvalidCommand => {
            OfLogin::InvalidCommand.write(out, Origin { session, config }, anomaly.value, &suffix)
        }
        AnomalyKind::ClearTextLogin => {
            OfLogin::NonSecure.write(out, Origin { session, config }, anomaly.value, &suffix)
        }
        kind => write!(
            out,
            "%APPFW-4-{protocol}_ANOMALY: {protocol} {} - {} session {client} {} on {}{suffix}",
            kind.name(),
            anomaly.treatment.name(),
            PlainAddress(session.server),
            ZonePair(config)
        ),
    }
}

/// What IOS says of a mailbox before the login, of a rule of either of its dialects.
#[derive(Clone, Copy, Debug)]
enum OfLogin {
    InvalidCommand,
    NonSecure,
}

impl OfLogin {
    /// The message for a class that matched on this.
    const fn found(kind: CriterionKind) -> Option<Self> {
        match kind {
            CriterionKind::InvalidCommand => Some(Self::InvalidCommand),
            CriterionKind::ClearTextLogin => Some(Self::NonSecure),
            _ => None,
        }
    }

    fn write(
        self,
        out: &mut Vec<u8>,
        Origin { session, config }: Origin<'_>,
        value: &[u8],
        suffix: &Suffix,
    ) -> io::Result<()> {
        let (target, client) = (TargetClass(config), PlainAddress(session.client));
        let protocol = config.protocol.name().to_ascii_uppercase();
        match (self, config.protocol) {
            (Self::InvalidCommand, _) => write!(
                out,
                "%FW-3-{protocol}_INVALID_COMMAND: {target}Invalid {protocol} command from initiator ({client}): {}{suffix}",
                escaped_bytes(value)
            ),
            (Self::NonSecure, Protocol::Imap) => write!(
                out,
                "%FW-3-IMAP_NON_SECURE_LOGIN: {target}IMAP LOGIN command attempted from initiator ({client}){suffix}"
            ),
            (Self::NonSecure, _) => write!(
                out,
                "%FW-3-{protocol}_NON_SECURE_LOGIN: {target}LOGIN or PLAIN TEXT authentication attempted from \
                 initiator ({client}){suffix}"
            ),
        }
    }
}

/// What follows a message in the words of IOS: how the client's reply is found, and how often it happened.
struct Suffix {
    reference: Option<Reference>,
    count: u32,
}

impl Display for Suffix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reference) = self.reference {
            write!(out, " (ref {reference})")?;
        }
        if self.count > 1 { write!(out, " ({} times)", self.count) } else { Ok(()) }
    }
}

/// The policy before a message of the inspection engine, `(target:class)-(mx:MAIL):`; nothing without a class.
struct TargetClass<'r>(&'r SessionConfig);

impl Display for TargetClass<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SessionConfig { name, class, .. } = self.0;
        if class.is_empty() { Ok(()) } else { write!(out, "(target:class)-({name}:{class}):") }
    }
}

/// Where a session is, `zone-pair mx class MAIL`; without a class only the first half.
struct ZonePair<'r>(&'r SessionConfig);

impl Display for ZonePair<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SessionConfig { name, class, .. } = self.0;
        write!(out, "zone-pair {name}")?;
        if class.is_empty() { Ok(()) } else { write!(out, " class {class}") }
    }
}

/// Address and port, an IPv6 address without brackets.
pub(super) struct PlainAddress(pub(super) SocketAddr);

impl Display for PlainAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.0.ip(), self.0.port())
    }
}

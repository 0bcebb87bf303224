//! Events as JSON lines: one object each, one struct for each kind; keys do not change.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};

use engine::Event;
use engine::admission::{Instance, Limit, Pressure, Transition};
use engine::event::{Anomaly, Login, Match, Reference, Transaction};
use policy::attach::LimitDomain;
use proto::Side;
use serde::{Serialize, Serializer};

use super::session::SessionId;
use super::time::Stamps;
use super::{Complaint, Configured, LimitReport, Origin, Record, Reported, ServerState, SessionEnd};

/// Appends the line of a record; nothing for one that is not an event.
pub(super) fn append(out: &mut Vec<u8>, record: &Record<'_>, stamps: &mut Stamps) {
    let mut to = EventLine { lines: out, time: stamps.rfc3339(record.time) };
    match record.event {
        Reported::Event(origin, event) => match event {
            Event::SessionStart => to.put("session_start", Some(origin), Nothing {}),
            Event::Transaction(of) => to.put("transaction", Some(origin), TransactionFields::of(of)),
            Event::Match(of) => to.put("match", Some(origin), MatchFields::of(of)),
            Event::Anomaly(of) => to.put("anomaly", Some(origin), AnomalyFields::of(of)),
            Event::Login(login) => to.put("login", Some(origin), LoginFields::of(login)),
            Event::Tls { criteria } => to.put("tls", Some(origin), TlsFields { criteria }),
            // Replies are counted; units are of dialogues that are only observed, which nobody reports.
            Event::Reply(_) | Event::Observed(_) => {}
        },
        Reported::SessionEnd(origin, end) => {
            to.put("session_end", Some(origin), SessionEndFields::of(&end));
        }
        Reported::Configuration(configured) => to.put("config", None, ConfigFields::of(configured)),
        Reported::Server { proxy, address, state } => {
            to.put("server", None, ServerFields::of(proxy, address, state));
        }
        Reported::Limit(report) => to.put("limit", None, LimitFields::of(report)),
        // The complaints are in the event of their configuration.
        Reported::Complaint { .. }
        | Reported::Notice { .. }
        | Reported::Failure { .. }
        | Reported::Dropped { .. }
        | Reported::Stopped { .. } => {}
    }
}

/// Where a line goes, and its time.
struct EventLine<'o> {
    lines: &'o mut Vec<u8>,
    time: &'o str,
}

impl EventLine<'_> {
    fn put(&mut self, event: &'static str, origin: Option<Origin<'_>>, fields: impl Serialize) {
        let line = Line { time: self.time, event, session: origin.map(SessionFields::of), fields };
        let whole = self.lines.len();
        // Neither a Vec nor these structs fail; if one did, half a line would be worse than none.
        match serde_json::to_writer(&mut *self.lines, &line) {
            Ok(()) => self.lines.push(b'\n'),
            Err(_) => self.lines.truncate(whole),
        }
    }
}

/// What every event has.
#[derive(Serialize)]
struct Line<'r, F> {
    /// RFC 3339, UTC, microseconds.
    time: &'r str,
    event: &'static str,
    /// Of all events but `config`, `server` and `limit`.
    #[serde(flatten)]
    session: Option<SessionFields<'r>>,
    #[serde(flatten)]
    fields: F,
}

/// What every event of a session has.
#[derive(Clone, Copy, Serialize)]
struct SessionFields<'r> {
    /// Unique over workers, restarts and nodes.
    session: SessionId,
    protocol: &'static str,
    client: PeerFields,
    server: PeerFields,
    /// The proxy that accepted the client.
    proxy: &'r str,
}

#[derive(Clone, Copy, Serialize)]
struct PeerFields {
    address: IpAddr,
    port: u16,
}

/// `session_start`: server and client are connected.
#[derive(Serialize)]
struct Nothing {}

/// `session_end`: both connections are closed.
#[derive(Serialize)]
struct SessionEndFields {
    reason: &'static str,
    /// Sent to the server.
    bytes_client: u64,
    /// Sent to the client.
    bytes_server: u64,
    /// How long it lasted.
    seconds: f64,
}

/// `transaction`: a message was answered, or given up.
#[derive(Serialize)]
struct TransactionFields<'r> {
    /// The number within its session, from 0.
    transaction: u32,
    sender: Text<'r>,
    /// Recipients that the client named, and that were accepted.
    recipient_count: u32,
    accepted_count: u32,
    /// `DATA` or `BDAT`.
    via: &'static str,
    /// Sizes of the message as it was sent; null of one that was not sent, or not all of it.
    header_bytes: Option<u64>,
    body_bytes: Option<u64>,
    /// The code that answered it, in LMTP the highest; null if none did.
    reply: Option<u16>,
    /// The codes that answered it for each accepted recipient, in the order of the RCPT commands; empty where one
    /// answer is for all.
    replies: &'r [u16],
}

/// `match`: a class of a policy acted.
#[derive(Serialize)]
struct MatchFields<'r> {
    policy: &'r str,
    class: &'r str,
    /// The `match` line, as configured.
    criterion: &'r str,
    /// How long what matched holds.
    scope: &'static str,
    /// What matched, at most 256 bytes.
    value: Text<'r>,
    action: &'static str,
    /// Whether the class says `log`.
    log: bool,
    /// The transaction it happened in; null outside of one.
    transaction: Option<u32>,
    /// What the refusal ends with that the client got; null where the class refuses nothing.
    reference: Option<Shown<Reference>>,
    /// 1 the first time in a session; at its end, of what repeated, how often it happened in all.
    count: u32,
}

/// `anomaly`: a peer did what its protocol does not allow, or a bound does not.
#[derive(Serialize)]
struct AnomalyFields<'r> {
    /// A word of docs/anomalies.md.
    kind: &'static str,
    /// `client` or `server`.
    from: &'static str,
    /// The bytes in question, at most 256.
    value: Text<'r>,
    /// What was done: `silent`, `logged`, `normalized`, `masked`, `refused` or `reset`.
    treatment: &'static str,
    /// What the refusal ends with that the client got; null where nothing is refused.
    reference: Option<Shown<Reference>>,
    /// 1 the first time in a session; at its end, of what repeated, how often it happened in all.
    count: u32,
}

/// `tls`: the session went on encrypted.
#[derive(Serialize)]
struct TlsFields<'r> {
    /// The criteria of the policy that can no longer match.
    criteria: &'r [&'r str],
}

/// `login`: a client of a mailbox logged in, or tried to. The secret is not part of it, nor is the user.
#[derive(Serialize)]
struct LoginFields<'r> {
    /// `USER`, `APOP`, `LOGIN`, or the SASL mechanism; null if it is not known.
    mechanism: Option<Text<'r>>,
    /// Whether the password could be read on the way.
    clear_text: bool,
    /// `accepted`, `refused_by_server`, `refused_by_policy` or `cancelled`.
    outcome: &'static str,
}

/// `config`: a configuration took effect or was refused.
#[derive(Serialize)]
struct ConfigFields<'r> {
    file: &'r str,
    /// Whether it is in force now; else the one before is.
    ok: bool,
    /// `applied`, or why not.
    result: &'r str,
    errors: usize,
    warnings: usize,
    /// At most 20, in the order of the file.
    diagnostics: Vec<DiagnosticFields<'r>>,
}

/// A complaint about a configuration.
#[derive(Serialize)]
struct DiagnosticFields<'r> {
    severity: &'static str,
    code: &'static str,
    line: usize,
    column: usize,
    message: &'r str,
    help: Option<&'r str>,
}

/// `server`: an address of a server stopped answering, or answers again.
#[derive(Serialize)]
struct ServerFields<'r> {
    server: PeerFields,
    /// The proxy that noticed, or the first of those that use it.
    proxy: &'r str,
    /// `down` or `up`.
    state: &'static str,
    /// Of a server that is down: why, and for how long it is left alone.
    reason: Option<&'r str>,
    retry_seconds: Option<u64>,
}

/// `limit`: a limit on sessions did something. What happens again and again is told once a minute.
#[derive(Serialize)]
struct LimitFields<'r> {
    /// As in a configuration, with hyphens: `max-incomplete`, `sessions-maximum`, `per-client-max`; `client-logins` and
    /// `account-logins` are those of `login maximum-failures`, which never say which account it is; `hosts` is the bound
    /// of clients, or servers, that are told apart.
    limit: &'static str,
    /// `on` and `off`: opening sessions go as others come, and no longer. `exceeded`, `blocked` and `unblocked`: of a
    /// host; `blocked` also of logins. `refused`: clients got no session. `evicted`: opening sessions went for others.
    state: &'static str,
    /// What was counted, and its threshold; null where neither is asked.
    count: Option<u32>,
    threshold: Option<u32>,
    /// Clients accepted in the last minute, of `on` and `off`.
    rate: Option<u32>,
    /// The server that has too many opening sessions.
    host: Option<IpAddr>,
    /// How long it is blocked.
    minutes: Option<u32>,
    /// Of clients that were refused, and of those that others went for: the last.
    client: Option<PeerFields>,
    /// The server that client would have been connected to.
    server: Option<PeerFields>,
    /// How often it happened since it was told last.
    times: u32,
    /// Whose sessions are counted: those of a class of a proxy, or of a class of an ASA's policy-map; all that
    /// classic inspection has where all three are null.
    proxy: Option<&'r str>,
    policy: Option<&'r str>,
    class: Option<&'r str>,
}

impl<'r> LimitFields<'r> {
    fn of(report: &'r LimitReport) -> Self {
        let (proxy, policy, class) = match &*report.limited.domain {
            LimitDomain::Class { attachment, class } => (Some(&**attachment), None, class.as_deref()),
            LimitDomain::Classic => (report.proxy.as_deref(), None, None),
            LimitDomain::Traffic { policy, class } => {
                (report.proxy.as_deref(), Some(&**policy), Some(&**class))
            }
        };
        let none = Self {
            limit: Limit::MaxIncompleteHost.name(),
            state: "exceeded",
            count: None,
            threshold: None,
            rate: None,
            host: None,
            minutes: None,
            client: None,
            server: None,
            times: 1,
            proxy,
            policy,
            class,
        };
        let pressed = |state, of: Pressure| {
            let (count, threshold) = match of.limit {
                Limit::OneMinute => (of.rate, of.rate_threshold),
                _ => (of.incomplete, of.threshold),
            };
            (of.limit.name(), state, Some(count), Some(threshold), Some(of.rate))
        };
        let acted = |state, of: Instance| Self {
            limit: of.limit.name(),
            state,
            count: Some(of.count),
            threshold: Some(of.threshold),
            client: Some(of.client.into()),
            server: Some(of.server.into()),
            times: of.times,
            ..none
        };
        match report.transition {
            Transition::Aggressive(of) | Transition::Calm(of) => {
                let is_on = matches!(report.transition, Transition::Aggressive(_));
                let (limit, state, count, threshold, rate) = pressed(if is_on { "on" } else { "off" }, of);
                Self { limit, state, count, threshold, rate, ..none }
            }
            Transition::HostExceeded { host, sessions } => {
                Self { threshold: Some(sessions), host: Some(host), ..none }
            }
            Transition::HostBlocked { host, sessions, minutes } => Self {
                state: "blocked",
                threshold: Some(sessions),
                host: Some(host),
                minutes: Some(minutes),
                ..none
            },
            Transition::HostUnblocked { host } => Self { state: "unblocked", host: Some(host), ..none },
            Transition::LoginsBlocked(of) => Self { minutes: Some(of.minutes), ..acted("blocked", of) },
            Transition::Refused(of) => acted("refused", of),
            Transition::Evicted(of) => acted("evicted", of),
        }
    }
}

impl<'r> ConfigFields<'r> {
    fn of(configured: &'r Configured) -> Self {
        let diagnostic = |complaint: &'r Complaint| DiagnosticFields {
            severity: complaint.severity.as_str(),
            code: complaint.code,
            line: complaint.line,
            column: complaint.column,
            message: &complaint.message,
            help: complaint.help.as_deref(),
        };
        Self {
            file: &configured.file,
            ok: configured.ok,
            result: &configured.result,
            errors: configured.errors,
            warnings: configured.warnings,
            diagnostics: configured.complaints.iter().map(diagnostic).collect(),
        }
    }
}

impl<'r> ServerFields<'r> {
    fn of(proxy: &'r str, address: SocketAddr, state: ServerState<'r>) -> Self {
        let server = address.into();
        match state {
            ServerState::Down { why, wait } => {
                let retry_seconds = Some(wait.as_secs());
                Self { server, proxy, state: "down", reason: Some(why), retry_seconds }
            }
            ServerState::Up => Self { server, proxy, state: "up", reason: None, retry_seconds: None },
        }
    }
}

impl<'r> SessionFields<'r> {
    fn of(Origin { session, config }: Origin<'r>) -> Self {
        Self {
            session: session.id,
            protocol: config.protocol_name(),
            client: session.client.into(),
            server: session.server.into(),
            proxy: &config.name,
        }
    }
}

impl From<SocketAddr> for PeerFields {
    fn from(address: SocketAddr) -> Self {
        Self { address: address.ip(), port: address.port() }
    }
}

impl SessionEndFields {
    const fn of(end: &SessionEnd) -> Self {
        Self {
            reason: end.reason.name(),
            bytes_client: end.bytes_client,
            bytes_server: end.bytes_server,
            seconds: end.duration.as_secs_f64(),
        }
    }
}

impl<'r> TransactionFields<'r> {
    fn of(transaction: &Transaction<'r>) -> Self {
        Self {
            transaction: transaction.number,
            sender: Text(transaction.sender),
            recipient_count: transaction.recipients,
            accepted_count: transaction.accepted,
            via: transaction.via.name(),
            header_bytes: transaction.message.map(|size| size.header_bytes),
            body_bytes: transaction.message.map(|size| size.body_bytes),
            reply: transaction.reply,
            replies: transaction.replies,
        }
    }
}

impl<'r> MatchFields<'r> {
    fn of(found: &Match<'r>) -> Self {
        Self {
            policy: found.policy,
            class: found.class,
            criterion: found.criterion,
            scope: found.scope.name(),
            value: Text(found.value),
            action: found.action_name(),
            log: found.log,
            transaction: found.transaction,
            reference: found.reference.map(Shown),
            count: found.count,
        }
    }
}

impl<'r> LoginFields<'r> {
    fn of(login: &Login<'r>) -> Self {
        Self {
            mechanism: Some(login.mechanism).filter(|name| !name.is_empty()).map(Text),
            clear_text: login.is_clear_text,
            outcome: login.outcome.name(),
        }
    }
}

impl<'r> AnomalyFields<'r> {
    fn of(anomaly: &Anomaly<'r>) -> Self {
        Self {
            kind: anomaly.kind.name(),
            from: match anomaly.from {
                Side::Client => "client",
                Side::Server => "server",
            },
            value: Text(anomaly.value),
            treatment: anomaly.treatment.name(),
            reference: anomaly.reference.map(Shown),
            count: anomaly.count,
        }
    }
}

/// Bytes of the wire as text: what is not UTF-8 becomes U+FFFD, and JSON escapes control characters.
struct Text<'r>(&'r [u8]);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(self.0))
    }
}

/// A value as it is displayed.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

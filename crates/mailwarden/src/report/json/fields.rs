//! What each kind of event has: the keys of its line, and where their values come from.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};

use engine::event::{Anomaly, Login, Match, Part, Reference, Transaction};
#[cfg(test)]
use engine::event::{AnomalyKind, LoginOutcome, Outcome, Reason, Treatment};
use policy::model::EventsDetail;
#[cfg(test)]
use policy::scope::Scope;
use proto::Side;
#[cfg(test)]
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::report::session::SessionId;
use crate::report::{Complaint, Configured, Holds, Origin, ServerState, SessionEnd};

/// What every event of a session has.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct SessionFields<'r> {
    /// Unique over workers, restarts and nodes.
    session: SessionId,
    /// What the proxy says that its sessions speak.
    #[cfg_attr(test, schemars(extend("enum" = ["smtp", "lmtp", "pop3", "imap", "tcp"])))]
    protocol: &'static str,
    /// The client, as the connection or its balancer says.
    client: PeerFields,
    /// The server it is connected to; of a session that reached none, the first that was tried.
    server: PeerFields,
    /// The proxy that accepted the client.
    proxy: &'r str,
}

#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct PeerFields {
    /// IPv4 or IPv6.
    address: IpAddr,
    /// The TCP port.
    port: u16,
}

/// Server and client are connected.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct Nothing {}

/// Both connections are closed.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct SessionEndFields {
    /// Why it ended.
    #[cfg_attr(test, schemars(extend("enum" = Reason::ALL.map(Reason::name))))]
    reason: &'static str,
    /// Bytes sent to the server.
    bytes_client: u64,
    /// Bytes sent to the client.
    bytes_server: u64,
    /// How long it lasted, in seconds.
    seconds: f64,
    /// Commands of the client that were parsed; of a mailbox, those before the login.
    commands: u32,
    /// Replies of mailwarden that refused something; those that follow the end of a session are not counted.
    refusals: u32,
}

/// A message was answered, or given up.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct TransactionFields<'r> {
    /// The number within its session, from 0.
    transaction: u32,
    /// What the client called itself in HELO, EHLO or LHLO; null if it did not.
    helo: Option<Text<'r>>,
    /// What stood between the brackets of MAIL; empty in notifications, null with `events detail none`.
    sender: Option<Text<'r>>,
    /// The recipients that the client named, in order, at most 100 and 8 KiB of addresses.
    recipients: Vec<RecipientFields<'r>>,
    /// Recipients that are not listed.
    more_recipients: u32,
    /// Recipients that the client named.
    recipient_count: u32,
    /// Recipients that were accepted.
    accepted_count: u32,
    /// The value of the field; null of a message that was not read, or has none.
    message_id: Option<Text<'r>>,
    /// The value of the field as it came; null without `events detail headers`.
    subject: Option<Text<'r>>,
    /// The verb that carried the message; `DATA` where none was sent.
    #[cfg_attr(test, schemars(extend("enum" = ["DATA", "BDAT"])))]
    via: &'static str,
    /// Bytes of the header as it was sent; null of a message that was not sent, or not all of it.
    header_bytes: Option<u64>,
    /// The same of the body.
    body_bytes: Option<u64>,
    /// The parts in document order, multipart and message/rfc822 included, at most 50; of a refused message those
    /// before the refusal.
    parts: Vec<PartFields<'r>>,
    /// Parts that are not listed.
    more_parts: u32,
    /// How it ended: `unfinished` where nobody refused it, and the client or the server left, or began anew.
    #[cfg_attr(test, schemars(extend("enum" = Outcome::ALL.map(Outcome::name))))]
    outcome: &'static str,
    /// The code that answered it, in LMTP the highest; null if none did.
    reply: Option<u16>,
    /// What was said behind that code, where many servers name their own id of the message. Lines are joined by blanks.
    reply_text: Option<Text<'r>>,
    /// The codes that answered it for each accepted recipient, in the order of the RCPT commands; empty where one
    /// answer is for all.
    replies: &'r [u16],
}

/// A recipient of a transaction.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct RecipientFields<'r> {
    /// What stood between the brackets of RCPT, at most 256 bytes.
    address: Text<'r>,
    /// The code that answered it, the server's or ours; null if none did.
    reply: Option<u16>,
}

/// A part of a message, as most readers see it.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct PartFields<'r> {
    /// In lower case, without parameters.
    content_type: Text<'r>,
    /// Content-Transfer-Encoding in lower case.
    encoding: Option<Text<'r>>,
    /// Decoded.
    filename: Option<Text<'r>>,
}

/// A class of a policy acted.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct MatchFields<'r> {
    /// The policy map.
    policy: &'r str,
    /// The class map; in a map of an ASA `Class` and the number of the match.
    class: &'r str,
    /// The `match` line, as configured.
    criterion: &'r str,
    /// How long what matched holds.
    #[cfg_attr(test, schemars(extend("enum" = Scope::ALL.map(Scope::name))))]
    scope: &'static str,
    /// What matched, at most 256 bytes; null with `events detail none`.
    value: Option<Text<'r>>,
    /// The action of the class; `log` where it has no other.
    #[cfg_attr(test, schemars(extend("enum" = ["allow", "log", "mask", "rate-limit", "drop-connection", "reset"])))]
    action: &'static str,
    /// Whether the class says `log`.
    log: bool,
    /// The transaction it happened in; null outside of one.
    transaction: Option<u32>,
    /// The sender of that; null before MAIL, and with `events detail none`.
    sender: Option<Text<'r>>,
    /// What the refusal ends with that the client got; null where the class refuses nothing.
    reference: Option<Shown<Reference>>,
    /// 1 the first time in a session; at its end, of what repeated, how often it happened in all.
    count: u32,
}

/// A peer did what its protocol does not allow, or a bound does not.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct AnomalyFields<'r> {
    /// A word of [anomalies](anomalies.md).
    #[cfg_attr(test, schemars(extend("enum" = AnomalyKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>())))]
    kind: &'static str,
    /// Who did it.
    #[cfg_attr(test, schemars(extend("enum" = ["client", "server"])))]
    from: &'static str,
    /// The bytes in question, at most 256; null with `events detail none`.
    value: Option<Text<'r>>,
    /// What was done about it.
    #[cfg_attr(test, schemars(extend("enum" = Treatment::ALL.map(Treatment::name))))]
    treatment: &'static str,
    /// What the refusal ends with that the client got; null where nothing is refused.
    reference: Option<Shown<Reference>>,
    /// 1 the first time in a session; at its end, of what repeated, how often it happened in all.
    count: u32,
}

/// The session went on encrypted.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct TlsFields<'r> {
    /// The criteria of the policy that can no longer match.
    pub(super) criteria: &'r [&'r str],
}

/// A client logged in, or tried to: to a mailbox, or by AUTH. The secret is not part of it, nor is the user.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct LoginFields<'r> {
    /// `USER`, `APOP`, `LOGIN`, or the SASL mechanism; null if it is not known.
    mechanism: Option<Text<'r>>,
    /// Whether the password could be read on the way.
    clear_text: bool,
    /// How the attempt ended.
    #[cfg_attr(test, schemars(extend("enum" = LoginOutcome::ALL.map(LoginOutcome::name))))]
    outcome: &'static str,
}

/// A configuration took effect or was refused.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct ConfigFields<'r> {
    /// Its path.
    file: &'r str,
    /// Whether it is in force now; else the one before is.
    ok: bool,
    /// `applied`, or why not.
    result: &'r str,
    /// Errors in it.
    errors: usize,
    /// Warnings about it.
    warnings: usize,
    /// What it holds; null of one with errors.
    holds: Option<HoldsFields>,
    /// The first 20 of them, errors first.
    diagnostics: Vec<DiagnosticFields<'r>>,
}

/// How much of what a configuration holds.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct HoldsFields {
    /// Class maps of every type.
    class_maps: usize,
    /// Policy maps of every type.
    policy_maps: usize,
    /// Parameter maps of every type.
    parameter_maps: usize,
    /// Rules of `ip inspect`.
    inspection_rules: usize,
    /// Access lists.
    access_lists: usize,
    /// Zone pairs.
    zone_pairs: usize,
    /// Service policies of an ASA.
    service_policies: usize,
    /// Proxies.
    proxies: usize,
}

/// A complaint about a configuration.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct DiagnosticFields<'r> {
    /// How bad it is.
    #[cfg_attr(test, schemars(extend("enum" = ["error", "warning"])))]
    severity: &'static str,
    /// What `mailwarden explain` explains.
    code: &'static str,
    /// The line, from 1.
    line: usize,
    /// The character in it, from 1.
    column: usize,
    /// What is wrong.
    message: &'r str,
    /// What to do about it.
    help: Option<&'r str>,
}

/// An address of a server stopped answering, or answers again.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct ServerFields<'r> {
    /// The address.
    server: PeerFields,
    /// The proxy that noticed, or the first of those that use it.
    proxy: &'r str,
    /// Whether it answers.
    #[cfg_attr(test, schemars(extend("enum" = ["down", "up"])))]
    state: &'static str,
    /// Why it is down; null of one that is up.
    reason: Option<&'r str>,
    /// For how long it is left alone; null of one that is up.
    retry_seconds: Option<u64>,
}

impl<'r> ConfigFields<'r> {
    pub(super) fn of(configured: &'r Configured) -> Self {
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
            holds: configured.holds.map(HoldsFields::from),
            diagnostics: configured.complaints.iter().map(diagnostic).collect(),
        }
    }
}

impl From<Holds> for HoldsFields {
    fn from(holds: Holds) -> Self {
        Self {
            class_maps: holds.class_maps,
            policy_maps: holds.policy_maps,
            parameter_maps: holds.parameter_maps,
            inspection_rules: holds.inspection_rules,
            access_lists: holds.access_lists,
            zone_pairs: holds.zone_pairs,
            service_policies: holds.service_policies,
            proxies: holds.proxies,
        }
    }
}

impl<'r> ServerFields<'r> {
    pub(super) fn of(proxy: &'r str, address: SocketAddr, state: ServerState<'r>) -> Self {
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
    pub(super) fn of(Origin { session, config }: Origin<'r>) -> Self {
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
    pub(super) const fn of(end: &SessionEnd) -> Self {
        Self {
            reason: end.reason.name(),
            bytes_client: end.bytes_client,
            bytes_server: end.bytes_server,
            seconds: end.duration.as_secs_f64(),
            commands: end.counts.commands,
            refusals: end.counts.refusals,
        }
    }
}

impl<'r> TransactionFields<'r> {
    pub(super) fn of(transaction: &Transaction<'r>, detail: EventsDetail) -> Self {
        let listed = transaction.listed.iter();
        let recipients: Vec<_> =
            listed.map(|it| RecipientFields { address: Text(it.address), reply: it.reply }).collect();
        let listed = u32::try_from(recipients.len()).unwrap_or(u32::MAX);
        let part = |part: &Part<'r>| PartFields {
            content_type: Text(part.content_type),
            encoding: part.encoding.map(Text),
            filename: part.filename.map(Text),
        };
        Self {
            transaction: transaction.number,
            helo: given(transaction.helo),
            sender: told(transaction.sender, detail),
            recipients,
            more_recipients: transaction.recipients.saturating_sub(listed),
            recipient_count: transaction.recipients,
            accepted_count: transaction.accepted,
            message_id: transaction.message_id.map(Text),
            subject: transaction.subject.map(Text),
            via: transaction.via.name(),
            header_bytes: transaction.message.map(|size| size.header_bytes),
            body_bytes: transaction.message.map(|size| size.body_bytes),
            parts: transaction.parts.iter().map(part).collect(),
            more_parts: transaction.more_parts,
            outcome: transaction.outcome.name(),
            reply: transaction.reply,
            reply_text: given(transaction.reply_text),
            replies: transaction.replies,
        }
    }
}

impl<'r> MatchFields<'r> {
    pub(super) fn of(found: &Match<'r>, detail: EventsDetail) -> Self {
        Self {
            policy: found.policy,
            class: found.class,
            criterion: found.criterion,
            scope: found.scope.name(),
            value: told(found.value, detail),
            action: found.action_name(),
            log: found.log,
            transaction: found.transaction,
            sender: found.sender.and_then(|sender| told(sender, detail)),
            reference: found.reference.map(Shown),
            count: found.count,
        }
    }
}

impl<'r> LoginFields<'r> {
    pub(super) fn of(login: &Login<'r>) -> Self {
        Self {
            mechanism: given(login.mechanism),
            clear_text: login.is_clear_text,
            outcome: login.outcome.name(),
        }
    }
}

impl<'r> AnomalyFields<'r> {
    pub(super) fn of(anomaly: &Anomaly<'r>, detail: EventsDetail) -> Self {
        Self {
            kind: anomaly.kind.name(),
            from: match anomaly.from {
                Side::Client => "client",
                Side::Server => "server",
            },
            value: told(anomaly.value, detail),
            treatment: anomaly.treatment.name(),
            reference: anomaly.reference.map(Shown),
            count: anomaly.count,
        }
    }
}

/// What is empty was not given.
fn given(text: &[u8]) -> Option<Text<'_>> {
    Some(text).filter(|text| !text.is_empty()).map(Text)
}

/// What was said in mail, or to send it.
fn told(text: &[u8], detail: EventsDetail) -> Option<Text<'_>> {
    match detail {
        EventsDetail::None => None,
        EventsDetail::Envelope | EventsDetail::Headers => Some(Text(text)),
    }
}

/// Bytes of the wire as text: what is not UTF-8 becomes U+FFFD, and JSON escapes control characters.
pub(super) struct Text<'r>(&'r [u8]);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(self.0))
    }
}

/// A value as it is displayed.
pub(super) struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

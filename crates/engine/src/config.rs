//! What a session is created with: its rules, limits and timers.

use std::sync::Arc;

use policy::attach::Handling;
use policy::model::{
    AnnounceLimits, Conformance, EventsDetail, ImapPreauth, Introduction, Protocol, RecipientLimit, Refusals,
    StartTls,
};
use policy::profile::Profile;
use policy::{Attachment, CompiledPolicy};

use crate::bounds::{Bounds, Timers};

/// The rules, limits and timers of the sessions of one attachment. Shared by its sessions; a reload
/// makes a new one, and old sessions keep theirs.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The proxy or zone-pair, as in events and log lines.
    pub name: String,
    /// The top-level class that sent the session here; empty without one.
    pub class: String,
    /// What the attachment says its sessions speak, inspected or not; reports name it.
    pub protocol: Protocol,
    /// Whether the attachment says that its SMTP is LMTP (RFC 2033). Whether a session is, LHLO tells.
    pub lmtp: bool,
    /// What is inspected.
    pub inspect: Inspect,
    /// The compiled rules; absent where there are none.
    pub policy: Option<Arc<CompiledPolicy>>,
    /// What the dialect of the policy fixes; [`Profile::NONE`] without one.
    pub profile: Profile,
    /// How strictly the standards are enforced, whatever the rules say.
    pub conformance: Conformance,
    /// How much a refusal says.
    pub refusals: Refusals,
    /// Whether a client may begin TLS with the server.
    pub starttls: StartTls,
    /// What happens to recipients over a limit.
    pub recipient_limit: RecipientLimit,
    /// What becomes of an IMAP server that takes its client for logged in from the beginning.
    pub imap_preauth: ImapPreauth,
    /// Whether replies to EHLO name a limit of recipients.
    pub announce_limits: AnnounceLimits,
    /// Whether the server is told by XCLIENT who the client is; the client's own XCLIENT is then unknown to it.
    pub send_xclient: bool,
    /// What a session may hold and take.
    pub bounds: Bounds,
    /// How long it may take.
    pub timers: Timers,
    /// Whether it is live.
    pub watch: Watch,
    /// Whether logins that fail are limited: then it is known of each attempt to which account it is.
    pub limits_logins: bool,
    /// How much events tell of mail; [`EventsDetail::None`] where nobody reads them, so that nothing is kept for them.
    pub detail: EventsDetail,
    /// Whether anomalies are logged as alerts.
    pub alert: bool,
    /// Whether the beginning and the end of a session are logged.
    pub audit_trail: bool,
    /// Whether it is logged that a session passes uninspected, or is dropped.
    pub logs_handling: bool,
}

impl SessionConfig {
    /// What the sessions speak, as reports name it.
    pub const fn protocol_name(&self) -> &'static str {
        if self.lmtp { "lmtp" } else { self.protocol.name() }
    }

    /// The same as the device names what it inspects.
    pub const fn inspection_name(&self) -> &'static str {
        match self.protocol {
            Protocol::Smtp if self.profile.is_esmtp && !self.lmtp => "esmtp",
            _ => self.protocol_name(),
        }
    }
}

/// What is inspected in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspect {
    /// The dialogue and its messages.
    Smtp,
    /// The dialogue up to the login.
    Pop3,
    /// The dialogue up to the login.
    Imap,
    /// Nothing: bytes are relayed as they come, through a pinhole.
    Opaque,
    /// Nothing: the driver closes the connection at once and makes no session.
    Drop,
}

impl Inspect {
    /// What is inspected of a session of this protocol that is handled so.
    pub const fn of(handling: Handling, protocol: Protocol) -> Self {
        match (handling, protocol) {
            (Handling::Inspect, Protocol::Smtp) => Self::Smtp,
            (Handling::Inspect, Protocol::Pop3) => Self::Pop3,
            (Handling::Inspect, Protocol::Imap) => Self::Imap,
            (Handling::Inspect, Protocol::Tcp) | (Handling::Relay, _) => Self::Opaque,
            (Handling::Drop, _) => Self::Drop,
        }
    }

    /// Whether the session is a dialogue of commands and replies that is parsed; what is only relayed may be
    /// anything.
    pub const fn is_parsed(self) -> bool {
        match self {
            Self::Smtp | Self::Pop3 | Self::Imap => true,
            Self::Opaque | Self::Drop => false,
        }
    }
}

/// Whether the session is live, and what is decided is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Live: decisions are carried out.
    Enforce,
    /// A recording: decisions are reported, and so is each unit of the dialogue, which is followed as it
    /// went on.
    Observe,
}

impl From<&Attachment> for SessionConfig {
    /// What the sessions of an attachment are created with, but for timers and reports: those are the driver's.
    fn from(attachment: &Attachment) -> Self {
        Self {
            name: attachment.name.text.clone(),
            class: attachment.class.clone().unwrap_or_default(),
            protocol: attachment.protocol,
            lmtp: attachment.lmtp,
            inspect: Inspect::of(attachment.handling, attachment.protocol),
            policy: attachment.policy.clone(),
            profile: attachment.profile,
            conformance: attachment.conformance,
            refusals: attachment.refusals,
            starttls: attachment.profile.starttls(attachment.starttls),
            recipient_limit: attachment.recipient_limit,
            imap_preauth: attachment.imap_preauth,
            announce_limits: attachment.announce_limits,
            send_xclient: attachment.traffic.introduction() == Some(Introduction::Xclient),
            limits_logins: attachment.limits.login_failures.is_some(),
            logs_handling: attachment.log,
            ..Self::default()
        }
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            class: String::new(),
            protocol: Protocol::Smtp,
            lmtp: false,
            inspect: Inspect::Smtp,
            policy: None,
            profile: Profile::NONE,
            conformance: Conformance::Standard,
            refusals: Refusals::Smtp,
            starttls: StartTls::Pass,
            recipient_limit: RecipientLimit::Device,
            imap_preauth: ImapPreauth::Refuse,
            announce_limits: AnnounceLimits::On,
            send_xclient: false,
            bounds: Bounds::default(),
            timers: Timers::default(),
            watch: Watch::Enforce,
            limits_logins: false,
            detail: EventsDetail::None,
            alert: true,
            audit_trail: false,
            logs_handling: false,
        }
    }
}

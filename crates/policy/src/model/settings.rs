//! The statements of our own: the `mailwarden` block and the proxies; and Cisco's `logging`.

use std::net::SocketAddr;

use super::{Name, Protocol};

/// `proxy NAME`: one listener in front of one or more servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub name: Name,
    pub description: Option<String>,
    pub listen: Vec<SocketAddr>,
    pub servers: Vec<SocketAddr>,
    /// Told, or by the port of the first listener.
    pub protocol: Option<Protocol>,
    pub attachment: Option<ProxyPolicy>,
    pub parameters: Option<Name>,
}

/// Which policy a proxy enforces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyPolicy {
    /// `service-policy type inspect NAME`: a top-level policy-map, or an SMTP one.
    Named(Name),
    /// `service-policy type inspect smtp NAME`.
    Smtp(Name),
    /// `no inspect esmtp`: an opaque relay.
    Pinhole,
}

impl ProxyPolicy {
    /// The policy-map it names.
    pub const fn policy(&self) -> Option<&Name> {
        match self {
            Self::Named(name) | Self::Smtp(name) => Some(name),
            Self::Pinhole => None,
        }
    }

    pub(crate) const fn policy_mut(&mut self) -> Option<&mut Name> {
        match self {
            Self::Named(name) | Self::Smtp(name) => Some(name),
            Self::Pinhole => None,
        }
    }
}

/// The `mailwarden` block and the statements of Cisco's that say where messages go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub workers: Option<u16>,
    pub conformance: Conformance,
    pub refusals: Refusals,
    pub starttls: StartTls,
    pub recipient_limit: RecipientLimit,
    pub control_socket: Option<Name>,
    pub metrics: Option<SocketAddr>,
    /// `events json FILE`.
    pub events: Option<Name>,
    /// `logging file PATH`, ours: syslog lines to a file instead of stderr.
    pub log_file: Option<Name>,
}

/// How strictly the dialogue itself is held to its standards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conformance {
    Compat,
    #[default]
    Standard,
    Strict,
}

/// What a refused sender is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refusals {
    #[default]
    Smtp,
    Silent,
    Detail,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartTls {
    #[default]
    Pass,
    Mask,
    Device,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecipientLimit {
    #[default]
    Device,
    Refuse,
}

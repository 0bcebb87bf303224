//! The live proxy: a worker owns listeners, sessions and their time; nothing is shared on the data path.

mod admit;
mod balancer;
mod beginning;
mod clock;
mod connect;
mod connection;
pub(crate) mod debugging;
pub(crate) mod descriptors;
mod endpoint;
pub(crate) mod limits;
mod listener;
pub(crate) mod names;
pub(crate) mod sessions;
mod share;
pub(crate) mod upstream;
pub(crate) mod watch;
pub(crate) mod worker;
pub(crate) mod workers;

use std::net::SocketAddr;
use std::sync::Arc;

use engine::SessionConfig;
use engine::admission::DomainId;
use ipnet::IpNet;
use policy::attach::Selector;
use policy::model::Flow;
use proto::proxy_protocol::Version;

use crate::attachments::{AttachmentId, Census};
use upstream::Upstream;

/// What sessions of one listener are held to, and where they lead. A reload makes a new one.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) config: Arc<SessionConfig>,
    /// What its sessions are counted under.
    pub(crate) attachment: AttachmentId,
    pub(crate) census: Arc<Census>,
    /// Where its sessions are counted because there may be only so many; none where they are not limited.
    pub(crate) limited: Option<DomainId>,
    /// What some sessions are held to instead: the first that has a session decides.
    pub(crate) choices: Arc<[Choice]>,
    /// In the order in which they are tried; none while no name of a server can be resolved.
    pub(crate) servers: Arc<[Arc<Upstream>]>,
    pub(crate) proxy_protocol: Arc<ProxyProtocol>,
}

/// What some sessions of a listener are held to.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) sessions: Selector,
    pub(crate) config: Arc<SessionConfig>,
    pub(crate) attachment: AttachmentId,
    pub(crate) census: Arc<Census>,
    pub(crate) limited: Option<DomainId>,
}

impl Target {
    /// The same for one connection, if it is held to something else.
    fn chosen(&self, flow: &Flow) -> Option<Self> {
        let choice = self.choices.iter().find(|choice| choice.sessions.has(flow))?;
        let (config, census) = (Arc::clone(&choice.config), Arc::clone(&choice.census));
        let (attachment, limited) = (choice.attachment, choice.limited);
        Some(Self { config, attachment, census, limited, ..self.clone() })
    }

    /// Whether every connection to the listener is held to the same, and its client is who connects.
    fn is_known_at_once(&self) -> bool {
        self.choices.is_empty() && self.proxy_protocol.accept.is_empty()
    }

    /// The server that is tried first.
    fn first_server(&self) -> Option<SocketAddr> {
        let servers = || self.servers.iter();
        servers().find(|server| server.is_up()).or_else(|| servers().next()).map(|server| server.address())
    }
}

/// Who says by a header of the PROXY protocol who the client is.
#[derive(Debug, Default)]
pub(crate) struct ProxyProtocol {
    /// We do, to servers.
    pub(crate) send: Option<Version>,
    /// Balancers in these networks do.
    pub(crate) accept: Vec<IpNet>,
}

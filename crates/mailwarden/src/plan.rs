//! Attachments → what the daemon does: listeners, what their sessions are created with, and where
//! reports go.
//!
//! Pure: nothing is opened here. A file with errors makes no plan.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use engine::SessionConfig;
use engine::bounds::Timers;
use engine::config::Inspect;
use policy::Attachment;
use policy::attach::{Handling, Traffic};
use policy::model::{Introduction, Limits, Name, Protocol, Server, Settings};

use crate::proxy::names::Directory;
use crate::proxy::{ProxyProtocol, Target};

/// What `run` does.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) workers: Option<usize>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) files: Files,
}

/// An address that clients connect to.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    /// What its sessions are created with; the listeners of a proxy share it.
    pub(crate) config: Arc<SessionConfig>,
    /// As the configuration names them, in the order in which they are tried.
    pub(crate) servers: Vec<Server>,
    pub(crate) proxy_protocol: Arc<ProxyProtocol>,
}

/// Where reports go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(crate) log: Option<PathBuf>,
    pub(crate) events: Option<PathBuf>,
}

impl Plan {
    /// Without a file: conformance standard, no rules.
    pub(crate) fn without_file(listen: SocketAddr, servers: Vec<Server>, protocol: Protocol) -> Self {
        let (name, inspect) = ("listen".to_owned(), Inspect::of(Handling::Inspect, protocol));
        let config = SessionConfig { name, protocol, inspect, ..SessionConfig::default() };
        let proxy_protocol = Arc::default();
        let listener = Listener { address: listen, config: Arc::new(config), servers, proxy_protocol };
        Self { workers: None, listeners: vec![listener], files: Files::default() }
    }

    /// A listener for each address of each proxy. Zone-pairs need none.
    pub(crate) fn of(settings: &Settings, attachments: &[Attachment]) -> Self {
        let path = |name: &Option<Name>| name.as_ref().map(|name| PathBuf::from(&name.text));
        let mut listeners = Vec::new();
        for attachment in attachments {
            match &attachment.traffic {
                Traffic::Proxy { listen, servers, introduction, accept_proxy } => {
                    let config = Arc::new(session_config(attachment));
                    let proxy_protocol = Arc::new(ProxyProtocol {
                        send: match introduction {
                            Some(Introduction::Proxy(version)) => Some(*version),
                            // The session says it.
                            Some(Introduction::Xclient) | None => None,
                        },
                        accept: accept_proxy.clone(),
                    });
                    listeners.extend(listen.iter().map(|&address| Listener {
                        address,
                        config: Arc::clone(&config),
                        servers: servers.clone(),
                        proxy_protocol: Arc::clone(&proxy_protocol),
                    }));
                }
                // Enforced by nobody yet; `check -v` says so.
                Traffic::Pair { .. } => {}
            }
        }
        Self {
            workers: settings.workers.map(usize::from),
            listeners,
            files: Files { log: path(&settings.log_file), events: path(&settings.events) },
        }
    }

    /// Every server of every proxy.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &Server> {
        self.listeners.iter().flat_map(|listener| &listener.servers)
    }

    /// Where the sessions of each listener lead, as far as servers are known.
    pub(crate) fn targets(&self, directory: &mut Directory) -> Vec<(SocketAddr, Target)> {
        let target = |listener: &Listener| {
            let servers = directory.upstreams(&listener.servers);
            (
                listener.address,
                Target {
                    config: Arc::clone(&listener.config),
                    servers,
                    proxy_protocol: Arc::clone(&listener.proxy_protocol),
                },
            )
        };
        self.listeners.iter().map(target).collect()
    }
}

/// What the sessions of an attachment are created with.
fn session_config(attachment: &Attachment) -> SessionConfig {
    let limits = &attachment.limits;
    SessionConfig {
        timers: timers(limits),
        alert: limits.alert.unwrap_or(true),
        audit_trail: limits.audit_trail.unwrap_or(false),
        ..SessionConfig::from(attachment)
    }
}

fn timers(limits: &Limits) -> Timers {
    let default = Timers::default();
    Timers {
        idle: limits.tcp_idle.map_or(default.idle, u64::from),
        connect: limits.tcp_synwait.map_or(default.connect, |wait| u64::from(wait).min(default.connect)),
        linger: limits.tcp_finwait.map_or(default.linger, u64::from),
        ..default
    }
}

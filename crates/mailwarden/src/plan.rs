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
use policy::model::{Limits, Name, Protocol, Settings};

use crate::proxy::Target;

/// What `run` does.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) workers: Option<usize>,
    pub(crate) listeners: Vec<(SocketAddr, Target)>,
    pub(crate) files: Files,
}

/// Where reports go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(crate) log: Option<PathBuf>,
    pub(crate) events: Option<PathBuf>,
}

impl Plan {
    /// Without a file: conformance standard, no rules.
    pub(crate) fn without_file(listen: SocketAddr, servers: Vec<SocketAddr>, protocol: Protocol) -> Self {
        let (name, inspect) = ("listen".to_owned(), Inspect::of(Handling::Inspect, protocol));
        let config = SessionConfig { name, protocol, inspect, ..SessionConfig::default() };
        let target = Target { config: Arc::new(config), servers };
        Self { workers: None, listeners: vec![(listen, target)], files: Files::default() }
    }

    /// A listener for each address of each proxy. Zone-pairs need none.
    pub(crate) fn of(settings: &Settings, attachments: &[Attachment]) -> Self {
        let path = |name: &Option<Name>| name.as_ref().map(|name| PathBuf::from(&name.text));
        let mut listeners = Vec::new();
        for attachment in attachments {
            match &attachment.traffic {
                Traffic::Proxy { listen, servers } => {
                    let target =
                        Target { config: Arc::new(session_config(attachment)), servers: servers.clone() };
                    listeners.extend(listen.iter().map(|&address| (address, target.clone())));
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

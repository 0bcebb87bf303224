//! Attachments → what the daemon does: listeners, what their sessions are created with, and where
//! reports go.
//!
//! Nothing is opened here that stays open. A file with errors makes no plan.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use engine::SessionConfig;
use engine::admission::Thresholds;
use engine::bounds::Timers;
use engine::config::Inspect;
use policy::Attachment;
use policy::attach::{Handling, LimitDomain, Selector, Traffic};
use policy::model::{
    self, Configuration, EventsDetail, Facility, Introduction, Logging, Name, Protocol, Server,
};
use policy::platform::Platform;
use policy::profile::LogForm;

use crate::attachments::Attachments;
use crate::cli::Spoken;
use crate::proxy::names::Directory;
use crate::proxy::{self, ProxyProtocol, Target};
use crate::report::LogSettings;

/// What `run` does.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) workers: Option<usize>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) files: Files,
    /// Where commands are taken.
    pub(crate) control_socket: Option<PathBuf>,
    /// Where metrics are served.
    pub(crate) metrics: Option<SocketAddr>,
    /// The file that it was made of, as it was named.
    pub(crate) source: Option<String>,
    /// The same in names, and what it is attached to; nothing without a file.
    pub(crate) configuration: Option<Arc<Configuration>>,
    pub(crate) attachments: Arc<[Attachment]>,
}

/// An address that clients connect to.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    /// What its sessions are created with; the listeners of a proxy share it.
    pub(crate) config: Arc<SessionConfig>,
    /// How many there may be.
    pub(crate) limited: Option<Limited>,
    /// What some of them are created with instead.
    pub(crate) choices: Arc<[Choice]>,
    /// As the configuration names them, in the order in which they are tried.
    pub(crate) servers: Vec<Server>,
    pub(crate) proxy_protocol: Arc<ProxyProtocol>,
}

/// What some sessions of a listener are created with.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) sessions: Selector,
    pub(crate) config: Arc<SessionConfig>,
    pub(crate) limited: Option<Limited>,
}

/// How many sessions there may be, together with others of the same domain.
#[derive(Clone, Debug)]
pub(crate) struct Limited {
    pub(crate) domain: LimitDomain,
    pub(crate) thresholds: Thresholds,
    /// Whether it is logged what comes of them.
    pub(crate) alert: bool,
    /// Whose words the log has for it.
    pub(crate) form: LogForm,
}

/// Where reports go.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) log: Option<PathBuf>,
    pub(crate) events: Option<PathBuf>,
    pub(crate) settings: LogSettings,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            log: None,
            events: None,
            settings: LogSettings {
                logging: Logging::default(),
                name: host_name(),
                facility: Facility::LOCAL7,
            },
        }
    }
}

/// The name of this host, up to its first dot; that of the program where the system does not tell it.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim().split('.').next().filter(|name| !name.is_empty());
    name.unwrap_or("mailwarden").to_owned()
}

impl Plan {
    /// In whose words the log tells of the daemon's users.
    pub(crate) fn log_form(&self) -> LogForm {
        match self.configuration.as_deref().map(|configuration| configuration.platform) {
            Some(Platform::Asa) => LogForm::Asa,
            Some(Platform::Ios) | None => LogForm::Ios,
        }
    }

    /// Without a file: conformance standard, no rules.
    pub(crate) fn without_file(listen: SocketAddr, servers: Vec<Server>, spoken: Spoken) -> Self {
        let protocol = match spoken {
            Spoken::Smtp | Spoken::Esmtp | Spoken::Lmtp => Protocol::Smtp,
            Spoken::Tcp => Protocol::Tcp,
        };
        let config = SessionConfig {
            name: "listen".to_owned(),
            protocol,
            lmtp: spoken == Spoken::Lmtp,
            inspect: Inspect::of(Handling::Inspect, protocol),
            ..SessionConfig::default()
        };
        let proxy_protocol = Arc::default();
        let (config, choices) = (Arc::new(config), Arc::default());
        let listener = Listener { address: listen, config, limited: None, choices, servers, proxy_protocol };
        Self {
            workers: None,
            listeners: vec![listener],
            files: Files::default(),
            control_socket: None,
            metrics: None,
            source: None,
            configuration: None,
            attachments: Arc::default(),
        }
    }

    /// A listener for each address of each proxy. Zone-pairs need none.
    pub(crate) fn of(
        source: &str,
        configuration: &Arc<Configuration>,
        attachments: &Arc<[Attachment]>,
    ) -> Self {
        let settings = &configuration.settings;
        let detail = match settings.events {
            Some(_) => settings.events_detail,
            // Nobody reads them.
            None => EventsDetail::None,
        };
        let path = |name: &Option<Name>| name.as_ref().map(|name| PathBuf::from(&name.text));
        let mut listeners = Vec::new();
        let mut choices = Vec::new();
        for attachment in &**attachments {
            match &attachment.traffic {
                Traffic::Proxy { listen, servers, introduction, accept_proxy } => {
                    let config = Arc::new(session_config(attachment, detail));
                    let limited = Limited::of(attachment);
                    if attachment.sessions != Selector::All {
                        choices.push(Choice { sessions: attachment.sessions.clone(), config, limited });
                        continue;
                    }
                    let choices: Arc<[Choice]> = std::mem::take(&mut choices).into();
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
                        limited: limited.clone(),
                        choices: Arc::clone(&choices),
                        servers: servers.clone(),
                        proxy_protocol: Arc::clone(&proxy_protocol),
                    }));
                }
                // Enforced by nobody yet; `check -v` says so.
                Traffic::Pair { .. } | Traffic::Interface { .. } | Traffic::Service { .. } => {}
            }
        }
        Self {
            workers: settings.workers.map(usize::from),
            listeners,
            files: Files {
                log: path(&settings.log_file),
                events: path(&settings.events),
                settings: LogSettings {
                    logging: settings.logging.clone(),
                    name: configuration.hostname.as_ref().map_or_else(host_name, |name| name.text.clone()),
                    facility: match configuration.platform {
                        Platform::Ios => Facility::LOCAL7,
                        Platform::Asa => Facility::LOCAL4,
                    },
                },
            },
            control_socket: path(&settings.control_socket).or_else(default_socket),
            metrics: settings.metrics,
            source: Some(source.to_owned()),
            configuration: Some(Arc::clone(configuration)),
            attachments: Arc::clone(attachments),
        }
    }

    /// Every limit on sessions, with the configuration of the sessions.
    pub(crate) fn limits(&self) -> impl Iterator<Item = (&SessionConfig, &Limited)> {
        let own = self.listeners.iter().map(|listener| (&*listener.config, &listener.limited));
        let choices = self.listeners.iter().flat_map(|listener| &*listener.choices);
        let chosen = choices.map(|choice| (&*choice.config, &choice.limited));
        own.chain(chosen).filter_map(|(config, limited)| Some((config, limited.as_ref()?)))
    }

    /// Every server of every proxy.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &Server> {
        self.listeners.iter().flat_map(|listener| &listener.servers)
    }

    /// The first proxy that has a server at an address.
    pub(crate) fn proxy_of(&self, address: SocketAddr, directory: &Directory) -> &str {
        let leads_there = |server: &Server| directory.addresses(server).contains(&address);
        let mut listeners = self.listeners.iter();
        let found = listeners.find(|listener| listener.servers.iter().any(leads_there));
        found.map_or("", |listener| &listener.config.name)
    }

    /// Whether a connection to an address arrives at a listener of ours: it would be passed on in a circle, until
    /// nothing is left to open it with.
    fn leads_back(&self, address: SocketAddr) -> bool {
        self.listeners.iter().any(|listener| {
            let own = listener.address;
            let is_every = own.ip().is_unspecified() && own.is_ipv4() == address.is_ipv4();
            own.port() == address.port() && (own.ip() == address.ip() || is_every && is_here(address.ip()))
        })
    }

    /// What there is to say of servers whose names lead back, in one sentence each.
    pub(crate) fn circles(&self, directory: &Directory) -> BTreeSet<String> {
        let of_listener = |listener: &Listener| {
            let addresses = |server: &Server| {
                let told = format!("server {server} of proxy {}", listener.config.name);
                let own = directory.addresses(server).into_iter().filter(|address| self.leads_back(*address));
                own.map(|address| format!("{told} is not used: at {address} a proxy listens"))
                    .collect::<Vec<_>>()
            };
            listener.servers.iter().flat_map(addresses).collect::<Vec<_>>()
        };
        self.listeners.iter().flat_map(of_listener).collect()
    }

    /// Where the sessions of each listener lead, as far as servers are known.
    pub(crate) fn targets(
        &self,
        directory: &mut Directory,
        attachments: &mut Attachments,
    ) -> Vec<(SocketAddr, Target)> {
        let target = |listener: &Listener| {
            let attachment = attachments.number(&listener.config);
            let limited = listener.limited.as_ref().map(|limited| attachments.domain(&limited.domain));
            let choices = listener.choices.iter().map(|choice| {
                let attachment = attachments.number(&choice.config);
                proxy::Choice {
                    sessions: choice.sessions.clone(),
                    config: Arc::clone(&choice.config),
                    attachment,
                    limited: choice.limited.as_ref().map(|limited| attachments.domain(&limited.domain)),
                    census: attachments.census(attachment),
                }
            });
            let choices = choices.collect();
            let servers = directory.upstreams(&listener.servers);
            let servers = servers.iter().filter(|server| !self.leads_back(server.address()));
            (
                listener.address,
                Target {
                    config: Arc::clone(&listener.config),
                    attachment,
                    census: attachments.census(attachment),
                    limited,
                    choices,
                    servers: servers.cloned().collect(),
                    proxy_protocol: Arc::clone(&listener.proxy_protocol),
                },
            )
        };
        self.listeners.iter().map(target).collect()
    }
}

/// Where commands are taken if the configuration does not say: in the folder that systemd made for the daemon.
fn default_socket() -> Option<PathBuf> {
    let folder = std::env::var_os("RUNTIME_DIRECTORY")?;
    Some(PathBuf::from(folder).join("control.sock"))
}

impl Limited {
    /// Nothing where any number may be.
    fn of(attachment: &Attachment) -> Option<Self> {
        let thresholds = Thresholds::from(&attachment.limits);
        let limited = Self {
            domain: attachment.domain.clone(),
            thresholds,
            alert: attachment.limits.alert.unwrap_or(true),
            form: attachment.profile.log,
        };
        thresholds.are_any().then_some(limited)
    }
}

/// Whether an address is one of this host: sockets can be bound to no other.
fn is_here(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified() || UdpSocket::bind((ip, 0)).is_ok()
}

/// What the sessions of an attachment are created with.
fn session_config(attachment: &Attachment, detail: EventsDetail) -> SessionConfig {
    let limits = &attachment.limits;
    SessionConfig {
        detail,
        timers: timers(limits),
        alert: limits.alert.unwrap_or(true),
        audit_trail: limits.audit_trail.unwrap_or(false),
        ..SessionConfig::from(attachment)
    }
}

fn timers(limits: &model::Limits) -> Timers {
    let default = Timers::default();
    Timers {
        idle: limits.tcp_idle.map_or(default.idle, u64::from),
        connect: limits.tcp_synwait.map_or(default.connect, u64::from),
        linger: limits.tcp_finwait.map_or(default.linger, u64::from),
        ..default
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration;
    use proto::Time;

    #[test]
    fn a_name_that_leads_to_a_listener_is_told_and_not_connected() {
        let text = "proxy mx\n listen 0.0.0.0:2525\n listen 192.0.2.25:2526\n server mx.test:2525\n \
                    server mx.test:2526\n server mx.test:2527\n";
        let plan = configuration::read_bytes("edge.conf", text.as_bytes()).plan.unwrap();
        let mut directory = Directory::default();
        directory.keep(plan.servers());
        let found = ["127.0.0.1", "192.0.2.25"].map(|ip| ip.parse().unwrap()).to_vec();
        directory.learned("mx.test", Ok(found), Time(0));
        let told = "server mx.test:2525 of proxy mx is not used: at 127.0.0.1:2525 a proxy listens";
        let other = "server mx.test:2526 of proxy mx is not used: at 192.0.2.25:2526 a proxy listens";
        assert_eq!(plan.circles(&directory), [told, other].map(str::to_owned).into());
        for (_, target) in plan.targets(&mut directory, &mut Attachments::default()) {
            let addresses: Vec<String> = target.servers.iter().map(|it| it.address().to_string()).collect();
            assert_eq!(addresses, ["192.0.2.25:2525", "127.0.0.1:2526", "127.0.0.1:2527", "192.0.2.25:2527"]);
        }
        let server = "127.0.0.1:2527".parse().unwrap();
        assert_eq!(plan.proxy_of(server, &directory), "mx");
    }
}

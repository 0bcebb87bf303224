//! What is in force and where, in one line for each proxy.

use std::net::SocketAddr;

use engine::SessionConfig;
use engine::config::Inspect;
use policy::model::Server;

use crate::plan::{Listener, Plan};
use crate::proxy::names::Directory;

/// Each proxy of a plan once, by name, with its listeners.
pub(crate) fn proxies(plan: &Plan) -> Vec<(&str, Vec<&Listener>)> {
    let mut proxies: Vec<(&str, Vec<&Listener>)> = Vec::new();
    for listener in &plan.listeners {
        let name = &*listener.config.name;
        match proxies.iter_mut().find(|(other, _)| *other == name) {
            Some((_, listeners)) => listeners.push(listener),
            None => proxies.push((name, vec![listener])),
        }
    }
    proxies
}

/// `listening on 0.0.0.0:25; server 192.0.2.1:25; smtp, policy EDGE of 3 classes, …`.
pub(crate) fn told(listeners: &[&Listener], directory: &Directory) -> String {
    let Some(first) = listeners.first() else { return String::new() };
    let servers: Vec<String> = first.servers.iter().map(|server| server_told(server, directory)).collect();
    let servers = match &*servers {
        [one] => format!("server {one}"),
        several => format!("servers {}", several.join(", ")),
    };
    format!("listening on {}; {servers}; {}", addresses(listeners), handling(&first.config))
}

/// Where a proxy listens: `0.0.0.0:25, [::]:25`.
pub(crate) fn addresses(listeners: &[&Listener]) -> String {
    listeners.iter().map(|listener| listener.address.to_string()).collect::<Vec<_>>().join(", ")
}

/// A name comes with its addresses.
fn server_told(server: &Server, directory: &Directory) -> String {
    let addresses = directory.addresses(server);
    match (server, &*addresses) {
        (Server::Address(address), _) => address.to_string(),
        (Server::Name { .. }, []) => format!("{server} (no address yet)"),
        (Server::Name { .. }, addresses) => {
            let ip = |address: &SocketAddr| address.ip().to_string();
            format!("{server} ({})", addresses.iter().map(ip).collect::<Vec<_>>().join(", "))
        }
    }
}

fn handling(config: &SessionConfig) -> String {
    let protocol = config.protocol.name();
    match config.inspect {
        Inspect::Drop => return format!("{protocol}, every connection is dropped"),
        Inspect::Opaque => return format!("{protocol}, not inspected"),
        Inspect::Smtp => {}
    }
    let policy = match &config.policy {
        Some(policy) => {
            let classes = policy.classes();
            let plural = if classes == 1 { "class" } else { "classes" };
            format!("policy {} of {classes} {plural}", policy.name())
        }
        None => "no policy".to_owned(),
    };
    format!("{protocol}, {policy}, conformance {}, starttls {}", config.conformance, config.starttls)
}

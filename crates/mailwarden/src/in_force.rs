//! What is in force and where, in one line for each proxy.

use std::net::SocketAddr;

use engine::SessionConfig;
use engine::config::Inspect;
use policy::model::{Introduction, Server};

use crate::plan::{Listener, Plan};
use crate::proxy::ProxyProtocol;
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
    let introduced: String = introduced(first).iter().map(|setting| format!("{setting}; ")).collect();
    let chosen = first.choices.iter().map(|choice| {
        let class = match &*choice.config.class {
            "" => "some connections".to_owned(),
            class => format!("class {class}"),
        };
        format!("{class}: {}; others: ", handling(&choice.config))
    });
    let chosen: String = chosen.collect();
    let rest = handling(&first.config);
    format!("listening on {}; {servers}; {introduced}{chosen}{rest}", addresses(listeners))
}

/// The settings by which clients are told of, as a configuration writes them.
fn introduced(listener: &Listener) -> Vec<String> {
    let ProxyProtocol { send, accept } = &*listener.proxy_protocol;
    let accepted = accept.iter().map(|network| format!("accept-proxy {network}"));
    let sent = send.map(Introduction::Proxy);
    let sent = sent.or_else(|| listener.config.send_xclient.then_some(Introduction::Xclient));
    accepted.chain(sent.map(|sent| sent.to_string())).collect()
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

pub(crate) fn handling(config: &SessionConfig) -> String {
    let protocol = config.protocol_name();
    match config.inspect {
        Inspect::Drop => return format!("{protocol}, every connection is dropped"),
        Inspect::Opaque => return format!("{protocol}, not inspected"),
        Inspect::Smtp | Inspect::Pop3 | Inspect::Imap => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration;

    #[test]
    fn how_clients_are_told_of_is_said_between_servers_and_policy() {
        let table = [
            ("send-proxy v2", "send-proxy v2; "),
            ("send-xclient", "send-xclient; "),
            ("accept-proxy 192.0.2.0/24\n send-proxy v1", "accept-proxy 192.0.2.0/24; send-proxy v1; "),
            ("protocol smtp", ""),
            ("protocol lmtp", ""),
        ];
        for (line, expected) in table {
            let text = format!("proxy mx\n listen 127.0.0.1:2525\n server 192.0.2.1:25\n {line}\n");
            let plan = configuration::read_bytes("edge.conf", text.as_bytes()).plan.unwrap();
            let (_, listeners) = proxies(&plan).remove(0);
            let told = told(&listeners, &Directory::default());
            let protocol = if line.ends_with("lmtp") { "lmtp" } else { "smtp" };
            let begins = format!("listening on 127.0.0.1:2525; server 192.0.2.1:25; {expected}{protocol}, ");
            assert!(told.starts_with(&begins), "{told}");
        }
    }
}

//! Servers that take every client for the host on which they run, and so for one of their own.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, Protocol, Proxy, Server};

/// Names the proxies that make an open relay of a server which trusts its own host, as most do by default.
pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for proxy in &configuration.proxies {
        if !sends_mail(proxy) || proxy.introduction.is_some() || !is_open(proxy) {
            continue;
        }
        let Some(server) = proxy.servers.iter().find(|server| is_here(&server.value, configuration)) else {
            continue;
        };
        let message = format!(
            "proxy `{}` can be reached from outside, and server {server} takes its clients for this host: an open \
             relay where the server trusts this host",
            proxy.name
        );
        complaints.push(
            Diagnostic::new(Code::ServerTrustsUs, proxy.name.at, message)
                .help("add `send-proxy v2` (or `send-xclient`), and have the server accept it"),
        );
    }
}

/// Whoever reads mail logs in, and LMTP servers deliver what they take (RFC 2033 §1): only who sends mail is trusted by
/// address.
fn sends_mail(proxy: &Proxy) -> bool {
    matches!(proxy.protocol, None | Some(Protocol::Smtp | Protocol::Tcp)) && !proxy.lmtp
}

fn is_open(proxy: &Proxy) -> bool {
    proxy.listen.iter().any(|listen| !listen.value.ip().is_loopback())
}

/// Whether a server is on this host, as far as the file tells: it names addresses of the host where proxies listen.
fn is_here(server: &Server, configuration: &Configuration) -> bool {
    let mut own = configuration.proxies.iter().flat_map(|proxy| &proxy.listen);
    match server {
        Server::Address(address) => {
            let ip = address.ip().to_canonical();
            ip.is_loopback() || ip.is_unspecified() || own.any(|listen| listen.value.ip() == ip)
        }
        // RFC 6761 §6.3.
        Server::Name { host, .. } => host == "localhost" || host.ends_with(".localhost"),
    }
}

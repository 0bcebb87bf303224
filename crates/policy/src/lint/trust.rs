//! Who is believed without reason: clients that a server takes for its own host, and balancers that may be anybody.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, Protocol, Proxy, Said, Server};

/// Names the proxies that make an open relay of a server which trusts its own host, as most do by default.
pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for proxy in &configuration.proxies {
        complaints.extend(
            proxy.accept_proxy.iter().filter(|network| is_anybody(&network.value)).map(accepts_anyone),
        );
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

/// Whether strangers are in a network: it is too large to be that of a host's own balancers, and not a private one.
fn is_anybody(network: &IpNet) -> bool {
    const PRIVATE: [IpNet; 4] = [
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8)),
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7)),
    ];
    let own_len = if network.addr().is_ipv4() { 16 } else { 32 };
    network.prefix_len() < own_len && !PRIVATE.iter().any(|private| private.contains(network))
}

fn accepts_anyone(network: &Said<IpNet>) -> Diagnostic {
    let message = format!("whoever connects from {network} may say that the client is another");
    let help = "write `accept-proxy 192.0.2.1/32` with the address of the balancer";
    Diagnostic::new(Code::AcceptsAnyone, network.at, message).help(help)
}

/// Whoever reads mail logs in, and LMTP servers deliver what they take (RFC 2033 §1): only who sends mail is trusted by
/// address.
fn sends_mail(proxy: &Proxy) -> bool {
    matches!(proxy.protocol(), Protocol::Smtp | Protocol::Tcp) && !proxy.lmtp
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

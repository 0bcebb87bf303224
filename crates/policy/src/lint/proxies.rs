//! Proxies that do not do what their lines say.

use std::net::SocketAddr;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, Protocol, Proxy};

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for proxy in &configuration.proxies {
        without_effect(configuration, proxy, complaints);
        tls_ports(proxy, complaints);
    }
    overlaps(configuration, complaints);
}

/// A policy on another protocol than the proxy speaks, or beside one that is only relayed.
fn without_effect(configuration: &Configuration, proxy: &Proxy, complaints: &mut Diagnostics) {
    let Some(policy) = proxy.policy.as_ref().and_then(|policy| policy.policy()) else { return };
    let speaks = proxy.protocol();
    let top = configuration.l3_policies.get(&policy.text);
    let of = match (top, configuration.l7_policies.get(&policy.text)) {
        (Some(top), _) => top.rules.iter().find_map(|rule| rule.l7_policy().map(|(of, _)| of)),
        (None, policy) => policy.map(|policy| policy.protocol),
    };
    let message = match of {
        Some(_) if speaks == Protocol::Tcp => format!(
            "policy-map `{policy}` has no effect: proxy `{}` relays tcp without inspection",
            proxy.name
        ),
        // A policy for several protocols is one of any of them.
        Some(of) if of != speaks && top.is_none() => {
            format!(
                "policy-map `{policy}` has no effect: it is for {of}, and proxy `{}` speaks {speaks}",
                proxy.name
            )
        }
        Some(_) | None => return,
    };
    let protocol = if of == Some(Protocol::Smtp) { "esmtp" } else { of.map_or("", Protocol::name) };
    complaints.push(
        Diagnostic::new(Code::NoEffect, policy.at, message).help(format!("write `protocol {protocol}`")),
    );
}

/// Ports whose clients begin with a TLS handshake, which an inspected session cannot follow (RFC 8314 §7).
const TLS_PORTS: &[u16] = &[465, 993, 995];

fn tls_ports(proxy: &Proxy, complaints: &mut Diagnostics) {
    // Whoever writes `protocol tcp` knows.
    if proxy.protocol == Some(Protocol::Tcp) {
        return;
    }
    if let Some(listen) = proxy.listen.iter().find(|listen| TLS_PORTS.contains(&listen.value.port())) {
        let ports = match listen.value.port() {
            995 => "port 110 with `protocol pop3`",
            993 => "port 143 with `protocol imap`",
            _ => "port 25 or 587",
        };
        let message = format!("clients of {listen} speak TLS from the first byte, which cannot be inspected");
        complaints.push(
            Diagnostic::new(Code::TlsPort, listen.at, message)
                .help(format!("write `protocol tcp` to relay it, or listen on {ports}")),
        );
    }
}

/// An address, and every address of the host, at one port. An IPv6 listener takes IPv6 only, so that `[::]`
/// and `0.0.0.0` have nothing in common.
fn overlaps(configuration: &Configuration, complaints: &mut Diagnostics) {
    let (wide, narrow): (Vec<_>, Vec<_>) = configuration
        .proxies
        .iter()
        .flat_map(|proxy| proxy.listen.iter().map(move |listen| (&proxy.name, listen)))
        .partition(|(_, listen)| listen.value.ip().is_unspecified());
    for (name, listen) in narrow {
        let covers =
            |wide: SocketAddr| wide.port() == listen.value.port() && wide.is_ipv4() == listen.value.is_ipv4();
        if let Some((other, all)) = wide.iter().find(|(_, wide)| covers(wide.value)) {
            let other_port = listen.value.port().checked_add(2500).unwrap_or(2525);
            let elsewhere = SocketAddr::new(listen.value.ip(), other_port);
            let message =
                format!("{listen} of proxy `{name}` is one of the addresses of {all} of proxy `{other}`");
            complaints.push(
                Diagnostic::new(Code::ListenOverlap, listen.at, message)
                    .related(all.at, "every address is listened on here")
                    .help(format!("write `listen {elsewhere}`, or name each address in place of {all}")),
            );
        }
    }
}

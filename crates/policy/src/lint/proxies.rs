//! Proxies that do not do what their lines say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, Name, Protocol, Proxy, ProxyPolicy};
use crate::source::Span;

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for proxy in &configuration.proxies {
        without_effect(configuration, proxy, complaints);
        tls_ports(proxy, complaints);
        doubtful_addresses(proxy, complaints);
    }
    overlaps(configuration, complaints);
}

/// A policy on another protocol than the proxy speaks, or beside one that is only relayed.
fn without_effect(configuration: &Configuration, proxy: &Proxy, complaints: &mut Diagnostics) {
    let speaks = proxy.protocol();
    let Some(Enforced { of, several, at, said }) = Enforced::by(configuration, proxy) else { return };
    let message = if speaks == Protocol::Tcp {
        format!("{said} has no effect: proxy `{}` relays tcp without inspection", proxy.name)
    } else if of != speaks && !several {
        format!("{said} has no effect: it is for {of}, and proxy `{}` speaks {speaks}", proxy.name)
    } else {
        return;
    };
    let protocol = if of == Protocol::Smtp { "esmtp" } else { of.name() };
    complaints
        .push(Diagnostic::new(Code::NoEffect, at, message).help(format!("write `protocol {protocol}`")));
}

/// What the policy of a proxy inspects.
struct Enforced {
    of: Protocol,
    /// And perhaps other protocols; of those it does not inspect, others complain.
    several: bool,
    at: Span,
    /// How the policy is called.
    said: String,
}

impl Enforced {
    fn by(configuration: &Configuration, proxy: &Proxy) -> Option<Self> {
        let policy = |name: &Name| format!("policy-map `{name}`");
        match proxy.policy.as_ref()? {
            ProxyPolicy::Named(name) | ProxyPolicy::L7(_, name) => {
                let top = configuration.l3_policies.get(&name.text);
                let of = match top {
                    Some(top) => top.rules.iter().find_map(|rule| rule.l7_policy().map(|(of, _)| of)),
                    None => configuration.l7_policies.get(&name.text).map(|policy| policy.protocol),
                };
                Some(Self { of: of?, several: top.is_some(), at: name.at, said: policy(name) })
            }
            ProxyPolicy::Traffic(name) => {
                configuration.traffic_rules(name).iter().find(|rule| rule.inspection.is_some())?;
                Some(Self { of: Protocol::Smtp, several: false, at: name.at, said: policy(name) })
            }
            ProxyPolicy::Esmtp(inspection) => {
                let said = "`inspect esmtp`".to_owned();
                Some(Self { of: Protocol::Smtp, several: false, at: inspection.at, said })
            }
            ProxyPolicy::Classic(name) => {
                let rule = configuration.inspect_rules.get(&name.text)?;
                let of = Protocol::MAIL.into_iter().find(|of| rule.of_mail(*of).is_some())?;
                Some(Self { of, several: true, at: name.at, said: format!("rule `{name}`") })
            }
            ProxyPolicy::Pinhole => None,
        }
    }
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
    } else if let Some(server) = proxy.servers.iter().find(|server| TLS_PORTS.contains(&server.value.port()))
    {
        let message =
            format!("server {server} expects TLS from the first byte, and is spoken to in clear text");
        let usual = server.value.at_port(usual_port(proxy.protocol()));
        complaints.push(
            Diagnostic::new(Code::TlsPort, server.at, message)
                .help(format!("write `server {usual}`, or `protocol tcp` to relay it")),
        );
    }
}

/// The port that servers of a protocol listen on (RFC 5321 §4.5.4.2, RFC 1939 §3, RFC 9051 §2.1).
const fn usual_port(protocol: Protocol) -> u16 {
    match protocol {
        Protocol::Pop3 => 110,
        Protocol::Imap => 143,
        Protocol::Smtp | Protocol::Tcp => 25,
    }
}

/// Addresses that no connection comes to, and servers of another protocol.
fn doubtful_addresses(proxy: &Proxy, complaints: &mut Diagnostics) {
    for listen in &proxy.listen {
        let ip = listen.value.ip();
        let why = if let Some(why) = no_host(ip) {
            why
        } else if ip != ip.to_canonical() {
            "is an IPv4 address, and a listener on IPv6 takes IPv6 only"
        } else {
            continue;
        };
        let message = format!("no client reaches {listen}: it {why}");
        let every = SocketAddr::new(
            if ip.to_canonical().is_ipv4() {
                Ipv4Addr::UNSPECIFIED.into()
            } else {
                Ipv6Addr::UNSPECIFIED.into()
            },
            listen.value.port(),
        );
        let meant =
            if no_host(ip).is_some() { every } else { SocketAddr::new(ip.to_canonical(), every.port()) };
        complaints.push(
            Diagnostic::new(Code::DoubtfulAddress, listen.at, message)
                .help(format!("write `listen {meant}`")),
        );
    }
    for server in &proxy.servers {
        let (port, speaks) = (server.value.port(), proxy.protocol());
        let of = match port {
            // Whoever writes `protocol` knows.
            _ if proxy.protocol.is_some() => None,
            25 => Some(Protocol::Smtp),
            110 => Some(Protocol::Pop3),
            143 => Some(Protocol::Imap),
            _ => None,
        };
        let known = server.value.known_addresses();
        let why = if let Some(why) = known.iter().find_map(|address| no_host(address.ip())) {
            why.to_owned()
        } else if port == 0 {
            "has port 0".to_owned()
        } else if let Some(of) = of.filter(|of| *of != speaks) {
            format!("has the port of {of}, and the proxy speaks {speaks}")
        } else {
            continue;
        };
        let message = format!("server {server} is hardly one of this proxy: it {why}");
        let usual = server.value.at_port(usual_port(speaks));
        let help = known.iter().all(|address| no_host(address.ip()).is_none());
        complaints.push(
            Diagnostic::new(Code::DoubtfulAddress, server.at, message)
                .maybe_help(help.then(|| format!("write `server {usual}`"))),
        );
    }
}

/// Why no TCP connection can be made to an address.
const fn no_host(ip: IpAddr) -> Option<&'static str> {
    match ip.to_canonical() {
        ip if ip.is_multicast() => Some("is a multicast address"),
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some("is the broadcast address"),
        _ => None,
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

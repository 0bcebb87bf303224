//! Packets from one host to another, and what becomes of them.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::lab::{Family, Host, Lab};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp(u16),
    Udp(u16),
    /// ICMP echo.
    Ping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It arrived, and the answer came back.
    Answered,
    /// It arrived, and no answer came back. Of a connection of TCP that cannot be seen.
    Arrived,
    /// Nothing came back.
    Nothing,
    /// It was reset.
    Refused,
}

/// Limit: how long is waited for what must come. The machine may be busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// And for what must not: packets between namespaces take a hundredth of it.
const IMPATIENCE: Duration = Duration::from_millis(400);

/// What becomes of a packet; how long is waited depends on what is expected.
pub(crate) fn probe(
    lab: &Lab,
    [from, to]: [Host; 2],
    kind: Kind,
    family: Family,
    expected: Outcome,
) -> Outcome {
    let waits = if expected == Outcome::Nothing { IMPATIENCE } else { PATIENCE };
    let address = lab.address(from, to, family);
    match kind {
        Kind::Tcp(port) => tcp(lab, [from, to], SocketAddr::new(address, port), waits),
        Kind::Udp(port) => udp(lab, [from, to], SocketAddr::new(address, port), waits, expected),
        Kind::Ping => ping(lab, from, address, waits),
    }
}

const fn any(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(ip, address.port())
}

fn tcp(lab: &Lab, [from, to]: [Host; 2], address: SocketAddr, waits: Duration) -> Outcome {
    let domain = Domain::for_address(address);
    let _listener = lab.inside(to, || {
        let listener = Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).unwrap();
        if address.is_ipv6() {
            listener.set_only_v6(true).unwrap();
        }
        listener.set_reuse_address(true).unwrap();
        listener.bind(&any(address).into()).unwrap();
        listener.listen(8).unwrap();
        listener
    });
    let client = lab.inside(from, || Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).unwrap());
    match client.connect_timeout(&address.into(), waits) {
        Ok(()) => Outcome::Answered,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Outcome::Refused,
        Err(error) if error.kind() == ErrorKind::TimedOut => Outcome::Nothing,
        Err(error) => panic!("{from:?} to {to:?}: {error}"),
    }
}

fn udp(lab: &Lab, [from, to]: [Host; 2], address: SocketAddr, waits: Duration, expected: Outcome) -> Outcome {
    let server = lab.inside(to, || UdpSocket::bind(any(address)).unwrap());
    let client = lab.inside(from, || UdpSocket::bind(any(SocketAddr::new(address.ip(), 0))).unwrap());
    client.send_to(b"question", address).unwrap();
    let mut buffer = [0; 16];
    server.set_read_timeout(Some(waits)).unwrap();
    let Ok((_, asking)) = server.recv_from(&mut buffer) else { return Outcome::Nothing };
    server.send_to(b"answer", asking).unwrap();
    let waits = if expected == Outcome::Answered { PATIENCE } else { IMPATIENCE };
    client.set_read_timeout(Some(waits)).unwrap();
    match client.recv_from(&mut buffer) {
        Ok(_) => Outcome::Answered,
        Err(_) => Outcome::Arrived,
    }
}

/// An echo request (RFC 792, RFC 4443 §4.1). The kernel computes the checksum of IPv6 alone.
fn ping(lab: &Lab, from: Host, address: IpAddr, waits: Duration) -> Outcome {
    let (domain, protocol, request, reply) = match address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, 8_u8, 0_u8),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, 128, 129),
    };
    let mark = fastrand::u16(..).to_be_bytes();
    let mut packet = [request, 0, 0, 0, mark[0], mark[1], 0, 1];
    let sum: u32 = packet.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    packet[2..4].copy_from_slice(&(!folded).to_be_bytes());
    let socket = lab.inside(from, || Socket::new(domain, Type::RAW, Some(protocol)).unwrap());
    socket.set_read_timeout(Some(waits)).unwrap();
    socket.send_to(&packet, &SockAddr::from(SocketAddr::new(address, 0))).unwrap();
    let is_reply = |message: &[u8]| message.first() == Some(&reply) && message.get(4..6) == Some(&mark);
    let mut socket = socket;
    let mut buffer = [0; 128];
    // Other messages, those of neighbours, come too.
    for _ in 0..100 {
        let Ok(length) = std::io::Read::read(&mut socket, &mut buffer) else { return Outcome::Nothing };
        // Raw IPv4 begins with the header of IP, which has no options.
        let behind = if address.is_ipv4() { 20 } else { 0 };
        if buffer.get(behind..length).is_some_and(is_reply) {
            return Outcome::Answered;
        }
    }
    Outcome::Nothing
}

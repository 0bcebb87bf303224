//! The PROXY protocol: a header is found in the bytes that it has, a part of it is waited for, and another reader of the
//! protocol finds the same addresses.

use std::net::SocketAddr;

use ppp::{HeaderResult, v1, v2};
use proto::proxy_protocol::{Endpoints, HEADER_MAX, Header, Reading, Version, read, write};

pub(crate) fn run(input: &[u8]) {
    let whole = read(input);
    for len in 0..=input.len().min(HEADER_MAX + 16) {
        let prefix = &input[..len];
        match read(prefix) {
            Reading::NeedMore => assert!(len < HEADER_MAX, "{}", prefix.escape_ascii()),
            // More bytes change nothing of what was found.
            found => assert_eq!(found, whole, "{}", prefix.escape_ascii()),
        }
    }
    let Reading::Header { header, len } = whole else { return };
    assert!(len <= HEADER_MAX);
    agrees(&input[..len], header);
    if let Header::Proxied(endpoints) = header {
        for version in [Version::One, Version::Two] {
            let written = write(version, endpoints);
            assert_eq!(read(&written), Reading::Header { header, len: written.len() });
            agrees(&written, header);
        }
    }
}

/// What `ppp` makes of a header that we accept.
fn agrees(bytes: &[u8], header: Header) {
    let addresses: [SocketAddr; 2] = match HeaderResult::parse(bytes) {
        HeaderResult::V1(Ok(other)) => match other.addresses {
            v1::Addresses::Unknown => return assert_eq!(header, Header::Local),
            v1::Addresses::Tcp4(ip) => [
                (ip.source_address, ip.source_port).into(),
                (ip.destination_address, ip.destination_port).into(),
            ],
            v1::Addresses::Tcp6(ip) => [
                (ip.source_address, ip.source_port).into(),
                (ip.destination_address, ip.destination_port).into(),
            ],
        },
        HeaderResult::V2(Ok(other)) => match (other.command, other.addresses) {
            (v2::Command::Local, _) | (_, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => {
                return assert_eq!(header, Header::Local);
            }
            _ if other.protocol == v2::Protocol::Datagram => return assert_eq!(header, Header::Local),
            (_, v2::Addresses::IPv4(ip)) => [
                (ip.source_address, ip.source_port).into(),
                (ip.destination_address, ip.destination_port).into(),
            ],
            (_, v2::Addresses::IPv6(ip)) => [
                (ip.source_address, ip.source_port).into(),
                (ip.destination_address, ip.destination_port).into(),
            ],
        },
        // Of what is to be ignored `ppp` ignores less than the document has us ignore.
        _ => return assert_eq!(header, Header::Local, "{}", bytes.escape_ascii()),
    };
    let [client, listener] = addresses.map(|at| SocketAddr::new(at.ip().to_canonical(), at.port()));
    assert_eq!(header, Header::Proxied(Endpoints { client, listener }));
}

/// A header with some bytes changed, lost or doubled, and bytes behind it.
#[cfg(test)]
pub(crate) fn generate(random: &mut fastrand::Rng) -> Vec<u8> {
    const HEADERS: [&[u8]; 7] = [
        b"PROXY TCP4 192.0.2.7 198.51.100.25 40112 25\r\n",
        b"PROXY TCP6 2001:db8::7 ::ffff:198.51.100.25 40112 25\r\n",
        b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x19\x9c\xb0\x00\x19",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x11\xc0\x00\x02\x07\xc6\x33\x64\x19\x9c\xb0\x00\x19\x02\x00\x02mx",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x25\x9c\xb0\x00\x19",
        b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00",
    ];
    let mut bytes = HEADERS[random.usize(..HEADERS.len())].to_vec();
    for _ in 0..random.usize(..4) {
        let at = random.usize(..bytes.len());
        match random.u8(..4) {
            0 => bytes[at] = random.u8(..),
            1 => bytes[at] ^= 1 << random.u8(..8),
            2 => drop(bytes.remove(at)),
            _ => bytes.insert(at, bytes[at]),
        }
    }
    bytes.extend_from_slice(b"EHLO a\r\n");
    bytes
}

//! The PROXY protocol, versions 1 and 2: who the client of a connection is, said by a proxy before anything else.
//!
//! The document is HAProxy's `proxy-protocol.txt`; its sections are cited as `PROXY §2.1`. Whom to believe is not
//! decided here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How a header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// One line of text.
    One,
    /// Binary.
    Two,
}

/// The connection that a proxy passes on: who made it, and to which address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    pub client: SocketAddr,
    pub listener: SocketAddr,
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The connection is passed on for a client.
    Proxied(Endpoints),
    /// The connection is the proxy's own, such as a health check, or its client is not known: whoever made it counts.
    Local,
}

/// What stands at the front of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A whole header in the first `len` bytes.
    Header { header: Header, len: usize },
    /// The beginning of a header, or nothing.
    NeedMore,
    /// No header, or one that contradicts itself.
    Malformed,
}

/// Limit: a header of version 1 with its line end (PROXY §2.1).
const TEXT_MAX: usize = 107;

/// Limit: a header of either version. PROXY §2.2 has a receiver accept 536 bytes at least, and addresses with what
/// balancers add to them come to some 200.
pub const HEADER_MAX: usize = 536;

/// What version 2 begins with (PROXY §2.2): no line of any protocol of text.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Of version 2: the signature, version and command, family, and the length of what follows.
const FIXED: usize = 16;

/// Reads the header at the front of a connection. Says so as soon as the bytes cannot become one.
pub fn read(input: &[u8]) -> Reading {
    match input.first() {
        None => Reading::NeedMore,
        Some(b'P') => read_text(input),
        Some(_) => read_binary(input),
    }
}

fn read_text(input: &[u8]) -> Reading {
    const PREFIX: &[u8] = b"PROXY ";
    let front = input.get(..TEXT_MAX).unwrap_or(input);
    if !(front.starts_with(PREFIX) || PREFIX.starts_with(front)) {
        return Reading::Malformed;
    }
    let Some(lf) = memchr::memchr(b'\n', front) else {
        return if front.len() < TEXT_MAX { Reading::NeedMore } else { Reading::Malformed };
    };
    let line = front.get(..lf).and_then(|line| line.strip_suffix(b"\r"));
    let header = line.and_then(|line| std::str::from_utf8(line).ok()).and_then(text_header);
    match header {
        Some(header) => Reading::Header { header, len: lf + 1 },
        None => Reading::Malformed,
    }
}

/// `PROXY TCP4 CLIENT LISTENER PORT PORT`, one blank between the words.
fn text_header(line: &str) -> Option<Header> {
    let mut words = line.split(' ').skip(1);
    let family = words.next()?;
    if family == "UNKNOWN" {
        // PROXY §2.1: whatever follows is to be ignored.
        return Some(Header::Local);
    }
    let mut address = || match (family, words.next()?) {
        ("TCP4", word) => word.parse::<Ipv4Addr>().ok().map(IpAddr::from),
        ("TCP6", word) => word.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        _ => None,
    };
    let (client, listener) = (address()?, address()?);
    let (client_port, listener_port) = (port(words.next()?)?, port(words.next()?)?);
    if words.next().is_some() {
        return None;
    }
    Some(Header::Proxied(Endpoints {
        client: canonical(client, client_port),
        listener: canonical(listener, listener_port),
    }))
}

/// Digits without a sign and without needless zeros.
fn port(word: &str) -> Option<u16> {
    let plain = word == "0" || !word.starts_with('0') && word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|_| plain)
}

fn read_binary(input: &[u8]) -> Reading {
    let front = input.get(..SIGNATURE.len()).unwrap_or(input);
    if !SIGNATURE.starts_with(front) {
        return Reading::Malformed;
    }
    let rest = input.get(SIGNATURE.len()..).unwrap_or_default();
    let kind = match rest.first() {
        None => return Reading::NeedMore,
        Some(0x20) => Kind::Local,
        Some(0x21) => Kind::Proxied,
        Some(_) => return Reading::Malformed,
    };
    let Some(&[_, family, high, low]) = rest.get(..4) else { return Reading::NeedMore };
    let len = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if len > HEADER_MAX {
        return Reading::Malformed;
    }
    let Some(whole) = input.get(..len) else { return Reading::NeedMore };
    match binary_header(kind, family, whole) {
        Some(header) => Reading::Header { header, len },
        None => Reading::Malformed,
    }
}

/// What a header of version 2 claims to be.
#[derive(Clone, Copy)]
enum Kind {
    Local,
    Proxied,
}

/// The addresses in front of the block, if what follows them is a sequence of TLVs.
fn binary_header(kind: Kind, family: u8, whole: &[u8]) -> Option<Header> {
    const UNSPECIFIED: u8 = 0x00;
    const TCP4: u8 = 0x11;
    const UDP4: u8 = 0x12;
    const TCP6: u8 = 0x21;
    const UDP6: u8 = 0x22;
    const UNIX_STREAM: u8 = 0x31;
    const UNIX_DATAGRAM: u8 = 0x32;
    let block = whole.get(FIXED..)?;
    let (header, rest) = match (kind, family) {
        // PROXY §2.2: of a connection of its own the block is to be skipped, whatever it says.
        (Kind::Local, _) => return Some(Header::Local),
        (Kind::Proxied, UNSPECIFIED) => (Header::Local, block),
        (Kind::Proxied, TCP4) => {
            let (addresses, rest) = block.split_first_chunk::<12>()?;
            let &[a, b, c, d, e, f, g, h, ports @ ..] = addresses;
            (proxied([[a, b, c, d], [e, f, g, h]].map(IpAddr::from), ports), rest)
        }
        (Kind::Proxied, TCP6) => {
            let (client, rest) = block.split_first_chunk::<16>()?;
            let (listener, rest) = rest.split_first_chunk::<16>()?;
            let (&ports, rest) = rest.split_first_chunk::<4>()?;
            (proxied([*client, *listener].map(IpAddr::from), ports), rest)
        }
        // PROXY §2.2: families that a receiver has no use for are read as an unspecified one; others are invalid.
        (Kind::Proxied, UDP4) => (Header::Local, block.get(12..)?),
        (Kind::Proxied, UDP6) => (Header::Local, block.get(36..)?),
        (Kind::Proxied, UNIX_STREAM | UNIX_DATAGRAM) => (Header::Local, block.get(216..)?),
        (Kind::Proxied, _) => return None,
    };
    are_tlvs(whole, rest).then_some(header)
}

fn proxied([client, listener]: [IpAddr; 2], [a, b, c, d]: [u8; 4]) -> Header {
    Header::Proxied(Endpoints {
        client: canonical(client, u16::from_be_bytes([a, b])),
        listener: canonical(listener, u16::from_be_bytes([c, d])),
    })
}

/// PROXY §2.2: a type, the length of the value in two bytes, and the value, up to the end of the header.
fn are_tlvs(whole: &[u8], mut rest: &[u8]) -> bool {
    const CRC32C: u8 = 0x03;
    while let Some((&[kind, high, low], behind)) = rest.split_first_chunk::<3>() {
        let len = usize::from(u16::from_be_bytes([high, low]));
        let Some((value, next)) = behind.split_at_checked(len) else { return false };
        if kind == CRC32C && !is_checksum(whole, whole.len() - behind.len(), value) {
            return false;
        }
        rest = next;
    }
    rest.is_empty()
}

/// PROXY §2.2.3: whether `value`, which stands at `at`, is the checksum of the header with zeros in its place.
fn is_checksum(whole: &[u8], at: usize, value: &[u8]) -> bool {
    let zeroed = whole
        .iter()
        .enumerate()
        .map(|(index, byte)| if (at..at + value.len()).contains(&index) { 0 } else { *byte });
    value == crc32c(zeroed).to_be_bytes()
}

/// The checksum of iSCSI (RFC 3720 appendix B.4). Bit by bit: a connection has one header, of at most
/// [`HEADER_MAX`] bytes, and few balancers add a checksum to it.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0x82f6_3b78;
    let shift = |crc: u32, _: u8| (crc >> 1) ^ (REVERSED_POLYNOMIAL & (crc & 1).wrapping_neg());
    !bytes.fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(byte), shift))
}

/// An IPv4 address is one in whatever form it was written: a rule or a server must not take it for another.
fn canonical(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address.to_canonical(), port)
}

/// The header that says whose connection this is.
pub fn write(version: Version, endpoints: Endpoints) -> Vec<u8> {
    let (client, listener) = (endpoints.client.ip(), endpoints.listener.ip());
    let ports = [endpoints.client.port(), endpoints.listener.port()];
    match (version, client.to_canonical(), listener.to_canonical()) {
        (Version::One, IpAddr::V4(client), IpAddr::V4(listener)) => text("TCP4", client, listener, ports),
        (Version::One, ..) => text("TCP6", mapped(client), mapped(listener), ports),
        (Version::Two, IpAddr::V4(client), IpAddr::V4(listener)) => {
            binary(0x11, [client.octets(), listener.octets()].as_flattened(), ports)
        }
        (Version::Two, ..) => {
            binary(0x21, [client, listener].map(|address| mapped(address).octets()).as_flattened(), ports)
        }
    }
}

fn text(
    family: &str,
    client: impl std::fmt::Display,
    listener: impl std::fmt::Display,
    [client_port, listener_port]: [u16; 2],
) -> Vec<u8> {
    format!("PROXY {family} {client} {listener} {client_port} {listener_port}\r\n").into_bytes()
}

fn binary(family: u8, addresses: &[u8], ports: [u16; 2]) -> Vec<u8> {
    // Invariant: 12 or 36 bytes of addresses and ports.
    let block = u8::try_from(addresses.len() + 4).unwrap_or_default();
    let mut header = [SIGNATURE, &[0x21, family, 0, block], addresses].concat();
    header.extend(ports.into_iter().flat_map(u16::to_be_bytes));
    header
}

/// Both addresses of a header are of one family.
fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(client: &str, listener: &str) -> Endpoints {
        Endpoints { client: client.parse().unwrap(), listener: listener.parse().unwrap() }
    }

    fn header(header: Header, bytes: &[u8]) -> Reading {
        Reading::Header { header, len: bytes.len() }
    }

    /// A header of version 2 with this version, command, family and block.
    fn made(kind: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[kind, family, high, low], block].concat()
    }

    const TCP4_BLOCK: &[u8] = b"\xc0\x00\x02\x07\xc6\x33\x64\x19\x9c\xb0\x00\x19";

    #[test]
    fn what_is_written_is_the_documents() {
        let v4 = endpoints("192.0.2.7:40112", "198.51.100.25:25");
        let v6 = endpoints("[2001:db8::7]:40112", "[2001:db8::25]:25");
        let mixed = endpoints("192.0.2.7:40112", "[2001:db8::25]:25");
        assert_eq!(write(Version::One, v4), b"PROXY TCP4 192.0.2.7 198.51.100.25 40112 25\r\n");
        assert_eq!(write(Version::One, v6), b"PROXY TCP6 2001:db8::7 2001:db8::25 40112 25\r\n");
        assert_eq!(write(Version::One, mixed), b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::25 40112 25\r\n");
        assert_eq!(write(Version::Two, v4), made(0x21, 0x11, TCP4_BLOCK));
        let of_v6 = write(Version::Two, v6);
        assert_eq!(of_v6[12..16], [0x21, 0x21, 0, 36]);
        assert_eq!(of_v6.len(), 52);
    }

    #[test]
    fn what_is_written_is_read_again_and_a_part_of_it_is_waited_for() {
        let pairs = [
            ("192.0.2.7:40112", "198.51.100.25:25"),
            ("[2001:db8::7]:1", "[2001:db8::25]:65535"),
            ("192.0.2.7:40112", "[2001:db8::25]:25"),
            ("[2001:db8::7]:0", "198.51.100.25:25"),
        ];
        for (client, listener) in pairs {
            let endpoints = endpoints(client, listener);
            for version in [Version::One, Version::Two] {
                let bytes = write(version, endpoints);
                let behind = [&bytes[..], b"EHLO a\r\n"].concat();
                assert_eq!(read(&behind), header(Header::Proxied(endpoints), &bytes));
                (0..bytes.len()).for_each(|cut| assert_eq!(read(&bytes[..cut]), Reading::NeedMore, "{cut}"));
            }
        }
    }

    #[test]
    fn an_ipv4_client_in_the_form_of_ipv6_is_the_same_client() {
        let bytes = b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.25 40112 25\r\n";
        let same = endpoints("192.0.2.7:40112", "198.51.100.25:25");
        assert_eq!(read(bytes), header(Header::Proxied(same), bytes));
    }

    #[test]
    fn a_connection_of_the_proxy_itself_has_no_other_client() {
        let own = [
            b"PROXY UNKNOWN\r\n".to_vec(),
            b"PROXY UNKNOWN ::1 ::1 7 8 and more\r\n".to_vec(),
            made(0x20, 0x00, b""),
            made(0x20, 0x11, TCP4_BLOCK),
            made(0x20, 0x31, b"anything"),
            made(0x21, 0x00, b""),
            made(0x21, 0x00, b"\x04\x00\x01x"),
            // Families that no client of this connection can be of.
            made(0x21, 0x12, TCP4_BLOCK),
            made(0x21, 0x22, &[0; 36]),
            made(0x21, 0x31, &[0; 216]),
            made(0x21, 0x32, &[&[0; 216][..], b"\x04\x00\x01x"].concat()),
        ];
        for bytes in own {
            assert_eq!(read(&bytes), header(Header::Local, &bytes), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_header_or_contradicts_itself_is_malformed() {
        let lines = [
            "EHLO a\r\n",
            "PROXY\r\n",
            "PROXI",
            "PROXY  TCP4 192.0.2.7 192.0.2.8 1 2\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 1\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 1 2 3\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 1 2 \r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 1 65536\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 +1 2\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 01 2\r\n",
            "PROXY TCP4 192.0.2.07 192.0.2.8 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 192.0.2.7 192.0.2.8 1 2\r\n",
            "PROXY TCP4 192.0.2.256 192.0.2.8 1 2\r\n",
            "PROXY UDP4 192.0.2.7 192.0.2.8 1 2\r\n",
            "PROXY unknown\r\n",
        ];
        for line in lines {
            assert_eq!(read(line.as_bytes()), Reading::Malformed, "{line}");
        }
        let binary = [
            made(0x11, 0x11, TCP4_BLOCK),
            made(0x22, 0x11, TCP4_BLOCK),
            made(0x21, 0x12, &TCP4_BLOCK[..11]),
            made(0x21, 0x31, &[0; 215]),
            made(0x21, 0x32, &[0; 217]),
            made(0x21, 0x10, TCP4_BLOCK),
            made(0x21, 0x41, TCP4_BLOCK),
            made(0x21, 0x11, &TCP4_BLOCK[..11]),
            made(0x21, 0x21, TCP4_BLOCK),
            made(0x21, 0x11, &[TCP4_BLOCK, b"\x04\x00"].concat()),
            made(0x21, 0x11, &[TCP4_BLOCK, b"\x04\x00\x02x"].concat()),
            b"\x16\x03\x01".to_vec(),
            b"\r\n\r\n\r\n".to_vec(),
        ];
        for bytes in binary {
            assert_eq!(read(&bytes), Reading::Malformed, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_header_has_a_bound_that_is_looked_at_before_its_bytes_come() {
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(TEXT_MAX - 16));
        assert_eq!(read(longest.as_bytes()), header(Header::Local, longest.as_bytes()));
        let longer = format!("PROXY UNKNOWN {}\r\n", "x".repeat(TEXT_MAX - 15));
        assert_eq!(read(longer.as_bytes()), Reading::Malformed);
        let endless = format!("PROXY UNKNOWN {}", "x".repeat(TEXT_MAX - 14));
        assert_eq!(read(endless.as_bytes()), Reading::Malformed);
        let longest = made(0x20, 0, &[0; HEADER_MAX - FIXED]);
        assert_eq!(read(&longest), header(Header::Local, &longest));
        let longer = made(0x20, 0, &[0; HEADER_MAX - FIXED + 1]);
        assert_eq!(read(&longer[..FIXED]), Reading::Malformed);
    }

    #[test]
    fn a_checksum_is_verified_wherever_it_stands() {
        assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283);
        let said = endpoints("192.0.2.7:40112", "198.51.100.25:25");
        let authority = b"\x02\x00\x02mx";
        for [before, behind] in [[&b""[..], &b""[..]], [authority, b""], [b"", authority]] {
            let mut bytes = made(0x21, 0x11, &[TCP4_BLOCK, before, b"\x03\x00\x04\0\0\0\0", behind].concat());
            let checksum = crc32c(bytes.iter().copied()).to_be_bytes();
            let at = FIXED + TCP4_BLOCK.len() + before.len() + 3;
            bytes[at..at + 4].copy_from_slice(&checksum);
            assert_eq!(read(&bytes), header(Header::Proxied(said), &bytes));
            for at in [FIXED, at] {
                bytes[at] ^= 1;
                assert_eq!(read(&bytes), Reading::Malformed, "{at}");
                bytes[at] ^= 1;
            }
        }
        let short = made(0x21, 0x11, &[TCP4_BLOCK, b"\x03\x00\x03\0\0\0"].concat());
        assert_eq!(read(&short), Reading::Malformed);
    }

    #[test]
    fn tlvs_behind_the_addresses_are_skipped() {
        let authority = b"\x02\x00\x02mx\x04\x00\x00\x20\x00\x05\x01\x00\x00\x00\x00";
        let bytes = made(0x21, 0x11, &[TCP4_BLOCK, authority].concat());
        let said = endpoints("192.0.2.7:40112", "198.51.100.25:25");
        assert_eq!(read(&bytes), header(Header::Proxied(said), &bytes));
    }
}

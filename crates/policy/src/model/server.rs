//! Mail servers of a proxy, as they are named.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// A mail server: `ADDRESS:PORT` or `NAME:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    Address(SocketAddr),
    /// A host name in lower case; all its addresses are servers.
    Name {
        host: String,
        port: u16,
    },
}

impl Server {
    pub const fn port(&self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Name { port, .. } => *port,
        }
    }

    /// The same host at another port.
    pub fn at_port(&self, port: u16) -> Self {
        match self {
            Self::Address(address) => Self::Address(SocketAddr::new(address.ip(), port)),
            Self::Name { host, .. } => Self::Name { host: host.clone(), port },
        }
    }

    /// The addresses that need no look-up to be known: its own, or those of `localhost` (RFC 6761 §6.3).
    pub fn known_addresses(&self) -> Vec<SocketAddr> {
        match self {
            Self::Address(address) => vec![*address],
            Self::Name { host, port } if host == "localhost" || host.ends_with(".localhost") => {
                vec![(Ipv4Addr::LOCALHOST, *port).into(), (Ipv6Addr::LOCALHOST, *port).into()]
            }
            Self::Name { .. } => Vec::new(),
        }
    }
}

/// A text that names no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoServer;

impl fmt::Display for NoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected ADDRESS:PORT or NAME:PORT")
    }
}

impl std::error::Error for NoServer {}

impl FromStr for Server {
    type Err = NoServer;

    fn from_str(text: &str) -> Result<Self, NoServer> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let (host, port) = text.rsplit_once(':').ok_or(NoServer)?;
        let is_number = !port.is_empty() && port.bytes().all(|octet| octet.is_ascii_digit());
        match port.parse() {
            Ok(port @ 1..) if is_number && is_host_name(host) => {
                Ok(Self::Name { host: host.to_ascii_lowercase(), port })
            }
            _ => Err(NoServer),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// A name of RFC 1123 §2.1, with `_`, which hosts in containers have. What ends in a number is a wrong address.
fn is_host_name(text: &str) -> bool {
    // Limit: 253 octets, and 63 for each label (RFC 1035 §2.3.4).
    let labels = || text.strip_suffix('.').unwrap_or(text).split('.');
    let is_label = |label: &str| {
        matches!(label.len(), 1..=63)
            && !label.starts_with('-')
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    let ends_in_number =
        labels().next_back().is_some_and(|label| label.bytes().all(|octet| octet.is_ascii_digit()));
    text.len() <= 253 && labels().all(is_label) && !ends_in_number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_or_a_name_with_its_port() {
        let name = |host: &str, port| Ok(Server::Name { host: host.to_owned(), port });
        let cases = [
            ("192.0.2.1:25", Ok(Server::Address(([192, 0, 2, 1], 25).into()))),
            ("[::1]:25", Ok(Server::Address("[::1]:25".parse().unwrap()))),
            ("localhost:10025", name("localhost", 10025)),
            ("Mail.Example.ORG:25", name("mail.example.org", 25)),
            ("mail.example.org.:25", name("mail.example.org.", 25)),
            ("mail_1:25", name("mail_1", 25)),
            ("mail.example.org", Err(NoServer)),
            ("mail.example.org:smtp", Err(NoServer)),
            ("mail.example.org:0", Err(NoServer)),
            ("mail.example.org:+25", Err(NoServer)),
            ("mail..example.org:25", Err(NoServer)),
            ("-mail:25", Err(NoServer)),
            (":25", Err(NoServer)),
            ("192.0.2.300:25", Err(NoServer)),
            ("2525:25", Err(NoServer)),
            ("::1:25", Err(NoServer)),
            ("smtp://mail:25", Err(NoServer)),
        ];
        for (text, wanted) in cases {
            assert_eq!(text.parse(), wanted, "{text}");
        }
        assert!(format!("{}:25", "a".repeat(64)).parse::<Server>().is_err());
        assert!(format!("{}b:25", "a.".repeat(127)).parse::<Server>().is_err());
    }
}

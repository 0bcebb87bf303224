//! Packets, as an entry of an access list selects them for a packet filter.

use std::sync::Arc;

use super::{Network, Ports};

/// The packets for which an entry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packets {
    /// Those of one of the services, from one of the sources to one of the destinations.
    Some(PacketMatch),
    /// None: the entry is switched off.
    None,
    /// What the entry says cannot be asked here. It denies every packet, or permits none.
    Unread,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketMatch {
    pub services: Vec<PacketService>,
    pub sources: Arc<[Network]>,
    pub destinations: Arc<[Network]>,
    /// `established`: TCP with the flag ACK or RST.
    pub established: bool,
    /// `fragments`: those that are not the first of their packet.
    pub fragments: bool,
    /// `log` or `log-input`.
    pub log: bool,
}

/// A protocol with its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketService {
    /// Number of the protocol; `None` is every protocol.
    pub protocol: Option<u8>,
    pub source: Ports,
    pub destination: Ports,
    /// Type of ICMP, and its code if one is named.
    pub icmp: Option<(u8, Option<u8>)>,
}

impl PacketService {
    /// Every packet of a protocol.
    pub fn of(protocol: Option<u8>) -> Self {
        Self { protocol, source: Ports::any(), destination: Ports::any(), icmp: None }
    }
}

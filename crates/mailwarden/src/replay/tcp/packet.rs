//! One frame down to its TCP segment: link layer, tags, tunnels, IP.
//!
//! It keeps no state; fragments of IP packets are handed out as they are. Checksums are not looked at: captures
//! taken on the sending machine hold the ones its network card was to compute.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, Ipv6ExtensionSlice, LaxIpSlice, TcpSlice};

use crate::replay::pcap::Frame;

/// What a frame turned out to hold.
#[derive(Debug)]
pub(super) enum Packet<'b> {
    Tcp(Segment<'b>),
    Fragment(Fragment<'b>),
    Other(Passed),
}

/// Why a frame holds nothing for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// Octets of a link type that is not read here.
    UnknownLink,
    /// Another protocol, such as ARP or UDP.
    Foreign,
    /// A header that contradicts itself or is cut off.
    Malformed,
}

/// One TCP segment as captured.
#[derive(Debug)]
pub(super) struct Segment<'b> {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) sequence: u32,
    pub(super) acknowledged: Option<u32>,
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
    pub(super) bytes: &'b [u8],
    /// Octets that were sent behind `bytes` and cut off by the capture's snap length.
    pub(super) missing: u32,
}

/// One fragment of an IP packet.
#[derive(Debug)]
pub(super) struct Fragment<'b> {
    pub(super) packet: PacketId,
    pub(super) offset: etherparse::IpFragOffset,
    pub(super) more: bool,
    pub(super) bytes: &'b [u8],
}

/// What the fragments of one IP packet have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PacketId {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: IpNumber,
    pub(super) identification: u32,
}

/// What the next octets are.
enum Layer {
    Ethernet,
    EtherType(u16),
    Ppp,
    Ip,
    Transport { source: IpAddr, destination: IpAddr, protocol: IpNumber, missing: u32 },
}

pub(super) fn decode<'b>(frame: &Frame<'b>) -> Packet<'b> {
    match link(frame) {
        Ok((layer, bytes)) => descend(layer, bytes),
        Err(passed) => Packet::Other(passed),
    }
}

/// The payload of an IP packet that was put together from fragments.
pub(super) fn decode_payload<'b>(packet: &PacketId, bytes: &'b [u8]) -> Packet<'b> {
    let PacketId { source, destination, protocol, .. } = *packet;
    descend(Layer::Transport { source, destination, protocol, missing: 0 }, bytes)
}

fn link<'b>(frame: &Frame<'b>) -> Result<(Layer, &'b [u8]), Passed> {
    let bytes = frame.bytes;
    let ether_type = |at| word(bytes, at).map(Layer::EtherType);
    let (layer, header_len) = match frame.link {
        1 => (Some(Layer::Ethernet), 0),
        // BSD loopback: an address family, whose number differs between systems; IP's version says the same.
        0 | 108 => (Some(Layer::Ip), 4),
        12 | 14 | 101 | 228 | 229 => (Some(Layer::Ip), 0),
        9 | 50 => (Some(Layer::Ppp), 0),
        51 => (Some(Layer::EtherType(ETHER_PPPOE)), 0),
        // Cisco HDLC.
        104 => (ether_type(2), 4),
        // Linux cooked, both versions.
        113 => (ether_type(14), 16),
        276 => (ether_type(0), 20),
        _ => return Err(Passed::UnknownLink),
    };
    layer.zip(bytes.get(header_len..)).ok_or(Passed::Malformed)
}

/// From layer to layer until TCP, a fragment, or something that is not ours.
fn descend(mut layer: Layer, mut bytes: &[u8]) -> Packet<'_> {
    for _ in 0..LAYERS_MAX {
        let below = match layer {
            Layer::Ethernet => word(bytes, 12).map(|kind| (Layer::EtherType(kind), 14)),
            Layer::EtherType(kind) => ether(kind, bytes),
            Layer::Ppp => ppp(bytes),
            Layer::Transport { protocol: IpNumber::TCP, source, destination, missing } => {
                return tcp(source, destination, missing, bytes);
            }
            Layer::Transport { protocol, .. } => tunnel(protocol, bytes),
            Layer::Ip => match ip(bytes) {
                Ok((below, payload)) => {
                    (layer, bytes) = (below, payload);
                    continue;
                }
                Err(packet) => return packet,
            },
        };
        let Some((next, header_len)) = below else { return Packet::Other(Passed::Foreign) };
        let Some(rest) = bytes.get(header_len..) else { return Packet::Other(Passed::Malformed) };
        (layer, bytes) = (next, rest);
    }
    Packet::Other(Passed::Malformed)
}

/// What follows an EtherType, and after how many octets.
fn ether(kind: u16, bytes: &[u8]) -> Option<(Layer, usize)> {
    match kind {
        ETHER_IPV4 | ETHER_IPV6 => Some((Layer::Ip, 0)),
        // VLAN tags: IEEE 802.1Q, 802.1ad, and the number used before 802.1ad.
        0x8100 | 0x88a8 | 0x9100 => Some((Layer::EtherType(word(bytes, 2)?), 4)),
        ETHER_TRANSPARENT_BRIDGING => Some((Layer::Ethernet, 0)),
        ETHER_PPPOE => Some((Layer::Ppp, 6)),
        // MPLS: labels of four octets, the last one marked.
        0x8847 | 0x8848 if bytes.get(2)? & 1 == 1 => Some((Layer::Ip, 4)),
        0x8847 | 0x8848 => Some((Layer::EtherType(kind), 4)),
        _ => None,
    }
}

fn ppp(bytes: &[u8]) -> Option<(Layer, usize)> {
    let framing = if bytes.starts_with(&[0xff, 0x03]) { 2 } else { 0 };
    matches!(word(bytes, framing)?, 0x0021 | 0x0057).then_some((Layer::Ip, framing + 2))
}

/// What follows an IP header that is not TCP, if it is a tunnel.
fn tunnel(protocol: IpNumber, bytes: &[u8]) -> Option<(Layer, usize)> {
    match protocol {
        IpNumber::IPV4 | IpNumber::IPV6 => Some((Layer::Ip, 0)),
        IpNumber::GRE => {
            let flags = word(bytes, 0)?;
            // RFC 2784, RFC 2890: checksum, key and sequence number take four octets each; source routes and
            // version 1 (PPTP) are something else.
            let options = [0x8000, 0x2000, 0x1000].iter().filter(|&flag| flags & flag != 0).count();
            (flags & 0x4007 == 0).then_some((Layer::EtherType(word(bytes, 2)?), 4 + 4 * options))
        }
        // VXLAN (RFC 7348), by which clouds mirror traffic: UDP, eight octets with a flag, Ethernet.
        IpNumber::UDP if word(bytes, 2)? == 4789 && bytes.get(8)? & 0x08 != 0 => Some((Layer::Ethernet, 16)),
        _ => None,
    }
}

fn ip(bytes: &[u8]) -> Result<(Layer, &[u8]), Packet<'_>> {
    let Ok((packet, None)) = LaxIpSlice::from_slice(bytes) else {
        return Err(Packet::Other(Passed::Malformed));
    };
    let payload = packet.payload();
    if payload.fragmented {
        return Err(fragment(&packet).map_or(Packet::Other(Passed::Malformed), Packet::Fragment));
    }
    let sent = match &packet {
        LaxIpSlice::Ipv4(packet) => u32::from(packet.header().total_len()),
        LaxIpSlice::Ipv6(packet) => u32::from(packet.header().payload_length()) + 40,
    };
    let captured = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let below = Layer::Transport {
        source: packet.source_addr(),
        destination: packet.destination_addr(),
        protocol: payload.ip_number,
        missing: sent.saturating_sub(captured),
    };
    Ok((below, payload.payload))
}

/// A fragment that was captured whole; half a fragment is of no use.
fn fragment<'b>(packet: &LaxIpSlice<'b>) -> Option<Fragment<'b>> {
    let (offset, more, identification) = match packet {
        LaxIpSlice::Ipv4(packet) => {
            let header = packet.header();
            (header.fragments_offset(), header.more_fragments(), u32::from(header.identification()))
        }
        LaxIpSlice::Ipv6(packet) => {
            packet.extensions().clone().into_iter().find_map(|extension| match extension {
                Ipv6ExtensionSlice::Fragment(header) => {
                    Some((header.fragment_offset(), header.more_fragments(), header.identification()))
                }
                _ => None,
            })?
        }
    };
    let payload = packet.payload();
    let packet = PacketId {
        source: packet.source_addr(),
        destination: packet.destination_addr(),
        protocol: payload.ip_number,
        identification,
    };
    (!payload.incomplete).then_some(Fragment { packet, offset, more, bytes: payload.payload })
}

fn tcp(source: IpAddr, destination: IpAddr, missing: u32, bytes: &[u8]) -> Packet<'_> {
    let Ok(tcp) = TcpSlice::from_slice(bytes) else { return Packet::Other(Passed::Malformed) };
    Packet::Tcp(Segment {
        source: SocketAddr::new(source, tcp.source_port()),
        destination: SocketAddr::new(destination, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        acknowledged: tcp.ack().then(|| tcp.acknowledgment_number()),
        syn: tcp.syn(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        bytes: tcp.payload(),
        missing,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

const ETHER_IPV4: u16 = 0x0800;
const ETHER_IPV6: u16 = 0x86dd;
const ETHER_PPPOE: u16 = 0x8864;
/// Ethernet inside GRE.
const ETHER_TRANSPARENT_BRIDGING: u16 = 0x6558;

// Limit: a frame with two VLAN tags inside two tunnels needs ten layers; deeper nesting is an attack on us.
const LAYERS_MAX: usize = 16;

//! IP packets put together from their fragments.
//!
//! Not here: timing. A packet that lacks a fragment waits until others need its place.

use std::collections::{HashMap, VecDeque};

use etherparse::defrag::IpDefragBuf;

use super::packet::{Fragment, PacketId};

#[derive(Debug, Default)]
pub(super) struct Fragments {
    packets: HashMap<PacketId, IpDefragBuf>,
    /// In order of their first fragment: the oldest goes when there is no place.
    order: VecDeque<PacketId>,
}

impl Fragments {
    /// The payload of the packet this fragment completes.
    pub(super) fn add(&mut self, fragment: &Fragment<'_>) -> Option<Vec<u8>> {
        let id = fragment.packet;
        let packet = self.packets.entry(id).or_insert_with(|| {
            self.order.push_back(id);
            IpDefragBuf::new(id.protocol, Vec::new(), Vec::new())
        });
        // A fragment that contradicts the others of its packet (its end, its size) spoils the packet.
        let sound = packet.add(fragment.offset, fragment.more, fragment.bytes).is_ok();
        if sound && !packet.is_complete() {
            self.make_room();
            return None;
        }
        self.order.retain(|&waiting| waiting != id);
        let packet = self.packets.remove(&id)?;
        sound.then(|| packet.take_bufs().0)
    }

    fn make_room(&mut self) {
        while self.order.len() > PACKETS_MAX {
            let oldest = self.order.pop_front();
            oldest.and_then(|oldest| self.packets.remove(&oldest));
        }
    }
}

// Limit: packets waiting for a fragment, 64 KiB each at most; mail on a sound network has none.
const PACKETS_MAX: usize = 256;

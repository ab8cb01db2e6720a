//! By what a frame comes in: a device, and a VLAN or lagg that lies on it.

use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::sync::mutant;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ether::HEADER_LEN;
use siding_wire::ether::VLAN_LEN;

use crate::config::Config;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ifnet::Vlan;

/// What the frames of one batch come in by, each with what is to be counted of it.
pub(super) struct Arrivals {
    /// The tags of their frames; 0 for none.
    tags: Vec<u32>,
    /// For each tag, what gets its frames.
    all: Vec<Arrival>,
    device: IfId,
    /// What gets the device's frames before any tag is looked at: itself, or what it is a port of.
    base: IfId,
    /// All that had arrived before then has been read.
    heard: Instant,
    packets: u64,
    bytes: u64,
}

/// An interface that IP comes in by.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    /// None if nothing that comes with this tag is plain.
    pub(super) id: IfId,
    mac: Mac,
    /// Where IP begins in its frames.
    pub(super) at: usize,
    packets: u64,
    bytes: u64,
}

impl Default for Arrivals {
    fn default() -> Arrivals {
        let (tags, all) = (Vec::new(), Vec::new());
        Arrivals {
            tags,
            all,
            device: IfId::NONE,
            base: IfId::NONE,
            heard: Instant::ZERO,
            packets: 0,
            bytes: 0,
        }
    }
}

impl Arrivals {
    /// Begins a batch that has come by a device; false if nothing that does is plain.
    pub(super) fn begin(&mut self, config: &Config, heard: Instant, device: &Interface) -> bool {
        let base = match device.member_of.is_none() {
            true => Some(device),
            false => lagg_above(config, device),
        };
        self.heard = heard;
        let may = |base: &&Interface| matches!(device.kind, Kind::Device) && !self.is_late(config, base);
        let Some(base) = base.filter(may) else { return false };
        self.tags.clear();
        self.all.clear();
        (self.device, self.base) = (device.ifnet.id, base.ifnet.id);
        (self.packets, self.bytes) = (0, 0);
        true
    }

    /// The place of what a frame comes in by.
    #[inline]
    pub(super) fn find(&mut self, config: &Config, frame: &[u8]) -> Option<usize> {
        let header: &[u8; HEADER_LEN + VLAN_LEN] = frame.first_chunk()?;
        let [.., a, b, c, d, _, _] = *header;
        let ethertype = EtherType(u16::from_be_bytes([a, b]));
        // Its priority, and whether it is eligible to be dropped: nobody asks for them.
        let tag = if ethertype.is_vlan() { u32::from_be_bytes([a, b, c & 0x0f, d]) } else { 0 };
        if let Some(place) = self.tags.iter().position(|known| *known == tag) {
            return Some(place);
        }
        self.look(config, tag)
    }

    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<&Arrival> {
        self.all.get(place)
    }

    /// A frame of so many bytes has come by this one.
    #[inline]
    pub(super) fn count(&mut self, place: usize, len: usize) {
        if let Some(arrival) = self.all.get_mut(place) {
            arrival.packets += 1;
            arrival.bytes += len as u64;
        }
    }

    /// Puts down what was counted, but of the device, which counts for itself.
    pub(super) fn settle(&mut self, worker: usize, config: &Config) {
        let put = |id: IfId, packets: u64, bytes: u64| {
            if let Some(interface) = config.interface(id).filter(|_| packets > 0) {
                interface.ifnet.counters.add(worker, IfCounter::RxPackets, packets);
                interface.ifnet.counters.add(worker, IfCounter::RxBytes, bytes);
            }
        };
        for (tag, arrival) in self.tags.iter().zip(&self.all) {
            self.packets += arrival.packets;
            self.bytes += arrival.bytes;
            if *tag != 0 {
                put(arrival.id, arrival.packets, arrival.bytes - arrival.packets * VLAN_LEN as u64);
            }
        }
        if self.base != self.device {
            put(self.base, self.packets, self.bytes);
        }
    }

    #[cold]
    fn look(&mut self, config: &Config, tag: u32) -> Option<usize> {
        let found = self.receiver(config, tag);
        let at = if tag == 0 { HEADER_LEN } else { HEADER_LEN + VLAN_LEN };
        let (id, mac) = found.map_or((IfId::NONE, Mac::ZERO), |found| (found.ifnet.id, found.mac));
        self.tags.push(tag);
        self.all.push(Arrival { id, mac, at, packets: 0, bytes: 0 });
        Some(self.all.len() - 1)
    }

    fn receiver<'c>(&self, config: &'c Config, tag: u32) -> Option<&'c Interface> {
        let [a, b, c, d] = tag.to_be_bytes();
        let found = match tag {
            0 => config.interface(self.base),
            _ => {
                // Of no VLAN: a tag that says but a priority is taken off elsewhere.
                let vid = Some(u16::from_be_bytes([c, d])).filter(|vid| *vid != 0)?;
                let ethertype = EtherType(u16::from_be_bytes([a, b]));
                config.vlan(&Vlan { parent: self.base, vid, ethertype }).filter(|above| above.up)
            }
        };
        // A port's frames are its lagg's or bridge's.
        let is_port = |there: &Interface| !there.member_of.is_none() || self.is_late(config, there);
        found.filter(|there| !is_port(there) && there.stopped.is_none())
    }

    /// Whether frames may come to it that are a lagg's still.
    fn is_late(&self, config: &Config, there: &Interface) -> bool {
        config.late.lagg(there.ifnet.id, self.heard).is_some()
    }
}

impl Arrival {
    /// What follows the link's header if the frame is for this interface: its type, and the packet.
    #[inline]
    pub(super) fn packet<'f>(&self, frame: &'f [u8]) -> Option<(EtherType, &'f [u8])> {
        let (header, packet) = frame.split_at_checked(self.at)?;
        let dst = Mac(*header.first_chunk()?);
        let ours = dst == self.mac || mutant("express-takes-others-frames");
        if self.id.is_none() || !ours {
            return None;
        }
        Some((EtherType(u16::from_be_bytes(*header.last_chunk()?)), packet))
    }
}

/// The lagg that takes what comes by this port.
fn lagg_above<'c>(config: &'c Config, port: &Interface) -> Option<&'c Interface> {
    let lagg = config.interface(port.member_of).filter(|lagg| lagg.up && lagg.member_of.is_none())?;
    match &lagg.kind {
        Kind::Lagg(view) if view.receiving.contains(&port.ifnet.id) => Some(lagg),
        _ => None,
    }
}

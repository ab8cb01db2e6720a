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
use crate::ifnet::Macs;
use crate::ifnet::Use;
use crate::ifnet::Vlan;
use crate::ifnet::VrfId;

/// What the frames of one device come in by. Kept from batch to batch for as long as the configuration is the same.
pub(super) struct Arrivals {
    /// The configuration that it is of; none that there is, if it depends on the moment as well.
    version: u64,
    device: IfId,
    /// The tags of their frames; 0 for none.
    tags: Vec<u32>,
    /// For each tag, what gets its frames.
    all: Vec<Arrival>,
    /// What gets the device's frames before any tag is looked at: itself, or what it is a port of. None if nothing that comes
    /// is plain.
    base: IfId,
    /// All that had arrived before then has been read.
    heard: Instant,
}

/// Tags that are remembered from batch to batch.
const REMEMBERED: usize = 16;

/// An interface that IP comes in by.
pub(super) struct Arrival {
    /// None if nothing that comes with this tag is plain.
    pub(super) id: IfId,
    macs: Macs,
    /// Where IP begins in its frames.
    pub(super) at: usize,
}

impl Default for Arrivals {
    fn default() -> Arrivals {
        let (tags, all, none) = (Vec::new(), Vec::new(), IfId::NONE);
        Arrivals { version: u64::MAX, device: none, tags, all, base: none, heard: Instant::ZERO }
    }
}

impl Arrivals {
    /// Begins a batch that has come by a device; false if nothing that does is plain.
    #[inline]
    pub(super) fn begin(
        &mut self,
        (version, config): (u64, &Config),
        heard: Instant,
        device: &Interface,
    ) -> bool {
        let known = self.version == version || mutant("express-remembers-arrivals");
        let same = known && self.device == device.ifnet.id;
        if !same || self.tags.len() > REMEMBERED {
            self.begin_anew((version, config), heard, device);
        }
        !self.base.is_none()
    }

    #[cold]
    fn begin_anew(&mut self, (version, config): (u64, &Config), heard: Instant, device: &Interface) {
        let base = match device.member_of.is_none() {
            true => Some(device),
            false => lagg_above(config, device),
        };
        self.heard = heard;
        let may = |base: &&Interface| matches!(device.kind, Kind::Device) && !self.is_late(config, base);
        let base = base.filter(may).map_or(IfId::NONE, |base| base.ifnet.id);
        self.tags.clear();
        self.all.clear();
        (self.device, self.base) = (device.ifnet.id, base);
        // What is late is so up to a moment.
        self.version = if config.late.is_empty() { version } else { u64::MAX };
    }

    /// The place of what a frame comes in by.
    #[inline]
    pub(super) fn find(&mut self, config: &Config, frame: &[u8]) -> Option<usize> {
        let header: &[u8; HEADER_LEN + VLAN_LEN] = frame.first_chunk()?;
        let [.., a, b, c, d, _, _] = *header;
        let ethertype = EtherType(u16::from_be_bytes([a, b]));
        // Its priority, and whether it is eligible to be dropped: nobody asks for them.
        let tag = if ethertype.is_vlan() { u32::from_be_bytes([a, b, c & 0x0f, d]) } else { 0 };
        match self.tags.iter().position(|known| *known == tag) {
            Some(place) => Some(place),
            None => self.look(config, tag),
        }
    }

    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<&Arrival> {
        self.all.get(place)
    }

    /// Puts down that so many frames have come by the one in a place; but of the device, which counts for itself.
    pub(super) fn put(&self, worker: usize, config: &Config, place: usize, (packets, bytes): (u64, u64)) {
        let put = |id: IfId, bytes: u64| {
            if let Some(interface) = config.interface(id) {
                interface.ifnet.counters.add(worker, IfCounter::RxPackets, packets);
                interface.ifnet.counters.add(worker, IfCounter::RxBytes, bytes);
            }
        };
        if let Some(arrival) = self.all.get(place).filter(|arrival| arrival.at > HEADER_LEN) {
            put(arrival.id, bytes - packets * VLAN_LEN as u64);
        }
        if self.base != self.device {
            put(self.base, bytes);
        }
    }

    #[cold]
    fn look(&mut self, config: &Config, tag: u32) -> Option<usize> {
        let found = self.receiver(config, tag);
        let at = if tag == 0 { HEADER_LEN } else { HEADER_LEN + VLAN_LEN };
        let (id, macs) =
            found.map_or((IfId::NONE, Macs::none()), |found| (found.ifnet.id, found.kept_macs()));
        self.tags.push(tag);
        self.all.push(Arrival { id, macs, at });
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
                config.vlan(&Vlan { parent: self.base, vid, ethertype })
            }
        };
        // A port's frames are its lagg's or bridge's.
        let is_port = |there: &Interface| !there.member_of.is_none() || self.is_late(config, there);
        // In other routing instances packets are walked.
        let is_default =
            |there: &Interface| there.vrf == VrfId::DEFAULT || mutant("express-mixes-routing-instances");
        let may = |there: &Interface| !is_port(there) && is_default(there);
        found.filter(|there| may(there) && there.is_fit(Use::IpPassage))
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
        let dst = Mac(*frame.first_chunk()?);
        let ours = self.macs.has(dst) || mutant("express-takes-others-frames");
        let (high, low) = (*frame.get(self.at - 2)?, *frame.get(self.at - 1)?);
        if self.id.is_none() || !ours {
            return None;
        }
        Some((EtherType(u16::from_be_bytes([high, low])), frame.get(self.at..)?))
    }
}

/// The lagg that takes what comes by this port.
fn lagg_above<'c>(config: &'c Config, port: &Interface) -> Option<&'c Interface> {
    let lagg = config
        .interface(port.member_of)
        .filter(|lagg| lagg.is_fit(Use::Passage) && lagg.member_of.is_none())?;
    match &lagg.kind {
        Kind::Lagg(view) if view.receiving.contains(&port.ifnet.id) => Some(lagg),
        _ => None,
    }
}

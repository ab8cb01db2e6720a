//! By what a packet leaves: an interface, what it lies on down to a device, and the header that goes before its packets.

use siding_netisr::IfId;
use siding_netisr::sync::mutant;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ether::HEADER_LEN;
use siding_wire::ether::VLAN_LEN;

use crate::config::Config;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ifnet::Use;
use crate::ifnet::Version;
use crate::ports::lagg::Mode;
use crate::stack::worker::Local;

/// VLANs that a packet may leave by, one on the other, and a lagg below them.
const DEEPEST: usize = 3;

/// The longest header: two tags.
const LONGEST: usize = HEADER_LEN + 2 * VLAN_LEN;

/// Where an interface's frames go in the end.
#[derive(Clone, Copy)]
pub(super) enum Bottom {
    Device(IfId),
    Lagg(IfId),
}

/// An interface that packets leave by.
pub(super) struct Departure {
    pub(super) bottom: Bottom,
    pub(super) mtu: usize,
    /// Whether it takes packets of each version.
    fit: [bool; 2],
    /// The header of its frames: destination and type are put in.
    header: [u8; LONGEST],
    pub(super) header_len: usize,
    /// What lies between it and a device, itself included, that counts what it sends; with the bytes of tags that it sees.
    over: [Option<(IfId, usize)>; DEEPEST],
}

impl Departure {
    /// By an interface that is nowhere.
    #[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
    pub(super) fn nowhere() -> Departure {
        let bottom = Bottom::Device(IfId::NONE);
        Departure {
            bottom,
            mtu: 0,
            fit: [false; 2],
            header: [0; LONGEST],
            header_len: 0,
            over: [None; DEEPEST],
        }
    }

    /// `None` if nothing that leaves by the interface is plain.
    pub(super) fn new(config: &Config, local: &Local, id: IfId) -> Option<Departure> {
        let interface = config.interface(id)?;
        let mut header = [0; LONGEST];
        header[6..12].copy_from_slice(&interface.mac.0);
        let mut over = [None; DEEPEST];
        let (mut at, mut tags, mut header_len) = (interface, 0, HEADER_LEN);
        for place in &mut over {
            let bottom = match &at.kind {
                Kind::Device => Bottom::Device(has_port(local, at)?),
                Kind::Lagg(view) => {
                    *place = Some((at.ifnet.id, tags));
                    let mut ports = view.sending.iter().map(|port| config.interface(*port));
                    let ready = ports.all(|port| port.is_some_and(|port| has_port(local, port).is_some()));
                    // To each port a copy of its own: that is done elsewhere.
                    let each = view.lagg.settings.mode == Mode::Broadcast;
                    (ready && !each && !view.sending.is_empty()).then_some(Bottom::Lagg(at.ifnet.id))?
                }
                Kind::Vlan(vlan) if header_len + VLAN_LEN <= LONGEST => {
                    *place = Some((at.ifnet.id, tags));
                    // The tag goes before those that are there.
                    header.copy_within(12..LONGEST - VLAN_LEN, 12 + VLAN_LEN);
                    header[12..14].copy_from_slice(&vlan.ethertype.0.to_be_bytes());
                    header[14..16].copy_from_slice(&vlan.vid.to_be_bytes());
                    (tags, header_len) = (tags + VLAN_LEN, header_len + VLAN_LEN);
                    at = config.interface(vlan.parent).filter(|parent| parent.is_fit(Use::Passage))?;
                    continue;
                }
                Kind::Vlan(_) | Kind::Bridge(_) => return None,
            };
            let fit = [Use::Ip4, Use::Ip6].map(|what| interface.is_fit(what));
            let mtu = interface.mtu.into();
            return Some(Departure { bottom, mtu, fit, header, header_len, over });
        }
        None
    }

    #[inline]
    pub(super) fn takes(&self, version: Version) -> bool {
        self.fit[version as usize]
    }

    /// Writes the link's header to `place`, which has its length.
    #[inline]
    pub(super) fn write(&self, place: &mut [u8], dst: Mac, version: Version) -> Option<()> {
        let ethertype = match version {
            Version::V4 => EtherType::IPV4,
            Version::V6 => EtherType::IPV6,
        };
        // Most have no tag: of a length that is known here it is no call.
        if self.header_len == HEADER_LEN {
            let place = place.first_chunk_mut::<HEADER_LEN>()?;
            *place = *self.header.first_chunk()?;
        } else {
            place.copy_from_slice(self.header.get(..self.header_len)?);
        }
        *place.first_chunk_mut()? = dst.0;
        *place.last_chunk_mut()? = ethertype.0.to_be_bytes();
        Some(())
    }

    /// Puts down that so many packets have left, of so many bytes without the link's header; but of the device, which counts for
    /// itself.
    pub(super) fn put(&self, worker: usize, config: &Config, packets: u64, bytes: u64) {
        for (id, tags) in self.over.iter().flatten() {
            let Some(interface) = config.interface(*id) else { continue };
            let bytes = bytes + packets * (HEADER_LEN + tags) as u64;
            if !mutant("express-counts-no-vlans") {
                interface.ifnet.counters.add(worker, IfCounter::TxPackets, packets);
            }
            interface.ifnet.counters.add(worker, IfCounter::TxBytes, bytes);
        }
    }
}

/// The device, if frames can be given to it.
fn has_port(local: &Local, device: &Interface) -> Option<IfId> {
    let id = device.ifnet.id;
    let port = local.port(id.slot()).filter(|port| port.ifnet.id == id);
    let ready = device.is_fit(Use::Passage) && matches!(device.kind, Kind::Device) && port.is_some();
    ready.then_some(id)
}

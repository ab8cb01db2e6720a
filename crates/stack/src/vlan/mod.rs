//! VLANs: interfaces that are some tagged frames of another (IEEE 802.1Q, 802.1ad).
//!
//! # Locks
//!
//! None: which VLAN a tag is stands in the snapshot. # Teardown: a VLAN whose parent has gone sends nothing; the
//! parent's identity never comes back.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::EtherType;
use siding_wire::ether;
use siding_wire::ether::VLAN_LEN;

use crate::config::Config;
use crate::drops::Drop;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Vlan;
use crate::worker::Local;

/// Where the tag stands: behind the two addresses.
const TAG: usize = 12;

/// A tagged frame from `on`: for the VLAN of its tag, if there is one.
pub(crate) fn input(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    on: &Interface,
    mut frame: Mbuf,
) {
    let Some((ethertype, vid)) = tag(frame.data()) else {
        return local.drop_packet(frame, Drop::Malformed(siding_wire::Malformed::Truncated));
    };
    let vlan = Vlan { parent: on.ifnet.id, vid, ethertype };
    let Some(above) = config.vlan(&vlan).filter(|above| above.up) else {
        return local.drop_packet(frame, Drop::UnknownVlan);
    };
    if frame.is_shared() {
        let Some(copy) = local.unshare(frame) else { return };
        frame = copy;
    }
    // The addresses move up over the tag.
    if let Some(bytes) = frame.data_mut() {
        bytes.copy_within(..TAG, VLAN_LEN);
    }
    frame.trim_front(VLAN_LEN);
    frame.set_rcvif(above.ifnet.id);
    above.ifnet.counters.add(IfCounter::RxPackets, 1);
    above.ifnet.counters.add(IfCounter::RxBytes, frame.len() as u64);
    crate::ether::input(ctx, local, config, above, frame);
}

/// Sends a frame of a VLAN by its parent, with the tag.
pub(crate) fn output(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: siding_netisr::IfId,
    vlan: Vlan,
    mut frame: Mbuf,
) {
    if frame.is_shared() || frame.headroom() < VLAN_LEN {
        let Some(copy) = local.unshare(frame) else { return };
        frame = copy;
    }
    let len = frame.len();
    if frame.prepend(VLAN_LEN).is_none() {
        return local.drop_packet(frame, Drop::NoHeadroom);
    }
    if let Some(bytes) = frame.data_mut()
        && bytes.len() >= ether::HEADER_LEN + VLAN_LEN
    {
        bytes.copy_within(VLAN_LEN..VLAN_LEN + TAG, 0);
        bytes[TAG..TAG + 2].copy_from_slice(&vlan.ethertype.0.to_be_bytes());
        bytes[TAG + 2..TAG + 4].copy_from_slice(&vlan.vid.to_be_bytes());
    }
    local.count_sent(out, len);
    local.transmit(ctx, vlan.parent, frame);
}

/// The tag's type and VLAN identifier.
fn tag(frame: &[u8]) -> Option<(EtherType, u16)> {
    let [a, b, c, d] = *frame.get(TAG..)?.first_chunk()?;
    // A tag has the inner type behind it.
    frame.get(TAG + VLAN_LEN..TAG + VLAN_LEN + 2)?;
    Some((EtherType(u16::from_be_bytes([a, b])), u16::from_be_bytes([c, d]) & 0xfff))
}

//! VLANs: interfaces that are some tagged frames of another (IEEE 802.1Q, 802.1ad).
//!
//! # Locks
//!
//! None: which VLAN a tag is stands in the snapshot. # Teardown: a VLAN whose parent has gone sends nothing; the
//! parent's identity never comes back.

mod counted;
mod protocol;

pub(crate) use protocol::Vlans;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::EtherType;
use siding_wire::ether;
use siding_wire::ether::VLAN_LEN;

use crate::config::Config;
use crate::drops::DropReason;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::ifnet::Vlan;
use crate::next::Next;
use crate::stack::worker::Local;

/// Where the tag stands: behind the two addresses.
const TAG: usize = 12;

/// A tagged frame from `on`: for the VLAN of its tag, if there is one.
pub(crate) fn input<'c>(local: &mut Local, config: &'c Config, on: &Interface, mut frame: Mbuf) -> Next<'c> {
    let Some((ethertype, vid)) = tag(frame.data()) else {
        return Next::Drop(frame, DropReason::Malformed(siding_wire::Malformed::Truncated));
    };
    let vlan = Vlan { parent: on.ifnet.id, vid, ethertype };
    let Some(above) = config.vlan(&vlan).filter(|above| above.is_fit(Use::Passage)) else {
        return Next::Drop(frame, DropReason::UnknownVlan);
    };
    let Some(untagged) = without(local, frame, VLAN_LEN) else { return Next::Taken };
    frame = untagged;
    local.receives(above, &mut frame);
    Next::Up(above, frame)
}

/// Whether the frame begins with a tag that says but a priority.
pub(crate) fn is_priority(frame: &[u8]) -> bool {
    priority_tags(frame) > 0
}

/// The type of what is behind tags that say but a priority; `outer` is the frame's own.
pub(crate) fn behind_priority(frame: &[u8], outer: EtherType) -> EtherType {
    let at = TAG + priority_tags(frame) * VLAN_LEN;
    let inner = frame.get(at..).and_then(|rest| rest.first_chunk());
    inner.map_or(outer, |inner| EtherType(u16::from_be_bytes(*inner)))
}

/// The frame without tags that say but a priority. `None` if there is no buffer for that; it is dropped then.
pub(crate) fn without_priority(local: &mut Local, frame: Mbuf) -> Option<Mbuf> {
    let len = priority_tags(frame.data()) * VLAN_LEN;
    without(local, frame, len)
}

/// How many tags in front say but a priority (IEEE 802.1Q s9.6, table 9-2).
fn priority_tags(frame: &[u8]) -> usize {
    let tags = (0..).map(|n| tag(frame.get(n * VLAN_LEN..)?));
    tags.take_while(|tag| matches!(tag, Some((ethertype, 0)) if ethertype.is_vlan())).count()
}

/// The frame without so many bytes of tags; what is in front moves up over them.
fn without(local: &mut Local, mut frame: Mbuf, len: usize) -> Option<Mbuf> {
    if len == 0 {
        return Some(frame);
    }
    if frame.is_shared() {
        frame = local.unshare(frame)?;
    }
    if let Some(bytes) = frame.data_mut() {
        bytes.copy_within(..TAG, len);
    }
    frame.trim_front(len);
    Some(frame)
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
        return local.drop_on(out, frame, DropReason::NoHeadroom);
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

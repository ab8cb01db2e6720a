//! Ethernet: which protocol a frame is for.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::EtherType;
use siding_wire::ether::Ether;
use siding_wire::ether::HEADER_LEN;

use crate::bridge;
use crate::bridge::ByPort;
use crate::config::Config;
use crate::drops::DropReason;
use crate::icmp6::LinkCast;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ifnet::Use;
use crate::lagg;
use crate::next::Arrival;
use crate::next::Frame;
use crate::next::Framed;
use crate::next::Next;
use crate::stack::worker::Local;
use crate::vlan;

/// A frame from the wire of `on`: a device, or what it lies under.
#[inline(always)] // One place calls it, for each frame: what it answers need not be written down.
pub(crate) fn input<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &'c Config,
    on: &'c Interface,
    mut frame: Mbuf,
) -> Next<'c> {
    let header = match Ether::parse(frame.data()) {
        Ok((header, _)) => header,
        Err(why) => return Next::Drop(frame, DropReason::Malformed(why)),
    };
    if !on.member_of.is_none() {
        match config.interface(on.member_of).map(|above| (above, &above.kind)) {
            // What a bridge passes on keeps its priority.
            Some((above, Kind::Bridge(view))) => {
                return bridge::input(ctx, local, ByPort { port: on, bridge: above, view }, header, frame);
            }
            // And so does what a lagg takes, but for what is about the port itself.
            _ if vlan::behind_priority(frame.data(), header.ethertype) != EtherType::SLOW => {
                return lagg::input(ctx, local, Arrival { config, on }, header.ethertype, frame);
            }
            _ => {
                let Some(frame) = vlan::without_priority(local, frame) else { return Next::Taken };
                return lagg::input(ctx, local, Arrival { config, on }, EtherType::SLOW, frame);
            }
        }
    }
    if let Some(lagg) = lagg::latecomer(local, config, on, &frame) {
        return lagg::take(local, lagg, frame);
    }
    //= IEEE 802.1Q s6.9.1, s9.6: VLAN 0 is no VLAN: the tag says but a priority, and the frame is as if it had none.
    let mut header = header;
    if header.ethertype.is_vlan() && vlan::is_priority(frame.data()) {
        let Some(untagged) = vlan::without_priority(local, frame) else { return Next::Taken };
        frame = untagged;
        header = match Ether::parse(frame.data()) {
            Ok((header, _)) => header,
            Err(why) => return Next::Drop(frame, DropReason::Malformed(why)),
        };
    }
    if header.ethertype.is_vlan() {
        return vlan::input(local, config, on, frame);
    }
    // VLANs on it go on: only what is IP of its own is stopped.
    if !on.is_fit(Use::IpPassage) {
        return Next::Drop(frame, DropReason::InterfaceGone);
    }
    let ours = on.has_mac(header.dst) || config.late.is_former(on.ifnet.id, header.dst, local.heard);
    let link = if ours {
        LinkCast::Unicast
    } else if header.dst == siding_wire::Mac::BROADCAST {
        LinkCast::Broadcast
    } else if header.dst.is_multicast() {
        LinkCast::Multicast
    } else {
        return Next::Drop(frame, DropReason::NotOurMac);
    };
    frame.trim_front(HEADER_LEN);
    match header.ethertype {
        EtherType::IPV6 => Next::Ip6(on, Framed { from: header.src, link }, frame),
        EtherType::IPV4 => Next::Ip4(on, link, frame),
        ethertype => Next::Frame(Frame { on, from: header.src, ethertype, packet: frame }),
    }
}

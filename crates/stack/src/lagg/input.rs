//! What comes to a lagg: frames on its ports, and its time.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::EtherType;

use super::announce;
use super::slow;
use crate::config::Config;
use crate::drops::Drop;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::worker::Local;

/// A frame from the port `on`: the lagg's, unless it is about the port itself.
pub(crate) fn input(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    on: &Interface,
    ethertype: EtherType,
    mut frame: Mbuf,
) {
    let Some(lagg) = config.interface(on.member_of).filter(|lagg| lagg.up) else {
        return local.drop_packet(frame, Drop::InterfaceGone);
    };
    let Kind::Lagg(view) = &lagg.kind else { return local.drop_packet(frame, Drop::InterfaceGone) };
    if ethertype == EtherType::SLOW {
        return slow::input(ctx, local, config, on, view, frame);
    }
    if !view.receiving.contains(&on.ifnet.id) {
        return local.drop_packet(frame, Drop::InactivePort);
    }
    frame.set_rcvif(lagg.ifnet.id);
    lagg.ifnet.counters.add(IfCounter::RxPackets, 1);
    lagg.ifnet.counters.add(IfCounter::RxBytes, frame.len() as u64);
    crate::ether::input(ctx, local, config, lagg, frame);
}

/// A lagg's time has come, for its announcements or for LACP.
pub(crate) fn timer(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, id: IfId) {
    let shared = local.shared.clone();
    let config = local.config().clone();
    let Some(Kind::Lagg(view)) = config.interface(id).map(|interface| &interface.kind) else { return };
    announce::run(ctx, &shared, &config, &view.lagg, local.now);
    slow::timer(ctx, local, view);
}

//! What comes to a lagg: frames on its ports, and its time.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::EtherType;
use siding_wire::ip6::is_link_local;

use super::announce;
use super::due::Timed;
use super::late;
use super::slow;
use crate::config::Config;
use crate::drops::DropReason;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ifnet::Use;
use crate::next::Arrival;
use crate::next::Next;
use crate::stack::worker::Local;
use crate::timer::Due;

/// A frame from the port `on`: the lagg's, unless it is about the port itself.
pub(crate) fn input<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'c>,
    ethertype: EtherType,
    frame: Mbuf,
) -> Next<'c> {
    let Arrival { config, on } = arrival;
    let Some(lagg) = config.interface(on.member_of).filter(|lagg| lagg.is_fit(Use::Passage)) else {
        return Next::Drop(frame, DropReason::InterfaceGone);
    };
    let Kind::Lagg(view) = &lagg.kind else { return Next::Drop(frame, DropReason::InterfaceGone) };
    if ethertype == EtherType::SLOW {
        return slow::input(ctx, local, arrival, view, frame);
    }
    if !view.receiving.contains(&on.ifnet.id) && !is_late(local, config, on, lagg, &frame) {
        return Next::Drop(frame, DropReason::InactivePort);
    }
    take(local, lagg, frame)
}

/// A frame for one station from `on`, which is a port no more: the lagg that still takes it, if there is one.
pub(crate) fn latecomer<'c>(
    local: &Local,
    config: &'c Config,
    on: &Interface,
    frame: &Mbuf,
) -> Option<&'c Interface> {
    let lagg = config.late.lagg(on.ifnet.id, local.heard)?;
    let lagg = config.interface(lagg).filter(|lagg| lagg.is_fit(Use::Passage))?;
    // One that has been given addresses has frames of its own. Its link-local one it has back by itself.
    let is_idle = on.addrs6.iter().all(|own| is_link_local(own.addr)) && on.addrs4.is_empty();
    (is_idle && is_late(local, config, on, lagg, frame)).then_some(lagg)
}

/// Whether a frame for one station is taken although its port is not in use: see [`late`](super::late).
fn is_late(local: &Local, config: &Config, on: &Interface, lagg: &Interface, frame: &Mbuf) -> bool {
    let for_one = frame.data().first().is_some_and(|first| first & 1 == 0);
    for_one && config.late.lagg(on.ifnet.id, local.heard) == Some(lagg.ifnet.id)
}

/// The frame is the lagg's.
pub(crate) fn take<'c>(local: &Local, lagg: &'c Interface, mut frame: Mbuf) -> Next<'c> {
    local.receives(lagg, &mut frame);
    Next::Up(lagg, frame)
}

impl Due<Local> for Timed {
    fn interface(&self) -> IfId {
        self.0
    }

    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        timer(ctx, local, self.0);
    }
}

/// A lagg's time has come, for its announcements or for LACP.
fn timer(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, id: IfId) {
    let shared = local.shared.clone();
    let config = local.config().clone();
    let Some(Kind::Lagg(view)) = config.interface(id).map(|interface| &interface.kind) else { return };
    announce::run(ctx, &shared, &config, &view.lagg, local.now);
    slow::timer(ctx, local, view);
    late::close(ctx, &shared, &config, local.heard);
}

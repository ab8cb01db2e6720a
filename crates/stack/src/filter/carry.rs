//! Packets on their way to the worker that keeps their flow.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Metadata;
use siding_wire::Mac;

use crate::drops::DropReason;
use crate::icmp6::LinkCast;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::next::Next;
use crate::queues::Queue;
use crate::resume::ip_out;
use crate::trace::Step;
use crate::walk::walk;
use crate::worker::Local;

/// What is known of a packet on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carried {
    /// The interface that it came in by; or, of our own, that its destination is meant on.
    on: IfId,
    /// The frame that it came in; `None` for our own.
    frame: Option<(Mac, LinkCast)>,
    /// The worker that keeps its flow.
    to: u32,
}

impl Carried {
    pub(super) fn received(on: IfId, from: Mac, link: LinkCast, to: usize) -> Carried {
        Carried { on, frame: Some((from, link)), to: to as u32 }
    }

    /// The interface that it came in by.
    pub(super) fn on(&self) -> IfId {
        self.on
    }

    pub(super) fn sent(scope: IfId, to: usize) -> Carried {
        Carried { on: scope, frame: None, to: to as u32 }
    }
}

/// Sends a packet on its way.
pub(super) fn send(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, meta: Carried, packet: Mbuf) {
    local.trace.note(&packet, || Step::Queued { queue: Carried::NAME });
    if let Err(refused) = local.shared.queues.of::<Carried>().dispatch(ctx, packet, meta) {
        local.drop_packet(refused.packet, DropReason::Refused);
    }
}

/// The handler: the packet begins anew, where its flow is known. Should the flow have gone to yet another worker
/// meanwhile, it is carried on.
pub(super) fn handle(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, packet: Mbuf, meta: Carried) {
    local.trace.note(&packet, || Step::Handled { queue: Carried::NAME });
    let Some((from, link)) = meta.frame else { return ip_out(ctx, local, packet, meta.on) };
    local.refresh();
    let config = local.config().clone();
    let Some(on) = config.interface(meta.on) else {
        return local.drop_packet(packet, DropReason::InterfaceGone);
    };
    let is_old = packet.data().first().is_some_and(|first| first >> 4 == 4);
    on.ifnet.mib.add(local.index, if is_old { Version::V4 } else { Version::V6 }, Met::Judged, 1);
    let next = match is_old {
        true => Next::Ip4(on, link, packet),
        false => Next::Ip6(on, from, link, packet),
    };
    walk(ctx, local, &config, next);
}

/// The worker that is to handle a packet.
pub(crate) fn keeper(_packet: &Mbuf, meta: &Carried) -> usize {
    meta.to as usize
}

/// Packets on their way to the worker that keeps their flow's state.
impl Queue for Carried {
    type Meta = Carried;
    const NAME: &'static str = "filter";
}

impl Metadata for Carried {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.on);
    }
}

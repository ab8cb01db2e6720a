//! Answers to solicitations: at once for an address that is ours alone, after a while for one that others have, too.
//!
//! # Locks
//!
//! None: an answer that waits lies in a timer queue, and is sent by the worker that takes it out. # Teardown: it goes
//! with its interface.

use std::net::Ipv6Addr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::Mac;
use siding_wire::ether;
use siding_wire::ip6;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;

use super::ns;
use super::ns::Addressed;
use super::router::link_local;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::neighbor;
use crate::stack::worker::Local;
use crate::timer::Due;

/// The longest random wait before an answer for an anycast address (RFC 4861 s10).
pub const MAX_ANYCAST_DELAY_TIME: Duration = Duration::from_secs(1);

/// Answers that wait on one interface at the most: more questions than that are not answered.
const MOST: usize = 64;

/// An answer that waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    on: IfId,
    target: Ipv6Addr,
    /// Who asks; `::` if it has no address yet.
    by: Ipv6Addr,
    lladdr: Option<Mac>,
}

/// Somebody asks for an anycast address of ours.
//= RFC 4861 s7.2.4 [4861-33]: those who have it wait, each for a time of its own, so that they do not all speak at once.
pub(super) fn anycast_asked(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    on: &Interface,
    by: Ipv6Addr,
    solicit: &NeighborSolicit,
) {
    let waiting = &on.ifnet.anycast_waiting;
    if waiting.load(Ordering::Relaxed) >= MOST {
        return local.count(on.ifnet.id, DropReason::RateLimited);
    }
    waiting.fetch_add(1, Ordering::Relaxed);
    let delay = local.chance.between(Duration::ZERO, MAX_ANYCAST_DELAY_TIME);
    let asked = Asked { on: on.ifnet.id, target: solicit.target, by, lladdr: solicit.slla };
    local.timers().arm(ctx, local.now + delay, asked);
}

impl Due<Local> for Asked {
    fn interface(&self) -> IfId {
        self.on
    }

    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        answer(ctx, local, *self);
    }
}

/// Its moment has come.
//= RFC 4861 s7.2.4, s7.2.7 [4861-33]: from an address that is ours alone, and without Override: the first answer counts.
fn answer(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, asked: Asked) {
    let config = local.config().clone();
    let Some(on) = config.interface(asked.on) else { return };
    on.ifnet.anycast_waiting.fetch_sub(1, Ordering::Relaxed);
    // It may have ceased to be ours meanwhile.
    if !on.is_fit(Use::Ip6) || !on.is_anycast(asked.target, config.forwarding) {
        return local.count(asked.on, DropReason::Stale);
    }
    let solicited = !asked.by.is_unspecified();
    let dst = if solicited { asked.by } else { ip6::ALL_NODES };
    let source = config.source6(dst, on.ifnet.id).filter(|source| on.accepts(*source));
    let Some(source) = source.or_else(|| link_local(on)) else {
        return local.count(asked.on, DropReason::NoSource);
    };
    let advert = NeighborAdvert {
        router: config.forwarding,
        solicited,
        override_: false,
        target: asked.target,
        tlla: Some(on.mac),
    };
    let to = match solicited {
        true => Addressed { source, dst, mac: asked.lladdr },
        false => Addressed::to_group(source, dst),
    };
    send(ctx, local, on, &to, &advert);
}

/// Sends an advertisement.
pub(super) fn send(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    on: &Interface,
    to: &Addressed,
    advert: &NeighborAdvert,
) {
    let frame = ns::build(local, on, to, advert.buffer_len(), |out| advert.emit(to.source, to.dst, out));
    let Some(mut frame) = frame else { return local.count(on.ifnet.id, DropReason::NoBuffer) };
    on.ifnet.counters.add(local.index, IfCounter::NaOut, 1);
    on.ifnet.mib.sends(local.index, frame.data().get(ether::HEADER_LEN..).unwrap_or_default());
    if to.mac.is_some() {
        return local.transmit(ctx, on.ifnet.id, frame);
    }
    // A unicast question without the option: the asker's address is in the table, or must be asked for.
    frame.trim_front(ether::HEADER_LEN);
    neighbor::output(ctx, local, on, to.dst.into(), frame);
}

//! The neighbour timer, and what messages do to an entry. The entry's lock is held from beginning to end.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Arc;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::sync::mutant;

use super::due::Timed;
use super::flush;
use crate::drops::DropReason;
use crate::icmp6::Unreachable;
use crate::ifnet::Interface;
use crate::lltable::Entry;
use crate::lltable::Lle;
use crate::lltable::Priority;
use crate::nd6::nud::Change;
use crate::nd6::nud::Nud;
use crate::nd6::nud::Outcome;
use crate::nd6::nud::REFUSED_RETRY;
use crate::nd6::nud::Refused;
use crate::nd6::nud::Solicit;
use crate::queues::Queue;
use crate::ranks;
use crate::stack::Question;
use crate::stack::worker::Local;
use crate::timer::Due;
use crate::trace::Step;

impl Due<Local> for Timed {
    fn interface(&self) -> IfId {
        self.0.interface
    }

    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        look(ctx, local, &self.0);
    }
}

/// The entry's time has come: probe, age, or give up.
fn look(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, lle: &Arc<Lle>) {
    let config = local.config().clone();
    let Some(out) = config.interface(lle.interface) else { return };
    let now = local.now;
    let (mut entry, mut ctx_entry) = ctx.lock(&lle.entry);
    if !entry.alarm.rings(local.heard) || entry.dead {
        return;
    }
    if mutant("timer-drops-the-lock-to-send") {
        drop(entry);
        return old_order(ctx, local, lle);
    }
    let before = entry.nud.state();
    let prompting = entry.hold.oldest().and_then(source_of);
    let priority = entry.priority();
    // What is due by now, but not by what has been read, comes later.
    let outcome = match entry.nud.deadline() {
        Some(deadline) if deadline > local.heard => Outcome::Kept,
        _ => entry.nud.on_timer(now, &out.nud, |how| {
            ask(&ctx_entry, local, out, &Question { addr: lle.addr, how, prompting }, priority)
        }),
    };
    if outcome == Outcome::Kept {
        if before != entry.nud.state() {
            local.note_neighbor(lle, Some(before), Some(&entry.nud));
        }
        if entry.waits_for_queue() {
            flush(&ctx_entry, local, lle, &mut entry);
        }
        arm(&mut ctx_entry, local, lle, &mut entry);
        lle.publish(&mut ctx_entry, now, &mut entry);
        return;
    }
    entry.dead = true;
    local.note_neighbor(lle, Some(before), None);
    //= RFC 4861 s7.2.2 [4861-27]: an error for each packet that was held. Its making takes locks and sends, so
    //= it is dispatched.
    while let Some(packet) = entry.hold.pop() {
        local.trace.note(&packet, || Step::Queued { queue: Unreachable::NAME });
        if let Err(refused) =
            local.shared.queues.of::<Unreachable>().dispatch(&ctx_entry, packet, lle.interface)
        {
            local.drop_on(lle.interface, refused.packet, DropReason::Unresolved);
        }
    }
    lle.publish(&mut ctx_entry, now, &mut entry);
    drop(entry);
    out.ifnet.neighbors.remove(ctx, lle);
}

/// What stacks did before, kept for the checkers: let go of the entry, send from here, and read the interface's
/// address afresh. By then the interface may have been torn down.
fn old_order(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, lle: &Arc<Lle>) {
    let config = local.shared.config.load();
    let Some(out) = config.interface(lle.interface) else {
        panic!("if_addr of {} is read after if_detach() has cleared it", lle.interface);
    };
    let question = Question { addr: lle.addr, how: Solicit::Multicast, prompting: None };
    let _ = (local.shared.ask.unlocked)(ctx, local, out, &question);
}

/// Asks for a neighbour again, as far as the interface may ask.
fn ask(
    ctx: &Ctx<'_, ranks::Neighbor>,
    local: &mut Local,
    out: &Interface,
    question: &Question,
    priority: Priority,
) -> Result<(), Refused> {
    if out.ifnet.neighbors.rate.take(local.now, &out.neighbors, priority) {
        return (local.shared.ask.entry)(ctx, local, out, question);
    }
    local.count(out.ifnet.id, DropReason::SolicitLimited);
    // Others' packets: a try all the same. What nobody answers for would else pile up behind the limit, and shut out
    // what somebody would.
    if priority == Priority::Forwarded { Ok(()) } else { Err(Refused) }
}

/// Steps an entry by what a message said, and does what follows: sends what was held, arms the timer, tells.
pub(crate) fn settle<L>(
    ctx: &mut Ctx<'_, L>,
    local: &mut Local,
    out: &Interface,
    lle: &Arc<Lle>,
    step: impl FnOnce(&mut Nud) -> Change,
) -> Change
where
    ranks::NeighborTable: After<L>,
    ranks::Neighbor: After<L>,
{
    let now = local.now;
    let (mut entry, mut ctx_entry) = ctx.lock(&lle.entry);
    if entry.dead {
        return Change::default();
    }
    let before = entry.nud.state();
    let change = step(&mut entry.nud);
    if before != entry.nud.state() || change.lladdr_changed {
        local.note_neighbor(lle, Some(before), Some(&entry.nud));
    }
    if change.resolved {
        let before = entry.nud.state();
        // The packets go out now: that is use, and starts the clock of an entry that is only STALE.
        if !entry.hold.is_empty() && entry.nud.on_packet(now, &out.nud) {
            local.note_neighbor(lle, Some(before), Some(&entry.nud));
        }
        flush(&ctx_entry, local, lle, &mut entry);
    }
    arm(&mut ctx_entry, local, lle, &mut entry);
    lle.publish(&mut ctx_entry, now, &mut entry);
    drop(entry);
    if change.resolved {
        let evicted = out.ifnet.neighbors.make_room(ctx, now, &out.neighbors);
        local.note_evicted(evicted);
    }
    change
}

/// Has a timer queue look at the entry at its deadline, unless it will come by before that anyway. To be called
/// after a flush: packets that the facility refused are tried again, whether or not others follow.
pub(crate) fn arm(ctx: &mut Ctx<'_, ranks::Neighbor>, local: &Local, lle: &Arc<Lle>, entry: &mut Entry) {
    let again = entry.waits_for_queue().then_some(local.now + REFUSED_RETRY);
    let deadline = again.into_iter().chain(entry.nud.deadline()).min();
    local.timers().set(ctx, &mut entry.alarm, deadline, || Timed(lle.clone()));
}

/// The source address of an IP packet.
pub(crate) fn source_of(packet: &Mbuf) -> Option<IpAddr> {
    let bytes = packet.data();
    match bytes.first()? >> 4 {
        6 => <[u8; 16]>::try_from(bytes.get(8..24)?).ok().map(|octets| Ipv6Addr::from(octets).into()),
        4 => <[u8; 4]>::try_from(bytes.get(12..16)?).ok().map(|octets| Ipv4Addr::from(octets).into()),
        _ => None,
    }
}

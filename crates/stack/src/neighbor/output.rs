//! Sending an IP packet to a neighbour, whatever is known of it.

use std::net::IpAddr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;

use super::flush;
use super::timer;
use crate::drops::DropReason;
use crate::ifnet::Interface;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::lltable::Entry;
use crate::lltable::Found;
use crate::lltable::Newcomer;
use crate::lltable::NoRoom;
use crate::lltable::Priority;
use crate::lltable::Terms;
use crate::nd6::nud::Nud;
use crate::offload;
use crate::stack::Question;
use crate::stack::worker::Local;
use crate::trace::Step;

/// Sends an IP packet to the neighbour `addr` on `out`: at once if the neighbour is known, else when it is.
pub(crate) fn output(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    addr: IpAddr,
    packet: Mbuf,
) {
    match local.trace.is_on() {
        false => output_as::<false>(ctx, local, out, addr, packet),
        true => output_seen(ctx, local, out, addr, packet),
    }
}

/// The same while somebody watches; apart, so that it costs nobody else more than one look.
#[cold]
#[inline(never)]
fn output_seen(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, out: &Interface, addr: IpAddr, packet: Mbuf) {
    local.trace.note(&packet, || Step::Way { out: out.ifnet.id, next_hop: addr });
    output_as::<true>(ctx, local, out, addr, packet);
}

#[inline(always)] // Two places call it, of which one is cold.
fn output_as<const SEEN: bool>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    addr: IpAddr,
    packet: Mbuf,
) {
    match local.direct.lookup(out.ifnet.id, addr) {
        Some(mac) => local.transmit_ip_as::<SEEN>(ctx, out, mac, packet),
        None => output_by_table(ctx, local, out, addr, packet),
    }
}

/// The same to one that is not known, or whose state is to change.
#[inline(never)]
fn output_by_table(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    addr: IpAddr,
    mut packet: Mbuf,
) {
    // An entry that dies between look-up and lock is met at most once or twice before a new one stands.
    for _ in 0..4 {
        match resolve(ctx, local, out, addr, packet) {
            Ok(()) => return,
            Err(again) => packet = again,
        }
    }
    count(local, out, Version::of(packet.data()), Met::Waits, 1);
    local.drop_on(out.ifnet.id, packet, DropReason::Unresolved);
}

fn count(local: &Local, out: &Interface, version: Version, met: Met, by: usize) {
    out.ifnet.mib.add(local.index, version, met, by as u64);
}

/// The same by way of the table. The packet comes back if its entry died meanwhile.
fn resolve(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    addr: IpAddr,
    packet: Mbuf,
) -> Result<(), Mbuf> {
    let neighbors = &out.ifnet.neighbors;
    let forwarded = !packet.rcvif().is_none();
    let found = match neighbors.find(ctx, addr) {
        Some(lle) => Ok(Found { lle, new: false, evicted: None }),
        None => begin(ctx, local, out, addr, &packet),
    };
    let Found { lle, new, .. } = match found {
        Ok(found) => found,
        Err(why) => {
            count(local, out, Version::of(packet.data()), Met::Waits, 1);
            local.drop_on(out.ifnet.id, packet, why.into());
            return Ok(());
        }
    };
    let now = local.now;
    let (mut entry, mut ctx_entry) = ctx.lock(&lle.entry);
    if entry.dead {
        return Err(packet);
    }
    if new {
        local.note_neighbor(&lle, None, Some(&entry.nud));
    }
    entry.forwarded &= forwarded;
    let before = entry.nud.state();
    let Some(mac) = entry.nud.usable() else {
        if !lle.may_hold(&mut ctx_entry, &mut entry) {
            return Err(packet);
        }
        hold(local, (out, addr), &mut entry, packet, forwarded);
        timer::arm(&mut ctx_entry, local, &lle, &mut entry);
        lle.publish(&mut ctx_entry, now, &mut entry);
        return Ok(());
    };
    entry.nud.on_packet(now, &out.nud);
    if before != entry.nud.state() {
        local.note_neighbor(&lle, Some(before), Some(&entry.nud));
    }
    // Packets that were held and have not left yet go first, so this one queues behind them.
    if entry.flushing > 0 || !entry.hold.is_empty() {
        if !lle.may_hold(&mut ctx_entry, &mut entry) {
            return Err(packet);
        }
        hold(local, (out, addr), &mut entry, packet, forwarded);
        flush(&ctx_entry, local, &lle, &mut entry);
        timer::arm(&mut ctx_entry, local, &lle, &mut entry);
        lle.publish(&mut ctx_entry, now, &mut entry);
        return Ok(());
    }
    timer::arm(&mut ctx_entry, local, &lle, &mut entry);
    lle.publish(&mut ctx_entry, now, &mut entry);
    drop(entry);
    local.direct.remember(&lle);
    local.transmit_ip(ctx, out, mac, packet);
    Ok(())
}

/// Begins to resolve `addr` for a packet, if that may be.
fn begin(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    addr: IpAddr,
    packet: &Mbuf,
) -> Result<Found, NoRoom> {
    let forwarded = !packet.rcvif().is_none();
    let neighbors = &out.ifnet.neighbors;
    // Before the table's lock is taken again: for each packet of a scan, this is the end of it.
    neighbors.may_resolve(&out.neighbors, forwarded)?;
    let now = local.now;
    let newcomer = Newcomer::Resolving { forwarded };
    let terms = Terms { now, limits: &out.neighbors, newcomer };
    let priority = if forwarded { Priority::Forwarded } else { Priority::Own };
    neighbors.find_or_insert(ctx, addr, terms, |ctx| {
        // Last of all limits, so that a token is taken only for what is made. An entry's first question is always
        // asked: without a token there is no entry.
        if !neighbors.rate.take(now, &out.neighbors, priority) {
            return Err(NoRoom::Rate);
        }
        let prompting = timer::source_of(packet);
        Ok(Nud::new_for_packet(now, &out.nud, |solicit| {
            (local.shared.ask.table)(ctx, local, out, &Question { addr, how: solicit, prompting })
        }))
    })
}

/// Segments of one super-frame that are made to wait: the last, for those before would have to go for them.
const HELD_SEGMENTS: usize = 16;

/// Has a packet wait; a super-frame in segments, for of the large buffers there are few, and a host that nobody answers
/// could hold them all.
fn hold(
    local: &mut Local,
    (out, addr): (&Interface, IpAddr),
    entry: &mut Entry,
    packet: Mbuf,
    forwarded: bool,
) {
    let version = Version::of(packet.data());
    if packet.longest() == packet.len() {
        count(local, out, version, Met::Waits, 1);
        return hold_one(local, (out, addr), entry, packet, forwarded);
    }
    let mut segments = Vec::new();
    let cut = offload::cut_last(&mut local.cache, packet, HELD_SEGMENTS, |segment| segments.push(segment));
    let gone = match cut {
        Ok(before) => {
            (0..before).for_each(|_| local.count(out.ifnet.id, DropReason::HoldOverflow));
            before
        }
        Err(why) => {
            local.count(out.ifnet.id, why);
            1
        }
    };
    // Whoever gave it has counted it as one. From here on each segment is one: they leave, or are given up, one by one.
    let all = gone + segments.len();
    let given = if forwarded { Met::ForwardedOut } else { Met::Requested };
    count(local, out, version, given, all.saturating_sub(1));
    count(local, out, version, Met::Waits, all);
    count(local, out, version, Met::OutDiscard, gone);
    for segment in segments {
        hold_one(local, (out, addr), entry, segment, forwarded);
    }
}

/// Has a packet wait. One that has to go for it, or that cannot stay, is dropped and counted.
//= RFC 4861 s7.2.2 [4861-26]: each entry holds one packet whatever else waits; more, while there is room for them.
fn hold_one(
    local: &mut Local,
    (out, addr): (&Interface, IpAddr),
    entry: &mut Entry,
    packet: Mbuf,
    forwarded: bool,
) {
    let waits = !entry.hold.is_empty() && !out.ifnet.neighbors.may_hold(&out.neighbors, forwarded);
    let (evicted, cause) = match waits {
        true => (entry.hold.pop(), DropReason::HoldTotal),
        false => (None, DropReason::HoldOverflow),
    };
    local.trace.note(&packet, || Step::Held { out: out.ifnet.id, neighbor: addr });
    let pushed_out = entry.hold.push(packet);
    if let Some(oldest) = evicted.or(pushed_out) {
        local.drop_on(out.ifnet.id, oldest, cause);
    }
}

impl From<NoRoom> for DropReason {
    fn from(why: NoRoom) -> DropReason {
        match why {
            NoRoom::Full => DropReason::TableFull,
            NoRoom::Resolving => DropReason::ResolvingFull,
            NoRoom::Total => DropReason::TableTotal,
            NoRoom::Rate => DropReason::SolicitLimited,
            NoRoom::Closed => DropReason::InterfaceGone,
        }
    }
}

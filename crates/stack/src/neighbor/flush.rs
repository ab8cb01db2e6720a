//! The flush of a hold queue: through the facility, in order, with nothing overtaking.
//!
//! Whoever learns the address holds the entry's lock, so the packets are dispatched. Until the last of them has
//! left, the entry's word stays empty: later packets come to the lock, and queue behind.

use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::sync::mutant;
use siding_wire::ether::HEADER_LEN;

use super::LinkOut;
use super::What;
use super::timer;
use crate::bridge;
use crate::drops::DropReason;
use crate::ifnet::Met;
use crate::ifnet::Use;
use crate::ifnet::Version;
use crate::lltable::Entry;
use crate::lltable::Lle;
use crate::lltable::flow_key;
use crate::queues::Queue;
use crate::ranks;
use crate::stack::worker::Local;
use crate::trace::Step;

/// Dispatches what the entry holds, oldest first, as far as the queue takes it.
pub(crate) fn flush(ctx: &Ctx<'_, ranks::Neighbor>, local: &mut Local, lle: &Arc<Lle>, entry: &mut Entry) {
    let key = flow_key(lle.interface, lle.addr);
    while let Some(packet) = entry.hold.pop() {
        let meta = LinkOut { out: lle.interface, key, what: What::Held(lle.clone()) };
        local.trace.note(&packet, || Step::Queued { queue: LinkOut::NAME });
        match local.shared.queues.of::<LinkOut>().dispatch(ctx, packet, meta) {
            Ok(()) if mutant("flush-lets-later-packets-by") => {}
            Ok(()) => entry.flushing += 1,
            Err(refused) if refused.cause == siding_netisr::Cause::Full => {
                // It stays; the handler of the last one in the queue comes back for it, or if there is none in
                // it, the timer.
                if let Err(packet) = entry.hold.unpop(refused.packet) {
                    local.drop_on(lle.interface, packet, DropReason::HoldOverflow);
                }
                break;
            }
            Err(refused) => local.drop_on(lle.interface, refused.packet, DropReason::InterfaceGone),
        }
    }
}

/// The handler of what goes to neighbours by way of the facility.
pub(crate) fn handle(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, packet: Mbuf, meta: LinkOut) {
    local.refresh();
    local.trace.note(&packet, || Step::Handled { queue: LinkOut::NAME });
    let config = local.config().clone();
    let Some(out) = config.interface(meta.out).filter(|out| out.is_fit(Use::IpPassage)) else {
        return local.drop_on(meta.out, packet, DropReason::InterfaceGone);
    };
    match meta.what {
        What::Message(source, counter) => {
            //= RFC 6724 [6724-4]: what was chosen when it was queued may be gone by now.
            if source.is_some_and(|source| !out.may_source(source)) {
                return local.drop_on(meta.out, packet, DropReason::Stale);
            }
            out.ifnet.counters.add(local.index, counter, 1);
            out.ifnet.mib.sends(local.index, packet.data().get(HEADER_LEN..).unwrap_or_default());
            local.transmit(ctx, meta.out, packet);
        }
        What::LastWords(source, counter, word) => {
            if source.is_some_and(|source| !out.may_source(source)) {
                return local.drop_on(meta.out, packet, DropReason::Stale);
            }
            out.ifnet.counters.add(local.index, counter, 1);
            out.ifnet.mib.sends(local.index, packet.data().get(HEADER_LEN..).unwrap_or_default());
            local.transmit(ctx, meta.out, packet);
            local.said(word);
        }
        What::Station(station) => {
            if !bridge::is_beyond(&config, meta.out, station, local.now) {
                return local.drop_on(meta.out, packet, DropReason::Stale);
            }
            local.transmit(ctx, meta.out, packet);
        }
        What::Held(lle) => {
            let (mut entry, mut entry_ctx) = ctx.lock(&lle.entry);
            entry.flushing = entry.flushing.saturating_sub(1);
            if !entry.hold.is_empty() && entry.nud.usable().is_some() {
                flush(&entry_ctx, local, &lle, &mut entry);
                timer::arm(&mut entry_ctx, local, &lle, &mut entry);
            }
            lle.publish(&mut entry_ctx, local.now, &mut entry);
            let mac = entry.nud.usable().filter(|_| !entry.dead);
            drop(entry);
            //= RFC 6724, RFC 4862 s5.5.4 [6724-4]: a packet of our own waited; its source may be gone by now.
            let ours = packet.rcvif() == IfId::NONE;
            if ours && timer::source_of(&packet).is_some_and(|source| !config.routing(out).may_source(source))
            {
                out.ifnet.mib.add(local.index, Version::of(packet.data()), Met::OutDiscard, 1);
                return local.drop_on(meta.out, packet, DropReason::Stale);
            }
            match mac {
                Some(mac) => {
                    out.ifnet.mib.add(local.index, Version::of(packet.data()), Met::Waited, 1);
                    local.transmit_ip(ctx, out, mac, packet);
                }
                None => local.drop_on(meta.out, packet, DropReason::Unresolved),
            }
        }
    }
}

/// The flow key that the type is registered with.
pub(crate) fn key(_packet: &Mbuf, meta: &LinkOut) -> u64 {
    meta.key
}

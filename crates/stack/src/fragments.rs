//! Fragments of both families: they are sent on to the worker that puts them together, and are added to their datagrams there.
//! What those are is said in [`reassembly`](crate::reassembly).

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;

use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::queues::Queue;
use crate::reassembly::Data;
use crate::reassembly::Fragment;
use crate::reassembly::Held;
use crate::reassembly::Key;
use crate::reassembly::LetGo;
use crate::reassembly::Piece;
use crate::stack::worker::Local;
use crate::trace::Step;

/// The longest piece of a packet that is cut for a path of so many bytes. A buffer of the pool holds it, be the path wider:
/// of large ones there are few, and whoever answers for no neighbour would keep them.
pub(crate) fn longest(local: &Local, mtu: usize) -> usize {
    mtu.min(local.cache.pool().room())
}

/// Sends a fragment on to the worker that has the rest of its datagram.
pub(crate) fn defer(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    on: &Interface,
    fragment: Fragment,
    packet: Mbuf,
) {
    on.ifnet.counters.add(local.index, IfCounter::FragmentsIn, 1);
    on.ifnet.mib.add(local.index, version(&packet), Met::ReasmReqd, 1);
    local.trace.note(&packet, || Step::Queued { queue: Fragment::NAME });
    if let Err(refused) = local.shared.queues.of::<Fragment>().dispatch(ctx, packet, fragment) {
        local.drop_packet(refused.packet, DropReason::Refused);
    }
}

fn version(packet: &Mbuf) -> Version {
    Version::of(packet.data())
}

/// Adds a fragment to its datagram. Gives all of them, in order, if this was the last that was missing.
pub(crate) fn add(local: &mut Local, key: Key, piece: Piece<Held>) -> Option<Vec<Piece<Held>>> {
    let config = local.config().clone();
    let Local { reassembly, shared, index, cache, trace, .. } = local;
    trace.note(&piece.packet.packet, || Step::Awaits);
    let gauge = &shared.reassembly[*index];
    let whole = reassembly.add(local.now, key, piece, |held, why| {
        let cause = match why {
            LetGo::Duplicate => DropReason::FragmentDuplicate,
            LetGo::Overlap => DropReason::FragmentOverlap,
            LetGo::Datagrams => {
                gauge.datagrams.usage.refuse();
                DropReason::FragmentLimit
            }
            LetGo::Fragments => {
                gauge.fragments.usage.refuse();
                DropReason::FragmentLimit
            }
        };
        let on = config.interface(held.packet.rcvif());
        if let Some(on) = on.filter(|_| why != LetGo::Duplicate) {
            on.ifnet.mib.add(*index, version(&held.packet), Met::ReasmFail, 1);
        }
        on.map_or(shared.drops.none(), |on| &on.ifnet.drops).add(*index, cause, 1);
        if trace.is_on() {
            trace.dropped(held.packet.rcvif(), &held.packet, cause);
        }
        cache.free(held.packet);
    });
    gauge.note(reassembly);
    whole
}

/// Lets go of what came in by interfaces that depart.
pub(crate) fn depart(local: &mut Local, stays: &dyn Fn(IfId) -> bool) {
    let Local { reassembly, shared, index, cache, trace, .. } = local;
    let release = |held: Held| {
        // It is in the configuration no more.
        shared.drops.none().add(*index, DropReason::InterfaceGone, 1);
        if trace.is_on() {
            trace.dropped(held.packet.rcvif(), &held.packet, DropReason::InterfaceGone);
        }
        cache.free(held.packet);
    };
    reassembly.retain(|held| stays(held.packet.rcvif()), release);
    shared.reassembly[*index].note(reassembly);
}

/// Copies the pieces' data into one packet, behind `header`, which comes in front of them all.
pub(crate) fn join(local: &mut Local, header: &[u8], pieces: &[Piece<Held>]) -> Option<Mbuf> {
    let data: usize = pieces.iter().map(|piece| piece.packet.data().len()).sum();
    let mut whole = local.alloc(header.len() + data)?;
    // Both fit, or there would be no buffer.
    let mut fits = whole.extend_from_slice(header);
    for piece in pieces {
        fits &= whole.extend_from_slice(piece.packet.data());
    }
    if let Some(first) = pieces.first() {
        whole.set_rcvif(first.packet.packet.rcvif());
        whole.set_mark(first.packet.packet.mark());
    }
    fits.then_some(whole)
}

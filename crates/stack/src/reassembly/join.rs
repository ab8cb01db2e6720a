//! Fragments on their way to the worker that puts them together, and what comes of them there.

use std::hash::Hash;
use std::hash::Hasher;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Metadata;
use siding_wire::Mac;
use siphasher::sip::SipHasher13;

use super::Data;
use super::Key;
use super::LetGo;
use super::Piece;
use super::Reassembly;
use super::ReassemblyLimits;
use crate::drops::DropReason;
use crate::icmp6::LinkCast;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::ip4;
use crate::ip6;
use crate::limits::LimitReport;
use crate::limits::Usage;
use crate::queues::Queue;
use crate::trace::Step;
use crate::walk::walk;
use crate::worker::Local;

/// What is known of a fragment on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fragment {
    /// The interface that it came in by.
    pub(crate) on: IfId,
    pub(crate) from: Mac,
    pub(crate) link: LinkCast,
    /// The same for all of a datagram.
    flow: u64,
}

/// A fragment that is held: a whole packet, with its header.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) packet: Mbuf,
    /// Where its data begins.
    pub(crate) at: usize,
    pub(crate) from: Mac,
    pub(crate) link: LinkCast,
}

/// What a worker tells of its table. Written by the worker, read by anybody.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    datagrams: Level,
    fragments: Level,
}

#[derive(Debug, Default)]
struct Level {
    used: AtomicUsize,
    usage: Usage,
}

/// Sends a fragment on to the worker that has the rest of its datagram.
pub(crate) fn defer(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    on: &Interface,
    link: (Mac, LinkCast),
    key: &Key,
    packet: Mbuf,
) {
    on.ifnet.counters.add(local.index, IfCounter::FragmentsIn, 1);
    on.ifnet.mib.add(local.index, version(&packet), Met::ReasmReqd, 1);
    // With a secret: peers choose what is in the key.
    let mut hasher = SipHasher13::new_with_keys(local.shared.seed, 0);
    key.hash(&mut hasher);
    let meta = Fragment { on: on.ifnet.id, from: link.0, link: link.1, flow: hasher.finish() };
    local.trace.note(&packet, || Step::Queued { queue: Fragment::NAME });
    if let Err(refused) = local.shared.queues.of::<Fragment>().dispatch(ctx, packet, meta) {
        local.drop_packet(refused.packet, DropReason::Refused);
    }
}

fn version(packet: &Mbuf) -> Version {
    Version::of(packet.data())
}

/// The handler of fragments.
pub(super) fn handle(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, packet: Mbuf, meta: Fragment) {
    local.refresh();
    local.trace.note(&packet, || Step::Handled { queue: Fragment::NAME });
    let config = local.config().clone();
    let Some(on) = config.interface(meta.on) else {
        return local.drop_packet(packet, DropReason::InterfaceGone);
    };
    let next = match version(&packet) {
        Version::V4 => ip4::fragment_input(local, on, meta, packet),
        Version::V6 => ip6::fragment_input(ctx, local, &config, on, meta, packet),
    };
    walk(ctx, local, &config, next);
}

/// The flow key that the type is registered with.
pub(super) fn flow(_packet: &Mbuf, meta: &Fragment) -> u64 {
    meta.flow
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

/// Gives up what has waited for too long. How many datagrams those were.
pub(crate) fn expire(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) -> usize {
    let mut expired = 0;
    while let Some(pieces) = local.reassembly.expired(local.heard) {
        expired += 1;
        let config = local.config().clone();
        if let Some(first) = pieces.first().map(|piece| &piece.packet.packet)
            && let Some(on) = config.interface(first.rcvif())
        {
            on.ifnet.mib.add(local.index, version(first), Met::ReasmFail, 1);
        }
        //= RFC 8200 s4.5 [8200-4]: the sender is told if the first fragment is there to be quoted.
        if let Some(first) = pieces.first().filter(|piece| piece.at == 0) {
            let held = &first.packet;
            if let Some(on) = config.interface(held.packet.rcvif()) {
                match version(&held.packet) {
                    Version::V4 => ip4::reassembly_timeout(ctx, local, &config, held),
                    Version::V6 => ip6::reassembly_timeout(ctx, local, &config, on, held),
                }
            }
        }
        for piece in pieces {
            local.drop_packet(piece.packet.packet, DropReason::FragmentTimeout);
        }
    }
    if expired > 0 {
        local.shared.reassembly[local.index].note(&local.reassembly);
    }
    expired
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

/// What each worker may have of the stack's bounds; no more than a quarter of all buffers, whatever is configured.
pub(crate) fn share(limits: ReassemblyLimits, workers: usize, buffers: usize) -> ReassemblyLimits {
    let fragments = limits.fragments.min(buffers / 4).div_ceil(workers);
    let datagrams = limits.datagrams.div_ceil(workers);
    ReassemblyLimits {
        datagrams,
        datagrams_per_source: limits.datagrams_per_source.min(datagrams),
        fragments,
        fragments_per_source: limits.fragments_per_source.min(fragments),
        fragments_per_datagram: limits.fragments_per_datagram,
    }
}

/// The bounds of all workers together, with their use.
pub(crate) fn limits(share: &ReassemblyLimits, gauges: &[Gauge]) -> [LimitReport; 2] {
    let report = |name, limit: usize, level: fn(&Gauge) -> &Level| {
        let mut all = LimitReport { highest: Some(0), ..LimitReport::new(name, limit * gauges.len(), 0) };
        for level in gauges.iter().map(level) {
            let used = level.used.load(Ordering::Relaxed);
            let one = LimitReport::new(name, limit, used).with(&level.usage);
            all.used += one.used;
            all.refused += one.refused;
            all.highest = all.highest.zip(one.highest).map(|(a, b)| a + b);
        }
        all
    };
    [
        report("reassembly-datagrams", share.datagrams, |gauge| &gauge.datagrams),
        report("reassembly-fragments", share.fragments, |gauge| &gauge.fragments),
    ]
}

impl Gauge {
    fn note(&self, table: &Reassembly<Held>) {
        self.datagrams.note(table.datagrams());
        self.fragments.note(table.fragments());
    }
}

impl Level {
    fn note(&self, used: usize) {
        self.used.store(used, Ordering::Relaxed);
        self.usage.note(used);
    }
}

impl Data for Held {
    fn data(&self) -> &[u8] {
        self.packet.data().get(self.at..).unwrap_or_default()
    }
}

/// Fragments, on their way to the worker that has the rest of their packet.
impl Queue for Fragment {
    type Meta = Fragment;
    const NAME: &'static str = "fragment";
}

impl Metadata for Fragment {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.on);
    }
}

//! Fragments: on their way to the worker that puts them together, and held by it.

use std::hash::Hash;
use std::hash::Hasher;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Metadata;
use siphasher::sip::SipHasher13;

use super::Data;
use super::Key;
use super::Reassembly;
use super::ReassemblyLimits;
use crate::limits::LimitReport;
use crate::limits::Usage;
use crate::next::Framed;
use crate::queues::Queue;

/// What is known of a fragment on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fragment {
    /// The interface that it came in by.
    pub(crate) on: IfId,
    pub(crate) framed: Framed,
    /// The same for all of a datagram.
    flow: u64,
}

impl Fragment {
    /// One of the datagram that `key` names. With a secret: peers choose what is in a key.
    pub(crate) fn new(secret: u64, key: &Key, (on, framed): (IfId, Framed)) -> Fragment {
        let mut hasher = SipHasher13::new_with_keys(secret, 0);
        key.hash(&mut hasher);
        Fragment { on, framed, flow: hasher.finish() }
    }
}

/// A fragment that is held: a whole packet, with its header.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) packet: Mbuf,
    /// Where its data begins.
    pub(crate) at: usize,
    pub(crate) framed: Framed,
}

/// What a worker tells of its table. Written by the worker, read by anybody.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    pub(crate) datagrams: Level,
    pub(crate) fragments: Level,
}

#[derive(Debug, Default)]
pub(crate) struct Level {
    used: AtomicUsize,
    pub(crate) usage: Usage,
}

/// The flow key that the type is registered with.
pub(crate) fn flow(_packet: &Mbuf, meta: &Fragment) -> u64 {
    meta.flow
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

impl Gauge {
    pub(crate) fn note(&self, table: &Reassembly<Held>) {
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

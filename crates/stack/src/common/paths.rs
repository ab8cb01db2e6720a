//! What is known of paths: how large a packet they take.
//!
//! # Locks
//!
//! A leaf while an estimate changes. Workers read a [snapshot](crate::snapshot); packets that any link takes do not
//! even look. # Teardown: estimates of an interface's own scope go with it.

use std::hash::Hasher;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_machines::path_mtu::Heard;
use siding_machines::path_mtu::Path;
use siding_machines::path_mtu::PathMtuReport;
use siding_machines::path_mtu::PathMtus;
use siding_netisr::Instant;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering;
use siding_wire::IpProto;
use siding_wire::ip6::Ip6Repr;
use siphasher::sip::SipHasher13;

use crate::limits::LimitReport;
use crate::limits::Usage;
use crate::ranks;
use crate::snapshot::Reader;
use crate::snapshot::Snapshot;

/// A packet of ours was too big.
pub(crate) struct TooBig {
    /// Where it was going.
    pub(crate) path: Path,
    /// What it may have, as a router says.
    pub(crate) reported: u32,
    /// What the link takes that it left by.
    pub(crate) link: u16,
}

/// All that is known of paths.
pub(crate) struct Paths {
    current: Snapshot<PathMtus>,
    /// Held while the snapshot is replaced.
    change: Mutex<ranks::Leaf, ()>,
    /// What we sent that some links would not take, by its hash: who complains of other packets lies.
    sent: Box<[AtomicU64]>,
    secret: u64,
    limit: usize,
    usage: Usage,
}

/// Large packets that are remembered as having been sent. Of two that share a place the later counts.
const SENT: usize = 1024;

/// Octets behind the fixed header by which a packet is known again: an echo's checksum, identifier and number, or a
/// fragment's number.
const MARK: usize = 8;

impl Paths {
    pub(crate) fn new(limit: usize, secret: u64) -> Paths {
        Paths {
            current: Snapshot::new(PathMtus::new(limit)),
            change: Mutex::new(()),
            sent: (0..SENT).map(|_| AtomicU64::new(0)).collect(),
            secret,
            limit: limit.max(1),
            usage: Usage::default(),
        }
    }

    /// For a worker, which [keeps up](Self::keep_up) with it.
    pub(crate) fn reader(&self) -> Reader<PathMtus> {
        self.current.reader()
    }

    /// Has a worker see the latest.
    pub(crate) fn keep_up(&self, reader: &mut Reader<PathMtus>) {
        reader.refresh(&self.current);
    }

    /// Every estimate that holds.
    pub(crate) fn report(&self, now: Instant) -> Vec<PathMtuReport> {
        self.current.load().report(now)
    }

    pub(crate) fn limits(&self) -> LimitReport {
        LimitReport::new("path-mtus", self.limit, self.current.load().len()).with(&self.usage)
    }

    /// Forgets estimates: those that `goes` picks.
    pub(crate) fn forget<L>(&self, ctx: &mut Ctx<'_, L>, goes: impl Fn(&Path) -> bool) -> usize
    where
        ranks::Leaf: After<L>,
    {
        let (_change, _ctx) = ctx.lock(&self.change);
        let mut paths = (*self.current.load()).clone();
        let before = paths.len();
        paths.retain(|path| !goes(path));
        let gone = before - paths.len();
        if gone > 0 {
            self.current.publish(paths);
        }
        gone
    }

    /// A router says what a path takes.
    pub(crate) fn hear<L>(
        &self,
        ctx: &mut Ctx<'_, L>,
        now: Instant,
        TooBig { path, reported, link }: TooBig,
    ) -> Heard
    where
        ranks::Leaf: After<L>,
    {
        // Most say nothing new, and cost no copy.
        if let Some(nothing) = self.current.load().nothing_new(now, &path, reported, link) {
            return nothing;
        }
        let (_change, _ctx) = ctx.lock(&self.change);
        let mut paths = (*self.current.load()).clone();
        let (heard, evicted) = paths.hear(now, path, reported, link);
        if evicted {
            self.usage.refuse();
        }
        if matches!(heard, Heard::Lowered { .. }) {
            self.usage.note(paths.len());
            self.current.publish(paths);
        }
        heard
    }

    /// Remembers a packet of ours that is larger than every link takes, or a piece of one.
    pub(crate) fn note_sent(&self, header: &Ip6Repr, payload: &[u8]) {
        if let Some(hash) = self.hash(header, payload) {
            self.sent[hash as usize % SENT].store(hash, Ordering::Relaxed);
        }
    }

    /// Whether a quoted packet is one that we sent, whoever waits for its answer by now.
    pub(crate) fn was_sent(&self, header: &Ip6Repr, payload: &[u8]) -> bool {
        let hash = self.hash(header, payload);
        hash.is_some_and(|hash| self.sent[hash as usize % SENT].load(Ordering::Relaxed) == hash)
    }

    fn hash(&self, header: &Ip6Repr, payload: &[u8]) -> Option<u64> {
        let mut mark = *payload.first_chunk::<MARK>()?;
        if header.next_header == IpProto::FRAGMENT {
            // Of a packet's fragments any may be the one that is too big: where it belongs does not count.
            mark[2..4].fill(0);
        }
        let mut hasher = SipHasher13::new_with_keys(self.secret, 1);
        hasher.write_u128(header.src.to_bits());
        hasher.write_u128(header.dst.to_bits());
        hasher.write_u8(header.next_header.0);
        hasher.write(&mark);
        // 0 stands for nothing.
        Some(hasher.finish() | 1 << 63)
    }
}

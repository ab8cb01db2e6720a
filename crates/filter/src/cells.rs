//! What counts while packets pass: cells that no two workers write, and the few that all of them share.
//!
//! They are shared by reference with the next program, so that a reload loses no count and opens no limit.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::model::Count;
use crate::model::Limit;
use crate::model::Quota;

const NANOS: u128 = 1_000_000_000;

/// One worker's part of a counter, on a line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Line {
    packets: AtomicU64,
    bytes: AtomicU64,
    last: AtomicU64,
}

/// A counter: a line for each worker.
#[derive(Debug, Clone)]
pub(crate) struct Counter(Arc<[Line]>);

impl Counter {
    /// Begins at `start`.
    pub(crate) fn new(workers: usize, start: Count) -> Counter {
        let lines: Arc<[Line]> = (0..workers.max(1)).map(|_| Line::default()).collect();
        if let Some(first) = lines.first() {
            first.packets.store(start.packets, Relaxed);
            first.bytes.store(start.bytes, Relaxed);
        }
        Counter(lines)
    }

    /// Whether it has a line for each of so many workers.
    pub(crate) fn workers(&self) -> usize {
        self.0.len()
    }

    /// Counts a packet.
    pub(crate) fn add(&self, worker: usize, bytes: u32, now: u64) {
        self.add_many(worker, 1, bytes.into(), now);
    }

    /// Counts packets. Only this worker writes its line: a load and a store are enough.
    #[inline]
    pub(crate) fn add_many(&self, worker: usize, packets: u64, bytes: u64, now: u64) {
        let Some(line) = self.0.get(worker) else { return };
        line.packets.store(line.packets.load(Relaxed).wrapping_add(packets), Relaxed);
        line.bytes.store(line.bytes.load(Relaxed).wrapping_add(bytes), Relaxed);
        line.last.store(now, Relaxed);
    }

    pub(crate) fn count(&self) -> Count {
        self.0.iter().fold(Count::default(), |sum, line| Count {
            packets: sum.packets.wrapping_add(line.packets.load(Relaxed)),
            bytes: sum.bytes.wrapping_add(line.bytes.load(Relaxed)),
            last_hit: sum.last_hit.max(line.last.load(Relaxed)),
        })
    }
}

/// A rate as the bucket of Linux's `nft_limit`: time is what is in it, and each packet takes its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// The most time in the bucket, in ns.
    full: u64,
    /// ns for one packet; for octets ns of the whole period.
    cost: u64,
    /// Octets in a period; 0 for packets.
    bytes: u64,
    pub(crate) over: bool,
}

impl Rate {
    pub(crate) fn new(limit: &Limit) -> Rate {
        let period = NANOS * u128::from(limit.per);
        let small = |n: u128| u64::try_from(n).unwrap_or(u64::MAX >> 1);
        let rate = u128::from(limit.rate.max(1));
        if limit.bytes {
            let full = period * (rate + u128::from(limit.burst)) / rate;
            return Rate {
                full: small(full),
                cost: small(period),
                bytes: limit.rate.max(1),
                over: limit.over,
            };
        }
        let cost = period / rate;
        Rate { full: small(cost * u128::from(limit.burst)), cost: small(cost), bytes: 0, over: limit.over }
    }

    fn cost(&self, len: u32) -> u64 {
        match self.bytes {
            0 => self.cost,
            bytes => (u128::from(self.cost) * u128::from(len) / u128::from(bytes)) as u64,
        }
    }

    /// Whether the packet is within the rate. The cell holds when the bucket is full again, so that one word is the
    /// whole state and workers need no lock for it.
    pub(crate) fn within(&self, cell: &AtomicU64, now: u64, len: u32, dry: bool) -> bool {
        let cost = self.cost(len);
        let end = now.saturating_add(self.full);
        let mut full_at = cell.load(Relaxed);
        loop {
            let next = full_at.max(now).saturating_add(cost);
            if next > end {
                return false;
            }
            if dry {
                return true;
            }
            match cell.compare_exchange_weak(full_at, next, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(other) => full_at = other,
            }
        }
    }
}

/// How an element is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// By a packet.
    Real,
    /// Nothing is counted.
    Dry,
    /// Nor is any rate reached.
    Rehearsal,
}

/// A limit and its bucket.
#[derive(Debug, Clone)]
pub(crate) struct LimitCell {
    pub(crate) rate: Rate,
    pub(crate) cell: Arc<AtomicU64>,
}

impl LimitCell {
    pub(crate) fn new(limit: &Limit) -> LimitCell {
        LimitCell { rate: Rate::new(limit), cell: Arc::default() }
    }

    /// Whether the rule goes on.
    pub(crate) fn passes(&self, now: u64, len: u32, dry: bool) -> bool {
        self.rate.within(&self.cell, now, len, dry) != self.rate.over
    }
}

/// A quota and what is used of it.
#[derive(Debug, Clone)]
pub(crate) struct QuotaCell {
    pub(crate) bytes: u64,
    pub(crate) over: bool,
    pub(crate) used: Arc<AtomicU64>,
}

impl QuotaCell {
    pub(crate) fn new(quota: &Quota) -> QuotaCell {
        QuotaCell { bytes: quota.bytes, over: quota.over, used: Arc::new(AtomicU64::new(quota.used)) }
    }

    /// Whether the rule goes on.
    pub(crate) fn passes(&self, len: u32, dry: bool) -> bool {
        quota_passes(&self.used, self.bytes, len, dry) != self.over
    }
}

/// Whether a packet is within so many octets.
pub(crate) fn quota_passes(used: &AtomicU64, bytes: u64, len: u32, dry: bool) -> bool {
    let before = if dry { used.load(Relaxed) } else { used.fetch_add(u64::from(len), Relaxed) };
    before.saturating_add(u64::from(len)) <= bytes
}

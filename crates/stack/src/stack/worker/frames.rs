//! Which way the frames of a worker go.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Frames that a worker has received, by the way that they went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FramesReport {
    /// By express: plain packets for others, a batch at a time; those for which the way out had no room, too.
    pub expressed: u64,
    /// By the way that can do everything, one after the other.
    pub walked: u64,
}

/// What one worker adds to and others read: no other worker's lies on its line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Frames {
    expressed: AtomicU64,
    walked: AtomicU64,
}

impl Frames {
    /// Adds to both. To be called by that worker only.
    #[inline]
    pub(crate) fn add(&self, expressed: u64, walked: u64) {
        for (count, by) in [(&self.expressed, expressed), (&self.walked, walked)] {
            // Nobody else writes it, so no locked instruction is needed.
            count.store(count.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
        }
    }

    pub(crate) fn report(&self) -> FramesReport {
        let [expressed, walked] = [&self.expressed, &self.walked].map(|count| count.load(Ordering::Relaxed));
        FramesReport { expressed, walked }
    }
}

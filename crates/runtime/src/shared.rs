//! What one worker's thread writes, and others read.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::turns::SIZES;
use crate::turns::TurnTimes;
use crate::turns::Turns;

/// What one worker's thread has done, by its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThreadStats {
    /// Turns so far.
    pub turns: u64,
    /// Turns that found something to do.
    pub busy: u64,
    /// Frames received.
    pub received: u64,
    /// Times that it has slept.
    pub sleeps: u64,
    /// The core it is pinned to.
    pub core: Option<usize>,
    /// Its turns, by how many packets they had.
    pub by_size: [Turns; SIZES.len()],
}

/// What the thread writes and others read.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) turns: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) sleeps: AtomicU64,
    pub(crate) times: TurnTimes,
    /// One more than the core; 0 for none.
    pub(crate) core: AtomicU64,
}

impl Shared {
    pub(crate) fn read(&self) -> ThreadStats {
        ThreadStats {
            turns: self.turns.load(Ordering::Relaxed),
            busy: self.busy.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            sleeps: self.sleeps.load(Ordering::Relaxed),
            by_size: self.times.read(),
            core: usize::try_from(self.core.load(Ordering::Relaxed))
                .ok()
                .and_then(|core| core.checked_sub(1)),
        }
    }
}

//! Since when an interface's transmit queues have not moved.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_netisr::Instant;

/// Each worker has a queue of its own. Workers write here when one stalls or moves again, and nobody else.
#[derive(Debug)]
pub(crate) struct Stalls {
    queues: AtomicU64,
    since: AtomicU64,
}

impl Default for Stalls {
    fn default() -> Stalls {
        Stalls { queues: AtomicU64::new(0), since: AtomicU64::new(u64::MAX) }
    }
}

impl Stalls {
    /// A queue has not moved since then; or does again.
    pub(crate) fn note(&self, since: Option<Instant>) {
        match since {
            Some(since) => {
                self.queues.fetch_add(1, Ordering::Relaxed);
                self.since.fetch_min(since.as_nanos(), Ordering::Relaxed);
            }
            None if self.queues.fetch_sub(1, Ordering::Relaxed) == 1 => {
                self.since.store(u64::MAX, Ordering::Relaxed);
            }
            None => {}
        }
    }

    /// Since when one has not moved, if any is stalled; of several, the first.
    pub(crate) fn get(&self) -> Option<Instant> {
        let since = self.since.load(Ordering::Relaxed);
        (since < u64::MAX).then(|| Instant::from_nanos(since))
    }
}

//! What each element of a set that rules change has for itself.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::cells::Rate;
use crate::cells::Use;
use crate::cells::quota_passes;
use crate::host::CountId;
use crate::host::Host;

/// One thing that an element has for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Each {
    Counter,
    Limit(Rate),
    Quota { bytes: u64, over: bool },
    CtCount { over: bool, count: u32 },
}

impl Each {
    /// How many words of the element it needs.
    pub(super) const fn words(self) -> usize {
        match self {
            Each::Counter => 2,
            Each::Limit(_) | Each::Quota { .. } => 1,
            Each::CtCount { .. } => 0,
        }
    }

    /// Of an element that would be new: whether the rule would go on.
    pub(super) fn run_new(self, len: u32, used: Use, host: &impl Host) -> bool {
        let nothing = AtomicU64::new(0);
        match self {
            Each::Counter => true,
            Each::Limit(rate) if used == Use::Rehearsal => !rate.over,
            Each::Limit(rate) => rate.within(&nothing, host.now(), len, true) != rate.over,
            Each::Quota { bytes, over } => quota_passes(&nothing, bytes, len, true) != over,
            // The one that comes is counted.
            Each::CtCount { over, count } => (1 > count) == over,
        }
    }

    /// Runs it on the element's words, whose connections `id` counts; whether the rule goes on.
    pub(super) fn run(
        self,
        words: &[AtomicU64],
        len: u32,
        used: Use,
        id: impl FnOnce() -> CountId,
        host: &mut impl Host,
    ) -> bool {
        let dry = used != Use::Real;
        match self {
            Each::Counter => {
                if !dry {
                    words[0].fetch_add(1, Relaxed);
                    words[1].fetch_add(u64::from(len), Relaxed);
                }
                true
            }
            Each::Limit(rate) if used == Use::Rehearsal => !rate.over,
            Each::Limit(rate) => rate.within(&words[0], host.now(), len, dry) != rate.over,
            Each::Quota { bytes, over } => quota_passes(&words[0], bytes, len, dry) != over,
            Each::CtCount { over, count } => (host.ct_count(id(), count) > count) == over,
        }
    }
}

//! The end of taking requests: those that come are turned away at once, those that are under way are waited for, but not
//! for ever.
//!
//! # Locks
//!
//! `requests` is held for reading by each request, and for writing from the end of the last one on.

use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::TryLockError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// Between two looks whether the last request has ended.
const LOOK: Duration = Duration::from_millis(2);

/// Whether the daemon takes requests.
#[derive(Debug, Default)]
pub(super) struct Closing {
    begun: AtomicBool,
    /// Nothing may be changed any more, not even by a request that was under way.
    over: AtomicBool,
    requests: RwLock<()>,
}

impl Closing {
    /// For as long as a request takes; `None` once the daemon stops.
    pub(super) fn enter(&self) -> Option<RwLockReadGuard<'_, ()>> {
        if self.has_begun() {
            return None;
        }
        let entered = self.requests.read().unwrap_or_else(PoisonError::into_inner);
        (!self.has_begun()).then_some(entered)
    }

    /// Whether the daemon stops: whoever waits for something ceases to.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Whether it is too late to make anything.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Turns away those that come, and waits for those that are under way. False if one has not ended within that time: it
    /// finds that nothing can be made any more.
    pub(super) fn close(&self, within: Duration) -> bool {
        self.begun.store(true, Ordering::Release);
        let begun = Instant::now();
        let ended = loop {
            match self.requests.try_write() {
                Ok(_) | Err(TryLockError::Poisoned(_)) => break true,
                Err(TryLockError::WouldBlock) if begun.elapsed() >= within => break false,
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
            }
        };
        self.over.store(true, Ordering::Release);
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_under_way_are_waited_for_but_not_for_ever() {
        let closing = Closing::default();
        let hangs = closing.enter().unwrap();
        let begun = Instant::now();
        assert!(!closing.close(Duration::from_millis(50)));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(closing.is_over() && closing.enter().is_none());
        drop(hangs);

        let (closing, has_entered) = (Closing::default(), std::sync::Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                let _entered = closing.enter().unwrap();
                has_entered.wait();
                thread::sleep(Duration::from_millis(50));
            });
            has_entered.wait();
            assert!(closing.close(Duration::from_secs(20)));
        });
        assert!(closing.enter().is_none());
    }
}

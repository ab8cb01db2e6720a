//! The end of taking requests: those that come are turned away at once, those that are under way are waited for, but not
//! for ever.
//!
//! # Locks
//!
//! `requests` is held for reading by each request, and `making` under it by who takes something of the kernel's. A stop takes
//! each for writing, for a moment, to see that nobody holds it.

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

/// What has been begun to be made is made within this time, unless the kernel does not answer.
const MADE: Duration = Duration::from_secs(10);

/// Whether the daemon takes requests.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    begun: AtomicBool,
    /// Nothing may be changed any more, not even by a request that was under way.
    over: AtomicBool,
    requests: RwLock<()>,
    /// Held by whoever takes something of the kernel's, until it stands where a stop finds it.
    making: RwLock<()>,
}

impl Closing {
    /// For as long as a request takes; `None` once the daemon stops.
    pub(crate) fn enter(&self) -> Option<RwLockReadGuard<'_, ()>> {
        if self.has_begun() {
            return None;
        }
        let entered = self.requests.read().unwrap_or_else(PoisonError::into_inner);
        (!self.has_begun()).then_some(entered)
    }

    /// For as long as it takes to make something that the kernel is to have back; `None` once it is too late for that.
    pub(crate) fn make(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let making = self.making.read().unwrap_or_else(PoisonError::into_inner);
        (!self.is_over()).then_some(making)
    }

    /// Whether the daemon stops: whoever waits for something ceases to.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Whether it is too late to make anything.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Turns away those that come, and waits for those that are under way. False if one has not ended within that time: it
    /// finds that nothing can be made any more.
    pub(crate) fn close(&self, within: Duration) -> bool {
        self.begun.store(true, Ordering::Release);
        let ended = is_free(&self.requests, within);
        self.over.store(true, Ordering::Release);
        // Who has begun to make something while it was not over has soon made it. Nobody else begins.
        is_free(&self.making, MADE) && ended
    }
}

/// Whether nobody holds it, at some moment within that time.
fn is_free(held: &RwLock<()>, within: Duration) -> bool {
    let begun = Instant::now();
    loop {
        match held.try_write() {
            Ok(_) | Err(TryLockError::Poisoned(_)) => return true,
            Err(TryLockError::WouldBlock) if begun.elapsed() >= within => return false,
            Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
        }
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

    #[test]
    fn what_was_begun_before_it_was_too_late_is_waited_for_and_nothing_is_begun_after() {
        let (closing, has_begun) = (Closing::default(), std::sync::Barrier::new(2));
        let made = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                // A request that a stop gives up.
                let _entered = closing.enter().unwrap();
                let _making = closing.make().unwrap();
                has_begun.wait();
                while !closing.is_over() {
                    thread::sleep(LOOK);
                }
                assert!(closing.make().is_none(), "it is too late for another");
                thread::sleep(Duration::from_millis(20));
                made.store(true, Ordering::Release);
            });
            has_begun.wait();
            closing.close(Duration::from_millis(50));
            assert!(made.load(Ordering::Acquire), "a stop goes on while somebody takes an interface");
        });
    }
}

//! Where the facility's timed packets get their time from.

use crate::Instant;

/// A monotonic clock. Read for the packets that are timed, and by waits that have a time limit.
pub trait Clock: Send + Sync + 'static {
    /// The moment now.
    fn now(&self) -> Instant;
}

/// The system's monotonic clock, from when it was made.
#[cfg(feature = "std")]
#[derive(Debug, Clone, Copy)]
pub struct SystemClock(std::time::Instant);

#[cfg(feature = "std")]
impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock(std::time::Instant::now())
    }
}

#[cfg(feature = "std")]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// A clock that stands still: nothing is timed in earnest. Waits that have a time limit end by the system's time, or,
/// without `std`, when they have looked at it some millions of times.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Instant {
        Instant::ZERO
    }
}

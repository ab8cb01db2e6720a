//! How the threads of a round wait: for each other, for room, for payloads; always spinning, never for ever.

use std::hint;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use crate::error::BenchError;

/// How long one phase of a round may take before a thread that waits in it gives the round up.
pub const STALL_LIMIT: Duration = Duration::from_secs(20);

/// Where the threads of a round wait for each other, spinning.
pub(crate) struct Meeting {
    threads: usize,
    arrived: AtomicUsize,
    /// Whether one of the threads has given up.
    pub(crate) failed: AtomicBool,
}

impl Meeting {
    pub(crate) fn of(threads: usize) -> Self {
        Self { threads, arrived: AtomicUsize::new(0), failed: AtomicBool::new(false) }
    }

    /// Waits until every thread has come as often as this one.
    pub(crate) fn wait(&self, patience: &mut Patience<'_>) -> Result<(), BenchError> {
        let before = self.arrived.fetch_add(1, Ordering::AcqRel);
        let all = (before / self.threads + 1) * self.threads;
        while self.arrived.load(Ordering::Acquire) < all {
            patience.wait()?;
        }
        Ok(())
    }
}

/// Spinning that ends if a phase takes longer than [`STALL_LIMIT`] or another thread failed.
pub(crate) struct Patience<'a> {
    name: &'static str,
    failed: &'a AtomicBool,
    spins: u32,
    deadline: Instant,
}

impl<'a> Patience<'a> {
    pub(crate) fn new(name: &'static str, failed: &'a AtomicBool) -> Self {
        Self { name, failed, spins: 0, deadline: Instant::now() + STALL_LIMIT }
    }

    /// One turn of a spin loop. The clock and the flag are looked at seldom, since they cost more than the turn.
    #[inline(always)]
    pub(crate) fn wait(&mut self) -> Result<(), BenchError> {
        hint::spin_loop();
        self.spins = self.spins.wrapping_add(1);
        if self.spins.is_multiple_of(1 << 16) { self.look() } else { Ok(()) }
    }

    #[cold]
    fn look(&self) -> Result<(), BenchError> {
        let over = self.failed.load(Ordering::Relaxed) || Instant::now() > self.deadline;
        if over { Err(BenchError::Stalled { name: self.name }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_when_another_thread_failed() {
        let meeting = Meeting::of(2);
        meeting.failed.store(true, Ordering::Relaxed);
        let mut patience = Patience::new("alone", &meeting.failed);
        assert!(matches!(meeting.wait(&mut patience), Err(BenchError::Stalled { name: "alone" })));
    }

    #[test]
    fn nobody_passes_before_all_have_come() {
        let meeting = Meeting::of(2);
        let phase = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..=100 {
                    phase.store(round, Ordering::Relaxed);
                    meeting.wait(&mut Patience::new("a", &meeting.failed)).unwrap();
                    meeting.wait(&mut Patience::new("a", &meeting.failed)).unwrap();
                }
            });
            for round in 1..=100 {
                meeting.wait(&mut Patience::new("b", &meeting.failed)).unwrap();
                assert_eq!(phase.load(Ordering::Relaxed), round);
                meeting.wait(&mut Patience::new("b", &meeting.failed)).unwrap();
            }
        });
    }
}

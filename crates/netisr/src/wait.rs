//! Waiting for something that others bring about.

use core::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::Instant;
use crate::StillHeld;
use crate::clock::Clock;
use crate::core_state::Core;
use crate::here;
use crate::sync;
use crate::sync::mutant;

/// Waits until `done` says yes. In the way is, besides time (`None`), a caller that is a worker itself, or runs while one
/// is polled on its thread: it cannot come by while it waits here.
pub(crate) fn complete(
    core: &Core,
    ctx: &Ctx<'_, Unlocked>,
    timeout: Duration,
    mut done: impl FnMut() -> bool,
) -> Result<(), Option<StillHeld>> {
    if done() {
        return Ok(());
    }
    if let Some(worker) = core.worker_of(ctx.seat()).or_else(|| here::worker(core)) {
        let own = alloc::format!(
            "worker {worker}, which waits here itself: it comes by when this handler or hook has returned"
        );
        return Err(Some(StillHeld { holders: alloc::vec![own] }));
    }
    if until(&*core.clock, timeout, done) { Ok(()) } else { Err(None) }
}

/// Asks until the answer is yes or time is up; gives the last answer. Time is up when the facility's clock says so,
/// or, for that may stand still, when [`Patience`] is at its end.
fn until(clock: &dyn Clock, timeout: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = clock.now();
    let mut patience = Patience::new(start);
    let mut asked = 0u32;
    loop {
        if done() {
            return true;
        }
        let now = clock.now();
        if now.since(start) >= timeout || patience.is_over(now, timeout) {
            return done();
        }
        asked = asked.saturating_add(1);
        relax(asked);
    }
}

/// How long to wait by a measure of our own: the system's time.
#[cfg(all(feature = "std", not(any(siding_loom, siding_shuttle))))]
struct Patience(std::time::Instant);

#[cfg(all(feature = "std", not(any(siding_loom, siding_shuttle))))]
impl Patience {
    fn new(_start: Instant) -> Patience {
        Patience(std::time::Instant::now())
    }

    fn is_over(&mut self, _now: Instant, timeout: Duration) -> bool {
        self.0.elapsed() >= timeout && !mutant("wait-trusts-the-clock")
    }
}

/// How long to wait by a measure of our own: there is no other clock, so one that has not moved on for so many looks
/// is taken to stand still.
#[cfg(any(not(feature = "std"), siding_loom, siding_shuttle))]
struct Patience {
    latest: Instant,
    looks: u32,
}

#[cfg(any(not(feature = "std"), siding_loom, siding_shuttle))]
impl Patience {
    /// A look costs tens of nanoseconds at the least; a clock that ticks, ticks within the tenth of a second.
    const LOOKS: u32 = 1 << 22;
    /// The least that a look costs, in nanoseconds: a short wait is over after fewer.
    const LOOK: u128 = 10;

    fn new(start: Instant) -> Patience {
        Patience { latest: start, looks: 0 }
    }

    fn is_over(&mut self, now: Instant, timeout: Duration) -> bool {
        self.looks = self.looks.saturating_add(1);
        if now > self.latest {
            (self.latest, self.looks) = (now, 0);
        }
        let enough = (timeout.as_nanos() / Self::LOOK).min(u128::from(Self::LOOKS));
        u128::from(self.looks) >= enough && !mutant("wait-trusts-the-clock")
    }
}

#[cfg(all(feature = "std", not(any(siding_loom, siding_shuttle))))]
fn relax(asked: u32) {
    match asked {
        // A worker that is awake comes by within a batch: microseconds.
        0..64 => sync::spin_loop(),
        64..256 => sync::yield_now(),
        _ => {
            std::thread::sleep(Duration::from_micros(50));
            sync::yield_now();
        }
    }
}

#[cfg(any(not(feature = "std"), siding_loom, siding_shuttle))]
fn relax(_asked: u32) {
    sync::yield_now();
}

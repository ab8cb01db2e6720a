//! Waiting for something that others bring about.

use core::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::StillHeld;
use crate::clock::Clock;
use crate::core_state::Core;
use crate::sync;

/// Waits until `done` says yes. In the way is, besides time (`None`), a caller that is a worker itself: it cannot
/// come by while it waits here.
pub(crate) fn complete(
    core: &Core,
    ctx: &Ctx<'_, Unlocked>,
    timeout: Duration,
    mut done: impl FnMut() -> bool,
) -> Result<(), Option<StillHeld>> {
    if done() {
        return Ok(());
    }
    if let Some(worker) = core.worker_of(ctx.seat()) {
        let own = alloc::format!(
            "worker {worker}, which waits here itself: it comes by when this handler has returned"
        );
        return Err(Some(StillHeld { holders: alloc::vec![own] }));
    }
    if until(&*core.clock, timeout, done) { Ok(()) } else { Err(None) }
}

/// Asks until the answer is yes or time is up; gives the last answer.
fn until(clock: &dyn Clock, timeout: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = clock.now();
    let mut asked = 0u32;
    loop {
        if done() {
            return true;
        }
        if clock.now().since(start) >= timeout {
            return done();
        }
        asked += 1;
        relax(asked);
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

//! Waiting for something that others bring about.

use core::time::Duration;

use crate::clock::Clock;
use crate::sync;

/// Asks until the answer is yes or time is up; gives the last answer.
pub(crate) fn until(clock: &dyn Clock, timeout: Duration, mut done: impl FnMut() -> bool) -> bool {
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
        _ => std::thread::sleep(Duration::from_micros(50)),
    }
}

#[cfg(any(not(feature = "std"), siding_loom, siding_shuttle))]
fn relax(_asked: u32) {
    sync::yield_now();
}

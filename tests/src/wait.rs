//! Waiting for something to become true, within bounds.

use std::thread;
use std::time::Duration;
use std::time::Instant;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks again and again until `look` finds something, and returns it.
///
/// # Panics
/// After `timeout`, with `what` was waited for.
pub fn wait_for<T>(what: &str, timeout: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {timeout:?} in vain for {what}");
        thread::sleep(PAUSE);
    }
}

//! A thread, or whoever comes by a named place, that panics, or stalls, because a test asks for it: what happens then is part of what we promise. Only in
//! builds with debug assertions; a release has nothing of it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

static ARMED: AtomicBool = AtomicBool::new(false);
static WHO: Mutex<Option<(String, bool)>> = Mutex::new(None);

/// The next thread of this name that comes by [`here`], or whoever comes by this place ([`at`]), panics, or stalls. False if this build has no such thing.
pub fn arm(thread: &str, stall: bool) -> bool {
    if cfg!(debug_assertions) {
        *WHO.lock().unwrap_or_else(PoisonError::into_inner) = Some((thread.to_owned(), stall));
        ARMED.store(true, Ordering::Release);
    }
    cfg!(debug_assertions)
}

/// Arms what the environment asks for: a place that comes before anybody can be asked over the control socket.
pub fn arm_by_environment() {
    if cfg!(debug_assertions)
        && let Ok(place) = std::env::var("SIDING_TRIP")
    {
        arm(&place, false);
    }
}

/// Panics, or stalls, if this thread is the one.
pub fn here() {
    if ARMED.load(Ordering::Acquire) {
        at(std::thread::current().name().unwrap_or_default());
    }
}

/// Panics, or stalls, if this place is the one.
pub fn at(place: &str) {
    if !cfg!(debug_assertions) || !ARMED.load(Ordering::Acquire) {
        return;
    }
    let mut who = WHO.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((name, stall)) = who.as_ref() else { return };
    if name == place {
        let stall = *stall;
        *who = None;
        ARMED.store(false, Ordering::Release);
        drop(who);
        assert!(stall, "a test asked for this");
        loop {
            std::thread::park();
        }
    }
}

//! A thread that panics because a test asks for it: what happens then is part of what we promise. Only in builds with
//! debug assertions; a release has nothing of it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

static ARMED: AtomicBool = AtomicBool::new(false);
static WHO: Mutex<Option<String>> = Mutex::new(None);

/// The next thread of this name that comes by [`here`] panics. False if this build has no such thing.
pub(crate) fn arm(thread: &str) -> bool {
    if cfg!(debug_assertions) {
        *WHO.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread.to_owned());
        ARMED.store(true, Ordering::Release);
    }
    cfg!(debug_assertions)
}

/// Panics if this thread is the one.
pub(crate) fn here() {
    if !cfg!(debug_assertions) || !ARMED.load(Ordering::Acquire) {
        return;
    }
    let mut who = WHO.lock().unwrap_or_else(PoisonError::into_inner);
    if who.as_deref() == std::thread::current().name() {
        *who = None;
        ARMED.store(false, Ordering::Release);
        drop(who);
        panic!("a test asked for this");
    }
}

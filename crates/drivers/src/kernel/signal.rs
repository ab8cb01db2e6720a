//! Signals kept from threads.

use std::mem::MaybeUninit;

/// Keeps a signal from the calling thread, and from those that it starts. What the kernel sends to a thread for what it
/// does itself (a file longer than allowed: SIGXFSZ) stays without effect then; the call fails with an error all the same.
pub fn hold_signal(signal: i32) {
    change(libc::SIG_BLOCK, signal);
}

/// Lets a signal come to the calling thread again.
pub fn admit_signal(signal: i32) {
    change(libc::SIG_UNBLOCK, signal);
}

fn change(how: i32, signal: i32) {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // JUSTIFICATION: neither the standard library nor rustix changes a thread's signal mask.
    // SAFETY: `sigemptyset` makes the set that the other two use; all three get a pointer to it that is valid over the
    // call. A number that is no signal makes `sigaddset` fail and leaves the set empty. A mask is the thread's own.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(how, set.as_ptr(), std::ptr::null_mut());
    }
}

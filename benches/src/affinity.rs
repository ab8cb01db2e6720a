//! Pinning a thread to a core.

use std::io;
use std::mem;

use crate::error::BenchError;

/// Pins the calling thread to `core`, counted from 0.
///
/// # Errors
/// [`BenchError::Pin`] if there is no such core or this process may not use it.
#[allow(unsafe_code, reason = "std cannot pin threads")]
pub fn pin(core: usize) -> Result<(), BenchError> {
    if core >= libc::CPU_SETSIZE as usize {
        return Err(BenchError::Pin { core, source: io::ErrorKind::InvalidInput.into() });
    }
    // JUSTIFICATION: neither std nor a crate of ours sets a thread's affinity, and an unpinned run measures the
    // scheduler.
    // SAFETY: a `cpu_set_t` is an array of integers, for which all zeroes is a value; `CPU_SET` gets an index below
    // CPU_SETSIZE, checked above; the pointer and the size given to the system describe the same live local.
    let outcome = unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, mem::size_of::<libc::cpu_set_t>(), &set)
    };
    if outcome == 0 { Ok(()) } else { Err(BenchError::Pin { core, source: io::Error::last_os_error() }) }
}

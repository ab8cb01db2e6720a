//! How long a thread runs before another one has its turn.

use std::io;
use std::mem::MaybeUninit;
use std::mem::size_of;
use std::time::Duration;

/// The shortest slice that the kernel grants.
const SHORTEST: Duration = Duration::from_micros(100);

/// Asks that the calling thread take its share of the processor in short slices: it gets no more of it, but sooner, for
/// of those that may run the kernel takes the one whose slice ends first. Who wakes up then need not wait until another
/// one has had a slice of its own, which is of some milliseconds. The priority stays what it is.
///
/// Linux 6.12 and later do so; those before take no notice. A thread that somebody has given a real-time class keeps
/// that.
///
/// # Errors
///
/// The system does not let a thread be changed; then all is as it was.
pub fn take_short_slices() -> io::Result<()> {
    let mut now = MaybeUninit::<libc::sched_attr>::zeroed();
    let size = size_of::<libc::sched_attr>() as libc::c_uint;
    // JUSTIFICATION: neither the standard library nor rustix has this call.
    // SAFETY: 0 is the calling thread; the kernel writes at most `size` bytes, which are there, and says how many there
    // are in the first field. All fields are integers, for which zeros are values as good as others.
    let mut attributes = unsafe {
        let read = libc::syscall(libc::SYS_sched_getattr, 0, now.as_mut_ptr(), size, 0);
        if read != 0 {
            return Err(io::Error::last_os_error());
        }
        now.assume_init()
    };
    if attributes.sched_policy != libc::SCHED_OTHER as u32 {
        return Ok(());
    }
    attributes.sched_runtime = SHORTEST.as_nanos() as u64;
    // JUSTIFICATION: as above.
    // SAFETY: the kernel reads as many bytes as the first field says, which the call above has set.
    match unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes() -> libc::sched_attr {
        let mut now = MaybeUninit::<libc::sched_attr>::zeroed();
        // SAFETY: as above.
        unsafe {
            let size = size_of::<libc::sched_attr>() as libc::c_uint;
            assert_eq!(libc::syscall(libc::SYS_sched_getattr, 0, now.as_mut_ptr(), size, 0), 0);
            now.assume_init()
        }
    }

    #[test]
    fn only_the_slice_of_a_thread_changes() {
        let before = attributes();
        take_short_slices().unwrap();
        let after = attributes();
        assert_eq!((before.sched_policy, before.sched_nice), (after.sched_policy, after.sched_nice));
        // Kernels before 6.12 tell no slice.
        assert!(after.sched_runtime == 0 || after.sched_runtime == SHORTEST.as_nanos() as u64);
        // A thread's own: another one has what it had.
        assert_eq!(std::thread::spawn(|| attributes().sched_nice).join().unwrap(), before.sched_nice);
    }
}

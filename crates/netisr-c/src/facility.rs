//! The facility's handle.

use std::ffi::c_int;
use std::ffi::c_void;
use std::sync::Arc;

use siding_netisr::Netisr;
use siding_netisr::Wake;

use crate::callback;
use crate::error::Failure;
use crate::error::guarded;
use crate::packet::Owned;
use crate::pointers::given;
use crate::pointers::place;
use crate::pointers::take_back;
use crate::state::State;

/// A facility: its types, interfaces and workers.
#[derive(Debug)]
pub struct SidingNetisr {
    pub(crate) netisr: Netisr<Owned, State>,
}

/// Rouses worker `worker`. Called in a dispatch, under whatever locks are held there: it must not block or lock. A
/// write to an eventfd will do.
pub type SidingWake = Option<unsafe extern "C" fn(arg: *mut c_void, worker: usize)>;

/// Sizes and services of a facility.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SidingConfig {
    /// 1 to 1,024.
    pub workers: usize,
    /// How many interfaces there can be at a time, 1 to 65,536.
    pub interfaces: usize,
    /// NULL for workers that are polled all the time.
    pub wake: SidingWake,
    /// For `wake`.
    pub wake_arg: *mut c_void,
}

struct Waker {
    wake: unsafe extern "C" fn(*mut c_void, usize),
    arg: *mut c_void,
}

// SAFETY: the pointer is the C side's, and is only passed on; that it is fit for all threads that dispatch is what it
// is told to see to.
unsafe impl Send for Waker {}
// SAFETY: as above.
unsafe impl Sync for Waker {}

impl Wake for Waker {
    fn wake(&self, worker: usize) {
        // SAFETY: function and argument were given for this.
        callback::call("wake", None, || unsafe { (self.wake)(self.arg, worker) });
    }
}

/// Builds a facility.
///
/// # Safety
///
/// Pointers are NULL or good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_netisr_new(
    config: *const SidingConfig,
    netisr: *mut *mut SidingNetisr,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (config, netisr) = unsafe { (given(config)?, place(netisr)?) };
        let mut builder = Netisr::builder().workers(config.workers).interfaces(config.interfaces);
        if let Some(wake) = config.wake {
            builder = builder.wake(Arc::new(Waker { wake, arg: config.wake_arg }));
        }
        let built = builder.build().map_err(|why| Failure::argument(&why.to_string()))?;
        netisr.hand_out(SidingNetisr { netisr: built });
        Ok(())
    })
}

/// Gives the handle back. The facility goes when those of its workers, departures and unregisterings have been given back,
/// too; what waits is abandoned then, or with the last handle of its type.
///
/// # Safety
///
/// NULL, or a handle that is not in use and not given back yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_netisr_free(netisr: *mut SidingNetisr) {
    guarded(|| {
        // SAFETY: as promised.
        drop(unsafe { take_back(netisr) });
        Ok(())
    });
}

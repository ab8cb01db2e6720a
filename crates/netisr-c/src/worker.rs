//! Workers: polled by the C side, in loops of its own.

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

use siding_netisr::Worker;

use crate::error::*;
use crate::facility::SidingNetisr;
use crate::handle::Handle;
use crate::handle::Single;
use crate::handle::give_back;
use crate::held::free_of_all;
use crate::packet::Owned;
use crate::pointers::*;
use crate::state::SidingDepart;
use crate::state::State;

/// The right to poll one worker, and its state.
#[derive(Debug)]
pub struct SidingWorker {
    polled: Single<Polling>,
}

/// A worker and its state.
#[derive(Debug)]
pub(crate) struct Polling {
    worker: Worker<Owned, State>,
    state: State,
}

impl Handle for SidingWorker {
    type What = Polling;

    fn single(&self) -> &Single<Self::What> {
        &self.polled
    }
}

/// What one poll did.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SidingPolled {
    /// Packets that were handled.
    pub handled: usize,
    /// Whether packets may still be waiting: poll again before sleeping.
    pub more: bool,
}

/// Claims worker `index`, from 0. `depart` may be NULL, for a state that names no interfaces.
///
/// # Safety
///
/// Pointers are NULL or good; `depart` and the handlers may be called with `state` by the thread that polls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_worker_claim(
    netisr: *const SidingNetisr,
    index: usize,
    state: *mut c_void,
    depart: SidingDepart,
    worker: *mut *mut SidingWorker,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (netisr, worker) = unsafe { (given(netisr)?, place(worker)?) };
        let taken = || {
            let why = match netisr.netisr.workers() {
                workers if index < workers => format!("worker {index} is taken"),
                workers => format!("there is no worker {index}: the last of {workers} is {}", workers - 1),
            };
            Failure(SIDING_E_TAKEN, why)
        };
        let claimed = netisr.netisr.worker(index).ok_or_else(taken)?;
        let polled = Single::new(Polling { worker: claimed, state: State { state, depart } });
        worker.hand_out(SidingWorker { polled });
        Ok(())
    })
}

/// Handles packets that wait for this worker, at most `budget`, and carries out what control has ordered. Not under a
/// lock, nor in a callback. `polled` may be NULL.
///
/// # Safety
///
/// Pointers are NULL or good; no other thread uses the worker; `here` is a text that ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_worker_poll(
    worker: *mut SidingWorker,
    budget: usize,
    polled: *mut SidingPolled,
    here: *const c_char,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (worker, polled, here) = unsafe { (given(worker)?, place_if_given(polled)?, text(here)?) };
        free_of_all(here)?;
        let mut in_use = worker.polled.take()?;
        let Polling { worker, state } = &mut *in_use;
        let done = worker.poll(state, budget);
        if let Some(polled) = polled {
            polled.put(SidingPolled { handled: done.handled, more: done.more });
        }
        Ok(())
    })
}

/// Gets ready to sleep. `asleep` says whether nothing is pending: then the thread may block until the facility's wake
/// function is called for this worker, and calls `siding_worker_awake` afterwards.
///
/// # Safety
///
/// Pointers are NULL or good; no other thread uses the worker; `here` is a text that ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_worker_prepare_sleep(
    worker: *mut SidingWorker,
    asleep: *mut bool,
    here: *const c_char,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (worker, asleep, here) = unsafe { (given(worker)?, place(asleep)?, text(here)?) };
        free_of_all(here)?;
        asleep.put(worker.polled.take()?.worker.prepare_sleep());
        Ok(())
    })
}

/// Ends a sleep, woken or not.
///
/// # Safety
///
/// The worker is NULL or good, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_worker_awake(worker: *mut SidingWorker) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        unsafe { given(worker) }?.polled.take()?.worker.awake();
        Ok(())
    })
}

/// Lets go of the worker: somebody else may claim it. Not while it is polled, which is answered.
///
/// # Safety
///
/// NULL, or a worker that is not let go yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_worker_release(worker: *mut SidingWorker) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        unsafe { give_back(worker) }
    })
}

//! Workers: polled by the C side, in loops of its own.

use std::cell::Cell;
use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Worker;

use crate::callback;
use crate::error::*;
use crate::facility::SidingNetisr;
use crate::handle::Handle;
use crate::handle::Single;
use crate::handle::give_back;
use crate::held::free_of_all;
use crate::packet::Owned;
use crate::pointers::*;

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

/// To be asked, while a worker lets go of what departs, which interfaces stay: [`siding_stays`].
#[derive(Debug)]
pub struct SidingStays {
    _opaque: (),
}

/// Some interfaces may be departing: lets go of everything in `state` that names one that does not stay.
pub type SidingDepart = Option<unsafe extern "C" fn(state: *mut c_void, stays: *const SidingStays)>;

/// What one poll did.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SidingPolled {
    /// Packets that were handled.
    pub handled: usize,
    /// Whether packets may still be waiting: poll again before sleeping.
    pub more: bool,
}

/// The C side's state of a worker.
#[derive(Debug)]
pub struct State {
    pub(crate) state: *mut c_void,
    depart: SidingDepart,
}

// SAFETY: the pointer is the C side's, and is only passed on, on the thread that polls.
unsafe impl Send for State {}

/// What a [`SidingStays`] really points to.
struct Asked<'d>(&'d dyn Fn(IfId) -> bool);

thread_local! {
    /// What may be asked while a `depart` runs; else NULL.
    static ASKED: Cell<*const SidingStays> = const { Cell::new(std::ptr::null()) };
}

impl Local for State {
    fn depart(&mut self, stays: &dyn Fn(IfId) -> bool) {
        let asked = Asked(stays);
        if let Some(depart) = self.depart {
            let stays = std::ptr::from_ref(&asked).cast();
            ASKED.set(stays);
            // SAFETY: function and state were given with the worker for this; what is asked lives until it returns.
            callback::call("depart", None, || unsafe { depart(self.state, stays) });
            ASKED.set(std::ptr::null());
        }
    }
}

/// Whether interface `id` stays. Only in the function that was given `stays`, on its thread: afterwards none does, and the
/// text of the last error says so.
///
/// # Safety
///
/// None: `stays` is compared before it is followed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_stays(stays: *const SidingStays, id: u64) -> bool {
    let mut answer = false;
    guarded(|| {
        if stays.is_null() || stays != ASKED.get() {
            return Err(Failure::argument(
                "only the `depart` that was given it may ask what stays, until it returns",
            ));
        }
        // SAFETY: `depart` above has set it, and has not returned.
        let asked = unsafe { &*stays.cast::<Asked<'_>>() };
        answer = (asked.0)(IfId::from_u64(id));
        Ok(())
    });
    answer
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

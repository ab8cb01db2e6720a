//! The C side's state of a worker, and what it lets go of when interfaces depart.

use std::cell::Cell;
use std::ffi::c_void;

use siding_netisr::IfId;
use siding_netisr::Local;

use crate::callback;
use crate::error::Failure;
use crate::error::guarded;

/// To be asked, while a worker lets go of what departs, which interfaces stay: [`siding_stays`].
#[derive(Debug)]
pub struct SidingStays {
    _opaque: (),
}

/// Some interfaces may be departing: lets go of everything in `state` that names one that does not stay.
pub type SidingDepart = Option<unsafe extern "C" fn(state: *mut c_void, stays: *const SidingStays)>;

/// The C side's state of a worker.
#[derive(Debug)]
pub struct State {
    pub(crate) state: *mut c_void,
    pub(crate) depart: SidingDepart,
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

//! Interfaces: attached, and detached.

use std::ffi::c_char;
use std::ffi::c_int;
use std::time::Duration;

use siding_netisr::Departure;
use siding_netisr::IfId;

use crate::callback::waiting;
use crate::callback::with_token;
use crate::error::*;
use crate::facility::SidingNetisr;
use crate::handle::Handle;
use crate::handle::Single;
use crate::handle::give_back;
use crate::held::free_of_all;
use crate::packet::Owned;
use crate::pointers::*;
use crate::state::State;

/// A departure under way.
#[derive(Debug)]
pub struct SidingDeparture {
    departure: Single<Departure<Owned, State>>,
}

impl Handle for SidingDeparture {
    type What = Departure<Owned, State>;

    fn single(&self) -> &Single<Self::What> {
        &self.departure
    }
}

/// Gives an interface an identity, never 0 and never used again.
///
/// # Safety
///
/// Pointers are NULL or good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_attach(netisr: *const SidingNetisr, id: *mut u64) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (netisr, id) = unsafe { (given(netisr)?, place(id)?) };
        let none = || Failure(SIDING_E_NO_ROOM, "all places for interfaces are in use".into());
        id.put(netisr.netisr.attach().ok_or_else(none)?.as_u64());
        Ok(())
    })
}

/// Marks an interface dying: from here on every dispatch that names it is refused. Call it *before* anything of the
/// interface is torn down. Under any locks, and in a callback; does not wait. `SIDING_E_GONE` if it was marked before and
/// somebody has its departure, or has gone; a departure whose handle was given back early is taken up again.
///
/// # Safety
///
/// Pointers are NULL or good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_detach(
    netisr: *const SidingNetisr,
    id: u64,
    departure: *mut *mut SidingDeparture,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (netisr, departure) = unsafe { (given(netisr)?, place(departure)?) };
        let begun = with_token(|token| netisr.netisr.detach(token, IfId::from_u64(id)))?;
        let begun = begun.map_err(|_| {
            let why = "is not attached: it is departing already, or has gone";
            Failure(SIDING_E_GONE, format!("interface {id:#x} {why}"))
        })?;
        departure.hand_out(SidingDeparture { departure: Single::new(begun) });
        Ok(())
    })
}

/// Waits until the interface has gone: no handler runs or will run with it, and none of its packets waits. 0
/// milliseconds: only asks. Not under a lock, nor in a callback.
///
/// # Safety
///
/// Pointers are NULL or good; `here` is a text that ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_departure_wait(
    departure: *mut SidingDeparture,
    milliseconds: u64,
    here: *const c_char,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (departure, here) = unsafe { (given(departure)?, text(here)?) };
        free_of_all(here)?;
        let timeout = Duration::from_millis(milliseconds);
        let mut departure = departure.departure.take()?;
        let outcome = waiting(|token| departure.wait(token, timeout))?;
        outcome.map_err(|held| Failure(SIDING_E_TIMEOUT, held.to_string()))
    })
}

/// Gives the handle back; not while it is in use, which is answered. The departure goes on.
///
/// # Safety
///
/// NULL, or a handle that is not given back yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_departure_free(departure: *mut SidingDeparture) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        unsafe { give_back(departure) }
    })
}

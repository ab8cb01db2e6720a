//! Room that is reserved before a lock is taken.

use std::ffi::c_int;

use siding_netisr::Permit;

use crate::callback::with_token;
use crate::error::*;

use crate::packet::Owned;
use crate::packet::SidingPacket;
use crate::pointers::*;
use crate::state::State;
use crate::types::SidingType;

/// Room for one packet.
#[derive(Debug)]
pub struct SidingPermit {
    permit: Permit<Owned, (), State>,
    drop: crate::packet::SidingDrop,
    arg: *mut std::ffi::c_void,
}

/// Sets room for one packet aside, before a lock is taken, say. `key` points to the key of the packet to come, for types that
/// are ordered by flow; NULL if it is not known. A permit takes up a place at each worker until it is used, unless it is
/// known which worker it will be: by the key, or because a handler reserves for its own worker.
///
/// # Safety
///
/// Pointers are NULL or good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_reserve(
    kind: *const SidingType,
    key: *const u64,
    permit: *mut *mut SidingPermit,
) -> c_int {
    let mut refused = SIDING_OK;
    let outcome = guarded(|| {
        // SAFETY: as promised.
        let (kind, key, permit) = unsafe { (given(kind)?, if_given(key)?, place(permit)?) };
        let reserved = with_token(|token| kind.kind.reserve(token, key.copied()))?;
        match reserved {
            Ok(reserved) => {
                let (drop, arg) = kind.end();
                permit.hand_out(SidingPermit { permit: reserved, drop, arg });
                Ok(())
            }
            Err(cause) => {
                refused = refusal(cause);
                Ok(())
            }
        }
    });
    or_refused(outcome, refused)
}

/// Queues a packet in the room that was reserved, also while its type is being unregistered, which waits for permits. Only
/// departure refuses it; and `SIDING_E_OTHER_FLOW`, if its key is not the one that was reserved for, or a handler's permit
/// is used elsewhere. The permit is used up, whatever the answer.
///
/// # Safety
///
/// Pointers are NULL or good; the permit is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_permit_dispatch(
    permit: *mut SidingPermit,
    packet: *const SidingPacket,
) -> c_int {
    let mut refused = SIDING_OK;
    let outcome = guarded(|| {
        // SAFETY: as promised.
        let permit = unsafe { take_back(permit) }.ok_or_else(|| Failure::argument("a permit is NULL"))?;
        // SAFETY: as promised.
        let packet = unsafe { given(packet) }?;
        let SidingPermit { permit, drop, arg } = permit;
        // Made in there: as long as there is no token, the packet is not ours.
        let result = with_token(|token| permit.dispatch(token, Owned { view: *packet, drop, arg }, ()))?;
        if let Err(back) = result {
            refused = refusal(back.cause);
            back.packet.into_view();
        }
        Ok(())
    });
    or_refused(outcome, refused)
}

/// Gives the room back.
///
/// # Safety
///
/// NULL, or a permit that was neither used nor given back yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_permit_free(permit: *mut SidingPermit) {
    guarded(|| {
        // SAFETY: as promised.
        drop(unsafe { take_back(permit) });
        Ok(())
    });
}

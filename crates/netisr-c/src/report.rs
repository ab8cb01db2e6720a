//! Counters.

use std::ffi::c_char;
use std::ffi::c_int;

use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::LaneReport;
use siding_netisr::Refusals;

use crate::error::*;
use crate::facility::SidingNetisr;
use crate::pointers::*;
use crate::types::SidingType;

/// What became of packets. They only grow, but for `resident`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SidingCounters {
    /// Were accepted (0 in an interface's counters). Modulo 2^47 for each worker.
    pub accepted: u64,
    /// Were given to the handler, the one that it has in hand included.
    pub handled: u64,
    /// Were dropped, for an interface that they named departed.
    pub departed: u64,
    /// Were dropped, for their type was unregistered.
    pub flushed: u64,
    /// Made room for newer ones.
    pub dropped_oldest: u64,
    /// Wait, without the one that the handler has in hand (0 in an interface's counters).
    pub resident: u64,
    /// Went back to their callers, for an interface was departing or had gone.
    pub refused_departed: u64,
    /// The same, at the limit.
    pub refused_full: u64,
    /// The same, at the interface's share.
    pub refused_share: u64,
    /// The same, for any other reason.
    pub refused_otherwise: u64,
}

impl SidingCounters {
    fn of_type(total: &LaneReport) -> SidingCounters {
        SidingCounters {
            accepted: total.accepted,
            handled: total.handled,
            departed: total.departed,
            flushed: total.flushed,
            dropped_oldest: total.dropped_oldest,
            resident: total.resident,
            ..SidingCounters::default()
        }
        .refusals(&total.refused)
    }

    fn refusals(mut self, refused: &Refusals) -> SidingCounters {
        self.refused_departed = refused.of(Cause::Departed);
        self.refused_full = refused.of(Cause::Full);
        self.refused_share = refused.of(Cause::Share);
        let told = self.refused_departed + self.refused_full + self.refused_share;
        self.refused_otherwise = refused.total() - told;
        self
    }
}

/// Reads the counters of a registered type, over all workers.
///
/// # Safety
///
/// Pointers are NULL or good; `name` is a text that ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_type_report(
    netisr: *const SidingNetisr,
    name: *const c_char,
    counters: *mut SidingCounters,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (netisr, name, counters) = unsafe { (given(netisr)?, text(name)?, place(counters)?) };
        let kinds = netisr.netisr.types();
        let gone = || Failure(SIDING_E_GONE, format!("no packet type '{name}' is registered"));
        let total = kinds.iter().find(|kind| kind.name == name).ok_or_else(gone)?.total();
        counters.put(SidingCounters::of_type(&total));
        Ok(())
    })
}

/// Reads the counters of a type by its handle, over all workers; also when it has been unregistered and is gone: what its
/// packets came to in the end.
///
/// # Safety
///
/// Pointers are NULL or good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_type_counters(
    kind: *const SidingType,
    counters: *mut SidingCounters,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (kind, counters) = unsafe { (given(kind)?, place(counters)?) };
        counters.put(SidingCounters::of_type(&kind.kind.report().total()));
        Ok(())
    })
}

/// Reads the counters of an interface, over all types and workers. Of one that has gone, too, until another one has its
/// place; zeros from then on, and for one that there never was.
///
/// # Safety
///
/// Pointers are NULL or good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_interface_report(
    netisr: *const SidingNetisr,
    id: u64,
    counters: *mut SidingCounters,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (netisr, counters) = unsafe { (given(netisr)?, place(counters)?) };
        let report = netisr.netisr.interface(IfId::from_u64(id));
        let told = SidingCounters {
            handled: report.handled,
            departed: report.departed,
            flushed: report.flushed,
            dropped_oldest: report.dropped_oldest,
            ..SidingCounters::default()
        }
        .refusals(&report.refused);
        counters.put(told);
        Ok(())
    })
}

/// Checks that every packet of every type has one fate. To be called when nothing is under way.
///
/// # Safety
///
/// The handle is NULL or good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_check_conservation(netisr: *const SidingNetisr) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let netisr = unsafe { given(netisr) }?;
        netisr.netisr.check_conservation().map_err(|why| Failure(SIDING_E_IMBALANCE, why.to_string()))
    })
}

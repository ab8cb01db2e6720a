//! The one facade through which the project sees atomics, locks and threads.
//!
//! The same source runs on std, on bare `core` (spin locks), under loom (`--cfg siding_loom`, every
//! interleaving of a small scenario) and under shuttle (`--cfg siding_shuttle`, many schedules of a large
//! one). Nothing that the checkers must see may come from anywhere else.

#[cfg(not(any(siding_loom, siding_shuttle)))]
#[path = "native.rs"]
mod imp;

#[cfg(siding_loom)]
#[path = "loom.rs"]
mod imp;

#[cfg(siding_shuttle)]
#[path = "shuttle.rs"]
mod imp;

/// Atomics that the checkers do not see: identities, hints and counters, which order nothing.
pub mod plain {
    #[cfg(target_has_atomic = "64")]
    pub use core::sync::atomic::AtomicU64;
    #[cfg(not(target_has_atomic = "64"))]
    pub use portable_atomic::AtomicU64;
}
pub mod spin;
pub mod spin_rw;

pub use imp::*;

/// Whether the code is to be broken in the way that `name` says, so that a test can show that it would
/// notice. Always false, and gone from the machine code, outside the checkers' builds.
#[cfg(not(any(siding_loom, siding_shuttle, siding_mutants)))]
#[inline(always)]
pub const fn mutant(_name: &str) -> bool {
    false
}

#[cfg(any(siding_loom, siding_shuttle, siding_mutants))]
mod mutants {
    use std::string::String;
    use std::string::ToString;
    use std::sync::PoisonError;
    use std::sync::RwLock;

    static ACTIVE: RwLock<Option<String>> = RwLock::new(None);

    /// Whether the code is to be broken in the way that `name` says.
    pub fn mutant(name: &str) -> bool {
        ACTIVE.read().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(name)
    }

    /// Breaks the code in one way, or mends it.
    pub fn set_mutant(name: Option<&str>) {
        *ACTIVE.write().unwrap_or_else(PoisonError::into_inner) = name.map(ToString::to_string);
    }
}

#[cfg(any(siding_loom, siding_shuttle, siding_mutants))]
pub use mutants::*;

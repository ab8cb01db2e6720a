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

#[cfg(any(not(feature = "std"), test))]
pub mod spin;

pub use imp::*;

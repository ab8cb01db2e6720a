//! The routes of the stack: one table for each family, that control changes in place and workers read without locks.
//!
//! # Locks
//!
//! The ribs' locks are leaves, held by control for a change and by whoever lists routes; also on a worker, when what it
//! heard or a timer changes what control knows. No packet waits for them. # Teardown: the last configuration drops the tables.

use std::fmt;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Arc;

use siding_netisr::IfId;
use siding_netisr::sync;
use siding_netisr::sync::Mutex;
use siding_netisr::sync::MutexGuard;

use crate::route::Address;
use crate::route::Fib;
use crate::route::Rib;
use crate::route::Way;

/// A handle on the routes. Clones have the same.
#[derive(Clone)]
pub(crate) struct Routes {
    /// What the data path reads.
    pub(crate) six: Fib<Ipv6Addr>,
    pub(crate) four: Fib<Ipv4Addr>,
    rib6: Arc<Mutex<Rib<Ipv6Addr>>>,
    rib4: Arc<Mutex<Rib<Ipv4Addr>>>,
}

impl Default for Routes {
    fn default() -> Routes {
        let ((six, rib6), (four, rib4)) = (table(), table());
        Routes { six, four, rib6, rib4 }
    }
}

/// An empty table. Not inlined: a configuration is made on small stacks, too, those of the checkers.
#[inline(never)]
fn table<A: Address>() -> (Fib<A>, Arc<Mutex<Rib<A>>>) {
    #[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
    TABLES.with(|made| made.set(made.get() + 1));
    let rib = Rib::default();
    (rib.fib(), Arc::new(Mutex::new(rib)))
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
thread_local! {
    /// How many tables a test has made: one is half a megabyte.
    pub(crate) static TABLES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Routes {
    /// All of IPv6, to be listed or, by holders of the control lock, to be changed.
    pub(crate) fn rib6(&self) -> MutexGuard<'_, Rib<Ipv6Addr>> {
        sync::lock(&self.rib6)
    }

    /// The same of IPv4.
    pub(crate) fn rib4(&self) -> MutexGuard<'_, Rib<Ipv4Addr>> {
        sync::lock(&self.rib4)
    }
}

/// The interface by which packets to `dst` would leave if all were well.
pub(crate) fn meant<A: Address>(fib: &Fib<A>, dst: A) -> Option<IfId> {
    match fib.lookup_where(dst, || 0, |way| matches!(way, Way::Out { .. }))? {
        Way::Out { interface, .. } => Some(interface),
        Way::Refused(_) => None,
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").finish_non_exhaustive()
    }
}

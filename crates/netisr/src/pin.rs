//! Pins that are held for longer than a dispatch.
//!
//! # Locks
//!
//! Control's, for a look-up. # Teardown: a pin that is forgotten is held for good, and named for as long.

use alloc::sync::Arc;
use core::fmt;
use core::panic::Location;

use crate::IfId;
use crate::Local;
use crate::Netisr;
use crate::Packet;
use crate::control::Inner;
use crate::pins::Site;

/// Keeps an interface from departing until it is dropped. See [`Netisr::pin`](crate::Netisr::pin).
#[must_use = "a pin that is dropped keeps nothing"]
pub struct Pin<P: Packet, W: Local = ()> {
    inner: Arc<Inner<P, W>>,
    id: IfId,
    site: Site,
}

impl<P: Packet, W: Local> Netisr<P, W> {
    /// Keeps an interface from departing while something outside the facility uses it. The departure waits,
    /// and names `what` and the caller's position if that takes too long. `None` if it is departing.
    #[track_caller]
    pub fn pin(&self, id: IfId, what: &'static str) -> Option<Pin<P, W>> {
        let site = Site { what, at: Location::caller() };
        let pinned = !id.is_none()
            && self.inner.with_control(|control| control.pins.add(&self.inner.core.gates, id, site));
        pinned.then(|| Pin { inner: self.inner.clone(), id, site })
    }
}

impl<P: Packet, W: Local> Drop for Pin<P, W> {
    fn drop(&mut self) {
        let gates = &self.inner.core.gates;
        let last = self.inner.with_control(|control| control.pins.remove(gates, self.id, self.site));
        if last && !gates.is_open(self.id) && self.inner.leaving_hint.is_for_workers() {
            // A departure that nobody asks after: the workers go on with it.
            self.inner.core.order();
        }
    }
}

impl<P: Packet, W: Local> fmt::Debug for Pin<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pin").field(&self.id).finish()
    }
}

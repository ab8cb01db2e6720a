//! Pins that are held for longer than a dispatch.

use alloc::sync::Arc;
use core::fmt;
use core::panic::Location;

use crate::IfId;
use crate::Local;
use crate::Packet;
use crate::netisr::Inner;

/// Keeps an interface from departing until it is dropped. See [`Netisr::pin`](crate::Netisr::pin).
pub struct Pin<P: Packet, W: Local = ()> {
    pub(crate) inner: Arc<Inner<P, W>>,
    pub(crate) id: IfId,
    pub(crate) number: u64,
}

impl<P: Packet, W: Local> Drop for Pin<P, W> {
    fn drop(&mut self) {
        self.inner.release(self.number);
        self.inner.core.gates.unpin(self.id);
    }
}

impl<P: Packet, W: Local> fmt::Debug for Pin<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pin").field(&self.id).finish()
    }
}

/// Who holds a pin, and where it was taken.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) number: u64,
    pub(crate) id: IfId,
    pub(crate) what: &'static str,
    pub(crate) at: &'static Location<'static>,
}

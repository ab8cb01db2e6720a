//! Views of the C side's packets.

use std::ffi::c_void;

use siding_netisr::Fate;
use siding_netisr::IfId;
use siding_netisr::Packet;

use crate::callback;

/// How many interfaces a view can name.
pub const SIDING_INTERFACES: usize = 4;

/// A view of a packet of the C side's, with the state that is captured when it is dispatched.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SidingPacket {
    /// The packet itself: an mbuf, say. Never looked into.
    pub data: *mut c_void,
    /// The interfaces that it names, 0 for none. The first that is not 0 pays its share of the queue.
    pub interfaces: [u64; SIDING_INTERFACES],
    /// Which flow it is of, for types that are ordered by flow.
    pub key: u64,
    /// The state that the handler is to have, by value.
    pub meta: [u64; 4],
}

/// What becomes of a packet that was accepted and is not handled.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SidingFate {
    /// An interface that it names has departed.
    Departed = 0,
    /// Its type was unregistered.
    Flushed = 1,
    /// It made room for a newer one.
    DroppedOldest = 2,
    /// It still waited when the facility went.
    Abandoned = 3,
}

impl From<Fate> for SidingFate {
    fn from(fate: Fate) -> SidingFate {
        match fate {
            // The code of a view that is asked what it names does not panic.
            Fate::Departed | Fate::Panicked => SidingFate::Departed,
            Fate::Flushed => SidingFate::Flushed,
            Fate::DroppedOldest => SidingFate::DroppedOldest,
        }
    }
}

/// Takes a packet that is not handled: to be freed.
pub type SidingDrop =
    Option<unsafe extern "C" fn(arg: *mut c_void, packet: *const SidingPacket, fate: SidingFate)>;

/// A packet that the facility owns.
pub(crate) struct Owned {
    pub(crate) view: SidingPacket,
    pub(crate) drop: SidingDrop,
    pub(crate) arg: *mut c_void,
}

// SAFETY: the view is plain numbers, and pointers that only the C side follows; that its packets and `arg` are fit for
// the worker's thread is what it is told to see to.
unsafe impl Send for Owned {}

impl Owned {
    /// Gives the packet away: what becomes of it is no affair of the facility's any more.
    pub(crate) fn into_view(self) -> SidingPacket {
        let view = self.view;
        std::mem::forget(self);
        view
    }

    /// Ends the packet with its fate.
    pub(crate) fn end(self, fate: SidingFate) {
        let (drop, arg) = (self.drop, self.arg);
        let view = self.into_view();
        if let Some(drop) = drop {
            // SAFETY: the function was given with the type for this, with its `arg`; the view lives until it returns.
            callback::call("drop", None, || unsafe { drop(arg, &view, fate) });
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let again = Owned { view: self.view, drop: self.drop, arg: self.arg };
        again.end(SidingFate::Abandoned);
    }
}

impl Packet for Owned {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        self.view.interfaces.iter().for_each(|id| visit(IfId::from_u64(*id)));
    }
}

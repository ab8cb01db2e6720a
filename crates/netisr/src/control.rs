//! What control knows: the types, the free slots, who pins, and what is on its way out.
//!
//! # Locks
//!
//! `control` guards all of it. It is a leaf: nothing is called and nobody is waited for under it, and dispatch never takes it.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::IfId;
use crate::Local;
use crate::Packet;
use crate::any_type::AnyType;
use crate::core_state::Core;
use crate::pins::Pins;
use crate::sync;
use crate::wake::MOST_TYPES;

mod leaving;

pub(crate) use leaving::Hint;
pub(crate) use leaving::Leaving;
pub(crate) use leaving::UnderWay;

pub(crate) type Types<P, W> = [Option<Arc<dyn AnyType<P, W>>>; MOST_TYPES];

/// The types and the number of their changes, if there are some.
type Changed<P, W> = Option<(u64, Types<P, W>)>;

/// What all handles on a facility, and its workers, refer to.
pub(crate) struct Inner<P: Packet, W: Local> {
    pub(crate) core: Arc<Core>,
    pub(crate) control: sync::Mutex<Control<P, W>>,
    pub(crate) leaving_hint: Hint,
}

/// What is changed under the lock.
pub(crate) struct Control<P: Packet, W: Local> {
    pub(crate) types: Types<P, W>,
    /// Counts the changes of `types`.
    pub(crate) version: u64,
    /// Slots whose interface has gone, or that never had one, oldest first.
    pub(crate) free: VecDeque<usize>,
    /// Who holds pins for longer than a dispatch.
    pub(crate) pins: Pins,
    /// Departures and unregisterings under way.
    pub(crate) leaving: Leaving<P, W>,
}

impl<P: Packet, W: Local> Inner<P, W> {
    /// Runs `work`, which is our own, under control's lock.
    pub(crate) fn with_control<O>(&self, work: impl FnOnce(&mut Control<P, W>) -> O) -> O {
        work(&mut sync::lock(&self.control))
    }

    /// The types, if they have changed since `version`; and the bits, in a lane's names, of all interfaces that are
    /// departing.
    pub(crate) fn look_up(&self, version: u64) -> (Changed<P, W>, u64) {
        let control = sync::lock(&self.control);
        let types = (control.version != version).then(|| (control.version, control.types.clone()));
        (types, control.leaving.going())
    }

    pub(crate) fn types(&self) -> Vec<Arc<dyn AnyType<P, W>>> {
        sync::lock(&self.control).types.iter().flatten().cloned().collect()
    }

    /// Who pins the interface, in words.
    pub(crate) fn holders_of(&self, id: IfId) -> Vec<String> {
        sync::lock(&self.control).pins.holders_of(id)
    }

    /// The name of the type whose handler worker `worker` is running.
    pub(crate) fn running(&self, worker: usize) -> Option<String> {
        self.types().iter().find(|kind| kind.runs_at(worker)).map(|kind| kind.name().to_string())
    }
}

impl<P: Packet, W: Local> Control<P, W> {
    /// Takes a type off the list, so that workers forget it when they are told. Somebody else keeps it.
    pub(crate) fn forget(&mut self, kind: &dyn AnyType<P, W>) {
        let place = &mut self.types[kind.bit() as usize];
        if place.as_ref().is_some_and(|found| core::ptr::addr_eq(found.state(), kind.state())) {
            *place = None;
        }
        self.version += 1;
    }
}

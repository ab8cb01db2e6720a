//! Pins that are held for longer than a dispatch.
//!
//! # Locks
//!
//! Control's, for a look-up: what is counted there cannot run over, whatever is forgotten, and the gate carries one pin
//! for all that an interface has. # Teardown: a pin that is forgotten is held for good, and named for as long.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::panic::Location;

use crate::IfId;
use crate::Local;
use crate::Netisr;
use crate::Packet;
use crate::gate::Gates;
use crate::netisr::Inner;
use crate::sync::mutant;

/// Keeps an interface from departing until it is dropped. See [`Netisr::pin`](crate::Netisr::pin).
#[must_use = "a pin that is dropped keeps nothing"]
pub struct Pin<P: Packet, W: Local = ()> {
    inner: Arc<Inner<P, W>>,
    id: IfId,
    site: Site,
}

/// What pins, and where the pin was taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Site {
    what: &'static str,
    at: &'static Location<'static>,
}

/// All pins, by interface. It grows with the places in the program that pin, not with the pins.
#[derive(Default)]
pub(crate) struct Pins(BTreeMap<IfId, Held>);

/// The pins of one interface, of which there is one at least.
struct Held {
    count: u64,
    sites: BTreeMap<Site, u64>,
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

impl Pins {
    /// False if the interface is departing.
    fn add(&mut self, gates: &Gates, id: IfId, site: Site) -> bool {
        let held = match self.0.entry(id) {
            // The gate is pinned already, and stays so while this look at it counts.
            Entry::Occupied(held) if gates.is_open(id) => held.into_mut(),
            Entry::Vacant(free) if gates.pin(id) => free.insert(Held { count: 0, sites: BTreeMap::new() }),
            _ => return false,
        };
        held.count += 1;
        *held.sites.entry(site).or_default() += 1;
        true
    }

    /// True if it was the interface's last.
    fn remove(&mut self, gates: &Gates, id: IfId, site: Site) -> bool {
        let Entry::Occupied(mut entry) = self.0.entry(id) else { return false };
        let held = entry.get_mut();
        held.count -= 1;
        if let Entry::Occupied(mut pins) = held.sites.entry(site) {
            *pins.get_mut() -= 1;
            if *pins.get() == 0 {
                pins.remove();
            }
        }
        let last = held.count == 0 || mutant("pins-not-counted");
        if last {
            entry.remove();
            gates.unpin(id);
        }
        last
    }

    /// Who pins the interface, in words.
    pub(crate) fn holders_of(&self, id: IfId) -> Vec<String> {
        let sites = self.0.get(&id).into_iter().flat_map(|held| &held.sites);
        sites
            .map(|(Site { what, at }, pins)| match pins {
                1 => alloc::format!("'{what}', which pinned it at {at}"),
                _ => alloc::format!("'{what}', which pinned it at {at}, {pins} times"),
            })
            .collect()
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

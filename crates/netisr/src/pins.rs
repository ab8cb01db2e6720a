//! All pins that are held for longer than a dispatch, and by whom.
//!
//! What is counted here cannot run over, whatever is forgotten, and the gate carries one pin for all that an interface has.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::string::String;
use alloc::vec::Vec;
use core::panic::Location;

use crate::IfId;
use crate::gate::Gates;
use crate::sync::mutant;

/// What pins, and where the pin was taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Site {
    pub(crate) what: &'static str,
    pub(crate) at: &'static Location<'static>,
}

/// All pins, by interface. It grows with the places in the program that pin, not with the pins.
#[derive(Default)]
pub(crate) struct Pins(BTreeMap<IfId, Held>);

/// The pins of one interface, of which there is one at least.
struct Held {
    count: u64,
    sites: BTreeMap<Site, u64>,
}

impl Pins {
    /// False if the interface is departing.
    pub(crate) fn add(&mut self, gates: &Gates, id: IfId, site: Site) -> bool {
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
    pub(crate) fn remove(&mut self, gates: &Gates, id: IfId, site: Site) -> bool {
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

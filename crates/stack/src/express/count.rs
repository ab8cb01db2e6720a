//! What is counted of a batch, and put down once for all of it; and by what its packets leave.

use siding_netisr::IfId;
use siding_netisr::sync::mutant;

use super::arrival::Arrivals;
use super::departure::Departure;
use crate::config::Config;
use crate::ifnet::Version;
use crate::stack::worker::Local;

/// What packets leave by, in the places of their interfaces' slots. Kept from batch to batch for as long as the configuration
/// is the same.
#[derive(Default)]
pub(super) struct Departures(Vec<Made>);

#[derive(Default)]
struct Made {
    /// The configuration that it is of.
    version: u64,
    id: Option<IfId>,
    /// Nothing if nothing that leaves by it is plain.
    departure: Option<Departure>,
}

impl Departures {
    /// The place of an interface, made by `make` if it is not there.
    pub(super) fn find(&mut self, id: IfId, version: u64, make: impl FnOnce() -> Option<Departure>) -> usize {
        let place = id.slot();
        if self.0.len() <= place {
            self.0.resize_with(place + 1, Made::default);
        }
        if let Some(made) = self.0.get_mut(place)
            && (made.id != Some(id) || made.version != version && !mutant("express-remembers-links"))
        {
            let departure = make();
            // What is no longer there, and routes still name, does not push out who has its slot now.
            if departure.is_some() || made.version != version || made.departure.is_none() {
                *made = Made { version, id: Some(id), departure };
            }
        }
        place
    }

    /// What leaves by an interface, whose place this is.
    #[inline]
    pub(super) fn get(&self, place: usize, id: IfId) -> Option<&Departure> {
        self.0.get(place).filter(|made| made.id == Some(id))?.departure.as_ref()
    }
}

/// Packets that went the same way.
struct Count {
    way: (Version, u8, usize),
    packets: u64,
    /// Of the frames, as they came.
    came: u64,
    /// Of the packets, without the link's header.
    left: u64,
}

/// Packets of a batch: by version, by the place of what they came by, and by that of what they leave by.
#[derive(Default)]
pub(super) struct Counts {
    all: Vec<Count>,
    /// The place of the last that was counted: most go where the one before went.
    last: usize,
}

impl Counts {
    #[inline]
    pub(super) fn begin(&mut self) {
        self.all.clear();
    }

    #[inline]
    pub(super) fn add(&mut self, way: (Version, u8, usize), came: usize, left: usize) {
        let place = match self.all.get(self.last) {
            Some(count) if count.way == way => self.last,
            _ => self.find(way),
        };
        if let Some(count) = self.all.get_mut(place) {
            count.packets += 1;
            count.came += came as u64;
            count.left += left as u64;
        }
    }

    fn find(&mut self, way: (Version, u8, usize)) -> usize {
        self.last = self.all.iter().position(|count| count.way == way).unwrap_or_else(|| {
            self.all.push(Count { way, packets: 0, came: 0, left: 0 });
            self.all.len() - 1
        });
        self.last
    }

    /// Puts down what was counted.
    #[inline(never)] // Once for a batch.
    pub(super) fn settle(
        &self,
        local: &mut Local,
        config: &Config,
        arrivals: &Arrivals,
        departures: &Departures,
    ) {
        for Count { way: (version, came_by, leaves), packets, came, left } in &self.all {
            arrivals.put(local.index, config, (*came_by).into(), (*packets, *came));
            let Some(made) = departures.0.get(*leaves) else { continue };
            if let Some(departure) = &made.departure {
                departure.put(local.index, config, *packets, *left);
            }
            let from = arrivals.get((*came_by).into()).map(|arrival| arrival.id);
            if let Some(way) = from.zip(made.id)
                && !mutant("express-counts-nothing-forwarded")
            {
                local.note_many_forwarded(*version, way, *packets);
            }
        }
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn what_has_gone_does_not_push_out_who_has_its_slot_now() {
        let [gone, there, next] = [1, 2, 3].map(|generation| IfId::from_u64(generation << 16 | 4));
        let mut departures = Departures::default();
        let place = departures.find(there, 1, || Some(Departure::nowhere()));
        assert!(departures.get(place, there).is_some());
        assert_eq!(departures.find(gone, 1, || None), place);
        assert!(departures.get(place, gone).is_none() && departures.get(place, there).is_some());
        // In another configuration it may be gone itself, or somebody else have come.
        departures.find(gone, 2, || None);
        assert!(departures.get(place, there).is_none());
        departures.find(next, 2, || Some(Departure::nowhere()));
        assert!(departures.get(place, next).is_some() && departures.get(place, there).is_none());
    }
}

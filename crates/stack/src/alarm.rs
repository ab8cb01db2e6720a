//! When a timer queue comes by next for something that has a deadline of its own.
//!
//! A machine's deadline moves with all that its peers say. Its alarm has one place in one of the queues at most, and is moved to an
//! earlier one, in the queue of whoever moves it, when the deadline is: whatever peers say, they cannot make the queues grow. A deadline that has moved
//! back is found when the queue comes by, and costs nothing until then.
//!
//! # Locks
//!
//! None of its own: it lies beside its machine, under that one's lock. # Teardown: its place goes when the queues are
//! purged of the interface; one that is forgotten before is a look at something that has nothing to do.

use siding_netisr::Instant;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<Place>);

/// A place in a queue: when, and which of those that are due then.
pub(crate) type Key = (Instant, u64);

/// A place, and in whose queue it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) key: Key,
    pub(crate) home: Home,
}

/// Whose queue: a worker's, or anybody's. Small, for each neighbour keeps one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Home(Option<u16>);

impl Alarm {
    /// The queue has come by. False if this was about an earlier place, and the present one is still to come: that one
    /// will do.
    pub(crate) fn rings(&mut self, now: Instant) -> bool {
        let is_due = self.0.is_none_or(|Place { key: (at, _), .. }| at <= now);
        if is_due {
            self.0 = None;
        }
        is_due
    }

    /// Whether the queue comes by at `at`, or before.
    pub(crate) fn is_set_by(&self, at: Instant) -> bool {
        self.0.is_some_and(|Place { key: (set, _), .. }| set <= at)
    }

    /// Takes another place, and gives the one before.
    pub(crate) fn move_to(&mut self, place: Place) -> Option<Place> {
        self.0.replace(place)
    }
}

impl Home {
    /// Of whoever comes by first.
    pub(crate) const ANYBODYS: Home = Home(None);

    /// Of a worker: there are 1,024 at the most.
    pub(crate) fn of(worker: usize) -> Home {
        Home(Some(worker as u16))
    }

    pub(crate) fn worker(self) -> Option<usize> {
        self.0.map(usize::from)
    }
}

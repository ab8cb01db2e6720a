//! When the timer queue comes by next for something that has a deadline of its own.
//!
//! A machine's deadline moves with all that its peers say. Its alarm has one place in the queue at most, and is moved to an
//! earlier one when the deadline is: whatever peers say, they cannot make the queue grow. A deadline that has moved
//! back is found when the queue comes by, and costs nothing until then.
//!
//! # Locks
//!
//! None of its own: it lies beside its machine, under that one's lock. # Teardown: its place goes when the queue is
//! purged of the interface; one that is forgotten before is a look at something that has nothing to do.

use siding_netisr::Instant;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<Place>);

/// A place in the queue: when, and which of those that are due then.
pub(crate) type Place = (Instant, u64);

impl Alarm {
    /// The queue has come by. False if this was about an earlier place, and the present one is still to come: that one
    /// will do.
    pub(crate) fn rings(&mut self, now: Instant) -> bool {
        let is_due = self.0.is_none_or(|(at, _)| at <= now);
        if is_due {
            self.0 = None;
        }
        is_due
    }

    /// Whether the queue comes by at `at`, or before.
    pub(crate) fn is_set_by(&self, at: Instant) -> bool {
        self.0.is_some_and(|(set, _)| set <= at)
    }

    /// Takes another place, and gives the one before.
    pub(crate) fn move_to(&mut self, place: Place) -> Option<Place> {
        self.0.replace(place)
    }
}

//! How long turns take, by how many packets they had: from the readings of the clock that the thread makes anyway, where a
//! turn begins and before it sleeps.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_stack::Turn;

/// The least number of packets in a turn of each size; those of the first had none.
pub const SIZES: [u64; 9] = [0, 1, 2, 4, 8, 16, 32, 64, 128];

/// Turns of one size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turns {
    /// How many.
    pub turns: u64,
    /// Frames received and packets handled that had been deferred.
    pub packets: u64,
    /// How long they took.
    pub nanos: u64,
}

/// What one thread writes and others read.
#[derive(Debug, Default)]
pub(super) struct TurnTimes([Size; SIZES.len()]);

#[derive(Debug, Default)]
struct Size {
    turns: AtomicU64,
    packets: AtomicU64,
    nanos: AtomicU64,
}

impl TurnTimes {
    /// A turn has taken so long. For the thread that writes.
    pub(super) fn note(&self, turn: &Turn, took: Duration) {
        let packets = (turn.received + turn.handled) as u64;
        let size = &self.0[size(packets)];
        add(&size.turns, 1);
        add(&size.packets, packets);
        add(&size.nanos, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn read(&self) -> [Turns; SIZES.len()] {
        std::array::from_fn(|at| {
            let Size { turns, packets, nanos } = &self.0[at];
            Turns {
                turns: turns.load(Ordering::Relaxed),
                packets: packets.load(Ordering::Relaxed),
                nanos: nanos.load(Ordering::Relaxed),
            }
        })
    }
}

/// Adds to a counter that only this thread writes.
pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

/// Which size so many packets are.
fn size(packets: u64) -> usize {
    packets.checked_ilog2().map_or(0, |bits| bits as usize + 1).min(SIZES.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_of_packets_is_of_the_size_that_says_so() {
        for packets in 0..300 {
            let at = size(packets);
            assert!(SIZES[at] <= packets, "{packets}");
            assert!(SIZES.get(at + 1).is_none_or(|next| packets < *next), "{packets}");
        }
    }
}

//! What frames see of a lagg: immutable, replaced as a whole.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use siding_netisr::IfId;

use super::HashLayers;
use super::Lagg;
use super::Mode;

/// A lagg's ports at one moment.
pub struct View {
    pub(crate) lagg: Arc<Lagg>,
    /// What tells flows apart.
    pub(crate) hash: HashLayers,
    /// All of them, in order of joining.
    pub ports: Arc<[IfId]>,
    /// Those that are up and have a link.
    pub(crate) usable: Arc<[IfId]>,
    /// Those that send: the active one in failover, the distributing ones in LACP, else all with a link.
    pub sending: Arc<[IfId]>,
    /// Those whose frames are taken.
    pub receiving: Arc<[IfId]>,
}

impl View {
    /// The port that a worker's next frame goes out of, in the modes that have one port for each frame.
    pub(crate) fn pick(&self, worker: usize, frame: &[u8]) -> Option<IfId> {
        let count = self.sending.len();
        match self.lagg.settings.mode {
            _ if count == 0 => None,
            Mode::Failover | Mode::Broadcast => self.sending.first().copied(),
            Mode::RoundRobin => {
                let turn = self.lagg.turns.next(worker);
                self.sending.get(turn % count).copied()
            }
            Mode::LoadBalance | Mode::Lacp => {
                let hash = super::hash::flow(frame, self.hash);
                self.sending.get(((u64::from(hash) * count as u64) >> 32) as usize).copied()
            }
        }
    }
}

/// Whose turn it is in round robin: each worker has turns of its own, and writes nothing that another one touches.
#[derive(Debug)]
pub(crate) struct RoundRobin(Box<[Turn]>);

/// A plain counter: it orders nothing.
#[derive(Debug)]
#[repr(align(128))]
struct Turn(AtomicUsize);

impl RoundRobin {
    /// For so many workers; each begins with another port than the one before, as far as there are so many.
    pub(crate) fn new(workers: usize) -> RoundRobin {
        RoundRobin((0..workers).map(|worker| Turn(AtomicUsize::new(worker))).collect())
    }

    fn next(&self, worker: usize) -> usize {
        let Some(Turn(turn)) = self.0.get(worker) else { return 0 };
        // Nobody else writes it.
        let now = turn.load(Ordering::Relaxed);
        turn.store(now.wrapping_add(1), Ordering::Relaxed);
        now
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("ports", &self.ports)
            .field("sending", &self.sending)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn each_worker_has_turns_of_its_own() {
        let turns = RoundRobin::new(2);
        let taken = [0, 1, 0, 0, 1, 0].map(|worker| turns.next(worker) % 3);
        assert_eq!(taken, [0, 1, 1, 2, 2, 0]);
        let [one, two] = [0, 1].map(|worker| std::ptr::from_ref(&turns.0[worker]).addr());
        assert!(one / 128 != two / 128, "on one line");
    }
}

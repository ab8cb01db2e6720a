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
    /// The port that the next frame goes out of, in the modes that have one port for each frame.
    pub(crate) fn pick(&self, frame: &[u8]) -> Option<IfId> {
        let count = self.sending.len();
        match self.lagg.settings.mode {
            _ if count == 0 => None,
            Mode::Failover | Mode::Broadcast => self.sending.first().copied(),
            Mode::RoundRobin => {
                let turn = self.lagg.turn.0.fetch_add(1, Ordering::Relaxed);
                self.sending.get(turn % count).copied()
            }
            Mode::LoadBalance | Mode::Lacp => {
                let hash = super::hash::flow(frame, self.hash);
                self.sending.get(((u64::from(hash) * count as u64) >> 32) as usize).copied()
            }
        }
    }
}

/// Whose turn it is in round robin. A plain counter: it orders nothing.
#[derive(Debug, Default)]
pub(crate) struct RoundRobin(pub(crate) AtomicUsize);

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("ports", &self.ports)
            .field("sending", &self.sending)
            .finish_non_exhaustive()
    }
}

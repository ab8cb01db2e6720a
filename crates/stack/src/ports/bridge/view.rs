//! What frames see of a bridge: immutable, replaced as a whole.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_netisr::IfId;

use super::BridgeSpec;
use super::table::Stations;

/// A bridge's ports at one moment.
#[derive(Clone)]
pub struct View {
    pub(crate) bridge: Arc<Bridge>,
    pub(crate) spec: Arc<BridgeSpec>,
    /// In order of joining.
    pub ports: Arc<[Port]>,
}

/// A port of a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// The interface.
    pub id: IfId,
    /// Whether frames pass: it is up and has a link, and so has what it lies on.
    pub forwarding: bool,
    /// What stations that were heard here are learnt under. Another one each time that frames begin to pass.
    pub(crate) number: u16,
}

/// A bridge, for life.
pub(crate) struct Bridge {
    pub(crate) stations: Stations,
    /// Whoever still sees an earlier view counts here, too.
    pub(crate) counts: Arc<Counts>,
    /// The number that was given out last. One comes back after 65,535 others, when what was learnt under it has
    /// aged long ago.
    numbers: Arc<AtomicU16>,
}

/// What a bridge counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) forwarded: AtomicU64,
    pub(crate) flooded: AtomicU64,
    pub(crate) moved: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl View {
    /// A bridge without ports.
    pub(crate) fn new(spec: BridgeSpec, secret: (u64, u64)) -> View {
        let stations = Stations::new(spec.stations, spec.ageing, secret);
        let bridge = Bridge { stations, counts: Arc::default(), numbers: Arc::default() };
        View { bridge: Arc::new(bridge), spec: Arc::new(spec), ports: Arc::new([]) }
    }

    /// The same bridge with other settings. With room for another number of stations, it learns anew where they are, and
    /// floods until it knows.
    pub(crate) fn tuned(&self, spec: BridgeSpec, secret: (u64, u64)) -> View {
        let bridge = match spec.stations == self.spec.stations {
            true => {
                self.bridge.stations.set_ageing(spec.ageing);
                self.bridge.clone()
            }
            false => {
                let Bridge { counts, numbers, .. } = &*self.bridge;
                Arc::new(Bridge {
                    stations: Stations::new(spec.stations, spec.ageing, secret),
                    counts: counts.clone(),
                    numbers: numbers.clone(),
                })
            }
        };
        View { bridge, spec: Arc::new(spec), ports: self.ports.clone() }
    }

    /// The same bridge with one port more, through which nothing passes yet.
    pub(crate) fn with(&self, id: IfId) -> View {
        let port = Port { id, forwarding: false, number: 0 };
        View { ports: self.ports.iter().copied().chain([port]).collect(), ..self.clone() }
    }

    /// The same bridge without the ports that have gone, and with frames through those of the rest that can be used.
    /// `None` if nothing is new.
    pub(crate) fn following(
        &self,
        is_port: impl Fn(IfId) -> bool,
        fit: impl Fn(IfId) -> bool,
    ) -> Option<View> {
        let mut ports: Vec<Port> = self.ports.iter().copied().filter(|port| is_port(port.id)).collect();
        for at in 0..ports.len() {
            let forwarding = fit(ports[at].id);
            if forwarding && !ports[at].forwarding {
                ports[at].number = self.bridge.number(&ports);
            }
            ports[at].forwarding = forwarding;
        }
        (*ports != *self.ports).then(|| View { ports: ports.into(), ..self.clone() })
    }

    /// Whether frames pass through any port.
    pub(crate) fn is_forwarding(&self) -> bool {
        self.ports.iter().any(|port| port.forwarding)
    }

    /// The port, if it is one of this bridge's.
    pub fn port(&self, id: IfId) -> Option<&Port> {
        self.ports.iter().find(|port| port.id == id)
    }

    /// The port that frames pass through under this number.
    pub(crate) fn numbered(&self, number: u16) -> Option<&Port> {
        self.ports.iter().find(|port| port.forwarding && port.number == number)
    }
}

impl Bridge {
    /// A number that none of `ports` has.
    fn number(&self, ports: &[Port]) -> u16 {
        loop {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if ports.iter().all(|port| port.number != number) {
                return number;
            }
        }
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("ports", &self.ports).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that is in the midst of its batch has the view of before.
    #[test]
    fn what_is_counted_by_who_sees_an_earlier_view_is_not_lost() {
        let before = View::new(BridgeSpec::new("br0"), (1, 2));
        let after = before.tuned(BridgeSpec { stations: 7, ..BridgeSpec::new("br0") }, (3, 4));
        before.bridge.counts.flooded.fetch_add(1, Ordering::Relaxed);
        assert_eq!(before.bridge.number(&[]), 1);
        assert_eq!(after.bridge.counts.flooded.load(Ordering::Relaxed), 1);
        assert_eq!(after.bridge.number(&[]), 2, "no two ports have one number");
    }
}

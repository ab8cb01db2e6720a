//! Virtual wires.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::Device;
use siding_stack::Filter;
use siding_stack::Sent;
use siding_stack::Unread;
use siding_wire::Mac;

/// A link of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub(crate) usize);

/// What a link does to frames. Each receiver's copy is treated by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// The chance that a copy is lost, 0 to 1.
    pub loss: f64,
    /// The chance that a copy comes twice.
    pub duplicate: f64,
    /// The least and the most time on the way; a spread reorders.
    pub delay: (Duration, Duration),
}

impl Default for Faults {
    /// A perfect link of 10 µs.
    fn default() -> Faults {
        Faults { loss: 0.0, duplicate: 0.0, delay: (Duration::from_micros(10), Duration::from_micros(10)) }
    }
}

/// What a link and its devices share.
#[derive(Debug, Clone)]
pub(crate) struct Link(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    ports: Vec<PortState>,
    /// Frames that were sent and not yet collected, with the port that sent them.
    sent: VecDeque<(usize, Vec<u8>)>,
    /// Frames that were sent by a port whose interface had departed.
    ghosts: u64,
    /// Every port lets in everything.
    promiscuous: bool,
}

#[derive(Debug, Default)]
struct PortState {
    inbox: VecDeque<Vec<u8>>,
    departed: bool,
    /// What the port lets in, as a card's filter does: whoever forgets to ask for a frame is deaf to it.
    filter: Option<Filter>,
}

/// One worker's device on a virtual wire.
pub(crate) struct SimDevice {
    link: Link,
    port: usize,
    /// Frames taken off the wire.
    taken: u64,
}

impl Link {
    pub(crate) fn new() -> Link {
        Link(Arc::default())
    }

    /// A new port, with the device for it.
    pub(crate) fn plug(&self) -> (usize, SimDevice) {
        let mut state = self.lock();
        state.ports.push(PortState::default());
        let port = state.ports.len() - 1;
        drop(state);
        (port, SimDevice { link: self.clone(), port, taken: 0 })
    }

    /// The port's interface has gone: whatever it sends from now on is a ghost.
    pub(crate) fn depart(&self, port: usize) {
        let mut state = self.lock();
        if let Some(state) = state.ports.get_mut(port) {
            state.departed = true;
            state.inbox.clear();
        }
    }

    /// What was sent since the last look.
    pub(crate) fn collect(&self) -> Vec<(usize, Vec<u8>)> {
        self.lock().sent.drain(..).collect()
    }

    /// The ports whose interfaces are there.
    pub(crate) fn ports(&self) -> Vec<usize> {
        let state = self.lock();
        (0..state.ports.len()).filter(|port| !state.ports[*port].departed).collect()
    }

    pub(crate) fn deliver(&self, port: usize, frame: Vec<u8>) {
        let mut state = self.lock();
        let all = state.promiscuous;
        let port = state.ports.get_mut(port).filter(|port| !port.departed && (all || port.lets_in(&frame)));
        if let Some(port) = port {
            port.inbox.push_back(frame);
        }
    }

    pub(crate) fn set_promiscuous(&self) {
        self.lock().promiscuous = true;
    }

    pub(crate) fn ghosts(&self) -> u64 {
        self.lock().ghosts
    }

    /// Whether a frame waits to be received.
    pub(crate) fn has_arrivals(&self, port: usize) -> bool {
        self.lock().ports.get(port).is_some_and(|port| !port.inbox.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PortState {
    fn lets_in(&self, frame: &[u8]) -> bool {
        let (Some(filter), Some(dst)) = (&self.filter, frame.first_chunk().map(|dst| Mac(*dst))) else {
            return true;
        };
        filter.promiscuous
            || dst == Mac::BROADCAST
            || filter.unicast.contains(&dst)
            || filter.multicast.contains(&dst)
    }
}

impl Device for SimDevice {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let mut state = self.link.lock();
        let Some(port) = state.ports.get_mut(self.port) else { return Ok(0) };
        let mut count = 0;
        while count < max
            && let Some(frame) = port.inbox.pop_front()
        {
            self.taken += 1;
            // A dry pool loses the frame, as a driver would.
            if let Some(mut mbuf) = cache.alloc_for(frame.len())
                && mbuf.extend_from_slice(&frame)
            {
                into.push(mbuf);
                count += 1;
            }
        }
        Ok(count)
    }

    fn unread(&self) -> Option<Unread> {
        let state = self.link.lock();
        let waiting = state.ports.get(self.port).map_or(0, |port| port.inbox.len() as u64);
        Some(Unread { taken: self.taken, waiting })
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        let mut state = self.link.lock();
        if state.ports.get(self.port).is_some_and(|port| port.departed) {
            state.ghosts += frames.len() as u64;
        }
        for frame in frames.drain(..) {
            state.sent.push_back((self.port, frame.data().to_vec()));
        }
        sent
    }

    fn set_filter(&mut self, filter: &Filter) -> io::Result<()> {
        if let Some(port) = self.link.lock().ports.get_mut(self.port) {
            port.filter = Some(filter.clone());
        }
        Ok(())
    }
}

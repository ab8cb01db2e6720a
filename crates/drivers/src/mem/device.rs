//! One socket of the hub.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::BATCH;
use siding_stack::Device;
use siding_stack::Offloads;
use siding_stack::Sent;
use siding_stack::Unread;

use super::Port;
use super::PortId;
use super::Shared;
use super::lock;
use crate::Count;
use crate::Counters;
use crate::Direction;

/// A device on a [`Wire`](super::Wire).
pub struct MemDevice {
    wire: Arc<Shared>,
    port: Arc<Port>,
    counters: Arc<Counters>,
    /// Frames on the way from the queue to the receiver's pool.
    taken: Vec<Mbuf>,
    unread: Unread,
}

impl MemDevice {
    pub(super) fn new(wire: Arc<Shared>, port: Arc<Port>) -> MemDevice {
        MemDevice {
            wire,
            port,
            counters: Arc::default(),
            taken: Vec::with_capacity(BATCH),
            unread: Unread::default(),
        }
    }

    /// Calls `wake` when the first frame comes into this device's empty queue, on the sender's thread and with no
    /// lock held. Replaces the last one.
    pub fn set_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        *lock(&self.port.wake) = Some(Arc::new(wake));
    }

    /// Mends or cuts this device's link, both ways. What is already in its queue still arrives.
    pub fn set_up(&self, up: bool) {
        self.port.up.store(up, Ordering::Release);
    }

    /// Whether a frame could pass: this link and the wire are up.
    pub fn is_up(&self) -> bool {
        self.port.up.load(Ordering::Acquire) && self.wire.up.load(Ordering::Acquire)
    }

    /// Which socket of the hub this is.
    pub fn port(&self) -> PortId {
        self.port.id
    }

    /// Number of frames that wait to be received.
    pub fn pending(&self) -> usize {
        lock(&self.port.queue).len()
    }

    /// The device's counters, to keep and read from elsewhere.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}

impl Device for MemDevice {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        {
            let mut queue = lock(&self.port.queue);
            let count = queue.len().min(max).min(BATCH);
            self.taken.extend(queue.drain(..count));
            self.unread.taken += count as u64;
            self.unread.waiting = queue.len() as u64;
        }
        self.wire.show(self.port.id, Direction::In, &self.taken);
        let (mut frames, mut bytes) = (0, 0);
        for frame in &self.taken {
            // Only what is to be cut may be longer than a buffer.
            let whole = frame.offload().is_none_or(|offload| offload.segments.is_none());
            if whole && frame.len() > cache.pool().room() {
                self.counters.add(Count::RxTooBig, 1);
                continue;
            }
            let Some(mut copy) = cache.alloc_for(frame.len()) else {
                self.counters.add(Count::RxNoBuffer, 1);
                continue;
            };
            // It fits: checked above. Interface and flow of the sender's stack mean nothing here.
            if copy.extend_from_slice(frame.data()) && copy.set_offload(frame.offload()) {
                frames += 1;
                bytes += copy.len();
                into.push(copy);
            }
        }
        Mbuf::free_all(self.taken.drain(..));
        self.counters.received(frames, bytes);
        Ok(frames)
    }

    fn unread(&self) -> Option<Unread> {
        Some(self.unread)
    }

    fn offloads(&self) -> Offloads {
        self.wire.offloads
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = if self.port.up.load(Ordering::Acquire) {
            let sent = Sent::all(frames);
            self.counters.sent(frames.len(), sent.bytes as usize);
            sent
        } else {
            self.counters.add(Count::TxDown, frames.len() as u64);
            Sent { lost: frames.len() as u64, ..Sent::default() }
        };
        self.wire.carry(&self.port, frames);
        cache.free_all(frames.drain(..));
        sent
    }
}

impl Drop for MemDevice {
    fn drop(&mut self) {
        let mut ports = self.wire.ports.write().unwrap_or_else(PoisonError::into_inner);
        ports.retain(|port| port.id != self.port.id);
    }
}

impl fmt::Debug for MemDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemDevice")
            .field("port", &self.port.id)
            .field("up", &self.is_up())
            .finish_non_exhaustive()
    }
}

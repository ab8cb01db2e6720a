//! An in-memory wire, for tests, the simulator and benchmarks: no clock, no chance, no system call.
//!
//! A [`Wire`] is a hub: what one [`MemDevice`] sends, all others get, through a bounded queue each. Frames travel
//! as clones (no bytes are copied) and are copied into the receiver's own pool when it receives, as a network
//! card would: no packet of one stack ever lives in another. Until then they occupy the *sender's* pool,
//! as many as the queues are long.
//!
//! With one thread the outcome depends on the order of calls alone. With several, each receiver sees the frames
//! of one sender in order.
//!
//! # Locks
//!
//! The list of ports (read-write), each port's queue, the hook and the link states: leaves, held for a few
//! instructions, never two at once but the list and one queue. Hook and wake callbacks: the hook runs under a lock of
//! its own and must not use the wire; the wake callback runs with nothing held.
//!
//! # Teardown
//!
//! Dropping a device unplugs it and drops what it had not yet received. Dropping the [`Wire`] handle changes
//! nothing for devices.

mod device;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use siding_mbuf::Mbuf;
use siding_stack::Offloads;

use crate::Direction;

pub use device::MemDevice;

/// A hub in memory. Clones are handles on the same one.
#[derive(Clone)]
pub struct Wire {
    shared: Arc<Shared>,
}

/// Which socket of the hub: 0 for the first device attached, and so on, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub usize);

/// What became of the copies that the wire made: one for each receiver of each frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireStats {
    /// Put into a receiver's queue.
    pub carried: u64,
    /// Lost because that queue was full.
    pub lost_full: u64,
    /// Lost because the wire, the sender's link or the receiver's was down.
    pub lost_down: u64,
}

struct Shared {
    /// Frames that wait for one receiver at most.
    queue: usize,
    /// What is left undone of frames goes with them.
    offloads: Offloads,
    up: AtomicBool,
    ports: RwLock<Vec<Arc<Port>>>,
    next_port: AtomicUsize,
    carried: AtomicU64,
    lost_full: AtomicU64,
    lost_down: AtomicU64,
    hooked: AtomicBool,
    hook: Mutex<Option<Hook>>,
}

struct Port {
    id: PortId,
    up: AtomicBool,
    queue: Mutex<VecDeque<Mbuf>>,
    wake: Mutex<Option<Wake>>,
}

type Hook = Box<dyn FnMut(PortId, Direction, &[u8]) + Send>;
type Wake = Arc<dyn Fn() + Send + Sync>;

impl Wire {
    /// A wire with nothing attached, which is up and keeps at most `queue` frames for each receiver.
    pub fn new(queue: usize) -> Wire {
        Wire::with_offloads(queue, Offloads::default())
    }

    /// The same, by which frames go with so much left undone, as between hosts on veth: who receives one knows of it.
    pub fn with_offloads(queue: usize, offloads: Offloads) -> Wire {
        let shared = Shared {
            queue,
            offloads,
            up: AtomicBool::new(true),
            ports: RwLock::new(Vec::new()),
            next_port: AtomicUsize::new(0),
            carried: AtomicU64::new(0),
            lost_full: AtomicU64::new(0),
            lost_down: AtomicU64::new(0),
            hooked: AtomicBool::new(false),
            hook: Mutex::new(None),
        };
        Wire { shared: Arc::new(shared) }
    }

    /// Plugs in one more device, whose link is up.
    pub fn attach(&self) -> MemDevice {
        let port = Arc::new(Port {
            id: PortId(self.shared.next_port.fetch_add(1, Ordering::Relaxed)),
            up: AtomicBool::new(true),
            queue: Mutex::new(VecDeque::new()),
            wake: Mutex::new(None),
        });
        self.shared.ports.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&port));
        MemDevice::new(Arc::clone(&self.shared), port)
    }

    /// Mends or cuts the whole wire. What is already in a receiver's queue still arrives.
    pub fn set_up(&self, up: bool) {
        self.shared.up.store(up, Ordering::Release);
    }

    /// Mends or cuts one device's link. `false` if there is no such device any more.
    pub fn set_port_up(&self, port: PortId, up: bool) -> bool {
        let ports = self.shared.ports.read().unwrap_or_else(PoisonError::into_inner);
        match ports.iter().find(|p| p.id == port) {
            Some(port) => {
                port.up.store(up, Ordering::Release);
                true
            }
            None => false,
        }
    }

    /// Calls `hook` for each frame that a device sends ([`Direction::Out`], once however many receive it, and even
    /// if nobody does) and for each that one receives ([`Direction::In`]). The hook must not use the wire. It replaces
    /// the last one.
    pub fn set_tap(&self, hook: impl FnMut(PortId, Direction, &[u8]) + Send + 'static) {
        *lock(&self.shared.hook) = Some(Box::new(hook));
        self.shared.hooked.store(true, Ordering::Release);
    }

    /// Whether the wire as a whole is up.
    pub fn is_up(&self) -> bool {
        self.shared.up.load(Ordering::Acquire)
    }

    /// What became of the frames so far.
    pub fn stats(&self) -> WireStats {
        WireStats {
            carried: self.shared.carried.load(Ordering::Relaxed),
            lost_full: self.shared.lost_full.load(Ordering::Relaxed),
            lost_down: self.shared.lost_down.load(Ordering::Relaxed),
        }
    }

    /// Number of frames that wait in receivers' queues. A simulator has run dry when this is 0.
    pub fn in_flight(&self) -> usize {
        let ports = self.shared.ports.read().unwrap_or_else(PoisonError::into_inner);
        ports.iter().map(|port| lock(&port.queue).len()).sum()
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("up", &self.is_up())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Carries all `frames` from one port to all others that are there.
    fn carry(&self, from: &Port, frames: &[Mbuf]) {
        self.show(from.id, Direction::Out, frames);
        let mut wakes: Vec<Wake> = Vec::new();
        {
            let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
            let up = self.up.load(Ordering::Acquire) && from.up.load(Ordering::Acquire);
            for to in ports.iter().filter(|port| port.id != from.id) {
                if !up || !to.up.load(Ordering::Acquire) {
                    self.lost_down.fetch_add(frames.len() as u64, Ordering::Relaxed);
                    continue;
                }
                let mut queue = lock(&to.queue);
                let was_empty = queue.is_empty();
                let room = frames.len().min(self.queue.saturating_sub(queue.len()));
                queue.extend(frames[..room].iter().cloned());
                drop(queue);
                self.carried.fetch_add(room as u64, Ordering::Relaxed);
                self.lost_full.fetch_add((frames.len() - room) as u64, Ordering::Relaxed);
                if was_empty && room > 0 {
                    wakes.extend(lock(&to.wake).clone());
                }
            }
        }
        for wake in wakes {
            wake();
        }
    }

    /// Shows frames to the hook, if there is one.
    fn show(&self, port: PortId, direction: Direction, frames: &[Mbuf]) {
        if !self.hooked.load(Ordering::Acquire) {
            return;
        }
        if let Some(hook) = lock(&self.hook).as_mut() {
            for frame in frames {
                hook(port, direction, frame.data());
            }
        }
    }
}

/// A lock that a panic elsewhere does not take away: what it guards is whole at every instruction.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

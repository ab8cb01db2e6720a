//! The embedder's code, all of which may panic.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use siding_netisr::Clock;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::Local;
use siding_netisr::Metadata;
use siding_netisr::Packet;
use siding_netisr::Wake;

use super::WORKERS;

thread_local! {
    /// How many more calls of the embedder's code go well before one panics; 0 is for ever.
    pub(super) static FUSE: Cell<u8> = const { Cell::new(0) };
}

/// Every piece of the embedder's code comes by here.
pub(super) fn called() {
    // A panic within a panic ends any program.
    if std::thread::panicking() {
        return;
    }
    let left = FUSE.get();
    FUSE.set(left.saturating_sub(1));
    if left == 1 {
        std::panic::resume_unwind(Box::new("the embedder's code")); // A panic that prints nothing.
    }
}

pub(super) struct Live(Arc<AtomicUsize>);

impl Live {
    pub(super) fn new(count: &Arc<AtomicUsize>) -> Live {
        count.fetch_add(1, Ordering::Relaxed);
        Live(count.clone())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        assert!(self.0.fetch_sub(1, Ordering::Relaxed) > 0, "dropped twice");
        called();
    }
}

pub(super) struct Frame {
    pub(super) number: u64,
    pub(super) _live: Live,
}

impl Packet for Frame {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        called();
        visit(IfId::NONE);
    }
}

pub(super) struct Meta {
    pub(super) out: IfId,
    pub(super) _live: Live,
}

impl Metadata for Meta {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        called();
        visit(self.out);
        called();
    }
}

pub(super) struct Ticks(pub(super) AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> Instant {
        called();
        Instant::from_nanos(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Notes whom it rang for.
#[derive(Default)]
pub(super) struct Bell(pub(super) [AtomicBool; WORKERS]);

impl Wake for Bell {
    fn wake(&self, worker: usize) {
        self.0[worker].store(true, Ordering::Relaxed);
        called();
    }
}

/// The number of its worker.
pub(super) struct Own(pub(super) usize);

impl Local for Own {
    fn depart(&mut self, stays: &dyn Fn(IfId) -> bool) {
        called();
        assert!(stays(IfId::NONE));
    }
}

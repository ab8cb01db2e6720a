//! DPDK's rte_ring, by value, through the C functions in `dpdk_shim.c`.
//!
//! Each push and each drain is a call that the compiler cannot inline, which costs the single-item rows a few
//! cycles that a C program would not pay.

#![allow(unsafe_code, reason = "calls into C")]

use std::ffi::c_int;
use std::ffi::c_uint;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use crate::contestant::Consumer;
use crate::contestant::Contestant;
use crate::contestant::Pair;
use crate::contestant::Producer;
use crate::error::BenchError;
use crate::payload::Aligned;
use crate::payload::EMPTY;
use crate::payload::MAX_BATCH;
use crate::payload::Payload;
use crate::payload::Tally;

/// An `rte_ring` of 1,024 slots, of which DPDK uses 1,023: single-consumer, and multi-producer if `MANY`.
#[derive(Debug)]
pub struct RteRing<const MANY: bool> {
    ring: NonNull<CRing>,
    producers: AtomicUsize,
    consumer_taken: AtomicBool,
}

// JUSTIFICATION: a raw pointer is not `Sync`, and the ring is there to be shared.
// SAFETY: through `&RteRing` one can only count halves and make them; the halves alone touch the ring, and
// `producer` and `consumer` make no more of them than the ring's mode allows at once.
unsafe impl<const MANY: bool> Sync for RteRing<MANY> {}

impl<const MANY: bool> Contestant for RteRing<MANY> {
    const NAME: &'static str = if MANY { "DPDK rte_ring MP/SC" } else { "DPDK rte_ring SP/SC" };
    const PRODUCERS: usize = if MANY { usize::MAX } else { 1 };
    type Producer<'a> = RteProducer<'a, MANY>;
    type Consumer<'a> = RteConsumer<'a>;
    type Both<'a> = Pair<Self::Producer<'a>, Self::Consumer<'a>>;

    fn new(capacity: usize) -> Result<Self, BenchError> {
        let failed = |reason| BenchError::SetUp { name: Self::NAME, reason };
        let capacity = c_uint::try_from(capacity).map_err(|_| failed("the capacity is too large"))?;
        // JUSTIFICATION: the ring is C.
        // SAFETY: takes numbers only, and refuses those that are no power of two.
        let ring = unsafe { siding_ring_new(capacity, c_int::from(MANY)) };
        let ring = NonNull::new(ring).ok_or_else(|| failed("rte_ring_init refused"))?;
        Ok(Self { ring, producers: AtomicUsize::new(0), consumer_taken: AtomicBool::new(false) })
    }

    fn producer(&self) -> Result<Self::Producer<'_>, BenchError> {
        if self.producers.fetch_add(1, Ordering::Relaxed) >= Self::PRODUCERS {
            return Err(BenchError::SetUp { name: Self::NAME, reason: "there is one producer already" });
        }
        Ok(RteProducer { ring: self.ring, lives: PhantomData })
    }

    fn consumer(&self) -> Result<Self::Consumer<'_>, BenchError> {
        if self.consumer_taken.swap(true, Ordering::Relaxed) {
            return Err(BenchError::SetUp { name: Self::NAME, reason: "this half is taken" });
        }
        Ok(RteConsumer { ring: self.ring, room: Aligned([EMPTY; MAX_BATCH]), lives: PhantomData })
    }

    fn both(&self) -> Result<Self::Both<'_>, BenchError> {
        Ok(Pair { producer: self.producer()?, consumer: self.consumer()? })
    }
}

impl<const MANY: bool> Drop for RteRing<MANY> {
    fn drop(&mut self) {
        // JUSTIFICATION: the ring is C.
        // SAFETY: `siding_ring_new` made it, the halves borrow `self` and are gone, and nobody frees it twice.
        unsafe { siding_ring_free(self.ring.as_ptr()) }
    }
}

/// A producer's half.
#[derive(Debug)]
pub struct RteProducer<'a, const MANY: bool> {
    ring: NonNull<CRing>,
    lives: PhantomData<&'a CRing>,
}

impl<const MANY: bool> Producer for RteProducer<'_, MANY> {
    #[inline(always)]
    fn push(&mut self, payload: Payload) -> bool {
        let ring = self.ring.as_ptr();
        let aligned = Aligned(payload);
        let payload = &raw const aligned.0;
        // JUSTIFICATION: the ring is C.
        // SAFETY: the ring lives as long as `'a`; the payload is 64 readable bytes, aligned; if the mode is
        // single-producer, this is the only producer and it is borrowed mutably.
        let pushed = unsafe {
            if MANY { siding_ring_mp_push(ring, payload) } else { siding_ring_sp_push(ring, payload) }
        };
        pushed == 1
    }

    #[inline(always)]
    fn push_batch(&mut self, payloads: &[Payload]) -> usize {
        let first = payloads.as_ptr();
        if !first.cast::<Aligned<Payload>>().is_aligned() {
            return payloads.iter().take_while(|payload| self.push(**payload)).count();
        }
        let ring = self.ring.as_ptr();
        let count = payloads.len().min(MAX_BATCH) as c_uint;
        // JUSTIFICATION: the ring is C.
        // SAFETY: as in `push`, and `first` points to at least `count` payloads, aligned.
        let pushed = unsafe {
            if MANY {
                siding_ring_mp_push_batch(ring, first, count)
            } else {
                siding_ring_sp_push_batch(ring, first, count)
            }
        };
        pushed as usize
    }
}

/// The consumer's half and the room that it copies into.
#[derive(Debug)]
pub struct RteConsumer<'a> {
    ring: NonNull<CRing>,
    room: Aligned<[Payload; MAX_BATCH]>,
    lives: PhantomData<&'a CRing>,
}

impl Consumer for RteConsumer<'_> {
    #[inline(always)]
    fn drain(&mut self, limit: usize, tally: &mut Tally) -> usize {
        let ring = self.ring.as_ptr();
        let room = self.room.0.as_mut_ptr();
        // JUSTIFICATION: the ring is C.
        // SAFETY: the ring lives as long as `'a`; this is its only consumer, borrowed mutably; at most MAX_BATCH
        // payloads are written into aligned room for as many.
        let taken = unsafe {
            if limit == 1 {
                siding_ring_pop(ring, room)
            } else {
                siding_ring_pop_batch(ring, room, limit.min(MAX_BATCH) as c_uint)
            }
        };
        let taken = taken as usize;
        self.room.0[..taken].iter().for_each(|payload| tally.take(payload));
        taken
    }
}

/// `struct rte_ring`, of which Rust knows nothing.
#[repr(C)]
#[derive(Debug)]
struct CRing {
    _opaque: [u8; 0],
}

// JUSTIFICATION: the ring is C.
// SAFETY: these declarations are those of `dpdk_shim.c`, with its pointers to 64 bytes each named `Payload`.
unsafe extern "C" {
    fn siding_ring_new(payloads: c_uint, many_producers: c_int) -> *mut CRing;
    fn siding_ring_free(ring: *mut CRing);
    fn siding_ring_sp_push(ring: *mut CRing, payload: *const Payload) -> c_uint;
    fn siding_ring_mp_push(ring: *mut CRing, payload: *const Payload) -> c_uint;
    fn siding_ring_sp_push_batch(ring: *mut CRing, payloads: *const Payload, count: c_uint) -> c_uint;
    fn siding_ring_mp_push_batch(ring: *mut CRing, payloads: *const Payload, count: c_uint) -> c_uint;
    fn siding_ring_pop(ring: *mut CRing, room: *mut Payload) -> c_uint;
    fn siding_ring_pop_batch(ring: *mut CRing, room: *mut Payload, count: c_uint) -> c_uint;
}

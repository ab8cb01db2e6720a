//! A type of packet as its workers and control see it, whatever its metadata is.

use alloc::boxed::Box;
use alloc::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::Local;
use crate::Metadata;
use crate::Packet;
use crate::lane::Consumer;
use crate::lane::Lane;
use crate::lane::Last;
use crate::lane::Order;
use crate::packet_type::TypeState;
use crate::panics::Payload;
use crate::report::LaneReport;
use crate::ring::POSITION;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering;
use crate::sync::mutant;

pub(crate) trait AnyType<P, W>: Send + Sync {
    /// What worker `worker` has of it, to handle its packets with.
    fn served_by(self: Arc<Self>, worker: usize) -> Box<dyn Served<P, W>>;
    /// Drops everything when the type is being flushed, else what names a departing interface. False: try again, with
    /// what the order has become.
    fn sweep(&self, consumer: &Consumer, order: Order<'_>) -> bool;
    fn has_ready(&self, consumer: &Consumer) -> bool;
    /// Lets the lane rest. False if packets wait in it.
    fn rest(&self, consumer: &Consumer) -> bool;
    /// Stops intake; may be called again to have the rest flushed.
    fn close(&self, flush: bool);
    fn is_quiet(&self) -> bool;
    fn permits(&self) -> u64;
    /// The address of the state that its [`PacketType`](crate::PacketType)s share, to tell it from others.
    fn state(&self) -> *const ();
    fn name(&self) -> &str;
    fn limit(&self) -> u32;
    fn bit(&self) -> u32;
    fn report(&self, worker: usize) -> LaneReport;
}

/// A type as one worker serves it.
pub(crate) trait Served<P, W>: Send {
    /// Handles up to `quota` packets, which is not 0; flushes all, instead, when the type is being flushed. Gives how many
    /// were handled.
    fn drain(&self, consumer: &Consumer, ctx: &mut Ctx<'_, Unlocked>, local: &mut W, quota: usize) -> usize;
    fn kind(&self) -> &dyn AnyType<P, W>;
}

/// A registered type with its handler. It knows the handler's own type, so that the loop over the packets and the
/// handler are compiled as one: there is one indirect call for each drain, none for each packet.
pub(crate) struct Registered<P: Packet, M: Metadata, W, F> {
    pub(crate) state: Arc<TypeState<P, M, W>>,
    pub(crate) handler: F,
}

impl<P, M, W, F> AnyType<P, W> for Registered<P, M, W, F>
where
    P: Packet,
    M: Metadata,
    W: Local,
    F: Fn(&mut Ctx<'_, Unlocked>, &mut W, P, M) + Send + Sync + 'static,
{
    fn served_by(self: Arc<Self>, worker: usize) -> Box<dyn Served<P, W>> {
        let (lane, last) = (self.state.lanes[worker].clone(), Last::new(&self.state.core, worker));
        Box::new(Serves { lane, last, running: u64::from(self.state.bit) + 1, of: self })
    }

    fn sweep(&self, consumer: &Consumer, order: Order<'_>) -> bool {
        let lane = &self.state.lanes[consumer.worker];
        let sweep = || {
            lane.bury_all(consumer);
            if self.state.flushing.load(Ordering::Acquire) {
                lane.flush(consumer);
                return lane.ring().is_empty();
            }
            lane.sweep(consumer, order)
        };
        // After a panic there is more to be done.
        self.state.contain(sweep).unwrap_or_else(|payload| {
            self.state.panicked(consumer.worker, payload, || {});
            false
        })
    }

    fn has_ready(&self, consumer: &Consumer) -> bool {
        self.state.lanes[consumer.worker].has_ready()
    }

    fn rest(&self, consumer: &Consumer) -> bool {
        self.state.lanes[consumer.worker].rest()
    }

    fn close(&self, flush: bool) {
        self.state.closed.store(true, Ordering::Release);
        self.state.lanes.iter().filter(|_| !mutant("intake-left-open")).for_each(|lane| lane.ring().close());
        if flush {
            self.state.flushing.store(true, Ordering::Release);
            if !mutant("flush-goes-on-handling") {
                self.state.lanes.iter().for_each(|lane| lane.begin_flush());
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.permits() == 0 && self.state.lanes.iter().all(|lane| lane.ring().is_empty())
    }

    fn permits(&self) -> u64 {
        let lanes = self.state.lanes.iter().filter(|_| !mutant("permits-not-waited-for"));
        self.state
            .while_limit_stays(|held| lanes.map(|lane| lane.ring().reserved().saturating_sub(held)).sum())
    }

    fn state(&self) -> *const () {
        Arc::as_ptr(&self.state).cast()
    }

    fn name(&self) -> &str {
        &self.state.name
    }

    fn limit(&self) -> u32 {
        self.state.limit()
    }

    fn bit(&self) -> u32 {
        self.state.bit
    }

    fn report(&self, worker: usize) -> LaneReport {
        let lane = &self.state.lanes[worker];
        let fates = &lane.fates;
        let refused = fates.refusals();
        let resident = lane.ring().resident();
        let accepted = lane.ring().accepted();
        debug_assert!(accepted <= POSITION);
        LaneReport {
            accepted,
            handled: fates.handled.value(),
            departed: fates.departed.value(),
            flushed: fates.flushed.value(),
            dropped_oldest: fates.dropped_oldest.value(),
            resident,
            panicked: lane.panicked.value(),
            reserved: self.state.while_limit_stays(|held| lane.ring().reserved().saturating_sub(held)),
            high_water: self.state.high_water(worker),
            oldest_age: lane
                .ring()
                .oldest_stamp()
                .map(|stamp| self.state.core.clock.now().since(crate::Instant::from_nanos(stamp))),
            refused,
            residence: lane.residence.read(),
        }
    }
}

/// A worker's lane and the type's handler, both by pointer: a drain of one packet looks nothing up.
struct Serves<P: Packet, M: Metadata, W, F> {
    lane: Arc<Lane<P, M>>,
    last: Last,
    /// What the worker's `running` says while it handles packets of this type.
    running: u64,
    of: Arc<Registered<P, M, W, F>>,
}

impl<P, M, W, F> Served<P, W> for Serves<P, M, W, F>
where
    P: Packet,
    M: Metadata,
    W: Local,
    F: Fn(&mut Ctx<'_, Unlocked>, &mut W, P, M) + Send + Sync + 'static,
{
    fn drain(&self, consumer: &Consumer, ctx: &mut Ctx<'_, Unlocked>, local: &mut W, quota: usize) -> usize {
        let _running = Running::new(&consumer.state.0.running, self.running);
        let before = self.lane.fates.handled.value();
        let mut ended = false;
        let drain = || {
            let handle = |packet, meta| (self.of.handler)(ctx, local, packet, meta);
            let handled = self.lane.drain(consumer, &self.last, (before, quota), handle);
            let handled = handled.unwrap_or_else(|| self.drain_any(consumer, ctx, local, before));
            ended = true;
            if handled > 0 {
                local.drained(ctx, &self.of.state.name, handled);
            }
            handled
        };
        self.of.state.contain(drain).unwrap_or_else(|payload| {
            let hook = |handled| {
                if !ended && handled > 0 {
                    local.drained(ctx, &self.of.state.name, handled);
                }
            };
            self.panicked(consumer, before, payload, hook)
        })
    }

    fn kind(&self) -> &dyn AnyType<P, W> {
        &*self.of
    }
}

impl<P, M, W, F> Serves<P, M, W, F>
where
    P: Packet,
    M: Metadata,
    W: Local,
    F: Fn(&mut Ctx<'_, Unlocked>, &mut W, P, M) + Send + Sync + 'static,
{
    /// Goes on with a drain that has met something out of the ordinary. Gives how many it has handled since there were `before`.
    #[cold]
    #[inline(never)] // Nothing of it is to be ready in memory where it is not called.
    fn drain_any(
        &self,
        consumer: &Consumer,
        ctx: &mut Ctx<'_, Unlocked>,
        local: &mut W,
        before: u64,
    ) -> usize {
        // Through a pointer, so that the loop over the packets is compiled with the handler once.
        let handle: &mut dyn FnMut(P, M) = &mut |packet, meta| (self.of.handler)(ctx, local, packet, meta);
        self.lane.drain_any(consumer, &self.last, handle);
        self.handled_since(before)
    }

    /// Deals with a panic of a drain, before which there were `before`. `hook` is told how many it has handled.
    #[cold]
    #[inline(never)]
    fn panicked(
        &self,
        consumer: &Consumer,
        before: u64,
        payload: Payload,
        hook: impl FnOnce(usize),
    ) -> usize {
        let handled = self.handled_since(before);
        // Should the panic go on, the poll ends, and what was handled here is known to nobody else.
        consumer.handled.set(handled);
        self.of.state.panicked(consumer.worker, payload, || hook(handled));
        consumer.handled.set(0);
        handled
    }

    fn handled_since(&self, before: u64) -> usize {
        self.lane.fates.handled.value().wrapping_sub(before) as usize
    }
}

/// Says whose handler runs, until it is dropped, were it by a panic.
struct Running<'w>(&'w AtomicU64);

impl<'w> Running<'w> {
    #[inline(always)]
    fn new(running: &'w AtomicU64, what: u64) -> Self {
        running.store(what, Ordering::Relaxed);
        Running(running)
    }
}

impl Drop for Running<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl<P: Packet, M: Metadata, W, F> Drop for Registered<P, M, W, F> {
    /// What has its fate and was not yet dropped is dropped here, with the handler, and not with the last
    /// [`PacketType`](crate::PacketType).
    fn drop(&mut self) {
        for (worker, lane) in self.state.lanes.iter().enumerate() {
            // Nobody else refers to this, so nobody else consumes.
            lane.bury_rest(&Consumer::new(&self.state.core, worker));
        }
    }
}

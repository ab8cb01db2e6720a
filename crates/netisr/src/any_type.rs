//! A type of packet as its workers and control see it, whatever its metadata is.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cell::Cell;

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
    /// Whether worker `worker` handles packets of it at this moment.
    fn runs_at(&self, worker: usize) -> bool;
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
        Box::new(Serves { lane, last, outer: Cell::new(NO_OUTER), of: self })
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
        self.state.lanes[consumer.worker].rest(&consumer.core)
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

    fn runs_at(&self, worker: usize) -> bool {
        self.state.lanes.get(worker).is_some_and(|lane| lane.is_draining())
    }

    fn report(&self, worker: usize) -> LaneReport {
        self.state.report_at(worker)
    }
}

/// A worker's lane and the type's handler, both by pointer: a drain of one packet looks nothing up.
struct Serves<P: Packet, M: Metadata, W, F> {
    lane: Arc<Lane<P, M>>,
    last: Last,
    /// How many packets the lane had handled when the drain began that has called another one to go on for it.
    outer: Cell<u64>,
    of: Arc<Registered<P, M, W, F>>,
}

/// No drain has: a number that is never reached.
const NO_OUTER: u64 = u64::MAX;

impl<P, M, W, F> Served<P, W> for Serves<P, M, W, F>
where
    P: Packet,
    M: Metadata,
    W: Local,
    F: Fn(&mut Ctx<'_, Unlocked>, &mut W, P, M) + Send + Sync + 'static,
{
    fn drain(&self, consumer: &Consumer, ctx: &mut Ctx<'_, Unlocked>, local: &mut W, quota: usize) -> usize {
        let lane = &*self.lane;
        let before = lane.fates.handled.value();
        let mut ended = false;
        let drain = || {
            let draining = lane.draining(before + quota as u64);
            let handle = |packet, meta| (self.of.handler)(ctx, local, packet, meta);
            let Some(handled) = lane.drain(consumer, &self.last, before, handle) else {
                draining.goes_on();
                return None;
            };
            ended = true;
            if handled > 0 && self.outer.get() == NO_OUTER {
                local.drained(ctx, &self.of.state.name, handled);
            }
            Some(handled)
        };
        // Both of the others end this with their answer: so nothing of what they are given need be put aside here, where they are
        // not called, which is nearly always.
        match self.of.state.contain(drain) {
            Ok(Some(handled)) => handled,
            Ok(None) => self.go_on(consumer, ctx, local, before),
            Err(payload) => self.panicked(consumer, ctx, local, Broken { before, hooks: !ended, payload }),
        }
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
    /// Goes on with a drain that has met something out of the ordinary, until that is behind it, and then has it go on as before.
    /// Gives how many it has handled since there were `before`.
    #[cold]
    #[inline(never)] // Nothing of it is to be ready in memory where it is not called.
    fn go_on(&self, consumer: &Consumer, ctx: &mut Ctx<'_, Unlocked>, local: &mut W, before: u64) -> usize {
        let goal = self.lane.draining_until();
        if self.outer.get() != NO_OUTER {
            return 0; // This has called, below, and goes on itself.
        }
        loop {
            let drain = || {
                let _draining = self.lane.draining(goal);
                // Through a pointer, so that the loop over the packets is compiled with the handler once.
                let handle: &mut dyn FnMut(P, M) =
                    &mut |packet, meta| (self.of.handler)(ctx, local, packet, meta);
                self.lane.drain_any(consumer, &self.last, handle)
            };
            match self.of.state.contain(drain) {
                Ok(true) => {}
                Ok(false) => break,
                Err(payload) => {
                    return self.panicked(consumer, ctx, local, Broken { before, hooks: true, payload });
                }
            }
            let outer = Outer::is(&self.outer, before);
            self.drain(consumer, ctx, local, (goal - self.lane.fates.handled.value()) as usize);
            if outer.0.get() == NO_OUTER {
                return self.handled_since(before); // A panic has ended it, and was dealt with.
            }
            if self.lane.fates.handled.value() >= goal {
                break;
            }
        }
        let handled = self.handled_since(before);
        if handled > 0 {
            let _draining = self.lane.draining(1);
            let hook = || local.drained(ctx, &self.of.state.name, handled);
            if let Err(payload) = self.of.state.contain(hook) {
                return self.panicked(consumer, ctx, local, Broken { before, hooks: false, payload });
            }
        }
        handled
    }

    /// Deals with a panic of a drain.
    #[cold]
    #[inline(never)]
    fn panicked(
        &self,
        consumer: &Consumer,
        ctx: &mut Ctx<'_, Unlocked>,
        local: &mut W,
        Broken { before, hooks, payload }: Broken,
    ) -> usize {
        // The drain is one with that which had called for it.
        let handled = self.handled_since(before.min(self.outer.replace(NO_OUTER)));
        // Should the panic go on, the poll ends, and what was handled here is known to nobody else.
        consumer.handled.set(handled);
        let _draining = self.lane.draining(1);
        self.of.state.panicked(consumer.worker, payload, || {
            if hooks && handled > 0 {
                local.drained(ctx, &self.of.state.name, handled);
            }
        });
        consumer.handled.set(0);
        handled
    }

    fn handled_since(&self, before: u64) -> usize {
        self.lane.fates.handled.value().wrapping_sub(before) as usize
    }
}

/// A drain that a panic has ended.
struct Broken {
    /// How many packets the lane had handled when it began.
    before: u64,
    /// Whether the hook is told yet how many it has handled.
    hooks: bool,
    payload: Payload,
}

/// That a drain has called another one, until it is dropped, were it by a panic.
struct Outer<'s>(&'s Cell<u64>);

impl<'s> Outer<'s> {
    fn is(outer: &'s Cell<u64>, before: u64) -> Outer<'s> {
        outer.set(before);
        Outer(outer)
    }
}

impl Drop for Outer<'_> {
    fn drop(&mut self) {
        self.0.set(NO_OUTER);
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

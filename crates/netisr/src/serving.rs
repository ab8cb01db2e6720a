//! What a worker serves: its lanes; and how it carries out control's orders there.
//!
//! # Locks
//!
//! Control's, to look up what has changed, with no handler running and nothing called under it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use siding_lockorder::Root;

use crate::Local;
use crate::Packet;
use crate::any_type::Served;
use crate::control::Inner;
use crate::core_state::Core;
use crate::here::Busy;
use crate::lane::Consumer;
use crate::lane::Order;
use crate::ring::Reviewed;
use crate::sync::atomic::Ordering;
use crate::sync::mutant;
use crate::wake::MOST_TYPES;
use crate::wake::Pending;
use crate::wake::Word;

/// A worker that somebody holds, until this is dropped: to poll it, or to come by in its stead.
pub(crate) struct Claimed<P: Packet, W: Local> {
    pub(crate) root: Root,
    pub(crate) serving: Serving<P, W>,
}

/// A worker but for its token.
pub(crate) struct Serving<P: Packet, W: Local> {
    pub(crate) inner: Arc<Inner<P, W>>,
    pub(crate) consumer: Consumer,
    pub(crate) types: [Option<Box<dyn Served<P, W>>>; MOST_TYPES],
    pub(crate) alone: Alone<P, W>,
    types_version: u64,
    /// Where the next poll begins, so that no type is always last.
    pub(crate) first: u32,
    /// Polls that found a lane empty since lanes were last retired, and the types that had packets meanwhile.
    pub(crate) polls: u32,
    pub(crate) busy: u64,
    sweeps: Sweeps,
}

/// The one type that has packets, as it is most often, taken out of the others: what a poll asks first.
pub(crate) struct Alone<P, W> {
    /// The worker's word when its bit is the only one that is set; while nothing is here, what that never is.
    pub(crate) word: Word,
    pub(crate) served: Option<Box<dyn Served<P, W>>>,
}

impl<P, W> Alone<P, W> {
    pub(crate) const NONE: Self = Alone { word: Word::NEVER, served: None };
}

impl<P: Packet, W: Local> Claimed<P, W> {
    /// Claims the worker; `None` while somebody else holds it.
    pub(crate) fn claim(inner: &Arc<Inner<P, W>>, index: usize) -> Option<Claimed<P, W>> {
        let state = inner.core.workers.get(index)?;
        let root = inner.core.root(index)?;
        state.0.claimed.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).ok()?;
        let mut serving = Serving {
            inner: inner.clone(),
            consumer: Consumer::new(&inner.core, index),
            types: [const { None }; MOST_TYPES],
            alone: Alone::NONE,
            types_version: 0,
            first: 0,
            polls: 0,
            busy: 0,
            sweeps: Sweeps::default(),
        };
        serving.refresh();
        Some(Claimed { root, serving })
    }
}

impl<P: Packet, W: Local> Drop for Claimed<P, W> {
    fn drop(&mut self) {
        // A worker that is gone does not sleep: nobody is to wake it.
        self.serving.pending().awake();
        self.serving.consumer.state.0.claimed.store(false, Ordering::Release);
    }
}

impl<P: Packet, W: Local> Serving<P, W> {
    /// Carries out orders for a worker whose own state has gone.
    pub(crate) fn obey_vacant(&mut self) {
        let _busy = Busy::with(&*self.inner.core, self.index());
        self.consumer.vacant = true;
        let (order, word) = self.accept();
        let inner = self.inner.clone();
        self.carry_out(order, word, Recall { core: &inner.core, worker: self.index() });
    }

    /// Takes note of the orders; gives the last one, and what the worker's word said.
    pub(crate) fn accept(&mut self) -> (u64, Word) {
        let word = self.pending().accept_order();
        (self.inner.core.last_order(), word)
    }

    /// Looks up the types again, flushes those that are to be flushed, and drops what names a departing interface. Acknowledges
    /// only when all of that is done; until then, `recall` has the worker come back.
    pub(crate) fn carry_out(&mut self, order: u64, word: Word, recall: Recall<'_>) {
        self.put_back();
        let going = self.refresh();
        let inner = self.inner.clone();
        let worker = self.index();
        // One that is under way first: it would begin anew for each that comes meanwhile.
        let current = self.sweeps.begin(order);
        // Whoever comes by in a worker's stead cannot come back to where it was.
        let mut left = if self.consumer.vacant { u64::MAX } else { Reviewed::AT_ONCE };
        let mut complete = true;
        let Serving { consumer, types, sweeps, .. } = self;
        for served in types.iter().flatten() {
            let (kind, sweeps) = (served.kind(), &mut *sweeps);
            let bit = kind.bit();
            if sweeps.done & 1 << bit == 0 {
                let begun = &mut sweeps.begun[bit as usize];
                if kind.sweep(consumer, Order { going, begun, left: &mut left }) {
                    sweeps.done |= 1 << bit;
                } else {
                    complete = false;
                }
            }
            // A bit that is set stays so: nobody but this worker clears one, when it has found nothing for a while.
            if word.types() & 1 << bit == 0 && kind.has_ready(consumer) {
                consumer.state.0.pending.0.raise_own(bit);
            }
        }
        // If not, there is more to be looked at; a producer stands between claiming a slot and filling it, and is about
        // to move on; or something has panicked. The worker is called back.
        if complete {
            self.sweeps.order = 0;
            let last = if mutant("later-orders-acknowledged") { inner.core.last_order() } else { current };
            inner.core.acknowledge(worker, last);
            if current == order {
                core::mem::forget(recall);
            }
        }
    }

    /// All types are in their places again.
    pub(crate) fn put_back(&mut self) {
        let Alone { word, served } = core::mem::replace(&mut self.alone, Alone::NONE);
        if let Some(bit) = word.only_type()
            && let Some(place) = self.types.get_mut(bit as usize)
        {
            *place = served;
        }
    }

    /// Looks the types up again, if control has changed them. Gives the bits of what is departing.
    fn refresh(&mut self) -> u64 {
        let (changed, going) = self.inner.look_up(self.types_version);
        if let Some((version, types)) = changed {
            self.types_version = version;
            let index = self.index();
            self.types = types.map(|kind| kind.map(|kind| kind.served_by(index)));
            self.sweeps.forget();
        }
        going
    }

    pub(crate) fn pending(&self) -> &Pending {
        &self.consumer.state.0.pending.0
    }

    pub(crate) fn index(&self) -> usize {
        self.consumer.worker
    }
}

/// Which lanes have been swept for the order that is being carried out.
#[derive(Default)]
struct Sweeps {
    /// 0 for none.
    order: u64,
    done: u64,
    /// By the type's bit. Not in here: a worker is moved about by value.
    begun: Vec<Option<Reviewed>>,
}

impl Sweeps {
    /// Begins to carry out `order`, or goes on with one that is under way. Gives which.
    fn begin(&mut self, order: u64) -> u64 {
        if self.order == 0 {
            self.order = order;
            self.forget();
        }
        self.order
    }

    /// There are other lanes: begins anew.
    fn forget(&mut self) {
        self.done = 0;
        self.begun.clear();
        self.begun.resize(MOST_TYPES, None);
    }
}

/// Has the worker come back to its orders when this is dropped before they are carried out, were it by a panic.
pub(crate) struct Recall<'w> {
    pub(crate) core: &'w Core,
    pub(crate) worker: usize,
}

impl Drop for Recall<'_> {
    fn drop(&mut self) {
        if !mutant("order-lost-by-panic") {
            let _awake = self.core.workers[self.worker].0.pending.0.order();
        }
    }
}

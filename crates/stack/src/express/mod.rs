//! What is plain goes by express: a batch at a time, and no further than it must be looked at.
//!
//! Most packets of a router are for others, whole, of known ways and known neighbours. For them a batch's headers are tested,
//! all ways looked up together, and then, in the order in which they came, headers rewritten and frames put together by the
//! port that they leave by. What is counted is counted for the batch.
//!
//! Everything else is *left* to [`walk`](crate::walk), which can do everything: our own addresses, groups, options, errors, a
//! neighbour to whom anything is yet to be done, what is too big, shared or to be redirected; and all of a batch while a filter
//! is on, somebody watches, or it comes by a port that a lagg has just let go of. Nothing is decided here that is not certain: **it is the same router**.
//! Frames, events and counters are those of `walk` alone; tests hold the two beside each other (`tests/express.rs`), and
//! `Config::express` switches between them.
//!
//! # Order
//!
//! The rule is the simplest: what is left for `walk` is walked when all before it has been put where it leaves by, and before
//! anything behind it is. So each port gets its frames in the order in which they came, whatever way they took, as though all
//! had been walked. What a walked packet has changed (a neighbour, a route) those behind it see: neighbours are asked for one by
//! one, and ways are looked up again if the table has changed since.
//!
//! # Neighbours
//!
//! One is used if `walk` would use it without a lock: its entry's word says that packets may go there with nothing else to be
//! done. To a STALE one they may not, so that reachability is asked for; nor to one that has packets waiting.
//!
//! # Locks
//!
//! None. # Teardown: nothing is kept between batches but empty room.

mod arrival;
mod departure;
mod look;
mod plain;
mod send;

use std::vec::Drain;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::sync::mutant;

use crate::config::Config;
use crate::ifnet::Interface;
use crate::snapshot::Mine;
use crate::worker::Local;
use arrival::Arrivals;
use look::Looks;
use send::Departures;
use send::Vectors;

/// A worker's room for a batch.
#[derive(Default)]
pub(crate) struct Express {
    looks: Looks,
    arrivals: Arrivals,
    departures: Departures,
    vectors: Vectors,
    /// Packets that went by express so far.
    pub(crate) taken: u64,
}

/// A batch that has come by one device.
pub(crate) struct Batch<'e, 'c> {
    express: &'e mut Express,
    config: &'c Mine<Config>,
    /// Whether anything goes by express, yet or at all.
    on: bool,
    began: bool,
}

impl Express {
    /// Looks at the frames that have come by `device`, all of one batch.
    #[inline]
    pub(crate) fn begin<'e, 'c>(
        &'e mut self,
        local: &Local,
        config: &'c Mine<Config>,
        device: &Interface,
        frames: &[Mbuf],
    ) -> Batch<'e, 'c> {
        let may = config.express && config.forwarding && is_free(local);
        let on = may && self.arrivals.begin(config, local.heard, device);
        if on {
            self.departures.begin();
            self.vectors.begin();
            self.looks.look(config, &mut self.arrivals, frames);
        }
        Batch { express: self, config, on, began: on }
    }
}

/// Whether nobody wants to see each packet.
#[inline]
fn is_free(local: &Local) -> bool {
    !local.trace.is_on() && !local.filter.is_on()
}

impl Batch<'_, '_> {
    /// Sends all that is plain and comes next. Gives the first frame that is not, to be walked before this is called again;
    /// `None` at the end.
    #[inline]
    pub(crate) fn next(
        &mut self,
        ctx: &mut Ctx<'_, Unlocked>,
        local: &mut Local,
        frames: &mut Drain<'_, Mbuf>,
    ) -> Option<Mbuf> {
        if self.on { self.run(ctx, local, frames) } else { frames.next() }
    }

    /// All frames have been fetched: what they come to is counted.
    #[inline]
    pub(crate) fn end(self, local: &mut Local) {
        if self.began {
            let Express { arrivals, departures, .. } = self.express;
            arrivals.settle(local.index, self.config);
            departures.settle(local, self.config, arrivals);
        }
    }

    fn run(
        &mut self,
        ctx: &mut Ctx<'_, Unlocked>,
        local: &mut Local,
        frames: &mut Drain<'_, Mbuf>,
    ) -> Option<Mbuf> {
        if !self.is_as_it_was(local) {
            return frames.next();
        }
        let mut left = None;
        for mut frame in frames.by_ref() {
            let Some(place) = self.send(local, &mut frame) else {
                left = Some(frame);
                break;
            };
            self.express.vectors.push(place, frame);
        }
        if left.is_none() || !mutant("express-overtakes") {
            self.flush(ctx, local);
        }
        left
    }

    /// A frame may have been walked meanwhile. Sees what that has changed; false if the rest has to be walked.
    #[inline]
    fn is_as_it_was(&mut self, local: &Local) -> bool {
        self.on = is_free(local) && local.config().is(self.config);
        if self.on && !mutant("express-remembers-ways") {
            self.express.looks.see_changes(self.config);
        }
        self.on
    }

    fn flush(&mut self, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        for vector in self.express.vectors.in_use() {
            self.express.taken += vector.frames.len() as u64;
            local.transmit_all(ctx, vector.port, &mut vector.frames);
        }
    }
}

//! What is plain goes by express: a batch at a time, and no further than it must be looked at.
//!
//! Most packets of a router are for others, whole, of known ways and known neighbours. For them a batch's headers are tested,
//! all ways looked up together, and then, in the order in which they came, headers rewritten and frames put together by the
//! port that they leave by. What is counted is counted for the batch.
//!
//! Everything else is *left* to [`walk`](crate::walk), which can do everything: our own addresses, groups, options, errors, a
//! neighbour to whom anything is yet to be done, what is too big, shared or to be redirected; and all of a batch while a filter
//! is on that may have something to say about each packet, somebody watches, or it comes by a port that a lagg has just let go of. Nothing is decided here that is not certain: **it is the same router**.
//! Frames, events and counters are those of `walk` alone; tests hold the two beside each other (`tests/all/same_router.rs`), and
//! `Config::express` switches between them.
//!
//! A batch of one or two is walked: to look at it all together would cost more than that saves.
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
//! # The filter
//!
//! Where rules let packets of known flows pass for that alone, such a packet is plain, and the flow is moved on when all else is
//! certain ([`Keeper::passes_alone`](crate::filter::Keeper)). All others are left, and the filter remembers for the way that can do everything if it
//! has moved the flow on.
//!
//! # Locks
//!
//! None. # Teardown: between batches nothing is kept but room, and names and numbers, each with the configuration and the state of
//! the routes that it is true of.

mod arrival;
mod count;
mod departure;
mod look;
mod plain;
mod send;
mod ways;

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::vec::Drain;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::sync::mutant;

use crate::config::Config;
use crate::ifnet::Interface;
use crate::snapshot::Mine;
use crate::stack::worker::Local;
use crate::stack::worker::TimedStep;
use arrival::Arrivals;
use count::Counts;
use count::Departures;
use look::Looks;
use send::Vectors;
use ways::Ways;

/// So few frames are sooner walked than looked at together.
const FEW: usize = 2;

/// A worker's room for a batch, and what it remembers of those before.
#[derive(Default)]
pub(crate) struct Express {
    looks: Looks,
    asked: Asked,
    /// By the slots of devices.
    arrivals: Vec<Arrivals>,
    departures: Departures,
    counts: Counts,
    vectors: Vectors,
}

/// Destinations of a batch, and their ways.
#[derive(Default)]
struct Asked {
    six: Ways<Ipv6Addr>,
    four: Ways<Ipv4Addr>,
}

/// A batch that has come by one device.
pub(crate) struct Batch<'e, 'c> {
    express: &'e mut Express,
    config: &'c Mine<Config>,
    /// The configuration's.
    version: u64,
    /// The device's slot.
    device: usize,
    /// The rules that it is filtered by.
    rules: Option<u64>,
    /// Whether anything goes by express, yet or at all.
    on: bool,
    began: bool,
    /// A frame may have been walked since ways were looked up.
    walked: bool,
}

impl Express {
    /// Looks at the frames that have come by `device`, all of one batch.
    #[inline(always)] // Two places call it, of which one is cold.
    pub(crate) fn begin<'e, 'c>(
        &'e mut self,
        local: &mut Local,
        config: &'c Mine<Config>,
        device: &Interface,
        frames: &[Mbuf],
    ) -> Batch<'e, 'c> {
        let (version, slot) = (local.version(), device.ifnet.id.slot());
        let may = config.express && config.forwarding && frames.len() > FEW && is_free(local);
        if may {
            local.timed.back(TimedStep::Express);
        }
        let on = may && self.look((version, config), local, device, frames);
        let rules = local.filter.in_force();
        if rules.is_some() && !on {
            local.timed.back(TimedStep::Filter);
            local.filter.look_ahead(frames);
        }
        Batch { express: self, config, version, device: slot, rules, on, began: on, walked: false }
    }

    /// Looks at all, and looks up their ways; false if nothing that comes by the device is plain.
    #[inline(never)] // Once for a batch.
    fn look(
        &mut self,
        (version, config): (u64, &Config),
        local: &mut Local,
        device: &Interface,
        frames: &[Mbuf],
    ) -> bool {
        let slot = device.ifnet.id.slot();
        if self.arrivals.len() <= slot {
            self.arrivals.resize_with(slot + 1, Arrivals::default);
        }
        let Some(arrivals) = self.arrivals.get_mut(slot) else { return false };
        if !arrivals.begin((version, config), local.heard, device) {
            return false;
        }
        self.counts.begin();
        self.vectors.begin();
        self.asked.six.clear();
        self.asked.four.clear();
        match local.filter.is_on() {
            false => self.looks.look(config, arrivals, &mut self.asked, frames),
            true => {
                let by = (config, &mut local.filter);
                self.looks.look_filtered(by, arrivals, &mut self.asked, frames);
            }
        }
        let routes = config.default_routing().routes();
        self.asked.six.look_up(version, &routes.six);
        self.asked.four.look_up(version, &routes.four);
        true
    }
}

/// Whether nobody wants to see each packet.
#[inline]
fn is_free(local: &Local) -> bool {
    !local.trace.is_on() && (!local.filter.is_on() || local.filter.lets_some_pass_alone())
}

impl Batch<'_, '_> {
    /// Sends all that is plain and comes next. Gives the first frame that is not, to be walked before this is called again;
    /// `None` at the end.
    #[inline(always)] // Two places call it, of which one is cold.
    pub(crate) fn next(
        &mut self,
        ctx: &mut Ctx<'_, Unlocked>,
        local: &mut Local,
        frames: &mut Drain<'_, Mbuf>,
    ) -> Option<Mbuf> {
        if self.on { self.run(ctx, local, frames) } else { frames.next() }
    }

    /// All frames have been fetched: what they come to is counted.
    #[inline(always)] // Two places call it, of which one is cold.
    pub(crate) fn end(self, local: &mut Local) {
        if self.began {
            let Express { arrivals, departures, counts, .. } = self.express;
            if let Some(arrivals) = arrivals.get(self.device) {
                counts.settle(local, self.config, arrivals, departures);
            }
            if self.rules.is_some() && !mutant("express-counts-no-rules") {
                local.filter.settle((local.index, local.now));
            }
        }
    }

    #[inline(never)] // Once for a batch.
    fn run(
        &mut self,
        ctx: &mut Ctx<'_, Unlocked>,
        local: &mut Local,
        frames: &mut Drain<'_, Mbuf>,
    ) -> Option<Mbuf> {
        if self.walked {
            if !self.is_as_it_was(local) {
                return frames.next();
            }
            local.timed.back(TimedStep::Express);
        }
        self.walked = true;
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
        let same = local.filter.in_force() == self.rules && local.config().is(self.config);
        self.on = is_free(local) && same;
        if self.on && !mutant("express-remembers-ways") {
            let routes = self.config.default_routing().routes();
            self.express.asked.six.see_changes(&routes.six);
            self.express.asked.four.see_changes(&routes.four);
        }
        self.on
    }

    fn flush(&mut self, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        for vector in self.express.vectors.in_use() {
            local.transmit_all(ctx, vector.port, &mut vector.frames, vector.unfinished);
        }
    }
}

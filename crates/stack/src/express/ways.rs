//! Where the packets of a batch go: their ways, looked up together by name, and what is known of where each leads.
//!
//! Many packets go few ways. What a way's name stands for is looked up once, with where its interface's frames leave and where
//! this worker has its router, and kept for as long as neither routes nor the configuration change.

use std::net::IpAddr;

use siding_netisr::IfId;
use siding_netisr::sync::mutant;

use crate::lltable::Direct;
use crate::route::Address;
use crate::route::Fib;
use crate::route::Way;
use crate::route::WayName;

/// Ways that are known at once, of each family. Two with names that fall into one place put each other out.
const KNOWN: usize = 512;

/// Destinations of a batch, and the ways to them.
pub(super) struct Ways<A> {
    pub(super) dsts: Vec<A>,
    names: Vec<Option<WayName>>,
    /// By their names; nothing before the first.
    known: Vec<Known<A>>,
    /// The configuration, and how often routes had changed, since which all that is known is.
    of: (u64, u64),
    /// Another number for each of these.
    age: u64,
    /// Routes have changed since names were looked up: each way is looked up when its packet comes next.
    is_old: bool,
}

/// What is known of a way.
#[derive(Clone, Copy)]
struct Known<A> {
    age: u64,
    name: Option<WayName>,
    leaves: u32,
    /// Where a worker would have its router.
    place: u32,
    out: IfId,
    /// None if its packets go to their destinations themselves.
    router: Option<A>,
    /// Routers share its flows: each flow's is a way with a name of its own.
    is_shared: bool,
}

/// Where a packet goes next.
pub(super) struct Hop<A> {
    pub(super) out: IfId,
    /// The place of the interface among departures.
    pub(super) leaves: usize,
    pub(super) addr: A,
    /// Where a worker has that neighbour, if it does.
    pub(super) place: usize,
}

impl<A> Default for Ways<A> {
    fn default() -> Ways<A> {
        let (dsts, names, known) = (Vec::new(), Vec::new(), Vec::new());
        Ways { dsts, names, known, of: (0, 0), age: 1, is_old: false }
    }
}

impl<A: Address + Into<IpAddr>> Ways<A> {
    #[inline]
    pub(super) fn clear(&mut self) {
        self.dsts.clear();
        self.names.clear();
        self.is_old = false;
    }

    /// Notes a destination, and gives its place.
    #[inline]
    pub(super) fn ask(&mut self, dst: A) -> u8 {
        self.dsts.push(dst);
        // Of a batch.
        (self.dsts.len() - 1) as u8
    }

    /// Looks up all names, with the configuration of this version.
    #[inline]
    pub(super) fn look_up(&mut self, version: u64, routes: &Fib<A>) {
        if self.dsts.is_empty() {
            return;
        }
        // Before the names, and once more behind them: what had a name all the time in between has it still.
        let of = (version, routes.changes());
        if self.of != of {
            self.of = of;
            self.age += 1;
        }
        self.names.resize(self.dsts.len(), None);
        routes.lookup_names(&self.dsts, &mut self.names);
        self.see_changes(routes);
    }

    /// A frame has been walked, which may have changed routes, as others may.
    #[inline]
    pub(super) fn see_changes(&mut self, routes: &Fib<A>) {
        self.is_old |= self.of.1 != routes.changes();
    }

    /// Where the packet to the destination in a place goes next. `flow` is its flow's hash, and `leaves` says where among
    /// departures an interface is. Once routes have changed each way is looked up by itself, as for a frame that is walked:
    /// whoever changes them again and again does not have a whole batch looked up each time.
    #[inline]
    pub(super) fn hop(
        &mut self,
        routes: &Fib<A>,
        at: usize,
        flow: impl Fn() -> u32,
        leaves: impl FnOnce(IfId) -> usize,
    ) -> Option<Hop<A>> {
        let dst = *self.dsts.get(at)?;
        if self.is_old {
            let flow = || if mutant("express-forgets-flows") { 0 } else { flow() };
            return to(dst, &learn(routes.lookup_for(dst, flow)?, leaves)?);
        }
        let name = (*self.names.get(at)?)?;
        match self.find(name) {
            Some(known) if !known.is_shared => to(dst, known),
            Some(_) => self.shared(routes, (dst, name), flow, leaves),
            None => self.learn(routes, (dst, name), flow, leaves),
        }
    }

    #[inline]
    fn find(&self, name: WayName) -> Option<&Known<A>> {
        let known = self.known.get(name.number() as usize % KNOWN)?;
        (known.name == Some(name) && known.age == self.age).then_some(known)
    }

    /// The same for a way of which nothing is known yet.
    #[cold]
    fn learn(
        &mut self,
        routes: &Fib<A>,
        (dst, name): (A, WayName),
        flow: impl Fn() -> u32,
        leaves: impl FnOnce(IfId) -> usize,
    ) -> Option<Hop<A>> {
        let (again, way) = routes.lookup_named(dst)?;
        let fresh = match way {
            Some(way) => learn(way, leaves)?,
            None => {
                let known = Known {
                    age: 0,
                    name: None,
                    leaves: 0,
                    place: 0,
                    out: IfId::NONE,
                    router: None,
                    is_shared: true,
                };
                self.keep(again, known, again == name && self.of.1 == routes.changes());
                return self.shared(routes, (dst, again), flow, leaves);
            }
        };
        // What has changed meanwhile is right, and not to be kept.
        self.keep(name, fresh, again == name && self.of.1 == routes.changes());
        to(dst, &fresh)
    }

    /// The same for a way whose flows routers share. It has no name of its own once the routes have changed.
    #[inline(never)] // Few are.
    fn shared(
        &mut self,
        routes: &Fib<A>,
        (dst, name): (A, WayName),
        flow: impl Fn() -> u32,
        leaves: impl FnOnce(IfId) -> usize,
    ) -> Option<Hop<A>> {
        let hash = if mutant("express-has-one-flow") { 0 } else { flow() };
        let Some((own, way)) = routes.shared(name, self.of.1, hash) else {
            return to(dst, &learn(routes.lookup_for(dst, || hash)?, leaves)?);
        };
        if let Some(known) = self.find(own) {
            return to(dst, known);
        }
        let fresh = learn(way, leaves)?;
        let own = if mutant("express-gives-all-to-one-hop") { name } else { own };
        self.keep(own, fresh, true);
        to(dst, &fresh)
    }

    /// Keeps what is known of a way, if it `may` be.
    fn keep(&mut self, name: WayName, fresh: Known<A>, may: bool) {
        if !may {
            return;
        }
        self.known.resize(KNOWN, Known { age: 0, name: None, ..fresh });
        if let Some(known) = self.known.get_mut(name.number() as usize % KNOWN) {
            *known = Known { age: self.age, name: Some(name), ..fresh };
        }
    }
}

/// What is to be known of a way; `None` if nothing that goes it is plain.
fn learn<A: Address + Into<IpAddr>>(way: Way<A>, leaves: impl FnOnce(IfId) -> usize) -> Option<Known<A>> {
    let Way::Out { interface: out, next_hop: router } = way else { return None };
    let place = router.map_or(0, |router| Direct::place(out, router.into()));
    let leaves = leaves(out) as u32;
    Some(Known { age: 0, name: None, leaves, place: place as u32, out, router, is_shared: false })
}

#[inline]
fn to<A: Address + Into<IpAddr>>(dst: A, known: &Known<A>) -> Option<Hop<A>> {
    let (addr, place) = match known.router {
        Some(router) => (router, known.place as usize),
        None => (dst, Direct::place(known.out, dst.into())),
    };
    Some(Hop { out: known.out, leaves: known.leaves as usize, addr, place })
}

//! A batch seen by its headers, and the ways of what is plain, looked up together.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_mbuf::Mbuf;
use siding_wire::EtherType;

use super::arrival::Arrivals;
use super::plain;
use crate::config::Config;
use crate::ifnet::Version;
use crate::route::Address;
use crate::route::Fib;
use crate::route::Way;

/// What was found out about the frames of a batch.
#[derive(Default)]
pub(super) struct Looks {
    all: Vec<Look>,
    /// The place of the next frame.
    next: usize,
    pub(super) six: Asked<Ipv6Addr>,
    pub(super) four: Asked<Ipv4Addr>,
}

// Places are bytes.
const _: () = assert!(crate::BATCH <= 1 << u8::BITS);

/// Destinations, and the ways to them.
pub(super) struct Asked<A> {
    pub(super) dsts: Vec<A>,
    ways: Vec<Option<Way<A>>>,
    /// How often routes had changed when it was asked for ways.
    changes: u64,
    /// They have changed since: each way is looked up again when its packet comes next.
    is_old: bool,
}

/// What was found out about a frame.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// `None` for one that is not plain.
    pub(super) version: Option<Version>,
    /// The place of what it came by.
    pub(super) arrival: u8,
    /// The place of its destination among those that were asked for.
    pub(super) asked: u8,
    /// Bytes of the packet, without the link's header and padding.
    pub(super) len: u32,
}

impl Look {
    const LEFT: Look = Look { version: None, arrival: 0, asked: 0, len: 0 };
}

impl<A> Default for Asked<A> {
    fn default() -> Asked<A> {
        Asked { dsts: Vec::new(), ways: Vec::new(), changes: 0, is_old: false }
    }
}

impl<A: Address> Asked<A> {
    fn clear(&mut self) {
        self.dsts.clear();
        self.ways.clear();
        self.is_old = false;
    }

    /// Looks up the ways of all.
    fn look_up(&mut self, routes: &Fib<A>) {
        // Before the ways: what changes meanwhile is seen later, if it was not now.
        self.changes = routes.changes();
        if !self.dsts.is_empty() {
            self.ways.resize(self.dsts.len(), None);
            routes.lookup_all(&self.dsts, &mut self.ways);
        }
    }

    /// A frame has been walked, which may have changed routes, as others may.
    #[inline]
    fn see_changes(&mut self, routes: &Fib<A>) {
        self.is_old |= self.changes != routes.changes();
    }

    /// The destination in a place, and the way there. Once routes have changed each is looked up by itself, as for a frame that is
    /// walked: whoever changes them again and again does not have a whole batch looked up each time.
    #[inline]
    pub(super) fn way(&self, routes: &Fib<A>, at: usize) -> Option<(A, Way<A>)> {
        let dst = *self.dsts.get(at)?;
        let way = if self.is_old { routes.lookup(dst) } else { *self.ways.get(at)? };
        Some((dst, way?))
    }

    #[inline]
    fn ask(&mut self, dst: A) -> u8 {
        self.dsts.push(dst);
        // Of a batch.
        (self.dsts.len() - 1) as u8
    }
}

impl Looks {
    /// Looks at frames, and looks up the ways of those that are plain.
    pub(super) fn look(&mut self, config: &Config, arrivals: &mut Arrivals, frames: &[Mbuf]) {
        self.next = 0;
        self.all.clear();
        self.six.clear();
        self.four.clear();
        // There are no more in a batch.
        for frame in frames.iter().take(crate::BATCH) {
            let look = self.judge(config, arrivals, frame.data());
            self.all.push(look.unwrap_or(Look::LEFT));
        }
        self.six.look_up(&config.routes.six);
        self.four.look_up(&config.routes.four);
    }

    /// What was seen of the next frame.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Look> {
        let look = self.all.get(self.next).copied();
        self.next += 1;
        look
    }

    /// Sees whether routes have changed since they were asked.
    #[inline]
    pub(super) fn see_changes(&mut self, config: &Config) {
        self.six.see_changes(&config.routes.six);
        self.four.see_changes(&config.routes.four);
    }

    /// Judges a frame by its headers.
    #[inline]
    fn judge(&mut self, config: &Config, arrivals: &mut Arrivals, frame: &[u8]) -> Option<Look> {
        let place = arrivals.find(config, frame)?;
        let arrival = arrivals.get(place)?;
        let (ethertype, packet) = arrival.packet(frame)?;
        let (version, asked, len) = match ethertype {
            EtherType::IPV6 => {
                let plain = plain::six(config, packet)?;
                (Version::V6, self.six.ask(plain.dst), plain.len)
            }
            EtherType::IPV4 => {
                let plain = plain::four(config, config.interface(arrival.id)?, packet)?;
                (Version::V4, self.four.ask(plain.dst), plain.len)
            }
            _ => return None,
        };
        Some(Look { version: Some(version), arrival: place as u8, asked, len: len as u32 })
    }
}

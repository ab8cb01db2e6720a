//! A batch seen by its headers, and the ways of what is plain, looked up together.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_mbuf::Mbuf;
use siding_wire::EtherType;

use super::arrival::Arrivals;
use super::plain;
use crate::config::Config;
use crate::ifnet::Version;
use crate::route::Way;

/// What was found out about the frames of a batch.
#[derive(Default)]
pub(super) struct Looks {
    all: Vec<Look>,
    /// The place of the next frame.
    next: usize,
    pub(super) six: Asked<Ipv6Addr>,
    pub(super) four: Asked<Ipv4Addr>,
    /// How often routes had changed when they were asked for ways.
    changes: [u64; 2],
}

/// Destinations, and the ways to them.
pub(super) struct Asked<A> {
    pub(super) dsts: Vec<A>,
    pub(super) ways: Vec<Option<Way<A>>>,
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
        Asked { dsts: Vec::new(), ways: Vec::new() }
    }
}

impl<A> Asked<A> {
    fn clear(&mut self) {
        self.dsts.clear();
        self.ways.clear();
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
        // Before the ways: what changes meanwhile is seen later, if it was not now.
        self.changes = count_changes(config);
        // Places are bytes: there are no more in a batch.
        for frame in frames.iter().take(crate::BATCH) {
            let look = self.judge(config, arrivals, frame.data());
            self.all.push(look.unwrap_or(Look::LEFT));
        }
        let Looks { six, four, .. } = self;
        if !six.dsts.is_empty() {
            six.ways.resize(six.dsts.len(), None);
            config.routes.six.lookup_all(&six.dsts, &mut six.ways);
        }
        if !four.dsts.is_empty() {
            four.ways.resize(four.dsts.len(), None);
            config.routes.four.lookup_all(&four.dsts, &mut four.ways);
        }
    }

    /// What was seen of the next frame.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Look> {
        let look = self.all.get(self.next).copied();
        self.next += 1;
        look
    }

    /// Whether routes have changed since they were asked.
    pub(super) fn are_old(&self, config: &Config) -> bool {
        self.changes != count_changes(config)
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

fn count_changes(config: &Config) -> [u64; 2] {
    [config.routes.four.changes(), config.routes.six.changes()]
}

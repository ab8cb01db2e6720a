//! A plain packet on its way out: its way, its neighbour, its new headers, and the port that it leaves by.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::sync::mutant;
use siding_wire::ip4;

use super::Batch;
use super::arrival::Arrivals;
use super::departure::Bottom;
use super::departure::Departure;
use crate::config::Config;
use crate::ends;
use crate::ifnet::Kind;
use crate::ifnet::Version;
use crate::nd6::dad::DadState;
use crate::route::Address;
use crate::route::Way;
use crate::worker::Local;

/// What packets of one batch leave by, in the order of their first.
#[derive(Default)]
pub(super) struct Departures {
    ids: Vec<IfId>,
    /// Nothing where nothing that leaves is plain.
    all: Vec<Option<Departure>>,
    /// Packets, by version, by what they came by, and by what they leave by.
    pairs: Vec<([u8; 4], u64)>,
}

/// Frames of a batch, by the port that they leave by.
#[derive(Default)]
pub(super) struct Vectors {
    all: Vec<Vector>,
    /// How many have a port in this batch.
    used: usize,
}

/// Frames for one port.
pub(super) struct Vector {
    pub(super) port: IfId,
    pub(super) frames: Vec<Mbuf>,
}

impl Batch<'_, '_> {
    /// Makes the next frame ready to leave, and gives the place of the vector that it belongs to. `None`, and no change, if
    /// it is not plain.
    #[inline]
    pub(super) fn send(&mut self, local: &Local, frame: &mut Mbuf) -> Option<usize> {
        let express = &mut *self.express;
        let look = express.looks.next()?;
        let (version, asked) = (look.version?, usize::from(look.asked));
        let routes = &self.config.routes;
        let (out, hop) = match version {
            Version::V6 => next_hop(express.looks.six.way(&routes.six, asked)?)?,
            Version::V4 => next_hop(express.looks.four.way(&routes.four, asked)?)?,
        };
        let leaves = express.departures.find(out, || Departure::new(self.config, local, out))?;
        let departure = express.departures.all.get_mut(leaves)?.as_mut()?;
        let came = usize::from(look.arrival);
        let arrival = *express.arrivals.get(came)?;
        // Where it came from: its sender may be told of a better way, or it would go to and fro.
        if out == arrival.id && !mutant("express-sends-back") || !departure.takes(version) {
            return None;
        }
        if let IpAddr::V4(hop) = hop
            && !may_be_sent4(self.config, out, *express.looks.four.dsts.get(asked)?, hop)
        {
            return None;
        }
        let (at, len) = (arrival.at, look.len as usize);
        // A super-frame is as large as its segments.
        let is_long = len > departure.mtu && frame.longest().saturating_sub(at).min(len) > departure.mtu;
        // What is to be done begins before the packet, where nobody looks for it.
        if frame.offload().is_some_and(|offload| offload.start < at) {
            return None;
        }
        if is_long && !mutant("express-ignores-the-mtu") {
            return None;
        }
        let header = departure.header_len;
        if header > at && frame.headroom() < header - at {
            return None;
        }
        let mac = local.direct.lookup(out, hop)?;
        let whole = frame.len();
        take_a_hop_off(frame.data_mut()?.get_mut(at..)?, version)?;
        // From here on nothing is in its way.
        if !mutant("express-keeps-the-padding") {
            frame.truncate(at + len);
        }
        if header > at {
            frame.prepend(header - at)?;
        } else {
            frame.trim_front(at - header);
        }
        departure.write(frame.data_mut()?.get_mut(..header)?, mac, version)?;
        frame.set_rcvif(arrival.id);
        let port = match departure.bottom {
            Bottom::Device(port) => port,
            Bottom::Lagg(lagg) => match &self.config.interface(lagg)?.kind {
                Kind::Lagg(view) => view.pick(frame.data())?,
                _ => return None,
            },
        };
        departure.count(len);
        express.arrivals.count(came, whole);
        express.departures.count([version as u8, look.arrival, leaves as u8, 0]);
        Some(express.vectors.of(port))
    }
}

/// Where the way to a destination leads, if it leads anywhere.
#[inline]
fn next_hop<A: Address + Into<IpAddr>>((dst, way): (A, Way<A>)) -> Option<(IfId, IpAddr)> {
    match way {
        Way::Out { interface, next_hop } => Some((interface, next_hop.unwrap_or(dst).into())),
        Way::Refused(_) => None,
    }
}

/// Whether it is nobody's that a packet would go to: not everybody's on that link, nor, as its next hop, an address of ours there
/// that is tested yet. (In IPv6 that one would be the destination, which is known to be none of ours.)
#[inline]
fn may_be_sent4(config: &Config, out: IfId, dst: Ipv4Addr, hop: Ipv4Addr) -> bool {
    let Some(out) = config.interface(out) else { return false };
    let tentative = out.addrs4.iter().any(|own| own.addr == hop && own.state == DadState::Tentative);
    let everybodys = ends::is_directed_broadcast(out, dst) && !mutant("express-sends-to-everybody");
    !tentative && !everybodys
}

#[inline]
fn take_a_hop_off(packet: &mut [u8], version: Version) -> Option<()> {
    /// Where the hop limit stands.
    const HOPS: usize = 7;
    if mutant("express-takes-no-hop-off") {
        return Some(());
    }
    match version {
        // It was more than 1.
        Version::V6 => {
            let hops = packet.get_mut(HOPS)?;
            *hops = hops.saturating_sub(1);
        }
        Version::V4 => _ = ip4::decrement_ttl(packet).ok()?,
    }
    Some(())
}

impl Departures {
    pub(super) fn begin(&mut self) {
        self.ids.clear();
        self.all.clear();
        self.pairs.clear();
    }

    /// The place of an interface, made by `make` if it is the first time.
    #[inline]
    fn find(&mut self, id: IfId, make: impl FnOnce() -> Option<Departure>) -> Option<usize> {
        if let Some(place) = self.ids.iter().position(|known| *known == id) {
            return Some(place);
        }
        self.ids.push(id);
        self.all.push(make());
        Some(self.all.len() - 1)
    }

    #[inline]
    fn count(&mut self, pair: [u8; 4]) {
        match self.pairs.iter_mut().find(|known| known.0 == pair) {
            Some(known) => known.1 += 1,
            None => self.pairs.push((pair, 1)),
        }
    }

    /// Puts down what was counted.
    pub(super) fn settle(&self, local: &mut Local, config: &Config, arrivals: &Arrivals) {
        self.all.iter().flatten().for_each(|departure| departure.settle(local.index, config));
        for ([version, came, leaves, _], packets) in &self.pairs {
            let version = if *version == Version::V4 as u8 { Version::V4 } else { Version::V6 };
            let came = arrivals.get((*came).into()).map(|arrival| arrival.id);
            let leaves = self.ids.get(usize::from(*leaves)).copied();
            if let Some(way) = came.zip(leaves)
                && !mutant("express-counts-nothing-forwarded")
            {
                local.note_many_forwarded(version, way, *packets);
            }
        }
    }
}

impl Vectors {
    /// All are empty.
    pub(super) fn begin(&mut self) {
        self.used = 0;
    }

    /// The place of a port's vector.
    #[inline]
    fn of(&mut self, port: IfId) -> usize {
        let used = self.all.iter().take(self.used).position(|vector| vector.port == port);
        used.unwrap_or_else(|| self.take(port))
    }

    #[cold]
    fn take(&mut self, port: IfId) -> usize {
        match self.all.get_mut(self.used) {
            Some(vector) => {
                // A device that panicked may have left some.
                vector.frames.clear();
                vector.port = port;
            }
            None => self.all.push(Vector { port, frames: Vec::with_capacity(crate::BATCH) }),
        }
        self.used += 1;
        self.used - 1
    }

    /// Puts a frame into the vector in a place.
    #[inline]
    pub(super) fn push(&mut self, place: usize, frame: Mbuf) {
        if let Some(vector) = self.all.get_mut(place) {
            vector.frames.push(frame);
        }
    }

    pub(super) fn in_use(&mut self) -> impl Iterator<Item = &mut Vector> {
        self.all.iter_mut().take(self.used).filter(|vector| !vector.frames.is_empty())
    }
}

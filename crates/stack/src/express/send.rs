//! A plain packet on its way out: its neighbour, its new headers, and the port that it leaves by.

use std::net::Ipv4Addr;

use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::sync::mutant;
use siding_wire::ip4;

use super::Batch;
use super::departure::Bottom;
use super::departure::Departure;
use crate::config::Config;
use crate::ends;
use crate::ifnet::Kind;
use crate::ifnet::Version;
use crate::nd6::dad::DadState;
use crate::stack::worker::Local;

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
    /// Something is left undone of one of them.
    pub(super) unfinished: bool,
}

impl Batch<'_, '_> {
    /// Makes the next frame ready to leave, and gives the place of the vector that it belongs to. `None`, and no change, if
    /// it is not plain.
    #[inline]
    pub(super) fn send(&mut self, local: &mut Local, frame: &mut Mbuf) -> Option<usize> {
        let express = &mut *self.express;
        let look = express.looks.next()?;
        let (version, asked) = (look.version?, usize::from(look.asked));
        let (config, departures) = (self.config, &mut express.departures);
        let routes = config.default_routing().routes();
        let arrival = express.arrivals.get(self.device)?.get(look.arrival.into())?;
        let (at, len) = (arrival.at, look.len as usize);
        let leaves = |out| departures.find(out, self.version, || Departure::new(config, &*local, out));
        // As `walk` sees it: without padding.
        let packet = frame.data().get(at..at + len)?;
        let (out, leaves, mac) = match version {
            Version::V6 => {
                let hop =
                    express.asked.six.hop(&routes.six, asked, || config.flow_key.six(packet), leaves)?;
                (hop.out, hop.leaves, local.direct.lookup_at(hop.place, hop.out, hop.addr.into())?)
            }
            Version::V4 => {
                let hop =
                    express.asked.four.hop(&routes.four, asked, || config.flow_key.four(packet), leaves)?;
                if !may_be_sent4(config, hop.out, *express.asked.four.dsts.get(asked)?, hop.addr) {
                    return None;
                }
                (hop.out, hop.leaves, local.direct.lookup_at(hop.place, hop.out, hop.addr.into())?)
            }
        };
        let departure = express.departures.get(leaves, out)?;
        // Where it came from: its sender may be told of a better way, or it would go to and fro.
        if out == arrival.id && !mutant("express-sends-back") || !departure.takes(version) {
            return None;
        }
        let whole = frame.len();
        // A super-frame is as large as its segments.
        let is_long = len > departure.mtu && frame.longest().saturating_sub(at).min(len) > departure.mtu;
        if is_long && !mutant("express-ignores-the-mtu") {
            return None;
        }
        // What is to be done begins before the packet, where nobody looks for it.
        if frame.is_unfinished() && frame.offload().is_some_and(|offload| offload.start < at) {
            return None;
        }
        let header = departure.header_len;
        if header > at && frame.headroom() < header - at {
            return None;
        }
        let bytes = frame.data_mut()?;
        if self.rules.is_some() {
            let packet = bytes.get(at..at + len)?;
            let upper = packet.get(version.header_len()..)?;
            let (now, by) = (local.now, (look.flow?.into(), arrival.id));
            if !local.filter.passes_alone(now, by, version, (packet, upper)) {
                return None;
            }
        }
        take_a_hop_off(bytes.get_mut(at..)?, version)?;
        // From here on nothing is in its way.
        if header > at {
            frame.prepend(header - at)?;
            departure.write(frame.data_mut()?.get_mut(..header)?, mac, version)?;
        } else {
            departure.write(bytes.get_mut(at - header..at)?, mac, version)?;
            frame.trim_front(at - header);
        }
        if !mutant("express-keeps-the-padding") {
            frame.truncate(header + len);
        }
        frame.set_rcvif(arrival.id);
        let port = match departure.bottom {
            Bottom::Device(port) => port,
            Bottom::Lagg(lagg) => match &config.interface(lagg)?.kind {
                Kind::Lagg(view) => view.pick(local.index, frame.data())?,
                _ => return None,
            },
        };
        express.counts.add((version, look.arrival, leaves), whole, len);
        Some(express.vectors.of(port))
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

impl Vectors {
    /// All are empty.
    #[inline]
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
                vector.unfinished = false;
            }
            None => {
                let frames = Vec::with_capacity(crate::BATCH);
                self.all.push(Vector { port, frames, unfinished: false });
            }
        }
        self.used += 1;
        self.used - 1
    }

    /// Puts a frame into the vector in a place.
    #[inline]
    pub(super) fn push(&mut self, place: usize, frame: Mbuf) {
        if let Some(vector) = self.all.get_mut(place) {
            vector.unfinished |= frame.is_unfinished();
            vector.frames.push(frame);
        }
    }

    pub(super) fn in_use(&mut self) -> impl Iterator<Item = &mut Vector> {
        self.all.iter_mut().take(self.used).filter(|vector| !vector.frames.is_empty())
    }
}

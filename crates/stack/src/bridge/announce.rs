//! What a switch must be told when a lagg below a bridge changes ports.
//!
//! Our own addresses are announced by the lagg, wherever they lie on it, the bridge's among them. But the stations
//! behind the bridge's *other* ports moved too, as a switch at the lagg's end sees it: frames to them still go to the
//! port that is not in use any more, until each of them speaks by itself. So each of those that somebody sends to is
//! spoken for: one broadcast frame from its address, which every switch learns from and no host heeds. (Open vSwitch
//! does so for its bonds, and hypervisors when a machine migrates; Linux and VPP leave it to the stations.) The frame
//! is a reverse ARP request with the station's address, RFC 903, as theirs are.
//!
//! Such a frame from a place where the station is no more would lead its packets astray, so a station is looked for
//! again when its frame is sent: if it has moved meanwhile, or was forgotten, the frame is dropped.

use std::net::Ipv4Addr;

use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::arp::ARP_LEN;
use siding_wire::arp::ArpOp;
use siding_wire::arp::ArpRepr;
use siding_wire::ether;
use siding_wire::ether::Ether;

use crate::config::Config;
use crate::ifnet::Kind;
use crate::stack::Shared;

use super::View;

/// The stations that are reached from the links of `nest` by way of a bridge: the port of the bridge that lies in the
/// nest, and a station behind another port to which somebody sends.
pub(crate) fn beyond(config: &Config, nest: &[IfId], now: Instant) -> Vec<(IfId, Mac)> {
    let ports = nest.iter().filter_map(|id| Some((*id, view_above(config, *id)?)));
    ports
        .flat_map(|(port, view)| {
            let known = view.bridge.stations.all(now).filter(|station| station.wanted);
            let known = known.filter_map(|station| Some((view.numbered(station.port)?.id, station.mac)));
            let others = known.filter(move |(behind, _)| *behind != port);
            others.map(move |(_, station)| (port, station))
        })
        .collect()
}

/// Whether the station is still behind another port of the bridge that `port` is one of.
pub(crate) fn is_beyond(config: &Config, port: IfId, station: Mac, now: Instant) -> bool {
    view_above(config, port).is_some_and(|view| {
        let behind = view.bridge.stations.look(station, now).and_then(|number| view.numbered(number));
        behind.is_some_and(|behind| behind.id != port)
    })
}

/// A frame that says nothing but where its sender is. `None` if no buffer is free.
pub(crate) fn learning_frame(shared: &Shared, station: Mac) -> Option<Mbuf> {
    let mut frame = shared.pool.alloc()?;
    let (none, op) = (Ipv4Addr::UNSPECIFIED, ArpOp::REVERSE_REQUEST);
    let header = Ether { dst: Mac::BROADCAST, src: station, ethertype: EtherType::RARP };
    header.emit(frame.append(ether::HEADER_LEN)?).ok()?;
    let who = ArpRepr { op, sha: station, spa: none, tha: station, tpa: none };
    who.emit(frame.append(ARP_LEN)?).ok()?;
    Some(frame)
}

fn view_above(config: &Config, port: IfId) -> Option<&View> {
    match &config.interface(config.interface(port)?.member_of)?.kind {
        Kind::Bridge(view) => Some(view),
        _ => None,
    }
}

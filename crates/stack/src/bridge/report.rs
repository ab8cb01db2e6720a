//! What a bridge tells of itself.

use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_netisr::IfId;
use siding_wire::Mac;

use super::View;
use crate::Stack;
use crate::config::Config;
use crate::ifnet::Interface;
use crate::ifnet::Kind;

/// A bridge, for tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeReport {
    /// Its identity.
    pub id: IfId,
    /// Its name.
    pub name: String,
    /// Its own address.
    pub mac: Mac,
    /// How long a station is remembered after its last frame.
    pub ageing: Duration,
    /// Stations that are remembered at most.
    pub limit: usize,
    /// Its ports, in order of joining.
    pub ports: Vec<BridgePortReport>,
    /// The stations that it knows, in order of their addresses.
    pub stations: Vec<StationReport>,
    /// Frames that went to the port of a known station, ever.
    pub forwarded: u64,
    /// Frames that went to all ports, ever.
    pub flooded: u64,
    /// How often a station was heard behind another port than before.
    pub moved: u64,
    /// Frames whose sender was not learnt, because the table had no room.
    pub refused: u64,
}

/// A port of a bridge, for tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgePortReport {
    /// Its identity.
    pub id: IfId,
    /// Its name.
    pub name: String,
    /// Whether frames pass: it is up and has a link, and so has what it lies on.
    pub forwarding: bool,
    /// Stations that are known to be behind it.
    pub stations: usize,
}

/// A station that a bridge knows, for tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StationReport {
    /// Its address.
    pub mac: Mac,
    /// The port that it is behind.
    pub port: IfId,
    /// Time since it was heard, to one part in 256 of the ageing time.
    pub age: Duration,
    /// Whether somebody has sent it a frame: such a one is never pushed out by newcomers.
    pub wanted: bool,
}

impl Stack {
    /// Every bridge, with the stations that it knows.
    pub fn bridges(&self) -> Vec<BridgeReport> {
        let config = self.config();
        let bridges = config.interfaces().filter_map(|interface| match &interface.kind {
            Kind::Bridge(view) => Some((interface, view)),
            _ => None,
        });
        bridges.map(|(interface, view)| self.bridge(&config, interface, view)).collect()
    }

    fn bridge(&self, config: &Config, interface: &Interface, view: &View) -> BridgeReport {
        let bridge = &view.bridge;
        let known = bridge.stations.all(self.now()).filter_map(|station| {
            let port = view.numbered(station.port)?.id;
            Some(StationReport { mac: station.mac, port, age: station.age, wanted: station.wanted })
        });
        let mut stations: Vec<_> = known.collect();
        stations.sort_by_key(|station| station.mac);
        let ports = view.ports.iter().map(|port| BridgePortReport {
            id: port.id,
            name: config.interface(port.id).map_or_else(String::new, |port| port.ifnet.name.clone()),
            forwarding: port.forwarding,
            stations: stations.iter().filter(|station| station.port == port.id).count(),
        });
        BridgeReport {
            id: interface.ifnet.id,
            name: interface.ifnet.name.clone(),
            mac: interface.mac,
            ageing: view.spec.ageing,
            limit: view.spec.stations,
            ports: ports.collect(),
            forwarded: bridge.counts.forwarded.load(Ordering::Relaxed),
            flooded: bridge.counts.flooded.load(Ordering::Relaxed),
            moved: bridge.counts.moved.load(Ordering::Relaxed),
            refused: bridge.counts.refused.load(Ordering::Relaxed),
            stations,
        }
    }
}

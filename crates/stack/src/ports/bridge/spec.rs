//! What a bridge is made of.

use std::time::Duration;

use siding_wire::Mac;

/// A bridge that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeSpec {
    /// The operator's name for it.
    pub name: String,
    /// Its own address; a locally administered one that chance picks if none is given. It is none of its ports', so
    /// it stays when they come and go.
    pub mac: Option<Mac>,
    /// The largest IP packet, in bytes: the least that its ports carry, at most.
    pub mtu: u16,
    /// How long a station is remembered after its last frame; zero to flood everything.
    pub ageing: Duration,
    /// Stations that are remembered at most, 1 to [`MOST_STATIONS`](Self::MOST_STATIONS).
    pub stations: usize,
}

impl BridgeSpec {
    /// The most stations that a bridge can be told to remember.
    pub const MOST_STATIONS: usize = 1 << 20;
    /// The most ports that a bridge can have: one frame makes at most so many copies.
    pub const MOST_PORTS: usize = 64;

    /// A bridge by its name: MTU 1500, 300 s as 802.1D recommends, 8,192 stations.
    pub fn new(name: &str) -> BridgeSpec {
        BridgeSpec {
            name: name.to_string(),
            mac: None,
            mtu: 1500,
            ageing: Duration::from_secs(300),
            stations: 8192,
        }
    }
}

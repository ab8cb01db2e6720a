//! What the daemon tells of itself. Times are nanoseconds unless their names say otherwise.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv6Addr;

use serde::Deserialize;
use serde::Serialize;

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InterfaceRow {
    pub(crate) name: String,
    /// Its identity: `slot.generation`.
    pub(crate) id: String,
    pub(crate) driver: String,
    pub(crate) device: String,
    /// Administratively.
    pub(crate) up: bool,
    /// Whether its link is there.
    pub(crate) link: bool,
    /// `up`, or why it cannot be used, as `down`, `no carrier`, `IP stopped: ...`.
    pub(crate) state: String,
    pub(crate) mac: String,
    pub(crate) mtu: u16,
    pub(crate) addresses: Vec<String>,
    pub(crate) neighbors: usize,
    /// For how long its transmit queue, or one of several, has not moved, if it is stalled.
    pub(crate) tx_stalled_ms: Option<u64>,
    /// How often somebody has changed offloads or settings of the device, and they were put right.
    #[serde(default)]
    pub(crate) put_right: u64,
    /// Why they could not be.
    #[serde(default)]
    pub(crate) altered: Option<String>,
    /// What the stack counts.
    pub(crate) counters: BTreeMap<String, u64>,
    /// What the driver counts.
    pub(crate) device_counters: BTreeMap<String, u64>,
    /// What became of deferred packets in its name.
    pub(crate) netisr: BTreeMap<String, u64>,
}

/// An address of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AddressRow {
    pub(crate) address: String,
    pub(crate) interface: String,
    /// `tentative`, `optimistic`, `preferred`, `deprecated`, `duplicate` or `anycast`.
    pub(crate) state: String,
    /// `manual`, `autoconf`, `temporary`, or `subnet-router` for an anycast address that a router has by itself.
    pub(crate) origin: String,
    /// Seconds for which it stays preferred; `None` is for ever.
    pub(crate) preferred_s: Option<u64>,
    /// Seconds for which it stays ours; `None` is for ever.
    pub(crate) valid_s: Option<u64>,
}

/// A neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NeighborRow {
    pub(crate) address: IpAddr,
    pub(crate) interface: String,
    pub(crate) mac: Option<String>,
    pub(crate) state: String,
    pub(crate) router: bool,
    pub(crate) fixed: bool,
    /// Packets that wait for it.
    pub(crate) held: usize,
    /// Since the entry was made.
    pub(crate) age_ns: u64,
    /// Since it came to its state.
    pub(crate) in_state_ns: u64,
    /// Since it was last confirmed that the neighbour is reached, if it ever was.
    pub(crate) confirmed_ns: Option<u64>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RouteRow {
    pub(crate) to: String,
    pub(crate) via: Option<IpAddr>,
    pub(crate) interface: String,
    pub(crate) metric: u32,
    pub(crate) origin: String,
    /// How its destinations are refused, if they are.
    pub(crate) refuse: Option<String>,
    /// Why it gives way to others at this moment, if it does: `no carrier`, `down`.
    pub(crate) unfit: Option<String>,
}

/// The way that packets to an address take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WayRow {
    /// The address is one of ours.
    pub(crate) own: bool,
    /// By which they leave, or which has the address; `None` if there is no way.
    pub(crate) interface: Option<String>,
    /// The neighbour that they are handed to: the address itself if it is on the link.
    pub(crate) via: Option<IpAddr>,
    /// From which address of ours, if they start here.
    pub(crate) source: Option<IpAddr>,
    /// How they are refused, if they are.
    pub(crate) refuse: Option<String>,
}

/// A type of deferred packet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TypeRow {
    pub(crate) name: String,
    /// Packets that may wait for each worker.
    pub(crate) limit: u32,
    /// All workers together.
    pub(crate) total: LaneRow,
    pub(crate) workers: Vec<LaneRow>,
}

/// A type at one worker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LaneRow {
    pub(crate) accepted: u64,
    pub(crate) handled: u64,
    pub(crate) departed: u64,
    pub(crate) flushed: u64,
    pub(crate) dropped_oldest: u64,
    /// Packets that wait now.
    pub(crate) resident: u64,
    /// Panics of the type's handler.
    #[serde(default)]
    pub(crate) panicked: u64,
    /// Permits that are held.
    pub(crate) reserved: u64,
    /// The most that were seen waiting.
    pub(crate) high_water: u64,
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) oldest_age_ns: Option<u64>,
    pub(crate) residence_p50_ns: Option<u64>,
    pub(crate) residence_p99_ns: Option<u64>,
    pub(crate) residence_max_ns: Option<u64>,
    /// Whether `accepted` is the sum of the fates. Of a moment: while packets move it may be off by those.
    pub(crate) conserved: bool,
}

/// An interface that advertises us as a router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AdvertiserRow {
    pub(crate) interface: String,
    pub(crate) state: String,
    /// The link-local address that hosts know us by.
    pub(crate) source: Option<Ipv6Addr>,
    /// As a default router, in seconds.
    pub(crate) lifetime: u64,
    pub(crate) preference: String,
    pub(crate) min_interval_ms: u64,
    pub(crate) max_interval_ms: u64,
    /// Until everybody is told next.
    pub(crate) next_ms: Option<u64>,
    pub(crate) sent: u64,
    /// Solicitations heard on the interface.
    pub(crate) solicitations: u64,
    pub(crate) audience: String,
    pub(crate) managed: bool,
    pub(crate) other: bool,
    pub(crate) hop_limit: u8,
    pub(crate) reachable_time_ms: u64,
    pub(crate) retrans_timer_ms: u64,
    /// Prefixes, routes and what else is told, a line each.
    pub(crate) tells: Vec<String>,
}

/// Packets dropped for one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DropRow {
    pub(crate) cause: String,
    pub(crate) count: u64,
}

/// A bound, and what has come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LimitRow {
    pub(crate) limit: String,
    /// `None` for the whole stack.
    pub(crate) interface: Option<String>,
    /// The most that there may be.
    pub(crate) most: u64,
    pub(crate) used: u64,
    /// The most that there was; `None` if nobody kept count.
    pub(crate) highest: Option<u64>,
    /// How often something was refused, or pushed out, because of it.
    pub(crate) refused: u64,
}

/// A path that takes less than its first link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PathMtuRow {
    pub(crate) destination: IpAddr,
    /// Of a link-local destination.
    pub(crate) interface: Option<String>,
    /// Bytes.
    pub(crate) mtu: u16,
    /// Until a larger packet is tried, in milliseconds.
    pub(crate) left_ms: u64,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkerRow {
    pub(crate) worker: usize,
    /// The core that it is pinned to.
    pub(crate) core: Option<usize>,
    pub(crate) sleeping: bool,
    pub(crate) turns: u64,
    /// Turns that found something to do.
    pub(crate) busy: u64,
    pub(crate) received: u64,
    pub(crate) sleeps: u64,
    /// How often another thread had to wake it.
    pub(crate) wakeups: u64,
}

/// An answer to an echo request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PingRow {
    pub(crate) seq: u16,
    /// When it came, in nanoseconds on the daemon's clock.
    pub(crate) at_ns: u64,
    pub(crate) from: IpAddr,
    /// Of a reply.
    pub(crate) hop_limit: Option<u8>,
    /// Of an error: what it says.
    pub(crate) error: Option<String>,
}

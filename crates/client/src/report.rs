//! What the daemon tells of itself. Times are nanoseconds unless their names say otherwise.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv6Addr;

use serde::Deserialize;
use serde::Serialize;

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InterfaceRow {
    /// Its name.
    pub name: String,
    /// Its identity: `slot.generation`.
    pub id: String,
    /// What carries its frames: `tap`, `packet`, `memory`, or `vlan`, `lagg`, `bridge`.
    pub driver: String,
    /// The kernel's interface, or what it lies on.
    pub device: String,
    /// Administratively.
    pub up: bool,
    /// Whether its link is there.
    pub link: bool,
    /// `up`, or why it cannot be used, as `down`, `no carrier`, `IP stopped: ...`.
    pub state: String,
    /// Its link-layer address.
    pub mac: String,
    /// The largest packet, in bytes.
    pub mtu: u16,
    /// Its addresses, with the lengths of their prefixes.
    pub addresses: Vec<String>,
    /// So many are known there.
    pub neighbors: usize,
    /// For how long its transmit queue, or one of several, has not moved, if it is stalled.
    pub tx_stalled_ms: Option<u64>,
    /// How often somebody has changed offloads or settings of the device, and they were put right.
    #[serde(default)]
    pub put_right: u64,
    /// Why they could not be.
    #[serde(default)]
    pub altered: Option<String>,
    /// What the stack counts.
    pub counters: BTreeMap<String, u64>,
    /// What RFC 4293 counts, by its names: of IPv4 and IPv6.
    #[serde(default)]
    pub ip: Vec<IpRow>,
    /// What the driver counts.
    pub device_counters: BTreeMap<String, u64>,
    /// What became of deferred packets in its name.
    pub netisr: BTreeMap<String, u64>,
}

/// Datagrams of one version of IP at one interface: `ipIfStatsTable` of RFC 4293, without its prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IpRow {
    /// 4 or 6.
    pub version: u8,
    /// Received.
    pub in_receives: u64,
    /// Of those, with a header at fault, or at the end of their time.
    #[serde(default)]
    pub in_hdr_errors: u64,
    /// Of those, for others, and with no way, or one that refuses.
    #[serde(default)]
    pub in_no_routes: u64,
    /// Of those, from or for an address that cannot be, or for nobody here.
    #[serde(default)]
    pub in_addr_errors: u64,
    /// Of those, for us, and of a protocol that nobody speaks.
    #[serde(default)]
    pub in_unknown_protos: u64,
    /// Of those, for others: a way was looked for.
    pub in_forw_datagrams: u64,
    /// Fragments for us.
    #[serde(default)]
    pub reasm_reqds: u64,
    /// Datagrams that were put together of them.
    #[serde(default)]
    pub reasm_oks: u64,
    /// Datagrams that were not, and fragments that nothing can be made of.
    #[serde(default)]
    pub reasm_fails: u64,
    /// Of those, given to what is above IP.
    pub in_delivers: u64,
    /// Our own that were to leave, but for those to ourselves.
    pub out_requests: u64,
    /// Others', for which the way led by here.
    pub out_forw_datagrams: u64,
    /// Of both, those that were given up for want of their neighbour.
    #[serde(default)]
    pub out_discards: u64,
    /// Of both, those that were too large for the link.
    #[serde(default)]
    pub out_frag_reqds: u64,
    /// Of those, cut.
    #[serde(default)]
    pub out_frag_oks: u64,
    /// Of those, not cut, for they must not or could not be.
    #[serde(default)]
    pub out_frag_fails: u64,
    /// Made by cutting.
    #[serde(default)]
    pub out_frag_creates: u64,
    /// Handed to the link.
    #[serde(default)]
    pub out_transmits: u64,
    /// `icmpMsgStatsTable`, of this interface alone; types that were not met are left out.
    pub icmp: Vec<IcmpRow>,
}

/// ICMP messages of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IcmpRow {
    /// Its number; `None` for all that are not told apart.
    #[serde(rename = "type")]
    pub kind: Option<u8>,
    /// Received.
    pub in_pkts: u64,
    /// Sent.
    pub out_pkts: u64,
}

/// An address of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddressRow {
    /// With the length of its prefix.
    pub address: String,
    /// On which interface.
    pub interface: String,
    /// `tentative`, `optimistic`, `preferred`, `deprecated`, `duplicate` or `anycast`.
    pub state: String,
    /// `manual`, `autoconf`, `temporary`, or `subnet-router` for an anycast address that a router has by itself.
    pub origin: String,
    /// Seconds for which it stays preferred; `None` is for ever.
    pub preferred_s: Option<u64>,
    /// Seconds for which it stays ours; `None` is for ever.
    pub valid_s: Option<u64>,
}

/// A neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NeighborRow {
    /// Which address.
    pub address: IpAddr,
    /// On which interface.
    pub interface: String,
    /// Its link-layer address, if it is known.
    pub mac: Option<String>,
    /// As RFC 4861 names it: `INCOMPLETE`, `REACHABLE`, `STALE`, `DELAY`, `PROBE`.
    pub state: String,
    /// It says that it is a router.
    pub router: bool,
    /// It was set, and stays.
    pub fixed: bool,
    /// Packets that wait for it.
    pub held: usize,
    /// Since the entry was made.
    pub age_ns: u64,
    /// Since it came to its state.
    pub in_state_ns: u64,
    /// Since it was last confirmed that the neighbour is reached, if it ever was.
    pub confirmed_ns: Option<u64>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RouteRow {
    /// The prefix.
    pub to: String,
    /// The router; without one the destinations are on the link.
    pub via: Option<IpAddr>,
    /// By which packets leave; `-` if they are refused.
    pub interface: String,
    /// Less is better; 1,024 if it is not given.
    pub metric: u32,
    /// Where it is from: `connected`, `static`, `advertised` or `redirect`.
    pub origin: String,
    /// Its share of the flows beside those of the others to the same prefix that have one; `null` if it is alone.
    pub weight: Option<u8>,
    /// How its destinations are refused, if they are.
    pub refuse: Option<String>,
    /// Why it gives way to others at this moment, if it does: `no carrier`, `down`.
    pub unfit: Option<String>,
}

/// The way that packets to an address take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WayRow {
    /// The address is one of ours.
    pub own: bool,
    /// By which they leave, or which has the address; `None` if there is no way.
    pub interface: Option<String>,
    /// The neighbour that they are handed to: the address itself if it is on the link.
    pub via: Option<IpAddr>,
    /// From which address of ours, if they start here.
    pub source: Option<IpAddr>,
    /// How they are refused, if they are.
    pub refuse: Option<String>,
    /// If several routers share the flows to it: all of them. What stands above is then the way of some.
    pub shared: Vec<ShareRow>,
}

/// A router that shares flows with others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShareRow {
    /// The router.
    pub via: IpAddr,
    /// By which packets to it leave.
    pub interface: String,
    /// How many it has of 1,024 parts of the flows.
    pub share: u16,
    /// Why others have these meanwhile, if they do: `no carrier`, `down`.
    pub unfit: Option<String>,
}

/// A type of deferred packet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TypeRow {
    /// Its name.
    pub name: String,
    /// Packets that may wait for each worker.
    pub limit: u32,
    /// All workers together.
    pub total: LaneRow,
    /// Each of them.
    pub workers: Vec<LaneRow>,
}

/// A type at one worker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LaneRow {
    /// Packets that were taken, ever.
    pub accepted: u64,
    /// Of those: that met the handler.
    pub handled: u64,
    /// Of those: whose interface went.
    pub departed: u64,
    /// Of those: flushed as the type was unregistered.
    pub flushed: u64,
    /// Of those: pushed out by newer ones.
    pub dropped_oldest: u64,
    /// Packets that wait now.
    pub resident: u64,
    /// Panics of the type's handler.
    #[serde(default)]
    pub panicked: u64,
    /// Permits that are held.
    pub reserved: u64,
    /// The most that were seen waiting.
    pub high_water: u64,
    /// Packets that were given back, by the reason.
    pub refused: BTreeMap<String, u64>,
    /// How long the oldest has waited, if one waits.
    pub oldest_age_ns: Option<u64>,
    /// Half of the packets waited no longer.
    pub residence_p50_ns: Option<u64>,
    /// Of a hundred packets 99 waited no longer.
    pub residence_p99_ns: Option<u64>,
    /// None waited longer.
    pub residence_max_ns: Option<u64>,
    /// Packets whose wait was measured.
    #[serde(default)]
    pub timed: u64,
    /// How many of them waited no longer than that, for some lengths of time, the shortest first.
    #[serde(default)]
    pub residence: Vec<BucketRow>,
    /// Whether `accepted` is the sum of the fates. Of a moment: while packets move it may be off by those.
    pub conserved: bool,
}

/// Packets that waited no longer than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BucketRow {
    /// So long.
    pub at_most_ns: u64,
    /// So many.
    pub packets: u64,
}

/// An interface that advertises us as a router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AdvertiserRow {
    /// On which interface.
    pub interface: String,
    /// Whether it advertises, and if not, why.
    pub state: String,
    /// The link-local address that hosts know us by.
    pub source: Option<Ipv6Addr>,
    /// As a default router, in seconds.
    pub lifetime: u64,
    /// Against other routers: `low`, `medium` or `high`.
    pub preference: String,
    /// Between two advertisements, at the least.
    pub min_interval_ms: u64,
    /// At the most.
    pub max_interval_ms: u64,
    /// Until everybody is told next.
    pub next_ms: Option<u64>,
    /// Advertisements that were sent, ever.
    pub sent: u64,
    /// Solicitations heard on the interface.
    pub solicitations: u64,
    /// Who is told.
    pub audience: String,
    /// Addresses are to be had by DHCPv6.
    pub managed: bool,
    /// Other things are.
    pub other: bool,
    /// That hosts are to use; 0 says nothing.
    pub hop_limit: u8,
    /// That hosts are to use; 0 says nothing.
    pub reachable_time_ms: u64,
    /// That hosts are to use; 0 says nothing.
    pub retrans_timer_ms: u64,
    /// Prefixes, routes and what else is told, a line each.
    pub tells: Vec<String>,
}

/// Packets dropped on one account for one cause. The stack's of all accounts are all that it dropped. What the driver dropped
/// on the way out the stack counts too, as `tx-lost`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DropRow {
    /// By which they came in, or were to leave, if that is where it failed; `None` for our own before their way was known.
    pub interface: Option<String>,
    /// Of all interfaces that have gone.
    pub departed: bool,
    /// Who has dropped them.
    pub by: Dropper,
    /// Why.
    pub cause: String,
    /// So many, ever.
    pub count: u64,
    /// How fast it grows.
    pub per_second: Option<f64>,
    /// For so long that was looked at.
    pub over_s: Option<f64>,
}

/// Who has dropped something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Dropper {
    /// The stack.
    Stack,
    /// The driver of a device, or the kernel below it.
    Driver,
}

impl DropRow {
    /// By the stack, of no interface, and none yet.
    pub fn stack(cause: &str) -> DropRow {
        DropRow {
            interface: None,
            departed: false,
            by: Dropper::Stack,
            cause: cause.to_owned(),
            count: 0,
            per_second: None,
            over_s: None,
        }
    }

    /// The interface's name, or what stands in its place.
    pub fn account(&self) -> &str {
        match &self.interface {
            Some(name) => name,
            None if self.departed => "(departed)",
            None => "-",
        }
    }

    /// What tells it from others, in the order of tables: the interfaces by name, then those that have gone.
    pub fn key(&self) -> (bool, bool, Option<&str>, Dropper, &str) {
        (self.departed, self.interface.is_none(), self.interface.as_deref(), self.by, &self.cause)
    }
}

/// A bound, and what has come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LimitRow {
    /// Of what.
    pub limit: String,
    /// `None` for the whole stack.
    pub interface: Option<String>,
    /// The most that there may be.
    pub most: u64,
    /// So many there are.
    pub used: u64,
    /// The most that there was; `None` if nobody kept count.
    pub highest: Option<u64>,
    /// How often something was refused, or pushed out, because of it.
    pub refused: u64,
}

/// A path that takes less than its first link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PathMtuRow {
    /// Where it leads.
    pub destination: IpAddr,
    /// Of a link-local destination.
    pub interface: Option<String>,
    /// Bytes.
    pub mtu: u16,
    /// Until a larger packet is tried, in milliseconds.
    pub left_ms: u64,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkerRow {
    /// Its number.
    pub worker: usize,
    /// The core that it is pinned to.
    pub core: Option<usize>,
    /// Whether it sleeps now.
    pub sleeping: bool,
    /// Turns that it took, ever.
    pub turns: u64,
    /// Turns that found something to do.
    pub busy: u64,
    /// Frames that it received, ever.
    pub received: u64,
    /// How often it went to sleep.
    pub sleeps: u64,
    /// How often another thread had to wake it.
    pub wakeups: u64,
}

/// How a worker spends its time: its turns by how many packets they had, the smallest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PerformanceRow {
    /// Its number.
    pub worker: usize,
    /// Since the daemon began.
    pub run_ns: u64,
    /// Turns, by size.
    pub turns: Vec<TurnRow>,
    /// Frames that went by express or were walked. Daemons before version 0.2 tell of none.
    #[serde(default)]
    pub frames: FramesRow,
    /// What the steps of a turn take. Daemons before version 0.2 tell none.
    #[serde(default)]
    pub timed: TimedRow,
}

/// Frames that a worker has received, by the way that they went: to each of them the same happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FramesRow {
    /// By express: plain packets for others, a batch at a time; those for which the way out had no room, too.
    pub expressed: u64,
    /// By the way that can do everything, one after the other.
    pub walked: u64,
}

/// What the steps of a turn take, looked at in one turn of 1,024 of those with packets: the clock is read between steps, and what
/// that takes is taken off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimedRow {
    /// So many turns were looked at.
    pub turns: u64,
    /// Packets in them: frames received, and deferred packets handled.
    pub packets: u64,
    /// The steps, in a packet's order.
    pub steps: Vec<StepRow>,
}

/// A step of the turns that were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepRow {
    /// `receive`, `express` (plain packets for others, from their headers to their port's queue), `link`, `ip`, `filter`, `route`, `neighbor`, `local` (what is for this node, or dropped), `deferred`, `timers`,
    /// `transmit` or `other`.
    pub step: String,
    /// Packets that came to it; one comes to the filter at each of its hooks.
    pub packets: u64,
    /// All of them together.
    pub took_ns: u64,
}

/// Turns of one size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TurnRow {
    /// The least number of packets in one.
    pub at_least: u64,
    /// So many turns.
    pub turns: u64,
    /// Frames received, and packets handled that had been deferred.
    pub packets: u64,
    /// All of them together.
    pub took_ns: u64,
}

/// An answer to an echo request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingRow {
    /// The request's sequence number.
    pub seq: u16,
    /// When it came, in nanoseconds on the daemon's clock.
    pub at_ns: u64,
    /// Who answered.
    pub from: IpAddr,
    /// Of a reply.
    pub hop_limit: Option<u8>,
    /// Of an error: what it says.
    pub error: Option<String>,
}

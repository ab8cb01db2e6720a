//! What the stack tells whoever wants to know.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_wire::Mac;

use crate::lagg::lacp;
use crate::nd6::host::HostEvent;
use crate::nd6::nud::NudState;
use crate::nd6::router::Difference;

/// Something that happened. Told by the worker at the end of its turn, or by whoever flushes neighbours, with no
/// lock held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A neighbour changed its state; `None` is "no entry".
    Neighbor {
        /// On which interface.
        interface: IfId,
        /// The neighbour.
        addr: IpAddr,
        /// Its state before.
        from: Option<NudState>,
        /// Its state now.
        to: Option<NudState>,
        /// Its link-layer address now.
        lladdr: Option<Mac>,
    },
    /// An address passed duplicate address detection.
    AddressPreferred {
        /// On which interface.
        interface: IfId,
        /// The address.
        addr: IpAddr,
    },
    /// Somebody else has the address: it is not used (RFC 4862 s5.4.5, RFC 5227 s2.1.1).
    AddressDuplicate {
        /// On which interface.
        interface: IfId,
        /// The address.
        addr: IpAddr,
    },
    /// Somebody else has the link-local address that our MAC makes, hence our MAC: IP is stopped (RFC 4862 s5.4.5).
    IpStopped {
        /// On which interface.
        interface: IfId,
        /// The address.
        addr: Ipv6Addr,
    },
    /// Somebody advertises an address that is ours (RFC 4862 s5.4.4, RFC 5227 s2.4).
    AddressConflict {
        /// On which interface.
        interface: IfId,
        /// The address.
        addr: IpAddr,
        /// Who says so.
        lladdr: Option<Mac>,
    },
    /// Another router says otherwise than we do (RFC 4861 s6.2.7).
    RouterDiffers {
        /// On which interface.
        interface: IfId,
        /// The other router.
        router: Ipv6Addr,
        /// What it says.
        what: Difference,
    },
    /// A host learnt, chose or forgot something.
    Host {
        /// On which interface.
        interface: IfId,
        /// What.
        what: HostEvent,
    },
    /// A lagg changed.
    Lagg {
        /// The lagg.
        interface: IfId,
        /// The port that it happened to; `None` for the lagg itself.
        port: Option<IfId>,
        /// What happened.
        cause: &'static str,
        /// The port in use before.
        from: Option<IfId>,
        /// The port in use now.
        to: Option<IfId>,
    },
    /// A bridge's ports changed.
    Bridge {
        /// The bridge.
        interface: IfId,
        /// Which port.
        port: IfId,
        /// What happened.
        cause: &'static str,
    },
    /// A port of a lagg took a step in LACP.
    LacpPort {
        /// The lagg.
        interface: IfId,
        /// The port.
        port: IfId,
        /// Which machine, from where to where.
        change: lacp::Change,
        /// Why.
        cause: lacp::Cause,
    },
    /// A lagg uses another aggregator: another partner, or another key of its.
    LacpAggregator {
        /// The lagg.
        interface: IfId,
        /// The one before.
        from: Option<lacp::LagId>,
        /// The one from now on.
        to: Option<lacp::LagId>,
    },
    /// A rule of the filter has something to say.
    FilterLog {
        /// How grave, as syslog counts: 0 to 7.
        level: u8,
        /// What.
        text: String,
    },
    /// A router told that a path takes less than we thought (RFC 8201).
    PathMtu {
        /// The destination.
        addr: Ipv6Addr,
        /// What was sent there so far, in bytes.
        from: u16,
        /// What is sent from now on.
        to: u16,
    },
    /// A worker's transmit queue on an interface has not moved for a tenth of a second: the wire takes nothing.
    TxStalled {
        /// On which interface.
        interface: IfId,
        /// Frames that wait.
        waiting: usize,
        /// Stalls before this one that were not told, for they followed each other too fast.
        untold: u64,
    },
    /// It moves again.
    TxMoves {
        /// On which interface.
        interface: IfId,
        /// How long it had not moved.
        after: Duration,
        /// Frames that had waited for too long, and were dropped.
        lost: u64,
    },
    /// The table of routes had no room for a change that nobody has asked for: it has not come about.
    RouteAmiss {
        /// On which interface.
        interface: IfId,
        /// Which, and why.
        what: String,
    },
    /// A device would not let in what it is to let in, and does now.
    FilterSet {
        /// On which interface.
        interface: IfId,
    },
    /// A driver failed.
    DeviceError {
        /// On which interface.
        interface: IfId,
        /// What the system said.
        error: String,
    },
}

/// Is told of events.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// Does not want to know.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deaf;

impl Observer for Deaf {
    fn event(&self, _event: &Event) {}
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Neighbor { addr, from, to, lladdr, .. } => {
                write!(f, "neighbor {addr} ")?;
                match lladdr {
                    Some(mac) => write!(f, "at {mac}: ")?,
                    None => f.write_str("unresolved: ")?,
                }
                let name =
                    |state: &Option<NudState>| state.map_or("none".to_string(), |state| state.to_string());
                write!(f, "{} -> {}", name(from), name(to))
            }
            Event::AddressPreferred { addr, .. } => write!(f, "address {addr}: tentative -> preferred"),
            Event::AddressDuplicate { addr, .. } => {
                write!(f, "address {addr}: duplicate, somebody else on the link has it; it is not used")
            }
            Event::IpStopped { addr, .. } => write!(
                f,
                "somebody else on the link has {addr}, hence our MAC: IP is stopped; give another `mac` to one of the two, \
                 then `siding interface restart` (or set `duplicate_stops_ip = false`)"
            ),
            Event::AddressConflict { addr, lladdr, .. } => {
                let who = lladdr.map_or("somebody".to_string(), |mac| mac.to_string());
                write!(f, "address {addr} is ours, but {who} advertises it")
            }
            Event::RouterDiffers { router, what, .. } => {
                write!(f, "router {router} advertises otherwise than we do: {what}")
            }
            Event::Host { what, .. } => what.fmt(f),
            Event::Lagg { port, cause, from, to, .. } => {
                let name = |port: &Option<IfId>| port.map_or("none".to_string(), |port| port.to_string());
                let about = port.map_or_else(String::new, |port| format!("{port}: "));
                write!(f, "lagg: {about}{cause}; port in use: {} -> {}", name(from), name(to))
            }
            Event::Bridge { port, cause, .. } => write!(f, "bridge: {cause}: {port}"),
            Event::LacpPort { port, change, cause, .. } => write!(f, "lacp: port {port}: {change}: {cause}"),
            Event::LacpAggregator { from, to, .. } => {
                let event = lacp::Event::Aggregator { old: *from, new: *to };
                write!(f, "lacp: {event}")
            }
            Event::PathMtu { addr, from, to } => {
                write!(f, "path to {addr}: packet too big, mtu {from} -> {to}")
            }
            Event::TxStalled { waiting, untold, .. } => {
                write!(f, "transmit queue stalled: the wire takes nothing, {waiting} frames wait")?;
                if *untold > 0 { write!(f, " ({untold} shorter stalls were not told)") } else { Ok(()) }
            }
            Event::TxMoves { after, lost, .. } => {
                let ms = after.as_millis();
                write!(f, "transmit queue moves again after {ms} ms; {lost} frames had waited for too long")
            }
            Event::FilterLog { text, .. } => f.write_str(text),
            Event::RouteAmiss { what, .. } => write!(f, "route: {what}"),
            Event::FilterSet { .. } => f.write_str("device: lets in again what it is to let in"),
            Event::DeviceError { error, .. } => write!(f, "device: {error}"),
        }
    }
}

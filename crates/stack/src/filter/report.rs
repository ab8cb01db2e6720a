//! What the filter tells of itself.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_machines::filter::Slot;
use siding_machines::filter::States;
use siding_machines::filter::Tuple;
use siding_machines::filter::Usage;
use siding_machines::filter::Way;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering;
use siding_wire::IpProto;

use super::asks::Connection;
use super::came_by::CameBy;
use super::came_by::Interfaces;
use super::counted::Counted;
use super::flow::Flow;

/// One flow's state, for tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateReport {
    /// The upper layer.
    pub proto: IpProto,
    /// Who began it.
    pub src: IpAddr,
    /// With whom.
    pub dst: IpAddr,
    /// From which port, or the identifier of an echo.
    pub src_port: u16,
    /// To which.
    pub dst_port: u16,
    /// How far it has come.
    pub phase: &'static str,
    /// Whether there was traffic the other way.
    pub answered: bool,
    /// Its mark.
    pub mark: u32,
    /// Packets and bytes: the way it began, and the other.
    pub traffic: [(u32, u64); 2],
    /// The interfaces by which these came in; [`IfId::NONE`] for our own, where none has come, or where it has departed.
    pub interfaces: [IfId; 2],
    /// How long it has been silent.
    pub silent: Duration,
    /// How long it may be silent yet.
    pub left: Duration,
    /// Which worker keeps it.
    pub worker: usize,
    /// The direction in which it began.
    pub(crate) original: Tuple,
    /// At which places it is counted.
    pub(crate) counted: Vec<u32>,
}

impl StateReport {
    pub(crate) fn of(
        (states, counted, interfaces): (&States, &Counted, &Interfaces),
        slot: Slot,
        now: Instant,
        worker: usize,
    ) -> Option<StateReport> {
        let state = states.get(slot)?;
        let left = Duration::from_millis(states.left(now, state).into());
        if left.is_zero() {
            return None;
        }
        let tuple = state.original();
        let ways = [Way::Original, Way::Reply];
        Some(StateReport {
            proto: tuple.proto,
            src: plain(tuple.src),
            dst: plain(tuple.dst),
            src_port: tuple.src_port,
            dst_port: match tuple.proto {
                // One identifier for both ends.
                IpProto::ICMP | IpProto::ICMP6 => tuple.src_port,
                _ => tuple.dst_port,
            },
            phase: state.phase().name(),
            answered: state.is_answered(),
            mark: state.mark,
            traffic: ways.map(|way| state.traffic(way)),
            interfaces: ways.map(|way| match interfaces.of(state.interface(way)) {
                CameBy::Interface(id) => id,
                CameBy::Nothing | CameBy::Untold => IfId::NONE,
            }),
            silent: Duration::from_millis(states.silent(now, state).into()),
            left,
            worker,
            original: tuple,
            counted: counted.of(state.count).collect(),
        })
    }
}

impl StateReport {
    /// What a packet of this flow is to it, if its numbers fit.
    pub fn seen(&self, flow: &Flow) -> Connection {
        let (state, way) = flow.seen(&self.original, self.answered);
        Connection { state, way: Some(way), mark: self.mark }
    }
}

/// As it stands in packets.
fn plain(addr: Ipv6Addr) -> IpAddr {
    addr.to_ipv4_mapped().map_or(IpAddr::V6(addr), IpAddr::V4)
}

/// What a worker tells of its table. Written by the worker, read by anybody.
#[derive(Debug, Default)]
pub(crate) struct Gauge([AtomicU64; 8]);

impl Gauge {
    pub(crate) fn note(&self, usage: &Usage) {
        let Usage { states, half_open, highest, inserted, expired, evicted, refused, refused_source } =
            *usage;
        let words = [
            states as u64,
            half_open as u64,
            highest as u64,
            inserted,
            expired,
            evicted,
            refused,
            refused_source,
        ];
        for (word, value) in self.0.iter().zip(words) {
            word.store(value, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> Usage {
        let word = |at: usize| self.0[at].load(Ordering::Relaxed);
        Usage {
            states: word(0) as usize,
            half_open: word(1) as usize,
            highest: word(2) as usize,
            inserted: word(3),
            expired: word(4),
            evicted: word(5),
            refused: word(6),
            refused_source: word(7),
        }
    }
}

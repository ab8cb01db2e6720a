//! What a configuration means.

use std::path::PathBuf;
use std::time::Duration;

use siding_client::Group;
use siding_client::neighbor::Neighbor;
use siding_judge::FilterConfig;
use siding_stack::NeighborLimits;
use siding_stack::NeighborTotals;
use siding_stack::nd6::dad::DadConfig;
use siding_stack::nd6::nud::NudConfig;

use super::file::Level;
use super::listen::Listen;
use super::security::SecurityConfig;
use crate::means::interface::InterfaceConfig;
use crate::nested::means::Nested;
use crate::protocol::check::Said;
use crate::route::means::RefuseConfig;
use crate::route::means::RouteConfig;

/// So many interfaces there may be, of whatever kind.
pub(crate) const MOST_INTERFACES: usize = 256;

/// A configuration that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) stack: StackConfig,
    /// What protocols are told, in the order of the list.
    pub(crate) sections: Vec<Said>,
    pub(crate) interfaces: Vec<InterfaceConfig>,
    /// What lies on them and on each other, lowest first.
    pub(crate) nested: Vec<Nested>,
    pub(crate) routes: Vec<RouteConfig>,
    pub(crate) refusals: Vec<RefuseConfig>,
    pub(crate) neighbors: Vec<Neighbor>,
    pub(crate) groups: Vec<Group>,
    pub(crate) filter: Option<FilterConfig>,
}

/// The stack as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StackConfig {
    /// Threads, each with its own queue on every interface.
    pub(crate) workers: usize,
    /// Packet buffers.
    pub(crate) buffers: u32,
    /// Deferred packets of each type that wait for each worker.
    pub(crate) queue_limit: u32,
    /// Route packets for others.
    pub(crate) forwarding: bool,
    /// As a router, note who announces itself.
    pub(crate) learn_announced: bool,
    /// Obey hop-by-hop options of packets for others.
    pub(crate) examine_options: bool,
    /// Forward what is plain by express.
    pub(crate) express: bool,
    /// The control socket; `None` is the usual place.
    pub(crate) control: Option<PathBuf>,
    pub(crate) log: Level,
    /// A capture of all interfaces.
    pub(crate) pcap: Option<PathBuf>,
    pub(crate) spin: Duration,
    pub(crate) pin: bool,
    /// A stop that takes longer is ended.
    pub(crate) stop_timeout: Duration,
    pub(crate) nud: NudConfig,
    pub(crate) dad: DadConfig,
    /// `[limits]`.
    pub(crate) limits: siding_stack::Limits,
    /// `[limits.neighbors]`: of each interface that has none of its own.
    pub(crate) neighbors: NeighborLimits,
    /// `[limits.all_neighbors]`.
    pub(crate) neighbor_totals: NeighborTotals,
    /// `[metrics]`: where they are told.
    pub(crate) metrics: Option<Listen>,
    /// `[security]`.
    pub(crate) security: SecurityConfig,
}

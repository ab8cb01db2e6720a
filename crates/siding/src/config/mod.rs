//! The configuration file: what it may say, and what is wrong with it, by file, line and column.
//!
//! [`mod@file`] has the shape of the text; here is what it means: every name resolved, every value in its range. What is
//! read is either right or an [error](ConfigError) that points at the place and says what to do.

mod acd;
pub(crate) mod advertise;
pub(crate) mod autoconf;
mod begun;
mod check;
mod error;
mod faults;
pub(crate) mod file;
pub(crate) mod filter;
mod limits;
mod listen;
mod meant;
mod mld;
mod neighbors;
pub(crate) mod nested;
#[cfg(test)]
mod reference;
pub(crate) mod refuse;
mod security;
pub(crate) mod value;

use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use siding_drivers::kernel::Cidr;
use siding_judge::FilterConfig;
use siding_stack::NeighborLimits;
use siding_stack::NeighborTotals;
use siding_stack::nd6::dad::DadConfig;
use siding_stack::nd6::nud::NudConfig;
use siding_wire::Mac;

pub(crate) use error::ConfigError;
use error::Place;
pub(crate) use file::Driver;
pub(crate) use file::Level;
pub(crate) use listen::Listen;
pub(crate) use meant::Advertised;
pub(crate) use meant::Learnt;
pub(crate) use mld::GroupConfig;
pub(crate) use nested::Addressing;
pub(crate) use nested::BridgeConfig;
pub(crate) use nested::LaggConfig;
pub(crate) use nested::Nested;
pub(crate) use nested::VlanConfig;
pub(crate) use security::SecurityConfig;

/// A configuration that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) stack: StackConfig,
    pub(crate) interfaces: Vec<InterfaceConfig>,
    /// What lies on them and on each other, lowest first.
    pub(crate) nested: Vec<Nested>,
    pub(crate) routes: Vec<RouteConfig>,
    pub(crate) refusals: Vec<refuse::RefuseConfig>,
    pub(crate) neighbors: Vec<NeighborConfig>,
    pub(crate) groups: Vec<GroupConfig>,
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
    /// `[acd]`.
    pub(crate) acd: siding_stack::arp::acd::AcdConfig,
    /// `[metrics]`: where they are told.
    pub(crate) metrics: Option<Listen>,
    /// `[security]`.
    pub(crate) security: SecurityConfig,
    /// `[mld]`.
    pub(crate) mld: siding_stack::mld::MldConfig,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InterfaceConfig {
    pub(crate) name: String,
    pub(crate) driver: Driver,
    /// The kernel's interface, or the wire in memory.
    pub(crate) device: String,
    /// `None`: that of the device.
    pub(crate) mac: Option<Mac>,
    /// `None`: that of the device.
    pub(crate) mtu: Option<u16>,
    pub(crate) addresses: Vec<Cidr>,
    /// Those of them that are tested otherwise than `dad` says.
    pub(crate) otherwise: Vec<IpAddr>,
    pub(crate) link_local: bool,
    pub(crate) dad: bool,
    /// It is not taken down.
    pub(crate) up: bool,
    /// Of what starts at it; `None` is the usual one.
    pub(crate) hop_limit: Option<u8>,
    /// Its link has but two ends.
    pub(crate) point_to_point: bool,
    /// Addresses that others have, too.
    pub(crate) anycast: Vec<std::net::Ipv6Addr>,
    /// BaseReachableTime and RetransTimer; `None` are those of the stack.
    pub(crate) times: (Option<Duration>, Option<Duration>),
    /// Start without the device, if it is not there, and wait for it.
    pub(crate) wait: bool,
    pub(crate) pcap: Option<PathBuf>,
    /// `None`: those of the stack.
    pub(crate) neighbors: Option<NeighborLimits>,
    /// What we advertise as a router, if anything.
    pub(crate) advertise: Option<Advertised>,
    /// What it is as a host; `None` listens to no router.
    pub(crate) autoconf: Option<Learnt>,
}

/// A static route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteConfig {
    /// Address and length, without host bits.
    pub(crate) to: Cidr,
    pub(crate) via: Option<IpAddr>,
    pub(crate) interface: String,
    pub(crate) metric: u32,
    /// Its share of the flows beside others with one; `None` if it is alone.
    pub(crate) weight: Option<u8>,
}

/// A static neighbour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NeighborConfig {
    pub(crate) interface: String,
    pub(crate) address: IpAddr,
    pub(crate) mac: Mac,
}

/// So many interfaces there may be, of whatever kind.
pub(crate) const MOST_INTERFACES: usize = 256;

/// The largest MTU that any driver here takes.
pub(crate) const MAX_MTU: u16 = 9216;

impl Config {
    /// Reads a file; what is of the start in it, as it is written there, too.
    ///
    /// # Errors
    ///
    /// It cannot be read, or says something that makes no sense; the error tells where.
    pub(crate) fn load(path: &Path) -> Result<(Config, toml::Table), ConfigError> {
        let text =
            crate::read::whole(path).map_err(|why| ConfigError::Unreadable { path: path.to_owned(), why })?;
        Config::parse(path, &text)
    }

    /// Reads a text, which came from `path`.
    ///
    /// # Errors
    ///
    /// It says something that makes no sense; the error tells of everything, and where.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<(Config, toml::Table), ConfigError> {
        let (mut config, begun) = faults::read(text).map_err(|wrongs| {
            let place = |wrong: check::Wrong| Place::new(path, text, wrong.span, wrong.message);
            ConfigError::Wrong(wrongs.into_iter().map(place).collect())
        })?;
        if let Some(mut filter) = config.filter.take() {
            filter::beside(path, &mut filter.rules);
            config.filter = Some(filter.read(crate::read::regular).map_err(ConfigError::Rules)?);
        }
        Ok((config, begun))
    }
}

#[cfg(test)]
mod tests;

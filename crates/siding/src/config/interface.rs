//! What a configuration says of an interface with a device of its own.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use siding_drivers::kernel::Cidr;
use siding_stack::NeighborLimits;
use siding_wire::Mac;

use super::file::Driver;
use super::meant::Advertised;
use super::meant::Learnt;
use crate::words::value;

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

impl InterfaceConfig {
    /// Checks an interface that does not come from a file.
    ///
    /// # Errors
    ///
    /// The first value that cannot be, and what could.
    pub(crate) fn check(&self) -> Result<(), String> {
        value::interface_name(&self.name)?;
        if self.driver != Driver::Memory {
            value::device_name(&self.device)?;
        }
        self.mac.map_or(Ok(()), value::station)?;
        self.mtu.map_or(Ok(()), value::mtu)?;
        self.addresses.iter().try_for_each(|own| value::unicast(own.address()))
    }
}

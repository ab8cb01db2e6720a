//! What a configuration says of an interface with a device of its own.

use std::path::PathBuf;

use siding_client::value::Driver;
use siding_wire::Mac;

use super::addressing::Addressing;

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
    /// Start without the device, if it is not there, and wait for it.
    pub(crate) wait: bool,
    pub(crate) pcap: Option<PathBuf>,
    pub(crate) addressing: Addressing,
}

impl InterfaceConfig {
    /// What carries its frames, with nothing on it.
    pub(crate) fn bare(&self) -> InterfaceConfig {
        InterfaceConfig { addressing: Addressing::default(), ..self.clone() }
    }
}

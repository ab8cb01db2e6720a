//! What a configuration says of an interface with a device of its own.

use std::path::PathBuf;

use siding_client::value::Driver;
use siding_wire::Mac;

use super::addressing::Addressing;
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
        self.addressing.addresses.iter().try_for_each(|own| value::unicast(own.address()))
    }
}

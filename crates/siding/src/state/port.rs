//! An interface's devices, and what we hold of the kernel for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::hash::Hasher;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use anyhow::Context;
use siding_drivers::Counters;
use siding_drivers::MemDevice;
use siding_drivers::PacketConfig;
use siding_drivers::PacketDevice;
use siding_drivers::PcapFile;
use siding_drivers::PcapInterface;
use siding_drivers::PcapTap;
use siding_drivers::TapDevice;
use siding_drivers::Wire;
use siding_drivers::kernel::Claim;
use siding_drivers::kernel::ClaimConfig;
use siding_drivers::kernel::Netlink;
use siding_drivers::kernel::Records;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_runtime::EventWake;
use siding_runtime::Loan;
use siding_runtime::lend;
use siding_stack::Device;
use siding_stack::Offloads;
use siding_stack::Sent;
use siding_stack::Unread;
use siding_stack::ifnet::LEAST_MTU6;
use siding_wire::Mac;

use crate::means::interface::InterfaceConfig;
use crate::words::value::MAX_MTU;
use siding_client::value::Driver;

/// What we hold for an interface beside its devices, which the workers own.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) driver: Driver,
    pub(crate) device: String,
    /// The kernel's index of the device; `None` for a wire in memory, and while the device is not there.
    pub(crate) index: Option<u32>,
    /// What it was attached with, and is opened with again when its device comes back.
    pub(crate) config: InterfaceConfig,
    /// The device's own MTU and address as they were told last.
    pub(crate) told: Told,
    /// The largest packet that the devices receive as they were opened.
    pub(crate) takes: u32,
    pub(crate) counters: Vec<Arc<Counters>>,
    pub(crate) kept: Kept,
    /// The devices, when the workers have done with them.
    loan: Option<Loan>,
    pub(crate) pcap: Option<PcapFile>,
    claim: Option<Claim>,
}

/// What a device is like, beside its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Told {
    pub(crate) mtu: u32,
    pub(crate) mac: Option<Mac>,
}

/// How often somebody has changed the device, and it was put right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) times: u64,
    pub(crate) last: Option<Instant>,
    /// Why it could not be.
    pub(crate) failed: Option<String>,
}

/// A port with what the stack needs to attach it.
pub(crate) struct Opened {
    pub(crate) port: Port,
    pub(crate) mac: Mac,
    pub(crate) mtu: u16,
    pub(crate) devices: Vec<Box<dyn Device>>,
}

/// What all ports are opened with.
pub(crate) struct Opener {
    pub(crate) workers: usize,
    pub(crate) wake: Arc<EventWake>,
    /// The largest packet that a buffer takes, in bytes.
    pub(crate) largest: u16,
    /// The capture of all interfaces.
    pub(crate) pcap: Option<PcapFile>,
    /// Where claims are written down.
    pub(crate) records: Option<Records>,
    /// Wires in memory, by name.
    pub(crate) wires: Mutex<HashMap<String, Wire>>,
}

/// How long a worker may take to give up a device that has gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// Frames that a wire in memory keeps for each receiver.
const WIRE_QUEUE: usize = 1024;

impl Opener {
    /// Opens an interface's devices.
    pub(crate) fn open(&self, config: &InterfaceConfig) -> anyhow::Result<Opened> {
        let own = config.pcap.as_deref().map(capture).transpose()?;
        let mut captures = Vec::new();
        for file in self.pcap.iter().chain(&own) {
            captures.push(file.interface(&config.name).context("cannot write to the capture")?);
        }
        let mut opened = match config.driver {
            Driver::Packet => self.packet(config, &captures)?,
            Driver::Tap => self.tap(config, &captures)?,
            Driver::Memory => self.memory(config, &captures),
        };
        let (devices, loan) = lend(opened.devices);
        opened.devices = devices;
        opened.port.loan = Some(loan);
        opened.port.pcap = own;
        Ok(opened)
    }

    fn packet(&self, config: &InterfaceConfig, captures: &[PcapInterface]) -> anyhow::Result<Opened> {
        let mut netlink = Netlink::open()?;
        let link = netlink.link(&config.device)?;
        let claim = self.claim(&config.device, true)?;
        let own = link.mac.map(Mac);
        let mac = config.mac.or(own).with_context(|| {
            format!("{} has no Ethernet address: give `mac`, or another interface", config.device)
        })?;
        let mtu = self.mtu(config, link.mtu);
        let usual = PacketConfig::default();
        let max_frame = usual.max_frame.max(u32::from(mtu) + 18);
        let settings = PacketConfig { max_frame, ..usual };
        let devices = PacketDevice::open(&config.device, settings, self.workers)?;
        let counters = devices.iter().map(|device| device.counters().clone()).collect();
        let devices = devices.into_iter().map(|device| captured(device, captures)).collect();
        let port = Port {
            driver: Driver::Packet,
            device: config.device.clone(),
            index: Some(link.index),
            config: config.clone(),
            told: Told { mtu: link.mtu, mac: own },
            takes: max_frame - 18,
            counters,
            kept: Kept::default(),
            loan: None,
            pcap: None,
            claim: Some(claim),
        };
        Ok(Opened { port, mac, mtu, devices })
    }

    fn tap(&self, config: &InterfaceConfig, captures: &[PcapInterface]) -> anyhow::Result<Opened> {
        let devices = TapDevice::open(&config.device, self.workers)?;
        let mut netlink = Netlink::open()?;
        let link = netlink.link(&config.device)?;
        let claim = self.claim(&config.device, false)?;
        let counters = devices.iter().map(|device| device.counters().clone()).collect();
        let devices = devices.into_iter().map(|device| captured(device, captures)).collect();
        let port = Port {
            driver: Driver::Tap,
            device: config.device.clone(),
            index: Some(link.index),
            config: config.clone(),
            // A TAP's address in the kernel is that of the other end.
            told: Told { mtu: link.mtu, mac: None },
            takes: u32::MAX,
            counters,
            kept: Kept::default(),
            loan: None,
            pcap: None,
            claim: Some(claim),
        };
        let mac = config.mac.unwrap_or_else(|| made_up_mac(&config.name));
        // The kernel's end of a TAP takes what we write, whatever its MTU.
        let mtu = self.mtu(config, config.mtu.map_or(link.mtu, u32::from));
        Ok(Opened { port, mac, mtu, devices })
    }

    /// Takes the kernel's interface: up, and silent if its other end is not ourselves.
    fn claim(&self, device: &str, silent: bool) -> anyhow::Result<Claim> {
        let claim = Claim::with(device, ClaimConfig { silent, up: true, records: self.records.as_ref() })?;
        if claim.adopted() {
            tracing::warn!(
                "{device}: an earlier run has left the kernel's settings changed; what it found is kept"
            );
        }
        if let Some(error) = claim.unread() {
            tracing::warn!(
                "{device}: no record of the kernel's settings from before is used: {error}; those that are there now are put back at \
                 the end"
            );
        }
        for error in claim.unrecorded() {
            tracing::warn!(
                "{device}: no record of the kernel's settings: {error}; if we are killed, they stay changed"
            );
        }
        if let Some(error) = claim.unfiltered() {
            tracing::info!("{device}: the kernel looks at IPv4 before it drops it, which is slower: {error}");
        }
        Ok(claim)
    }

    fn memory(&self, config: &InterfaceConfig, captures: &[PcapInterface]) -> Opened {
        let mut wires = self.wires.lock().unwrap_or_else(PoisonError::into_inner);
        let wire = wires.entry(config.device.clone()).or_insert_with(|| Wire::new(WIRE_QUEUE));
        let device = wire.attach();
        let counters = vec![device.counters().clone()];
        // A wire in memory has no queues to spread over: the first worker receives, all send.
        let wake = self.wake.clone();
        device.set_wake(move || siding_netisr::Wake::wake(&*wake, 0));
        let device = Arc::new(Mutex::new(device));
        let devices = (0..self.workers)
            .map(|worker| {
                captured(Shared { device: device.clone(), wake: self.wake.clone(), worker }, captures)
            })
            .collect();
        let port = Port {
            driver: Driver::Memory,
            device: config.device.clone(),
            index: None,
            config: config.clone(),
            told: Told::default(),
            takes: u32::MAX,
            counters,
            kept: Kept::default(),
            loan: None,
            pcap: None,
            claim: None,
        };
        let mac = config.mac.unwrap_or_else(|| made_up_mac(&config.name));
        let mtu = config.mtu.unwrap_or(1500);
        Opened { port, mac, mtu: self.mtu(config, mtu.into()), devices }
    }

    /// What the device takes, as far as buffers and the configuration do. What is left out is told, with what to do.
    pub(crate) fn mtu(&self, config: &InterfaceConfig, device: u32) -> u16 {
        let (name, largest) = (&config.name, self.largest);
        let asked = u32::from(config.mtu.unwrap_or(u16::MAX));
        if asked.min(device) > u32::from(largest) {
            tracing::warn!(
                "{name}: the device's MTU is {device}, but buffers were made for {largest}: larger packets are lost; set \
                 `mtu = {}` and start again, or lower the device's",
                device.min(MAX_MTU.into())
            );
        }
        if config.mtu.is_some_and(|asked| u32::from(asked) > device) && config.driver == Driver::Packet {
            tracing::warn!(
                "{name}: `mtu = {asked}`, but the device takes {device}: {device} it is, until `ip link set {} mtu {asked}`",
                config.device
            );
        }
        let mtu = device.min(largest.into()) as u16;
        if mtu < LEAST_MTU6 {
            tracing::warn!(
                "{name}: an MTU of {mtu} is too small for IPv6, which needs {LEAST_MTU6}: there is only IPv4 on it"
            );
        }
        mtu
    }
}

/// The largest packet that buffers are to take: what is configured, and what the devices take for which nothing is.
pub(crate) fn largest(interfaces: &[InterfaceConfig]) -> u16 {
    let mut netlink = Netlink::open().ok();
    let of = |interface: &InterfaceConfig| match (interface.mtu, interface.driver) {
        (Some(mtu), _) => mtu,
        (None, Driver::Packet) => {
            let link = netlink.as_mut().and_then(|netlink| netlink.link(&interface.device).ok());
            link.map_or(0, |link| u16::try_from(link.mtu).unwrap_or(u16::MAX))
        }
        (None, Driver::Tap | Driver::Memory) => 0,
    };
    interfaces.iter().map(of).max().unwrap_or(0).clamp(1500, MAX_MTU)
}

impl Port {
    /// A port whose device is not there.
    pub(crate) fn absent(config: &InterfaceConfig) -> Port {
        Port {
            driver: config.driver,
            device: config.device.clone(),
            index: None,
            config: config.clone(),
            told: Told::default(),
            takes: u32::MAX,
            counters: Vec::new(),
            kept: Kept::default(),
            loan: None,
            pcap: None,
            claim: None,
        }
    }

    /// Gives back what was held of a device that has gone: nothing of it is there to be put back.
    pub(crate) fn lose(self) {
        if let Some(loan) = self.loan {
            loan.close_all(PATIENCE);
        }
        // Settings went with the device, and one that is back under its name has its own.
        let _ = self.claim.map_or(Ok(()), Claim::release);
        if let Some(Err(error)) = self.pcap.map(|file| file.flush()) {
            tracing::warn!("{}: the capture: {error}", self.config.name);
        }
    }

    /// Gives the kernel back what is its own, as it was, whatever becomes of the devices.
    ///
    /// # Errors
    ///
    /// A setting could not be put back.
    pub(crate) fn give_back(&mut self) -> anyhow::Result<()> {
        Ok(self.claim.take().map_or(Ok(()), Claim::release)?)
    }

    /// Closes the devices and gives the kernel back what is its own, as it was. To be called when the interface has
    /// departed.
    ///
    /// # Errors
    ///
    /// A setting could not be put back.
    pub(crate) fn close(self) -> anyhow::Result<()> {
        if let Some(loan) = self.loan {
            loan.close();
        }
        let claim = self.claim.map_or(Ok(()), Claim::release);
        // Not to be told everything is no failure.
        if let Some(Err(error)) = self.pcap.map(|file| file.flush()) {
            tracing::error!("{}: {error}", self.device);
        }
        Ok(claim?)
    }
}

/// A device in memory that several workers share.
struct Shared {
    device: Arc<Mutex<MemDevice>>,
    wake: Arc<EventWake>,
    worker: usize,
}

impl Device for Shared {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        match self.worker {
            0 => self.device.lock().unwrap_or_else(PoisonError::into_inner).receive(cache, into, max),
            _ => Ok(0),
        }
    }

    fn unread(&self) -> Option<Unread> {
        match self.worker {
            0 => self.device.lock().unwrap_or_else(PoisonError::into_inner).unread(),
            _ => Some(Unread::default()),
        }
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        self.device.lock().unwrap_or_else(PoisonError::into_inner).transmit(cache, frames)
    }

    fn offloads(&self) -> Offloads {
        self.device.lock().unwrap_or_else(PoisonError::into_inner).offloads()
    }

    fn readable(&self) -> Option<BorrowedFd<'_>> {
        self.wake.event(self.worker)
    }
}

/// Starts a capture file.
pub(crate) fn capture(path: &Path) -> anyhow::Result<PcapFile> {
    let what = || format!("cannot capture into {}", path.display());
    PcapFile::open(path).map_err(crate::read::explained).with_context(what)
}

/// Puts captures round a device.
fn captured<D: Device + 'static>(device: D, captures: &[PcapInterface]) -> Box<dyn Device> {
    let clock = || {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    };
    match captures {
        [] => Box::new(device),
        [only] => Box::new(PcapTap::new(device, only.clone(), clock)),
        [first, second, ..] => {
            Box::new(PcapTap::new(PcapTap::new(device, first.clone(), clock), second.clone(), clock))
        }
    }
}

/// An address of local administration: the same for the same name on the same machine and namespace, so that a
/// restart looks to neighbours like the same station.
pub(crate) fn made_up_mac(name: &str) -> Mac {
    let mut hasher = std::hash::DefaultHasher::new();
    name.hash(&mut hasher);
    std::fs::read("/etc/machine-id").unwrap_or_default().hash(&mut hasher);
    std::fs::read_link("/proc/self/ns/net").unwrap_or_default().hash(&mut hasher);
    let [a, b, c, d, e, ..] = hasher.finish().to_be_bytes();
    Mac([0x02, a, b, c, d, e])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_addresses_are_local_steady_and_apart() {
        let mac = made_up_mac("tap0");
        assert!(mac.is_unicast() && mac.0[0] & 2 != 0);
        assert_eq!(mac, made_up_mac("tap0"));
        assert_ne!(mac, made_up_mac("tap1"));
    }
}

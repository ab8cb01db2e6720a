//! An interface for Siding alone: the kernel's own stack is silent on it.
//!
//! A user-space stack on AF_PACKET gets a *copy* of each frame; the kernel gets it too. Unless it is told not to,
//! it resolves and answers neighbours, sends its own duplicate address detection, multicast reports and router
//! solicitations with the same MAC address, and resets connections that it knows nothing of; peers then learn
//! from both stacks in turn. What silences it, as seen in the kernel's source and checked by
//! `tests/tests/kernel.rs`:
//!
//! * IPv6: `disable_ipv6`. It takes the interface's automatic link-local address away and drops all IPv6 on
//!   receipt, before neighbour discovery and multicast listening. (`addr_gen_mode` and `accept_ra` alone leave it
//!   answering for addresses of *other* interfaces.)
//! * ARP: `arp_ignore` 8. Without it, the kernel answers for any IPv4 address that it has anywhere; at the least, with
//!   `rp_filter` set, the probes of those who look for a conflict and name no address of their own (RFC 5227).
//! * IPv4: `rp_filter` 1. On an interface without addresses and routes, it drops whatever has a source to answer
//!   to, be it for a local address or to be forwarded.
//! * Frames as they are on the wire: offloads that merge, split or alter them are switched off.
//!
//! # Locks
//!
//! One claim per interface and namespace, kept by an abstract Unix socket: such a name belongs to the network
//! namespace, and goes with the process.
//!
//! # Teardown
//!
//! [`Claim::release`], or a drop, puts every value back as it was, in the namespace and on the interface (by
//! index, whatever its name is by then) that it was found on. If the interface has gone there is nothing to do. A
//! process that is killed (SIGKILL) cannot: then the settings stay, and deleting the interface or writing the
//! sysctls by hand is the way back.
//!
//! # What it does not do
//!
//! It leaves the interface's admin state and promiscuity as they are. It does not stop other *programs* that
//! send raw frames (lldpd, a DHCP client), and it does not watch for addresses and routes that are added while it
//! lasts; routes out of the interface in other tables than the main one are not looked at.

use std::io;
use std::mem;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::Cidr;
use super::Error;
use super::Link;
use super::Netlink;
use super::Netns;
use super::Offloads;
use super::ethtool::TurnedOff;
use super::sysctl::Setting;

/// What silences the kernel's stack, and the value that does. IPv4 first: while IPv6 is still on, nothing new can
/// come of it.
const SILENT: [(Setting, &str); 3] = [
    (Setting { family: "ipv4", key: "arp_ignore" }, "8"),
    (Setting { family: "ipv4", key: "rp_filter" }, "1"),
    (Setting { family: "ipv6", key: "disable_ipv6" }, "1"),
];

/// How long a claim that is taken may take to be given up, and how often it is looked at meanwhile.
const LOCK_PATIENCE: Duration = Duration::from_millis(250);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Keeps the kernel silent on an interface for as long as it lives.
#[derive(Debug)]
pub struct Claim {
    interface: String,
    index: u32,
    netns: Netns,
    offloads: Offloads,
    undo: Undo,
    _lock: UnixListener,
}

impl Claim {
    /// Claims an interface of the calling thread's namespace.
    ///
    /// # Errors
    /// If there is none of that name, it has addresses or routes that somebody gave it, it is a port of a bridge or bond,
    /// another Siding has it, or the caller may not. Then all is as it was.
    pub fn new(interface: &str) -> Result<Self, Error> {
        let mut netlink = Netlink::open()?;
        let link = netlink.link(interface)?;
        if let Some(controller) = link.controller {
            let controller =
                netlink.link_by_index(controller).map_or_else(|_| format!("#{controller}"), |link| link.name);
            return Err(Error::IsPort { interface: interface.to_owned(), controller });
        }
        unused(&mut netlink, interface)?;
        // From here on, an early return drops the claim, which undoes what has been done so far.
        let mut claim = Self {
            interface: link.name.clone(),
            index: link.index,
            netns: Netns::current()?,
            offloads: Offloads::open()?,
            undo: Undo::default(),
            _lock: lock(&link)?,
        };
        claim.silence()?;
        // Again: an address may have come between the first look and now, and IPv4 has no switch.
        unused(&mut netlink, interface)?;
        Ok(claim)
    }

    /// Gives the interface back, with every value as it was.
    ///
    /// # Errors
    /// If a value could not be put back; the others are.
    pub fn release(mut self) -> Result<(), Error> {
        self.restore()
    }

    /// The interface's name when it was claimed.
    #[must_use]
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// The interface's index, which a renaming does not change.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    fn silence(&mut self) -> Result<(), Error> {
        for (setting, value) in SILENT {
            let Some(before) = setting.read(&self.interface)? else {
                continue; // That IP version is not on the interface: silent enough.
            };
            if before != value {
                setting.write(&self.interface, value)?;
                self.undo.settings.push((setting, before));
            }
        }
        self.undo.features = match self.offloads.turn_off(&self.interface) {
            Ok(features) => features,
            // A device without features to change, such as some tunnels.
            Err(Error::Refused { source, .. }) if source.raw_os_error() == Some(libc::EOPNOTSUPP) => {
                TurnedOff::default()
            }
            Err(error) => return Err(error),
        };
        Ok(())
    }

    fn restore(&mut self) -> Result<(), Error> {
        let undo = mem::take(&mut self.undo);
        let (index, offloads) = (self.index, &self.offloads);
        // The thread that drops a claim may have gone elsewhere. Entering needs a privilege more than the
        // claim itself, hence not without need.
        if self.netns.is_current()? {
            return undo.apply(index, offloads);
        }
        self.netns.run(|| undo.apply(index, offloads))?
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Nobody is left to tell; `release` is for those who want to know.
        let _ = self.restore();
    }
}

/// What to put back.
#[derive(Debug, Default)]
struct Undo {
    /// Each with its value before, in the order of change.
    settings: Vec<(Setting, String)>,
    features: TurnedOff,
}

impl Undo {
    /// Puts all of it back, as far as it can be, and returns the first failure.
    fn apply(self, index: u32, offloads: &Offloads) -> Result<(), Error> {
        if self.settings.is_empty() && self.features == TurnedOff::default() {
            return Ok(());
        }
        let name = match Netlink::open()?.link_by_index(index) {
            Ok(link) => link.name,
            Err(Error::NoInterface { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut result = offloads.put_back(&name, &self.features);
        for (setting, before) in self.settings.into_iter().rev() {
            result = result.and(setting.write(&name, &before).map(|_| ()));
        }
        match result {
            Err(error) if error.is_gone() => Ok(()),
            result => result,
        }
    }
}

/// Refuses an interface that somebody gave an address or a route. The kernel's automatic link-local address and
/// its routes are no such: they go with the claim and come back after it.
fn unused(netlink: &mut Netlink, interface: &str) -> Result<(), Error> {
    let addresses: Vec<Cidr> = netlink
        .addresses(interface)?
        .into_iter()
        .filter(|address| !address.automatic)
        .map(|address| address.cidr)
        .collect();
    if !addresses.is_empty() {
        return Err(Error::HasAddresses { interface: interface.to_owned(), addresses });
    }
    let routes = netlink.routes(interface)?;
    let destinations: Vec<Cidr> =
        routes.into_iter().filter(|route| !route.automatic).map(|route| route.destination).collect();
    if !destinations.is_empty() {
        return Err(Error::HasRoutes { interface: interface.to_owned(), destinations });
    }
    Ok(())
}

/// Takes the lock, waiting for a moment if it is taken: a lock that was just dropped stays with any program that
/// this process is starting at that time, from its fork until its exec.
fn lock(link: &Link) -> Result<UnixListener, Error> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => Error::AlreadyClaimed { interface: link.name.clone() },
        _ => Error::system(format_args!("claim {}", link.name), error),
    };
    let name = SocketAddr::from_abstract_name(format!("siding/claim/{}", link.index)).map_err(refused)?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match UnixListener::bind_addr(&name) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                thread::sleep(LOCK_PAUSE);
            }
            result => return result.map_err(refused),
        }
    }
}

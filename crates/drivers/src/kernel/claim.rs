//! An interface for Siding alone: the kernel's own stack is silent on it.
//!
//! A user-space stack on AF_PACKET gets a *copy* of each frame; the kernel gets it too. Unless it is told not to,
//! it resolves and answers neighbours, sends its own duplicate address detection, multicast reports and router
//! solicitations with the same MAC address, and resets connections that it knows nothing of; peers then learn
//! from both stacks in turn. What silences it, as seen in the kernel's source and checked by
//! `tests/tests/all/kernel.rs`:
//!
//! * IPv6: `disable_ipv6`. It takes the interface's automatic link-local address away and drops all IPv6 on
//!   receipt, before neighbour discovery and multicast listening. (`addr_gen_mode` and `accept_ra` alone leave it
//!   answering for addresses of *other* interfaces.)
//! * ARP: `arp_ignore` 8. Without it, the kernel answers for any IPv4 address that it has anywhere; at the least, with
//!   `rp_filter` set, the probes of those who look for a conflict and name no address of their own (RFC 5227).
//! * IPv4: `rp_filter` 1. On an interface without addresses and routes, it drops whatever has a source to answer
//!   to, be it for a local address or to be forwarded.
//!   It does so late. Where it can be, a filter at the interface's ingress ends most of it before (`ingress.rs`).
//! * Frames as they are on the wire: offloads that merge or alter them for good are switched off.
//!
//! # Locks
//!
//! One claim per interface and namespace, kept by a file that is locked and the name of a socket (`lock.rs`): both go with
//! the process.
//!
//! # Teardown
//!
//! [`Claim::release`], or a drop, puts every value back as it was, in the namespace and on the interface (by
//! index, whatever its name is by then) that it was found on. If the interface has gone there is nothing to do. A
//! process that is killed (SIGKILL) cannot: then the settings stay until the next claim that knows of the same
//! [`Records`] is released, or [`Records::restore_leftovers`] is called.
//!
//! # What it does not do
//!
//! It leaves the interface's promiscuity as it is. It does not stop other *programs* that
//! send raw frames (lldpd, a DHCP client), and it does not watch for addresses and routes that are added while it
//! lasts; routes out of the interface in other tables than the main one are not looked at. Who deletes the filter at
//! the ingress is let have his way: without it all is as silent, and slower. Interfaces on top of this one that share its Ethernet
//! address (ipvlan) get no IPv4 to it beside Siding; those with addresses or tags of their own (macvlan, VLANs) do.

use std::io;
use std::mem;
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
use super::ingress::Ingress;
use super::lock::Lock;
use super::lock::try_lock;
use super::record::Records;
use super::undo::SILENT;
use super::undo::Undo;

/// How long a claim that is taken may take to be given up, and how often it is looked at meanwhile.
const LOCK_PATIENCE: Duration = Duration::from_millis(250);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// What a claim is to do.
#[derive(Debug, Clone, Copy)]
pub struct ClaimConfig<'r> {
    /// The kernel's own stack is silent on the interface.
    pub silent: bool,
    /// The interface is up; one that was down goes down with the claim.
    pub up: bool,
    /// Where what is changed is written down.
    pub records: Option<&'r Records>,
}

/// Keeps an interface as we need it, the kernel silent on it, for as long as it lives.
#[derive(Debug)]
pub struct Claim {
    interface: String,
    index: u32,
    netns: Netns,
    offloads: Offloads,
    undo: Undo,
    records: Option<Records>,
    adopted: bool,
    unread: Option<io::Error>,
    unrecorded: Vec<io::Error>,
    unfiltered: Option<Error>,
    _lock: Lock,
}

impl Claim {
    /// Claims an interface of the calling thread's namespace: the kernel is silent on it. Nothing is written down.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub fn new(interface: &str) -> Result<Self, Error> {
        Self::with(interface, ClaimConfig { silent: true, up: false, records: None })
    }

    /// Claims an interface of the calling thread's namespace.
    ///
    /// What an earlier claim has left, which was never released because its process was killed, is taken for what it is:
    /// the values before that one are those that this one puts back. That something cannot be written down, or that what
    /// was cannot be read, is no error: see [`unrecorded`](Self::unrecorded) and [`unread`](Self::unread).
    ///
    /// # Errors
    /// If there is none of that name, another Siding has it, or the caller may not. If the kernel is to be silent, also if
    /// it has addresses or routes that somebody gave it, or it is a port of a bridge or bond. Then all is as it was.
    pub fn with(interface: &str, config: ClaimConfig<'_>) -> Result<Self, Error> {
        let mut netlink = Netlink::open()?;
        let link = netlink.link(interface)?;
        if config.silent {
            if let Some(controller) = link.controller {
                let named = netlink.link_by_index(controller);
                let controller = named.map_or_else(|_| format!("#{controller}"), |link| link.name);
                return Err(Error::IsPort { interface: interface.to_owned(), controller });
            }
            unused(&mut netlink, interface)?;
        }
        // From here on, an early return drops the claim, which undoes what has been done so far.
        let mut claim = Self {
            interface: link.name.clone(),
            index: link.index,
            netns: Netns::current()?,
            offloads: Offloads::open()?,
            undo: Undo::default(),
            records: config.records.cloned(),
            adopted: false,
            unread: None,
            unrecorded: Vec::new(),
            unfiltered: None,
            _lock: lock(&link)?,
        };
        claim.take(&mut netlink, config, link.up)?;
        if config.silent {
            // Again: an address may have come between the first look and now, and IPv4 has no switch.
            unused(&mut netlink, interface)?;
        }
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

    /// True if an earlier claim was never released, and its values before were taken over.
    #[must_use]
    pub fn adopted(&self) -> bool {
        self.adopted
    }

    /// Why what an earlier claim has written down was not used, if there was something.
    #[must_use]
    pub fn unread(&self) -> Option<&io::Error> {
        self.unread.as_ref()
    }

    /// Why what was changed is not written down.
    #[must_use]
    pub fn unrecorded(&self) -> &[io::Error] {
        &self.unrecorded
    }

    /// Why the kernel is still given the IPv4 that it only drops, which costs time and changes nothing else.
    #[must_use]
    pub fn unfiltered(&self) -> Option<&Error> {
        self.unfiltered.as_ref()
    }

    /// Looks at all values, writes down those before, and changes them.
    fn take(&mut self, netlink: &mut Netlink, config: ClaimConfig<'_>, is_up: bool) -> Result<(), Error> {
        let left = self.left();
        let mut changes = Vec::new();
        for (setting, value) in SILENT.into_iter().filter(|_| config.silent) {
            let Some(now) = setting.read(&self.interface)? else {
                continue; // That IP version is not on the interface: silent enough.
            };
            let is_right = now == value;
            // Somebody who has changed it since meant that.
            let before = left.value(setting).filter(|_| is_right).map_or(now, str::to_owned);
            if before != value {
                self.undo.settings.push((setting, before));
            }
            if !is_right {
                changes.push((setting, value));
            }
        }
        if config.silent {
            self.undo.features = match self.offloads.altering(&self.interface) {
                Ok(altering) => altering.before(&left.features),
                // A device without features to change, such as some tunnels.
                Err(error) if is_unsupported(&error) => TurnedOff::default(),
                Err(error) => return Err(error),
            };
            match Ingress::needed(netlink, &self.interface, self.index, left.ingress) {
                Ok(ingress) => self.undo.ingress = Some(ingress),
                Err(error) => (self.undo.ingress, self.unfiltered) = (left.ingress, Some(error)),
            }
        }
        self.undo.down = config.up && (!is_up || left.down);
        self.write_down();
        for (setting, value) in changes {
            setting.write(&self.interface, value)?;
        }
        if config.silent {
            match self.offloads.turn_off(&self.interface) {
                Err(error) if !is_unsupported(&error) => return Err(error),
                _ => {}
            }
            if let Some(ingress) = self.undo.ingress {
                self.unfiltered = ingress.put(netlink, &self.interface, self.index).err();
                // What has its place is somebody else's.
                if self.unfiltered.is_some() {
                    self.undo.ingress = None;
                    self.write_down();
                }
            }
        }
        if config.up && !is_up {
            netlink.set_up(&self.interface)?;
        }
        Ok(())
    }

    /// Notes what is to be put back, for whoever comes after a process that is killed.
    fn write_down(&mut self) {
        let written =
            self.records.as_ref().map(|records| records.write(self.index, &self.interface, &self.undo));
        self.unrecorded.extend(written.and_then(Result::err));
    }

    /// What was there before an earlier claim that was never released.
    fn left(&mut self) -> Undo {
        match self.records.as_ref().map(|records| records.read(self.index)) {
            Some(Ok(Some(undo))) => {
                self.adopted = true;
                undo
            }
            Some(Err(error)) => {
                self.unread = Some(error);
                Undo::default()
            }
            Some(Ok(None)) | None => Undo::default(),
        }
    }

    fn restore(&mut self) -> Result<(), Error> {
        let undo = mem::take(&mut self.undo);
        if undo.is_empty() {
            return Ok(());
        }
        let (index, offloads) = (self.index, &self.offloads);
        // The thread that drops a claim may have gone elsewhere. Entering needs a privilege more than the
        // claim itself, hence not without need.
        match self.netns.is_current()? {
            true => undo.apply(index, offloads)?,
            false => self.netns.run(|| undo.apply(index, offloads))??,
        }
        // What stays there would only be put back once more.
        let _ = self.records.as_ref().map(|records| records.remove(index));
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Nobody is left to tell; `release` is for those who want to know.
        let _ = self.restore();
    }
}

/// Makes an interface that this process has claimed to be silent what it has to be, should somebody have changed it since:
/// settings, and offloads. Gives what somebody had changed, by name; what the claim puts back at its end stays what was
/// there before it.
///
/// # Errors
/// If there is no such interface, or a value cannot be changed.
pub fn keep_silent(interface: &str) -> Result<Vec<String>, Error> {
    let mut changed = Vec::new();
    for (setting, value) in SILENT {
        if setting.read(interface)?.is_some_and(|now| now != value) {
            setting.write(interface, value)?;
            changed.push(setting.key.to_owned());
        }
    }
    let offloads = Offloads::open()?;
    let before = match offloads.active(interface) {
        Err(error) if is_unsupported(&error) => return Ok(changed),
        active => active?,
    };
    if !offloads.turn_off(interface)?.is_empty() {
        let after = offloads.active(interface)?;
        changed.extend(before.difference(&after).cloned());
    }
    Ok(changed)
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

fn is_unsupported(error: &Error) -> bool {
    matches!(error, Error::Refused { why, .. } if why.raw_os_error() == Some(libc::EOPNOTSUPP))
}

/// Takes the lock, waiting for a moment if it is taken: a lock that was just dropped stays with any program that
/// this process is starting at that time, from its fork until its exec.
fn lock(link: &Link) -> Result<Lock, Error> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    let mut counts = None;
    loop {
        match try_lock(link.index, &mut counts) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                thread::sleep(LOCK_PAUSE);
            }
            result => {
                return result.map_err(|error| match error.kind() {
                    io::ErrorKind::AddrInUse => Error::AlreadyClaimed { interface: link.name.clone() },
                    _ => Error::system(format_args!("claim {}", link.name), error),
                });
            }
        }
    }
}

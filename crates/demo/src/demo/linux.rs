//! The real wire: a veth pair whose other end is the Linux kernel, in a namespace of its own.
//!
//! # Teardown
//!
//! Namespaces and veth pair have no name outside this process and go with it, however it ends.

use std::fs;
use std::net::Ipv6Addr;
use std::os::fd::AsFd;

use anyhow::Context;
use siding_drivers::PacketConfig;
use siding_drivers::PacketDevice;
use siding_drivers::kernel::Cidr;
use siding_drivers::kernel::Claim;
use siding_drivers::kernel::Dad;
use siding_drivers::kernel::Isolation;
use siding_drivers::kernel::Netlink;
use siding_drivers::kernel::Netns;
use siding_drivers::kernel::isolate;
use siding_stack::Device;
use siding_wire::Mac;

use super::echo::Echo;
use super::far::Far;
use super::gate::SIDES;
use super::gate::on_side;
use super::given::LAGG;
use super::given::OURS;
use super::given::PEER;
use super::given::PREFIX_LEN;
use super::given::SILENT;
use super::given::UNTAGGED;
use super::place::Place;
use super::place::Port;
use super::place::Trunk;
use super::place::Yard;
use super::raw::RawEcho;

/// A veth pair.
pub(super) struct Linux {
    isolation: Isolation,
    mac: Mac,
    claim: Claim,
    /// Those of the lagg's act, and of the firewall's.
    claims: Vec<Claim>,
    netlink: Netlink,
    netns: Netns,
    workers: usize,
}

/// Our end, and the peer's.
const END: &str = "siding0";
const PEER_END: &str = "linux0";

/// The peer's bridge, and what is plugged into it: our two ports, and the station behind it.
const SWITCH: &str = "switch0";
const TRUNK: [(&str, &str); 3] = [("siding1", "linux1"), ("siding2", "linux2"), ("far0", "linux3")];

/// The hosts' end of the firewall's wires.
const HOST_END: &str = "eth0";

/// A multicast or foreign frame is seen on a veth in any case, so that nothing needs to be promiscuous.
const CONFIG: PacketConfig = PacketConfig {
    ring_frames: 1024,
    max_frame: 1920,
    promiscuous: false,
    all_multicast: false,
    qdisc_bypass: false,
};

impl Linux {
    /// Moves the calling thread, and with it all that it starts, into a private namespace, and builds the wire. To be
    /// called while the process has no other threads.
    ///
    /// # Errors
    ///
    /// The system does not allow a namespace, a veth pair or a packet socket.
    pub(super) fn new() -> anyhow::Result<Linux> {
        let isolation = isolate()?;
        let netns = Netns::new()?;
        let mut netlink = Netlink::open()?;
        netlink.create_veth(END, PEER_END, Some(netns.as_fd()))?;
        let claim = Claim::new(END)?;
        netlink.set_up(END)?;
        let mac = netlink.link(END)?.mac.context("the veth has no Ethernet address")?;
        let mut peer = netns.netlink()?;
        peer.set_up(PEER_END)?;
        for addr in [PEER, SILENT] {
            peer.add_address(PEER_END, cidr(addr)?, Dad::Skip)?;
        }
        let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2));
        let place =
            Linux { isolation, mac: Mac(mac), claim, claims: Vec::new(), netlink: peer, netns, workers };
        // What is not allowed shall be known now, while there is still another way.
        drop(PacketDevice::open(END, CONFIG, workers)?);
        drop(RawEcho::open(&place.netns, OURS, 0)?);
        Ok(place)
    }
}

impl Place for Linux {
    fn describe(&self) -> String {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        format!("a veth pair by AF_PACKET, Linux {} at the other end, {}", release.trim(), self.isolation)
    }

    fn peer(&self) -> &'static str {
        "Linux"
    }

    fn workers(&self) -> usize {
        self.workers
    }

    fn mac(&self) -> Mac {
        self.mac
    }

    fn open(&mut self) -> anyhow::Result<Vec<Box<dyn Device>>> {
        let devices = PacketDevice::open(END, CONFIG, self.workers)?;
        Ok(devices.into_iter().map(|device| Box::new(device) as Box<dyn Device>).collect())
    }

    fn keeps_devices(&self) -> bool {
        true
    }

    fn pinger(&self, ident: u16) -> anyhow::Result<Box<dyn Echo>> {
        Ok(Box::new(RawEcho::open(&self.netns, OURS, ident)?))
    }

    fn silence(&mut self) -> anyhow::Result<()> {
        Ok(self.netlink.delete_address(PEER_END, cidr(SILENT)?)?)
    }

    fn trunk(&mut self) -> anyhow::Result<Trunk> {
        self.netlink.create_bridge(SWITCH)?;
        self.netlink.set_up(SWITCH)?;
        let switch = self.netlink.link(SWITCH)?.index;
        let mut ours = Netlink::open()?;
        let mut macs = Vec::new();
        for (end, other) in TRUNK {
            ours.create_veth(end, other, Some(self.netns.as_fd()))?;
            self.claims.push(Claim::new(end)?);
            ours.set_up(end)?;
            macs.push(Mac(ours.link(end)?.mac.context("the veth has no Ethernet address")?));
            self.netlink.set_controller(other, switch)?;
            self.netlink.set_up(other)?;
        }
        self.netlink.add_address(SWITCH, cidr(UNTAGGED)?, Dad::Skip)?;
        let [(first, _), (second, _), (last, _)] = TRUNK;
        let far = Far::new(|_| {
            let device = PacketDevice::open(last, CONFIG, 1)?.remove(0);
            Ok(vec![(macs[2], Box::new(device) as Box<dyn Device>)])
        })?;
        let port = |end: &str, mac: Mac| -> anyhow::Result<(Mac, Vec<Box<dyn Device>>)> {
            let devices = PacketDevice::open(end, CONFIG, self.workers)?;
            Ok((mac, devices.into_iter().map(|device| Box::new(device) as Box<dyn Device>).collect()))
        };
        let ports = vec![port(first, macs[0])?, port(second, macs[1])?];
        Ok(Trunk { ports, far, untagged: ("Linux", Box::new(RawEcho::open(&self.netns, LAGG, 3)?)) })
    }

    fn yard(&mut self) -> anyhow::Result<Yard> {
        let mut ours = Netlink::open()?;
        let mut side = |side: usize| -> anyhow::Result<(Netns, Port)> {
            let (host, end) = (Netns::new()?, SIDES[side]);
            ours.create_veth(end, HOST_END, Some(host.as_fd()))?;
            self.claims.push(Claim::new(end)?);
            ours.set_up(end)?;
            let mac = Mac(ours.link(end)?.mac.context("the veth has no Ethernet address")?);
            let mut theirs = host.netlink()?;
            theirs.set_up(HOST_END)?;
            theirs.add_address(HOST_END, cidr(on_side(side, 2))?, Dad::Skip)?;
            let all = Cidr::new(Ipv6Addr::UNSPECIFIED.into(), 0)?;
            theirs.add_route(all, Some(on_side(side, 1).into()), Some(HOST_END))?;
            let device = PacketDevice::open(end, CONFIG, 1)?.remove(0);
            Ok((host, (mac, Box::new(device) as Box<dyn Device>)))
        };
        let ((inside, near), (outside, far)) = (side(0)?, side(1)?);
        Ok(Yard { hosts: [inside, outside], devices: [near, far] })
    }

    fn sent(&self) -> Option<u64> {
        // Of the thread that asks, and that one is in our namespace.
        transmitted(&fs::read_to_string("/proc/thread-self/net/dev").ok()?, END)
    }

    fn close(self: Box<Self>) -> anyhow::Result<()> {
        for claim in self.claims {
            claim.release()?;
        }
        Ok(self.claim.release()?)
    }
}

fn cidr(addr: Ipv6Addr) -> anyhow::Result<Cidr> {
    Ok(Cidr::new(addr.into(), PREFIX_LEN)?)
}

/// The packets sent by `interface`, out of `/proc/net/dev`: a name, eight numbers on receipt, then bytes and packets
/// sent.
fn transmitted(table: &str, interface: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.trim_start().strip_prefix(interface)?.strip_prefix(':'))?;
    line.split_whitespace().nth(9)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_count_is_found_by_the_whole_name() {
        let table = "Inter-|   Receive  |  Transmit\n face |bytes packets\n\
            siding01: 1 2 3 4 5 6 7 8 9 10 11\n siding0:   10 20 0 0 0 0 0 0 30 44 0 0 0 0 0 0\n";
        assert_eq!(transmitted(table, "siding0"), Some(44));
        assert_eq!(transmitted(table, "siding"), None);
    }
}

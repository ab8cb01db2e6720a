//! Where the demonstration takes place: a wire, and somebody at its other end.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::mpsc::Sender;

use siding_drivers::kernel::Netns;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::Device;
use siding_stack::Filter;
use siding_stack::Offloads;
use siding_stack::Sent;
use siding_stack::Unread;
use siding_wire::Mac;

use super::echo::Echo;
use super::far::Far;

/// A wire with a peer, who has the addresses [`PEER`](super::given::PEER) and [`SILENT`](super::given::SILENT).
pub(super) trait Place {
    /// What it is, in a line.
    fn describe(&self) -> String;

    /// Who the peer is, in a word.
    fn peer(&self) -> &'static str;

    /// Workers that our stack has.
    fn workers(&self) -> usize;

    /// The link-layer address of our end.
    fn mac(&self) -> Mac;

    /// Opens our end: a device for each worker.
    fn open(&mut self) -> anyhow::Result<Vec<Box<dyn Device>>>;

    /// Whether opening costs enough to keep devices open from one attachment to the next.
    fn keeps_devices(&self) -> bool;

    /// Somebody at the peer's who pings us. `ident` tells one from another.
    fn pinger(&self, ident: u16) -> anyhow::Result<Box<dyn Echo>>;

    /// Has the peer give up [`SILENT`](super::given::SILENT).
    fn silence(&mut self) -> anyhow::Result<()>;

    /// A switch that we have two ports at, with others behind it.
    fn trunk(&mut self) -> anyhow::Result<Trunk>;

    /// Two hosts, and a wire to each.
    fn yard(&mut self) -> anyhow::Result<Yard>;

    /// Frames that have gone out of our end, by the count of somebody who is not us; `None` if nobody else counts.
    fn sent(&self) -> Option<u64>;

    /// Puts back what was changed.
    fn close(self: Box<Self>) -> anyhow::Result<()>;
}

/// What the lagg's act needs.
pub(super) struct Trunk {
    /// Our ports: an address, and a device for each worker.
    pub(super) ports: Vec<(Mac, Vec<Box<dyn Device>>)>,
    /// The station behind the switch that has VLANs.
    pub(super) far: Far,
    /// Who is there without a VLAN, in a word, and pings [`LAGG`](super::given::LAGG).
    pub(super) untagged: (&'static str, Box<dyn Echo>),
}

/// An interface to be: its address, and its device.
pub(super) type Port = (Mac, Box<dyn Device>);

/// What the firewall's act needs, side by side as [`SIDES`](super::gate::SIDES) has them: hosts with the address 2 of their
/// side and all ways by the firewall's, and the firewall's end of the wire to each.
pub(super) struct Yard {
    pub(super) hosts: [Netns; 2],
    pub(super) devices: [Port; 2],
}

/// Where devices go that are kept: their worker's number with each.
pub(super) type Home = Sender<(usize, Box<dyn Device>)>;

/// A device that outlives its interface: dropped, it goes home instead of being closed.
pub(super) struct Lent {
    device: Option<Box<dyn Device>>,
    worker: usize,
    home: Option<Home>,
}

impl Lent {
    /// Lends `device` to `worker`. Without a home, it is closed where it is dropped.
    pub(super) fn new(device: Box<dyn Device>, worker: usize, home: Option<Home>) -> Lent {
        Lent { device: Some(device), worker, home }
    }
}

impl Device for Lent {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        self.device.as_mut().map_or(Ok(0), |device| device.receive(cache, into, max))
    }

    fn unread(&self) -> Option<Unread> {
        self.device.as_ref().and_then(|device| device.unread())
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        self.device.as_mut().map_or_else(Sent::default, |device| device.transmit(cache, frames))
    }

    fn set_filter(&mut self, filter: &Filter) -> io::Result<()> {
        self.device.as_mut().map_or(Ok(()), |device| device.set_filter(filter))
    }

    fn offloads(&self) -> Offloads {
        self.device.as_ref().map_or_else(Offloads::default, |device| device.offloads())
    }

    fn readable(&self) -> Option<BorrowedFd<'_>> {
        self.device.as_ref()?.readable()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(device), Some(home)) = (self.device.take(), &self.home) {
            // Nobody at home: then it is closed here.
            let _ = home.send((self.worker, device));
        }
    }
}

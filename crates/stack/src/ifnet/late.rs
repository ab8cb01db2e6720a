//! What still comes the old way for a while after a change: it stands in the snapshot, with the moment when it ends.

use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::Mac;

/// What is open yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Late {
    ports: Vec<Port>,
    macs: Vec<Former>,
}

/// A port whose frames go to the lagg that it was in use by.
#[derive(Debug, Clone, Copy)]
struct Port {
    port: IfId,
    lagg: IfId,
    until: Instant,
}

/// An address that an interface had.
#[derive(Debug, Clone, Copy)]
struct Former {
    of: IfId,
    mac: Mac,
    until: Instant,
}

impl Late {
    /// The lagg that unicast frames from `port` are for, though the port is not in use by it.
    #[inline]
    pub(crate) fn lagg(&self, port: IfId, now: Instant) -> Option<IfId> {
        self.ports.iter().find(|late| late.port == port && now < late.until).map(|late| late.lagg)
    }

    /// Whether frames to `mac` are for the interface, which had it until a moment ago.
    #[inline]
    pub(crate) fn is_former(&self, of: IfId, mac: Mac, now: Instant) -> bool {
        self.macs.iter().any(|former| former.of == of && former.mac == mac && now < former.until)
    }

    /// Whether nothing is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.ports.is_empty() && self.macs.is_empty()
    }

    /// The ports whose frames are older than those of the ports in use.
    pub(crate) fn ports(&self, now: Instant) -> impl Iterator<Item = IfId> {
        self.ports.iter().filter(move |late| now < late.until).map(|late| late.port)
    }

    /// Ports with the laggs that they were in use by, and interfaces with the addresses that they had: what devices
    /// must let in.
    pub(crate) fn all(&self) -> (impl Iterator<Item = (IfId, IfId)>, impl Iterator<Item = (IfId, Mac)>) {
        let ports = self.ports.iter().map(|late| (late.port, late.lagg));
        (ports, self.macs.iter().map(|former| (former.of, former.mac)))
    }

    /// Whether something has been open for long enough.
    pub(crate) fn has_ended(&self, now: Instant) -> bool {
        let mut ends =
            self.ports.iter().map(|late| late.until).chain(self.macs.iter().map(|former| former.until));
        ends.any(|until| until <= now)
    }

    /// Closes what has been open for long enough.
    pub(crate) fn close(&mut self, now: Instant) {
        self.ports.retain(|late| now < late.until);
        self.macs.retain(|former| now < former.until);
    }

    /// A lagg takes unicast frames from a port that is not in use any more.
    pub(crate) fn open_port(&mut self, port: IfId, lagg: IfId, until: Instant) {
        self.close_port(port);
        self.ports.push(Port { port, lagg, until });
    }

    /// A port is in use.
    pub(crate) fn close_port(&mut self, port: IfId) {
        self.ports.retain(|late| late.port != port);
    }

    /// An interface takes frames for the address that it had.
    pub(crate) fn open_mac(&mut self, of: IfId, mac: Mac, until: Instant) {
        self.macs.push(Former { of, mac, until });
    }

    /// An interface has departed.
    pub(crate) fn forget(&mut self, id: IfId) {
        self.ports.retain(|late| late.port != id && late.lagg != id);
        self.macs.retain(|former| former.of != id);
    }
}

//! What still comes the old way for a while after a change.
//!
//! A port that has gone out of use, or out of the lagg, goes on being sent to: frames for it are on their way, and the
//! switch moves its entry only when the first frame from the new port, mostly an announcement, has reached it. So it
//! is with an address that has been replaced, until the neighbours have heard of the new one. Frames that are late in
//! this way are taken, and none is lost by a planned change.
//!
//! Only frames for one station are: what is for a group comes by the port in use too, and that port's copy is the one
//! that counts. Our own announcements come back by the old port in the same way.
//!
//! # Locks
//!
//! None on the path of a frame: this stands in the snapshot, with the moment when it ends. # Teardown: what has ended
//! is taken out by the lagg's timer, and what names an interface that departs goes with it.

use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::Mac;

use super::Mode;
use super::View;
use crate::config::Config;
use crate::stack::Shared;

/// How long the old way is open: a second, in which an announcement that is lost is repeated by default.
const GRACE: Duration = Duration::from_secs(1);

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

    fn close(&mut self, now: Instant) {
        self.ports.retain(|late| now < late.until);
        self.macs.retain(|former| now < former.until);
    }

    /// An interface has departed.
    pub(crate) fn forget(&mut self, id: IfId) {
        self.ports.retain(|late| late.port != id && late.lagg != id);
        self.macs.retain(|former| former.of != id);
    }
}

/// Opens the old way for what a step of a lagg has changed, from `before` and its view to `after`. Gives the moment
/// when it is to be [closed](close), if it was opened.
pub(super) fn open(
    before: &Config,
    old: &View,
    after: &mut Config,
    new: &View,
    lagg: IfId,
    now: Instant,
) -> Option<Instant> {
    let until = now + GRACE;
    let mut late = std::mem::take(&mut after.late);
    late.close(now);
    late.ports.retain(|port| !new.receiving.contains(&port.port));
    let mut opened = None;
    // LACP has a way of its own to stop a partner before a port goes.
    if new.lagg.settings.mode != Mode::Lacp {
        for port in old.receiving.iter().copied().filter(|port| !new.receiving.contains(port)) {
            late.ports.retain(|late| late.port != port);
            late.ports.push(Port { port, lagg, until });
            opened = Some(until);
        }
    }
    for id in after.nest(lagg) {
        let mac_in = |config: &Config| config.interface(id).map(|interface| interface.mac);
        if let (Some(mac), Some(now_mac)) = (mac_in(before), mac_in(after))
            && mac != now_mac
        {
            late.macs.push(Former { of: id, mac, until });
            opened = Some(until);
        }
    }
    after.late = late;
    opened
}

/// Closes what has been open for long enough, so that devices let it in no longer.
pub(super) fn close(ctx: &mut Ctx<'_, Unlocked>, shared: &Shared, config: &Config, now: Instant) {
    let ended = |until: Instant| until <= now;
    let Late { ports, macs } = &config.late;
    if ports.iter().any(|late| ended(late.until)) || macs.iter().any(|former| ended(former.until)) {
        let (mut control, _ctx) = ctx.lock(&shared.control);
        shared.change(&mut control, |config| config.late.close(now));
    }
}

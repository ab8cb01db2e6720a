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

use super::Mode;
use super::View;
use crate::config::Config;
use crate::stack::Shared;

/// How long the old way is open: a second, in which an announcement that is lost is repeated by default.
const GRACE: Duration = Duration::from_secs(1);

/// Opens the old way for what a step of a lagg has changed, from `before` to `after` and from one view to the
/// other. Gives the moment
/// when it is to be [closed](close), if it was opened.
pub(super) fn open(
    before: &Config,
    after: &mut Config,
    (old, new): (&View, &View),
    lagg: IfId,
    now: Instant,
) -> Option<Instant> {
    let until = now + GRACE;
    let mut late = std::mem::take(&mut after.late);
    late.close(now);
    new.receiving.iter().for_each(|port| late.close_port(*port));
    let mut opened = None;
    // LACP has a way of its own to stop a partner before a port goes.
    if new.lagg.settings.mode != Mode::Lacp {
        for port in old.receiving.iter().copied().filter(|port| !new.receiving.contains(port)) {
            late.open_port(port, lagg, until);
            opened = Some(until);
        }
    }
    for id in after.nest(lagg) {
        let mac_in = |config: &Config| config.interface(id).map(|interface| interface.mac);
        if let (Some(mac), Some(now_mac)) = (mac_in(before), mac_in(after))
            && mac != now_mac
        {
            late.open_mac(id, mac, until);
            opened = Some(until);
        }
    }
    after.late = late;
    opened
}

/// Closes what has been open for long enough, so that devices let it in no longer.
pub(super) fn close(ctx: &mut Ctx<'_, Unlocked>, shared: &Shared, config: &Config, now: Instant) {
    if config.late.has_ended(now) {
        let (mut control, _ctx) = ctx.lock(&shared.control);
        shared.change(&mut control, |config| config.late.close(now));
    }
}

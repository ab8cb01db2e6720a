//! Forgetting neighbours that nobody has used for long.

use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;

use super::due::Ageing;
use crate::BATCH;
use crate::stack::worker::Local;
use crate::timer::Due;

impl Due<Local> for Ageing {
    fn interface(&self) -> IfId {
        self.0
    }

    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        age(ctx, local, self.0);
    }
}

/// An interface's time has come to look. It looks again when the next entry may be due: one timer for all.
///
/// Each change of the limits sets a timer too; those that it overtakes find that the next look is later, and end.
fn age(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, on: IfId) {
    let config = local.config().clone();
    let Some(interface) = config.interface(on) else { return };
    // Switched off: whoever switches it on again sets the timer.
    let Some(stale_time) = interface.neighbors.gc_stale_time else { return };
    let now = local.heard;
    let looks_at = &interface.ifnet.neighbors.looks_at;
    if looks_at.load(Ordering::Relaxed) > now.as_nanos() {
        return;
    }
    let before = Instant::from_nanos(now.as_nanos().saturating_sub(nanos(stale_time)));
    let (gone, next) = interface.ifnet.neighbors.expire(ctx, now, before, BATCH);
    local.note_evicted(gone);
    let next = (next.unwrap_or(now) + stale_time).max(now);
    looks_at.store(next.as_nanos(), Ordering::Relaxed);
    local.timers().arm(ctx, next, Ageing(on));
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

//! What a lagg here does not do, kept for the checkers: an announcement that is sent from where the change is made.
//!
//! In the stacks that this one learns from, sending through a lagg takes the lagg's lock, to choose the port; a failover
//! holds that lock, and announces by sending, through the VLANs down to the same lagg. Neither compiles here: sending asks
//! for a token that no holder of a lock has. So the mutant `announcement-sent-inline` forges one (a second root, which
//! is refused but under this mutant), and goes down the nest as those stacks do. The announcement is dispatched all
//! the same, so that nothing but the lock can give the mutant away.

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use crate::config::Config;
use crate::ifnet::Kind;

/// Chooses the port that a frame of `out` leaves by, with a forged token.
pub(super) fn transmit(config: &Config, out: IfId) {
    let mut root = Root::new();
    if let Ok(mut forged) = root.enter() {
        descend(&mut forged.ctx(), config, out);
    }
}

fn descend(ctx: &mut Ctx<'_, Unlocked>, config: &Config, out: IfId) {
    match config.interface(out).map(|interface| &interface.kind) {
        Some(Kind::Vlan(vlan)) => descend(ctx, config, vlan.parent),
        Some(Kind::Lagg(view)) => {
            let (state, _ctx) = ctx.lock(&view.lagg.state);
            let _chosen = state.active;
        }
        Some(Kind::Device | Kind::Bridge(_)) | None => {}
    }
}

//! The machines' time.

use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use super::group::sender;
use crate::Stack;
use crate::lagg::View;
use crate::stack::worker::Local;

/// A lagg's time has come: perhaps the machines'.
pub(crate) fn timer(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, view: &Arc<View>) {
    // Only the timer takes a silent partner for gone, and by what has been read.
    let now = local.heard;
    let id = view.lagg.id;
    let (mut state, mut lagg_ctx) = ctx.lock(&view.lagg.state);
    let Some(joined) = &mut state.lacp else { return };
    if !joined.alarm.rings(now) {
        return;
    }
    if joined.group.deadline().is_none_or(|deadline| deadline > now) {
        return joined.arm(&mut lagg_ctx, &local.shared, id);
    }
    drop((state, lagg_ctx));
    let stack = Stack { shared: local.shared.clone() };
    let events = stack.step_lacp(ctx, id, now, |now, joined, out| joined.group.on_timer(now, sender(out)));
    events.into_iter().for_each(|event| local.tell(event));
}

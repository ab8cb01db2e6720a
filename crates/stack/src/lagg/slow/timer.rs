//! The machines' time.

use std::sync::Arc;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use super::group::sender;
use crate::Stack;
use crate::lagg::View;
use crate::timer::Due;
use crate::worker::Local;

/// A timer later than that was held up, and so were the workers, or one of them.
const HELD_UP: Duration = Duration::from_millis(20);

/// A lagg's time has come: perhaps the machines'.
pub(crate) fn timer(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, view: &Arc<View>) {
    let now = local.now;
    let id = view.lagg.id;
    let (mut state, mut lagg_ctx) = ctx.lock(&view.lagg.state);
    let Some(joined) = &mut state.lacp else { return };
    // One that was overtaken by an earlier deadline: what that one armed will do.
    if joined.armed.is_none_or(|armed| armed > now) {
        return;
    }
    joined.armed = None;
    let Some(deadline) = joined.group.deadline().filter(|deadline| *deadline <= now) else {
        return joined.arm(&mut lagg_ctx, &local.shared, id);
    };
    // Only the timer takes a silent partner for gone. When we were held up, what it has said waits to be received:
    // every worker gets a moment for that, once.
    if deadline + HELD_UP <= now && !std::mem::replace(&mut joined.waited, true) {
        joined.armed = Some(now + HELD_UP);
        return local.shared.timers.arm(&mut lagg_ctx, now + HELD_UP, Due::Lagg(id));
    }
    joined.waited = false;
    drop((state, lagg_ctx));
    let stack = Stack { shared: local.shared.clone() };
    let events = stack.step_lacp(ctx, id, now, |now, joined, out| joined.group.on_timer(now, sender(out)));
    events.into_iter().for_each(|event| local.tell(event));
}

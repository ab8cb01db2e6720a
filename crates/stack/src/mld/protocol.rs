//! Multicast listeners among the stack's protocols.

use super::counted;
use crate::ifnet::IfCounter;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use super::follow::Machines;
use super::follow::resume;
use crate::Stack;
use crate::ifnet::Interface;
use crate::limits::LimitReport;
use crate::stack::Moment;
use crate::stack::Protocol;

/// Multicast listener discovery.
pub(crate) struct Listeners;

impl Protocol for Listeners {
    fn counters(&self) -> &'static [IfCounter] {
        counted::COUNTERS
    }

    fn taken_up(&self, moment: &mut Moment<'_, '_>, _itself: bool) {
        let Moment { stack, control, ctx, interface, .. } = moment;
        resume(control, ctx, &stack.shared, interface.ifnet.id, stack.now());
    }

    fn departs(&self, moment: &mut Moment<'_, '_>) {
        moment.control.rooms.of::<Machines>().remove(&moment.interface.ifnet.id);
    }

    fn limits_on(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, on: &Interface) -> Vec<LimitReport> {
        let (control, _ctx) = ctx.lock(&stack.shared.control);
        vec![
            LimitReport::new("joined-groups", control.mld.groups, on.joined.len()),
            LimitReport::new("joined-ip4-groups", control.mld.groups, on.joined4.len()),
        ]
    }
}

//! Link aggregation among the stack's protocols.

use crate::stack::Moment;
use crate::stack::Protocol;

/// Link aggregation.
pub(crate) struct Laggs;

impl Protocol for Laggs {
    fn departs(&self, moment: &mut Moment<'_, '_>) {
        let Moment { stack, control, ctx, interface, told } = moment;
        told.extend(stack.leave_nest(control, ctx, interface));
    }
}

//! Bridges among the stack's protocols.

use crate::stack::Moment;
use crate::stack::Protocol;

/// Bridges.
pub(crate) struct Bridges;

impl Protocol for Bridges {
    fn departs(&self, moment: &mut Moment<'_, '_>) {
        let Moment { stack, control, interface, told, .. } = moment;
        told.extend(stack.leave_bridge(control, interface));
    }
}

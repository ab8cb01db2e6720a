//! Bridges among the stack's protocols.

use super::counted;
use super::shown;
use crate::drops::DropReason;
use crate::stack::Moment;
use crate::stack::Protocol;
use crate::stack::Shown;

/// Bridges.
pub(crate) struct Bridges;

impl Protocol for Bridges {
    fn causes(&self) -> &'static [DropReason] {
        counted::CAUSES
    }

    fn tables(&self) -> &'static [Shown] {
        shown::TABLES
    }

    fn departs(&self, moment: &mut Moment<'_, '_>) {
        let Moment { stack, control, interface, told, .. } = moment;
        told.extend(stack.leave_bridge(control, interface));
    }
}

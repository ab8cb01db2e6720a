//! Link aggregation among the stack's protocols.

use super::counted;
use super::slow;
use super::slow::SlowOut;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::queues::Registrar;
use crate::stack::Moment;
use crate::stack::Protocol;
use crate::worker::Local;
use siding_netisr::RegisterError;

/// Link aggregation.
pub(crate) struct Laggs;

impl Protocol for Laggs {
    fn causes(&self) -> &'static [DropReason] {
        counted::CAUSES
    }

    fn counters(&self) -> &'static [IfCounter] {
        counted::COUNTERS
    }

    fn queues(&self, make: &mut Registrar<'_, Local>) -> Result<(), RegisterError> {
        make.add::<SlowOut>(|spec| spec, slow::handle)
    }

    fn departs(&self, moment: &mut Moment<'_, '_>) {
        let Moment { stack, control, ctx, interface, told } = moment;
        told.extend(stack.leave_nest(control, ctx, interface));
    }
}

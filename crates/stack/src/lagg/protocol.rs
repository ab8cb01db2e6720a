//! Link aggregation among the stack's protocols.

use super::announce;
use super::counted;
use super::follow;
use super::shown;
use super::slow;
use super::slow::SlowOut;
use crate::Stack;
use crate::config::Config;
use crate::drops::DropReason;
use crate::event::Event;
use crate::ifnet::IfCounter;
use crate::queues::Registrar;
use crate::ranks;
use crate::stack::Altered;
use crate::stack::Control;
use crate::stack::Moment;
use crate::stack::Protocol;
use crate::stack::Shown;
use crate::stack::worker::Local;
use siding_lockorder::Ctx;
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

    fn tables(&self) -> &'static [Shown] {
        shown::TABLES
    }

    fn alters(
        &self,
        moment: &mut Moment<'_, '_>,
        what: Altered,
        change: &mut dyn FnMut(&mut Config),
    ) -> bool {
        follow::alters(moment, what, change)
    }

    fn follows(
        &self,
        stack: &Stack,
        control: &mut Control,
        ctx: &mut Ctx<'_, ranks::Control>,
        before: &Config,
    ) -> Vec<Event> {
        stack.follow_ports(control, ctx, before)
    }

    fn readdressed(&self, moment: &mut Moment<'_, '_>) {
        let Moment { stack, ctx, interface, .. } = moment;
        announce::once(ctx, &stack.shared, interface.ifnet.id, stack.now());
    }

    fn departs(&self, moment: &mut Moment<'_, '_>) {
        let Moment { stack, control, ctx, interface, told } = moment;
        told.extend(stack.leave_nest(control, ctx, interface));
    }
}

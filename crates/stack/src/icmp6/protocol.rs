//! Errors, resets and redirects among the stack's protocols.

use super::Unreachable;
use super::counted;
use super::error;
use crate::drops::DropReason;
use crate::ip4;
use crate::queues::Queue;
use crate::queues::Registrar;
use crate::stack::worker::Local;
use crate::trace::Step;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::RegisterError;

use crate::Stack;
use crate::limits::LimitReport;
use crate::stack::Protocol;

/// What tells others that something is wrong, of both families.
pub(crate) struct Errors;

impl Protocol for Errors {
    fn causes(&self) -> &'static [DropReason] {
        counted::CAUSES
    }

    fn queues(&self, make: &mut Registrar<'_, Local>) -> Result<(), RegisterError> {
        make.add::<Unreachable>(|spec| spec, unreachable)
    }

    fn limits(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        stack.shared.sends.report(ctx, stack.now())
    }
}

/// The handler of packets whose neighbour did not answer.
fn unreachable(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, packet: Mbuf, out: IfId) {
    local.refresh();
    local.trace.note(&packet, || Step::Handled { queue: Unreachable::NAME });
    match packet.data().first().is_some_and(|first| first >> 4 == 4) {
        true => ip4::unreachable(ctx, local, out, packet),
        false => error::unreachable(ctx, local, out, packet),
    }
}

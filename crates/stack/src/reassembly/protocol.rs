//! Reassembly among the stack's protocols.

use super::Fragment;
use super::counted;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::queues::Registrar;
use crate::worker::Local;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::RegisterError;

use super::join;
use crate::Stack;
use crate::limits::LimitReport;
use crate::stack::Protocol;

/// Fragments of both families.
pub(crate) struct Fragments;

impl Protocol for Fragments {
    fn causes(&self) -> &'static [DropReason] {
        counted::CAUSES
    }

    fn counters(&self) -> &'static [IfCounter] {
        counted::COUNTERS
    }

    fn queues(&self, make: &mut Registrar<'_, Local>) -> Result<(), RegisterError> {
        //= RFC 9099 s2.3.2 [9099-1]: a flood of fragments on one link leaves room for those of others.
        let half = make.limit.div_ceil(2);
        make.add::<Fragment>(|spec| spec.flow_key(join::flow).share(half), join::handle)
    }

    fn limits(&self, stack: &Stack, _ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        join::limits(&stack.shared.fragments, &stack.shared.reassembly).into()
    }
}

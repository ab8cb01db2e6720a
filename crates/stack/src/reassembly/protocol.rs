//! Reassembly among the stack's protocols.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use super::join;
use crate::Stack;
use crate::limits::LimitReport;
use crate::stack::Protocol;

/// Fragments of both families.
pub(crate) struct Fragments;

impl Protocol for Fragments {
    fn limits(&self, stack: &Stack, _ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        join::limits(&stack.shared.fragments, &stack.shared.reassembly).into()
    }
}

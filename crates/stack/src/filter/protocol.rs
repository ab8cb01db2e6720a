//! The filter among the stack's protocols.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use super::report;
use crate::Stack;
use crate::limits::LimitReport;
use crate::stack::Protocol;

/// Rules and states. What is carried names its interfaces, and goes with them by itself.
pub(crate) struct Filter;

impl Protocol for Filter {
    fn limits(&self, stack: &Stack, _ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        report::limits(&stack.shared.filter)
    }
}

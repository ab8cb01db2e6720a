//! Errors, resets and redirects among the stack's protocols.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::Stack;
use crate::limits::LimitReport;
use crate::stack::Protocol;

/// What tells others that something is wrong, of both families.
pub(crate) struct Errors;

impl Protocol for Errors {
    fn limits(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        stack.shared.sends.report(ctx, stack.now())
    }
}

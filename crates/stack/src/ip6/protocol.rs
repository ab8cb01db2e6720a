//! IPv6's path MTUs among the stack's protocols.

use super::counted;
use crate::drops::DropReason;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::Stack;
use crate::ifnet::Interface;
use crate::limits::LimitReport;
use crate::remains::Remains;
use crate::stack::Protocol;

/// Path MTU discovery.
pub(crate) struct Paths6;

impl Protocol for Paths6 {
    fn causes(&self) -> &'static [DropReason] {
        counted::CAUSES
    }

    fn departed(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, gone: &Interface, _: &mut Remains) {
        stack.shared.paths.forget(ctx, |path| path.zone == gone.ifnet.id);
    }

    fn limits(&self, stack: &Stack, _ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        vec![stack.shared.paths.limits()]
    }
}

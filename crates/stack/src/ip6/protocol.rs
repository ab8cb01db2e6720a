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
use crate::stack::Shown;
use crate::table::TableSpec;
use crate::table::named;

/// Path MTU discovery.
pub(crate) struct Paths6;

impl Protocol for Paths6 {
    fn causes(&self) -> &'static [DropReason] {
        counted::CAUSES
    }

    fn departed(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, gone: &Interface, _: &mut Remains) {
        stack.shared.paths.forget(ctx, |path| path.zone == gone.ifnet.id);
    }

    fn tables(&self) -> &'static [Shown] {
        &[Shown {
            table: TableSpec {
                name: "path-mtus",
                about: "Paths that take less than their first link, and how long that is believed",
                columns: &["destination", "interface", "mtu/B", "left/s"],
            },
            fill: |stack, _ctx, table| {
                let config = stack.shared.config.load();
                table.add(stack.shared.paths.report(stack.now()), |report| {
                    [
                        report.path.destination.to_string(),
                        named(&config, report.path.zone),
                        report.mtu.to_string(),
                        report.left.as_secs().to_string(),
                    ]
                });
            },
        }]
    }

    fn limits(&self, stack: &Stack, _ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        vec![stack.shared.paths.limits()]
    }
}

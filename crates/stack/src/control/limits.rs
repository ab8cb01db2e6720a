//! Every bound of the stack, with its use.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::Cause;

use crate::Stack;
use crate::filter;
use crate::limits::LimitReport;
use crate::reassembly;

impl Stack {
    /// Every bound: of the whole stack first, then interface by interface.
    pub fn limits(&self, ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        let config = self.config();
        let mut reports = self.stack_limits(ctx, config.interfaces().count());
        let groups = self.group_limit(ctx);
        for interface in config.interfaces() {
            let id = interface.ifnet.id;
            let neighbors = interface.ifnet.neighbors.limits(self.now(), &interface.neighbors);
            reports.extend(neighbors.into_iter().map(|report| report.on(id)));
            let (mut control, _ctx) = ctx.lock(&self.shared.control);
            let learnt = control.hosts.get_mut(&id).map(|state| {
                state.host.note_refused(interface.ifnet.intake.take_refused_routers());
                state.host.report_limits()
            });
            let learnt = learnt.unwrap_or_default();
            reports.extend(learnt.into_iter().map(|report| report.on(id)));
            reports.push(LimitReport::new("joined-groups", groups, interface.joined.len()).on(id));
        }
        reports
    }

    fn stack_limits(&self, ctx: &mut Ctx<'_, Unlocked>, interfaces: usize) -> Vec<LimitReport> {
        let shared = &self.shared;
        let pool = &shared.pool;
        let mut reports = vec![
            LimitReport::new("interfaces", shared.interfaces, interfaces),
            LimitReport {
                refused: pool.refused(),
                ..LimitReport::new("packet-buffers", pool.capacity(), pool.live())
            },
        ];
        reports.extend(shared.sends.report(ctx, self.now()));
        reports.extend(shared.neighbor_totals.report(&shared.neighbors_used, &shared.neighbors));
        if let Some(large) = &shared.large {
            reports.push(LimitReport {
                refused: large.refused(),
                ..LimitReport::new("large-buffers", large.capacity(), large.live())
            });
        }
        reports.extend(reassembly::limits(&shared.fragments, &shared.reassembly));
        reports.push(shared.paths.limits());
        reports.extend(filter::limits(&shared.filter));
        for kind in self.netisr_types() {
            // A lane each: the bound is each worker's, and so is the highest use.
            let fullest = kind.workers.iter().map(|lane| lane.resident).max().unwrap_or(0);
            let total = kind.total();
            reports.push(LimitReport {
                highest: Some(total.high_water),
                refused: total.refused.of(Cause::Full) + total.refused.of(Cause::Share),
                ..LimitReport::new(format!("queue {}", kind.name), kind.limit as usize, fullest as usize)
            });
        }
        reports
    }
}

//! Bounds, and what has come of them, as they are told.

use crate::control::LimitRow;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::tell;

impl Daemon {
    pub(crate) fn show_limits(&self, ctx: &mut Free<'_>) -> Vec<LimitRow> {
        let row = |report: siding_stack::LimitReport| LimitRow {
            limit: report.name,
            interface: (!report.interface.is_none()).then(|| self.name_of(report.interface)),
            most: report.limit,
            used: report.used,
            highest: report.highest,
            refused: report.refused,
        };
        let mut rows: Vec<LimitRow> = self.stack.limits(ctx).into_iter().map(row).collect();
        rows.extend([
            tell::limit(),
            self.sessions.limit("control-sessions"),
            self.watchers.limit("monitor-sessions"),
        ]);
        rows.extend(self.log.events.limits());
        rows.extend(self.captures().into_iter().map(|(interface, loss)| LimitRow {
            limit: "capture-bytes".into(),
            interface,
            most: loss.waiting.1 as u64,
            used: loss.waiting.0 as u64,
            highest: None,
            refused: loss.frames,
        }));
        rows
    }
}

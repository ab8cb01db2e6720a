//! Neighbours, as they are told.

use crate::control::NeighborRow;
use crate::rows::nanos;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::daemon::name_in;

impl Daemon {
    pub(crate) fn show_neighbors(&self, ctx: &mut Free<'_>) -> Vec<NeighborRow> {
        let config = self.stack.config();
        let row = |report: siding_stack::NeighborReport| NeighborRow {
            address: report.addr,
            interface: name_in(&config, report.interface),
            mac: report.lladdr.map(|mac| mac.to_string()),
            state: report.state.to_string(),
            router: report.router,
            fixed: report.fixed,
            held: report.held,
            age_ns: nanos(report.age),
            in_state_ns: nanos(report.in_state),
            confirmed_ns: report.confirmed.map(nanos),
        };
        let mut rows: Vec<NeighborRow> = self.stack.neighbors(ctx).into_iter().map(row).collect();
        rows.sort_by(|a, b| (&a.interface, a.address).cmp(&(&b.interface, b.address)));
        rows
    }
}

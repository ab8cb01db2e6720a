//! What paths take, told and forgotten.

use crate::control::Answer;
use crate::control::PathMtuRow;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::daemon::name_in;

impl Daemon {
    pub(crate) fn show_path_mtus(&self) -> Vec<PathMtuRow> {
        let config = self.stack.config();
        let row = |report: siding_stack::ip6::path_mtu::PathMtuReport| PathMtuRow {
            destination: report.path.destination.into(),
            interface: (!report.path.zone.is_none()).then(|| name_in(&config, report.path.zone)),
            mtu: report.mtu,
            left_ms: u64::try_from(report.left.as_millis()).unwrap_or(u64::MAX),
        };
        self.stack.path_mtus().into_iter().map(row).collect()
    }

    /// Forgets what paths take; without an interface: of all.
    pub(crate) fn flush_path_mtus(&self, ctx: &mut Free<'_>, on: Option<&str>) -> anyhow::Result<Answer> {
        Ok(Answer::Flushed(match on {
            Some(name) => self.stack.flush_path_mtus_on(ctx, self.interface(name)?),
            None => self.stack.flush_path_mtus(ctx),
        }))
    }
}

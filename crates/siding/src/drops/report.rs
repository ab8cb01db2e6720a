//! What was dropped, by interface and cause, as it is told.

use siding_stack::drops::Whose;

use crate::control::DropRow;
use crate::control::Dropper;
use crate::state::daemon::Daemon;

impl Daemon {
    /// What was dropped, with how fast that grows.
    pub(crate) fn show_drops(&self) -> Vec<DropRow> {
        let mut rows = self.drops_now();
        rows.retain(|row| row.count > 0);
        self.drops.look(std::time::Instant::now(), rows)
    }

    /// The same without rates, and with what drivers have not met yet: no look that others' rates are told from.
    pub(crate) fn drops_now(&self) -> Vec<DropRow> {
        self.reap();
        let mut rows: Vec<DropRow> = Vec::new();
        for account in self.stack.drops_by_interface() {
            rows.extend(account.drops.iter().map(|drop| DropRow {
                interface: account.name.clone(),
                departed: account.whose == Whose::Departed,
                by: Dropper::Stack,
                cause: drop.cause.to_string(),
                count: drop.count,
                per_second: None,
                over_s: None,
            }));
        }
        rows.extend(self.drops.rows());
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        rows
    }
}

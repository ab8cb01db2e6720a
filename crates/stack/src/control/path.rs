//! What is known of paths.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::Stack;
use crate::ip6::path_mtu::PathMtuReport;

impl Stack {
    /// Every path that is known to take less than its first link (RFC 8201).
    pub fn path_mtus(&self) -> Vec<PathMtuReport> {
        self.shared.paths.report(self.now())
    }

    /// Forgets what is known of paths; larger packets are tried at once. How many paths those were.
    pub fn flush_path_mtus(&self, ctx: &mut Ctx<'_, Unlocked>) -> usize {
        self.shared.paths.forget(ctx, |_| true)
    }
}

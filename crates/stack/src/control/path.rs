//! What is known of paths.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

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

    /// The same, of those that begin at one interface, or have no beginning any more.
    pub fn flush_path_mtus_on(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId) -> usize {
        let config = self.config();
        self.shared.paths.forget(ctx, |path| match path.zone.is_none() {
            false => path.zone == on,
            true => {
                let routing = config.routing_at(on);
                let way = routing.route6(path.destination);
                way.is_none_or(|(out, _)| out.ifnet.id == on)
                    || routing.sharing6(path.destination).iter().any(|(out, ..)| *out == on)
            }
        })
    }
}

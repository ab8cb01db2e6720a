//! What hosts have learnt, for tables.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use super::Host;
use super::Hosts;
use super::PrefixReport;
use super::RouterReport;
use crate::Stack;

impl Stack {
    /// The routers that were learnt, interface by interface: default routers, then those with more specific routes.
    pub fn default_routers(&self, ctx: &mut Ctx<'_, Unlocked>) -> Vec<RouterReport> {
        let now = self.now();
        self.each_host(ctx, |id, host| host.report_routers(id, now))
    }

    /// The prefixes that were learnt, interface by interface.
    pub fn prefixes(&self, ctx: &mut Ctx<'_, Unlocked>) -> Vec<PrefixReport> {
        let now = self.now();
        self.each_host(ctx, |id, host| host.report_prefixes(id, now))
    }

    fn each_host<T>(&self, ctx: &mut Ctx<'_, Unlocked>, report: impl Fn(IfId, &Host) -> Vec<T>) -> Vec<T> {
        let config = self.shared.config.load();
        let (mut control, _ctx) = ctx.lock(&self.shared.control);
        let known = control.rooms.of::<Hosts>();
        let hosts = config.interfaces().filter_map(|interface| known.get_key_value(&interface.ifnet.id));
        hosts.flat_map(|(id, state)| report(*id, &state.host)).collect()
    }
}

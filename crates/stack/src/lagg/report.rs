//! Laggs, for tables.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use super::LaggReport;
use super::PortReport;
use crate::Stack;
use crate::ifnet::Kind;
use crate::ports::lagg::Joined;
use crate::ports::lagg::Member;

impl Stack {
    /// Every lagg.
    pub fn laggs(&self, ctx: &mut Ctx<'_, Unlocked>) -> Vec<LaggReport> {
        let config = self.config();
        config
            .interfaces()
            .filter_map(|interface| match &interface.kind {
                Kind::Lagg(view) => Some((interface, view)),
                _ => None,
            })
            .map(|(interface, view)| {
                let (state, _ctx) = ctx.lock(&view.lagg.state);
                let port = |member: &Member| PortReport {
                    id: member.id,
                    name: config
                        .interface(member.id)
                        .map_or_else(String::new, |port| port.ifnet.name.clone()),
                    priority: member.priority,
                    usable: member.usable,
                    sending: view.sending.contains(&member.id),
                    receiving: view.receiving.contains(&member.id),
                    leaving: member.leaving,
                    lacp: state.lacp.as_ref().and_then(|lacp| lacp.report_port(member.id)),
                };
                LaggReport {
                    id: interface.ifnet.id,
                    name: interface.ifnet.name.clone(),
                    mode: view.lagg.settings.mode,
                    ports: state.ports.iter().map(port).collect(),
                    primary: state.primary,
                    active: state.active,
                    announced: state.announcing.dispatched,
                    lacp: state.lacp.as_ref().map(Joined::report),
                }
            })
            .collect()
    }
}

//! Neighbour tables among the stack's protocols.

use super::Announcing;
use super::LinkOut;
use super::flush;
use crate::queues::Registrar;
use crate::stack::worker::Local;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::RegisterError;

use super::due::Ageing;
use crate::Stack;
use crate::drops::DropReason;
use crate::ifnet::FURTHER_MACS;
use crate::ifnet::Ifnet;
use crate::ifnet::Interface;
use crate::limits::LimitReport;
use crate::ranks;
use crate::remains::Remains;
use crate::stack::Control;
use crate::stack::Protocol;
use crate::stack::Shown;
use crate::table::TableSpec;
use crate::table::dash;
use crate::table::yes;

/// The tables of all interfaces.
pub(crate) struct Tables;

impl Protocol for Tables {
    fn queues(&self, make: &mut Registrar<'_, Local>) -> Result<(), RegisterError> {
        make.add::<LinkOut>(|spec| spec.flow_key(flush::key), flush::handle)?;
        make.add::<Announcing>(|spec| spec, flush::handle)
    }

    fn attached(
        &self,
        stack: &Stack,
        _control: &mut Control,
        ctx: &mut Ctx<'_, ranks::Control>,
        ifnet: &Ifnet,
    ) {
        if let Some(stale_time) = stack.shared.neighbors.gc_stale_time {
            stack.shared.timers.arm(ctx, stack.now() + stale_time, Ageing(ifnet.id));
        }
    }

    fn departed(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, gone: &Interface, remains: &mut Remains) {
        let held = gone.ifnet.neighbors.close(ctx, stack.now(), remains);
        let drops = &gone.ifnet.drops;
        held.iter().for_each(|_| drops.count(DropReason::InterfaceGone));
        Mbuf::free_all(held);
    }

    fn let_go(&self, local: &mut Local, stays: &dyn Fn(IfId) -> bool) {
        local.direct.depart(stays);
    }

    fn tables(&self) -> &'static [Shown] {
        &[Shown {
            table: TableSpec {
                name: "neighbors",
                about: "Neighbors of both families, given or learnt, and how far they are reachable",
                columns: &["interface", "address", "mac", "state", "since/s", "router", "static", "held"],
            },
            fill: |stack, ctx, table| {
                let (config, now) = (stack.shared.config.load(), stack.now());
                for on in config.interfaces() {
                    let known = &on.ifnet.neighbors;
                    if table.is_full() {
                        table.leave_out(known.len(ctx));
                        continue;
                    }
                    table.add(known.report(ctx, now), |report| {
                        [
                            on.ifnet.name.clone(),
                            report.addr.to_string(),
                            dash(report.lladdr),
                            report.state.to_string().to_lowercase(),
                            report.in_state.as_secs().to_string(),
                            yes(report.router),
                            yes(report.fixed),
                            report.held.to_string(),
                        ]
                    });
                }
            },
        }]
    }

    fn limits(&self, stack: &Stack, _ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        let shared = &stack.shared;
        shared.neighbor_totals.report(&shared.neighbors_used, &shared.neighbors).into()
    }

    fn limits_on(&self, stack: &Stack, _ctx: &mut Ctx<'_, Unlocked>, on: &Interface) -> Vec<LimitReport> {
        let macs = LimitReport::new("further-macs", FURTHER_MACS, on.further_macs.len());
        on.ifnet.neighbors.limits(stack.now(), &on.neighbors).into_iter().chain([macs]).collect()
    }
}

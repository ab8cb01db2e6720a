//! The filter among the stack's protocols.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::RegisterError;

use crate::Stack;
use crate::drops::DropReason;
use crate::filter::CAUSES;
use crate::filter::Carried;
use crate::filter::Gauge;
use crate::filter::Shared;
use crate::filter::carried::keeper;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::limits::LimitReport;
use crate::next::Next;
use crate::queues::Queue;
use crate::queues::Registrar;
use crate::resume::ip_out;
use crate::stack::Protocol;
use crate::stack::Shown;
use crate::stack::worker::Local;
use crate::table::TableSpec;
use crate::trace::Step;
use crate::walk::walk;

/// The filter among the stack's protocols. What is carried names its interfaces, and goes with them by itself.
pub(crate) struct Filter;

impl Protocol for Filter {
    fn causes(&self) -> &'static [DropReason] {
        CAUSES
    }

    fn queues(&self, make: &mut Registrar<'_, Local>) -> Result<(), RegisterError> {
        // As many as others' together come by one interface: half is left for those of others.
        let half = make.limit.div_ceil(2);
        make.add::<Carried>(|spec| spec.choose_worker(keeper).share(half).time_every(64), handle)
    }

    fn let_go(&self, local: &mut Local, stays: &dyn Fn(IfId) -> bool) {
        for held in local.filter.depart(stays) {
            local.drop_packet(held, DropReason::InterfaceGone);
        }
    }

    fn tables(&self) -> &'static [Shown] {
        &[Shown {
            table: TableSpec {
                name: "filter-states",
                about: "How many states of flows each worker keeps, and what has become of others",
                columns: &[
                    "worker",
                    "states",
                    "half-open",
                    "highest",
                    "begun",
                    "expired",
                    "evicted",
                    "refused",
                    "refused-source",
                ],
            },
            fill: |stack, _ctx, table| {
                let gauges = stack.shared.filter.gauges.iter().map(Gauge::read);
                table.add(gauges.enumerate(), |(worker, usage)| {
                    [
                        worker.to_string(),
                        usage.states.to_string(),
                        usage.half_open.to_string(),
                        usage.highest.to_string(),
                        usage.inserted.to_string(),
                        usage.expired.to_string(),
                        usage.evicted.to_string(),
                        usage.refused.to_string(),
                        usage.refused_source.to_string(),
                    ]
                });
            },
        }]
    }

    fn limits(&self, stack: &Stack, _ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        limits(&stack.shared.filter)
    }
}

/// The bounds, with their use; none while no states are kept.
fn limits(shared: &Shared) -> Vec<LimitReport> {
    let rules = shared.rules.load();
    let Some(limits) = rules.as_ref().as_ref().and_then(|rules| rules.state_limits()) else {
        return Vec::new();
    };
    let mut all = LimitReport { highest: Some(0), ..LimitReport::new("filter-states", limits.states, 0) };
    let mut half = LimitReport::new("filter-states-half-open", limits.half_open, 0);
    for usage in shared.gauges.iter().map(Gauge::read) {
        all.used += usage.states as u64;
        all.refused += usage.refused + usage.refused_source;
        all.highest = all.highest.map(|highest| highest + usage.highest as u64);
        half.used += usage.half_open as u64;
        half.refused += usage.evicted;
    }
    vec![all, half]
}

/// The handler: the packet begins anew, where its flow is known. Should the flow have gone to yet another worker
/// meanwhile, it is carried on.
fn handle(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, packet: Mbuf, meta: Carried) {
    local.trace.note(&packet, || Step::Handled { queue: Carried::NAME });
    let Some(framed) = meta.framed else { return ip_out(ctx, local, packet, meta.on) };
    local.refresh();
    let config = local.config().clone();
    let Some(on) = config.interface(meta.on) else {
        return local.drop_packet(packet, DropReason::InterfaceGone);
    };
    let is_old = packet.data().first().is_some_and(|first| first >> 4 == 4);
    on.ifnet.mib.add(local.index, if is_old { Version::V4 } else { Version::V6 }, Met::Judged, 1);
    let next = match is_old {
        true => Next::Ip4(on, framed.link, packet),
        false => Next::Ip6(on, framed, packet),
    };
    walk(ctx, local, &config, next);
}

//! What comes of fragments on the worker that puts them together.

use std::slice::from_ref;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::RegisterError;

use crate::Stack;
use crate::drops::DropReason;
use crate::fragments;
use crate::ifnet::IfCounter;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::ip4;
use crate::ip6;
use crate::limits::LimitReport;
use crate::next::Arrival;
use crate::queues::Queue;
use crate::queues::Registrar;
use crate::reassembly;
use crate::reassembly::Fragment;
use crate::stack::Protocol;
use crate::stack::Shown;
use crate::stack::worker::Local;
use crate::table::TableSpec;
use crate::trace::Step;
use crate::walk::walk;

/// Fragments of both families.
pub(crate) struct Fragments;

impl Protocol for Fragments {
    fn causes(&self) -> &'static [DropReason] {
        reassembly::CAUSES
    }

    fn counters(&self) -> &'static [IfCounter] {
        reassembly::COUNTERS
    }

    fn queues(&self, make: &mut Registrar<'_, Local>) -> Result<(), RegisterError> {
        //= RFC 9099 s2.3.2 [9099-1]: a flood of fragments on one link leaves room for those of others.
        let half = make.limit.div_ceil(2);
        make.add::<Fragment>(|spec| spec.flow_key(reassembly::flow).share(half), handle)
    }

    fn let_go(&self, local: &mut Local, stays: &dyn Fn(IfId) -> bool) {
        fragments::depart(local, stays);
    }

    fn tables(&self) -> &'static [Shown] {
        &[Shown {
            table: TableSpec {
                name: "fragments",
                about: "Datagrams under way to being put together, and their fragments, of each worker",
                columns: &["worker", "datagrams", "most", "fragments", "most-fragments", "refused"],
            },
            fill: |stack, _ctx, table| {
                let shared = &stack.shared;
                table.add(shared.reassembly.iter().enumerate(), |(worker, gauge)| {
                    let [datagrams, fragments] = reassembly::limits(&shared.fragments, from_ref(gauge));
                    [
                        worker.to_string(),
                        datagrams.used.to_string(),
                        datagrams.limit.to_string(),
                        fragments.used.to_string(),
                        fragments.limit.to_string(),
                        (datagrams.refused + fragments.refused).to_string(),
                    ]
                });
            },
        }]
    }

    fn limits(&self, stack: &Stack, _ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        reassembly::limits(&stack.shared.fragments, &stack.shared.reassembly).into()
    }
}

/// The handler of fragments.
fn handle(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, packet: Mbuf, meta: Fragment) {
    local.refresh();
    local.trace.note(&packet, || Step::Handled { queue: Fragment::NAME });
    let config = local.config().clone();
    let Some(on) = config.interface(meta.on) else {
        return local.drop_packet(packet, DropReason::InterfaceGone);
    };
    let next = match version(&packet) {
        Version::V4 => ip4::fragment_input(local, on, meta, packet),
        Version::V6 => ip6::fragment_input(ctx, local, Arrival { config: &config, on }, meta, packet),
    };
    walk(ctx, local, &config, next);
}

fn version(packet: &Mbuf) -> Version {
    Version::of(packet.data())
}

/// Gives up what has waited for too long. How many datagrams those were.
pub(crate) fn expire(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) -> usize {
    let mut expired = 0;
    while let Some(pieces) = local.reassembly.expired(local.heard) {
        expired += 1;
        let config = local.config().clone();
        if let Some(first) = pieces.first().map(|piece| &piece.packet.packet)
            && let Some(on) = config.interface(first.rcvif())
        {
            on.ifnet.mib.add(local.index, version(first), Met::ReasmFail, 1);
        }
        //= RFC 8200 s4.5 [8200-4]: the sender is told if the first fragment is there to be quoted.
        if let Some(first) = pieces.first().filter(|piece| piece.at == 0) {
            let held = &first.packet;
            if let Some(on) = config.interface(held.packet.rcvif()) {
                match version(&held.packet) {
                    Version::V4 => ip4::reassembly_timeout(ctx, local, &config, held),
                    Version::V6 => {
                        ip6::reassembly_timeout(ctx, local, Arrival { config: &config, on }, held);
                    }
                }
            }
        }
        for piece in pieces {
            local.drop_packet(piece.packet.packet, DropReason::FragmentTimeout);
        }
    }
    if expired > 0 {
        local.shared.reassembly[local.index].note(&local.reassembly);
    }
    expired
}

//! Neighbour discovery among the stack's protocols: tests of addresses, what we advertise, and what we know as a host.

use super::counted;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::nd6::host::Hosts;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use super::host;
use super::host::HostState;
use super::router;
use crate::Stack;
use crate::ifnet::Ifnet;
use crate::ifnet::Interface;
use crate::limits::LimitReport;
use crate::ranks;
use crate::stack::Control;
use crate::stack::Moment;
use crate::stack::Protocol;
use crate::stack::Turn;

/// Neighbour discovery.
pub(crate) struct Discovery;

impl Protocol for Discovery {
    fn causes(&self) -> &'static [DropReason] {
        counted::CAUSES
    }

    fn counters(&self) -> &'static [IfCounter] {
        counted::COUNTERS
    }

    fn attached(
        &self,
        _stack: &Stack,
        control: &mut Control,
        _ctx: &mut Ctx<'_, ranks::Control>,
        ifnet: &Ifnet,
    ) {
        let state = HostState::listening_to_nobody(&ifnet.name, control.dad);
        control.rooms.of::<Hosts>().insert(ifnet.id, state);
    }

    fn taken_up(&self, moment: &mut Moment<'_, '_>, itself: bool) {
        let Moment { stack, control, ctx, interface, .. } = moment;
        // One that is up already may have taken its leave as a router.
        if itself && interface.up {
            router::resume(ctx, &stack.shared, control, interface.ifnet.id, stack.now());
        }
    }

    fn turns(&self, moment: &mut Moment<'_, '_>, turn: Turn) {
        let Moment { stack, control, ctx, interface, told } = moment;
        let (shared, id, now) = (&stack.shared, interface.ifnet.id, turn.now);
        if turn.mtu {
            told.extend(host::settle(shared, control, ctx, id, now));
            router::renew(ctx, shared, control, id, now);
        }
        match turn.ip6 {
            //= RFC 4862 s5.4 [4862-1]: the same; RFC 4861 s6.3.7 [4861-23]: and other routers.
            Some(true) => {
                told.extend(host::came_up(shared, control, ctx, id, turn.back, now));
                router::resume(ctx, shared, control, id, now);
            }
            Some(false) => {
                let state = control.rooms.of::<Hosts>().get_mut(&id);
                state.into_iter().for_each(|state| state.host.went_down());
            }
            None => {}
        }
    }

    fn readdressed(&self, moment: &mut Moment<'_, '_>) {
        let Moment { stack, control, ctx, interface, told } = moment;
        told.extend(host::retest(&stack.shared, control, ctx, interface.ifnet.id, stack.now()));
    }

    fn departs(&self, moment: &mut Moment<'_, '_>) {
        let id = moment.interface.ifnet.id;
        moment.control.dads.retain(|(on, _), _| *on != id);
        router::forget(&moment.stack.shared, moment.control, id);
        moment.control.rooms.of::<Hosts>().remove(&id);
    }

    fn limits_on(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, on: &Interface) -> Vec<LimitReport> {
        let (mut control, _ctx) = ctx.lock(&stack.shared.control);
        let Some(state) = control.rooms.of::<Hosts>().get_mut(&on.ifnet.id) else { return Vec::new() };
        state.host.note_refused(on.ifnet.intake.take_refused_routers());
        state.host.report_limits().into_iter().collect()
    }
}

//! Neighbour discovery among the stack's protocols: tests of addresses, what we advertise, and what we know as a host.

use super::counted;
use super::shown;
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
use crate::ifnet::Use;
use crate::limits::LimitReport;
use crate::ranks;
use crate::stack::Control;
use crate::stack::Moment;
use crate::stack::Protocol;
use crate::stack::Shown;
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

    fn tables(&self) -> &'static [Shown] {
        shown::TABLES
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
        // One that is up already may have taken its leave as a router.
        if itself && moment.interface.is_fit(Use::Passage) {
            let (id, now) = (moment.interface.ifnet.id, moment.stack.now());
            router::resume(&mut moment.change(now), id);
        }
    }

    fn turns(&self, moment: &mut Moment<'_, '_>, turn: Turn) {
        let id = moment.interface.ifnet.id;
        if turn.mtu {
            let events = host::settle(&mut moment.change(turn.now), id);
            moment.told.extend(events);
            router::renew(&mut moment.change(turn.now), id);
        }
        match turn.ip6 {
            //= RFC 4862 s5.4 [4862-1]: the same; RFC 4861 s6.3.7 [4861-23]: and other routers.
            Some(true) => {
                let events = host::came_up(&mut moment.change(turn.now), id, turn.back);
                moment.told.extend(events);
                router::resume(&mut moment.change(turn.now), id);
            }
            Some(false) => {
                let state = moment.control.rooms.of::<Hosts>().get_mut(&id);
                state.into_iter().for_each(|state| state.host.went_down());
            }
            None => {}
        }
    }

    fn readdressed(&self, moment: &mut Moment<'_, '_>) {
        let (id, now) = (moment.interface.ifnet.id, moment.stack.now());
        let events = host::retest(&mut moment.change(now), id);
        moment.told.extend(events);
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

//! Last words: what a partner is to hear before an interface goes.
//!
//! When an interface departs, what is queued in its name departs with it. So what must be said is said before: hosts
//! that we are no router any more ([`Stack::suspend_advertising`]), multicast routers and snooping switches that we listen
//! to nothing any more ([`Stack::leave_groups`]), partners in LACP that the link is theirs no more
//! ([`Stack::leave_partners`]). Whoever is to take an interface down or away asks for that first and waits, as long as
//! suits it, until it has left ([`Stack::has_said_farewell`]).
//!
//! A [`Word`](crate::common::Word) goes with each such message until it has left.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use crate::Stack;
use crate::ifnet::Kind;
use crate::mld;
use crate::ports::lagg::Member;

impl Stack {
    /// Tells the partners that speak LACP on these ports that we aggregate there no more, and neither take nor send frames;
    /// for a lagg, on all its ports. To be called before they are taken down or detached, when nothing can be sent any
    /// more. From then on they carry nothing and are not spoken on, until [`set_up`](Self::set_up). What else is to be
    /// said by way of the lagg goes first.
    ///
    /// It has left when [`has_said_farewell`](Self::has_said_farewell) says so.
    pub fn leave_partners(&self, ctx: &mut Ctx<'_, Unlocked>, interfaces: &[IfId]) {
        let config = self.config();
        for id in interfaces {
            let Some(interface) = config.interface(*id) else { continue };
            let (lagg, port) = match interface.kind {
                Kind::Lagg(_) => (*id, None),
                _ => (config.lagg_of(*id), Some(*id)),
            };
            let Some(Kind::Lagg(view)) = config.interface(lagg).map(|lagg| &lagg.kind) else { continue };
            let is_meant = |member: &Member| port.is_none_or(|port| port == member.id) && !member.silent;
            let speaks = {
                let (state, _ctx) = ctx.lock(&view.lagg.state);
                state.lacp.is_some() && state.ports.iter().any(is_meant)
            };
            if speaks {
                let about = (port.unwrap_or(IfId::NONE), "takes its leave");
                // One that has just gone has nothing to say.
                let _ = self.change_lagg(ctx, lagg, about, |_config, state| {
                    let meant = state.ports.iter_mut().filter(|member| is_meant(member));
                    meant.for_each(|member| member.silent = true);
                    Ok(false)
                });
            }
        }
    }

    /// Tells multicast routers and snooping switches that nothing is listened to on these interfaces any more, nor on VLANs
    /// that lie on them. To be called before they are taken down or detached, and before
    /// [`leave_partners`](Self::leave_partners), by whose links it goes. From then on nothing is said of groups there, until
    /// [`set_up`](Self::set_up).
    ///
    /// It has left when [`has_said_farewell`](Self::has_said_farewell) says so.
    pub fn leave_groups(&self, ctx: &mut Ctx<'_, Unlocked>, interfaces: &[IfId]) {
        let shared = &self.shared;
        let now = self.now();
        let (mut control, mut ctx) = ctx.lock(&shared.control);
        for id in shared.config.load().with_vlans(interfaces) {
            mld::take_leave(&mut control, &mut ctx, shared, id, now);
        }
        drop(control);
        shared.netisr.call_workers();
    }

    /// Whether all last words have left, or can leave no more.
    pub fn has_said_farewell(&self) -> bool {
        self.shared.words.are_said()
    }
}

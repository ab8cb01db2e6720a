//! What follows from a change for everything else: for laggs, what lies on them, addresses, hosts and routers.

use std::convert::Infallible;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::Instant;

use crate::Stack;
use crate::config::Config;
use crate::event::Event;
use crate::ifnet::Back;
use crate::ifnet::Interface;
use crate::ifnet::Unfit;
use crate::ifnet::Use;
use crate::ranks;
use crate::stack::Control;
use crate::stack::Moment;
use crate::stack::Turn;

impl Stack {
    /// The one way to change what the stack is: `change` does it under the control lock, and says what is to be told;
    /// everything else follows; then, with no lock held, workers come by and the observer is told.
    ///
    /// # Errors
    ///
    /// What `change` says; nothing has followed then, and nothing is told.
    pub(crate) fn change<T, E>(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        change: impl FnOnce(&mut Control, &mut Ctx<'_, ranks::Control>, &mut Vec<Event>) -> Result<T, E>,
    ) -> Result<T, E> {
        let shared = &self.shared;
        let (mut control, mut control_ctx) = ctx.lock(&shared.control);
        let before = shared.config.load();
        let mut told = Vec::new();
        let done = change(&mut control, &mut control_ctx, &mut told)?;
        told.extend(self.follow(&mut control, &mut control_ctx, &before, self.now()));
        drop(control);
        shared.netisr.call_workers();
        told.iter().for_each(|event| shared.observer.event(event));
        self.forget_lost(ctx, &before);
        Ok(done)
    }

    /// The same for what cannot fail.
    pub(crate) fn change_always<T>(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        change: impl FnOnce(&mut Control, &mut Ctx<'_, ranks::Control>, &mut Vec<Event>) -> T,
    ) -> T {
        let done: Result<T, Infallible> =
            self.change(ctx, |control, ctx, told| Ok(change(control, ctx, told)));
        let Ok(done) = done;
        done
    }

    /// Has everything follow what has changed since `before`: each protocol is asked, about the whole and then about each
    /// interface. To be called by whoever has changed whether interfaces are up,
    /// have a link, or lie on each other. Gives what is to be told, with no lock held.
    pub(crate) fn follow(
        &self,
        control: &mut Control,
        ctx: &mut Ctx<'_, ranks::Control>,
        before: &Config,
        now: Instant,
    ) -> Vec<Event> {
        let protocols = self.shared.protocols;
        let mut events: Vec<Event> =
            protocols.iter().flat_map(|protocol| protocol.follows(self, control, ctx, before)).collect();
        let after = self.shared.config.load();
        let mut concerned: Vec<&Interface> =
            after.concerned(before).into_iter().filter_map(|id| after.interface(id)).collect();
        concerned.sort_by_key(|interface| interface.ifnet.id.slot());
        for interface in concerned {
            let id = interface.ifnet.id;
            let then = before.interface(id);
            let turn = |what| match (then.is_some_and(|then| then.is_fit(what)), interface.is_fit(what)) {
                (was, is) if was == is => None,
                (_, is) => Some(is),
            };
            let back = came_back(control, &after, then, interface, now);
            let Some(then) = then else { continue };
            let (ip4, ip6) = (turn(Use::Ip4), turn(Use::Ip6));
            let mtu = then.own_mtu != interface.own_mtu;
            if ip4.is_none() && ip6.is_none() && !mtu {
                continue;
            }
            let turn = Turn { ip4, ip6, mtu, back, now };
            let mut moment = Moment { stack: self, control, ctx, interface, told: &mut events };
            // Who is told by others comes before these.
            protocols.iter().rev().for_each(|protocol| protocol.turns(&mut moment, turn));
        }
        events
    }
}

/// A link that was away for no longer than this is taken for the same one, and its addresses stay in use while they are
/// tested. Who wants an address must hear nothing for a second at least (RFC 4862 s5.4, RFC 5227 s2.1.1), so nobody has
/// taken ours meanwhile, and nobody puts a cable into another socket so fast.
const FLAP: Duration = Duration::from_millis(200);

/// Whether the link that an interface has again is taken for the one that it had. Keeps count of when links are lost.
fn came_back(
    control: &mut Control,
    config: &Config,
    then: Option<&Interface>,
    interface: &Interface,
    now: Instant,
) -> Back {
    let id = interface.ifnet.id;
    if interface.is_fit(Use::Frames) {
        let lost = control.lost.remove(&id);
        return if lost.is_some_and(|lost| now.since(lost) <= FLAP) { Back::Same } else { Back::Another };
    }
    if !lacks_only_carrier(config, interface) {
        // A device that is made anew, or an operator's wish, is no flap.
        control.lost.remove(&id);
    } else if then.is_some_and(|then| then.is_fit(Use::Frames) && then.is_fit(Use::IpPassage)) {
        control.lost.insert(id, now);
    }
    Back::Another
}

/// Whether nothing but a carrier is missing, here and in all that it lies on.
fn lacks_only_carrier(config: &Config, interface: &Interface) -> bool {
    let below = config.below(interface.ifnet.id);
    matches!(interface.fit(Use::Frames), Ok(()) | Err(Unfit::NoCarrier))
        && below
            .into_iter()
            .all(|id| config.interface(id).is_some_and(|below| lacks_only_carrier(config, below)))
}

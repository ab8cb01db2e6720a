//! What follows from a change for everything else: for laggs, what lies on them, addresses, hosts and routers.

use std::convert::Infallible;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;

use crate::Stack;
use crate::arp;
use crate::config::Config;
use crate::config::DEEPEST;
use crate::event::Event;
use crate::ifnet::Back;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ifnet::Unfit;
use crate::ifnet::Use;
use crate::nd6::host;
use crate::nd6::router;
use crate::ranks;
use crate::stack::Control;

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

    /// Has everything follow what has changed since `before`: laggs their ports, and each interface that can be used
    /// again, or no more, what becomes of its addresses. To be called by whoever has changed whether interfaces are up,
    /// have a link, or lie on each other. Gives what is to be told, with no lock held.
    pub(crate) fn follow(
        &self,
        control: &mut Control,
        ctx: &mut Ctx<'_, ranks::Control>,
        before: &Config,
        now: Instant,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        // A lagg may lie on VLANs of another.
        for _ in 0..DEEPEST {
            let config = self.shared.config.load();
            let mut concerned: Vec<&Interface> =
                config.concerned(before).into_iter().filter_map(|id| config.interface(id)).collect();
            concerned.sort_by_key(|lagg| lagg.ifnet.id.slot());
            let Some((lagg, port, cause)) = concerned.into_iter().find_map(|lagg| outdated(&config, lagg))
            else {
                break;
            };
            // It is there: nobody else can have changed anything.
            events.extend(
                self.step_lagg(control, ctx, lagg, (port, cause), |_config, _state| Ok(false))
                    .into_iter()
                    .flatten(),
            );
        }
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
            //= RFC 5227 s2.1 [5227-1]: a link that has come back may be another, where somebody has our addresses.
            if then.is_some() && turn(Use::Ip4) == Some(true) {
                arp::restart(&self.shared, control, ctx, id, back, now);
            }
            if then.is_some_and(|then| then.own_mtu != interface.own_mtu) {
                events.extend(host::settle(&self.shared, control, ctx, id, now));
                router::renew(ctx, &self.shared, control, id, now);
            }
            match turn(Use::Ip6).filter(|_| then.is_some()) {
                //= RFC 4862 s5.4 [4862-1]: the same; RFC 4861 s6.3.7 [4861-23]: and other routers.
                Some(true) => {
                    events.extend(host::came_up(&self.shared, control, ctx, id, back, now));
                    router::resume(ctx, &self.shared, control, id, now);
                }
                Some(false) => {
                    control.hosts.get_mut(&id).into_iter().for_each(|state| state.host.went_down());
                }
                None => {}
            }
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
    } else if then.is_some_and(|then| then.is_fit(Use::Frames) && then.stopped.is_none()) {
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

/// A lagg that takes a port for usable that is not, or the other way round: the lagg, that port, and what has happened.
fn outdated(config: &Config, lagg: &Interface) -> Option<(IfId, IfId, &'static str)> {
    let Kind::Lagg(view) = &lagg.kind else { return None };
    let is_fit = |port: &IfId| config.interface(*port).is_some_and(|port| port.is_fit(Use::Frames));
    let port = view.ports.iter().find(|port| is_fit(port) != view.usable.contains(port))?;
    Some((lagg.ifnet.id, *port, if is_fit(port) { "link came up" } else { "link went down" }))
}

//! Advertisements and redirects that come in.

use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_machines::host::HeardAdvert;
use siding_wire::nd::NdInvalid;
use siding_wire::nd::NdOption;
use siding_wire::nd::NdOptions;
use siding_wire::nd::Redirect;
use siding_wire::nd::RouterAdvert;

use super::Hosts;
use super::known;
use super::settle;
use crate::drops::DropReason;
use crate::ifnet::Interface;
use crate::ifnet::Wants;
use crate::next::Arrival;
use crate::stack::Change;
use crate::stack::worker::Local;

/// A router advertises itself. False if there is no room for it, so that nothing of it is to be noted. That is found out
/// before any lock is taken, and costs less than to hear it. The error is why what it says is not followed.
pub(in crate::nd6) fn heard_advert(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    on: &Interface,
    heard: HeardAdvert<'_>,
) -> (bool, Result<(), DropReason>) {
    let HeardAdvert { from, advert, options } = heard;
    let hops = &on.first_hops;
    if !hops.accepts {
        return (true, Err(DropReason::AutoconfOff));
    }
    let place = hops.place(from);
    if hops.full && place.is_none() && is_default(advert, options) {
        on.ifnet.intake.refuse_router();
        return (false, Err(DropReason::LearnLimit));
    }
    if !on.ifnet.intake.admits(local.now, place.map_or(Wants::NewRouter, Wants::Router)) {
        return (false, Err(DropReason::MessageLimit));
    }
    let shared = local.shared.clone();
    let (mut guard, mut ctx) = ctx.lock(&shared.control);
    let control = &mut *guard;
    let state = control.rooms.of::<Hosts>().get_mut(&on.ifnet.id).filter(|state| state.host.accepts());
    let Some(state) = state else { return (true, Err(DropReason::AutoconfOff)) };
    let mut known = known(&mut ctx, on, &state.host.next_hops());
    // Its own entry will be what the advertisement is about to make of it.
    if let Some(slla) = advert.slla {
        let before = on.ifnet.neighbors.find(&mut ctx, from.into()).map(|lle| {
            let (entry, _ctx) = ctx.lock(&lle.entry);
            (entry.nud.may_be_reachable(), entry.nud.usable())
        });
        if before.is_none_or(|(answers, mac)| answers || mac != Some(slla)) {
            known.insert(from);
        }
    }
    state.host.set_link(on.mac, on.own_mtu);
    let is_known = |addr| known.contains(&addr);
    let taken = state.host.on_advert(local.now, heard, &is_known, &mut control.chance);
    let events = settle(&mut Change { shared: &shared, control, ctx: &mut ctx, now: local.now }, on.ifnet.id);
    drop(guard);
    events.into_iter().for_each(|event| local.tell(event));
    local.refresh();
    (taken.is_ok(), taken.map(drop).map_err(|_| DropReason::LearnLimit))
}

/// Whether it would be a default router, as far as that can be told at a glance: its route to everything, if it gives
/// one, overrides its header (RFC 4191 s3.1).
fn is_default(advert: &RouterAdvert, options: NdOptions<'_>) -> bool {
    let overrides = |option| matches!(option, NdOption::Route(route) if route.prefix_len == 0);
    advert.router_lifetime > 0 && !options.into_iter().any(overrides)
}

/// A router tells of a better first hop. An error is why it is not believed; else its target's address is to be noted.
pub(crate) fn heard_redirect(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    from: Ipv6Addr,
    redirect: &Redirect<'_>,
) -> Result<(), DropReason> {
    let Arrival { config, on } = arrival;
    let Redirect { destination, target, .. } = *redirect;
    if !on.first_hops.accepts_redirects {
        return Err(DropReason::AutoconfOff);
    }
    //= RFC 4861 s8.1 [4861-5]: only from the router that we use for the destination at this moment.
    let first_hop = config.routing(on).route6(destination).filter(|(out, _)| out.ifnet.id == on.ifnet.id);
    if first_hop.is_none_or(|(_, next_hop)| next_hop != from || next_hop == destination) {
        return Err(DropReason::Nd(NdInvalid::RedirectNotFirstHop));
    }
    // A way by ourselves, or to ourselves, is none.
    if config.owner6(destination, on.ifnet.id).is_some() || config.owner6(target, on.ifnet.id).is_some() {
        return Err(DropReason::Ignored);
    }
    if !on.ifnet.intake.admits(local.now, Wants::Redirect) {
        return Err(DropReason::MessageLimit);
    }
    let shared = local.shared.clone();
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    let state =
        control.rooms.of::<Hosts>().get_mut(&on.ifnet.id).filter(|state| state.host.accepts_redirects());
    let Some(state) = state else { return Err(DropReason::AutoconfOff) };
    state.host.on_redirect(destination, target, from);
    let mut change = Change { shared: &shared, control: &mut control, ctx: &mut ctx, now: local.now };
    let events = settle(&mut change, on.ifnet.id);
    drop(control);
    events.into_iter().for_each(|event| local.tell(event));
    local.refresh();
    Ok(())
}

/// A neighbour says that it is a router no more.
pub(crate) fn ceased(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, on: &Interface, router: Ipv6Addr) {
    // Whoever can say so can say so often; one that we do not go by is none of our business.
    local.refresh();
    let now = local.config().interface(on.ifnet.id);
    if now.is_none_or(|on| on.first_hops.place(router).is_none()) {
        return;
    }
    let shared = local.shared.clone();
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    let Some(state) = control.rooms.of::<Hosts>().get_mut(&on.ifnet.id) else { return };
    let known = known(&mut ctx, on, &state.host.next_hops());
    state.host.router_ceased(local.now, router, &|addr| known.contains(&addr));
    let mut change = Change { shared: &shared, control: &mut control, ctx: &mut ctx, now: local.now };
    let events = settle(&mut change, on.ifnet.id);
    drop(control);
    events.into_iter().for_each(|event| local.tell(event));
    local.refresh();
}

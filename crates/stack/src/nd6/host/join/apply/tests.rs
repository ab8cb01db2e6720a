//! What a host knows, and what becomes of it in a stack.

use std::net::Ipv6Addr;

use siding_lockorder::Root;
use siding_machines::host::HeardAdvert;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::nd::NdOptions;
use siding_wire::nd::RouterAdvert;

use super::*;
use crate::Stack;
use crate::StackConfig;
use crate::route::Hop;
use crate::route::MOST_WAYS;
use crate::route::Origin;
use crate::route::Prefix;

/// A stack with an interface that configures itself, and the moment that it is there.
fn learner(root: &mut Root) -> (Stack, IfId, Instant) {
    let now = Instant::from_nanos(1);
    let pool = Pool::new(PoolConfig::default()).expect("there is memory");
    let config = StackConfig { workers: 1, ..StackConfig::new(pool, move || now) };
    let stack = Stack::new(config).expect("it makes sense");
    let mut entered = root.enter().expect("nobody has entered");
    let ctx = &mut entered.ctx();
    let spec = crate::BridgeSpec { mac: Some(Mac([2, 0, 0, 0, 0, 1])), ..crate::BridgeSpec::new("br0") };
    let id = stack.add_bridge(ctx, spec).expect("there is room");
    stack.set_autoconf(ctx, id, HostConfig::default()).expect("it is there");
    (stack, id, now)
}

#[test]
fn a_learnt_route_that_finds_no_place_is_told_of_once_and_comes_when_there_is_room() {
    let mut root = Root::new();
    let (stack, id, now) = learner(&mut root);
    let mut entered = root.enter().unwrap();
    let ctx = &mut entered.ctx();
    let default = Prefix::covering(Ipv6Addr::UNSPECIFIED, 0);
    let hop = |host| Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, host));
    let by = |host| Route {
        prefix: default,
        next_hop: hop(host),
        interface: id,
        metric: 1,
        origin: Origin::Static,
    };
    stack.add_routes6(ctx, (1..=MOST_WAYS as u16).map(by)).unwrap();
    let from = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let advertise = |ctx: &mut siding_lockorder::Ctx<'_, siding_lockorder::Unlocked>| {
        let (mut control, mut ctx) = ctx.lock(&stack.shared.control);
        let advert = RouterAdvert { router_lifetime: 1800, ..RouterAdvert::default() };
        let options = NdOptions::new(&[]).unwrap();
        let Control { rooms, chance, .. } = &mut *control;
        let host = &mut rooms.of::<Hosts>().get_mut(&id).unwrap().host;
        host.on_advert(now, HeardAdvert { from, advert: &advert, options }, &|_| true, chance).unwrap();
        let events =
            settle(&mut Change { shared: &stack.shared, control: &mut control, ctx: &mut ctx, now }, id);
        events.into_iter().filter(|event| matches!(event, Event::RouteAmiss { .. })).count()
    };
    let is_there = || stack.routes6_to(&default).iter().any(|route| route.next_hop == Some(from));
    assert_eq!((advertise(ctx), is_there()), (1, false));
    let (config, changes) = (stack.config(), stack.route_changes());
    assert_eq!((advertise(ctx), is_there()), (0, false), "told already");
    let same = std::sync::Arc::ptr_eq(&config, &stack.config());
    assert!(same && stack.route_changes() == changes, "nothing has changed, so nothing is tried again");
    assert_eq!(stack.remove_route6(ctx, &default, hop(7), id), Ok(true));
    assert_eq!((advertise(ctx), is_there()), (0, true));
}

#[test]
fn a_learnt_router_that_shares_flows_gives_way_and_a_learnt_route_goes_all_the_same() {
    let mut root = Root::new();
    let (stack, id, now) = learner(&mut root);
    let mut entered = root.enter().unwrap();
    let ctx = &mut entered.ctx();
    let default = Prefix::covering(Ipv6Addr::UNSPECIFIED, 0);
    let from = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let advertise = |ctx: &mut siding_lockorder::Ctx<'_, siding_lockorder::Unlocked>, router_lifetime| {
        let (mut control, mut ctx) = ctx.lock(&stack.shared.control);
        let advert = RouterAdvert { router_lifetime, ..RouterAdvert::default() };
        let options = NdOptions::new(&[]).unwrap();
        let Control { rooms, chance, .. } = &mut *control;
        let host = &mut rooms.of::<Hosts>().get_mut(&id).unwrap().host;
        host.on_advert(now, HeardAdvert { from, advert: &advert, options }, &|_| true, chance).unwrap();
        settle(&mut Change { shared: &stack.shared, control: &mut control, ctx: &mut ctx, now }, id);
    };
    let is_there = || stack.routes6_to(&default).iter().any(|route| route.next_hop == Some(from));
    let hop = Hop { router: from, interface: id, weight: 1, metric: 1024 };

    stack.add_hop6(ctx, default, hop).unwrap();
    advertise(ctx, 1800);
    assert!(!is_there(), "the operator has it share the flows already");
    assert_eq!(stack.remove_hop6(ctx, &default, from, id), Ok(true));
    advertise(ctx, 1800);
    assert!(is_there(), "what it gave way to has gone");

    stack.add_hop6(ctx, default, hop).unwrap();
    assert!(is_there(), "it was there first");
    advertise(ctx, 0);
    assert!(!is_there(), "the router says that it is none any more");
}

#[test]
fn ever_shorter_lifetimes_do_not_fill_the_timer_queue_4861_17() {
    let mut root = Root::new();
    let (stack, id, now) = learner(&mut root);
    let mut entered = root.enter().unwrap();
    let ctx = &mut entered.ctx();
    let shared = &stack.shared;
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    let from = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let before = shared.timers.len(&mut ctx);
    for lifetime in (1..9000).rev() {
        let advert = RouterAdvert { router_lifetime: lifetime, ..RouterAdvert::default() };
        let options = NdOptions::new(&[]).unwrap();
        let Control { rooms, chance, .. } = &mut *control;
        let host = &mut rooms.of::<Hosts>().get_mut(&id).unwrap().host;
        host.on_advert(now, HeardAdvert { from, advert: &advert, options }, &|_| true, chance).unwrap();
        let _ = settle(&mut Change { shared, control: &mut control, ctx: &mut ctx, now }, id);
    }
    assert!(shared.timers.len(&mut ctx) <= before + 1, "{}", shared.timers.len(&mut ctx));
}

//! Redirects that a host receives.

use std::net::Ipv6Addr;

use siding_stack::drops::DropReason as Cause;
use siding_stack::nd6::host::HostConfig;
use siding_stack::nd6::host::HostLimits;
use siding_stack::nd6::host::Solicitation;
use siding_stack::nd6::nud::Backoff;
use siding_stack::nd6::nud::NudState;
use siding_wire::ip6;
use siding_wire::nd::NdInvalid;
use siding_wire::nd::NdOption;
use siding_wire::nd::Redirect;

use crate::common::*;
use crate::host_util::*;

const BETTER: Ipv6Addr = local(0x1009);

/// A host with [`ROUTER`] as its default router, and a prefix that is on-link.
fn routed() -> Host {
    limited(HostLimits::default())
}

fn limited(limits: HostLimits) -> Host {
    let config = HostConfig { solicit: Solicitation::Never, announce: 0, limits, ..HostConfig::default() };
    let mut backoff = spec("host");
    backoff.nud.unreachable = Some(Backoff::default());
    let mut host = Host::with(backoff, config);
    host.hear_advert(ROUTER, &lives(ROUTER, 9000), &[NdOption::Prefix(prefix(1, 6000, 9000))]);
    host.run(secs(2));
    host
}

fn to(destination: Ipv6Addr, target: Ipv6Addr) -> Redirect<'static> {
    Redirect { target, destination, tlla: Some(router_mac(target)), redirected: &[] }
}

impl Host {
    /// Where a packet to `dst` goes.
    fn way(&mut self, dst: Ipv6Addr) -> Option<siding_wire::Mac> {
        self.net.rewind();
        self.net.ping_once(self.node, dst);
        self.net.requests(dst).last().map(|(_, mac)| *mac)
    }

    fn redirects(&self) -> u64 {
        self.limit("learnt-redirects").0
    }
}

#[test]
fn a_better_router_is_used_for_that_destination_alone_4861_36() {
    let mut host = routed();
    assert_eq!(host.way(FAR), Some(router_mac(ROUTER)));
    host.hear_redirect(ROUTER, &to(FAR, BETTER));
    let report = host.net.world.node(host.node).control(|stack, ctx| stack.neighbors(ctx));
    let target = report.into_iter().find(|one| one.addr == BETTER).unwrap();
    assert_eq!(
        (target.state, target.router, target.lladdr),
        (NudState::Stale, true, Some(router_mac(BETTER)))
    );
    assert_eq!(host.way(FAR), Some(router_mac(BETTER)));
    let other = Ipv6Addr::from_bits(FAR.to_bits() + 1);
    assert_eq!(host.way(other), Some(router_mac(ROUTER)));
    // That router knows a better one still.
    let best = local(0x100a);
    host.hear_redirect(BETTER, &to(FAR, best));
    assert_eq!((host.way(FAR), host.redirects()), (Some(router_mac(best)), 1));
}

#[test]
fn a_destination_that_is_on_link_is_reached_itself_4861_36_4861_7() {
    let mut host = routed();
    // It lies in no prefix that is on-link: that does not matter.
    host.hear_redirect(ROUTER, &to(FAR, FAR));
    assert_eq!(host.way(FAR), Some(router_mac(FAR)));
    let report = host.net.world.node(host.node).control(|stack, ctx| stack.neighbors(ctx));
    assert!(!report.into_iter().find(|one| one.addr == FAR).unwrap().router);
    // Without the link-layer address it is asked for.
    let near = Ipv6Addr::from_bits(FAR.to_bits() + 1);
    host.hear_redirect(ROUTER, &Redirect { tlla: None, ..to(near, near) });
    host.net.ping_once(host.node, near);
    assert_eq!(host.net.solicits_for(near).len(), 1);
}

#[test]
fn only_the_first_hop_may_redirect_4861_5() {
    let mut host = routed();
    let second = local(0x1002);
    host.hear_router(second, 9000);
    // Another router, a stranger, a router for what is on-link, and a neighbour about itself.
    let on_link_peer = on_link(1, 0x99);
    for (from, redirect) in [
        (second, to(FAR, BETTER)),
        (local(0x6666), to(FAR, BETTER)),
        (ROUTER, to(on_link_peer, BETTER)),
        (local(0x6666), to(local(0x6666), local(0x6666))),
    ] {
        host.hear_redirect(from, &redirect);
    }
    assert_eq!(host.net.dropped(host.node, Cause::Nd(NdInvalid::RedirectNotFirstHop)), 4);
    assert_eq!((host.redirects(), host.way(FAR)), (0, Some(router_mac(ROUTER))));
    // When the second becomes the first hop, it may.
    host.hear_router(ROUTER, 0);
    host.hear_redirect(second, &to(FAR, BETTER));
    assert_eq!(host.way(FAR), Some(router_mac(BETTER)));
}

#[test]
fn malformed_redirects_are_counted_each_by_its_cause_4861_5_4861_7() {
    let mut host = routed();
    let global = on_link(1, 0x42);
    for (from, redirect, cause) in [
        (global, to(FAR, BETTER), NdInvalid::RedirectSourceNotLinkLocal),
        (ROUTER, to(ip6::ALL_NODES, BETTER), NdInvalid::RedirectDestinationMulticast),
        (ROUTER, to(FAR, global), NdInvalid::RedirectTargetNotLinkLocal),
    ] {
        host.hear_redirect(from, &redirect);
        assert_eq!(host.net.dropped(host.node, Cause::Nd(cause)), 1, "{cause:?}");
    }
    assert_eq!(host.redirects(), 0);
}

#[test]
fn nobody_is_redirected_to_ourselves_4861_36() {
    let mut host = routed();
    let own = host.globals()[0].0;
    let link_local = host.link_local();
    host.hear_redirect(ROUTER, &to(FAR, link_local));
    assert_eq!((host.redirects(), host.way(FAR)), (0, Some(router_mac(ROUTER))));
    host.hear_redirect(ROUTER, &to(own, BETTER));
    assert_eq!(host.redirects(), 0);
}

#[test]
fn redirects_are_obeyed_as_configured_and_never_by_a_router_4861_15() {
    for forwarding in [true, false] {
        let mut host = routed();
        if forwarding {
            host.net.forwarding(host.node, true);
        } else {
            host.configure(HostConfig { redirects: false, ..HostConfig::default() });
        }
        host.hear_router(ROUTER, 9000);
        let before = host.net.dropped(host.node, Cause::AutoconfOff);
        host.hear_redirect(ROUTER, &to(FAR, BETTER));
        assert_eq!(host.net.dropped(host.node, Cause::AutoconfOff), before + 1);
        assert_eq!(host.redirects(), 0);
    }
}

#[test]
fn a_redirect_goes_with_the_router_that_it_leads_to_or_came_from_4861_21() {
    // Withdrawn, no router any more, expired: those who told of it; the target when it is none any more.
    let losses: [fn(&mut Host); 5] = [
        |host| host.hear_router(ROUTER, 0),
        |host| host.answer(ROUTER, false),
        |host| host.run(secs(9000)),
        |host| host.answer(BETTER, false),
        |host| {
            let id = host.id;
            host.net.world.node(host.node).control(|stack, ctx| stack.flush_routers(ctx, id));
        },
    ];
    for (at, lose) in losses.into_iter().enumerate() {
        let mut host = routed();
        host.hear_redirect(ROUTER, &to(FAR, BETTER));
        assert_eq!(host.redirects(), 1);
        lose(&mut host);
        assert_eq!(host.redirects(), 0, "loss {at}");
        assert!(host.routes().iter().all(|(prefix, _)| !prefix.ends_with("/128")));
    }
}

#[test]
fn a_target_that_does_not_answer_is_not_used_7048_1() {
    let mut host = routed();
    host.hear_redirect(ROUTER, &to(FAR, BETTER));
    assert_eq!(host.way(FAR), Some(router_mac(BETTER)));
    host.run(secs(30));
    assert_eq!(host.net.neighbor(host.node, BETTER).unwrap().0, NudState::Unreachable);
    assert_eq!((host.redirects(), host.way(FAR)), (0, Some(router_mac(ROUTER))));
}

#[test]
fn the_oldest_redirect_goes_when_there_are_too_many_4861_36() {
    let mut host = limited(HostLimits { redirects: 8, ..HostLimits::default() });
    let destination = |n: u16| Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 1, n);
    for n in 0..100 {
        host.hear_redirect(ROUTER, &to(destination(n), BETTER));
    }
    assert_eq!(host.limit("learnt-redirects"), (8, 92));
    let hosts = host.routes().into_iter().filter(|(prefix, _)| prefix.ends_with("/128")).count();
    assert_eq!(hosts, 8);
    assert_eq!(host.way(destination(99)), Some(router_mac(BETTER)));
    assert_eq!(host.way(destination(0)), Some(router_mac(ROUTER)));
}

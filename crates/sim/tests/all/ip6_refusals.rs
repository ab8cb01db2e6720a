//! What a router says of packets that it does not forward: every code of Destination Unreachable, and silence.

use std::net::Ipv6Addr;

use siding_netisr::IfId;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::SendError;
use siding_stack::drops::DropReason as Cause;
use siding_stack::route::Prefix;
use siding_stack::route::Refusal;
use siding_wire::icmp6::Icmp6Repr;

use crate::common::*;

/// A router that knows [`PEER`], who asks, and the links and interfaces it lies between.
fn router() -> (Net, NodeId, [LinkId; 2], [IfId; 2]) {
    let (mut net, router, links, ids) = Net::router(without_mld("router"));
    let added =
        net.world.node(router).control(|stack, ctx| stack.add_neighbor(ctx, ids[0], PEER.into(), PEER_MAC));
    added.unwrap();
    net.rewind();
    (net, router, links, ids)
}

fn prefix(text: Ipv6Addr, len: u8) -> Prefix<Ipv6Addr> {
    Prefix::covering(text, len)
}

/// What the router says of an echo request to `dst`: the code and who says it.
fn told(net: &mut Net, router: NodeId, link: LinkId, id: IfId, dst: Ipv6Addr) -> Vec<(Icmp6Repr, Ipv6Addr)> {
    net.rewind();
    let mac = net.mac(router, id);
    net.hear(link, &frame6(mac, &echo(PEER, dst, 1)));
    let said = net.icmp();
    assert!(said.iter().all(|icmp| icmp.ip.dst == PEER && icmp.link == link), "{said:?}");
    said.into_iter().map(|icmp| (icmp.message, icmp.ip.src)).collect()
}

#[test]
fn each_kind_of_refusal_has_its_code_4443_5() {
    let (mut net, router, links, ids) = router();
    let dst = on_link(7, 7);
    let own = on_link(0, 1);
    let unreachable = |code| vec![(Icmp6Repr::DestUnreachable { code }, own)];
    assert_eq!(told(&mut net, router, links[0], ids[0], dst), unreachable(0), "no route at all");
    for (refusal, expected) in [
        (Refusal::Unreachable, unreachable(0)),
        (Refusal::Prohibit, unreachable(1)),
        (Refusal::Reject, unreachable(6)),
        (Refusal::Blackhole, vec![]),
    ] {
        let before = net.dropped(router, Cause::RouteRefuses);
        let to = prefix(on_link(7, 0), 64);
        net.world.node(router).control(|stack, ctx| stack.add_refusal6(ctx, to, refusal, 0)).unwrap();
        assert_eq!(told(&mut net, router, links[0], ids[0], dst), expected, "{refusal}");
        assert_eq!(net.dropped(router, Cause::RouteRefuses), before + 1);
        // One at a time for a prefix.
        assert_eq!(net.world.node(router).stack.refusals6().len(), 1);
        // Packets of our own: no route, whatever the kind.
        let ping = net.open(router);
        assert_eq!(net.ping(router, &ping, dst, 1), Err(SendError::NoRoute(dst.into())));
    }
    let removed =
        net.world.node(router).control(|stack, ctx| stack.remove_refusal6(ctx, &prefix(on_link(7, 0), 64)));
    assert_eq!(removed, Ok(true));
    assert_eq!(told(&mut net, router, links[0], ids[0], dst), unreachable(0));
    assert_eq!(net.dropped(router, Cause::NoRoute), 2);
}

#[test]
fn a_refusal_within_a_prefix_that_is_routed_and_a_route_within_one_that_is_refused_4443_5() {
    let (mut net, router, links, ids) = router();
    let control = |net: &Net, to: Ipv6Addr, len| {
        net.world.node(router).control(|stack, ctx| {
            stack.add_refusal6(ctx, prefix(to, len), Refusal::Prohibit, 0).unwrap();
        });
    };
    // All of 2001:db8::/32 but for what is connected, and of that, one address.
    control(&net, on_link(0, 0), 32);
    control(&net, on_link(1, 0x66), 128);
    let prohibited = vec![(Icmp6Repr::DestUnreachable { code: 1 }, on_link(0, 1))];
    assert_eq!(told(&mut net, router, links[0], ids[0], on_link(8, 8)), prohibited);
    assert_eq!(told(&mut net, router, links[0], ids[0], on_link(1, 0x66)), prohibited);
    assert_eq!(told(&mut net, router, links[0], ids[0], on_link(1, 0x67)), []);
    assert_eq!(net.solicits_for(on_link(1, 0x67)).len(), 1, "that one is looked for");
}

#[test]
fn nothing_goes_back_to_the_other_end_of_a_link_with_two_4443_5() {
    let (mut net, router, links, ids) = router();
    let set = |net: &Net, on| {
        net.world.node(router).control(|stack, ctx| stack.set_point_to_point(ctx, ids[0], on)).unwrap();
    };
    let dst = v6(0x44);
    set(&net, true);
    let unreachable = vec![(Icmp6Repr::DestUnreachable { code: 3 }, on_link(0, 1))];
    assert_eq!(told(&mut net, router, links[0], ids[0], dst), unreachable);
    assert_eq!(net.solicits_for(dst), [], "it is not looked for on the link that it came from");
    assert_eq!(net.dropped(router, Cause::PointToPoint), 1);
    // Our own address is for us, and from the other link it goes out there.
    assert_eq!(told(&mut net, router, links[0], ids[0], on_link(0, 1)).len(), 1);
    let mac = net.mac(router, ids[1]);
    net.hear(links[1], &frame6(mac, &echo(on_link(1, 9), dst, 1)));
    assert_eq!(net.solicits_for(dst).len(), 1);
    // On a link of many it goes back to where the destination is.
    set(&net, false);
    let other = v6(0x45);
    assert_eq!(told(&mut net, router, links[0], ids[0], other), []);
    assert_eq!(net.solicits_for(other).len(), 1);
}

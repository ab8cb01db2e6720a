//! Redirects that a router sends, and what it makes of others'.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::ifnet::IfCounter;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ip6;
use siding_wire::nd;
use siding_wire::nd::NdMessage;
use siding_wire::nd::Redirect;

use crate::common::*;

const THIRD_MAC: Mac = Mac([2, 0xee, 0, 0, 0, 3]);
/// Beyond the other router.
const FAR: Ipv6Addr = on_link(0x77, 1);

/// A router with [`HOST`] on link 0, and a route to `FAR` by way of `next_hop`, which is at [`OTHER_MAC`], if it is known.
fn router(next_hop: Ipv6Addr, known: bool) -> (Net, NodeId, LinkId, IfId) {
    let (mut net, node, links, ids) = Net::router(spec("router"));
    let route = Route {
        prefix: Prefix::covering(FAR, 64),
        next_hop: Some(next_hop),
        interface: ids[0],
        metric: 1,
        origin: Origin::Static,
    };
    net.world.node(node).control(|stack, ctx| stack.add_routes6(ctx, [route])).unwrap();
    let mac = net.mac(node, ids[0]);
    // The host and, if known, the other router are neighbours already.
    net.hear(
        links[0],
        &frame6(mac, &solicit(PEER, on_link(0, 1), &nd::NeighborSolicit::new(on_link(0, 1), PEER_MAC))),
    );
    if known {
        let ask = nd::NeighborSolicit::new(on_link(0, 1), OTHER_MAC);
        net.hear(
            links[0],
            &frame_from(
                OTHER_MAC,
                mac,
                siding_wire::EtherType::IPV6,
                &solicit(next_hop, on_link(0, 1), &ask),
            ),
        );
    }
    net.rewind();
    (net, node, links[0], ids[0])
}

/// Where a redirect's frame went, its header, target, destination, the target's link-layer address, and the quote.
type Told = (Mac, ip6::Ip6Repr, Ipv6Addr, Ipv6Addr, Option<Mac>, Vec<u8>);

/// The redirects on the tape.
fn redirects(net: &Net) -> Vec<Told> {
    let mut all = Vec::new();
    for frame in net.frames() {
        let Some((ether, ip, payload)) = frame.ip6() else { continue };
        if ip.next_header != IpProto::ICMP6 || payload[0] != 137 {
            continue;
        }
        let message = nd::validate(ip.hop_limit, ip.src, ip.dst, payload, false).unwrap();
        let NdMessage::Redirect(redirect) = message else { panic!("{message:?}") };
        let Redirect { target, destination, tlla, redirected } = redirect;
        all.push((ether.dst, ip, target, destination, tlla, redirected.to_vec()));
    }
    all
}

#[test]
fn a_host_is_told_of_the_better_router_4861_15() {
    for known in [true, false] {
        let (mut net, node, link, id) = router(local(0x99), known);
        let mac = net.mac(node, id);
        let sent = packet(PEER, FAR, IpProto(253), 64, &[7; 100]);
        net.hear(link, &frame6(mac, &sent));
        let [(to, ip, target, destination, tlla, quoted)] = &redirects(&net)[..] else { panic!("one") };
        assert_eq!((*to, ip.src, ip.dst), (PEER_MAC, ip6::eui64_link_local(mac), PEER));
        assert_eq!((*target, *destination, *tlla), (local(0x99), FAR, known.then_some(OTHER_MAC)));
        assert_eq!(quoted[..], sent[..136], "whole units of 8 octets, with the hop limit that it came with");
        assert_eq!(net.counter(node, id, IfCounter::RedirectOut), 1);
        // The packet itself goes on its way.
        if known {
            let gone = net
                .frames()
                .into_iter()
                .any(|frame| frame.bytes[..6] == OTHER_MAC.0 && frame.bytes[21] == 63);
            assert!(gone);
        }
    }
}

#[test]
fn a_host_is_told_that_its_peer_is_on_the_link_4861_15() {
    let (mut net, node, link, id) = router(local(0x99), true);
    let mac = net.mac(node, id);
    let near = v6(0x55);
    net.hear(link, &frame6(mac, &echo(PEER, near, 1)));
    let [(_, _, target, destination, tlla, _)] = redirects(&net)[..] else { panic!("one") };
    assert_eq!((target, destination, tlla), (near, near, None));
}

#[test]
fn as_much_is_quoted_as_fits_4861_15() {
    let (mut net, node, link, id) = router(local(0x99), true);
    let mac = net.mac(node, id);
    let sent = packet(PEER, FAR, IpProto(253), 64, &[7; 1460]);
    net.hear(link, &frame6(mac, &sent));
    let [(_, ip, _, _, _, quoted)] = &redirects(&net)[..] else { panic!("one") };
    assert!((1273..=1280).contains(&(usize::from(ip.payload_len) + 40)));
    assert_eq!(quoted[..], sent[..quoted.len()]);
}

#[test]
fn nobody_is_redirected_without_reason_4861_15() {
    let (mut net, node, link, id) = router(local(0x99), true);
    let mac = net.mac(node, id);
    // By another interface; from beyond the link; from the better next hop itself; for a group.
    net.hear(link, &frame6(mac, &echo(PEER, on_link(1, 0x99), 1)));
    net.hear(link, &frame6(mac, &echo(on_link(0x88, 1), FAR, 1)));
    net.hear(link, &frame6(mac, &echo(local(0x99), FAR, 1)));
    let group = "ff0e::1234".parse().unwrap();
    net.hear(link, &frame6(siding_wire::ether::multicast_mac(group), &echo(PEER, group, 1)));
    // One that will not be forwarded.
    net.hear(link, &frame6(mac, &packet(PEER, FAR, IpProto(253), 1, &[])));
    assert_eq!((redirects(&net).len(), net.counter(node, id, IfCounter::RedirectOut)), (0, 0));
    // A router that we know only by a global address cannot be named.
    let (mut net, node, link, id) = router(v6(0x44), true);
    net.hear(link, &frame6(net.mac(node, id), &echo(PEER, FAR, 1)));
    assert_eq!(
        (redirects(&net).len(), net.requests(FAR).len()),
        (0, 1),
        "the packet goes there all the same"
    );
}

#[test]
fn redirects_are_rate_limited_and_the_packets_are_not_4861_15() {
    let (mut net, node, link, id) = router(local(0x99), true);
    let mac = net.mac(node, id);
    (0..200).for_each(|seq| net.hear(link, &frame6(mac, &echo(PEER, FAR, seq))));
    assert_eq!((redirects(&net).len(), net.requests(FAR).len()), (10, 200));
    let limits = net.world.node(node).control(|stack, ctx| stack.limits(ctx));
    let limit = limits.iter().find(|limit| limit.name == "redirect-burst").unwrap();
    assert_eq!((limit.limit, limit.used, limit.refused), (10, 10, 190));
    net.run(secs(1));
    (0..200).for_each(|seq| net.hear(link, &frame6(mac, &echo(PEER, FAR, seq))));
    assert_eq!(redirects(&net).len(), 20);
}

#[test]
fn a_router_believes_no_redirect_4861_15() {
    let (mut net, node, link, id) = router(local(0x99), true);
    let mac = net.mac(node, id);
    let routes = net.world.node(node).stack.routes6();
    let redirect = Redirect { target: local(0x66), destination: FAR, tlla: Some(THIRD_MAC), redirected: &[] };
    let own = ip6::eui64_link_local(mac);
    let mut bytes = vec![0; redirect.buffer_len()];
    redirect.emit(local(0x99), own, &mut bytes).unwrap();
    let packet = packet(local(0x99), own, IpProto::ICMP6, nd::HOP_LIMIT, &bytes);
    net.hear(link, &frame_from(OTHER_MAC, mac, siding_wire::EtherType::IPV6, &packet));
    net.run(Duration::ZERO);
    assert_eq!(net.counter(node, id, IfCounter::RedirectIn), 1);
    assert_eq!(net.world.node(node).stack.routes6(), routes);
    net.hear(link, &frame6(mac, &echo(PEER, FAR, 1)));
    assert_eq!(net.requests(FAR), [(1, OTHER_MAC)]);
    // Nor does it note what the message says of the target.
    assert_eq!(net.neighbor(node, local(0x66)), None);
}

//! Duplicate address detection on the wire.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_sim::NodeSpec;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_stack::nd6::dad::DadState;
use siding_wire::IpProto;
use siding_wire::ether::multicast_mac;
use siding_wire::ip6;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;
use siding_wire::nd::Nonce;

use crate::common::*;

const ANY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;
const PREFERRED: &str = "tentative -> preferred";
const DUPLICATE: &str = "duplicate, somebody else on the link has it; it is not used";

fn state(net: &Net, node: NodeId, id: IfId, addr: Ipv6Addr) -> DadState {
    net.world.node(node).stack.config().interface(id).unwrap().addr6(addr).unwrap().state
}

/// What was told of the address, without the address.
fn told(net: &Net, node: NodeId, addr: Ipv6Addr) -> Vec<String> {
    let about = format!("address {addr}: ");
    net.events(node, addr).iter().filter_map(|line| line.strip_prefix(&about).map(str::to_string)).collect()
}

/// A node that detects, just plugged in, with its link-local address.
fn tentative(spec: NodeSpec) -> (Net, NodeId, LinkId, IfId, Ipv6Addr) {
    let (net, node, link, id) = Net::host(spec);
    let own = ip6::eui64_link_local(net.mac(node, id));
    (net, node, link, id, own)
}

/// Another node's question whether anybody has `target`.
fn probe(target: Ipv6Addr, nonce: Option<Nonce>) -> Vec<u8> {
    let group = ip6::solicited_node(target);
    frame6(multicast_mac(group), &solicit(ANY, group, &NeighborSolicit::dad(target, nonce)))
}

/// Somebody has `target` and says so.
fn claim(target: Ipv6Addr) -> Vec<u8> {
    let to = ip6::ALL_NODES;
    let message =
        NeighborAdvert { router: false, solicited: false, override_: true, target, tlla: Some(PEER_MAC) };
    frame6(multicast_mac(to), &advert(target, to, &message))
}

#[test]
fn t5_detection_off_makes_addresses_usable_at_once_4862_1() {
    let (mut net, host, _, id, own) = tentative(spec("host"));
    assert_eq!([state(&net, host, id, own), state(&net, host, id, HOST)], [DadState::Preferred; 2]);
    net.run(secs(5));
    assert_eq!(net.frames().len(), 0);
}

#[test]
fn t5_each_address_is_asked_for_with_the_right_solicitation_4862_1_4862_3_7527_1() {
    let (mut net, host, _, id, own) = tentative(NodeSpec::new("host"));
    assert_eq!([state(&net, host, id, own), state(&net, host, id, HOST)], [DadState::Tentative; 2]);
    net.run(secs(3));
    for addr in [own, HOST] {
        let [ns] = net.solicits_for(addr)[..] else { panic!("one for each address") };
        let group = ip6::solicited_node(addr);
        assert_eq!((ns.ip.src, ns.ip.dst, ns.ip.hop_limit), (ANY, group, 255));
        assert_eq!(ns.ether.dst, multicast_mac(group));
        assert_eq!(ns.message.slla, None);
        assert!(ns.message.nonce.is_some_and(|nonce| nonce != Nonce([0; 6])));
        assert_eq!(told(&net, host, addr), [PREFERRED]);
        assert_eq!(state(&net, host, id, addr), DadState::Preferred);
    }
    let nonces: Vec<_> = net.solicits().iter().map(|ns| ns.message.nonce).collect();
    assert_ne!(nonces[0], nonces[1]);
}

#[test]
fn t5_spacing_and_end_by_retrans_timer_4862_3() {
    let mut thrice = NodeSpec::new("host");
    (thrice.dad.transmits, thrice.dad.retrans_timer) = (3, secs(2));
    let (mut net, host, _, id, own) = tentative(thrice);
    net.run(secs(1));
    let first = net.solicits_for(own)[0].at;
    net.run(first + secs(6) - net.now() - Duration::from_nanos(1));
    let times: Vec<_> = net.solicits_for(own).iter().map(|ns| ns.at - first).collect();
    assert_eq!(times, [secs(0), secs(2), secs(4)]);
    assert_eq!(state(&net, host, id, own), DadState::Tentative, "silence must last RetransTimer");
    net.run(Duration::from_nanos(1));
    assert_eq!(state(&net, host, id, own), DadState::Preferred);
    let nonces: std::collections::BTreeSet<_> =
        net.solicits_for(own).iter().map(|ns| ns.message.nonce.unwrap().0).collect();
    assert_eq!(nonces.len(), 3, "each has a nonce of its own");
}

#[test]
fn t5_first_message_is_delayed_at_random_4862_2() {
    let mut first = Vec::new();
    for seed in 0..40 {
        let mut net = Net::new(seed);
        let link = net.world.add_link(Faults::default());
        let node = net.add_node(NodeSpec::new("host"));
        net.plug(node, link, HOST);
        net.run(secs(3));
        let own = ip6::eui64_link_local(net.mac(node, net.world.node(node).interfaces()[0]));
        first.push(net.solicits_for(own)[0].at);
    }
    assert!(first.iter().all(|at| *at <= secs(1)));
    let (least, most) = (first.iter().min().unwrap(), first.iter().max().unwrap());
    assert!(*least < ms(150) && *most > ms(850), "{least:?} to {most:?}");
}

#[test]
fn t5_groups_are_joined_before_the_first_message_4862_2() {
    let (mut net, host, link, id, own) = tentative(NodeSpec::new("host"));
    assert_eq!(net.solicits_for(own), [], "in the random delay");
    net.hear(link, &probe(own, None));
    assert_eq!(state(&net, host, id, own), DadState::Duplicate);
    net.run(secs(3));
    assert_eq!(net.solicits_for(own), [], "it is not asked for any more");
    assert_eq!(told(&net, host, own), [DUPLICATE]);
}

#[test]
fn t5_conflict_by_advertisement_4862_5_4862_6() {
    for global in [false, true] {
        let (mut net, host, link, id, own) = tentative(NodeSpec::new("host"));
        let (lost, kept) = if global { (HOST, own) } else { (own, HOST) };
        net.run(ms(500));
        net.hear(link, &claim(lost));
        assert_eq!(state(&net, host, id, lost), DadState::Duplicate);
        net.run(secs(3));
        assert_eq!(told(&net, host, lost), [DUPLICATE]);
        // If it was made from the MAC, IP has stopped, and the other is not called unique without having been asked.
        let other: &[&str] = if global { &[PREFERRED] } else { &[] };
        assert_eq!(told(&net, host, kept), other);
        // It is nobody's: not answered for, not answered from, and used for nothing.
        net.rewind();
        let mac = net.mac(host, id);
        net.hear(link, &frame6(mac, &solicit(PEER, lost, &NeighborSolicit::new(lost, PEER_MAC))));
        net.hear(link, &frame6(mac, &echo(PEER, lost, 1)));
        assert_eq!(net.frames().len(), 0);
        let cause = if global { Cause::NotForUs } else { Cause::InterfaceGone };
        assert_eq!(net.dropped(host, cause), 2, "the address made from the MAC stops the interface");
    }
}

#[test]
fn t5_conflict_by_simultaneous_solicitation_4862_4() {
    for nonce in [None, Some(Nonce([9; 6]))] {
        let (mut net, host, link, id, own) = tentative(NodeSpec::new("host"));
        net.run(secs(1));
        assert_eq!(net.solicits_for(own).len(), 1);
        net.hear(link, &probe(own, nonce));
        assert_eq!(state(&net, host, id, own), DadState::Duplicate);
        assert_eq!(told(&net, host, own), [DUPLICATE]);
    }
}

#[test]
fn t5_a_resolver_is_ignored_while_tentative_4862_4() {
    let (mut net, host, link, id, own) = tentative(NodeSpec::new("host"));
    for addr in [own, HOST] {
        let group = ip6::solicited_node(addr);
        let ns = solicit(PEER, group, &NeighborSolicit::new(addr, PEER_MAC));
        net.hear(link, &frame6(multicast_mac(group), &ns));
        assert_eq!(state(&net, host, id, addr), DadState::Tentative);
    }
    assert_eq!((net.adverts().len(), net.neighbors(host)), (0, 0));
    net.run(secs(3));
    assert_eq!(state(&net, host, id, own), DadState::Preferred);
}

#[test]
fn t5_own_solicitation_looped_back_is_known_by_its_nonce_7527_1() {
    let (mut net, host, link, id, own) = tentative(NodeSpec::new("host"));
    net.run(secs(1));
    // Everything that the node sends comes back, three times over.
    let looped: Vec<_> = net.frames();
    assert_eq!(looped.len(), 2);
    (0..3).for_each(|_| looped.iter().for_each(|frame| net.inject(link, &frame.bytes)));
    net.run(Duration::ZERO);
    assert_eq!(state(&net, host, id, own), DadState::Tentative);
    net.run(secs(10));
    assert_eq!([state(&net, host, id, own), state(&net, host, id, HOST)], [DadState::Preferred; 2]);
    // After a loop it is asked for three times more, with nonces of their own.
    let times: Vec<_> = net.solicits_for(own).iter().map(|ns| ns.at).collect();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [secs(1); 3]);
    // A nonce that is not ours is somebody else's.
    let (mut net, host, link, id, own) = tentative(NodeSpec::new("host"));
    net.run(secs(1));
    let mut foreign = net.frames().into_iter().find(|frame| frame.bytes.len() == 86).unwrap().bytes;
    let ns = net.solicits_for(own)[0];
    foreign = [&foreign[..14], &solicit(ANY, ns.ip.dst, &NeighborSolicit::dad(own, Some(Nonce([1; 6]))))[..]]
        .concat();
    net.hear(link, &foreign);
    assert_eq!(state(&net, host, id, own), DadState::Duplicate, "whatever its frame's source");
}

#[test]
fn t5_without_nonces_a_looped_solicitation_is_known_by_its_mac_4862_4() {
    let mut plain = NodeSpec::new("host");
    plain.dad.nonce = false;
    let (mut net, host, link, id, own) = tentative(plain);
    net.run(secs(1));
    assert!(net.solicits().iter().all(|ns| ns.message.nonce.is_none()));
    net.frames().iter().for_each(|frame| net.inject(link, &frame.bytes));
    net.run(secs(5));
    assert_eq!([state(&net, host, id, own), state(&net, host, id, HOST)], [DadState::Preferred; 2]);
}

#[test]
fn t5_several_addresses_are_detected_each_for_itself_4862_1() {
    let (mut net, host, link, id, own) = tentative(NodeSpec::new("host"));
    let more: Vec<_> = (2..10).map(v6).collect();
    more.iter().for_each(|addr| net.add_address(host, id, *addr, true));
    net.run(ms(500));
    net.hear(link, &claim(v6(5)));
    net.run(secs(3));
    for addr in more.into_iter().chain([own, HOST]) {
        let expected = if addr == v6(5) { DadState::Duplicate } else { DadState::Preferred };
        assert_eq!(state(&net, host, id, addr), expected, "{addr}");
        assert_eq!(net.solicits_for(addr).len(), 1, "{addr}");
        assert_eq!(told(&net, host, addr).len(), 1);
    }
}

#[test]
fn t5_a_tentative_address_is_no_source_and_no_destination_4862_4() {
    let (mut net, host, link, id, own) = tentative(NodeSpec::new("host"));
    let mac = net.mac(host, id);
    let ping = net.open(host);
    assert!(net.ping(host, &ping, PEER, 1).is_err());
    assert!(net.ping_on(host, &ping, local(0x99), id, 2).is_err());
    // One that may be used does not help another that may not, nor is another's scope taken instead.
    for addr in [own, HOST] {
        net.hear(link, &frame6(mac, &echo(PEER, addr, 1)));
        net.hear(link, &frame6(mac, &solicit(PEER, addr, &NeighborSolicit::new(addr, PEER_MAC))));
    }
    net.run(secs(3));
    for frame in net.frames() {
        let (_, ip, _) = frame.ip6().unwrap();
        assert_eq!(ip.src, ANY, "nothing but detection left");
    }
    assert_eq!(net.solicits().len(), net.frames().len());
    net.ping(host, &ping, PEER, 3).unwrap();
    net.run(Duration::ZERO);
    assert_eq!(net.solicits_for(PEER)[0].ip.src, HOST);
}

#[test]
fn t5_a_router_does_not_forward_to_its_own_tentative_address_4862_4() {
    let (mut net, host, links, ids) = Net::router(NodeSpec::new("router"));
    let mac = net.mac(host, ids[0]);
    net.hear(links[0], &frame6(mac, &echo(PEER, on_link(1, 1), 1)));
    net.run(ms(100));
    assert_eq!(state(&net, host, ids[1], on_link(1, 1)), DadState::Tentative);
    assert!(net.solicits_for(on_link(1, 1)).iter().all(|ns| ns.ip.src == ANY), "it asks nobody for itself");
    assert_eq!(net.dropped(host, Cause::NotForUs), 1);
}

#[test]
fn t5_a_claim_to_an_address_in_use_is_told_and_survived_4862_5() {
    let (mut net, host, link, id, _) = tentative(spec("host"));
    net.hear(link, &claim(HOST));
    assert_eq!(state(&net, host, id, HOST), DadState::Preferred);
    let told = net.events(host, HOST);
    assert_eq!(told, [format!("address {HOST} is ours, but {PEER_MAC} advertises it")]);
    assert_eq!(net.neighbors(host), 0, "our own address is nobody's neighbour");
}

#[test]
fn t5_an_address_in_use_is_defended_against_a_detecting_node_4861_29() {
    let (mut net, host, link, id, _) = tentative(spec("host"));
    net.hear(link, &probe(HOST, Some(Nonce([3; 6]))));
    let [na] = net.adverts()[..] else { panic!("one answer") };
    assert_eq!((na.ip.src, na.ip.dst), (HOST, ip6::ALL_NODES));
    assert_eq!(na.ether.dst, multicast_mac(ip6::ALL_NODES));
    let mac = net.mac(host, id);
    let expected =
        NeighborAdvert { router: false, solicited: false, override_: true, target: HOST, tlla: Some(mac) };
    assert_eq!(na.message, expected);
    assert_eq!(net.neighbors(host), 0, "it has no address yet that could be noted");
}

#[test]
fn t5_removing_an_address_ends_its_detection_and_adding_it_begins_anew_4862_3() {
    let (mut net, host, _, id, _) = tentative(NodeSpec::new("host"));
    net.run(ms(500));
    net.world.node(host).control(|stack, ctx| stack.remove_address(ctx, id, HOST.into())).unwrap();
    net.run(secs(3));
    assert_eq!(told(&net, host, HOST), [""; 0]);
    let begun = net.now();
    net.add_address(host, id, HOST, true);
    net.run(ms(400));
    net.world.node(host).control(|stack, ctx| stack.remove_address(ctx, id, HOST.into())).unwrap();
    net.add_address(host, id, HOST, true);
    // The first one's timer comes by at 1000 ms and must not pass for the second's, at 1400 ms.
    net.run(ms(999));
    assert_eq!(state(&net, host, id, HOST), DadState::Tentative);
    net.run(ms(1));
    assert_eq!(state(&net, host, id, HOST), DadState::Preferred);
    assert_eq!(net.now() - begun, ms(1400));
}

#[test]
fn a_duplicate_of_the_address_made_from_the_mac_stops_ip_4862_6() {
    let (mut net, host, link, id, own) = tentative(NodeSpec::new("host"));
    net.run(ms(100));
    net.hear(link, &claim(own));
    net.run(secs(3));
    let mac = net.mac(host, id);
    net.rewind();
    net.hear(link, &frame6(mac, &echo(PEER, HOST, 1)));
    let ping = net.open(host);
    let _ = net.ping(host, &ping, PEER, 1);
    net.run(secs(5));
    assert_eq!(net.frames().len(), 0, "somebody has our MAC: whatever we send is confusion");
    // Another link-local address, by hand, is no such case.
    let (mut net, host, link, id, _) = tentative(spec("host"));
    net.world.node(host).control(|stack, ctx| stack.add_address(ctx, id, local(5).into(), 64, true)).unwrap();
    net.hear(link, &claim(local(5)));
    net.hear(link, &frame6(net.mac(host, id), &echo(PEER, HOST, 1)));
    assert_eq!(net.solicits_for(PEER).len(), 1);
}

#[test]
fn no_address_is_called_unique_while_the_interface_is_down_4862_3() {
    let (mut net, host, _, id, own) = tentative(NodeSpec::new("host"));
    let set_up =
        |net: &Net, up| net.world.node(host).control(|stack, ctx| stack.set_up(ctx, id, up)).unwrap();
    let asked = net.solicits_for(HOST).len();
    set_up(&net, false);
    net.run(secs(10));
    assert_eq!([state(&net, host, id, own), state(&net, host, id, HOST)], [DadState::Tentative; 2]);
    assert_eq!((net.frames().len(), net.dropped(host, Cause::InterfaceGone)), (asked, 0));
    net.rewind();
    set_up(&net, true);
    let up = net.now();
    net.run(secs(1));
    let asked =
        [own, HOST].map(|addr| net.solicits_for(addr)[..].iter().map(|ns| ns.at - up).collect::<Vec<_>>());
    assert!(asked.iter().all(|at| at.len() == 1), "once each, within a second: {asked:?}");
    net.run(secs(1));
    assert_eq!([state(&net, host, id, own), state(&net, host, id, HOST)], [DadState::Preferred; 2]);
}

#[test]
fn every_address_is_tested_again_when_the_interface_comes_up_4862_1_4862_2() {
    let (mut net, host, link, id, own) = tentative(NodeSpec::new("host"));
    net.add_address(host, id, v6(7), false);
    net.run(secs(3));
    assert_eq!(state(&net, host, id, HOST), DadState::Preferred);
    let set_up =
        |net: &Net, up| net.world.node(host).control(|stack, ctx| stack.set_up(ctx, id, up)).unwrap();
    set_up(&net, false);
    set_up(&net, true);
    assert_eq!([state(&net, host, id, own), state(&net, host, id, HOST)], [DadState::Tentative; 2]);
    assert_eq!(state(&net, host, id, v6(7)), DadState::Preferred, "as its owner wants it");
    // Somebody has taken one meanwhile.
    net.hear(link, &claim(HOST));
    net.run(secs(3));
    assert_eq!(state(&net, host, id, own), DadState::Preferred);
    assert_eq!(state(&net, host, id, HOST), DadState::Duplicate);
    // Taken up when it is up, nothing is asked.
    net.rewind();
    set_up(&net, true);
    net.run(secs(3));
    assert_eq!(net.solicits().len(), 0);
}

/// Two hosts take the same address, one after the other. Gives which keep it.
fn twins(seed: u64, faults: Faults, transmits: u32, between: Duration) -> (Vec<usize>, String) {
    let mut net = Net::new(seed);
    let link = net.world.add_link(faults);
    let mut spec = NodeSpec::new("one");
    spec.dad.transmits = transmits;
    let nodes = ["one", "two"].map(|name| net.add_node(NodeSpec { name: name.into(), ..spec.clone() }));
    // Their own link-local addresses differ and are out of detection before it begins.
    let ids = nodes.map(|node| {
        let id = net.plug(node, link, on_link(0, 0x100 + node.0 as u16));
        net.run(secs(2 + u64::from(transmits)));
        id
    });
    let before = nodes.map(|node| {
        let id = ids[node.0];
        [IfCounter::NsIn, IfCounter::NaIn, IfCounter::NaOut].map(|kind| net.counter(node, id, kind))
    });
    net.add_address(nodes[0], ids[0], HOST, true);
    net.run(between);
    net.add_address(nodes[1], ids[1], HOST, true);
    net.run(secs(4 + u64::from(transmits)));
    let keeps = |node: &&NodeId| state(&net, **node, ids[node.0], HOST) == DadState::Preferred;
    let keeps: Vec<usize> = nodes.iter().filter(keeps).map(|node| node.0).collect();
    let mut story = String::new();
    if keeps.len() == 2 {
        // Then no frame told either: whoever heard a question had passed by then, and its answer was lost.
        for (at, node) in nodes.into_iter().enumerate() {
            let kinds = [IfCounter::NsIn, IfCounter::NaIn, IfCounter::NaOut];
            let now = kinds.map(|kind| net.counter(node, ids[at], kind));
            let [ns_in, na_in, na_out] = std::array::from_fn(|kind| now[kind] - before[at][kind]);
            if na_in > 0 || ns_in != na_out {
                story = format!("{} heard {ns_in} and {na_in}, answered {na_out}", net.world.node(node).name);
            }
        }
    }
    (keeps, story)
}

#[test]
fn twins_never_both_keep_the_address_when_frames_get_through_4862_4_4862_5() {
    let mut kept = [0; 3];
    for seed in 0..300 {
        let delay = (Duration::from_micros(10), ms(seed % 150 + 1));
        let faults = Faults { loss: 0.0, duplicate: 0.2, delay };
        let (keep, _) = twins(seed, faults, 1, ms(seed * 7 % 1500));
        kept[keep.len()] += 1;
        assert!(keep.len() < 2, "seed {seed}");
    }
    assert!(kept[0] > 0 && kept[1] > 0, "{kept:?}");
}

#[test]
fn twins_under_loss_both_keep_the_address_only_if_nothing_told_them_4862_4_4862_5() {
    let mut kept = [0; 3];
    for seed in 0..300 {
        let delay = (Duration::from_micros(10), ms(200));
        let faults = Faults { loss: 0.4, duplicate: 0.1, delay };
        let (keep, story) = twins(seed, faults, 1, ms(seed * 11 % 1500));
        kept[keep.len()] += 1;
        assert_eq!(story, "", "seed {seed}");
    }
    assert!(kept.iter().all(|count| *count > 0), "loss shows all three ends: {kept:?}");
}

/// Whoever has passed before the other begins keeps the address, and the other gives way.
#[test]
fn of_twins_that_begin_one_after_the_other_exactly_the_second_gives_way_4862_4_4862_5() {
    for seed in 0..300 {
        let delay = (Duration::from_micros(10), ms(seed % 450 + 1));
        let reordered = Faults { loss: 0.0, duplicate: 0.2, delay };
        let (keep, _) = twins(seed, reordered, 1, ms(1001 + seed * 7 % 2000));
        assert_eq!(keep, [0], "seed {seed}");
    }
    // A third of the frames is lost: then it takes as many questions as make it sure that one is heard and answered.
    for seed in 0..100 {
        let lossy = Faults { loss: 0.33, duplicate: 0.1, delay: (Duration::from_micros(10), ms(200)) };
        let (keep, _) = twins(seed, lossy, 30, ms(31_001 + seed * 7 % 2000));
        assert_eq!(keep, [0], "seed {seed}, with loss");
    }
}

#[test]
fn solicitations_come_to_a_group_only_by_its_members_4861_24() {
    let (mut net, host, link, _, _) = tentative(spec("host"));
    // The group of no address of ours, and ours of an address that has gone.
    let group = ip6::solicited_node(v6(0x777));
    let ns = solicit(PEER, group, &NeighborSolicit::new(v6(0x777), PEER_MAC));
    net.hear(link, &frame6(multicast_mac(group), &ns));
    assert_eq!(net.dropped(host, Cause::NotJoined), 0, "the device does not let it in");
    net.world.set_promiscuous(link);
    net.hear(link, &frame6(multicast_mac(group), &ns));
    assert_eq!(net.dropped(host, Cause::NotJoined), 1);
    // The last address of a group keeps it joined.
    let twin: Ipv6Addr = "2001:db8::1:0:0:1".parse().unwrap();
    assert_eq!(ip6::solicited_node(twin), ip6::solicited_node(HOST));
    let id = net.world.node(host).interfaces()[0];
    net.add_address(host, id, twin, false);
    net.world.node(host).control(|stack, ctx| stack.remove_address(ctx, id, HOST.into())).unwrap();
    net.run(Duration::ZERO);
    let group = ip6::solicited_node(twin);
    let ask =
        |target| frame6(multicast_mac(group), &solicit(PEER, group, &NeighborSolicit::new(target, PEER_MAC)));
    net.hear(link, &ask(twin));
    assert_eq!(net.adverts().len(), 1);
    net.hear(link, &ask(HOST));
    assert_eq!((net.adverts().len(), net.dropped(host, Cause::NotForUs)), (1, 1));
    let last = packet(PEER, ip6::ALL_NODES, IpProto::NO_NEXT, 64, &[]);
    net.hear(link, &frame6(multicast_mac(ip6::ALL_NODES), &last));
    assert_eq!(net.dropped(host, Cause::Ignored), 1, "everybody is in the group of all nodes");
}

#[test]
fn a_claim_that_waits_behind_a_backlog_counts_however_long_the_node_was_held_up_4862_3() {
    for hold in HOLDS {
        for retries in [1, 3] {
            // Just asked, between two questions, and a moment before the end.
            for stage in
                [ms(1), ms(500), ms(998)].into_iter().flat_map(|at| (0..retries).map(move |n| at + secs(n)))
            {
                let mut spec = NodeSpec::new("host");
                spec.dad.transmits = retries as u32;
                let (mut net, host, link, id) = Net::host(spec);
                while net.solicits_for(HOST).is_empty() {
                    net.run(ms(1));
                }
                net.run(stage);
                assert_eq!(state(&net, host, id, HOST), DadState::Tentative);
                net.hold_up(host, link, &claim(HOST), hold);
                net.run(secs(10));
                assert_eq!(state(&net, host, id, HOST), DadState::Duplicate, "{hold:?} {stage:?} {retries}");
                assert_eq!(told(&net, host, HOST), [DUPLICATE], "not even for a moment");
            }
        }
    }
}

#[test]
fn a_flood_puts_no_timer_off_for_longer_than_it_takes_to_read_what_waited() {
    let (mut net, host, link, id) = Net::host(NodeSpec::new("host"));
    let junk = frame(siding_wire::Mac::BROADCAST, siding_wire::EtherType(0x1234), &[0; 50]);
    while net.solicits_for(HOST).is_empty() {
        net.run(ms(1));
    }
    let asked = net.solicits_for(HOST)[0].at;
    // As many as 40 turns take are there at the beginning of each millisecond, for ever.
    while state(&net, host, id, HOST) == DadState::Tentative {
        (0..64 * 40).for_each(|_| net.inject(link, &junk));
        net.run(ms(1));
        assert!(net.now() < asked + ms(1010), "the timer waits for ever");
    }
    assert_eq!(told(&net, host, HOST), [PREFERRED]);
}

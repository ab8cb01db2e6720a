//! Address resolution on the wire: who is asked, how often, and what becomes of the packets that wait.

use std::time::Duration;

use siding_stack::Answer;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::Version;
use siding_stack::nd6::nud::NudState;
use siding_wire::Mac;
use siding_wire::ether::multicast_mac;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::ip6;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;

use crate::common::*;

/// Numbers of echo requests that went to [`PEER`], in order.
fn numbers(net: &Net) -> Vec<u16> {
    net.requests(PEER).into_iter().map(|(seq, _)| seq).collect()
}

#[test]
fn t1_257_packets_in_a_burst_ask_once_per_retrans_timer_4861_26_4861_27() {
    let mut big = spec("host");
    (big.buffers, big.queue_limit) = (1024, 512);
    let held = big.neighbors.held as u16;
    let (mut net, host, link, id) = Net::host(big);
    let ping = net.open(host);
    (0..257).for_each(|seq| net.ping(host, &ping, PEER, seq).unwrap());
    net.run(ms(2500));
    let asked: Vec<_> = net.solicits().iter().map(|ns| ns.at).collect();
    assert_eq!(asked, [secs(0), secs(1), secs(2)], "one for each RetransTimer");
    assert_eq!(numbers(&net), [], "nothing leaves before the answer");
    let mac = net.mac(host, id);
    net.hear(link, &frame6(mac, &answer(PEER, HOST, PEER_MAC)));
    // The newest replaced the oldest; what is left comes out as it went in.
    assert_eq!(numbers(&net), (257 - held..257).collect::<Vec<_>>());
    assert!(net.requests(PEER).iter().all(|(_, mac)| *mac == PEER_MAC));
    assert_eq!(net.dropped(host, Cause::HoldOverflow), u64::from(257 - held));
    assert_eq!(net.solicits().len(), 3);
}

#[test]
fn t2_next_hop_of_a_route_is_asked_for_4861_25() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    let router = v6(0xabcd);
    let route = siding_stack::route::Route {
        prefix: siding_stack::route::Prefix::new("2001:db8:ffff::".parse().unwrap(), 48).unwrap(),
        next_hop: Some(router),
        interface: id,
        metric: 1,
        origin: siding_stack::route::Origin::Static,
    };
    net.world.node(host).control(|stack, ctx| stack.add_routes6(ctx, [route])).unwrap();
    let far = "2001:db8:ffff::1234".parse().unwrap();
    net.ping_once(host, far);
    let [ns] = net.solicits()[..] else { panic!("one solicitation") };
    let group = ip6::solicited_node(router);
    assert_eq!(ns.message, NeighborSolicit { target: router, slla: Some(mac), nonce: None });
    assert_eq!((ns.ip.src, ns.ip.dst, ns.ip.hop_limit), (HOST, group, 255));
    assert_eq!((ns.ether.src, ns.ether.dst), (mac, Mac([0x33, 0x33, 0xff, 0, 0xab, 0xcd])));
    assert_eq!(ns.ether.dst, multicast_mac(group));
    net.hear(link, &frame6(mac, &answer(router, HOST, PEER_MAC)));
    assert_eq!(net.requests(far), [(1, PEER_MAC)]);
    assert!(net.neighbor(host, far).is_none(), "the far end is nobody's neighbour");
}

#[test]
fn source_is_that_of_the_prompting_packet_4861_25() {
    // Two addresses serve; the packet that waits decides.
    for asked in [HOST, v6(2), v6(3)] {
        let (mut net, host, link, id) = Net::host(spec("host"));
        net.add_address(host, id, v6(2), false);
        net.add_address(host, id, v6(3), false);
        net.run(Duration::ZERO);
        let mac = net.mac(host, id);
        net.hear(link, &frame6(mac, &echo(PEER, asked, 1)));
        let sources: Vec<_> = net.solicits_for(PEER).iter().map(|ns| ns.ip.src).collect();
        assert_eq!(sources, [asked]);
        net.run(secs(1));
        assert_eq!(net.solicits_for(PEER)[1].ip.src, asked, "and so when it is sent again");
    }
}

#[test]
fn the_probe_of_a_stale_neighbor_goes_to_its_address_4861_35() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    let ns = solicit(PEER, HOST, &NeighborSolicit::new(HOST, PEER_MAC));
    net.hear(link, &frame6(mac, &ns));
    assert_eq!(net.neighbor(host, PEER), Some((NudState::Stale, Some(PEER_MAC))));
    net.ping_once(host, PEER);
    net.run(ms(5500));
    let [probe] = net.solicits_for(PEER)[..] else { panic!("one probe") };
    assert_eq!((probe.at, probe.ether.dst, probe.ip.dst), (secs(5), PEER_MAC, PEER));
    assert_eq!(probe.message.slla, Some(mac));
}

#[test]
fn failure_answers_every_held_packet_4861_27() {
    let (mut net, host, _, _) = Net::host(spec("host"));
    let ping = net.open(host);
    (1..=3).for_each(|seq| net.ping(host, &ping, PEER, seq).unwrap());
    net.run(ms(2999));
    assert_eq!(net.answer(host, &ping), None);
    net.run(ms(1));
    for seq in 1..=3 {
        let reply = net.answer(host, &ping).unwrap();
        assert_eq!(reply.seq, seq);
        assert!(matches!(reply.answer, Answer::Error { what, .. } if what == "address unreachable"));
    }
    assert_eq!((net.neighbor(host, PEER), net.solicits().len()), (None, 3));
    assert_eq!(net.transitions(host, PEER), ["none -> INCOMPLETE", "INCOMPLETE -> none"]);
}

#[test]
fn t11_retry_after_failure_4861_27() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    net.ping_once(host, PEER);
    net.run(secs(4));
    net.rewind();
    net.ping_once(host, PEER);
    assert_eq!(net.solicits().iter().map(|ns| ns.at).collect::<Vec<_>>(), [secs(4)]);
    net.hear(link, &frame6(mac, &answer(PEER, HOST, PEER_MAC)));
    assert_eq!(net.requests(PEER), [(1, PEER_MAC)]);
    assert_eq!(net.neighbor(host, PEER), Some((NudState::Reachable, Some(PEER_MAC))));
}

#[test]
fn t11_sixteen_look_ups_at_once_ask_once() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let pings: Vec<_> = (0..16).map(|_| net.open(host)).collect();
    pings.iter().for_each(|ping| net.ping(host, ping, PEER, 1).unwrap());
    net.run(ms(10));
    assert_eq!((net.solicits().len(), net.neighbors(host)), (1, 1));
    let mac = net.mac(host, id);
    net.hear(link, &frame6(mac, &answer(PEER, HOST, PEER_MAC)));
    assert_eq!(net.requests(PEER).len(), 16);
}

#[test]
fn t11_unexpected_advertisement_is_ignored_4861_30() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    net.hear(link, &frame6(mac, &answer(PEER, HOST, PEER_MAC)));
    assert_eq!((net.neighbors(host), net.dropped(host, Cause::Ignored)), (0, 1));
}

#[test]
fn t11_bad_link_layer_option_is_ignored_4861_30_4861_6() {
    for bad in [Mac::BROADCAST, Mac::ZERO, Mac([0x33, 0x33, 0, 0, 0, 1])] {
        let (mut net, host, link, id) = Net::host(spec("host"));
        let mac = net.mac(host, id);
        net.ping_once(host, PEER);
        net.hear(link, &frame6(mac, &answer(PEER, HOST, bad)));
        assert_eq!(net.neighbor(host, PEER), Some((NudState::Incomplete, None)), "{bad}");
        // A question with such an option makes no entry either, and is answered to where it can be.
        let ns = solicit(v6(0x98), HOST, &NeighborSolicit::new(HOST, bad));
        net.hear(link, &frame6(mac, &ns));
        assert_ne!(net.neighbor(host, v6(0x98)).map(|(state, _)| state), Some(NudState::Stale));
        assert_eq!(net.adverts().len(), 0, "nobody is told before it is known where it is");
        net.hear(link, &frame6(mac, &answer(v6(0x98), HOST, OTHER_MAC)));
        assert_eq!(net.adverts()[0].ether.dst, OTHER_MAC);
    }
}

#[test]
fn t11_static_neighbors_are_kept_and_replaced_only_by_hand() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    let add = |net: &Net, mac| {
        net.world.node(host).control(|stack, ctx| stack.add_neighbor(ctx, id, PEER.into(), mac))
    };
    add(&net, PEER_MAC).unwrap();
    net.hear(link, &frame6(mac, &answer(PEER, HOST, OTHER_MAC)));
    net.ping_once(host, PEER);
    net.run(secs(120));
    assert_eq!(net.requests(PEER), [(1, PEER_MAC)]);
    assert_eq!(net.solicits().len(), 0, "it is never probed");
    assert!(add(&net, OTHER_MAC).is_err());
    net.world.node(host).control(|stack, ctx| stack.flush_neighbors(ctx, id, |addr| addr == PEER));
    add(&net, OTHER_MAC).unwrap();
    net.ping_once(host, PEER);
    assert_eq!(net.requests(PEER)[1], (1, OTHER_MAC));
}

#[test]
fn t14_entry_removed_during_resolution() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    let stats = |net: &Net| {
        let config = net.world.node(host).stack.config();
        config.interface(id).unwrap().ifnet.mib.stats(Version::V6)
    };
    let before = stats(&net);
    net.ping_once(host, PEER);
    // What waits has not left, so that nothing is taken back when it is given up.
    let waiting = stats(&net);
    assert_eq!(waiting.out_transmits - before.out_transmits, waiting.out_requests - before.out_requests - 1);
    let gone = net.world.node(host).control(|stack, ctx| stack.flush_neighbors(ctx, id, |_| true));
    assert_eq!((gone, net.neighbors(host), net.dropped(host, Cause::Unresolved)), (1, 0, 1));
    let after = stats(&net);
    assert_eq!((waiting.out_discards, after.out_discards), (0, 1));
    assert_eq!(after.out_transmits, waiting.out_transmits);
    net.run(Duration::ZERO);
    assert_eq!(net.transitions(host, PEER), ["none -> INCOMPLETE", "INCOMPLETE -> none"]);
    // The answer comes too late, and the dead entry's timer finds nothing to do.
    net.hear(link, &frame6(mac, &answer(PEER, HOST, PEER_MAC)));
    net.run(secs(10));
    assert_eq!((net.requests(PEER), net.solicits().len(), net.neighbors(host)), (vec![], 1, 0));
    // A new one begins from the beginning.
    net.ping_once(host, PEER);
    assert_eq!(net.solicits().len(), 2);
}

#[test]
fn t30_the_address_at_dispatch_counts_not_that_at_enqueue() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    net.ping_once(host, PEER);
    // Both are received in one batch: the packet is queued by the first, and leaves after the second.
    net.inject(link, &frame6(mac, &answer(PEER, HOST, PEER_MAC)));
    net.hear(link, &frame6(mac, &answer(PEER, HOST, OTHER_MAC)));
    assert_eq!(net.requests(PEER), [(1, OTHER_MAC)]);
}

#[test]
fn t30_a_source_that_has_gone_since_is_not_used_6724_4() {
    let (mut net, host, _, id) = Net::host(spec("host"));
    let ping = net.open(host);
    net.ping(host, &ping, PEER, 1).unwrap();
    net.run(ms(2000) - Duration::from_nanos(1));
    assert_eq!(net.solicits().len(), 2);
    // Another address, a jump to the timer, and the first address goes before the solicitation is handled.
    net.add_address(host, id, v6(2), false);
    net.world.node(host).control(|stack, ctx| stack.remove_address(ctx, id, HOST.into())).unwrap();
    net.run(ms(10));
    let sources: Vec<_> = net.solicits().iter().map(|ns| ns.ip.src).collect();
    assert_eq!(sources, [HOST, HOST, v6(2)], "what prompted it is no longer ours");
}

#[test]
fn t30_a_packet_whose_source_has_gone_since_is_dropped_6724_4() {
    let remove = |net: &Net, host, id| {
        net.world.node(host).control(|stack, ctx| stack.remove_address(ctx, id, HOST.into())).unwrap();
    };
    // While it waits in the facility.
    let (mut net, host, _, id) = Net::host(spec("host"));
    net.add_address(host, id, v6(2), false);
    let ping = net.open(host);
    net.ping(host, &ping, HOST, 1).unwrap();
    net.ping(host, &ping, PEER, 2).unwrap();
    remove(&net, host, id);
    net.run(ms(1));
    assert_eq!((net.frames().len(), net.drops(host)), (0, vec![(Cause::Stale, 2)]));
    // While it waits for its neighbour.
    let (mut net, host, link, id) = Net::host(spec("host"));
    net.add_address(host, id, v6(2), false);
    let mac = net.mac(host, id);
    net.ping_once(host, PEER);
    assert_eq!(net.solicits()[0].ip.src, HOST);
    remove(&net, host, id);
    net.hear(link, &frame6(mac, &answer(PEER, v6(2), PEER_MAC)));
    assert_eq!((net.requests(PEER), net.drops(host)), (vec![], vec![(Cause::Stale, 1)]));
    let config = net.world.node(host).stack.config();
    assert_eq!(config.interface(id).unwrap().ifnet.mib.stats(Version::V6).out_discards, 1);
}

#[test]
fn g7_later_packets_do_not_overtake_held_ones() {
    for limit in [1, 2, 3, 5, 64] {
        let mut small = spec("host");
        (small.queue_limit, small.neighbors.held) = (limit, 16);
        let (mut net, host, link, id) = Net::host(small);
        let mac = net.mac(host, id);
        let ping = net.open(host);
        let mut seq = 0;
        let mut send = |net: &mut Net, run: bool| {
            seq += 1;
            net.ping(host, &ping, PEER, seq).unwrap();
            if run {
                net.run(Duration::ZERO);
            }
        };
        (0..10).for_each(|_| send(&mut net, true));
        // The answer and the next request are there in the same turn, and more come while the queue drains.
        net.inject(link, &frame6(mac, &answer(PEER, HOST, PEER_MAC)));
        send(&mut net, false);
        net.run(Duration::ZERO);
        (0..10).for_each(|_| send(&mut net, true));
        assert_eq!(numbers(&net), (1..=21).collect::<Vec<_>>(), "limit {limit}");
    }
}

#[test]
fn g7_a_packet_forwarded_in_the_same_batch_as_the_answer_goes_last() {
    let (mut net, host, links, ids) = Net::router(spec("router"));
    let (mac_in, mac_out) = (net.mac(host, ids[0]), net.mac(host, ids[1]));
    let dst = on_link(1, 0x99);
    (1..=5).for_each(|seq| net.inject(links[0], &frame6(mac_in, &echo(PEER, dst, seq))));
    net.run(ms(1));
    // Interface 0 is polled first in a turn, so send the answer, then packets in the turn after.
    net.inject(links[1], &frame6(mac_out, &answer(dst, on_link(1, 1), PEER_MAC)));
    (6..=9).for_each(|seq| net.inject(links[0], &frame6(mac_in, &echo(PEER, dst, seq))));
    net.run(Duration::ZERO);
    let seqs: Vec<_> = net.requests(dst).into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(seqs, (1..=9).collect::<Vec<_>>());
}

#[test]
fn a_flush_that_the_queue_refused_whole_is_tried_again() {
    let mut small = spec("host");
    small.queue_limit = 2;
    let (mut net, host, link, id) = Net::host(small);
    let mac = net.mac(host, id);
    let (a, b) = (v6(0xa), v6(0xb));
    let ping = net.open(host);
    for (dst, seq) in [(a, 1), (a, 2), (b, 1), (b, 2)] {
        net.ping(host, &ping, dst, seq).unwrap();
        net.run(Duration::ZERO);
    }
    // Both answers in one batch: the packets for `a` fill the queue, so that none of those for `b` fits.
    net.inject(link, &frame6(mac, &answer(a, HOST, PEER_MAC)));
    net.inject(link, &frame6(mac, &answer(b, HOST, OTHER_MAC)));
    net.run(ms(200));
    assert_eq!(net.requests(a), [(1, PEER_MAC), (2, PEER_MAC)]);
    assert_eq!(net.requests(b), [(1, OTHER_MAC), (2, OTHER_MAC)], "they are not left behind");
}

#[test]
fn a_refused_dispatch_is_no_try_4861_27() {
    let mut tiny = spec("host");
    tiny.queue_limit = 1;
    let (mut net, host, _, _) = Net::host(tiny);
    let (a, b) = (v6(0xa), v6(0xb));
    net.ping_once(host, a);
    net.ping_once(host, b);
    // Both timers fire in one turn, and the queue has room for one: the other tries again 50 ms later.
    net.run(secs(10));
    let times = |target| net.solicits_for(target).iter().map(|ns| ns.at).collect::<Vec<_>>();
    assert_eq!(times(a), [secs(0), secs(1), secs(2)]);
    assert_eq!(times(b), [secs(0), ms(1050), ms(2050)]);
    assert_eq!(net.dropped(host, Cause::Refused), 1);
    assert_eq!(net.transitions(host, b), ["none -> INCOMPLETE", "INCOMPLETE -> none"]);
}

#[test]
fn a_dry_pool_burns_no_try_4861_27() {
    let mut small = spec("host");
    small.buffers = 64;
    let (mut net, host, link, id) = Net::host(small);
    let mac = net.mac(host, id);
    net.ping_once(host, PEER);
    assert_eq!(net.solicits().len(), 1);
    let pool = net.world.node(host).pool.clone();
    let mut hoard: Vec<_> = std::iter::from_fn(|| pool.alloc()).collect();
    // The worker's own cache runs dry too: strangers' questions are held with an answer each.
    for stranger in 0..64 {
        let src = v6(0x1000 + stranger);
        net.inject(link, &frame6(mac, &echo(src, HOST, 1)));
    }
    net.run(secs(20));
    assert!(net.dropped(host, Cause::NoBuffer) > 100, "{:?}", net.drops(host));
    assert_eq!(net.neighbor(host, PEER), Some((NudState::Incomplete, None)), "it was asked less than thrice");
    let before = net.solicits_for(PEER).len();
    hoard.clear();
    net.run(secs(10));
    assert!(before < 3);
    assert_eq!((net.solicits_for(PEER).len(), net.neighbor(host, PEER)), (3, None));
}

#[test]
fn advertisement_without_an_address_resolves_nothing_4861_30() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    net.ping_once(host, PEER);
    let bare = NeighborAdvert { router: true, solicited: true, override_: true, target: PEER, tlla: None };
    net.hear(link, &frame6(mac, &advert(PEER, HOST, &bare)));
    assert_eq!(net.neighbor(host, PEER), Some((NudState::Incomplete, None)));
    assert_eq!(numbers(&net), []);
}

#[test]
fn a_question_resolves_and_releases_what_was_held_4861_28() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    net.ping_once(host, PEER);
    let ns = solicit(PEER, HOST, &NeighborSolicit::new(HOST, PEER_MAC));
    net.hear(link, &frame6(mac, &ns));
    assert_eq!(net.requests(PEER), [(1, PEER_MAC)]);
    // The held packet was use, so the entry waits for its confirmation; every step has been told.
    assert_eq!(net.neighbor(host, PEER), Some((NudState::Delay, Some(PEER_MAC))));
    let told = ["none -> INCOMPLETE", "INCOMPLETE -> STALE", "STALE -> DELAY"];
    assert_eq!(net.transitions(host, PEER), told);
}

#[test]
fn link_local_neighbors_are_resolved_on_the_named_interface_4861_25() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    let own = ip6::eui64_link_local(mac);
    let ping = net.open(host);
    net.ping_on(host, &ping, local(0x99), id, 1).unwrap();
    net.run(Duration::ZERO);
    let [ns] = net.solicits()[..] else { panic!("one solicitation") };
    assert_eq!((ns.ip.src, ns.message.target), (own, local(0x99)));
    net.hear(link, &frame6(mac, &answer(local(0x99), own, PEER_MAC)));
    assert_eq!(net.requests(local(0x99)), [(1, PEER_MAC)]);
    let reply = message(local(0x99), own, Icmp6Repr::EchoReply { ident: ping.ident(), seq: 1 }, b"siding");
    let reply = packet(local(0x99), own, siding_wire::IpProto::ICMP6, 61, &reply);
    net.hear(link, &frame6(mac, &reply));
    let reply = net.answer(host, &ping).unwrap();
    assert_eq!(reply.answer, Answer::Reply { from: local(0x99).into(), hop_limit: 61 });
}

#[test]
fn an_answer_that_waits_behind_a_backlog_counts_however_long_the_node_was_held_up_4861_27() {
    for hold in HOLDS {
        for tries in 1..=3 {
            for stage in [ms(1), ms(998)] {
                let (mut net, host, link, id) = Net::host(spec("host"));
                let mac = net.mac(host, id);
                let ping = net.open(host);
                net.ping(host, &ping, PEER, 1).unwrap();
                while net.solicits_for(PEER).len() < tries {
                    net.run(ms(1));
                }
                net.run(stage);
                net.hold_up(host, link, &frame6(mac, &answer(PEER, HOST, PEER_MAC)), hold);
                net.run(ms(10));
                assert_eq!(net.requests(PEER), [(1, PEER_MAC)], "{hold:?} {tries} {stage:?}");
                assert_eq!(net.transitions(host, PEER), ["none -> INCOMPLETE", "INCOMPLETE -> REACHABLE"]);
                assert_eq!((net.dropped(host, Cause::Unresolved), net.solicits_for(PEER).len()), (0, tries));
            }
        }
    }
}

#[test]
fn a_neighbor_whose_answer_waits_is_kept_however_long_the_node_was_held_up_4861_35() {
    for hold in HOLDS {
        for probes in 1..=3 {
            let (mut net, host, link, id) = Net::host(spec("host"));
            let mac = net.mac(host, id);
            net.hear(link, &frame6(mac, &solicit(PEER, HOST, &NeighborSolicit::new(HOST, PEER_MAC))));
            net.ping_once(host, PEER);
            while net.solicits_for(PEER).len() < probes {
                net.run(ms(1));
            }
            net.run(ms(900));
            net.hold_up(host, link, &frame6(mac, &answer(PEER, HOST, PEER_MAC)), hold);
            net.run(ms(10));
            assert_eq!(
                net.neighbor(host, PEER),
                Some((NudState::Reachable, Some(PEER_MAC))),
                "{hold:?} {probes}"
            );
            let last = net.transitions(host, PEER).pop().unwrap();
            assert_eq!(last, "PROBE -> REACHABLE", "{hold:?} {probes}");
            assert_eq!(net.solicits_for(PEER).len(), probes);
        }
    }
}

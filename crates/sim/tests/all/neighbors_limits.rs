//! The bounds of neighbour tables: pools that do not touch each other, totals, ageing, loss of the link.

use std::collections::BTreeMap;
use std::time::Duration;

use siding_netisr::IfId;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::NeighborReport;
use siding_stack::NeighborTotals;
use siding_stack::drops::DropReason as Cause;
use siding_stack::nd6::nud::NudState;
use siding_wire::Mac;
use siding_wire::nd::NeighborSolicit;

use crate::common::*;

/// A stranger's link-layer address.
fn mac_of(host: u16) -> Mac {
    let [a, b] = host.to_be_bytes();
    Mac([2, 0xee, 1, 0, a, b])
}

/// The stranger on link `on` asks for the node's address there, and so becomes known.
fn appear(net: &mut Net, link: LinkId, on: u16, node_mac: Mac, stranger: u16) {
    let target = on_link(on, 1);
    let ns = solicit(on_link(on, stranger), target, &NeighborSolicit::new(target, mac_of(stranger)));
    net.hear(link, &frame6(node_mac, &ns));
}

/// The node asks for the stranger, who answers.
fn confirm(net: &mut Net, link: LinkId, node: NodeId, node_mac: Mac, stranger: u16) {
    net.ping_once(node, v6(stranger));
    net.hear(link, &frame6(node_mac, &answer(v6(stranger), HOST, mac_of(stranger))));
}

fn table(net: &Net, node: NodeId) -> Vec<NeighborReport> {
    net.world.node(node).control(|stack, ctx| stack.neighbors(ctx))
}

fn states(net: &Net, node: NodeId) -> BTreeMap<NudState, usize> {
    let mut all = BTreeMap::new();
    table(net, node).into_iter().for_each(|one| *all.entry(one.state).or_default() += 1);
    all
}

/// Limit, use, highest use, refusals of a bound, on an interface or of all.
fn bound(net: &Net, node: NodeId, name: &str, on: IfId) -> (u64, u64, Option<u64>, u64) {
    let all = net.world.node(node).control(|stack, ctx| stack.limits(ctx));
    let one = all.into_iter().find(|bound| bound.name == name && bound.interface == on).unwrap();
    (one.limit, one.used, one.highest, one.refused)
}

#[test]
fn t11_a_flood_of_forged_strangers_pushes_out_forged_strangers_6583_1() {
    let mut small = spec("host");
    (small.neighbors.entries, small.neighbors.resolving) = (16, 4);
    let (mut net, host, link, id) = Net::host(small);
    let mac = net.mac(host, id);
    // Six that have answered once and are idle since; they are older than everybody else.
    (10..16).for_each(|n| confirm(&mut net, link, host, mac, n));
    net.run(secs(60));
    assert_eq!(states(&net, host), BTreeMap::from([(NudState::Stale, 6)]));
    (0x100..0x200).for_each(|n| appear(&mut net, link, 0, mac, n));
    assert!((10..16).all(|n| net.neighbor(host, v6(n)).is_some()), "those that answered are there");
    assert_eq!(net.neighbors(host), 16);
    let newest: Vec<_> = (0x200 - 10..0x200).filter(|n| net.neighbor(host, v6(*n)).is_some()).collect();
    assert_eq!(newest.len(), 10, "the longest idle went, one for each newcomer");
    // A quarter is kept for those that confirm their address, also when nobody has yet.
    let (most, used, highest, _) = bound(&net, host, "neighbors-unconfirmed", id);
    assert_eq!((most, used, highest), (12, 10, Some(10)));
}

#[test]
fn t11_strangers_that_make_themselves_busy_leave_room_for_those_that_answer_6583_1() {
    let mut small = spec("host");
    (small.neighbors.entries, small.neighbors.resolving) = (16, 128);
    let (mut net, host, link, id) = Net::host(small);
    let mac = net.mac(host, id);
    // Each asks, and then has us send something to it: DELAY, and PROBE, which nobody may push out.
    for n in 0x100..0x140 {
        appear(&mut net, link, 0, mac, n);
        net.hear(link, &frame6(mac, &echo(v6(n), HOST, 1)));
    }
    assert_eq!(states(&net, host)[&NudState::Delay], 12, "three quarters");
    confirm(&mut net, link, host, mac, 10);
    assert_eq!(net.neighbor(host, v6(10)), Some((NudState::Reachable, Some(mac_of(10)))));
    let (.., refused) = bound(&net, host, "neighbors-unconfirmed", id);
    assert_eq!(refused, net.dropped(host, Cause::TableFull));
    assert_eq!(refused, 0x40 - 12);
}

#[test]
fn t3_what_resolves_in_a_full_table_takes_the_place_of_the_longest_idle() {
    let mut small = spec("host");
    (small.neighbors.entries, small.neighbors.resolving) = (4, 2);
    let (mut net, host, link, id) = Net::host(small);
    let mac = net.mac(host, id);
    (10..14).for_each(|n| confirm(&mut net, link, host, mac, n));
    net.ping_once(host, v6(20));
    assert_eq!(net.neighbors(host), 4, "all are busy: nobody could make room when it is resolved");
    assert_eq!(net.dropped(host, Cause::TableFull), 1);
    net.run(secs(31));
    net.ping_once(host, v6(20));
    assert_eq!(net.neighbors(host), 5, "being resolved takes nobody's place");
    net.hear(link, &frame6(mac, &answer(v6(20), HOST, mac_of(20))));
    assert_eq!((net.neighbors(host), net.neighbor(host, v6(10))), (4, None));
    assert_eq!(net.transitions(host, v6(10)).last().unwrap(), "STALE -> none");
    assert_eq!(net.requests(v6(20)).len(), 1);
}

#[test]
fn an_attack_on_one_link_leaves_the_other_its_part_6583_2_9099_1() {
    let mut small = spec("router");
    small.neighbor_totals = Some(NeighborTotals { entries: 12, resolving: 10, held: 9, assured: 5 });
    let (mut net, node, [a, b], [ida, idb]) = Net::router(small);
    let (mac_a, mac_b) = (net.mac(node, ida), net.mac(node, idb));
    let known = |net: &Net, id| table(net, node).iter().filter(|one| one.interface == id).count();
    (0x100..0x140).for_each(|n| appear(&mut net, a, 0, mac_a, n));
    assert_eq!((known(&net, ida), known(&net, idb)), (12, 0));
    (0x100..0x140).for_each(|n| appear(&mut net, b, 1, mac_b, n));
    assert_eq!((known(&net, ida), known(&net, idb)), (12, 5), "what is assured, over the total");
    assert_eq!(bound(&net, node, "neighbors", IfId::NONE).1, 17);
    // The same for those that are being resolved.
    (0x200..0x240).for_each(|n| net.ping_once(node, v6(n)));
    (0x200..0x240).for_each(|n| net.ping_once(node, on_link(1, n)));
    assert_eq!((known(&net, ida), known(&net, idb)), (12 + 10, 5 + 5));
    assert_eq!(net.dropped(node, Cause::TableTotal), 0x40 - 10 + 0x40 - 5);
    let (most, used, _, refused) = bound(&net, node, "neighbors-resolving", IfId::NONE);
    assert_eq!((most, used, refused), (10, 15, net.dropped(node, Cause::TableTotal)));
}

#[test]
fn each_neighbor_holds_a_packet_and_more_while_there_is_room_4861_26_9099_1() {
    let mut small = spec("host");
    small.neighbor_totals = Some(NeighborTotals { entries: 100, resolving: 100, held: 5, assured: 5 });
    small.neighbors.held = 4;
    let (mut net, host, link, id) = Net::host(small);
    let mac = net.mac(host, id);
    let ping = net.open(host);
    for n in 10..16 {
        for seq in 0..4 {
            net.ping(host, &ping, v6(n), seq).unwrap();
            net.run(Duration::ZERO);
        }
    }
    // Three behind the first for one neighbour, two for the next, and then the newest alone for each.
    assert_eq!(net.dropped(host, Cause::HoldTotal), 24 - 6 - 5);
    assert_eq!(bound(&net, host, "packets-held-behind-others", IfId::NONE), (5, 5, Some(5), 13));
    (10..16).for_each(|n| net.hear(link, &frame6(mac, &answer(v6(n), HOST, mac_of(n)))));
    let came = |n| net.requests(v6(n)).into_iter().map(|(seq, _)| seq).collect::<Vec<_>>();
    assert_eq!([came(10), came(11), came(12)], [vec![0, 1, 2, 3], vec![1, 2, 3], vec![3]]);
    assert_eq!(bound(&net, host, "packets-held-behind-others", IfId::NONE).1, 0);
}

#[test]
fn who_is_idle_for_long_is_forgotten_and_told() {
    let mut tidy = spec("host");
    tidy.neighbors.gc_stale_time = Some(secs(100));
    let (mut net, host, link, id) = Net::host(tidy);
    let mac = net.mac(host, id);
    appear(&mut net, link, 0, mac, 10);
    net.run(secs(50));
    confirm(&mut net, link, host, mac, 11);
    appear(&mut net, link, 0, mac, 12);
    net.world
        .node(host)
        .control(|stack, ctx| stack.add_neighbor(ctx, id, v6(13).into(), mac_of(13)))
        .unwrap();
    net.run(ms(49_999));
    assert_eq!(net.neighbors(host), 4);
    net.run(ms(1));
    assert_eq!(net.transitions(host, v6(10)), ["none -> STALE", "STALE -> none"]);
    net.run(ms(49_999));
    assert!(net.neighbor(host, v6(12)).is_some());
    net.run(ms(1));
    assert!(net.neighbor(host, v6(12)).is_none());
    // It was reachable for thirty seconds, and so idle only after them.
    net.run(ms(29_999));
    assert!(net.neighbor(host, v6(11)).is_some());
    net.run(ms(1));
    assert_eq!(net.neighbors(host), 1, "what was configured by hand stays");
    // The operator's change takes effect at once, and as often as one likes.
    (20..25).for_each(|n| appear(&mut net, link, 0, mac, n));
    net.run(secs(10));
    let mut limits = siding_stack::NeighborLimits { gc_stale_time: None, ..Default::default() };
    let set = |net: &Net, limits| {
        net.world.node(host).control(|stack, ctx| stack.set_neighbor_limits(ctx, id, limits)).unwrap();
    };
    set(&net, limits);
    net.run(secs(3600));
    assert_eq!(net.neighbors(host), 6, "never");
    limits.gc_stale_time = Some(secs(7200));
    (0..3).for_each(|_| set(&net, limits));
    limits.gc_stale_time = Some(secs(4000));
    (0..3).for_each(|_| set(&net, limits));
    net.run(secs(389));
    assert_eq!(net.neighbors(host), 6);
    net.run(secs(1));
    assert_eq!(net.neighbors(host), 1);
}

#[test]
fn t17_loss_of_the_link_forgets_what_was_learned_if_it_is_to() {
    for forget in [true, false] {
        let mut plain = spec("host");
        plain.neighbors.forget_on_link_loss = forget;
        let (mut net, host, link, id) = Net::host(plain);
        let mac = net.mac(host, id);
        confirm(&mut net, link, host, mac, 10);
        appear(&mut net, link, 0, mac, 11);
        net.ping_once(host, v6(12));
        let add = |net: &Net| {
            net.world.node(host).control(|stack, ctx| stack.add_neighbor(ctx, id, v6(13).into(), mac_of(13)))
        };
        add(&net).unwrap();
        let link_is = |net: &mut Net, up| {
            net.world.node(host).control(|stack, ctx| stack.set_link(ctx, id, up)).unwrap();
            net.run(Duration::ZERO);
        };
        link_is(&mut net, true);
        assert_eq!(net.neighbors(host), 4, "no news");
        link_is(&mut net, false);
        if !forget {
            assert_eq!(net.neighbors(host), 4);
            continue;
        }
        let left: Vec<_> = table(&net, host).iter().map(|one| one.addr).collect();
        assert_eq!(left, [std::net::IpAddr::V6(v6(13))], "what was configured by hand stays");
        assert_eq!(net.transitions(host, v6(10)).last().unwrap(), "REACHABLE -> none");
        assert_eq!(net.dropped(host, Cause::Unresolved), 1, "what waited is counted");
        link_is(&mut net, true);
        net.rewind();
        net.ping_once(host, v6(10));
        assert_eq!(net.solicits_for(v6(10)).len(), 1, "who comes back is asked for anew");
    }
}

#[test]
fn the_table_can_be_exported_with_its_ages_9099_1() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    confirm(&mut net, link, host, mac, 10);
    net.run(secs(20));
    net.hear(link, &frame6(mac, &answer(v6(10), HOST, mac_of(10))));
    appear(&mut net, link, 0, mac, 11);
    net.run(secs(35));
    let [ten, eleven] = table(&net, host)[..] else { panic!("two") };
    assert_eq!((ten.state, ten.age, ten.in_state), (NudState::Stale, secs(55), secs(5)));
    assert_eq!(ten.confirmed, Some(secs(35)));
    assert_eq!((eleven.state, eleven.age, eleven.in_state), (NudState::Stale, secs(35), secs(35)));
    assert_eq!(eleven.confirmed, None);
}

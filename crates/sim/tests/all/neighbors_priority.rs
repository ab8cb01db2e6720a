//! Who is served first when there is not enough for all (RFC 6583 s7.1): answers for our own addresses, probes, our own
//! packets, packets of others.

use std::time::Duration;

use siding_netisr::IfId;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_sim::NodeSpec;
use siding_stack::drops::DropReason as Cause;
use siding_stack::nd6::nud::NudState;
use siding_wire::nd::NeighborSolicit;

use crate::common::*;

/// A router with a token bucket of 16: 14 for its own packets, 7 of them for those of others.
fn frugal() -> NodeSpec {
    let mut spec = spec("router");
    (spec.neighbors.solicit_burst, spec.neighbors.solicit_rate) = (16, 1);
    spec.neighbors.forwarded = 50;
    spec
}

/// Packets from a host on the first link, one to each of so many addresses on the second that nobody has.
fn scan(net: &mut Net, links: [LinkId; 2], router: NodeId, ids: [IfId; 2], first: u16, count: u16) {
    let mac = net.mac(router, ids[0]);
    for n in first..first + count {
        net.hear(links[0], &frame6(mac, &echo(PEER, on_link(1, n), 1)));
    }
}

/// Entries on one interface. (Whoever is told that a neighbour does not answer is a neighbour on the other.)
fn entries(net: &Net, node: NodeId, on: IfId) -> usize {
    let all = net.world.node(node).control(|stack, ctx| stack.neighbors(ctx));
    all.into_iter().filter(|one| one.interface == on).count()
}

fn asked(net: &Net) -> usize {
    net.solicits().len()
}

#[test]
fn others_packets_leave_solicitations_to_ours_and_both_to_probes_6583_1() {
    let (mut net, router, links, ids) = Net::router(frugal());
    let mac = net.mac(router, ids[1]);
    // A neighbour whose probe will be due in five seconds, by when five tokens have been earned.
    let peer = on_link(1, 0x99);
    let ns = solicit(peer, on_link(1, 1), &NeighborSolicit::new(on_link(1, 1), PEER_MAC));
    net.hear(links[1], &frame6(mac, &ns));
    net.ping_once(router, peer);
    net.rewind();
    scan(&mut net, links, router, ids, 0x100, 100);
    assert_eq!(asked(&net), 7);
    assert_eq!(net.dropped(router, Cause::SolicitLimited), 93, "no entry without a question");
    assert_eq!(entries(&net, router, ids[1]), 8);
    // Ours still may, until two are left.
    (0x200..0x220).for_each(|n| net.ping_once(router, on_link(1, n)));
    assert_eq!(asked(&net), 14);
    // They keep pressing: what is earned is spent at once, but the last two are for probes.
    for tick in 0..60 {
        scan(&mut net, links, router, ids, 0x1000 + tick * 8, 8);
        (0..8).for_each(|n| net.ping_once(router, on_link(1, 0x3000 + tick * 8 + n)));
        net.run(ms(100));
    }
    assert_eq!(net.solicits_for(peer)[0].at, secs(5), "the probe left in its time");
    // Answers for our own address need none.
    let before = net.adverts().len();
    for n in 0..50 {
        let from = on_link(1, 0x700 + n);
        let ns = solicit(from, on_link(1, 1), &NeighborSolicit::new(on_link(1, 1), PEER_MAC));
        net.hear(links[1], &frame6(mac, &ns));
    }
    assert_eq!(net.adverts().len() - before, 50);
}

#[test]
fn what_others_want_resolved_has_a_part_of_the_pool_6583_1() {
    let mut small = spec("router");
    (small.neighbors.resolving, small.neighbors.forwarded) = (8, 50);
    let (mut net, router, links, ids) = Net::router(small);
    scan(&mut net, links, router, ids, 0x100, 50);
    assert_eq!((entries(&net, router, ids[1]), net.dropped(router, Cause::ResolvingFull)), (4, 46));
    (0x200..0x210).for_each(|n| net.ping_once(router, on_link(1, n)));
    assert_eq!(entries(&net, router, ids[1]), 8);
    assert_eq!(net.solicits().len(), 8);
    // What we want too is ours from then on, and makes room for one of others'.
    net.run(secs(4));
    assert_eq!(entries(&net, router, ids[1]), 0);
    scan(&mut net, links, router, ids, 0x100, 50);
    net.ping_once(router, on_link(1, 0x100));
    scan(&mut net, links, router, ids, 0x300, 50);
    assert_eq!(entries(&net, router, ids[1]), 5);
    assert!(net.neighbor(router, on_link(1, 0x300)).is_some());
}

#[test]
fn what_nobody_answers_for_ends_in_its_time_also_behind_the_limit_6583_1() {
    let (mut net, router, links, ids) = Net::router(frugal());
    scan(&mut net, links, router, ids, 0x100, 20);
    assert_eq!(entries(&net, router, ids[1]), 7);
    // Repetitions that may not be sent count as sent.
    net.run(ms(2999));
    assert_eq!((entries(&net, router, ids[1]), asked(&net) < 12), (7, true));
    net.run(ms(1));
    assert_eq!(entries(&net, router, ids[1]), 0);
    // Ours wait for a token instead: three questions are asked whatever it takes.
    let own = on_link(1, 0x500);
    (0..14).for_each(|n| net.ping_once(router, on_link(1, 0x500 + n)));
    net.rewind();
    net.run(secs(60));
    assert!(net.solicits_for(own).len() >= 2, "{}", net.solicits_for(own).len());
    assert_eq!(net.neighbor(router, own), None);
}

#[test]
fn a_probe_that_may_not_be_sent_yet_condemns_nobody_6583_1_4861_35() {
    let mut tight = spec("host");
    (tight.neighbors.solicit_burst, tight.neighbors.solicit_rate) = (1, 1);
    tight.nud.retrans_timer = ms(10);
    let (mut net, host, link, id) = Net::host(tight);
    let mac = net.mac(host, id);
    for n in [10, 11, 12] {
        let ns = solicit(v6(n), HOST, &NeighborSolicit::new(HOST, PEER_MAC));
        net.hear(link, &frame6(mac, &ns));
        net.ping_once(host, v6(n));
    }
    // Three probes for each of three, one a second: nobody is given up before it was asked three times.
    net.run(secs(60));
    for n in [10, 11, 12] {
        assert_eq!(net.solicits_for(v6(n)).len(), 3);
        assert_eq!(net.transitions(host, v6(n)).last().unwrap(), "PROBE -> none");
    }
    let times: Vec<Duration> = net.solicits().iter().map(|ns| ns.at).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= secs(1)), "{times:?}");
    assert_eq!(net.neighbor(host, v6(10)).map(|(state, _)| state), None::<NudState>);
}

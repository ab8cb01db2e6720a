//! The neighbour table's bounds, and how its entries age.

use std::collections::BTreeMap;
use std::time::Duration;

use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_stack::nd6::nud::Backoff;
use siding_stack::nd6::nud::NudState;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::nd::NeighborSolicit;

use crate::common::*;

/// A stranger's link-layer address.
fn mac_of(host: u16) -> Mac {
    let [a, b] = host.to_be_bytes();
    Mac([2, 0xee, 1, 0, a, b])
}

/// The stranger asks for the host's address, and so becomes known.
fn appear(net: &mut Net, link: LinkId, host_mac: Mac, stranger: u16) {
    let ns = solicit(v6(stranger), HOST, &NeighborSolicit::new(HOST, mac_of(stranger)));
    net.hear(link, &frame6(host_mac, &ns));
}

fn states(net: &Net, node: NodeId) -> BTreeMap<NudState, usize> {
    let mut all = BTreeMap::new();
    for one in net.world.node(node).control(|stack, ctx| stack.neighbors(ctx)) {
        *all.entry(one.state).or_default() += 1;
    }
    all
}

#[test]
fn t3_a_newcomer_takes_the_place_of_the_longest_idle_and_both_are_told() {
    let mut small = spec("host");
    // A quarter is kept for those that confirm their address: four of five for these.
    (small.neighbors.entries, small.neighbors.resolving) = (5, 2);
    let (mut net, host, link, id) = Net::host(small);
    let mac = net.mac(host, id);
    (10..14).for_each(|stranger| appear(&mut net, link, mac, stranger));
    assert_eq!(states(&net, host), BTreeMap::from([(NudState::Stale, 4)]));
    appear(&mut net, link, mac, 14);
    assert_eq!(net.neighbor(host, v6(14)), Some((NudState::Stale, Some(mac_of(14)))));
    assert_eq!(net.neighbors(host), 4);
    assert!((11..14).all(|stranger| net.neighbor(host, v6(stranger)).is_some()));
    assert_eq!(net.transitions(host, v6(10)), ["none -> STALE", "STALE -> none"]);
    assert_eq!(net.transitions(host, v6(14)), ["none -> STALE"]);
}

#[test]
fn t3_t11_busy_entries_are_kept_and_the_newcomer_is_refused() {
    let mut small = spec("host");
    (small.neighbors.entries, small.neighbors.resolving) = (3, 2);
    let (mut net, host, link, id) = Net::host(small);
    let mac = net.mac(host, id);
    // REACHABLE, DELAY and INCOMPLETE: in use, all of them.
    net.ping_once(host, v6(12));
    net.ping_once(host, v6(10));
    net.hear(link, &frame6(mac, &answer(v6(10), HOST, mac_of(10))));
    for stranger in [11, 15] {
        appear(&mut net, link, mac, stranger);
        net.ping_once(host, v6(stranger));
    }
    let busy = [(NudState::Incomplete, 1), (NudState::Reachable, 1), (NudState::Delay, 2)];
    assert_eq!(states(&net, host), BTreeMap::from(busy));
    net.rewind();
    net.ping_once(host, v6(13));
    appear(&mut net, link, mac, 14);
    assert_eq!(states(&net, host), BTreeMap::from(busy));
    assert_eq!(net.dropped(host, Cause::TableFull), 2);
    assert_eq!(net.solicits().len(), 0, "nobody is asked for whom there is no room");
    assert_eq!(net.adverts().len(), 1, "who asks is answered, known or not");
    assert_eq!(net.events(host, v6(13)).len() + net.events(host, v6(14)).len(), 0);
}

#[test]
fn t11_entries_by_hand_do_not_count() {
    let mut small = spec("host");
    (small.neighbors.entries, small.neighbors.resolving) = (2, 2);
    let (mut net, host, link, id) = Net::host(small);
    let mac = net.mac(host, id);
    let add = |net: &Net, n: u16| {
        net.world.node(host).control(|stack, ctx| stack.add_neighbor(ctx, id, v6(n).into(), mac_of(n)))
    };
    (20..25).for_each(|n| add(&net, n).unwrap());
    (10..12).for_each(|stranger| appear(&mut net, link, mac, stranger));
    assert_eq!((net.neighbors(host), net.dropped(host, Cause::TableFull)), (7, 0));
    // Full of what was learned, it still takes what comes by hand, and evicts nothing by hand.
    add(&net, 25).unwrap();
    (12..20).for_each(|stranger| appear(&mut net, link, mac, stranger));
    assert_eq!(net.neighbors(host), 8);
    assert!((20..26).all(|n| net.neighbor(host, v6(n)).is_some()));
    // Those that go make no room twice.
    net.world.node(host).control(|stack, ctx| stack.flush_neighbors(ctx, id, |_| true));
    (10..20).for_each(|stranger| appear(&mut net, link, mac, stranger));
    assert_eq!(net.neighbors(host), 2);
}

#[test]
fn a_scan_cannot_push_out_what_works_6583_1() {
    let mut small = spec("host");
    (small.neighbors.entries, small.neighbors.resolving) = (20, 8);
    let (mut net, host, link, id) = Net::host(small);
    let mac = net.mac(host, id);
    for n in 10..20 {
        net.ping_once(host, v6(n));
        net.hear(link, &frame6(mac, &answer(v6(n), HOST, mac_of(n))));
    }
    (0x100..0x200).for_each(|n| net.ping_once(host, v6(n)));
    let expected = [(NudState::Incomplete, 8), (NudState::Reachable, 10)];
    assert_eq!(states(&net, host), BTreeMap::from(expected));
    assert_eq!(net.dropped(host, Cause::ResolvingFull), 256 - 8);
    // When the scan's entries have failed, others may be resolved again.
    net.run(secs(4));
    net.ping_once(host, v6(0x300));
    assert_eq!(net.neighbor(host, v6(0x300)), Some((NudState::Incomplete, None)));
}

#[test]
fn t3_ageing_sends_three_probes_then_removes_and_tells_each_step_4861_35() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    for n in [10, 11] {
        net.ping_once(host, v6(n));
        net.hear(link, &frame6(mac, &answer(v6(n), HOST, mac_of(n))));
    }
    net.run(secs(30));
    assert_eq!(states(&net, host), BTreeMap::from([(NudState::Stale, 2)]));
    net.run(secs(1000));
    assert_eq!(states(&net, host), BTreeMap::from([(NudState::Stale, 2)]), "who is not used is not probed");
    net.rewind();
    let start = net.now();
    (10..12).for_each(|n| net.ping_once(host, v6(n)));
    net.run(secs(9));
    for n in [10, 11] {
        assert_eq!(net.requests(v6(n)).len(), 1, "while it is probed, data flows");
        let probes = net.solicits_for(v6(n));
        let times: Vec<_> = probes.iter().map(|ns| ns.at - start).collect();
        assert_eq!(times, [secs(5), secs(6), secs(7)]);
        assert!(probes.iter().all(|ns| ns.ether.dst == mac_of(n) && ns.ip.dst == v6(n)));
        let steps = [
            "none -> INCOMPLETE",
            "INCOMPLETE -> REACHABLE",
            "REACHABLE -> STALE",
            "STALE -> DELAY",
            "DELAY -> PROBE",
            "PROBE -> none",
        ];
        assert_eq!(net.transitions(host, v6(n)), steps);
        assert_eq!(net.neighbor(host, v6(n)), None);
    }
}

#[test]
fn a_probe_that_is_answered_keeps_the_neighbor_4861_34() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    appear(&mut net, link, mac, 10);
    net.ping_once(host, v6(10));
    net.run(ms(5500));
    assert_eq!(net.neighbor(host, v6(10)).unwrap().0, NudState::Probe);
    // An unsolicited one confirms nothing; the answer does.
    let mut told = frame6(mac, &answer(v6(10), HOST, mac_of(10)));
    let solicited = told.clone();
    let unsolicited = siding_wire::nd::NeighborAdvert {
        router: false,
        solicited: false,
        override_: false,
        target: v6(10),
        tlla: Some(mac_of(10)),
    };
    told.truncate(0);
    told.extend(frame6(mac, &advert(v6(10), HOST, &unsolicited)));
    net.hear(link, &told);
    assert_eq!(net.neighbor(host, v6(10)).unwrap().0, NudState::Probe);
    net.hear(link, &solicited);
    assert_eq!(net.neighbor(host, v6(10)).unwrap().0, NudState::Reachable);
    net.run(secs(10));
    assert_eq!(net.solicits_for(v6(10)).len(), 1);
}

#[test]
fn a_patient_host_keeps_a_silent_neighbor_and_asks_ever_more_slowly_7048_1() {
    let mut patient = spec("host");
    patient.nud.unreachable = Some(Backoff::default());
    let (mut net, host, link, id) = Net::host(patient);
    let mac = net.mac(host, id);
    appear(&mut net, link, mac, 10);
    // Use goes on all the time.
    let ping = net.open(host);
    for seq in 0..60 {
        net.ping(host, &ping, v6(10), seq).unwrap();
        net.run(secs(1));
    }
    let asked: Vec<_> = net.solicits_for(v6(10)).iter().map(|ns| ns.at.as_secs()).collect();
    assert_eq!(asked, [5, 6, 9, 18, 45], "RFC 7048 s4: 0, 1, 4, 13 and 40 s after the first");
    assert_eq!(net.requests(v6(10)).len(), 60, "data flows to the cached address");
    assert!(net.requests(v6(10)).iter().all(|(_, mac)| *mac == mac_of(10)));
    assert_eq!(net.neighbor(host, v6(10)), Some((NudState::Unreachable, Some(mac_of(10)))));
    assert!(net.solicits_for(v6(10))[3].ether.dst.is_multicast(), "it may have another address by now");
    net.hear(link, &frame6(mac, &answer(v6(10), HOST, OTHER_MAC)));
    assert_eq!(net.neighbor(host, v6(10)), Some((NudState::Reachable, Some(OTHER_MAC))));
}

#[test]
fn t4_messages_are_counted_by_interface_kind_and_direction() {
    let (mut net, host, [a, _], [id, idle]) = Net::router(without_mld("router"));
    net.add_address(host, id, v4(1), false);
    net.run(Duration::ZERO);
    let mac = net.mac(host, id);
    let kinds = [
        IfCounter::NsIn,
        IfCounter::NsOut,
        IfCounter::NaIn,
        IfCounter::NaOut,
        IfCounter::RsIn,
        IfCounter::RaIn,
        IfCounter::ArpRequestIn,
        IfCounter::ArpRequestOut,
        IfCounter::ArpReplyIn,
        IfCounter::ArpReplyOut,
    ];
    let counts = |net: &Net, id| kinds.map(|kind| net.counter(host, id, kind));
    assert_eq!(counts(&net, id), [0; 10]);
    appear(&mut net, a, mac, 10);
    assert_eq!(counts(&net, id), [1, 0, 0, 1, 0, 0, 0, 0, 0, 0], "asked and answered");
    net.ping_once(host, v6(20));
    net.hear(a, &frame6(mac, &answer(v6(20), HOST, mac_of(20))));
    assert_eq!(counts(&net, id), [1, 1, 1, 1, 0, 0, 0, 0, 0, 0], "asked for and told");
    net.ping_once(host, v4(2));
    let request = siding_wire::arp::ArpRepr::request(PEER_MAC, v4(9), v4(1));
    let ours = siding_wire::arp::ArpRepr::request(mac, v4(1), v4(2));
    net.hear(a, &frame(mac, siding_wire::EtherType::ARP, &request.to_bytes()));
    net.hear(a, &frame(mac, siding_wire::EtherType::ARP, &ours.reply(OTHER_MAC).to_bytes()));
    assert_eq!(counts(&net, id), [1, 1, 1, 1, 0, 0, 1, 1, 1, 1]);
    // A message that fails validation is none; those of one interface are not another's.
    let mut bad = solicit(v6(10), HOST, &NeighborSolicit::new(HOST, mac_of(10)));
    bad[7] = 254;
    net.hear(a, &frame6(mac, &bad));
    assert_eq!(counts(&net, id)[0], 1);
    assert_eq!(counts(&net, idle), [0; 10]);
    let (rx, tx) = (net.counter(host, id, IfCounter::RxPackets), net.counter(host, id, IfCounter::TxPackets));
    assert_eq!((rx, tx), (5, net.frames().len() as u64));
    let bytes: usize = net.frames().iter().map(|frame| frame.bytes.len()).sum();
    assert_eq!(net.counter(host, id, IfCounter::TxBytes), bytes as u64);
    assert!(net.frames().iter().all(|frame| Ether::parse(&frame.bytes).unwrap().0.src == mac));
}

/// Whatever happens, what is told of a neighbour is one unbroken story.
#[test]
fn events_of_a_neighbor_follow_on_each_other() {
    for seed in 0..200 {
        let Ok(run) = siding_sim::run_seed(seed) else { panic!("seed {seed}") };
        let mut told: BTreeMap<(String, String), String> = BTreeMap::new();
        for line in &run.log {
            // "<when> <node>: neighbor <addr> ...: <from> -> <to>"
            let words: Vec<_> = line.split(' ').collect();
            let Some(at) = words.iter().position(|word| *word == "neighbor") else { continue };
            let [.., from, "->", to] = words[..] else { panic!("{line}") };
            // Link-local addresses live on each interface, and an interface takes its neighbours with it untold.
            if words[at + 1].starts_with("fe80") {
                continue;
            }
            let key = (words[at - 1].to_string(), words[at + 1].trim_end_matches(':').to_string());
            let before = told.insert(key, to.to_string());
            let before = before.unwrap_or("none".to_string());
            assert!(before == from || from == "none", "seed {seed}: was {before}, but: {line}");
        }
    }
}

//! Addresses are tested on links that are there, and again on those that come back.

use siding_netisr::IfId;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::Unfit;
use siding_stack::ifnet::Use;
use siding_stack::nd6::dad::DadState;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::arp::ArpRepr;
use siding_wire::ip6;
use siding_wire::nd::NeighborAdvert;

use super::util::*;
use crate::common::*;

const TENTATIVE: [DadState; 2] = [DadState::Tentative; 2];
const PREFERRED: [DadState; 2] = [DadState::Preferred; 2];

/// Somebody else says that [`OWN6`] and [`OWN4`] are its.
fn claim(bench: &mut Bench) {
    let to = ip6::ALL_NODES;
    let target = OWN6;
    let message =
        NeighborAdvert { router: false, solicited: false, override_: true, target, tlla: Some(PEER_MAC) };
    let link = bench.links[0];
    bench.net.hear(link, &frame6(siding_wire::ether::multicast_mac(to), &advert(target, to, &message)));
    let arp = ArpRepr::announcement(PEER_MAC, OWN4);
    bench.net.hear(link, &frame(Mac::BROADCAST, EtherType::ARP, &arp.to_bytes()));
}

/// On `on`, which has no link while `device` has none.
fn waits_for_the_link(mut bench: Bench, on: IfId, device: IfId) {
    bench.link(device, false);
    bench.addresses(on);
    bench.net.run(secs(20));
    assert_eq!((bench.has_link(on), bench.states(on), bench.asked()), (false, TENTATIVE, [0, 0]));
    bench.link(device, true);
    bench.net.run(ms(999));
    assert_eq!((bench.has_link(on), bench.states(on)), (true, TENTATIVE));
    bench.net.run(secs(20));
    assert_eq!((bench.states(on), bench.asked()), (PREFERRED, [1, 3]));
    // It goes and comes back: it may be another.
    bench.net.rewind();
    bench.link(device, false);
    bench.net.run(secs(3));
    assert_eq!(bench.asked(), [0, 0]);
    bench.link(device, true);
    assert_eq!(bench.states(on), TENTATIVE);
    bench.net.run(secs(20));
    assert_eq!((bench.states(on), bench.asked()), (PREFERRED, [1, 3]));
    // The same when what lies below is taken down and up.
    bench.net.rewind();
    bench.up(device, false);
    assert!(!bench.net.world.node(bench.node).stack.config().interface(on).unwrap().is_fit(Use::Ip6));
    bench.up(device, true);
    bench.net.run(secs(20));
    assert_eq!((bench.states(on), bench.asked()), (PREFERRED, [1, 3]));
}

#[test]
fn a_link_that_was_away_for_a_moment_costs_no_address() {
    let both = [DadState::Duplicate; 2];
    for nesting in 0..3 {
        let mut bench = Bench::new(detecting(), 1);
        let device = bench.devices[0];
        let on = match nesting {
            0 => device,
            1 => bench.vlan(device, 5),
            _ => bench.lagg(&[device]),
        };
        bench.addresses(on);
        bench.net.run(secs(20));
        // In use all the while, and tested all the same; also when it flaps while that goes on.
        for away in [0, 1, 100, 200] {
            bench.net.rewind();
            bench.link(device, false);
            assert!(!bench.has_link(on));
            bench.net.run(ms(away));
            bench.link(device, true);
            assert_eq!(bench.states(on), PREFERRED, "{away}");
            bench.net.run(ms(300));
            assert_eq!(bench.states(on), PREFERRED, "{away}");
        }
        bench.net.run(secs(20));
        assert_eq!((bench.states(on), bench.asked()), (PREFERRED, [1, 3]));
        // What is away for longer may be another link, and so may a device that is made anew.
        bench.link(device, false);
        bench.net.run(ms(201));
        bench.link(device, true);
        assert_eq!(bench.states(on), TENTATIVE);
        bench.net.run(secs(20));
        bench.up(device, false);
        bench.up(device, true);
        assert_eq!(bench.states(on), TENTATIVE, "an operator's wish");
        bench.net.run(secs(20));
        assert_eq!(bench.states(on), PREFERRED);
        // Somebody has them all the same: they are given up, as if they had not been in use.
        bench.link(device, false);
        bench.link(device, true);
        bench.net.run(ms(500));
        assert_eq!(bench.states(on), PREFERRED);
        if nesting == 1 {
            continue; // What is heard would need a tag.
        }
        claim(&mut bench);
        assert_eq!(bench.states(on), both);
        // A duplicate is no more in use after a flap than before; it is tested again.
        bench.link(device, false);
        bench.link(device, true);
        assert_eq!(bench.states(on), TENTATIVE);
    }
}

#[test]
fn nothing_is_unique_on_a_link_that_is_not_there_4862_3_5227_1() {
    let bench = Bench::new(detecting(), 1);
    let device = bench.devices[0];
    waits_for_the_link(bench, device, device);
}

#[test]
fn the_link_of_a_vlan_is_that_of_what_lies_below() {
    let bench = Bench::new(detecting(), 1);
    let device = bench.devices[0];
    let outer = bench.vlan(device, 5);
    let inner = bench.vlan(outer, 6);
    waits_for_the_link(bench, inner, device);
}

#[test]
fn the_link_of_a_lagg_on_vlans_and_of_vlans_on_it_is_that_of_the_device() {
    let bench = Bench::new(detecting(), 1);
    let device = bench.devices[0];
    let port = bench.vlan(device, 5);
    let lagg = bench.lagg(&[port]);
    let on_it = bench.vlan(lagg, 6);
    waits_for_the_link(bench, on_it, device);
}

#[test]
fn a_lagg_that_keeps_a_link_asks_nobody_again() {
    let mut bench = Bench::new(detecting(), 2);
    let [one, two] = bench.devices[..] else { panic!() };
    let lagg = bench.lagg(&[one, two]);
    bench.addresses(lagg);
    bench.net.run(secs(20));
    assert_eq!(bench.states(lagg), PREFERRED);
    bench.net.rewind();
    for (id, there) in [(one, false), (one, true), (two, false), (one, true), (two, true)] {
        bench.link(id, there);
        bench.net.run(secs(5));
        assert_eq!((bench.states(lagg), bench.asked()), (PREFERRED, [0, 0]));
    }
}

#[test]
fn a_duplicate_is_tried_again_after_a_while_on_another_link_and_on_request_4862_6() {
    for how in ["later", "link", "restart", "request"] {
        let mut bench = Bench::new(detecting(), 1);
        let on = bench.devices[0];
        bench.addresses(on);
        bench.net.run(ms(500));
        claim(&mut bench);
        bench.net.run(secs(200));
        assert_eq!(bench.states(on), [DadState::Duplicate; 2]);
        bench.net.rewind();
        match how {
            "later" => {
                bench.net.run(secs(99));
                assert_eq!(bench.asked(), [0, 0], "not before five minutes are over");
                bench.net.run(secs(2));
            }
            "link" => {
                bench.link(on, false);
                bench.link(on, true);
            }
            "request" => {
                let retry = |meant: fn(std::net::IpAddr) -> bool| {
                    bench.control(|stack, ctx| stack.retry_duplicates(ctx, |_, addr| meant(addr)))
                };
                assert_eq!(retry(|addr| addr == PEER), 0, "no address of ours");
                assert_eq!(retry(|addr| addr == OWN6), 1);
                assert_eq!(bench.states(on), [DadState::Tentative, DadState::Duplicate]);
                assert_eq!(
                    (retry(|_| true), retry(|_| true)),
                    (1, 0),
                    "the other one, and then none is left"
                );
            }
            _ => bench.control(|stack, ctx| stack.restart(ctx, on)).unwrap(),
        }
        bench.net.run(secs(20));
        assert_eq!((bench.states(on), bench.asked()), (PREFERRED, [1, 3]), "{how}");
    }
}

#[test]
fn a_duplicate_that_stays_one_is_asked_for_again_and_again_but_never_used() {
    let mut spec = detecting();
    (spec.dad.duplicate_retry, spec.acd.duplicate_retry) = (Some(secs(60)), None);
    let mut bench = Bench::new(spec, 1);
    let on = bench.devices[0];
    bench.addresses(on);
    for _ in 0..4 {
        bench.net.run(ms(500));
        claim(&mut bench);
        bench.net.run(ms(59_500));
    }
    assert_eq!(bench.states(on)[1], DadState::Duplicate);
    assert_eq!(bench.asked(), [4, 0], "the other family never again, as configured");
    let told = bench.net.events(bench.node, OWN6);
    assert!(told.iter().all(|line| !line.contains("preferred")), "{told:?}");
}

/// Somebody else has the MAC of the interface.
pub(crate) fn steal(bench: &mut Bench, on: IfId) -> std::net::Ipv6Addr {
    let mac = bench.net.world.node(bench.node).stack.config().interface(on).unwrap().mac;
    let own = ip6::eui64_link_local(mac);
    let to = ip6::ALL_NODES;
    let message =
        NeighborAdvert { router: false, solicited: false, override_: true, target: own, tlla: None };
    let link = bench.links[0];
    bench.net.hear(link, &frame6(siding_wire::ether::multicast_mac(to), &advert(own, to, &message)));
    own
}

#[test]
fn where_ip_is_stopped_the_reason_is_told_vlans_go_on_and_it_is_tried_again_4862_6() {
    let mut bench = Bench::new(detecting(), 1);
    let on = bench.devices[0];
    let vlan = bench.vlan(on, 5);
    bench.net.add_address(bench.node, on, v6(9), false);
    bench.addresses(vlan);
    let own = steal(&mut bench, on);
    let unfit = |bench: &Bench, id| bench.net.world.node(bench.node).stack.unfit(id);
    assert_eq!((unfit(&bench, on), unfit(&bench, vlan)), (Some(Unfit::Stopped(own)), None));
    let told = bench.net.events(bench.node, own);
    assert!(told.iter().any(|line| line.contains("IP is stopped")), "{told:?}");
    let mac = bench.net.mac(bench.node, on);
    let link = bench.links[0];
    bench.net.hear(link, &frame6(mac, &echo(PEER, v6(9), 1)));
    assert_eq!(bench.net.icmp().len(), 0);
    assert_eq!(bench.net.dropped(bench.node, Cause::InterfaceGone), 1);
    bench.net.run(secs(20));
    assert_eq!(bench.states(vlan), PREFERRED, "it is another link");
    bench.net.run(secs(290));
    assert_eq!(unfit(&bench, on), None, "after five minutes whoever it was may have gone");
    // A link that has come back may be another.
    steal(&mut bench, on);
    bench.net.run(secs(1));
    bench.link(on, false);
    assert_eq!(unfit(&bench, on), Some(Unfit::NoCarrier));
    bench.link(on, true);
    assert_eq!(unfit(&bench, on), None);
}

#[test]
fn an_operator_may_have_ip_go_on_beside_a_duplicate_of_the_mac_4862_6() {
    let mut spec = detecting();
    spec.dad.stops = false;
    let mut bench = Bench::new(spec, 1);
    let on = bench.devices[0];
    bench.addresses(on);
    steal(&mut bench, on);
    bench.net.run(secs(20));
    assert_eq!((bench.states(on), bench.net.world.node(bench.node).stack.unfit(on)), (PREFERRED, None));
}

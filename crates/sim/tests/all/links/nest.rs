//! What lies on others follows their MTU, and their going and coming.

use std::net::Ipv6Addr;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_stack::AddressError;
use siding_stack::AdvertiseError;
use siding_stack::AutoconfError;
use siding_stack::BridgeSpec;
use siding_stack::Device;
use siding_stack::GroupError;
use siding_stack::InterfaceSpec;
use siding_stack::LaggError;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::Sent;
use siding_stack::ifnet::Unfit;
use siding_stack::nd6::dad::DadState;
use siding_stack::nd6::host::HostConfig;
use siding_stack::nd6::router::AdvertConfig;
use siding_wire::Mac;
use siding_wire::ip6;

use super::util::*;
use crate::common::*;

/// A device without a wire.
pub(crate) struct Nothing;

impl Device for Nothing {
    fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> std::io::Result<usize> {
        Ok(0)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        frames.clear();
        sent
    }
}

fn mtu(bench: &Bench, id: IfId) -> u16 {
    bench.net.world.node(bench.node).stack.config().interface(id).unwrap().mtu
}

fn unfit(bench: &Bench, id: IfId) -> Option<Unfit> {
    bench.net.world.node(bench.node).stack.unfit(id)
}

fn mac(bench: &Bench, id: IfId) -> Mac {
    bench.net.world.node(bench.node).stack.config().interface(id).unwrap().mac
}

fn addrs6(bench: &Bench, id: IfId) -> Vec<(Ipv6Addr, DadState)> {
    let config = bench.net.world.node(bench.node).stack.config();
    config.interface(id).unwrap().addrs6.iter().map(|own| (own.addr, own.state)).collect()
}

#[test]
fn an_mtu_goes_down_the_nesting_and_up_again() {
    let bench = Bench::new(without_mld("node"), 2);
    let [one, two] = bench.devices[..] else { panic!() };
    let lagg = bench.lagg(&[one, two]);
    let (outer, other) = (bench.vlan(lagg, 5), bench.vlan(lagg, 6));
    let inner = bench.vlan(outer, 7);
    let set = |id, mtu| bench.control(|stack, ctx| stack.set_mtu(ctx, id, mtu));
    let all = || [one, two, lagg, outer, inner, other].map(|id| mtu(&bench, id));
    set(other, 1450).unwrap();
    assert_eq!(all(), [1500, 1500, 1500, 1500, 1500, 1450]);
    // A port takes less for a while: by its device, then by the operator.
    bench.control(|stack, ctx| stack.set_link_mtu(ctx, two, 1400)).unwrap();
    assert_eq!(all(), [1500, 1400, 1400, 1400, 1400, 1400]);
    assert!(set(outer, 1450).is_err(), "more than there is");
    bench.control(|stack, ctx| stack.set_link_mtu(ctx, two, 9000)).unwrap();
    assert_eq!(all(), [1500, 9000, 1500, 1500, 1500, 1450], "each what was asked of it");
    set(one, 1300).unwrap();
    assert_eq!(all(), [1300, 9000, 1300, 1300, 1300, 1300]);
    bench.control(|stack, ctx| stack.lagg_remove_port(ctx, lagg, one)).unwrap();
    assert_eq!(all(), [1300, 9000, 1500, 1500, 1500, 1450]);
    bench.control(|stack, ctx| stack.ask_mtu(ctx, one, None)).unwrap();
    assert_eq!(mtu(&bench, one), 1500);
}

#[test]
fn a_link_that_takes_less_than_1280_bytes_has_no_ipv6_8200_5() {
    let mut bench = Bench::new(detecting(), 1);
    let on = bench.devices[0];
    let vlan = bench.vlan(on, 5);
    bench.control(|stack, ctx| stack.set_link_mtu(ctx, on, 1200)).unwrap();
    bench.addresses(vlan);
    bench.net.run(secs(20));
    assert_eq!((mtu(&bench, vlan), unfit(&bench, vlan)), (1200, Some(Unfit::SmallMtu(1200))));
    assert_eq!(bench.states(vlan), [DadState::Tentative, DadState::Preferred], "IPv4 is at work");
    assert_eq!(bench.asked()[0], 0);
    bench.control(|stack, ctx| stack.set_link_mtu(ctx, on, 1280)).unwrap();
    bench.net.run(secs(20));
    assert_eq!((bench.states(vlan), unfit(&bench, vlan)), ([DadState::Preferred; 2], None));
}

#[test]
fn vlans_outlive_what_they_lie_on_and_join_it_when_it_is_made_again() {
    let mut bench = Bench::new(detecting(), 1);
    let on = bench.devices[0];
    let outer = bench.vlan(on, 5);
    let inner = bench.vlan(outer, 6);
    bench.addresses(inner);
    bench.net.run(secs(20));
    let name = bench.net.world.node(bench.node).stack.config().interface(on).unwrap().ifnet.name.clone();
    let node = bench.node;
    bench.net.world.unplug(node, on);
    bench.net.run(secs(1));
    assert_eq!((unfit(&bench, outer), unfit(&bench, inner)), (Some(Unfit::Absent), Some(Unfit::NoCarrier)));
    let ping = bench.net.open(bench.node);
    let sent = bench.net.ping(bench.node, &ping, v6(0x55), 1);
    assert!(sent.is_err(), "its prefix is not on a link that is there: {sent:?}");
    let new = Mac([2, 0, 0, 0, 9, 9]);
    let attached = bench.control(|stack, ctx| {
        let spec = InterfaceSpec { name, mac: new, mtu: 1400 };
        stack.attach(ctx, spec, vec![Box::new(Nothing)])
    });
    let attached = attached.unwrap();
    assert_eq!(
        [outer, inner].map(|id| (unfit(&bench, id), mtu(&bench, id), mac(&bench, id))),
        [(None, 1400, new); 2]
    );
    assert_eq!(bench.states(inner), [DadState::Tentative; 2]);
    bench.net.run(secs(20));
    assert_eq!(bench.states(inner), [DadState::Preferred; 2]);
    bench.control(|stack, ctx| stack.detach(ctx, attached)).unwrap();
    bench.net.run(secs(1));
}

#[test]
fn vlans_do_not_join_what_lies_on_them_or_is_too_deep_for_them_though_it_has_the_name() {
    let bench = Bench::new(without_mld("node"), 2);
    let [one, two] = bench.devices[..] else { panic!() };
    let gone = |id| bench.control(|stack, ctx| stack.detach(ctx, id)).map(drop).unwrap();
    let outer = bench.vlan(one, 5);
    let inner = bench.vlan(outer, 6);
    gone(outer);
    let wrong = bench.vlan(inner, 5);
    assert_eq!(unfit(&bench, inner), Some(Unfit::Absent), "it would lie on itself");
    gone(wrong);
    let outer = bench.vlan(one, 5);
    assert_eq!(unfit(&bench, inner), None);
    // Two lie on each other that wait for a third; with four below them they would be six deep.
    bench.vlan(inner, 7);
    gone(outer);
    let deep = (8..11).fold(two, |below, vid| bench.vlan(below, vid));
    let deepest = bench.vlan(deep, 5);
    assert_eq!((unfit(&bench, deepest), unfit(&bench, inner)), (None, Some(Unfit::Absent)));
}

#[test]
fn a_lagg_lies_no_deeper_than_it_may_whatever_lies_on_it_already() {
    let bench = Bench::new(without_mld("node"), 1);
    let lagg = |name: &str| {
        bench.control(|stack, ctx| stack.add_lagg(ctx, LaggSpec::new(name, Mode::Failover))).unwrap()
    };
    let add = |lagg, port| bench.control(|stack, ctx| stack.lagg_add_port(ctx, lagg, port, 100));
    // Four deep, in two halves that are put together last.
    let (low, high) = (lagg("low"), lagg("high"));
    let on_low = bench.vlan(low, 5);
    let on_high = bench.vlan(high, 6);
    add(low, bench.devices[0]).unwrap();
    add(high, on_low).unwrap();
    // With one more on top, it would be five.
    let (low, high) = (lagg("low2"), lagg("high2"));
    let top = bench.vlan(bench.vlan(high, 7), 8);
    let on_low = bench.vlan(low, 9);
    add(high, on_low).unwrap();
    assert_eq!(add(low, on_high), Err(LaggError::TooDeep));
    let laggs = bench.control(|stack, ctx| stack.laggs(ctx));
    assert!(laggs.iter().any(|lagg| lagg.name == "low2" && lagg.ports.is_empty()), "{laggs:?}");
    assert_eq!(unfit(&bench, top), Some(Unfit::NoCarrier));
}

#[test]
fn vlans_of_a_lagg_join_the_next_of_its_name() {
    let bench = Bench::new(without_mld("node"), 1);
    let port = bench.devices[0];
    let lagg = bench.lagg(&[port]);
    let vlan = bench.vlan(lagg, 5);
    bench.control(|stack, ctx| stack.detach(ctx, lagg)).unwrap();
    assert_eq!(unfit(&bench, vlan), Some(Unfit::Absent));
    let lagg = bench.lagg(&[port]);
    assert_eq!((unfit(&bench, vlan), mac(&bench, vlan)), (None, mac(&bench, lagg)));
}

#[test]
fn a_port_that_is_released_has_its_link_local_address_again_and_tests_it() {
    let mut bench = Bench::new(detecting(), 2);
    bench.net.run(secs(5));
    let [one, two] = bench.devices[..] else { panic!() };
    let before = [addrs6(&bench, one), addrs6(&bench, two)];
    let lagg = bench.lagg(&[one]);
    let bridge = bench.control(|stack, ctx| {
        let bridge = stack.add_bridge(ctx, BridgeSpec::new("br0")).unwrap();
        stack.bridge_add_port(ctx, bridge, two).unwrap();
        bridge
    });
    assert_eq!([addrs6(&bench, one), addrs6(&bench, two)], [vec![], vec![]]);
    // Nothing brings them back before: neither an MTU nor a link.
    bench.control(|stack, ctx| stack.set_mtu(ctx, one, 1400)).unwrap();
    bench.link(one, false);
    bench.link(one, true);
    assert_eq!(addrs6(&bench, one), []);
    bench.control(|stack, ctx| {
        stack.lagg_remove_port(ctx, lagg, one).unwrap();
        stack.bridge_remove_port(ctx, bridge, two).unwrap();
    });
    let tentative = |addrs: &[(Ipv6Addr, DadState)]| {
        addrs.iter().map(|own| (own.0, DadState::Tentative)).collect::<Vec<_>>()
    };
    assert_eq!([addrs6(&bench, one), addrs6(&bench, two)], [tentative(&before[0]), tentative(&before[1])]);
    bench.net.run(secs(5));
    assert_eq!([addrs6(&bench, one), addrs6(&bench, two)], before);
    // With the lagg it goes as well.
    let lagg = bench.lagg_named("lagg1", &[one]);
    bench.control(|stack, ctx| stack.detach(ctx, lagg)).unwrap();
    bench.net.run(secs(5));
    assert_eq!(addrs6(&bench, one), before[0]);
}

#[test]
fn a_port_is_given_nothing_of_its_own_and_it_is_said_whose_it_is() {
    let bench = Bench::new(without_mld("node"), 1);
    let port = bench.devices[0];
    bench.lagg(&[port]);
    bench.control(|stack, ctx| {
        stack.set_forwarding(ctx, true);
        let owner = siding_stack::OnPort { owner: "lagg0".into() };
        for address in [OWN6.into(), OWN4.into()] {
            assert_eq!(
                stack.add_address(ctx, port, address, 24, true),
                Err(AddressError::OnPort(owner.clone()))
            );
        }
        assert_eq!(stack.add_link_local(ctx, port, true), Err(AddressError::OnPort(owner.clone())));
        assert_eq!(stack.add_anycast(ctx, port, OWN6), Err(AddressError::OnPort(owner.clone())));
        let group = "ff05::9".parse().unwrap();
        assert_eq!(stack.join_group(ctx, port, group), Err(GroupError::OnPort(owner.clone())));
        let autoconf = stack.set_autoconf(ctx, port, HostConfig::default());
        assert_eq!(autoconf, Err(AutoconfError::OnPort(owner.clone())));
        assert_eq!(stack.set_autoconf(ctx, port, HostConfig::off()), Ok(()));
        let advertise = stack.start_advertising(ctx, port, AdvertConfig::default());
        assert_eq!(advertise, Err(AdvertiseError::OnPort(owner.clone())));
        assert!(owner.to_string().contains("'lagg0'"));
    });
}

#[test]
fn a_device_that_goes_leaves_all_that_was_configured_and_one_that_comes_has_it() {
    let mut bench = Bench::new(detecting(), 1);
    let on = bench.devices[0];
    let vlan = bench.vlan(on, 5);
    bench.addresses(vlan);
    bench.net.run(secs(20));
    let old = mac(&bench, on);
    bench.control(|stack, ctx| stack.take_devices(ctx, on)).unwrap();
    bench.net.run(secs(1));
    assert_eq!((unfit(&bench, on), unfit(&bench, vlan)), (Some(Unfit::Absent), Some(Unfit::NoCarrier)));
    let new = Mac([2, 0, 0, 0, 9, 8]);
    bench.control(|stack, ctx| {
        stack.set_mac(ctx, on, new).unwrap();
        stack.set_link_mtu(ctx, on, 1400).unwrap();
        stack.give_devices(ctx, on, vec![Box::new(Nothing)]).unwrap();
    });
    assert_eq!((unfit(&bench, on), unfit(&bench, vlan)), (Some(Unfit::NoCarrier), Some(Unfit::NoCarrier)));
    bench.link(on, true);
    assert_eq!(
        [on, vlan].map(|id| (unfit(&bench, id), mac(&bench, id), mtu(&bench, id))),
        [(None, new, 1400); 2]
    );
    assert_eq!(bench.states(vlan), [DadState::Tentative; 2]);
    let made = |mac| ip6::eui64_link_local(mac);
    assert_eq!(addrs6(&bench, on), [(made(new), DadState::Tentative)], "not {}", made(old));
    bench.net.run(secs(20));
    assert_eq!(bench.states(vlan), [DadState::Preferred; 2]);
    assert_eq!(addrs6(&bench, on), [(made(new), DadState::Preferred)]);
}

#[test]
fn another_address_of_a_device_is_followed_and_told() {
    let mut bench = Bench::new(detecting(), 1);
    let on = bench.devices[0];
    bench.addresses(on);
    bench.net.run(secs(20));
    bench.net.rewind();
    let new = Mac([2, 0, 0, 0, 9, 8]);
    bench.control(|stack, ctx| stack.set_mac(ctx, on, new)).unwrap();
    bench.net.run(secs(5));
    assert_eq!(bench.states(on), [DadState::Preferred; 2], "the addresses are ours as before");
    assert_eq!(addrs6(&bench, on)[0], (ip6::eui64_link_local(new), DadState::Preferred));
    assert!(bench.net.adverts().iter().any(|na| na.message.target == OWN6 && na.message.tlla == Some(new)));
    assert!(bench.net.arps().iter().any(|(_, _, arp)| arp.spa == OWN4 && arp.sha == new));
}

//! Who has which link-layer address when one changes that others took theirs from.

use siding_netisr::IfId;
use siding_stack::BridgeSpec;
use siding_stack::InterfaceSpec;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::ifnet::Unfit;
use siding_stack::nd6::dad::DadState;
use siding_wire::Mac;
use siding_wire::ip6;

use super::detect::steal;
use super::nest::Nothing;
use super::util::*;
use crate::common::*;

const NEW: Mac = Mac([2, 0, 0, 0, 9, 8]);

fn mac(bench: &Bench, id: IfId) -> Mac {
    bench.net.world.node(bench.node).stack.config().interface(id).unwrap().mac
}

fn macs<const N: usize>(bench: &Bench, ids: [IfId; N]) -> [Mac; N] {
    ids.map(|id| mac(bench, id))
}

fn bridge(bench: &Bench, port: IfId) -> IfId {
    bench.control(|stack, ctx| {
        let bridge = stack.add_bridge(ctx, BridgeSpec::new("br0")).unwrap();
        stack.bridge_add_port(ctx, bridge, port).unwrap();
        bridge
    })
}

#[test]
fn a_port_has_its_devices_new_address_when_it_is_released() {
    let bench = Bench::new(without_mld("node"), 2);
    let [one, two] = bench.devices[..] else { panic!() };
    let (lagg, vlan) = (bench.lagg(&[one]), bench.vlan(two, 5));
    let bridge = bridge(&bench, vlan);
    let (of_lagg, of_bridge) = (mac(&bench, lagg), mac(&bench, bridge));
    bench.control(|stack, ctx| {
        stack.set_mac(ctx, one, NEW).unwrap();
        stack.set_mac(ctx, two, NEW).unwrap();
    });
    assert_eq!(macs(&bench, [one, two, lagg, bridge]), [of_lagg, NEW, of_lagg, of_bridge]);
    bench.control(|stack, ctx| {
        stack.lagg_remove_port(ctx, lagg, one).unwrap();
        stack.bridge_remove_port(ctx, bridge, vlan).unwrap();
    });
    assert_eq!(macs(&bench, [one, two, vlan]), [NEW; 3]);
}

#[test]
fn a_vlan_on_a_lagg_has_its_address_after_it_was_a_port_too() {
    let bench = Bench::new(without_mld("node"), 1);
    let lagg = bench.lagg(&bench.devices);
    let vlan = bench.vlan(lagg, 5);
    let other =
        bench.control(|stack, ctx| stack.add_lagg(ctx, LaggSpec::new("lagg1", Mode::Failover))).unwrap();
    let given = Mac([2, 0, 0, 0, 7, 7]);
    bench.control(|stack, ctx| {
        stack.lagg_set_mac(ctx, lagg, NEW).unwrap();
        stack.lagg_add_port(ctx, other, vlan, 1).unwrap();
        // The other took it over from its first port; another one of its own is the VLAN's, too, for so long.
        stack.lagg_set_mac(ctx, other, given).unwrap();
    });
    assert_eq!(macs(&bench, [lagg, vlan, other]), [NEW, given, given]);
    bench.control(|stack, ctx| stack.lagg_remove_port(ctx, other, vlan)).unwrap();
    assert_eq!(macs(&bench, [lagg, vlan]), [NEW; 2]);
}

#[test]
fn a_lagg_that_is_a_port_leaves_its_owners_address_alone() {
    let bench = Bench::new(without_mld("node"), 1);
    let device = bench.devices[0];
    let inner = bench.lagg(&bench.devices);
    let outer =
        bench.control(|stack, ctx| stack.add_lagg(ctx, LaggSpec::new("lagg1", Mode::Failover))).unwrap();
    let given = Mac([2, 0, 0, 0, 7, 7]);
    bench.control(|stack, ctx| {
        stack.lagg_set_mac(ctx, outer, given).unwrap();
        stack.lagg_add_port(ctx, outer, inner, 1).unwrap();
    });
    assert_eq!(macs(&bench, [inner, outer]), [given; 2]);
    // The inner one's only port goes, and comes back as another: it takes that address, for itself.
    bench.control(|stack, ctx| {
        stack.lagg_remove_port(ctx, inner, device).unwrap();
        stack.set_mac(ctx, device, NEW).unwrap();
        stack.lagg_add_port(ctx, inner, device, 1).unwrap();
    });
    assert_eq!(macs(&bench, [inner, outer]), [given; 2]);
    bench.control(|stack, ctx| stack.lagg_remove_port(ctx, outer, inner)).unwrap();
    assert_eq!(macs(&bench, [inner, outer]), [NEW, given]);
}

#[test]
fn a_device_changes_no_address_of_what_lies_on_a_lagg_or_bridge_over_it() {
    let bench = Bench::new(without_mld("node"), 1);
    let device = bench.devices[0];
    let below = bench.vlan(device, 5);
    let lagg = bench.lagg(&[below]);
    let above = bench.vlan(lagg, 6);
    let old = mac(&bench, device);
    assert_eq!(macs(&bench, [below, lagg, above]), [old; 3], "the first port gave its own");
    bench.control(|stack, ctx| stack.set_mac(ctx, device, NEW)).unwrap();
    assert_eq!(macs(&bench, [device, below, lagg, above]), [NEW, old, old, old]);
    // Nor does one that takes the place of the device.
    let name = bench.net.world.node(bench.node).stack.config().interface(device).unwrap().ifnet.name.clone();
    let mac = Mac([2, 0, 0, 0, 6, 6]);
    let again = bench.control(|stack, ctx| {
        stack.detach(ctx, device).unwrap();
        let spec = InterfaceSpec { name, mac, mtu: 1500 };
        stack.attach(ctx, spec, vec![Box::new(Nothing)]).unwrap()
    });
    assert_eq!(macs(&bench, [again, below, lagg, above]), [mac, old, old, old]);
    bench.control(|stack, ctx| stack.lagg_remove_port(ctx, lagg, below)).unwrap();
    assert_eq!(macs(&bench, [below, lagg, above]), [mac, old, old]);
}

#[test]
fn a_vlan_makes_its_link_local_address_anew_when_its_parent_comes_back_as_another() {
    let mut bench = Bench::new(detecting(), 1);
    let device = bench.devices[0];
    let vlan = bench.vlan(device, 5);
    bench.control(|stack, ctx| stack.add_link_local(ctx, vlan, true)).unwrap();
    bench.net.run(secs(5));
    let name = bench.net.world.node(bench.node).stack.config().interface(device).unwrap().ifnet.name.clone();
    bench.control(|stack, ctx| {
        stack.detach(ctx, device).unwrap();
        let spec = InterfaceSpec { name, mac: NEW, mtu: 1500 };
        stack.attach(ctx, spec, vec![Box::new(Nothing)]).unwrap();
    });
    for state in [DadState::Tentative, DadState::Preferred] {
        let config = bench.net.world.node(bench.node).stack.config();
        let own: Vec<_> = config.interface(vlan).unwrap().addrs6.iter().collect();
        assert_eq!(own.len(), 1);
        assert_eq!((own[0].addr, own[0].state), (ip6::eui64_link_local(NEW), state));
        bench.net.run(secs(5));
    }
}

#[test]
fn ip_that_was_stopped_for_our_address_goes_on_with_another_4862() {
    for lagg in [false, true] {
        let mut bench = Bench::new(detecting(), 1);
        let device = bench.devices[0];
        let on = if lagg { bench.lagg(&[device]) } else { device };
        bench.control(|stack, ctx| {
            if lagg {
                stack.add_link_local(ctx, on, true).unwrap();
            }
        });
        let own = steal(&mut bench, on);
        let unfit = |bench: &Bench| bench.net.world.node(bench.node).stack.unfit(on);
        assert_eq!(unfit(&bench), Some(Unfit::Stopped(own)), "lagg: {lagg}");
        bench
            .control(|stack, ctx| match lagg {
                true => stack.lagg_set_mac(ctx, on, NEW).map_err(|error| error.to_string()),
                false => stack.set_mac(ctx, on, NEW).map_err(|error| error.to_string()),
            })
            .unwrap();
        assert_eq!(unfit(&bench), None, "lagg: {lagg}");
    }
}

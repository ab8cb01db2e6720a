//! What a port cannot have, and what it gets when it is released.

use std::net::IpAddr;

use siding_netisr::IfId;
use siding_stack::AddRouteError;
use siding_stack::AddressError;
use siding_stack::Belongings;
use siding_stack::BridgeError;
use siding_stack::BridgeSpec;
use siding_stack::LaggError;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::OnPort;
use siding_stack::nd6::dad::DadState;
use siding_stack::nd6::host::HostConfig;
use siding_stack::nd6::router::AdvertConfig;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;
use siding_wire::Mac;
use siding_wire::ip6;

use super::util::*;
use crate::common::*;

fn bridge(bench: &Bench) -> IfId {
    bench.control(|stack, ctx| stack.add_bridge(ctx, BridgeSpec::new("br0"))).unwrap()
}

#[test]
fn no_route_leads_by_a_port_and_it_is_said_whose_it_is() {
    let bench = Bench::new(without_mld("node"), 2);
    bench.lagg(&bench.devices[..1]);
    let bridge = bridge(&bench);
    bench.control(|stack, ctx| {
        stack.bridge_add_port(ctx, bridge, bench.devices[1]).unwrap();
        for (port, owner) in [(bench.devices[0], "lagg0"), (bench.devices[1], "br0")] {
            let refused = AddRouteError::OnPort(OnPort { owner: owner.into() });
            let (metric, origin) = (1, Origin::Static);
            let prefix = Prefix::covering(OWN6, 64);
            let route = Route { prefix, next_hop: None, interface: port, metric, origin };
            assert_eq!(stack.add_routes6(ctx, [route]), Err(refused.clone()));
            let prefix = Prefix::covering(OWN4, 24);
            let route = Route { prefix, next_hop: None, interface: port, metric, origin };
            assert_eq!(stack.add_route4(ctx, route), Err(refused));
        }
        assert_eq!((stack.routes6().len(), stack.routes4().len()), (0, 0));
    });
}

#[test]
fn an_interface_that_has_what_a_port_has_not_becomes_none() {
    let bench = Bench::new(without_mld("node"), 1);
    let (on, bridge) = (bench.devices[0], bridge(&bench));
    let lagg = bench.lagg(&[]);
    let (metric, origin, peer) = (1, Origin::Static, IpAddr::from(v6(9)));
    let refused = |what: Belongings| {
        let name = bench.net.world.node(bench.node).stack.config().interface(on).unwrap().ifnet.name.clone();
        bench.control(|stack, ctx| {
            assert_eq!(
                stack.lagg_add_port(ctx, lagg, on, 1),
                Err(LaggError::Has(name.clone(), what)),
                "{what}"
            );
            assert_eq!(stack.bridge_add_port(ctx, bridge, on), Err(BridgeError::Has(name, what)), "{what}");
        });
    };
    bench.control(|stack, ctx| stack.set_forwarding(ctx, true));
    for addr in [IpAddr::V6(OWN6), IpAddr::V4(OWN4)] {
        bench.control(|stack, ctx| stack.add_address(ctx, on, addr, 24, false)).unwrap();
        refused(Belongings::Addresses);
        bench.control(|stack, ctx| stack.remove_address(ctx, on, addr)).unwrap();
    }
    bench.control(|stack, ctx| stack.add_anycast(ctx, on, OWN6)).unwrap();
    refused(Belongings::Anycast);
    bench.control(|stack, ctx| stack.remove_anycast(ctx, on, OWN6)).unwrap();
    let prefix = Prefix::covering(OWN6, 64);
    let route = Route { prefix, next_hop: None, interface: on, metric, origin };
    bench.control(|stack, ctx| stack.add_routes6(ctx, [route])).unwrap();
    refused(Belongings::Routes);
    assert_eq!(bench.control(|stack, ctx| stack.remove_route6(ctx, &prefix, None, on)), Ok(true));
    let prefix = Prefix::covering(OWN4, 24);
    let route = Route { prefix, next_hop: None, interface: on, metric, origin };
    bench.control(|stack, ctx| stack.add_route4(ctx, route)).unwrap();
    refused(Belongings::Routes);
    assert_eq!(bench.control(|stack, ctx| stack.remove_route4(ctx, &prefix, None, on)), Ok(true));
    bench.neighbor(on, peer);
    refused(Belongings::Neighbors);
    bench.control(|stack, ctx| stack.flush_neighbors(ctx, on, |_| true));
    bench.control(|stack, ctx| stack.set_autoconf(ctx, on, HostConfig::default())).unwrap();
    refused(Belongings::Autoconf);
    bench.control(|stack, ctx| stack.set_autoconf(ctx, on, HostConfig::off())).unwrap();
    bench.control(|stack, ctx| stack.start_advertising(ctx, on, AdvertConfig::default())).unwrap();
    refused(Belongings::Advertisements);
    bench.control(|stack, ctx| stack.set_forwarding(ctx, false));
    bench.control(|stack, ctx| stack.lagg_add_port(ctx, lagg, on, 1)).unwrap();
}

#[test]
fn a_port_may_be_given_the_link_local_address_that_it_will_have() {
    let mut bench = Bench::new(detecting(), 2);
    bench.control(|stack, ctx| {
        for port in &bench.devices {
            let made = stack.config().interface(*port).unwrap().addrs6[0].addr;
            stack.remove_address(ctx, *port, made.into()).unwrap();
        }
    });
    let [one, two] = bench.devices[..] else { panic!() };
    let lagg =
        bench.control(|stack, ctx| stack.add_lagg(ctx, LaggSpec::new("lagg0", Mode::Failover))).unwrap();
    let bridge = bridge(&bench);
    let mac = |id| bench.net.world.node(bench.node).stack.config().interface(id).unwrap().permanent_mac;
    let made = [one, two].map(|id| ip6::eui64_link_local(mac(id)));
    let other = "fe80::5".parse().unwrap();
    bench.control(|stack, ctx| {
        assert_eq!(stack.set_aside_link_local(ctx, one, (made[0], 64), true), Ok(false), "it is no port");
        stack.lagg_add_port(ctx, lagg, one, 1).unwrap();
        stack.bridge_add_port(ctx, bridge, two).unwrap();
        for (port, addr) in [(one, made[0]), (one, other), (two, made[1])] {
            assert_eq!(stack.set_aside_link_local(ctx, port, (addr, 64), true), Ok(true));
            // Once is enough.
            assert_eq!(stack.set_aside_link_local(ctx, port, (addr, 64), true), Ok(true));
        }
        let owner = OnPort { owner: "lagg0".into() };
        let global = stack.set_aside_link_local(ctx, one, (OWN6, 64), true);
        assert_eq!(global, Err(AddressError::OnPort(owner)));
        // What it will have can be taken back, and goes with the port's own address.
        stack.remove_address(ctx, one, other.into()).unwrap();
        assert_eq!(
            stack.remove_address(ctx, one, other.into()),
            Err(AddressError::NotAssigned(other.into()))
        );
        stack.set_mac(ctx, two, Mac([2, 0, 0, 0, 9, 9])).unwrap();
    });
    let has = |bench: &Bench, id| {
        let config = bench.net.world.node(bench.node).stack.config();
        let own = &config.interface(id).unwrap().addrs6;
        own.iter().map(|own| (own.addr, own.state)).collect::<Vec<_>>()
    };
    assert_eq!([has(&bench, one), has(&bench, two)], [vec![], vec![]]);
    bench.control(|stack, ctx| {
        stack.lagg_remove_port(ctx, lagg, one).unwrap();
        stack.bridge_remove_port(ctx, bridge, two).unwrap();
    });
    let moved = ip6::eui64_link_local(Mac([2, 0, 0, 0, 9, 9]));
    for state in [DadState::Tentative, DadState::Preferred] {
        assert_eq!([has(&bench, one), has(&bench, two)], [vec![(made[0], state)], vec![(moved, state)]]);
        bench.net.run(secs(5));
    }
}

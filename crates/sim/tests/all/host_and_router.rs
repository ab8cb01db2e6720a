//! Our host at our router, on links that lose, double and reorder.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_sim::Faults;
use siding_sim::NodeId;
use siding_sim::NodeSpec;
use siding_stack::nd6::host::HostConfig;
use siding_stack::nd6::host::Solicitation;
use siding_stack::nd6::host::TemporaryConfig;
use siding_stack::nd6::router::AdvertConfig;
use siding_wire::ip6;

use crate::common::*;

/// A host that knows nothing, a router between its link and another, and a server there.
fn run(seed: u64) {
    let mut net = Net::new(seed);
    let faults = Faults { loss: 0.2, duplicate: 0.1, delay: (Duration::from_micros(10), ms(seed % 30 + 1)) };
    let links = [net.world.add_link(faults), net.world.add_link(faults)];
    let nodes = ["router", "server", "host"].map(|name| {
        let mut spec = NodeSpec::new(name);
        // Under loss one question does not find a duplicate, and one answer may be lost; that is not the matter here.
        spec.dad.transmits = 2;
        net.add_node(spec)
    });
    let [router, server, host] = nodes;
    let ids = [net.plug(router, links[0], on_link(0, 1)), net.plug(router, links[1], on_link(1, 1))];
    net.plug(server, links[1], on_link(1, 9));
    net.forwarding(router, true);
    let route = siding_stack::route::Route {
        prefix: siding_stack::route::Prefix::covering(Ipv6Addr::UNSPECIFIED, 0),
        next_hop: Some(on_link(1, 1)),
        interface: net.world.node(server).interfaces()[0],
        metric: 1,
        origin: siding_stack::route::Origin::Static,
    };
    net.world.node(server).control(|stack, ctx| stack.add_routes6(ctx, [route])).unwrap();
    net.run(secs(4));
    net.world
        .node(router)
        .control(|stack, ctx| stack.start_advertising(ctx, ids[0], AdvertConfig::default()))
        .unwrap();
    let id = net.world.plug(host, links[0], None).unwrap();
    let config = HostConfig {
        solicit: Solicitation::Backoff,
        temporary: Some(TemporaryConfig::default()),
        optimistic: seed.is_multiple_of(2),
        ..HostConfig::default()
    };
    net.world.node(host).control(|stack, ctx| stack.set_autoconf(ctx, id, config)).unwrap();
    net.run(secs(60));
    let addrs = |net: &Net, node: NodeId| {
        let config = net.world.node(node).stack.config();
        let all = config.interface(id).unwrap().addrs6.to_vec();
        all.into_iter().filter(|own| !ip6::is_link_local(own.addr)).collect::<Vec<_>>()
    };
    let own = addrs(&net, host);
    assert_eq!(own.len(), 2, "seed {seed}: one of the MAC, and a temporary one: {own:?}");
    assert!(own.iter().all(|own| own.status() == "preferred"), "seed {seed}: {own:?}");
    // Everybody on the way is reached, and reaches back.
    let ping = net.open(host);
    for seq in 0..20 {
        net.ping(host, &ping, on_link(1, 9), seq).unwrap();
        net.run(secs(1));
    }
    let answers = std::iter::from_fn(|| net.answer(host, &ping)).count();
    assert!(answers > 3, "seed {seed}: {answers} answers");
    // The farewells of the router end the route, unless all three are lost, and then its lifetime does.
    net.world.node(router).control(|stack, ctx| stack.stop_advertising(ctx, ids[0])).unwrap();
    net.run(secs(2000));
    let routers = net.world.node(host).control(|stack, ctx| stack.default_routers(ctx));
    assert_eq!(routers, [], "seed {seed}");
    assert!(net.ping(host, &ping, on_link(1, 9), 99).is_err());
    assert_eq!(addrs(&net, host).len(), 2, "its addresses live on");
}

#[test]
fn a_host_finds_its_way_by_a_router_whatever_the_link_does_4861_17_4861_21_4861_23_4862_7() {
    (0..60).for_each(run);
}

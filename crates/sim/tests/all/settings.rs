//! MTU and hop limit, changed on the running stack.

use std::net::Ipv6Addr;

use siding_netisr::IfId;
use siding_stack::SettingError;
use siding_stack::ifnet::Vlan;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::nd::NeighborSolicit;

use crate::common::*;

/// `from`, at `mac`, asks for `to`, and is known by that.
fn known(from: Ipv6Addr, mac: Mac, to: Ipv6Addr) -> Vec<u8> {
    solicit(from, to, &NeighborSolicit::new(to, mac))
}

#[test]
fn an_mtu_is_for_what_is_sent_from_now_on_4443_6() {
    let (mut net, node, links, ids) = Net::router(spec("router"));
    let set = |net: &Net, mtu| net.world.node(node).control(|stack, ctx| stack.set_mtu(ctx, ids[1], mtu));
    let macs = ids.map(|id| net.mac(node, id));
    let far = on_link(1, 0x99);
    net.hear(links[0], &frame6(macs[0], &known(PEER, PEER_MAC, on_link(0, 1))));
    net.hear(links[1], &frame6(macs[1], &known(far, OTHER_MAC, on_link(1, 1))));
    let large = frame6(macs[0], &packet(PEER, far, IpProto(253), 64, &[7; 1400]));
    let passes = |net: &mut Net| {
        net.rewind();
        net.hear(links[0], &large);
        let told: Vec<_> = net.icmp().into_iter().map(|icmp| icmp.message).collect();
        (net.frames().iter().filter(|frame| frame.link == links[1]).count(), told)
    };
    assert_eq!(passes(&mut net), (1, vec![]));
    set(&net, 1400).unwrap();
    net.run(ms(1));
    assert_eq!(passes(&mut net), (0, vec![Icmp6Repr::PacketTooBig { mtu: 1400 }]));
    set(&net, 1500).unwrap();
    net.run(ms(1));
    assert_eq!(passes(&mut net), (1, vec![]));
    for mtu in [0, 1279, 1501] {
        assert_eq!(set(&net, mtu), Err(SettingError::Mtu { got: mtu, most: 1500 }));
    }
    let gone = net.world.node(node).control(|stack, ctx| stack.set_mtu(ctx, IfId::NONE, 1400));
    assert_eq!(gone, Err(SettingError::NoInterface(IfId::NONE)));
}

#[test]
fn what_lies_on_an_interface_follows_its_mtu() {
    let (net, node, _, id) = Net::host(spec("host"));
    let vlan = Vlan { parent: id, vid: 7, ethertype: EtherType::VLAN };
    let vlan = net.world.node(node).control(|stack, ctx| stack.add_vlan(ctx, "vlan7", vlan)).unwrap();
    let set = |id, mtu| net.world.node(node).control(|stack, ctx| stack.set_mtu(ctx, id, mtu));
    let mtus = || [id, vlan].map(|id| net.world.node(node).stack.config().interface(id).unwrap().mtu);
    set(vlan, 1450).unwrap();
    assert_eq!(mtus(), [1500, 1450]);
    set(id, 1400).unwrap();
    assert_eq!(mtus(), [1400, 1400]);
    assert_eq!(set(vlan, 1401), Err(SettingError::Mtu { got: 1401, most: 1400 }));
    set(id, 1500).unwrap();
    assert_eq!(mtus(), [1500, 1450], "what it was given is remembered beside what fits");
    set(vlan, 1500).unwrap();
    assert_eq!(mtus(), [1500, 1500]);
}

#[test]
fn a_hop_limit_is_for_what_starts_here() {
    let (mut net, node, link, id) = Net::host(spec("host"));
    let mac = net.mac(node, id);
    net.hear(link, &frame6(mac, &known(PEER, PEER_MAC, HOST)));
    let set = |net: &Net, hops| net.world.node(node).control(|stack, ctx| stack.set_hop_limit(ctx, id, hops));
    for hops in [64, 1, 255, 7] {
        set(&net, hops).unwrap();
        net.rewind();
        net.ping_once(node, PEER);
        let sent: Vec<_> = net.icmp().into_iter().map(|icmp| icmp.ip.hop_limit).collect();
        assert_eq!(sent, [hops]);
    }
    assert_eq!(set(&net, 0), Err(SettingError::HopLimit));
}

//! IPv4 groups that a host or router listens to: RFC 1112, and what RFC 1122 says of whatever is sent to them.

use std::net::Ipv4Addr;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::GroupError;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::Vlan;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::checksum::Ends;
use siding_wire::ether::multicast_mac4;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::ip4::Ip4Repr;
use siding_wire::tcp::Flags;
use siding_wire::tcp::TcpRepr;
use siding_wire::udp::UdpRepr;

use crate::common::*;

/// VRRP's.
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const STRANGER: Ipv4Addr = v4(0x99);

fn host() -> (Net, NodeId, LinkId, IfId) {
    let mut net = Net::new(1);
    let link = net.world.add_link(Faults::default());
    let node = net.add_node(without_mld("host"));
    let id = net.plug(node, link, v4(1));
    net.run(secs(0));
    (net, node, link, id)
}

fn join(net: &Net, node: NodeId, id: IfId, group: Ipv4Addr) -> Result<(), GroupError> {
    net.world.node(node).control(|stack, ctx| stack.join_group4(ctx, id, group))
}

fn leave(net: &Net, node: NodeId, id: IfId, group: Ipv4Addr) -> Result<(), GroupError> {
    net.world.node(node).control(|stack, ctx| stack.leave_group4(ctx, id, group))
}

/// A frame to a group, as a stranger sends it.
fn to_group(group: Ipv4Addr, proto: IpProto, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 20];
    Ip4Repr::new(STRANGER, group, proto, 255, body.len() as u16).emit(&mut packet).unwrap();
    packet.extend_from_slice(body);
    frame(multicast_mac4(group), EtherType::IPV4, &packet)
}

fn echo(group: Ipv4Addr) -> Vec<u8> {
    let mut message = vec![0; 16];
    Icmp4Repr::EchoRequest { ident: 7, seq: 1 }.emit(&mut message).unwrap();
    to_group(group, IpProto::ICMP, &message)
}

#[test]
fn a_group_is_listened_to_from_the_first_who_wants_it_to_the_last() {
    let (mut net, node, link, id) = host();
    let advert = to_group(GROUP, IpProto(112), &[0x31, 1, 100, 1, 0, 100, 0, 0]);
    let heard = |net: &mut Net| {
        // The device is told what to let in by the next turn.
        net.run(secs(0));
        let before = net.dropped(node, Cause::UnknownProtocol);
        net.hear(link, &advert);
        net.dropped(node, Cause::UnknownProtocol) - before
    };
    assert_eq!((heard(&mut net), net.drops(node)), (0, vec![]), "the device does not let it in");
    join(&net, node, id, GROUP).unwrap();
    join(&net, node, id, GROUP).unwrap();
    assert_eq!(heard(&mut net), 1);
    leave(&net, node, id, GROUP).unwrap();
    assert_eq!(heard(&mut net), 1, "somebody wants it yet");
    leave(&net, node, id, GROUP).unwrap();
    assert_eq!(heard(&mut net), 0);
    assert_eq!(leave(&net, node, id, GROUP), Err(GroupError::NotJoined(GROUP.into())));
    // A device that lets in everything, or a group of the same link-layer address: IP looks for itself.
    net.world.set_promiscuous(link);
    assert_eq!((heard(&mut net), net.dropped(node, Cause::NotJoined)), (0, 1));
    assert!(net.frames().is_empty(), "nobody is told of any of it");
}

#[test]
fn every_host_is_in_the_group_of_all_hosts_and_what_is_sent_to_groups_is_answered_by_silence() {
    let (mut net, node, link, id) = host();
    net.world.node(node).control(|stack, ctx| {
        stack.add_neighbor(ctx, id, STRANGER.into(), PEER_MAC).unwrap();
        stack.join_group4(ctx, id, GROUP).unwrap();
    });
    for group in [ALL_HOSTS, GROUP] {
        let ends = Ends::V4 { src: STRANGER, dst: group };
        let mut datagram = vec![0; 12];
        UdpRepr { src_port: 9, dst_port: 9 }.emit(ends, &mut datagram).unwrap();
        let mut segment = vec![0; 20];
        let syn = TcpRepr { src_port: 9, dst_port: 9, seq: 1, ack: 0, flags: Flags::SYN };
        syn.emit(ends, &mut segment).unwrap();
        net.hear(link, &echo(group));
        net.hear(link, &to_group(group, IpProto::UDP, &datagram));
        net.hear(link, &to_group(group, IpProto::TCP, &segment));
        net.hear(link, &to_group(group, IpProto(112), &[0; 8]));
    }
    assert_eq!(net.dropped(node, Cause::Ignored), 2, "echoes");
    assert_eq!(net.dropped(node, Cause::NoListener), 4, "datagrams and segments");
    assert_eq!(net.dropped(node, Cause::UnknownProtocol), 2);
    assert!(net.frames().is_empty(), "RFC 1122 s3.2.2, s3.2.2.6, s4.2.3.10: {:?}", net.frames());
}

#[test]
fn a_router_listens_for_itself_and_passes_nothing_on_that_is_for_a_group() {
    let mut net = Net::new(1);
    let links = [net.world.add_link(Faults::default()), net.world.add_link(Faults::default())];
    let node = net.add_node(without_mld("router"));
    let ids = [net.plug(node, links[0], v4(1)), net.plug(node, links[1], Ipv4Addr::new(198, 51, 100, 1))];
    net.forwarding(node, true);
    join(&net, node, ids[0], GROUP).unwrap();
    net.run(secs(0));
    links.iter().for_each(|link| net.hear(*link, &to_group(GROUP, IpProto(112), &[0; 8])));
    assert_eq!(net.dropped(node, Cause::UnknownProtocol), 1, "on the link on which it has joined");
    assert!(net.frames().is_empty());
}

#[test]
fn a_group_goes_with_its_interface_and_devices_below_follow() {
    let (net, node, _, id) = host();
    let (mac, of_all) = (multicast_mac4(GROUP), multicast_mac4(ALL_HOSTS));
    let lets_in = |mac: Mac| {
        let config = net.world.node(node).stack.config();
        config.filter(id).unwrap().multicast.contains(&mac)
    };
    assert!(lets_in(of_all) && !lets_in(mac));
    let vlan = net.world.node(node).control(|stack, ctx| {
        let vlan =
            stack.add_vlan(ctx, "v7", Vlan { parent: id, vid: 7, ethertype: EtherType::VLAN }).unwrap();
        stack.join_group4(ctx, vlan, GROUP).unwrap();
        vlan
    });
    assert!(lets_in(mac));
    net.world.node(node).control(|stack, ctx| drop(stack.detach(ctx, vlan).unwrap()));
    assert!(lets_in(of_all) && !lets_in(mac));
}

#[test]
fn what_cannot_be_joined_is_refused_with_its_reason() {
    let mut few = without_mld("host");
    few.mld.groups = 2;
    let mut net = Net::new(1);
    let link = net.world.add_link(Faults::default());
    let node = net.add_node(few);
    let [id, port] = [net.plug(node, link, v4(1)), net.world.plug(node, link, None).unwrap()];
    net.world.node(node).control(|stack, ctx| {
        let lagg = stack.add_lagg(ctx, LaggSpec::new("lagg0", Mode::Failover)).unwrap();
        stack.lagg_add_port(ctx, lagg, port, 0).unwrap();
    });
    assert_eq!(join(&net, node, id, v4(1)), Err(GroupError::NotAGroup(v4(1).into())));
    assert_eq!(join(&net, node, IfId::NONE, GROUP), Err(GroupError::NoInterface(IfId::NONE)));
    assert!(matches!(join(&net, node, port, GROUP), Err(GroupError::OnPort(_))));
    (1..=2).for_each(|host| join(&net, node, id, Ipv4Addr::new(239, 0, 0, host)).unwrap());
    assert_eq!(join(&net, node, id, GROUP), Err(GroupError::Full(2)));
    assert_eq!(join(&net, node, id, Ipv4Addr::new(239, 0, 0, 2)), Ok(()), "that is there");
    assert_eq!(net.limit(node, "joined-ip4-groups").used, 2);
}

//! Frames that come the old way for a while after a planned change of a lagg: taken, so that none is lost.

use crate::common::*;
use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_stack::ifnet::Vlan;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;

const MAC: Mac = Mac([2, 0xcc, 0, 0, 0, 1]);

struct Rig {
    net: Net,
    node: NodeId,
    links: Vec<LinkId>,
    ports: Vec<IfId>,
    lagg: IfId,
    vlan: IfId,
}

impl Rig {
    /// A failover lagg of two ports, the first in use, with VLAN 10 on it.
    fn new() -> Rig {
        let mut net = Net::new(1);
        let links: Vec<LinkId> = (0..2).map(|_| net.world.add_link(Faults::default())).collect();
        let node = net.add_node(spec("a"));
        let ports: Vec<IfId> = links.iter().map(|link| net.world.plug(node, *link, None).unwrap()).collect();
        let spec = LaggSpec { mac: Some(MAC), ..LaggSpec::new("lagg0", Mode::Failover) };
        let (lagg, vlan) = net.world.node(node).control(|stack, ctx| {
            let lagg = stack.add_lagg(ctx, spec).unwrap();
            ports.iter().for_each(|port| stack.lagg_add_port(ctx, lagg, *port, 1).unwrap());
            let vlan = Vlan { parent: lagg, vid: 10, ethertype: EtherType::VLAN };
            (lagg, stack.add_vlan(ctx, "v10", vlan).unwrap())
        });
        net.run(ms(10));
        Rig { net, node, links, ports, lagg, vlan }
    }

    /// A tagged packet to `mac` on a link: whether VLAN 10 got it.
    fn is_taken(&mut self, link: usize, mac: Mac) -> bool {
        let taken = |rig: &Rig| rig.net.counter(rig.node, rig.vlan, IfCounter::RxPackets);
        let before = taken(self);
        let inner = packet(v6(0x99), v6(1), IpProto::NO_NEXT, 64, b"");
        let tagged = [&[0, 10, 0x86, 0xdd][..], &inner].concat();
        self.net.hear(self.links[link], &frame(mac, EtherType::VLAN, &tagged));
        taken(self) > before
    }

    fn primary(&mut self, port: usize) {
        let (lagg, port) = (self.lagg, self.ports[port]);
        self.net
            .world
            .node(self.node)
            .control(|stack, ctx| stack.lagg_set_primary(ctx, lagg, Some(port)).unwrap());
    }
}

#[test]
fn t33_what_comes_by_the_old_port_is_taken_for_a_second() {
    let mut rig = Rig::new();
    assert!(rig.is_taken(0, MAC) && !rig.is_taken(1, MAC), "the first is in use, the other is not");
    let inactive = rig.net.dropped(rig.node, Cause::InactivePort);
    rig.primary(1);
    assert!(rig.is_taken(1, MAC), "the one in use now");
    assert!(rig.is_taken(0, MAC), "the peer may not have heard of it");
    rig.net.run(ms(900));
    assert!(rig.is_taken(0, MAC));
    assert!(!rig.is_taken(0, Mac::BROADCAST), "what is for all comes by the other, too");
    assert_eq!(rig.net.dropped(rig.node, Cause::InactivePort), inactive + 1);
    rig.net.run(ms(200));
    assert!(!rig.is_taken(0, MAC) && rig.is_taken(1, MAC), "the second is over");
    rig.primary(0);
    assert!(rig.is_taken(0, MAC) && rig.is_taken(1, MAC), "and back");
}

#[test]
fn t33_what_comes_by_a_port_that_was_removed_is_taken_for_a_second() {
    let mut rig = Rig::new();
    let (lagg, port) = (rig.lagg, rig.ports[0]);
    let remove = |rig: &mut Rig| {
        let node = rig.net.world.node(rig.node);
        node.control(|stack, ctx| stack.lagg_remove_port(ctx, lagg, port).unwrap());
    };
    remove(&mut rig);
    assert!(rig.is_taken(0, MAC) && rig.is_taken(1, MAC));
    rig.net.run(ms(1100));
    assert!(!rig.is_taken(0, MAC) && rig.is_taken(1, MAC));
    // One that gets an address has frames of its own at once.
    rig.net.world.node(rig.node).control(|stack, ctx| stack.lagg_add_port(ctx, lagg, port, 9).unwrap());
    rig.net.run(ms(10));
    remove(&mut rig);
    rig.net.add_address(rig.node, port, v6(7), false);
    assert!(!rig.is_taken(0, MAC));
}

#[test]
fn t33_a_standby_port_that_was_removed_brings_nothing() {
    let mut rig = Rig::new();
    let (lagg, port) = (rig.lagg, rig.ports[1]);
    let node = rig.net.world.node(rig.node);
    node.control(|stack, ctx| stack.lagg_remove_port(ctx, lagg, port).unwrap());
    assert!(!rig.is_taken(1, MAC) && rig.is_taken(0, MAC));
}

#[test]
fn t33_what_is_for_the_old_address_is_taken_for_a_second() {
    let mut rig = Rig::new();
    let new = Mac([2, 0xcc, 0, 0, 0, 2]);
    // By the whole way in: the VLAN's address is its lagg's.
    rig.net.add_address(rig.node, rig.vlan, v6(1), false);
    let (lagg, foreign) = (rig.lagg, rig.net.dropped(rig.node, Cause::NotOurMac));
    let node = rig.net.world.node(rig.node);
    node.control(|stack, ctx| stack.lagg_set_mac(ctx, lagg, new).unwrap());
    assert!(rig.is_taken(0, MAC) && rig.is_taken(0, new));
    assert_eq!(rig.net.dropped(rig.node, Cause::NotOurMac), foreign, "the VLAN has taken both");
    rig.net.run(ms(1100));
    assert!(!rig.is_taken(0, MAC), "the old one is nobody's now: no device lets it in");
    assert!(rig.is_taken(0, new));
    assert_eq!(rig.net.dropped(rig.node, Cause::NotOurMac), foreign);
}

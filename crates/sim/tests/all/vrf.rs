//! Routing instances: two of the same addresses and prefixes, which do not mix.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::AddRouteError;
use siding_stack::Answer;
use siding_stack::Belongings;
use siding_stack::VrfError;
use siding_stack::config::FURTHER_VRFS;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::VrfId;
use siding_stack::route::Group;
use siding_stack::route::Hop;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::ip4::Ip4Repr;

use crate::common::*;

/// On the second link of each instance.
const fn far4(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, host)
}

/// Where the router that the far host is behind is, in each instance.
const NEXT: [Mac; 2] = [Mac([2, 0xee, 0, 0, 1, 0]), Mac([2, 0xee, 0, 0, 1, 1])];

/// A router with two links in the default routing instance, and two in another, red. Each has the same two subnets with the same
/// addresses of ours, [`PEER`] on the first and a router on the second of them, by which the same prefix is reached.
struct Rig {
    net: Net,
    node: NodeId,
    links: [[LinkId; 2]; 2],
    ids: [[IfId; 2]; 2],
    red: VrfId,
}

impl Rig {
    fn new() -> Rig {
        let mut net = Net::new(1);
        let node = net.add_node(without_mld("router"));
        let links = [(); 2].map(|()| [(); 2].map(|()| net.world.add_link(Faults::default())));
        let ids = links.map(|links| links.map(|link| net.world.plug(node, link, None).unwrap()));
        let red = net.world.node(node).control(|stack, ctx| {
            stack.set_forwarding(ctx, true);
            let red = stack.add_vrf(ctx).unwrap();
            ids[1].iter().for_each(|id| stack.set_vrf(ctx, *id, red).unwrap());
            for (which, [near, far]) in ids.into_iter().enumerate() {
                let own: [(IfId, IpAddr, u8); 4] = [
                    (near, on_link(0, 1).into(), 64),
                    (near, v4(1).into(), 24),
                    (far, on_link(1, 1).into(), 64),
                    (far, far4(1).into(), 24),
                ];
                own.iter()
                    .for_each(|(on, addr, len)| stack.add_address(ctx, *on, *addr, *len, false).unwrap());
                let known: [(IfId, IpAddr, Mac); 4] = [
                    (near, PEER.into(), PEER_MAC),
                    (near, v4(0x99).into(), PEER_MAC),
                    (far, on_link(1, 2).into(), NEXT[which]),
                    (far, far4(2).into(), NEXT[which]),
                ];
                known.iter().for_each(|(on, addr, mac)| stack.add_neighbor(ctx, *on, *addr, *mac).unwrap());
                let (metric, origin) = (1, Origin::Static);
                let prefix = Prefix::covering(on_link(7, 0), 64);
                let next_hop = Some(on_link(1, 2));
                stack.add_routes6(ctx, [Route { prefix, next_hop, interface: far, metric, origin }]).unwrap();
                let prefix = Prefix::covering(Ipv4Addr::new(203, 0, 113, 0), 24);
                let next_hop = Some(far4(2));
                stack.add_route4(ctx, Route { prefix, next_hop, interface: far, metric, origin }).unwrap();
            }
            red
        });
        net.run(secs(1));
        net.rewind();
        Rig { net, node, links, ids, red }
    }

    /// What comes out when a packet comes in by the first link of an instance: the links, and to whom.
    fn hear(&mut self, which: usize, ethertype: EtherType, packet: &[u8]) -> Vec<(LinkId, Mac)> {
        self.net.rewind();
        let to = self.net.mac(self.node, self.ids[which][0]);
        self.net.hear(self.links[which][0], &frame(to, ethertype, packet));
        let to = |sent: &Frame| Mac(*sent.bytes.first_chunk().unwrap());
        self.net.frames().iter().map(|sent| (sent.link, to(sent))).collect()
    }

    fn control<O>(
        &self,
        work: impl FnOnce(&siding_stack::Stack, &mut siding_lockorder::Ctx<'_, siding_lockorder::Unlocked>) -> O,
    ) -> O {
        self.net.world.node(self.node).control(work)
    }
}

fn echo4(dst: Ipv4Addr, ttl: u8) -> Vec<u8> {
    let mut message = vec![0; 16];
    Icmp4Repr::EchoRequest { ident: 7, seq: 1 }.emit(&mut message).unwrap();
    let mut packet = vec![0; 20];
    Ip4Repr::new(v4(0x99), dst, IpProto::ICMP, ttl, 16).emit(&mut packet).unwrap();
    [packet, message].concat()
}

fn echo6(dst: std::net::Ipv6Addr, hops: u8) -> Vec<u8> {
    let message = message(PEER, dst, Icmp6Repr::EchoRequest { ident: 7, seq: 1 }, b"who");
    packet(PEER, dst, IpProto::ICMP6, hops, &message)
}

#[test]
fn what_comes_by_an_instance_goes_on_and_is_answered_in_it() {
    let mut rig = Rig::new();
    let behind4 = Ipv4Addr::new(203, 0, 113, 9);
    for which in [0, 1, 1, 0, 1] {
        let [near, far] = rig.links[which];
        for (ethertype, packet, out) in [
            (EtherType::IPV6, echo6(on_link(7, 9), 64), (far, NEXT[which])),
            (EtherType::IPV4, echo4(behind4, 64), (far, NEXT[which])),
            (EtherType::IPV6, echo6(on_link(1, 2), 64), (far, NEXT[which])),
            (EtherType::IPV4, echo4(far4(2), 64), (far, NEXT[which])),
            // To ourselves, by the link that it came by or the other one, and what we have to complain of.
            (EtherType::IPV6, echo6(on_link(0, 1), 64), (near, PEER_MAC)),
            (EtherType::IPV6, echo6(on_link(1, 1), 64), (near, PEER_MAC)),
            (EtherType::IPV4, echo4(v4(1), 64), (near, PEER_MAC)),
            (EtherType::IPV4, echo4(far4(1), 64), (near, PEER_MAC)),
            (EtherType::IPV6, echo6(on_link(7, 9), 1), (near, PEER_MAC)),
            (EtherType::IPV4, echo4(behind4, 1), (near, PEER_MAC)),
            (EtherType::IPV6, echo6(on_link(9, 9), 64), (near, PEER_MAC)),
            (EtherType::IPV4, echo4(Ipv4Addr::new(192, 88, 99, 1), 64), (near, PEER_MAC)),
        ] {
            assert_eq!(rig.hear(which, ethertype, &packet), [out], "{which}: {packet:02x?}");
        }
        rig.net.run(secs(30));
    }
}

#[test]
fn what_one_instance_has_is_nothing_to_the_other() {
    let mut rig = Rig::new();
    let (more4, more6) = (Ipv4Addr::new(203, 0, 113, 77), on_link(7, 0x77));
    // An address of ours in the default instance, which in red is any host behind the router.
    let near = rig.ids[0][0];
    rig.control(|stack, ctx| {
        stack.add_address(ctx, near, more4.into(), 32, false).unwrap();
        stack.add_address(ctx, near, more6.into(), 128, false).unwrap();
    });
    for (which, out) in [(0, (rig.links[0][0], PEER_MAC)), (1, (rig.links[1][1], NEXT[1]))] {
        assert_eq!(rig.hear(which, EtherType::IPV4, &echo4(more4, 64)), [out]);
        assert_eq!(rig.hear(which, EtherType::IPV6, &echo6(more6, 64)), [out]);
    }
    // And from which somebody in red may send.
    let mut from = echo4(far4(2), 64);
    Ip4Repr::new(more4, far4(2), IpProto::ICMP, 64, 16).emit(&mut from[..20]).unwrap();
    assert_eq!(rig.hear(0, EtherType::IPV4, &from), []);
    assert_eq!(rig.net.dropped(rig.node, Cause::BadSource), 1);
    assert_eq!(rig.hear(1, EtherType::IPV4, &from), [(rig.links[1][1], NEXT[1])]);
    // A route that goes in one stays in the other.
    let prefix = Prefix::covering(on_link(7, 0), 64);
    let (next, far) = (Some(on_link(1, 2)), rig.ids[0][1]);
    assert_eq!(rig.control(|stack, ctx| stack.remove_route6(ctx, &prefix, next, far)), Ok(true));
    assert_eq!(rig.hear(0, EtherType::IPV6, &echo6(on_link(7, 9), 64)), [(rig.links[0][0], PEER_MAC)]);
    assert_eq!(rig.net.dropped(rig.node, Cause::NoRoute), 1);
    assert_eq!(rig.hear(1, EtherType::IPV6, &echo6(on_link(7, 9), 64)), [(rig.links[1][1], NEXT[1])]);
}

#[test]
fn what_starts_here_goes_by_the_instance_of_the_interface_that_is_named() {
    let mut rig = Rig::new();
    let ping = rig.net.open(rig.node);
    for (scope, which) in [(IfId::NONE, 0), (rig.ids[1][0], 1), (rig.ids[1][1], 1), (rig.ids[0][1], 0)] {
        for dst in [IpAddr::from(on_link(7, 9)), Ipv4Addr::new(203, 0, 113, 9).into()] {
            rig.net.rewind();
            rig.net.ping_on(rig.node, &ping, dst, scope, 1).unwrap();
            rig.net.run(ms(1));
            let [sent] = &rig.net.frames()[..] else { panic!("{:?}", rig.net.frames()) };
            assert_eq!((sent.link, &sent.bytes[..6]), (rig.links[which][1], &NEXT[which].0[..]), "{dst}");
        }
        // To ourselves.
        rig.net.ping_on(rig.node, &ping, far4(1), scope, 2).unwrap();
        rig.net.run(ms(1));
        let answer = rig.net.answer(rig.node, &ping).unwrap();
        assert_eq!(answer.answer, Answer::Reply { from: far4(1).into(), hop_limit: 64 });
    }
}

#[test]
fn an_instance_goes_when_no_interface_belongs_to_it_and_takes_nothing_of_others_along() {
    let rig = Rig::new();
    let (red, [near, far]) = (rig.red, rig.ids[1]);
    rig.control(|stack, ctx| {
        assert_eq!(stack.routes6().len(), 6);
        assert!(matches!(stack.remove_vrf(ctx, red), Err(VrfError::InUse(..))));
        let name = stack.config().interface(near).unwrap().ifnet.name.clone();
        let has = VrfError::Has(name, Belongings::Addresses);
        assert_eq!(stack.set_vrf(ctx, near, VrfId::DEFAULT), Err(has));
        drop(stack.detach(ctx, far).unwrap());
        assert_eq!(stack.routes6().len(), 4);
        for addr in [IpAddr::from(on_link(0, 1)), v4(1).into()] {
            stack.remove_address(ctx, near, addr).unwrap();
        }
        stack.set_vrf(ctx, near, VrfId::DEFAULT).unwrap();
        stack.remove_vrf(ctx, red).unwrap();
        assert_eq!((stack.routes6().len(), stack.routes4().len()), (3, 3), "of the default one");
        assert!(stack.interfaces(ctx).iter().all(|there| there.vrf == VrfId::DEFAULT));
        assert_eq!(stack.set_vrf(ctx, near, red), Err(VrfError::NoVrf(red)));
        assert_eq!(stack.remove_vrf(ctx, red), Err(VrfError::NoVrf(red)));
        assert_eq!(stack.remove_vrf(ctx, VrfId::DEFAULT), Err(VrfError::Default));
        assert_eq!(stack.set_vrf(ctx, IfId::NONE, red), Err(VrfError::NoInterface(IfId::NONE)));
        (0..FURTHER_VRFS).for_each(|_| _ = stack.add_vrf(ctx).unwrap());
        assert_eq!(stack.add_vrf(ctx), Err(VrfError::Full(FURTHER_VRFS)));
    });
}

#[test]
fn routers_that_share_flows_are_of_the_default_instance() {
    let rig = Rig::new();
    let prefix = Prefix::covering(on_link(8, 0), 64);
    let hops = rig.ids.map(|[_, far]| Hop { router: on_link(1, 2), interface: far, weight: 1, metric: 1 });
    rig.control(|stack, ctx| {
        let name = stack.config().interface(rig.ids[1][1]).unwrap().ifnet.name.clone();
        let group = Group { prefix, hops: hops.to_vec() };
        assert_eq!(stack.add_multipath6(ctx, group), Err(AddRouteError::OtherVrf(name)));
    });
}

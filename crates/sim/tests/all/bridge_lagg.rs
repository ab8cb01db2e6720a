//! A bridge among laggs and VLANs: everybody reaches everybody, before and after a failover, and what is announced.

use std::collections::BTreeMap;
use std::net::IpAddr;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::BridgeSpec;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::Vlan;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::arp::ArpOp;
use siding_wire::arp::ArpRepr;
use siding_wire::ether::Ether;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd;
use siding_wire::nd::NdMessage;

use crate::common::Frame;
use crate::common::Net;
use crate::common::frame_from;
use crate::common::ms;
use crate::common::secs;
use crate::common::spec;

/// `a` has a bridge over a lagg (links 0 and 1), a device (link 2) and a VLAN (10 on link 3), and VLAN 20 on the
/// bridge. `b` is on both links of the lagg, as a switch would be; `c` and `d` are on links 2 and 3. Each has
/// addresses on the bridged network, and on VLAN 20 of it.
struct Rig {
    net: Net,
    bridge: IfId,
    lagg: IfId,
    ports: [IfId; 2],
    links: Vec<LinkId>,
    nodes: [NodeId; 4],
    /// On the bridged network, and on VLAN 20.
    interfaces: [[IfId; 2]; 4],
}

fn vlan(parent: IfId, vid: u16) -> Vlan {
    Vlan { parent, vid, ethertype: EtherType::VLAN }
}

impl Rig {
    fn new() -> Rig {
        let mut net = Net::new(1);
        let links: Vec<_> = (0..4).map(|_| net.world.add_link(Faults::default())).collect();
        let nodes = ["a", "b", "c", "d"].map(|name| net.add_node(spec(name)));
        let mut plug = |node: usize, link: usize| net.world.plug(nodes[node], links[link], None).unwrap();
        let here: Vec<_> = (0..4).map(|link| plug(0, link)).collect();
        let there = [plug(1, 0), plug(1, 1)];
        let (c, d) = (plug(2, 2), plug(3, 3));
        let control = |node: usize| net.world.node(nodes[node]);
        let (bridge, lagg) = control(0).control(|stack, ctx| {
            let lagg = stack.add_lagg(ctx, LaggSpec::new("lagg0", Mode::Failover)).unwrap();
            stack.lagg_add_port(ctx, lagg, here[0], 2).unwrap();
            stack.lagg_add_port(ctx, lagg, here[1], 1).unwrap();
            let tagged = stack.add_vlan(ctx, "vlan10", vlan(here[3], 10)).unwrap();
            let bridge = stack.add_bridge(ctx, BridgeSpec::new("bridge0")).unwrap();
            for port in [lagg, here[2], tagged] {
                stack.bridge_add_port(ctx, bridge, port).unwrap();
            }
            (bridge, lagg)
        });
        let b = control(1).control(|stack, ctx| {
            let lagg = stack.add_lagg(ctx, LaggSpec::new("lagg0", Mode::Broadcast)).unwrap();
            there.iter().for_each(|port| stack.lagg_add_port(ctx, lagg, *port, 0).unwrap());
            lagg
        });
        let d = control(3).control(|stack, ctx| stack.add_vlan(ctx, "vlan10", vlan(d, 10)).unwrap());
        let mut interfaces = [bridge, b, c, d].map(|id| [id, id]);
        for (node, on) in interfaces.iter_mut().enumerate() {
            control(node).control(|stack, ctx| {
                on[1] = stack.add_vlan(ctx, "vlan20", vlan(on[0], 20)).unwrap();
                for (network, on) in on.iter().enumerate() {
                    for (addr, len) in addresses(network, node) {
                        stack.add_address(ctx, *on, addr, len, false).unwrap();
                    }
                }
            });
        }
        net.run(secs(10));
        net.rewind();
        Rig { net, bridge, lagg, ports: [here[0], here[1]], links, nodes, interfaces }
    }

    fn link(&mut self, port: usize, up: bool) {
        let id = self.ports[port];
        self.net.world.node(self.nodes[0]).control(|stack, ctx| stack.set_link(ctx, id, up).unwrap());
    }

    fn all_pairs_ping(&mut self) {
        let mut asked = Vec::new();
        for (from, to) in (0..4).flat_map(|from| (0..4).map(move |to| (from, to))) {
            for dst in (0..2).flat_map(|network| addresses(network, to)).map(|(addr, _)| addr) {
                let ping = self.net.open(self.nodes[from]);
                self.net.ping(self.nodes[from], &ping, dst, 1).unwrap();
                asked.push((from, dst, ping));
            }
            self.net.run(ms(10));
        }
        for (from, dst, ping) in asked {
            assert!(self.net.answer(self.nodes[from], &ping).is_some(), "from {from} to {dst}");
        }
    }

    fn station(&self, node: usize) -> Mac {
        let stack = &self.net.world.node(self.nodes[node]).stack;
        stack.config().interface(self.interfaces[node][0]).unwrap().mac
    }

    /// How often each thing was announced on a link.
    fn announced(&self, link: usize) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for frame in self.net.frames().iter().filter(|frame| frame.link == self.links[link]) {
            if let Some(what) = announcement(frame) {
                *counts.entry(what).or_default() += 1;
            }
        }
        counts
    }
}

fn addresses(network: usize, node: usize) -> [(IpAddr, u8); 2] {
    let six = format!("2001:db8:{network}::{}", node + 1);
    let four = format!("192.0.{}.{}", network + 2, node + 1);
    [(six.parse().unwrap(), 64), (four.parse().unwrap(), 24)]
}

/// What a frame announces, with its VLAN if it has one.
fn announcement(frame: &Frame) -> Option<String> {
    let (mut header, mut rest) = Ether::parse(&frame.bytes).unwrap();
    let mut tag = String::new();
    if header.ethertype == EtherType::VLAN {
        tag = format!(" on {}", u16::from_be_bytes([rest[0], rest[1]]));
        header.ethertype = EtherType(u16::from_be_bytes([rest[2], rest[3]]));
        rest = &rest[4..];
    }
    match header.ethertype {
        EtherType::ARP => {
            let arp = ArpRepr::parse(rest).unwrap();
            arp.is_announcement().then(|| format!("{}{tag}", arp.spa))
        }
        EtherType::RARP => {
            let who = ArpRepr::parse(rest).unwrap();
            assert_eq!((who.op, who.sha, who.tha), (ArpOp::REVERSE_REQUEST, header.src, header.src));
            assert_eq!(header.dst, Mac::BROADCAST);
            Some(format!("station {}{tag}", who.sha))
        }
        EtherType::IPV6 => {
            let (ip, body) = Ip6Repr::parse(rest).unwrap();
            if ip.next_header != IpProto::ICMP6 {
                return None;
            }
            match nd::validate(ip.hop_limit, ip.src, ip.dst, body, false) {
                Ok(NdMessage::NeighborAdvert(advert)) if !advert.solicited => {
                    assert!(advert.override_);
                    Some(format!("{}{tag}", advert.target))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

#[test]
fn t26_everybody_reaches_everybody_over_nested_devices_before_and_after_a_failover() {
    let mut rig = Rig::new();
    rig.all_pairs_ping();
    for (port, up) in [(0, false), (0, true), (1, false)] {
        rig.link(port, up);
        rig.all_pairs_ping();
    }
    let bridges = rig.net.world.node(rig.nodes[0]).stack.bridges();
    assert_eq!(bridges[0].moved, 0, "the lagg is one port, whichever of its ports is in use");
    assert!(bridges[0].forwarded > 0);
}

#[test]
fn t19_a_failover_below_a_bridge_announces_its_addresses_and_the_stations_behind_its_other_ports() {
    let mut rig = Rig::new();
    rig.all_pairs_ping();
    rig.net.run(secs(10));
    rig.net.rewind();
    rig.link(0, false);
    let own = addresses(0, 0).map(|(addr, _)| addr.to_string());
    let on_vlan = addresses(1, 0).map(|(addr, _)| format!("{addr} on 20"));
    let ours: Vec<String> = own.into_iter().chain(on_vlan).collect();
    let stations = [2, 3].map(|node| format!("station {}", rig.station(node)));
    let times =
        |count, what: &[String]| what.iter().map(|what| (what.clone(), count)).collect::<BTreeMap<_, _>>();
    let everything: Vec<String> = ours.iter().chain(&stations).cloned().collect();
    rig.net.run(ms(1));
    assert_eq!(rig.announced(1), times(1, &everything), "at once");
    rig.net.run(secs(10));
    assert_eq!(rig.announced(1), times(3, &everything));
    assert_eq!(rig.announced(0), times(0, &[]));
    assert_eq!(
        rig.announced(2),
        times(3, &ours),
        "and to whoever is behind another port: we are one station"
    );
    // A round later, one of them has moved behind the lagg, and is spoken for no more: it would be led astray.
    rig.net.rewind();
    rig.link(0, true);
    rig.net.run(ms(500));
    let moved = rig.station(2);
    for link in [0, 1] {
        rig.net.inject(rig.links[link], &frame_from(moved, Mac::BROADCAST, EtherType(0x88b5), &[0; 46]));
    }
    rig.net.run(secs(10));
    let mut expected = times(3, &everything);
    expected.insert(stations[0].clone(), 1);
    assert_eq!(rig.announced(0), expected);
}

#[test]
fn a_station_that_has_moved_between_dispatch_and_departure_of_its_frame_is_not_spoken_for() {
    let mut rig = Rig::new();
    rig.all_pairs_ping();
    rig.net.run(secs(10));
    rig.net.rewind();
    let moved = rig.station(2);
    // The frame from behind the lagg is received in the same turn in which the announcements are sent, and before.
    rig.link(0, false);
    rig.net.inject(rig.links[1], &frame_from(moved, Mac::BROADCAST, EtherType(0x88b5), &[0; 46]));
    rig.net.run(ms(1));
    assert_eq!(rig.net.dropped(rig.nodes[0], Cause::Stale), 1);
    assert!(!rig.announced(1).contains_key(&format!("station {moved}")));
    assert!(rig.announced(1).contains_key(&format!("station {}", rig.station(3))));
}

#[test]
fn i10_a_lagg_that_leaves_the_bridge_or_departs_announces_no_stations_any_more() {
    let mut rig = Rig::new();
    rig.all_pairs_ping();
    let (bridge, lagg) = (rig.bridge, rig.lagg);
    let a = rig.nodes[0];
    rig.net.world.node(a).control(|stack, ctx| stack.bridge_remove_port(ctx, bridge, lagg).unwrap());
    rig.net.rewind();
    rig.link(0, false);
    rig.net.run(secs(10));
    assert_eq!(rig.announced(1), BTreeMap::new(), "nothing of the bridge lies on it");
    rig.net.world.node(a).control(|stack, ctx| stack.bridge_add_port(ctx, bridge, lagg).unwrap());
    rig.all_pairs_ping();
    rig.net.world.unplug(a, lagg);
    rig.net.run(ms(1));
    assert_eq!(rig.net.world.node(a).stack.bridges()[0].ports.len(), 2);
    let ping = rig.net.open(rig.nodes[2]);
    rig.net.ping(rig.nodes[2], &ping, addresses(0, 3)[0].0, 2).unwrap();
    rig.net.run(ms(10));
    assert!(rig.net.answer(rig.nodes[2], &ping).is_some(), "the other ports go on");
}

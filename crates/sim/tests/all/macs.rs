//! Further link-layer addresses of an interface, as a virtual router has one: whose frames are taken where, and who is told
//! of them.

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::AddressError;
use siding_stack::Belongings;
use siding_stack::BridgeSpec;
use siding_stack::LaggError;
use siding_stack::LaggSpec;
use siding_stack::MacError;
use siding_stack::Mode;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::FURTHER_MACS;
use siding_stack::ifnet::Vlan;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::arp::ArpRepr;
use siding_wire::ether::multicast_mac;
use siding_wire::ip6::solicited_node;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;

use crate::common::*;

/// The first virtual router's (RFC 9568 s7.3), for IPv4 and IPv6.
const VIRTUAL: Mac = Mac([0, 0, 0x5e, 0, 1, 1]);
const VIRTUAL6: Mac = Mac([0, 0, 0x5e, 0, 2, 1]);

/// A node with two devices, and what the test made of them has [`HOST`] and knows [`PEER`].
struct Rig {
    net: Net,
    node: NodeId,
    links: [LinkId; 2],
    ports: [IfId; 2],
    on: IfId,
    /// What stands before an untagged frame's type when it comes in.
    tag: &'static [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Device,
    Vlan,
    Lagg,
    Bridge,
}

const KINDS: [Kind; 4] = [Kind::Device, Kind::Vlan, Kind::Lagg, Kind::Bridge];

impl Rig {
    fn new(kind: Kind) -> Rig {
        let mut net = Net::new(1);
        let node = net.add_node(without_mld("node"));
        let links = [(); 2].map(|()| net.world.add_link(Faults::default()));
        let ports = links.map(|link| net.world.plug(node, link, None).unwrap());
        let on = net.world.node(node).control(|stack, ctx| {
            let on = match kind {
                Kind::Device => ports[0],
                Kind::Vlan => {
                    let vlan = Vlan { parent: ports[0], vid: 7, ethertype: EtherType::VLAN };
                    stack.add_vlan(ctx, "v7", vlan).unwrap()
                }
                Kind::Lagg => {
                    let lagg = stack.add_lagg(ctx, LaggSpec::new("lagg0", Mode::Failover)).unwrap();
                    ports.iter().for_each(|port| stack.lagg_add_port(ctx, lagg, *port, 9).unwrap());
                    lagg
                }
                Kind::Bridge => {
                    let bridge = stack.add_bridge(ctx, BridgeSpec::new("bridge0")).unwrap();
                    ports.iter().for_each(|port| stack.bridge_add_port(ctx, bridge, *port).unwrap());
                    bridge
                }
            };
            stack.add_address(ctx, on, HOST.into(), 64, false).unwrap();
            stack.add_neighbor(ctx, on, PEER.into(), PEER_MAC).unwrap();
            on
        });
        net.run(secs(3));
        net.rewind();
        let tag: &[u8] = if kind == Kind::Vlan { &[0x81, 0, 0, 7] } else { &[] };
        Rig { net, node, links, ports, on, tag }
    }

    fn add(&self, mac: Mac) -> Result<(), MacError> {
        self.net.world.node(self.node).control(|stack, ctx| stack.add_mac(ctx, self.on, mac))
    }

    fn remove(&self, mac: Mac) -> Result<(), MacError> {
        self.net.world.node(self.node).control(|stack, ctx| stack.remove_mac(ctx, self.on, mac))
    }

    fn add_virtual(&self, addr: impl Into<std::net::IpAddr>, len: u8, mac: Mac) -> Result<(), AddressError> {
        let node = self.net.world.node(self.node);
        node.control(|stack, ctx| stack.add_virtual_address(ctx, self.on, (addr.into(), len), mac))
    }

    /// Whether an echo request is answered that comes by the first link, in a frame to `mac`.
    fn answers(&mut self, mac: Mac) -> bool {
        // Devices are told what to let in by the next turn.
        self.net.run(secs(0));
        self.net.rewind();
        let mut frame = frame6(mac, &echo(PEER, HOST, 1));
        frame.splice(12..12, self.tag.iter().copied());
        self.net.hear(self.links[0], &frame);
        let sent = self.net.frames();
        let answer = sent.iter().any(|sent| sent.link == self.links[0] && sent.bytes[..6] == PEER_MAC.0);
        assert!(sent.iter().all(|sent| sent.bytes[6..12] != mac.0 || mac == self.own()), "sent from its own");
        answer
    }

    fn own(&self) -> Mac {
        self.net.world.node(self.node).stack.config().interface(self.on).unwrap().mac
    }

    /// Whether the devices let frames to `mac` in.
    fn let_in(&self, mac: Mac) -> [bool; 2] {
        let config = self.net.world.node(self.node).stack.config();
        self.ports.map(|port| config.filter(port).unwrap().unicast.contains(&mac))
    }
}

#[test]
fn frames_to_a_further_address_are_for_us_while_there_is_one_whatever_carries_them() {
    for kind in KINDS {
        let mut rig = Rig::new(kind);
        let own = rig.own();
        assert_eq!((rig.answers(own), rig.answers(VIRTUAL)), (true, false), "{kind:?}");
        rig.add(VIRTUAL).unwrap();
        rig.add(VIRTUAL6).unwrap();
        let below = [true, matches!(kind, Kind::Lagg | Kind::Bridge)];
        assert_eq!([rig.let_in(VIRTUAL), rig.let_in(VIRTUAL6)], [below; 2], "{kind:?}");
        assert_eq!([own, VIRTUAL, VIRTUAL6].map(|mac| rig.answers(mac)), [true; 3], "{kind:?}");
        // A device that lets everything in: the stack looks for itself.
        rig.links.iter().for_each(|link| rig.net.world.set_promiscuous(*link));
        rig.remove(VIRTUAL).unwrap();
        assert_eq!([own, VIRTUAL, VIRTUAL6].map(|mac| rig.answers(mac)), [true, false, true], "{kind:?}");
        assert_eq!([rig.let_in(VIRTUAL), rig.let_in(VIRTUAL6)], [[false; 2], below], "{kind:?}");
        let not_ours = rig.net.dropped(rig.node, Cause::NotOurMac);
        assert_eq!(not_ours, u64::from(kind != Kind::Bridge), "a bridge sends it on");
    }
}

#[test]
fn an_address_is_of_the_interface_that_it_was_given_to_and_goes_with_it() {
    // What lies on it may be the backup of a virtual router of the same number, and what it lies on, too.
    let mut rig = Rig::new(Kind::Vlan);
    let (vlan, below) = (rig.on, rig.ports[0]);
    rig.on = below;
    rig.add(VIRTUAL).unwrap();
    rig.on = vlan;
    assert!(!rig.answers(VIRTUAL));
    assert_eq!(rig.net.dropped(rig.node, Cause::NotOurMac), 1);
    rig.add(VIRTUAL6).unwrap();
    assert_eq!([rig.let_in(VIRTUAL)[0], rig.let_in(VIRTUAL6)[0]], [true, true]);
    rig.net.world.node(rig.node).control(|stack, ctx| drop(stack.detach(ctx, vlan).unwrap()));
    assert_eq!([rig.let_in(VIRTUAL)[0], rig.let_in(VIRTUAL6)[0]], [true, false]);
}

#[test]
fn a_virtual_address_is_at_its_link_layer_address_for_whoever_asks() {
    for kind in KINDS {
        let mut rig = Rig::new(kind);
        rig.add(VIRTUAL).unwrap();
        rig.add(VIRTUAL6).unwrap();
        rig.net.world.node(rig.node).control(|stack, ctx| {
            stack.add_address(ctx, rig.on, v4(1).into(), 24, false).unwrap();
        });
        rig.add_virtual(v4(254), 24, VIRTUAL).unwrap();
        rig.add_virtual(v6(0xfe), 64, VIRTUAL6).unwrap();
        let own = rig.own();
        for (addr, mac) in [(v4(1), own), (v4(254), VIRTUAL)] {
            rig.net.rewind();
            let mut body = vec![0; 28];
            ArpRepr::request(PEER_MAC, v4(0x99), addr).emit(&mut body).unwrap();
            let mut ask = frame(Mac::BROADCAST, EtherType::ARP, &body);
            ask.splice(12..12, rig.tag.iter().copied());
            rig.net.hear(rig.links[0], &ask);
            let replies: Vec<_> = answers(&rig, EtherType::ARP, |body| ArpRepr::parse(body).ok());
            let replies: Vec<_> = replies.iter().map(|(from, arp)| (*from, arp.sha, arp.spa)).collect();
            assert_eq!(replies, [(own, mac, addr)], "{kind:?}: RFC 9568 s8.1.2");
        }
        for (addr, mac) in [(HOST, own), (v6(0xfe), VIRTUAL6)] {
            rig.net.rewind();
            let group = solicited_node(addr);
            let question = solicit(PEER, group, &NeighborSolicit::new(addr, PEER_MAC));
            let mut ask = frame6(multicast_mac(group), &question);
            ask.splice(12..12, rig.tag.iter().copied());
            rig.net.hear(rig.links[0], &ask);
            let adverts = answers(&rig, EtherType::IPV6, |body| {
                let (ip, payload) = siding_wire::ip6::Ip6Repr::parse(body).ok()?;
                match siding_wire::nd::validate(255, ip.src, ip.dst, payload, false).ok()? {
                    siding_wire::nd::NdMessage::NeighborAdvert(advert) => Some(advert),
                    _ => None,
                }
            });
            let adverts: Vec<_> =
                adverts.iter().map(|(from, told)| (*from, told.tlla, told.target)).collect();
            assert_eq!(adverts, [(own, Some(mac), addr)], "{kind:?}: RFC 9568 s8.2.2");
        }
    }
}

/// What was sent to the peer: from whom, and what it says.
fn answers<M>(rig: &Rig, ethertype: EtherType, read: impl Fn(&[u8]) -> Option<M>) -> Vec<(Mac, M)> {
    let at = 14 + rig.tag.len();
    let sent = rig.net.frames().into_iter().filter(|sent| {
        sent.link == rig.links[0]
            && sent.bytes[..6] == PEER_MAC.0
            && sent.bytes[at - 2..at] == ethertype.0.to_be_bytes()
    });
    let from = |bytes: &[u8]| Mac(*bytes[6..].first_chunk().unwrap());
    sent.filter_map(|sent| Some((from(&sent.bytes), read(&sent.bytes[at..])?))).collect()
}

#[test]
fn what_is_asked_from_a_virtual_address_says_where_that_is() {
    let rig = Rig::new(Kind::Device);
    let (mut net, node, link, on) = (rig.net, rig.node, rig.links[0], rig.on);
    net.world.node(node).control(|stack, ctx| {
        stack.remove_address(ctx, on, HOST.into()).unwrap();
        stack.add_mac(ctx, on, VIRTUAL).unwrap();
        stack.add_virtual_address(ctx, on, (v4(254).into(), 24), VIRTUAL).unwrap();
        stack.add_virtual_address(ctx, on, (v6(0xfe).into(), 64), VIRTUAL).unwrap();
    });
    net.ping_once(node, v4(7));
    net.ping_once(node, v6(7));
    let own = net.mac(node, on);
    let [(_, ether, request)] = net.arps()[..] else { panic!("{:?}", net.arps()) };
    assert_eq!((ether.src, request.sha, request.spa), (own, VIRTUAL, v4(254)));
    let [ns] = net.solicits_for(v6(7))[..] else { panic!("{:?}", net.solicits()) };
    assert_eq!((ns.ether.src, ns.ip.src, ns.message.slla), (own, v6(0xfe), Some(VIRTUAL)));

    // The other router of the pair believes itself the master, too: it is at the same place, and in nobody's way.
    let mut body = vec![0; 28];
    ArpRepr::announcement(VIRTUAL, v4(254)).emit(&mut body).unwrap();
    net.hear(link, &frame_from(VIRTUAL, Mac::BROADCAST, EtherType::ARP, &body));
    let message = NeighborAdvert {
        router: true,
        solicited: false,
        override_: true,
        target: v6(0xfe),
        tlla: Some(VIRTUAL),
    };
    let all = siding_wire::ip6::ALL_NODES;
    let told = advert(v6(0xfe), all, &message);
    net.hear(link, &frame_from(VIRTUAL, multicast_mac(all), EtherType::IPV6, &told));
    assert_eq!((net.events(node, v4(254)), net.events(node, v6(0xfe))), (vec![], vec![]));
    // Somebody who has it elsewhere is.
    ArpRepr::announcement(PEER_MAC, v4(254)).emit(&mut body).unwrap();
    net.hear(link, &frame(Mac::BROADCAST, EtherType::ARP, &body));
    assert_eq!(net.events(node, v4(254)).len(), 1);
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let rig = Rig::new(Kind::Device);
    let own = rig.own();
    for mac in [Mac::ZERO, Mac::BROADCAST, Mac([1, 0, 0x5e, 0, 0, 18])] {
        assert_eq!(rig.add(mac), Err(MacError::NotUnicast(mac)));
    }
    assert_eq!(rig.add(own), Err(MacError::Has(own)));
    assert_eq!(rig.remove(own), Err(MacError::NotAdded(own)));
    assert_eq!(rig.add_virtual(v4(254), 24, VIRTUAL), Err(AddressError::NotItsMac(VIRTUAL)));
    rig.add(VIRTUAL).unwrap();
    assert_eq!(rig.add(VIRTUAL), Err(MacError::Has(VIRTUAL)));
    rig.add_virtual(v4(254), 24, VIRTUAL).unwrap();
    assert_eq!(rig.remove(VIRTUAL), Err(MacError::InUse(VIRTUAL, v4(254).into())));
    let (node, on, second) = (rig.net.world.node(rig.node), rig.on, rig.ports[1]);
    node.control(|stack, ctx| {
        assert_eq!(stack.add_mac(ctx, IfId::NONE, VIRTUAL), Err(MacError::NoInterface(IfId::NONE)));
        let lagg = stack.add_lagg(ctx, LaggSpec::new("lagg0", Mode::Failover)).unwrap();
        stack.add_mac(ctx, second, VIRTUAL).unwrap();
        let name = stack.config().interface(second).unwrap().ifnet.name.clone();
        assert_eq!(stack.lagg_add_port(ctx, lagg, second, 1), Err(LaggError::Has(name, Belongings::Macs)));
        stack.remove_mac(ctx, second, VIRTUAL).unwrap();
        stack.lagg_add_port(ctx, lagg, second, 1).unwrap();
        assert!(matches!(stack.add_mac(ctx, second, VIRTUAL), Err(MacError::OnPort(_))));
        stack.remove_address(ctx, on, v4(254).into()).unwrap();
        stack.remove_mac(ctx, on, VIRTUAL).unwrap();
        for number in 0..FURTHER_MACS as u16 {
            let [high, low] = number.to_be_bytes();
            stack.add_mac(ctx, on, Mac([2, 0xaa, 0, 0, high, low])).unwrap();
        }
        assert_eq!(stack.add_mac(ctx, on, VIRTUAL), Err(MacError::Full(FURTHER_MACS)));
        let there = stack.interfaces(ctx).into_iter().find(|there| there.id == on).unwrap();
        assert_eq!(there.further_macs.len(), FURTHER_MACS);
    });
    assert_eq!(rig.net.limit(rig.node, "further-macs").limit, FURTHER_MACS as u64);
}

//! Bridges: learning, ageing, flooding, what stations and ports that move or go leave behind, and bridges among
//! laggs and VLANs.

use std::time::Duration;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::Belongings;
use siding_stack::BridgeError;
use siding_stack::BridgeReport;
use siding_stack::BridgeSpec;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::Vlan;
use siding_wire::EtherType;
use siding_wire::Mac;

use crate::common::Net;
use crate::common::frame_from;
use crate::common::ms;
use crate::common::secs;
use crate::common::spec;

/// A protocol that no node speaks (IEEE 802, local experimental).
const TALK: EtherType = EtherType(0x88b5);

/// A bridge, a link on each of its ports, and stations that the test plays.
struct Rig {
    net: Net,
    node: NodeId,
    bridge: IfId,
    ports: Vec<IfId>,
    links: Vec<LinkId>,
}

fn station(number: u32) -> Mac {
    let [a, b, c, d] = number.to_be_bytes();
    Mac([2, 0xee, a, b, c, d])
}

const A: u32 = 1;
const B: u32 = 2;
const C: u32 = 3;

impl Rig {
    fn new(ports: usize) -> Rig {
        Rig::with(ports, BridgeSpec::new("bridge0"))
    }

    fn with(ports: usize, bridge: BridgeSpec) -> Rig {
        let mut net = Net::new(1);
        let node = net.add_node(spec("a"));
        let links: Vec<_> = (0..ports).map(|_| net.world.add_link(Faults::default())).collect();
        let ports: Vec<_> = links.iter().map(|link| net.world.plug(node, *link, None).unwrap()).collect();
        let bridge = net.world.node(node).control(|stack, ctx| {
            let bridge = stack.add_bridge(ctx, bridge).unwrap();
            ports.iter().for_each(|port| stack.bridge_add_port(ctx, bridge, *port).unwrap());
            bridge
        });
        net.run(secs(10));
        net.rewind();
        Rig { net, node, bridge, ports, links }
    }

    /// A station's frame comes in on link `on`. Gives the links that it leaves by.
    fn says(&mut self, from: u32, on: usize, to: Mac) -> Vec<usize> {
        self.says_frame(on, &frame_from(station(from), to, TALK, &[0; 46]))
    }

    fn says_frame(&mut self, on: usize, frame: &[u8]) -> Vec<usize> {
        self.net.rewind();
        self.net.hear(self.links[on], frame);
        let sent = self.net.frames();
        let sent = sent.iter().filter(|sent| sent.bytes == frame);
        let mut links: Vec<_> =
            sent.map(|sent| self.links.iter().position(|link| *link == sent.link).unwrap()).collect();
        links.sort();
        links
    }

    fn report(&self) -> BridgeReport {
        self.net.world.node(self.node).stack.bridges().remove(0)
    }

    fn link(&mut self, port: usize, up: bool) {
        let id = self.ports[port];
        self.net.world.node(self.node).control(|stack, ctx| stack.set_link(ctx, id, up).unwrap());
    }

    fn has_link(&self) -> bool {
        self.net.world.node(self.node).stack.config().interface(self.bridge).unwrap().link
    }
}

#[test]
fn a_frame_goes_to_the_port_behind_which_its_destination_was_heard() {
    let mut rig = Rig::new(3);
    assert_eq!(rig.says(A, 0, station(B)), [1, 2], "not known yet: everywhere but back");
    assert_eq!(rig.says(B, 1, station(A)), [0]);
    assert_eq!(rig.says(A, 0, station(B)), [1]);
    assert_eq!(rig.says(C, 1, station(B)), [] as [usize; 0], "they are on one link, and heard each other");
    assert_eq!(rig.net.dropped(rig.node, Cause::SamePort), 1);
    let report = rig.report();
    let known: Vec<_> = report.stations.iter().map(|known| (known.mac, known.port)).collect();
    let expected = [(station(A), rig.ports[0]), (station(B), rig.ports[1]), (station(C), rig.ports[1])];
    assert_eq!(known, expected);
    assert_eq!(report.ports.iter().map(|port| port.stations).collect::<Vec<_>>(), [1, 2, 0]);
    assert_eq!((report.forwarded, report.flooded, report.moved, report.refused), (2, 1, 0, 0));
}

#[test]
fn a_station_is_forgotten_when_it_has_been_silent_for_the_ageing_time() {
    let mut rig = Rig::new(3);
    rig.says(A, 0, station(B));
    rig.net.run(secs(200));
    assert_eq!(rig.says(B, 1, station(A)), [0]);
    rig.net.run(secs(99));
    assert_eq!(rig.says(B, 1, station(A)), [0], "to be sent to is not to be heard");
    rig.net.run(secs(1));
    assert_eq!(rig.says(B, 1, station(A)), [0, 2]);
    rig.says(A, 2, station(B));
    assert_eq!(rig.says(B, 1, station(A)), [2]);
    assert_eq!(rig.report().moved, 0, "forgotten, not moved");

    let mut hub = Rig::with(3, BridgeSpec { ageing: Duration::ZERO, ..BridgeSpec::new("bridge0") });
    hub.says(A, 0, station(B));
    assert_eq!(hub.says(B, 1, station(A)), [0, 2], "an ageing time of zero floods everything");
}

#[test]
fn groups_are_flooded_but_those_that_are_for_one_link() {
    let mut rig = Rig::new(3);
    for group in [Mac::BROADCAST, Mac([0x33, 0x33, 0, 0, 0, 1]), Mac([1, 0x80, 0xc2, 0, 0, 0x10])] {
        assert_eq!(rig.says(A, 0, group), [1, 2], "{group}");
    }
    for last in 0..=0x0f {
        let group = Mac([1, 0x80, 0xc2, 0, 0, last]);
        assert_eq!(rig.says(B, 0, group), [] as [usize; 0], "{group}");
    }
    assert_eq!(rig.net.dropped(rig.node, Cause::LinkGroup), 16);
    assert!(rig.report().stations.iter().all(|known| known.mac != station(B)), "nor is anything learnt");
}

#[test]
fn what_no_station_can_send_is_dropped() {
    let mut rig = Rig::new(2);
    let own = rig.report().mac;
    for from in [Mac::ZERO, Mac::BROADCAST, Mac([1, 0, 0x5e, 0, 0, 1]), own] {
        let frame = frame_from(from, Mac::BROADCAST, TALK, &[0; 46]);
        assert_eq!(rig.says_frame(0, &frame), [] as [usize; 0], "{from}");
    }
    assert_eq!(rig.net.dropped(rig.node, Cause::BadSource), 4);
    assert_eq!(rig.says_frame(0, &frame_from(station(A), station(B), TALK, &[0; 1500])), [1]);
    assert_eq!(rig.says_frame(0, &frame_from(station(A), station(B), TALK, &[0; 1509])), [] as [usize; 0]);
    assert_eq!(rig.net.dropped(rig.node, Cause::TooBig), 1);
    assert!(rig.report().stations.iter().all(|known| known.mac == station(A)));
}

#[test]
fn a_station_that_moves_is_followed_at_its_first_frame() {
    let mut rig = Rig::new(3);
    rig.says(A, 0, station(B));
    rig.says(B, 1, station(A));
    assert_eq!(rig.says(A, 2, Mac::BROADCAST), [0, 1]);
    assert_eq!(rig.says(B, 1, station(A)), [2]);
    assert_eq!((rig.report().moved, rig.report().stations.len()), (1, 2));
}

#[test]
fn forged_addresses_push_out_nobody_who_is_talked_with() {
    let mut rig = Rig::with(3, BridgeSpec { stations: 64, ..BridgeSpec::new("bridge0") });
    rig.says(A, 0, station(B));
    rig.says(B, 1, station(A));
    rig.says(A, 0, station(B));
    for forged in 1000..6000 {
        rig.net.inject(rig.links[2], &frame_from(station(forged), station(A), TALK, &[0; 46]));
        if forged % 64 == 0 {
            rig.net.run(ms(1));
        }
    }
    rig.net.run(ms(1));
    assert_eq!(rig.says(A, 0, station(B)), [1]);
    assert_eq!(rig.says(B, 1, station(A)), [0]);
    assert_eq!(rig.report().stations.len(), 64, "the limit, whatever comes");
    // Nor do they keep out somebody who begins to talk in the midst of it.
    assert_eq!(rig.says(C, 1, station(A)), [0]);
    assert_eq!(rig.says(A, 0, station(C)), [1]);
    (7000..8000).for_each(|forged| _ = rig.says(forged, 2, Mac::BROADCAST));
    assert_eq!(rig.says(A, 0, station(C)), [1]);
    assert_eq!(rig.report().stations.len(), 64);
}

#[test]
fn what_was_learnt_behind_a_port_goes_with_its_link() {
    let mut rig = Rig::new(3);
    rig.says(A, 0, station(B));
    rig.says(B, 1, station(A));
    rig.link(1, false);
    assert_eq!(rig.says(A, 0, station(B)), [2], "not into the port that is down");
    assert_eq!(rig.says(C, 1, station(A)), [] as [usize; 0], "nor out of it");
    assert_eq!(rig.net.dropped(rig.node, Cause::InactivePort), 1);
    rig.link(1, true);
    assert_eq!(rig.says(A, 0, station(B)), [1, 2], "it may be elsewhere by now");
    let (node, port) = (rig.node, rig.ports[0]);
    for up in [false, true] {
        rig.net.world.node(node).control(|stack, ctx| stack.set_up(ctx, port, up).unwrap());
    }
    assert_eq!(rig.says(B, 1, station(A)), [0, 2]);
    assert!(rig.has_link());
    (0..3).for_each(|port| rig.link(port, false));
    assert!(!rig.has_link());
    rig.link(2, true);
    assert!(rig.has_link());
}

#[test]
fn a_port_that_is_removed_takes_what_was_learnt_there_and_may_come_back() {
    let mut rig = Rig::new(3);
    let (node, bridge, port) = (rig.node, rig.bridge, rig.ports[1]);
    rig.says(A, 0, station(B));
    rig.says(B, 1, station(A));
    for _ in 0..2 {
        rig.net.world.node(node).control(|stack, ctx| {
            let taken = stack.bridge_add_port(ctx, bridge, port);
            assert!(matches!(taken, Err(BridgeError::IsPort(..))), "{taken:?}");
            stack.bridge_remove_port(ctx, bridge, port).unwrap();
            assert!(matches!(stack.bridge_remove_port(ctx, bridge, port), Err(BridgeError::NotAPort(_))));
        });
        assert_eq!(rig.says(A, 0, station(B)), [2]);
        assert_eq!(rig.says(B, 1, station(A)), [] as [usize; 0]);
        rig.net.world.node(node).control(|stack, ctx| stack.bridge_add_port(ctx, bridge, port).unwrap());
        assert_eq!(rig.says(A, 0, station(B)), [1, 2]);
        assert_eq!(rig.says(B, 1, station(A)), [0]);
    }
    assert_eq!(rig.report().ports.len(), 3);
}

#[test]
fn g5_a_port_that_departs_leaves_nothing_behind_and_a_bridge_lets_its_ports_go() {
    let mut rig = Rig::new(3);
    rig.says(A, 0, station(B));
    rig.says(B, 1, station(A));
    rig.net.world.unplug(rig.node, rig.ports[1]);
    assert_eq!(rig.says(A, 0, station(B)), [2], "before its worker has come by, and after");
    assert_eq!(rig.says(A, 0, station(B)), [2]);
    assert_eq!(rig.report().ports.len(), 2);
    assert!(rig.report().stations.iter().all(|known| known.mac == station(A)));
    assert!(rig.net.world.log().iter().any(|line| line.contains("bridge: port departed")));
    rig.net.world.unplug(rig.node, rig.bridge);
    rig.net.run(ms(1));
    let stack = rig.net.world.node(rig.node).stack.clone();
    assert!(stack.bridges().is_empty());
    assert!(
        rig.ports
            .iter()
            .filter_map(|port| stack.config().interface(*port).cloned())
            .all(|port| port.member_of.is_none())
    );
    assert_eq!(rig.says(A, 0, Mac::BROADCAST), [] as [usize; 0]);
}

#[test]
fn a_flush_forgets_one_ports_stations_or_all() {
    let mut rig = Rig::new(3);
    let stack = rig.net.world.node(rig.node).stack.clone();
    rig.says(A, 0, station(B));
    rig.says(B, 1, station(A));
    assert_eq!(stack.bridge_flush(rig.bridge, Some(rig.ports[1])), Ok(1));
    assert_eq!(rig.says(A, 0, station(B)), [1, 2]);
    assert_eq!(rig.says(B, 1, station(A)), [0]);
    assert_eq!(stack.bridge_flush(rig.bridge, None), Ok(2));
    assert_eq!(rig.report().stations, []);
    assert!(matches!(stack.bridge_flush(rig.ports[0], None), Err(BridgeError::NotABridge(_))));
    assert!(matches!(stack.bridge_flush(rig.bridge, Some(rig.bridge)), Err(BridgeError::NotAPort(_))));
}

#[test]
fn what_cannot_be_a_port_is_refused() {
    let mut rig = Rig::new(1);
    let loose = rig.net.world.add_link(Faults::default());
    let loose = rig.net.world.plug(rig.node, loose, None).unwrap();
    let (bridge, port) = (rig.bridge, rig.ports[0]);
    rig.net.world.node(rig.node).control(|stack, ctx| {
        let vlan = |parent, vid| Vlan { parent, vid, ethertype: EtherType::VLAN };
        let other = stack.add_bridge(ctx, BridgeSpec::new("bridge1")).unwrap();
        let on_bridge = stack.add_vlan(ctx, "bridge0.5", vlan(bridge, 5)).unwrap();
        assert!(stack.add_vlan(ctx, "on-port", vlan(port, 6)).is_err());
        let refused = |ctx: &mut _, port| stack.bridge_add_port(ctx, bridge, port).unwrap_err();
        assert!(matches!(refused(ctx, bridge), BridgeError::Loop(_)));
        assert!(matches!(refused(ctx, on_bridge), BridgeError::Loop(_)));
        assert!(matches!(refused(ctx, other), BridgeError::IsBridge(_)));
        assert!(matches!(refused(ctx, IfId::NONE), BridgeError::NoInterface(_)));
        stack.add_address(ctx, loose, "192.0.2.1".parse().unwrap(), 24, false).unwrap();
        assert!(matches!(refused(ctx, loose), BridgeError::Has(_, Belongings::Addresses)));
        stack.remove_address(ctx, loose, "192.0.2.1".parse().unwrap()).unwrap();
        let on_loose = stack.add_vlan(ctx, "loose.7", vlan(loose, 7)).unwrap();
        assert!(matches!(refused(ctx, loose), BridgeError::Has(_, Belongings::Vlans)));
        // Through a VLAN, one bridge may lie on another, but not in a ring.
        stack.bridge_add_port(ctx, other, on_bridge).unwrap();
        let back = stack.add_vlan(ctx, "bridge1.8", vlan(other, 8)).unwrap();
        assert!(matches!(refused(ctx, back), BridgeError::Loop(_)));
        // device, bridge0, bridge0.5, bridge1, bridge1.8: as deep as it may be.
        assert!(stack.add_vlan(ctx, "too-deep", vlan(back, 9)).is_err());
        let third = stack.add_bridge(ctx, BridgeSpec::new("bridge2")).unwrap();
        let too_deep = stack.bridge_add_port(ctx, third, back).unwrap_err();
        assert_eq!(too_deep, BridgeError::TooDeep);
        let big = BridgeSpec { mtu: 9000, ..BridgeSpec::new("bridge3") };
        let big = stack.add_bridge(ctx, big).unwrap();
        assert!(matches!(stack.bridge_add_port(ctx, big, on_loose), Err(BridgeError::Mtu(..))));
        let none = BridgeSpec { stations: 0, ..BridgeSpec::new("bridge4") };
        assert_eq!(stack.add_bridge(ctx, none), Err(BridgeError::Stations(0)));
    });
}

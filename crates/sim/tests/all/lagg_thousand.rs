//! A thousand failovers: three ports, eight VLANs with four addresses each, neighbours' timers running. Each address
//! is announced exactly as often as was said, on the port in use and on no other.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::rc::Rc;

use crate::common::*;
use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::Announce;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::Reselect;
use siding_stack::ifnet::Vlan;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::arp::ArpRepr;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd::NdMessage;

const FAILOVERS: usize = 1000;
const PORTS: usize = 3;
const VLANS: u16 = 8;
/// N.
const COUNT: u32 = 3;
const INTERVAL: u64 = 20;

/// Announcements by link, VLAN and address.
type Counts = BTreeMap<(LinkId, u16, IpAddr), u32>;

/// The addresses of ours in a VLAN.
fn ours(vid: u16) -> [IpAddr; 4] {
    let v6 = |host| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, vid, 0, 0, 0, 0, host));
    let v4 = |host| IpAddr::V4(Ipv4Addr::new(10, 0, vid as u8, host));
    [v6(1), v6(2), v4(1), v4(2)]
}

/// Somebody else's.
fn theirs(vid: u16, host: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, vid, 0, 0, 0, 0, host))
}

/// A lagg of all links, with its VLANs.
fn node(net: &mut Net, name: &str, links: &[LinkId], lagg: LaggSpec) -> (NodeId, IfId, Vec<IfId>, Vec<IfId>) {
    let mut spec = spec(name);
    spec.nud.reachable_time = ms(60);
    spec.nud.delay_first_probe = ms(20);
    spec.nud.retrans_timer = ms(20);
    spec.buffers = 2048;
    let node = net.add_node(spec);
    let ports: Vec<IfId> = links.iter().map(|link| net.world.plug(node, *link, None).unwrap()).collect();
    let (lagg, vlans) = net.world.node(node).control(|stack, ctx| {
        let lagg = stack.add_lagg(ctx, lagg).unwrap();
        ports.iter().for_each(|port| stack.lagg_add_port(ctx, lagg, *port, 1).unwrap());
        let vlan = |vid| {
            let vlan = Vlan { parent: lagg, vid, ethertype: EtherType::VLAN };
            stack.add_vlan(ctx, &format!("v{vid}"), vlan).unwrap()
        };
        (lagg, (1..=VLANS).map(vlan).collect())
    });
    (node, lagg, ports, vlans)
}

/// The VLAN and the address of an announcement, if it is one.
fn announcement(frame: &[u8]) -> Option<(u16, IpAddr)> {
    let [0x81, 0, a, b, c, d] = *frame.get(12..)?.first_chunk()? else { return None };
    let (vid, payload) = (u16::from_be_bytes([a, b]) & 0xfff, &frame[18..]);
    match [c, d] {
        [0x08, 0x06] => {
            let arp = ArpRepr::parse(payload).ok()?;
            arp.is_announcement().then_some((vid, arp.spa.into()))
        }
        [0x86, 0xdd] => {
            let (header, body) = Ip6Repr::parse(payload).ok()?;
            if header.next_header != IpProto::ICMP6 {
                return None;
            }
            match siding_wire::nd::validate(header.hop_limit, header.src, header.dst, body, false).ok()? {
                NdMessage::NeighborAdvert(na) if !na.solicited => Some((vid, na.target.into())),
                _ => None,
            }
        }
        _ => None,
    }
}

#[test]
fn t19_a_thousand_failovers_announce_each_address_exactly_n_times() {
    let mut net = Net::new(7);
    let counts: Rc<RefCell<Counts>> = Rc::default();
    let into = counts.clone();
    net.world.set_tap(move |_, link, frame| {
        if let Some((vid, addr)) = announcement(frame) {
            *into.borrow_mut().entry((link, vid, addr)).or_default() += 1;
        }
    });
    let links: Vec<LinkId> = (0..PORTS).map(|_| net.world.add_link(Faults::default())).collect();
    let announce = Announce { count: COUNT, interval: ms(INTERVAL) };
    // Which port is next is this test's affair.
    let spec = LaggSpec { announce, reselect: Reselect::Failure, ..LaggSpec::new("lagg0", Mode::Failover) };
    let (node, lagg, ports, vlans) = self::node(&mut net, "a", &links, spec);
    // A peer on all links, who answers wherever he is asked.
    let (peer, _, _, there) = self::node(&mut net, "b", &links, LaggSpec::new("lagg0", Mode::Broadcast));
    for (vid, (here, there)) in (1..).zip(vlans.into_iter().zip(there)) {
        ours(vid).into_iter().for_each(|addr| net.add_address(node, here, addr, false));
        net.add_address(peer, there, theirs(vid, 9), false);
    }
    let ping = net.open(node);
    net.run(secs(5));
    counts.borrow_mut().clear();
    let mut expected = Counts::new();
    let mut active = 0;
    let mut answers = 0;
    for round in 0..FAILOVERS {
        let next = (active + 1 + round % (PORTS - 1)) % PORTS;
        net.world.node(node).control(|stack, ctx| {
            stack.lagg_set_primary(ctx, lagg, Some(ports[next])).unwrap();
            stack.set_link(ctx, ports[active], false).unwrap();
            // Neighbours that answer, and others that never will.
            for vid in 1..=VLANS {
                for host in [9, 0x100 + (round % 50) as u16] {
                    let _ = stack.ping(ctx, &ping, theirs(vid, host), IfId::NONE, round as u16, b"");
                }
            }
        });
        for vid in 1..=VLANS {
            ours(vid)
                .into_iter()
                .for_each(|addr| *expected.entry((links[next], vid, addr)).or_default() += COUNT);
        }
        net.run(ms(INTERVAL * u64::from(COUNT)));
        assert_eq!(*counts.borrow(), expected, "after failover {round}, from port {active} to port {next}");
        net.world.node(node).control(|stack, ctx| stack.set_link(ctx, ports[active], true).unwrap());
        active = next;
        while net.answer(node, &ping).is_some() {
            answers += 1;
        }
        net.world.node(node).stack.check_conservation().unwrap();
    }
    let each =
        counts.borrow().iter().fold(BTreeMap::new(), |mut sum: BTreeMap<_, u32>, ((_, vid, addr), n)| {
            *sum.entry((*vid, *addr)).or_default() += n;
            sum
        });
    assert_eq!(each.len(), usize::from(VLANS) * 4);
    assert!(each.values().all(|count| *count == COUNT * FAILOVERS as u32), "{each:?}");
    let report = net.world.node(node).control(|stack, ctx| stack.laggs(ctx).remove(0));
    assert!(report.announced >= u64::from(COUNT) * FAILOVERS as u64 * u64::from(VLANS) * 4);
    assert!(answers > FAILOVERS * usize::from(VLANS), "neighbours were talked to all the time: {answers}");
    net.world.node(node).control(|_, ctx| ping.close(ctx));
}

//! IPv4 forwarding on the wire: RFC 1812, and what came after it.

use std::net::Ipv4Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::Answer;
use siding_stack::Way;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::Version;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Refusal;
use siding_stack::route::Route;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::arp::ArpRepr;
use siding_wire::checksum::Ends;
use siding_wire::ether::Ether;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp4::exceeded;
use siding_wire::icmp4::unreachable;
use siding_wire::ip4::Ip4Repr;
use siding_wire::tcp::Flags;
use siding_wire::tcp::TcpRepr;
use siding_wire::udp::UdpRepr;

use crate::common::*;

/// On the second link.
const fn far(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, host)
}

const STRANGER: Ipv4Addr = v4(0x99);

/// A router with 192.0.2.1/24 and 198.51.100.1/24, and a stranger on its first link, whom it knows.
fn router() -> (Net, NodeId, [LinkId; 2], [IfId; 2]) {
    let mut net = Net::new(1);
    let links = [net.world.add_link(Faults::default()), net.world.add_link(Faults::default())];
    let node = net.add_node(without_mld("router"));
    let ids = [net.plug(node, links[0], v4(1)), net.plug(node, links[1], far(1))];
    net.forwarding(node, true);
    net.run(Duration::ZERO);
    know(&net, node, ids[0], STRANGER, PEER_MAC);
    know(&net, node, ids[1], far(2), OTHER_MAC);
    (net, node, links, ids)
}

fn know(net: &Net, node: NodeId, on: IfId, addr: Ipv4Addr, mac: Mac) {
    net.world.node(node).control(|stack, ctx| stack.add_neighbor(ctx, on, addr.into(), mac)).unwrap();
}

fn route(net: &Net, node: NodeId, on: IfId, via: Ipv4Addr) {
    let prefix = Prefix::covering(Ipv4Addr::UNSPECIFIED, 0);
    let route = Route { prefix, next_hop: Some(via), interface: on, metric: 1, origin: Origin::Static };
    net.world.node(node).control(|stack, ctx| stack.add_route4(ctx, route)).unwrap();
}

/// A packet with `len` octets of data, as its sender likes.
fn ip(src: Ipv4Addr, dst: Ipv4Addr, len: usize, change: impl FnOnce(&mut Ip4Repr)) -> Vec<u8> {
    let mut header = Ip4Repr::new(src, dst, IpProto::UDP, 64, len as u16);
    change(&mut header);
    let mut bytes = vec![0; 20];
    header.emit(&mut bytes).unwrap();
    bytes.extend((0..len).map(|n| n as u8));
    bytes
}

fn echo4(src: Ipv4Addr, dst: Ipv4Addr, ttl: u8) -> Vec<u8> {
    let mut message = vec![0; 8];
    message.extend(b"who is there");
    Icmp4Repr::EchoRequest { ident: 7, seq: 1 }.emit(&mut message).unwrap();
    let mut packet = ip(src, dst, message.len(), |header| (header.proto, header.ttl) = (IpProto::ICMP, ttl));
    packet[20..].copy_from_slice(&message);
    packet
}

fn frame4(to: Mac, packet: &[u8]) -> Vec<u8> {
    frame(to, EtherType::IPV4, packet)
}

/// The IPv4 packets that were sent on a link.
fn sent(net: &Net, link: LinkId) -> Vec<(Ether, Ip4Repr, Vec<u8>)> {
    let mut all = Vec::new();
    for frame in net.frames().into_iter().filter(|frame| frame.link == link) {
        let (ether, rest) = Ether::parse(&frame.bytes).unwrap();
        if ether.ethertype == EtherType::IPV4 {
            let (header, payload) = Ip4Repr::parse(rest).unwrap();
            all.push((ether, header, payload.to_vec()));
        }
    }
    all
}

/// The one ICMP message that the router sends to the stranger about a packet, with the causes of its drops.
fn complaint(packet: &[u8]) -> (Icmp4Repr, Vec<(Cause, u64)>) {
    let (mut net, node, links, ids) = router();
    net.hear(links[0], &frame4(net.mac(node, ids[0]), packet));
    let [(ether, header, message)] = &sent(&net, links[0])[..] else { panic!("{:?}", sent(&net, links[0])) };
    assert_eq!((ether.dst, header.src, header.dst), (PEER_MAC, v4(1), STRANGER));
    let (repr, quoted) = Icmp4Repr::parse(message).unwrap();
    assert_eq!(quoted, &packet[..packet.len().min(548)], "as it came, and no more than fits into 576 octets");
    assert_eq!(sent(&net, links[1]), []);
    (repr, net.drops(node))
}

#[test]
fn everybody_reaches_everybody_with_one_hop_less() {
    let mut net = Net::new(1);
    let links = [net.world.add_link(Faults::default()), net.world.add_link(Faults::default())];
    let [left, right, router] = ["left", "right", "router"].map(|name| net.add_node(without_mld(name)));
    let ids = [net.plug(left, links[0], v4(2)), net.plug(right, links[1], far(2))];
    net.plug(router, links[0], v4(1));
    net.plug(router, links[1], far(1));
    net.forwarding(router, true);
    route(&net, left, ids[0], v4(1));
    route(&net, right, ids[1], far(1));
    for (from, to, ttl) in [(left, far(2), 63), (right, v4(2), 63), (left, far(1), 64), (router, far(2), 64)]
    {
        let ping = net.open(from);
        (0..3).for_each(|seq| net.ping(from, &ping, to, seq).unwrap());
        net.run(ms(10));
        for seq in 0..3 {
            let reply = net.answer(from, &ping).unwrap();
            let answer = Answer::Reply { from: to.into(), hop_limit: ttl };
            assert_eq!((reply.seq, reply.answer), (seq, answer), "{to}");
        }
    }
    assert_eq!(net.drops(router), []);
}

#[test]
fn a_packet_whose_time_is_up_is_told_of() {
    for ttl in [0, 1] {
        let (repr, drops) = complaint(&ip(STRANGER, far(2), 30, |header| header.ttl = ttl));
        assert_eq!(repr, Icmp4Repr::TimeExceeded { code: exceeded::TTL });
        assert_eq!(drops, [(Cause::HopLimit, 1)]);
    }
    // An echo request is no error, so that a traceroute by echo works.
    assert_eq!(complaint(&echo4(STRANGER, far(2), 1)).0, Icmp4Repr::TimeExceeded { code: exceeded::TTL });
    let (mut net, node, links, ids) = router();
    net.hear(links[0], &frame4(net.mac(node, ids[0]), &ip(STRANGER, far(2), 30, |header| header.ttl = 2)));
    let [(ether, header, data)] = &sent(&net, links[1])[..] else { panic!("one packet") };
    assert_eq!((ether.dst, header.ttl, data.len()), (OTHER_MAC, 1, 30));
}

#[test]
fn what_has_no_route_is_told_of() {
    let (repr, drops) = complaint(&ip(STRANGER, Ipv4Addr::new(203, 0, 113, 7), 700, |_| {}));
    assert_eq!(repr, Icmp4Repr::DestUnreachable { code: unreachable::NET, mtu: 0 });
    assert_eq!(drops, [(Cause::NoRoute, 1)]);
}

#[test]
fn each_kind_of_refusal_has_its_code() {
    let (mut net, node, links, ids) = router();
    let (dst, to) = (Ipv4Addr::new(203, 0, 113, 7), Prefix::covering(Ipv4Addr::new(203, 0, 113, 0), 24));
    route(&net, node, ids[1], far(2));
    let told = |net: &mut Net| {
        net.rewind();
        net.hear(links[0], &frame4(net.mac(node, ids[0]), &ip(STRANGER, dst, 30, |_| {})));
        let code = |(_, _, data): &(Ether, Ip4Repr, Vec<u8>)| Icmp4Repr::parse(data).unwrap().0;
        sent(net, links[0]).iter().map(code).collect::<Vec<_>>()
    };
    let unreachable = |code| vec![Icmp4Repr::DestUnreachable { code, mtu: 0 }];
    for (refusal, expected) in [
        (Refusal::Unreachable, unreachable(unreachable::NET)),
        (Refusal::Prohibit, unreachable(unreachable::PROHIBITED)),
        (Refusal::Reject, unreachable(unreachable::HOST)),
        (Refusal::Blackhole, vec![]),
    ] {
        let before = net.dropped(node, Cause::RouteRefuses);
        net.world.node(node).control(|stack, ctx| stack.add_refusal4(ctx, to, refusal, 0)).unwrap();
        assert_eq!(told(&mut net), expected, "{refusal}");
        assert_eq!(net.dropped(node, Cause::RouteRefuses), before + 1);
        let stack = &net.world.node(node).stack;
        assert_eq!((stack.refusals4().len(), stack.way(dst.into())), (1, Way::Refused(refusal)));
        net.run(Duration::from_secs(1));
    }
    let removed = |net: &Net| net.world.node(node).control(|stack, ctx| stack.remove_refusal4(ctx, &to));
    assert_eq!((removed(&net), removed(&net)), (Ok(true), Ok(false)));
    assert_eq!(told(&mut net), [], "it goes on its way");
    assert_eq!(sent(&net, links[1]).len(), 1);
}

#[test]
fn each_packet_held_for_a_host_that_does_not_answer_is_told_of_826_1() {
    let (mut net, node, links, ids) = router();
    for n in 0..3 {
        net.hear(links[0], &frame4(net.mac(node, ids[0]), &ip(STRANGER, far(77), 30 + n, |_| {})));
    }
    net.run(secs(2));
    assert_eq!(sent(&net, links[0]), []);
    net.run(secs(2));
    let told: Vec<_> =
        sent(&net, links[0]).iter().map(|(_, _, message)| Icmp4Repr::parse(message).unwrap().0).collect();
    assert_eq!(told, [Icmp4Repr::DestUnreachable { code: unreachable::HOST, mtu: 0 }; 3]);
    assert!(net.arps().iter().all(|(_, _, arp)| (arp.spa, arp.tpa) == (far(1), far(77))));
    assert_eq!((net.arps().len(), net.dropped(node, Cause::Unresolved)), (3, 3));
}

#[test]
fn a_host_that_answers_gets_what_was_held_826_1() {
    let (mut net, node, links, ids) = router();
    for n in 0..3 {
        net.hear(links[0], &frame4(net.mac(node, ids[0]), &ip(STRANGER, far(77), 30 + n, |_| {})));
    }
    let (_, _, asked) = net.arps()[0];
    net.hear(links[1], &frame(net.mac(node, ids[1]), EtherType::ARP, &asked.reply(OTHER_MAC).to_bytes()));
    let lens: Vec<_> = sent(&net, links[1]).iter().map(|(_, _, data)| data.len()).collect();
    assert_eq!(lens, [30, 31, 32]);
}

#[test]
fn what_is_too_big_is_cut_or_its_sender_told_of_the_mtu() {
    let (repr, drops) = complaint(&ip(STRANGER, far(2), 1600, |_| {}));
    assert_eq!(repr, Icmp4Repr::DestUnreachable { code: unreachable::FRAG_NEEDED, mtu: 1500 });
    assert_eq!(drops, [(Cause::TooBig, 1)]);
    let (mut net, node, links, ids) = router();
    let packet = ip(STRANGER, far(2), 1600, |header| (header.dont_fragment, header.ident) = (false, 0xabc));
    net.hear(links[0], &frame4(net.mac(node, ids[0]), &packet));
    let pieces = sent(&net, links[1]);
    let places: Vec<_> =
        pieces.iter().map(|(_, header, _)| (header.frag_offset, header.more_fragments, header.ttl)).collect();
    assert_eq!(places, [(0, true, 63), (1480, false, 63)]);
    assert!(pieces.iter().all(|(_, header, _)| header.ident == 0xabc && header.src == STRANGER));
    let data: Vec<u8> = pieces.into_iter().flat_map(|(_, _, data)| data).collect();
    assert_eq!((data, net.drops(node)), (packet[20..].to_vec(), vec![]));
}

#[test]
fn a_piece_for_a_wide_link_is_no_longer_than_a_buffer() {
    let mut spec = without_mld("router");
    spec.large_buffers = 1;
    let mut net = Net::new(1);
    let links = [net.world.add_link(Faults::default()), net.world.add_link(Faults::default())];
    let node = net.add_node(spec);
    let wide = net.world.plug_mtu(node, links[0], Some((v4(1).into(), 24)), 9000).unwrap();
    let other = net.world.plug_mtu(node, links[1], Some((far(1).into(), 24)), 4000).unwrap();
    net.forwarding(node, true);
    know(&net, node, other, far(2), OTHER_MAC);
    net.run(ms(1));
    let packet = ip(STRANGER, far(2), 5000, |header| header.dont_fragment = false);
    net.hear(links[0], &frame4(net.mac(node, wide), &packet));
    let pieces = sent(&net, links[1]);
    let places: Vec<_> =
        pieces.iter().map(|(_, header, _)| (header.frag_offset, header.more_fragments)).collect();
    assert_eq!((places, net.drops(node)), (vec![(0, true), (1896, true), (3792, false)], vec![]));
    let data: Vec<u8> = pieces.into_iter().flat_map(|(_, _, data)| data).collect();
    assert_eq!(data, packet[20..]);
}

#[test]
fn what_is_cut_is_counted_as_rfc_4293_has_it() {
    let (mut net, node, links, ids) = router();
    let stats = |net: &Net, id: IfId| {
        let config = net.world.node(node).stack.config();
        config.interface(id).unwrap().ifnet.mib.stats(Version::V4)
    };
    // In two pieces, as it is, and not at all.
    for (len, dont_fragment) in [(1600, false), (1000, false), (1600, true)] {
        let packet = ip(STRANGER, far(2), len, |header| header.dont_fragment = dont_fragment);
        net.hear(links[0], &frame4(net.mac(node, ids[0]), &packet));
    }
    let no_way = ip(STRANGER, Ipv4Addr::new(203, 0, 113, 9), 30, |_| {});
    net.hear(links[0], &frame4(net.mac(node, ids[0]), &no_way));
    net.hear(links[0], &frame4(net.mac(node, ids[0]), &ip(STRANGER, far(2), 30, |header| header.ttl = 1)));
    net.hear(links[0], &frame4(net.mac(node, ids[0]), &ip(STRANGER, Ipv4Addr::LOCALHOST, 30, |_| {})));
    let came = stats(&net, ids[0]);
    assert_eq!((came.in_receives, came.in_forw_datagrams), (6, 4), "{came:?}");
    assert_eq!((came.in_no_routes, came.in_hdr_errors, came.in_addr_errors), (1, 1, 1), "{came:?}");
    let left = stats(&net, ids[1]);
    assert_eq!((left.out_forw_datagrams, left.out_frag_reqds), (2, 2), "{left:?}");
    assert_eq!((left.out_frag_oks, left.out_frag_fails, left.out_frag_creates), (1, 1, 2), "{left:?}");
    assert_eq!(left.out_transmits, left.out_requests + 3, "the pieces of the one, and the other: {left:?}");
    assert_eq!(sent(&net, links[1]).len(), 3);
    // Our own, in pieces: one datagram, and one message.
    let before = stats(&net, ids[1]);
    let ping = net.open(node);
    let send = |net: &Net| {
        net.world
            .node(node)
            .control(|stack, ctx| stack.ping(ctx, &ping, far(2).into(), IfId::NONE, 1, &[0; 1600]))
    };
    send(&net).unwrap();
    net.run(ms(10));
    let now = stats(&net, ids[1]);
    let requests = now.out_requests - before.out_requests;
    assert_eq!((requests, now.out_frag_creates - before.out_frag_creates), (1, 2), "{now:?}");
    assert_eq!(now.out_transmits - before.out_transmits, 2);
    let echo = now.icmp.iter().find(|icmp| icmp.kind == Some(8)).unwrap();
    assert_eq!(echo.out_pkts, 1);
    // Nobody answers for the next: it is to leave, and does not.
    let silent = now.clone();
    net.hear(links[0], &frame4(net.mac(node, ids[0]), &ip(STRANGER, far(77), 30, |_| {})));
    net.run(secs(10));
    let now = stats(&net, ids[1]);
    assert_eq!(now.out_forw_datagrams - silent.out_forw_datagrams, 1);
    assert_eq!((now.out_discards, now.out_transmits - silent.out_transmits), (1, 0), "{now:?}");
}

#[test]
fn martians_and_broadcasts_are_not_forwarded_and_not_told_of() {
    let (mut net, node, links, ids) = router();
    route(&net, node, ids[1], far(2));
    let mac = net.mac(node, ids[0]);
    let sources =
        ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.5", "240.0.0.1", "255.255.255.255", "169.254.3.4"];
    let sources = sources.map(|addr| addr.parse().unwrap());
    // Ours, too: it came from somebody else.
    for (n, src) in sources.into_iter().chain([far(1), v4(1)]).enumerate() {
        net.hear(links[0], &frame4(mac, &ip(src, far(2), 30, |header| header.ttl = 1)));
        assert_eq!(net.dropped(node, Cause::BadSource), n as u64 + 1, "from {src}");
    }
    let to = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "240.0.0.1", "255.255.255.255", "169.254.3.4"];
    let to = to.map(|addr| addr.parse().unwrap());
    for (n, dst) in to.into_iter().chain([far(255), far(0), v4(255), v4(0)]).enumerate() {
        net.hear(links[0], &frame4(mac, &ip(STRANGER, dst, 30, |_| {})));
        assert_eq!(net.dropped(node, Cause::NotForUs), n as u64 + 1, "to {dst}");
    }
    net.hear(links[0], &frame4(mac, &ip(STRANGER, Ipv4Addr::new(224, 0, 0, 9), 30, |_| {})));
    assert_eq!(net.dropped(node, Cause::NotJoined), 1);
    // A packet to one host that came to all of them.
    let before = net.dropped(node, Cause::NotForUs);
    net.hear(links[0], &frame4(Mac::BROADCAST, &ip(STRANGER, far(2), 30, |_| {})));
    assert_eq!((net.dropped(node, Cause::NotForUs), net.frames().len()), (before + 1, 0));
}

#[test]
fn what_is_for_us_is_judged_like_what_is_for_others() {
    let (mut net, node, links, ids) = router();
    // A way back for whatever is answered by mistake.
    route(&net, node, ids[1], far(2));
    let mac = net.mac(node, ids[0]);
    let sources = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.5", "240.0.0.1", "255.255.255.255"];
    let sources = sources.map(|addr| addr.parse().unwrap());
    // Our own, of either link, and everybody of this one.
    let sources = sources.into_iter().chain([v4(1), far(1), v4(255), v4(0)]);
    let mut count = 0;
    for src in sources {
        for packet in [echo4(src, v4(1), 64), echo4(src, far(1), 64), tcp4(src, v4(1), Flags::SYN, b"")] {
            net.hear(links[0], &frame4(mac, &packet));
            count += 1;
            assert_eq!(net.dropped(node, Cause::BadSource), count, "from {src}");
        }
    }
    assert_eq!(net.frames().len(), 0);
    // Nor do our own answers go where nobody is: everybody of the other link is asked nothing.
    net.hear(links[0], &frame4(mac, &echo4(far(255), v4(1), 64)));
    assert_eq!((net.dropped(node, Cause::BadSource), net.frames().len()), (count + 1, 0));
    let ping = net.open(node);
    for dst in
        ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "198.51.100.255"]
    {
        let dst: Ipv4Addr = dst.parse().unwrap();
        let refused = net.ping(node, &ping, dst, 1).unwrap_err();
        assert_eq!(refused, siding_stack::SendError::NoDestination(dst.into()));
    }
}

fn udp4(checksum: Option<u16>) -> Vec<u8> {
    let mut datagram = vec![0; 12];
    let ends = Ends::V4 { src: STRANGER, dst: v4(1) };
    UdpRepr { src_port: 5, dst_port: 9 }.emit(ends, &mut datagram).unwrap();
    if let Some(checksum) = checksum {
        datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
    }
    let mut packet = ip(STRANGER, v4(1), datagram.len(), |_| {});
    packet[20..].copy_from_slice(&datagram);
    packet
}

#[test]
fn nobody_listens_on_a_port_and_a_wrong_checksum_is_nobodys() {
    for checksum in [None, Some(0)] {
        let port = Icmp4Repr::DestUnreachable { code: unreachable::PORT, mtu: 0 };
        assert_eq!(complaint(&udp4(checksum)), (port, vec![(Cause::NoListener, 1)]));
    }
    let (mut net, node, links, ids) = router();
    net.hear(links[0], &frame4(net.mac(node, ids[0]), &udp4(Some(0x1234))));
    let wrong = Cause::Malformed(siding_wire::Malformed::BadChecksum);
    assert_eq!((net.frames().len(), net.drops(node)), (0, vec![(wrong, 1)]));
}

fn tcp4(src: Ipv4Addr, dst: Ipv4Addr, flags: Flags, data: &[u8]) -> Vec<u8> {
    let repr = TcpRepr { src_port: 1000, dst_port: 80, seq: 7, ack: 99, flags };
    let mut segment = vec![0; 20];
    segment.extend(data);
    repr.emit(Ends::V4 { src, dst }, &mut segment).unwrap();
    let mut packet = ip(src, dst, segment.len(), |header| header.proto = IpProto::TCP);
    packet[20..].copy_from_slice(&segment);
    packet
}

#[test]
fn a_connection_is_refused() {
    let (mut net, node, links, ids) = router();
    let mac = net.mac(node, ids[0]);
    net.hear(links[0], &frame4(mac, &tcp4(STRANGER, v4(1), Flags::SYN, b"")));
    net.hear(links[0], &frame4(mac, &tcp4(STRANGER, v4(1), Flags::ACK, b"data")));
    let resets: Vec<_> = sent(&net, links[0])
        .into_iter()
        .map(|(ether, header, segment)| {
            assert_eq!((ether.dst, header.src, header.dst), (PEER_MAC, v4(1), STRANGER));
            TcpRepr::parse(Ends::V4 { src: v4(1), dst: STRANGER }, &segment).unwrap().0
        })
        .collect();
    let reset = TcpRepr { src_port: 80, dst_port: 1000, seq: 0, ack: 8, flags: Flags::RST.with(Flags::ACK) };
    assert_eq!(resets, [reset, TcpRepr { seq: 99, ack: 0, flags: Flags::RST, ..reset }]);
    // Not a reset, not one that was damaged, not one that came to everybody.
    net.rewind();
    let mut damaged = tcp4(STRANGER, v4(1), Flags::SYN, b"");
    damaged[24] ^= 1;
    let good = tcp4(STRANGER, v4(1), Flags::SYN, b"");
    let reset = tcp4(STRANGER, v4(1), Flags::RST.with(Flags::ACK), b"");
    for frame in [frame4(mac, &reset), frame4(mac, &damaged), frame4(Mac::BROADCAST, &good)] {
        net.hear(links[0], &frame);
    }
    assert_eq!(net.frames().len(), 0);
    // And not without bounds.
    (0..300).for_each(|_| net.hear(links[0], &frame4(mac, &good)));
    let told = sent(&net, links[0]).len() as u64;
    assert!((10..300).contains(&told) && told + net.dropped(node, Cause::RateLimited) == 300, "{told}");
}

#[test]
fn a_silent_host_is_told_of_to_who_pings_it() {
    let (mut net, node, _, ids) = router();
    for data in [8, 4000] {
        let ping = net.open(node);
        let sent = net
            .world
            .node(node)
            .control(|stack, ctx| stack.ping(ctx, &ping, far(77).into(), ids[1], 3, &vec![0; data]));
        sent.unwrap();
        net.run(ms(3500));
        let reply = net.answer(node, &ping).unwrap();
        assert!(matches!(reply.answer, Answer::Error { what, .. } if what == "host unreachable"));
        assert_eq!((reply.seq, net.answer(node, &ping)), (3, None), "once, however many pieces it had");
    }
}

#[test]
fn a_host_forwards_nothing() {
    let (mut net, node, links, ids) = router();
    net.forwarding(node, false);
    net.hear(links[0], &frame4(net.mac(node, ids[0]), &ip(STRANGER, far(2), 30, |_| {})));
    assert_eq!((net.frames().len(), net.drops(node)), (0, vec![(Cause::NotForUs, 1)]));
}

#[test]
fn the_sender_does_not_choose_the_way() {
    for kind in [131, 137, 148] {
        let (mut net, node, links, ids) = router();
        // A no-operation, and an option of four octets in all.
        let mut packet = ip(STRANGER, far(2), 30, |_| {});
        packet.splice(20..20, [1, 1, 1, 1, kind, 4, 4, 0]);
        packet[0] = 0x47;
        let len = packet.len() as u16;
        packet[2..4].copy_from_slice(&len.to_be_bytes());
        packet[10..12].fill(0);
        let checksum = siding_wire::checksum::of(&packet[..28]);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        net.hear(links[0], &frame4(net.mac(node, ids[0]), &packet));
        let dropped = net.dropped(node, Cause::Option);
        let passed = net.frames().len() as u64;
        assert_eq!((dropped, passed), if kind == 148 { (0, 1) } else { (1, 0) }, "option {kind}");
    }
}

#[test]
fn errors_are_limited_and_beget_none() {
    let (mut net, node, links, ids) = router();
    let mac = net.mac(node, ids[0]);
    (0..300)
        .for_each(|_| net.hear(links[0], &frame4(mac, &ip(STRANGER, far(2), 30, |header| header.ttl = 1))));
    let told = sent(&net, links[0]).len() as u64;
    assert_eq!(
        (told + net.dropped(node, Cause::RateLimited), net.dropped(node, Cause::HopLimit)),
        (300, 300)
    );
    assert!((10..300).contains(&told), "{told}");
    net.run(secs(10));
    net.rewind();
    let error = {
        let mut packet = echo4(STRANGER, far(2), 1);
        packet[20] = 3;
        packet
    };
    let later = ip(STRANGER, far(2), 32, |header| {
        (header.ttl, header.dont_fragment, header.frag_offset) = (1, false, 64);
    });
    for packet in [error, later] {
        net.hear(links[0], &frame4(mac, &packet));
    }
    assert_eq!((sent(&net, links[0]).len(), net.dropped(node, Cause::Silenced)), (0, 2));
}

#[test]
fn a_question_about_another_address_of_the_router_is_answered_on_its_own_link_only_826_1() {
    let (mut net, node, links, ids) = router();
    let ask = |target| {
        frame(Mac::BROADCAST, EtherType::ARP, &ArpRepr::request(PEER_MAC, STRANGER, target).to_bytes())
    };
    net.hear(links[0], &ask(far(1)));
    assert_eq!(net.arps().len(), 0, "it is not on that link");
    net.hear(links[0], &ask(v4(1)));
    let [(_, ether, reply)] = net.arps()[..] else { panic!("one reply") };
    assert_eq!((ether.dst, reply.sha), (PEER_MAC, net.mac(node, ids[0])));
}

#[test]
fn the_largest_packets_there_are_and_none_beyond() {
    // Eight octets of the message are its header; with 65,535 in all, 65,507 are data. One octet more cannot be told of.
    for (data, fits) in [(65_476, true), (65_506, true), (65_507, true), (65_508, false), (65_515, false)] {
        let (mut net, node, links, ids) = router();
        let mut message = vec![0; 8];
        message.extend((0..data).map(|n| n as u8));
        Icmp4Repr::EchoRequest { ident: 7, seq: 1 }.emit(&mut message).unwrap();
        let last = (message.len() - 1) / 1448;
        for (n, part) in message.chunks(1448).enumerate() {
            let mut packet = ip(STRANGER, v4(1), part.len(), |header| {
                (header.proto, header.ident, header.dont_fragment) = (IpProto::ICMP, 9, false);
                (header.frag_offset, header.more_fragments) = ((n * 1448) as u16, n < last);
            });
            packet[20..].copy_from_slice(part);
            net.hear(links[0], &frame4(net.mac(node, ids[0]), &packet));
        }
        let answer: Vec<u8> = sent(&net, links[0]).into_iter().flat_map(|(_, _, payload)| payload).collect();
        assert_eq!(answer.get(8..) == Some(&message[8..]), fits, "{data}");
        assert_eq!(net.drops(node), if fits { vec![] } else { vec![(Cause::Fragment, 1)] }, "{data}");
    }
}

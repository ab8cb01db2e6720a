//! Packets of our own that are larger than their path takes, and how we learn what it takes.

use std::net::IpAddr;
use std::net::Ipv6Addr;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::Answer;
use siding_stack::Ping;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_stack::route::Group;
use siding_stack::route::Hop;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ext6::FragmentRepr;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp6;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;

use crate::common::*;

/// Somebody beyond the router, which is [`PEER`].
const FAR: Ipv6Addr = on_link(9, 9);

/// A host whose default router is [`PEER`], whom it knows already.
struct Bench {
    net: Net,
    host: NodeId,
    link: LinkId,
    id: IfId,
    mac: Mac,
    ping: Ping,
}

fn bench(node: siding_sim::NodeSpec) -> Bench {
    let (net, host, link, id) = Net::host(node);
    let mac = net.mac(host, id);
    net.world.node(host).control(|stack, ctx| {
        stack.add_neighbor(ctx, id, PEER.into(), PEER_MAC).unwrap();
        let prefix = Prefix::covering(Ipv6Addr::UNSPECIFIED, 0);
        let route = Route { prefix, next_hop: Some(PEER), interface: id, metric: 0, origin: Origin::Static };
        stack.add_routes6(ctx, [route]).unwrap();
    });
    let ping = net.open(host);
    let mut bench = Bench { net, host, link, id, mac, ping };
    bench.net.rewind();
    bench
}

impl Bench {
    fn new() -> Bench {
        bench(without_mld("host"))
    }

    /// Pings with so many bytes of data. What left: the length of each packet.
    fn send(&mut self, dst: impl Into<IpAddr>, data: usize) -> Vec<usize> {
        let (ping, dst, data) = (&self.ping, dst.into(), vec![0x5a; data]);
        self.net.rewind();
        let sent = self
            .net
            .world
            .node(self.host)
            .control(|stack, ctx| stack.ping(ctx, ping, dst, self.id, 1, &data));
        sent.unwrap();
        self.net.run(ms(1));
        self.sizes()
    }

    fn sizes(&self) -> Vec<usize> {
        self.net.frames().iter().map(|frame| frame.bytes.len() - 14).collect()
    }

    /// What the host sent last, as a router would quote it.
    fn sent(&self) -> Vec<u8> {
        self.net.frames().last().unwrap().bytes[14..].to_vec()
    }

    fn too_big(&mut self, mtu: u32, invoking: &[u8]) {
        let quoted = &invoking[..icmp6::quoted_len(invoking.len())];
        let error = message(PEER, HOST, Icmp6Repr::PacketTooBig { mtu }, quoted);
        self.net.hear(self.link, &frame6(self.mac, &packet(PEER, HOST, IpProto::ICMP6, 64, &error)));
    }

    fn mtu(&self, dst: Ipv6Addr) -> Option<u16> {
        let known = self.net.world.node(self.host).stack.path_mtus();
        known.into_iter().find(|report| report.path.destination == dst).map(|report| report.mtu)
    }
}

#[test]
fn a_large_packet_of_ours_is_cut_to_the_links_mtu_8200_5() {
    for (data, sizes) in [
        (1_452, vec![1500]),
        (1_453, vec![1496, 40 + 8 + 13]),
        (4_000, vec![1496, 1496, 40 + 8 + 4_008 - 2 * 1448]),
    ] {
        let mut bench = Bench::new();
        assert_eq!(bench.send(FAR, data), sizes, "{data}");
        if sizes.len() == 1 {
            continue;
        }
        let mut whole = Vec::new();
        for (n, frame) in bench.net.frames().iter().enumerate() {
            let (_, ip, payload) = frame.ip6().unwrap();
            assert_eq!((ip.src, ip.dst, ip.next_header), (HOST, FAR, IpProto::FRAGMENT));
            let (fragment, part) = FragmentRepr::parse(payload).unwrap();
            assert_eq!((fragment.more, fragment.offset as usize), (n + 1 < sizes.len(), whole.len()));
            whole.extend(part);
        }
        let (repr, body) = Icmp6Repr::parse(HOST, FAR, &whole).unwrap();
        assert_eq!((repr, body.len()), (Icmp6Repr::EchoRequest { ident: bench.ping.ident(), seq: 1 }, data));
        let counter = bench.net.counter(bench.host, bench.id, IfCounter::FragmentsOut);
        assert_eq!(counter, sizes.len() as u64);
    }
}

/// Each buffer of the pool holds 1,920 bytes behind its headroom, and there is one large one, in which the whole is.
#[test]
fn a_piece_for_a_wide_link_is_no_longer_than_a_buffer_8200_5() {
    let mut spec = without_mld("host");
    spec.large_buffers = 1;
    let mut net = Net::new(1);
    let (link, host) = (net.world.add_link(Faults::default()), net.add_node(spec));
    let id = net.world.plug_mtu(host, link, Some((HOST.into(), 64)), 9000).unwrap();
    net.add_address(host, id, v4(1), false);
    net.run(ms(1));
    let (mac, ping) = (net.mac(host, id), net.open(host));
    net.world.node(host).control(|stack, ctx| {
        stack.add_neighbor(ctx, id, PEER.into(), PEER_MAC).unwrap();
        stack.add_neighbor(ctx, id, v4(2).into(), PEER_MAC).unwrap();
    });
    let mut bench = Bench { net, host, link, id, mac, ping };
    // What the link takes goes whole.
    assert_eq!(bench.send(PEER, 8_952), [9000]);
    assert_eq!(bench.send(v4(2), 8_972), [9000]);
    assert_eq!(bench.send(PEER, 9_000), [1_920, 1_920, 1_920, 1_920, 40 + 8 + 9_008 - 4 * 1_872]);
    assert_eq!(bench.send(v4(2), 9_000), [1_916, 1_916, 1_916, 1_916, 20 + 9_008 - 4 * 1_896]);
    assert_eq!(bench.net.drops(host), []);
    assert_eq!(bench.net.counter(host, id, IfCounter::FragmentsOut), 10);
}

#[test]
fn each_packet_that_is_cut_has_a_number_of_its_own_8200_4() {
    let mut bench = Bench::new();
    let mut idents = std::collections::BTreeSet::new();
    for _ in 0..20 {
        bench.send(FAR, 3_000);
        let of = |payload: &[u8]| FragmentRepr::parse(payload).unwrap().0.ident;
        let here: std::collections::BTreeSet<u32> =
            bench.net.frames().iter().map(|frame| of(frame.ip6().unwrap().2)).collect();
        assert_eq!(here.len(), 1, "all of one packet have the same");
        idents.extend(here);
    }
    assert_eq!(idents.len(), 20);
}

#[test]
fn large_packets_to_ourselves_are_not_cut_8200_5() {
    let mut bench = Bench::new();
    assert_eq!(bench.send(HOST, 65_527), []);
    let reply = bench.net.answer(bench.host, &bench.ping).unwrap();
    assert_eq!(reply.answer, Answer::Reply { from: HOST.into(), hop_limit: 64 });
    let (ping, data) = (&bench.ping, vec![0; 65_528]);
    let node = bench.net.world.node(bench.host);
    let refused = node.control(|stack, ctx| stack.ping(ctx, ping, HOST.into(), IfId::NONE, 1, &data));
    assert_eq!(refused.unwrap_err().to_string(), "65528 bytes of data do not fit into a packet");
}

#[test]
fn a_router_tells_what_the_path_takes_and_that_is_kept_to_8201_1() {
    let mut bench = Bench::new();
    assert_eq!(bench.send(FAR, 1_452), [1500]);
    let invoking = bench.sent();
    bench.too_big(1400, &invoking);
    assert_eq!(bench.mtu(FAR), Some(1400));
    let told = bench.net.events(bench.host, FAR);
    assert_eq!(told, [format!("path to {FAR}: packet too big, mtu 1500 -> 1400")]);
    let answer = bench.net.answer(bench.host, &bench.ping).unwrap().answer;
    assert!(matches!(answer, Answer::Error { what, .. } if what.contains("1400 bytes")));
    // As the path takes it now, the rest behind; what fits goes whole.
    assert_eq!(bench.send(FAR, 1_452), [1400, 40 + 8 + 1_460 - 1352]);
    assert_eq!(bench.send(FAR, 1_352), [1400]);
    // Others' paths are others'.
    assert_eq!(bench.send(on_link(9, 8), 1_452), [1500]);
    // Further down the path it becomes narrower still.
    bench.send(FAR, 1_352);
    let invoking = bench.sent();
    bench.too_big(1280, &invoking);
    assert_eq!(bench.send(FAR, 1_352), [1280, 40 + 8 + 1_360 - 1232]);
    assert_eq!(bench.net.limit(bench.host, "path-mtus").used, 1);
}

#[test]
fn an_estimate_falls_only_for_a_message_that_can_be_8201_1() {
    let mut bench = Bench::new();
    bench.send(FAR, 1_452);
    let good = bench.sent();
    let changed = |at: usize, bytes: &[u8]| {
        let mut packet = good.clone();
        packet[at..at + bytes.len()].copy_from_slice(bytes);
        packet
    };
    let cases = [
        ("below the least MTU", 1279, good.clone()),
        ("of a size that fitted", 1500, good.clone()),
        ("of another's packet", 1400, changed(8, &v6(0x55).octets())),
        ("of a packet to somebody whom we never sent to", 1400, changed(24, &on_link(9, 7).octets())),
        ("of a packet to ourselves", 1400, changed(24, &HOST.octets())),
        ("of a ping that nobody sent", 1400, changed(44, &bench.ping.ident().wrapping_add(1).to_be_bytes())),
        ("of a small packet", 1400, changed(4, &100u16.to_be_bytes())),
        ("that ends in the quoted header", 1400, good[..39].to_vec()),
        ("of no IPv6 packet", 1400, changed(0, &[0x45])),
    ];
    for (n, (what, mtu, invoking)) in cases.iter().enumerate() {
        bench.too_big(*mtu, invoking);
        assert_eq!(bench.mtu(FAR), None, "{what}");
        assert_eq!(bench.net.dropped(bench.host, Cause::BadPacketTooBig), n as u64 + 1, "{what}");
        assert_eq!(bench.net.answer(bench.host, &bench.ping), None, "{what}");
    }
    bench.too_big(1400, &good);
    assert_eq!(bench.mtu(FAR), Some(1400));
    // Never up again by a message, and one that says nothing new is no lie.
    for mtu in [1450, 1400] {
        bench.too_big(mtu, &good);
        assert_eq!(bench.mtu(FAR), Some(1400));
    }
    assert_eq!(bench.net.dropped(bench.host, Cause::BadPacketTooBig), cases.len() as u64);
}

#[test]
fn an_answer_of_ours_may_be_too_big_too_8201_1() {
    let mut bench = Bench::new();
    let message = message(FAR, HOST, Icmp6Repr::EchoRequest { ident: 7, seq: 1 }, &[1; 1452]);
    let request = packet(FAR, HOST, IpProto::ICMP6, 64, &message);
    bench.net.hear(bench.link, &frame6(bench.mac, &request));
    assert_eq!(bench.sizes(), [1500]);
    let invoking = bench.sent();
    bench.too_big(1300, &invoking);
    bench.net.rewind();
    bench.net.hear(bench.link, &frame6(bench.mac, &request));
    assert_eq!(bench.sizes(), [1296, 40 + 8 + 1_460 - 1248]);
    // Of a fragment: the path is narrower yet.
    let invoking = bench.net.frames()[0].bytes[14..].to_vec();
    bench.too_big(1290, &invoking);
    assert_eq!(bench.mtu(FAR), Some(1290));
}

#[test]
fn an_increase_is_probed_after_ten_minutes_8201_1() {
    let mut bench = Bench::new();
    bench.send(FAR, 1_452);
    let invoking = bench.sent();
    bench.too_big(1280, &invoking);
    bench.net.run(secs(599));
    assert_eq!(bench.send(FAR, 1_452).len(), 2);
    bench.net.run(secs(1));
    assert_eq!((bench.send(FAR, 1_452), bench.mtu(FAR)), (vec![1500], None));
    // The path has not become better: it is learnt again.
    let invoking = bench.sent();
    bench.too_big(1280, &invoking);
    assert_eq!(bench.send(FAR, 1_452).len(), 2);
}

#[test]
fn a_flood_of_lies_fills_nothing_8201_1() {
    let mut bench = Bench::new();
    bench.send(FAR, 1_452);
    let good = bench.sent();
    for host in 0..2000u16 {
        let mut lie = good.clone();
        lie[24..40].copy_from_slice(&on_link(10, host).octets());
        bench.too_big(1280, &lie);
    }
    assert_eq!(bench.net.limit(bench.host, "path-mtus").used, 0);
    assert_eq!(bench.net.dropped(bench.host, Cause::BadPacketTooBig), 2000);
}

#[test]
fn through_a_narrow_link_and_back_4443_6_8201_1() {
    // Two hosts and a router between them; the second link takes less. Packets of the first that are too big are
    // told of, and then cut by the first.
    let mut net = Net::new(1);
    let links = [net.world.add_link(Faults::default()), net.world.add_link(Faults::default())];
    let [left, router, right] = ["left", "router", "right"].map(|name| net.add_node(without_mld(name)));
    let on_left = net.plug(left, links[0], on_link(0, 2));
    net.plug(router, links[0], on_link(0, 1));
    net.world.plug_mtu(router, links[1], Some((on_link(1, 1).into(), 64)), 1300).unwrap();
    let on_right = net.plug(right, links[1], on_link(1, 2));
    net.forwarding(router, true);
    for (node, id, via) in [(left, on_left, on_link(0, 1)), (right, on_right, on_link(1, 1))] {
        let prefix = Prefix::covering(Ipv6Addr::UNSPECIFIED, 0);
        let route = Route { prefix, next_hop: Some(via), interface: id, metric: 0, origin: Origin::Static };
        net.world.node(node).control(|stack, ctx| stack.add_routes6(ctx, [route])).unwrap();
    }
    net.run(secs(2));
    let ping = net.open(left);
    let send = |net: &mut Net, seq, data: usize| {
        let dst = on_link(1, 2).into();
        let data = vec![7; data];
        net.world
            .node(left)
            .control(|stack, ctx| stack.ping(ctx, &ping, dst, IfId::NONE, seq, &data))
            .unwrap();
        net.run(secs(2));
        net.answer(left, &ping).map(|reply| reply.answer)
    };
    assert!(matches!(send(&mut net, 1, 56), Some(Answer::Reply { .. })));
    let error = send(&mut net, 2, 1_452);
    assert!(matches!(error, Some(Answer::Error { from, .. }) if from == on_link(0, 1)), "{error:?}");
    assert_eq!(net.dropped(router, Cause::TooBig), 1);
    // The reply is cut by the far host to its own link's 1500, which the router takes for the way back.
    assert!(matches!(send(&mut net, 3, 1_452), Some(Answer::Reply { .. })));
    assert!(matches!(send(&mut net, 4, 8_000), Some(Answer::Reply { .. })));
    let known = net.world.node(left).stack.path_mtus();
    assert_eq!(
        known.iter().map(|path| (path.path.destination, path.mtu)).collect::<Vec<_>>(),
        [(on_link(1, 2), 1300)]
    );
}

#[test]
fn the_least_of_several_counts_whoever_waits_by_then_8201_1() {
    let mut bench = Bench::new();
    for dst in [FAR, ip6::ALL_NODES] {
        bench.send(dst, 1_452);
        let invoking = bench.sent();
        // Who sent it has been told of one, and has gone.
        let ping = std::mem::replace(&mut bench.ping, bench.net.open(bench.host));
        bench.net.world.node(bench.host).control(|_, ctx| ping.close(ctx));
        for (mtu, known) in [(1450, 1450), (1400, 1400), (1430, 1400), (1300, 1300)] {
            bench.too_big(mtu, &invoking);
            assert_eq!(bench.mtu(dst), Some(known));
        }
    }
    assert_eq!(bench.net.dropped(bench.host, Cause::BadPacketTooBig), 0);
}

#[test]
fn an_interface_that_begins_anew_forgets_what_its_paths_took_8201_1() {
    let mut bench = Bench::new();
    let learn = |bench: &mut Bench| {
        for dst in [FAR, ip6::ALL_NODES] {
            bench.send(dst, 1_452);
            let invoking = bench.sent();
            bench.too_big(1300, &invoking);
            assert_eq!(bench.mtu(dst), Some(1300));
        }
    };
    learn(&mut bench);
    let id = bench.id;
    bench.net.world.node(bench.host).control(|stack, ctx| stack.restart(ctx, id)).unwrap();
    assert_eq!(bench.net.limit(bench.host, "path-mtus").used, 0);
    bench.net.run(secs(10));
    learn(&mut bench);
    let flush = |bench: &Bench, on| {
        bench.net.world.node(bench.host).control(|stack, ctx| stack.flush_path_mtus_on(ctx, on))
    };
    let other = bench.net.plug(bench.host, bench.link, on_link(5, 5));
    assert_eq!((flush(&bench, other), flush(&bench, id)), (0, 2));
}

#[test]
fn a_piece_that_went_by_any_of_several_routers_tells_what_the_path_takes_8201_1() {
    let mut bench = Bench::new();
    // A second router, on a link of smaller frames; and an interface that has nothing to do with it.
    let narrow = bench.net.world.add_link(Faults::default());
    let by_narrow = Some((on_link(6, 1).into(), 64));
    let by_narrow = bench.net.world.plug_mtu(bench.host, narrow, by_narrow, 1280).unwrap();
    let other = bench.net.plug(bench.host, bench.link, on_link(5, 5));
    bench.net.world.node(bench.host).control(|stack, ctx| {
        stack.add_neighbor(ctx, by_narrow, on_link(6, 2).into(), PEER_MAC).unwrap();
        let hop = |router, interface| Hop { router, interface, weight: 1, metric: 0 };
        let hops = vec![hop(PEER, bench.id), hop(on_link(6, 2), by_narrow)];
        stack.add_multipath6(ctx, Group { prefix: Prefix::covering(FAR, 64), hops }).unwrap();
    });
    bench.net.run(secs(5));
    for on in [bench.id, by_narrow] {
        let mut by_the_wide_one = 0;
        for host in 0x100..0x118 {
            let dst = on_link(9, host);
            if bench.send(dst, 4_000)[0] <= 1280 {
                continue;
            }
            by_the_wide_one += 1;
            // Its addresses alone are another flow, which may go by the other link.
            let piece = bench.net.frames()[0].bytes[14..].to_vec();
            bench.too_big(1400, &piece);
            assert_eq!(bench.mtu(dst), Some(1400), "{dst}");
            assert!((1281..=1400).contains(&bench.send(dst, 4_000)[0]));
        }
        assert!((5..20).contains(&by_the_wide_one), "{by_the_wide_one}");
        let flush =
            |on| bench.net.world.node(bench.host).control(|stack, ctx| stack.flush_path_mtus_on(ctx, on));
        assert_eq!((flush(other), flush(on)), (0, by_the_wide_one), "each may begin at either of two");
    }
    assert_eq!(bench.net.dropped(bench.host, Cause::BadPacketTooBig), 0);
}

#[test]
fn neighbour_discovery_and_groups_are_whole_6980_1() {
    // The longest message of ours on a link of the least MTU fits; a large echo to a group is cut as any other.
    let mut bench = Bench::new();
    assert_eq!(bench.send(ip6::ALL_NODES, 2_000), [1496, 40 + 8 + 2_008 - 1448]);
    for frame in bench.net.frames() {
        let (ether, ip, _) = frame.ip6().unwrap();
        assert_eq!((ether.dst, ip.dst), (siding_wire::ether::multicast_mac(ip6::ALL_NODES), ip6::ALL_NODES));
    }
}

#[test]
fn version_4_is_put_together_and_cut_likewise_8200_4() {
    let (mut net, host, link, id) = Net::host(without_mld("host"));
    net.add_address(host, id, v4(1), false);
    let mac = net.mac(host, id);
    net.world.node(host).control(|stack, ctx| stack.add_neighbor(ctx, id, v4(99).into(), PEER_MAC)).unwrap();
    net.run(secs(10));
    net.rewind();
    let mut message = vec![0x5a; 8 + 5_000];
    Icmp4Repr::EchoRequest { ident: 7, seq: 1 }.emit(&mut message).unwrap();
    let last = (message.len() - 1) / 1200;
    for (n, part) in message.chunks(1200).enumerate().rev() {
        let header = Ip4Repr::new(v4(99), v4(1), IpProto::ICMP, 64, part.len() as u16);
        let header = Ip4Repr {
            dont_fragment: false,
            more_fragments: n < last,
            frag_offset: (n * 1200) as u16,
            ident: 77,
            ..header
        };
        let mut packet = vec![0; 20];
        header.emit(&mut packet).unwrap();
        packet.extend(part);
        net.hear(link, &frame(mac, EtherType::IPV4, &packet));
    }
    let mut whole = Vec::new();
    let mut idents = Vec::new();
    for frame in net.frames() {
        let (_, packet) = Ether::parse(&frame.bytes).unwrap();
        assert!(packet.len() <= 1500);
        let (header, part) = Ip4Repr::parse(packet).unwrap();
        assert_eq!((header.frag_offset as usize, header.dont_fragment), (whole.len(), false));
        whole.extend(part);
        assert_eq!(header.more_fragments, whole.len() < 5_008);
        idents.push(header.ident);
    }
    idents.dedup();
    assert_eq!(idents.len(), 1);
    let (repr, body) = Icmp4Repr::parse(&whole).unwrap();
    assert_eq!((repr, body), (Icmp4Repr::EchoReply { ident: 7, seq: 1 }, &[0x5a; 5_000][..]));
    assert_eq!(net.drops(host), []);
}

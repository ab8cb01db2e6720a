//! ICMPv6 errors and echo on the wire, extension headers and their options.

use std::net::Ipv6Addr;

use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::Answer;
use siding_stack::drops::DropReason as Cause;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::checksum::Ends;
use siding_wire::ether::multicast_mac;
use siding_wire::icmp6;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::problem;
use siding_wire::icmp6::unreachable;
use siding_wire::ip6;
use siding_wire::tcp::Flags;
use siding_wire::tcp::TcpRepr;
use siding_wire::udp::UdpRepr;

use crate::common::*;

const ECHO: Icmp6Repr = Icmp6Repr::EchoRequest { ident: 7, seq: 1 };
const REPLY: Icmp6Repr = Icmp6Repr::EchoReply { ident: 7, seq: 1 };

/// A host that knows [`PEER`] already, so that answers leave at once.
fn host() -> (Net, NodeId, LinkId, Mac) {
    let (net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    let added = net.world.node(host).control(|stack, ctx| stack.add_neighbor(ctx, id, PEER.into(), PEER_MAC));
    added.unwrap();
    (net, host, link, mac)
}

/// An extension header of 8 octets: what follows, and its last six.
fn ext(next: IpProto, rest: [u8; 6]) -> Vec<u8> {
    [&[next.0, 0][..], &rest].concat()
}

/// What the host answers to this packet, sent by unicast.
fn answers(packet: &[u8]) -> (Vec<Icmp>, Vec<(Cause, u64)>) {
    let (mut net, host, link, mac) = host();
    let dst = Ipv6Addr::from(<[u8; 16]>::try_from(&packet[24..40]).unwrap());
    let to = if dst.is_multicast() { multicast_mac(dst) } else { mac };
    net.hear(link, &frame6(to, packet));
    (net.icmp(), net.drops(host))
}

/// The one error that the host answers with; it quotes the packet.
fn problem_of(packet: &[u8]) -> Icmp6Repr {
    let (icmp, drops) = answers(packet);
    let [error] = &icmp[..] else { panic!("one error: {icmp:?} {drops:?}") };
    assert_eq!((error.ip.src, error.ip.dst), (HOST, PEER));
    assert_eq!(error.body, packet[..icmp6::quoted_len(packet.len())]);
    assert_eq!(drops.len(), 1, "the packet itself is counted: {drops:?}");
    error.message
}

#[test]
fn echo_reply_comes_from_the_address_asked_with_the_data_unmodified_4443_7() {
    let (mut net, _, link, mac) = host();
    net.hear(link, &frame6(mac, &echo(PEER, HOST, 1)));
    let [reply] = &net.icmp()[..] else { panic!("one reply") };
    assert_eq!((reply.ip.src, reply.ip.dst, reply.ip.hop_limit), (HOST, PEER, 64));
    assert_eq!((reply.message, &reply.body[..]), (REPLY, &b"who is there"[..]));
    assert_eq!((reply.ether.src, reply.ether.dst), (mac, PEER_MAC));
}

#[test]
fn echo_to_a_group_is_answered_from_a_unicast_address_of_the_interface_4443_7() {
    let (icmp, _) = answers(&echo(PEER, ip6::ALL_NODES, 1));
    let [reply] = &icmp[..] else { panic!("one reply") };
    assert_eq!((reply.ip.src, reply.ip.dst, reply.message), (HOST, PEER, REPLY));
}

#[test]
fn a_destination_takes_hop_limit_0_and_a_padded_frame_8200_1() {
    let message = message(PEER, HOST, ECHO, b"");
    let packet = packet(PEER, HOST, IpProto::ICMP6, 0, &message);
    let (mut net, _, link, mac) = host();
    let padded = [&frame6(mac, &packet)[..], &[0xaa; 30]].concat();
    net.hear(link, &padded);
    let [reply] = &net.icmp()[..] else { panic!("one reply") };
    assert_eq!((reply.message, reply.body.len()), (REPLY, 0));
}

#[test]
fn echo_to_an_own_address_never_leaves_4443_7() {
    let (mut net, host, _, id) = Net::host(spec("host"));
    let own = ip6::eui64_link_local(net.mac(host, id));
    for (seq, dst) in [HOST, own].into_iter().enumerate() {
        let ping = net.open(host);
        net.ping_on(host, &ping, dst, id, seq as u16).unwrap();
        net.run(ms(1));
        let reply = net.answer(host, &ping).unwrap();
        assert_eq!(
            (reply.seq, reply.answer),
            (seq as u16, Answer::Reply { from: dst.into(), hop_limit: 64 })
        );
    }
    assert_eq!((net.frames().len(), net.neighbors(host)), (0, 0));
    assert_eq!(net.drops(host), []);
}

#[test]
fn an_answer_that_cannot_be_delivered_is_no_errors_cause_4443_3() {
    // Strangers that do not exist ask; our replies wait for them in vain. Nobody is told, least of all we.
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    (0..5).for_each(|n| net.inject(link, &frame6(mac, &echo(v6(0x200 + n), HOST, 1))));
    net.run(secs(5));
    assert_eq!(net.icmp(), []);
    assert_eq!(net.drops(host), [(Cause::Unresolved, 5)]);
    let local_in = net.world.node(host).stack.netisr_types();
    let local_in = local_in.iter().find(|kind| kind.name == "local_in").unwrap().total();
    assert_eq!(local_in.accepted, 0, "no error was made and sent to ourselves");
}

#[test]
fn unknown_next_header_8200_1_4443_6() {
    // In the fixed header it stands at octet 6.
    let unknown = IpProto(253);
    let expected = |pointer| Icmp6Repr::ParamProblem { code: problem::NEXT_HEADER, pointer };
    assert_eq!(problem_of(&packet(PEER, HOST, unknown, 64, b"what")), expected(6));
    // Behind two extension headers, in the first octet of the second.
    let payload = [ext(IpProto::DST_OPTS, [1, 4, 0, 0, 0, 0]), ext(unknown, [1, 4, 0, 0, 0, 0])].concat();
    assert_eq!(problem_of(&packet(PEER, HOST, IpProto::HOP_BY_HOP, 64, &payload)), expected(48));
    // Hop-by-hop options elsewhere than first are one too.
    let payload = [ext(IpProto::HOP_BY_HOP, [1, 4, 0, 0, 0, 0]), ext(unknown, [1, 4, 0, 0, 0, 0])].concat();
    assert_eq!(problem_of(&packet(PEER, HOST, IpProto::DST_OPTS, 64, &payload)), expected(40));
    // No next header is nothing to complain of.
    let (icmp, drops) = answers(&packet(PEER, HOST, IpProto::NO_NEXT, 64, b"anything"));
    assert_eq!((icmp, drops), (vec![], vec![(Cause::Ignored, 1)]));
}

#[test]
fn extension_headers_in_any_order_are_passed_over_8200_1() {
    let pad = [1, 4, 0, 0, 0, 0];
    let routing = [99, 0, 0, 0, 0, 0];
    let orders: [&[(IpProto, [u8; 6])]; 4] = [
        &[(IpProto::HOP_BY_HOP, pad)],
        &[(IpProto::DST_OPTS, pad), (IpProto::ROUTING, routing), (IpProto::DST_OPTS, [0; 6])],
        &[(IpProto::HOP_BY_HOP, [5, 2, 0, 0, 0, 0]), (IpProto::DST_OPTS, pad), (IpProto::DST_OPTS, pad)],
        &[(IpProto::FRAGMENT, [0, 0, 0, 0, 0, 9])],
    ];
    for order in orders {
        let nexts = order[1..].iter().map(|(proto, _)| *proto).chain([IpProto::ICMP6]);
        let mut payload: Vec<u8> =
            order.iter().zip(nexts).flat_map(|((_, rest), next)| ext(next, *rest)).collect();
        payload.extend(message(PEER, HOST, ECHO, b"data"));
        let (icmp, drops) = answers(&packet(PEER, HOST, order[0].0, 64, &payload));
        assert_eq!(drops, []);
        assert_eq!(
            (icmp[0].message, &icmp[0].body[..], icmp[0].ip.next_header),
            (REPLY, &b"data"[..], IpProto::ICMP6)
        );
    }
}

#[test]
fn unknown_options_do_as_their_two_highest_bits_say_8200_2() {
    for header in [IpProto::HOP_BY_HOP, IpProto::DST_OPTS] {
        for dst in [HOST, ip6::ALL_NODES] {
            for bits in 0..4u8 {
                let option = bits << 6 | 0x1e;
                let mut payload = ext(IpProto::ICMP6, [0, option, 1, 0, 0, 0]);
                payload.extend(message(PEER, dst, ECHO, b""));
                let (icmp, drops) = answers(&packet(PEER, dst, header, 64, &payload));
                let what = (header, dst, bits);
                let problem = Icmp6Repr::ParamProblem { code: problem::OPTION, pointer: 43 };
                match (bits, dst.is_multicast()) {
                    (0, _) => assert_eq!((icmp[0].message, drops.len()), (REPLY, 0), "{what:?}"),
                    (1, _) | (3, true) => {
                        assert_eq!((icmp.len(), &drops[..]), (0, &[(Cause::Option, 1)][..]), "{what:?}")
                    }
                    _ => {
                        assert_eq!((icmp.len(), icmp[0].message), (1, problem), "{what:?}");
                        assert_eq!(
                            (icmp[0].ip.src, &drops[..]),
                            (HOST, &[(Cause::Option, 1)][..]),
                            "{what:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn routing_headers_of_unknown_types_8200_3() {
    for kind in [0, 3, 99] {
        let mut payload = ext(IpProto::ICMP6, [kind, 0, 0, 0, 0, 0]);
        payload.extend(message(PEER, HOST, ECHO, b""));
        assert_eq!(answers(&packet(PEER, HOST, IpProto::ROUTING, 64, &payload)).0[0].message, REPLY);
        let mut payload =
            [ext(IpProto::ROUTING, [1, 4, 0, 0, 0, 0]), ext(IpProto::ICMP6, [kind, 1, 0, 0, 0, 0])].concat();
        payload.extend(message(PEER, HOST, ECHO, b""));
        let expected = Icmp6Repr::ParamProblem { code: problem::FIELD, pointer: 40 + 8 + 2 };
        assert_eq!(problem_of(&packet(PEER, HOST, IpProto::DST_OPTS, 64, &payload)), expected);
    }
}

fn udp(src: Ipv6Addr, dst: Ipv6Addr) -> Vec<u8> {
    let mut datagram = vec![0; 8];
    datagram.extend(b"anybody?");
    UdpRepr { src_port: 1000, dst_port: 2000 }.emit(Ends::V6 { src, dst }, &mut datagram).unwrap();
    packet(src, dst, IpProto::UDP, 64, &datagram)
}

#[test]
fn nobody_listens_on_a_port_4443_5() {
    let expected = Icmp6Repr::DestUnreachable { code: unreachable::PORT };
    assert_eq!(problem_of(&udp(PEER, HOST)), expected);
}

#[test]
fn a_datagram_whose_checksum_is_wrong_or_absent_is_dropped_8200_5() {
    for (what, flip) in [("absent", None), ("wrong", Some(0x40))] {
        let mut packet = udp(PEER, HOST);
        match flip {
            None => packet[46..48].fill(0),
            Some(bits) => packet[47] ^= bits,
        }
        let (icmp, drops) = answers(&packet);
        assert_eq!(icmp, [], "{what}");
        assert!(matches!(drops[..], [(Cause::Malformed(_), 1)]), "{what}: {drops:?}");
    }
}

#[test]
fn errors_beget_no_errors_4443_3() {
    // An error, a Redirect, a packet to a group, one in a broadcast frame, one from no single node.
    let unknown = |src, dst| packet(src, dst, IpProto(253), 64, b"what");
    // An error message behind an option that asks for a report: the error itself is never reported.
    let mut error = ext(IpProto::ICMP6, [0x9e, 0, 1, 2, 0, 0]);
    let quoted = echo(HOST, PEER, 1);
    error.extend(message(PEER, HOST, Icmp6Repr::TimeExceeded { code: 0 }, &quoted));
    let mut redirect = ext(IpProto::ICMP6, [0x9e, 0, 1, 2, 0, 0]);
    redirect.extend([137, 0, 0, 0, 0, 0, 0, 0]);
    let cut = ext(IpProto::ICMP6, [0x9e, 0, 1, 2, 0, 0]);
    let silent = [
        ("an error", packet(PEER, HOST, IpProto::DST_OPTS, 64, &error), Cause::Option),
        ("a redirect", packet(PEER, HOST, IpProto::DST_OPTS, 64, &redirect), Cause::Option),
        ("one that ends before its type", packet(PEER, HOST, IpProto::DST_OPTS, 64, &cut), Cause::Option),
        ("to a group", unknown(PEER, ip6::ALL_NODES), Cause::UnknownProtocol),
        ("from ::", unknown(Ipv6Addr::UNSPECIFIED, HOST), Cause::UnknownProtocol),
    ];
    for (what, packet, cause) in silent {
        let (icmp, drops) = answers(&packet);
        assert_eq!(icmp, [], "{what}");
        assert_eq!(drops, [(cause, 1), (Cause::Silenced, 1)], "{what}");
    }
    for to in [Mac::BROADCAST, multicast_mac(ip6::ALL_NODES)] {
        let (mut net, host, link, _) = host();
        net.hear(link, &frame(to, EtherType::IPV6, &unknown(PEER, HOST)));
        assert_eq!(net.icmp(), []);
        assert_eq!(net.dropped(host, Cause::Silenced), 1);
    }
    // From a group it is no packet at all.
    let (icmp, drops) = answers(&unknown(ip6::ALL_NODES, HOST));
    assert_eq!((icmp, drops), (vec![], vec![(Cause::BadSource, 1)]));
}

#[test]
fn errors_about_packets_to_a_group_come_from_a_unicast_address_4443_1_4443_3() {
    let mut payload = ext(IpProto::ICMP6, [0x9e, 0, 1, 2, 0, 0]);
    payload.extend(message(PEER, ip6::ALL_NODES, ECHO, b""));
    let (icmp, _) = answers(&packet(PEER, ip6::ALL_NODES, IpProto::DST_OPTS, 64, &payload));
    let [error] = &icmp[..] else { panic!("one error") };
    assert_eq!((error.ip.src, error.ip.dst), (HOST, PEER));
}

#[test]
fn errors_quote_as_much_as_fits_into_1280_4443_2() {
    let long = packet(PEER, HOST, IpProto(253), 64, &[0x5a; 1400]);
    let (icmp, _) = answers(&long);
    assert_eq!(icmp[0].ip.payload_len, 1240);
    assert_eq!(icmp[0].body, long[..1232]);
}

#[test]
fn unknown_messages_4443_2() {
    for (kind, cause) in [(199, Some(Cause::Ignored)), (99, None)] {
        let repr = Icmp6Repr::Other { kind: icmp6::Icmp6Type(kind), code: 0, word: 0 };
        let (icmp, drops) = answers(&packet(PEER, HOST, IpProto::ICMP6, 64, &message(PEER, HOST, repr, b"")));
        assert_eq!(icmp, []);
        assert_eq!(drops, cause.map(|cause| (cause, 1)).into_iter().collect::<Vec<_>>());
    }
    let mut bad = echo(PEER, HOST, 1);
    bad[43] ^= 1;
    let (icmp, drops) = answers(&bad);
    assert_eq!(icmp, []);
    assert_eq!(drops, [(Cause::Malformed(siding_wire::Malformed::BadChecksum), 1)]);
}

#[test]
fn errors_are_limited_by_a_token_bucket_4443_4() {
    let (mut net, host, link, mac) = host();
    let bad = frame6(mac, &packet(PEER, HOST, IpProto(253), 64, b"what"));
    let burst = |net: &mut Net| {
        net.rewind();
        (0..300).for_each(|_| net.inject(link, &bad));
        net.run(std::time::Duration::ZERO);
        net.icmp().len()
    };
    assert_eq!(burst(&mut net), 100);
    assert_eq!(net.dropped(host, Cause::RateLimited), 200);
    assert_eq!(burst(&mut net), 0);
    net.run(ms(20));
    assert_eq!(burst(&mut net), 20, "a thousand a second");
    net.run(secs(60));
    assert_eq!(burst(&mut net), 100, "never more at once");
    assert_eq!(net.dropped(host, Cause::UnknownProtocol), 1200);
    let limits = net.world.node(host).control(|stack, ctx| stack.limits(ctx));
    let tokens = limits.iter().find(|limit| limit.name == "icmp-error-burst").unwrap();
    assert_eq!((tokens.limit, tokens.used, tokens.refused), (100, 100, 200 + 300 + 280 + 200));
}

#[test]
fn an_error_about_our_request_reaches_who_waits_4443_2() {
    let (mut net, host, link, mac) = host();
    let ping = net.open(host);
    net.ping(host, &ping, PEER, 9).unwrap();
    net.run(ms(1));
    let sent = net.frames()[0].bytes[14..].to_vec();
    let error = message(PEER, HOST, Icmp6Repr::DestUnreachable { code: unreachable::NO_ROUTE }, &sent);
    net.hear(link, &frame6(mac, &packet(PEER, HOST, IpProto::ICMP6, 60, &error)));
    let reply = net.answer(host, &ping).unwrap();
    assert_eq!(reply.seq, 9);
    assert!(
        matches!(reply.answer, Answer::Error { from, what } if from == PEER && what == "no route to destination")
    );
}

#[test]
fn frames_for_others_and_impossible_addresses_are_dropped() {
    let (mut net, host, link, mac) = host();
    net.world.set_promiscuous(link);
    net.hear(link, &frame6(OTHER_MAC, &echo(PEER, HOST, 1)));
    net.hear(link, &frame6(mac, &echo(PEER, v6(0x55), 1)));
    net.hear(link, &frame6(mac, &echo(Ipv6Addr::LOCALHOST, HOST, 1)));
    net.hear(link, &frame6(mac, &echo(PEER, Ipv6Addr::LOCALHOST, 1)));
    let drops = [(Cause::NotOurMac, 1), (Cause::BadSource, 2), (Cause::NotForUs, 1)];
    assert_eq!((net.frames().len(), net.drops(host)), (0, drops.to_vec()));
}

#[test]
fn ends_that_no_packet_has() {
    let mapped: Ipv6Addr = "::ffff:192.0.2.1".parse().unwrap();
    let compatible: Ipv6Addr = "::192.0.2.1".parse().unwrap();
    let lowest: Ipv6Addr = "ff01::1".parse().unwrap();
    // HOST is ours, so nobody else sends from it.
    for src in [mapped, compatible, Ipv6Addr::LOCALHOST, HOST, ip6::ALL_NODES] {
        let (icmp, drops) = answers(&echo(src, HOST, 1));
        assert_eq!((icmp, drops), (vec![], vec![(Cause::BadSource, 1)]), "from {src}");
        let (icmp, drops) = answers(&udp(src, HOST));
        assert_eq!((icmp, drops), (vec![], vec![(Cause::BadSource, 1)]), "from {src}");
    }
    for dst in [mapped, compatible, Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED, lowest] {
        let (icmp, drops) = answers(&echo(PEER, dst, 1));
        assert_eq!((icmp, drops), (vec![], vec![(Cause::BadSource, 1)]), "to {dst}");
    }
    let (net, host, _, _) = host();
    let ping = net.open(host);
    for dst in [mapped, compatible, Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED, lowest] {
        let refused = net.ping(host, &ping, dst, 1).unwrap_err();
        assert_eq!(refused, siding_stack::SendError::NoDestination(dst.into()));
    }
}

#[test]
fn who_asks_from_our_own_address_teaches_nothing_4861_28() {
    let (mut net, host, link, mac) = host();
    let before = net.neighbors(host);
    let question = siding_wire::nd::NeighborSolicit { target: HOST, slla: Some(PEER_MAC), nonce: None };
    net.hear(link, &frame6(mac, &solicit(HOST, HOST, &question)));
    assert_eq!((net.frames().len(), net.neighbors(host)), (0, before));
    assert_eq!(net.drops(host), [(Cause::BadSource, 1)]);
}

fn tcp(src: Ipv6Addr, dst: Ipv6Addr, flags: Flags, data: &[u8]) -> Vec<u8> {
    let mut segment = vec![0; 20];
    segment.extend(data);
    let repr = TcpRepr { src_port: 1000, dst_port: 80, seq: 7, ack: 99, flags };
    repr.emit(Ends::V6 { src, dst }, &mut segment).unwrap();
    packet(src, dst, IpProto::TCP, 64, &segment)
}

#[test]
fn a_connection_is_refused() {
    let (mut net, host, link, mac) = host();
    let resets = |net: &Net| -> Vec<TcpRepr> {
        let all = net.frames();
        let all = all.iter().filter_map(|frame| frame.ip6());
        all.filter(|(_, ip, _)| ip.next_header == IpProto::TCP)
            .map(|(_, ip, segment)| {
                assert_eq!((ip.src, ip.dst), (HOST, PEER));
                TcpRepr::parse(Ends::V6 { src: HOST, dst: PEER }, segment).unwrap().0
            })
            .collect()
    };
    net.hear(link, &frame6(mac, &tcp(PEER, HOST, Flags::SYN, b"early")));
    net.hear(link, &frame6(mac, &tcp(PEER, HOST, Flags::ACK.with(Flags::FIN), b"")));
    let reset = TcpRepr { src_port: 80, dst_port: 1000, seq: 0, ack: 13, flags: Flags::RST.with(Flags::ACK) };
    assert_eq!(resets(&net), [reset, TcpRepr { seq: 99, ack: 0, flags: Flags::RST, ..reset }]);
    assert_eq!(net.drops(host), [(Cause::NoListener, 2)]);
    // Not a reset; not what came to a group, by its packet or by its frame; nor from nobody.
    net.rewind();
    let nodes = ip6::ALL_NODES;
    for frame in [
        frame6(mac, &tcp(PEER, HOST, Flags::RST, b"")),
        frame6(multicast_mac(nodes), &tcp(PEER, nodes, Flags::SYN, b"")),
        frame6(Mac::BROADCAST, &tcp(PEER, HOST, Flags::SYN, b"")),
        frame6(mac, &tcp(Ipv6Addr::UNSPECIFIED, HOST, Flags::SYN, b"")),
    ] {
        net.hear(link, &frame);
    }
    assert_eq!((resets(&net).len(), net.dropped(host, Cause::NoListener)), (0, 6));
    (0..300).for_each(|_| net.inject(link, &frame6(mac, &tcp(PEER, HOST, Flags::SYN, b""))));
    net.run(ms(1));
    let told = resets(&net).len() as u64;
    assert!((10..300).contains(&told) && told + net.dropped(host, Cause::RateLimited) == 300, "{told}");
}

#[test]
fn a_silent_neighbour_is_told_of_to_who_pings_it_4861_27() {
    let (mut net, host, _, id) = Net::host(spec("host"));
    for data in [8, 4000] {
        let ping = net.open(host);
        let sent = net
            .world
            .node(host)
            .control(|stack, ctx| stack.ping(ctx, &ping, v6(0x77).into(), id, 3, &vec![0; data]));
        sent.unwrap();
        net.run(ms(3500));
        let reply = net.answer(host, &ping).unwrap();
        assert!(matches!(reply.answer, Answer::Error { what, .. } if what == "address unreachable"));
        assert_eq!((reply.seq, net.answer(host, &ping)), (3, None), "once, however many pieces it had");
    }
}

//! Fragments on the wire: put together, refused, given up; each with what the sender is told.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::SendError;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether::multicast_mac;
use siding_wire::ext6::FragmentRepr;
use siding_wire::icmp6;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::exceeded;
use siding_wire::icmp6::problem;
use siding_wire::ip6;
use siding_wire::nd::NeighborSolicit;

use crate::common::*;

const ECHO: Icmp6Repr = Icmp6Repr::EchoRequest { ident: 7, seq: 1 };
const REPLY: Icmp6Repr = Icmp6Repr::EchoReply { ident: 7, seq: 1 };
const IDENT: u32 = 0xabcd;

/// A host that knows [`PEER`] already, so that answers leave at once.
struct Bench {
    net: Net,
    host: NodeId,
    link: LinkId,
    id: IfId,
    mac: Mac,
}

fn bench() -> Bench {
    let (net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    let added = net.world.node(host).control(|stack, ctx| stack.add_neighbor(ctx, id, PEER.into(), PEER_MAC));
    added.unwrap();
    Bench { net, host, link, id, mac }
}

impl Bench {
    fn hear(&mut self, packet: &[u8]) {
        let dst = Ipv6Addr::from(<[u8; 16]>::try_from(&packet[24..40]).unwrap());
        let to = if dst.is_multicast() { multicast_mac(dst) } else { self.mac };
        self.net.hear(self.link, &frame6(to, packet));
    }

    /// The one error that has been sent, which quotes `packet`.
    fn error_about(&self, packet: &[u8]) -> Icmp6Repr {
        let icmp = self.net.icmp();
        let [error] = &icmp[..] else { panic!("one error: {icmp:?} {:?}", self.net.drops(self.host)) };
        assert_eq!((error.ip.src, error.ip.dst), (HOST, PEER));
        assert_eq!(error.body, packet[..icmp6::quoted_len(packet.len())]);
        error.message
    }

    fn held(&self) -> (u64, u64) {
        let limit = |name| self.net.limit(self.host, name).used;
        (limit("reassembly-datagrams"), limit("reassembly-fragments"))
    }
}

fn fragment(next_header: IpProto, offset: usize, more: bool, data: &[u8]) -> Vec<u8> {
    let mut payload = vec![0; 8];
    FragmentRepr { next_header, offset: offset as u16, more, ident: IDENT }.emit(&mut payload).unwrap();
    payload.extend(data);
    payload
}

/// A packet that is a fragment.
fn packet_of(next_header: IpProto, offset: usize, more: bool, data: &[u8]) -> Vec<u8> {
    packet(PEER, HOST, IpProto::FRAGMENT, 64, &fragment(next_header, offset, more, data))
}

/// An echo request with `len` bytes of data, cut into pieces of `chunk` bytes.
fn pieces(len: usize, chunk: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let data: Vec<u8> = (0..len).map(|n| n as u8).collect();
    let message = message(PEER, HOST, ECHO, &data);
    let last = (message.len() - 1) / chunk;
    let cut = message.chunks(chunk).enumerate();
    let cut = cut.map(|(n, part)| packet_of(IpProto::ICMP6, n * chunk, n < last, part)).collect();
    (data, cut)
}

/// What the host sent, put together again: the echo's header and data.
fn reply(net: &Net) -> Option<(Icmp6Repr, Vec<u8>)> {
    let mut message = Vec::new();
    let (mut src, mut dst, mut ends) = (HOST, PEER, false);
    for frame in net.frames() {
        let (_, ip, payload) = frame.ip6()?;
        assert!(frame.bytes.len() <= 14 + 1500);
        (src, dst) = (ip.src, ip.dst);
        if ip.next_header != IpProto::FRAGMENT {
            message = payload.to_vec();
            ends = true;
            continue;
        }
        let (fragment, data) = FragmentRepr::parse(payload).unwrap();
        assert_eq!(fragment.offset as usize, message.len(), "in their order, without gaps");
        assert!(!fragment.more || data.len().is_multiple_of(8));
        assert_eq!(fragment.next_header, IpProto::ICMP6);
        message.extend(data);
        ends = !fragment.more;
    }
    let (repr, body) = Icmp6Repr::parse(src, dst, &message).ok()?;
    ends.then(|| (repr, body.to_vec()))
}

#[test]
fn fragments_in_any_order_are_put_together_and_the_answer_is_cut_8200_4_8200_5() {
    for (len, chunk) in [
        (1492, 1024),
        (8_000, 1448),
        (8_000, 1232),
        (60_000, 1448),
        (65_487, 1448),
        (65_488, 1448),
        (65_526, 1448),
        (65_527, 1232),
    ] {
        for order in 0..3 {
            let mut bench = bench();
            let (data, mut cut) = pieces(len, chunk);
            match order {
                0 => {}
                1 => cut.reverse(),
                _ => cut.rotate_left(1),
            }
            for piece in &cut {
                assert_eq!(reply(&bench.net), None);
                bench.hear(piece);
            }
            assert_eq!(reply(&bench.net), Some((REPLY, data)), "{len} {chunk} {order}");
            assert_eq!((bench.net.drops(bench.host), bench.held()), (vec![], (0, 0)));
            let counter = |what| bench.net.counter(bench.host, bench.id, what);
            assert_eq!(counter(IfCounter::FragmentsIn), cut.len() as u64);
            assert_eq!(counter(IfCounter::Reassembled), 1);
            assert_eq!(counter(IfCounter::FragmentsOut) > 1, len > 1452);
            // The neighbour is static: one answer is enough, and nothing is left behind.
        }
    }
}

#[test]
fn a_small_packet_in_pieces_is_answered_whole_8200_4() {
    let mut bench = bench();
    let (data, cut) = pieces(100, 8);
    cut.iter().for_each(|piece| bench.hear(piece));
    assert_eq!(reply(&bench.net), Some((REPLY, data)));
    assert_eq!(bench.net.frames().len(), 1);
}

#[test]
fn headers_before_and_behind_the_fragment_header_8200_4() {
    // Destination options in front of it come back in the whole; those behind are looked at there, and their octets
    // are counted in the whole.
    let pad = [IpProto::FRAGMENT.0, 0, 1, 4, 0, 0, 0, 0];
    let unknown = [IpProto::ICMP6.0, 0, 1, 0, 0x9e, 2, 0, 0];
    let mut data = unknown.to_vec();
    data.extend(message(PEER, HOST, ECHO, b"12345678"));
    let mut bench = bench();
    for (offset, part) in [(16, &data[16..]), (0, &data[..16])] {
        let tail = fragment(IpProto::DST_OPTS, offset, offset == 0, part);
        bench.hear(&packet(PEER, HOST, IpProto::DST_OPTS, 64, &[&pad[..], &tail].concat()));
    }
    let mut whole = pad.to_vec();
    whole[0] = IpProto::DST_OPTS.0;
    whole.extend(&data);
    let whole = packet(PEER, HOST, IpProto::DST_OPTS, 64, &whole);
    let expected = Icmp6Repr::ParamProblem { code: problem::OPTION, pointer: 40 + 8 + 4 };
    assert_eq!(bench.error_about(&whole), expected);
}

#[test]
fn atomic_fragments_are_processed_alone_8200_4() {
    let mut bench = bench();
    // The beginning of another packet with the same number waits meanwhile.
    let (_, cut) = pieces(100, 64);
    bench.hear(&cut[0]);
    assert_eq!(bench.held(), (1, 1));
    bench.hear(&packet_of(IpProto::ICMP6, 0, false, &message(PEER, HOST, ECHO, b"atomic")));
    assert_eq!((reply(&bench.net).unwrap().1, bench.held()), (b"atomic".to_vec(), (1, 1)));
    bench.net.rewind();
    bench.hear(&cut[1]);
    assert_eq!((reply(&bench.net).unwrap().0, bench.held()), (REPLY, (0, 0)));
}

#[test]
fn a_piece_whose_length_is_no_multiple_of_8_4443_6_8200_4() {
    let mut bench = bench();
    let bad = packet_of(IpProto::ICMP6, 0, true, &message(PEER, HOST, ECHO, b"12345"));
    bench.hear(&bad);
    let expected = Icmp6Repr::ParamProblem { code: problem::FIELD, pointer: 4 };
    assert_eq!(bench.error_about(&bad), expected);
    assert_eq!((bench.net.drops(bench.host), bench.held()), (vec![(Cause::Fragment, 1)], (0, 0)));
    // It alone is dropped: the packet may still come.
    bench.net.rewind();
    pieces(100, 64).1.iter().for_each(|piece| bench.hear(piece));
    assert_eq!(reply(&bench.net).unwrap().0, REPLY);
}

#[test]
fn a_piece_that_makes_the_whole_too_long_4443_6_8200_4() {
    // With 8 octets of options in front, which count: the offset stands two octets into the second header.
    let pad = [IpProto::FRAGMENT.0, 0, 1, 4, 0, 0, 0, 0];
    for (options, offset, len, fits) in [
        (false, 65_528, 7, true),
        (false, 65_528, 8, false),
        (false, 65_520, 15, true),
        (false, 65_520, 16, false),
        (true, 65_520, 7, true),
        (true, 65_520, 8, false),
    ] {
        let mut bench = bench();
        let tail = fragment(IpProto::ICMP6, offset, false, &vec![0; len]);
        let bad = match options {
            true => packet(PEER, HOST, IpProto::DST_OPTS, 64, &[&pad[..], &tail].concat()),
            false => packet(PEER, HOST, IpProto::FRAGMENT, 64, &tail),
        };
        bench.hear(&bad);
        if fits {
            assert_eq!((bench.net.icmp(), bench.held()), (vec![], (1, 1)), "{offset} {len}");
            continue;
        }
        let pointer = if options { 50 } else { 42 };
        assert_eq!(bench.error_about(&bad), Icmp6Repr::ParamProblem { code: problem::FIELD, pointer });
        assert_eq!(bench.held(), (0, 0));
    }
}

#[test]
fn headers_of_the_first_that_make_the_whole_too_long_8200_4() {
    // Each fits by itself, but the others have fewer headers in front than the first has.
    let pad = [IpProto::FRAGMENT.0, 0, 1, 4, 0, 0, 0, 0];
    for (last, fits) in [(7, true), (8, false), (15, false)] {
        let mut bench = bench();
        let (_, mut cut) = pieces(65_512 + last, 1448);
        assert_eq!(cut.len(), 46);
        let first = [&pad[..], &cut[0][40..]].concat();
        cut[0] = packet(PEER, HOST, IpProto::DST_OPTS, 64, &first);
        cut.iter().for_each(|piece| bench.hear(piece));
        assert_eq!(reply(&bench.net).is_some(), fits, "{last}");
        assert_eq!(bench.held(), (0, 0));
        let drops = if fits { vec![] } else { vec![(Cause::Fragment, 46)] };
        assert_eq!(bench.net.drops(bench.host), drops, "{last}");
    }
}

#[test]
fn we_ping_with_the_largest_packets_that_there_are_8200_5() {
    let bench = bench();
    let send = |to: Ipv6Addr, len: usize| {
        bench.net.world.node(bench.host).control(|stack, ctx| {
            let ping = stack.open_ping(ctx).unwrap();
            stack.ping(ctx, &ping, to.into(), IfId::NONE, 1, &vec![9; len])
        })
    };
    for len in [65_487, 65_488, 65_527] {
        assert_eq!(send(HOST, len), Ok(()), "{len}");
    }
    for len in [65_528, 65_535, 65_536, 131_072] {
        assert_eq!(send(HOST, len), Err(SendError::TooLarge(len)));
    }
    assert_eq!(send(PEER, 65_527), Ok(()));
    assert_eq!(bench.net.limit(bench.host, "large-buffers").used, 4);
}

#[test]
fn a_first_fragment_without_all_headers_8200_4_9099_1() {
    let options = [IpProto::UDP.0, 0, 1, 4, 0, 0, 0, 0];
    let routing = [IpProto::UDP.0, 0, 99, 0, 0, 0, 0, 0];
    // What follows the fragment header, the data, and whether that is the whole chain.
    let cases: [(IpProto, Vec<u8>, bool); 11] = [
        (IpProto::DST_OPTS, options.to_vec(), false),
        (IpProto::DST_OPTS, [60, 1, 1, 4, 0, 0, 0, 0].to_vec(), false),
        (IpProto::DST_OPTS, [options.to_vec(), vec![0; 8]].concat(), true),
        (IpProto::ROUTING, routing.to_vec(), false),
        (IpProto::ROUTING, [routing.to_vec(), vec![0; 8]].concat(), true),
        (IpProto::TCP, vec![0; 16], false),
        (IpProto::TCP, vec![0; 24], true),
        (IpProto::UDP, vec![0; 8], true),
        (IpProto::ICMP6, vec![128, 0, 0, 0, 0, 0, 0, 0], true),
        (IpProto(253), vec![0; 8], true),
        (IpProto::NO_NEXT, vec![0; 8], true),
    ];
    for (next, data, chain) in cases {
        let mut bench = bench();
        let first = packet_of(next, 0, true, &data);
        bench.hear(&first);
        if chain {
            assert_eq!((bench.net.icmp(), bench.held()), (vec![], (1, 1)), "{next:?} {data:?}");
            continue;
        }
        let expected = Icmp6Repr::ParamProblem { code: problem::FIRST_FRAGMENT, pointer: 0 };
        assert_eq!(bench.error_about(&first), expected, "{next:?} {data:?}");
        assert_eq!((bench.net.drops(bench.host), bench.held()), (vec![(Cause::Fragment, 1)], (0, 0)));
    }
}

#[test]
fn hop_by_hop_options_do_not_stand_behind_a_fragment_header_8200_1() {
    let options = [IpProto::ICMP6.0, 0, 1, 4, 0, 0, 0, 0];
    let echo = message(PEER, HOST, ECHO, &[7; 16]);
    let whole = [&options[..], &echo].concat();
    // In several pieces, and in one that is all of it: the field at fault is the fragment header's first.
    let expected = Icmp6Repr::ParamProblem { code: problem::NEXT_HEADER, pointer: 40 };
    for more in [true, false] {
        let mut bench = bench();
        let first = packet_of(IpProto::HOP_BY_HOP, 0, more, &whole);
        bench.hear(&first);
        assert_eq!((bench.error_about(&first), bench.held()), (expected, (0, 0)));
    }
    // What a later fragment says there does not count.
    let mut bench = bench();
    bench.hear(&packet_of(IpProto::HOP_BY_HOP, 24, false, &echo[..8]));
    bench.hear(&packet_of(IpProto::ICMP6, 0, true, &echo));
    assert_eq!(bench.held(), (0, 0), "it was put together");
}

#[test]
fn overlapping_fragments_are_dropped_all_in_silence_8200_4() {
    let (_, cut) = pieces(100, 40);
    let overlaps = [
        packet_of(IpProto::ICMP6, 32, true, &[0; 16]),
        packet_of(IpProto::ICMP6, 0, true, &[128; 16]),
        packet_of(IpProto::ICMP6, 0, true, &[128; 40]),
        packet_of(IpProto::ICMP6, 8, false, &[0; 8]),
        packet_of(IpProto::ICMP6, 72, true, &[0; 48]),
    ];
    for overlap in overlaps {
        let mut bench = bench();
        bench.hear(&cut[0]);
        bench.hear(&cut[2]);
        bench.hear(&overlap);
        assert_eq!(bench.held(), (1, 0));
        // What comes after that is of the same packet.
        cut.iter().for_each(|piece| bench.hear(piece));
        bench.net.run(secs(120));
        assert_eq!(bench.net.icmp(), [], "neither an answer nor an error, then or later");
        assert_eq!((bench.net.drops(bench.host), bench.held()), (vec![(Cause::FragmentOverlap, 6)], (0, 0)));
        // Its number may be used again.
        cut.iter().for_each(|piece| bench.hear(piece));
        assert_eq!(reply(&bench.net).unwrap().0, REPLY);
    }
}

#[test]
fn exact_duplicates_are_dropped_alone_8200_4() {
    let mut bench = bench();
    let (data, cut) = pieces(100, 40);
    for n in [0, 0, 2, 2, 0, 1] {
        bench.hear(&cut[n]);
    }
    assert_eq!(reply(&bench.net), Some((REPLY, data)));
    assert_eq!(bench.net.drops(bench.host), [(Cause::FragmentDuplicate, 3)]);
}

#[test]
fn a_packet_that_is_not_complete_in_sixty_seconds_4443_6_8200_4() {
    let (_, cut) = pieces(100, 40);
    // Without the first fragment nobody is told.
    for (which, told) in [(&[0, 2][..], true), (&[2, 0], true), (&[1, 2], false)] {
        let mut bench = bench();
        for (n, piece) in which.iter().enumerate() {
            bench.hear(&cut[*piece]);
            assert_eq!(bench.held(), (1, n as u64 + 1));
            bench.net.run(ms(500));
        }
        bench.net.run(ms(58_999));
        assert_eq!((bench.net.icmp(), bench.held()), (vec![], (1, 2)));
        bench.net.run(ms(1));
        assert_eq!(bench.held(), (0, 0), "sixty seconds from the first that came");
        assert_eq!(bench.net.drops(bench.host), [(Cause::FragmentTimeout, 2)]);
        match told {
            true => {
                let expected = Icmp6Repr::TimeExceeded { code: exceeded::REASSEMBLY };
                assert_eq!(bench.error_about(&cut[0]), expected);
            }
            false => assert_eq!(bench.net.icmp(), []),
        }
    }
}

#[test]
fn no_error_about_fragments_of_errors_or_to_groups_4443_3() {
    let quoted = echo(HOST, PEER, 1);
    let error = message(PEER, HOST, Icmp6Repr::TimeExceeded { code: 0 }, &quoted);
    let cases = [
        packet_of(IpProto::ICMP6, 0, true, &error[..16]),
        packet(PEER, ip6::ALL_NODES, IpProto::FRAGMENT, 64, &fragment(IpProto::ICMP6, 0, true, &[128; 16])),
    ];
    for first in cases {
        let mut bench = bench();
        bench.hear(&first);
        bench.net.run(secs(61));
        assert_eq!(bench.net.icmp(), []);
        let drops = [(Cause::FragmentTimeout, 1), (Cause::Silenced, 1)];
        assert_eq!(bench.net.drops(bench.host), drops);
    }
}

#[test]
fn fragmented_neighbour_discovery_is_ignored_6980_1() {
    let solicit = NeighborSolicit { target: HOST, slla: Some(PEER_MAC), nonce: None };
    let mut bytes = vec![0; solicit.buffer_len()];
    solicit.emit(PEER, HOST, &mut bytes).unwrap();
    let hop = siding_wire::nd::HOP_LIMIT;
    let as_fragments = |parts: &[(usize, bool, &[u8])]| -> Vec<Vec<u8>> {
        let one = |part: &(usize, bool, &[u8])| {
            packet(PEER, HOST, IpProto::FRAGMENT, hop, &fragment(IpProto::ICMP6, part.0, part.1, part.2))
        };
        parts.iter().map(one).collect()
    };
    let atomic = as_fragments(&[(0, false, &bytes)]);
    let cut = as_fragments(&[(0, true, &bytes[..24]), (24, false, &bytes[24..])]);
    for packets in [atomic, cut] {
        let (mut net, host, link, id) = Net::host(spec("host"));
        let mac = net.mac(host, id);
        packets.iter().for_each(|packet| net.hear(link, &frame6(mac, packet)));
        assert_eq!((net.frames().len(), net.neighbors(host)), (0, 0));
        assert_eq!(net.drops(host).len(), 1);
    }
}

#[test]
fn a_fragment_of_a_fragment_is_dropped_8200_4() {
    let mut bench = bench();
    let inner = fragment(IpProto::ICMP6, 0, true, &message(PEER, HOST, ECHO, b"12345678"));
    bench.hear(&packet_of(IpProto::FRAGMENT, 0, true, &inner[..16]));
    bench.hear(&packet_of(IpProto::FRAGMENT, 16, false, &inner[16..]));
    assert_eq!((bench.net.drops(bench.host), bench.held()), (vec![(Cause::Fragment, 1)], (0, 0)));
}

#[test]
fn a_fragment_of_nothing_is_dropped_and_an_empty_end_is_an_end_8200_4() {
    let mut bench = bench();
    let message = message(PEER, HOST, ECHO, b"12345678");
    bench.hear(&packet_of(IpProto::ICMP6, 8, true, &[]));
    assert_eq!((bench.net.drops(bench.host), bench.held()), (vec![(Cause::Fragment, 1)], (0, 0)));
    bench.hear(&packet_of(IpProto::ICMP6, 16, false, &[]));
    bench.hear(&packet_of(IpProto::ICMP6, 0, true, &message));
    assert_eq!(reply(&bench.net), Some((REPLY, b"12345678".to_vec())));
}

#[test]
fn one_source_cannot_take_the_room_of_others_9099_1() {
    let mut bench = bench();
    let (_, cut) = pieces(100, 64);
    bench.hear(&cut[0]);
    let before = bench.net.world.node(bench.host).pool.live();
    // First fragments without end, from one source.
    for ident in 0..5000u32 {
        let mut first = packet_of(IpProto::ICMP6, 0, true, &[128; 16]);
        first[8..24].copy_from_slice(&v6(0x77).octets());
        first[44..48].copy_from_slice(&ident.to_be_bytes());
        bench.net.inject(bench.link, &frame6(bench.mac, &first));
        if ident % 50 == 0 {
            bench.net.run(Duration::ZERO);
        }
    }
    bench.net.run(Duration::ZERO);
    let limits = siding_stack::reassembly::ReassemblyLimits::default();
    assert_eq!(bench.held().0, limits.datagrams_per_source as u64 + 1);
    let live = bench.net.world.node(bench.host).pool.live();
    assert_eq!(live, before + limits.datagrams_per_source);
    bench.hear(&cut[1]);
    assert_eq!(reply(&bench.net).unwrap().0, REPLY, "the other's is still there");
    let report = bench.net.limit(bench.host, "reassembly-datagrams");
    assert_eq!(report.refused, 5000 - limits.datagrams_per_source as u64);
}

#[test]
fn a_flood_from_everywhere_lets_packets_through_whose_fragments_come_together_9099_1() {
    let mut bench = bench();
    let (data, cut) = pieces(8_000, 1232);
    for round in 0..20u32 {
        for n in 0..100u32 {
            let mut first = packet_of(IpProto::ICMP6, 0, true, &[128; 16]);
            first[8..24].copy_from_slice(&v6(0x1000 + (round * 100 + n) as u16).octets());
            bench.net.inject(bench.link, &frame6(bench.mac, &first));
        }
        cut.iter().for_each(|piece| bench.net.inject(bench.link, &frame6(bench.mac, piece)));
        bench.net.rewind();
        bench.net.run(Duration::ZERO);
        assert_eq!(reply(&bench.net), Some((REPLY, data.clone())), "round {round}");
    }
    let fragments = bench.net.limit(bench.host, "reassembly-fragments");
    let pool = &bench.net.world.node(bench.host).pool;
    assert_eq!(fragments.limit, pool.capacity() as u64 / 4);
    assert!(fragments.refused > 1000 && fragments.highest <= Some(fragments.limit), "{fragments:?}");
}

#[test]
fn a_datagram_in_crumbs_is_given_up_9099_1() {
    let mut bench = bench();
    let (_, cut) = pieces(4_000, 8);
    cut.iter().for_each(|piece| bench.hear(piece));
    assert_eq!((bench.net.icmp(), bench.held()), (vec![], (1, 0)));
    assert_eq!(bench.net.drops(bench.host), [(Cause::FragmentLimit, cut.len() as u64)]);
}

#[test]
fn fragments_go_with_the_interface_that_brought_them() {
    let mut bench = bench();
    let other = bench.net.plug(bench.host, bench.link, on_link(5, 1));
    bench.net.rewind();
    let (_, cut) = pieces(100, 40);
    bench.hear(&cut[0]);
    bench.hear(&cut[1]);
    bench.net.world.unplug(bench.host, bench.id);
    bench.net.run(ms(1));
    assert_eq!((bench.held(), bench.net.dropped(bench.host, Cause::InterfaceGone)), ((0, 0), 2));
    bench.net.run(secs(100));
    assert_eq!(bench.net.icmp(), []);
    assert_eq!(bench.net.world.node(bench.host).interfaces(), [other]);
}

#[test]
fn when_no_large_buffer_is_left_the_drop_is_counted() {
    let (mut net, host, link, id) = Net::host(siding_sim::NodeSpec { large_buffers: 0, ..spec("host") });
    let mac = net.mac(host, id);
    net.world.node(host).control(|stack, ctx| stack.add_neighbor(ctx, id, PEER.into(), PEER_MAC)).unwrap();
    let (_, cut) = pieces(8_000, 1232);
    cut.iter().for_each(|piece| net.hear(link, &frame6(mac, piece)));
    assert_eq!((net.icmp(), net.drops(host)), (vec![], vec![(Cause::NoLargeBuffer, cut.len() as u64)]));
    // What fits into a usual buffer needs no large one.
    let (data, cut) = pieces(1_800, 1232);
    cut.iter().for_each(|piece| net.hear(link, &frame6(mac, piece)));
    assert_eq!(reply(&net), Some((REPLY, data)));
}

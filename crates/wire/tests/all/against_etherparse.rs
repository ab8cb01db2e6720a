//! etherparse 0.21 reads what we write, and both read the same from any chain of extension headers.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use etherparse::Icmpv6Slice;
use etherparse::Icmpv6Type;
use etherparse::IpNumber;
use etherparse::Ipv6ExtensionsSlice;
use etherparse::Ipv6FragmentHeader;
use etherparse::Ipv6Header;
use etherparse::UdpHeader;
use etherparse::icmpv6::Icmpv6PayloadSlice;
use etherparse::icmpv6::NdpOptionSlice;
use proptest::collection::vec;
use proptest::prelude::*;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::Malformed;
use siding_wire::arp::ArpRepr;
use siding_wire::checksum::Ends;
use siding_wire::ether::Ether;
use siding_wire::ether::VlanTag;
use siding_wire::ext6;
use siding_wire::ext6::FragmentRepr;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd::NdOption;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;
use siding_wire::nd::Nonce;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::Redirect;
use siding_wire::nd::RouterAdvert;
use siding_wire::udp::UdpRepr;

const SRC: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const DST: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const MAC: Mac = Mac([2, 0, 0, 0, 0, 7]);

/// What etherparse makes of a message, once it agrees with its checksum.
fn read(message: &[u8]) -> (Icmpv6Type, Vec<NdpOptionSlice<'_>>, Vec<Ipv6Addr>) {
    let slice = Icmpv6Slice::from_slice(message).unwrap();
    assert!(slice.is_checksum_valid(SRC.octets(), DST.octets()));
    let (options, addrs) = match slice.payload_slice().unwrap() {
        Icmpv6PayloadSlice::NeighborSolicitation(body) => {
            (body.options_iterator(), vec![body.target_address()])
        }
        Icmpv6PayloadSlice::NeighborAdvertisement(body) => {
            (body.options_iterator(), vec![body.target_address()])
        }
        Icmpv6PayloadSlice::RouterAdvertisement(body) => (body.options_iterator(), vec![]),
        Icmpv6PayloadSlice::Redirect(body) => {
            (body.options_iterator(), vec![body.target_address(), body.destination_address()])
        }
        other => panic!("{other:?}"),
    };
    (slice.icmp_type(), options.map(Result::unwrap).collect(), addrs)
}

fn ours(emit: impl FnOnce(&mut [u8]) -> Result<usize, Malformed>) -> Vec<u8> {
    let mut out = vec![0; 2048];
    let len = emit(&mut out).unwrap();
    out.truncate(len);
    out
}

#[test]
fn neighbor_messages() {
    let nonce = Some(Nonce([1, 2, 3, 4, 5, 6]));
    let message = ours(|out| NeighborSolicit { target: DST, slla: Some(MAC), nonce }.emit(SRC, DST, out));
    let (kind, options, addrs) = read(&message);
    assert_eq!((kind, addrs), (Icmpv6Type::NeighborSolicitation, vec![DST]));
    let [NdpOptionSlice::SourceLinkLayerAddress(slla), NdpOptionSlice::Unknown(nonce)] = &options[..] else {
        panic!("{options:?}");
    };
    assert_eq!(slla.link_layer_address(), MAC.0);
    assert_eq!(nonce.as_bytes(), [14, 1, 1, 2, 3, 4, 5, 6]);

    for (router, solicited, override_) in [(true, false, false), (false, true, false), (false, false, true)] {
        let advert = NeighborAdvert { router, solicited, override_, target: SRC, tlla: Some(MAC) };
        let message = ours(|out| advert.emit(SRC, DST, out));
        let (kind, options, addrs) = read(&message);
        let Icmpv6Type::NeighborAdvertisement(flags) = kind else { panic!("{kind:?}") };
        assert_eq!((flags.router, flags.solicited, flags.r#override), (router, solicited, override_));
        assert_eq!(addrs, [SRC]);
        let [NdpOptionSlice::TargetLinkLayerAddress(tlla)] = &options[..] else { panic!("{options:?}") };
        assert_eq!(tlla.link_layer_address(), MAC.0);
    }
}

#[test]
fn router_messages() {
    let advert = RouterAdvert {
        cur_hop_limit: 64,
        managed: true,
        router_lifetime: 1800,
        reachable_time: 30_000,
        retrans_timer: 1000,
        mtu: Some(1400),
        ..RouterAdvert::default()
    };
    let prefix = PrefixInfo {
        prefix: "2001:db8:7::".parse().unwrap(),
        prefix_len: 64,
        on_link: false,
        autonomous: true,
        router_address: None,
        valid: 86_400,
        preferred: 3600,
    };
    let message = ours(|out| advert.emit(&[NdOption::Prefix(prefix)], SRC, DST, out));
    let (kind, options, _) = read(&message);
    let Icmpv6Type::RouterAdvertisement(header) = kind else { panic!("{kind:?}") };
    assert_eq!((header.cur_hop_limit, header.router_lifetime), (64, 1800));
    assert!(header.managed_address_config && !header.other_config);
    let [NdpOptionSlice::Mtu(mtu), NdpOptionSlice::PrefixInformation(read)] = &options[..] else {
        panic!("{options:?}");
    };
    assert_eq!(mtu.mtu(), 1400);
    assert_eq!((read.prefix(), read.prefix_length()), (prefix.prefix.octets(), 64));
    assert_eq!((read.valid_lifetime(), read.preferred_lifetime()), (86_400, 3600));
    assert!(!read.on_link() && read.autonomous_address_configuration());

    let redirect = Redirect { target: SRC, destination: DST, tlla: Some(MAC), redirected: &[0x61; 80] };
    let message = ours(|out| redirect.emit(SRC, DST, out));
    let (kind, options, addrs) = self::read(&message);
    assert_eq!((kind, addrs), (Icmpv6Type::Redirect, vec![SRC, DST]));
    let [NdpOptionSlice::TargetLinkLayerAddress(_), NdpOptionSlice::RedirectedHeader(quoted)] = &options[..]
    else {
        panic!("{options:?}");
    };
    assert_eq!(quoted.redirected_packet(), [0x61; 80]);
}

/// Headers of the types that both walk, each with the number of the next.
fn chain() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let header = (prop_oneof![Just(43u8), Just(44), Just(60)], 0u8..3, any::<u8>());
    (any::<bool>(), vec(header, 0..5), prop_oneof![Just(6u8), Just(17), Just(58), Just(59)]).prop_map(
        |(hop_by_hop, headers, upper)| {
            let headers: Vec<_> = hop_by_hop.then_some((0, 1, 1)).into_iter().chain(headers).collect();
            let kinds: Vec<u8> = headers.iter().map(|header| header.0).chain([upper]).collect();
            let mut bytes = vec![];
            for ((kind, units, fill), next) in headers.into_iter().zip(&kinds[1..]) {
                match kind {
                    // Offset 0, as nothing can be read behind any other.
                    44 => bytes.extend([*next, 0, 0, fill & 1, fill, 2, 3, 4]),
                    _ => {
                        bytes.extend([*next, units]);
                        bytes.extend(vec![fill; 6 + 8 * usize::from(units)]);
                    }
                }
            }
            (kinds[0], bytes)
        },
    )
}

proptest! {
    #[test]
    fn extension_headers((first, bytes) in chain(), tail in vec(any::<u8>(), 0..20), cut in 0usize..200) {
        let payload = [&bytes[..], &tail].concat();
        let payload = &payload[..cut.min(payload.len())];
        let theirs = Ipv6ExtensionsSlice::from_slice(IpNumber(first), payload);
        match ext6::walk(IpProto(first), payload, |_| {}) {
            Ok(upper) => {
                let (_, next, rest) = theirs.unwrap();
                prop_assert_eq!((upper.proto.0, upper.offset), (next.0, payload.len() - rest.len()));
            }
            Err(_) => prop_assert!(theirs.is_err()),
        }
    }

    #[test]
    fn ip_headers(
        (traffic_class, flow_label, hop_limit, ident) in (any::<u8>(), 0u32..1 << 20, any::<u8>(), any::<u32>()),
        (src, dst, src4, dst4) in any::<(u128, u128, u32, u32)>(),
        (offset, more) in (0u16..8192, any::<bool>()),
        len in 0u16..65_000,
    ) {
        let ours = Ip6Repr {
            traffic_class,
            flow_label,
            payload_len: len,
            next_header: IpProto::TCP,
            hop_limit,
            src: Ipv6Addr::from_bits(src),
            dst: Ipv6Addr::from_bits(dst),
        };
        let bytes = ours.to_bytes();
        let (theirs, _) = Ipv6Header::from_slice(&bytes).unwrap();
        prop_assert_eq!(
            (theirs.traffic_class, theirs.flow_label.value(), theirs.payload_length, theirs.next_header.0, theirs.hop_limit),
            (traffic_class, flow_label, len, 6, hop_limit)
        );
        prop_assert_eq!((theirs.source_addr(), theirs.destination_addr()), (ours.src, ours.dst));
        prop_assert_eq!(theirs.to_bytes(), bytes);

        let ours = FragmentRepr { next_header: IpProto::UDP, offset: offset * 8, more, ident };
        let mut bytes = [0; 8];
        ours.emit(&mut bytes).unwrap();
        let (theirs, _) = Ipv6FragmentHeader::from_slice(&bytes).unwrap();
        prop_assert_eq!((theirs.fragment_offset.value(), theirs.more_fragments, theirs.identification), (offset, more, ident));
        prop_assert_eq!(theirs.to_bytes(), bytes);

        let ours = Ip4Repr {
            tos: traffic_class,
            ident: ident as u16,
            more_fragments: more,
            dont_fragment: !more,
            frag_offset: offset * 8,
            ..Ip4Repr::new(Ipv4Addr::from_bits(src4), Ipv4Addr::from_bits(dst4), IpProto::UDP, hop_limit, len)
        };
        let mut bytes = [0; 20];
        ours.emit(&mut bytes).unwrap();
        let (theirs, _) = etherparse::Ipv4Header::from_slice(&bytes).unwrap();
        prop_assert_eq!(theirs.calc_header_checksum(), theirs.header_checksum);
        prop_assert_eq!((theirs.total_len, theirs.identification, theirs.time_to_live), (len + 20, ident as u16, hop_limit));
        prop_assert_eq!((theirs.fragment_offset.value(), theirs.more_fragments, theirs.dont_fragment), (offset, more, !more));
        prop_assert_eq!(theirs.dscp.value() << 2 | theirs.ecn.value(), traffic_class);
    }

    #[test]
    fn upper_layers(a: u16, b: u16, payload in vec(any::<u8>(), 0..60)) {
        let (src4, dst4) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let mut message = [&[0; 8][..], &payload].concat();
        let udp = UdpRepr { src_port: a, dst_port: b };
        udp.emit(Ends::V6 { src: SRC, dst: DST }, &mut message).unwrap();
        let (theirs, _) = UdpHeader::from_slice(&message).unwrap();
        prop_assert_eq!(theirs.calc_checksum_ipv6_raw(SRC.octets(), DST.octets(), &payload), Ok(theirs.checksum));
        udp.emit(Ends::V4 { src: src4, dst: dst4 }, &mut message).unwrap();
        let (theirs, _) = UdpHeader::from_slice(&message).unwrap();
        prop_assert_eq!(theirs.calc_checksum_ipv4_raw(src4.octets(), dst4.octets(), &payload), Ok(theirs.checksum));

        Icmp6Repr::EchoRequest { ident: a, seq: b }.emit(SRC, DST, &mut message).unwrap();
        let slice = Icmpv6Slice::from_slice(&message).unwrap();
        prop_assert!(slice.is_checksum_valid(SRC.octets(), DST.octets()));
        let Icmpv6Type::EchoRequest(echo) = slice.icmp_type() else { panic!("{slice:?}") };
        prop_assert_eq!((echo.id, echo.seq), (a, b));

        Icmp4Repr::DestUnreachable { code: 4, mtu: a }.emit(&mut message).unwrap();
        let slice = etherparse::Icmpv4Slice::from_slice(&message).unwrap();
        let theirs = etherparse::Icmpv4Type::DestinationUnreachable(
            etherparse::icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: a },
        );
        prop_assert_eq!(slice.icmp_type(), theirs.clone());
        prop_assert_eq!(theirs.calc_checksum(&payload), slice.checksum());
    }

    #[test]
    fn link_layer(dst: [u8; 6], src: [u8; 6], vid in 0u16..4096, pcp in 0u8..8, dei: bool, (spa, tpa) in any::<(u32, u32)>()) {
        let (dst, src) = (Mac(dst), Mac(src));
        let ether = Ether { dst, src, ethertype: EtherType::VLAN };
        let bytes = ether.to_bytes();
        let (theirs, _) = etherparse::Ethernet2Header::from_slice(&bytes).unwrap();
        prop_assert_eq!((theirs.destination, theirs.source, theirs.ether_type.0), (dst.0, src.0, 0x8100));

        let tag = VlanTag { vid, pcp, dei, ethertype: EtherType::ARP };
        let bytes = tag.to_bytes();
        let (theirs, _) = etherparse::SingleVlanHeader::from_slice(&bytes).unwrap();
        prop_assert_eq!(
            (theirs.vlan_id.value(), theirs.pcp.value(), theirs.drop_eligible_indicator, theirs.ether_type.0),
            (vid, pcp, dei, 0x0806)
        );

        let arp = ArpRepr::request(src, Ipv4Addr::from_bits(spa), Ipv4Addr::from_bits(tpa)).reply(dst);
        let theirs = etherparse::ArpEthIpv4Packet {
            operation: etherparse::ArpOperation::REPLY,
            sender_mac: dst.0,
            sender_ipv4: tpa.to_be_bytes(),
            target_mac: src.0,
            target_ipv4: spa.to_be_bytes(),
        };
        prop_assert_eq!(theirs.to_bytes(), arp.to_bytes());
    }
}

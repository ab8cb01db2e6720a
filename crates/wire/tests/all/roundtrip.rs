//! What is written reads back as it was, and takes as many bytes as it said.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::arp::ArpOp;
use siding_wire::arp::ArpRepr;
use siding_wire::checksum::Ends;
use siding_wire::ether::Ether;
use siding_wire::ether::VlanTag;
use siding_wire::ext6::FragmentRepr;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::mld;
use siding_wire::mld::MldMessage;
use siding_wire::mld::MldV1;
use siding_wire::mld::QueryV2;
use siding_wire::mld::Record;
use siding_wire::mld::RecordKind;
use siding_wire::nd;
use siding_wire::nd::Dnssl;
use siding_wire::nd::NdMessage;
use siding_wire::nd::NdOption;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;
use siding_wire::nd::Nonce;
use siding_wire::nd::Pref64;
use siding_wire::nd::Preference;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::Rdnss;
use siding_wire::nd::Redirect;
use siding_wire::nd::RouteInfo;
use siding_wire::nd::RouterAdvert;
use siding_wire::nd::RouterSolicit;
use siding_wire::udp::UdpRepr;

const SRC: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const DST: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

fn mac() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_map(Mac)
}

fn station() -> impl Strategy<Value = Mac> {
    mac().prop_filter("a station's", Mac::is_unicast)
}

fn ip6() -> impl Strategy<Value = Ipv6Addr> {
    any::<u128>().prop_map(Ipv6Addr::from_bits)
}

fn ip4() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>().prop_map(Ipv4Addr::from_bits)
}

fn unicast() -> impl Strategy<Value = Ipv6Addr> {
    ip6().prop_filter("no group", |addr| !addr.is_multicast())
}

fn preference() -> impl Strategy<Value = Preference> {
    prop_oneof![Just(Preference::Low), Just(Preference::Medium), Just(Preference::High)]
}

fn prefix() -> impl Strategy<Value = PrefixInfo> {
    (ip6(), 0u8..=128, any::<[bool; 3]>(), any::<u32>(), any::<u32>()).prop_map(
        |(addr, prefix_len, [on_link, autonomous, router], valid, preferred)| PrefixInfo {
            prefix: ip6::mask(addr, prefix_len),
            prefix_len,
            on_link,
            autonomous,
            router_address: router.then_some(addr),
            valid,
            preferred,
        },
    )
}

fn route() -> impl Strategy<Value = RouteInfo> {
    (ip6(), 0u8..=128, preference(), any::<u32>()).prop_map(|(addr, prefix_len, preference, lifetime)| {
        RouteInfo { prefix: ip6::mask(addr, prefix_len), prefix_len, preference, lifetime }
    })
}

fn record_kind() -> impl Strategy<Value = RecordKind> {
    prop_oneof![
        Just(RecordKind::ModeIsInclude),
        Just(RecordKind::ModeIsExclude),
        Just(RecordKind::ChangeToInclude),
        Just(RecordKind::ChangeToExclude),
        Just(RecordKind::AllowNewSources),
        Just(RecordKind::BlockOldSources),
    ]
}

/// A buffer that is dirty and too long, to show what is left unwritten.
fn dirty() -> Vec<u8> {
    vec![0xa5; 4096]
}

fn nd(message: &[u8]) -> Result<NdMessage<'_>, nd::NdInvalid> {
    nd::validate(255, SRC, DST, message, false)
}

proptest! {
    #[test]
    fn ether(dst in mac(), src in mac(), ethertype: u16, vid in 0u16..4096, pcp in 0u8..8, dei: bool) {
        let ether = Ether { dst, src, ethertype: EtherType(ethertype) };
        let bytes = ether.to_bytes();
        prop_assert_eq!(Ether::parse(&bytes), Ok((ether, &[][..])));
        let tag = VlanTag { vid, pcp, dei, ethertype: EtherType(ethertype) };
        let bytes = tag.to_bytes();
        prop_assert_eq!(VlanTag::parse(&bytes), Ok((tag, &[][..])));
    }

    #[test]
    fn arp(op: u16, sha in mac(), spa in ip4(), tha in mac(), tpa in ip4()) {
        let arp = ArpRepr { op: ArpOp(op), sha, spa, tha, tpa };
        prop_assert_eq!(ArpRepr::parse(&arp.to_bytes()), Ok(arp));
    }

    #[test]
    fn ip_headers(
        (tos, ident, offset, ttl, proto) in (any::<u8>(), any::<u16>(), 0u16..8192, any::<u8>(), any::<u8>()),
        dont_fragment: bool,
        more_fragments: bool,
        (src, dst) in (ip4(), ip4()),
        (src6, dst6, flow_label) in (ip6(), ip6(), 0u32..1 << 20),
        payload in vec(any::<u8>(), 0..40),
    ) {
        let payload_len = payload.len() as u16;
        let (frag_offset, proto) = (offset * 8, IpProto(proto));
        let repr = Ip4Repr { tos, payload_len, ident, dont_fragment, more_fragments, frag_offset, ttl, proto, src, dst };
        let mut out = dirty();
        let at = repr.emit(&mut out).unwrap();
        out[at..at + payload.len()].copy_from_slice(&payload);
        prop_assert_eq!(Ip4Repr::parse(&out), Ok((repr, &payload[..])));

        let repr = Ip6Repr { traffic_class: tos, flow_label, payload_len, next_header: proto, hop_limit: ttl, src: src6, dst: dst6 };
        let at = repr.emit(&mut out).unwrap();
        out[at..at + payload.len()].copy_from_slice(&payload);
        prop_assert_eq!(Ip6Repr::parse(&out), Ok((repr, &payload[..])));

        let repr = FragmentRepr { next_header: proto, offset: frag_offset, more: more_fragments, ident: flow_label };
        repr.emit(&mut out).unwrap();
        prop_assert_eq!(FragmentRepr::parse(&out[..8]), Ok((repr, &[][..])));
    }

    #[test]
    fn upper_layers(a: u16, b: u16, payload in vec(any::<u8>(), 0..60), (src, dst) in (ip6(), ip6()), (src4, dst4) in (ip4(), ip4())) {
        let mut message = [vec![0xa5; 8], payload.clone()].concat();
        for ends in [Ends::V6 { src, dst }, Ends::V4 { src: src4, dst: dst4 }] {
            let udp = UdpRepr { src_port: a, dst_port: b };
            udp.emit(ends, &mut message).unwrap();
            prop_assert_eq!(UdpRepr::parse(ends, &message), Ok((udp, &payload[..])));
        }
        let echo = Icmp6Repr::EchoReply { ident: a, seq: b };
        echo.emit(src, dst, &mut message).unwrap();
        prop_assert_eq!(Icmp6Repr::parse(src, dst, &message), Ok((echo, &payload[..])));
        let echo = Icmp4Repr::EchoRequest { ident: a, seq: b };
        echo.emit(&mut message).unwrap();
        prop_assert_eq!(Icmp4Repr::parse(&message), Ok((echo, &payload[..])));
    }

    #[test]
    fn neighbors(
        target in unicast(),
        lladdr in option::of(station()),
        nonce in option::of(any::<[u8; 6]>().prop_map(Nonce)),
        (router, solicited, override_) in any::<(bool, bool, bool)>(),
    ) {
        let mut out = dirty();
        let solicit = NeighborSolicit { target, slla: lladdr, nonce };
        let len = solicit.emit(SRC, DST, &mut out).unwrap();
        prop_assert_eq!(len, solicit.buffer_len());
        prop_assert_eq!(nd(&out[..len]), Ok(NdMessage::NeighborSolicit(solicit)));

        let advert = NeighborAdvert { router, solicited, override_, target, tlla: lladdr };
        let len = advert.emit(SRC, DST, &mut out).unwrap();
        prop_assert_eq!(len, advert.buffer_len());
        prop_assert_eq!(nd(&out[..len]), Ok(NdMessage::NeighborAdvert(advert)));

        let solicit = RouterSolicit { slla: lladdr };
        let len = solicit.emit(SRC, DST, &mut out).unwrap();
        prop_assert_eq!(len, solicit.buffer_len());
        prop_assert_eq!(nd(&out[..len]), Ok(NdMessage::RouterSolicit(solicit)));
        let mut fresh = dirty();
        solicit.emit(SRC, DST, &mut fresh).unwrap();
        prop_assert!(fresh[len..].iter().all(|octet| *octet == 0xa5), "nothing is written beyond");
    }

    #[test]
    fn router_adverts(
        (cur_hop_limit, managed, other_config) in any::<(u8, bool, bool)>(),
        preference in preference(),
        (router_lifetime, reachable_time, retrans_timer) in (1u16.., any::<u32>(), any::<u32>()),
        slla in option::of(station()),
        mtu in option::of(any::<u32>()),
        prefixes in vec(prefix(), 0..4),
        routes in vec(route(), 0..4),
        servers in vec(any::<[u8; 16]>(), 1..4),
        data in vec(any::<u8>(), 6),
        (nat64, nat64_len) in (ip6(), select(vec![32u8, 40, 48, 56, 64, 96])),
        domain in "[a-z]{1,20}(\\.[a-z]{1,20}){0,3}",
        uri in "https://[a-z/]{1,60}",
    ) {
        let mut names = [0; 128];
        let names_len = nd::encode_domain(&domain, &mut names).unwrap();
        let advert = RouterAdvert {
            cur_hop_limit, managed, other_config, preference, router_lifetime, reachable_time, retrans_timer, slla, mtu,
        };
        let mut more: Vec<NdOption<'_>> = prefixes.into_iter().map(NdOption::Prefix).collect();
        more.extend(routes.into_iter().map(NdOption::Route));
        more.push(NdOption::Rdnss(Rdnss { lifetime: reachable_time, servers: &servers }));
        more.push(NdOption::Dnssl(Dnssl { lifetime: retrans_timer, names: &names[..names_len] }));
        more.push(NdOption::Pref64(Pref64::new(nat64, nat64_len, retrans_timer).unwrap()));
        more.push(NdOption::CaptivePortal(uri.as_bytes()));
        more.push(NdOption::Unknown { kind: 200, data: &data });

        let mut out = dirty();
        let len = advert.emit(&more, SRC, DST, &mut out).unwrap();
        prop_assert_eq!(len, advert.buffer_len(&more));
        let Ok(NdMessage::RouterAdvert(read, options)) = nd(&out[..len]) else { panic!("not read") };
        prop_assert_eq!(read, advert);
        let own = usize::from(slla.is_some()) + usize::from(mtu.is_some());
        prop_assert!(options.skip(own).eq(more.iter().copied()), "{options:?}");
        prop_assert!(advert.emit(&more, SRC, DST, &mut dirty()[..len - 1]).is_err());
    }

    #[test]
    fn redirects(destination in unicast(), tlla in option::of(station()), packet in vec(any::<u8>(), 0..1600)) {
        let redirect = Redirect { target: SRC, destination, tlla, redirected: &packet };
        let mut out = dirty();
        let len = redirect.emit(SRC, DST, &mut out).unwrap();
        prop_assert_eq!(len, redirect.buffer_len());
        prop_assert!(len + 40 <= 1280);
        let Ok(NdMessage::Redirect(read)) = nd(&out[..len]) else { panic!("not read") };
        prop_assert!(packet.starts_with(read.redirected));
        prop_assert!(read.redirected.len() + 8 > packet.len().min(1232 - 40 - 8 - 8), "not cut without need");
        prop_assert_eq!(read, Redirect { redirected: read.redirected, ..redirect });
    }

    #[test]
    fn listener_messages(
        group in ip6(),
        max_response: u16,
        (suppress, robustness, interval) in (any::<bool>(), 0u8..8, 0u32..128),
        sources in vec(any::<[u8; 16]>(), 0..5),
        kinds in vec(record_kind(), 0..5),
    ) {
        let mut out = dirty();
        for v1 in [MldV1::Query { max_response, group }, MldV1::Report { group }, MldV1::Done { group }] {
            let len = v1.emit(SRC, DST, &mut out).unwrap();
            prop_assert_eq!(len, v1.buffer_len());
            prop_assert_eq!(mld::validate(1, SRC, DST, &out[..len], true), Ok(MldMessage::V1(v1)));
        }
        let max_response = u32::from(max_response & 0x7fff);
        let query = QueryV2 { max_response, group, suppress, robustness, interval, sources: &sources };
        let len = query.emit(SRC, DST, &mut out).unwrap();
        prop_assert_eq!(len, query.buffer_len());
        prop_assert_eq!(mld::validate(1, SRC, DST, &out[..len], true), Ok(MldMessage::QueryV2(query)));

        let records: Vec<Record<'_>> =
            kinds.into_iter().enumerate().map(|(i, kind)| Record { kind, group, sources: &sources[..i.min(sources.len())] }).collect();
        let len = mld::emit_report_v2(&records, SRC, DST, &mut out).unwrap();
        prop_assert_eq!(len, mld::report_v2_len(&records));
        let Ok(MldMessage::ReportV2(read)) = mld::validate(1, SRC, DST, &out[..len], true) else { panic!("not read") };
        prop_assert_eq!(read.collect::<Vec<_>>(), records);
    }
}

//! smoltcp 0.14 reads what we write, and we read what it writes.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::arp::ArpOp;
use siding_wire::arp::ArpRepr;
use siding_wire::checksum;
use siding_wire::checksum::Sum;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd;
use siding_wire::nd::NdMessage;
use siding_wire::nd::NdOption;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::Redirect;
use siding_wire::nd::RouterAdvert;
use siding_wire::nd::RouterSolicit;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire as theirs;

const SRC: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const DST: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

fn station() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_map(Mac).prop_filter("a station's", Mac::is_unicast)
}

fn ip6() -> impl Strategy<Value = Ipv6Addr> {
    any::<u128>().prop_map(Ipv6Addr::from_bits)
}

fn unicast() -> impl Strategy<Value = Ipv6Addr> {
    ip6().prop_filter("no group", |addr| !addr.is_multicast())
}

fn ip4() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>().prop_map(Ipv4Addr::from_bits)
}

fn lladdr(mac: Mac) -> theirs::RawHardwareAddress {
    theirs::EthernetAddress(mac.0).into()
}

fn seconds(n: u32) -> smoltcp::time::Duration {
    smoltcp::time::Duration::from_secs(n.into())
}

fn millis(n: u32) -> smoltcp::time::Duration {
    smoltcp::time::Duration::from_millis(n.into())
}

/// What smoltcp makes of an ICMPv6 message.
fn read(message: &[u8]) -> theirs::Icmpv6Repr<'_> {
    let packet = theirs::Icmpv6Packet::new_checked(message).unwrap();
    theirs::Icmpv6Repr::parse(&SRC, &DST, &packet, &ChecksumCapabilities::default()).unwrap()
}

/// What smoltcp writes.
fn written(repr: &theirs::Icmpv6Repr<'_>) -> Vec<u8> {
    let mut out = vec![0; repr.buffer_len()];
    let mut packet = theirs::Icmpv6Packet::new_unchecked(&mut out[..]);
    repr.emit(&SRC, &DST, &mut packet, &ChecksumCapabilities::default());
    out
}

/// What we write.
fn ours(emit: impl FnOnce(&mut [u8]) -> Result<usize, siding_wire::Malformed>) -> Vec<u8> {
    let mut out = vec![0; 2048];
    let len = emit(&mut out).unwrap();
    out.truncate(len);
    out
}

fn check_nd(message: Vec<u8>, repr: theirs::NdiscRepr<'_>) {
    let repr = theirs::Icmpv6Repr::Ndisc(repr);
    assert_eq!(read(&message), repr);
    assert_eq!(written(&repr), message);
}

proptest! {
    #[test]
    fn checksums(bytes in vec(any::<u8>(), 0..200), (src, dst) in (ip6(), ip6()), (src4, dst4) in (ip4(), ip4()), len: u16) {
        prop_assert_eq!(Sum::new().with(&bytes).fold(), theirs::checksum::data(&bytes));
        prop_assert_eq!(checksum::of(&bytes), !theirs::checksum::data(&bytes));
        prop_assert_eq!(
            Sum::pseudo6(src, dst, IpProto::UDP, len.into()).fold(),
            theirs::checksum::pseudo_header_v6(&src, &dst, theirs::IpProtocol::Udp, len.into())
        );
        prop_assert_eq!(
            Sum::pseudo4(src4, dst4, IpProto::TCP, len).fold(),
            theirs::checksum::pseudo_header_v4(&src4, &dst4, theirs::IpProtocol::Tcp, len.into())
        );
    }

    #[test]
    fn arp(reply: bool, sha in station(), tha in station(), (spa, tpa) in (ip4(), ip4())) {
        let op = if reply { ArpOp::REPLY } else { ArpOp::REQUEST };
        let arp = ArpRepr { op, sha, spa, tha, tpa };
        let repr = theirs::ArpRepr::EthernetIpv4 {
            operation: if reply { theirs::ArpOperation::Reply } else { theirs::ArpOperation::Request },
            source_hardware_addr: theirs::EthernetAddress(sha.0),
            source_protocol_addr: spa,
            target_hardware_addr: theirs::EthernetAddress(tha.0),
            target_protocol_addr: tpa,
        };
        let bytes = arp.to_bytes();
        prop_assert_eq!(theirs::ArpRepr::parse(&theirs::ArpPacket::new_checked(&bytes[..]).unwrap()), Ok(repr));
        let mut out = vec![0; repr.buffer_len()];
        repr.emit(&mut theirs::ArpPacket::new_unchecked(&mut out[..]));
        prop_assert_eq!(ArpRepr::parse(&out), Ok(arp));
    }

    #[test]
    fn ip_headers(src in unicast(), dst in ip6(), (src4, dst4) in (ip4(), ip4()), hop_limit: u8, payload in vec(any::<u8>(), 0..60)) {
        let payload_len = payload.len() as u16;
        let ip = Ip6Repr::new(src, dst, IpProto::UDP, hop_limit, payload_len);
        let repr = theirs::Ipv6Repr {
            src_addr: src, dst_addr: dst, next_header: theirs::IpProtocol::Udp, payload_len: payload.len(), hop_limit,
        };
        let bytes = [&ip.to_bytes()[..], &payload].concat();
        prop_assert_eq!(theirs::Ipv6Repr::parse(&theirs::Ipv6Packet::new_checked(&bytes[..]).unwrap()), Ok(repr));
        let mut out = bytes.clone();
        repr.emit(&mut theirs::Ipv6Packet::new_unchecked(&mut out[..]));
        prop_assert_eq!(out, bytes);

        let ip = Ip4Repr::new(src4, dst4, IpProto::UDP, hop_limit, payload_len);
        let mut bytes = [&[0; 20][..], &payload].concat();
        ip.emit(&mut bytes).unwrap();
        let packet = theirs::Ipv4Packet::new_checked(&bytes[..]).unwrap();
        prop_assert!(packet.verify_checksum());
        prop_assert_eq!((packet.src_addr(), packet.dst_addr(), packet.hop_limit()), (src4, dst4, hop_limit));
        prop_assert_eq!(packet.payload(), &payload[..]);
        prop_assert!(packet.dont_frag() && !packet.more_frags() && packet.frag_offset() == 0);
    }

    #[test]
    fn echo(ident: u16, seq_no: u16, data in vec(any::<u8>(), 0..60)) {
        let mut message = [&[0; 8][..], &data].concat();
        Icmp6Repr::EchoRequest { ident, seq: seq_no }.emit(SRC, DST, &mut message).unwrap();
        let repr = theirs::Icmpv6Repr::EchoRequest { ident, seq_no, data: &data };
        prop_assert_eq!(read(&message), repr);
        prop_assert_eq!(written(&repr), message);
    }

    #[test]
    fn errors(mtu: u32, pointer: u32, data in vec(any::<u8>(), 0..60)) {
        let header = theirs::Ipv6Repr {
            src_addr: DST, dst_addr: SRC, next_header: theirs::IpProtocol::Udp, payload_len: data.len(), hop_limit: 9,
        };
        let quoted = [&Ip6Repr::new(DST, SRC, IpProto::UDP, 9, data.len() as u16).to_bytes()[..], &data].concat();
        let data = &data[..];
        for (repr, theirs) in [
            (Icmp6Repr::PacketTooBig { mtu }, theirs::Icmpv6Repr::PktTooBig { mtu, header, data }),
            (
                Icmp6Repr::DestUnreachable { code: 3 },
                theirs::Icmpv6Repr::DstUnreachable { reason: theirs::Icmpv6DstUnreachable::AddrUnreachable, header, data },
            ),
            (
                Icmp6Repr::TimeExceeded { code: 1 },
                theirs::Icmpv6Repr::TimeExceeded { reason: theirs::Icmpv6TimeExceeded::FragReassemExceeded, header, data },
            ),
            (
                Icmp6Repr::ParamProblem { code: 2, pointer },
                theirs::Icmpv6Repr::ParamProblem { reason: theirs::Icmpv6ParamProblem::UnrecognizedOption, pointer, header, data },
            ),
        ] {
            let mut message = [&[0; 8][..], &quoted].concat();
            repr.emit(SRC, DST, &mut message).unwrap();
            prop_assert_eq!(read(&message), theirs);
            let message = written(&theirs);
            prop_assert_eq!(Icmp6Repr::parse(SRC, DST, &message), Ok((repr, &quoted[..])));
        }
    }

    #[test]
    fn neighbors(target in unicast(), mac in option::of(station()), (router, solicited, override_) in any::<(bool, bool, bool)>()) {
        let solicit = NeighborSolicit { target, slla: mac, nonce: None };
        check_nd(
            ours(|out| solicit.emit(SRC, DST, out)),
            theirs::NdiscRepr::NeighborSolicit { target_addr: target, lladdr: mac.map(lladdr) },
        );
        let advert = NeighborAdvert { router, solicited, override_, target, tlla: mac };
        let mut flags = theirs::NdiscNeighborFlags::empty();
        flags.set(theirs::NdiscNeighborFlags::ROUTER, router);
        flags.set(theirs::NdiscNeighborFlags::SOLICITED, solicited);
        flags.set(theirs::NdiscNeighborFlags::OVERRIDE, override_);
        check_nd(
            ours(|out| advert.emit(SRC, DST, out)),
            theirs::NdiscRepr::NeighborAdvert { flags, target_addr: target, lladdr: mac.map(lladdr) },
        );
        check_nd(
            ours(|out| RouterSolicit { slla: mac }.emit(SRC, DST, out)),
            theirs::NdiscRepr::RouterSolicit { lladdr: mac.map(lladdr) },
        );
    }

    #[test]
    fn router_adverts(
        (hop_limit, managed, other_config, lifetime) in any::<(u8, bool, bool, u16)>(),
        (reachable, retrans) in any::<(u32, u32)>(),
        slla in option::of(station()),
        mtu in option::of(any::<u32>()),
        (addr, prefix_len, on_link, autonomous, valid, preferred) in (ip6(), 0u8..=128, any::<bool>(), any::<bool>(), any::<u32>(), any::<u32>()),
    ) {
        let advert = RouterAdvert {
            cur_hop_limit: hop_limit,
            managed,
            other_config,
            router_lifetime: lifetime,
            reachable_time: reachable,
            retrans_timer: retrans,
            slla,
            mtu,
            ..RouterAdvert::default()
        };
        let prefix = PrefixInfo { prefix: ip6::mask(addr, prefix_len), prefix_len, on_link, autonomous, router_address: None, valid, preferred };
        let mut flags = theirs::NdiscRouterFlags::empty();
        flags.set(theirs::NdiscRouterFlags::MANAGED, managed);
        flags.set(theirs::NdiscRouterFlags::OTHER, other_config);
        let mut prefix_flags = theirs::NdiscPrefixInfoFlags::empty();
        prefix_flags.set(theirs::NdiscPrefixInfoFlags::ON_LINK, on_link);
        prefix_flags.set(theirs::NdiscPrefixInfoFlags::ADDRCONF, autonomous);
        check_nd(
            ours(|out| advert.emit(&[NdOption::Prefix(prefix)], SRC, DST, out)),
            theirs::NdiscRepr::RouterAdvert {
                hop_limit,
                flags,
                router_lifetime: seconds(lifetime.into()),
                reachable_time: millis(reachable),
                retrans_time: millis(retrans),
                lladdr: slla.map(lladdr),
                mtu,
                prefix_info: Some(theirs::NdiscPrefixInformation {
                    prefix_len,
                    flags: prefix_flags,
                    valid_lifetime: seconds(valid),
                    preferred_lifetime: seconds(preferred),
                    prefix: prefix.prefix,
                }),
            },
        );
    }

    #[test]
    fn redirects(destination in unicast(), tlla in option::of(station()), units in 0usize..20) {
        let data = vec![0x42; 8 * units];
        let packet = [&Ip6Repr::new(DST, SRC, IpProto::UDP, 9, data.len() as u16).to_bytes()[..], &data].concat();
        let redirect = Redirect { target: SRC, destination, tlla, redirected: &packet };
        let header = theirs::Ipv6Repr {
            src_addr: DST, dst_addr: SRC, next_header: theirs::IpProtocol::Udp, payload_len: data.len(), hop_limit: 9,
        };
        let repr = theirs::Icmpv6Repr::Ndisc(theirs::NdiscRepr::Redirect {
            target_addr: SRC,
            dest_addr: destination,
            lladdr: tlla.map(lladdr),
            redirected_hdr: Some(theirs::NdiscRedirectedHeader { header, data: &data }),
        });
        let message = ours(|out| redirect.emit(SRC, DST, out));
        prop_assert_eq!(read(&message), repr);
        let message = written(&repr);
        prop_assert_eq!(nd::validate(255, SRC, DST, &message, false), Ok(NdMessage::Redirect(redirect)));
    }
}

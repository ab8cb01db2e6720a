//! Frames of every kind, from a stranger to the host of [`input_path`](super::input_path) or the router.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::Malformed;
use siding_wire::arp::ArpRepr;
use siding_wire::checksum::Ends;
use siding_wire::ether;
use siding_wire::ether::Ether;
use siding_wire::ether::VlanTag;
use siding_wire::ext6;
use siding_wire::ext6::FragmentRepr;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::mld;
use siding_wire::mld::MldV1;
use siding_wire::mld::QueryV2;
use siding_wire::mld::Record;
use siding_wire::nd;
use siding_wire::nd::Dnssl;
use siding_wire::nd::NdOption;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;
use siding_wire::nd::Nonce;
use siding_wire::nd::Preference;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::Rdnss;
use siding_wire::nd::Redirect;
use siding_wire::nd::RouteInfo;
use siding_wire::nd::RouterAdvert;
use siding_wire::nd::RouterSolicit;
use siding_wire::udp::UdpRepr;

/// The stranger.
pub(super) const MAC: Mac = Mac([2, 0, 0, 0, 0, 0x99]);
pub(super) const LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x99);
pub(super) const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x99);
pub(super) const V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);
/// The host, as the world numbers its interfaces and addresses.
pub(super) const HOST_MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(super) const HOST_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);
pub(super) const HOST: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
pub(super) const HOST_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Somebody beyond the router.
pub(super) const BEYOND: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x77);

/// A frame with its name.
pub(super) type Named = (String, Vec<u8>);

/// Frames of every kind.
pub(super) fn all() -> Vec<Named> {
    let mut frames = Vec::new();
    neighbors(&mut frames);
    routers(&mut frames);
    redirects(&mut frames);
    listeners(&mut frames);
    echoes(&mut frames);
    errors(&mut frames);
    extensions(&mut frames);
    version4(&mut frames);
    links(&mut frames);
    frames
}

/// A neighbour solicitation of the stranger for the host's address.
pub(super) fn solicit(src: Ipv6Addr, dst: Ipv6Addr, target: Ipv6Addr, solicit: &NeighborSolicit) -> Vec<u8> {
    let solicit = NeighborSolicit { target, ..*solicit };
    nd6(src, dst, |out| solicit.emit(src, dst, out))
}

/// A neighbour advertisement to the host.
pub(super) fn advert(dst: Ipv6Addr, advert: &NeighborAdvert) -> Vec<u8> {
    nd6(LOCAL, dst, |out| advert.emit(LOCAL, dst, out))
}

/// An echo request with so many bytes of data.
pub(super) fn echo(src: Ipv6Addr, dst: Ipv6Addr, hop_limit: u8, data: usize) -> Vec<u8> {
    let message = message6(src, dst, Icmp6Repr::EchoRequest { ident: 7, seq: 1 }, &vec![0x5a; data]);
    v6(src, dst, IpProto::ICMP6, hop_limit, &message)
}

/// An echo request to the host in fragments of `chunk` bytes, the last one shorter.
pub(super) fn fragments(data: usize, chunk: usize) -> Vec<Vec<u8>> {
    let message = message6(GLOBAL, HOST, Icmp6Repr::EchoRequest { ident: 7, seq: 3 }, &vec![0x5a; data]);
    let last = (message.len() - 1) / chunk;
    let piece = |(n, part): (usize, &[u8])| {
        let offset = (n * chunk) as u16;
        let header = FragmentRepr { next_header: IpProto::ICMP6, offset, more: n < last, ident: 77 };
        let payload = [written(|out| header.emit(out)), part.to_vec()].concat();
        v6(GLOBAL, HOST, IpProto::FRAGMENT, 64, &payload)
    };
    message.chunks(chunk).enumerate().map(piece).collect()
}

/// The same for IPv4.
pub(super) fn fragments4(data: usize, chunk: usize) -> Vec<Vec<u8>> {
    let mut message = vec![0x5a; 8 + data];
    Icmp4Repr::EchoRequest { ident: 7, seq: 3 }.emit(&mut message).expect("there is room");
    let last = (message.len() - 1) / chunk;
    let piece = |(n, part): (usize, &[u8])| {
        let header = Ip4Repr::new(V4, HOST_V4, IpProto::ICMP, 64, part.len() as u16);
        let (frag_offset, more_fragments) = ((n * chunk) as u16, n < last);
        v4(&Ip4Repr { dont_fragment: false, more_fragments, frag_offset, ident: 7, ..header }, part)
    };
    message.chunks(chunk).enumerate().map(piece).collect()
}

/// What a router says of an echo reply of the host's, as large as a link takes.
pub(super) fn too_big(mtu: u32) -> Vec<u8> {
    let reply = message6(HOST, GLOBAL, Icmp6Repr::EchoReply { ident: 7, seq: 1 }, &[0x5a; 1452]);
    let invoking = &v6(HOST, GLOBAL, IpProto::ICMP6, 64, &reply)[ether::HEADER_LEN..][..1232];
    let message = message6(LOCAL, HOST, Icmp6Repr::PacketTooBig { mtu }, invoking);
    v6(LOCAL, HOST, IpProto::ICMP6, 64, &message)
}

/// An ARP message, as a frame.
pub(super) fn arp(message: ArpRepr, dst: Mac) -> Vec<u8> {
    frame(dst, EtherType::ARP, &message.to_bytes())
}

fn neighbors(frames: &mut Vec<Named>) {
    let from = NeighborSolicit::new(HOST_LOCAL, MAC);
    let bare = NeighborSolicit { slla: None, ..from };
    let nonce = NeighborSolicit { nonce: Some(Nonce([1, 2, 3, 4, 5, 6])), ..bare };
    for (name, target) in [("local", HOST_LOCAL), ("global", HOST), ("other", BEYOND)] {
        let group = ip6::solicited_node(target);
        add(frames, format!("ns-group-{name}"), solicit(LOCAL, group, target, &from));
        add(frames, format!("ns-unicast-{name}"), solicit(GLOBAL, target, target, &bare));
        add(frames, format!("ns-dad-{name}"), solicit(Ipv6Addr::UNSPECIFIED, group, target, &bare));
        add(frames, format!("ns-dad-nonce-{name}"), solicit(Ipv6Addr::UNSPECIFIED, group, target, &nonce));
    }
    for flags in 0..8 {
        let tell = NeighborAdvert {
            router: flags & 1 != 0,
            solicited: flags & 2 != 0,
            override_: flags & 4 != 0,
            target: LOCAL,
            tlla: Some(MAC),
        };
        add(frames, format!("na-{flags}"), advert(HOST_LOCAL, &tell));
        add(frames, format!("na-bare-{flags}"), advert(HOST, &NeighborAdvert { tlla: None, ..tell }));
    }
    let conflict =
        NeighborAdvert { router: false, solicited: false, override_: true, target: HOST, tlla: Some(MAC) };
    add(frames, "na-conflict", advert(ip6::ALL_NODES, &conflict));
}

fn routers(frames: &mut Vec<Named>) {
    for (name, src, slla) in [("with", LOCAL, Some(MAC)), ("without", Ipv6Addr::UNSPECIFIED, None)] {
        let solicit = RouterSolicit { slla };
        let frame = nd6(src, ip6::ALL_ROUTERS, |out| solicit.emit(src, ip6::ALL_ROUTERS, out));
        add(frames, format!("rs-{name}"), frame);
    }
    let prefix = PrefixInfo {
        prefix: Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 0),
        prefix_len: 64,
        on_link: true,
        autonomous: true,
        router_address: None,
        valid: 7200,
        preferred: 3600,
    };
    let route = RouteInfo { prefix: BEYOND, prefix_len: 48, preference: Preference::High, lifetime: 600 };
    let servers = [HOST.octets(), GLOBAL.octets()];
    let more = [
        NdOption::Prefix(prefix),
        NdOption::Prefix(PrefixInfo { valid: 0, router_address: Some(GLOBAL), ..prefix }),
        NdOption::Route(route),
        NdOption::Rdnss(Rdnss { lifetime: 60, servers: &servers }),
        NdOption::Dnssl(Dnssl { lifetime: 60, names: b"\x03lan\0\x07example\x03org\0" }),
        NdOption::CaptivePortal(b"https://example.org/portal"),
        NdOption::Unknown { kind: 38, data: &[0x02, 0x58, 0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0] },
        NdOption::Unknown { kind: 99, data: &[0; 14] },
    ];
    let advert = RouterAdvert {
        cur_hop_limit: 32,
        router_lifetime: 1800,
        reachable_time: 30_000,
        retrans_timer: 500,
        slla: Some(MAC),
        mtu: Some(1400),
        ..RouterAdvert::default()
    };
    for count in 0..=more.len() {
        for (name, advert) in [("router", advert), ("none", RouterAdvert::default())] {
            let frame =
                nd6(LOCAL, ip6::ALL_NODES, |out| advert.emit(&more[..count], LOCAL, ip6::ALL_NODES, out));
            add(frames, format!("ra-{name}-{count}"), frame);
        }
    }
}

fn redirects(frames: &mut Vec<Named>) {
    let quoted = echo(HOST, BEYOND, 64, 40);
    for (name, target, tlla) in [("router", LOCAL, Some(MAC)), ("on-link", BEYOND, None)] {
        let redirect =
            Redirect { target, destination: BEYOND, tlla, redirected: &quoted[ether::HEADER_LEN..] };
        add(frames, format!("redirect-{name}"), nd6(LOCAL, HOST, |out| redirect.emit(LOCAL, HOST, out)));
    }
}

fn listeners(frames: &mut Vec<Named>) {
    let group = ip6::solicited_node(HOST);
    for (name, asked) in [("general", Ipv6Addr::UNSPECIFIED), ("group", group)] {
        let query = MldV1::Query { max_response: 1000, group: asked };
        add(
            frames,
            format!("mld1-query-{name}"),
            mld6(ip6::ALL_NODES, |dst, out| query.emit(LOCAL, dst, out)),
        );
        let sources = [GLOBAL.octets()];
        let query = QueryV2 {
            max_response: 10_000,
            group: asked,
            suppress: false,
            robustness: 2,
            interval: 125,
            sources: if asked.is_unspecified() { &[] } else { &sources },
        };
        add(
            frames,
            format!("mld2-query-{name}"),
            mld6(ip6::ALL_NODES, |dst, out| query.emit(LOCAL, dst, out)),
        );
    }
    let report = MldV1::Report { group };
    add(frames, "mld1-report", mld6(group, |dst, out| report.emit(LOCAL, dst, out)));
    let done = MldV1::Done { group };
    add(frames, "mld1-done", mld6(ip6::ALL_ROUTERS, |dst, out| done.emit(LOCAL, dst, out)));
    let records = [Record::join(group), Record::leave(ip6::ALL_ROUTERS), Record::present(group)];
    let report = mld6(ip6::MLDV2_ROUTERS, |dst, out| mld::emit_report_v2(&records, LOCAL, dst, out));
    add(frames, "mld2-report", report);
}

fn echoes(frames: &mut Vec<Named>) {
    add(frames, "echo6-local", echo(LOCAL, HOST_LOCAL, 64, 8));
    add(frames, "echo6-global", echo(GLOBAL, HOST, 64, 0));
    add(frames, "echo6-group", echo(LOCAL, ip6::ALL_NODES, 1, 8));
    add(frames, "echo6-from-itself", echo(HOST, HOST, 64, 8));
    add(frames, "echo6-from-nobody", echo(Ipv6Addr::UNSPECIFIED, HOST, 64, 8));
    add(frames, "echo6-forward", echo(GLOBAL, BEYOND, 64, 8));
    add(frames, "echo6-forward-old", echo(GLOBAL, BEYOND, 1, 8));
    add(frames, "echo6-no-route", echo(GLOBAL, Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 1), 64, 8));
    add(frames, "echo6-beyond-scope", echo(LOCAL, BEYOND, 64, 8));
    add(frames, "echo6-large", echo(GLOBAL, HOST, 64, 1452));
    add(frames, "echo6-too-large", echo(GLOBAL, BEYOND, 64, 1480));
    let reply = message6(GLOBAL, HOST, Icmp6Repr::EchoReply { ident: 1, seq: 1 }, b"siding");
    add(frames, "echo6-reply", v6(GLOBAL, HOST, IpProto::ICMP6, 64, &reply));
}

fn errors(frames: &mut Vec<Named>) {
    let invoking = &echo(HOST, GLOBAL, 64, 40)[ether::HEADER_LEN..];
    let other = Icmp6Repr::Other { kind: Icmp6Type(200), code: 1, word: 2 };
    for (name, repr) in [
        ("unreachable", Icmp6Repr::DestUnreachable { code: 3 }),
        ("too-big", Icmp6Repr::PacketTooBig { mtu: 1280 }),
        ("exceeded", Icmp6Repr::TimeExceeded { code: 0 }),
        ("problem", Icmp6Repr::ParamProblem { code: 1, pointer: 6 }),
        ("other", other),
    ] {
        let message = message6(GLOBAL, HOST, repr, invoking);
        add(frames, format!("icmp6-{name}"), v6(GLOBAL, HOST, IpProto::ICMP6, 64, &message));
        let short = message6(GLOBAL, HOST, repr, &invoking[..20]);
        add(frames, format!("icmp6-{name}-short"), v6(GLOBAL, HOST, IpProto::ICMP6, 64, &short));
    }
}

fn extensions(frames: &mut Vec<Named>) {
    let echo = message6(GLOBAL, HOST, Icmp6Repr::EchoRequest { ident: 7, seq: 2 }, b"12345678");
    let hop = |next: IpProto, option: [u8; 6]| [&[next.0, 0][..], &option].concat();
    for (name, option) in [
        ("pad", [ext6::OPT_PADN, 4, 0, 0, 0, 0]),
        ("skip", [0x1e, 4, 0, 0, 0, 0]),
        ("discard", [0x5e, 4, 0, 0, 0, 0]),
        ("report", [0x9e, 4, 0, 0, 0, 0]),
        ("report-unicast", [0xde, 4, 0, 0, 0, 0]),
        ("beyond", [0x1e, 9, 0, 0, 0, 0]),
    ] {
        for (kind, first) in [("hop", IpProto::HOP_BY_HOP), ("dst", IpProto::DST_OPTS)] {
            let payload = [hop(IpProto::ICMP6, option), echo.clone()].concat();
            add(frames, format!("ext-{kind}-{name}"), v6(GLOBAL, HOST, first, 64, &payload));
        }
    }
    for (name, left) in [("done", 0), ("left", 1)] {
        let payload = [&[IpProto::ICMP6.0, 0, 0, left, 0, 0, 0, 0][..], &echo].concat();
        add(frames, format!("ext-routing-{name}"), v6(GLOBAL, HOST, IpProto::ROUTING, 64, &payload));
    }
    let late =
        [hop(IpProto::HOP_BY_HOP, [1, 4, 0, 0, 0, 0]), hop(IpProto::ICMP6, [1, 4, 0, 0, 0, 0])].concat();
    add(frames, "ext-hop-late", v6(GLOBAL, HOST, IpProto::DST_OPTS, 64, &[late, echo.clone()].concat()));
    for (name, offset, more) in [("atomic", 0, false), ("first", 0, true), ("last", 1448, false)] {
        let fragment = FragmentRepr { next_header: IpProto::ICMP6, offset, more, ident: 9 };
        let header = written(|out| fragment.emit(out));
        let payload = [header, echo.clone()].concat();
        add(frames, format!("ext-fragment-{name}"), v6(GLOBAL, HOST, IpProto::FRAGMENT, 64, &payload));
    }
    for (name, next) in [("none", IpProto::NO_NEXT), ("tcp", IpProto::TCP), ("unknown", IpProto(253))] {
        add(frames, format!("next-{name}"), v6(GLOBAL, HOST, next, 64, &[0; 20]));
    }
    let ends = Ends::V6 { src: GLOBAL, dst: HOST };
    add(frames, "udp6", v6(GLOBAL, HOST, IpProto::UDP, 64, &udp(ends)));
}

fn version4(frames: &mut Vec<Named>) {
    let message = |repr: Icmp4Repr, body: &[u8]| {
        let mut message = [&[0; 8], body].concat();
        repr.emit(&mut message).expect("there is room");
        message
    };
    let request = message(Icmp4Repr::EchoRequest { ident: 7, seq: 1 }, b"12345678");
    let header = Ip4Repr::new(V4, HOST_V4, IpProto::ICMP, 64, request.len() as u16);
    add(frames, "echo4", v4(&header, &request));
    add(frames, "echo4-from-itself", v4(&Ip4Repr { src: HOST_V4, ..header }, &request));
    add(frames, "echo4-from-nobody", v4(&Ip4Repr { src: Ipv4Addr::UNSPECIFIED, ..header }, &request));
    add(frames, "echo4-broadcast", v4(&Ip4Repr { dst: Ipv4Addr::new(192, 0, 2, 255), ..header }, &request));
    add(frames, "echo4-fragment", v4(&Ip4Repr { more_fragments: true, ..header }, &request));
    add(frames, "echo4-last-fragment", v4(&Ip4Repr { frag_offset: 1480, ..header }, &request));
    let reply = message(Icmp4Repr::EchoReply { ident: 1, seq: 1 }, b"siding");
    let len = reply.len() as u16;
    add(frames, "echo4-reply", v4(&Ip4Repr { payload_len: len, ..header }, &reply));
    let mut options =
        v4(&Ip4Repr { payload_len: header.payload_len + 4, ..header }, &[&[1; 4], &request[..]].concat());
    options[ether::HEADER_LEN] = 0x46;
    super::repair::frame(&mut options, true);
    add(frames, "echo4-options", options);
    for (name, repr) in [
        ("unreachable", Icmp4Repr::DestUnreachable { code: 4, mtu: 576 }),
        ("exceeded", Icmp4Repr::TimeExceeded { code: 0 }),
        ("problem", Icmp4Repr::ParamProblem { code: 0, pointer: 9 }),
        ("other", Icmp4Repr::Other { kind: 13, code: 0, word: 1 }),
    ] {
        let error = message(repr, &request);
        let len = error.len() as u16;
        add(frames, format!("icmp4-{name}"), v4(&Ip4Repr { payload_len: len, ..header }, &error));
    }
    let datagram = udp(Ends::V4 { src: V4, dst: HOST_V4 });
    let len = datagram.len() as u16;
    add(frames, "udp4", v4(&Ip4Repr { proto: IpProto::UDP, payload_len: len, ..header }, &datagram));
    add(frames, "unknown4", v4(&Ip4Repr { proto: IpProto(253), ..header }, &request));

    add(frames, "arp-request", arp(ArpRepr::request(MAC, V4, HOST_V4), Mac::BROADCAST));
    add(frames, "arp-probe", arp(ArpRepr::probe(MAC, HOST_V4), Mac::BROADCAST));
    add(frames, "arp-announcement", arp(ArpRepr::announcement(MAC, V4), Mac::BROADCAST));
    add(frames, "arp-conflict", arp(ArpRepr::announcement(MAC, HOST_V4), Mac::BROADCAST));
    add(frames, "arp-reply", arp(ArpRepr::request(HOST_MAC, HOST_V4, V4).reply(MAC), HOST_MAC));
}

/// What stands below IP, and what is no IP at all.
fn links(frames: &mut Vec<Named>) {
    let echo = echo(GLOBAL, HOST, 64, 8);
    let (ethernet, packet) = echo.split_at(ether::HEADER_LEN);
    let tag = |vid: u16, ethertype: EtherType| VlanTag { vid, pcp: 3, dei: false, ethertype }.to_bytes();
    let tagged =
        |outer: EtherType, tags: &[u8]| [&ethernet[..12], &outer.0.to_be_bytes(), tags, packet].concat();
    add(frames, "vlan", tagged(EtherType::VLAN, &tag(10, EtherType::IPV6)));
    add(frames, "vlan-priority", tagged(EtherType::VLAN, &tag(0, EtherType::IPV6)));
    let two = [tag(10, EtherType::VLAN), tag(20, EtherType::IPV6)].concat();
    add(frames, "vlan-two", tagged(EtherType::QINQ, &two));
    add(frames, "vlan-cut", tagged(EtherType::VLAN, &tag(10, EtherType::IPV6))[..16].to_vec());
    // LACP: subtype 1, version 1, an actor and a partner; the rest is zero.
    let mut lacp = [0; 110];
    lacp[..4].copy_from_slice(&[1, 1, 1, 20]);
    lacp[22..24].copy_from_slice(&[2, 20]);
    lacp[42..44].copy_from_slice(&[3, 16]);
    add(frames, "slow-lacp", frame(Mac([0x01, 0x80, 0xc2, 0, 0, 2]), EtherType::SLOW, &lacp));
    add(frames, "slow-marker", frame(Mac([0x01, 0x80, 0xc2, 0, 0, 2]), EtherType::SLOW, &[2; 20]));
    add(frames, "length", frame(HOST_MAC, EtherType(60), &[0; 60]));
    add(frames, "unknown-type", frame(HOST_MAC, EtherType(0x88b5), &[0; 46]));
    add(frames, "not-for-us", frame(Mac([2, 9, 9, 9, 9, 9]), EtherType::IPV6, packet));
    add(frames, "padded", [&echo[..], &[0; 30]].concat());
    for len in [0, 13, 14, 15, 40, 53, 54, 61, 62] {
        add(frames, format!("cut-{len}"), echo[..len].to_vec());
    }
    add(frames, "larger-than-a-buffer", frame(HOST_MAC, EtherType::IPV6, &vec![0x60; 9000]));
}

fn add(frames: &mut Vec<Named>, name: impl Into<String>, frame: Vec<u8>) {
    frames.push((name.into(), frame));
}

fn frame(dst: Mac, ethertype: EtherType, payload: &[u8]) -> Vec<u8> {
    [&Ether { dst, src: MAC, ethertype }.to_bytes(), payload].concat()
}

fn v6(src: Ipv6Addr, dst: Ipv6Addr, next: IpProto, hop_limit: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ip6Repr::new(src, dst, next, hop_limit, payload.len() as u16);
    let mac = if dst.is_multicast() { ether::multicast_mac(dst) } else { HOST_MAC };
    frame(mac, EtherType::IPV6, &[&header.to_bytes(), payload].concat())
}

fn v4(header: &Ip4Repr, payload: &[u8]) -> Vec<u8> {
    let head = written(|out| header.emit(out));
    frame(HOST_MAC, EtherType::IPV4, &[&head, payload].concat())
}

fn nd6(src: Ipv6Addr, dst: Ipv6Addr, emit: impl FnOnce(&mut [u8]) -> Result<usize, Malformed>) -> Vec<u8> {
    v6(src, dst, IpProto::ICMP6, nd::HOP_LIMIT, &written(emit))
}

fn mld6(dst: Ipv6Addr, emit: impl FnOnce(Ipv6Addr, &mut [u8]) -> Result<usize, Malformed>) -> Vec<u8> {
    let alert = mld::router_alert_header(IpProto::ICMP6);
    let message = written(|out| emit(dst, out));
    v6(LOCAL, dst, IpProto::HOP_BY_HOP, mld::HOP_LIMIT, &[&alert, &message[..]].concat())
}

fn message6(src: Ipv6Addr, dst: Ipv6Addr, repr: Icmp6Repr, body: &[u8]) -> Vec<u8> {
    let mut message = [&[0; 8], body].concat();
    repr.emit(src, dst, &mut message).expect("there is room");
    message
}

fn udp(ends: Ends) -> Vec<u8> {
    let mut datagram = [&[0; 8][..], b"datagram"].concat();
    UdpRepr { src_port: 1234, dst_port: 9 }.emit(ends, &mut datagram).expect("there is room");
    datagram
}

fn written(emit: impl FnOnce(&mut [u8]) -> Result<usize, Malformed>) -> Vec<u8> {
    let mut out = vec![0; 2048];
    let len = emit(&mut out).expect("a message of ours is below 2048 bytes");
    out.truncate(len);
    out
}

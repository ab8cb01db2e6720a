//! Every parser, on any bytes: none may panic, what it returns lies within what it was given, and what it has
//! understood reads the same when it is written again.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::arp::ArpRepr;
use siding_wire::checksum::Ends;
use siding_wire::ether::Ether;
use siding_wire::ether::VlanTag;
use siding_wire::ext6::ExtKind;
use siding_wire::ext6::Options;
use siding_wire::ext6::Walker;
use siding_wire::ip4;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;

use super::messages;
use super::repair;

/// The ends of messages that stand alone.
const ALONE: Ends = Ends::V6 {
    src: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x99),
    dst: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
};
const ALONE4: Ends = Ends::V4 { src: Ipv4Addr::new(192, 0, 2, 99), dst: Ipv4Addr::new(192, 0, 2, 1) };

/// Reads `data` as a frame, as it came and repaired, and as a message of every kind.
///
/// # Panics
///
/// If something does not hold.
pub fn parsers(data: &[u8]) {
    frame(data);
    let mut repaired = data.to_vec();
    repair::frame(&mut repaired, true);
    frame(&repaired);
    vlan(data);
    arp(data);
    packet4(data);
    packet6(data);
    for proto in [IpProto::HOP_BY_HOP, IpProto::ROUTING, IpProto::FRAGMENT, IpProto::DST_OPTS] {
        extensions(proto, data);
    }
    for (ends, proto) in
        [(ALONE, IpProto::ICMP6), (ALONE, IpProto::UDP), (ALONE4, IpProto::ICMP), (ALONE4, IpProto::UDP)]
    {
        messages::read(ends, proto, data, 255, false);
        repaired.copy_from_slice(data);
        repair::message(ends, proto, &mut repaired);
        messages::read(ends, proto, &repaired, 255, false);
        messages::read(ends, proto, &repaired, 1, true);
    }
}

fn frame(bytes: &[u8]) {
    let Ok((header, rest)) = Ether::parse(bytes) else {
        assert!(bytes.len() < siding_wire::ether::HEADER_LEN, "any 14 bytes are a frame's header");
        return;
    };
    assert_eq!(rest.len() + siding_wire::ether::HEADER_LEN, bytes.len());
    assert_eq!(header.to_bytes()[..], bytes[..siding_wire::ether::HEADER_LEN]);
    above(header.ethertype, rest);
}

fn above(ethertype: EtherType, bytes: &[u8]) {
    match ethertype {
        EtherType::IPV6 => packet6(bytes),
        EtherType::IPV4 => packet4(bytes),
        EtherType::ARP => arp(bytes),
        _ if ethertype.is_vlan() => vlan(bytes),
        _ => {}
    }
}

fn vlan(mut bytes: &[u8]) {
    loop {
        let Ok((tag, rest)) = VlanTag::parse(bytes) else { return };
        assert_eq!(rest.len() + siding_wire::ether::VLAN_LEN, bytes.len());
        assert_eq!(tag.to_bytes()[..], bytes[..siding_wire::ether::VLAN_LEN]);
        bytes = rest;
        if !tag.ethertype.is_vlan() {
            return above(tag.ethertype, rest);
        }
    }
}

fn arp(bytes: &[u8]) {
    let Ok(message) = ArpRepr::parse(bytes) else { return };
    assert_eq!(message.to_bytes()[..], bytes[..message.buffer_len()]);
}

fn packet4(bytes: &[u8]) {
    let Ok((header, payload)) = Ip4Repr::parse(bytes) else { return };
    assert_eq!(payload.len(), usize::from(header.payload_len));
    let header_len = ip4::header_len(bytes).expect("its packet was read");
    assert!(header_len + payload.len() <= bytes.len());
    let mut again = vec![0; header.buffer_len() + payload.len()];
    let at = header.emit(&mut again).expect("there is room");
    assert_eq!(Ip4Repr::parse(&again).map(|(again, _)| again), Ok(header), "{at} bytes");
    let mut aged = bytes.to_vec();
    if let Ok(ttl) = ip4::decrement_ttl(&mut aged) {
        assert_eq!(ttl, header.ttl.saturating_sub(1));
        let read = Ip4Repr::parse(&aged).map(|(aged, _)| aged);
        assert_eq!(read, Ok(Ip4Repr { ttl, ..header }), "its checksum was kept right");
    }
    if header.frag_offset == 0 {
        let ends = Ends::V4 { src: header.src, dst: header.dst };
        messages::read(ends, header.proto, payload, header.ttl, false);
    }
}

fn packet6(bytes: &[u8]) {
    let Ok((header, payload)) = Ip6Repr::parse(bytes) else { return };
    assert_eq!(payload.len(), usize::from(header.payload_len));
    assert_eq!(header.to_bytes()[..], bytes[..ip6::HEADER_LEN]);
    let mut aged = bytes.to_vec();
    let hop_limit = header.hop_limit.wrapping_sub(1);
    ip6::set_hop_limit(&mut aged, hop_limit).expect("its packet was read");
    assert_eq!(Ip6Repr::parse(&aged).map(|(aged, _)| aged), Ok(Ip6Repr { hop_limit, ..header }));
    let Some((proto, message, alert)) = extensions(header.next_header, payload) else { return };
    let ends = Ends::V6 { src: header.src, dst: header.dst };
    messages::read(ends, proto, message, header.hop_limit, alert);
}

/// Walks extension headers. Gives the upper layer, if one begins, and whether a router alert for MLD was there.
fn extensions(first: IpProto, payload: &[u8]) -> Option<(IpProto, &[u8], bool)> {
    let (mut end, mut alert) = (0, false);
    let mut walker = Walker::new(first, payload);
    for header in &mut walker {
        let header = match header {
            Ok(header) => header,
            Err(error) => {
                assert!(error.pointer <= ip6::HEADER_LEN + payload.len());
                return None;
            }
        };
        assert_eq!(header.offset, end, "headers stand one behind the other");
        assert!(header.len >= 8 && header.len.is_multiple_of(8));
        end += header.len;
        match &header.kind {
            ExtKind::HopByHop(list) | ExtKind::DstOpts(list) => {
                options(list, header.pointer(), header.len);
                alert |= list.has_mld_router_alert();
            }
            ExtKind::Fragment(fragment) => assert!(fragment.offset.is_multiple_of(8)),
            ExtKind::Routing { data, .. } => assert_eq!(data.len() + 4, header.len),
        }
    }
    let upper = walker.upper();
    assert_eq!(upper.offset, end);
    let rest = payload.get(upper.offset..).expect("the upper layer begins within the payload");
    let begins = upper.fragment.is_none_or(|fragment| fragment.offset == 0);
    begins.then_some((upper.proto, rest, alert))
}

fn options(list: &Options<'_>, pointer: usize, len: usize) {
    let mut last = pointer;
    for option in list.clone() {
        let at = option.map_or_else(|error| error.pointer, |option| option.pointer);
        assert!(at > last && at < pointer + len, "options go forward, within their header");
        last = at;
    }
}

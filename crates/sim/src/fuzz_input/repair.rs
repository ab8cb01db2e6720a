//! Makes lengths and checksums right, so that what lies behind them is reached.

use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::checksum;
use siding_wire::checksum::Ends;
use siding_wire::checksum::Sum;
use siding_wire::ether::Ether;
use siding_wire::ether::VlanTag;
use siding_wire::ext6;
use siding_wire::ip4;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;

/// Repairs the checksums of a frame, below any number of VLAN tags; with `lengths`, its lengths first.
pub(super) fn frame(frame: &mut [u8], lengths: bool) {
    let Ok((header, _)) = Ether::parse(frame) else { return };
    let (mut at, mut ethertype) = (siding_wire::ether::HEADER_LEN, header.ethertype);
    while ethertype.is_vlan()
        && let Ok((tag, _)) = VlanTag::parse(&frame[at..])
    {
        at += siding_wire::ether::VLAN_LEN;
        ethertype = tag.ethertype;
    }
    match ethertype {
        EtherType::IPV6 => packet6(&mut frame[at..], lengths),
        EtherType::IPV4 => packet4(&mut frame[at..], lengths),
        _ => {}
    }
}

/// Writes the checksum of an upper-layer message into it.
pub(super) fn message(ends: Ends, proto: IpProto, message: &mut [u8]) {
    let field = match proto {
        IpProto::ICMP6 | IpProto::ICMP => 2,
        IpProto::UDP => 6,
        _ => return,
    };
    let len = message.len();
    let Some(place) = message.get_mut(field..field + 2) else { return };
    place.fill(0);
    let start = if proto == IpProto::ICMP { Sum::new() } else { Sum::pseudo(ends, proto, len as u32) };
    let sum = match start.with(message).finish() {
        // Zero would say that there is none.
        0 if proto == IpProto::UDP => 0xffff,
        sum => sum,
    };
    message[field..field + 2].copy_from_slice(&sum.to_be_bytes());
}

fn packet6(packet: &mut [u8], lengths: bool) {
    if lengths && let Some(len) = packet.len().checked_sub(ip6::HEADER_LEN) {
        packet[4..6].copy_from_slice(&(len as u16).to_be_bytes());
    }
    let Ok((header, payload)) = Ip6Repr::parse(packet) else { return };
    let payload_len = payload.len();
    let Ok(upper) = ext6::walk(header.next_header, payload, |_| {}) else { return };
    if upper.fragment.is_some_and(|fragment| fragment.offset != 0) {
        return;
    }
    let ends = Ends::V6 { src: header.src, dst: header.dst };
    let end = ip6::HEADER_LEN + payload_len;
    message(ends, upper.proto, &mut packet[ip6::HEADER_LEN + upper.offset..end]);
}

fn packet4(packet: &mut [u8], lengths: bool) {
    if lengths && packet.len() >= ip4::HEADER_LEN {
        let len = packet.len() as u16;
        packet[2..4].copy_from_slice(&len.to_be_bytes());
    }
    let Ok(header_len) = ip4::header_len(packet) else { return };
    let Some(header) = packet.get_mut(..header_len) else { return };
    header[10..12].fill(0);
    let sum = checksum::of(header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    let Ok((header, payload)) = Ip4Repr::parse(packet) else { return };
    if header.frag_offset != 0 {
        return;
    }
    let (ends, end) = (Ends::V4 { src: header.src, dst: header.dst }, header_len + payload.len());
    message(ends, header.proto, &mut packet[header_len..end]);
}

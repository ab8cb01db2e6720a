//! Packets, parsed: fragments and chains of headers that lead nowhere.

use siding_filter::ChainError;
use siding_filter::MOST_HEADERS;
use siding_filter::Packet;
use siding_filter::ParseError;

use crate::util::*;

fn parse(bytes: &[u8]) -> Packet<'_> {
    Packet::parse(bytes, None).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_chain_of_headers_is_walked() {
    let chain = |last: u8| {
        [&[43, 0, 1, 4, 0, 0, 0, 0][..], &[60, 0, 0, 0, 0, 0, 0, 0], &[last, 0, 1, 4, 0, 0, 0, 0]].concat()
    };
    let bytes = ip6(A, B, 0, &[&chain(17)[..], &udp(7, 8)].concat());
    let packet = parse(&bytes);
    assert_eq!(packet.ext_headers(), [(0, 40), (43, 48), (60, 56)]);
    assert_eq!(
        (packet.protocol(), packet.ports(), packet.transport_at()),
        (Some(17), Some((7, 8)), Some(64))
    );
    // An authentication header is what is borne, to nftables; headers behind it are found.
    let ah = [43, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let behind = [17, 0, 4, 0, 0, 0, 0, 0];
    let bytes = ip6(A, B, 51, &[&ah[..], &behind, &udp(7, 8)].concat());
    assert!(parse(&bytes).ext_header(43).is_some_and(|header| header[2] == 4));
    assert_eq!((parse(&bytes).protocol(), parse(&bytes).transport_at()), (Some(51), Some(40)));
    let ah = [17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let bytes = ip6(A, B, 0, &[&chain(51)[..], &ah, &udp(7, 8)].concat());
    let packet = parse(&bytes);
    assert_eq!(
        (packet.protocol(), packet.ports(), packet.transport_at(), packet.chain_error()),
        (Some(51), None, Some(64), None)
    );
}

#[test]
fn fragments() {
    let bytes = ip6(A, B, 44, &[&[6, 0, 0x01, 0x01, 0, 0, 0, 5][..], &[0; 24]].concat());
    let packet = parse(&bytes);
    let fragment = packet.fragment().unwrap_or_else(|| panic!("it is one"));
    assert_eq!((fragment.offset, fragment.more, fragment.ident), (256, true, 5));
    assert_eq!((packet.protocol(), packet.ports()), (Some(6), None));
    let mut bytes = ip4("192.0.2.1", "192.0.2.2", 17, &udp(1, 2));
    bytes[6..8].copy_from_slice(&[0x20, 3]);
    let packet = parse(&bytes);
    assert_eq!(packet.fragment().map(|fragment| (fragment.offset, fragment.more)), Some((24, true)));
    assert_eq!(packet.ports(), None);
}

#[test]
fn chains_that_lead_nowhere() {
    let header = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    for (first, payload, want) in [
        (60, vec![17], ChainError::Truncated),
        (60, [17, 9, 1, 4, 0, 0, 0, 0].to_vec(), ChainError::Truncated),
        (60, header(0).iter().chain(&header(17)).copied().collect(), ChainError::HopByHopNotFirst),
        (44, [60, 0, 0, 8, 0, 0, 0, 0].to_vec(), ChainError::InFragment),
        (60, (0..=MOST_HEADERS).flat_map(|_| header(60)).collect(), ChainError::TooMany),
    ] {
        let bytes = ip6(A, B, first, &payload);
        let packet = parse(&bytes);
        assert_eq!(packet.chain_error(), Some(want));
        assert_eq!((packet.protocol(), packet.transport()), (None, None));
    }
}

#[test]
fn what_is_no_packet() {
    let whole = udp6(1);
    assert_eq!(Packet::parse(&whole[..47], None).err(), Some(ParseError::Length));
    assert_eq!(Packet::parse(&whole[..39], None).err(), Some(ParseError::Truncated));
    assert_eq!(Packet::parse(&[], None).err(), Some(ParseError::Truncated));
    assert_eq!(Packet::parse(&[0x50; 60], None).err(), Some(ParseError::Version));
    assert_eq!(Packet::parse(&[0x44; 60], None).err(), Some(ParseError::Length));
    assert_eq!(Packet::parse_quoted(&whole[..44]).map(|packet| packet.ports()), Ok(Some((1024, 1))));
    let padded = [&whole[..], &[0; 9]].concat();
    assert_eq!(parse(&padded).bytes().len(), 48, "what follows the packet is cut off");
}

//! Reading is total: no bytes make it panic, and what it returns lies within them.

use std::hint::black_box;
use std::net::Ipv6Addr;

use proptest::prelude::*;
use siding_wire::IpProto;
use siding_wire::arp::ArpRepr;
use siding_wire::checksum::Ends;
use siding_wire::checksum::Sum;
use siding_wire::ether::Ether;
use siding_wire::ether::VlanTag;
use siding_wire::ext6;
use siding_wire::ext6::ExtKind;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::ip4;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::mld;
use siding_wire::mld::MldInvalid;
use siding_wire::mld::MldMessage;
use siding_wire::nd;
use siding_wire::nd::NdInvalid;
use siding_wire::nd::NdMessage;
use siding_wire::nd::NdOptions;
use siding_wire::udp::UdpRepr;

const SRC: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const DST: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..most)
}

/// Small numbers, as lengths and counts are, among arbitrary octets.
fn low_bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![3 => 0u8..4, 1 => any::<u8>()], 0..most)
}

/// Makes `message` one whose checksum is right, so that the checks behind it are reached.
fn with_checksum(mut message: Vec<u8>) -> Vec<u8> {
    if message.len() >= 4 {
        message[2..4].fill(0);
        let sum = Sum::pseudo6(SRC, DST, IpProto::ICMP6, message.len() as u32).with(&message).finish();
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    message
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn every_parser_takes_any_bytes(mut bytes in bytes(120), first in prop_oneof![Just(0x45u8), Just(0x60), any::<u8>()]) {
        if let Some(octet) = bytes.first_mut() {
            *octet = first;
        }
        if let Ok((_, rest)) = Ether::parse(&bytes) {
            prop_assert_eq!(rest.len() + 14, bytes.len());
        }
        if let Ok((_, rest)) = VlanTag::parse(&bytes) {
            prop_assert_eq!(rest.len() + 4, bytes.len());
        }
        if let Ok((repr, payload)) = Ip4Repr::parse(&bytes) {
            prop_assert_eq!(usize::from(repr.payload_len), payload.len());
        }
        if let Ok((repr, payload)) = Ip6Repr::parse(&bytes) {
            prop_assert_eq!(usize::from(repr.payload_len), payload.len());
        }
        let _ = black_box(ArpRepr::parse(&bytes));
        let _ = black_box(Icmp4Repr::parse(&bytes));
        let _ = black_box(Icmp6Repr::parse(SRC, DST, &bytes));
        let _ = black_box(UdpRepr::parse(Ends::V6 { src: SRC, dst: DST }, &bytes));
        let _ = black_box(ip4::decrement_ttl(&mut bytes));
        let _ = black_box(ip6::set_hop_limit(&mut bytes, 3));
    }

    #[test]
    fn a_walk_is_bounded_by_its_payload(
        first in prop_oneof![Just(0u8), Just(43), Just(44), Just(60), any::<u8>()],
        mut bytes in low_bytes(200),
        types in proptest::collection::vec((0usize..200, prop_oneof![Just(0u8), Just(43), Just(44), Just(60)]), 0..20),
    ) {
        for (at, value) in types {
            if let Some(octet) = bytes.get_mut(at & !7) {
                *octet = value;
            }
        }
        let mut end = 0;
        let mut options = 0;
        let walked = ext6::walk(IpProto(first), &bytes, |header| {
            assert_eq!(header.offset, end);
            assert!(header.len >= 8 && header.len % 8 == 0);
            end += header.len;
            if let ExtKind::HopByHop(list) | ExtKind::DstOpts(list) = &header.kind {
                for option in list.clone() {
                    let pointer = option.map_or_else(|err| err.pointer, |opt| opt.pointer);
                    assert!((header.pointer()..header.pointer() + header.len).contains(&pointer));
                    options += 1;
                }
            }
        });
        prop_assert!(end <= bytes.len() && options <= bytes.len());
        match walked {
            Ok(upper) => prop_assert!(upper.offset == end && upper.pointer < 40 + end.max(1)),
            Err(err) => prop_assert!(err.pointer <= 40 + bytes.len()),
        }
    }

    #[test]
    fn nd_takes_any_message_whose_checksum_is_right(kind in 133u8..138, body in low_bytes(160), target in 0u8..4) {
        let mut message = [&[kind, 0, 0, 0][..], &body].concat();
        // A target that may pass, so that the options are reached.
        if message.len() >= 24 {
            message[8] = [0xfe, 0xff, 0x20, 0x00][usize::from(target)];
            message[9] = 0x80;
        }
        let message = with_checksum(message);
        match nd::validate(255, SRC, DST, &message, false) {
            Ok(NdMessage::RouterAdvert(_, options)) => prop_assert!(options.count() <= message.len() / 8),
            Ok(_) => {}
            Err(reason) => prop_assert!(!matches!(
                reason,
                NdInvalid::NotNd | NdInvalid::HopLimit | NdInvalid::Fragmented | NdInvalid::Checksum | NdInvalid::Code
            )),
        }
    }

    #[test]
    fn nd_options_cover_exactly_what_came(units in proptest::collection::vec((any::<u8>(), 0u8..6, any::<u8>()), 0..12)) {
        let bytes: Vec<u8> = units
            .iter()
            .flat_map(|(kind, len, fill)| [vec![*kind, *len], vec![*fill; (8 * usize::from(*len)).saturating_sub(2)]].concat())
            .collect();
        match NdOptions::new(&bytes) {
            Ok(options) => {
                prop_assert!(units.iter().all(|(_, len, _)| *len != 0));
                prop_assert_eq!(options.count(), units.len());
            }
            Err(reason) => {
                prop_assert_eq!(reason, NdInvalid::OptionLengthZero);
                prop_assert!(units.iter().any(|(_, len, _)| *len == 0));
            }
        }
    }

    #[test]
    fn mld_takes_any_message_whose_checksum_is_right(
        kind in prop_oneof![130u8..133, Just(143)],
        body in low_bytes(160),
    ) {
        let message = with_checksum([&[kind, 0, 0, 0][..], &body].concat());
        match mld::validate(1, SRC, DST, &message, true) {
            Ok(MldMessage::ReportV2(records)) => prop_assert!(records.count() <= message.len() / 20),
            Ok(MldMessage::QueryV2(query)) => prop_assert!(query.buffer_len() <= message.len()),
            Ok(MldMessage::V1(_)) => prop_assert!(message.len() >= 24),
            Err(reason) => prop_assert!(
                matches!(reason, MldInvalid::TooShort | MldInvalid::QueryLength | MldInvalid::Truncated)
                    || (reason == MldInvalid::Checksum && message.len() < 4)
            ),
        }
    }
}

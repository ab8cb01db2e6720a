//! Each check of [`validate`] fails alone, on a message that is right in all else.

use core::net::Ipv6Addr;

use super::*;
use crate::Mac;
use crate::icmp6;
use crate::ip6;

extern crate std;
use std::vec;
use std::vec::Vec;

const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const HOST: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, 5);
const ANY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;
const MAC: Mac = Mac([2, 0, 0, 0, 0, 7]);

/// A message with all that comes with it.
#[derive(Clone)]
struct Packet {
    src: Ipv6Addr,
    dst: Ipv6Addr,
    message: Vec<u8>,
}

impl Packet {
    fn new(src: Ipv6Addr, dst: Ipv6Addr, emit: impl Fn(&mut [u8]) -> usize) -> Packet {
        let mut message = vec![0; 1280];
        let len = emit(&mut message);
        message.truncate(len);
        Packet { src, dst, message }
    }

    fn rs(src: Ipv6Addr, slla: Option<Mac>) -> Packet {
        Packet::new(src, ip6::ALL_ROUTERS, |out| {
            RouterSolicit { slla }.emit(src, ip6::ALL_ROUTERS, out).unwrap()
        })
    }

    fn ra(src: Ipv6Addr) -> Packet {
        let advert = RouterAdvert {
            router_lifetime: 1800,
            slla: Some(MAC),
            mtu: Some(1500),
            ..RouterAdvert::default()
        };
        Packet::new(src, ip6::ALL_NODES, |out| advert.emit(&[], src, ip6::ALL_NODES, out).unwrap())
    }

    fn ns(src: Ipv6Addr, dst: Ipv6Addr, target: Ipv6Addr, slla: Option<Mac>) -> Packet {
        let solicit = NeighborSolicit { target, slla, nonce: None };
        Packet::new(src, dst, |out| solicit.emit(src, dst, out).unwrap())
    }

    fn na(dst: Ipv6Addr, target: Ipv6Addr, solicited: bool) -> Packet {
        let advert = NeighborAdvert { router: false, solicited, override_: true, target, tlla: Some(MAC) };
        Packet::new(HOST, dst, |out| advert.emit(HOST, dst, out).unwrap())
    }

    fn redirect(src: Ipv6Addr, target: Ipv6Addr, destination: Ipv6Addr) -> Packet {
        let redirect = Redirect { target, destination, tlla: Some(MAC), redirected: &[0x60; 48] };
        Packet::new(src, HOST, |out| redirect.emit(src, HOST, out).unwrap())
    }

    /// One good message of each type.
    fn each() -> [Packet; 5] {
        [
            Packet::rs(HOST, Some(MAC)),
            Packet::ra(ROUTER),
            Packet::ns(HOST, ip6::solicited_node(ROUTER), ROUTER, Some(MAC)),
            Packet::na(ROUTER, HOST, true),
            Packet::redirect(ROUTER, ROUTER, GLOBAL),
        ]
    }

    /// Changes the message and puts the checksum right again.
    fn with(mut self, change: impl Fn(&mut Vec<u8>)) -> Packet {
        change(&mut self.message);
        icmp6::fill_checksum(self.src, self.dst, &mut self.message);
        self
    }

    fn check(&self) -> Result<NdMessage<'_>, NdInvalid> {
        validate(255, self.src, self.dst, &self.message, false)
    }
}

#[test]
fn good_messages_pass() {
    for packet in Packet::each() {
        assert!(packet.check().is_ok(), "{:?}", packet.message);
    }
}

#[test]
fn hop_limit_4861_1_4861_2_4861_3_4861_4_4861_5() {
    for Packet { src, dst, message } in Packet::each() {
        for hop_limit in [0, 1, 64, 254] {
            assert_eq!(validate(hop_limit, src, dst, &message, false), Err(NdInvalid::HopLimit));
        }
    }
}

#[test]
fn fragment_header_6980_1() {
    for Packet { src, dst, message } in Packet::each() {
        assert_eq!(validate(255, src, dst, &message, true), Err(NdInvalid::Fragmented));
    }
}

#[test]
fn checksum_4861_1_4861_2_4861_3_4861_4_4861_5() {
    for packet in Packet::each() {
        for at in [2, 3, packet.message.len() - 1] {
            let mut bad = packet.clone();
            bad.message[at] ^= 0x01;
            assert_eq!(bad.check(), Err(NdInvalid::Checksum));
        }
        // The pseudo header is part of it.
        let bad = Packet { dst: GLOBAL, ..packet };
        assert_eq!(bad.check(), Err(NdInvalid::Checksum));
    }
}

#[test]
fn code_4861_1_4861_2_4861_3_4861_4_4861_5() {
    for packet in Packet::each() {
        assert_eq!(packet.with(|message| message[1] = 1).check(), Err(NdInvalid::Code));
    }
}

#[test]
fn least_length_4861_1_4861_2_4861_3_4861_4_4861_5() {
    for (packet, least) in Packet::each().into_iter().zip([8, 16, 24, 24, 40]) {
        for len in 0..least {
            let short = packet.clone().with(|message| message.truncate(len));
            assert_eq!(short.check(), Err(NdInvalid::TooShort), "{len}");
        }
        assert!(packet.with(|message| message.truncate(least)).check().is_ok());
    }
}

#[test]
fn option_lengths_4861_1_4861_2_4861_3_4861_4_4861_5() {
    for packet in Packet::each() {
        let zero = packet.clone().with(|message| message.extend([99, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(zero.check(), Err(NdInvalid::OptionLengthZero));
        let over = packet.clone().with(|message| message.extend([99, 2, 0, 0, 0, 0, 0, 0]));
        assert_eq!(over.check(), Err(NdInvalid::OptionTruncated));
        let half = packet.with(|message| message.push(99));
        assert_eq!(half.check(), Err(NdInvalid::OptionTruncated));
    }
}

#[test]
fn unknown_and_unexpected_options_and_reserved_bits_are_passed_over_4861_6() {
    for packet in Packet::each() {
        let more = packet.clone().with(|message| {
            // Unknown; a DNS server; a target address that is no station's; and an MTU once more.
            message.extend([99, 1, 1, 2, 3, 4, 5, 6]);
            message.extend([&[25, 3][..], &[0; 22]].concat());
            message.extend([2, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
            message.extend([5, 1, 0, 0, 0, 0, 0, 9]);
        });
        assert_eq!(more.check().map(known), packet.check().map(known));
    }
    let solicit = Packet::ns(HOST, ROUTER, ROUTER, Some(MAC));
    let reserved = solicit.clone().with(|message| message[4..8].fill(0xff));
    assert_eq!(reserved.check(), solicit.check());
}

#[test]
fn other_types_are_not_nd() {
    for kind in [0, 1, 128, 132, 138, 143, 255] {
        assert_eq!(Packet::ra(ROUTER).with(|message| message[0] = kind).check(), Err(NdInvalid::NotNd));
    }
}

#[test]
fn router_solicit_from_unspecified_4861_1() {
    assert!(Packet::rs(ANY, None).check().is_ok());
    assert_eq!(Packet::rs(ANY, Some(MAC)).check(), Err(NdInvalid::UnspecifiedWithSlla));
    // It makes no difference that the address told is of no use.
    assert_eq!(Packet::rs(ANY, Some(Mac::ZERO)).check(), Err(NdInvalid::UnspecifiedWithSlla));
}

#[test]
fn router_advert_source_4861_2() {
    for src in [GLOBAL, ANY, GROUP] {
        assert_eq!(Packet::ra(src).check(), Err(NdInvalid::RaSourceNotLinkLocal));
    }
}

#[test]
fn neighbor_solicit_4861_3() {
    let sol = ip6::solicited_node(HOST);
    assert_eq!(Packet::ns(HOST, sol, GROUP, Some(MAC)).check(), Err(NdInvalid::TargetMulticast));
    assert!(Packet::ns(ANY, sol, HOST, None).check().is_ok());
    assert_eq!(Packet::ns(ANY, sol, HOST, Some(MAC)).check(), Err(NdInvalid::UnspecifiedWithSlla));
    for dst in [HOST, ip6::ALL_NODES, GROUP] {
        let packet = Packet::ns(ANY, dst, HOST, None);
        assert_eq!(packet.check(), Err(NdInvalid::UnspecifiedNotToSolicitedNode), "{dst}");
    }
    // With an address of its own the sender may ask directly.
    assert!(Packet::ns(GLOBAL, HOST, HOST, None).check().is_ok());
}

#[test]
fn neighbor_advert_4861_4() {
    assert_eq!(Packet::na(ROUTER, GROUP, true).check(), Err(NdInvalid::TargetMulticast));
    assert_eq!(Packet::na(ip6::ALL_NODES, HOST, true).check(), Err(NdInvalid::SolicitedToMulticast));
    assert!(Packet::na(ip6::ALL_NODES, HOST, false).check().is_ok());
}

#[test]
fn redirect_4861_5() {
    for src in [GLOBAL, ANY] {
        let packet = Packet::redirect(src, ROUTER, GLOBAL);
        assert_eq!(packet.check(), Err(NdInvalid::RedirectSourceNotLinkLocal));
    }
    assert_eq!(Packet::redirect(ROUTER, ROUTER, GROUP).check(), Err(NdInvalid::RedirectDestinationMulticast));
    let other = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    assert_eq!(Packet::redirect(ROUTER, other, GLOBAL).check(), Err(NdInvalid::RedirectTargetNotLinkLocal));
}

#[test]
fn a_redirect_to_an_off_link_looking_target_is_valid_4861_7() {
    let packet = Packet::redirect(ROUTER, GLOBAL, GLOBAL);
    assert_eq!(
        packet.check(),
        Ok(NdMessage::Redirect(Redirect {
            target: GLOBAL,
            destination: GLOBAL,
            tlla: Some(MAC),
            redirected: &[0x60; 48],
        }))
    );
}

/// All options stand beside an advertisement, known or not; this is the message without them.
fn known(message: NdMessage<'_>) -> NdMessage<'_> {
    match message {
        NdMessage::RouterAdvert(advert, _) => NdMessage::RouterAdvert(advert, NdOptions::new(&[]).unwrap()),
        other => other,
    }
}

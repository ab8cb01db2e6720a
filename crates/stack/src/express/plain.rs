//! What is plain, by a packet's header alone: the tests of the stages of `ip6` and `ip4` that most packets pass, and nothing
//! else. What is not certain here is not plain.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_netisr::sync::mutant;
use siding_wire::IpProto;
use siding_wire::ends::is_host4;
use siding_wire::ends::is_host6;
use siding_wire::ip4;
use siding_wire::ip6;

use crate::config::Config;
use crate::ends;
use crate::ifnet::Interface;
use crate::ifnet::VrfId;

/// What a plain packet's header says: its length in bytes, where it comes from and goes, and what it bears.
pub(super) struct Plain<A> {
    pub(super) len: usize,
    pub(super) src: A,
    pub(super) dst: A,
    /// What follows the header; nothing, if it is a piece of that.
    pub(super) next: Option<IpProto>,
}

/// Judges the header of an IPv6 packet, which padding may follow.
#[inline]
pub(super) fn six(config: &Config, packet: &[u8]) -> Option<Plain<Ipv6Addr>> {
    let header: &[u8; ip6::HEADER_LEN] = packet.first_chunk()?;
    let word = |at: usize| header.as_chunks::<8>().0.get(at).map(|word| u64::from_be_bytes(*word));
    let first = word(0)?;
    let (next, hops) = ((first >> 8) as u8, first as u8);
    let len = ip6::HEADER_LEN + usize::from((first >> 16) as u16);
    let least = if mutant("express-sends-the-last-hop-on") { 0 } else { 1 };
    // Options may be looked at: somebody else does.
    let options = next == IpProto::HOP_BY_HOP.0 && !mutant("express-overlooks-options");
    if first >> 60 != 6 || hops <= least || options || len > packet.len() {
        return None;
    }
    let addr = |at: usize| Some(Ipv6Addr::from_bits(u128::from(word(at)?) << 64 | u128::from(word(at + 1)?)));
    let (src, dst) = (addr(1)?, addr(3)?);
    if !reaches6(src) && !mutant("express-lets-any-source-pass") || !reaches6(dst) {
        return None;
    }
    // Whose ever they are and in whatever state: nobody's of us, in most cases at once.
    let owners = &config.vrfs.get(VrfId::DEFAULT).owners;
    let ours = owners.six(src).is_some() || owners.six(dst).is_some();
    if ours && !mutant("express-sends-on-what-is-ours") {
        return None;
    }
    Some(Plain { len, src, dst, next: Some(IpProto(next)) })
}

/// Whether it is a host's address that reaches beyond its link.
#[inline]
fn reaches6(addr: Ipv6Addr) -> bool {
    match (addr.to_bits() >> 120) as u8 {
        0 => is_host6(addr),
        0xfe => !ip6::is_link_local(addr),
        0xff => false,
        _ => true,
    }
}

/// The same of an IPv4 packet, which came in by `on`.
#[inline]
pub(super) fn four(config: &Config, on: &Interface, packet: &[u8]) -> Option<Plain<Ipv4Addr>> {
    /// Version 4, and no options.
    const FIRST: u8 = 0x45;
    let header: &[u8; ip4::HEADER_LEN] = packet.first_chunk()?;
    let [first, _, high, low, _, _, flags, offset, ttl, next, ..] = *header;
    let len = usize::from(u16::from_be_bytes([high, low]));
    if first != FIRST || ttl <= 1 || !(ip4::HEADER_LEN..=packet.len()).contains(&len) {
        return None;
    }
    if !is_whole(header) && !mutant("express-trusts-any-header") {
        return None;
    }
    let (src, dst) = (addr4(header, 12), addr4(header, 16));
    if !reaches4(src) || !reaches4(dst) || ends::is_directed_broadcast(on, src) {
        return None;
    }
    let owners = &config.vrfs.get(VrfId::DEFAULT).owners;
    let ours = owners.four(src).is_some() || owners.four(dst).is_some();
    let is_piece = (flags & 0x3f != 0 || offset != 0) && !mutant("express-overlooks-pieces");
    (!ours).then_some(Plain { len, src, dst, next: (!is_piece).then_some(IpProto(next)) })
}

fn addr4(header: &[u8; ip4::HEADER_LEN], at: usize) -> Ipv4Addr {
    let octets: Option<&[u8; 4]> = header[at..].first_chunk();
    Ipv4Addr::from(octets.copied().unwrap_or_default())
}

#[inline]
fn reaches4(addr: Ipv4Addr) -> bool {
    is_host4(addr) && !addr.is_link_local()
}

/// Whether a header's checksum is right (RFC 1071): what it adds up to, with all carries, is all ones.
#[inline]
fn is_whole(header: &[u8; ip4::HEADER_LEN]) -> bool {
    let words = header.as_chunks::<4>().0;
    let sum: u64 = words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum();
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    (sum & 0xffff) + (sum >> 16) == 0xffff
}

#[cfg(test)]
mod tests {
    use siding_wire::checksum;

    use super::*;

    #[test]
    fn a_header_is_whole_when_its_checksum_says_so() {
        let mut header =
            [0x45, 0, 0, 46, 0xff, 0xff, 0xff, 0xff, 64, 17, 0, 0, 255, 255, 255, 254, 9, 9, 9, 9];
        for ident in 0..=u16::MAX {
            header[4..6].copy_from_slice(&ident.to_be_bytes());
            header[10..12].fill(0);
            let sum = checksum::of(&header);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            assert!(is_whole(&header));
            header[11] ^= 1 << (ident % 8);
            assert_eq!(is_whole(&header), checksum::verify(&header));
            assert!(!is_whole(&header));
        }
    }

    #[test]
    fn what_reaches_beyond_its_link() {
        for (addr, reaches) in [
            ("::", false),
            ("::1", false),
            ("::ffff:192.0.2.1", false),
            ("64:ff9b::1", true),
            ("2001:db8::1", true),
            ("fe80::1", false),
            ("febf::1", false),
            ("fec0::1", true),
            ("fd00::1", true),
            ("ff02::1", false),
        ] {
            assert_eq!(reaches6(addr.parse().unwrap()), reaches, "{addr}");
        }
    }
}

//! Ethernet II frames and IEEE 802.1Q tags.

use core::fmt;
use core::net::Ipv4Addr;
use core::net::Ipv6Addr;

use zerocopy::FromBytes;
use zerocopy::Immutable;
use zerocopy::IntoBytes;
use zerocopy::KnownLayout;
use zerocopy::Unaligned;
use zerocopy::network_endian::U16;

use crate::Mac;
use crate::Malformed;
use crate::error::room;

/// Bytes of an untagged header.
pub const HEADER_LEN: usize = 14;
/// Bytes that a VLAN tag adds.
pub const VLAN_LEN: usize = 4;

/// The type field of a frame or of a VLAN tag, in host order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: EtherType = EtherType(0x0800);
    /// ARP.
    pub const ARP: EtherType = EtherType(0x0806);
    /// IEEE 802.1Q customer tag.
    pub const VLAN: EtherType = EtherType(0x8100);
    /// Reverse ARP (RFC 903).
    pub const RARP: EtherType = EtherType(0x8035);
    /// IPv6.
    pub const IPV6: EtherType = EtherType(0x86dd);
    /// Slow protocols: LACP, marker.
    pub const SLOW: EtherType = EtherType(0x8809);
    /// IEEE 802.1ad service tag.
    pub const QINQ: EtherType = EtherType(0x88a8);

    /// Whether a VLAN tag follows.
    pub const fn is_vlan(self) -> bool {
        matches!(self, EtherType::VLAN | EtherType::QINQ)
    }

    /// Whether the field is an IEEE 802.3 length (below 0x600) and no type at all.
    pub const fn is_length(self) -> bool {
        self.0 < 0x600
    }
}

/// Where what the frame carries begins, behind all its VLAN tags, and what it is. `None` for a frame that ends before.
pub fn network(frame: &[u8]) -> Option<(EtherType, usize)> {
    let mut at = HEADER_LEN;
    loop {
        let ethertype = EtherType(u16::from_be_bytes(*frame.get(at - 2..at)?.first_chunk()?));
        if !ethertype.is_vlan() {
            return Some((ethertype, at));
        }
        at += VLAN_LEN;
    }
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04x}", self.0)
    }
}

/// An Ethernet header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ether {
    /// To whom.
    pub dst: Mac,
    /// From whom.
    pub src: Mac,
    /// What follows.
    pub ethertype: EtherType,
}

impl Ether {
    /// The header and what follows it, padding included.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below 14 bytes.
    pub fn parse(bytes: &[u8]) -> Result<(Ether, &[u8]), Malformed> {
        let (raw, rest) = Raw::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        Ok((Ether { dst: raw.dst, src: raw.src, ethertype: EtherType(raw.ethertype.get()) }, rest))
    }

    /// Writes the header to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 14 bytes.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        *room::<HEADER_LEN>(out)? = self.to_bytes();
        Ok(HEADER_LEN)
    }

    /// The header as it goes on the wire.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        zerocopy::transmute!(Raw { dst: self.dst, src: self.src, ethertype: U16::new(self.ethertype.0) })
    }

    /// Bytes that [`Ether::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }
}

/// What follows a VLAN type field: the tag control information and the next type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VlanTag {
    /// VLAN identifier, 0..=4095; 0 carries only a priority.
    pub vid: u16,
    /// Priority, 0..=7.
    pub pcp: u8,
    /// Drop eligible.
    pub dei: bool,
    /// What follows the tag.
    pub ethertype: EtherType,
}

impl VlanTag {
    /// The tag at the front of what follows an [`EtherType::VLAN`] or [`EtherType::QINQ`], and the rest.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below 4 bytes.
    pub fn parse(bytes: &[u8]) -> Result<(VlanTag, &[u8]), Malformed> {
        let (raw, rest) = <[U16; 2]>::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        let tci = raw[0].get();
        let tag = VlanTag {
            vid: tci & 0x0fff,
            pcp: (tci >> 13) as u8,
            dei: tci & 0x1000 != 0,
            ethertype: EtherType(raw[1].get()),
        };
        Ok((tag, rest))
    }

    /// Writes the tag to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 4 bytes.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        *room::<VLAN_LEN>(out)? = self.to_bytes();
        Ok(VLAN_LEN)
    }

    /// The tag as it goes on the wire. Bits of `vid` and `pcp` beyond 12 and 3 are left out.
    pub fn to_bytes(&self) -> [u8; VLAN_LEN] {
        let tci = self.vid & 0x0fff | u16::from(self.pcp & 7) << 13 | u16::from(self.dei) << 12;
        zerocopy::transmute!([U16::new(tci), U16::new(self.ethertype.0)])
    }

    /// Bytes that [`VlanTag::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        VLAN_LEN
    }
}

/// The group address that carries an IPv6 multicast destination: 33:33 and its last four octets (RFC 2464
/// s7).
pub const fn multicast_mac(group: Ipv6Addr) -> Mac {
    let o = group.octets();
    Mac([0x33, 0x33, o[12], o[13], o[14], o[15]])
}

/// The group address that carries an IPv4 multicast destination: 01:00:5e and its last 23 bits (RFC 1112
/// s6.4).
pub const fn multicast_mac4(group: Ipv4Addr) -> Mac {
    let o = group.octets();
    Mac([0x01, 0x00, 0x5e, o[1] & 0x7f, o[2], o[3]])
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Raw {
    dst: Mac,
    src: Mac,
    ethertype: U16,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: [u8; 19] =
        [0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x81, 0x00, 0xb0, 0x64, 0x86, 0xdd, 0x60];

    #[test]
    fn a_tagged_frame_by_hand() {
        let (ether, rest) = Ether::parse(&FRAME).unwrap();
        assert_eq!(ether.dst, Mac([0x33, 0x33, 0, 0, 0, 1]));
        assert_eq!(ether.src, Mac([2, 0, 0, 0, 0, 9]));
        assert!(ether.ethertype.is_vlan());
        let (tag, rest) = VlanTag::parse(rest).unwrap();
        assert_eq!(tag, VlanTag { vid: 100, pcp: 5, dei: true, ethertype: EtherType::IPV6 });
        assert_eq!(rest, [0x60]);

        let mut out = [0; 18];
        let at = ether.emit(&mut out).unwrap();
        tag.emit(&mut out[at..]).unwrap();
        assert_eq!(out, FRAME[..18]);
    }

    #[test]
    fn short_buffers_are_refused() {
        let (ether, _) = Ether::parse(&FRAME).unwrap();
        assert_eq!(Ether::parse(&FRAME[..13]), Err(Malformed::Truncated));
        assert_eq!(VlanTag::parse(&FRAME[..3]), Err(Malformed::Truncated));
        assert_eq!(ether.emit(&mut [0; 13]), Err(Malformed::NoRoom));
    }

    #[test]
    fn an_oversized_vid_does_not_leak_into_the_priority() {
        let tag = VlanTag { vid: 0xf001, pcp: 0xf8, dei: false, ethertype: EtherType::ARP };
        assert_eq!(tag.to_bytes(), [0x00, 0x01, 0x08, 0x06]);
    }

    #[test]
    fn group_addresses() {
        let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff12, 0x3456);
        assert_eq!(multicast_mac(group), Mac([0x33, 0x33, 0xff, 0x12, 0x34, 0x56]));
        // 239.129.2.3: the top bit of the second octet is lost.
        assert_eq!(multicast_mac4(Ipv4Addr::new(239, 129, 2, 3)), Mac([1, 0, 0x5e, 1, 2, 3]));
    }

    #[test]
    fn an_802_3_length_is_no_type() {
        assert!(EtherType(0x05dc).is_length());
        assert!(!EtherType::IPV4.is_length());
    }
}

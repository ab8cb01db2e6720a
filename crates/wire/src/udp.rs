//! The UDP header: RFC 768, over IPv6 RFC 8200 s8.1.

use zerocopy::FromBytes;
use zerocopy::Immutable;
use zerocopy::IntoBytes;
use zerocopy::KnownLayout;
use zerocopy::Unaligned;
use zerocopy::network_endian::U16;

use crate::IpProto;
use crate::Malformed;
use crate::checksum::Ends;
use crate::checksum::Sum;
use crate::error::room;

/// Bytes of the header.
pub const HEADER_LEN: usize = 8;

/// A UDP header; its length is that of the bytes it stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UdpRepr {
    /// Source port; 0 if no answer is wanted.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
}

impl UdpRepr {
    /// Reads the header, checksum verified; returns it and its payload, cut to the length field.
    ///
    /// # Errors
    /// [`Malformed::Truncated`], [`Malformed::BadLength`] when the length field is below 8 or beyond the
    /// bytes, [`Malformed::BadChecksum`], or [`Malformed::NoChecksum`] over IPv6.
    pub fn parse(ends: Ends, bytes: &[u8]) -> Result<(UdpRepr, &[u8]), Malformed> {
        let (raw, _) = Raw::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        let len = raw.len.get();
        let datagram = bytes.get(..usize::from(len)).ok_or(Malformed::BadLength)?;
        let payload = datagram.get(HEADER_LEN..).ok_or(Malformed::BadLength)?;
        if raw.checksum.get() == 0 {
            //= RFC 8200 s8.1 [8200-5]: over IPv6 a packet without a checksum is discarded
            if matches!(ends, Ends::V6 { .. }) {
                return Err(Malformed::NoChecksum);
            }
        } else if !Sum::pseudo(ends, IpProto::UDP, u32::from(len)).with(datagram).is_valid() {
            return Err(Malformed::BadChecksum);
        }
        Ok((UdpRepr { src_port: raw.src_port.get(), dst_port: raw.dst_port.get() }, payload))
    }

    /// Writes the header to the front of `datagram`, whose payload is in place behind it, with the checksum
    /// of all.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 8 bytes, [`Malformed::TooLong`] beyond 65 535.
    pub fn emit(&self, ends: Ends, datagram: &mut [u8]) -> Result<(), Malformed> {
        let len = u16::try_from(datagram.len()).map_err(|_| Malformed::TooLong)?;
        let mut raw = Raw {
            src_port: U16::new(self.src_port),
            dst_port: U16::new(self.dst_port),
            len: U16::new(len),
            checksum: U16::ZERO,
        };
        let header = room::<HEADER_LEN>(datagram)?;
        header.copy_from_slice(raw.as_bytes());
        let checksum = Sum::pseudo(ends, IpProto::UDP, u32::from(len)).with(datagram).finish();
        // A sum that happens to be 0 goes out as its other form, since 0 says that there is none (RFC 768).
        raw.checksum = U16::new(if checksum == 0 { 0xffff } else { checksum });
        room::<HEADER_LEN>(datagram)?.copy_from_slice(raw.as_bytes());
        Ok(())
    }

    /// Bytes that [`UdpRepr::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Raw {
    src_port: U16,
    dst_port: U16,
    len: U16,
    checksum: U16,
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;
    use core::net::Ipv6Addr;

    use super::*;

    const V4: Ends = Ends::V4 { src: Ipv4Addr::new(10, 0, 0, 1), dst: Ipv4Addr::new(10, 0, 0, 2) };
    const V6: Ends = Ends::V6 { src: Ipv6Addr::LOCALHOST, dst: Ipv6Addr::LOCALHOST };
    // Pseudo header 0a00+0001+0a00+0002+0011+000a = 141e, header 1000+2000+000a, payload abcd: eff5;
    // complement 100a.
    const DATAGRAM: [u8; 10] = [0x10, 0x00, 0x20, 0x00, 0x00, 0x0a, 0x10, 0x0a, 0xab, 0xcd];
    const REPR: UdpRepr = UdpRepr { src_port: 0x1000, dst_port: 0x2000 };

    #[test]
    fn a_datagram_by_hand() {
        let mut out = [0, 0, 0, 0, 0, 0, 9, 9, 0xab, 0xcd];
        REPR.emit(V4, &mut out).unwrap();
        assert_eq!(out, DATAGRAM);
        let mut padded = [0xee; 12];
        padded[..10].copy_from_slice(&DATAGRAM);
        assert_eq!(UdpRepr::parse(V4, &padded), Ok((REPR, &[0xab, 0xcd][..])));
        padded[9] ^= 1;
        assert_eq!(UdpRepr::parse(V4, &padded), Err(Malformed::BadChecksum));
    }

    #[test]
    fn no_checksum_passes_over_ipv4_only_8200_5() {
        let mut datagram = DATAGRAM;
        datagram[6..8].fill(0);
        assert_eq!(UdpRepr::parse(V4, &datagram), Ok((REPR, &[0xab, 0xcd][..])));
        assert_eq!(UdpRepr::parse(V6, &datagram), Err(Malformed::NoChecksum));
    }

    #[test]
    fn a_sum_of_zero_is_sent_as_all_ones() {
        // As above, with a payload that makes the sum ffff.
        let mut datagram = [0, 0, 0, 0, 0, 0, 0, 0, 0xbb, 0xd7];
        REPR.emit(V4, &mut datagram).unwrap();
        assert_eq!(datagram[6..8], [0xff, 0xff]);
        assert!(UdpRepr::parse(V4, &datagram).is_ok());
    }

    #[test]
    fn lengths() {
        let mut datagram = DATAGRAM;
        datagram[5] = 11;
        assert_eq!(UdpRepr::parse(V4, &datagram), Err(Malformed::BadLength));
        datagram[5] = 7;
        assert_eq!(UdpRepr::parse(V4, &datagram), Err(Malformed::BadLength));
        assert_eq!(UdpRepr::parse(V4, &datagram[..7]), Err(Malformed::Truncated));
        assert_eq!(REPR.emit(V4, &mut [0; 7]), Err(Malformed::NoRoom));
        assert_eq!(REPR.emit(V4, &mut [0; 65_536]), Err(Malformed::TooLong));
    }
}

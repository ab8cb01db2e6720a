//! The Internet checksum: RFC 1071, with the incremental update of RFC 1624.

use core::net::Ipv4Addr;
use core::net::Ipv6Addr;

use crate::IpProto;

/// A ones' complement sum in the making.
///
/// Slices may be added in pieces of any length; a piece that follows an odd number of bytes is weighted as if
/// all the bytes were contiguous.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    /// Sum of 32-bit words in *host* order: the ones' complement sum does not care about byte order until the
    /// end (RFC 1071 s2B), so no word is swapped on the way in.
    acc: u64,
    odd: bool,
}

impl Sum {
    /// Nothing yet.
    pub const fn new() -> Sum {
        Sum { acc: 0, odd: false }
    }

    /// The pseudo header of an upper-layer packet of `len` bytes.
    pub fn pseudo(ends: Ends, proto: IpProto, len: u32) -> Sum {
        let sum = match ends {
            Ends::V4 { src, dst } => Sum::new().with(&src.octets()).with(&dst.octets()),
            Ends::V6 { src, dst } => Sum::new().with(&src.octets()).with(&dst.octets()),
        };
        // IPv4's pseudo header has a 16-bit length and IPv6's a 32-bit one, zeros apart: the same sum.
        sum.with(&len.to_be_bytes()).with(&[0, proto.0])
    }

    /// IPv4's pseudo header (RFC 768, RFC 9293).
    pub fn pseudo4(src: Ipv4Addr, dst: Ipv4Addr, proto: IpProto, len: u16) -> Sum {
        Sum::pseudo(Ends::V4 { src, dst }, proto, u32::from(len))
    }

    /// IPv6's pseudo header (RFC 8200 s8.1).
    pub fn pseudo6(src: Ipv6Addr, dst: Ipv6Addr, proto: IpProto, len: u32) -> Sum {
        Sum::pseudo(Ends::V6 { src, dst }, proto, len)
    }

    /// This sum and `bytes`.
    #[must_use]
    pub fn with(mut self, bytes: &[u8]) -> Sum {
        let (words, tail) = bytes.as_chunks::<8>();
        let mut acc = 0u64;
        for word in words {
            // Two halves a step cannot overflow 64 bits below 2^31 words, and the compiler makes vectors of
            // it.
            let word = u64::from_ne_bytes(*word);
            acc += (word & 0xffff_ffff) + (word >> 32);
        }
        let mut last = [0; 8];
        last[..tail.len()].copy_from_slice(tail);
        let word = u64::from_ne_bytes(last);
        acc += (word & 0xffff_ffff) + (word >> 32);

        let mut part = u64::from(fold(acc));
        if self.odd {
            part = u64::from((part as u16).swap_bytes());
        }
        self.acc += part;
        self.odd ^= bytes.len() % 2 == 1;
        self
    }

    /// The sum folded to 16 bits, not complemented, in host order.
    pub fn fold(self) -> u16 {
        fold(self.acc).to_be()
    }

    /// The checksum to put into the header, in host order: the complement of the sum.
    pub fn finish(self) -> u16 {
        !self.fold()
    }

    /// Whether a sum that took in the checksum field itself says that the contents are intact.
    pub fn is_valid(self) -> bool {
        self.fold() == 0xffff
    }
}

/// Both ends of an upper-layer packet, for its pseudo header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Over IPv4.
    V4 {
        /// Source.
        src: Ipv4Addr,
        /// Destination.
        dst: Ipv4Addr,
    },
    /// Over IPv6.
    V6 {
        /// Source.
        src: Ipv6Addr,
        /// Destination.
        dst: Ipv6Addr,
    },
}

/// The checksum of `bytes`, whose checksum field is zero.
pub fn of(bytes: &[u8]) -> u16 {
    Sum::new().with(bytes).finish()
}

/// Whether `bytes`, checksum field included, are intact.
pub fn verify(bytes: &[u8]) -> bool {
    Sum::new().with(bytes).is_valid()
}

/// Completes the checksum of TCP, UDP or what else sums up like them: it covers `bytes[start..]`, and its field, `field`
/// bytes behind `start`, holds the sum of the pseudo header. SCTP alone has its field 8 bytes behind, and a CRC in it
/// (RFC 9260 appendix A). `None`, and no change, if it is not within `bytes`.
pub fn complete(bytes: &mut [u8], start: usize, field: usize) -> Option<()> {
    const SCTP_FIELD: usize = 8;
    let covered = bytes.get_mut(start..)?;
    if field == SCTP_FIELD {
        let place = covered.get_mut(field..)?.first_chunk_mut::<4>()?;
        *place = [0; 4];
        let crc = crc32c(covered).to_le_bytes();
        covered.get_mut(field..)?.first_chunk_mut::<4>()?.copy_from_slice(&crc);
        return Some(());
    }
    // For UDP a checksum of 0 would mean that there is none (RFC 768); 0xffff is as good for all others.
    let sum = match of(covered) {
        0 => 0xffff,
        sum => sum,
    };
    covered.get_mut(field..)?.get_mut(..2)?.copy_from_slice(&sum.to_be_bytes());
    Some(())
}

/// The checksum after one 16-bit field of what it covers has changed from `old` to `new`.
///
/// Equation 3 of RFC 1624, which unlike that of RFC 1141 never turns 0xffff out where 0x0000 is right.
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = !checksum as u32 + !old as u32 + new as u32;
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    !(sum as u16)
}

/// Castagnoli's CRC, of the least significant bit first.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let mut crc = n as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
                bit += 1;
            }
            table[n] = crc;
            n += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

const fn fold(acc: u64) -> u16 {
    let acc = (acc & 0xffff_ffff) + (acc >> 32);
    let acc = (acc & 0xffff_ffff) + (acc >> 32);
    let acc = (acc & 0xffff) + (acc >> 16);
    let acc = (acc & 0xffff) + (acc >> 16);
    acc as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    extern crate std;
    use std::vec::Vec;

    /// As the RFC says it, one word at a time.
    fn slow(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    #[test]
    fn example_of_rfc_1071_s3() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::new().with(&bytes).fold(), 0xddf2);
        assert_eq!(of(&bytes), !0xddf2);
    }

    #[test]
    fn example_of_rfc_1624_s4() {
        assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    #[test]
    fn all_ones_do_not_overflow() {
        assert_eq!(Sum::new().with(&[0xff; 65_536]).fold(), 0xffff);
    }

    #[test]
    fn pseudo_headers_by_hand() {
        let src = Ipv4Addr::new(10, 0, 0, 1);
        let dst = Ipv4Addr::new(10, 0, 0, 2);
        // 0a00 + 0001 + 0a00 + 0002 + 0011 + 0008
        assert_eq!(Sum::pseudo4(src, dst, IpProto::UDP, 8).fold(), 0x141c);
        let src = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        let dst = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
        // fe80 + 1 + ff02 + 2 + 3a + 1 + 8 = 1fdc8 (length 0x10008), carry folded
        assert_eq!(Sum::pseudo6(src, dst, IpProto::ICMP6, 0x1_0008).fold(), 0xfdc9);
    }

    #[test]
    fn what_is_unfinished_is_completed_and_nothing_else_is_touched() {
        let pseudo = Sum::new().with(&[10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 13]);
        let mut frame = Vec::from([7; 34]);
        frame.extend([0x12, 0x34, 0, 53, 0, 13, 0, 0, 1, 2, 3, 4, 5]);
        frame[40..42].copy_from_slice(&pseudo.fold().to_be_bytes());
        let before = frame.clone();
        assert_eq!(complete(&mut frame, 34, 6), Some(()));
        assert!(pseudo.with(&frame[34..]).is_valid());
        assert_eq!((&frame[..40], &frame[42..]), (&before[..40], &before[42..]));
        // A sum of 0 would say that there is none.
        let mut zero = [0xff, 0xff, 0, 0, 0, 0, 0, 0];
        assert_eq!(complete(&mut zero, 0, 6), Some(()));
        assert_eq!(zero[6..], [0xff, 0xff]);
        for (start, field) in [(48, 0), (usize::MAX, 0), (34, usize::MAX), (34, 12), (47, 0), (40, 8)] {
            let mut frame = before.clone();
            let changed = complete(&mut frame, start, field).is_some() || frame != before;
            assert!(!changed, "{start} + {field}");
        }
    }

    #[test]
    fn sctp_has_a_crc_of_its_own() {
        // The check value that is usual for this CRC.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        let mut packet = Vec::from([9; 40]);
        assert_eq!(complete(&mut packet, 10, 8), Some(()));
        let found = [packet[18], packet[19], packet[20], packet[21]];
        let mut covered = Vec::from(&packet[10..]);
        covered[8..12].fill(0);
        assert_eq!(u32::from_le_bytes(found), crc32c(&covered));
    }

    proptest! {
        #[test]
        fn fast_is_slow(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(Sum::new().with(&bytes).fold(), slow(&bytes));
        }

        #[test]
        fn pieces_make_the_whole(bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in 0usize..80, cut2 in 0usize..80) {
            let a = cut.min(cut2).min(bytes.len());
            let b = cut.max(cut2).min(bytes.len());
            let sum = Sum::new().with(&bytes[..a]).with(&bytes[a..b]).with(&bytes[b..]);
            prop_assert_eq!(sum.fold(), slow(&bytes));
        }

        #[test]
        fn update_is_recomputing(mut bytes in proptest::collection::vec(any::<u8>(), 4..60), new: u16) {
            // A nonzero word that stays, as every real header has one (its version), keeps the sum away from
            // zero.
            bytes[0] |= 1;
            let old = u16::from_be_bytes([bytes[2], bytes[3]]);
            let before = of(&bytes);
            bytes[2..4].copy_from_slice(&new.to_be_bytes());
            prop_assert_eq!(update(before, old, new), of(&bytes));
        }

        #[test]
        fn a_filled_in_checksum_verifies(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut whole = Vec::from([0x45, 0x00]);
            whole.extend_from_slice(&of(&[&[0x45, 0x00][..], &bytes[..bytes.len() & !1]].concat()).to_be_bytes());
            whole.extend_from_slice(&bytes[..bytes.len() & !1]);
            prop_assert!(verify(&whole));
            whole[1] ^= 0x10;
            prop_assert!(!verify(&whole));
        }
    }
}

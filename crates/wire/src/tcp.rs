//! The TCP header, as far as refusing a segment needs it: RFC 9293 s3.1.

use crate::IpProto;
use crate::Malformed;
use crate::checksum::Ends;
use crate::checksum::Sum;
use crate::error::room;

/// Bytes of a header without options.
pub const HEADER_LEN: usize = 20;

/// The control bits that a refusal looks at or sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// No more from the sender.
    pub const FIN: Flags = Flags(0x01);
    /// Sequence numbers begin here.
    pub const SYN: Flags = Flags(0x02);
    /// There is no such connection.
    pub const RST: Flags = Flags(0x04);
    /// The acknowledgment number counts.
    pub const ACK: Flags = Flags(0x10);

    /// Whether all of `other` are set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// A TCP header. Options, window and urgent pointer are passed over on the way in, and absent or 0 on the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpRepr {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number of the first octet, or of the SYN.
    pub seq: u32,
    /// The next sequence number that the sender expects.
    pub ack: u32,
    /// Control bits.
    pub flags: Flags,
}

impl TcpRepr {
    /// Reads the header, checksum verified; returns it and the segment's data.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below 20 bytes, [`Malformed::BadLength`] when the data offset is below 5 or beyond the
    /// bytes, [`Malformed::BadChecksum`].
    pub fn parse(ends: Ends, bytes: &[u8]) -> Result<(TcpRepr, &[u8]), Malformed> {
        let (header, _) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(Malformed::Truncated)?;
        let offset = usize::from(header[12] >> 4) * 4;
        if offset < HEADER_LEN {
            return Err(Malformed::BadLength);
        }
        let data = bytes.get(offset..).ok_or(Malformed::BadLength)?;
        let len = u32::try_from(bytes.len()).map_err(|_| Malformed::BadLength)?;
        if !Sum::pseudo(ends, IpProto::TCP, len).with(bytes).is_valid() {
            return Err(Malformed::BadChecksum);
        }
        let [a, b, c, d, s0, s1, s2, s3, k0, k1, k2, k3, ..] = *header;
        let repr = TcpRepr {
            src_port: u16::from_be_bytes([a, b]),
            dst_port: u16::from_be_bytes([c, d]),
            seq: u32::from_be_bytes([s0, s1, s2, s3]),
            ack: u32::from_be_bytes([k0, k1, k2, k3]),
            flags: Flags(header[13]),
        };
        Ok((repr, data))
    }

    /// Writes the header to the front of `segment`, whose data is in place behind it, with the checksum of all.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 20 bytes, [`Malformed::TooLong`] beyond what a checksum can cover.
    pub fn emit(&self, ends: Ends, segment: &mut [u8]) -> Result<(), Malformed> {
        let len = u32::try_from(segment.len()).map_err(|_| Malformed::TooLong)?;
        let header = room::<HEADER_LEN>(segment)?;
        header.fill(0);
        header[0..2].copy_from_slice(&self.src_port.to_be_bytes());
        header[2..4].copy_from_slice(&self.dst_port.to_be_bytes());
        header[4..8].copy_from_slice(&self.seq.to_be_bytes());
        header[8..12].copy_from_slice(&self.ack.to_be_bytes());
        header[12] = (HEADER_LEN as u8 / 4) << 4;
        header[13] = self.flags.0;
        let checksum = Sum::pseudo(ends, IpProto::TCP, len).with(segment).finish();
        segment[16..18].copy_from_slice(&checksum.to_be_bytes());
        Ok(())
    }

    /// The reset that answers this segment, of which `data` octets were data, where there is no connection; `None` if it
    /// is a reset itself.
    //= RFC 9293 s3.10.7.1: a reset is never answered with one; else the numbers are such that the sender believes it.
    pub fn refusal(&self, data: usize) -> Option<TcpRepr> {
        if self.flags.has(Flags::RST) {
            return None;
        }
        let (seq, ack, flags) = if self.flags.has(Flags::ACK) {
            (self.ack, 0, Flags::RST)
        } else {
            // SYN and FIN take a number each.
            let controls = u32::from(self.flags.has(Flags::SYN)) + u32::from(self.flags.has(Flags::FIN));
            let len = (data as u32).wrapping_add(controls);
            (0, self.seq.wrapping_add(len), Flags::RST.with(Flags::ACK))
        };
        Some(TcpRepr { src_port: self.dst_port, dst_port: self.src_port, seq, ack, flags })
    }

    /// Bytes that [`TcpRepr::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    const ENDS: Ends = Ends::V4 { src: Ipv4Addr::new(192, 0, 2, 1), dst: Ipv4Addr::new(192, 0, 2, 2) };

    fn segment(flags: Flags) -> TcpRepr {
        TcpRepr { src_port: 0x1234, dst_port: 80, seq: u32::MAX, ack: 7, flags }
    }

    #[test]
    fn a_segment_reads_back() {
        let mut bytes = [0x5a; 23];
        segment(Flags::SYN).emit(ENDS, &mut bytes).unwrap();
        assert_eq!(bytes[..16], [0x12, 0x34, 0, 80, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 7, 0x50, 2, 0, 0]);
        assert_eq!(TcpRepr::parse(ENDS, &bytes), Ok((segment(Flags::SYN), &[0x5a; 3][..])));
        bytes[22] ^= 1;
        assert_eq!(TcpRepr::parse(ENDS, &bytes), Err(Malformed::BadChecksum));
        assert_eq!(TcpRepr::parse(ENDS, &bytes[..19]), Err(Malformed::Truncated));
        for offset in [0x40, 0x60] {
            bytes[12] = offset;
            assert_eq!(TcpRepr::parse(ENDS, &bytes), Err(Malformed::BadLength));
        }
        assert_eq!(segment(Flags::SYN).emit(ENDS, &mut [0; 19]), Err(Malformed::NoRoom));
    }

    #[test]
    fn a_reset_is_such_that_it_is_believed() {
        let of = |flags, data| segment(flags).refusal(data).map(|reset| (reset.seq, reset.ack, reset.flags));
        let both = Flags::RST.with(Flags::ACK);
        assert_eq!(of(Flags::SYN, 0), Some((0, 0, both)), "the SYN counts, and numbers wrap");
        assert_eq!(of(Flags::SYN.with(Flags::FIN), 10), Some((0, 11, both)));
        assert_eq!(of(Flags::default(), 10), Some((0, 9, both)));
        assert_eq!(of(Flags::SYN.with(Flags::ACK), 10), Some((7, 0, Flags::RST)));
        assert_eq!(of(Flags::RST, 0), None);
        assert_eq!(of(both, 0), None);
        let reset = segment(Flags::ACK).refusal(0).unwrap();
        assert_eq!((reset.src_port, reset.dst_port), (80, 0x1234));
    }
}

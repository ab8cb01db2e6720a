//! A TCP segment, as far as a state looks at it.

use siding_wire::Malformed;

/// What a segment is, by its control bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Asks for a connection.
    Syn,
    /// Grants one.
    SynAck,
    /// The last data.
    Fin,
    /// Data, or what has come.
    Ack,
    /// There is no connection.
    Rst,
}

/// A segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// What it is.
    pub kind: Kind,
    /// Its first sequence number.
    pub seq: u32,
    /// Behind its last: SYN and FIN have a number each.
    pub end: u32,
    /// What has come from the other side; `None` where it does not count.
    pub ack: Option<u32>,
    /// The window, as it stands in the header.
    pub window: u16,
    /// The shift that a SYN offers for windows (RFC 7323 s2.2), at most 14.
    pub scale: Option<u8>,
}

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

impl Segment {
    /// Reads a header with its options. `upper` is what follows the IP header, without what pads the frame.
    /// The checksum is left to the receiver.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below 20 bytes, [`Malformed::BadLength`] when the data offset is below 5 or beyond the
    /// bytes, [`Malformed::BadOption`] for control bits that no sender sets together.
    #[inline]
    pub fn parse(upper: &[u8]) -> Result<Segment, Malformed> {
        let (header, rest) = upper.split_first_chunk::<20>().ok_or(Malformed::Truncated)?;
        let options = usize::from(header[12] >> 4).checked_sub(5).ok_or(Malformed::BadLength)? * 4;
        let options = rest.get(..options).ok_or(Malformed::BadLength)?;
        let flags = header[13] & (FIN | SYN | RST | ACK);
        let kind = match flags {
            SYN => Kind::Syn,
            f if f == SYN | ACK => Kind::SynAck,
            f if f == FIN | ACK => Kind::Fin,
            ACK => Kind::Ack,
            f if f & !ACK == RST => Kind::Rst,
            // Nothing, FIN without ACK, SYN with FIN or RST: no sender means it.
            _ => return Err(Malformed::BadOption),
        };
        let word =
            |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let seq = word(4);
        let data = rest.len() - options.len();
        let counted = data as u32 + u32::from(matches!(kind, Kind::Syn | Kind::SynAck | Kind::Fin));
        let syn = flags & SYN != 0;
        Ok(Segment {
            kind,
            seq,
            end: seq.wrapping_add(counted),
            ack: (flags & ACK != 0).then_some(word(8)),
            window: u16::from_be_bytes([header[14], header[15]]),
            scale: if syn { scale(options) } else { None },
        })
    }

    /// Whether it bears a SYN.
    pub fn is_syn(&self) -> bool {
        matches!(self.kind, Kind::Syn | Kind::SynAck)
    }
}

/// The window scale option.
//= RFC 7323 s2.3: a shift above 14 counts as 14.
fn scale(mut options: &[u8]) -> Option<u8> {
    loop {
        match *options {
            [0, ..] | [] => return None,
            [1, ref rest @ ..] => options = rest,
            [3, 3, shift, ..] => return Some(shift.min(14)),
            [_, len, ..] => options = options.get(usize::from(len.max(2))..)?,
            [_] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(flags: u8, options: &[u8], data: usize) -> Vec<u8> {
        let mut bytes =
            vec![0x12, 0x34, 0, 80, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 9, 0, flags, 0x10, 0, 0, 0, 0, 0];
        bytes[12] = ((5 + options.len() / 4) as u8) << 4;
        bytes.extend_from_slice(options);
        bytes.resize(bytes.len() + data, 0x5a);
        bytes
    }

    #[test]
    fn a_syn_with_options_reads() {
        let syn = Segment::parse(&bytes(SYN, &[2, 4, 5, 0xb4, 1, 3, 3, 7], 0)).unwrap();
        let expected = Segment {
            kind: Kind::Syn,
            seq: u32::MAX - 1,
            end: u32::MAX,
            ack: None,
            window: 0x1000,
            scale: Some(7),
        };
        assert_eq!(syn, expected);
        let scale = |options: &[u8]| Segment::parse(&bytes(SYN, options, 0)).unwrap().scale;
        assert_eq!(scale(&[3, 3, 200, 0]), Some(14));
        assert_eq!(scale(&[0, 3, 3, 7]), None, "behind the end of options");
        assert_eq!(scale(&[9, 0, 3, 3, 7, 0, 0, 0]), Some(7), "an option without length does not hold us up");
        assert_eq!(scale(&[9, 40, 3, 3]), None);
        assert_eq!(
            Segment::parse(&bytes(ACK, &[3, 3, 7, 0], 0)).unwrap().scale,
            None,
            "a SYN's alone counts"
        );
    }

    #[test]
    fn numbers_wrap_and_fin_takes_one() {
        let fin = Segment::parse(&bytes(FIN | ACK, &[], 10)).unwrap();
        assert_eq!((fin.kind, fin.end, fin.ack), (Kind::Fin, 9, Some(9)));
    }

    #[test]
    fn bits_that_nobody_sets_together_are_refused() {
        for flags in [0, FIN, SYN | FIN, SYN | RST, SYN | RST | ACK, FIN | RST | ACK, SYN | FIN | ACK] {
            assert!(Segment::parse(&bytes(flags, &[], 0)).is_err(), "{flags:#x}");
        }
        for (flags, kind) in [(RST, Kind::Rst), (RST | ACK, Kind::Rst), (SYN | ACK, Kind::SynAck)] {
            // What says nothing here (PSH, URG, ECE, CWR) does not count.
            assert_eq!(Segment::parse(&bytes(flags | 0xe8, &[], 0)).unwrap().kind, kind);
        }
        assert_eq!(Segment::parse(&bytes(ACK, &[], 0)[..19]), Err(Malformed::Truncated));
        let mut short = bytes(ACK, &[], 0);
        short[12] = 0x40;
        assert_eq!(Segment::parse(&short), Err(Malformed::BadLength));
        short[12] = 0x60;
        assert_eq!(Segment::parse(&short), Err(Malformed::BadLength));
    }
}

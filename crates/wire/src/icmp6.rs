//! ICMPv6: RFC 4443. Neighbour discovery is in [`crate::nd`], multicast listener discovery in [`crate::mld`].

use core::fmt;
use core::net::Ipv6Addr;

use crate::IpProto;
use crate::Malformed;
use crate::checksum::Sum;
use crate::error::room;
use crate::ip6;

/// Bytes before the body of the messages read here: type, code, checksum and one word.
pub const HEADER_LEN: usize = 8;

/// An error message, its IPv6 header included, is at most this long.
//= RFC 4443 s2.4(c) [4443-2]: as much of the packet is quoted as keeps the error within the least MTU
pub const ERROR_MAX_LEN: usize = ip6::MIN_MTU;

/// How much of a packet of `invoking_len` bytes an error message quotes.
pub const fn quoted_len(invoking_len: usize) -> usize {
    let most = ERROR_MAX_LEN - ip6::HEADER_LEN - HEADER_LEN;
    if invoking_len < most { invoking_len } else { most }
}

/// The type of an ICMPv6 message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Icmp6Type(pub u8);

impl Icmp6Type {
    /// Destination unreachable.
    pub const DEST_UNREACHABLE: Icmp6Type = Icmp6Type(1);
    /// Packet too big.
    pub const PACKET_TOO_BIG: Icmp6Type = Icmp6Type(2);
    /// Time exceeded.
    pub const TIME_EXCEEDED: Icmp6Type = Icmp6Type(3);
    /// Parameter problem.
    pub const PARAM_PROBLEM: Icmp6Type = Icmp6Type(4);
    /// Echo request.
    pub const ECHO_REQUEST: Icmp6Type = Icmp6Type(128);
    /// Echo reply.
    pub const ECHO_REPLY: Icmp6Type = Icmp6Type(129);
    /// Multicast listener query, of either version.
    pub const MLD_QUERY: Icmp6Type = Icmp6Type(130);
    /// MLDv1 report.
    pub const MLD_REPORT: Icmp6Type = Icmp6Type(131);
    /// MLDv1 done.
    pub const MLD_DONE: Icmp6Type = Icmp6Type(132);
    /// Router solicitation.
    pub const ROUTER_SOLICIT: Icmp6Type = Icmp6Type(133);
    /// Router advertisement.
    pub const ROUTER_ADVERT: Icmp6Type = Icmp6Type(134);
    /// Neighbour solicitation.
    pub const NEIGHBOR_SOLICIT: Icmp6Type = Icmp6Type(135);
    /// Neighbour advertisement.
    pub const NEIGHBOR_ADVERT: Icmp6Type = Icmp6Type(136);
    /// Redirect.
    pub const REDIRECT: Icmp6Type = Icmp6Type(137);
    /// MLDv2 report.
    pub const MLD_REPORT_V2: Icmp6Type = Icmp6Type(143);

    /// Whether messages of this type report errors: those below 128.
    pub const fn is_error(self) -> bool {
        self.0 < 128
    }

    /// Whether [`crate::nd::validate`] reads this type.
    pub const fn is_nd(self) -> bool {
        self.0 >= Icmp6Type::ROUTER_SOLICIT.0 && self.0 <= Icmp6Type::REDIRECT.0
    }

    /// Whether [`crate::mld::validate`] reads this type.
    pub const fn is_mld(self) -> bool {
        self.0 >= Icmp6Type::MLD_QUERY.0 && self.0 <= Icmp6Type::MLD_DONE.0
            || self.0 == Icmp6Type::MLD_REPORT_V2.0
    }
}

impl fmt::Debug for Icmp6Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type {}", self.0)
    }
}

/// Codes of destination unreachable (RFC 4443 s3.1).
pub mod unreachable {
    /// No route to the destination.
    pub const NO_ROUTE: u8 = 0;
    /// Administratively prohibited.
    pub const PROHIBITED: u8 = 1;
    /// Beyond the scope of the source address.
    pub const BEYOND_SCOPE: u8 = 2;
    /// Address unreachable: the neighbour did not answer.
    pub const ADDRESS: u8 = 3;
    /// Nothing listens on the port.
    pub const PORT: u8 = 4;
    /// The source address failed a policy.
    pub const SOURCE_POLICY: u8 = 5;
    /// The route says reject.
    pub const REJECT: u8 = 6;
}

/// Codes of time exceeded (RFC 4443 s3.3).
pub mod exceeded {
    /// The hop limit ran out on the way.
    pub const HOP_LIMIT: u8 = 0;
    /// Not all fragments came in time.
    pub const REASSEMBLY: u8 = 1;
}

/// Codes of parameter problem (RFC 4443 s3.4, RFC 7112 s5).
pub mod problem {
    /// An erroneous header field.
    pub const FIELD: u8 = 0;
    /// An unrecognised next header.
    pub const NEXT_HEADER: u8 = 1;
    /// An unrecognised IPv6 option.
    pub const OPTION: u8 = 2;
    /// The first fragment lacks part of the header chain.
    pub const FIRST_FRAGMENT: u8 = 3;
}

/// The header of an ICMPv6 message; what follows is the quoted packet of an error, or the data of an echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icmp6Repr {
    /// The packet could not be delivered.
    DestUnreachable {
        /// One of [`mod@unreachable`].
        code: u8,
    },
    /// The packet exceeds the next link's MTU.
    PacketTooBig {
        /// That MTU, in bytes.
        mtu: u32,
    },
    /// The packet took too long.
    TimeExceeded {
        /// One of [`exceeded`].
        code: u8,
    },
    /// The packet's header could not be understood.
    ParamProblem {
        /// One of [`problem`].
        code: u8,
        /// The octet at fault, counted from the start of the packet.
        pointer: u32,
    },
    /// Please answer.
    EchoRequest {
        /// Whose request this is.
        ident: u16,
        /// Which of them.
        seq: u16,
    },
    /// The answer.
    EchoReply {
        /// As in the request.
        ident: u16,
        /// As in the request.
        seq: u16,
    },
    /// Any other type, neighbour discovery and MLD among them. The word belongs to the type.
    Other {
        /// The type.
        kind: Icmp6Type,
        /// The code.
        code: u8,
        /// What follows the checksum, as a number; 0 if the message ends before.
        word: u32,
    },
}

impl Icmp6Repr {
    /// Reads a message, checksum verified; returns its header and its body.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below 4 bytes, or below 8 for the types known here;
    /// [`Malformed::BadChecksum`].
    pub fn parse(src: Ipv6Addr, dst: Ipv6Addr, message: &[u8]) -> Result<(Icmp6Repr, &[u8]), Malformed> {
        let (&[kind, code, _, _], rest) = message.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
        if !verify(src, dst, message) {
            return Err(Malformed::BadChecksum);
        }
        let kind = Icmp6Type(kind);
        let (word, body) = match rest.split_first_chunk::<4>() {
            Some((word, body)) => (u32::from_be_bytes(*word), body),
            None if is_known(kind) => return Err(Malformed::Truncated),
            None => (0, &[][..]),
        };
        let (high, low) = ((word >> 16) as u16, word as u16);
        let repr = match kind {
            Icmp6Type::DEST_UNREACHABLE => Icmp6Repr::DestUnreachable { code },
            Icmp6Type::PACKET_TOO_BIG => Icmp6Repr::PacketTooBig { mtu: word },
            Icmp6Type::TIME_EXCEEDED => Icmp6Repr::TimeExceeded { code },
            Icmp6Type::PARAM_PROBLEM => Icmp6Repr::ParamProblem { code, pointer: word },
            Icmp6Type::ECHO_REQUEST => Icmp6Repr::EchoRequest { ident: high, seq: low },
            Icmp6Type::ECHO_REPLY => Icmp6Repr::EchoReply { ident: high, seq: low },
            _ => Icmp6Repr::Other { kind, code, word },
        };
        Ok((repr, body))
    }

    /// Writes the header to the front of `message`, whose body is in place behind it, with the checksum of
    /// all.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 8 bytes.
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, message: &mut [u8]) -> Result<(), Malformed> {
        let (code, word) = match *self {
            Icmp6Repr::DestUnreachable { code } | Icmp6Repr::TimeExceeded { code } => (code, 0),
            Icmp6Repr::PacketTooBig { mtu } => (0, mtu),
            Icmp6Repr::ParamProblem { code, pointer } => (code, pointer),
            Icmp6Repr::EchoRequest { ident, seq } | Icmp6Repr::EchoReply { ident, seq } => {
                (0, u32::from(ident) << 16 | u32::from(seq))
            }
            Icmp6Repr::Other { code, word, .. } => (code, word),
        };
        let [a, b, c, d] = word.to_be_bytes();
        *room::<HEADER_LEN>(message)? = [self.kind().0, code, 0, 0, a, b, c, d];
        fill_checksum(src, dst, message);
        Ok(())
    }

    /// Bytes that [`Icmp6Repr::emit`] writes before the body.
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// The message's type.
    pub const fn kind(&self) -> Icmp6Type {
        match *self {
            Icmp6Repr::DestUnreachable { .. } => Icmp6Type::DEST_UNREACHABLE,
            Icmp6Repr::PacketTooBig { .. } => Icmp6Type::PACKET_TOO_BIG,
            Icmp6Repr::TimeExceeded { .. } => Icmp6Type::TIME_EXCEEDED,
            Icmp6Repr::ParamProblem { .. } => Icmp6Type::PARAM_PROBLEM,
            Icmp6Repr::EchoRequest { .. } => Icmp6Type::ECHO_REQUEST,
            Icmp6Repr::EchoReply { .. } => Icmp6Type::ECHO_REPLY,
            Icmp6Repr::Other { kind, .. } => kind,
        }
    }

    /// Whether this reports an error, and so must never be answered with one (RFC 4443 s2.4(e)).
    pub const fn is_error(&self) -> bool {
        self.kind().is_error()
    }
}

/// Whether the checksum of a whole message is right.
pub fn verify(src: Ipv6Addr, dst: Ipv6Addr, message: &[u8]) -> bool {
    Sum::pseudo6(src, dst, IpProto::ICMP6, message.len() as u32).with(message).is_valid()
}

/// Puts the checksum into a whole message; nothing happens to one of less than 4 bytes.
pub(crate) fn fill_checksum(src: Ipv6Addr, dst: Ipv6Addr, message: &mut [u8]) {
    if let Some(field) = message.get_mut(2..4) {
        field.fill(0);
    }
    let checksum = Sum::pseudo6(src, dst, IpProto::ICMP6, message.len() as u32).with(message).finish();
    if let Some(field) = message.get_mut(2..4) {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
}

fn is_known(kind: Icmp6Type) -> bool {
    kind >= Icmp6Type::DEST_UNREACHABLE && kind <= Icmp6Type::PARAM_PROBLEM
        || kind == Icmp6Type::ECHO_REQUEST
        || kind == Icmp6Type::ECHO_REPLY
}

#[cfg(test)]
mod tests {
    use super::*;

    const SRC: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const DST: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
    // Pseudo header fe80+1+fe80+2+a+3a = 1fd47; message 8000+1234+1+aabb = 13cf0; sum 33a37, 3a3a; complement
    // c5c5.
    const ECHO: [u8; 10] = [128, 0, 0xc5, 0xc5, 0x12, 0x34, 0x00, 0x01, 0xaa, 0xbb];

    #[test]
    fn an_echo_request_by_hand() {
        let repr = Icmp6Repr::EchoRequest { ident: 0x1234, seq: 1 };
        assert_eq!(Icmp6Repr::parse(SRC, DST, &ECHO), Ok((repr, &[0xaa, 0xbb][..])));
        let mut out = [9, 9, 9, 9, 9, 9, 9, 9, 0xaa, 0xbb];
        repr.emit(SRC, DST, &mut out).unwrap();
        assert_eq!(out, ECHO);
    }

    #[test]
    fn the_pseudo_header_counts() {
        assert_eq!(Icmp6Repr::parse(SRC, SRC, &ECHO), Err(Malformed::BadChecksum));
        let mut message = ECHO;
        message[9] ^= 1;
        assert_eq!(Icmp6Repr::parse(SRC, DST, &message), Err(Malformed::BadChecksum));
    }

    #[test]
    fn every_header_reads_back() {
        for repr in [
            Icmp6Repr::DestUnreachable { code: unreachable::ADDRESS },
            Icmp6Repr::PacketTooBig { mtu: 0x1234_5678 },
            Icmp6Repr::TimeExceeded { code: exceeded::REASSEMBLY },
            Icmp6Repr::ParamProblem { code: problem::OPTION, pointer: 0x0102_0304 },
            Icmp6Repr::EchoReply { ident: 7, seq: 0xfffe },
            Icmp6Repr::Other { kind: Icmp6Type(100), code: 3, word: 9 },
        ] {
            let mut out = [0x55; 11];
            repr.emit(SRC, DST, &mut out).unwrap();
            assert_eq!(Icmp6Repr::parse(SRC, DST, &out), Ok((repr, &[0x55; 3][..])));
        }
    }

    #[test]
    fn unknown_types_need_only_four_octets_4443_2() {
        let mut message = [200, 1, 0, 0];
        fill_checksum(SRC, DST, &mut message);
        let other = Icmp6Repr::Other { kind: Icmp6Type(200), code: 1, word: 0 };
        assert_eq!(Icmp6Repr::parse(SRC, DST, &message), Ok((other, &[][..])));
        assert!(!other.is_error());
        assert!(Icmp6Repr::Other { kind: Icmp6Type(127), code: 0, word: 0 }.is_error());
        let mut message = [1, 0, 0, 0, 0, 0, 0];
        fill_checksum(SRC, DST, &mut message);
        assert_eq!(Icmp6Repr::parse(SRC, DST, &message), Err(Malformed::Truncated));
        assert_eq!(Icmp6Repr::parse(SRC, DST, &message[..3]), Err(Malformed::Truncated));
    }

    #[test]
    fn an_error_never_exceeds_the_least_mtu_4443_2() {
        assert_eq!(quoted_len(100), 100);
        assert_eq!(quoted_len(1232), 1232);
        assert_eq!(quoted_len(1500) + HEADER_LEN + ip6::HEADER_LEN, 1280);
    }

    #[test]
    fn types_belong_to_one_parser() {
        for kind in 0..=255 {
            let kind = Icmp6Type(kind);
            assert_eq!(kind.is_nd(), (133..=137).contains(&kind.0));
            assert_eq!(kind.is_mld(), matches!(kind.0, 130..=132 | 143));
        }
    }
}

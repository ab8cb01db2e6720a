//! ICMP for IPv4: RFC 792, the next-hop MTU of RFC 1191.

use crate::Malformed;
use crate::checksum;
use crate::error::room;

/// Bytes before the body: type, code, checksum and one word.
pub const HEADER_LEN: usize = 8;

/// Codes of destination unreachable (RFC 792, RFC 1122 s3.2.2.1).
pub mod unreachable {
    /// No route to the network.
    pub const NET: u8 = 0;
    /// The host does not answer.
    pub const HOST: u8 = 1;
    /// The host has no such protocol.
    pub const PROTOCOL: u8 = 2;
    /// Nothing listens on the port.
    pub const PORT: u8 = 3;
    /// Too big, and not to be fragmented.
    pub const FRAG_NEEDED: u8 = 4;
    /// Administratively prohibited.
    pub const PROHIBITED: u8 = 13;
}

/// Codes of time exceeded (RFC 792).
pub mod exceeded {
    /// The time to live ran out on the way.
    pub const TTL: u8 = 0;
    /// Not all fragments came in time.
    pub const REASSEMBLY: u8 = 1;
}

/// The header of an ICMP message; what follows is the quoted packet of an error, or the data of an echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icmp4Repr {
    /// The answer to an echo request.
    EchoReply {
        /// As in the request.
        ident: u16,
        /// As in the request.
        seq: u16,
    },
    /// Please answer.
    EchoRequest {
        /// Whose request this is.
        ident: u16,
        /// Which of them.
        seq: u16,
    },
    /// The packet could not be delivered.
    DestUnreachable {
        /// One of [`mod@unreachable`].
        code: u8,
        /// With [`unreachable::FRAG_NEEDED`], the next hop's MTU in bytes, or 0 from a router older than RFC
        /// 1191; with other codes 0.
        mtu: u16,
    },
    /// The packet took too long.
    TimeExceeded {
        /// One of [`exceeded`].
        code: u8,
    },
    /// The packet's header could not be understood.
    ParamProblem {
        /// 0: see the pointer; 1: an option is missing.
        code: u8,
        /// The octet at fault, counted from the start of the packet.
        pointer: u8,
    },
    /// Any other type. The word belongs to the type.
    Other {
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
        /// What follows the checksum, as a number.
        word: u32,
    },
}

impl Icmp4Repr {
    /// Reads a message, checksum verified; returns its header and its body.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below 8 bytes, [`Malformed::BadChecksum`].
    pub fn parse(message: &[u8]) -> Result<(Icmp4Repr, &[u8]), Malformed> {
        let (header, body) = message.split_first_chunk::<HEADER_LEN>().ok_or(Malformed::Truncated)?;
        if !checksum::verify(message) {
            return Err(Malformed::BadChecksum);
        }
        let [kind, code, _, _, a, b, c, d] = *header;
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let repr = match kind {
            ECHO_REPLY => Icmp4Repr::EchoReply { ident: high, seq: low },
            ECHO_REQUEST => Icmp4Repr::EchoRequest { ident: high, seq: low },
            DEST_UNREACHABLE => {
                let mtu = if code == unreachable::FRAG_NEEDED { low } else { 0 };
                Icmp4Repr::DestUnreachable { code, mtu }
            }
            TIME_EXCEEDED => Icmp4Repr::TimeExceeded { code },
            PARAM_PROBLEM => Icmp4Repr::ParamProblem { code, pointer: a },
            _ => Icmp4Repr::Other { kind, code, word: u32::from_be_bytes([a, b, c, d]) },
        };
        Ok((repr, body))
    }

    /// Writes the header to the front of `message`, whose body is in place behind it, with the checksum of
    /// all.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 8 bytes.
    pub fn emit(&self, message: &mut [u8]) -> Result<(), Malformed> {
        let (kind, code, word) = match *self {
            Icmp4Repr::EchoReply { ident, seq } => (ECHO_REPLY, 0, u32::from(ident) << 16 | u32::from(seq)),
            Icmp4Repr::EchoRequest { ident, seq } => {
                (ECHO_REQUEST, 0, u32::from(ident) << 16 | u32::from(seq))
            }
            Icmp4Repr::DestUnreachable { code, mtu } => (DEST_UNREACHABLE, code, u32::from(mtu)),
            Icmp4Repr::TimeExceeded { code } => (TIME_EXCEEDED, code, 0),
            Icmp4Repr::ParamProblem { code, pointer } => (PARAM_PROBLEM, code, u32::from(pointer) << 24),
            Icmp4Repr::Other { kind, code, word } => (kind, code, word),
        };
        let [a, b, c, d] = word.to_be_bytes();
        *room::<HEADER_LEN>(message)? = [kind, code, 0, 0, a, b, c, d];
        let sum = checksum::of(message);
        if let Some(field) = message.get_mut(2..4) {
            field.copy_from_slice(&sum.to_be_bytes());
        }
        Ok(())
    }

    /// Bytes that [`Icmp4Repr::emit`] writes before the body.
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }
}

const ECHO_REPLY: u8 = 0;
const DEST_UNREACHABLE: u8 = 3;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAM_PROBLEM: u8 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    // 0800+1234+1+aabb = c4f0; complement 3b0f.
    const ECHO: [u8; 10] = [8, 0, 0x3b, 0x0f, 0x12, 0x34, 0x00, 0x01, 0xaa, 0xbb];

    #[test]
    fn an_echo_request_by_hand() {
        let repr = Icmp4Repr::EchoRequest { ident: 0x1234, seq: 1 };
        assert_eq!(Icmp4Repr::parse(&ECHO), Ok((repr, &[0xaa, 0xbb][..])));
        let mut out = [9, 9, 9, 9, 9, 9, 9, 9, 0xaa, 0xbb];
        repr.emit(&mut out).unwrap();
        assert_eq!(out, ECHO);
        out[8] ^= 1;
        assert_eq!(Icmp4Repr::parse(&out), Err(Malformed::BadChecksum));
        assert_eq!(Icmp4Repr::parse(&ECHO[..7]), Err(Malformed::Truncated));
        assert_eq!(repr.emit(&mut out[..7]), Err(Malformed::NoRoom));
    }

    #[test]
    fn every_header_reads_back() {
        for repr in [
            Icmp4Repr::EchoReply { ident: 1, seq: 0xfffe },
            Icmp4Repr::DestUnreachable { code: unreachable::FRAG_NEEDED, mtu: 1400 },
            Icmp4Repr::DestUnreachable { code: unreachable::HOST, mtu: 0 },
            Icmp4Repr::TimeExceeded { code: exceeded::TTL },
            Icmp4Repr::ParamProblem { code: 0, pointer: 20 },
            Icmp4Repr::Other { kind: 13, code: 1, word: 0x0102_0304 },
        ] {
            let mut out = [0x55; 11];
            repr.emit(&mut out).unwrap();
            assert_eq!(Icmp4Repr::parse(&out), Ok((repr, &[0x55; 3][..])));
        }
    }

    #[test]
    fn the_mtu_stands_in_the_low_half_and_only_with_its_code() {
        let mut out = [0; 8];
        Icmp4Repr::DestUnreachable { code: unreachable::FRAG_NEEDED, mtu: 0x0578 }.emit(&mut out).unwrap();
        assert_eq!(out[..2], [3, 4]);
        assert_eq!(out[4..], [0, 0, 0x05, 0x78]);
        Icmp4Repr::Other { kind: 3, code: 1, word: 0x0578 }.emit(&mut out).unwrap();
        assert_eq!(
            Icmp4Repr::parse(&out).map(|(repr, _)| repr),
            Ok(Icmp4Repr::DestUnreachable { code: unreachable::HOST, mtu: 0 })
        );
    }
}

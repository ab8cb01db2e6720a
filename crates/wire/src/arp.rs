//! ARP for IPv4 over Ethernet: RFC 826, and the packets of address conflict detection, RFC 5227.

use core::net::Ipv4Addr;

use zerocopy::FromBytes;
use zerocopy::Immutable;
use zerocopy::IntoBytes;
use zerocopy::KnownLayout;
use zerocopy::Unaligned;
use zerocopy::network_endian::U16;

use crate::EtherType;
use crate::Mac;
use crate::Malformed;
use crate::error::room;

/// Bytes of an ARP packet for IPv4 over Ethernet, frame header and padding not counted.
pub const ARP_LEN: usize = 28;

/// The opcode. Others than request and reply are kept, as RFC 826 looks at the opcode last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ArpOp(pub u16);

impl ArpOp {
    /// Who has this address?
    pub const REQUEST: ArpOp = ArpOp(1);
    /// I have.
    pub const REPLY: ArpOp = ArpOp(2);
    /// Who am I? In frames of reverse ARP only (RFC 903).
    pub const REVERSE_REQUEST: ArpOp = ArpOp(3);
}

/// An ARP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArpRepr {
    /// What it is for.
    pub op: ArpOp,
    /// Sender hardware address.
    pub sha: Mac,
    /// Sender protocol address; 0.0.0.0 in a probe.
    pub spa: Ipv4Addr,
    /// Target hardware address; zero in a request.
    pub tha: Mac,
    /// Target protocol address.
    pub tpa: Ipv4Addr,
}

impl ArpRepr {
    /// Asks who has `tpa`, for the sender `sha` with `spa`.
    pub const fn request(sha: Mac, spa: Ipv4Addr, tpa: Ipv4Addr) -> ArpRepr {
        ArpRepr { op: ArpOp::REQUEST, sha, spa, tha: Mac::ZERO, tpa }
    }

    /// Asks whether anyone has `tpa` already, without claiming it.
    pub const fn probe(sha: Mac, tpa: Ipv4Addr) -> ArpRepr {
        //= RFC 5227 s2.1.1 [5227-1]: sender protocol and target hardware address are zero
        ArpRepr::request(sha, Ipv4Addr::UNSPECIFIED, tpa)
    }

    /// Tells everyone that `sha` has `spa` (gratuitous ARP).
    pub const fn announcement(sha: Mac, spa: Ipv4Addr) -> ArpRepr {
        //= RFC 5227 s2.3 [5227-3]: a request with the address as both sender and target
        ArpRepr::request(sha, spa, spa)
    }

    /// What `sha` answers to this request, addressed to its sender.
    pub const fn reply(&self, sha: Mac) -> ArpRepr {
        //= RFC 826 [826-1]: the answer swaps the fields and goes to the sender's hardware address
        ArpRepr { op: ArpOp::REPLY, sha, spa: self.tpa, tha: self.sha, tpa: self.spa }
    }

    /// Reads a packet; bytes beyond the 28th are padding.
    ///
    /// # Errors
    /// [`Malformed::Truncated`], or [`Malformed::BadAddressKind`] for other address spaces or address
    /// lengths.
    pub fn parse(bytes: &[u8]) -> Result<ArpRepr, Malformed> {
        let (raw, _padding) = Raw::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        //= RFC 826 [826-1]: hardware and protocol spaces and lengths are checked before all else
        if raw.hrd.get() != HRD_ETHERNET || raw.hln != 6 {
            return Err(Malformed::BadAddressKind);
        }
        if raw.pro.get() != EtherType::IPV4.0 || raw.pln != 4 {
            return Err(Malformed::BadAddressKind);
        }
        Ok(ArpRepr {
            op: ArpOp(raw.op.get()),
            sha: raw.sha,
            spa: Ipv4Addr::from(raw.spa),
            tha: raw.tha,
            tpa: Ipv4Addr::from(raw.tpa),
        })
    }

    /// Writes the packet to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 28 bytes.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        *room::<ARP_LEN>(out)? = self.to_bytes();
        Ok(ARP_LEN)
    }

    /// The packet as it goes on the wire.
    pub fn to_bytes(&self) -> [u8; ARP_LEN] {
        zerocopy::transmute!(Raw {
            hrd: U16::new(HRD_ETHERNET),
            pro: U16::new(EtherType::IPV4.0),
            hln: 6,
            pln: 4,
            op: U16::new(self.op.0),
            sha: self.sha,
            spa: self.spa.octets(),
            tha: self.tha,
            tpa: self.tpa.octets(),
        })
    }

    /// Bytes that [`ArpRepr::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        ARP_LEN
    }

    /// Whether this asks about an address without claiming one.
    pub const fn is_probe(&self) -> bool {
        matches!(self.op, ArpOp::REQUEST) && self.spa.is_unspecified()
    }

    /// Whether sender and target are the same address: a gratuitous request or reply.
    pub fn is_announcement(&self) -> bool {
        self.spa == self.tpa && !self.spa.is_unspecified()
    }

    /// Whether the sender's pair of addresses could belong to one station, and so may be learned.
    ///
    /// Whether it is the receiver's *own* address only the receiver can tell.
    pub const fn sender_is_learnable(&self) -> bool {
        //= RFC 5227 s1.1 [826-2]: no group or zero hardware address, no empty protocol address
        self.sha.is_unicast()
            && !self.spa.is_unspecified()
            && !self.spa.is_multicast()
            && !self.spa.is_broadcast()
    }
}

const HRD_ETHERNET: u16 = 1;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Raw {
    hrd: U16,
    pro: U16,
    hln: u8,
    pln: u8,
    op: U16,
    sha: Mac,
    spa: [u8; 4],
    tha: Mac,
    tpa: [u8; 4],
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const B: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const IP_A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const IP_B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

    #[rustfmt::skip]
    const REQUEST: [u8; 28] = [
        0, 1, 8, 0, 6, 4, 0, 1,
        2, 0, 0, 0, 0, 1, 192, 0, 2, 1,
        0, 0, 0, 0, 0, 0, 192, 0, 2, 2,
    ];

    #[test]
    fn a_request_by_hand() {
        let request = ArpRepr::request(A, IP_A, IP_B);
        assert_eq!(request.to_bytes(), REQUEST);
        let mut padded = [0xee; 46];
        padded[..28].copy_from_slice(&REQUEST);
        assert_eq!(ArpRepr::parse(&padded), Ok(request));
        assert_eq!(ArpRepr::parse(&REQUEST[..27]), Err(Malformed::Truncated));
    }

    #[test]
    fn each_address_space_and_length_is_checked_826_1() {
        // hrd, pro, hln, pln; the reserved half of each 16-bit field too.
        for at in 0..6 {
            let mut bytes = REQUEST;
            bytes[at] ^= 0x40;
            assert_eq!(ArpRepr::parse(&bytes), Err(Malformed::BadAddressKind), "octet {at}");
        }
    }

    #[test]
    fn an_unknown_opcode_is_still_a_packet_826_1() {
        let mut bytes = REQUEST;
        bytes[7] = 9;
        assert_eq!(ArpRepr::parse(&bytes).map(|arp| arp.op), Ok(ArpOp(9)));
    }

    #[test]
    fn the_reply_goes_to_the_sender_826_1() {
        let reply = ArpRepr::request(A, IP_A, IP_B).reply(B);
        assert_eq!(reply, ArpRepr { op: ArpOp::REPLY, sha: B, spa: IP_B, tha: A, tpa: IP_A });
    }

    #[test]
    fn no_one_is_learned_from_impossible_senders_826_2() {
        let good = ArpRepr::request(A, IP_A, IP_B);
        assert!(good.sender_is_learnable());
        for sha in [Mac::ZERO, Mac::BROADCAST, Mac([1, 0, 0x5e, 0, 0, 1])] {
            assert!(!ArpRepr { sha, ..good }.sender_is_learnable(), "{sha}");
        }
        for spa in [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1)] {
            assert!(!ArpRepr { spa, ..good }.sender_is_learnable(), "{spa}");
        }
    }

    #[test]
    fn probes_and_announcements_5227_1_5227_3() {
        let probe = ArpRepr::probe(A, IP_A);
        assert_eq!((probe.spa, probe.tha, probe.op), (Ipv4Addr::UNSPECIFIED, Mac::ZERO, ArpOp::REQUEST));
        assert!(probe.is_probe() && !probe.is_announcement());
        let announcement = ArpRepr::announcement(A, IP_A);
        assert!(announcement.is_announcement() && !announcement.is_probe());
        assert!(!ArpRepr::request(A, IP_A, IP_B).is_announcement());
        assert!(!ArpRepr { op: ArpOp::REPLY, ..probe }.is_probe());
    }
}

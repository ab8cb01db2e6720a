//! A packet as rules look at it: parsed once, whichever rules follow.
//!
//! The walk over extension headers is Linux's for nftables: an authentication header is what a packet bears, though headers
//! behind it are found, too; a later fragment's protocol is what its fragment header says, and where the chain cannot be followed there is
//! none.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

/// More headers than this are not walked: no packet of good will has them.
pub const MOST_HEADERS: usize = 12;

const HBH: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const ESP: u8 = 50;
const AH: u8 = 51;
const NONE: u8 = 59;
const DST: u8 = 60;
const MH: u8 = 135;

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What stood before the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// From.
    pub src: [u8; 6],
    /// To.
    pub dst: [u8; 6],
}

/// What makes a packet a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Where it belongs, in octets.
    pub offset: u16,
    /// Not the last one.
    pub more: bool,
    /// Which packet it is a piece of.
    pub ident: u32,
}

/// What is no packet at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Shorter than its header.
    #[error("shorter than its IP header")]
    Truncated,
    /// Neither 4 nor 6.
    #[error("of an IP version that is neither 4 nor 6")]
    Version,
    /// A header or a length that cannot be.
    #[error("with a header length that cannot be")]
    Length,
}

/// Why a chain of headers does not lead to an upper layer (RFC 7112, RFC 8200 s4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// It is cut short.
    #[error("the chain of headers is cut short")]
    Truncated,
    /// It has more headers than are walked.
    #[error("the chain has more than {MOST_HEADERS} headers")]
    TooMany,
    /// Hop-by-hop options elsewhere than first.
    #[error("hop-by-hop options stand elsewhere than first")]
    HopByHopNotFirst,
    /// A later fragment whose fragment header announces another extension header.
    #[error("a later fragment begins with an extension header")]
    InFragment,
}

/// A packet, parsed.
#[derive(Debug, Clone)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    family: Family,
    len: u32,
    src: u128,
    dst: u128,
    protocol: Option<u8>,
    transport: Option<u16>,
    fragment: Option<Fragment>,
    headers: [(u8, u16); MOST_HEADERS],
    count: u8,
    chain: Option<ChainError>,
    link: Option<Link>,
}

impl<'a> Packet<'a> {
    /// Parses a packet from its IP header on; what follows its stated length is cut off.
    ///
    /// # Errors
    /// [`ParseError`] if it has no IP header that could be one.
    pub fn parse(bytes: &'a [u8], link: Option<Link>) -> Result<Packet<'a>, ParseError> {
        Packet::read(bytes, link, false)
    }

    /// The same of a packet that an ICMP error quotes: it may be shorter than it says.
    ///
    /// # Errors
    /// As [`parse`](Packet::parse).
    pub fn parse_quoted(bytes: &'a [u8]) -> Result<Packet<'a>, ParseError> {
        Packet::read(bytes, None, true)
    }

    fn read(bytes: &'a [u8], link: Option<Link>, quoted: bool) -> Result<Packet<'a>, ParseError> {
        match bytes.first().map(|byte| byte >> 4) {
            Some(6) => Packet::read6(bytes, link, quoted),
            Some(4) => Packet::read4(bytes, link, quoted),
            Some(_) => Err(ParseError::Version),
            None => Err(ParseError::Truncated),
        }
    }

    fn read4(bytes: &'a [u8], link: Option<Link>, quoted: bool) -> Result<Packet<'a>, ParseError> {
        let header: &[u8; 20] = bytes.first_chunk().ok_or(ParseError::Truncated)?;
        let start = usize::from(header[0] & 15) * 4;
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if start < 20 || start > bytes.len() || len < start {
            return Err(ParseError::Length);
        }
        if len > bytes.len() && !quoted {
            return Err(ParseError::Length);
        }
        let word = u16::from_be_bytes([header[6], header[7]]);
        let (offset, more) = ((word & 0x1fff) << 3, word & 0x2000 != 0);
        let ident = u32::from(u16::from_be_bytes([header[4], header[5]]));
        let fragment = (offset != 0 || more).then_some(Fragment { offset, more, ident });
        let addr = |at: usize| {
            u128::from(u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]))
        };
        Ok(Packet {
            bytes: bytes.get(..len).unwrap_or(bytes),
            family: Family::V4,
            len: len as u32,
            src: addr(12),
            dst: addr(16),
            protocol: Some(header[9]),
            transport: (offset == 0).then_some(start as u16),
            fragment,
            headers: [(0, 0); MOST_HEADERS],
            count: 0,
            chain: None,
            link,
        })
    }

    fn read6(bytes: &'a [u8], link: Option<Link>, quoted: bool) -> Result<Packet<'a>, ParseError> {
        let header: &[u8; 40] = bytes.first_chunk().ok_or(ParseError::Truncated)?;
        let len = 40 + usize::from(u16::from_be_bytes([header[4], header[5]]));
        if len > bytes.len() && !quoted {
            return Err(ParseError::Length);
        }
        let addr = |at: usize| {
            let octets: Option<&[u8; 16]> = header[at..].first_chunk();
            octets.map_or(0, |octets| u128::from_be_bytes(*octets))
        };
        let mut packet = Packet {
            bytes: bytes.get(..len).unwrap_or(bytes),
            family: Family::V6,
            len: len as u32,
            src: addr(8),
            dst: addr(24),
            protocol: Some(header[6]),
            transport: Some(40),
            fragment: None,
            headers: [(0, 0); MOST_HEADERS],
            count: 0,
            chain: None,
            link,
        };
        if matches!(header[6], HBH | ROUTING | FRAGMENT | AH | DST) {
            packet.walk(header[6]);
        }
        Ok(packet)
    }

    fn walk(&mut self, first: u8) {
        let mut borne = None;
        self.follow(first, &mut borne);
        if borne.is_some() {
            (self.protocol, self.transport, self.chain) = (Some(AH), borne, None);
        }
    }

    /// Goes from header to header. `borne` is where the first authentication header stands.
    fn follow(&mut self, first: u8, borne: &mut Option<u16>) {
        let mut next = first;
        let mut at = 40_usize;
        loop {
            if next == AH {
                borne.get_or_insert(at as u16);
            }
            if !matches!(next, HBH | ROUTING | FRAGMENT | AH | DST) {
                self.protocol = Some(next);
                self.transport = Some(at as u16);
                return;
            }
            let (Some(&[following, size]), None) =
                (self.bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()), self.chain)
            else {
                return self.stop(ChainError::Truncated);
            };
            let len = match next {
                FRAGMENT => 8,
                AH => (usize::from(size) + 2) * 4,
                _ => (usize::from(size) + 1) * 8,
            };
            if self.bytes.len() < at + len.min(8) {
                return self.stop(ChainError::Truncated);
            }
            if usize::from(self.count) == MOST_HEADERS {
                return self.stop(ChainError::TooMany);
            }
            if next == HBH && at != 40 {
                return self.stop(ChainError::HopByHopNotFirst);
            }
            self.headers[usize::from(self.count)] = (next, at as u16);
            self.count += 1;
            if next == FRAGMENT && self.later_fragment(at, following) {
                return;
            }
            at += len;
            next = following;
            if at > self.bytes.len() {
                return self.stop(ChainError::Truncated);
            }
        }
    }

    /// Reads a fragment header; whether the walk ends there.
    fn later_fragment(&mut self, at: usize, following: u8) -> bool {
        let Some(&[_, _, high, low, a, b, c, d]) =
            self.bytes.get(at..).and_then(|rest| rest.first_chunk::<8>())
        else {
            return false;
        };
        let field = u16::from_be_bytes([high, low]);
        let fragment =
            Fragment { offset: field & !7, more: field & 1 != 0, ident: u32::from_be_bytes([a, b, c, d]) };
        self.fragment = Some(fragment);
        if fragment.offset == 0 {
            return false;
        }
        self.transport = None;
        if matches!(following, HBH | ROUTING | FRAGMENT | AH | DST) {
            self.stop(ChainError::InFragment);
        } else {
            self.protocol = Some(following);
        }
        true
    }

    fn stop(&mut self, why: ChainError) {
        self.chain = Some(why);
        self.protocol = None;
        self.transport = None;
    }

    /// Its octets from the IP header on.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// IPv4 or IPv6.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Its length as it says, from the IP header on.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Never: a packet has a header.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its source as a number; IPv4 in the low 32 bits.
    pub fn src_bits(&self) -> u128 {
        self.src
    }

    /// Its destination as a number; IPv4 in the low 32 bits.
    pub fn dst_bits(&self) -> u128 {
        self.dst
    }

    /// Its source.
    pub fn src(&self) -> IpAddr {
        self.address(self.src)
    }

    /// Its destination.
    pub fn dst(&self) -> IpAddr {
        self.address(self.dst)
    }

    fn address(&self, bits: u128) -> IpAddr {
        match self.family {
            Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
            Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(bits)),
        }
    }

    /// The upper layer's protocol; none if the chain of headers does not lead to it.
    pub fn protocol(&self) -> Option<u8> {
        self.protocol
    }

    /// The upper layer's octets; none in a later fragment, or if the chain does not lead there.
    pub fn transport(&self) -> Option<&'a [u8]> {
        self.bytes.get(usize::from(self.transport?)..)
    }

    /// Where they begin.
    pub fn transport_at(&self) -> Option<usize> {
        self.transport.map(usize::from)
    }

    /// What makes it a fragment, if it is one.
    pub fn fragment(&self) -> Option<Fragment> {
        self.fragment
    }

    /// Source and destination port, of the protocols that have them.
    pub fn ports(&self) -> Option<(u16, u16)> {
        if !matches!(self.protocol?, 6 | 17 | 33 | 132 | 136) {
            return None;
        }
        let &[a, b, c, d] = self.transport()?.first_chunk()?;
        Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    }

    /// TCP's flags.
    pub fn tcp_flags(&self) -> Option<u8> {
        match self.protocol? {
            6 => self.transport()?.get(13).copied(),
            _ => None,
        }
    }

    /// Type and code, of ICMP and ICMPv6.
    pub fn icmp(&self) -> Option<(u8, u8)> {
        let right = if self.family == Family::V4 { 1 } else { 58 };
        match self.transport()? {
            [kind, code, ..] if self.protocol == Some(right) => Some((*kind, *code)),
            _ => None,
        }
    }

    /// Its extension headers: number and where each begins.
    pub fn ext_headers(&self) -> &[(u8, u16)] {
        &self.headers[..usize::from(self.count)]
    }

    /// The octets from the first header of a kind on. The mobility header counts, though nothing follows it.
    pub fn ext_header(&self, kind: u8) -> Option<&'a [u8]> {
        if kind == MH {
            return self.transport().filter(|_| self.protocol == Some(MH));
        }
        let (_, at) = self.ext_headers().iter().find(|(known, _)| *known == kind)?;
        self.bytes.get(usize::from(*at)..)
    }

    /// Hop limit or time to live.
    pub fn hop_limit(&self) -> u8 {
        let at = if self.family == Family::V4 { 8 } else { 7 };
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Why its chain of headers does not lead to the upper layer, if it does not.
    pub fn chain_error(&self) -> Option<ChainError> {
        self.chain
    }

    /// What stood before the IP header.
    pub fn link(&self) -> Option<&Link> {
        self.link.as_ref()
    }
}

/// Whether nothing that a node could take follows: what a rule has for "an unknown header before the upper layer".
pub fn is_known_upper(protocol: u8) -> bool {
    matches!(
        protocol,
        1 | 2 | 4 | 6 | 17 | 33 | 41 | 47 | ESP | 58 | NONE | 89 | 103 | 108 | 112 | 115 | 132 | MH | 136
    )
}

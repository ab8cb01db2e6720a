//! Options of neighbour discovery messages: RFC 4861 s4.6.

use core::net::Ipv6Addr;

use zerocopy::IntoBytes;

use super::Dnssl;
use super::NdInvalid;
use super::Pref64;
use super::PrefixInfo;
use super::Rdnss;
use crate::Mac;
use crate::Malformed;
use crate::ip6;
use crate::writer::Writer;

/// A lifetime that never ends, in seconds.
pub const INFINITE: u32 = u32::MAX;

/// The options of a message: an iterator that cannot fail, because the lengths were checked when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NdOptions<'a> {
    bytes: &'a [u8],
}

impl<'a> NdOptions<'a> {
    /// Checks the lengths of all options.
    ///
    /// # Errors
    /// [`NdInvalid::OptionLengthZero`] or [`NdInvalid::OptionTruncated`], whichever comes first in the
    /// message.
    pub fn new(bytes: &'a [u8]) -> Result<NdOptions<'a>, NdInvalid> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (_, units) = head(rest).ok_or(NdInvalid::OptionTruncated)?;
            //= RFC 4861 s4.6 [4861-1, 4861-2, 4861-3, 4861-4, 4861-5]: length 0 voids the whole message
            if units == 0 {
                return Err(NdInvalid::OptionLengthZero);
            }
            rest = rest.get(8 * units..).ok_or(NdInvalid::OptionTruncated)?;
        }
        Ok(NdOptions { bytes })
    }

    /// The options from here on, leaving `self` where it is.
    pub const fn iter(&self) -> NdOptions<'a> {
        *self
    }

    /// The source link-layer address: the first option of that type that is an Ethernet station's.
    pub fn source_link_layer(&self) -> Option<Mac> {
        self.iter().find_map(|option| match option {
            NdOption::SourceLinkLayer(mac) => Some(mac),
            _ => None,
        })
    }

    /// The target link-layer address: the first option of that type that is an Ethernet station's.
    pub fn target_link_layer(&self) -> Option<Mac> {
        self.iter().find_map(|option| match option {
            NdOption::TargetLinkLayer(mac) => Some(mac),
            _ => None,
        })
    }

    /// The link's MTU in bytes, unchecked.
    pub fn mtu(&self) -> Option<u32> {
        self.iter().find_map(|option| match option {
            NdOption::Mtu(mtu) => Some(mtu),
            _ => None,
        })
    }

    /// The nonce, if it is one of six octets.
    pub fn nonce(&self) -> Option<Nonce> {
        self.iter().find_map(|option| match option {
            NdOption::Nonce(nonce) => Some(nonce),
            _ => None,
        })
    }

    /// The head of the packet that caused a redirect.
    pub fn redirected(&self) -> Option<&'a [u8]> {
        self.iter().find_map(|option| match option {
            NdOption::Redirected(packet) => Some(packet),
            _ => None,
        })
    }

    /// Whether a source link-layer address option is there at all, even one that is no Ethernet station's.
    pub(super) fn tells_source(&self) -> bool {
        self.iter().any(|option| {
            matches!(option, NdOption::SourceLinkLayer(_) | NdOption::Unknown { kind: SOURCE_LINK_LAYER, .. })
        })
    }
}

impl<'a> Iterator for NdOptions<'a> {
    type Item = NdOption<'a>;

    fn next(&mut self) -> Option<NdOption<'a>> {
        let (kind, units) = head(self.bytes)?;
        let (option, rest) = self.bytes.split_at_checked(8 * units)?;
        self.bytes = rest;
        let data = option.get(2..)?;
        Some(NdOption::read(kind, data).unwrap_or(NdOption::Unknown { kind, data }))
    }
}

/// One option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NdOption<'a> {
    /// The sender's link-layer address (type 1).
    SourceLinkLayer(Mac),
    /// The target's link-layer address (type 2).
    TargetLinkLayer(Mac),
    /// A prefix that is on-link, or for addresses, or both (type 3).
    Prefix(PrefixInfo),
    /// The head of the packet that caused a redirect (type 4). Written down to a multiple of 8 octets.
    Redirected(&'a [u8]),
    /// The link's MTU in bytes (type 5).
    Mtu(u32),
    /// A nonce of six octets (type 14).
    Nonce(Nonce),
    /// A more specific route (type 24).
    Route(RouteInfo),
    /// Recursive DNS servers (type 25).
    Rdnss(Rdnss<'a>),
    /// A DNS search list (type 31).
    Dnssl(Dnssl<'a>),
    /// The URI of a captive portal's API (type 37, RFC 8910 s2.3). Zeros behind it are left out when read.
    CaptivePortal(&'a [u8]),
    /// The prefix of a NAT64 (type 38).
    Pref64(Pref64),
    /// A type not listed here, or contents that its own specification says to ignore.
    Unknown {
        /// The option's type.
        kind: u8,
        /// What follows its length field.
        data: &'a [u8],
    },
}

impl<'a> NdOption<'a> {
    /// Bytes that the option takes in a message, a multiple of 8.
    pub const fn buffer_len(&self) -> usize {
        match self {
            NdOption::SourceLinkLayer(_) | NdOption::TargetLinkLayer(_) => 8,
            NdOption::Mtu(_) | NdOption::Nonce(_) => 8,
            NdOption::Prefix(_) => 32,
            NdOption::Redirected(packet) => 8 + (packet.len() & !7),
            NdOption::Route(route) => 8 + route.prefix_octets(),
            NdOption::Rdnss(rdnss) => 8 + 16 * rdnss.servers.len(),
            NdOption::Dnssl(dnssl) => 8 + dnssl.names.len().next_multiple_of(8),
            NdOption::CaptivePortal(uri) => (2 + uri.len()).next_multiple_of(8),
            NdOption::Pref64(_) => 16,
            NdOption::Unknown { data, .. } => (2 + data.len()).next_multiple_of(8),
        }
    }

    pub(super) fn write(&self, out: &mut Writer<'_>) -> Result<(), Malformed> {
        let units = u8::try_from(self.buffer_len() / 8).map_err(|_| Malformed::TooLong)?;
        match self {
            NdOption::SourceLinkLayer(mac) => put_six(out, SOURCE_LINK_LAYER, mac.0),
            NdOption::TargetLinkLayer(mac) => put_six(out, TARGET_LINK_LAYER, mac.0),
            NdOption::Nonce(nonce) => put_six(out, NONCE, nonce.0),
            NdOption::Mtu(mtu) => {
                out.put(&[MTU, 1, 0, 0])?;
                out.put(&mtu.to_be_bytes())
            }
            NdOption::Prefix(prefix) => {
                out.put(&[PREFIX, 4])?;
                out.put(prefix.raw().as_bytes())
            }
            NdOption::Redirected(packet) => {
                out.put(&[REDIRECTED, units, 0, 0, 0, 0, 0, 0])?;
                out.put(&packet[..packet.len() & !7])
            }
            NdOption::Route(route) => {
                out.put(&[ROUTE, units, route.prefix_len.min(128), route.preference.bits()])?;
                out.put(&route.lifetime.to_be_bytes())?;
                out.put(&ip6::mask(route.prefix, route.prefix_len).octets()[..route.prefix_octets()])
            }
            NdOption::Rdnss(rdnss) => {
                out.put(&[RDNSS, units, 0, 0])?;
                out.put(&rdnss.lifetime.to_be_bytes())?;
                out.put(rdnss.servers.as_flattened())
            }
            NdOption::Dnssl(dnssl) => {
                out.put(&[DNSSL, units, 0, 0])?;
                out.put(&dnssl.lifetime.to_be_bytes())?;
                put_padded(out, dnssl.names, self.buffer_len() - 8)
            }
            NdOption::CaptivePortal(uri) => {
                out.put(&[CAPTIVE_PORTAL, units])?;
                put_padded(out, uri, self.buffer_len() - 2)
            }
            NdOption::Pref64(pref64) => {
                out.put(&[PREF64, 2])?;
                out.put(&pref64.octets())
            }
            NdOption::Unknown { kind, data } => {
                out.put(&[*kind, units])?;
                put_padded(out, data, self.buffer_len() - 2)
            }
        }
    }

    /// The option, or nothing where its own specification says to ignore it.
    fn read(kind: u8, data: &'a [u8]) -> Option<NdOption<'a>> {
        match kind {
            SOURCE_LINK_LAYER => station(data).map(NdOption::SourceLinkLayer),
            TARGET_LINK_LAYER => station(data).map(NdOption::TargetLinkLayer),
            PREFIX => PrefixInfo::read(data).map(NdOption::Prefix),
            REDIRECTED => data.get(6..).map(NdOption::Redirected),
            MTU => match *data {
                [_, _, a, b, c, d] => Some(NdOption::Mtu(u32::from_be_bytes([a, b, c, d]))),
                _ => None,
            },
            NONCE => <[u8; 6]>::try_from(data).ok().map(|nonce| NdOption::Nonce(Nonce(nonce))),
            ROUTE => RouteInfo::read(data).map(NdOption::Route),
            RDNSS => Rdnss::read(data).map(NdOption::Rdnss),
            DNSSL => Dnssl::read(data).map(NdOption::Dnssl),
            CAPTIVE_PORTAL => Some(NdOption::CaptivePortal(without_zeros(data))),
            PREF64 => Pref64::read(data).map(NdOption::Pref64),
            _ => None,
        }
    }
}

/// The nonce by which a node knows its own looped solicitation (RFC 7527, RFC 3971 s5.3.2): always six
/// octets.
///
/// A received nonce of another length is left out, as it cannot be one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce(pub [u8; 6]);

/// How much a router or route is preferred (RFC 4191 s2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Preference {
    /// Less than others.
    Low,
    /// As most are.
    #[default]
    Medium,
    /// More than others.
    High,
}

impl Preference {
    /// The two bits where they stand in both messages: 0x18.
    pub(super) const fn bits(self) -> u8 {
        match self {
            Preference::Low => 0x18,
            Preference::Medium => 0x00,
            Preference::High => 0x08,
        }
    }

    /// Nothing for the reserved value.
    pub(super) const fn from_bits(octet: u8) -> Option<Preference> {
        match octet & 0x18 {
            0x18 => Some(Preference::Low),
            0x00 => Some(Preference::Medium),
            0x08 => Some(Preference::High),
            _ => None,
        }
    }
}

/// A route information option (RFC 4191 s2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteInfo {
    /// The prefix; bits beyond its length are zero when read, and left out when written.
    pub prefix: Ipv6Addr,
    /// Its length in bits, 0..=128.
    pub prefix_len: u8,
    /// Against the same prefix from other routers.
    pub preference: Preference,
    /// In seconds.
    pub lifetime: u32,
}

impl RouteInfo {
    fn read(data: &[u8]) -> Option<RouteInfo> {
        let (&[prefix_len, flags, a, b, c, d], octets) = data.split_first_chunk::<6>()?;
        let mut prefix = [0; 16];
        prefix.get_mut(..octets.len())?.copy_from_slice(octets);
        let fits = prefix_len <= 128 && usize::from(prefix_len) <= 8 * octets.len();
        let preference = Preference::from_bits(flags)?;
        fits.then_some(RouteInfo {
            prefix: ip6::mask(Ipv6Addr::from(prefix), prefix_len),
            prefix_len,
            preference,
            lifetime: u32::from_be_bytes([a, b, c, d]),
        })
    }

    const fn prefix_octets(&self) -> usize {
        match self.prefix_len {
            0 => 0,
            1..=64 => 8,
            _ => 16,
        }
    }
}

const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;
const PREFIX: u8 = 3;
const REDIRECTED: u8 = 4;
const MTU: u8 = 5;
const NONCE: u8 = 14;
const ROUTE: u8 = 24;
const RDNSS: u8 = 25;
const DNSSL: u8 = 31;
const CAPTIVE_PORTAL: u8 = 37;
const PREF64: u8 = 38;

/// Type and length, in units of 8 octets, of the first option.
fn head(bytes: &[u8]) -> Option<(u8, usize)> {
    bytes.first_chunk::<2>().map(|&[kind, units]| (kind, usize::from(units)))
}

/// A link-layer address that a station on Ethernet can have. To learn any other would send traffic to
/// everyone, or to no one.
fn station(data: &[u8]) -> Option<Mac> {
    let mac = Mac(<[u8; 6]>::try_from(data).ok()?);
    mac.is_unicast().then_some(mac)
}

/// Writes `bytes` and zeros behind it, `len` octets in all, which is less than 8 more.
fn put_padded(out: &mut Writer<'_>, bytes: &[u8], len: usize) -> Result<(), Malformed> {
    out.put(bytes)?;
    out.put(&[0; 8][..len - bytes.len()])
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let len = bytes.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    &bytes[..len]
}

fn put_six(out: &mut Writer<'_>, kind: u8, octets: [u8; 6]) -> Result<(), Malformed> {
    out.put(&[kind, 1])?;
    out.put(&octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;
    use std::vec;
    use std::vec::Vec;

    fn read(bytes: &[u8]) -> Vec<NdOption<'_>> {
        NdOptions::new(bytes).unwrap().collect()
    }

    fn written(option: &NdOption<'_>) -> Vec<u8> {
        let mut out = vec![0xee; option.buffer_len()];
        option.write(&mut Writer::new(&mut out)).unwrap();
        out
    }

    #[test]
    fn options_by_hand() {
        #[rustfmt::skip]
        let cases: [(&[u8], NdOption<'_>); 11] = [
            (&[1, 1, 2, 0, 0, 0, 0, 7], NdOption::SourceLinkLayer(Mac([2, 0, 0, 0, 0, 7]))),
            (&[2, 1, 2, 0, 0, 0, 0, 8], NdOption::TargetLinkLayer(Mac([2, 0, 0, 0, 0, 8]))),
            (&[3, 4, 64, 0x80, 0, 1, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
             NdOption::Prefix(PrefixInfo { prefix: "2001:db8::".parse().unwrap(), prefix_len: 64, on_link: true,
                                           autonomous: false, router_address: None, valid: 65_536, preferred: 32_768 })),
            (&[4, 2, 0, 0, 0, 0, 0, 0, 0x60, 1, 2, 3, 4, 5, 6, 7], NdOption::Redirected(&[0x60, 1, 2, 3, 4, 5, 6, 7])),
            (&[5, 1, 0, 0, 0, 0, 5, 0xdc], NdOption::Mtu(1500)),
            (&[14, 1, 1, 2, 3, 4, 5, 6], NdOption::Nonce(Nonce([1, 2, 3, 4, 5, 6]))),
            (&[24, 2, 48, 0x18, 0, 0, 2, 0x58, 0x20, 1, 0x0d, 0xb8, 0, 5, 0, 0],
             NdOption::Route(RouteInfo { prefix: "2001:db8:5::".parse().unwrap(), prefix_len: 48,
                                         preference: Preference::Low, lifetime: 600 })),
            (&[25, 3, 0, 0, 0, 0, 2, 0x58, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53],
             NdOption::Rdnss(Rdnss { lifetime: 600, servers: &[[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53]] })),
            (&[31, 2, 0, 0, 0, 0, 2, 0x58, 3, b'l', b'a', b'n', 0, 0, 0, 0],
             NdOption::Dnssl(Dnssl { lifetime: 600, names: b"\x03lan\0" })),
            (&[37, 2, b'h', b't', b't', b'p', b's', b':', b'/', b'/', b'x', 0, 0, 0, 0, 0],
             NdOption::CaptivePortal(b"https://x")),
            (&[38, 2, 0x02, 0x58, 0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0],
             NdOption::Pref64(Pref64::new("64:ff9b::".parse().unwrap(), 96, 600).unwrap())),
        ];
        for (bytes, option) in &cases {
            assert_eq!(read(bytes), [*option]);
            assert_eq!(written(option), *bytes);
        }
    }

    #[test]
    fn contents_to_be_ignored_show_as_unknown_4861_6() {
        #[rustfmt::skip]
        let cases: [&[u8]; 14] = [
            &[1, 2, 2, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0],           // not Ethernet's length
            &[1, 1, 3, 0, 0, 0, 0, 7],                                   // a group's address
            &[2, 1, 0, 0, 0, 0, 0, 0],                                   // no address
            &[3, 1, 64, 0xc0, 0, 0, 0, 1],                               // a prefix of the wrong length
            &[3, 4, 129, 0xc0, 0, 1, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[5, 2, 0, 0, 0, 0, 5, 0xdc, 0, 0, 0, 0, 0, 0, 0, 0],
            &[14, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],     // another's nonce
            &[24, 1, 1, 0, 0, 0, 0, 1],                                  // no room for one bit of prefix
            &[24, 2, 65, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1],         // nor for the 65th
            &[24, 2, 64, 0x10, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1],      // the reserved preference
            &[25, 2, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1],          // half a server
            &[31, 2, 0, 0, 0, 0, 0, 1, 3, b'l', b'a', b'n', 2, b'x', b'y', b'z'], // a name without an end
            &[31, 2, 0, 0, 0, 0, 0, 1, 0xc0, 8, 0, 0, 0, 0, 0, 0],       // a compressed name
            &[38, 2, 0x02, 0x5e, 0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0], // a length code that there is not
        ];
        for bytes in cases {
            let unknown = NdOption::Unknown { kind: bytes[0], data: &bytes[2..] };
            assert_eq!(read(bytes), [unknown]);
            assert_eq!(written(&unknown), bytes);
        }
    }

    #[test]
    fn the_first_usable_option_of_a_kind_counts() {
        let bytes =
            [1, 1, 0, 0, 0, 0, 0, 0, 99, 1, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 7, 1, 1, 2, 0, 0, 0, 0, 8];
        let options = NdOptions::new(&bytes).unwrap();
        assert_eq!(options.source_link_layer(), Some(Mac([2, 0, 0, 0, 0, 7])));
        assert_eq!(options.target_link_layer(), None);
        // An unusable address tells the source all the same.
        assert!(NdOptions::new(&bytes[..8]).unwrap().tells_source());
        assert!(!NdOptions::new(&bytes[8..16]).unwrap().tells_source());
    }

    #[test]
    fn lengths_4861_1() {
        assert_eq!(NdOptions::new(&[99, 0]), Err(NdInvalid::OptionLengthZero));
        assert_eq!(
            NdOptions::new(&[1, 1, 2, 0, 0, 0, 0, 7, 5, 0, 0, 0, 0, 0, 0, 0]),
            Err(NdInvalid::OptionLengthZero)
        );
        assert_eq!(NdOptions::new(&[1, 1, 2, 0, 0, 0, 0]), Err(NdInvalid::OptionTruncated));
        assert_eq!(NdOptions::new(&[1]), Err(NdInvalid::OptionTruncated));
        assert_eq!(read(&[]), []);
    }

    #[test]
    fn host_bits_are_neither_read_nor_written() {
        let route = RouteInfo {
            prefix: "2001:db8::ffff".parse().unwrap(),
            prefix_len: 65,
            preference: Preference::High,
            lifetime: INFINITE,
        };
        let bytes = written(&NdOption::Route(route));
        assert_eq!(bytes.len(), 24);
        assert_eq!(bytes[8..], [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut dirty = bytes.clone();
        dirty[23] = 9;
        let clean = RouteInfo { prefix: "2001:db8::".parse().unwrap(), ..route };
        assert_eq!(read(&dirty), [NdOption::Route(clean)]);
    }

    #[test]
    fn too_many_servers_for_the_length_field() {
        let servers = [[0; 16]; 128];
        let mut out = [0; 4096];
        let full = NdOption::Rdnss(Rdnss { lifetime: 0, servers: &servers[..127] });
        assert_eq!(full.write(&mut Writer::new(&mut out)), Ok(()));
        let over = NdOption::Rdnss(Rdnss { lifetime: 0, servers: &servers });
        assert_eq!(over.write(&mut Writer::new(&mut out)), Err(Malformed::TooLong));
    }
}

//! The prefix information option: RFC 4861 s4.6.2, with the router address of RFC 6275 s7.2.

use core::net::Ipv6Addr;

use zerocopy::FromBytes;
use zerocopy::Immutable;
use zerocopy::IntoBytes;
use zerocopy::KnownLayout;
use zerocopy::Unaligned;
use zerocopy::network_endian::U32;

use crate::ip6;

/// A prefix information option (RFC 4861 s4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefixInfo {
    /// The prefix; bits beyond its length are zero when read, and left out when written.
    pub prefix: Ipv6Addr,
    /// Its length in bits, 0..=128.
    pub prefix_len: u8,
    /// L: addresses in it are on the link.
    pub on_link: bool,
    /// A: hosts may make addresses from it.
    pub autonomous: bool,
    /// R: the router's whole address, which lies in the prefix and is sent in its place (RFC 6275 s7.2).
    pub router_address: Option<Ipv6Addr>,
    /// How long it is on the link, in seconds.
    pub valid: u32,
    /// How long addresses from it are preferred, in seconds.
    pub preferred: u32,
}

impl PrefixInfo {
    pub(super) fn read(data: &[u8]) -> Option<PrefixInfo> {
        let raw = RawPrefix::ref_from_bytes(data).ok()?;
        if raw.prefix_len > 128 {
            return None;
        }
        Some(PrefixInfo {
            prefix: ip6::mask(Ipv6Addr::from(raw.prefix), raw.prefix_len),
            prefix_len: raw.prefix_len,
            on_link: raw.flags & 0x80 != 0,
            autonomous: raw.flags & 0x40 != 0,
            router_address: (raw.flags & 0x20 != 0).then(|| Ipv6Addr::from(raw.prefix)),
            valid: raw.valid.get(),
            preferred: raw.preferred.get(),
        })
    }

    pub(super) fn raw(&self) -> RawPrefix {
        RawPrefix {
            prefix_len: self.prefix_len.min(128),
            flags: u8::from(self.on_link) << 7
                | u8::from(self.autonomous) << 6
                | u8::from(self.router_address.is_some()) << 5,
            valid: U32::new(self.valid),
            preferred: U32::new(self.preferred),
            reserved: [0; 4],
            prefix: self.router_address.unwrap_or_else(|| ip6::mask(self.prefix, self.prefix_len)).octets(),
        }
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RawPrefix {
    prefix_len: u8,
    flags: u8,
    valid: U32,
    preferred: U32,
    reserved: [u8; 4],
    prefix: [u8; 16],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_address_goes_whole() {
        let address: Ipv6Addr = "2001:db8::1".parse().unwrap();
        let prefix = PrefixInfo {
            prefix: "2001:db8::".parse().unwrap(),
            prefix_len: 64,
            on_link: false,
            autonomous: true,
            router_address: Some(address),
            valid: 1,
            preferred: 1,
        };
        let raw = prefix.raw();
        assert_eq!((raw.flags, raw.prefix), (0x60, address.octets()));
        assert_eq!(PrefixInfo::read(raw.as_bytes()), Some(prefix));
    }
}

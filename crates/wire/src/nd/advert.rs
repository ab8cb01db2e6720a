//! Router advertisements: RFC 4861 s4.2, with the router preference of RFC 4191.

use core::net::Ipv6Addr;

use zerocopy::FromBytes;
use zerocopy::Immutable;
use zerocopy::IntoBytes;
use zerocopy::KnownLayout;
use zerocopy::Unaligned;
use zerocopy::network_endian::U16;
use zerocopy::network_endian::U32;

use super::NdOption;
use super::NdOptions;
use super::Preference;
use crate::Mac;
use crate::Malformed;
use crate::icmp6::Icmp6Type;
use crate::writer::Writer;

/// A router advertises itself. Prefixes, routes and DNS servers are among its options, which stand beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouterAdvert {
    /// The hop limit that hosts should use; 0 if the router does not say.
    pub cur_hop_limit: u8,
    /// M: addresses are to be had by DHCPv6.
    pub managed: bool,
    /// O: other configuration is to be had by DHCPv6.
    pub other_config: bool,
    /// Against other default routers; medium whenever `router_lifetime` is 0.
    pub preference: Preference,
    /// How long this is a default router, in seconds; 0 if it is none.
    pub router_lifetime: u16,
    /// How long a neighbour counts as reachable, in milliseconds; 0 if the router does not say.
    pub reachable_time: u32,
    /// Between solicitations, in milliseconds; 0 if the router does not say.
    pub retrans_timer: u32,
    /// The router's link-layer address.
    pub slla: Option<Mac>,
    /// The link's MTU in bytes, unchecked.
    pub mtu: Option<u32>,
}

impl RouterAdvert {
    /// Bytes of the message without options.
    pub const MIN_LEN: usize = 16;

    pub(super) fn read(message: &[u8], options: NdOptions<'_>) -> Option<RouterAdvert> {
        let (raw, _) = Raw::ref_from_prefix(message).ok()?;
        let router_lifetime = raw.router_lifetime.get();
        // The reserved preference counts as medium, and that of no default router does not count (RFC 4191
        // s2.2).
        let preference = match router_lifetime {
            0 => Preference::Medium,
            _ => Preference::from_bits(raw.flags).unwrap_or_default(),
        };
        Some(RouterAdvert {
            cur_hop_limit: raw.cur_hop_limit,
            managed: raw.flags & 0x80 != 0,
            other_config: raw.flags & 0x40 != 0,
            preference,
            router_lifetime,
            reachable_time: raw.reachable_time.get(),
            retrans_timer: raw.retrans_timer.get(),
            slla: options.source_link_layer(),
            mtu: options.mtu(),
        })
    }

    /// Writes the whole ICMPv6 message, with the options of `self` and then those of `more`, to the front of
    /// `out`; says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below [`RouterAdvert::buffer_len`], [`Malformed::TooLong`] for an option beyond
    /// 2040 bytes.
    pub fn emit(
        &self,
        more: &[NdOption<'_>],
        src: Ipv6Addr,
        dst: Ipv6Addr,
        out: &mut [u8],
    ) -> Result<usize, Malformed> {
        let preference = if self.router_lifetime == 0 { Preference::Medium } else { self.preference };
        let raw = Raw {
            kind: Icmp6Type::ROUTER_ADVERT.0,
            code: 0,
            checksum: U16::ZERO,
            cur_hop_limit: self.cur_hop_limit,
            flags: u8::from(self.managed) << 7 | u8::from(self.other_config) << 6 | preference.bits(),
            router_lifetime: U16::new(self.router_lifetime),
            reachable_time: U32::new(self.reachable_time),
            retrans_timer: U32::new(self.retrans_timer),
        };
        let mut out = Writer::new(out);
        out.put(raw.as_bytes())?;
        let own = [self.slla.map(NdOption::SourceLinkLayer), self.mtu.map(NdOption::Mtu)];
        for option in own.iter().flatten().chain(more) {
            option.write(&mut out)?;
        }
        out.finish(src, dst)
    }

    /// Bytes that [`RouterAdvert::emit`] writes with the same `more`.
    pub fn buffer_len(&self, more: &[NdOption<'_>]) -> usize {
        let own = usize::from(self.slla.is_some()) + usize::from(self.mtu.is_some());
        Self::MIN_LEN + 8 * own + more.iter().map(NdOption::buffer_len).sum::<usize>()
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Raw {
    kind: u8,
    code: u8,
    checksum: U16,
    cur_hop_limit: u8,
    flags: u8,
    router_lifetime: U16,
    reachable_time: U32,
    retrans_timer: U32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: [u8; 16] = [134, 0, 0, 0, 64, 0xc8, 0x07, 0x08, 0, 0, 0x75, 0x30, 0, 0, 0x03, 0xe8];

    fn read(message: &[u8]) -> RouterAdvert {
        RouterAdvert::read(message, NdOptions::new(&message[16..]).unwrap()).unwrap()
    }

    #[test]
    fn an_advertisement_by_hand() {
        let advert = RouterAdvert {
            cur_hop_limit: 64,
            managed: true,
            other_config: true,
            preference: Preference::High,
            router_lifetime: 1800,
            reachable_time: 30_000,
            retrans_timer: 1000,
            slla: None,
            mtu: None,
        };
        assert_eq!(read(&MESSAGE), advert);
        let mut out = [0; 16];
        assert_eq!(advert.emit(&[], Ipv6Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED, &mut out), Ok(16));
        out[2..4].fill(0);
        assert_eq!(out, MESSAGE);
    }

    #[test]
    fn odd_preferences_are_medium() {
        let with = |flags: u8, lifetime: u8| {
            let mut message = MESSAGE;
            message[5] = flags;
            message[6..8].copy_from_slice(&[0, lifetime]);
            read(&message).preference
        };
        assert_eq!(with(0x18, 1), Preference::Low);
        assert_eq!(with(0x10, 1), Preference::Medium);
        assert_eq!(with(0x08, 1), Preference::High);
        assert_eq!(with(0x18, 0), Preference::Medium);
        let ceasing = RouterAdvert { preference: Preference::High, ..RouterAdvert::default() };
        let mut out = [0; 16];
        ceasing.emit(&[], Ipv6Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED, &mut out).unwrap();
        assert_eq!(out[5], 0);
    }
}

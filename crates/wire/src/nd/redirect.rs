//! Redirects: RFC 4861 s4.5.

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
use crate::Mac;
use crate::Malformed;
use crate::icmp6::Icmp6Type;
use crate::ip6;
use crate::writer::Writer;

/// A router tells a host of a better next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirect<'a> {
    /// The better next hop: a router's link-local address, or the destination itself if that is on the link.
    pub target: Ipv6Addr,
    /// Whose packets it is for.
    pub destination: Ipv6Addr,
    /// The target's link-layer address.
    pub tlla: Option<Mac>,
    /// The packet that caused this, as much of it as fits; empty if not quoted.
    pub redirected: &'a [u8],
}

impl<'a> Redirect<'a> {
    /// Bytes of the message without options.
    pub const MIN_LEN: usize = 40;

    pub(super) fn read(message: &[u8], options: NdOptions<'a>) -> Option<Redirect<'a>> {
        let (raw, _) = Raw::ref_from_prefix(message).ok()?;
        Some(Redirect {
            target: Ipv6Addr::from(raw.target),
            destination: Ipv6Addr::from(raw.destination),
            tlla: options.target_link_layer(),
            redirected: options.redirected().unwrap_or_default(),
        })
    }

    /// Writes the whole ICMPv6 message to the front of `out` and says how many bytes it took.
    ///
    /// The quoted packet is cut to a multiple of 8 octets, and so that the redirect stays within 1280 bytes
    /// (RFC 4861 s4.6.3).
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below [`Redirect::buffer_len`].
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, out: &mut [u8]) -> Result<usize, Malformed> {
        let raw = Raw {
            kind: Icmp6Type::REDIRECT.0,
            code: 0,
            checksum: U16::ZERO,
            reserved: U32::ZERO,
            target: self.target.octets(),
            destination: self.destination.octets(),
        };
        let mut out = Writer::new(out);
        out.put(raw.as_bytes())?;
        //= RFC 4861 s8.2 [4861-15]: the target's link-layer address goes along if it is known
        if let Some(mac) = self.tlla {
            NdOption::TargetLinkLayer(mac).write(&mut out)?;
        }
        let quoted = self.quoted();
        if !quoted.is_empty() {
            NdOption::Redirected(quoted).write(&mut out)?;
        }
        out.finish(src, dst)
    }

    /// Bytes that [`Redirect::emit`] writes.
    pub fn buffer_len(&self) -> usize {
        let quoted = self.quoted();
        let option = if quoted.is_empty() { 0 } else { NdOption::Redirected(quoted).buffer_len() };
        self.before_quote() + option
    }

    fn before_quote(&self) -> usize {
        Self::MIN_LEN + if self.tlla.is_some() { 8 } else { 0 }
    }

    fn quoted(&self) -> &'a [u8] {
        let most = ip6::MIN_MTU - ip6::HEADER_LEN - self.before_quote() - 8;
        &self.redirected[..self.redirected.len().min(most) & !7]
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Raw {
    kind: u8,
    code: u8,
    checksum: U16,
    reserved: U32,
    target: [u8; 16],
    destination: [u8; 16],
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const HOST: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);

    #[test]
    fn a_redirect_stays_within_the_least_mtu_4861_15() {
        let packet = [0x60; 1500];
        let whole = Redirect {
            target: ROUTER,
            destination: HOST,
            tlla: Some(Mac([2, 0, 0, 0, 0, 1])),
            redirected: &packet,
        };
        let mut out = [0; 1280];
        assert_eq!(whole.emit(ROUTER, HOST, &mut out), Ok(1240));
        assert_eq!(whole.buffer_len(), 1240);
        assert_eq!(out[40..48], [2, 1, 2, 0, 0, 0, 0, 1]);
        // 1240 - 48 octets, and so 149 units.
        assert_eq!(out[48..56], [4, 149, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_quote_is_cut_to_units() {
        let redirect = Redirect {
            target: HOST,
            destination: HOST,
            tlla: None,
            redirected: &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        };
        let mut out = [0; 80];
        assert_eq!(redirect.emit(ROUTER, HOST, &mut out), Ok(56));
        assert_eq!(out[40..56], [4, 2, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let short = Redirect { redirected: &[1, 2, 3], ..redirect };
        assert_eq!(short.emit(ROUTER, HOST, &mut out), Ok(40));
        assert_eq!(short.buffer_len(), 40);
    }
}

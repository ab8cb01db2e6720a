//! Neighbour solicitations and advertisements: RFC 4861 s4.3 and s4.4.

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
use super::Nonce;
use crate::Mac;
use crate::Malformed;
use crate::icmp6::Icmp6Type;
use crate::writer::Writer;

/// Asks for a neighbour's link-layer address, whether it is still there, or whether an address is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeighborSolicit {
    /// The address asked about.
    pub target: Ipv6Addr,
    /// The sender's link-layer address. Must be left out when the source is ::.
    pub slla: Option<Mac>,
    /// By which a sender knows its own solicitation when the link loops it back (RFC 7527).
    pub nonce: Option<Nonce>,
}

impl NeighborSolicit {
    /// Bytes of the message without options.
    pub const MIN_LEN: usize = 24;

    /// Asks a neighbour on behalf of `slla`: to resolve its address or to confirm that it is there.
    pub const fn new(target: Ipv6Addr, slla: Mac) -> NeighborSolicit {
        //= RFC 4861 s7.2.2 [4861-25]: the sender tells its own link-layer address
        NeighborSolicit { target, slla: Some(slla), nonce: None }
    }

    /// Asks whether anyone has `target` already. To be sent from :: to the target's solicited-node group.
    pub const fn dad(target: Ipv6Addr, nonce: Option<Nonce>) -> NeighborSolicit {
        //= RFC 4862 s5.4.2 [4862-3]: a probe for duplicates tells no link-layer address
        NeighborSolicit { target, slla: None, nonce }
    }

    pub(super) fn read(message: &[u8], options: NdOptions<'_>) -> Option<NeighborSolicit> {
        let (raw, _) = Raw::ref_from_prefix(message).ok()?;
        Some(NeighborSolicit {
            target: Ipv6Addr::from(raw.target),
            slla: options.source_link_layer(),
            nonce: options.nonce(),
        })
    }

    /// Writes the whole ICMPv6 message to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below [`NeighborSolicit::buffer_len`].
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, out: &mut [u8]) -> Result<usize, Malformed> {
        let mut out = Writer::new(out);
        out.put(Raw::new(Icmp6Type::NEIGHBOR_SOLICIT, 0, self.target).as_bytes())?;
        let own = [self.slla.map(NdOption::SourceLinkLayer), self.nonce.map(NdOption::Nonce)];
        for option in own.iter().flatten() {
            option.write(&mut out)?;
        }
        out.finish(src, dst)
    }

    /// Bytes that [`NeighborSolicit::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        Self::MIN_LEN + 8 * (self.slla.is_some() as usize + self.nonce.is_some() as usize)
    }
}

/// Says which link-layer address has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeighborAdvert {
    /// R: the sender is a router.
    pub router: bool,
    /// S: the answer to a solicitation. Must be unset when sent to a group.
    pub solicited: bool,
    /// O: replaces what others have cached.
    pub override_: bool,
    /// The address.
    pub target: Ipv6Addr,
    /// Its link-layer address.
    pub tlla: Option<Mac>,
}

impl NeighborAdvert {
    /// Bytes of the message without options.
    pub const MIN_LEN: usize = 24;

    pub(super) fn read(message: &[u8], options: NdOptions<'_>) -> Option<NeighborAdvert> {
        let (raw, _) = Raw::ref_from_prefix(message).ok()?;
        //= RFC 4861 s7.1.2 [4861-6]: bits other than these three are ignored
        let flags = raw.flags.get();
        Some(NeighborAdvert {
            router: flags & ROUTER != 0,
            solicited: flags & SOLICITED != 0,
            override_: flags & OVERRIDE != 0,
            target: Ipv6Addr::from(raw.target),
            tlla: options.target_link_layer(),
        })
    }

    /// Writes the whole ICMPv6 message to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below [`NeighborAdvert::buffer_len`].
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, out: &mut [u8]) -> Result<usize, Malformed> {
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        let flags =
            flag(self.router, ROUTER) | flag(self.solicited, SOLICITED) | flag(self.override_, OVERRIDE);
        let mut out = Writer::new(out);
        out.put(Raw::new(Icmp6Type::NEIGHBOR_ADVERT, flags, self.target).as_bytes())?;
        if let Some(mac) = self.tlla {
            NdOption::TargetLinkLayer(mac).write(&mut out)?;
        }
        out.finish(src, dst)
    }

    /// Bytes that [`NeighborAdvert::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        Self::MIN_LEN + 8 * self.tlla.is_some() as usize
    }
}

const ROUTER: u32 = 1 << 31;
const SOLICITED: u32 = 1 << 30;
const OVERRIDE: u32 = 1 << 29;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Raw {
    kind: u8,
    code: u8,
    checksum: U16,
    flags: U32,
    target: [u8; 16],
}

impl Raw {
    fn new(kind: Icmp6Type, flags: u32, target: Ipv6Addr) -> Raw {
        Raw { kind: kind.0, code: 0, checksum: U16::ZERO, flags: U32::new(flags), target: target.octets() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SRC: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const DST: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 2);
    const TARGET: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

    #[test]
    fn a_solicitation_by_hand_4861_25() {
        // Pseudo header fe80+1+ff02+1+ff00+2+20+3a = 2fce0; message 8700+fe80+2+0101+0200+0007 = 1888a; the
        // sum 4856a folds to 856e; complement 7a91.
        #[rustfmt::skip]
        let expected = [
            135, 0, 0x7a, 0x91, 0, 0, 0, 0,
            0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
            1, 1, 2, 0, 0, 0, 0, 7,
        ];
        let solicit = NeighborSolicit::new(TARGET, Mac([2, 0, 0, 0, 0, 7]));
        let mut out = [0xee; 32];
        assert_eq!(solicit.buffer_len(), 32);
        assert_eq!(solicit.emit(SRC, DST, &mut out), Ok(32));
        assert_eq!(out, expected);
        assert_eq!(solicit.emit(SRC, DST, &mut out[..31]), Err(Malformed::NoRoom));
    }

    #[test]
    fn a_duplicate_probe_tells_no_address_4862_3() {
        let probe = NeighborSolicit::dad(TARGET, Some(Nonce([9, 8, 7, 6, 5, 4])));
        let mut out = [0xee; 40];
        assert_eq!(probe.emit(Ipv6Addr::UNSPECIFIED, DST, &mut out), Ok(32));
        assert_eq!(out[24..32], [14, 1, 9, 8, 7, 6, 5, 4]);
        assert_eq!(NeighborSolicit::dad(TARGET, None).buffer_len(), 24);
    }

    #[test]
    fn flags_of_an_advertisement() {
        let base =
            NeighborAdvert { router: false, solicited: false, override_: false, target: TARGET, tlla: None };
        for (advert, bits) in [
            (base, 0x00),
            (NeighborAdvert { router: true, ..base }, 0x80),
            (NeighborAdvert { solicited: true, ..base }, 0x40),
            (NeighborAdvert { override_: true, ..base }, 0x20),
        ] {
            let mut out = [0xee; 24];
            assert_eq!(advert.emit(SRC, DST, &mut out), Ok(24));
            assert_eq!(out[4..8], [bits, 0, 0, 0]);
            assert_eq!(NeighborAdvert::read(&out, NdOptions::new(&[]).unwrap()), Some(advert));
        }
    }

    #[test]
    fn reserved_bits_are_ignored_4861_6() {
        let mut message = [0xff; 24];
        message[8..].copy_from_slice(&TARGET.octets());
        let none = NdOptions::new(&[]).unwrap();
        let solicit = NeighborSolicit::read(&message, none).unwrap();
        assert_eq!(solicit, NeighborSolicit::dad(TARGET, None));
        let advert = NeighborAdvert::read(&message, none).unwrap();
        assert!(advert.router && advert.solicited && advert.override_);
    }
}

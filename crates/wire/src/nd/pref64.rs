//! The prefix of a NAT64: RFC 8781.

use core::net::Ipv6Addr;

use crate::ip6;

/// A PREF64 option: hosts reach IPv4 by way of this prefix (RFC 8781 s4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pref64 {
    prefix: Ipv6Addr,
    prefix_len: u8,
    lifetime: u16,
}

impl Pref64 {
    /// The longest lifetime that can be told, in seconds.
    pub const MAX_LIFETIME: u16 = 8 * 8191;

    /// A prefix of 96, 64, 56, 48, 40 or 32 bits; nothing for another length. Bits beyond it are left out. The
    /// lifetime, in seconds, is rounded up to a multiple of 8, at most [`MAX_LIFETIME`](Self::MAX_LIFETIME).
    pub fn new(prefix: Ipv6Addr, prefix_len: u8, lifetime: u32) -> Option<Pref64> {
        LENGTHS.contains(&prefix_len).then(|| Pref64 {
            prefix: ip6::mask(prefix, prefix_len),
            prefix_len,
            // Rounded up: one that is to live shortly is not one that has ended.
            lifetime: (lifetime.div_ceil(8).min(8191) * 8) as u16,
        })
    }

    /// The prefix.
    pub const fn prefix(&self) -> Ipv6Addr {
        self.prefix
    }

    /// Its length in bits.
    pub const fn prefix_len(&self) -> u8 {
        self.prefix_len
    }

    /// In seconds, a multiple of 8; 0 if it is not to be used any more.
    pub const fn lifetime(&self) -> u16 {
        self.lifetime
    }

    pub(super) fn read(data: &[u8]) -> Option<Pref64> {
        let (&[a, b], rest) = <&[u8; 14]>::try_from(data).ok()?.split_first_chunk::<2>()?;
        let mut octets = [0; 16];
        octets.get_mut(..12)?.copy_from_slice(rest);
        let prefix_len = *LENGTHS.get(usize::from(b & 7))?;
        let lifetime = u16::from_be_bytes([a, b]) & !7;
        Some(Pref64 { prefix: ip6::mask(Ipv6Addr::from(octets), prefix_len), prefix_len, lifetime })
    }

    pub(super) fn octets(&self) -> [u8; 14] {
        let code = LENGTHS.iter().position(|len| *len == self.prefix_len).unwrap_or(0);
        let mut octets = [0; 14];
        octets[..2].copy_from_slice(&(self.lifetime | code as u16).to_be_bytes());
        octets[2..].copy_from_slice(&self.prefix.octets()[..12]);
        octets
    }
}

/// Lengths of prefixes in bits, in the order of their codes.
const LENGTHS: [u8; 6] = [96, 64, 56, 48, 40, 32];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_goes_and_comes_back() {
        let prefix: Ipv6Addr = "2001:db8:122:344:1122:3344:5566:7788".parse().unwrap();
        for len in 0..=128 {
            let Some(pref64) = Pref64::new(prefix, len, 601) else {
                assert!(!LENGTHS.contains(&len));
                continue;
            };
            assert_eq!(Pref64::read(&pref64.octets()), Some(pref64));
            assert_eq!((pref64.prefix(), pref64.prefix_len()), (ip6::mask(prefix, len), len));
            assert_eq!(pref64.lifetime(), 608);
        }
    }

    #[test]
    fn lifetimes_are_multiples_of_eight() {
        let told = |lifetime| Pref64::new(Ipv6Addr::UNSPECIFIED, 96, lifetime).unwrap().lifetime();
        assert_eq!([told(0), told(1), told(8), told(u32::MAX)], [0, 8, 8, Pref64::MAX_LIFETIME]);
    }
}

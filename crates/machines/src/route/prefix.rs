//! Address prefixes.

use core::fmt;
use core::fmt::Debug;
use core::fmt::Display;
use core::hash::Hash;
use core::net::Ipv4Addr;
use core::net::Ipv6Addr;
use core::str::FromStr;

use siding_wire::ends;

/// An address family that routes are made of: [`Ipv6Addr`] or [`Ipv4Addr`].
pub trait Address:
    siding_fib::Key + Copy + Ord + Hash + Debug + Display + FromStr + Send + Sync + 'static
{
    /// Bits in an address: the longest prefix.
    const MAX_LEN: u8;
    /// What the trie is keyed by.
    type Key: prefix_trie::Prefix + Clone + Send + Sync + 'static;

    /// The address with all but its first `len` bits cleared; `len` above [`MAX_LEN`](Self::MAX_LEN) clears none.
    fn masked(self, len: u8) -> Self;
    /// The address in the uppermost bits, the rest zero.
    fn left_justified(self) -> u128;
    /// The address that has these bits uppermost.
    fn of_left_justified(bits: u128) -> Self;
    /// The prefix as the trie wants it.
    fn key(prefix: Prefix<Self>) -> Self::Key;
    /// Whether a packet can be handed to this address as a next hop: one node's, not `::`, a group or
    /// everybody.
    fn is_next_hop(self) -> bool;
}

/// The addresses that share their first bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix<A> {
    addr: A,
    len: u8,
}

/// A prefix that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Longer than the address.
    #[error("a prefix length of {len} is more than the {max} bits of the address")]
    TooLong {
        /// The length given.
        len: u8,
        /// The longest there is.
        max: u8,
    },
    /// The address goes on after the prefix has ended.
    #[error("the address has bits set after the first {len}")]
    HostBits {
        /// The length given.
        len: u8,
    },
    /// Not `address/length`.
    #[error("a prefix is an address, a slash and a number of bits")]
    Syntax,
}

impl<A: Address> Prefix<A> {
    /// The prefix `addr/len`.
    ///
    /// # Errors
    /// [`PrefixError`] if `len` exceeds the address, or `addr` has a bit set beyond it.
    pub fn new(addr: A, len: u8) -> Result<Prefix<A>, PrefixError> {
        if len > A::MAX_LEN {
            return Err(PrefixError::TooLong { len, max: A::MAX_LEN });
        }
        if addr.masked(len) != addr {
            return Err(PrefixError::HostBits { len });
        }
        Ok(Prefix { addr, len })
    }

    /// The prefix of this length around an address; `len` above the address's bits means all of them.
    pub fn covering(addr: A, len: u8) -> Prefix<A> {
        let len = len.min(A::MAX_LEN);
        Prefix { addr: addr.masked(len), len }
    }

    /// Whether `addr` begins with it.
    pub fn contains(&self, addr: A) -> bool {
        addr.masked(self.len) == self.addr
    }

    /// Its first address.
    pub fn addr(&self) -> A {
        self.addr
    }

    /// Its length in bits.
    pub fn prefix_len(&self) -> u8 {
        self.len
    }
}

impl<A: Display> Display for Prefix<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.len)
    }
}

impl<A: Debug> Debug for Prefix<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}", self.addr, self.len)
    }
}

impl<A: Address> FromStr for Prefix<A> {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (addr, len) = text.split_once('/').ok_or(PrefixError::Syntax)?;
        let addr = addr.parse().map_err(|_| PrefixError::Syntax)?;
        // `u8::from_str` takes a sign, a prefix length has none.
        if len.is_empty() || !len.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PrefixError::Syntax);
        }
        Prefix::new(addr, len.parse().map_err(|_| PrefixError::TooLong { len: u8::MAX, max: A::MAX_LEN })?)
    }
}

impl Address for Ipv6Addr {
    const MAX_LEN: u8 = 128;
    type Key = Prefix<Ipv6Addr>;

    fn masked(self, len: u8) -> Self {
        let mask = u128::MAX.checked_shl(u32::from(Self::MAX_LEN.saturating_sub(len))).unwrap_or(0);
        Ipv6Addr::from_bits(self.to_bits() & mask)
    }

    fn left_justified(self) -> u128 {
        self.to_bits()
    }

    #[inline]
    fn of_left_justified(bits: u128) -> Self {
        Ipv6Addr::from_bits(bits)
    }

    fn key(prefix: Prefix<Self>) -> Self::Key {
        prefix
    }

    fn is_next_hop(self) -> bool {
        ends::is_host6(self)
    }
}

impl Address for Ipv4Addr {
    const MAX_LEN: u8 = 32;
    type Key = Prefix<Ipv4Addr>;

    fn masked(self, len: u8) -> Self {
        let mask = u32::MAX.checked_shl(u32::from(Self::MAX_LEN.saturating_sub(len))).unwrap_or(0);
        Ipv4Addr::from_bits(self.to_bits() & mask)
    }

    fn left_justified(self) -> u128 {
        u128::from(self.to_bits()) << 96
    }

    #[inline]
    fn of_left_justified(bits: u128) -> Self {
        Ipv4Addr::from_bits((bits >> 96) as u32)
    }

    fn key(prefix: Prefix<Self>) -> Self::Key {
        prefix
    }

    fn is_next_hop(self) -> bool {
        ends::is_host4(self)
    }
}

impl prefix_trie::Prefix for Prefix<Ipv6Addr> {
    type R = u128;

    fn repr(&self) -> u128 {
        self.addr.to_bits()
    }

    fn prefix_len(&self) -> u8 {
        self.len
    }

    fn from_repr_len(repr: u128, len: u8) -> Self {
        Prefix::<Ipv6Addr>::covering(Ipv6Addr::from_bits(repr), len)
    }
}

impl prefix_trie::Prefix for Prefix<Ipv4Addr> {
    type R = u32;

    fn repr(&self) -> u32 {
        self.addr.to_bits()
    }

    fn prefix_len(&self) -> u8 {
        self.len
    }

    fn from_repr_len(repr: u32, len: u8) -> Self {
        Prefix::<Ipv4Addr>::covering(Ipv4Addr::from_bits(repr), len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed<A: Address>(text: &str) -> Result<String, PrefixError> {
        text.parse::<Prefix<A>>().map(|prefix| prefix.to_string())
    }

    #[test]
    fn text_and_back() {
        for text in ["::/0", "2001:db8::/32", "fe80::1/128", "8000::/1"] {
            assert_eq!(parsed::<Ipv6Addr>(text), Ok(text.to_owned()));
        }
        for text in ["0.0.0.0/0", "192.0.2.0/24", "192.0.2.1/32"] {
            assert_eq!(parsed::<Ipv4Addr>(text), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_prefix() {
        assert_eq!(parsed::<Ipv6Addr>("2001:db8::1/32"), Err(PrefixError::HostBits { len: 32 }));
        assert_eq!(parsed::<Ipv6Addr>("::/129"), Err(PrefixError::TooLong { len: 129, max: 128 }));
        assert_eq!(parsed::<Ipv4Addr>("10.0.0.0/33"), Err(PrefixError::TooLong { len: 33, max: 32 }));
        assert_eq!(parsed::<Ipv4Addr>("10.0.0.0/999"), Err(PrefixError::TooLong { len: 255, max: 32 }));
        for text in ["", "::", "::/", "::/+1", "::/ 1", "10.0.0.0/8", "/8"] {
            assert_eq!(parsed::<Ipv6Addr>(text), Err(PrefixError::Syntax), "{text}");
        }
    }

    #[test]
    fn contains_its_own_and_no_other() {
        let prefix: Prefix<Ipv6Addr> = Prefix::covering(Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 2, 3, 4), 10);
        assert_eq!(prefix.to_string(), "fe80::/10");
        assert!(prefix.contains(Ipv6Addr::new(0xfebf, 0xffff, 0, 0, 0, 0, 0, 1)));
        assert!(!prefix.contains(Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0)));
        assert!(Prefix::covering(Ipv4Addr::LOCALHOST, 0).contains(Ipv4Addr::BROADCAST));
        assert_eq!(Prefix::covering(Ipv4Addr::LOCALHOST, 200).to_string(), "127.0.0.1/32");
    }
}

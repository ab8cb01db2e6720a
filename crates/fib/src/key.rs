//! Addresses, byte by byte.

use core::net::Ipv4Addr;
use core::net::Ipv6Addr;

/// What a trie is asked for: an address of a whole number of bytes, the first of which is decided first.
pub trait Key: Copy + Send + Sync + 'static {
    /// Bytes of an address.
    const BYTES: usize;
    /// Bytes that the root decides at once: 0, 1 or 2, and less than all.
    const ROOT: usize;

    /// The byte in this place, the first being 0; some byte beyond the last.
    fn octet(self, at: usize) -> u8;

    /// The place in the root.
    #[inline(always)]
    fn root(self) -> usize {
        match Self::ROOT {
            0 => 0,
            1 => self.octet(0).into(),
            _ => usize::from(self.octet(0)) << 8 | usize::from(self.octet(1)),
        }
    }
}

/// A checker keeps books of every word, in each of its schedules: 65,536 are too many for it.
const ROOT: usize = if cfg!(any(siding_loom, siding_shuttle)) { 0 } else { 2 };

impl Key for Ipv4Addr {
    const BYTES: usize = 4;
    const ROOT: usize = ROOT;

    #[inline(always)]
    fn octet(self, at: usize) -> u8 {
        self.octets()[at & 3]
    }
}

impl Key for Ipv6Addr {
    const BYTES: usize = 16;
    const ROOT: usize = ROOT;

    #[inline(always)]
    fn octet(self, at: usize) -> u8 {
        self.octets()[at & 15]
    }
}

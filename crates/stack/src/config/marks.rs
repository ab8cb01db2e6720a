//! Marks of our addresses, and how they are hashed: nearly every packet is looked at by these.

use std::hash::BuildHasherDefault;
use std::hash::Hasher;
use std::net::Ipv6Addr;
use std::sync::Arc;

/// A few dozen bits for each IPv6 address, one of which is set, by what little of a hash takes a few instructions: most
/// packets are from others to others, and need no more than to find theirs unset.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    words: Arc<[u64]>,
    /// How far down the bits of a hash are that name a word.
    shift: u32,
    /// Addresses that have gone, and have left their marks.
    gone: usize,
}

/// Words that there are at the least.
const FEWEST: usize = 16;

/// Bits for each address when they are made, and at the least.
const ROOMY: usize = 64;
const TIGHT: usize = 16;

impl Default for Marks {
    fn default() -> Marks {
        Marks { words: [0; FEWEST].into(), shift: 64 - FEWEST.ilog2(), gone: 0 }
    }
}

impl Marks {
    pub(super) fn of(many: usize, addrs: impl Iterator<Item = Ipv6Addr>) -> Marks {
        let words = (many * ROOMY / 64).next_power_of_two().max(FEWEST);
        let mut bits = vec![0; words];
        let shift = 64 - words.ilog2();
        for (word, bit) in addrs.map(|addr| Marks::place(shift, addr)) {
            bits[word] |= bit;
        }
        Marks { words: bits.into(), shift, gone: 0 }
    }

    #[inline]
    fn place(shift: u32, addr: Ipv6Addr) -> (usize, u64) {
        let bits = addr.to_bits();
        let mixed = ((bits >> 64) as u64 ^ (bits as u64).rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The upper bits are those that depend on all others.
        ((mixed >> shift) as usize, 1 << (mixed >> (shift - 6) & 63))
    }

    /// False for an address that is not ours; for most of them.
    #[inline]
    pub(super) fn has(&self, addr: Ipv6Addr) -> bool {
        let (word, bit) = Marks::place(self.shift, addr);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(super) fn note(&mut self, addr: Ipv6Addr, comes: bool) {
        self.gone += usize::from(!comes);
        if comes && !self.has(addr) {
            let (word, bit) = Marks::place(self.shift, addr);
            let mut words = self.words.to_vec();
            words[word] |= bit;
            self.words = words.into();
        }
    }

    /// Whether there are too many addresses for so few bits, or marks of what has gone.
    pub(super) fn is_worn(&self, many: usize) -> bool {
        many * TIGHT > self.words.len() * 64 || self.gone > many + FEWEST
    }
}

/// Hashes addresses by [`Mix`].
pub(crate) type Quick = BuildHasherDefault<Mix>;

/// Mixes words by rotation and multiplication, as FxHash does.
#[derive(Debug, Default)]
pub(crate) struct Mix(u64);

impl Hasher for Mix {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            // What differs in few bits does so in the last of them, which multiplication spreads.
            self.write_u64(u64::from_be_bytes(word));
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    /// An array's length, which is the same for all.
    #[inline]
    fn write_usize(&mut self, _: usize) {}

    /// The upper half is mixed best, and tables take the lower bits.
    #[inline]
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::*;

    fn addr(subnet: u128, host: u128) -> Ipv6Addr {
        Ipv6Addr::from_bits((0x2001_0db8 << 96) | subnet << 64 | host)
    }

    #[test]
    fn an_address_of_ours_is_marked_and_few_others_are_however_many_ours_are() {
        for subnets in [32, 5_000] {
            let mut marks = Marks::default();
            let ours: Vec<_> = (0..subnets).flat_map(|subnet| [addr(subnet, 0), addr(subnet, 1)]).collect();
            for (at, addr) in ours.iter().enumerate() {
                marks.note(*addr, true);
                if marks.is_worn(at + 1) {
                    marks = Marks::of(at + 1, ours[..=at].iter().copied());
                }
            }
            assert!(ours.iter().all(|addr| marks.has(*addr)));
            let others =
                (0..10_000).map(|n| addr(n % subnets, 2 + n)).filter(|addr| marks.has(*addr)).count();
            assert!((50..1200).contains(&others), "{others} of 10,000");
        }
    }

    #[test]
    fn addresses_of_one_subnet_are_spread() {
        let low =
            |addr: u128| Quick::default().hash_one(Ipv6Addr::from_bits((0x2001_0db8 << 96) | addr)) & 0xfff;
        let buckets = |addrs: &mut dyn Iterator<Item = u128>| addrs.map(low).collect::<HashSet<_>>().len();
        // Of 4,096 buckets, random hashes hit 2,589.
        assert!(buckets(&mut (0..4096)) > 2000, "hosts that are counted");
        assert!(buckets(&mut (0..4096).map(|at| at << 64)) > 2000, "one host in each of many subnets");
    }

    #[test]
    fn marks_are_made_anew_when_most_are_of_what_has_gone() {
        let mut marks = Marks::of(1, [addr(0, 1)].into_iter());
        let mut rounds = 0;
        while !marks.is_worn(1) {
            marks.note(addr(0, 2 + rounds), true);
            marks.note(addr(0, 2 + rounds), false);
            rounds += 1;
        }
        assert!(rounds < 100, "{rounds}");
    }
}

//! How many states each source has.

use std::collections::HashMap;
use std::net::Ipv6Addr;

/// States by who began them: an address, or the prefix that it lies in.
///
/// Room for as many sources as there may be states is taken when it is made.
#[derive(Debug)]
pub struct Sources {
    counts: HashMap<u128, u32>,
    limit: u32,
    mask: u128,
}

impl Sources {
    /// At most `limit` states for each IPv6 prefix of `bits` bits. IPv4 is counted by address.
    pub fn new(limit: u32, bits: u8, states: usize) -> Sources {
        let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
        Sources { counts: HashMap::with_capacity(states), limit, mask }
    }

    /// How many states the source of this address has.
    pub fn of(&self, addr: Ipv6Addr) -> u32 {
        self.counts.get(&self.name(addr)).copied().unwrap_or(0)
    }

    /// Counts one more; false, and it is not counted, if the source has all it may have.
    #[must_use]
    pub(super) fn add(&mut self, addr: Ipv6Addr) -> bool {
        let count = self.counts.entry(self.name(addr)).or_insert(0);
        let room = *count < self.limit;
        *count += u32::from(room);
        if *count == 0 {
            // With a limit of 0 nobody is remembered.
            self.counts.remove(&self.name(addr));
        }
        room
    }

    pub(super) fn remove(&mut self, addr: Ipv6Addr) {
        let name = self.name(addr);
        if let Some(count) = self.counts.get_mut(&name) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&name);
            }
        }
    }

    fn name(&self, addr: Ipv6Addr) -> u128 {
        let mapped = addr.to_ipv4_mapped().is_some();
        u128::from(addr) & if mapped { u128::MAX } else { self.mask }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_one_source_and_ipv4_is_not() {
        let mut sources = Sources::new(2, 64, 8);
        let addr = |last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, last, 0, 0, 1);
        assert!(sources.add(addr(1)) && sources.add(addr(2)));
        assert!(!sources.add(addr(3)), "the third of one /64");
        assert_eq!(sources.of(addr(9)), 2);
        assert!(sources.add(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1)), "another /64");
        sources.remove(addr(1));
        assert!(sources.add(addr(3)));
        let v4 = |last| std::net::Ipv4Addr::new(192, 0, 2, last).to_ipv6_mapped();
        assert!((1..9).all(|last| sources.add(v4(last))));
        assert!(!Sources::new(0, 64, 8).add(addr(1)));
    }
}

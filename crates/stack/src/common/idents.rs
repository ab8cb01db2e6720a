//! Numbers for packets that are cut, of both families.

use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use siphasher::sip::SipHasher13;

/// Numbers for packets that are cut: each pair of addresses counts from a place of its own, which others cannot
/// guess, in a counter that few pairs share (RFC 7739 s5.3).
#[derive(Debug)]
pub(crate) struct Idents {
    counters: [AtomicU32; 64],
    secret: u64,
}

impl Idents {
    pub(crate) fn new(secret: u64) -> Idents {
        Idents { counters: std::array::from_fn(|_| AtomicU32::new(0)), secret }
    }

    /// The next number for packets from `source` to `destination`.
    pub(crate) fn next(&self, source: IpAddr, destination: IpAddr) -> u32 {
        let mut hasher = SipHasher13::new_with_keys(self.secret, 2);
        for addr in [source, destination] {
            match addr {
                IpAddr::V6(addr) => hasher.write_u128(addr.to_bits()),
                IpAddr::V4(addr) => hasher.write_u32(addr.to_bits()),
            }
        }
        let hash = hasher.finish();
        let counter = &self.counters[(hash >> 32) as usize % self.counters.len()];
        (hash as u32).wrapping_add(counter.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn numbers_do_not_come_twice_nor_can_one_pair_guess_anothers_8200_4() {
        let idents = Idents::new(7);
        let addr = |host: u16| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host).into();
        let drawn: HashSet<u32> = (0..10_000).map(|_| idents.next(addr(1), addr(2))).collect();
        assert_eq!(drawn.len(), 10_000);
        let firsts: HashSet<u32> = (3..103).map(|host| idents.next(addr(1), addr(host))).collect();
        let near = firsts.iter().filter(|ident| firsts.contains(&ident.wrapping_add(1))).count();
        assert_eq!((firsts.len(), near), (100, 0));
        assert_ne!(Idents::new(8).next(addr(1), addr(2)), Idents::new(9).next(addr(1), addr(2)));
    }
}

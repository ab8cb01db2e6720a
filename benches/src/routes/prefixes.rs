//! Prefixes as they are in BGP: of such lengths, and the longer ones within the shorter.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_stack::route::Address;
use siding_stack::route::Prefix;

/// Lengths with their shares, in thousandths, of the IPv6 table.
const LENGTHS6: [(u8, usize); 12] = [
    (48, 470),
    (32, 120),
    (44, 90),
    (40, 90),
    (36, 50),
    (46, 45),
    (47, 45),
    (29, 30),
    (33, 20),
    (34, 20),
    (64, 15),
    (28, 5),
];
/// The same of IPv4.
const LENGTHS4: [(u8, usize); 11] = [
    (24, 600),
    (22, 110),
    (23, 100),
    (20, 45),
    (21, 50),
    (19, 25),
    (16, 14),
    (18, 14),
    (17, 8),
    (32, 24),
    (14, 10),
];

/// Numbers that look random.
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// One of `below`.
    pub fn below(&mut self, below: usize) -> usize {
        ((u128::from(self.roll()) * below as u128) >> 64) as usize
    }

    fn length(&mut self, shares: &[(u8, usize)]) -> u8 {
        let mut at = self.below(shares.iter().map(|share| share.1).sum());
        for (len, share) in shares {
            if at < *share {
                return *len;
            }
            at -= share;
        }
        shares[0].0
    }
}

/// So many different IPv6 prefixes: /32 and shorter anywhere in what the registries have, longer ones within some /32.
pub fn prefixes6(count: usize) -> Vec<Prefix<Ipv6Addr>> {
    let mut dice = Dice(6);
    let registries = [0x2001_u128, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00];
    let within: Vec<u128> = (0..count / 8 + 8)
        .map(|_| {
            let registry = registries[dice.below(registries.len())];
            let (net, site) = (u128::from(dice.roll() & 0xf), u128::from(dice.roll() & 0xffff));
            (registry | net) << 112 | site << 96
        })
        .collect();
    different(count, move || {
        let len = dice.length(&LENGTHS6);
        let site = within[dice.below(within.len())];
        let rest = u128::from(dice.roll()) << 32;
        Prefix::covering(Ipv6Addr::from_bits(site | rest), len)
    })
}

/// So many different IPv4 prefixes, in what is used by unicast.
pub fn prefixes4(count: usize) -> Vec<Prefix<Ipv4Addr>> {
    let mut dice = Dice(4);
    // Most of the longer ones lie in a part of the space.
    let within: Vec<u32> =
        (0..45_000).map(|_| (1 + dice.below(222)) as u32 * 256 + dice.below(256) as u32).collect();
    different(count, move || {
        let len = dice.length(&LENGTHS4);
        let net = within[dice.below(within.len())] << 16;
        Prefix::covering(Ipv4Addr::from_bits(net | dice.roll() as u32 & 0xffff), len)
    })
}

fn different<A: Address>(count: usize, mut next: impl FnMut() -> Prefix<A>) -> Vec<Prefix<A>> {
    let mut had = HashSet::new();
    let mut all = Vec::new();
    while all.len() < count {
        let prefix = next();
        if had.insert(prefix) {
            all.push(prefix);
        }
    }
    all
}

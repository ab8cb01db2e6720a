//! Whose our addresses are: looked up for each packet that comes in, so found out once for each configuration.

use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::hash::Hasher;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::OnceLock;

use siding_netisr::IfId;

use crate::config::Config;
use crate::ifnet::Addr6;

/// The index of a configuration's addresses, made by the first worker that asks.
#[derive(Debug, Default)]
pub(crate) struct Owners(OnceLock<Index>);

/// Only addresses of ours are in here, so nobody else can make a look-up slow, and a quick hash without a key will do:
/// source and destination of each packet are looked up.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// An address may be on several interfaces, a link-local one usually is; the first slot's comes first.
    pub(crate) addrs6: HashMap<Ipv6Addr, Vec<IfId>, Quick>,
    pub(crate) addrs4: HashMap<Ipv4Addr, IfId, Quick>,
    /// Anycast addresses of ours, as above.
    pub(crate) anycast6: HashMap<Ipv6Addr, Vec<IfId>, Quick>,
    /// Addresses that are known to be several nodes': ours, and those of the routers of our subnets.
    pub(crate) shared6: HashSet<Ipv6Addr, Quick>,
    marks: Marks,
}

/// A bit for each address in the tables of IPv6, by what little of a hash takes a few instructions: most packets are from
/// others to others, and need no more than to find theirs unset.
#[derive(Debug, Default)]
struct Marks([u64; 16]);

impl Marks {
    #[inline]
    fn place(addr: Ipv6Addr) -> (usize, u64) {
        let bits = addr.to_bits();
        let mixed = ((bits >> 64) as u64 ^ (bits as u64).rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The upper ten bits are those that depend on all others.
        ((mixed >> 60) as usize, 1 << (mixed >> 54 & 63))
    }

    fn set(&mut self, addr: Ipv6Addr) {
        let (word, bit) = Marks::place(addr);
        self.0[word] |= bit;
    }
}

impl Index {
    /// False for an address that is in none of the tables of IPv6; for most of them.
    #[inline]
    pub(crate) fn may_have6(&self, addr: Ipv6Addr) -> bool {
        let (word, bit) = Marks::place(addr);
        self.marks.0[word] & bit != 0
    }
}

/// Hashes addresses by [`Mix`].
type Quick = BuildHasherDefault<Mix>;

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

/// A copy of a configuration is made to be changed.
impl Clone for Owners {
    fn clone(&self) -> Owners {
        Owners::default()
    }
}

impl Owners {
    /// The index of `config`, which has these owners.
    pub(crate) fn of(&self, config: &Config) -> &Index {
        self.0.get_or_init(|| {
            let mut index = Index::default();
            for interface in config.interfaces() {
                let id = interface.ifnet.id;
                for own in interface.addrs6.iter().filter(|own| own.is_assigned()) {
                    index.addrs6.entry(own.addr).or_default().push(id);
                }
                for addr in interface.anycast(config.forwarding) {
                    index.anycast6.entry(addr).or_default().push(id);
                    index.shared6.insert(addr);
                }
                let subnets = interface.addrs6.iter().filter_map(Addr6::subnet_router);
                index.shared6.extend(subnets.filter(|subnet| interface.addr6(*subnet).is_none()));
                for own in interface.addrs4.iter().filter(|own| own.is_assigned()) {
                    index.addrs4.entry(own.addr).or_insert(id);
                }
            }
            let Index { addrs6, anycast6, shared6, marks, .. } = &mut index;
            addrs6.keys().chain(anycast6.keys()).chain(shared6.iter()).for_each(|addr| marks.set(*addr));
            index
        })
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn an_address_of_ours_is_marked_and_few_others_are() {
        let mut index = Index::default();
        let addr = |subnet: u128, host: u128| Ipv6Addr::from_bits((0x2001_0db8 << 96) | subnet << 64 | host);
        let ours: Vec<_> = (0..32).flat_map(|subnet| [addr(subnet, 0), addr(subnet, 1)]).collect();
        ours.iter().for_each(|addr| index.marks.set(*addr));
        assert!(ours.iter().all(|addr| index.may_have6(*addr)));
        let others = (0..10_000).map(|n| addr(n % 32, 2 + n)).filter(|addr| index.may_have6(*addr)).count();
        // 64 marks of 1,024.
        assert!((200..1200).contains(&others), "{others} of 10,000");
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
}

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
            index
        })
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

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

//! How many states each source has.

use std::net::Ipv6Addr;

use siphasher::sip::SipHasher13;

use super::state::NONE;

/// States by who began them: an address, or the prefix that it lies in.
///
/// Addresses for as many sources as there may be states are reserved when it is made, and none is moved afterwards: to count one more or one
/// less takes as long as a few sources of one bucket do, however many there are and were. (A table that is made anew when it has
/// grown, or when many have come and gone, would do so in one packet's time.)
#[derive(Debug)]
pub struct Sources {
    slots: Vec<Source>,
    /// The first source of each bucket.
    buckets: Vec<u32>,
    free: u32,
    limit: u32,
    mask: u128,
    secret: u64,
    #[cfg(test)]
    work: std::cell::Cell<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    name: u128,
    /// Its states; 0 for one that is free.
    states: u32,
    /// The next one of the same bucket, or of the free ones.
    next: u32,
}

/// Where a source is, and which one of its bucket comes before it; [`NONE`] for none.
struct Place {
    bucket: usize,
    before: u32,
    at: u32,
}

impl Sources {
    /// At most `limit` states for each IPv6 prefix of `bits` bits. IPv4 is counted by address. There may be so many states; `secret` is what
    /// peers must not know.
    pub fn new(limit: u32, bits: u8, states: usize, secret: u64) -> Sources {
        let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
        Sources {
            // In a full table a flow is counted before another makes room for it.
            slots: Vec::with_capacity(states + 1),
            buckets: vec![NONE; states.next_power_of_two()],
            free: NONE,
            limit,
            mask,
            secret,
            #[cfg(test)]
            work: std::cell::Cell::new(0),
        }
    }

    /// How many states the source of this address has.
    pub fn of(&self, addr: Ipv6Addr) -> u32 {
        let place = self.find(self.name(addr));
        self.slots.get(place.at as usize).map_or(0, |source| source.states)
    }

    /// Counts one more; false, and it is not counted, if the source has all it may have.
    #[must_use]
    pub(super) fn add(&mut self, addr: Ipv6Addr) -> bool {
        let name = self.name(addr);
        let Place { bucket, at, .. } = self.find(name);
        match self.slots.get_mut(at as usize) {
            Some(source) => {
                let room = source.states < self.limit;
                source.states += u32::from(room);
                room
            }
            // With a limit of 0 nobody is remembered.
            None if self.limit == 0 => false,
            None => {
                let next = self.buckets[bucket];
                self.buckets[bucket] = self.take_slot(Source { name, states: 1, next });
                true
            }
        }
    }

    pub(super) fn remove(&mut self, addr: Ipv6Addr) {
        let Place { bucket, before, at } = self.find(self.name(addr));
        let Some(source) = self.slots.get_mut(at as usize) else { return };
        source.states -= 1;
        if source.states > 0 {
            return;
        }
        let next = std::mem::replace(&mut source.next, std::mem::replace(&mut self.free, at));
        match self.slots.get_mut(before as usize) {
            Some(before) => before.next = next,
            None => self.buckets[bucket] = next,
        }
    }

    fn find(&self, name: u128) -> Place {
        let hash = SipHasher13::new_with_keys(self.secret, 0x736f_7572).hash(&name.to_ne_bytes());
        self.works();
        let bucket = hash as usize & (self.buckets.len() - 1);
        let (mut before, mut at) = (NONE, self.buckets[bucket]);
        while let Some(source) = self.slots.get(at as usize).filter(|source| source.name != name) {
            self.works();
            (before, at) = (at, source.next);
        }
        Place { bucket, before, at }
    }

    fn take_slot(&mut self, source: Source) -> u32 {
        self.works();
        match self.slots.get_mut(self.free as usize) {
            Some(free) => {
                let slot = self.free;
                self.free = std::mem::replace(free, source).next;
                slot
            }
            None => {
                self.slots.push(source);
                self.slots.len() as u32 - 1
            }
        }
    }

    /// For tests: a source is named, looked at or moved.
    fn works(&self) {
        #[cfg(test)]
        self.work.set(self.work.get() + 1);
    }

    fn name(&self, addr: Ipv6Addr) -> u128 {
        let mapped = addr.to_ipv4_mapped().is_some();
        u128::from(addr) & if mapped { u128::MAX } else { self.mask }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_prefix_is_one_source_and_ipv4_is_not() {
        let mut sources = Sources::new(2, 64, 8, 1);
        let addr = |last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, last, 0, 0, 1);
        assert!(sources.add(addr(1)) && sources.add(addr(2)));
        assert!(!sources.add(addr(3)), "the third of one /64");
        assert_eq!(sources.of(addr(9)), 2);
        assert!(sources.add(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1)), "another /64");
        sources.remove(addr(1));
        assert!(sources.add(addr(3)));
        let v4 = |last| std::net::Ipv4Addr::new(192, 0, 2, last).to_ipv6_mapped();
        assert!((1..6).all(|last| sources.add(v4(last))));
        assert!(!Sources::new(0, 64, 8, 1).add(addr(1)));
    }

    /// A source of its own for each number.
    fn numbered(number: u64) -> Ipv6Addr {
        Ipv6Addr::from_bits(u128::from(number) << 64 | 1)
    }

    #[test]
    fn no_packet_pays_for_a_million_sources_and_none_for_those_that_were() {
        const MILLION: u64 = 1 << 20;
        let mut sources = Sources::new(5, 64, MILLION as usize, 0x5eed);
        let room = |sources: &Sources| (sources.slots.capacity(), sources.slots.as_ptr());
        let before = room(&sources);
        let mut most = 0;
        let mut watched = |sources: &mut Sources, change: &dyn Fn(&mut Sources) -> bool| {
            sources.work.set(0);
            assert!(change(sources));
            most = most.max(sources.work.get());
        };
        for number in 0..MILLION {
            watched(&mut sources, &|sources| sources.add(numbered(number)));
        }
        // Twice as many come and go, as in a full table: before one goes another has come.
        for number in MILLION..3 * MILLION {
            watched(&mut sources, &|sources| sources.add(numbered(number)));
            watched(&mut sources, &|sources| {
                sources.remove(numbered(number - MILLION));
                true
            });
        }
        assert_eq!(room(&sources), before, "nothing was moved");
        assert!(most <= 24, "one change looked at {most} sources");
        assert_eq!([0, 2 * MILLION - 1, 2 * MILLION].map(|number| sources.of(numbered(number))), [0, 0, 1]);
    }

    #[test]
    fn sources_are_counted_as_by_a_map() {
        // Eight buckets for up to nine sources, so that these have neighbours.
        let (mut sources, mut map) = (Sources::new(3, 64, 8, 7), HashMap::<u64, u32>::new());
        let mut random = 1_u64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (number, comes) = (random >> 40 & 15, random >> 50 & 1 == 0);
            let count = map.get(&number).copied().unwrap_or(0);
            if comes && (count > 0 || map.len() < 9) {
                assert_eq!(sources.add(numbered(number)), count < 3);
                map.insert(number, (count + 1).min(3));
            } else if !comes && count > 0 {
                sources.remove(numbered(number));
                map.insert(number, count - 1);
                map.retain(|_, count| *count > 0);
            }
            for number in 0..16 {
                assert_eq!(sources.of(numbered(number)), map.get(&number).copied().unwrap_or(0));
            }
        }
        assert_eq!(sources.slots.capacity(), 9);
    }
}

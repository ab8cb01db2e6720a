//! Single values: open addressing, at most half full.

use super::Key;
use super::mix;

#[derive(Debug)]
pub(crate) struct Exact {
    parts: usize,
    seed: [u64; 2],
    /// Number of the entry + 1, or 0.
    slots: Vec<u32>,
    keys: Vec<u128>,
    data: Vec<u32>,
}

impl Exact {
    pub(crate) fn with_capacity(parts: usize, entries: usize, seed: [u64; 2]) -> Exact {
        let slots = (entries.max(2) * 2).next_power_of_two();
        let keys = Vec::with_capacity(entries * parts);
        Exact { parts, seed, slots: vec![0; slots], keys, data: Vec::new() }
    }

    /// Adds an entry; the first of two with the same key stays.
    pub(crate) fn insert(&mut self, key: &Key, data: u32) {
        if (self.data.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let Err(slot) = self.find(key) else { return };
        self.data.push(data);
        self.keys.extend_from_slice(&key[..self.parts]);
        self.slots[slot] = self.data.len() as u32;
    }

    fn grow(&mut self) {
        let mut larger = Exact::with_capacity(self.parts, self.slots.len(), self.seed);
        for (n, data) in self.data.iter().enumerate() {
            let mut key = Key::default();
            key[..self.parts].copy_from_slice(&self.keys[n * self.parts..][..self.parts]);
            larger.insert(&key, *data);
        }
        *self = larger;
    }

    /// The entry's number, or the free slot where it would be.
    fn find(&self, key: &Key) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = mix(&key[..self.parts], self.seed) as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return Err(slot),
                n => {
                    let at = (n as usize - 1) * self.parts;
                    if self.keys[at..at + self.parts] == key[..self.parts] {
                        return Ok(n as usize - 1);
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<u32> {
        self.find(key).ok().map(|entry| self.data[entry])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_lie_together_under_one_seed_do_not_under_another() {
        let key = |at: u128| {
            let mut key = Key::default();
            key[0] = 0x2001_0db8 << 96 | at;
            key
        };
        let home = |at: u128, seed| mix(&key(at)[..1], seed) & 0xff;
        let together: Vec<u128> = (0..100_000).filter(|at| home(*at, [1, 2]) == 7).collect();
        assert!(together.len() > 300);
        for seed in [[3, 2], [1, 4], [5, 6]] {
            let first = home(together[0], seed);
            let still = together.iter().filter(|at| home(**at, seed) == first).count();
            assert!(still < 20, "{still} of {} with {seed:?}", together.len());
        }
        let mut table = Exact::with_capacity(1, 4, [7, 8]);
        (0..100).for_each(|at| table.insert(&key(at), at as u32));
        assert!((0..100).all(|at| table.get(&key(at)) == Some(at as u32)) && table.get(&key(100)).is_none());
        assert_eq!(table.find(&key(100)).map_err(|slot| slot < table.slots.len()), Err(true));
    }
}

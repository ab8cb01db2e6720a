//! Single values: open addressing, at most half full.

use super::Key;
use super::mix;

#[derive(Debug)]
pub(crate) struct Exact {
    parts: usize,
    /// Number of the entry + 1, or 0.
    slots: Vec<u32>,
    keys: Vec<u128>,
    data: Vec<u32>,
}

impl Exact {
    pub(crate) fn with_capacity(parts: usize, entries: usize) -> Exact {
        let slots = (entries.max(2) * 2).next_power_of_two();
        Exact { parts, slots: vec![0; slots], keys: Vec::with_capacity(entries * parts), data: Vec::new() }
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
        let mut larger = Exact::with_capacity(self.parts, self.slots.len());
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
        let mut slot = mix(&key[..self.parts]) as usize & mask;
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

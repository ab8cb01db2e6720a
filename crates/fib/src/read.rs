//! What readers may ask.

use siding_lockorder::sync::atomic::Ordering;

use crate::key::Key;
use crate::node::Meaning;
use crate::node::Value;
use crate::popcnt;
use crate::trie::TOGETHER;
use crate::trie::Trie;

/// Rounds of a look-up before the keeper has to wait for it.
const PATIENCE: u32 = 16;

impl<K: Key> Trie<K> {
    /// The value of the longest prefix that contains `key`. It may be released and be another's a moment later: who wants
    /// its meaning asks for that in the same [`read`](Self::read).
    #[inline]
    pub fn lookup(&self, key: K) -> Option<Value> {
        self.read(|table| table.lookup(key))
    }

    /// The same for each of `keys`, for less than they cost one by one. What is longer of the two keeps what it has.
    ///
    /// Who finds that nothing has [changed](Self::changes) meanwhile, from before this to behind it, knows that each of these
    /// values stood for the same thing all the time: one that is released and made anew for another has left the table before.
    pub fn lookup_all(&self, keys: &[K], values: &mut [Option<Value>]) {
        if let ([key], [value, ..]) = (keys, &mut *values) {
            *value = self.lookup(*key);
            return;
        }
        for (keys, values) in keys.chunks(TOGETHER).zip(values.chunks_mut(TOGETHER)) {
            let mut found = [0; TOGETHER];
            let begun = self.arena.begin();
            popcnt::search_all(self, keys, &mut found);
            if !self.arena.held(begun) {
                // One by one each is sooner done than the table changes again.
                for (key, found) in keys.iter().zip(&mut found) {
                    *found = self.lookup(*key).map_or(0, Value::number);
                }
            }
            for (value, found) in values.iter_mut().zip(&found).take(keys.len()) {
                *value = Value::new(*found);
            }
        }
    }

    /// Has `look` look things up, again until the memory that it read was not used for something else meanwhile: it may
    /// find anything in all rounds but the last. Rounds are few: the keeper waits for who has begun so often.
    #[inline]
    pub fn read<O>(&self, mut look: impl FnMut(Table<'_, K>) -> O) -> O {
        for _ in 0..PATIENCE {
            let begun = self.arena.begin();
            let answer = look(Table(self));
            if self.arena.held(begun) {
                return answer;
            }
        }
        self.insist(look)
    }

    /// The same, with the clock asked to stand still.
    #[cold]
    #[inline(never)]
    fn insist<O>(&self, mut look: impl FnMut(Table<'_, K>) -> O) -> O {
        let _still = self.arena.hold_still();
        loop {
            let begun = self.arena.begin();
            let answer = look(Table(self));
            if self.arena.held(begun) {
                return answer;
            }
        }
    }
}

/// A trie within one round of a [`read`](Trie::read).
#[derive(Debug)]
pub struct Table<'a, K>(&'a Trie<K>);

impl<K: Key> Table<'_, K> {
    /// The value of the longest prefix that contains `key`.
    #[inline]
    pub fn lookup(&self, key: K) -> Option<Value> {
        Value::new(popcnt::search(self.0, key))
    }

    /// Calls `found` with the length and the value of each prefix that contains `key`, the shorter first.
    pub fn covering(&self, key: K, mut found: impl FnMut(u8, Value)) {
        self.0.search_covering(key, &mut |len, value| {
            if let Some(value) = Value::new(value) {
                found(len, value);
            }
        });
    }

    /// What a value stands for.
    #[inline]
    pub fn meaning(&self, value: Value) -> Meaning {
        let words = self.0.arena.from(value.line());
        // They were written before the value was linked to.
        let word = |at: usize| words.get(at).map_or(0, |word| word.load(Ordering::Relaxed));
        [word(0), word(1), word(2), word(3)]
    }

    /// One of the words that a value stands for; 0 far beyond them.
    #[inline]
    pub fn word(&self, value: Value, at: usize) -> u64 {
        self.0.arena.from(value.line()).get(at).map_or(0, |word| word.load(Ordering::Relaxed))
    }
}

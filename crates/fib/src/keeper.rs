//! The one who changes a table.

use core::fmt;
use std::sync::Arc;

use siding_lockorder::sync::atomic::AtomicU64;
use siding_lockorder::sync::atomic::Ordering;

use crate::arena::LINE;
use crate::key::Key;
use crate::node::Meaning;
use crate::node::RootWord;
use crate::node::Value;
use crate::nodes::Full;
use crate::nodes::Nodes;
use crate::nodes::Place;
use crate::room::MOST;
use crate::trie::Trie;

/// Words that a value can stand for at the most.
pub const MOST_LISTED: usize = 512;

/// Changes a [`Trie`], which all others read. There is one for each.
pub struct Keeper<K> {
    nodes: Nodes<K>,
    prefixes: usize,
    values: usize,
}

impl<K: Key> Default for Keeper<K> {
    fn default() -> Self {
        Keeper::new()
    }
}

impl<K: Key> Keeper<K> {
    /// The keeper of a new table, which is empty.
    pub fn new() -> Keeper<K> {
        Keeper::with_lines(MOST)
    }

    /// The same, for a table of at most so many lines of 64 bytes, besides its root.
    pub fn with_lines(most: usize) -> Keeper<K> {
        Keeper { nodes: Nodes::new(most.min(MOST)), prefixes: 0, values: 0 }
    }

    /// The table.
    pub fn trie(&self) -> &Arc<Trie<K>> {
        &self.nodes.trie
    }

    /// A value that stands for this.
    ///
    /// # Errors
    ///
    /// [`Full`].
    pub fn make(&mut self, meaning: Meaning) -> Result<Value, Full> {
        self.stand_for(&meaning)
    }

    /// Gives back a value that no prefix has any more.
    pub fn release(&mut self, value: Value) {
        self.give_back(value, Meaning::default().len());
    }

    /// A value that stands for more words than a [`Meaning`] has, of which the first are read as one.
    ///
    /// # Errors
    ///
    /// [`Full`]; also if they are more than [`MOST_LISTED`].
    pub fn make_list(&mut self, words: &[u64]) -> Result<Value, Full> {
        if words.len() > MOST_LISTED {
            return Err(Full);
        }
        self.stand_for(words)
    }

    /// Gives back a value that no prefix has any more, and that was made for so many words.
    pub fn release_list(&mut self, value: Value, words: usize) {
        self.give_back(value, words);
    }

    fn stand_for(&mut self, words: &[u64]) -> Result<Value, Full> {
        let line = self.nodes.room.take(&self.nodes.trie.arena, words.len()).ok_or(Full)?;
        let value = line.checked_add(1).and_then(Value::new).ok_or(Full)?;
        for (place, word) in self.nodes.trie.arena.from(value.line()).iter().zip(words) {
            place.store(*word, Ordering::Relaxed);
        }
        self.values += 1;
        Ok(value)
    }

    fn give_back(&mut self, value: Value, words: usize) {
        self.nodes.room.give(&self.nodes.trie.arena, value.line() as u32, words);
        self.values -= 1;
    }

    /// Gives a prefix this value, and says which it had before. What `key` has beyond `len` bits counts for nothing.
    ///
    /// # Errors
    ///
    /// [`Full`]; the table is unchanged.
    pub fn insert(&mut self, key: K, len: u8, value: Value) -> Result<Option<Value>, Full> {
        let old = if len == 0 {
            self.set_default(value.number())
        } else if usize::from(len) <= 8 * K::ROOT {
            let old = self.nodes.put(Place::Short, 0, key, len, value.number())?;
            self.fill_root(key, len, |there| there <= len, (value.number(), len));
            old
        } else {
            self.nodes.forget_skip(key.root());
            let put = self.nodes.put(Place::Root(key.root()), K::ROOT, key, len, value.number());
            self.nodes.find_skip(key.root());
            put?
        };
        self.prefixes += usize::from(old == 0);
        self.nodes.trie.changed();
        Ok(Value::new(old))
    }

    /// Gives each of these prefixes its value, as [`insert`](Self::insert) does one, and notes which it had before. They are in
    /// order of their keys, then of their lengths, and what a key has beyond its length is 0. For less than they cost one by
    /// one: a node into which several come is made anew once.
    ///
    /// # Errors
    ///
    /// How many there was room for; those have their values.
    pub fn insert_all(
        &mut self,
        prefixes: &[(K, u8, Value)],
        had: &mut Vec<Option<Value>>,
    ) -> Result<(), usize> {
        had.clear();
        let edits: Vec<(K, u8, u32)> =
            prefixes.iter().map(|(key, len, value)| (*key, *len, value.number())).collect();
        let in_root = |len: u8| usize::from(len) <= 8 * K::ROOT;
        let mut numbers = Vec::new();
        while had.len() < prefixes.len() {
            let at = had.len();
            let (key, len, value) = prefixes[at];
            if in_root(len) {
                had.push(self.insert(key, len, value).map_err(|Full| at)?);
                continue;
            }
            let of_this = |edit: &&(K, u8, u32)| edit.0.root() == key.root() && !in_root(edit.1);
            let many = edits[at..].iter().take_while(of_this).count();
            if !self.nodes.has_room(many) {
                // One by one, each of which changes nothing if there is no room for it.
                for (key, len, value) in &prefixes[at..at + many] {
                    let old = self.insert(*key, *len, *value).map_err(|Full| had.len())?;
                    had.push(old);
                }
                continue;
            }
            numbers.clear();
            numbers.resize(many, 0);
            let place = Place::Root(key.root());
            self.nodes.forget_skip(key.root());
            let put = self.nodes.put_all(place, K::ROOT, &edits[at..at + many], &mut numbers);
            self.nodes.find_skip(key.root());
            self.nodes.trie.changed();
            put.map_err(|Full| at)?;
            self.prefixes += numbers.iter().filter(|old| **old == 0).count();
            had.extend(numbers.iter().map(|old| Value::new(*old)));
        }
        Ok(())
    }

    /// Takes a prefix out, and says which value it had.
    ///
    /// # Errors
    ///
    /// [`Full`]: a node may be larger than before when it has less in it. The table is unchanged.
    pub fn remove(&mut self, key: K, len: u8) -> Result<Option<Value>, Full> {
        // What takes its place may have come a moment ago, where a reader under way has looked already: it is to look again.
        self.nodes.trie.arena.tick();
        let old = if len == 0 {
            self.set_default(0)
        } else if usize::from(len) <= 8 * K::ROOT {
            let old = self.nodes.take(Place::Short, 0, key, len)?;
            if old != 0 {
                let mut next = (0, 0);
                let mut longest = |there: u8, value: u32| {
                    if there != 0 && there < len {
                        next = (value, there);
                    }
                };
                self.nodes.trie.search_covering(key, &mut longest);
                self.fill_root(key, len, |there| there == len, next);
            }
            old
        } else {
            self.nodes.forget_skip(key.root());
            let taken = self.nodes.take(Place::Root(key.root()), K::ROOT, key, len);
            self.nodes.find_skip(key.root());
            taken?
        };
        self.prefixes -= usize::from(old != 0);
        self.nodes.trie.changed();
        Ok(Value::new(old))
    }

    /// Number of prefixes.
    pub fn len(&self) -> usize {
        self.prefixes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.prefixes == 0
    }

    /// Number of values that were made and not released.
    pub fn values(&self) -> usize {
        self.values
    }

    /// Bytes of the table: in use, and kept for what comes.
    pub fn bytes(&self) -> (usize, usize) {
        let (live, unused) = self.nodes.room.lines();
        let trie = &self.nodes.trie;
        let fixed = size_of_val::<[AtomicU64]>(&trie.root) + size_of_val::<[AtomicU64]>(&trie.skips);
        (fixed + live * LINE * 8, unused * LINE * 8)
    }

    fn set_default(&mut self, value: u32) -> u32 {
        let old = self.nodes.trie.default.load(Ordering::Relaxed) as u32;
        self.nodes.trie.default.store(value.into(), Ordering::Release);
        old
    }

    /// Puts a value and its prefix's length into the root's words of a prefix, where `is_worse` says so of the length there.
    fn fill_root(&self, key: K, len: u8, is_worse: impl Fn(u8) -> bool, (value, by): (u32, u8)) {
        let words = 1 << (8 * K::ROOT - usize::from(len));
        let first = key.root() & !(words - 1);
        for word in self.nodes.trie.root.iter().skip(first).take(words) {
            let there = RootWord(word.load(Ordering::Relaxed));
            if is_worse(there.len()) {
                word.store(RootWord::new(value, by, there.link()).0, Ordering::Release);
            }
        }
    }
}

impl<K> fmt::Debug for Keeper<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("prefixes", &self.prefixes).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;
    use crate::arena::MOST_WORDS;

    #[test]
    fn a_value_may_stand_for_a_list_of_words_and_their_memory_is_used_again() {
        let mut keeper = Keeper::<Ipv4Addr>::new();
        let before = keeper.bytes();
        let words: Vec<u64> = (0..MOST_LISTED as u64).map(|word| word * 0x0101).collect();
        let list = keeper.make_list(&words).unwrap();
        assert_eq!(keeper.make_list(&vec![0; MOST_LISTED + 1]), Err(Full));
        let other = keeper.make([9; 4]).unwrap();
        keeper.trie().read(|table| {
            assert_eq!(table.meaning(list), [0, 0x0101, 0x0202, 0x0303]);
            assert!(words.iter().enumerate().all(|(at, word)| table.word(list, at) == *word));
            assert_eq!(table.meaning(other), [9; 4]);
            assert_eq!(table.word(list, usize::MAX), 0);
        });
        keeper.release_list(list, words.len());
        keeper.release(other);
        let (live, unused) = keeper.bytes();
        assert_eq!((live, keeper.values()), (before.0, 0));
        assert!(unused >= words.len() * 8);
    }

    #[test]
    fn each_change_has_another_number() {
        let mut keeper = Keeper::<Ipv4Addr>::new();
        let trie = keeper.trie().clone();
        let value = keeper.make([1; 4]).unwrap();
        let addr = Ipv4Addr::new(10, 1, 2, 0);
        let mut seen = vec![trie.changes()];
        let mut look = || {
            assert!(!seen.contains(&trie.changes()));
            seen.push(trie.changes());
        };
        for len in [0, 8, 24] {
            keeper.insert(addr, len, value).unwrap();
            look();
        }
        keeper.insert_all(&[(addr, 25, value), (addr, 26, value)], &mut Vec::new()).unwrap();
        look();
        for len in [0, 8, 24, 25] {
            keeper.remove(addr, len).unwrap();
            look();
        }
    }

    #[test]
    fn who_finds_no_memory_for_many_at_once_leaves_those_that_it_does_not_put_as_they_were() {
        let mut keeper = Keeper::<Ipv4Addr>::new();
        let [before, after] = [1, 2].map(|word| keeper.make([word, 0, 0, 0]).unwrap());
        let all: Vec<_> = (0..1 << 14).map(|n: u32| (Ipv4Addr::from(0x0a00_0000 | n), 32, after)).collect();
        // One node that could be written over in place, before others that need memory which the system does not have.
        keeper.insert(all[0].0, 16, before).unwrap();
        for (host, len, _) in &all[..256] {
            assert_eq!(keeper.insert(*host, *len, before), Ok(None));
        }
        MOST_WORDS.set(64 * 8 * 8);
        let mut had = Vec::new();
        let there = keeper.insert_all(&all, &mut had).expect_err("there is no memory for all");
        MOST_WORDS.set(usize::MAX);
        assert_eq!(had.len(), there);
        for (at, (host, ..)) in all.iter().enumerate() {
            let wanted = if at < there { after } else { before };
            assert_eq!(keeper.trie().lookup(*host), Some(wanted), "{host}, and {there} were put");
        }
    }
}

//! Look-ups of several keys at once, all a step at a time. A table that is larger than the caches answers each step from
//! memory: so a step first says which words it will want of each key, and then comes back for them, when they are on their way
//! together.
//!
//! As in `search.rs`, whatever is read must end and not panic.

use siding_lockorder::sync::atomic::AtomicU64;
use siding_lockorder::sync::atomic::Ordering;

use crate::hint;
use crate::key::Key;
use crate::node::FOLDED;
use crate::node::LINK;
use crate::node::Link;
use crate::node::UNFOLDED;
use crate::node::entry;
use crate::node::inherited;
use crate::node::rank;
use crate::trie::Trie;

/// Keys that are few.
const FEW: usize = 4;

/// A look-up on its way down.
#[derive(Clone, Copy)]
struct Way<'a> {
    /// The node that it is at, of which what is wanted first has been asked for.
    words: &'a [AtomicU64],
    /// The best value so far.
    best: u32,
    /// Where its entry is, counted in entries from the node's beginning; of one that is folded not known yet.
    entry: u16,
    unfolded: bool,
    /// The byte that the node decides.
    level: u8,
}

impl<'a> Way<'a> {
    const NOWHERE: Way<'static> = Way { words: &[], best: 0, entry: 0, unfolded: false, level: 0 };

    /// Goes to a node, and asks for the first of it that is wanted: an entry, or what says where that is.
    #[inline(always)]
    fn go<K: Key>(&mut self, trie: &'a Trie<K>, link: Link, place: u8) {
        self.words = trie.arena.node(link);
        self.unfolded = link.is_unfolded();
        self.entry = if self.unfolded { (2 * UNFOLDED) as u16 + u16::from(place) } else { 0 };
        hint::soon(self.words, usize::from(self.entry) / 2);
    }

    /// Finds where the entry is, and asks for it.
    #[inline(always)]
    fn find(&mut self, place: u8) {
        if !self.unfolded {
            let head = self.inherit();
            let at = 2 * FOLDED + rank(self.words, head, place);
            self.entry = at as u16;
            hint::soon(self.words, at / 2);
        }
    }

    /// What the node inherits, which what it says itself comes before.
    #[inline(always)]
    fn inherit(&mut self) -> u64 {
        let head = self.words.first().map_or(0, |head| head.load(Ordering::Acquire));
        let above = inherited(head);
        self.best = if above == 0 { self.best } else { above };
        head
    }

    /// Where the entry leads.
    #[inline(always)]
    fn take(&mut self) -> Link {
        let found = entry(self.words, 0, self.entry.into());
        let is_link = found & LINK != 0;
        if self.unfolded && (found == 0 || is_link) {
            self.inherit();
        }
        self.best = if found == 0 || is_link { self.best } else { found };
        self.level = self.level.wrapping_add(1);
        if is_link { Link(found & !LINK) } else { Link::NONE }
    }
}

impl<K: Key> Trie<K> {
    /// The values of several keys, in the way that is best for a table of this size.
    #[inline(always)]
    pub(crate) fn search_many<const MOST: usize>(&self, keys: &[K], values: &mut [u32; MOST]) {
        if !self.arena.is_small() {
            // Few are not worth room for many.
            return match keys.len() {
                0..=FEW => self.search_all::<FEW>(keys, values),
                _ => self.search_all::<MOST>(keys, values),
            };
        }
        // There is nothing to wait for.
        for (key, value) in keys.iter().zip(values) {
            *value = self.search(*key);
        }
    }

    /// `MOST` at the most, which is a power of two and fits a byte.
    #[inline(always)]
    fn search_all<const MOST: usize>(&self, keys: &[K], values: &mut [u32]) {
        let mut ways = [Way::NOWHERE; MOST];
        // Those that go on, in order.
        let mut under_way = [0_u8; MOST];
        let mut left = 0;
        for (at, (key, way)) in keys.iter().zip(&mut ways).enumerate() {
            let (from, level) = self.begin(*key);
            (way.best, way.level) = (from.best, level as u8);
            under_way[left & (MOST - 1)] = at as u8;
            if from.link != Link::NONE {
                way.go(self, from.link, key.octet(level));
                left += 1;
            }
        }
        for _ in K::ROOT..K::BYTES {
            let of_way = |at: u8| (usize::from(at) & (MOST - 1), keys.get(usize::from(at)));
            for at in under_way.iter().take(left) {
                let (at, Some(key)) = of_way(*at) else { continue };
                let way = &mut ways[at];
                way.find(key.octet(way.level.into()));
            }
            let mut still = 0;
            for turn in 0..left {
                let (at, Some(key)) = of_way(under_way[turn & (MOST - 1)]) else { continue };
                let way = &mut ways[at];
                let link = way.take();
                under_way[still & (MOST - 1)] = at as u8;
                if link != Link::NONE {
                    way.go(self, link, key.octet(way.level.into()));
                    still += 1;
                }
            }
            left = still;
            if left == 0 {
                break;
            }
        }
        let default = self.default.load(Ordering::Acquire) as u32;
        for (value, way) in values.iter_mut().zip(&ways).take(keys.len()) {
            *value = if way.best == 0 { default } else { way.best };
        }
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use core::net::Ipv6Addr;

    use super::FEW;
    use crate::keeper::Keeper;
    use crate::node::Value;

    /// All at a time find what each finds by itself, whether any of it is skipped or not.
    #[test]
    fn many_find_what_one_finds() {
        let mut state = 1_u64;
        let mut roll = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut keeper = Keeper::<Ipv6Addr>::new();
        let random = |roll: &mut dyn FnMut(u64) -> u64| {
            let second = [0x0db8_0000, 0x0db8_0100, 0x0db9_0000][roll(3) as usize];
            let rest = u128::from(roll(3)) << 60 | u128::from(roll(3)) << 40 | u128::from(roll(3));
            Ipv6Addr::from_bits((0x2001 + u128::from(roll(2))) << 112 | second << 80 | rest)
        };
        for change in 0..400 {
            let value = keeper.make([change; 4]).unwrap();
            let (key, len) = (random(&mut roll), [0, 16, 24, 30, 47, 48, 56, 64, 128][roll(9) as usize]);
            let old = match roll(3) {
                0 => keeper.remove(key, len).unwrap(),
                _ => keeper.insert(key, len, value).unwrap(),
            };
            old.into_iter().for_each(|old| keeper.release(old));
            let keys: Vec<Ipv6Addr> = (0..1 + roll(32)).map(|_| random(&mut roll)).collect();
            let mut found = [u32::MAX; 32];
            match keys.len() {
                0..=FEW => keeper.trie().search_all::<FEW>(&keys, &mut found),
                _ => keeper.trie().search_all::<32>(&keys, &mut found),
            }
            for (at, found) in found.into_iter().enumerate() {
                let expected = keys.get(at).map_or(u32::MAX, |key| keeper.trie().search(*key));
                assert_eq!(found, expected, "change {change}, {:?}", keys.get(at));
                let covering = keys.get(at).map(|key| {
                    let mut best = 0;
                    keeper.trie().search_covering(*key, &mut |_, value| best = value);
                    best
                });
                assert_eq!(
                    covering.unwrap_or(u32::MAX),
                    expected,
                    "{:?}",
                    keys.get(at).zip(Value::new(found))
                );
            }
        }
    }
}

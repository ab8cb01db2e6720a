//! What a look-up does with the words that it meets. What it reads may be used again meanwhile: it must end and not panic
//! whatever it reads, and [`Trie`] asks afterwards whether it was worth anything.

use siding_lockorder::sync::atomic::AtomicU64;
use siding_lockorder::sync::atomic::Ordering;

use crate::key::Key;
use crate::node::FOLDED;
use crate::node::LINK;
use crate::node::Link;
use crate::node::RootWord;
use crate::node::UNFOLDED;
use crate::node::entry;
use crate::node::inherited;
use crate::node::prefixes;
use crate::node::rank;
use crate::node::rank_in;
use crate::skip::Skip;
use crate::trie::Trie;

/// A look-up on its way down: where it goes on, and the best value so far.
#[derive(Debug, Clone, Copy)]
struct Way {
    link: Link,
    best: u32,
}

/// One node further down.
#[inline(always)]
fn step(words: &[AtomicU64], way: &mut Way, place: u8) {
    let unfolded = way.link.is_unfolded();
    let (head, found) = if unfolded {
        let found = entry(words, UNFOLDED, place.into());
        // Most end here, and with a value: the head, which is another cache line, is not needed then.
        if found != 0 && found & LINK == 0 {
            (0, found)
        } else {
            (words.first().map_or(0, |head| head.load(Ordering::Acquire)), found)
        }
    } else if let Some((front, entries)) = words.split_first_chunk::<FOLDED>() {
        let head = front[0].load(Ordering::Acquire);
        (head, entry(entries, 0, rank_in(front, head, place)))
    } else {
        (0, 0)
    };
    let above = inherited(head);
    way.best = if above == 0 { way.best } else { above };
    let is_link = found & LINK != 0;
    way.best = if found == 0 || is_link { way.best } else { found };
    way.link = if is_link { Link(found & !LINK) } else { Link::NONE };
}

impl<K: Key> Trie<K> {
    /// Where a look-up begins: at the byte that the node decides.
    #[inline(always)]
    fn begin(&self, key: K) -> (Way, usize) {
        let root = key.root();
        let word = RootWord(self.root.get(root).map_or(0, |word| word.load(Ordering::Acquire)));
        let skip = self.skips.get(root).and_then(|word| Skip(word.load(Ordering::Acquire)).take(key));
        let (link, level) = skip.unwrap_or((word.link(), K::ROOT));
        (Way { link, best: word.value() }, level)
    }

    #[inline(always)]
    fn end(&self, way: Way) -> u32 {
        if way.best == 0 { self.default.load(Ordering::Acquire) as u32 } else { way.best }
    }

    /// The value of the longest prefix; 0 for none.
    #[inline(always)]
    pub(crate) fn search(&self, key: K) -> u32 {
        let (mut way, first) = self.begin(key);
        for level in first..K::BYTES {
            if way.link == Link::NONE {
                break;
            }
            step(self.arena.node(way.link), &mut way, key.octet(level));
        }
        self.end(way)
    }

    /// The same for several, in the way that is best for a table of this size.
    #[inline(always)]
    pub(crate) fn search_many<const MOST: usize>(&self, keys: &[K], values: &mut [u32; MOST]) {
        if !self.arena.is_small() {
            return self.search_all(keys, values);
        }
        // There is nothing to wait for.
        for (key, value) in keys.iter().zip(values) {
            *value = self.search(*key);
        }
    }

    /// The same for several, all a step at a time: what one waits for from memory, the others wait for as well. `MOST` at the
    /// most, which is a power of two and fits a byte; for few it costs what few cost.
    #[inline(always)]
    fn search_all<const MOST: usize>(&self, keys: &[K], values: &mut [u32; MOST]) {
        // Those that go on, in order, each with its key's place and the byte that comes next.
        let mut under_way = [(Way { link: Link::NONE, best: 0 }, 0_u8, 0_u8); MOST];
        let mut left = 0;
        for (at, (key, value)) in keys.iter().zip(values.iter_mut()).enumerate() {
            let (way, level) = self.begin(*key);
            *value = way.best;
            under_way[left & (MOST - 1)] = (way, at as u8, level as u8);
            left += usize::from(way.link != Link::NONE);
        }
        for _ in K::ROOT..K::BYTES {
            if left == 0 {
                break;
            }
            let mut still = 0;
            for turn in 0..left {
                let (mut way, at, level) = under_way[turn & (MOST - 1)];
                let Some(key) = keys.get(usize::from(at)) else { continue };
                step(self.arena.node(way.link), &mut way, key.octet(level.into()));
                values[usize::from(at) & (MOST - 1)] = way.best;
                under_way[still & (MOST - 1)] = (way, at, level.wrapping_add(1));
                still += usize::from(way.link != Link::NONE);
            }
            left = still;
        }
        let default = self.default.load(Ordering::Acquire) as u32;
        for value in values.iter_mut().take(keys.len()).filter(|value| **value == 0) {
            *value = default;
        }
    }

    /// Calls `found` with the length and the value of each prefix of `key`, the shorter first.
    pub(crate) fn search_covering(&self, key: K, found: &mut impl FnMut(u8, u32)) {
        let default = self.default.load(Ordering::Acquire) as u32;
        if default != 0 {
            found(0, default);
        }
        let short = Link(self.short.load(Ordering::Acquire) as u32);
        self.descend(short, key, 0..K::ROOT, found);
        let root = RootWord(self.root.get(key.root()).map_or(0, |word| word.load(Ordering::Acquire)));
        self.descend(root.link(), key, K::ROOT..K::BYTES, found);
    }

    fn descend(
        &self,
        mut link: Link,
        key: K,
        levels: std::ops::Range<usize>,
        found: &mut impl FnMut(u8, u32),
    ) {
        for level in levels {
            if link == Link::NONE {
                return;
            }
            let words = self.arena.from(link.line());
            let place = key.octet(level);
            for (bits, value) in prefixes(words, link) {
                let len = bits.max(1).ilog2();
                if bits == (256 | u16::from(place)) >> (8 - len) {
                    found(level as u8 * 8 + len as u8, value);
                }
            }
            let next = match link.is_unfolded() {
                true => entry(words, UNFOLDED, place.into()),
                false => {
                    let head = words.first().map_or(0, |head| head.load(Ordering::Relaxed));
                    entry(words, FOLDED, rank(words, head, place))
                }
            };
            link = if next & LINK == 0 { Link::NONE } else { Link(next & !LINK) };
        }
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use core::net::Ipv6Addr;

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
            keeper.trie().search_all(&keys, &mut found);
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

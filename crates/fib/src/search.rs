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
    } else {
        let head = words.first().map_or(0, |head| head.load(Ordering::Acquire));
        (head, entry(words, FOLDED, rank(words, head, place)))
    };
    let above = inherited(head);
    way.best = if above == 0 { way.best } else { above };
    let is_link = found & LINK != 0;
    way.best = if found == 0 || is_link { way.best } else { found };
    way.link = if is_link { Link(found & !LINK) } else { Link::NONE };
}

impl<K: Key> Trie<K> {
    #[inline(always)]
    fn begin(&self, key: K) -> Way {
        let word = RootWord(self.root.get(key.root()).map_or(0, |word| word.load(Ordering::Acquire)));
        Way { link: word.link(), best: word.value() }
    }

    #[inline(always)]
    fn end(&self, way: Way) -> u32 {
        if way.best == 0 { self.default.load(Ordering::Acquire) as u32 } else { way.best }
    }

    /// The value of the longest prefix; 0 for none.
    #[inline(always)]
    pub(crate) fn search(&self, key: K) -> u32 {
        let mut way = self.begin(key);
        for level in K::ROOT..K::BYTES {
            if way.link == Link::NONE {
                break;
            }
            step(self.arena.from(way.link.line()), &mut way, key.octet(level));
        }
        self.end(way)
    }

    /// The same for several, all a step at a time: what one waits for from memory, the others wait for as well.
    #[inline(always)]
    pub(crate) fn search_all<const MOST: usize>(&self, keys: &[K], values: &mut [u32]) {
        let mut ways = [Way { link: Link::NONE, best: 0 }; MOST];
        let mut under_way = [0_u8; MOST];
        let mut left = 0;
        for (at, (key, way)) in keys.iter().zip(&mut ways).enumerate() {
            *way = self.begin(*key);
            under_way[left & (MOST - 1)] = at as u8;
            left += usize::from(way.link != Link::NONE);
        }
        for level in K::ROOT..K::BYTES {
            if left == 0 {
                break;
            }
            let mut still = 0;
            for turn in 0..left {
                let at = under_way[turn & (MOST - 1)];
                let way = &mut ways[usize::from(at) & (MOST - 1)];
                let Some(key) = keys.get(usize::from(at)) else { continue };
                step(self.arena.from(way.link.line()), way, key.octet(level));
                under_way[still & (MOST - 1)] = at;
                still += usize::from(way.link != Link::NONE);
            }
            left = still;
        }
        for (value, way) in values.iter_mut().zip(ways) {
            *value = self.end(way);
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
        self.descend(self.begin(key).link, key, K::ROOT..K::BYTES, found);
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

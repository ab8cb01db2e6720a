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
pub(crate) struct Way {
    pub(crate) link: Link,
    pub(crate) best: u32,
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
    pub(crate) fn begin(&self, key: K) -> (Way, usize) {
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

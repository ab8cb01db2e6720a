//! A node taken apart, changed, and put together again.

use siding_lockorder::sync::atomic::AtomicU64;
use siding_lockorder::sync::atomic::Ordering;

use crate::node;
use crate::node::FOLDED;
use crate::node::LINK;
use crate::node::Link;
use crate::node::PLACES;
use crate::node::UNFOLDED;

/// Runs from which on a node is kept unfolded: it would not be much smaller otherwise.
const MANY: usize = 96;
/// The same for the nodes that most look-ups meet first.
const MANY_AT_ONCE: usize = 12;

/// What is in a node.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// Prefixes that end in it: their bits after a 1, and their values. The shorter first.
    pub(crate) prefixes: Vec<(u16, u32)>,
    /// Nodes below, by their places.
    pub(crate) below: Vec<(u8, Link)>,
    /// What it inherits.
    pub(crate) inherited: u32,
}

/// A node as it is to lie in memory, without its links' inheritances.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) words: Vec<u64>,
    pub(crate) unfolded: bool,
}

impl Draft {
    /// Empties it for another node.
    pub(crate) fn clear(&mut self) {
        self.prefixes.clear();
        self.below.clear();
        self.inherited = 0;
    }

    /// Takes a node apart.
    pub(crate) fn read(&mut self, words: &[AtomicU64], link: Link) {
        self.clear();
        let head = words.first().map_or(0, |head| head.load(Ordering::Relaxed));
        self.inherited = node::inherited(head);
        self.prefixes.extend(node::prefixes(words, link));
        let mut below = |place: usize, at: usize| {
            let entry = node::entry(words, link.head(), at);
            if entry & LINK != 0 {
                self.below.push((place as u8, Link(entry & !LINK)));
            }
        };
        if link.is_unfolded() {
            (0..2 * PLACES).for_each(|place| below(place, place));
            return;
        }
        let mut at = 0;
        for word in 0..4 {
            let mut bits = words.get(1 + word).map_or(0, |bits| bits.load(Ordering::Relaxed));
            while bits != 0 {
                below(word * 64 + bits.trailing_zeros() as usize, at);
                bits &= bits - 1;
                at += 1;
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.below.is_empty()
    }

    /// Puts in a prefix, or another value for it; gives the value before, 0 for none.
    pub(crate) fn insert(&mut self, bits: u16, value: u32) -> u32 {
        match self.prefixes.binary_search_by_key(&bits, |prefix| prefix.0) {
            Ok(at) => std::mem::replace(&mut self.prefixes[at].1, value),
            Err(at) => {
                self.prefixes.insert(at, (bits, value));
                0
            }
        }
    }

    /// Takes out a prefix; gives its value, 0 if it was not there.
    pub(crate) fn remove(&mut self, bits: u16) -> u32 {
        match self.prefixes.binary_search_by_key(&bits, |prefix| prefix.0) {
            Ok(at) => self.prefixes.remove(at).1,
            Err(_) => 0,
        }
    }

    /// Puts in a link, in the place of the one that is there, or takes it out.
    pub(crate) fn link(&mut self, place: u8, link: Link) {
        self.below.retain(|below| below.0 != place);
        if link != Link::NONE {
            self.below.push((place, link));
        }
    }

    /// The node in memory. Calls `inherits` with each node below and the value that it inherits. `at_once`: most look-ups
    /// meet it first.
    pub(crate) fn image(&self, at_once: bool, image: &mut Image, mut inherits: impl FnMut(Link, u32)) {
        let mut places = [0_u32; 2 * PLACES];
        for (bits, value) in &self.prefixes {
            let len = bits.ilog2();
            let first = usize::from(bits << (8 - len)) & 0xff;
            places[first..first + (256 >> len)].fill(*value);
        }
        for (place, link) in &self.below {
            let place = &mut places[usize::from(*place)];
            inherits(*link, *place);
            *place = LINK | link.0;
        }
        let mut bitmap = [1, 0, 0, 0];
        let mut runs = 1;
        for at in 1..places.len() {
            let begins = places[at] != places[at - 1];
            bitmap[at / 64] |= u64::from(begins) << (at % 64);
            runs += usize::from(begins);
        }
        image.unfolded = runs > if at_once { MANY_AT_ONCE } else { MANY };
        let words = &mut image.words;
        words.clear();
        let has_prefixes = !self.prefixes.is_empty();
        if image.unfolded {
            words.push(node::head(self.inherited, None, has_prefixes));
            words.extend(places.chunks(2).map(|pair| pair_of(pair[0], pair[1])));
            debug_assert_eq!(words.len(), UNFOLDED + PLACES);
        } else {
            words.push(node::head(self.inherited, Some(&bitmap), has_prefixes));
            words.extend(bitmap);
            let begins = |at: &usize| bitmap[at / 64] >> (at % 64) & 1 != 0;
            let mut runs = (0..places.len()).filter(begins).map(|at| places[at]);
            while let Some(first) = runs.next() {
                words.push(pair_of(first, runs.next().unwrap_or(0)));
            }
            debug_assert!(words.len() >= FOLDED);
        }
        let last = self.prefixes.len().wrapping_sub(1);
        words.extend(
            self.prefixes
                .iter()
                .enumerate()
                .map(|(at, (bits, value))| node::prefix(*bits, *value, at == last)),
        );
    }
}

impl Image {
    /// Whether it lies as the node does that is there, so that its values may be written over that one's.
    pub(crate) fn is_like(&self, words: &[AtomicU64], link: Link, len: usize) -> bool {
        let bitmap =
            |at: usize| words.get(at).map(|word| word.load(Ordering::Relaxed)) == Some(self.words[at]);
        self.unfolded == link.is_unfolded()
            && self.words.len() == len
            && (self.unfolded || (1..FOLDED).all(bitmap))
    }
}

fn pair_of(first: u32, second: u32) -> u64 {
    u64::from(first) | u64::from(second) << 32
}

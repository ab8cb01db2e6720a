//! What most look-ups may leave out: where all that lies below a word of the root begins with the same bytes, the nodes that
//! decide these are gone past in one step. So it is in the table of whoever has one prefix of a provider.
//!
//! The nodes stay as they are, and the keeper knows nothing else: a skip is taken away before anything below its word of the
//! root changes, and found anew afterwards. In between readers go step by step.

use siding_lockorder::sync::atomic::Ordering;

use crate::key::Key;
use crate::node;
use crate::node::Link;
use crate::nodes::Nodes;
use crate::nodes::Place;
use crate::trie::MOST_SKIPPED as MOST;

const LINK_BITS: u32 = 31;
const COUNT_AT: u32 = 62;

/// How many bytes are skipped, which these are, and the node that decides the next one; 0 for none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Skip(pub(crate) u64);

impl Skip {
    fn new(bytes: &[u8], link: Link) -> Skip {
        let number = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Skip((bytes.len() as u64) << COUNT_AT | number << LINK_BITS | u64::from(link.0))
    }

    /// The node to go on with, and the byte that it decides, if the key has all those bytes.
    #[inline(always)]
    pub(crate) fn take<K: Key>(self, key: K) -> Option<(Link, usize)> {
        if self.0 == 0 {
            return None;
        }
        let count = (self.0 >> COUNT_AT) as usize;
        let three = (0..MOST).fold(0, |three, at| three << 8 | u64::from(key.octet(K::ROOT + at)));
        let has = three >> (8 * (MOST - count));
        let same = has == self.0 << (64 - COUNT_AT) >> (64 - COUNT_AT + LINK_BITS);
        same.then_some((Link(self.0 as u32 & ((1 << LINK_BITS) - 1)), K::ROOT + count))
    }
}

impl<K: Key> Nodes<K> {
    /// To be called before anything changes below a word of the root.
    pub(crate) fn forget_skip(&self, root: usize) {
        if let Some(word) = self.trie.skips.get(root)
            && word.load(Ordering::Relaxed) != 0
            && !siding_lockorder::sync::mutant("fib-skip-kept")
        {
            // Seen by whoever sees what changes then, or that memory is used again.
            word.store(0, Ordering::Release);
        }
    }

    /// To be called when all is as it is to be below a word of the root.
    pub(crate) fn find_skip(&self, root: usize) {
        let Some(word) = self.trie.skips.get(root) else { return };
        let mut link = self.get(Place::Root(root));
        let (mut bytes, mut count) = ([0; MOST], 0);
        while count < MOST
            && let Some((byte, below)) = self.only(link)
        {
            bytes[count] = byte;
            (link, count) = (below, count + 1);
        }
        if count > 0 {
            // The node may be new to whoever comes by this word, and by no other.
            let order = match siding_lockorder::sync::mutant("fib-skip-relaxed") {
                true => Ordering::Relaxed,
                false => Ordering::Release,
            };
            word.store(Skip::new(&bytes[..count], link).0, order);
        }
    }

    /// The node below and its place, if there is nothing else in a node.
    fn only(&self, link: Link) -> Option<(u8, Link)> {
        let words = if link == Link::NONE { &[] } else { self.trie.arena.from(link.line()) };
        if words.is_empty() || link.is_unfolded() || node::prefixes(words, link).next().is_some() {
            return None;
        }
        // A run of nothing, the one that is there, and a run of nothing.
        let entries = node::entries(words, link);
        let at = (0..entries.min(3)).find(|at| node::entry(words, link.head(), *at) != 0)?;
        let lone = entries <= 3 && (at + 1..entries).all(|at| node::entry(words, link.head(), at) == 0);
        let entry = node::entry(words, link.head(), at);
        if !lone || entry & node::LINK == 0 {
            return None;
        }
        let place = (0..=u8::MAX).find(|place| {
            let head = words.first().map_or(0, |head| head.load(Ordering::Relaxed));
            node::rank(words, head, *place) == at
        })?;
        // Two places that are next to each other have two entries, as their nodes are two.
        Some((place, Link(entry & !node::LINK)))
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv6Addr;

    use super::*;

    #[test]
    fn who_has_the_bytes_goes_past_them() {
        let key = |third: u8| Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(third) << 88);
        for count in 1..=MOST {
            let skip = Skip::new(&[0x0d, 0xb8, 7][..count], Link(0x7fff_fffe));
            assert_eq!(skip.take(key(7)), Some((Link(0x7fff_fffe), 2 + count)));
            assert_eq!(skip.take(key(8)).is_some(), count < 3);
            assert_eq!(skip.take(Ipv6Addr::from_bits(0x2001_0cb8_0700 << 80)), None);
        }
        assert_eq!(Skip(0).take(key(7)), None);
    }
}

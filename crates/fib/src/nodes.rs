//! The nodes, as the keeper changes them: each change makes one node anew, or writes over its values.

use core::fmt;
use std::sync::Arc;

use siding_lockorder::sync::atomic::AtomicU64;
use siding_lockorder::sync::atomic::Ordering;

use crate::build::Draft;
use crate::build::Image;
use crate::key::Key;
use crate::node;
use crate::node::LINK;
use crate::node::Link;
use crate::node::RootWord;
use crate::room::Room;
use crate::trie::Trie;

/// What holds the nodes of a trie, and changes them.
pub(crate) struct Nodes<K> {
    pub(crate) trie: Arc<Trie<K>>,
    pub(crate) room: Room,
    // What a change works with, kept so that none allocates.
    draft: Draft,
    /// One for each level, for changes of many.
    pub(crate) drafts: Vec<Draft>,
    pub(crate) image: Image,
    pub(crate) heirs: Vec<(Link, u32)>,
    path: Vec<(Place, Link)>,
}

/// There is no more memory that a word of a node could name: more than 2^27 lines of 64 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the table of routes is full: remove some first")
    }
}

impl std::error::Error for Full {}

/// Where a link is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Short,
    Root(usize),
    /// Half of a word of a node.
    Entry {
        line: usize,
        word: usize,
        high: bool,
    },
}

impl<K: Key> Nodes<K> {
    pub(crate) fn new(most: usize) -> Nodes<K> {
        Nodes {
            trie: Arc::new(Trie::new()),
            room: Room::new(most),
            draft: Draft::default(),
            drafts: Vec::new(),
            image: Image { words: Vec::new(), unfolded: false },
            heirs: Vec::new(),
            path: Vec::new(),
        }
    }

    /// Puts a prefix into the nodes below `place`, which decide from byte `level` on.
    pub(crate) fn put(
        &mut self,
        place: Place,
        level: usize,
        key: K,
        len: u8,
        value: u32,
    ) -> Result<u32, Full> {
        let (target, bits) = end_of(key, len);
        self.walk(place, level, key, target);
        let depth = self.path.len();
        if level + depth == target + 1 {
            return self.change(depth - 1, level, |draft| draft.insert(bits, value));
        }
        // From the lowest up, so that nobody sees it before it is whole.
        self.draft.clear();
        self.draft.insert(bits, value);
        let mut link = self.write(target)?;
        for above in (level + depth..target).rev() {
            self.draft.clear();
            self.draft.link(key.octet(above), link);
            link = match self.write(above) {
                Ok(link) => link,
                Err(full) => return self.undo(link, full),
            };
        }
        if depth == 0 {
            self.set(place, link);
            return Ok(0);
        }
        let changed = self.change(depth - 1, level, |draft| {
            draft.link(key.octet(level + depth - 1), link);
            0
        });
        match changed {
            Ok(_) => Ok(0),
            Err(full) => self.undo(link, full),
        }
    }

    /// Takes a prefix out of the nodes below `place`.
    pub(crate) fn take(&mut self, place: Place, level: usize, key: K, len: u8) -> Result<u32, Full> {
        let (target, bits) = end_of(key, len);
        self.walk(place, level, key, target);
        let mut depth = self.path.len();
        if level + depth != target + 1 {
            return Ok(0);
        }
        // Nodes with nothing else in them go with it: up to the lowest that stays.
        let mut old = self.peek(depth - 1, |draft| draft.remove(bits));
        if old == 0 {
            return Ok(0);
        }
        let mut gone = 0;
        while self.draft.is_empty() && depth > 1 {
            depth -= 1;
            gone += 1;
            self.peek(depth - 1, |draft| {
                draft.link(key.octet(level + depth - 1), Link::NONE);
                0
            });
        }
        if self.draft.is_empty() {
            self.set(place, Link::NONE);
            gone += 1;
        } else {
            let removed = self.change(depth - 1, level, |draft| match gone {
                0 => draft.remove(bits),
                _ => {
                    draft.link(key.octet(level + depth - 1), Link::NONE);
                    0
                }
            })?;
            old = old.max(removed);
        }
        for _ in 0..gone {
            if let Some((_, link)) = self.path.pop() {
                self.give(link);
            }
        }
        Ok(old)
    }

    /// Notes the nodes on the way to the one that decides byte `target`, as far as they are there.
    fn walk(&mut self, mut place: Place, level: usize, key: K, target: usize) {
        self.path.clear();
        for level in level..=target {
            let link = self.get(place);
            if link == Link::NONE {
                break;
            }
            self.path.push((place, link));
            let words = self.trie.arena.from(link.line());
            let at = if link.is_unfolded() {
                usize::from(key.octet(level))
            } else {
                let head = words.first().map_or(0, |head| head.load(Ordering::Relaxed));
                node::rank(words, head, key.octet(level))
            };
            place = Place::Entry { line: link.line(), word: link.head() + at / 2, high: at % 2 == 1 };
        }
    }

    /// What is in the node at this depth of the path, changed, in the draft.
    fn peek(&mut self, depth: usize, edit: impl FnOnce(&mut Draft) -> u32) -> u32 {
        let (_, link) = self.path[depth];
        self.draft.read(self.trie.arena.from(link.line()), link);
        edit(&mut self.draft)
    }

    /// Changes the node at this depth of the path, and publishes it.
    fn change(
        &mut self,
        depth: usize,
        level: usize,
        edit: impl FnOnce(&mut Draft) -> u32,
    ) -> Result<u32, Full> {
        let (place, link) = self.path[depth];
        let answer = self.peek(depth, edit);
        self.heirs.clear();
        let heirs = &mut self.heirs;
        self.draft
            .image(is_first::<K>(level + depth), &mut self.image, |heir, value| heirs.push((heir, value)));
        let words = self.trie.arena.from(link.line());
        if self.image.is_like(words, link, size(words, link)) {
            self.bequeath();
            for (there, word) in words.iter().zip(&self.image.words) {
                if there.load(Ordering::Relaxed) != *word {
                    there.store(*word, Ordering::Release);
                }
            }
            return Ok(answer);
        }
        let new = self.place_image()?;
        self.bequeath();
        self.set(place, new);
        self.give(link);
        Ok(answer)
    }

    /// Writes the draft as a node that nobody links to yet.
    fn write(&mut self, level: usize) -> Result<Link, Full> {
        self.heirs.clear();
        let heirs = &mut self.heirs;
        self.draft.image(is_first::<K>(level), &mut self.image, |heir, value| heirs.push((heir, value)));
        let link = self.place_image()?;
        self.bequeath();
        Ok(link)
    }

    pub(crate) fn place_image(&mut self) -> Result<Link, Full> {
        let line = self.room.take(&self.trie.arena, self.image.words.len()).ok_or(Full)?;
        let Some(link) = Link::new(line, self.image.unfolded) else { return Err(Full) };
        for (there, word) in self.trie.arena.from(link.line()).iter().zip(&self.image.words) {
            there.store(*word, Ordering::Relaxed);
        }
        Ok(link)
    }

    /// Tells the nodes below what they inherit.
    pub(crate) fn bequeath(&self) {
        for (heir, value) in &self.heirs {
            if let Some(head) = self.trie.arena.from(heir.line()).first() {
                let there = head.load(Ordering::Relaxed);
                if node::inherited(there) != *value {
                    head.store(node::inheriting(there, *value), Ordering::Release);
                }
            }
        }
    }

    /// Gives back nodes that were written and are not to be linked to.
    fn undo(&mut self, mut link: Link, full: Full) -> Result<u32, Full> {
        while link != Link::NONE {
            self.draft.read(self.trie.arena.from(link.line()), link);
            let below = self.draft.below.first().map_or(Link::NONE, |below| below.1);
            self.give(link);
            link = below;
        }
        Err(full)
    }

    pub(crate) fn give(&mut self, link: Link) {
        let words = size(self.trie.arena.from(link.line()), link);
        self.room.give(&self.trie.arena, link.line() as u32, words);
    }

    pub(crate) fn get(&self, place: Place) -> Link {
        match place {
            Place::Short => Link(self.trie.short.load(Ordering::Relaxed) as u32),
            Place::Root(at) => RootWord(self.trie.root[at].load(Ordering::Relaxed)).link(),
            Place::Entry { line, word, high } => {
                let entry = node::entry(self.trie.arena.from(line), word, usize::from(high));
                if entry & LINK == 0 { Link::NONE } else { Link(entry & !LINK) }
            }
        }
    }

    /// Publishes a link.
    pub(crate) fn set(&self, place: Place, link: Link) {
        match place {
            Place::Short => self.trie.short.store(link.0.into(), Ordering::Release),
            Place::Root(at) => {
                let word = &self.trie.root[at];
                let there = RootWord(word.load(Ordering::Relaxed));
                let order = match siding_lockorder::sync::mutant("fib-publishes-relaxed") {
                    true => Ordering::Relaxed,
                    false => Ordering::Release,
                };
                word.store(RootWord::new(there.value(), there.len(), link).0, order);
            }
            Place::Entry { line, word, high } => {
                let Some(pair) = self.trie.arena.from(line).get(word) else { return };
                let shift = u32::from(high) * 32;
                let others = pair.load(Ordering::Relaxed) & !(u64::from(u32::MAX) << shift);
                pair.store(others | u64::from(LINK | link.0) << shift, Ordering::Release);
            }
        }
    }
}

/// Whether most look-ups meet a node of this level first.
pub(crate) fn is_first<K: Key>(level: usize) -> bool {
    K::ROOT == 2 && level == 2
}

/// The byte in which a prefix ends, and its bits in there after a 1.
pub(crate) fn end_of<K: Key>(key: K, len: u8) -> (usize, u16) {
    let target = (usize::from(len).min(8 * K::BYTES) - 1) / 8;
    let own = usize::from(len).min(8 * K::BYTES) - 8 * target;
    (target, (256 | u16::from(key.octet(target))) >> (8 - own))
}

/// Words of a node.
pub(crate) fn size(words: &[AtomicU64], link: Link) -> usize {
    link.head() + node::entries(words, link).div_ceil(2) + node::prefixes(words, link).count()
}

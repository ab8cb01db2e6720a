//! Many prefixes at once: each node that they change is made anew once, whatever comes into it, and all that lies below one
//! word of the root is published by that word.

use siding_lockorder::sync::atomic::Ordering;

use crate::build::Draft;
use crate::key::Key;
use crate::node::Link;
use crate::nodes::Full;
use crate::nodes::Nodes;
use crate::nodes::Place;
use crate::nodes::end_of;
use crate::nodes::is_first;
use crate::nodes::size;

/// Prefixes that are to have values: the keys, the lengths, the values' numbers.
pub(crate) type Edits<'a, K> = &'a [(K, u8, u32)];

impl<K: Key> Nodes<K> {
    /// Puts prefixes into the nodes below `place`, which decide from byte `level` on, and notes which values they had. They
    /// are in order of their keys, then of their lengths. To be called with [room](Self::has_room) enough.
    pub(crate) fn put_all(
        &mut self,
        place: Place,
        level: usize,
        edits: Edits<'_, K>,
        had: &mut [u32],
    ) -> Result<(), Full> {
        let before = self.get(place);
        let mut gone = Vec::new();
        let link = self.remake(before, level, edits, had, &mut gone)?;
        if link != before {
            self.set(place, link);
        }
        // Nobody finds these any more.
        gone.into_iter().for_each(|link| self.give(link));
        Ok(())
    }

    /// Whether there is room for whatever so many prefixes may need: each may make all the nodes on its way anew.
    pub(crate) fn has_room(&self, prefixes: usize) -> bool {
        self.room.has(&self.trie.arena, prefixes * (K::BYTES - K::ROOT))
    }

    /// A node with prefixes put into it and into those below it; the same one, if they could be written over what is there.
    fn remake(
        &mut self,
        before: Link,
        level: usize,
        edits: Edits<'_, K>,
        had: &mut [u32],
        gone: &mut Vec<Link>,
    ) -> Result<Link, Full> {
        let mut draft = self.drafts.pop().unwrap_or_default();
        draft.clear();
        if before != Link::NONE {
            draft.read(self.trie.arena.from(before.line()), before);
        }
        let made = self
            .fill(&mut draft, level, edits, had, gone)
            .and_then(|()| self.finish(&draft, before, level, gone));
        self.drafts.push(draft);
        made
    }

    fn fill(
        &mut self,
        draft: &mut Draft,
        level: usize,
        mut edits: Edits<'_, K>,
        mut had: &mut [u32],
        gone: &mut Vec<Link>,
    ) -> Result<(), Full> {
        let ends = |len: u8| usize::from(len) <= 8 * (level + 1);
        while let Some((key, len, value)) = edits.first().copied() {
            let octet = key.octet(level);
            let below = |edit: &(K, u8, u32)| !ends(edit.1) && edit.0.octet(level) == octet;
            let many = edits.iter().position(|edit| !below(edit)).unwrap_or(edits.len()).max(1);
            let (now, later) = edits.split_at(many);
            let (had_now, had_later) = had.split_at_mut(many);
            if ends(len) {
                let (_, bits) = end_of(key, len);
                had_now[0] = draft.insert(bits, value);
            } else {
                let there =
                    draft.below.iter().find(|below| below.0 == octet).map_or(Link::NONE, |below| below.1);
                let made = self.remake(there, level + 1, now, had_now, gone)?;
                if made != there {
                    draft.link(octet, made);
                }
            }
            (edits, had) = (later, had_later);
        }
        Ok(())
    }

    /// The draft as a node, which nobody links to yet if it is another than before.
    fn finish(
        &mut self,
        draft: &Draft,
        before: Link,
        level: usize,
        gone: &mut Vec<Link>,
    ) -> Result<Link, Full> {
        self.heirs.clear();
        let heirs = &mut self.heirs;
        draft.image(is_first::<K>(level), &mut self.image, |heir, value| heirs.push((heir, value)));
        if before != Link::NONE {
            let words = self.trie.arena.from(before.line());
            if self.image.is_like(words, before, size(words, before)) {
                self.bequeath();
                // A node below may be new.
                let order = match siding_lockorder::sync::mutant("fib-many-relaxed") {
                    true => Ordering::Relaxed,
                    false => Ordering::Release,
                };
                for (there, word) in words.iter().zip(&self.image.words) {
                    if there.load(Ordering::Relaxed) != *word {
                        there.store(*word, order);
                    }
                }
                return Ok(before);
            }
            gone.push(before);
        }
        let made = self.place_image()?;
        self.bequeath();
        Ok(made)
    }
}

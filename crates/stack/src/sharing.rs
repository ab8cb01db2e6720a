//! Collections whose copies share what has not changed since: a configuration is copied for each change, and of thousands of
//! interfaces most changes are about one.
//!
//! A copy costs a pointer for each sixteen places, or nothing but one for a map; the first change of a copy costs what lies
//! with the changed one. Readers pay one pointer that they follow. What is copied is made where it is to be, never on the stack:
//! sixteen interfaces are more than some threads have of it.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::hash::Hash;
use std::sync::Arc;

/// Places that are copied together.
const GROUP: usize = 16;

/// Values by small numbers.
#[derive(Debug, Clone)]
pub(crate) struct Slots<T> {
    /// Nothing where no place was ever taken.
    groups: Vec<Group<T>>,
    /// Changes so far, of this and of what it was copied from.
    changes: u64,
    len: usize,
}

type Group<T> = Option<Arc<[Slot<T>]>>;

#[derive(Debug, Clone)]
struct Slot<T> {
    /// The change that was its last; 0 for none.
    changed: u64,
    value: Option<T>,
}

impl<T> Default for Slots<T> {
    fn default() -> Slots<T> {
        Slots { groups: Vec::new(), changes: 0, len: 0 }
    }
}

impl<T> Slots<T> {
    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.groups.get(at / GROUP)?.as_ref()?.get(at % GROUP)?.value.as_ref()
    }

    /// All values, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.groups.iter().flatten().flat_map(|group| group.iter()).filter_map(|slot| slot.value.as_ref())
    }

    /// All places are before this one.
    pub(crate) fn places(&self) -> usize {
        self.groups.len() * GROUP
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The places that were changed since this was as `before`, of which it is a copy of copies, in order. Those who were
    /// changed and are as they were are among them.
    pub(crate) fn changed<'a>(&'a self, before: &'a Slots<T>) -> impl Iterator<Item = usize> + 'a {
        let groups = 0..self.groups.len().max(before.groups.len());
        groups.flat_map(move |at| {
            let group = |slots: &'a Slots<T>| slots.groups.get(at).and_then(Option::as_ref);
            let (was, is) = (group(before), group(self));
            let same = match (was, is) {
                (Some(was), Some(is)) => Arc::ptr_eq(was, is),
                (was, is) => was.is_none() && is.is_none(),
            };
            let changed = |group: Option<&Arc<[Slot<T>]>>, place: usize| {
                group.and_then(|group| group.get(place)).map_or(0, |slot| slot.changed)
            };
            let places = if same { 0..0 } else { 0..GROUP };
            places
                .filter(move |place| changed(was, *place) != changed(is, *place))
                .map(move |place| at * GROUP + place)
        })
    }
}

impl<T: Clone> Slots<T> {
    /// The value at a place, to be changed.
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.get(at)?;
        self.slot(at)?.value.as_mut()
    }

    /// Puts a value, or nothing, at a place; gives what was there.
    pub(crate) fn set(&mut self, at: usize, value: Option<T>) -> Option<T> {
        if value.is_none() && self.get(at).is_none() {
            return None;
        }
        if self.groups.len() <= at / GROUP {
            self.groups.resize_with(at / GROUP + 1, || None);
        }
        let is = usize::from(value.is_some());
        let before = std::mem::replace(&mut self.slot(at)?.value, value);
        self.len = self.len + is - usize::from(before.is_some());
        before
    }

    /// A place to be changed, whose group is there from now on.
    fn slot(&mut self, at: usize) -> Option<&mut Slot<T>> {
        let group = self.groups.get_mut(at / GROUP)?;
        let empty = |_| Slot { changed: 0, value: None };
        let group = group.get_or_insert_with(|| (0..GROUP).map(empty).collect());
        self.changes += 1;
        let slot = Arc::make_mut(group).get_mut(at % GROUP)?;
        slot.changed = self.changes;
        Some(slot)
    }
}

/// Parts of a map, each copied by itself.
const SHARDS: usize = 256;

/// A map.
#[derive(Debug)]
pub(crate) struct Shards<K, V, S> {
    /// Empty as long as the map is.
    shards: Arc<Vec<Arc<HashMap<K, V, S>>>>,
    hasher: S,
    len: usize,
}

impl<K, V, S: Default> Default for Shards<K, V, S> {
    fn default() -> Self {
        Shards { shards: Arc::default(), hasher: S::default(), len: 0 }
    }
}

impl<K, V, S: Clone> Clone for Shards<K, V, S> {
    fn clone(&self) -> Self {
        Shards { shards: self.shards.clone(), hasher: self.hasher.clone(), len: self.len }
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Shards<K, V, S> {
    /// The part that a key is in: by bits that the map within does not look at.
    #[inline]
    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        (self.hasher.hash_one(key) >> 40) as usize % SHARDS
    }

    #[inline]
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shards.get(self.shard(key))?.get(key)
    }

    /// All entries, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl<K: Hash + Eq + Clone, V: Clone, S: BuildHasher + Clone + Default> Shards<K, V, S> {
    /// Gives a key the value that `change` makes of its present one.
    pub(crate) fn change(&mut self, key: K, change: impl FnOnce(Option<V>) -> Option<V>) {
        let at = self.shard(&key);
        let shards = Arc::make_mut(&mut self.shards);
        if shards.is_empty() {
            shards.resize_with(SHARDS, Arc::default);
        }
        let shard = Arc::make_mut(&mut shards[at]);
        let before = shard.len();
        if let Some(value) = change(shard.remove(&key)) {
            shard.insert(key, value);
        }
        self.len = self.len + shard.len() - before;
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;

    #[test]
    fn a_copy_shares_all_but_what_lies_with_the_changed() {
        let mut before = Slots::default();
        (0..100).for_each(|at| assert_eq!(before.set(at, Some(at)), None));
        let mut after = before.clone();
        *after.get_mut(40).unwrap() = 7;
        assert_eq!((before.get(40), after.get(40)), (Some(&40), Some(&7)));
        let same = |(a, b): &(&Group<usize>, &Group<usize>)| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        let shared = before.groups.iter().zip(&after.groups).filter(same).count();
        assert_eq!(shared, before.groups.len() - 1);
    }

    #[test]
    fn what_has_changed_is_told_and_nothing_else() {
        let before = {
            let mut slots = Slots::default();
            (0..100).for_each(|at| assert_eq!(slots.set(at, Some(at)), None));
            slots
        };
        let mut after = before.clone();
        assert_eq!(after.changed(&before).count(), 0);
        *after.get_mut(17).unwrap() = 18;
        assert_eq!(after.set(40, None), Some(40));
        assert_eq!(after.set(200, Some(200)), None);
        // Nothing is there, and nothing is put there.
        assert_eq!((after.set(150, None), after.get_mut(150)), (None, None));
        let between = after.clone();
        *after.get_mut(18).unwrap() = 19;
        assert_eq!(after.changed(&before).collect::<Vec<_>>(), [17, 18, 40, 200]);
        assert_eq!(after.changed(&between).collect::<Vec<_>>(), [18]);
        assert_eq!(after.iter().count(), 100);
        assert_eq!(after.changed(&Slots::default()).count(), 101, "all that ever were");
    }

    #[test]
    fn a_place_far_up_costs_its_own_group_alone() {
        let mut slots = Slots::default();
        assert_eq!(slots.set(4094, Some(7)), None);
        assert_eq!(slots.groups.iter().flatten().count(), 1);
        let before = slots.clone();
        assert_eq!(slots.get(5), None);
        assert_eq!((slots.set(5, None), slots.set(5, Some(1))), (None, None));
        assert_eq!((slots.get(5), slots.get(4094)), (Some(&1), Some(&7)));
        assert_eq!(slots.changed(&before).collect::<Vec<_>>(), [5]);
        assert_eq!((slots.groups.iter().flatten().count(), slots.places()), (2, 4096));
    }

    /// On a stack that is smaller than what is copied.
    #[test]
    fn what_is_copied_is_not_made_on_the_stack() {
        let work = || {
            let mut slots = Slots::<[u64; 4096]>::default();
            slots.groups.resize_with(2, || None);
            assert!((0..2 * GROUP).all(|at| slots.slot(at).is_some()));
            let copy = slots.clone();
            slots.groups.resize_with(4, || None);
            assert!(slots.slot(3).is_some_and(|slot| slot.value.is_none()));
            assert_eq!(slots.changed(&copy).collect::<Vec<_>>(), [3]);
        };
        let small = std::thread::Builder::new().stack_size(384 * 1024);
        small.spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn slots_are_empty_when_all_is_taken_out() {
        let mut slots = Slots::default();
        for _ in 0..2 {
            slots.set(3, Some(3));
            slots.set(3, Some(4));
            assert!(!slots.is_empty());
            assert_eq!(slots.set(3, None), Some(4));
            assert!(slots.is_empty());
        }
    }

    #[test]
    fn a_map_is_changed_apart_from_its_copies() {
        let mut map = Shards::<u32, u32, RandomState>::default();
        assert_eq!(map.get(&1), None);
        let set =
            |map: &mut Shards<u32, u32, RandomState>, key, to| map.change(key, |_| (to != 0).then_some(to));
        (1..1000).for_each(|key| set(&mut map, key, key));
        let before = map.clone();
        (1..500).for_each(|key| set(&mut map, key, 0));
        set(&mut map, 700, 1);
        set(&mut map, 2000, 0);
        assert_eq!((before.len(), map.len()), (999, 500));
        assert_eq!((before.get(&400), map.get(&400)), (Some(&400), None));
        assert_eq!((before.get(&700), map.get(&700)), (Some(&700), Some(&1)));
        assert_eq!(map.iter().count(), 500);
        let kept = before.shards.iter().zip(map.shards.iter()).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert!(kept < SHARDS);
    }
}

//! Snapshots: what the data path reads without a lock.
//!
//! Control makes a new value and publishes it; each worker keeps the one it has read, and looks with one load
//! whether there is a newer one. What it keeps is [`Mine`]: however often it takes a handle on it, it writes nothing that
//! other workers touch.
//!
//! # Locks
//!
//! `current` is a leaf that is held for the copy of a pointer, by control to publish and by a worker only when
//! the generation has changed. # Teardown: the last reader of a value drops it.

use std::ops::Deref;
use std::sync::Arc;

use siding_netisr::sync;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering;

/// A value that is replaced as a whole. Looked at in each turn of each worker, so nothing that is written more often lies
/// beside it.
#[repr(align(128))]
pub(crate) struct Snapshot<T> {
    generation: AtomicU64,
    current: sync::Mutex<Arc<T>>,
}

/// One reader's copy of the pointer.
#[derive(Debug)]
pub(crate) struct Reader<T> {
    generation: u64,
    value: Mine<T>,
}

/// A worker's handle on a value. Its clones are counted in memory of this worker's own, so that a handle for the time of a
/// batch or of a packet costs nothing that two workers would pay for.
#[derive(Debug, Default)]
pub(crate) struct Mine<T>(Arc<Held<T>>);

/// On cache lines of its own, as is the count before it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Held<T>(Arc<T>);

impl<T> Mine<T> {
    fn new(value: Arc<T>) -> Mine<T> {
        Mine(Arc::new(Held(value)))
    }

    /// Whether both are handles on what was read at one look.
    pub(crate) fn is(&self, other: &Mine<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Clone for Mine<T> {
    fn clone(&self) -> Mine<T> {
        Mine(self.0.clone())
    }
}

impl<T> Deref for Mine<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.0
    }
}

impl<T> Snapshot<T> {
    /// A first value.
    pub(crate) fn new(value: T) -> Snapshot<T> {
        Snapshot { generation: AtomicU64::new(1), current: sync::Mutex::new(Arc::new(value)) }
    }

    /// Replaces the value. Readers see it at their next look.
    pub(crate) fn publish(&self, value: T) {
        let value = Arc::new(value);
        // The old value is dropped after the lock: it may be the last reference to much.
        let _old = std::mem::replace(&mut *sync::lock(&self.current), value);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// The value now.
    pub(crate) fn load(&self) -> Arc<T> {
        sync::lock(&self.current).clone()
    }

    /// A reader of its own.
    pub(crate) fn reader(&self) -> Reader<T> {
        let generation = self.generation.load(Ordering::Acquire);
        Reader { generation, value: Mine::new(self.load()) }
    }
}

impl<T> Reader<T> {
    /// Whether there is a newer value.
    #[inline]
    pub(crate) fn is_old(&self, snapshot: &Snapshot<T>) -> bool {
        snapshot.generation.load(Ordering::Acquire) != self.generation
    }

    /// Takes up a newer value, if there is one. True if there was.
    #[inline]
    pub(crate) fn refresh(&mut self, snapshot: &Snapshot<T>) -> bool {
        let generation = snapshot.generation.load(Ordering::Acquire);
        if generation == self.generation {
            return false;
        }
        self.take_up(snapshot, generation);
        true
    }

    #[cold]
    fn take_up(&mut self, snapshot: &Snapshot<T>, generation: u64) {
        self.generation = generation;
        self.value = Mine::new(snapshot.load());
    }

    /// A number that is another for each value that this reader has.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The value as of the last look.
    pub(crate) fn value(&self) -> &Mine<T> {
        &self.value
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn readers_see_the_newest_value_when_they_look() {
        let snapshot = Snapshot::new(1);
        let mut reader = snapshot.reader();
        assert!(!reader.refresh(&snapshot));
        snapshot.publish(2);
        assert_eq!(**reader.value(), 1);
        assert!(reader.refresh(&snapshot));
        assert_eq!((**reader.value(), *snapshot.load()), (2, 2));
    }

    #[test]
    fn a_readers_handles_are_counted_apart_from_the_value() {
        let snapshot = Snapshot::new(1);
        let (reader, other) = (snapshot.reader(), snapshot.reader());
        let (one, two) = (reader.value().clone(), reader.value().clone());
        assert!(one.is(&two) && !one.is(other.value()));
        // The snapshot's and one of each reader, and the one that looks.
        assert_eq!(Arc::strong_count(&snapshot.load()), 3 + 1);
    }
}

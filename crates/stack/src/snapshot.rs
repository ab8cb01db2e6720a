//! Snapshots: what the data path reads without a lock.
//!
//! Control makes a new value and publishes it; each worker keeps the one it has read, and looks with one load
//! whether there is a newer one.
//!
//! # Locks
//!
//! `current` is a leaf that is held for the copy of a pointer, by control to publish and by a worker only when
//! the generation has changed. # Teardown: the last reader of a value drops it.

use std::sync::Arc;

use siding_netisr::sync;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering;

/// A value that is replaced as a whole.
pub(crate) struct Snapshot<T> {
    generation: AtomicU64,
    current: sync::Mutex<Arc<T>>,
}

/// One reader's copy of the pointer.
#[derive(Debug)]
pub(crate) struct Reader<T> {
    generation: u64,
    value: Arc<T>,
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
        Reader { generation, value: self.load() }
    }
}

impl<T> Reader<T> {
    /// Takes up a newer value, if there is one. True if there was.
    pub(crate) fn refresh(&mut self, snapshot: &Snapshot<T>) -> bool {
        let generation = snapshot.generation.load(Ordering::Acquire);
        if generation == self.generation {
            return false;
        }
        self.generation = generation;
        self.value = snapshot.load();
        true
    }

    /// The value as of the last look.
    pub(crate) fn value(&self) -> &Arc<T> {
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
}

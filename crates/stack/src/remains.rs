//! Memory of an interface that has departed.
//!
//! Nothing refers to it any more but what it is given back by, and nobody waits for that: a table of 50,000 neighbours is some 10 ms
//! of work. So a thread does it that is begun for it and ends with it: the only one that the stack ever begins. It holds no lock, and lets others
//! have the core after each piece. Where there is little, or no thread to be had, whoever detaches does it before he goes on.

use std::thread;

/// Things that are to be dropped, in parts.
#[derive(Default)]
pub(crate) struct Remains {
    /// Each step drops one.
    parts: Vec<Box<dyn Iterator<Item = ()> + Send>>,
    count: usize,
}

impl Remains {
    /// So many cost about as much as to begin a thread.
    const FEW: usize = 256;

    /// Dropped at a time.
    const PIECE: usize = 256;

    pub(crate) fn add<T, I>(&mut self, things: I)
    where
        T: Send + 'static,
        I: IntoIterator<Item = T, IntoIter: ExactSizeIterator + Send + 'static>,
    {
        let things = things.into_iter();
        if things.len() > 0 {
            self.count += things.len();
            self.parts.push(Box::new(things.map(drop)));
        }
    }

    /// Gives all of it back. No lock may be held.
    pub(crate) fn give_back(self) {
        if self.count <= Self::FEW {
            return drop(self);
        }
        // If there is none to be had, this drops it.
        let _ = thread::Builder::new().name("remains".into()).spawn(move || self.in_pieces());
    }

    fn in_pieces(self) {
        for mut part in self.parts {
            while part.by_ref().take(Self::PIECE).count() == Self::PIECE {
                thread::yield_now();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::sync::Mutex;
    use std::sync::PoisonError;
    use std::thread::ThreadId;
    use std::time::Duration;
    use std::time::Instant;

    use super::*;

    type By = Arc<Mutex<HashSet<ThreadId>>>;

    struct Kept(By);

    impl Drop for Kept {
        fn drop(&mut self) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(thread::current().id());
        }
    }

    fn of(parts: &[usize]) -> (Remains, By) {
        let (mut remains, by) = (Remains::default(), By::default());
        for count in parts {
            remains.add((0..*count).map(|_| Kept(by.clone())).collect::<Vec<_>>());
        }
        (remains, by)
    }

    #[test]
    fn much_is_given_back_to_the_last_by_a_thread_that_nobody_waits_for() {
        let (remains, by) = of(&[3_000, 0, Remains::PIECE, 1]);
        remains.give_back();
        let begun = Instant::now();
        while Arc::strong_count(&by) > 1 {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} are kept", Arc::strong_count(&by) - 1);
            thread::sleep(Duration::from_millis(1));
        }
        assert!(!by.lock().unwrap().contains(&thread::current().id()));
    }

    #[test]
    fn little_is_given_back_at_once() {
        let (remains, by) = of(&[Remains::FEW - 1, 1]);
        remains.give_back();
        assert_eq!(Arc::strong_count(&by), 1);
    }
}

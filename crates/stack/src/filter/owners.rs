//! Which worker keeps the states of which bucket.
//!
//! One word for each bucket: the number of its owner and one more, or 0. Only who finds it 0 may write there, by
//! compare-and-swap, and only the owner takes it back. Nothing else is handed over with a bucket, which has no state
//! then: so no order of memory is needed beyond that of the word itself.

use siding_netisr::sync::atomic::AtomicU16;
use siding_netisr::sync::atomic::Ordering;

#[derive(Debug)]
pub(crate) struct Owners(Box<[AtomicU16]>);

impl Owners {
    /// So many buckets, of nobody.
    pub(crate) fn new(buckets: usize) -> Owners {
        Owners((0..buckets).map(|_| AtomicU16::new(0)).collect())
    }

    /// Who owns a bucket: `worker`, if nobody did. Whether that is new.
    #[inline]
    pub(crate) fn claim(&self, bucket: usize, worker: usize) -> (usize, bool) {
        let Some(word) = self.0.get(bucket) else { return (worker, false) };
        match word.load(Ordering::Relaxed) {
            0 => {
                let own = worker as u16 + 1;
                match word.compare_exchange(0, own, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => (worker, true),
                    Err(other) => (usize::from(other) - 1, false),
                }
            }
            owner => (usize::from(owner) - 1, false),
        }
    }

    /// Gives an empty bucket back.
    pub(crate) fn release(&self, bucket: usize, worker: usize) {
        if let Some(word) = self.0.get(bucket) {
            let own = worker as u16 + 1;
            // What is not ours is not given back by us.
            let _ = word.compare_exchange(own, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_one_owner_until_it_is_given_back() {
        let owners = Owners::new(4);
        assert_eq!(owners.claim(3, 1), (1, true));
        assert_eq!(owners.claim(3, 1), (1, false));
        assert_eq!(owners.claim(3, 0), (1, false), "of somebody else");
        owners.release(3, 0);
        assert_eq!(owners.claim(3, 0), (1, false), "not taken back by others");
        owners.release(3, 1);
        assert_eq!(owners.claim(3, 0), (0, true));
        assert_eq!(owners.claim(2, 1), (1, true), "each by itself");
    }

    #[test]
    fn of_many_at_once_one_wins() {
        for _ in 0..200 {
            let owners = Owners::new(1);
            let winners = std::thread::scope(|scope| {
                let claims: Vec<_> = (0..4)
                    .map(|worker| {
                        scope.spawn({
                            let owners = &owners;
                            move || owners.claim(0, worker)
                        })
                    })
                    .collect();
                claims.into_iter().map(|claim| claim.join().unwrap_or((99, false))).collect::<Vec<_>>()
            });
            assert_eq!(winners.iter().filter(|(_, new)| *new).count(), 1, "{winners:?}");
            assert!(winners.iter().all(|(owner, _)| *owner == winners[0].0), "{winners:?}");
        }
    }
}

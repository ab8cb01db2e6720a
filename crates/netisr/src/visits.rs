//! Who comes by in the stead of a worker that nobody holds, so that who claims it for good can wait for that.

// Outside the facade: what a visit does is ordered by the claim.
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering;

/// Counts those who come by in a worker's stead.
#[derive(Default)]
pub(crate) struct Visits {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

/// One of them, until it is dropped.
pub(crate) struct Visit<'v>(&'v Visits);

impl Visits {
    /// A visit is short, unless it is the embedder's code that takes its time; or is what asks.
    pub(crate) const PATIENCE: usize = 10_000;

    pub(crate) fn begin(&self) -> Visit<'_> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Visit(self)
    }

    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// Whether somebody was, or is, on a visit since `begun` was read.
    pub(crate) fn any_since(&self, begun: usize) -> bool {
        let ended = self.ended.load(Ordering::SeqCst);
        (ended, self.begun()) != (begun, begun)
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::Visits;

    #[test]
    fn a_visit_is_seen_by_who_looks_while_it_lasts_and_afterwards() {
        let visits = Visits::default();
        let before = visits.begun();
        assert!(!visits.any_since(before), "nobody came by");
        let visit = visits.begin();
        assert!(visits.any_since(before) && visits.any_since(visits.begun()), "somebody is here");
        drop(visit);
        assert!(visits.any_since(before), "somebody was");
        assert!(!visits.any_since(visits.begun()), "nobody is any more");
    }
}

//! Drops by interface: each interface has its counters, and what those that have gone have counted is not lost.
//!
//! Whoever drops writes to a line of its own alone. What is read adds up: a packet is counted once, for its interface or for
//! none, and when an interface goes, its counts are added to those of all that have gone.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use siding_netisr::IfId;

use super::DropReason;
use super::Drops;

/// The drops of one interface, or those of none: a line for each worker, and one for control threads.
#[derive(Debug)]
pub struct IfDrops(Box<[Drops]>);

impl IfDrops {
    fn new(workers: usize) -> IfDrops {
        IfDrops((0..=workers).map(|_| Drops::default()).collect())
    }

    /// Counts packets that a worker drops. To be called by that worker only.
    pub(crate) fn add(&self, worker: usize, cause: DropReason, packets: u64) {
        self.0[worker].add(cause, packets);
    }

    /// Counts a packet that a control thread drops.
    pub(crate) fn count(&self, cause: DropReason) {
        self.0[self.0.len() - 1].count(cause);
    }

    /// How many packets were dropped for `cause`.
    pub fn of(&self, cause: DropReason) -> u64 {
        self.0.iter().map(|line| line.of(cause)).sum()
    }
}

/// Whose packets were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Those of an interface that is there: by which they came in, or were to leave, if that is where it failed.
    Interface(IfId),
    /// Those of none: our own, before their way was known, and what named an interface that was there no more.
    Nobody,
    /// Those of interfaces that have gone since.
    Departed,
}

/// All drops of a stack.
#[derive(Debug)]
pub(crate) struct Ledger {
    workers: usize,
    none: IfDrops,
    /// Asked for when an interface is attached and by who reads; never by who drops. A lock of the system's: those of the
    /// facility are the model checkers' business, and nothing depends on this one.
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    interfaces: Vec<(IfId, Arc<IfDrops>)>,
    departed: Vec<u64>,
}

impl Kept {
    /// Adds up what interfaces have counted that nobody refers to any more.
    fn fold(&mut self) {
        let departed = &mut self.departed;
        self.interfaces.retain_mut(|(_, drops)| match Arc::get_mut(drops) {
            // Who asks like this sees all that was counted through the handles that have gone.
            Some(drops) => {
                add(departed, drops);
                false
            }
            None => true,
        });
    }
}

fn add(to: &mut Vec<u64>, drops: &IfDrops) {
    to.resize(DropReason::all().count(), 0);
    to.iter_mut().zip(DropReason::all()).for_each(|(sum, cause)| *sum += drops.of(cause));
}

impl Ledger {
    pub(crate) fn new(workers: usize) -> Ledger {
        Ledger { workers, none: IfDrops::new(workers), kept: Mutex::default() }
    }

    /// The counters of a new interface. They count for as long as it is anywhere.
    pub(crate) fn open(&self, id: IfId) -> Arc<IfDrops> {
        let drops = Arc::new(IfDrops::new(self.workers));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.fold();
        kept.interfaces.push((id, drops.clone()));
        drops
    }

    /// The counters of what has no interface.
    pub(crate) fn none(&self) -> &IfDrops {
        &self.none
    }

    /// How many packets were dropped for `cause`, whosoever they were.
    pub(crate) fn of(&self, cause: DropReason) -> u64 {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let departed = kept.departed.get(cause.index()).copied().unwrap_or(0);
        let there: u64 = kept.interfaces.iter().map(|(_, drops)| drops.of(cause)).sum();
        self.none.of(cause) + there + departed
    }

    /// All of them: for each one whose packets were dropped, the counts in the order of [`DropReason::all`]. An interface
    /// that `is_there` does not know counts as departed, be it that somebody refers to it yet.
    pub(crate) fn read(&self, is_there: impl Fn(IfId) -> bool) -> Vec<(Whose, Vec<u64>)> {
        let counts = |drops: &IfDrops| DropReason::all().map(|cause| drops.of(cause)).collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.fold();
        let mut departed = kept.departed.clone();
        let mut all = vec![(Whose::Nobody, counts(&self.none))];
        for (id, drops) in &kept.interfaces {
            match is_there(*id) {
                true => all.push((Whose::Interface(*id), counts(drops))),
                false => add(&mut departed, drops),
            }
        }
        all.push((Whose::Departed, departed));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(ledger: &Ledger, there: &[IfId]) -> Vec<(Whose, u64)> {
        let sum = |(whose, counts): (Whose, Vec<u64>)| (whose, counts.iter().sum());
        ledger.read(|id| there.contains(&id)).into_iter().map(sum).collect()
    }

    #[test]
    fn what_an_interface_counted_stays_counted_when_it_has_gone() {
        super::super::settle(
            crate::protocols::PROTOCOLS.iter().flat_map(|protocol| protocol.causes().iter().copied()),
        );
        let (ledger, cause) = (Ledger::new(2), DropReason::HopLimit);
        let [one, two] = [1, 2].map(|slot| IfId::from_u64(1 << 16 | slot));
        let (first, second) = (ledger.open(one), ledger.open(two));
        first.add(0, cause, 5);
        first.add(1, DropReason::NoRoute, 1);
        first.count(cause);
        second.add(1, cause, 10);
        ledger.none().count(cause);
        let (a, b) = (Whose::Interface(one), Whose::Interface(two));
        assert_eq!(told(&ledger, &[one, two]), [(Whose::Nobody, 1), (a, 7), (b, 10), (Whose::Departed, 0)]);
        // Gone from the configuration, and some worker drops for it yet.
        assert_eq!(told(&ledger, &[two]), [(Whose::Nobody, 1), (b, 10), (Whose::Departed, 7)]);
        first.add(0, cause, 1);
        assert_eq!((told(&ledger, &[two])[2].1, ledger.of(cause)), (8, 18));
        drop(first);
        for _ in 0..2 {
            assert_eq!(told(&ledger, &[two]), [(Whose::Nobody, 1), (b, 10), (Whose::Departed, 8)]);
            assert_eq!((ledger.of(cause), ledger.of(DropReason::NoRoute)), (18, 1));
        }
        assert_eq!(ledger.kept.lock().unwrap().interfaces.len(), 1, "nothing is kept of one that has gone");
    }
}

//! What was dropped: the stack's account of it, and the drivers', with how fast it grows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use siding_drivers::Counters;

use crate::control::DropRow;
use crate::control::Dropper;
use crate::rate::rates;

/// Rates are told over no less than this, be it that several look at a time.
const SHORTEST: Duration = Duration::from_secs(1);

/// What has to be kept for that: devices' counters until they have been added up, and what was told at the last looks.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    devices: Mutex<Devices>,
    looks: Mutex<Looks>,
}

#[derive(Debug, Default)]
struct Devices {
    open: Vec<(String, Arc<Counters>)>,
    /// What devices have dropped that are closed.
    closed: BTreeMap<&'static str, u64>,
}

/// The last look, and the last that is old enough for a rate.
#[derive(Debug, Default)]
struct Looks {
    last: Option<(Instant, Vec<DropRow>)>,
    before: Option<(Instant, Vec<DropRow>)>,
}

impl Drops {
    /// A device of this interface counts there from now on.
    pub(crate) fn watch(&self, interface: &str, counters: &[Arc<Counters>]) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.fold();
        devices.open.extend(counters.iter().map(|counters| (interface.to_owned(), counters.clone())));
    }

    /// What drivers have dropped, and what they have not met yet.
    pub(crate) fn rows(&self) -> Vec<DropRow> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.fold();
        let mut sums: BTreeMap<(Option<&str>, &'static str), u64> = BTreeMap::new();
        for (interface, counters) in &devices.open {
            for (cause, count) in counters.stats().drops() {
                *sums.entry((Some(interface), cause)).or_default() += count;
            }
        }
        sums.extend(devices.closed.iter().map(|(cause, count)| ((None, *cause), *count)));
        let row = |((interface, cause), count): ((Option<&str>, &str), u64)| DropRow {
            departed: interface.is_none(),
            interface: interface.map(str::to_owned),
            by: Dropper::Driver,
            cause: cause.to_owned(),
            count,
            per_second: None,
            over_s: None,
        };
        sums.into_iter().map(row).collect()
    }

    /// Puts rates to what is told now, since the last look before.
    pub(crate) fn look(&self, now: Instant, mut rows: Vec<DropRow>) -> Vec<DropRow> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |look: &Option<(Instant, Vec<DropRow>)>| {
            look.as_ref().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= SHORTEST)
        };
        if is_old(&looks.last) {
            looks.before = looks.last.take();
        }
        if looks.last.is_none() {
            looks.last = Some((now, rows.clone()));
        }
        if let Some((at, before)) = &looks.before {
            rates(&mut rows, before, now.saturating_duration_since(*at));
        }
        rows
    }
}

impl Devices {
    /// Adds up what is told by counters that nobody writes any more.
    fn fold(&mut self) {
        let closed = &mut self.closed;
        self.open.retain_mut(|(_, counters)| match Arc::get_mut(counters) {
            // Who asks like this sees all that was counted through the handles that have gone.
            Some(counters) => {
                let stats = counters.stats();
                stats.drops().for_each(|(cause, count)| *closed.entry(cause).or_default() += count);
                false
            }
            None => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use siding_drivers::Count;

    use super::*;

    fn row(interface: Option<&str>, count: u64) -> DropRow {
        DropRow { interface: interface.map(str::to_owned), count, ..DropRow::stack("hop-limit") }
    }

    #[test]
    fn rates_are_since_the_last_look_that_is_a_second_old() {
        let (drops, begun) = (Drops::default(), Instant::now());
        let look = |ms: u64, count: u64| {
            let rows = vec![row(Some("eth0"), count), DropRow { departed: true, ..row(None, 1000 * count) }];
            let rows = drops.look(begun + Duration::from_millis(ms), rows);
            assert_eq!(rows[1].per_second, None, "of those that have gone");
            rows[0].per_second
        };
        assert_eq!(look(0, 10), None, "there is nothing to compare with");
        assert_eq!(look(500, 20), None);
        assert_eq!(look(2000, 50), Some(20.0), "since the first");
        assert_eq!(look(2500, 60), Some(20.0), "somebody else has just looked");
        assert_eq!(look(4000, 90), Some(20.0), "since that at 2 s");
        assert_eq!(look(8000, 4), Some(1.0), "the interface is another");
    }

    #[test]
    fn what_a_device_dropped_that_is_closed_stays_counted() {
        let (drops, counters) = (Drops::default(), Arc::new(Counters::default()));
        drops.watch("eth0", std::slice::from_ref(&counters));
        counters.add(Count::TxTooBig, 3);
        counters.add(Count::TxFrames, 9);
        let told = |drops: &Drops| {
            let row = |row: DropRow| (row.interface, row.departed, row.cause, row.count);
            drops.rows().into_iter().filter(|row| row.count > 0).map(row).collect::<Vec<_>>()
        };
        assert_eq!(told(&drops), [(Some("eth0".into()), false, "tx-too-big".into(), 3)]);
        drop(counters);
        assert_eq!(told(&drops), [(None, true, "tx-too-big".into(), 3)]);
        assert_eq!(told(&drops), [(None, true, "tx-too-big".into(), 3)], "and is counted once");
    }
}

//! Figures, as rows have them.

use std::collections::BTreeMap;
use std::time::Duration;

use siding_netisr::Refusals;

/// A time in nanoseconds.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A count by its name.
pub(crate) fn named((name, count): (&str, u64)) -> (String, u64) {
    (name.to_owned(), count)
}

/// Packets that a queue did not take, by cause.
pub(crate) fn refused(refusals: &Refusals) -> BTreeMap<String, u64> {
    refusals.iter().map(|(cause, count)| named((cause.name(), count))).collect()
}
